# A failover between CREATE TABLE … SELECT and its rows, to a server that has
# the transactions of two domains in another order: what is done of one
# transaction is not taken for done of the one that comes first at the other.
use strict;
use warnings;
use Test::More;
use Dts::Compare qw(same_database);
use Dts::Env qw(poll_until);
use Dts::MariaDB;
use Dts::Task qw(server_pair);

my ($a, $pg) = server_pair();
my $b = Dts::MariaDB->new->start;
my $rows = join ', ', map { "($_, $_)" } 1 .. 1500;
$b->replicate($a);
$a->sql("CREATE DATABASE c; USE c; CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t VALUES $rows");
my $task = Dts::Task->new($a, $pg, name => 'c', db => 'c', options => { batch_delay => 0, throttle_incremental_rows => 200 })->start;
$task->wait_for('incremental', 60);
my $gtids = $a->value('SELECT @@global.gtid_binlog_pos');
ok(poll_until(sub { $b->value('SELECT @@global.gtid_binlog_pos') eq $gtids }, 60, 0.1), 'the replica has all');
$b->promote;
my ($domain, $server, $seq) = $gtids =~ /^(\d+)-(\d+)-(\d+)$/ or die $gtids;

# one of each domain, in this order here …
my $made = 'CREATE TABLE c.made (PRIMARY KEY (id)) AS SELECT id, v FROM c.t';
my $other = 'CREATE TABLE c.other (PRIMARY KEY (id)) AS SELECT id, v + 1 AS w FROM c.t WHERE id < 200';
$a->sql($made);
$a->sql("SET gtid_domain_id = 7; $other");
ok(poll_until(sub { defined $pg->try_value('SELECT 1 FROM (SELECT FROM c.made) x LIMIT 1') || defined $pg->try_value("SELECT 'c.made'::regclass") }, 30, 0.02), 'the table is made');
$task->pause;
is($pg->value('SELECT count(*) FROM c.made'), '0', 'a pause before its rows');
like($pg->value("SELECT applied_position FROM dtsmig.task_position"), qr/;1\@$domain-$server-@{[ $seq + 1 ]}$/, 'the position says of which transaction a statement is done');
# … and in the other order there
$b->sql("SET gtid_domain_id = 7, server_id = $server, gtid_seq_no = 1; $other");
$b->sql("SET gtid_domain_id = $domain, server_id = $server, gtid_seq_no = " . ($seq + 1) . "; $made");
$b->sql('INSERT INTO c.t VALUES (9000, 1)');
$a->kill9;
$pg->sql("ALTER SERVER src_c OPTIONS (SET port '$b->{port}')");
$pg->sql("SELECT dtsmig.alter_task('c', '{\"throttle_incremental_rows\": 0}')");
$task->{my} = $b;
$task->resume;
ok(eval { $task->wait_for('incremental', 60); 1 }, 'it goes on at the other server') or diag $@;
ok(eval { $task->catch_up(60); 1 }, 'caught up') or diag $task->report;
same_database($b, 'c', $pg, 'c', 'both tables, each once');
done_testing();
