# The destination is another server: schema, rows and changes of the MySQL family
# over libpq, with the extension in a hub between. Compared at the destination.
#
# dts-runs: mariadb, mysql-9.7
use strict;
use warnings;
use Test::More;
use Dts::Compare qw(same_database compare_tables);
use Dts::Env qw(poll_until);
use Dts::Postgres;
use Dts::Precheck;
use Dts::Task qw(server_pair);

my ($my, $hub) = server_pair();
my $dst = Dts::Postgres->new(preload => 0)->start;

$my->sql(<<'END');
SET NAMES utf8mb4;
CREATE DATABASE inc DEFAULT CHARACTER SET utf8mb4; USE inc;
CREATE TABLE t (id int NOT NULL AUTO_INCREMENT PRIMARY KEY, a int, b varchar(50), c longtext, d longblob, u varchar(20), e enum('x','y','z'), s set('p','q'), UNIQUE KEY u (u));
INSERT INTO t (a, b, c, d, u, e, s) VALUES (1, 'b1', REPEAT('c', 5000), REPEAT('d', 9), 'u1', 'x', 'p,q'), (2, NULL, '', X'00ff', 'u2', 'y', ''), (3, 'ü€😀', 'x', NULL, NULL, NULL, NULL);
CREATE TABLE two (a int NOT NULL, b varchar(10) NOT NULL, v int, w int, PRIMARY KEY (b, a));
INSERT INTO two VALUES (1, 'k1', 1, 0), (2, 'k2', 2, 0), (3, 'k0', 3, 0);
CREATE TABLE keyless (a int, b varchar(20), c double, d json);
INSERT INTO keyless VALUES (1, 'x', 1.5, '{"k": 1}'), (1, 'x', 1.5, '{"k": 1}'), (1, 'x', 1.5, '{"k": 1}'), (2, NULL, NULL, NULL), (2, NULL, NULL, NULL);
CREATE TABLE parent (id int PRIMARY KEY, name varchar(10));
CREATE TABLE child (id int PRIMARY KEY, parent_id int, v int, FOREIGN KEY (parent_id) REFERENCES parent (id) ON DELETE CASCADE ON UPDATE CASCADE);
CREATE TABLE grandchild (id int PRIMARY KEY, child_id int, FOREIGN KEY (child_id) REFERENCES child (id) ON DELETE CASCADE ON UPDATE CASCADE);
CREATE TABLE nulled (id int PRIMARY KEY, parent_id int, FOREIGN KEY (parent_id) REFERENCES parent (id) ON DELETE SET NULL ON UPDATE CASCADE);
INSERT INTO parent VALUES (1, 'p1'), (2, 'p2'), (3, 'p3'), (4, 'p4');
INSERT INTO child VALUES (1, 1, 1), (2, 1, 2), (3, 2, 3), (4, 3, 4);
INSERT INTO grandchild VALUES (1, 1), (2, 2), (3, 3), (4, 4);
INSERT INTO nulled VALUES (1, 1), (2, 2), (3, 3);
CREATE TABLE `Odd "na'me` (`select` int PRIMARY KEY, `a b` varchar(20), `x"y` int);
INSERT INTO `Odd "na'me` VALUES (1, 'one', 1), (2, 'two''s', 2);
CREATE TABLE types (id bigint unsigned PRIMARY KEY, ti tinyint, si smallint unsigned, mi mediumint, de decimal(20,6), f float, d double, b1 bit(1), b12 bit(12), y year, dt date, t time(6), dtm datetime(6), ts timestamp(6) NULL, c char(5), vc varchar(20), tx text, bin binary(4), vb varbinary(9), bl blob, j json);
INSERT INTO types VALUES (18446744073709551615, -128, 65535, -8388608, -12345678901234.567891, 1.25, 1e-300, b'1', b'101010101010', 2024, '2024-02-29', '13:14:15.123456', '9999-12-31 23:59:59.999999', '2024-01-02 03:04:05.678901', 'ab', 'v', 'text', 'b', 'vb', X'00010203', '[1, 2, {"a": null}]'), (0, 0, 0, 0, 0, -0.5, 0, b'0', b'0', NULL, '1000-01-01', '00:00:00', '1000-01-01 00:00:00', NULL, '', '', '', '', '', '', 'null'), (1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
CREATE TABLE gen (id int PRIMARY KEY, n int, s int GENERATED ALWAYS AS (n * 2) STORED);
INSERT INTO gen (id, n) VALUES (1, 1), (2, NULL);
CREATE TABLE trunc (id int PRIMARY KEY); INSERT INTO trunc VALUES (1), (2);
CREATE TABLE stamped (id int PRIMARY KEY, v int, at timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP);
INSERT INTO stamped (id, v) VALUES (1, 1);
END
# --- a destination that is not there
my $check = Dts::Precheck->new($my, $hub);
my $asked = $check->task(db => 'inc', destination => $dst);
$dst->stop;
$check->by_hand($asked, sub { $dst->start; return },
    destination_kind => [ 'failed', qr/could not connect to server/ ]);
$asked->drop;

my $task = Dts::Task->new($my, $hub, name => 'inc', db => 'inc', destination => $dst);
my ($code, $out, $err) = $hub->psql("SELECT item, status, found FROM dtsmig.precheck('inc') WHERE status = 'failed' OR item LIKE 'destination%' OR item = 'session_replication_role'");
note "$out$err";
is($code, 0, 'precheck');
like($out, qr/destination_kind\|passed\|server "dst_inc": PostgreSQL/, 'it says what the destination is');
is($hub->value("SELECT count(*) > 20 FROM dtsmig.preview_schema('inc')"), 't', 'preview');
$task->start->wait_for('incremental', 60);
same_database($my, 'inc', $dst, 'inc', 'full load');
is($hub->value("SELECT count(*) FROM pg_namespace WHERE nspname = 'inc'"), 0, 'nothing is made in the hub');

sub step
{
    my ($name, $sql) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my ($code, $out, $err) = $my->mariadb($sql, db => 'inc');
    is($code, 0, "$name: run at the source") or diag $err;
    my $ok = eval { $task->catch_up(30); 1 };
    diag $@ unless $ok;
    ok($ok, "$name: applied") or return;
    same_database($my, 'inc', $dst, 'inc', $name);
}

step('INSERT, UPDATE, DELETE', "INSERT INTO t (a, b, c, d, u, e, s) VALUES (4, 'four', 'c', 'd', 'u4', 'z', 'q'); UPDATE t SET b = 'changed', e = 'z' WHERE id = 1; DELETE FROM t WHERE id = 2; UPDATE two SET v = v + 1, w = 7; DELETE FROM two WHERE a = 3");
step('keyless', "DELETE FROM keyless WHERE a = 1 LIMIT 1; UPDATE keyless SET b = 'y' WHERE a = 2 LIMIT 1; INSERT INTO keyless VALUES (9, '', -0.0, '[]')");
step('keys change', "UPDATE two SET a = a + 10; UPDATE `Odd \"na'me` SET `select` = 7, `a b` = NULL WHERE `select` = 1");
step('unique values swap', "BEGIN; UPDATE t SET u = 'tmp' WHERE id = 1; UPDATE t SET u = 'u1' WHERE id = 4; UPDATE t SET u = 'u4' WHERE id = 1; COMMIT");
step('cascades', "DELETE FROM parent WHERE id = 1; UPDATE parent SET id = 20 WHERE id = 2; DELETE FROM parent WHERE id = 3; INSERT INTO parent VALUES (1, 'new'); INSERT INTO child VALUES (10, 1, 1)");
step('types', "UPDATE types SET de = de + 1, tx = 'other', bl = X'FF00', j = '{\"b\": [true]}', dtm = '2000-01-01 00:00:00.5', b12 = b'1' WHERE id > 0; INSERT INTO types (id, vc) VALUES (77, REPEAT('é', 20)); DELETE FROM types WHERE id = 0");
step('generated, TRUNCATE, ON UPDATE', "INSERT INTO gen (id, n) VALUES (3, 9); UPDATE gen SET n = 5 WHERE id = 1; TRUNCATE trunc; INSERT INTO trunc VALUES (5); UPDATE stamped SET v = 2");
step('partial images', "SET SESSION binlog_row_image = MINIMAL; UPDATE t SET a = 100 WHERE id = 1; UPDATE two SET b = 'zz' WHERE v = 3; DELETE FROM t WHERE id = 3; DELETE FROM parent WHERE id = 20; UPDATE child SET v = 5 WHERE id = 10");
step('many rows', "INSERT INTO t (a, b) SELECT x.a + 10 * y.a + 100 * z.a, REPEAT('w', 40) FROM (SELECT 1 a UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 UNION SELECT 7) x, (SELECT 1 a UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 UNION SELECT 7) y, (SELECT 1 a UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 UNION SELECT 7) z; UPDATE t SET b = CONCAT(b, a) WHERE a > 300; DELETE FROM t WHERE a BETWEEN 400 AND 500");

# --- statements of the source
step('DDL: columns and indexes', "ALTER TABLE two ADD COLUMN n varchar(10) NOT NULL DEFAULT 'new', ADD KEY v (v); INSERT INTO two (a, b, v, w, n) VALUES (99, 'x', 1, 2, 'y'); ALTER TABLE two MODIFY v bigint, DROP COLUMN w; UPDATE two SET v = 5000000000 WHERE a = 99");
step('DDL: tables', "CREATE TABLE made (id int PRIMARY KEY, e enum('a','b'), k int, UNIQUE KEY (k)); INSERT INTO made VALUES (1, 'b', 3); RENAME TABLE made TO renamed; INSERT INTO renamed VALUES (2, 'a', 4); DROP TABLE trunc; ALTER TABLE t MODIFY e enum('x','y','z','new'); UPDATE t SET e = 'new' WHERE id = 1");

# --- the ledger is the truth
my ($ledger, $applied) = ($dst->value("SELECT value FROM dtsmig_ledger.dtsmig_ledger WHERE key = 'position'"), $task->get('applied_position'));
is($ledger, $applied, 'ledger and catalog agree');
cmp_ok($dst->value("SELECT count(*) FROM dtsmig_ledger.dtsmig_ledger WHERE key LIKE 'job:%'"), '>=', 10, 'with the ranges of the load');

# moved by somebody else, as another hub would; and back behind the catalog, as by a restored backup
my $position = "dtsmig_ledger.dtsmig_ledger WHERE key = 'position'";
my ($owner) = $dst->value("SELECT task FROM $position");
$dst->sql("UPDATE dtsmig_ledger.dtsmig_ledger SET value = regexp_replace(value, ':[0-9]+;', ':4;') WHERE key = 'position'");
$my->sql('INSERT INTO t (id, a) VALUES (5000, 1)', db => 'inc');
ok($task->wait_status('failed', 60), 'a ledger that somebody has moved stops the task') or diag $task->report;
like($hub->value("SELECT string_agg(message, ';') FROM dtsmig.task_log WHERE task = 'inc'"), qr/the ledger at server "dst_inc" is not where this task has left it/, 'nothing is written there');
like($task->last_error, qr/the destination is behind what the catalog of the task has/, 'nor is it begun again');
is($dst->value('SELECT count(*) FROM inc.t WHERE id = 5000'), 0, 'no row has come');
$dst->sql("DELETE FROM $position");
$task->resume;
ok(poll_until(sub { ($task->last_error // '') =~ /the ledger at the destination knows nothing of this task/ }, 30), 'one that has lost it does, too') or diag $task->report;
$dst->sql("INSERT INTO dtsmig_ledger.dtsmig_ledger (task, key, value) VALUES ('$owner', 'position', '" . $hub->value('SELECT applied_position FROM dtsmig.task_position') . "')");
$task->resume->catch_up;
same_database($my, 'inc', $dst, 'inc', 'with the right one it goes on');

# --- what is not there yet says so
for my $call ("verify('inc', 'incremental')", "cutover('inc', 'incremental')")
{
    my ($c, $o, $e) = $hub->psql("SELECT dtsmig.$call");
    like($e, qr/0A000.* is not possible yet for task "inc": its destination is server "dst_inc"/s, "$call is refused");
}
($code, $out, $err) = $hub->psql("SELECT dtsmig.alter_task('inc', '{\"conflict\": \"ignore\"}')");
like($err, qr/0A000.*"conflict" cannot be "ignore" yet/s, 'so is an option');
($code, $out, $err) = $hub->psql("SELECT dtsmig.create_task('x', 'src_inc', destination => 'src_inc')");
like($err, qr/22023.*same server/s, 'and a source as its own destination');
$hub->sql("CREATE SERVER other TYPE 'mysql' FOREIGN DATA WRAPPER dtsmig_fdw OPTIONS (host '127.0.0.1'); CREATE USER MAPPING FOR CURRENT_USER SERVER other OPTIONS (user 'x')");
($code, $out, $err) = $hub->psql("SELECT dtsmig.create_task('x', 'src_inc', destination => 'other')");
like($err, qr/0A000.*MySQL family to the MySQL family is not possible/s, 'and a server of another kind');

# --- somebody else's change there stops the task, with the row
$dst->sql('DELETE FROM inc.two WHERE a = 99');
$my->sql("UPDATE two SET v = 1 WHERE a = 99", db => 'inc');
ok($task->wait_status('failed', 60), 'a row that is gone stops the task');
like($task->last_error, qr/row to update is not in table "inc\.two" at the destination/, 'and is named');
like($task->get('last_error_hint'), qr/SELECT dtsmig\.resync_table\('inc', 'inc\.two'\)/, 'with the way on');
$dst->sql("INSERT INTO inc.two (a, b, v, n) VALUES (99, 'x', 5000000000, 'y')");
$task->resume->catch_up;
same_database($my, 'inc', $dst, 'inc', 'it goes on');

# --- a ledger that somebody else has made first
$dst->sql('CREATE ROLE eve; CREATE SCHEMA evil AUTHORIZATION eve; CREATE SCHEMA trap; SET ROLE eve; CREATE TABLE evil.dtsmig_ledger (task text, key text, value text, PRIMARY KEY (task, key)); RESET ROLE;'
      . ' CREATE TABLE trap.dtsmig_ledger (LIKE evil.dtsmig_ledger INCLUDING ALL); ALTER TABLE trap.dtsmig_ledger OWNER TO eve');
for my $schema (qw(evil trap))
{
    my $other = Dts::Task->new($my, $hub, name => $schema, db => 'inc', destination => $dst, options => { ledger_schema => $schema });
    ($code, $out, $err) = $hub->psql("SELECT item, status, found FROM dtsmig.precheck('$schema') WHERE status = 'failed'");
    like("$out$err", qr/"$schema"\."dtsmig_ledger" at server .* does not belong to the account of the task/, "schema $schema: refused");
    $other->drop;
}
is($dst->value('SELECT count(*) FROM evil.dtsmig_ledger') . $dst->value('SELECT count(*) FROM trap.dtsmig_ledger'), '00', 'and not written');

# --- an account without special rights, and policies of row-level security
$my->sql("CREATE DATABASE rls; CREATE TABLE rls.t (id int PRIMARY KEY, v int); INSERT INTO rls.t VALUES (1, 1), (2, 2); GRANT ALL ON *.* TO CURRENT_USER");
$dst->sql('CREATE ROLE plain LOGIN; GRANT CREATE ON DATABASE postgres TO plain');
$dst->sql('CREATE SCHEMA rls; CREATE TABLE rls.t (id int PRIMARY KEY, v int); ALTER TABLE rls.t ENABLE ROW LEVEL SECURITY; ALTER TABLE rls.t FORCE ROW LEVEL SECURITY; CREATE POLICY p ON rls.t USING (id = 1) WITH CHECK (true)', role => 'plain');
my $hidden = Dts::Task->new($my, $hub, name => 'rls', db => 'rls', destination => $dst, destination_user => 'plain', types => [qw(full incremental)], options => { ledger_schema => 'plain_ledger' });
$hidden->start;
ok($hidden->wait_status('failed|precheck_failed', 60), 'a table with policies that apply to its owner is not written');
like($hidden->last_error . $hub->sql("SELECT string_agg(found, ' ') FROM dtsmig.precheck_results WHERE task = 'rls' AND status = 'failed'"), qr/row-level security/, 'and named');
$dst->sql('ALTER TABLE rls.t NO FORCE ROW LEVEL SECURITY');
$hidden->status eq 'precheck_failed' ? $hidden->start : $hidden->resume;
$hidden->wait_for('incremental', 60);
$my->sql('UPDATE rls.t SET v = 3; DELETE FROM rls.t WHERE id = 1; INSERT INTO rls.t VALUES (4, 4)');
$hidden->catch_up;
same_database($my, 'rls', $dst, 'rls', 'without FORCE it is');
$dst->sql('ALTER TABLE rls.t FORCE ROW LEVEL SECURITY');
$my->sql('UPDATE rls.t SET v = 5 WHERE id = 2');
ok($hidden->wait_status('failed', 60), 'policies that come later stop the task');
like($hidden->last_error, qr/row-level security/, 'with what they are');
$dst->sql('ALTER TABLE rls.t NO FORCE ROW LEVEL SECURITY');
$hidden->resume->catch_up;
same_database($my, 'rls', $dst, 'rls', 'it goes on');
$hidden->release->drop;

$task->release->drop;
is($dst->value("SELECT count(*) FROM dtsmig_ledger.dtsmig_ledger"), 0, 'the ledger knows nothing of a task that is dropped');
done_testing();
