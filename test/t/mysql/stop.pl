# Every worker stops within two seconds, also while its source is silent or
# its line swallows packets: at pause_task, pg_terminate_backend, and a fast
# shutdown, in full load and while following changes.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);
use Dts::Env qw(poll_until);
use Dts::Proxy;
use Dts::Task qw(server_pair);
use Dts::Compare qw(same_table);

my ($my, $pg) = server_pair();
$my->sql('CREATE DATABASE st; USE st; CREATE TABLE t (id int PRIMARY KEY, v varchar(200)); INSERT INTO t SELECT seq, REPEAT("x", 200) FROM seq_1_to_300000; CREATE TABLE s (id int PRIMARY KEY); INSERT INTO s VALUES (1)');
my $proxy = Dts::Proxy->new(port => $my->{port});
my $n = 0;

sub task
{
    my (%opt) = @_;
    $n++;
    return Dts::Task->new($my, $pg, name => "stop$n", db => 'st', port => $proxy->{port},
        objects => [ { schema => 'st', table => $opt{table} // 's', target_schema => "st$n" } ],
        options => { copy_workers => 2, rows_per_range => 20000 })->start;
}

sub gone { my (@pids) = @_; return !grep { kill 0, $_ } @pids; }

# Runs an action and measures until all workers are gone.
sub stops_in_time
{
    my ($name, $task, $action) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my @pids = $task->worker_pids;
    ok(@pids > 0, "$name: there are workers (" . @pids . ')');
    my $start = time;
    $action->(@pids);
    my $ok = poll_until(sub { gone(@pids) }, 10, 0.02);
    my $took = time - $start;
    cmp_ok($took, '<', 2.0, sprintf '%s: stopped in %.2f s', $name, $took);
    ok($ok, "$name: all gone");
}

sub terminate
{
    my (@pids) = @_;
    $pg->sql('SELECT ' . join ', ', map { "pg_terminate_backend($_)" } @pids);
}

sub finish { my ($task) = @_; $proxy->forward; $task->release; $task->drop; }

# --- following changes, the source silent
my $t = task();
$t->wait_for('incremental', 60);
sleep 1;
stops_in_time('pause, silent source', $t, sub { $t->pause });
is($t->status, 'paused', 'status paused');
$t->resume;
$t->wait_for('running', 30);
$t->wait_for('incremental', 30);
sleep 1;
$proxy->swallow;
sleep 1.5;
stops_in_time('pause, line swallows packets', $t, sub { $t->pause });
$proxy->forward;
$t->resume->wait_for('incremental', 60);
$my->sql('INSERT INTO st.s VALUES (2)');
$t->catch_up;
is($pg->value("SELECT count(*) FROM st$n.s"), 2, 'goes on after that');
$proxy->swallow;
$my->sql('INSERT INTO st.s VALUES (3)');
sleep 1.5;
stops_in_time('pg_terminate_backend, line swallows packets', $t, \&terminate);
$proxy->forward;
# A terminated worker is started again by itself: that was nobody's wish.
ok(poll_until(sub { $pg->value("SELECT count(*) FROM st$n.s") eq '3' }, 90), 'a terminated worker comes back and catches up')
  or diag $t->report;

# --- a silent line is noticed without anybody stopping the worker
$proxy->swallow;
my $ok = poll_until(sub { $t->status eq 'retrying' }, 90, 0.2);
ok($ok, 'a dead line is noticed: retrying') or diag $t->report;
isnt($t->get('last_error'), '', 'with the reason');
is($t->get('retrying_until > now() + interval \'9 minutes\''), 't', 'and the deadline');
stops_in_time('pause while retrying', $t, sub { $t->pause }) if $t->worker_pids;
$proxy->forward;
$t->resume->wait_for('incremental', 60);
$proxy->cut;
sleep 0.5;
$proxy->forward;
$my->sql('INSERT INTO st.s VALUES (4)');
ok(poll_until(sub { $pg->value("SELECT count(*) FROM st$n.s") eq '4' }, 60), 'after a cut line it reconnects')
  or diag $t->report;

# --- a fast shutdown
sleep 1;
$proxy->swallow;
sleep 1;
my $took = $pg->stop('fast');
cmp_ok($took, '<', 4, sprintf 'fast shutdown in %.2f s while following changes over a dead line', $took);
$proxy->forward;
$pg->start;
ok(poll_until(sub { $t->status eq 'running' }, 60), 'runs again after the restart') or diag $t->report;
finish($t);

# --- full load
for my $how (qw(pause terminate shutdown))
{
    for my $line ('slow', 'dead')
    {
        $proxy->delay(30);
        my $t = task(table => 't');
        ok(poll_until(sub { $pg->value("SELECT count(*) FROM dtsmig.tasks WHERE name = '$t->{name}' AND phase = 'full' AND rows_copied > 0") eq '1' }, 60), "$how, $line line: copying")
          or diag $t->report;
        if ($line eq 'dead') { $proxy->swallow; sleep 1; }
        if ($how eq 'shutdown')
        {
            my $took = $pg->stop('fast');
            cmp_ok($took, '<', 4, sprintf 'fast shutdown in full load over a %s line in %.2f s', $line, $took);
            $proxy->forward;
            $proxy->delay(0);
            $pg->start;
        }
        else
        {
            stops_in_time("$how in full load, $line line", $t,
                $how eq 'pause' ? sub { $t->pause } : \&terminate);
            $proxy->forward;
            $proxy->delay(0);
            $t->resume if $how eq 'pause';
        }
        my $ok = eval { $t->wait_for('incremental', 120); 1 };
        ok($ok, "$how, $line line: goes on") or diag $@;
        same_table($my, 'st.t', $pg, "st$n.t", "$how, $line line: the copy is whole", digest => 1) if $ok;
        finish($t);
    }
}

# A worker answers barriers: DROP DATABASE does not hang.
$t = task();
$t->wait_for('incremental', 60);
$pg->sql('CREATE DATABASE scratch');
my $start = time;
$pg->sql('DROP DATABASE scratch', timeout => 20);
cmp_ok(time - $start, '<', 5, 'DROP DATABASE does not wait for the worker');
$proxy->swallow;
sleep 1;
$pg->sql('CREATE DATABASE scratch');
$start = time;
$pg->sql('DROP DATABASE scratch', timeout => 20);
cmp_ok(time - $start, '<', 5, 'nor over a dead line');
finish($t);
done_testing();
