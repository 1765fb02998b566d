# An option is defined once: the code says in one place what it is. (What the
# documents say is made of that: documents.pl.)
use strict;
use warnings;
use Test::More;
use Dts::Env qw(slurp topdir);
use Dts::Postgres;

my $pg = Dts::Postgres->new->start;
$pg->sql('CREATE EXTENSION dtsmig');
my $top = topdir();
my @options = $pg->rows('SELECT name, type, coalesce("default", \'\'), coalesce(range, \'\'), description FROM dtsmig.task_options');
my @server = $pg->rows('SELECT name, type, coalesce("default", \'\'), coalesce(range, \'\'), description FROM dtsmig.server_options');
is($pg->sql("SELECT string_agg(name, ',' ORDER BY name) FROM dtsmig.server_options WHERE belongs_to = 'server'"),
    join(',', sort split /, /, ($pg->error('CREATE SERVER s TYPE \'mariadb\' FOREIGN DATA WRAPPER dtsmig_fdw OPTIONS (x \'1\')') =~ /Valid options in this context are: (.*)\./)[0] // ''), 'the validator knows the same');

# Each name and each text stands once in the code as a string; a default is
# nowhere written a second time next to the field that holds the option.
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
done_testing();
