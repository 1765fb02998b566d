/* dtsmig--0.9--1.0.sql: the way from a version that was never released, for
 * test/t/common/upgrade.pl; a model for scripts to come. Comments, which are those of 1.0,
 * are added to it by the test. */

-- complain if the script is run by psql rather than ALTER EXTENSION
\echo Use "ALTER EXTENSION dtsmig UPDATE TO '1.0'" to load this file. \quit

-- A worker of the library before may be at work while this runs, and goes on
-- with what is here until the server loads the new one. So only add: a new
-- column has a default or may be NULL, a function keeps its arguments, and
-- nothing is renamed or dropped that the library before reads or writes.

-- All the catalog at once, so that no worker that holds one of them waits for
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
ALTER TABLE dtsmig.task ADD COLUMN source_timeline bigint,
-- What records the statements of a PostgreSQL source, as it was seen last.
    ADD COLUMN source_mark text;

-- Tables at the destination that the task has made and does not follow any
-- more, as quoted names.
ALTER TABLE dtsmig.task ADD COLUMN left_tables text[];

-- The way back of a task.
ALTER TABLE dtsmig.task ADD COLUMN reverse_of bigint UNIQUE REFERENCES dtsmig.task ON DELETE SET NULL,
    ADD COLUMN fenced boolean NOT NULL DEFAULT false,
    ADD COLUMN known_tables text[],
    ADD COLUMN no_return text;

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
ALTER TABLE dtsmig.task_table ADD COLUMN waits_for text,
-- By which the source's engine sees that the table was followed without a gap.
    ADD COLUMN source_mark text;
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
    t.created, t.started, t.updated, t.resume_at,
    (SELECT o.task_name FROM dtsmig.task o WHERE o.task_id = t.reverse_of) AS reverse_of,
    CASE WHEN (t.wanted IN ('running', 'paused') OR t.status = 'failed') AND (t.reverse_of IS NOT NULL
        OR EXISTS (SELECT 1 FROM dtsmig.task o WHERE o.reverse_of = t.task_id))
      THEN CASE WHEN t.no_return IS NOT NULL THEN 'no: ' || t.no_return
        WHEN t.status = 'failed' THEN 'no: ' || t.last_error ELSE 'yes' END END
      AS can_return
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
            RAISE NOTICE 'role "%" already exists', name;
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
       'object', 'zero_date', 'no_return')),
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
DROP FUNCTION dtsmig.verify(text, text, text[], double precision, bigint);
CREATE FUNCTION dtsmig.verify(
    task text, mode text DEFAULT 'full', tables text[] DEFAULT NULL,
    sample double precision DEFAULT 0.05, max_differences bigint DEFAULT 1000,
    OUT result_id bigint, OUT source_table text, OUT kind text, OUT key jsonb,
    OUT differences jsonb, OUT found_at timestamptz)
RETURNS SETOF record AS 'MODULE_PATHNAME', 'dtsmig_verify'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
DROP FUNCTION dtsmig.repair(bigint, bigint[], bigint);
DROP FUNCTION dtsmig.cutover(bigint, text, boolean, boolean, interval, interval, bigint, boolean);
DROP FUNCTION dtsmig.cutover(text, text, boolean, boolean, interval, interval, bigint, boolean);
CREATE FUNCTION dtsmig.cutover(
    task text, verify text DEFAULT 'sample',
    make_read_only boolean DEFAULT false,
    accept_differences boolean DEFAULT false,
    quiet interval DEFAULT '2 seconds', timeout interval DEFAULT '5 minutes',
    margin bigint DEFAULT 100, release boolean DEFAULT true,
    reverse boolean DEFAULT false)
RETURNS text AS 'MODULE_PATHNAME', 'dtsmig_cutover'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
CREATE FUNCTION dtsmig.reverse_task(
    task text, name text DEFAULT NULL, options jsonb DEFAULT '{}')
RETURNS bigint AS 'MODULE_PATHNAME', 'dtsmig_reverse_task'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
DROP FUNCTION dtsmig.release_task(bigint);
DROP FUNCTION dtsmig.drop_task(bigint);
DROP FUNCTION dtsmig.wait_for(bigint, text, interval);

-- ------------------------------------------------------------ foreign tables

CREATE FUNCTION dtsmig.dtsmig_fdw_handler()
RETURNS fdw_handler AS 'MODULE_PATHNAME', 'dtsmig_fdw_handler'
LANGUAGE C STRICT;
ALTER FOREIGN DATA WRAPPER dtsmig_fdw HANDLER dtsmig.dtsmig_fdw_handler;

CREATE FUNCTION dtsmig.connections(
    OUT server text, OUT role text, OUT in_transaction boolean, OUT valid boolean)
RETURNS SETOF record AS 'MODULE_PATHNAME', 'dtsmig_connections'
LANGUAGE C STRICT VOLATILE PARALLEL RESTRICTED;
CREATE FUNCTION dtsmig.disconnect(server text)
RETURNS boolean AS 'MODULE_PATHNAME', 'dtsmig_disconnect'
LANGUAGE C STRICT VOLATILE PARALLEL RESTRICTED;
CREATE FUNCTION dtsmig.disconnect_all()
RETURNS boolean AS 'MODULE_PATHNAME', 'dtsmig_disconnect_all'
LANGUAGE C STRICT VOLATILE PARALLEL RESTRICTED;

CREATE FUNCTION dtsmig.compare(
    foreign_table regclass, "table" regclass,
    OUT kind text, OUT key jsonb, OUT columns text[])
RETURNS SETOF record AS 'MODULE_PATHNAME', 'dtsmig_compare'
LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp;

-- ------------------------------------------------------------ names of times

ALTER VIEW dtsmig.tasks RENAME COLUMN created TO created_at;
ALTER VIEW dtsmig.tasks RENAME COLUMN started TO started_at;
ALTER VIEW dtsmig.tasks RENAME COLUMN updated TO updated_at;
ALTER VIEW dtsmig.task_log RENAME COLUMN logged TO logged_at;
ALTER VIEW dtsmig.precheck_results RENAME COLUMN checked TO checked_at;
ALTER VIEW dtsmig.verify_runs RENAME COLUMN started TO started_at;
ALTER VIEW dtsmig.verify_runs RENAME COLUMN finished TO finished_at;
ALTER VIEW dtsmig.verify_results RENAME COLUMN seen TO found_at;
ALTER VIEW dtsmig.verify_results RENAME COLUMN repaired TO repaired_at;
ALTER VIEW dtsmig.metrics RENAME COLUMN at TO sampled_at;
ALTER VIEW dtsmig.alerts RENAME COLUMN raised TO raised_at;
ALTER VIEW dtsmig.alerts RENAME COLUMN cleared TO cleared_at;
