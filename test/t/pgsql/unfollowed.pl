# What no statement of a PostgreSQL source's log brings: it is applied, or said.
use strict;
use warnings;
use Test::More;
use Dts::Env qw(poll_until);
use Dts::PgSource qw(pg_pair same_pg_tables);
use Dts::Task;

my ($src, $pg) = pg_pair();
$src->sql('CREATE DATABASE shop; CREATE ROLE helper; CREATE ROLE away');
$pg->sql('CREATE ROLE helper; CREATE ROLE goes');
$src->sql(<<'END', db => 'shop');
CREATE SCHEMA s;
CREATE TABLE s.t (id int PRIMARY KEY, v text, stamps int DEFAULT 0);
CREATE FUNCTION s.stamp() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.stamps := coalesce(NEW.stamps, 0) + 1; RETURN NEW; END$$;
CREATE TABLE s.old (id int PRIMARY KEY, v text, stamps int DEFAULT 0);
CREATE TRIGGER st BEFORE INSERT OR UPDATE ON s.old FOR EACH ROW EXECUTE PROCEDURE s.stamp(); ALTER TABLE s.old ENABLE ALWAYS TRIGGER st;
CREATE TABLE s.log (id int PRIMARY KEY); CREATE TABLE s.ruled (id int PRIMARY KEY); CREATE RULE r AS ON INSERT TO s.ruled DO ALSO INSERT INTO s.log VALUES (NEW.id + 100); ALTER TABLE s.ruled ENABLE ALWAYS RULE r;
INSERT INTO s.old VALUES (1, 'a'), (2, 'b');
END
my $task = Dts::Task->new($src, $pg, name => 'm', db => 'shop', options => { owners => \1 })->start;
$task->wait_for('incremental', 60);
my $warned = sub { my (undef, undef, $err) = $pg->psql($_[0]); return $err; };
is($warned->("SELECT dtsmig.verify('m', 'schema')"), '', 'nothing is missing at first');
is($pg->value("SELECT string_agg(tgenabled, '') FROM pg_trigger WHERE tgrelid = 's.old'::regclass AND NOT tgisinternal"), 'O', 'a trigger that is enabled always at the source is not so at the destination');

# --- triggers that act on replicated rows
$src->sql("INSERT INTO s.old VALUES (3, 'c'); UPDATE s.old SET v = 'x'; INSERT INTO s.ruled VALUES (1)", db => 'shop');
$src->sql("CREATE TRIGGER st BEFORE INSERT OR UPDATE ON s.t FOR EACH ROW EXECUTE PROCEDURE s.stamp(); ALTER TABLE s.t ENABLE ALWAYS TRIGGER st; INSERT INTO s.t VALUES (1, 'a'), (2, 'b'); UPDATE s.t SET v = 'c' WHERE id = 2", db => 'shop');
$task->catch_up;
same_pg_tables($src, $pg, 'rows are stamped once', schemas => ['s'], db => 'shop');
like($pg->value("SELECT string_agg(message, '; ') FROM dtsmig.task_log WHERE severity = 'warning'"), qr/left to the cutover: ALTER TABLE s\.t ENABLE ALWAYS TRIGGER st/, 'with a line in the log');

# --- of the database, and what holds secrets
$src->sql("ALTER DATABASE shop SET work_mem = '77MB'; ALTER DATABASE shop SET search_path = s, public; ALTER ROLE helper IN DATABASE shop SET datestyle = 'SQL, DMY'; ALTER ROLE away IN DATABASE shop SET work_mem = '1MB'; COMMENT ON DATABASE shop IS 'it''s the shop'");
$src->sql(<<'END', db => 'shop');
CREATE EXTENSION postgres_fdw; CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'x');
CREATE USER MAPPING FOR helper SERVER far OPTIONS (user 'u', password 'topsecret'); CREATE USER MAPPING FOR away SERVER far OPTIONS (password 'p');
SELECT lo_create(0); SELECT lo_create(0);
CREATE FUNCTION public.see() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN END$$;
CREATE EVENT TRIGGER see ON ddl_command_end WHEN TAG IN ('CREATE TABLE', 'ALTER TABLE') EXECUTE PROCEDURE public.see();
CREATE ROLE goes; CREATE TABLE s.owned (id int PRIMARY KEY); ALTER TABLE s.owned OWNER TO goes; REASSIGN OWNED BY goes TO postgres;
END
ok(eval { $task->catch_up; 1 }, 'the task goes on') or diag $task->report;
my @wanted = (qr/setting work_mem = 77MB of the database at the source is not at the destination/, qr/setting search_path = s, public of the database/, qr/setting (?i:datestyle) = SQL, DMY of the database for role helper/,
    qr/the comment on the source's database is not at the destination/, qr/event trigger see of the source is not at the destination/, qr/foreign server far of the source is not at the destination/, qr/user mapping of helper for server far is not at the destination/,
    qr/s\.owned belongs to role postgres at the source, and to goes at the destination/, qr/the source has 2 large objects, which are not migrated, and this database 0/);
my $said = $warned->("SELECT dtsmig.verify('m', 'schema')");
like($said, $_, "verify says: $_") for @wanted;
unlike($said, qr/away|topsecret/, 'not what cannot be at the destination, and no password');
my $precheck = $pg->value("SELECT found FROM dtsmig.precheck('m') WHERE item = 'database_settings'");
like($precheck, $_, "the precheck says: $_") for @wanted[ 0 .. 3 ];
like($precheck = $pg->value("SELECT found FROM dtsmig.precheck('m') WHERE item = 'large_objects'"), qr/: 2$/, 'and of large objects');

# --- what is said to be run brings it
my @sql = map { $_->[0] } $pg->rows("SELECT DISTINCT hint FROM dtsmig.task_log WHERE severity = 'warning' AND hint ~ '^(ALTER|CREATE|COMMENT)' ORDER BY 1");
@sql = sort { ($a =~ /MAPPING/) <=> ($b =~ /MAPPING/) } @sql;
$pg->sql('CREATE EXTENSION IF NOT EXISTS postgres_fdw');
$pg->sql($_) for @sql;
$pg->sql('SELECT lo_create(0), lo_create(0)');
is($warned->("SELECT dtsmig.verify('m', 'schema')"), '', 'after the statements of the hints nothing is said');
is($pg->value("SELECT setting FROM (SELECT unnest(setconfig) AS setting FROM pg_db_role_setting WHERE setrole = 0) x WHERE setting LIKE 'search_path%'"), 'search_path=s, public', 'a list is a list');
is($pg->value("SELECT evttags::text FROM pg_event_trigger WHERE evtname = 'see'"), '{"CREATE TABLE","ALTER TABLE"}', 'an event trigger has its tags');

# --- one that acts on what the task runs
$pg->sql('ALTER EVENT TRIGGER see ENABLE ALWAYS');
like($warned->("SELECT dtsmig.verify('m', 'schema')"), qr/event trigger see acts on the statements that the task applies, too/, 'an event trigger that is enabled always is said');
$pg->sql('ALTER EVENT TRIGGER see ENABLE');

# --- SQL that is shown to be run at the destination is one statement, whatever the source calls a setting
$src->sql("SELECT set_config('search_path', 's;ALTER/**/ROLE/**/helper/**/SUPERUSER', false); ALTER DATABASE shop SET search_path FROM CURRENT", db => 'shop');
$said = $warned->("SELECT dtsmig.verify('m', 'schema')");
like($said, qr/setting search_path = s;ALTER/, 'a setting that is more than one statement is said');
unlike($said, qr/HINT:[^\n]*SUPERUSER/, 'without SQL');
$pg->sql("SELECT count(*) FROM dtsmig.precheck('m')");
unlike($pg->value("SELECT coalesce(string_agg(sql, ' '), '') FROM dtsmig.precheck_results"), qr/SUPERUSER/, 'in the precheck, too');
$src->sql('ALTER DATABASE shop SET search_path = s, public');

$src->sql("ALTER DATABASE shop SET random_page_cost = 1.5");
$said = $warned->("SELECT dtsmig.cutover('m', verify => 'full')");
like($said, qr/setting random_page_cost = 1\.5 of the database/, 'a cutover says it, too');
unlike($said, qr/ERROR/, 'and is done') or diag $said;
is($pg->value("SELECT string_agg(c.relname || ' ' || tgenabled::text, ', ' ORDER BY c.relname) FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid WHERE NOT tgisinternal AND relnamespace = 's'::regnamespace"), 'old A, t A', 'triggers are enabled as at the source');
is($pg->value("SELECT ev_enabled FROM pg_rewrite WHERE rulename = 'r'"), 'A', 'and rules');
same_pg_tables($src, $pg, 'all rows', schemas => ['s'], db => 'shop');
done_testing();
