# What a cutover is refused for in addition to what 820 tries, each with its reason and
# a way past; of a refused one the task knows nothing.
use strict;
use warnings;
use Test::More;
use Dts::Env qw(poll_until);
use Dts::Task qw(server_pair);

my ($my, $pg) = server_pair();
$my->sql(<<'END_SQL');
CREATE DATABASE r; USE r;
CREATE TABLE parent (id int PRIMARY KEY, v int); INSERT INTO parent SELECT seq, seq FROM seq_1_to_20;
CREATE TABLE child (id int PRIMARY KEY, parent_id int, FOREIGN KEY (parent_id) REFERENCES parent (id)); INSERT INTO child SELECT seq, seq FROM seq_1_to_10; INSERT INTO child VALUES (11, NULL);
CREATE TABLE other (id int PRIMARY KEY, v int); INSERT INTO other VALUES (1, 1), (2, 1);
CREATE TABLE stamped (id int PRIMARY KEY, at timestamp NULL DEFAULT NULL ON UPDATE CURRENT_TIMESTAMP); INSERT INTO stamped (id) VALUES (1);
CREATE DATABASE once; CREATE TABLE once.t (id int PRIMARY KEY);
END_SQL
my $mig = $my->value(q{SELECT CONCAT('mig@', QUOTE(host)) FROM mysql.user WHERE user = 'mig' LIMIT 1});
$my->sql("GRANT PROCESS ON *.* TO $mig");
my $once = Dts::Task->new($my, $pg, name => 'once', db => 'once', types => [qw(schema full)]);
my $task = Dts::Task->new($my, $pg, name => 'r', db => 'r');
$once->start;
$task->start->wait_for('incremental', 120);
my $call = sub { my ($more, $name) = @_; $name //= 'r'; return "SELECT dtsmig.cutover('$name', quiet => '0'" . ($more ? ", $more" : '') . ')' };
my $none = "verify => 'none'";
sub refused { my ($re, $what, $more) = @_; like($pg->error($call->($more // $none)), $re, $what); }

ok($once->wait_status('completed', 120), 'a task without changes');
like($pg->error($call->($none, 'once')), qr/does not follow changes.*release_task is the end/s, 'is released, not cut over');

# The worker: gone, or kept from applying.
my $handle = $pg->value("SELECT runtime_handle FROM dtsmig.task WHERE task_name = 'r'");
$pg->sql("UPDATE dtsmig.task SET runtime_handle = NULL WHERE task_name = 'r'");
refused(qr/its worker is gone.*resume_task/s, 'a worker that is gone');
$pg->sql("UPDATE dtsmig.task SET runtime_handle = $handle WHERE task_name = 'r'");
# A session of its own that holds a lock until it is asked to go.
my $holders = 0;
sub holding
{
    my ($sql) = @_;
    my $name = 'holder' . ++$holders;
    open(my $fh, '|-', join(' ', map { "'$_'" } $pg->psql_cmd) . ' >/dev/null') or die;
    $fh->autoflush(1);
    print $fh "SET application_name = '$name'; BEGIN; $sql;\n";
    poll_until(sub { $pg->value("SELECT count(*) FROM pg_stat_activity WHERE application_name = '$name' AND state = 'idle in transaction'") }, 60, 0.1) or die 'no lock';
    return $fh;
}
my $lock = holding('LOCK TABLE r.other IN EXCLUSIVE MODE');
$my->sql('UPDATE r.other SET v = 2 WHERE id = 1');
refused(qr/has not applied position .* within 1 seconds/, 'what is not applied in time', "$none, timeout => '1 s'");
close $lock;
$task->catch_up;

# Rows that wait to be repaired or copied again.
$pg->sql("SET session_replication_role = replica; UPDATE r.other SET v = 77 WHERE id = 1");
is($pg->value("SELECT count(*) FROM dtsmig.verify('r')"), 1, 'a difference is found');
refused(qr/1 differences that a verification found are not fixed.*r\.other differs \{"id": "1"\}.*accept_differences/s, 'one that is not fixed');
$lock = holding('LOCK TABLE r.other IN EXCLUSIVE MODE');
is($pg->value("SELECT dtsmig.repair('r')"), 1, 'its repair is asked for');
refused(qr/1 rows are to be repaired.*Wait/s, 'and waited for');
close $lock;
ok(poll_until(sub { $pg->value("SELECT count(*) FROM dtsmig.verify_results WHERE state = 'repaired'") eq '1' }, 60), 'it is repaired');
$pg->sql("SET session_replication_role = replica; UPDATE r.other SET v = 77 WHERE id = 1");
is($pg->value("SELECT count(*) FROM dtsmig.verify('r')"), 1, 'another one');
$pg->sql("SET session_replication_role = replica; UPDATE r.other SET v = 2 WHERE id = 1");
$pg->sql("SELECT count(*) FROM dtsmig.verify('r', tables => '{parent}')");
refused(qr/are not fixed/, 'a verification of other tables does not clear it');
$lock = holding('LOCK TABLE r.other IN EXCLUSIVE MODE');
$pg->sql("SELECT dtsmig.resync_table('r', 'other')");
refused(qr/table r\.other is to be copied again/, 'a table that is to be copied');
close $lock;
ok(poll_until(sub { $pg->value("SELECT state FROM dtsmig.task_tables WHERE task = 'r' AND source_table = 'other'") eq 'ready' }, 120), 'it is copied') or diag $task->report;
$pg->sql("SELECT count(*) FROM dtsmig.verify('r', tables => '{r.other}')");

# Indexes, objects, XA.
$pg->psql('CREATE UNIQUE INDEX CONCURRENTLY bad ON r.other ((1))');
refused(qr/index r\.bad is not valid.*REINDEX/s, 'an index that is not valid');
$pg->sql('DROP INDEX r.bad');
$pg->sql("INSERT INTO dtsmig.task_object (task_id, phase, kind, name, state, error) SELECT task_id, 'post_data', 'view', 'lost', 'failed', 'because' FROM dtsmig.task WHERE task_name = 'r'");
refused(qr/objects could not be made.*view lost: because/s, 'an object that could not be made');
$pg->sql("DELETE FROM dtsmig.task_object WHERE name = 'lost'");
$my->sql("USE r; XA START 'x'; INSERT INTO other VALUES (3, 3); XA END 'x'; XA PREPARE 'x'");
refused(qr/a transaction at the source is open/, 'a transaction that is prepared');
$my->sql("XA COMMIT 'x'");
$task->catch_up;

# A statement that was skipped.
$my->sql('ALTER TABLE r.other ADD SYSTEM VERSIONING');
ok($task->wait_status('failed', 60), 'a statement that is not replicated');
$pg->sql("SELECT dtsmig.skip_change('r')");
$task->resume->wait_for('incremental', 60);
$task->catch_up;
refused(qr/1 statements of the source were not replicated.*skipped: ALTER TABLE r\.other ADD SYSTEM VERSIONING.*verify\(task, 'schema'\)/s, 'and is skipped');

# Rows without a parent, under a key that says it is valid; and one disabled
# trigger. The verification before finds nothing.
$my->sql('SET foreign_key_checks = 0; INSERT INTO r.child VALUES (99, 777)');
$task->catch_up;
is($pg->value("SELECT count(*) FROM dtsmig.verify('r', 'schema')"), 0, 'definitions are equal, whatever was skipped');
refused(qr/a row of r\.child breaks foreign key.*\(id, .*\)=\(99,.*777/s, "verify => '$_' finds nothing, the foreign keys do", "verify => '$_'") for qw(schema incremental sample full);
my $trigger = $pg->value("SELECT tgname FROM pg_trigger WHERE tgrelid = 'r.stamped'::regclass AND NOT tgisinternal LIMIT 1");
$pg->sql("ALTER TABLE r.stamped DISABLE TRIGGER $trigger");
my ($code, $out, $err) = $pg->psql('BEGIN; ' . $call->("verify => 'full', accept_differences => true, margin => 0") . '; ROLLBACK');
is($code, 0, 'accept_differences: it is cut over') or diag $err;
like($err, qr/WARNING.*foreign key "\w+" of r\.child says that it is valid, and is not/s, 'with a warning');
like($err, qr/WARNING.*triggers are disabled here.*$trigger on r\.stamped/s, 'and one of a trigger that somebody has disabled');
$my->sql('SET foreign_key_checks = 0; DELETE FROM r.child WHERE id = 99');
ok(poll_until(sub { $task->status eq 'running' && $task->get('worker_pid') }, 60), 'undone, the task goes on');
$task->catch_up;

# What comes while it verifies: that waits for a lock meanwhile.
for my $case ([ 'a write', qr/the source is being written to.*make_read_only/s, sub { $my->sql('INSERT INTO r.parent VALUES (9999, 1)'); $task->catch_up } ],
    [ 'a table that is to be copied again', qr/table r\.stamped is to be copied again/, sub { $pg->sql("SELECT dtsmig.resync_table('r', 'stamped')") }, sub { close $lock } ],
    [ 'a pause', qr/task "r" was stopped meanwhile/, sub { $task->pause }, sub { $task->resume } ])
{
    my ($what, $re, $code, $after) = @$case;
    $lock = holding('LOCK TABLE r.stamped IN EXCLUSIVE MODE') if $what =~ /table/;
    my $gate = holding('LOCK TABLE r.other IN ACCESS EXCLUSIVE MODE');
    open(my $cutover, '-|', '/bin/sh', '-c', 'exec "$@" 2>&1', 'sh', $pg->psql_cmd, '-c', $call->("verify => 'full'")) or die;
    ok($pg->poll_query("SELECT count(*) > 0 FROM pg_locks WHERE relation = 'r.other'::regclass AND NOT granted", 60), 'it compares');
    $code->();
    close $gate;
    like(do { local $/; <$cutover> }, $re, "$what while it verifies");
    close $cutover;
    $after->() if $after;
    ok(poll_until(sub { $task->status eq 'running' && $task->get('worker_pid') }, 60), 'the task goes on');
    $task->catch_up;
    ok($pg->poll_query("SELECT count(*) = 0 FROM dtsmig.task_tables WHERE task = 'r' AND state <> 'ready'", 60), 'all tables are ready');
}

is($pg->error($call->("verify => 'full'")), '', 'nothing is in the way any more');
is($task->status, 'cut_over', 'it is cut over');
done_testing();
