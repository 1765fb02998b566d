# What ALTER TABLE makes of values, of which the log says nothing: where they do
# not fit their column's new type and the session is not strict, where a column
# gets other labels, bytes or characters, where rows go with IGNORE or
# with the engine, and where a new column has a value of its own in each row.
# In strict sessions, in which all values fit, tables are not copied again.
#
# dts-runs: mariadb
# dts-deep-runs: mysql-5.6, mariadb-11.8, mysql-9.7
use strict;
use warnings;
use utf8;
use Test::More;
use Dts::Compare qw(compare_table);
use Dts::Env qw(poll_until);
use Dts::Task qw(server_pair);

my ($my, $pg) = server_pair(kind => $ENV{DTS_KIND});
my ($mariadb, $version) = (!$my->{mysql}, $my->{version});
my $utf8 = 'CHARACTER SET utf8mb4';

# In a session that is not strict: table, column, values, ALTER TABLE
my @loose = (
    [ 'mediumint', 'INT', '(8388608), (5), (-9000000)', 'MODIFY n MEDIUMINT' ],
    [ 'tinyint', 'SMALLINT', '(300), (5), (-300)', 'MODIFY n TINYINT' ],
    [ 'int_unsigned', 'INT', '(-5), (7)', 'MODIFY n INT UNSIGNED' ],
    [ 'tinyint_unsigned', 'SMALLINT', '(-5), (7)', 'MODIFY n TINYINT UNSIGNED' ],
    [ 'bigint_signed', 'BIGINT UNSIGNED', '(18446744073709551615), (1)', 'MODIFY n BIGINT' ],
    [ 'decimal_unsigned', 'DECIMAL(10,2)', '(-5.5), (7)', 'MODIFY n DECIMAL(10,2) UNSIGNED' ],
    [ 'decimal_less', 'DECIMAL(10,2)', '(12345678.99), (7)', 'MODIFY n DECIMAL(5,2)' ],
    [ 'decimal_round', 'DECIMAL(4,2)', '(99.99), (7)', 'MODIFY n DECIMAL(3,1)' ],
    [ 'float_unsigned', 'FLOAT', '(-5.5), (7)', 'MODIFY n FLOAT UNSIGNED' ],
    [ 'double_unsigned', 'DOUBLE', '(-5.5), (7)', 'MODIFY n DOUBLE UNSIGNED' ],
    [ 'year', 'INT', '(70), (2000), (99), (1)', 'MODIFY n YEAR' ],
    [ 'text_less', 'VARCHAR(10)', "('abcdefghij'), ('a')", 'MODIFY n VARCHAR(3)' ],
    [ 'tinytext', 'TEXT', "(REPEAT('x', 1000)), ('a')", 'MODIFY n TINYTEXT' ],
    [ 'varchar_tinytext', 'VARCHAR(300)', "(REPEAT('ä', 200)), ('a')", 'MODIFY n TINYTEXT' ],
    [ 'tinyblob', 'BLOB', "(REPEAT('x', 1000)), ('a')", 'MODIFY n TINYBLOB' ],
    [ 'varbinary_tinyblob', 'VARBINARY(500)', "(REPEAT('x', 400)), ('a')", 'MODIFY n TINYBLOB' ],
    [ 'text_charset', "TEXT $utf8", "('abc'), ('漢字'), ('é')", 'MODIFY n TEXT CHARACTER SET latin1' ],
    [ 'varchar_charset', "VARCHAR(10) $utf8", "('abc'), ('漢字'), ('é')", 'MODIFY n VARCHAR(10) CHARACTER SET latin1' ],
    [ 'varchar_ascii', 'VARCHAR(10) CHARACTER SET latin1', "('abc'), ('é')", 'MODIFY n VARCHAR(10) CHARACTER SET ascii' ],
    [ 'convert', "VARCHAR(10) $utf8", "('abc'), ('漢字')", 'CONVERT TO CHARACTER SET latin1' ],
    [ 'int_text', 'INT', '(12345), (-1234), (1)', 'MODIFY n VARCHAR(3)' ],
    [ 'not_null', 'INT', '(NULL), (1)', 'MODIFY n INT NOT NULL' ],
    [ 'enum_gone', "ENUM('a', 'b', 'c')", "('a'), ('b'), (NULL)", "MODIFY n ENUM('a', 'c')" ],
    [ 'set_gone', "SET('a', 'b', 'c')", "('a'), ('a,b'), ('c'), (NULL)", "MODIFY n SET('a', 'c')" ],
);
# In any session
my @any = (
    [ 'binary', 'BINARY(5)', "('abc'), ('a'), ('abcde')", 'MODIFY n BINARY(9)' ],
    [ 'enum_case', "ENUM('a', 'b', 'c')", "('a'), ('b'), (NULL)", "MODIFY n ENUM('A', 'b', 'c')" ],
    [ 'enum_accent', "ENUM('e', 'b')", "('e'), ('b')", "MODIFY n ENUM('é', 'b')" ],
    [ 'set_case', "SET('a', 'b', 'c')", "('a'), ('a,b'), (NULL)", "MODIFY n SET('A', 'b', 'c')" ],
    [ 'set_order', "SET('a', 'b', 'c')", "('a'), ('a,b'), ('a,b,c'), (NULL)", "MODIFY n SET('c', 'b', 'a')" ],
    [ 'int_float', 'BIGINT', '(9007199791611905), (1152921573326323713), (16777217)', 'MODIFY n FLOAT' ],
    [ 'decimal_float', 'DECIMAL(40,25)', '(1.0000000596046447753906251), (0.1)', 'MODIFY n FLOAT' ],
    $my->{mysql} ? [ 'blackhole', 'INT', '(1), (2)', 'ENGINE = BLACKHOLE' ] : (),
);
my @ignore = (
    [ 'unique_case', 'VARCHAR(10)', "('a'), ('A'), ('b')", 'ADD UNIQUE (n)' ],
    [ 'unique_spaces', 'VARCHAR(10)', "('abc'), ('abc '), ('b')", 'ADD UNIQUE (n)' ],
    [ 'ignored_type', 'INT', '(300), (5)', 'MODIFY n TINYINT UNSIGNED' ],
);
@ignore = () if $my->{mysql} && $version >= 50700;
my @own = map { [ lc $_, 'INT', '(1), (2)', "ADD COLUMN u CHAR(36) DEFAULT ($_())" ] } $mariadb ? 'UUID' : (),
  $mariadb && $version >= 110700 ? qw(UUID_v4 UUID_v7) : ();
# All values fit, and a cast makes them what they are at the source
my @fits = (
    [ 'f_mediumint', 'INT', '(8388607), (5)', 'MODIFY n MEDIUMINT' ],
    [ 'f_unsigned', 'INT', '(5), (7)', 'MODIFY n INT UNSIGNED' ],
    [ 'f_text', 'VARCHAR(10)', "('abc'), ('a')", 'MODIFY n VARCHAR(3)' ],
    [ 'f_decimal', 'DECIMAL(10,2)', '(1.25), (-7)', 'MODIFY n DECIMAL(5,1)' ],
    [ 'f_enum', "ENUM('a', 'b')", "('a'), ('b')", "MODIFY n ENUM('b', 'x', 'a')" ],
    [ 'f_set', "SET('a', 'b')", "('a'), ('a,b')", "MODIFY n SET('a', 'b', 'c')" ],
);
# The same in a session that is not strict, where the new type holds all
my @wider = (
    [ 'w_int', 'SMALLINT', '(-5), (7)', 'MODIFY n INT' ],
    [ 'w_unsigned', 'SMALLINT UNSIGNED', '(5), (7)', 'MODIFY n INT' ],
    [ 'w_text', 'VARCHAR(3)', "('abc'), ('a')", 'MODIFY n VARCHAR(30)' ],
    [ 'w_longtext', 'VARCHAR(30)', "('abc'), ('ä')", 'MODIFY n MEDIUMTEXT' ],
    [ 'w_decimal', 'DECIMAL(10,2)', '(1.25), (-7)', 'MODIFY n DECIMAL(14,4)' ],
    [ 'w_int_decimal', 'INT', '(-2147483648), (7)', 'MODIFY n DECIMAL(14,4)' ],
    [ 'w_charset', 'VARCHAR(10) CHARACTER SET latin1', "('é'), ('a')", "MODIFY n VARCHAR(10) $utf8" ],
    [ 'w_same', 'INT', '(1), (2)', "MODIFY n INT DEFAULT 7 COMMENT 'seven'" ],
    [ 'w_enum', "ENUM('a', 'b')", "('a'), ('b')", "MODIFY n ENUM('a', 'x', 'b')" ],
);

my @tables = (@loose, @any, @ignore, @own, @fits, @wider);
my $sql = join '', map { "CREATE TABLE `$_->[0]` (id INT AUTO_INCREMENT PRIMARY KEY, n $_->[1]) ENGINE = InnoDB; INSERT INTO `$_->[0]` (n) VALUES $_->[2];\n" } @tables;
utf8::encode($sql);
$my->sql("CREATE DATABASE av DEFAULT CHARACTER SET utf8mb4; USE av; SET NAMES utf8mb4; $sql");
my $task = Dts::Task->new($my, $pg, name => 'av', db => 'av')->start;
$task->wait_for('incremental', 90);

my $strict = 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION';
for (map({ [ '', 'NO_ENGINE_SUBSTITUTION', $_ ] } @loose, @wider), map({ [ '', $strict, $_ ] } @any, @own, @fits), map({ [ 'IGNORE', $strict, $_ ] } @ignore))
{
    my ($ignore, $mode, $c) = @$_;
    my $alter = "SET NAMES utf8mb4; SET sql_mode = '$mode'; ALTER $ignore TABLE `$c->[0]` $c->[3]";
    utf8::encode($alter);
    my ($code, $out, $err) = $my->mariadb($alter, db => 'av');
    fail("$c->[0]: at the source") or diag $err if $code;
}
ok(eval { $task->catch_up(90); 1 }, 'caught up') or diag $@;
ok(poll_until(sub { ($pg->try_value("SELECT count(*) FROM dtsmig.task_tables WHERE task = 'av' AND state <> 'ready'") // '') eq '0' }, 60), 'all tables are ready') or diag $task->report;
ok(eval { $task->catch_up(60); 1 }, 'caught up') or diag $@;
is(compare_table($my, "av.$_->[0]", $pg, "av.$_->[0]"), '', "$_->[0]: $_->[1], " . ($_->[3] =~ s/[^\x20-\x7e]+/?/gr)) for @tables;
is($pg->value("SELECT string_agg(n, ' ' ORDER BY n) FROM (SELECT DISTINCT substring(message, '\"av\"\\.\"([fw]_\\w+)\" is copied again') AS n FROM dtsmig.task_log WHERE task = 'av') x"), '', 'nothing is copied again where a cast will do');

# the rows go on from there
$my->sql("USE av; SET sql_mode = '';" . join '', map { "UPDATE `$_->[0]` SET id = id + 100;" } @tables);
ok(eval { $task->catch_up(60); 1 }, 'rows: caught up') or diag $@;
is(join('', map { compare_table($my, "av.$_->[0]", $pg, "av.$_->[0]") } @tables), '', 'rows are followed');
is($task->status, 'running', 'the task runs') or diag $task->report;
done_testing();
