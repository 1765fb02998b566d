# Definitions of a PostgreSQL source whose operators and functions are found by
# its database's search_path: what means something else at the destination is said, and with
# option search_path it does not.
#
# dts-runs: postgresql
# dts-deep-runs: postgresql-13, postgresql-18 into postgresql-18-dev
# dts-needs: extension:citext
use strict;
use warnings;
use Test::More;
use Dts::Env qw(poll_until);
use Dts::PgSource qw(pg_pair same_pg_tables);
use Dts::Precheck;
use Dts::Task;

my ($src, $pg) = pg_pair();
my $schema = <<'END';
CREATE SCHEMA ext; CREATE SCHEMA app; CREATE EXTENSION citext SCHEMA ext; CREATE EXTENSION hstore SCHEMA ext;
SET search_path = app, ext, public;
CREATE TABLE t (id int PRIMARY KEY, tag citext, CHECK (tag IS DISTINCT FROM 'forbidden'));
CREATE TABLE u (id int PRIMARY KEY, tag citext);
CREATE VIEW joined AS SELECT t.id AS a, u.id AS b FROM t JOIN u USING (tag);
CREATE VIEW nulled AS SELECT id, NULLIF(tag, 'a') AS n FROM t;
CREATE VIEW plain AS SELECT id FROM t WHERE tag = 'a';
CREATE TABLE log (id int PRIMARY KEY, what text);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN INSERT INTO app.log SELECT count(*), NEW.tag::text FROM app.log; RETURN NEW; END$$;
CREATE TRIGGER noted BEFORE UPDATE ON u FOR EACH ROW WHEN (OLD.tag IS DISTINCT FROM NEW.tag) EXECUTE PROCEDURE note();
INSERT INTO t VALUES (1, 'A'), (2, 'a'), (3, 'b'); INSERT INTO u VALUES (1, 'a'), (2, 'A'), (3, 'B');
END
$src->sql("CREATE DATABASE one; ALTER DATABASE one SET search_path = app, ext, public; CREATE DATABASE two; ALTER DATABASE two SET search_path = app, ext, public");
$src->sql($schema, db => 'one');

# --- without a path
my $check = Dts::Precheck->new($src, $pg);
my $names = $check->items($check->task(db => 'one'))->{operator_paths}{found};
is(join('; ', $names =~ /(rule "_RETURN" on app\.\w+|table constraint \w+ on app\.t|trigger \w+ on app\.u) \(ext\.=\(ext\.citext,ext\.citext\)\)/g), 'rule "_RETURN" on app.joined; rule "_RETURN" on app.nulled; table constraint t_tag_check on app.t; trigger noted on app.u',
    'the precheck names what would mean something else, and no more') or diag $names;
$check->both_ways($check->task(db => 'one'), operator_paths => [ 'warning', qr/t_tag_check/ ]);
my $task = Dts::Task->new($src, $pg, name => 'm', db => 'one')->start;
$task->wait_for('incremental', 60);
my @found = $pg->rows("SELECT k FROM dtsmig.verify('m', 'schema'), jsonb_object_keys(differences) k ORDER BY k");
is(join('; ', map { $_->[0] } @found), 'rule "_RETURN" on app.joined: operators and functions; rule "_RETURN" on app.nulled: operators and functions; table constraint t_tag_check on app.t: operators and functions; trigger noted on app.u: operators and functions',
    'a verification of definitions finds what means something else, and no more');
like($pg->value("SELECT string_agg(differences::text, ' ') FROM dtsmig.verify_results WHERE object LIKE '%t_tag_check%'"), qr/ext\.=\(ext\.citext,ext\.citext\)/, 'with the operators') or diag $pg->value("SELECT string_agg(v::text, '; ') FROM dtsmig.verify_results v");
is($pg->value('SELECT count(*) FROM app.joined'), 2, '(a join compares texts)');
is($src->value('SELECT count(*) FROM app.joined', db => 'one'), 5, '(and citext at the source)');
$pg->sql("SELECT dtsmig.verify('m', 'schema')");
like($pg->error("SELECT dtsmig.cutover('m', verify => 'full')"), qr/use other operators or functions at the destination|differences/, 'a cutover is refused');
$pg->sql('SET search_path = app, ext; CREATE OR REPLACE VIEW joined AS SELECT t.id AS a, u.id AS b FROM t JOIN u USING (tag); DROP VIEW nulled; CREATE VIEW nulled AS SELECT id, NULLIF(tag, $$a$$) AS n FROM t; ALTER TABLE t DROP CONSTRAINT t_tag_check, ADD CHECK (tag IS DISTINCT FROM $$forbidden$$);
    DROP TRIGGER noted ON u; CREATE TRIGGER noted BEFORE UPDATE ON u FOR EACH ROW WHEN (OLD.tag IS DISTINCT FROM NEW.tag) EXECUTE PROCEDURE note()');
is($pg->value("SELECT count(*) FROM dtsmig.verify('m', 'schema')"), 0, 'made again by hand it finds nothing');
$task->release;
$pg->sql('DROP SCHEMA app CASCADE; DROP SCHEMA ext CASCADE');

# --- with one
$task = Dts::Task->new($src, $pg, name => 'w', db => 'one', options => { search_path => 'app, ext, public' })->start;
$task->wait_for('incremental', 60);
is($pg->value("SELECT count(*) FROM dtsmig.verify('w', 'schema')"), 0, 'with option search_path nothing is found');
is($pg->value('SELECT count(*) FROM app.joined'), $src->value('SELECT count(*) FROM app.joined', db => 'one'), 'a join of citext');
is($pg->value('SELECT string_agg(concat(id, n), $$ $$ ORDER BY id) FROM app.nulled'), $src->value('SELECT string_agg(concat(id, n), $$ $$ ORDER BY id) FROM app.nulled', db => 'one'), 'NULLIF');
like($pg->error("INSERT INTO app.t VALUES (9, 'FORBIDDEN')"), qr/violates check constraint/, 'a check');
$src->sql("UPDATE u SET tag = 'A' WHERE id = 1; UPDATE u SET tag = 'z' WHERE id = 2; INSERT INTO t VALUES (7, 'q'); CREATE VIEW later AS SELECT NULLIF(tag, 'q') AS n FROM t", db => 'one');
$task->catch_up;
is($pg->value("SELECT count(*) FROM dtsmig.verify('w', 'schema')"), 0, 'nor in what came later');
same_pg_tables($src, $pg, 'rows', schemas => ['app'], db => 'one');
like($pg->error(q(SELECT dtsmig.alter_task('w', '{"search_path": "a b, c"}'))), qr/invalid value "a b, c" for task option "search_path"/, 'a list of names it has to be');
$task->release;
$pg->sql('DROP SCHEMA app CASCADE; DROP SCHEMA ext CASCADE');

# --- functions that rows need
$src->sql(<<'END', db => 'two');
CREATE SCHEMA app; SET search_path = app, public;
CREATE TABLE factors (f int); INSERT INTO factors VALUES (2);
CREATE FUNCTION factor() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 2';
CREATE FUNCTION twice(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$BEGIN RETURN $1 * factor(); END$$;
CREATE FUNCTION even(int) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS $$BEGIN RETURN twice($1) % 2 = 0; END$$;
CREATE TABLE g (id int PRIMARY KEY, c int CHECK (even(c)), d int GENERATED ALWAYS AS (twice(id)) STORED); ALTER TABLE factors REPLICA IDENTITY FULL;
INSERT INTO g (id, c) SELECT x, x FROM generate_series(1, 10) x;
END
$task = $check->task(db => 'two');
my $items = $check->items($task);
is($items->{function_paths}{status}, 'warning', 'functions that name others without a schema are found') or diag explain $items->{function_paths};
like($items->{function_paths}{found}, qr/app\.even\(integer\) \(twice\), app\.twice\(integer\) \(factor\)$/, 'with what they name');
like($items->{function_paths}{advice}, qr/alter_task\('\w+', '\{"search_path": "app, public"\}'\)|alter_task/, 'and the option');
$pg->sql("SELECT dtsmig.alter_task('$task->{name}', '{\"search_path\": \"app, public\"}')");
is($check->items($task)->{function_paths}{status}, 'passed', 'with it the item passes');
$task->start->wait_for('incremental', 60);
$src->sql('INSERT INTO app.g (id, c) VALUES (100, 6); UPDATE app.g SET c = 4 WHERE id = 3', db => 'two');
$task->catch_up;
same_pg_tables($src, $pg, 'generated columns and checks with such functions', schemas => ['app'], db => 'two');
$task->release;
$pg->sql('DROP SCHEMA app CASCADE');
$task = $check->task(db => 'two');
$task = $check->both_ways($task, function_paths => [ 'warning', qr/app\.twice/ ], database_settings => [ 'warning', qr/setting search_path = app, ext, public of the database at the source is not at the destination/ ]);
$task->start->wait_for('incremental', 60);
same_pg_tables($src, $pg, 'with the functions altered', schemas => ['app'], db => 'two');
done_testing();
