# dts-runs: mariadb, mysql-5.6, mysql-9.7
# Literals in DDL mean what they mean in the session that ran it; columns that
# a row image leaves out have the source's defaults; labels that are added and
# used by one statement; names of PostgreSQL's system columns.
use strict;
use warnings;
use Test::More;
use Dts::Compare qw(same_table same_database);
use Dts::Env qw(poll_until);
use Dts::Task qw(server_pair);

my ($my, $pg) = server_pair();
my $mode = "SET NAMES utf8mb4, sql_mode = '';\n";
$my->sql("$mode CREATE DATABASE l DEFAULT CHARACTER SET utf8mb4; USE l; CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1), (2); CREATE TABLE e (id int PRIMARY KEY, c enum('a', 'b')); INSERT INTO e VALUES (1, 'a'), (2, 'b');");
my $sys = join ', ', map { "$_ int" } qw(xmin cmin xmax cmax ctid);
$my->sql("USE l; CREATE TABLE sys (id int PRIMARY KEY, tableoid varchar(9), $sys, KEY k (ctid)); INSERT INTO sys VALUES (1, 'x', 1, 2, 3, 4, 5)");
my %sys = map { $_ => "${_}_" } qw(tableoid xmin cmin xmax cmax ctid);
my $task = Dts::Task->new($my, $pg, name => 'l', db => 'l');
like($pg->value("SELECT string_agg(found, E'\\n') FROM dtsmig.precheck('l') WHERE item = 'schema_change' AND status = 'warning'"), qr/column ctid becomes ctid_, since every table of PostgreSQL has a column ctid of its own/, 'the precheck finds the names of system columns');
$task->start->wait_for('incremental', 60);
is($pg->value("SELECT string_agg(source_name || ' ' || target_name || ' ' || reason, ',' ORDER BY source_name) FROM dtsmig.name_map WHERE task = 'l'"), join(',', map { "l.sys.$_ ${_}_ system" } sort keys %sys), 'name_map has them');
sub run { my ($sql) = @_; $my->sql("$mode $sql", db => 'l'); }
sub same { my ($table, $name, %opt) = @_; $task->catch_up; local $Test::Builder::Level = $Test::Builder::Level + 1; same_table($my, "l.$table", $pg, "l.$table", $name, %opt); }
run('UPDATE sys SET ctid = 9, xmin = 8; ALTER TABLE sys ADD cmaxx int, DROP COLUMN cmin; INSERT INTO sys (id, xmax) VALUES (2, 7)');
delete $sys{cmin};
same('sys', 'names of system columns', columns => \%sys);
run('ALTER TABLE t ADD ctid int; UPDATE t SET ctid = 4');
same('t', 'one that comes later', columns => { ctid => 'ctid_' });
run('ALTER TABLE t DROP ctid');

# --- time zones
sub default_of { my ($table, $column) = @_; return $pg->value("SET timezone = 'UTC'; INSERT INTO l.$table (id) VALUES (1000) RETURNING $column") . $pg->sql("DELETE FROM l.$table WHERE id = 1000"); }
run("SET time_zone = '-05:00'; ALTER TABLE t ADD a timestamp NOT NULL DEFAULT '2021-06-01 12:00:00', ADD plain datetime NOT NULL DEFAULT '2021-06-01 12:00:00'; INSERT INTO t (id) VALUES (3)");
same('t', 'ADD in another zone');
is(default_of('t', 'a'), '2021-06-01 17:00:00+00', 'the default that is kept');
is(default_of('t', 'plain'), '2021-06-01 12:00:00', 'of a DATETIME nothing is shifted');
run("SET time_zone = '+03:30'; ALTER TABLE t ALTER a SET DEFAULT '2021-06-01 12:00:00'; INSERT INTO t (id) VALUES (4); CREATE TABLE z (id int PRIMARY KEY, b timestamp(3) NOT NULL DEFAULT '2021-01-01 00:00:00.250', c timestamp NULL DEFAULT '1999-12-31 23:00:00'); INSERT INTO z (id) VALUES (1)");
same($_, 'SET DEFAULT and CREATE: $_') for qw(t z);
is(default_of('t', 'a'), '2021-06-01 08:30:00+00', 'SET DEFAULT');
is(default_of('z', 'b'), '2020-12-31 20:30:00.25+00', 'CREATE');
run("ALTER TABLE z MODIFY c timestamp NULL DEFAULT '2000-01-01 00:00:00'; INSERT INTO z (id) VALUES (2)");
same('z', 'MODIFY in the server\'s zone');
is(default_of('z', 'c'), '1999-12-31 19:00:00+00', 'its default');

# --- bytes as text, and images that leave out columns
run("SET SESSION binlog_row_image = MINIMAL; CREATE TABLE h (id int PRIMARY KEY, h varchar(10) DEFAULT X'41', b varchar(10) DEFAULT b'0100001001000011', l varchar(10) CHARACTER SET latin1 DEFAULT X'E9', u varchar(10) DEFAULT _utf8'x', n int DEFAULT 0x41, f varbinary(4) DEFAULT X'4142', s varchar(20) DEFAULT 'it''s', d decimal(10,3) DEFAULT 1.5, i int DEFAULT -7, dt date DEFAULT '2020-02-02', k enum('p', 'q') DEFAULT 'q'); INSERT INTO h (id) VALUES (1); INSERT INTO h (id, n) VALUES (2, 3)");
same('h', 'defaults of bytes');
is($pg->value('INSERT INTO l.h (id) VALUES (50) RETURNING h || b || l || u || n'), 'ABCéx65', 'the destination has them, too');
$pg->sql('DELETE FROM l.h WHERE id = 50');
run("SET SESSION binlog_row_image = MINIMAL; CREATE TABLE i (id int PRIMARY KEY, n int NOT NULL, bi bigint unsigned NOT NULL, f double NOT NULL, d decimal(9,2) NOT NULL, v varchar(5) NOT NULL, c char(3) NOT NULL, e enum('p', 'q') NOT NULL, s set('a', 'b') NOT NULL, b blob NOT NULL, x text NOT NULL, dd date NOT NULL, dt datetime NOT NULL, y year NOT NULL, tm time NOT NULL, nul int); INSERT INTO i (id) VALUES (1); INSERT INTO i (id, n, e) VALUES (2, 5, 'q'); UPDATE i SET v = 'z' WHERE id = 1");
same('i', 'implicit defaults');
is($pg->value('SELECT n, f, d, v, e, b::text, dd FROM l.i WHERE id = 2'), '5|0|0.00||q|\x|', 'as they are there');

# --- labels
run("ALTER TABLE e MODIFY c enum('a', 'new', 'b') DEFAULT 'new'; INSERT INTO e (id) VALUES (3); INSERT INTO e VALUES (4, 'b')");
same('e', 'a label that is the default at once');
is($pg->value("SELECT string_agg(enumlabel, ',' ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = 'l.e_c'::regtype"), 'a,new,b', 'in its place');
is($pg->value('INSERT INTO l.e (id) VALUES (9) RETURNING c'), 'new', 'the default');
$pg->sql('DELETE FROM l.e WHERE id = 9');
# what a crash between the label and the rest leaves
$task->pause;
$pg->sql("ALTER TYPE l.e_c ADD VALUE 'last' AFTER 'b'");
run("ALTER TABLE e MODIFY c enum('a', 'new', 'b', 'last', 'end') NOT NULL DEFAULT 'last', ADD x int DEFAULT 3; INSERT INTO e (id) VALUES (5)");
$task->resume->wait_for('incremental', 60);
same('e', 'a label that is there already');
is($pg->value("SELECT string_agg(enumlabel, ',' ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = 'l.e_c'::regtype"), 'a,new,b,last,end', 'once');
run("CREATE TABLE e2 LIKE e; ALTER TABLE e2 MODIFY c enum('a', 'new', 'b', 'last', 'end', 'w') NOT NULL DEFAULT 'w', ADD KEY (c); INSERT INTO e2 (id) VALUES (1)");
same('e2', 'in a table that is new');
is($pg->value("SELECT count(*) FROM dtsmig.verify('l', 'schema')"), 0, 'definitions') or diag $pg->sql("SELECT * FROM dtsmig.verify_results");

# --- beyond ASCII, as the source shows them: MySQL 8 byte by byte, MariaDB with '?' in what it logs of CREATE TABLE … SELECT
my $expressions = $my->{mysql} ? $my->{version} >= 80013 : 1;
if ($expressions)
{
    my $text = $my->{mysql} ? "DEFAULT ('zé€')" : "DEFAULT 'zé€'";
    my $latin = $my->{mysql} ? ", w varchar(20) CHARACTER SET latin1 DEFAULT (_latin1 X'e9'), k varchar(30) AS (CONCAT(s, _latin1 X'e9')) STORED" : '';
    $my->sql("$mode CREATE DATABASE u DEFAULT CHARACTER SET utf8mb4; USE u; CREATE TABLE x (id int PRIMARY KEY, s varchar(20), c varchar(50) AS (CONCAT(s, 'zé€')) STORED, t text CHARACTER SET cp1251 DEFAULT ${\($my->{mysql} ? q{('xД')} : q{'xД'})}, l text $text, v varbinary(20) DEFAULT X'e9ff00ac', m varchar(20) DEFAULT 'a😀b?', CHECK (s <> 'ж€')$latin); INSERT INTO x (id, s) VALUES (1, 'a'); SET NAMES latin1; ALTER TABLE x ADD n text CHARACTER SET latin1 ${\($my->{mysql} ? '' : q{DEFAULT 'ab'})}");
    my $u = Dts::Task->new($my, $pg, name => 'u', db => 'u')->start;
    $u->wait_for('incremental', 60);
    my $equal = sub { my ($table, $name) = @_; $u->catch_up; local $Test::Builder::Level = $Test::Builder::Level + 1; same_table($my, "u.$table", $pg, "u.$table", $name); };
    $equal->('x', 'expressions beyond ASCII');
    $my->sql('INSERT INTO x (id, s) VALUES (2, NULL)', db => 'u');
    $u->catch_up;
    $pg->sql("DELETE FROM u.x WHERE id = 2; INSERT INTO u.x (id) VALUES (2)");
    $equal->('x', 'and defaults as they are shown');
    is($pg->value("SELECT string_agg(attname, ' ' ORDER BY attname) FROM pg_attribute WHERE attrelid = 'u.x'::regclass AND attgenerated = 's'"), $my->{mysql} ? 'c k' : 'c', 'columns that are generated at the destination');
    like($pg->value("SELECT string_agg(pg_get_constraintdef(oid), ' ') FROM pg_constraint WHERE conrelid = 'u.x'::regclass AND contype = 'c'"), qr/ж€/, 'a check');
    $my->sql("$mode CREATE TABLE y AS SELECT id, v, m FROM x; ALTER TABLE y ADD PRIMARY KEY (id); INSERT INTO y (id) VALUES (9)", db => 'u');
    ok(poll_until(sub { ($pg->try_value("SELECT count(*) FROM dtsmig.task_tables WHERE task = 'u' AND state <> 'ready'") // '') eq '0' }, 60), 'CREATE TABLE … SELECT is followed');
    $u->catch_up;
    $pg->sql('DELETE FROM u.y WHERE id = 9; INSERT INTO u.y (id) VALUES (9)');
    $equal->('y', 'CREATE TABLE … SELECT: defaults');
    # MariaDB's JSON is a text, which CONVERT converts
    $my->sql("$mode CREATE TABLE jt (id int PRIMARY KEY, j json, t text); INSERT INTO jt VALUES (1, '{\"a\": 1}', 'a'); ALTER TABLE jt CONVERT TO CHARACTER SET utf16; INSERT INTO jt VALUES (2, '[\"é€\"]', 'é€'); ALTER TABLE jt CONVERT TO CHARACTER SET latin1; INSERT INTO jt VALUES (3, '[\"é€\"]', 'é€')", db => 'u');
    $equal->('jt', 'JSON in another character set');
    # a column that others are made of becomes one that is made of others
    $my->sql("$mode CREATE TABLE g (id int PRIMARY KEY, a int, b varchar(9), c int AS (a + 1) STORED, d varchar(30) AS (CONCAT(a, b)) VIRTUAL); INSERT INTO g (id, a, b) VALUES (1, 2, 'x'), (2, NULL, 'y')", db => 'u');
    $u->catch_up;
    $my->sql("$mode ALTER TABLE g MODIFY a int AS (LENGTH(b)) STORED; INSERT INTO g (id, b) VALUES (3, 'xyz')", db => 'u');
    ok(eval { $u->catch_up; 1 } && poll_until(sub { ($pg->try_value("SELECT count(*) FROM dtsmig.task_tables WHERE task = 'u' AND state <> 'ready'") // '') eq '0' }, 60), 'a column that becomes generated') or diag $u->report;
    $equal->('g', 'a column that becomes generated: values') if ($my->{mysql});
}
done_testing();
