/* dtsmig--1.0--1.1.sql */

-- complain if the script is run by psql rather than ALTER EXTENSION
\echo Use "ALTER EXTENSION dtsmig UPDATE TO '1.1'" to load this file. \quit

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

-- ------------------------------------------------------------ roles

-- Rights over the tasks of all owners are EXECUTE on one of these: nothing
-- hangs on the name of a role, and GRANT, REVOKE and pg_dump do the rest.
CREATE FUNCTION dtsmig.read_all_tasks() RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT true';
COMMENT ON FUNCTION dtsmig.read_all_tasks() IS
  'whoever may execute this sees the tasks of all owners, without the data of their rows';
CREATE FUNCTION dtsmig.operate_all_tasks() RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT true';
COMMENT ON FUNCTION dtsmig.operate_all_tasks() IS
  'whoever may execute this sees the tasks of all owners and may start, pause, resume and verify them and change their throttles';
REVOKE EXECUTE ON FUNCTION dtsmig.read_all_tasks(), dtsmig.operate_all_tasks()
  FROM PUBLIC;
