# Random tables of a PostgreSQL source, sessions (formats, zones, encodings, quoting),
# rows and statements go through a task: copied, followed, copied again. Rows and
# definitions of both sides are compared. Each round prints its seed when it
# fails: DTS_SEED=N runs it alone (Dts::Random).
#
# dts-deep-runs: postgresql-13, postgresql-18 into postgresql-18-dev
use strict;
use warnings;
use Test::More;
use Dts::PgShape qw(pg_shape);
use Dts::PgSource qw(pg_pair pg_difference);
use Dts::Random qw(rounds round_of pick between note_script);
use Dts::RandomPg;
use Dts::Task;

my ($src, $pg) = pg_pair(kind => $ENV{DTS_PG_KIND});

sub tables_of
{
    my ($server, $schema) = @_;
    return map { $_->[0] } $server->rows("SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace('$schema') AND relkind = 'r' ORDER BY 1");
}

sub differences
{
    my ($schema) = @_;
    my @tables = tables_of($src, $schema);
    my %there = map { $_ => 1 } @tables;
    my %here = map { $_ => 1 } tables_of($pg, $schema);
    my @diff = ((map { "$_: not at the destination" } grep { !$here{$_} } @tables), (map { "$_: not at the source" } grep { !$there{$_} } sort keys %here));
    push @diff, grep { $_ ne '' } map { pg_difference($src, "$schema.$_", $pg, "$schema.$_") } grep { $here{$_} } @tables;
    my (%n, @shape);
    $n{$_}++ for pg_shape($src, "$pg->{bindir}/pg_dump", schemas => [$schema]);
    $n{$_}-- for pg_shape($pg, "$pg->{bindir}/pg_dump", schemas => [$schema]);
    # the next value is set at the end of a task
    push @diff, map { ($n{$_} > 0 ? 'missing: ' : 'too many: ') . $_ } grep { $n{$_} && !/pg_catalog\.setval/ } sort keys %n;
    return @diff;
}

rounds([ 1, 2 ], 260, sub {
    my ($seed) = @_;
    my $schema = "r$seed";
    my $source = Dts::RandomPg->new($src, $schema);
    return round_of(make => sub {
        $source->make_schema;
        my %options = (copy_workers => between(1, 2), batch_delay => pick(0, 50, 500));
        note_script('-- options ' . join ', ', map { "$_ = $options{$_}" } sort keys %options);
        return Dts::Task->new($src, $pg, name => $schema, options => { %options, replica_identity => 'full' }, objects => [ { schema => $schema } ]);
    }, session => sub { $source->session }, differences => sub { return differences($schema) }, clean => sub {
        $src->sql("SET client_min_messages = warning; DROP SCHEMA $schema CASCADE");
        $pg->sql("SET client_min_messages = warning; DROP SCHEMA IF EXISTS $schema CASCADE");
    });
});
done_testing();
