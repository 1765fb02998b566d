# Option grants: GRANT and REVOKE of a PostgreSQL source give at the destination what they
# gave at it. At the source one of somebody who may not grant is a warning.
use strict;
use warnings;
use Test::More;
use Dts::PgSource qw(pg_pair);
use Dts::Task;

my ($src, $pg) = pg_pair();
$_->sql('CREATE ROLE bob LOGIN; CREATE ROLE app LOGIN; CREATE ROLE visitor; CREATE ROLE reader; CREATE ROLE hr; GRANT CREATE ON DATABASE postgres TO app, bob') for $src, $pg;
$pg->sql('CREATE ROLE mover LOGIN; GRANT app, hr TO mover; GRANT CREATE ON DATABASE postgres TO mover; GRANT USAGE ON FOREIGN DATA WRAPPER dtsmig_fdw TO mover');
$src->sql('CREATE SCHEMA s AUTHORIZATION hr; CREATE TABLE s.payroll (id int PRIMARY KEY); ALTER TABLE s.payroll OWNER TO hr; GRANT SELECT ON s.payroll TO bob, reader; GRANT USAGE ON SCHEMA s TO bob; CREATE SCHEMA app AUTHORIZATION app; CREATE TABLE app.t (id int PRIMARY KEY); ALTER TABLE app.t OWNER TO app');
sub may { my ($server, $role, $table, $what) = @_; return $server->value("SELECT has_table_privilege('$role', '$table', '$what')"); }

for my $owners (0, 1)
{
    my $with = $owners ? 'with owners' : 'without owners';
    my $name = "g$owners";
    $pg->sql('GRANT bob TO mover') if $owners;
    my $task = Dts::Task->new($src, $pg, name => $name, role => 'mover', options => { grants => JSON::PP::true(), owners => $owners ? JSON::PP::true() : JSON::PP::false() });
    $task->start->wait_for('incremental');
    $task->catch_up;
    my $skipped = sub { $task->catch_up; return $pg->value("SELECT count(*) FROM dtsmig.task_log WHERE task = '$name' AND severity = 'warning' AND message LIKE 'skipped: $_[0]%'"); };
    is(may($pg, 'reader', 's.payroll', 'SELECT'), 't', "$with: the copy has the grants");

    # --- of somebody who may not
    for my $grant ('GRANT ALL ON s.payroll TO visitor', 'GRANT ALL ON ALL TABLES IN SCHEMA s TO bob', 'REVOKE ALL ON s.payroll FROM reader')
    {
        $src->sql($grant, role => 'bob');
        $src->sql("DO \$\$BEGIN $grant; END\$\$", role => 'bob');
        is($skipped->($grant), $owners ? 0 : 2, "$with: $grant of a role that may not " . ($owners ? 'runs as that role' : 'is skipped, and said'));
        is(may($src, 'visitor', 's.payroll', 'SELECT') . may($src, 'bob', 's.payroll', 'INSERT') . may($src, 'reader', 's.payroll', 'SELECT'), 'fft', "$with: it did nothing at the source");
        is(may($pg, 'visitor', 's.payroll', 'SELECT') . may($pg, 'bob', 's.payroll', 'INSERT') . may($pg, 'reader', 's.payroll', 'SELECT'), 'fft', "$with: nor at the destination");
    }

    # --- somebody's function that a superuser runs, who is not asked
    $src->sql("CREATE SCHEMA bob; ALTER SCHEMA bob OWNER TO bob");
    $src->sql('CREATE FUNCTION bob.f() RETURNS int LANGUAGE plpgsql SECURITY DEFINER AS $$BEGIN GRANT ALL ON s.payroll TO bob; RETURN 1; END$$', role => 'bob');
    $src->sql('CREATE FUNCTION bob."inline_code_block line 1"() RETURNS int LANGUAGE plpgsql SECURITY DEFINER AS $$BEGIN GRANT ALL ON s.payroll TO bob; RETURN 1; END$$', role => 'bob');
    $src->sql('SELECT bob.f()');
    $src->sql('DO $$BEGIN PERFORM bob.f(); END$$');
    $src->sql('SELECT bob."inline_code_block line 1"()');
    $src->sql("SELECT bob.f() /* \nPL/pgSQL function inline_code_block line 1 at SQL statement */");
    $task->catch_up;
    is(may($src, 'bob', 's.payroll', 'INSERT') . may($pg, 'bob', 's.payroll', 'INSERT'), 'ff', "$with: through a function of a role that may not");

    # --- what a role says of its own objects is not said of the task's role
    $src->sql('ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC', role => 'bob');
    $src->sql('ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC');
    $task->catch_up;
    is($pg->value("SELECT count(*) FROM pg_default_acl WHERE defaclrole = 'mover'::regrole"), 0, "$with: default privileges of others are not those of the task's role");
    $src->sql('ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM PUBLIC', role => $_) for 'bob', 'postgres';

    # --- of a superuser
    $src->sql('GRANT INSERT ON s.payroll TO reader');
    $src->sql('DO $$BEGIN GRANT UPDATE ON s.payroll TO reader; END$$');
    $src->sql(q{DO $$BEGIN EXECUTE format('GRANT DELETE ON %I.%I TO %I', 's', 'payroll', 'reader'); END$$});
    $task->catch_up;
    is(join('', map { may($pg, 'reader', 's.payroll', $_) } qw(INSERT UPDATE DELETE)), 'ttt', "$with: a superuser's is followed, of DO, too");
    $src->sql('REVOKE INSERT, UPDATE, DELETE ON s.payroll FROM reader');
    $task->catch_up;
    is(join('', map { may($pg, 'reader', 's.payroll', $_) } qw(INSERT UPDATE DELETE)), 'fff', "$with: and its REVOKE");

    # --- of the owner
    $src->sql('GRANT SELECT ON app.t TO visitor', role => 'app');
    $task->catch_up;
    is(may($pg, 'visitor', 'app.t', 'SELECT'), $owners ? 't' : 'f', $owners ? "$with: the owner's runs as the owner" : "$with: nobody at the destination is the owner that granted it");
    $src->sql('REVOKE SELECT ON app.t FROM visitor; DROP SCHEMA bob CASCADE');
    $task->catch_up;
    $task->release;
    $task->drop;
    $pg->sql('DROP SCHEMA s, app CASCADE; DROP SCHEMA IF EXISTS bob CASCADE');
}
done_testing();
