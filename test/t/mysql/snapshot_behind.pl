# A transaction is reported by the log before a snapshot has it: while it waits for
# a replica to acknowledge it (semi-synchronous replication, AFTER_SYNC). It is
# applied at the destination by then; a table that is copied again, or a row that is repaired,
# from such a snapshot would lose it.
#
# dts-runs: mariadb, mysql-9.7
# dts-deep-runs: mariadb-11.8
use strict;
use warnings;
use Test::More;
use Dts::Compare qw(same_database);
use Dts::Env qw(poll_until reap);
use Dts::Task qw(server_pair);

my ($my, $pg) = server_pair(kind => $ENV{DTS_KIND});
my $rows = join ', ', map { "($_, 'row $_')" } 1 .. 200;
$my->sql("CREATE DATABASE s; USE s; CREATE TABLE t (id int PRIMARY KEY, v varchar(40)); INSERT INTO t VALUES $rows; CREATE TABLE k (id int, v varchar(40)); INSERT INTO k VALUES $rows");
my $task = Dts::Task->new($my, $pg, name => 's', db => 's', options => { batch_delay => 0 })->start;
$task->wait_for('incremental', 60);
my $semi = $my->{mysql} ? 'rpl_semi_sync_source' : 'rpl_semi_sync_master';
my $none = $my->{mysql} ? "${semi}_wait_no_replica" : "${semi}_wait_no_slave";
$my->sql("INSTALL PLUGIN rpl_semi_sync_source SONAME 'semisync_source.so'") if $my->{mysql};
my $ready = sub { ok(poll_until(sub { ($pg->try_value("SELECT count(*) FROM dtsmig.task_tables WHERE task = 's' AND state <> 'ready'") // '') eq '0' }, 40), "$_[0]: ready again") or diag $task->report };

# What waits for three seconds between the log and its end; code meanwhile.
sub while_it_waits
{
    my ($sql, $seen, $code) = @_;
    $my->sql("SET GLOBAL $none = ON; SET GLOBAL ${semi}_wait_point = AFTER_SYNC; SET GLOBAL ${semi}_timeout = 3000; SET GLOBAL ${semi}_enabled = ON");
    my $pid = fork // die "fork: $!";
    if ($pid == 0) { $my->sql($sql); require POSIX; POSIX::_exit(0); }
    ok(poll_until(sub { ($pg->try_value($seen) // '') eq 't' }, 20, 0.02), "applied at the destination: $sql");
    $code->();
    waitpid $pid, 0;
    $my->sql("SET GLOBAL ${semi}_enabled = OFF");
}

while_it_waits(q{UPDATE s.t SET v = 'waits' WHERE id = 5}, q{SELECT v = 'waits' FROM s.t WHERE id = 5}, sub {
    isnt($my->value('SELECT v FROM s.t WHERE id = 5'), 'waits', 'nobody sees it at the source yet');
    $pg->sql("SELECT dtsmig.resync_table('s', 's.t')");
});
$ready->('a table copied again');
ok(eval { $task->catch_up(60); 1 }, 'caught up') or diag $task->report;
same_database($my, 's', $pg, 's', 'a table copied again');

while_it_waits(q{INSERT INTO s.k VALUES (5, 'waits')}, q{SELECT count(*) = 1 FROM s.k WHERE v = 'waits'}, sub {
    $pg->sql("SELECT dtsmig.resync_table('s', 's.k')");
});
$ready->('one without a key');
ok(eval { $task->catch_up(60); 1 }, 'caught up') or diag $task->report;
same_database($my, 's', $pg, 's', 'one without a key');

# somebody changes a row at the destination; it is taken from the source again
$pg->sql("SET session_replication_role = replica; UPDATE s.t SET v = 'damaged' WHERE id = 7");
is($pg->value("SELECT count(*) FROM dtsmig.verify('s')"), '1', 'the damage is found');
while_it_waits(q{UPDATE s.t SET v = 'waits, too' WHERE id = 7}, q{SELECT v = 'waits, too' FROM s.t WHERE id = 7}, sub {
    $pg->sql("SELECT dtsmig.repair('s')");
});
ok(poll_until(sub { ($pg->try_value("SELECT string_agg(state, ' ') FROM dtsmig.verify_results WHERE task = 's'") // '') eq 'repaired' }, 40), 'repaired') or diag $task->report;
ok(eval { $task->catch_up(60); 1 }, 'caught up') or diag $task->report;
same_database($my, 's', $pg, 's', 'a row repaired');
is($task->status, 'running', 'the task runs');
done_testing();
