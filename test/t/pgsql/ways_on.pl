# Each error that stops a task of a PostgreSQL source has the SQL to go on in its
# hint: here stops are made to happen, and what the hint says is run as it stands
# there. Tables moved or dropped by statements that were not captured.
use strict;
use warnings;
use Test::More;
use Dts::Env qw(poll_until);
use Dts::PgSource qw(pg_pair);
use Dts::Stops;
use Dts::Task;

my ($src, $pg) = pg_pair();
my @tables = qw(miss ck alt ren pub ddl drp vw gone_view);
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
my $stops = Dts::Stops->new($task, source => sub { $src->sql($_[0], db => 'w') }, same => \&same);
sub stops { local $Test::Builder::Level = $Test::Builder::Level + 1; return $stops->stop(@_); }
my @again = (way => [qw(resync_table resume_task)]);
my @resume = (way => ['resume_task']);
my $uncaptured = 'SET session_replication_role = replica; %s; RESET session_replication_role; ';

stops('a row that is not here', before => 'DELETE FROM w.miss WHERE id = 1', source => 'UPDATE w.miss SET v = 9 WHERE id = 1', error => qr/row to update is not in table "w\.miss" at the destination/, state => 'P0002', where => qr/Row \(id\)=\(1\).*applying UPDATE to table "w\.miss"/s, @again, tables => ['w.miss']);
stops('a constraint of the destination', before => 'ALTER TABLE w.ck ADD CONSTRAINT small CHECK (v < 100)', source => 'INSERT INTO w.ck VALUES (7, 200)', error => qr/violates check constraint "small"/, state => '23514', way => ['DROP CONSTRAINT small', 'resume_task'], tables => ['w.ck']);
stops('a statement that cannot be done here', before => 'ALTER TABLE w.ddl ADD COLUMN x int', source => 'ALTER TABLE w.ddl ADD COLUMN x int; INSERT INTO w.ddl VALUES (7, 7, 7)', error => qr/a statement of the source cannot be replicated: ALTER TABLE w\.ddl/, state => '0A000', where => qr/already exists/, way => [qw(skip_change resume_task)], tables => ['w.ddl']);
stops('a table that was dropped here', before => 'DROP TABLE w.drp', source => 'INSERT INTO w.drp VALUES (7, 7)', error => qr/table .*w.*drp.*(?:does not exist|was dropped) at the destination|table with OID \d+ was dropped/, state => '42P01', here => 'CREATE TABLE w.drp (id int PRIMARY KEY, v int)', @again, tables => ['w.drp']);
stops('a view in the way of ALTER', before => 'CREATE VIEW public.mine AS SELECT v FROM w.vw', source => "ALTER TABLE w.vw ALTER v TYPE text; INSERT INTO w.vw VALUES (7, 'x')", error => qr/a statement of the source cannot be replicated: ALTER TABLE w\.vw/, state => '0A000', where => qr/view|rule/, here => 'DROP VIEW public.mine', @resume, tables => ['w.vw']);
stops('a view in the way of DROP', before => 'CREATE VIEW public.mine AS SELECT v FROM w.gone_view', source => 'DROP TABLE w.gone_view; CREATE TABLE w.gone_view (id int PRIMARY KEY); INSERT INTO w.gone_view VALUES (9)', error => qr/a statement of the source cannot be replicated: DROP TABLE/, state => '0A000', where => qr/depend|mine/, here => 'DROP VIEW public.mine', @resume, tables => ['w.gone_view']);
stops('altered without the capture', source => sprintf($uncaptured, 'ALTER TABLE w.alt ADD COLUMN x int') . 'INSERT INTO w.alt VALUES (7, 7, 7)', error => qr/table "w\.alt" was altered at the source/, state => '55000', here => 'ALTER TABLE w.alt ADD COLUMN x int', @again, tables => ['w.alt']);
stops('renamed without the capture', source => sprintf($uncaptured, 'ALTER TABLE w.ren RENAME TO renamed') . 'INSERT INTO w.renamed VALUES (7, 7)', error => qr/table "w\.ren" is called "w\.renamed" at the source/, state => '55000', @again, tables => [ [ 'w.renamed', 'w.ren' ] ]);
my $publication = $src->value('SELECT pubname FROM pg_publication', db => 'w');
stops('taken out of the publication', source => "ALTER PUBLICATION \"$publication\" DROP TABLE w.pub; INSERT INTO w.pub VALUES (7, 7)", error => qr/publication ".*" at the source.* table "?w"?\."?pub/, state => '58P01', correct => "ALTER PUBLICATION \"$publication\" ADD TABLE ONLY w.pub", @again, tables => ['w.pub']);

# --- moved to another schema, and dropped
$src->sql(sprintf($uncaptured, 'ALTER TABLE w.moved SET SCHEMA other') . "INSERT INTO other.moved VALUES (7, 7)", db => 'w');
if ($task->wait_status('failed', 30))
{
    like($task->last_error, qr/is called "other\.moved"/, 'moved to another schema: what');
    $pg->sql($_) for $stops->calls;
}
else { $pg->sql("SELECT dtsmig.resync_table('ways', 'w.moved')"); }
ok($task->wait_status('running', 30) && $stops->ready, 'moved to another schema: it goes on') or diag $task->report;
$src->sql('INSERT INTO other.moved VALUES (8, 8)', db => 'w');
$task->catch_up;
same('moved to another schema', [ 'other.moved', 'w.moved' ]);
$src->sql(sprintf($uncaptured, 'DROP TABLE w.gone'), db => 'w');
$pg->sql("SELECT dtsmig.resync_table('ways', 'w.gone')");
ok($stops->ready, 'dropped without the capture: nothing waits') or diag $task->report;
is($pg->value("SELECT count(*) FROM dtsmig.task_tables WHERE task = 'ways' AND source_table = 'gone'"), 0, 'dropped without the capture: it has left the task');
is($pg->value("SELECT count(*) FROM dtsmig.task_log WHERE task = 'ways' AND severity = 'warning' AND message LIKE '%\"gone\" is not followed any more'"), 1, 'and the log says so');

# --- a table that a statement filled is copied
$src->sql('CREATE TABLE w.made AS SELECT g AS id FROM generate_series(1, 300) g; ALTER TABLE w.made ADD PRIMARY KEY (id); UPDATE w.miss SET v = 77', db => 'w');
$task->catch_up;
ok($stops->ready, 'a table that a statement filled is copied') or diag $task->report;
same('copied', 'w.made', 'w.miss');

# --- in the full load
$src->sql("CREATE DATABASE f");
$src->sql("CREATE SCHEMA f; CREATE TABLE f.t (id int PRIMARY KEY, v int); INSERT INTO f.t VALUES (1, 1), (2, 200)", db => 'f');
my $full = Dts::Task->new($src, $pg, name => 'full', db => 'f', types => [qw(full incremental)]);
$pg->sql('CREATE SCHEMA f; CREATE TABLE f.t (id int PRIMARY KEY, v int CONSTRAINT small CHECK (v < 100))');
$full->start;
ok($full->wait_status('failed', 60), 'the full load stops') or diag $full->report;
is($full->phase . $full->get('last_error_sqlstate'), 'full23514', 'it was the full load');
my $f = Dts::Stops->new($full);
$f->go_on('the full load stops', 'DROP CONSTRAINT small', 'resume_task');
ok(eval { $full->wait_for('incremental', 60); 1 }, 'the full load stops: it goes on') or diag $full->report;
is($pg->value('SELECT sum(v) FROM f.t'), 201, 'the full load stops: all rows');
done_testing();
