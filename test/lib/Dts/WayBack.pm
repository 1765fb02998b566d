# Dts::WayBack: what tests of the way back of a task share.
#
#   way_back_torture(Dts::MariaDB->new->start);
#
# way_back_hub: a destination that is a source, too, with a server "local".
package Dts::WayBack;
use strict;
use warnings;
use Exporter qw(import);
use Test::More;
use Time::HiRes qw(sleep time);
use Dts::Compare qw(same_database);
use Dts::Env qw(bindir poll_until);
use Dts::Install qw(foreign_bindir);
use Dts::PgSource qw(same_pg_tables);
use Dts::Task;

our @EXPORT_OK = qw(way_back_hub way_back_of way_back_torture);

sub way_back_hub
{
    local $ENV{DTS_PG_KIND};
    my $pg = Dts::PgSource->new(bindir => $ENV{DTS_DEST} ? foreign_bindir($ENV{DTS_DEST}) : bindir(), preload => 1, @_)->start;
    $pg->sql('CREATE EXTENSION dtsmig');
    $pg->sql($pg->server_sql('local'));
    return $pg;
}

# The task in the other direction, once reverse_task has made it.
sub way_back_of
{
    my ($task) = @_;
    return bless { %$task, my => $task->{pg}, name => "$task->{name}_back" }, 'Dts::Task';
}

# Cutovers back and forth from a server of either family, while everything is killed.
sub way_back_torture
{
    my ($my) = @_;
    my $pair = $my->isa('Dts::PgSource');
    my $pg = way_back_hub();
    if ($pair) { $my->sql('CREATE SCHEMA shop; CREATE TABLE shop.t (id int PRIMARY KEY, v text, n int DEFAULT 0)'); }
    else
    {
        $my->sql('CREATE DATABASE shop; CREATE TABLE shop.t (id int PRIMARY KEY, v varchar(100), n int DEFAULT 0); CREATE DATABASE ledger');
        my ($mig) = $my->value(q{SELECT CONCAT('mig@', QUOTE(host)) FROM mysql.user WHERE user = 'mig' LIMIT 1});
        $my->sql("GRANT ALL ON shop.* TO $mig; GRANT ALL ON ledger.* TO $mig; GRANT PROCESS ON *.* TO $mig");
    }
    $my->sql('INSERT INTO shop.t (id, v) VALUES ' . join(', ', map { "($_, 'v$_')" } 1 .. 2000));
    my $task = Dts::Task->new($my, $pg, name => 'm', db => $pair ? 'postgres' : 'shop', ($pair ? (objects => [ { schema => 'shop' } ]) : ()));
    $task->start->wait_for('incremental', 60);
    $pg->sql("SELECT dtsmig.reverse_task('m', options => '{\"ledger_schema\": \"ledger\"}')");
    my $back = way_back_of($task);
    srand(my $seed = $ENV{DTS_SEED} // $$);
    note "seed $seed";
    my ($kills, $turns, $written) = (0, 0, 0);

    my $running = sub { my @r = $pg->rows("SELECT name FROM dtsmig.tasks WHERE name IN ('m', 'm_back') AND status IN ('running', 'retrying', 'unresponsive')"); return map { $_->[0] } @r; };
    my $up = sub { return poll_until(sub { defined $pg->try_value('SELECT 1') && 1 }, 60, 0.1); };
    my $end = time + ($ENV{DTS_DEEP} ? 180 : 40);
    while (time < $end && $turns < ($ENV{DTS_DEEP} ? 20 : 4))
    {
        $up->();
        my ($now) = $running->();
        poll_until(sub { $pg->try_value("SELECT status = 'running' AND worker_pid IS NOT NULL FROM dtsmig.tasks WHERE name = '$now'") eq 't' }, 30, 0.1);
        my ($from, $to) = $now eq 'm' ? ($task, $back) : ($back, $task);
        my ($server, $other) = $now eq 'm' ? ($my, $pg) : ($pg, $my);
        # the application where it is now
        $server->sql('INSERT INTO shop.t (id, v) VALUES ' . join(', ', map { '(' . (10000 + $written * 10 + $_) . ", 'w')" } 0 .. 9) . '; UPDATE shop.t SET n = n + 1 WHERE id <= 50');
        $written++;
        my $call = fork // die;
        if (!$call) { my ($code, undef, $err) = $pg->psql("SELECT dtsmig.cutover('$now', reverse => true, quiet => '0', verify => 'full')"); note $err =~ s/\n.*//sr if $code; require POSIX; POSIX::_exit(0); }
        if (rand() < 0.6)
        {
            sleep rand 1.2;
            my $what = int rand 4;
            $kills++;
            if ($what == 0) { $pg->kill9; $pg->start; }
            elsif ($what == 1) { $my->kill9; $my->start; }
            else
            {
                my $pid = $pg->try_value($what == 2 ? "SELECT pid FROM pg_stat_activity WHERE query LIKE 'SELECT dtsmig.cutover%' LIMIT 1" : "SELECT worker_pid FROM dtsmig.tasks WHERE name = '$now'");
                kill 'KILL', $pid if defined $pid && $pid =~ /^\d+$/;
            }
        }
        waitpid $call, 0;
        $up->();
        ok(poll_until(sub { my @r = $running->(); @r == 1 }, 30), 'one direction runs') or diag join(', ', $running->()) . $task->report . $back->report;
        my ($after) = $running->();
        $turns++ if $after ne $now;
    }
    note "$turns turns, $kills kills";
    cmp_ok($turns, '>=', 1, 'it was turned');
    my ($now) = $running->();
    my $last = $now eq 'm' ? $task : $back;
    $last->catch_up(60);
    if ($pair) { same_pg_tables($my, $pg, 'in the end', schemas => [ 'shop' ]); }
    else { same_database($my, 'shop', $pg, 'shop', 'in the end'); }
    is($pg->value('SELECT count(*) FROM shop.t'), 2000 + 10 * $written, 'each row that was written');
    is($pg->value('SELECT sum(n) FROM shop.t'), 50 * $written, 'each change, once');
    cmp_ok($pg->value("SELECT count(*) FROM pg_replication_slots WHERE slot_name LIKE 'dts%'"), '<=', 1, 'no slot is left');
}

1;
