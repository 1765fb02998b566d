# What can be seen of a task: samples, alerts, names of processes, the report,
# the dashboard's queries.
use strict;
use warnings;
use JSON::PP ();
use Test::More;
use Time::HiRes qw(sleep time);
use Dts::Env qw(poll_until tmpdir topdir slurp spawn reap);
use Dts::MariaDB;
use Dts::PgSource;
use Dts::Postgres;
use Dts::Proxy;
use Dts::Task;
use IPC::Run ();

my $my = Dts::MariaDB->new->start;
my $src = Dts::PgSource->new(conf => "max_slot_wal_keep_size = 96MB\n")->start;
my $pg = Dts::Postgres->new(preload => 1)->start;
$pg->sql(<<'END');
CREATE EXTENSION dtsmig;
CREATE ROLE mover LOGIN;
GRANT USAGE ON FOREIGN DATA WRAPPER dtsmig_fdw TO mover;
GRANT CREATE ON DATABASE postgres TO mover;
CREATE ROLE other LOGIN;
CREATE SCHEMA ops AUTHORIZATION mover;
SET ROLE mover;
CREATE TABLE ops.seen (n serial, alert jsonb, who text, fired boolean);
CREATE FUNCTION ops.note() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.fired := true; RETURN NEW; END$$;
CREATE TRIGGER note BEFORE INSERT ON ops.seen FOR EACH ROW EXECUTE FUNCTION ops.note();
CREATE FUNCTION ops.on_alert(a jsonb) RETURNS void LANGUAGE sql AS
  $$INSERT INTO ops.seen (alert, who) VALUES (a, current_user || '/' || session_user)$$;
CREATE FUNCTION ops.bad(a jsonb) RETURNS void LANGUAGE plpgsql AS
  $$BEGIN SET TimeZone = 'Asia/Tokyo'; RAISE EXCEPTION 'no good'; END$$;
CREATE FUNCTION ops.slow(a jsonb) RETURNS void LANGUAGE sql AS $$SELECT pg_sleep(600)$$;
END
$my->sql(<<'END');
CREATE DATABASE s; USE s;
CREATE TABLE t (id int PRIMARY KEY AUTO_INCREMENT, v varchar(40));
INSERT INTO t (v) SELECT CONCAT('value ', seq) FROM seq_1_to_40000;
CREATE TABLE `<b>x</b>` (id int PRIMARY KEY);
INSERT INTO `<b>x</b>` SELECT seq FROM seq_1_to_500;
END
my $proxy = Dts::Proxy->new(port => $my->{port});

# A task of a role that is no superuser, with a name that means something in HTML.
my $name = q{<script>alert('näme')</script> & "co"};
$pg->sql($my->server_sql('src', dbname => 's', port => $proxy->{port}), role => 'mover');
my $t = Dts::Task->new($my, $pg, name => $name, source => 'src', role => 'mover',
    options => { metrics_interval => 1, alert_function => 'ops.on_alert', throttle_full_rows => 8000, tag => 'a <i>tag</i>' })->start;

# ------------------------------------------------- processes, while it copies
ok(poll_until(sub { ($pg->try_value("SELECT rows_copied FROM dtsmig.tasks WHERE rows_copied BETWEEN 100 AND 39000") // '') ne '' }, 60), 'it copies');
is($pg->value(q{SELECT count(*) > 0 AND bool_and(application_name ~ '^dtsmig (task \d+|copy worker \d+ of task \d+|launcher)$') FROM pg_stat_activity WHERE backend_type LIKE 'dtsmig%'}), 't', 'every worker has a name');
is($pg->value(q{SELECT count(DISTINCT application_name) > 1 FROM pg_stat_activity WHERE backend_type = 'dtsmig copy'}), 't', 'copy workers each their own');
cmp_ok($my->sql(q{SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'mig'}), '>', 1, 'connections at the source');
like($pg->value('SELECT progress_bar FROM dtsmig.tasks'), qr/^\[[#.]{20}\] +[\d.]+ %$/, 'a progress bar');
ok(poll_until(sub { ($pg->try_value('SELECT time_left IS NOT NULL AND rows_per_second > 0 AND mb_per_second >= 0 FROM dtsmig.tasks') // '') eq 't' }, 60), 'rates and the time left');
$t->wait_for('incremental', 120);

# ------------------------------------------------------------------ samples
$my->sql("USE s; INSERT INTO t (v) SELECT 'more' FROM seq_1_to_2000");
$t->catch_up;
ok($pg->poll_query("SELECT count(*) FILTER (WHERE phase = 'full' AND rows_per_second > 0 AND copy_workers = 2 AND worker_memory > 0) > 1 AND count(*) FILTER (WHERE phase = 'incremental' AND latency_seconds >= 0) > 2 AND count(*) FILTER (WHERE changes_per_second > 0) > 0 AND max(changes) >= 2000 FROM dtsmig.metrics", 60), 'samples of the copy and of changes')
  or diag $pg->sql('SELECT * FROM dtsmig.metrics');
my $rate = $pg->value("SELECT round(sum(rows_per_second)) FROM dtsmig.metrics");
note "rates of samples a second apart add up to $rate of 40500 rows";
is($pg->value('SELECT count(*) FROM dtsmig.metrics', role => 'other'), 0, 'others do not see them');
is($pg->value('SELECT count(*) FROM dtsmig.alerts', role => 'other'), 0, 'nor alerts');
like($pg->error(q{SELECT dtsmig.report('1')}, role => 'other'), qr/does not exist/, 'nor the report');
$pg->sql("INSERT INTO dtsmig.metric (task_id, at) SELECT $t->{id}, now() - interval '9 days' FROM generate_series(1, 100)");
$t->pause;
$t->resume->wait_for('incremental', 60);
ok($pg->poll_query("SELECT count(*) = 0 FROM dtsmig.metrics WHERE sampled_at < now() - interval '8 days'", 60), 'old samples go');
$pg->sql("SELECT dtsmig.alter_task('$t->{id}', '{\"metrics_interval\": 0}')");
sleep 2;
my $before = $pg->value('SELECT count(*) FROM dtsmig.metrics');
sleep 3;
is($pg->value('SELECT count(*) FROM dtsmig.metrics'), $before, 'none are taken when none are wanted');
$pg->sql("SELECT dtsmig.alter_task('$t->{id}', '{\"metrics_interval\": 1}')");

# A lock on the task's row does not hold up the worker.
my $open = spawn({ code => sub { $pg->psql("BEGIN; SELECT dtsmig.alter_task('$t->{id}', '{\"tag\": \"x\"}'); SELECT pg_sleep(8); ROLLBACK") } });
ok($pg->poll_query("SELECT count(*) > 0 FROM pg_stat_activity WHERE query LIKE '%pg_sleep(8)%' AND pid <> pg_backend_pid()", 30), 'somebody holds the row');
$my->sql("INSERT INTO s.t (v) VALUES ('while locked')");
ok($pg->poll_query("SELECT count(*) = 1 FROM s.t WHERE v = 'while locked'", 60), 'changes come');
is($pg->value("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(8)%' AND wait_event = 'PgSleep'"), 1, 'while it is held');
reap($open, undef, 60);

# ------------------------------------------------------------------- alerts
my $sql_name = $pg->value("SELECT quote_literal(name) FROM dtsmig.tasks");
sub alert
{
    my ($kind, $state, $task) = @_;
    return $pg->poll_query("SELECT count(*) > 0 FROM dtsmig.alerts WHERE kind = '$kind' AND state = '$state' AND task = " . ($task // $sql_name), 90);
}

# the source away, and back
my $heard = tmpdir() . '/heard';
my $listener = spawn({ code => sub {
    open STDOUT, '>', $heard or die $!;
    open my $in, '|-', $pg->psql_cmd or die $!;
    $in->autoflush(1);
    print $in "LISTEN dtsmig_alert;\n";
    for (1 .. 2000) { print $in "SELECT 'listening';\n" or last; sleep 0.3; }
} });
ok(poll_until(sub { slurp($heard) =~ /listening/ }, 30), 'somebody listens');
$proxy->cut;
ok(alert('retrying', 'raised'), 'lost connection: an alert') or diag $t->report;
is($t->get("status || ' ' || (retrying_since < now()) || ' ' || (retrying_until > now() + interval '11 hours')"), 'retrying true true', 'status, since and until');
isnt($t->get('last_error'), '', 'and the reason');
is($t->get('latency_seconds IS NULL'), 't', 'latency is not known meanwhile');
my $since = $pg->value('SELECT clock_timestamp()');
ok($pg->poll_query("SELECT count(*) > 2 FROM dtsmig.metrics WHERE sampled_at > '$since' AND changes_per_second = 0 AND latency_seconds IS NULL", 90), 'samples go on');
$pg->sql("SELECT dtsmig.alter_task('$t->{id}', '{\"retry_connection\": 30}')");
ok($pg->poll_query('SELECT retrying_until < now() + interval \'31 minutes\' FROM dtsmig.tasks', 90), 'another window takes effect meanwhile');
$proxy->forward;
ok(alert('retrying', 'cleared'), 'over when the line is back') or diag $t->report;
is($pg->value("SELECT count(*) FROM dtsmig.alerts WHERE kind = 'retrying'"), 1, 'one alert, however often it tried');
# the function is called once the alert is in the catalog
$pg->poll_query('SELECT count(*) >= 2 FROM ops.seen', 60);
is($pg->value("SELECT string_agg(alert->>'kind' || ' ' || (alert->>'state') || ' ' || who || ' ' || fired || ' ' || (alert->>'task' = $sql_name), ', ' ORDER BY n) FROM ops.seen"),
    'retrying raised mover/mover true true, retrying cleared mover/mover true true', 'the function was called as the owner, its triggers fired');
ok(poll_until(sub { slurp($heard) =~ /"kind": "retrying".*"kind": "retrying"/s }, 60), 'it was reported twice');
my @reported = map { JSON::PP::decode_json($_) } slurp($heard) =~ /"dtsmig_alert" with payload "(\{.*\})" received/g;
for my $reported (@reported)
{
    is(join(' ', sort keys %$reported), 'alert at kind state task_id', 'anybody is sent ids, kind and state alone');
    is(join(' ', grep { $reported->{$_} !~ /^\d+$/ } qw(alert task_id)), '', 'ids are numbers');
    is($pg->value("SELECT count(*) FROM dtsmig.alerts WHERE kind = '$reported->{kind}' AND '$reported->{state}' IN ('raised', 'cleared')"), 1, 'kind and state are those of the view');
    like($reported->{at}, qr/^\d{4}-\d\d-\d\dT[\d:.+-]+$/, 'and the time is one');
}
is(join(', ', map { "$_->{kind} $_->{state} $_->{task_id}" } @reported), "retrying raised $t->{id}, retrying cleared $t->{id}", 'as JSON');
reap($listener, 'TERM');
my $log = $pg->log_text;
like($log, qr/LOG:  alert of task ".*näme.*": it is tried again until/, 'a line in the log');
like($log, qr/LOG:  alert of task ".*näme.*" is over/, 'and one when it is over');

# a function that fails, one that does not end
for my $bad (qw(bad slow))
{
    ok($pg->poll_query("SELECT count(*) = 0 FROM dtsmig.alerts WHERE state = 'raised'", 90), "function $bad: no alert stands");
    $pg->sql("SELECT dtsmig.alter_task('$t->{id}', '{\"alert_function\": \"ops.$bad\", \"retry_connection\": null}')");
    sleep 2;
    $proxy->cut;
    ok($pg->poll_query("SELECT count(*) > 0 FROM dtsmig.task_log WHERE message LIKE 'the function ops.$bad for alerts failed%'", 90), "function $bad: noted")
      or diag $t->report;
    $proxy->forward;
    ok($t->wait_status('running', 90), "function $bad: the task goes on");
}
cmp_ok($pg->value("SELECT extract(epoch FROM l.logged_at - a.raised_at) FROM dtsmig.task_log l, dtsmig.alerts a WHERE l.message LIKE 'the function ops.slow for alerts failed%' AND a.kind = 'retrying' ORDER BY a.raised_at DESC, l.logged_at LIMIT 1"), '<', 20, 'after five seconds');
like($pg->error("SELECT dtsmig.alter_task('$t->{id}', '{\"alert_function\": \"ops.none\"}')"), qr/function ops.none\(jsonb\) does not exist/, 'a function that is not there is refused');
$pg->sql("SELECT dtsmig.alter_task('$t->{id}', '{\"alert_function\": \"ops.on_alert\"}')");
$my->sql("INSERT INTO s.t (v) VALUES ('after')");
$t->catch_up(90);

# latency, and the source's log running short
$my->sql('SET GLOBAL binlog_expire_logs_seconds = 8');
$pg->sql("SELECT dtsmig.alter_task('$t->{id}', '{\"throttle_incremental_rows\": 5, \"alert_latency\": 2}')");
sleep 2;
$my->sql(join ';', 'USE s', map { "INSERT INTO t (v) VALUES ('slow $_')" } 1 .. 400);
ok(alert('latency', 'raised'), 'latency above the threshold') or diag $t->report;
ok($pg->poll_query("SELECT count(*) = 1 FROM dtsmig.tasks WHERE latency_seconds > 7", 60), 'latency in seconds');
cmp_ok($t->get('latency_bytes'), '>', 0, 'and in bytes');
$pg->sql("SELECT dtsmig.alter_task('$t->{id}', '{\"tag\": \"look\"}')");
ok(alert('retention', 'raised'), 'retention of the binlog runs short') or diag $t->report;
is($pg->value("SELECT count(*) FROM dtsmig.alerts WHERE kind IN ('latency', 'retention')"), 2, 'each said once');
$pg->sql("SELECT dtsmig.alter_task('$t->{id}', '{\"throttle_incremental_rows\": 0}')");
ok(alert('latency', 'cleared'), 'latency is over') or diag $t->report;
$my->sql('SET GLOBAL binlog_expire_logs_seconds = 604800');
$pg->sql("SELECT dtsmig.alter_task('$t->{id}', '{\"tag\": \"look again\"}')");
ok(alert('retention', 'cleared'), 'retention is over') or diag $t->report;

# somebody alters a table at the destination
$pg->sql('ALTER TABLE s.t ADD COLUMN mine int NOT NULL DEFAULT 0; ALTER TABLE s.t ALTER COLUMN v TYPE varchar(30)');
$pg->sql("SELECT dtsmig.alter_task('$t->{id}', '{\"tag\": \"look\"}')");
ok(alert('schema_drift', 'raised'), 'a column that was altered at the destination') or diag $t->report;
like($pg->value("SELECT subject || ': ' || message FROM dtsmig.alerts WHERE kind = 'schema_drift'"), qr/^s\.t: .*column "v" is now of type character varying\(30\)/, 'says what');
$pg->sql('ALTER TABLE s.t ALTER COLUMN v TYPE varchar(40)');
$pg->sql("SELECT dtsmig.alter_task('$t->{id}', '{\"tag\": \"a <i>tag</i>\"}')");
ok(alert('schema_drift', 'cleared'), 'and put right') or diag $t->report;
$my->sql('ALTER TABLE s.t ADD COLUMN w int');
$t->catch_up;
is($pg->value("SELECT count(*) FROM dtsmig.alerts WHERE kind = 'schema_drift'"), 1, "DDL of the source's is none");

# failed: a statement that cannot be replicated; resumed unasked, as often as asked
$pg->sql("SELECT dtsmig.alter_task('$t->{id}', '{\"auto_resume\": 60}')");
$my->sql('CREATE TABLE s.gone (id int PRIMARY KEY); ');
$t->catch_up;
$pg->sql('INSERT INTO s.gone VALUES (1)');
$my->sql('INSERT INTO s.gone VALUES (1)');
ok(alert('failed', 'raised'), 'failed: an alert') or diag $t->report;
is($t->get("status || ' ' || (resume_at > now())"), 'failed true', 'failed, and when it is resumed');
$pg->sql('DELETE FROM s.gone');
ok($t->wait_status('running', 90), 'resumed unasked') or diag $t->report;
ok($pg->poll_query('SELECT count(*) = 1 FROM s.gone', 90), 'nothing is lost');
ok(alert('failed', 'cleared'), 'the alert is over') or diag $t->report;
is($pg->value("SELECT count(*) FROM dtsmig.alerts WHERE state = 'raised'"), 0, 'no alert stands');
is($pg->value("SELECT count(*) FROM dtsmig.task_log WHERE message LIKE 'the task is resumed%' AND severity = 'info'"), 1, 'noted');

# ------------------------------------- a PostgreSQL source's log running short
$src->sql('CREATE SCHEMA s; CREATE TABLE s.t (id int PRIMARY KEY)');
my $p = Dts::Task->new($src, $pg, name => 'p', db => 'postgres',
    objects => [ { schema => 's', table => 't', target_schema => 'sp' } ],
    options => { throttle_incremental_rows => 1, alert_retention => 70 })->start;
$p->wait_for('incremental', 90);
is($src->value("SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name LIKE 'dts_sync_%'"), 't', 'named at a PostgreSQL source');
$src->sql(join ';', map { "INSERT INTO s.t VALUES ($_)" } 1 .. 300);
$src->sql('SELECT pg_switch_wal(); CREATE TABLE IF NOT EXISTS public.w (); DROP TABLE public.w') for 1 .. 5;
$pg->sql(q{SELECT dtsmig.alter_task('p', '{"tag": "look"}')});
ok(alert('retention', 'raised', "'p'"), "a slot's log runs short") or diag $p->report, $pg->sql('SELECT * FROM dtsmig.alerts');
ok($pg->poll_query("SELECT latency_bytes > 30000000 FROM dtsmig.tasks WHERE name = 'p'", 60), 'latency in bytes') or diag $p->report;
$pg->sql(q{SELECT dtsmig.alter_task('p', '{"throttle_incremental_rows": 0}')});
$p->catch_up;
ok($pg->poll_query("SELECT latency_bytes < 1000000 FROM dtsmig.tasks WHERE name = 'p'", 60), 'which is over') or diag $p->report;
is($pg->value('SELECT count(*) FROM sp.t'), 300, 'and all arrives');
$p->release;
is($pg->value("SELECT count(*) FROM dtsmig.alerts WHERE state = 'raised' AND task = 'p'"), 0, 'a released task wants nothing');

# ------------------------------------------------------------------- report
my $dir = tmpdir();
my $html = $pg->sql("SELECT dtsmig.report('$t->{id}')", role => 'mover');
open my $fh, '>:raw', "$dir/report.html" or die $!;
print $fh $html;
close $fh;
unlike($html, qr/[^\x09\x0a\x20-\x7e]/, 'the page is ASCII');
unlike($html, qr/<script|<i>tag|<b>x|src=|href=|url\(|\@import|<link|<img/i, 'nothing is loaded, nothing runs, text is text');
like($html, qr/<title>&lt;script&gt;alert\(&#39;n&#xE4;me&#39;\)&lt;\/script&gt; &amp; &quot;co&quot; - dtsmig<\/title>/, 'its title');
my $lines = () = $html =~ /<polyline/g;
cmp_ok($lines, '>=', 4, 'charts with lines');
unlike($html, qr/nan|inf\b/i, 'no number that is none');
SKIP:
{
    my ($chromium) = grep { -x } qw(/usr/bin/chromium /usr/bin/chromium-browser /usr/bin/google-chrome);
    skip 'no Chromium here', 4 unless $chromium;
    chmod 0755, $dir;
    my @cmd = ($chromium, qw(--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage
      --hide-scrollbars --no-first-run), "--user-data-dir=$dir/chrome");
    local $ENV{HOME} = $dir;
    local $ENV{DBUS_SESSION_BUS_ADDRESS} = 'disabled:';
    my ($dom, $err) = ('', '');
    IPC::Run::run([ @cmd, '--dump-dom', "file://$dir/report.html" ], \undef, \$dom, \$err, IPC::Run::timeout(180));
    like($dom, qr/<h1>&lt;script&gt;alert\('n(?:\xc3\xa4|ä)me'\)&lt;\/script&gt; &amp; "co"<\/h1>/, "the browser's text of the name") or diag substr $dom, 0, 6000;
    my $svgs = () = $dom =~ /<svg /g;
    is($svgs, 4, 'four drawings');
    IPC::Run::run([ @cmd, '--window-size=1200,1600', "--screenshot=$dir/report.png", "file://$dir/report.html" ], \undef, \my $out, \$err, IPC::Run::timeout(180));
    my $png = slurp("$dir/report.png");
    is_deeply([ unpack 'a8 x8 N N', $png ], [ "\x89PNG\r\n\x1a\n", 1200, 1600 ], 'a screenshot of its size') or diag $err;
    cmp_ok(length $png, '>', 40_000, 'that is not blank');
    note "page $dir/report.html, picture $dir/report.png";
}

# ------------------------------------------------ the queries in docs all run
my $dashboard = JSON::PP::decode_json(slurp(topdir() . '/docs/grafana.json'));
my @queries = map { $_->{query} } grep { $_->{type} eq 'query' } @{ $dashboard->{templating}{list} };
push @queries, map { $_->{rawQuery} } @{ $dashboard->{annotations}{list} };
push @queries, map { $_->{rawSql} } map { @{ $_->{targets} } } @{ $dashboard->{panels} };
cmp_ok(scalar @queries, '>=', 9, 'the dashboard has queries');
my $failed = '';
for (@queries)
{
    (my $q = $_) =~ s/\$__timeFilter\((\w+)\)/$1 BETWEEN now() - interval '1 day' AND now()/g;
    $q =~ s/\$task/$sql_name, 'p'/g;
    my $e = $pg->error($q, role => 'mover');
    $failed .= "$e in $q\n" if $e;
}
is($failed, '', 'every query of the dashboard runs');
my $yml = slurp(topdir() . '/docs/sql_exporter.yml');
my @metrics = split /^  - /m, $yml;
shift @metrics;
$failed = '';
for (@metrics)
{
    my ($q) = /query: \|\n(.*)/s;
    my ($value) = /values: \[(\w+)\]/;
    my ($keys) = /key_labels: \[(.*?)\]/;
    my ($c, $o, $e) = $pg->psql("SELECT $keys, $value FROM ($q) x", role => 'mover');
    $failed .= "$e in $q\n" if $c;
}
cmp_ok(scalar @metrics, '>=', 8, 'queries for an exporter');
is($failed, '', 'each runs and gives its value and labels');

$t->release->drop;
is($pg->value("SELECT count(*) FROM dtsmig.metric WHERE task_id = $t->{id}"), 0, 'a dropped task leaves no samples');
done_testing();
