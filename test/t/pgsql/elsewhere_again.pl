# Tables are copied again, and rows repaired, at a destination that is another
# PostgreSQL server, the source PostgreSQL, while changes come; and after the hub or
# the destination has died on the way.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep);
use Dts::Env qw(poll_until);
use Dts::PgSource qw(pg_pair same_pg_tables);
use Dts::Postgres;
use Dts::Task;

my ($src, $hub) = pg_pair();
my $dst = Dts::Postgres->new(preload => 0)->start;
$dst->sql("CREATE ROLE app LOGIN PASSWORD 'pw'; CREATE DATABASE app OWNER app; GRANT SET ON PARAMETER session_replication_role TO app");
$dst->prepend_hba('host all app 127.0.0.1/32 scram-sha-256');
$dst->{dbname} = 'app';
$hub->sql('CREATE ROLE mover LOGIN; GRANT CREATE ON DATABASE postgres TO mover; GRANT USAGE ON FOREIGN DATA WRAPPER dtsmig_fdw TO mover');
$src->sql(<<'END_SQL');
CREATE SCHEMA s; SET search_path = s;
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TABLE t (id serial PRIMARY KEY, n int NOT NULL DEFAULT 0, v text, m mood, a text[]); INSERT INTO t (v, m, a) SELECT 'v' || g, 'ok', ARRAY[g::text, NULL] FROM generate_series(1, 20000) g;
CREATE TABLE keyless (a int, b text); ALTER TABLE keyless REPLICA IDENTITY FULL; INSERT INTO keyless SELECT g % 50, 'k' FROM generate_series(1, 1000) g;
CREATE TABLE parent (id int PRIMARY KEY, v int); INSERT INTO parent SELECT g, 0 FROM generate_series(1, 50) g;
CREATE TABLE child (id int PRIMARY KEY, parent int REFERENCES parent ON DELETE CASCADE, v int); INSERT INTO child SELECT g, g, 0 FROM generate_series(1, 50) g;
CREATE TABLE by_mood (m mood, k numeric(4,1), v text, PRIMARY KEY (m, k)); INSERT INTO by_mood VALUES ('sad', 1, 'a'), ('sad', 1.5, 'b'), ('ok', 2, 'c');
END_SQL
my $task = Dts::Task->new($src, $hub, name => 'a', db => 'postgres', role => 'mover', objects => [ { schema => 's' } ], destination => $dst, destination_user => 'app', destination_password => 'pw');
$task->start->wait_for('incremental', 120);
my $same = sub { my ($what) = @_; local $Test::Builder::Level = $Test::Builder::Level + 1; $task->catch_up(90); same_pg_tables($src, $dst, $what, schemas => ['s']) };
my $again = sub { my ($table) = @_; $task->sql("SELECT dtsmig.resync_table('a', '$table')") };
my $copied = sub { my ($table) = @_; return poll_until(sub { $task->sql("SELECT state FROM dtsmig.task_tables WHERE task = 'a' AND source_table = '$table'") eq 'ready' }, 90) };
sub plant { $dst->sql("SET session_replication_role = replica; SET search_path = s; $_[0]"); }
my $writer = $src->background(sub {
    sleep 0.01;
    my $id = 1 + int rand 20000;
    my $p = 1 + int rand 50;
    return "UPDATE s.t SET n = n + 1 WHERE id BETWEEN $id AND $id + 5; INSERT INTO s.t (v) VALUES ('new'); UPDATE s.keyless SET b = b || 'x' WHERE ctid IN (SELECT ctid FROM s.keyless WHERE a = $p LIMIT 1); BEGIN; DELETE FROM s.parent WHERE id = $p; INSERT INTO s.parent VALUES ($p, $id); INSERT INTO s.child VALUES ($p, $p, $id); COMMIT;\n";
});

# --- copied again while changes come
plant("UPDATE t SET v = 'other' WHERE id % 100 = 0; INSERT INTO keyless VALUES (1000, 'too many'); INSERT INTO t (id, v) SELECT g, 'too many' FROM generate_series(1000001, 1000100) g");
$again->($_) for qw(t keyless parent);
ok($copied->($_), "$_ is copied") or diag $task->report for qw(t keyless parent child);
sleep 1;
is($task->status, 'running', 'the task runs');
$writer->stop;
$same->('copied again');
is($dst->value("SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND convalidated"), 1, 'with its foreign key');
like($task->sql("SELECT string_agg(message, '; ') FROM dtsmig.task_log WHERE task = 'a'"), qr/table "s"\."t" is copied again: \d+ rows/, 'and is said to be');

# --- the hub, and the destination, die while it is at that
for my $what (qw(hub destination))
{
    plant("UPDATE t SET v = 'other' WHERE id % 100 = 1");
    # its TRUNCATE waits behind this
    my $pid = fork // die;
    if (!$pid) { $dst->psql('BEGIN; LOCK TABLE s.t IN ACCESS SHARE MODE; SELECT pg_sleep(600)'); require POSIX; POSIX::_exit(0); }
    ok(poll_until(sub { $dst->value("SELECT count(*) FROM pg_locks WHERE relation = 's.t'::regclass AND mode = 'AccessShareLock'") }, 30, 0.1), 'a lock is in its way');
    $again->('t');
    ok(poll_until(sub { $dst->value("SELECT count(*) FROM pg_locks WHERE relation = 's.t'::regclass AND mode = 'AccessExclusiveLock' AND NOT granted") }, 60, 0.1), 'which it waits for');
    if ($what eq 'hub') { $hub->kill9; $hub->start; $dst->sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()"); }
    else { $dst->kill9; $dst->start; }
    waitpid $pid, 0;
    ok(poll_until(sub { my $s = $hub->try_value("SELECT state FROM dtsmig.task_tables WHERE task = 'a' AND source_table = 't'"); $s && $s eq 'ready' }, 120), "$what killed: it is copied") or diag $task->report;
    $src->sql('UPDATE s.t SET n = n + 1 WHERE id < 100');
    $same->("$what killed");
}
# --- rows are repaired
my $found = sub { return join "\n", map { join '|', @$_ } $hub->rows("SELECT source_table, kind, coalesce(key::text, '-') FROM dtsmig.verify('a') ORDER BY source_table COLLATE \"C\", 2, 3", role => 'mover') };
my $repaired = sub { return poll_until(sub { $task->sql("SELECT count(*) FROM dtsmig.verify_results WHERE task = 'a' AND state = 'repairing'") eq '0' }, 60) };
is($found->(), '', 'equal');
plant("UPDATE t SET v = 'other', a = '{}' WHERE id = 5; DELETE FROM t WHERE id = 6; INSERT INTO t (id, v) VALUES (5000000, 'too many'); UPDATE by_mood SET v = 'other' WHERE k = 1.5; DELETE FROM by_mood WHERE m = 'ok'; DELETE FROM child WHERE id = 7; UPDATE parent SET v = 99 WHERE id = 7");
is($found->(), join("\n", 's.by_mood|differs|{"k": "1.5", "m": "sad"}', 's.by_mood|missing|{"k": "2.0", "m": "ok"}', 's.child|missing|{"id": "7"}', 's.parent|differs|{"id": "7"}', 's.t|differs|{"id": "5"}', 's.t|extra|{"id": "5000000"}', 's.t|missing|{"id": "6"}'), 'rows that differ');
my $more = $src->background(sub { sleep 0.01; return "UPDATE s.t SET n = n + 1 WHERE id IN (4, 5, 7, 8, @{[ 10 + int rand 1000 ]});\n" });
is($task->sql("SELECT dtsmig.repair('a')"), 7, 'are repaired');
ok($repaired->(), 'by the worker') or diag $task->report;
$more->stop;
is($task->sql("SELECT string_agg(DISTINCT state, ',') FROM dtsmig.verify_results WHERE task = 'a'"), 'repaired', 'all of them') or diag $task->report;
$same->('repaired');
is($found->(), '', 'and found equal');
is($dst->value("SELECT value FROM dtsmig_ledger.dtsmig_ledger WHERE key = 'position'"), $task->get('applied_position'), 'ledger and catalog agree');
like($hub->error("SELECT dtsmig.resync_table('a', 'nothing')", role => 'mover'), qr/42P01.*has no table "nothing"/s, 'a table that is none');
$task->release->drop;
done_testing();
