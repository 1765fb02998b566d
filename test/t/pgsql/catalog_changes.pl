# Changes of a PostgreSQL source's catalog that do not lock the table whose rows
# are written meanwhile: schemas are renamed, tables are renamed unseen, labels
# and attributes of types change, during transactions that are open.
#
# dts-runs: postgresql, postgresql-10, postgresql-18 into postgresql-18-dev
# dts-deep-runs: postgresql-13
use strict;
use warnings;
use Test::More;
use Dts::Env qw(poll_until);
use Dts::PgSource qw(pg_pair pg_difference same_pg_tables);
use Dts::Task;

my $old = ($ENV{DTS_PG_KIND} // '') =~ /-1[0-2]$/;
my ($src, $pg) = pg_pair(src_conf => $old ? '' : "logical_decoding_work_mem = 64kB\n");
my $n = 0;

# A session of the source that stays open.
sub session
{
    open(my $in, '|-', $src->psql_cmd('postgres')) // die "psql: $!";
    $in->autoflush(1);
    return $in;
}

# Runs SQL at the source and waits for its end.
sub say_in
{
    my ($session, $sql) = @_;
    my $mark = 'said_' . ++$n;
    print $session "$sql;\nSET application_name = '$mark';\n";
    ok(poll_until(sub { $src->value("SELECT count(*) FROM pg_stat_activity WHERE application_name = '$mark' AND state LIKE 'idle%'") eq '1' }, 20, 0.02),
        substr $sql, 0, 70);
}

sub running
{
    my ($task, $what) = @_;
    ok(eval { $task->catch_up(60); 1 }, "$what: caught up") or diag $@;
    is($task->status, 'running', "$what: the task runs") or diag $task->report;
    # tables that this has copied again, while the task goes on
    ok(poll_until(sub { $pg->value("SELECT count(*) FROM dtsmig.task_tables WHERE task = 'move' AND state <> 'ready'") eq '0' }, 60),
        "$what: all tables are ready") or diag $task->report;
}

my $rows = join ', ', map { "($_, 'row $_')" } 1 .. 20;
$src->sql(<<"END");
CREATE SCHEMA s; CREATE SCHEMA r; CREATE SCHEMA u; CREATE SCHEMA e;
CREATE TABLE s.t (id int PRIMARY KEY, v text); INSERT INTO s.t VALUES $rows;
CREATE TABLE s.big (id int PRIMARY KEY, v text);
CREATE TABLE u.t (id int PRIMARY KEY, v text); INSERT INTO u.t VALUES $rows;
CREATE TYPE e.mood AS ENUM ('sad', 'ok', 'glad');
CREATE TYPE e.pair AS (a int, b int);
CREATE DOMAIN e.small AS int;
CREATE TABLE e.m (id int PRIMARY KEY, m e.mood, ms e.mood[]); INSERT INTO e.m VALUES (1, 'sad', '{sad,ok}'), (2, 'glad', NULL);
CREATE TABLE e.p (id int PRIMARY KEY, p e.pair); INSERT INTO e.p VALUES (1, '(1,2)');
CREATE TABLE e.d (id int PRIMARY KEY, d e.small); INSERT INTO e.d VALUES (1, 1);
END
my $task = Dts::Task->new($src, $pg, name => 'move', db => 'postgres')->start;
$task->wait_for('incremental', 60);

# --- a schema is renamed during an open transaction that has written its table
my $open = session();
say_in($open, "BEGIN; INSERT INTO s.t VALUES (100, 'open'); UPDATE s.t SET v = 'open' WHERE id = 1");
$src->sql("ALTER SCHEMA s RENAME TO s2");
say_in($open, 'DELETE FROM s2.t WHERE id = 2; COMMIT');
$src->sql("INSERT INTO s2.t VALUES (102, 'later'); DELETE FROM s2.t WHERE id = 3");
running($task, 'a schema renamed during an open transaction');
same_pg_tables($src, $pg, 'a schema renamed during an open transaction', schemas => ['s2']);

# --- the same of a transaction that is sent before it ends
say_in($open, "BEGIN; INSERT INTO s2.big SELECT g, repeat('x', 500) FROM generate_series(1, 2000) g; UPDATE s2.t SET v = 'sent' WHERE id = 5");
$src->sql('ALTER SCHEMA s2 RENAME TO s3');
say_in($open, "INSERT INTO s3.big SELECT g, repeat('y', 500) FROM generate_series(2001, 4000) g; COMMIT");
$src->sql("INSERT INTO s3.big VALUES (9000, 'z')");
running($task, 'the same of a large transaction');
same_pg_tables($src, $pg, 'the same of a large transaction', schemas => ['s3']);

# --- two schemas exchange their names
$src->sql('CREATE TABLE r.t (id int PRIMARY KEY, v text); INSERT INTO r.t VALUES (1, \'of r\')');
say_in($open, "BEGIN; INSERT INTO r.t VALUES (500, 'open of r'); INSERT INTO s3.t VALUES (500, 'open of s3')");
$src->sql('BEGIN; ALTER SCHEMA r RENAME TO x; ALTER SCHEMA s3 RENAME TO r; ALTER SCHEMA x RENAME TO s3; COMMIT');
say_in($open, "INSERT INTO r.t VALUES (501, 'now of r'); INSERT INTO s3.t VALUES (501, 'now of s3'); COMMIT");
$src->sql("INSERT INTO r.t VALUES (502, 'r'); INSERT INTO s3.t VALUES (502, 's3')");
running($task, 'names exchanged');
same_pg_tables($src, $pg, 'names exchanged', schemas => [qw(r s3)]);

# --- labels of an enum, attributes of a type, constraints of a domain
say_in($open, "BEGIN; INSERT INTO e.m VALUES (3, 'sad', '{glad,sad}'); UPDATE e.m SET m = 'ok' WHERE id = 2");
$src->sql("ALTER TYPE e.mood RENAME VALUE 'sad' TO 'blue'");
$src->sql("INSERT INTO e.m VALUES (4, 'blue', '{blue}')");
say_in($open, "INSERT INTO e.m VALUES (5, 'blue', '{ok,blue}'); COMMIT");
running($task, 'a label renamed');
same_pg_tables($src, $pg, 'a label renamed', schemas => ['e']);

say_in($open, "BEGIN; INSERT INTO e.m VALUES (6, 'glad', '{glad,ok}')");
$src->sql("BEGIN; ALTER TYPE e.mood RENAME VALUE 'ok' TO 'x'; ALTER TYPE e.mood RENAME VALUE 'glad' TO 'ok'; ALTER TYPE e.mood RENAME VALUE 'x' TO 'glad'; INSERT INTO e.m VALUES (7, 'ok', '{glad}'); COMMIT");
say_in($open, "INSERT INTO e.m VALUES (8, 'glad', '{ok}'); COMMIT");
$src->sql("INSERT INTO e.m VALUES (9, 'glad', '{ok}')");
running($task, 'labels exchanged');
same_pg_tables($src, $pg, 'labels exchanged', schemas => ['e']);

say_in($open, "BEGIN; INSERT INTO e.p VALUES (2, '(3,4)'); INSERT INTO e.d VALUES (2, -1)");
$src->sql('ALTER TYPE e.pair ADD ATTRIBUTE c int; ALTER DOMAIN e.small ADD CONSTRAINT positive CHECK (VALUE > 0) NOT VALID');
$src->sql("INSERT INTO e.p VALUES (3, '(3,4,5)'); INSERT INTO e.d VALUES (3, 3)");
say_in($open, "COMMIT");
running($task, 'an attribute and a constraint of a domain');
same_pg_tables($src, $pg, 'an attribute and a constraint of a domain', schemas => ['e']);

# --- the same across a restart: the open transaction is read again
say_in($open, "BEGIN; INSERT INTO e.m VALUES (10, 'blue', NULL); INSERT INTO s3.t VALUES (600, 'over a restart')");
$src->sql("ALTER TYPE e.mood RENAME VALUE 'blue' TO 'sad'; ALTER SCHEMA s3 RENAME TO s4; INSERT INTO s4.t VALUES (601, 'x')");
running($task, 'before a restart');
$task->pause;
$task->resume->wait_for('incremental', 60);
say_in($open, 'COMMIT');
running($task, 'over a restart');
same_pg_tables($src, $pg, 'over a restart', schemas => [qw(e r s4)]);

# --- renames that the capture does not see
$src->sql("SET session_replication_role = replica; ALTER TABLE u.t RENAME TO other");
$src->sql("INSERT INTO u.other VALUES (200, 'renamed'); DELETE FROM u.other WHERE id = 7");
ok($task->wait_status('failed', 40), 'a rename that was not captured stops the task') or diag $task->report;
like($task->last_error, qr/table "u\.t" .*"u\.other"/, 'which says what is called otherwise');
is(pg_difference($src, 'u.other', $pg, 'u.t'), '', 'the rows of the table are those of the source');
$src->sql("INSERT INTO u.other VALUES (201, 'still')");
$src->sql("SET session_replication_role = replica; ALTER TABLE u.other RENAME TO t");
$src->sql("INSERT INTO u.t VALUES (202, 'back')");
$task->resume->wait_for('incremental', 60);
running($task, 'renamed back');
same_pg_tables($src, $pg, 'renamed back', schemas => [qw(u r s4 e)]);

# --- or the table is copied again, and followed under its new name
$src->sql("SET session_replication_role = replica; ALTER TABLE u.t RENAME TO third");
$src->sql("INSERT INTO u.third VALUES (300, 'third')");
ok($task->wait_status('failed', 40), 'another one') or diag $task->report;
$pg->sql("SELECT dtsmig.resync_table('move', 'u.t')");
$task->resume->wait_for('incremental', 60);
$src->sql("INSERT INTO u.third VALUES (301, 'third'); DELETE FROM u.third WHERE id = 9");
ok(poll_until(sub { $pg->value("SELECT count(*) FROM dtsmig.task_tables WHERE state <> 'ready'") eq '0' }, 60), 'copied again');
running($task, 'copied again');
is(pg_difference($src, 'u.third', $pg, 'u.t'), '', 'copied again: equal, under the name that it has at the destination');
close $open;
done_testing();
