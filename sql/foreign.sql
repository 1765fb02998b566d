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

CREATE SCHEMA origin;
CREATE TYPE origin.mood AS ENUM ('sad', 'ok', 'happy');
CREATE TABLE origin.people (id int PRIMARY KEY, name text NOT NULL, mood origin.mood,
    born date, boss int, note text DEFAULT 'none');
CREATE TABLE origin.orders (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person int NOT NULL, n smallint DEFAULT 1 CHECK (n < 100), twice int GENERATED ALWAYS AS (n * 2) STORED);
CREATE TABLE origin.log (t text, at int);
CREATE VIEW origin.looks AS SELECT 1 AS one;
INSERT INTO origin.people SELECT g, 'p' || g, (ARRAY['sad', 'ok', 'happy', NULL])[g % 4 + 1]::origin.mood,
    '2000-01-01'::date + g, NULLIF(g / 10, 0) FROM generate_series(1, 100) g;
INSERT INTO origin.orders (person, n) SELECT g % 50, g % 90 FROM generate_series(1, 200) g;

-- options
CREATE FOREIGN TABLE bad (a int) SERVER loopback OPTIONS (relname 'x');
CREATE FOREIGN TABLE bad (a int) SERVER loopback OPTIONS (batch_size 'many');
CREATE FOREIGN TABLE bad (a int OPTIONS (key 'so')) SERVER loopback;
CREATE FOREIGN TABLE bad (a int) SERVER loopback OPTIONS (updatable 'so');
ALTER SERVER loopback OPTIONS (ADD nonsense 'x');
ALTER SERVER loopback OPTIONS (ADD batch_size '0');

-- import
CREATE SCHEMA seen;
IMPORT FOREIGN SCHEMA origin EXCEPT (log) FROM SERVER loopback INTO seen;
\d seen.*
IMPORT FOREIGN SCHEMA origin LIMIT TO (log) FROM SERVER loopback INTO seen OPTIONS (import_not_null 'false');
IMPORT FOREIGN SCHEMA nowhere FROM SERVER loopback INTO seen;
IMPORT FOREIGN SCHEMA origin FROM SERVER loopback INTO seen OPTIONS (wrong 'x');

-- reading
SELECT * FROM seen.people WHERE id IN (1, 2, 3) ORDER BY id;
SELECT count(*) FROM seen.people p JOIN seen.orders o ON o.person = p.id;
TABLE seen.people EXCEPT TABLE origin.people;
TABLE origin.people EXCEPT TABLE seen.people;
SELECT * FROM explained('SELECT name FROM seen.people WHERE id > 10 AND mood = ''ok''');
SELECT * FROM explained('SELECT name FROM seen.people WHERE id > 10 AND upper(name) = ''P11'' LIMIT 1');
SELECT * FROM explained('SELECT id FROM seen.people WHERE born IS NOT NULL ORDER BY id DESC LIMIT 3 OFFSET 2');
SELECT * FROM explained('SELECT count(*), min(id), max(boss) FROM seen.people WHERE id <> 5');
SELECT * FROM explained('SELECT name FROM seen.people ORDER BY name LIMIT 1');
SELECT count(*), min(id), max(boss) FROM seen.people WHERE id <> 5;
SELECT * FROM explained('SELECT p.name, o.n FROM seen.people p JOIN seen.orders o ON o.person = p.id WHERE p.id < 3');
SELECT p.name, p.mood, o.n, o.twice FROM seen.people p JOIN seen.orders o ON o.person = p.id WHERE p.id < 3 ORDER BY 1, 3;
ALTER SERVER loopback OPTIONS (ADD async_capable 'true');
SELECT * FROM explained('SELECT id FROM seen.people UNION ALL SELECT person FROM seen.orders');
SELECT count(*), sum(id) FROM (SELECT id FROM seen.people UNION ALL SELECT person FROM seen.orders) x;
ALTER SERVER loopback OPTIONS (DROP async_capable);
PREPARE one (int) AS SELECT name FROM seen.people WHERE id = $1;
EXECUTE one (7);
EXECUTE one (8);
DEALLOCATE one;
SELECT p.name, (SELECT sum(o.n) FROM seen.orders o WHERE o.person = p.id) FROM seen.people p WHERE p.id < 3 ORDER BY 1;

-- writing
INSERT INTO seen.people (id, name) VALUES (201, 'new'), (202, 'newer') RETURNING *;
INSERT INTO seen.orders (person) VALUES (201) RETURNING person, n, twice;
INSERT INTO seen.people (id, name) VALUES (201, 'again');
INSERT INTO seen.people (id, name) VALUES (201, 'again'), (203, 'newest') ON CONFLICT DO NOTHING RETURNING id;
INSERT INTO seen.people (id, name) VALUES (201, 'again') ON CONFLICT (id) DO UPDATE SET name = 'x';
INSERT INTO seen.orders (person, n) VALUES (1, 100);
INSERT INTO seen.orders (id, person) VALUES (1, 1);
UPDATE seen.people SET mood = 'happy', name = name || '!' WHERE id > 200 RETURNING id, name, mood;
UPDATE seen.people p SET note = o.n::text FROM seen.orders o WHERE o.person = p.id AND p.id = 201 RETURNING p.note;
DELETE FROM seen.people WHERE id = 202 RETURNING name;
DELETE FROM seen.log;
ALTER FOREIGN TABLE seen.log ALTER COLUMN at OPTIONS (ADD key 'true');
INSERT INTO seen.log VALUES ('a', 1), ('b', 2);
DELETE FROM seen.log WHERE at = 1;
UPDATE seen.log SET t = 'c' WHERE at = 2;
TABLE origin.log;
SELECT * FROM explained('INSERT INTO seen.people (id, name) VALUES (1, ''x'')');
SELECT * FROM explained('UPDATE seen.people SET name = ''x'' WHERE id = 1');
SELECT * FROM explained('DELETE FROM seen.people WHERE id = 1 RETURNING name');
SELECT * FROM explained('SELECT id FROM seen.people WHERE id = 1 FOR SHARE');
COPY seen.log FROM stdin WITH (FORMAT csv);
d,4
"",5
\.
SELECT * FROM seen.log ORDER BY at;
TRUNCATE seen.log;
TABLE origin.log;
CREATE VIEW seen.sad AS SELECT id, mood FROM seen.people WHERE mood = 'sad' WITH CHECK OPTION;
UPDATE seen.sad SET mood = 'ok' WHERE id = 4;

-- transactions
BEGIN;
INSERT INTO seen.people (id, name) VALUES (301, 'first');
SAVEPOINT a;
INSERT INTO seen.people (id, name) VALUES (302, 'second');
SELECT count(*) FROM seen.people WHERE id > 300;
ROLLBACK TO a;
SELECT count(*) FROM seen.people WHERE id > 300;
INSERT INTO seen.people (id, name) VALUES (301, 'twice');
ROLLBACK TO a;
INSERT INTO seen.people (id, name) VALUES (303, 'third');
SELECT server, in_transaction, valid FROM dtsmig.connections();
COMMIT;
SELECT id FROM origin.people WHERE id > 300 ORDER BY id;
BEGIN;
DELETE FROM seen.people;
SELECT count(*) FROM seen.people;
ROLLBACK;
SELECT count(*) FROM origin.people;
BEGIN;
UPDATE seen.people SET name = 'x' WHERE id = 301;
PREPARE TRANSACTION 'foreign';
SELECT server, in_transaction, valid FROM dtsmig.connections();
SELECT dtsmig.disconnect('loopback');
SELECT dtsmig.disconnect('none');

-- what has changed, or is not as it was said
ALTER TABLE origin.people DROP COLUMN note;
SELECT count(note) FROM seen.people;
ALTER FOREIGN TABLE seen.people DROP COLUMN note;
SELECT count(*) FROM seen.people;
CREATE FOREIGN TABLE seen.looks (one int) SERVER loopback OPTIONS (schema_name 'origin');
SELECT * FROM seen.looks;
CREATE FOREIGN TABLE seen.wrong (id int, name int) SERVER loopback OPTIONS (schema_name 'origin', table_name 'people');
SELECT name FROM seen.wrong;
SELECT id FROM seen.wrong WHERE id = 1;
ALTER FOREIGN TABLE seen.orders OPTIONS (ADD updatable 'false', ADD truncatable 'false');
DELETE FROM seen.orders;
TRUNCATE seen.orders;

-- cancel
SET statement_timeout = '300ms';
SELECT count(*) FROM seen.people a, seen.people b, seen.people c, seen.people d WHERE a.name || b.name <> c.name || d.name;
RESET statement_timeout;
SELECT count(*) FROM seen.orders;

-- privileges
CREATE ROLE regress_dtsmig_reader;
GRANT USAGE ON SCHEMA seen TO regress_dtsmig_reader;
GRANT SELECT, INSERT ON seen.people TO regress_dtsmig_reader;
CREATE VIEW seen.names AS SELECT id, name FROM seen.people;
GRANT SELECT, INSERT ON seen.names TO regress_dtsmig_reader;
SET ROLE regress_dtsmig_reader;
SELECT count(*) FROM seen.people;
SELECT count(*) FROM seen.names;
INSERT INTO seen.names VALUES (401, 'by the owner');
DELETE FROM seen.people;
RESET ROLE;
GRANT USAGE ON FOREIGN SERVER loopback TO regress_dtsmig_reader;
SET ROLE regress_dtsmig_reader;
\set VERBOSITY sqlstate
SELECT count(*) FROM seen.people;
\set VERBOSITY terse
CREATE USER MAPPING FOR regress_dtsmig_reader SERVER loopback OPTIONS (user 'regress_dtsmig_reader', ssl_cert '/tmp/x');
RESET ROLE;

DROP OWNED BY regress_dtsmig_reader;
DROP ROLE regress_dtsmig_reader;
DROP SCHEMA seen CASCADE;
DROP SCHEMA origin CASCADE;
DROP SERVER loopback CASCADE;
DROP FUNCTION explained(text);
