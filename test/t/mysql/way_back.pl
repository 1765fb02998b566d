# The way back of a task from the MySQL family: cutover with reverse, application writes
# here, cutover back, writes there, forth again; equal at each step, with no row of
# the first moment lost and none that comes back. Each value is written back as it was.
#
# dts-runs: mariadb, mysql-9.7
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep);
use Dts::Compare qw(same_database);
use Dts::Env qw(poll_until);
use Dts::MariaDB;
use Dts::Task;
use Dts::WayBack qw(way_back_hub way_back_of);

my $my = Dts::MariaDB->new->start;
my $pg = way_back_hub();
$my->sql(<<'END');
CREATE DATABASE shop; USE shop;
CREATE TABLE t (id int unsigned AUTO_INCREMENT PRIMARY KEY, v varchar(100), e enum('red', 'it''s', 'b,c') NOT NULL DEFAULT 'red', s set('x', 'y', 'z'),
  b tinyint(1), d datetime(6), ts timestamp NULL, n decimal(20,5), bl blob, j json, f double);
CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE child (id int PRIMARY KEY, p int, FOREIGN KEY (p) REFERENCES parent (id) ON DELETE CASCADE);
CREATE TABLE Upper (Id int PRIMARY KEY, UserName varchar(20));
END
$my->sql('USE shop; INSERT INTO t (v, e, s, b, d, ts, n, bl, j, f) VALUES ' . join(', ', map { "('v$_', " . (1 + $_ % 3) . ", " . ($_ % 8) . ", $_ % 2, '2020-01-01 00:00:00.123456', '2021-06-01 12:00:00', $_ / 7, x'00ff27', '{\"a\": $_}', $_ / 3)" } 1 .. 300)
      . '; INSERT INTO parent VALUES ' . join(', ', map { "($_)" } 1 .. 20) . '; INSERT INTO child VALUES ' . join(', ', map { "($_, 1 + $_ % 20)" } 1 .. 100) . "; INSERT INTO Upper VALUES (1, 'a'), (2, 'b')");
# values that PostgreSQL has in another way, or not at all: a row for each
my $old = $my->{mysql} ? '' : ', u uuid, i4 inet4, i6 inet6';
$my->sql("USE shop; CREATE TABLE vals (id int PRIMARY KEY, k int NOT NULL DEFAULT 0, ti tinyint, t1 tinyint(1), bu bigint unsigned, dc decimal(65,30), fl float, db double, b1 bit(1), b12 bit(12), b64 bit(64), d date, dt datetime(3), ts timestamp(6) NULL, tm time(2), y year, "
      . "c char(10), vc varchar(20) character set latin1, bi binary(5), vb varbinary(20), tx mediumtext, e enum('small', 'it''s', 'a,b'), s set('a', 'b', 'c d', 'ü'), j json, g geometry, dn date NOT NULL DEFAULT '2000-01-01'$old)");
my %values = (ti => [ -128, 127 ], t1 => [ 0, 1, 2, -1 ], bu => [ 0, '18446744073709551615' ], dc => [ '9' x 35 . '.' . '9' x 30, '-0.' . '0' x 29 . '1' ], fl => [ 0.1, '3.402823466e38', '16777217' ], db => [ 0.1, '1.7976931348623157e308', '5e-324' ],
    b1 => [ "b'0'", "b'1'" ], b12 => [ "b'100000000001'" ], b64 => [ '18446744073709551615', 0 ], d => [ "'0001-01-01'", "'9999-12-31'", "'0000-00-00'", "'2021-00-15'" ], dt => [ "'1000-01-01 00:00:00.001'", "'0000-00-00 00:00:00'" ], ts => [ "'1970-01-01 00:00:01'", "'2024-03-31 01:30:00.123456'", "'0000-00-00 00:00:00'" ],
    tm => [ "'00:00:00'", "'23:59:59.99'" ], y => [ 1901, 2155, 0 ], c => [ "''", "'abc'", "'ü'" ], vc => [ "''", "'äöüß'", "'€'", "'a  '" ], bi => [ "x''", "x'0102000000'", "x'ff'" ], vb => [ "x''", "x'00ff5c27'" ], tx => [ "''", "'a\\\\b''\\n😀'", "REPEAT('ß€', 5000)" ],
    e => [ "'small'", "'it''s'", "'a,b'", "'nope'" ], s => [ "''", "'a'", "'a,ü'", "'a,b,c d,ü'" ], j => [ q('{"b":   1, "a": [1, 2.50, -3e5, null]}'), "'null'", q('"str"') ], g => [ "ST_GeomFromText('POINT(1.5 -2.25)')", "ST_GeomFromText('LINESTRING(0 0, 1 1)', 4326)" ], dn => [ "'0000-00-00'", "'2020-02-29'" ],
    $my->{mysql} ? () : (u => [ "'123e4567-e89b-12d3-a456-426655440000'" ], i4 => [ "'127.0.0.1'" ], i6 => [ "'2001:db8::1'" ]));
my $id = 0;
$my->sql("SET sql_mode = '', time_zone = '+00:00'; USE shop; " . join '; ', map { my $c = $_; map { 'INSERT INTO vals (id, ' . $c . ') VALUES (' . ++$id . ", $_)" } @{ $values{$c} } } sort keys %values);
# All values as bytes; what is left out of the key and the counter.
sub values_there
{
    my ($where) = @_;
    my @c = map { "COALESCE(HEX(" . ($_ eq 'g' ? "CONCAT(ST_AsText(g), ' ', ST_SRID(g))" : "CONCAT($_)") . "), '~')" } sort keys %values;
    return map { join '|', @$_ } $my->rows("SET time_zone = '+00:00'; SELECT id % 10000, " . join(', ', @c) . " FROM shop.vals WHERE $where ORDER BY id % 10000");
}
$my->sql("CREATE DATABASE ledger");
my ($mig) = $my->value(q{SELECT CONCAT('mig@', QUOTE(host)) FROM mysql.user WHERE user = 'mig' LIMIT 1});
$my->sql("GRANT ALL ON shop.* TO $mig; GRANT ALL ON ledger.* TO $mig; GRANT PROCESS ON *.* TO $mig");
my $task = Dts::Task->new($my, $pg, name => 'm', db => 'shop');
$task->start->wait_for('incremental', 60);
$pg->sql("SELECT dtsmig.reverse_task('m', options => '{\"ledger_schema\": \"ledger\"}')");
is($pg->value("SELECT string_agg(concat_ws(' ', item, found), E'\\n') FROM dtsmig.precheck('m_back') WHERE status = 'failed'"), '', 'its precheck');
my $back = way_back_of($task);

sub cutover { return "SELECT dtsmig.cutover('$_[0]', reverse => true, quiet => '0', verify => 'full')"; }
sub same { my ($what) = @_; local $Test::Builder::Level = $Test::Builder::Level + 1; same_database($my, 'shop', $pg, 'shop', $what, extra => 1); }
# Events of rows in the binlog.
sub row_events
{
    my $n = 0;
    for my $file (map { $_->[0] } $my->rows('SHOW BINARY LOGS')) { $n += grep { $_->[2] =~ /_rows/i } $my->rows("SHOW BINLOG EVENTS IN '$file'"); }
    return $n;
}
sub pg_writes
{
    my ($i) = @_;
    my $k = 1000 * $i;
    return ("INSERT INTO shop.t (v, e, s, b, d, n, bl, j, f) SELECT 'w$i', 'it''s', '{x,z}', 1, now(), 1.5, '\\x0001', '{\"b\": [1, null]}', 0.1 FROM generate_series(1, 50)",
        "UPDATE shop.t SET v = v || 'x', e = 'b,c', s = NULL, n = NULL WHERE id BETWEEN 100 AND 149", "DELETE FROM shop.t WHERE id = 200 + $i",
        "INSERT INTO shop.parent VALUES ($k)", "INSERT INTO shop.child VALUES ($k, $k)", "DELETE FROM shop.parent WHERE id = $i", qq{UPDATE shop.upper SET "UserName" = 'n$i' WHERE "Id" = 1});
}
sub my_writes
{
    my ($i) = @_;
    my $k = 1000 * $i;
    return "USE shop; INSERT INTO t (v, e, s, b, d) VALUES " . join(', ', ("('w$i', 2, 'x,z', 1, NOW(6))") x 50)
      . "; UPDATE t SET v = CONCAT(v, 'y'), e = 1, s = 'z' WHERE id BETWEEN 100 AND 149; DELETE FROM t WHERE id = 200 + $i; INSERT INTO parent VALUES ($k); INSERT INTO child VALUES ($k, $k); DELETE FROM parent WHERE id = $i; UPDATE Upper SET UserName = 'n$i' WHERE Id = 1";
}
$task->catch_up;
same('before');
my @before = values_there('true');
sub same_values
{
    my ($what, $now, $was) = @_;
    my %seen;
    $seen{$_}++ for @$now;
    $seen{$_}-- for @$was;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    ok(@$now && !(grep { $_ } values %seen), $what) or diag map { ($seen{$_} > 0 ? 'now ' : 'was ') . substr($_, 0, 300) . "\n" } grep { $seen{$_} } sort keys %seen;
}
for my $turn (1 .. 4)
{
    my $forth = $turn % 2;
    my ($from, $to) = $forth ? ($task, $back) : ($back, $task);
    if ($forth) { $pg->sql(join '; ', cutover($from->{name}), pg_writes($turn)); }
    else { $pg->sql(cutover($from->{name})); $my->sql(my_writes($turn)); }
    is($from->status, 'cut_over', "turn $turn: cut over");
    ok($to->wait_status('running', 30), "turn $turn: the other way runs") or diag $to->report;
    $to->catch_up(60);
    same("turn $turn: the first writes");
    my $events = row_events();
    if ($forth) { $pg->sql("UPDATE shop.t SET v = 'later $turn' WHERE id BETWEEN 150 AND 169"); }
    else { $my->sql("UPDATE t SET v = 'later $turn' WHERE id BETWEEN 150 AND 169", db => 'shop'); }
    $to->catch_up(60);
    same("turn $turn: later ones");
    is($pg->value("SELECT count(*) FROM dtsmig.task_log WHERE task IN ('m', 'm_back') AND severity = 'error'"), 0, "turn $turn: no error");
    # cascades are not in the log of MariaDB, and of MySQL before 9.6: five children fewer
    if ($turn == 1)
    {
        # an UPDATE of every row writes nothing else, and of a key neither
        $pg->sql('UPDATE shop.vals SET k = k + 1');
        $pg->sql("UPDATE shop.vals SET id = id + 10000, k = k + 1 WHERE id % 2 = 0 AND g IS NULL");
        $to->catch_up(60);
        same_values('values are what they were', [ values_there('true') ], \@before);
        is($my->value('SELECT SUM(k), SUM(id > 10000) FROM shop.vals'), $pg->value("SELECT concat(sum(k), E'\\t', sum((id > 10000)::int)) FROM shop.vals"), 'all were written');
        # … and each as a new row, but for those that are not the same here
        my $lossy = "j IS NULL AND g IS NULL AND " . join ' AND ', map { "NOT COALESCE(CONCAT($_) LIKE '0000%' OR CONCAT($_) LIKE '%-00%', false)" } qw(d dt ts dn);
        $lossy .= " AND NOT COALESCE(e + 0 = 0, false)";
        my @ids = map { $_->[0] } $my->rows("SELECT id FROM shop.vals WHERE $lossy");
        my $c = join ', ', grep { $_ ne 'id' } map { $_->[0] } $pg->rows("SELECT attname FROM pg_attribute WHERE attrelid = 'shop.vals'::regclass AND attnum > 0");
        $pg->sql("INSERT INTO shop.vals (id, $c) SELECT id % 10000 + 20000, $c FROM shop.vals WHERE id IN (" . join(', ', @ids) . ')');
        $to->catch_up(60);
        same_values(scalar(@ids) . ' values as new rows', [ values_there('id > 20000') ], [ values_there("id < 20000 AND $lossy") ]);
        $pg->sql('DELETE FROM shop.vals WHERE id > 20000');
        next;
    }
    is($to->get('changes'), $forth || $my->{mysql} && $my->{version} >= 90600 ? 130 : 125, "turn $turn: the application's changes, and no others");
    sleep 1.5;
    my $grown = row_events();
    $to->catch_up(60);
    is(row_events(), $grown, "turn $turn: the binlog grows no more");
}
done_testing();
