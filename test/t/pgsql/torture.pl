# PostgreSQL to PostgreSQL under torture: kill -9 of a worker, of the whole
# destination server and of the source, and cut lines, in the copy, the index
# builds and while changes flow. Afterwards both sides are equal, tables
# without a key included, and every counter has been applied exactly once.
# During transactions that are open labels of an enum and a schema get other
# names, keys move between ranges of the copy, and the destination commits
# asynchronously by default.
# DTS_DEEP=1: 20 kills, not 8, and three times the rows in the largest table.
#
# dts-deep-runs: postgresql-10, postgresql-13, postgresql-18 into postgresql-18-dev
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);
use Dts::Env qw(poll_until);
use Dts::PgSource qw(pg_pair same_pg_tables);
use Dts::Proxy;
use Dts::Task;

my $size = $ENV{DTS_DEEP} ? 300000 : 100000;
my $rounds = $ENV{DTS_TORTURE} // ($ENV{DTS_DEEP} ? 20 : 8);
my $seed = $ENV{DTS_SEED} // time ^ $$;
srand $seed;
diag "DTS_SEED=$seed";

my ($src, $pg) = pg_pair(preload => 1, fsync => 1, kind => $ENV{DTS_PG_KIND},
    src_conf => "synchronous_commit = on\n" . (($ENV{DTS_PG_KIND} // '') eq 'postgresql-10' ? '' : "logical_decoding_work_mem = 64kB\n"), conf => "max_wal_size = 1GB\nsynchronous_commit = off\nwal_writer_delay = 2s\n");
my $ddl = <<'END';
CREATE TABLE counter (id int PRIMARY KEY, n bigint NOT NULL, note text, u int UNIQUE);
CREATE TABLE events (a int, b text, c numeric(10,2)); ALTER TABLE events REPLICA IDENTITY FULL;
CREATE TABLE big (id bigserial PRIMARY KEY, k int NOT NULL, c varchar(120), t timestamptz, j jsonb, pad text);
CREATE INDEX ON big (k); CREATE INDEX ON big (c);
CREATE TABLE parent (id int PRIMARY KEY, v int);
CREATE TABLE child (id serial PRIMARY KEY, parent_id int NOT NULL REFERENCES parent ON DELETE CASCADE, v int);
END
$src->sql($ddl . <<'END' =~ s/300000/$size/r);
ALTER TABLE big ALTER pad SET STORAGE EXTERNAL;
INSERT INTO counter SELECT g, 0, 'counter ' || g, g FROM generate_series(1, 200) g;
INSERT INTO events SELECT g % 50, 'e' || g % 7, g % 3 FROM generate_series(1, 60000) g;
INSERT INTO big (k, c, t, j, pad) SELECT g % 1000, 'row ' || g || repeat(' pad', 10), '2020-01-01'::timestamptz + g * interval '1 s', '{"a": 1}',
    CASE WHEN g % 100 = 0 THEN repeat('p', 5000) ELSE 'p' END FROM generate_series(1, 300000) g;
INSERT INTO parent SELECT g, 0 FROM generate_series(1, 500) g;
INSERT INTO child (parent_id, v) SELECT 1 + g % 500, g FROM generate_series(1, 5000) g;
CREATE SCHEMA sch;
CREATE TYPE sch.mood AS ENUM ('a', 'b', 'c');
CREATE TABLE sch.moods (id serial PRIMARY KEY, m sch.mood, n int);
INSERT INTO sch.moods (m, n) SELECT 'b', g FROM generate_series(1, 3000) g;
ANALYZE;
END

my @writers = map {
    my $w = $_;
    $src->background(sub {
        sleep 0.004;
        my $d = rand;
        my $id = 1 + int rand 200;
        my $big = 1 + int rand $size;
        my $p = 1 + int rand 500;
        return "UPDATE big SET id = id + 600000 WHERE id = $big;\n" if $d < 0.02;
        return "UPDATE big SET id = $big WHERE id = (SELECT min(id) FROM big WHERE id > 600000) AND NOT EXISTS (SELECT 1 FROM big WHERE id = $big);\n" if $d < 0.04;
        return "UPDATE counter SET n = n + 1 WHERE id = $id;\n" if $d < 0.3;
        return "BEGIN; UPDATE counter SET n = n + 1 WHERE id = $id; INSERT INTO events VALUES ($id, 'w$w', $d); UPDATE big SET k = k + 1 WHERE id = $big; COMMIT;\n" if $d < 0.5;
        return "INSERT INTO big (k, c, t, j, pad) VALUES ($id, 'new', now(), '[1, 2]', repeat('n', 4000));\n" if $d < 0.6;
        return "DELETE FROM big WHERE id BETWEEN $big AND $big + 3;\n" if $d < 0.68;
        return "DELETE FROM events WHERE ctid IN (SELECT ctid FROM events WHERE a = " . ($id % 50) . " LIMIT 2);\n" if $d < 0.74;
        return "UPDATE events SET c = c + 1 WHERE ctid IN (SELECT ctid FROM events WHERE a = " . ($id % 50) . " LIMIT 2);\n" if $d < 0.8;
        return "BEGIN; DELETE FROM parent WHERE id = $p; INSERT INTO parent VALUES ($p, $id) ON CONFLICT DO NOTHING; INSERT INTO child (parent_id, v) VALUES ($p, 1), ($p, 2); COMMIT;\n" if $d < 0.9;
        return "BEGIN; UPDATE counter SET u = NULL WHERE id = $id; SAVEPOINT s; UPDATE counter SET n = n + 100 WHERE id = $id; ROLLBACK TO s; UPDATE counter SET u = 1000 + $id WHERE id = $id; COMMIT;\n" if $d < 0.93;
        return "BEGIN; UPDATE counter SET n = n + 1 WHERE id = $id; PREPARE TRANSACTION 'p$w'; SELECT pg_sleep(0.05); COMMIT PREPARED 'p$w';\n" if $d < 0.95;
        return "BEGIN; UPDATE big SET k = k + 1, pad = pad || 'x' WHERE id BETWEEN $big AND $big + 2000; ROLLBACK;\n" if $d < 0.96;
        return "UPDATE big SET t = now(), c = 'u' || k WHERE id BETWEEN $big AND $big + 50;\n";
    });
} 1 .. 2;

# Transactions that stay open during changes of the catalog.
my $step = 0;
push @writers, $src->background(sub {
    sleep 0.15;
    $step++;
    return "BEGIN; INSERT INTO sch.moods (m, n) SELECT (enum_range(NULL::sch.mood))[1 + $step % 3], $step;\n" if $step % 3 == 1;
    return "UPDATE sch.moods SET n = n + 1 WHERE id % 50 = $step % 50;\n" if $step % 3 == 2;
    return "COMMIT;\n";
});
# Each has the table copied again: a busy machine is slower at that than this.
my $ddl_step = sub {
    sleep 1.5;
    $step++;
    return ("ALTER TYPE sch.mood RENAME VALUE 'a' TO 'z';\n", "ALTER SCHEMA sch RENAME TO sch2;\n", "ALTER SCHEMA sch2 RENAME TO sch;\n", "ALTER TYPE sch.mood RENAME VALUE 'z' TO 'a';\n")[ $step % 4 ];
};
my $ddl = $src->background($ddl_step);

# A slow line, and a limit, make the copy last long enough to be hit.
my $proxy = Dts::Proxy->new(port => $src->{port});
my $task = Dts::Task->new($src, $pg, name => 'tor', db => 'postgres', port => $proxy->{port},
    options => { copy_workers => 2, rows_per_range => int($size / 15), batch_delay => 200, throttle_full_rows => int($size / 8) });
$task->start;
# the commit that started it is asynchronous, too
$pg->sql('CHECKPOINT');

my %did;
my $kills = 0;

sub where
{
    return $pg->try_value(q{SELECT concat_ws('/', status, phase, step) FROM dtsmig.tasks WHERE name = 'tor'}) // 'down';
}

sub strike
{
    my ($what) = @_;
    my $at = where();
    if ($what eq 'worker')
    {
        my @pids = $task->worker_pids;
        return 0 unless @pids;
        kill 'KILL', $pids[ rand @pids ];
        poll_until(sub { defined $pg->try_value('SELECT 1') }, 60, 0.1);
    }
    elsif ($what eq 'server') { $pg->kill9; $pg->start; }
    elsif ($what eq 'source')
    {
        $src->kill9;
        sleep rand 1;
        $src->start;
        # what a killed session had prepared would hold its rows for ever; one
        # that has come back may do it itself
        $src->try_value("COMMIT PREPARED '$_->[0]'") for $src->rows('SELECT gid FROM pg_prepared_xacts');
    }
    elsif ($what eq 'sender')
    {
        my $v = $src->try_value("SELECT string_agg(pid::text, ' ') FROM pg_stat_activity WHERE usename = 'mig'") // '';
        my @pids = split ' ', $v or return 0;
        kill 'TERM', $pids[ rand @pids ];
    }
    elsif ($what eq 'line') { $proxy->cut; sleep 0.3; $proxy->forward; }
    (my $step = $at) =~ s{^[^/]*/}{};
    $did{"$what in $step"}++;
    $kills++;
    return 1;
}

sub running_again
{
    return poll_until(sub {
        my $s = where();
        return $s =~ m{^running} ? $s : undef;
    }, 60, 0.1);
}

my @what = qw(worker server line source sender);
my $in_full = 0;
my $slow = 0;
while ($in_full < $rounds / 2)
{
    sleep 0.2 + rand 1.2;
    my $at = where();
    $proxy->delay(25) if $at =~ /full/ && !$slow++;
    last if $at =~ m{/incremental} && $at =~ /changes/;
    # more than one before the copy would leave none for it
    next if $at eq 'down' || ($in_full && $at =~ m{new$});
    $in_full++ if strike($what[ $in_full % @what ]);
    ok(running_again(), "comes back ($kills: $at)") or BAIL_OUT($task->report);
}
$proxy->delay(0);
$pg->sql(q{SELECT dtsmig.alter_task('tor', '{"throttle_full_rows": 0}')});
cmp_ok($in_full, '>', 1, 'kills while it copied');
note "$in_full kills before the changes phase";
if (!eval { $task->wait_for('incremental', 60); 1 })
{
    note 'DDL comes faster than tables are copied: it pauses';
    $ddl->stop;
    eval { $task->wait_for('incremental', 300); 1 } or BAIL_OUT($@);
    $ddl = $src->background($ddl_step);
}
push @writers, $ddl;
while ($kills < $rounds)
{
    sleep 0.5 + rand 2;
    my $at = where();
    strike($what[ $kills % @what ]) or next;
    ok(running_again(), "comes back ($kills: $at)") or BAIL_OUT($task->report);
}
$_->stop for @writers;
$src->sql(join ' ', map { "COMMIT PREPARED '$_->[0]';" } $src->rows('SELECT gid FROM pg_prepared_xacts'));
note "$_: $did{$_}" for sort keys %did;
cmp_ok($kills, '>=', $rounds, "$kills kills in one run");
ok(eval { $task->catch_up(180); 1 }, 'caught up') or diag $@;
ok(poll_until(sub { ($pg->try_value("SELECT count(*) FROM dtsmig.task_tables WHERE task = 'tor' AND state <> 'ready'") // '') eq '0' }, 120), 'no table waits') or diag $task->report;
ok(eval { $task->catch_up(180); 1 }, 'caught up') or diag $@;
same_pg_tables($src, $pg, 'after the torture', schemas => [ 'public', $src->value("SELECT nspname FROM pg_namespace WHERE nspname ~ '^sch'") ]);
cmp_ok($src->value('SELECT sum(n) FROM counter'), '>', 100, 'there was load');
is($pg->value('SELECT count(*) FROM pg_index WHERE NOT indisvalid'), 0, 'all indexes are valid');
my $objects = "SELECT count(*) FROM pg_indexes WHERE schemaname = 'public'";
is($pg->value($objects), $src->value($objects), 'and all there');
is($pg->value("SELECT count(*) FROM pg_constraint WHERE conrelid = 'child'::regclass AND contype = 'f' AND convalidated"), 1, 'the foreign key too');
$task->release;
is($pg->value("SELECT bool_and(nextval(s) > m) FROM (VALUES ('big_id_seq', (SELECT max(id) FROM big)), ('child_id_seq', (SELECT max(id) FROM child))) x(s, m)"), 't', 'sequences are not behind');
is($src->value('SELECT (SELECT count(*) FROM pg_replication_slots) + (SELECT count(*) FROM pg_publication) + (SELECT count(*) FROM pg_event_trigger)'), 0, 'nothing is left at the source');
done_testing();
