/*-------------------------------------------------------------------------
 *
 * pg_grants.c
 *	  Owners and grants: of those roles that the destination has.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "source/pgsql/pg_objects.h"

#include "nodes/parsenodes.h"
#include "parser/parser.h"
#include "utils/acl.h"
#include "utils/builtins.h"

/* Kinds of entries that have an owner, as pg_restore knows them. */
static const char *const owned_kinds[] = {
	"AGGREGATE", "COLLATION", "CONVERSION", "DOMAIN", "EVENT TRIGGER",
	"FOREIGN DATA WRAPPER", "FOREIGN TABLE", "FUNCTION", "MATERIALIZED VIEW",
	"OPERATOR", "OPERATOR CLASS", "OPERATOR FAMILY", "PROCEDURAL LANGUAGE",
	"PROCEDURE", "PUBLICATION", "SCHEMA", "SEQUENCE", "SERVER", "STATISTICS",
	"SUBSCRIPTION", "TABLE", "TEXT SEARCH CONFIGURATION",
	"TEXT SEARCH DICTIONARY", "TYPE", "VIEW"
};

char *
pg_owner_statement(const PgEntry *entry)
{
	int			len = strlen(entry->drop);

	/* an identity column's sequence goes with its table */
	if (entry->owner[0] == '\0' || strncmp(entry->drop, "DROP ", 5) != 0)
		return NULL;
	while (len > 0 && (entry->drop[len - 1] == '\n' || entry->drop[len - 1] == ';'))
		len--;
	for (int i = 0; i < lengthof(owned_kinds); i++)
		if (strcmp(entry->kind, owned_kinds[i]) == 0)
			return psprintf("ALTER %.*s OWNER TO %s;", len - 5, entry->drop + 5,
							quote_identifier(entry->owner));
	return NULL;
}

static bool
role_is_known(RoleSpec *role, List **missing)
{
	ListCell   *lc;

	if (role->roletype != ROLESPEC_CSTRING ||
		OidIsValid(get_role_oid(role->rolename, true)))
		return true;
	foreach(lc, *missing)
		if (strcmp(lfirst(lc), role->rolename) == 0)
			return false;
	*missing = lappend(*missing, role->rolename);
	return false;
}

static bool
roles_are_known(List *roles, List **missing)
{
	bool		known = true;
	ListCell   *lc;

	foreach(lc, roles)
		known &= role_is_known(lfirst(lc), missing);
	return known;
}

/* May this statement of a GRANT entry be run? */
static bool
statement_is_known(Node *stmt, List **missing)
{
	if (IsA(stmt, GrantStmt))
		return roles_are_known(((GrantStmt *) stmt)->grantees, missing);
	if (IsA(stmt, AlterDefaultPrivilegesStmt))
	{
		AlterDefaultPrivilegesStmt *alter = (AlterDefaultPrivilegesStmt *) stmt;
		bool		known = roles_are_known(alter->action->grantees, missing);
		ListCell   *lc;

		foreach(lc, alter->options)
		{
			DefElem    *def = lfirst(lc);

			if (strcmp(def->defname, "roles") == 0)
				known &= roles_are_known((List *) def->arg, missing);
		}
		return known;
	}
	/*
	 * SET SESSION AUTHORIZATION: all is granted by the owner at the destination
	 */
	return false;
}

List *
pg_missing_policy_roles(const char *sql)
{
	List	   *missing = NIL;
	ListCell   *lc;

	foreach(lc, raw_parser(sql, RAW_PARSE_DEFAULT))
	{
		RawStmt    *raw = lfirst(lc);

		if (IsA(raw->stmt, CreatePolicyStmt))
			(void) roles_are_known(((CreatePolicyStmt *) raw->stmt)->roles,
								   &missing);
	}
	return missing;
}

char *
pg_grants_of_known_roles(const char *sql, List **missing)
{
	StringInfoData buf;
	ListCell   *lc;

	initStringInfo(&buf);
	foreach(lc, raw_parser(sql, RAW_PARSE_DEFAULT))
	{
		RawStmt    *raw = lfirst(lc);
		const char *text = sql + raw->stmt_location;
		int			len = raw->stmt_len > 0 ? raw->stmt_len : strlen(text);

		while (len > 0 && (*text == '\n' || *text == ' '))
		{
			text++;
			len--;
		}
		if (statement_is_known(raw->stmt, missing))
			appendStringInfo(&buf, "%s%.*s;", buf.len ? "\n" : "", len, text);
	}
	return buf.data;
}
