# Random tables of a PostgreSQL source, sessions (formats, zones, encodings, quoting),
# rows and statements go through a task: copied, followed, copied again. Rows and
# definitions of both sides are compared. Each round prints its seed when it
# fails: DTS_SEED=N runs it alone (Dts::Random).
#
# dts-deep-runs: postgresql-13, postgresql-18 into postgresql-18-dev
use strict;
use warnings;
use Test::More;
use Dts::Env qw(poll_until);
use Dts::PgShape qw(pg_shape);
use Dts::PgSource qw(pg_pair pg_difference);
use Dts::Random qw(rounds pick chance between note_script);
use Dts::RandomPg;
use Dts::Task;

# not in every run of the tests yet: long runs still find differences
plan skip_all => 'random rounds need DTS_DEEP=1, DTS_RANDOM_SECONDS or DTS_SEED' unless grep { defined $ENV{$_} } qw(DTS_DEEP DTS_RANDOM_SECONDS DTS_SEED);

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

sub in_step
{
    my ($task) = @_;
    for (1 .. 20)
    {
        $task->catch_up(60);
        poll_until(sub {
            die "the task failed: " . $task->report if $task->status eq 'failed';
            $pg->value("SELECT count(*) FROM dtsmig.task_tables WHERE task = '$task->{name}' AND state <> 'ready'") == 0;
        }, 60, 0.1) or die "a table waits: " . $task->report;
        $task->catch_up(60);
        return if $pg->value("SELECT count(*) FROM dtsmig.task_tables WHERE task = '$task->{name}' AND state <> 'ready'") == 0;
    }
    die "tables wait again and again: " . $task->report;
}

rounds($ENV{DTS_DEEP} ? 260 : 20, sub {
    my ($seed) = @_;
    my $schema = "r$seed";
    my $source = Dts::RandomPg->new($src, $schema);
    my $task;
    my $failure = eval {
        $source->make_schema;
        my %options = (copy_workers => between(1, 2), batch_delay => pick(0, 50, 500));
        note_script('-- options ' . join ', ', map { "$_ = $options{$_}" } sort keys %options);
        $task = Dts::Task->new($src, $pg, name => $schema, options => { %options, replica_identity => 'full' }, objects => [ { schema => $schema } ]);
        $task->start;
        $source->session for 1 .. between(0, 2);
        $task->wait_for('incremental', 60);
        for (1 .. between(3, 6))
        {
            $source->session for 1 .. between(1, 3);
            if (chance(0.15))
            {
                $task->pause;
                $source->session;
                $task->resume;
                $task->wait_for('incremental', 60);
            }
            in_step($task) if chance(0.3);
        }
        in_step($task);
        join "\n", differences($schema);
    };
    $failure //= "$@";
    $failure .= "\n" . $task->report if $task && $failure ne '' && $failure !~ /server log:/;
    eval { $task->release; $task->drop; 1 } or $failure .= "\ndrop_task: $@" if $task;
    if ($failure eq '')
    {
        $src->sql("SET client_min_messages = warning; DROP SCHEMA $schema CASCADE");
        $pg->sql("SET client_min_messages = warning; DROP SCHEMA IF EXISTS $schema CASCADE");
    }
    return $failure;
});
done_testing();
