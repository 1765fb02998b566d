# Tables of a PostgreSQL source that exchange their names, pass them on, or move
# to another schema, where some of them are copied after that and the log has
# yet to report it: while the task copies, with a pause between, and when they are
# copied again. All have the same columns, so that rows of one would fit into
# the other.
use strict;
use warnings;
use Test::More;
use Dts::Env qw(poll_until);
use Dts::PgSource qw(pg_difference pg_pair same_pg_tables);
use Dts::Task;

my ($src, $pg) = pg_pair();

# Of each kind two tables: one that is read first (its rows are long) and one
# that is read last.
my @kinds = qw(swap both late chain chain2 moved made turn whole);

sub make
{
    my ($db, $long) = @_;
    $src->sql("CREATE DATABASE $db");
    my $sql = "CREATE SCHEMA c; CREATE SCHEMA d; CREATE SCHEMA w;\n";
    $sql .= "CREATE TABLE c.big (id int PRIMARY KEY, v text); INSERT INTO c.big SELECT g, repeat('b', 100) FROM generate_series(1, 10000) g;\n";
    for my $kind (@kinds)
    {
        for my $n (1, 2)
        {
            my $table = ($kind eq 'whole' ? 'w' : 'c') . ".$kind$n";
            my $early = $kind eq 'both' || ($n == 1 && $kind ne 'late');
            $sql .= "CREATE TABLE $table (id int PRIMARY KEY, v text); ALTER TABLE $table ALTER v SET STORAGE EXTERNAL; INSERT INTO $table SELECT g, '$table' || repeat('x', " . ($early ? $long : 10) . ") FROM generate_series(1, 8) g;\n";
        }
    }
    $src->sql($sql, db => $db);
}

# Every statement a transaction of its own, but for the swap, with rows between.
sub change
{
    my ($db) = @_;
    my $swap = sub { my ($a, $b) = @_; "ALTER TABLE c.$a RENAME TO x; ALTER TABLE c.$b RENAME TO $a; UPDATE c.$a SET v = 'between' WHERE id = 3; INSERT INTO c.x VALUES (50, 'x'); ALTER TABLE c.x RENAME TO $b;" };
    my $sql = "INSERT INTO c.swap1 VALUES (20, 'before 1'); INSERT INTO c.swap2 VALUES (20, 'before 2'); DELETE FROM c.late1 WHERE id = 1; DELETE FROM c.late2 WHERE id = 2;\n";
    $sql .= 'BEGIN; ' . $swap->('swap1', 'swap2') . " COMMIT;\n" . $swap->('late1', 'late2') . "\n" . $swap->('both1', 'both2') . "\n";
    # there and back, and in between
    $sql .= $swap->('turn1', 'turn2') . "UPDATE c.turn1 SET v = 'turned' WHERE id = 4; " . $swap->('turn2', 'turn1') =~ s/50/51/r . "\n";
    $sql .= "ALTER TABLE c.chain1 RENAME TO chain0; ALTER TABLE c.chain2 RENAME TO chain1; INSERT INTO c.chain1 VALUES (60, 'was 2'); ALTER TABLE c.chain21 RENAME TO chain2; INSERT INTO c.chain2 VALUES (60, 'was 21'); DELETE FROM c.chain0 WHERE id = 5; ALTER TABLE c.chain22 RENAME TO chain21;\n";
    $sql .= "ALTER TABLE c.moved1 SET SCHEMA d; ALTER TABLE c.moved2 RENAME TO moved1; ALTER TABLE d.moved1 RENAME TO moved2; ALTER TABLE d.moved2 SET SCHEMA c; INSERT INTO c.moved2 VALUES (70, 'was 1'); UPDATE c.moved1 SET v = 'was 2' WHERE id = 6; ALTER TABLE c.moved1 SET SCHEMA d;\n";
    $sql .= "DROP TABLE c.made1; CREATE TABLE c.made1 (id int PRIMARY KEY, v text); INSERT INTO c.made1 VALUES (1, 'new'); ALTER TABLE c.made2 RENAME TO made3; CREATE TABLE c.made2 (id int PRIMARY KEY, v text); INSERT INTO c.made2 VALUES (2, 'new'); UPDATE c.made3 SET v = 'old' WHERE id = 7;\n";
    $sql .= "ALTER SCHEMA w RENAME TO w2; ALTER TABLE w2.whole1 RENAME TO x; ALTER TABLE w2.whole2 RENAME TO whole1; ALTER TABLE w2.x RENAME TO whole2; INSERT INTO w2.whole1 VALUES (80, 'was 2');\n";
    $src->sql($sql, db => $db);
}

# Rows after all that, which go where the names say.
sub more
{
    my ($db) = @_;
    $src->sql(join('', map { "INSERT INTO $_ VALUES (90, 'after'); DELETE FROM $_ WHERE id = 8;\n" }
          qw(c.swap1 c.swap2 c.late1 c.late2 c.both1 c.both2 c.turn1 c.turn2 c.chain0 c.chain1 c.chain2 c.chain21 c.moved2 d.moved1 c.made1 c.made2 c.made3 w2.whole1 w2.whole2)), db => $db);
}

sub tables_are_equal
{
    my ($task, $db, $what) = @_;
    ok(eval { $task->wait_for('incremental', 90); $task->catch_up(60); 1 }, "$what: the task goes on") or diag $@;
    ok(poll_until(sub { ($pg->try_value("SELECT count(*) FROM dtsmig.task_tables WHERE task = '$db' AND state <> 'ready'") // '') eq '0' }, 60), "$what: all are copied") or diag $task->report;
    ok(eval { $task->catch_up(60); 1 }, "$what: caught up") or diag $@;
    same_pg_tables($src, $pg, "$what: equal", schemas => [qw(c d w2)], db => $db) or diag $task->report;
    is($pg->value("SELECT count(*) FROM dtsmig.task_log WHERE task = '$db' AND severity = 'error'"), 0, "$what: without an error");
    $task->release;
    $task->drop;
    $pg->sql('DROP SCHEMA c CASCADE; DROP SCHEMA d CASCADE; DROP SCHEMA w2 CASCADE');
}

for my $round (qw(copying paused))
{
    make($round, 250000);
    my $task = Dts::Task->new($src, $pg, name => $round, db => $round, options => { rows_per_range => 1000, throttle_full_rows => 400, copy_workers => 2 });
    $task->start;
    ok(poll_until(sub { ($pg->try_value("SELECT count(*) FROM dtsmig.task_tables WHERE task = '$round' AND rows_copied > 0") // 0) == 10 }, 60), "$round: the copy has begun") or diag $task->report;
    is($pg->value("SELECT string_agg(source_table, ' ' ORDER BY source_table) FROM dtsmig.task_tables WHERE task = '$round' AND rows_copied > 0"), 'big both1 both2 chain1 chain21 made1 moved1 swap1 turn1 whole1', "$round: some are copied, others are not");
    if ($round eq 'paused')
    {
        $task->pause;
        ok($task->wait_status('paused'), "$round: it is");
    }
    change($round);
    is($task->phase, 'full', "$round: it was during the copy");
    $pg->sql("SELECT dtsmig.alter_task('$round', '{\"throttle_full_rows\": 0}')");
    $task->resume if $round eq 'paused';
    more($round);
    tables_are_equal($task, $round, $round);
}

# one of two is copied again, the other, both, or all
my %again = (one => [1], two => [2], every => [ 1, 2 ]);
for my $round (sort keys %again)
{
    make($round, 10);
    my $task = Dts::Task->new($src, $pg, name => $round, db => $round);
    $task->start->wait_for('incremental', 90);
    $task->pause;
    ok($task->wait_status('paused'), "$round: paused");
    change($round);
    for my $kind (@kinds)
    {
        my $schema = $kind eq 'whole' ? 'w' : 'c';
        $pg->sql("SELECT dtsmig.resync_table('$round', '$schema.$kind$_')") for @{ $again{$round} };
    }
    $task->resume;
    more($round);
    tables_are_equal($task, $round, $round);
}

# a row that is repaired is not taken from another table
make('repair', 10);
my $task = Dts::Task->new($src, $pg, name => 'repair', db => 'repair');
$task->start->wait_for('incremental', 90);
$pg->sql("UPDATE c.swap1 SET v = 'other' WHERE id = 2");
is($pg->value("SELECT count(*) FROM dtsmig.verify('repair', tables => '{c.swap1,c.swap2}')"), 1, 'repair: a row differs');
$task->pause;
ok($task->wait_status('paused'), 'repair: paused');
change('repair');
$pg->sql("SELECT dtsmig.repair('repair')");
$task->resume;
more('repair');
ok(eval { $task->wait_for('incremental', 90); $task->catch_up(60); 1 }, 'repair: the task goes on') or diag $@;
is(($src->value('SELECT v FROM c.swap2 WHERE id = 2', db => 'repair')), 'c.swap1xxxxxxxxxx', 'repair: what the row is');
isnt($pg->value('SELECT v FROM c.swap2 WHERE id = 2'), 'c.swap2xxxxxxxxxx', 'repair: it is no row of the other table');
like($pg->value("SELECT message || ': ' || detail FROM dtsmig.task_log WHERE task = 'repair' AND message LIKE 'rows could not be repaired%'"), qr/another than in the snapshot.*given its name to another/, 'repair: why not');
$pg->sql("SELECT count(*) FROM dtsmig.verify('repair')");
$pg->sql("SELECT dtsmig.repair('repair')");
ok(poll_until(sub { ($pg->try_value('SELECT v FROM c.swap2 WHERE id = 2') // '') eq 'c.swap1xxxxxxxxxx' }, 60), 'repair: it is had afterwards') or diag $task->report;
tables_are_equal($task, 'repair', 'repair');

# statements that the capture did not see: the user has one table copied again
# and is made to do so with the other, or both, and each is followed under its
# new name
for my $round (qw(unseen1 unseen2))
{
    make($round, 10);
    $task = Dts::Task->new($src, $pg, name => $round, db => $round);
    $task->start->wait_for('incremental', 90);
    $src->sql("SET session_replication_role = replica; BEGIN; ALTER TABLE c.swap1 RENAME TO x; ALTER TABLE c.swap2 RENAME TO swap1; ALTER TABLE c.x RENAME TO swap2; COMMIT", db => $round);
    $src->sql("INSERT INTO c.swap1 VALUES (30, 'was 2'); INSERT INTO c.swap2 VALUES (30, 'was 1')", db => $round);
    ok($task->wait_status('failed', 60), "$round: stops the task") or diag $task->report;
    $pg->sql("SELECT dtsmig.resync_table('$round', 'c.swap1')");
    if ($round eq 'unseen1')
    {
        $task->resume;
        ok(poll_until(sub { ($pg->try_value("SELECT last_error FROM dtsmig.tasks WHERE name = '$round' AND status = 'failed'") // '') =~ /"c.swap2" at the source is not the one/ }, 60), "$round: the other table is named") or diag $task->report;
    }
    $pg->sql("SELECT dtsmig.resync_table('$round', 'c.swap2')");
    $task->resume->wait_for('incremental', 60);
    $src->sql("INSERT INTO c.swap1 VALUES (31, 'was 2'); DELETE FROM c.swap2 WHERE id = 1", db => $round);
    ok(poll_until(sub { ($pg->try_value("SELECT string_agg(source_table, ' ' ORDER BY target_table) FROM dtsmig.task_tables WHERE task = '$round' AND target_table LIKE 'swap_' AND state = 'ready'") // '') eq 'swap2 swap1' }, 60), "$round: both have their names") or diag $task->report;
    ok(eval { $task->catch_up(60); 1 }, "$round: caught up") or diag $@;
    is(pg_difference($src, 'c.swap1', $pg, 'c.swap2', db => $round), '', "$round: equal");
    is(pg_difference($src, 'c.swap2', $pg, 'c.swap1', db => $round), '', "$round: the other, too");
    $task->release;
    $task->drop;
    $pg->sql('DROP SCHEMA c CASCADE; DROP SCHEMA d CASCADE; DROP SCHEMA w CASCADE');
}
$pg->stop;
$src->stop;
done_testing();
