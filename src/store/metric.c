/*-------------------------------------------------------------------------
 *
 * metric.c
 *	  Samples of what a task does: rows of dtsmig.metric.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "store/metric.h"

#include "store/sql.h"

void
store_metric_add(int64 task_id, const MetricSample *s)
{
	(void) store_exec("INSERT INTO dtsmig.metric SELECT t.task_id, $2, t.phase, "
					  "$3::text::real, $4::text::real, $5::text::real, "
					  "NULLIF($6, '-1')::real, NULLIF($7, -1), "
					  "$8 + COALESCE(c.rows, 0), $9 + COALESCE(c.bytes, 0), "
					  "$10, $11, $12::int FROM dtsmig.task t LEFT JOIN LATERAL "
					  "(SELECT pg_catalog.sum(tt.rows_copied)::bigint AS rows, "
					  "pg_catalog.sum(tt.bytes_copied)::bigint AS bytes "
					  "FROM dtsmig.task_table tt WHERE tt.task_id = $1) c ON true "
					  "WHERE t.task_id = $1", "iztttt" "iiiiii", task_id,
					  s->at, psprintf("%.3f", s->rows_per_second),
					  psprintf("%.1f", s->bytes_per_second),
					  psprintf("%.3f", s->changes_per_second),
					  s->latency_seconds < 0 ? "-1" :
					  psprintf("%.3f", s->latency_seconds),
					  s->latency_bytes, s->rows, s->bytes, s->changes,
					  s->memory, (int64) s->copy_workers);
}

void
store_metrics_prune(int64 task_id, int64 hours)
{
	(void) store_exec("DELETE FROM dtsmig.metric WHERE task_id = $1 AND at < "
					  "pg_catalog.clock_timestamp() - pg_catalog.make_interval(hours => $2::int)",
					  "ii", task_id, hours);
	(void) store_exec("DELETE FROM dtsmig.alert WHERE task_id = $1 AND cleared < "
					  "pg_catalog.clock_timestamp() - pg_catalog.make_interval(hours => $2::int)",
					  "ii", task_id, hours);
}
