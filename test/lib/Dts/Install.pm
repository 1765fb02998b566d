# Dts::Install: builds the extension and installs it into a private copy of
# the PostgreSQL installation, so that a test run neither needs rights on nor
# disturbs the one of the machine. Sets DTS_BINDIR for everything after it.
package Dts::Install;
use strict;
use warnings;
use Carp qw(croak);
use Exporter qw(import);
use File::Basename qw(dirname);
use File::Path qw(make_path);
use Dts::Env qw(topdir);

our @EXPORT_OK = qw(build_and_install pg_config);

sub pg_config
{
    my ($what) = @_;
    my $program = $ENV{PG_CONFIG} // 'pg_config';
    chomp(my $v = `$program --$what`);
    croak "$program --$what failed" if $? || $v eq '';
    return $v;
}

sub _run
{
    my ($log, @cmd) = @_;
    my $pid = fork() // croak "fork: $!";
    if (!$pid)
    {
        # make would hand its own settings on
        delete @ENV{qw(MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES)};
        open STDOUT, '>>', $log or die "$log: $!";
        open STDERR, '>&', \*STDOUT;
        exec @cmd or die "exec: $!";
    }
    waitpid $pid, 0;
    return if $? == 0;
    print STDERR Dts::Env::slurp($log);
    croak "failed: @cmd";
}

# dir: an existing folder, readable by everybody.
sub build_and_install
{
    my ($dir) = @_;
    my $log = "$dir/build.log";
    my @make = ('make', '-C', topdir(), '-s');
    push @make, "PG_CONFIG=$ENV{PG_CONFIG}" if $ENV{PG_CONFIG};
    push @make, 'WERROR=1' if $ENV{WERROR};
    chomp(my $cpus = `nproc 2>/dev/null` || 1);
    _run($log, @make, "-j$cpus", 'all');
    my $dest = "$dir/install";
    for my $what (qw(bindir pkglibdir sharedir))
    {
        my $path = pg_config($what);
        make_path(dirname("$dest$path"));
        _run($log, '/bin/cp', '-a', "$path", "$dest$path") if !-e "$dest$path";
    }
    _run($log, @make, 'install', "DESTDIR=$dest");
    my $bindir = $dest . pg_config('bindir');
    croak "no postgres in $bindir" unless -x "$bindir/postgres";
    $ENV{DTS_BINDIR} = $bindir;
    return $bindir;
}

1;
