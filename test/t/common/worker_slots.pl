# Background worker slots: a role takes no more of them than it may, and a
# worker that cannot even connect is not started again and again.
use strict;
use warnings;
use IPC::Run ();
use Test::More;
use Dts::Env qw(poll_until);
use Dts::MariaDB;
use Dts::Postgres;
use Dts::Task;

my $my = Dts::MariaDB->new->start;
$my->sql('CREATE DATABASE d; CREATE TABLE d.t (id int PRIMARY KEY)');
for my $preload (0, 1)
{
    my $pg = Dts::Postgres->new(preload => $preload, conf => "max_worker_processes = 12\ndtsmig.max_tasks_per_role = 2\n")->start;
    my $with = $preload ? 'with a launcher' : 'without a launcher';
    $pg->sql('CREATE EXTENSION dtsmig; CREATE ROLE mover LOGIN; GRANT CREATE ON DATABASE postgres TO mover; GRANT USAGE ON FOREIGN DATA WRAPPER dtsmig_fdw TO mover');
    my $task = Dts::Task->new($my, $pg, name => 't', role => 'mover', db => 'd');
    is($pg->error("BEGIN; SELECT dtsmig.start_task('t');" . "SELECT dtsmig.resume_task('t');" x 30 . 'COMMIT', role => 'mover'), '',
        "$with: a worker that is asked for again and again in a transaction takes one slot");
    $task->wait_for('incremental', 60);

    # --- a limit
    $pg->sql("SELECT dtsmig.create_task('u$_', source => 'src_t', objects => '[{\"schema\": \"d\", \"target_schema\": \"d$_\"}]')", role => 'mover') for 1, 2;
    is($pg->error("SELECT dtsmig.start_task('u1')", role => 'mover'), '', "$with: two tasks of a role run");
    like($pg->error("SELECT dtsmig.start_task('u2')", role => 'mover'), qr/53400: too many tasks of role "mover" are running.*HINT/s, "$with: a third is refused");
    like($pg->error("SELECT count(*) FROM dtsmig.option_list(); SET dtsmig.max_tasks_per_role = 9", role => 'mover'), qr/42501/, "$with: the limit is a superuser's to set");

    # --- several at once, none of which sees what the others have not committed
    $pg->sql("SELECT dtsmig.create_task('v$_', source => 'src_t', objects => '[{\"schema\": \"d\", \"target_schema\": \"v$_\"}]')", role => 'mover') for 1 .. 4;
    $pg->sql("SELECT dtsmig.pause_task('u1')", role => 'mover');
    my @sessions = map { IPC::Run::start([ $pg->psql_cmd(undef, 'mover', 0), '-c', "BEGIN; SELECT dtsmig.start_task('v$_'); SELECT pg_sleep(2); COMMIT" ], '>', '/dev/null', '2>', '/dev/null') } 1 .. 4;
    $_->finish for @sessions;
    cmp_ok($pg->value("SELECT count(*) FROM dtsmig.task WHERE wanted = 'running'"), '<=', 2, "$with: of those that are started at the same time no more run, either");
    like($pg->error("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT dtsmig.start_task('u2')", role => 'mover'), qr/55000.*read committed|53400/s, "$with: nor with an old snapshot");
    $pg->sql("SELECT dtsmig.pause_task(task_name) FROM dtsmig.task WHERE task_name LIKE 'v%' AND wanted = 'running'");
    $pg->sql("SELECT dtsmig.resume_task('u1')", role => 'mover');

    # --- an owner that may not log in any more
    $pg->sql('ALTER ROLE mover NOLOGIN');
    $pg->sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'dtsmig task'");
    # the postmaster would start them each 3 s; what was started before ends once
    my $refused = sub { my $n = () = $pg->log_text =~ /FATAL:  role "mover" is not permitted to log in/g; return $n };
    poll_until($refused, 20) if !$preload;
    sleep 6;
    my $n = $refused->();
    sleep 7;
    is($refused->(), $n, "$with: a worker whose role may not log in is not started for ever ($n)");
    $pg->sql('ALTER ROLE mover LOGIN');
    $task->resume if !$preload;
    ok($pg->poll_query("SELECT worker_pid IS NOT NULL FROM dtsmig.tasks WHERE name = 't'", 20), "$with: it comes back when it may");

    # --- a database that is dropped
    $pg->sql('CREATE DATABASE doomed');
    $pg->sql("CREATE EXTENSION dtsmig; " . $my->server_sql('s', dbname => 'd') . "SELECT dtsmig.create_task('x', source => 's'); SELECT dtsmig.start_task('x'); SELECT dtsmig.wait_for('x', 'incremental')", db => 'doomed');
    $pg->sql('DROP DATABASE doomed WITH (FORCE)');
    sleep 6;
    $n = () = $pg->log_text =~ /FATAL:  database \d+ does not exist|FATAL:  database "doomed" does not exist/g;
    cmp_ok($n, '<=', 1, "$with: nor one whose database is gone ($n)");
}
done_testing();
