/*-------------------------------------------------------------------------
 *
 * pg_precheck.c
 *	  The precheck of a PostgreSQL source: the server, its settings and what
 *	  its account may do. Tables are in pg_precheck_tables.c.
 *
 * Every item that does not pass says what to run; SQL where that is SQL.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "source/pgsql/pg_precheck_impl.h"

#include "core/one_statement.h"
#include "store/sql.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/guc.h"

/* A transaction that has been open for so many seconds may stay so. */
#define LONG_TRANSACTION 10

PrecheckItem *
pg_precheck_add(PgPrecheck *p, const char *item, const char *status,
				const char *found, const char *advice)
{
	return precheck_add(&p->items, item, status, found, advice);
}

PrecheckItem *
pg_precheck_rows(PgPrecheck *p, const char *item, const char *status,
				 const char *text, const char *passed, const char *advice,
				 const char *sql)
{
	PgResult   *r = pg_select(p->conn, item, "tT", sql);
	StringInfoData found;
	PrecheckItem *i;

	if (r->nrows == 0)
	{
		(void) pg_precheck_add(p, item, PRECHECK_PASSED, passed, NULL);
		return NULL;
	}
	initStringInfo(&found);
	appendStringInfo(&found, "%s: ", text);
	i = pg_precheck_add(p, item, status, NULL, advice);
	for (int n = 0; n < r->nrows; n++)
	{
		if (n < PRECHECK_SHOWN)
			appendStringInfo(&found, "%s%s", n ? ", " : "", pg_text(r, n, 0));
		if (!pg_is_null(r, n, 1))
			precheck_sql(i, AT_SOURCE, "%s", pg_text(r, n, 1));
	}
	if (r->nrows > PRECHECK_SHOWN)
		appendStringInfo(&found, " and %d more", r->nrows - PRECHECK_SHOWN);
	i->found = found.data;
	return i;
}

/* NULL: this version does not have it */
static char *
setting_or_null(PgPrecheck *p, const char *name)
{
	return pg_select_text_or_null(p->conn, name,
								  psprintf("SELECT pg_catalog.current_setting(%s, true)",
										   pg_quote_literal(name)));
}

static char *
setting(PgPrecheck *p, const char *name)
{
	return pg_select_text(p->conn, name,
						  psprintf("SELECT pg_catalog.current_setting(%s, true)",
								   pg_quote_literal(name)));
}

static int
count(PgPrecheck *p, const char *name, const char *sql)
{
	return (int) pg_bigint(pg_select(p->conn, name, "i", sql), 0, 0);
}

/* ------------------------------------------------------------ the server */

static void
check_version(PgPrecheck *p)
{
	int			source = pg_version_num(p->conn) / 10000;
	int			dest = atoi(GetConfigOption("server_version_num", false, false)) / 10000;

	/* one older than 10 is refused when it is connected to */
	if (source > dest)

		/*
		 * Its schema cannot be read, which another item says; rows can be
		 * written into tables that exist.
		 */
		pg_precheck_add(p, "source_version", PRECHECK_WARNING,
						psprintf("the source is PostgreSQL %d, and the destination older: %d; no schema can be migrated, and DDL may be such as this version does not know",
								 source, dest),
						psprintf("Use a destination of version %d or later.", source));
	else
		pg_precheck_add(p, "source_version", PRECHECK_PASSED,
						psprintf("PostgreSQL %d, into %d", source, dest), NULL);
}

/* Host and port of a standby's primary, if they are this account's to see. */
static PgResult *
primary_of(PgPrecheck *p)
{
	return pg_select(p->conn, "primary", "ti", pg_version_num(p->conn) >= 110000 ?
					 "SELECT sender_host, sender_port FROM pg_catalog.pg_stat_wal_receiver "
					 "WHERE sender_host IS NOT NULL AND sender_port IS NOT NULL" :
					 "SELECT '', 1 WHERE false");
}

static void
check_primary(PgPrecheck *p)
{
	bool		standby = pg_select_bool(p->conn, "recovery", "SELECT pg_catalog.pg_is_in_recovery()");
	char	   *read_only = setting(p, "default_transaction_read_only");
	const char *status = p->incremental ? PRECHECK_FAILED : PRECHECK_WARNING;
	PrecheckItem *item;
	PgResult   *r;

	if (standby)
	{
		item = pg_precheck_add(p, "primary", status,
							   p->incremental ?
							   "the source is a standby: no publication can be made at it" :
							   "the source is a standby: its replay may cancel a long copy",
							   "Point the server to the primary.");
		r = primary_of(p);
		if (r->nrows > 0)
			precheck_sql(item, AT_DESTINATION,
						 "ALTER SERVER %s OPTIONS (SET host %s, SET port %s)",
						 quote_identifier(pg_info(p->conn)->server_name),
						 quote_literal_cstr(pg_text(r, 0, 0)),
						 quote_literal_cstr(pg_text(r, 0, 1)));
	}
	else if (p->incremental && strcmp(read_only, "on") == 0)
	{
		item = pg_precheck_add(p, "primary", PRECHECK_FAILED,
							   "transactions at the source are read-only (default_transaction_read_only): no publication can be made",
							   "That lets the task's account make its publication and slot.");
		precheck_sql(item, AT_SOURCE, "SET default_transaction_read_only = off");
		precheck_sql(item, AT_SOURCE,
					 "ALTER ROLE %s IN DATABASE %s SET default_transaction_read_only = off",
					 pg_quote_name(p->account),
					 pg_quote_name(pg_select_text(p->conn, "database", "SELECT pg_catalog.current_database()")));
	}
	else
		pg_precheck_add(p, "primary", PRECHECK_PASSED,
						"the source is a primary server", NULL);
}

static void
check_encoding(PgPrecheck *p)
{
	char	   *encoding = setting(p, "server_encoding");
	const char *dest = GetDatabaseEncodingName();

	if (strcmp(encoding, dest) == 0)
		pg_precheck_add(p, "source_encoding", PRECHECK_PASSED,
						psprintf("%s on both sides", encoding), NULL);
	else if (strcmp(encoding, "SQL_ASCII") == 0)
		pg_precheck_add(p, "source_encoding", PRECHECK_WARNING,
						psprintf("the source's encoding is SQL_ASCII: bytes that are not valid %s stop the task",
								 dest),
						pstrdup("Fix such texts, or use a destination database with encoding SQL_ASCII."));
	else
		pg_precheck_add(p, "source_encoding",
						GetDatabaseEncoding() == PG_UTF8 ? PRECHECK_PASSED : PRECHECK_WARNING,
						psprintf("text is converted from %s to %s", encoding, dest),
						GetDatabaseEncoding() == PG_UTF8 ? NULL :
						psprintf("Use a destination database with encoding %s.", encoding));
}

/*
 * Collations of the server (others come with the schema) that columns and
 * indexes of the selected schemas name. The default one follows each
 * database's own locale.
 */
static void
check_collations(PgPrecheck *p)
{
	PgResult   *r;
	StringInfoData missing;
	PrecheckItem *item;
	bool		libc = false;
	char	   *locale;

	locale = pg_select_text(p->conn, "locale",
							"SELECT datcollate FROM pg_catalog.pg_database "
							"WHERE datname = pg_catalog.current_database()");
	initStringInfo(&missing);
	r = pg_select(p->conn, "collations", "tt",
				  psprintf("SELECT DISTINCT l.collname, l.collprovider "
								   "FROM pg_catalog.pg_attribute a "
								   "JOIN pg_catalog.pg_class c ON c.oid = a.attrelid "
								   "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
								   "JOIN pg_catalog.pg_collation l ON l.oid = a.attcollation "
								   "JOIN pg_catalog.pg_namespace ln ON ln.oid = l.collnamespace "
								   "WHERE ln.nspname = 'pg_catalog' AND l.collname <> 'default' "
								   "AND NOT a.attisdropped AND n.nspname IN (SELECT s FROM (%s) AS v(s, t)) "
								   "ORDER BY 1", p->table_list));
	for (int i = 0; i < r->nrows; i++)
	{
		StoreRows   *dest;

		dest = store_query("SELECT 1 FROM pg_catalog.pg_collation WHERE "
						   "collnamespace = 'pg_catalog'::pg_catalog.regnamespace "
						   "AND collname = $1 AND collencoding IN (-1, "
						   "pg_catalog.pg_char_to_encoding(pg_catalog.getdatabaseencoding()))",
						   "t", pg_text(r, i, 0));
		if (dest->nrows > 0)
			continue;
		appendStringInfo(&missing, "%s%s", missing.len ? ", " : "", pg_text(r, i, 0));
		libc = libc || pg_char(r, i, 1) == 'c';
	}
	if (missing.len == 0)
	{
		pg_precheck_add(p, "collations", PRECHECK_PASSED,
						psprintf("those that are named exist; the source sorts by %s, and this database by its own locale",
								 locale), NULL);
		return;
	}
	item = pg_precheck_add(p, "collations", PRECHECK_FAILED,
						   psprintf("collations that columns or indexes name do not exist at the destination: %s",
									missing.data),
						   libc ? "The operating system's locales of these names have to be installed at the destination before." :
						   "The destination has to be built with ICU.");
	precheck_sql(item, AT_DESTINATION,
				 "SELECT pg_import_system_collations('pg_catalog')");
}

/* Does a column, index or function of the user's need what is in it? */
#define EXTENSION_IN_USE \
	"EXISTS (SELECT 1 FROM pg_catalog.pg_depend m JOIN pg_catalog.pg_depend d " \
	"ON d.refclassid = m.classid AND d.refobjid = m.objid " \
	"WHERE m.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass " \
	"AND m.refobjid = e.oid AND m.deptype = 'e' AND m.classid IN (" \
	"'pg_catalog.pg_type'::pg_catalog.regclass, 'pg_catalog.pg_proc'::pg_catalog.regclass, " \
	"'pg_catalog.pg_opclass'::pg_catalog.regclass) AND d.deptype IN ('n', 'a') " \
	"AND d.classid IN ('pg_catalog.pg_class'::pg_catalog.regclass, " \
	"'pg_catalog.pg_proc'::pg_catalog.regclass, 'pg_catalog.pg_type'::pg_catalog.regclass) " \
	"AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend x WHERE x.classid = d.classid " \
	"AND x.objid = d.objid AND x.deptype = 'e'))"

/*
 * Types are named with their schema: an extension that exists already must be
 * where the source has it. Rules that rename schemas do so with that of an
 * extension, too; then it is not looked at.
 */
static bool
check_extension_schemas(PgPrecheck *p)
{
	PgResult   *r;
	ListCell   *lc;
	bool		fits = true;

	foreach(lc, p->tables)
	{
		TableDef   *def = lfirst(lc);

		if (def->target_schema != NULL && strcmp(def->schema, def->target_schema) != 0)
			return true;
	}
	r = pg_select(p->conn, "extensions", "tt",
				  "SELECT e.extname, n.nspname FROM pg_catalog.pg_extension e "
				  "JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace "
				  "WHERE e.extname NOT IN ('plpgsql', 'dtsmig') AND " EXTENSION_IN_USE
				  " ORDER BY 1");
	for (int i = 0; i < r->nrows; i++)
	{
		char	   *name = pstrdup(quote_identifier(pg_text(r, i, 0)));
		char	   *schema = pstrdup(quote_identifier(pg_text(r, i, 1)));
		PrecheckItem *item;
		StoreRows   *dest;

		dest = store_query("SELECT n.nspname, e.extrelocatable FROM pg_catalog.pg_extension e "
						   "JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace "
						   "WHERE e.extname = $1", "t", pg_text(r, i, 0));
		if (dest->nrows == 0 || strcmp(dest->values[0][0], pg_text(r, i, 1)) == 0)
			continue;
		fits = false;
		item = pg_precheck_add(p, "extensions", PRECHECK_FAILED,
							   psprintf("extension %s is in schema %s at the source and in %s at the destination, and objects name its types with their schema",
										pg_text(r, i, 0), pg_text(r, i, 1),
										dest->values[0][0]),
							   "Have it in that schema; the SQL fails where something needs it where it is.");
		precheck_sql(item, AT_DESTINATION, "CREATE SCHEMA IF NOT EXISTS %s", schema);
		if (store_bool(dest, 0, 1))
			precheck_sql(item, AT_DESTINATION, "ALTER EXTENSION %s SET SCHEMA %s",
						 name, schema);
		else
		{
			precheck_sql(item, AT_DESTINATION, "DROP EXTENSION %s", name);
			precheck_sql(item, AT_DESTINATION, "CREATE EXTENSION %s SCHEMA %s",
						 name, schema);
		}
	}
	return fits;
}

/*
 * Rows that somebody has put into a table of an extension (spatial_ref_sys of
 * PostGIS, for one); pg_dump knows of them by the same columns.
 */
static bool
check_extension_rows(PgPrecheck *p)
{
	PgResult   *r;
	StringInfoData found;

	r = pg_select(p->conn, "rows of extensions", "tT",
				  "SELECT pg_catalog.format('%I.%I', n.nspname, c.relname), u.w "
				  "FROM pg_catalog.pg_extension e, ROWS FROM (pg_catalog.unnest(e.extconfig), "
				  "pg_catalog.unnest(e.extcondition)) AS u(c, w) "
				  "JOIN pg_catalog.pg_class c ON c.oid = u.c AND c.relkind = 'r' "
				  "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
				  "WHERE e.extname <> 'dtsmig' "
				  "AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') "
				  "AND pg_catalog.has_table_privilege(c.oid, 'SELECT') ORDER BY 1");
	initStringInfo(&found);
	for (int i = 0; i < r->nrows; i++)
	{
		char	   *before = pg_before_reading(p->conn, pg_text(r, i, 0));
		int			n;

		n = count(p, "rows of extensions",
				  psprintf("%sSELECT pg_catalog.count(*) FROM %s %s", before ? before : "",
						   pg_text(r, i, 0),
						   pg_is_null(r, i, 1) ? "" : pg_text(r, i, 1)));
		if (n > 0)
			appendStringInfo(&found, "%s%s (%d)", found.len ? ", " : "",
							 pg_text(r, i, 0), n);
	}
	if (found.len == 0)
		return true;
	pg_precheck_add(p, "extensions", PRECHECK_WARNING,
					psprintf("rows that are not replicated, for their tables belong to extensions: %s",
							 found.data),
					"Copy those that are needed by hand, with COPY.");
	return false;
}

/*
 * Does the extension exist already, or would CREATE EXTENSION by the task's
 * role work?
 */
static void
check_extensions(PgPrecheck *p)
{
	bool		fits = check_extension_schemas(p);
	PgResult   *r;
	StringInfoData missing;
	StringInfoData refused;
	PrecheckItem *item;
	List	   *make = NIL;
	ListCell   *lc;

	r = pg_select(p->conn, "extensions", "t",
				  "SELECT extname FROM pg_catalog.pg_extension "
				  "WHERE extname NOT IN ('plpgsql', 'dtsmig') ORDER BY 1");
	initStringInfo(&missing);
	initStringInfo(&refused);
	for (int i = 0; i < r->nrows; i++)
	{
		char	   *name = pg_text(r, i, 0);
		StoreRows   *dest;

		dest = store_query("SELECT installed_version IS NOT NULL, "
						   "COALESCE((SELECT v.trusted OR NOT v.superuser "
						   "FROM pg_catalog.pg_available_extension_versions v "
						   "WHERE v.name = e.name AND v.version = e.default_version), false) "
						   "FROM pg_catalog.pg_available_extensions e "
						   "WHERE name = $1", "t", name);
		if (dest->nrows == 0)
			appendStringInfo(&missing, "%s%s", missing.len ? ", " : "", name);
		else if (!store_bool(dest, 0, 0) && !p->scope->superuser &&
				 !store_bool(dest, 0, 1))
		{
			appendStringInfo(&refused, "%s%s", refused.len ? ", " : "", name);
			make = lappend(make, name);
		}
	}
	if (missing.len > 0)
		pg_precheck_add(p, "extensions", PRECHECK_FAILED,
						psprintf("extensions that the destination's installation lacks: %s",
								 missing.data),
						"Install their packages at the destination, or drop them at the source if nothing needs them.");
	if (refused.len > 0)
	{
		item = pg_precheck_add(p, "extensions", PRECHECK_FAILED,
							   psprintf("extensions that only a superuser may create at the destination: %s",
										refused.data),
							   "It takes a superuser.");
		foreach(lc, make)
			precheck_sql(item, AT_DESTINATION, "CREATE EXTENSION %s",
						 quote_identifier(lfirst(lc)));
	}
	fits = check_extension_rows(p) && fits;
	if (missing.len == 0 && refused.len == 0 && fits)
		pg_precheck_add(p, "extensions", PRECHECK_PASSED,
						"every extension of the source can be had at the destination", NULL);
}

/* --------------------------------------------------------- changes' needs */

/* The same where the destination is elsewhere, which is asked. */
static void
check_extensions_available(PgPrecheck *p)
{
	PgResult   *r;
	StringInfoData missing;

	r = pg_select(p->conn, "extensions", "t",
				  "SELECT extname FROM pg_catalog.pg_extension "
				  "WHERE extname NOT IN ('plpgsql', 'dtsmig') ORDER BY 1");
	initStringInfo(&missing);
	for (int i = 0; i < r->nrows; i++)
	{
		char	   *name = pg_text(r, i, 0);

		if (select_one_value(psprintf("SELECT 1 FROM pg_catalog.pg_available_extensions e WHERE e.name = %s "
									  "AND (e.installed_version IS NOT NULL OR "
									  "(SELECT r.rolsuper FROM pg_catalog.pg_roles r WHERE r.rolname = current_user) OR "
									  "EXISTS (SELECT 1 FROM pg_catalog.pg_available_extension_versions v "
									  "WHERE v.name = e.name AND v.version = e.default_version AND NOT v.superuser))",
									  quote_literal_cstr(name))) == NULL)
			appendStringInfo(&missing, "%s%s", missing.len ? ", " : "", name);
	}
	if (missing.len > 0)
		pg_precheck_add(p, "extensions", PRECHECK_FAILED,
						psprintf("extensions that the destination lacks, and that its role may not create: %s",
								 missing.data),
						"Have them created at the destination, or drop them at the source if nothing needs them.");
	else
		pg_precheck_add(p, "extensions", PRECHECK_PASSED, "none is missing", NULL);
}

static void
check_truncate(PgPrecheck *p)
{
	if (pg_version_num(p->conn) >= 110000)
		pg_precheck_add(p, "truncate", PRECHECK_PASSED, "TRUNCATE is in the log", NULL);
	else
		pg_precheck_add(p, "truncate", PRECHECK_WARNING,
						"PostgreSQL 10 does not publish TRUNCATE: rows that it removes stay at the destination",
						"Use DELETE until the cutover, or dtsmig.resync_table after each TRUNCATE; or upgrade the source before.");
}

static void
check_wal_level(PgPrecheck *p)
{
	char	   *level = setting(p, "wal_level");

	if (strcmp(level, "logical") == 0)
		pg_precheck_add(p, "wal_level", PRECHECK_PASSED, pstrdup("logical"), NULL);
	else
		precheck_sql(pg_precheck_add(p, "wal_level", PRECHECK_FAILED,
									 psprintf("wal_level is %s", level),
									 "Then restart the source. Managed services have a parameter for it (rds.logical_replication, cloudsql.logical_decoding)."),
					 AT_SOURCE, "ALTER SYSTEM SET wal_level = 'logical'");
}

/* One for the task, and another for as long as it copies a table again. */
static void
check_slots(PgPrecheck *p)
{
	int			max = atoi(setting(p, "max_replication_slots"));
	int			used;

	used = count(p, "replication_slots",
				 psprintf("SELECT pg_catalog.count(*) FROM pg_catalog.pg_replication_slots "
							 "WHERE slot_name <> %s",
							 pg_info(p->conn)->stream_name ?
							 pg_quote_literal(pg_info(p->conn)->stream_name) : "''"));
	if (max - used >= 2)
		pg_precheck_add(p, "replication_slots", PRECHECK_PASSED,
						psprintf("%d of %d are free", max - used, max), NULL);
	else
		precheck_sql(pg_precheck_add(p, "replication_slots",
									 max - used < 1 ? PRECHECK_FAILED : PRECHECK_WARNING,
									 psprintf("%d of %d replication slots are free; the task takes one, and one more while it copies a table again",
											  Max(max - used, 0), max),
									 "Then restart the source; or drop slots that nobody uses."),
					 AT_SOURCE, "ALTER SYSTEM SET max_replication_slots = %d", used + 4);
}

static void
check_senders(PgPrecheck *p)
{
	int			max = atoi(setting(p, "max_wal_senders"));
	int			used;

	used = count(p, "wal_senders",
				 "SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_replication");
	if (max - used >= 2)
		pg_precheck_add(p, "wal_senders", PRECHECK_PASSED,
						psprintf("%d of %d are free", max - used, max), NULL);
	else
		precheck_sql(pg_precheck_add(p, "wal_senders",
									 max - used < 1 ? PRECHECK_FAILED : PRECHECK_WARNING,
									 psprintf("%d of %d WAL senders are free; the task takes one, and one more while it copies tables",
											  Max(max - used, 0), max),
									 "Then restart the source."),
					 AT_SOURCE, "ALTER SYSTEM SET max_wal_senders = %d", used + 4);
}

static void
check_retention(PgPrecheck *p)
{
	char	   *keep;
	char	   *idle;
	PrecheckItem *item;

	if (pg_version_num(p->conn) < 130000)
		return;
	keep = setting(p, "max_slot_wal_keep_size");
	if (strcmp(keep, "-1") == 0)
		pg_precheck_add(p, "max_slot_wal_keep_size", PRECHECK_PASSED,
						"the log is kept as long as the task needs it; watch the source's disk while it stands still",
						NULL);
	else
	{
		item = pg_precheck_add(p, "max_slot_wal_keep_size", PRECHECK_WARNING,
							   psprintf("the source throws the task's log away when it is more than %s behind, the full load included; then it has to start again",
										keep),
							   "Watch the source's disk then.");
		precheck_sql(item, AT_SOURCE, "ALTER SYSTEM SET max_slot_wal_keep_size = -1");
		precheck_sql(item, AT_SOURCE, "SELECT pg_reload_conf()");
	}
	if ((idle = setting_or_null(p, "idle_replication_slot_timeout")) == NULL)
		return;
	if (strcmp(idle, "0") == 0)
	{
		pg_precheck_add(p, "idle_replication_slot_timeout", PRECHECK_PASSED,
						"the slot of a task that stands still is kept", NULL);
		return;
	}
	item = pg_precheck_add(p, "idle_replication_slot_timeout", PRECHECK_WARNING,
						   psprintf("the source invalidates a slot that is not read for %s: a task that is paused for longer has to start again",
									idle),
						   "Watch the source's disk then.");
	precheck_sql(item, AT_SOURCE, "ALTER SYSTEM SET idle_replication_slot_timeout = 0");
	precheck_sql(item, AT_SOURCE, "SELECT pg_reload_conf()");
}

/*
 * A slot is consistent when every transaction that runs when it is made has
 * ended.
 */
static void
check_transactions(PgPrecheck *p)
{
	pg_precheck_rows(p, "long_transactions", PRECHECK_WARNING,
					 "the start waits for transactions that have been writing for long",
					 "no transaction is in the way",
					 "Wait, or end them; what they have written is lost then.",
					 psprintf("SELECT 'pid ' || pid || ' (' || COALESCE(usename, '') || ', since ' || "
							  "xact_start::pg_catalog.timestamptz(0) || ')', "
							  "'SELECT pg_terminate_backend(' || pid || ')' "
							  "FROM pg_catalog.pg_stat_activity WHERE backend_xid IS NOT NULL "
							  "AND pid <> pg_catalog.pg_backend_pid() AND "
							  "xact_start < pg_catalog.now() - interval '%d seconds' "
							  "ORDER BY xact_start", LONG_TRANSACTION));
	pg_precheck_rows(p, "prepared_transactions", PRECHECK_WARNING,
					 "the start waits for prepared transactions",
					 "there are none",
					 "End each in its database, by COMMIT PREPARED or ROLLBACK PREPARED, as its transaction manager has decided.",
					 "SELECT pg_catalog.quote_literal(gid) || ' (database ' || database || ', since ' || "
					 "prepared::pg_catalog.timestamptz(0) || ')', NULL "
					 "FROM pg_catalog.pg_prepared_xacts ORDER BY prepared");
}

/* Does a connection for replication come about? Managed services included. */
static void
check_replication(PgPrecheck *p)
{
	MemoryContext cxt = CurrentMemoryContext;
	ErrorData  *volatile edata = NULL;
	char	   *role;
	PrecheckItem *item;

	PG_TRY();
	{
		PgConn	   *conn = pg_connect(pg_info(p->conn), PG_CONN_REPLICATION);

		pg_run(conn, "IDENTIFY_SYSTEM");
		pg_close(conn);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(cxt);
		edata = CopyErrorData();
		if (ERRCODE_TO_CATEGORY(edata->sqlerrcode) ==
			ERRCODE_TO_CATEGORY(ERRCODE_OPERATOR_INTERVENTION))
			PG_RE_THROW();
		FlushErrorState();
	}
	PG_END_TRY();
	if (edata == NULL)
	{
		pg_precheck_add(p, "replication", PRECHECK_PASSED,
						psprintf("%s may connect for replication", p->account), NULL);
		return;
	}
	role = pg_select_text_or_null(p->conn, "roles of managed services",
								  "SELECT rolname FROM pg_catalog.pg_roles WHERE rolname IN "
								  "('rds_replication', 'cloudsqlsuperuser', 'azure_pg_admin', 'alloydbsuperuser') "
								  "ORDER BY rolname DESC LIMIT 1");
	item = pg_precheck_add(p, "replication", PRECHECK_FAILED,
						   psprintf("%s cannot connect for replication: %s", p->account,
									edata->message),
						   "And let pg_hba.conf have a line for it with the database's name (logical replication is not matched by the word replication).");
	if (role != NULL && strcmp(role, "rds_replication") == 0)
		precheck_sql(item, AT_SOURCE, "GRANT rds_replication TO %s",
					 pg_quote_name(p->account));
	else
		precheck_sql(item, AT_SOURCE, "ALTER ROLE %s REPLICATION",
					 pg_quote_name(p->account));
}

static void
check_publication_rights(PgPrecheck *p)
{
	if (p->superuser)
	{
		pg_precheck_add(p, "publication", PRECHECK_PASSED,
						psprintf("%s is a superuser", p->account), NULL);
		return;
	}
	pg_precheck_rows(p, "publication", PRECHECK_FAILED,
					 "a publication of the tables cannot be made, for want of",
					 "the account may publish the tables",
					 "It takes the owner of the database and of the tables.",
					 psprintf("SELECT 'CREATE on the database', 'GRANT CREATE ON DATABASE ' || "
							  "pg_catalog.quote_ident(pg_catalog.current_database()) || ' TO %s' "
							  "WHERE NOT pg_catalog.has_database_privilege("
							  "pg_catalog.current_database(), 'CREATE') "
							  "UNION ALL SELECT DISTINCT 'ownership of tables of ' || r.rolname, "
							  "'GRANT ' || pg_catalog.quote_ident(r.rolname) || ' TO %s' "
							  "FROM pg_catalog.pg_class c "
							  "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
							  "JOIN pg_catalog.pg_roles r ON r.oid = c.relowner "
							  "WHERE (n.nspname, c.relname) IN (%s) "
							  "AND NOT pg_catalog.pg_has_role(c.relowner, 'USAGE')",
							  pg_quote_name(p->account), pg_quote_name(p->account),
							  p->table_list));
}

static void
check_capture(PgPrecheck *p)
{
	bool		right = p->superuser;
	char	   *foreign = pg_capture_is_foreign(p->conn);

	if (foreign != NULL)
	{
		pg_precheck_add(p, "ddl_capture", PRECHECK_FAILED,
						psprintf("schema dtsmig_source is not %s's own: %s; whoever owns it could run functions with that account's rights",
								 p->account, foreign),
						"Look at what it holds; then rename or drop it at the source.");
		return;
	}

	if (!right)
		right = pg_select_bool(p->conn, "roles of managed services",
							   "SELECT pg_catalog.bool_or(pg_catalog.pg_has_role(oid, 'MEMBER')) "
							   "FROM pg_catalog.pg_roles WHERE rolname IN "
							   "('rds_superuser', 'azure_pg_admin', 'alloydbsuperuser')");
	if (right)
		pg_precheck_add(p, "ddl_capture", PRECHECK_PASSED,
						pstrdup("DDL is followed: event triggers are installed in schema dtsmig_source, and removed by release_task"),
						NULL);
	else
		precheck_sql(pg_precheck_add(p, "ddl_capture", PRECHECK_WARNING,
									 psprintf("%s may not create event triggers: DDL is not followed, new tables are not taken in, and a change of a table's columns stops the task",
											  p->account),
									 "For as long as the task lives; or make no DDL at the source until the cutover."),
					 AT_SOURCE, "ALTER ROLE %s SUPERUSER", pg_quote_name(p->account));
}

/* What is of the database itself, of which nothing is migrated. */
static void
check_database(PgPrecheck *p, SourceConn *source)
{
	List	   *found = pg_unfollowed(source, SOURCE_FINDS_COMMENTS);
	PrecheckItem *item;
	StringInfoData text;
	ListCell   *lc;

	if (found == NIL)
	{
		pg_precheck_add(p, "database_settings", PRECHECK_PASSED,
						"the source's database has no settings of its own that the destination lacks", NULL);
		return;
	}
	initStringInfo(&text);
	item = pg_precheck_add(p, "database_settings", PRECHECK_WARNING, NULL,
						   "It takes the owner of the database; sessions have it from their next connection on.");
	foreach(lc, found)
	{
		SourceFinding *f = lfirst(lc);

		appendStringInfo(&text, "%s%s", text.len ? "; " : "", f->found);
		if (f->sql != NULL)
			precheck_sql(item, AT_DESTINATION, "%s", f->sql);
	}
	item->found = text.data;
}

/* ----------------------------------------------------------------- entry */

List *
pg_precheck(SourceConn *source, const PrecheckScope *scope)
{
	PgPrecheck	p = {0};

	p.conn = ((PgSource *) source)->sql;
	p.scope = scope;
	p.tables = scope->tables;
	p.table_list = pg_table_values(scope->tables);
	p.full = scope->full;
	p.incremental = scope->incremental;
	p.account = pg_select_text(p.conn, "account", "SELECT CURRENT_USER");
	p.superuser = pg_select_bool(p.conn, "superuser",
								 "SELECT rolsuper FROM pg_catalog.pg_roles "
								 "WHERE rolname = CURRENT_USER");

	check_version(&p);
	check_primary(&p);
	check_encoding(&p);
	if (!one_statement_is_postgres())
		 /* extensions are nothing that the destination could have */ ;
	else if (scope->elsewhere)
		check_extensions_available(&p);
	else
	{
		if (p.table_list != NULL)
			check_collations(&p);
		check_extensions(&p);
		check_database(&p, source);
	}
	if (p.incremental)
	{
		check_wal_level(&p);
		check_slots(&p);
		check_senders(&p);
		check_retention(&p);
		check_transactions(&p);
		check_replication(&p);
		if (p.table_list != NULL)
			check_publication_rights(&p);
		check_capture(&p);
		check_truncate(&p);
	}
	pg_precheck_tables(&p);
	return p.items;
}
