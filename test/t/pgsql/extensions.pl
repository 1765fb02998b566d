# Types and tables of extensions from a PostgreSQL source: PostGIS, pgvector,
# citext, hstore, in schemas of their own and in public; their indexes, values,
# changes and DDL; what belongs to an extension is not copied.
#
# dts-needs: pgvector extension:postgis
use strict;
use warnings;
use Test::More;
use Dts::Install qw(add_pgvector);
use Dts::Precheck;
use Dts::PgSource qw(pg_pair same_pg_tables);
use Dts::Task;

add_pgvector();
my ($src, $pg) = pg_pair();
$src->sql(q{CREATE DATABASE shop});
sub src { my ($sql) = @_; return $src->sql($sql, db => 'shop'); }
src(q{
CREATE SCHEMA "Gis"; CREATE EXTENSION postgis SCHEMA "Gis"; CREATE SCHEMA ml; CREATE EXTENSION vector SCHEMA ml;
CREATE EXTENSION citext; CREATE SCHEMA s; CREATE EXTENSION hstore SCHEMA s;
INSERT INTO "Gis".spatial_ref_sys SELECT 990001, 'ours', 1, srtext, proj4text FROM "Gis".spatial_ref_sys WHERE srid = 4326;
SET search_path = s, public, "Gis", ml;
CREATE TABLE places (id int PRIMARY KEY, p geometry(Point, 4326), g geometry, z geometry(PointZM), gg geography, ml vector(3), hv halfvec(2), sv sparsevec(5), c citext UNIQUE, h hstore, b box2d, ps geometry[] );
INSERT INTO places SELECT i, ST_SetSRID(ST_MakePoint(i, i / 10.0), 4326), ST_Buffer(ST_MakePoint(i, 1), 2), ST_MakePoint(i, 2, 3, 4), ST_SetSRID(ST_MakePoint(i % 180, 52.5), 4326)::geography,
    format('[%s,%s,0.1]', i, -i)::vector, format('[%s,0.5]', i)::halfvec, format('{2:%s,5:1.5}/5', i)::sparsevec, 'Word ' || i, hstore('k', i::text) || 'n=>NULL', Box2D(ST_MakeEnvelope(0, 0, i, i)), ARRAY[ST_MakePoint(i, 1), NULL] FROM generate_series(1, 500) i;
INSERT INTO places (id, g, p) VALUES (1001, 'GEOMETRYCOLLECTION EMPTY', NULL), (1002, 'SRID=4326;POINT EMPTY', 'SRID=4326;POINT EMPTY'), (1003, 'CIRCULARSTRING(0 0,1 1,2 0)', NULL), (1004, 'TIN(((0 0 0,0 0 1,0 1 0,0 0 0)))', NULL), (1005, 'SRID=990001;POINT(1 2)', NULL), (1006, 'POINT M (1 2 3)', NULL);
CREATE INDEX places_p ON places USING gist (p); CREATE INDEX places_nd ON places USING gist (g gist_geometry_ops_nd); CREATE INDEX places_gg ON places USING gist (gg); CREATE INDEX places_sp ON places USING spgist (p); CREATE INDEX places_brin ON places USING brin (p);
CREATE INDEX places_hnsw ON places USING hnsw (ml vector_cosine_ops) WITH (m = 8, ef_construction = 32); CREATE INDEX places_ivf ON places USING ivfflat (ml vector_l2_ops) WITH (lists = 5);
CREATE INDEX places_h ON places USING gin (h); CREATE INDEX places_x ON places (ST_X(p));
CREATE TABLE keyless (g geometry, v vector(2), c citext, h hstore); ALTER TABLE keyless REPLICA IDENTITY FULL;
INSERT INTO keyless SELECT ST_MakePoint(i % 3, 0), format('[%s,1]', i % 3)::vector, 'W', 'a=>1' FROM generate_series(1, 9) i;
CREATE TABLE made (id int PRIMARY KEY, p geometry(Point, 4326) DEFAULT 'SRID=4326;POINT(1 2)', x double precision GENERATED ALWAYS AS (ST_X(p)) STORED, CHECK (ST_SRID(p) = 4326));
INSERT INTO made (id) VALUES (1);
CREATE TABLE by_c (c citext PRIMARY KEY, n int); INSERT INTO by_c VALUES ('Ab', 1), ('cd', 2);
CREATE VIEW near AS SELECT id, ST_AsText(p) AS at, ml <-> '[1,2,3]' AS d FROM places;
CREATE FUNCTION far(g geometry) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$ SELECT "Gis".ST_X("Gis".ST_Centroid(g)) $$;
});
src(q{SET search_path = s, public, "Gis", ml; INSERT INTO places (id, g) VALUES (2000, ST_Buffer(ST_MakePoint(1, 1), 2, 2000))});

# --- the precheck
my $check = Dts::Precheck->new($src, $pg);
my $p = $check->task(db => 'shop');
my $items = $check->items($p);
is($items->{extensions}{status}, 'warning', 'rows in a table of an extension: a warning');
is($items->{extensions}{found}, 'rows that are not replicated, for their tables belong to extensions: "Gis".spatial_ref_sys (1)', 'and which');
$pg->sql('CREATE EXTENSION postgis; CREATE EXTENSION hstore');
$src->sql('DELETE FROM "Gis".spatial_ref_sys WHERE srid = 990001', db => 'shop');
$p = $check->both_ways($p, extensions => [ 'failed', qr/^extension hstore is in schema s at the source and in public at the destination.*^extension postgis is in schema Gis/ms ]);
is(join(' ', map { "@$_" } $pg->rows("SELECT extname, nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = extnamespace WHERE extname ~ 'postgis|hstore' ORDER BY 1")), 'hstore s postgis Gis', 'they have moved');
# as if its files were there alone
src("INSERT INTO pg_extension SELECT 99999, 'dts_gone', extowner, extnamespace, extrelocatable, '1' FROM pg_extension WHERE extname = 'citext'");
$p = $check->by_hand($p, sub { src("DELETE FROM pg_extension WHERE extname = 'dts_gone'"); return }, extensions => [ 'failed', qr/installation lacks: dts_gone/ ]);
$p->drop;
$pg->sql('DROP EXTENSION postgis; DROP SCHEMA "Gis", s CASCADE');
$src->sql(q{INSERT INTO "Gis".spatial_ref_sys SELECT 990001, 'ours', 1, srtext, proj4text FROM "Gis".spatial_ref_sys WHERE srid = 4326}, db => 'shop');

# --- the copy
my $task = Dts::Task->new($src, $pg, name => 'shop', db => 'shop')->start->wait_for('incremental');
sub same
{
    my ($what) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    same_pg_tables($src, $pg, $what, db => 'shop', schemas => ['s']);
    my $defs = "SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 's'::regnamespace) ORDER BY 1";
    is(join("\n", map { "@$_" } $pg->rows($defs)), join("\n", map { "@$_" } $src->rows($defs, db => 'shop')), "$what: indexes");
    my $types = "SELECT attrelid::regclass::text, attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attnum > 0 AND NOT attisdropped AND attrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 's'::regnamespace AND relkind IN ('r', 'v')) ORDER BY 1, attname";
    is(join("\n", map { "@$_" } $pg->rows($types)), join("\n", map { "@$_" } $src->rows($types, db => 'shop')), "$what: types");
    my $extensions = "SELECT extname, extnamespace::regnamespace FROM pg_extension WHERE extname <> 'dtsmig' ORDER BY 1";
    is(join("\n", map { "@$_" } $pg->rows($extensions)), join("\n", map { "@$_" } $src->rows($extensions, db => 'shop')), "$what: extensions");
}
same('the copy');
is($pg->value(q{SELECT count(*) FROM dtsmig.task_objects WHERE task = 'shop' AND state = 'failed'}), 0, 'every object could be made');
is($pg->value(q{SELECT string_agg(source_table, ' ' ORDER BY source_table) FROM dtsmig.task_tables WHERE task = 'shop'}), 'by_c keyless made places', 'tables of extensions are not taken');
is($pg->value(q{SELECT count(*) FROM "Gis".spatial_ref_sys WHERE srid IN (4326, 990001)}), 1, 'nor their rows');
is($pg->value('SELECT count(*) FROM s.near WHERE d IS NOT NULL'), 500, 'a view over their functions');

# --- changes and DDL
src(q{SET search_path = s, public, "Gis", ml;
UPDATE places SET c = 'only this' WHERE id = 2000; UPDATE places SET g = ST_Translate(g, 1, 1), gg = NULL, ml = '[9,9,9.5]', hv = NULL, sv = '{1:2}/5', h = h || 'new=>1', b = NULL WHERE id < 20; UPDATE places SET id = -id WHERE id BETWEEN 20 AND 30; DELETE FROM places WHERE id BETWEEN 40 AND 50;
INSERT INTO places SELECT 5000 + id, p, g, z, gg, ml, hv, sv, c || ' again', h, b, ps FROM places WHERE id BETWEEN 100 AND 110;
DELETE FROM keyless WHERE ctid IN (SELECT ctid FROM keyless WHERE ST_X(g) = 1 LIMIT 1); UPDATE keyless SET v = '[7,7]', g = ST_MakePoint(7, 7) WHERE ctid IN (SELECT ctid FROM keyless WHERE ST_X(g) = 2 LIMIT 2); INSERT INTO keyless VALUES (NULL, NULL, NULL, NULL), (ST_MakePoint(0, 0), '[0,1]', 'w', 'a=>1');
UPDATE by_c SET c = 'aB' WHERE c = 'AB'; UPDATE by_c SET n = 3 WHERE c = 'CD'; INSERT INTO by_c VALUES ('ef', 1); DELETE FROM by_c WHERE c = 'EF';
UPDATE made SET p = 'SRID=4326;POINT(5 6)'; INSERT INTO "Gis".spatial_ref_sys SELECT 990002, 'ours', 2, srtext, proj4text FROM "Gis".spatial_ref_sys WHERE srid = 4326});
src(q{SET search_path = s, public, "Gis", ml; ALTER TABLE places ADD COLUMN g2 geometry(Polygon, 3857), ADD COLUMN v2 vector(2) DEFAULT '[1,2]';
UPDATE places SET g2 = ST_SetSRID(ST_MakeEnvelope(0, 0, 1, 1), 3857) WHERE id < 10; CREATE INDEX ON places USING gist (g2); CREATE INDEX ON places USING hnsw (v2 vector_ip_ops); DROP INDEX places_ivf;
CREATE EXTENSION earthdistance SCHEMA s CASCADE; CREATE TABLE stars (id int PRIMARY KEY, e earth, c cube); INSERT INTO stars VALUES (1, ll_to_earth(1, 2), cube(1, 2)); CREATE INDEX ON stars USING gist (c)});
$task->catch_up;
same('changes');

# --- verification
sub differences { return join "\n", map { join ' ', @$_ } $pg->rows("SELECT source_table, kind, coalesce(key::text, '-') FROM dtsmig.verify('shop') ORDER BY 1, 2, 3"); }
is(differences(), '', 'nothing differs');
is($pg->value("SELECT count(*) FROM dtsmig.verify('shop', mode => 'schema')"), 0, 'nor do the definitions');
$pg->sql(q{SET search_path = s, public, "Gis", ml; UPDATE places SET g = ST_SetSRID(g, 4326) WHERE id = 1; UPDATE places SET ml = '[0,0,1e-6]' WHERE id = 60; UPDATE by_c SET c = 'CD' WHERE c = 'cd'; DELETE FROM keyless WHERE g IS NULL});
is(differences(), qq{s.by_c extra {"c": "CD"}\ns.by_c missing {"c": "cd"}\ns.keyless missing -\ns.places differs {"id": "1"}\ns.places differs {"id": "60"}}, 'what was planted is found');
done_testing;
