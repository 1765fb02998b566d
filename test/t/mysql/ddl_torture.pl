# kill -9 in the middle of DDL: of the worker, of the whole destination server
# and of the source, again and again, while DDL and rows interleave. Each
# statement is replicated once, and afterwards the destination has the rows,
# columns and keys of a fresh migration.
#
# dts-runs: mariadb
# dts-deep-runs: mariadb-11.8, mysql-9.7
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);
use Dts::Compare qw(same_database);
use Dts::Env qw(poll_until reap);
use Dts::Shape qw(same_as_fresh);
use Dts::Task qw(server_pair);

my $rounds = $ENV{DTS_TORTURE} // ($ENV{DTS_DEEP} ? 16 : 8);
my $seed = $ENV{DTS_SEED} // time ^ $$;
srand $seed;
diag "DTS_SEED=$seed";

my ($my, $pg) = server_pair(kind => $ENV{DTS_KIND}, fsync => 1, conf => "max_wal_size = 1GB\nrestart_after_crash = on\nsynchronous_commit = off\nwal_writer_delay = 2s",
    my_args => ['--innodb-flush-log-at-trx-commit=1', '--sync-binlog=1']);
my $rows = join ', ', map { "($_, $_ % 9, 'v $_', '$_')" } 1 .. 2000;
$my->sql(<<"END");
CREATE DATABASE tor DEFAULT CHARACTER SET utf8mb4; USE tor;
CREATE TABLE a (id int PRIMARY KEY, n bigint, v varchar(60), w varchar(20)); INSERT INTO a VALUES $rows;
CREATE TABLE b (id int, n int, v varchar(60), w varchar(20)); INSERT INTO b VALUES $rows;
CREATE TABLE par (id int PRIMARY KEY, n int); INSERT INTO par SELECT id, n FROM a WHERE id <= 200;
CREATE TABLE chi (id int AUTO_INCREMENT PRIMARY KEY, par_id int, FOREIGN KEY (par_id) REFERENCES par (id) ON DELETE CASCADE); INSERT INTO chi (par_id) SELECT 1 + id % 200 FROM a;
END
my $task = Dts::Task->new($my, $pg, name => 'tor', db => 'tor', options => { batch_delay => 100 });
$task->start->wait_for('incremental', 90);

my $n = 0;
my $writer = $my->background(sub {
    sleep 0.004;
    my $id = 1 + int rand 2200;
    my $d = rand;
    $n++;
    return "UPDATE a SET n = n + 1 WHERE id = $id; UPDATE b SET n = n + 1 WHERE id = $id LIMIT 1;\n" if $d < 0.4;
    return "BEGIN; INSERT INTO a (id, n, v) VALUES (5000 + $n, 0, 'new'); INSERT INTO b (id, n, v) VALUES ($n, 0, 'new'); UPDATE a SET n = n + 1 WHERE id = $id; COMMIT;\n" if $d < 0.7;
    return "DELETE FROM b WHERE id = $id LIMIT 1; DELETE FROM a WHERE id = $id;\n" if $d < 0.8;
    return "SET SESSION binlog_row_image = " . (qw(FULL MINIMAL NOBLOB))[ $n % 3 ] . "; UPDATE IGNORE a SET id = 9000 + id WHERE id = $id; UPDATE IGNORE a SET id = id - 9000 WHERE id = 9000 + $id;\n" if $d < 0.85;
    my $p = 1 + $id % 200;
    return "BEGIN; DELETE FROM par WHERE id = $p; INSERT INTO par (id, n) VALUES ($p, $n); INSERT INTO chi (par_id) VALUES ($p), ($p); COMMIT;\n";
}, db => 'tor');

# Statements that are replicated as they are, that convert values, that copy a
# table again, and that make, rename and drop tables.
my $k = 0;
my @ddl = (
    sub { "ALTER TABLE a ADD COLUMN c$k int NOT NULL DEFAULT $k" },
    sub { "ALTER TABLE b ADD COLUMN c$k varchar(10) DEFAULT 'c$k' FIRST" },
    sub { "ALTER TABLE a MODIFY n " . ($k % 2 ? 'int' : 'bigint') . ", ADD INDEX i$k (n, v(5))" },
    sub { "ALTER TABLE a MODIFY w " . ($k % 2 ? 'varbinary(20)' : 'varchar(20)') },
    sub { "CREATE TABLE n$k LIKE a; INSERT INTO n$k SELECT * FROM a WHERE id % 5 = 0; ALTER TABLE n$k DROP COLUMN v" },
    sub { my $o = $k - 5; "DROP TABLE IF EXISTS n$o" },
    sub { "CREATE TABLE ctas$k (PRIMARY KEY (id)) AS SELECT id, n, v FROM a WHERE id % 3 = 0; UPDATE ctas$k SET n = n + 1 WHERE id < 900" },
    sub { my $o = $k - 9; "DROP TABLE IF EXISTS ctas$o; SET SESSION binlog_row_image = " . (qw(FULL MINIMAL NOBLOB))[ $k % 3 ] },
    sub { "CREATE TABLE swap$k LIKE b; INSERT INTO swap$k SELECT * FROM b WHERE id % 3 = 0; RENAME TABLE b TO old$k, swap$k TO b; DROP TABLE old$k" },
    sub { "ALTER TABLE chi ADD COLUMN x$k int, ADD UNIQUE KEY u$k (id, par_id)" },
    sub { "ALTER TABLE b MODIFY n " . ($k % 2 ? 'smallint' : 'decimal(10,2)') },
    sub { "TRUNCATE TABLE b; INSERT INTO b (id, n, v) SELECT id, n % 100, v FROM a" },
    sub { "ALTER TABLE par MODIFY n bigint, COMMENT 'round $k'" },
    sub { my $o = $k - 7; "ALTER TABLE chi DROP INDEX u$o, RENAME TO chi2; RENAME TABLE chi2 TO chi" },
);
my $ddl = $my->background(sub {
    sleep 0.1 + rand 0.3;
    my $sql = $ddl[ $k % @ddl ]->();
    $k++;
    return "$sql;\n";
}, db => 'tor');

my %did;
for my $round (1 .. $rounds)
{
    sleep 0.2 + rand 1.6;
    my $what = (qw(worker server worker source server worker))[ $round % 6 ];
    if ($what eq 'worker')
    {
        my @pids = $task->worker_pids;
        next unless @pids;
        kill 'KILL', $pids[ rand @pids ];
        poll_until(sub { defined $pg->try_value('SELECT 1') }, 60, 0.1);
    }
    elsif ($what eq 'server') { $pg->kill9; $pg->start; }
    else { $my->kill9; $my->start; }
    $did{$what}++;
    my $state;
    my $ok = poll_until(sub {
        $state = $pg->try_value("SELECT status FROM dtsmig.tasks WHERE name = 'tor'") // 'down';
        return $state =~ /^(running|failed)$/;
    }, 60, 0.1);
    is($state, 'running', "$round: comes back after the end of the $what") or do { diag $task->report; last };
}
poll_until(sub { ($pg->try_value("SELECT count(*) FROM dtsmig.task_log WHERE task = 'tor' AND message LIKE 'replicated:%'") // 0) >= 20 }, 120, 0.5);
reap($ddl, 'TERM');
reap($writer, 'TERM');
diag join ', ', map { "$_: $did{$_}" } sort keys %did;
ok(eval { $task->catch_up(180); 1 }, 'caught up') or diag $@;
cmp_ok($pg->value("SELECT count(*) FROM dtsmig.task_log WHERE task = 'tor' AND message LIKE 'replicated:%'"), '>=', 20, 'DDL was replicated');
is($pg->value("SELECT count(*) FROM (SELECT message, detail FROM dtsmig.task_log WHERE task = 'tor' AND message LIKE 'replicated: ALTER TABLE _ ADD COLUMN%' GROUP BY 1, 2 HAVING count(*) > 1) x"), 0, 'each statement once');
same_database($my, 'tor', $pg, 'tor', 'rows are equal');
same_as_fresh($task, 'columns and keys equal those of a fresh migration', db => 'tor');
done_testing();
