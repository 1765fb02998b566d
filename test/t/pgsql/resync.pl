# Tables of a PostgreSQL source are copied again while the rest of the task goes
# on: with keys and without, under writes to all of them, with DDL of others,
# through crashes in each phase, a pause, and DDL of the table itself.
use strict;
use warnings;
use Test::More;
use Dts::Parallel;
use Dts::Env qw(poll_until);
use Dts::PgSource qw(pg_pair same_pg_tables);
use Dts::Task;

my ($src, $pg) = pg_pair();
$src->sql('CREATE DATABASE beside');
$src->sql('CREATE SCHEMA app; ALTER DATABASE beside SET search_path = app', db => 'beside');
$src->sql(Dts::Parallel::tables() . 'ALTER TABLE bare REPLICA IDENTITY FULL', db => 'beside');
my $task = Dts::Task->new($src, $pg, name => 'beside', db => 'beside');
my $t = Dts::Parallel->new(label => 'pg', src => $src, pg => $pg, task => $task,
    db => 'beside', schema => 'app',
    same => sub { same_pg_tables($src, $pg, $_[0], schemas => ['app'], db => 'beside') });
$task->start->wait_for('incremental', 90);
my $writer = $src->background(Dts::Parallel::writes(), db => 'beside');

$t->hold;
$t->resync('big');
$t->is_copying('big', 'keyed');
$t->others_go_on('big', 'keyed');
$src->sql("CREATE TABLE one (id int PRIMARY KEY); INSERT INTO one VALUES (1); ALTER TABLE one RENAME TO two; CREATE TABLE one (id int PRIMARY KEY, v int); INSERT INTO one VALUES (2, 2); ALTER TABLE two ADD COLUMN w int DEFAULT 3; INSERT INTO two VALUES (4, 4); CREATE TABLE three (a int); DROP TABLE three", db => 'beside');
ok(poll_until(sub { ($pg->try_value('SELECT w FROM app.two WHERE id = 4') // '') eq '4' }, 90), 'DDL of others is replicated meanwhile') or diag $task->report;
$t->others_go_on('big', 'after DDL');
$t->lift;
$t->is_done('keyed');
is($t->logged('The rest of the task went on meanwhile'), 1, 'it went on');

$t->hold;
$t->resync('bare');
$t->is_copying('bare', 'keyless');
$t->others_go_on('bare', 'keyless');
$pg->kill9;
$pg->start;
$t->is_copying('bare', 'after a crash');
$t->others_go_on('bare', 'after a crash');
$task->pause;
ok($task->wait_status('paused'), 'it can be paused meanwhile');
is_deeply([ $task->worker_pids ], [], 'no worker is left');
$task->resume;
$t->is_copying('bare', 'after a pause');
$t->others_go_on('bare', 'after a pause');
$t->lift;
$t->is_done('keyless');

$t->crash_when_copied($_) for qw(big bare);
$t->crash_in_replay($_) for qw(big bare);

# the log has cascades
$t->hold;
$t->resync('chi');
$t->is_copying('chi', 'child');
$t->others_go_on('chi', 'child');
$t->lift;
$t->is_done('child');

$t->ddl_of('big', 'ALTER TABLE big ADD COLUMN more int DEFAULT 7');
$t->ddl_of('bare', "TRUNCATE TABLE bare; INSERT INTO bare SELECT id, n, 'one' FROM big");
# before it is read: the task waits for both
$t->hold;
$t->resync(qw(bare big));
$t->is_copying('bare', 'first of two');
$src->sql('ALTER TABLE big ADD COLUMN late int DEFAULT 8', db => 'beside');
ok(poll_until(sub { $t->logged('A statement of the source touches them') }, 90), 'the task waits for tables that are altered') or diag $task->report;
$t->lift;
$t->is_done('two');
$writer->stop;
$t->same('under writes');
$task->release;
$pg->stop;
$src->stop;
done_testing();
