# What a process knows to be rolled back in one server's log is not left out of
# the log of the server that takes over, whose files have the same names, with
# other transactions at the same places.
use strict;
use warnings;
use Test::More;
use Dts::Compare qw(same_database);
use Dts::Env qw(poll_until);
use Dts::MariaDB;
use Dts::Task qw(server_pair);

my ($a, $pg) = server_pair();
my $b = Dts::MariaDB->new->start;
$b->replicate($a);
$a->sql(q{CREATE DATABASE f; CREATE TABLE f.t (id int PRIMARY KEY, v text); FLUSH LOCAL BINARY LOGS});
my $task = Dts::Task->new($a, $pg, name => 'f', db => 'f')->start->wait_for('incremental', 60);

# the second file of the first server: something, 200 kB that are rolled back
$a->sql(q{USE f; INSERT INTO t VALUES (1, REPEAT('x', 20000));
    BEGIN; INSERT INTO t SELECT 100 + seq, REPEAT('y', 10000) FROM seq_1_to_20; CREATE TEMPORARY TABLE tt (id int); ROLLBACK;
    INSERT INTO t VALUES (2, 'after')});
my ($file, $end) = $a->log_end;
cmp_ok($end, '>', 200_000, 'what is rolled back is in the log');
$task->catch_up;
same_database($a, 'f', $pg, 'f', 'it is left out');

# the other one takes over, and has not written much of its second file yet
my $gtids = $a->value('SELECT @@global.gtid_binlog_pos');
ok(poll_until(sub { $b->value('SELECT @@global.gtid_binlog_pos') eq $gtids }, 60, 0.1), 'the replica has all');
$b->promote;
$b->sql('FLUSH LOCAL BINARY LOGS');
my ($other, $begin) = $b->log_end;
is($other, $file, 'files of the same name');
cmp_ok($begin, '<', 20_000, 'and an earlier place');
my $worker = join ' ', sort $task->worker_pids;
$a->kill9;
$pg->sql("ALTER SERVER src_f OPTIONS (SET port '$b->{port}')");
$task->{my} = $b;
ok(poll_until(sub { $pg->value("SELECT count(*) FROM dtsmig.task_log WHERE task = 'f' AND message LIKE 'the source is another server now%'") eq '1' }, 60),
    'the task goes on at the other server') or diag $task->report;
$b->sql('USE f; ' . join ' ', map { "INSERT INTO t VALUES ($_, REPEAT('z', 500));" } 1001 .. 1400);
cmp_ok(($b->log_end)[1], '>', $end, 'its log has other rows where the first one\'s had those');
$task->catch_up;
same_database($b, 'f', $pg, 'f', 'no row is left out');
is(join(' ', sort $task->worker_pids), $worker, 'it was the same process all the time');

# one that is prepared at the server that goes away is not at the other one
$b->sql("USE f; XA START 'left'; INSERT INTO t VALUES (5000, 'xa'); XA END 'left'; XA PREPARE 'left'");
$task->catch_up;
$b->kill9;
$a->start;
$pg->sql("ALTER SERVER src_f OPTIONS (SET port '$a->{port}')");
ok(poll_until(sub { $task->last_error =~ /another server now/ }, 60), 'it does not go on without it') or diag $task->report;
like($task->last_error, qr/another server now, and XA transaction .* was prepared at the old one and has not ended/, 'it says so');
done_testing();
