# Option owners: a statement of the source runs as the role that owns what it
# is on, where that role is at the destination and the task's owner may be it; never with more
# rights than the task's owner has.
use strict;
use warnings;
use Test::More;
use Dts::Env qw(poll_until);
use Dts::PgSource qw(pg_pair);
use Dts::Task;

my ($src, $pg) = pg_pair();
# what a function of a user of the source finds out about where it runs
my $spy = <<'END';
CREATE FUNCTION s.who() RETURNS int LANGUAGE plpgsql AS $$BEGIN
  INSERT INTO public.seen VALUES (current_user);
  BEGIN EXECUTE 'ALTER ROLE app SUPERUSER'; INSERT INTO public.seen VALUES ('and becomes superuser'); EXCEPTION WHEN OTHERS THEN NULL; END;
  RETURN 1; END$$;
END
$_->sql('CREATE TABLE public.seen (who text); GRANT INSERT ON public.seen TO PUBLIC; CREATE ROLE app LOGIN; GRANT CREATE ON DATABASE postgres TO app') for $src, $pg;
$src->sql('CREATE ROLE ghost LOGIN');
$src->sql('CREATE SCHEMA s; CREATE TABLE s.t (id int PRIMARY KEY, v int); INSERT INTO s.t VALUES (1, 1), (2, 2); GRANT CREATE, USAGE ON SCHEMA s TO ghost;' . $spy, role => 'app');
$pg->sql('CREATE ROLE mover LOGIN; GRANT app TO mover; GRANT CREATE ON DATABASE postgres TO mover; GRANT USAGE ON FOREIGN DATA WRAPPER dtsmig_fdw TO mover');
sub owner { my ($class, $column, $name) = @_; return $pg->value("SELECT ${column}owner::regrole FROM $class WHERE oid = '$name'"); }
sub owner_of { return owner('pg_class', 'rel', $pg->value("SELECT '$_[0]'::regclass::oid")); }

for my $role ('mover', undef)
{
    my $name = $role // 'super';
    my $task = Dts::Task->new($src, $pg, name => $name, role => $role, objects => [ { schema => 's' } ], options => { owners => JSON::PP::true(), grants => JSON::PP::true() });
    $task->start->wait_for('incremental');
    $task->catch_up;
    is(owner_of('s.t'), 'app', "$name: the copy has its owner");
    $pg->sql('TRUNCATE public.seen');

    # --- on what is there
    $src->sql('ALTER TABLE s.t ADD COLUMN w int DEFAULT s.who()', role => 'app');
    $task->catch_up;
    is($pg->value("SELECT string_agg(DISTINCT who, ', ') FROM public.seen"), 'app', "$name: a default that a statement computes runs as the table's owner");
    is($pg->value("SELECT rolsuper FROM pg_roles WHERE rolname = 'app'"), 'f', "$name: who is no superuser by it");
    ok($pg->poll_query("SELECT count(*) = 2 FROM s.t WHERE w = 1", 20), "$name: the rows have it");

    # --- what is new
    $src->sql("CREATE TABLE s.n (id int PRIMARY KEY); CREATE FUNCTION s.f() RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE TYPE s.mood AS ENUM ('good'); CREATE VIEW s.v AS SELECT 1 AS one", role => 'app');
    $src->sql('CREATE TABLE s.of_ghost (id int PRIMARY KEY)', role => 'ghost');
    $src->sql('CREATE TABLE s.of_postgres (id int PRIMARY KEY)');
    $src->sql('INSERT INTO s.n VALUES (1); INSERT INTO s.of_ghost VALUES (1)');
    $task->catch_up;
    is(owner_of('s.n'), 'app', "$name: a new table belongs to its owner");
    is(owner_of('s.v'), 'app', "$name: and a view");
    is($pg->value("SELECT proowner::regrole FROM pg_proc WHERE oid = 's.f'::regproc"), 'app', "$name: and a function");
    is($pg->value("SELECT typowner::regrole FROM pg_type WHERE oid = 's.mood'::regtype"), 'app', "$name: and a type");
    is(owner_of('s.of_ghost'), $role // 'postgres', "$name: of a role that is not at the destination it is the task's owner's");
    is(owner_of('s.of_postgres'), $role // 'postgres', "$name: so it is where the task's owner may not be that role");
    is($pg->value('SELECT count(*) FROM s.n'), 1, "$name: its rows come");

    # --- another owner
    $src->sql('ALTER TABLE s.of_ghost OWNER TO app');
    $task->catch_up;
    is(owner_of('s.of_ghost'), 'app', "$name: an owner can be changed");

    # --- somebody else than the owner has run it at the source
    $src->sql('ALTER TABLE s.n ADD COLUMN x int DEFAULT s.who()');
    $pg->sql('TRUNCATE public.seen');
    $src->sql('ALTER TABLE s.n ADD COLUMN y int DEFAULT s.who() + 1');
    $task->catch_up;
    is($pg->value("SELECT string_agg(DISTINCT who, ', ') FROM public.seen"), 'app', "$name: a superuser of the source lends nobody rights at the destination");

    # --- what the owner may not do at the destination
    $pg->sql('REVOKE CREATE ON SCHEMA s FROM app; ALTER SCHEMA s OWNER TO postgres; GRANT USAGE ON SCHEMA s TO app, mover');
    $src->sql('CREATE TABLE s.more (id int PRIMARY KEY)', role => 'app');
    ok(poll_until(sub { $task->status eq 'failed' }, 20), "$name: what the owner may not do stops the task");
    like($pg->value("SELECT string_agg(detail, ' ') FROM dtsmig.task_log WHERE task = '$name' AND severity = 'error'") . $task->report, qr/permission denied for schema s/, "$name: and the log says why");
    $pg->sql('GRANT CREATE ON SCHEMA s TO app');
    $task->resume;
    $task->catch_up;
    is(owner_of('s.more'), 'app', "$name: with the right it goes on");
    $task->release;
    $task->drop;
    $pg->sql('DROP SCHEMA s CASCADE; TRUNCATE public.seen');
    $src->sql('DROP VIEW s.v; DROP TABLE s.n, s.of_ghost, s.of_postgres, s.more; DROP FUNCTION s.f(); DROP TYPE s.mood; ALTER TABLE s.t DROP COLUMN w');
}
done_testing();
