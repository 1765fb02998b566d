# Tables that are copied again while rows and DDL come: on request, and because
# of statements that only the source can follow. With keys and without, and
# with a foreign key's action between them. MySQL says of no snapshot where it
# stands.
#
# dts-runs: mariadb
# dts-deep-runs: mysql-5.6, mysql-9.7
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep);
use Dts::Compare qw(same_database);
use Dts::Env qw(poll_until reap);
use Dts::Task qw(server_pair);

for my $kind ($ENV{DTS_KIND} // 'mariadb')
{
    my ($my, $pg) = server_pair(kind => $kind);
    my $rows = join ', ', map { "($_, $_ % 40, 'v $_')" } 1 .. 3000;
    $my->sql(<<"END");
CREATE DATABASE again DEFAULT CHARACTER SET utf8mb4; USE again;
CREATE TABLE keyed (id int PRIMARY KEY, n int, v varchar(60)); INSERT INTO keyed VALUES $rows;
CREATE TABLE bare (id int, n int, v varchar(60)); INSERT INTO bare VALUES $rows;
CREATE TABLE bare2 (id int, n int, v varchar(60)); INSERT INTO bare2 VALUES $rows;
CREATE TABLE par (id int PRIMARY KEY, n int); INSERT INTO par SELECT id, n FROM keyed WHERE id <= 400;
CREATE TABLE chi (id int PRIMARY KEY, par_id int, FOREIGN KEY (par_id) REFERENCES par (id) ON DELETE CASCADE); INSERT INTO chi SELECT id, 1 + id % 400 FROM keyed;
END
    my $task = Dts::Task->new($my, $pg, name => 'again', db => 'again');
    $task->start->wait_for('incremental', 90);
    my $n = 0;
    my $writer = $my->background(sub {
        sleep 0.003;
        my $id = 1 + int rand 3200;
        my $d = rand;
        $n++;
        return "INSERT INTO keyed VALUES (10000 + $n, $n % 40, 'new'); INSERT INTO bare VALUES ($n, 1, 'new'), ($n, 1, 'new');\n" if $d < 0.3;
        return "UPDATE keyed SET n = n + 1 WHERE id = $id; UPDATE bare SET n = n + 1 WHERE id = $id LIMIT 1; UPDATE bare2 SET n = n + 1 WHERE id = $id;\n" if $d < 0.6;
        return "DELETE FROM keyed WHERE id = $id; DELETE FROM bare WHERE id = $id LIMIT 1; INSERT INTO bare2 VALUES ($id, 0, 'more');\n" if $d < 0.8;
        my $p = 1 + $id % 400;
        return "BEGIN; DELETE FROM par WHERE id = $p; INSERT INTO par VALUES ($p, $n); INSERT INTO chi VALUES (20000 + $n, $p); COMMIT;\n";
    }, db => 'again');
    for my $round (1 .. 4)
    {
        $pg->sql("SELECT dtsmig.resync_table('again', 'again.$_')") for qw(keyed bare bare2 par);
        sleep 0.3;
        my $to = $round % 2 ? 'varbinary(70)' : 'varchar(70)';
        # rows that only the source can convert: copied again
        $my->sql("ALTER TABLE keyed MODIFY v $to, ADD COLUMN c$round int DEFAULT $round FIRST; ALTER TABLE bare2 MODIFY v $to", db => 'again');
        $my->sql("ALTER TABLE keyed DROP COLUMN c$round; ALTER TABLE bare MODIFY n " . ($round % 2 ? 'bigint' : 'int'), db => 'again');
        ok(poll_until(sub { $pg->value("SELECT count(*) FROM dtsmig.task_tables WHERE task = 'again' AND state = 'resync'") eq '0' }, 60),
            "$kind: all are copied ($round)") or diag $task->report;
    }
    reap($writer, 'TERM');
    ok(eval { $task->catch_up(90); 1 }, "$kind: caught up") or diag $@;
    same_database($my, 'again', $pg, 'again', "$kind: equal");
    cmp_ok($pg->value("SELECT count(*) FROM dtsmig.task_log WHERE task = 'again' AND message LIKE '%is copied again%'"), '>=', 16, "$kind: copied again");
    is($pg->value("SELECT count(*) FROM dtsmig.task_log WHERE task = 'again' AND severity = 'error'"), 0, "$kind: without an error");

    # at rest: the writer's keys come free, and nothing is applied twice
    $task->pause;
    $task->wait_status('paused');
    $my->sql("UPDATE bare SET n = n + 1; DELETE FROM bare2 WHERE id % 5 = 0; UPDATE keyed SET n = -n WHERE id % 3 = 0; DELETE FROM par WHERE id % 7 = 0", db => 'again');
    # made like one whose copy will be from a later time
    $my->sql("ALTER TABLE keyed MODIFY v varbinary(70); CREATE TABLE twin LIKE keyed; INSERT INTO twin VALUES (1, 1, 'twin'); ALTER TABLE keyed ADD COLUMN later int; INSERT INTO twin VALUES (2, 2, 'twin')", db => 'again');
    $pg->sql("SELECT dtsmig.resync_table('again', 'again.$_')") for qw(bare bare2 par);
    $task->resume->catch_up(90);
    poll_until(sub { $pg->value("SELECT count(*) FROM dtsmig.task_tables WHERE task = 'again' AND state = 'resync'") eq '0' }, 60);
    $task->catch_up(60);
    same_database($my, 'again', $pg, 'again', "$kind: equal after a pause");
    $task->release;
    $pg->stop;
    $my->stop;
}
done_testing();
