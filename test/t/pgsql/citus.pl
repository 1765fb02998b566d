# A PostgreSQL source, and a Citus cluster elsewhere as destination. DTS_CITUS names
# the port of a coordinator on 127.0.0.1, superuser postgres, database postgres.
#
# dts-runs: postgresql, postgresql-13
# dts-needs: env:DTS_CITUS
# dts-alone
use strict;
use warnings;
use Test::More;
use Dts::PgSource qw(pg_pair);
use Dts::Postgres;
use Dts::Task;

my ($src, $hub) = pg_pair();
my $dst = Dts::Postgres->named($ENV{DTS_CITUS});
$dst->sql('SET client_min_messages = error; DROP SCHEMA IF EXISTS dist CASCADE; DROP SCHEMA IF EXISTS dtsmig_ledger CASCADE');

$src->sql(<<'END');
CREATE SCHEMA dist; SET search_path = dist;
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE DOMAIN code AS text CHECK (VALUE ~ '^[a-z]');
CREATE TABLE country (id int PRIMARY KEY, name text NOT NULL UNIQUE);
CREATE TABLE tenant (id bigserial PRIMARY KEY, name text, country int NOT NULL REFERENCES country);
CREATE TABLE project (tenant bigint NOT NULL REFERENCES tenant ON DELETE CASCADE, id int NOT NULL, m mood, c code, tags text[], PRIMARY KEY (tenant, id));
CREATE TABLE task (tenant bigint, project int, id int, title text, at timestamptz, j jsonb, n numeric, PRIMARY KEY (tenant, project, id), FOREIGN KEY (tenant, project) REFERENCES project ON DELETE CASCADE);
CREATE INDEX ON task (title);
CREATE TABLE "Odd ""na'me" ("Id" uuid PRIMARY KEY, "a b" text);
CREATE TABLE keyless (a int, b text); ALTER TABLE keyless REPLICA IDENTITY FULL;
CREATE TABLE parted (id int, d date, v text, PRIMARY KEY (id, d)) PARTITION BY RANGE (d);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
INSERT INTO country VALUES (1, 'one'), (2, 'two');
INSERT INTO tenant (name, country) VALUES ('a', 1), ('b', 2), (NULL, 1);
INSERT INTO project VALUES (1, 1, 'sad', 'x', '{a,NULL,"q,r"}'), (1, 2, 'ok', 'y', '{}'), (2, 1, NULL, NULL, NULL);
INSERT INTO task VALUES (1, 1, 1, 't', '2024-01-02 03:04:05.678901Z', '{"a": 1}', 1.50), (1, 2, 1, 'u', NULL, NULL, 'NaN'), (2, 1, 1, NULL, 'infinity', '[]', -1e100);
INSERT INTO "Odd ""na'me" VALUES ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'x'), ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12', NULL);
INSERT INTO keyless VALUES (1, 'x'), (1, 'x'), (2, NULL);
INSERT INTO parted VALUES (1, '2024-02-02', 'a'), (2, '2025-02-02', 'b');
END
my $task = Dts::Task->new($src, $hub, name => 'dist', destination => $dst, objects => [
    { schema => 'dist' }, { schema => 'dist', table => 'parted%', distribution_key => 'id' } ]);
note $hub->sql("SELECT object, statement, note FROM dtsmig.preview_schema('dist')");
$task->start->wait_for('incremental', 90);
my @tables = ('country', 'tenant', 'project', 'task', q{Odd "na'me}, 'keyless', 'parted');
sub same
{
    my ($what) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $differs = '';
    for my $t (@tables)
    {
        (my $q = $t) =~ s/"/""/g;
        my @v = map { $_->sql(qq{SET timezone = 'UTC'; SELECT y.t FROM (SELECT x::text AS t FROM dist."$q" x) y ORDER BY y.t COLLATE "C"}) } $src, $dst;
        $differs .= "difference: $t: $v[0]\n$v[1]\n" if $v[0] ne $v[1];
    }
    is($differs, '', "$what: equal");
}
same('full load');
is($dst->sql("SELECT string_agg(table_name::text || ' ' || citus_table_type || ' ' || distribution_column, ', ' ORDER BY table_name::text) FROM citus_tables WHERE table_name::text LIKE 'dist.%' AND table_name::text NOT LIKE '%parted_%'"),
    q{dist."Odd ""na'me" distributed Id, dist.country reference <none>, dist.parted distributed id, dist.project distributed tenant, dist.task distributed tenant, dist.tenant distributed id},
    'tables are where they belong');
is($dst->value("SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND conrelid::regclass::text IN ('dist.tenant', 'dist.project', 'dist.task')"), 3, 'with their foreign keys');

sub step
{
    my ($name, $sql) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    $src->sql("SET search_path = dist; $sql");
    my $ok = eval { $task->catch_up(60); 1 };
    diag $@ unless $ok;
    ok($ok, "$name: applied") or return;
    same($name);
}
step('INSERT, UPDATE, DELETE', "INSERT INTO tenant (name, country) VALUES ('new', 2); UPDATE project SET m = 'ok', tags = '{z}', c = 'zz'; UPDATE task SET n = n + 1, at = at + '1 day', j = '{}'; DELETE FROM task WHERE tenant = 2; INSERT INTO parted VALUES (3, '2025-03-03', 'c'); UPDATE parted SET v = 'z'");
step('one transaction', q{BEGIN; UPDATE country SET name = 'zwei' WHERE id = 2; INSERT INTO tenant VALUES (77, 'n', 2); INSERT INTO project VALUES (77, 1, 'ok', 'x'); INSERT INTO keyless VALUES (9, 'z'); DELETE FROM "Odd ""na'me" WHERE "a b" IS NULL; COMMIT});
step('cascades', 'DELETE FROM tenant WHERE id = 1; DELETE FROM project WHERE tenant = 2');
step('keys change', q{UPDATE "Odd ""na'me" SET "Id" = 'b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'; UPDATE parted SET id = id + 10; UPDATE parted SET d = d + 365 WHERE id = 11; INSERT INTO project VALUES (3, 1, 'ok', 'q'); UPDATE project SET tenant = 77, id = 9 WHERE tenant = 3});
step('keyless', "DELETE FROM keyless WHERE ctid IN (SELECT min(ctid::text)::tid FROM keyless WHERE a = 1); UPDATE keyless SET b = 'y' WHERE a = 2");
step('TRUNCATE', q{TRUNCATE project, task; INSERT INTO project VALUES (77, 1, 'sad', 'x'); TRUNCATE "Odd ""na'me"; TRUNCATE parted_1});
step('many rows', "INSERT INTO task SELECT 77, 1, i, 'r' || i, now(), '{}', i FROM generate_series(1, 3000) i; UPDATE task SET title = title || 'x' WHERE id % 3 = 0; DELETE FROM task WHERE id % 7 = 0");
$task->release->drop;
$dst->sql('SET client_min_messages = error; DROP SCHEMA dist CASCADE; DROP SCHEMA dtsmig_ledger CASCADE');
done_testing();
