# ALTER DEFAULT PRIVILEGES of whoever installs the extension, or of a task's
# account at the source, gives nobody rights on what is made at it.
use strict;
use warnings;
use Test::More;
use Dts::Env qw(poll_until);
use Dts::PgSource;
use Dts::Postgres;
use Dts::Task;

my $pg = Dts::Postgres->new(preload => 1)->start;
my $src = Dts::PgSource->new->start;
$_->sql('CREATE ROLE mallory LOGIN; CREATE ROLE "o""dd" LOGIN') for $pg, $src;
for ([ $pg, 'postgres' ], [ $src, 'mig' ])
{
    my ($server, $role) = @$_;
    for my $what (qw(TABLES SEQUENCES FUNCTIONS SCHEMAS TYPES))
    {
        $server->sql("ALTER DEFAULT PRIVILEGES FOR ROLE $role GRANT ALL ON $what TO $_") for 'mallory', '"o""dd"', 'PUBLIC';
    }
}

# --- the destination
$pg->sql('CREATE EXTENSION dtsmig');
my $others = "SELECT string_agg(x, ', ') FROM (SELECT relname || ' ' || a.privilege_type || ' ' || a.grantee AS x FROM pg_class c, aclexplode(relacl) a WHERE relnamespace = 'dtsmig'::regnamespace AND a.grantee <> relowner AND NOT (a.grantee = 0 AND a.privilege_type = 'SELECT' AND relkind = 'v') "
  . "UNION ALL SELECT 'schema ' || a.privilege_type || ' ' || a.grantee FROM pg_namespace n, aclexplode(nspacl) a WHERE nspname = 'dtsmig' AND a.grantee <> nspowner AND NOT (a.grantee = 0 AND a.privilege_type = 'USAGE') "
  . "UNION ALL SELECT proname || a.grantee FROM pg_proc p, aclexplode(proacl) a WHERE a.grantee <> proowner AND oid IN ('dtsmig.read_all_tasks()'::regprocedure, 'dtsmig.operate_all_tasks()'::regprocedure, 'dtsmig.create_roles()'::regprocedure) "
  . ') y';
is($pg->value($others), '', 'nobody has a right on the catalog');
for my $role ('mallory', 'o"dd')
{
    like($pg->error("INSERT INTO dtsmig.task (task_name, owner, source, migration_types, wanted, status) VALUES ('x', 10, 's', '{full}', 'running', 'running')", role => $role), qr/42501/, "$role: makes no task of a superuser");
    like($pg->error("CREATE TRIGGER t BEFORE UPDATE ON dtsmig.task FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()", role => $role), qr/42501/, "$role: nor a trigger on tasks");
    like($pg->error('CREATE TABLE dtsmig.mine ()', role => $role), qr/42501/, "$role: nor an object in the schema");
    like($pg->error('SELECT dtsmig.read_all_tasks()', role => $role), qr/42501/, "$role: may not read the tasks of all");
    is($pg->error('SELECT * FROM dtsmig.tasks; SELECT * FROM dtsmig.task_options', role => $role), '', "$role: the views are there for everybody");
}

# --- the source
$src->sql('CREATE TABLE t (id int PRIMARY KEY)');
my $task = Dts::Task->new($src, $pg, name => 'm', objects => [ { schema => 'public', table => 't' } ]);
$task->start->wait_for('incremental');
my $stream = $src->value('SELECT pubname FROM pg_publication');
is($src->value("SELECT string_agg(what || ' ' || privilege_type || ' ' || grantee, ', ') FROM (SELECT relname AS what, a.* FROM pg_class c, aclexplode(relacl) a WHERE relnamespace = 'dtsmig_source'::regnamespace AND a.grantee <> relowner "
      . "UNION ALL SELECT nspname, a.* FROM pg_namespace, aclexplode(nspacl) a WHERE nspname = 'dtsmig_source' AND a.grantee <> nspowner) x"), '', 'nobody has a right on the capture');
$src->sql('CREATE SCHEMA mallory AUTHORIZATION mallory; CREATE FUNCTION mallory.f() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN ALTER ROLE mallory SUPERUSER; RETURN NEW; END$$; ALTER FUNCTION mallory.f() OWNER TO mallory');
like($src->error("CREATE TRIGGER t BEFORE INSERT ON dtsmig_source.\"$stream\" FOR EACH ROW EXECUTE FUNCTION mallory.f()", role => 'mallory'), qr/42501/, 'a user makes no trigger where a superuser writes');
like($src->error("INSERT INTO dtsmig_source.\"$stream\" (pid, query_at, query_hash, tag, record) VALUES (1, now(), 1, 'x', '{}')", role => 'mallory'), qr/42501/, 'and tells the task no statements');
$src->sql('CREATE TABLE mallory.x (id int)', role => 'mallory');
is($src->value("SELECT rolsuper FROM pg_roles WHERE rolname = 'mallory'"), 'f', 'and has not become a superuser');

# --- somebody gives the rights later: the next look finds it
$src->sql("GRANT TRIGGER ON dtsmig_source.\"$stream\" TO mallory");
$task->pause;
$task->resume;
ok(poll_until(sub { ($task->last_error // '') =~ /is not the account's own: other roles may write to its tables/ }, 30), 'rights that somebody gives stop the task') or diag $task->report;
done_testing();
