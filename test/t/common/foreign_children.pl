# Rows of somebody else's table refer to a table of the task: foreign keys are
# not checked while changes are applied, so the task does not begin to. And an
# expression of any length takes no more memory than it should.
use strict;
use warnings;
use Test::More;
use Dts::Env qw(poll_until);
use Dts::MariaDB;
use Dts::Postgres;
use Dts::Task;

my $my = Dts::MariaDB->new->start;
my $pg = Dts::Postgres->new(preload => 1)->start;
$my->sql('CREATE DATABASE d; CREATE TABLE d.parent (id int PRIMARY KEY); INSERT INTO d.parent VALUES (1)');
$pg->sql('CREATE EXTENSION dtsmig; CREATE ROLE mover LOGIN; CREATE ROLE other LOGIN; GRANT CREATE ON DATABASE postgres TO mover, other; GRANT USAGE ON FOREIGN DATA WRAPPER dtsmig_fdw TO mover');
my $task = Dts::Task->new($my, $pg, name => 't', role => 'mover', db => 'd');
$task->start->wait_for('incremental');
$pg->sql('GRANT USAGE ON SCHEMA d TO other; GRANT REFERENCES, SELECT ON d.parent TO other', role => 'mover');
$task->pause;
$pg->sql('CREATE SCHEMA o; CREATE TABLE o.child (p int REFERENCES d.parent); INSERT INTO o.child VALUES (1)', role => 'other');
$my->sql('DELETE FROM d.parent');
$task->resume;
ok(poll_until(sub { $task->status eq 'failed' }, 20), 'the task stops') or diag $task->report;
like($task->last_error, qr/must be owner of table o.child, which refers to table d.parent/, 'and says for what');
is($pg->value('SELECT count(*) FROM o.child JOIN d.parent ON p = id'), 1, "the other's row has its parent");
$pg->sql('DROP TABLE o.child');
$pg->sql('CREATE TABLE d.own_child (p int REFERENCES d.parent)', role => 'mover');
$task->resume;
$task->catch_up;
is($pg->value('SELECT count(*) FROM d.parent'), 0, 'without it, and with a table of its own, it goes on');

my $n = 20000;
my $start = time;
like($pg->error("SELECT dtsmig.translate_expression('" . join(' OR ', map { "a = $_" } 1 .. $n) . "')"), qr/0A000.*(?:so many operators|an expression so long)/s, "$n terms are refused");
like($pg->error("SELECT dtsmig.translate_expression('" . join(' + ', 1 .. $n) . "')"), qr/0A000.*(?:so many operators|an expression so long)/s, 'sums, too');
is($pg->error("SELECT dtsmig.translate_expression('" . join(' OR ', map { "a = $_" } 1 .. 900) . "')"), '', '900 are not');
for my $nested ('a' . ' + INTERVAL 1 DAY' x 60, 'sqrt(' x 150 . 'a' . ')' x 150, '(' x 150 . 'a' . ' BETWEEN 1 AND 2)' x 150, 'addtime(' x 60 . 'a' . ", '1:00')" x 60)
{
    my ($code, $out, $err) = $pg->psql("SELECT length(dtsmig.translate_expression('" . $nested =~ s/'/''/gr . "'))", timeout => 60);
    like($code ? $err : $out, qr/0A000|^\d{1,5}$/, 'one that writes its operands twice, nested, is refused, or short');
}
cmp_ok(time - $start, '<', 10, 'at once');
done_testing();
