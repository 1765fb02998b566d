package Dts::MyRows;

# Rows of PostgreSQL and of a server of the MySQL family, each asked for by its own
# client, as texts that are equal where the values are.
use strict;
use warnings;
use Exporter qw(import);
use JSON::PP ();
our @EXPORT_OK = qw(my_rows_difference);

# How values of a kind are asked for, so that both answers are equal.
my %pg = (
    t => sub { "encode(convert_to(rtrim($_[0]::text, $_[1]), 'UTF8'), 'hex')" },
    b => sub { "encode($_[0], 'hex')" },
    i => sub { "$_[0]::bigint" }, n => sub { $_[0] },
    f => sub { "$_[0]::float8" }, B => sub { "$_[0]::integer" },
    d => sub { "to_char($_[0], 'YYYY-MM-DD')" },
    s => sub { "to_char($_[0], 'YYYY-MM-DD HH24:MI:SS.US')" },
    z => sub { "to_char($_[0] AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')" },
    h => sub { "$_[0]::text" }, x => sub { "$_[0]::text" },
    j => sub { "encode(convert_to($_[0]::text, 'UTF8'), 'hex')" },
    a => sub { "encode(convert_to(array_to_json($_[0])::text, 'UTF8'), 'hex')" });
my %my = (
    (map { $_ => sub { "LOWER(HEX($_[0]))" } } qw(t b)),
    (map { $_ => sub { "LOWER(HEX(CONVERT($_[0] USING utf8mb4)))" } } qw(j a)),
    (map { $_ => sub { $_[0] } } qw(i n)), f => sub { "$_[0] + 0e0" }, B => sub { "$_[0] + 0" },
    d => sub { "DATE_FORMAT($_[0], '%Y-%m-%d')" },
    (map { $_ => sub { "DATE_FORMAT($_[0], '%Y-%m-%d %H:%i:%s.%f')" } } qw(s z)),
    h => sub { "$_[0]" }, x => sub { "BIN($_[0] + 0)" });
my $codec = JSON::PP->new->utf8->canonical->allow_nonref->allow_bignum;

sub canonical
{
    my ($kind, $v) = @_;
    return 'NULL' if !defined $v;
    if ($kind eq 'n') { $v =~ s/(\.\d*?)0+$/$1/; $v =~ s/\.$//; $v =~ s/^-0$/0/; }
    if ($kind eq 'h') { $v =~ s/(\.\d*?)0+$/$1/; $v =~ s/\.$//; }
    if ($kind eq 'f') { $v = sprintf '%.17g', $v; }
    if ($kind eq 'x') { $v =~ s/^0+(?=.)//; }
    if ($kind =~ /[ja]/) { my $t = pack 'H*', $v; $v = $codec->encode($codec->decode($t)); $v =~ s/(\d)\.0+\b/$1/g; $v =~ s/(\d\.\d*?[1-9])0+\b/$1/g; }
    return $v;
}

sub quoted
{
    my ($name, $quote) = @_;
    $name =~ s/$quote/$quote$quote/g;
    return "$quote$name$quote";
}

# $columns: [ [ column, kind ], … ]
sub rows_of
{
    my ($server, $table, $columns, $how, $quote) = @_;
    my $sql = 'SELECT ' . join(', ', map { $how->{ $_->[1] }->($quote->($_->[0]), "''") } @$columns) . ' FROM s.' . $quote->($table);
    return sort map { my $r = $_; join '|', map { canonical($columns->[$_][1], $r->[$_]) } 0 .. $#$columns } $server->rows($sql);
}

# The first rows, their values cut.
sub shown
{
    my ($where, $rows) = @_;
    return map { "  $where " . join '|', map { substr $_, 0, 60 } split /\|/ } grep { defined } @$rows[0 .. 2];
}

# What differs in tables of the schema s; %$columns: their columns, as above.
sub my_rows_difference
{
    my ($src, $dst, $columns, @tables) = @_;
    my @diff;
    for my $table (@tables)
    {
        my @a = rows_of($src, $table, $columns->{$table}, \%pg, sub { quoted($_[0], '"') });
        my @b = rows_of($dst, $table, $columns->{$table}, \%my, sub { quoted($_[0], '`') });
        next if "@a" eq "@b";
        my (%a, %b);
        $a{$_}++ for @a;
        $b{$_}++ for @b;
        push @diff, "$table: " . @a . ' rows, ' . @b . ' there', shown('source', [ grep { ($b{$_} // 0) != $a{$_} } sort keys %a ]), shown('there', [ grep { ($a{$_} // 0) != $b{$_} } sort keys %b ]);
    }
    return join "\n", @diff;
}

1;
