# Verification of a destination that is another PostgreSQL server, the source
# PostgreSQL: each difference that is planted there is found with its key, by the
# sums that both servers make; and none that is not there, also while changes come.
#
# dts-runs: postgresql, postgresql-10
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep);
use Dts::PgSource qw(pg_pair same_pg_tables);
use Dts::Postgres;
use Dts::Task;

my ($src, $hub) = pg_pair(kind => $ENV{DTS_PG_KIND});
my $dst = Dts::Postgres->new(preload => 0)->start;
# what an account may set for itself, or others for it, changes nothing of what is read
$dst->sql("CREATE ROLE app LOGIN PASSWORD 'pw'; CREATE DATABASE app OWNER app; ALTER ROLE app SET bytea_output = escape; ALTER ROLE app SET extra_float_digits = -10; ALTER ROLE app SET TimeZone = 'Asia/Kolkata'; ALTER ROLE app SET DateStyle = 'German'");
$dst->prepend_hba('host all app 127.0.0.1/32 scram-sha-256');
$dst->{dbname} = 'app';
$hub->sql('CREATE ROLE mover LOGIN; GRANT CREATE ON DATABASE postgres TO mover; GRANT USAGE ON FOREIGN DATA WRAPPER dtsmig_fdw TO mover; CREATE ROLE stranger LOGIN');
$src->sql(<<'END_SQL');
CREATE SCHEMA s; SET search_path = s;
CREATE TABLE nums (id serial PRIMARY KEY, n numeric, f double precision, t text, at timestamptz DEFAULT now());
INSERT INTO nums (n, f, t) SELECT g / 7.0, g / 3.0, md5(g::text) FROM generate_series(1, 60000) g;
CREATE TABLE words (w text PRIMARY KEY, v int); INSERT INTO words SELECT chr(97 + g % 26) || md5(g::text), g FROM generate_series(1, 20000) g;
CREATE TABLE keyless (a int, b text); ALTER TABLE keyless REPLICA IDENTITY FULL; INSERT INTO keyless SELECT g % 50, 'k' FROM generate_series(1, 1000) g;
CREATE TYPE mood AS ENUM ('sad', 'é', 'ok'); CREATE DOMAIN even AS int CHECK (VALUE % 2 = 0); CREATE DOMAIN yes AS boolean; CREATE TYPE pair AS (a int, b text);
CREATE TABLE kinds (id bigint PRIMARY KEY, b bool, s smallint, i int, l bigint, n numeric, n2 numeric(10,2), f real, d double precision, da date, ti time, ts timestamp(3), tt timestamptz, iv interval, c char(5), vc varchar(9), t text, by bytea, u uuid, ip inet, bi bit(3), j json, jb jsonb, x xml, e mood, p even, y yes, r pair, es mood[], ar text[], ir int4range, po point, mo money);
INSERT INTO kinds SELECT g, g % 2 = 0, g - 2, -g, g::bigint << 40, ('1' || repeat('0', g))::numeric, g / 3.0, g / 3.0, -g / 3.0, '2024-02-29'::date + g, '10:00'::time + g * interval '1 s', '2024-01-01 10:00:00.123', '2024-01-01 10:00+02', g * interval '1 mon 30 h', 'ab', 'ab ' || g, repeat('é', g * 500), decode(repeat('00ff', g), 'hex'), md5(g::text)::uuid, '1.2.3.4', B'101', '{"a":  1}', '{"a": 1.00}', '<a/>', 'é', 2 * g, g % 2 = 0, ('(' || g || ',"a \"\"b\"\", c")')::pair, ARRAY['sad', 'é']::mood[], ARRAY['x', NULL, g::text], int4range(1, g + 1), point(g, -0.5), g FROM generate_series(1, 25) g;
UPDATE kinds SET d = '-0' WHERE id = 6; UPDATE kinds SET n = '0.1' WHERE id = 8; UPDATE kinds SET iv = '24 h' WHERE id = 9; UPDATE kinds SET t = '' WHERE id = 10; UPDATE kinds SET t = E'tab\t\\N\n' WHERE id = 11;
INSERT INTO kinds (id, d, f, n, da, ts, tt) VALUES (31, '-0', 'NaN', 'NaN', 'infinity', '-infinity', '0044-03-15 BC');
CREATE TABLE by_mood (m mood, n even, v int, PRIMARY KEY (m, n)); INSERT INTO by_mood VALUES ('sad', 2, 1), ('é', 2, 2), ('ok', 4, 3);
CREATE TABLE "Odd ""name" ("select" integer PRIMARY KEY, "a b" text); INSERT INTO "Odd ""name" VALUES (1, 'x');
CREATE TABLE made (id int PRIMARY KEY, age int, st text DEFAULT 'x', nn int NOT NULL, idn int GENERATED ALWAYS AS IDENTITY, m mood, p even, CONSTRAINT made_un UNIQUE (age, st)); CREATE INDEX age_i ON made (age); CREATE INDEX lower_i ON made (lower(st)); CREATE SEQUENCE alone; SELECT nextval('alone');
CREATE TABLE wide (id int PRIMARY KEY, body text); INSERT INTO wide SELECT g, repeat(md5(g::text), 2000) FROM generate_series(1, 50) g;
ANALYZE;
END_SQL
$src->sql("CREATE TABLE s.part (id integer NOT NULL, k integer NOT NULL, v text) PARTITION BY RANGE (k); CREATE TABLE s.part_1 PARTITION OF s.part (PRIMARY KEY (id, k)) FOR VALUES FROM (0) TO (100); INSERT INTO s.part SELECT i, i, 'p' FROM generate_series(1, 90) i");
my $generates = $src->value('SHOW server_version_num') >= 120000;
$src->sql('CREATE TABLE s.sums (id int PRIMARY KEY, a int, ' . ($generates ? 's int GENERATED ALWAYS AS (a * 2 + 1) STORED' : 's int') . ', d text DEFAULT \'x\'); INSERT INTO s.sums (id, a) SELECT g, g FROM generate_series(1, 20) g');
my $task = Dts::Task->new($src, $hub, name => 'v', db => 'postgres', role => 'mover', objects => [ { schema => 's' } ], destination => $dst, destination_user => 'app', destination_password => 'pw');
$task->start->wait_for('incremental', 120);

my $found = sub { return join "\n", map { join '|', @$_ } $hub->rows("SELECT source_table, kind, coalesce(key::text, '-') FROM dtsmig.verify('v'" . ($_[0] ? ", $_[0]" : '') . ") ORDER BY source_table COLLATE \"C\", 2, 3", role => 'mover') };
my $run = sub { return $hub->value("SELECT $_[0] FROM dtsmig.verify_runs ORDER BY run_id DESC LIMIT 1") };
is($found->(), '', 'equal');
is($run->('rows'), $src->value('SELECT ' . join(' + ', map { "(SELECT count(*) FROM s.$_)" } qw(nums words keyless kinds by_mood wide part sums), '"Odd ""name"')), 'all rows');
is($run->('rows_moved'), 0, 'none of them had to be read');
is($found->("mode => 'sample', sample => 0.3"), '', 'equal by a sample');
is($dst->value("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'dtsmig%' AND state LIKE 'idle in transaction%'"), 0, 'nothing is left open there');

# --- definitions
is($found->("mode => 'schema'"), '', 'definitions are equal');
$dst->sql('DROP INDEX s.age_i; DROP INDEX s.lower_i; ALTER TABLE s.made DROP CONSTRAINT made_un, ALTER st DROP DEFAULT, ALTER nn DROP NOT NULL, ALTER idn DROP IDENTITY; ALTER TABLE s.kinds ALTER i TYPE bigint, ALTER e TYPE text; ALTER TABLE s.by_mood DROP COLUMN v; DROP SEQUENCE s.alone; DROP TABLE s."Odd ""name"');
is($hub->value("SELECT string_agg(x, ', ' ORDER BY x COLLATE \"C\") FROM (SELECT concat_ws(' ', source_table, kind, jsonb_object_keys(differences)) AS x FROM dtsmig.verify('v', 'schema')) x", role => 'mover'),
    join(', ', 's.Odd "name missing table', 's.alone missing sequence', 's.by_mood missing column v', 's.kinds differs column e: type', 's.kinds differs column i: type', 's.made differs column idn: identity', 's.made differs column nn: nullable', 's.made differs column st: default', 's.made missing index (())', 's.made missing index (age)', 's.made missing unique key (age,st)'), 'each that differs is found');
$dst->sql(q{SET ROLE app; CREATE INDEX age_i ON s.made (age); CREATE INDEX lower_i ON s.made (lower(st)); ALTER TABLE s.made ADD UNIQUE (age, st), ALTER st SET DEFAULT 'x', ALTER nn SET NOT NULL, ALTER idn ADD GENERATED ALWAYS AS IDENTITY; ALTER TABLE s.kinds ALTER i TYPE int, ALTER e TYPE s.mood USING e::s.mood; ALTER TABLE s.by_mood ADD COLUMN v int; UPDATE s.by_mood SET v = CASE m WHEN 'sad' THEN 1 WHEN 'é' THEN 2 ELSE 3 END; CREATE SEQUENCE s.alone; CREATE TABLE s."Odd ""name" ("select" integer PRIMARY KEY, "a b" text); INSERT INTO s."Odd ""name" VALUES (1, 'x')});
is($found->("mode => 'schema'"), '', 'and is fixed by what is the same');
is($found->(), '', 'as are its rows');

# --- a column that is generated by another expression
if ($generates)
{
    $dst->sql('ALTER TABLE s.sums DROP COLUMN s, DROP COLUMN d; ALTER TABLE s.sums ADD COLUMN s int GENERATED ALWAYS AS (a * 3 + 1) STORED, ADD COLUMN d text DEFAULT \'x\'; UPDATE s.sums SET a = 99 WHERE id = 3');
    is($hub->value("SELECT string_agg(source_table || ' ' || differences::text, ', ') FROM dtsmig.verify('v', 'schema')", role => 'mover'),
        's.sums {"column s: generated": {"source": "((a * 2) + 1)", "destination": "((a * 3) + 1)"}}', 'another expression is found by the definitions');
    $task->sql("SELECT count(*) FROM dtsmig.verify('v', tables => '{sums}')");
    $task->sql("SELECT dtsmig.repair('v')");
    ok($hub->poll_query("SELECT count(*) FROM dtsmig.verify_results WHERE state = 'repairing'", 60, '0'), 'a repair');
    is($dst->value('SELECT a FROM s.sums WHERE id = 3'), 3, 'of the column that it is made of');
    $dst->sql('ALTER TABLE s.sums DROP COLUMN s; ALTER TABLE s.sums ADD COLUMN s int GENERATED ALWAYS AS (a * 2 + 1) STORED');
}

# --- each difference, made there
sub plant { $dst->sql("SET session_replication_role = replica; SET DateStyle = 'ISO, MDY'; $_[0]"); }
my @plants = ([ 1, 'l', 'l = l >> 32' ], [ 2, 'n2', 'n2 = n2 + 0.01' ], [ 3, 'jb', q(jb = '{"a": 1.0}') ], [ 4, 'tt', "tt = tt + interval '1 us'" ], [ 5, 'by', 'by = by || by' ], [ 6, 'd', 'd = 0' ], [ 7, 'f', 'f = f + 0.001' ], [ 8, 'n', "n = '0.10'" ], [ 9, 'iv', "iv = '1 d'" ], [ 10, 't', 't = NULL' ],
    [ 11, 't', "t = E'tab\\t\\\\N'" ], [ 12, 'r', "r = ROW(12, 'a')" ], [ 13, 'y', 'y = NOT y' ], [ 14, 'c', "c = 'ac'" ], [ 15, 'e', "e = 'sad'" ], [ 16, 'ip', "ip = '1.2.3.4/31'" ], [ 17, 'ar', "ar = ARRAY['x', 'NULL', '17']" ], [ 18, 'es', "es = '{sad}'" ], [ 19, 'p', 'p = 2' ], [ 20, 'mo', "mo = mo + '0.01'" ], [ 21, 'j', q(j = '{"a": 1}') ], [ 22, 'ts', "ts = ts + '1 ms'" ]);
plant(join ';', map { "UPDATE s.kinds SET $_->[2] WHERE id = $_->[0]" } @plants);
is($hub->value("SELECT string_agg((key ->> 'id') || ' ' || (SELECT string_agg(k, ' ') FROM jsonb_object_keys(differences) k), ', ' ORDER BY (key ->> 'id')::int) FROM dtsmig.verify('v', tables => '{kinds}')", role => 'mover'),
    join(', ', map { "$_->[0] $_->[1]" } @plants), 'values that are nearly equal');
is($hub->value("SELECT differences::text FROM dtsmig.verify_results WHERE task = 'v' AND key ->> 'id' = '15'", role => 'mover'), '{"e": {"source": "é", "destination": "sad"}}', 'with what either side has');
$src->sql("UPDATE s.kinds SET $_->[1] = $_->[1] WHERE id = $_->[0]") for @plants;
$task->catch_up(60);
is($found->("tables => '{kinds}'"), '', 'and not, when they are as they were');
my $w = $dst->value('SELECT w FROM s.words WHERE v = 5');
plant('CREATE TABLE public.nums AS SELECT * FROM s.nums WHERE id IN (1, 6000, 60000); CREATE TABLE public.words AS SELECT * FROM s.words WHERE v = 5; CREATE TABLE public.wide AS SELECT * FROM s.wide WHERE id = 7');
plant(q{UPDATE s.nums SET f = f + 1e-9 WHERE id = 6000; DELETE FROM s.words WHERE v = 5; INSERT INTO s.words VALUES ('zz', 1); UPDATE s.by_mood SET v = 7 WHERE m = 'é'; DELETE FROM s.by_mood WHERE m = 'ok'; DELETE FROM s.part WHERE id = 40; UPDATE s."Odd ""name" SET "a b" = NULL; DELETE FROM s.nums WHERE id IN (1, 60000); INSERT INTO s.nums (id) VALUES (0), (70000);
UPDATE s.wide SET body = substr(body, 2) WHERE id = 7});
is($found->(), join("\n", q(s.Odd "name|differs|{"select": "1"}), q(s.by_mood|differs|{"m": "é", "n": "2"}), q(s.by_mood|missing|{"m": "ok", "n": "4"}), q(s.nums|differs|{"id": "6000"}),
        q(s.nums|extra|{"id": "0"}), q(s.nums|extra|{"id": "70000"}), q(s.nums|missing|{"id": "1"}), q(s.nums|missing|{"id": "60000"}), q(s.part_1|missing|{"k": "40", "id": "40"}), q(s.wide|differs|{"id": "7"}), q(s.words|extra|{"w": "zz"}), qq(s.words|missing|{"w": "$w"})), 'rows that are missing, extra, others');
plant("DELETE FROM s.keyless WHERE ctid = (SELECT ctid FROM s.keyless WHERE a = 7 LIMIT 1); INSERT INTO s.keyless VALUES (99, NULL)");
is($hub->value("SELECT string_agg(kind || ' ' || differences::text, ', ' ORDER BY kind) FROM dtsmig.verify('v', tables => '{keyless}')", role => 'mover'),
    'extra {"a": {"destination": "99"}, "b": {"destination": null}}, missing {"a": {"source": "7"}, "b": {"source": "k"}}', 'and of a table without a key')
  or diag $found->("tables => '{keyless}'");

# --- who may
like($hub->error("SELECT dtsmig.verify('v')", role => 'stranger'), qr/42501.*must be owner of task/s, 'not for everybody');
like($hub->error("SELECT dtsmig.verify('v', mode => 'incremental')", role => 'mover'), qr/0A000.*mode incremental of verify is not possible yet/s, 'what was written last is not seen there');
like($hub->error("SELECT dtsmig.verify('v', tables => '{nothing}')", role => 'mover'), qr/42P01.*has no table "nothing"/s, 'a table that is none');

# --- while changes come
plant(q{DELETE FROM s.nums WHERE id IN (0, 6000, 70000); DELETE FROM s.words WHERE w = 'zz'; DELETE FROM s.keyless WHERE a = 99; INSERT INTO s.keyless VALUES (7, 'k'); UPDATE s.by_mood SET v = 2 WHERE m = 'é'; INSERT INTO s.by_mood VALUES ('ok', 4, 3); INSERT INTO s.part VALUES (40, 40, 'p'); UPDATE s."Odd ""name" SET "a b" = 'x'});
plant('INSERT INTO s.nums SELECT * FROM public.nums; INSERT INTO s.words SELECT * FROM public.words; DELETE FROM s.wide WHERE id = 7; INSERT INTO s.wide SELECT * FROM public.wide');
is($found->(), '', 'all is well again');
my @writers = map {
    $src->background(sub {
        sleep 0.01;
        my $id = 1 + int rand 60000;
        return "UPDATE s.nums SET f = f + 1, t = md5(t) WHERE id BETWEEN $id AND $id + 20; DELETE FROM s.words WHERE v = $id % 20000; INSERT INTO s.words VALUES (md5(random()::text), $id); UPDATE s.keyless SET b = b || 'x' WHERE ctid IN (SELECT ctid FROM s.keyless WHERE a = $id % 50 LIMIT 1);\n";
    })
} 1 .. 2;
sleep 1;
is($found->("tables => '{nums,words}'"), '', 'equal while changes come');
plant("UPDATE s.by_mood SET v = 70 WHERE m = 'sad'; DELETE FROM s.kinds WHERE id = 3");
my $busy = $found->("tables => '{nums,by_mood,kinds}'");
$_->stop for @writers;
like($busy, qr/^s\.by_mood\|differs\|\{"m": "sad", "n": "2"\}\ns\.kinds\|missing\|\{"id": "3"\}$/, 'and what is planted meanwhile is found, and no more');
plant("UPDATE s.by_mood SET v = 1 WHERE m = 'sad'");
is($found->("tables => '{nums,kinds,by_mood}'"), 's.kinds|missing|{"id": "3"}', 'still');

# --- several in one transaction, and after an error that was caught
is($hub->value("DO \$\$ BEGIN PERFORM dtsmig.verify('v', tables => '{nothing}'); EXCEPTION WHEN undefined_table THEN PERFORM count(*) FROM dtsmig.verify('v', tables => '{by_mood}'); END \$\$; SELECT 'went on'", role => 'mover'), 'went on', 'after an error that was caught');
is($found->("tables => '{by_mood}'"), '', 'and by itself');

# --- a destination that is gone says so, and the task stays
$dst->stop;
like($hub->error("SELECT dtsmig.verify('v')", role => 'mover'), qr/0800\d.*dst_v/s, 'a destination that is gone');
$dst->start;
$task->catch_up(90);
is($found->("tables => '{by_mood,kinds}'"), 's.kinds|missing|{"id": "3"}', 'and is back');
$task->release->drop;
done_testing();
