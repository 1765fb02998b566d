# dts-runs: mariadb
# dts-deep-runs: mysql-9.7
# Names beyond ASCII of a source with lower_case_table_names = 1: statements
# find their tables, whatever the locale of the destination. Every character
# that the source folds is in a name.
use strict;
use warnings;
use Test::More;
use Dts::MariaDB;
use Dts::Postgres;
use Dts::Task;

my $my = Dts::MariaDB->new(lower_names => 1)->start;
my $pg = Dts::Postgres->new(preload => 1)->start;
$pg->sql('CREATE EXTENSION dtsmig');
my $four = '(SELECT 0 AS d UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3)';
my $number = join ' + ', map { "d$_.d * " . 4**$_ } 0 .. 7;
my @folded = map { $_->[0] } $my->rows("SET NAMES utf8mb4; SELECT c FROM (SELECT CONVERT(CONVERT(UNHEX(LPAD(HEX(n), 4, '0')) USING utf16) USING utf8mb3) COLLATE utf8mb3_general_ci AS c FROM (SELECT $number AS n FROM "
  . join(', ', map { "$four d$_" } 0 .. 7) . ") x WHERE n BETWEEN 65 AND 65500 AND n NOT BETWEEN 55296 AND 57343) x WHERE HEX(LOWER(c)) <> HEX(c) ORDER BY HEX(c)");
cmp_ok(scalar @folded, '>', 300, 'characters that the source folds');
# a name at the destination has 63 bytes
my @names;
while (my @part = splice @folded, 0, 12) { push @names, join '', 't', @part; }
$my->sql("SET NAMES utf8mb4; CREATE DATABASE f; USE f;" . join '', map { "CREATE TABLE `$_` (id int PRIMARY KEY); INSERT INTO `$_` VALUES (1);" } @names);
my $task = Dts::Task->new($my, $pg, name => 'f', db => 'f');
$task->start->wait_for('incremental', 120);
my $n = 0;
$my->sql("SET NAMES utf8mb4; USE f;" . join '', map { $n++; "ALTER TABLE `$_` ADD v$n int DEFAULT $n; INSERT INTO `$_` VALUES (2, $n + 5); CREATE TABLE `n$n$_` LIKE `$_`; INSERT INTO `n$n$_` VALUES (3, 3); TRUNCATE TABLE `n$n$_`; INSERT INTO `n$n$_` VALUES (4, 4);" } @names);
$task->catch_up;
is($pg->value("SELECT count(*) FROM dtsmig.task_tables WHERE task = 'f' AND state = 'ready'"), 2 * @names, 'every table is known, and no other');
my @tables = map { $_->[0] } $my->rows("SET NAMES utf8mb4; SELECT table_name FROM information_schema.tables WHERE table_schema = 'f'");
my %differ;
for my $name (@tables)
{
    my $target = $pg->value("SELECT target_table FROM dtsmig.task_tables WHERE task = 'f' AND source_table = '$name'");
    my $column = $my->value("SET NAMES utf8mb4; SELECT column_name FROM information_schema.columns WHERE table_schema = 'f' AND table_name = '$name' AND column_name <> 'id'");
    my $there = $my->value("SET NAMES utf8mb4; SELECT GROUP_CONCAT(CONCAT(id, '-', $column) ORDER BY id) FROM f.`$name`");
    my $here = $pg->try_value("SELECT string_agg(concat(id, '-', $column), ',' ORDER BY id) FROM f.\"$target\"") // 'none';
    $differ{$name} = "$there $here" if $here ne $there;
}
is(join("\n", map { "$_: $differ{$_}" } sort keys %differ), '', 'rows of ' . @tables . ' tables');
done_testing();
