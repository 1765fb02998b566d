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
use Dts::Task qw(server_pair);

my ($my, $pg) = server_pair();
my @tables = qw(txt en tm bo zd miss gone_row dup uq ck nn trg vw lb col drp part other mixed);
$my->sql(<<'END');
CREATE DATABASE w CHARACTER SET utf8mb4; USE w;
CREATE TABLE txt (id int PRIMARY KEY, v varchar(50)); CREATE TABLE en (id int PRIMARY KEY, v enum('a', 'b')); CREATE TABLE tm (id int PRIMARY KEY, v time);
CREATE TABLE bo (id int PRIMARY KEY, v tinyint(1)); CREATE TABLE zd (id int PRIMARY KEY, v date);
CREATE TABLE miss (id int PRIMARY KEY, v int); CREATE TABLE gone_row (id int PRIMARY KEY, v int); CREATE TABLE dup (id int PRIMARY KEY, v int);
CREATE TABLE uq (id int PRIMARY KEY, v int); CREATE TABLE ck (id int PRIMARY KEY, v int); CREATE TABLE nn (id int PRIMARY KEY, v int); CREATE TABLE trg (id int PRIMARY KEY, v int);
CREATE TABLE vw (id int PRIMARY KEY, v int); CREATE TABLE lb (id int PRIMARY KEY, v int); CREATE TABLE col (id int PRIMARY KEY, v int); CREATE TABLE drp (id int PRIMARY KEY, v int);
CREATE TABLE part (id int PRIMARY KEY, v int) PARTITION BY RANGE (id) (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN (20)); CREATE TABLE other (id int PRIMARY KEY, v int);
CREATE TABLE mixed (id int PRIMARY KEY, v int) ENGINE=MyISAM;
END
$my->sql("INSERT INTO $_ VALUES (1, NULL), (2, NULL)", db => 'w') for grep { $_ ne 'other' } @tables;
$my->sql('INSERT INTO other VALUES (5, 5), (15, 15), (50, 50)', db => 'w');
my $task = Dts::Task->new($my, $pg, name => 'ways', db => 'w',
    options => { partitions => 'keep', tinyint1 => 'boolean', time => 'time', zero_date => 'error', enum_error => 'error', nul_byte => 'error' });
my $q = "'ways'";
$task->start->wait_for('incremental', 60);
same_table($my, "w.$_", $pg, "w.$_", "full load: $_") for grep { $_ ne 'part' } @tables;

sub ready { return poll_until(sub { ($pg->try_value("SELECT count(*) FROM dtsmig.task_tables WHERE task = $q AND state <> 'ready'") // '') eq '0' }, 60); }

# Statements of a hint: calls of the extension, and SQL for the destination.
sub detail { my ($t) = @_; return $pg->value("SELECT detail FROM dtsmig.task_log WHERE task = '$t->{name}' AND severity = 'error' ORDER BY logged_at DESC LIMIT 1"); }
sub calls { my ($hint) = @_; return $hint =~ /\b(SELECT dtsmig\.\w+\('ways'(?:, '(?:[^']|'')*')?\);|ALTER TABLE [^;…]+;|CREATE TABLE [^;…]+;|GRANT [^;…]+;)/g; }

# A stop: SQL at the source, the error (and its SQLSTATE), what is done by hand
# before the hint's statements (at the source, here), which of them are run.
sub stops
{
    my ($name, %c) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    $pg->sql($c{before}) if $c{before};
    $my->sql($c{source}, db => 'w');
    ok($task->wait_status('failed', 60), "$name: the task stops") or return diag $task->report;
    like($task->last_error, $c{error}, "$name: what");
    is($task->get('last_error_sqlstate'), $c{state}, "$name: SQLSTATE");
    like(detail($task), $c{where}, "$name: where") if $c{where};
    my $hint = $task->get('last_error_hint');
    my @calls = grep { my $call = $_; grep { $call =~ /\b$_\b/ } @{ $c{way} } } calls($hint);
    is(scalar @calls, scalar @{ $c{way} }, "$name: the hint has @{ $c{way} }") or return diag $hint;
    $my->sql($c{correct}, db => 'w') if $c{correct};
    $pg->sql($c{here}) if $c{here};
    $pg->sql($_) for @calls;
    ok($task->wait_status('running', 60) && ready(), "$name: the task goes on") or return diag $task->report;
    ok(eval { $task->catch_up(60); 1 }, "$name: and catches up") or return diag $@;
    same_table($my, "w.$_", $pg, "w.$_", "$name: $_ is equal") for @{ $c{tables} };
}
my @again = (way => [qw(resync_table resume_task)]);
my @resume = (way => ['resume_task']);

# --- values that are no value here: corrected at the source, copied again
stops('a byte 0x00', source => "INSERT INTO txt VALUES (7, CONCAT('a', CHAR(0), 'b'))", error => qr/text of column "v" holds a byte 0x00/, state => '22P05',
    where => qr/source table "w"\."txt", column "v", row with key \(id\)=\(7\).*binlog|binary log/s, correct => "UPDATE txt SET v = 'ab' WHERE id = 7", @again, tables => ['txt']);
stops('the error value of an ENUM', source => "SET sql_mode = ''; INSERT INTO en VALUES (7, 'x')", error => qr/ENUM column "v" holds the error value/, state => '22P02', correct => "UPDATE en SET v = 'a' WHERE id = 7", @again, tables => ['en']);
stops('a time beyond a day', source => "INSERT INTO tm VALUES (7, '30:00:00')", error => qr/time "30:00:00" of column "v" is not a time of day/, state => '22008', correct => "UPDATE tm SET v = '03:00:00' WHERE id = 7", @again, tables => ['tm']);
stops('no boolean', source => 'INSERT INTO bo VALUES (7, 5)', error => qr/value 5 of column "v" is not a boolean/, state => '22P02', correct => 'UPDATE bo SET v = 1 WHERE id = 7', @again, tables => ['bo']);
stops('a zero date', source => "SET sql_mode = ''; INSERT INTO zd VALUES (7, '0000-00-00')", error => qr/date "0000-00-00" of the source does not exist in the calendar/, state => '22008', correct => "UPDATE zd SET v = '2020-01-01' WHERE id = 7", @again, tables => ['zd']);

# --- the same with an option
stops('a byte 0x00, by option', source => "INSERT INTO txt VALUES (8, CONCAT('a', CHAR(0), 'b'))", error => qr/holds a byte 0x00/, state => '22P05', here => "SELECT dtsmig.alter_task($q, '{\"nul_byte\": \"strip\"}')", @resume, tables => []);
is($pg->value('SELECT v FROM w.txt WHERE id = 8'), 'ab', 'a byte 0x00, by option: stripped');
$my->sql("UPDATE txt SET v = 'ab' WHERE id = 8", db => 'w');

# --- rows that somebody has changed here
stops('a row that is not here', before => 'DELETE FROM w.miss WHERE id = 1', source => 'UPDATE miss SET v = 9 WHERE id = 1', error => qr/row to update is not in table "w\.miss" at the destination/, state => 'P0002', where => qr/Row \(id\)=\(1\)/, @again, tables => ['miss']);
stops('a row to delete', before => 'DELETE FROM w.gone_row', source => 'DELETE FROM gone_row WHERE id = 1', error => qr/row to delete is not in table "w\.gone_row"/, state => 'P0002', @again, tables => ['gone_row']);
stops('a row that is here twice', before => 'ALTER TABLE w.dup DROP CONSTRAINT dup_pkey; INSERT INTO w.dup SELECT * FROM w.dup', source => 'UPDATE dup SET v = 9 WHERE id = 1', error => qr/2 rows of table "w\.dup" at the destination have the key of one row/, state => '21000', @again, tables => ['dup']);

# --- what somebody has put into the way here
stops('a constraint of here', before => 'ALTER TABLE w.ck ADD CONSTRAINT small CHECK (v < 100)', source => 'INSERT INTO ck VALUES (7, 200)', error => qr/violates check constraint "small"/, state => '23514', way => ['DROP CONSTRAINT small', 'resume_task'], tables => ['ck']);
stops('a unique constraint of here', before => 'ALTER TABLE w.uq ADD CONSTRAINT once UNIQUE (v)', source => 'INSERT INTO uq VALUES (7, 1), (8, 1)', error => qr/violates unique constraint "once"/, state => '23505', way => ['DROP CONSTRAINT once', 'resume_task'], tables => ['uq']);
stops('NOT NULL of here', before => 'DELETE FROM w.nn; ALTER TABLE w.nn ALTER COLUMN v SET NOT NULL', source => 'INSERT INTO nn VALUES (7, NULL)', error => qr/null value in column "v" of relation "nn" violates not-null constraint/, state => '23502', way => ['DROP NOT NULL', qw(resync_table resume_task)], tables => ['nn']);
stops('a trigger of here', before => q{CREATE FUNCTION w.no() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'not here'; END$$; CREATE TRIGGER no BEFORE INSERT ON w.trg FOR EACH ROW EXECUTE FUNCTION w.no(); ALTER TABLE w.trg ENABLE ALWAYS TRIGGER no},
    source => 'INSERT INTO trg VALUES (7, 7)', error => qr/^not here$/, state => 'P0001', where => qr/applying INSERT to table "w\.trg", row \(id\)=\(7\).*applied up to/s, here => 'DROP TRIGGER no ON w.trg', @resume, tables => ['trg']);
same_table($my, "w.$_", $pg, "w.$_", "at the end: $_") for grep { $_ ne 'part' } @tables;
done_testing();
