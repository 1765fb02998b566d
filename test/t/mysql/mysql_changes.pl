# What only MySQL's binlog has: compressed transactions, tagged GTIDs, partial
# updates of JSON, XA over two log entries, generated invisible keys, row
# images per session; against MySQL 9.7, and what 5.6 has of it.
#
# dts-runs: mysql-9.7, mysql-5.6
use strict;
use warnings;
use Test::More;
use Dts::Compare qw(same_database);
use Dts::Env qw(poll_until);
use Dts::Task qw(server_pair);

sub run_kind
{
    my ($kind) = @_;
    my $new = $kind eq 'mysql-9.7';
    my ($my, $pg) = server_pair(kind => $kind);
    my $json = $new ? 'json' : 'text';
    $my->sql(<<"END");
CREATE DATABASE inc DEFAULT CHARACTER SET utf8mb4; USE inc;
CREATE TABLE t (id int PRIMARY KEY AUTO_INCREMENT, v varchar(100), n int, b longtext);
CREATE TABLE j (id int PRIMARY KEY, a $json, n int, b $json, c $json);
CREATE TABLE nokey (x int, y varchar(20));
CREATE TABLE myisam (id int PRIMARY KEY, v int) ENGINE = MyISAM;
INSERT INTO t (v, n) VALUES ('a', 1), ('b', 2), ('c', 3);
INSERT INTO j VALUES (1, '{"k": [1, 2, {"x": "y"}], "long": "0123456789012345678901234567890123456789"}', 1, '[1, 2, 3]', NULL),
    (2, '[]', 2, '{"a": 1}', '{}');
INSERT INTO nokey VALUES (1, 'a'), (1, 'a'), (2, NULL);
END
    $my->sql(q{USE inc; SET sql_generate_invisible_primary_key = ON;
        CREATE TABLE gipk (v varchar(20)); INSERT INTO gipk VALUES ('one'), ('two');
        CREATE TABLE hidden (id int PRIMARY KEY, h int INVISIBLE DEFAULT 7, v int);
        INSERT INTO hidden (id, v) VALUES (1, 1);}) if $new;
    my $task = Dts::Task->new($my, $pg, name => 'm', db => 'inc');
    $task->start->wait_for('incremental', 120);
    same_database($my, 'inc', $pg, 'inc', "$kind: full load");

    my $same = sub {
        my ($what) = @_;
        $task->catch_up;
        same_database($my, 'inc', $pg, 'inc', "$kind: $what");
    };
    $my->sql(q{USE inc; START TRANSACTION; INSERT INTO t (v) VALUES ('d'); UPDATE t SET n = n + 1;
        SAVEPOINT s; DELETE FROM t WHERE id = 1; ROLLBACK TO s; INSERT INTO nokey VALUES (3, 'x'); COMMIT;
        DELETE FROM nokey WHERE x = 1 LIMIT 1; INSERT INTO myisam VALUES (1, 1), (2, 2); UPDATE myisam SET v = 5;
        START TRANSACTION; INSERT INTO t (v) VALUES ('gone'); ROLLBACK;});
    $same->('transactions');

    for my $image (qw(MINIMAL NOBLOB FULL))
    {
        $my->sql(qq{USE inc; SET binlog_row_image = $image;
            INSERT INTO t (v, b) VALUES ('$image', REPEAT('x', 3000)); UPDATE t SET n = 9 WHERE v = '$image';
            UPDATE t SET b = 'y' WHERE v = 'c'; DELETE FROM t WHERE v = 'b'; INSERT INTO nokey VALUES (9, '$image');
            UPDATE j SET n = n + 1; DELETE FROM nokey WHERE x = 3;});
        $same->("row image $image");
    }
    $my->sql('USE inc; INSERT INTO t (v) VALUES (1); TRUNCATE TABLE nokey; INSERT INTO nokey VALUES (1, 1)');
    $same->('TRUNCATE');

    # XA: prepared, interleaved, over a restart of the task
    $my->sql(q{USE inc; XA START 'one'; INSERT INTO t (v) VALUES ('xa one'); UPDATE j SET n = 100 WHERE id = 1;
        XA END 'one'; XA PREPARE 'one';});
    $my->sql(q{USE inc; XA START 'two', 'b', 7; INSERT INTO t (v) VALUES ('xa two'); XA END 'two', 'b', 7; XA PREPARE 'two', 'b', 7;}) if $new;
    $my->sql(q{USE inc; INSERT INTO t (v) VALUES ('between')});
    if ($new)
    {
        $task->catch_up;
        is($pg->value(q{SELECT count(*) FROM inc.t WHERE v LIKE 'xa %'}), 0, 'prepared rows are not there');
        $task->pause;
        $task->wait_status('paused');
        $my->sql(q{XA COMMIT 'one'});
        $task->resume;
        $same->('XA COMMIT after a pause');
        $my->sql(q{XA ROLLBACK 'two', 'b', 7; USE inc; INSERT INTO t (v) VALUES ('after');
            XA START 'three'; INSERT INTO t (v) VALUES ('one phase'); XA END 'three'; XA COMMIT 'three' ONE PHASE;});
        $same->('XA ROLLBACK, one phase');
    }
    else
    {
        # 5.6 loses what is prepared when its session ends
        $my->sql(q{USE inc; XA START 'x'; INSERT INTO t (v) VALUES ('xa x'); XA END 'x'; XA PREPARE 'x'; XA COMMIT 'x';
            XA START 'y'; INSERT INTO t (v) VALUES ('xa y'); XA END 'y'; XA PREPARE 'y'; XA ROLLBACK 'y';});
        $same->('XA');
    }
    return $task->release->drop unless $new;

    # Compressed transactions, small and large; JSON and a rollback in them.
    $my->sql(q{USE inc; SET binlog_transaction_compression = ON;
        START TRANSACTION; INSERT INTO t (v, n) VALUES ('zip', 1); UPDATE t SET v = CONCAT(v, '!') WHERE n = 1;
        INSERT INTO nokey VALUES (1, 1); INSERT INTO j VALUES (10, '{"z": 1.5}', 1, '1', 'null'); COMMIT;
        SET cte_max_recursion_depth = 100000;
        INSERT INTO t (v, n, b) WITH RECURSIVE s AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM s WHERE i < 20000)
            SELECT CONCAT('v', i), i, REPEAT(CHAR(97 + i % 26), 200) FROM s;
        UPDATE t SET n = n + 1 WHERE n > 100; DELETE FROM t WHERE n % 3 = 0;
        INSERT INTO t (v, b) VALUES ('big', REPEAT('abcdefgh', 400000));
        XA START 'z'; INSERT INTO t (v) VALUES ('xa zipped'); XA END 'z'; XA PREPARE 'z'; XA COMMIT 'z';
        SET binlog_row_image = MINIMAL; UPDATE t SET n = 4 WHERE v = 'big'; });
    $task->catch_up(120);
    same_database($my, 'inc', $pg, 'inc', 'compressed transactions', digest => 0);

    # GTIDs with a tag; a restart goes on behind them.
    $my->sql(q{USE inc; SET gtid_next = 'AUTOMATIC:blue'; INSERT INTO t (v) VALUES ('tagged');
        SET gtid_next = 'AUTOMATIC:green_2'; INSERT INTO t (v) VALUES ('tagged too'); SET gtid_next = 'AUTOMATIC';
        INSERT INTO nokey VALUES (77, 'once')});
    $same->('tagged GTIDs');
    like($task->get('applied_position'), qr/:blue:1:green_2:1/, 'the position has the tags');
    $task->pause;
    $task->wait_status('paused');
    $my->sql(q{USE inc; SET gtid_next = 'AUTOMATIC:blue'; INSERT INTO nokey VALUES (78, 'once')});
    $task->resume;
    $same->('tagged GTIDs after a restart');

    # Partial updates.
    $my->sql(q{USE inc; SET binlog_row_value_options = PARTIAL_JSON;
        UPDATE j SET a = JSON_SET(a, '$.k[0]', 17) WHERE id = 1;
        UPDATE j SET a = JSON_REPLACE(a, '$.k[2].x', 'a longer string than before', '$.long', 'short') WHERE id = 1;
        UPDATE j SET a = JSON_REMOVE(a, '$.k[1]'), b = JSON_SET(b, '$[1]', 5) WHERE id = 1;
        UPDATE j SET a = JSON_SET(a, '$.neu', JSON_ARRAY(1, NULL, true)) WHERE id = 1;
        INSERT INTO j VALUES (20, JSON_OBJECT('a b', 1, 'ü', 2, 'q"q', 3, 'x', JSON_ARRAY(1,2,3), 'pad', REPEAT('x', 500)), 1,
            JSON_ARRAY(JSON_ARRAY(1, 2), JSON_OBJECT('k', REPEAT('y', 300))), NULL);
        UPDATE j SET a = JSON_SET(a, '$."a b"', 10, '$."ü"', 'ö', '$."q\\\\"q"', NULL, '$.x[2]', 30) WHERE id = 20;
        UPDATE j SET a = JSON_REMOVE(a, '$.x[0]', '$."ü"'), b = JSON_SET(b, '$[0][1]', JSON_OBJECT('deep', 1.25)) WHERE id = 20;
        UPDATE j SET b = JSON_SET(b, '$[2]', 'appended'), c = '{"n": 1}' WHERE id = 20;
        UPDATE j SET b = JSON_SET(b, '$[0]', CAST(12.5 AS DECIMAL(5,2))), c = JSON_SET(c, '$.n', CAST('2024-02-03' AS DATE)), n = 5 WHERE id = 20;
        UPDATE j SET a = JSON_SET(a, '$.pad', 'p'), b = b WHERE id = 20;
        SET binlog_transaction_compression = ON;
        UPDATE j SET a = JSON_SET(a, '$.x[0]', 99) WHERE id = 20; });
    $same->('partial updates of JSON');
    my ($printed) = $my->rows('SELECT a FROM inc.j WHERE id = 20');
    is($pg->value(q{SELECT a::text FROM inc.j WHERE id = 20}), $printed->[0], 'as MySQL prints it');

    $my->sql(q{USE inc; INSERT INTO gipk VALUES ('three'); UPDATE gipk SET v = 'TWO' WHERE v = 'two'; DELETE FROM gipk WHERE v = 'one';
        INSERT INTO hidden (id, h, v) VALUES (2, 8, 2); UPDATE hidden SET h = 70 WHERE id = 1;});
    $same->('generated invisible keys, invisible columns');
    is($pg->value(q{SELECT count(*) FROM pg_index WHERE indrelid = 'inc.gipk'::regclass AND indisprimary}), 1,
        'the generated key is one at the destination');

    # Binlog metadata of both kinds, ROWS_QUERY, rotation.
    $my->sql(q{SET GLOBAL binlog_row_metadata = FULL; SET binlog_rows_query_log_events = ON; USE inc;
        INSERT INTO t (v) VALUES ('meta'); UPDATE t SET n = 3 WHERE v = 'meta'; FLUSH BINARY LOGS;
        INSERT INTO t (v) VALUES ('rotated'); SET GLOBAL binlog_row_metadata = MINIMAL; INSERT INTO nokey VALUES (5, 5);});
    $same->('full metadata, the text of statements, a new file');

    is($my->value("SELECT GROUP_CONCAT(DISTINCT attr_value) FROM performance_schema.session_connect_attrs WHERE attr_name = 'program_name' AND attr_value LIKE 'dtsmig%'"), "dtsmig task $task->{id}", 'the task names its sessions');

    # A column that the log calls otherwise: a statement that was not logged.
    my $named = Dts::Task->new($my, $pg, name => 'named', db => 'named');
    $my->sql('CREATE DATABASE named; CREATE TABLE named.t (id int PRIMARY KEY, a int, b int); INSERT INTO named.t VALUES (1, 1, 2)');
    $named->start->wait_for('incremental', 60);
    $my->sql('USE named; SET sql_log_bin = 0; ALTER TABLE t RENAME COLUMN a TO c, RENAME COLUMN b TO a; SET sql_log_bin = 1; SET GLOBAL binlog_row_metadata = FULL; UPDATE t SET a = 3; SET GLOBAL binlog_row_metadata = MINIMAL');
    ok($named->wait_status('failed', 60), 'a column of another name stops the task') or diag $named->report;
    like($named->last_error, qr/column 2 of table "named"\."t" is "c" in the log, but "a" is known/, 'and is named');
    $named->release->drop;

    # A partial update without the value before it stops the task.
    $my->sql(q{USE inc; SET binlog_row_value_options = PARTIAL_JSON, binlog_row_image = MINIMAL;
        UPDATE j SET a = JSON_SET(a, '$.pad', 'q') WHERE id = 20});
    ok($task->wait_status('failed', 60), 'a partial update without the value before it stops the task');
    like($task->last_error, qr/partial update of column "a" of table "inc"\."j"/, 'and is named');
    $task->release->drop;
}

run_kind($ENV{DTS_KIND} // 'mysql-5.6');
done_testing();
