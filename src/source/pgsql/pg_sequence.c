/*-------------------------------------------------------------------------
 *
 * pg_sequence.c
 *	  Where the sequences of a PostgreSQL source are. The log does not have it:
 *	  they are asked for.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "source/pgsql/pg_engine.h"

#define TRIES 20

List *
pg_sequences(SourceConn *conn)
{
	PgConn	   *sql = ((PgSource *) conn)->sql;
	List	   *sequences = NIL;
	PgResult   *r = NULL;
	ErrorData  *edata;
	const char *ask;

	/*
	 * last_value is NULL of a sequence that was never used, or that the
	 * account may not read. One that is dropped at this moment is an error.
	 */
	ask = "SELECT s.schemaname, s.sequencename, s.last_value, s.increment_by, o.nspname, o.relname, o.attname "
		"FROM pg_catalog.pg_sequences s LEFT JOIN (SELECT n.nspname AS schemaname, "
		"c.relname AS sequencename, tn.nspname, t.relname, a.attname FROM pg_catalog.pg_class c "
		"JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
		"JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass "
		"AND d.objid = c.oid AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass "
		"AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i') "
		"JOIN pg_catalog.pg_class t ON t.oid = d.refobjid "
		"JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid "
		"JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace "
		"WHERE c.relkind = 'S') o USING (schemaname, sequencename) "
		"WHERE s.last_value IS NOT NULL "
		"AND s.schemaname !~ '^pg_' ORDER BY 1, 2";
	for (int tries = 1; r == NULL && tries < TRIES; tries++)
		r = pg_try_select(sql, "sequences", "ttiiTTT", ask, &edata);
	if (r == NULL)
		r = pg_select(sql, "sequences", "ttiiTTT", ask);
	for (int i = 0; i < r->nrows; i++)
	{
		SourceSequence *s = palloc0(sizeof(SourceSequence));

		s->schema = pg_text(r, i, 0);
		s->name = pg_text(r, i, 1);
		s->last_value = pg_bigint(r, i, 2);
		s->increment = pg_bigint(r, i, 3);
		s->table_schema = pg_text_or_null(r, i, 4);
		s->table = pg_text_or_null(r, i, 5);
		s->column = pg_text_or_null(r, i, 6);
		sequences = lappend(sequences, s);
	}
	return sequences;
}
