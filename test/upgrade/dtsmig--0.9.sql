/* dtsmig--0.9.sql: a version that was never released, for test/t/common/upgrade.pl. */

-- complain if the script is run by psql rather than CREATE EXTENSION
\echo Use "CREATE EXTENSION dtsmig" to load this file. \quit

-- A schema of this name that is there already may be somebody's who waits for
-- a superuser to put tables and functions into it.
DO $check$
DECLARE
    path text := pg_catalog.current_setting('search_path');
BEGIN
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
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
COMMENT ON FUNCTION dtsmig.dtsmig_fdw_validator(text[], oid) IS
  'checks the options of servers and user mappings of dtsmig_fdw';

CREATE FOREIGN DATA WRAPPER dtsmig_fdw NO HANDLER
  VALIDATOR dtsmig.dtsmig_fdw_validator;

CREATE FUNCTION dtsmig.test_connection(
    server text,
    OUT product text, OUT version text, OUT account text, OUT tls text,
    OUT log_position text, OUT round_trip interval)
AS 'MODULE_PATHNAME', 'dtsmig_test_connection'
LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION dtsmig.test_connection(text) IS
  'connects to a server with the caller''s user mapping and says who answers; raises the error if it fails';

-- ------------------------------------------------------------ the books
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
    updated timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE dtsmig.task IS 'one row for each migration task';

-- The row that moves with every applied batch, in the batch's transaction.
CREATE TABLE dtsmig.task_position (
    task_id bigint PRIMARY KEY REFERENCES dtsmig.task ON DELETE CASCADE,
    applied_position text NOT NULL,
    commit_time timestamptz,
    changes bigint NOT NULL DEFAULT 0,
    transactions bigint NOT NULL DEFAULT 0,
    updated timestamptz NOT NULL DEFAULT clock_timestamp()
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
    error text
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
    unsettled bigint
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
COMMENT ON FUNCTION dtsmig.create_task(text, text, text, text[], jsonb, jsonb) IS
  'makes a task (name, or NULL for a generated one; source: a server or a URI); returns its id. Nothing runs yet';

CREATE FUNCTION dtsmig.alter_task(task text, options jsonb)
RETURNS void AS 'MODULE_PATHNAME', 'dtsmig_alter_task'
LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION dtsmig.alter_task(text, jsonb) IS
  'changes options of a task; a JSON null sets one back to its default. task_options says which need a restart of the task';

CREATE FUNCTION dtsmig.precheck(
    task text,
    OUT item text, OUT status text, OUT found text, OUT advice text)
RETURNS SETOF record AS 'MODULE_PATHNAME', 'dtsmig_precheck'
LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION dtsmig.precheck(text) IS
  'looks at source and destination for what would go wrong; keeps the findings in precheck_results. A failed item blocks start_task';

CREATE FUNCTION dtsmig.preview_schema(
    task text,
    OUT phase text, OUT kind text, OUT object text, OUT statement text,
    OUT note text)
RETURNS SETOF record AS 'MODULE_PATHNAME', 'dtsmig_preview_schema'
LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION dtsmig.preview_schema(text) IS
  'the statements that schema migration would run, in order, with a note for each thing lost or changed';

CREATE FUNCTION dtsmig.start_task(task text)
RETURNS void AS 'MODULE_PATHNAME', 'dtsmig_start_task'
LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION dtsmig.start_task(text) IS
  'starts a task: its worker runs the precheck, then the phases chosen';

CREATE FUNCTION dtsmig.pause_task(task text)
RETURNS void AS 'MODULE_PATHNAME', 'dtsmig_pause_task'
LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION dtsmig.pause_task(text) IS
  'stops a task''s workers, within two seconds; resume_task goes on from the last applied position';

CREATE FUNCTION dtsmig.resume_task(task text)
RETURNS void AS 'MODULE_PATHNAME', 'dtsmig_resume_task'
LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION dtsmig.resume_task(text) IS
  'starts a paused or failed task again where it stopped';

CREATE FUNCTION dtsmig.skip_change(task text, statement text DEFAULT NULL)
RETURNS void AS 'MODULE_PATHNAME', 'dtsmig_skip_change'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION dtsmig.skip_change(text, text) IS
  'lets a task go on that a statement of its source has stopped: the statement is passed over, and statement (SQL of this database; may be NULL) is run in its place';

CREATE FUNCTION dtsmig.resync_table(task text, source_table text)
RETURNS void AS 'MODULE_PATHNAME', 'dtsmig_resync_table'
LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION dtsmig.resync_table(text, text) IS
  'copies one table (schema.table at the source) again, with its present definition, and follows it from there; other tables wait meanwhile';

CREATE FUNCTION dtsmig.verify(
    task text, mode text DEFAULT 'full', tables text[] DEFAULT NULL,
    sample double precision DEFAULT 0.05, max_differences bigint DEFAULT 1000,
    OUT result_id bigint, OUT source_table text, OUT kind text, OUT key jsonb,
    OUT differences jsonb, OUT seen timestamptz)
RETURNS SETOF record AS 'MODULE_PATHNAME', 'dtsmig_verify'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION dtsmig.verify(text, text, text[], double precision, bigint) IS
  'compares the tables of a task with the source''s, also while it runs, and returns what differs. mode: full, sample (a share of the ranges of rows), incremental (rows written here since the last verification) or schema; tables: those alone; max_differences: of a table';

CREATE FUNCTION dtsmig.repair(
    task text, results bigint[] DEFAULT NULL, run bigint DEFAULT NULL)
RETURNS bigint AS 'MODULE_PATHNAME', 'dtsmig_repair'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION dtsmig.repair(text, bigint[], bigint) IS
  'takes rows that differ anew from the source (results: result_id of verify_results; or all of a run, by default the last one) and returns how many. The task''s worker does it once the caller has committed; verify_results.state says when it is done';

CREATE FUNCTION dtsmig.cutover(
    task text, verify text DEFAULT 'sample',
    make_read_only boolean DEFAULT false,
    accept_differences boolean DEFAULT false,
    quiet interval DEFAULT '2 seconds', timeout interval DEFAULT '5 minutes',
    margin bigint DEFAULT 100, release boolean DEFAULT true)
RETURNS text AS 'MODULE_PATHNAME', 'dtsmig_cutover'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION dtsmig.cutover(text, text, boolean, boolean, interval, interval, bigint, boolean) IS
  'ends a task with the application moving here, or refuses with the reason: writes at the source have ended, all is applied and verified, constraints are valid, sequences are past the source''s. Returns the position that the source ended at';

CREATE FUNCTION dtsmig.release_task(task text)
RETURNS void AS 'MODULE_PATHNAME', 'dtsmig_release_task'
LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION dtsmig.release_task(text) IS
  'ends a task for good: stops it, sets identity columns past their largest value, leaves nothing at the source';

CREATE FUNCTION dtsmig.drop_task(task text)
RETURNS void AS 'MODULE_PATHNAME', 'dtsmig_drop_task'
LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION dtsmig.drop_task(text) IS
  'removes a task that is not running from the books; migrated tables stay';

CREATE FUNCTION dtsmig.wait_for(
    task text, target text, timeout interval DEFAULT '1 hour')
RETURNS void AS 'MODULE_PATHNAME', 'dtsmig_wait_for'
LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION dtsmig.wait_for(text, text, interval) IS
  'waits until a task has reached a status (running, paused, completed …) or a phase (schema, full, incremental; phase incremental also wants consistency); raises an error at the timeout, or when the task fails';

-- One signature for ids as well as names.
CREATE FUNCTION dtsmig.alter_task(task bigint, options jsonb) RETURNS void
LANGUAGE sql VOLATILE AS $$SELECT dtsmig.alter_task(task::text, options)$$;
CREATE FUNCTION dtsmig.precheck(task bigint, OUT item text, OUT status text,
    OUT found text, OUT advice text) RETURNS SETOF record
LANGUAGE sql VOLATILE AS $$SELECT * FROM dtsmig.precheck(task::text)$$;
CREATE FUNCTION dtsmig.preview_schema(task bigint, OUT phase text,
    OUT kind text, OUT object text, OUT statement text, OUT note text)
RETURNS SETOF record
LANGUAGE sql VOLATILE AS $$SELECT * FROM dtsmig.preview_schema(task::text)$$;
CREATE FUNCTION dtsmig.start_task(task bigint) RETURNS void
LANGUAGE sql VOLATILE AS $$SELECT dtsmig.start_task(task::text)$$;
CREATE FUNCTION dtsmig.pause_task(task bigint) RETURNS void
LANGUAGE sql VOLATILE AS $$SELECT dtsmig.pause_task(task::text)$$;
CREATE FUNCTION dtsmig.resume_task(task bigint) RETURNS void
LANGUAGE sql VOLATILE AS $$SELECT dtsmig.resume_task(task::text)$$;
CREATE FUNCTION dtsmig.skip_change(task bigint, statement text DEFAULT NULL)
RETURNS void
LANGUAGE sql VOLATILE AS $$SELECT dtsmig.skip_change(task::text, statement)$$;
CREATE FUNCTION dtsmig.resync_table(task bigint, source_table text)
RETURNS void
LANGUAGE sql VOLATILE AS $$SELECT dtsmig.resync_table(task::text, source_table)$$;
CREATE FUNCTION dtsmig.verify(
    task bigint, mode text DEFAULT 'full', tables text[] DEFAULT NULL,
    sample double precision DEFAULT 0.05, max_differences bigint DEFAULT 1000,
    OUT result_id bigint, OUT source_table text, OUT kind text, OUT key jsonb,
    OUT differences jsonb, OUT seen timestamptz)
RETURNS SETOF record LANGUAGE sql VOLATILE AS
$$SELECT * FROM dtsmig.verify(task::text, mode, tables, sample, max_differences)$$;
CREATE FUNCTION dtsmig.repair(
    task bigint, results bigint[] DEFAULT NULL, run bigint DEFAULT NULL)
RETURNS bigint LANGUAGE sql VOLATILE AS
$$SELECT dtsmig.repair(task::text, results, run)$$;
CREATE FUNCTION dtsmig.cutover(
    task bigint, verify text DEFAULT 'sample',
    make_read_only boolean DEFAULT false,
    accept_differences boolean DEFAULT false,
    quiet interval DEFAULT '2 seconds', timeout interval DEFAULT '5 minutes',
    margin bigint DEFAULT 100, release boolean DEFAULT true)
RETURNS text LANGUAGE sql VOLATILE AS
$$SELECT dtsmig.cutover(task::text, verify, make_read_only,
  accept_differences, quiet, timeout, margin, release)$$;
CREATE FUNCTION dtsmig.release_task(task bigint) RETURNS void
LANGUAGE sql VOLATILE AS $$SELECT dtsmig.release_task(task::text)$$;
CREATE FUNCTION dtsmig.drop_task(task bigint) RETURNS void
LANGUAGE sql VOLATILE AS $$SELECT dtsmig.drop_task(task::text)$$;
CREATE FUNCTION dtsmig.wait_for(task bigint, target text,
    timeout interval DEFAULT '1 hour') RETURNS void
LANGUAGE sql VOLATILE AS $$SELECT dtsmig.wait_for(task::text, target, timeout)$$;

CREATE FUNCTION dtsmig.translate_expression(expression text) RETURNS text
AS 'MODULE_PATHNAME', 'dtsmig_translate_mysql_expression'
LANGUAGE C STRICT STABLE PARALLEL SAFE;
COMMENT ON FUNCTION dtsmig.translate_expression(text) IS
  'a MySQL expression in PostgreSQL''s SQL, as schema migration would write it; an error says what does not translate';

CREATE FUNCTION dtsmig.rename_in_statement(
    statement text, renames jsonb, search_path text[] DEFAULT '{}',
    OUT renamed text, OUT notes text[])
RETURNS record AS 'MODULE_PATHNAME', 'dtsmig_rename_in_statement'
LANGUAGE C STRICT STABLE PARALLEL SAFE;
COMMENT ON FUNCTION dtsmig.rename_in_statement(text, jsonb, text[]) IS
  'SQL of PostgreSQL with other names of schemas and tables ({"schema": "schema", "schema.table": "schema.table"}), as schema migration writes it; notes say what could not be carried over';

-- ------------------------------------------------------------ views

CREATE FUNCTION dtsmig.option_list(
    OUT name text, OUT type text, OUT "default" text, OUT range text,
    OUT takes_effect text, OUT description text)
RETURNS SETOF record AS 'MODULE_PATHNAME', 'dtsmig_option_list'
LANGUAGE C STRICT STABLE PARALLEL SAFE;
COMMENT ON FUNCTION dtsmig.option_list() IS
  'every task option; see the view task_options';

CREATE VIEW dtsmig.task_options AS SELECT * FROM dtsmig.option_list();
COMMENT ON VIEW dtsmig.task_options IS 'every option of create_task and alter_task';

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
COMMENT ON FUNCTION dtsmig.task_runtime(bigint, bigint) IS
  'what the worker of a task says of itself; all NULL where none is alive';

CREATE FUNCTION dtsmig.table_runtime(
    handle bigint, task_id bigint,
    OUT table_id bigint, OUT rows_copied bigint, OUT bytes_copied bigint)
RETURNS SETOF record AS 'MODULE_PATHNAME', 'dtsmig_table_runtime'
LANGUAGE C VOLATILE PARALLEL RESTRICTED;
COMMENT ON FUNCTION dtsmig.table_runtime(bigint, bigint) IS
  'rows and bytes that copy workers of a task are copying, by table, not yet committed';

CREATE FUNCTION dtsmig.progress_bar(percent double precision)
RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS
$$SELECT '[' || pg_catalog.rpad(pg_catalog.repeat('#',
      pg_catalog.floor(percent / 5)::int), 20, '.') || '] ' ||
    pg_catalog.lpad(pg_catalog.to_char(percent, 'FM990.0'), 5) || ' %'$$;

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
        AND r.pid IS NULL AND t.last_error IS NULL
      THEN 'the worker of this task is gone' ELSE t.last_error END
      AS last_error,
    t.last_error_sqlstate, t.last_error_hint, t.last_error_at,
    t.step, r.pid AS worker_pid, r.heartbeat,
    t.options ->> 'tag' AS tag,
    t.created, t.started, t.updated
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
WHERE pg_catalog.pg_has_role(t.owner, 'MEMBER');
COMMENT ON VIEW dtsmig.tasks IS
  'one row a task, true also when its worker was killed';

CREATE VIEW dtsmig.task_tables WITH (security_barrier) AS
SELECT t.task_name AS task, tt.source_schema, tt.source_table,
    tt.target_schema, tt.target_table, tt.state, tt.keyed,
    tt.rows_estimate AS rows_estimated,
    tt.rows_copied + COALESCE(r.rows_copied, 0) AS rows_copied,
    tt.bytes_copied + COALESCE(r.bytes_copied, 0) AS bytes_copied,
    tt.snapshot_low, tt.snapshot_high
FROM dtsmig.task_table tt
JOIN dtsmig.task t USING (task_id)
LEFT JOIN LATERAL (
    SELECT pg_catalog.sum(x.rows_copied)::bigint AS rows_copied,
        pg_catalog.sum(x.bytes_copied)::bigint AS bytes_copied
    FROM dtsmig.table_runtime(t.runtime_handle, t.task_id) x
    WHERE x.table_id = tt.table_id) r ON true
WHERE pg_catalog.pg_has_role(t.owner, 'MEMBER');
COMMENT ON VIEW dtsmig.task_tables IS 'the tables of each task and how far they are copied';

CREATE VIEW dtsmig.task_objects WITH (security_barrier) AS
SELECT t.task_name AS task, o.phase, o.kind, tt.source_schema,
    tt.source_table, o.name, o.state, o.error, o.note, o.statement
FROM dtsmig.task_object o
JOIN dtsmig.task t USING (task_id)
LEFT JOIN dtsmig.task_table tt USING (table_id)
WHERE pg_catalog.pg_has_role(t.owner, 'MEMBER');
COMMENT ON VIEW dtsmig.task_objects IS 'each object that schema migration makes, with its state';

CREATE VIEW dtsmig.task_log WITH (security_barrier) AS
SELECT t.task_name AS task, e.logged, e.severity, e.message, e.detail, e.hint,
    e.sqlstate
FROM dtsmig.task_event e
JOIN dtsmig.task t USING (task_id)
WHERE pg_catalog.pg_has_role(t.owner, 'MEMBER')
ORDER BY e.event_id;
COMMENT ON VIEW dtsmig.task_log IS 'what happened to each task';

CREATE VIEW dtsmig.precheck_results WITH (security_barrier) AS
SELECT t.task_name AS task, i.item, i.status, i.found, i.advice, i.checked
FROM dtsmig.precheck_item i
JOIN dtsmig.task t USING (task_id)
WHERE pg_catalog.pg_has_role(t.owner, 'MEMBER')
ORDER BY i.task_id, i.item_no;
COMMENT ON VIEW dtsmig.precheck_results IS 'the findings of each task''s last precheck';

CREATE VIEW dtsmig.name_map WITH (security_barrier) AS
SELECT t.task_name AS task, n.kind, n.source_name, n.target_name, n.reason
FROM dtsmig.changed_name n
JOIN dtsmig.task t USING (task_id)
WHERE pg_catalog.pg_has_role(t.owner, 'MEMBER');
COMMENT ON VIEW dtsmig.name_map IS 'names that are other at the destination than at the source';

CREATE VIEW dtsmig.verify_runs WITH (security_barrier) AS
SELECT t.task_name AS task, r.run_id, r.mode, r.started, r.finished, r.rows,
    r.rows_moved, r.differences, r.unsettled
FROM dtsmig.verify_run r
JOIN dtsmig.task t USING (task_id)
WHERE pg_catalog.pg_has_role(t.owner, 'MEMBER')
ORDER BY r.run_id;
COMMENT ON VIEW dtsmig.verify_runs IS 'the verifications of each task';

CREATE VIEW dtsmig.verify_results WITH (security_barrier) AS
SELECT t.task_name AS task, d.difference_id AS result_id, d.run_id, r.mode,
    d.source_schema, d.source_table, tt.target_schema, tt.target_table,
    d.kind, d.object, d.key, d.differences, d.seen, d.state, d.repaired,
    d.error
FROM dtsmig.verify_difference d
JOIN dtsmig.verify_run r USING (run_id)
JOIN dtsmig.task t ON t.task_id = d.task_id
LEFT JOIN dtsmig.task_table tt ON tt.table_id = d.table_id
WHERE pg_catalog.pg_has_role(t.owner, 'MEMBER')
ORDER BY d.difference_id;
COMMENT ON VIEW dtsmig.verify_results IS 'what verifications found to differ, and what became of it';

-- ------------------------------------------------------------ rights

GRANT USAGE ON SCHEMA dtsmig TO PUBLIC;
GRANT SELECT ON dtsmig.tasks, dtsmig.task_tables, dtsmig.task_objects,
  dtsmig.task_log, dtsmig.precheck_results, dtsmig.name_map,
  dtsmig.verify_runs, dtsmig.verify_results,
  dtsmig.task_options TO PUBLIC;
