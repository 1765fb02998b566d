# A source that stops talking while a connection is made: before its greeting,
# after it, and in the handshake of TLS. A cancel ends the wait at once, and
# connect_timeout does, too.
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
use Test::More;
use Time::HiRes qw(time);
use Dts::Env qw(free_port spawn);
use Dts::MariaDB;
use Dts::Postgres;

my $my = Dts::MariaDB->new->start;
my $pg = Dts::Postgres->new(preload => 0)->start;
$pg->sql('CREATE EXTENSION dtsmig');

# The greeting of the real server; it offers TLS.
sub greeting
{
    my $fh = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $my->{port}) or die $!;
    sysread $fh, my $packet, 65536;
    my $at = index($packet, "\0", 5) + 1 + 4 + 8 + 1;
    substr($packet, $at, 2) = pack 'v', unpack('v', substr $packet, $at, 2) | 0x0800;
    return $packet;
}

# A server that says this much and then nothing.
sub silent
{
    my ($says) = @_;
    my $port = free_port();
    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port, Listen => 8, ReuseAddr => 1) or die $!;
    spawn({ code => sub {
        my @all;
        while (my $fh = $listen->accept) { syswrite $fh, $says; push @all, $fh; }
    } });
    return $port;
}

my $n = 0;
for my $case ([ 'before the greeting', '', 'disable' ], [ 'after the greeting', greeting(), 'disable' ],
    [ 'in the handshake of TLS', greeting(), 'require' ])
{
    my ($what, $says, $mode) = @$case;
    my $port = silent($says);
    my $server = 'src' . ++$n;
    $pg->sql("CREATE SERVER $server TYPE 'mariadb' FOREIGN DATA WRAPPER dtsmig_fdw OPTIONS (host '127.0.0.1', port '$port', ssl_mode '$mode', connect_timeout '3');
        CREATE USER MAPPING FOR CURRENT_USER SERVER $server OPTIONS (user 'mig', password 'x')");
    my $start = time;
    my ($code, $out, $err) = $pg->psql("SET statement_timeout = 700; SELECT * FROM dtsmig.test_connection('$server')", timeout => 30);
    my $took = time - $start;
    like($err, qr/57014/, "$what: cancelled");
    cmp_ok($took, '<', 2, sprintf '%s: in %.1f s', $what, $took);
    $start = time;
    ($code, $out, $err) = $pg->psql("SELECT * FROM dtsmig.test_connection('$server')", timeout => 30);
    $took = time - $start;
    like($err, qr/ERROR:  08\w{3}: could not connect/, "$what: an error of the connection");
    ok($took > 2 && $took < 6, sprintf '%s: after connect_timeout of 3 s, %.1f s', $what, $took);
}
is($pg->sql('SELECT 1'), 1, 'the server lives');
done_testing();
