# Memory stays bounded: one large transaction, rows of 100 MB, a wide
# table in full load. The highest resident size of every worker is measured.
# DTS_DEEP=1: a transaction of 1 GB, not 320 MB, and rows of 200 MB.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);
use Dts::Compare qw(same_table);
use Dts::Env qw(poll_until vm_hwm);
use Dts::Task qw(server_pair);

# DTS_SIZE: megabytes of the large transaction; more than workers may hold.
my $mb = $ENV{DTS_SIZE} // ($ENV{DTS_DEEP} ? 1024 : 320);
# what a worker may hold, in MB: less than all of it
my $bound = $mb < 512 ? 0.75 * $mb : 350;
# of a row: for a multiple of 4
my $row = ($ENV{DTS_DEEP} ? 200 : 100) * 1048576;
my ($quarter, $row_mb) = ($row / 4, $row / 1048576);
my ($my, $pg) = server_pair(my_args => [ '--max-allowed-packet=1G', '--max-binlog-size=1G',
      '--innodb-log-file-size=512M', '--innodb-buffer-pool-size=512M' ],
    conf => "max_wal_size = 4GB\nshared_buffers = 64MB");
$my->sql('SET GLOBAL max_allowed_packet = 1073741824; CREATE DATABASE mem DEFAULT CHARACTER SET utf8mb4; USE mem; CREATE TABLE t (id int AUTO_INCREMENT PRIMARY KEY, v varchar(8000) CHARACTER SET latin1, w longtext CHARACTER SET latin1); CREATE TABLE big (id int PRIMARY KEY, b longblob); INSERT INTO t (v) VALUES ("first")');

my %peak;

# Highest anonymous memory of the workers, in MB: what they hold themselves,
# without the shared buffers they have touched.
sub watch
{
    my ($task, $done, $seconds) = @_;
    %peak = ();
    my $ok = poll_until(sub {
        for my $pid ($task->worker_pids)
        {
            my $rss = vm_hwm($pid, 'RssAnon') // next;
            $peak{$pid} = $rss if $rss > ($peak{$pid} // 0);
        }
        return $done->();
    }, $seconds, 0.25);
    my $max = 0;
    for (values %peak) { $max = $_ if $_ > $max; }
    return ($ok, $max / 1024);
}

my $task = Dts::Task->new($my, $pg, name => 'mem', db => 'mem', options => { batch_memory => 64 });
$task->start->wait_for('incremental', 60);
my ($ok, $base) = watch($task, sub { 1 }, 5);
note sprintf 'idle: %.0f MB', $base;

# One transaction; a row is 8 kB.
my $rows = $mb * 128;
my $start = time;
$my->sql("SET SESSION unique_checks = 0; BEGIN; "
      . join(' ', map { "INSERT INTO t (v) SELECT REPEAT(CHAR(65 + seq % 26), 8000) FROM seq_1_to_" . int($rows / 4) . ';' } 1 .. 4)
      . ' COMMIT', db => 'mem');
note sprintf 'the source took %.0f s', time - $start;
$start = time;
my $want = $my->value('SELECT COUNT(*) FROM mem.t');
my $half = 0;
my $max;
($ok, $max) = watch($task, sub {
    my $n = $pg->try_value('SELECT count(*) FROM mem.t') // 0;
    $half = 1 if $n != 1 && $n != $want;
    return $n == $want;
}, 600);
ok($ok, sprintf '%d MB in one transaction: applied in %.0f s', $mb, time - $start) or diag $task->report;
ok(!$half, 'no reader saw half of it');
cmp_ok($max - $base, '<', $bound, sprintf 'workers held at most %.0f MB (idle %.0f)', $max, $base);
is($pg->value('SELECT count(*) FROM mem.t WHERE length(v) = 8000'), $want - 1, 'all rows are there');
$start = time;
$my->sql('UPDATE t SET v = REPEAT("z", 7900) WHERE id % 4 = 0; DELETE FROM t WHERE id % 4 = 1', db => 'mem');
($ok, $max) = watch($task, sub { ($pg->try_value('SELECT count(*) FROM mem.t') // 0) == $my->value('SELECT COUNT(*) FROM mem.t') }, 300);
ok($ok, sprintf 'a quarter updated, a quarter deleted: %.0f s', time - $start) or diag $task->report;
cmp_ok($max - $base, '<', $bound, sprintf 'workers held at most %.0f MB', $max);
$task->catch_up(60);
same_table($my, 'mem.t', $pg, 'mem.t', 'equal', digest => 1);

# Large rows. A value has to be in memory a few times; many of them not.
$my->sql('SET SESSION max_statement_time = 0; INSERT INTO big VALUES (1, REPEAT(x\'000102FF\', ' . $quarter . ')); INSERT INTO big VALUES (2, REPEAT("y", ' . $row . ')); INSERT INTO big VALUES (3, REPEAT("z", ' . $row . '))', db => 'mem');
($ok, $max) = watch($task, sub { ($pg->try_value('SELECT count(*) FROM mem.big') // 0) == 3 }, 300);
ok($ok, "rows of $row_mb MB in changes") or diag $task->report;
cmp_ok($max, '<', $row_mb * 8, sprintf 'workers held at most %.0f MB', $max);
is($pg->value('SELECT string_agg(md5(b), \' \' ORDER BY id) FROM mem.big'), $my->value('SELECT GROUP_CONCAT(MD5(b) ORDER BY id SEPARATOR " ") FROM mem.big'), 'byte-identical');
$task->release;

my $copy = Dts::Task->new($my, $pg, name => 'memcopy', db => 'mem', objects => [ { schema => 'mem', table => '%', target_schema => 'mem2' } ], options => { copy_workers => 2 });
$copy->start;
my $error;
($ok, $max) = watch($copy, sub { my $p = $pg->try_value("SELECT status || coalesce(consistent_since::text, '') FROM dtsmig.tasks WHERE name = 'memcopy'") // ''; return $p =~ /^failed|\d/; }, 300);
is($copy->status, 'running', "rows of $row_mb MB in full load") or diag $copy->report;
cmp_ok($max, '<', $row_mb * 8, sprintf 'workers held at most %.0f MB', $max);
is($pg->value('SELECT string_agg(md5(b), \' \' ORDER BY id) FROM mem2.big'), $my->value('SELECT GROUP_CONCAT(MD5(b) ORDER BY id SEPARATOR " ") FROM mem.big'), 'byte-identical');
same_table($my, 'mem.t', $pg, 'mem2.t', 'the large table too', digest => 1);
done_testing();
