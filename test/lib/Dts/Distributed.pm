# Dts::Distributed: a task into a distributed destination, whose tables are placed
# by rules and keys, for Citus (DTS_CITUS) and for its stand-in (Dts::Keepers).
#
#   my_into($my, $hub, $dst);    of the MySQL family; pg_into: of PostgreSQL
package Dts::Distributed;
use strict;
use warnings;
use Exporter qw(import);
use Test::More;
use Dts::Compare qw(same_database);
use Dts::Task;

our @EXPORT_OK = qw(my_into pg_into clear);

# What a test that did not come to its end has left.
sub clear
{
    my ($dst) = @_;
    $dst->sql("SET client_min_messages = error; DROP SCHEMA IF EXISTS $_ CASCADE") for qw(inc dist dtsmig_ledger);
}

# Rows are compared, one that is gone (by id) is found and repaired, its table is
# copied again, and the task is cut over.
sub ends
{
    my ($hub, $dst, $task, $table, $id) = @_;
    my $name = $task->get('name');
    my $found = sub { return join "\n", map { join ' ', @$_ } $hub->rows("SELECT source_table, kind, key::text FROM dtsmig.verify('$name')") };
    my $wait = sub { my ($sql) = @_; return $hub->poll_query($sql, 60, '0') };
    is($found->(), '', 'a verification finds nothing');
    $dst->sql("DELETE FROM $table WHERE id = $id");
    like($found->(), qr/^\Q$table\E missing \{[^\n]*"id": "$id"[^\n]*\}$/, 'but a row that is gone');
    $hub->sql("SELECT dtsmig.repair('$name')");
    ok($wait->("SELECT count(*) FROM dtsmig.verify_results WHERE task = '$name' AND state <> 'repaired'"), 'which is repaired');
    is($found->(), '', 'and there again');
    $dst->sql("DELETE FROM $table WHERE id > 0");
    $hub->sql("SELECT dtsmig.resync_table('$name', '$table')");
    ok($wait->("SELECT count(*) FROM dtsmig.task_tables WHERE task = '$name' AND state <> 'ready'"), 'a table is copied again') or diag $task->report;
    is($found->(), '', 'with all its rows');
    $hub->sql("SELECT dtsmig.cutover('$name', verify => 'full')");
    is($task->status, 'cut_over', 'cutover');
    $task->drop;
}

sub my_into
{
    my ($my, $hub, $dst) = @_;
    $my->sql(<<'END');
SET NAMES utf8mb4;
CREATE DATABASE inc DEFAULT CHARACTER SET utf8mb4; USE inc;
CREATE TABLE country (id int PRIMARY KEY, name varchar(50) NOT NULL, UNIQUE KEY (name));
INSERT INTO country VALUES (1, 'one'), (2, 'two'), (3, 'three');
CREATE TABLE tenant (id int NOT NULL AUTO_INCREMENT PRIMARY KEY, name varchar(50), country int NOT NULL, FOREIGN KEY (country) REFERENCES country (id));
CREATE TABLE project (tenant int NOT NULL, id int NOT NULL, name varchar(50), e enum('x','y'), PRIMARY KEY (tenant, id), FOREIGN KEY (tenant) REFERENCES tenant (id) ON DELETE CASCADE);
CREATE TABLE task (tenant int NOT NULL, project int NOT NULL, id int NOT NULL, title varchar(100), d decimal(20,6), j json, b longblob, PRIMARY KEY (tenant, project, id), FOREIGN KEY (tenant, project) REFERENCES project (tenant, id) ON DELETE CASCADE);
CREATE TABLE mail (id int PRIMARY KEY, address varchar(50) NOT NULL, v int, UNIQUE KEY (address));
CREATE TABLE chosen (id int NOT NULL, k int NOT NULL, v varchar(20), PRIMARY KEY (id, k));
CREATE TABLE everywhere (id int PRIMARY KEY, v varchar(20));
CREATE TABLE alone (id int PRIMARY KEY, v varchar(20));
CREATE TABLE keyless (a int, b varchar(20));
CREATE TABLE `Odd "na'me` (`select` int PRIMARY KEY, `a b` varchar(20), `x"y` int);
CREATE TABLE emptied (id int PRIMARY KEY, v int);
INSERT INTO tenant (name, country) VALUES ('a', 1), ('b', 2), ('ü€😀', 3), (NULL, 1);
INSERT INTO project VALUES (1, 1, 'p', 'x'), (1, 2, 'q', 'y'), (2, 1, 'r', NULL), (3, 7, 's', 'x');
INSERT INTO task VALUES (1, 1, 1, 't', 1.5, '{"a": 1}', X'00ff'), (1, 2, 1, 'u', NULL, NULL, NULL), (2, 1, 1, 'v', -1, '[]', ''), (3, 7, 1, 'w', 0, 'null', NULL);
INSERT INTO mail VALUES (1, 'a at x', 1), (2, 'b@x', 2);
INSERT INTO chosen VALUES (1, 1, 'a'), (2, 1, 'b'), (3, 2, 'c');
INSERT INTO everywhere VALUES (1, 'a'), (2, 'b'); INSERT INTO alone VALUES (1, 'a'); INSERT INTO keyless VALUES (1, 'x'), (1, 'x'), (2, NULL);
INSERT INTO `Odd "na'me` VALUES (1, 'one', 1), (2, 'two''s', 2);
INSERT INTO emptied VALUES (1, 1), (2, 2), (3, 3);
END
    my $task = Dts::Task->new($my, $hub, name => 'inc', db => 'inc', destination => $dst, objects => [
        { schema => 'inc' }, { schema => 'inc', table => 'chosen', distribution_key => 'k' },
        { schema => 'inc', table => 'everywhere', distribution_key => 'reference' },
        { schema => 'inc', table => 'alone', distribution_key => 'local' } ]);
    note $hub->sql("SELECT object, statement, note FROM dtsmig.preview_schema('inc')");
    $task->start->wait_for('incremental', 60);
    same_database($my, 'inc', $dst, 'inc', 'full load');
    is($dst->sql("SELECT string_agg(table_name::text || ' ' || citus_table_type || ' ' || distribution_column, ', ' ORDER BY table_name::text) FROM citus_tables WHERE table_name::text LIKE 'inc.%'"),
        q{inc."odd ""na'me" distributed select, inc.chosen distributed k, inc.country reference <none>, inc.emptied distributed id, inc.everywhere reference <none>, inc.mail reference <none>, inc.project distributed tenant, inc.task distributed tenant, inc.tenant distributed id},
        'tables are where they belong');
    is($dst->value("SELECT count(DISTINCT colocation_id) FROM citus_tables WHERE table_name::text IN ('inc.tenant', 'inc.project', 'inc.task')"), 1, 'a family is together');

    my $step = sub
    {
        my ($name, $sql) = @_;
        local $Test::Builder::Level = $Test::Builder::Level + 1;
        my ($code, $out, $err) = $my->mariadb($sql, db => 'inc');
        is($code, 0, "$name: run at the source") or diag $err;
        my $ok = eval { $task->catch_up(30); 1 };
        diag $@ unless $ok;
        ok($ok, "$name: applied") or return;
        same_database($my, 'inc', $dst, 'inc', $name);
    };

    $step->('INSERT, UPDATE, DELETE', "INSERT INTO tenant (name, country) VALUES ('five', 2); UPDATE task SET title = 'changed', d = d + 1; UPDATE project SET e = 'y' WHERE tenant = 2; DELETE FROM mail WHERE id = 1; INSERT INTO mail VALUES (3, 'a at x', 9)");
    $step->('kinds in one transaction', "BEGIN; UPDATE country SET name = 'zwei' WHERE id = 2; INSERT INTO tenant (id, name, country) VALUES (77, 'n', 2); INSERT INTO project VALUES (77, 1, 'new', 'x'); INSERT INTO everywhere VALUES (9, 'z'); INSERT INTO alone VALUES (9, 'z'); INSERT INTO keyless VALUES (9, 'z'); UPDATE everywhere SET v = 'y' WHERE id = 1; COMMIT");
    $step->('cascades', 'DELETE FROM tenant WHERE id = 1; DELETE FROM project WHERE tenant = 2');
    $step->('keys change', q{UPDATE chosen SET k = 5 WHERE id = 1; UPDATE chosen SET id = 22 WHERE id = 2; UPDATE `Odd "na'me` SET `select` = 7, `a b` = NULL WHERE `select` = 1; UPDATE mail SET id = 10 WHERE id = 2; UPDATE alone SET id = 5 WHERE id = 1});
    $step->('keys swap', 'BEGIN; UPDATE chosen SET k = 50 WHERE id = 1; UPDATE chosen SET id = 1, k = 2 WHERE id = 3; UPDATE chosen SET id = 3, k = 2 WHERE id = 1 AND k = 50; COMMIT');
    $step->('TRUNCATE', 'TRUNCATE emptied; INSERT INTO emptied VALUES (5, 5); TRUNCATE everywhere');
    $step->('keyless', "DELETE FROM keyless WHERE a = 1 LIMIT 1; UPDATE keyless SET b = 'y' WHERE a = 2");
    $step->('partial images', "SET SESSION binlog_row_image = MINIMAL; UPDATE task SET title = 'min' WHERE tenant = 3; UPDATE chosen SET k = 9 WHERE id = 22; DELETE FROM mail WHERE id = 10");
    $step->('many rows', "INSERT INTO emptied SELECT x.a + 10 * y.a + 100 * z.a, 1 FROM (SELECT 1 a UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 UNION SELECT 7) x, (SELECT 1 a UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 UNION SELECT 7) y, (SELECT 1 a UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 UNION SELECT 7) z; UPDATE emptied SET v = id; DELETE FROM emptied WHERE id BETWEEN 300 AND 500");
    $step->('DDL', "ALTER TABLE task ADD COLUMN n varchar(10) NOT NULL DEFAULT 'new', ADD KEY title (title); INSERT INTO task (tenant, project, id, n) VALUES (3, 7, 2, 'y'); ALTER TABLE task DROP COLUMN b; ALTER TABLE mail MODIFY v bigint; UPDATE mail SET v = 5000000000");
    $step->('DDL: tables', "CREATE TABLE made (id int PRIMARY KEY, v int, KEY (v)); INSERT INTO made VALUES (1, 2); CREATE TABLE made_child (tenant int, id int, PRIMARY KEY (tenant, id), FOREIGN KEY (tenant) REFERENCES tenant (id)); INSERT INTO made_child VALUES (3, 1); CREATE TABLE made_both (id int PRIMARY KEY, a int NOT NULL, tenant int, UNIQUE KEY (a), FOREIGN KEY (tenant) REFERENCES tenant (id)); INSERT INTO made_both VALUES (1, 2, 3); CREATE TABLE made_keyless (a int, b int); INSERT INTO made_keyless VALUES (1, 2), (1, 2); DROP TABLE alone; RENAME TABLE chosen TO selected; INSERT INTO selected VALUES (100, 1, 'r')");
    is($dst->sql("SELECT string_agg(table_name::text || ' ' || citus_table_type || ' ' || distribution_column, ', ' ORDER BY table_name::text) FROM citus_tables WHERE table_name::text LIKE 'inc.made%'"),
        'inc.made distributed id, inc.made_both reference <none>, inc.made_child distributed tenant', 'tables that come later are distributed');
    like($hub->sql("SELECT string_agg(message || ': ' || detail, '; ') FROM dtsmig.task_log WHERE task = 'inc' AND severity = 'warning'"), qr/foreign key \w+ is not made at the destination: not possible in a distributed table: its parent is distributed, and this table is not/, 'what they cannot have is said');

    # --- the hub is killed between and within transactions over several kinds of tables
    my ($killed, $n) = (0, 1000);
    for my $round (1 .. 4)
    {
        for (1 .. 15)
        {
            $n++;
            $my->sql("BEGIN; INSERT INTO inc.tenant (id, name, country) VALUES ($n, 'k', 3); INSERT INTO inc.project VALUES ($n, 1, 'p', 'x'), ($n, 2, 'q', 'y'); INSERT INTO inc.everywhere VALUES ($n, 'z'); UPDATE inc.mail SET v = $n; INSERT INTO inc.keyless VALUES ($n, 'k'); UPDATE inc.selected SET k = k + 1 WHERE id = 3; COMMIT; DELETE FROM inc.tenant WHERE id = $n - 2");
        }
        my @pids = $task->worker_pids;
        $killed += kill 'KILL', @pids if $round % 2;
        if (!($round % 2)) { $hub->kill9; $hub->start; $killed++; }
        sleep 1;
        ok($hub->poll_query("SELECT status FROM dtsmig.tasks WHERE name = 'inc'", 60, 'running'), "round $round: it runs again");
    }
    cmp_ok($killed, '>=', 4, "killed $killed times");
    $task->catch_up(120);
    same_database($my, 'inc', $dst, 'inc', 'after the kills');
    is($dst->value('SELECT count(*) FROM dtsmig_ledger.dtsmig_ledger WHERE key = \'position\''), 1, 'a ledger');
    ends($hub, $dst, $task, 'inc.emptied', 111);
    same_database($my, 'inc', $dst, 'inc', 'at the end');
    clear($dst);
    return;
}

sub pg_into
{
    my ($src, $hub, $dst) = @_;
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
    my $same = sub
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
    };
    $same->('full load');
    is($dst->sql("SELECT string_agg(table_name::text || ' ' || citus_table_type || ' ' || distribution_column, ', ' ORDER BY table_name::text) FROM citus_tables WHERE table_name::text LIKE 'dist.%' AND table_name::text NOT LIKE '%parted_%'"),
        q{dist."Odd ""na'me" distributed Id, dist.country reference <none>, dist.parted distributed id, dist.project distributed tenant, dist.task distributed tenant, dist.tenant distributed id},
        'tables are where they belong');
    is($dst->value("SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND conrelid::regclass::text IN ('dist.tenant', 'dist.project', 'dist.task')"), 3, 'with their foreign keys');

    my $step = sub
    {
        my ($name, $sql) = @_;
        local $Test::Builder::Level = $Test::Builder::Level + 1;
        $src->sql("SET search_path = dist; $sql");
        my $ok = eval { $task->catch_up(60); 1 };
        diag $@ unless $ok;
        ok($ok, "$name: applied") or return;
        $same->($name);
    };
    $step->('INSERT, UPDATE, DELETE', "INSERT INTO tenant (name, country) VALUES ('new', 2); UPDATE project SET m = 'ok', tags = '{z}', c = 'zz'; UPDATE task SET n = n + 1, at = at + '1 day', j = '{}'; DELETE FROM task WHERE tenant = 2; INSERT INTO parted VALUES (3, '2025-03-03', 'c'); UPDATE parted SET v = 'z'");
    $step->('one transaction', q{BEGIN; UPDATE country SET name = 'zwei' WHERE id = 2; INSERT INTO tenant VALUES (77, 'n', 2); INSERT INTO project VALUES (77, 1, 'ok', 'x'); INSERT INTO keyless VALUES (9, 'z'); DELETE FROM "Odd ""na'me" WHERE "a b" IS NULL; COMMIT});
    $step->('cascades', 'DELETE FROM tenant WHERE id = 1; DELETE FROM project WHERE tenant = 2');
    $step->('keys change', q{UPDATE "Odd ""na'me" SET "Id" = 'b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'; UPDATE parted SET id = id + 10; UPDATE parted SET d = d + 365 WHERE id = 11; INSERT INTO project VALUES (3, 1, 'ok', 'q'); UPDATE project SET tenant = 77, id = 9 WHERE tenant = 3});
    $step->('keyless', "DELETE FROM keyless WHERE ctid IN (SELECT min(ctid::text)::tid FROM keyless WHERE a = 1); UPDATE keyless SET b = 'y' WHERE a = 2");
    $step->('TRUNCATE', q{TRUNCATE project, task; INSERT INTO project VALUES (77, 1, 'sad', 'x'); TRUNCATE "Odd ""na'me"; TRUNCATE parted_1});
    $step->('many rows', "INSERT INTO task SELECT 77, 1, i, 'r' || i, now(), '{}', i FROM generate_series(1, 3000) i; UPDATE task SET title = title || 'x' WHERE id % 3 = 0; DELETE FROM task WHERE id % 7 = 0");
    @tables = grep { !/Odd/ } @tables, 'made';
    $src->sql(q{DROP TABLE dist."Odd ""na'me"});
    $step->('DDL', q{ALTER TABLE task ADD COLUMN more int DEFAULT 7; INSERT INTO task (tenant, project, id) VALUES (77, 1, 9001); CREATE INDEX later ON task (more); UPDATE task SET more = 8 WHERE id < 50; ALTER TABLE task DROP COLUMN j; ALTER TYPE mood ADD VALUE 'glad'; CREATE TABLE made (id int PRIMARY KEY, v text); INSERT INTO made SELECT g, 'v' FROM generate_series(1, 100) g; UPDATE made SET v = 'w' WHERE id < 9; DELETE FROM made WHERE id > 90; ALTER TABLE country RENAME name TO title; });
    ends($hub, $dst, $task, 'dist.task', 1000);
    clear($dst);
    return;
}

1;
