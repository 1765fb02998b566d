# Something that is no honest MySQL server: it asks for files and passwords in
# clear text, and lies about lengths. No process may crash or hang, and nothing
# that is asked for is given.
use strict;
use warnings;
use Test::More;
use IO::Socket::INET;
use Time::HiRes qw(time);
use Dts::Env qw(free_port spawn reap tmpdir slurp poll_until);
use Dts::Postgres;

my $pg = Dts::Postgres->new(preload => 0)->start;
$pg->sql('CREATE EXTENSION dtsmig');
my $secret = tmpdir() . '/secret_file';
{ open my $fh, '>', $secret or die $!; print $fh "content of a file\n"; close $fh; chmod 0644, $secret; }

sub packet { my ($seq, $body) = @_; return substr(pack('V', length $body), 0, 3) . chr($seq) . $body; }
sub lenenc { my ($s) = @_; return chr(length $s) . $s; }
my $greeting = "\x0a" . "8.0.30\0" . pack('V', 7) . 'abcdefgh' . "\0" . pack('v', 0xf7ff & ~0x0800) . "\x2d" . pack('v', 2) . pack('v', 0x0008) . "\x15" . ("\0" x 10) . 'ijklmnopqrst' . "\0" . "mysql_native_password\0";
my $ok = "\0\0\0" . pack('v', 2) . "\0\0";
my $column = lenenc('def') . "\0\0\0" . lenenc('x') . "\0" . "\x0c" . pack('vVCvC', 45, 100, 253, 0, 0) . "\0\0";
my $eof = "\xfe\0\0" . pack('v', 2);

# What each server says: after the login packet, and to each command.
my %servers = (
    'no handshake' => { greeting => '' },
    'garbage for a handshake' => { greeting => join '', map { chr(37 * $_ % 256) } 1 .. 200 },
    'a short handshake' => { greeting => packet(0, substr $greeting, 0, 12) },
    'a handshake of 16 MB that ends' => { greeting => "\xff\xff\xff\0" . $greeting },
    'a version without an end' => { greeting => packet(0, "\x0a" . ('8' x 5000)) },
    'an error before all' => { greeting => packet(0, "\xff" . pack('v', 1040) . "#08004" . ("\xff" x 9000)) },
    'clear text' => { login => packet(2, "\xfemysql_clear_password\0") },
    'a plugin that is a path' => { login => packet(2, "\xfe../../../../tmp/evil\0" . ('a' x 21)) },
    'an auth switch without an end' => { login => packet(2, "\xfe" . ('a' x 3000)) },
    'another auth switch each time' => { login => packet(2, "\xfemysql_native_password\0" . ('b' x 20) . "\0"), again => 1 },
    'a file' => { query => packet(1, "\xfb$secret") },
    'NULLs' => { query => packet(1, "\x01") . packet(2, $column) . packet(3, $eof) . packet(4, "\xfb") . packet(5, $eof) },
    'no rows' => { query => packet(1, "\x01") . packet(2, $column) . packet(3, $eof) . packet(4, $eof) },
    'no result' => { query => packet(1, $ok) },
    '60000 columns' => { query => packet(1, "\xfc" . pack('v', 60000)) . packet(2, $column) . packet(3, $eof) },
    '2^60 columns' => { query => packet(1, "\xfe" . pack('Q<', 1 << 60)) },
    'a field that is longer than its packet' => { query => packet(1, "\x01") . packet(2, $column) . packet(3, $eof) . packet(4, "\xfd\xff\xff\xffab") . packet(5, $eof) },
    'a field of 2^63 bytes' => { query => packet(1, "\x01") . packet(2, $column) . packet(3, $eof) . packet(4, "\xfe" . ("\xff" x 8) . 'ab') . packet(5, $eof) },
    'a short column' => { query => packet(1, "\x01") . packet(2, "\x03de") . packet(3, $eof) . packet(4, $eof) },
    'a column of a lying length' => { query => packet(1, "\x01") . packet(2, "\xfd\xff\xff\xff") . packet(3, $eof) . packet(4, $eof) },
    'packets out of order' => { query => packet(9, "\x01") . packet(1, $column) },
    'an error without a message' => { query => packet(1, "\xff") },
    'an error that is no text' => { query => packet(1, "\xff" . pack('v', 1) . "#\xff\xff\xff\xff\xff" . ("\xff\xc3" x 4000)) },
    'an answer of 1 GB' => { query => "\xff\xff\xff\x01" . ('x' x 100000) },
);

my $n = 0;
for my $what (sort keys %servers)
{
    my $s = $servers{$what};
    my $port = free_port();
    my $heard = tmpdir() . '/heard' . ++$n;
    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port, Listen => 5, ReuseAddr => 1) or die "listen: $!";
    my $pid = spawn({ code => sub {
        local $SIG{PIPE} = 'IGNORE';
        open my $log, '>', $heard or die $!;
        $log->autoflush(1);
        while (my $c = $listen->accept)
        {
            syswrite $c, $s->{greeting} // packet(0, $greeting);
            if (exists $s->{greeting}) { shutdown $c, 1; next; }
            my $first = 1;
            while (sysread $c, my $data, 65536)
            {
                print $log $data;
                my $say = $first && $s->{login} ? $s->{login} : $first ? packet(2, $ok) : $s->{login} && $s->{again} ? $s->{login} : $s->{query} // packet(1, $ok);
                $say = packet(ord(substr $data, 3, 1) + 1, substr $say, 4) if $s->{login} && !$first;
                syswrite $c, $say;
                $first = 0;
                if (!$s->{login} && $s->{query} && $s->{query} =~ /^\xff\xff\xff/) { shutdown $c, 1; last; }
            }
        }
    } });
    close $listen;
    # whatever the one before has done
    poll_until(sub { $pg->try_value('SELECT 1') }, 30);
    $pg->sql("CREATE SERVER h$n TYPE 'mysql' FOREIGN DATA WRAPPER dtsmig_fdw OPTIONS (host '127.0.0.1', port '$port', ssl_mode 'disable', connect_timeout '3'); CREATE USER MAPPING FOR CURRENT_USER SERVER h$n OPTIONS (user 'mig', password 'geheim4711')");
    my $start = time;
    my $error = $pg->error("SET statement_timeout = '8s'; SELECT * FROM dtsmig.test_connection('h$n')", timeout => 20);
    my ($code) = $error =~ /(?:ERROR|FATAL):\s+(\w{5}):/;
    $code //= $error eq '' ? 'none' : "lost: $error";
    like($code, qr/^(?:none|08\w{3}|HV\w{3}|0A000|28\w{3}|42\w{3}|57014|22\w{3}|53\w{3}|54\w{3})$/, "$what: an error, and no crash ($code)") or diag $error;
    cmp_ok(time - $start, '<', 12, "$what: in time");
    my $got = slurp($heard);
    unlike($got, qr/geheim4711|content of a file/, "$what: nothing is given away");
    reap($pid, 'KILL', 5);
}
is(() = $pg->log_text =~ /terminated by signal|^TRAP/mg, 0, 'no process has crashed');
done_testing();
