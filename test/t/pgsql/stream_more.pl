# The change stream of a PostgreSQL source in less common weather: lines that
# go dumb, a source that shuts down, columns that change their form, replica
# identities and tables that are altered behind the task's back.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);
use Dts::Env qw(poll_until);
use Dts::PgSource qw(pg_pair same_pg_tables pg_difference);
use Dts::Proxy;
use Dts::Task;

my $v = ($ENV{DTS_PG_KIND} // '-99') =~ /-(\d+)/ ? $1 : 99;
my ($src, $pg) = pg_pair(src_conf => $v >= 13 ? "logical_decoding_work_mem = 64kB\n" : '');
plan skip_all => 'the destination is older than the source' if $src->value('SHOW server_version_num') / 10000 >= int($pg->value('SHOW server_version_num') / 10000) + 1;
my $generated = $v >= 12 ? 'GENERATED ALWAYS AS (a * 2) STORED' : '';
my $tables = <<"END";
CREATE SCHEMA s;
CREATE TABLE s.a (id integer PRIMARY KEY, v text);
CREATE TABLE s.b (id integer PRIMARY KEY, v text);
CREATE TABLE s.gen_full (id integer PRIMARY KEY, a integer, twice integer $generated);
ALTER TABLE s.gen_full REPLICA IDENTITY FULL;
CREATE TABLE s.ident (id integer PRIMARY KEY, code text NOT NULL UNIQUE);
CREATE TABLE s.seen (id integer PRIMARY KEY, v text);
END
$src->sql($tables);
$src->sql("INSERT INTO s.a VALUES (1, 'x'); INSERT INTO s.ident VALUES (1, 'x'), (2, 'y')");
my $proxy = Dts::Proxy->new(port => $src->{port});
my $task = Dts::Task->new($src, $pg, name => 'more', db => 'postgres', port => $proxy->{port},
    objects => [ { schema => 's' } ],
    options => { retry_connection => 30 });
$task->start->wait_for('incremental', 60);
my $slot = $src->value("SELECT slot_name FROM pg_replication_slots WHERE slot_name LIKE 'dts%'");
sub same { $task->catch_up($_[1] // 60); same_pg_tables($src, $pg, $_[0], schemas => ['s']); }

# --- generated columns in the replica identity (18 wants them published)
$src->sql('INSERT INTO s.gen_full (id, a) VALUES (1, 1), (2, 2), (3, 3); UPDATE s.gen_full SET a = 10 WHERE id = 1; UPDATE s.gen_full SET id = 20 WHERE id = 2; DELETE FROM s.gen_full WHERE id = 3');
same('generated columns in a full replica identity');

# --- values come in binary form; a type that cannot, in the middle of a transaction
my $query = $src->value("SELECT count(*) FROM pg_stat_activity WHERE query ~ 'START_REPLICATION.*binary' AND pid <> pg_backend_pid()");
is($query, $v >= 14 ? 1 : 0, 'binary form where all types allow it');
$src->sql("BEGIN; INSERT INTO s.a VALUES (2, 'before'); CREATE TYPE s.mood AS ENUM ('sad', 'ok'); ALTER TABLE s.a ADD m s.mood; INSERT INTO s.a VALUES (3, 'after', 'ok'); UPDATE s.a SET m = 'sad' WHERE id = 1; COMMIT; INSERT INTO s.a VALUES (4, 'later', NULL)");
same('a column of another type, between the rows of a transaction');
is($task->status, 'running', 'the task has not stopped');

# --- lines
$src->sql("INSERT INTO s.b SELECT i, 'line' FROM generate_series(1, 100) i");
$proxy->swallow;
$src->sql("INSERT INTO s.b SELECT i, 'swallowed' FROM generate_series(101, 200) i");
my $start = time;
ok(poll_until(sub { $task->status eq 'retrying' }, 60), sprintf 'a line that swallows all is noticed (%.0f s)', time - $start) or diag $task->report;
$proxy->cut;
$proxy->forward;
ok(poll_until(sub { $task->status eq 'running' && $pg->value('SELECT count(*) FROM s.b') == 200 }, 120), sprintf 'and the task goes on (%.0f s)', time - $start) or diag $task->report;
same('after a dumb line');
$src->sql("BEGIN; INSERT INTO s.b SELECT i, 'cut' FROM generate_series(1001, 9000) i; SAVEPOINT a; DELETE FROM s.b WHERE id % 2 = 0; ROLLBACK TO a; COMMIT");
$proxy->cut;
sleep 1;
$proxy->forward;
same('after a line that was cut', 90);

# --- a fast shutdown of the source does not wait for us
$src->sql("INSERT INTO s.b VALUES (-1, 'before')");
same('before the shutdown');
my $took = $src->stop('fast');
cmp_ok($took, '<', 30, sprintf 'a fast shutdown of the source takes %.1f s', $took);
$src->start;
same('after it', 90);

# --- the replica identity changes: keys that old rows do not have
$src->sql('ALTER TABLE s.ident REPLICA IDENTITY USING INDEX ident_code_key; UPDATE s.ident SET id = 11 WHERE id = 1');
ok($pg->poll_query('SELECT count(*) = 1 FROM s.ident WHERE id = 11', 60), 'another replica identity: followed') or diag $task->report;
# by a statement that is not recorded
$src->sql("SET session_replication_role = replica; ALTER TABLE s.ident REPLICA IDENTITY DEFAULT; SET session_replication_role = origin; UPDATE s.ident SET code = code || '!' WHERE id = 11");
ok($task->wait_status('failed', 60), 'one without the key, which the task has not seen: refused') or diag $task->report;
like($task->last_error, qr/the replica identity of table "s\.ident" at the source does not hold key column "code"/, 'and said');
$src->sql('ALTER TABLE s.ident REPLICA IDENTITY FULL');
$task->sql("SELECT dtsmig.resync_table('more', 's.ident')");
$task->resume;
ok($task->wait_status('running', 30), 'with all columns it goes on');
ok($pg->poll_query("SELECT count(*) = 0 FROM dtsmig.task_tables WHERE task = 'more' AND state <> 'ready'", 60), 'the table is copied again') or diag $task->report;
same('another replica identity');

# --- a table that is taken out of the publication
$task->pause;
$task->wait_status('paused', 30);
$src->sql("ALTER PUBLICATION $slot DROP TABLE s.seen; INSERT INTO s.seen VALUES (1, 'unseen')");
$task->resume;
ok($task->wait_status('failed', 60), 'a table that is not published any more') or diag $task->report;
like($task->last_error, qr/does not publish table "s"\."seen"/, $task->last_error);
$src->sql("ALTER PUBLICATION $slot ADD TABLE ONLY s.seen; INSERT INTO s.seen VALUES (2, 'seen')");
$task->sql("SELECT dtsmig.resync_table('more', 's.seen')");
$task->resume;
$task->wait_status('running', 60);
$src->sql("INSERT INTO s.seen VALUES (3, 'seen')");
same('published and copied again');

# --- a reader of the slot that is somebody else
$task->pause;
$task->wait_status('paused', 30);

SKIP:
{
    my $recv = Dts::Env::bindir() . '/pg_recvlogical';
    skip 'no pg_recvlogical', 5 unless -x $recv;
    my $pid = Dts::Env::spawn({ log => '/dev/null' }, $recv, '-h', '127.0.0.1', '-p', $src->{port}, '-U', 'postgres', '-d', 'postgres',
        '-S', $slot, '--start', '-f', '/dev/null', '-o', 'proto_version=1', '-o', "publication_names=$slot", '--fsync-interval=0', '--status-interval=1');
    ok($src->poll_query("SELECT active FROM pg_replication_slots WHERE slot_name = '$slot'", 20), 'somebody else reads the slot');
    $task->resume;
    ok(poll_until(sub { $task->last_error =~ /is being read by process/ }, 60), 'which is said') or diag $task->report;
    $src->sql("INSERT INTO s.b VALUES (-2, 'stolen')");
    ok($src->poll_query("SELECT confirmed_flush_lsn > '" . $task->get('applied_position') . "' FROM pg_replication_slots WHERE slot_name = '$slot'", 30), 'and takes what is ours');
    Dts::Env::reap($pid, 'KILL');
    ok($task->wait_status('failed', 90), 'that ends the task') or diag $task->report;
    like($task->last_error, qr/stands after the position/, $task->last_error);
}
$task->release;
done_testing();
