# Destinations elsewhere of other versions: one that cannot hash records, whose rows
# are read instead, and one that is newer than the hub; both are verified, repaired and
# cut over.
#
# dts-needs: postgresql-13 postgresql-18
use strict;
use warnings;
use Test::More;
use Dts::Env qw(poll_until);
use Dts::PgSource qw(pg_pair same_pg_tables);
use Dts::Task;

my ($src, $hub) = pg_pair();
for my $kind (qw(postgresql-13 postgresql-18))
{
    (my $s = $kind) =~ tr/-/_/;
    my $dst = Dts::PgSource->new(kind => $kind)->start;
    my $tables = "CREATE SCHEMA $s; SET search_path = $s; CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE TABLE t (id serial PRIMARY KEY, v text, n numeric, f float8, m mood, at timestamptz, a text[]); CREATE TABLE words (w text PRIMARY KEY, v int)";
    # no definitions go into an older version
    my $older = $kind eq 'postgresql-13';
    $dst->sql($tables) if $older;
    $src->sql("$tables; INSERT INTO t (v, n, f, m, at, a) SELECT md5(g::text), g / 7.0, g / 3.0, 'ok', now(), ARRAY[g::text, NULL] FROM generate_series(1, 5000) g; INSERT INTO words SELECT md5(g::text), g FROM generate_series(1, 3000) g; ANALYZE");
    my $task = Dts::Task->new($src, $hub, name => $s, db => 'postgres', destination => $dst, objects => [ { schema => $s } ], $older ? (types => [qw(full incremental)]) : ());
    $task->start->wait_for('incremental', 120);
    my $found = sub { return join "\n", map { join '|', @$_ } $hub->rows("SELECT source_table, kind, key::text FROM dtsmig.verify('$s'" . ($_[0] // '') . ") ORDER BY source_table COLLATE \"C\", 2, 3") };
    is($found->(), '', "$kind: equal");
    is($hub->value('SELECT rows FROM dtsmig.verify_runs ORDER BY run_id DESC LIMIT 1'), 8000, "$kind: all rows");
    is($found->(", 'schema'"), '', "$kind: definitions");
    my $w = $src->value("SELECT w FROM $s.words WHERE v = 7");
    $dst->sql("SET session_replication_role = replica; UPDATE $s.t SET f = f + 1e-9 WHERE id = 600; DELETE FROM $s.t WHERE id = 700; INSERT INTO $s.t (id) VALUES (9999); UPDATE $s.words SET v = 8 WHERE v = 7");
    is($found->(), join("\n", qq($s.t|differs|{"id": "600"}), qq($s.t|extra|{"id": "9999"}), qq($s.t|missing|{"id": "700"}), qq($s.words|differs|{"w": "$w"})), "$kind: what differs");
    is($hub->value("SELECT dtsmig.repair('$s')"), 4, "$kind: repair");
    ok(poll_until(sub { $hub->value("SELECT count(*) FROM dtsmig.verify_results WHERE task = '$s' AND state = 'repairing'") eq '0' }, 60), "$kind: by the worker");
    $src->sql("UPDATE $s.t SET v = v || 'x' WHERE id < 100; DELETE FROM $s.words WHERE v = 9");
    $task->catch_up(60);
    $hub->sql("SELECT dtsmig.cutover('$s', verify => 'full', quiet => '0')");
    same_pg_tables($src, $dst, $kind, schemas => [$s]);
    cmp_ok($dst->value("INSERT INTO $s.t (v) VALUES ('x') RETURNING id"), '>', 5100, "$kind: a sequence past the source's");
    $task->drop;
}
done_testing();
