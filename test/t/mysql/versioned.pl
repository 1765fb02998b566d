# System-versioned tables of MariaDB: current rows are copied and followed,
# history is not, whatever the log says of it.
#
# dts-runs: mariadb, mariadb-11.8
use strict;
use warnings;
use Test::More;
use Dts::Task qw(server_pair);

for my $kind ($ENV{DTS_KIND})
{
    my $name = $kind // 'mariadb-10.11';
    my ($my, $pg) = server_pair(kind => $kind, preload => 0);
    $my->sql(<<'END');
CREATE DATABASE v; USE v;
CREATE TABLE hidden (id int PRIMARY KEY, t varchar(20), u int UNIQUE) WITH SYSTEM VERSIONING;
CREATE TABLE shown (id int AUTO_INCREMENT PRIMARY KEY, t varchar(20), a timestamp(6) GENERATED ALWAYS AS ROW START, z timestamp(6) GENERATED ALWAYS AS ROW END, PERIOD FOR SYSTEM_TIME (a, z)) WITH SYSTEM VERSIONING;
CREATE TABLE keyless (t varchar(20)) WITH SYSTEM VERSIONING;
CREATE TABLE partly (id int PRIMARY KEY, t varchar(20), x int WITHOUT SYSTEM VERSIONING) WITH SYSTEM VERSIONING;
INSERT INTO hidden SELECT seq, 'before', seq FROM seq_1_to_50;
INSERT INTO shown (t) SELECT 'before' FROM seq_1_to_50;
INSERT INTO keyless SELECT CONCAT('k', seq % 3) FROM seq_1_to_30;
INSERT INTO partly SELECT seq, 'before', 0 FROM seq_1_to_10;
UPDATE hidden SET t = 'early' WHERE id < 5; DELETE FROM hidden WHERE id = 50;
END
    my $task = Dts::Task->new($my, $pg, name => 'v', db => 'v');
    $task->start->wait_for('incremental', 60);
    my $same = sub {
        my ($what) = @_;
        $task->catch_up;
        for ([ 'hidden', 'id, t, u' ], [ 'shown', 'id, t' ], [ 'keyless', 't' ], [ 'partly', 'id, t, x' ])
        {
            my ($table, $columns) = @$_;
            my ($row) = "concat_ws('|', $columns)";
            my @a = sort map { $_->[0] } $my->rows("SELECT $row FROM v.$table");
            my @b = sort map { $_->[0] } $pg->rows("SELECT $row FROM v.$table");
            is(join(',', @b), join(',', @a), "$name, $what: $table");
        }
    };
    $same->('copied');
    $my->sql(<<'END');
USE v;
INSERT INTO hidden VALUES (51, 'new', 51), (52, 'new', 52);
UPDATE hidden SET t = 'changed' WHERE id BETWEEN 10 AND 20;
UPDATE hidden SET id = id + 1000 WHERE id = 30;
DELETE FROM hidden WHERE id IN (1, 2, 51);
REPLACE INTO hidden VALUES (3, 'replaced', 3);
INSERT INTO hidden VALUES (4, 'dup', 4) ON DUPLICATE KEY UPDATE t = 'dup';
BEGIN; DELETE FROM hidden WHERE id = 5; INSERT INTO hidden VALUES (5, 'again', 5); COMMIT;
INSERT INTO shown (t) VALUES ('new'); UPDATE shown SET t = 'changed' WHERE id < 10; DELETE FROM shown WHERE id > 45;
INSERT INTO keyless VALUES ('new'), ('new'); UPDATE keyless SET t = 'changed' WHERE t = 'k1' LIMIT 2; DELETE FROM keyless WHERE t = 'k2' LIMIT 1;
UPDATE partly SET x = x + 1; UPDATE partly SET t = 'changed' WHERE id < 4; DELETE FROM partly WHERE id = 9;
END
    $same->('followed');
    $my->sql('USE v; DELETE HISTORY FROM hidden; DELETE HISTORY FROM keyless; UPDATE hidden SET t = \'after\' WHERE id < 40;');
    $same->('after its history was deleted');
    $my->sql("SET SESSION binlog_row_image = MINIMAL; USE v; UPDATE hidden SET t = 'small' WHERE id < 9; DELETE FROM hidden WHERE id = 12; UPDATE shown SET t = 'small' WHERE id < 5; DELETE FROM shown WHERE id = 6");
    $same->('minimal images');
    is($pg->value("SELECT count(*) FROM v.shown WHERE z < 'infinity' AND extract(year FROM z) < 2038"), 0, "$name: no row of history is at the destination");
    $my->stop;
    $pg->stop;
}
done_testing();
