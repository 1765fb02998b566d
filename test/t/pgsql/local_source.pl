# This database as the source of a task (source => 'local'), whose owner is no superuser,
# to another PostgreSQL server, on which nothing is installed; and the way back of
# that.
#
# dts-runs: postgresql
use strict;
use warnings;
use Test::More;
use Dts::Env qw(poll_until);
use Dts::PgSource qw(same_pg_tables);
use Dts::Task;
use Dts::WayBack qw(way_back_hub way_back_of);

my $pg = way_back_hub();
$pg->sql('DROP SERVER local CASCADE');
my $dst = Dts::PgSource->new->start;
$pg->sql("CREATE ROLE mover LOGIN; CREATE ROLE feeder LOGIN REPLICATION PASSWORD 'secret' IN ROLE mover; GRANT CREATE ON DATABASE postgres TO mover; GRANT USAGE ON FOREIGN DATA WRAPPER dtsmig_fdw TO mover");
$dst->sql("CREATE ROLE app LOGIN REPLICATION PASSWORD 'pw'; CREATE DATABASE app OWNER app; GRANT SET ON PARAMETER session_replication_role TO app");
$pg->prepend_hba(map { "host $_ feeder 127.0.0.1/32 scram-sha-256" } qw(all replication));
$dst->prepend_hba(map { "host $_ app 127.0.0.1/32 scram-sha-256" } qw(all replication));
$dst->{dbname} = 'app';
$pg->sql("CREATE SCHEMA s; CREATE TABLE s.t (id serial PRIMARY KEY, v text); INSERT INTO s.t (v) SELECT 'v' || i FROM generate_series(1, 300) i; CREATE TABLE s.p (id int PRIMARY KEY); INSERT INTO s.p SELECT generate_series(1, 10); CREATE TABLE s.c (id int PRIMARY KEY, p int REFERENCES s.p ON DELETE CASCADE); INSERT INTO s.c SELECT i, i FROM generate_series(1, 10) i", role => 'mover');

$pg->sql("CREATE SERVER local TYPE 'postgresql' FOREIGN DATA WRAPPER dtsmig_fdw OPTIONS (host '127.0.0.1', port '$pg->{port}', dbname 'postgres'); CREATE USER MAPPING FOR CURRENT_USER SERVER local OPTIONS (user 'mover')", role => 'mover');
like($pg->error("SELECT dtsmig.test_connection('local')", role => 'mover'), qr/password/, 'nobody is let in without a password');
$pg->sql("ALTER USER MAPPING FOR CURRENT_USER SERVER local OPTIONS (SET user 'feeder', ADD password 'secret')", role => 'mover');
my $task = Dts::Task->new($pg, $pg, name => 'out', source => 'local', role => 'mover', destination => $dst, destination_user => 'app', destination_password => 'pw', objects => [ { schema => 's' } ]);
is($pg->value("SELECT string_agg(concat_ws(' ', item, found), E'\\n') FROM dtsmig.precheck('out') WHERE status = 'failed'", role => 'mover'), '', 'its precheck');
$task->start->wait_for('incremental', 90);
$pg->sql("INSERT INTO s.t (v) VALUES ('more'); UPDATE s.t SET v = 'x' WHERE id < 10; DELETE FROM s.p WHERE id = 3", role => 'mover');
$task->catch_up(60);
my $same = sub { local $Test::Builder::Level = $Test::Builder::Level + 1; same_pg_tables($pg, $dst, $_[0], schemas => [ 's' ]); };
$same->('from this database to another server');
$pg->sql("SELECT dtsmig.reverse_task('out')", role => 'mover');
my $back = way_back_of($task);
$back->{my} = $dst;
is($pg->value("SELECT source || ' ' || destination FROM dtsmig.tasks WHERE name = 'out_back'"), 'dst_out local', 'its way back begins at the destination');
for my $turn (1 .. 2)
{
    my ($from, $to, $server, $role) = $turn % 2 ? ($task, $back, $dst, undef) : ($back, $task, $pg, 'mover');
    $pg->sql("SELECT dtsmig.cutover('$from->{name}', reverse => true, quiet => '0', verify => 'full')", role => 'mover');
    $server->sql("INSERT INTO s.t (v) VALUES ('turn $turn'); UPDATE s.t SET v = 'later $turn' WHERE id BETWEEN 20 AND 29; DELETE FROM s.p WHERE id = 3 + $turn", role => $role);
    ok($to->wait_status('running', 30), "turn $turn: the other way runs") or diag $to->report;
    $to->catch_up(60);
    $same->("turn $turn");
}
is($pg->value("SELECT count(*) FROM dtsmig.task_log WHERE severity = 'error'"), 0, 'no error');
is($pg->error("SET statement_timeout = '60 s'; SELECT dtsmig.cutover('out', quiet => '0')", role => 'mover'), '', 'an end without a way back');
is($pg->value('SELECT count(*) FROM pg_replication_slots'), 0, 'no slot is left');
done_testing();
