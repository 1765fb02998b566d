/*-------------------------------------------------------------------------
 *
 * fdw_analyze.c
 *	  ANALYZE of foreign tables, by a sample that the source draws.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "foreign/fdw_plan.h"

#include "foreign/fdw_push.h"
#include "foreign/fdw_stream.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/sampling.h"

/* So many times the rows that are wanted are read, for estimates are rough. */
#define SAMPLE_FACTOR 3.0

/* A condition that leaves about so many rows; NULL: all are read. */
static char *
sample_condition(const FdwTable *table, int targrows, double *share)
{
	double		rows = table->rel->def->rows_estimate;

	*share = rows > 0 ? targrows * SAMPLE_FACTOR / rows : 1;
	if (*share >= 0.5)
	{
		*share = 1;
		return NULL;
	}
	return psprintf("%s < %.12f", table->c->source->random, *share);
}

static HeapTuple
form_tuple(const FdwTable *table, TupleDesc desc, Datum *values, bool *nulls,
		   Datum *all, bool *all_nulls)
{
	int			n = 0;

	memset(all_nulls, true, sizeof(bool) * desc->natts);
	for (int i = 0; i < table->rel->ncolumns; i++)
	{
		const SourceColumn *col = &table->rel->columns[i];

		if (!col->replicated)
			continue;
		all[col->target_attnum - 1] = values[n];
		all_nulls[col->target_attnum - 1] = nulls[n];
		n++;
	}
	return heap_form_tuple(desc, all, all_nulls);
}

/* The sample is as the reservoir leaves it: rows in no order. */
static int
acquire_sample(Relation relation, int elevel, HeapTuple *rows, int targrows,
			   double *totalrows, double *totaldeadrows)
{
	FdwTable   *table = fdw_table_open(RelationGetRelid(relation),
									   relation->rd_rel->relowner, NULL, false);
	TupleDesc	desc = RelationGetDescr(relation);
	FdwStream  *stream = fdw_stream_make(table->c, table->cxt, table->rel);
	Datum	   *all = palloc0(sizeof(Datum) * desc->natts);
	bool	   *all_nulls = palloc(sizeof(bool) * desc->natts);
	Datum	   *values;
	bool	   *nulls;
	ReservoirStateData reservoir;
	double		seen = 0;
	double		skip = -1;
	double		share;
	int			n = 0;

	reservoir_init_selection_state(&reservoir, targrows);
	fdw_stream_open(stream, sample_condition(table, targrows, &share), false, true, false);
	while (fdw_stream_next(stream, &values, &nulls))
	{
		int			at = -1;

		CHECK_FOR_INTERRUPTS();
		if (n < targrows)
			at = n++;
		else
		{
			if (skip < 0)
				skip = reservoir_get_next_S(&reservoir, seen, targrows);
			if (skip <= 0)
			{
				at = (int) (targrows * sampler_random_fract(&reservoir.randstate));
				heap_freetuple(rows[at]);
			}
			skip -= 1;
		}
		seen += 1;
		if (at >= 0)
			rows[at] = form_tuple(table, desc, values, nulls, all, all_nulls);
	}
	fdw_stream_free(stream);
	*totalrows = seen / share;
	*totaldeadrows = 0;
	ereport(elevel,
			(errmsg("\"%s\": %.0f rows of the source read, %d in the sample, %.0f estimated in all",
					RelationGetRelationName(relation), seen, n, *totalrows)));
	return n;
}

bool
fdw_analyze(Relation relation, AcquireSampleRowsFunc *func, BlockNumber *pages)
{
	FdwTable   *table = fdw_table_open(RelationGetRelid(relation),
									   relation->rd_rel->relowner, NULL, false);

	/* a table of no pages would be taken for one that nobody knows of */
	*pages = (BlockNumber) (table->rel->def->data_bytes / BLCKSZ) + 1;
	fdw_table_close(table);
	*func = acquire_sample;
	return true;
}
