# Code of the task's owner that runs for the rows that a worker applies, while
# triggers are disabled: it gets past no trigger of somebody else's table, and
# past no event trigger.
use strict;
use warnings;
use Test::More;
use Dts::Env qw(poll_until);
use Dts::PgSource qw(pg_pair);
use Dts::Task;

my ($src, $pg) = pg_pair();
$src->sql('CREATE SCHEMA s; CREATE TABLE s.t (id int PRIMARY KEY, v int); INSERT INTO s.t VALUES (1, 1)');
$pg->sql('CREATE ROLE mover LOGIN; CREATE ROLE app LOGIN; GRANT CREATE ON DATABASE postgres TO mover; GRANT USAGE ON FOREIGN DATA WRAPPER dtsmig_fdw TO mover; CREATE SCHEMA code; GRANT USAGE, CREATE ON SCHEMA code TO mover, app');
# what nobody may do but the owner: here, each trigger refuses
$pg->sql(<<'END');
CREATE SCHEMA hr; CREATE TABLE hr.t (id int PRIMARY KEY, v int); INSERT INTO hr.t VALUES (1, 1);
CREATE TABLE hr.child (id int PRIMARY KEY, t int REFERENCES hr.t);
CREATE FUNCTION hr.no() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'not allowed'; END$$;
CREATE TRIGGER no BEFORE TRUNCATE ON hr.t FOR EACH STATEMENT EXECUTE FUNCTION hr.no();
CREATE TRIGGER no BEFORE TRUNCATE ON hr.child FOR EACH STATEMENT EXECUTE FUNCTION hr.no();
CREATE TRIGGER no_row BEFORE INSERT OR UPDATE OR DELETE ON hr.t FOR EACH ROW EXECUTE FUNCTION hr.no();
GRANT USAGE ON SCHEMA hr TO mover, app; GRANT ALL ON hr.t, hr.child TO mover, app;
CREATE FUNCTION hr.no_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN IF current_user IN ('mover', 'app') THEN RAISE EXCEPTION 'no DDL'; END IF; END$$;
END
my @tries = ('TRUNCATE hr.t, hr.child', 'TRUNCATE hr.t CASCADE', 'TRUNCATE code.parent CASCADE', 'DO $x$BEGIN TRUNCATE hr.t CASCADE; END$x$', 'INSERT INTO hr.t VALUES (2, 2)', 'DELETE FROM hr.t', "COPY hr.t FROM '/dev/null'",
    'MERGE INTO hr.t USING (SELECT 1 AS x) q ON id = x WHEN MATCHED THEN DELETE', 'CREATE TABLE code.made (id int)', 'CREATE TABLE code.made AS SELECT 1', 'ALTER TABLE code.seen SET (fillfactor = 50)', 'DO $x$BEGIN CREATE TABLE code.made (); END$x$',
    'CREATE FUNCTION code.made() RETURNS int LANGUAGE sql AS $x$SELECT 1$x$', 'GRANT SELECT ON code.seen TO PUBLIC', 'DROP TABLE code.seen', 'UPDATE dtsmig.task SET owner = 10', 'SET LOCAL session_replication_role = replica', 'SET ROLE postgres');
for my $owner ('mover', 'app')
{
    # app: a superuser's task, and a table that is app's
    my $super = $owner eq 'app';
    my $task = Dts::Task->new($src, $pg, name => $owner, role => $super ? undef : 'mover', objects => [ { schema => 's' } ]);
    $task->start->wait_for('incremental');
    $task->catch_up;
    $pg->sql('ALTER TABLE s.t OWNER TO app; GRANT USAGE ON SCHEMA s TO app') if $super;
    my $list = join ', ', map { (my $s = $_) =~ s/'/''/g; "'$s'" } @tries;
    $pg->sql(<<"END", role => $owner);
CREATE TABLE code.seen (what text, result text);
CREATE TABLE code.parent (id int PRIMARY KEY);
CREATE FUNCTION code.try(s text) RETURNS text LANGUAGE plpgsql AS \$\$BEGIN EXECUTE s; RETURN 'done'; EXCEPTION WHEN OTHERS THEN RETURN SQLERRM; END\$\$;
CREATE FUNCTION code.evil() RETURNS int LANGUAGE plpgsql AS \$\$
DECLARE s text;
BEGIN
  FOREACH s IN ARRAY ARRAY[$list] LOOP INSERT INTO code.seen VALUES (s, current_user || ' ' || code.try(s)); END LOOP;
  INSERT INTO code.seen VALUES ('role', current_setting('session_replication_role'));
  RETURN 1;
END\$\$;
ALTER TABLE s.t ADD CHECK (code.evil() > 0) NOT VALID;
END
    $pg->sql('ALTER TABLE hr.child ADD FOREIGN KEY (id) REFERENCES code.parent; CREATE EVENT TRIGGER no_ddl ON ddl_command_start EXECUTE FUNCTION hr.no_ddl()');
    $src->sql('INSERT INTO s.t VALUES (2, 2)');
    ok($pg->poll_query("SELECT count(*) > 0 FROM code.seen", 30), "$owner: the code runs") or diag $task->report;
    is($pg->value("SELECT result FROM code.seen WHERE what = 'role'"), 'replica', "$owner: while triggers are disabled");
    is($pg->value("SELECT string_agg(what || ': ' || result, E'\\n') FROM code.seen WHERE what <> 'role' AND (result LIKE '% done' OR result NOT LIKE '$owner %')"), '', "$owner: nothing of it gets through");
    is($pg->value("SELECT string_agg(what || ': ' || result, E'\\n') FROM code.seen WHERE what ~ '^(CREATE|ALTER|GRANT|DROP)|CREATE TABLE' AND result NOT LIKE '%no DDL%'"), '', "$owner: event triggers have seen its DDL");
    is($pg->value('SELECT count(*) FROM hr.t'), 1, "$owner: the table is as it was");
    ok($pg->poll_query('SELECT count(*) = 2 FROM s.t', 20), "$owner: the row is there");
    $src->sql('TRUNCATE s.t; INSERT INTO s.t VALUES (1, 1)');
    $pg->sql('DROP EVENT TRIGGER no_ddl');
    $task->catch_up;
    is($pg->value('SELECT count(*) FROM s.t'), 1, "$owner: and the task truncates its own");
    $task->release;
    $task->drop;
    $pg->sql('DROP SCHEMA s CASCADE; DROP TABLE code.parent CASCADE; DROP TABLE code.seen; DROP FUNCTION code.try, code.evil');
}
done_testing();
