# What captures DDL at a PostgreSQL source runs with the rights of the task's
# account at the source: nobody else may have a hand in its schema.
use strict;
use warnings;
use Test::More;
use Dts::Env qw(poll_until);
use Dts::PgSource qw(pg_pair);
use Dts::Task;

my ($src, $pg) = pg_pair();
$src->sql('CREATE ROLE mallory LOGIN; GRANT CREATE ON DATABASE postgres TO mallory; CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE seen (who text); GRANT INSERT ON seen TO PUBLIC');
my $made = 0;
my $task = sub {
    $pg->sql('DROP TABLE IF EXISTS public.t');
    my $t = Dts::Task->new($src, $pg, name => 'm' . ++$made, objects => [ { schema => 'public', table => 't' } ]);
    return $t->start;
};
my $refused = sub {
    my ($t, $what) = @_;
    ok($t->wait_status('precheck_failed', 30), $what) or diag $t->report;
    like($pg->value("SELECT found || advice FROM dtsmig.precheck_results WHERE item = 'ddl_capture' AND status = 'failed' AND task = '$t->{name}'"),
        qr/schema dtsmig_source is not mig's own.*rename or drop/, 'with a hint');
    is($pg->error("SELECT dtsmig.release_task('$t->{name}')"), '', 'and can be released');
};

# --- event triggers of the source's own read views
$src->sql(<<'END');
CREATE SCHEMA dba; CREATE VIEW dba.rule AS SELECT 1 AS one;
CREATE FUNCTION dba.look() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN PERFORM one FROM dba.rule; END$$;
CREATE EVENT TRIGGER look ON ddl_command_end EXECUTE PROCEDURE dba.look();
END
{
    my $first = $task->();
    $first->wait_for('incremental');
    is($pg->error("SELECT dtsmig.release_task('$first->{name}')"), '', 'event triggers that read views are in no way');
    is($src->value("SELECT count(*) FROM pg_event_trigger WHERE evtname <> 'look'"), 0, 'and nothing is left');
    $src->sql('DROP EVENT TRIGGER look');
}

# --- made before by somebody else
$src->sql('CREATE SCHEMA dtsmig_source', role => 'mallory');
$refused->($task->(), 'a schema of another role');
is($src->value("SELECT nspowner::regrole FROM pg_namespace WHERE nspname = 'dtsmig_source'"), 'mallory', 'which stays as it is');
$src->sql('ALTER SCHEMA dtsmig_source OWNER TO mig; GRANT CREATE, USAGE ON SCHEMA dtsmig_source TO mallory');
$refused->($task->(), 'one that another role may create in');
$src->sql('DROP SCHEMA IF EXISTS dtsmig_source; CREATE SCHEMA dtsmig_source AUTHORIZATION mig; GRANT CREATE, USAGE ON SCHEMA dtsmig_source TO mallory');
$src->sql("CREATE FUNCTION dtsmig_source.trap() RETURNS int LANGUAGE sql AS 'SELECT 1'", role => 'mallory');
$src->sql('REVOKE CREATE ON SCHEMA dtsmig_source FROM mallory');
$refused->($task->(), 'one with an object of another role');
$src->sql('DROP SCHEMA dtsmig_source CASCADE');

# --- taken over while the task runs: the next look finds it
my $t = $task->();
$t->wait_for('incremental');
my $stream = $src->value('SELECT pubname FROM pg_publication');
$t->pause;
$src->sql('ALTER SCHEMA dtsmig_source OWNER TO mallory');
$t->resume;
ok(poll_until(sub { ($t->last_error // '') =~ /is not the account's own: it belongs to role mallory/ }, 30), 'a schema that changes hands stops the task') or diag $t->report;
# what mallory would do: a view that runs as whoever reads it
$src->sql(<<"END");
ALTER SCHEMA dtsmig_source RENAME TO away;
SET ROLE mallory;
CREATE SCHEMA dtsmig_source;
CREATE FUNCTION dtsmig_source.spy() RETURNS bigint LANGUAGE plpgsql AS \$\$BEGIN INSERT INTO public.seen VALUES (current_user); RETURN 1; END\$\$;
CREATE VIEW dtsmig_source."$stream" AS SELECT dtsmig_source.spy() AS id;
CREATE VIEW dtsmig_source."${stream}_identity" AS SELECT 1::oid AS relid, dtsmig_source.spy();
GRANT ALL ON ALL TABLES IN SCHEMA dtsmig_source TO PUBLIC;
GRANT USAGE ON SCHEMA dtsmig_source TO PUBLIC;
END
$pg->error("SELECT dtsmig.pause_task('$t->{name}')");
is($pg->error("SELECT dtsmig.release_task('$t->{name}')"), '', 'it can be released');
is($src->value('SELECT count(*) FROM seen'), 0, "mallory's functions were not run");
is($src->value("SELECT count(*) FROM pg_event_trigger"), 0, 'the event triggers are gone');
$src->sql('DROP SCHEMA dtsmig_source CASCADE; DROP SCHEMA away CASCADE');

# --- a slot by the task's name that is somebody else's
$pg->sql('DROP TABLE public.t');
my $next = Dts::Task->new($src, $pg, name => 'slot', objects => [ { schema => 'public', table => 't' } ]);
my $slot = $stream =~ s/^dts_sync_\d+_/dts_sync_$next->{id}_/r;
$src->sql("SELECT pg_create_logical_replication_slot('$slot', 'test_decoding')");
$next->start;
ok(poll_until(sub { $next->status =~ /failed/ }, 30), 'a slot of another plugin stops the task') or diag $next->report;
like($next->last_error . $pg->value("SELECT string_agg(found, ' ') FROM dtsmig.precheck_results WHERE task = 'slot' AND status = 'failed'"), qr/replication slot "$slot" at the source is not one of dtsmig/, 'and is named') or diag $next->report;
$pg->error("SELECT dtsmig.release_task('slot')");
$src->sql("SELECT pg_drop_replication_slot('$slot') FROM pg_replication_slots WHERE slot_name = '$slot'");

# --- the hooks work for a session with other settings
$t = $task->();
$t->wait_for('incremental');
$src->sql("ALTER ROLE mallory SET standard_conforming_strings = off; GRANT CREATE ON SCHEMA public TO mallory");
my $all = Dts::Task->new($src, $pg, name => 'all', objects => [ { schema => 'shop' } ]);
$src->sql('CREATE SCHEMA shop AUTHORIZATION mallory; CREATE TABLE shop.first (id int PRIMARY KEY)');
$all->start->wait_for('incremental');
$src->sql('CREATE TABLE shop.new (id int PRIMARY KEY, v text); INSERT INTO shop.new VALUES (1, \'a\'); ALTER TABLE shop.new ADD COLUMN w int', role => 'mallory');
$all->catch_up;
is($pg->value('SELECT id || v FROM shop.new'), '1a', 'standard_conforming_strings = off: a new table is taken in');
done_testing();
