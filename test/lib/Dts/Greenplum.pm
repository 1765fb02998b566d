# Dts::Greenplum: a stand-in for a server of the Greenplum family: a PostgreSQL
# behind a line that takes the clauses of Greenplum's CREATE TABLE, and has no ON
# CONFLICT unless it is asked for; it refuses what Greenplum refuses (Dts::Keepers).
#
#   my $dst = Dts::Postgres->new(preload => 0)->start;
#   my $line = greenplum($dst);           # on_conflict => 1
#   Dts::Task->new(..., destination => $dst, destination_port => $line->{port});
package Dts::Greenplum;
use strict;
use warnings;
use Exporter qw(import);
use Dts::Keepers qw(stand_in);
use Dts::Proxy;

our @EXPORT_OK = qw(greenplum placed);

my $name = qr/"(?:[^"]|"")+"|\w+/;

# What the server behind the line is asked in place of that.
sub _as_postgresql
{
    my ($sql, %opt) = @_;
    # a syntax error, as of a server that does not know it
    $sql =~ s/\bON CONFLICT\b/ON_CONFLICT/g unless $opt{on_conflict};
    # which segment a row is in
    $sql =~ s/\bt\.gp_segment_id\b/0 AS gp_segment_id/g;
    $sql =~ s/\bd\.gp_segment_id\b/0/g;
    if ($sql =~ s/\nDISTRIBUTED (BY \((.*)\)|RANDOMLY|REPLICATED)\z//s)
    {
        my ($method, $key) = ($1 eq 'REPLICATED' ? 'r' : 'p', $2 // '');
        my ($table) = $sql =~ /^CREATE TABLE ($name(?:\.$name)?) \(/ or return "SELECT 'no table in DISTRIBUTED'::integer";
        my @key = map { s/^"|"$//gr =~ s/""/"/gr } $key =~ /($name)/g;
        $_ = "'" . s/'/''/gr . "'" for $table, @key;
        $sql =~ s/ WITH \(appendoptimized = true[^)]*\)//;
        $sql .= "; SELECT gp.place($table, '$method', ARRAY[" . join(', ', @key) . ']::text[])';
    }
    return $sql;
}

sub greenplum
{
    my ($dst, %opt) = @_;
    stand_in($dst, 'greenplum');
    $dst->sql('CREATE EXTENSION greenplum');
    return Dts::Proxy->new(port => $dst->{port}, rewrite => sub { _as_postgresql($_[0], %opt) });
}

# "table: columns" of a schema; r: replicated
sub placed
{
    my ($dst, $schema) = @_;
    return $dst->value("SELECT string_agg(c.relname || ': ' || CASE p.policytype WHEN 'r' THEN 'replicated' ELSE coalesce((SELECT string_agg(a.attname, ',' ORDER BY k.n) FROM unnest(p.distkey::int2[]) WITH ORDINALITY k(a, n) "
          . "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.a), 'randomly') END, '; ' ORDER BY c.relname COLLATE \"C\") "
          . "FROM gp_distribution_policy p JOIN pg_class c ON c.oid = p.localoid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = '$schema'");
}

1;
