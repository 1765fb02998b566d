# Cutover: every refusal with its reason, and the state of things after it.
#
# dts-runs: mariadb
# dts-deep-runs: mysql-9.7
use strict;
use warnings;
use Test::More;
use Dts::Env qw(poll_until reap);
use Dts::Task qw(server_pair);

my ($my, $pg) = server_pair();
$my->sql(<<'END_SQL');
CREATE DATABASE c; USE c;
CREATE TABLE parent (id int AUTO_INCREMENT PRIMARY KEY, name varchar(20), changed timestamp NULL DEFAULT NULL ON UPDATE CURRENT_TIMESTAMP) AUTO_INCREMENT = 5000;
CREATE TABLE child (id bigint AUTO_INCREMENT PRIMARY KEY, parent_id int, FOREIGN KEY (parent_id) REFERENCES parent (id));
END_SQL
$my->sql('USE c; INSERT INTO parent (id, name) VALUES ' . join(', ', map { "($_, 'p$_')" } 1 .. 200) . '; INSERT INTO child (parent_id) VALUES ' . join(', ', map { "($_)" } 1 .. 200));
my $task = Dts::Task->new($my, $pg, name => 'c', db => 'c');
sub cutover { return $pg->error("SELECT dtsmig.cutover('c'" . ($_[0] ? ", $_[0]" : '') . ')'); }
like(cutover(), qr/cannot be cut over: it is created/, 'not started');
$task->start->wait_for('incremental', 60);
$task->pause;
like(cutover(), qr/cannot be cut over: it is paused.*resume_task/s, 'paused');
$task->resume->wait_for('running', 30);
like(cutover("verify => 'maybe'"), qr/invalid verification "maybe"/, 'an option that is none');
like($pg->error("SELECT dtsmig.cutover('c', quiet => '-1 s')"), qr/must not be negative/, 'a negative time');
$pg->sql('CREATE ROLE other LOGIN');
like($pg->error("SET ROLE other; SELECT dtsmig.cutover('c')"), qr/must be owner/, 'by the owner alone');

my $writer = $my->background(sub { select undef, undef, undef, 0.002; return 'INSERT INTO child (parent_id) VALUES (' . (1 + int rand 200) . ");\n" }, db => 'c');
like(cutover("verify => 'none', quiet => '1 s'"), qr/the source is being written to.*changes came.*make_read_only/s, 'writers write');
reap($writer, 'TERM');
$task->catch_up;

my $mig = $my->value(q{SELECT CONCAT('mig@', QUOTE(host)) FROM mysql.user WHERE user = 'mig' LIMIT 1});
$pg->sql("SET session_replication_role = replica; UPDATE c.parent SET name = 'planted' WHERE id = 7");
like(cutover("verify => 'full', quiet => '0'"), qr/WARNING.*open at the source cannot be seen.*GRANT PROCESS/s, 'without the right to see transactions: a warning');
$my->sql("GRANT PROCESS ON *.* TO $mig");
my $pid = open(my $open, '|-', "@{[ map { qq('$_') } $my->client_cmd('c', '--unbuffered') ]} >/dev/null") or die;
$open->autoflush(1);
print $open "BEGIN; UPDATE parent SET name = 'open' WHERE id = 3;\n";
ok(poll_until(sub { $my->value('SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_rows_modified > 0') }, 20, 0.3), 'a transaction is open');
like(cutover("verify => 'none'"), qr/a transaction at the source is open.*has not committed/s, 'it is refused');
print $open "ROLLBACK;\n";
close $open;
ok(poll_until(sub { !$my->value('SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_rows_modified > 0') }, 20, 0.3), 'it has ended');

like(cutover("verify => 'full', quiet => '0'"), qr/the verification found 1 differences.*c\.parent differs \{"id": "7"\}.*planted.*repair/s, 'a difference');
is($task->status, 'running', 'a refused task runs on');
$pg->sql("SELECT count(*) FROM dtsmig.verify('c')");
is($pg->value("SELECT dtsmig.repair('c')"), '1', 'repaired');
ok(poll_until(sub { $pg->value("SELECT count(*) FROM dtsmig.verify_results WHERE state = 'repaired'") eq '1' }, 30), 'by the worker');

like(cutover('make_read_only => true, quiet => \'0\''), qr/could not be made read-only.*(?:denied|privilege)/s, 'an account that may not');
$my->sql("GRANT " . ($my->{mysql} ? "SYSTEM_VARIABLES_ADMIN" : "READ_ONLY ADMIN") . " ON *.* TO $mig");

# A foreign key that was not valid, first with a row that breaks it.
my ($fk) = $pg->value("SELECT conname FROM pg_constraint WHERE conrelid = 'c.child'::regclass AND contype = 'f'");
$pg->sql("SET session_replication_role = replica; ALTER TABLE c.child DROP CONSTRAINT $fk; INSERT INTO c.child VALUES (99999, 777); ALTER TABLE c.child ADD CONSTRAINT $fk FOREIGN KEY (parent_id) REFERENCES c.parent (id) NOT VALID");
like(cutover("verify => 'none', quiet => '0'"), qr/violates foreign key constraint/, 'a constraint that rows break');
is($pg->value("SELECT convalidated FROM pg_constraint WHERE conname = '$fk'"), 'f', 'stays so');
is($task->status, 'running', 'and the task runs on');
$pg->sql('SET session_replication_role = replica; DELETE FROM c.child WHERE id = 99999');

my $position = $pg->value("SELECT dtsmig.cutover('c', verify => 'full', make_read_only => true, quiet => '1 s', margin => 50)");
like($position, qr/bin\.\d+:\d+/, "cut over at $position");
is($task->status, 'cut_over', 'status');
is($pg->value("SELECT cutover_position FROM dtsmig.tasks WHERE name = 'c'"), $position, 'the position is kept');
is($my->value('SELECT @@global.' . ($my->{mysql} ? 'super_read_only' : 'read_only')), '1', 'the source is read-only');
is(join(' ', $task->worker_pids), '', 'no worker is left');
is($pg->value("SELECT convalidated FROM pg_constraint WHERE conname = '$fk'"), 't', 'the foreign key is valid');
like($pg->error('INSERT INTO c.child (parent_id) VALUES (12345)'), qr/violates foreign key/, 'and in force');
is($pg->value("INSERT INTO c.parent (name) VALUES ('first') RETURNING id"), 5050, 'the first INSERT takes a value past the source\'s and the margin');
ok($pg->value('INSERT INTO c.child (parent_id) VALUES (1) RETURNING id') > $my->value('SELECT MAX(id) FROM c.child') + 49, 'of every table');
is($pg->value('UPDATE c.parent SET name = \'x\' WHERE id = 1 RETURNING changed IS NOT NULL'), 't', 'triggers are in force');
for my $f (qw(start_task resume_task pause_task release_task))
{
    like($pg->error("SELECT dtsmig.$f('c')"), qr/cannot \w+ task "c": it is cut_over/, "$f is refused");
}
like(cutover(), qr/it is cut_over/, 'a second cutover too');
like($pg->error("SELECT dtsmig.wait_for('c', 'running')"), qr/will not become running/, 'nobody waits for it');
like($pg->error("SELECT dtsmig.repair('c')"), qr/its source counts no more/, 'nothing is repaired');
$pg->sql(q{SELECT dtsmig.alter_task('c', '{"auto_resume": 60}'); UPDATE dtsmig.task SET resume_at = now()});
$pg->restart;
sleep 3;
is($task->status, 'cut_over', 'a restart of the server does not bring it back');
is(join(' ', $task->worker_pids), '', 'nor its worker');
like($pg->value("SELECT string_agg(message, ';') FROM dtsmig.task_log WHERE task = 'c'"), qr/is cut over at/, 'the log says so');
is($pg->error("SELECT dtsmig.drop_task('c')"), '', 'it can be dropped');
done_testing();
