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
is($may->('other', 's.later(int)') . $pg->value('SELECT s.later(1)'), 't2', 'one that is replaced keeps the rights it has at the destination');

# --- what can do anything at the server takes a superuser, whoever has it at the source
$src->sql('CREATE SCHEMA low; CREATE TABLE low.t (id int PRIMARY KEY)');
$_->sql('CREATE LANGUAGE planyu HANDLER plpgsql_call_handler INLINE plpgsql_inline_handler VALIDATOR plpgsql_validator') for $src, $pg;
my %low = (
    'a function in an untrusted language' => 'CREATE FUNCTION low.untrusted() RETURNS int LANGUAGE planyu AS $$BEGIN RETURN 1; END$$',
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
is($pg->value("SELECT count(*) FROM pg_proc WHERE pronamespace = 'low'::regnamespace"), 0, 'none is at the destination');
$low->release;
$src->sql('CREATE FUNCTION low.watch() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN END$$; CREATE EVENT TRIGGER low_watch ON ddl_command_start EXECUTE FUNCTION low.watch()');
my $copy = Dts::Task->new($src, $pg, name => 'low_copy', role => 'mover', objects => [ { schema => 'low' } ], options => { conflict => 'ignore' }, types => [ 'schema' ]);
$copy->start;
ok(poll_until(sub { $copy->status =~ /completed|failed/ }, 20), 'a copy of such definitions ends');
is($pg->value("SELECT count(*) FROM dtsmig.task_objects WHERE task = 'low_copy' AND state = 'failed' AND error ~ 'permission denied for language'"), 3, 'functions in C, internal ones and those of untrusted languages have failed');
is($pg->value("SELECT count(*) FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang WHERE pronamespace = 'low'::regnamespace AND lanname IN ('c', 'internal', 'planyu')") . $pg->value('SELECT count(*) FROM pg_event_trigger'), '00', 'and are not at the destination');
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
$src->sql('CREATE TABLE s.fired (id int PRIMARY KEY); CREATE FUNCTION s.fires() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN new; END$$; CREATE TRIGGER fires BEFORE INSERT ON s.fired FOR EACH ROW EXECUTE FUNCTION s.fires()');
$task->catch_up;
my %power = (
    'a function in an untrusted language' => 'CREATE FUNCTION s.untrusted() RETURNS int LANGUAGE planyu AS $$BEGIN RETURN 1; END$$',
    'a function in C' => q(CREATE FUNCTION s.in_c() RETURNS language_handler LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_call_handler'),
    'a trigger that is ENABLE ALWAYS' => 'ALTER TABLE s.fired ENABLE ALWAYS TRIGGER fires');
for my $what (sort keys %power)
{
    $task->pause;
    $pg->sql('ALTER ROLE mover SUPERUSER');
    my $since = $pg->value("SELECT clock_timestamp()");
    $src->sql($power{$what});
    $task->resume;
    ok(poll_until(sub { $task->status eq 'failed' }, 20), "$what stops the task of a superuser") or diag $task->report;
    like($task->last_error . $pg->value("SELECT string_agg(concat_ws(' ', message, detail), ' ') FROM dtsmig.task_log WHERE task = 'm' AND logged_at >= '$since'"), qr/superuser_ddl/, "$what: the option is named");
    is($pg->value("SELECT (SELECT count(*) FROM pg_proc WHERE pronamespace = 's'::regnamespace AND proname IN ('untrusted', 'in_c')) + (SELECT count(*) FROM pg_trigger WHERE tgenabled = 'A' AND tgrelid = 's.fired'::regclass)"), 0, "$what: it is not at the destination");
    $pg->sql('ALTER ROLE mover NOSUPERUSER');
    $task->sql("SELECT dtsmig.skip_change('m')");
    $task->resume->wait_for('running');
    $task->catch_up;
}
$task->release;

# --- commands that reach into the server are no DDL of a table: the source does
# not record them, also where they share a text with a statement that is
$src->sql('CREATE SCHEMA all_in; CREATE TABLE all_in.t (id int PRIMARY KEY); CREATE FUNCTION all_in.watch() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN END$$');
my $all = Dts::Task->new($src, $pg, name => 'all', objects => [ { schema => 'all_in' } ]);
$all->start->wait_for('incremental');
my $seven = $src->value('SHOW data_directory') . '/dts_seven';
$src->sql("COPY (SELECT 7) TO '$seven'");
my $there = sub { my ($on, $file) = @_; return $on->value("SELECT (pg_stat_file('$file', true)).size IS NOT NULL") };
$src->sql(q{CREATE TABLE all_in.beside (id int PRIMARY KEY); COPY (SELECT 1) TO PROGRAM 'cat > dts_program'});
$src->sql(q{DO $$BEGIN CREATE TABLE all_in.block (id int PRIMARY KEY); COPY (SELECT 1) TO PROGRAM 'cat > dts_block'; END$$});
$src->sql(q{CREATE FUNCTION all_in.both() RETURNS void LANGUAGE sql AS $$CREATE TABLE all_in.inside (id int PRIMARY KEY); COPY (SELECT 1) TO PROGRAM 'cat > dts_inside'$$; SELECT all_in.both()});
$src->sql(q{COPY all_in.t FROM 'dts_seven'});
$src->sql("ALTER SYSTEM SET work_mem = '7MB'");
$src->sql('CREATE EVENT TRIGGER all_watch ON ddl_command_start EXECUTE FUNCTION all_in.watch()');
$src->sql('CREATE FUNCTION all_in.asked() RETURNS int LANGUAGE planyu AS $$BEGIN RETURN 7; END$$');
$all->catch_up;
is($pg->value("SELECT concat_ws(' ', to_regclass('all_in.beside'), to_regclass('all_in.block'), to_regclass('all_in.inside'))"), 'all_in.beside all_in.block all_in.inside', 'the tables are at the destination');
for my $file (qw(dts_program dts_block dts_inside dts_seven))
{
    is($there->($src, $file) . $there->($pg, $file), 'tf', "COPY to a program or a file has run at the source alone: $file");
}
is($pg->value('SELECT string_agg(id::text, $$ $$) FROM all_in.t'), 7, 'COPY from a file of the source: its row is at the destination');
is(join(' ', map { $_->value("SELECT count(*) FROM pg_file_settings WHERE name = 'work_mem' AND setting = '7MB'") } $src, $pg), '1 0', 'ALTER SYSTEM has run at the source alone');
is(join(' ', map { $_->value("SELECT count(*) FROM pg_event_trigger WHERE evtname = 'all_watch'") } $src, $pg), '1 0', 'so has CREATE EVENT TRIGGER');
is($pg->value('SELECT all_in.asked()'), 7, 'a function of an untrusted language is at the destination, for option superuser_ddl asks for it');
$src->sql('DROP EVENT TRIGGER all_watch');
$all->release;

# --- a source user's trigger that is ENABLE ALWAYS: no more than the table's owner
for my $on ($src, $pg)
{
    $on->sql(<<'END');
CREATE ROLE bob LOGIN; GRANT CREATE ON DATABASE postgres TO bob;
CREATE SCHEMA lair AUTHORIZATION bob;
SET ROLE bob;
CREATE TABLE lair.seen (who text, id int);
END
}
$src->sql(<<'END');
CREATE SCHEMA owned AUTHORIZATION bob;
SET ROLE bob;
CREATE FUNCTION owned.note() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
  INSERT INTO lair.seen VALUES (current_user, new.id);
  BEGIN ALTER ROLE bob SUPERUSER; INSERT INTO lair.seen VALUES ('superuser', new.id); EXCEPTION WHEN OTHERS THEN NULL; END;
  BEGIN SET ROLE postgres; INSERT INTO lair.seen VALUES ('SET ROLE', new.id); EXCEPTION WHEN OTHERS THEN NULL; END;
  BEGIN RESET SESSION AUTHORIZATION; INSERT INTO lair.seen VALUES ('RESET', new.id); EXCEPTION WHEN OTHERS THEN NULL; END;
  BEGIN COPY lair.seen TO PROGRAM 'cat > dts_trigger'; INSERT INTO lair.seen VALUES ('PROGRAM', new.id); EXCEPTION WHEN OTHERS THEN NULL; END;
  RETURN new;
END$$;
CREATE TABLE owned.copied (id int PRIMARY KEY);
CREATE TRIGGER note BEFORE INSERT OR UPDATE ON owned.copied FOR EACH ROW EXECUTE FUNCTION owned.note();
ALTER TABLE owned.copied ENABLE ALWAYS TRIGGER note;
INSERT INTO owned.copied VALUES (1);
END
my $owned = Dts::Task->new($src, $pg, name => 'owned', objects => [ { schema => 'owned' } ], options => { owners => JSON::PP::true() });
$owned->start->wait_for('incremental');
$src->sql('INSERT INTO owned.copied VALUES (2)', role => 'bob');
$src->sql('CREATE TABLE owned.later (id int PRIMARY KEY); CREATE TRIGGER note AFTER INSERT ON owned.later FOR EACH ROW EXECUTE FUNCTION owned.note(); ALTER TABLE owned.later ENABLE ALWAYS TRIGGER note; INSERT INTO owned.later VALUES (3)', role => 'bob');
$owned->catch_up;
is($pg->value("SELECT string_agg(relname || ' ' || pg_get_userbyid(relowner), ', ' ORDER BY relname) FROM pg_class WHERE relnamespace = 'owned'::regnamespace AND relkind = 'r'"), 'copied bob, later bob', 'the tables are of the role that owns them at the source');
is($pg->value("SELECT string_agg(id::text, ' ') FROM (SELECT id FROM owned.copied UNION ALL SELECT id FROM owned.later ORDER BY id) t"), '1 2 3', 'their rows are at the destination');
is($pg->value("SELECT string_agg(tgrelid::regclass || ' ' || tgenabled::text, ', ' ORDER BY tgrelid::regclass::text) FROM pg_trigger WHERE tgname = 'note'"), 'owned.copied O, owned.later O', 'their triggers are enabled like others until the cutover');
is($pg->value('SELECT count(*) FROM lair.seen'), 0, 'and have not run for rows that were copied and applied');
# who owns the tables may have them run at the destination
$pg->sql('ALTER TABLE owned.copied ENABLE ALWAYS TRIGGER note; ALTER TABLE owned.later ENABLE ALWAYS TRIGGER note', role => 'bob');
$src->sql('INSERT INTO owned.copied VALUES (4); INSERT INTO owned.later VALUES (5)', role => 'bob');
$owned->catch_up;
is($pg->value("SELECT string_agg(id::text, ' ') FROM (SELECT id FROM owned.copied UNION ALL SELECT id FROM owned.later ORDER BY id) t"), '1 2 3 4 5', 'rows arrive');
is($pg->value("SELECT string_agg(DISTINCT who || ' ' || id, ', ') FROM lair.seen"), 'bob 4, bob 5', "the triggers have run for them, as the table's owner alone");
is($pg->value("SELECT rolsuper FROM pg_roles WHERE rolname = 'bob'") . $there->($pg, 'dts_trigger'), 'ff', 'who has got nothing by it');
done_testing();
