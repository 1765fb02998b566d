# Tables are copied again while the rest of the task goes on: with keys and
# without, under writes to all of them, with DDL of others, through crashes in
# each phase, a pause, and DDL of the table itself.
#
# dts-runs: mariadb
# dts-deep-runs: mysql-9.7
use strict;
use warnings;
use Test::More;
use Dts::Parallel;
use Dts::Compare qw(same_database);
use Dts::Env qw(poll_until reap);
use Dts::Task qw(server_pair);

for my $kind ($ENV{DTS_KIND} // 'mariadb')
{
    my ($my, $pg) = server_pair(kind => $kind);
    my $short = $kind ne 'mariadb';
    $my->sql("CREATE DATABASE beside DEFAULT CHARACTER SET utf8mb4; USE beside;\n" . Dts::Parallel::tables());
    my $task = Dts::Task->new($my, $pg, name => 'beside', db => 'beside');
    my $t = Dts::Parallel->new(label => $kind, src => $my, pg => $pg, task => $task,
        db => 'beside', schema => 'beside',
        same => sub { same_database($my, 'beside', $pg, 'beside', $_[0]) });
    $task->start->wait_for('incremental', 90);
    my $writer = $my->background(Dts::Parallel::writes(), db => 'beside');

    # a table with a key; meanwhile others have DDL that must not be done twice
    $t->hold;
    $t->resync('big');
    $t->is_copying('big', 'keyed');
    $t->others_go_on('big', 'keyed');
    $my->sql("CREATE TABLE one (id int PRIMARY KEY); INSERT INTO one VALUES (1); RENAME TABLE one TO two; CREATE TABLE one (id int PRIMARY KEY, v int); INSERT INTO one VALUES (2, 2); ALTER TABLE two ADD COLUMN w int DEFAULT 3; INSERT INTO two VALUES (4, 4); CREATE TABLE three (a int); DROP TABLE three; ALTER TABLE par ADD COLUMN later int", db => 'beside');
    ok(poll_until(sub { ($pg->try_value('SELECT w FROM beside.two WHERE id = 4') // '') eq '4' }, 90), "$kind: DDL of others is replicated meanwhile") or diag $task->report;
    like($pg->error("SELECT * FROM dtsmig.cutover('beside')"), qr/to be copied again/, "$kind: no cutover meanwhile");
    $my->sql("ALTER TABLE par DROP COLUMN later", db => 'beside');
    $t->others_go_on('big', 'after DDL');
    $t->lift;
    $t->is_done('keyed');
    is($t->logged('The rest of the task went on meanwhile'), 1, "$kind: it went on");

    # a table without a key, through a crash and a pause
    $t->hold;
    $t->resync('bare');
    $t->is_copying('bare', 'keyless');
    $t->others_go_on('bare', 'keyless');
    if (!$short)
    {
        $pg->kill9;
        $pg->start;
        $t->is_copying('bare', 'after a crash');
        $t->others_go_on('bare', 'after a crash');
        $task->pause;
        ok($task->wait_status('paused'), "$kind: it can be paused meanwhile");
        is_deeply([ $task->worker_pids ], [], "$kind: no worker is left");
        $task->resume;
        $t->is_copying('bare', 'after a pause');
        $t->others_go_on('bare', 'after a pause');
    }
    $t->lift;
    $t->is_done('keyless');

    # crashes when all rows are there, and when the log is read again
    $t->crash_when_copied($_) for $short ? 'bare' : qw(big bare);
    $t->crash_in_replay($_) for $short ? 'big' : qw(big bare);

    # a child of a cascade takes the waiting way, its parent takes it along
    $t->resync('chi');
    $t->is_done('cascade');
    cmp_ok($t->logged('the task waits while table "beside"."chi"'), '==', 1, "$kind: the rest waits where a cascade reaches the table");
    $t->hold;
    $t->resync('par');
    $t->is_copying('par chi', 'parent and child');
    $t->others_go_on('par', 'parent and child');
    $t->lift;
    $t->is_done('parent and child');

    # the source removes what is to be read again: the rest has lost nothing
    if (!$short)
    {
        $t->hold;
        $t->resync('big');
        $t->is_copying('big', 'purged');
        my ($old) = $my->log_end;
        $my->sql('FLUSH BINARY LOGS');
        my ($new) = $my->log_end;
        $t->others_go_on('big', 'purged');
        ok(poll_until(sub {
            $my->sql("PURGE BINARY LOGS TO '$new'");
            return !grep { $_->[0] eq $old } $my->rows('SHOW BINARY LOGS');
        }, 60), "$kind: log is removed");
        $t->lift;
        ok($task->wait_status('failed', 60), "$kind: what is lost is said") or diag $task->report;
        $t->resync('big');
        $task->resume;
        $t->is_done('purged');
    }

    # DDL of the table itself, which the copy holds up at the source
    $t->ddl_of('big', 'ALTER TABLE big ADD COLUMN more int DEFAULT 7');
    $t->ddl_of('bare', "TRUNCATE TABLE bare; INSERT INTO bare SELECT id, n, 'one' FROM big");
    # and of one that is not read yet: the task waits for both
    $t->hold;
    $t->resync(qw(bare big));
    $t->is_copying('bare', 'first of two');
    $my->sql("ALTER TABLE big ADD COLUMN late int DEFAULT 8", db => 'beside');
    ok(poll_until(sub { $t->logged('A statement of the source touches them') }, 90), "$kind: the task waits for tables that are altered") or diag $task->report;
    $t->lift;
    $t->is_done('two');
    reap($writer, 'TERM');
    $t->same('under writes');
    $task->release;
    $pg->stop;
    $my->stop;
}
done_testing();
