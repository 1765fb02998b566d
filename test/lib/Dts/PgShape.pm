# Dts::PgShape: are the schemas of two PostgreSQL servers equal?
#
#   same_schema($src, $pg, 'after ALTER', schemas => ['app']);
#
# pg_dump of both is compared, statement by statement, without owners and
# privileges, and without REPLICA IDENTITY (which the source may need).
package Dts::PgShape;
use strict;
use warnings;
use Exporter qw(import);
use Test::More ();
use Dts::Env qw(run_as);

our @EXPORT_OK = qw(same_schema pg_shape);

# The statements of a server's schemas, sorted.
sub pg_shape
{
    my ($server, $dump, %opt) = @_;
    my ($code, $out) = run_as(undef, $dump, '-s', '-O', '-x', '-h', '127.0.0.1', '-p',
        $server->{port}, '-U', 'postgres', '-d', $opt{db} // 'postgres',
        map { ('-n', qq("$_")) } @{ $opt{schemas} });
    die "pg_dump: $out" if $code;
    my @parts = split /^--\n-- Name: .*\n--\n/m, $out;
    shift @parts;
    for (@parts)
    {
        s/^(?:SET|SELECT pg_catalog\.set_config|\\(?:un)?restrict).*\n//mg;
        s/^ALTER TABLE ONLY \S+ REPLICA IDENTITY .*\n//mg;
        s/^--.*\n//mg;
        s/EXECUTE PROCEDURE/EXECUTE FUNCTION/g;
        s/\s+\z//;
        s/\A\s+//;
        s/\n{2,}/\n/g;
    }
    return sort grep { $_ ne '' } @parts;
}

sub same_schema
{
    my ($src, $dst, $what, %opt) = @_;
    my $dump = "$dst->{bindir}/pg_dump";
    my (%n, @diff);
    $n{$_}++ for pg_shape($src, $dump, %opt);
    $n{$_}-- for pg_shape($dst, $dump, %opt, db => undef);
    for (sort keys %n)
    {
        push @diff, ($n{$_} > 0 ? 'missing: ' : 'too many: ') . substr $_, 0, 1000 if $n{$_};
        last if @diff > 12;
    }
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return Test::More::is(join("\n", @diff), '', "$what: the schemas are equal");
}

1;
