# One query string with many statements: each record of the capture is replicated
# by the statement that it is of, and no other; nothing is run that names what
# the task does not take.
use strict;
use warnings;
use Test::More;
use Dts::Env qw(poll_until);
use Dts::PgSource qw(pg_pair);
use Dts::Task;

my ($src, $pg) = pg_pair();
$src->sql('CREATE ROLE bob LOGIN; CREATE SCHEMA bob AUTHORIZATION bob; CREATE TABLE bob.accounts (id int PRIMARY KEY, salary int); ALTER TABLE bob.accounts OWNER TO bob; GRANT TEMPORARY ON DATABASE postgres TO bob');
$src->sql('CREATE SCHEMA other; CREATE TABLE other.secret (id int PRIMARY KEY); CREATE TABLE other.accounts (id int PRIMARY KEY, salary int); GRANT USAGE ON SCHEMA other TO bob; GRANT SELECT, REFERENCES ON ALL TABLES IN SCHEMA other TO bob; GRANT CREATE ON SCHEMA other TO bob');
$pg->sql('CREATE SCHEMA payroll; CREATE TABLE payroll.accounts (id int PRIMARY KEY, salary int); INSERT INTO payroll.accounts VALUES (1, 1000); CREATE SCHEMA other; CREATE TABLE other.secret (id int PRIMARY KEY)');
my $task = Dts::Task->new($src, $pg, name => 'm', objects => [ { schema => 'bob' } ]);
$task->start->wait_for('incremental');
# one simple query, as a client may send it
my $run = sub { my ($sql) = @_; my ($code, $out, $err) = $src->psql('', role => 'bob', args => [ '-c', $sql ]); die $err if $code; };
my $columns = sub { $pg->value("SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = '$_[0]'::regclass AND attnum > 0 AND NOT attisdropped") };
my $option = sub { $pg->value("SELECT coalesce(array_to_string(reloptions, ','), '') FROM pg_class WHERE oid = '$_[0]'::regclass") };

$run->('ALTER TABLE IF EXISTS payroll.accounts DROP COLUMN salary; ALTER TABLE bob.accounts SET (fillfactor = 50)');
$task->catch_up;
is($columns->('payroll.accounts'), 'id salary', 'a statement that did nothing at the source is not run');
is($option->('bob.accounts'), 'fillfactor=50', 'the one that did something is');

$run->('CREATE TEMP TABLE accounts (x int); ALTER TABLE accounts ADD COLUMN temp_one int; ALTER TABLE bob.accounts ADD COLUMN a int; DROP TABLE accounts');
$task->catch_up;
is($columns->('bob.accounts'), 'id salary a', 'nor one on a temporary table of that name');
$run->('ALTER TABLE bob.accounts ADD COLUMN b int; ALTER TABLE bob.accounts ADD COLUMN c int; ALTER TABLE bob.accounts ADD COLUMN d int');
$task->catch_up;
is($columns->('bob.accounts'), 'id salary a b c d', 'several on one table come in their order');
$src->sql('CREATE TABLE other.x (id int); ALTER TABLE other.x OWNER TO bob');
$run->('ALTER TABLE other.x RENAME TO y; ALTER TABLE bob.accounts RENAME TO y; ALTER TABLE bob.y RENAME TO accounts');
$task->catch_up;
is($columns->('bob.accounts'), 'id salary a b c d', 'renamed to and fro');
$run->("CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE FUNCTION bob.f() RETURNS int LANGUAGE sql AS 'SELECT 2'");
$task->catch_up;
is($pg->value('SELECT bob.f()'), 2, 'the function of that name');
$run->("SET search_path = bob; CREATE TYPE pg_temp.e AS ENUM ('x'); CREATE TYPE e AS ENUM ('a', 'b'); DROP TYPE pg_temp.e; CREATE TABLE t (v e); ALTER TABLE t ADD COLUMN w e DEFAULT 'b'");
$task->catch_up;
is($pg->value("SELECT enum_range(NULL::bob.e)::text"), '{a,b}', 'the type');
is($columns->('bob.t'), 'v w', 'a name without a schema');

# --- a CASCADE of another statement
$src->sql('CREATE TABLE bob.gone (id int PRIMARY KEY); ALTER TABLE bob.gone OWNER TO bob');
$task->catch_up;
$pg->sql('CREATE VIEW public.uses AS SELECT * FROM bob.gone');
$run->('DROP TABLE IF EXISTS payroll.nothing CASCADE; DROP TABLE bob.gone');
ok(poll_until(sub { $task->status eq 'failed' }, 20), 'a DROP does not cascade because another statement does');
is($pg->value("SELECT to_regclass('public.uses') IS NOT NULL"), 't', 'what uses the table at the destination stays');
$pg->sql('DROP VIEW public.uses');
$task->resume->wait_for('running');
$task->catch_up;
is($pg->value("SELECT to_regclass('bob.gone') IS NULL"), 't', 'and is dropped when nothing is in the way');

# --- others are named
my $stopped = sub {
    my ($sql, $what, $here) = @_;
    $run->($sql);
    ok(poll_until(sub { $task->status eq 'failed' }, 20), $what) or diag $task->report;
    like($task->sql("SELECT last_error || coalesce(last_error_hint, '') || (SELECT string_agg(detail, ' ') FROM dtsmig.task_log WHERE task = 'm' AND severity = 'error') FROM dtsmig.tasks WHERE name = 'm'"),
        qr/names a relation that the task does not take|is not certain/, 'with the reason');
    $pg->sql($here) if $here;
    $pg->sql("SELECT dtsmig.skip_change('m')");
    $task->resume->wait_for('running');
};
$stopped->('CREATE VIEW bob.spy AS SELECT * FROM other.secret', 'a view over a table that the task does not take');
is($pg->value("SELECT to_regclass('bob.spy') IS NULL"), 't', 'is not made');
$stopped->('ALTER TABLE bob.t ADD COLUMN s int REFERENCES other.secret', 'nor a foreign key to it',
    'ALTER TABLE bob.t ADD COLUMN s int');
$run->('INSERT INTO bob.accounts (id) VALUES (7)');
$task->catch_up;
is($pg->value('SELECT count(*) FROM bob.accounts'), 1, 'the task goes on');
is($columns->('payroll.accounts'), 'id salary', 'nothing has happened to others');
done_testing();
