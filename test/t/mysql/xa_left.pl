# An XA transaction that was prepared before the start, and is left alone for longer
# than the start waits for one: the task begins. When it is committed, its rows
# lie before the place where the task reads the log: the task says so, and goes
# on as the hint says. One that is rolled back is none of its business.
#
# dts-runs: mariadb
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(time);
use Dts::Compare qw(same_database);
use Dts::Env qw(poll_until);
use Dts::Task qw(server_pair);

my ($my, $pg) = server_pair(kind => $ENV{DTS_KIND});
$my->sql("CREATE DATABASE x; USE x; CREATE TABLE t (id int PRIMARY KEY, v varchar(20)); INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c'); CREATE TABLE k (id int, v varchar(20)); INSERT INTO k SELECT * FROM t; CREATE TABLE other (id int PRIMARY KEY);");
$my->sql("USE x; XA START 'left'; INSERT INTO t VALUES (10, 'xa'); UPDATE t SET v = 'xa' WHERE id = 1; INSERT INTO k VALUES (10, 'xa'); XA END 'left'; XA PREPARE 'left'");
$my->sql("USE x; XA START 'back'; INSERT INTO t VALUES (11, 'xa'); XA END 'back'; XA PREPARE 'back'");
my $began = time;
my $task = Dts::Task->new($my, $pg, name => 'x', db => 'x')->start;
ok(eval { $task->wait_for('incremental', 120); 1 }, 'it starts with them') or diag $@;
cmp_ok(time - $began, '>', 28, 'when it has waited for them');
$my->sql("XA ROLLBACK 'back'; INSERT INTO x.other VALUES (1)");
ok(eval { $task->catch_up(30); 1 }, 'one is rolled back') or diag $@;
same_database($my, 'x', $pg, 'x', 'without a trace');
$my->sql("INSERT INTO x.other VALUES (2); XA COMMIT 'left'; INSERT INTO x.other VALUES (3)");
ok($task->wait_status('failed', 60), 'the other is committed: it stops') or diag $task->report;
like($task->last_error, qr/^XA transaction .*was prepared before the stream's start/, 'with the reason');
is($pg->value('SELECT count(*) FROM x.other'), 2, 'what came before is at the destination');
like($task->get('last_error_hint'), qr/copied again.*skip_change\('x'\)/s, 'and the way on');
$pg->sql("SELECT dtsmig.skip_change('x'); SELECT dtsmig.resync_table('x', 'x.t'), dtsmig.resync_table('x', 'x.k')");
$task->resume if $task->status ne 'running';
ok(poll_until(sub { ($pg->try_value("SELECT count(*) FROM dtsmig.task_tables WHERE task = 'x' AND state <> 'ready'") // '') eq '0' }, 60), 'copied again') or diag $task->report;
ok(eval { $task->catch_up(30); 1 }, 'caught up') or diag $@;
same_database($my, 'x', $pg, 'x', 'it goes on');
$task->release;
done_testing();
