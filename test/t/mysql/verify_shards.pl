# Verification of tables that go together into one, of one task and of two.
use strict;
use warnings;
use Test::More;
use Dts::Env qw(poll_until);
use Dts::Task qw(server_pair);

my ($my, $pg) = server_pair();
$my->sql(<<'END_SQL');
CREATE DATABASE s1; CREATE DATABASE s2; USE s1;
CREATE TABLE s1.a (id int PRIMARY KEY, t varchar(20)); CREATE TABLE s1.b LIKE s1.a; CREATE TABLE s2.a LIKE s1.a;
CREATE TABLE s1.wa (w varchar(20) PRIMARY KEY, v int); CREATE TABLE s1.wb LIKE s1.wa;
INSERT INTO s1.a SELECT seq * 3, CONCAT('a', seq) FROM seq_1_to_3000; INSERT INTO s1.b SELECT seq * 3 + 1, CONCAT('b', seq) FROM seq_1_to_3000;
INSERT INTO s2.a SELECT seq * 3 + 2, CONCAT('c', seq) FROM seq_1_to_3000;
INSERT INTO s1.wa SELECT CONCAT('a', seq), seq FROM seq_1_to_1000; INSERT INTO s1.wb SELECT CONCAT('b', seq), seq FROM seq_1_to_1000;
END_SQL
my @rules = map { { schema => 's1', table => $_, target_schema => 'm', target_table => 'all' } } qw(a b);
push @rules, map { { schema => 's1', table => $_, target_schema => 'm', target_table => 'words' } } qw(wa wb);
my $task = Dts::Task->new($my, $pg, name => 'one', db => 's1', objects => \@rules);
$task->start->wait_for('incremental', 60);
sub found { return join "\n", sort map { join '|', @$_ } $pg->rows("SELECT source_table, kind, key FROM dtsmig.verify('$_[0]')") }
is(found('one'), '', 'two tables in one: equal');
is($pg->value('SELECT rows_moved FROM dtsmig.verify_runs'), '0', 'by sums');
$pg->sql(q{SET session_replication_role = replica; UPDATE m."all" SET t = 'x' WHERE id = 3001 - 1; UPDATE m."all" SET t = 'y' WHERE id = 4; DELETE FROM m."all" WHERE id = 9; INSERT INTO m."all" VALUES (-5, 'extra'); DELETE FROM m.words WHERE w = 'b500'; INSERT INTO m.words VALUES ('c1', 1)});
is(found('one'), <<'END_LIST' =~ s/\n\z//r, 'planted differences are reported by their source');
s1.a|differs|{"id": "3000"}
s1.a|extra|{"id": "-5"}
s1.a|missing|{"id": "9"}
s1.b|differs|{"id": "4"}
s1.wa|extra|{"w": "c1"}
s1.wb|missing|{"w": "b500"}
END_LIST
is($pg->value("SELECT dtsmig.repair('one')"), '6', 'repaired');
ok(poll_until(sub { $pg->value("SELECT count(*) FROM dtsmig.verify_results WHERE state = 'repairing'") eq '0' }, 60), 'by the worker');
is(found('one'), '', 'each from its source');

# A second task writes into the same table.
my $two = Dts::Task->new($my, $pg, name => 'two', db => 's2', types => [ 'full', 'incremental' ],
    options => { conflict => 'ignore' }, objects => [ { schema => 's2', table => 'a', target_schema => 'm', target_table => 'all' } ]);
$two->start->wait_for('incremental', 60);
is(found('one'), '', 'rows of another task are not extra');
is(found('two'), '', 'for neither');
$pg->sql(q{SET session_replication_role = replica; UPDATE m."all" SET t = 'x' WHERE id IN (6, 8); DELETE FROM m."all" WHERE id = 11});
is(found('one'), 's1.a|differs|{"id": "6"}', 'each finds its own');
is(found('two'), "s2.a|differs|{\"id\": \"8\"}\ns2.a|missing|{\"id\": \"11\"}", 'and no others');
# Rows that a column distinguishes: each finds those that its source has deleted.
# (A key that a rule makes is none that the source could be asked by.)
$my->sql('USE s1; CREATE TABLE s1.t (id int PRIMARY KEY, v int); CREATE TABLE s2.t LIKE s1.t; INSERT INTO s1.t SELECT seq, seq FROM seq_1_to_2000; INSERT INTO s2.t SELECT 10000 + seq, -seq FROM seq_1_to_3000');
for my $key (undef, [ 'shard', 'id' ])
{
    my $p = $key ? 'key' : 'tag';
    my $shown = sub { my ($id, $shard) = @_; return $key ? qq({"id": "$id", "shard": "$shard"}) : qq({"id": "$id"}) };
    for my $n (1, 2)
    {
        my $shard = Dts::Task->new($my, $pg, name => "$p$n", db => "s$n", types => [ $n == 1 ? 'schema' : (), 'full', 'incremental' ], options => { conflict => 'ignore' },
            objects => [ { schema => "s$n", table => 't', target_schema => 'm', target_table => $p, set => { shard => "'s$n'" }, $key ? (primary_key => $key) : () } ]);
        $shard->start->wait_for('incremental', 60);
    }
    is(found("$p$_"), '', "$p$_: equal") for 1, 2;
    is($pg->value("SELECT string_agg(rows || ' ' || rows_moved, ', ' ORDER BY run_id) FROM dtsmig.verify_runs WHERE task ~ '$p'"), $key ? '2000 2000, 3000 3000' : '2000 0, 3000 0', "$p: each its own rows");
    $pg->sql("SET session_replication_role = replica; INSERT INTO m.$p (id, v, shard) VALUES (7000, 1, 's1'), (27000, 1, 's2'), (27001, 1, 's2'); DELETE FROM m.$p WHERE id = 10005");
    is(found("${p}1"), 's1.t|extra|' . $shown->(7000, 's1'), "$p: an extra row of the first");
    is(found("${p}2"), join("\n", map { "s2.t|$_->[0]|" . $shown->($_->[1], 's2') } [ extra => 27000 ], [ extra => 27001 ], [ missing => 10005 ]), "$p: and those of the second");
}

# A table of a task alone, though others of the task go into the same one.
$my->sql('INSERT INTO s1.a VALUES (70000, 1); INSERT INTO s1.b VALUES (70001, 1)');
$task->catch_up;
$pg->sql(q{SET session_replication_role = replica; UPDATE m."all" SET t = 'x' WHERE id = 70000; DELETE FROM m."all" WHERE id = 70001; UPDATE m."all" SET t = id::text WHERE id IN (6, 8)});
$pg->sql('SELECT dtsmig.release_task(\'two\')');
is(join('|', map { @$_ } $pg->rows(q{SELECT source_table, kind, key FROM dtsmig.verify('one', tables => '{s1.b}')})), 's1.b|missing|{"id": "70001"}', 'rows of the others are not extra');

is($pg->value(q{SELECT count(*) FROM dtsmig.verify('one', tables => '{s1.wb}')}), 0, 'nor where no other task is in it');

# A task that has ended: its rows are at the destination still, unless another has taken over.
like(($pg->psql(q{SELECT * FROM dtsmig.verify('one', tables => '{s1.a,s1.b}')}))[2], qr/NOTICE.*not searched for rows.*Rows of task "two" are in it/s, 'rows of a task that was released are told of');
$my->sql('USE s1; CREATE TABLE s1.solo (id int PRIMARY KEY); INSERT INTO s1.solo SELECT seq FROM seq_1_to_10');
for my $name ('before', 'after')
{
    my $solo = Dts::Task->new($my, $pg, name => $name, source => 'src_one', options => { conflict => 'ignore' }, objects => [ { schema => 's1', table => 'solo', target_schema => 'm' } ]);
    $solo->start->wait_for('incremental', 60);
    $solo->release if $name eq 'before';
}
$pg->sql('SET session_replication_role = replica; INSERT INTO m.solo VALUES (11)');
is(found('after'), 's1.solo|extra|{"id": "11"}', 'after a task of the same table has ended');
done_testing();
