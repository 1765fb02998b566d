/*-------------------------------------------------------------------------
 *
 * metric.h
 *	  Samples of what a task does: rows of dtsmig.metric.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_METRIC_H
#define DTSMIG_METRIC_H

#include "postgres.h"
#include "datatype/timestamp.h"

typedef struct MetricSample
{
	TimestampTz at;
	double		rows_per_second;
	double		bytes_per_second;
	double		changes_per_second;
	double		latency_seconds;	/* < 0: unknown, as the next */
	int64		latency_bytes;
	int64		rows;			/* being copied, not in task_table yet */
	int64		bytes;
	int64		changes;
	int64		memory;
	int			copy_workers;
} MetricSample;

/* Stores a sample, unless the task is gone. */
extern void store_metric_add(int64 task_id, const MetricSample *s);
/* Removes samples, and alerts that were cleared, older than so many hours. */
extern void store_metrics_prune(int64 task_id, int64 hours);

#endif							/* DTSMIG_METRIC_H */
