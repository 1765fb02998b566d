# All kinds of objects of a PostgreSQL database, a part of them selected, some
# under other names. What PostgreSQL itself makes of the renaming and of what
# is left out (in a copy of the source's database) is what has to come out.
use strict;
use warnings;
use JSON::PP ();
use Test::More;
use Dts::Env qw(poll_until slurp topdir);
use Dts::PgSource qw(pg_pair pg_difference);
use Dts::PgSchema qw(compare_schemas dump_objects);
use Dts::Task;

my ($src, $pg) = pg_pair();
$src->sql('CREATE ROLE clerk; CREATE ROLE stranger');
$pg->sql('CREATE ROLE clerk');
$src->sql('CREATE DATABASE shop');
my $fixture = slurp(topdir() . '/test/fixtures/pgsql/objects.sql');
$src->sql($fixture, db => 'shop');

# What PostgreSQL makes of it: statements on a copy of the database.
sub oracle
{
    my ($name, $sql) = @_;
    $src->sql("CREATE DATABASE $name TEMPLATE shop");
    $src->sql("SET client_min_messages = warning;\n$sql", db => $name);
}

sub same
{
    my ($oracle, $what, $known, %opt) = @_;
    my $r = compare_schemas($src, $oracle, $pg, $opt{to} // 'postgres', %opt);
    is(join("\n", @{ $r->{different} }), join("\n", @$known), "$what: $r->{equal} of $r->{objects} objects are equal")
      or do {
        my ($a, $b) = (dump_objects($src, $oracle, %opt), dump_objects($pg, $opt{to} // 'postgres', %opt));
        diag(join "\n", map { s/^differs: //r } map { my $n = s/^differs: //r; "$n\n< $a->{$n}\n> $b->{$n}\n" } grep { /^differs/ } @{ $r->{different} });
        diag(join "\n", grep { !$a->{$_} } sort keys %$b);
      };
}

my $S63 = 's23456789_123456789_123456789_123456789_123456789_123456789_123';
my @rules = (
    { schema => 'sales', target_schema => 'Ver "k\'auf' }, { schema => 'hr' }, { schema => 'Odd "S\'x' },
    { schema => 'select', target_schema => 'from' }, { schema => 'Größe 表', target_schema => 'Maß 名' },
    { schema => $S63 }, { schema => 'sales', table => 'skipped', exclude => JSON::PP::true },
    { schema => 'sales', table => 'orders', target_schema => 'Ver "k\'auf', target_table => 'Best.ell "ungen' },
    { schema => 'hr', table => 'log_2021_a', target_schema => 'parts', target_table => 'select' },
    { schema => 'Odd "S\'x', table => 'Ta.ble"\'1', target_table => 'plain' });
my $renamed = <<'END';
DROP TABLE sales.skipped CASCADE;
DROP SCHEMA secret CASCADE;
CREATE SCHEMA parts;
ALTER TABLE hr.log_2021_a SET SCHEMA parts; ALTER TABLE parts.log_2021_a RENAME TO "select";
ALTER TABLE sales.orders RENAME TO "Best.ell ""ungen";
ALTER TABLE "Odd ""S'x"."Ta.ble""'1" RENAME TO plain;
ALTER SCHEMA sales RENAME TO "Ver ""k'auf"; ALTER SCHEMA "select" RENAME TO "from"; DROP SCHEMA "Camel" CASCADE; ALTER SCHEMA "Größe 表" RENAME TO "Maß 名";
END
oracle('half', $renamed);
my $task = Dts::Task->new($src, $pg, name => 'half', db => 'shop', objects => \@rules);
my $known = sub { join "\n", map { join ': ', @$_ } $pg->rows("SELECT object, note FROM dtsmig.preview_schema('$_[0]') WHERE note IS NOT NULL AND kind <> 'rename' ORDER BY 1") };
is($known->('half'), <<'END' =~ s/\n\z//r, 'what is left out or not migrated is said before');
hr.dynamic(): its body mentions sales.orders, which is "Ver ""k'auf"."Best.ell ""ungen" at the destination
hr.leak: it uses table secret.vault, which is not selected
hr.leak_more: it uses view hr.leak, which is left out
hr.of_skipped of_skipped_id_fkey: it uses table sales.skipped, which is not selected
hr.person person_vault_fkey: it uses table secret.vault, which is not selected
hr.person_f: it uses function secret.f(integer), which is not selected
END
$task->start->wait_for('incremental', 120);
# a query's old name of a table stays as alias; bodies in a string follow
same('half', 'selected and renamed', [
    'differs: Name: V w; Type: VIEW; Schema: Odd "S\'x; Owner: -',
    'differs: Name: best; Type: VIEW; Schema: hr; Owner: -',
    'differs: Name: count_orders(integer); Type: FUNCTION; Schema: hr; Owner: -',
    'differs: Name: function(); Type: FUNCTION; Schema: from; Owner: -',
    'differs: Name: open_orders; Type: VIEW; Schema: Ver "k\'auf; Owner: -',
    'differs: Name: path(); Type: FUNCTION; Schema: hr; Owner: -',
    'differs: Name: pay(bigint); Type: PROCEDURE; Schema: hr; Owner: -',
    'differs: Name: totals; Type: MATERIALIZED VIEW; Schema: Ver "k\'auf; Owner: -',
    'differs: Name: unqualified(); Type: FUNCTION; Schema: hr; Owner: -',
    # of the database as a whole, and needed by nothing that is selected
    'missing: Name: unused; Type: SERVER; Schema: -; Owner: -',
    'missing: Name: watch; Type: EVENT TRIGGER; Schema: -; Owner: -' ]);

# Do both sides answer alike?
my %target = (sales => '"Ver ""k\'auf"', '"select"' => '"from"', '"Größe 表"' => '"Maß 名"');
sub renamed
{
    my ($sql) = @_;
    $sql =~ s/\bhr\.log_2021_a\b/parts."select"/g;
    $sql =~ s/\bsales\.orders\b/"Ver ""k'auf"."Best.ell ""ungen"/g;
    $sql =~ s/"Odd ""S'x"\."Ta\.ble""'1"/"Odd ""S'x".plain/g;
    $sql =~ s/(?<![\w"])(\Q$_\E)\./$target{$_}./g for keys %target;
    return $sql;
}
sub alike
{
    my ($what, @queries) = @_;
    my @diff;
    for my $q (@queries)
    {
        my ($a, $b) = ([ $src->psql($q, db => 'shop') ], [ $pg->psql(renamed($q)) ]);
        push @diff, "$q: " . join ' / ', @$a[1, 2], @$b[1, 2] if $a->[1] ne $b->[1] || $a->[0] || $b->[0];
    }
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is(join("\n", @diff), '', $what);
}
my @tables = map { $_->[0] } grep { $_->[0] !~ /^secret|^"Camel|skipped$/ } $src->rows("SELECT format('%I.%I', nspname, relname) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relkind = 'r' AND nspname !~ '^pg_|^information_schema\$|^dtsmig' ORDER BY 1", db => 'shop');
cmp_ok(scalar(@tables), '>=', 17, scalar(@tables) . ' tables');
my @queries = ((map { "SELECT string_agg(t::text, '|' ORDER BY t::text) FROM ONLY $_ t" } grep { !/"Odd ""S'x"\."Ta\.ble|hr\.boss/ } @tables), 'SELECT id, name, best_order, vault, bonus FROM hr.boss',
    q{SELECT string_agg(t::text, '|' ORDER BY t::text) FROM "Odd ""S'x"."Ta.ble""'1" t},
    'SELECT string_agg(t::text, \'|\' ORDER BY t::text) FROM sales.open_orders t', 'SELECT * FROM hr.best', 'SELECT * FROM hr.big ORDER BY 1', 'SELECT n, net FROM hr.tree',
    'SELECT * FROM sales.totals ORDER BY 1', 'SELECT * FROM "Odd ""S\'x"."V w"', 'SELECT * FROM "select"."where"', 'SELECT hr.count_orders(1), "select"."function"(), hr.path()',
    'SELECT hr.row_type(o) FROM sales.orders o WHERE id = 1', 'SELECT sales.total(id) FROM sales.orders', 'SELECT count(*) FROM sales.same');
alike('rows, views and functions', @queries);
is($pg->value('SELECT max(rel::text) FROM hr.tree'), '"Ver ""k\'auf"."Best.ell ""ungen"', 'a literal that names a table');

# changes, and DDL that uses the old names
$src->sql(<<'END', db => 'shop');
INSERT INTO sales.orders (customer, gross) VALUES (1, NULL);
CALL hr.pay(2);
BEGIN;
DELETE FROM sales.items WHERE "order" = 3; UPDATE sales.customers SET name = 'new' WHERE id = 2;
ALTER TABLE sales.orders ADD COLUMN note text, ALTER COLUMN note SET DEFAULT 'sales.orders';
UPDATE sales.orders SET note = 'x' WHERE orders.id = 4;
CREATE TABLE sales.later (id int PRIMARY KEY, o bigint REFERENCES sales.orders, s sales.status DEFAULT 'paid');
INSERT INTO sales.later VALUES (1, 1);
CREATE VIEW hr.noted AS SELECT orders.note FROM sales.orders WHERE orders.note <> '';
CREATE OR REPLACE FUNCTION hr.count_orders(c int) RETURNS bigint LANGUAGE sql STABLE AS $$SELECT -count(*) FROM sales.orders WHERE orders.customer = c$$;
COMMENT ON COLUMN sales.orders.note IS 'n';
COMMIT;
CREATE TABLE hr.log_2022 PARTITION OF sales.log FOR VALUES FROM ('2022-01-01') TO ('2023-01-01');
INSERT INTO sales.log VALUES ('2022-02-02', 'x', 1), ('2021-02-02', 'a', 1);
DROP INDEX sales."orders by customer";
ALTER TABLE "Odd ""S'x"."Ta.ble""'1" ADD COLUMN x int DEFAULT 5;
CREATE INDEX ON "Größe 表"."Straße" (("Straße"."ÄÖÜ" + 1));
ALTER TABLE "select"."table" RENAME COLUMN "from" TO "group";
UPDATE "select"."table" SET "group" = 'g';
INSERT INTO secret.vault VALUES (1, 'red'); CREATE TABLE secret.more (id int PRIMARY KEY);
TRUNCATE hr.typed;
INSERT INTO hr.clone (id, name) VALUES (77, 'last');
END
my $there = poll_until(sub { ($pg->try_value('SELECT max(id) FROM hr.clone') // '') eq '77' || $task->status =~ /failed/ }, 120, 0.1);
ok($there && $task->status !~ /failed/, 'changes and DDL') or diag($task->report);
alike('after changes', grep({ !/totals/ } @queries), 'SELECT * FROM sales.later', 'SELECT * FROM hr.noted', 'SELECT * FROM hr.log_2022');
$src->sql('CREATE OR REPLACE FUNCTION hr.count_orders(c int) RETURNS bigint LANGUAGE sql STABLE AS $$SELECT count(*) FROM sales.orders WHERE orders.customer = c$$', db => 'shop');
is($pg->value(q{SELECT count(*) FROM pg_namespace WHERE nspname IN ('secret', 'sales', 'select')}), 0, 'nothing under the old names');
$task->release;

# A task of its own into a database of its own.
sub another
{
    my ($db, %opt) = @_;
    $pg->{dbname} = 'postgres';
    $pg->sql("CREATE DATABASE $db");
    $pg->{dbname} = $db;
    $pg->sql('CREATE EXTENSION dtsmig');
    $pg->sql($opt{sql}) if $opt{sql};
    return Dts::Task->new($src, $pg, name => $db, db => 'shop', %opt);
}

# owners and grants, of roles that are there
oracle('owned', 'REASSIGN OWNED BY stranger TO postgres; REVOKE ALL ON sales.orders FROM stranger');
my $owned = another('owned', types => ['schema'], options => { owners => 'true', grants => 'true' });
$owned->start->wait_for('completed', 120);
same('owned', 'with owners and grants', [], to => 'owned', grants => 1);
is(join("\n", map { join ' ', @$_ } $pg->rows("SELECT kind, name, note FROM dtsmig.task_objects WHERE task = 'owned' AND note IS NOT NULL ORDER BY 1")), <<'END' =~ s/\n\z//r, 'roles that are missing');
grant sales.TABLE orders the destination has no role "stranger"
owner sales.items the destination has no role "stranger"; the task's role owns it
END
oracle('plain', 'REASSIGN OWNED BY stranger, clerk TO postgres; DROP OWNED BY clerk, stranger');
another('plain', types => ['schema'], options => { comments => 'false', event_triggers => 'false' })->start->wait_for('completed', 120);
# without grants no function is open to PUBLIC
my @closed = map { "too many: Name: $_->[0] $_->[1]; Type: ACL; Schema: $_->[2]; Owner: postgres" } $pg->rows("SELECT CASE prokind WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END, CASE proname WHEN 'Count' THEN '\"Count\"' WHEN 'Path' THEN '\"Path\"' ELSE proname END || '(' || pg_get_function_identity_arguments(p.oid) || ')', nspname FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace WHERE NOT has_function_privilege('public', p.oid, 'EXECUTE') AND nspname !~ '^pg_|^dtsmig\$' AND prokind IN ('f', 'p')", db => 'plain');
cmp_ok(scalar(@closed), '>=', 16, 'functions are closed');
same('plain', 'without', [ 'missing: Name: watch; Type: EVENT TRIGGER; Schema: -; Owner: postgres', sort @closed ], to => 'plain', grants => 1, args => ['--no-comments']);


# one object that fails does not hide the others
my $broken = another('broken', types => ['schema'], options => { event_triggers => 'false' }, sql => 'CREATE SCHEMA sales; CREATE FUNCTION sales.touch() RETURNS int LANGUAGE sql AS $$SELECT 1$$');
$broken->start->wait_for('failed', 120);
like($broken->last_error, qr/\b1 objects of the schema could not be made/, 'an object fails');
is(join("\n", map { join ' ', @$_ } $pg->rows("SELECT kind, name, error FROM dtsmig.task_objects WHERE state = 'failed'")), 'function sales.touch() function "touch" already exists with same argument types', 'it is named');
is($pg->value("SELECT count(*) FROM dtsmig.task_objects WHERE phase = 'pre_data' AND state = 'waiting'"), 0, 'the others are made');
$pg->sql('DROP FUNCTION sales.touch()');
$broken->resume->wait_for('completed', 120);
same('shop', 'after it was made room for', ['missing: Name: watch; Type: EVENT TRIGGER; Schema: -; Owner: -'], to => 'broken');

# names by policy
$src->sql('ALTER TABLE hr.log_2022 REPLICA IDENTITY FULL', db => 'shop');
oracle('lower', <<'END');
DO $$ DECLARE r record; BEGIN
FOR r IN SELECT c.oid::regclass AS rel, attname, lower(attname::text COLLATE "default") AS name FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid JOIN pg_namespace n ON n.oid = relnamespace
    WHERE relkind IN ('r', 'p') AND nspname !~ '^pg_|^information_schema' AND attnum > 0 AND NOT attisdropped AND attinhcount = 0 AND lower(attname::text COLLATE "default") <> attname LOOP
    EXECUTE format('ALTER TABLE %s RENAME COLUMN %I TO %I', r.rel, r.attname, r.name); END LOOP;
FOR r IN SELECT c.oid::regclass AS rel, lower(relname::text COLLATE "default") AS name FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
    WHERE relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND nspname !~ '^pg_|^information_schema' AND lower(relname::text COLLATE "default") <> relname LOOP
    EXECUTE format('ALTER TABLE %s RENAME TO %I', r.rel, r.name); END LOOP;
FOR r IN SELECT nspname::text AS name FROM pg_namespace WHERE nspname !~ '^pg_|^information_schema' AND lower(nspname::text COLLATE "default") <> nspname LOOP
    EXECUTE format('ALTER SCHEMA %I RENAME TO %I', r.name, lower(r.name COLLATE "default")); END LOOP;
END $$;
END
my $lower = another('lower', options => { name_case => 'lower' });
$lower->start->wait_for('incremental', 120);
same('lower', 'lower case', [ map { "differs: Name: $_; Owner: -" } 'Count(); Type: FUNCTION; Schema: camel', 'Path(); Type: FUNCTION; Schema: camel',
    'alle; Type: VIEW; Schema: camel', 'other(); Type: FUNCTION; Schema: camel', 'v w; Type: VIEW; Schema: odd "s\'x' ], to => 'lower');
is($pg->value('SELECT count(*), min(name), camel."Count"(), camel."Path"() FROM camel.tier'), '2|cat|2|2', 'functions find the new names');
is($pg->value(q{SELECT note FROM dtsmig.task_objects WHERE task = 'lower' AND name = 'camel.other()'}), 'its body mentions "Tier", which is camel.tier at the destination', 'a name without a schema');
$src->sql(<<'END', db => 'shop');
CREATE TABLE "Camel"."Third" (id int PRIMARY KEY, "Name" text DEFAULT 'X', c int REFERENCES sales.customers);
INSERT INTO "Camel"."Third" (id) VALUES (1);
CREATE VIEW "Camel"."V3" AS SELECT "Third"."Name" FROM "Camel"."Third";
ALTER TABLE "Camel"."Third" RENAME TO third;
UPDATE "Camel".third SET c = 1;
CREATE SEQUENCE "Camel"."S3"; CREATE VIEW "Camel".v4 AS SELECT "V3"."Name", nextval('"Camel"."S3"') AS n FROM "Camel"."V3", sales.open_orders o;
SET search_path = "Camel"; CREATE INDEX ON third (c); DROP VIEW v4; CREATE TYPE kinds AS ENUM ('a'); ALTER TABLE third ADD COLUMN "Kind" kinds; CREATE VIEW "V5" AS SELECT * FROM "V3"; RESET search_path;
INSERT INTO "Camel"."Day" VALUES (2);
CREATE SCHEMA "Fourth"; CREATE TABLE "Fourth"."T" ("Id" int PRIMARY KEY); INSERT INTO "Fourth"."T" VALUES (4);
END
poll_until(sub { ($pg->try_value('SELECT id FROM fourth.t', 'lower') // '') eq '4' || $lower->status =~ /failed/ }, 120, 0.1)
  && $lower->status !~ /failed/ or diag($lower->report);
is($pg->value('SELECT t.*, v.*, (SELECT max(t) FROM camel.day) FROM camel.third t, camel.v5 v'), '1|X|1||X|8', 'DDL follows the policy');
$lower->release;

done_testing();
