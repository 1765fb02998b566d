# A status that is true: a worker that does not run is not shown as running, and
# one that waits for a lock or computes for long is.
use strict;
use warnings;
use Test::More;
use Dts::Env qw(poll_until reap spawn);
use Dts::Compare qw(same_table);
use Dts::Task qw(server_pair);

my ($my, $pg) = server_pair();
$my->sql('CREATE DATABASE h; USE h; CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t SELECT seq, 0 FROM seq_1_to_100');
my $task = Dts::Task->new($my, $pg, name => 'h', db => 'h')->start;
$task->wait_for('incremental', 60);
my $pid = $task->get('worker_pid');

# --- it waits for a lock that somebody holds, for longer than a sign of life may take
my $holder = spawn({ code => sub { $pg->psql("BEGIN; LOCK TABLE h.t IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(22); COMMIT") } });
$pg->poll_query("SELECT count(*) = 1 FROM pg_locks WHERE relation = 'h.t'::regclass AND mode = 'AccessExclusiveLock' AND granted", 20) or die 'no lock';
$my->sql('UPDATE h.t SET v = 1');
$pg->poll_query("SELECT count(*) > 0 FROM pg_stat_activity WHERE pid = $pid AND wait_event_type = 'Lock'", 20) or die 'the worker does not wait';
my ($looks, @other) = (0);
while ($pg->value("SELECT count(*) FROM pg_locks WHERE relation = 'h.t'::regclass AND NOT granted"))
{
    $looks++;
    my $status = $task->status;
    push @other, $status if $status ne 'running';
    poll_until(sub { 0 }, 0.5, 0.5);
}
reap($holder);
cmp_ok($looks, '>', 20, 'the worker waited for the lock for long');
is("@other", '', 'and was shown as running all the time');
$task->catch_up;
same_table($my, 'h.t', $pg, 'h.t', 'the changes are there');

# --- its process is stopped
kill 'STOP', $pid;
ok($pg->poll_query("SELECT status = 'unresponsive' FROM dtsmig.tasks WHERE name = 'h'", 30), 'a worker that does not run is not shown as running') or diag $task->status;
like($task->last_error, qr/^the worker of this task \(process $pid\) has not reported since 2/, 'the view says why');
kill 'CONT', $pid;
ok($pg->poll_query("SELECT status = 'running' FROM dtsmig.tasks WHERE name = 'h'", 10), 'when it runs again it is');
is($task->last_error, '', 'without an error');

# --- it is gone
kill 'KILL', $pid;
ok($pg->poll_query("SELECT coalesce(worker_pid, 0) <> $pid FROM dtsmig.tasks WHERE name = 'h'", 10), 'kill -9: the view does not show the process');
$task->wait_for('running', 60);
$task->catch_up;
done_testing();
