# Statements of the schema at a destination of the MySQL family, which commits them by
# itself: the hub, its workers and the destination are killed while they run; each
# object is made once, and none is missing.
# dts-runs: mariadb, mysql-9.7
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);
use Dts::Env qw(poll_until);
use Dts::MariaDB;
use Dts::PgSource qw(pg_pair);
use Dts::Task;

my ($src, $hub) = pg_pair();
my $dst = Dts::MariaDB->new->start;
$dst->sql("CREATE USER app\@'%' IDENTIFIED BY 'pw'; CREATE DATABASE ledger; GRANT ALL ON *.* TO app\@'%'");
my $n = 60;
$src->sql("CREATE SCHEMA s; " . join ';', map { "CREATE TABLE s.t$_ (id integer PRIMARY KEY, a integer" . ($_ > 1 ? ' REFERENCES s.t' . ($_ - 1) : '') . ", b varchar(20) UNIQUE, c integer); CREATE INDEX ON s.t$_ (c); INSERT INTO s.t$_ SELECT i, i, i, i FROM generate_series(1, 50) i" } 1 .. $n);
my $task = Dts::Task->new($src, $hub, name => 'st', db => 'postgres', objects => [ { schema => 's' } ],
    destination => $dst, destination_db => 'ledger', destination_user => 'app', destination_password => 'pw');
$task->start;
my $kills = 0;
while (($hub->try_value("SELECT phase FROM dtsmig.tasks WHERE name = 'st'") // '') ne 'incremental' && $kills < 14)
{
    sleep 0.3 + rand 1.2;
    if ($kills++ % 3 == 2) { $dst->kill9; $dst->start; }
    else { $hub->kill9; $hub->start; }
}
note "$kills kills";
cmp_ok($kills, '>', 3, 'killed while they ran');
$task->wait_for('incremental', 120);
$task->catch_up(60);
is($task->sql("SELECT string_agg(concat_ws(' ', kind, name, error), E'\\n') FROM dtsmig.task_objects WHERE task = 'st' AND state NOT IN ('done', 'skipped')"), '', 'no object is left out');
is($dst->value("SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 's'"), $n, 'tables');
is($dst->value("SELECT COUNT(DISTINCT table_name) FROM information_schema.statistics WHERE table_schema = 's' AND index_name <> 'PRIMARY' AND non_unique = 0 AND column_name = 'b'"), $n, 'unique indexes');
is($dst->value("SELECT COUNT(DISTINCT table_name) FROM information_schema.statistics WHERE table_schema = 's' AND non_unique = 1 AND column_name = 'c'"), $n, 'indexes');
is($dst->value("SELECT COUNT(*) FROM information_schema.referential_constraints WHERE constraint_schema = 's'"), $n - 1, 'foreign keys');
is(join(' ', map { $dst->value("SELECT COUNT(*) FROM s.t$_") } 1 .. $n), join(' ', (50) x $n), 'rows');
is($dst->value("SELECT COUNT(*) FROM ledger.dtsmig_ledger WHERE value = 'begun'"), 0, 'what was begun is done');
done_testing();
