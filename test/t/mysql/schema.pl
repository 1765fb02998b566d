# Schema migration: columns, defaults, indexes, foreign keys, identity,
# comments, generated columns, checks, names, partitions, views.
use strict;
use warnings;
use Test::More;
use Dts::Compare qw(same_database same_table);
use Dts::Env qw(reap);
use Dts::Task qw(server_pair);

my ($my, $pg) = server_pair();
my $long = 'a_very_long_index_name_that_goes_on_and_on_until_the_limit_is_in';
$my->sql(<<'END');
SET NAMES utf8mb4;
CREATE DATABASE sc DEFAULT CHARACTER SET utf8mb4;
USE sc;
CREATE TABLE parent (
    id int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY COMMENT 'it''s the key',
    big bigint unsigned NOT NULL,
    name varchar(50) NOT NULL DEFAULT 'it''s "x"',
    n int DEFAULT 42,
    neg decimal(8,3) DEFAULT -1.5,
    d date DEFAULT '2020-02-29',
    dt datetime(6) DEFAULT current_timestamp(6),
    ts timestamp NOT NULL DEFAULT current_timestamp(),
    b bit(4) DEFAULT b'1010',
    h varbinary(4) DEFAULT x'00ff',
    e enum('x','y') DEFAULT 'y',
    s set('p','q') DEFAULT 'p,q',
    j json DEFAULT '{"a": 1}',
    u uuid DEFAULT uuid(),
    ex int DEFAULT (1 + 2 * 3),
    nul int DEFAULT NULL,
    dbl double DEFAULT 1e-3,
    txt text DEFAULT 'long text',
    t time DEFAULT '10:11:12',
    y year DEFAULT 1999,
    f bool NOT NULL DEFAULT true,
    hidden int INVISIBLE DEFAULT 5,
    gs int GENERATED ALWAYS AS (n + 1) STORED,
    gv varchar(60) GENERATED ALWAYS AS (concat(name, '!')) VIRTUAL,
    UNIQUE KEY big (big),
    KEY name_prefix (name(10)),
    KEY multi (n, d DESC),
    FULLTEXT KEY ft (txt),
    CONSTRAINT positive CHECK (n > 0 OR n IS NULL)
) AUTO_INCREMENT = 1000 COMMENT = 'the ''parent''';
INSERT INTO parent (big, hidden) VALUES (18446744073709551615, 9), (1, DEFAULT);
INSERT INTO parent (id, big, name, n) VALUES (5000, 2, 'x', 7);
CREATE TABLE child (
    id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
    parent_id int unsigned,
    parent_big bigint unsigned,
    KEY (parent_id),
    CONSTRAINT child_parent FOREIGN KEY (parent_id) REFERENCES parent (id) ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT child_big FOREIGN KEY (parent_big) REFERENCES parent (big) ON DELETE SET NULL
);
INSERT INTO child VALUES (10, 1000, 18446744073709551615), (11, NULL, NULL);
CREATE TABLE selfref (id int PRIMARY KEY, up int, FOREIGN KEY (up) REFERENCES selfref (id));
INSERT INTO selfref VALUES (1, NULL), (2, 1);
CREATE TABLE CaseTable (`Id` int PRIMARY KEY, `select` int, `we"ird`` name` int, `пример` varchar(9));
INSERT INTO CaseTable VALUES (1, 2, 3, 'ж');
CREATE TABLE auto_big (id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY) AUTO_INCREMENT = 7;
CREATE TABLE auto_second (a int NOT NULL, id int NOT NULL AUTO_INCREMENT, PRIMARY KEY (id, a));
INSERT INTO auto_second (a) VALUES (1), (1), (1);
CREATE TABLE empty_table (id int PRIMARY KEY);
CREATE TABLE parts (id int NOT NULL, y int NOT NULL, PRIMARY KEY (id, y))
    PARTITION BY RANGE (y) (PARTITION p0 VALUES LESS THAN (2000), PARTITION p1 VALUES LESS THAN MAXVALUE);
INSERT INTO parts VALUES (1, 1999), (2, 2001);
CREATE TABLE prefixu (id int PRIMARY KEY, v varchar(100), UNIQUE KEY v5 (v(5)));
INSERT INTO prefixu VALUES (1, 'abcdefgh'), (2, 'abcd');
CREATE TABLE dup_index_a (id int PRIMARY KEY, v int, KEY same_name (v));
CREATE TABLE dup_index_b (id int PRIMARY KEY, v int, KEY same_name (v));
CREATE VIEW good AS SELECT id, name FROM parent WHERE n > 1;
CREATE TABLE a_very_long_table_name_that_goes_on_and_on_until_the_limit_is_hi (id int PRIMARY KEY,
    a_very_long_column_name_that_goes_on_and_on_until_the_limit_hitt int,
    KEY a_very_long_index_name_that_goes_on_and_on_until_the_limit_is_in (id));
INSERT INTO a_very_long_table_name_that_goes_on_and_on_until_the_limit_is_hi VALUES (1, 2);
END

my $task = Dts::Task->new($my, $pg, name => 'sc', db => 'sc');
my $preview = $pg->sql("SELECT statement FROM dtsmig.preview_schema('sc')");
like($preview, qr/CREATE TABLE/i, 'preview_schema shows statements');
is($pg->value("SELECT count(*) FROM pg_namespace WHERE nspname = 'sc'"), 0, 'and makes nothing');
my $check = $pg->sql("SELECT item, status, found FROM dtsmig.precheck('sc') WHERE status = 'failed'");
is($check, '', 'the precheck has no failed item');
$task->start->wait_for('incremental', 90);

for my $t (qw(parent child selfref casetable auto_big auto_second empty_table parts prefixu dup_index_a))
{
    (my $s = $t) =~ s/casetable/CaseTable/;
    same_table($my, "sc.$s", $pg, "sc.$t", "$t is equal");
}

sub column
{
    my ($t, $c, $what) = @_;
    return $pg->value("SELECT $what FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum WHERE a.attrelid = 'sc.$t'::regclass AND a.attname = '$c'");
}

# Defaults do at the destination what they do at the source.
$my->sql('USE sc; SET time_zone = "+00:00"; INSERT INTO parent (id, big) VALUES (6000, 77)');
$pg->sql("BEGIN; SET LOCAL TimeZone = 'UTC'; CREATE TABLE sc.parent_copy AS SELECT * FROM sc.parent LIMIT 0; INSERT INTO sc.parent (id, big) VALUES (6001, 78); COMMIT");
$task->catch_up;
my $cols = "name, n, neg, d, b, h, e, s, j, ex, nul, dbl, txt, t, y, f, hidden, gs";
is($pg->value("SELECT ($cols)::text FROM sc.parent WHERE id = 6001"),
    $pg->value("SELECT ($cols)::text FROM sc.parent WHERE id = 6000"), 'defaults give the same values');
is($pg->value("SELECT dt > localtimestamp - interval '1 day' AND ts > now() - interval '1 hour' AND u IS NOT NULL FROM sc.parent WHERE id = 6001"), 't', 'CURRENT_TIMESTAMP and UUID() as defaults');
$pg->sql('DELETE FROM sc.parent WHERE id = 6001');

is(column('parent', 'id', 'a.attidentity'), 'd', 'AUTO_INCREMENT: identity');
is(column('parent', 'id', 'format_type(atttypid, atttypmod)'), 'bigint', 'of int unsigned: bigint');
is(column('child', 'id', 'format_type(atttypid, atttypmod)'), 'bigint', 'bigint unsigned auto_increment: bigint');
is(column('parent', 'big', 'format_type(atttypid, atttypmod)'), column('child', 'parent_big', 'format_type(atttypid, atttypmod)'), 'both ends of a foreign key have one type');
is(column('child', 'parent_id', 'format_type(atttypid, atttypmod)'), 'bigint', 'also at the destination');
is(column('parent', 'gs', 'a.attgenerated'), 's', 'a generated column that translates');
is(column('parent', 'name', 'a.attnotnull'), 't', 'NOT NULL');
is($pg->value("SELECT col_description('sc.parent'::regclass, 1)"), "it's the key", 'column comment');
is($pg->value("SELECT obj_description('sc.parent'::regclass, 'pg_class')"), "the 'parent'", 'table comment');

my $idx = $pg->sql("SELECT indexdef FROM pg_indexes WHERE schemaname = 'sc' AND tablename = 'parent' ORDER BY 1");
like($idx, qr/UNIQUE INDEX .*\(big\)/, 'unique index');
like($idx, qr/"?left"?\(\(?name\)?(?:::text)?, 10\)/i, 'prefix index as an expression');
like($idx, qr/\(n, d DESC/, 'index over two columns, one descending');
like($idx, qr/USING gin .*to_tsvector/i, 'FULLTEXT index');
like($idx, qr/PRIMARY|_pkey|pkey/i, 'primary key') or diag $idx;
isnt($pg->error("INSERT INTO sc.prefixu VALUES (9, 'abcdeXXX')"), '', 'a unique prefix index');
is($pg->value("SELECT count(*) FROM pg_indexes WHERE schemaname = 'sc' AND tablename LIKE 'dup_index%' AND indexname LIKE '%same_name%'"), 2, 'two indexes of one name');
cmp_ok($pg->value("SELECT count(*) FROM dtsmig.name_map WHERE task = 'sc'"), '>=', 4, 'changed names are listed');

like($pg->sql("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'sc.child'::regclass AND contype = 'f' ORDER BY conname"),
    qr/REFERENCES sc\.parent\(big\) ON (?:UPDATE .*)?DELETE SET NULL.*REFERENCES sc\.parent\(id\) ON UPDATE CASCADE ON DELETE CASCADE/s, 'foreign keys with their actions');
is($pg->value("SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND NOT convalidated"), 0, 'foreign keys are validated');
like($pg->error("INSERT INTO sc.parent (id, big, n) VALUES (7000, 90, -1)"), qr/positive/, 'the CHECK holds, under its name');
isnt($pg->error('INSERT INTO sc.child VALUES (99, 123456, NULL)'), '', 'the foreign key holds');

is($pg->value('SELECT "select" + "we""ird` name" FROM sc.casetable WHERE "Id" = 1'), 5, 'odd names');
is($pg->value('SELECT "пример" FROM sc.casetable'), 'ж', 'and not ASCII ones');
is($pg->value("SELECT count(*) FROM pg_class WHERE relnamespace = 'sc'::regnamespace AND length(relname) = 63 AND relname LIKE 'a_very_long_table%' AND relkind = 'r'"), 1, 'a name of 64 characters gets a shorter one');
is($pg->value("SELECT count(*) FROM pg_views WHERE schemaname = 'sc' AND viewname = 'good'"), 1, 'a view that translates');

# Identity goes on at the source's next value.
$task->release;
is($pg->sql('INSERT INTO sc.auto_big DEFAULT VALUES RETURNING id'), 7, 'identity of an empty table goes on at the source\'s next value');
my $next = $pg->sql('INSERT INTO sc.parent (big) VALUES (100) RETURNING id');
cmp_ok($next, '>', 6000, 'identity goes on after the largest value that changes brought');
is($pg->sql('INSERT INTO sc.auto_second (a) VALUES (1) RETURNING id'), 4, 'identity that is not the first column');
is($pg->sql("SELECT count(*) FROM dtsmig.task_objects WHERE task = 'sc' AND state = 'failed'"), 0, 'no object failed')
  or diag $pg->sql("SELECT kind, name, error, statement FROM dtsmig.task_objects WHERE state = 'failed'");

# An object that fails does not hide the others, and is listed.
$my->sql(q{CREATE DATABASE pk; CREATE TABLE pk.p (id int NOT NULL, y int NOT NULL, PRIMARY KEY (id, y)) PARTITION BY RANGE (y) (PARTITION p0 VALUES LESS THAN (2000), PARTITION p1 VALUES LESS THAN MAXVALUE); INSERT INTO pk.p VALUES (1, 1999), (2, 2001)});
my $parts = Dts::Task->new($my, $pg, name => 'pk', db => 'pk', options => { partitions => 'keep' });
$parts->start->wait_for('incremental', 60);
is($pg->value("SELECT relkind FROM pg_class WHERE oid = 'pk.p'::regclass"), 'p', 'partitions = keep');
$my->sql('INSERT INTO pk.p VALUES (3, 1000), (4, 3000); UPDATE pk.p SET y = 2500 WHERE id = 1; DELETE FROM pk.p WHERE id = 2');
$parts->catch_up;
is($pg->value("SELECT string_agg(id || ':' || y, ' ' ORDER BY id) FROM pk.p"), '1:2500 3:1000 4:3000', 'changes to a partitioned table');
# one that comes later, whose bounds the log has as they were written
$my->sql("USE pk; SET time_zone = '-05:00'; CREATE TABLE u (id int, ts timestamp NOT NULL DEFAULT '2020-01-01 00:00:00', PRIMARY KEY (id, ts)) PARTITION BY RANGE (UNIX_TIMESTAMP(ts)) (PARTITION p0 VALUES LESS THAN (UNIX_TIMESTAMP('2020-01-01 00:00:00')), PARTITION p1 VALUES LESS THAN (unix_timestamp ('2021-01-01')), PARTITION pm VALUES LESS THAN MAXVALUE); CREATE TABLE d (id int, d date NOT NULL, PRIMARY KEY (id, d)) PARTITION BY RANGE (TO_DAYS(d)) (PARTITION p0 VALUES LESS THAN (TO_DAYS('2020-03-01')), PARTITION p1 VALUES LESS THAN (YEAR('2020-01-01') * 400)); INSERT INTO u (id) VALUES (1); INSERT INTO d VALUES (1, '2020-02-29')");
$parts->catch_up;
is($pg->value("SET timezone = 'UTC'; SELECT string_agg(pg_get_expr(relpartbound, oid), ' ' ORDER BY relname) FROM pg_class WHERE oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = 'pk.u'::regclass)"), "FOR VALUES FROM (MINVALUE) TO ('2020-01-01 05:00:00+00') FOR VALUES FROM ('2020-01-01 05:00:00+00') TO ('2021-01-01 05:00:00+00') FOR VALUES FROM ('2021-01-01 05:00:00+00') TO (MAXVALUE)", 'bounds in the zone of the session');
is($pg->value("SELECT relkind FROM pg_class WHERE oid = 'pk.d'::regclass"), 'r', 'bounds that are not understood: a plain table');
$my->sql("USE pk; CREATE TABLE e (id int, d date NOT NULL, PRIMARY KEY (id, d)) PARTITION BY RANGE (TO_DAYS(d)) (PARTITION p0 VALUES LESS THAN (TO_DAYS('2020-03-01'))); INSERT INTO e VALUES (1, '2020-02-29')");
$parts->catch_up;
is($pg->value("SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = 'pk.e'::regclass)"), "FOR VALUES FROM (MINVALUE) TO ('2020-03-01')", 'TO_DAYS of a date');

# partitions that are added, also where others have been dropped, or the table has another name by then
$my->sql("USE pk; CREATE TABLE l (id int PRIMARY KEY, v int) PARTITION BY LIST (id) (PARTITION a VALUES IN (1, 2), PARTITION b VALUES IN (3)); INSERT INTO l VALUES (1, 1), (3, 3);
ALTER TABLE e ADD PARTITION (PARTITION p1 VALUES LESS THAN (TO_DAYS('2020-04-01')) COMMENT 'a, (b', PARTITION `p 2` VALUES LESS THAN (TO_DAYS('2020-05-01'))); INSERT INTO e VALUES (2, '2020-03-31'), (3, '2020-04-30');
ALTER TABLE e DROP PARTITION `p 2`; ALTER TABLE e ADD PARTITION (PARTITION p3 VALUES LESS THAN (TO_DAYS('2020-04-15'))); INSERT INTO e VALUES (4, '2020-04-14');
ALTER TABLE e RENAME TO e2, ADD COLUMN v int; ALTER TABLE e2 ADD PARTITION (PARTITION p4 VALUES LESS THAN MAXVALUE); INSERT INTO e2 VALUES (5, '2030-01-01', 7);
ALTER TABLE l ADD PARTITION (PARTITION c VALUES IN (4, 5)); INSERT INTO l VALUES (4, 4); ALTER TABLE l DROP PARTITION c; ALTER TABLE l ADD PARTITION (PARTITION d VALUES IN (5, 6)); INSERT INTO l VALUES (5, 5), (6, 6)");
$parts->catch_up;
is($pg->value("SELECT string_agg(id || ':' || d || ':' || coalesce(v, 0), ' ' ORDER BY id) FROM pk.e2"), $my->value('SELECT GROUP_CONCAT(id, ":", d, ":", COALESCE(v, 0) ORDER BY id SEPARATOR " ") FROM pk.e2'), 'ADD PARTITION by RANGE');
is($pg->value("SELECT string_agg(id || ':' || v, ' ' ORDER BY id) FROM pk.l"), '1:1 3:3 5:5 6:6', 'and by LIST');
is($pg->value("SELECT string_agg(pg_get_expr(relpartbound, oid), ' ' ORDER BY relname) FROM pg_class WHERE oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = 'pk.l'::regclass)"), 'FOR VALUES IN (1, 2) FOR VALUES IN (3) FOR VALUES IN (4, 5) FOR VALUES IN (6)', 'of values that have no partition');
# partitions of another kind move rows at the source alone
$my->sql('USE pk; ALTER TABLE l PARTITION BY HASH (id) PARTITIONS 2; ALTER TABLE l ADD PARTITION PARTITIONS 1; ALTER TABLE l REMOVE PARTITIONING; UPDATE l SET v = v + 1');
$parts->catch_up;
is($pg->value("SELECT string_agg(id || ':' || v, ' ' ORDER BY id) FROM pk.l"), '1:2 3:4 5:6 6:7', 'partitioned otherwise at the source');

# A table that is altered or renamed just now is out of sight, or without
# columns, for a moment of the reading; no task is ever without it.
$my->sql('CREATE DATABASE torn; CREATE TABLE torn.p (id int NOT NULL PRIMARY KEY, v int) PARTITION BY RANGE (id) (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN MAXVALUE); CREATE TABLE torn.x (id int NOT NULL PRIMARY KEY, v int); INSERT INTO torn.p VALUES (1, 1)');
my @tasks = map { Dts::Task->new($my, $pg, name => "torn$_", db => 'torn', objects => [ { schema => 'torn', target_schema => "torn$_" } ]) } 1 .. 2;
my $ddl = $my->background(sub { "ALTER TABLE p EXCHANGE PARTITION p1 WITH TABLE x; DO SLEEP(0.1); ALTER TABLE p REORGANIZE PARTITION p0, p1 INTO (PARTITION p0 VALUES LESS THAN (20), PARTITION p1 VALUES LESS THAN MAXVALUE); DO SLEEP(0.1);\n" }, db => 'torn');
$_->start for @tasks;
$_->wait_for('full', 60) for @tasks;
reap($ddl, 'TERM');
$my->sql('INSERT INTO torn.p VALUES (2, 2); INSERT INTO torn.x VALUES (3, 3)');
$_->catch_up for @tasks;
is($pg->value("SELECT string_agg(id || ':' || v, ' ' ORDER BY id) FROM (SELECT * FROM torn$_.p UNION ALL SELECT * FROM torn$_.x) u"), '1:1 2:2 3:3', "tables that are altered while task $_ reads them") for 1 .. 2;
done_testing();
