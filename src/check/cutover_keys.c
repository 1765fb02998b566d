/*-------------------------------------------------------------------------
 *
 * cutover_keys.c
 *	  Are indexes, constraints and triggers of the task's tables in force, and
 *	  do rows hold what they say?
 *
 * While changes are applied nothing of that is checked here. A constraint that
 * was made while rows were on their way is held against them now; a foreign
 * key that says it is valid need not be: a source can switch its check off
 * (foreign_key_checks = 0), or its own parent may not be part of the task.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "check/cutover.h"

#include "store/sql.h"
#include "core/one_statement.h"
#include "core/attempt.h"
#include "executor/spi.h"
#include "utils/builtins.h"

#define TASK_RELATIONS \
	"FROM dtsmig.task_table t " \
	"JOIN pg_catalog.pg_namespace n ON n.nspname = t.target_schema " \
	"JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid " \
	"AND c.relname = t.target_table "

/* ----------------------------------------------------------------- indexes */

static void
check_indexes(const Verify *v)
{
	StoreRows   *rows;

	rows = store_query("SELECT i.indexrelid::pg_catalog.regclass::text " TASK_RELATIONS
					   "JOIN pg_catalog.pg_index i ON i.indrelid = c.oid "
					   "WHERE t.task_id = $1 AND NOT i.indisvalid LIMIT 1", "i",
					   v->task->id);
	if (rows->nrows > 0)
		cutover_refuse(v, psprintf("index %s is not valid", rows->values[0][0]), NULL,
					   "REINDEX it.");
}

/* ------------------------------------------------------------- constraints */

/* As the owner of the task, or of the table. */
static void
run_utility(void *sql)
{
	(void) run_one_statement(sql);
}

/* Constraints that were made while rows were still on their way. */
static void
validate_constraints(const Verify *v, bool accept)
{
	StoreRows   *rows;

	rows = store_query("SELECT pg_catalog.format('ALTER TABLE %I.%I VALIDATE CONSTRAINT %I', "
					   "n.nspname, c.relname, k.conname), k.conname, "
					   "t.source_schema, t.source_table " TASK_RELATIONS
					   "JOIN pg_catalog.pg_constraint k ON k.conrelid = c.oid "
					   "WHERE t.task_id = $1 AND NOT k.convalidated "
					   "AND COALESCE(pg_catalog.to_jsonb(k) ->> 'conenforced', 'true') = 'true' "
					   "AND k.contype IN ('f', 'c') AND k.coninhcount = 0 ORDER BY k.oid",
					   "i", v->task->id);
	for (int i = 0; i < rows->nrows; i++)
	{
		char	  **k = rows->values[i];
		ErrorData  *edata = attempt(run_utility, k[0]);

		if (edata == NULL)
			continue;
		if (edata->sqlerrcode != ERRCODE_FOREIGN_KEY_VIOLATION &&
			edata->sqlerrcode != ERRCODE_CHECK_VIOLATION)
			ReThrowError(edata);
		if (v->source->constraint_open != NULL &&
			v->source->constraint_open(v->conn, k[2], k[3], k[1]))
			task_log_event(v->task->id, "info",
						   psprintf("constraint \"%s\" of %s.%s is not valid, as at the source",
									k[1], k[2], k[3]),
						   edata->message, NULL, NULL);
		else if (accept)
			task_warn(v->task, psprintf("constraint \"%s\" of %s.%s stays not valid", k[1], k[2], k[3]),
				 edata->message, psprintf("Fix the rows, then: %s;", k[0]));
		else
			cutover_refuse(v, edata->message, edata->detail,
						   "Fix the rows, or say accept_differences.");
	}
}

/* ------------------------------------------------------------ foreign keys */

typedef struct KeyRow
{
	char	   *name;
	char	   *table;			/* quoted */
	char	   *orphan;			/* the query for one */
	bool		readable;		/* the owner may read the table it refers to */
	bool		of_one;			/* one role owns both, or may be the task's owner */
} KeyRow;

/*
 * Those that claim to be valid and are in force. Of a key that refers to a
 * partitioned table, those for its partitions are no keys of their own.
 */
static List *
valid_keys(const Verify *v)
{
	List	   *keys = NIL;
	StoreRows   *rows;

	rows = store_query("SELECT DISTINCT ON (k.oid) k.conname, pg_catalog.format('%I.%I', n.nspname, c.relname), "
					   "pg_catalog.format('SELECT pg_catalog.left(pg_catalog.to_jsonb(f)::text, 300) "
					   "FROM %s f LEFT JOIN %s p ON %s WHERE (%s) AND p.%I IS NULL LIMIT 1', "
					   "CASE c.relkind WHEN 'p' THEN '' ELSE 'ONLY ' END || pg_catalog.format('%I.%I', n.nspname, c.relname), "
					   "CASE pc.relkind WHEN 'p' THEN '' ELSE 'ONLY ' END || pg_catalog.format('%I.%I', pn.nspname, pc.relname), "
					   "j.matches, j.given, j.first), "
					   "pg_catalog.has_table_privilege($2::oid, pc.oid, 'SELECT') "
					   "AND pg_catalog.has_schema_privilege($2::oid, pn.oid, 'USAGE'), "
					   "c.relowner = pc.relowner OR pg_catalog.pg_has_role(c.relowner, $2::oid, 'MEMBER') "
					   "AND pg_catalog.pg_has_role(pc.relowner, $2::oid, 'MEMBER') "
					   TASK_RELATIONS
					   "JOIN pg_catalog.pg_constraint k ON k.conrelid = c.oid AND k.contype = 'f' AND k.convalidated "
					   "JOIN pg_catalog.pg_class pc ON pc.oid = k.confrelid "
					   "JOIN pg_catalog.pg_namespace pn ON pn.oid = pc.relnamespace "
					   "CROSS JOIN LATERAL (SELECT pg_catalog.string_agg(pg_catalog.format("
					   "'p.%I OPERATOR(%I.%s) f.%I%s', pa.attname, opn.nspname, o.oprname, fa.attname, "
					   "CASE WHEN fa.attcollation <> pa.attcollation AND fa.attcollation <> 0 THEN "
					   "(SELECT pg_catalog.format(' COLLATE %I.%I', ln.nspname, l.collname) "
					   "FROM pg_catalog.pg_collation l JOIN pg_catalog.pg_namespace ln ON ln.oid = l.collnamespace "
					   "WHERE l.oid = pa.attcollation) ELSE '' END), ' AND ' ORDER BY u.no) AS matches, "
					   "pg_catalog.string_agg(pg_catalog.format('f.%I IS NOT NULL', fa.attname), "
					   "CASE k.confmatchtype WHEN 'f' THEN ' OR ' ELSE ' AND ' END ORDER BY u.no) AS given, "
					   "(pg_catalog.array_agg(pa.attname ORDER BY u.no))[1] AS first "
					   "FROM unnest(k.conkey, k.confkey, k.conpfeqop) WITH ORDINALITY u(fk, pk, op, no) "
					   "JOIN pg_catalog.pg_attribute fa ON fa.attrelid = k.conrelid AND fa.attnum = u.fk "
					   "JOIN pg_catalog.pg_attribute pa ON pa.attrelid = k.confrelid AND pa.attnum = u.pk "
					   "JOIN pg_catalog.pg_operator o ON o.oid = u.op "
					   "JOIN pg_catalog.pg_namespace opn ON opn.oid = o.oprnamespace) j "
					   "WHERE t.task_id = $1 "
					   "AND COALESCE(pg_catalog.to_jsonb(k) ->> 'conenforced', 'true') = 'true' "
					   "AND COALESCE(pg_catalog.to_jsonb(k) ->> 'conperiod', 'false') = 'false' "
					   "AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_trigger g WHERE g.tgconstraint = k.oid "
					   "AND g.tgrelid = k.conrelid AND g.tgenabled = 'D') "
					   "AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_constraint w WHERE w.conrelid = k.conrelid "
					   "AND w.contype = 'f' AND w.conkey = k.conkey AND w.confrelid <> k.confrelid "
					   "AND w.confrelid IN (SELECT pg_catalog.pg_partition_ancestors(k.confrelid))) "
					   "ORDER BY k.oid", "ii", v->task->id, (int64) v->task->owner);
	for (int i = 0; i < rows->nrows; i++)
	{
		KeyRow	   *k = palloc0(sizeof(KeyRow));

		k->name = rows->values[i][0];
		k->table = rows->values[i][1];
		k->orphan = rows->values[i][2];
		k->readable = store_bool(rows, i, 3);
		k->of_one = store_bool(rows, i, 4);
		keys = lappend(keys, k);
	}
	return keys;
}

static void
check_foreign_keys(const Verify *v, bool accept)
{
	ListCell   *lc;

	foreach(lc, valid_keys(v))
	{
		const KeyRow *k = lfirst(lc);
		char	   *row;

		if (!k->of_one)
		{
			task_warn(v->task, psprintf("whether rows of %s have their parents is not looked at", k->table),
				 psprintf("Different roles own it and the table that foreign key \"%s\" refers to, and what they have put into indexes would run.",
						  k->name), "Let one role own both.");
			continue;
		}
		if (!k->readable)
		{
			task_warn(v->task, psprintf("whether rows of %s have their parents cannot be seen", k->table),
				 psprintf("The task's owner may not read the table that foreign key \"%s\" refers to.",
						  k->name), "GRANT SELECT on it.");
			continue;
		}
		row = verify_value_dest(v, k->orphan);
		if (row == NULL)
			continue;
		if (!accept)
			cutover_refuse(v, psprintf("a row of %s breaks foreign key \"%s\"", k->table, k->name),
						   psprintf("It has no parent here: %s", row),
						   "The source was told not to check, or the parent is not part of the task. Fix the rows, or say accept_differences.");
		task_warn(v->task, psprintf("foreign key \"%s\" of %s says that it is valid, and is not",
						 k->name, k->table),
			 psprintf("A row has no parent here: %s", row),
			 "Fix the rows; a row without a parent stays until somebody looks for it.");
	}
}

/* ---------------------------------------------------------------- triggers */

/* No task disables any: somebody did, here or at a PostgreSQL source. */
static void
look_at_triggers(const Verify *v)
{
	StoreRows   *rows;

	rows = store_query("SELECT pg_catalog.string_agg(x.what, ', ' ORDER BY x.what) FROM (SELECT DISTINCT "
					   "pg_catalog.format(CASE WHEN k.oid IS NULL THEN 'trigger %I on %I.%I' "
					   "ELSE 'foreign key %I of %I.%I' END, COALESCE(k.conname, g.tgname), "
					   "n.nspname, c.relname) AS what " TASK_RELATIONS
					   "JOIN pg_catalog.pg_trigger g ON g.tgrelid = c.oid AND g.tgenabled = 'D' "
					   "LEFT JOIN pg_catalog.pg_constraint k ON k.oid = g.tgconstraint AND g.tgisinternal "
					   "WHERE t.task_id = $1) x", "i", v->task->id);
	if (rows->values[0][0] != NULL)
		task_warn(v->task, "triggers are disabled here", rows->values[0][0],
			 "The task has not done that: ALTER TABLE ... ENABLE TRIGGER, where it is not meant so.");
}

void
cutover_check_keys(const Verify *v, const CutoverOptions *options)
{
	check_indexes(v);
	validate_constraints(v, options->accept_differences);
	if (options->verify)
		check_foreign_keys(v, options->accept_differences);
	look_at_triggers(v);
}
