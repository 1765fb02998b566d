# The README's tables of options and of the precheck's items say what the code
# says.
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
my ($section) = $text =~ /^### Options\n(.*?)^##/ms;
while ($section =~ /^\| `(\w+)` \| (?:`([^`]*)`)?\s*\| .*? \| (.*) \|$/mg)
{
    $readme{$1} = [ $2 // '', $3 ];
}
is_deeply([ sort keys %readme ], [ sort keys %code ], 'the README lists every option, and no other');
for my $name (sort keys %code)
{
    is_deeply($readme{$name}, $code{$name}, "option $name: default and description");
}

my ($precheck) = $text =~ /^### Precheck\n(.*?)^##/ms;
my @items = $precheck =~ /^(\| `\w+` \| .* \|)$/mg;
is_deeply(\@items, [ map { "| `$_->[0]` | $_->[1] | $_->[2] | $_->[3] |" } $pg->rows('SELECT * FROM dtsmig.precheck_items ORDER BY item') ],
    'the README lists every item of the precheck, as it is, and no other');
done_testing();
