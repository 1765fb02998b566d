/*-------------------------------------------------------------------------
 *
 * pg_unfollowed.c
 *	  What a PostgreSQL source has that no statement of its log brings to the destination:
 *	  event triggers do not fire for databases and for event triggers, and what
 *	  may hold passwords is not recorded. It is compared with this database
 *	  when a task is checked, verified and cut over, and said.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "source/pgsql/pg_engine.h"

#include "access/htup_details.h"
#include "store/sql.h"
#include "commands/dbcommands.h"
#include "core/one_statement.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"

/* Settings of the database, and of roles in it: role, name, value. */
#define SETTINGS \
	"SELECT COALESCE(r.rolname, ''), pg_catalog.split_part(c.v, '=', 1), " \
	"pg_catalog.substr(c.v, pg_catalog.strpos(c.v, '=') + 1) " \
	"FROM pg_catalog.pg_db_role_setting s JOIN pg_catalog.pg_database d " \
	"ON d.oid = s.setdatabase AND d.datname = pg_catalog.current_database() " \
	"LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole " \
	"CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) c(v) " \
	"WHERE pg_catalog.split_part(c.v, '=', 1) <> 'default_transaction_read_only' ORDER BY 1, 2"

#define DATABASE_COMMENT \
	"SELECT pg_catalog.shobj_description(d.oid, 'pg_database') " \
	"FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()"

/* Not one of an extension, whose class is this. */
#define NOT_MEMBER(class, oid) \
	"NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend x WHERE x.classid = '" class "'::pg_catalog.regclass " \
	"AND x.objid = " oid " AND x.deptype = 'e')"

static void
add(List **found, char *what, char *sql)
{
	SourceFinding *f = palloc0(sizeof(SourceFinding));

	f->found = what;
	f->sql = sql != NULL && is_one_statement(sql) ? sql : NULL;
	*found = lappend(*found, f);
}

static char *
this_database(void)
{
	return pstrdup(quote_identifier(get_database_name(MyDatabaseId)));
}

/* Settings that are lists of names are stored as SQL has them. */
static bool
is_list(const char *name)
{
	static const char *const lists[] = {"search_path", "temp_tablespaces",
	"session_preload_libraries", "local_preload_libraries"};

	for (int i = 0; i < lengthof(lists); i++)
		if (pg_strcasecmp(name, lists[i]) == 0)
			return true;
	return false;
}

static void
find_settings(PgConn *conn, List **found)
{
	PgResult   *r = pg_select(conn, "settings of the database", "ttt", SETTINGS);
	StoreRows   *dest = store_query(SETTINGS, "");

	for (int i = 0; i < r->nrows; i++)
	{
		char	   *role = pg_text(r, i, 0);
		char	   *name = pg_text(r, i, 1);
		char	   *value = pg_text(r, i, 2);
		bool		same = role[0] != '\0' && !OidIsValid(get_role_oid(role, true));
		char	   *target;

		for (int j = 0; j < dest->nrows && !same; j++)
			same = strcmp(dest->values[j][0], role) == 0 &&
				strcmp(dest->values[j][1], name) == 0 &&
				strcmp(dest->values[j][2], value) == 0;
		if (same)
			continue;
		target = role[0] ? psprintf("ROLE %s IN DATABASE %s", quote_identifier(role), this_database()) :
			psprintf("DATABASE %s", this_database());
		add(found, psprintf("setting %s = %s of the database%s%s at the source is not at the destination",
							name, value[0] ? value : "''", role[0] ? " for role " : "", role),
			psprintf("ALTER %s SET %s = %s", target, quote_identifier(name),
					 is_list(name) ? value : quote_literal_cstr(value)));
	}
}

static void
find_comment(PgConn *conn, List **found)
{
	char	   *comment = pg_select_text_or_null(conn, "comment on the database", DATABASE_COMMENT);
	StoreRows   *dest = store_query(DATABASE_COMMENT, "");

	if (comment == NULL || (dest->values[0][0] != NULL && strcmp(comment, dest->values[0][0]) == 0))
		return;
	add(found, "the comment on the source's database is not at the destination",
		psprintf("COMMENT ON DATABASE %s IS %s", this_database(), quote_literal_cstr(comment)));
}

/* name, event, function, tags, how it is enabled; those of tasks left out */
static void
find_event_triggers(PgConn *conn, List **found)
{
	PgResult   *r;

	r = pg_select(conn, "event triggers", "tttTt",
				  "SELECT t.evtname, t.evtevent, t.evtfoid::pg_catalog.regproc::pg_catalog.text, "
				  "(SELECT pg_catalog.string_agg(pg_catalog.quote_literal(x), ', ') FROM pg_catalog.unnest(t.evttags) x), "
				  "t.evtenabled FROM pg_catalog.pg_event_trigger t "
				  "WHERE t.evtname !~ '^dts_sync_' AND "
				  NOT_MEMBER("pg_catalog.pg_event_trigger", "t.oid") " ORDER BY 1");
	for (int i = 0; i < r->nrows; i++)
	{
		char	   *name = pg_text(r, i, 0);
		char	   *quoted = pstrdup(quote_identifier(name));
		char	   *tags = pg_text_or_null(r, i, 3);
		char		enabled = pg_char(r, i, 4);
		StoreRows   *dest = store_query("SELECT evtenabled FROM pg_catalog.pg_event_trigger WHERE evtname = $1", "t", name);

		if (dest->nrows == 0)
			add(found, psprintf("event trigger %s of the source is not at the destination", name),
				psprintf("CREATE EVENT TRIGGER %s ON %s%s%s%s EXECUTE FUNCTION %s()", quoted,
						 pg_text(r, i, 1), tags ? " WHEN TAG IN (" : "", tags ? tags : "",
						 tags ? ")" : "", pg_text(r, i, 2)));
		else if (dest->values[0][0][0] == 'A' || dest->values[0][0][0] == 'R')
			add(found, psprintf("event trigger %s acts on the statements that the task applies, too: it is enabled always", name),
				psprintf("ALTER EVENT TRIGGER %s ENABLE", quoted));
		else if ((enabled == 'D') != (dest->values[0][0][0] == 'D'))
			add(found, psprintf("event trigger %s is %s at the source, and %s at the destination", name,
								enabled == 'D' ? "disabled" : "enabled", enabled == 'D' ? "enabled" : "disabled"),
				psprintf("ALTER EVENT TRIGGER %s %s", quoted, enabled == 'D' ? "DISABLE" : "ENABLE"));
	}
}

static void
find_servers(PgConn *conn, List **found)
{
	PgResult   *r;

	r = pg_select(conn, "servers", "tt",
				  "SELECT s.srvname, w.fdwname FROM pg_catalog.pg_foreign_server s "
				  "JOIN pg_catalog.pg_foreign_data_wrapper w ON w.oid = s.srvfdw "
				  "WHERE w.fdwname <> 'dtsmig_fdw' AND "
				  NOT_MEMBER("pg_catalog.pg_foreign_server", "s.oid") " ORDER BY 1");
	for (int i = 0; i < r->nrows; i++)
	{
		char	   *name = pstrdup(quote_identifier(pg_text(r, i, 0)));

		if (store_query("SELECT 1 FROM pg_catalog.pg_foreign_server WHERE srvname = $1", "t",
						pg_text(r, i, 0))->nrows == 0)
			add(found, psprintf("foreign server %s of the source is not at the destination; its options, which may hold secrets, are not read",
								pg_text(r, i, 0)),
				psprintf("CREATE SERVER %s FOREIGN DATA WRAPPER %s", name,
						 quote_identifier(pg_text(r, i, 1))));
	}
	r = pg_select(conn, "user mappings", "tt",
				  "SELECT m.srvname, COALESCE(m.usename, 'public') FROM pg_catalog.pg_user_mappings m "
				  "JOIN pg_catalog.pg_foreign_server s ON s.oid = m.srvid "
				  "JOIN pg_catalog.pg_foreign_data_wrapper w ON w.oid = s.srvfdw "
				  "WHERE w.fdwname <> 'dtsmig_fdw' ORDER BY 1, 2");
	for (int i = 0; i < r->nrows; i++)
	{
		char	   *role = pg_text(r, i, 1);
		bool		public = strcmp(role, "public") == 0;

		if ((!public && !OidIsValid(get_role_oid(role, true))) ||
			store_query("SELECT 1 FROM pg_catalog.pg_user_mappings WHERE srvname = $1 "
						"AND COALESCE(usename, 'public') = $2", "tt", pg_text(r, i, 0), role)->nrows > 0)
			continue;
		add(found, psprintf("user mapping of %s for server %s is not at the destination; it holds passwords, which are not read",
							role, pg_text(r, i, 0)),
			psprintf("CREATE USER MAPPING FOR %s SERVER %s", public ? "PUBLIC" : quote_identifier(role),
					 quote_identifier(pg_text(r, i, 0))));
	}
}

/* Relations: what ALTER calls them, name, owner. REASSIGN OWNED is not recorded. */
#define OWNERS \
	"SELECT x.kind, x.name, x.owner FROM (SELECT CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' " \
	"WHEN 'f' THEN 'FOREIGN TABLE' WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind, " \
	"pg_catalog.format('%I.%I', n.nspname, c.relname) AS name, r.rolname AS owner FROM pg_catalog.pg_class c " \
	"JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace " \
	"JOIN pg_catalog.pg_roles r ON r.oid = c.relowner " \
	"WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND n.nspname !~ '^pg_' " \
	"AND n.nspname NOT IN ('information_schema', 'dtsmig', 'dtsmig_source') " \
	"AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend x WHERE x.classid = 'pg_catalog.pg_class'::pg_catalog.regclass " \
	"AND x.objid = c.oid AND (x.deptype = 'e' OR (x.deptype IN ('a', 'i') AND c.relkind = 'S')))) x " \
	"ORDER BY x.kind COLLATE \"C\", x.name COLLATE \"C\""

static int
compare_relation(const PgResult *r, int i, char *const *dest)
{
	int			c = strcmp(pg_text(r, i, 0), dest[0]);

	return c != 0 ? c : strcmp(pg_text(r, i, 1), dest[1]);
}

static void
find_owners(PgConn *conn, List **found)
{
	PgResult   *r = pg_select(conn, "owners", "ttt", OWNERS);
	StoreRows   *dest = store_query(OWNERS, "");
	int			j = 0;

	for (int i = 0; i < r->nrows; i++)
	{
		char	   *owner = pg_text(r, i, 2);

		while (j < dest->nrows && compare_relation(r, i, dest->values[j]) > 0)
			j++;
		if (j == dest->nrows)
			break;
		if (compare_relation(r, i, dest->values[j]) != 0 ||
			strcmp(owner, dest->values[j][2]) == 0 ||
			!OidIsValid(get_role_oid(owner, true)))
			continue;
		add(found, psprintf("%s belongs to role %s at the source, and to %s at the destination",
							pg_text(r, i, 1), owner, dest->values[j][2]),
			psprintf("ALTER %s %s OWNER TO %s", pg_text(r, i, 0), pg_text(r, i, 1),
					 quote_identifier(owner)));
	}
}

static void
find_large_objects(PgConn *conn, List **found)
{
	static const char *const sql = "SELECT pg_catalog.count(*) FROM pg_catalog.pg_largeobject_metadata";
	int64		count = pg_bigint(pg_select(conn, "large objects", "i", sql), 0, 0);
	int64		dest = store_int(store_query(sql, ""), 0, 0);

	if (count > dest)
		add(found, psprintf("the source has " INT64_FORMAT " large objects, which are not migrated, and this database " INT64_FORMAT,
							count, dest), NULL);
}

List *
pg_unfollowed(SourceConn *source, int look_at)
{
	PgConn	   *conn = ((PgSource *) source)->sql;
	List	   *found = NIL;

	find_settings(conn, &found);
	if (look_at & SOURCE_FINDS_COMMENTS)
		find_comment(conn, &found);
	if ((look_at & SOURCE_FINDS_MADE) == 0)
		return found;
	if (look_at & SOURCE_FINDS_OWNERS)
		find_owners(conn, &found);
	if (look_at & SOURCE_FINDS_EVENT_TRIGGERS)
		find_event_triggers(conn, &found);
	find_servers(conn, &found);
	find_large_objects(conn, &found);
	return found;
}

List *
pg_always(SourceConn *source)
{
	List	   *list = NIL;
	PgResult   *r;

	r = pg_select(((PgSource *) source)->sql, "triggers that are enabled always", "tttbt",
				  "SELECT n.nspname, c.relname, x.name, x.rule, x.enabled FROM ("
				  "SELECT tgrelid AS rel, tgname AS name, false AS rule, tgenabled AS enabled "
				  "FROM pg_catalog.pg_trigger WHERE NOT tgisinternal UNION ALL "
				  "SELECT ev_class, rulename, true, ev_enabled FROM pg_catalog.pg_rewrite) x "
				  "JOIN pg_catalog.pg_class c ON c.oid = x.rel "
				  "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
				  "WHERE x.enabled IN ('A', 'R') ORDER BY 1, 2, 3");
	for (int i = 0; i < r->nrows; i++)
	{
		SourceAlways *a = palloc0(sizeof(SourceAlways));

		a->schema = pg_text(r, i, 0);
		a->table = pg_text(r, i, 1);
		a->name = pg_text(r, i, 2);
		a->rule = pg_bool(r, i, 3);
		a->replica = pg_char(r, i, 4) == 'R';
		list = lappend(list, a);
	}
	return list;
}
