# Positions of many GTIDs: of MySQL, sets of as many servers as ever wrote; of
# MariaDB, as many domains. None is cut where it is read.
#
# dts-runs: mariadb, mysql-9.7
use strict;
use warnings;
use Test::More;
use Dts::Compare qw(same_database);
use Dts::Env qw(poll_until);
use Dts::Task qw(server_pair);

my ($my, $pg) = server_pair(kind => $ENV{DTS_KIND});
my $rows = join ', ', map { "($_, $_)" } 1 .. 300;
$my->sql("CREATE DATABASE l; USE l; CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t VALUES $rows");
my $id = 1000;

# One transaction of each of these servers, or domains.
sub writers
{
    my ($from, $to) = @_;
    my $sql = "USE l;\n";
    for ($from .. $to)
    {
        $id++;
        my $uuid = sprintf '%08x-1111-2222-3333-444444444444', $_;
        $sql .= $my->{mysql} ? "SET GTID_NEXT = '$uuid:1'; INSERT INTO t VALUES ($id, $_); SET GTID_NEXT = 'AUTOMATIC';\n"
          : "SET gtid_domain_id = $_; INSERT INTO t VALUES ($id, $_);\n";
    }
    $my->sql($sql);
}

for my $case ([ 'few', 1, 40 ], [ 'many', 41, 500 ])
{
    my ($name, $from, $to) = @$case;
    writers($from, $from + 9);
    my $task = Dts::Task->new($my, $pg, name => $name, db => 'l', options => { alert_retention => 1 })->start;
    $task->wait_for('incremental', 60);
    writers($from + 10, $to);
    ok(eval { $task->catch_up(60); 1 }, "$name: caught up") or diag $@;
    my $position = $pg->value("SELECT applied_position FROM dtsmig.task_position");
    cmp_ok(length $position, '>', $name eq 'few' ? ($my->{mysql} ? 1023 : 250) : ($my->{mysql} ? 8192 : 4000), "$name: a long position");
    is($task->get('applied_position'), $position, "$name: the view has it whole");
    $pg->sql('UPDATE l.t SET v = -1 WHERE id = 5; DELETE FROM l.t WHERE id = 6');
    is($pg->value("SELECT count(*) FROM dtsmig.verify('$name')"), '2', "$name: a verification where rows differ");
    $pg->sql("SELECT dtsmig.repair('$name')");
    ok(poll_until(sub { $pg->value("SELECT count(*) FROM dtsmig.verify_results WHERE state <> 'repaired'") eq '0' }, 30), "$name: repaired") or diag $task->report;
    $pg->sql("SELECT dtsmig.resync_table('$name', 'l.t')");
    ok(poll_until(sub { $pg->value("SELECT count(*) FROM dtsmig.task_tables WHERE state <> 'ready'") eq '0' }, 30), "$name: copied again") or diag $task->report;
    $task->pause;
    writers($to + 1, $to + 1);
    $task->resume->wait_for('incremental', 60);
    ok(eval { $task->catch_up(60); 1 }, "$name: goes on") or diag $@;
    unless ($my->{mysql})
    {
        $my->sql("SET gtid_domain_id = $to; UPDATE l.t SET v = 7 WHERE id = 7; UPDATE l.t SET v = 8 WHERE id = 7");
        ok(eval { $task->catch_up(60); 1 }, "$name: a domain writes again") or diag $@;
        my %times;
        $times{$_}++ for $pg->value('SELECT applied_position FROM dtsmig.task_position') =~ /(\d+)-\d+-\d+/g;
        is(join(' ', grep { $times{$_} > 1 } keys %times), '', "$name: each domain is there once");
    }
    same_database($my, 'l', $pg, 'l', "$name: equal");
    my $end = $pg->try_value("SELECT dtsmig.cutover('$name', verify => 'full', timeout => '20 s')");
    ok(defined $end && length $end >= length $position, "$name: cutover") or diag $pg->error("SELECT dtsmig.cutover('$name', verify => 'full', timeout => '20 s')");
    $task->drop;
    $pg->sql('DROP SCHEMA l CASCADE');
}
done_testing();
