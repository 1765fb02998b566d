# A live PostgreSQL of each version moves while pgbench writes with 8 clients
# and DDL goes on, from the first moment to the last: equal rows, no sequence
# behind, nothing left at the source.
#
# dts-runs: postgresql-10, postgresql, postgresql-18 into postgresql-18-dev
# dts-deep-runs: postgresql-13
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);
use Dts::Env qw(bindir spawn reap tmpdir slurp);
use Dts::PgSource qw(same_pg_tables);
use Dts::Postgres;
use Dts::Task;

one($ENV{DTS_PG_KIND}, $ENV{DTS_DEST});
done_testing();

sub one
{
    my ($kind, $into) = @_;
    my $name = $kind // 'postgresql-15';
    my $src = Dts::PgSource->new(kind => $kind, conf => 'max_connections = 100')->start;
    my $pg = Dts::Postgres->new(preload => 1, kind => $into)->start;
    $pg->sql('CREATE EXTENSION dtsmig');
    my @bench = (bindir() . '/pgbench', '-h', '127.0.0.1', '-p', $src->{port}, '-U', 'postgres');
    is(system("@bench -q -i -s 5 postgres >/dev/null 2>&1"), 0, "$name: pgbench -i");
    $src->sql(<<'END');
ALTER TABLE pgbench_history ADD id bigserial PRIMARY KEY;
CREATE TABLE counted (id serial PRIMARY KEY, t text, big text); ALTER TABLE counted ALTER big SET STORAGE EXTERNAL;
INSERT INTO counted (t, big) SELECT 'c', repeat('b', 3000) FROM generate_series(1, 1000);
CREATE SEQUENCE free_seq INCREMENT BY 3;
CREATE VIEW seen AS SELECT bid, sum(abalance) AS s FROM pgbench_accounts GROUP BY bid;
-- as minor releases from the end of 2026 do of their own; others are helped
ALTER TABLE counted ALTER t SET (n_distinct = 5);
UPDATE pg_attribute SET attoptions = coalesce(attoptions, '{}') || '{pg_attver=77}' WHERE attrelid = 'counted'::regclass AND attname IN ('t', 'big')
  AND NOT EXISTS (SELECT FROM pg_attribute o WHERE o.attrelid = 'counted'::regclass AND array_to_string(o.attoptions, ',') ~ 'pg_attver');
END
    my $log = tmpdir() . "/pgbench-$name.log";
    my $script = tmpdir() . "/more-$name.sql";
    open my $fh, '>', $script or die;
    print $fh "INSERT INTO counted (t) VALUES (nextval('free_seq')::text);\n"
      . "UPDATE counted SET t = t || 'x' WHERE id = 1 + (random() * 999)::int;\n";
    close $fh;
    my $bench = spawn({ log => $log }, @bench, '-n', '-c', 8, '-j', 2, '-T', 600, '-R', 400, '-b', 'tpcb-like@4', '-f', "$script\@1", 'postgres');
    my $n = 0;
    my $ddl = $src->background(sub {
        $n++;
        sleep 0.7;
        return "CREATE TABLE new_$n (id serial PRIMARY KEY, v int); INSERT INTO new_$n (v) VALUES ($n), (1);\n" if $n % 4 == 1;
        my $o = $n - 1;
        return "BEGIN; ALTER TABLE new_$o ADD extra text DEFAULT 'e$n'; INSERT INTO new_$o (v, extra) VALUES (2, 'x'); COMMIT;\n" if $n % 4 == 2;
        $o = $n - 2;
        return "CREATE INDEX ON new_$o (v); ALTER TABLE new_$o RENAME COLUMN v TO w; UPDATE new_$o SET w = w + 1;\n" if $n % 4 == 3;
        $o = $n - 3;
        return "ALTER TABLE counted ADD c$n int DEFAULT $n;\n" . ($n > 8 ? 'ALTER TABLE counted DROP c' . ($n - 4) . ";\n" : '') if $n % 8 == 4;
        return "DROP TABLE new_" . ($o - 4) . ";\n";
    });
    sleep 1;
    my $task = Dts::Task->new($src, $pg, name => 'live', db => 'postgres', options => { copy_workers => 2, rows_per_range => 100000 });
    $task->start->wait_for('incremental', 180);
    sleep 4;
    $ddl->stop;
    reap($bench, 'INT', 30);
    $task->catch_up(120);
    # what is reported after a pause is reported as tables were then
    $task->pause->wait_status('paused', 60);
    $src->sql("INSERT INTO counted (t) VALUES ('before'); ALTER TABLE counted ADD later int DEFAULT 5; INSERT INTO counted (t) VALUES ('after');"
          . "ALTER TABLE pgbench_tellers RENAME filler TO filled; UPDATE pgbench_tellers SET filled = 'f'");
    $task->resume->catch_up(120);
    same_pg_tables($src, $pg, "$name: moved while it was written");
    like($pg->value("SELECT string_agg(attoptions::text, ' ') FROM pg_attribute WHERE attrelid = 'counted'::regclass AND attname = 't'"),
        qr/n_distinct=5/, "$name: a column's options are taken along, without what is the server's own");
    my $done = () = slurp($log) =~ /ERROR/g;
    is($done, 0, "$name: nothing that the application did failed") or diag slurp($log);
    cmp_ok($src->value('SELECT count(*) FROM pgbench_history'), '>', 500, "$name: there was load");
    my $columns = "SELECT string_agg(x, ', ' ORDER BY x) FROM (SELECT format('%s.%s %s', attrelid::regclass, attname, format_type(atttypid, atttypmod)) AS x FROM pg_attribute JOIN pg_class c ON c.oid = attrelid WHERE relnamespace = 'public'::regnamespace AND relkind <> 'i' AND attnum > 0 AND NOT attisdropped UNION ALL SELECT replace(indexdef, ',', ';') FROM pg_indexes WHERE schemaname = 'public') x";
    my %sides;
    $sides{$_}++ for split /, /, $src->value($columns);
    $sides{$_}-- for split /, /, $pg->value($columns);
    is(join(', ', map { ($sides{$_} > 0 ? 'missing ' : 'too many ') . $_ } grep { $sides{$_} } sort keys %sides), '',
        "$name: columns, indexes and views are the same") or diag $pg->value("SELECT string_agg(concat_ws(' ', severity, message, detail), E'\n') FROM dtsmig.task_log");
    $task->release;
    my @behind = grep { $src->value("SELECT last_value FROM $_->[0]") > $pg->value("SELECT last_value FROM $_->[0]") }
      $src->rows("SELECT c.oid::regclass FROM pg_class c WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace");
    is(join(' ', map { $_->[0] } @behind), '', "$name: no sequence is behind");
    is($src->value("SELECT (SELECT count(*) FROM pg_replication_slots) + (SELECT count(*) FROM pg_publication) + (SELECT count(*) FROM pg_event_trigger) + (SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'dts%')"),
        0, "$name: nothing is left at the source");
    $src->stop;
    $pg->stop;
}
