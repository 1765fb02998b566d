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
    # cascades of the MySQL family are not in its log: five children fewer
    is($to->get('changes'), $forth ? 130 : 125, "turn $turn: the application's changes, and no others");
    sleep 1.5;
    my $grown = row_events();
    $to->catch_up(60);
    is(row_events(), $grown, "turn $turn: the binlog grows no more");
}

# --- values: an UPDATE of every row writes nothing else; each row again as a new one
done_testing();
