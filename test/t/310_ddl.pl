# DDL in the stream: statements of both families' dialects, interleaved with
# rows, while the task runs. At the end the destination's columns, keys and
# rows equal those of a fresh migration of what the source has then.
use strict;
use warnings;
use Test::More;
use Dts::Compare qw(same_database);
use Dts::Env qw(slurp topdir);
use Dts::Shape qw(same_as_fresh);
use Dts::Task qw(server_pair);

my ($my, $pg) = server_pair();
my ($first, @steps) = split /^-- \[(.*?)\]\n/m, slurp(topdir() . '/test/fixtures/ddl/statements.sql');
$my->sql("SET NAMES utf8mb4;\nCREATE DATABASE ddl DEFAULT CHARACTER SET utf8mb4;\nUSE ddl;\n$first");
my $task = Dts::Task->new($my, $pg, name => 'ddl', db => 'ddl');
$task->start->wait_for('incremental', 60);
same_database($my, 'ddl', $pg, 'ddl', 'full load');

my $statements = 0;
while (@steps)
{
    my ($name, $sql) = splice @steps, 0, 2;
    my ($code, $out, $err) = $my->mariadb("SET NAMES utf8mb4;\n$sql", db => 'ddl');
    if ($code) { fail("$name: at the source"); diag($err); next; }
    $statements += () = $sql =~ /^\s*(?:\/\*!\w*\s*)?(?:CREATE|ALTER|DROP|RENAME|TRUNCATE)\b/mgi;
    if (!eval { $task->catch_up(30); 1 })
    {
        fail($name);
        diag($@);
        last;
    }
    same_database($my, 'ddl', $pg, 'ddl', $name);
}
cmp_ok($statements, '>=', 150, "$statements DDL statements");

is($pg->sql("SELECT count(*) FROM dtsmig.task_log WHERE task = 'ddl' AND severity <> 'info'"), 0,
    'nothing but information in the log');
same_as_fresh($task, 'columns and keys equal those of a fresh migration', db => 'ddl');
done_testing();
