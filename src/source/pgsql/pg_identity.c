/*-------------------------------------------------------------------------
 *
 * pg_identity.c
 *	  Replica identities that a task sets at a PostgreSQL source, and puts back
 *	  when it ends.
 *
 * A published table whose log does not say which row an UPDATE or DELETE means
 * refuses both to its applications. With option replica_identity = full the
 * task gives such a table REPLICA IDENTITY FULL, and notes in a table of its
 * own at the source (see pg_capture_sql.c) what it had before; the capture of
 * DDL does the same for tables that are new, or lose their key.
 *
 *	  start:    note and ALTER TABLE … REPLICA IDENTITY FULL, in one transaction
 *	  release:  what is noted and is still FULL gets back what it had
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "source/pgsql/pg_engine.h"

#include "utils/builtins.h"

/* A table waits for so long for others to let go of it, ms. */
#define LOCK_WAIT_MS 5000

static char *
notes_table(PgConn *conn)
{
	return pg_quote_qualified("dtsmig_source",
							  psprintf("%s_identity", pg_info(conn)->stream_name));
}

/*
 * Of the tables named, those that need it: schema, name, OID, identity. Since
 * 18 an identity must not hold virtual columns: such a table is left to
 * pg_publish, which says so.
 */
static PgResult *
without_identity(PgConn *conn, List *tables)
{
	return pg_selectf(conn, "tables without replica identity", "ttot",
					  "SELECT n.nspname, c.relname, c.oid, c.relreplident "
					  "FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n "
					  "ON n.oid = c.relnamespace WHERE c.relkind = 'r' "
					  "AND c.relpersistence = 'p' AND (n.nspname, c.relname) IN (%s) "
					  "AND CASE c.relreplident WHEN 'f' THEN false "
					  "%s "
					  "WHEN 'd' THEN NOT EXISTS (SELECT FROM pg_catalog.pg_index i WHERE "
					  "i.indrelid = c.oid AND i.indisprimary AND i.indisvalid AND i.indimmediate) "
					  "WHEN 'i' THEN NOT EXISTS (SELECT FROM pg_catalog.pg_index i WHERE "
					  "i.indrelid = c.oid AND i.indisreplident AND i.indisvalid AND i.indimmediate) "
					  "ELSE true END AND NOT %s ORDER BY 1, 2", pg_table_values(tables),
					  pg_info(conn)->set_identities ? "WHEN c.relreplident THEN true" : "",
					  pg_version_num(conn) < 180000 ? "false" :
					  "EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE "
					  "a.attrelid = c.oid AND a.attgenerated = 'v' AND NOT a.attisdropped)");
}

char *
pg_set_identities(PgConn *conn, List *tables)
{
	PgResult   *r;
	StringInfoData names;

	if (tables == NIL)
		return NULL;
	r = without_identity(conn, tables);
	if (r->nrows == 0)
		return NULL;
	pg_run(conn, pg_identity_table_sql(conn));
	initStringInfo(&names);
	for (int i = 0; i < r->nrows; i++)
	{
		char	   *name = pg_quote_qualified(pg_text(r, i, 0), pg_text(r, i, 1));
		ErrorData  *edata;

		/* one query is one transaction */
		if (!pg_try_run(conn, psprintf("SET LOCAL lock_timeout = %d; "
									   "INSERT INTO %s (relid, was) VALUES (%u, %s) ON CONFLICT DO NOTHING; "
									   "ALTER TABLE %s REPLICA IDENTITY FULL",
									   LOCK_WAIT_MS, notes_table(conn), pg_oid(r, i, 2),
									   pg_quote_literal(pg_text(r, i, 3)), name), &edata))
			ereport(ERROR,
					(errcode(edata->sqlerrcode),
					 errmsg("table %s at the source cannot be given REPLICA IDENTITY FULL: %s",
							name, edata->message),
					 errdetail("Option replica_identity of the task is %s.",
							   pg_info(conn)->set_identities ? "all" : "full"),
					 errhint("Let its owner run at the source: ALTER TABLE %s REPLICA IDENTITY FULL;",
							 name)));
		appendStringInfo(&names, "%s%s", names.len ? ", " : "", name);
	}
	return psprintf("REPLICA IDENTITY FULL is set at the source, until the task is released, for tables%s: %s.",
					pg_info(conn)->set_identities ? "" : " without a key", names.data);
}

static bool
has_notes(PgConn *conn)
{
	return pg_select_text_or_null(conn, "replica identities set",
								  psprintf("SELECT pg_catalog.to_regclass(%s)",
										   pg_quote_literal(notes_table(conn)))) != NULL;
}

List *
pg_identities_back(PgConn *conn, char **note)
{
	PgResult   *r;
	List	   *sql = NIL;
	StringInfoData names;

	*note = NULL;
	if (!has_notes(conn))
		return NIL;
	/* a task of an earlier version has not noted what it was */
	r = pg_selectf(conn, "replica identities set", "ttb",
				   "SELECT n.nspname, c.relname, "
				   "COALESCE(pg_catalog.to_jsonb(i) ->> 'was' = 'n', false) FROM %s i "
				   "JOIN pg_catalog.pg_class c ON c.oid = i.relid "
				   "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
				   "WHERE c.relreplident = 'f' ORDER BY 1, 2", notes_table(conn));
	if (r->nrows == 0)
		return NIL;
	initStringInfo(&names);
	for (int i = 0; i < r->nrows; i++)
	{
		char	   *name = pg_quote_qualified(pg_text(r, i, 0), pg_text(r, i, 1));

		sql = lappend(sql, psprintf("ALTER TABLE %s REPLICA IDENTITY %s", name,
									pg_bool(r, i, 2) ? "NOTHING" : "DEFAULT"));
		appendStringInfo(&names, "%s%s", names.len ? ", " : "", name);
	}
	*note = psprintf("replica identities at the source are what they were before the task: %s",
					 names.data);
	return sql;
}
