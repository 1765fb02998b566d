# DDL of a PostgreSQL source at a destination that is another PostgreSQL server:
# the statements of ddl.pl, between rows, in functions, DO blocks and
# transactions. At the end pg_dump --schema-only of both is the same, and so are
# all rows.
#
# dts-runs: postgresql
# dts-deep-runs: postgresql-10, postgresql-18 into postgresql-18-dev
use strict;
use warnings;
use Test::More;
use Dts::Env qw(poll_until slurp topdir);
use Dts::PgSource qw(pg_pair same_pg_tables);
use Dts::PgShape qw(same_schema);
use Dts::Postgres;
use Dts::Task;

my ($src, $hub) = pg_pair();
my $dst = Dts::Postgres->new(preload => 0)->start;
my ($first, @steps) = split /^-- \[(.*?)\](.*)\n/m,
  slurp(topdir() . '/test/fixtures/pg_ddl/statements.sql');
$src->sql($first);
$src->sql('CREATE TABLE app.beat (n int PRIMARY KEY); INSERT INTO app.beat VALUES (0)');
my ($version) = $src->value('SHOW server_version_num') =~ /^(\d+)\d{4}$/;
my $task = Dts::Task->new($src, $hub, name => 'ddl', db => 'postgres', destination => $dst);
$task->start->wait_for('incremental', 60);
same_pg_tables($src, $dst, 'full load', schemas => ['app']);

# Whatever was committed before is there when this is.
my $beat = 0;
sub follow_up
{
    $src->sql('UPDATE app.beat SET n = ' . ++$beat);
    my $seen = poll_until(sub {
        my $n = $dst->try_value('SELECT n FROM app.beat');
        return defined $n && $n eq $beat || $task->status =~ /failed/;
    }, 30, 0.05);
    return $seen && $task->status !~ /failed/;
}

my $statements = 0;
my @schemas = qw(app);
while (@steps)
{
    my ($name, $how, $sql) = splice @steps, 0, 3;
    # lines that older servers do not know are comments to them
    $sql =~ s/^--(\d+)\+ /$version >= $1 ? '' : '-- '/mge;
    my ($code, $out, $err) = $how =~ /query/
      ? $src->psql('', args => ['-c', $sql =~ s/\s+\z//r]) : $src->psql($sql);
    if ($code) { fail("$name: at the source"); diag($err); next; }
    $statements += () = $sql =~ /(?:^|;)\s*(?:CREATE|ALTER|DROP|COMMENT|REFRESH|SELECT \S+, \S+ INTO)\b/mgi;
    my $gone_on = follow_up();
    if (!$gone_on)
    {
        fail($name);
        diag($task->report);
        last;
    }
    @schemas = map { $_->[0] } $src->rows("SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'dtsmig_source', 'public')");
    same_pg_tables($src, $dst, $name, schemas => \@schemas);
    same_schema($src, $dst, $name, schemas => \@schemas);
}
cmp_ok($statements, '>=', 120, "$statements DDL statements");
is($hub->value("SELECT count(*) FROM pg_namespace WHERE nspname = 'app'"), 0, 'nothing is made in the hub');
done_testing();
