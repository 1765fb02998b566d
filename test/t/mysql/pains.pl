# What users of other tools suffer from, as far as MariaDB to PostgreSQL is
# concerned. The numbers are those of the list in CONTRIBUTING.md; rows that
# other files test as a whole are only named here:
#   1 zero dates, 3 boolean and bit, 4 enum, 5 NUL: mysql/policies
#   2 unsigned, types: mysql/types      7, 9, 10 names, identity: mysql/schema
#   8 ON UPDATE: mysql/policies         12 cascades, 13 images: mysql/changes
#   17 memory: mysql/memory             25 status: mysql/stop, mysql/restart
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);
use Dts::Compare qw(same_table same_database compare_tables);
use Dts::Env qw(poll_until reap);
use Dts::Proxy;
use Dts::Task qw(server_pair);

my ($my, $pg) = server_pair();
my $n = 0;

sub task
{
    my ($db, %opt) = @_;
    $n++;
    my $target = $opt{target} // $db;
    return Dts::Task->new($my, $pg, name => "pain$n", db => $db, options => $opt{options},
        port => $opt{port}, objects => $opt{target} ? [ { schema => $db, table => '%', target_schema => $target } ] : undef);
}

# --- 2: both ends of a foreign key, every unsigned width
$my->sql(<<'END');
CREATE DATABASE p2; USE p2;
CREATE TABLE a (id bigint unsigned AUTO_INCREMENT PRIMARY KEY); CREATE TABLE b (id int unsigned PRIMARY KEY, u bigint unsigned UNIQUE);
CREATE TABLE c (a bigint unsigned, b int unsigned, u bigint unsigned, FOREIGN KEY (a) REFERENCES a (id), FOREIGN KEY (b) REFERENCES b (id), FOREIGN KEY (u) REFERENCES b (u));
INSERT INTO a VALUES (1); INSERT INTO b VALUES (4294967295, 18446744073709551615); INSERT INTO c VALUES (1, 4294967295, 18446744073709551615);
END
my $t = task('p2');
$t->start->wait_for('incremental', 60);
same_database($my, 'p2', $pg, 'p2', '2: unsigned keys and foreign keys');
is($pg->value("SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND connamespace = 'p2'::regnamespace"), 3, '2: foreign keys are made');

# --- 6: times, whatever the zones of servers and sessions
$my->sql(q{CREATE DATABASE p6; SET time_zone = '-08:00'; CREATE TABLE p6.t (id int PRIMARY KEY, a datetime(6), b timestamp(6) NULL, c timestamp NOT NULL DEFAULT '2001-02-03 04:05:06'); INSERT INTO p6.t VALUES (1, '2024-07-01 12:00:00.123456', '2024-07-01 12:00:00.123456', '2024-12-01 00:00:00')});
$t = task('p6');
$t->start->wait_for('incremental', 60);
$my->sql(q{SET time_zone = '+13:00'; INSERT INTO p6.t VALUES (2, '2024-07-01 12:00:00.123456', '2024-07-01 12:00:00.123456', '2024-12-01 00:00:00')});
$t->catch_up;
is($pg->value(q{SELECT string_agg(a || ' ' || (b AT TIME ZONE 'UTC') || ' ' || (c AT TIME ZONE 'UTC'), ', ' ORDER BY id) FROM p6.t}),
    '2024-07-01 12:00:00.123456 2024-07-01 20:00:00.123456 2024-12-01 08:00:00, 2024-07-01 12:00:00.123456 2024-06-30 23:00:00.123456 2024-11-30 11:00:00', '6: DATETIME never shifts, TIMESTAMP is right');

# --- 11 and 18: large tables cut into ranges by every kind of key
$my->sql(<<'END');
SET NAMES utf8mb4; CREATE DATABASE p11 DEFAULT CHARACTER SET utf8mb4; USE p11;
CREATE TABLE ci (id varchar(40) COLLATE utf8mb4_general_ci PRIMARY KEY, v int);
INSERT INTO ci SELECT CONCAT(ELT(1 + seq % 7, 'a', 'B', 'ä', 'Z', '_', '😀', 'é'), MD5(seq)), seq FROM seq_1_to_8000;
CREATE TABLE uca (id varchar(40) COLLATE utf8mb4_unicode_ci PRIMARY KEY, v int); INSERT INTO uca SELECT * FROM ci;
CREATE TABLE bin (id varchar(40) COLLATE utf8mb4_bin PRIMARY KEY, v int); INSERT INTO bin SELECT * FROM ci;
CREATE TABLE sv (id varchar(40) CHARACTER SET latin1 COLLATE latin1_swedish_ci PRIMARY KEY, v int); INSERT INTO sv SELECT CONCAT(ELT(1 + seq % 4, 'å', 'A', 'ö', 'z'), MD5(seq)), seq FROM seq_1_to_8000;
CREATE TABLE pad (id char(40) PRIMARY KEY, v int); INSERT INTO pad SELECT MD5(seq), seq FROM seq_1_to_6000;
CREATE TABLE odd (id varchar(40) COLLATE utf8mb4_bin PRIMARY KEY, v int); INSERT INTO odd SELECT CONCAT(ELT(1 + seq % 5, '\'', '\\', '"', '%', '`'), MD5(seq), '\\'), seq FROM seq_1_to_6000;
CREATE TABLE vb (id varbinary(16) PRIMARY KEY, v int); INSERT INTO vb SELECT UNHEX(MD5(seq)), seq FROM seq_1_to_8000;
CREATE TABLE b16 (id binary(16) PRIMARY KEY, v int); INSERT INTO b16 SELECT UNHEX(MD5(seq)), seq FROM seq_1_to_8000;
CREATE TABLE deci (id decimal(20,5) PRIMARY KEY, v int); INSERT INTO deci SELECT (CAST(seq AS SIGNED) - 4000) / 7, seq FROM seq_1_to_8000;
CREATE TABLE dt (id datetime(6) PRIMARY KEY, v int); INSERT INTO dt SELECT '2020-01-01' + INTERVAL seq * 1234567 MICROSECOND, seq FROM seq_1_to_8000;
CREATE TABLE tsk (id timestamp(3) PRIMARY KEY, v int); INSERT INTO tsk SELECT '2020-01-01' + INTERVAL seq * 1234 SECOND, seq FROM seq_1_to_8000;
CREATE TABLE dat (id date PRIMARY KEY, v int); INSERT INTO dat SELECT '2000-01-01' + INTERVAL seq DAY, seq FROM seq_1_to_8000;
CREATE TABLE ubig (id bigint unsigned PRIMARY KEY, v int); INSERT INTO ubig SELECT 18446744073709551615 - seq * 1000003, seq FROM seq_1_to_8000;
CREATE TABLE neg (id bigint PRIMARY KEY, v int); INSERT INTO neg SELECT (CAST(seq AS SIGNED) - 4000) * 2000000000000000, seq FROM seq_1_to_8000;
CREATE TABLE skew (id int PRIMARY KEY, v int); INSERT INTO skew SELECT seq, seq FROM seq_1_to_8000; INSERT INTO skew VALUES (-2147483648, 0), (2147483647, 0), (2000000000, 1);
CREATE TABLE comp (a int NOT NULL, b varchar(20) NOT NULL, c smallint NOT NULL, v int, PRIMARY KEY (a, b, c)); INSERT INTO comp SELECT seq % 3, CONCAT('x', seq % 100), seq DIV 50, seq FROM seq_1_to_8000;
CREATE TABLE uu (id uuid PRIMARY KEY, v int); INSERT INTO uu SELECT INSERT(INSERT(MD5(seq), 13, 1, '4'), 17, 1, 'a'), seq FROM seq_1_to_8000;
CREATE TABLE inet (id inet6 PRIMARY KEY, v int); INSERT INTO inet SELECT CONCAT('2001:db8::', HEX(seq)), seq FROM seq_1_to_8000;
CREATE TABLE flt (id double PRIMARY KEY, v int); INSERT INTO flt SELECT (CAST(seq AS SIGNED) - 4000) / 3, seq FROM seq_1_to_8000;
CREATE TABLE bitk (id bit(20) PRIMARY KEY, v int); INSERT INTO bitk SELECT seq, seq FROM seq_1_to_8000;
CREATE TABLE uq (a int, id int NOT NULL, UNIQUE KEY (id)); INSERT INTO uq SELECT seq % 5, seq FROM seq_1_to_8000;
CREATE TABLE keyless (a int, b varchar(10)); INSERT INTO keyless SELECT seq % 100, 'x' FROM seq_1_to_20000;
END
$t = task('p11', options => { rows_per_range => 1000, copy_workers => 2 });
$t->start->wait_for('incremental', 120);
my @tables = map { $_->[0] } $my->rows("SELECT table_name FROM information_schema.tables WHERE table_schema = 'p11'");
my @d = compare_tables($my, $pg, [ map { [ "p11.$_", "p11.$_" ] } @tables ]);
ok($d[$_] eq '', "11, 18: ranges of $tables[$_]") or diag $d[$_] for 0 .. $#tables;
# each by its own key, in changes
$my->sql(join ';', map { "UPDATE p11.$_ SET v = v + 1 WHERE v % 10 = 3; DELETE FROM p11.$_ WHERE v % 10 = 5" } grep { !/^(uq|keyless)$/ } @tables);
$t->catch_up;
@d = compare_tables($my, $pg, [ map { [ "p11.$_", "p11.$_" ] } @tables ]);
ok($d[$_] eq '', "11: changes by key of $tables[$_]") or diag $d[$_] for 0 .. $#tables;

# --- 19: tables without a key, and all others, copied while they change
$my->sql(<<'END');
CREATE DATABASE p19; USE p19;
CREATE TABLE keyless (a int, b varchar(10)); INSERT INTO keyless SELECT seq % 100, 'x' FROM seq_1_to_60000;
CREATE TABLE keyless2 (a int, b varchar(10)); INSERT INTO keyless2 SELECT seq % 100, 'x' FROM seq_1_to_60000;
CREATE TABLE keyed (id int AUTO_INCREMENT PRIMARY KEY, n int, u int UNIQUE, KEY (n)); INSERT INTO keyed (n, u) SELECT 0, seq FROM seq_1_to_60000;
CREATE TABLE pa (id int PRIMARY KEY); CREATE TABLE ch (id int AUTO_INCREMENT PRIMARY KEY, pa int, FOREIGN KEY (pa) REFERENCES pa (id) ON DELETE CASCADE);
INSERT INTO pa SELECT seq FROM seq_1_to_2000; INSERT INTO ch (pa) SELECT 1 + seq % 2000 FROM seq_1_to_20000;
END
my $proxy = Dts::Proxy->new(port => $my->{port});
for my $round (1 .. 3)
{
    my @writers = map { $my->background(sub {
        my ($a, $k) = (int rand 100, 1 + int rand 60000);
        sleep 0.01;
        return "INSERT INTO keyless VALUES ($a, 'new'); INSERT INTO keyless2 VALUES ($a, 'new');\nUPDATE keyless SET a = a + 1 WHERE a = $a LIMIT 3; DELETE FROM keyless2 WHERE a = $a LIMIT 2;\n"
          . "UPDATE keyed SET n = n + 1 WHERE id = $k; UPDATE IGNORE keyed SET u = u + 100000 WHERE id = $k; DELETE FROM keyed WHERE id = $k + 1; INSERT INTO keyed (n, u) VALUES (1, 1000000000 * RAND());\n"
          . (rand() < 0.05 ? "DELETE FROM pa WHERE id = 1 + $k % 2000; INSERT IGNORE INTO pa VALUES (1 + $k % 2000); INSERT INTO ch (pa) VALUES (1 + $k % 2000);\n" : '');
    }, db => 'p19') } 1, 2;
    sleep 0.5;
    $proxy->delay($round == 2 ? 5 : 0);
    $t = task('p19', target => "p19_$round", port => $proxy->{port}, options => { rows_per_range => 5000, copy_workers => 1 + $round });
    $t->start;
    my $ok = eval { $t->wait_for('incremental', 120); 1 };
    ok($ok, "19: round $round: copied under load") or diag $@;
    sleep 1;
    reap($_, 'TERM') for @writers;
    $proxy->delay(0);
    $t->catch_up(200);
    @d = compare_tables($my, $pg, [ map { [ "p19.$_", "p19_$round.$_" ] } qw(keyless keyless2 keyed pa ch) ]);
    is(join("\n", grep { $_ } @d), '', "19: round $round: equal, keyless tables too");
    $t->release;
}

# --- 14: a binlog that is purged before it was read
$my->sql('CREATE DATABASE p14; CREATE TABLE p14.t (id int PRIMARY KEY); INSERT INTO p14.t VALUES (1)');
$t = task('p14');
$t->start->wait_for('incremental', 60);
$t->pause;
$_->pause for grep { 0 } ();
my @others = map { bless { my => $my, pg => $pg, name => $_ }, 'Dts::Task' } split /\n/, $pg->sql("SELECT name FROM dtsmig.tasks WHERE status = 'running'");
$_->pause for @others;
my ($lost) = map { $_->[0] } $my->rows('SHOW MASTER STATUS');
$my->sql('INSERT INTO p14.t VALUES (2); FLUSH BINARY LOGS; INSERT INTO p14.t VALUES (3); FLUSH BINARY LOGS');
# A dump thread that does not know yet that its client is gone keeps its file.
ok(poll_until(sub {
    $my->sql("PURGE BINARY LOGS TO '" . ($my->rows('SHOW MASTER STATUS'))[0][0] . "'");
    return !grep { $_->[0] eq $lost } $my->rows('SHOW BINARY LOGS');
}, 30, 0.5), '14: the log is purged');
$t->resume;
ok($t->wait_status('failed', 30), '14: a purged binlog fails the task, at once') or diag $t->report;
like($t->last_error . $t->get("coalesce(last_error_hint, '')") . $t->report, qr/\Q$lost\E/, '14: the error names the first lost file');
isnt($t->get('last_error_hint'), '', '14: with a hint');
is($pg->value('SELECT count(*) FROM p14.t'), 1, '14: nothing after the gap was applied');
$_->resume for @others[0 .. 1];
$my->sql('RESET MASTER');
$my->sql('INSERT INTO p14.t VALUES (4)');
ok($others[0]->wait_status('failed', 60), '14: RESET MASTER under a running task fails it, too') or diag $others[0]->report;

# --- 15: DDL on a table while it is copied: never a wrong copy
$my->sql('CREATE DATABASE p15; USE p15; CREATE TABLE t (id int PRIMARY KEY, a int, b varchar(100)); INSERT INTO t SELECT seq, seq, REPEAT("b", 100) FROM seq_1_to_200000; CREATE TABLE small (id int PRIMARY KEY, a int, b int); INSERT INTO small VALUES (1, 2, 3); CREATE TABLE late LIKE t; INSERT INTO late SELECT * FROM t WHERE id <= 20000; CREATE TABLE swap LIKE small; INSERT INTO swap VALUES (1, 2, 3); CREATE TABLE one LIKE small; INSERT INTO one VALUES (1, 1, 1); CREATE TABLE two LIKE small; INSERT INTO two VALUES (2, 2, 2)');
$t = task('p15', options => { rows_per_range => 5000, throttle_full_rows => 10000, copy_workers => 2 });
$t->start;
poll_until(sub { $pg->value("SELECT count(*) FROM dtsmig.tasks WHERE name = '$t->{name}' AND phase = 'full' AND rows_copied > 0") eq '1' }, 60);
# A table whose rows are being read waits with its ALTER until they are; no
# other does, whether it has been copied or not.
my ($c, $o, $e) = $my->mariadb('SET lock_wait_timeout = 20; ALTER TABLE p15.late DROP COLUMN a, ADD COLUMN a int DEFAULT 7 FIRST; ALTER TABLE p15.swap CHANGE a b int, CHANGE b a int; RENAME TABLE p15.one TO p15.two_, p15.two TO p15.one, p15.two_ TO p15.two; ALTER TABLE p15.small DROP COLUMN a, ADD COLUMN a int DEFAULT 9; ALTER TABLE p15.t ADD COLUMN c int DEFAULT 3, DROP COLUMN b; INSERT INTO p15.small VALUES (2, 2, 2)');
is($c, 0, '15: DDL during the copy does not wait for its end') or diag $e;
is($t->get('phase'), 'full', '15: it was during the copy');
$pg->sql("SELECT dtsmig.alter_task('$t->{name}', '{\"throttle_full_rows\": 0}')");
ok(eval { $t->wait_for('incremental', 90); $t->catch_up(60); 1 }, '15: the task goes on') or diag $@, $t->report;
same_database($my, 'p15', $pg, 'p15', '15: DDL during the copy: equal');
cmp_ok($pg->value("SELECT count(*) FROM dtsmig.task_log WHERE task = '$t->{name}' AND message LIKE '%is to be copied again%'"), '>=', 1, '15: what was not copied yet was copied later');

# --- 25: a source that stops during the copy is not a finished copy
$my->sql('CREATE DATABASE p25; USE p25; CREATE TABLE p25.t (id int PRIMARY KEY, b varchar(100)); INSERT INTO p25.t SELECT seq, REPEAT("b", 100) FROM seq_1_to_200000');
$proxy->delay(20);
$t = task('p25', port => $proxy->{port}, options => { rows_per_range => 5000 });
$t->start;
poll_until(sub { $pg->value("SELECT count(*) FROM dtsmig.tasks WHERE name = '$t->{name}' AND rows_copied > 10000") eq '1' }, 60);
$my->kill9;
sleep 2;
is($t->get('consistent_since'), '', '25: no success without the source');
ok(poll_until(sub { $t->status eq 'retrying' }, 30), '25: retrying') or diag $t->report;
$my->start;
$proxy->delay(0);
$t->wait_for('incremental', 120);
same_table($my, 'p25.t', $pg, 'p25.t', '25: the copy goes on to its end, without a duplicate', digest => 1);
done_testing();
