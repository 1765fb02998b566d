# Something that is no honest PostgreSQL server: it breaks off, lies about
# lengths and counts, and sends what was not asked for. No process may crash or
# hang.
use strict;
use warnings;
use Test::More;
use IO::Socket::INET;
use Time::HiRes qw(time);
use Dts::Env qw(free_port spawn reap poll_until);
use Dts::Postgres;

my $pg = Dts::Postgres->new(preload => 0)->start;
$pg->sql('CREATE EXTENSION dtsmig');

sub message { my ($type, $body) = @_; return $type . pack('N', 4 + length $body) . $body; }
my $hello = message('R', pack('N', 3));
my $in = message('R', pack('N', 0)) . message('S', "server_version\00015.0\0") . message('S', "client_encoding\0UTF8\0") . message('K', pack('NN', 1, 2)) . message('Z', 'I');
my $column = "x\0" . pack('NnNnNn', 0, 0, 25, 65535, 4294967295, 0);
my $table = message('T', pack('n', 1) . $column);
my $end = message('C', "SELECT 1\0") . message('Z', 'I');
my $row = sub { message('D', pack('n', 1) . pack('N', length $_[0]) . $_[0]) };

my %servers = (
    'nothing' => { hello => '' },
    'garbage' => { hello => join '', map { chr(37 * $_ % 256) } 1 .. 300 },
    'a length of 2 GB at once' => { hello => 'R' . pack('N', 0x7fffffff) . ('x' x 1000) },
    'a negative length' => { hello => 'R' . pack('N', 0xffffffff) },
    'authentication that is not known' => { hello => message('R', pack('N', 99)) },
    'SASL without mechanisms' => { hello => message('R', pack('N', 10) . "\0") },
    'MD5 without salt' => { hello => message('R', pack('N', 5)) },
    'an error before all, no text' => { hello => message('E', "SFATAL\0C\xff\xff\0M" . ("\xff\xc3" x 5000) . "\0\0") },
    'no version' => { login => message('R', pack('N', 0)) . message('Z', 'I') },
    'a version that is none' => { login => message('R', pack('N', 0)) . message('S', "server_version\0" . ('9' x 5000) . "\0") . message('Z', 'I') },
    'a row of another number of fields' => { query => $table . message('D', pack('n', 9)) . $end },
    'a row before its columns' => { query => $row->('a') . $end },
    'a field that is longer than its row' => { query => $table . message('D', pack('nN', 1, 1000000) . 'a') . $end },
    '65535 columns' => { query => message('T', pack('n', 65535) . $column) . $end },
    'a column without an end' => { query => message('T', pack('n', 1) . ('x' x 100)) . $end },
    'COPY' => { query => message('H', "\0\0\0") . message('d', 'x') . message('c', '') . $end },
    'COPY from here' => { query => message('G', "\0\0\0") . $end },
    'notifications without an end' => { query => message('A', pack('N', 1) . "channel\0" . ('n' x 29_000) . "\0") x 8000 . $table . $row->('a') . $end },
    'both ways' => { query => message('W', "\0\0\0") . $end },
    'notices without an end' => { query => message('N', "SNOTICE\0C00000\0M\xff\0\0") x 20000 . $table . $row->('a') . $end },
    'messages that are not known' => { query => message('?', 'x' x 100) . $end },
    'two ends' => { query => $table . $row->('a') . $end . $end },
    'a row of 200 MB' => { query => $table . $row->('a' x 200_000_000) . $end },
    'rows of other bytes' => { query => $table . $row->("\xff\xfe") . $end },
    'an error of megabytes' => { query => message('E', join('', "SERROR\0C22023\0", map { ($_, "\xff\xc3" x 3_000_000, "\0") } qw(M D H)) . "\0") . message('Z', 'I') },
    'an error without SQLSTATE' => { query => message('E', "SERROR\0Msomething\0\0") . message('Z', 'I') },
    'an error with a code of success' => { query => message('E', "SERROR\0C00000\0Msomething\0\0") . message('Z', 'I') },
    'an error with a code that is none' => { query => message('E', "SERROR\0C\xff'\0Msomething\0\0") . message('Z', 'I') },
    'notices of megabytes' => { query => message('N', "SNOTICE\0C00000\0M" . ('n' x 25_000) . "\0\0") x 200 . $table . $row->('a') . $end },
    'other settings in the middle' => { query => $table . message('S', "client_encoding\0LATIN1\0") . message('S', "server_version\0009.1\0") . $row->('a') . $end },
    'settings that are none in the middle' => { query => $table . message('S', "client_encoding\0\xff\0") . message('S', "server_version\0-\0") . $row->('a') . $end },
    'a setting without an end' => { query => $table . message('S', 'client_encoding') . $row->('a') . $end },
    '1,601 fields' => { query => message('T', pack('n', 1601) . $column x 1601) . message('D', pack('n', 1601) . pack('NA', 1, 'a') x 1601) . $end },
    'a field of -2 bytes' => { query => $table . message('D', pack('nN', 1, 0xfffffffe)) . $end },
    'an error in the middle of rows' => { query => $table . $row->('a') . message('E', "\0") . message('Z', 'E') },
);
my $n = 0;
for my $what (sort keys %servers)
{
    my $s = $servers{$what};
    my $port = free_port();
    $n++;
    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port, Listen => 5, ReuseAddr => 1) or die "listen: $!";
    my $pid = spawn({ code => sub {
        local $SIG{PIPE} = 'IGNORE';
        while (my $c = $listen->accept)
        {
            sysread $c, my $data, 65536;
            print $c $s->{hello} // $hello;
            $c->flush;
            if (exists $s->{hello}) { shutdown $c, 1; next; }
            sysread $c, $data, 65536;
            print $c $s->{login} // $in;
            $c->flush;
            while (sysread $c, $data, 65536)
            {
                print $c $s->{query} // $end;
                $c->flush;
            }
        }
    } });
    close $listen;
    poll_until(sub { $pg->try_value('SELECT 1') }, 30);
    $pg->sql("CREATE SERVER h$n TYPE 'postgresql' FOREIGN DATA WRAPPER dtsmig_fdw OPTIONS (host '127.0.0.1', port '$port', ssl_mode 'disable', connect_timeout '3'); CREATE USER MAPPING FOR CURRENT_USER SERVER h$n OPTIONS (user 'mig', password 'geheim4711')");
    my $start = time;
    my $error = $pg->error("SET statement_timeout = '8s'; SELECT * FROM dtsmig.test_connection('h$n')", timeout => 30);
    my ($code) = $error =~ /(?:ERROR|FATAL):\s+(\w{5}):/;
    $code //= $error eq '' ? 'none' : "lost: $error";
    like($code, qr/^(?:none|08\w{3}|0A000|28\w{3}|57014|22\w{3}|53\w{3}|54\w{3})$/, "$what: an error, and no crash ($code)") or diag $error;
    cmp_ok(time - $start, '<', 12, "$what: in time");
    # message, detail and hint are cut at 8 kB each
    cmp_ok(length($error), q(<), 3 * 8192 + 1000, "$what: in few words");
    if ($what =~ /notifications/)
    {
        # 230 MB of them, a few times
        my (undef, $status) = $pg->psql("\\set ON_ERROR_STOP 0\nSELECT * FROM dtsmig.test_connection('h$n');\nSELECT pg_read_file('/proc/self/status')");
        my ($peak) = $status =~ /VmHWM:\s+(\d+) kB/;
        cmp_ok($peak // 9e9, '<', 200_000, "$what: they are not kept ($peak kB)");
    }
    reap($pid, 'KILL', 5);
}
is(() = $pg->log_text =~ /terminated by signal|^TRAP/mg, 0, 'no process has crashed');
done_testing();
