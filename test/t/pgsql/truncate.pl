# TRUNCATE of several tables of a PostgreSQL source: one TRUNCATE of them all,
# with foreign keys between them and their sequences; what tables refer to that
# are not of the task.
use strict;
use warnings;
use Test::More;
use Dts::Env qw(poll_until);
use Dts::PgSource qw(pg_pair same_pg_tables);
use Dts::Task;

my ($src, $pg) = pg_pair();
$src->sql(<<'END_SQL');
CREATE SCHEMA t;
CREATE TABLE t.a (id serial PRIMARY KEY, x text);
CREATE TABLE t.b (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a int REFERENCES t.a, b int REFERENCES t.b);
CREATE TABLE t.c (id int PRIMARY KEY, b int REFERENCES t.b ON DELETE CASCADE) PARTITION BY RANGE (id);
CREATE TABLE t.c1 PARTITION OF t.c FOR VALUES FROM (0) TO (10);
CREATE TABLE t.c2 PARTITION OF t.c FOR VALUES FROM (10) TO (20);
CREATE TABLE t.lone (id int PRIMARY KEY, x text);
CREATE SCHEMA u; CREATE TABLE u.aside (id int PRIMARY KEY, a int REFERENCES t.a);
END_SQL
my $fill = "INSERT INTO t.a (x) VALUES ('1'), ('2'); INSERT INTO t.b (a, b) VALUES (1, 1), (2, 1); INSERT INTO t.c VALUES (1, 1), (11, 2); INSERT INTO t.lone VALUES (1, 'x');\n";
$src->sql($fill);
my $task = Dts::Task->new($src, $pg, name => 'cut', db => 'postgres',
    objects => [ { schema => 't' } ]);
$task->start->wait_for('incremental', 120);
my $files = "SELECT string_agg(relname || ' ' || relfilenode, ',' ORDER BY relname) FROM pg_class WHERE relname IN ('a', 'b', 'c1', 'c2', 'lone') AND relnamespace = 't'::regnamespace";
my %before = map { split / / } split /,/, $pg->value($files);
$src->sql("BEGIN; UPDATE t.lone SET x = 'y'; TRUNCATE t.a CASCADE; INSERT INTO t.lone VALUES (2, 'z'); INSERT INTO t.a VALUES (50, 'new'); COMMIT");
$task->catch_up;
same_pg_tables($src, $pg, 'CASCADE', schemas => ['t']) or diag $task->report;
my %after = map { split / / } split /,/, $pg->value($files);
is(join(' ', grep { $before{$_} ne $after{$_} } sort keys %before), 'a b c1 c2', 'by one TRUNCATE');
$src->sql("BEGIN; INSERT INTO t.lone VALUES (9, 'gone'); TRUNCATE t.a, t.b, t.c, t.lone RESTART IDENTITY CASCADE; $fill COMMIT");
$task->catch_up;
same_pg_tables($src, $pg, 'RESTART IDENTITY', schemas => ['t']) or diag $task->report;
is($pg->value("SELECT nextval('t.a_id_seq'), nextval('t.b_id_seq')"), '1|1', 'sequences are at their start, until they are read again');

# a table that is none of the task's
$pg->sql('CREATE TABLE public.local (id int PRIMARY KEY, a int REFERENCES t.a)');
$src->sql('TRUNCATE t.a CASCADE');
$task->catch_up;
same_pg_tables($src, $pg, 'a table refers to it that holds nothing', schemas => ['t']) or diag $task->report;
like($pg->log_text, qr/rows are deleted where the source has truncated .*\n.*table public\.local, which is not truncated, refers to one of them/, 'deleted, and said so');
$src->sql("INSERT INTO t.a VALUES (7, 'kept')");
$task->catch_up;
$pg->sql('INSERT INTO public.local VALUES (1, 7)');
$src->sql('TRUNCATE t.a CASCADE');
$task->wait_for('failed', 120);
like($task->last_error, qr/truncated a table to whose rows table public\.local refers, which is none of the task's/, 'no reference is left in the air');
is($pg->value('SELECT count(*) FROM t.a'), 1, 'nothing is done');
$pg->sql('DELETE FROM public.local');
$task->resume;
$task->catch_up;
same_pg_tables($src, $pg, 'goes on', schemas => ['t']) or diag $task->report;
$task->release;
done_testing();
