# The reply to the COMMIT of a statement that drops or renames columns and tables
# at a destination elsewhere is lost, or the hub dies right after it: the catalog
# follows the ledger, although its tables have other columns by then.
#
# dts-runs: mariadb, mysql-9.7
use strict;
use warnings;
use Test::More;
use Dts::Compare qw(compare_tables);
use Dts::Env qw(poll_until);
use Dts::Postgres;
use Dts::Proxy;
use Dts::Task qw(server_pair);

my ($my, $hub) = server_pair(preload => 1);
my $dst = Dts::Postgres->new(preload => 0)->start;
my $line = Dts::Proxy->new(port => $dst->{port});
$my->sql('CREATE DATABASE d; USE d; CREATE TABLE t (id int PRIMARY KEY, a int, b varchar(20), c int); INSERT INTO t VALUES (1, 1, \'x\', 1), (2, 2, NULL, 2); CREATE TABLE u (id int PRIMARY KEY)');
my $task = Dts::Task->new($my, $hub, name => 'lost', db => 'd', destination => $dst, destination_port => $line->{port});
$task->start->wait_for('incremental', 90);

for my $step ([ 'ALTER TABLE d.t DROP COLUMN a', 't' ], [ 'ALTER TABLE d.t CHANGE b bb varchar(30)', 't' ], [ 'RENAME TABLE d.t TO d.tt', 'tt' ],
    [ 'ALTER TABLE d.tt ADD COLUMN e int DEFAULT 3', 'tt' ], [ 'DROP TABLE d.u', 'tt' ])
{
    my ($sql, $table) = @$step;
    $task->catch_up(60);
    $line->lose('reply');
    $my->sql("$sql; USE d; INSERT INTO $table (id) SELECT MAX(id) + 1 FROM $table; UPDATE $table SET c = COALESCE(c, 0) + 1");
    ok(poll_until(sub { $line->lost }, 30, 0.05), "$sql: a reply was lost");
    ok(eval { $task->catch_up(60); 1 }, "$sql: followed") or BAIL_OUT($task->report);
    my ($diff) = compare_tables($my, $dst, [ [ "d.$table", "d.$table" ] ]);
    is($diff, '', "$sql: the table is equal");
    my $columns = sub { join ',', map { $_->[0] } @_ };
    is($columns->($dst->rows("SELECT attname FROM pg_attribute WHERE attrelid = 'd.$table'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attname")),
        join(',', sort split /,/, $my->value("SELECT GROUP_CONCAT(column_name) FROM information_schema.columns WHERE table_schema = 'd' AND table_name = '$table'")), "$sql: the same columns");
}
is($dst->value("SELECT to_regclass('d.u') IS NULL"), 't', 'the table that was dropped is gone');
ok(poll_until(sub { $dst->value("SELECT value FROM dtsmig_ledger.dtsmig_ledger WHERE key = 'position'") eq $task->get('applied_position') }, 20, 0.1), 'ledger and catalog agree');
done_testing();
