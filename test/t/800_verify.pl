# Verification: planted differences are found, equal rows do not travel, nothing
# is reported while writers write; each mode, each kind of key.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(time sleep);
use Dts::Env qw(poll_until reap);
use Dts::Task qw(server_pair);

my ($my, $pg) = server_pair(my_args => ['--innodb-buffer-pool-size=512M'], conf => "shared_buffers = 256MB\n");
$my->sql(<<'END_SQL');
SET NAMES utf8mb4;
CREATE DATABASE v DEFAULT CHARACTER SET utf8mb4; USE v;
CREATE TABLE big (id int AUTO_INCREMENT PRIMARY KEY, k int NOT NULL, c char(120) NOT NULL, pad varchar(60) NOT NULL, amount decimal(12,2), at datetime(6), d double, note text);
INSERT INTO big SELECT seq, seq * 7 % 100003, REPEAT(MD5(seq), 3), MD5(seq * 3), seq / 100, '2024-01-01' + INTERVAL seq SECOND, seq / 7, IF(seq % 5, CONCAT('note ', seq), NULL) FROM seq_1_to_1000000;
CREATE TABLE words (w varchar(40) COLLATE utf8mb4_general_ci PRIMARY KEY, v int);
INSERT INTO words SELECT CONCAT(SUBSTR('aAbBzZäßéπ', 1 + seq % 10, 1), MD5(seq)), seq FROM seq_1_to_30000;
CREATE TABLE latin (w varchar(20) CHARACTER SET latin1 PRIMARY KEY, t text CHARACTER SET latin1);
INSERT INTO latin SELECT CONCAT('€', seq, 'é'), REPEAT('ÿ', seq % 50) FROM seq_1_to_2000;
CREATE TABLE pair (tenant int unsigned, code varchar(10), n bigint unsigned, PRIMARY KEY (tenant, code));
INSERT INTO pair SELECT seq % 3, CONCAT('c', seq), 18446744073709551615 - seq FROM seq_1_to_20000;
CREATE TABLE wide (id bigint unsigned PRIMARY KEY, b blob);
INSERT INTO wide SELECT 18446744073709551615 - seq * 1000003, UNHEX(MD5(seq)) FROM seq_0_to_3000;
CREATE TABLE docs (id int PRIMARY KEY, j json, g point);
INSERT INTO docs SELECT seq, CONCAT('{"b": ', seq, ', "a": [1, 2.50, "x"]}'), POINT(seq, 1) FROM seq_1_to_3000;
CREATE TABLE keyless (a int, b varchar(20)); INSERT INTO keyless SELECT seq % 100, IF(seq % 7, 'x', NULL) FROM seq_1_to_5000;
CREATE TABLE keyless_json (a int, j json); INSERT INTO keyless_json SELECT seq % 10, '{"a":1}' FROM seq_1_to_100;
CREATE TABLE `we``ird "q'` (`a``b "c'` varchar(20) PRIMARY KEY, `v'"` int); INSERT INTO `we``ird "q'` VALUES ('x\'y"z\\', 1), ('ok', 2);
CREATE TABLE empty (id int PRIMARY KEY);
CREATE TABLE hot (id int PRIMARY KEY, n int NOT NULL, t varchar(40)); INSERT INTO hot SELECT seq, 0, 'start' FROM seq_1_to_2000;
CREATE TABLE hot_keyless (n int, t varchar(40)); INSERT INTO hot_keyless SELECT seq, 'start' FROM seq_1_to_300;
END_SQL
my $task = Dts::Task->new($my, $pg, name => 'v', db => 'v');
my ($code, $out, $err) = $pg->psql("SELECT * FROM dtsmig.verify('v')");
like($err, qr/has not copied its tables yet/, 'nothing to verify before the copy');
$task->start->wait_for('incremental', 240);

sub found
{
    my ($args) = @_;
    return [ map { join '|', map { $_ // '' } @$_ } $pg->rows("SELECT source_table, kind, coalesce(key::text, '-'), differences::text FROM dtsmig.verify('v'" . ($args ? ", $args" : '') . ") ORDER BY 1, 2, 3, 4") ];
}
sub last_run { return $pg->value("SELECT concat_ws(' ', $_[0]) FROM dtsmig.verify_runs WHERE task = 'v' ORDER BY run_id DESC LIMIT 1"); }

is_deeply(found(), [], 'equal: nothing is found');
my ($rows, $moved) = split / /, last_run('rows, rows_moved');
my $total = 1000000 + 30000 + 2000 + 20000 + 3001 + 3000 + 5000 + 100 + 2 + 2000 + 300;
is($rows, $total, 'every row was compared');
cmp_ok($moved, '<', 10000, "of which $moved were read") or diag $task->report;

# One changed, one missing, one extra row in a million, in less time than one
# full read of each side.
$pg->sql('VACUUM ANALYZE v.big');
my $plant = sub { $pg->sql("SET session_replication_role = replica; $_[0]") };
$plant->("UPDATE v.big SET amount = amount + 0.01 WHERE id = 345678; DELETE FROM v.big WHERE id = 777777; INSERT INTO v.big (id, k, c, pad) VALUES (2000000, 1, 'c', 'p')");
my @times;
for (1 .. 2)
{
    my $t0 = time;
    system("@{[ map { qq('$_') } $my->client_cmd('v', '--quick') ]} -e 'SELECT * FROM big' >/dev/null") == 0 or die;
    my $t1 = time;
    system("@{[ map { qq('$_') } $pg->psql_cmd ]} -c 'COPY v.big TO STDOUT' >/dev/null") == 0 or die;
    my $t2 = time;
    my $f = found("tables => '{big}'");
    my $t3 = time;
    is_deeply([ map { join '|', (split /\|/)[0 .. 2] } @$f ],
        [ 'v.big|differs|{"id": "345678"}', 'v.big|extra|{"id": "2000000"}', 'v.big|missing|{"id": "777777"}' ], 'three planted differences');
    push @times, sprintf 'source %.2f s + here %.2f s = %.2f s, verification %.2f s', $t1 - $t0, $t2 - $t1, $t2 - $t0, $t3 - $t2;
    push @times, $t3 - $t2 < $t2 - $t0;
}
diag "one full read: $times[0]; $times[2]";
ok($times[1] || $times[3], 'faster than one full read of each side');
like(join("\n", @{ found("tables => '{big}'") }), qr/differs\|\{"id": "345678"\}\|\{"amount": \{"source": "3456.78", "destination": "3456.79"\}\}$/m, 'the column and both values are said');
cmp_ok((split / /, last_run('rows_moved'))[0], '<', 3000, 'few rows were read');
done_testing();
