/* dtsmig--0.9--1.0.sql: the way from a version that was never released, for
 * test/t/common/upgrade.pl; a model for scripts to come. */

-- complain if the script is run by psql rather than ALTER EXTENSION
\echo Use "ALTER EXTENSION dtsmig UPDATE TO '1.0'" to load this file. \quit

-- A worker of the library before may be at work while this runs, and goes on
-- with what is here until the server loads the new one. So only add: a new
-- column has a default or may be NULL, a function keeps its arguments, and
-- nothing is renamed or dropped that the library before reads or writes.

-- All the books at once, so that no worker that holds one of them waits for
-- another that is changed already.
DO $$
BEGIN
    FOR i IN 1 .. 600 LOOP
        BEGIN
            LOCK TABLE dtsmig.task, dtsmig.task_position, dtsmig.task_table,
                dtsmig.table_version, dtsmig.task_object, dtsmig.task_job,
                dtsmig.task_event, dtsmig.precheck_item, dtsmig.changed_name,
                dtsmig.verify_run, dtsmig.verify_difference
                IN ACCESS EXCLUSIVE MODE NOWAIT;
            EXIT;
        EXCEPTION WHEN lock_not_available THEN
            PERFORM pg_catalog.pg_sleep(0.05);
        END;
    END LOOP;
END
$$;

-- auto_resume: since when a task fails again and again, and when it is
-- resumed unasked.
ALTER TABLE dtsmig.task ADD COLUMN failed_since timestamptz,
    ADD COLUMN resume_at timestamptz;

-- Default collations of the source's databases, {"database": "collation"}, as
-- of the applied position: what a CREATE TABLE there gets that says none.
ALTER TABLE dtsmig.task ADD COLUMN source_collations jsonb;

-- Timeline of a PostgreSQL source that the position is of; NULL: not known.
ALTER TABLE dtsmig.task ADD COLUMN source_timeline bigint;

-- A table that is copied again while the rest of its task goes on (state
-- 'resync'): how far that has come, and from where on the log is read again
-- for it. NULL: the rest waits.
ALTER TABLE dtsmig.task_table ADD COLUMN resync_step text
    CHECK (resync_step IN ('asked', 'copying', 'copied', 'replay')),
    ADD COLUMN resync_from text;
-- Where the last statement stands (ALTER TYPE) that gave values of a type of a
-- column other texts: transactions that began before it may tell either.
ALTER TABLE dtsmig.task_table ADD COLUMN types_position text,
-- All copied rows were read at one moment, and none of them since.
    ADD COLUMN one_snapshot boolean NOT NULL DEFAULT false;
-- Why a table that is to be copied again cannot be yet; NULL: nothing is known
-- to be in the way.
ALTER TABLE dtsmig.task_table ADD COLUMN waits_for text;
-- Up to there the log is read again, for tables of the step 'replay' alone.
ALTER TABLE dtsmig.task_position ADD COLUMN replay_until text;

-- A verification of some tables; NULL: it was of all.
ALTER TABLE dtsmig.verify_run ADD COLUMN tables text[];

-- ------------------------------------------------------------ roles

-- Rights over the tasks of all owners are EXECUTE on one of these: nothing
-- hangs on the name of a role, and GRANT, REVOKE and pg_dump do the rest.
CREATE FUNCTION dtsmig.read_all_tasks() RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC SELECT true;
END;
COMMENT ON FUNCTION dtsmig.read_all_tasks() IS
  'whoever may execute this sees the tasks of all owners, without the data of their rows';
CREATE FUNCTION dtsmig.operate_all_tasks() RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC SELECT true;
END;
COMMENT ON FUNCTION dtsmig.operate_all_tasks() IS
  'whoever may execute this sees the tasks of all owners, without the data of their rows, and may pause, resume and verify them';
REVOKE EXECUTE ON FUNCTION dtsmig.read_all_tasks(), dtsmig.operate_all_tasks()
  FROM PUBLIC;

-- What every view of tasks asks; a role's own tasks are those of roles that it
-- is a member of.
CREATE FUNCTION dtsmig.sees_task(owner oid) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC SELECT pg_catalog.pg_has_role(owner, 'MEMBER')
  OR pg_catalog.has_function_privilege(
    'dtsmig.read_all_tasks()'::pg_catalog.regprocedure::oid, 'EXECUTE')
  OR pg_catalog.has_function_privilege(
    'dtsmig.operate_all_tasks()'::pg_catalog.regprocedure::oid, 'EXECUTE');
END;
COMMENT ON FUNCTION dtsmig.sees_task(oid) IS
  'may the current role see tasks of this owner';

CREATE OR REPLACE VIEW dtsmig.tasks WITH (security_barrier) AS
SELECT t.task_id AS id, t.task_name AS name,
    pg_catalog.pg_get_userbyid(t.owner) AS owner,
    t.source, t.destination,
    CASE WHEN t.status IN ('running', 'retrying', 'prechecking')
        AND r.pid IS NULL THEN
        CASE WHEN r.launcher OR t.updated > pg_catalog.clock_timestamp()
                - interval '10 seconds'
            THEN CASE t.status WHEN 'prechecking' THEN t.status
              ELSE 'retrying' END
            ELSE 'failed' END
      WHEN t.status IN ('running', 'retrying', 'prechecking')
        AND r.heartbeat < pg_catalog.clock_timestamp() - interval '15 seconds'
      THEN 'unresponsive'
      ELSE t.status END AS status,
    t.phase,
    p.percent AS progress,
    dtsmig.progress_bar(p.percent) AS progress_bar,
    c.tables_done, c.tables_total,
    c.rows_copied, c.bytes_copied, c.rows_total AS rows_estimated,
    pg_catalog.round(r.rows_per_second::numeric, 0) AS rows_per_second,
    pg_catalog.round((r.bytes_per_second / 1048576)::numeric, 1)
      AS mb_per_second,
    CASE WHEN t.step = 'copy' AND r.rows_per_second > 0
      THEN pg_catalog.make_interval(secs => pg_catalog.round(
        (GREATEST(c.rows_total - c.rows_copied, 0)
          / r.rows_per_second)::numeric, 0)::double precision) END
      AS time_left,
    r.source_position,
    COALESCE(r.applied_position, tp.applied_position, t.start_position)
      AS applied_position,
    pg_catalog.round(r.latency_seconds::numeric, 1) AS latency_seconds,
    r.latency_bytes,
    COALESCE(r.changes, tp.changes, 0) AS changes,
    pg_catalog.round(r.changes_per_second::numeric, 0) AS changes_per_second,
    t.consistent_since, t.consistent_position,
    t.cutover_at, t.cutover_position,
    t.retrying_since, t.retrying_until,
    CASE WHEN t.status IN ('running', 'retrying', 'prechecking')
        AND r.pid IS NULL AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_roles o
          WHERE o.oid = t.owner AND o.rolcanlogin)
      THEN 'the worker of this task is not started: its owner may not log in, or is gone'
      WHEN t.status IN ('running', 'retrying', 'prechecking')
        AND r.pid IS NULL AND t.last_error IS NULL
      THEN 'the worker of this task is gone'
      WHEN t.status IN ('running', 'retrying', 'prechecking')
        AND r.heartbeat < pg_catalog.clock_timestamp() - interval '15 seconds'
      THEN 'the worker of this task (process ' || r.pid || ') has not reported since ' || r.heartbeat::text
      ELSE t.last_error END
      AS last_error,
    t.last_error_sqlstate, t.last_error_hint, t.last_error_at,
    t.step, r.pid AS worker_pid, r.heartbeat,
    t.options ->> 'tag' AS tag,
    t.created, t.started, t.updated, t.resume_at
FROM dtsmig.task t
LEFT JOIN dtsmig.task_position tp USING (task_id)
LEFT JOIN LATERAL dtsmig.task_runtime(t.runtime_handle, t.task_id) r ON true
LEFT JOIN LATERAL (
    SELECT pg_catalog.count(*) AS tables_total,
        pg_catalog.count(*) FILTER (WHERE tt.state IN ('copied', 'ready'))
          AS tables_done,
        COALESCE(pg_catalog.sum(CASE WHEN tt.state IN ('copied', 'ready')
            THEN tt.rows_copied
            ELSE GREATEST(tt.rows_estimate, tt.rows_copied) END), 0)::bigint
          AS rows_total,
        (COALESCE(pg_catalog.sum(tt.rows_copied), 0)
          + COALESCE(r.rows_copied, 0))::bigint AS rows_copied,
        (COALESCE(pg_catalog.sum(tt.bytes_copied), 0)
          + COALESCE(r.bytes_copied, 0))::bigint AS bytes_copied
    FROM dtsmig.task_table tt WHERE tt.task_id = t.task_id) c ON true
LEFT JOIN LATERAL (
    SELECT pg_catalog.count(*) AS jobs,
        pg_catalog.count(*) FILTER (WHERE j.state = 'done') AS jobs_done
    FROM dtsmig.task_job j
    WHERE j.task_id = t.task_id AND j.kind = 'statement') s ON true
LEFT JOIN LATERAL (
    SELECT CASE
        WHEN t.step IN ('changes', 'done') THEN 100.0
        WHEN t.step IN ('new', 'schema') THEN 0.0
        WHEN t.step IN ('catchup', 'indexes', 'post_data') THEN 98.0
        ELSE LEAST(97.0, pg_catalog.round((
            90.0 * LEAST(c.rows_copied, c.rows_total)
              / GREATEST(c.rows_total, 1)
            + 7.0 * s.jobs_done / GREATEST(s.jobs, 1))::numeric, 1))
      END::double precision AS percent) p ON true
WHERE dtsmig.sees_task(t.owner);

CREATE OR REPLACE VIEW dtsmig.task_tables WITH (security_barrier) AS
SELECT t.task_name AS task, tt.source_schema, tt.source_table,
    tt.target_schema, tt.target_table, tt.state, tt.keyed,
    tt.rows_estimate AS rows_estimated,
    tt.rows_copied + COALESCE(r.rows_copied, 0) AS rows_copied,
    tt.bytes_copied + COALESCE(r.bytes_copied, 0) AS bytes_copied,
    tt.snapshot_low, tt.snapshot_high,
    CASE WHEN tt.state = 'resync' THEN tt.waits_for END AS waits_for
FROM dtsmig.task_table tt
JOIN dtsmig.task t USING (task_id)
LEFT JOIN LATERAL (
    SELECT pg_catalog.sum(x.rows_copied)::bigint AS rows_copied,
        pg_catalog.sum(x.bytes_copied)::bigint AS bytes_copied
    FROM dtsmig.table_runtime(t.runtime_handle, t.task_id) x
    WHERE x.table_id = tt.table_id) r ON true
WHERE dtsmig.sees_task(t.owner);

CREATE OR REPLACE VIEW dtsmig.task_objects WITH (security_barrier) AS
SELECT t.task_name AS task, o.phase, o.kind, tt.source_schema,
    tt.source_table, o.name, o.state, o.error, o.note,
    CASE WHEN pg_catalog.pg_has_role(t.owner, 'MEMBER') THEN o.statement END
      AS statement
FROM dtsmig.task_object o
JOIN dtsmig.task t USING (task_id)
LEFT JOIN dtsmig.task_table tt USING (table_id)
WHERE dtsmig.sees_task(t.owner);

CREATE OR REPLACE VIEW dtsmig.task_log WITH (security_barrier) AS
SELECT t.task_name AS task, e.logged, e.severity, e.message,
    CASE WHEN pg_catalog.pg_has_role(t.owner, 'MEMBER') THEN e.detail END
      AS detail,
    e.hint, e.sqlstate
FROM dtsmig.task_event e
JOIN dtsmig.task t USING (task_id)
WHERE dtsmig.sees_task(t.owner)
ORDER BY e.event_id;


CREATE OR REPLACE VIEW dtsmig.name_map WITH (security_barrier) AS
SELECT t.task_name AS task, n.kind, n.source_name, n.target_name, n.reason
FROM dtsmig.changed_name n
JOIN dtsmig.task t USING (task_id)
WHERE dtsmig.sees_task(t.owner);

-- What a verification has not looked at: tables with more differences than
-- were wanted, and those that were being copied again.
ALTER TABLE dtsmig.verify_run ADD COLUMN cut_tables bigint,
    ADD COLUMN left_out text[];

CREATE OR REPLACE VIEW dtsmig.verify_runs WITH (security_barrier) AS
SELECT t.task_name AS task, r.run_id, r.mode, r.started, r.finished, r.rows,
    r.rows_moved, r.differences, r.unsettled, r.cut_tables, r.left_out
FROM dtsmig.verify_run r
JOIN dtsmig.task t USING (task_id)
WHERE dtsmig.sees_task(t.owner)
ORDER BY r.run_id;

CREATE OR REPLACE VIEW dtsmig.verify_results WITH (security_barrier) AS
SELECT t.task_name AS task, d.difference_id AS result_id, d.run_id, r.mode,
    d.source_schema, d.source_table, tt.target_schema, tt.target_table,
    d.kind, d.object,
    CASE WHEN pg_catalog.pg_has_role(t.owner, 'MEMBER') THEN d.key END AS key,
    CASE WHEN pg_catalog.pg_has_role(t.owner, 'MEMBER') THEN d.differences END
      AS differences, d.seen, d.state, d.repaired,
    d.error
FROM dtsmig.verify_difference d
JOIN dtsmig.verify_run r USING (run_id)
JOIN dtsmig.task t ON t.task_id = d.task_id
LEFT JOIN dtsmig.task_table tt ON tt.table_id = d.table_id
WHERE dtsmig.sees_task(t.owner)
ORDER BY d.difference_id;

-- The usual two roles; they are the cluster's, so making them is left to
-- whoever may, and CREATE EXTENSION makes none.
CREATE FUNCTION dtsmig.create_roles() RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['dtsmig_reader', 'dtsmig_operator'] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', name);
        EXCEPTION WHEN duplicate_object THEN
            RAISE NOTICE 'role "%" is there already', name;
        END;
    END LOOP;
    GRANT EXECUTE ON FUNCTION dtsmig.read_all_tasks() TO dtsmig_reader;
    GRANT EXECUTE ON FUNCTION dtsmig.operate_all_tasks() TO dtsmig_operator;
END
$$;
COMMENT ON FUNCTION dtsmig.create_roles() IS
  'makes the roles dtsmig_reader and dtsmig_operator, where they are missing, and grants them what their names say in this database';
REVOKE EXECUTE ON FUNCTION dtsmig.create_roles() FROM PUBLIC;

-- --------------------------------------------------------- precheck

ALTER TABLE dtsmig.precheck_item ADD COLUMN sql text, ADD COLUMN run_at text;

-- Warnings that somebody has decided to live with.
CREATE TABLE dtsmig.precheck_ignored (
    task_id bigint NOT NULL REFERENCES dtsmig.task ON DELETE CASCADE,
    item text NOT NULL,
    ignored_by text NOT NULL,
    ignored_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (task_id, item)
);

CREATE OR REPLACE VIEW dtsmig.precheck_results WITH (security_barrier) AS
SELECT t.task_name AS task, i.item, i.status, i.found, i.advice, i.checked,
    i.sql, i.run_at, g.ignored_by, g.ignored_at
FROM dtsmig.precheck_item i
JOIN dtsmig.task t USING (task_id)
LEFT JOIN dtsmig.precheck_ignored g USING (task_id, item)
WHERE dtsmig.sees_task(t.owner)
ORDER BY i.task_id, i.item_no;

CREATE FUNCTION dtsmig.precheck_item_list(
    OUT item text, OUT looks_at text, OUT sources text, OUT description text)
RETURNS SETOF record AS 'MODULE_PATHNAME', 'dtsmig_precheck_item_list'
LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION dtsmig.precheck_item_list() IS
  'every item of the precheck; see the view precheck_items';
CREATE VIEW dtsmig.precheck_items AS SELECT * FROM dtsmig.precheck_item_list();
COMMENT ON VIEW dtsmig.precheck_items IS 'what the precheck looks at';
GRANT SELECT ON dtsmig.precheck_items TO PUBLIC;

CREATE FUNCTION dtsmig.ignore_precheck(
    task text, item text, ignore boolean DEFAULT true)
RETURNS void AS 'MODULE_PATHNAME', 'dtsmig_ignore_precheck'
LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION dtsmig.ignore_precheck(text, text, boolean) IS
  'records that warnings of an item of the precheck are to be ignored (or not any more); an item that has failed cannot be';

-- ------------------------------------------------------------ dumps

-- pg_dump takes tasks along, as they stand with the rows of its snapshot. What
-- a verification has found, and what runs, stays behind.
DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['task', 'task_task_id_seq', 'task_position',
        'task_table', 'task_table_table_id_seq', 'table_version',
        'task_object', 'task_object_object_id_seq', 'task_job',
        'task_job_job_id_seq', 'task_event', 'task_event_event_id_seq',
        'precheck_item', 'precheck_ignored', 'changed_name'] LOOP
        PERFORM pg_catalog.pg_extension_config_dump(('dtsmig.' || t)::pg_catalog.regclass, '');
    END LOOP;
END
$$;

-- A role goes into a dump by its name: its oid is another's elsewhere.
ALTER TABLE dtsmig.task ADD COLUMN owner_role pg_catalog.regrole;
UPDATE dtsmig.task SET owner_role = owner;

-- A row that brings its owner_role comes from a dump. Its task goes on, from
-- where the dump was taken, only when it is resumed: the database that it was
-- made in may still be at work.
CREATE FUNCTION dtsmig.task_from_dump() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.owner_role IS NULL THEN
        NEW.owner_role := NEW.owner;
        RETURN NEW;
    END IF;
    NEW.owner := NEW.owner_role;
    NEW.runtime_handle := NULL;
    NEW.resume_at := NULL;
    IF NEW.wanted = 'running' THEN
        NEW.wanted := 'paused';
        NEW.status := 'paused';
        NEW.retrying_since := NULL;
        NEW.retrying_until := NULL;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER task_from_dump BEFORE INSERT ON dtsmig.task
  FOR EACH ROW EXECUTE FUNCTION dtsmig.task_from_dump();
ALTER TABLE dtsmig.task ENABLE ALWAYS TRIGGER task_from_dump;

-- ------------------------------------------------------------ seeing

-- Neither these nor the samples have a foreign key to their task: its check
-- would wait for whoever has a task's row locked, and with it the worker.
CREATE TABLE dtsmig.alert (
    alert_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    task_id bigint NOT NULL,
    kind text NOT NULL CHECK (kind IN
      ('failed', 'retrying', 'latency', 'retention', 'schema_drift', 'resync',
       'object', 'zero_date')),
    subject text NOT NULL DEFAULT '',
    message text NOT NULL,
    detail text,
    hint text,
    raised timestamptz NOT NULL DEFAULT clock_timestamp(),
    cleared timestamptz
);
-- One of a kind and subject stands at a time.
CREATE UNIQUE INDEX alert_standing ON dtsmig.alert (task_id, kind, subject)
  WHERE cleared IS NULL;
CREATE INDEX alert_task ON dtsmig.alert (task_id, alert_id);

CREATE TABLE dtsmig.metric (
    task_id bigint NOT NULL,
    at timestamptz NOT NULL,
    phase text,
    rows_per_second real,
    bytes_per_second real,
    changes_per_second real,
    latency_seconds real,
    latency_bytes bigint,
    rows_copied bigint,
    bytes_copied bigint,
    changes bigint,
    worker_memory bigint,
    copy_workers integer
);
CREATE INDEX metric_task ON dtsmig.metric (task_id, at);

CREATE VIEW dtsmig.metrics WITH (security_barrier) AS
SELECT t.task_name AS task, m.at, m.phase, m.rows_per_second,
    (m.bytes_per_second / 1048576)::real AS mb_per_second,
    m.changes_per_second, m.latency_seconds, m.latency_bytes, m.rows_copied,
    m.bytes_copied, m.changes, m.worker_memory, m.copy_workers
FROM dtsmig.metric m
JOIN dtsmig.task t USING (task_id)
WHERE dtsmig.sees_task(t.owner);
COMMENT ON VIEW dtsmig.metrics IS
  'what each task did, a row every few seconds (options metrics_interval, metrics_retention)';

CREATE VIEW dtsmig.alerts WITH (security_barrier) AS
SELECT a.alert_id AS id, t.task_name AS task, a.kind,
    CASE WHEN a.cleared IS NULL THEN 'raised' ELSE 'cleared' END AS state,
    NULLIF(a.subject, '') AS subject, a.message,
    CASE WHEN pg_catalog.pg_has_role(t.owner, 'MEMBER') THEN a.detail END
      AS detail,
    a.hint, a.raised, a.cleared
FROM dtsmig.alert a
JOIN dtsmig.task t USING (task_id)
WHERE dtsmig.sees_task(t.owner)
ORDER BY a.alert_id;
COMMENT ON VIEW dtsmig.alerts IS
  'what tasks wanted somebody to know; raised once, cleared when it is over';

CREATE FUNCTION dtsmig.report(task text, period interval DEFAULT '1 day')
RETURNS text AS 'MODULE_PATHNAME', 'dtsmig_report'
LANGUAGE C STRICT STABLE PARALLEL RESTRICTED;
COMMENT ON FUNCTION dtsmig.report(text, interval) IS
  'a page of HTML about a task, with charts of the last period; it stands for itself: psql -Atc "SELECT dtsmig.report(''name'')" > name.html';

CREATE FUNCTION dtsmig.clear_alert(alert bigint) RETURNS void
AS 'MODULE_PATHNAME', 'dtsmig_clear_alert'
LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION dtsmig.clear_alert(bigint) IS
  'marks an alert as over by hand';

GRANT SELECT ON dtsmig.metrics, dtsmig.alerts TO PUBLIC;

-- --------------------------------------------------------------- definitions

CREATE FUNCTION dtsmig.task_definition(task text)
RETURNS jsonb AS 'MODULE_PATHNAME', 'dtsmig_task_definition'
LANGUAGE C STRICT STABLE PARALLEL RESTRICTED;
COMMENT ON FUNCTION dtsmig.task_definition(text) IS
  'a task as jsonb, from which create_task makes it again elsewhere';
CREATE FUNCTION dtsmig.create_task(definition jsonb)
RETURNS bigint AS 'MODULE_PATHNAME', 'dtsmig_create_task_again'
LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION dtsmig.create_task(jsonb) IS
  'makes a task as task_definition gives it (keys name, source, destination, migration_types, objects, options); returns its id';

-- ------------------------------------------------------------ server options

CREATE FUNCTION dtsmig.server_option_list(
    OUT name text, OUT belongs_to text, OUT type text, OUT "default" text,
    OUT range text, OUT description text)
RETURNS SETOF record AS 'MODULE_PATHNAME', 'dtsmig_server_option_list'
LANGUAGE C STRICT STABLE PARALLEL SAFE;
COMMENT ON FUNCTION dtsmig.server_option_list() IS
  'every option of servers and user mappings of dtsmig_fdw; see the view server_options';
CREATE VIEW dtsmig.server_options AS SELECT * FROM dtsmig.server_option_list();
COMMENT ON VIEW dtsmig.server_options IS
  'every option of CREATE SERVER and CREATE USER MAPPING for dtsmig_fdw';
GRANT SELECT ON dtsmig.server_options TO PUBLIC;

-- ------------------------------------------------- objects made by hand

-- The SQLSTATE of why an object could not be made: what was in the way stays
-- in the way, what is there now and was not is taken for it.
ALTER TABLE dtsmig.task_object ADD COLUMN error_code text;
-- Its schema at the destination, where the name does not say it.
ALTER TABLE dtsmig.task_object ADD COLUMN target_schema text;

CREATE FUNCTION dtsmig.skip_object(task text, object text)
RETURNS void AS 'MODULE_PATHNAME', 'dtsmig_skip_object'
LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION dtsmig.retry_object(task text, object text, statement text DEFAULT NULL)
RETURNS void AS 'MODULE_PATHNAME', 'dtsmig_retry_object'
LANGUAGE C VOLATILE PARALLEL UNSAFE;


-- ------------------------------------------------------------ safety

-- Names in the body of a function are looked up when it is made, not by the
-- search_path of whoever calls it, where another operator may fit better.
CREATE OR REPLACE FUNCTION dtsmig.progress_bar(percent double precision)
RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC SELECT '[' || pg_catalog.rpad(pg_catalog.repeat('#',
      pg_catalog.floor(percent / 5)::int), 20, '.') || '] ' ||
    pg_catalog.lpad(pg_catalog.to_char(percent, 'FM990.0'), 5) || ' %';
END;

-- ------------------------------------------------------------ what \d+ and \df+ show

-- Every function, view and column of a view has a comment; docs/reference.md is
-- made from them (make reference).

COMMENT ON FUNCTION dtsmig.create_task(text, text, text, text[], jsonb, jsonb) IS
  'Makes a task and returns its id; nothing runs yet. task_name: NULL for a generated one; source: a server, or a URI such as mariadb://user:password@host:3306/shop; migration_types: any of schema, full, incremental; objects: an array of rules; options: see task_options';
COMMENT ON FUNCTION dtsmig.create_task(jsonb) IS
  'Makes a task from what task_definition returns (keys name, source, destination, migration_types, objects, options) and returns its id';
COMMENT ON FUNCTION dtsmig.task_definition(text) IS
  'The arguments of create_task for this task, as one jsonb, to make it again here or elsewhere; servers and user mappings are not part of it';
COMMENT ON FUNCTION dtsmig.alter_task(text, jsonb) IS
  'Changes options of a task; a JSON null sets one back to its default. task_options.takes_effect says which need resume_task';
COMMENT ON FUNCTION dtsmig.precheck(text) IS
  'Checks source and destination for what would go wrong, and stores the findings in precheck_results. An item that has failed blocks start_task';
COMMENT ON FUNCTION dtsmig.ignore_precheck(text, text, boolean) IS
  'Records that warnings of an item of the precheck are to be ignored (or, with false, not any more); an item that has failed cannot be ignored';
COMMENT ON FUNCTION dtsmig.preview_schema(text) IS
  'The statements that schema migration would run, in order, with a note for each thing that is lost or changed';
COMMENT ON FUNCTION dtsmig.start_task(text) IS
  'Starts a task: its worker runs the precheck, then the phases chosen by migration_types';
COMMENT ON FUNCTION dtsmig.pause_task(text) IS
  'Stops the workers of a task within two seconds; resume_task continues from the last applied position';
COMMENT ON FUNCTION dtsmig.resume_task(text) IS
  'Starts a paused or failed task again from where it stopped';
COMMENT ON FUNCTION dtsmig.skip_change(text, text) IS
  'Skips the statement of the source that has stopped a task; statement (SQL of this database, or NULL) is run in its place';
COMMENT ON FUNCTION dtsmig.skip_object(text, text) IS
  'Lets a task do without an object that could not be made; object: a name of task_objects, with its schema, table or kind where that is needed to tell it from others. resume_task continues where the task has failed';
COMMENT ON FUNCTION dtsmig.retry_object(text, text, text) IS
  'Makes an object that could not be made, by its own statement or by another one, as the owner of the task; an object that exists by now is accepted. The error of a statement that fails is raised';
COMMENT ON FUNCTION dtsmig.resync_table(text, text) IS
  'Copies one table (schema.table at the source) again with its present definition, while the other tables of the task are followed';
COMMENT ON FUNCTION dtsmig.verify(text, text, text[], double precision, bigint) IS
  'Compares the tables of a task with those of the source, also while it runs, and returns what differs. mode: full, sample, incremental or schema; tables: these alone; sample: share of the ranges of rows; max_differences: for each table';
COMMENT ON FUNCTION dtsmig.repair(text, bigint[], bigint) IS
  'Reads rows that differ again from the source (results: result_id of verify_results; or all of a run, by default the last) and returns how many. The worker of the task does it after the caller has committed; verify_results.state shows when it is done';
COMMENT ON FUNCTION dtsmig.cutover(text, text, boolean, boolean, interval, interval, bigint, boolean) IS
  'Ends a task, so that the application can move to this database, or refuses with the reason: writes at the source have ended, all is applied and verified, constraints are valid, sequences are past those of the source. Returns the position at which the source ended';
COMMENT ON FUNCTION dtsmig.release_task(text) IS
  'Ends a task for good: stops it, sets identity columns past their largest value, removes what the task made at the source';
COMMENT ON FUNCTION dtsmig.drop_task(text) IS
  'Removes a task that is not running from the catalog; migrated tables stay';
COMMENT ON FUNCTION dtsmig.wait_for(text, text, interval) IS
  'Waits until a task has reached a status (running, paused, completed …) or a phase (schema, full, incremental; incremental also waits for consistency); raises an error at the timeout, or when the task fails';
COMMENT ON FUNCTION dtsmig.report(text, interval) IS
  'An HTML page about a task, with charts of the period before now and no reference to other files: psql -Atc "SELECT dtsmig.report(''name'')" > name.html';
COMMENT ON FUNCTION dtsmig.clear_alert(bigint) IS 'Clears an alert by hand (alerts.id)';
COMMENT ON FUNCTION dtsmig.test_connection(text) IS
  'Connects to a server with the user mapping of the caller and returns who answers; raises the error if that fails';
COMMENT ON FUNCTION dtsmig.create_roles() IS
  'Creates the roles dtsmig_reader and dtsmig_operator where they are missing, and grants them their rights in this database';
COMMENT ON FUNCTION dtsmig.read_all_tasks() IS
  'EXECUTE on this function is the right to see the tasks of all owners, without data of rows';
COMMENT ON FUNCTION dtsmig.operate_all_tasks() IS
  'EXECUTE on this function is the right to see the tasks of all owners, without data of rows, and to pause, resume and verify them';
COMMENT ON FUNCTION dtsmig.translate_expression(text) IS
  'Translates an expression of MySQL into PostgreSQL, as schema migration does; an error says what does not translate';
COMMENT ON FUNCTION dtsmig.rename_in_statement(text, jsonb, text[]) IS
  'A statement of PostgreSQL with other names of schemas and tables (names: {"schema": "schema", "schema.table": "schema.table"}), as schema migration writes it; notes: what could not be renamed';
COMMENT ON FUNCTION dtsmig.dtsmig_fdw_validator(text[], oid) IS
  'Validates the options of servers and user mappings of dtsmig_fdw';

-- used by the views
COMMENT ON FUNCTION dtsmig.option_list() IS 'Internal: rows of the view task_options';
COMMENT ON FUNCTION dtsmig.server_option_list() IS 'Internal: rows of the view server_options';
COMMENT ON FUNCTION dtsmig.precheck_item_list() IS 'Internal: rows of the view precheck_items';
COMMENT ON FUNCTION dtsmig.task_runtime(bigint, bigint) IS
  'Internal: what the worker of a task reports in shared memory; all NULL where none is alive';
COMMENT ON FUNCTION dtsmig.table_runtime(bigint, bigint) IS
  'Internal: rows and bytes that copy workers have copied and not yet committed, for each table';
COMMENT ON FUNCTION dtsmig.progress_bar(double precision) IS 'Internal: a progress bar of characters';
COMMENT ON FUNCTION dtsmig.sees_task(oid) IS 'Internal: whether the current role may see tasks of this owner';
COMMENT ON FUNCTION dtsmig.task_from_dump() IS 'Internal: trigger that marks tasks restored from a dump as paused';

COMMENT ON VIEW dtsmig.tasks IS 'Tasks, with a status that comes from the heartbeat of the worker: a task whose worker is gone is not shown as running';
COMMENT ON COLUMN dtsmig.tasks.id IS 'Id of the task';
COMMENT ON COLUMN dtsmig.tasks.name IS 'Name of the task';
COMMENT ON COLUMN dtsmig.tasks.owner IS 'Role that made the task, and as which it runs';
COMMENT ON COLUMN dtsmig.tasks.source IS 'Server that the task reads';
COMMENT ON COLUMN dtsmig.tasks.destination IS 'Where the task writes; local is this database';
COMMENT ON COLUMN dtsmig.tasks.status IS 'created, prechecking, precheck_failed, running, unresponsive (no sign of life of the worker for 15 seconds), retrying, paused, failed, completed, cut_over or released';
COMMENT ON COLUMN dtsmig.tasks.phase IS 'schema, full or incremental';
COMMENT ON COLUMN dtsmig.tasks.progress IS 'Percent of schema and full load that are done';
COMMENT ON COLUMN dtsmig.tasks.progress_bar IS 'The same as a bar of characters';
COMMENT ON COLUMN dtsmig.tasks.tables_done IS 'Tables of which all rows are copied';
COMMENT ON COLUMN dtsmig.tasks.tables_total IS 'Tables that the task has selected';
COMMENT ON COLUMN dtsmig.tasks.rows_copied IS 'Rows that the full load has copied';
COMMENT ON COLUMN dtsmig.tasks.bytes_copied IS 'Bytes that the full load has read';
COMMENT ON COLUMN dtsmig.tasks.rows_estimated IS 'Rows that the full load has to copy, by the statistics of the source';
COMMENT ON COLUMN dtsmig.tasks.rows_per_second IS 'Rows a second that the full load copies now';
COMMENT ON COLUMN dtsmig.tasks.mb_per_second IS 'Megabytes a second that the full load reads now';
COMMENT ON COLUMN dtsmig.tasks.time_left IS 'Estimated time that the full load still takes';
COMMENT ON COLUMN dtsmig.tasks.source_position IS 'End of the log of the source, when last looked at';
COMMENT ON COLUMN dtsmig.tasks.applied_position IS 'Position up to which the log of the source has been applied';
COMMENT ON COLUMN dtsmig.tasks.latency_seconds IS 'Age of what is being applied: seconds since the source committed it';
COMMENT ON COLUMN dtsmig.tasks.latency_bytes IS 'Bytes of log between applied_position and source_position';
COMMENT ON COLUMN dtsmig.tasks.changes IS 'Changes of rows that have been applied';
COMMENT ON COLUMN dtsmig.tasks.changes_per_second IS 'Changes of rows a second that are applied now';
COMMENT ON COLUMN dtsmig.tasks.consistent_since IS 'Since when readers of this database see whole source transactions only; NULL: not yet';
COMMENT ON COLUMN dtsmig.tasks.consistent_position IS 'Position of the source at which that began';
COMMENT ON COLUMN dtsmig.tasks.cutover_at IS 'When cutover ended the task';
COMMENT ON COLUMN dtsmig.tasks.cutover_position IS 'Position of the source at which cutover ended the task';
COMMENT ON COLUMN dtsmig.tasks.retrying_since IS 'Since when the task has been retrying after an error';
COMMENT ON COLUMN dtsmig.tasks.retrying_until IS 'When the task fails if it still meets that error (options retry_connection, retry_other)';
COMMENT ON COLUMN dtsmig.tasks.last_error IS 'Message of the last error';
COMMENT ON COLUMN dtsmig.tasks.last_error_sqlstate IS 'SQLSTATE of the last error';
COMMENT ON COLUMN dtsmig.tasks.last_error_hint IS 'What to do about the last error';
COMMENT ON COLUMN dtsmig.tasks.last_error_at IS 'When the last error was raised';
COMMENT ON COLUMN dtsmig.tasks.step IS 'What the worker is doing within the phase';
COMMENT ON COLUMN dtsmig.tasks.worker_pid IS 'Process id of the worker; NULL: none is alive';
COMMENT ON COLUMN dtsmig.tasks.heartbeat IS 'When the worker last reported';
COMMENT ON COLUMN dtsmig.tasks.tag IS 'Option tag of the task';
COMMENT ON COLUMN dtsmig.tasks.created IS 'When the task was made';
COMMENT ON COLUMN dtsmig.tasks.started IS 'When the task was first started';
COMMENT ON COLUMN dtsmig.tasks.updated IS 'When the status last changed';
COMMENT ON COLUMN dtsmig.tasks.resume_at IS 'When the failed task is resumed automatically (option auto_resume)';

COMMENT ON VIEW dtsmig.task_tables IS 'Tables of each task, and how far they are copied';
COMMENT ON COLUMN dtsmig.task_tables.task IS 'Name of the task';
COMMENT ON COLUMN dtsmig.task_tables.source_schema IS 'Schema (database of the MySQL family) at the source';
COMMENT ON COLUMN dtsmig.task_tables.source_table IS 'Table at the source';
COMMENT ON COLUMN dtsmig.task_tables.target_schema IS 'Schema at the destination';
COMMENT ON COLUMN dtsmig.task_tables.target_table IS 'Table at the destination';
COMMENT ON COLUMN dtsmig.task_tables.state IS 'waiting, copying, copied (indexes follow), ready, or resync (being copied again)';
COMMENT ON COLUMN dtsmig.task_tables.keyed IS 'Whether rows are identified by a key';
COMMENT ON COLUMN dtsmig.task_tables.rows_estimated IS 'Rows by the statistics of the source';
COMMENT ON COLUMN dtsmig.task_tables.rows_copied IS 'Rows that have been copied';
COMMENT ON COLUMN dtsmig.task_tables.bytes_copied IS 'Bytes that have been read';
COMMENT ON COLUMN dtsmig.task_tables.snapshot_low IS 'Position of the source before the first rows were read';
COMMENT ON COLUMN dtsmig.task_tables.snapshot_high IS 'Position of the source after the last rows were read';

COMMENT ON COLUMN dtsmig.task_tables.waits_for IS 'Why a table that is to be copied again cannot be yet; NULL: nothing is known to be in the way';

COMMENT ON VIEW dtsmig.task_objects IS 'Objects that schema migration makes, each with its state';
COMMENT ON COLUMN dtsmig.task_objects.task IS 'Name of the task';
COMMENT ON COLUMN dtsmig.task_objects.phase IS 'When it is made: pre_data (before the rows), key, unique, index, post_data';
COMMENT ON COLUMN dtsmig.task_objects.kind IS 'Kind of object: table, index, view, foreign key …';
COMMENT ON COLUMN dtsmig.task_objects.source_schema IS 'Schema at the source of the table that it belongs to';
COMMENT ON COLUMN dtsmig.task_objects.source_table IS 'Table at the source that it belongs to';
COMMENT ON COLUMN dtsmig.task_objects.name IS 'Name at the destination';
COMMENT ON COLUMN dtsmig.task_objects.state IS 'waiting, done, failed or skipped';
COMMENT ON COLUMN dtsmig.task_objects.error IS 'Why it failed';
COMMENT ON COLUMN dtsmig.task_objects.note IS 'What is lost or changed';
COMMENT ON COLUMN dtsmig.task_objects.statement IS 'Statement that makes it';

COMMENT ON VIEW dtsmig.task_log IS 'Log of each task';
COMMENT ON COLUMN dtsmig.task_log.task IS 'Name of the task';
COMMENT ON COLUMN dtsmig.task_log.logged IS 'When it happened';
COMMENT ON COLUMN dtsmig.task_log.severity IS 'info, warning or error';
COMMENT ON COLUMN dtsmig.task_log.message IS 'What happened';
COMMENT ON COLUMN dtsmig.task_log.detail IS 'Details; NULL for readers without right to data of rows';
COMMENT ON COLUMN dtsmig.task_log.hint IS 'What to do about it';
COMMENT ON COLUMN dtsmig.task_log.sqlstate IS 'SQLSTATE of an error';

COMMENT ON VIEW dtsmig.precheck_results IS 'Findings of the last precheck of each task';
COMMENT ON COLUMN dtsmig.precheck_results.task IS 'Name of the task';
COMMENT ON COLUMN dtsmig.precheck_results.item IS 'Item of the precheck; see precheck_items';
COMMENT ON COLUMN dtsmig.precheck_results.status IS 'passed, warning, failed or ignored';
COMMENT ON COLUMN dtsmig.precheck_results.found IS 'What was found';
COMMENT ON COLUMN dtsmig.precheck_results.advice IS 'What to do about it';
COMMENT ON COLUMN dtsmig.precheck_results.checked IS 'When it was checked';
COMMENT ON COLUMN dtsmig.precheck_results.sql IS 'Statements after which the item passes';
COMMENT ON COLUMN dtsmig.precheck_results.run_at IS 'Where to run them: source or destination';
COMMENT ON COLUMN dtsmig.precheck_results.ignored_by IS 'Role that ignored the warning';
COMMENT ON COLUMN dtsmig.precheck_results.ignored_at IS 'When it was ignored';

COMMENT ON VIEW dtsmig.name_map IS 'Names that differ between source and destination';
COMMENT ON COLUMN dtsmig.name_map.task IS 'Name of the task';
COMMENT ON COLUMN dtsmig.name_map.kind IS 'Kind of object';
COMMENT ON COLUMN dtsmig.name_map.source_name IS 'Name at the source';
COMMENT ON COLUMN dtsmig.name_map.target_name IS 'Name at the destination';
COMMENT ON COLUMN dtsmig.name_map.reason IS 'Why it differs';

COMMENT ON VIEW dtsmig.verify_runs IS 'Verifications of each task';
COMMENT ON COLUMN dtsmig.verify_runs.task IS 'Name of the task';
COMMENT ON COLUMN dtsmig.verify_runs.run_id IS 'Id of the verification';
COMMENT ON COLUMN dtsmig.verify_runs.mode IS 'full, sample, incremental or schema';
COMMENT ON COLUMN dtsmig.verify_runs.started IS 'When it began';
COMMENT ON COLUMN dtsmig.verify_runs.finished IS 'When it ended';
COMMENT ON COLUMN dtsmig.verify_runs.rows IS 'Rows that were compared';
COMMENT ON COLUMN dtsmig.verify_runs.rows_moved IS 'Rows of the source that had to be transferred for it';
COMMENT ON COLUMN dtsmig.verify_runs.differences IS 'Differences that were found';
COMMENT ON COLUMN dtsmig.verify_runs.unsettled IS 'Rows that changed too often to be compared';
COMMENT ON COLUMN dtsmig.verify_runs.cut_tables IS 'Tables that were left at max_differences';
COMMENT ON COLUMN dtsmig.verify_runs.left_out IS 'Tables that were not compared, for they are being copied again';

COMMENT ON VIEW dtsmig.verify_results IS 'Differences that verifications found, and what became of them';
COMMENT ON COLUMN dtsmig.verify_results.task IS 'Name of the task';
COMMENT ON COLUMN dtsmig.verify_results.result_id IS 'Id of the difference, for repair';
COMMENT ON COLUMN dtsmig.verify_results.run_id IS 'Verification that found it';
COMMENT ON COLUMN dtsmig.verify_results.mode IS 'Mode of that verification';
COMMENT ON COLUMN dtsmig.verify_results.source_schema IS 'Schema at the source';
COMMENT ON COLUMN dtsmig.verify_results.source_table IS 'Table at the source';
COMMENT ON COLUMN dtsmig.verify_results.target_schema IS 'Schema at the destination';
COMMENT ON COLUMN dtsmig.verify_results.target_table IS 'Table at the destination';
COMMENT ON COLUMN dtsmig.verify_results.kind IS 'missing or extra at the destination, or differs';
COMMENT ON COLUMN dtsmig.verify_results.object IS 'Object of a table that differs (mode schema)';
COMMENT ON COLUMN dtsmig.verify_results.key IS 'Key of the row';
COMMENT ON COLUMN dtsmig.verify_results.differences IS 'Columns that differ, with both values';
COMMENT ON COLUMN dtsmig.verify_results.seen IS 'When it was found';
COMMENT ON COLUMN dtsmig.verify_results.state IS 'found, repairing, repaired or failed';
COMMENT ON COLUMN dtsmig.verify_results.repaired IS 'When it was repaired';
COMMENT ON COLUMN dtsmig.verify_results.error IS 'Why it could not be repaired';

COMMENT ON VIEW dtsmig.alerts IS 'Alerts of each task: raised once, cleared once';
COMMENT ON COLUMN dtsmig.alerts.id IS 'Id of the alert, for clear_alert';
COMMENT ON COLUMN dtsmig.alerts.task IS 'Name of the task';
COMMENT ON COLUMN dtsmig.alerts.kind IS 'failed, retrying, latency, retention, schema_drift, resync, object or zero_date';
COMMENT ON COLUMN dtsmig.alerts.state IS 'raised or cleared';
COMMENT ON COLUMN dtsmig.alerts.subject IS 'What it is about, where a task can have several of a kind';
COMMENT ON COLUMN dtsmig.alerts.message IS 'What happened';
COMMENT ON COLUMN dtsmig.alerts.detail IS 'Details';
COMMENT ON COLUMN dtsmig.alerts.hint IS 'What to do about it';
COMMENT ON COLUMN dtsmig.alerts.raised IS 'When it was raised';
COMMENT ON COLUMN dtsmig.alerts.cleared IS 'When it was cleared';

COMMENT ON VIEW dtsmig.metrics IS 'Samples of each task, one every metrics_interval seconds, kept for metrics_retention hours';
COMMENT ON COLUMN dtsmig.metrics.task IS 'Name of the task';
COMMENT ON COLUMN dtsmig.metrics.at IS 'When the sample was taken';
COMMENT ON COLUMN dtsmig.metrics.phase IS 'schema, full or incremental';
COMMENT ON COLUMN dtsmig.metrics.rows_per_second IS 'Rows a second that the full load copied';
COMMENT ON COLUMN dtsmig.metrics.mb_per_second IS 'Megabytes a second that the full load read';
COMMENT ON COLUMN dtsmig.metrics.changes_per_second IS 'Changes of rows a second that were applied';
COMMENT ON COLUMN dtsmig.metrics.latency_seconds IS 'Latency in seconds';
COMMENT ON COLUMN dtsmig.metrics.latency_bytes IS 'Latency in bytes of log';
COMMENT ON COLUMN dtsmig.metrics.rows_copied IS 'Rows copied so far';
COMMENT ON COLUMN dtsmig.metrics.bytes_copied IS 'Bytes read so far';
COMMENT ON COLUMN dtsmig.metrics.changes IS 'Changes applied so far';
COMMENT ON COLUMN dtsmig.metrics.worker_memory IS 'Memory of the task''s workers in bytes';
COMMENT ON COLUMN dtsmig.metrics.copy_workers IS 'Copy workers that are alive';

COMMENT ON VIEW dtsmig.task_options IS 'Options of create_task and alter_task';
COMMENT ON COLUMN dtsmig.task_options.name IS 'Name of the option';
COMMENT ON COLUMN dtsmig.task_options.type IS 'boolean, integer, enum or text';
COMMENT ON COLUMN dtsmig.task_options."default" IS 'Value where none is given';
COMMENT ON COLUMN dtsmig.task_options.range IS 'Values that are allowed';
COMMENT ON COLUMN dtsmig.task_options.takes_effect IS 'When a change by alter_task takes effect';
COMMENT ON COLUMN dtsmig.task_options.description IS 'What it does';

COMMENT ON VIEW dtsmig.server_options IS 'Options of CREATE SERVER and CREATE USER MAPPING for dtsmig_fdw';
COMMENT ON COLUMN dtsmig.server_options.name IS 'Name of the option';
COMMENT ON COLUMN dtsmig.server_options.belongs_to IS 'server or user mapping';
COMMENT ON COLUMN dtsmig.server_options.type IS 'Type of the value';
COMMENT ON COLUMN dtsmig.server_options."default" IS 'Value where none is given';
COMMENT ON COLUMN dtsmig.server_options.range IS 'Values that are allowed';
COMMENT ON COLUMN dtsmig.server_options.description IS 'What it does';

COMMENT ON VIEW dtsmig.precheck_items IS 'Items of the precheck';
COMMENT ON COLUMN dtsmig.precheck_items.item IS 'Name of the item';
COMMENT ON COLUMN dtsmig.precheck_items.looks_at IS 'source, destination or both';
COMMENT ON COLUMN dtsmig.precheck_items.sources IS 'Sources that it applies to';
COMMENT ON COLUMN dtsmig.precheck_items.description IS 'What it checks';

-- One function for names and ids (as text).
DROP FUNCTION dtsmig.alter_task(bigint, jsonb);
DROP FUNCTION dtsmig.precheck(bigint);
DROP FUNCTION dtsmig.preview_schema(bigint);
DROP FUNCTION dtsmig.start_task(bigint);
DROP FUNCTION dtsmig.pause_task(bigint);
DROP FUNCTION dtsmig.resume_task(bigint);
DROP FUNCTION dtsmig.skip_change(bigint, text);
DROP FUNCTION dtsmig.resync_table(bigint, text);
DROP FUNCTION dtsmig.verify(bigint, text, text[], double precision, bigint);
DROP FUNCTION dtsmig.repair(bigint, bigint[], bigint);
DROP FUNCTION dtsmig.cutover(bigint, text, boolean, boolean, interval, interval, bigint, boolean);
DROP FUNCTION dtsmig.release_task(bigint);
DROP FUNCTION dtsmig.drop_task(bigint);
DROP FUNCTION dtsmig.wait_for(bigint, text, interval);
