/*-------------------------------------------------------------------------
 *
 * api_names.c
 *	  SQL function rename_in_statement: what schema migration does to a
 *	  statement of a PostgreSQL source where a task renames.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "schema/pg_names.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/varlena.h"

DTS_FUNCTION(dtsmig_rename_in_statement);

/* "schema" or "schema.relation" into its parts */
static List *
name_parts(const JsonbValue *v)
{
	char	   *text = v->type == jbvString ?
		pnstrdup(v->val.string.val, v->val.string.len) : NULL;
	List	   *parts = NIL;

	if (text == NULL || !SplitIdentifierString(text, '.', &parts) ||
		list_length(parts) < 1 || list_length(parts) > 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("renames must be an object of names, as {\"schema\": \"schema\", \"schema.table\": \"schema.table\"}")));
	return parts;
}

static PgNameMap *
names_from_jsonb(Jsonb *jb)
{
	PgNameMap  *map = pg_names_make();
	JsonbIterator *it = JsonbIteratorInit(&jb->root);
	JsonbValue	v;
	JsonbIteratorToken tok;
	List	   *from = NIL;

	if (!JB_ROOT_IS_OBJECT(jb))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("renames must be a JSON object")));
	while ((tok = JsonbIteratorNext(&it, &v, true)) != WJB_DONE)
	{
		List	   *to;

		if (tok == WJB_KEY)
			from = name_parts(&v);
		if (tok != WJB_VALUE)
			continue;
		to = name_parts(&v);
		if (list_length(to) != list_length(from))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("a schema is renamed to a schema, and schema.table to schema.table")));
		if (list_length(to) == 1)
			pg_names_add_schema(map, linitial(from), linitial(to));
		else
			pg_names_add_relation(map, linitial(from), lsecond(from),
								  linitial(to), lsecond(to));
	}
	return map;
}

/* (statement text, renames jsonb, search_path text[]) */
Datum
dtsmig_rename_in_statement(PG_FUNCTION_ARGS)
{
	char	   *sql = text_to_cstring(PG_GETARG_TEXT_PP(0));
	PgNameMap  *map = names_from_jsonb(PG_GETARG_JSONB_P(1));
	List	   *path = NIL;
	List	   *notes = NIL;
	ListCell   *lc;
	Datum	   *elems;
	bool	   *elem_nulls;
	int			n;
	TupleDesc	desc;
	Datum		values[2];
	bool		nulls[2] = {false};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(2), TEXTOID, -1, false, TYPALIGN_INT,
					  &elems, &elem_nulls, &n);
	for (int i = 0; i < n; i++)
		if (!elem_nulls[i])
			path = lappend(path, TextDatumGetCString(elems[i]));

	values[0] = CStringGetTextDatum(pg_names_rewrite(map, sql, path, &notes));
	elems = palloc(sizeof(Datum) * Max(list_length(notes), 1));
	n = 0;
	foreach(lc, notes)
		elems[n++] = CStringGetTextDatum(lfirst(lc));
	values[1] = PointerGetDatum(construct_array(elems, n, TEXTOID, -1, false,
												TYPALIGN_INT));
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc),
													  values, nulls)));
}
