# A PostgreSQL source fails over to a standby that had not received all that
# the task has applied, and that has written past it since: the task must not
# go on, for what it would leave out nobody would ever see. Of the versions that
# keep a copy of a slot on a standby.
#
# dts-runs: postgresql-18, postgresql-17-dev
use strict;
use warnings;
use Test::More;
use Dts::Env qw(run_as server_user poll_until);
use Dts::PgSource qw(pg_difference);
use Dts::Postgres;
use Dts::Task;

my $a = Dts::PgSource->new(kind => $ENV{DTS_PG_KIND} // 'postgresql-18', conf => "hot_standby_feedback = on\n")->start;
my $ddl = 'CREATE TABLE log (id int PRIMARY KEY, t text);';
$a->sql("$ddl SELECT pg_create_physical_replication_slot('standby')");

# The standby is a copy of the folder: other versions' pg_basebackup is not here.
my $b = Dts::PgSource->new(kind => $ENV{DTS_PG_KIND} // 'postgresql-18', conf => "hot_standby_feedback = on\n");
$a->stop('fast');
my ($code, $out) = run_as(server_user('postgres'), '/bin/sh', '-c',
    "cp $b->{data}/postgresql.conf $b->{data}.conf && rm -rf $b->{data} && cp -a $a->{data} $b->{data} && mv $b->{data}.conf $b->{data}/postgresql.conf && touch $b->{data}/standby.signal");
is($code, 0, 'a copy for the standby') or diag $out;
my $upstream = "primary_conninfo = 'host=127.0.0.1 port=$a->{port} user=postgres dbname=postgres'\n";
$b->append_conf($upstream . "primary_slot_name = 'standby'\nsync_replication_slots = on\n");
$b->{mig} = 1;
$a->start;
$b->start;

my $pg = Dts::Postgres->new(preload => 1)->start;
$pg->sql("CREATE EXTENSION dtsmig; $ddl");
my $task = Dts::Task->new($a, $pg, name => 'f', db => 'postgres', types => [qw(full incremental)], options => { conflict => 'ignore' });
$task->start->wait_for('incremental', 60);
my $slot = $a->value("SELECT slot_name FROM pg_replication_slots WHERE slot_type = 'logical' AND failover");
$a->sql("INSERT INTO log SELECT g, 'before' FROM generate_series(1, 100) g");
$task->catch_up;
ok($b->poll_query("SELECT coalesce(bool_or(synced AND NOT temporary AND invalidation_reason IS NULL), false) FROM pg_replication_slots WHERE slot_name = '$slot'", 90),
    'the standby keeps a copy of the slot') or diag $b->log_text;

# --- a failover to a standby that has all, first
my $end = $a->value('SELECT pg_current_wal_insert_lsn()');
ok($b->poll_query("SELECT pg_last_wal_replay_lsn() >= '$end'", 60), 'the standby has all');

# --- the standby is cut off, more is written and applied
$b->append_conf("primary_conninfo = ''\n");
$b->sql('SELECT pg_reload_conf()');
ok($a->poll_query("SELECT NOT active FROM pg_replication_slots WHERE slot_name = 'standby'", 30), 'the standby is cut off');
$a->sql("INSERT INTO log SELECT g, 'lost' FROM generate_series(101, 200) g");
$task->catch_up;
$task->pause;
my $applied = $pg->value('SELECT applied_position FROM dtsmig.task_position');
$a->kill9;
$b->sql('SELECT pg_promote()');
$b->poll_query('SELECT NOT pg_is_in_recovery()', 60);
my $n = 0;
do { $n++; $b->sql("INSERT INTO log SELECT g, 'other' FROM generate_series($n * 1000, $n * 1000 + 200) g") }
  while ($n < 50 && $b->value("SELECT pg_current_wal_insert_lsn() < '$applied'::pg_lsn + 10000") eq 't');
is($b->value("SELECT pg_current_wal_insert_lsn() > '$applied'"), 't', 'it has written past what is applied');
$pg->sql("ALTER SERVER src_f OPTIONS (SET port '$b->{port}')");
$task->{my} = $b;
$task->resume;
ok($task->wait_status('failed', 60), 'the task does not go on') or diag $task->report . pg_difference($b, 'public.log', $pg, 'public.log');
like($task->last_error, qr/lacks transactions that are applied at the destination/, 'and says why');
$task->resume;
ok($task->wait_status('failed', 60), 'nor when it is resumed');
done_testing();
