# Foreign tables over a source of the MySQL family are written to: INSERT, UPDATE,
# DELETE, RETURNING, batches, TRUNCATE, every type back again, transactions,
# subtransactions, locks, errors, options, rights.
#
# dts-runs: mariadb, mysql-9.7
# dts-deep-runs: mysql-5.6, into postgresql-16-dev, into postgresql-17-dev, into postgresql-18-dev
use strict;
use warnings;
use POSIX ();
use Test::More;
use Time::HiRes qw(time);
use Dts::Env qw(poll_until);
use Dts::Session;
use Dts::Task qw(server_pair);

my $mariadb = ($ENV{DTS_KIND} // 'mariadb') =~ /^mariadb/;
my ($my, $pg) = server_pair(preload => 0);
my $json = ($ENV{DTS_KIND} // '') eq 'mysql-5.6' ? 'text' : 'json';
$my->sql('GRANT INSERT, UPDATE, DELETE ON *.* TO mig');
$my->sql(<<"END");
CREATE DATABASE shop DEFAULT CHARACTER SET utf8mb4; USE shop;
CREATE TABLE items (id int NOT NULL AUTO_INCREMENT PRIMARY KEY, name varchar(40) NOT NULL DEFAULT 'new', n int NULL DEFAULT 7, made datetime NOT NULL DEFAULT CURRENT_TIMESTAMP, note text, UNIQUE (name, n)) ENGINE = InnoDB;
CREATE TABLE parts (item int NOT NULL, n int NOT NULL, qty int NOT NULL DEFAULT 1, PRIMARY KEY (item, n), CONSTRAINT of_item FOREIGN KEY (item) REFERENCES items (id)) ENGINE = InnoDB;
CREATE TABLE keyless (a int, b varchar(20)) ENGINE = InnoDB;
CREATE TABLE mine (id int PRIMARY KEY, v text) ENGINE = MyISAM;
CREATE TABLE texts (k varchar(20) PRIMARY KEY, v varchar(20)) ENGINE = InnoDB;
CREATE TABLE gen (id int PRIMARY KEY, a int NOT NULL, up timestamp NULL) ENGINE = InnoDB;
CREATE TRIGGER gen_bi BEFORE INSERT ON gen FOR EACH ROW SET NEW.a = NEW.a + 100;
CREATE TABLE types (id bigint NOT NULL PRIMARY KEY, t1 tinyint, t2 smallint unsigned, t3 mediumint, t4 int unsigned, t5 bigint, t6 bigint unsigned, f float, d double, de decimal(30,10), b bit(10), c char(10), v varchar(100), tx mediumtext, bi binary(3), vb varbinary(20), bl longblob,
  da date, dt datetime(6), ts timestamp(3) NULL, ti time(6), y year, e enum('a','B','c d','3'), s set('x','y','z'), j $json, g geometry, p point) ENGINE = InnoDB;
CREATE TABLE types2 LIKE types;
CREATE TABLE many (id int PRIMARY KEY, v varchar(100)) ENGINE = InnoDB;
END
$my->sql(q{USE shop; SET sql_mode = '';
INSERT INTO types VALUES (1, -128, 65535, -8388608, 4294967295, -9223372036854775808, 18446744073709551615, 3.4e38, 2.2250738585072014e-308, 12345678901234567890.0123456789, b'1000000001', 'x', 'a''b\\\\c', 'é😀', 0x010203, 0x00FF, 0x5C2700, '9999-12-31', '1000-01-01 00:00:00.000001', '2038-01-19 03:14:07.999', '-838:59:59', 2155, 'c d', 'x,z', '{"a":[1,2.5,"x"]}', ST_GeomFromText('LINESTRING(1 2,3 4)'), ST_GeomFromText('POINT(1.5 -2)')),
(2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
(3, 0, 0, 0, 0, 0, 0, 0, -0.1, 0, b'0', '', '', '', 0x000000, '', REPEAT('y', 3000), '0001-01-01', '9999-12-31 23:59:59.999999', '1971-01-01 00:00:01', '23:59:59.999999', 1901, '3', '', '[]', NULL, NULL);}
  =~ s/'c d', 'x,z', '\{"a":\[1,2.5,"x"\]\}'/'c d', 'x,z', '{"a":[1,2.5,"x"]}'/r);
$pg->sql($my->server_sql('src', dbname => 'shop'));
$pg->sql(q{CREATE SCHEMA f; IMPORT FOREIGN SCHEMA shop FROM SERVER src INTO f OPTIONS ("time" 'interval')});
sub inserts { return (split /\t/, $my->value("SHOW GLOBAL STATUS LIKE 'Com_insert'"))[1]; }
# one that stays, what it answers
sub session { return Dts::Session->new(end => '\echo %s', cmd => [ qw(stdbuf -oL), $pg->psql_cmd(undef, 'postgres', 0) ]); }
sub ask { my ($session, $sql) = @_; my ($out, $err) = $session->ask("\\set VERBOSITY verbose\n$sql", 60); return (($out // 'lost') . ($err // '')) =~ s/\n\z//r; }
sub remote { return join "\n", $pg->sql("EXPLAIN (VERBOSE, COSTS OFF) $_[0]") =~ /Remote SQL: (.*)/g; }

# --- INSERT
$pg->sql("INSERT INTO f.items (id, name, n) VALUES (1, 'one', 1), (2, 'it''s \\\\ back', NULL)");
is($my->sql('SELECT id, name, n, note FROM shop.items ORDER BY id'), "1\tone\t1\tNULL\n2\tit's \\\\\\\\ back\tNULL\tNULL", 'INSERT');
is($pg->sql("INSERT INTO f.items (note) VALUES ('x') RETURNING id, name, n, made > now() - interval '2 days', note"), '3|new|7|t|x', 'RETURNING has the defaults of the source');
is($pg->sql('INSERT INTO f.parts (item, n) VALUES (1, 1), (1, 2) RETURNING *'), "1|1|1\n1|2|1", 'rows of a key of two columns');
like($pg->error('INSERT INTO f.parts (item, n) VALUES (99, 1)'), qr/23503/, 'a foreign key of the source');
like($pg->error("INSERT INTO f.items (id, name) VALUES (1, 'x')"), qr/23505/, 'a row that is there');
is($pg->sql("INSERT INTO f.items (id, name) VALUES (1, 'x'), (4, 'four'), (2, 'y') ON CONFLICT DO NOTHING RETURNING id"), '4', 'ON CONFLICT DO NOTHING');
like($pg->error("INSERT INTO f.items (id, name, n) VALUES (10, NULL, 1) ON CONFLICT DO NOTHING"), qr/23502.*Leave the column out/s, '… hides nothing else');
like($pg->error("INSERT INTO f.items (id, name) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET name = 'z'"), qr/42P10/, 'ON CONFLICT DO UPDATE');
like($pg->error("INSERT INTO f.items (id, name) VALUES (10, repeat('x', 41))"), qr/22001/, 'a text that is too long');
$pg->sql("INSERT INTO f.keyless VALUES (1, 'a'), (2, 'b')");
like($pg->error("INSERT INTO f.keyless VALUES (3, 'c') RETURNING *"), qr/0A000: a row of table .* its key is not known/, 'RETURNING without a key');
is($pg->sql('INSERT INTO f.gen (id, a) VALUES (1, 5) RETURNING a'), '105', 'RETURNING has what a trigger of the source made of it');
like(remote("INSERT INTO f.items (name, n) VALUES ('x', 1)"), qr/^INSERT INTO `shop`\.`items` \(`name`, `n`\) VALUES \(\?, \?\)$/, 'EXPLAIN shows the statement');
my $before = inserts();
$pg->sql("INSERT INTO f.many SELECT g, repeat('x', g % 100) FROM generate_series(1, 2500) g");
is(inserts() - $before, 25, 'rows go by batch_size');
is($my->sql('SELECT COUNT(*), SUM(id), SUM(LENGTH(v)) FROM shop.many'), "2500\t3126250\t123750", 'all of them');
$pg->sql("ALTER FOREIGN TABLE f.many OPTIONS (ADD batch_size '10000')");
$pg->sql("BEGIN; INSERT INTO f.many SELECT g, repeat('y', 100) FROM generate_series(3001, 23000) g; SELECT count(*) FROM f.many; ROLLBACK");
is($my->value('SELECT COUNT(*) FROM shop.many'), '2500', 'ROLLBACK');
is(($pg->psql("COPY f.many FROM STDIN;\n30001\tcopied\n30002\t\\N\n\\.\n"))[0], 0, 'COPY');
is($pg->sql('SELECT * FROM f.many WHERE id > 30000 ORDER BY id'), "30001|copied\n30002|", 'its rows');

# --- UPDATE, DELETE
$pg->sql("UPDATE f.items SET name = name || '!', n = n + 1 WHERE id <= 2");
is($my->sql('SELECT id, name, n FROM shop.items WHERE id <= 2 ORDER BY id'), "1\tone!\t2\n2\tit's \\\\\\\\ back!\tNULL", 'UPDATE');
is($pg->sql("UPDATE f.items i SET n = v.n FROM (VALUES (1, 11), (2, 12)) v(id, n) WHERE i.id = v.id RETURNING i.id, i.n, i.name"), "1|11|one!\n2|12|it's \\\\ back!", 'UPDATE with a join, RETURNING');
is($pg->sql('UPDATE f.parts SET n = n + 10 WHERE item = 1 RETURNING n, qty'), "11|1\n12|1", 'of a key');
is($pg->sql("UPDATE f.items SET n = n WHERE id = 1 RETURNING n"), '11', 'that changes nothing');
is($pg->sql('DELETE FROM f.parts WHERE n = 12 RETURNING *'), '1|12|1', 'DELETE RETURNING');
like($pg->error('DELETE FROM f.items WHERE id = 1'), qr/23503/, 'a row that others point to');
like($pg->error('DELETE FROM f.keyless'), qr/0A000: rows of foreign table "keyless" cannot be updated or deleted: they have no key.*HINT:\s+ALTER FOREIGN TABLE keyless ALTER COLUMN/s, 'no key');
$pg->sql("ALTER FOREIGN TABLE f.keyless ALTER a OPTIONS (ADD key 'true')");
is($pg->sql("UPDATE f.keyless SET b = 'z' WHERE a = 2 RETURNING *"), '2|z', 'option key');
$my->sql("INSERT INTO shop.keyless VALUES (2, 'twice')");
like($pg->error("UPDATE f.keyless SET b = 'q' WHERE a = 2"), qr/21000: more than one row/, 'that is none');
is($my->value("SELECT COUNT(*) FROM shop.keyless WHERE b = 'q'"), '0', 'nothing is changed then');
like(remote("UPDATE f.items SET name = 'x' WHERE id = 3"), qr/^UPDATE `shop`\.`items` SET `name` = \? WHERE `id` = \?\nSELECT .* FOR UPDATE$/, 'EXPLAIN');
$my->sql("INSERT INTO shop.texts VALUES ('a', '1'), ('b', '2')");
$pg->sql("UPDATE f.texts SET v = 'x' WHERE k = 'a'; DELETE FROM f.texts WHERE k = 'b'");
is($my->sql('SELECT * FROM shop.texts'), "a\tx", 'a text as key');
like($pg->error("INSERT INTO f.mine VALUES (1, 'x')"), qr/0A000.*has no transactions/s, 'an engine without transactions');
is($pg->sql(q{CREATE FUNCTION up() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.note := ''by trigger''; RETURN NEW; END'; CREATE TRIGGER up BEFORE INSERT OR UPDATE ON f.items FOR EACH ROW EXECUTE FUNCTION up();
  UPDATE f.items SET n = 20 WHERE id = 3; INSERT INTO f.items (id) VALUES (20); SELECT id, n, note, name FROM f.items WHERE note IS NOT NULL ORDER BY 1}), "3|20|by trigger|new\n20|7|by trigger|new", 'triggers here') or 1;
$pg->sql('DROP TRIGGER up ON f.items');
is($pg->sql(q{CREATE VIEW small AS SELECT * FROM f.items WHERE n < 100 WITH CHECK OPTION; UPDATE small SET n = 30 WHERE id = 3; SELECT n FROM f.items WHERE id = 3}), '30', 'a view');
like($pg->error('UPDATE small SET n = 200 WHERE id = 3'), qr/44000/, 'and its check');

# --- every type back again
$pg->sql('ALTER FOREIGN TABLE f.types2 ALTER e TYPE f.types_e');
$pg->sql('INSERT INTO f.types2 SELECT * FROM f.types');
is($my->sql('SELECT (SELECT GROUP_CONCAT(id) FROM shop.types), CONCAT_WS(" ", ' . join(', ', map { "SUM(NOT (a.$_ <=> b.$_) OR NOT (HEX(a.$_) <=> HEX(b.$_)))" } qw(t1 t2 t3 t4 t5 t6 f d de b c v tx bi vb bl da dt ts ti y e s g p)) . ') FROM shop.types a JOIN shop.types2 b ON a.id = b.id'),
    "1,2,3\t" . join(' ', (0) x 25), 'what was read, written again, is the same');
is($my->sql('SELECT SUM(NOT (CAST(a.j AS CHAR) <=> CAST(b.j AS CHAR))) FROM shop.types a JOIN shop.types2 b ON a.id = b.id'), $mariadb ? '1' : '0', 'JSON, but for its blanks');
is($pg->sql('SELECT count(*) FROM (TABLE f.types EXCEPT TABLE f.types2) x') . $pg->sql('SELECT count(*) FROM (TABLE f.types2 EXCEPT TABLE f.types) x'), '00', 'as read');
$pg->sql('UPDATE f.types2 b SET (t1,t2,t3,t4,t5,t6,f,d,de,b,c,v,tx,bi,vb,bl,da,dt,ts,ti,y,e,s,j,g,p) = (SELECT t1,t2,t3,t4,t5,t6,f,d,de,b,c,v,tx,bi,vb,bl,da,dt,ts,ti,y,e,s,j,g,p FROM f.types a WHERE a.id = 4 - b.id)');
is($pg->sql('SELECT count(*) FROM (SELECT 4 - id, t6, d, b, v, bl, dt, ti, e, s, j, p FROM f.types EXCEPT SELECT id, t6, d, b, v, bl, dt, ti, e, s, j, p FROM f.types2) x'), '0', 'by UPDATE');
like($pg->error("UPDATE f.types2 SET ti = interval '1 month' WHERE id = 1"), qr/22008.*cannot hold an interval of months/, 'an interval that is none of TIME');
like($pg->error("UPDATE f.types2 SET s = '{q}' WHERE id = 1"), qr/22|01000|HY/, 'no label of SET');
$pg->sql("CREATE FOREIGN TABLE f.loose (id bigint, de numeric, da text, t2 int, ti time) SERVER src OPTIONS (table_name 'types2', schema_name 'shop')");
like($pg->error("UPDATE f.loose SET de = 1.00000000001 WHERE id = 1"), qr/22000: server "src" would not store a value as it is/, 'a number that would be rounded');
like($pg->error("UPDATE f.loose SET da = '2024-02-30' WHERE id = 1"), qr/22007|22000/, 'no date');
like($pg->error("UPDATE f.loose SET t2 = -1 WHERE id = 1"), qr/22003/, 'a number out of range');

# --- transactions
is($pg->sql(q{BEGIN; INSERT INTO f.items (id, name) VALUES (100, 'h'); SELECT count(*) FROM f.items WHERE id >= 100; SAVEPOINT a; INSERT INTO f.items (id, name) VALUES (101, 'i'); SAVEPOINT b; DELETE FROM f.items WHERE id = 100; SELECT count(*) FROM f.items WHERE id >= 100; ROLLBACK TO b; SELECT count(*) FROM f.items WHERE id >= 100;
  ROLLBACK TO a; INSERT INTO f.items (id, name) VALUES (102, 'j'); RELEASE a; SELECT string_agg(id::text, ',' ORDER BY id) FROM f.items WHERE id >= 100; COMMIT}), "1\n1\n2\n100,102", 'a transaction sees its own writes; savepoints');
is($my->value('SELECT GROUP_CONCAT(id ORDER BY id) FROM shop.items WHERE id >= 100'), '100,102', 'and what they left');
is($pg->sql(q{DO $$ BEGIN FOR i IN 1 .. 6 LOOP BEGIN INSERT INTO f.items (id, name, n) VALUES (199 + i, 'k', i / 2); IF i = 5 THEN RAISE EXCEPTION 'no'; END IF; EXCEPTION WHEN unique_violation OR raise_exception THEN NULL; END; END LOOP; END $$; SELECT string_agg(id::text, ',' ORDER BY id) FROM f.items WHERE id >= 200}), '200,201,203,205', 'errors within subtransactions');
$pg->error("BEGIN; INSERT INTO f.items (id, name) VALUES (300, 'l'); SELECT 1 / 0; COMMIT");
$pg->error("INSERT INTO f.items (id, name) SELECT g, 'm' || (2 / (305 - g)) FROM generate_series(301, 306) g");
is($my->value('SELECT COUNT(*) FROM shop.items WHERE id >= 300'), '0', 'what is rolled back here is rolled back there');
is($pg->sql("BEGIN; DECLARE c CURSOR FOR SELECT id FROM f.many WHERE id <= 2500 ORDER BY id; FETCH 1 FROM c; UPDATE f.many SET v = 'u' WHERE id <= 3; FETCH 1 FROM c; SELECT count(*) FROM f.many WHERE v = 'u'; COMMIT"), "1\n2\n3", 'a cursor over a table that is written to');
is($pg->sql('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM f.texts; SELECT dtsmig.disconnect_all(); COMMIT') =~ s/f\z/f/r, "1\nf", 'a connection in use stays');
my ($reader, $other) = (session(), session());
ask($reader, 'BEGIN ISOLATION LEVEL REPEATABLE READ');
is(ask($reader, 'SELECT v FROM f.texts'), 'x', 'a transaction of one snapshot');
ask($other, "UPDATE f.texts SET v = 'y'");
is(ask($reader, 'SELECT v FROM f.texts'), 'x', 'keeps it');
ask($reader, "INSERT INTO f.texts VALUES ('n', 'n')");
is(ask($reader, "SELECT v FROM f.texts WHERE k = 'a'"), 'x', 'when it writes');
ask($reader, 'COMMIT');
is(ask($reader, "SELECT v FROM f.texts WHERE k = 'a'"), 'y', 'and no longer');
# a row that is locked
ask($other, 'BEGIN');
is(ask($other, "SELECT v FROM f.texts WHERE k = 'a' FOR UPDATE"), 'y', 'FOR UPDATE');
my $began = time;
like($pg->error("SET statement_timeout = 700; UPDATE f.texts SET v = 'z' WHERE k = 'a'"), qr/57014/, 'locks the row at the source; a cancel ends the wait');
like($pg->error("SET statement_timeout = 700; INSERT INTO f.texts VALUES ('a', 'dup')"), qr/57014/, 'that of an INSERT, too');
cmp_ok(time - $began, '<', 5, 'at once');
ok(poll_until(sub { $my->value("SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'INSERT INTO%dup%'") == 0 }), 'and the statement at the source is ended');
ask($other, 'COMMIT');
like($pg->error("BEGIN; UPDATE f.texts SET v = 'q'; PREPARE TRANSACTION 'x'"), qr/0A000|55000/, 'no two-phase commit');
# a deadlock ends the transaction there
ask($other, 'BEGIN');
ask($other, "UPDATE f.many SET v = 'd' WHERE id = 1");
my $dead = fork;
if (!$dead)
{
    $pg->psql("BEGIN; UPDATE f.many SET v = 'e' WHERE id BETWEEN 2 AND 500; UPDATE f.many SET v = 'e' WHERE id = 1; ROLLBACK");
    POSIX::_exit(0);
}
ok(poll_until(sub { $my->value("SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'") > 0 }, 30, 0.3), 'somebody waits');
my $error = ask($other, 'DO $$ BEGIN UPDATE f.many SET v = \'d\' WHERE id = 2; EXCEPTION WHEN OTHERS THEN RAISE WARNING \'%\', sqlstate; END $$') . ask($other, 'COMMIT');
like($error, qr/40P01.*2D000: the transaction at server "src" has ended before/s, 'a deadlock that is caught does not let the rest be committed');
ask($other, 'ROLLBACK');
waitpid $dead, 0;

# --- TRUNCATE
$pg->sql('INSERT INTO f.many VALUES (40000, NULL) ON CONFLICT DO NOTHING; BEGIN; TRUNCATE f.many; SELECT count(*) FROM f.many; ROLLBACK');
cmp_ok($my->value('SELECT COUNT(*) FROM shop.many'), '>', 2500, 'TRUNCATE can be rolled back');
like($pg->error('TRUNCATE f.items'), qr/0A000: cannot truncate table "shop"\."items": table shop\.parts has a foreign key/, 'not a table that others reference');
like($pg->error('TRUNCATE f.many RESTART IDENTITY'), qr/0A000/, 'nor its counter');
$pg->sql('TRUNCATE f.items, f.parts, f.many');
is($my->value('SELECT (SELECT COUNT(*) FROM shop.items) + (SELECT COUNT(*) FROM shop.parts) + (SELECT COUNT(*) FROM shop.many)'), '0', 'with them');
like($pg->error("BEGIN; TRUNCATE f.parts, f.items; INSERT INTO f.parts (item, n) VALUES (5, 5)"), qr/23503/, 'foreign keys are on again');

# --- options
like($pg->error("ALTER FOREIGN TABLE f.texts OPTIONS (ADD batch_size '0')"), qr/HV024/, 'no batch_size');
like($pg->error("ALTER FOREIGN TABLE f.texts OPTIONS (ADD updatable 'perhaps')"), qr/42601|HV024/, 'no flag');
$pg->sql("ALTER FOREIGN TABLE f.texts OPTIONS (ADD updatable 'false', ADD truncatable 'false')");
like($pg->error("INSERT INTO f.texts VALUES ('q', 'q')"), qr/55000: foreign table "texts" does not allow inserts/, 'updatable');
like($pg->error('DELETE FROM f.texts'), qr/55000/, 'of a DELETE');
like($pg->error('TRUNCATE f.texts'), qr/55000: foreign table "texts" does not allow truncates/, 'truncatable');
$pg->sql("ALTER FOREIGN TABLE f.texts OPTIONS (SET updatable 'true'); ALTER SERVER src OPTIONS (ADD updatable 'false')");
like($pg->error("INSERT INTO f.keyless VALUES (9, 'q')"), qr/55000/, 'of the server');
$pg->sql("INSERT INTO f.texts VALUES ('q', 'q')");
is($my->value("SELECT v FROM shop.texts WHERE k = 'q'"), 'q', 'the table has the last word');
$pg->sql('ALTER SERVER src OPTIONS (DROP updatable)');

# --- rights
$pg->sql("CREATE ROLE writer LOGIN; GRANT USAGE ON SCHEMA f TO writer; GRANT SELECT ON f.texts TO writer; CREATE VIEW seen AS SELECT * FROM f.texts; GRANT SELECT, INSERT ON seen TO writer");
like($pg->error("INSERT INTO f.texts VALUES ('w', 'w')", role => 'writer'), qr/42501/, 'INSERT is a privilege');
$pg->sql('GRANT INSERT ON f.texts TO writer');
like($pg->error("INSERT INTO f.texts VALUES ('w', 'w')", role => 'writer'), qr/42501: permission denied for foreign server/, 'so is USAGE of the server');
$pg->sql("INSERT INTO seen VALUES ('w', 'w')", role => 'writer');
is($my->value("SELECT v FROM shop.texts WHERE k = 'w'"), 'w', "through a view its owner's mapping is used");
done_testing();
