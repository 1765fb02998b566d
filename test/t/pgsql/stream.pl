# The change stream of a PostgreSQL source: kinds of changes, images of old
# rows, transactions in progress, prepared ones, and how the source's log is
# let go.
#
# dts-runs: postgresql, postgresql-10
# dts-deep-runs: postgresql-13
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);
use Dts::Env qw(poll_until);
use Dts::PgSource qw(pg_pair same_pg_tables pg_difference);
use Dts::Task;

# DTS_PG_KIND: another version as the source, see test/servers.
my $v = ($ENV{DTS_PG_KIND} // '-99') =~ /-(\d+)/ ? $1 : 99;
my ($src, $pg) = pg_pair(src_conf => "wal_sender_timeout = 6s\nmax_wal_size = 200MB\nmin_wal_size = 80MB\n"
      . ($v >= 13 ? "logical_decoding_work_mem = 64kB\nmax_slot_wal_keep_size = 400MB\n" : ''));
plan skip_all => 'the destination is older than the source' if $src->value('SHOW server_version_num') / 10000 >= int($pg->value('SHOW server_version_num') / 10000) + 1;
note $src->value('SELECT version()');

my $tables = <<'END';
CREATE SCHEMA s;
CREATE TYPE s.mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN s.even AS integer CHECK (VALUE % 2 = 0);
CREATE TYPE s.pair AS (a integer, b text);
CREATE TABLE s.plain (id bigint PRIMARY KEY, v text, n numeric, t timestamptz, b bytea, j jsonb, u uuid, f float8, d date, i interval, a integer[]);
CREATE TABLE s.odd (id integer PRIMARY KEY, m s.mood, e s.even, p s.pair, x xml, r int4range, moods s.mood[], net inet, ts tsvector);
CREATE TABLE s.toast (id integer PRIMARY KEY, small integer, big text, big2 text);
CREATE TABLE s.full_id (id integer PRIMARY KEY, v text, big text);
ALTER TABLE s.full_id REPLICA IDENTITY FULL;
CREATE TABLE s.by_index (id integer PRIMARY KEY, code text NOT NULL UNIQUE, v integer);
ALTER TABLE s.by_index REPLICA IDENTITY USING INDEX by_index_code_key;
CREATE TABLE s.no_key (a integer, b text);
ALTER TABLE s.no_key REPLICA IDENTITY FULL;
CREATE TABLE s.two (a integer, b text, v integer, PRIMARY KEY (a, b));
CREATE TABLE s.gen (id integer PRIMARY KEY, a integer, twice integer GENERATED ALWAYS AS (a * 2) STORED, ident integer GENERATED ALWAYS AS IDENTITY);
CREATE TABLE s.parent (id integer PRIMARY KEY, v integer);
CREATE TABLE s.child (id integer PRIMARY KEY, parent integer REFERENCES s.parent ON DELETE CASCADE, v integer);
CREATE TABLE s.grandchild (id integer PRIMARY KEY, child integer REFERENCES s.child ON DELETE CASCADE);
CREATE TABLE s.part (id integer NOT NULL, k integer NOT NULL, v text) PARTITION BY RANGE (k);
CREATE TABLE s.part_1 PARTITION OF s.part (PRIMARY KEY (id, k)) FOR VALUES FROM (0) TO (100);
CREATE TABLE s.part_2 PARTITION OF s.part (PRIMARY KEY (id, k)) FOR VALUES FROM (100) TO (200);
CREATE TABLE s."Odd ""name" ("select" integer PRIMARY KEY, "a b" text);
CREATE TABLE s.wide_null (id integer PRIMARY KEY, a text, b text, c text);
END
$tables =~ s/ integer GENERATED ALWAYS AS \(a \* 2\) STORED/ integer/ if $v < 12;
$src->sql($tables);
$pg->sql($tables);
$src->sql("INSERT INTO s.plain SELECT i, 'v' || i, i / 3.0, now(), decode(md5(i::text), 'hex'), jsonb_build_object('i', i), md5(i::text)::uuid, i / 7.0, DATE '2020-01-01' + i, make_interval(days => i, secs => i), ARRAY[i, NULL] FROM generate_series(1, 100) i; INSERT INTO s.no_key SELECT i % 3, 'x' FROM generate_series(1, 9) i");
$src->sql("CREATE TABLE public.other (id integer PRIMARY KEY, v text)");

my $task = Dts::Task->new($src, $pg, name => 'st', db => 'postgres', types => [qw(full incremental)],
    objects => [ { schema => 's' } ]);
$task->start->wait_for('incremental', 60);
my $slot = $src->value("SELECT slot_name FROM pg_replication_slots WHERE slot_name LIKE 'dts%'");
like($slot, qr/^dts_sync_/, "slot $slot");
sub same { $task->catch_up(60); same_pg_tables($src, $pg, $_[0], schemas => ['s']); }
same('after the copy');

# --- kinds of changes, types
$src->sql(<<'END');
INSERT INTO s.plain VALUES (1001, '', 'NaN', 'infinity', '', '[]', NULL, '-Infinity', '-infinity', '1 year -2 mons', '{}');
INSERT INTO s.plain (id, v, t, d) VALUES (1002, E'tab\t\\N "quoted" ☃ 𝄞', '0044-03-15 12:00:00+00 BC', '4713-01-01 BC');
INSERT INTO s.plain (id, v) VALUES (1003, repeat('long ', 100000));
UPDATE s.plain SET v = 'changed', n = n * 1e30 WHERE id <= 10;
UPDATE s.plain SET id = id + 5000 WHERE id BETWEEN 11 AND 20;
DELETE FROM s.plain WHERE id BETWEEN 21 AND 30;
INSERT INTO s.odd VALUES (1, 'happy', 4, ROW(1, 'x,"y'), '<a>b</a>', '[1,5)', '{sad,ok}', '10.0.0.1/8', 'a:1 b:2'), (2, NULL, NULL, NULL, NULL, 'empty', NULL, NULL, NULL);
UPDATE s.odd SET m = 'sad', e = 8 WHERE id = 1;
INSERT INTO s.two SELECT i, 'k' || i, i FROM generate_series(1, 20) i;
UPDATE s.two SET b = b || 'x' WHERE a < 5;
UPDATE s.two SET v = NULL WHERE a > 15;
DELETE FROM s.two WHERE a = 10;
INSERT INTO s.gen (id, a) SELECT i, i FROM generate_series(1, 5) i;
UPDATE s.gen SET a = 100 WHERE id = 2;
DELETE FROM s.gen WHERE id = 3;
INSERT INTO s."Odd ""name" VALUES (1, 'x'), (2, NULL);
UPDATE s."Odd ""name" SET "a b" = 'y', "select" = 3 WHERE "select" = 2;
INSERT INTO s.wide_null VALUES (1, NULL, '', NULL);
UPDATE s.wide_null SET a = '', b = NULL;
END
same('kinds and types');

# --- out-of-line values that do not change
$src->sql(<<'END');
ALTER TABLE s.toast ALTER big SET STORAGE EXTERNAL;
INSERT INTO s.toast SELECT i, i, repeat('b' || i, 5000), repeat('c', 10) FROM generate_series(1, 10) i;
INSERT INTO s.full_id SELECT i, i, repeat(md5(i::text), 1000) FROM generate_series(1, 10) i;
END
$src->sql(<<'END');
UPDATE s.toast SET small = small + 1;
UPDATE s.toast SET small = small + 1, big2 = 'new' WHERE id % 2 = 0;
UPDATE s.toast SET id = id + 100 WHERE id <= 3;
UPDATE s.full_id SET v = v || 'x';
UPDATE s.full_id SET id = id + 100 WHERE id <= 3;
DELETE FROM s.full_id WHERE id = 5;
BEGIN; UPDATE s.toast SET big = 'short' WHERE id = 5; UPDATE s.toast SET small = 0 WHERE id = 5; UPDATE s.toast SET big2 = repeat('z', 9000) WHERE id = 5; COMMIT;
END
same('unchanged TOAST');

# --- replica identities
$src->sql(<<'END');
INSERT INTO s.by_index SELECT i, 'c' || i, i FROM generate_series(1, 10) i;
UPDATE s.by_index SET v = 0 WHERE id < 3;
UPDATE s.by_index SET id = id + 100 WHERE id > 8;
UPDATE s.by_index SET code = code || 'x' WHERE id = 4;
UPDATE s.by_index SET code = 'moved', id = 1000 WHERE id = 5;
DELETE FROM s.by_index WHERE id = 6;
INSERT INTO s.no_key VALUES (1, 'x'), (NULL, NULL), (NULL, NULL), (7, repeat('toast', 3000));
DELETE FROM s.no_key WHERE ctid = (SELECT min(ctid) FROM s.no_key WHERE a = 1);
UPDATE s.no_key SET a = 70 WHERE a = 7;
UPDATE s.no_key SET b = 'null' WHERE ctid = (SELECT min(ctid) FROM s.no_key WHERE a IS NULL);
END
same('replica identity full, by index, without a key');

# --- TRUNCATE
$src->sql(<<'END');
INSERT INTO s.parent SELECT i, i FROM generate_series(1, 50) i;
INSERT INTO s.child SELECT i, i, i FROM generate_series(1, 50) i;
INSERT INTO s.grandchild SELECT i, i FROM generate_series(1, 50) i;
INSERT INTO s.part SELECT i, i, 'p' || i FROM generate_series(1, 150) i;
DELETE FROM s.parent WHERE id > 40;
END
$src->sql('UPDATE s.part SET k = k + 100 WHERE id = 7; UPDATE s.part SET k = k - 100 WHERE id = 107') if $v >= 11;
same('cascades at the source, rows that change their partition');
if ($v >= 11)
{
$src->sql('TRUNCATE s.grandchild; INSERT INTO s.grandchild SELECT i, i FROM generate_series(1, 10) i; BEGIN; INSERT INTO s.grandchild VALUES (11, 11); TRUNCATE s.parent, s.child, s.grandchild RESTART IDENTITY; INSERT INTO s.parent VALUES (1, 1); COMMIT; INSERT INTO s.child VALUES (1, 1, 1); TRUNCATE s.part; INSERT INTO s.part VALUES (1, 1, \'x\')');
same('TRUNCATE of several tables with foreign keys');
$src->sql('INSERT INTO s.parent VALUES (2, 2); TRUNCATE s.parent CASCADE');
same('TRUNCATE … CASCADE');
}
else { $src->sql('DELETE FROM s.parent; DELETE FROM s.part'); }

# --- transactions in progress, with parts that are rolled back
$src->sql(<<'END');
BEGIN;
INSERT INTO s.parent SELECT i, i FROM generate_series(1, 3000) i;
SAVEPOINT a;
INSERT INTO s.child SELECT i, i, i FROM generate_series(1, 3000) i;
SAVEPOINT b;
UPDATE s.parent SET v = -1;
ROLLBACK TO b;
UPDATE s.parent SET v = v + 1 WHERE id % 3 = 0;
RELEASE a;
SAVEPOINT c;
DELETE FROM s.child;
SAVEPOINT d;
INSERT INTO s.child SELECT i, NULL, i FROM generate_series(10001, 13000) i;
RELEASE d;
ROLLBACK TO c;
UPDATE s.child SET v = 7 WHERE id % 5 = 0;
COMMIT;
BEGIN; INSERT INTO s.parent SELECT i, i FROM generate_series(20001, 26000) i; ROLLBACK;
DO $$ BEGIN FOR i IN 1 .. 3000 LOOP BEGIN INSERT INTO s.two VALUES (i % 500, 'sub' || i, i); IF i % 3 = 0 THEN RAISE 'x'; END IF; EXCEPTION WHEN OTHERS THEN NULL; END; END LOOP; END $$;
END
same('transactions in progress and parts of them rolled back');
cmp_ok($v < 14 ? 1 : $src->value("SELECT stream_txns FROM pg_stat_replication_slots WHERE slot_name = '$slot'"), '>', 0, 'they were streamed');
# Large ones side by side, while the task is away: while one is reported, parts of
# the next come, and must not get into its way.
$task->pause;
my @beside = map {
    my $n = $_;
    my $from = 100000 * $n;
    my $sql = join '', map { my $at = $from + 3000 * $_; "BEGIN; INSERT INTO s.parent SELECT i, $n FROM generate_series($at + 1, $at + 2000) i; SAVEPOINT a; UPDATE s.parent SET v = -1 WHERE id > $at AND id <= $at + 500; ROLLBACK TO a; DELETE FROM s.parent WHERE id BETWEEN $at + 1 AND $at + 100; " . ($_ % 3 == 2 ? 'ROLLBACK' : 'COMMIT') . "; INSERT INTO s.parent VALUES (-$at - $n, $n);\n" } 0 .. 5;
    IPC::Run::start([ $src->psql_cmd ], \$sql, \my $o, \my $e, IPC::Run::timeout(100));
} 1 .. 3;
IPC::Run::finish($_) for @beside;
$task->resume;
same('large transactions side by side');

my $open = IPC::Run::start([ $src->psql_cmd ], \my $in, \my $out, \my $err, IPC::Run::timeout(100));
$in = "BEGIN; INSERT INTO s.wide_null SELECT i, md5(i::text) FROM generate_series(1000, 9000) i; SELECT 'half';\n";
IPC::Run::pump($open) until $out =~ /half/;
$src->sql("INSERT INTO s.two VALUES (-1, 'beside', 1); INSERT INTO s.parent SELECT i, i FROM generate_series(30001, 36000) i");
ok(poll_until(sub { $pg->value("SELECT count(*) FROM s.two WHERE b = 'beside'") == 1 }, 20), 'others pass one that is open');
is($pg->value('SELECT count(*) FROM s.wide_null WHERE id >= 1000'), 0, 'which is not seen');
$in .= "UPDATE s.wide_null SET b = 'x' WHERE id % 2 = 0; COMMIT;\n\\q\n";
IPC::Run::finish($open);
same('and comes when it commits');

# --- prepared transactions, with a restart between
$src->sql("BEGIN; INSERT INTO s.two VALUES (-2, 'prepared', 1); PREPARE TRANSACTION 'one'");
$src->sql("BEGIN; INSERT INTO s.two SELECT i, 'rolled back', i FROM generate_series(1, 5000) i; PREPARE TRANSACTION 'two'");
$src->sql("BEGIN; INSERT INTO s.two SELECT i, 'large', i FROM generate_series(1, 5000) i; PREPARE TRANSACTION 'three'");
$src->sql("INSERT INTO s.two VALUES (-3, 'beside', 1)");
same('prepared transactions are not seen');
$task->pause; $task->wait_status('paused', 30); $task->resume; $task->wait_status('running', 30);
$src->sql("COMMIT PREPARED 'one'; ROLLBACK PREPARED 'two'");
same('one is committed, one rolled back, after a restart');
$src->restart('fast');
$src->sql("COMMIT PREPARED 'three'");
$task->wait_status('running', 60);
same('one after a restart of the source');

# --- kill -9
for my $round (1 .. 3)
{
    my $writer = $src->background(do { my $i = 0; sub { $i++; "BEGIN; INSERT INTO s.no_key VALUES ($i, 'r$round'); UPDATE s.by_index SET v = v + 1 WHERE id = 1; INSERT INTO s.plain (id, v) VALUES (${round}000000 + $i, repeat('k', 100)); COMMIT;\n" } });
    sleep 1;
    if ($round == 1) { kill 'KILL', $src->value("SELECT active_pid FROM pg_replication_slots WHERE slot_name = '$slot'"); }
    elsif ($round == 2) { kill 'KILL', ($task->worker_pids)[0]; }
    else { $pg->kill9; $pg->start; }
    sleep 2;
    $writer->stop;
    $pg->poll_query('SELECT true', 60);
    $src->poll_query('SELECT true', 60);
    $task->wait_status('running', 60);
    same('after kill -9 of ' . (qw(x walsender worker destination))[$round]);
}

# --- the log of an idle task is let go; the sender hears of us
$src->sql("INSERT INTO public.other SELECT i, repeat('w', 500) FROM generate_series(1, 20000) i ON CONFLICT (id) DO UPDATE SET v = excluded.v; CHECKPOINT") for 1 .. 3;
ok(poll_until(sub { $src->value("SELECT pg_current_wal_lsn() - confirmed_flush_lsn < 1000000 FROM pg_replication_slots WHERE slot_name = '$slot'") eq 't' }, 30), 'log of tables that are not selected is confirmed');
$src->sql("CHECKPOINT; SELECT pg_switch_wal(); INSERT INTO public.other VALUES (-1, 'x'); CHECKPOINT");
ok(poll_until(sub { $src->sql('CHECKPOINT'); $src->value("SELECT pg_current_wal_lsn() - restart_lsn < 40000000 FROM pg_replication_slots WHERE slot_name = '$slot'") eq 't' }, 60), 'and can be removed');
is($task->get('latency_seconds < 5'), 't', 'idle: no latency') or diag $task->report;
my $pid = $src->value("SELECT active_pid FROM pg_replication_slots WHERE slot_name = '$slot'");
sleep 8;
is($src->value("SELECT active_pid FROM pg_replication_slots WHERE slot_name = '$slot'"), $pid, 'the connection holds while nothing happens');

# --- a table without identity is never published
$_->sql('CREATE SCHEMA s2; CREATE TABLE s2.none (a integer); INSERT INTO s2.none VALUES (1)') for $src, $pg;
my $two = Dts::Task->new($src, $pg, name => 'none', source => 'src_st', types => [qw(full incremental)], objects => [ { schema => 's2' } ], options => { conflict => 'ignore' });
$two->start; $two->wait_status('failed|precheck_failed', 60);
like($two->report . $pg->value("SELECT string_agg(advice, ' ') FROM dtsmig.precheck_results WHERE task = 'none'"), qr/REPLICA IDENTITY/, 'a table without replica identity is refused');
$src->sql('UPDATE s2.none SET a = 2');
$two->release;

# --- slots that are lost
sub fails_with
{
    my ($re, $what) = @_;
    ok($task->wait_status('failed', 60), "$what: the task fails") or diag $task->report;
    like($task->last_error, $re, $task->last_error);
}
$task->pause; $task->wait_status('paused', 30);
$src->sql("SELECT pg_drop_replication_slot('$slot')");
$task->resume;
fails_with(qr/does not exist/, 'dropped');
$src->sql("INSERT INTO s.two VALUES (-10, 'lost', 1); SELECT pg_create_logical_replication_slot('$slot', 'pgoutput')");
$task->resume;
fails_with(qr/stands after the position/, 'made again');
$task->release;
is($src->value("SELECT count(*) FROM pg_replication_slots") . $src->value('SELECT count(*) FROM pg_publication'), '00', 'release removes slot and publication');

if ($v >= 13)
{
$task = Dts::Task->new($src, $pg, name => 'keep', source => 'src_st', types => [qw(incremental)], objects => [ { schema => 's', table => 'two' } ]);
$pg->sql('TRUNCATE s.two');
$task->start->wait_for('incremental', 60);
$slot = $src->value("SELECT slot_name FROM pg_replication_slots WHERE slot_name LIKE 'dts%'");
$task->pause; $task->wait_status('paused', 30);
for (1 .. 12) { $src->sql("INSERT INTO public.other SELECT i, repeat('w', 1000) FROM generate_series(1, 40000) i ON CONFLICT (id) DO UPDATE SET v = excluded.v || 'x'; CHECKPOINT"); last if $src->value("SELECT wal_status FROM pg_replication_slots WHERE slot_name = '$slot'") eq 'lost'; }
is($src->value("SELECT wal_status FROM pg_replication_slots WHERE slot_name = '$slot'"), 'lost', 'log over max_slot_wal_keep_size');
$task->resume;
fails_with(qr/has lost the log|invalidated/, 'invalidated');
$task->release;
is($src->value("SELECT count(*) FROM pg_replication_slots"), '0', 'release removes a lost slot');
}
done_testing();
