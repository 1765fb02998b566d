# The destination is of the Greenplum family, the source PostgreSQL: a stand-in with
# its catalog and clauses, which refuses what Greenplum refuses, without ON CONFLICT
# and with it (Dts::Greenplum).
use strict;
use warnings;
use Test::More;
use Dts::Greenplum qw(greenplum placed);
use Dts::Postgres;
use Dts::PgSource qw(pg_pair same_pg_tables);
use Dts::Task;

my ($src, $hub) = pg_pair();
for my $on_conflict (0, 1)
{
    my $dst = Dts::Postgres->new(preload => 0)->start;
    my $line = greenplum($dst, on_conflict => $on_conflict);
    my $name = $on_conflict ? 'with' : 'without';
    $src->sql('SET client_min_messages = error; DROP SCHEMA IF EXISTS g CASCADE; ' . <<'END');
CREATE SCHEMA g; SET search_path = g;
CREATE TABLE tenant (id int PRIMARY KEY, name text);
CREATE TABLE project (tenant int NOT NULL REFERENCES tenant ON DELETE CASCADE, id int NOT NULL, v text, PRIMARY KEY (tenant, id));
CREATE TABLE mail (id int PRIMARY KEY, address text NOT NULL UNIQUE);
CREATE TABLE keyless (a int, b text); ALTER TABLE keyless REPLICA IDENTITY FULL;
CREATE TABLE chosen (id int, k int, v text, PRIMARY KEY (id, k));
CREATE TABLE "Odd ""name" ("a ""b" int, "c" int, v text, PRIMARY KEY ("a ""b", c));
CREATE TABLE country (id int PRIMARY KEY, name text UNIQUE);
CREATE TABLE scattered (id int PRIMARY KEY, v text);
CREATE TABLE stored (id int PRIMARY KEY, v text);
CREATE TABLE parted (id int, d date, v text, PRIMARY KEY (id, d)) PARTITION BY RANGE (d);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
INSERT INTO tenant SELECT g, 't' FROM generate_series(1, 50) g; INSERT INTO project SELECT g, 1, 'p' FROM generate_series(1, 50) g;
INSERT INTO mail VALUES (1, 'a'), (2, 'b'); INSERT INTO keyless VALUES (1, 'x'), (1, 'x'), (2, NULL);
INSERT INTO chosen SELECT g, g % 5, 'c' FROM generate_series(1, 50) g; INSERT INTO "Odd ""name" VALUES (1, 2, 'x');
INSERT INTO country VALUES (1, 'one'); INSERT INTO scattered VALUES (1, 'x'), (2, 'y'); INSERT INTO stored VALUES (1, 'x');
INSERT INTO parted VALUES (1, '2024-02-02', 'a'), (2, '2025-02-02', 'b');
END
    my $task = Dts::Task->new($src, $hub, name => $name, destination => $dst, destination_port => $line->{port}, objects => [
        { schema => 'g' }, { schema => 'g', table => 'chosen', distribution_key => ['k'] },
        { schema => 'g', table => q{Odd "name}, distribution_key => [ 'c', 'a "b' ] },
        { schema => 'g', table => 'country', distribution_key => 'reference' },
        { schema => 'g', table => 'scattered', distribution_key => 'random' },
        { schema => 'g', table => 'stored', storage => 'WITH (appendoptimized = true, orientation = column)' } ]);
    my %plan = map { ($_->[0] => ($_->[1] // '') . '|' . ($_->[2] // '')) } $hub->rows("SELECT kind || ' ' || object, statement, note FROM dtsmig.preview_schema('$name')");
    like($plan{'distribution tenant'}, qr/^\|DISTRIBUTED BY \("id"\): all its unique keys hold it$/, 'why') or diag explain \%plan;
    like($plan{'distribution project'}, qr/^\|DISTRIBUTED BY \("tenant"\): its rows are where those of table "tenant" are/, 'a family');
    like($plan{'distribution keyless'}, qr/^\|DISTRIBUTED RANDOMLY: it has no key$/, 'no key');
    my ($stored) = grep { /CREATE TABLE g\.stored/ } values %plan;
    like($stored, qr/\) WITH \(appendoptimized = true, orientation = column\)\nDISTRIBUTED BY \("id"\)/, 'storage, then the clause');
    like(join("\n", values %plan), qr/not possible in a distributed table: its rows are distributed randomly/, 'a key of rows that are anywhere');
    my $says = $task->sql("SELECT found FROM dtsmig.precheck('$name') WHERE item = 'destination_kind'");
    like($says, $on_conflict ? qr/Greenplum family, PostgreSQL .*sequences, ON CONFLICT/ : qr/Greenplum family, PostgreSQL .*there is no ON CONFLICT: rows that may exist are deleted and inserted/, "$name ON CONFLICT: what it is");
    $task->start->wait_for('incremental', 90);
    my $same = sub { my ($what) = @_; local $Test::Builder::Level = $Test::Builder::Level + 1; $task->catch_up(60); same_pg_tables($src, $dst, "$name: $what", schemas => ['g']) };
    $same->('full load');
    is(placed($dst, 'g'), q{Odd "name: c,a "b; chosen: k; country: replicated; keyless: randomly; mail: replicated; parted: id; parted_1: id; parted_2: id; project: tenant; scattered: randomly; stored: id; tenant: id}, 'tables are where they belong');

    my $step = sub { my ($what, $sql) = @_; local $Test::Builder::Level = $Test::Builder::Level + 1; $src->sql("SET search_path = g; $sql"); $same->($what) };
    $step->('INSERT, UPDATE, DELETE', "INSERT INTO tenant VALUES (100, 'n'); UPDATE project SET v = 'q'; DELETE FROM tenant WHERE id = 1; UPDATE mail SET address = 'c' WHERE id = 1; UPDATE scattered SET v = 'z'; DELETE FROM country; INSERT INTO stored SELECT g, 's' FROM generate_series(2, 500) g; UPDATE stored SET v = 'u' WHERE id % 3 = 0");
    $step->('keys change', q{UPDATE chosen SET k = k + 10 WHERE id < 20; UPDATE tenant SET id = 200 WHERE id = 100; UPDATE "Odd ""name" SET c = 3, v = 'y'; UPDATE parted SET d = d + 200 WHERE id = 1; UPDATE parted SET id = 12 WHERE id = 2; UPDATE scattered SET id = 7 WHERE id = 1});
    $step->('keyless', "DELETE FROM keyless WHERE ctid IN (SELECT ctid FROM keyless WHERE a = 1 LIMIT 1); UPDATE keyless SET b = 'y' WHERE a = 2; INSERT INTO keyless VALUES (1, 'x')");
    $step->('keys swap', 'BEGIN; UPDATE chosen SET id = 1000 WHERE id = 30; UPDATE chosen SET id = 30, k = 0 WHERE id = 31; UPDATE chosen SET id = 31, k = 1 WHERE id = 1000; COMMIT');
    $step->('TRUNCATE', "TRUNCATE project; INSERT INTO project VALUES (2, 2, 'again')");
    $step->('DDL', "ALTER TABLE mail ADD COLUMN n int DEFAULT 5; INSERT INTO mail VALUES (9, 'z', 1); CREATE INDEX ON mail (n)");
    # --- what may be there already: killed between the two commits
    for my $what ('reply', 'request')
    {
        $line->lose($what);
        $src->sql("SET search_path = g; BEGIN; UPDATE stored SET v = '$what'; INSERT INTO keyless VALUES (5, '$what'); COMMIT");
        $same->("a COMMIT whose $what is lost");
        ok($line->lost, "$what: it was");
    }
    my @pids = $task->worker_pids;
    kill 'KILL', @pids;
    $src->sql("SET search_path = g; UPDATE stored SET v = 'killed'; DELETE FROM chosen WHERE id > 40");
    ok($hub->poll_query("SELECT status FROM dtsmig.tasks WHERE name = '$name'", 60, 'running'), 'it runs again');
    $same->('killed');
    # --- rows that may be there
    $hub->sql("SELECT dtsmig.resync_table('$name', 'g.chosen')");
    $src->sql("SET search_path = g; UPDATE chosen SET v = 'r' WHERE id < 9; INSERT INTO chosen VALUES (500, 1, 'n')");
    ok($hub->poll_query("SELECT count(*) FROM dtsmig.task_tables WHERE task = '$name' AND state <> 'ready'", 60, '0'), 'copied again') or diag $task->report;
    $same->('copied again');
    is($hub->value("SELECT count(*) FROM dtsmig.verify('$name')"), 0, 'a verification finds nothing');
    $hub->sql("SELECT dtsmig.cutover('$name', verify => 'full')");
    is($task->status, 'cut_over', 'cutover');
    $task->drop;
    next if $on_conflict;

    # --- rules that cannot be followed
    for my $case ([ 'keyless', 'reference', qr/22023.*distribution_key "reference" of rule 2 in objects is not possible for table "g"."keyless".*cannot be replicated/s ],
        [ 'mail', 'local', qr/22023.*distribution_key "local" of rule 2 in objects is not possible for table "g"."mail"/s ])
    {
        my ($table, $key, $like) = @$case;
        my $bad = Dts::Task->new($src, $hub, name => "bad_$key", destination => $dst, destination_port => $line->{port}, objects => [ { schema => 'g' }, { schema => 'g', table => $table, distribution_key => $key } ]);
        like($hub->error("SELECT * FROM dtsmig.preview_schema('bad_$key')"), $like, "$key of $table");
    }
}
done_testing();
