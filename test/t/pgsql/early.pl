# Large transactions of a PostgreSQL source (14 and later) that have committed
# are applied while the source decodes them. What was reported of one is void when
# another commits before it, when a part of it rolls back, or it holds DDL.
use strict;
use warnings;
use Test::More;
use Dts::Env qw(poll_until slurp);
use Dts::PgSource qw(pg_pair same_pg_tables);
use Dts::Task;

my ($src, $pg) = pg_pair(src_conf => "logical_decoding_work_mem = 64kB\n");
$pg->sql('ALTER SYSTEM SET log_min_messages = debug1');
$pg->sql('SELECT pg_reload_conf()');
$src->sql(<<'END');
CREATE SCHEMA e;
CREATE TABLE e.big (id integer PRIMARY KEY, v text);
CREATE TABLE e.other (id integer PRIMARY KEY, v text);
INSERT INTO e.big SELECT i, 'first' FROM generate_series(1, 1000) i;
END
my $task = Dts::Task->new($src, $pg, name => 'early', db => 'postgres', objects => [ { schema => 'e' } ], options => { batch_rows => 500 });
$task->start->wait_for('incremental', 60);
$src->sql("INSERT INTO e.other VALUES (1, 'past the copy')");
$task->catch_up;

my $n = 10000;
sub rows { $n += 3000; return 'INSERT INTO e.big SELECT i, repeat(md5(i::text), 3) FROM generate_series(' . ($n - 2999) . ", $n) i;"; }
# Sessions of the source: each statement is done before the next is sent to any.
sub session
{
    open(my $in, '|-', $src->psql_cmd, '-v', 'ON_ERROR_STOP=0') // die "psql: $!";
    $in->autoflush(1);
    return $in;
}
my $asked = 0;
sub say_to
{
    my ($s, $sql) = @_;
    $asked++;
    print $s "$sql SELECT pg_advisory_lock($asked);\n";
    ok(0, "the source is done with: $sql") unless poll_until(sub { $src->value("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = $asked") == 1 }, 120);
}
my ($reported, $void) = (0, 0);
sub counts
{
    my $log = slurp($pg->{log});
    my ($t, $v, $a) = map { scalar(() = $log =~ /$_/g) } qr/is reported while it is decoded/, qr/will be reported at its end/, qr/reported again when it has committed/;
    my @new = ($t - $reported, $v + $a - $void);
    ($reported, $void) = ($t, $v + $a);
    return "@new";
}
# What is written while the task is paused; how many were reported early and how
# many of them again: of that a process remembers nothing from the last one.
sub early
{
    my ($name, $want, @sql) = @_;
    $task->pause->wait_status('paused', 60);
    ref $_ ? $_->() : $src->sql($_) for @sql;
    $task->resume->catch_up(120);
    same_pg_tables($src, $pg, $name, schemas => ['e']);
    like(counts(), qr/^$want$/, "$name: reported early, reported again");
}

early('one', '1 0', 'BEGIN;' . rows() . "UPDATE e.big SET v = v || 'x' WHERE id % 3 = 0; DELETE FROM e.big WHERE id % 7 = 0;" . rows() . 'COMMIT');
early('one after the other', '3 0', map { 'BEGIN;' . rows() . 'COMMIT' } 1 .. 3);
early('another commits before it', '1 1', sub {
    my ($a, $b) = map { session() } 1, 2;
    say_to($a, 'BEGIN;' . rows());
    say_to($b, "INSERT INTO e.other VALUES (100, 'before');");
    say_to($a, rows() . 'COMMIT;');
    close $_ for $a, $b;
});
early('two large ones, the later commits first', '1 1', sub {
    my ($a, $b) = map { session() } 1, 2;
    say_to($a, 'BEGIN;' . rows());
    say_to($b, 'BEGIN;' . rows());
    say_to($b, rows() . 'COMMIT;');
    say_to($a, 'UPDATE e.big SET v = id::text WHERE id > ' . ($n - 12000) . ' AND id % 2 = 1; COMMIT;');
    close $_ for $a, $b;
});
early('a part of it rolls back', '1 1', 'BEGIN;' . rows() . 'SAVEPOINT a;' . rows() . 'DELETE FROM e.big WHERE id < 500; ROLLBACK TO a;' . rows() . 'COMMIT');
early('it rolls back', '0 0', 'BEGIN;' . rows() . 'ROLLBACK');
early('it holds TRUNCATE', '1 1', 'BEGIN;' . rows() . 'TRUNCATE e.big;' . rows() . 'COMMIT');
early('it holds DDL', '1 1', 'BEGIN;' . rows() . 'ALTER TABLE e.big ADD w integer DEFAULT 7;' . rows() . 'COMMIT');
early('after DDL', '1 0', 'BEGIN;' . rows() . 'COMMIT');

# one in vain has the next one left to its end, one that succeeds clears that
# (of those that come while another is reported at its end none is asked for)
early('less often where it is in vain', '([12]) \\1', map { 'BEGIN;' . rows() . 'SAVEPOINT a;' . rows() . 'ROLLBACK TO a; COMMIT' } 1 .. 4);

# What only a part that rolls back runs into is no error of the task's.
$pg->sql("ALTER TABLE e.big ADD CONSTRAINT mine CHECK (v <> 'refused here')");
early('what it runs into rolls back', '1 1', 'BEGIN;' . rows() . "SAVEPOINT a; UPDATE e.big SET v = 'refused here';" . rows() . 'ROLLBACK TO a;' . rows() . 'COMMIT');
is($task->status, 'running', 'and the task has not stopped');
$src->sql("INSERT INTO e.big (id, v) SELECT i, 'refused here' FROM generate_series(500001, 503000) i");
ok(poll_until(sub { $task->status eq 'failed' }, 60), 'what commits stops it') or diag $task->report;
like($task->last_error, qr/"mine"/, 'with its own words');
$pg->sql('ALTER TABLE e.big DROP CONSTRAINT mine');
$task->resume->catch_up(120);
same_pg_tables($src, $pg, 'and goes on when it is fixed', schemas => ['e']);

# What is not committed at the destination is not seen, nor does it survive.
$task->sql("SELECT dtsmig.alter_task('early', options => '{\"throttle_incremental_rows\": 1500}')");
counts();
$task->pause->wait_status('paused', 60);
$src->sql('BEGIN;' . rows() . rows() . rows() . 'COMMIT');
my $before = $pg->value('SELECT count(*) FROM e.big');
$task->resume;
ok(poll_until(sub { $pg->value("SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE a.application_name ~ '^dtsmig task' AND l.relation = 'e.big'::regclass AND l.mode = 'RowExclusiveLock'") > 0 }, 60), 'rows are being applied');
is($pg->value('SELECT count(*) FROM e.big'), $before, 'and not seen');
$pg->kill9;
$pg->start;
is($pg->value('SELECT count(*) FROM e.big'), $before, 'nothing of it is left after a crash');
$task->sql("SELECT dtsmig.alter_task('early', options => '{\"throttle_incremental_rows\": 0}')");
ok(poll_until(sub { ($pg->try_value("SELECT status FROM dtsmig.tasks WHERE name = 'early'") // '') eq 'running' }, 120), 'the task comes back');
$task->catch_up(120);
same_pg_tables($src, $pg, 'after a crash', schemas => ['e']);
done_testing();
