# DDL of a PostgreSQL source under load: pgbench runs, and statements come,
# before, while and after the tables are copied; large transactions are
# streamed before they commit. At the end rows and schemas are equal.
# DTS_DEEP=1: for 45 seconds, not 18.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);
use Dts::Env qw(poll_until reap run_as spawn);
use Dts::PgSource qw(pg_pair same_pg_tables);
use Dts::PgShape qw(same_schema);
use Dts::Task;

my $old = ($ENV{DTS_PG_KIND} // '') =~ /-1[0-2]$/;
my ($src, $pg) = pg_pair(src_conf => $old ? '' : "logical_decoding_work_mem = 64kB\n");
my $bench = "$pg->{bindir}/pgbench";
my @at = ('-h', '127.0.0.1', '-p', $src->{port}, '-U', 'postgres');
my ($code, $out) = run_as(undef, $bench, @at, '-i', '-s', 3, '-q', 'postgres');
BAIL_OUT("pgbench -i: $out") if $code;
$src->sql('ALTER TABLE pgbench_history REPLICA IDENTITY FULL; CREATE TABLE beat (n int PRIMARY KEY); INSERT INTO beat VALUES (0)');
my $load = spawn({ log => "$src->{log}.pgbench" }, $bench, @at, '-n', '-c', 4, '-j', 2, '-T', 120, '-R', 300, 'postgres');
my $n = 0;
my $task;

# Statements of all kinds, another set each time.
sub statements
{
    $n++;
    # a table without a key is refused until new ones are taken care of
    my $full = $task && $task->phase ne '' ? '' : "ALTER TABLE k$n REPLICA IDENTITY FULL;";
    my @s = (
        "ALTER TABLE pgbench_branches ADD COLUMN c$n int DEFAULT $n",
        "BEGIN; CREATE TABLE t$n (id serial PRIMARY KEY, v text); INSERT INTO t$n (v) SELECT repeat('x', 200) FROM generate_series(1, 2000); ALTER TABLE t$n ADD COLUMN w int DEFAULT $n; INSERT INTO t$n (v, w) SELECT repeat('y', 100), g FROM generate_series(1, 500) g; COMMIT",
        "CREATE INDEX CONCURRENTLY i$n ON pgbench_tellers (tbalance, bid)",
        "CREATE OR REPLACE VIEW v$n AS SELECT aid, abalance, $n AS n FROM pgbench_accounts WHERE aid < $n",
        "DO \$\$ BEGIN EXECUTE 'CREATE TABLE k$n (a int, b text)'; $full INSERT INTO k$n SELECT g, 'k' FROM generate_series(1, 50) g; UPDATE k$n SET b = 'z' WHERE a < 10; END \$\$",
        "COMMENT ON TABLE pgbench_tellers IS 'round $n'",
        "ALTER TABLE t$n ADD COLUMN r double precision DEFAULT random()",
        "UPDATE t$n SET v = 'updated' WHERE id < 20",
        "ALTER TABLE k$n ADD PRIMARY KEY (a); DELETE FROM k$n WHERE a = 3",
    );
    push @s, "DROP TABLE t@{[$n - 2]}, k@{[$n - 2]}; DROP VIEW v@{[$n - 2]}; ALTER TABLE pgbench_branches DROP COLUMN c@{[$n - 2]}" if $n > 2;
    push @s, "ALTER TABLE k@{[$n - 1]} RENAME TO kk@{[$n - 1]}; INSERT INTO kk@{[$n - 1]} VALUES (1000, 'renamed'); ALTER TABLE kk@{[$n - 1]} RENAME TO k@{[$n - 1]}" if $n > 1;
    for (@s)
    {
        my ($rc, $o, $err);
        # several tables at a time may meet whoever locks them in another order, as
        # pg_dump does: an application does it again then
        for my $try (1 .. 3)
        {
            ($rc, $o, $err) = $src->psql('', args => ['-c', $_], timeout => 60);
            last if $err !~ /deadlock detected/;
        }
        fail("at the source: $_\n$err") if $rc;
    }
}

statements();
$task = Dts::Task->new($src, $pg, name => 'busy', db => 'postgres', options => { rows_per_range => 50000 });
$task->start;
my $end = time + ($ENV{DTS_DEEP} ? 45 : 18);
while (time < $end)
{
    statements();
    sleep 0.2;
    last if $task->status eq 'failed';
}
reap($load, 'INT', 10);
cmp_ok($n, '>', 5, "$n rounds of statements");
# its look at the schema may have stumbled over a DROP, again and again
ok(poll_until(sub { $task->status eq 'running' }, 90), 'the task runs') or diag($task->report);
$src->sql('UPDATE beat SET n = 1');
ok(poll_until(sub { ($pg->try_value('SELECT n FROM beat') // '') eq '1' || $task->status eq 'failed' }, 120), 'and has followed')
  or diag($task->report);
same_pg_tables($src, $pg, 'under load');
same_schema($src, $pg, 'under load', schemas => ['public']);
done_testing();
