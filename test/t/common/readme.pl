# An option is defined once: what the README says of it is what the code says,
# and the code says it in one place. The precheck's items likewise.
use strict;
use warnings;
use Test::More;
use Dts::Env qw(slurp topdir);
use Dts::Postgres;

my $pg = Dts::Postgres->new->start;
$pg->sql('CREATE EXTENSION dtsmig');
my $top = topdir();
my $readme = slurp("$top/README.md");

# "1 – 5", "`a`, `b`", "true, false" from what the view says
sub values_text
{
    my ($type, $range) = @_;
    return $range =~ s/ \.\. / – /r if $type eq 'integer';
    return join ', ', map { "`$_`" } split /,/, $range if $type eq 'enum';
    return $type eq 'boolean' ? 'true, false' : undef;
}

# The rows of a table of the README's section: cells without quotes around.
sub table
{
    my ($section, $head) = @_;
    my ($text) = $readme =~ /^#+ \Q$section\E\n(.*?)^## /ms;
    my ($rows) = $text =~ /^\| option \|\Q$head\E\n\|[-|]+\n(.*?)^(?!\|)/ms;
    return map { [ map { s/^\s+|\s+$//gr } split /\|/, s/^\|//r ] } split /\n/, $rows // '';
}

my %readme = map { $_->[0] =~ tr/`//dr => $_ } table('Options', ' default | values | meaning |');
my @options = $pg->rows('SELECT name, type, coalesce("default", \'\'), coalesce(range, \'\'), description FROM dtsmig.task_options');
is_deeply([ sort keys %readme ], [ sort map { $_->[0] } @options ], 'the README lists every option of a task, and no other');
for (@options)
{
    my ($name, $type, $default, $range, $text) = @$_;
    my $r = $readme{$name} or next;
    my $values = values_text($type, $range);
    is_deeply([ $r->[1], defined $values ? $r->[2] =~ tr/`//dr : '', $r->[3] ],
        [ $default eq '' ? '' : "`$default`", defined $values ? $values =~ tr/`//dr : '', $text ], "option $name: default, values, description");
}

%readme = map { $_->[0] =~ tr/`//dr => $_ } table('Servers', ' of | default | values | meaning |');
my @server = $pg->rows('SELECT name, type, coalesce("default", \'\'), coalesce(range, \'\'), description, belongs_to FROM dtsmig.server_options');
is_deeply([ sort keys %readme ], [ sort map { $_->[0] } @server ], 'the README lists every option of a server, and no other');
for (@server)
{
    my ($name, $type, $default, $range, $text, $of) = @$_;
    my $r = $readme{$name} or next;
    is_deeply([ @$r[1 .. 4] ], [ $of, $default eq '' ? '' : "`$default`",
        values_text($type, $range) // ($type eq 'file' ? 'a file' : 'any'), $text ], "option $name: default, values, description");
}
is($pg->sql("SELECT string_agg(name, ',' ORDER BY name) FROM dtsmig.server_options WHERE belongs_to = 'server'"),
    join(',', sort split /, /, ($pg->error('CREATE SERVER s TYPE \'mariadb\' FOREIGN DATA WRAPPER dtsmig_fdw OPTIONS (x \'1\')') =~ /Valid options in this context are: (.*)\./)[0] // ''), 'the validator knows the same');

# Each name and each text stands once in the code as a string; a default is
# nowhere written a second time beside the field that holds the option.
my (%strings, @fields);
for my $file (glob "$top/src/*.c $top/src/*.h $top/src/*/*.c $top/src/*/*.h $top/src/*/*/*.c $top/src/*/*/*.h")
{
    my $code = slurp($file);
    $strings{$1} .= ' ' . $file =~ s{.*/}{}r while $code =~ /"((?:[^"\\\n]|\\.)*)"/g;
    (my $name = $file) =~ s{.*/}{};
    push @fields, "$name: $1" while $code =~ /(options \? [\w>-]*options->\w+ : \w+)/g;
}
my @twice = grep { !/^ options\.c$|^ fdw_options\.c$/ } map { $strings{$_} // '' } map { $_->[4] } @options, @server;
is_deeply(\@twice, [], 'descriptions stand once');
is_deeply(\@fields, [], 'defaults stand once');
is($strings{$_}, ' options.c', "the name $_ stands once") for grep { /_/ && !/^(conflict|ddl_error|copy_workers|verify_rate|name_case|event_triggers|ci_collation|security_labels|nul_byte|zero_date|replica_identity|search_path)$/ } map { $_->[0] } @options;
my ($precheck) = $readme =~ /^### Precheck\n(.*?)^##/ms;
my @items = $precheck =~ /^(\| `\w+` \| .* \|)$/mg;
is_deeply(\@items, [ map { "| `$_->[0]` | $_->[1] | $_->[2] | $_->[3] |" } $pg->rows('SELECT * FROM dtsmig.precheck_items ORDER BY item') ],
    'the README lists every item of the precheck, as it is, and no other');
done_testing();
