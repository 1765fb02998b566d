/*-------------------------------------------------------------------------
 *
 * precheck_probe.c
 *	  What a server elsewhere did with a scratch table (DestProbe), and what that
 *	  means for the task.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "check/precheck.h"

#include "lib/stringinfo.h"
#include "tables/describe.h"
#include "utils/builtins.h"

static void
append_name(StringInfo buf, const char *name)
{
	appendStringInfo(buf, "%s%s", buf->len > 0 ? ", " : "", name);
}

const char *
precheck_probe_text(const DestProbe *probe, StringInfo found, char **advice)
{
	const struct
	{
		const char *name;
		bool		works;
	}			all[] = {
		{"COPY in a transaction", probe->undoes_copy},
		{"savepoints", probe->savepoints},
		{"definitions in a transaction", probe->undoes_definitions},
		{"TRUNCATE in a transaction", probe->undoes_truncate},
		{"temporary tables", probe->temporary_tables},
		{"deferrable constraints", probe->deferrable},
		{"sequences", probe->sequences},
	};
	StringInfoData works;
	StringInfoData fails;
	bool		failed = !precheck_probe_suffices(probe);

	if (probe->missing != NULL)
	{
		appendStringInfo(found, "not tried out, for there can be no scratch table: %s", probe->missing);
		return PRECHECK_PASSED;
	}
	initStringInfo(&works);
	initStringInfo(&fails);
	for (int i = 0; i < lengthof(all); i++)
		append_name(all[i].works ? &works : &fails, all[i].name);
	if (probe->on_conflict)
		append_name(&works, probe->on_conflict_key ? "ON CONFLICT" :
					"ON CONFLICT (that sets no column of the key)");
	if (fails.len > 0)
		appendStringInfo(found, "it does not do: %s; ", fails.data);
	appendStringInfo(found, "it does: %s", works.data);
	if (!probe->on_conflict)
		appendStringInfoString(found, "; there is no ON CONFLICT: rows that may exist are deleted and inserted");
	if (fails.len == 0)
		return PRECHECK_PASSED;
	*advice = failed ?
		"Such a server cannot hold what a task writes: a crash would leave half a transaction." :
		"Or ignore it: a crash in the middle of such a statement may leave it half done, and a definition that needs what is not there fails.";
	return failed ? PRECHECK_FAILED : PRECHECK_WARNING;
}

bool
precheck_probe_suffices(const DestProbe *probe)
{
	return probe->missing != NULL || (probe->undoes_copy && probe->savepoints);
}

/* ------------------------------------------------------------ empty strings */

static bool
is_text_type(const char *type)
{
	static const char *const names[] = {"char", "varchar", "text", "tinytext", "mediumtext",
	"longtext", "citext", "bpchar"};

	for (int i = 0; type != NULL && i < lengthof(names); i++)
		if (pg_strncasecmp(type, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

/* Is the column, by its name at the source, in a unique key? */
static bool
is_in_unique_key(const TableDef *def, const TableColumn *col)
{
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, def->indexes)
	{
		const TableIndex *index = lfirst(lc);

		if (index->kind != INDEX_PRIMARY && index->kind != INDEX_UNIQUE)
			continue;
		foreach(lc2, index->parts)
		{
			const IndexPart *part = lfirst(lc2);

			if (part->column != NULL && strcmp(part->column, col->name) == 0)
				return true;
		}
	}
	return false;
}

/* Has it one? In SQL that both families read. */
static bool
holds_empty(PrecheckContext *pc, const TableDef *def, const TableColumn *col)
{
	return pc->source->check_value(pc->conn,
								   psprintf("SELECT 1 FROM %s.%s WHERE OCTET_LENGTH(%s) = 0 LIMIT 1",
											pc->source->quote_name(def->schema),
											pc->source->quote_name(def->name),
											pc->source->quote_name(col->name))) != NULL;
}

void
precheck_empty_strings(PrecheckContext *pc, List *tables, List **items)
{
	const DestProbe *probe = pc->probe;
	bool		clean = true;
	ListCell   *lc;
	ListCell   *lc2;

	if (!probe->empty_copy && !probe->empty_parameter)
	{
		precheck_add(items, "empty_strings", PRECHECK_PASSED,
					 "an empty string stays one", NULL);
		return;
	}
	if (pc->source->describe_keys != NULL)
		tables = describe_with_keys(pc->source, pc->conn, tables);
	foreach(lc, tables)
	{
		const TableDef *def = lfirst(lc);

		foreach(lc2, model_has_rows(def) ? def->columns : NIL)
		{
			const TableColumn *col = lfirst(lc2);

			if (col->target_name == NULL || col->left_out ||
				!(is_text_type(col->source_type) || is_text_type(col->base_type)) ||
				(col->nullable && !is_in_unique_key(def, col)) || !holds_empty(pc, def, col))
				continue;
			precheck_add(items, "empty_strings", PRECHECK_FAILED,
						 psprintf("column %s of %s.%s, which %s, holds empty strings, and the destination makes them NULL",
								  col->name, def->schema, def->name,
								  col->nullable ? "is in a unique key" : "is NOT NULL"),
						 "Give these rows another value at the source; or leave the column out, or set it, with a rule in objects.");
			clean = false;
		}
	}
	if (clean)
		precheck_add(items, "empty_strings", PRECHECK_WARNING,
					 "the destination makes empty strings NULL; no column that is NOT NULL or in a unique key holds one now",
					 "Or ignore it: one that such a column gets later stops the task, and verify finds the others to differ.");
}
