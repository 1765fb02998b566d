# The README's table of options says what the code says.
use strict;
use warnings;
use Test::More;
use Dts::Env qw(slurp topdir);
use Dts::Postgres;

my $pg = Dts::Postgres->new->start;
$pg->sql('CREATE EXTENSION dtsmig');
my %code;
for my $row ($pg->rows('SELECT name, "default", description FROM dtsmig.task_options'))
{
    my ($name, $default, $text) = ref $row ? @$row : split /\t|\|/, $row, 3;
    $code{$name} = [ $default // '', $text ];
}
my %readme;
my $text = slurp(topdir() . '/README.md');
my ($section) = $text =~ /^### Options\n(.*?)^## /ms;
while ($section =~ /^\| `(\w+)` \| (?:`([^`]*)`)?\s*\| .*? \| (.*) \|$/mg)
{
    $readme{$1} = [ $2 // '', $3 ];
}
is_deeply([ sort keys %readme ], [ sort keys %code ], 'the README lists every option, and no other');
for my $name (sort keys %code)
{
    is_deeply($readme{$name}, $code{$name}, "option $name: default and description");
}
done_testing();
