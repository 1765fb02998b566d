/* dtsmig--1.0.sql */

-- complain if the script is run by psql rather than CREATE EXTENSION
\echo Use "CREATE EXTENSION dtsmig" to load this file. \quit

-- A schema of this name that exists already may be somebody's who waits for
-- a superuser to put tables and functions into it.
DO $check$
DECLARE
    path text := pg_catalog.current_setting('search_path');
    grantee text;
BEGIN
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    -- one that CREATE EXTENSION has just made has what default privileges give
    FOR grantee IN SELECT DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END
        FROM pg_namespace n CROSS JOIN aclexplode(n.nspacl) a
        WHERE n.nspname = 'dtsmig' AND n.xmin = pg_current_xact_id()::xid AND a.grantee <> n.nspowner LOOP
        EXECUTE 'REVOKE ALL ON SCHEMA dtsmig FROM ' || grantee;
    END LOOP;
    IF EXISTS (SELECT FROM pg_namespace n WHERE n.nspname = 'dtsmig'
            AND (NOT pg_has_role(current_user, n.nspowner, 'USAGE')
                OR NOT (SELECT r.rolsuper OR r.rolname = current_user
                    FROM pg_roles r WHERE r.oid = n.nspowner)
                OR EXISTS (SELECT FROM aclexplode(n.nspacl) a
                    WHERE a.privilege_type = 'CREATE' AND a.grantee <> n.nspowner)
                OR EXISTS (SELECT FROM pg_depend d
                    WHERE d.refclassid = 'pg_namespace'::regclass
                    AND d.refobjid = n.oid AND d.deptype = 'n'
                    AND d.classid <> 'pg_extension'::regclass))) THEN
        RAISE EXCEPTION USING ERRCODE = 'duplicate_schema',
            MESSAGE = 'schema "dtsmig" exists already',
            DETAIL = 'Whoever owns it, or may create objects in it, could take over what the extension runs.',
            HINT = 'Drop or rename the schema; CREATE EXTENSION dtsmig makes it.';
    END IF;
    PERFORM pg_catalog.set_config('search_path', path, true);
END
$check$;

-- ------------------------------------------------------------ servers

CREATE FUNCTION dtsmig.dtsmig_fdw_validator(options text[], catalog oid)
RETURNS void AS 'MODULE_PATHNAME', 'dtsmig_fdw_validator'
LANGUAGE C STRICT PARALLEL SAFE;

CREATE FUNCTION dtsmig.dtsmig_fdw_handler()
RETURNS fdw_handler AS 'MODULE_PATHNAME', 'dtsmig_fdw_handler'
LANGUAGE C STRICT;

CREATE FOREIGN DATA WRAPPER dtsmig_fdw
  HANDLER dtsmig.dtsmig_fdw_handler
  VALIDATOR dtsmig.dtsmig_fdw_validator;

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

CREATE FUNCTION dtsmig.test_connection(
    server text,
    OUT product text, OUT version text, OUT account text, OUT tls text,
    OUT log_position text, OUT round_trip interval)
AS 'MODULE_PATHNAME', 'dtsmig_test_connection'
LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;

-- ------------------------------------------------------------ catalog tables
-- Written by the extension only. What users see are the views below, which
-- show a task to its owner and the members of that role.

CREATE TABLE dtsmig.task (
    task_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    task_name text NOT NULL UNIQUE CHECK (task_name <> ''),
    owner oid NOT NULL,
    source text NOT NULL,
    destination text NOT NULL DEFAULT 'local',
    migration_types text[] NOT NULL,
    objects jsonb,
    options jsonb NOT NULL DEFAULT '{}',
    wanted text NOT NULL DEFAULT 'idle'
      CHECK (wanted IN ('idle', 'running', 'paused', 'released')),
    status text NOT NULL DEFAULT 'created'
      CHECK (status IN ('created', 'prechecking', 'precheck_failed', 'running',
        'retrying', 'paused', 'failed', 'completed', 'cut_over', 'released')),
    phase text CHECK (phase IN ('schema', 'full', 'incremental')),
    step text NOT NULL DEFAULT 'new'
      CHECK (step IN ('new', 'schema', 'copy', 'catchup', 'indexes',
        'post_data', 'changes', 'done')),
    source_identity text,
    start_position text,
    target_position text,
    refused_position text,
    refused_statement text,
    skip_position text,
    skip_statement text,
    consistent_since timestamptz,
    consistent_position text,
    cutover_position text,
    cutover_at timestamptz,
    runtime_handle bigint,
    retrying_since timestamptz,
    retrying_until timestamptz,
    last_error text,
    last_error_detail text,
    last_error_hint text,
    last_error_sqlstate text,
    last_error_at timestamptz,
    created timestamptz NOT NULL DEFAULT clock_timestamp(),
    started timestamptz,
    updated timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- auto_resume: since when the task fails again and again, and when it is
    -- resumed automatically
    failed_since timestamptz,
    resume_at timestamptz,
    -- default collations of the source's databases, {"database": "collation"},
    -- as of the applied position: what a CREATE TABLE at the source gets that says none
    source_collations jsonb,
    -- timeline of a PostgreSQL source that the position is of; NULL: not known
    source_timeline bigint,
    -- tables at the destination that the task has made and does not follow any
    -- more, as quoted names
    left_tables text[],
    -- what records the statements of a PostgreSQL source, as it was seen last
    source_mark text,
    -- the owner by name, for a dump: its oid is another's elsewhere
    owner_role pg_catalog.regrole,
    -- the task that this one is the way back of
    reverse_of bigint UNIQUE REFERENCES dtsmig.task ON DELETE SET NULL,
    -- a cutover has made its source read-only, which is undone when the task is
    -- taken up again
    fenced boolean NOT NULL DEFAULT false,
    -- tables of the schemas of a way back that were there when it was taken up, as
    -- quoted names; and why the application could not go back now, NULL: it could
    known_tables text[],
    no_return text
);
COMMENT ON TABLE dtsmig.task IS 'one row for each migration task';

-- The row that moves with every applied batch, in the batch's transaction.
CREATE TABLE dtsmig.task_position (
    task_id bigint PRIMARY KEY REFERENCES dtsmig.task ON DELETE CASCADE,
    applied_position text NOT NULL,
    commit_time timestamptz,
    changes bigint NOT NULL DEFAULT 0,
    transactions bigint NOT NULL DEFAULT 0,
    updated timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- up to this position the log is read again, for tables of the step 'replay' alone
    replay_until text
) WITH (fillfactor = 20);
COMMENT ON TABLE dtsmig.task_position IS
  'how far each task has applied its source''s log; committed with the rows';

CREATE TABLE dtsmig.task_table (
    table_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    task_id bigint NOT NULL REFERENCES dtsmig.task ON DELETE CASCADE,
    source_schema text NOT NULL,
    source_table text NOT NULL,
    target_schema text NOT NULL,
    target_table text NOT NULL,
    state text NOT NULL DEFAULT 'waiting'
      CHECK (state IN ('waiting', 'copying', 'copied', 'ready', 'resync')),
    keyed boolean NOT NULL,
    rows_estimate bigint NOT NULL DEFAULT 0,
    bytes_estimate bigint NOT NULL DEFAULT 0,
    rows_copied bigint NOT NULL DEFAULT 0,
    bytes_copied bigint NOT NULL DEFAULT 0,
    snapshot_low text,
    snapshot_high text,
    described_position text,
    -- a table that is copied again while the rest of its task goes on (state
    -- 'resync'): how far that has come, and from where on the log is read again
    -- for it; NULL: the rest waits
    resync_step text
      CHECK (resync_step IN ('asked', 'copying', 'copied', 'replay')),
    resync_from text,
    -- where the last statement stands (ALTER TYPE) that gave values of a type
    -- of a column other texts: transactions that began before it may have either
    types_position text,
    -- all copied rows were read at one moment, and none of them since
    one_snapshot boolean NOT NULL DEFAULT false,
    -- why a table that is to be copied again cannot be yet; NULL: nothing is known
    -- to be in the way
    waits_for text,
    -- by which the source's engine sees that the table was followed without a gap
    -- (PostgreSQL: OID of the table, OID of its membership in the publication)
    source_mark text,
    UNIQUE (task_id, source_schema, source_table)
);
COMMENT ON TABLE dtsmig.task_table IS 'the tables of each task';

-- What a source table looked like, by the position from which it did.
CREATE TABLE dtsmig.table_version (
    table_id bigint NOT NULL REFERENCES dtsmig.task_table ON DELETE CASCADE,
    generation integer NOT NULL,
    from_position text NOT NULL,
    definition jsonb NOT NULL,
    PRIMARY KEY (table_id, generation)
);

CREATE TABLE dtsmig.task_object (
    object_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    task_id bigint NOT NULL REFERENCES dtsmig.task ON DELETE CASCADE,
    table_id bigint REFERENCES dtsmig.task_table ON DELETE CASCADE,
    phase text NOT NULL
      CHECK (phase IN ('pre_data', 'key', 'unique', 'index', 'post_data')),
    kind text NOT NULL,
    name text NOT NULL,
    statement text,
    note text,
    warning boolean NOT NULL DEFAULT false,
    state text NOT NULL DEFAULT 'waiting'
      CHECK (state IN ('waiting', 'done', 'failed', 'skipped')),
    error text,
    -- the SQLSTATE of why an object could not be made: what was in the way stays
    -- in the way, what exists by now and did not is taken for it
    error_code text,
    -- its schema at the destination, where the name does not say it
    target_schema text
);
CREATE INDEX task_object_task ON dtsmig.task_object (task_id, phase);

-- Work that copy workers take: ranges of rows and statements.
CREATE TABLE dtsmig.task_job (
    job_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    task_id bigint NOT NULL REFERENCES dtsmig.task ON DELETE CASCADE,
    table_id bigint REFERENCES dtsmig.task_table ON DELETE CASCADE,
    kind text NOT NULL CHECK (kind IN ('copy', 'statement')),
    priority bigint NOT NULL DEFAULT 0,
    state text NOT NULL CHECK (state IN ('waiting', 'ready', 'done')),
    condition text,
    whole_table boolean NOT NULL DEFAULT false,
    rows_estimate bigint NOT NULL DEFAULT 0,
    object_id bigint REFERENCES dtsmig.task_object ON DELETE CASCADE,
    rows bigint,
    bytes bigint,
    snapshot_low text,
    snapshot_position text
);
CREATE INDEX task_job_ready ON dtsmig.task_job (task_id, priority DESC, job_id)
  WHERE state = 'ready';
CREATE INDEX task_job_table ON dtsmig.task_job (table_id);

CREATE TABLE dtsmig.task_event (
    event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    task_id bigint NOT NULL REFERENCES dtsmig.task ON DELETE CASCADE,
    logged timestamptz NOT NULL DEFAULT clock_timestamp(),
    severity text NOT NULL CHECK (severity IN ('info', 'warning', 'error')),
    message text NOT NULL,
    detail text,
    hint text,
    sqlstate text
);
CREATE INDEX task_event_task ON dtsmig.task_event (task_id, event_id);

CREATE TABLE dtsmig.precheck_item (
    task_id bigint NOT NULL REFERENCES dtsmig.task ON DELETE CASCADE,
    item_no integer NOT NULL,
    item text NOT NULL,
    status text NOT NULL
      CHECK (status IN ('passed', 'warning', 'failed', 'ignored')),
    found text,
    advice text,
    checked timestamptz NOT NULL DEFAULT clock_timestamp(),
    sql text,
    run_at text,
    PRIMARY KEY (task_id, item_no)
);

CREATE TABLE dtsmig.changed_name (
    task_id bigint NOT NULL REFERENCES dtsmig.task ON DELETE CASCADE,
    kind text NOT NULL,
    source_name text NOT NULL,
    target_name text NOT NULL,
    reason text NOT NULL
);
CREATE INDEX changed_name_task ON dtsmig.changed_name (task_id);

CREATE TABLE dtsmig.verify_run (
    run_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    task_id bigint NOT NULL REFERENCES dtsmig.task ON DELETE CASCADE,
    mode text NOT NULL
      CHECK (mode IN ('full', 'sample', 'incremental', 'schema')),
    xid bigint NOT NULL,
    started timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished timestamptz,
    rows bigint,
    rows_moved bigint,
    differences bigint,
    unsettled bigint,
    -- some tables; NULL: all
    tables text[],
    -- not compared: tables with more differences than were wanted, and those that
    -- were being copied again
    cut_tables bigint,
    left_out text[]
);
CREATE INDEX verify_run_task ON dtsmig.verify_run (task_id, run_id);

CREATE TABLE dtsmig.verify_difference (
    difference_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id bigint NOT NULL REFERENCES dtsmig.verify_run ON DELETE CASCADE,
    task_id bigint NOT NULL REFERENCES dtsmig.task ON DELETE CASCADE,
    table_id bigint REFERENCES dtsmig.task_table ON DELETE SET NULL,
    source_schema text NOT NULL,
    source_table text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('missing', 'extra', 'differs')),
    object text,
    key jsonb,
    key_values jsonb,
    differences jsonb,
    seen timestamptz NOT NULL DEFAULT clock_timestamp(),
    state text NOT NULL DEFAULT 'found'
      CHECK (state IN ('found', 'repairing', 'repaired', 'failed')),
    repaired timestamptz,
    error text
);
CREATE INDEX verify_difference_task ON dtsmig.verify_difference (task_id, difference_id);
CREATE INDEX verify_difference_repairing ON dtsmig.verify_difference (task_id)
  WHERE state = 'repairing';

-- Warnings that somebody has decided to live with.
CREATE TABLE dtsmig.precheck_ignored (
    task_id bigint NOT NULL REFERENCES dtsmig.task ON DELETE CASCADE,
    item text NOT NULL,
    ignored_by text NOT NULL,
    ignored_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (task_id, item)
);

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

-- ------------------------------------------------------------ tasks

CREATE FUNCTION dtsmig.create_task(
    task_name text,
    source text,
    destination text DEFAULT 'local',
    migration_types text[] DEFAULT '{schema,full,incremental}',
    objects jsonb DEFAULT NULL,
    options jsonb DEFAULT '{}')
RETURNS bigint AS 'MODULE_PATHNAME', 'dtsmig_create_task'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION dtsmig.alter_task(task text, options jsonb)
RETURNS void AS 'MODULE_PATHNAME', 'dtsmig_alter_task'
LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION dtsmig.precheck(
    task text,
    OUT item text, OUT status text, OUT found text, OUT advice text)
RETURNS SETOF record AS 'MODULE_PATHNAME', 'dtsmig_precheck'
LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION dtsmig.preview_schema(
    task text,
    OUT phase text, OUT kind text, OUT object text, OUT statement text,
    OUT note text)
RETURNS SETOF record AS 'MODULE_PATHNAME', 'dtsmig_preview_schema'
LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION dtsmig.start_task(task text)
RETURNS void AS 'MODULE_PATHNAME', 'dtsmig_start_task'
LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION dtsmig.pause_task(task text)
RETURNS void AS 'MODULE_PATHNAME', 'dtsmig_pause_task'
LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION dtsmig.resume_task(task text)
RETURNS void AS 'MODULE_PATHNAME', 'dtsmig_resume_task'
LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION dtsmig.skip_change(task text, statement text DEFAULT NULL)
RETURNS void AS 'MODULE_PATHNAME', 'dtsmig_skip_change'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION dtsmig.skip_object(task text, object text)
RETURNS void AS 'MODULE_PATHNAME', 'dtsmig_skip_object'
LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION dtsmig.retry_object(task text, object text, statement text DEFAULT NULL)
RETURNS void AS 'MODULE_PATHNAME', 'dtsmig_retry_object'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION dtsmig.resync_table(task text, source_table text)
RETURNS void AS 'MODULE_PATHNAME', 'dtsmig_resync_table'
LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION dtsmig.verify(
    task text, mode text DEFAULT 'full', tables text[] DEFAULT NULL,
    sample double precision DEFAULT 0.05, max_differences bigint DEFAULT 1000,
    OUT result_id bigint, OUT source_table text, OUT kind text, OUT key jsonb,
    OUT differences jsonb, OUT found_at timestamptz)
RETURNS SETOF record AS 'MODULE_PATHNAME', 'dtsmig_verify'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION dtsmig.repair(
    task text, results bigint[] DEFAULT NULL, run bigint DEFAULT NULL)
RETURNS bigint AS 'MODULE_PATHNAME', 'dtsmig_repair'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

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

CREATE FUNCTION dtsmig.release_task(task text)
RETURNS void AS 'MODULE_PATHNAME', 'dtsmig_release_task'
LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION dtsmig.drop_task(task text)
RETURNS void AS 'MODULE_PATHNAME', 'dtsmig_drop_task'
LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION dtsmig.wait_for(
    task text, target text, timeout interval DEFAULT '1 hour')
RETURNS void AS 'MODULE_PATHNAME', 'dtsmig_wait_for'
LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION dtsmig.ignore_precheck(
    task text, item text, ignore boolean DEFAULT true)
RETURNS void AS 'MODULE_PATHNAME', 'dtsmig_ignore_precheck'
LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION dtsmig.report(task text, period interval DEFAULT '1 day')
RETURNS text AS 'MODULE_PATHNAME', 'dtsmig_report'
LANGUAGE C STRICT STABLE PARALLEL RESTRICTED;

CREATE FUNCTION dtsmig.clear_alert(alert bigint) RETURNS void
AS 'MODULE_PATHNAME', 'dtsmig_clear_alert'
LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION dtsmig.task_definition(task text)
RETURNS jsonb AS 'MODULE_PATHNAME', 'dtsmig_task_definition'
LANGUAGE C STRICT STABLE PARALLEL RESTRICTED;

CREATE FUNCTION dtsmig.create_task(definition jsonb)
RETURNS bigint AS 'MODULE_PATHNAME', 'dtsmig_create_task_again'
LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION dtsmig.translate_expression(expression text) RETURNS text
AS 'MODULE_PATHNAME', 'dtsmig_translate_mysql_expression'
LANGUAGE C STRICT STABLE PARALLEL SAFE;

CREATE FUNCTION dtsmig.rename_in_statement(
    statement text, renames jsonb, search_path text[] DEFAULT '{}',
    OUT renamed text, OUT notes text[])
RETURNS record AS 'MODULE_PATHNAME', 'dtsmig_rename_in_statement'
LANGUAGE C STRICT STABLE PARALLEL SAFE;

-- ------------------------------------------------------------ rights over tasks

-- Rights over the tasks of all owners are EXECUTE on one of these: nothing
-- hangs on the name of a role, and GRANT, REVOKE and pg_dump do the rest.
CREATE FUNCTION dtsmig.read_all_tasks() RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC SELECT true;
END;
CREATE FUNCTION dtsmig.operate_all_tasks() RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC SELECT true;
END;
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
REVOKE EXECUTE ON FUNCTION dtsmig.create_roles() FROM PUBLIC;

-- ------------------------------------------------------------ views

CREATE FUNCTION dtsmig.option_list(
    OUT name text, OUT type text, OUT "default" text, OUT range text,
    OUT takes_effect text, OUT description text)
RETURNS SETOF record AS 'MODULE_PATHNAME', 'dtsmig_option_list'
LANGUAGE C STRICT STABLE PARALLEL SAFE;

CREATE VIEW dtsmig.task_options AS SELECT * FROM dtsmig.option_list();

CREATE FUNCTION dtsmig.server_option_list(
    OUT name text, OUT belongs_to text, OUT type text, OUT "default" text,
    OUT range text, OUT description text)
RETURNS SETOF record AS 'MODULE_PATHNAME', 'dtsmig_server_option_list'
LANGUAGE C STRICT STABLE PARALLEL SAFE;
CREATE VIEW dtsmig.server_options AS SELECT * FROM dtsmig.server_option_list();

CREATE FUNCTION dtsmig.precheck_item_list(
    OUT item text, OUT looks_at text, OUT sources text, OUT description text)
RETURNS SETOF record AS 'MODULE_PATHNAME', 'dtsmig_precheck_item_list'
LANGUAGE C STABLE PARALLEL SAFE;
CREATE VIEW dtsmig.precheck_items AS SELECT * FROM dtsmig.precheck_item_list();

-- What a running task's worker says of itself, from its shared memory; all
-- NULL where no worker is alive.
CREATE FUNCTION dtsmig.task_runtime(
    handle bigint, task_id bigint,
    OUT pid integer, OUT heartbeat timestamptz,
    OUT source_position text, OUT applied_position text,
    OUT rows_copied bigint, OUT bytes_copied bigint,
    OUT rows_per_second double precision,
    OUT bytes_per_second double precision,
    OUT changes bigint, OUT changes_per_second double precision,
    OUT latency_seconds double precision, OUT latency_bytes bigint,
    OUT index_jobs_running integer, OUT launcher boolean)
AS 'MODULE_PATHNAME', 'dtsmig_task_runtime'
LANGUAGE C VOLATILE PARALLEL RESTRICTED;

CREATE FUNCTION dtsmig.table_runtime(
    handle bigint, task_id bigint,
    OUT table_id bigint, OUT rows_copied bigint, OUT bytes_copied bigint)
RETURNS SETOF record AS 'MODULE_PATHNAME', 'dtsmig_table_runtime'
LANGUAGE C VOLATILE PARALLEL RESTRICTED;

CREATE FUNCTION dtsmig.progress_bar(percent double precision)
RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC SELECT '[' || pg_catalog.rpad(pg_catalog.repeat('#',
      pg_catalog.floor(percent / 5)::int), 20, '.') || '] ' ||
    pg_catalog.lpad(pg_catalog.to_char(percent, 'FM990.0'), 5) || ' %';
END;

CREATE VIEW dtsmig.tasks WITH (security_barrier) AS
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
    t.created AS created_at, t.started AS started_at, t.updated AS updated_at,
    t.resume_at,
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

CREATE VIEW dtsmig.task_tables WITH (security_barrier) AS
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

CREATE VIEW dtsmig.task_objects WITH (security_barrier) AS
SELECT t.task_name AS task, o.phase, o.kind, tt.source_schema,
    tt.source_table, o.name, o.state, o.error, o.note,
    CASE WHEN pg_catalog.pg_has_role(t.owner, 'MEMBER') THEN o.statement END
      AS statement
FROM dtsmig.task_object o
JOIN dtsmig.task t USING (task_id)
LEFT JOIN dtsmig.task_table tt USING (table_id)
WHERE dtsmig.sees_task(t.owner);

CREATE VIEW dtsmig.task_log WITH (security_barrier) AS
SELECT t.task_name AS task, e.logged AS logged_at, e.severity, e.message,
    CASE WHEN pg_catalog.pg_has_role(t.owner, 'MEMBER') THEN e.detail END
      AS detail,
    e.hint, e.sqlstate
FROM dtsmig.task_event e
JOIN dtsmig.task t USING (task_id)
WHERE dtsmig.sees_task(t.owner)
ORDER BY e.event_id;

CREATE VIEW dtsmig.precheck_results WITH (security_barrier) AS
SELECT t.task_name AS task, i.item, i.status, i.found, i.advice,
    i.checked AS checked_at,
    i.sql, i.run_at, g.ignored_by, g.ignored_at
FROM dtsmig.precheck_item i
JOIN dtsmig.task t USING (task_id)
LEFT JOIN dtsmig.precheck_ignored g USING (task_id, item)
WHERE dtsmig.sees_task(t.owner)
ORDER BY i.task_id, i.item_no;

CREATE VIEW dtsmig.name_map WITH (security_barrier) AS
SELECT t.task_name AS task, n.kind, n.source_name, n.target_name, n.reason
FROM dtsmig.changed_name n
JOIN dtsmig.task t USING (task_id)
WHERE dtsmig.sees_task(t.owner);

CREATE VIEW dtsmig.verify_runs WITH (security_barrier) AS
SELECT t.task_name AS task, r.run_id, r.mode, r.started AS started_at,
    r.finished AS finished_at, r.rows,
    r.rows_moved, r.differences, r.unsettled, r.cut_tables, r.left_out
FROM dtsmig.verify_run r
JOIN dtsmig.task t USING (task_id)
WHERE dtsmig.sees_task(t.owner)
ORDER BY r.run_id;

CREATE VIEW dtsmig.verify_results WITH (security_barrier) AS
SELECT t.task_name AS task, d.difference_id AS result_id, d.run_id, r.mode,
    d.source_schema, d.source_table, tt.target_schema, tt.target_table,
    d.kind, d.object,
    CASE WHEN pg_catalog.pg_has_role(t.owner, 'MEMBER') THEN d.key END AS key,
    CASE WHEN pg_catalog.pg_has_role(t.owner, 'MEMBER') THEN d.differences END
      AS differences, d.seen AS found_at, d.state, d.repaired AS repaired_at,
    d.error
FROM dtsmig.verify_difference d
JOIN dtsmig.verify_run r USING (run_id)
JOIN dtsmig.task t ON t.task_id = d.task_id
LEFT JOIN dtsmig.task_table tt ON tt.table_id = d.table_id
WHERE dtsmig.sees_task(t.owner)
ORDER BY d.difference_id;

CREATE VIEW dtsmig.metrics WITH (security_barrier) AS
SELECT t.task_name AS task, m.at AS sampled_at, m.phase, m.rows_per_second,
    (m.bytes_per_second / 1048576)::real AS mb_per_second,
    m.changes_per_second, m.latency_seconds, m.latency_bytes, m.rows_copied,
    m.bytes_copied, m.changes, m.worker_memory, m.copy_workers
FROM dtsmig.metric m
JOIN dtsmig.task t USING (task_id)
WHERE dtsmig.sees_task(t.owner);

CREATE VIEW dtsmig.alerts WITH (security_barrier) AS
SELECT a.alert_id AS id, t.task_name AS task, a.kind,
    CASE WHEN a.cleared IS NULL THEN 'raised' ELSE 'cleared' END AS state,
    NULLIF(a.subject, '') AS subject, a.message,
    CASE WHEN pg_catalog.pg_has_role(t.owner, 'MEMBER') THEN a.detail END
      AS detail,
    a.hint, a.raised AS raised_at, a.cleared AS cleared_at
FROM dtsmig.alert a
JOIN dtsmig.task t USING (task_id)
WHERE dtsmig.sees_task(t.owner)
ORDER BY a.alert_id;

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

-- ------------------------------------------------------------ rights

-- What ALTER DEFAULT PRIVILEGES gives on new objects of whoever installs this
-- would be rights on the tasks of everybody.
DO $$
DECLARE
    path text := pg_catalog.current_setting('search_path');
    r record;
BEGIN
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    FOR r IN SELECT DISTINCT o.what, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS grantee
        FROM (SELECT format('TABLE %s', c.oid::regclass) AS what, c.relacl AS acl, c.relowner AS owner
                FROM pg_class c WHERE c.relnamespace = 'dtsmig'::regnamespace
            UNION ALL SELECT format('FUNCTION %s', p.oid::regprocedure), p.proacl, p.proowner
                FROM pg_proc p WHERE p.oid IN ('dtsmig.read_all_tasks()'::regprocedure,
                    'dtsmig.operate_all_tasks()'::regprocedure, 'dtsmig.create_roles()'::regprocedure)) o
            CROSS JOIN aclexplode(o.acl) a
        WHERE a.grantee <> o.owner LOOP
        EXECUTE format('REVOKE ALL ON %s FROM ', r.what) || r.grantee;
    END LOOP;
    PERFORM pg_catalog.set_config('search_path', path, true);
END
$$;

GRANT USAGE ON SCHEMA dtsmig TO PUBLIC;
GRANT SELECT ON dtsmig.tasks, dtsmig.task_tables, dtsmig.task_objects,
  dtsmig.task_log, dtsmig.precheck_results, dtsmig.name_map,
  dtsmig.verify_runs, dtsmig.verify_results, dtsmig.metrics, dtsmig.alerts,
  dtsmig.task_options, dtsmig.server_options, dtsmig.precheck_items TO PUBLIC;

-- ------------------------------------------------------------ what \d+ and \df+ show

-- Every function, view and column of a view has a comment; docs/reference.md is
-- made from them (make reference).

COMMENT ON FUNCTION dtsmig.create_task(text, text, text, text[], jsonb, jsonb) IS
  'Makes a task and returns its id; nothing runs yet. task_name: NULL for a generated one; source: a server, or a URI such as mariadb://user:password@host:3306/shop; destination: local, this database, or a server of type postgresql; migration_types: any of schema, full, incremental; objects: an array of rules; options: see task_options';
COMMENT ON FUNCTION dtsmig.create_task(jsonb) IS
  'Makes a task from what task_definition returns (keys name, source, destination, migration_types, objects, options) and returns its id';
COMMENT ON FUNCTION dtsmig.task_definition(text) IS
  'The arguments of create_task for this task, as one jsonb, to make it again in this or another database; servers and user mappings are not part of it';
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
  'Lets a task do without an object that could not be made; object: a name of task_objects, with its schema, table or kind where that is needed to distinguish it from others. resume_task continues where the task has failed';
COMMENT ON FUNCTION dtsmig.retry_object(text, text, text) IS
  'Makes an object that could not be made, by its own statement or by another one, as the owner of the task; an object that exists by now is accepted. The error of a statement that fails is raised';
COMMENT ON FUNCTION dtsmig.resync_table(text, text) IS
  'Copies one table (schema.table at the source) again with its present definition, while the other tables of the task are followed';
COMMENT ON FUNCTION dtsmig.verify(text, text, text[], double precision, bigint) IS
  'Compares the tables of a task with those of the source, also while it runs, and returns what differs. mode: full, sample, incremental or schema; tables: these alone; sample: share of the ranges of rows; max_differences: for each table';
COMMENT ON FUNCTION dtsmig.repair(text, bigint[], bigint) IS
  'Reads rows that differ again from the source (results: result_id of verify_results; or all of a run, by default the last) and returns how many. The worker of the task does it after the caller has committed; verify_results.state shows when it is done';
COMMENT ON FUNCTION dtsmig.cutover(text, text, boolean, boolean, interval, interval, bigint, boolean, boolean) IS
  'Ends a task, so that the application can move to this database, or refuses with the reason: writes at the source have ended, all is applied and verified, constraints are valid, sequences are past those of the source. reverse: the task in the other direction (see reverse_task) goes on from there. Returns the position at which the source ended';
COMMENT ON FUNCTION dtsmig.reverse_task(text, text, jsonb) IS
  'Makes the way back of a task and returns its id: the task in the other direction, of the same tables, which cutover(..., reverse => true) sets going. name: by default that of the task with _back; options: on top of those of the task';
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
  'Validates the options of servers, user mappings and foreign tables of dtsmig_fdw';
COMMENT ON FUNCTION dtsmig.dtsmig_fdw_handler() IS 'Handler of dtsmig_fdw: reads foreign tables';
COMMENT ON FUNCTION dtsmig.connections() IS
  'Connections of this session to servers of foreign tables: for which role, whether a transaction reads from it now, and whether the options are still those that it was made with';
COMMENT ON FUNCTION dtsmig.compare(regclass, regclass) IS
  'Compares a foreign table with a table by the key of the table, column by column, byte by byte; rows that are missing in the table or extra, or differ and in which columns';
COMMENT ON FUNCTION dtsmig.disconnect(text) IS
  'Closes the connections of this session to the server of foreign tables; false if there was none that is not in use';
COMMENT ON FUNCTION dtsmig.disconnect_all() IS
  'Closes all connections of this session to servers of foreign tables; false if there was none that is not in use';

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
COMMENT ON COLUMN dtsmig.tasks.created_at IS 'When the task was made';
COMMENT ON COLUMN dtsmig.tasks.started_at IS 'When the task was first started';
COMMENT ON COLUMN dtsmig.tasks.updated_at IS 'When the status last changed';
COMMENT ON COLUMN dtsmig.tasks.resume_at IS 'When the failed task is resumed automatically (option auto_resume)';
COMMENT ON COLUMN dtsmig.tasks.reverse_of IS 'The task that this one is the way back of';
COMMENT ON COLUMN dtsmig.tasks.can_return IS 'Of a running task with a way back: yes, or no and why: what the other end cannot hold, or does not know';

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
COMMENT ON COLUMN dtsmig.task_log.logged_at IS 'When it happened';
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
COMMENT ON COLUMN dtsmig.precheck_results.checked_at IS 'When it was checked';
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
COMMENT ON COLUMN dtsmig.verify_runs.started_at IS 'When it began';
COMMENT ON COLUMN dtsmig.verify_runs.finished_at IS 'When it ended';
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
COMMENT ON COLUMN dtsmig.verify_results.found_at IS 'When it was found';
COMMENT ON COLUMN dtsmig.verify_results.state IS 'found, repairing, repaired or failed';
COMMENT ON COLUMN dtsmig.verify_results.repaired_at IS 'When it was repaired';
COMMENT ON COLUMN dtsmig.verify_results.error IS 'Why it could not be repaired';

COMMENT ON VIEW dtsmig.alerts IS 'Alerts of each task: raised once, cleared once';
COMMENT ON COLUMN dtsmig.alerts.id IS 'Id of the alert, for clear_alert';
COMMENT ON COLUMN dtsmig.alerts.task IS 'Name of the task';
COMMENT ON COLUMN dtsmig.alerts.kind IS 'failed, retrying, latency, retention, schema_drift, resync, object, zero_date or no_return';
COMMENT ON COLUMN dtsmig.alerts.state IS 'raised or cleared';
COMMENT ON COLUMN dtsmig.alerts.subject IS 'What it is about, where a task can have several of a kind';
COMMENT ON COLUMN dtsmig.alerts.message IS 'What happened';
COMMENT ON COLUMN dtsmig.alerts.detail IS 'Details';
COMMENT ON COLUMN dtsmig.alerts.hint IS 'What to do about it';
COMMENT ON COLUMN dtsmig.alerts.raised_at IS 'When it was raised';
COMMENT ON COLUMN dtsmig.alerts.cleared_at IS 'When it was cleared';

COMMENT ON VIEW dtsmig.metrics IS 'Samples of each task, one every metrics_interval seconds, kept for metrics_retention hours';
COMMENT ON COLUMN dtsmig.metrics.task IS 'Name of the task';
COMMENT ON COLUMN dtsmig.metrics.sampled_at IS 'When the sample was taken';
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
