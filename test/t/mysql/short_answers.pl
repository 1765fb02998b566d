# Rows that a source has found and that do not arrive: a proxy between that cuts
# an answer, or sends rows twice. The task stops with the numbers; nothing is
# taken for a whole copy.
#
# dts-runs: mariadb, mysql-5.6, mysql-9.7
use strict;
use warnings;
use Test::More;
use Dts::Compare qw(same_database);
use Dts::Env qw(poll_until);
use Dts::MyProxy;
use Dts::Task qw(server_pair);

my ($my, $pg) = server_pair();
$my->sql('CREATE DATABASE s; USE s; CREATE TABLE t (id int PRIMARY KEY, v varchar(20)); INSERT INTO t VALUES '
      . join(', ', map { "($_, 'v $_')" } 1 .. 50) . '; CREATE TABLE e (id int PRIMARY KEY)');
my $proxy = Dts::MyProxy->new(port => $my->{port});
sub task
{
    my ($name) = @_;
    $pg->sql('DROP SCHEMA IF EXISTS s CASCADE');
    return Dts::Task->new($my, $pg, name => $name, db => 's', port => $proxy->{port}, server => "ssl_mode 'disable'", options => { copy_workers => 1 });
}

for my $way (qw(none twice))
{
    my $task = task($way);
    $proxy->matching('`id`, `v` FROM `s`.`t`', $way);
    $task->start;
    my $rows = $way eq 'none' ? 0 : 100;
    ok(poll_until(sub { ($task->last_error // '') =~ /the source has found 50 rows of table "s"."t", but $rows have arrived/ || $task->phase eq 'incremental' }, 60), "$way: an answer that is not whole") or diag $task->report;
    like($task->last_error // '', qr/the source has found 50 rows of table "s"."t", but $rows have arrived/, "$way: is an error, with the numbers");
    $proxy->forward;
    ok(eval { $task->resume; 1 } || 1, 'resumed');
    $task->wait_for('incremental', 90);
    same_database($my, 's', $pg, 's', "$way: all rows when the answer is whole");
    $task->release;
    $task->drop;
}
done_testing();
