# Dts::Install: builds the extension and installs it into a private copy of
# a PostgreSQL installation, so that a test run neither needs rights on nor
# disturbs the one of the machine.
#
#   build_and_install($tmp);                      the one of PG_CONFIG
#   my $bindir = foreign_bindir('postgresql-18-dev');  one of test/servers
#   add_pgvector() or ...;                        pgvector, of test/servers, too
package Dts::Install;
use strict;
use warnings;
use Carp qw(croak);
use Exporter qw(import);
use Fcntl qw(:flock);
use File::Basename qw(dirname);
use File::Path qw(make_path);
use Dts::Env qw(topdir tmpdir);

our @EXPORT_OK = qw(build_and_install foreign_bindir add_pgvector pg_config);

sub pg_config
{
    my ($what, $program) = @_;
    $program //= $ENV{PG_CONFIG} // 'pg_config';
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

# Builds in folder from with the PostgreSQL of program (undef: the default)
# and installs into a copy of it below dir. Returns the copy's bindir.
sub _install
{
    my ($dir, $from, $program) = @_;
    my $log = "$dir/build.log";
    my @make = ('make', '-C', $from, '-s');
    push @make, "PG_CONFIG=$program" if $program;
    push @make, 'WERROR=1' if $ENV{WERROR};
    chomp(my $cpus = `nproc 2>/dev/null` || 1);
    _run($log, @make, "-j$cpus", 'all');
    my $dest = "$dir/install";
    for my $what (qw(bindir pkglibdir sharedir))
    {
        my $path = pg_config($what, $program);
        make_path(dirname("$dest$path"));
        _run($log, '/bin/cp', '-a', "$path", "$dest$path") if !-e "$dest$path";
    }
    _run($log, @make, 'install', "DESTDIR=$dest");
    my $bindir = $dest . pg_config('bindir', $program);
    croak "no postgres in $bindir" unless -x "$bindir/postgres";
    return $bindir;
}

# dir: an existing folder, readable by everybody. Sets DTS_BINDIR for
# everything after it.
sub build_and_install
{
    my ($dir) = @_;
    return $ENV{DTS_BINDIR} = _install($dir, topdir(), $ENV{PG_CONFIG});
}

# Puts pgvector into the run's installation. False: it is none of PostgreSQL 15.
sub add_pgvector
{
    return 0 if pg_config('version', $ENV{PG_CONFIG}) !~ / 15\b/;
    chomp(my $root = `"${\topdir()}/test/servers" --path pgvector-15`);
    croak 'no pgvector' unless $root && -d "$root/usr";
    (my $dest = $ENV{DTS_BINDIR}) =~ s{\Q${\pg_config('bindir', $ENV{PG_CONFIG})}\E$}{};
    croak "not a private installation: $ENV{DTS_BINDIR}" if $dest eq '';
    # once for all files of a run: a server may have it loaded
    open my $lock, '>>', "$dest/pgvector.lock" or croak "$dest/pgvector.lock: $!";
    flock($lock, LOCK_EX);
    return 1 if -e "$dest/pgvector.done";
    _run(($ENV{DTS_TMP} // tmpdir()) . '/build.log', '/bin/cp', '-a', "$root/usr", "$dest/");
    open my $done, '>', "$dest/pgvector.done" or croak "$dest/pgvector.done: $!";
    return 1;
}

# The programs of another PostgreSQL than the run's, with the extension built
# for it: once for all files of a run, from a copy, as the objects of one
# version are no good for another.
sub foreign_bindir
{
    my ($kind) = @_;
    chomp(my $root = `"${\topdir()}/test/servers" --path "$kind"`);
    croak "no server $kind" unless $root && -x "$root/bin/pg_config";
    my $dir = ($ENV{DTS_TMP} // tmpdir()) . "/$kind";
    make_path("$dir/src");
    open my $lock, '>>', "$dir/lock" or croak "$dir/lock: $!";
    flock($lock, LOCK_EX);
    if (!-e "$dir/bindir")
    {
        _run("$dir/build.log", '/bin/sh', '-c', 'cd "$1" && tar -c --exclude="*.o" '
              . '--exclude="*.so" --exclude="*.bc" --exclude="*.d" Makefile dtsmig* src | tar -x -C "$2"',
            'sh', topdir(), "$dir/src");
        symlink _install($dir, "$dir/src", "$root/bin/pg_config"), "$dir/bindir"
          or croak "$dir/bindir: $!";
    }
    return readlink "$dir/bindir";
}

1;
