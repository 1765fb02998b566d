# Foreign tables over a PostgreSQL source: every type, before and after changes,
# import, push-down, one snapshot, errors, rights.
#
# dts-runs: postgresql, postgresql-18 into postgresql-18-dev
# dts-deep-runs: postgresql-10, postgresql-13, into postgresql-17-dev
use strict;
use warnings;
use POSIX ();
use Test::More;
use Time::HiRes qw(time);
use Dts::PgSource qw(pg_pair);
use Dts::Task;

my ($src, $pg) = pg_pair();
my $ddl = <<'END';
CREATE SCHEMA "Odd ""Names";
CREATE TYPE public.mood AS ENUM ('sad', 'ok', 'happy');
CREATE TYPE public.pair AS (a int, b text);
CREATE DOMAIN public.email AS text CHECK (VALUE LIKE '%@%');
CREATE TABLE public.plain (id bigint PRIMARY KEY, i2 smallint, i4 int, n numeric, n2 numeric(8,2), f4 real, f8 double precision, t text, v varchar(10), c char(5),
    b bytea, d date, ts timestamp, tz timestamptz(3), ti time, tt timetz, iv interval, bo boolean, u uuid, j json, jb jsonb,
    ip inet, ci cidr, ma macaddr, bi bit(5), vb varbit, po point, r int4range, xs int[], ts2 text[], tsv tsvector, oi oid, na name);
CREATE TABLE public.own (id int PRIMARY KEY, m public.mood, p public.pair, e public.email, ms public.mood[], ps public.pair[], rc regclass, mo money, x xml);
CREATE TABLE public.keyless (a int, b text); ALTER TABLE public.keyless REPLICA IDENTITY FULL;
CREATE TABLE public.empty (a int);
CREATE TABLE "Odd ""Names"."Ta.ble" ("Co""l" int PRIMARY KEY, "sel ect" text);
CREATE TABLE public.part (id int, at date) PARTITION BY RANGE (at);
CREATE TABLE public.part_1 PARTITION OF public.part FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE public.iden (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, s serial, t text);
CREATE VIEW public.looks AS SELECT id FROM public.plain;
END
$src->sql($ddl . <<'END');
INSERT INTO public.plain SELECT g, g, g * 1000, g / 7.0, g / 7.0, g / 3.0, 'NaN', E'tab\t back\\ é 😀', 'v' || g, 'c', decode('00ff27', 'hex'), '0044-03-15 BC', '294276-12-31 23:59:59.999999', 'infinity',
    '23:59:59.999999', '12:00:00+05:45', '1 year -2 days 03:04:05.678', g % 2 = 0, ('00000000-0000-0000-0000-00000000000' || g % 10)::uuid, '{"b":1,"a":[]}', '{"b":1,"a":[1.50]}', '::1/64', '10.0.0.0/8', '08:00:2b:01:02:03', B'10101', B'1', '(1.5,-2)', '[1,5)',
    '{1,NULL,3}', '{"a b",NULL,"\"q"}', 'a:1 b:2', 42, 'nm' FROM generate_series(1, 50) g;
INSERT INTO public.plain (id) VALUES (-9223372036854775808);
INSERT INTO public.plain (id, d, ts, f4, f8, n, t) VALUES (100, '2024-02-29', '2024-02-29 12:34:56.789', 'Infinity', 0.1, 'NaN', ''), (101, 'infinity', '-infinity', 1e-45, 5e-324, 1e100, 'x');
INSERT INTO public.own VALUES (1, 'ok', '(1,"x y")', 'a@b', '{sad,happy}', '{"(2,z)"}', 'public.plain', '12.34', '<a>1</a>'); INSERT INTO public.own (id) VALUES (2);
INSERT INTO public.keyless SELECT g % 3, 'k' FROM generate_series(1, 30000) g;
INSERT INTO "Odd ""Names"."Ta.ble" VALUES (1, 'one'), (2, NULL);
INSERT INTO public.part SELECT g, '2020-01-01'::date + g FROM generate_series(0, 300) g;
INSERT INTO public.iden (t) SELECT 'x' FROM generate_series(1, 10);
ANALYZE;
END
my $task = Dts::Task->new($src, $pg, name => 'm', options => { replica_identity => 'full' });
$task->start->wait_for('incremental', 120);
$pg->sql('CREATE SCHEMA f; IMPORT FOREIGN SCHEMA public FROM SERVER src_m INTO f; CREATE SCHEMA o; IMPORT FOREIGN SCHEMA "Odd ""Names" FROM SERVER src_m INTO o');
is($pg->sql("SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relnamespace = 'f'::regnamespace AND relkind = 'f'"), 'empty iden keyless own part_1 plain', 'import: tables that hold rows');
is($pg->sql("SELECT string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || ', not ' || format_type(b.atttypid, b.atttypmod), '; ') FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid AND c.relnamespace = 'f'::regnamespace JOIN pg_class d ON d.relname = c.relname AND d.relnamespace = 'public'::regnamespace JOIN pg_attribute b ON b.attrelid = d.oid AND b.attname = a.attname WHERE a.attnum > 0 AND (a.atttypid, a.atttypmod, a.attnotnull) <> (b.atttypid, b.atttypmod, b.attnotnull)"), '', 'with the types of the tables');
sub same
{
    my ($what) = @_;
    for (map({ [ "f.$_", "public.$_" ] } qw(plain own keyless empty part_1 iden)), [ 'o."Ta.ble"', '"Odd ""Names"."Ta.ble"' ])
    {
        my ($f, $t) = @$_;
        is($pg->sql("SELECT (SELECT count(*) FROM (SELECT x::text FROM $f x EXCEPT ALL SELECT x::text FROM $t x) y), (SELECT count(*) FROM (SELECT x::text FROM $t x EXCEPT ALL SELECT x::text FROM $f x) y), (SELECT count(*) FROM $t) - (SELECT count(*) FROM $f)"), '0|0|0', "$what: $t");
        next if $t =~ /keyless|empty|part/;
        is($pg->sql("SELECT kind, key, columns FROM dtsmig.compare('$f', '$t')"), '', "$what: compare $t");
    }
}
same('full load');
$src->sql(<<'END');
UPDATE public.plain SET t = t || 'x', n = n + 1, xs = '{}' WHERE id % 2 = 0; DELETE FROM public.plain WHERE id % 5 = 0; UPDATE public.plain SET id = id + 1000 WHERE id % 7 = 0;
UPDATE public.own SET m = 'happy', e = 'c@d'; INSERT INTO public.own (id, mo) VALUES (3, -0.01);
DELETE FROM public.keyless WHERE ctid IN (SELECT ctid FROM public.keyless LIMIT 10); INSERT INTO public.iden (t) VALUES ('y'); UPDATE "Odd ""Names"."Ta.ble" SET "sel ect" = 'two' WHERE "Co""l" = 2;
END
$task->catch_up;
same('changes');

# --- what the source is asked, and that the answer is the one without it
sub remote { return join "\n", $pg->sql("EXPLAIN (VERBOSE, COSTS OFF) $_[0]") =~ /Remote SQL: (.*)/g; }
is(remote('SELECT i4 FROM f.plain'), 'SELECT "i4" FROM ONLY "public"."plain"', 'columns that are wanted, and no others') or 1;
like(remote('SELECT id FROM f.plain WHERE id = 2'), qr/WHERE .*id OPERATOR\(pg_catalog\.=\) \(2\)/, 'a condition');
like(remote('SELECT id FROM f.plain WHERE t = \'x\' LIMIT 2 OFFSET 1'), qr/WHERE .* LIMIT 3$/, 'a limit');
like(remote('SELECT id FROM f.plain ORDER BY id DESC LIMIT 2'), qr/ ORDER BY "?id"? DESC LIMIT 2$/, 'an order by an integer that is not NULL');
unlike(remote('SELECT id FROM f.plain ORDER BY i4 LIMIT 2'), qr/LIMIT|ORDER/, 'not by one that may be NULL');
like(remote('SELECT count(*), max(i4) FROM f.plain WHERE id > 1'), qr/SELECT concat_ws.*count.*max\("?i4"?\).*WHERE/, 'aggregates');
is($pg->sql('SELECT count(*), max(i4), min(i2) FROM f.plain WHERE id > 0'), $src->sql('SELECT count(*), max(i4), min(i2) FROM plain WHERE id > 0'), 'their values');
is($pg->sql("SELECT sum(id), sum(i2), sum(i4), count(i4) FROM f.plain WHERE $_"), $src->sql("SELECT sum(id), sum(i2), sum(i4), count(i4) FROM plain WHERE $_"), "sums: $_") for 'id > 0', 'id > 1000000', 'true';
is($pg->sql('SELECT count(*), max(id) FROM f.plain WHERE id > 100000'), '0|', 'of no rows');
my $join = 'SELECT i.id, l.i4 FROM (VALUES (1), (4), (NULL), (999)) i(id) JOIN f.plain l ON l.id = i.id ORDER BY 1, 2';
is($pg->sql("SET enable_hashjoin = off; SET enable_mergejoin = off; $join"), "1|1000\n4|4000", 'look-ups by a key');
my %constants = (id => [2, '2.5'], i2 => [3, '3::bigint'], n => [0, "'NaN'", '1e100'], f4 => ["'Infinity'", 0, '0.33333334'], f8 => ["'NaN'", '0.1', "0.1::real"], t => ["''", "'x'"], v => ["'v3'"], c => ["'c'", "'c    '"], d => ["'2024-02-29'", "'infinity'", "'2024-02-29'::timestamp"],
    ts => ["'2024-02-29 12:34:56.789'", "'-infinity'"], tz => ["'infinity'", "'2024-02-29 12:00+02'"], bo => ['true'], u => ["'00000000-0000-0000-0000-000000000003'"], jb => [q('{"b":1,"a":[1.5]}')], bi => ["B'10101'"], xs => ["'{1,NULL,3}'"], ip => ["'::1/64'"], iv => ["'1 year'"]);
my @asked;
for my $column (sort keys %constants)
{
    for my $c (@{ $constants{$column} })
    {
        push @asked, map({ "$column $_ $c" } qw(= <> < <= > >=)), "NOT $column = $c", "$column IS DISTINCT FROM $c", "($column = $c) IS NOT TRUE", "$column = $c OR id = 1", "$column IN ($c, NULL)";
    }
    push @asked, "$column IS NULL", "$column IS NOT NULL";
}
my @answers = map { [ $pg->psql($_) ] } map { my $t = $_; join ';', map { "SELECT coalesce(string_agg(id::text, ',' ORDER BY id), '-') FROM $t.plain WHERE $_" } @asked } qw(f public);
my @f = split /\n/, $answers[0][1];
my @l = split /\n/, $answers[1][1];
is(scalar @f, scalar @asked, 'as many answers as questions') or diag $answers[0][2];
is(join("\n", map { "$asked[$_]: " . ($f[$_] // '') . ', not ' . ($l[$_] // '') } grep { ($f[$_] // '') ne ($l[$_] // '') } 0 .. $#asked), '', scalar(@asked) . ' conditions mean the same at the source and at the destination');

# joins by integers, of two tables of the server
for my $join ('SELECT a.*, b.* FROM %s.plain a JOIN %s.own b ON a.id = b.id', 'SELECT a.b, a.iv, b.mo, b.m, a.n FROM %s.plain a, %s.own b WHERE a.i4 = b.id AND a.id > 0 AND b.id < 3', 'SELECT count(*) FROM %s.plain a JOIN %s.iden b ON a.i2 = b.id', 'SELECT a.t, b.xs, b.jb FROM %s.plain a JOIN %s.plain b ON a.i2 = b.id AND a.id = b.i2 WHERE a.bo')
{
    my ($there, $here) = map { sprintf $join, $_, $_ } qw(f public);
    is($pg->sql("SELECT string_agg(x::text, ' ' ORDER BY x::text COLLATE \"C\") FROM ($there) x"), $pg->sql("SELECT string_agg(x::text, ' ' ORDER BY x::text COLLATE \"C\") FROM ($here) x"), "$join: the same as here");
    like(remote($there), qr/^SELECT \w\.c\d.* JOIN .*$/, 'at the source');
}
unlike(remote($_), qr/JOIN/, "not pushed: $_") for 'SELECT a.id FROM f.plain a JOIN f.own b ON a.id < b.id', 'SELECT a.id FROM f.plain a LEFT JOIN f.own b ON a.id = b.id', 'SELECT a.id FROM f.plain a JOIN f.keyless b ON a.t = b.b';

# several servers at a time, under Append
$pg->sql($src->server_sql('src_2', dbname => 'postgres'));
$pg->sql(q{CREATE SCHEMA second; IMPORT FOREIGN SCHEMA public LIMIT TO (keyless, iden) FROM SERVER src_2 INTO second; ALTER SERVER src_m OPTIONS (ADD async_capable 'true'); ALTER SERVER src_2 OPTIONS (ADD async_capable 'true')});
my $both = 'SELECT a FROM f.keyless UNION ALL SELECT id FROM second.iden UNION ALL SELECT id FROM f.iden';
is(scalar(() = $pg->sql("EXPLAIN $both") =~ /Async Foreign Scan/g), 3, 'asynchronous scans');
is($pg->sql("SELECT count(*) FROM ($both) x"), $pg->sql('SELECT (SELECT count(*) FROM f.keyless) + (SELECT count(*) FROM second.iden) + (SELECT count(*) FROM f.iden)'), 'have all rows');
is($pg->sql("SELECT count(*) FROM ($both LIMIT 2) x"), '2', 'can end early');
is($pg->sql("SELECT string_agg((SELECT count(*) FROM ($both) x WHERE x.a = v.a)::text, ' ') FROM (VALUES (1), (2)) v(a)"), $pg->sql("SET enable_async_append = off; SELECT string_agg((SELECT count(*) FROM ($both) x WHERE x.a = v.a)::text, ' ') FROM (VALUES (1), (2)) v(a)"), 'and begin again');
is($pg->sql("BEGIN; DECLARE c CURSOR FOR $both; FETCH 1 FROM c; SELECT count(*) FROM f.iden; MOVE 10 IN c; COMMIT") =~ s/^\d+\n//r, $pg->sql('SELECT count(*) FROM f.iden'), 'beside another scan');
like($pg->error("SELECT 1 / (v - v) FROM ($both) x(v)"), qr/22012/, 'an error meanwhile');
$pg->sql('ALTER SERVER src_m OPTIONS (DROP async_capable)');

# --- connection, snapshot, errors
is($pg->sql(q{SET work_mem = 64; BEGIN; DECLARE c CURSOR FOR SELECT a FROM f.keyless; FETCH 1 FROM c; SELECT count(*) FROM f.own; MOVE 29000 IN c; FETCH 1 FROM c; SELECT server || in_transaction FROM dtsmig.connections(); COMMIT; SELECT server || in_transaction FROM dtsmig.connections()}) =~ s/^\d\n3\n\d\n//r, "src_mtrue\nsrc_mfalse", 'two scans at a time over one connection');
is($pg->sql('SELECT count(*) FROM f.own i WHERE EXISTS (SELECT FROM f.keyless)'), '3', 'a scan that is ended early');
is($pg->sql(q{DO $$ DECLARE r record; n int := 0; BEGIN FOR r IN SELECT id FROM f.own ORDER BY id LOOP
  BEGIN n := n + (SELECT count(*) FROM f.iden); PERFORM 1 / 0 FROM f.keyless; EXCEPTION WHEN division_by_zero THEN n := n + 100; END; END LOOP;
  IF n <> 333 THEN RAISE EXCEPTION 'n is %', n; END IF; END $$; SELECT count(*) FROM f.iden}), '11', 'errors within subtransactions');
is($pg->sql(q{BEGIN; SELECT count(*) FROM f.iden; SAVEPOINT a; CREATE FOREIGN TABLE f.nothing (a int) SERVER src_m OPTIONS (schema_name 'public', table_name 'nothing'); DO $$ BEGIN PERFORM FROM f.nothing; EXCEPTION WHEN undefined_table THEN NULL; END $$; SELECT count(*) FROM f.iden; COMMIT}), "11\n11", 'an error of the source within one');
like($pg->error('SET statement_timeout = 500; SELECT count(*) FROM f.keyless a, f.keyless b, f.keyless c WHERE a.b || b.b <> c.b'), qr/57014/, 'a cancel ends it');
my $locker = fork;
if (!$locker)
{
    $src->psql('BEGIN; LOCK TABLE public.keyless; SELECT pg_sleep(4)');
    POSIX::_exit(0);
}
ok($src->poll_query("SELECT count(*) > 0 FROM pg_locks WHERE relation = 'public.keyless'::regclass AND mode = 'AccessExclusiveLock'", 20), 'a table is locked');
my $began = time;
like($pg->error('SET statement_timeout = 700; SELECT max(b) FROM f.keyless'), qr/57014/, 'a cancel while the source waits');
cmp_ok(time - $began, '<', 3, 'at once');
waitpid $locker, 0;
$pg->sql('ANALYZE f.keyless');
is($pg->sql("SELECT reltuples BETWEEN 20000 AND 45000, (SELECT n_distinct FROM pg_stats WHERE schemaname = 'f' AND tablename = 'keyless' AND attname = 'a') FROM pg_class WHERE oid = 'f.keyless'::regclass"), 't|3', 'ANALYZE takes a sample');
$pg->sql("CREATE FOREIGN TABLE f.looks (id bigint) SERVER src_m OPTIONS (schema_name 'public'); CREATE FOREIGN TABLE odd (t varchar(3), id numeric, m text) SERVER src_m OPTIONS (table_name 'own'); ALTER FOREIGN TABLE odd DROP COLUMN t");
like($pg->error('SELECT * FROM f.looks'), qr/42P01/, 'a view of the source');
is($pg->sql('SELECT * FROM odd ORDER BY id'), "1|happy\n2|happy\n3|", 'other types');

# --- types that do not exist at the destination
$src->sql("CREATE TYPE later AS ENUM ('x', 'y'); CREATE TABLE lately (id int PRIMARY KEY, l later); INSERT INTO lately VALUES (1, 'y')", db => 'template1');
$pg->sql($src->server_sql('other', dbname => 'template1'));
$pg->sql('CREATE SCHEMA g; IMPORT FOREIGN SCHEMA public FROM SERVER other INTO g');
is($pg->sql('SELECT *, pg_typeof(l) FROM g.lately'), '1|y|text', 'a type that does not exist at the destination is text');

# --- rights
$pg->sql("CREATE ROLE reader LOGIN; GRANT USAGE ON SCHEMA f TO reader; GRANT SELECT ON f.own, f.iden TO reader; GRANT USAGE ON FOREIGN SERVER src_m TO reader; CREATE USER MAPPING FOR reader SERVER src_m OPTIONS (user 'mig')");
like($pg->error('SELECT * FROM f.iden', role => 'reader'), qr/2F003: password is required/, 'no password');
$pg->sql("ALTER USER MAPPING FOR reader SERVER src_m OPTIONS (ADD password 'secret')");
is($pg->sql('SELECT count(*) FROM f.iden', role => 'reader'), '11', 'with one');
is($pg->sql('SELECT e FROM f.own WHERE id = 1', role => 'reader'), 'c@d', 'a column of a domain');

# --- what another role has made
$pg->sql('CREATE ROLE eve LOGIN; GRANT USAGE ON FOREIGN DATA WRAPPER dtsmig_fdw TO eve; CREATE SCHEMA eve AUTHORIZATION eve');
$pg->sql(<<"END", role => 'eve');
CREATE SERVER theirs TYPE 'postgresql' FOREIGN DATA WRAPPER dtsmig_fdw OPTIONS (host '127.0.0.1', port '$src->{port}', dbname 'postgres');
CREATE USER MAPPING FOR postgres SERVER theirs OPTIONS (user 'postgres');
CREATE FUNCTION eve.who() RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN current_user; END';
CREATE DOMAIN eve.spied AS int CHECK (eve.who() = 'eve');
CREATE FOREIGN TABLE eve.t (id eve.spied, t text) SERVER theirs OPTIONS (schema_name 'public', table_name 'iden');
END
my $superuser = $pg->value('SELECT current_user');
$pg->sql("CREATE USER MAPPING FOR $superuser SERVER theirs OPTIONS (user 'postgres')") if $superuser ne 'postgres';
like($pg->error('SELECT * FROM eve.t'), qr/2F003: password is required/, "a superuser reaches nothing without a password over another role's server");
$pg->sql("ALTER USER MAPPING FOR $superuser SERVER theirs OPTIONS (SET user 'mig', ADD password 'secret')");
is($pg->sql('SELECT count(id) FROM eve.t'), '11', "a domain's code runs as the table's owner");
done_testing();
