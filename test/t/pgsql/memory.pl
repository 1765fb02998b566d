# Memory stays bounded with a PostgreSQL source: a large transaction that is
# streamed while it runs, one with many subtransactions, rows of 100 MB
# (DTS_DEEP=1: 200 MB).
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);
use Dts::Env qw(poll_until vm_hwm);
use Dts::PgSource qw(pg_pair pg_difference);
use Dts::Task;

# DTS_SIZE: megabytes of the large transaction.
my $mb = $ENV{DTS_SIZE} // 200;
my $half_row = $ENV{DTS_DEEP} ? 100 : 50;
my ($src, $pg) = pg_pair(src_conf => "max_wal_size = 4GB\nlogical_decoding_work_mem = 1MB\n", conf => "max_wal_size = 4GB\nshared_buffers = 64MB");
my $tables = 'CREATE SCHEMA mem; CREATE TABLE mem.t (id integer PRIMARY KEY, v text); CREATE TABLE mem.big (id integer PRIMARY KEY, b bytea, t text); CREATE TABLE mem.sub (id integer PRIMARY KEY)';
$src->sql($tables);
$pg->sql($tables);
$src->sql('ALTER TABLE mem.t ALTER v SET STORAGE PLAIN; ALTER TABLE mem.big ALTER b SET STORAGE EXTERNAL, ALTER t SET STORAGE EXTERNAL');

my $task = Dts::Task->new($src, $pg, name => 'mem', db => 'postgres', types => [qw(full incremental)],
    objects => [ { schema => 'mem' } ], options => { batch_memory => 32 });
$task->start->wait_for('incremental', 60);

# Highest anonymous memory of the workers, in MB, until done.
sub watch
{
    my ($done, $seconds) = @_;
    my $max = 0;
    my $ok = poll_until(sub {
        for my $pid ($task->worker_pids)
        {
            my $rss = vm_hwm($pid, 'RssAnon') // next;
            $max = $rss if $rss > $max;
        }
        return $done->();
    }, $seconds, 0.25);
    return ($ok, $max / 1024);
}
my ($ok, $base) = watch(sub { 1 }, 5);
note sprintf 'idle: %.0f MB', $base;

my $rows = $mb * 512;
my $start = time;
$src->sql("BEGIN; INSERT INTO mem.t SELECT i, repeat(chr(65 + i % 26), 2000) FROM generate_series(1, $rows) i; SAVEPOINT a; UPDATE mem.t SET v = 'gone' WHERE id % 10 = 0; ROLLBACK TO a; DELETE FROM mem.t WHERE id % 7 = 0; COMMIT");
note sprintf 'the source took %.0f s', time - $start;
my $half = 0;
my $max;
my $want = $src->value('SELECT count(*) FROM mem.t');
($ok, $max) = watch(sub {
    my $n = $pg->try_value('SELECT count(*) FROM mem.t') // 0;
    $half = 1 if $n != 0 && $n != $want;
    return $n == $want;
}, 300);
ok($ok, sprintf '%d MB in one transaction: applied in %.0f s', $mb, time - $start) or diag $task->report;
ok(!$half, 'no reader saw half of it');
cmp_ok($max - $base, '<', 150, sprintf 'the worker held at most %.0f MB (idle %.0f)', $max, $base);
$task->catch_up(60);
is(pg_difference($src, 'mem.t', $pg), '', 'equal');
cmp_ok($src->value('SELECT stream_bytes / 1048576 FROM pg_stat_replication_slots'), '>', $mb / 2, 'it was streamed');

# Each row a subtransaction; a third of them rolled back.
$src->sql('DO $$ BEGIN FOR i IN 1 .. 60000 LOOP BEGIN INSERT INTO mem.sub VALUES (i); IF i % 3 = 0 THEN RAISE NOTICE USING MESSAGE = 1 / 0; END IF; EXCEPTION WHEN division_by_zero THEN NULL; END; END LOOP; END $$');
$start = time;
($ok, $max) = watch(sub { ($pg->try_value('SELECT count(*) FROM mem.sub') // 0) == 40000 }, 120);
ok($ok, sprintf '60000 subtransactions: %.0f s', time - $start) or diag $task->report;
cmp_ok($max - $base, '<', 150, sprintf 'the worker held at most %.0f MB', $max);

# A value has to be in memory a few times; many of them not.
$src->sql("INSERT INTO mem.big SELECT i, decode(repeat('00ff10', 330000 * $half_row), 'hex'), repeat('x', 1000000 * $half_row) FROM generate_series(1, 3) i");
($ok, $max) = watch(sub { ($pg->try_value('SELECT count(*) FROM mem.big') // 0) == 3 }, 300);
ok($ok, sprintf 'rows of %d MB in changes', 2 * $half_row) or diag $task->report;
cmp_ok($max, '<', 2 * $half_row * 8, sprintf 'the worker held at most %.0f MB', $max);
my $sum = "SELECT string_agg(md5(b) || md5(t), ' ' ORDER BY id) FROM mem.big";
is($pg->value($sum), $src->value($sum), 'byte-identical');
$task->release;
done_testing();
