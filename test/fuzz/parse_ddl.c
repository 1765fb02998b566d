/*
 * parse_ddl.c
 *	  Parses the statements of files and prints what became of each. A file
 *	  has one statement for each ";" at the end of a line; of a mysqltest
 *	  script (--mysqltest) the CREATE, ALTER, DROP, RENAME and TRUNCATE
 *	  statements on tables and indexes are taken, and only counted.
 */
#include "ddl_dump.h"

#include <ctype.h>

#include "source/mysql/binlog_query.h"

static bool mysqltest = false;
static bool quiet = false;
static bool mysql = false;
static long counts[2];
static FILE *out;

static char *
slurp(const char *name)
{
	FILE	   *f = fopen(name, "rb");
	char	   *data;
	long		size;

	if (f == NULL)
	{
		perror(name);
		exit(1);
	}
	fseek(f, 0, SEEK_END);
	size = ftell(f);
	rewind(f);
	data = calloc(1, size + 1);
	if (fread(data, 1, size, f) != (size_t) size)
		exit(1);
	fclose(f);
	return data;
}

static void
parse(const char *sql)
{
	DdlInput	input = {0};
	BinlogStatement stmt;
	bool		ok;

	binlog_classify(sql, strlen(sql), 0, &stmt);
	if (mysqltest && (!binlog_stmt_is_ddl(stmt.kind) || stmt.temporary))
		return;
	input.sql = sql;
	input.schema = "test";
	input.dialect.mariadb = !mysql;
	input.dialect.version = mysql ? 90000 : 101119;
	if (!mysqltest)
		printf("%s\n", sql);
	ok = dump_ddl(out, &input);
	if (mysqltest && !quiet && !ok)
		printf("   %.300s\n", sql);
	counts[ok]++;
}

/* One statement of a script, with the comments before it taken off. */
static void
statement(char *sql, bool fails)
{
	char	   *p = sql;

	for (;;)
	{
		while (isspace((unsigned char) *p))
			p++;
		if (*p != '#' && !(p[0] == '-' && p[1] == '-'))
			break;
		while (*p != '\0' && *p != '\n')
			p++;
	}
	/* a variable of the script stands for anything */
	if (*p == '\0' || (mysqltest && (fails || strchr(p, '$') != NULL)))
		return;
	parse(p);
}

/*
 * Where a statement of a script ends: at the delimiter, outside of quotes and
 * comments. NULL: nowhere.
 */
static char *
find_end(char *p, const char *delimiter)
{
	size_t		len = strlen(delimiter);
	char		quote = 0;

	for (; *p != '\0'; p++)
	{
		if (quote != 0)
		{
			if (*p == '\\' && quote != '`' && p[1] != '\0')
				p++;
			else if (*p == quote)
				quote = 0;
		}
		else if (strncmp(p, delimiter, len) == 0)
			return p;
		else if (*p == '\'' || *p == '"' || *p == '`')
			quote = *p;
		else if (*p == '#' || (p[0] == '-' && p[1] == '-' && isspace((unsigned char) p[2])))
		{
			while (p[1] != '\0' && p[1] != '\n')
				p++;
		}
		else if (p[0] == '/' && p[1] == '*' && p[2] != '!' && p[2] != 'M')
		{
			char	   *close = strstr(p + 2, "*/");

			if (close == NULL)
				return NULL;
			p = close + 1;
		}
	}
	return NULL;
}

static bool
is_command(const char *line, const char *command)
{
	return strncasecmp(line, command, strlen(command)) == 0 &&
		isspace((unsigned char) line[strlen(command)]);
}

/*
 * A script of mysqltest: lines that begin with "--" are commands, "error"
 * before a statement means that it fails, "delimiter" sets another one.
 */
static void
read_script(char *p)
{
	char		delimiter[16] = ";";
	bool		fails = false;

	while (*p != '\0')
	{
		char	   *eol = strchr(p, '\n');
		char	   *end;

		while (isspace((unsigned char) *p))
			p++;
		eol = strchr(p, '\n');
		if (*p == '\0')
			break;
		if (*p == '#' || (p[0] == '-' && p[1] == '-'))
		{
			char	   *command = p + 2;

			while (*command == ' ')
				command++;
			/* a statement that is to fail need not be understood */
			if (*p == '-' && is_command(command, "error"))
				fails = true;
			if (*p == '-' && is_command(command, "delimiter"))
				(void) sscanf(command + 10, "%15s", delimiter);
			if (eol == NULL)
				break;
			p = eol + 1;
			continue;
		}
		end = find_end(p, delimiter);
		if (end == NULL)
			break;
		if (is_command(p, "delimiter"))
		{
			char		word[16] = "";

			*end = '\0';
			(void) sscanf(p + 10, "%15s", word);
			p = end + strlen(delimiter);
			if (word[0] != '\0')
				strcpy(delimiter, word);
			continue;
		}
		*end = '\0';
		if (is_command(p, "error"))
			fails = true;
		else
		{
			statement(p, fails);
			fails = false;
		}
		p = end + strlen(delimiter);
	}
}

int
main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
	{
		char	   *data;
		char	   *line;
		char	   *start = NULL;

		if (strcmp(argv[i], "--mysqltest") == 0)
			mysqltest = true;
		else if (strcmp(argv[i], "--quiet") == 0)
			quiet = true;
		else if (strcmp(argv[i], "--mysql") == 0)
			mysql = true;
		if (argv[i][0] == '-')
			continue;
		if (out == NULL)
			out = quiet ? fopen("/dev/null", "w") : stdout;
		data = slurp(argv[i]);
		if (mysqltest)
		{
			read_script(data);
			free(data);
			continue;
		}
		for (line = data; line != NULL && *line != '\0';)
		{
			char	   *next = strchr(line, '\n');
			char	   *end = next ? next : line + strlen(line);

			if (start == NULL)
				start = line;
			while (end > line && isspace((unsigned char) end[-1]))
				end--;
			if (end > line && end[-1] == ';')
			{
				char	   *sql = strndup(start, end - 1 - start);

				statement(sql, false);
				free(sql);
				start = NULL;
			}
			line = next ? next + 1 : NULL;
		}
		free(data);
	}
	if (mysqltest)
		printf("%ld statements: %ld translated, %ld refused by name\n",
			   counts[0] + counts[1], counts[1], counts[0]);
	return 0;
}
