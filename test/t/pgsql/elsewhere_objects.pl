# Objects that could not be made at a destination elsewhere: retry_object makes them
# there, by their own statement or by another one, once.
use strict;
use warnings;
use Test::More;
use Dts::PgSource qw(pg_pair same_pg_tables);
use Dts::Postgres;
use Dts::Proxy;
use Dts::Task;

my ($src, $hub) = pg_pair();
my $dst = Dts::Postgres->new(preload => 0)->start;
my $line = Dts::Proxy->new(port => $dst->{port});
$dst->sql("CREATE ROLE app LOGIN PASSWORD 'pw'; CREATE DATABASE app OWNER app");
$dst->prepend_hba('host all app 127.0.0.1/32 scram-sha-256');
$dst->{dbname} = 'app';
$hub->sql('CREATE ROLE mover LOGIN; GRANT CREATE ON DATABASE postgres TO mover; GRANT USAGE ON FOREIGN DATA WRAPPER dtsmig_fdw TO mover; CREATE ROLE stranger LOGIN');
# what keeps views from being made, until somebody at the destination allows them
$dst->sql(q{CREATE FUNCTION public.views() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN IF to_regclass('o.allowed') IS NULL THEN RAISE 'no views yet' USING ERRCODE = '42P01'; END IF; END$$;
CREATE EVENT TRIGGER views ON ddl_command_start WHEN TAG IN ('CREATE VIEW') EXECUTE FUNCTION public.views()});
$src->sql(<<'END');
CREATE SCHEMA s; CREATE TABLE s.t (id int PRIMARY KEY, v text); INSERT INTO s.t VALUES (1, 'x');
CREATE VIEW s.a AS SELECT id FROM s.t; CREATE VIEW s.b AS SELECT id + 1 AS id FROM s.t; CREATE VIEW s.c AS SELECT id + 2 AS id FROM s.t; CREATE VIEW s.d AS SELECT id + 3 AS id FROM s.t;
END
my $task = Dts::Task->new($src, $hub, name => 'o', db => 'postgres', role => 'mover', objects => [ { schema => 's' } ], destination => $dst, destination_port => $line->{port}, destination_user => 'app', destination_password => 'pw');
$task->start->wait_for('incremental', 60);
my $states = sub { return $task->sql("SELECT string_agg(name || ' ' || state, ', ' ORDER BY name) FROM dtsmig.task_objects WHERE task = 'o' AND kind = 'view'") };
my $there = sub { return $dst->value("SELECT coalesce(string_agg(relname, ', ' ORDER BY relname), '') FROM pg_class WHERE relkind = 'v' AND relnamespace = 's'::regnamespace") };
like($states->(), qr/a failed, .*b failed, .*c failed, .*d failed/, 'views that could not be made');
my $retry = sub { my ($what, $statement) = @_; return "SELECT dtsmig.retry_object('o', '$what'" . ($statement ? ", '$statement'" : '') . ')' };
like($hub->error($retry->('view s.a'), role => 'mover'), qr/42P01.*no views yet/s, 'what is missing is missing still');
like($states->(), qr/a failed/, 'and it has failed still');
like($hub->error($retry->('view s.a'), role => 'stranger'), qr/42501/, 'not for everybody');
$dst->sql('SET ROLE app; CREATE SCHEMA o; CREATE TABLE o.allowed ()');
$hub->sql($retry->('view s.a'), role => 'mover');
is($there->(), 'a', 'made by its own statement');
is($dst->value("SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = 's.a'::regclass"), 'app', 'by the account of the task');
is($hub->value("SELECT to_regclass('s.a') IS NULL"), 't', 'and not in the hub');
$hub->sql($retry->('view s.b', 'CREATE VIEW s.b AS SELECT 7 AS id'), role => 'mover');
is($dst->value('SELECT id FROM s.b'), 7, 'by another one');
$hub->sql('BEGIN; ' . $retry->('view s.c') . '; ROLLBACK', role => 'mover');
is($there->(), 'a, b', 'rolled back: at both ends');
like($states->(), qr/c failed/, '… in the catalog, too');
like($hub->error($retry->('view s.c', 'CREATE VIEW s.c AS SELECT 1; DROP TABLE s.t'), role => 'mover'), qr/42601/, 'one statement');
# the hub does not get to know of the COMMIT there
$line->lose('reply');
like($hub->error($retry->('view s.c'), role => 'mover'), qr/0800\d/, 'a reply that is lost');
is($there->(), 'a, b, c', 'it is made');
like($states->(), qr/c failed/, 'which the catalog does not know');
$hub->sql($retry->('view s.c'), role => 'mover');
like($states->(), qr/c done/, 'until it is asked for again');
like($hub->error($retry->('view s.c'), role => 'mover'), qr/55000.*has not failed/s, 'once');
is($hub->value("DO \$\$ BEGIN PERFORM dtsmig.retry_object('o', 'view s.d', 'CREATE VIEW s.d AS SELECT nothing'); EXCEPTION WHEN undefined_column THEN PERFORM dtsmig.retry_object('o', 'view s.d'); END \$\$; SELECT 'went on'", role => 'mover'), 'went on', 'after an error that was caught');
is($there->(), 'a, b, c, d', 'all are there');
$src->sql("INSERT INTO s.t VALUES (2, 'y')");
$task->catch_up(60);
same_pg_tables($src, $dst, 'the task has gone on', schemas => ['s']);
is($hub->value("SELECT count(*) FROM dtsmig.alerts WHERE task = 'o' AND kind = 'object' AND state <> 'cleared'", role => 'mover'), 0, 'nothing is left to be said') or note $hub->sql('SELECT * FROM dtsmig.alerts');
$task->release->drop;
done_testing();
