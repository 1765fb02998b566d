# What a release is made of: META.json and the archive for PGXN, one version in
# all files, and an installation from the archive alone.
use strict;
use warnings;
use Test::More;
use JSON::PP ();
use Dts::Env qw(slurp tmpdir topdir);

my $top = topdir();
my $tmp = tmpdir();
sub run_in { my ($dir, $command) = @_; my $out = `cd '$dir' && $command 2>&1`; return ($? >> 8, $out); }

# --- META.json, by the rules of its specification (pgxn.org/meta/spec.txt)
my $meta = JSON::PP->new->decode(slurp("$top/META.json"));
ok(defined $meta->{$_}, "META.json has $_") for qw(name version abstract maintainer license provides meta-spec);
like($meta->{version}, qr/^\d+\.\d+\.\d+$/, 'a semantic version');
is($meta->{'meta-spec'}{version}, '1.0.0', 'of the specification 1.0.0');
ok(-e "$top/$meta->{provides}{dtsmig}{$_}", "its $_ exists") for qw(file docfile);
my ($code, $out) = run_in($top, 'packaging/release-check --agree');
is($code, 0, 'one version in META.json, control file, SQL, library, changelogs') or diag($out);

# --- the archive has what is tracked, and builds by itself
SKIP:
{
    skip 'no git here, or no checkout', 5 if grep { (run_in($top, $_))[0] != 0 } 'git rev-parse HEAD', 'unzip -v';
    my ($made, $name) = run_in($top, 'packaging/dist');
    is($made, 0, 'make dist') or diag($name);
    chomp $name;
    is((run_in($tmp, "unzip -q '$top/$name'"))[0], 0, 'it unpacks');
    my $dir = "$tmp/dtsmig-$meta->{version}";
    my @files = split /\n/, (run_in($dir, 'find . -type f'))[1];
    is(scalar(grep { /\.(?:o|so|d|bc)$/ } @files), 0, 'nothing built is in it');
    ($code, $out) = run_in($dir, "make -s -j2 COPT='-O0 -g0' && make -s install COPT='-O0 -g0' DESTDIR=$tmp/out");
    is($code, 0, 'it builds and installs') or diag($out);
    my @installed = sort map { s{.*/}{}r } split /\n/, (run_in("$tmp/out", 'find . -type f'))[1];
    is_deeply([ grep { /^dtsmig/ } @installed ], [ sort 'dtsmig.control', 'dtsmig.so', map { s{.*/}{}r } glob "$top/dtsmig--*.sql" ], 'control file, SQL and library');
}
done_testing();
