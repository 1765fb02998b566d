/*-------------------------------------------------------------------------
 *
 * apply_table.c
 *	  What the statements for a table depend on in the catalog.
 *
 * It is read when a table is first written, and again after each invalidation
 * of its catalog entry; plans are forgotten when something is different.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "dest/local/local.h"

/* The writer whose tables are to be known of invalidations; there is one. */
static Batch *watching = NULL;

static void
relcache_callback(Datum arg, Oid relid)
{
	int			i;

	for (i = 0; watching != NULL && i < watching->ntables; i++)
	{
		if (!OidIsValid(relid) || local_table(watching->tables[i])->relid == relid)
			local_table(watching->tables[i])->resolved = false;
	}
}

/* Called as a writer opens, and with NULL as it closes. */
void
apply_table_watch(Batch *w)
{
	static bool registered = false;

	if (!registered)
	{
		CacheRegisterRelcacheCallback(relcache_callback, (Datum) 0);
		registered = true;
	}
	watching = w;
}

/* Forgets the plans of a table. */
void
apply_table_forget(ApplyTable *table)
{
	LocalTable *own = local_table(table);
	ListCell   *lc;

	foreach(lc, table->stmts)
		apply_stmt_free(lfirst(lc));
	list_free(table->stmts);
	table->stmts = NIL;
	own->forgotten++;
}

/* Forgets rows that wait for statements; their memory is the caller's matter. */
void
apply_table_drop_stores(ApplyTable *table)
{
	ListCell   *lc;

	foreach(lc, table->stmts)
	{
		ApplyStmt  *stmt = lfirst(lc);

		stmt->store[0] = stmt->store[1] = NULL;
		stmt->base.waits[0] = stmt->base.waits[1] = false;
		stmt->base.nrows[0] = stmt->base.nrows[1] = 0;
	}
}

/*
 * Reads what statements for a table depend on, again after each change of
 * its catalog entry; forgets the plans if something is different.
 */
void
apply_table_resolve(ApplyTable *table)
{
	LocalTable *own = local_table(table);
	SourceRelation *rel = table->rel;
	MemoryContext oldcxt;
	char	   *qualified;
	bool		partitioned;
	bool		key_index = false;
	bool		arbiter = false;
	bool		typarray;
	Oid			output;
	ListCell   *lc;
	int			i;

	if (own->resolved)
		return;
	/* Statements that rows wait for stay for this flush. */
	foreach(lc, table->stmts)
	{
		ApplyStmt  *stmt = lfirst(lc);

		if (stmt->store[0] || stmt->store[1])
			return;
	}

	oldcxt = MemoryContextSwitchTo(table->batch->table_cxt);
	own->resolutions++;
	own->resolved = true;		/* an invalidation from here on counts */
	/* somebody has dropped it since */
	if (get_rel_name(rel->target_relid) == NULL)
		local_refuse_missing(rel);
	local_check_plain(rel->target_relid, true);
	partitioned = get_rel_relkind(rel->target_relid) == RELKIND_PARTITIONED_TABLE;
	qualified = local_qualified_name(rel->target_relid);
	if (rel->nkey > 0)
	{
		AttrNumber *attnums = palloc(sizeof(AttrNumber) * rel->nkey);

		for (i = 0; i < rel->nkey; i++)
			attnums[i] = rel->columns[rel->key[i]].target_attnum;
		key_index = apply_has_index(rel->target_relid, rel->nkey, attnums,
									&arbiter);
		pfree(attnums);
	}

	if (table->qualified == NULL || strcmp(qualified, table->qualified) != 0 ||
		partitioned != own->partitioned || key_index != own->key_index ||
		arbiter != table->arbiter)
	{
		apply_table_forget(table);
		table->qualified = qualified;
		own->partitioned = partitioned;
		own->key_index = key_index;
		table->arbiter = arbiter;
	}
	else
		pfree(qualified);

	if (table->identity_always == NULL)
	{
		table->identity_always = palloc0(sizeof(bool) * rel->ncolumns);
		table->out_func = palloc0(sizeof(Oid) * rel->ncolumns);
	}
	table->any_identity_always = false;
	for (i = 0; i < table->ncols; i++)
	{
		SourceColumn *col = &rel->columns[table->cols[i]];
		HeapTuple	tup = SearchSysCache2(ATTNUM,
										  ObjectIdGetDatum(rel->target_relid),
										  Int16GetDatum(col->target_attnum));

		if (!HeapTupleIsValid(tup))
			elog(ERROR, "cache lookup failed for attribute %d of relation %u",
				 col->target_attnum, rel->target_relid);
		table->identity_always[table->cols[i]] =
			((Form_pg_attribute) GETSTRUCT(tup))->attidentity ==
			ATTRIBUTE_IDENTITY_ALWAYS;
		if (table->identity_always[table->cols[i]] && !col->in_key)
			table->any_identity_always = true;
		/* whether values are compared as NULLs, too, is in the statements */
		if (col->target_not_null != ((Form_pg_attribute) GETSTRUCT(tup))->attnotnull)
		{
			col->target_not_null = !col->target_not_null;
			apply_table_forget(table);
		}
		ReleaseSysCache(tup);
		getTypeOutputInfo(col->typid, &output, &typarray);
		table->out_func[table->cols[i]] = output;
	}
	MemoryContextSwitchTo(oldcxt);
}
