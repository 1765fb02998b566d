# dts-runs: mariadb, mysql-5.6, mysql-9.7
# Objects that cannot be made. What no row needs (views, indexes that are not
# unique, triggers, comments) is named with its reason, and the task goes on;
# what rows need stops it. Ways on: by hand, retry_object, skip_object.
use strict;
use warnings;
use Test::More;
use Dts::Compare qw(same_table);
use Dts::Env qw(poll_until);
use Dts::Task qw(server_pair);

my ($my, $pg) = server_pair();
# a key of four times 760 bytes that do not compress is more than a btree takes
my $long = join ', ', map { "CONVERT(X'" . join('', map { my $c = int rand 40000; sprintf 'F0%02X%02X%02X', 0xa0 + ($c >> 12), 0x80 + ($c >> 6 & 63), 0x80 + ($c & 63) } 1 .. 190) . "' USING utf8mb4)" } 1 .. 4;
$my->sql(<<"END");
SET NAMES utf8mb4; SET sql_mode = '';
CREATE DATABASE o DEFAULT CHARACTER SET utf8mb4; USE o;
CREATE TABLE t (id int PRIMARY KEY, grp int, v varchar(20), w varchar(190), w2 varchar(190), w3 varchar(190), w4 varchar(190), changed timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP, KEY wide (w, w2, w3, w4), KEY plain (grp));
INSERT INTO t (id, grp, v, w, w2, w3, w4) VALUES (1, 1, 'a', $long), (2, 1, 'b', 'x', '', '', ''), (3, 2, 'c', 'y', '', '', '');
CREATE VIEW good AS SELECT id, v FROM t;
CREATE VIEW loose AS SELECT grp, v, COUNT(*) AS n FROM t GROUP BY grp;
CREATE VIEW over_loose AS SELECT grp, n FROM loose;
CREATE VIEW second AS SELECT grp, v FROM t GROUP BY grp;
CREATE VIEW third AS SELECT v, MAX(id) AS m FROM t GROUP BY grp;
CREATE VIEW untold AS SELECT soundex(v) AS s FROM t;
END
$pg->sql("CREATE ROLE mover LOGIN; GRANT CREATE ON DATABASE postgres TO mover; GRANT USAGE ON FOREIGN DATA WRAPPER dtsmig_fdw TO mover; REVOKE USAGE ON LANGUAGE plpgsql FROM PUBLIC; CREATE TABLE public.heard (a jsonb); GRANT INSERT ON public.heard TO mover; CREATE FUNCTION public.hear(jsonb) RETURNS void LANGUAGE sql AS 'INSERT INTO public.heard VALUES (\$1)'");
sub task { my ($name, %opt) = @_; return Dts::Task->new($my, $pg, name => $name, db => 'o', role => 'mover', %opt); }
sub failed { return $pg->value("SELECT string_agg(kind || ' ' || name, ', ' ORDER BY kind, name COLLATE \"C\") FROM dtsmig.task_objects WHERE task = 'o' AND state = 'failed'"); }

# --- known before the start
my $task = task('o', options => { alert_function => 'public.hear' });
my $found = $pg->value("SELECT string_agg(found, E'\\n') FROM dtsmig.precheck('o') WHERE item = 'schema_change' AND status = 'warning'");
like($found, qr/view $_ of o\.$_: this server does not take the view: column "t\.v" must appear in the GROUP BY/, "the precheck tries view $_") for qw(loose second third);
unlike($found, qr/view good/, 'and takes one that works');
like($pg->value("SELECT string_agg(note, E'\\n') FROM dtsmig.preview_schema('o') WHERE kind = 'view' AND object = 'loose'"), qr/this server does not take the view: column/, 'so does preview_schema');
is($pg->value("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'dtsmig_trial%' OR nspname = 'o'"), 0, 'nothing is left of it');

# --- the task goes on
$task->start->wait_for('incremental', 120);
is(failed(), 'function t_changed_on_update, index wide, trigger changed_on_update_1, trigger changed_on_update_2, view loose, view over_loose, view second, view third', 'what failed');
is($pg->value("SELECT count(*) FROM dtsmig.task_objects WHERE task = 'o' AND state = 'failed' AND coalesce(error, '') = ''"), 0, 'each has its reason');
is($pg->value("SELECT to_regclass('o.good') IS NOT NULL AND to_regclass('o.plain') IS NOT NULL"), 't', 'the others are there');
like($pg->value("SELECT string_agg(message || ' ' || hint, E'\\n') FROM dtsmig.task_log WHERE task = 'o' AND severity = 'warning'"), qr/view o\.loose could not be made: column.*dtsmig\.retry_object\('o', 'view o\.loose', 'CREATE \.\.\.'\)/, 'task_log says so, with the way on');
is($pg->value("SELECT count(*) FROM dtsmig.alerts WHERE task = 'o' AND kind = 'object' AND cleared_at IS NULL"), 8, 'an alert for each');
is($pg->value("SELECT count(*) FROM public.heard WHERE a->>'kind' = 'object' AND a->>'state' = 'raised'"), 8, 'the function is called');
$my->sql("INSERT INTO t (id, grp, v) VALUES (4, 2, 'd')", db => 'o');
$task->catch_up;
same_table($my, 'o.t', $pg, 'o.t', 'rows and changes');
like($pg->error("SELECT dtsmig.cutover('o', quiet => '0.2 seconds')"), qr/objects could not be made.*view o\.loose: column.*retry_object/s, 'cutover says it');

# --- ways on
$pg->sql('SET ROLE mover; CREATE VIEW o.loose AS SELECT grp, min(v) AS v, count(*) AS n FROM o.t GROUP BY grp');
ok(poll_until(sub { failed() !~ /view loose/ }, 40), 'a view that is made by hand is taken for made') or diag $task->report;
ok(poll_until(sub { $pg->value("SELECT count(*) FROM dtsmig.alerts WHERE task = 'o' AND subject = 'view o.loose' AND cleared_at IS NULL") == 0 }, 40), 'and its alert is over');
like($pg->error("SELECT dtsmig.retry_object('o', 'second')"), qr/column "t\.v" must appear/, 'retry_object raises what the statement raises');
$pg->sql("SELECT dtsmig.retry_object('o', 'over_loose')");
is($pg->value('SELECT sum(n) FROM o.over_loose'), 4, 'a view that can be made by now');
$pg->sql("SELECT dtsmig.retry_object('o', 'view o.second', 'CREATE VIEW o.second AS SELECT grp, max(v) AS v FROM o.t GROUP BY grp')");
is($pg->value('SELECT string_agg(v, \',\' ORDER BY v) FROM o.second'), 'b,d', 'by a statement of one\'s own');
is($pg->value("SELECT tableowner FROM pg_tables WHERE schemaname = 'o' AND tablename = 't'") . $pg->value("SELECT viewowner FROM pg_views WHERE schemaname = 'o' AND viewname = 'second'"), 'movermover', 'it belongs to the task\'s role');
$my->sql('ALTER TABLE t MODIFY v varchar(40)', db => 'o');
$task->catch_up;
is($pg->value("SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'o.t'::regclass AND attname = 'v'"), 'character varying(40)', 'a statement on its table') or diag $task->report;
is($pg->value('SELECT count(*) FROM o.second') . $pg->value('SELECT count(*) FROM o.loose'), 22, 'it is made again around that, as is the one made by hand');
like($pg->error("SELECT dtsmig.retry_object('o', 'wide')"), qr/index row size/, 'an index');
$pg->sql("SELECT dtsmig.retry_object('o', 'wide', 'CREATE INDEX wide ON o.t (\"left\"(w, 100))')");
like($pg->error("SELECT dtsmig.retry_object('o', 'plain')"), qr/55000.*has not failed/s, 'what has not failed');
like($pg->error("SELECT dtsmig.skip_object('o', 'nothing')"), qr/42704.*no object "nothing"/s, 'what there is not');
like($pg->error("SELECT dtsmig.retry_object('o', 'untold')"), qr/has no statement.*retry_object/s, 'a view that does not translate');
$pg->sql("SELECT dtsmig.retry_object('o', 'untold', 'CREATE VIEW o.untold AS SELECT v AS s FROM o.t')");
is($pg->value('SELECT count(*) FROM o.untold'), 4, 'can be made, too');
$pg->sql('GRANT USAGE ON LANGUAGE plpgsql TO PUBLIC');
$pg->sql("SELECT dtsmig.retry_object('o', '$_')") for qw(t_changed_on_update changed_on_update_1 changed_on_update_2);
like($pg->error("SET ROLE mover; SELECT dtsmig.skip_object('o', NULL)"), qr/^$/, 'NULL does nothing');
$pg->sql("CREATE ROLE stranger");
like($pg->error("SET ROLE stranger; SELECT dtsmig.skip_object('o', 'third')"), qr/42501/, 'a stranger may not');
$pg->sql("SELECT dtsmig.skip_object('o', 'third')");
is(failed(), '', 'nothing has failed any more');
is($pg->value("SELECT count(*) FROM dtsmig.alerts WHERE task = 'o' AND kind = 'object' AND cleared_at IS NULL"), 0, 'no alert stands');
$pg->sql("UPDATE o.t SET v = 'z' WHERE id = 4");
is($pg->value("SELECT changed > now() - interval '1 minute' FROM o.t WHERE id = 4"), 't', 'the trigger works');
$my->sql("UPDATE t SET v = 'y' WHERE id = 4", db => 'o');
$task->catch_up;
like($pg->value("SELECT dtsmig.cutover('o', quiet => '0.2 seconds')"), qr/./, 'cutover');

# --- what rows need
$my->sql("CREATE DATABASE k; USE k; CREATE TABLE a (id int PRIMARY KEY, e enum('x', 'y')); CREATE TABLE b (id int PRIMARY KEY, a int, f enum('p'), CONSTRAINT to_a FOREIGN KEY (a) REFERENCES a (id)); INSERT INTO a VALUES (1, 'x'); INSERT INTO b VALUES (1, 1, 'p');");
$pg->sql("CREATE SCHEMA k; CREATE TYPE k.a_e AS ENUM ('x', 'y'); CREATE TYPE k.b_f AS ENUM ('other')");
my $k = Dts::Task->new($my, $pg, name => 'k', db => 'k');
$k->start;
ok($k->wait_status('failed', 120), 'a type in the way stops the task') or diag $k->report;
like($k->last_error, qr/^2 objects of the schema could not be made: type k\.a_e, type k\.b_f$/, 'the message names them');
like($k->get('last_error_hint'), qr/retry_object\('k', 'type k\.a_e'.*skip_object\('k', 'type k\.a_e'\).*resume_task\('k'\)/, 'and the ways on');
$pg->sql("SELECT dtsmig.skip_object('k', 'k.a_e'); ALTER TYPE k.b_f RENAME VALUE 'other' TO 'p'; SELECT dtsmig.skip_object('k', 'type k.b_f')");
$k->resume->wait_for('incremental', 120);
same_table($my, "k.$_", $pg, "k.$_", "table k.$_") for qw(a b);
is($pg->value("SELECT string_agg(kind || ' ' || name || ' ' || state, ',' ORDER BY name) FROM dtsmig.task_objects WHERE task = 'k' AND kind = 'type'"), 'type k.a_e skipped,type k.b_f skipped', 'their states');
$k->release;

# --- a table cannot be done without
$my->sql("CREATE DATABASE n; USE n; CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (1)");
$pg->sql(<<'END_SQL');
CREATE FUNCTION public.no_table() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN IF EXISTS (SELECT 1 FROM pg_event_trigger_ddl_commands() WHERE object_identity = 'n.a') THEN RAISE 'not here'; END IF; END$$;
CREATE EVENT TRIGGER no_table ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION public.no_table();
ALTER EVENT TRIGGER no_table ENABLE ALWAYS;
END_SQL
my $n = Dts::Task->new($my, $pg, name => 'n', db => 'n');
$n->start;
ok($n->wait_status('failed', 120), 'a table that cannot be made') or diag $n->report;
like($pg->error("SELECT dtsmig.skip_object('n', 'table n.a')"), qr/cannot do without table n\.a: its rows would have no place.*retry_object/s, 'is not skipped');
$pg->sql('DROP EVENT TRIGGER no_table');
$n->resume->wait_for('incremental', 120);
same_table($my, 'n.a', $pg, 'n.a', 'it is made when there is room');
$n->release;
done_testing();
