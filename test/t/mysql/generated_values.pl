# dts-runs: mariadb, mysql-9.7
# Values of generated columns are the source's: division of decimals, columns
# that are narrower than what they are made of, blanks at the end. And verify
# compares them, in each mode.
use strict;
use warnings;
use Test::More;
use Dts::Compare qw(same_table);
use Dts::Env qw(poll_until);
use Dts::Task qw(server_pair);

my ($my, $pg) = server_pair();
my %columns = (
    e => 'decimal(20,6) AS (a / b) STORED', f => 'decimal(30,10) AS (d / 3) STORED', g => 'double AS (a * 1.0 / b) STORED', h => "decimal(30,10) AS (MOD(a, 7) / b) VIRTUAL", i => 'double AS (x / 3) STORED',
    k => 'char(8) AS (s) STORED', l => 'char(20) AS (CONCAT(s, t)) VIRTUAL', m => 'varchar(3) AS (s) STORED', n => 'int AS (FLOOR(x)) STORED', o => 'tinyint AS (a) STORED', p => 'int unsigned AS (a - 1000) STORED',
    q => 'varchar(40) AS (CONCAT(s, t)) STORED', r => 'int AS (a + b) STORED', u => 'tinyint AS (CASE WHEN a > 1 THEN 1 ELSE 0 END) STORED', v => 'double(10,2) AS (x * 1.5) STORED', w => 'decimal(5,2) AS (d) STORED',
    y => 'smallint AS (r * 1) STORED', z => 'varchar(30) AS (CONCAT(k, t)) VIRTUAL', c => 'mediumint unsigned AS (-a) STORED', j => 'decimal(12,3) unsigned AS (d - 50) STORED',
    1 => 'decimal(5,2) AS (GREATEST(a, b)) STORED', 2 => 'decimal(10,2) AS (x * 2) STORED', 3 => 'decimal(20,4) AS (d + 1) VIRTUAL', 4 => 'decimal(10,0) AS (a + 1) STORED');
$my->sql("SET sql_mode = ''; CREATE DATABASE g; USE g; CREATE TABLE t (id int PRIMARY KEY, a int, b int, d decimal(20,4), x double, s varchar(8), t varchar(8), "
  . join(', ', map { "`$_` $columns{$_}" } sort { ($a eq 'y') <=> ($b eq 'y') || ($a eq 'z') <=> ($b eq 'z') || $a cmp $b } keys %columns) . ')');
my $rows = q{(1, 100, 3, 100.0005, 1.5, 'ab', 'c'), (2, -7, 9, -0.0005, -2.5, 'ab  ', ' c '), (3, 70, 0, 99.9999, 1e12, 'abcdefgh', ''), (4, NULL, 5, NULL, NULL, NULL, 'x'), (5, 1000000, 7, 99999.9951, 3.4999, '    ', '  '), (6, 2, 3, 0.005, 2.5, ' a', 'b'), (7, 128, 1, 1000.005, -1e12, 'é  ', 'ß')};
$my->sql("SET NAMES utf8mb4; SET sql_mode = ''; INSERT INTO t (id, a, b, d, x, s, t) VALUES $rows", db => 'g');
my $task = Dts::Task->new($my, $pg, name => 'g', db => 'g');
my $notes = $pg->value("SELECT string_agg(note, ' ') FROM dtsmig.preview_schema('g')");
$task->start->wait_for('incremental', 60);
same_table($my, 'g.t', $pg, 'g.t', 'copied');
my $generated = $pg->value("SELECT string_agg(attname, '' ORDER BY attname) FROM pg_attribute WHERE attrelid = 'g.t'::regclass AND attgenerated = 's'");
is($generated, '134iklqruz', 'columns that are generated at the destination: those whose values are the same');
for my $plain (grep { $generated !~ /$_/ } sort keys %columns) { like($notes, qr/\b$plain: generated as .*? at the destination a plain column with the source's values \(\w/, "$plain: preview_schema says that it is not, and why"); }
(my $more = $rows) =~ s/\((\d)/(1$1/g;
$my->sql("SET NAMES utf8mb4; SET sql_mode = ''; INSERT INTO t (id, a, b, d, x, s, t) VALUES $more; UPDATE t SET a = a + 1, d = d * 2, s = CONCAT(LEFT(s, 2), ' '), t = 'y' WHERE id < 5", db => 'g');
$task->catch_up;
same_table($my, 'g.t', $pg, 'g.t', 'followed');
is($pg->value("SELECT count(*) FROM dtsmig.verify('g')"), 0, 'verify finds the same');
is($pg->value("SELECT string_agg(differences::text, ' ') FROM dtsmig.verify('g', 'schema')"), '', 'nor does it of definitions');

# letters of latin1, years and remainders as text
$my->sql(q{SET NAMES utf8mb4, sql_mode = ''; USE g; CREATE TABLE v (id int PRIMARY KEY, s varchar(20) CHARACTER SET latin1, y year, d decimal(12,4), lo varchar(20) CHARACTER SET latin1 AS (LOWER(s)) STORED, up varchar(20) CHARACTER SET latin1 AS (UPPER(s)) VIRTUAL, yt varchar(20) AS (CONCAT(y, 'x')) STORED, mt varchar(30) AS (CONCAT(d % 5)) STORED); }
  . q{INSERT INTO v (id, s, y, d) VALUES (1, 'ŠšŒœŽžŸÿ', 0, 10), (2, 'ÀÖ×ØÞßàö÷øþ', 2020, 12.5), (3, 'AZazÐð€', NULL, -7.25)});
$task->catch_up;
same_table($my, 'g.v', $pg, 'g.v', 'letters of latin1, years and remainders as text');
like($pg->value("SELECT string_agg(attname, ' ' ORDER BY attname) FROM pg_attribute WHERE attrelid = 'g.v'::regclass AND attgenerated = 's'"), qr/^lo up yt$/, 'what is generated at the destination');

# an expression that gives other values is found, in each mode
$my->sql('USE g; CREATE TABLE u (id int PRIMARY KEY, a int, twice int AS (a * 2) STORED, thrice int AS (a * 3) VIRTUAL); INSERT INTO u (id, a) VALUES (1, 1), (2, 0), (3, 5), (4, NULL)');
$task->catch_up;
same_table($my, 'g.u', $pg, 'g.u', 'a table that comes later');
is($pg->value("SELECT count(*) FROM dtsmig.verify('g')"), 0, 'equal');
$pg->sql('ALTER TABLE g.u DROP COLUMN twice; ALTER TABLE g.u ADD COLUMN twice int GENERATED ALWAYS AS (a * 4) STORED');
for my $mode ("'full'", "'sample', sample => 1", "'incremental'")
{
    $pg->sql('UPDATE g.u SET a = a') if $mode eq "'incremental'";
    my (undef, $out, $err) = $pg->psql("SELECT key->>'id', kind, differences FROM dtsmig.verify('g', $mode) ORDER BY 1");
    is($out, qq(1|differs|{"twice": {"source": "2", "destination": "4"}}\n3|differs|{"twice": {"source": "10", "destination": "20"}}), "$mode: rows, column and values");
    like($err, qr/WARNING: .*?column "twice" of table "g"\."u" is generated at the destination, and has other values.*HINT: +repair cannot change it.*ALTER TABLE g\.u ALTER COLUMN twice DROP EXPRESSION; SELECT dtsmig\.resync_table\('g', 'g\.u'\);/s, "$mode: the way on");
    is(() = $err =~ /WARNING/g, 1, "$mode: said once") or diag $err;
}
# the way on
my (undef, $asked, $refused) = $pg->psql("SELECT dtsmig.repair('g')");
is($asked, 0, 'repair does not say that it has done it');
like($refused, qr/WARNING: .*?2 rows differ in columns alone that are generated at the destination: repair cannot change them/, 'and says why');
like($pg->error("SELECT dtsmig.cutover('g', quiet => '0.2 seconds')"), qr/differ/, 'nor does the cutover go past it');
$pg->sql('ALTER TABLE g.u ALTER COLUMN twice DROP EXPRESSION');
ok(poll_until(sub { $pg->value("SELECT concat(max(message)) FROM dtsmig.alerts WHERE task = 'g' AND kind = 'schema_drift' AND cleared_at IS NULL") =~ /column "twice" is not generated any more/ }, 60), 'an alert until that is done');
$pg->sql("SELECT dtsmig.resync_table('g', 'g.u')");
$my->sql('UPDATE u SET a = 9 WHERE id = 3; INSERT INTO u (id, a) VALUES (7, 7)', db => 'g');
ok(poll_until(sub { $pg->value("SELECT state FROM dtsmig.task_tables WHERE task = 'g' AND source_table = 'u'") eq 'ready' }, 60), 'copied again') or diag $task->report;
$my->sql('INSERT INTO u (id, a) VALUES (8, 8)', db => 'g');
$task->catch_up;
same_table($my, 'g.u', $pg, 'g.u', 'the source\'s values');
is($pg->value("SELECT count(*) FROM dtsmig.verify('g')"), 0, 'equal again');
done_testing();
