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

#include "store/sql.h"
#include "core/one_statement.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "schema/plan.h"
#include "tables/describe.h"
#include "tables/sequences.h"
#include "utils/builtins.h"

/* May the role $2 read and set the sequence? */
#define MAY_SET(s) \
	"CASE WHEN " s ".relkind = 'S' THEN " \
	"pg_catalog.has_sequence_privilege($2::oid, " s ".oid, 'SELECT') AND " \
	"pg_catalog.has_sequence_privilege($2::oid, " s ".oid, 'UPDATE') ELSE true END"

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

/* Of all tables of the task. */
static List *
column_sequences(const TaskRecord *task)
{
	List	   *list = NIL;
	StoreRows   *rows;

	rows = store_query("SELECT s.oid::bigint, pg_catalog.format('%I.%I', sn.nspname, s.relname), "
					   "q.seqincrement > 0, q.seqmin, q.seqmax, "
					   MAY_SET("s") ", "
					   "pg_catalog.format('%I.%I', n.nspname, c.relname), a.attname, "
					   "a.attidentity <> '', COALESCE(NULLIF(y.typbasetype, 0), y.oid) IN "
					   "('int2'::pg_catalog.regtype, 'int4'::pg_catalog.regtype, "
					   "'int8'::pg_catalog.regtype, 'numeric'::pg_catalog.regtype), "
					   "t.source_schema, t.source_table "
					   "FROM dtsmig.task_table t "
					   "JOIN pg_catalog.pg_namespace n ON n.nspname = t.target_schema "
					   "JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid "
					   "AND c.relname = t.target_table "
					   SEQUENCES_OF_COLUMNS
					   "JOIN pg_catalog.pg_type y ON y.oid = a.atttypid "
					   "JOIN pg_catalog.pg_sequence q ON q.seqrelid = s.oid "
					   "WHERE t.task_id = $1 ORDER BY s.oid, c.oid, a.attnum", "ii",
					   task->id, (int64) task->owner);
	for (int i = 0; i < rows->nrows; i++)
	{
		ColumnSequence *s = palloc0(sizeof(ColumnSequence));

		s->relid = (Oid) store_int(rows, i, 0);
		s->name = rows->values[i][1];
		s->ascending = store_bool(rows, i, 2);
		s->min = rows->values[i][3];
		s->max = rows->values[i][4];
		s->allowed = store_bool(rows, i, 5);
		s->table = rows->values[i][6];
		s->column = rows->values[i][7];
		s->identity = store_bool(rows, i, 8);
		s->integer = store_bool(rows, i, 9);
		s->source_schema = rows->values[i][10];
		s->source_table = rows->values[i][11];
		list = lappend(list, s);
	}
	return list;
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

static void
advance_past_rows_here(const TaskRecord *task)
{
	List	   *sequences = column_sequences(task);
	ListCell   *lc;

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
				 psprintf("GRANT SELECT, UPDATE ON SEQUENCE %s TO %s;", s->name,
						  quote_identifier(GetUserNameFromId(task->owner, false))));
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

/*
 * The same where the destination is elsewhere, which this process is attached
 * to: of sequences that columns own, which go up.
 */
static void
advance_there(const TaskRecord *task)
{
	StoreRows   *rows = store_query("SELECT pg_catalog.format('%I.%I', target_schema, target_table) "
								   "FROM dtsmig.task_table WHERE task_id = $1", "i", task->id);

	for (int i = 0; i < rows->nrows; i++)
	{
		const char *table = rows->values[i][0];
		char	   *columns;
		char	   *one;

		columns = select_one_value(psprintf("SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname) || E'\\t' || "
											"pg_catalog.pg_get_serial_sequence(%s, a.attname), E'\\n') "
											"FROM pg_catalog.pg_attribute a WHERE a.attrelid = pg_catalog.to_regclass(%s) "
											"AND a.attnum > 0 AND NOT a.attisdropped "
											"AND a.atttypid IN ('pg_catalog.int2'::pg_catalog.regtype, "
											"'pg_catalog.int4'::pg_catalog.regtype, 'pg_catalog.int8'::pg_catalog.regtype, "
											"'pg_catalog.numeric'::pg_catalog.regtype)",
											quote_literal_cstr(table), quote_literal_cstr(table)));
		while ((one = strsep(&columns, "\n")) != NULL)
		{
			char	   *sequence = one;
			char	   *column = strsep(&sequence, "\t");

			if (sequence == NULL)
				continue;
			(void) run_one_statement(psprintf("SELECT pg_catalog.setval(%s, m.last) FROM %s s, "
											  "(SELECT LEAST(pg_catalog.max(%s), 9223372036854775807)::pg_catalog.int8 AS last FROM %s) m, "
											  "pg_catalog.pg_sequence q WHERE q.seqrelid = %s::pg_catalog.regclass "
											  "AND q.seqincrement > 0 AND m.last BETWEEN q.seqmin AND q.seqmax "
											  "AND (s.last_value < m.last OR (s.last_value = m.last AND NOT s.is_called))",
											  quote_literal_cstr(sequence), sequence, column, table,
											  quote_literal_cstr(sequence)));
		}
	}
}

void
advance_past_rows(const TaskRecord *task)
{
	/* InnoDB's AUTO_INCREMENT is past the rows by itself */
	if (!one_statement_is_postgres())
		return;
	if (one_statement_is_elsewhere())
	{
		advance_there(task);
		return;
	}
	advance_past_rows_here(task);
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

/*
 * Sequences of MariaDB that are objects of their own. Their position is the
 * first value that no session has in its cache.
 */
static Oid
own_sequence(Verify *v, const TableDef *def)
{
	NameCase	name_case = (NameCase) v->options->name_case;
	StoreRows   *rows;

	rows = store_query("SELECT c.oid::bigint, pg_catalog.format('%I.%I', n.nspname, c.relname), "
					   MAY_SET("c") " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n "
					   "ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $3 "
					   "AND c.relkind = 'S'", "tit",
					   def->target_schema ? def->target_schema :
					   plan_name(def->schema, name_case, false),
					   (int64) v->task->owner, def->target_name ? def->target_name :
					   plan_name(def->name, name_case, false));
	if (rows->nrows == 0)
		return InvalidOid;
	if (def->auto_increment != NULL && store_bool(rows, 0, 2))
		set_next(v->task, rows->values[0][1], def->auto_increment);
	return (Oid) store_int(rows, 0, 0);
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

/* Returns the OIDs of sequences that are no column's. */
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
			Oid			relid = own_sequence(v, def);

			if (OidIsValid(relid))
				own = list_append_unique_oid(own, relid);
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

/* All that are the task's; each once. */
static List *
all_sequences(Verify *v, List **denied)
{
	List	   *columns = column_sequences(v->task);
	List	   *oids;
	ListCell   *lc;

	oids = v->source->sequences != NULL ?
		advance_sequences(v->source, v->conn, v->selection, v->options, denied) :
		past_auto_increment(v, columns);
	foreach(lc, columns)
		oids = list_append_unique_oid(oids, ((ColumnSequence *) lfirst(lc))->relid);
	return oids;
}

/* Names of those of oids that the owner may, or may not, read and set. */
static List *
by_right(const TaskRecord *task, List *oids, bool allowed)
{
	List	   *names = NIL;
	ListCell   *lc;

	foreach(lc, oids)
	{
		StoreRows   *rows;

		rows = store_query("SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) "
						   "FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n "
						   "ON n.oid = c.relnamespace WHERE c.oid = $1::oid "
						   "AND $3 = (" MAY_SET("c") ")", "iib", (int64) lfirst_oid(lc), (int64) task->owner, allowed);
		if (rows->nrows > 0)
			names = lappend(names, rows->values[0][0]);
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
	List	   *names = by_right(v->task, all_sequences(v, NULL), true);
	ListCell   *lc;

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
	List	   *denied = NIL;
	List	   *oids = all_sequences(v, &denied);
	StringInfoData buf;
	ListCell   *lc;

	foreach(lc, denied)
		oids = list_append_unique_oid(oids, lfirst_oid(lc));
	denied = by_right(v->task, oids, false);
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
					   "WHERE c.oid = $1::oid AND NOT (" MAY_SET("s") ") ORDER BY 1",
					   "ii", (int64) relid, (int64) role);
	for (int i = 0; i < rows->nrows; i++)
		names = lappend(names, rows->values[i][0]);
	return names;
}
