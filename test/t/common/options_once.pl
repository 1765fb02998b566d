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

# States: each word is a constant, as the CHECK of its column has it.
my %column = (TASK_WANTED => 'task.wanted', TASK_STATUS => 'task.status', TASK_PHASE => 'task.phase', TASK_STEP => 'task.step',
    TABLE_STATE => 'task_table.state', TABLE_STEP => 'task_table.resync_step', OBJECT_STATE => 'task_object.state',
    OBJECT_PHASE => 'task_object.phase', JOB_KIND => 'task_job.kind', JOB_STATE => 'task_job.state', DIFFERENCE_STATE => 'verify_difference.state');
my %word;
my $states = slurp("$top/src/store/states.h");
push @{ $word{$1} }, $3 while $states =~ /#define (\w+?_(?:WANTED|STATUS|PHASE|STEP|STATE|KIND))_(\w+) "(\w+)"/g;
is_deeply([ sort keys %word ], [ sort keys %column ], 'columns with states');
for my $of (sort keys %column)
{
    my ($table, $name) = split /\./, $column{$of};
    my $check = $pg->value("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'dtsmig.$table'::regclass AND contype = 'c' AND conkey = ARRAY[(SELECT attnum FROM pg_attribute WHERE attrelid = conrelid AND attname = '$name')]");
    is(join(' ', sort @{ $word{$of} }), join(' ', sort $check =~ /'(\w+)'/g), "$column{$of}: the words of its CHECK");
}
my $words = join '|', map { @$_ } values %word;
my @literal;
for my $file (glob "$top/src/worker/*.c $top/src/store/*.c $top/src/tables/*.c")
{
    my $code = slurp($file) =~ s{/\*.*?\*/}{}gsr;
    push @literal, $file =~ s{.*/}{}r . ": $1" while $code =~ /((?:->|\.)(?:step|status|wanted|state|resync_step), "(?:$words)"|(?:at_step|task_set_step|put_in_sync|insert_table|store_table_add|store_tables_move_step|object_settle|object_set_state|objects_to_make|store_jobs_add_statements)\([^;"]*"(?:$words)"|[?:] "(?:$words)" : ?"(?:$words)")/g;
}
is(join("\n", @literal), '', 'the code compares with the constants');
done_testing();
