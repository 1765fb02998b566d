# XA COMMIT is reported by MariaDB's log, and by the position that it gives with a
# snapshot, before the snapshot has its rows: for as long as InnoDB takes to end
# the transaction, which a full-text index makes long. Rows of a table that is
# copied, or copied again, from such a snapshot would be missing.
#
# dts-runs: mariadb
# dts-deep-runs: mariadb-11.8, mysql-9.7
use strict;
use warnings;
use Test::More;
use Dts::Compare qw(same_database);
use Dts::Env qw(poll_until reap);
use Dts::Task qw(server_pair);

my ($my, $pg) = server_pair(kind => $ENV{DTS_KIND});
my $rows = join ', ', map { "($_, 'row $_')" } 1 .. 200;
my $doc = join ' ', map { "w${_}x" } 1 .. 300;
my $docs = join ', ', map { "('" . ($doc =~ s/w/w$_/gr) . "')" } 1 .. 350;
$my->sql("CREATE DATABASE s; USE s; CREATE TABLE t (id int PRIMARY KEY, v varchar(40)); INSERT INTO t VALUES $rows; CREATE TABLE k (id int, v varchar(40)); INSERT INTO k VALUES $rows; "
      . "CREATE DATABASE aside; USE aside; CREATE TABLE f (id int AUTO_INCREMENT PRIMARY KEY, d text, FULLTEXT (d)); CREATE TABLE src (d text); INSERT INTO src VALUES $docs");

my $n = 1000;

# An XA transaction that writes to both tables; while it commits, code. One that
# has been too fast for a busy machine to see is followed by another.
sub while_it_commits
{
    my ($elsewhere, $code, $try) = @_;
    my ($id, $up) = (++$n, 900 + $n);
    my $pid = fork // die "fork: $!";
    if ($pid == 0)
    {
        my @do = ("XA START 'x$id'; INSERT INTO s.k VALUES ($id, 'xa'); INSERT INTO s.t VALUES ($id, 'xa'); UPDATE s.t SET v = 'xa $id' WHERE id = $id - 1000; DELETE FROM s.t WHERE id = $id - 900; INSERT INTO aside.f (d) SELECT d FROM aside.src; INSERT INTO aside.f (d) SELECT d FROM aside.src; XA END 'x$id'; XA PREPARE 'x$id'",
            "XA COMMIT 'x$id'");
        if ($elsewhere) { $my->sql($do[0]); sleep 1; $my->sql($do[1]); }
        else { $my->sql("$do[0]; $do[1]"); }
        require POSIX;
        POSIX::_exit(0);
    }
    my $seen = poll_until(sub { $my->value("SHOW GLOBAL STATUS LIKE 'Com_xa_commit'") =~ /\t(\d+)/ && $1 >= $n - 1000 }, 40, 0.005);
    select undef, undef, undef, 0.03;
    my $there = $my->value("SELECT count(*) FROM s.k WHERE id = $id");
    if ($seen && $there && ($try // 1) < 5)
    {
        waitpid $pid, 0;
        return while_it_commits($elsewhere, $code, ($try // 1) + 1);
    }
    ok($seen, 'it commits');
    is($there, 0, 'nobody sees it at the source yet');
    $code->();
    waitpid $pid, 0;
}

my $task;
my $same = sub {
    my ($what) = @_;
    ok(eval { $task->wait_for('incremental', 60); 1 }, "$what: it runs") or diag $@;
    ok(poll_until(sub { ($pg->try_value("SELECT count(*) FROM dtsmig.task_tables WHERE task = 's' AND state <> 'ready'") // '') eq '0' }, 40), "$what: all tables are ready") or diag $task->report;
    ok(eval { $task->catch_up(60); 1 }, "$what: caught up") or diag $@;
    same_database($my, 's', $pg, 's', $what);
};

while_it_commits(0, sub { $task = Dts::Task->new($my, $pg, name => 's', db => 's', options => { batch_delay => 0 })->start; $task->wait_for('incremental', 60) });
$same->('a full load');
while_it_commits(0, sub { $pg->sql("SELECT dtsmig.resync_table('s', 's.t'), dtsmig.resync_table('s', 's.k')"); sleep 1 });
$same->('tables copied again');
while_it_commits(1, sub { $pg->sql("SELECT dtsmig.resync_table('s', 's.t'), dtsmig.resync_table('s', 's.k')"); sleep 1 });
$same->('tables copied again, committed by another session');

# One that has been prepared for so long that it is taken to be left alone, and
# is committed just then; and one that is left alone among others that are not.
if ($ENV{DTS_DEEP} && !$my->{mysql})
{
    $my->sql("XA START 'late'; INSERT INTO s.k VALUES (4000, 'xa'); INSERT INTO s.t VALUES (4000, 'xa'); UPDATE s.t SET v = 'late' WHERE id = 50; DELETE FROM s.k WHERE id = 51; "
          . 'INSERT INTO aside.f (d) SELECT d FROM aside.src;' x 8 . " XA END 'late'; XA PREPARE 'late'");
    my $asked = sub { $my->value("SHOW GLOBAL STATUS LIKE 'Com_xa_recover'") =~ /\t(\d+)/ && $1 };
    my $before = $asked->();
    $pg->sql("SELECT dtsmig.resync_table('s', 's.t'), dtsmig.resync_table('s', 's.k')");
    ok(poll_until(sub { $asked->() > $before }, 20, 0.02), 'the snapshot waits');
    sleep 29;
    select undef, undef, undef, 0.4;
    my $pid = fork // die "fork: $!";
    if ($pid == 0)
    {
        $my->sql("XA COMMIT 'late'");
        require POSIX;
        POSIX::_exit(0);
    }
    select undef, undef, undef, 1;
    is($my->value('SELECT count(*) FROM s.k WHERE id = 4000'), 0, 'it commits, and nobody sees it yet');
    waitpid $pid, 0;
    $same->('one that was prepared for long');

    $my->sql("XA START 'left'; INSERT INTO s.t VALUES (5000, 'left'); XA END 'left'; XA PREPARE 'left'");
    while_it_commits(0, sub { $pg->sql("SELECT dtsmig.resync_table('s', 's.t')"); sleep 1 });
    $same->('with one that is prepared');
    my $i = 50_000;
    my $busy = $my->background(sub { $i++; "XA START 'b$i'; INSERT INTO s.t VALUES ($i, 'busy'); XA END 'b$i'; XA PREPARE 'b$i'; XA COMMIT 'b$i'; SELECT SLEEP(0.1);" });
    $pg->sql("SELECT dtsmig.resync_table('s', 's.t')");
    ok(poll_until(sub { ($pg->try_value("SELECT count(*) FROM dtsmig.task_tables WHERE task = 's' AND state <> 'ready'") // '') eq '0' }, 90), 'copied again with it and others that are not left alone') or diag $task->report;
    reap($busy, 'TERM', 20);
    $same->('with others');
    $my->sql("XA COMMIT 'left'");
    $same->('which commits, too');
    $my->sql('DELETE FROM s.t WHERE id > 4000');
    $same->('and all');
}

# sessions that do nothing else
$task->pause->wait_for('paused');
$task->drop;
$pg->sql('DROP SCHEMA s CASCADE; DROP SERVER src_s CASCADE');
my @writers = map {
    my ($w, $i) = ($_ * 100_000, 0);
    $my->background(sub {
        $i++;
        my $id = $w + $i;
        return "XA START 'w$id'; INSERT INTO s.k VALUES ($id, 'busy'); INSERT INTO s.t VALUES ($id, 'busy'); UPDATE s.t SET v = 'busy $id' WHERE id = $id % 200; XA END 'w$id'; XA PREPARE 'w$id'; XA COMMIT 'w$id';"
          . ($i % 20 ? '' : "SELECT SLEEP(0.05);");
    });
} 1 .. 2;
$task = Dts::Task->new($my, $pg, name => 's', db => 's', options => { batch_delay => 0 });
$task->start;
ok(eval { $task->wait_for('incremental', 60); 1 }, 'a full load during sessions that commit so all the time') or diag $@;
for (1 .. 3)
{
    $pg->sql("SELECT dtsmig.resync_table('s', 's.t'), dtsmig.resync_table('s', 's.k')");
    ok(poll_until(sub { ($pg->try_value("SELECT count(*) FROM dtsmig.task_tables WHERE task = 's' AND state <> 'ready'") // '') eq '0' }, 60), 'copied again meanwhile') or diag $task->report;
}
reap($_, 'TERM', 20) for @writers;
$same->('during sessions that commit so all the time');
is($task->status, 'running', 'the task runs');
done_testing();
