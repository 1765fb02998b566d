# A database whose owner is no superuser is dumped with its tasks by whoever
# may read the extension's tables, and without them by anybody else.
use strict;
use warnings;
use Test::More;
use Dts::Env qw(bindir capture tmpdir);
use Dts::Task qw(server_pair);

my ($my, $pg) = server_pair();
$my->sql('CREATE DATABASE d; CREATE TABLE d.t (id int PRIMARY KEY); INSERT INTO d.t VALUES (1)');
$pg->sql('CREATE ROLE keeper LOGIN; GRANT USAGE ON FOREIGN DATA WRAPPER dtsmig_fdw TO keeper; ALTER DATABASE postgres OWNER TO keeper');
my $task = Dts::Task->new($my, $pg, name => 't', role => 'keeper', db => 'd');
$task->start->wait_for('incremental');
$task->catch_up;
my $dump = tmpdir() . '/keeper.dump';
sub dump_as
{
    my ($role, @more) = @_;
    unlink $dump;
    my $text = `@{[ bindir() ]}/pg_dump -h 127.0.0.1 -p $pg->{port} -U $role -Fc -f $dump @more postgres 2>&1`;
    return ($?, $text);
}
my ($code, $text) = dump_as('keeper');
isnt($code, 0, 'the owner of the database may not dump the tasks');
like($text, qr/permission denied for (?:table|sequence)/, 'and the message says of what');
is((dump_as('keeper', '--exclude-schema=dtsmig'))[0], 0, 'without them there is a dump');
# what docs/security.md says
$pg->sql('GRANT SELECT ON ALL TABLES IN SCHEMA dtsmig TO keeper; GRANT SELECT ON ALL SEQUENCES IN SCHEMA dtsmig TO keeper');
($code, $text) = dump_as('keeper');
is($code, 0, 'with the right to read them there is one of all') or diag $text;
$pg->sql('CREATE DATABASE copy');
is(system(bindir() . '/pg_restore', '-h', '127.0.0.1', '-p', $pg->{port}, '-U', 'postgres', '-d', 'copy', $dump), 0, 'a superuser restores it');
is($pg->sql("SELECT task_name || ' ' || owner::regrole || ' ' || status FROM dtsmig.task", db => 'copy'), 't keeper paused', 'the task is there, its owner, too, and it stands still');
is($pg->sql('SELECT count(*) FROM d.t', db => 'copy'), 1, 'and the rows');
done_testing();
