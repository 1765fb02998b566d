# What a task calls itself in pg_stat_activity is no reason not to start
# another: its owner's code can set application_name.
use strict;
use warnings;
use Test::More;
use Dts::MariaDB;
use Dts::Postgres;
use Dts::Task;

my $my = Dts::MariaDB->new->start;
my $pg = Dts::Postgres->new(preload => 1)->start;
$my->sql('CREATE DATABASE a; CREATE TABLE a.t (id int PRIMARY KEY); CREATE DATABASE b; CREATE TABLE b.t (id int PRIMARY KEY)');
$pg->sql('CREATE EXTENSION dtsmig; CREATE ROLE mover LOGIN; CREATE ROLE eve LOGIN; GRANT CREATE ON DATABASE postgres TO mover, eve; GRANT USAGE ON FOREIGN DATA WRAPPER dtsmig_fdw TO mover, eve');
my $task = Dts::Task->new($my, $pg, name => 'a', role => 'mover', db => 'a');
my $other = Dts::Task->new($my, $pg, name => 'b', role => 'eve', db => 'b');
$_->start->wait_for('incremental') for $task, $other;
my $id = $pg->value("SELECT task_id FROM dtsmig.task WHERE task_name = 'a'");
$pg->sql("CREATE FUNCTION b.name() RETURNS int LANGUAGE sql AS 'SELECT length(set_config(''application_name'', ''dtsmig task $id'', false))'; ALTER TABLE b.t ADD COLUMN n int DEFAULT b.name()", role => 'eve');
$my->sql('INSERT INTO b.t VALUES (1)');
ok($pg->poll_query("SELECT count(*) = 2 FROM pg_stat_activity WHERE application_name = 'dtsmig task $id'", 20), "somebody else's worker has the name of this task");
$pg->sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'dtsmig task $id' AND usename = 'mover'");
$my->sql('INSERT INTO a.t VALUES (1)');
ok($pg->poll_query('SELECT count(*) = 1 FROM a.t', 30), 'the launcher starts it again all the same') or diag $task->report;
done_testing();
