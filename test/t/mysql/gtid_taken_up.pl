# A task that begins while its source has gtid_mode = OFF: its position has no
# GTID. When the source gets them, the position takes them up with the next file
# of the log, all that were before included: the task goes on by GTID, and at another server.
#
# dts-runs: mysql-9.7
use strict;
use warnings;
use Test::More;
use Dts::Compare qw(same_database);
use Dts::Env qw(poll_until);
use Dts::MariaDB;
use Dts::Task qw(server_pair);

my ($my, $pg) = server_pair(kind => $ENV{DTS_KIND});
my $tables = 'CREATE DATABASE u; USE u; CREATE TABLE t (id int PRIMARY KEY, v text); CREATE TABLE keyless (a int);';
$my->sql("$tables INSERT INTO t VALUES (1, 'a'); INSERT INTO keyless VALUES (1), (1);");
my $n = 10;

sub write_rows
{
    my ($server) = @_;
    $n++;
    $server->sql("USE u; INSERT INTO t VALUES ($n, 'n $n'); UPDATE t SET v = CONCAT(v, '+') WHERE id = 1; INSERT INTO keyless VALUES (1)");
}

sub mode { $my->sql("SET GLOBAL gtid_mode = $_") for @_; }

mode('ON_PERMISSIVE', 'OFF_PERMISSIVE', 'OFF');
$my->sql('RESET BINARY LOGS AND GTIDS');
write_rows($my);
my $task = Dts::Task->new($my, $pg, name => 'u', db => 'u')->start;
$task->wait_for('incremental', 60);
my $equal = sub {
    my ($what) = @_;
    ok(poll_until(sub { $task->status eq 'running' }, 60), "$what: runs") or diag $task->report;
    ok(eval { $task->catch_up(60); 1 }, "$what: caught up") or diag $@;
    same_database($task->{my}, 'u', $pg, 'u', $what);
};
write_rows($my);
$equal->('OFF');
unlike($task->get('applied_position'), qr/;[0-9a-f-]{36}:/, 'the position has no GTID');
mode('OFF_PERMISSIVE', 'ON_PERMISSIVE');
write_rows($my);
$equal->('ON_PERMISSIVE');
mode('ON');
write_rows($my);
$my->sql('FLUSH BINARY LOGS');
write_rows($my);
$equal->('ON');
my $executed = $my->value('SELECT @@global.gtid_executed') =~ s/\s//gr;
ok(poll_until(sub { ($task->get('applied_position') // '') =~ /;\Q$executed\E(?:;|$)/ }, 20), 'the position has all GTIDs that the source has') or diag $task->get('applied_position') . " for $executed";
$task->pause;
ok($task->wait_status('paused'), 'paused');
write_rows($my);
$task->resume;
$equal->('by GTID');
$task->sql("SELECT dtsmig.resync_table('u', 'u.t'); SELECT dtsmig.resync_table('u', 'u.keyless')");
write_rows($my);
ok(poll_until(sub { ($pg->try_value("SELECT count(*) FROM dtsmig.task_tables WHERE task = 'u' AND state <> 'ready'") // '') eq '0' }, 60), 'copied again');
$equal->('copied again');

# --- another server that has the same
$executed = $my->value('SELECT @@global.gtid_executed') =~ s/\s//gr;
my $dump = join '', map { my $table = $_; map { "INSERT INTO $table VALUES (" . join(', ', map { "'$_'" } @$_) . ');' } $my->rows("SELECT * FROM u.$table") } qw(t keyless);
my $other = Dts::MariaDB->new(kind => $ENV{DTS_KIND})->start;
$other->sql("SET sql_log_bin = 0; $tables $dump SET sql_log_bin = 1; RESET BINARY LOGS AND GTIDS; SET GLOBAL gtid_purged = '$executed'");
$task->pause;
ok($task->wait_status('paused'), 'paused');
$my->kill9;
write_rows($other);
$pg->sql("ALTER SERVER src_u OPTIONS (SET port '$other->{port}')");
$task->{my} = $other;
$task->resume;
ok(poll_until(sub { $pg->value("SELECT count(*) FROM dtsmig.task_log WHERE task = 'u' AND message LIKE 'the source is another server now%' AND severity = 'warning'") > 0 }, 60), 'it goes on at another server') or diag $task->report;
$equal->('another server');
write_rows($other);
$equal->('and on');
$task->release;
done_testing();
