# Geometry and vectors into the real PostGIS and pgvector, from all four servers
# of the MySQL family: types, values bit by bit, axis order, indexes, changes,
# DDL, verification; with and without the extensions.
#
# dts-needs: mariadb-11.8 mysql-9.7 mysql-5.6 pgvector extension:postgis
use strict;
use warnings;
use Test::More;
use Dts::Env qw(poll_until);
use Dts::Install qw(add_pgvector);
use Dts::MariaDB;
use Dts::Postgres;
use Dts::Precheck;
use Dts::Task;

add_pgvector();
my $pg = Dts::Postgres->new(preload => 1)->start;
$pg->sql('CREATE EXTENSION dtsmig');
my @kinds = qw(mariadb-11.8 mariadb mysql-9.7 mysql-5.6);
my %db = ('mariadb-11.8' => 'm118', mariadb => 'm1011', 'mysql-9.7' => 'my97', 'mysql-5.6' => 'my56');
my (%my, %task);

# What stands for a geometry in each dialect; coordinates are x y, or longitude
# latitude, whatever the server makes of them.
my $mysql8;
sub geo { my ($wkt, $srid) = @_; return "ST_GeomFromText('$wkt', $srid" . ($mysql8 && $srid ? ", 'axis-order=long-lat')" : ')'); }
my $one = '000000000000F03F';
my @odd = map { "x'$_'" } "00000000010200000001000000$one$one", '0000000001030000000100000004000000' . join('', map { my $z = '0' x 16; $_ ? $_ == 1 ? "$one$z" : $_ == 2 ? "$one$one" : "$z$one" : "$z$z" } 0 .. 3);
my @shapes = ([ point => 'POINT(13.405 52.52)' ], [ linestring => 'LINESTRING(0 0,1 1.5,-2 4)' ],
    [ polygon => 'POLYGON((0 0,8 0,8 8,0 8,0 0),(2 2,2 4,4 4,4 2,2 2))' ], [ multipoint => 'MULTIPOINT(1 2,3 4)' ],
    [ multilinestring => 'MULTILINESTRING((0 0,1 1),(2 2,3 3,4 3))' ],
    [ multipolygon => 'MULTIPOLYGON(((0 0,1 0,1 1,0 0)),((5 5,6 5,6 6,5 5),(5.5 5.2,5.6 5.2,5.6 5.3,5.5 5.2)))' ],
    [ geometrycollection => 'GEOMETRYCOLLECTION(POINT(1 2),LINESTRING(0 0,1 1),MULTIPOINT(1 1,2 2))' ]);

for my $kind (@kinds)
{
    my $my = $my{$kind} = Dts::MariaDB->new(kind => $kind)->start;
    my ($maria, $old) = (scalar($kind =~ m{^maria}), $kind eq "mysql-5.6");
    $mysql8 = $kind eq "mysql-9.7";
    my $srid = $maria ? 'REF_SYSTEM_ID=4326' : $old ? '' : 'SRID 4326';
    my $sql = "CREATE DATABASE $db{$kind}; USE $db{$kind};\n"
      . "CREATE TABLE shapes (id int AUTO_INCREMENT PRIMARY KEY, g geometry, " . join(', ', map { "c_$_->[0] $_->[0]" } @shapes) . ");\n"
      . "CREATE TABLE pins (id int PRIMARY KEY, p point $srid NOT NULL, n int" . ($old ? '' : ', SPATIAL KEY at_p (p) COMMENT \'where\'') . ");\n"
      . "CREATE TABLE keyless (g geometry, n int);\n";
    for my $s (@shapes)
    {
        $sql .= "INSERT INTO shapes (g, c_$s->[0]) VALUES (" . geo($s->[1], $_) . ', ' . geo($s->[1], $_) . ");\n" for 0, 4326, 3857;
    }
    $sql .= "INSERT INTO shapes (g) VALUES (NULL), (" . geo('POINT(1e308 -0.0)', 0) . "), (" . geo('POINT(-1.7976931348623157e308 5e-324)', 0) . ");\n";
    $sql .= "INSERT INTO shapes (g) VALUES (" . geo('GEOMETRYCOLLECTION EMPTY', $_) . ");\n" for $old ? () : (0, 4326);
    $sql .= "INSERT INTO shapes (g) VALUES (" . geo('GEOMETRYCOLLECTION(POINT(1 1),GEOMETRYCOLLECTION(LINESTRING(0 0,1 1),GEOMETRYCOLLECTION EMPTY))', 4326) . ");\n" if $mysql8;
    # what a column takes that it does not say
    $sql .= "INSERT INTO shapes (c_geometrycollection) VALUES (" . geo('MULTIPOINT(1 2,3 4)', 4326) . ");\n";
    $sql .= "INSERT INTO shapes (c_geometrycollection) VALUES (" . geo('POINT(1 2)', 4326) . ");\n" if !$mysql8;
    $sql .= "INSERT INTO shapes (c_multipoint) VALUES (" . geo('POINT(1 2)', 4326) . ");\n" if $old;
    # a line of one point, a ring that is not closed
    $sql .= "INSERT INTO shapes (g) VALUES ($_);\n" for $mysql8 ? () : @odd;
    $sql .= "INSERT INTO pins VALUES (1, " . geo('POINT(13.405 52.52)', 4326) . ", 1), (2, " . geo('POINT(-179.5 -89.5)', 4326) . ", 2);\n";
    $sql .= "INSERT INTO pins VALUES (3, " . geo('POINT(7 8)', 0) . ", 1), (4, " . geo('POINT(7 8)', 3857) . ", 2);\n" if !$mysql8;
    $sql .= "INSERT INTO keyless VALUES (" . geo('POINT(1 2)', 4326) . ", 1), (" . geo('POINT(1 2)', 4326) . ", 1), (" . geo('POINT(1 2)', 0) . ", 1), (NULL, 1), (NULL, 1), (" . geo('LINESTRING(0 0,1 1)', 0) . ", 2);\n";
    if ($maria)
    {
        $sql .= "CREATE TABLE made (id int PRIMARY KEY, p point NOT NULL DEFAULT (POINT(1, 2)), x double AS (ST_X(p)) STORED, y double AS (ST_Y(p)) VIRTUAL, KEY pre (p(25)));\n"
          . "INSERT INTO made (id) VALUES (1); INSERT INTO made (id, p) VALUES (2, POINT(3, 4));\n";
    }
    if ($kind =~ /11\.8|9\.7/)
    {
        my $v = sub { ($maria ? 'VEC_FromText' : 'STRING_TO_VECTOR') . "('[$_[0]]')" };
        $sql .= "CREATE TABLE vecs (id int PRIMARY KEY, v vector(3), w vector(3)" . ($maria ? ' NOT NULL, VECTOR INDEX near_w (w) M=8 DISTANCE=cosine' : '') . ");\n"
          . "INSERT INTO vecs VALUES (1, NULL, " . $v->('1,2,3') . "), (2, x'CDCCCC3D000020C06B0B5E5D', x'010000000000008000008000');\n"
          . "CREATE TABLE vnokey (v vector(2), n int); INSERT INTO vnokey VALUES (" . $v->('1,2') . ", 1), (" . $v->('1,2') . ", 1), (" . $v->('1,3') . ", 1);\n"
          . 'CREATE TABLE vlong (id int PRIMARY KEY, v vector(' . ($maria ? 2100 : 16383) . ')' . ($maria ? ' NOT NULL, VECTOR INDEX near_v (v)' : '') . ");\n";
        $sql .= "CREATE TABLE vplain (id int PRIMARY KEY, v vector(4) NOT NULL, VECTOR KEY (v)); INSERT INTO vplain VALUES (1, " . $v->('1,2,3,4') . ");\n" if $maria;
    }
    $my->sql($sql);
}

# --- without the extensions
my $check = Dts::Precheck->new($my{'mariadb-11.8'}, $pg);
my $p = $check->task(db => 'm118');
sub notes { my ($task, $like) = @_; return join "\n", map { "$_->[0] $_->[1]" } $pg->rows("SELECT object, note FROM dtsmig.preview_schema('$task') WHERE note ~ '$like' ORDER BY object, note"); }
is(notes($p->{name}, 'PostGIS|pgvector'), join("\n",
    'at_p SPATIAL index not built: PostGIS is not installed',
    'keyless PostGIS is not installed, so geometry becomes bytea with the WKB of the value, without its SRID: g',
    'made PostGIS is not installed, so geometry becomes bytea with the WKB of the value, without its SRID: p',
    'near_v VECTOR index not built: the column is no vector of pgvector at the destination',
    'near_w VECTOR index not built: the column is no vector of pgvector at the destination',
    'pins PostGIS is not installed, so geometry becomes bytea with the WKB of the value, without its SRID: p',
    'shapes PostGIS is not installed, so geometry becomes bytea with the WKB of the value, without its SRID: g, ' . join(', ', map { "c_$_->[0]" } @shapes),
    'v VECTOR index not built: the column is no vector of pgvector at the destination',
    'vecs v: pgvector is not installed, so vector(3) becomes real[], which takes any number of dimensions',
    'vecs w: pgvector is not installed, so vector(3) becomes real[], which takes any number of dimensions',
    'vlong v: pgvector is not installed, so vector(2100) becomes real[], which takes any number of dimensions',
    'vnokey v: pgvector is not installed, so vector(2) becomes real[], which takes any number of dimensions',
    'vplain v: pgvector is not installed, so vector(4) becomes real[], which takes any number of dimensions'), 'without the extensions: what is lost is said');
$p = $check->both_ways($p, spatial_indexes => [ 'warning', qr/only where PostGIS/ ], extensions => [ 'warning', qr/geometry becomes bytea.*vectors become real/s ]);
$pg->sql('DROP EXTENSION postgis; DROP EXTENSION vector; CREATE SCHEMA "Gis"; CREATE EXTENSION postgis SCHEMA "Gis"; CREATE SCHEMA ml; CREATE EXTENSION vector SCHEMA ml');
is($check->items($p)->{$_}{status}, 'passed', "$_: extensions in schemas of their own") for qw(spatial_indexes extensions);
unlike(notes($p->{name}, '.'), qr/not installed|at_p/, 'with them, nothing is lost');
is(notes($p->{name}, 'VECTOR'), "near_v VECTOR index not built: pgvector indexes at most 2000 dimensions\n"
      . "near_w VECTOR becomes an hnsw index: search with ORDER BY w <=> in place of VEC_DISTANCE_COSINE\n"
      . 'v VECTOR becomes an hnsw index: search with ORDER BY v <-> in place of VEC_DISTANCE_EUCLIDEAN', 'vector indexes: what becomes of them');
$p->drop;

# --- the copy, also through rules
my $shaped = Dts::Task->new($my{mariadb}, $pg, name => 'shaped', db => 'm1011', types => [ 'schema', 'full' ],
    objects => [ { schema => 'm1011', table => 'shapes', target_schema => 'shaped', filter => 'g IS NOT NULL', set => { place => '"Gis".ST_X("Gis".ST_Centroid(g))', words => q{E'a\\tb\\\\\\n'} } } ])->start;
$task{$_} = Dts::Task->new($my{$_}, $pg, name => $db{$_}, db => $db{$_})->start for @kinds;

# Rows of a table as SRID and WKB, which are the same bytes on both sides.
sub same
{
    my ($kind, $table, $what) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my @cols = $pg->rows("SELECT a.attname, t.typname FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid WHERE attrelid = '$db{$kind}.$table'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY a.attname");
    my (@s, @d);
    for (@cols)
    {
        my ($c, $type) = @$_;
        push @s, $type eq 'geometry' ? "ST_SRID($c), SUBSTR(HEX($c), 9)" : $type =~ /^(vector|_float4)$/ ? "HEX($c)" : $c;
        push @d, $type eq 'geometry' ? "\"Gis\".ST_SRID($c), upper(encode(\"Gis\".ST_AsBinary($c, 'NDR'), 'hex'))"
          : $type eq 'vector' ? "(SELECT string_agg(upper(encode(substr(f, 4, 1) || substr(f, 3, 1) || substr(f, 2, 1) || substr(f, 1, 1), 'hex')), '' ORDER BY o) FROM unnest($c\::real[]) WITH ORDINALITY u(e, o), float4send(e) f)" : $c;
    }
    my $sort = sub { join "\n", sort map { join '|', map { !defined || $_ eq 'NULL' ? '~' : $_ } @$_ } @_ };
    my $src = $sort->($my{$kind}->rows("SELECT " . join(', ', @s) . " FROM $db{$kind}.$table"));
    is($sort->($pg->rows("SET search_path = ml; SELECT " . join(', ', @d) . " FROM $db{$kind}.$table")), $src, "$kind, $table: $what");
}
sub tables { my ($kind) = @_; return map { $_->[0] } $pg->rows("SELECT relname FROM pg_class WHERE relnamespace = '$db{$kind}'::regnamespace AND relkind = 'r' ORDER BY 1"); }
for my $kind (@kinds)
{
    $task{$kind}->wait_for('incremental');
    same($kind, $_, 'the copy') for tables($kind);
}

$shaped->wait_for('completed');
is($pg->value(q{SET search_path = "Gis"; SELECT count(*) FROM shaped.shapes s JOIN m1011.shapes m USING (id) WHERE ST_AsEWKB(s.g) = ST_AsEWKB(m.g) AND words = E'a\\tb\\\\\\n' AND (ST_IsEmpty(m.g) OR place IS NOT NULL)}),
    $pg->value('SELECT count(*) FROM m1011.shapes WHERE g IS NOT NULL'), 'rules make rows of geometries, odd ones included');

# What format_type() says of a column, the schemas of extensions left out.
sub type { my ($kind, $column) = @_; my ($t, $c) = split /\./, $column; return $pg->value("SET search_path = \"Gis\", ml; SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = '$db{$kind}.$t'::regclass AND attname = '$c'"); }
sub types { my ($kind, @columns) = @_; return join ' ', map { type($kind, $_) } @columns; }
is(types('mysql-9.7', 'pins.p', 'shapes.g', 'shapes.c_point', 'shapes.c_multipolygon', 'shapes.c_geometrycollection'), 'geometry(Point,4326) geometry geometry(Point) geometry(MultiPolygon) geometry', 'MySQL 9.7: types');
is(types('mariadb', 'pins.p', 'shapes.c_linestring', 'shapes.c_geometrycollection'), 'geometry(Point) geometry(LineString) geometry', 'MariaDB: REF_SYSTEM_ID is no promise');
is(types('mysql-5.6', 'pins.p', 'shapes.c_multipoint'), 'geometry geometry', 'MySQL 5.6 takes any kind');
is(types('mariadb-11.8', 'vecs.v', 'vlong.v') . ' ' . types('mysql-9.7', 'vecs.v', 'vlong.v'), 'vector(3) vector(2100) vector(3) real[]', 'vectors');
is($pg->value("SELECT \"Gis\".ST_AsText(p) || ' ' || \"Gis\".ST_AsText(\"Gis\".ST_Transform(p, 4326)) FROM my97.pins WHERE id = 1"), 'POINT(13.405 52.52) POINT(13.405 52.52)', 'longitude comes first');
sub indexes { my ($kind) = @_; return join "\n", map { $_->[0] =~ s/^CREATE (UNIQUE )?INDEX //r =~ s/$db{$kind}\.//r } $pg->rows("SELECT indexdef FROM pg_indexes WHERE schemaname = '$db{$kind}' AND indexdef !~ 'btree' ORDER BY indexname"); }
is(indexes('mariadb-11.8'), "at_p ON pins USING gist (p)\nnear_w ON vecs USING hnsw (w ml.vector_cosine_ops)\nv ON vplain USING hnsw (v ml.vector_l2_ops)", 'MariaDB 11.8: indexes');
is(indexes($_), 'at_p ON pins USING gist (p)', "$_: indexes") for qw(mariadb mysql-9.7);
is($pg->value("SELECT obj_description('my97.at_p'::regclass)"), 'where', 'an index\'s comment');

# --- changes, and DDL between them
for my $kind (@kinds)
{
    my ($maria, $old) = (scalar($kind =~ /^maria/), $kind eq 'mysql-5.6');
    $mysql8 = $kind eq 'mysql-9.7';
    my $srid = $maria ? 'REF_SYSTEM_ID=4326' : $old ? '' : 'SRID 4326';
    my $sql = "USE $db{$kind};\n";
    my $i = 100;
    for my $image (qw(FULL MINIMAL))
    {
        $i += 100;
        my ($n, $x) = ($image eq 'FULL' ? 1 : 8, $i / 10);
        $sql .= "SET SESSION binlog_row_image = $image;\n"
          . "INSERT INTO pins VALUES ($i, " . geo("POINT($x.5 -1)", 4326) . ", 5); UPDATE pins SET n = 9 WHERE id = 1; UPDATE pins SET p = " . geo("POINT($x 2)", 4326) . " WHERE id = 2;\n"
          . "UPDATE shapes SET g = " . geo("LINESTRING(0 0,$x 1)", 3857) . " WHERE id = $n; UPDATE shapes SET g = NULL WHERE id = $n + 1; UPDATE shapes SET id = id + $i WHERE id = $n + 2; DELETE FROM shapes WHERE id = $n + 3;\n"
          . "INSERT INTO shapes (g, c_point) VALUES (" . geo($shapes[5][1], 4326) . ', ' . geo("POINT($x 1)", 3857) . ");\n"
          . "DELETE FROM keyless WHERE n = 1 AND g IS NOT NULL LIMIT 1; UPDATE keyless SET n = 3 WHERE g IS NULL AND n = 1 LIMIT 1; UPDATE keyless SET g = " . geo("POINT($x 9)", 4326) . " WHERE n = 2; INSERT INTO keyless VALUES (" . geo('POINT(1 2)', 4326) . ", 1), (NULL, 1);\n";
        $sql .= "INSERT INTO vecs SELECT id + $i, v, w FROM vecs WHERE id = 2; UPDATE vecs SET v = w WHERE id = 1; UPDATE vecs SET id = id + 1000 WHERE id = $i + 2; DELETE FROM vnokey WHERE n = 1 LIMIT 1; INSERT INTO vnokey VALUES (x'0000803F00000040', 1); UPDATE vnokey SET v = x'0000803F0000803F', n = $i WHERE n = 1 LIMIT 1;\n"
          if $kind =~ /11\.8|9\.7/;
    }
    $sql .= "INSERT INTO keyless VALUES ($_, 4); DELETE FROM keyless WHERE n = 4 LIMIT 1; INSERT INTO shapes (g) VALUES ($_);\n" for $mysql8 ? () : @odd;
    $sql .= "ALTER TABLE pins ADD COLUMN area polygon; UPDATE pins SET area = " . geo('POLYGON((0 0,1 0,1 1,0 0))', 4326) . " WHERE id < 3;\n"
      . "ALTER TABLE shapes MODIFY c_point geometry; INSERT INTO shapes (c_point) VALUES (" . geo('LINESTRING(0 0,3 3)', 0) . ");\n"
      . "CREATE TABLE later (id int PRIMARY KEY, gc geometrycollection, p point $srid NOT NULL);\n"
      . ($old ? '' : "ALTER TABLE later ADD SPATIAL INDEX at_later (p); CREATE SPATIAL INDEX twice ON later (p); DROP INDEX twice ON later;\n")
      . "INSERT INTO later VALUES (1, " . geo('MULTIPOINT(1 2,3 4)', 4326) . ', ' . geo('POINT(1 2)', 4326) . ");\n";
    $sql .= "CREATE TABLE vlater (id int PRIMARY KEY, v vector(3) NOT NULL); CREATE VECTOR INDEX near_later ON vlater (v) DISTANCE = cosine; INSERT INTO vlater SELECT id, w FROM vecs WHERE id < 3;\n"
      . "ALTER TABLE vecs DROP INDEX near_w, ADD VECTOR INDEX near_2 (w) M = 9; CREATE TABLE vmade (id int PRIMARY KEY, v vector(2) NOT NULL, VECTOR KEY near_made (v));\n" if $kind eq 'mariadb-11.8';
    $sql .= "ALTER TABLE vecs ADD COLUMN x vector(2); UPDATE vecs SET x = x'0000803F0000803F' WHERE id = 1;\n" if $mysql8;
    $my{$kind}->sql($sql);
}
for my $kind (@kinds)
{
    $task{$kind}->catch_up;
    same($kind, $_, 'changes') for tables($kind);
}
is(types('mysql-9.7', 'pins.area', 'shapes.c_point', 'later.gc', 'later.p', 'vecs.x'), 'geometry(Polygon) geometry geometry geometry(Point,4326) vector(2)', 'MySQL 9.7: types that DDL makes');
is(types('mariadb', 'pins.area', 'shapes.c_point', 'later.gc', 'later.p'), 'geometry(Polygon) geometry geometry geometry(Point)', 'MariaDB: types that DDL makes');
is(types('mysql-5.6', 'pins.area', 'later.p'), 'geometry geometry', 'MySQL 5.6: types that DDL makes');
is(indexes('mariadb-11.8'), "at_later ON later USING gist (p)\nat_p ON pins USING gist (p)\nnear_2 ON vecs USING hnsw (w ml.vector_l2_ops)\nnear_later ON vlater USING hnsw (v ml.vector_cosine_ops)\nnear_made ON vmade USING hnsw (v ml.vector_l2_ops)\nv ON vplain USING hnsw (v ml.vector_l2_ops)", 'MariaDB 11.8: indexes that DDL makes');
is(indexes($_), "at_later ON later USING gist (p)\nat_p ON pins USING gist (p)", "$_: indexes that DDL makes") for qw(mariadb mysql-9.7);

# --- verification
sub differences { my ($kind) = @_; return join "\n", map { join ' ', @$_ } $pg->rows("SELECT source_table, kind, coalesce(key::text, '-') FROM dtsmig.verify('$db{$kind}') ORDER BY 1, 2, 3"); }
for my $kind (@kinds)
{
    is(differences($kind), '', "$kind: nothing differs");
    is(join("\n", map { join ' ', map { $_ // '' } @$_ } $pg->rows("SELECT source_table, kind, differences FROM dtsmig.verify('$db{$kind}', mode => 'schema')")), '', "$kind: nor do the definitions");
}
$pg->sql(q{SET search_path = "Gis", ml; UPDATE m1011.pins SET p = ST_SetSRID(p, 3857) WHERE id = 1; DELETE FROM m1011.keyless WHERE ctid IN (SELECT ctid FROM m1011.keyless WHERE g IS NOT NULL LIMIT 1);
    UPDATE my97.pins SET p = ST_SetSRID(ST_MakePoint(1, 1), 4326) WHERE id = 1; UPDATE my97.vecs SET v = '[1,2,3.0000002]' WHERE id = 1;
    UPDATE m118.vecs SET w = '[1,2,4]' WHERE id = 1; UPDATE my56.shapes SET g = ST_Translate(g, 1e-13, 0) WHERE id = 4});
is(differences('mariadb'), "m1011.keyless missing -\nm1011.pins differs {\"id\": \"1\"}", 'another SRID, a row without key that is gone');
is(differences('mysql-9.7'), "my97.pins differs {\"id\": \"1\"}\nmy97.vecs differs {\"id\": \"1\"}", 'another place, the last bit of a vector');
is(differences('mariadb-11.8'), "m118.vecs differs {\"id\": \"1\"}", 'another vector');
for my $kind (qw(mariadb mysql-9.7 mariadb-11.8))
{
    $task{$kind}->sql("SELECT dtsmig.repair('$db{$kind}')");
    ok(poll_until(sub { $pg->value("SELECT count(*) FROM dtsmig.verify_results WHERE task = '$db{$kind}' AND key IS NOT NULL AND state <> 'repaired'") == 0 }, 60), "$kind: repaired");
    is(differences($kind), $kind eq 'mariadb' ? 'm1011.keyless missing -' : '', "$kind: as at the source, where rows have a key");
}

# --- what the extensions cannot take stops the task, with the way on
$my{mariadb}->sql("INSERT INTO m1011.keyless VALUES (ST_GeomFromText('POINT(1 2)', 1000000), 1)");
$my{'mysql-9.7'}->sql("INSERT INTO my97.vecs (id, v) VALUES (7, STRING_TO_VECTOR('[1,2]'))");
$my{'mariadb-11.8'}->sql('ALTER TABLE m118.later ADD COLUMN q point NOT NULL');
ok($task{'mariadb-11.8'}->wait_status('failed'), 'a column that has no value yet');
like($task{'mariadb-11.8'}->last_error, qr/column "q" of type point is NOT NULL and has an empty value/, 'stops the task');
$my{'mariadb-11.8'}->sql('UPDATE m118.later SET q = POINT(1, 2)');
$task{'mariadb-11.8'}->resume->catch_up;
same('mariadb-11.8', 'later', 'which goes on when it has one');
ok($task{mariadb}->wait_status('failed'), 'an SRID beyond those of PostGIS');
like($task{mariadb}->last_error, qr/SRID 1000000 of a geometry is out of range for PostGIS/, 'is not changed in silence');
ok($task{'mysql-9.7'}->wait_status('failed'), 'a vector that is shorter than its column');
like($task{'mysql-9.7'}->last_error, qr/2 dimensions does not fit type vector\(3\)/, 'stops the task');
like($task{'mysql-9.7'}->get('last_error_hint'), qr/ALTER COLUMN v TYPE vector/, 'the hint knows the way');
$pg->sql('ALTER TABLE my97.vecs ALTER COLUMN v TYPE ml.vector');
$task{'mysql-9.7'}->resume->catch_up;
same('mysql-9.7', 'vecs', 'and it does');
done_testing;
