/*-------------------------------------------------------------------------
 *
 * run_sequences.c
 *	  Sequences at the destination are kept at or past the source's, where the
 *	  source's log does not tell them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "worker/task_run.h"

#include "access/xact.h"
#include "catalog/books.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "commands/sequence.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

/* The sequence here that goes with one of the source; InvalidOid: none. */
static Oid
find_sequence(const Selection *selection, const TaskOptions *options,
			  const SourceSequence *s)
{
	NameCase	name_case = options->name_case == NAME_CASE_DEFAULT ?
		NAME_CASE_SOURCE : (NameCase) options->name_case;
	char	   *schema = NULL;
	char	   *name = NULL;
	Oid			nspid;
	Oid			relid;

	(void) selection_match(selection, s->schema, s->name, &schema, &name);
	if (schema == NULL)
		schema = plan_name(s->schema, name_case, false);
	if (name == NULL)
		name = plan_name(s->name, name_case, false);
	nspid = get_namespace_oid(schema, true);
	relid = OidIsValid(nspid) ? get_relname_relid(name, nspid) : InvalidOid;
	if (!OidIsValid(relid) || get_rel_relkind(relid) != RELKIND_SEQUENCE ||
		pg_class_aclcheck(relid, GetUserId(), ACL_UPDATE) != ACLCHECK_OK ||
		pg_class_aclcheck(relid, GetUserId(), ACL_SELECT) != ACLCHECK_OK)
		return InvalidOid;
	return relid;
}

/* Never back: what the destination has used already stays used. */
static void
advance(Oid relid, const SourceSequence *s)
{
	BookRows   *rows;
	int64		value;
	bool		called;

	rows = books_query(psprintf("SELECT last_value, is_called FROM %s",
								quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)),
														   get_rel_name(relid))), "");
	value = book_int(rows, 0, 0);
	called = book_bool(rows, 0, 1);
	if (s->increment > 0 ? s->last_value < value : s->last_value > value)
		return;
	if (s->last_value == value && called)
		return;
	(void) books_query("SELECT pg_catalog.setval($1::pg_catalog.oid::pg_catalog.regclass, $2)",
					   "ii", (int64) relid, s->last_value);
}

void
advance_sequences(const SourceRoutine *source, SourceConn *conn,
				  const Selection *selection, const TaskOptions *options)
{
	List	   *sequences;
	ListCell   *lc;

	if (source->sequences == NULL)
		return;
	sequences = source->sequences(conn);
	foreach(lc, sequences)
	{
		const SourceSequence *s = lfirst(lc);
		Oid			relid = find_sequence(selection, options, s);

		if (OidIsValid(relid))
			advance(relid, s);
	}
}

void
task_advance_sequences(TaskRun *run)
{
	MemoryContext cxt;

	if (run->source->sequences == NULL)
		return;
	cxt = AllocSetContextCreate(run->cxt, "dtsmig sequences", ALLOCSET_DEFAULT_SIZES);
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	MemoryContextSwitchTo(cxt);
	advance_sequences(run->source, run->conn, run->selection, run->options);
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(run->cxt);
	MemoryContextDelete(cxt);
}
