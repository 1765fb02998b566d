# Foreign keys' actions that the log does not have, except what is out of the
# ordinary: rows without a parent at the source, parents without a key.
#
# dts-runs: mariadb, mysql-9.7
# dts-deep-runs: mysql-5.6, mariadb-11.8
use strict;
use warnings;
use Test::More;
use Dts::Compare qw(same_database);
use Dts::Env qw(poll_until);
use Dts::Task qw(server_pair);

my ($my, $pg) = server_pair(kind => $ENV{DTS_KIND});
my $list = sub { my ($f) = @_; join ', ', map { $f->($_) } 1 .. 3000 };

# --- rows without a parent, and cascades while tables are copied
$my->sql('CREATE DATABASE o; USE o; SET foreign_key_checks = 0;
    CREATE TABLE g (id int PRIMARY KEY, c_id int, v varchar(40), FOREIGN KEY (c_id) REFERENCES c (id) ON DELETE CASCADE);
    CREATE TABLE n (id int PRIMARY KEY, c_id int, v varchar(40), FOREIGN KEY (c_id) REFERENCES c (id) ON DELETE SET NULL);
    CREATE TABLE p (id int PRIMARY KEY, v varchar(40));
    CREATE TABLE c (id int PRIMARY KEY, p_id int, v varchar(40), FOREIGN KEY (p_id) REFERENCES p (id) ON DELETE CASCADE);
    INSERT INTO p VALUES ' . $list->(sub { "($_[0], 'p')" }) . ';
    INSERT INTO c VALUES ' . $list->(sub { "($_[0], $_[0], 'c')" }) . ';
    INSERT INTO g VALUES ' . $list->(sub { "($_[0], $_[0], 'g')" }) . ';
    INSERT INTO n VALUES ' . $list->(sub { "($_[0], $_[0], 'n')" }) . ';
    INSERT INTO g VALUES (5001, 77777, \'orphan\'), (5002, 77778, \'orphan\'); INSERT INTO n VALUES (5001, 77777, \'orphan\');
    INSERT INTO c VALUES (5001, 99999, \'orphan\');');
# such keys cannot be made at the destination
$pg->sql('CREATE SCHEMA o; CREATE TABLE o.p (id int PRIMARY KEY, v varchar(40)); CREATE TABLE o.c (id int PRIMARY KEY, p_id int, v varchar(40)); CREATE TABLE o.g (id int PRIMARY KEY, c_id int, v varchar(40)); CREATE TABLE o.n (id int PRIMARY KEY, c_id int, v varchar(40));');
my $task = Dts::Task->new($my, $pg, name => 'o', db => 'o', types => [qw(full incremental)], options => { copy_workers => 1, rows_per_range => 1000, throttle_full_rows => 1500 })->start;
my $i = 0;
ok(poll_until(sub {
    return 0 if ($pg->try_value("SELECT coalesce(sum(rows_copied), 0) FROM dtsmig.task_tables") // 0) < 500;
    $i++;
    $my->sql("USE o; DELETE FROM p WHERE id = 10 * $i; DELETE FROM c WHERE id = 10 * $i + 5; INSERT INTO g VALUES (10000 + $i, 3000, 'new'); DELETE FROM p WHERE id = 3000 - 7 * $i;");
    return $i > 25 || $task->phase eq 'incremental';
}, 60, 0.1), "rows are deleted while tables are copied ($i times)");
$pg->sql("SELECT dtsmig.alter_task('o', '{\"throttle_full_rows\": 0}')");
sub same
{
    my ($what) = @_;
    ok(eval { $task->wait_for('incremental', 60); 1 }, "$what: it runs") or diag $@;
    ok(poll_until(sub { ($pg->try_value("SELECT count(*) FROM dtsmig.task_tables WHERE task = '$task->{name}' AND state <> 'ready'") // '') eq '0' }, 30), "$what: no table waits") or diag $task->report;
    ok(eval { $task->catch_up(60); 1 }, "$what: caught up") or diag $@;
    same_database($my, $task->{name}, $pg, $task->{name}, $what);
}
same('rows without a parent');
$my->sql('USE o; DELETE FROM p WHERE id < 1500; SET foreign_key_checks = 0; DELETE FROM c WHERE id > 2000; UPDATE g SET v = \'x\' WHERE id > 5000; DELETE FROM g WHERE id = 5002;');
same('and after');
$task->release;

# --- no orphan shows it: the row between gets its key again; and the task is
# --- stopped on the way
$my->sql('CREATE DATABASE r; USE r; SET foreign_key_checks = 0;
    CREATE TABLE g (id int PRIMARY KEY, c_id int, v varchar(40), FOREIGN KEY (c_id) REFERENCES c (id) ON DELETE CASCADE);
    CREATE TABLE p (id int PRIMARY KEY, v varchar(40));
    CREATE TABLE c (id int PRIMARY KEY, p_id int, v varchar(40), FOREIGN KEY (p_id) REFERENCES p (id) ON DELETE CASCADE);
    INSERT INTO p VALUES ' . $list->(sub { "($_[0], 'p')" }) . ';
    INSERT INTO c VALUES ' . $list->(sub { "($_[0], $_[0], 'c')" }) . ';
    INSERT INTO g VALUES ' . $list->(sub { "($_[0], $_[0], 'g')" }) . ';
    INSERT INTO g VALUES ' . join(', ', map { "($_, NULL, REPEAT('g', 40))" } 3001 .. 12000) . '; ANALYZE TABLE p, c, g;');
# g is the largest, and so the first to be copied; c has another snapshot
$task = Dts::Task->new($my, $pg, name => 'r', db => 'r', options => { copy_workers => 1, rows_per_range => 1000, throttle_full_rows => 2000, throttle_incremental_rows => 20, batch_delay => 0 })->start;
$i = 0;
ok(poll_until(sub {
    return 0 if ($pg->try_value("SELECT coalesce(sum(rows_copied), 0) FROM dtsmig.task_tables WHERE task = 'r'") // 0) < 500;
    $i++;
    $my->sql('USE r; ' . join ' ', map { "DELETE FROM p WHERE id = $_; INSERT INTO p VALUES ($_, 'again'); INSERT INTO c VALUES ($_, $_, 'again');" } 10 * $i, 3000 - 7 * $i);
    return $i > 25 || $task->phase eq 'incremental';
}, 60, 0.1), "keys come again while tables are copied ($i times)");
$pg->sql("SELECT dtsmig.alter_task('r', '{\"throttle_full_rows\": 0}')");
ok(poll_until(sub { ($pg->try_value("SELECT changes FROM dtsmig.task_position p JOIN dtsmig.task t USING (task_id) WHERE task_name = 'r'") // 0) > 10 }, 60, 0.05), 'some of them are applied');
$task->pause;
$pg->sql("SELECT dtsmig.alter_task('r', '{\"throttle_incremental_rows\": 0}')");
$task->resume;
same('keys that come again');
$task->release;

# --- a parent without a key, of which a part of the row is logged
$my->sql('CREATE DATABASE k; USE k; CREATE TABLE p (code int, v varchar(20), w int, UNIQUE KEY (code)); INSERT INTO p VALUES (1, \'one\', 1), (2, \'two\', 2), (NULL, \'none\', 3), (NULL, \'none\', 3);
    CREATE TABLE c (id int PRIMARY KEY, code int, FOREIGN KEY (code) REFERENCES p (code) ON UPDATE CASCADE ON DELETE CASCADE); INSERT INTO c VALUES (1, 1), (2, 2), (3, 2);');
$task = Dts::Task->new($my, $pg, name => 'k', db => 'k')->start;
$task->wait_for('incremental', 60);
for my $image (qw(MINIMAL NOBLOB FULL))
{
    $my->sql("SET SESSION binlog_row_image = $image; USE k; UPDATE p SET code = code + 10 WHERE code = 1 OR code = 11 OR code = 21; UPDATE p SET w = w + 1; UPDATE p SET code = code + 100 ORDER BY code DESC; UPDATE p SET code = code - 100 ORDER BY code; UPDATE p SET v = 'x' WHERE code IS NULL LIMIT 1");
    same("a parent without a key, $image");
}
done_testing();
