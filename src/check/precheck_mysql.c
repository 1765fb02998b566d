/*-------------------------------------------------------------------------
 *
 * precheck_mysql.c
 *	  The destination's side of the precheck, where that is a server of the MySQL
 *	  family.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "check/precheck.h"

#include "schema/plan.h"
#include "utils/builtins.h"

/* A literal there: backslash is an escape. */
static char *
literal(const char *value)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoChar(&buf, '\'');
	for (; *value; value++)
	{
		if (*value == '\'' || *value == '\\')
			appendStringInfoChar(&buf, *value);
		appendStringInfoChar(&buf, *value);
	}
	appendStringInfoChar(&buf, '\'');
	return buf.data;
}

static bool
is_true(PrecheckContext *pc, const char *sql)
{
	char	   *value = pc->dest->value(sql);

	return value != NULL && strcmp(value, "0") != 0;
}

bool
precheck_mysql_has_table(PrecheckContext *pc, const TableDef *def)
{
	return is_true(pc, psprintf("SELECT COUNT(*) FROM information_schema.tables "
								"WHERE table_schema = %s AND table_name = %s",
								literal(def->target_schema), literal(def->target_name)));
}

static void
check_kind(PrecheckContext *pc, const DestIdentity *id, List **items)
{
	precheck_add(items, "destination_kind", PRECHECK_PASSED,
				 psprintf("server \"%s\": %s %s, account %s, %s", pc->task->destination,
						  id->product, id->version, id->account,
						  id->tls ? "encrypted" : "not encrypted"), NULL);
}

static void
check_writable(PrecheckContext *pc, List **items)
{
	if (is_true(pc, "SELECT COUNT(*) FROM (SELECT @@global.read_only AS r) x WHERE r NOT IN ('0', 'OFF')"))
		precheck_sql(precheck_add(items, "destination_writable", PRECHECK_FAILED,
								  "the destination is read-only, as a replica is",
								  "Let the server's options name the one that takes writes; or run this there."),
					 AT_DESTINATION, "SET GLOBAL read_only = 0");
	else
		precheck_add(items, "destination_writable", PRECHECK_PASSED,
					 "the destination takes writes", NULL);
}

/* They cannot be disabled in a session. */
static void
check_triggers(PrecheckContext *pc, List *tables, List **items)
{
	StringInfoData found;
	ListCell   *lc;

	initStringInfo(&found);
	foreach(lc, tables)
	{
		TableDef   *def = lfirst(lc);

		if (model_has_rows(def) &&
			is_true(pc, psprintf("SELECT COUNT(*) FROM information_schema.triggers "
								 "WHERE event_object_schema = %s AND event_object_table = %s",
								 literal(def->target_schema), literal(def->target_name))))
			appendStringInfo(&found, "%s%s", found.len ? ", " : "", plan_table_name(def));
	}
	if (found.len > 0)
		precheck_add(items, "session_replication_role", PRECHECK_WARNING,
					 psprintf("triggers of the destination act on the rows that arrive: of %s", found.data),
					 "Drop them until the task is over, or ignore this.");
	else
		precheck_add(items, "session_replication_role", PRECHECK_PASSED,
					 "foreign keys are not checked while rows are written, and there are no triggers", NULL);
}

void
precheck_mysql(PrecheckContext *pc, List *tables, List **items)
{
	DestIdentity id;

	pc->dest->identify(&id);
	check_kind(pc, &id, items);
	check_writable(pc, items);
	precheck_tables_take_rows(pc, tables, items);
	check_triggers(pc, tables, items);
}
