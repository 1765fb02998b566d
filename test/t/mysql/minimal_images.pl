# Images that are not whole (binlog_row_image MINIMAL, NOBLOB) while tables are
# copied by ranges: keys that move from a range that is copied to one that is
# not, and back. And columns that a new row's image leaves out: the source gave
# them their default, or in a session that is not strict what stands for one.
# And rows that a REPLACE has met, which MariaDB logs as if they were updated.
#
# dts-runs: mariadb, mysql-9.7, mysql-5.6, mariadb-11.8 into postgresql-18-dev
use strict;
use warnings;
use Test::More;
use Dts::Compare qw(same_database);
use Dts::Env qw(poll_until);
use Dts::Task qw(server_pair);

my ($my, $pg) = server_pair(kind => $ENV{DTS_KIND});
my $rows = sub { my ($from, $to) = @_; join ', ', map { "($_, $_, 'v $_', REPEAT('x', 40))" } $from .. $to };
for my $image (qw(MINIMAL NOBLOB))
{
    my $db = lc $image;
    $my->sql("CREATE DATABASE $db; USE $db; CREATE TABLE t (id int PRIMARY KEY, n int, v varchar(40), b text); INSERT INTO t VALUES ${\$rows->(1, 6000)}; "
          . "CREATE TABLE two (a int, c int, v varchar(40), b text, PRIMARY KEY (a, c)); INSERT INTO two SELECT id, n, v, b FROM t;");
    my $task = Dts::Task->new($my, $pg, name => $db, db => $db,
        options => { copy_workers => 2, rows_per_range => 1000, throttle_full_rows => 1500 });
    $task->start;
    my $copied = sub { $pg->try_value("SELECT coalesce(min(rows_copied), 0) FROM dtsmig.task_tables WHERE task = '$db'") // 0 };
    my $n = 0;
    ok(poll_until(sub {
        my $c = $copied->();
        return 0 if $c < 500;
        $n++;
        # there, back, and through a key that is free only for a while
        $my->sql(qq{SET SESSION binlog_row_image = $image; USE $db;
            UPDATE t SET id = -$n WHERE id = 6000 - $n; UPDATE t SET id = 20000 + $n WHERE id = $n;
            UPDATE t SET id = 30000 + $n, v = 'moved' WHERE id = 3000 + $n; INSERT INTO t VALUES (3000 + $n, 0, 'again', 'b'); UPDATE t SET n = n + 1 WHERE id = 30000 + $n;
            UPDATE t SET id = 40000 + $n WHERE id = 100 + $n; DELETE FROM t WHERE id = 5500 - $n; UPDATE t SET id = 5500 - $n WHERE id = 40000 + $n;
            UPDATE two SET a = -$n WHERE a = 6000 - $n; UPDATE two SET c = 20000 + $n WHERE a = $n; UPDATE two SET a = 20000 + $n WHERE a = 200 + $n;
            UPDATE two SET a = 200 + $n WHERE a = 2000 + $n; UPDATE two SET v = 'w' WHERE a = 200 + $n;});
        return $task->phase eq 'incremental' || $n >= 90 || $task->status eq 'failed';
    }, 60, 0.05), "$image: keys move while tables are copied ($n times)") or diag $task->report;
    $pg->sql("SELECT dtsmig.alter_task('$db', '{\"throttle_full_rows\": 0}')");
    ok(eval { $task->wait_for('incremental', 60); $task->catch_up(60); 1 }, "$image: caught up") or diag $@;
    ok(poll_until(sub { ($pg->try_value("SELECT count(*) FROM dtsmig.task_tables WHERE task = '$db' AND state <> 'ready'") // '') eq '0' }, 30), "$image: all tables are ready") or diag $task->report;
    ok(eval { $task->catch_up(60); 1 }, "$image: caught up") or diag $@;
    same_database($my, $db, $pg, $db, "$image: keys moved between ranges");
    $task->release;
}

# --- what a new row's image leaves out
my $mariadb = !$my->{mysql};
my $more = ($mariadb ? ', q uuid NOT NULL, r inet6 NOT NULL' : '') . (!$mariadb && $my->{version} >= 50708 ? ', q json NOT NULL' : '');
$more =~ s/q uuid NOT NULL, // if $mariadb && $my->{version} < 100700;
$my->sql("CREATE DATABASE left_out; USE left_out; CREATE TABLE none (id int PRIMARY KEY, a int NOT NULL, b bigint unsigned NOT NULL, c varchar(10) NOT NULL, d decimal(8,2) NOT NULL, e enum('x','y') NOT NULL, f float NOT NULL, g set('p','q') NOT NULL, h binary(4) NOT NULL, i bit(11) NOT NULL, j time NOT NULL, k year NOT NULL, l text NOT NULL, m blob NOT NULL, n varbinary(9) NOT NULL, o bit(1) NOT NULL, p char(3) NOT NULL$more); "
      . "CREATE TABLE some (id int PRIMARY KEY, a int DEFAULT 7, c varchar(10) DEFAULT 'd''d', h binary(4) DEFAULT 'ab', i bit(11) DEFAULT b'101', n varbinary(9) DEFAULT 'x', z int" . ($mariadb || $my->{version} >= 50708 ? ", w bigint AS (STRCMP(c, 'x')) VIRTUAL, x varchar(9) AS (CONCAT(w, c, HEX(w))) VIRTUAL" : '') . ')');
my $left_out = Dts::Task->new($my, $pg, name => 'left_out', db => 'left_out')->start;
$left_out->wait_for('incremental', 60);
for my $image (qw(FULL MINIMAL NOBLOB))
{
    my $from = { FULL => 0, MINIMAL => 100, NOBLOB => 200 }->{$image};
    $my->sql("USE left_out; SET sql_mode = ''; SET SESSION binlog_row_image = $image; " . join '', map { "INSERT INTO $_ (id) VALUES ($from + 1); INSERT INTO $_ (id, a) VALUES ($from + 2, 5); INSERT INTO $_ SET id = $from + 3, c = 'x'; REPLACE INTO $_ (id) VALUES ($from + 2); INSERT INTO $_ (id, h) SELECT $from + 5, 'q'; UPDATE $_ SET c = 'y' WHERE id = $from + 3; UPDATE $_ SET a = 3 WHERE id = $from + 2;" } qw(none some));
    ok(eval { $left_out->catch_up(40); 1 }, "$image, columns left out: caught up") or diag $@;
    # what MariaDB logs of REPLACE is not enough
    ok(poll_until(sub { ($pg->try_value("SELECT count(*) FROM dtsmig.task_tables WHERE task = 'left_out' AND state <> 'ready'") // '') eq '0' }, 30), "$image, columns left out: all tables are ready") or diag $left_out->report;
    ok(eval { $left_out->catch_up(40); 1 }, "$image, columns left out: caught up") or diag $@;
    same_database($my, 'left_out', $pg, 'left_out', "$image: columns left out");
}
$left_out->release;

# --- MariaDB logs a REPLACE as an UPDATE, without what it does not name; the
# statement's text shows which it was
my $default = $mariadb ? "DEFAULT 'd'" : '';
$my->sql("CREATE DATABASE other; CREATE TABLE other.r (id int PRIMARY KEY, v varchar(20), b text, c blob); CREATE DATABASE r; USE r;"
      . join '', map { "CREATE TABLE $_ (id int PRIMARY KEY, v varchar(20), b text, c blob, d text NOT NULL $default); INSERT INTO $_ VALUES " . join(', ', map { "($_, 'v', 'text $_', 'blob $_', 'D')" } 1 .. 40) . ';' } qw(r R2 s));
$my->sql("CREATE TABLE log (id int AUTO_INCREMENT PRIMARY KEY, n int); CREATE TRIGGER by_trigger AFTER INSERT ON log FOR EACH ROW REPLACE INTO s (id, v, d) VALUES (NEW.n, 'trigger', '')", db => 'r');
my $replaced = Dts::Task->new($my, $pg, name => 'r', db => 'r')->start;
$replaced->wait_for('incremental', 60);
my $copies = sub { $pg->value("SELECT count(*) FROM dtsmig.task_log WHERE task = 'r' AND message LIKE '%is copied again%'") };
my $done = sub {
    my ($what) = @_;
    for (1 .. 2)
    {
        ok(eval { $replaced->catch_up(40); 1 }, "$what: caught up") or diag $@;
        ok(poll_until(sub { ($pg->try_value("SELECT count(*) FROM dtsmig.task_tables WHERE task = 'r' AND state <> 'ready'") // '') eq '0' }, 30), "$what: all tables are ready") or diag $replaced->report;
    }
    same_database($my, 'r', $pg, 'r', $what);
};
for my $image (qw(NOBLOB MINIMAL))
{
    my $set = "USE r; SET sql_mode = ''; SET SESSION binlog_row_image = $image;";
    $my->sql("$set UPDATE r SET v = 'updated' WHERE id < 20; UPDATE LOW_PRIORITY r.R2 AS x SET v = 'updated', c = NULL WHERE id < 20; INSERT INTO s (id, v, d) VALUES (3, 'x', 'y') ON DUPLICATE KEY UPDATE v = 'updated';"
          . "/* REPLACE */ UPDATE r SET v = 'replace into' WHERE id = 30; BEGIN; UPDATE s SET v = 'u' WHERE id = 9; SAVEPOINT a; UPDATE R2 SET v = 'u', id = 60 WHERE id = 9; INSERT INTO R2 (id, d) VALUES (9, ''); UPDATE R2 SET v = 'v' WHERE id = 9; DELETE FROM R2 WHERE id IN (9, 60); COMMIT");
    $done->("$image, updates");
    is($copies->(), 0, "$image: no table is copied again for them") if $image eq 'NOBLOB';
    $my->sql("$set REPLACE INTO r (id, v) VALUES (4, 'replaced'), (44, 'new'); REPLACE R2 SET id = 5, v = 'replaced', b = 'named'; INSERT INTO log (n) VALUES (6)");
    $done->("$image, REPLACE");
    $my->sql("$set SET binlog_annotate_row_events = 0; UPDATE r SET v = 'untold' WHERE id = 10; REPLACE INTO r (id, v) VALUES (11, 'untold'); SET binlog_annotate_row_events = 1") if $mariadb;
    $my->sql("$set UPDATE r JOIN other.r AS o ON o.id = r.id SET r.v = o.v; UPDATE r, s SET r.v = 'two', s.v = 'two' WHERE r.id = s.id AND r.id = 12; REPLACE INTO r (id, v) SELECT id, 'selected' FROM s WHERE id > 36");
    $done->("$image, others");
}
is($pg->value("SELECT count(*) FROM dtsmig.task_log WHERE task = 'r' AND severity = 'error'"), 0, 'without an error');
$replaced->release;

# --- keys by which a REPLACE meets a row that its image does not show to be the
# same: equal by collation, by a prefix, zero by its sign, NULL allowed, a default
$my->sql(<<'END');
CREATE DATABASE e; USE e;
CREATE TABLE ci (k varchar(20) PRIMARY KEY, v varchar(20) DEFAULT 'd', b blob) DEFAULT CHARACTER SET utf8mb4;
CREATE TABLE pre (k varchar(40) NOT NULL, v varchar(20) DEFAULT 'd', b blob, UNIQUE (k(3)));
CREATE TABLE zero (k double PRIMARY KEY, v varchar(20) DEFAULT 'd', b blob);
CREATE TABLE nullable (k int UNIQUE, v varchar(20) DEFAULT 'd', b blob);
CREATE TABLE part (a int, m int NOT NULL DEFAULT 7, v varchar(20) DEFAULT 'd', b blob, PRIMARY KEY (a, m));
CREATE TABLE dflt (id int NOT NULL DEFAULT 3 PRIMARY KEY, v varchar(20) DEFAULT 'd', w varchar(20), b blob);
CREATE TABLE other (id int AUTO_INCREMENT PRIMARY KEY, u varchar(20) NOT NULL DEFAULT 'dd', v varchar(20) DEFAULT 'd', w varchar(20), b blob, UNIQUE (u));
END
my $equal = Dts::Task->new($my, $pg, name => 'e', db => 'e')->start;
$equal->wait_for('incremental', 60);
my $e_ready = sub {
    my ($what) = @_;
    for (1 .. 2)
    {
        ok(eval { $equal->catch_up(40); 1 }, "$what: caught up") or diag $@;
        ok(poll_until(sub { ($pg->try_value("SELECT count(*) FROM dtsmig.task_tables WHERE task = 'e' AND state <> 'ready'") // '') eq '0' }, 30), "$what: all tables are ready") or diag $equal->report;
    }
    same_database($my, 'e', $pg, 'e', $what);
};
for my $image (qw(MINIMAL NOBLOB))
{
    my $set = "USE e; SET sql_mode = ''; SET SESSION binlog_row_image = $image;";
    $my->sql("$set DELETE FROM ci; DELETE FROM pre; DELETE FROM zero; DELETE FROM nullable; DELETE FROM part; DELETE FROM dflt; DELETE FROM other;"
          . "INSERT INTO ci VALUES ('abc', 'x', 'b'), ('z', 'x', 'b'); INSERT INTO pre VALUES ('abcd', 'x', 'b'), ('z', 'x', 'b'); INSERT INTO zero VALUES (0, 'x', 'b'), (1, 'x', 'b');"
          . "INSERT INTO nullable VALUES (1, 'x', 'b'), (NULL, 'x', 'b'), (2, 'x', 'b'); INSERT INTO part VALUES (1, 7, 'x', 'b'), (1, 8, 'x', 'b');"
          . "INSERT INTO dflt VALUES (3, 'x', 'x', 'b'), (4, 'x', 'x', 'b'); INSERT INTO other VALUES (10, 'dd', 'x', 'x', 'b'), (11, 'e', 'x', 'x', 'b')");
    $e_ready->("$image, before");
    my $n = $pg->value("SELECT count(*) FROM dtsmig.task_log WHERE task = 'e' AND message LIKE '%is copied again%'");
    $my->sql("$set UPDATE ci SET k = 'Z', v = 'u' WHERE k = 'z'; UPDATE pre SET k = 'zz' WHERE k = 'z'; UPDATE zero SET v = 'u', k = 4 WHERE k = 1; UPDATE nullable SET v = 'u', k = 3 WHERE k = 2; UPDATE part SET v = 'u' WHERE m = 8; UPDATE dflt SET v = 'u' WHERE id = 4; UPDATE other SET v = 'u' WHERE id = 11");
    $e_ready->("$image, UPDATE");
    is($pg->value("SELECT count(*) FROM dtsmig.task_log WHERE task = 'e' AND message LIKE '%is copied again%'"), $n, "$image, UPDATE: no table is copied again");
    for my $replace ("ci (k) VALUES ('ABC')", "pre (k) VALUES ('abcZ')", 'zero (k) VALUES (-0e0)', 'nullable (k) VALUES (1)', 'part (a) VALUES (1)', "dflt (w) VALUES ('w')", "other (w) VALUES ('w')")
    {
        $my->sql("$set REPLACE INTO $replace");
        $e_ready->("$image, REPLACE INTO $replace");
    }
}
$equal->release;
done_testing();
