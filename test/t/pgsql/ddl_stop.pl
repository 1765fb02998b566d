# DDL of a PostgreSQL source that fails at the destination, that is not the
# task's, that is renamed, that cannot be captured; and crashes in its midst.
use strict;
use warnings;
use JSON::PP ();
use Test::More;
use Time::HiRes qw(sleep);
use Dts::Env qw(poll_until);
use Dts::PgSource qw(pg_pair pg_difference same_pg_tables);
use Dts::PgShape qw(same_schema);
use Dts::Task;

my ($src, $pg) = pg_pair();
my $beat = 0;

sub database
{
    my ($name, $sql) = @_;
    $src->sql("CREATE DATABASE $name");
    $src->sql("CREATE SCHEMA app; CREATE TABLE app.beat (n int PRIMARY KEY); INSERT INTO app.beat VALUES (0);\n$sql", db => $name);
}

# Whatever was committed before is there when this is, or the task has failed.
sub follow_up
{
    my ($task, $db, $schema) = @_;
    $schema //= 'app';
    $src->sql('UPDATE app.beat SET n = ' . ++$beat, db => $db);
    return poll_until(sub {
        my $n = $pg->try_value("SELECT n FROM $schema.beat");
        return defined $n && $n eq $beat || $task->status =~ /failed/;
    }, 30, 0.05) && $task->status !~ /failed/;
}

sub finish
{
    my ($task, @schemas) = @_;
    $task->release;
    $task->drop;
    $pg->sql("DROP SCHEMA IF EXISTS $_ CASCADE") for @schemas;
}

# --- a statement fails: the task stops, says so, and goes on by skip_change
database('stops', 'CREATE TABLE app.t (id int PRIMARY KEY, v text); INSERT INTO app.t VALUES (1, \'a\')');
my $task = Dts::Task->new($src, $pg, name => 'stops', db => 'stops')->start;
$task->wait_for('incremental', 60);
$pg->sql('CREATE TABLE app.in_the_way (a int)');
$src->sql("BEGIN; INSERT INTO app.t VALUES (2, 'b'); CREATE TABLE app.in_the_way (id int PRIMARY KEY); INSERT INTO app.in_the_way VALUES (7); INSERT INTO app.t VALUES (3, 'c'); COMMIT", db => 'stops');
ok($task->wait_status('failed', 30), 'a statement that fails stops the task');
like($task->last_error, qr/cannot be replicated: CREATE TABLE app\.in_the_way/, 'which names it');
is($pg->value('SELECT count(*) FROM app.t'), '1', 'nothing of its transaction is there');
$pg->sql('DROP TABLE app.in_the_way');
$task->resume->wait_for('incremental', 60);
ok(follow_up($task, 'stops'), 'the task goes on when the reason is gone');
same_pg_tables($src, $pg, 'after the reason is gone', schemas => ['app'], db => 'stops');
$pg->sql("ALTER TABLE app.t ADD COLUMN w int");
$src->sql("BEGIN; ALTER TABLE app.t ADD COLUMN w int; INSERT INTO app.t VALUES (4, 'd', 4); COMMIT", db => 'stops');
ok($task->wait_status('failed', 30), 'a column that is there stops the task');
$pg->sql("SELECT dtsmig.skip_change('stops')");
$task->resume->wait_for('incremental', 60);
ok(follow_up($task, 'stops'), 'skip_change skips the statement');
same_pg_tables($src, $pg, 'after skip_change', schemas => ['app'], db => 'stops');
$pg->sql('CREATE VIEW app.mine AS SELECT v FROM app.t');
$src->sql("ALTER TABLE app.t DROP COLUMN v", db => 'stops');
ok($task->wait_status('failed', 30), 'what depends at the destination stops the task');
$pg->sql("SELECT dtsmig.skip_change('stops', 'ALTER TABLE app.t DROP COLUMN v CASCADE')");
$task->resume->wait_for('incremental', 60);
$src->sql('INSERT INTO app.t VALUES (5, 5)', db => 'stops');
ok(follow_up($task, 'stops'), 'a statement of the user\'s own runs instead');
same_pg_tables($src, $pg, 'after a statement of the user\'s own', schemas => ['app'], db => 'stops');
finish($task, 'app');

# --- the same with ddl_error = log
database('logs', 'CREATE TABLE app.t (id int PRIMARY KEY, v text)');
$task = Dts::Task->new($src, $pg, name => 'logs', db => 'logs', options => { ddl_error => 'log' })->start;
$task->wait_for('incremental', 60);
$pg->sql('CREATE VIEW app.v AS SELECT 1 AS one');
$src->sql("BEGIN; INSERT INTO app.t VALUES (1, 'b'); CREATE VIEW app.v AS SELECT 2 AS two; INSERT INTO app.t VALUES (2, 'c'); COMMIT", db => 'logs');
ok(follow_up($task, 'logs'), 'ddl_error = log: the task goes on');
same_pg_tables($src, $pg, 'with the rows around it', schemas => ['app'], db => 'logs');
is($pg->value("SELECT count(*) FROM dtsmig.task_log WHERE task = 'logs' AND severity = 'error' AND message LIKE '%not replicated: CREATE VIEW app.v%' AND detail LIKE '%already exists%'"),
    '1', 'and the statement is in task_log');
finish($task, 'app');

# --- only what is selected; other names at the destination
database('chosen', 'CREATE TABLE app.t (id int PRIMARY KEY, v text); CREATE TABLE app.not_this (id int PRIMARY KEY); CREATE SCHEMA elsewhere; CREATE TABLE elsewhere.t (id int PRIMARY KEY)');
$task = Dts::Task->new($src, $pg, name => 'chosen', db => 'chosen', objects => [
        { schema => 'app', target_schema => 'shop' },
        { schema => 'app', table => 't', target_schema => 'shop', target_table => 'things' },
        { schema => 'app', table => 'not_%', exclude => JSON::PP::true() } ])->start;
$task->wait_for('incremental', 60);
$src->sql(<<'END', db => 'chosen');
SET search_path = app;
ALTER TABLE t ADD COLUMN w int DEFAULT 3;
INSERT INTO t VALUES (1, 'a', 1);
ALTER TABLE not_this ADD COLUMN x int;
CREATE TABLE not_that (id int PRIMARY KEY);
INSERT INTO not_that VALUES (1);
CREATE INDEX ON not_this (x);
DROP TABLE not_that;
CREATE TABLE u (id int PRIMARY KEY, t_id int REFERENCES t);
INSERT INTO u VALUES (1, 1);
CREATE VIEW tv AS SELECT t.id, t.v, u.t_id FROM t JOIN app.u ON u.t_id = t.id;
CREATE FUNCTION app.one() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM app.t';
CREATE INDEX ON t (v);
COMMENT ON TABLE t IS 'renamed';
CREATE TABLE elsewhere.u (id int PRIMARY KEY);
ALTER TABLE elsewhere.t ADD COLUMN v int;
DROP TABLE elsewhere.t;
ALTER TABLE u RENAME COLUMN t_id TO thing;
UPDATE u SET id = 2;
CREATE TABLE gone (id int PRIMARY KEY);
DROP TABLE gone;
CREATE TABLE in_out (id int PRIMARY KEY);
INSERT INTO in_out VALUES (1);
ALTER TABLE in_out RENAME TO not_in;
INSERT INTO not_in VALUES (2);
ALTER TABLE not_this RENAME TO now_this;
INSERT INTO now_this VALUES (5, 6);
END
ok(follow_up($task, 'chosen', 'shop'), 'statements on other objects are skipped') or diag($task->report);
is($pg->value("SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = 'shop' AND relkind IN ('r', 'v')"),
    'beat in_out now_this things tv u', 'what is there has its new name');
is(pg_difference($src, 'app.t', $pg, 'shop.things', db => 'chosen'), '', 'rows of the renamed table');
is(pg_difference($src, 'app.u', $pg, 'shop.u', db => 'chosen'), '', 'rows of a new table');
is(pg_difference($src, 'app.now_this', $pg, 'shop.now_this', db => 'chosen'), '', 'a table that is renamed into the selection is copied');
is($pg->value('SELECT count(*) FROM shop.tv'), $src->value('SELECT count(*) FROM app.tv', db => 'chosen'), 'a view of them');
is($pg->value('SELECT shop.one()'), '1', 'a function that names them');
is($src->value("SELECT count(*) FROM pg_publication_tables WHERE schemaname = 'elsewhere'", db => 'chosen'), '0', 'what is not selected is not published');
finish($task, 'shop');

# --- owners and grants, when they are asked for
$src->sql('CREATE ROLE reader');
$pg->sql('CREATE ROLE reader');
database('granted', 'CREATE TABLE app.t (id int PRIMARY KEY)');
$task = Dts::Task->new($src, $pg, name => 'granted', db => 'granted', options => { grants => 1, owners => 1, comments => 0 })->start;
$task->wait_for('incremental', 60);
$src->sql("GRANT SELECT ON app.t TO reader; CREATE TABLE app.u (id int PRIMARY KEY); ALTER TABLE app.u OWNER TO reader; COMMENT ON TABLE app.t IS 'not wanted'", db => 'granted');
ok(follow_up($task, 'granted'), 'owners and grants: the task follows') or diag($task->report);
is($pg->value("SELECT has_table_privilege('reader', 'app.t', 'SELECT') || ' ' || pg_get_userbyid(relowner) || ' ' || (obj_description('app.t'::regclass) IS NULL) FROM pg_class WHERE oid = 'app.u'::regclass"),
    'true reader true', 'a grant, an owner, no comment');
finish($task, 'app');

# --- two tasks on one source; the first goes, the second stays whole
database('bothdb', 'CREATE TABLE app.t (id int PRIMARY KEY)');
$src->sql('CREATE SCHEMA two; CREATE TABLE two.t (id int PRIMARY KEY)', db => 'bothdb');
my $one = Dts::Task->new($src, $pg, name => 'one', db => 'bothdb', objects => [ { schema => 'app' } ])->start;
my $two = Dts::Task->new($src, $pg, name => 'two', db => 'bothdb', objects => [ { schema => 'two' } ])->start;
$_->wait_for('incremental', 60) for $one, $two;
$src->sql('CREATE TABLE app.keyless (a int); CREATE TABLE two.keyless (a int); INSERT INTO app.keyless VALUES (1); INSERT INTO two.keyless VALUES (2); UPDATE two.keyless SET a = 3', db => 'bothdb');
ok(follow_up($one, 'bothdb'), 'the first task follows');
is($pg->value('SELECT a FROM app.keyless'), '1', 'its own new table');
$one->release;
is($src->value("SELECT count(*) FROM pg_event_trigger", db => 'bothdb'), '3', 'the second task keeps its event triggers');
$src->sql('CREATE TABLE two.later (id int PRIMARY KEY); INSERT INTO two.later VALUES (1)', db => 'bothdb');
ok(poll_until(sub { ($pg->try_value('SELECT count(*) FROM two.later') // '') eq '1' }, 30), 'and goes on');
$two->release;
is($src->value("SELECT (SELECT count(*) FROM pg_event_trigger) + (SELECT count(*) FROM pg_namespace WHERE nspname = 'dtsmig_source')", db => 'bothdb'), '0', 'then nothing is left');
$_->drop for $one, $two;
$pg->sql("DROP SCHEMA $_ CASCADE") for qw(app two);

# --- without the right to create event triggers
database('managed', 'CREATE TABLE app.t (id int PRIMARY KEY, v text)');
$src->sql("CREATE ROLE managed LOGIN REPLICATION PASSWORD 'secret'; GRANT CREATE ON DATABASE managed TO managed");
$src->sql('ALTER SCHEMA app OWNER TO managed; ALTER TABLE app.t OWNER TO managed; ALTER TABLE app.beat OWNER TO managed', db => 'managed');
$task = Dts::Task->new($src, $pg, name => 'managed', db => 'managed');
$pg->sql("ALTER USER MAPPING FOR CURRENT_USER SERVER src_managed OPTIONS (SET user 'managed')");
$task->start->wait_for('incremental', 60);
like($pg->value("SELECT message FROM dtsmig.task_log WHERE task = 'managed' AND severity = 'warning'"),
    qr/DDL of the source is not followed/, 'without the right: the log says so');
$src->sql("INSERT INTO app.t VALUES (1, 'a')", db => 'managed');
ok(follow_up($task, 'managed'), 'rows are followed');
is($pg->value('SELECT v FROM app.t'), 'a', 'and are there');
$src->sql("ALTER TABLE app.t ADD COLUMN w int; INSERT INTO app.t VALUES (2, 'b', 3)", db => 'managed');
ok($task->wait_status('failed', 30), 'a change of the columns stops the task');
like($task->last_error, qr/app\.t" was altered at the source/, 'with a clear error');
finish($task, 'app');

# --- the application's statements never fail for the capture
database('broken', 'CREATE TABLE app.t (id int PRIMARY KEY)');
$task = Dts::Task->new($src, $pg, name => 'broken', db => 'broken')->start;
$task->wait_for('incremental', 60);
my $slot = $src->value("SELECT slot_name FROM pg_replication_slots WHERE database = 'broken'");
$src->sql("ALTER TABLE dtsmig_source.$slot ADD CONSTRAINT no CHECK (tag <> 'CREATE VIEW' OR record LIKE '%failure%')", db => 'broken');
is($src->error('CREATE VIEW app.v AS SELECT 1 AS one', db => 'broken'), '', 'a record that fails does not fail the statement');
ok($task->wait_status('failed', 30), 'but the task stops');
like($pg->value("SELECT string_agg(message || detail, ' ') FROM dtsmig.task_log WHERE task = 'broken' AND severity = 'error'"),
    qr/CREATE VIEW app\.v.*could not be recorded/s, 'and says by what');
$src->sql("DROP TABLE dtsmig_source.$slot CASCADE", db => 'broken');
is($src->value('SET client_min_messages = error; CREATE TABLE app.u (id int PRIMARY KEY); SELECT count(*) FROM app.u', db => 'broken'),
    '0', 'nor does a helper table that is gone');
finish($task, 'app');
is($src->value("SELECT (SELECT count(*) FROM pg_event_trigger) + (SELECT count(*) FROM pg_namespace WHERE nspname = 'dtsmig_source')", db => 'broken'), '0', 'release cleans up after that, too');

# --- an event trigger that is gone or disabled is noticed
database('gone', 'CREATE TABLE app.t (id int PRIMARY KEY)');
$task = Dts::Task->new($src, $pg, name => 'gone', db => 'gone')->start;
$task->wait_for('incremental', 60);
$task->pause;
$slot = $src->value("SELECT slot_name FROM pg_replication_slots WHERE database = 'gone'");
$src->sql("ALTER EVENT TRIGGER ${slot}_drop DISABLE", db => 'gone');
$task->resume;
ok($task->wait_status('failed', 30), 'an event trigger that is disabled stops the task');
like($task->last_error, qr/capture of DDL at the source is not whole/, 'and it says so');
finish($task, 'app');

# --- kill -9 among statements and rows
database('crash', 'CREATE TABLE app.t (id int PRIMARY KEY, n int)');
$task = Dts::Task->new($src, $pg, name => 'crash', db => 'crash')->start;
$task->wait_for('incremental', 60);
for my $round (1 .. 12)
{
    $src->sql(<<"END", db => 'crash');
BEGIN;
INSERT INTO app.t (id, n) SELECT g, $round FROM generate_series($round * 1000, $round * 1000 + 200) g;
ALTER TABLE app.t ADD COLUMN c$round int DEFAULT $round;
CREATE TABLE app.r$round (id serial PRIMARY KEY, v text);
INSERT INTO app.r$round (v) SELECT 'x' FROM generate_series(1, 100);
UPDATE app.t SET c$round = id WHERE n = $round;
COMMIT;
ALTER TABLE app.r$round ADD COLUMN w double precision DEFAULT random();
INSERT INTO app.r$round (v) VALUES ('last');
END
    if ($round % 4 == 0) { $pg->kill9; $pg->start; }
    elsif ($round % 4 == 2) { kill 'KILL', $_ for $task->worker_pids; sleep 0.5; }
    sleep rand 0.4;
}
ok(poll_until(sub { $task->status eq 'running' }, 60), 'the task runs again after crashes');
ok(follow_up($task, 'crash'), 'and follows') or diag($task->report);
same_pg_tables($src, $pg, 'after crashes', schemas => ['app'], db => 'crash');
same_schema($src, $pg, 'after crashes', schemas => ['app'], db => 'crash');
finish($task, 'app');
done_testing();
