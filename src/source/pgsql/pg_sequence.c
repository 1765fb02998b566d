/*-------------------------------------------------------------------------
 *
 * pg_sequence.c
 *	  Where the sequences of a PostgreSQL source are. The log does not tell:
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
	ask = "SELECT schemaname, sequencename, last_value, increment_by "
		"FROM pg_catalog.pg_sequences WHERE last_value IS NOT NULL "
		"AND schemaname !~ '^pg_' ORDER BY 1, 2";
	for (int tries = 1; r == NULL && tries < TRIES; tries++)
		r = pg_try_query(sql, ask, &edata);
	if (r == NULL)
		r = pg_query(sql, ask);
	for (int i = 0; i < r->nrows; i++)
	{
		SourceSequence *s = palloc0(sizeof(SourceSequence));

		s->schema = r->values[i][0];
		s->name = r->values[i][1];
		s->last_value = strtoll(r->values[i][2], NULL, 10);
		s->increment = strtoll(r->values[i][3], NULL, 10);
		sequences = lappend(sequences, s);
	}
	return sequences;
}
