# A table is copied again while the statement that altered a type of its
# columns has yet to be reached in the log.
#
# dts-runs: postgresql, postgresql-10, postgresql-18 into postgresql-18-dev
use strict;
use warnings;
use Test::More;
use Dts::Env qw(poll_until);
use Dts::PgSource qw(pg_pair same_pg_tables);
use Dts::Task;

my ($src, $pg) = pg_pair();
$src->sql("CREATE SCHEMA e; CREATE TYPE e.mood AS ENUM ('sad', 'ok', 'glad'); CREATE TYPE e.pair AS (a int, b int);
    CREATE TABLE e.m (id int PRIMARY KEY, m e.mood); INSERT INTO e.m VALUES (1, 'sad'), (2, 'glad'); CREATE TABLE e.p (id int PRIMARY KEY, p e.pair); INSERT INTO e.p VALUES (1, '(1,2)');");
my $task = Dts::Task->new($src, $pg, name => 'move', db => 'postgres')->start;
$task->wait_for('incremental', 60);

for my $case (
    [ 'a label is renamed', 'm', "ALTER TYPE e.mood RENAME VALUE 'sad' TO 'blue'; INSERT INTO e.m VALUES (3, 'blue')" ],
    [ 'a label is added', 'm', "ALTER TYPE e.mood ADD VALUE 'new'; INSERT INTO e.m VALUES (4, 'new')" ],
    [ 'labels are exchanged', 'm', "BEGIN; ALTER TYPE e.mood RENAME VALUE 'blue' TO 'x'; ALTER TYPE e.mood RENAME VALUE 'ok' TO 'blue'; ALTER TYPE e.mood RENAME VALUE 'x' TO 'ok'; COMMIT; INSERT INTO e.m VALUES (5, 'ok')" ],
    [ 'an attribute is added', 'p', "ALTER TYPE e.pair ADD ATTRIBUTE c int; INSERT INTO e.p VALUES (2, '(3,4,5)')" ],
    [ 'an attribute is dropped', 'p', "ALTER TYPE e.pair DROP ATTRIBUTE a; INSERT INTO e.p VALUES (3, '(3,4)')" ])
{
    my ($what, $table, $sql) = @$case;
    $task->pause;
    $src->sql($_) for split /; (?=INSERT)/, $sql;
    $pg->sql("SELECT dtsmig.resync_table('move', 'e.$table')");
    $task->resume;
    ok(eval { $task->wait_for('incremental', 40); 1 }, "$what: it runs") or diag $@;
    ok(poll_until(sub { ($pg->try_value("SELECT count(*) FROM dtsmig.task_tables WHERE state <> 'ready'") // '') eq '0' }, 20), "$what: copied again") or diag $task->report;
    $src->sql("UPDATE e.$table SET id = id WHERE id = 1");
    ok(eval { $task->catch_up(40); 1 }, "$what: caught up") or diag $@;
    same_pg_tables($src, $pg, $what, schemas => ['e']);
}
done_testing();
