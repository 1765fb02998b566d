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

int
main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
	{
		char	   *data;
		char	   *line;
		char	   *start = NULL;
		bool		fails = false;

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
		for (line = data; line != NULL && *line != '\0';)
		{
			char	   *next = strchr(line, '\n');
			char	   *end = next ? next : line + strlen(line);

			if (start == NULL)
			{
				start = line;
				/* a statement that is to fail need not be understood */
				if (mysqltest && (strncmp(line, "--error", 7) == 0 ||
								  strncmp(line, "-- error", 8) == 0 ||
								  strncmp(line, "error ", 6) == 0))
					fails = true;
				if (mysqltest && (line[0] == '-' || line[0] == '#' ||
								  line == end))
				{
					start = NULL;
					line = next ? next + 1 : NULL;
					continue;
				}
			}
			while (end > line && isspace((unsigned char) end[-1]))
				end--;
			if (end > line && end[-1] == ';')
			{
				char	   *sql = strndup(start, end - 1 - start);

				statement(sql, fails);
				free(sql);
				start = NULL;
				fails = false;
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
