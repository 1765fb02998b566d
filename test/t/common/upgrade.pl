# ALTER EXTENSION UPDATE under tasks at work; a library that is newer than the
# extension; a database that is dumped and restored with its tasks.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep);
use Dts::Compare qw(same_table);
use Dts::Env qw(bindir poll_until reap slurp tmpdir topdir);
use Dts::Task qw(server_pair);

my ($my, $pg) = server_pair();
my ($version) = slurp(topdir() . '/dtsmig.control') =~ /default_version = '([\d.]+)'/;
$my->sql('CREATE DATABASE u; USE u; CREATE TABLE t (id int AUTO_INCREMENT PRIMARY KEY, v varchar(40)); CREATE TABLE nokey (n int); INSERT INTO t (v) SELECT seq FROM seq_1_to_500; INSERT INTO nokey SELECT seq FROM seq_1_to_100;');
sub same { my ($name, %opt) = @_; same_table($my, "u.$_", $pg, "u.$_", "$name: $_", %opt) for qw(t nokey); }

# Everything of the extension in a database, with its definition and rights.
sub catalog
{
    my ($db) = @_;
    return $pg->sql(<<'END_SQL', db => $db);
WITH o AS (SELECT classid, objid FROM pg_depend WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
  AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'dtsmig'))
SELECT pg_describe_object(classid, objid, 0) AS x FROM o
UNION ALL SELECT concat_ws(' ', oid::regclass, relkind, relacl, reloptions, relpersistence) FROM pg_class JOIN o ON objid = oid AND classid = 'pg_class'::regclass
UNION ALL SELECT concat_ws(' ', attrelid::regclass, attname, format_type(atttypid, atttypmod), attnotnull, attidentity, attacl, pg_get_expr(adbin, adrelid)) FROM pg_attribute JOIN o ON objid = attrelid AND classid = 'pg_class'::regclass LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum WHERE attnum > 0 AND NOT attisdropped
UNION ALL SELECT concat_ws(' ', conrelid::regclass, conname, pg_get_constraintdef(c.oid)) FROM pg_constraint c JOIN o ON objid = conrelid AND classid = 'pg_class'::regclass
UNION ALL SELECT pg_get_indexdef(indexrelid) FROM pg_index JOIN o ON objid = indrelid AND classid = 'pg_class'::regclass
UNION ALL SELECT concat_ws(' ', tgrelid::regclass, tgenabled, pg_get_triggerdef(t.oid)) FROM pg_trigger t JOIN o ON objid = tgrelid AND classid = 'pg_class'::regclass WHERE NOT tgisinternal
UNION ALL SELECT concat_ws(' ', oid::regclass, pg_get_viewdef(oid)) FROM pg_class JOIN o ON objid = oid AND classid = 'pg_class'::regclass WHERE relkind = 'v'
UNION ALL SELECT concat_ws(' ', pg_get_functiondef(oid), proacl) FROM pg_proc JOIN o ON objid = oid AND classid = 'pg_proc'::regclass
UNION ALL SELECT concat_ws(' ', pg_describe_object(d.classoid, d.objoid, d.objsubid), description) FROM pg_description d JOIN o ON o.objid = d.objoid AND o.classid = d.classoid
UNION ALL SELECT concat_ws(' ', unnest(extconfig)::regclass, extcondition) FROM pg_extension WHERE extname = 'dtsmig'
ORDER BY 1
END_SQL
}

# --- the catalog; the older version lives here alone
my $share = $pg->value("SELECT setting FROM pg_config WHERE name = 'SHAREDIR'");
my ($comments) = slurp(topdir() . '/dtsmig--1.0.sql') =~ /^(-- -+ what \\d\+ .*)/ms;
for my $file (glob topdir() . '/test/upgrade/dtsmig--*.sql')
{
    my ($name) = $file =~ m{([^/]+)$};
    open my $fh, '>', "$share/extension/$name" or die "$name: $!";
    print $fh slurp($file), $name =~ /--1\.0\.sql$/ ? $comments : '';
    close $fh;
}
$pg->sql("CREATE DATABASE fresh; CREATE DATABASE updated");
$pg->sql('CREATE EXTENSION dtsmig', db => 'fresh');
$pg->sql("CREATE EXTENSION dtsmig VERSION '0.9'", db => 'updated');
my $hint = qr/55000: extension "dtsmig" in this database is of version 0\.9, its library needs \Q$version\E.*ALTER EXTENSION dtsmig UPDATE/s;
like($pg->error("SELECT dtsmig.$_", db => 'updated'), $hint, "at 0.9: $_") for "start_task('x')", "create_task('x', source => 'mariadb://a:b\@127.0.0.1:1/x')";
is($pg->error("SELECT * FROM dtsmig.$_", db => 'updated'), '', "at 0.9: the view $_") for qw(tasks task_options task_log);
$pg->sql('ALTER EXTENSION dtsmig UPDATE', db => 'updated');
is(catalog('updated'), catalog('fresh'), 'updated or new: the same');
is($pg->value("SELECT extversion FROM pg_extension WHERE extname = 'dtsmig'", db => 'updated'), $version, 'the version is that of the control file');

# --- a task at work through an update that it has nothing to do with
my $task = Dts::Task->new($my, $pg, name => 'u', db => 'u');
$task->start->wait_for('incremental', 120);
my $writer = $my->background(sub { sleep 0.003; return 'INSERT INTO t (v) VALUES (UUID()); UPDATE t SET v = UUID() WHERE id = ' . (1 + int rand 500) . '; DELETE FROM t WHERE id = ' . (1 + int rand 500) . '; INSERT INTO nokey VALUES (' . int(rand 1000) . ");\n" }, db => 'u');
my $later = "$share/extension/dtsmig--$version--99.0.sql";
open my $fh, '>', $later or die "$later: $!";
print $fh slurp(topdir() . '/test/upgrade/dtsmig--0.9--1.0.sql') =~ /(DO \$\$.*?\n\$\$;\n)/s;
print $fh "ALTER TABLE dtsmig.$_ ADD COLUMN later int DEFAULT 1;\n" for qw(task task_position task_table task_event);
close $fh;
$pg->sql("CREATE DATABASE later");
$pg->sql("CREATE EXTENSION dtsmig VERSION '99.0'; DROP EXTENSION dtsmig", db => 'later');
my $pid = $task->get('worker_pid');
my $before = $task->get('changes');
$pg->sql("ALTER EXTENSION dtsmig UPDATE TO '99.0'");
unlink $later;
ok($pg->poll_query("SELECT changes > $before + 20 FROM dtsmig.tasks WHERE name = 'u'", 120), 'changes keep coming');
is($task->get('worker_pid'), $pid, 'by the same worker');
is($task->status, 'running', 'the task runs') or diag $task->report;

# --- back in time: the same task with a catalog of 0.9 and this library
$task->pause;
my @catalog = qw(task task_position task_table table_version task_object task_job task_event);
my $v10 = slurp(topdir() . '/test/upgrade/dtsmig--0.9.sql');
my (%columns, $put);
for my $table (@catalog)
{
    my ($body) = $v10 =~ /CREATE TABLE dtsmig\.$table \(\n(.*?)\n\)/s;
    $columns{$table} = join ', ', $body =~ /^    ([a-z_]+) (?:bigint|text|oid|jsonb|timestamptz|boolean|integer)/mg;
    $pg->sql("CREATE TABLE public.kept_$table AS SELECT $columns{$table} FROM dtsmig.$table");
    $put .= "INSERT INTO dtsmig.$table ($columns{$table}) OVERRIDING SYSTEM VALUE SELECT $columns{$table} FROM public.kept_$table;\n";
}
$pg->sql("DROP EXTENSION dtsmig CASCADE; CREATE EXTENSION dtsmig VERSION '0.9'; " . $my->server_sql('src_u', dbname => 'u') . "BEGIN; $put UPDATE dtsmig.task SET wanted = 'running', status = 'running'; COMMIT; SELECT setval('dtsmig.task_task_id_seq', 10)");
is($pg->value("SELECT extversion FROM pg_extension WHERE extname = 'dtsmig'"), '0.9', 'at 0.9');
ok($pg->poll_query("SELECT status = 'retrying' AND last_error LIKE 'the task waits: extension \"dtsmig\" in this database is of version 0.9,%' AND last_error_hint LIKE 'Run ALTER EXTENSION dtsmig UPDATE;%' FROM dtsmig.tasks", 60), 'the task waits and says for what') or diag $task->report;
like($pg->error("SELECT dtsmig.$_('u')"), $hint, "$_ says so, too") for qw(pause_task resume_task verify precheck cutover);
$pg->restart;
$pg->sql("UPDATE dtsmig.task SET last_error = 'from before'");
ok($pg->poll_query("SELECT status = 'retrying' AND last_error LIKE 'the task waits%' FROM dtsmig.tasks", 60), 'also after a restart');
is($pg->value("SELECT count(*) > 0 FROM dtsmig.task_log WHERE message LIKE 'the task waits%'"), 't', 'the log has it');
like($pg->log_text, qr/LOG:.*tasks of database "postgres" wait.*HINT:.*ALTER EXTENSION dtsmig UPDATE/s, "the server's log, too");
$pg->sql('ALTER EXTENSION dtsmig UPDATE');
$task->wait_for('running', 120);
reap($writer, 'TERM');
$task->catch_up;
same('after the update');
is($task->status, 'running', 'it runs on') or diag $task->report;

# --- dumped and restored
my $dump = tmpdir() . '/db.dump';
my @to = ('-h', '127.0.0.1', '-p', $pg->{port}, '-U', 'postgres');
$pg->sql('CREATE ROLE keeper LOGIN; GRANT CREATE ON DATABASE postgres TO keeper');
$pg->sql('GRANT EXECUTE ON FUNCTION dtsmig.read_all_tasks() TO keeper; DROP TABLE ' . join ', ', map { "kept_$_" } @catalog);
$pg->sql($my->server_sql('kept', dbname => 'u', role => 'keeper') . 'GRANT USAGE ON FOREIGN SERVER kept TO keeper');
$pg->sql("SELECT dtsmig.create_task('kept', source => 'kept')", role => 'keeper');
system(bindir() . '/pg_dump', @to, '-Fc', '-f', $dump, 'postgres') == 0 or die 'pg_dump';
$my->sql("USE u; INSERT INTO t (v) VALUES ('after the dump'); INSERT INTO nokey VALUES (-1)");
# what is called keeper where the dump goes to is another role
$pg->sql('ALTER ROLE keeper RENAME TO keeper_here; CREATE ROLE keeper LOGIN; CREATE DATABASE copy');
is(system(bindir() . '/pg_restore', @to, '-d', 'copy', $dump), 0, 'pg_restore');
my $in = sub { $pg->value($_[0], db => 'copy') };
is($in->("SELECT string_agg(name || ' ' || owner || ' ' || status, ', ' ORDER BY name) FROM dtsmig.tasks"), 'kept keeper created, u postgres paused', 'the tasks are there; the one that ran is paused');
is($pg->value("SELECT owner FROM dtsmig.tasks WHERE name = 'kept'"), 'keeper_here', 'by the names of their owners');
is($in->("SELECT has_function_privilege('keeper', 'dtsmig.read_all_tasks()', 'EXECUTE')"), 't', 'and rights');
ok($in->('SELECT max(task_id) FROM dtsmig.task') < $in->("SELECT dtsmig.create_task('new', source => 'src_u')"), 'ids go on');
$pg->sql("SELECT dtsmig.resume_task('u'); SELECT dtsmig.wait_for('u', 'running', '60 s')", db => 'copy');
ok(poll_until(sub { $in->('SELECT count(*) FROM u.nokey WHERE n = -1') eq '1' }, 60), 'it goes on from the dump');
$task->catch_up;
same('the copy', db => 'copy');
same('the original');
is($pg->error('DROP EXTENSION dtsmig CASCADE', db => 'copy'), '', 'DROP EXTENSION under a task at work');
ok($pg->poll_query("SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = 'copy' AND backend_type ~ 'dtsmig'", 60), 'ends its worker');
done_testing();
