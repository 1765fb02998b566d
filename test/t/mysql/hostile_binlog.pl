# What comes as a binlog is none: a line to the source puts an event of its own
# into the stream. Whatever that says of itself (lengths, counts, sizes before
# compression), the worker gets an error, in time, and takes no memory for it;
# and the task goes on when the source is honest again.
use strict;
use warnings;
use Test::More;
use Compress::Zlib qw(compress crc32);
use IO::Select;
use IO::Socket::INET;
use Time::HiRes qw(time);
use Dts::Env qw(free_port spawn on_exit reap poll_until tmpdir vm_hwm);
use Dts::Task qw(server_pair);

my ($my, $pg) = server_pair();
$my->sql('CREATE DATABASE h; CREATE TABLE h.t (id int PRIMARY KEY, v varchar(20)); INSERT INTO h.t VALUES (1, NULL)');

# --- events: a header of 19 bytes, a body, a checksum
my ($QUERY, $FORMAT, $ROTATE, $TABLE_MAP, $WRITE, $GTID_LIST, $GTID, $QUERY_ZIP, $WRITE_ZIP) = (2, 15, 4, 19, 23, 163, 162, 165, 166);
sub event
{
    my ($type, $body, %opt) = @_;
    my $len = $opt{length} // 19 + length($body) + 4;
    my $event = pack('VCVVVv', time, $type, 1, $len, $opt{next} // 0, 0) . $body;
    return $event . pack 'V', crc32($event);
}
sub map_event { my ($n, $columns, $meta) = @_; return event($TABLE_MAP, pack('VvvC', 77, 0, 0, 1) . "h\0" . "\1t\0" . $n . $columns . $meta); }
my $two = map_event("\2", "\3\17", "\2" . pack('v', 80) . "\2");
my $bomb = compress("\0" x 40_000_000, 9);
my $zip = sub { "\x84" . pack('N', $_[0]) . $_[1] };
my $query = pack('VVCvv', 1, 0, 1, 0, 0) . "h\0";

my %events = (
    'an event of no length' => [ event($QUERY, $query . 'x', length => 0) ],
    'an event that is longer than its packet' => [ event($QUERY, $query . 'x', length => 0x7fffffff) ],
    'an event that is shorter than its header' => [ "\0" x 12 ],
    'no event' => [ '' ],
    'a type that is not known' => [ event(250, 'x' x 100) ],
    '60,000 columns that are not there' => [ map_event("\xfc" . pack('v', 60000), "\3", "\0\0") ],
    '60,000 columns' => [ map_event("\xfc" . pack('v', 60000), "\3" x 60000, "\0" . "\xff" x 7500) ],
    '2^60 columns' => [ map_event("\xfe" . pack('Q<', 1 << 60), "\3", "\0\0") ],
    'metadata of another length' => [ map_event("\2", "\3\17", "\x7f" . pack('v', 80) . "\2") ],
    'columns of a type that is not known' => [ map_event("\2", "\xee\xee", "\0\2") ],
    'rows of no table' => [ event($WRITE, pack('Vvv', 123456, 0, 1) . "\2\3\0" . pack('V', 9) . "\1a") ],
    'rows of 2^60 columns' => [ $two, event($WRITE, pack('Vvv', 77, 0, 1) . "\xfe" . pack('Q<', 1 << 60) . "\3\0") ],
    'rows that end early' => [ $two, event($WRITE, pack('Vvv', 77, 0, 1) . "\2\3\0" . pack('V', 9) . "\x50a") ],
    'a row whose key is NULL' => [ $two, event($WRITE, pack('Vvv', 77, 0, 1) . "\2\3\1\1a") ],
    'rows with columns that the table does not have' => [ $two, event($WRITE, pack('Vvv', 77, 0, 1) . "\11\377\1\0") ],
    'a query that is all status' => [ event($QUERY, pack('VVCvv', 1, 0, 1, 0, 0xffff) . 'h') ],
    'a query that inflates to 4 GB' => [ event($QUERY_ZIP, $query . $zip->(0xffffffff, compress('x'))) ],
    'a query that inflates to 1 GB' => [ event($QUERY_ZIP, $query . $zip->(1 << 30, compress('x'))) ],
    'a query that inflates to more than it says' => [ event($QUERY_ZIP, $query . $zip->(100, $bomb)) ],
    'a query that is not compressed' => [ event($QUERY_ZIP, $query . $zip->(100, 'abc')) ],
    'rows that inflate to more than they say' => [ $two, event($WRITE_ZIP, pack('Vvv', 77, 0, 1) . "\2\3" . $zip->(64, $bomb)) ],
    'rows that inflate to 40 MB of nothing' => [ $two, event($WRITE_ZIP, pack('Vvv', 77, 0, 1) . "\2\3" . $zip->(40_000_000, $bomb)) ],
    'a list of 2^28 GTIDs' => [ event($GTID_LIST, pack('V', 0x0fffffff) . 'x' x 16) ],
    'a GTID that ends early' => [ event($GTID, 'abc') ],
    'a log of another format' => [ event($FORMAT, pack('v', 9) . ("9.9.9" . "\0" x 45) . pack('V', 0) . "\x13" . "\0" x 40) ],
    'the next log, at 2^63' => [ event($ROTATE, pack('Q<', 1 << 63) . 'x' x 300) ],
    'the next log, with a name of 100 kB' => [ event($ROTATE, pack('Q<', 4) . 'x' x 100_000) ],
    'a checksum that is wrong' => [ substr(event($QUERY, $query . 'DROP TABLE t'), 0, -1) . "\1" ],
);

# --- the line: behind a command that asks for the log the events of a file are sent
my $port = free_port();
my $evil = tmpdir() . '/evil_events';
my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port, Listen => 20, ReuseAddr => 1) or die "listen: $!";
my $pid = spawn({ code => sub {
    local $SIG{PIPE} = 'IGNORE';
    $SIG{CHLD} = 'IGNORE';
    while (1)
    {
        my $client = $listen->accept or next;
        next if fork;
        my $server = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $my->{port}) or exit;
        my $select = IO::Select->new($client, $server);
        my ($stream, $out) = (0, '');
        while (1)
        {
            for my $fh ($select->can_read)
            {
                exit if !sysread $fh, my $data, 1 << 20;
                if ($fh == $client)
                {
                    $stream = 1 if $data =~ /\A...\0[\x12\x1e]/s;
                    syswrite $server, $data;
                    next;
                }
                if (!$stream || !-e $evil) { syswrite $client, $data; next; }
                # the first packets, which say what log it is, pass
                $out .= $data;
                my $n = 0;
                while (length $out >= 4 && length $out >= 4 + unpack 'V', substr($out, 0, 3) . "\0")
                {
                    my $len = 4 + unpack 'V', substr($out, 0, 3) . "\0";
                    $n = ord substr $out, 3, 1;
                    syswrite $client, substr $out, 0, $len, '';
                    next if $n < 3;
                    open my $in, '<:raw', $evil or exit;
                    local $/;
                    my @packets = unpack '(N/a)*', <$in>;
                    my $all = '';
                    $all .= substr(pack('V', 1 + length), 0, 3) . chr(++$n & 255) . "\0" . $_ for @packets;
                    syswrite $client, $all;
                    1 while sysread $client, $data, 65536;
                    exit;
                }
            }
        }
    }
} });
close $listen;
on_exit(sub { reap($pid, 'KILL', 5); });

my $task = Dts::Task->new($my, $pg, name => 'h', db => 'h', port => $port, server => "ssl_mode 'disable'", options => { auto_resume => 0 });
$task->start->wait_for('incremental');
my $before;
my $id = 1;
my %codes;
for my $what (sort keys %events)
{
    open my $out, '>:raw', "$evil.new" or die $!;
    print $out pack '(N/a)*', @{ $events{$what} };
    close $out;
    $pg->error("SELECT dtsmig.pause_task('h')");
    rename "$evil.new", $evil or die $!;
    # what is said next is of this event
    $pg->sql('UPDATE dtsmig.task SET last_error = NULL, last_error_sqlstate = NULL');
    my $start = time;
    $task->resume;
    my $answer = poll_until(sub { my $s = $pg->value("SELECT status || ' ' || coalesce(last_error_sqlstate, '-') || ' ' || coalesce(last_error, '') FROM dtsmig.tasks WHERE name = 'h'");
        $s =~ /^(?:failed|retrying) [^-]/ ? $s : undef }, $what =~ /the next log/ ? 3 : 12);
    my ($worker) = $task->worker_pids;
    my $memory = $worker ? vm_hwm($worker) : undef;
    unlink $evil;
    # rows that are whole are data, however senseless; and a log that starts again may be silent
    like($answer // $task->status, $what =~ /the next log/ ? qr/^(?:running|failed|retrying)/ : qr/^(?:failed|retrying) (?:08\w{3}|XX001|0A000|42804|2[23]\w{3}|54\w{3}|53200|55000)/, "$what: an error") or diag $task->report;
    cmp_ok(time - $start, '<', 15, "$what: in time");
    cmp_ok($memory, '<', 200_000, "$what: not for much memory") if defined $memory;
    $codes{$1}++ if ($answer // '') =~ /^\w+ (\S+)/;
    $my->sql('INSERT INTO h.t VALUES (' . ++$id . ', NULL)');
    $pg->error("SELECT dtsmig.pause_task('h')");
    $task->resume;
    $task->catch_up;
    is($pg->value('SELECT count(*) FROM h.t'), $id, "$what: then it goes on");
}
note join ', ', map { "$_ $codes{$_}" } sort keys %codes;
is(() = $pg->log_text =~ /terminated by signal|^TRAP/mg, 0, 'no process has crashed');
done_testing();
