# The destination's own tables hold what they like: a role that owns one gives a key
# column another type, and values that are no numbers. They do not become part of
# what the source is asked.
use strict;
use warnings;
use Test::More;
use Dts::Env qw(poll_until);
use Dts::Task qw(server_pair);

my ($my, $pg) = server_pair();
$my->sql("CREATE DATABASE k; USE k; SET NAMES utf8mb4;
    CREATE TABLE by_bit (id bit(8) PRIMARY KEY, v int); INSERT INTO by_bit VALUES (b'1', 1), (b'10', 2);
    CREATE TABLE by_bytes (id varbinary(9) PRIMARY KEY, v int); INSERT INTO by_bytes VALUES (X'01', 1), (X'02', 2);
    CREATE TABLE by_number (id decimal(9,2) PRIMARY KEY, v int); INSERT INTO by_number VALUES (1.5, 1), (2, 2);
    CREATE TABLE by_double (id double PRIMARY KEY, v int); INSERT INTO by_double VALUES (1.5, 1), (2, 2)");
my %key = (by_bit => [ '00000001', '00000010' ], by_bytes => [ '\x01', '\x02' ], by_number => [ '1.50', '2.00' ], by_double => [ '1.5', '2' ]);
$pg->sql('CREATE SCHEMA k; ' . join '', map { "CREATE TABLE k.$_ (id text PRIMARY KEY, v int);" } sort keys %key);
my $task = Dts::Task->new($my, $pg, name => 'k', db => 'k', types => [qw(full incremental)], options => { conflict => 'ignore' });
$task->start;
ok(poll_until(sub { $task->status =~ /failed/ || $task->get('phase') eq 'incremental' }, 60), 'tables of other types') or diag $task->report;
my %bad = (by_bit => "1' OR 'injected' = 'injected", by_bytes => "\\x27' OR 'injected' = 'injected", by_number => '1--', by_double => '1--');
$my->sql("SET GLOBAL log_output = 'TABLE'; SET GLOBAL general_log = 1");
for my $table (sort keys %bad)
{
    (my $value = $bad{$table}) =~ s/'/''/g;
    $pg->sql("INSERT INTO k.$table VALUES ('$value', 9)");
    my $error = $pg->error("SELECT count(*) FROM dtsmig.verify('k', tables => '{k.$table}')");
    is($error, '', "$table: verified");
    is($pg->value("SELECT string_agg(kind || ' ' || coalesce(key->>'id', ''), ',') FROM dtsmig.verify('k', tables => '{k.$table}') WHERE kind = 'extra'"), "extra $bad{$table}", "$table: the row is one too many");
}
$my->sql('SET GLOBAL general_log = 0');
is($my->value("SELECT COUNT(*) FROM mysql.general_log WHERE argument LIKE '%injected%' AND argument NOT LIKE '%general_log%'"), 0, 'the source is not asked by it');
is($my->value("SELECT COUNT(*) FROM mysql.general_log WHERE argument LIKE '%1--%' AND argument NOT LIKE '%general_log%'"), 0, 'nor what would be a comment');
done_testing();
