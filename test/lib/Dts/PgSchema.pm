# Dts::PgSchema: the objects of a PostgreSQL database, as pg_dump gives them.
#
#   my $report = compare_schemas($src, 'shop', $pg, 'postgres', args => [...]);
#   is(join("\n", @{ $report->{different} }), '', 'equal');
package Dts::PgSchema;
use strict;
use warnings;
use Carp qw(croak);
use Exporter qw(import);
use IPC::Run ();
use Dts::Env qw(bindir);

our @EXPORT_OK = qw(dump_objects compare_schemas);

# Hash of "Name: …; Type: …; Schema: …" to the definition; always by the
# destination's pg_dump (in bindir). exclude: schemas; args: more options.
sub dump_objects
{
    my ($server, $db, %opt) = @_;
    my ($out, $err) = ('', '');
    IPC::Run::run([ ($opt{bindir} // bindir()) . '/pg_dump', '-h', '127.0.0.1', '-p', $server->{port},
        '-U', 'postgres', '--schema-only', ($opt{grants} ? () : qw(--no-owner --no-acl)),
        (map { "--exclude-schema=$_" } @{ $opt{exclude} // [] }), @{ $opt{args} // [] },
        '-d', $db ], '<', \undef, '>', \$out, '2>', \$err) or croak "pg_dump: $err";
    $out =~ s/^\\(?:un)?restrict .*\n//mg;
    $out =~ s/^--\n-- PostgreSQL database dump complete\n--\n.*//ms;
    my @parts = split /^--\n-- (Name: .*; Type: .*; Schema: .*; Owner:.*)\n--\n\n/m, $out;
    shift @parts;
    my %objects;
    while (my ($name, $text) = splice @parts, 0, 2)
    {
        # said once for all that follow
        $text =~ s/^SET default_(?:tablespace|table_access_method) = .*;\n//mg;
        # a server's own count, which a pg_dump of before it takes for an option
        $text =~ s/^ALTER .* SET \(pg_attver=\d+\);\n//mg;
        $text =~ s/\A\s+|\s+\z//g;
        push @{ $objects{$name} }, $text;
    }
    $_ = join "\n", sort @$_ for values %objects;
    return \%objects;
}

# What of one is not in the other, or differs, by name; the extension's own
# left out. Returns { equal => n, different => [...], objects => n }.
sub compare_schemas
{
    my ($src, $from, $dst, $to, %opt) = @_;
    $opt{bindir} //= $dst->{bindir};
    my $a = dump_objects($src, $from, %opt);
    my $b = dump_objects($dst, $to, %opt, exclude => [ 'dtsmig', @{ $opt{exclude} // [] } ]);
    my $own = qr/Name: (?:dtsmig|EXTENSION dtsmig|src_\w+|USER MAPPING \w+ SERVER src_\w+);/;
    my %report = (objects => scalar(keys %$a), equal => 0, different => []);
    for my $name (sort keys %$a)
    {
        if (!exists $b->{$name}) { push @{ $report{different} }, "missing: $name"; }
        elsif ($a->{$name} ne $b->{$name}) { push @{ $report{different} }, "differs: $name"; }
        else { $report{equal}++; }
    }
    push @{ $report{different} }, map { "too many: $_" }
      grep { !exists $a->{$_} && !/$own/ } sort keys %$b;
    return \%report;
}

1;
