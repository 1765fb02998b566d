# Servers, URIs, user mappings, tasks: what SQL accepts, who may do what, and
# that passwords show nowhere.
use strict;
use warnings;
use Test::More;
use Dts::Compare qw(same_table);
use Dts::Env qw(poll_until slurp);
use Dts::Task qw(server_pair);

my ($my, $pg) = server_pair(conf => "log_statement = 'none'");
$my->sql('CREATE DATABASE shop; CREATE TABLE shop.t (id int PRIMARY KEY, v varchar(20)); INSERT INTO shop.t VALUES (1, "one"), (2, "two")');

sub fails_with
{
    my ($sql, $pattern, $name, %opt) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $e = $pg->error($sql, %opt);
    like($e, $pattern, $name);
    my ($state) = $e =~ /ERROR:\s+(\w{5}):/;
    ok(defined $state && $state ne 'XX000', "$name: with an SQLSTATE") or diag $e;
}

# --- options
my $fdw = 'FOREIGN DATA WRAPPER dtsmig_fdw OPTIONS';
fails_with("CREATE SERVER x TYPE 'mariadb' $fdw (hots 'a')", qr/hots.*HINT/s, 'an unknown server option');
fails_with("CREATE SERVER x TYPE 'mariadb' $fdw (port 'abc')", qr/port/, 'a port that is no number');
fails_with("CREATE SERVER x TYPE 'mariadb' $fdw (port '70000')", qr/port/, 'a port out of range');
fails_with("CREATE SERVER x TYPE 'mariadb' $fdw (password 'a')", qr/password/, 'a password in the server');
$pg->sql($my->server_sql('shop', dbname => 'shop'));
fails_with("CREATE USER MAPPING FOR PUBLIC SERVER shop OPTIONS (host 'a')", qr/host/, 'a host in a user mapping');
is($pg->value("SELECT product || ' ' || (version LIKE '10.%' OR version LIKE '11.%') || ' ' || account FROM dtsmig.test_connection('shop')"), 'MariaDB true mig@%', 'test_connection');
fails_with("SELECT dtsmig.test_connection('nowhere')", qr/nowhere/, 'test_connection: no such server');
$pg->sql("CREATE SERVER wrongpw TYPE 'mariadb' $fdw (host '127.0.0.1', port '$my->{port}'); CREATE USER MAPPING FOR CURRENT_USER SERVER wrongpw OPTIONS (user 'mig', password 'wR0ng-secret')");
fails_with("SELECT dtsmig.test_connection('wrongpw')", qr/denied/i, 'test_connection: a wrong password');
unlike($pg->error("SELECT dtsmig.test_connection('wrongpw')"), qr/wR0ng/, 'which is not in the error');
$pg->sql("CREATE SERVER closed TYPE 'mariadb' $fdw (host '127.0.0.1', port '1'); CREATE USER MAPPING FOR CURRENT_USER SERVER closed OPTIONS (user 'mig', password 'x')");
fails_with("SELECT dtsmig.test_connection('closed')", qr/connect/i, 'test_connection: nobody listens');

# --- create_task
fails_with("SELECT dtsmig.create_task('a', source => 'nowhere')", qr/nowhere/, 'create_task: no such server');
fails_with("SELECT dtsmig.create_task('a', source => 'shop', options => '{\"copy_wokers\": 1}')", qr/copy_wokers.*HINT/s, 'an unknown task option');
fails_with("SELECT dtsmig.create_task('a', source => 'shop', options => '{\"copy_workers\": 0}')", qr/copy_workers/, 'an option out of range');
fails_with("SELECT dtsmig.create_task('a', source => 'shop', options => '{\"enum\": \"maybe\"}')", qr/enum.*HINT/s, 'an option with a wrong value');
fails_with("SELECT dtsmig.create_task('a', source => 'shop', options => '{\"retry_other\": 800, \"retry_connection\": 700}')", qr/retry_other/, 'retry_other must be smaller');
fails_with("SELECT dtsmig.create_task('a', source => 'shop', options => '[1]')", qr/object/, 'options that are no object');
fails_with("SELECT dtsmig.create_task('a', source => 'shop', migration_types => '{full,fast}')", qr/fast/, 'an unknown migration type');
fails_with("SELECT dtsmig.create_task('a', source => 'shop', migration_types => '{}')", qr/./, 'no migration type');
fails_with("SELECT dtsmig.create_task('a', source => 'shop', objects => '{\"tabel\": 1}')", qr/./, 'objects that are no array');
fails_with("SELECT dtsmig.create_task('a', source => 'shop', objects => '[{\"tabel\": \"x\"}]')", qr/tabel/, 'an unknown key in objects');
fails_with("SELECT dtsmig.start_task('nobody')", qr/nobody/, 'start_task: no such task');
fails_with("SELECT dtsmig.start_task('12345')", qr/12345/, 'nor by id');
my $id = $pg->sql("SELECT dtsmig.create_task('first', source => 'shop')");
like($id, qr/^\d+$/, 'create_task returns an id');
fails_with("SELECT dtsmig.create_task('first', source => 'shop')", qr/first/, 'a name that is taken');
my $generated = $pg->sql("SELECT dtsmig.create_task(NULL, source => 'shop')");
like($pg->sql("SELECT name FROM dtsmig.tasks WHERE id = $generated"), qr/./, 'a generated name');
fails_with("SELECT dtsmig.create_task('7', source => 'shop')", qr/cannot be a number.*HINT/s, 'a name that looks like an id');
# one that 1.0 has made
$pg->sql("SELECT dtsmig.create_task('old', source => 'shop'); UPDATE dtsmig.task SET task_name = '$generated' WHERE task_name = 'old'");
fails_with("SELECT dtsmig.drop_task('$generated')", qr/id of one task and the name of another.*HINT/s, 'an id that is the name of another task');
$pg->sql("SELECT dtsmig.drop_task(max(id)::text) FROM dtsmig.tasks");
# --- a task's definition
$pg->sql(q{SELECT dtsmig.create_task('defined', source => 'shop', migration_types => '{full,schema}', objects => '[{"schema": "shop", "table": "t", "columns": {"gone": null}}]', options => '{"copy_workers": 3}')});
my $definition = $pg->value("SELECT dtsmig.task_definition('defined')");
is($definition, '{"name": "defined", "source": "shop", "objects": [{"table": "t", "schema": "shop", "columns": {"gone": null}}], "options": {"copy_workers": 3}, "destination": "local", "migration_types": ["schema", "full"]}', 'task_definition');
$pg->sql("SELECT dtsmig.drop_task('defined')");
$pg->sql("SELECT dtsmig.create_task(\$d\$$definition\$d\$::jsonb)");
is($pg->value("SELECT dtsmig.task_definition(id::text) FROM dtsmig.tasks WHERE name = 'defined'"), $definition, 'makes the task again');
$pg->sql(q{SELECT dtsmig.create_task('{"name": "short", "source": "shop"}')});
is($pg->value("SELECT dtsmig.task_definition('short')"), '{"name": "short", "source": "shop", "objects": null, "options": {}, "destination": "local", "migration_types": ["schema", "full", "incremental"]}', 'what a definition leaves out has its default');
fails_with("SELECT dtsmig.create_task('$_->[0]')", $_->[1], "no definition: $_->[0]") for [ '[]', qr/must be an object.*HINT/s ], [ '{"sauce": "shop"}', qr/invalid key "sauce".*HINT/s ], [ '{"name": "x"}', qr/source must not be null/ ], [ '{"source": 1}', qr/"source".*must be a string/ ], [ '{"source": "shop", "migration_types": [1]}', qr/must be an array of strings/ ],
    [ '{"source": "shop", "migration_types": "full"}', qr/must be an array of strings/ ], [ '{"source": "shop", "options": []}', qr/options must be/ ], [ '{"source": "shop", "options": {"x": 1}}', qr/invalid.*option|option "x"/ ];
$pg->sql("SELECT dtsmig.drop_task(name) FROM dtsmig.tasks WHERE name IN ('defined', 'short')");
is($pg->value("SELECT status || '|' || progress_bar IS NOT NULL FROM dtsmig.tasks WHERE name = 'first'"), 't', 'the view knows it');
is($pg->value("SELECT status FROM dtsmig.tasks WHERE name = 'first'"), 'created', 'status created');
cmp_ok($pg->value('SELECT count(*) FROM dtsmig.task_options WHERE description <> \'\' AND "default" IS NOT NULL'), '>=', 15, 'task_options lists the options');
is($pg->value('SELECT count(*) FROM dtsmig.task_options WHERE takes_effect IS NULL OR type IS NULL'), 0, 'with type and effect');

# --- the life of a task, by id
$pg->sql("SELECT count(*) FROM dtsmig.precheck('$id')");
is($pg->value("SELECT count(*) FROM dtsmig.precheck_results WHERE task = 'first' AND status = 'failed'"), 0, 'precheck passes');
cmp_ok($pg->value("SELECT count(DISTINCT item) FROM dtsmig.precheck_results WHERE task = 'first'"), '>=', 8, 'precheck looks at many things')
  or diag $pg->sql("SELECT item, status FROM dtsmig.precheck_results");
$pg->sql("SELECT dtsmig.start_task('$id')");
fails_with("SELECT dtsmig.start_task('$id')", qr/first|running/, 'starting twice');
$pg->sql("SELECT dtsmig.wait_for('$id', 'incremental', '60 s')");
same_table($my, 'shop.t', $pg, 'shop.t');
fails_with("SELECT dtsmig.drop_task('first')", qr/HINT|running/, 'a running task cannot be dropped');
my $pid = $pg->value("SELECT worker_pid FROM dtsmig.tasks WHERE name = 'first'");
like($pg->value("SELECT backend_type FROM pg_stat_activity WHERE pid = $pid"), qr/dtsmig/, 'the worker is in pg_stat_activity');
ok(poll_until(sub { $pg->value("SELECT wait_event IS NOT NULL FROM pg_stat_activity WHERE pid = $pid") eq 't' }, 60), 'with a wait event');
ok($pg->poll_query("SELECT latency_seconds IS NOT NULL AND source_position IS NOT NULL FROM dtsmig.tasks WHERE name = 'first'", 10), 'latency and position are shown');
$pg->sql("SELECT dtsmig.pause_task('$id')");
is($pg->value("SELECT status FROM dtsmig.tasks WHERE id = $id"), 'paused', 'paused');
ok(poll_until(sub { $pg->value("SELECT count(*) FROM pg_stat_activity WHERE pid = $pid") eq '0' }, 60), 'its worker is gone');
$my->sql('INSERT INTO shop.t VALUES (3, "while paused"); UPDATE shop.t SET v = "uno" WHERE id = 1');
$pg->sql("SELECT dtsmig.alter_task('$id', '{\"tag\": \"hello\"}')");
is($pg->value("SELECT tag FROM dtsmig.tasks WHERE id = $id"), 'hello', 'alter_task');
$pg->sql("ALTER SERVER shop OPTIONS (ADD replication_server_id '4711')");
$pg->sql("SELECT dtsmig.resume_task('$id')");
ok(poll_until(sub { $pg->value('SELECT count(*) FROM shop.t') eq '3' }, 20), 'resumed: what was written meanwhile arrives');
like(join(' ', map { $_->[0] } $my->rows('SHOW SLAVE HOSTS')), qr/\b4711\b/, 'replication_server_id: the source sees the reader by it');
# a worker that is not seen for a moment: another one is begun, and ends
$pg->sql("SELECT dtsmig.resume_task('$id')");
sleep 2;
is($pg->value("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'dtsmig task $id'"), 1, 'a task has one worker, however often it is resumed');
same_table($my, 'shop.t', $pg, 'shop.t');
$pg->sql("SELECT dtsmig.release_task('$id')");
is($pg->value("SELECT status FROM dtsmig.tasks WHERE id = $id"), 'released', 'released');
fails_with("SELECT dtsmig.start_task('$id')", qr/released/, 'a released task does not start');
fails_with("SELECT dtsmig.resume_task('$id')", qr/released/, 'nor resume');
$pg->sql("SELECT dtsmig.drop_task('$id')");
is($pg->value("SELECT count(*) FROM dtsmig.tasks WHERE id = $id"), 0, 'dropped');
is($pg->value('SELECT count(*) FROM shop.t'), 3, 'the tables stay');

# --- same-name tables
$pg->sql("SELECT dtsmig.create_task('again', source => 'shop')");
is($pg->value("SELECT count(*) FROM dtsmig.precheck('again') WHERE status = 'failed' AND found LIKE '%shop%t%'"), 1, 'a same-name table fails the precheck')
  or diag $pg->sql("SELECT * FROM dtsmig.precheck_results WHERE task = 'again'");
$pg->sql("SELECT dtsmig.start_task('again')");
ok($pg->poll_query("SELECT status = 'precheck_failed' FROM dtsmig.tasks WHERE name = 'again'", 30), 'and the start');
$pg->sql("DELETE FROM shop.t WHERE id = 2; UPDATE shop.t SET v = 'mine' WHERE id = 1");
$pg->sql("SELECT dtsmig.create_task('over', source => 'shop', options => '{\"conflict\": \"ignore\"}'); SELECT dtsmig.start_task('over'); SELECT dtsmig.wait_for('over', 'incremental', '60 s')");
is($pg->value("SELECT string_agg(v, ',' ORDER BY id) FROM shop.t"), 'mine,two,while paused', 'conflict = ignore keeps rows that are there');
$my->sql("UPDATE shop.t SET v = 'from source' WHERE id = 1");
ok(poll_until(sub { $pg->value('SELECT v FROM shop.t WHERE id = 1') eq 'from source' }, 20), 'and changes overwrite them');
$pg->sql("SELECT dtsmig.release_task('over')");

# --- schema only, full only
$my->sql('CREATE DATABASE one; CREATE TABLE one.t (id int PRIMARY KEY, v int, KEY (v)); INSERT INTO one.t VALUES (1, 1)');
$pg->sql($my->server_sql('one', dbname => 'one'));
$pg->sql("SELECT dtsmig.create_task('schema_only', source => 'one', migration_types => '{schema}'); SELECT dtsmig.start_task('schema_only'); SELECT dtsmig.wait_for('schema_only', 'completed', '60 s')");
is($pg->value('SELECT count(*) FROM one.t'), 0, 'schema only');
is($pg->value("SELECT count(*) FROM pg_indexes WHERE schemaname = 'one'"), 2, 'with its indexes');
$pg->sql("SELECT dtsmig.create_task('full_only', source => 'one', migration_types => '{full}', options => '{\"conflict\": \"ignore\"}'); SELECT dtsmig.start_task('full_only'); SELECT dtsmig.wait_for('full_only', 'completed', '60 s')");
is($pg->value('SELECT count(*) FROM one.t'), 1, 'full only');

# --- URI; a source without dbname; objects
my $pw = $my->{password};
my $esc = join '', map { /[A-Za-z0-9]/ ? $_ : sprintf '%%%02X', ord } split //, $pw;
$my->sql('CREATE DATABASE two; CREATE TABLE two.a (id int PRIMARY KEY, v int, w int); INSERT INTO two.a VALUES (1, 2, 3); CREATE TABLE two.b (id int PRIMARY KEY); CREATE TABLE two.log_x (id int PRIMARY KEY)');
$pg->sql("SELECT dtsmig.create_task('uri', source => 'mariadb://mig:$esc\@127.0.0.1:$my->{port}/two', objects => '[{\"schema\": \"two\", \"table\": \"%\", \"target_schema\": \"zwei\"}, {\"schema\": \"two\", \"table\": \"log_%\", \"exclude\": true}, {\"schema\": \"two\", \"table\": \"a\", \"target_schema\": \"zwei\", \"target_table\": \"alpha\"}]'); SELECT dtsmig.start_task('uri'); SELECT dtsmig.wait_for('uri', 'incremental', '60 s')");
is($pg->value("SELECT string_agg(tablename, ' ' ORDER BY tablename) FROM pg_tables WHERE schemaname = 'zwei'"), 'alpha b', 'objects: names, exclusion');
is($pg->value('SELECT row_to_json(t) FROM zwei.alpha t'), '{"id":1,"v":2,"w":3}', 'a table renamed');
fails_with("SELECT dtsmig.create_task('later', source => 'shop', objects => '[{\"schema\": \"shop\", \"table\": \"t\", \"distribution_key\": 5}]')", qr/"distribution_key" of rule 1 in objects must be a column/, 'a distribution key that is none');
fails_with("SELECT dtsmig.create_task('later', source => 'shop', objects => '[{\"schema\": \"shop\", \"table\": \"t\", \"storage\": \"WITH (a = 1); DROP TABLE x\"}]')", qr/"storage" of rule 1 in objects must be what follows the columns/, 'a storage clause that is more than one');
$my->sql('UPDATE two.a SET v = 5, w = 6; INSERT INTO two.log_x VALUES (1); INSERT INTO two.b VALUES (9)');
ok(poll_until(sub { $pg->value('SELECT (SELECT v FROM zwei.alpha) || \' \' || (SELECT count(*) FROM zwei.b)') eq '5 1' }, 20), 'in changes too');
unlike($pg->value("SELECT source FROM dtsmig.tasks WHERE name = 'uri'"), qr/s3cr/, 'no password in the task\'s source');
fails_with("SELECT dtsmig.create_task('x', source => 'oracle://a:b\@c/d')", qr/oracle.*HINT/s, 'a URI of an unknown kind');
unlike($pg->error("SELECT dtsmig.create_task('x', source => 'mariadb://a:topSecret1\@h:99999/d')"), qr/topSecret1.*topSecret1/s, 'an error does not repeat the URI');

# --- rights
$pg->sql("CREATE ROLE joe LOGIN; CREATE ROLE owner LOGIN; CREATE ROLE eve LOGIN; GRANT USAGE ON FOREIGN SERVER one TO joe");
my %eve = (role => 'eve');
fails_with("SELECT dtsmig.test_connection('shop')", qr/permission denied/, 'eve: test_connection', %eve);
fails_with("SELECT dtsmig.create_task('e', source => 'shop')", qr/permission denied/, 'eve: create_task', %eve);
fails_with("SELECT dtsmig.pause_task('uri')", qr/owner|permission|exist/, 'eve: pause_task of another', %eve);
fails_with("SELECT dtsmig.preview_schema('uri')", qr/owner|permission|exist/, 'eve: preview_schema of another', %eve);
fails_with("SELECT dtsmig.alter_task('uri', '{}')", qr/owner|permission|exist/, 'eve: alter_task of another', %eve);
fails_with('SELECT * FROM dtsmig.task', qr/permission denied/, 'eve: the catalog', %eve);
fails_with("CREATE SERVER e TYPE 'mariadb' $fdw (host '127.0.0.1')", qr/permission denied/, 'eve: CREATE SERVER', %eve);
fails_with("SELECT dtsmig.create_task('e', source => 'mariadb://a:b\@127.0.0.1:$my->{port}/shop')", qr/permission denied/, 'eve: a URI', %eve);
is($pg->value('SELECT count(*) FROM dtsmig.tasks', %eve), 0, 'eve sees no task');
is($pg->value('SELECT (SELECT count(*) FROM dtsmig.task_log) + (SELECT count(*) FROM dtsmig.task_tables) + (SELECT count(*) FROM dtsmig.precheck_results) + (SELECT count(*) FROM dtsmig.task_objects) + (SELECT count(*) FROM dtsmig.name_map)', %eve), 0, 'nor anything of one');
fails_with("SELECT dtsmig.test_connection('one')", qr/mapping/, 'joe: USAGE, but no user mapping', role => 'joe');

# A task of a role that is no superuser runs as that role.
$my->sql('CREATE DATABASE own; CREATE TABLE own.t (id int PRIMARY KEY AUTO_INCREMENT, v int, e enum("a","b") DEFAULT "a"); CREATE TABLE own.c (id int PRIMARY KEY, t int, FOREIGN KEY (t) REFERENCES own.t (id) ON DELETE CASCADE); INSERT INTO own.t (v) VALUES (1), (2); INSERT INTO own.c VALUES (1, 1), (2, 2)');
$pg->sql("GRANT CREATE ON DATABASE postgres TO owner");
$pg->sql($my->server_sql('own', dbname => 'own', role => 'owner') . '; GRANT USAGE ON FOREIGN SERVER own TO owner');
$pg->sql("SELECT dtsmig.create_task('own', source => 'own')", role => 'owner');
diag $pg->sql("SELECT item, status, found, advice FROM dtsmig.precheck('own') WHERE status = 'failed'", role => 'owner');
my $own = bless { my => $my, pg => $pg, name => 'own', role => 'owner' }, 'Dts::Task';
$own->start;
$own->wait_for('incremental', 60);
is($pg->value("SELECT tableowner FROM pg_tables WHERE schemaname = 'own' AND tablename = 't'"), 'owner', 'its tables are the owner\'s');
is($pg->value("SELECT string_agg(DISTINCT usename, ',') FROM pg_stat_activity WHERE pid = (SELECT worker_pid FROM dtsmig.tasks WHERE name = 'own')"), 'owner', 'its worker is the owner\'s');
$my->sql('USE own; INSERT INTO t (v) VALUES (3); UPDATE t SET v = 20 WHERE id = 2; DELETE FROM t WHERE id = 1');
$own->catch_up;
same_table($my, "own.$_", $pg, "own.$_", "a task of an ordinary role: $_") for qw(t c);
$pg->sql('REVOKE USAGE ON FOREIGN SERVER own FROM owner');
$own->pause;
my $e = $pg->error("SELECT dtsmig.resume_task('own')", role => 'owner');
ok($e ne '' || $own->wait_status('failed|retrying', 20), 'without USAGE the worker does not connect')
  or diag $own->report;

# --- a task whose worker is not started
$pg->sql("ALTER ROLE owner NOLOGIN; UPDATE dtsmig.task SET wanted = 'running', status = 'running', updated = now() WHERE task_name = 'own'");
like($pg->value("SELECT status || ': ' || last_error FROM dtsmig.tasks WHERE name = 'own'"), qr/^retrying: .*owner may not log in/, 'the view says why');
fails_with("SELECT dtsmig.wait_for('own', 'running', '1 s')", qr/did not reach running/, 'wait_for does not take it to be running');

# --- passwords nowhere
my $all = $pg->sql(join ';', map { "SELECT t::text FROM $_ t" } qw(dtsmig.task dtsmig.task_event dtsmig.tasks dtsmig.task_log dtsmig.precheck_results dtsmig.task_objects pg_stat_activity dtsmig.task_table dtsmig.table_version));
unlike($all, qr/s3cr|wR0ng|topSecret/, 'no password in any table or view');
my $ps = join "\n", map { slurp($_) } glob '/proc/[0-9]*/cmdline';
unlike(join("\n", grep { /postgres/ } split /\n/, `ps -eo args`), qr/s3cr%t/, 'none in a process title');
(my $log = $pg->log_text) =~ s/^.*STATEMENT:.*(?:\n\t.*)*//mg;
unlike($log, qr/s3cr|wR0ng/, 'none in the server log');

# A line to a server that refuses TLS or lacks it.
fails_with("CREATE SERVER tls TYPE 'mariadb' $fdw (host '127.0.0.1', port '$my->{port}', ssl_mode 'require'); CREATE USER MAPPING FOR CURRENT_USER SERVER tls OPTIONS (user 'mig', password 'x'); SELECT dtsmig.test_connection('tls')", qr/TLS|SSL/i, 'ssl_mode = require where the server has no TLS');
done_testing();
