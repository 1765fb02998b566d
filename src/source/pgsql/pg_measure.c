/*-------------------------------------------------------------------------
 *
 * pg_measure.c
 *	  What the values of a column are, for a destination that cannot hold all
 *	  that the source can.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "source/pgsql/pg_definition.h"

#include "schema/pg_check_sql.h"
#include "source/pgsql/pg_engine.h"

int64
pg_measure(SourceConn *source, const TableDef *def, const char *column, SourceMeasure what)
{
	PgConn	   *conn = ((PgSource *) source)->sql;
	char	   *name = pg_quote_qualified(def->schema, def->name);
	const TableColumn *col = model_find_column(def, column);
	char	   *c = pg_quote_name(column);
	char	   *text = pg_check_text(c, col != NULL && col->base_type != NULL &&
									 col->base_type[0] != '\0');
	char	   *before = pg_before_reading(conn, name);
	char	   *value = NULL;
	PgResult   *r;

	switch (what)
	{
		case MEASURE_CHARACTERS:
			value = psprintf("pg_catalog.max(pg_catalog.length(%s))", text);
			break;
		case MEASURE_BYTES:
			value = psprintf("pg_catalog.max(pg_catalog.length(%s))", c);
			break;
		case MEASURE_BLANK_TWINS:
			value = psprintf("pg_catalog.count(DISTINCT %s) - "
							 "pg_catalog.count(DISTINCT pg_catalog.rtrim(%s, ' '))",
							 text, text);
			break;
	}
	r = pg_select(conn, "values of a column", "I",
				  psprintf("%sSELECT %s FROM ONLY %s", before ? before : "", value, name));
	return r->nrows == 0 || pg_is_null(r, 0, 0) ? 0 : pg_bigint(r, 0, 0);
}
