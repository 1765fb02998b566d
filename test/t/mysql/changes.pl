# Changes from the binlog: every way that rows change, folding into batches,
# row images, compression, cascades, keyless tables, DDL elsewhere.
use strict;
use warnings;
use Test::More;
use Dts::Compare qw(same_database compare_tables);
use Dts::Env qw(poll_until reap);
use Dts::Task qw(server_pair);

my ($my, $pg) = server_pair(my_args => ['--innodb-buffer-pool-size=256M']);
$my->sql(<<'END');
SET NAMES utf8mb4;
CREATE DATABASE other; CREATE DATABASE inc DEFAULT CHARACTER SET utf8mb4; USE inc;
CREATE TABLE t (id int NOT NULL AUTO_INCREMENT PRIMARY KEY, a int, b varchar(50), c longtext, d longblob, u varchar(20), e enum('x','y','z'), UNIQUE KEY u (u));
INSERT INTO t (a, b, c, d, u, e) SELECT seq, CONCAT('b', seq), REPEAT('c', seq), REPEAT('d', seq), CONCAT('u', seq), 1 + seq % 3 FROM seq_1_to_100;
CREATE TABLE two (a int NOT NULL, b varchar(10) NOT NULL, v int, w int, PRIMARY KEY (b, a));
INSERT INTO two SELECT seq, CONCAT('k', seq % 3), seq, 0 FROM seq_1_to_20;
CREATE TABLE keyless (a int, b varchar(20), c double, d json);
INSERT INTO keyless SELECT seq % 3, IF(seq % 4, 'x', NULL), seq % 2 / 3, '{"k": 1}' FROM seq_1_to_30;
CREATE TABLE nullable_unique (a int, b int, UNIQUE KEY (a));
INSERT INTO nullable_unique VALUES (NULL, 1), (NULL, 1), (1, 1);
CREATE TABLE unique_only (a int NOT NULL, b int, UNIQUE KEY (a));
INSERT INTO unique_only VALUES (1, 1), (2, 2);
CREATE TABLE parent (id int PRIMARY KEY, name varchar(10));
CREATE TABLE child (id int PRIMARY KEY, parent_id int, v int, FOREIGN KEY (parent_id) REFERENCES parent (id) ON DELETE CASCADE ON UPDATE CASCADE);
CREATE TABLE grandchild (id int PRIMARY KEY, child_id int, FOREIGN KEY (child_id) REFERENCES child (id) ON DELETE CASCADE ON UPDATE CASCADE);
CREATE TABLE nulled (id int PRIMARY KEY, parent_id int, FOREIGN KEY (parent_id) REFERENCES parent (id) ON DELETE SET NULL ON UPDATE SET NULL);
CREATE TABLE tree (id int PRIMARY KEY, up int, FOREIGN KEY (up) REFERENCES tree (id) ON DELETE CASCADE);
INSERT INTO parent SELECT seq, CONCAT('p', seq) FROM seq_1_to_20;
INSERT INTO child SELECT seq, 1 + seq % 20, seq FROM seq_1_to_100;
INSERT INTO grandchild SELECT seq, 1 + seq % 100 FROM seq_1_to_300;
INSERT INTO nulled SELECT seq, 1 + seq % 20 FROM seq_1_to_40;
INSERT INTO tree VALUES (1, NULL), (2, 1), (3, 2), (4, 3), (5, NULL), (6, 5);
CREATE TABLE gen (id int PRIMARY KEY, n int, s int GENERATED ALWAYS AS (n * 2) STORED, v int GENERATED ALWAYS AS (n * 3) VIRTUAL, tail varchar(10), h int INVISIBLE);
INSERT INTO gen (id, n, tail) VALUES (1, 1, 'a'), (2, NULL, 'b');
CREATE TABLE myisam (id int PRIMARY KEY, v int) ENGINE = MyISAM;
CREATE TABLE aria (id int PRIMARY KEY, v int) ENGINE = Aria;
INSERT INTO myisam VALUES (1, 1); INSERT INTO aria VALUES (1, 1);
CREATE TABLE account (id int PRIMARY KEY, balance int NOT NULL);
INSERT INTO account SELECT seq, 100 FROM seq_1_to_50;
CREATE TABLE trunc (id int PRIMARY KEY); INSERT INTO trunc VALUES (1), (2);
CREATE TABLE ts (id int PRIMARY KEY, a timestamp NULL, b datetime);
CREATE TABLE other.t (id int PRIMARY KEY, v int);
CREATE TABLE joined (a varchar(10), b varchar(10), v int, PRIMARY KEY (a, b)); INSERT INTO joined VALUES ('ab', 'c', 1), ('a', 'bc', 2);
CREATE TABLE nulls (a int, b int);
CREATE TABLE audit (id int AUTO_INCREMENT PRIMARY KEY, what varchar(20));
CREATE TRIGGER t_audit AFTER DELETE ON two FOR EACH ROW INSERT INTO audit (what) VALUES (OLD.b);
END
my $task = Dts::Task->new($my, $pg, name => 'inc', db => 'inc');
$task->start->wait_for('incremental', 60);
same_database($my, 'inc', $pg, 'inc', 'full load');

sub step
{
    my ($name, $sql, %opt) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my ($code, $out, $err) = $my->mariadb($sql, db => 'inc');
    fail("$name: not run at the source") or diag $err if $code;
    my $ok = eval {
        $task->catch_up($opt{seconds} // 30);
        # a table of which the log does not hold whole rows may be copied again
        $pg->poll_query("SELECT count(*) = 0 FROM dtsmig.task_tables WHERE task = 'inc' AND state <> 'ready'", 30);
        $task->catch_up($opt{seconds} // 30);
        1;
    };
    if (!$ok) { fail($name); diag($@); BAIL_OUT('the stream is stuck') if $@ =~ /task failed/; return; }
    same_database($my, 'inc', $pg, 'inc', $name);
}

for my $image (qw(FULL MINIMAL NOBLOB))
{
    my $o = { FULL => 1000, MINIMAL => 2000, NOBLOB => 3000 }->{$image};
    step("row image $image", qq{SET SESSION binlog_row_image = $image;
        INSERT INTO t (id, a) VALUES ($o, 1); INSERT INTO t (id, b, c) VALUES ($o + 1, 'b', 'c');
        INSERT INTO t VALUES ($o + 2, 1, 'b', 'c', 'd', 'u$o', 'x');
        UPDATE t SET a = 5 WHERE id <= 10; UPDATE t SET c = REPEAT('n', 3000), d = NULL WHERE id IN (11, 12);
        UPDATE t SET b = NULL, e = 'z' WHERE id BETWEEN 20 AND 30; UPDATE t SET id = id + 5000 + $o WHERE id = ${\($o / 1000 + 30)};
        DELETE FROM t WHERE id = ${\($o / 1000 + 50)};
        UPDATE two SET v = v + 1 WHERE a < 10; UPDATE two SET w = 7 WHERE a < 5; UPDATE two SET b = CONCAT('q', a) WHERE a = ${\($o / 1000)};
        DELETE FROM two WHERE a = ${\($o / 1000 + 10)};
        UPDATE child SET v = v + 1 WHERE id < 5; UPDATE gen SET n = n + 1; INSERT INTO gen (id, n, h) VALUES ($o, $o, 3);
        UPDATE unique_only SET b = b + 1; UPDATE keyless SET c = c + 1 WHERE a = 2 LIMIT 1; DELETE FROM keyless WHERE a = 1 LIMIT 1;
        UPDATE nullable_unique SET b = b + 1 LIMIT 1;});
}
step('one row, changed many times in one batch', q{
    BEGIN; INSERT INTO t (id, a) VALUES (100001, 1); UPDATE t SET a = 2 WHERE id = 100001; DELETE FROM t WHERE id = 100001; INSERT INTO t (id, b) VALUES (100001, 'again'); COMMIT;
    BEGIN; DELETE FROM t WHERE id = 100001; INSERT INTO t (id, c) VALUES (100001, 'third'); UPDATE t SET id = 100002 WHERE id = 100001; INSERT INTO t (id, c) VALUES (100001, 'fourth'); COMMIT;
    INSERT INTO t (id, a) VALUES (100003, 1); DELETE FROM t WHERE id = 100003;
    UPDATE t SET a = 1 WHERE id = 5; UPDATE t SET b = 'two' WHERE id = 5; UPDATE t SET a = NULL WHERE id = 5;});
step('folding minimal images column by column', q{SET SESSION binlog_row_image = MINIMAL;
    BEGIN; UPDATE t SET a = 77 WHERE id = 6; UPDATE t SET b = 'x77' WHERE id = 6; UPDATE t SET c = 'c77', a = 78 WHERE id = 6; COMMIT;
    BEGIN; INSERT INTO t (id, a) VALUES (100010, 1); UPDATE t SET b = 'b' WHERE id = 100010; UPDATE t SET id = 100011 WHERE id = 100010; UPDATE t SET c = 'cc' WHERE id = 100011; COMMIT;
    BEGIN; UPDATE t SET id = 100020, a = 3 WHERE id = 7; UPDATE t SET id = 7, b = 'back' WHERE id = 100020; COMMIT;});
step('key changes that cross', q{
    DELETE FROM t WHERE id = 70; UPDATE t SET id = id + 1 WHERE id BETWEEN 60 AND 69 ORDER BY id DESC;
    UPDATE t SET id = id - 1 WHERE id BETWEEN 61 AND 70 ORDER BY id;
    BEGIN; UPDATE t SET id = -1 WHERE id = 61; UPDATE t SET id = 61 WHERE id = 62; UPDATE t SET id = 62 WHERE id = -1; COMMIT;
    UPDATE two SET a = a + 100; UPDATE two SET b = 'same'; UPDATE unique_only SET a = a + 10 ORDER BY a DESC;});
step('keys whose columns are one text together, rows that differ in where their NULL is', q{
    UPDATE joined SET v = v + 10; INSERT INTO nulls VALUES (NULL, 5), (5, NULL); UPDATE nulls SET b = 6 WHERE a = 5; INSERT INTO nulls VALUES (NULL, 7), (7, NULL), (7, NULL); DELETE FROM nulls WHERE a = 7});
step('values of a unique index that swap', q{
    BEGIN; UPDATE t SET u = 'tmp' WHERE id = 1; UPDATE t SET u = 'u1' WHERE id = 2; UPDATE t SET u = 'u2' WHERE id = 1; COMMIT;
    BEGIN; DELETE FROM t WHERE id = 80; UPDATE t SET u = 'u80' WHERE id = 81; COMMIT;
    BEGIN; UPDATE t SET u = NULL WHERE id = 82; INSERT INTO t (id, u) VALUES (100030, 'u82'); COMMIT;
    UPDATE t SET u = 'free' WHERE id = 83; INSERT INTO t (id, u) VALUES (100031, 'u83'); DELETE FROM t WHERE id = 100031; UPDATE t SET u = 'u83' WHERE id = 83;});
step('REPLACE, ON DUPLICATE KEY, multi-table, INSERT SELECT', q{
    REPLACE INTO t (id, a, u) VALUES (84, 1, 'u85'); INSERT INTO t (id, a) VALUES (86, 9) ON DUPLICATE KEY UPDATE a = a + 1000;
    UPDATE t JOIN two ON two.a = t.id + 100 SET t.a = two.v, two.w = t.a; DELETE t, child FROM t JOIN child ON child.id = t.id WHERE t.id IN (90, 91);
    INSERT INTO t (a, b) SELECT v, b FROM two; CREATE TEMPORARY TABLE tmp AS SELECT * FROM two; UPDATE tmp SET v = 0; INSERT INTO keyless (a) SELECT v FROM tmp; DROP TEMPORARY TABLE tmp;});
step('a trigger at the source', q{DELETE FROM two WHERE v < 5});
step('rollbacks and savepoints', q{
    BEGIN; INSERT INTO t (id) VALUES (200001); ROLLBACK;
    BEGIN; INSERT INTO t (id) VALUES (200002); SAVEPOINT s; INSERT INTO t (id) VALUES (200003); ROLLBACK TO s; INSERT INTO t (id) VALUES (200004); COMMIT;
    BEGIN; INSERT INTO myisam VALUES (2, 2); INSERT INTO t (id) VALUES (200005); ROLLBACK;
    BEGIN; INSERT INTO t (id) VALUES (200006); INSERT INTO aria VALUES (3, 3); COMMIT;});
step('tables without transactions', q{INSERT INTO myisam VALUES (10, 1), (11, 1); UPDATE myisam SET v = 9; DELETE FROM myisam WHERE id = 10; INSERT INTO aria VALUES (12, 1); UPDATE aria SET v = v + 1});
step('cascaded deletes', q{DELETE FROM parent WHERE id IN (1, 2, 3); DELETE FROM child WHERE id = 50; DELETE FROM tree WHERE id = 1});
step('cascaded key changes', q{UPDATE parent SET id = id + 100 WHERE id IN (5, 6); UPDATE child SET id = id + 1000 WHERE id IN (60, 61)});
step('cascades inside one batch', q{BEGIN; INSERT INTO parent VALUES (500, 'new'); INSERT INTO child VALUES (5000, 500, 1), (5001, 500, 1); INSERT INTO grandchild VALUES (50000, 5000); DELETE FROM parent WHERE id = 500; INSERT INTO parent VALUES (500, 'again'); INSERT INTO child VALUES (5000, 500, 2); COMMIT;
    DELETE FROM parent WHERE id = 7; INSERT INTO parent VALUES (7, 'seven'); INSERT INTO child VALUES (6000, 7, 1); UPDATE child SET parent_id = 8 WHERE id = 6000; DELETE FROM parent WHERE id = 7;
    BEGIN; INSERT INTO nulled VALUES (900, 8); UPDATE parent SET id = 888 WHERE id = 8; UPDATE nulled SET parent_id = 888 WHERE id = 900; COMMIT;});
step('parents deleted with checks off', q{SET foreign_key_checks = 0; DELETE FROM parent WHERE id = 9; DELETE FROM child WHERE parent_id = 9; SET foreign_key_checks = 1});
step('keyless: one of equal rows', q{
    INSERT INTO keyless VALUES (9, 'dup', 1.5, NULL), (9, 'dup', 1.5, NULL), (9, 'dup', 1.5, NULL);
    DELETE FROM keyless WHERE a = 9 LIMIT 1; UPDATE keyless SET b = 'changed' WHERE a = 9 LIMIT 1; UPDATE keyless SET a = 10 WHERE a = 9;
    UPDATE keyless SET d = '{"k": [1, 2]}' WHERE a = 0; DELETE FROM keyless WHERE b IS NULL LIMIT 3; INSERT INTO keyless VALUES (NULL, NULL, NULL, NULL), (NULL, NULL, NULL, NULL); DELETE FROM keyless WHERE a IS NULL LIMIT 1;
    DELETE FROM nullable_unique WHERE a IS NULL LIMIT 1;});
step('keyless with minimal images', q{SET SESSION binlog_row_image = MINIMAL; UPDATE keyless SET b = 'min' WHERE a = 10 LIMIT 1; INSERT INTO keyless (a) VALUES (77); DELETE FROM keyless WHERE a = 77});
step('compressed events', q{SET GLOBAL log_bin_compress = 1, log_bin_compress_min_len = 10;
    INSERT INTO t (a, b, c) SELECT seq, 'compressed', REPEAT('z', 500) FROM seq_1_to_500; UPDATE t SET c = REPEAT('y', 400) WHERE b = 'compressed'; UPDATE t SET a = 1 WHERE id = 1; DELETE FROM t WHERE b = 'compressed' AND a % 2; SET GLOBAL log_bin_compress = 0});
step('rotation', 'FLUSH BINARY LOGS; INSERT INTO t (a) VALUES (31337); FLUSH BINARY LOGS; FLUSH BINARY LOGS; UPDATE t SET a = 31338 WHERE a = 31337; FLUSH LOGS');
step('checksums off and on', q{SET GLOBAL binlog_checksum = NONE; INSERT INTO t (a, c) VALUES (1, 'no checksum'); FLUSH BINARY LOGS; UPDATE t SET a = 2 WHERE c = 'no checksum'; SET GLOBAL binlog_checksum = CRC32; UPDATE t SET a = 3 WHERE c = 'no checksum'});
step('session time zones', q{SET time_zone = '+05:45'; INSERT INTO ts VALUES (1, '2020-01-01 12:00:00', '2020-01-01 12:00:00'); SET time_zone = '-11:00'; UPDATE ts SET a = a + INTERVAL 1 HOUR; INSERT INTO ts VALUES (2, NOW(), NOW())});
step('TRUNCATE', 'INSERT INTO trunc VALUES (3); TRUNCATE TABLE trunc; INSERT INTO trunc VALUES (4); UPDATE trunc SET id = 5');
step('a transaction that also touches what is not selected', q{BEGIN; INSERT INTO other.t VALUES (1, 1); UPDATE t SET a = 4 WHERE id = 1; UPDATE other.t SET v = 2; COMMIT; INSERT INTO other.t VALUES (2, 2)});
step('XA', q{XA START 'x1'; INSERT INTO t (id, b) VALUES (300001, 'xa'); XA END 'x1'; XA PREPARE 'x1'; XA COMMIT 'x1'; XA START 'x2'; INSERT INTO t (id, b) VALUES (300002, 'xa one phase'); XA END 'x2'; XA COMMIT 'x2' ONE PHASE; XA START 'x3'; INSERT INTO t (id, b) VALUES (300003, 'rolled back'); XA END 'x3'; XA PREPARE 'x3'; XA ROLLBACK 'x3'});
step('DDL elsewhere', <<'END');
CREATE TABLE other.a (id int PRIMARY KEY, v geometry NOT NULL, SPATIAL KEY (v)) COMMENT = 'inc.t';
CREATE TABLE other.b AS SELECT id, a FROM inc.t; ALTER TABLE other.b ADD PRIMARY KEY (id); DROP TABLE other.a;
CREATE SEQUENCE other.s; CREATE OR REPLACE TABLE other.b (x int); RENAME TABLE other.b TO other.bb; TRUNCATE other.bb;
CREATE USER someone@localhost IDENTIFIED BY 'DROP TABLE inc.t'; GRANT SELECT ON inc.* TO someone@localhost; REVOKE SELECT ON inc.* FROM someone@localhost; DROP USER someone@localhost;
DELIMITER //
CREATE PROCEDURE other.p() BEGIN DECLARE i int DEFAULT 0; UPDATE inc.t SET a = a + 1 WHERE id = 3; /* DROP TABLE inc.t; */ END//
CREATE FUNCTION other.f(x int) RETURNS int DETERMINISTIC RETURN x + 1//
CREATE EVENT other.e ON SCHEDULE EVERY 1 YEAR DO DELETE FROM inc.t//
DELIMITER ;
CALL other.p(); DROP EVENT other.e; ANALYZE TABLE inc.t; OPTIMIZE LOCAL TABLE other.bb; FLUSH TABLES; SET STATEMENT max_statement_time = 5 FOR CREATE TABLE other.c (id int);
SET sql_mode = 'ANSI_QUOTES'; CREATE TABLE "other"."d""q" ("a;b" int); DROP TABLE "other"."d""q"; SET sql_mode = '';
CREATE DATABASE yet_another; USE yet_another; CREATE TABLE t (id int PRIMARY KEY); ALTER TABLE t ADD v int; INSERT INTO t VALUES (1, 1); DROP TABLE t; USE inc; DROP DATABASE yet_another;
CREATE VIEW other.v AS SELECT * FROM inc.t; DROP VIEW other.v;
USE other; CREATE TABLE t2 LIKE inc.t; DROP TABLE t2; CREATE TEMPORARY TABLE inc.tempo (id int); DROP TEMPORARY TABLE inc.tempo;
SET SESSION binlog_format = STATEMENT; INSERT INTO other.t VALUES (50, 50); UPDATE other.t SET v = v + 1; DELETE FROM other.t WHERE id = 50;
END
step('a large transaction', q{BEGIN; INSERT INTO t (a, b, c) SELECT seq, CONCAT('large', seq), REPEAT('l', 100) FROM seq_1_to_60000; UPDATE t SET a = a + 1 WHERE b LIKE 'large%'; DELETE FROM t WHERE b LIKE 'large%9'; COMMIT}, seconds => 120);
step('a row of 20 MB', q{SET GLOBAL max_allowed_packet = 1073741824; INSERT INTO t (id, d) VALUES (400000, REPEAT('x', 1000)); UPDATE t SET d = REPEAT(d, 200) WHERE id = 400000; INSERT INTO t (id, c) SELECT 400001, REPEAT(REPEAT('ä€', 1000), 3000); SELECT LENGTH(c) FROM t WHERE id = 400001}, seconds => 60);

# A reader never sees half of a transaction.
my $writer = $my->background(sub {
    select undef, undef, undef, 0.001;
    my ($x, $y) = (1 + int rand 50, 1 + int rand 50);
    return "BEGIN; UPDATE account SET balance = balance - 7 WHERE id = $x; UPDATE account SET balance = balance + 7 WHERE id = $y; COMMIT;\n";
}, db => 'inc');
my %sums;
for (1 .. 60) { $sums{ $pg->value('SELECT sum(balance) FROM inc.account') }++; select undef, undef, undef, 0.03; }
is(join(' ', sort keys %sums), '5000', 'no half transaction is seen');
cmp_ok($pg->value("SELECT count(*) FROM inc.account WHERE balance <> 100"), '>', 10, 'while changes flow');
reap($writer, 'TERM');
step('transfers', 'SELECT 1');
cmp_ok($task->get('changes'), '>', 1000, 'the view counts changes');
is($task->status, 'running', 'still running');

# What stops a task, with a reason.
my $n = 0;
sub stops
{
    my ($name, $sql, $pattern) = @_;
    my $db = 'st' . ++$n;
    $my->sql("CREATE DATABASE $db; CREATE TABLE $db.t (id int PRIMARY KEY, v int, w varchar(10)); INSERT INTO $db.t VALUES (1, 1, 'a')");
    my $t = Dts::Task->new($my, $pg, name => $db, db => $db);
    $t->start->wait_for('incremental', 60);
    my ($c, $o, $e) = $my->mariadb("INSERT INTO t VALUES (2, 2, 'before'); $sql", db => $db);
    diag $e if $c;
    my $ok = $t->wait_status('failed', 60);
    ok($ok, "$name stops the task") or diag $t->report;
    my $text = $t->get("last_error || ' ' || coalesce(last_error_hint, '')")
      . $pg->value("SELECT string_agg(concat(message, ' ', detail, ' ', hint), ' ') FROM dtsmig.task_log WHERE task = '$db'");
    like($text, $pattern, "$name: the error says what");
    like($text, qr/mariadb-bin\.\d+/, "$name: and where");
    isnt($t->get('last_error_sqlstate'), '', "$name: with an SQLSTATE");
    is($pg->value("SELECT count(*) FROM $db.t WHERE id = 2"), 1, "$name: what came before is applied") if $ok;
    $t->release;
    return;
}
stops('statement-based INSERT', "SET SESSION binlog_format = STATEMENT; INSERT INTO t VALUES (9, 9, 'x')", qr/statement|STATEMENT/);
stops('statement-based UPDATE', "SET SESSION binlog_format = STATEMENT; UPDATE t SET v = 3", qr/statement|STATEMENT/);
stops('DDL that is not replicated', 'ALTER TABLE t ADD SYSTEM VERSIONING', qr/SYSTEM VERSIONING/i);
is($task->status, 'running', 'the other task goes on');
done_testing();
