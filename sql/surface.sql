-- What needs no other server: servers and their options, tasks and theirs,
-- errors with their hints, rights.
\set VERBOSITY default
SET client_min_messages = warning;

-- servers
CREATE SERVER s1 TYPE 'mariadb' FOREIGN DATA WRAPPER dtsmig_fdw
  OPTIONS (host '127.0.0.1', port '1', dbname 'shop', ssl_mode 'disable', connect_timeout '2');
CREATE SERVER bad TYPE 'mariadb' FOREIGN DATA WRAPPER dtsmig_fdw OPTIONS (hots 'x');
CREATE SERVER bad TYPE 'mariadb' FOREIGN DATA WRAPPER dtsmig_fdw OPTIONS (port 'many');
CREATE SERVER bad TYPE 'mariadb' FOREIGN DATA WRAPPER dtsmig_fdw OPTIONS (ssl_mode 'maybe');
CREATE SERVER bad TYPE 'mariadb' FOREIGN DATA WRAPPER dtsmig_fdw OPTIONS (user 'x');
CREATE USER MAPPING FOR PUBLIC SERVER s1 OPTIONS (host 'x');
CREATE USER MAPPING FOR CURRENT_USER SERVER s1 OPTIONS (user 'u', password 'p');
SELECT dtsmig.test_connection('s1');
SELECT dtsmig.test_connection('none');

-- tasks
SELECT dtsmig.create_task('one', source => 's1') > 0 AS made;
SELECT dtsmig.create_task('one', source => 's1');
SELECT dtsmig.create_task('', source => 's1');
SELECT dtsmig.create_task('two', source => 'none');
SELECT dtsmig.create_task('two', source => 's1', destination => 'elsewhere');
SELECT dtsmig.create_task('two', source => 's1', migration_types => '{schema,faster}');
SELECT dtsmig.create_task('two', source => 's1', options => '{"copy_workers": 99}');
SELECT dtsmig.create_task('two', source => 's1', options => '{"copy_wrokers": 2}');
SELECT dtsmig.create_task('two', source => 's1', options => '{"zero_date": "tomorrow-ish"}');
SELECT dtsmig.create_task('two', source => 's1', objects => '[{"table": 1}]');
SELECT dtsmig.create_task('two', source => 's1', objects => '[{"schema": "shop", "exclude": "yes"}]');
SELECT dtsmig.create_task('two', source => 'oracle://user@host/db');
SELECT name, source, destination, status, phase, progress_bar, tables_total
  FROM dtsmig.tasks;
SELECT dtsmig.alter_task('one', '{"tag": "blue", "copy_workers": 3}');
SELECT dtsmig.alter_task('one', '{"copy_workers": "x"}');
SELECT tag FROM dtsmig.tasks WHERE name = 'one';
SELECT dtsmig.alter_task('one', '{"tag": null}');
SELECT tag IS NULL OR tag = '' AS gone FROM dtsmig.tasks WHERE name = 'one';
SELECT dtsmig.start_task('nobody');
SELECT dtsmig.pause_task('one');
SELECT dtsmig.resume_task('one');
SELECT dtsmig.wait_for('one', 'done');
SELECT dtsmig.wait_for('one', 'running', '10 ms');

-- options
SELECT name, type, "default", range, takes_effect FROM dtsmig.task_options
  WHERE name IN ('batch_rows', 'comments', 'ci_collation', 'tag') ORDER BY name;

-- progress bar
SELECT p, dtsmig.progress_bar(p) FROM unnest(ARRAY[0, 0.04, 4.9, 5, 50, 99.96, 100]) p;

-- rights
CREATE ROLE regress_dtsmig_eve;
SET ROLE regress_dtsmig_eve;
SELECT count(*) FROM dtsmig.tasks;
SELECT count(*) FROM dtsmig.task_log;
SELECT count(*) FROM dtsmig.task;
SELECT dtsmig.create_task('three', source => 's1');
SELECT dtsmig.test_connection('s1');
SELECT dtsmig.start_task('one');
SELECT dtsmig.drop_task('one');
SELECT dtsmig.create_task('three', source => 'mariadb://u:p@127.0.0.1:1/x');
RESET ROLE;
GRANT USAGE ON FOREIGN SERVER s1 TO regress_dtsmig_eve;
SET ROLE regress_dtsmig_eve;
CREATE USER MAPPING FOR CURRENT_USER SERVER s1 OPTIONS (user 'eve', password 'e');
SELECT dtsmig.create_task('three', source => 's1') > 0 AS made;
SELECT name, owner FROM dtsmig.tasks;
SELECT dtsmig.drop_task('three');
RESET ROLE;

SELECT dtsmig.drop_task('one');
SELECT count(*) FROM dtsmig.tasks;
REVOKE USAGE ON FOREIGN SERVER s1 FROM regress_dtsmig_eve;
DROP SERVER s1 CASCADE;
DROP ROLE regress_dtsmig_eve;

-- every function says what it does
SELECT p.oid::regprocedure FROM pg_proc p
  WHERE pronamespace = 'dtsmig'::regnamespace AND prolang =
    (SELECT oid FROM pg_language WHERE lanname = 'c')
    AND obj_description(p.oid, 'pg_proc') IS NULL
  ORDER BY 1;
