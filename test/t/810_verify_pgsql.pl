# Verification, repair and cutover of a PostgreSQL source that is written to.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep);
use Dts::Env qw(poll_until);
use Dts::PgSource qw(pg_pair same_pg_tables);
use Dts::Task;

for my $kind (undef, 'postgresql-10')
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
ANALYZE;
END_SQL
    my $task = Dts::Task->new($src, $pg, name => 'p', db => 'postgres');
    $task->start->wait_for('incremental', 120);
    my $found = sub { return join "\n", map { join '|', @$_ } $pg->rows("SELECT source_table, kind, coalesce(key::text, '-') FROM dtsmig.verify('p'" . ($_[0] ? ", $_[0]" : '') . ") ORDER BY source_table COLLATE \"C\", 2, 3") };
    is($found->(), '', "$name: equal");
    is($pg->value("SELECT rows FROM dtsmig.verify_runs ORDER BY run_id DESC LIMIT 1"), $nums + 20000 + 3000 + 2500 + 1000, "$name: all rows");
    is($found->("mode => 'schema'"), '', "$name: definitions");
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
