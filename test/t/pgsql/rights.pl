# Who may do what at the destination of a PostgreSQL source: the task's role is
# no superuser unless that is asked for, and functions that the source has
# closed are not open.
use strict;
use warnings;
use Test::More;
use Dts::Env qw(poll_until);
use Dts::PgSource qw(pg_pair);
use Dts::Task;

my ($src, $pg) = pg_pair();
$src->sql(<<'END');
CREATE SCHEMA s;
CREATE TABLE s.t (id int PRIMARY KEY);
CREATE FUNCTION s.power() RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT current_user::text';
CREATE FUNCTION s.open(a int, b text DEFAULT 'x') RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE PROCEDURE s.proc() LANGUAGE sql AS 'SELECT 1';
REVOKE ALL ON FUNCTION s.power() FROM PUBLIC;
CREATE ROLE visitor;
GRANT EXECUTE ON FUNCTION s.power() TO visitor;
END
$pg->sql('CREATE ROLE mover LOGIN; GRANT CREATE ON DATABASE postgres TO mover; GRANT USAGE ON FOREIGN DATA WRAPPER dtsmig_fdw TO mover; CREATE ROLE other LOGIN');

# --- a superuser
my $super = Dts::Task->new($src, $pg, name => 'super', objects => [ { schema => 's' } ], options => { superuser_ddl => JSON::PP::false() });
my $item = sub { $pg->value("SELECT string_agg(status || ': ' || found || coalesce(' ' || sql, ''), E'\n') FROM dtsmig.precheck_results WHERE item = 'destination_role' AND task = '$_[0]'") };
$super->sql("SELECT count(*) FROM dtsmig.precheck('super')");
like($item->('super'), qr/^failed: role postgres is a superuser.*superuser_ddl/s, 'a superuser fails the precheck, which says what to do');
$super->start;
ok(poll_until(sub { $super->status eq 'precheck_failed' }, 20), 'and nothing is run');
$super->sql(q{SELECT dtsmig.alter_task('super', '{"superuser_ddl": true}')});
$super->sql("SELECT count(*) FROM dtsmig.precheck('super')");
like($item->('super'), qr/^passed/, 'unless it is asked for');
$super->drop;

# --- a plain role
my $task = Dts::Task->new($src, $pg, name => 'm', role => 'mover', objects => [ { schema => 's' } ]);
$task->start->wait_for('incremental');
my $may = sub { my ($role, $f) = @_; return $pg->value("SELECT has_function_privilege('$role', '$f', 'EXECUTE')") };
is($may->('other', 's.power()'), 'f', 'a SECURITY DEFINER function is not open');
is($may->('other', 's.open(int, text)'), 'f', 'nor is any');
is($may->('other', 's.proc()'), 'f', 'nor a procedure');
is($may->('mover', 's.power()'), 't', 'but to its owner');
like($pg->value("SELECT string_agg(note, ' ') FROM dtsmig.task_objects WHERE name LIKE '%power%'"), qr/SECURITY DEFINER/, 'a note says that it runs as another');
like($pg->value("SELECT string_agg(found, ' ') FROM dtsmig.precheck_results WHERE task = 'm'"), qr/SECURITY DEFINER/, 'the precheck, too');
$src->sql("CREATE FUNCTION s.later(int) RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT current_user::text'; REVOKE ALL ON FUNCTION s.later(int) FROM PUBLIC; CREATE PROCEDURE s.later_proc() LANGUAGE sql AS 'SELECT 1'");
$task->catch_up;
is($may->('other', 's.later(int)'), 'f', 'one that is made later is not open');
is($may->('other', 's.later_proc()'), 'f', 'nor a procedure');
$pg->sql('GRANT EXECUTE ON FUNCTION s.later(int) TO other');
$src->sql("CREATE OR REPLACE FUNCTION s.later(int) RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT 2::text'");
$task->catch_up;
is($may->('other', 's.later(int)') . $pg->value('SELECT s.later(1)'), 't2', 'one that is replaced keeps the rights it has here');

# --- what can do anything at the server takes a superuser, whoever has it at the source
$src->sql('CREATE SCHEMA low; CREATE TABLE low.t (id int PRIMARY KEY)');
my %low = (
    'a function in C' => q(CREATE FUNCTION low.in_c() RETURNS language_handler LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_call_handler'),
    'an internal function' => q(CREATE FUNCTION low.inside(text) RETURNS bytea LANGUAGE internal AS 'pg_read_binary_file_all'));
my $low = Dts::Task->new($src, $pg, name => 'low', role => 'mover', objects => [ { schema => 'low' } ]);
$low->start->wait_for('incremental');
for my $what (sort keys %low)
{
    $src->sql($low{$what});
    ok(poll_until(sub { $low->status eq 'failed' }, 20), "$what stops the task of a plain role") or diag $low->report;
    like($low->report, qr/permission denied for language/, "$what: and the message says why");
    $low->sql("SELECT dtsmig.skip_change('low')");
    $low->resume->wait_for('running');
    $low->catch_up;
}
is($pg->value("SELECT count(*) FROM pg_proc WHERE pronamespace = 'low'::regnamespace"), 0, 'none is here');
$low->release;
$src->sql('CREATE FUNCTION low.watch() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN END$$; CREATE EVENT TRIGGER low_watch ON ddl_command_start EXECUTE FUNCTION low.watch()');
my $copy = Dts::Task->new($src, $pg, name => 'low_copy', role => 'mover', objects => [ { schema => 'low' } ], options => { conflict => 'ignore' }, types => [ 'schema' ]);
$copy->start;
ok(poll_until(sub { $copy->status =~ /completed|failed/ }, 20), 'a copy of such definitions ends');
is($pg->value("SELECT count(*) FROM dtsmig.task_objects WHERE task = 'low_copy' AND state = 'failed' AND error ~ 'permission denied for language'"), 2, 'functions in C and internal ones have failed');
is($pg->value("SELECT count(*) FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang WHERE pronamespace = 'low'::regnamespace AND lanname IN ('c', 'internal')") . $pg->value('SELECT count(*) FROM pg_event_trigger'), '00', 'and are not here');
$src->sql('DROP EVENT TRIGGER low_watch');
$copy->drop;

# --- who becomes a superuser while the task runs
$task->pause;
$pg->sql('ALTER ROLE mover SUPERUSER');
$src->sql('CREATE TABLE s.more (id int PRIMARY KEY)');
$task->resume;
ok(poll_until(sub { $task->status eq 'failed' }, 20), 'DDL does not run as a superuser');
like($pg->value("SELECT string_agg(detail, ' ') FROM dtsmig.task_log WHERE task = 'm' AND severity = 'error'"), qr/superuser_ddl/, 'and the log says why');
$pg->sql('ALTER ROLE mover NOSUPERUSER');
$task->resume;
$task->catch_up;
is($pg->value("SELECT to_regclass('s.more') IS NOT NULL"), 't', 'it goes on as a plain role');
done_testing();
