# Verification of a destination that is another PostgreSQL server, the source of
# the MySQL family: rows are read there, each difference that is planted is found
# with its key, and none that is not there, also while changes come.
#
# dts-runs: mariadb
# dts-deep-runs: mysql-9.7
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep);
use Dts::Compare qw(same_database);
use Dts::Env qw(reap);
use Dts::Postgres;
use Dts::Task qw(server_pair);

my ($my, $hub) = server_pair();
my $dst = Dts::Postgres->new(preload => 0)->start;
my $digits = '(SELECT 0 d UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9)';
$my->sql(<<"END");
SET NAMES utf8mb4;
CREATE DATABASE inc DEFAULT CHARACTER SET utf8mb4; USE inc;
CREATE TABLE nums (id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY, n decimal(20,6), d double, t varchar(50), at datetime(6));
INSERT INTO nums (n, d, t, at) SELECT x / 7, x / 3, CONCAT(REVERSE(x), '-', x), '2020-01-01' + INTERVAL x SECOND FROM (SELECT 1 + a.d + 10 * b.d + 100 * c.d + 1000 * d.d + 10000 * e.d AS x FROM $digits a, $digits b, $digits c, $digits d, $digits e WHERE e.d < 3) y ORDER BY x;
CREATE TABLE words (w varchar(40) NOT NULL, k int NOT NULL, v int, PRIMARY KEY (w, k)); INSERT INTO words SELECT CONCAT(REVERSE(id), '-', id), id % 10, id FROM nums WHERE id <= 15000;
CREATE TABLE keyless (a int, b varchar(20), c double); INSERT INTO keyless SELECT id % 50, 'k', 0.5 FROM nums WHERE id <= 1000;
CREATE TABLE kinds (id int PRIMARY KEY, ti tinyint, bu bigint unsigned, de decimal(20,6), f float, d double, b12 bit(12), y year, dt date, t time(6), dtm datetime(6), ts timestamp(6) NULL, c char(5), vc varchar(20), tx longtext, bin binary(4), vb varbinary(9), bl blob, j json, e enum('x','y'), s set('p','q'), gen int GENERATED ALWAYS AS (ti * 2) STORED);
INSERT INTO kinds (id, ti, bu, de, f, d, b12, y, dt, t, dtm, ts, c, vc, tx, bin, vb, bl, j, e, s) SELECT id, id, 18446744073709551615 - id, id + 0.5, id / 3, -id / 3e-10, id, 2000 + id, '2024-02-28' + INTERVAL id DAY, '13:14:15.123456', '2024-01-02 03:04:05.678901', '2024-01-02 03:04:05.000001', 'ab', CONCAT('v ', id), REPEAT('ü', 3000), 'b', X'00ff', X'00010203', '{"a": [1, null]}', 'x', 'p,q' FROM nums WHERE id <= 25;
INSERT INTO kinds (id, vc) VALUES (31, ''), (32, NULL), (33, 'tab\\tnew\\nline\\\\N');
CREATE TABLE `Odd "na'me` (`select` varchar(20) PRIMARY KEY, `a b` varchar(20)); INSERT INTO `Odd "na'me` VALUES ('one''s "x"\\\\', 'a');
CREATE TABLE sums (id int PRIMARY KEY, a int, s int GENERATED ALWAYS AS (a * 2 + 1) STORED, d varchar(9) DEFAULT 'x'); INSERT INTO sums (id, a) SELECT id, id FROM nums WHERE id <= 20;
CREATE TABLE shaped (id int PRIMARY KEY, name varchar(20), secret varchar(20), n int); INSERT INTO shaped SELECT id, CONCAT('Name ', id), 'x', id % 7 FROM nums WHERE id <= 900;
END
my $task = Dts::Task->new($my, $hub, name => 'v', db => 'inc', destination => $dst, objects => [ { schema => 'inc' },
    { schema => 'inc', table => 'shaped', target_table => 'formed', filter => 'n < 5', columns => { name => 'title', secret => undef }, set => { twice => 'n * 2' } } ]);
$task->start->wait_for('incremental', 90);

my $found = sub { return join "\n", map { join '|', @$_ } $hub->rows("SELECT source_table, kind, coalesce(key::text, '-') FROM dtsmig.verify('v'" . ($_[0] ? ", $_[0]" : '') . ") ORDER BY source_table COLLATE \"C\", 2, 3") };
is($found->(), '', 'equal');
is($hub->value('SELECT rows FROM dtsmig.verify_runs ORDER BY run_id DESC LIMIT 1'), 30000 + 15000 + 1000 + 28 + 1 + 20 + $my->value('SELECT COUNT(*) FROM inc.shaped WHERE n < 5'), 'all rows');
is($found->("mode => 'sample', sample => 0.3"), '', 'equal by a sample');

sub plant { $dst->sql("SET session_replication_role = replica; SET search_path = inc; $_[0]"); }
my @plants = ([ 1, 'bu', 'bu = bu - 1' ], [ 2, 'de', 'de = de + 0.000001' ], [ 3, 'f', 'f = f + 0.001' ], [ 4, 'd', 'd = d + 1' ], [ 5, 'dt', 'dt = dt + 1' ], [ 6, 't', "t = t + interval '1 us'" ], [ 7, 'ts', "ts = ts + interval '1 us'" ], [ 8, 'c', "c = 'ac'" ], [ 9, 'vc', 'vc = NULL' ],
    [ 10, 'tx', "tx = substr(tx, 2) || 'u'" ], [ 11, 'bin', "bin = '\\x62000001'" ], [ 12, 'bl', "bl = '\\x'" ], [ 13, 'y', 'y = 1999' ], [ 14, 'e', "e = 'y'" ], [ 15, 'j', q(j = '{"a": [1]}') ], [ 31, 'vc', 'vc = NULL' ], [ 32, 'vc', "vc = ''" ], [ 33, 'vc', "vc = E'tab\\tnew\\nline'" ]);
plant(join ';', map { "UPDATE kinds SET $_->[2] WHERE id = $_->[0]" } @plants);
is($hub->value("SELECT string_agg((key ->> 'id') || ' ' || (SELECT string_agg(k, ' ') FROM jsonb_object_keys(differences) k), ', ' ORDER BY (key ->> 'id')::int) FROM dtsmig.verify('v', tables => '{kinds}')"),
    join(', ', map { "$_->[0] $_->[1]" } @plants), 'values that are nearly equal');
my $w = $dst->value('SELECT w FROM inc.words WHERE v = 5');
plant('CREATE TABLE public.nums AS SELECT * FROM nums WHERE id IN (1, 6000, 30000); CREATE TABLE public.words AS SELECT * FROM words WHERE v = 5');
plant(q{UPDATE nums SET d = d + 1e-9 WHERE id = 6000; DELETE FROM nums WHERE id IN (1, 30000); INSERT INTO nums (id) VALUES (0), (70000); DELETE FROM words WHERE v = 5; INSERT INTO words VALUES ('zz', 1, 1); UPDATE "odd ""na'me" SET "a b" = 'b'; DELETE FROM keyless WHERE ctid = (SELECT ctid FROM keyless WHERE a = 7 LIMIT 1); INSERT INTO keyless VALUES (99, NULL);
UPDATE formed SET twice = 1 WHERE id = 2; UPDATE formed SET title = 'name 3' WHERE id = 3; DELETE FROM formed WHERE id = 8; INSERT INTO formed (id, title, n, twice) VALUES (6, 'Name 6', 6, 12)});
is($found->(q{tables => ARRAY['nums', 'words', 'keyless', 'shaped', 'Odd "na''me']}), join("\n", q(inc.Odd "na'me|differs|{"select": "one's \"x\"\\\\"}), 'inc.keyless|extra|-', 'inc.keyless|missing|-',
        q(inc.nums|differs|{"id": "6000"}), q(inc.nums|extra|{"id": "0"}), q(inc.nums|extra|{"id": "70000"}), q(inc.nums|missing|{"id": "1"}), q(inc.nums|missing|{"id": "30000"}), q(inc.shaped|differs|{"id": "2"}), q(inc.shaped|differs|{"id": "3"}), q(inc.shaped|extra|{"id": "6"}), q(inc.shaped|missing|{"id": "8"}), q(inc.words|extra|{"k": "1", "w": "zz"}), qq(inc.words|missing|{"k": "5", "w": "$w"})), 'rows that are missing, extra, others');

# --- another expression at the destination: what it makes cannot be repaired
is($found->("mode => 'schema'"), '', 'definitions are equal');
my $made = $dst->value("SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = adrelid AND attnum = adnum WHERE adrelid = 'inc.sums'::regclass AND attname = 's'");
plant("ALTER TABLE sums DROP COLUMN s; ALTER TABLE sums ADD COLUMN s int GENERATED ALWAYS AS (a * 3 + 1) STORED; ALTER TABLE sums ALTER d SET DEFAULT 'y'; UPDATE sums SET a = 99 WHERE id = 3");
like($hub->value("SELECT string_agg(source_table || ' ' || differences::text, ', ' ORDER BY differences::text) FROM dtsmig.verify('v', 'schema')"),
    qr/^\Qinc.sums {"column d: default": {"source": "'x'::character varying", "destination": "'y'::character varying"}}, inc.sums {"column s: generated": {"source": "\E.*a\)::bigint \* 2\) \+ 1.*\Q "destination": "((a * 3) + 1)"}}\E$/, 'expressions that differ');
$hub->sql("SELECT count(*) FROM dtsmig.verify('v', tables => '{sums}')");
$hub->sql("SELECT dtsmig.repair('v')");
ok($hub->poll_query("SELECT count(*) FROM dtsmig.verify_results WHERE state = 'repairing'", 60, '0'), 'a repair');
is($hub->value("SELECT string_agg(n || ' ' || x, '; ') FROM (SELECT count(*) AS n, state || ' ' || coalesce(error, '-') AS x FROM dtsmig.verify_results WHERE source_table = 'sums' AND run_id = (SELECT max(run_id) FROM dtsmig.verify_runs) GROUP BY 2 ORDER BY 2) y"),
    '19 failed The columns that differ are generated at the destination, by an expression that gives other values.; 1 repaired -', 'says that it does not repair what is generated');
is($dst->value('SELECT a FROM inc.sums WHERE id = 3'), 3, 'but what else differs');
plant("ALTER TABLE sums DROP COLUMN s; ALTER TABLE sums ADD COLUMN s int GENERATED ALWAYS AS ($made) STORED; ALTER TABLE sums ALTER d SET DEFAULT 'x'");
is($found->("mode => 'schema'"), '', 'and fixed they are equal');

# --- while changes come
plant(q{DELETE FROM nums WHERE id IN (0, 6000, 70000); INSERT INTO nums SELECT * FROM public.nums; INSERT INTO words SELECT * FROM public.words; DELETE FROM words WHERE w = 'zz'; DELETE FROM keyless WHERE a = 99; INSERT INTO keyless VALUES (7, 'k', 0.5)});
is($found->("tables => '{nums,words,keyless}'"), '', 'all is well again');
my @writers = map {
    $my->background(sub {
        sleep 0.01;
        my $id = 1 + int rand 30000;
        return "UPDATE nums SET d = d + 1, t = REVERSE(t) WHERE id BETWEEN $id AND $id + 20; DELETE FROM words WHERE v = $id MOD 15000; INSERT INTO words VALUES (UUID(), 1, $id); UPDATE keyless SET c = c + 1 WHERE a = $id MOD 50 LIMIT 1;\n";
    }, db => 'inc')
} 1 .. 2;
sleep 1;
is($found->("tables => '{nums,words,keyless}'"), '', 'equal while changes come');
plant("DELETE FROM kinds WHERE id = 20");
my $busy = $found->("tables => '{nums,kinds}'");
reap($_, 'TERM') for @writers;
is($busy, join("\n", (map { qq(inc.kinds|differs|{"id": "$_"}) } sort map { $_->[0] } @plants), 'inc.kinds|missing|{"id": "20"}'), 'and what is planted meanwhile is found, and no more');
$task->release->drop;
done_testing();
