# Tables are copied again, and rows repaired, at a destination that is another
# PostgreSQL server, the source of the MySQL family: asked for, and because of a
# statement whose values the source alone can make; and of a task that follows nothing.
#
# dts-runs: mariadb
# dts-deep-runs: mysql-9.7
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep);
use Dts::Compare qw(same_database);
use Dts::Env qw(poll_until reap);
use Dts::Postgres;
use Dts::Task qw(server_pair);

my ($my, $hub) = server_pair();
my $dst = Dts::Postgres->new(preload => 0)->start;
$my->sql(<<'END');
CREATE DATABASE inc; USE inc;
CREATE TABLE t (id int NOT NULL AUTO_INCREMENT PRIMARY KEY, n int NOT NULL DEFAULT 0, v varchar(50)); INSERT INTO t (v) VALUES ('a'), ('b'), ('c'), ('d');
INSERT INTO t (v) SELECT a.v FROM t a, t b, t c, t d, t e;
CREATE TABLE keyless (a int, b varchar(20)); INSERT INTO keyless SELECT id % 20, 'k' FROM t LIMIT 400;
CREATE TABLE parent (id int PRIMARY KEY, v int); INSERT INTO parent SELECT id, 0 FROM t ORDER BY id LIMIT 20;
CREATE TABLE child (id int PRIMARY KEY, parent_id int, v int, FOREIGN KEY fk (parent_id) REFERENCES parent (id) ON DELETE CASCADE); INSERT INTO child SELECT id, id, 0 FROM parent;
END
my $task = Dts::Task->new($my, $hub, name => 'a', db => 'inc', destination => $dst);
$task->start->wait_for('incremental', 60);
my $same = sub { my ($what) = @_; local $Test::Builder::Level = $Test::Builder::Level + 1; $task->catch_up(60); same_database($my, 'inc', $dst, 'inc', $what) };
my $copied = sub { my ($table) = @_; return poll_until(sub { $hub->value("SELECT state FROM dtsmig.task_tables WHERE task = 'a' AND source_table = '$table'") eq 'ready' }, 60) };
my $found = sub { return join "\n", map { join '|', @$_ } $hub->rows("SELECT source_table, kind, coalesce(key::text, '-') FROM dtsmig.verify('$_[0]') ORDER BY source_table COLLATE \"C\", 2, 3") };
sub plant { $dst->sql("SET session_replication_role = replica; SET search_path = inc; $_[0]"); }

my @writers = map {
    $my->background(sub {
        sleep 0.01;
        my $id = 1 + int rand 1000;
        my $p = 1 + $id % 20;
        return "UPDATE t SET n = n + 1 WHERE id BETWEEN $id AND $id + 5; INSERT INTO t (v) VALUES ('new'); UPDATE keyless SET b = CONCAT(b, 'x') WHERE a = $p AND LENGTH(b) < 9 LIMIT 1; BEGIN; DELETE FROM parent WHERE id = $p; INSERT IGNORE INTO parent VALUES ($p, $id); INSERT IGNORE INTO child VALUES ($p, $p, $id); COMMIT;\n";
    }, db => 'inc')
} 1 .. 2;
plant("UPDATE t SET v = 'other' WHERE id % 10 = 0; INSERT INTO keyless VALUES (1000, 'too many'); INSERT INTO t (id, v) VALUES (1000000, 'too many')");
$hub->sql("SELECT dtsmig.resync_table('a', '$_')") for qw(t keyless parent);
ok($copied->($_), "$_ is copied") or diag $task->report for qw(t keyless parent child);
sleep 1;
is($task->status, 'running', 'the task runs');
reap($_, 'TERM') for @writers;
$same->('copied again');

# --- a statement whose values no log has (MySQL itself refuses it)
$my->sql("ALTER TABLE t ADD COLUMN r varchar(40) DEFAULT (UUID()); UPDATE t SET n = 7 WHERE id < 5; INSERT INTO t (v) VALUES ('after')", db => 'inc') if !$my->{mysql};
$same->('values that the source alone can make') if !$my->{mysql};
!$my->{mysql} and like($hub->value("SELECT string_agg(message, '; ') FROM dtsmig.task_log WHERE task = 'a'"), qr/table "inc"\."t" is to be copied again.*table "inc"\."t" is copied again/s, 'are copied');

# --- rows are repaired
is($found->('a'), '', 'equal');
plant("UPDATE t SET v = 'other' WHERE id = 5; DELETE FROM t WHERE id = 6; INSERT INTO t (id, v) VALUES (5000000, 'too many'); DELETE FROM child WHERE id = 7; INSERT INTO keyless VALUES (9, 'too many')");
is($found->('a'), join("\n", 'inc.child|missing|{"id": "7"}', 'inc.keyless|extra|-', 'inc.t|differs|{"id": "5"}', 'inc.t|extra|{"id": "5000000"}', 'inc.t|missing|{"id": "6"}'), 'rows that differ');
is($hub->value("SELECT dtsmig.repair('a')"), 4, 'are repaired');
ok(poll_until(sub { $hub->value("SELECT count(*) FROM dtsmig.verify_results WHERE state = 'repairing'") eq '0' }, 60), 'by the worker') or diag $task->report;
is($found->('a'), 'inc.keyless|extra|-', 'but of a table without a key');
$hub->sql("SELECT dtsmig.resync_table('a', 'keyless')");
ok($copied->('keyless'), 'which is copied again');
$same->('all is well again');
$task->release->drop;

# --- a task that follows nothing
$dst->sql('DROP SCHEMA inc CASCADE');
my $once = Dts::Task->new($my, $hub, name => 'o', db => 'inc', destination => $dst, types => [qw(schema full)]);
$once->start;
ok($once->wait_status('completed', 60), 'a task that copies alone');
is($found->('o'), '', 'equal');
plant("UPDATE t SET v = 'other' WHERE id = 5; DELETE FROM t WHERE id = 6");
is($found->('o'), qq(inc.t|differs|{"id": "5"}\ninc.t|missing|{"id": "6"}), 'rows that differ');
$hub->sql("BEGIN; SELECT dtsmig.repair('o'); ROLLBACK");
is($found->('o'), qq(inc.t|differs|{"id": "5"}\ninc.t|missing|{"id": "6"}), 'are not repaired by what is rolled back');
is($hub->value("SELECT dtsmig.repair('o')"), 2, 'and are by what is not');
is($found->('o'), '', 'equal again');
same_database($my, 'inc', $dst, 'inc', 'both ends');
$once->release->drop;
done_testing();
