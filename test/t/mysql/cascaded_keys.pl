# A key that rows refer to is deleted, and another row's key becomes it, which
# cascades; the child is copied partly before and partly after that, as a crash
# in its copy does it. The log has the parent's rows alone: what the DELETE does
# again must not take the rows that came under the key later.
#
# dts-runs: mariadb, mysql-5.6
# dts-deep-runs: mysql-9.7, mariadb-11.8
use strict;
use warnings;
use Test::More;
use Dts::Compare qw(same_database);
use Time::HiRes qw(sleep);
use Dts::Env qw(poll_until reap);
use Dts::Task qw(server_pair);

my ($my, $pg) = server_pair(kind => $ENV{DTS_KIND});
my $pars = join ', ', map { "($_, 0)" } 1 .. 4000;
my $rows = join ', ', map { "($_, $_, 0)" } 1 .. 4000;
for my $action ('CASCADE', 'SET NULL')
{
    my $db = $action eq 'CASCADE' ? 'gone' : 'nulled';
    $my->sql("CREATE DATABASE $db; USE $db; CREATE TABLE par (id int PRIMARY KEY, n int); INSERT INTO par VALUES $pars;"
          . " CREATE TABLE chi (id int PRIMARY KEY, par_id int, n int, FOREIGN KEY (par_id) REFERENCES par (id) ON DELETE $action ON UPDATE CASCADE); INSERT INTO chi VALUES $rows;"
          . ' CREATE TABLE gra (id int PRIMARY KEY, chi_id int, FOREIGN KEY (chi_id) REFERENCES chi (id) ON DELETE CASCADE); INSERT INTO gra SELECT id, id FROM chi');
    my $task = Dts::Task->new($my, $pg, name => $db, db => $db, options => { copy_workers => 1, rows_per_range => 1000, throttle_full_rows => 1500 })->start;
    my $copied = sub { my ($t) = @_; $pg->try_value("SELECT count(*) FROM dtsmig.task_job j JOIN dtsmig.task_table t USING (table_id) WHERE t.source_table = '$t' AND t.source_schema = '$db' AND j.kind = 'copy' AND j.state = 'done'") // 0 };
    ok(poll_until(sub { $copied->('chi') >= 1 }, 60, 0.05), "$action: a range of the child is copied") or diag $task->report;
    $pg->kill9;
    $my->sql("USE $db; DELETE FROM par WHERE id IN (204, 2204); UPDATE par SET id = 2204 WHERE id = 3795; UPDATE par SET id = 204 WHERE id = 3796; UPDATE par SET id = 9000 WHERE id = 3797; UPDATE par SET id = 3797 WHERE id = 3798; DELETE FROM par WHERE id = 9000");
    # rows that come later: the child is ahead of its parent when it is copied again
    my $n = 10000;
    my $writer = $my->background(sub { $n++; sleep 0.005; return "INSERT INTO par VALUES ($n, 1); INSERT INTO chi VALUES ($n, $n, 1); INSERT INTO gra VALUES ($n, $n);" }, db => $db);
    $pg->start;
    cmp_ok($copied->('chi'), '<', 4, "$action: and the last is not yet");
    $pg->sql("SELECT dtsmig.alter_task('$db', '{\"throttle_full_rows\": 0}')");
    ok(eval { $task->wait_for('incremental', 120); 1 }, "$action: the task goes on") or diag $@;
    ok(poll_until(sub { ($pg->try_value("SELECT count(*) FROM dtsmig.task_tables WHERE task = '$db' AND state <> 'ready'") // '') eq '0' }, 60), "$action: no table waits") or diag $task->report;
    reap($writer, 'TERM');
    ok(eval { $task->catch_up(60); 1 }, "$action: caught up") or diag $@;
    same_database($my, $db, $pg, $db, "$action: equal");
    $task->release;
}
done_testing();
