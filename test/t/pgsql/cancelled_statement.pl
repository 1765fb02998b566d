# A statement of the schema that waits for a lock here is cancelled: that is no fault of
# the statement. The worker begins again, and does not wait for what it has left of
# its own transaction.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep);
use Dts::Env qw(poll_until spawn reap);
use Dts::PgSource qw(pg_pair same_pg_tables);
use Dts::Task;

my ($src, $pg) = pg_pair();
$src->sql('CREATE SCHEMA s; CREATE TABLE s.a (id int PRIMARY KEY, v int, w int); CREATE INDEX ON s.a (v); CREATE INDEX ON s.a (w); CREATE TABLE s.b (id int PRIMARY KEY, a int REFERENCES s.a); INSERT INTO s.a SELECT i, i, i FROM generate_series(1, 20000) i; INSERT INTO s.b SELECT i, i FROM generate_series(1, 20000) i');
my $waits = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND backend_type LIKE 'dtsmig%'";
for my $workers (1, 3)
{
    my $task = Dts::Task->new($src, $pg, name => "c$workers", db => 'postgres', objects => [ { schema => 's', target_schema => "s$workers" } ],
        options => { copy_workers => $workers, throttle_full_rows => 15000, rows_per_range => 5000 })->start;
    ok(poll_until(sub { ($pg->try_value("SELECT to_regclass('s$workers.a') IS NOT NULL AND to_regclass('s$workers.b') IS NOT NULL") // '') eq 't' }, 60, 0.02), 'the tables are made');
    # what builds an index, or adds a key, waits; what copies does not
    my $holder = spawn({ code => sub { $pg->psql("BEGIN; LOCK TABLE s$workers.a, s$workers.b IN ROW EXCLUSIVE MODE; SELECT pg_sleep(300)", args => [ qw(-v n=1) ]) } });
    my $n = 0;
    for (1 .. 4)
    {
        my $pid = poll_until(sub { my ($r) = $pg->rows($waits); $r && $r->[0] }, 60, 0.1) or last;
        sleep 0.2;
        $pg->sql("SELECT pg_cancel_backend(pid) FROM ($waits) x");
        $n++;
    }
    is($n, 4, "$workers workers: statements are cancelled");
    like($task->status, qr/^(?:running|retrying)$/, "$workers workers: and tried again");
    $pg->sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(300)%' AND pid <> pg_backend_pid()");
    reap($holder, undef, 30);
    ok(eval { $task->wait_for('incremental', 120); 1 }, "$workers workers: the task goes on") or diag $@;
    ok(eval { $task->catch_up(30); 1 }, "$workers workers: and follows") or diag $@;
    is($pg->value("SELECT string_agg(state, ',') FROM dtsmig.task_objects WHERE task = 'c$workers' AND state <> 'done'"), '', "$workers workers: every object is made");
    is($pg->value("SELECT count(*) || ' ' || (SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND connamespace = 's$workers'::regnamespace) FROM pg_indexes WHERE schemaname = 's$workers'"), '4 1', "$workers workers: indexes and keys");
    $task->release;
}
done_testing();
