# The faults of test/mutate fit the sources: each has its place, once, and tests
# that exist.
use strict;
use warnings;
use Test::More;
use Dts::Env qw(slurp topdir);

my $top = topdir();
my @mutations = do "$top/test/mutations.pl" or die $@ || $!;
my %names;
for my $m (@mutations)
{
    my ($name, $file, $from, $to, $tests) = @$m;
    my $n = () = slurp("$top/src/$file") =~ /\Q$from\E/g;
    is($n, 1, "$name: $file has the place");
    isnt($from, $to, "$name: is a change");
    ok(!$names{$name}++, "$name: the name is its own");
    my @missing = grep { !/^(?:fixtures|regress|\[.*|.*\])$/ && !-e "$top/test/t/$_" } split ' ', $tests;
    is("@missing", '', "$name: its tests are there");
}
done_testing();
