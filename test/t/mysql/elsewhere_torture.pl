# The destination is another server, and everything between dies: kill -9 of the
# hub and of the destination, its sessions ended, the line to it swallowed and
# cut, so that replies to COMMIT are lost; in the load and while changes and DDL
# flow. Afterwards both ends are equal, keyless tables and counters included, and
# the catalog has followed the ledger.
#
# dts-runs: mariadb
# dts-deep-runs: mysql-9.7
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);
use Dts::Compare qw(compare_tables);
use Dts::Env qw(poll_until reap);
use Dts::Postgres;
use Dts::Proxy;
use Dts::Task qw(server_pair);

my $rounds = $ENV{DTS_TORTURE} // ($ENV{DTS_DEEP} ? 24 : 8);
my $seed = $ENV{DTS_SEED} // time ^ $$;
srand $seed;
diag "DTS_SEED=$seed";

my ($my, $hub) = server_pair(preload => 1, fsync => 1, my_args => ['--innodb-flush-log-at-trx-commit=1', '--sync-binlog=1']);
my $dst = Dts::Postgres->new(preload => 0, fsync => 1)->start;
my $line = Dts::Proxy->new(port => $dst->{port});

my $digits = '(SELECT 0 d UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9)';
$my->sql(<<"END");
SET NAMES utf8mb4;
CREATE DATABASE tor DEFAULT CHARACTER SET utf8mb4; USE tor;
CREATE TABLE seq (seq int PRIMARY KEY);
INSERT INTO seq SELECT a.d + 10 * b.d + 100 * c.d + 1000 * d.d + 10000 * e.d FROM $digits a, $digits b, $digits c, $digits d, $digits e WHERE e.d < 4;
CREATE TABLE counter (id int PRIMARY KEY, n bigint NOT NULL, u int, UNIQUE KEY u (u));
INSERT INTO counter SELECT seq, 0, seq FROM seq WHERE seq < 100;
CREATE TABLE events (a int, b varchar(20), c decimal(8,2));
INSERT INTO events SELECT seq % 50, CONCAT('e', seq % 7), seq % 3 FROM seq WHERE seq < 5000;
CREATE TABLE big (id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY, k int NOT NULL, c varchar(120), t datetime(6), KEY k (k));
INSERT INTO big (k, c, t) SELECT seq % 1000, CONCAT('row ', seq, REPEAT(' pad', 10)), '2020-01-01' + INTERVAL seq SECOND FROM seq;
CREATE TABLE parent (id int PRIMARY KEY, v int); INSERT INTO parent SELECT seq, 0 FROM seq WHERE seq < 200;
CREATE TABLE child (id int AUTO_INCREMENT PRIMARY KEY, parent_id int NOT NULL, v int, FOREIGN KEY (parent_id) REFERENCES parent (id) ON DELETE CASCADE);
INSERT INTO child (parent_id, v) SELECT seq % 200, seq FROM seq WHERE seq < 1000;
END

my @writers = map {
    my $w = $_;
    $my->background(sub {
        sleep 0.01;
        my $d = rand;
        my $id = 1 + int rand 99;
        my $big = 1 + int rand 40000;
        my $p = int rand 200;
        return "UPDATE counter SET n = n + 1 WHERE id = $id;\n" if $d < 0.3;
        return "BEGIN; UPDATE counter SET n = n + 1 WHERE id = $id; INSERT INTO events VALUES ($id, 'w$w', 1); UPDATE big SET k = k + 1 WHERE id = $big; COMMIT;\n" if $d < 0.5;
        return "INSERT INTO big (k, c, t) VALUES ($id, 'new', NOW(6));\n" if $d < 0.6;
        return "DELETE FROM big WHERE id BETWEEN $big AND $big + 3;\n" if $d < 0.68;
        return "DELETE FROM events WHERE a = " . ($id % 50) . " LIMIT 2;\n" if $d < 0.76;
        return "BEGIN; DELETE FROM parent WHERE id = $p; INSERT IGNORE INTO parent VALUES ($p, $id); INSERT INTO child (parent_id, v) VALUES ($p, 1), ($p, 2); COMMIT;\n" if $d < 0.86;
        return "BEGIN; UPDATE counter SET u = NULL WHERE id = $id; UPDATE counter SET u = 1000 + $id WHERE id = $id; COMMIT;\n" if $d < 0.92;
        return "UPDATE big SET t = NOW(6), c = CONCAT('u', k) WHERE id BETWEEN $big AND $big + 50;\n";
    }, db => 'tor');
} 1 .. 2;

my $slow = Dts::Proxy->new(port => $my->{port});
$slow->delay(20);
my $task = Dts::Task->new($my, $hub, name => 'tor', db => 'tor', port => $slow->{port}, destination => $dst,
    destination_port => $line->{port}, options => { copy_workers => 2, rows_per_range => 8000, batch_delay => 100 });
$task->start;

my ($kills, $columns, %did) = (0, 0);

sub where
{
    return $hub->try_value(q{SELECT concat_ws('/', status, phase, step) FROM dtsmig.tasks WHERE name = 'tor'}) // 'down';
}

sub strike
{
    my ($what) = @_;
    my $at = where();
    if ($what eq 'hub') { $hub->kill9; $hub->start; }
    elsif ($what eq 'destination') { $dst->kill9; sleep rand 0.5; $dst->start; }
    elsif ($what eq 'session')
    {
        $dst->try_value("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name LIKE 'dtsmig%'");
    }
    elsif ($what eq 'line')
    {
        # what is on its way arrives nowhere; the server goes on by itself
        $line->swallow;
        sleep rand 0.3;
        $line->cut;
        $line->forward;
    }
    (my $step = $at) =~ s{^[^/]*/}{};
    $did{"$what in $step"}++;
    $kills++;
}

sub running_again
{
    return poll_until(sub {
        my $s = where();
        die 'the task failed: ' . $task->report if $s =~ /^failed/;
        return $s =~ m{^running} ? $s : undef;
    }, 60, 0.1);
}

my @what = qw(line hub destination session);
my $in_full = 0;
while ($in_full < $rounds / 2)
{
    sleep 0.2 + rand 0.8;
    my $at = where();
    last if $at =~ /changes/;
    next if $at eq 'down' || $at =~ m{new$};
    strike($what[ $in_full++ % 4 ]);
    ok(running_again(), "comes back ($kills: $at)") or BAIL_OUT($task->report);
}
$slow->delay(0);
eval { $task->wait_for('incremental', 200); 1 } or BAIL_OUT($@);
while ($kills < $rounds)
{
    sleep 0.3 + rand 1.2;
    # definitions change as well: the catalog has to follow
    $my->sql("ALTER TABLE tor.big ADD COLUMN x$columns int DEFAULT $columns") if rand() < 0.6;
    $columns++;
    sleep rand 0.4;
    my $at = where();
    strike($what[ $kills % 4 ]);
    ok(running_again(), "comes back ($kills: $at)") or BAIL_OUT($task->report);
}
reap($_, 'TERM') for @writers;
note "$_: $did{$_}" for sort keys %did;
ok(eval { $task->catch_up(120); 1 }, 'caught up') or diag $@;
my @tables = qw(counter events big parent child);
my @diffs = compare_tables($my, $dst, [ map { [ "tor.$_", "tor.$_" ] } @tables ]);
ok($diffs[$_] eq '', "$tables[$_] is equal") or diag $diffs[$_] for 0 .. $#tables;
cmp_ok($my->value('SELECT SUM(n) FROM tor.counter'), '>', 30, 'there was load');
is($dst->value("SELECT value FROM dtsmig_ledger.dtsmig_ledger WHERE key = 'position'"), $task->get('applied_position'), 'ledger and catalog agree');
is($dst->value("SELECT count(*) FROM pg_indexes WHERE schemaname = 'tor'"), 8, 'all indexes are there');
is($dst->value("SELECT count(*) FROM pg_constraint WHERE conrelid = 'tor.child'::regclass AND contype = 'f'"), 1, 'the foreign key too');
done_testing();
