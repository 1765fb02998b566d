# Tables that are selected by their names, and that the source renames to names
# which are not: two exchange their names through a third one, a table is put
# aside and made again. And tables that the source has no more, whatever the log
# has them: they leave the task.
#
# dts-runs: mariadb, mysql-9.7
use strict;
use warnings;
use Test::More;
use Dts::Compare qw(same_table);
use Dts::Env qw(poll_until);
use Dts::Task qw(server_pair);

my ($my, $pg) = server_pair();
$my->sql(join '', 'CREATE DATABASE l; USE l;', map { "CREATE TABLE $_ (id int NOT NULL AUTO_INCREMENT, v varchar(20), PRIMARY KEY (id), KEY v (v)); INSERT INTO $_ (v) VALUES ('$_ 1'), ('$_ 2'), ('$_ 3');" } qw(a b c d e log));
my $task = Dts::Task->new($my, $pg, name => 'l', db => 'l', objects => [ map { { schema => 'l', table => $_ } } qw(a b c d e log) ]);
$task->start->wait_for('incremental', 60);

sub change
{
    my ($what, $sql, @tables) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    $my->sql($sql, db => 'l');
    ok(eval { $task->catch_up(60); 1 }, "$what: followed") or return diag $@;
    ok(poll_until(sub { $pg->value("SELECT count(*) FROM dtsmig.task_tables WHERE task = 'l' AND state <> 'ready'") == 0 }, 60), "$what: nothing waits") or diag $task->report;
    $task->catch_up(60);
    same_table($my, "l.$_", $pg, "l.$_", "$what: $_") for @tables;
}

# --- two names that change places
change('one statement', "INSERT INTO a (v) VALUES ('before'); RENAME TABLE a TO tmp, b TO a, tmp TO b; INSERT INTO a (v) VALUES ('was b'); UPDATE b SET v = 'was a' WHERE id = 1; DELETE FROM b WHERE id = 2", qw(a b));
is($pg->value("SELECT count(*) FROM dtsmig.task_log WHERE task = 'l' AND (severity <> 'info' OR message LIKE '%copied again%')"), 0, 'one statement: neither a warning nor a copy');
is($pg->value("SELECT string_agg(tablename, ' ' ORDER BY tablename) FROM pg_tables WHERE schemaname = 'l'"), 'a b c d e log', 'one statement: nothing is left over');
change('three statements', "RENAME TABLE c TO tmp; RENAME TABLE d TO c; INSERT INTO c (v) VALUES ('was d'); RENAME TABLE tmp TO d; INSERT INTO d (v) VALUES ('was c'); DELETE FROM d WHERE id = 3", qw(c d));
change('with ALTER TABLE', "ALTER TABLE c RENAME TO tmp; ALTER TABLE d RENAME TO c, ADD x int; INSERT INTO c (v, x) VALUES ('y', 1); ALTER TABLE tmp RENAME TO d; UPDATE d SET v = 'z'", qw(c d));
change('again', 'RENAME TABLE a TO tmp; RENAME TABLE b TO a; RENAME TABLE tmp TO b; UPDATE a SET v = NULL WHERE id = 1', qw(a b));

change('away and back', "RENAME TABLE a TO tmp; RENAME TABLE tmp TO a; INSERT INTO a (v) VALUES ('back')", 'a');

# --- put aside, and made again, with types and functions of its columns' names
for my $month (1, 2, 3)
{
    my $new = "label$month";
    change("put aside $month", "RENAME TABLE log TO log_$month; CREATE TABLE log (id int NOT NULL AUTO_INCREMENT, v varchar(20), n int, e enum('a', '$new'), m timestamp NULL ON UPDATE CURRENT_TIMESTAMP, PRIMARY KEY (id), KEY v (v)); INSERT INTO log (v, n, e) VALUES ('month $month', $month, '$new')", 'log');
}
is($pg->value("SELECT string_agg(enum_range(NULL::l.log_e)::text || e, ' ') FROM l.log"), '{a,label3}label3', 'the type is that of the new table');
is($pg->value("SELECT enum_range(NULL::l_left3.log_e)::text || e FROM l_left3.log"), '{a,label2}label2', 'what was put aside has its own');
is($pg->value("SELECT count(*) FROM l_left.log"), 3, 'what was put aside is in a schema of its own');
is($pg->value("SELECT count(*) FROM l_left2.log"), 1, 'and what was put aside later in another');
is($pg->value("SELECT count(*) FROM dtsmig.task_log WHERE task = 'l' AND severity = 'warning' AND message LIKE 'table l.log at the destination is moved to schema l_left%'"), 3, 'which the log says');

# --- somebody else's table in the way is not moved
$my->sql('RENAME TABLE e TO e_old', db => 'l');
$task->catch_up;
$pg->sql('DROP TABLE l.e; CREATE TABLE l.e (mine int)');
$pg->sql("UPDATE dtsmig.task SET left_tables = array_remove(left_tables, 'l.e')");
$my->sql('CREATE TABLE e (id int PRIMARY KEY)', db => 'l');
ok($task->wait_status('failed', 60), 'a table of somebody else stops the task');
like($task->last_error, qr/CREATE TABLE e/, 'at the statement');
$pg->sql('DROP TABLE l.e');
$task->resume->wait_for('incremental', 60);
change('without it', 'INSERT INTO e VALUES (1)', 'e');

# --- tables that the source has no more
my $all = Dts::Task->new($my, $pg, name => 'all', db => 'l', objects => [ { schema => 'l', target_schema => 'm' } ])->start;
$all->wait_for('incremental', 60);
$all->pause;
$my->sql("RENAME TABLE a TO q1; RENAME TABLE q1 TO q2; DROP TABLE q2; CREATE TABLE n1 (id int PRIMARY KEY) SELECT 1 AS id; RENAME TABLE n1 TO n2; RENAME TABLE n2 TO n3; DROP TABLE n3; " . ($my->{mysql} ? '' : 'RENAME TABLE IF EXISTS nowhere TO nowhere2, b TO b2; '), db => 'l');
$pg->sql("SELECT dtsmig.resync_table('all', 'l.a')");
$all->resume->wait_for('incremental', 60);
$all->catch_up;
ok(poll_until(sub { $pg->value("SELECT count(*) FROM dtsmig.task_tables WHERE task = 'all' AND state <> 'ready'") == 0 }, 60), 'no table waits for what the source has no more') or diag $all->report;
is($pg->value("SELECT count(*) FROM dtsmig.task_tables WHERE task = 'all' AND source_table ~ '^(a|q|n|nowhere)'"), 0, 'they have left the task');
is($pg->value("SELECT string_agg(kind, ' ') FROM dtsmig.alerts WHERE task = 'all' AND cleared_at IS NULL"), '', 'no alert');
$my->sql('INSERT INTO c (v) VALUES (NULL); CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (5)', db => 'l');
$all->catch_up;
same_table($my, 'l.c', $pg, 'm.c', 'the others go on');
same_table($my, 'l.a', $pg, 'm.a', 'the name is free for another table');

# --- dropped while others are copied: what was to be made of it is not wanted any more
$my->sql("CREATE DATABASE f; USE f; CREATE TABLE big (id int PRIMARY KEY, v varchar(100)); CREATE TABLE gone (id int NOT NULL AUTO_INCREMENT PRIMARY KEY, e enum('a', 'b'), KEY e (e)); INSERT INTO gone VALUES (5, 'a'); INSERT INTO big VALUES "
  . join(', ', map { "($_, REPEAT('x', 90))" } 1 .. 3000));
my $full = Dts::Task->new($my, $pg, name => 'f', db => 'f', options => { enum => 'text', copy_workers => 1, throttle_full_rows => 1000, rows_per_range => 1000 })->start;
ok(poll_until(sub { ($pg->try_value("SELECT max(rows_copied) FROM dtsmig.task_tables WHERE task = 'f'") // 0) > 0 }, 60), 'dropped during the copy: it has begun');
$my->sql('DROP TABLE gone', db => 'f');
ok(eval { $full->wait_for('incremental', 60); 1 }, 'dropped during the copy: the task goes on') or diag $full->report;
is($pg->value("SELECT count(*) FROM dtsmig.task_objects WHERE task = 'f' AND name LIKE 'gone%'"), 0, 'dropped during the copy: nothing waits to be made');
same_table($my, 'f.big', $pg, 'f.big', 'dropped during the copy: the other table');
done_testing();
