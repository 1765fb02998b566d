# Tables of engines without transactions: no snapshot has their rows. They are
# read while nobody can write to them, so that what comes later is applied once.
#
# dts-runs: mariadb
# dts-deep-runs: mysql-5.6, mysql-9.7, mariadb-11.8
use strict;
use warnings;
use Test::More;
use Dts::Compare qw(same_database);
use Dts::Env qw(poll_until reap);
use Dts::Precheck;
use Dts::Task qw(server_pair);

my ($my, $pg) = server_pair(kind => $ENV{DTS_KIND});
my @engines = ('MyISAM', $my->{mysql} ? () : 'Aria', 'MEMORY');
my (@tables, $make);
$make = 'CREATE DATABASE m; USE m;';
for my $engine (@engines)
{
    my $e = lc $engine;
    $make .= "CREATE TABLE ${e}_k (id int, v varchar(100)) ENGINE=$engine; CREATE TABLE ${e}_t (id int PRIMARY KEY, v varchar(100)) ENGINE=$engine;";
    $make .= "INSERT INTO ${e}_k VALUES " . join(', ', map { "($_, REPEAT('x', 60))" } 1 .. 4000) . "; INSERT INTO ${e}_t SELECT * FROM ${e}_k;";
    push @tables, "${e}_k", "${e}_t";
}
$my->sql("$make CREATE TABLE i (id int, v varchar(100)) ENGINE=InnoDB; INSERT INTO i SELECT * FROM myisam_k");
my $i = 0;
my $writer = $my->background(sub {
    select undef, undef, undef, 0.005;
    $i++;
    my $id = 10_000 + $i;
    return join ' ', 'USE m;', (map { "INSERT INTO $_ VALUES ($id, 'new'); UPDATE $_ SET v = 'changed $i' WHERE id = 1 + $i * 7 % 4000; DELETE FROM $_ WHERE id = 4000 - $i;" } @tables), "BEGIN; INSERT INTO i VALUES ($id, 'mixed'); INSERT INTO myisam_k VALUES ($id, 'mixed'); COMMIT; SELECT SLEEP(0.01);";
});
my $task = Dts::Task->new($my, $pg, name => 'm', db => 'm', options => { copy_workers => 2, rows_per_range => 1000, throttle_full_rows => 15000 })->start;
ok(eval { $task->wait_for('incremental', 60); 1 }, 'copied while it is written to') or diag $@;
for my $n (1 .. 2)
{
    $pg->sql("SELECT dtsmig.resync_table('m', 'm.' || t) FROM unnest('{myisam_k, myisam_t, memory_k}'::text[]) t");
    ok(poll_until(sub { ($pg->try_value("SELECT count(*) FROM dtsmig.task_tables WHERE task = 'm' AND state <> 'ready'") // '') eq '0' }, 60), 'copied again meanwhile') or diag $task->report;
}
$pg->sql("SET session_replication_role = replica; UPDATE m.myisam_t SET v = 'damaged' WHERE id BETWEEN 10 AND 60");
is($pg->value("SELECT string_agg(concat_ws(' ', source_table, kind, key), ', ') FROM dtsmig.verify('m') WHERE NOT (source_table = 'm.myisam_t' AND (key ->> 'id')::int BETWEEN 10 AND 60)"), '', 'nothing differs but what was damaged');
$pg->sql("SELECT dtsmig.repair('m')");
ok(poll_until(sub { ($pg->try_value("SELECT string_agg(DISTINCT state, ' ') FROM dtsmig.verify_results WHERE task = 'm'") // '') eq 'repaired' }, 30), 'rows are repaired meanwhile') or diag $task->report;
reap($writer, 'TERM', 20);
ok(eval { $task->catch_up(60); 1 }, 'caught up') or diag $task->report;
same_database($my, 'm', $pg, 'm', 'tables without transactions');
is($task->status, 'running', 'the task runs');
$task->release;

# --- an account that may not lock them
$my->sql("REVOKE LOCK TABLES ON *.* FROM mig\@'%'; FLUSH PRIVILEGES");
my $check = Dts::Precheck->new($my, $pg);
$check->by_hand($check->task(db => 'm'), sub { $my->sql("GRANT LOCK TABLES ON *.* TO mig\@'%'; FLUSH PRIVILEGES") },
    lock_tables_privilege => [ 'failed', qr/tables are of an engine without transactions/ ]);
done_testing();
