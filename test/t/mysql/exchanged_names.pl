# Tables that exchange their names, pass them on, or are replaced, where some of
# them are copied again after that and the log has yet to report it. All have the
# same columns, so that rows of one would fit into the other.
#
# dts-runs: mariadb
# dts-deep-runs: mysql-5.6, mysql-9.7
use strict;
use warnings;
use Test::More;
use Dts::Compare qw(same_database);
use Dts::Env qw(poll_until);
use Dts::Task qw(server_pair);

my $kind = $ENV{DTS_KIND} // 'mariadb';
my ($my, $pg) = server_pair(kind => $kind);

my @kinds = qw(swap step chain made turn gone);

sub make
{
    my ($db) = @_;
    $my->sql("CREATE DATABASE $db DEFAULT CHARACTER SET utf8mb4");
    $my->sql(join('', map { my $t = $_; map { "CREATE TABLE $t$_ (id int PRIMARY KEY, v varchar(60)); INSERT INTO $t$_ VALUES (1, '$t$_'), (2, '$t$_'), (3, '$t$_'), (4, '$t$_');\n" } 1 .. 3 } @kinds), db => $db);
}

sub change
{
    my ($db) = @_;
    $my->sql(<<'END', db => $db);
INSERT INTO swap1 VALUES (10, 'before 1'); INSERT INTO swap2 VALUES (10, 'before 2'); DELETE FROM step1 WHERE id = 1; DELETE FROM step2 WHERE id = 2;
RENAME TABLE swap1 TO x, swap2 TO swap1, x TO swap2; INSERT INTO swap1 VALUES (20, 'was 2'); UPDATE swap2 SET v = 'was 1' WHERE id = 1;
ALTER TABLE step1 RENAME TO x; INSERT INTO x VALUES (20, 'x'); ALTER TABLE step2 RENAME TO step1; UPDATE step1 SET v = 'was 2' WHERE id = 3; ALTER TABLE x RENAME TO step2;
ALTER TABLE chain1 RENAME TO chain0; RENAME TABLE chain2 TO chain1; INSERT INTO chain1 VALUES (20, 'was 2'); ALTER TABLE chain3 RENAME TO chain2; DELETE FROM chain0 WHERE id = 1; UPDATE chain2 SET v = 'was 3' WHERE id = 2;
RENAME TABLE made1 TO old; CREATE TABLE made1 (id int PRIMARY KEY, v varchar(60)); INSERT INTO made1 VALUES (1, 'new'); UPDATE old SET v = 'old' WHERE id = 2; CREATE TABLE made LIKE made2; INSERT INTO made SELECT id, 'filled' FROM made2; RENAME TABLE made2 TO old2, made TO made2; DROP TABLE old2;
RENAME TABLE turn1 TO x, turn2 TO turn1, x TO turn2; UPDATE turn1 SET v = 'turned' WHERE id = 1; RENAME TABLE turn1 TO x, turn2 TO turn1, x TO turn2; INSERT INTO turn1 VALUES (20, 'back');
DROP TABLE gone1; RENAME TABLE gone2 TO gone1; INSERT INTO gone1 VALUES (20, 'was 2');
END
}

# Rows after all that, which go where the names say.
sub more
{
    my ($db) = @_;
    $my->sql(join('', map { "INSERT INTO $_ VALUES (90, 'after'); DELETE FROM $_ WHERE id = 4;\n" }
          qw(swap1 swap2 step1 step2 chain0 chain1 chain2 made1 made2 old turn1 turn2 gone1)), db => $db);
}

# one of two is copied again, the other, both, or none
my %again = (one => [1], two => [2], last => [ 2, 3 ], every => [ 1, 2, 3 ], none => []);
for my $round (sort keys %again)
{
    my $what = "$kind: $round";
    make($round);
    my $task = Dts::Task->new($my, $pg, name => $round, db => $round);
    $task->start->wait_for('incremental', 90);
    $task->pause;
    ok($task->wait_status('paused'), "$what: paused");
    change($round);
    for my $t (@kinds)
    {
        $pg->sql("SELECT dtsmig.resync_table('$round', '$round.$t$_')") for @{ $again{$round} };
    }
    $task->resume;
    more($round);
    ok(eval { $task->catch_up(60); 1 }, "$what: the task goes on") or diag $@;
    ok(poll_until(sub { ($pg->try_value("SELECT count(*) FROM dtsmig.task_tables WHERE task = '$round' AND state <> 'ready'") // '') eq '0' }, 30), "$what: all are copied") or diag $task->report;
    ok(eval { $task->catch_up(60); 1 }, "$what: caught up") or diag $@;
    same_database($my, $round, $pg, $round, "$what: equal") or diag $task->report;
    is($pg->value("SELECT count(*) FROM dtsmig.task_log WHERE task = '$round' AND severity = 'error'"), 0, "$what: without an error");
    $task->release;
}
$pg->stop;
$my->stop;
done_testing();
