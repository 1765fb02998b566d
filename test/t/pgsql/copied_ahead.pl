# Rows that are read from a PostgreSQL source before its log has come to the
# statements that they are of: a copy that is made again has rows that a constraint
# forbids at the destination until then, and columns under other names; rows that are repaired
# have been rewritten already.
use strict;
use warnings;
use Test::More;
use Dts::Env qw(poll_until);
use Dts::PgSource qw(pg_pair same_pg_tables);
use Dts::Task;

my ($src, $pg) = pg_pair();
my $rows = "SELECT i, i, 'r' || i FROM generate_series(1, 100) i";
$src->sql("CREATE TABLE t (id int PRIMARY KEY, n int NOT NULL, v text); CREATE TABLE u (id int PRIMARY KEY, n int CHECK (n > 0), v text); CREATE TABLE w (id int PRIMARY KEY, n text, v text);"
    . "CREATE TABLE x (id int PRIMARY KEY, n text, v text UNIQUE); " . join '', map { "INSERT INTO $_ $rows;" } qw(t u w x));
my $task = Dts::Task->new($src, $pg, name => 't');
$task->start->wait_for('incremental', 60);
my $errors = "SELECT count(*) FROM dtsmig.task_log WHERE task = 't' AND severity = 'error'";

$task->pause;
ok($task->wait_status('paused'), 'paused');
$pg->sql("SELECT dtsmig.resync_table('t', 'public.' || n) FROM unnest('{t, u, w, x}'::text[]) n");
$src->sql("ALTER TABLE w RENAME n TO c; ALTER TABLE w RENAME v TO n; ALTER TABLE w RENAME c TO v; ALTER TABLE t ALTER n DROP NOT NULL; UPDATE t SET n = NULL WHERE id = 5;"
    . "INSERT INTO t SELECT i, i FROM generate_series(1000, 1400) i; ALTER TABLE u DROP CONSTRAINT u_n_check; UPDATE u SET n = -1 WHERE id = 6; ALTER TABLE x DROP CONSTRAINT x_v_key; UPDATE x SET v = 'same'");
$task->resume;
ok(poll_until(sub { ($pg->try_value("SELECT count(*) FROM dtsmig.task_tables WHERE task = 't' AND state <> 'ready'") // '') eq '0' || $task->status eq 'failed' }, 60), 'copied again') or diag $task->report;
ok(eval { $task->catch_up(30); 1 }, 'caught up') or diag $@;
same_pg_tables($src, $pg, 'a copy ahead of the log');
is($pg->value($errors), 0, 'without an error');

# a row that never fits stops the task when the log has come there
$pg->sql('ALTER TABLE u ADD CONSTRAINT own CHECK (n <> 7) NOT VALID');
$pg->sql("SELECT dtsmig.resync_table('t', 'public.u')");
ok($task->wait_status('failed', 60), "this database's own constraint stops it") or diag $task->report;
like($task->last_error, qr/violates check constraint "own"/, 'with its name');
$pg->sql('ALTER TABLE u DROP CONSTRAINT own');
$task->resume->catch_up(30);
ok(poll_until(sub { ($pg->try_value("SELECT count(*) FROM dtsmig.task_tables WHERE task = 't' AND state <> 'ready'") // '') eq '0' }, 60), 'and it goes on') or diag $task->report;
same_pg_tables($src, $pg, 'after that');

# repaired together with statements that rewrite
$pg->sql("SET session_replication_role = replica; UPDATE w SET v = 'damaged' WHERE id = 3; UPDATE x SET n = 'damaged' WHERE id IN (3, 4)");
$pg->sql("SELECT count(*) FROM dtsmig.verify('t')");
is($pg->value("SELECT count(*) FROM dtsmig.verify_results WHERE task = 't'"), 3, 'rows differ');
$task->pause;
ok($task->wait_status('paused'), 'paused');
$pg->sql("SELECT dtsmig.repair('t')");
$src->sql("ALTER TABLE w ALTER v TYPE text USING v || 'x'; UPDATE x SET n = n || '!' WHERE id <> 4; ALTER TABLE x ALTER n TYPE text USING n || 'x', ALTER v TYPE text USING v || 'y'");
$task->resume;
ok(poll_until(sub { ($pg->try_value("SELECT string_agg(DISTINCT state, ' ') FROM dtsmig.verify_results WHERE task = 't'") // '') eq 'repaired' }, 30), 'repaired') or diag $task->report;
ok(eval { $task->catch_up(30); 1 }, 'caught up') or diag $@;
ok(poll_until(sub { ($pg->try_value("SELECT count(*) FROM dtsmig.task_tables WHERE task = 't' AND state <> 'ready'") // '') eq '0' }, 60), 'all are ready') or diag $task->report;
same_pg_tables($src, $pg, 'a repair ahead of the log');
$task->release;
done_testing();
