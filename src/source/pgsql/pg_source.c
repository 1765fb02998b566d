/*-------------------------------------------------------------------------
 *
 * pg_source.c
 *	  The PostgreSQL source engine: its SourceRoutine.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "source/pgsql/pg_definition.h"
#include "source/pgsql/pg_engine.h"
#include "source/write.h"
#include "source/pgsql/pg_verify.h"

static SourceConn *
pg_source_connect(const ConnectionInfo *info)
{
	PgSource   *source = palloc0(sizeof(PgSource));

	source->sql = pg_connect(info, PG_CONN_SQL);
	/* what its changes take is made before it is writable again */
	if (info->fenced)
		pg_run(source->sql, "SET default_transaction_read_only = off");
	return (SourceConn *) source;
}

static void
pg_source_close(SourceConn *conn)
{
	PgSource   *source = (PgSource *) conn;

	if (source->exporter != NULL)
		pg_close(source->exporter);
	source->exporter = NULL;
	pg_close(source->sql);
}

static void
pg_source_identify(SourceConn *conn, SourceIdentity *identity)
{
	PgConn	   *sql = ((PgSource *) conn)->sql;
	const char *cipher = pg_tls_cipher(sql);

	identity->product = "PostgreSQL";
	identity->version = pg_server_version(sql);
	identity->version_num = pg_version_num(sql);
	identity->account = pg_select_text(sql, "account", "SELECT CURRENT_USER");
	identity->tls = cipher != NULL;
	identity->tls_cipher = cipher ? pstrdup(cipher) : NULL;
	/* a standby that takes over is the same cluster: positions hold on */
	identity->server_uid =
		pg_select_text(sql, "identity of the server",
					   "SELECT system_identifier::pg_catalog.text || '/' || "
					   "pg_catalog.current_database() "
					   "FROM pg_catalog.pg_control_system()");
}

static char *
pg_prepare_changes(SourceConn *conn, const ConnectionInfo *info, List *tables)
{
	PgConn	   *sql = ((PgSource *) conn)->sql;
	char	   *note;
	char	   *identities = NULL;

	pg_tables_only(sql, false);
	/* before the capture, which would take it for the application's */
	if (info->set_identity)
		identities = pg_set_identities(sql, tables);
	note = pg_install_capture(sql);
	/* the capture's table is published, too */
	pg_publish(sql, tables);
	pg_tables_only(sql, true);
	if (note != NULL && identities != NULL)
		return psprintf("%s %s", identities, note);
	return identities ? identities : note;
}

static bool
pg_position_covers(const char *whole, const char *part)
{
	return source_pos_cmp(pg_parse_position(whole), pg_parse_position(part)) >= 0;
}

static char *
pg_rebase_position(SourceConn *conn, const char *position)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("the source is another cluster or database than before"),
			 errdetail("Log positions of the former source are not valid for it."),
			 errhint("Point the foreign server back at the old one or its standby; or: " SOURCE_NEW_TASK_HINT)));
	return NULL;
}

static bool
pg_position_has_place(const char *position)
{
	return true;
}

static bool
pg_stream_is_in(SourceStream *stream, const char *position)
{
	return false;				/* every position has a place */
}

/*
 * The log has the lower 32 bits; no transaction in it is 2^31 old. One that
 * is younger than all that have ended is in progress.
 */
static bool
pg_has_committed(SourceConn *conn, uint32 xid)
{
	PgResult   *r = pg_selectf(((PgSource *) conn)->sql, "state of a transaction", "T",
							   "SELECT CASE WHEN age < 2147483648 THEN pg_catalog.pg_xact_status((next - age)::text::xid8) END "
							   "FROM (SELECT next, (next - %u) & 4294967295 AS age FROM "
							   "(SELECT pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())::text::bigint AS next) s) s",
							   xid);

	return r->nrows == 1 && !pg_is_null(r, 0, 0) &&
		strcmp(pg_text(r, 0, 0), "committed") == 0;
}

const SourceRoutine pgsql_source_routine =
{
	.engine = "pgsql",
	.reports_origin = true,
	.scripts = true,
	.own_definitions = true,
	.own_types = true,
	.logs_shapes = true,
	.logs_cascades = true,
	.rows_notice_ddl = true,
	.tls_on = "ALTER SYSTEM SET ssl = on; SELECT pg_reload_conf()",
	.connect = pg_source_connect,
	.close = pg_source_close,
	.identify = pg_source_identify,
	.list_schemas = pg_list_schemas,
	.has_schema = pg_has_schema,
	.describe = pg_describe,
	.describe_table = pg_describe_table,
	.describe_keys = pg_describe_keys,
	.plan_objects = pg_plan_objects,
	.read_definitions = pg_read_definitions,
	.measure = pg_measure,
	.sequences = pg_sequences,
	.unfollowed = pg_unfollowed,
	.always = pg_always,
	.meanings = pg_meanings,
	.precheck = pg_precheck,
	.prepare_changes = pg_prepare_changes,
	.release = pg_release,
	.current_position = pg_current_position,
	.timeline = pg_timeline,
	.check_timeline = pg_check_timeline,
	.start_position = pg_start_position,
	.rebase_position = pg_rebase_position,
	.position_covers = pg_position_covers,
	.position_has_place = pg_position_has_place,
	.position_text = pg_position_text,
	.parse_position = pg_parse_position,
	.log_distance = pg_log_distance,
	.log_left = pg_log_left,
	.share_snapshot = pg_share_snapshot,
	.ddl_since_snapshot = pg_ddl_since_snapshot,
	.end_snapshot = pg_end_snapshot,
	.open_snapshot = pg_open_snapshot,
	.open_table_snapshot = pg_open_table_snapshot,
	.plan_ranges = pg_plan_ranges,
	.prepare_relation = pg_prepare_relation,
	.open_rows = pg_open_rows,
	.socket = pg_rows_socket,
	.open_join = pg_open_join,
	.column = pg_column,
	.only = "ONLY ",
	.rows_query = pg_rows_query,
	.rows_value = pg_rows_value,
	.next_copy = pg_next_copy,
	.close_rows = pg_close_rows,
	.interrupt = pg_interrupt,
	.begin_read = pg_begin_read,
	.end_read = pg_end_read,
	.quote_name = pg_quote_name,
	.random = "random()",
	.push = &pg_push_dialect,
	.write = &pgsql_source_write,
	.open_changes = pg_open_changes,
	.next_change = pg_next_change,
	.stream_is_in = pg_stream_is_in,
	.check_changes = pg_check_changes,
	.stream_position = pg_stream_position,
	.has_committed = pg_has_committed,
	.keep_alive = pg_keep_alive,
	.confirm = pg_confirm,
	.close_changes = pg_close_changes,
	.check_form = pg_check_form,
	.check_table = pg_check_table,
	.check_ask = pg_check_ask,
	.check_answer = pg_check_answer,
	.check_value = pg_check_value,
	.check_key = pg_check_key,
	.open_writers = pg_open_writers,
	.make_read_only = pg_make_read_only,
	.make_writable = pg_make_writable,
	.is_read_only = pg_is_read_only,
	.constraint_open = pg_constraint_open,
};
