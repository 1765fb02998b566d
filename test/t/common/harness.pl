# The tests' own library: a server that crashes fails the test that runs it,
# although the postmaster starts its processes again and everything goes on.
use strict;
use warnings;
use Test::More;
use Dts::Env qw(tmpdir topdir);
use Dts::MariaDB;
use Dts::Postgres;

# A test of its own process: its exit status and what it printed.
sub outcome
{
    my ($code) = @_;
    my $file = tmpdir() . '/small.pl';
    open my $fh, '>', $file or die "$file: $!";
    print $fh "use strict; use warnings; use Test::More; use Dts::Env; use Dts::Postgres; use Dts::MariaDB; use Time::HiRes qw(sleep);\n$code\npass('it goes on'); done_testing();\n";
    close $fh;
    my $out = `$^X -I@{[ topdir() ]}/test/lib $file 2>&1`;
    return ($? >> 8, $out);
}

my $backend = q{my $pg = Dts::Postgres->new->start; my $pid = $pg->poll_query("SELECT pid > 0 FROM pg_stat_activity WHERE backend_type = 'walwriter'", 30) && $pg->value("SELECT pid FROM pg_stat_activity WHERE backend_type = 'walwriter'");};
my ($code, $out) = outcome($backend);
is($code, 0, 'a test without a crash passes') or diag($out);
for my $signal (qw(SEGV ABRT BUS))
{
    ($code, $out) = outcome("$backend kill '$signal', \$pid; Dts::Env::poll_until(sub { !kill 0, \$pid }, 60, 0.02); \$pg->poll_query('SELECT 1', 30, 1);");
    isnt($code, 0, "a process of the destination that ends by SIG$signal fails the test");
    like($out, qr/was terminated by signal/, 'the line of the log is shown');
}
($code, $out) = outcome("$backend kill 'KILL', \$pid; \$pg->poll_query('SELECT 1', 30, 1);");
is($code, 0, 'kill -9 is what tests do') or diag($out);
($code, $out) = outcome('my $my = Dts::MariaDB->new->start; kill "SEGV", $my->{pid}; waitpid $my->{pid}, 0; $my->stop;');
isnt($code, 0, 'a source that crashes fails the test');
done_testing();
