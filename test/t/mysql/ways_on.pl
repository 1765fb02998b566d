# Each error that stops a task while it follows changes has the SQL to go on in
# its hint. Here the stops are made to happen, and what the hint says is run as
# it stands there: the task goes on, and its tables are equal.
#
# dts-runs: mariadb
# dts-deep-runs: mysql-9.7
use strict;
use warnings;
use Test::More;
use Dts::Compare qw(same_table);
use Dts::Env qw(poll_until);
use Dts::Stops;
use Dts::Task qw(server_pair);

my ($my, $pg) = server_pair();
my @tables = qw(txt en tm bo zd miss gone_row dup uq ck nn trg vw lb col drp part other mixed nolog);
$my->sql(<<'END');
CREATE DATABASE w CHARACTER SET utf8mb4; USE w;
CREATE TABLE txt (id int PRIMARY KEY, v varchar(50)); CREATE TABLE en (id int PRIMARY KEY, v enum('a', 'b')); CREATE TABLE tm (id int PRIMARY KEY, v time);
CREATE TABLE bo (id int PRIMARY KEY, v tinyint(1)); CREATE TABLE zd (id int PRIMARY KEY, v date);
CREATE TABLE miss (id int PRIMARY KEY, v int); CREATE TABLE gone_row (id int PRIMARY KEY, v int); CREATE TABLE dup (id int PRIMARY KEY, v int);
CREATE TABLE uq (id int PRIMARY KEY, v int); CREATE TABLE ck (id int PRIMARY KEY, v int); CREATE TABLE nn (id int PRIMARY KEY, v int); CREATE TABLE trg (id int PRIMARY KEY, v int);
CREATE TABLE vw (id int PRIMARY KEY, v int); CREATE TABLE lb (id int PRIMARY KEY, v int); CREATE TABLE col (id int PRIMARY KEY, v int); CREATE TABLE drp (id int PRIMARY KEY, v int);
CREATE TABLE part (id int PRIMARY KEY, v int) PARTITION BY RANGE (id) (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN (20)); CREATE TABLE other (id int PRIMARY KEY, v int);
CREATE TABLE mixed (id int PRIMARY KEY, v int) ENGINE=MyISAM; CREATE TABLE nolog (id int PRIMARY KEY, v int); CREATE TABLE fitting (id int PRIMARY KEY, v int);
END
$my->sql("INSERT INTO $_ VALUES (1, NULL), (2, NULL)", db => 'w') for grep { $_ ne 'other' } @tables;
$my->sql('INSERT INTO other VALUES (5, 5), (15, 15), (50, 50)', db => 'w');
my $task = Dts::Task->new($my, $pg, name => 'ways', db => 'w',
    options => { partitions => 'keep', tinyint1 => 'boolean', time => 'time', zero_date => 'error', enum_error => 'error', nul_byte => 'error' });
$task->start->wait_for('incremental', 60);
same_table($my, "w.$_", $pg, "w.$_", "full load: $_") for grep { $_ ne 'part' } @tables;

my $stops = Dts::Stops->new($task, source => sub { $my->sql($_[0], db => 'w') },
    same => sub { my ($name, @names) = @_; same_table($my, "w.$_", $pg, "w.$_", "$name: $_ is equal") for @names });
sub stops { local $Test::Builder::Level = $Test::Builder::Level + 1; return $stops->stop(@_); }
my @again = (way => [qw(resync_table resume_task)]);
my @resume = (way => ['resume_task']);

# --- values that are no value at the destination: corrected at the source, copied again
stops('a byte 0x00', source => "INSERT INTO txt VALUES (7, CONCAT('a', CHAR(0), 'b'))", error => qr/text of column "v" holds a byte 0x00/, state => '22P05',
    where => qr/source table "w"\."txt", column "v", row with key \(id\)=\(7\).*binlog|binary log/s, correct => "UPDATE txt SET v = 'ab' WHERE id = 7", @again, tables => ['txt']);
stops('the error value of an ENUM', source => "SET sql_mode = ''; INSERT INTO en VALUES (7, 'x')", error => qr/ENUM column "v" holds the error value/, state => '22P02', correct => "UPDATE en SET v = 'a' WHERE id = 7", @again, tables => ['en']);
stops('a time beyond a day', source => "INSERT INTO tm VALUES (7, '30:00:00')", error => qr/time "30:00:00" of column "v" is not a time of day/, state => '22008', correct => "UPDATE tm SET v = '03:00:00' WHERE id = 7", @again, tables => ['tm']);
stops('no boolean', source => 'INSERT INTO bo VALUES (7, 5)', error => qr/value 5 of column "v" is not a boolean/, state => '22P02', correct => 'UPDATE bo SET v = 1 WHERE id = 7', @again, tables => ['bo']);
stops('a zero date', source => "SET sql_mode = ''; INSERT INTO zd VALUES (7, '0000-00-00')", error => qr/date "0000-00-00" of the source does not exist in the calendar/, state => '22008', correct => "UPDATE zd SET v = '2020-01-01' WHERE id = 7", @again, tables => ['zd']);

# --- the same with an option
stops('a byte 0x00, by option', source => "INSERT INTO txt VALUES (8, CONCAT('a', CHAR(0), 'b'))", error => qr/holds a byte 0x00/, state => '22P05', here => "SELECT dtsmig.alter_task('ways', '{\"nul_byte\": \"strip\"}')", @resume, tables => []);
is($pg->value('SELECT v FROM w.txt WHERE id = 8'), 'ab', 'a byte 0x00, by option: stripped');
$my->sql("UPDATE txt SET v = 'ab' WHERE id = 8", db => 'w');

# --- rows that somebody has changed at the destination
stops('a row that is not here', before => 'DELETE FROM w.miss WHERE id = 1', source => 'UPDATE miss SET v = 9 WHERE id = 1', error => qr/row to update is not in table "w\.miss" at the destination/, state => 'P0002', where => qr/Row \(id\)=\(1\)/, @again, tables => ['miss']);
stops('a row to delete', before => 'DELETE FROM w.gone_row', source => 'DELETE FROM gone_row WHERE id = 1', error => qr/row to delete is not in table "w\.gone_row"/, state => 'P0002', @again, tables => ['gone_row']);
stops('a row that is at the destination twice', before => 'ALTER TABLE w.dup DROP CONSTRAINT dup_pkey; INSERT INTO w.dup SELECT * FROM w.dup', source => 'UPDATE dup SET v = 9 WHERE id = 1', error => qr/2 rows of table "w\.dup" at the destination have the key of one row/, state => '21000', @again, tables => ['dup']);

# --- what somebody has put into the way at the destination
stops('a constraint of the destination', before => 'ALTER TABLE w.ck ADD CONSTRAINT small CHECK (v < 100)', source => 'INSERT INTO ck VALUES (7, 200)', error => qr/violates check constraint "small"/, state => '23514', way => ['DROP CONSTRAINT small', 'resume_task'], tables => ['ck']);
stops('a unique constraint of the destination', before => 'ALTER TABLE w.uq ADD CONSTRAINT once UNIQUE (v)', source => 'INSERT INTO uq VALUES (7, 1), (8, 1)', error => qr/violates unique constraint "once"/, state => '23505', way => ['DROP CONSTRAINT once', 'resume_task'], tables => ['uq']);
stops('NOT NULL of the destination', before => 'DELETE FROM w.nn; ALTER TABLE w.nn ALTER COLUMN v SET NOT NULL', source => 'INSERT INTO nn VALUES (7, NULL)', error => qr/null value in column "v" of relation "nn" violates not-null constraint/, state => '23502', way => ['DROP NOT NULL', qw(resync_table resume_task)], tables => ['nn']);
stops('a trigger of here', before => q{CREATE FUNCTION w.no() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'not here'; END$$; CREATE TRIGGER no BEFORE INSERT ON w.trg FOR EACH ROW EXECUTE FUNCTION w.no(); ALTER TABLE w.trg ENABLE ALWAYS TRIGGER no},
    source => 'INSERT INTO trg VALUES (7, 7)', error => qr/^not here$/, state => 'P0001', where => qr/applying INSERT to table "w\.trg", row \(id\)=\(7\).*applied up to/s, here => 'DROP TRIGGER no ON w.trg', @resume, tables => ['trg']);

# --- what is gone at the destination, or stands in the way of a statement
my $again_made = 'CREATE TABLE w.drp (id int PRIMARY KEY, v int)';
stops('a table that was dropped here', before => 'DROP TABLE w.drp', source => 'INSERT INTO drp VALUES (7, 7)', error => qr/table .*w.*drp.*(?:does not exist|was dropped) at the destination|table with OID \d+ was dropped/, state => '42P01', here => $again_made, @again, tables => ['drp']);
stops('a view in the way of ALTER', before => 'CREATE VIEW public.mine AS SELECT v FROM w.vw', source => "ALTER TABLE vw MODIFY v varchar(20); INSERT INTO vw VALUES (7, 'x')", error => qr/a statement of the source cannot be replicated: ALTER TABLE vw/, state => '0A000', where => qr/mine/, here => 'DROP VIEW public.mine', @resume, tables => ['vw']);
stops('a view in the way of DROP', before => 'CREATE VIEW public.mine AS SELECT v FROM w.lb', source => 'DROP TABLE lb; CREATE TABLE lb (id int PRIMARY KEY, n int); INSERT INTO lb VALUES (9, 9)', error => qr/a statement of the source cannot be replicated: DROP TABLE/, state => '0A000', where => qr/mine/, here => 'DROP VIEW public.mine', @resume, tables => ['lb']);
stops('DDL that is skipped', before => 'CREATE TABLE w.nw (id int PRIMARY KEY, v int)', source => 'CREATE TABLE nw (id int PRIMARY KEY, v int); INSERT INTO nw VALUES (7, 7)', error => qr/a statement of the source cannot be replicated: CREATE TABLE nw/, state => '0A000', where => qr/already exists/, way => [qw(skip_change resume_task)], tables => ['nw']);
stops('RENAME that is skipped', before => 'CREATE TABLE w.col2 (mine int)', source => 'RENAME TABLE col TO col2; INSERT INTO col2 VALUES (7, 7)', error => qr/a statement of the source cannot be replicated: RENAME TABLE col TO col2/, state => '0A000', where => qr/already exists/, here => "SELECT dtsmig.skip_change('ways', 'DROP TABLE w.col2; ALTER TABLE w.col RENAME TO col2')", @resume, tables => ['col2']);

# --- altered without the log
stops('altered with sql_log_bin = 0', source => 'SET sql_log_bin = 0; ALTER TABLE nolog ADD x int FIRST; SET sql_log_bin = 1; INSERT INTO nolog VALUES (7, 7, 7)', error => qr/table "w"\."nolog" has 3 columns in the log, but 2 are known/, state => '42804', @again, tables => ['nolog']);

# --- rows outside of all partitions, and of others
# (MariaDB has it since 11.4)
if ($my->{mysql} || $my->{version} >= 110400)
{
    my $exchange = 'ALTER TABLE part EXCHANGE PARTITION p1 WITH TABLE other WITHOUT VALIDATION';
    stops('EXCHANGE PARTITION WITHOUT VALIDATION', source => $exchange, error => qr/no partition of relation "part" found for row/, state => '23514', way => ['CREATE TABLE w.part_default PARTITION OF w.part DEFAULT', 'resume_task'], tables => ['other']);
    is($pg->value("SELECT string_agg(id || ' ' || tableoid::regclass, ', ' ORDER BY id) FROM w.part"), '1 w.part_p0, 2 w.part_p0, 5 w.part_p0, 15 w.part_p1, 50 w.part_default', 'a row that fits into another partition is there');
    $my->sql('DELETE FROM part WHERE id = 15; INSERT INTO part VALUES (8, 8), (16, 16)', db => 'w');
    $task->catch_up;
    is($pg->value("SELECT string_agg(concat_ws(':', id, v), ' ' ORDER BY id) FROM w.part"), '1 2 5:5 8:8 16:16 50:50', 'and the rows are followed') or diag $my->sql('SELECT * FROM w.part ORDER BY id');
}
same_table($my, "w.$_", $pg, "w.$_", "at the end: $_") for grep { !/^(?:part|col)$/ } @tables;

# --- in the full load
$my->sql("CREATE DATABASE f; CREATE TABLE f.t (id int PRIMARY KEY, v varchar(20)); INSERT INTO f.t VALUES (1, 'a'), (2, CONCAT('x', CHAR(0))), (3, 'c'); CREATE TABLE f.d (id int PRIMARY KEY, v date); INSERT INTO f.d VALUES (1, '2020-01-01')");
my $full = Dts::Task->new($my, $pg, name => 'full', db => 'f');
my $f = Dts::Stops->new($full, source => sub { $my->sql($_[0], db => 'f') }, same => sub { my ($name, @names) = @_; same_table($my, "f.$_", $pg, "f.$_", "$name: $_ is equal") for @names });
$full->start;
ok($full->wait_status('failed', 60), 'the full load stops');
is($full->phase, 'full', 'it was the full load');
like($full->last_error, qr/text of column "v" holds a byte 0x00/, 'the full load stops: what');
like($f->detail, qr/row|line/, 'the full load stops: where');
$pg->sql(q{SELECT dtsmig.alter_task('full', '{"nul_byte": "strip"}')});
$f->go_on('the full load stops', 'resume_task');
ok(eval { $full->wait_for('incremental', 60); 1 }, 'the full load stops: it gets on') or diag $full->report;
# the log has the byte in the old row
$my->sql("UPDATE t SET v = 'x' WHERE id = 2", db => 'f');
ok(eval { $full->wait_for('incremental', 60); $full->catch_up; 1 }, 'the full load stops: it goes on') or diag $full->report;
same_table($my, "f.$_", $pg, "f.$_", "the full load stops: $_") for qw(t d);
done_testing();
