/*-------------------------------------------------------------------------
 *
 * precheck.c
 *	  The items of the precheck: one table, which the view
 *	  dtsmig.precheck_items, ignore_precheck and the findings share.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "core/precheck.h"

#include "core/one_statement.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/json.h"

#define ANY "any"
#define MYSQL "MySQL family"
#define PGSQL "PostgreSQL"
#define BOTH "both"

static const PrecheckDef defs[] =
{
	{"application_time_periods", AT_SOURCE, MYSQL, "Application-time periods, which become plain columns."},
	{"binlog_filters", AT_SOURCE, MYSQL, "binlog_do_db and binlog_ignore_db leave no selected database out of the log."},
	{"binlog_format", AT_SOURCE, MYSQL, "binlog_format is ROW."},
	{"binlog_retention", AT_SOURCE, MYSQL, "The binlog is kept for a day, and for seven days with a full load."},
	{"binlog_row_image", AT_SOURCE, MYSQL, "binlog_row_image is FULL."},
	{"binlog_row_value_options", AT_SOURCE, MYSQL, "Partial updates of JSON are logged with the value before them."},
	{"boolean_values", AT_SOURCE, MYSQL, "TINYINT(1) columns that become boolean hold 0, 1 and NULL alone."},
	{"character_sets", AT_SOURCE, MYSQL, "Columns in character sets that have to be converted."},
	{"collations", BOTH, PGSQL, "The collations that tables and indexes name exist at the destination."},
	{"column_types", AT_SOURCE, MYSQL, "Every column is of a type that can be moved."},
	{"columns", AT_SOURCE, ANY, "Columns that rules name exist, and none is left out that a table's only key needs."},
	{"connectivity", AT_SOURCE, ANY, "The source can be reached by the server's options and the user mapping."},
	{"database_settings", BOTH, PGSQL, "Settings of the source's database, and the comment on it, are at the destination."},
	{"ddl_capture", AT_SOURCE, PGSQL, "The account may make the event triggers that catch DDL."},
	{"defaults", AT_SOURCE, MYSQL, "Defaults that are no date or out of the type's range."},
	{"destination_kind", AT_DESTINATION, ANY, "A destination elsewhere can be reached, and is of a kind and version that takes what the task writes."},
	{"destination_privileges", AT_DESTINATION, ANY, "The task's role may connect, make schemas, write to tables that exist and set their sequences."},
	{"destination_role", AT_DESTINATION, ANY, "The task's role may log in, so that workers can run as it; it is no superuser where DDL of a PostgreSQL source runs."},
	{"destination_tables", AT_DESTINATION, ANY, "Tables that are there are plain tables: no views or foreign tables, and nothing that an extension distributes."},
	{"destination_writable", AT_DESTINATION, ANY, "The destination is no standby."},
	{"disk_space", BOTH, ANY, "The destination's disk has room for the size of the selected tables."},
	{"empty_strings", BOTH, ANY, "An empty string stays one at a destination elsewhere, or none is where NULL cannot be."},
	{"encoding", AT_DESTINATION, ANY, "The destination database is UTF8, so that it can hold every text."},
	{"expressions", BOTH, ANY, "Filters and expressions of the rules compile, and run over the first rows."},
	{"extensions", BOTH, ANY, "The extensions that types and objects need exist, or can be made."},
	{"foreign_key_cascades", AT_SOURCE, MYSQL, "Cascades, which the source does not log, come from selected tables."},
	{"foreign_key_parents", AT_SOURCE, ANY, "The parents of foreign keys are selected, too."},
	{"foreign_tables", AT_SOURCE, PGSQL, "Foreign tables, whose rows stay where they are."},
	{"fulltext_indexes", AT_SOURCE, MYSQL, "FULLTEXT indexes, which queries have to use in another way."},
	{"function_paths", AT_SOURCE, PGSQL, "Functions that checks, generated columns and indexes call name what they use with its schema."},
	{"generated_columns", AT_SOURCE, MYSQL, "Generated columns, which become stored ones where they translate."},
	{"gtid_mode", AT_SOURCE, MYSQL, "MySQL: gtid_mode is ON, so that the task goes on after a failover."},
	{"idle_replication_slot_timeout", AT_SOURCE, PGSQL, "PostgreSQL 18: the slot of a task that stands still is kept."},
	{"invisible_columns", AT_SOURCE, MYSQL, "Invisible columns, which become visible."},
	{"invisible_indexes", AT_SOURCE, MYSQL, "Invisible or ignored indexes, which become normal ones."},
	{"key_lengths", BOTH, PGSQL, "Texts in keys are no longer than MySQL or MariaDB can have them in keys, and differ in more than blanks at their end."},
	{"keys", AT_SOURCE, ANY, "Every table has a key, by which a changed row is found fast."},
	{"large_objects", AT_SOURCE, PGSQL, "Large objects, which are not migrated."},
	{"lock_tables_privilege", AT_SOURCE, MYSQL, "Tables of an engine without transactions can be locked; MySQL: those without a key, too."},
	{"log_bin", AT_SOURCE, MYSQL, "The binlog is on."},
	{"log_slave_updates", AT_SOURCE, MYSQL, "A source that is a replica logs what it replicates."},
	{"long_transactions", AT_SOURCE, PGSQL, "No transaction has been writing for long, for which the start would wait."},
	{"lower_case_table_names", AT_DESTINATION, PGSQL, "MySQL or MariaDB: names of tables stay as they are."},
	{"destination_durability", AT_DESTINATION, PGSQL, "MySQL or MariaDB: what it commits survives a crash of it, and of its machine."},
	{"max_allowed_packet", AT_DESTINATION, PGSQL, "MySQL or MariaDB: rows of the usual sizes fit into a statement."},
	{"max_slot_wal_keep_size", AT_SOURCE, PGSQL, "The log is kept as long as the task's slot needs it."},
	{"money", BOTH, PGSQL, "Amounts of type money have as many digits behind the point on both sides."},
	{"name_collision", BOTH, ANY, "No two tables or columns become one by case, length or rules."},
	{"objects", AT_SOURCE, ANY, "The rules select tables, and each schema and table that they name exists."},
	{"operator_paths", AT_SOURCE, PGSQL, "Definitions compare by operators that are found at the destination, too."},
	{"partitioned_tables", AT_SOURCE, MYSQL, "Partitioned tables, which become plain ones or are kept."},
	{"prefix_indexes", AT_SOURCE, MYSQL, "Indexes on a prefix, which become indexes on an expression."},
	{"preload", AT_DESTINATION, ANY, "The library is preloaded, so that tasks come back after a restart."},
	{"prepared_transactions", AT_SOURCE, PGSQL, "No prepared transaction is open, for which the start would wait."},
	{"primary", AT_SOURCE, PGSQL, "The source is a primary server that can be written to."},
	{"primary_key_required", AT_DESTINATION, PGSQL, "MySQL: tables without a primary key can be made."},
	{"privileges", AT_SOURCE, ANY, "The account may read the selected tables."},
	{"publication", AT_SOURCE, PGSQL, "The account may publish the tables."},
	{"reload_privilege", AT_SOURCE, MYSQL, "MySQL without GTIDs: the account may begin a new file of the binlog."},
	{"replica_identity", AT_SOURCE, PGSQL, "The log identifies the row that an UPDATE or DELETE changes."},
	{"replication", AT_SOURCE, ANY, "The account may read the source's log."},
	{"replication_slots", AT_SOURCE, PGSQL, "Replication slots are free."},
	{"routines", AT_SOURCE, MYSQL, "Triggers, routines and events, which are not moved."},
	{"row_security", AT_SOURCE, PGSQL, "No policy hides rows from the account."},
	{"same_name_tables", AT_DESTINATION, ANY, "No table is where one is to be made; without schema migration all exist."},
	{"schema", BOTH, PGSQL, "The definitions can be read by the destination's pg_dump."},
	{"schema_change", BOTH, ANY, "What is lost or changed by the schema's translation."},
	{"sequence_privileges", AT_SOURCE, PGSQL, "The account may read sequences."},
	{"sequences", AT_SOURCE, MYSQL, "Sequences, which are made with the source's next value."},
	{"server_id", AT_SOURCE, MYSQL, "The source has a server_id."},
	{"session_replication_role", AT_DESTINATION, ANY, "Triggers can be disabled while changes are applied."},
	{"source_encoding", AT_SOURCE, PGSQL, "Text can be converted into the destination's encoding."},
	{"source_version", AT_SOURCE, ANY, "The source's version is one that works, and not newer than a PostgreSQL destination's."},
	{"spatial_indexes", BOTH, MYSQL, "SPATIAL indexes, which need PostGIS."},
	{"storage_engine", AT_SOURCE, MYSQL, "Tables are of an engine with transactions."},
	{"system_versioned_tables", AT_SOURCE, MYSQL, "System-versioned tables, whose history stays behind."},
	{"time_values", AT_SOURCE, MYSQL, "TIME columns that become time hold times of a day alone."},
	{"tls", AT_SOURCE, ANY, "The connection is encrypted."},
	{"truncate", AT_SOURCE, PGSQL, "PostgreSQL 10 does not log TRUNCATE."},
	{"unlogged_tables", AT_SOURCE, PGSQL, "Unlogged tables, whose changes are not in the log."},
	{"view_definitions", AT_SOURCE, MYSQL, "The account may see the definitions of views."},
	{"wal_level", AT_SOURCE, PGSQL, "wal_level is logical."},
	{"wal_senders", AT_SOURCE, PGSQL, "WAL senders are free."},
	{"worker_slots", AT_DESTINATION, ANY, "Background worker slots are free for the task and its copy workers."},
	{"zero_date_values", AT_SOURCE, MYSQL, "There are no zero dates where option zero_date is error."},
	{"zero_dates", AT_SOURCE, MYSQL, "Columns that lose NOT NULL, for they hold zero dates, which become NULL."},
};

const PrecheckDef *
precheck_table(int *n)
{
	*n = lengthof(defs);
	return defs;
}

const PrecheckDef *
precheck_def(const char *name)
{
	for (int i = 0; i < lengthof(defs); i++)
	{
		if (strcmp(defs[i].name, name) == 0)
			return &defs[i];
	}
	return NULL;
}

PrecheckItem *
precheck_add(List **items, const char *item, const char *status,
			 const char *found, const char *advice)
{
	PrecheckItem *i = palloc0(sizeof(PrecheckItem));
	const PrecheckDef *def = precheck_def(item);

	if (def == NULL)
		elog(ERROR, "unknown item of the precheck: %s", item);
	i->item = def->name;
	i->status = status;
	i->found = unconstify(char *, found);
	i->advice = unconstify(char *, advice);
	*items = lappend(*items, i);
	return i;
}

void
precheck_sql(PrecheckItem *item, const char *run_at, const char *format,...)
{
	StringInfoData buf;
	int			needed;

	initStringInfo(&buf);
	do
	{
		va_list		args;

		va_start(args, format);
		needed = appendStringInfoVA(&buf, format, args);
		va_end(args);
		if (needed > 0)
			enlargeStringInfo(&buf, needed);
	} while (needed > 0);
	/* what the source calls a type or a setting may be more */
	if (strcmp(run_at, AT_DESTINATION) == 0 && !is_one_statement(buf.data))
		return;
	item->sql = psprintf("%s%s%s;", item->sql ? item->sql : "",
						 item->sql ? "\n" : "", buf.data);
	item->run_at = run_at;
}

char *
precheck_advice(const PrecheckItem *item)
{
	if (item->sql == NULL)
		return item->advice;
	return psprintf("At the %s: %s%s%s", item->run_at, item->sql,
					item->advice ? " " : "", item->advice ? item->advice : "");
}

void
precheck_option(PrecheckItem *item, const char *task, const char *option,
				const char *value)
{
	precheck_sql(item, AT_DESTINATION,
				 "SELECT dtsmig.alter_task(%s, '{\"%s\": \"%s\"}')",
				 quote_literal_cstr(task), option, value);
}

List *
precheck_rule(List *rules, const char *schema, const char *table)
{
	StringInfoData buf;
	ListCell   *lc;

	initStringInfo(&buf);
	appendStringInfoString(&buf, "{\"schema\": ");
	escape_json(&buf, schema);
	appendStringInfoString(&buf, ", \"table\": ");
	escape_json(&buf, table);
	appendStringInfoChar(&buf, '}');
	foreach(lc, rules)
	{
		if (strcmp(lfirst(lc), buf.data) == 0)
			return rules;
	}
	return lappend(rules, buf.data);
}

char *
precheck_rules(List *rules)
{
	StringInfoData buf;
	ListCell   *lc;

	if (rules == NIL)
		return NULL;
	initStringInfo(&buf);
	foreach(lc, rules)
		appendStringInfo(&buf, "%s%s", buf.len ? ", " : "", (char *) lfirst(lc));
	return psprintf("Select the parents, too, with more rules in objects: %s", buf.data);
}
