/*-------------------------------------------------------------------------
 *
 * advance.c
 *	  Sequences at the destination when a task ends (see advance.h).
 *
 * Applied rows bring values of their own, so no sequence of the destination has
 * moved with them. Values are set with is_called where the last one given is
 * known, and without where the next one is; arithmetic is in numeric, as a
 * value may lie past what a sequence can give.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "check/advance.h"
#include "check/dest_catalog.h"

#include "store/sql.h"
#include "core/one_statement.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "schema/plan.h"
#include "tables/describe.h"
#include "tables/sequences.h"
#include "utils/builtins.h"

/* May the role read and set the sequence? */
#define MAY_SET(s, role) \
	"CASE WHEN " s ".relkind = 'S' THEN " \
	"pg_catalog.has_sequence_privilege(" role ", " s ".oid, 'SELECT') AND " \
	"pg_catalog.has_sequence_privilege(" role ", " s ".oid, 'UPDATE') ELSE true END"

/* Columns a of the table c, and the sequences s in schema sn they draw from. */
#define SEQUENCES_OF_COLUMNS \
	"JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid " \
	"AND a.attnum > 0 AND NOT a.attisdropped " \
	"CROSS JOIN LATERAL (SELECT d.objid AS seq FROM pg_catalog.pg_depend d " \
	"WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass " \
	"AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass " \
	"AND d.refobjid = c.oid AND d.refobjsubid = a.attnum " \
	"AND d.deptype IN ('a', 'i') UNION " \
	"SELECT d.refobjid FROM pg_catalog.pg_attrdef f " \
	"JOIN pg_catalog.pg_depend d ON d.objid = f.oid " \
	"AND d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass " \
	"AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass " \
	"WHERE f.adrelid = c.oid AND f.adnum = a.attnum) x " \
	"JOIN pg_catalog.pg_class s ON s.oid = x.seq AND s.relkind = 'S' " \
	"JOIN pg_catalog.pg_namespace sn ON sn.oid = s.relnamespace "

/* A sequence of the destination, and a column that it gives values to. */
typedef struct ColumnSequence
{
	Oid			relid;
	char	   *name;			/* quoted */
	bool		ascending;
	char	   *min;
	char	   *max;
	bool		allowed;		/* the task's owner may read and set it */
	char	   *table;			/* quoted */
	char	   *column;
	bool		identity;
	bool		integer;		/* the column is of a type with whole numbers */
	char	   *source_schema;
	char	   *source_table;
} ColumnSequence;

static bool
is_true(const char *value)
{
	return strcmp(value, "t") == 0;
}

/* Of all tables of the task. */
static List *
column_sequences(const TaskRecord *task, const DestRoutine *dest)
{
	List	   *list = NIL;
	List	   *rows;
	ListCell   *lc;

	rows = dest_catalog_select(task, dest, "sequences of columns", "otbiibttbbtt",
							   "SELECT s.oid, pg_catalog.format('%I.%I', sn.nspname, s.relname), "
							   "q.seqincrement > 0, q.seqmin, q.seqmax, "
							   MAY_SET("s", "(SELECT oid FROM me)") ", "
							   "pg_catalog.format('%I.%I', n.nspname, c.relname), a.attname, "
							   "a.attidentity <> '', COALESCE(NULLIF(y.typbasetype, 0), y.oid) IN "
							   "('int2'::pg_catalog.regtype, 'int4'::pg_catalog.regtype, "
							   "'int8'::pg_catalog.regtype, 'numeric'::pg_catalog.regtype), "
							   "t.source_schema, t.source_table "
							   DEST_TASK_RELATIONS
							   SEQUENCES_OF_COLUMNS
							   "JOIN pg_catalog.pg_type y ON y.oid = a.atttypid "
							   "JOIN pg_catalog.pg_sequence q ON q.seqrelid = s.oid "
							   "ORDER BY s.oid, c.oid, a.attnum");
	foreach(lc, rows)
	{
		char	  **row = lfirst(lc);
		ColumnSequence *s = palloc0(sizeof(ColumnSequence));

		s->relid = atooid(row[0]);
		s->name = row[1];
		s->ascending = is_true(row[2]);
		s->min = row[3];
		s->max = row[4];
		s->allowed = is_true(row[5]);
		s->table = row[6];
		s->column = row[7];
		s->identity = is_true(row[8]);
		s->integer = is_true(row[9]);
		s->source_schema = row[10];
		s->source_table = row[11];
		list = lappend(list, s);
	}
	return list;
}

char *
advance_grant(const TaskRecord *task, const DestRoutine *dest, const char *sequences)
{
	if (dest->elsewhere)
		return psprintf("At the destination: GRANT SELECT, UPDATE ON SEQUENCE %s to the account of the task.",
						sequences);
	return psprintf("GRANT SELECT, UPDATE ON SEQUENCE %s TO %s;", sequences,
					quote_identifier(GetUserNameFromId(task->owner, false)));
}

/* As the task's owner, or the sequence's. How many rows it gives. */
static uint64
run_here(const char *sql)
{
	return run_one_statement(sql);
}

/* What its next value would be lies past its end. */
static void
tell_end(const TaskRecord *task, const char *sequence)
{
	char	   *sql;

	sql = psprintf("SELECT 1 FROM %s s, pg_catalog.pg_sequence q "
				   "WHERE q.seqrelid = %s::pg_catalog.regclass AND s.is_called "
				   "AND NOT q.seqcycle AND s.last_value::numeric + q.seqincrement "
				   "NOT BETWEEN q.seqmin AND q.seqmax", sequence,
				   quote_literal_cstr(sequence));
	if (run_here(sql) > 0)
		task_warn(task, psprintf("sequence %s is at its end", sequence), NULL,
			 "The next INSERT that needs a value fails, as it would at the source: give the column a larger type, and the sequence a further bound.");
}

void
advance_past_rows(const TaskRecord *task, const DestRoutine *dest)
{
	List	   *sequences;
	ListCell   *lc;

	/* InnoDB's AUTO_INCREMENT is past the rows by itself */
	if (!one_statement_is_postgres())
		return;
	sequences = column_sequences(task, dest);

	foreach(lc, sequences)
	{
		const ColumnSequence *s = lfirst(lc);
		const char *end = s->ascending ? s->max : s->min;
		char	   *last;

		if (!s->integer)
			continue;
		if (!s->allowed)
		{
			task_warn(task, psprintf("sequence %s is left where it is", s->name), NULL,
					  advance_grant(task, dest, s->name));
			continue;
		}
		last = select_one_value(psprintf("SELECT %s(%s)::numeric FROM %s",
										 s->ascending ? "pg_catalog.max" : "pg_catalog.min",
										 quote_identifier(s->column), s->table));
		if (last == NULL)
			continue;
		/* the last value given is the last one there, within its bounds */
		(void) run_here(psprintf("SELECT pg_catalog.setval(%s::pg_catalog.regclass, m.v::bigint, true) "
								 "FROM %s s, (SELECT %s(%s::numeric, %s) AS v) m "
								 "WHERE m.v %s %s AND (m.v %s s.last_value OR "
								 "(m.v = s.last_value AND NOT s.is_called))",
								 quote_literal_cstr(s->name), s->name,
								 s->ascending ? "LEAST" : "GREATEST",
								 quote_literal_cstr(last), end,
								 s->ascending ? ">=" : "<=",
								 s->ascending ? s->min : s->max,
								 s->ascending ? ">" : "<"));
		tell_end(task, s->name);
	}
}

/* ------------------------------------------------------------- the source */

/* The next value is this one, or a later one if it was that already. */
static void
set_next(const TaskRecord *task, const char *sequence, const char *next)
{
	if (run_here(psprintf("SELECT pg_catalog.setval(q.seqrelid::pg_catalog.regclass, "
						  "CASE WHEN q.seqincrement > 0 THEN LEAST(n.v, q.seqmax) "
						  "ELSE GREATEST(n.v, q.seqmin) END::bigint, "
						  "n.v NOT BETWEEN q.seqmin AND q.seqmax) "
						  "FROM %s s, pg_catalog.pg_sequence q, (SELECT %s::numeric AS v) n "
						  "WHERE q.seqrelid = %s::pg_catalog.regclass "
						  "AND (n.v - CASE WHEN s.is_called THEN s.last_value::numeric + q.seqincrement "
						  "ELSE s.last_value END) * pg_catalog.sign(q.seqincrement::numeric) > 0",
						  sequence, quote_literal_cstr(next),
						  quote_literal_cstr(sequence))) > 0)
		tell_end(task, sequence);
}

/* One that is the task's; palloc'd. */
typedef struct TaskSequence
{
	char	   *name;			/* quoted */
	bool		allowed;		/* the task may read and set it */
} TaskSequence;

static TaskSequence *
make_sequence(char *name, bool allowed)
{
	TaskSequence *s = palloc(sizeof(TaskSequence));

	s->name = name;
	s->allowed = allowed;
	return s;
}

/*
 * Sequences of MariaDB that are objects of their own. Their position is the
 * first value that no session has in its cache.
 */
static TaskSequence *
own_sequence(Verify *v, const TableDef *def)
{
	NameCase	name_case = (NameCase) v->options->name_case;
	const char *schema = def->target_schema ? def->target_schema :
		plan_name(def->schema, name_case, false);
	const char *name = def->target_name ? def->target_name :
		plan_name(def->name, name_case, false);
	List	   *rows;
	char	  **row;
	TaskSequence *s;

	rows = dest_catalog_select(v->task, v->dest, "sequence", "tb",
							   psprintf("SELECT pg_catalog.format('%%I.%%I', n.nspname, c.relname), %s "
										"FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n "
										"ON n.oid = c.relnamespace WHERE n.nspname = %s AND c.relname = %s "
										"AND c.relkind = 'S'", MAY_SET("c", "(SELECT oid FROM me)"),
										quote_literal_cstr(schema), quote_literal_cstr(name)));
	if (rows == NIL)
		return NULL;
	row = linitial(rows);
	s = make_sequence(row[0], is_true(row[1]));
	if (def->auto_increment != NULL && s->allowed)
		set_next(v->task, s->name, def->auto_increment);
	return s;
}

/* Is this the column with the source's AUTO_INCREMENT? */
static bool
counts_up(Verify *v, const TableDef *def, const ColumnSequence *s)
{
	ListCell   *lc;

	if (strcmp(s->source_schema, def->schema) != 0 ||
		strcmp(s->source_table, def->name) != 0 || !s->ascending || !s->allowed)
		return false;
	/* a table has one at most */
	if (s->identity)
		return true;
	foreach(lc, def->columns)
	{
		const TableColumn *col = lfirst(lc);

		if (!col->auto_increment || col->left_out)
			continue;
		return strcmp(s->column, col->target_name ? col->target_name :
					  plan_name(col->name, (NameCase) v->options->name_case,
								true)) == 0;
	}
	return false;
}

/* Returns sequences that are no column's: TaskSequence *. */
static List *
past_auto_increment(Verify *v, List *columns)
{
	List	   *tables = describe_selected(v->selection, v->source, v->conn, v->info);
	List	   *own = NIL;
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, tables)
	{
		const TableDef *def = lfirst(lc);

		if (def->is_sequence)
		{
			TaskSequence *s = own_sequence(v, def);

			if (s != NULL)
				own = lappend(own, s);
			continue;
		}
		if (def->auto_increment == NULL)
			continue;
		foreach(lc2, columns)
		{
			const ColumnSequence *s = lfirst(lc2);

			if (counts_up(v, def, s))
				set_next(v->task, s->name, def->auto_increment);
		}
	}
	return own;
}

/* The same of a PostgreSQL source. Those elsewhere that may not be set raise an error. */
static List *
past_sequences(Verify *v)
{
	List	   *denied = NIL;
	List	   *found = advance_sequences(v->source, v->conn, v->selection, v->options,
										  &denied);
	List	   *own = NIL;
	ListCell   *lc;

	if (v->dest->elsewhere)
	{
		foreach(lc, found)
			own = lappend(own, make_sequence(lfirst(lc), true));
		return own;
	}
	foreach(lc, denied)
		found = list_append_unique_oid(found, lfirst_oid(lc));
	foreach(lc, found)
	{
		StoreRows  *rows = store_query("SELECT pg_catalog.format('%I.%I', n.nspname, c.relname), "
									   MAY_SET("c", "$2::oid")
									   " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n "
									   "ON n.oid = c.relnamespace WHERE c.oid = $1::oid", "ii",
									   (int64) lfirst_oid(lc), (int64) v->task->owner);

		if (rows->nrows > 0)
			own = lappend(own, make_sequence(rows->values[0][0], store_bool(rows, 0, 1)));
	}
	return own;
}

/* All that are the task's, and that it may, or may not, read and set: names. */
static List *
all_sequences(Verify *v, bool allowed)
{
	List	   *columns = column_sequences(v->task, v->dest);
	List	   *all;
	List	   *names = NIL;
	ListCell   *lc;

	all = v->source->sequences != NULL ? past_sequences(v) : past_auto_increment(v, columns);
	foreach(lc, columns)
	{
		const ColumnSequence *s = lfirst(lc);

		all = lappend(all, make_sequence(s->name, s->allowed));
	}
	foreach(lc, all)
	{
		const TaskSequence *s = lfirst(lc);
		bool		known = s->allowed != allowed;
		ListCell   *ln;

		foreach(ln, names)
			known |= strcmp(lfirst(ln), s->name) == 0;
		if (!known)
			names = lappend(names, s->name);
	}
	return names;
}

/*
 * A sequence s with its properties q, and the last value (limit.v) that it can
 * give: its own bound, or that of the type of the column that it is for.
 */
#define SEQUENCE_AND_LIMIT \
	"%s s, pg_catalog.pg_sequence q CROSS JOIN LATERAL (SELECT " \
	"pg_catalog.min(CASE a.atttypid WHEN 'int2'::pg_catalog.regtype THEN 32767 " \
	"WHEN 'int4'::pg_catalog.regtype THEN 2147483647 " \
	"ELSE 9223372036854775807 END) AS hi FROM pg_catalog.pg_depend d " \
	"JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid " \
	"WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = q.seqrelid " \
	"AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass " \
	"AND d.deptype IN ('a', 'i')) t CROSS JOIN LATERAL (SELECT " \
	"CASE WHEN q.seqincrement > 0 THEN LEAST(q.seqmax, t.hi) " \
	"ELSE GREATEST(q.seqmin, -t.hi - 1) END::numeric AS v) l " \
	"WHERE q.seqrelid = %s::pg_catalog.regclass"
/* Values that may be used up for nothing: a tenth of those that are left. */
#define MARGIN_AT_MOST \
	"GREATEST(pg_catalog.floor((l.v - s.last_value) / q.seqincrement / 10), 0)"

void
advance_past_source(Verify *v, int64 margin)
{
	List	   *names;
	ListCell   *lc;

	if (!dest_catalog_is_postgres(v->dest))
	{
		foreach(lc, advance_counters(v->source, v->conn, v->selection, v->options, margin))
			task_warn(v->task, psprintf("AUTO_INCREMENT of %s is near its end", (char *) lfirst(lc)),
					  psprintf("It moves on by a tenth of what is left, not by the margin of " INT64_FORMAT " values.",
							   margin),
					  "Soon: give the column type BIGINT.");
		return;
	}
	names = all_sequences(v, true);
	if (margin == 0)
		return;
	foreach(lc, names)
	{
		char	   *name = lfirst(lc);

		if (run_here(psprintf("SELECT 1 FROM " SEQUENCE_AND_LIMIT " AND s.is_called "
							  "AND NOT q.seqcycle AND " MARGIN_AT_MOST " < " INT64_FORMAT,
							  name, quote_literal_cstr(name), margin)) > 0)
			task_warn(v->task, psprintf("sequence %s is near its end", name),
					  psprintf("It moves on by a tenth of what is left, not by the margin of " INT64_FORMAT " values.",
							   margin),
					  psprintf("Soon: give the column type bigint, and ALTER SEQUENCE %s AS bigint NO MAXVALUE;",
							   name));
		(void) run_here(psprintf("SELECT pg_catalog.setval(q.seqrelid::pg_catalog.regclass, "
								 "(s.last_value + q.seqincrement * LEAST(" INT64_FORMAT ", " MARGIN_AT_MOST "))::bigint, "
								 "s.is_called) FROM " SEQUENCE_AND_LIMIT,
								 margin, name, quote_literal_cstr(name)));
	}
}

char *
advance_denied(Verify *v)
{
	List	   *denied = dest_catalog_is_postgres(v->dest) ? all_sequences(v, false) : NIL;
	StringInfoData buf;
	ListCell   *lc;

	if (denied == NIL)
		return NULL;
	initStringInfo(&buf);
	foreach(lc, denied)
		appendStringInfo(&buf, "%s%s", buf.len > 0 ? ", " : "", (char *) lfirst(lc));
	return buf.data;
}

List *
advance_denied_of(Oid relid, Oid role)
{
	List	   *names = NIL;
	StoreRows   *rows;

	rows = store_query("SELECT DISTINCT pg_catalog.format('%I.%I', sn.nspname, s.relname) "
					   "FROM pg_catalog.pg_class c " SEQUENCES_OF_COLUMNS
					   "WHERE c.oid = $1::oid AND NOT (" MAY_SET("s", "$2::oid") ") ORDER BY 1",
					   "ii", (int64) relid, (int64) role);
	for (int i = 0; i < rows->nrows; i++)
		names = lappend(names, rows->values[i][0]);
	return names;
}
