# What an operator does to a running task: throttles, windows of retries.
#
# A busy machine can make a throttled task slower, never faster: of many
# windows of time none may be above the rate, and one has to reach it.
#
# dts-alone: rates are reached where there is time for them
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);
use Dts::Compare qw(same_table);
use Dts::Env qw(poll_until);
use Dts::MariaDB;
use Dts::PgSource;
use Dts::Postgres;
use Dts::Proxy;
use Dts::Task;

my $my = Dts::MariaDB->new->start;
my $src = Dts::PgSource->new->start;
my $pg = Dts::Postgres->new(preload => 1, conf => "max_worker_processes = 60\nmax_connections = 100")->start;
$pg->sql('CREATE EXTENSION dtsmig');

# ---------------------------------------- an error that comes back for a minute
# looked at in the end
$my->sql('CREATE DATABASE x; CREATE TABLE x.t (id int PRIMARY KEY)');
my $short = Dts::Task->new($my, $pg, name => 'short', db => 'x', options => { retry_other => 1 })->start;
$short->wait_for('incremental', 90);
$pg->sql("CREATE FUNCTION x.full(int) RETURNS boolean LANGUAGE plpgsql AS \$\$BEGIN RAISE EXCEPTION 'no room' USING ERRCODE = '53100'; END\$\$; ALTER TABLE x.t ADD CHECK (x.full(id))");
$my->sql('INSERT INTO x.t VALUES (1)');
ok($short->wait_status('retrying', 60), 'retrying');

# ------------------------------------------------------------- throttles
my $wide = 4000;
$my->sql(<<"END");
CREATE DATABASE c; USE c;
CREATE TABLE narrow (id int PRIMARY KEY, v varchar(20));
INSERT INTO narrow SELECT seq, CONCAT('v', seq) FROM seq_1_to_200000;
CREATE TABLE wide (id int PRIMARY KEY, v mediumtext);
INSERT INTO wide SELECT seq, REPEAT('x', 10000) FROM seq_1_to_$wide;
CREATE TABLE log_narrow (id int PRIMARY KEY, v varchar(20));
CREATE TABLE log_wide (id int PRIMARY KEY, v mediumtext);
END
$src->sql(<<"END");
CREATE SCHEMA c;
CREATE TABLE c.narrow (id int PRIMARY KEY, v varchar(20));
INSERT INTO c.narrow SELECT g, 'v' || g FROM generate_series(1, 200000) g;
CREATE TABLE c.wide (id int PRIMARY KEY, v text);
INSERT INTO c.wide SELECT g, repeat('x', 10000) FROM generate_series(1, $wide) g;
CREATE TABLE c.log_narrow (id int PRIMARY KEY, v varchar(20));
CREATE TABLE c.log_wide (id int PRIMARY KEY, v text);
ANALYZE;
END

my (@runs, %task);
sub task
{
    my ($name, $source, $table, $options) = @_;
    my $t = $task{$name} = Dts::Task->new($source, $pg, name => $name,
        db => $source == $my ? 'c' : 'postgres',
        objects => [ { schema => 'c', table => $table, target_schema => $name } ],
        options => $options)->start;
    return $t;
}

# What a task has done so far, in the unit of its throttle, and when. (The large
# transaction comes into sight all at once.)
my %count = (
    full_rows => sub { "SELECT rows_copied FROM dtsmig.tasks WHERE name = '$_[0]'" },
    full_mb => sub { "SELECT bytes_copied / 1048576.0 FROM dtsmig.tasks WHERE name = '$_[0]'" },
    incremental_rows => sub { "SELECT count(*) FROM $_[0].log_narrow WHERE id <= 20000" },
    incremental_mb => sub { "SELECT count(*) * 10000 / 1048576.0 FROM $_[0].log_wide" },
);

# Notes samples of all runs until each has kept to its rate for a window. What
# stands between a sample that is less and one that is more counts: when a range
# ends, a view may see its rows twice, or not at all, for a moment.
my $window = 8;
sub measure
{
    my ($rates) = @_;
    my (%samples, %sure, %best);
    my $end = time + 240;
    while (time < $end && grep { ($best{$_} // 0) < 0.9 } keys %$rates)
    {
        my @names = sort keys %$rates;
        my @rows = $pg->rows(join ' UNION ALL ', map { my ($kind) = /^\w_(\w+)/;
            "SELECT '$_', (" . $count{$kind}->($_) . ')::float8, extract(epoch FROM clock_timestamp())' } @names);
        for (@rows)
        {
            my ($name, $n, $at) = @$_;
            my $s = $samples{$name} //= [];
            push @$s, [ $at, $n ];
            next if @$s < 3 or $s->[-2][1] > $n or $s->[-2][1] < $s->[-3][1];
            ($at, $n) = @{ $s->[-2] };
            my @sure = @{ $sure{$name} //= [] };
            push @{ $sure{$name} }, [ $at, $n ];
            my ($first) = grep { $at - $_->[0] >= $window } reverse @sure;
            next unless $first;
            my $r = ($n - $first->[1]) / ($at - $first->[0]) / $rates->{$name};
            $best{$name} = $r if $r > ($best{$name} // 0);
        }
        sleep 0.5;
    }
    for (sort keys %$rates)
    {
        my $is = sprintf '%s: %.1f of %s a second', $_, ($best{$_} // 0) * $rates->{$_}, $rates->{$_};
        cmp_ok($best{$_} // 0, '>=', 0.9, "$is, reached");
        cmp_ok($best{$_} // 9, '<=', 1.1, "$is, not exceeded");
    }
}

my %rates = (m_full_rows => 500, p_full_rows => 500, m_full_mb => 1,
    p_full_mb => 1, m_incremental_rows => 200, p_incremental_rows => 200,
    m_incremental_mb => 1, p_incremental_mb => 1);
for my $name (sort keys %rates)
{
    my ($kind, $unit) = $name =~ /^\w_(\w+)_(\w+)/;
    task($name, $name =~ /^m/ ? $my : $src,
        ($kind eq 'full' ? '' : 'log_') . ($unit eq 'rows' ? 'narrow' : 'wide'),
        { "throttle_${kind}_$unit" => $rates{$name}, copy_workers => 2,
            $name =~ /full/ ? (rows_per_range => 20000) : () });
}
$task{$_}->wait_for('incremental', 120) for grep { /incremental/ } keys %task;
# many small transactions, and a large one
$my->sql(<<'END');
USE c;
DELIMITER //
CREATE PROCEDURE fill() BEGIN DECLARE i int DEFAULT 0; WHILE i < 200 DO
 INSERT INTO log_narrow SELECT i * 50 + seq, 'v' FROM seq_1_to_50;
 INSERT INTO log_wide SELECT i * 20 + seq, REPEAT('x', 10000) FROM seq_1_to_20; SET i = i + 1; END WHILE; END//
DELIMITER ;
END
$my->sql('USE c; CALL fill(); INSERT INTO log_narrow SELECT seq, "large" FROM seq_20001_to_30000');
$src->sql(<<'END');
DO $$BEGIN FOR i IN 0 .. 199 LOOP
 INSERT INTO c.log_narrow SELECT i * 50 + g, 'v' FROM generate_series(1, 50) g;
 INSERT INTO c.log_wide SELECT i * 20 + g, repeat('x', 10000) FROM generate_series(1, 20) g;
 COMMIT; END LOOP; END$$;
INSERT INTO c.log_narrow SELECT g, 'large' FROM generate_series(20001, 30000) g;
END
measure(\%rates);

# another rate takes effect while the task runs
$_ *= 2 for values %rates;
$pg->sql(join ';', map { my ($o) = /^\w_(\w+)/; "SELECT dtsmig.alter_task('$_', '{\"throttle_$o\": $rates{$_}}')" } keys %rates);
sleep 2;
measure(\%rates);

# a throttled worker stops at once
my $start = time;
$task{m_full_rows}->pause;
$task{p_incremental_rows}->pause;
cmp_ok(time - $start, '<', 4 * ($ENV{DTS_PATIENCE} || 1), sprintf 'two throttled tasks paused in %.2f s', time - $start);
$task{$_}->resume for qw(m_full_rows p_incremental_rows);

# without a limit all is done soon, and right
$pg->sql(join ';', map { my ($o) = /^\w_(\w+)/; "SELECT dtsmig.alter_task('$_', '{\"throttle_$o\": 0}')" } keys %rates);
for my $name (sort keys %rates)
{
    my $source = $name =~ /^m/ ? $my : $src;
    my $table = $name =~ /full_rows/ ? 'narrow' : $name =~ /full/ ? 'wide' : $name =~ /rows/ ? 'log_narrow' : 'log_wide';
    $task{$name}->wait_for('incremental', 120);
    $task{$name}->catch_up(120);
    is($pg->value("SELECT count(*) || ' ' || sum(id) FROM $name.$table"),
        $source == $my ? $my->sql("SELECT CONCAT(COUNT(*), ' ', SUM(id)) FROM c.$table") : $src->value("SELECT count(*) || ' ' || sum(id) FROM c.$table"),
        "$name: everything arrived");
    $task{$name}->release->drop;
}

# statements of the copy workers at the source, counted at it
$my->sql("SET GLOBAL log_output = 'TABLE'; SET GLOBAL general_log = ON");
my $t = task('queries', $my, 'narrow', { throttle_full_queries => 15, rows_per_range => 1000 });
my $counted = "SELECT CONCAT(COUNT(*), ' ', UNIX_TIMESTAMP(NOW(6))) FROM mysql.general_log WHERE command_type = 'Query' "
  . "AND thread_id IN (SELECT thread_id FROM mysql.general_log WHERE argument LIKE 'START TRANSACTION WITH CONSISTENT%')";
my (@samples, $best);
poll_until(sub {
    my ($n, $at) = split / /, $my->sql($counted);
    push @samples, [ $at, $n ];
    my ($first) = grep { $_->[1] > 0 && $at - $_->[0] >= 10 } reverse @samples;
    my $r = $first ? ($n - $first->[1]) / ($at - $first->[0]) / 15 : 0;
    $best = $r if $r > ($best // 0);
    return ($best // 0) >= 0.9;
}, 120, 0.5);
note sprintf '%.1f statements of 15 a second', $best * 15;
cmp_ok($best, '>=', 0.9, 'statements at the source reach their rate');
cmp_ok($best, '<=', 1.1, 'and do not exceed it');
$my->sql('SET GLOBAL general_log = OFF');
$pg->sql(q{SELECT dtsmig.alter_task('queries', '{"throttle_full_queries": null}')});
$t->wait_for('incremental', 120);
same_table($my, 'c.narrow', $pg, 'queries.narrow', 'copied as slowly as asked');
$t->release->drop;

# --------------------------------------------------------- retry windows
for my $family ([ 'm', $my, 'c' ], [ 'p', $src, 'postgres' ])
{
    my ($f, $source, $db) = @$family;
    my $proxy = Dts::Proxy->new(port => $source->{port});
    my $t = Dts::Task->new($source, $pg, name => "w$f", db => $db, port => $proxy->{port},
        objects => [ { schema => 'c', table => 'log_narrow', target_schema => "w$f" } ],
        options => { metrics_interval => 1 })->start;
    $t->wait_for('incremental', 120);
    my $memory = sub {
        my $from = $pg->value('SELECT clock_timestamp()');
        my $m;
        poll_until(sub { $m = $pg->value("SELECT max(worker_memory) FROM dtsmig.metrics WHERE task = 'w$f' AND sampled_at > '$from'") }, 60);
        return $m;
    };
    my $before = $memory->();

    # an error that comes back each time the task has begun again
    $pg->sql(<<"END");
CREATE FUNCTION w$f.full() RETURNS trigger LANGUAGE plpgsql AS
  \$\$BEGIN RAISE EXCEPTION 'no room' USING ERRCODE = '53100'; END\$\$;
CREATE TRIGGER f BEFORE INSERT ON w$f.log_narrow FOR EACH ROW EXECUTE FUNCTION w$f.full();
ALTER TABLE w$f.log_narrow ENABLE ALWAYS TRIGGER f;
END
    $source->sql('INSERT INTO c.log_narrow VALUES (90001, NULL)');
    ok($t->wait_status('retrying', 60), "$f: a full disk passes, perhaps: retrying") or diag $t->report;
    my ($since, $at) = split /\|/, $t->get("retrying_since || '|' || last_error_at");
    my $later = 0;
    ok(poll_until(sub {
        my ($s, $a) = split /\|/, $pg->try_value("SELECT retrying_since || '|' || last_error_at FROM dtsmig.tasks WHERE name = 'w$f' AND status = 'retrying'") // '';
        return unless defined $a && $a ne $at;
        $at = $a;
        $later += $s eq $since;
        return $later >= 2;
    }, 90), "$f: its window began with the first of them") or diag $t->report;
    like($t->get('last_error'), qr/no room/, "$f: the reason");
    $pg->sql("DROP TRIGGER f ON w$f.log_narrow");
    ok($pg->poll_query("SELECT count(*) = 1 FROM w$f.log_narrow WHERE id = 90001", 90), "$f: it goes on by itself");
    my $grown = $memory->() - $before;

    # until its own window has closed, which is not the connection's
    if ($source == $my)
    {
        $pg->sql("CREATE TRIGGER f BEFORE INSERT ON w$f.log_narrow FOR EACH ROW EXECUTE FUNCTION w$f.full(); ALTER TABLE w$f.log_narrow ENABLE ALWAYS TRIGGER f");
        $source->sql('INSERT INTO c.log_narrow VALUES (90003, NULL)');
        my $window = sub { return $pg->poll_query("SELECT retrying_until - retrying_since = interval '$_[0]' FROM dtsmig.tasks WHERE name = 'w$f' AND status = 'retrying'", 90) };
        ok($window->('10 min'), "$f: retry_other is its window") or diag $t->report;
        $pg->sql(qq(SELECT dtsmig.alter_task('w$f', '{"retry_other": 20}')));
        ok($window->('20 min'), "$f: another one takes effect meanwhile") or diag $t->report;
        $pg->sql("DROP TRIGGER f ON w$f.log_narrow");
        ok($pg->poll_query("SELECT count(*) = 1 FROM w$f.log_narrow WHERE id = 90003", 90), "$f: it goes on");
    }
    cmp_ok($grown, '<', 2_000_000, "$f: memory of the runs that failed is free again ($grown bytes more)");

    # the source is away for longer than the window
    $proxy->cut;
    ok($t->wait_status('retrying', 90), "$f: the source is away") or diag $t->report;
    $source->sql('INSERT INTO c.log_narrow VALUES (90002, NULL)');
    $pg->sql("UPDATE dtsmig.task SET retrying_since = now() - interval '2 days' WHERE task_name = 'w$f' AND status = 'retrying'");
    ok($t->wait_status('failed', 90), "$f: failed when the window has closed") or diag $t->report;
    $proxy->forward;
    $t->resume->wait_for('running', 60);
    $t->catch_up(90);
    is($pg->value("SELECT count(*) FROM w$f.log_narrow"), $source == $my ? $my->sql('SELECT COUNT(*) FROM c.log_narrow') : $src->value('SELECT count(*) FROM c.log_narrow'),
        "$f: resumed with nothing lost");
    $t->release->drop;
}

ok($short->wait_status('failed', 120), 'retry_other: failed when its window has closed') or diag $short->report;
like($short->last_error, qr/no room/, 'the reason');
done_testing();
