# The catalog is behind the ledger of a destination elsewhere by a statement, for the
# reply to its COMMIT there was lost, when its table is to be copied again: the
# definitions that are there already are followed first.
use strict;
use warnings;
use Test::More;
use Dts::Compare qw(same_database);
use Dts::Env qw(poll_until);
use Dts::Postgres;
use Dts::Proxy;
use Dts::Task qw(server_pair);

my ($my, $hub) = server_pair();
my $dst = Dts::Postgres->new(preload => 0)->start;
my $line = Dts::Proxy->new(port => $dst->{port});
$my->sql(<<'END');
CREATE DATABASE b DEFAULT CHARACTER SET utf8mb4; USE b;
CREATE TABLE t (id int PRIMARY KEY, a int, v varchar(20)); INSERT INTO t VALUES (1, 1, 'x'), (2, 2, 'y'), (3, 3, 'z');
CREATE TABLE o (id int PRIMARY KEY, v varchar(50)); INSERT INTO o VALUES (1, 'x');
END
my $task = Dts::Task->new($my, $hub, name => 'b', db => 'b', destination => $dst, destination_port => $line->{port});
$task->start->wait_for('incremental', 60);
for my $case (
    [ 'a column', 'ALTER TABLE t DROP COLUMN a, ADD COLUMN more int NOT NULL DEFAULT 5', "UPDATE t SET more = 6 WHERE id = 1; INSERT INTO t VALUES (4, 'new', 7)" ],
    [ 'another type', 'ALTER TABLE t MODIFY v varchar(40), ADD KEY v (v)', "INSERT INTO t VALUES (5, REPEAT('x', 40), 7)" ],
    [ 'another name of a column', 'ALTER TABLE t CHANGE more least bigint NOT NULL', 'UPDATE t SET least = 5000000000 WHERE id = 2' ])
{
    my ($what, $ddl, $after) = @$case;
    $line->lose('reply');
    $my->sql("USE b; $ddl");
    ok(poll_until(sub { $line->lost }, 30, 0.05), "$what: a reply is lost");
    $line->cut;
    isnt($dst->value("SELECT value FROM dtsmig_ledger.dtsmig_ledger WHERE key = 'position'"), $task->get('applied_position'), "$what: the ledger is ahead of the catalog");
    $dst->sql("SET session_replication_role = replica; UPDATE b.t SET v = 'other' WHERE id = 3");
    $hub->sql("SELECT dtsmig.resync_table('b', 'b.t')");
    $my->sql("USE b; $after; UPDATE o SET v = '$what'");
    $line->forward;
    $task->catch_up(60);
    ok($hub->poll_query("SELECT count(*) FROM dtsmig.task_tables WHERE task = 'b' AND state <> 'ready'", 60, '0'), "$what: the table is copied again") or diag $task->report;
    same_database($my, 'b', $dst, 'b', $what);
}
is($hub->value("SELECT count(*) FROM dtsmig.verify('b')"), 0, 'a verification finds nothing');
is($hub->value("SELECT count(*) FROM dtsmig.task_log WHERE task = 'b' AND severity = 'error'"), 0, 'nothing has failed on the way') or diag $task->report;
$task->release->drop;
done_testing();
