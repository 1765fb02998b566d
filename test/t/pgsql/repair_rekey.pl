# Rows are repaired while a change of their key is on its way whose image is not
# whole: a long value that did not change is not in the log.
#
# dts-runs: postgresql, postgresql-18 into postgresql-18-dev
use strict;
use warnings;
use Test::More;
use Dts::Env qw(poll_until);
use Dts::PgSource qw(pg_pair same_pg_tables);
use Dts::Task;

my ($src, $pg) = pg_pair();
$src->sql("CREATE SCHEMA r; CREATE TABLE r.t (id int PRIMARY KEY, v text, long text); ALTER TABLE r.t ALTER COLUMN long SET STORAGE EXTERNAL; INSERT INTO r.t SELECT g, 'v', repeat('x', 5000) FROM generate_series(1, 50) g;");
my $task = Dts::Task->new($src, $pg, name => 'move', db => 'postgres')->start;
$task->wait_for('incremental', 60);

# [ what, at the destination, at the source while the task is paused ]
for my $case (
    [ 'the new key is repaired', "INSERT INTO r.t VALUES (107, 'extra', NULL)", 'UPDATE r.t SET id = 107 WHERE id = 5' ],
    [ 'the old key is repaired', "UPDATE r.t SET v = 'other' WHERE id = 6", 'UPDATE r.t SET id = 108 WHERE id = 6' ],
    [ 'both are', "UPDATE r.t SET v = 'other' WHERE id = 7; INSERT INTO r.t VALUES (109, 'extra', NULL)", 'UPDATE r.t SET id = 109 WHERE id = 7' ],
    [ 'there and back', "UPDATE r.t SET v = 'other' WHERE id = 8", "UPDATE r.t SET id = 110 WHERE id = 8; UPDATE r.t SET id = 8, v = 'back' WHERE id = 110" ],
    [ 'a key is used again', "UPDATE r.t SET v = 'other' WHERE id = 9; INSERT INTO r.t VALUES (111, 'extra', NULL)", "UPDATE r.t SET id = 111 WHERE id = 9; INSERT INTO r.t VALUES (9, 'new', 'short'); UPDATE r.t SET id = 112 WHERE id = 111" ],
    [ 'another row takes the old key', "UPDATE r.t SET v = 'other' WHERE id = 10", "UPDATE r.t SET id = 113 WHERE id = 10; UPDATE r.t SET id = 10 WHERE id = 11" ])
{
    my ($what, $here, $there) = @$case;
    $pg->sql($here);
    $pg->sql("SELECT count(*) FROM dtsmig.verify('move')");
    $task->pause;
    $src->sql($there);
    $pg->sql("SELECT dtsmig.repair('move')");
    $task->resume->wait_for('incremental', 60);
    ok(eval { $task->catch_up(40); 1 }, "$what: caught up") or diag $@;
    ok(poll_until(sub { ($pg->try_value("SELECT count(*) FROM dtsmig.task_tables WHERE state <> 'ready'") // '') eq '0' }, 30), "$what: no table waits") or diag $task->report;
    ok(eval { $task->catch_up(40); 1 }, "$what: caught up") or diag $@;
    same_pg_tables($src, $pg, $what, schemas => ['r']);
}
done_testing();
