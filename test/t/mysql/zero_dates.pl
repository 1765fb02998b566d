# dts-runs: mariadb, mysql-5.6, mysql-9.7
# NOT NULL of dates: it stays where the source holds no zero date, and goes
# with the first that comes, in the copy as in changes.
use strict;
use warnings;
use Test::More;
use Dts::Compare qw(same_database);
use Dts::Env qw(poll_until);
use Dts::Task qw(server_pair);

my ($my, $pg) = server_pair();
my $mode = "SET NAMES utf8mb4, time_zone = '+00:00', sql_mode = 'ALLOW_INVALID_DATES';\n";
$my->sql(<<"END");
$mode CREATE DATABASE z DEFAULT CHARACTER SET utf8mb4; USE z;
CREATE TABLE clean (id int PRIMARY KEY, d date NOT NULL, t datetime(3) NOT NULL, s timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP);
INSERT INTO clean VALUES (1, '2020-02-29', '2020-01-01 00:00:00', '2020-01-01 00:00:00'), (2, '9999-12-31', '1000-01-01 00:00:00', '2021-01-01 00:00:00');
CREATE TABLE dirty (id int PRIMARY KEY, ok date NOT NULL, zero date NOT NULL, part datetime NOT NULL, bad date NOT NULL, s timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP);
INSERT INTO dirty VALUES (1, '2020-01-01', '0000-00-00', '2020-01-01 00:00:00', '2020-01-01', '2020-01-01 00:00:00'), (2, '2020-01-01', '2020-01-01', '2021-00-01 01:02:03', '2020-01-01', 0), (3, '2020-01-01', '2020-01-01', '2020-01-01 00:00:00', '2021-02-30', '2020-01-01 00:00:00');
CREATE TABLE keyed (d date NOT NULL, n int NOT NULL, PRIMARY KEY (d, n)); INSERT INTO keyed VALUES ('2020-01-01', 1);
CREATE TABLE nokey (d date NOT NULL, n int NOT NULL); INSERT INTO nokey VALUES ('2020-01-01', 1), ('2020-01-02', 2);
CREATE TABLE late (id int PRIMARY KEY, d date NOT NULL, n int); INSERT INTO late VALUES (1, '2020-01-01', 1);
END
sub nulls { my ($db) = @_; return $pg->value("SELECT string_agg(table_name || '.' || column_name, ' ' ORDER BY table_name, column_name) FROM information_schema.columns WHERE table_schema = '$db' AND is_nullable = 'YES' AND column_name <> 'n'"); }
sub same { my ($task, $name) = @_; $task->catch_up; local $Test::Builder::Level = $Test::Builder::Level + 1; same_database($my, $task->{name}, $pg, $task->{name}, $name); }
sub change { $my->sql("$mode $_[0]", db => $_[1] // 'z'); }

my $task = Dts::Task->new($my, $pg, name => 'z', db => 'z');
is($pg->value("SELECT found FROM dtsmig.precheck('z') WHERE item = 'zero_dates'"), 'these hold zero dates, or have one as default, and lose NOT NULL, as such dates become NULL: z.dirty.zero, z.dirty.part, z.dirty.bad, z.dirty.s', 'the precheck names them');
is($pg->value("SELECT note FROM dtsmig.preview_schema('z') WHERE kind = 'table' AND object = 'clean' AND note LIKE 'NOT NULL%'"), '', 'the preview has no word on others');
$task->start->wait_for('incremental', 120);
is(nulls('z'), 'dirty.bad dirty.part dirty.s dirty.zero', 'these take NULL, and no others');
same($task, 'copied');
is($pg->value("SELECT count(*) FROM dtsmig.verify('z', 'schema')"), 0, 'definitions') or diag $pg->sql("SELECT * FROM dtsmig.verify_results");
is($pg->value("SELECT count(*) FROM dtsmig.alerts WHERE kind = 'zero_date'"), 0, 'no alert');

# --- one comes later: with rows before and after it in its transaction
change("BEGIN; INSERT INTO clean VALUES (3, '2020-01-01', '2020-01-01', '2020-01-01 00:00:00'); UPDATE clean SET d = '0000-00-00' WHERE id = 1; INSERT INTO clean VALUES (4, '2020-01-01', '2021-02-31', '2020-01-01 00:00:00'), (5, '0000-00-00', '2020-01-01', 0); UPDATE late SET n = 2; COMMIT");
same($task, 'a zero date in a change');
is(nulls('z'), 'clean.d clean.s clean.t dirty.bad dirty.part dirty.s dirty.zero', 'its columns take NULL then');
is($pg->value("SELECT string_agg(subject, ' ' ORDER BY subject) FROM dtsmig.alerts WHERE task = 'z' AND kind = 'zero_date' AND cleared_at IS NULL"), 'z.clean.d z.clean.s z.clean.t', 'an alert for each');
is($pg->value("SELECT count(*) FROM dtsmig.task_log WHERE task = 'z' AND severity = 'warning' AND message LIKE 'column z.clean.%is not NOT NULL any more%'"), 3, 'a line for each');
change("UPDATE clean SET d = '2022-02-02' WHERE id = 1; UPDATE clean SET t = '0000-00-00', d = '0000-00-00' WHERE id = 2; DELETE FROM clean WHERE id = 5; INSERT INTO clean VALUES (6, 0, 0, 0)");
same($task, 'more of them');
is($pg->value("SELECT count(*) FROM dtsmig.verify('z', 'schema')"), 0, 'definitions');
is($pg->value("SELECT count(*) FROM dtsmig.verify('z')"), 0, 'rows');

# rows without a key are found by all their values, NULL too
change("UPDATE nokey SET d = '0000-00-00' WHERE n = 1; INSERT INTO nokey VALUES ('0000-00-00', 3), ('2020-05-05', 4); UPDATE nokey SET n = 5 WHERE n = 3; DELETE FROM nokey WHERE n = 1");
same($task, 'a table without a key');

# --- across a pause and a crash
$task->pause;
change("UPDATE late SET d = '2021-01-00'");
$task->resume->wait_for('incremental', 60);
same($task, 'after a pause');
$pg->kill9;
$pg->start;
change("INSERT INTO late VALUES (2, 0, 0)");
ok(poll_until(sub { ($task->status // '') eq 'running' }, 60), 'after a crash');
same($task, 'and a crash');

# --- statements
change("ALTER TABLE late ADD e datetime NOT NULL, ADD g date NOT NULL DEFAULT '2020-01-01'; INSERT INTO late (id, d, e, n) VALUES (3, '2020-01-01', '2020-01-01', 3)");
same($task, 'columns are added');
is($pg->value("SELECT string_agg(column_name || ' ' || is_nullable, ' ' ORDER BY column_name) FROM information_schema.columns WHERE table_schema = 'z' AND table_name = 'late' AND column_name IN ('e', 'g')"), 'e YES g NO', 'NOT NULL where rows got another value');
change("CREATE TABLE fresh (id int PRIMARY KEY, d date NOT NULL); INSERT INTO fresh VALUES (1, '2020-01-01'); ALTER TABLE late MODIFY n bigint; ALTER TABLE clean MODIFY t datetime(6) NOT NULL");
same($task, 'a new table');
is($pg->value("SELECT is_nullable FROM information_schema.columns WHERE table_schema = 'z' AND table_name = 'fresh' AND column_name = 'd'"), 'NO', 'has NOT NULL');
change("INSERT INTO fresh VALUES (2, 0); ALTER TABLE fresh MODIFY d datetime NOT NULL; INSERT INTO fresh VALUES (3, 0)");
same($task, 'until a zero date comes');
$pg->sql("SELECT dtsmig.resync_table('z', 'fresh')");
ok(poll_until(sub { $pg->value("SELECT state FROM dtsmig.task_tables WHERE task = 'z' AND source_table = 'fresh'") eq 'ready' }, 120), 'copied again');
same($task, 'a table that is copied again');
change("ALTER TABLE keyed ADD x varchar(20) NOT NULL DEFAULT '2020-01-01', ADD y varchar(20) NOT NULL DEFAULT '0000-00-00'; ALTER TABLE keyed MODIFY x date NOT NULL, MODIFY y date NOT NULL");
ok(poll_until(sub { $pg->value("SELECT count(*) FROM dtsmig.task_tables WHERE task = 'z' AND state <> 'ready'") == 0 && $pg->value("SELECT format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = 'z.keyed'::regclass AND attname = 'x'") eq 'date' }, 60), 'columns that become dates');
same($task, 'have their values');
is($pg->value("SELECT string_agg(column_name || ' ' || is_nullable, ' ' ORDER BY column_name) FROM information_schema.columns WHERE table_schema = 'z' AND table_name = 'keyed'"), 'd NO n NO x NO y YES', 'are looked at') or diag $task->report;
is($pg->value("SELECT count(*) FROM dtsmig.verify('z', 'schema')"), 0, 'definitions');
change("INSERT INTO keyed VALUES (0, 7, '2020-01-01', '2020-01-01')");
ok($task->wait_status('failed', 60), 'a zero date in a key stops the task');
$task->drop;

# --- one that comes between the look and the copy, or was not looked at
$pg->sql('DROP SCHEMA z CASCADE');
$my->sql("$mode CREATE DATABASE y; USE y; CREATE TABLE big (id int PRIMARY KEY, d date NOT NULL, e date NOT NULL); CREATE TABLE small (d date NOT NULL);");
$my->sql("INSERT INTO big VALUES " . join(', ', map { "($_, '2020-01-01', '2020-01-01')" } 1 .. 5000) . "; INSERT INTO small VALUES ('2020-01-01')", db => 'y');
my $y = Dts::Task->new($my, $pg, name => 'y', db => 'y', options => { rows_per_range => 1000, copy_workers => 3 });
# tables are made, and rows are kept out until the dates are there
$pg->sql(<<'END');
CREATE FUNCTION public.hold() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN PERFORM pg_advisory_lock_shared(77); PERFORM pg_advisory_unlock_shared(77); END$$;
CREATE EVENT TRIGGER hold ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION public.hold();
ALTER EVENT TRIGGER hold ENABLE ALWAYS;
END
open my $lock, '|-', $pg->psql_cmd or die $!;
print $lock "SELECT pg_advisory_lock(77);\n";
$lock->flush;
ok(poll_until(sub { $pg->value("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 77 AND granted AND mode = 'ExclusiveLock'") == 1 }, 30), 'tables are kept out');
$y->start;
ok(poll_until(sub { $pg->value("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 77 AND NOT granted") > 0 }, 60), 'the source has been looked at');
change("UPDATE big SET d = '0000-00-00' WHERE id IN (10, 2500, 4990); UPDATE big SET e = '0000-00-00' WHERE id = 3000; INSERT INTO small VALUES (0)", 'y');
close $lock;
$y->wait_for('incremental', 120);
same($y, 'zero dates that the copy runs into');
is(nulls('y'), 'big.d big.e small.d', 'take NOT NULL away');
is($pg->value("SELECT count(*) FROM dtsmig.alerts WHERE task = 'y' AND kind = 'zero_date'"), 3, 'an alert for each');
is($pg->value("SELECT count(*) FROM dtsmig.verify('y', 'schema')"), 0, 'definitions');
done_testing();
