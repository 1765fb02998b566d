# Dts::Bench: what the benchmarks share. Loaded first: it makes the folder of
# the run, which is kept only if the run fails.
#
#   use Dts::Bench qw(note scaled median measure parallel peer part report done);
#
# Environment: RUNS, SCALE, PEERS; see test/bench/run.
package Dts::Bench;
use strict;
use warnings;
use Exporter qw(import);
use Time::HiRes qw(time);
use Dts::Supervise ();

our $tmp;
BEGIN { $tmp = Dts::Supervise::begin('dtsmig-bench'); }
use Dts::Env qw(slurp reap spawn);

our @EXPORT_OK = qw(note scaled median measure parallel peers peer report print_report buffers_mb);

$| = 1;
my $runner = $$;
my $ok = 0;
our $runs = $ENV{RUNS} // 1;
my $scale = $ENV{SCALE} // 1;
my %peer;
my @report;

# Which peers there are; PEERS chooses among them.
sub peers { my ($all) = @_; %peer = map { $_ => 1 } split ' ', $ENV{PEERS} // $all; }
sub peer { return $peer{ $_[0] }; }

sub note { printf "[%5.0f s] %s\n", time - $^T, $_[0]; }
sub scaled { return int($_[0] * $scale) || 1; }
sub median { my @s = sort { $a <=> $b } @_; return $s[ $#s / 2 ]; }
sub report { push @report, @_; }

# Runs a measurement RUNS times; it returns seconds.
sub measure
{
    my ($what, $code) = @_;
    my @t;
    for (1 .. $runs)
    {
        my $s = $code->();
        push @t, $s;
        note(sprintf '%s: %.1f s', $what, $s);
    }
    return median(@t);
}

# Runs several shell-less commands at once; dies if one fails.
sub parallel
{
    my (@cmds) = @_;
    my $n = 0;
    my @jobs = map { my $log = "$tmp/job" . $n++ . '.log'; unlink $log;
        [ spawn({ log => $log }, @$_), $log ] } @cmds;
    for (@jobs)
    {
        my $status = reap($_->[0], undef, 3600);
        die "failed: " . slurp($_->[1]) if $status;
    }
}

# What a server's buffers may take here.
sub buffers_mb
{
    my ($mem) = slurp('/proc/meminfo') =~ /MemTotal:\s+(\d+)/;
    my $mb = int($mem / 1024 / 8);
    return $mb > 2048 ? 2048 : $mb;
}

# The run is complete: prints what was reported, under a line that says where.
sub print_report
{
    my ($servers) = @_;
    printf "\n%s, %s, %d CPUs, fsync and synchronous_commit on%s\n\n",
      scalar gmtime, $servers,
      scalar(() = slurp('/proc/cpuinfo') =~ /^processor/mg), $runs > 1 ? ", medians of $runs" : '';
    print "$_\n" for @report;
    $ok = 1;
}

END
{
    if (defined $tmp && $$ == $runner)
    {
        my $status = $?;
        Dts::Env::_cleanup();
        print STDERR 'logs are in ' . Dts::Supervise::keep_logs() . "\n" unless $ok;
        Dts::Supervise::finish();
        $? = $status;
    }
}

1;
