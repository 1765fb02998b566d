# Schema of MySQL 5.6 and 9.7: defaults of both kinds, generated, invisible and
# hidden key columns, functional, descending and invisible indexes, checks,
# SRIDs, VECTOR, the collations of 8.0, foreign keys, partitions, views.
#
# dts-runs: mysql-9.7, mysql-5.6
use strict;
use warnings;
use Test::More;
use Dts::Compare qw(same_database);
use Dts::Task qw(server_pair);

sub default_of
{
    my ($pg, $table, $column) = @_;
    return $pg->value(qq{SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef JOIN pg_attribute a ON (attrelid, attnum) = (adrelid, adnum)
        WHERE adrelid = 'sc.$table'::regclass AND attname = '$column'});
}

sub indexes
{
    my ($pg, $table) = @_;
    return $pg->value(qq{SELECT string_agg(regexp_replace(indexdef, '^CREATE (UNIQUE )?INDEX .* USING ', '\\1'), '; ' ORDER BY indexname)
        FROM pg_indexes WHERE schemaname = 'sc' AND tablename = '$table'});
}

for my $kind ($ENV{DTS_KIND} // 'mysql-5.6')
{
    my $new = $kind eq 'mysql-9.7';
    my ($my, $pg) = server_pair(kind => $kind);
    $my->sql(<<'END');
SET NAMES utf8mb4, sql_mode = '';
CREATE DATABASE sc DEFAULT CHARACTER SET utf8mb4; USE sc;
CREATE TABLE defaults (id int PRIMARY KEY AUTO_INCREMENT, i int DEFAULT 5, n int DEFAULT -3, d decimal(8,3) DEFAULT 1.500,
    s varchar(30) DEFAULT 'it''s \\ "q"', e varchar(10) DEFAULT '', nul varchar(10) DEFAULT NULL, word varchar(30) DEFAULT 'CURRENT_TIMESTAMP',
    b bit(4) DEFAULT b'101', bin binary(3) DEFAULT 'abc', raw varbinary(6) DEFAULT X'14e200', raw0 binary(3) NOT NULL DEFAULT X'ff0061', dt datetime DEFAULT '2020-01-02 03:04:05', now6 datetime(6) DEFAULT CURRENT_TIMESTAMP(6),
    ts timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP, en enum('x','y') DEFAULT 'y', se set('p','q') DEFAULT 'p,q',
    y year DEFAULT 2001, f float DEFAULT 1.5, u bigint unsigned DEFAULT 18446744073709551615, zero date DEFAULT '0000-00-00',
    t time DEFAULT '12:00:00', COMMENT_ varchar(5) COMMENT 'a column''s comment') COMMENT 'a table''s comment';
INSERT INTO defaults () VALUES ();
CREATE TABLE parent (id int PRIMARY KEY, code varchar(20) UNIQUE);
CREATE TABLE child (id int PRIMARY KEY, p int, c varchar(20), KEY p (p), KEY prefix (c(5)),
    CONSTRAINT fk_p FOREIGN KEY (p) REFERENCES parent (id) ON DELETE CASCADE ON UPDATE SET NULL, FOREIGN KEY (c) REFERENCES parent (code));
INSERT INTO parent VALUES (1, 'a'), (2, 'b'); INSERT INTO child VALUES (10, 1, 'a'), (11, NULL, NULL);
CREATE TABLE parts (id int, d date, PRIMARY KEY (id, d)) PARTITION BY RANGE (YEAR(d)) (PARTITION a VALUES LESS THAN (2020), PARTITION b VALUES LESS THAN MAXVALUE);
INSERT INTO parts VALUES (1, '2019-01-01'), (2, '2022-01-01');
CREATE VIEW v AS SELECT id, code FROM parent WHERE id > 1;
CREATE TABLE uniq (a int NOT NULL, b varchar(10) NOT NULL, UNIQUE KEY ab (a, b)); INSERT INTO uniq VALUES (1, 'x');
CREATE TABLE latin (id int PRIMARY KEY, v varchar(10)) DEFAULT CHARACTER SET latin1; INSERT INTO latin VALUES (1, 'ä');
CREATE TABLE ft (id int PRIMARY KEY, t text, FULLTEXT KEY t (t)); INSERT INTO ft VALUES (1, 'words in here');
END
    $my->sql(<<'END') if $new;
USE sc;
CREATE TABLE expressions (id int PRIMARY KEY, u varchar(36) DEFAULT (UUID()), n int DEFAULT (1 + 2), j json DEFAULT (JSON_ARRAY()),
    d date DEFAULT (CURRENT_DATE + INTERVAL 1 DAY), t text DEFAULT ('text''s'), b blob DEFAULT (0x0102));
INSERT INTO expressions (id) VALUES (1);
CREATE TABLE gen (id int PRIMARY KEY, a int, b int GENERATED ALWAYS AS (a * 2) VIRTUAL, c varchar(20) AS (CONCAT('x', a)) STORED, h int INVISIBLE DEFAULT 4, KEY b (b));
INSERT INTO gen (id, a) VALUES (1, 5);
CREATE TABLE idx (id int PRIMARY KEY, a int, b varchar(40), j json, KEY dsc (a DESC, id), KEY fun ((a * 2)), KEY low ((LOWER(b))), KEY hid (b) INVISIBLE,
    UNIQUE KEY ufun ((a + 1), b), KEY multi ((CAST(j->'$.tags' AS UNSIGNED ARRAY))));
INSERT INTO idx VALUES (1, 2, 'B', '{"tags": [1, 2]}');
CREATE TABLE chk (id int PRIMARY KEY, a int CHECK (a > 0), b varchar(10), CONSTRAINT named CHECK (b <> 'it''s'), CONSTRAINT soft CHECK (a < 100) NOT ENFORCED, CONSTRAINT lst CHECK (b IN ('x', 'y')));
INSERT INTO chk VALUES (1, 5, 'x');
CREATE TABLE geo (id int PRIMARY KEY, p point NOT NULL SRID 4326, g geometry, SPATIAL KEY (p));
INSERT INTO geo VALUES (1, ST_GeomFromText('POINT(10 20)', 4326), ST_GeomFromText('POINT(1 2)'));
CREATE TABLE vec (id int PRIMARY KEY, v vector(3)); INSERT INTO vec VALUES (1, STRING_TO_VECTOR('[1,2,3]'));
CREATE TABLE coll (id int PRIMARY KEY, a varchar(10) COLLATE utf8mb4_0900_ai_ci, b varchar(10) COLLATE utf8mb4_0900_bin, c varchar(10) COLLATE utf8mb4_0900_as_cs, KEY (a));
INSERT INTO coll VALUES (1, 'ä', 'ä', 'ä');
SET sql_generate_invisible_primary_key = ON;
CREATE TABLE gipk (v varchar(20)); INSERT INTO gipk VALUES ('one');
END
    my $task = Dts::Task->new($my, $pg, name => 's', db => 'sc');
    $task->start;
    eval { $task->wait_for('incremental', 120); 1 } or diag $@;
    my @failed = $pg->rows("SELECT name, statement, error FROM dtsmig.task_objects WHERE state = 'failed'");
    is(scalar @failed, 0, "$kind: every object is made") or diag join "\n", map { join ' | ', map { $_ // '' } @$_ } @failed;
    same_database($my, 'sc', $pg, 'sc', "$kind: rows");

    my %want = (i => '5', n => "'-3'::integer", d => '1.500', s => q('it''s \ "q"'::character varying), e => "''::character varying",
        word => q('CURRENT_TIMESTAMP'::character varying), dt => q('2020-01-02 03:04:05'::timestamp without time zone),
        en => q('y'::sc.defaults_en), y => '2001', f => qr/^(1\.5|'1\.5'::real)$/, u => qr/18446744073709551615/, zero => '', t => qr/12:00:00/,
        b => qr/0101/, bin => qr/616263/, raw => qr/14e200/, raw0 => qr/ff0061/, now6 => qr/LOCALTIMESTAMP|timezone|now|CURRENT_TIMESTAMP/i, nul => '');
    for my $c (sort keys %want)
    {
        my $got = default_of($pg, 'defaults', $c) // '';
        ref $want{$c} ? like($got, $want{$c}, "$kind: default of $c") : is($got, $want{$c}, "$kind: default of $c");
    }
    is($pg->value("SELECT obj_description('sc.defaults'::regclass)"), "a table's comment", "$kind: comment of a table");
    like($pg->value(q{SELECT string_agg(conname || ' ' || confdeltype::text || confupdtype::text, ', ' ORDER BY conname) FROM pg_constraint WHERE conrelid = 'sc.child'::regclass AND contype = 'f'}),
        qr/^child_ibfk_1 (aa|rr), fk_p cn$/, "$kind: foreign keys");
    is($pg->value('SELECT count(*) FROM sc.v'), 1, "$kind: a view");
    like(indexes($pg, 'child'), qr/"left"\(\(c\)::text, 5\)|"left"\(/, "$kind: an index on a prefix");
    is($pg->value("SELECT attidentity FROM pg_attribute WHERE attrelid = 'sc.defaults'::regclass AND attname = 'id'"), 'd', "$kind: AUTO_INCREMENT");
    $my->sql(q{USE sc; SET sql_mode = ''; INSERT INTO defaults () VALUES (); UPDATE parent SET code = 'c' WHERE id = 2; DELETE FROM parts WHERE id = 1; UPDATE uniq SET b = 'y'; INSERT INTO latin VALUES (2, 'ß');});
    $my->sql(q{USE sc; INSERT INTO expressions (id) VALUES (2); UPDATE gen SET a = 6; INSERT INTO gipk VALUES ('two'); UPDATE gipk SET v = 'x' WHERE v = 'one'; INSERT INTO geo VALUES (2, ST_GeomFromText('POINT(-10.5 20)', 4326), NULL); UPDATE vec SET v = STRING_TO_VECTOR('[4,5,6]'); UPDATE idx SET a = 9; UPDATE coll SET a = 'Ä';}) if $new;
    $task->catch_up;
    same_database($my, 'sc', $pg, 'sc', "$kind: changes");
    next unless $new;

    like(default_of($pg, 'expressions', 'u'), qr/uuid/, 'DEFAULT (UUID())');
    like(default_of($pg, 'expressions', 'n'), qr/^\(?1 \+ 2\)?$|^3$/, 'DEFAULT (1 + 2)');
    like(default_of($pg, 'expressions', 't'), qr/'text''s'/, 'DEFAULT of a text');
    like(default_of($pg, 'expressions', 'd') // '', qr/CURRENT_DATE|^$/, 'DEFAULT of a date');
    is($pg->value("SELECT string_agg(attgenerated::text, '' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'sc.gen'::regclass AND attname IN ('b', 'c')"), 'ss', 'generated columns');
    is($pg->value('SELECT h FROM sc.gen'), 4, 'an invisible column is there');
    my $idx = indexes($pg, 'idx');
    like($idx, qr/\(a DESC( NULLS LAST)?, id/, 'a descending index');
    like($idx, qr/\(\(\(?a \* 2\)?\)\)|\(\(\(\(?a\)?(::\w+)? \* (\()?2/, 'a functional index') or diag $idx;
    like($idx, qr/lower\(/, 'one with a function');
    my $checks = $pg->value(q{SELECT string_agg(conname || ' ' || pg_get_constraintdef(oid), '; ' ORDER BY conname) FROM pg_constraint WHERE conrelid = 'sc.chk'::regclass AND contype = 'c'});
    like($checks, qr/a > 0/, 'a check of a column');
    like($checks, qr/named CHECK .*'it''s'/, 'a named check');
    like($checks, qr/lst CHECK/, 'a list');
    is($pg->value(q{SELECT string_agg(attname, ',') FROM pg_index i JOIN pg_attribute a ON attrelid = indrelid AND attnum = ANY (indkey) WHERE indrelid = 'sc.gipk'::regclass AND indisprimary}),
        'my_row_id', 'the generated key');
    is($pg->value("SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'sc.vec'::regclass AND attname = 'v'"), 'real[]', 'VECTOR');
    like($pg->value(q{SELECT string_agg(note, ';') FROM dtsmig.task_objects WHERE note LIKE '%coll%' OR note LIKE '%case%'}) // '', qr/./, 'case-insensitive collations are reported');
}
done_testing();
