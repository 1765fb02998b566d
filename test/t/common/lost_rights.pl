# A task's owner loses rights while the task runs: the next run does not begin.
use strict;
use warnings;
use Test::More;
use Dts::Env qw(poll_until);
use Dts::MariaDB;
use Dts::Postgres;
use Dts::Task;

my $my = Dts::MariaDB->new->start;
my $pg = Dts::Postgres->new(preload => 1)->start;
$my->sql('CREATE DATABASE d; CREATE TABLE d.t (id int PRIMARY KEY)');
$pg->sql('CREATE EXTENSION dtsmig; CREATE ROLE mover LOGIN; GRANT CREATE ON DATABASE postgres TO mover');
$pg->sql($my->server_sql('src', dbname => 'd') =~ s/CURRENT_USER/mover/r . '; GRANT USAGE ON FOREIGN SERVER src TO mover');
my $task = Dts::Task->new($my, $pg, name => 't', role => 'mover', source => 'src');
$task->start->wait_for('incremental');
$pg->sql('REVOKE USAGE ON FOREIGN SERVER src FROM mover');
$pg->sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'dtsmig task'");
ok(poll_until(sub { ($task->last_error // '') =~ /permission denied for foreign server src/ }, 20), 'without USAGE a worker does not go on') or diag $task->report;
$pg->error("SELECT dtsmig.pause_task('t')", role => 'mover');
like($pg->error("SELECT dtsmig.resume_task('t')", role => 'mover'), qr/42501: permission denied for foreign server src/, 'nor does it begin');
my ($mapping) = $my->server_sql('src', dbname => 'd') =~ /(CREATE USER MAPPING .*)/s;
$pg->sql('GRANT USAGE ON FOREIGN SERVER src TO mover; DROP USER MAPPING FOR mover SERVER src');
like($pg->error("SELECT dtsmig.resume_task('t')", role => 'mover'), qr/user mapping not found/, 'nor without a user mapping');
$pg->sql($mapping =~ s/CURRENT_USER/mover/r);
$task->resume;
$my->sql('INSERT INTO d.t VALUES (1)');
$task->catch_up;
is($pg->value('SELECT count(*) FROM d.t'), 1, 'with both it goes on');

# --- another account, which the source does not know
$pg->sql("ALTER USER MAPPING FOR mover SERVER src OPTIONS (SET password 'changed')");
$my->sql('INSERT INTO d.t VALUES (2)');
$task->catch_up;
is($pg->value('SELECT count(*) FROM d.t'), 2, 'a connection that is open goes on with the account that it had');
$pg->sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'dtsmig task'");
ok(poll_until(sub { ($task->last_error // '') =~ /Access denied/ }, 20), 'the next one has that of the user mapping') or diag $task->report;
my ($password) = $mapping =~ /password '([^']*)'/;
$pg->sql("ALTER USER MAPPING FOR mover SERVER src OPTIONS (SET password '$password')");
$task->resume if $task->status eq 'failed';
$my->sql('INSERT INTO d.t VALUES (3)');
$task->catch_up;
is($pg->value('SELECT count(*) FROM d.t'), 3, 'with the right one it goes on');

# --- the table is somebody else's, and then its owner leaves that role
$pg->sql('CREATE ROLE keeper; GRANT keeper TO mover; GRANT USAGE ON SCHEMA d TO keeper; ALTER TABLE d.t OWNER TO keeper');
$my->sql('INSERT INTO d.t VALUES (4)');
$task->catch_up;
is($pg->value('SELECT count(*) FROM d.t'), 4, "as a member of the table's owner the task goes on");
$pg->sql('REVOKE keeper FROM mover');
$my->sql('INSERT INTO d.t VALUES (5)');
ok(poll_until(sub { $task->status eq 'failed' }, 20), 'without the membership it stops') or diag $task->report;
like($task->last_error, qr/permission denied for table t|must be owner of table|cannot SET ROLE/, 'and says why');
is($pg->value('SELECT count(*) FROM d.t'), 4, 'nothing more was written');
$pg->sql('ALTER TABLE d.t OWNER TO mover');
$task->resume;
$task->catch_up;
is($pg->value('SELECT count(*) FROM d.t'), 5, 'as the owner of the table it goes on');

# --- a task whose owner is gone
$pg->sql('DROP OWNED BY mover CASCADE; DROP ROLE mover');
$my->sql('CREATE TABLE d.u (id int PRIMARY KEY)');
$pg->sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'dtsmig task'");
ok($pg->poll_query("SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'dtsmig task'", 20), 'a task whose owner is gone has no worker');
is($pg->value("SELECT count(*) FROM dtsmig.tasks WHERE name = 't'"), 1, 'a superuser sees it');
is($pg->error("SELECT dtsmig.drop_task('t')"), '', 'and drops it');
is(() = $pg->log_text =~ /terminated by signal|^TRAP/mg, 0, 'no process has crashed');
done_testing();
