# A PostgreSQL 18 source fails over to its standby, which has taken the task's
# failover slot over: the task goes on where it was, nothing lost or doubled.
#
# dts-needs: postgresql-18
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep);
use Dts::Env qw(run_as server_user poll_until);
use Dts::PgSource qw(pg_difference);
use Dts::Postgres;
use Dts::Task;

my $a = Dts::PgSource->new(kind => 'postgresql-18', conf => <<'END')->start;
hot_standby_feedback = on
END
my $ddl = 'CREATE TABLE counter (id int PRIMARY KEY, n bigint NOT NULL); CREATE TABLE log (id bigserial PRIMARY KEY, c int, t text);';
$a->sql("$ddl INSERT INTO counter SELECT g, 0 FROM generate_series(1, 100) g");
$a->sql("SELECT pg_create_physical_replication_slot('standby')");

# The standby is a copy of the folder: other versions' pg_basebackup is not here.
my $b = Dts::PgSource->new(kind => 'postgresql-18', conf => "hot_standby_feedback = on\n");
$a->stop('fast');
my ($code, $out) = run_as(server_user('postgres'), '/bin/sh', '-c',
    "cp $b->{data}/postgresql.conf $b->{data}.conf && rm -rf $b->{data} && cp -a $a->{data} $b->{data} && mv $b->{data}.conf $b->{data}/postgresql.conf && touch $b->{data}/standby.signal");
is($code, 0, 'a copy for the standby') or diag $out;
$b->append_conf("primary_conninfo = 'host=127.0.0.1 port=$a->{port} user=postgres dbname=postgres'\nprimary_slot_name = 'standby'\nsync_replication_slots = on\n");
$b->{mig} = 1;
$a->append_conf("synchronized_standby_slots = 'standby'\n");
$a->start;
$b->start;

# rows alone may go to an earlier version
my $pg = Dts::Postgres->new(preload => 1)->start;
$pg->sql("CREATE EXTENSION dtsmig; $ddl");
my $task = Dts::Task->new($a, $pg, name => 'f', db => 'postgres', types => [qw(full incremental)],
    options => { conflict => 'ignore' });
$task->start->wait_for('incremental', 60);
my $slot = $a->value("SELECT slot_name FROM pg_replication_slots WHERE slot_type = 'logical' AND failover");
like($slot, qr/^dts_sync_/, 'the slot is one that fails over');
my $n = 0;
my $write = sub {
    my ($s) = @_;
    for (1 .. 50)
    {
        $n++;
        $s->sql("BEGIN; UPDATE counter SET n = n + 1 WHERE id = 1 + $n % 100; INSERT INTO log (c, t) VALUES ($n, 'x'); COMMIT");
    }
};
$write->($a);
$task->catch_up;
ok($b->poll_query("SELECT coalesce(bool_or(synced AND NOT temporary AND invalidation_reason IS NULL), false) FROM pg_replication_slots WHERE slot_name = '$slot'", 90),
    'the standby keeps a copy of it') or diag $b->log_text;

# More is written, and the source dies while the task is behind.
$task->pause;
$write->($a);
my $end = $a->value('SELECT pg_current_wal_insert_lsn()');
ok($b->poll_query("SELECT pg_last_wal_replay_lsn() >= '$end'", 60), 'the standby has all');
$a->kill9;
$b->sql('SELECT pg_promote()');
$b->poll_query('SELECT NOT pg_is_in_recovery()', 60);
$pg->sql("ALTER SERVER src_f OPTIONS (SET port '$b->{port}')");
$task->{my} = $b;
$write->($b);
$task->resume;
$task->catch_up(90);
is(join('', map { pg_difference($b, "public.$_", $pg, "public.$_") } qw(counter log)), '', 'both tables are equal after the failover');
is($pg->value('SELECT sum(n) FROM counter'), 150, 'each change once');
is($pg->value('SELECT count(*) FROM log'), 150, 'and no row lost');
$task->release;
is($b->value("SELECT count(*) FROM pg_replication_slots WHERE slot_name = '$slot'"), 0, 'release removes the slot where it is now');
done_testing();
