# What statements of the log say in the writing of their session: its character
# set, of names and literals, and its sql_mode, in defaults, generated columns,
# checks and labels. What the source keeps of a literal is what is at the destination.
#
# dts-runs: mariadb, mysql-5.6, mariadb-11.8
# dts-deep-runs: mysql-9.7
use strict;
use warnings;
use Encode qw(encode);
use Test::More;
use Dts::Compare qw(same_table);
use Dts::Task qw(server_pair);

my ($my, $pg) = server_pair();
my $old = $my->{mysql} && $my->{version} < 50700;
my $generated = !$old;
# MySQL itself doubles it, now and then
my $slash = $my->{mysql} ? '' : '\\';
my $checks = !$old;
$my->sql("SET NAMES utf8mb4, time_zone = '-05:00', sql_mode = ''; CREATE DATABASE w DEFAULT CHARACTER SET utf8mb4; USE w;"
      . " CREATE TABLE t (id int PRIMARY KEY, a varchar(20), n int); INSERT INTO t VALUES (1, 'a', 1), (2, NULL, 3);"
      . " CREATE TABLE before_it (id int PRIMARY KEY, s timestamp(3) NOT NULL DEFAULT '1977-11-20 20:26:18.775', b binary(5) DEFAULT 'ab', e varchar(9) DEFAULT 'a?b\xF0\x9F\x98\x80'); INSERT INTO before_it (id) VALUES (1);");
my $task = Dts::Task->new($my, $pg, name => 'w', db => 'w', options => { batch_delay => 0 });
$task->start->wait_for('incremental', 60);

sub run { my ($set, $sql) = @_; $my->sql("SET NAMES $set;\n$sql", db => 'w'); }
sub same { my ($table, $name) = @_; $task->catch_up; local $Test::Builder::Level = $Test::Builder::Level + 1; same_table($my, "w.$table", $pg, "w.$table", $name); }
# a row that has its defaults, on both sides; compared, and taken away
sub defaults
{
    my ($table, $name) = @_;
    $task->catch_up;
    $task->pause;
    $my->sql("SET sql_log_bin = 0, sql_mode = ''; INSERT INTO $table (id) VALUES (7777)", db => 'w');
    $pg->sql("INSERT INTO w.$table (id) VALUES (7777)");
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    same_table($my, "w.$table", $pg, "w.$table", $name);
    $my->sql("SET sql_log_bin = 0; DELETE FROM $table WHERE id = 7777", db => 'w');
    $pg->sql("DELETE FROM w.$table WHERE id = 7777");
    $task->resume->wait_for('incremental', 60);
}
defaults('before_it', 'defaults of a table that is there already');

# --- the client's character set
my %word = (cp1251 => "\x{434}\x{430}", latin1 => "\x{e9}t\x{e9}", koi8r => "\x{44f}", greek => "\x{3b1}\x{3a9}", sjis => "\x{8868}\x{65e5}", gbk => "\x{4e2d}");
my %perl = (cp1251 => 'cp1251', latin1 => 'cp1252', koi8r => 'koi8-r', greek => 'iso-8859-7', sjis => 'shiftjis', gbk => 'cp936');
for my $charset (sort keys %word)
{
    my $w = encode($perl{$charset}, $word{$charset});
    # the second byte of this one is a backslash, which the client program takes for one
    $w = '' if $w =~ /[\\']/;
    my $x = $w eq '' ? 'x' : $w;
    run($charset, "CREATE TABLE c_$charset (id int PRIMARY KEY, d varchar(20) DEFAULT '$x', e enum('a', '$x') DEFAULT '$x', b varbinary(20) DEFAULT '$x', u varchar(20) DEFAULT _utf8'\xC3\xA9', h varchar(20) CHARACTER SET latin1 DEFAULT X'E9',"
          . " i varchar(20) DEFAULT _latin1 X'E9', `$x` int DEFAULT 5) COMMENT '$x'; INSERT INTO c_$charset (id) VALUES (1); ALTER TABLE t ADD m_$charset varchar(20) NOT NULL DEFAULT '$x'");
    same("c_$charset", "$charset: CREATE");
    same('t', "$charset: ADD");
    defaults("c_$charset", "$charset: defaults");
    is($pg->value("SELECT obj_description('w.c_$charset'::regclass)"), $my->value("SELECT table_comment FROM information_schema.tables WHERE table_name = 'c_$charset'"), "$charset: the comment");
}
my $table = encode('cp1251', "\x{436}\x{443}\x{43a}");
run('cp1251', "CREATE TABLE `$table` (id int PRIMARY KEY, v varchar(9)); INSERT INTO `$table` VALUES (1, 'a'); ALTER TABLE `$table` ADD `$table` int DEFAULT 4");
same(encode('UTF-8', "\x{436}\x{443}\x{43a}"), 'a table with such a name');
# MySQL 5.6 with GTIDs has no such statement
if (!$old)
{
    run('latin1', "SET sql_mode = 'NO_BACKSLASH_ESCAPES'; CREATE TABLE ctas AS SELECT id, d, u, 'it''s' AS q FROM c_latin1; ALTER TABLE ctas ADD PRIMARY KEY (id)");
    same('ctas', 'CREATE TABLE … SELECT, which the source writes itself');
}
run('utf8mb4', "CREATE TABLE mixed (id int PRIMARY KEY, a varchar(9) DEFAULT _latin1'\xE9', b varchar(9) DEFAULT '\xC3\xA9', c enum(X'61', 'b') DEFAULT 'a'); INSERT INTO mixed (id) VALUES (1)");
same('mixed', 'bytes of an introducer among UTF-8');
defaults('mixed', 'and their defaults');

# --- what the source keeps of a literal
run('utf8mb4', "SET sql_mode = '', time_zone = '+03:30'; CREATE TABLE kept (id int PRIMARY KEY, c char(6) DEFAULT 'ab  ', v varchar(6) DEFAULT 'ab  ', z binary(4) DEFAULT 'a\\0b', y varbinary(9) DEFAULT '\\0x', dt datetime(3) DEFAULT '2020-01-02 03:04:05.123999', d0 datetime DEFAULT '20200102030405', d date DEFAULT '2020-1-2', t time(2) DEFAULT '01:02:03.129', "
      . "s timestamp(3) NULL DEFAULT '2020-01-02 03:04:05.1', f float(7,2) DEFAULT 1.005, g double(9,3) DEFAULT -2.0005, x varchar(9) CHARACTER SET cp1251 DEFAULT X'E4E0', k varchar(9) CHARACTER SET ucs2 DEFAULT X'0041', n decimal(5,1) DEFAULT '1.55', bi bit(4) DEFAULT b'101'); INSERT INTO kept (id) VALUES (1); SET SESSION binlog_row_image = MINIMAL; INSERT INTO kept (id) VALUES (2); ALTER TABLE kept ALTER c SET DEFAULT 'q ', ALTER x SET DEFAULT X'FF'; INSERT INTO kept (id) VALUES (3)");
same('kept', 'rows that have them');
defaults('kept', 'literals as the source keeps them');

# --- sql_mode
if ($generated)
{
    run('utf8mb4', "SET sql_mode = 'PIPES_AS_CONCAT'; ALTER TABLE t ADD p varchar(60) AS (a || '-' || n) STORED; SET sql_mode = 'HIGH_NOT_PRECEDENCE'; ALTER TABLE t ADD h int AS (NOT n BETWEEN 1 AND 2) STORED, ADD i int AS (a IS NOT NULL AND n NOT IN (1, 2)) STORED;"
          . " SET sql_mode = ''; ALTER TABLE t ADD o int AS (n = 1 || n = 3) STORED, ADD q int AS (NOT n BETWEEN 1 AND 2) STORED; SET sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES'; ALTER TABLE t ADD \"r\" varchar(20) AS (CONCAT(\"a\", 'x$slash')) STORED; SET NAMES latin1; ALTER TABLE t ADD u varchar(20) AS (CONCAT(a, '\xE9')) STORED");
    run('utf8mb4', "INSERT INTO t (id, a, n) VALUES (3, '1', 2), (4, 'x', NULL), (5, NULL, 1)");
    same('t', 'generated columns');
    is($pg->value("SELECT string_agg(attname, '' ORDER BY attname) FROM pg_attribute WHERE attrelid = 'w.t'::regclass AND attgenerated = 's'"), 'hiopqru', 'are generated at the destination');
}
if ($checks)
{
    run('latin1', "SET sql_mode = 'PIPES_AS_CONCAT'; CREATE TABLE ck (id int PRIMARY KEY, a varchar(9), CONSTRAINT c1 CHECK (a <> '\xE9'), CONSTRAINT c2 CHECK (a || 'x' <> 'bx')); INSERT INTO ck VALUES (1, 'a')");
    same('ck', 'checks');
    my $is_refused = sub { my ($v) = @_; return $pg->error("INSERT INTO w.ck VALUES (9, '$v')") =~ /violates check constraint/ ? 1 : 0; };
    is(join(' ', map { $is_refused->($_) } "\xC3\xA9", 'b'), '1 1', 'refuse what they refuse there');
    is($pg->error("INSERT INTO w.ck VALUES (8, '\xC3\x83\xC2\xA9'); DELETE FROM w.ck WHERE id = 8"), '', 'and nothing else');
}
done_testing();
