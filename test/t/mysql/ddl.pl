# DDL in the stream: statements of both families' dialects, interleaved with
# rows, while the task runs. At the end the destination's columns, keys and
# rows equal those of a fresh migration of what the source has then.
#
# dts-runs: mariadb, mysql-9.7
# dts-deep-runs: mysql-5.6, mariadb-11.8
use strict;
use warnings;
use Test::More;
use Dts::Compare qw(same_database);
use Dts::Env qw(slurp topdir);
use Dts::Shape qw(same_as_fresh);
use Dts::Task qw(server_pair);

my ($my, $pg) = server_pair();

# The statements of this server's dialect: a line may begin with the servers
# that it is for, or not for: {mysql}, {5.6}, {!5.6}, {mariadb,9.7}.
my %is = map { $_ => 1 } $my->{mysql} ? 'mysql' : 'mariadb', sprintf '%d.%d', $my->{version} / 10000, $my->{version} / 100 % 100;
sub for_this_server
{
    my ($line) = @_;
    $line =~ s/^\{([^}]*)\} // or return $line;
    my @words = split /,/, $1;
    my @wanted = grep { !/^!/ } @words;
    return '' if grep { /^!(.*)/ && $is{$1} } @words;
    return !@wanted || grep({ $is{$_} } @wanted) ? $line : '';
}
my $file = join '', map { for_this_server($_) } split /^/m, slurp(topdir() . '/test/fixtures/ddl/statements.sql');
my ($first, @steps) = split /^-- \[(.*?)\]\n/m, $file;
$my->sql("SET NAMES utf8mb4;\nCREATE DATABASE ddl DEFAULT CHARACTER SET utf8mb4;\nUSE ddl;\n$first");
my $task = Dts::Task->new($my, $pg, name => 'ddl', db => 'ddl');
$task->start->wait_for('incremental', 60);
same_database($my, 'ddl', $pg, 'ddl', 'full load');

my $statements = 0;
while (@steps)
{
    my ($name, $sql) = splice @steps, 0, 2;
    next unless $sql =~ /\S/;
    my ($code, $out, $err) = $my->mariadb("SET NAMES utf8mb4;\n$sql", db => 'ddl');
    if ($code) { fail("$name: at the source"); diag($err); next; }
    $statements += () = $sql =~ /^\s*(?:\/\*!\w*\s*)?(?:CREATE|ALTER|DROP|RENAME|TRUNCATE)\b/mgi;
    # a table that the statement has copied again may have to wait for the log
    if (!eval { $task->catch_up(30); $pg->poll_query("SELECT count(*) = 0 FROM dtsmig.task_tables WHERE task = 'ddl' AND state = 'resync'", 10); $task->catch_up(30); 1 })
    {
        fail($name);
        diag($@);
        last;
    }
    same_database($my, 'ddl', $pg, 'ddl', $name);
}
cmp_ok($statements, '>=', 150, "$statements DDL statements");

is($pg->sql("SELECT string_agg(concat_ws(' | ', message, detail), ' ; ') FROM dtsmig.task_log WHERE task = 'ddl' AND severity <> 'info'"), '',
    'nothing but information in the log');
same_as_fresh($task, 'columns and keys equal those of a fresh migration', db => 'ddl');
done_testing();
