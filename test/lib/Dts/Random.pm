# Dts::Random: what random tests of both families share.
#
# A run is made of rounds, each with a seed of its own: DTS_SEED=N runs that one
# round alone, DTS_ROUNDS=N so many, and DTS_RANDOM_SECONDS=N as many as begin
# in that time. What a round has done is written to a file, which is shown when
# it fails.
#
#   rounds(20, sub { my ($seed, $script) = @_; ... return 'difference'; });
package Dts::Random;
use strict;
use warnings;
use Exporter qw(import);
use Time::HiRes qw(time);
use Test::More ();
use Dts::Env qw(tmpdir);

our @EXPORT_OK = qw(rounds pick chance between some note_script script_text);

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
    my ($seconds, $code) = @_;
    my $only = $ENV{DTS_SEED};
    my $seed = $only // int(time * 1000) % 1_000_000_000 ^ $$;
    my $n = $ENV{DTS_ROUNDS} // (defined $only ? 1 : undef);
    my $end = time + ($ENV{DTS_RANDOM_SECONDS} // $seconds);
    my ($done, $failed) = (0, 0);
    Test::More::diag("DTS_SEED=$seed and those that follow");
    while (defined $n ? $done < $n : time < $end)
    {
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
        $seed++;
    }
    Test::More::note("$done rounds");
    print "# counts: $done rounds\n";
    return $done;
}

1;
