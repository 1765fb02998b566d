# The model of what is exactly once (test/model): the worker's own files, linked
# with a simulated source and destination, over a few thousand random schedules
# with crashes; and the deliberate faults that it has to find, of which each
# run of this file takes some (all in "test/deep model").
use strict;
use warnings;
use Test::More;
use Cwd qw(getcwd);
use File::Temp qw(tempdir);
use Dts::Env qw(topdir);

delete @ENV{qw(MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES)};
chdir topdir() . '/test/model' or die $!;
my $out = tempdir('dtsmig-test-model-XXXXXX', DIR => $ENV{TMPDIR} // '/tmp', CLEANUP => 1);
my $make = "make -s OUT=$out" . ($ENV{PG_CONFIG} ? " PG_CONFIG=$ENV{PG_CONFIG}" : '');
my $log = `$make $out/model 2>&1`;
is($?, 0, 'the model is built') or BAIL_OUT($log);

# the same schedules each time, and others
my $seed = $ENV{DTS_SEED} // time;
diag "DTS_SEED=$seed";
for my $from (1, $seed)
{
    $log = `$out/model --seed $from --count 3000 --jobs 2 2>&1`;
    is($?, 0, "3000 schedules from seed $from: no difference") or diag "$log\ntest/model: make run SEED=… shows one of them";
}
# what they have found once
for my $found (1795960805)
{
    $log = `$out/model --seed $found --count 1 2>&1`;
    is($?, 0, "seed $found: no difference") or diag $log;
}
# one seed is one schedule
my ($one, $two) = map { scalar `$out/model --seed 17 --trace 2>&1` } 1 .. 2;
is($one, $two, 'a seed gives the same schedule again');
like($one, qr/^\s+\d+\s+committed: changes, applied/m, 'a trace says what happens');
$log = `OUT=$out ./mutations.pl --count 3000 'copied is not asked' 'a key change leaves the old row' 'the last snapshot is not the high' 'confirmed while it is needed' 2>&1`;
like($log, qr/^the model finds 4 of 4 mutations$/m, 'deliberate faults are found') or diag $log;
done_testing();
