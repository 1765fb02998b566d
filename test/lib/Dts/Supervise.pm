# Dts::Supervise: nothing of a run outlives it, however it ends.
#
#   use Dts::Supervise ();
#   my $tmp = Dts::Supervise::begin('dtsmig-test');   # in BEGIN
#
# begin() makes the run's folder, DTS_TMP, and forks. It is below DTS_TMPROOT, else
# TMPDIR or /tmp; with memory => 1 in memory where there is plenty of it: files
# that are made and removed all the time cost a disk's file system a fifth of the
# processor time of a run. The child goes on and does
# the work; the parent waits. When the child ends, be it by kill -9, the parent
# ends whatever is left of it (it is the subreaper of all its descendants) and
# removes the folder. When the parent is killed, the child notices, and leaves
# by itself. What is to be kept of a run that failed goes through keep_logs, or
# DTS_KEEP=1 keeps the folder.
package Dts::Supervise;
use strict;
use warnings;
use File::Find ();
use File::Path qw(make_path remove_tree);
use File::Temp ();
use POSIX ();
use Time::HiRes qw(sleep time);
use Dts::Env qw(topdir descendants);

my ($tmp, $parent);
my $keep = 0;

# Makes orphans of our descendants our children (prctl, PR_SET_CHILD_SUBREAPER).
sub _subreaper
{
    my $number = { x86_64 => 157, aarch64 => 167, riscv64 => 167, ppc64le => 171, s390x => 172 }->{ (POSIX::uname())[4] };
    syscall($number, 36, 1, 0, 0, 0) if defined $number;
}

# Ends all processes below us.
sub _end_all
{
    for (1 .. 20)
    {
        my @left = descendants($$) or return;
        kill 'KILL', @left;
        1 while waitpid(-1, POSIX::WNOHANG()) > 0;
        sleep 0.05;
    }
}

# A folder in memory that holds what the servers of a run need; undef: it would be
# tight, or no program could be run from there.
sub _memory
{
    my $dir = '/dev/shm';
    my ($free) = Dts::Env::slurp('/proc/meminfo') =~ /^MemAvailable:\s+(\d+) kB/m;
    my $need = 16 * 1024 * 1024;
    return undef if !defined $free || $free < $need || !-w $dir;
    my ($options) = Dts::Env::slurp('/proc/mounts') =~ m{^\S+ \Q$dir\E tmpfs (\S+)}m;
    return undef if !defined $options || $options =~ /\bnoexec\b/;
    my ($code, $out) = Dts::Env::run_as(undef, 'df', '-k', '--output=avail', $dir);
    my ($room) = $out =~ /^\s*(\d+)\s*\z/m;
    return !$code && defined $room && $room >= $need ? $dir : undef;
}

sub begin
{
    my ($name, %opt) = @_;
    my $memory = $opt{memory} && !$ENV{DTS_KEEP} ? _memory() : undef;
    $tmp = File::Temp::tempdir("$name-XXXXXX", DIR => $ENV{DTS_TMPROOT} // $memory // $ENV{TMPDIR} // '/tmp');
    chmod 0755, $tmp;
    mkdir "$tmp/tmp" or die "$tmp/tmp: $!";
    chmod 01777, "$tmp/tmp";
    $ENV{DTS_TMP} = $tmp;
    # of programs that make files of their own
    $ENV{TMPDIR} = "$tmp/tmp";
    $parent = $$;
    my $child = fork() // die "fork: $!";
    if (!$child) { return $tmp; }

    _subreaper();
    my $signal;
    for my $s (qw(INT TERM HUP))
    {
        $SIG{$s} = sub { $signal = $s; kill $s, $child; };
    }
    my $until;
    while (waitpid($child, POSIX::WNOHANG()) == 0)
    {
        sleep 0.1;
        # a child that was asked to end has some time for it
        $until //= time + 15 if $signal;
        kill 'KILL', $child if $until && time > $until;
    }
    my $status = $?;
    if (!-e "$tmp/keep")
    {
        _end_all();
        remove_tree($tmp, { safe => 0 });
    }
    POSIX::_exit($status & 127 ? 128 + ($status & 127) : $status >> 8);
}

# Is the supervisor still there? A run looks now and then, and ends if not.
sub orphaned { return defined $parent && getppid() != $parent; }

# To be called at the end of the child. keep: folder and processes stay.
sub finish
{
    my (%opt) = @_;
    if ($opt{keep} && open my $fh, '>', "$tmp/keep") { close $fh; }
    return unless orphaned();
    remove_tree($tmp, { safe => 0 }) unless $opt{keep};
}

# Copies logs, and nothing of databases, to tmp_check of the checkout; returns
# that folder.
sub keep_logs
{
    my $to = topdir() . '/tmp_check/logs';
    remove_tree($to) if -d $to;
    make_path($to);
    File::Find::find({ no_chdir => 1, wanted => sub {
        my $name = $File::Find::name;
        if (-d $name && !-l $name) { $File::Find::prune = 1 if $name =~ m{/(?:data|install|template[^/]*|postgresql-\d+-dev|tmp)$}; return; }
        return unless -f $name && $name =~ /(?:\.log|\.out|\.diffs|\/log)$/ && -s _ < 50_000_000;
        (my $at = substr $name, length "$tmp/") =~ s{/}{-}g;
        system('/bin/cp', $name, "$to/$at");
    } }, $tmp);
    return $to;
}

1;
