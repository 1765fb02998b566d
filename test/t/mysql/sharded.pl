# The destination is another server whose tables are sharded by partitions that are
# foreign tables (postgres_fdw) on two more; by a role without any special right there.
use strict;
use warnings;
use Test::More;
use Dts::Compare qw(same_database);
use Dts::Postgres;
use Dts::Task qw(server_pair);

my ($my, $hub) = server_pair();
my $dst = Dts::Postgres->new(preload => 0)->start;
my @shards = map { Dts::Postgres->new(preload => 0)->start } 1, 2;
$my->sql(<<'END');
CREATE DATABASE shards; USE shards;
CREATE TABLE orders (id int NOT NULL, region int NOT NULL, v varchar(40), d decimal(10,2), at datetime(6), PRIMARY KEY (id, region));
CREATE TABLE plain (id int PRIMARY KEY, v varchar(20));
INSERT INTO orders SELECT seq, seq % 2, CONCAT('v', seq), seq / 4, '2024-01-01' + INTERVAL seq SECOND FROM seq_1_to_2000;
INSERT INTO plain VALUES (1, 'a'), (2, NULL);
END
$dst->sql('CREATE ROLE app LOGIN; GRANT CREATE ON DATABASE postgres TO app; CREATE EXTENSION postgres_fdw; GRANT USAGE ON FOREIGN DATA WRAPPER postgres_fdw TO app');
my $columns = 'id int NOT NULL, region int NOT NULL, v varchar(40), d numeric(10,2), at timestamp(6)';
for my $n (0, 1)
{
    $shards[$n]->sql("CREATE SCHEMA shards; CREATE TABLE shards.orders_$n ($columns, PRIMARY KEY (id, region))");
    $dst->sql("CREATE SERVER shard$n FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '$shards[$n]{port}', dbname 'postgres', batch_size '500');"
          . " CREATE USER MAPPING FOR app SERVER shard$n OPTIONS (user 'postgres', password_required 'false'); GRANT USAGE ON FOREIGN SERVER shard$n TO app;"
          . " CREATE USER MAPPING FOR postgres SERVER shard$n OPTIONS (user 'postgres')");
}
$dst->sql("CREATE SCHEMA shards; CREATE TABLE shards.plain (id int PRIMARY KEY, v varchar(20)); CREATE TABLE shards.orders ($columns) PARTITION BY LIST (region);"
      . join ';', map { "CREATE FOREIGN TABLE shards.orders_$_ PARTITION OF shards.orders FOR VALUES IN ($_) SERVER shard$_ OPTIONS (schema_name 'shards')" } 0, 1);
$dst->sql('ALTER TABLE shards.plain OWNER TO app; ALTER TABLE shards.orders OWNER TO app; ALTER TABLE shards.orders_0 OWNER TO app; ALTER TABLE shards.orders_1 OWNER TO app; ALTER SCHEMA shards OWNER TO app');
my $task = Dts::Task->new($my, $hub, name => 'sh', db => 'shards', destination => $dst, destination_user => 'app', types => [qw(full incremental)]);
note $hub->sql("SELECT item, status, found FROM dtsmig.precheck('sh') WHERE status <> 'passed'");
$task->start->wait_for('incremental', 90);
sub same { $task->catch_up(60); same_database($my, 'shards', $dst, 'shards', $_[0]); }
same('full load');
is($shards[$_]->value("SELECT count(*) FROM shards.orders_$_"), 1000, "shard $_ has its rows") for 0, 1;
$my->sql("UPDATE shards.orders SET v = 'changed', d = d + 1 WHERE id < 50; DELETE FROM shards.orders WHERE id > 1950; INSERT INTO shards.orders VALUES (5000, 0, 'new', 1, NULL), (5001, 1, NULL, NULL, NULL); BEGIN; UPDATE shards.orders SET id = id + 10000 WHERE id BETWEEN 100 AND 120; UPDATE shards.plain SET v = 'b'; COMMIT");
same('changes');
$my->sql('UPDATE shards.orders SET region = 1 - region WHERE id IN (60, 61)');
same('rows that go to the other shard');
$my->sql('TRUNCATE shards.orders; INSERT INTO shards.orders VALUES (1, 0, NULL, NULL, NULL), (2, 1, NULL, NULL, NULL)');
same('TRUNCATE');
$task->release->drop;
done_testing();
