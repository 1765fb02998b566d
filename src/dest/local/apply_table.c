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
#include "access/table.h"
#include "catalog/pg_am.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_operator.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "dest/local/local.h"

static bool
is_btree(Oid indexid)
{
	HeapTuple	tup = SearchSysCache1(RELOID, ObjectIdGetDatum(indexid));
	bool		result;

	if (!HeapTupleIsValid(tup))
		return false;
	result = ((Form_pg_class) GETSTRUCT(tup))->relam == BTREE_AM_OID;
	ReleaseSysCache(tup);
	return result;
}

/*
 * Is there an index that leads with just these columns, in any order?
 * arbiter: is one of them fit for ON CONFLICT with these columns?
 */
bool
apply_has_index(Oid relid, int ncolumns, const AttrNumber *attnums,
				bool *arbiter)
{
	Relation	rel = table_open(relid, AccessShareLock);
	List	   *indexes = RelationGetIndexList(rel);
	bool		found = false;
	ListCell   *lc;

	if (arbiter)
		*arbiter = false;
	foreach(lc, indexes)
	{
		HeapTuple	tup = SearchSysCache1(INDEXRELID,
										  ObjectIdGetDatum(lfirst_oid(lc)));
		Form_pg_index index;
		int			matched = 0;
		int			i;
		int			j;

		if (!HeapTupleIsValid(tup))
			continue;
		index = (Form_pg_index) GETSTRUCT(tup);
		if (index->indisvalid && index->indnkeyatts >= ncolumns &&
			heap_attisnull(tup, Anum_pg_index_indpred, NULL) &&
			is_btree(index->indexrelid))
		{
			for (i = 0; i < ncolumns; i++)
			{
				for (j = 0; j < ncolumns; j++)
				{
					if (index->indkey.values[j] == attnums[i])
					{
						matched++;
						break;
					}
				}
			}
			if (matched == ncolumns)
			{
				found = true;
				if (arbiter && index->indisunique && index->indimmediate &&
					index->indnkeyatts == ncolumns)
					*arbiter = true;
			}
		}
		ReleaseSysCache(tup);
	}
	list_free(indexes);
	table_close(rel, AccessShareLock);
	return found;
}

/* "left = right" with the type's own equality, by its full name. */
char *
apply_equality(const char *left, const char *right, Oid typid)
{
	TypeCacheEntry *type = lookup_type_cache(typid, TYPECACHE_EQ_OPR);
	HeapTuple	tup;
	Form_pg_operator op;
	char	   *result;

	if (!OidIsValid(type->eq_opr))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("type %s of a key column has no equality",
						format_type_be(typid))));
	tup = SearchSysCache1(OPEROID, ObjectIdGetDatum(type->eq_opr));
	if (!HeapTupleIsValid(tup))
		elog(ERROR, "cache lookup failed for operator %u", type->eq_opr);
	op = (Form_pg_operator) GETSTRUCT(tup);
	result = psprintf("%s OPERATOR(%s.%s) %s", left,
					  quote_identifier(get_namespace_name(op->oprnamespace)),
					  NameStr(op->oprname), right);
	ReleaseSysCache(tup);
	return result;
}

/* The writer whose tables are to be told of invalidations; there is one. */
static LocalWriter *watching = NULL;

static void
relcache_callback(Datum arg, Oid relid)
{
	int			i;

	for (i = 0; watching != NULL && i < watching->ntables; i++)
	{
		if (!OidIsValid(relid) || watching->tables[i]->relid == relid)
			watching->tables[i]->resolved = false;
	}
}

/* Called as a writer opens, and with NULL as it closes. */
void
apply_table_watch(LocalWriter *w)
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
	ListCell   *lc;

	foreach(lc, table->stmts)
		apply_stmt_free(lfirst(lc));
	list_free(table->stmts);
	table->stmts = NIL;
	cascade_forget(table);
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
		stmt->nrows[0] = stmt->nrows[1] = 0;
	}
}

/*
 * Reads what statements for a table depend on, again after each change of
 * its catalog entry; forgets the plans if something is different.
 */
void
apply_table_resolve(ApplyTable *table)
{
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

	if (table->resolved)
		return;
	/* Statements that rows wait for stay for this flush. */
	foreach(lc, table->stmts)
	{
		ApplyStmt  *stmt = lfirst(lc);

		if (stmt->store[0] || stmt->store[1])
			return;
	}

	oldcxt = MemoryContextSwitchTo(table->writer->table_cxt);
	table->resolutions++;
	table->resolved = true;		/* an invalidation from here on counts */
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
		partitioned != table->partitioned || key_index != table->key_index ||
		arbiter != table->arbiter)
	{
		apply_table_forget(table);
		table->qualified = qualified;
		table->partitioned = partitioned;
		table->key_index = key_index;
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
