/*-------------------------------------------------------------------------
 *
 * precheck_mysql.c
 *	  The destination's side of the precheck, where that is a MySQL or MariaDB.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "check/precheck.h"

#include "emit/mysql/emit.h"
#include "lib/stringinfo.h"
#include "nodes/value.h"
#include "store/table.h"

/* From here on the plan's statements and those that write rows are understood. */
#define OLDEST_MYSQL 50600
#define OLDEST_MARIADB 100600

/* The default of option ledger_schema. */
#define LEDGER_DATABASE "dtsmig_ledger"

/* A row or value of the usual size fits; larger ones stop the task. */
#define SMALL_PACKET (16 * 1024 * 1024)

static bool
is_true(PrecheckContext *pc, const char *sql)
{
	char	   *value = pc->dest->value(sql);

	return value != NULL && strcmp(value, "0") != 0 && pg_strcasecmp(value, "OFF") != 0;
}

/* A setting; NULL: it is one of MySQL from a later version on. */
static char *
setting(PrecheckContext *pc, const char *name, int mysql)
{
	if (mysql != 0 && (pc->mysql->mariadb || pc->mysql->version < mysql))
		return NULL;
	return pc->dest->value(psprintf("SELECT @@global.%s", name));
}

static bool
is_on(PrecheckContext *pc, const char *name, int mysql)
{
	char	   *value = setting(pc, name, mysql);

	return value != NULL && strcmp(value, "0") != 0 && pg_strcasecmp(value, "OFF") != 0;
}

static bool
has_table(PrecheckContext *pc, const TableDef *def)
{
	return is_true(pc, psprintf("SELECT COUNT(*) FROM information_schema.TABLES "
								"WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s",
								emit_quote(def->target_schema), emit_quote(def->target_name)));
}

/* Did this task make it? */
static bool
is_own(PrecheckContext *pc, const TableDef *def)
{
	return store_table_is_target(pc->task->id, def->target_schema, def->target_name);
}

static char *
full_name(const TableDef *def)
{
	return psprintf("%s.%s", emit_quote_name(def->target_schema), emit_quote_name(def->target_name));
}

static void
check_tables(PrecheckContext *pc, List *tables, List **items)
{
	bool		clean = true;
	ListCell   *lc;

	foreach(lc, tables)
	{
		TableDef   *def = lfirst(lc);
		bool		there;

		if (!model_has_rows(def))
			continue;
		there = has_table(pc, def);
		if (!there && !pc->task->do_schema)
			precheck_add(items, "same_name_tables", PRECHECK_FAILED,
						 psprintf("table %s does not exist, and schema migration was not asked for",
								  full_name(def)),
						 "Create it, or add schema to migration_types.");
		else if (there && pc->task->do_schema && !is_own(pc, def))
			precheck_add(items, "same_name_tables", PRECHECK_FAILED,
						 psprintf("table %s exists at the destination", full_name(def)),
						 psprintf("Run at the destination: DROP TABLE %s; or rename it, or the target with a rule in objects.",
								  full_name(def)));
		else
			continue;
		clean = false;
	}
	if (clean)
		precheck_add(items, "same_name_tables", PRECHECK_PASSED,
					 pc->task->do_schema ? "no target table is in the way" :
					 "all target tables exist", NULL);
}

static void
check_refused(PrecheckContext *pc, List *tables, List **items)
{
	bool		clean = true;
	ListCell   *lc;

	foreach(lc, tables)
	{
		TableDef   *def = lfirst(lc);
		char	   *hint;
		char	   *reason;

		if (!model_has_rows(def))
			continue;
		reason = pc->dest->refuses_table(def->target_schema, def->target_name, &hint);
		if (reason == NULL)
			continue;
		precheck_add(items, "destination_tables", PRECHECK_FAILED,
					 psprintf("%s takes no rows: %s", full_name(def), reason), hint);
		clean = false;
	}
	if (clean)
		precheck_add(items, "destination_tables", PRECHECK_PASSED,
					 "existing tables can be written to", NULL);
}

static void
check_kind(PrecheckContext *pc, const DestIdentity *id, List **items)
{
	int			oldest = pc->mysql->mariadb ? OLDEST_MARIADB : OLDEST_MYSQL;

	if (pc->mysql->version < oldest)
		precheck_add(items, "destination_kind", PRECHECK_FAILED,
					 psprintf("the destination is %s", pc->mysql->name),
					 "Destinations are MySQL from version 5.6 on, and MariaDB from version 10.6 on.");
	else if (!is_true(pc, "SELECT COUNT(*) FROM information_schema.ENGINES "
					  "WHERE ENGINE = 'InnoDB' AND SUPPORT IN ('YES', 'DEFAULT')"))
		precheck_add(items, "destination_kind", PRECHECK_FAILED,
					 "the destination has no InnoDB", "Start it with the engine InnoDB.");
	else
		precheck_add(items, "destination_kind", PRECHECK_PASSED,
					 psprintf("server \"%s\": %s, account %s, %s", pc->task->destination,
							  pc->mysql->name, id->account,
							  id->tls ? "encrypted" : "not encrypted"), NULL);
}

static void
check_writable(PrecheckContext *pc, List **items)
{
	const char *found = NULL;

	if (is_on(pc, "super_read_only", 50708))
		found = "super_read_only is on, as on a replica or a secondary of a group";
	else if (is_on(pc, "read_only", 0))
		found = "read_only is on, as on a replica";
	if (found != NULL)
		precheck_add(items, "destination_writable", PRECHECK_FAILED, found,
					 "Let the server's options name the one that takes writes; or run at the destination: SET GLOBAL read_only = 0.");
	else
		precheck_add(items, "destination_writable", PRECHECK_PASSED,
					 "the destination takes writes", NULL);
	precheck_add(items, "encoding", PRECHECK_PASSED, "tables are utf8mb4", NULL);
}

/* 'app'@'%', as a GRANT names it; an expression of SQL */
#define ACCOUNT "CONCAT('''', SUBSTRING_INDEX(CURRENT_USER(), '@', 1), '''@''', " \
	"SUBSTRING_INDEX(CURRENT_USER(), '@', -1), '''')"

/*
 * Rights that are granted to the account itself, on everything or on the
 * database; what roles give it cannot be seen in these tables.
 */
static char *
lacking(PrecheckContext *pc, const char *schema, const char *const *rights, int n)
{
	StringInfoData buf;

	initStringInfo(&buf);
	for (int i = 0; i < n; i++)
	{
		if (!is_true(pc, psprintf("SELECT (SELECT COUNT(*) FROM information_schema.USER_PRIVILEGES "
								  "WHERE GRANTEE = " ACCOUNT " AND PRIVILEGE_TYPE = '%s') + "
								  "(SELECT COUNT(*) FROM information_schema.SCHEMA_PRIVILEGES "
								  "WHERE GRANTEE = " ACCOUNT " AND PRIVILEGE_TYPE = '%s' AND %s LIKE TABLE_SCHEMA)",
								  rights[i], rights[i], emit_quote(schema))))
			appendStringInfo(&buf, "%s%s", buf.len ? ", " : "", rights[i]);
	}
	return buf.len ? buf.data : NULL;
}

static bool
has_roles(PrecheckContext *pc)
{
	char	   *role;

	if (!pc->mysql->mariadb && pc->mysql->version < 80000)
		return false;
	role = pc->dest->value("SELECT CURRENT_ROLE()");
	return role != NULL && pg_strcasecmp(role, "NONE") != 0 && role[0] != '\0';
}

/* So many of the rights are for rows; without TRIGGER triggers are not seen. */
#define ROW_RIGHTS 5

/*
 * Databases that the task writes to, each once: String. That of the ledger first,
 * which is the session's where the option names none.
 */
static List *
databases(PrecheckContext *pc, List *tables)
{
	char	   *own = pc->dest->value("SELECT DATABASE()");
	char	   *ledger = pc->options->ledger_schema;
	List	   *names;
	ListCell   *lc;

	if (own != NULL && strcmp(ledger, LEDGER_DATABASE) == 0)
		ledger = own;
	names = list_make1(makeString(ledger));
	foreach(lc, tables)
		names = list_append_unique(names, makeString(((TableDef *) lfirst(lc))->target_schema));
	return names;
}

static void
check_privileges(PrecheckContext *pc, List *tables, List **items)
{
	static const char *const rights[] = {"SELECT", "INSERT", "UPDATE", "DELETE", "TRIGGER",
	"CREATE", "DROP", "ALTER", "INDEX", "REFERENCES"};
	StringInfoData found;
	StringInfoData advice;
	List	   *names = databases(pc, tables);
	char	   *account = pc->dest->value("SELECT " ACCOUNT);
	ListCell   *lc;

	initStringInfo(&found);
	initStringInfo(&advice);
	foreach(lc, has_roles(pc) ? NIL : names)
	{
		const char *name = strVal(lfirst(lc));
		bool		makes = pc->task->do_schema || lc == list_head(names);
		char	   *lacks = lacking(pc, name, rights, makes ? lengthof(rights) : ROW_RIGHTS);

		if (lacks == NULL)
			continue;
		appendStringInfo(&found, "%s%s on %s", found.len ? "; " : "", lacks, name);
		appendStringInfo(&advice, "%sGRANT %s ON %s.* TO %s;", advice.len ? " " : "Run at the destination: ",
						 lacks, emit_quote_name(name), account);
	}
	if (found.len > 0)
		precheck_add(items, "destination_privileges", PRECHECK_FAILED,
					 psprintf("account %s lacks: %s", account, found.data), advice.data);
	else
		precheck_add(items, "destination_privileges", PRECHECK_PASSED,
					 psprintf("account %s may do what the task does", account), NULL);
}

/*
 * Triggers of the destination cannot be disabled: they act on the rows that
 * arrive.
 */
static void
check_triggers(PrecheckContext *pc, List *tables, List **items)
{
	StringInfoData found;
	ListCell   *lc;

	initStringInfo(&found);
	foreach(lc, tables)
	{
		TableDef   *def = lfirst(lc);
		char	   *names;

		if (!model_has_rows(def))
			continue;
		names = pc->dest->value(psprintf("SELECT GROUP_CONCAT(TRIGGER_NAME ORDER BY 1) FROM information_schema.TRIGGERS "
										 "WHERE EVENT_OBJECT_SCHEMA = %s AND EVENT_OBJECT_TABLE = %s",
										 emit_quote(def->target_schema),
										 emit_quote(def->target_name)));
		if (names != NULL)
			appendStringInfo(&found, "%s%s of %s", found.len ? ", " : "", names, full_name(def));
	}
	if (found.len > 0)
		precheck_add(items, "session_replication_role", PRECHECK_WARNING,
					 psprintf("triggers act on the rows that arrive: %s", found.data),
					 "MySQL and MariaDB cannot disable triggers: drop them (DROP TRIGGER) until the task is over.");
	else
		precheck_add(items, "session_replication_role", PRECHECK_PASSED,
					 "foreign keys are not checked while changes are applied, and no table has a trigger",
					 NULL);
}

static void
check_keyless(PrecheckContext *pc, List *tables, List **items)
{
	StringInfoData found;
	ListCell   *lc;

	initStringInfo(&found);
	foreach(lc, tables)
	{
		TableDef   *def = lfirst(lc);
		TableIndex *index = def->indexes ? linitial(def->indexes) : NULL;

		if (model_has_rows(def) && (index == NULL || index->kind != INDEX_PRIMARY))
			appendStringInfo(&found, "%s%s.%s", found.len ? ", " : "", def->schema, def->name);
	}
	if (found.len > 0 && pc->task->do_schema && is_on(pc, "sql_require_primary_key", 80013) &&
		!is_on(pc, "sql_generate_invisible_primary_key", 80030))
		precheck_add(items, "primary_key_required", PRECHECK_FAILED,
					 psprintf("sql_require_primary_key is on, and these have no primary key: %s", found.data),
					 "Give them one at the source; or run at the destination: SET GLOBAL sql_require_primary_key = 0.");
	else
		precheck_add(items, "primary_key_required", PRECHECK_PASSED,
					 found.len > 0 ? "tables without a primary key can be made" :
					 "each table has a primary key", NULL);
}

static void
check_names(PrecheckContext *pc, List *tables, List **items)
{
	StringInfoData found;
	ListCell   *lc;
	char	   *value = setting(pc, "lower_case_table_names", 0);

	initStringInfo(&found);
	foreach(lc, tables)
	{
		TableDef   *def = lfirst(lc);
		const char *p = def->target_name;

		while (*p && !(*p >= 'A' && *p <= 'Z'))
			p++;
		if (*p && model_has_rows(def))
			appendStringInfo(&found, "%s%s", found.len ? ", " : "", def->target_name);
	}
	if (value != NULL && strcmp(value, "1") == 0 && found.len > 0)
		precheck_add(items, "lower_case_table_names", PRECHECK_WARNING,
					 psprintf("lower_case_table_names is 1: these tables get names in lower case: %s", found.data),
					 "Statements find them under either name. Ignore it, or give them other names with a rule in objects.");
	else
		precheck_add(items, "lower_case_table_names", PRECHECK_PASSED,
					 psprintf("lower_case_table_names is %s", value ? value : "unknown"), NULL);
}

static void
check_packet(PrecheckContext *pc, List **items)
{
	char	   *value = setting(pc, "max_allowed_packet", 0);
	int64		bytes = value ? strtoll(value, NULL, 10) : 0;

	if (bytes < SMALL_PACKET)
		precheck_add(items, "max_allowed_packet", PRECHECK_WARNING,
					 psprintf("max_allowed_packet is %s bytes: a larger row stops the task", value ? value : "unknown"),
					 "Run at the destination: SET GLOBAL max_allowed_packet = 1073741824; and write it to the server's configuration.");
	else
		precheck_add(items, "max_allowed_packet", PRECHECK_PASSED,
					 psprintf("max_allowed_packet is %s bytes", value), NULL);
}

/*
 * What is committed there is confirmed to the source, which may remove its log
 * then: a crash must not lose it. (MariaDB's 3 flushes like 1.)
 */
static void
check_durability(PrecheckContext *pc, List **items)
{
	char	   *flush = setting(pc, "innodb_flush_log_at_trx_commit", 0);
	char	   *sync = setting(pc, "sync_binlog", 0);
	bool		at_commit = flush != NULL && (strcmp(flush, "1") == 0 || strcmp(flush, "3") == 0);
	bool		synced = !is_on(pc, "log_bin", 0) || (sync != NULL && strcmp(sync, "1") == 0);

	if (flush == NULL || strcmp(flush, "0") == 0)
		precheck_add(items, "destination_durability", PRECHECK_FAILED,
					 psprintf("innodb_flush_log_at_trx_commit is %s: a crash of the server loses rows that are confirmed to the source",
							  flush ? flush : "unknown"),
					 "Run at the destination: SET GLOBAL innodb_flush_log_at_trx_commit = 1; and write it to the server's configuration.");
	else if (!at_commit || !synced)
		precheck_add(items, "destination_durability", PRECHECK_WARNING,
					 psprintf("innodb_flush_log_at_trx_commit is %s, sync_binlog %s: a crash of the server's machine loses rows that are confirmed to the source",
							  flush, sync ? sync : "unknown"),
					 "Run at the destination: SET GLOBAL innodb_flush_log_at_trx_commit = 1; SET GLOBAL sync_binlog = 1; and write it to the server's configuration.");
	else
		precheck_add(items, "destination_durability", PRECHECK_PASSED,
					 "what is committed is flushed", NULL);
}

/* Texts in keys, which have a limit there and none at the source. */
static void
check_keys(PrecheckContext *pc, List *tables, List **items)
{
	PlanOptions options = {0};
	List	   *texts;
	bool		clean = true;
	ListCell   *lc;

	options.mysql = pc->mysql;
	texts = emit_key_texts(pc->source->read_definitions(pc->conn, tables), &options);
	foreach(lc, texts)
	{
		EmitKeyText *t = lfirst(lc);
		int64		longest = pc->source->measure(pc->conn, t->table, t->column,
												  t->bytes ? MEASURE_BYTES : MEASURE_CHARACTERS);

		if (longest > t->length)
		{
			precheck_add(items, "key_lengths", PRECHECK_FAILED,
						 psprintf("column %s of %s.%s is in a key, where %d %s is what fits, and holds a value of " INT64_FORMAT,
								  t->column, t->table->schema, t->table->name, t->length,
								  t->bytes ? "bytes" : "characters", longest),
						 "Shorten the values; or let another column be the key, or leave the table out with a rule in objects.");
			clean = false;
		}
		else if (pc->mysql->pads && !t->bytes &&
				 pc->source->measure(pc->conn, t->table, t->column, MEASURE_BLANK_TWINS) > 0)
		{
			precheck_add(items, "key_lengths", PRECHECK_FAILED,
						 psprintf("column %s of %s.%s is in a key, and holds values that differ in blanks at their end alone, which are equal to %s",
								  t->column, t->table->schema, t->table->name, pc->mysql->name),
						 "Change these values; or use MySQL 8.0.17 or later, or MariaDB.");
			clean = false;
		}
	}
	if (clean)
		precheck_add(items, "key_lengths", PRECHECK_PASSED,
					 texts ? "texts in keys fit" : "no key has a text without a limit", NULL);
}

void
precheck_mysql(PrecheckContext *pc, List *tables, List **items)
{
	DestIdentity id;
	bool		planned = true;
	ListCell   *lc;

	foreach(lc, tables)
	{
		TableDef   *def = lfirst(lc);

		planned &= def->target_schema != NULL && def->target_name != NULL;
	}
	if (!planned)
		tables = NIL;
	pc->dest->identify(&id);
	check_kind(pc, &id, items);
	check_writable(pc, items);
	check_privileges(pc, tables, items);
	check_tables(pc, tables, items);
	check_refused(pc, tables, items);
	check_triggers(pc, tables, items);
	check_keyless(pc, tables, items);
	check_names(pc, tables, items);
	check_packet(pc, items);
	check_durability(pc, items);
	if (pc->task->do_schema && pc->source->read_definitions != NULL)
		check_keys(pc, tables, items);
}
