# Dts::Env: where a test runs: its temporary folder, the account that servers
# run as, free ports, child processes, and their end.
#
# Every process that a test starts goes through spawn() and is ended by its
# pid when the test ends, however it ends. Temporary folders are removed when
# all went well and DTS_KEEP is not set.
package Dts::Env;
use strict;
use warnings;
use Carp qw(croak);
use Cwd qw(abs_path);
use Exporter qw(import);
use File::Basename qw(dirname);
use File::Path qw(make_path remove_tree);
use File::Temp ();
use IO::Socket::INET;
use POSIX qw(:sys_wait_h);
use Time::HiRes qw(sleep time);

our @EXPORT_OK = qw(
  tmpdir topdir bindir free_port spawn reap alive run_as server_user
  own_dir poll_until slurp on_exit descendants vm_hwm note_time capture program
);

my $topdir = abs_path(dirname(__FILE__) . '/../../..');
my $main_pid = $$;
my $crashed = 0;
my ($base, %children, @hooks);

sub topdir { return $topdir; }

# The folder of this test: below DTS_TMP (which test/run makes), else in /tmp.
sub tmpdir
{
    return $base if defined $base;
    my $root = $ENV{DTS_TMP} // $ENV{TMPDIR} // '/tmp';
    my ($name) = $0 =~ m{([^/]+?)(\.pl)?$};
    $base = File::Temp::tempdir("dts-$name-XXXXXX", DIR => $root);
    chmod 0755, $base;
    return $base;
}

# Folder of PostgreSQL's programs: a private copy with the extension in it if
# test/run made one, else what pg_config says.
sub bindir
{
    return $ENV{DTS_BINDIR} if $ENV{DTS_BINDIR};
    my $pg_config = $ENV{PG_CONFIG} // 'pg_config';
    chomp(my $dir = `$pg_config --bindir`);
    return $dir;
}

# Where a program of the machine is; those of servers are not in every PATH.
sub program
{
    my ($name) = @_;
    for my $dir (split(/:/, $ENV{PATH}), '/usr/sbin', '/usr/local/sbin', '/usr/bin')
    {
        return "$dir/$name" if -x "$dir/$name";
    }
    croak "no program $name";
}

# Servers refuse root: as root they run under an account of their own.
sub server_user
{
    my ($kind) = @_;
    return undef if $> != 0;
    for my $user ($kind eq 'mariadb' ? qw(mysql postgres nobody)
        : qw(postgres nobody))
    {
        return $user if getpwnam($user);
    }
    croak "no account to run $kind";
}

sub own_dir
{
    my ($dir, $user) = @_;
    make_path($dir);
    if (defined $user)
    {
        my (undef, undef, $uid, $gid) = getpwnam($user);
        chown $uid, $gid, $dir;
    }
    return $dir;
}

sub _become
{
    my ($user) = @_;
    return unless defined $user;
    my (undef, undef, $uid, $gid, undef, undef, undef, $home) = getpwnam($user);
    $( = $gid;
    $) = "$gid $gid";
    $< = $uid;
    $> = $uid;
    $ENV{HOME} = $ENV{TMPDIR} // '/tmp';
    $ENV{USER} = $ENV{LOGNAME} = $user;
}

# Runs a command to its end as user; returns (exit code, output).
sub run_as
{
    my ($user, @cmd) = @_;
    my $pid = open(my $fh, '-|') // croak "fork: $!";
    if (!$pid)
    {
        chdir '/';
        _become($user);
        open STDIN, '<', '/dev/null';
        open STDERR, '>&', \*STDOUT;
        exec { $cmd[0] } @cmd or POSIX::_exit(127);
    }
    local $/;
    my $out = <$fh> // '';
    close $fh;
    return ($? >> 8 || $? & 127, $out);
}

# Standard output of a command (arguments as a list, no shell).
sub capture
{
    my ($code, $out) = run_as(undef, @_);
    croak "failed ($code): @_\n$out" if $code;
    return $out;
}

# Starts a process in the background; options: user, log (file), stdin
# (a string to feed), code (a sub instead of a command). Returns its pid.
sub spawn
{
    my ($opt, @cmd) = @_;
    my $pid = fork() // croak "fork: $!";
    if (!$pid)
    {
        $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP PIPE __DIE__);
        if ($opt->{log})
        {
            open STDOUT, '>>', $opt->{log} or POSIX::_exit(126);
            open STDERR, '>&', \*STDOUT;
        }
        open STDIN, '<', '/dev/null';
        if ($opt->{code})
        {
            my $ok = eval { $opt->{code}->(); 1 };
            print STDERR $@ unless $ok;
            POSIX::_exit($ok ? 0 : 1);
        }
        chdir '/';
        _become($opt->{user});
        { no warnings; exec { $cmd[0] } @cmd; }
        print STDERR "exec $cmd[0]: $!\n";
        POSIX::_exit(127);
    }
    $children{$pid} = 1;
    return $pid;
}

# Is our child still running? Collects it if not; the status stays in $?.
sub alive
{
    my ($pid) = @_;
    return 0 unless $children{$pid};
    my $got = waitpid($pid, WNOHANG);
    return 1 if $got == 0;
    delete $children{$pid};
    return 0;
}

# Sends signal (may be undef) to our child and waits until it is gone; after
# timeout seconds it is killed. Returns its wait status.
sub reap
{
    my ($pid, $signal, $timeout) = @_;
    return 0 unless $children{$pid};
    kill $signal, $pid if defined $signal;
    my $end = time + ($timeout // 30);
    while (time < $end)
    {
        my $got = waitpid($pid, WNOHANG);
        if ($got != 0)
        {
            my $status = $?;
            delete $children{$pid};
            return $status;
        }
        sleep 0.01;
    }
    kill 'KILL', $pid;
    waitpid($pid, 0);
    my $status = $?;
    delete $children{$pid};
    return $status;
}

# Pids of all processes below pid (not pid itself).
sub descendants
{
    my ($root) = @_;
    my %kids;
    for my $stat (glob '/proc/[0-9]*/stat')
    {
        open my $fh, '<', $stat or next;
        my $line = <$fh> // next;
        my ($pid, $ppid) = $line =~ /^(\d+) \(.*\) \S (\d+)/s or next;
        push @{ $kids{$ppid} }, $pid;
    }
    my @all = my @todo = @{ $kids{$root} // [] };
    while (@todo)
    {
        my @next = map { @{ $kids{$_} // [] } } @todo;
        push @all, @next;
        @todo = @next;
    }
    return @all;
}

# Highest resident size of a process so far, in kB; undef if it is gone.
sub vm_hwm
{
    my ($pid, $field) = @_;
    $field //= 'VmHWM';
    open my $fh, '<', "/proc/$pid/status" or return undef;
    while (<$fh>) { return $1 if /^$field:\s+(\d+)/; }
    return undef;
}

my %ports;

# A TCP port of 127.0.0.1 that nobody uses, and that no other test is about to
# use: a socket of the other protocol on the same number reserves it while this
# process lives.
sub free_port
{
    for (1 .. 2000)
    {
        my $port = 20000 + int(rand(12000));
        next if $ports{$port};
        my $reserved = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port, Proto => 'udp') or next;
        my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
            LocalPort => $port, Proto => 'tcp', Listen => 1);
        next unless $s;
        close $s;
        $ports{$port} = $reserved;
        return $port;
    }
    croak 'no free port';
}

# Does anybody listen on this port of 127.0.0.1?
sub listens
{
    my ($port) = @_;
    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port, Proto => 'tcp') or return 0;
    close $s;
    return 1;
}

# Calls code until it returns true; its value, or undef after timeout seconds.
sub poll_until
{
    my ($code, $timeout, $step) = @_;
    my $end = time + ($timeout // 30);
    while (1)
    {
        my $value = $code->();
        return $value if $value;
        return undef if time >= $end;
        sleep($step // 0.05);
    }
}

sub slurp
{
    my ($file) = @_;
    open my $fh, '<:raw', $file or return '';
    local $/;
    return <$fh> // '';
}

sub note_time
{
    my ($text, $start) = @_;
    printf "# %s: %.1f s\n", $text, time - $start;
}

# A server that was to run has crashed: the test fails, whatever it saw.
sub crashed
{
    my ($text) = @_;
    print STDERR "# $text\n";
    $crashed = 1;
}

# Servers and proxies register how they are stopped.
sub on_exit { push @hooks, $_[0]; }

# Leaves all children running and all folders in place.
sub forget
{
    @hooks = ();
    %children = ();
    undef $base;
}

sub _cleanup
{
    my ($anybody) = @_;
    return if $$ != $main_pid && !$anybody;
    local ($?, $@, $!);
    while (my $hook = pop @hooks) { eval { $hook->(); }; }
    kill 'KILL', $_ for keys %children;
    waitpid($_, 0) for keys %children;
    %children = ();
}

END
{
    if ($$ == $main_pid)
    {
        my $status = $?;
        my $ok = $status == 0;
        if ($INC{'Test/More.pm'})
        {
            my $tb = Test::More->builder;
            $ok &&= $tb->is_passing;
        }
        _cleanup();
        $status = 1 if $crashed && $status == 0;
        $ok &&= !$crashed;
        if (defined $base && -d $base)
        {
            # what is kept of a run that fails, the run knows
            if ($ok && !$ENV{DTS_KEEP}) { remove_tree($base, { safe => 0 }); }
            elsif (!$ENV{DTS_TMP}) { print STDERR "# logs and data are kept in $base\n"; }
        }
        $? = $status;
    }
}
$SIG{$_} = sub { die "dts: ended by a signal\n" } for qw(INT TERM HUP);
# A client that fails to connect does not read what it was to be known.
$SIG{PIPE} = 'IGNORE';

1;
