# Tables of a destination elsewhere are partitioned, and the partitions are foreign
# tables at two more PostgreSQL servers: rows arrive in the one that they belong to,
# and move between them.
use strict;
use warnings;
use Test::More;
use Dts::PgSource qw(pg_pair);
use Dts::Postgres;
use Dts::Task;

my ($src, $hub) = pg_pair();
my ($dst, @shards) = map { Dts::Postgres->new(preload => 0)->start } 0 .. 2;
$src->sql(<<'END');
CREATE SCHEMA s; SET search_path = s;
CREATE TABLE orders (tenant int, id int, v text, big text, PRIMARY KEY (tenant, id));
CREATE TABLE events (id int PRIMARY KEY, region text NOT NULL, v int, big text);
CREATE TABLE keyless (a int, b text); ALTER TABLE keyless REPLICA IDENTITY FULL;
INSERT INTO orders SELECT g % 200, g, 'v' || g, repeat(md5(g::text), 200) FROM generate_series(1, 3000) g;
INSERT INTO events SELECT g, CASE WHEN g % 2 = 0 THEN 'east' ELSE 'west' END, g, repeat(md5(g::text), 200) FROM generate_series(1, 300) g;
INSERT INTO keyless SELECT g % 7, CASE WHEN g % 2 = 0 THEN 'east' ELSE 'west' END FROM generate_series(1, 100) g;
ALTER TABLE orders ALTER big SET STORAGE EXTERNAL; ALTER TABLE events ALTER big SET STORAGE EXTERNAL;
END
for my $n (0, 1)
{
    $shards[$n]->sql("CREATE SCHEMA s; CREATE TABLE s.orders (tenant int, id int, v text, big text, PRIMARY KEY (tenant, id)); CREATE TABLE s.events (id int PRIMARY KEY, region text NOT NULL, v int, big text); CREATE TABLE s.keyless (a int, b text)");
}
$dst->sql('CREATE EXTENSION postgres_fdw; CREATE ROLE app LOGIN SUPERUSER; CREATE SCHEMA s; '
      . join('', map { "CREATE SERVER shard$_ FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '$shards[$_]{port}', dbname 'postgres'); CREATE USER MAPPING FOR PUBLIC SERVER shard$_ OPTIONS (user 'postgres', password_required 'false'); " } 0, 1)
      . 'CREATE TABLE s.orders (tenant int, id int, v text, big text) PARTITION BY RANGE (tenant); CREATE TABLE s.events (id int, region text NOT NULL, v int, big text) PARTITION BY LIST (region); CREATE TABLE s.keyless (a int, b text) PARTITION BY LIST (b); '
      . join('', map { my ($n, $from, $to, $region) = @$_; "CREATE FOREIGN TABLE s.orders_$n PARTITION OF s.orders FOR VALUES FROM ($from) TO ($to) SERVER shard$n OPTIONS (table_name 'orders'); CREATE FOREIGN TABLE s.events_$n PARTITION OF s.events FOR VALUES IN ('$region') SERVER shard$n OPTIONS (table_name 'events'); CREATE FOREIGN TABLE s.keyless_$n PARTITION OF s.keyless FOR VALUES IN ('$region') SERVER shard$n OPTIONS (table_name 'keyless'); " } [ 0, 0, 100, 'east' ], [ 1, 100, 1000, 'west' ]));
my $task = Dts::Task->new($src, $hub, name => 'sh', types => [ 'full', 'incremental' ], destination => $dst, destination_user => 'app', objects => [ { schema => 's' } ]);
my $says = $task->sql("SELECT string_agg(concat_ws(' ', item, found), E'\\n') FROM dtsmig.precheck('sh') WHERE status = 'failed'");
is($says, '', 'nothing has failed');
$task->start->wait_for('incremental', 90);

my %rows = (orders => 'tenant, id, v, md5(big)', events => 'id, region, v, md5(big)', keyless => 'a, b');
my $same = sub
{
    my ($what) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    $task->catch_up(60);
    my $differs = '';
    for my $t (sort keys %rows)
    {
        my $q = sub { "SELECT md5(coalesce(string_agg(x::text, '|' ORDER BY x::text COLLATE \"C\"), '')) || ' ' || count(*) FROM (SELECT $rows{$t} FROM s.$t" . ($_[0] ? " WHERE $_[0]" : '') . ') x' };
        my $place = { orders => [ 'tenant < 100', 'tenant >= 100' ], events => [ "region = 'east'", "region = 'west'" ], keyless => [ "b = 'east'", "b = 'west'" ] }->{$t};
        $differs .= "$t through the front\n" if $src->value($q->()) ne $dst->value($q->());
        for my $n (0, 1) { $differs .= "$t in shard $n\n" if $src->value($q->($place->[$n])) ne $shards[$n]->value($q->()); }
    }
    is($differs, '', "$what: equal, and in their place");
};
$same->('full load');
my $step = sub { my ($what, $sql) = @_; local $Test::Builder::Level = $Test::Builder::Level + 1; $src->sql("SET search_path = s; $sql"); $same->($what) };
$step->('rows', "INSERT INTO orders VALUES (5, 9000, 'n', 'b'), (150, 9000, 'n', 'b'); UPDATE orders SET v = v || 'x' WHERE id % 3 = 0; DELETE FROM orders WHERE id % 10 = 0; UPDATE events SET v = v + 1; DELETE FROM events WHERE id < 10; INSERT INTO events VALUES (1000, 'east', 1, NULL)");
$step->('keys', 'UPDATE orders SET id = id + 100000 WHERE tenant = 7; UPDATE events SET id = id + 5000 WHERE id < 50');
$step->('rows move', "UPDATE orders SET tenant = tenant + 100 WHERE tenant < 50 AND id < 1000; UPDATE orders SET tenant = 1 WHERE tenant = 199; UPDATE events SET region = 'west', v = -1 WHERE region = 'east' AND id % 4 = 0; UPDATE events SET region = 'east' WHERE region = 'west' AND id % 5 = 0");
$step->('without a key', "UPDATE keyless SET b = 'west' WHERE a = 2 AND b = 'east'; DELETE FROM keyless WHERE ctid IN (SELECT ctid FROM keyless WHERE a = 3 LIMIT 3); INSERT INTO keyless VALUES (1, 'east'), (1, 'west')");
$step->('one transaction', "BEGIN; UPDATE orders SET tenant = 120 WHERE id = 9000 AND tenant = 5; INSERT INTO events VALUES (1001, 'west', 2, 'x'); DELETE FROM keyless WHERE a = 4; COMMIT");
$step->('TRUNCATE', "TRUNCATE events; INSERT INTO events VALUES (1, 'east', 1, NULL), (2, 'west', 2, NULL)");
kill 'KILL', $task->worker_pids;
$step->('killed', "UPDATE orders SET v = 'k' WHERE id < 100; UPDATE events SET region = CASE region WHEN 'east' THEN 'west' ELSE 'east' END");
$hub->sql("SELECT dtsmig.resync_table('sh', 's.orders')");
ok($hub->poll_query("SELECT count(*) FROM dtsmig.task_tables WHERE task = 'sh' AND state <> 'ready'", 60, '0'), 'copied again') or diag $task->report;
$same->('copied again');
is($hub->value("SELECT count(*) FROM dtsmig.verify('sh')"), 0, 'a verification finds nothing');
$shards[1]->sql('DELETE FROM s.orders WHERE id = 101; UPDATE s.events SET v = 99');
is($hub->value("SELECT string_agg(source_table || ' ' || kind, ', ' ORDER BY source_table) FROM dtsmig.verify('sh')"), 's.events differs, s.orders missing', 'but what was done in a shard');
$hub->sql("SELECT dtsmig.repair('sh')");
ok($hub->poll_query("SELECT count(*) FROM dtsmig.verify_results WHERE task = 'sh' AND state = 'repairing'", 60, '0'), 'which is repaired') or diag $task->report;
$same->('repaired');
$hub->sql("SELECT dtsmig.cutover('sh', verify => 'full')");
is($task->status, 'cut_over', 'cutover');
done_testing();
