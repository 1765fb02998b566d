/*-------------------------------------------------------------------------
 *
 * verify_results.c
 *	  Differences in the catalog: tables verify_run and verify_difference.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "check/verify.h"

#include "store/difference.h"
#include "store/verify_run.h"
#include "core/wait.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/memutils.h"

/* Bytes of a value that a result shows. */
#define SHOWN_BYTES 200

static const char *const mode_names[] = {"full", "sample", "incremental", "schema"};
static const char *const kind_names[] = {"missing", "extra", "differs"};

void
verify_begin(Verify *v)
{
	v->started = GetCurrentTimestamp();
	v->run_id = store_verify_begin(v->task->id, mode_names[v->mode]);
}

static char *
joined(List *names, const char *separator)
{
	StringInfoData buf;
	ListCell   *lc;

	initStringInfo(&buf);
	foreach(lc, names)
		appendStringInfo(&buf, "%s%s", buf.len ? separator : "", (char *) lfirst(lc));
	return buf.data;
}

/* What keeps the result from saying all. */
static void
warn(const Verify *v)
{
	if (v->left_out != NIL)
		ereport(WARNING,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("%d tables were not compared: they are being copied again",
						list_length(v->left_out)),
				 errdetail("%s", joined(v->left_out, ", "))));
	if (v->cut_tables > 0)
		ereport(WARNING,
				(errmsg(INT64_FORMAT " tables have more differences than are listed",
						v->cut_tables),
				 errdetail("The rest of them was not compared."),
				 errhint("max_differences says how many are listed of a table.")));
	if (v->unsettled > 0)
		ereport(WARNING,
				(errmsg(INT64_FORMAT " rows changed too often to be compared",
						v->unsettled)));
}

void
verify_end(Verify *v)
{
	StoreVerifyEnd end = {v->rows, v->moved, list_length(v->results), v->unsettled,
	v->cut_tables, joined(v->left_out, "\n")};

	store_verify_end(v->run_id, &end);
	task_log_event(v->task->id, v->results == NIL ? "info" : "warning",
				   psprintf("verification (%s): %d differences",
							mode_names[v->mode], list_length(v->results)),
				   v->mode == VERIFY_SCHEMA ? NULL :
				   psprintf(INT64_FORMAT " rows compared, " INT64_FORMAT " of them read from the source; "
							INT64_FORMAT " rows changed too often to be compared; "
							INT64_FORMAT " tables have more differences than are listed.%s%s",
							v->rows, v->moved, v->unsettled, v->cut_tables,
							v->left_out ? " Being copied again, and not compared: " : "",
							joined(v->left_out, ", ")),
				   v->results == NIL ? NULL : "The view dtsmig.verify_results lists them; dtsmig.repair fixes rows.",
				   NULL);
	warn(v);
}

static void
add_value(StringInfo buf, const char *value)
{
	int			len = value ? (int) strlen(value) : 0;

	if (value == NULL)
		appendStringInfoString(buf, "null");
	else if (len <= SHOWN_BYTES)
		escape_json(buf, value);
	else
		escape_json(buf, psprintf("%s... (%d bytes)",
								  pnstrdup(value, pg_mbcliplen(value, len, SHOWN_BYTES)),
								  len));
}

static void
add_result(Verify *v, SourceRelation *rel, const char *schema,
		   const char *table, DifferenceKind kind, const char *object,
		   const char *key, const char *key_values, const char *differences)
{
	MemoryContext old;
	VerifyResult *r;
	NewDifference d = {rel ? rel->table_id : 0, schema, table, kind_names[kind],
	object, key, key_values, differences};
	int64		id = store_difference_add(v->run_id, v->task->id, &d);

	old = MemoryContextSwitchTo(v->cxt);
	r = palloc0(sizeof(VerifyResult));
	r->id = id;
	r->rel = rel;
	r->table = psprintf("%s.%s", schema, table);
	r->kind = kind;
	r->key = key ? pstrdup(key) : NULL;
	r->differences = differences ? pstrdup(differences) : NULL;
	r->seen = GetCurrentTimestamp();
	v->results = lappend(v->results, r);
	MemoryContextSwitchTo(old);
}

/* {"column": {"source": …, "destination": …}} of what differs. */
static char *
differing_columns(const SourceRelation *rel, char *const *there,
				  char *const *here, int64 count)
{
	StringInfoData buf;
	bool		first = true;

	initStringInfo(&buf);
	appendStringInfoChar(&buf, '{');
	for (int i = 0; i < rel->ncolumns; i++)
	{
		const char *a = there ? there[i] : NULL;
		const char *b = here ? here[i] : NULL;

		if (!rel->columns[i].replicated)
			continue;
		if (there && here &&
			(a == b || (a && b && strcmp(a, b) == 0)))
			continue;
		if (!first)
			appendStringInfoString(&buf, ", ");
		first = false;
		escape_json(&buf, rel->columns[i].target_name);
		appendStringInfoString(&buf, ": {");
		if (there)
		{
			appendStringInfoString(&buf, "\"source\": ");
			add_value(&buf, a);
		}
		if (here)
		{
			appendStringInfo(&buf, "%s\"destination\": ", there ? ", " : "");
			add_value(&buf, b);
		}
		appendStringInfoChar(&buf, '}');
	}
	if (count > 1)
		appendStringInfo(&buf, "%s\"\": {\"rows\": " INT64_FORMAT "}",
						 first ? "" : ", ", count);
	appendStringInfoChar(&buf, '}');
	return buf.data;
}

/*
 * A row that differs in columns that are generated at the destination, and in
 * nothing that they are made of: each such column is reported once.
 */
static void
report_generated(Verify *v, VerifyTable *t, const SourceRelation *rel,
				 char *const *there, char *const *here)
{
	Bitmapset  *columns = NULL;
	int			i = -1;

	for (int c = 0; c < rel->ncolumns; c++)
	{
		const SourceColumn *col = &rel->columns[c];
		const char *a = there[c];
		const char *b = here[c];

		if (!col->replicated || a == b || (a && b && strcmp(a, b) == 0))
			continue;
		if (!col->generated)
			return;
		columns = bms_add_member(columns, c);
	}
	while ((i = bms_next_member(columns, i)) >= 0)
	{
		const SourceColumn *col = &rel->columns[i];
		MemoryContext old;

		if (bms_is_member(i, t->reported))
			continue;
		old = MemoryContextSwitchTo(v->cxt);
		t->reported = bms_add_member(t->reported, i);
		MemoryContextSwitchTo(old);
		ereport(WARNING,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("column \"%s\" of table \"%s\".\"%s\" is generated at the destination, and has other values than at the source",
						col->target_name, rel->target_schema, rel->target_name),
				 errdetail("The columns that it is made of are equal; its expression gives other values at the destination."),
				 errhint("repair cannot change it. To have the source's values: ALTER TABLE %s ALTER COLUMN %s DROP EXPRESSION; SELECT dtsmig.resync_table(%s, %s);",
						 quote_qualified_identifier(rel->target_schema, rel->target_name),
						 quote_identifier(col->target_name),
						 quote_literal_cstr(v->task->name),
						 quote_literal_cstr(psprintf("%s.%s", rel->schema, rel->name)))));
	}
}

void
verify_add_row(Verify *v, VerifyTable *t, SourceRelation *rel,
			   char *const *key, char *const *there, char *const *here,
			   int64 count)
{
	StringInfoData shown;
	StringInfoData exact;

	if (t->differences >= v->max_differences)
	{
		if (t->differences == v->max_differences)
			v->cut_tables++;
		t->differences++;
		return;
	}
	t->differences++;
	initStringInfo(&shown);
	initStringInfo(&exact);
	for (int i = 0; key && i < rel->nkey; i++)
	{
		appendStringInfo(&shown, "%s", i > 0 ? ", " : "{");
		escape_json(&shown, rel->columns[rel->key[i]].target_name);
		appendStringInfoString(&shown, ": ");
		add_value(&shown, key[i]);
		appendStringInfo(&exact, "%s", i > 0 ? ", " : "[");
		if (key[i])
			escape_json(&exact, key[i]);
		else
			appendStringInfoString(&exact, "null");
	}
	if (key)
	{
		appendStringInfoChar(&shown, '}');
		appendStringInfoChar(&exact, ']');
	}
	add_result(v, rel, rel->schema, rel->name,
			   there == NULL ? DIFFERENCE_EXTRA :
			   here == NULL ? DIFFERENCE_MISSING : DIFFERENCE_DIFFERS,
			   NULL, key ? shown.data : NULL, key ? exact.data : NULL,
			   differing_columns(rel, there, here, count));
	if (there && here)
		report_generated(v, t, rel, there, here);
	pfree(shown.data);
	pfree(exact.data);
}

void
verify_add_object(Verify *v, SourceRelation *rel, const char *schema,
				  const char *table, DifferenceKind kind, const char *object,
				  const char *there, const char *here)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoChar(&buf, '{');
	escape_json(&buf, object);
	appendStringInfoString(&buf, ": {\"source\": ");
	add_value(&buf, there);
	appendStringInfoString(&buf, ", \"destination\": ");
	add_value(&buf, here);
	appendStringInfoString(&buf, "}}");
	add_result(v, rel, schema, table, kind, object, NULL, NULL, buf.data);
}

void
verify_pace(Verify *v, int64 rows)
{
	CHECK_FOR_INTERRUPTS();
	v->paced_rows += rows;
	while (v->rate > 0)
	{
		long		passed = TimestampDifferenceMilliseconds(v->started,
															 GetCurrentTimestamp());
		int64		due = v->paced_rows * 1000 / v->rate;

		if (due <= passed)
			break;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 Min(due - passed, 500), dts_wait_event(DTS_WAIT_VERIFY));
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}
