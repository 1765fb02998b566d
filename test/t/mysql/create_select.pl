# CREATE TABLE … SELECT of a source that logs it with its rows in one
# transaction: a pause and a crash between the statement and its rows, and one
# that has its table copied again.
#
# dts-runs: mariadb, mysql-9.7
# dts-deep-runs: mariadb-11.8
use strict;
use warnings;
use Test::More;
use Dts::Compare qw(same_database);
use Dts::Env qw(poll_until);
use Dts::Task qw(server_pair);

my ($my, $pg) = server_pair(kind => $ENV{DTS_KIND});
my $rows = join ', ', map { "($_, $_)" } 1 .. 1500;
$my->sql("CREATE DATABASE c; USE c; CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t VALUES $rows; CREATE TABLE r (id int PRIMARY KEY, v int); INSERT INTO r VALUES (1, 1)");
my (undef, undef, $refused) = $my->mariadb('CREATE DATABASE probe; USE probe; CREATE TABLE p AS SELECT * FROM c.t');
plan skip_all => 'this source refuses it' if $refused =~ /ENFORCE_GTID_CONSISTENCY/;
my $task = Dts::Task->new($my, $pg, name => 'c', db => 'c', options => { batch_delay => 0, throttle_incremental_rows => 200 })->start;
$task->wait_for('incremental', 60);
sub slowly { $pg->sql("SELECT dtsmig.alter_task('c', '{\"throttle_incremental_rows\": $_[0]}')") }
sub same
{
    my ($what) = @_;
    ok(poll_until(sub { ($pg->try_value("SELECT count(*) FROM dtsmig.task_tables WHERE task = 'c' AND state <> 'ready'") // '') eq '0' }, 30), "$what: no table waits") or diag $task->report;
    ok(eval { $task->catch_up(60); 1 }, "$what: caught up") or diag $@;
    same_database($my, 'c', $pg, 'c', $what);
}
sub created { my ($t) = @_; return poll_until(sub { defined $pg->try_value("SELECT 1 FROM c.$t LIMIT 1") }, 30, 0.02) }

slowly(200); sleep 3;
$my->sql('USE c; CREATE TABLE a (PRIMARY KEY (id)) AS SELECT * FROM t; INSERT INTO a VALUES (5000, 1)');
ok(created('a'), 'the table is made');
$task->pause;
is($pg->value('SELECT count(*) FROM c.a'), '0', 'a pause before its rows');
slowly(0);
$task->resume;
ok(eval { $task->wait_for('incremental', 60); 1 }, 'it goes on') or diag $@;
same('a pause');

slowly(200); sleep 3;
$my->sql('USE c; CREATE TABLE b AS SELECT id, v + 1 AS w FROM t; INSERT INTO t VALUES (6000, 1)');
ok(created('b'), 'another one');
$pg->kill9;
$pg->start;
slowly(0);
ok(eval { $task->wait_for('incremental', 60); 1 }, 'it goes on') or diag $@;
same('a crash');

# its rows are in a copy that is made because of the statement
$my->sql($my->{mysql} ? 'USE c; DROP TABLE r; CREATE TABLE r (PRIMARY KEY (id)) AS SELECT id, v FROM t'
    : 'USE c; CREATE OR REPLACE TABLE r (PRIMARY KEY (id)) AS SELECT id, v FROM t; CREATE TABLE IF NOT EXISTS r AS SELECT 1 AS id');
same('a table replaced');
$my->sql('USE c; RENAME TABLE r TO r2; CREATE TABLE r (PRIMARY KEY (id)) AS SELECT id, v FROM r2 WHERE id < 100; UPDATE r SET v = 0; INSERT INTO r2 VALUES (9000, 1)');
same('names reused');
$pg->sql("SELECT dtsmig.resync_table('c', 'c.a')");
$my->sql('USE c; CREATE TABLE d (PRIMARY KEY (id)) AS SELECT id, v FROM t; CREATE TABLE e AS SELECT id, v FROM t WHERE id < 50; DELETE FROM e WHERE id < 10');
same('during a copy');
done_testing();
