# Each error that stops a task of a PostgreSQL source has the SQL to go on in its
# hint: here stops are made to happen, and what the hint says is run as it stands
# there. Tables moved or dropped by statements that were not captured.
use strict;
use warnings;
use Test::More;
use Dts::Env qw(poll_until);
use Dts::PgSource qw(pg_pair pg_difference);
use Dts::Task;

my ($src, $pg) = pg_pair();
my @tables = qw(miss ck alt ren pub ddl);
$src->sql("CREATE DATABASE w");
$src->sql(join('', "CREATE SCHEMA w; CREATE SCHEMA other;\n", map { "CREATE TABLE w.$_ (id int PRIMARY KEY, v int); INSERT INTO w.$_ SELECT g, g FROM generate_series(1, 3) g;\n" } @tables, qw(moved gone)), db => 'w');
my $task = Dts::Task->new($src, $pg, name => 'ways', db => 'w');
$task->start->wait_for('incremental', 60);

sub same
{
    my ($name, @names) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    for my $t (@names)
    {
        my ($there, $here) = ref $t ? @$t : ($t, $t);
        my $sql = 'SELECT coalesce(string_agg(t::text, E\'\n\' ORDER BY t::text), \'\') FROM %s t';
        is($pg->value(sprintf $sql, $here), $src->value(sprintf($sql, $there), db => 'w'), "$name: $here");
    }
}
sub ready { my $name = $_[0]->{name}; return poll_until(sub { ($pg->try_value("SELECT count(*) FROM dtsmig.task_tables WHERE task = '$name' AND state <> 'ready'") // '') eq '0' }, 60); }
sub detail { my ($t) = @_; return $pg->value("SELECT detail FROM dtsmig.task_log WHERE task = '$t->{name}' AND severity = 'error' ORDER BY logged_at DESC LIMIT 1"); }
sub calls { my ($hint) = @_; return $hint =~ /\b(SELECT dtsmig\.\w+\('ways'(?:, '(?:[^']|'')*')?\);|ALTER TABLE [^;…]+;)/g; }

sub stops
{
    my ($name, %c) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    $pg->sql($c{before}) if $c{before};
    $src->sql($c{source}, db => 'w');
    ok($task->wait_status('failed', 60), "$name: the task stops") or return diag $task->report;
    like($task->last_error, $c{error}, "$name: what");
    is($task->get('last_error_sqlstate'), $c{state}, "$name: SQLSTATE");
    like(detail($task), $c{where}, "$name: where") if $c{where};
    my $hint = $task->get('last_error_hint');
    my @calls = grep { my $call = $_; grep { $call =~ /\b$_\b/ } @{ $c{way} } } calls($hint);
    is(scalar @calls, scalar @{ $c{way} }, "$name: the hint has @{ $c{way} }") or return diag $hint;
    $src->sql($c{correct}, db => 'w') if $c{correct};
    $pg->sql($c{here}) if $c{here};
    $pg->sql($_) for @calls;
    ok($task->wait_status('running', 60) && ready($task), "$name: the task goes on") or return diag $task->report;
    ok(eval { $task->catch_up(60); 1 }, "$name: and catches up") or return diag $@;
    same($name, @{ $c{tables} });
}
my @again = (way => [qw(resync_table resume_task)]);
my $uncaptured = 'SET session_replication_role = replica; %s; RESET session_replication_role; ';

stops('a row that is not here', before => 'DELETE FROM w.miss WHERE id = 1', source => 'UPDATE w.miss SET v = 9 WHERE id = 1', error => qr/row to update is not in table "w\.miss" at the destination/, state => 'P0002', where => qr/Row \(id\)=\(1\).*applying UPDATE to table "w\.miss"/s, @again, tables => ['w.miss']);
stops('a constraint of here', before => 'ALTER TABLE w.ck ADD CONSTRAINT small CHECK (v < 100)', source => 'INSERT INTO w.ck VALUES (7, 200)', error => qr/violates check constraint "small"/, state => '23514', way => ['DROP CONSTRAINT small', 'resume_task'], tables => ['w.ck']);
stops('a statement that cannot be done here', before => 'ALTER TABLE w.ddl ADD COLUMN x int', source => 'ALTER TABLE w.ddl ADD COLUMN x int; INSERT INTO w.ddl VALUES (7, 7, 7)', error => qr/a statement of the source cannot be replicated: ALTER TABLE w\.ddl/, state => '0A000', where => qr/already exists/, way => [qw(skip_change resume_task)], tables => ['w.ddl']);
stops('altered without the capture', source => sprintf($uncaptured, 'ALTER TABLE w.alt ADD COLUMN x int') . 'INSERT INTO w.alt VALUES (7, 7, 7)', error => qr/table "w\.alt" was altered at the source/, state => '55000', here => 'ALTER TABLE w.alt ADD COLUMN x int', @again, tables => ['w.alt']);
stops('renamed without the capture', source => sprintf($uncaptured, 'ALTER TABLE w.ren RENAME TO renamed') . 'INSERT INTO w.renamed VALUES (7, 7)', error => qr/table "w\.ren" is called "w\.renamed" at the source/, state => '55000', @again, tables => [ [ 'w.renamed', 'w.ren' ] ]);
my $publication = $src->value('SELECT pubname FROM pg_publication', db => 'w');
stops('taken out of the publication', source => "ALTER PUBLICATION \"$publication\" DROP TABLE w.pub; INSERT INTO w.pub VALUES (7, 7)", error => qr/publication ".*" at the source.* table "?w"?\."?pub/, state => '58P01', correct => "ALTER PUBLICATION \"$publication\" ADD TABLE ONLY w.pub", @again, tables => ['w.pub']);

# --- moved to another schema, and dropped
$src->sql(sprintf($uncaptured, 'ALTER TABLE w.moved SET SCHEMA other') . "INSERT INTO other.moved VALUES (7, 7)", db => 'w');
if ($task->wait_status('failed', 30))
{
    like($task->last_error, qr/is called "other\.moved"/, 'moved to another schema: what');
    $pg->sql($_) for calls($task->get('last_error_hint'));
}
else { $pg->sql("SELECT dtsmig.resync_table('ways', 'w.moved')"); }
ok($task->wait_status('running', 30) && ready($task), 'moved to another schema: it goes on') or diag $task->report;
$src->sql('INSERT INTO other.moved VALUES (8, 8)', db => 'w');
$task->catch_up;
same('moved to another schema', [ 'other.moved', 'w.moved' ]);
$src->sql(sprintf($uncaptured, 'DROP TABLE w.gone'), db => 'w');
$pg->sql("SELECT dtsmig.resync_table('ways', 'w.gone')");
ok(ready($task), 'dropped without the capture: nothing waits') or diag $task->report;
is($pg->value("SELECT count(*) FROM dtsmig.task_tables WHERE task = 'ways' AND source_table = 'gone'"), 0, 'dropped without the capture: it has left the task');
is($pg->value("SELECT count(*) FROM dtsmig.task_log WHERE task = 'ways' AND severity = 'warning' AND message LIKE '%\"gone\" is not followed any more'"), 1, 'and the log says so');

# --- a table that a statement filled is copied
$src->sql('CREATE TABLE w.made AS SELECT g AS id FROM generate_series(1, 300) g; ALTER TABLE w.made ADD PRIMARY KEY (id); UPDATE w.miss SET v = 77', db => 'w');
$task->catch_up;
ok(ready($task), 'a table that a statement filled is copied') or diag $task->report;
same('copied', 'w.made', 'w.miss');

done_testing();
