# Views on tables that are altered: those that the task made are made again,
# those of others are named in the error, and the task goes on without them.
use strict;
use warnings;
use Test::More;
use Dts::Compare qw(same_database);
use Dts::Env qw(poll_until);
use Dts::Task qw(server_pair);

my ($my, $pg) = server_pair();
$my->sql(<<'END');
CREATE DATABASE vw; USE vw;
CREATE TABLE a (id int PRIMARY KEY, n int, s varchar(20), t varchar(20)); INSERT INTO a VALUES (1, 1, 's', 't'), (2, 2, 's2', 't2');
CREATE TABLE b (id int PRIMARY KEY, v int); INSERT INTO b VALUES (1, 10), (2, 20);
CREATE VIEW va AS SELECT id, n, s FROM a;
CREATE VIEW vb AS SELECT va.id, va.n + b.v AS total FROM va JOIN b ON b.id = va.id;
CREATE VIEW vt AS SELECT t FROM a;
END
my $task = Dts::Task->new($my, $pg, name => 'vw', db => 'vw');
$task->start->wait_for('incremental', 60);
is($pg->value("SELECT count(*) FROM pg_views WHERE schemaname = 'vw'"), 3, 'views are made');

$my->sql('ALTER TABLE a MODIFY n bigint, MODIFY s varchar(40); INSERT INTO a VALUES (3, 3000000000, REPEAT("x", 30), "t3"); INSERT INTO b VALUES (3, 30)', db => 'vw');
$task->catch_up(30);
same_database($my, 'vw', $pg, 'vw', 'a column that views use is altered');
is($pg->value('SELECT total FROM vw.vb WHERE id = 3'), 3000000030, 'views are there again');
is($pg->value("SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'vw.va'::regclass AND attname = 'n'"), 'bigint', 'with the new type');

$my->sql('ALTER TABLE a MODIFY s varbinary(50); INSERT INTO a (id, s) VALUES (4, 0xff00)', db => 'vw');
$task->catch_up(30);
same_database($my, 'vw', $pg, 'vw', 'a table with views is copied again');
is($pg->value("SELECT count(*) FROM pg_views WHERE schemaname = 'vw'"), 3, 'all views are there');

$my->sql('ALTER TABLE a DROP COLUMN t; INSERT INTO a (id) VALUES (5)', db => 'vw');
$task->catch_up(30);
same_database($my, 'vw', $pg, 'vw', 'a column that a view uses is dropped');
is($pg->value("SELECT string_agg(viewname, ',' ORDER BY viewname) FROM pg_views WHERE schemaname = 'vw'"), 'va,vb', 'its view is gone, the others stay');
like($pg->value("SELECT string_agg(message || detail, '') FROM dtsmig.task_log WHERE task = 'vw' AND severity = 'warning'"), qr/view vw\.vt does not fit.*query was/s, 'and is named in the log');

$pg->sql('CREATE VIEW public.mine AS SELECT v FROM vw.b');
$my->sql('ALTER TABLE b MODIFY v bigint; INSERT INTO b VALUES (5, 5000000000)', db => 'vw');
ok($task->wait_status('failed', 30), 'a view of somebody else stops the task');
like($pg->value("SELECT string_agg(detail, '') FROM dtsmig.task_log WHERE task = 'vw' AND severity = 'error'"), qr/drop public\.mine, which uses the table, resume_task/, 'and is named');
$pg->sql('DROP VIEW public.mine');
$task->resume->catch_up(30);
same_database($my, 'vw', $pg, 'vw', 'the task goes on without it');
$my->sql('DROP TABLE b', db => 'vw');
$task->catch_up(30);
is($pg->value("SELECT to_regclass('vw.b') IS NULL AND to_regclass('vw.vb') IS NULL"), 't', 'a dropped table takes its view along');
done_testing();
