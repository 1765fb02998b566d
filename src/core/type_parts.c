/*-------------------------------------------------------------------------
 *
 * type_parts.c
 *	  What a value of a type can hold.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "core/type_parts.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

bool
type_holds(Oid typid, bool (*test) (Oid typid, void *arg), void *arg)
{
	Oid			part;

	check_stack_depth();
	typid = getBaseType(typid);
	if (test(typid, arg))
		return true;
	part = get_base_element_type(typid);
	if (!OidIsValid(part))
		part = get_range_subtype(typid);
	if (!OidIsValid(part) && get_typtype(typid) == TYPTYPE_MULTIRANGE)
		part = get_multirange_range(typid);
	if (OidIsValid(part))
		return type_holds(part, test, arg);
	if (get_typtype(typid) == TYPTYPE_COMPOSITE)
	{
		TupleDesc	desc = lookup_rowtype_tupdesc(typid, -1);
		bool		found = false;

		for (int i = 0; i < desc->natts && !found; i++)
		{
			Form_pg_attribute att = TupleDescAttr(desc, i);

			found = !att->attisdropped && type_holds(att->atttypid, test, arg);
		}
		ReleaseTupleDesc(desc);
		return found;
	}
	return false;
}
