# Restarts: with the library preloaded the launcher brings running tasks back;
# without it start_task starts the worker itself, and the view says what is.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep);
use Dts::Compare qw(same_table);
use Dts::Env qw(poll_until);
use Dts::MariaDB;
use Dts::Postgres;
use Dts::Task;

my $my = Dts::MariaDB->new->start;
$my->sql('CREATE DATABASE r; USE r; CREATE TABLE r.t (id int PRIMARY KEY AUTO_INCREMENT, v int); INSERT INTO r.t (v) SELECT seq FROM seq_1_to_1000');

for my $preload (1, 0)
{
    my $what = $preload ? 'preloaded' : 'not preloaded';
    my $pg = Dts::Postgres->new(preload => $preload)->start;
    $pg->sql('CREATE EXTENSION dtsmig; CREATE DATABASE second');
    $pg->sql('CREATE EXTENSION dtsmig', db => 'second');
    my $task = Dts::Task->new($my, $pg, name => 'r', db => 'r')->start;
    $task->wait_for('incremental', 60);
    my $paused = Dts::Task->new($my, $pg, name => 'p', db => 'r',
        objects => [ { schema => 'r', table => 't', target_schema => 'r2' } ])->start;
    $paused->wait_for('incremental', 60);
    $paused->pause;
    # A task in another database of the same server.
    my $other = bless { %$pg, dbname => 'second' }, ref $pg;
    my $second = Dts::Task->new($my, $other, name => 'r', db => 'r')->start;
    $second->wait_for('incremental', 60);
    is($pg->value("SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'dtsmig%launcher%'"), $preload, "$what: launcher");

    for my $how (qw(fast immediate kill9))
    {
        $how eq 'kill9' ? $pg->kill9 : $pg->stop($how);
        $my->sql('INSERT INTO r.t (v) VALUES (1), (2); UPDATE r.t SET v = v + 1 WHERE id % 10 = 0; DELETE FROM r.t WHERE id % 97 = 0');
        $pg->start;
        if (!$preload)
        {
            ok(poll_until(sub { $task->status ne 'running' }, 60), "$what, $how: a task without a worker does not show as running")
              or diag $task->report;
            isnt($task->get('last_error'), '', "$what, $how: and says why");
            for my $t ($task, $second)
            {
                my $ok = poll_until(sub { my ($c) = $t->{pg}->psql("SELECT dtsmig.resume_task('r')"); $c == 0 }, 60);
                ok($ok, "$what, $how: resumed by hand") or diag $t->{pg}->error("SELECT dtsmig.resume_task('r')");
            }
        }
        for my $t ($task, $second)
        {
            my $ok = poll_until(sub { ($t->status // '') eq 'running' }, 30);
            ok($ok, "$what, $how: runs again") or diag $t->report;
            $t->catch_up(40);
            same_table($my, 'r.t', $t->{pg}, 'r.t', "$what, $how: equal");
        }
        is($paused->status, 'paused', "$what, $how: a paused task stays paused");
    }
    $paused->resume->wait_for('incremental', 30);
    $paused->catch_up;
    same_table($my, 'r.t', $pg, 'r2.t', "$what: the paused task goes on");

    # A crash of one worker.
    my ($pid) = $task->get('worker_pid');
    kill 'KILL', $pid;
    sleep 1;
    poll_until(sub { defined $pg->try_value('SELECT 1') }, 30);
    if (!$preload)
    {
        poll_until(sub { ($pg->try_value("SELECT status FROM dtsmig.tasks WHERE name = 'r'") // '') =~ /failed|running/ }, 30);
        for my $t ($task, $paused, $second)
        {
            next if $t->status eq 'running';
            poll_until(sub { my ($c) = $t->{pg}->psql("SELECT dtsmig.resume_task('$t->{name}')"); $c == 0 }, 60);
        }
    }
    $my->sql('INSERT INTO r.t (v) VALUES (99)');
    for my $t ($task, $paused, $second)
    {
        ok(poll_until(sub { ($t->status // '') eq 'running' }, 40), "$what: $t->{name} runs after a killed worker") or diag $t->report;
        $t->catch_up(40);
    }
    same_table($my, 'r.t', $pg, 'r.t', "$what: equal after a killed worker");

    # The source away: retrying, not failed; then on.
    $my->kill9;
    ok(poll_until(sub { $task->status eq 'retrying' }, 30), "$what: source away: retrying") or diag $task->report;
    like($task->get('retrying_until IS NOT NULL'), qr/t/, "$what: with a deadline");
    $my->start;
    ok(poll_until(sub { $task->status eq 'running' }, 90), "$what: source back: running") or diag $task->report;
    $my->sql('INSERT INTO r.t (v) VALUES (100)');
    $task->catch_up(60);
    same_table($my, 'r.t', $pg, 'r.t', "$what: equal after the source came back");

    # DROP EXTENSION and DROP DATABASE with tasks in them.
    $second->pause;
    $pg->sql('DROP DATABASE second', timeout => 30);
    pass("$what: DROP DATABASE");
    $_->release for $task, $paused;
    $pg->sql('DROP EXTENSION dtsmig CASCADE');
    is($pg->value("SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'dtsmig%' AND backend_type NOT LIKE '%launcher%'"), 0, "$what: no worker left");
    $pg->stop;
}
done_testing();
