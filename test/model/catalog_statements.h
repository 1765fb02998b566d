/*
 * catalog_statements.h
 *	  The statements that the worker's files run on the tables of schema dtsmig,
 *	  word for word, and what does each of them; part of catalog.c. What is
 *	  asked of dtsmig.task_object, which is not simulated, stands in object.h.
 */
#define RELATION \
	"SELECT t.table_id, v.definition, t.snapshot_low, t.snapshot_high, " \
	"v.generation, v.from_position, t.state = 'resync', t.described_position, " \
	"t.resync_step, t.types_position, t.one_snapshot, t.source_mark " \
	"FROM dtsmig.task_table t JOIN LATERAL " \
	"(SELECT definition, generation, from_position FROM dtsmig.table_version v " \
	"WHERE v.table_id = t.table_id ORDER BY generation DESC LIMIT 1) v ON true "

static const struct
{
	const char *sql;
	Handler		handler;
}			statements[] =
{
	{"INSERT INTO dtsmig.task_position AS p (task_id, applied_position, commit_time, changes, transactions) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (task_id) DO UPDATE SET applied_position = EXCLUDED.applied_position, commit_time = EXCLUDED.commit_time, changes = p.changes + EXCLUDED.changes, transactions = p.transactions + EXCLUDED.transactions, updated = pg_catalog.clock_timestamp()", write_position},
	{"SELECT applied_position, replay_until, changes FROM dtsmig.task_position WHERE task_id = $1", read_position},
	{"UPDATE dtsmig.task_position SET applied_position = $2, replay_until = $3 WHERE task_id = $1", go_back},
	{"UPDATE dtsmig.task_position SET applied_position = replay_until, replay_until = NULL WHERE task_id = $1 AND replay_until IS NOT NULL", give_up_replay},
	{"UPDATE dtsmig.task_position SET replay_until = NULL WHERE task_id = $1", end_replay},

	{"UPDATE dtsmig.task_table SET resync_step = $3 WHERE task_id = $1 AND state = 'resync' AND resync_step = $2", move_step},
	{"UPDATE dtsmig.task_table SET resync_step = NULL WHERE table_id = $1", clear_step},
	{"UPDATE dtsmig.task_table SET state = 'resync', resync_step = 'copying', resync_from = $2, source_mark = NULL, rows_copied = 0, bytes_copied = 0 WHERE table_id = $1", begin_copying},
	{"SELECT resync_from FROM dtsmig.task_table WHERE task_id = $1 AND resync_step = 'copied' LIMIT 1", copied_from},
	{"UPDATE dtsmig.task_table SET state = 'ready', resync_step = NULL, resync_from = NULL WHERE task_id = $1 AND state = 'resync' AND resync_step = $2 RETURNING source_schema, source_table", put_in_sync},
	{"UPDATE dtsmig.task_table SET snapshot_low = $2, snapshot_high = $3 WHERE table_id = $1", set_zone},
	{"UPDATE dtsmig.task_table SET described_position = COALESCE($2, described_position) WHERE table_id = $1", note_described},
	{"SELECT count(*) FROM dtsmig.task_table WHERE task_id = $1 AND state = 'resync'", count_resync},
	{"SELECT DISTINCT snapshot_high FROM dtsmig.task_table WHERE task_id = $1 AND snapshot_high IS NOT NULL", snapshots},
	{"SELECT resync_from FROM dtsmig.task_table WHERE table_id = $1", resync_from},
	{"UPDATE dtsmig.task_table SET state = 'ready', resync_step = NULL, resync_from = NULL, waits_for = NULL, one_snapshot = true, snapshot_low = $2, snapshot_high = $3, described_position = $4, source_mark = NULL WHERE table_id = $1", resync_done},
	{"UPDATE dtsmig.task_table SET waits_for = $2 WHERE table_id = $1 AND waits_for IS DISTINCT FROM $2 RETURNING 1", note_wait},
	{"UPDATE dtsmig.task_table SET rows_copied = $2, bytes_copied = $3, described_position = $4 WHERE table_id = $1", rows_copied_again},
	{"UPDATE dtsmig.task_table SET resync_step = $2 WHERE table_id = $1 AND resync_step = 'copying'", leave_copying},
	{"UPDATE dtsmig.task_table SET resync_step = 'copied', snapshot_low = $2, snapshot_high = $3, one_snapshot = true, described_position = $4, rows_copied = $5, bytes_copied = $6 WHERE table_id = $1 AND state = 'resync' AND resync_step = 'copying' AND resync_from = $7", note_copied},
	{"UPDATE dtsmig.task_table SET state = 'resync', resync_step = NULL WHERE table_id = $1 RETURNING source_schema, source_table", mark_resync},
	{"UPDATE dtsmig.task_table SET state = 'resync' WHERE table_id = $1 RETURNING source_schema, source_table", mark_left},
	{"SELECT table_id FROM dtsmig.task_table WHERE task_id = $1 AND state = 'resync' AND resync_step IS DISTINCT FROM 'replay'", wants_stop},
	{"UPDATE dtsmig.task_table SET one_snapshot = false WHERE table_id = $1", many_snapshots},
	{"SELECT snapshot_high FROM dtsmig.task_table WHERE table_id = $1", read_high},
	{"UPDATE dtsmig.task_table SET snapshot_high = $2 WHERE table_id = $1", set_high},
	{RELATION "WHERE t.table_id = $1", one_relation},
	{RELATION "WHERE t.task_id = $1 ORDER BY t.table_id", all_relations},
	{"SELECT definition FROM dtsmig.table_version WHERE table_id = $1 ORDER BY generation DESC LIMIT 1", read_definition},
	{"SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_attribute a WHERE a.attrelid = pg_catalog.to_regclass($1) AND a.attname = $2 AND a.attnotnull)", is_not_null},
	{"SELECT v.table_id, v.generation, v.definition FROM dtsmig.task_table o JOIN dtsmig.task_table t ON t.task_id = o.task_id AND t.target_schema = o.target_schema AND t.target_table = o.target_table JOIN LATERAL (SELECT * FROM dtsmig.table_version x WHERE x.table_id = t.table_id ORDER BY x.generation DESC LIMIT 1) v ON true WHERE o.table_id = $1", read_versions},
	{"UPDATE dtsmig.table_version SET definition = $3 WHERE table_id = $1 AND generation = $2", nothing},
	{"UPDATE dtsmig.task_table SET rows_copied = rows_copied + $2, bytes_copied = bytes_copied + $3, state = CASE state WHEN 'resync' THEN state ELSE 'copying' END WHERE table_id = $1", table_copying},
	{"UPDATE dtsmig.task_table SET state = 'copied' WHERE table_id = $1 AND state <> 'resync' AND NOT EXISTS (SELECT 1 FROM dtsmig.task_job j WHERE j.table_id = $1 AND j.kind = 'copy' AND j.state <> 'done') RETURNING table_id", table_copied},
	{"UPDATE dtsmig.task_table SET rows_copied = 0, bytes_copied = 0, state = 'waiting' WHERE table_id = $1", table_again},

	{"INSERT INTO dtsmig.task_job (task_id, table_id, kind, state, object_id, priority) SELECT o.task_id, o.table_id, 'statement', CASE WHEN $3 OR o.table_id IS NULL THEN 'ready' ELSE 'waiting' END, o.object_id, $4 + COALESCE(t.bytes_estimate, 0) FROM dtsmig.task_object o LEFT JOIN dtsmig.task_table t USING (table_id) WHERE o.task_id = $1 AND o.phase = $2 AND o.state IN ('waiting', 'failed') AND NOT EXISTS (SELECT 1 FROM dtsmig.task_job j WHERE j.object_id = o.object_id) ORDER BY o.object_id", plan_statements},
	{"SELECT count(*) FROM dtsmig.task_job WHERE task_id = $1", count_jobs},
	{"INSERT INTO dtsmig.task_job (task_id, table_id, kind, state, condition, whole_table, rows_estimate, priority) VALUES ($1, $2, 'copy', 'ready', $3, $4, $5, 1000000000 + $6)", insert_copy},
	{"SELECT job_id, table_id, snapshot_low, snapshot_position FROM dtsmig.task_job WHERE task_id = $1 AND kind = 'copy' AND snapshot_position IS NOT NULL ORDER BY table_id", read_snapshots},
	{"SELECT EXISTS (SELECT 1 FROM dtsmig.task_job WHERE task_id = $1 AND state <> 'done')", jobs_left},
	{"UPDATE dtsmig.task_job SET state = 'done' WHERE job_id = $1", job_done},
	{"UPDATE dtsmig.task_job SET state = 'done', rows = $2, bytes = $3, snapshot_low = $4, snapshot_position = $5 WHERE job_id = $1", copy_done},
	{"UPDATE dtsmig.task_job SET state = 'ready' WHERE table_id = $1 AND kind = 'statement' AND state = 'waiting' AND NOT EXISTS (SELECT 1 FROM dtsmig.task_job j WHERE j.table_id = $1 AND j.kind = 'copy' AND j.state <> 'done')", release_if_copied},
	{"UPDATE dtsmig.task_job SET state = 'ready' WHERE table_id = $1 AND kind = 'statement' AND state = 'waiting'", release_all},
	{"SELECT j.job_id, COALESCE(j.table_id, 0), j.kind = 'copy', j.condition, j.whole_table, COALESCE(j.object_id, 0), o.statement, o.kind || ' ' || " OBJECT_FULL_NAME ", " OBJECT_MAY_BE_MADE ", COALESCE(" OBJECT_IS_OPTIONAL ", false) FROM dtsmig.task_job j LEFT JOIN dtsmig.task_object o USING (object_id) LEFT JOIN dtsmig.task_table t ON t.table_id = o.table_id WHERE j.task_id = $1 AND j.state = 'ready' AND (j.kind <> 'copy' OR NOT $2) ORDER BY j.priority DESC, j.job_id LIMIT 1 FOR UPDATE OF j SKIP LOCKED", take_job},
	{"SELECT t.table_id, t.source_schema, t.source_table, pg_catalog.format('%I.%I', t.target_schema, t.target_table) FROM dtsmig.task_table t WHERE t.task_id = $1 AND EXISTS (SELECT 1 FROM dtsmig.task_job j WHERE j.table_id = t.table_id AND j.kind = 'copy' AND j.state = 'done') AND EXISTS (SELECT 1 FROM dtsmig.task_job j WHERE j.table_id = t.table_id AND j.kind = 'copy' AND j.state <> 'done')", halves},
	{"UPDATE dtsmig.task_job SET state = 'ready', snapshot_low = NULL, snapshot_position = NULL WHERE table_id = $1 AND kind = 'copy'", jobs_again},
	{"UPDATE dtsmig.task_job SET state = 'done' WHERE job_id IN (SELECT job_id FROM dtsmig.task_job WHERE table_id = $1 AND kind = 'copy' AND state <> 'done' FOR UPDATE SKIP LOCKED) RETURNING job_id", leave_jobs},

	{"UPDATE dtsmig.task SET target_position = $2, start_position = $3 WHERE task_id = $1", set_positions},
	{"UPDATE dtsmig.task SET phase = $2, step = $3, updated = pg_catalog.clock_timestamp() WHERE task_id = $1", set_step},
	{"UPDATE dtsmig.task SET runtime_handle = $2 WHERE task_id = $1", nothing},
	{"UPDATE dtsmig.task SET status = 'running', runtime_handle = $2, retrying_since = NULL, retrying_until = NULL, started = COALESCE(started, pg_catalog.clock_timestamp()), updated = pg_catalog.clock_timestamp() WHERE task_id = $1", nothing},
	{"UPDATE dtsmig.task SET source_identity = COALESCE(source_identity, $2) WHERE task_id = $1 RETURNING source_identity", identity},
	{"SELECT source_identity FROM dtsmig.task WHERE task_id = $1", identity},

	{"SELECT 1 FROM dtsmig.verify_difference WHERE task_id = $1 AND state = 'repairing' LIMIT 1", any_repair},
	{"SELECT DISTINCT table_id FROM dtsmig.verify_difference WHERE task_id = $1 AND state = 'repairing' AND table_id IS NOT NULL ORDER BY 1", tables_to_repair},
	{"SELECT difference_id, key_values, kind = 'differs' AND differences OPERATOR(pg_catalog.-) ARRAY(SELECT pg_catalog.jsonb_array_elements_text($2::pg_catalog.jsonb)) = '{}' FROM dtsmig.verify_difference WHERE table_id = $1 AND state = 'repairing' AND key_values IS NOT NULL ORDER BY difference_id LIMIT $3", rows_to_repair},
	{"UPDATE dtsmig.verify_difference SET state = 'failed', error = $2 WHERE difference_id = $1", nothing},
	{"UPDATE dtsmig.verify_difference SET state = 'repaired', repaired = pg_catalog.clock_timestamp() WHERE difference_id = $1", repaired},
	{"UPDATE dtsmig.verify_difference SET state = 'failed', error = $3 WHERE task_id = $1 AND table_id = $2 AND state = 'repairing'", repair_failed},
};

