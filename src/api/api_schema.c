/*-------------------------------------------------------------------------
 *
 * api_schema.c
 *	  SQL-callable parts of the schema room.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "compat.h"
#include "schema/mysql_expr.h"

/*
 * translate_expression(expression text [, definition jsonb]) returns text
 *
 * A MySQL expression in PostgreSQL's SQL. definition, a table as the catalog
 * keep it, gives types to the columns; with it the expression is translated
 * as that of a generated column, else as one of a query over columns of
 * unknown types. Raises 0A000 where it does not translate.
 */
DTS_FUNCTION(dtsmig_translate_mysql_expression);
Datum
dtsmig_translate_mysql_expression(PG_FUNCTION_ARGS)
{
	TableDef   *def = NULL;
	MyExprResult result;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	if (PG_NARGS() > 1 && !PG_ARGISNULL(1))
		def = model_from_jsonb(PG_GETARG_JSONB_P(1));
	result = mysql_translate_expression(text_to_cstring(PG_GETARG_TEXT_PP(0)),
										def,
										def != NULL ? MY_EXPR_GENERATED :
										MY_EXPR_QUERY, PGC_UNKNOWN);
	if (result.sql == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("expression does not translate to PostgreSQL"),
				 errdetail("Cause: %s.", result.why)));
	if (result.note != NULL)
		ereport(NOTICE, (errmsg("%s", result.note)));
	PG_RETURN_TEXT_P(cstring_to_text(result.sql));
}
