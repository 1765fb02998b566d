# The destination is another server, and the line to it breaks at a COMMIT: before it
# arrives at the destination, or after it and before the reply. The hub cannot know which; the
# ledger does. Each change is made once, of tables without a key too, and so is
# each statement; in the load as well.
#
# dts-runs: mariadb
# dts-deep-runs: mysql-9.7
use strict;
use warnings;
use Test::More;
use Dts::Compare qw(same_database);
use Dts::Env qw(poll_until);
use Dts::Postgres;
use Dts::Proxy;
use Dts::Task qw(server_pair);

my $rounds = $ENV{DTS_DEEP} ? 20 : 6;
my ($my, $hub) = server_pair();
my $dst = Dts::Postgres->new(preload => 0)->start;
my $line = Dts::Proxy->new(port => $dst->{port});
$my->sql('CREATE DATABASE lost; USE lost; CREATE TABLE counter (id int PRIMARY KEY, n int); INSERT INTO counter VALUES (1, 0); CREATE TABLE keyless (n int, v varchar(20));'
      . " INSERT INTO keyless VALUES (0, 'a'), (0, 'a'); CREATE TABLE made (id int PRIMARY KEY)");
my $task = Dts::Task->new($my, $hub, name => 'lost', db => 'lost', destination => $dst, destination_port => $line->{port});

# a COMMIT of the schema or the load, one after the other
$line->lose('reply');
$task->start;
my $early = 0;
for my $when (qw(request reply request reply))
{
    last unless poll_until(sub { $line->lost || $task->phase eq 'incremental' }, 30) && $line->lost;
    $early++;
    $line->lose($when);
}
cmp_ok($early, '>=', 3, "$early COMMITs of schema and load were lost");
poll_until(sub { $task->status eq 'running' && ($task->phase // '') eq 'incremental' }, 90);
$line->lose('reply') if $line->lost;
my %lost;
for my $round (1 .. $rounds)
{
    my $when = $round % 2 ? 'reply' : 'request';
    $line->lose($when);
    $my->sql("BEGIN; UPDATE lost.counter SET n = n + 1; INSERT INTO lost.keyless VALUES ($round, 'k'), ($round, 'k'); COMMIT");
    $my->sql("ALTER TABLE lost.made ADD COLUMN c$round int NOT NULL DEFAULT $round; INSERT INTO lost.made (id) VALUES ($round)") if $round % 3 == 0;
    $lost{$when}++ if poll_until(sub { $line->lost }, 30);
    $task->catch_up(60);
}
is($lost{reply} + $lost{request}, $rounds, "replies lost: $lost{reply}, requests lost: $lost{request}");
same_database($my, 'lost', $dst, 'lost', 'everything is there once');
is($dst->value("SELECT value FROM dtsmig_ledger.dtsmig_ledger WHERE key = 'position'"), $task->get('applied_position'), 'ledger and catalog agree');
$task->release->drop;
done_testing();
