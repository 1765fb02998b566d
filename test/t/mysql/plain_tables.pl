# A relation of the destination that is no plain table takes no rows: the task
# is refused before the first of them. A foreign table, a view, a partitioned
# table with a foreign partition, a rule that acts in place of rows, a table
# that Citus or TimescaleDB keeps elsewhere.
use strict;
use warnings;
use Test::More;
use Dts::Keepers qw(stand_in);
use Dts::Precheck;
use Dts::Task qw(server_pair);

my ($my, $pg) = server_pair();
stand_in($pg, $_) for qw(citus timescaledb);

$my->sql(<<'END');
CREATE DATABASE d; USE d;
CREATE TABLE t (id int PRIMARY KEY, v varchar(20));
INSERT INTO t VALUES (1, 'one'), (2, 'two');
END
$pg->sql('CREATE SCHEMA d; CREATE TABLE d.t (id int PRIMARY KEY, v varchar(20)); CREATE EXTENSION postgres_fdw; CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw');

# A task that has only rows to move; what makes the table another one, what it
# says, what makes it a plain one again.
my $check = Dts::Precheck->new($my, $pg);
my @cases = (
    [ 'a foreign table', 'ALTER TABLE d.t RENAME TO aside; CREATE FOREIGN TABLE d.t (id int, v varchar(20)) SERVER far',
        qr/foreign table of server "far"/, 'DROP FOREIGN TABLE d.t; ALTER TABLE d.aside RENAME TO t' ],
    [ 'a view', 'ALTER TABLE d.t RENAME TO aside; CREATE VIEW d.t AS SELECT * FROM d.aside',
        qr/It is a view/, 'DROP VIEW d.t; ALTER TABLE d.aside RENAME TO t' ],
    [ 'a materialized view', 'ALTER TABLE d.t RENAME TO aside; CREATE MATERIALIZED VIEW d.t AS SELECT * FROM d.aside',
        qr/It is a materialized view/, 'DROP MATERIALIZED VIEW d.t; ALTER TABLE d.aside RENAME TO t' ],
    [ 'a partitioned table with a foreign partition', 'ALTER TABLE d.t RENAME TO aside; CREATE TABLE d.t (id int, v varchar(20)) PARTITION BY RANGE (id); CREATE TABLE d.p PARTITION OF d.t FOR VALUES FROM (0) TO (9) PARTITION BY RANGE (id); CREATE FOREIGN TABLE d.pp PARTITION OF d.p FOR VALUES FROM (0) TO (5) SERVER far',
        qr/Its partition d\.pp is a foreign table.*ALTER TABLE d\.p DETACH PARTITION d\.pp/s, 'DROP TABLE d.t; ALTER TABLE d.aside RENAME TO t' ],
    [ 'a rule in place of rows', 'CREATE RULE r AS ON INSERT TO d.t DO INSTEAD NOTHING; ALTER TABLE d.t ENABLE ALWAYS RULE r',
        qr/Rule "r" acts in place.*DISABLE RULE r/s, 'DROP RULE r ON d.t' ],
    [ 'a distributed table', 'CREATE EXTENSION citus; INSERT INTO pg_catalog.pg_dist_partition (logicalrelid, partmethod) VALUES (\'d.t\', \'h\')',
        qr/Citus keeps its rows in shards.*undistribute_table\('d\.t'\)/s, 'DELETE FROM pg_catalog.pg_dist_partition' ],
    [ 'a hypertable', q(CREATE EXTENSION timescaledb; INSERT INTO _timescaledb_catalog.hypertable VALUES (1, 'd', 't')),
        qr/TimescaleDB keeps its rows in chunks.*create_hypertable\('d\.t'/s, 'DELETE FROM _timescaledb_catalog.hypertable' ],
);
for my $case (@cases)
{
    my ($what, $make, $says, $back) = @$case;
    $pg->sql($make);
    my $task = $check->task(db => 'd', types => [qw(full)]);
    $check->by_hand($task, sub { like("$_[0]{destination_tables}{found} $_[0]{destination_tables}{advice}", $says, "$what: the precheck says why, and what to do"); $pg->sql($back) },
        destination_tables => [ 'failed', qr/d\.t is not a plain table/ ]);
    $task->drop;
}

# --- what the precheck has not seen: it became one since
$pg->sql("INSERT INTO _timescaledb_catalog.hypertable VALUES (1, 'd', 'other'), (2, 'other', 't'); INSERT INTO pg_catalog.pg_dist_partition (logicalrelid, partmethod) VALUES ('pg_class', 'h')");
my $task = Dts::Task->new($my, $pg, name => 'rows', db => 'd', types => [qw(full incremental)]);
$task->start->wait_for('incremental');
is($pg->value('SELECT count(*) FROM d.t'), 2, 'a plain table next to distributed ones is filled');
$my->sql("INSERT INTO t VALUES (3, 'three')", db => 'd');
$task->catch_up;
is($pg->value('SELECT count(*) FROM d.t'), 3, 'and followed');
# as create_distributed_table does, with an invalidation of the table
$pg->sql("BEGIN; INSERT INTO pg_catalog.pg_dist_partition (logicalrelid, partmethod) VALUES ('d.t', 'h'); ALTER TABLE d.t SET (fillfactor = 90); COMMIT");
$my->sql("INSERT INTO t VALUES (4, 'four')", db => 'd');
ok($task->wait_status('failed', 60), 'a table that is distributed while it is followed stops the task') or diag $task->report;
like($task->last_error, qr/d\.t at the destination is not a plain table/, 'and is named');
is($pg->value('SELECT count(*) FROM d.t'), 3, 'before a row is written');
like($task->get('last_error_hint'), qr/undistribute_table\('d\.t'\)/, 'with what to do');
$pg->sql("DELETE FROM pg_catalog.pg_dist_partition WHERE logicalrelid = 'd.t'::regclass");
$task->resume;
$task->catch_up;
is($pg->value('SELECT count(*) FROM d.t'), 4, 'after which it goes on');
$task->pause->wait_for('paused');
$task->drop;

# --- a table of that name that is not the extension's says nothing
$pg->sql('DROP EXTENSION timescaledb; CREATE SCHEMA _timescaledb_catalog; CREATE TABLE _timescaledb_catalog.hypertable (schema_name name, table_name name)');
$pg->sql("INSERT INTO _timescaledb_catalog.hypertable VALUES ('d', 't'); TRUNCATE d.t");
$task = Dts::Task->new($my, $pg, name => 'again', db => 'd', types => [qw(full)]);
$task->start->wait_for('completed');
is($pg->value('SELECT count(*) FROM d.t'), 4, 'a list of somebody else is not looked at');
done_testing();
