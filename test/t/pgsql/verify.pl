# Verification, repair and cutover of a PostgreSQL source that is written to.
#
# dts-runs: postgresql
# dts-deep-runs: postgresql-10
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep);
use Dts::Env qw(poll_until reap spawn);
use Dts::PgSource qw(pg_pair same_pg_tables);
use Dts::Task;

for my $kind ($ENV{DTS_PG_KIND})
{
    my $name = $kind // 'postgresql-15';
    # more than one range of rows, and one
    my $nums = $kind ? 20000 : 120000;
    my ($src, $pg) = pg_pair(kind => $kind);
    $src->sql(<<"END_SQL");
CREATE TABLE nums (id serial PRIMARY KEY, n numeric, f double precision, t text, at timestamptz DEFAULT now());
INSERT INTO nums (n, f, t) SELECT g / 7.0, g / 3.0, md5(g::text) FROM generate_series(1, $nums) g;
CREATE TABLE words (w text PRIMARY KEY, v int); INSERT INTO words SELECT chr(97 + g % 26) || md5(g::text), g FROM generate_series(1, 20000) g;
CREATE TABLE ids (u uuid, at date, j jsonb, PRIMARY KEY (u, at)); INSERT INTO ids SELECT md5(g::text)::uuid, '2024-01-01'::date + g % 50, jsonb_build_object('k', g) FROM generate_series(1, 3000) g;
CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE child (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, parent_id int REFERENCES parent ON DELETE CASCADE);
INSERT INTO parent SELECT generate_series(1, 500); INSERT INTO child (parent_id) SELECT 1 + g % 500 FROM generate_series(1, 2000) g;
CREATE TABLE keyless (a int, b text); ALTER TABLE keyless REPLICA IDENTITY FULL; INSERT INTO keyless SELECT g % 50, 'k' FROM generate_series(1, 1000) g;
CREATE TYPE mood AS ENUM ('sad', 'é'); CREATE DOMAIN positive AS int CHECK (VALUE > 0); CREATE DOMAIN yes AS boolean;
CREATE TABLE kinds (id bigint PRIMARY KEY, b bool, s smallint, i int, l bigint, n numeric, n2 numeric(10,2), f real, d double precision, da date, ti time, tz timetz, ts timestamp(3), tt timestamptz, iv interval, c char(5), vc varchar(9), t text, na name, ch "char", by bytea, u uuid, o oid, ip inet, ci cidr, ma macaddr, bi bit(3), vb varbit, j json, jb jsonb, x xml, e mood, p positive, y yes, ar text[], ir int4range, po point, mo money);
INSERT INTO kinds SELECT g, g % 2 = 0, g - 2, -g, g::bigint << 40, ('1' || repeat('0', g) || '.' || repeat('0', g))::numeric, g / 3.0, g / 3.0, -g / 3.0, '2024-02-29'::date + g, '10:00'::time + g * interval '1 s', '10:00:00.5+05:45', '2024-01-01 10:00:00.123', '2024-01-01 10:00+02', g * interval '1 mon 30 h', 'ab', 'ab ' || g, repeat('é', g * 500), 'na' || g, 'x', decode(repeat('00ff', g), 'hex'), md5(g::text)::uuid, g, '1.2.3.4', '10.0.0.0/8', '08:00:2b:01:02:03', B'101', repeat('1', g)::varbit, '{"a":  1}', '{"a": 1.00}', '<a/>', 'é', g, g % 2 = 0, ARRAY['x', NULL, g::text], int4range(1, g + 1), point(g, -0.5), g FROM generate_series(1, 20) g;
INSERT INTO kinds (id, d, f, n, da, ts, tt, t, iv) VALUES (31, '-0', 'NaN', 'NaN', 'infinity', '-infinity', '0044-03-15 BC', '', '-1 d'), (32, 'Infinity', '-0', '0.10', '-infinity', NULL, 'infinity', 'x', '24 h');
UPDATE kinds SET d = '-0' WHERE id = 6; UPDATE kinds SET f = '-0' WHERE id = 7; UPDATE kinds SET n = '0.1' WHERE id = 8; UPDATE kinds SET iv = '24 h' WHERE id = 9; UPDATE kinds SET t = '' WHERE id = 10; UPDATE kinds SET t = 'a' WHERE id = 11; UPDATE kinds SET t = 'b' WHERE id = 12;
CREATE TABLE made (id int PRIMARY KEY, par int, age int, st text DEFAULT 'x', nn int NOT NULL, idn int GENERATED ALWAYS AS IDENTITY, CONSTRAINT made_un UNIQUE (age, st), CONSTRAINT made_fk FOREIGN KEY (par) REFERENCES parent ON DELETE CASCADE);
CREATE SEQUENCE alone; SELECT nextval('alone');
CREATE INDEX age_i ON made (age); CREATE INDEX lower_i ON made (lower(st)); CREATE INDEX part_i ON made (nn) WHERE age > 1;
ANALYZE;
END_SQL
    $src->sql('ALTER TABLE made ADD COLUMN twice int GENERATED ALWAYS AS (age * 2) STORED') if $src->value('SHOW server_version_num') >= 120000;
    my $task = Dts::Task->new($src, $pg, name => 'p', db => 'postgres');
    $task->start->wait_for('incremental', 120);
    my $found = sub { return join "\n", map { join '|', @$_ } $pg->rows("SELECT source_table, kind, coalesce(key::text, '-') FROM dtsmig.verify('p'" . ($_[0] ? ", $_[0]" : '') . ") ORDER BY source_table COLLATE \"C\", 2, 3") };
    is($found->(), '', "$name: equal");
    is($pg->value("SELECT rows FROM dtsmig.verify_runs ORDER BY run_id DESC LIMIT 1"), $nums + 20000 + 3000 + 2500 + 1000 + 22, "$name: all rows");
    is($pg->value("SELECT rows_moved FROM dtsmig.verify_runs ORDER BY run_id DESC LIMIT 1"), 0, "$name: none of them had to be read");
    is($found->("mode => 'schema'"), '', "$name: definitions");
    # what a type's own equality does not distinguish, and values that rows exchange
    my @plants = ([ 1, "l", "l = l >> 32" ], [ 2, 'n2', 'n2 = n2 + 0.01' ], [ 3, 'jb', q(jb = '{"a": 1.0}') ], [ 4, 'tt', "tt = tt + interval '1 us'" ], [ 5, 'by', 'by = by || by' ], [ 6, 'd', 'd = 0' ], [ 7, 'f', 'f = 0' ], [ 8, 'n', "n = '0.10'" ], [ 9, 'iv', "iv = '1 d'" ], [ 10, 't', 't = NULL' ],
        [ 11, 't', "t = 'b'" ], [ 12, 't', "t = 'a'" ], [ 13, 'y', 'y = NOT y' ], [ 14, 'c', "c = 'ac'" ], [ 15, 'e', "e = 'sad'" ], [ 16, 'ip', "ip = '1.2.3.4/31'" ], [ 17, 'ar', "ar = ARRAY['x', 'NULL', '17']" ]);
    $pg->sql('SET session_replication_role = replica;' . join ';', map { "UPDATE kinds SET $_->[2] WHERE id = $_->[0]" } @plants);
    is($pg->value("SELECT string_agg((key ->> 'id') || ' ' || (SELECT string_agg(k, ' ') FROM jsonb_object_keys(differences) k), ', ' ORDER BY (key ->> 'id')::int) FROM dtsmig.verify('p', tables => '{kinds}')"), join(', ', map { "$_->[0] $_->[1]" } @plants), "$name: values that are nearly equal");
    $pg->sql("SELECT dtsmig.repair('p')");
    ok(poll_until(sub { $pg->value("SELECT count(*) FROM dtsmig.verify_results WHERE state = 'repairing'") eq '0' }, 60), "$name: repaired");
    # what definitions say is looked at, by what it is made of
    my $back = $src->value('SHOW server_version_num') >= 120000;
    my @there = split /\n/, <<'END_SQL';
DROP INDEX age_i
DROP INDEX lower_i
ALTER TABLE made DROP CONSTRAINT made_un
ALTER TABLE made DROP CONSTRAINT made_fk
ALTER TABLE made ALTER st DROP DEFAULT
ALTER TABLE made ALTER nn DROP NOT NULL
ALTER TABLE made ALTER idn DROP IDENTITY
END_SQL
    push @there, 'ALTER TABLE made DROP COLUMN twice, ADD COLUMN twice int GENERATED ALWAYS AS (age * 3) STORED' if $back;
    $pg->sql(join ';', @there);
    is($found->("mode => 'schema', tables => '{made}'"), join("\n", ('public.made|differs|-') x ($back ? 4 : 3), ('public.made|missing|-') x 4), "$name: definitions that differ");
    is($pg->value("SELECT string_agg(key, ', ' ORDER BY key COLLATE \"C\") FROM (SELECT jsonb_object_keys(differences) AS key FROM dtsmig.verify('p', mode => 'schema', tables => '{made}')) x"),
        join(', ', 'column idn: identity', 'column nn: nullable', 'column st: default', $back ? 'column twice: generated' : (), 'foreign key (par)', 'index (())', 'index (age)', 'unique key (age,st)'), "$name: each of them");
    $pg->sql('DROP SEQUENCE alone');
    like($found->("mode => 'schema'"), qr/^public\.alone\|missing\|-$/m, "$name: a sequence");
    $pg->sql('CREATE SEQUENCE alone; CREATE INDEX age_i ON made (age); CREATE INDEX lower_i ON made (lower(st)); ALTER TABLE made ADD UNIQUE (age, st), ADD FOREIGN KEY (par) REFERENCES parent ON DELETE CASCADE, ALTER st SET DEFAULT 1, ALTER nn SET NOT NULL, ALTER idn ADD GENERATED ALWAYS AS IDENTITY');
    $pg->sql('ALTER TABLE made DROP COLUMN twice, ADD COLUMN twice int GENERATED ALWAYS AS (age * 2) STORED') if $back;
    is($found->("mode => 'schema'"), '', "$name: fixed by what is the same");
    # a column of another type at the destination
    if (!$kind)
    {
        $pg->sql('ALTER TABLE kinds ALTER i TYPE bigint, ALTER n2 TYPE numeric(12,2), ALTER vc TYPE text');
        is($found->("tables => '{kinds}'"), '', "$name: equal, though types differ");
    }
    my $key = $pg->value("SELECT u || '|' || at FROM ids ORDER BY u LIMIT 1");
    my ($u, $at) = split /\|/, $key;
    my $w = $pg->value('SELECT w FROM words WHERE v = 5');
    my $plant = sub { $pg->sql("SET session_replication_role = replica; $_[0]") };
    $plant->("UPDATE nums SET f = f + 1e-9 WHERE id = 6000; DELETE FROM words WHERE v = 5; UPDATE ids SET j = '{}' WHERE u = '$u'; INSERT INTO parent VALUES (9999)");
    is($found->(), qq(public.ids|differs|{"u": "$u", "at": "$at"}\npublic.nums|differs|{"id": "6000"}\npublic.parent|extra|{"id": "9999"}\npublic.words|missing|{"w": "$w"}), "$name: planted differences");
    is($pg->value("SELECT dtsmig.repair('p')"), '4', "$name: repair");
    my $repaired = sub { return poll_until(sub { $pg->value("SELECT count(*) FROM dtsmig.verify_results WHERE state = 'repairing'") eq '0' }, 60) };
    ok($repaired->(), "$name: by the worker");
    is($found->(), '', "$name: all is well again");

    # While it is written to: rows that come back to what they were, too.
    my @writers = map { $src->background(sub {
        sleep 0.002;
        my $id = 1 + int rand 3000;
        my $p = 1 + int rand 500;
        return "UPDATE nums SET n = n + 1, t = 'w' || n WHERE id = $id; UPDATE words SET v = v + 1 WHERE v = $id; DELETE FROM parent WHERE id = $p; INSERT INTO parent VALUES ($p) ON CONFLICT DO NOTHING; INSERT INTO child (parent_id) VALUES ($p); UPDATE keyless SET b = 'x' || ($id / 50 % 20) WHERE a = $id % 50;\n";
    }) } 1, 2;
    # rows without a key go to and fro between a few values
    my $flips = 0;
    push @writers, $src->background(sub { sleep 0.002; $flips++; return "UPDATE keyless SET b = 'y' || @{[ $flips % 20 ]} WHERE a = @{[ int rand 50 ]};\n" });
    is($found->(), '', "$name: nothing is reported while it is written to");
    for my $round ($kind ? 1 : (1, 2))
    {
        $plant->("UPDATE nums SET t = 'planted' WHERE id % ($nums / 40) = $round; INSERT INTO words VALUES ('only here $round', -1)");
        $found->("tables => '{nums,words}'");
        $pg->sql("SELECT dtsmig.repair('p')");
        ok($repaired->(), "$name: repaired while it is written to, round $round");
    }
    is($task->status, 'running', "$name: it runs on") or diag $task->report;
    like($pg->error("SELECT dtsmig.cutover('p', quiet => '1 s', verify => 'none')"), qr/being written to|is open/, "$name: no cutover while writers write");
    $_->stop for @writers;
    $task->catch_up;
    is($found->(), '', "$name: equal in the end");
    same_pg_tables($src, $pg, "$name: in the end");

    # a task that begins again does not wait for the transaction that verifies
    my $held = spawn({ log => '/dev/null' }, $pg->psql_cmd, map { ('-c', $_) } 'BEGIN', "SELECT count(*) FROM dtsmig.verify('p')", 'SELECT pg_sleep(1)', "SELECT count(*) FROM dtsmig.verify('p')");
    ok($pg->poll_query("SELECT count(*) > 0 FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(1)'"), "$name: a transaction that has verified");
    $src->sql('SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE active; UPDATE nums SET n = n + 1 WHERE id = 1');
    is(reap($held, undef, 60), 0, "$name: and does so again after the task has begun again");
    $task->catch_up;

    my $last = $src->value('SELECT last_value FROM nums_id_seq');
    my $position = eval { $pg->value("SELECT dtsmig.cutover('p', verify => 'full', make_read_only => true, quiet => '1 s')") };
    like($position // $@, qr{^[0-9A-F]+/[0-9A-F]+}, "$name: cutover");
    is($task->status, 'cut_over', "$name: status");
    like($src->error('INSERT INTO parent VALUES (-1)'), qr/read-only transaction/, "$name: the source is read-only");
    is($src->value('SELECT count(*) FROM pg_replication_slots'), '0', "$name: nothing is left at the source");
    cmp_ok($pg->value('INSERT INTO nums (n) VALUES (1) RETURNING id'), '>=', $last + 100, "$name: serial");
    cmp_ok($pg->value('INSERT INTO child (parent_id) VALUES (NULL) RETURNING id'), '>', $src->value('SELECT max(id) + 99 FROM child'), "$name: identity");
    $_->stop for $src, $pg;
}
done_testing();
