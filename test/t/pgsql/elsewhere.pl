# The destination is another server: schema, rows and changes of a PostgreSQL
# source over libpq, with the extension in a hub between, by a role of the
# destination that has no special right; and types that the hub does not have.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);
use Dts::Env qw(poll_until);
use Dts::PgSource qw(pg_pair same_pg_tables);
use Dts::Postgres;
use Dts::Task;

my ($src, $hub) = pg_pair();
my $dst = Dts::Postgres->new(preload => 0)->start;
$dst->sql("CREATE ROLE app LOGIN PASSWORD 'pw'; CREATE DATABASE app OWNER app");
$dst->prepend_hba('host all app 127.0.0.1/32 scram-sha-256');
$dst->{dbname} = 'app';

# the hub's task belongs to a role without any special right, too
$hub->sql('CREATE ROLE mover LOGIN; GRANT CREATE ON DATABASE postgres TO mover; GRANT USAGE ON FOREIGN DATA WRAPPER dtsmig_fdw TO mover');

$src->sql(<<'END');
CREATE SCHEMA s;
CREATE TYPE s.mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN s.even AS integer CHECK (VALUE % 2 = 0);
CREATE TYPE s.pair AS (a integer, b text);
CREATE TABLE s.plain (id bigint PRIMARY KEY, v text, n numeric, t timestamptz, b bytea, j jsonb, u uuid, f float8, d date, i interval, a integer[], vb varchar(20), ch char(5), bt bit(7), vbt bit varying(9), m money, ti time, tz timetz, p point, x xid, nm name, o oid, rc regclass);
CREATE TABLE s.odd (id integer PRIMARY KEY, m s.mood, e s.even, p s.pair, x xml, r int4range, moods s.mood[], net inet, ts tsvector);
CREATE TABLE s.by_mood (m s.mood PRIMARY KEY, v integer);
CREATE TABLE s.toast (id integer PRIMARY KEY, small integer, big text);
CREATE TABLE s.no_key (a integer, b text, m s.mood, n numeric(10,2));
ALTER TABLE s.no_key REPLICA IDENTITY FULL;
CREATE TABLE s.gen (id integer PRIMARY KEY, a integer, twice integer GENERATED ALWAYS AS (a * 2) STORED, ident integer GENERATED ALWAYS AS IDENTITY);
CREATE TABLE s.always (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v text);
CREATE TABLE s.parent (id integer PRIMARY KEY, v integer);
CREATE TABLE s.child (id serial PRIMARY KEY, parent integer REFERENCES s.parent ON DELETE CASCADE, v integer);
CREATE TABLE s."Odd ""name" ("select" integer PRIMARY KEY, "a b" text);
CREATE TABLE s.part (id integer NOT NULL, k integer NOT NULL, v text, PRIMARY KEY (id, k)) PARTITION BY RANGE (k);
CREATE TABLE s.part_1 PARTITION OF s.part FOR VALUES FROM (0) TO (100);
CREATE TABLE s.part_2 PARTITION OF s.part FOR VALUES FROM (100) TO (200);
CREATE FUNCTION s.touch() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.v := 'touched'; RETURN NEW; END$$;
CREATE TRIGGER touch BEFORE INSERT OR UPDATE ON s.toast FOR EACH ROW WHEN (NEW.small = 999) EXECUTE FUNCTION s.touch();
CREATE VIEW s.happy AS SELECT * FROM s.odd WHERE m = 'happy';
CREATE SEQUENCE s.free;
INSERT INTO s.plain SELECT i, 'v' || i, i / 3.0, now(), decode(md5(i::text), 'hex'), jsonb_build_object('i', i), md5(i::text)::uuid, i / 7.0, DATE '2020-01-01' + i, make_interval(days => i, secs => i), ARRAY[i, NULL], repeat('x', i % 20), 'ab', B'1010101', B'101', i::text::money, '12:00:01.5', '12:00:01+02', point(i, 2), '7', 'n' || i, i, 's.plain' FROM generate_series(1, 100) i;
INSERT INTO s.odd SELECT i, (ARRAY['sad','ok','happy'])[1 + i % 3]::s.mood, 2 * i, ROW(i, 'a "b", c')::s.pair, '<a/>', int4range(i, i + 5), ARRAY['ok','sad']::s.mood[], '10.0.0.1/8', to_tsvector('simple', 'a b ' || i) FROM generate_series(1, 20) i;
INSERT INTO s.by_mood VALUES ('sad', 1), ('ok', 2);
INSERT INTO s.toast SELECT i, i, repeat(md5(i::text), 5000) FROM generate_series(1, 5) i;
INSERT INTO s.no_key SELECT i % 3, 'x', 'ok', i % 2 FROM generate_series(1, 12) i;
INSERT INTO s.gen (id, a) VALUES (1, 5), (2, NULL);
INSERT INTO s.always (v) VALUES ('a'), ('b');
INSERT INTO s.parent SELECT i, i FROM generate_series(1, 10) i; INSERT INTO s.child (parent, v) SELECT i, i FROM generate_series(1, 10) i;
INSERT INTO s."Odd ""name" VALUES (1, 'x');
INSERT INTO s.part SELECT i, i, 'p' FROM generate_series(1, 190, 10) i;
SELECT setval('s.free', 50);
END

my $task = Dts::Task->new($src, $hub, name => 'st', db => 'postgres', role => 'mover', objects => [ { schema => 's' } ],
    destination => $dst, destination_user => 'app', destination_password => 'pw');
my $says = $task->sql("SELECT string_agg(concat_ws(' ', item, status, found, advice), E'\\n') FROM dtsmig.precheck('st') WHERE status = 'failed' OR item IN ('destination_kind', 'session_replication_role', 'destination_privileges')");
note $says;
unlike($says, qr/ failed /, 'nothing has failed');
like($says, qr/session_replication_role warning role app may not set.*left for you/, 'a role without a right is said to be one, and what that means');
$task->start->wait_for('incremental', 90);

sub same { $task->catch_up(60); same_pg_tables($src, $dst, $_[0], schemas => ['s']); }
same('full load');
is($hub->value("SELECT count(*) FROM pg_namespace WHERE nspname = 's'"), 0, 'nothing is made in the hub');
is($dst->value("SELECT count(*) FROM s.happy"), 7, 'views are there');
is($task->sql("SELECT string_agg(DISTINCT kind, ',') FROM dtsmig.task_objects WHERE task = 'st' AND state = 'waiting'"), 'foreign key,trigger', 'what would act on rows waits');

$src->sql(q{
UPDATE s.plain SET v = 'changed', n = n + 0.1, f = -0.0, a = '{}', m = '12.34', bt = B'0000001', ch = 'zz' WHERE id < 20; DELETE FROM s.plain WHERE id > 90; INSERT INTO s.plain (id, v, rc) VALUES (1000, 'new', 's.odd'), (1001, NULL, NULL);
UPDATE s.odd SET m = 'happy', p = ROW(NULL, 'q'), moods = '{}' WHERE id < 5; DELETE FROM s.odd WHERE id = 20; INSERT INTO s.odd (id, m, e) VALUES (100, 'sad', 4); UPDATE s.odd SET id = 101 WHERE id = 6;
UPDATE s.by_mood SET m = 'happy' WHERE m = 'sad'; DELETE FROM s.by_mood WHERE m = 'ok'; INSERT INTO s.by_mood VALUES ('sad', 7);
UPDATE s.toast SET small = small + 1; UPDATE s.toast SET id = id + 100;
DELETE FROM s.no_key WHERE ctid IN (SELECT ctid FROM s.no_key WHERE a = 1 LIMIT 2); UPDATE s.no_key SET m = NULL WHERE a = 2; INSERT INTO s.no_key VALUES (NULL, NULL, NULL, NULL);
INSERT INTO s.gen (id, a) VALUES (3, 7); UPDATE s.gen SET a = 100 WHERE id = 1; INSERT INTO s.always (v) VALUES ('c'); UPDATE s.always SET v = 'bb' WHERE id = 2;
DELETE FROM s.parent WHERE id < 4; INSERT INTO s.child (parent, v) VALUES (9, 99);
UPDATE s."Odd ""name" SET "select" = 5; UPDATE s.part SET k = k + 100 WHERE k < 50; INSERT INTO s.part VALUES (777, 7, 'seven');
});
same('changes');
$src->sql('BEGIN; INSERT INTO s.parent SELECT i, i FROM generate_series(1000, 1999) i; INSERT INTO s.child (parent, v) SELECT i, i FROM generate_series(1000, 1999) i; COMMIT; TRUNCATE s.no_key; INSERT INTO s.no_key VALUES (1); TRUNCATE s.parent, s.child RESTART IDENTITY; INSERT INTO s.parent VALUES (1, 1); INSERT INTO s.child (parent) VALUES (1)');
same('TRUNCATE');

# --- kill -9 of either
$hub->kill9;
$src->sql("UPDATE s.plain SET v = v || 'x'; INSERT INTO s.no_key SELECT 5, 'five' FROM generate_series(1, 50)");
$hub->start;
same('hub killed');
$dst->kill9;
$src->sql("UPDATE s.plain SET v = v || 'y'; DELETE FROM s.no_key WHERE a = 5");
$dst->start;
same('destination killed');
# both may move between two looks
ok(poll_until(sub { $dst->value("SELECT value FROM dtsmig_ledger.dtsmig_ledger WHERE key = 'position'") eq $task->get('applied_position') }, 20, 0.1), 'ledger and catalog agree');

# --- DDL between rows, by a role without any special right
$src->sql('CREATE TABLE public.elsewhere (id integer)');
$src->sql("BEGIN; INSERT INTO s.parent VALUES (2, 2); ALTER TABLE s.parent ADD COLUMN more integer DEFAULT 7; INSERT INTO s.parent VALUES (3, 3, 3); COMMIT");
same('DDL is followed');
is($dst->value("SELECT to_regclass('public.elsewhere') IS NULL"), 't', 'that of what is not selected is nobody\'s');
for my $option (qw(owners grants tablespaces))
{
    my ($c, $o, $e) = $hub->psql("SELECT dtsmig.alter_task('st', '{\"$option\": true}')", role => 'mover');
    like($e, qr/0A000.*"$option" cannot be "true" yet/s, "option $option is refused");
}

# --- the end: sequences, and what waited
$src->sql("SELECT setval('s.free', 70); INSERT INTO s.always (v) VALUES ('d')");
same('the last rows');
$task->release;
is($dst->value("SELECT last_value FROM s.free"), 70, 'sequences are set');
is($dst->value("INSERT INTO s.always (v) VALUES ('after') RETURNING id = (SELECT max(id) + 1 FROM s.always)"), 't', 'of identity columns, too');
$dst->sql(join "\n", map { $_->[0] } $hub->rows("SELECT statement FROM dtsmig.task_objects WHERE task = 'st' AND state = 'waiting' ORDER BY phase, kind"));
is($dst->value("SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND convalidated"), 1, 'what waited can be made');

# --- calls for tasks with different destinations in one transaction, and a task
# that is dropped as it is: each works at its own
$src->sql("CREATE SCHEMA y; CREATE TABLE y.t (id integer PRIMARY KEY); CREATE VIEW y.v AS SELECT 1 AS a; CREATE SCHEMA z; CREATE TABLE z.t (id integer PRIMARY KEY); CREATE SEQUENCE z.n; SELECT setval('z.n', 40)");
$hub->sql('CREATE SCHEMA y; GRANT USAGE, CREATE ON SCHEMA y TO mover; CREATE SEQUENCE y.v; CREATE SCHEMA z AUTHORIZATION mover');
$hub->sql('CREATE SEQUENCE z.n', role => 'mover');
my $there = Dts::Task->new($src, $hub, name => 'there', db => 'postgres', role => 'mover', objects => [ { schema => 'z' } ],
    destination => $dst, destination_user => 'app', destination_password => 'pw', options => { ledger_schema => 'z_ledger' });
my $here = Dts::Task->new($src, $hub, name => 'here', db => 'postgres', role => 'mover', objects => [ { schema => 'y' } ], types => ['schema']);
$there->start->wait_for('incremental', 60);
$here->start;
ok($here->wait_status('completed|failed', 60), 'a view whose name is taken') or diag $here->report;
$hub->sql('DROP SEQUENCE y.v');
$dst->sql('CREATE SCHEMA y; GRANT CREATE ON SCHEMA y TO app');
is($hub->error("BEGIN; SELECT count(*) FROM dtsmig.precheck('there'); SELECT dtsmig.retry_object('here', 'view y.v'); COMMIT", role => 'mover'), '', 'is made, after a call for another task');
is($hub->value("SELECT to_regclass('y.v') IS NOT NULL") . $dst->value("SELECT to_regclass('y.v') IS NOT NULL"), 'tf', 'at the destination of its own');
$there->pause;
$there->drop;
is($hub->value('SELECT last_value FROM z.n') . ' ' . $dst->value('SELECT last_value FROM z.n'), '1 40', 'sequences of a task that is dropped, too');
done_testing();
