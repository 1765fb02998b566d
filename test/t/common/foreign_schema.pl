# Schema dtsmig in other hands: nothing that a superuser runs may read or run
# what somebody else has put into it.
use strict;
use warnings;
use Test::More;
use Dts::Postgres;

my $pg = Dts::Postgres->new(preload => 1)->start;
$pg->sql('CREATE ROLE mallory LOGIN; GRANT CREATE ON DATABASE postgres TO mallory');

# --- somebody made the schema before the extension
$pg->sql('CREATE SCHEMA dtsmig', role => 'mallory');
like($pg->error('CREATE EXTENSION dtsmig'), qr/42P06: schema "dtsmig" exists already.*HINT/s, 'a schema of another owner is not taken');
$pg->sql('ALTER SCHEMA dtsmig OWNER TO postgres; GRANT CREATE, USAGE ON SCHEMA dtsmig TO mallory');
like($pg->error('CREATE EXTENSION dtsmig'), qr/42P06/, 'nor one that another may create objects in');
$pg->sql('CREATE FUNCTION dtsmig.progress_bar(integer) RETURNS text LANGUAGE sql AS $$SELECT current_user::text$$', role => 'mallory');
$pg->sql('REVOKE ALL ON SCHEMA dtsmig FROM mallory');
like($pg->error('CREATE EXTENSION dtsmig'), qr/42P06/, 'nor one that has objects');
$pg->sql('DROP FUNCTION dtsmig.progress_bar(integer); CREATE ROLE other SUPERUSER LOGIN');
is($pg->error('CREATE EXTENSION dtsmig', role => 'other'), '', 'an empty one of a superuser is');
is($pg->value("SELECT extversion FROM pg_extension WHERE extname = 'dtsmig'"), '1.0', 'it works');
$pg->sql('DROP EXTENSION dtsmig; DROP SCHEMA IF EXISTS dtsmig');

# --- somebody owns it later
$pg->sql('CREATE EXTENSION dtsmig');
$pg->sql(q{CREATE TABLE public.seen (who text); GRANT ALL ON public.seen TO PUBLIC;
  ALTER SCHEMA dtsmig OWNER TO mallory});
like($pg->error("SELECT dtsmig.start_task('x')"), qr/42501: extension "dtsmig" and its schema "dtsmig" do not belong to a superuser/, 'functions refuse');
$pg->sql('ALTER SCHEMA dtsmig RENAME TO gone', role => 'mallory');
$pg->sql(<<'END', role => 'mallory');
CREATE SCHEMA dtsmig;
CREATE FUNCTION dtsmig.spy() RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
BEGIN INSERT INTO public.seen VALUES (current_user); RETURN 1; END $$;
CREATE VIEW dtsmig.task AS SELECT dtsmig.spy() AS task_id, 10::oid AS owner, 0::bigint AS runtime_handle,
  'running'::text AS wanted, 'running'::text AS status, now() AS resume_at, 'x'::text AS task_name;
GRANT ALL ON SCHEMA dtsmig TO PUBLIC;
GRANT ALL ON ALL TABLES IN SCHEMA dtsmig TO PUBLIC;
END
sleep 7;
is($pg->value('SELECT count(*) FROM public.seen'), 0, 'the launcher does not run it');
like($pg->log_text, qr/extension "dtsmig" and its schema "dtsmig" do not belong to a superuser/, 'and says why');
like($pg->error("SELECT gone.start_task('x')"), qr/42501/, 'functions refuse');
is($pg->value('SELECT count(*) FROM public.seen'), 0, 'and ran nothing');
$pg->sql('DROP SCHEMA dtsmig CASCADE; DROP EXTENSION dtsmig');
$pg->sql('DROP SCHEMA IF EXISTS gone CASCADE');

# --- whoever created the extension is no superuser any more, and has its tables
$pg->sql('CREATE EXTENSION dtsmig', role => 'other');
$pg->sql('ALTER ROLE other NOSUPERUSER');
is($pg->error("INSERT INTO dtsmig.task (task_name, owner, source, migration_types, wanted, status) VALUES ('x', 10, 's', '{full}', 'running', 'running')", role => 'other'), '', 'it writes to them');
sleep 7;
unlike($pg->log_text, qr/dtsmig started task|dtsmig task \d+/, 'nothing is started as whoever it names in it');
like($pg->error("SELECT dtsmig.resume_task('x')"), qr/42501.*REASSIGN OWNED/s, 'functions refuse, and say what to do');
$pg->sql("DELETE FROM dtsmig.task; REASSIGN OWNED BY other TO postgres");
is($pg->error("SELECT dtsmig.create_roles(); SELECT * FROM dtsmig.tasks"), '', 'then it works again');
like($pg->error("SELECT dtsmig.pause_task('x')"), qr/42704/, 'functions, too');
done_testing();
