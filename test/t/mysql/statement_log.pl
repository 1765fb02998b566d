# dts-runs: mariadb, mysql-5.6
# Rows that a session logs as statements. What counts is the table that one
# writes to: those that only read a followed table, write elsewhere, or to a
# temporary table, do not stop a task; for the others there are ways on.
use strict;
use warnings;
use Test::More;
use Dts::Compare qw(same_table compare_table);
use Dts::Env qw(poll_until);
use Dts::Task qw(server_pair);

my ($my, $pg) = server_pair();
$my->sql(<<'END');
CREATE DATABASE s; CREATE DATABASE percona; CREATE DATABASE elsewhere;
CREATE TABLE percona.checksums (tbl varchar(50) PRIMARY KEY, n int, crc varchar(50)); CREATE TABLE elsewhere.x (id int PRIMARY KEY, v int); INSERT INTO elsewhere.x VALUES (1, 1);
USE s; CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t VALUES (1, 1), (2, 2); CREATE TABLE u (id int PRIMARY KEY, v int); INSERT INTO u VALUES (1, 10);
CREATE TABLE mem (id int PRIMARY KEY, v int) ENGINE=MEMORY; INSERT INTO mem VALUES (1, 1), (2, 2); CREATE TABLE memkeyless (v int) ENGINE=MEMORY; INSERT INTO memkeyless VALUES (5), (5);
END
my $task = Dts::Task->new($my, $pg, name => 's', db => 's');
$task->start->wait_for('incremental', 60);
sub statement { my ($sql, $db) = @_; $my->sql("SET SESSION binlog_format = STATEMENT; $sql", db => $db // 's'); }
sub detail { return $pg->value("SELECT detail FROM dtsmig.task_log WHERE task = 's' AND severity = 'error' ORDER BY logged_at DESC LIMIT 1"); }
sub same { my ($name) = @_; $task->catch_up; local $Test::Builder::Level = $Test::Builder::Level + 1; same_table($my, "s.$_", $pg, "s.$_", "$name: $_") for qw(t u mem memkeyless); }

# --- no business of the task's
statement('REPLACE INTO checksums SELECT \'s.t\', COUNT(*), BIT_XOR(CRC32(CONCAT_WS(\'#\', id, v))) FROM s.t', 'percona');
statement('REPLACE INTO percona.checksums SELECT \'s.u\', COUNT(*), 0 FROM u');
statement("INSERT IGNORE INTO elsewhere.x (id, v) SELECT id + 10, v FROM t; UPDATE elsewhere.x AS e SET e.v = 5 WHERE id IN (SELECT id FROM s.t); UPDATE LOW_PRIORITY elsewhere.x SET v = 6; DELETE FROM elsewhere.x WHERE id = 1");
statement('CREATE TEMPORARY TABLE tmp (id int); INSERT INTO tmp SELECT id FROM t; UPDATE tmp SET id = id + 1; DELETE FROM tmp; DROP TEMPORARY TABLE tmp');
statement('CREATE TEMPORARY TABLE u (id int PRIMARY KEY, v int); INSERT INTO u VALUES (77, 77); DELETE FROM u WHERE id = 77; REPLACE INTO s.u VALUES (78, 78); DROP TEMPORARY TABLE u');
$my->sql('INSERT INTO t VALUES (3, 3); UPDATE u SET v = 11', db => 's');
same('statements that write elsewhere');

# --- writes to a followed table: copied again
statement('UPDATE t SET v = v * 10');
ok($task->wait_status('failed', 60), 'an UPDATE that is logged as a statement stops the task');
like($task->last_error, qr/logged a change as a statement at position \d+ of "/, 'says where');
like(detail(), qr/Statement in database "s": UPDATE t SET v = v \* 10/, 'and what');
like($task->get('last_error_hint'), qr/SELECT dtsmig\.skip_change\('s'\);.*SELECT dtsmig\.resync_table\('s', 's\.t'\);.*SELECT dtsmig\.resume_task\('s'\);/, 'and the ways on');
$pg->sql("SELECT dtsmig.resync_table('s', 's.t')");
$task->resume->wait_for('incremental', 60);
ok(poll_until(sub { $pg->value("SELECT count(*) FROM dtsmig.task_tables WHERE task = 's' AND state <> 'ready'") == 0 }, 60), 'the table is copied again') or diag $task->report;
$my->sql('INSERT INTO t VALUES (4, 4)', db => 's');
same('copied again');

# --- or left out
statement('DELETE FROM t WHERE id = 1; INSERT INTO u VALUES (2, 20)');
ok($task->wait_status('failed', 60), 'the next one');
$pg->sql("SELECT dtsmig.skip_change('s')");
$task->resume;
ok($task->wait_status('failed', 60) && detail() =~ /INSERT INTO u/, 'skip_change skips that one alone') or diag $task->report;
$pg->sql("SELECT dtsmig.skip_change('s', 'INSERT INTO s.u VALUES (2, 20)')");
$task->resume->wait_for('incremental', 60);
$task->catch_up;
same_table($my, 's.u', $pg, 's.u', 'a statement in its place');
is($pg->value('SELECT count(*) FROM s.t WHERE id = 1'), 1, 'one that is skipped is not applied');
is($pg->value("SELECT string_agg(message, E'\\n' ORDER BY event_id) FROM dtsmig.task_event WHERE message LIKE 'skipped:%'"), "skipped: in database \"s\": DELETE FROM t WHERE id = 1\nskipped: in database \"s\": INSERT INTO u VALUES (2, 20)", 'the log has both');
is($pg->value("SELECT string_agg(kind || key::text, ',') FROM dtsmig.verify('s')"), 'extra{"id": "1"}', 'verify finds it');
like($pg->error("SELECT dtsmig.cutover('s', quiet => '0.1 s', verify => 'none')"), qr/were not replicated|are not fixed/, 'cutover knows');
$pg->sql("SELECT dtsmig.repair('s')");
ok(poll_until(sub { $pg->value('SELECT count(*) FROM s.t WHERE id = 1') == 0 }, 60), 'repaired');

# several tables at a time: any name may be the one
statement('UPDATE elsewhere.x e JOIN s.t ON t.id = e.id SET e.v = 1, t.v = t.v + 1', 'elsewhere');
ok($task->wait_status('failed', 60), 'an UPDATE of several tables stops the task');
$pg->sql("SELECT dtsmig.skip_change('s'); SELECT dtsmig.resync_table('s', 't')");
$task->resume->wait_for('incremental', 60);
ok(poll_until(sub { $pg->value("SELECT count(*) FROM dtsmig.task_tables WHERE task = 's' AND state <> 'ready'") == 0 }, 60), 'skipped and copied again') or diag $task->report;
same('both ways together');

# --- MEMORY tables are empty after a restart
$my->stop;
$my->start;
$my->sql('SELECT * FROM s.mem; SELECT * FROM s.memkeyless; INSERT INTO s.mem VALUES (3, 3)');
ok(poll_until(sub { ($task->status // '') eq 'running' }, 60), 'after a restart of the source') or diag $task->report;
same('emptied');
is($pg->value('SELECT string_agg(id::text, \',\') FROM s.mem'), '3', 'the rows of before are gone');
done_testing();
