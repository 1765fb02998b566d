# A destination with synchronous_commit = off that is killed: the source was
# confirmed nothing that the destination then does not have.
#
# dts-runs: postgresql, postgresql-13 into postgresql-17-dev
use strict;
use warnings;
use Test::More;
use Dts::Env qw(poll_until);
use Dts::PgSource qw(pg_pair same_pg_tables);
use Dts::Task;

my ($src, $pg) = pg_pair(conf => "synchronous_commit = off\nwal_writer_delay = 10s\nwal_writer_flush_after = 1GB\nfull_page_writes = off\nautovacuum = off\nbgwriter_delay = 10s\n");
$src->sql("CREATE SCHEMA a; CREATE TABLE a.t (id int PRIMARY KEY, v text); INSERT INTO a.t SELECT g, 'v' FROM generate_series(1, 20) g; CREATE TABLE a.n (v int); ALTER TABLE a.n REPLICA IDENTITY FULL;");
# for this role and database, too
$pg->sql('ALTER ROLE postgres SET synchronous_commit = off; ALTER DATABASE postgres SET synchronous_commit = off');
my $task = Dts::Task->new($src, $pg, name => 'move', db => 'postgres', options => { batch_delay => 0 })->start;
$task->wait_for('incremental', 60);

for my $round (1 .. 4)
{
    for my $i (1 .. 5)
    {
        my $id = $round * 100 + $i;
        $src->sql("INSERT INTO a.t VALUES ($id, 'round $round'); INSERT INTO a.n VALUES ($id); UPDATE a.t SET v = v || '$round' WHERE id <= 5");
        $src->sql("ALTER TABLE a.t ADD COLUMN c$round int DEFAULT $round") if $i == 3;
    }
    my $lsn = $src->value('SELECT pg_current_wal_lsn()');
    $src->sql("SELECT pg_logical_emit_message(true, 'test', '')");
    ok(poll_until(sub { $src->value("SELECT confirmed_flush_lsn >= '$lsn' FROM pg_replication_slots") eq 't' }, 30, 0.02), "round $round: the source was reported") or diag $task->report;
    $pg->kill9;
    $pg->start;
    ok(poll_until(sub { ($pg->try_value("SELECT status FROM dtsmig.tasks WHERE name = 'move'") // '') =~ /running|failed/ && ($pg->try_value("SELECT worker_pid IS NOT NULL FROM dtsmig.tasks WHERE name = 'move'") // '') eq 't' || $task->status eq 'failed' }, 30, 0.2), "round $round: killed and started");
    ok(eval { $task->catch_up(40); 1 }, "round $round: caught up") or diag $@;
    same_pg_tables($src, $pg, "round $round", schemas => ['a']);
}
done_testing();
