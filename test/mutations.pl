# The deliberate faults of test/mutate: name, file below src/, what stands
# there (once), what shall stand, and the tests that claim to see it. Each breaks
# one promise. test/t/common/mutations.pl sees that each still fits.
(
    # --- cutover
    [ 'cutover: nobody looks whether it is quiet at the end', 'check/cutover.c', "\tposition = drain(v, options);\n\tcheck_quiet(v, changes);\n\treturn position;", "\tposition = drain(v, options);\n\treturn position;", 'mysql/cutover_refusals.pl' ],
    # that rows which change too often stop a cutover is not here: what changes is seen by the last look, too
    [ 'cutover: differences do not stop it', 'check/cutover.c', "\tif (options->accept_differences)\n\t\treturn;\n\tif (v->unsettled", "\tif (true)\n\t\treturn;\n\tif (v->unsettled", 'mysql/cutover.pl' ],
    [ 'cutover: read_only for super_read_only', 'source/mysql/my_verify.c', '"SET GLOBAL super_read_only = ON" :', '"SET GLOBAL read_only = ON" :', 'mysql/cutover.pl [mysql-9.7]' ],
    [ 'cutover: the source is not made read-only', 'check/cutover.c', "failure = v->source->make_read_only(v->conn, options->reverse);", 'failure = NULL;', 'mysql/cutover.pl' ],
    # --- rights
    [ 'rights: a role names a socket file', 'fdw/fdw_options.c', "if (host[0] == '/' || host[0] == '\@')", 'if (false)', 'pgsql/hosts.pl' ],
    [ 'rights: a role names a list of hosts', 'fdw/fdw_options.c', 'if (strpbrk(host, ",/@") != NULL)', 'if (false)', 'pgsql/hosts.pl' ],
    [ 'rights: a role names files of the server', 'fdw/fdw_options.c', "\t\t\tif (!superuser())", "\t\t\tif (false)", 'common/api.pl' ],
    [ 'rights: no password is asked for', 'client/pg_conn.c', 'if (!PQconnectionUsedPassword(conn->pq) && !pg_caller_is_superuser())', 'if (false)', 'pgsql/hosts.pl' ],
    [ 'rights: a superuser\'s task runs the source\'s DDL', 'worker/run_ddl_pg.c', 'else if (record_is_superuser(&c) && !run->options->superuser_ddl && run->task->do_schema)', 'else if (false)', 'pgsql/rights.pl' ],
    [ 'rights: triggers of a table of somebody else', 'worker/worker.c', "\tguard_begin(GetUserId());\n", '', 'common/worker_guard.pl' ],
    # --- trouble
    [ 'retry: a failed task is resumed for ever', 'store/retry.c', '"pg_catalog.clock_timestamp() < failed_since "', '"failed_since IS NOT NULL OR pg_catalog.clock_timestamp() < failed_since "', 'common/monitoring.pl' ],
    [ 'retry: at the same distance each time', 'store/retry.c', '"LEAST(GREATEST($3, pg_catalog.date_part(\'epoch\', "', '"LEAST(LEAST($3, pg_catalog.date_part(\'epoch\', "', 'common/monitoring.pl' ],
    [ 'alerts: the function has a minute', 'worker/alert_call.c', '#define CALL_MS 5000', '#define CALL_MS 60000', 'common/monitoring.pl' ],
    [ 'metrics: samples are kept for ever', 'store/metric.c', '(void) store_exec("DELETE FROM dtsmig.metric WHERE task_id = $1 AND at < "', '(void) store_exec("DELETE FROM dtsmig.metric WHERE task_id = -$1 AND at < "', 'common/monitoring.pl' ],
    [ 'heartbeat: a silent source is waited for too long', 'source/mysql/my_stream.c', '#define SILENCE_LIMIT_MS	30000', '#define SILENCE_LIMIT_MS	80000', 'common/heartbeat.pl mysql/restart.pl' ],
    # --- throttles, batches
    [ 'throttle: rows cost nothing', 'worker/throttle.c', '(double) done[i] * USECS_PER_SEC / (double) throttle->rate[i];', '0.0;', 'common/control.pl' ],
    [ 'batch: batch_delay is not asked', 'worker/run_changes.c', 'if (f->replicated || follow_batch_is_due(f, f->run->options->batch_delay))', 'if (true)', 'common/options.pl' ],
    # --- GTID sets
    [ 'GTID: an interval that is not there', 'source/mysql/my_gtid_set.c', 'return i < s->n && s->intervals[i].first <= number;', 'return i < s->n;', 'fixtures mysql/long_positions.pl' ],
    [ 'GTID: a part begins before', 'source/mysql/my_gtid_set.c', "if (j == s->n || s->intervals[j].first > p->intervals[k].first ||", "if (j == s->n ||", 'mysql/failover.pl [mysql-9.7] mysql/long_positions.pl' ],
    [ 'GTID: a part ends after', 'source/mysql/my_gtid_set.c', "s->intervals[j].last < p->intervals[k].last)", 'false)', 'mysql/failover.pl [mysql-9.7] mysql/long_positions.pl' ],
    # --- verification
    [ 'verify: one look is enough', 'check/verify_settle.c', '#define MUST_STAY 2', '#define MUST_STAY 1', 'mysql/verify.pl' ],
    # --- rows
    [ 'verify: what a verification cut is not said', 'check/cutover.c', "\tif (v->results == NIL)\n\t\treturn;\n\tinitStringInfo(&list);", "\tif (true)\n\t\treturn;\n\tinitStringInfo(&list);", 'mysql/cutover_refusals.pl' ],
    # --- rows
    [ 'copy: rows that arrived are not counted', 'source/mysql/my_rows.c', 'if (found == (int64) rows->nread)', 'if (true)', 'mysql/short_answers.pl' ],
    [ 'commit: not flushed', 'dest/batch/writer.c', "\tXLogFlush(XactLastCommitEnd);\n", '', 'pgsql/asynchronous_commit.pl' ],
    [ 'binlog: a checksum is not compared', 'source/mysql/binlog_event.c', "\treturn len < SHORT_CRC ? short_crc(crc, p, len) :\n\t\t(uint32_t) crc32_z(crc, p, len);", "\treturn len == 0 ? short_crc(crc, p, len) :\n\t\tlen < SHORT_CRC ? 7 : 0;", 'fixtures mysql/hostile_binlog.pl' ],
    [ 'publication: what it left out for a while', 'worker/task_relations.c', "\t\t!(rel->resync && rel->resync_step <= RESYNC_ASKED))\n\t\treturn false;", "\t\t!(rel->resync && rel->resync_step <= RESYNC_ASKED))\n\t\treturn true;", 'pgsql/watch.pl' ],
    [ 'destination: a table that is not plain', 'dest/local/plain.c', "local_check_plain(Oid relid, bool written)\n{", "local_check_plain(Oid relid, bool written)\n{\n\tif (written || !written)\n\t\treturn;", 'mysql/plain_tables.pl' ],
    [ 'cascade: keys that change between two snapshots of the child', 'dest/batch/cascade_zone.c', 'if (action == CASCADE_UPDATE && edge->child->rel->torn == NULL &&', 'if (false &&', 'mysql/cascaded_keys.pl' ],
    # --- tasks
    [ 'tasks: a role has as many as it likes', 'api/api_task.c', 'if (store_int(rows, 0, 0) > max_tasks_per_role)', 'if (false)', 'common/worker_slots.pl' ],
    [ 'tasks: they belong to everybody', 'api/api_task.c', "\ttask_check_owner(task);\n", '', 'common/api.pl' ],
)
