# Random tables, sessions (character sets, zones, sql_modes, row images), rows and
# statements of the MySQL family go through a task: copied, followed, copied
# again. Both sides are compared byte by byte, defaults and NOT NULL too. Each
# round prints its seed when it fails: DTS_SEED=N runs it alone (Dts::Random).
#
# dts-runs: mariadb, mysql-9.7
# dts-deep-runs: mysql-5.6, mariadb-11.8
use strict;
use warnings;
use Test::More;
use Dts::Compare qw(compare_tables);
use Dts::Random qw(rounds round_of pick between note_script);
use Dts::RandomMy;
use Dts::Task qw(server_pair);

my ($my, $pg) = server_pair(kind => $ENV{DTS_KIND});
$my->sql('CREATE DATABASE defaults');

sub columns_of
{
    my ($db) = @_;
    return $my->rows("SELECT table_name, column_name, is_nullable, COALESCE(column_default, '\\0'), extra, data_type FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name) WHERE table_schema = '$db' AND table_type = 'BASE TABLE' ORDER BY table_name, ordinal_position");
}

# What the columns are that no row shows: NOT NULL, and defaults, which a row
# without any value has.
sub definitions
{
    my ($db) = @_;
    my (@diff, %left_out, %tables);
    my %here = map { ("$_->[0].$_->[1]" => $_->[2]) } $pg->rows("SELECT relname, attname, attnotnull::int FROM pg_attribute JOIN pg_class c ON c.oid = attrelid WHERE relnamespace = '$db'::regnamespace AND relkind IN ('r', 'p') AND attnum > 0 AND NOT attisdropped");
    for (columns_of($db))
    {
        my ($table, $column, $null, $default, $extra, $type) = @$_;
        push @{ $left_out{$table} }, $column if !defined $default || $default =~ /^(?:\0|NULL|current_timestamp.*|\\0)$/i || $extra =~ /auto_increment|GENERATED|STORED|VIRTUAL|PERSISTENT|on update/i && $extra !~ /^DEFAULT_GENERATED$/;
        $tables{$table} = 1;
        my $not_null = $here{"$table.$column"} // next;
        # zero dates, and index 0 of an ENUM, become NULL
        push @diff, "$table.$column: NOT NULL is " . ($null eq 'NO' ? 'missing' : 'too much')
          if $not_null != ($null eq 'NO') && !($null eq 'NO' && $type =~ /^(?:date|datetime|timestamp|enum)$/);
    }
    for my $table (sort keys %tables)
    {
        my ($code, undef, $error) = $my->mariadb("SET sql_mode = ''; DROP TABLE IF EXISTS defaults.d; CREATE TABLE defaults.d LIKE $db.$table; INSERT INTO defaults.d () VALUES ()");
        next if $code || !grep { my ($t, $c) = @$_; $t eq $table && !grep { $_ eq $c } @{ $left_out{$table} // [] } } columns_of($db);
        $pg->sql("CREATE SCHEMA IF NOT EXISTS defaults; DROP TABLE IF EXISTS defaults.d; CREATE TABLE defaults.d (LIKE $db.$table INCLUDING DEFAULTS);\n"
              . $pg->value("SELECT coalesce(string_agg(format('ALTER TABLE defaults.d ALTER %I DROP NOT NULL;', attname), ' '), '') FROM pg_attribute WHERE attrelid = '$db.$table'::regclass AND attnum > 0 AND NOT attisdropped")
              . "\nINSERT INTO defaults.d DEFAULT VALUES");
        my ($difference) = compare_tables($my, $pg, [ [ 'defaults.d', 'defaults.d' ] ], columns => { map { $_ => undef } @{ $left_out{$table} // [] } });
        push @diff, "defaults of $table: $difference" if $difference ne '';
    }
    return @diff;
}

# Columns that are made of dates of which some are NULL here (zero_date = null),
# and so are they (docs/types.md).
sub made_of_zero_dates
{
    my ($db, $table) = @_;
    return if $my->{mysql} && $my->{version} < 50708;
    my @columns = $my->rows("SELECT column_name, data_type, generation_expression FROM information_schema.columns WHERE table_schema = '$db' AND table_name = '$table'");
    my @zero = grep { $my->value("SELECT COUNT(*) FROM `$db`.`$table` WHERE MONTH(`$_`) = 0 OR DAY(`$_`) = 0 OR (`$_` IS NOT NULL AND TO_DAYS(`$_`) IS NULL)") } map { $_->[0] } grep { $_->[1] =~ /^(?:date|datetime|timestamp)$/ } @columns;
    my @made;
    # one may be made of another
    for (1 .. 3)
    {
        for my $c (@columns) { push @made, $c->[0] if grep { ($c->[2] // '') =~ /`\Q$_\E`/ } @zero, @made; }
    }
    return @made;
}

sub differences
{
    my ($db) = @_;
    my @tables = map { $_->[0] } $my->rows("SELECT table_name FROM information_schema.tables WHERE table_schema = '$db' AND table_type = 'BASE TABLE'");
    my @diff = map { grep { $_ ne '' } compare_tables($my, $pg, [ [ "$db.$_", "$db.$_" ] ], columns => { map { $_ => undef } made_of_zero_dates($db, $_) }) } @tables;
    my %there = map { $_ => 1 } @tables;
    push @diff, map { "$_: not at the source" } grep { !$there{$_} } map { $_->[0] } $pg->rows("SELECT relname FROM pg_class WHERE relnamespace = '$db'::regnamespace AND relkind = 'r'");
    return @diff;
}

rounds([ 9251095, $my->{mysql} ? () : 9251101 ], 260, sub {
    my ($seed) = @_;
    my $db = "r$seed";
    my $source = Dts::RandomMy->new($my, $db);
    return round_of(make => sub {
        $source->make_database;
        my %options = (copy_workers => between(1, 2), batch_delay => pick(0, 50, 500), time => pick(qw(time interval)), json => pick(qw(jsonb jsonb json)),
            set => pick(qw(array text)), enum => pick(qw(enum enum text)), bit1 => pick(qw(bit bit boolean)), partitions => pick(qw(plain keep)));
        note_script('-- options ' . join ', ', map { "$_ = $options{$_}" } sort keys %options);
        return Dts::Task->new($my, $pg, name => $db, db => $db, options => \%options);
    }, session => sub { $source->session }, differences => sub { return (differences($db), definitions($db)) }, clean => sub {
        $my->sql("DROP DATABASE $db");
        $pg->sql("SET client_min_messages = warning; DROP SCHEMA IF EXISTS $db CASCADE");
    });
});
done_testing();
