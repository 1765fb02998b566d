# Tables with several unique keys and no primary key: the source takes one of them
# for it, and an image that is not whole has the columns of that one alone. It is
# not always the one that comes first by name, and statements can make it another.
# Then a row that is repaired together with a statement that exchanges names of columns.
#
# dts-runs: mariadb
# dts-deep-runs: mysql-5.6, mysql-9.7
use strict;
use warnings;
use Test::More;
use Dts::Compare qw(same_database);
use Dts::Env qw(poll_until);
use Dts::Task qw(server_pair);
my ($my, $pg) = server_pair(kind => $ENV{DTS_KIND});
my $rows = join ', ', map { "('a$_', $_, $_, 'v$_')" } 1 .. 60;
$my->sql("CREATE DATABASE q; USE q;" . join '', map { my ($n, $k) = @$_; "CREATE TABLE $n (a varchar(20) NOT NULL, b int NOT NULL, c int, v varchar(20), $k); INSERT INTO $n VALUES $rows;" }
    [ 'k1', 'UNIQUE z (a), UNIQUE y (b)' ], [ 'k2', 'UNIQUE z (b), UNIQUE y (a)' ], [ 'k3', 'UNIQUE y (c), UNIQUE z (b), UNIQUE x (a)' ], [ 'k4', 'KEY p (c), UNIQUE zz (b, a), UNIQUE aa (b)' ], [ 'k5', 'UNIQUE z (a(10)), UNIQUE y (c), UNIQUE w (b)' ], [ 'k6', 'UNIQUE z (a), PRIMARY KEY (b)' ], [ 'k7', 'UNIQUE z (c), UNIQUE y (v)' ]);
$my->sql("USE q; ALTER TABLE k1 ADD UNIQUE a0 (b, a); ALTER TABLE k2 DROP KEY z, ADD UNIQUE zzz (b)");
$my->sql("CREATE TABLE q.r (id int PRIMARY KEY, a varchar(20), b varchar(20)); INSERT INTO q.r VALUES (1, 'a1', 'b1'), (2, 'a2', 'b2'), (3, 'a3', 'b3')");
my $task = Dts::Task->new($my, $pg, name => 'q', db => 'q')->start;
$task->wait_for('incremental', 60);
my $n = 0;
for my $image (qw(MINIMAL NOBLOB FULL))
{
    $n += 10;
    $my->sql("USE q; SET SESSION binlog_row_image = $image;" . join '', map { "UPDATE $_ SET v = '$image' WHERE b = 1 + $n; UPDATE $_ SET a = 'n$n' WHERE b = 2 + $n; UPDATE $_ SET b = 100 + $n WHERE a = 'a@{[3 + $n]}'; DELETE FROM $_ WHERE b = 4 + $n; UPDATE $_ SET c = NULL WHERE b = 5 + $n; UPDATE $_ SET a = 'm$n', b = 200 + $n WHERE b = 6 + $n; UPDATE $_ SET c = c + 1000 WHERE b = 7 + $n;" } map { "k$_" } 1 .. 7);
    ok(eval { $task->catch_up(40); 1 }, "$image: caught up") or diag $@;
    same_database($my, 'q', $pg, 'q', "$image: keys");
}
$my->sql("USE q; ALTER TABLE k1 DROP KEY z; ALTER TABLE k4 DROP KEY zz; ALTER TABLE k5 MODIFY c int; ALTER TABLE k6 DROP PRIMARY KEY; ALTER TABLE k3 DROP KEY z");
for my $image (qw(MINIMAL NOBLOB))
{
    $n += 10;
    $my->sql("USE q; SET SESSION binlog_row_image = $image;" . join '', map { "UPDATE $_ SET v = 'again $image' WHERE b = 1; UPDATE $_ SET a = 'p$image' WHERE b = 2; UPDATE $_ SET b = 500 + $n WHERE a = 'a3'; DELETE FROM $_ WHERE b = 4; INSERT INTO $_ VALUES ('a3$image', $n + 700, $n + 700, 'n$n'), ('a4$image', $n + 800, NULL, 'm$n');" } map { "k$_" } 1 .. 7);
    for (1 .. 2)
    {
        ok(eval { $task->catch_up(40); 1 }, "$image: caught up") or diag $@;
        ok(poll_until(sub { ($pg->try_value("SELECT count(*) FROM dtsmig.task_tables WHERE task = 'q' AND state <> 'ready'") // '') eq '0' }, 60), 'ready');
    }
    same_database($my, 'q', $pg, 'q', "$image: keys after DDL");
}
# repair with renames
$pg->sql("SET session_replication_role = replica; UPDATE q.r SET a = 'damaged' WHERE id = 2");
$pg->sql("SELECT count(*) FROM dtsmig.verify('q')");
$task->pause;
ok($task->wait_status('paused'), 'paused');
$pg->sql("SELECT dtsmig.repair('q')");
$my->sql("USE q; ALTER TABLE r CHANGE a b varchar(20), CHANGE b a varchar(20)");
$task->resume;
ok(poll_until(sub { ($pg->try_value("SELECT string_agg(DISTINCT state, ' ') FROM dtsmig.verify_results WHERE task = 'q'") // '') ne 'asked' }, 30), 'repaired');
ok(eval { $task->catch_up(30); 1 }, 'caught up');
ok(poll_until(sub { ($pg->try_value("SELECT count(*) FROM dtsmig.task_tables WHERE task = 'q' AND state <> 'ready'") // '') eq '0' }, 60), 'ready');
is($pg->value("SELECT string_agg(state || coalesce(error, ''), ' ') FROM dtsmig.verify_results WHERE task = 'q'"), 'repaired', 'it is');
ok(eval { $task->catch_up(30); 1 }, 'caught up');
same_database($my, 'q', $pg, 'q', "repair");
is($pg->value("SELECT count(*) FROM dtsmig.task_log WHERE task = 'q' AND severity = 'error'"), 0, 'without an error');
$task->release;
done_testing();
