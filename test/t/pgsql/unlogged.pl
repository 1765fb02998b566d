# Tables of a PostgreSQL source that are unlogged, or were; typed tables; and
# what is said of a table that cannot be copied again yet.
#
# dts-runs: postgresql, postgresql-18 into postgresql-18-dev
# dts-deep-runs: postgresql-10
use strict;
use warnings;
use Test::More;
use Dts::Env qw(poll_until);
use Dts::PgSource qw(pg_pair same_pg_tables);
use Dts::Task;

my ($src, $pg) = pg_pair();
$src->sql(<<'END');
CREATE SCHEMA u;
CREATE UNLOGGED TABLE u.before (id int PRIMARY KEY, v text); INSERT INTO u.before SELECT g, g FROM generate_series(1, 10) g;
CREATE UNLOGGED TABLE u.keyless (v text); INSERT INTO u.keyless VALUES ('a'), ('a');
CREATE TABLE u.plain (id int PRIMARY KEY);
CREATE TYPE u.e_t AS (id int, name text);
CREATE TABLE u.typed OF u.e_t (PRIMARY KEY (id)); INSERT INTO u.typed SELECT g, 'n' || g FROM generate_series(1, 10) g;
CREATE TABLE u.second OF u.e_t; ALTER TABLE u.second REPLICA IDENTITY FULL; INSERT INTO u.second VALUES (1, 'x'), (1, 'x');
END
my $task = Dts::Task->new($src, $pg, name => 'm', objects => [ { schema => 'u' } ])->start;
$task->wait_for('incremental', 60);
my $ready = sub { poll_until(sub { ($pg->try_value("SELECT count(*) FROM dtsmig.task_tables WHERE state <> 'ready'") // 1) eq '0' }, 60) };
my $persistence = sub { $pg->value("SELECT relpersistence FROM pg_class WHERE oid = 'u.$_[0]'::regclass") };

# --- unlogged from before
$src->sql("INSERT INTO u.before VALUES (11, 'eleven'); DELETE FROM u.before WHERE id = 3; INSERT INTO u.keyless VALUES ('b')");
$src->sql("ALTER TABLE u.before SET LOGGED; UPDATE u.before SET v = 'new' WHERE id IN (5, 11); INSERT INTO u.before VALUES (12, 'twelve')");
$src->sql("BEGIN; ALTER TABLE u.keyless SET LOGGED; UPDATE u.keyless SET v = v || '!'; COMMIT; DELETE FROM u.keyless WHERE v = 'b!'");
ok(eval { $task->catch_up(40); 1 }, 'SET LOGGED is followed') or diag $task->report;
ok($ready->(), 'the tables are copied') or diag $task->report;
same_pg_tables($src, $pg, 'their rows are at the destination', schemas => ['u']);
is($persistence->('before'), 'p', 'and they are logged at the destination');

# --- made while the task follows
$src->sql("CREATE UNLOGGED TABLE u.later (id int PRIMARY KEY, v text); INSERT INTO u.later VALUES (1, 'one')");
$src->sql('INSERT INTO u.plain VALUES (1)');
$task->catch_up;
is($pg->value("SELECT string_agg(message || ': ' || hint, '; ') FROM dtsmig.task_log WHERE severity = 'warning' AND message LIKE '%unlogged%'"),
    'table "u"."later" is unlogged: its rows are not followed: ALTER TABLE u.later SET LOGGED at the source has the table copied, and followed from then on.', 'a new one is reported');
is($persistence->('later'), 'u', 'and made');
$src->sql("ALTER TABLE u.later SET LOGGED; INSERT INTO u.later VALUES (2, 'two'); UPDATE u.later SET v = 'uno' WHERE id = 1");
ok(eval { $task->catch_up(40); 1 }, 'SET LOGGED of one that came later') or diag $task->report;
ok($ready->(), 'copied') or diag $task->report;
$src->sql("DELETE FROM u.later WHERE id = 2");
$task->catch_up;
same_pg_tables($src, $pg, 'its rows are at the destination', schemas => ['u']);
is($persistence->('later'), 'p', 'and it is logged at the destination');

# --- typed tables
for my $sql ('ALTER TYPE u.e_t ADD ATTRIBUTE p int CASCADE', 'ALTER TYPE u.e_t ALTER ATTRIBUTE p TYPE bigint CASCADE', 'ALTER TYPE u.e_t RENAME ATTRIBUTE name TO label CASCADE', 'ALTER TYPE u.e_t DROP ATTRIBUTE p CASCADE', 'ALTER TYPE u.e_t ADD ATTRIBUTE q text CASCADE')
{
    $src->sql($sql);
    $src->sql('UPDATE u.typed SET id = id + 100 WHERE id % 3 = 0; INSERT INTO u.typed (id) SELECT max(id) + 1 FROM u.typed; INSERT INTO u.second (id) VALUES (2); DELETE FROM u.second WHERE ctid = (SELECT min(ctid) FROM u.second)');
    ok(eval { $task->catch_up(40); 1 }, $sql) or diag($task->report), last;
}
ok($ready->(), 'typed tables are followed') or diag $task->report;
same_pg_tables($src, $pg, 'typed tables', schemas => ['u']);

# --- a statement that was not captured: the way on that the error says
$src->sql("SET session_replication_role = replica; ALTER TYPE u.e_t ADD ATTRIBUTE z int CASCADE");
$src->sql('UPDATE u.typed SET z = 5; INSERT INTO u.plain VALUES (7)');
ok($task->wait_status('failed', 40), 'a statement that was not captured stops the task') or diag $task->report;
$pg->sql("SELECT dtsmig.resync_table('m', 'u.typed')");
$task->resume;
ok(poll_until(sub { ($pg->try_value("SELECT waits_for FROM dtsmig.task_tables WHERE source_table = 'typed'") // '') =~ /column "z", which the table lacks here.*ALTER TABLE u\.typed ADD COLUMN z integer/ }, 40), 'a table that cannot be copied says why') or diag $task->report;
ok(poll_until(sub { ($pg->try_value("SELECT string_agg(subject || detail, ' ') FROM dtsmig.alerts WHERE kind = 'resync' AND state = 'raised'") // '') =~ /u\.typed.*column "z"/ }, 40), 'in an alert, too') or diag $task->report;
like($pg->error("SELECT dtsmig.cutover('m', verify => 'none')"), qr/u\.typed is to be copied again/, 'cutover is refused');
$pg->sql('ALTER TYPE u.e_t ADD ATTRIBUTE z int CASCADE');
$pg->sql("SELECT dtsmig.resync_table('m', 'u.typed'); SELECT dtsmig.resync_table('m', 'u.second')");
$task->pause;
$task->resume;
ok($ready->(), 'after the same at the destination it is copied') or diag $task->report;
ok(eval { $task->catch_up(40); 1 }, 'and followed') or diag $task->report;
same_pg_tables($src, $pg, 'all', schemas => ['u']);
ok(poll_until(sub { $pg->try_value("SELECT count(*) FROM dtsmig.alerts WHERE kind = 'resync' AND state = 'raised'") eq '0' }, 40), 'the alert is over');
done_testing();
