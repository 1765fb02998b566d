# DDL on tables of a PostgreSQL source while the task copies: it waits for no
# more than the rows that are being read, and the copy is right whatever came
# between the snapshot and the reading.
use strict;
use warnings;
use Test::More;
use Dts::Env qw(poll_until);
use Dts::PgSource qw(pg_pair same_pg_tables);
use Dts::Task;

my ($src, $pg) = pg_pair();
$src->sql(<<'END');
CREATE SCHEMA c;
CREATE TABLE c.big (id int PRIMARY KEY, a int, b text); INSERT INTO c.big SELECT g, g, repeat('b', 200) FROM generate_series(1, 150000) g;
CREATE TABLE c.swap (id int PRIMARY KEY, a int, b int); INSERT INTO c.swap VALUES (1, 2, 3);
CREATE TABLE c.one (id int PRIMARY KEY, v text); INSERT INTO c.one VALUES (1, 'one');
CREATE TABLE c.two (id int PRIMARY KEY, v text); INSERT INTO c.two VALUES (2, 'two');
CREATE TABLE c.typed (id int PRIMARY KEY, v int); INSERT INTO c.typed VALUES (1, 1);
CREATE TABLE c.more (id int PRIMARY KEY, v int); INSERT INTO c.more VALUES (1, 1);
END
my $task = Dts::Task->new($src, $pg, name => 'c', db => 'postgres', objects => [ { schema => 'c' } ], options => { rows_per_range => 5000, throttle_full_rows => 4000, copy_workers => 2 });
$task->start;
cmp_ok($src->value("SELECT reltuples FROM pg_class WHERE oid = 'c.big'::regclass"), '<=', 0, 'a table that nobody has analyzed');
ok(poll_until(sub { ($pg->try_value("SELECT rows_copied FROM dtsmig.tasks WHERE name = 'c' AND phase = 'full'") || 0) > 0 }, 60), 'the copy has begun');
cmp_ok($pg->value("SELECT count(*) FROM dtsmig.task_job WHERE kind = 'copy'"), '>', 20, 'is copied in ranges, too');
my $error = $src->error(<<'END');
SET lock_timeout = '20s';
BEGIN; ALTER TABLE c.swap RENAME a TO x; ALTER TABLE c.swap RENAME b TO a; ALTER TABLE c.swap RENAME x TO b; COMMIT;
BEGIN; ALTER TABLE c.one RENAME TO x; ALTER TABLE c.two RENAME TO one; ALTER TABLE c.x RENAME TO two; COMMIT;
ALTER TABLE c.typed ALTER v TYPE text USING 'v' || v;
ALTER TABLE c.more ADD COLUMN r float DEFAULT random();
ALTER TABLE c.big ADD COLUMN n int DEFAULT 5;
INSERT INTO c.swap VALUES (2, 5, 6);
END
is($error, '', 'DDL during the copy does not wait for its end');
is($task->phase, 'full', 'it was during the copy');
$pg->sql("SELECT dtsmig.alter_task('c', '{\"throttle_full_rows\": 0}')");
ok(eval { $task->wait_for('incremental', 90); $task->catch_up(60); 1 }, 'the task goes on') or diag $@, $task->report;
same_pg_tables($src, $pg, 'equal', schemas => ['c']) or diag $task->report;
done_testing();
