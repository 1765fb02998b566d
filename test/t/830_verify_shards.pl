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
is(found('one'), <<'END_LIST' =~ s/\n\z//r, 'planted differences are told by their source');
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
done_testing();
