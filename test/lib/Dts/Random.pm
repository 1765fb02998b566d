# Dts::Random: what random tests of both families share.
#
# A run is made of rounds, each with a seed of its own: those that the test
# names, and a fresh one, which is printed. DTS_DEEP=1 goes on with fresh ones
# for so many seconds; DTS_SEED=N runs that one round alone, DTS_ROUNDS=N so many
# from there, and DTS_RANDOM_SECONDS=N as many fresh ones as begin in that time.
# What a round has done is written to a file, which is named when it fails.
#
#   rounds([ 1, 2 ], 260, sub { my ($seed) = @_; ... return 'difference'; });
#
# Most rounds are of one kind: round_of() makes objects at the source, starts a
# task, and lets the source run sessions while it copies and follows.
package Dts::Random;
use strict;
use warnings;
use Exporter qw(import);
use Time::HiRes qw(time);
use Test::More ();
use Dts::Env qw(poll_until tmpdir);

our @EXPORT_OK = qw(rounds round_of pick chance between some note_script script_text);

# ------------------------------------------------------------------- choices

sub pick { return $_[ int rand @_ ]; }
sub chance { return rand() < $_[0]; }
sub between { my ($lo, $hi) = @_; return $lo + int rand($hi - $lo + 1); }

# So many of a list, in its order, each once.
sub some
{
    my ($n, @list) = @_;
    while (@list > $n) { splice @list, int rand @list, 1; }
    return @list;
}

# -------------------------------------------------------------------- rounds

my @script;

# Remembers what was run.
sub note_script { push @script, @_; }
sub script_text { return join "\n", @script; }

# Calls code with a seed, again and again; it returns a difference, or ''. After
# three that fail there is nothing new to be learned in this run.
sub rounds
{
    my ($fixed, $seconds, $code) = @_;
    my $only = $ENV{DTS_SEED};
    my $fresh = int(time * 1000) % 1_000_000_000 ^ $$;
    my $timed = $ENV{DTS_RANDOM_SECONDS} // ($ENV{DTS_DEEP} ? $seconds : undef);
    # a change does not fail by a seed that nobody has seen before
    my @seeds = defined $only ? ($only) : defined $ENV{DTS_RANDOM_SECONDS} ? ($fresh) : $ENV{CI} && !$ENV{DTS_DEEP} ? @$fixed : (@$fixed, $fresh);
    my $n = defined $timed && !defined $only ? $ENV{DTS_ROUNDS} : $ENV{DTS_ROUNDS} // @seeds;
    my $end = time + ($timed // 0);
    my ($done, $failed) = (0, 0);
    my $seed = $seeds[0];
    Test::More::diag('DTS_SEED=' . ($only // $fresh) . (defined $n && $n == @seeds ? '' : ' and those that follow'));
    while (defined $n ? $done < $n : time < $end)
    {
        $seed = @seeds ? shift @seeds : $seed + 1;
        srand $seed;
        @script = ();
        my $difference = eval { $code->($seed) } // ($@ =~ /\S/ ? $@ : 'no result');
        my $ok = Test::More::ok($difference eq '', "round $seed");
        if (!$ok)
        {
            my $file = ($ENV{DTS_RANDOM_KEEP} // tmpdir()) . "/round_$seed.sql";
            if (open my $fh, '>', $file) { print $fh script_text(), "\n"; close $fh; }
            Test::More::diag("DTS_SEED=$seed: " . substr($difference, 0, 12000) . "\nstatements: $file");
            last if ++$failed >= ($ENV{DTS_RANDOM_FAILURES} // 3);
        }
        $done++;
    }
    Test::More::note("$done rounds");
    print "# counts: $done rounds\n";
    return $done;
}

# Waits until all that the source has done is here, and no table waits.
sub _in_step
{
    my ($task) = @_;
    my $waiting = "SELECT count(*) FROM dtsmig.task_tables WHERE task = '$task->{name}' AND state <> 'ready'";
    for (1 .. 20)
    {
        $task->catch_up(60);
        poll_until(sub {
            die "the task failed: " . $task->report if $task->status eq 'failed';
            $task->{pg}->value($waiting) == 0;
        }, 60, 0.1) or die "a table waits: " . $task->report;
        $task->catch_up(60);
        return if $task->{pg}->value($waiting) == 0;
    }
    die "tables wait again and again: " . $task->report;
}

# One round: make (makes what there is to copy, and the task, which it returns),
# session (somebody at the source), differences (all that there are, in the
# end), clean (removes it from both sides).
sub round_of
{
    my (%c) = @_;
    my $task;
    my $failure = eval {
        $task = $c{make}->();
        $task->start;
        $c{session}->() for 1 .. between(0, 2);
        $task->wait_for('incremental', 60);
        for (1 .. between(3, 6))
        {
            $c{session}->() for 1 .. between(1, 3);
            if (chance(0.15))
            {
                $task->pause;
                $c{session}->();
                $task->resume;
                $task->wait_for('incremental', 60);
            }
            _in_step($task) if chance(0.3);
        }
        _in_step($task);
        join "\n", $c{differences}->();
    };
    $failure //= "$@";
    $failure .= "\n" . $task->report if $task && $failure ne '' && $failure !~ /server log:/;
    eval { $task->release; $task->drop; 1 } or $failure .= "\ndrop_task: $@" if $task;
    $c{clean}->() if $failure eq '';
    return $failure;
}

1;
