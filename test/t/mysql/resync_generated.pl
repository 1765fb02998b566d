# A table that is copied again by a definition from further on in the log, in
# which a column that others were generated from has another name and type.
use strict;
use warnings;
use Test::More;
use Dts::Compare qw(same_database);
use Dts::Task qw(server_pair);

my ($my, $pg) = server_pair();
$my->sql(q{CREATE DATABASE z; USE z; CREATE TABLE t (id int AUTO_INCREMENT PRIMARY KEY, a decimal(3,2) NOT NULL DEFAULT 1, b int, c double AS (ROUND(a, 1)) STORED, d varchar(30) AS (NULLIF(a, 0)) VIRTUAL, e int AS (b + 1) STORED);
INSERT INTO t (b) VALUES (1), (2)});
my $task = Dts::Task->new($my, $pg, name => 'z', db => 'z');
$task->start->wait_for('incremental', 60);
$pg->sql("SELECT dtsmig.pause_task('z')");
$my->sql(q{USE z; ALTER TABLE t DROP COLUMN d; ALTER TABLE t CHANGE a a2 varchar(38) DEFAULT '1'; INSERT INTO t (b, a2) VALUES (3, '2.5')});
$pg->sql("SELECT dtsmig.resync_table('z', 'z.t'); SELECT dtsmig.resume_task('z')");
$my->sql('USE z; INSERT INTO t (b) VALUES (4)');
$task->catch_up;
same_database($my, 'z', $pg, 'z', 'rows');
is($pg->value("SELECT string_agg(attname || ' ' || attgenerated::text, ',' ORDER BY attname) FROM pg_attribute WHERE attrelid = 'z.t'::regclass AND attnum > 0 AND NOT attisdropped"), 'a2 ,b ,c ,e s,id ', 'columns');
done_testing();
