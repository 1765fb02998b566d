# Schema of a PostgreSQL source in MySQL and MariaDB: tables, keys, indexes, foreign
# keys and AUTO_INCREMENT as the destination itself says they are, each row of the
# type map, odd names, and every loss as a row of preview_schema.
#
# dts-runs: mariadb, mysql-5.6, mysql-9.7
use strict;
use warnings;
use Test::More;
use Dts::MariaDB;
use Dts::PgSource qw(pg_pair);
use Dts::Task;

my ($src, $hub) = pg_pair();
my $dst = Dts::MariaDB->new->start;
my ($old, $new, $maria) = ($dst->{version} < 50700, !$dst->{mysql} || $dst->{version} >= 80023, !$dst->{mysql});
my $bin = $maria ? 'utf8mb4_nopad_bin' : $old ? 'utf8mb4_bin' : 'utf8mb4_0900_bin';

$src->sql(<<'END');
CREATE SCHEMA s;
CREATE TYPE s.mood AS ENUM ('sad', 'ok', 'it''s', 'back\slash');
CREATE TYPE s.blank AS ENUM ('a ', 'b');
CREATE TYPE s.pair AS (a integer, b text);
CREATE DOMAIN s.even AS integer DEFAULT 2 NOT NULL CHECK (VALUE % 2 = 0);
CREATE DOMAIN s.short AS varchar(7);
CREATE TABLE s.types (id integer PRIMARY KEY, i2 smallint, i4 integer, i8 bigint, n numeric, n52 numeric(5,2), n650 numeric(65,0), n100 numeric(100,50),
    r real, f double precision, b boolean, t text, v varchar, v20 varchar(20), c5 char(5), c300 char(300), bt bytea, d date, ti time, ti3 time(3), tz timetz,
    ts timestamp, ts0 timestamp(0), tstz timestamptz, iv interval, u uuid, j json, jb jsonb, ia integer[], ta text[], m s.mood, ma s.mood[], bl s.blank,
    p s.pair, e s.even, sh s.short, bit1 bit, bit64 bit(64), bit65 bit(65), vb varbit(70), ip inet, ci cidr, mac macaddr, ir int4range, nr numrange,
    x xml, tv tsvector, o oid, rc regclass, mo money, pt point, nm name, ch "char", lsn pg_lsn, x8 xid8);
CREATE TABLE s.defaults (id bigint GENERATED ALWAYS AS IDENTITY (START 1000) PRIMARY KEY, i integer DEFAULT 42, neg integer DEFAULT -1, n numeric(8,3) DEFAULT 1.5, f float8 DEFAULT 0.25,
    b boolean DEFAULT true NOT NULL, t text DEFAULT 'it''s \ "x"', v varchar(20) DEFAULT 'abc', c char(4) DEFAULT 'ab', bt bytea DEFAULT '\x00ff', d date DEFAULT '2020-02-29',
    ts timestamp DEFAULT '2020-01-02 03:04:05.678', tstz timestamptz DEFAULT '2020-01-02 00:30:00+02', now1 timestamp DEFAULT now(), now2 timestamptz DEFAULT CURRENT_TIMESTAMP, today date DEFAULT CURRENT_DATE,
    inf timestamp DEFAULT 'infinity', u uuid DEFAULT gen_random_uuid(), j jsonb DEFAULT '{"a": 1}', a integer[] DEFAULT '{1,2}', m s.mood DEFAULT 'it''s', nul integer DEFAULT NULL,
    ti time DEFAULT '12:34:56', bi bit(4) DEFAULT B'1010', ex integer DEFAULT (1 + 2) * 3, lost integer DEFAULT length(current_user), iv interval DEFAULT '1 day');
CREATE TABLE s.serials (a serial, b serial, k text PRIMARY KEY, n integer);
CREATE SEQUENCE s.loose; CREATE TABLE s.by_loose (id integer PRIMARY KEY DEFAULT nextval('s.loose'));
SELECT setval('s.serials_a_seq', 77);
CREATE TABLE s.checks (id integer PRIMARY KEY, qty integer CHECK (qty > 0 AND qty <= 100), state text CHECK (state IN ('new', 'old', 'it''s')), price numeric(10,2), low numeric(10,2),
    e s.even, name varchar(30), m s.mood, start date, stop date, flag boolean, CONSTRAINT low_price CHECK (low IS NULL OR low < price), CONSTRAINT words CHECK (length(name) BETWEEN 2 AND 30 AND name LIKE 'a\_%'),
    CONSTRAINT moody CHECK (m <> 'sad'), CONSTRAINT days CHECK (start < stop AND start >= '2000-01-01'), CONSTRAINT "lost one" CHECK (name ~ '^a'), CONSTRAINT ordered CHECK (state > 'a'),
    CONSTRAINT flagged CHECK (flag OR NOT flag IS TRUE));
ALTER TABLE s.checks ADD CONSTRAINT later CHECK (qty < 50) NOT VALID;
CREATE TABLE s.generated (id integer PRIMARY KEY, a integer, b integer, t text, sum integer GENERATED ALWAYS AS (a + b * 2) STORED, half integer GENERATED ALWAYS AS (a / 2) STORED,
    up text GENERATED ALWAYS AS (upper(t) || '!') STORED, lost text GENERATED ALWAYS AS (md5(t) || left(t, -1)) STORED, nn integer GENERATED ALWAYS AS (COALESCE(a, 0)) STORED NOT NULL);
CREATE TABLE s.keys (a text, b text, n integer, l varchar(2000), r real, by bytea, u uuid, ref text, PRIMARY KEY (a, b), UNIQUE (l), UNIQUE (r, n), UNIQUE (by), UNIQUE (u));
CREATE TABLE s.indexes (id integer PRIMARY KEY, t text, v varchar(50), n integer, j jsonb, a integer[], ts timestamptz, bt bytea, deleted boolean NOT NULL DEFAULT false, state text, r int4range, EXCLUDE USING gist (r WITH &&));
CREATE INDEX on_text ON s.indexes (t); CREATE INDEX on_two ON s.indexes (v, n DESC); CREATE INDEX on_expr ON s.indexes (lower(v)); CREATE INDEX on_gin ON s.indexes USING gin (j);
CREATE INDEX on_hash ON s.indexes USING hash (n); CREATE INDEX on_bytes ON s.indexes (bt); CREATE INDEX on_json ON s.indexes (j); CREATE INDEX on_some ON s.indexes (n) WHERE n > 5; CREATE INDEX on_brin ON s.indexes USING brin (ts);
CREATE UNIQUE INDEX one_alive ON s.indexes (v, n) WHERE NOT deleted; CREATE UNIQUE INDEX one_new ON s.indexes (t) WHERE state = 'new' AND n IS NOT NULL; CREATE UNIQUE INDEX one_odd ON s.indexes (n) WHERE v ~ 'x';
CREATE UNIQUE INDEX with_more ON s.indexes (n, id) INCLUDE (v); CREATE INDEX "PRIMARY" ON s.indexes (n); CREATE INDEX "Primary" ON s.indexes (v);
COMMENT ON INDEX s.with_more IS 'an index''s comment'; COMMENT ON TABLE s.indexes IS 'a table''s'; COMMENT ON COLUMN s.indexes.t IS 'col \ "x"';
CREATE TABLE s.parent (id bigint PRIMARY KEY, code text UNIQUE, x integer, y integer, UNIQUE (x, y));
CREATE TABLE s.child (id integer PRIMARY KEY, parent integer REFERENCES s.parent ON DELETE CASCADE, code text REFERENCES s.parent (code) ON UPDATE CASCADE ON DELETE SET NULL, y integer, x integer,
    up integer REFERENCES s.child, d integer DEFAULT 1 REFERENCES s.child ON DELETE SET DEFAULT, CHECK (code <> ''), FOREIGN KEY (y, x) REFERENCES s.parent (y, x) DEFERRABLE, CONSTRAINT loose FOREIGN KEY (up) REFERENCES s.child);
ALTER TABLE s.child ADD CONSTRAINT not_valid FOREIGN KEY (d) REFERENCES s.child NOT VALID;
CREATE TABLE s.part (id integer NOT NULL, k integer NOT NULL, PRIMARY KEY (id, k)) PARTITION BY RANGE (k);
CREATE TABLE s.part_1 PARTITION OF s.part FOR VALUES FROM (0) TO (100);
CREATE TABLE s.of_part (id integer PRIMARY KEY, k integer, FOREIGN KEY (id, k) REFERENCES s.part);
CREATE TABLE s.no_key (a integer, b text); ALTER TABLE s.no_key REPLICA IDENTITY FULL;
CREATE TABLE s.wide (id integer PRIMARY KEY, v1 varchar(5000), v2 varchar(6000), v3 varchar(7000), v4 varchar(10));
CREATE TABLE s."Odd `name` ""é""" ("select" integer PRIMARY KEY, "a`b" text, "with blank " integer, "ünï" integer, "back\slash" text DEFAULT 'x', "😀" integer,
    "a234567890123456789012345678901234567890123456789012345678901_63" integer);
CREATE INDEX "odd `index` ""é""" ON s."Odd `name` ""é""" ("a`b", "ünï");
CREATE TABLE s."éééééééééééééééééééééééééééééé" (id serial PRIMARY KEY);
CREATE VIEW s.seen AS SELECT id FROM s.types; CREATE MATERIALIZED VIEW s.kept AS SELECT 1 AS one;
CREATE FUNCTION s.touch() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NEW; END$$;
CREATE TRIGGER touch BEFORE INSERT ON s.types FOR EACH ROW EXECUTE FUNCTION s.touch();
END
