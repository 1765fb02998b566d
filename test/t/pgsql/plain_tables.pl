# A relation of the destination that is no plain table takes no rows, of a
# PostgreSQL source: see mysql/plain_tables.pl for all kinds of them.
use strict;
use warnings;
use Test::More;
use Dts::Keepers qw(stand_in);
use Dts::PgSource qw(pg_pair);
use Dts::Task;

my ($src, $pg) = pg_pair();
stand_in($pg, 'citus');
$src->sql("CREATE SCHEMA d; CREATE TABLE d.t (id int PRIMARY KEY, v text); INSERT INTO d.t VALUES (1, 'one'), (2, 'two')");
$pg->sql('CREATE SCHEMA d; CREATE TABLE d.t (id int, v text) PARTITION BY RANGE (id); CREATE TABLE d.low PARTITION OF d.t FOR VALUES FROM (0) TO (10)');
$pg->sql('CREATE EXTENSION citus; CREATE EXTENSION postgres_fdw; CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw');

my $task = Dts::Task->new($src, $pg, name => 'rows', objects => [ { schema => 'd' } ], types => [qw(full incremental)]);
$pg->sql("INSERT INTO pg_catalog.pg_dist_partition (logicalrelid, partmethod) VALUES ('d.t', 'h')");
$task->start;
ok($task->wait_status('precheck_failed', 60), 'a distributed table fails the precheck') or diag $task->report;
like($pg->value("SELECT found || ' ' || advice FROM dtsmig.precheck_results WHERE item = 'destination_tables'"), qr/d\.t is not a plain table: Citus.*undistribute_table\('d\.t'\)/s, 'which says why');
$pg->sql('DELETE FROM pg_catalog.pg_dist_partition');
$task->start->wait_for('incremental');
is($pg->value('SELECT count(*) FROM d.t'), 2, 'a partitioned table with plain partitions is filled');

$pg->sql('CREATE FOREIGN TABLE d.high PARTITION OF d.t FOR VALUES FROM (10) TO (20) SERVER far');
$src->sql("INSERT INTO d.t VALUES (3, 'three')");
ok($task->wait_status('failed', 60), 'a foreign partition stops the task') or diag $task->report;
like($task->last_error, qr/d\.t at the destination is not a plain table/, 'and the table is named');
like($task->get('last_error_hint'), qr/^Use a plain table as partition, or detach it: ALTER TABLE d\.t DETACH PARTITION d\.high\./, 'with what to do');
$pg->sql('ALTER TABLE d.t DETACH PARTITION d.high');
$task->resume;
$task->catch_up;
is($pg->value('SELECT count(*) FROM d.t'), 3, 'after which it goes on');
done_testing();
