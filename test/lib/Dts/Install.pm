# Dts::Install: builds the extension and installs it into a private copy of
# a PostgreSQL installation, so that a test run neither needs rights on nor
# disturbs the one of the machine.
#
#   build_and_install($tmp);                      the one of PG_CONFIG
#   my $bindir = foreign_bindir('postgresql-18-dev');  one of test/servers
#   add_pgvector();                               pgvector, of test/servers, too
package Dts::Install;
use strict;
use warnings;
use Carp qw(croak);
use Digest::SHA ();
use Exporter qw(import);
use Fcntl qw(:flock);
use File::Basename qw(dirname);
use File::Path qw(make_path remove_tree);
use Dts::Env qw(topdir tmpdir);
use Dts::Kinds qw(server_folder);

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

# Copies an installation below dest, so that it can be written to.
sub _copy
{
    my ($log, $dest, $program) = @_;
    for my $what (qw(bindir pkglibdir sharedir))
    {
        my $path = pg_config($what, $program);
        make_path(dirname("$dest$path"));
        _run($log, '/bin/cp', '-a', "$path", "$dest$path") if !-e "$dest$path";
    }
    my $bindir = $dest . pg_config('bindir', $program);
    croak "no postgres in $bindir" unless -x "$bindir/postgres";
    return $bindir;
}

# Builds in folder from with the PostgreSQL of program (undef: the default)
# and installs into a copy of it below dir. Returns the copy's bindir.
sub _install
{
    my ($dir, $from, $program) = @_;
    my $log = "$dir/build.log";
    my @make = ('make', '-C', $from, '-s', $program ? "PG_CONFIG=$program" : (), $ENV{WERROR} ? 'WERROR=1' : ());
    chomp(my $cpus = `nproc 2>/dev/null` || 1);
    _run($log, @make, "-j$cpus", 'all');
    my $bindir = _copy($log, "$dir/install", $program);
    _run($log, @make, 'install', "DESTDIR=$dir/install");
    return $bindir;
}

# The same in the folder of another release, with its compiler and libraries.
sub _install_there
{
    my ($dir, $root, $build, $program) = @_;
    my $log = "$dir/build.log";
    croak "building in $root needs root" if $> != 0;
    (my $from = $build) =~ s{^\Q$root\E}{};
    my $config = '/' . readlink("$root/pgbin") . '/pg_config.bin';
    my @make = ('chroot', $root, 'make', '-C', $from, '-s', "PG_CONFIG=$config", $ENV{WERROR} ? 'WERROR=1' : ());
    chomp(my $cpus = `nproc 2>/dev/null` || 1);
    _run($log, @make, "-j$cpus", 'all');
    _run($log, @make, 'install', "DESTDIR=$from/staged");
    my $bindir = _copy($log, "$dir/install", $program);
    _run($log, '/bin/cp', '-a', "$build/staged/.", "$dir/install$root/");
    return $bindir;
}

# dir: an existing folder, readable by everybody. Sets DTS_BINDIR for
# everything after it.
sub build_and_install
{
    my ($dir) = @_;
    return $ENV{DTS_BINDIR} = _install($dir, topdir(), $ENV{PG_CONFIG});
}

# Puts pgvector into the run's installation.
sub add_pgvector
{
    my $root = server_folder('pgvector');
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

# What a build depends on: the sources and the PostgreSQL that it is for.
sub _digest
{
    my ($program) = @_;
    my $sha = Digest::SHA->new(256);
    $sha->add(map { pg_config($_, $program) } qw(version configure cflags includedir-server));
    $sha->add($ENV{WERROR} // '');
    my $top = topdir();
    for my $file ("$top/Makefile", glob("$top/dtsmig*"), glob("$top/src/*"), glob("$top/src/*/*"), glob("$top/src/*/*/*"))
    {
        next if -d $file || $file =~ /\.(?:o|so|bc|d)$/;
        $sha->add(substr $file, length $top)->addfile($file);
    }
    return substr $sha->hexdigest, 0, 16;
}

# The programs of another PostgreSQL than the run's, with the extension built
# for it, from a copy, as the objects of one version are no good for another.
# Built once for each state of the sources: the copy is kept where the servers
# are.
sub foreign_bindir
{
    my ($kind) = @_;
    my $root = server_folder($kind);
    my $program = "$root/pgbin/pg_config";
    my $dir = ($ENV{DTS_TMP} // tmpdir()) . "/$kind";
    make_path($dir);
    open my $lock, '>>', "$dir/lock" or croak "$dir/lock: $!";
    flock($lock, LOCK_EX);
    if (!-e "$dir/bindir")
    {
        my $there = -d "$root/build";
        my $kept = $there ? "$root/build" : -w "$root/.." ? "$root.builds" : "$dir/builds";
        my $build = "$kept/" . _digest($program);
        make_path($kept);
        open my $one, '>>', "$kept/lock" or croak "$kept/lock: $!";
        flock($one, LOCK_EX);
        if (!-e "$build/dtsmig.so")
        {
            # those of earlier states are of no use any more
            remove_tree(grep { -d && time - (stat)[9] > 3600 } glob "$kept/*");
            make_path($build);
            _run("$dir/build.log", '/bin/sh', '-c', 'cd "$1" && tar -c --exclude="*.o" '
                  . '--exclude="*.so" --exclude="*.bc" --exclude="*.d" Makefile dtsmig* src | tar -x -C "$2"',
                'sh', topdir(), $build);
        }
        symlink $there ? _install_there($dir, $root, $build, $program) : _install($dir, $build, $program), "$dir/bindir"
          or croak "$dir/bindir: $!";
    }
    return readlink "$dir/bindir";
}

1;
