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

#include "check/dest_catalog.h"
#include "core/one_statement.h"
#include "core/attempt.h"
#include "utils/builtins.h"

/* What another product's catalog says of each of the task's tables. */
static List *
of_tables(const Verify *v, List *(*find) (const char *schema, const char *table))
{
	List	   *all = NIL;
	ListCell   *lc;

	foreach(lc, dest_catalog_tables(v->task))
	{
		char	  **table = lfirst(lc);

		all = list_concat(all, find(table[0], table[1]));
	}
	return all;
}

static List *
ask(const Verify *v, const char *name, const char *shape, const char *sql)
{
	return dest_catalog_select(v->task, v->dest, name, shape, sql);
}

/* ----------------------------------------------------------------- indexes */

static void
check_indexes(const Verify *v)
{
	List	   *rows;

	rows = ask(v, "indexes", "t",
			   "SELECT i.indexrelid::pg_catalog.regclass::text " DEST_TASK_RELATIONS
			   "JOIN pg_catalog.pg_index i ON i.indrelid = c.oid "
			   "WHERE NOT i.indisvalid LIMIT 1");
	if (rows != NIL)
		cutover_refuse(v, psprintf("index %s is not valid", *(char **) linitial(rows)), NULL,
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
	List	   *rows;
	ListCell   *lc;

	rows = ask(v, "constraints", "tttt", "SELECT pg_catalog.format('ALTER TABLE %I.%I VALIDATE CONSTRAINT %I', "
					   "n.nspname, c.relname, k.conname), k.conname, "
					   "t.source_schema, t.source_table " DEST_TASK_RELATIONS
					   "JOIN pg_catalog.pg_constraint k ON k.conrelid = c.oid "
					   "WHERE NOT k.convalidated "
					   "AND COALESCE(pg_catalog.to_jsonb(k) ->> 'conenforced', 'true') = 'true' "
					   "AND k.contype IN ('f', 'c') AND k.coninhcount = 0 ORDER BY k.oid");
	foreach(lc, rows)
	{
		char	  **k = lfirst(lc);
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

/*
 * Those that claim to be valid and are in force. Of a key that refers to a
 * partitioned table, those for its partitions are no keys of their own.
 */
static List *
valid_keys(const Verify *v)
{
	List	   *keys = NIL;
	List	   *rows;
	ListCell   *lc;

	if (!dest_catalog_is_postgres(v->dest))
		return of_tables(v, v->dest->check->catalog->foreign_keys);
	rows = ask(v, "foreign keys", "tttbb", "SELECT DISTINCT ON (k.oid) k.conname, pg_catalog.format('%I.%I', n.nspname, c.relname), "
					   "pg_catalog.format('SELECT pg_catalog.left(pg_catalog.format(''%%s=%%s'', %L, f), 300) "
					   "FROM %s f LEFT JOIN %s p ON %s WHERE (%s) AND p.%I IS NULL LIMIT 1', "
					   "(SELECT '(' || pg_catalog.string_agg(a.attname::pg_catalog.text, ', ' ORDER BY a.attnum) || ')' "
					   "FROM pg_catalog.pg_attribute a WHERE a.attrelid = k.conrelid AND a.attnum > 0 AND NOT a.attisdropped), "
					   "CASE c.relkind WHEN 'p' THEN '' ELSE 'ONLY ' END || pg_catalog.format('%I.%I', n.nspname, c.relname), "
					   "CASE pc.relkind WHEN 'p' THEN '' ELSE 'ONLY ' END || pg_catalog.format('%I.%I', pn.nspname, pc.relname), "
					   "j.matches, j.given, j.first), "
					   "pg_catalog.has_table_privilege((SELECT oid FROM me), pc.oid, 'SELECT') "
					   "AND pg_catalog.has_schema_privilege((SELECT oid FROM me), pn.oid, 'USAGE'), "
					   "c.relowner = pc.relowner OR pg_catalog.pg_has_role(c.relowner, (SELECT oid FROM me), 'MEMBER') "
					   "AND pg_catalog.pg_has_role(pc.relowner, (SELECT oid FROM me), 'MEMBER') "
					   DEST_TASK_RELATIONS
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
					   "WHERE COALESCE(pg_catalog.to_jsonb(k) ->> 'conenforced', 'true') = 'true' "
					   "AND COALESCE(pg_catalog.to_jsonb(k) ->> 'conperiod', 'false') = 'false' "
					   "AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_trigger g WHERE g.tgconstraint = k.oid "
					   "AND g.tgrelid = k.conrelid AND g.tgenabled = 'D') "
					   "AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_constraint w WHERE w.conrelid = k.conrelid "
					   "AND w.contype = 'f' AND w.conkey = k.conkey AND w.confrelid <> k.confrelid "
					   "AND w.confrelid IN (SELECT pg_catalog.pg_partition_ancestors(k.confrelid))) "
					   "ORDER BY k.oid");
	foreach(lc, rows)
	{
		char	  **row = lfirst(lc);
		DestForeignKey *k = palloc0(sizeof(DestForeignKey));

		k->name = row[0];
		k->table = row[1];
		k->orphan = row[2];
		k->readable = strcmp(row[3], "t") == 0;
		k->of_one = strcmp(row[4], "t") == 0;
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
		const DestForeignKey *k = lfirst(lc);
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
						   psprintf("It has no parent at the destination: %s", row),
						   "The source was set not to check, or the parent is not part of the task. Fix the rows, or say accept_differences.");
		task_warn(v->task, psprintf("foreign key \"%s\" of %s says that it is valid, and is not",
						 k->name, k->table),
			 psprintf("A row has no parent at the destination: %s", row),
			 "Fix the rows; a row without a parent stays until somebody looks for it.");
	}
}

/* ---------------------------------------------------------------- triggers */

/*
 * No task disables any: somebody did, at the destination or at a PostgreSQL
 * source.
 */
static void
look_at_triggers(const Verify *v)
{
	List	   *rows;
	char	   *disabled;

	rows = ask(v, "triggers", "T", "SELECT pg_catalog.string_agg(x.what, ', ' ORDER BY x.what) FROM (SELECT DISTINCT "
					   "pg_catalog.format(CASE WHEN k.oid IS NULL THEN 'trigger %I on %I.%I' "
					   "ELSE 'foreign key %I of %I.%I' END, COALESCE(k.conname, g.tgname), "
					   "n.nspname, c.relname) AS what " DEST_TASK_RELATIONS
					   "JOIN pg_catalog.pg_trigger g ON g.tgrelid = c.oid AND g.tgenabled = 'D' "
					   "LEFT JOIN pg_catalog.pg_constraint k ON k.oid = g.tgconstraint AND g.tgisinternal) x");
	disabled = rows != NIL ? *(char **) linitial(rows) : NULL;
	if (disabled != NULL)
		task_warn(v->task, "triggers are disabled here", disabled,
			 "The task has not done that: ALTER TABLE ... ENABLE TRIGGER, where it is not meant so.");
}

/* The same of another product, in which none can be disabled. */
static void
look_at_acting_triggers(const Verify *v)
{
	StringInfoData names;
	ListCell   *lc;

	initStringInfo(&names);
	foreach(lc, of_tables(v, v->dest->check->catalog->triggers))
		appendStringInfo(&names, "%s%s", names.len ? ", " : "", (char *) lfirst(lc));
	if (names.len > 0)
		task_warn(v->task, "triggers of the destination have acted on the rows that came", names.data,
				  "Nobody can disable them there. What they wrote to tables of the task a verification finds, and nothing what they wrote to others.");
}

void
cutover_check_keys(const Verify *v, const CutoverOptions *options)
{
	bool		postgres = dest_catalog_is_postgres(v->dest);

	if (postgres)
	{
		check_indexes(v);
		validate_constraints(v, options->accept_differences);
	}
	if (options->verify)
		check_foreign_keys(v, options->accept_differences);
	if (postgres)
		look_at_triggers(v);
	else
		look_at_acting_triggers(v);
}
