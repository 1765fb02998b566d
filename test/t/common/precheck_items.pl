# Each item of the precheck has a case in the tests that finds it failed or
# warned of, and passed after what it said was done (both_ways and by_hand of
# Dts::Precheck): one for each family of sources whose code looks at it. Reads
# the code and the tests; needs no server.
use strict;
use warnings;
use Test::More;
use Dts::Env qw(slurp topdir);

# Items that have no such case, and why.
my %info = map { $_ => 'says what becomes of something, and always passes' }
  qw(character_sets generated_columns invisible_columns invisible_indexes partitioned_tables prefix_indexes
  sequences system_versioned_tables);
my %except = %info;

my $top = topdir();
my %side = (mysql => 'src/source/mysql/my_precheck*.c', pgsql => 'src/source/pgsql/pg_precheck*.c', any => 'src/check/precheck*.c');
my @items = slurp("$top/src/core/precheck.c") =~ /^\t\{"(\w+)", (?:AT_\w+|BOTH), \w+, "/mg;
cmp_ok(scalar @items, '>', 70, 'the items are read from the code');

# item => family => number of cases
my %cases;
for my $file (glob "$top/test/t/*/*.pl")
{
    my $text = slurp($file);
    my $family = $text =~ /Dts::PgSource->new|pg_pair/ ? 'pgsql' : 'mysql';
    # a call ends where a line begins that is not further in
    while ($text =~ /^(\s*)\S?.*?->(?:both_ways|by_hand)\((.*?);\n(?=\1\S|\n|\z)/msg)
    {
        $cases{$_}{$family}++ for $2 =~ /(\w+) => \[ '(?:failed|warning)', qr/g;
    }
}

for my $side (sort keys %side)
{
    my $code = join '', map { slurp($_) } glob "$top/$side{$side}";
    for my $item (grep { $code =~ /"$_"/ } @items)
    {
        my $n = $side eq 'any' ? keys %{ $cases{$item} // {} } : ($cases{$item} // {})->{$side} // 0;
        next if $except{$item} && !$n;
        ok($n, "$item" . ($side eq 'any' ? '' : " ($side)") . ' has a case both ways');
    }
}
my $all = join '', map { slurp($_) } map { glob "$top/$_" } values %side;
for my $item (@items)
{
    like($all, qr/"$item"/, "$item is looked at");
    next unless $except{$item};
    ok(!$cases{$item}, "$item is an exception") or diag 'it has a case: take it off the list';
    note "$item: $except{$item}";
}
is_deeply([ grep { my $i = $_; !grep { $_ eq $i } @items } sort(keys %cases), sort keys %except ], [], 'no case and no exception is of an item that there is not');
for my $item (sort keys %info)
{
    unlike($all, qr/"$item",?\s+PRECHECK_(?:WARNING|FAILED)/, "$item: $info{$item}");
}
done_testing();
