# The source fails over to a replica, a real second server: the task goes on by
# GTID, in the changes and in the middle of the copy; it refuses where GTIDs do
# not prove the position.
#
# dts-runs: mariadb, mysql-9.7
# dts-deep-runs: mysql-5.6
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep);
use Dts::Compare qw(same_database compare_tables);
use Dts::Env qw(poll_until reap);
use Dts::MariaDB;
use Dts::Postgres;
use Dts::Task;

sub replica
{
    my ($a, %opt) = @_;
    my $b = Dts::MariaDB->new(kind => $a->{kind}, args => $opt{args} // [])->start;
    return $b->replicate($a);
}

sub gtids
{
    my ($s) = @_;
    return $s->value($s->{mysql} ? 'SELECT @@global.gtid_executed' : 'SELECT @@global.gtid_binlog_pos');
}

sub synced
{
    my ($a, $b) = @_;
    my $want = gtids($a);
    return poll_until(sub { gtids($b) eq $want }, 60, 0.1);
}

sub switch_to
{
    my ($pg, $task, $b) = @_;
    $pg->sql("ALTER SERVER src_$task->{name} OPTIONS (SET port '$b->{port}')");
    $task->{my} = $b;
}

# Applied up to where the new server is, under its own file names.
sub went_on
{
    my ($pg, $task, $b, $name) = @_;
    my $ok = poll_until(sub {
        my $s = $task->status;
        $s eq 'running' && $pg->value("SELECT count(*) FROM dtsmig.task_log WHERE task = '$task->{name}' "
              . "AND message LIKE 'the source is another server now%' AND severity = 'warning'") > 0
    }, 60, 0.2);
    ok($ok, "$name: goes on at the other server") or diag $task->report;
}

for my $kind ($ENV{DTS_KIND} // 'mariadb')
{
    my $pg = Dts::Postgres->new(preload => 1)->start;
    $pg->sql('CREATE EXTENSION dtsmig');
    my $a = Dts::MariaDB->new(kind => $kind)->start;
    my $b = replica($a);
    $a->sql(<<'END');
CREATE DATABASE f DEFAULT CHARACTER SET utf8mb4; USE f;
CREATE TABLE t (id int PRIMARY KEY AUTO_INCREMENT, v varchar(60), n int NOT NULL DEFAULT 0);
CREATE TABLE nokey (x int, y varchar(20));
INSERT INTO t (v) VALUES ('a'), ('b'), ('c');
INSERT INTO nokey VALUES (1, 'a'), (1, 'a');
END
    my $task = Dts::Task->new($a, $pg, name => 'f', db => 'f');
    $task->start->wait_for('incremental', 120);
    $a->sql(q{USE f; INSERT INTO t (v) VALUES ('d'); INSERT INTO nokey VALUES (2, 'b'); UPDATE t SET n = n + 1;});
    $task->catch_up;
    # written at the old one, read at the new one
    $task->pause;
    $task->wait_status('paused');
    $a->sql(q{USE f; INSERT INTO t (v) VALUES ('unread'); INSERT INTO nokey VALUES (3, 'c'); DELETE FROM t WHERE id = 1;});
    ok(synced($a, $b), "$kind: the replica has all");
    $a->kill9;
    $b->promote;
    $b->sql(q{FLUSH BINARY LOGS; USE f; INSERT INTO t (v) VALUES ('new server'); UPDATE nokey SET y = 'z' WHERE x = 1 LIMIT 1;});
    switch_to($pg, $task, $b);
    $task->resume;
    went_on($pg, $task, $b, "$kind, changes");
    $task->catch_up;
    same_database($b, 'f', $pg, 'f', "$kind: nothing lost, nothing doubled");
    $b->sql(q{USE f; INSERT INTO t (v) VALUES ('more'); DELETE FROM nokey WHERE x = 2;});
    $task->catch_up;
    same_database($b, 'f', $pg, 'f', "$kind: and on");

    # The new one crashes: the same server again.
    $b->kill9;
    $b->start;
    $b->sql(q{USE f; INSERT INTO t (v) VALUES ('after a crash');});
    $task->catch_up;
    same_database($b, 'f', $pg, 'f', "$kind: after a crash of the new one");

    # One that lacks what is applied at the destination is refused until it has it.
    my $c = replica($b);
    ok(synced($b, $c), "$kind: a third server");
    $c->sql($c->{mysql} && $c->{version} >= 80400 ? 'STOP REPLICA' : 'STOP SLAVE');
    $b->sql(q{USE f; INSERT INTO t (v) VALUES ('not there yet');});
    $task->catch_up;
    $task->pause;
    $task->wait_status('paused');
    switch_to($pg, $task, $c);
    $task->resume;
    ok(poll_until(sub { ($task->last_error // '') =~ /lacks transactions/ }, 30, 0.2),
        "$kind: a replica that is behind is refused") or diag $task->report;
    $c->sql($c->{mysql} && $c->{version} >= 80400 ? 'START REPLICA' : 'START SLAVE');
    ok(poll_until(sub { $task->status eq 'running' }, 60, 0.2), "$kind: until it has caught up") or diag $task->report;
    ok(synced($b, $c), "$kind: it has");
    $task->catch_up;
    same_database($c, 'f', $pg, 'f', "$kind: then it goes on there");
    $task->release;

    # In the middle of the copy.
    my $rows = 60000;
    $b = $c;
    $b->sql("CREATE DATABASE g; USE g; CREATE TABLE big (id int PRIMARY KEY AUTO_INCREMENT, v varchar(80), n int NOT NULL DEFAULT 0);\n"
          . "CREATE TABLE nokey (x int, y varchar(40));\n"
          . join('', map { my $i = $_; "INSERT INTO big (v) VALUES " . join(',', map { "('row $i $_')" } 1 .. 1000) . ";\n" } 1 .. $rows / 1000)
          . "INSERT INTO nokey SELECT id % 7, v FROM big WHERE id <= 2000;\n");
    my $d = replica($b);
    ok(synced($b, $d), "$kind: a fourth server");
    my $move = Dts::Task->new($b, $pg, name => 'g', db => 'g', options => { rows_per_range => 5000, copy_workers => 2 });
    my $writer = $b->background(sub {
        sleep 0.005;
        my $id = 1 + int rand $rows;
        return "UPDATE big SET n = n + 1 WHERE id = $id; INSERT INTO nokey VALUES ($id % 7, 'w'); "
          . "INSERT INTO big (v) VALUES ('w'); DELETE FROM nokey WHERE x = $id % 7 LIMIT 1;\n";
    }, db => 'g');
    sleep 0.5;
    $move->start;
    my $some = poll_until(sub {
        my $n = $pg->value(q{SELECT count(*) FROM dtsmig.task_job j JOIN dtsmig.task t USING (task_id)
            WHERE task_name = 'g' AND kind = 'copy' AND j.state = 'done'});
        return $n >= 2;
    }, 60, 0.02);
    ok($some, "$kind: in the middle of the copy");
    # pause is refused or works: either way the workers lose their source
    my $step = $move->get('step');
    reap($writer, 'TERM');
    ok(synced($b, $d), "$kind: it has all");
    $b->kill9;
    $d->promote;
    $d->sql(q{USE g; INSERT INTO big (v) VALUES ('there'); UPDATE nokey SET y = 'q' WHERE x = 3 LIMIT 1; FLUSH BINARY LOGS;});
    switch_to($pg, $move, $d);
    note "the step was $step";
    went_on($pg, $move, $d, "$kind, $step");
    eval { $move->wait_for('incremental', 120); 1 } or diag $@;
    $move->catch_up;
    same_database($d, 'g', $pg, 'g', "$kind: the copy is whole");
    $move->release;
    $_->stop for $a, $b, $c, $d;
    $pg->stop;
}

# Without GTIDs another server is refused for good.
if (($ENV{DTS_KIND} // '') eq 'mysql-5.6')
{
    my $pg = Dts::Postgres->new(preload => 1)->start;
    $pg->sql('CREATE EXTENSION dtsmig');
    my @no = (no_args => 'gtid', kind => 'mysql-5.6');
    my $a = Dts::MariaDB->new(@no)->start;
    my $b = Dts::MariaDB->new(@no)->start;
    $_->sql(q{CREATE DATABASE f; CREATE TABLE f.t (id int PRIMARY KEY); INSERT INTO f.t VALUES (1);}) for $a, $b;
    my $task = Dts::Task->new($a, $pg, name => 'f', db => 'f');
    $task->start->wait_for('incremental', 60);
    $a->sql(q{INSERT INTO f.t VALUES (2); FLUSH BINARY LOGS; INSERT INTO f.t VALUES (3);});
    $task->catch_up;
    same_database($a, 'f', $pg, 'f', 'without GTIDs');
    $task->pause;
    $task->wait_status('paused');
    $a->sql(q{INSERT INTO f.t VALUES (4)});
    $task->resume;
    $task->catch_up;
    same_database($a, 'f', $pg, 'f', 'without GTIDs: by file and position after a pause');
    switch_to($pg, $task, $b);
    $task->pause;
    $task->wait_status('paused');
    $task->resume;
    ok($task->wait_status('failed', 30), 'without GTIDs: another server is refused');
    like($task->last_error, qr/has no GTID/, 'and why');
}
done_testing();
