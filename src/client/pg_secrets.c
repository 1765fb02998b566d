/*-------------------------------------------------------------------------
 *
 * pg_secrets.c
 *	  Takes passwords out of definitions of a PostgreSQL source.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "client/pg_secrets.h"

#include <libpq-fe.h>

#include "commands/defrem.h"
#include "lib/stringinfo.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"
#include "utils/builtins.h"

/*
 * A connection string of libpq (or a URI) without what is secret in it, as
 * key='value' pairs; *had: there was something. NULL: it is none.
 */
static char *
conninfo_without_secrets(const char *conninfo, bool *had)
{
	PQconninfoOption *options = PQconninfoParse(conninfo, NULL);
	StringInfoData buf;

	*had = false;
	if (options == NULL)
		return NULL;
	initStringInfo(&buf);
	for (PQconninfoOption *o = options; o->keyword != NULL; o++)
	{
		if (o->val == NULL)
			continue;
		if (strchr(o->dispchar, '*') != NULL)
		{
			*had = true;
			continue;
		}
		appendStringInfo(&buf, "%s%s='", buf.len > 0 ? " " : "", o->keyword);
		for (const char *c = o->val; *c; c++)
			appendStringInfo(&buf, "%s%c", *c == '\'' || *c == '\\' ? "\\" : "", *c);
		appendStringInfoChar(&buf, '\'');
	}
	PQconninfoFree(options);
	return buf.data;
}

/* What follows a string literal. */
static const char *
behind_literal(const char *c)
{
	bool		escapes = *c == 'E' || *c == 'e';

	c += escapes ? 2 : 1;
	while (*c)
	{
		if (escapes && *c == '\\' && c[1] != '\0')
			c += 2;
		else if (*c == '\'' && c[1] == '\'')
			c += 2;
		else if (*c == '\'')
			return c + 1;
		else
			c++;
	}
	return c;
}

static char *
subscription(const char *sql, const CreateSubscriptionStmt *st)
{
	bool		had;
	char	   *plain = conninfo_without_secrets(st->conninfo, &had);
	char	   *begin = psprintf("CREATE SUBSCRIPTION %s CONNECTION ",
								 quote_identifier(st->subname));
	const char *rest = NULL;

	if (plain != NULL && !had)
		return NULL;
	if (strncmp(sql, begin, strlen(begin)) == 0)
		rest = behind_literal(sql + strlen(begin));
	/* what is no connection string is not shown at all */
	return psprintf("CREATE SUBSCRIPTION %s CONNECTION %s%s",
					quote_identifier(st->subname),
					quote_literal_cstr(plain ? plain : ""), rest ? rest : "");
}

static char *
user_mapping(const CreateUserMappingStmt *st)
{
	StringInfoData buf;
	bool		had = false;
	int			n = 0;
	ListCell   *lc;

	initStringInfo(&buf);
	appendStringInfo(&buf, "CREATE USER MAPPING FOR %s SERVER %s",
					 st->user->roletype == ROLESPEC_CSTRING ?
					 quote_identifier(st->user->rolename) : "PUBLIC",
					 quote_identifier(st->servername));
	foreach(lc, st->options)
	{
		DefElem    *def = lfirst_node(DefElem, lc);

		if (strstr(def->defname, "pass") != NULL || strstr(def->defname, "secret") != NULL)
		{
			had = true;
			continue;
		}
		appendStringInfo(&buf, "%s%s %s", n++ ? ", " : " OPTIONS (",
						 quote_identifier(def->defname),
						 quote_literal_cstr(defGetString(def)));
	}
	appendStringInfoString(&buf, n ? ");" : ";");
	return had ? buf.data : NULL;
}

char *
pg_without_secrets(const char *sql)
{
	List	   *parsed = raw_parser(sql, RAW_PARSE_DEFAULT);
	Node	   *tree;

	if (list_length(parsed) != 1)
		return NULL;
	tree = linitial_node(RawStmt, parsed)->stmt;
	if (IsA(tree, CreateSubscriptionStmt))
		return subscription(sql, (CreateSubscriptionStmt *) tree);
	if (IsA(tree, CreateUserMappingStmt))
		return user_mapping((CreateUserMappingStmt *) tree);
	return NULL;
}
