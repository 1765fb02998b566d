-- Foreign tables, over a server that is this one: options, import, push-down,
-- writing, transactions, errors, privileges, cancel. Other sources:
-- test/t/*/foreign*.pl.
\set VERBOSITY terse
SET client_min_messages = warning;
DO $$
BEGIN
    EXECUTE format('CREATE SERVER loopback TYPE ''postgresql'' FOREIGN DATA WRAPPER dtsmig_fdw OPTIONS (host %L, port %L, dbname %L)',
        COALESCE(NULLIF(trim(split_part(current_setting('unix_socket_directories'), ',', 1)), ''), '127.0.0.1'),
        current_setting('port'), current_database());
    EXECUTE format('CREATE USER MAPPING FOR CURRENT_USER SERVER loopback OPTIONS (user %L)', current_user);
END
$$;
-- What a plan says of the other server.
CREATE FUNCTION explained(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (VERBOSE, COSTS OFF) ' || query LOOP
        IF line ~ '^\s*(->\s+)?(Foreign|Async|Remote|Relations|Batch|Insert|Update|Delete)' THEN
            RETURN NEXT regexp_replace(trim(line), '^->\s+', '');
        END IF;
    END LOOP;
END
$$;

CREATE SCHEMA there;
CREATE TYPE there.mood AS ENUM ('sad', 'ok', 'happy');
CREATE TABLE there.people (id int PRIMARY KEY, name text NOT NULL, mood there.mood,
    born date, boss int, note text DEFAULT 'none');
CREATE TABLE there.orders (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person int NOT NULL, n smallint DEFAULT 1 CHECK (n < 100), twice int GENERATED ALWAYS AS (n * 2) STORED);
CREATE TABLE there.log (t text, at int);
CREATE VIEW there.looks AS SELECT 1 AS one;
INSERT INTO there.people SELECT g, 'p' || g, (ARRAY['sad', 'ok', 'happy', NULL])[g % 4 + 1]::there.mood,
    '2000-01-01'::date + g, NULLIF(g / 10, 0) FROM generate_series(1, 100) g;
INSERT INTO there.orders (person, n) SELECT g % 50, g % 90 FROM generate_series(1, 200) g;

-- options
CREATE FOREIGN TABLE bad (a int) SERVER loopback OPTIONS (relname 'x');
CREATE FOREIGN TABLE bad (a int) SERVER loopback OPTIONS (batch_size 'many');
CREATE FOREIGN TABLE bad (a int OPTIONS (key 'so')) SERVER loopback;
CREATE FOREIGN TABLE bad (a int) SERVER loopback OPTIONS (updatable 'so');
ALTER SERVER loopback OPTIONS (ADD nonsense 'x');
ALTER SERVER loopback OPTIONS (ADD batch_size '0');

-- import
CREATE SCHEMA here;
IMPORT FOREIGN SCHEMA there EXCEPT (log) FROM SERVER loopback INTO here;
\d here.*
IMPORT FOREIGN SCHEMA there LIMIT TO (log) FROM SERVER loopback INTO here OPTIONS (import_not_null 'false');
IMPORT FOREIGN SCHEMA nowhere FROM SERVER loopback INTO here;
IMPORT FOREIGN SCHEMA there FROM SERVER loopback INTO here OPTIONS (wrong 'x');

-- reading
SELECT * FROM here.people WHERE id IN (1, 2, 3) ORDER BY id;
SELECT count(*) FROM here.people p JOIN here.orders o ON o.person = p.id;
TABLE here.people EXCEPT TABLE there.people;
TABLE there.people EXCEPT TABLE here.people;
SELECT * FROM explained('SELECT name FROM here.people WHERE id > 10 AND mood = ''ok''');
SELECT * FROM explained('SELECT name FROM here.people WHERE id > 10 AND upper(name) = ''P11'' LIMIT 1');
SELECT * FROM explained('SELECT id FROM here.people WHERE born IS NOT NULL ORDER BY id DESC LIMIT 3 OFFSET 2');
SELECT * FROM explained('SELECT count(*), min(id), max(boss) FROM here.people WHERE id <> 5');
SELECT * FROM explained('SELECT name FROM here.people ORDER BY name LIMIT 1');
SELECT count(*), min(id), max(boss) FROM here.people WHERE id <> 5;
PREPARE one (int) AS SELECT name FROM here.people WHERE id = $1;
EXECUTE one (7);
EXECUTE one (8);
DEALLOCATE one;
SELECT p.name, (SELECT sum(o.n) FROM here.orders o WHERE o.person = p.id) FROM here.people p WHERE p.id < 3 ORDER BY 1;

-- writing
INSERT INTO here.people (id, name) VALUES (201, 'new'), (202, 'newer') RETURNING *;
INSERT INTO here.orders (person) VALUES (201) RETURNING person, n, twice;
INSERT INTO here.people (id, name) VALUES (201, 'again');
INSERT INTO here.people (id, name) VALUES (201, 'again'), (203, 'newest') ON CONFLICT DO NOTHING RETURNING id;
INSERT INTO here.people (id, name) VALUES (201, 'again') ON CONFLICT (id) DO UPDATE SET name = 'x';
INSERT INTO here.orders (person, n) VALUES (1, 100);
INSERT INTO here.orders (id, person) VALUES (1, 1);
UPDATE here.people SET mood = 'happy', name = name || '!' WHERE id > 200 RETURNING id, name, mood;
UPDATE here.people p SET note = o.n::text FROM here.orders o WHERE o.person = p.id AND p.id = 201 RETURNING p.note;
DELETE FROM here.people WHERE id = 202 RETURNING name;
DELETE FROM here.log;
ALTER FOREIGN TABLE here.log ALTER COLUMN at OPTIONS (ADD key 'true');
INSERT INTO here.log VALUES ('a', 1), ('b', 2);
DELETE FROM here.log WHERE at = 1;
UPDATE here.log SET t = 'c' WHERE at = 2;
TABLE there.log;
SELECT * FROM explained('INSERT INTO here.people (id, name) VALUES (1, ''x'')');
SELECT * FROM explained('UPDATE here.people SET name = ''x'' WHERE id = 1');
SELECT * FROM explained('DELETE FROM here.people WHERE id = 1 RETURNING name');
SELECT * FROM explained('SELECT id FROM here.people WHERE id = 1 FOR SHARE');
COPY here.log FROM stdin WITH (FORMAT csv);
d,4
"",5
\.
SELECT * FROM here.log ORDER BY at;
TRUNCATE here.log;
TABLE there.log;
CREATE VIEW here.sad AS SELECT id, mood FROM here.people WHERE mood = 'sad' WITH CHECK OPTION;
UPDATE here.sad SET mood = 'ok' WHERE id = 4;

-- transactions
BEGIN;
INSERT INTO here.people (id, name) VALUES (301, 'first');
SAVEPOINT a;
INSERT INTO here.people (id, name) VALUES (302, 'second');
SELECT count(*) FROM here.people WHERE id > 300;
ROLLBACK TO a;
SELECT count(*) FROM here.people WHERE id > 300;
INSERT INTO here.people (id, name) VALUES (301, 'twice');
ROLLBACK TO a;
INSERT INTO here.people (id, name) VALUES (303, 'third');
SELECT server, in_transaction, valid FROM dtsmig.connections();
COMMIT;
SELECT id FROM there.people WHERE id > 300 ORDER BY id;
BEGIN;
DELETE FROM here.people;
SELECT count(*) FROM here.people;
ROLLBACK;
SELECT count(*) FROM there.people;
BEGIN;
UPDATE here.people SET name = 'x' WHERE id = 301;
PREPARE TRANSACTION 'foreign';
SELECT server, in_transaction, valid FROM dtsmig.connections();
SELECT dtsmig.disconnect('loopback');
SELECT dtsmig.disconnect('none');

-- what has changed, or is not as it was said
ALTER TABLE there.people DROP COLUMN note;
SELECT count(note) FROM here.people;
ALTER FOREIGN TABLE here.people DROP COLUMN note;
SELECT count(*) FROM here.people;
CREATE FOREIGN TABLE here.looks (one int) SERVER loopback OPTIONS (schema_name 'there');
SELECT * FROM here.looks;
CREATE FOREIGN TABLE here.wrong (id int, name int) SERVER loopback OPTIONS (schema_name 'there', table_name 'people');
SELECT name FROM here.wrong;
SELECT id FROM here.wrong WHERE id = 1;
ALTER FOREIGN TABLE here.orders OPTIONS (ADD updatable 'false', ADD truncatable 'false');
DELETE FROM here.orders;
TRUNCATE here.orders;

-- cancel
SET statement_timeout = '300ms';
SELECT count(*) FROM here.people a, here.people b, here.people c, here.people d WHERE a.name || b.name <> c.name || d.name;
RESET statement_timeout;
SELECT count(*) FROM here.orders;

-- privileges
CREATE ROLE regress_dtsmig_reader;
GRANT USAGE ON SCHEMA here TO regress_dtsmig_reader;
GRANT SELECT, INSERT ON here.people TO regress_dtsmig_reader;
CREATE VIEW here.names AS SELECT id, name FROM here.people;
GRANT SELECT, INSERT ON here.names TO regress_dtsmig_reader;
SET ROLE regress_dtsmig_reader;
SELECT count(*) FROM here.people;
SELECT count(*) FROM here.names;
INSERT INTO here.names VALUES (401, 'by the owner');
DELETE FROM here.people;
RESET ROLE;
GRANT USAGE ON FOREIGN SERVER loopback TO regress_dtsmig_reader;
SET ROLE regress_dtsmig_reader;
\set VERBOSITY sqlstate
SELECT count(*) FROM here.people;
\set VERBOSITY terse
CREATE USER MAPPING FOR regress_dtsmig_reader SERVER loopback OPTIONS (user 'regress_dtsmig_reader', ssl_cert '/tmp/x');
RESET ROLE;

DROP OWNED BY regress_dtsmig_reader;
DROP ROLE regress_dtsmig_reader;
DROP SCHEMA here CASCADE;
DROP SCHEMA there CASCADE;
DROP SERVER loopback CASCADE;
DROP FUNCTION explained(text);
