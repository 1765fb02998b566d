# A binary log that is gone: one clear error that names the first position that
# is lost; by GTID and by file and position.
#
# dts-runs: mysql-9.7, mariadb-11.8
# dts-deep-runs: mysql-5.6
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep);
use Dts::Compare qw(same_database);
use Dts::MariaDB;
use Dts::Postgres;
use Dts::Task;

my $of = $ENV{DTS_KIND} // 'mysql-5.6';
for my $case ([$of], $of eq 'mysql-5.6' ? [ $of, no_args => 'gtid' ] : ())
{
    my ($kind, @more) = @$case;
    my $name = @more ? "$kind without GTIDs" : $kind;
    my $pg = Dts::Postgres->new(preload => 0)->start;
    $pg->sql('CREATE EXTENSION dtsmig');
    my $my = Dts::MariaDB->new(kind => $kind, @more)->start;
    $my->sql('CREATE DATABASE p; CREATE TABLE p.t (id int PRIMARY KEY); INSERT INTO p.t VALUES (1)');
    my $task = Dts::Task->new($my, $pg, name => 'p', db => 'p');
    $task->start->wait_for('incremental', 60);
    $my->sql('INSERT INTO p.t VALUES (2)');
    $task->catch_up;
    $task->pause;
    $task->wait_status('paused');
    my ($file, $offset) = $task->get('applied_position') =~ /^([^;]+):(\d+);/;
    $my->sql('INSERT INTO p.t VALUES (3); FLUSH BINARY LOGS; INSERT INTO p.t VALUES (4); FLUSH BINARY LOGS');
    my ($now) = $my->log_end;

    # files that are still there
    $task->resume;
    $task->catch_up;
    same_database($my, 'p', $pg, 'p', "$name: over two new files");
    $task->pause;
    $task->wait_status('paused');
    ($file, $offset) = $task->get('applied_position') =~ /^([^;]+):(\d+);/;
    $my->sql('INSERT INTO p.t VALUES (5); FLUSH BINARY LOGS; INSERT INTO p.t VALUES (6); FLUSH BINARY LOGS');
    ($now) = $my->log_end;
    # a server keeps a file that a dump thread reads, and it takes a moment to
    # notice that one has gone
    for (1 .. 100)
    {
        $my->sql("PURGE BINARY LOGS TO '$now'");
        last if $my->value('SHOW BINARY LOGS') =~ /^\Q$now\E\b/;
        sleep 0.1;
    }
    $task->resume;
    ok($task->wait_status('failed', 30), "$name: a purged log is final");
    my $error = $task->last_error;
    like($error, qr/\Q$file\E/, "$name: it names the file");
    like($error, qr/position $offset\b/, "$name: and the position");
    like($error, qr/lost/, "$name: and says what that means");
    like($task->get('last_error_hint'), qr/full load/, "$name: and the way out");
    # which is run as it stands there, the tables dropped in between
    my @sql = $task->get('last_error_hint') =~ /(CREATE TEMPORARY TABLE .*?;|SELECT dtsmig\.\w+_task\(.*?;)/g;
    is(scalar @sql, 4, "$name: in four statements");
    $pg->sql(join ' ', @sql[0 .. 2], 'DROP SCHEMA p CASCADE;', $sql[3]);
    $task->wait_for('incremental', 60);
    $my->sql('INSERT INTO p.t VALUES (7)');
    $task->catch_up;
    same_database($my, 'p', $pg, 'p', "$name: a new task of the old one's definition");
    $my->stop;
    $pg->stop;
}
done_testing();
