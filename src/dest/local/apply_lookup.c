/*-------------------------------------------------------------------------
 *
 * apply_lookup.c
 *	  What statements are made of: indexes by which rows are found, operators
 *	  by which they are compared.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_operator.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
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
