# gtid_mode of a MySQL source is switched, while a task runs and while it is
# paused: transactions with GTIDs, and without, among each other in the log.
# The source does not send what does not fit its mode, and leaves out what lies
# without GTID before a file that has all that is new: nothing of it is lost.
#
# dts-runs: mysql-9.7
use strict;
use warnings;
use Test::More;
use Dts::Compare qw(same_database);
use Dts::Env qw(poll_until);
use Dts::Task qw(server_pair);

my ($my, $pg) = server_pair(kind => $ENV{DTS_KIND});
$my->sql("CREATE DATABASE g; USE g; CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t VALUES (1, 'a'); CREATE TABLE keyless (a int); INSERT INTO keyless VALUES (1), (1);");
my $task = Dts::Task->new($my, $pg, name => 'g', db => 'g')->start;
$task->wait_for('incremental', 60);
my $n = 10;

sub mode { $my->sql("SET GLOBAL gtid_mode = $_") for @_; }

sub write_rows
{
    $n++;
    $my->sql("USE g; INSERT INTO t VALUES ($n, 'n $n'); UPDATE t SET v = CONCAT(v, '+') WHERE id = 1; INSERT INTO keyless VALUES (1)");
}

sub pause { $task->pause; $task->wait_status('paused', 30); }

sub equal
{
    my ($what) = @_;
    ok(poll_until(sub { $task->status eq 'running' }, 60), "$what: runs") or diag $task->report;
    ok(eval { $task->catch_up(60); 1 }, "$what: caught up") or diag $@;
    same_database($my, 'g', $pg, 'g', $what);
}

write_rows();
equal('GTIDs');

# --- transactions without GTID, and then others, while nobody looks
pause();
mode('ON_PERMISSIVE', 'OFF_PERMISSIVE');
write_rows();
mode('ON_PERMISSIVE', 'ON');
write_rows();
$task->resume;
ok($task->wait_status('failed', 60), 'none, then GTIDs, while paused: said') or diag $task->report;
like($task->last_error, qr/transactions without GTID follow position \d+/, $task->last_error);
mode('ON_PERMISSIVE');
$task->resume;
equal('none, then GTIDs, while paused');
mode('ON');
write_rows();
equal('ON again');

# --- GTIDs first
pause();
write_rows();
mode('ON_PERMISSIVE', 'OFF_PERMISSIVE');
write_rows();
mode('ON_PERMISSIVE', 'ON');
write_rows();
$task->resume;
ok(poll_until(sub { $task->get('last_error') =~ /anonymous/i }, 60), 'GTIDs, none, GTIDs, while paused: said') or diag $task->report;
like($task->get('last_error_hint'), qr/ON_PERMISSIVE/, 'with what to do');
mode('ON_PERMISSIVE');
equal('GTIDs, none, GTIDs, while paused');
mode('ON');
write_rows();
equal('ON once more');

# --- while it runs
for my $mode (qw(ON_PERMISSIVE OFF_PERMISSIVE OFF))
{
    write_rows();
    equal("before $mode");
    mode($mode);
    write_rows();
    equal($mode);
}
pause();
write_rows();
$task->resume;
equal('OFF, resumed');
$my->sql('CREATE TABLE g.later (a int); INSERT INTO g.later VALUES (1), (1)');
equal('a new table');
$task->sql("SELECT dtsmig.resync_table('g', 'g.t'); SELECT dtsmig.resync_table('g', 'g.keyless')");
write_rows();
ok(poll_until(sub { ($pg->try_value("SELECT count(*) FROM dtsmig.task_tables WHERE task = 'g' AND state <> 'ready'") // '') eq '0' }, 60), 'OFF: copied again');
equal('OFF: copied again');
for my $mode (qw(OFF_PERMISSIVE ON_PERMISSIVE ON))
{
    write_rows();
    equal("before $mode");
    mode($mode);
    write_rows();
    equal($mode);
    pause();
    write_rows();
    $task->resume;
    equal("$mode, resumed");
}
like($task->get('applied_position'), qr/;[0-9a-f-]{36}:\d/, 'the position has its GTIDs');
$task->sql("SELECT dtsmig.resync_table('g', 'g.t'); SELECT dtsmig.resync_table('g', 'g.keyless')");
write_rows();
ok(poll_until(sub { ($pg->try_value("SELECT count(*) FROM dtsmig.task_tables WHERE task = 'g' AND state <> 'ready'") // '') eq '0' }, 60), 'ON: copied again');
equal('ON: copied again');
$pg->kill9;
write_rows();
$pg->start;
equal('after a crash');
done_testing();
