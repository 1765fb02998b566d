# What a task keeps at its PostgreSQL source is changed by somebody while it
# runs: one clear error soon, though nothing of it is in the log.
use strict;
use warnings;
use Test::More;
use Dts::Env qw(poll_until);
use Dts::PgSource qw(pg_pair same_pg_tables);
use Dts::Task;

my ($src, $pg) = pg_pair();
$src->sql('CREATE SCHEMA w; CREATE TABLE w.a (id int PRIMARY KEY); CREATE TABLE w.b (id int PRIMARY KEY); INSERT INTO w.a VALUES (1)');
my $task = Dts::Task->new($src, $pg, name => 'watch', db => 'postgres', objects => [ { schema => 'w' } ]);
$task->start->wait_for('incremental', 120);
my $name = $src->value('SELECT pubname FROM pg_publication');

# The source is not written to: what is found is found by looking.
sub noticed
{
    my ($sql, $error, $what) = @_;
    $task->catch_up;
    $src->sql($sql);
    $task->wait_for('failed', 120);
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    like($task->last_error, $error, $what) or diag $task->report;
}

# A table that is copied again is compared when that has ended.
sub equal
{
    my ($what) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    $pg->poll_query("SELECT count(*) = 0 FROM dtsmig.task_tables WHERE task = 'watch' AND state <> 'ready'", 60);
    $task->catch_up;
    same_pg_tables($src, $pg, $what, schemas => ['w']) or diag $task->report;
}

noticed("ALTER PUBLICATION $name DROP TABLE w.a", qr/publication "$name" at the source does not publish table "w"\."a" any more/, 'a table that is taken out');
like($task->get('last_error_hint'), qr/ALTER PUBLICATION "$name" ADD TABLE ONLY "w"\."a" .*resync_table/, 'what to do');
$src->sql("INSERT INTO w.a VALUES (2); ALTER PUBLICATION $name ADD TABLE ONLY w.a");
$pg->sql("SELECT dtsmig.resync_table('watch', 'w.a')");
$task->resume->wait_for('incremental', 120);
equal('and that done');

noticed("ALTER PUBLICATION $name DROP TABLE w.a; INSERT INTO w.a VALUES (3); ALTER PUBLICATION $name ADD TABLE ONLY w.a", qr/publication "$name" at the source did not publish table "w"\."a" for a while/, 'taken out for a moment');
$pg->sql("SELECT dtsmig.resync_table('watch', 'w.a')");
$task->resume->wait_for('incremental', 120);
$src->sql('INSERT INTO w.a VALUES (4)');
equal('and that done');

# the same while nothing of the task is there to look, also after a restart
$task->catch_up;
$task->pause;
$task->wait_status('paused') or diag $task->report;
$src->sql("ALTER PUBLICATION $name DROP TABLE w.a; INSERT INTO w.a VALUES (5); ALTER PUBLICATION $name ADD TABLE ONLY w.a");
$pg->restart;
$task->resume->wait_for('failed', 120);
like($task->last_error, qr/did not publish table "w"\."a" for a while/, 'taken out for a moment while the task is paused');
$task->resume->wait_for('failed', 120);
$pg->sql("SELECT dtsmig.resync_table('watch', 'w.a')");
$task->resume->wait_for('incremental', 120);
$src->sql('INSERT INTO w.a VALUES (6)');
equal('and that done');
$pg->restart;
$src->sql('INSERT INTO w.a VALUES (7)');
equal('a restart alone is none of that');

# what the task itself does to its publication is none of that
$src->sql('CREATE TABLE w.c (id int); INSERT INTO w.c VALUES (1); DROP TABLE w.b; CREATE TABLE w.b (id int PRIMARY KEY); ALTER TABLE w.a RENAME TO d; INSERT INTO w.d VALUES (15)');
equal('which goes on');

noticed("ALTER PUBLICATION $name SET (publish = 'insert')", qr/publication "$name" at the source was altered so that it does not publish all changes/, 'it reports less');
$src->sql("ALTER PUBLICATION $name SET (publish = 'insert, update, delete, truncate')");
$task->resume->wait_for('incremental', 120);
noticed("ALTER EVENT TRIGGER \"${name}_drop\" DISABLE", qr/event triggers of "$name" are gone or disabled/, 'an event trigger is disabled');
$src->sql("ALTER EVENT TRIGGER \"${name}_drop\" ENABLE");
$task->resume->wait_for('incremental', 120);
$task->catch_up;
$task->pause;
$task->wait_status('paused') or diag $task->report;
$src->sql("ALTER EVENT TRIGGER \"${name}_ddl\" DISABLE; ALTER EVENT TRIGGER \"${name}_ddl\" ENABLE");
$task->resume->wait_for('failed', 120);
like($task->last_error, qr/the capture of DDL "$name" at the source was disabled, or made again, for a while/, 'an event trigger is disabled for a moment while the task is paused');
$task->resume->wait_for('incremental', 120);
$src->sql('INSERT INTO w.d VALUES (20)');
equal('it goes on when it is asked to');
noticed('DROP SCHEMA dtsmig_source CASCADE', qr/the capture of DDL "$name" was removed from the source/, 'the capture is gone');
$task->resume->wait_for('incremental', 120);
$src->sql('INSERT INTO w.d VALUES (16)');
equal('rows alone');
noticed("DROP PUBLICATION $name", qr/publication "$name" does not exist/, 'the publication is gone');
$task->release;
is($src->value('SELECT count(*) FROM pg_replication_slots'), 0, 'released');
done_testing();
