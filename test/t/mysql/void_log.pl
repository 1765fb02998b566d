# What the binlog holds and is not to be applied: transactions rolled back
# after they were logged, or never finished; XA transactions, whose rows come
# long before their COMMIT. Columns and formats that the log only hints at.
#
# dts-runs: mariadb, mariadb-11.8
use strict;
use warnings;
use Test::More;
use Dts::Compare qw(same_database);
use Dts::Env qw(poll_until);
use Dts::Task qw(server_pair);

my ($my, $pg) = server_pair(kind => $ENV{DTS_KIND});
$my->sql(<<'END');
CREATE DATABASE void DEFAULT CHARACTER SET utf8mb4; USE void;
CREATE TABLE i (id int PRIMARY KEY, v int) ENGINE = InnoDB;
CREATE TABLE m (id int PRIMARY KEY, v int) ENGINE = MyISAM;
CREATE TABLE hashed (id int PRIMARY KEY, b blob UNIQUE, t text, UNIQUE (t), w varchar(1000) UNIQUE);
CREATE TABLE packed (id int PRIMARY KEY, v varchar(500) COMPRESSED, b longblob COMPRESSED, t text COMPRESSED);
SET GLOBAL mysql56_temporal_format = 0;
CREATE TABLE old_times (id int PRIMARY KEY, t time(3), u time(6), d datetime(2), e datetime(6), s timestamp(3) NULL, z timestamp(6) NULL, n datetime);
SET GLOBAL mysql56_temporal_format = 1;
INSERT INTO i VALUES (1, 1); INSERT INTO m VALUES (1, 1);
END
my $task = Dts::Task->new($my, $pg, name => 'void', db => 'void');
$task->start->wait_for('incremental', 60);

sub step
{
    my ($name, $sql, $seconds) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my ($code, $out, $err) = $my->mariadb($sql, db => 'void');
    fail("$name: not run at the source") or diag $err if $code;
    my $ok = eval { $task->catch_up($seconds // 60); 1 };
    return fail($name) || diag($@) || BAIL_OUT('the stream is stuck') unless $ok;
    return same_database($my, 'void', $pg, 'void', $name);
}

sub paused
{
    $task->pause;
    ok($task->wait_status('paused', 30), 'paused');
    return;
}

sub go_on
{
    $task->resume;
    $task->wait_for('incremental', 60);
    return;
}

step('ROLLBACK TO after a temporary table', q{
    INSERT INTO i VALUES (2, 2);
    BEGIN; INSERT INTO i VALUES (10, 1); SAVEPOINT `s 1`; INSERT INTO i VALUES (11, 1); UPDATE i SET v = 50;
    CREATE TEMPORARY TABLE tt (id int); ROLLBACK TO `s 1`; INSERT INTO i VALUES (12, 1); COMMIT; INSERT INTO i VALUES (13, 1)});
step('ROLLBACK after a temporary table', q{
    INSERT INTO i VALUES (20, 1);
    BEGIN; INSERT INTO i VALUES (21, 1); DELETE FROM i WHERE id = 1; CREATE TEMPORARY TABLE tu (id int); INSERT INTO m VALUES (21, 1); ROLLBACK;
    INSERT INTO i VALUES (22, 1)});
step('two of them in one batch', q{
    BEGIN; INSERT INTO i VALUES (30, 1); CREATE TEMPORARY TABLE tv (id int); ROLLBACK; INSERT INTO i VALUES (31, 1);
    BEGIN; UPDATE i SET v = 99; DROP TEMPORARY TABLE tv; ROLLBACK; INSERT INTO i VALUES (32, 1)});

# An XA transaction stays prepared while the task is stopped and other
# transactions commit.
sub xa
{
    my ($sql) = @_;
    my ($code, $out, $err) = $my->mariadb($sql, db => 'void');
    fail('not run at the source') or diag $err if $code;
    return;
}
xa(q{XA START 'p', 'q', 7; INSERT INTO i VALUES (40, 1); UPDATE i SET v = 41 WHERE id = 2; INSERT INTO hashed VALUES (40, 'xa', 'xa', 'xa'); XA END 'p', 'q', 7; XA PREPARE 'p', 'q', 7});
xa(q{XA START 'never'; INSERT INTO i VALUES (43, 1); XA END 'never'; XA PREPARE 'never'});
$my->sql('INSERT INTO void.m VALUES (40, 1)');
$task->catch_up(30);
is($pg->value('SELECT count(*) FROM void.i WHERE id >= 40'), 0, 'rows of a prepared transaction are not seen');
paused();
$my->sql('FLUSH BINARY LOGS; INSERT INTO void.m VALUES (41, 1)');
go_on();
like($task->get('applied_position'), qr/\@mariadb-bin/, 'the position has the transactions that are prepared');
step('XA COMMIT after the task has been stopped', q{XA COMMIT 'p', 'q', 7; XA ROLLBACK 'never'; INSERT INTO i VALUES (42, 1)});
unlike($task->get('applied_position'), qr/\@/, 'and none that have ended');

for my $end ("XA PREPARE 's'; XA COMMIT 's'", "XA COMMIT 's' ONE PHASE")
{
    step("ROLLBACK TO in an XA transaction, $end", q{
        XA START 's'; INSERT INTO i VALUES (45, 1); SAVEPOINT a; INSERT INTO i VALUES (46, 1); UPDATE i SET v = v + 100;
        CREATE TEMPORARY TABLE tx (id int); ROLLBACK TO a; INSERT INTO i VALUES (47, 1); DROP TEMPORARY TABLE tx; XA END 's';} . " $end;" . q{
        INSERT INTO i VALUES (48, 1); DELETE FROM i WHERE id BETWEEN 45 AND 48});
}

step('hidden columns of long unique indexes', q{
    INSERT INTO hashed VALUES (1, 'b', 't', 'w'), (2, NULL, NULL, NULL); UPDATE hashed SET b = 'bb', w = REPEAT('w', 999) WHERE id = 1;
    SET SESSION binlog_row_image = MINIMAL; UPDATE hashed SET t = 'min' WHERE id = 2; DELETE FROM hashed WHERE id = 1});
step('COMPRESSED columns', q{
    INSERT INTO packed VALUES (1, REPEAT('v', 500), REPEAT('b', 100000), REPEAT('é', 3000)), (2, '', '', ''), (3, NULL, NULL, NULL), (4, 'short', 'short', 'short');
    UPDATE packed SET v = REPEAT('w', 400), b = NULL WHERE id = 1; UPDATE packed SET b = REPEAT(0x00FF, 5000) WHERE id > 1; DELETE FROM packed WHERE id = 4});
step('temporal formats of before 10.1', q{SET sql_mode = '';
    INSERT INTO old_times VALUES (1, '12:34:56.789', '00:00:00.000001', '2024-02-29 12:34:56.78', '9999-12-31 23:59:59.999999', '2024-02-29 12:34:56.789', '2037-12-31 03:14:07.999999', '2024-02-29 12:34:56'),
      (2, '23:59:59.999', '23:59:59.999999', '0000-00-00', '0001-01-01 00:00:00.000001', '0000-00-00', NULL, '0000-00-00');
    UPDATE old_times SET t = '00:00:00.001' WHERE id = 2});

# A transaction that the source had not finished writing when it died: the
# last event, its COMMIT, is cut off.
sub cut_last_event
{
    my ($path) = @_;
    my ($at, $last) = (4, 4);
    open my $f, '+<:raw', $path or die "$path: $!";
    my $bytes = do { local $/; <$f> };
    while ($at + 19 <= length $bytes)
    {
        $last = $at;
        $at += unpack('V', substr($bytes, $at + 9, 4));
    }
    truncate($f, $last) or die "truncate: $!";
    close $f;
    return;
}
$my->sql('INSERT INTO void.i VALUES (50, 1); FLUSH BINARY LOGS; INSERT INTO void.i VALUES (51, 1)');
$task->catch_up(30);
paused();
$my->sql('INSERT INTO void.i VALUES (52, 1); INSERT INTO void.m VALUES (60, 1), (61, 1)');
$my->kill9;
my ($log) = reverse sort grep { !/\.idx$/ } glob("$my->{data}/mariadb-bin.[0-9]*");
cut_last_event($log);
$my->start;
$my->sql('REPAIR TABLE void.m; SET sql_log_bin = 0; DELETE FROM void.m WHERE id IN (60, 61)');
$my->sql('INSERT INTO void.m VALUES (62, 1)');
go_on();
step('a transaction without an end', 'INSERT INTO i VALUES (53, 1)');

# Logs that are gone.
paused();
my $lost = $pg->value("SELECT applied_position FROM dtsmig.tasks WHERE name = 'void'");
$my->sql('FLUSH BINARY LOGS; INSERT INTO void.i VALUES (70, 1); FLUSH BINARY LOGS');
my ($status) = $my->rows('SHOW MASTER STATUS');
# not while somebody reads one, or commits in it are not yet in InnoDB's log
ok(poll_until(sub {
    $my->sql("PURGE BINARY LOGS TO '$status->[0]'");
    return 1 == scalar(my @logs = $my->rows('SHOW BINARY LOGS'));
}, 60, 0.5), 'the logs are gone');
$task->resume;
ok($task->wait_status('failed', 30), 'a purged log stops the task') or diag $task->report;
my ($file, $offset) = $lost =~ /^([^:]+):(\d+)/;
like($task->last_error, qr/\Q$file\E.*position \Q$offset\E/, 'the error names the first lost position');
like($task->get('last_error_hint'), qr/full load/, 'and what to do');

# Logs of the same name that are others.
$my->sql('CREATE DATABASE other; CREATE TABLE other.t (id int PRIMARY KEY)');
my $other = Dts::Task->new($my, $pg, name => 'other', db => 'other');
$other->start->wait_for('incremental', 60);
$my->sql('INSERT INTO other.t VALUES (1)');
$other->catch_up(30);
$other->pause;
$other->wait_status('paused', 30);
my ($was) = $my->rows('SHOW MASTER STATUS');
$my->sql('RESET MASTER');
for (1 .. 20)
{
    last if ($my->rows('SHOW MASTER STATUS'))[0][0] eq $was->[0];
    $my->sql('FLUSH BINARY LOGS');
}
for (1 .. 200)
{
    last if ($my->rows('SHOW MASTER STATUS'))[0][1] > $was->[1] + 1000;
    $my->sql("INSERT INTO other.t VALUES (1000 + $_)");
}
is(($my->rows('SHOW MASTER STATUS'))[0][0], $was->[0], 'a log of the same name');
$other->resume;
# until its worker has begun a task is retrying, too
ok(poll_until(sub { $other->last_error =~ /not the one that has been read|reading the log/ }, 30), 'logs that were reset are said');
ok($other->wait_status('failed|retrying', 5), 'and stop the task') or diag $other->report;

# Where an event of the other log ends at the same place; and one that ends before the place.
for my $case ([ join(':', @{ ($my->rows('SHOW MASTER STATUS'))[0] }[ 0, 1 ]) . ';0-101-99999', qr/binary log "\Q$was->[0]\E" of server .* is not the one that has been read up to position \d+/ ],
    [ "$was->[0]:999999999;", qr/position 999999999 is past the end of binary log "\Q$was->[0]\E"/ ])
{
    my ($place, $error) = @$case;
    $pg->sql("UPDATE dtsmig.task_position SET applied_position = '$place' WHERE task_id = $other->{id}");
    $other->resume;
    ok(poll_until(sub { ($other->last_error // '') =~ $error && $other->status eq 'failed' }, 30), "$place: stops the task, too") or diag $other->report;
}
done_testing();
