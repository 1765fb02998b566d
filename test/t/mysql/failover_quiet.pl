# A failover to a quiet replica, whose file begins before what is applied: the
# state at the head of that file is older than the task's, which stays what it
# is. Seen by a pause and by a second failover, to a server where the rows of a
# table without a key come twice if it does not.
use strict;
use warnings;
use Test::More;
use Dts::Compare qw(same_database);
use Dts::Env qw(poll_until);
use Dts::MariaDB;
use Dts::Task qw(server_pair);

my ($a, $pg) = server_pair();
my ($b, $c) = map { Dts::MariaDB->new->start } 1 .. 2;
$_->replicate($a) for $b, $c;
sub synced
{
    my $want = $a->value('SELECT @@global.gtid_binlog_pos');
    return poll_until(sub { !grep { $_->value('SELECT @@global.gtid_binlog_pos') ne $want } $b, $c }, 60, 0.1);
}
sub goes_on_at
{
    my ($task, $server, $n) = @_;
    $pg->sql("ALTER SERVER src_f OPTIONS (SET port '$server->{port}')");
    $task->{my} = $server;
    return poll_until(sub { $pg->value("SELECT count(*) FROM dtsmig.task_log WHERE task = 'f' AND message LIKE 'the source is another server now%'") eq $n }, 60);
}

$a->sql('CREATE DATABASE f; CREATE TABLE f.t (id int PRIMARY KEY, v int); CREATE TABLE f.k (v int)');
my $task = Dts::Task->new($a, $pg, name => 'f', db => 'f')->start->wait_for('incremental', 60);
ok(synced(), 'the replicas have the tables');
$b->sql('FLUSH LOCAL BINARY LOGS');
$a->sql('INSERT INTO f.k VALUES (1); INSERT INTO f.t VALUES (1, 1)');
ok(synced(), 'the replicas have all');
$task->catch_up;
my ($applied) = $pg->value('SELECT applied_position FROM dtsmig.task_position') =~ /;(\d+-\d+-\d+)/;
is($applied, $b->value('SELECT @@global.gtid_binlog_pos'), 'so has the task');

$a->kill9;
$b->promote;
ok(goes_on_at($task, $b, 1), 'it goes on at the other server') or diag $task->report;
my ($file) = $b->log_end;
ok($pg->poll_query("SELECT applied_position LIKE '$file:%' FROM dtsmig.task_position", 30), 'a heartbeat has come') or diag $task->report;
like($pg->value('SELECT applied_position FROM dtsmig.task_position'), qr/;$applied(?:;|$)/, 'the state is not an older one');
$task->pause;
$task->resume;
ok(eval { $task->wait_for('incremental', 20); $task->catch_up(20); 1 }, 'it goes on after a pause') or diag $@, $task->report;

# again, at the third one, which has the rows in its log as well
$c->promote;
$b->kill9;
ok(goes_on_at($task, $c, 2), 'a second failover') or diag $task->report;
$c->sql('INSERT INTO f.t VALUES (2, 2)');
ok(eval { $task->catch_up(30); 1 }, 'caught up') or diag $@;
same_database($c, 'f', $pg, 'f', 'each row once');

# A table has been copied again up to the last transaction, which the task has
# not come to: it is in the copy at the next server, too.
my $d = Dts::MariaDB->new->start;
$d->replicate($c);
$task->sql(q{SELECT dtsmig.alter_task('f', '{"throttle_incremental_rows": 5}')});
sleep 2;
$c->sql('USE f; ' . join ' ', map { "INSERT INTO t VALUES ($_, 3);" } 1001 .. 1200);
$c->sql('INSERT INTO f.k VALUES (3)');
$task->sql("SELECT dtsmig.resync_table('f', 'f.k')");
ok($pg->poll_query('SELECT count(*) = 2 FROM f.k', 30), 'a table is copied again') or diag $task->report;
my $last = $c->value('SELECT @@global.gtid_binlog_pos');
ok(poll_until(sub { $d->value('SELECT @@global.gtid_binlog_pos') eq $last }, 60, 0.1), 'the fourth server has all');
unlike($pg->value('SELECT applied_position FROM dtsmig.task_position'), qr/;$last(?:;|$)/, 'the task has not come to it');
$d->promote;
$c->kill9;
ok(goes_on_at($task, $d, 3), 'a third failover') or diag $task->report;
$task->sql(q{SELECT dtsmig.alter_task('f', '{"throttle_incremental_rows": 0}')});
ok(eval { $task->catch_up(30); 1 }, 'caught up') or diag $@;
same_database($d, 'f', $pg, 'f', 'the row of the copy once');
$task->release;
done_testing();
