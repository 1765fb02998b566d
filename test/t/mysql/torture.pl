# kill -9, again and again, under load: of a worker, of the whole destination
# server and of MariaDB, in the schema phase, the full load, the index builds
# and while changes flow. Afterwards both sides are equal, keyless tables
# included, and every counter has been applied exactly once. Row images are not
# always whole, keys move between ranges of the copy, positions have very many
# GTIDs, rows are replaced, tables are made of a SELECT and dropped again, the
# destination commits asynchronously by default, and once the foreign key is
# there the source makes rows that do not hold it.
# DTS_DEEP=1: 24 kills, not 8, and seven times the rows in the largest table (twice
# as many with another kind of source).
#
# dts-runs: mariadb, mysql-9.7
# dts-deep-runs: mysql-5.6, mariadb-11.8
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);
use Dts::Compare qw(compare_tables);
use Dts::Env qw(poll_until reap tmpdir);
use Dts::Proxy;
use Dts::Task qw(server_pair);

my $size = !$ENV{DTS_DEEP} ? 60000 : $ENV{DTS_KIND} ? 120000 : 400000;
my $rounds = $ENV{DTS_TORTURE} // ($ENV{DTS_DEEP} ? 24 : 8);
my $seed = $ENV{DTS_SEED} // time ^ $$;
srand $seed;
diag "DTS_SEED=$seed";

my $third = int $size / 3;
my ($my, $pg) = server_pair(preload => 1, fsync => 1, my_args => ['--innodb-flush-log-at-trx-commit=1', '--sync-binlog=1'],
    conf => "max_wal_size = 1GB\nrestart_after_crash = on\nsynchronous_commit = off\nwal_writer_delay = 2s");
# MySQL has no table of numbers, 5.6 no JSON.
sub setup_sql
{
    my ($sql) = @_;
    return $sql unless $my->{mysql};
    $sql =~ s/\bj json\b/j text/ if $my->{version} < 50708;
    $sql =~ s/seq_1_to_(\d+)/(SELECT seq FROM numbers.n WHERE seq <= $1) s/g;
    my $numbers = 'SELECT 1 + a.d + 10 * b.d + 100 * c.d + 1000 * d.d + 10000 * e.d + 100000 * f.d AS seq FROM '
      . join(', ', map { "numbers.d $_" } 'a' .. 'f');
    return "CREATE DATABASE numbers; CREATE TABLE numbers.d (d int); INSERT INTO numbers.d VALUES "
      . join(', ', map { "($_)" } 0 .. 9)
      . "; CREATE TABLE numbers.n (seq int PRIMARY KEY); INSERT INTO numbers.n $numbers HAVING seq <= 120000;\n$sql";
}

$my->sql(setup_sql(<<"END"));
SET NAMES utf8mb4;
CREATE DATABASE tor DEFAULT CHARACTER SET utf8mb4; USE tor;
CREATE TABLE counter (id int PRIMARY KEY, n bigint NOT NULL, note varchar(40), u int, UNIQUE KEY u (u));
INSERT INTO counter SELECT seq, 0, CONCAT('counter ', seq), seq FROM seq_1_to_200;
CREATE TABLE events (a int, b varchar(20), c decimal(8,2));
INSERT INTO events SELECT seq % 50, CONCAT('e', seq % 7), seq % 3 FROM seq_1_to_60000;
CREATE TABLE big (id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY, k int NOT NULL, c varchar(120), t datetime(6), e enum('a','b','c'), j json, KEY k (k), KEY c (c(20)));
INSERT INTO big (k, c, t, e, j) SELECT seq % 1000, CONCAT('row ', seq, REPEAT(' pad', 10)), '2020-01-01' + INTERVAL seq SECOND, 1 + seq % 3, '{"a": 1}' FROM seq_1_to_$size;
CREATE TABLE parent (id int PRIMARY KEY, v int); INSERT INTO parent SELECT seq, 0 FROM seq_1_to_500;
CREATE TABLE child (id int AUTO_INCREMENT PRIMARY KEY, parent_id int NOT NULL, v int, FOREIGN KEY (parent_id) REFERENCES parent (id) ON DELETE CASCADE);
INSERT INTO child (parent_id, v) SELECT 1 + seq % 500, seq FROM seq_1_to_5000;
CREATE TABLE docs (id int PRIMARY KEY, v varchar(20), b text, c blob); INSERT INTO docs SELECT seq, 'v', CONCAT('text ', seq), 'blob' FROM seq_1_to_300;
END

# Transactions of forty servers, or domains.
my $gtids = !$my->{mysql} || $my->{version} >= 50708;
if ($gtids)
{
    $my->sql('CREATE TABLE tor.many (id int PRIMARY KEY, v int);' . join "\n", map {
        $my->{mysql} ? sprintf("SET GTID_NEXT = '%08x-1111-2222-3333-444444444444:1'; INSERT INTO tor.many VALUES (%d, 0); SET GTID_NEXT = 'AUTOMATIC';", $_, $_)
          : "SET gtid_domain_id = $_; INSERT INTO tor.many VALUES ($_, 0);"
    } 1 .. 40);
}

my $orphans = tmpdir() . '/orphans';
my @writers = map {
    my $w = $_;
    $my->background(sub {
        sleep 0.004;
        my $d = rand;
        my $id = 1 + int rand 200;
        my $big = 1 + int rand $size;
        my $p = 1 + int rand 500;
        return 'SET SESSION binlog_row_image = ' . (qw(FULL MINIMAL NOBLOB))[ rand 3 ] . ";\n" if rand() < 0.03;
        return "DROP TABLE IF EXISTS made$w; CREATE TABLE made$w (id int PRIMARY KEY, v int) SELECT id, k AS v FROM big WHERE id < 50 + $id; UPDATE made$w SET v = v + 1 WHERE id % 2 = 0;\n" if $d < 0.002;
        return "REPLACE INTO docs (id, v) VALUES ($id, 'replaced');\n" if $d < 0.004;
        return "UPDATE docs SET v = 'u$id'" . ($id % 2 ? ", b = 'changed'" : '') . " WHERE id = $id;\n" if $d < 0.012;
        return "UPDATE IGNORE big SET id = 500000 + $big WHERE id = $big;\n" if $d < 0.02;
        return "UPDATE IGNORE big SET id = $big WHERE id >= 500000 ORDER BY id LIMIT 1;\n" if $d < 0.04;
        return "BEGIN; UPDATE big SET id = 4000000 + $w WHERE id = $big; UPDATE IGNORE big SET id = $big WHERE id = $big + $third; UPDATE IGNORE big SET id = $big + $third WHERE id = 4000000 + $w; COMMIT;\n" if $d < 0.05;
        return "SET foreign_key_checks = 0; INSERT INTO child (parent_id, v) VALUES (9000 + $p, $id); DELETE FROM parent WHERE id = $p; UPDATE child SET v = v + 1 WHERE parent_id > 9000 LIMIT 3; SET foreign_key_checks = 1;\n" if $d < 0.08 && -e $orphans;
        return "UPDATE counter SET n = n + 1 WHERE id = $id;\n" if $d < 0.3;
        return "BEGIN; UPDATE counter SET n = n + 1 WHERE id = $id; INSERT INTO events VALUES ($id, 'w$w', $d); UPDATE big SET k = k + 1 WHERE id = $big; COMMIT;\n" if $d < 0.5;
        return "INSERT INTO big (k, c, t, e, j) VALUES ($id, 'new', NOW(6), 'b', '[1, 2]');\n" if $d < 0.6;
        return "DELETE FROM big WHERE id BETWEEN $big AND $big + 3;\n" if $d < 0.68;
        return "DELETE FROM events WHERE a = " . ($id % 50) . " LIMIT 2;\n" if $d < 0.74;
        return "UPDATE events SET c = c + 1 WHERE a = " . ($id % 50) . " LIMIT 2;\n" if $d < 0.8;
        return "BEGIN; DELETE FROM parent WHERE id = $p; INSERT IGNORE INTO parent VALUES ($p, $id); INSERT INTO child (parent_id, v) VALUES ($p, 1), ($p, 2); COMMIT;\n" if $d < 0.9;
        return "BEGIN; UPDATE counter SET u = NULL WHERE id = $id; UPDATE counter SET u = 1000 + $id WHERE id = $id; COMMIT;\n" if $d < 0.95;
        return "UPDATE big SET t = NOW(6), c = CONCAT('u', k) WHERE id BETWEEN $big AND $big + 50;\n";
    }, db => 'tor');
} 1 .. 2;

# A slow line makes the copy last long enough to be hit.
my $proxy = Dts::Proxy->new(port => $my->{port});
$proxy->delay(25);
my $task = Dts::Task->new($my, $pg, name => 'tor', db => 'tor', port => $proxy->{port},
    options => { copy_workers => 2, rows_per_range => int($size / 6), batch_delay => 200 });
$task->start;
# the commit that started it is asynchronous, too
$pg->sql('CHECKPOINT');

my %did;
my $kills = 0;

sub where
{
    my $v = $pg->try_value(q{SELECT concat_ws('/', status, phase, step) FROM dtsmig.tasks WHERE name = 'tor'});
    return $v // 'down';
}

sub strike
{
    my ($what) = @_;
    my $at = where();
    if ($what eq 'worker')
    {
        my @pids = $task->worker_pids;
        return 0 unless @pids;
        kill 'KILL', $pids[ rand @pids ];
        # The server takes all processes down and comes back by itself.
        poll_until(sub { defined $pg->try_value('SELECT 1') }, 60, 0.1);
    }
    elsif ($what eq 'terminate')
    {
        my $v = $pg->try_value("SELECT string_agg(pg_terminate_backend(pid)::text, '') FROM (SELECT pid FROM pg_stat_activity WHERE backend_type LIKE 'dtsmig%' AND backend_type NOT LIKE '%launcher%' ORDER BY random() LIMIT 1) x");
        return 0 unless ($v // '') ne '';
    }
    elsif ($what eq 'server') { $pg->kill9; $pg->start; }
    elsif ($what eq 'mariadb') { $my->kill9; sleep rand 1; $my->start; }
    (my $step = $at) =~ s{^[^/]*/}{};
    $did{"$what in $step"}++;
    $kills++;
    return 1;
}

# A retrying or failed task comes back by itself; one that failed for good
# would show here.
sub running_again
{
    return poll_until(sub {
        my $s = where();
        die "the task failed: " . $task->report if $s =~ /^failed/ && $_[0];
        return $s =~ m{^running} ? $s : undef;
    }, 60, 0.1);
}

my @what = qw(worker server mariadb terminate);
my $in_full = 0;
# The first part while it copies; the pauses let some work be done between.
while ($in_full < $rounds / 2)
{
    sleep 0.2 + rand 1.2;
    my $at = where();
    last if $at =~ m{/incremental} && $at =~ /changes/;
    # more than one before the copy would leave none for it
    next if $at eq 'down' || ($in_full && $at =~ m{new$});
    $in_full++ if strike($what[ $in_full % 4 ]);
    ok(running_again(), "comes back ($kills: $at)") or BAIL_OUT($task->report);
}
$proxy->delay(0);
note "$in_full kills before the changes phase";
eval { $task->wait_for('incremental', 300); 1 } or BAIL_OUT($@);
open my $flag, '>', $orphans or die $!;
close $flag;
while ($kills < $rounds)
{
    sleep 0.5 + rand 2;
    my $at = where();
    strike($what[ $kills % 4 ]) or next;
    ok(running_again(), "comes back ($kills: $at)") or BAIL_OUT($task->report);
}
reap($_, 'TERM') for @writers;
note "$_: $did{$_}" for sort keys %did;
cmp_ok($kills, '>=', $rounds, "$kills kills in one run");
ok(eval { $task->catch_up(180); 1 }, 'caught up') or diag $@;
# MariaDB's log does not have all that a REPLACE did
ok(poll_until(sub { ($pg->try_value("SELECT count(*) FROM dtsmig.task_tables WHERE task = 'tor' AND state <> 'ready'") // '') eq '0' }, 120), 'no table waits') or diag $task->report;
ok(eval { $task->catch_up(180); 1 }, 'caught up') or diag $@;
my @tables = (qw(counter events big parent child docs), grep { /^many|^made/ } map { $_->[0] } $my->rows("SELECT table_name FROM information_schema.tables WHERE table_schema = 'tor' ORDER BY 1"));
my @diffs = compare_tables($my, $pg, [ map { [ "tor.$_", "tor.$_" ] } @tables ]);
ok($diffs[$_] eq '', "$tables[$_] is equal") or diag $diffs[$_] for 0 .. $#tables;
cmp_ok($my->value('SELECT SUM(n) FROM tor.counter'), '>', 100, 'there was load');
is($pg->value("SELECT count(*) FROM pg_index WHERE NOT indisvalid"), 0, 'all indexes are valid');
is($pg->value("SELECT count(*) FROM pg_indexes WHERE schemaname = 'tor' AND tablename !~ '^made'"), $gtids ? 10 : 9, 'and all there');
is($pg->value("SELECT count(*) FROM pg_constraint WHERE conrelid = 'tor.child'::regclass AND contype = 'f'"), 1, 'the foreign key too');
done_testing();
