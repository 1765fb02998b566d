/*-------------------------------------------------------------------------
 *
 * my_source.c
 *	  The MySQL-family engine: its SourceRoutine.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "client/my_conn.h"
#include "source/mysql/my_position.h"
#include "source/mysql/my_precheck.h"
#include "source/mysql/my_rows.h"
#include "source/mysql/my_retention.h"
#include "source/mysql/my_schema.h"
#include "source/mysql/my_snapshot.h"
#include "source/mysql/my_stream.h"
#include "source/mysql/my_value_impl.h"
#include "source/mysql/my_values.h"
#include "source/mysql/my_verify.h"
#include "source/mysql/my_zero_dates.h"
#include "source/source.h"
#include "source/write.h"

static char *
my_quote_name(const char *name)
{
	return my_quote_identifier(name);
}

static SourceConn *
my_source_connect(const ConnectionInfo *info)
{
	return (SourceConn *) my_connect(info);
}

static void
my_source_close(SourceConn *conn)
{
	my_close((MyConn *) conn);
}

static void
my_source_identify(SourceConn *sc, SourceIdentity *identity)
{
	MyConn	   *conn = (MyConn *) sc;
	const char *cipher = my_tls_cipher(conn);

	identity->product = my_is_mariadb(conn) ? "MariaDB" : "MySQL";
	identity->version = pstrdup(my_version_text(conn));
	identity->version_num = my_version_num(conn);
	identity->account = my_query_text(conn, "SELECT CURRENT_USER()");
	identity->tls = cipher != NULL;
	identity->tls_cipher = cipher ? pstrdup(cipher) : NULL;
	identity->server_uid = my_server_uid(conn);
}

const SourceRoutine mysql_source_routine =
{
	.engine = "mysql",
	.connect = my_source_connect,
	.close = my_source_close,
	.identify = my_source_identify,
	.list_schemas = my_list_schemas,
	.has_schema = my_has_schema,
	.describe = my_describe,
	.describe_table = my_describe_table,
	.ddl_defaults = my_ddl_defaults,
	.precheck = my_precheck,
	.look_at_values = my_look_at_values,
	.current_position = my_current_position,
	.start_position = my_start_position,
	.rebase_position = my_rebase_position,
	.position_covers = my_covers,
	.position_has_place = my_has_place,
	.position_by_gtid = my_by_gtid,
	.parse_position = my_parse_position,
	.log_distance = my_log_distance,
	.log_left = my_log_left,
	.open_snapshot = my_open_snapshot,
	.open_table_snapshot = my_open_table_snapshot,
	.lacks_rows = my_lacks_rows,
	.hold_tables = my_hold_tables,
	.plan_ranges = my_plan_ranges,
	.prepare_relation = my_prepare_relation,
	.open_rows = my_open_rows,
	.socket = my_rows_socket,
	.open_join = my_open_join,
	.column = my_select_expression,
	.only = "",
	.rows_query = my_rows_query,
	.rows_value = my_rows_value,
	.next_row = my_next_row,
	.next_copy = my_next_copy,
	.close_rows = my_close_rows,
	.interrupt = my_interrupt,
	.begin_read = my_begin_read,
	.end_read = my_end_read,
	.quote_name = my_quote_name,
	.random = "RAND()",
	.push = &my_push_dialect,
	.write = &mysql_source_write,
	.open_changes = my_open_changes,
	.next_change = my_next_change,
	.stream_is_in = my_stream_is_in,
	.stream_position = my_stream_position,
	.confirm = my_confirm,
	.close_changes = my_close_changes,
	.check_form = my_check_form,
	.check_table = my_check_table,
	.check_ask = my_check_ask,
	.check_answer = my_check_answer,
	.check_value = my_check_value,
	.check_key = my_check_key,
	.open_writers = my_open_writers,
	.make_read_only = my_make_read_only,
	.make_writable = my_make_writable,
	.is_read_only = my_is_read_only,
};
