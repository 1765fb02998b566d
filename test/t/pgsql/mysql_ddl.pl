# Statements of a PostgreSQL source that change tables at a destination of the MySQL
# family, between rows of their transaction; with the hub killed before, in and after
# them, which MySQL commits by itself; and what does not translate stops the task.
#
# dts-runs: mariadb, mysql-9.7
# dts-deep-runs: mysql-5.6
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep);
use Dts::Env qw(poll_until);
use Dts::MariaDB;
use Dts::MyRows qw(my_rows_difference);
use Dts::PgSource qw(pg_pair);
use Dts::Task;

my ($src, $hub) = pg_pair();
my $dst = Dts::MariaDB->new->start;
$dst->sql("CREATE USER app\@'%' IDENTIFIED BY 'pw'; CREATE DATABASE ledger; GRANT ALL ON s.* TO app\@'%'; GRANT ALL ON ledger.* TO app\@'%'");
$src->sql("CREATE SCHEMA s; CREATE TYPE s.mood AS ENUM ('sad', 'ok'); CREATE TABLE s.t (id serial PRIMARY KEY, a int, b varchar(10), m s.mood DEFAULT 'ok'); INSERT INTO s.t (a, b) SELECT g, 'b' || g FROM generate_series(1, 1000) g; CREATE TABLE s.other (id int PRIMARY KEY, v int); INSERT INTO s.other SELECT g, g FROM generate_series(1, 100) g; CREATE TABLE s.gone (id int PRIMARY KEY)");
my %columns = (t => [ [ id => 'i' ], [ a => 'i' ], [ b => 't' ], [ m => 't' ] ], other => [ [ id => 'i' ], [ v => 'i' ] ]);
my $task = Dts::Task->new($src, $hub, name => 'd', db => 'postgres', objects => [ { schema => 's' } ], destination => $dst, destination_db => 'ledger', destination_user => 'app', destination_password => 'pw');
$task->start->wait_for('incremental', 120);
my $same = sub { my ($what) = @_; local $Test::Builder::Level = $Test::Builder::Level + 1; eval { $task->catch_up(60) }; is(my_rows_difference($src, $dst, \%columns, sort keys %columns), '', $what) or diag $task->report };
my $type = sub { my ($table, $column) = @_; my $t = $dst->value("SELECT CONCAT(column_type, ' ', is_nullable, ' ', COALESCE(column_default, 'NULL')) FROM information_schema.columns WHERE table_schema = 's' AND table_name = '$table' AND column_name = '$column'"); $t =~ s/\b((?:big|small)?int)\(\d+\)/$1/ if defined $t; return $t };

# --- columns, between rows of one transaction
$src->sql("BEGIN; UPDATE s.t SET a = a + 1 WHERE id < 100; INSERT INTO s.t (a, b) VALUES (1, 'before'); ALTER TABLE s.t ADD COLUMN c numeric(10,2) NOT NULL DEFAULT 1.5, ADD COLUMN d timestamptz; UPDATE s.t SET c = id, d = '2024-01-01 00:00:01+00' WHERE id < 50; ALTER TABLE s.t ALTER COLUMN b TYPE varchar(30); INSERT INTO s.t (a, b) VALUES (2, 'longer than ten'); UPDATE s.other SET v = 0 WHERE id = 1; COMMIT");
push @{ $columns{t} }, [ c => 'n' ], [ d => 'z' ];
$same->('columns are added, and get wider');
is($type->('t', 'c'), 'decimal(10,2) NO 1.50', 'with type and default');
$src->sql('ALTER TABLE s.t RENAME COLUMN a TO "a a"; UPDATE s.t SET "a a" = 7 WHERE id = 5; ALTER TABLE s.t ALTER c DROP NOT NULL, ALTER c SET DEFAULT 3; INSERT INTO s.t (c) VALUES (NULL)');
$columns{t}[1][0] = 'a a';
$same->('a column is renamed, NULL is let in');
like($type->('t', 'c'), qr/^decimal\(10,2\) YES 3.00$/, 'and another default');
$src->sql('BEGIN; ALTER TABLE s.t DROP COLUMN d; DELETE FROM s.t WHERE id = 9; ALTER TABLE s.t ALTER "a a" TYPE bigint; UPDATE s.t SET "a a" = 1::bigint << 40 WHERE id = 10; COMMIT');
$columns{t} = [ grep { $_->[0] ne 'd' } @{ $columns{t} } ];
my $copied = sub { my ($n) = @_; return poll_until(sub { $task->sql("SELECT count(*) FROM dtsmig.task_tables WHERE task = 'd' AND state <> 'ready'") eq '0' && $task->sql("SELECT count(*) FROM dtsmig.task_log WHERE task = 'd' AND message LIKE '%is copied again%'") >= $n }, 60) };
ok($copied->(1), 'what the source has rewritten is copied again') or diag $task->report;
$same->('a column is dropped, another has another type');
is($type->('t', 'd'), '', 'it is gone');
$src->sql("ALTER TABLE s.t ADD COLUMN r double precision DEFAULT random(), ADD COLUMN n timestamptz DEFAULT now()");
push @{ $columns{t} }, [ r => 'f' ], [ n => 'z' ];
ok($copied->(2), 'values that only the source knows come with a copy') or diag $task->report;
$same->('and are the same');

# --- tables and indexes
$src->sql("BEGIN; CREATE TABLE s.new (id int PRIMARY KEY, t text NOT NULL, n numeric(5,1), ar int[]); INSERT INTO s.new VALUES (1, 'x', 1.5, '{1,2}'); ALTER TABLE s.other RENAME TO another; UPDATE s.another SET v = 5 WHERE id = 5; DROP TABLE s.gone; COMMIT; CREATE INDEX new_t ON s.new (t DESC, n); CREATE UNIQUE INDEX ON s.another (v, id); CREATE VIEW s.v AS SELECT 1; COMMENT ON TABLE s.new IS 'x'; CREATE INDEX ON s.new ((n + 1))");
$columns{new} = [ [ id => 'i' ], [ t => 't' ], [ n => 'n' ], [ ar => 'a' ] ];
$columns{another} = delete $columns{other};
$same->('tables are made, renamed, dropped');
is($dst->value("SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 's'"), 3, 'no other is left');
my $indexes = sub { return $dst->value("SELECT GROUP_CONCAT(CONCAT(table_name, ' ', index_name, ' ', non_unique) ORDER BY table_name, index_name SEPARATOR ', ') FROM information_schema.statistics WHERE table_schema = 's' AND seq_in_index = 1 AND index_name <> 'PRIMARY'") };
is($indexes->(), 'another another_v_id_idx 0, new new_t 1', 'indexes, but for one on an expression');
like($task->sql("SELECT string_agg(message, '; ') FROM dtsmig.task_log WHERE task = 'd' AND severity = 'warning'"), qr/an index is not made at the destination: CREATE INDEX ON s.new \(\(n \+ 1\)\)/, 'which is named');
$src->sql('DROP INDEX s.new_t; DROP INDEX s.another_v_id_idx; INSERT INTO s.another VALUES (777, 1)');
$same->('indexes are dropped');
is($indexes->() // 'NULL', 'NULL', 'there is none');

# --- what does not translate stops the task, and skip_change is a way on
my $stops = sub {
    my ($sql, $re, $mine) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    $src->sql($sql);
    ok($task->wait_status('failed', 60), "stops: $sql") or diag $task->report;
    like($task->last_error . $task->sql("SELECT string_agg(concat_ws(' ', message, detail, hint), ' ') FROM (SELECT * FROM dtsmig.task_log WHERE task = 'd' AND severity = 'error' ORDER BY logged_at DESC LIMIT 1) x"), $re, 'with the reason');
    $task->sql("SELECT dtsmig.skip_change('d'" . ($mine ? ", '$mine'" : '') . ')');
    $task->resume;
    $task->wait_for('incremental', 60);
    $same->('and goes on');
};
$stops->("BEGIN; UPDATE s.t SET c = 11 WHERE id = 11; ALTER TABLE s.t ADD COLUMN e s.mood; UPDATE s.t SET e = 'sad', c = 12 WHERE id = 12; COMMIT", qr/Column e is of type s\.mood.*skip_change/s, "ALTER TABLE s.t ADD COLUMN e ENUM(''sad'', ''ok'')");
push @{ $columns{t} }, [ e => 't' ];
$same->('rows around it are as at the source');
$stops->('ALTER TABLE s.t ADD CHECK (c < 100000)', qr/does something to a table that is not translated/, undef);

# --- the hub dies: while the statement waits at the destination, and when it is done and the catalog does not know
for my $when (qw(waiting done))
{
    for my $ddl ([ 'ALTER TABLE s.another ADD COLUMN x%d int DEFAULT 5', 'x%d' ], [ 'ALTER TABLE s.another RENAME COLUMN x%d TO y%d', 'y%d' ], [ 'ALTER TABLE s.another DROP COLUMN y%d', undef ])
    {
        my $n = $when eq 'waiting' ? 1 : 2;
        my ($sql, $column) = map { defined && s/%d/$n/gr } @$ddl;
        my ($lock, $pid);
        if ($when eq 'waiting') { $lock = $dst->background(sub { 'BEGIN; SELECT id FROM s.another WHERE id = 1; SELECT SLEEP(6); COMMIT;' }); sleep 0.7; }
        else
        {
            $pid = fork // die;
            if (!$pid) { $hub->psql('BEGIN; LOCK TABLE dtsmig.table_version IN SHARE MODE; SELECT pg_sleep(600)'); require POSIX; POSIX::_exit(0); }
            ok(poll_until(sub { $hub->value("SELECT count(*) FROM pg_locks WHERE relation = 'dtsmig.table_version'::regclass AND mode = 'ShareLock'") }, 30, 0.1), 'the catalog is locked');
        }
        $src->sql("BEGIN; UPDATE s.another SET v = v + 1 WHERE id < 10; INSERT INTO s.another (id, v) SELECT max(id) + 1, 0 FROM s.another; $sql; UPDATE s.another SET v = v + 1 WHERE id < 20; COMMIT");
        my $there = sub { return $dst->value("SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = 's' AND table_name = 'another' AND column_name LIKE '_$n'") . ($column ? $dst->value("SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = 's' AND table_name = 'another' AND column_name = '$column'") : '') };
        if ($when eq 'waiting') { ok(poll_until(sub { $dst->value("SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'ALTER TABLE%'") }, 8, 0.05), "$sql waits"); }
        else { ok(poll_until(sub { $there->() eq ($column ? '11' : '0') }, 30, 0.1), "$sql is done"); sleep 0.5; }
        $hub->kill9;
        $hub->start;
        if ($lock) { kill 'TERM', $lock; waitpid $lock, 0; }
        waitpid $pid, 0 if $pid;
        $columns{another} = [ [ id => 'i' ], [ v => 'i' ], $column ? [ $column => 'i' ] : () ];
        $same->("$when: $sql, and the rows around it, once");
    }
}
is($dst->value('SELECT COUNT(*) FROM ledger.dtsmig_ledger WHERE `key` LIKE \'ddl:%\''), 0, 'nothing is left of that in the ledger');
is($hub->value("SELECT count(*) FROM dtsmig.verify('d')"), 0, 'verify finds nothing');
$task->release->drop;
done_testing();
