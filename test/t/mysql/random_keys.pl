# At random: transactions of a MySQL-family source that move keys, use them
# again, and write rows and their children with every row image, while tables
# are copied by ranges and copied again, and the destination is killed. In the
# end both sides are equal.
#
# DTS_SEED: the seed, which is printed; DTS_SECONDS: for how long (15).
#
# dts-runs: mariadb, mysql-9.7
# dts-deep-runs: mysql-5.6, mariadb-11.8
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);
use Dts::Compare qw(same_database);
use Dts::Env qw(poll_until);
use Dts::Task qw(server_pair);

# a change does not fail by a seed that nobody has seen before; these have found something
my $seed = $ENV{DTS_SEED} // ($ENV{CI} && !$ENV{DTS_DEEP} ? ($ENV{DTS_KIND} ? 32321 : 50652) : int(time) % 1_000_000);
my $seconds = $ENV{DTS_SECONDS} // 15;
srand $seed;
note("seed $seed");
print "# counts: seed $seed\n";

my ($my, $pg) = server_pair(kind => $ENV{DTS_KIND});
my $rows = sub { my ($f) = @_; join ', ', map { $f->($_) } 1 .. 4000 };
$my->sql('CREATE DATABASE k; USE k;
    CREATE TABLE t (id int PRIMARY KEY, n int, v varchar(40), b text); INSERT INTO t VALUES ' . $rows->(sub { "($_[0], 0, 'v', REPEAT('b', 60))" }) . ';
    CREATE TABLE two (a int, c int, n int, v varchar(40), PRIMARY KEY (a, c)); INSERT INTO two VALUES ' . $rows->(sub { "($_[0], 0, 0, 'w')" }) . ';
    CREATE TABLE par (id int PRIMARY KEY, n int); INSERT INTO par SELECT id, 0 FROM t;
    CREATE TABLE chi (id int PRIMARY KEY, par_id int, n int, FOREIGN KEY (par_id) REFERENCES par (id) ON DELETE CASCADE ON UPDATE CASCADE); INSERT INTO chi SELECT id, id, 0 FROM t;
    CREATE TABLE gra (id int PRIMARY KEY, chi_id int, FOREIGN KEY (chi_id) REFERENCES chi (id) ON DELETE CASCADE ON UPDATE SET NULL); INSERT INTO gra SELECT id, id FROM t;
    CREATE TABLE nokey (code int, v varchar(10), w int, KEY (code)); INSERT INTO nokey SELECT id % 50, \'n\', id FROM t WHERE id <= 200;');

# Few keys, so that they meet.
sub key { return rand() < 0.5 ? 1 + int rand 4000 : (1, 1000, 2000, 3000, 4000, 5000, -1)[rand 7] + int rand 4 }

sub statement
{
    my ($x, $y) = (key(), key());
    my @s = (
        "UPDATE IGNORE t SET id = $y WHERE id = $x", "UPDATE IGNORE t SET id = $y, v = 'm' WHERE id = $x",
        "UPDATE t SET n = n + 1 WHERE id = $x", "DELETE FROM t WHERE id = $x", "REPLACE INTO t VALUES ($x, 1, 'r', 'r')",
        "INSERT IGNORE INTO t (id, n) VALUES ($x, 7)", "UPDATE t SET b = REPEAT('z', 50) WHERE id = $x",
        "UPDATE IGNORE two SET a = $y WHERE a = $x", "UPDATE IGNORE two SET c = c + 1 WHERE a = $x", "UPDATE two SET n = n + 1 WHERE a = $x", "INSERT IGNORE INTO two VALUES ($x, 0, 5, 'i')",
        "UPDATE IGNORE par SET id = $y WHERE id = $x", "DELETE FROM par WHERE id = $x", "DELETE FROM chi WHERE id = $x", "INSERT IGNORE INTO par VALUES ($x, 1)",
        "INSERT IGNORE INTO chi SELECT $y, id, 3 FROM par WHERE id = $x", "INSERT IGNORE INTO gra SELECT $y, id FROM chi WHERE id = $x",
        "UPDATE nokey SET w = w + 1 WHERE code = " . int(rand 50), "UPDATE nokey SET code = code + 1 WHERE w = $x");
    return $s[rand @s];
}

sub transaction
{
    my $n = 1 + int rand 4;
    return "SET SESSION binlog_row_image = '" . (qw(MINIMAL NOBLOB FULL))[rand 3] . "'; BEGIN; "
      . join('; ', map { statement() } 1 .. $n) . (rand() < 0.1 ? '; ROLLBACK;' : '; COMMIT;');
}

my $task = Dts::Task->new($my, $pg, name => 'k', db => 'k',
    options => { copy_workers => 2, rows_per_range => 1000, throttle_full_rows => 3000 })->start;
my $writer = $my->background(sub { sleep 0.003; transaction() }, db => 'k');
my $end = time + $seconds;
my ($kills, $copies) = (0, 0);
while (time < $end)
{
    sleep 1 + rand 3;
    my $dice = rand;
    if ($dice < 0.35) { $kills++; $pg->kill9; $pg->start; }
    elsif ($dice < 0.7 && ($task->phase // '') eq 'incremental')
    {
        $copies++;
        $pg->try_value("SELECT dtsmig.resync_table('k', 'k." . (qw(t two par chi gra))[rand 5] . "')");
    }
    last if ($pg->try_value("SELECT status FROM dtsmig.tasks WHERE name = 'k'") // '') eq 'failed';
}
Dts::Env::reap($writer, 'TERM', 20);
$pg->try_value("SELECT dtsmig.alter_task('k', '{\"throttle_full_rows\": 0}')");
ok(eval { $task->wait_for('incremental', 120); 1 }, "the task runs (seed $seed, $kills crashes, $copies copies)") or diag $@;
ok(poll_until(sub { ($pg->try_value("SELECT count(*) FROM dtsmig.task_tables WHERE task = 'k' AND state <> 'ready'") // '') eq '0' }, 60), 'no table waits') or diag $task->report;
ok(eval { $task->catch_up(90); 1 }, 'caught up') or diag $@;
same_database($my, 'k', $pg, 'k', "equal (seed $seed)");
done_testing();
