# Rows go by a cascade, and others come under the same key, after their parent was
# copied and before they are: the copy of the child has all of that. The log,
# read from where the parent was copied, has the DELETE of the parent alone, which
# must not take the rows that came later. The same when the source fails over
# between the copy and the changes, where the copy's place is known by GTID alone.
# And the other way round: the child was copied before the DELETE, its parent after.
#
# dts-runs: mariadb, mysql-5.6
# dts-deep-runs: mysql-9.7
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep);
use Dts::Compare qw(same_database);
use Dts::Env qw(poll_until spawn);
use Dts::MariaDB;
use Dts::Task qw(server_pair);

my ($a, $pg) = server_pair(kind => $ENV{DTS_KIND});
my $b = Dts::MariaDB->new(kind => $ENV{DTS_KIND})->start;
$b->replicate($a);
my $gtids = $a->{mysql} ? 'SELECT @@global.gtid_executed' : 'SELECT @@global.gtid_binlog_pos';
# MySQL: for a key that changes the child is copied again, which cascaded_keys.pl has
my $keys = sub { my ($t, $more) = @_; return $a->{mysql} ? '' : " UPDATE $t SET id = 9000 WHERE id = 7; INSERT INTO $more" };
my $par = join ', ', map { "($_, REPEAT('p', 300))" } 1 .. 8000;
my $chi = join ', ', map { "($_, $_, 0)" } 1 .. 1000;

for my $db (qw(known moved))
{
    $a->sql("CREATE DATABASE $db; USE $db; CREATE TABLE par (id int PRIMARY KEY, n text); INSERT INTO par VALUES $par;"
          . ' CREATE TABLE chi (id int PRIMARY KEY, par_id int, n int, FOREIGN KEY (par_id) REFERENCES par (id) ON DELETE CASCADE ON UPDATE CASCADE);'
          . " CREATE TABLE mum (id int PRIMARY KEY); INSERT INTO mum SELECT id FROM par WHERE id <= 2000;"
          . " CREATE TABLE kid (id int PRIMARY KEY, mum_id int, n text, FOREIGN KEY (mum_id) REFERENCES mum (id) ON DELETE CASCADE ON UPDATE CASCADE); INSERT INTO kid SELECT id, id, REPEAT('k', 2500) FROM mum;"
          . " INSERT INTO chi VALUES $chi; CREATE TABLE held (id int PRIMARY KEY); INSERT INTO held VALUES (1); ANALYZE TABLE par, chi, mum, kid, held");
    my $task = Dts::Task->new($a, $pg, name => $db, db => $db, options => { copy_workers => 1, rows_per_range => 1000, throttle_full_rows => 2000 })->start;
    my $copied = sub { my ($t) = @_; $pg->try_value("SELECT count(*) FROM dtsmig.task_job j JOIN dtsmig.task_table t USING (table_id) WHERE t.source_table = '$t' AND t.source_schema = '$db' AND j.kind = 'copy' AND j.state = 'done'") // 0 };
    ok(poll_until(sub { $copied->("par") >= 2 }, 60, 0.02), "$db: a part of the parent is copied") or diag $task->report;
    $pg->kill9;
    $a->sql("USE $db; DELETE FROM mum WHERE id IN (5, 6); INSERT INTO mum VALUES (6);" . $keys->('mum', 'mum VALUES (7)'));
    $a->sql("USE $db; DELETE FROM par WHERE id IN (5, 6); INSERT INTO par VALUES (5, 1), (6, 1); INSERT INTO chi VALUES (5, 5, 1), (2005, 6, 1);" . $keys->('par', 'par VALUES (7, 1); INSERT INTO chi VALUES (2007, 7, 1)'));
    my $lock = $db eq 'moved' ? spawn({ code => sub { $a->mariadb("LOCK TABLES held WRITE; SELECT SLEEP(120)", db => $db) } }) : undef;
    sleep 0.5 if $lock;
    $pg->start;
    is(join(' ', map { $copied->($_) } qw(chi mum)), '0 0', "$db: what comes then is not yet");
    cmp_ok($copied->('kid'), '>', 0, "$db: a child is, before its parent");
    $pg->sql("SELECT dtsmig.alter_task('$db', '{\"throttle_full_rows\": 0}')");
    if ($lock)
    {
        my $want = $a->value($gtids);
        ok(poll_until(sub { $copied->('chi') == 1 && $b->value($gtids) eq $want }, 60, 0.05), "$db: the child is, in one snapshot") or diag $task->report;
        is($copied->('held'), 0, "$db: a third one is not");
        $a->kill9;
        $b->promote;
        $b->sql("FLUSH BINARY LOGS; INSERT INTO $db.held VALUES (2)");
        $pg->sql("ALTER SERVER src_$db OPTIONS (SET port '$b->{port}')");
        $task->{my} = $b;
    }
    ok(eval { $task->wait_for('incremental', 120); 1 }, "$db: the task goes on") or diag $@;
    ok(eval { $task->catch_up(60); 1 }, "$db: caught up") or diag $@;
    ok($pg->poll_query("SELECT count(*) = 0 FROM dtsmig.task_tables WHERE task = '$db' AND state <> 'ready'", 60), "$db: no table waits") or diag $task->report;
    ok(eval { $task->catch_up(60); 1 }, "$db: caught up again") or diag $@;
    same_database($task->{my}, $db, $pg, $db, "$db: equal");
    note $pg->sql("SELECT message FROM dtsmig.task_log WHERE task = '$db' AND message LIKE '%copied again%'");
    $task->release;
}
done_testing();
