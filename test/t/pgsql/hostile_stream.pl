# A PostgreSQL source whose COPY and stream of changes lie: counts and lengths
# of fields, ends in the middle, descriptions of tables, errors, notices and
# settings that come between. No process may crash or hang, what stops a task
# has a message, and no row is another than at the source afterwards.
# DTS_DEEP=1: each of them; else a third.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(time);
use Dts::Answers;
use Dts::Env qw(poll_until);
use Dts::PgSource qw(pg_pair);
use Dts::Task;

my ($src, $pg) = pg_pair();

sub message { my ($type, $body) = @_; return $type . pack('N', 4 + length $body) . $body; }
sub data { return message('d', join '', @_) }

# what may stand before any message: the connection goes on as before, or ends
my %before = (
    'another encoding of the client' => message('S', "client_encoding\0LATIN1\0"),
    'an encoding that is none' => message('S', "client_encoding\0\xff\xfe\0"),
    'another version of the server' => message('S', "server_version\0009.1\0"),
    'a version that is none' => message('S', "server_version\0" . ('9' x 5000) . "\0"),
    'a setting without an end' => message('S', 'client_encoding'),
    'a flood of notices' => message('N', "SNOTICE\0C00000\0M\xff\xfe\0\0") x 20000,
    'notices of megabytes' => message('N', "SNOTICE\0C00000\0M" . ('n' x 20_000) . "\0D" . ("\xff" x 2_000) . "\0\0") x 100,
    'notifications' => message('A', pack('N', 1) . "x\0y\0") x 1000);
# errors in the middle of a COPY
my %errors = (
    'fields of megabytes' => message('E', join '', 'SERROR', "\0C22023\0", map { ($_, 'x' x 20_000_000, "\0") } qw(M D H), "\0"),
    'fields of megabytes that are no text' => message('E', join '', 'SERROR', "\0C22023\0", map { ($_, "\xff\xc3" x 1_000_000, "\0") } qw(M D H), "\0"),
    'no SQLSTATE' => message('E', "SERROR\0Msomething\0\0"),
    'a code of success' => message('E', "SERROR\0C00000\0Msomething\0\0"),
    'a code that is none' => message('E', "SERROR\0C\xff\0Msomething\0\0"),
    'no fields' => message('E', "\0"),
    'no end' => message('E', 'SERROR'));

# --- rows of the full load: what is made of the second row's message
sub fields { return pack('n', scalar @_) . join '', map { pack('N', length) . $_ } @_ }
my $int = pack('N', 2);
my %binary = (
    'more fields than columns' => data(fields($int, 'b', 'c')),
    'fewer fields than columns' => data(fields($int)),
    'no fields' => data(pack 'n', 0),
    '1,601 fields' => data(fields(($int) x 1601)),
    '65,534 fields' => data(pack('n', 65534), $int),
    'a field that is longer than the message' => data(pack('nNN', 2, 4, 2), pack('N', 1000000), 'b'),
    'a field of 2 GB' => data(pack('nNN', 2, 4, 2), pack('N', 0x7fffffff), 'b'),
    'a length of -2' => data(pack('nNN', 2, 4, 2), pack('N', 0xfffffffe)),
    'the least of lengths' => data(pack('nNN', 2, 4, 2), pack('N', 0x80000000)),
    'a row without bytes' => data(''),
    'half a row' => data(pack 'nN', 2, 4),
    'an integer of three bytes' => data(fields('abc', 'b')),
    'text that is no text' => data(fields($int, "\xff\xfe")),
    'text with a NUL' => data(fields($int, "a\0b")),
    'a trailer in the middle' => data("\xff\xff"),
    'a trailer, and a row in one message' => data("\xff\xff", fields($int, 'b')),
    'a row, and a trailer in one message' => data(fields($int, 'b'), "\xff\xff"),
    'a second header' => data("PGCOPY\n\xff\r\n\0", pack('NN', 0, 0)),
    'a message that lies about its length' => 'd' . pack('N', 3),
    'a negative length of a message' => 'd' . pack('N', 0xffffffff));
my %text = (
    'text: more fields' => data("2\tb\tx\ty\n"),
    'text: fewer fields' => data("2\n"),
    'text: 1,601 fields' => data(join("\t", (2) x 1601) . "\n"),
    'text: nothing' => data(''),
    'text: an end of COPY in the middle' => data("\\.\n"),
    'text: a backslash at the end' => data("2\tb\tx\\"),
    'text: an escape of a byte that is no text' => data("2\t\\xff\\376\tx\n"),
    'text: an escape of NUL' => data("2\t\\0\tx\n"),
    'text: bytes that are no text' => data("2\t\xff\xfe\tx\n"),
    'text: half a character' => data("2\t\xc3\tx\n"),
    'text: a NUL' => data("2\ta\0b\tx\n"),
    'text: a value that its type refuses' => data("2\tb\t<y\n"));
my %load = (%binary, %text, map({ ("before: $_" => $before{$_}) } keys %before), map { ("error: $_" => $errors{$_}) } keys %errors);

# --- the stream: what is made of the description of a table, or of a row
sub relation { my ($r, %o) = @_; return data($r->{head}, 'R', pack('N', $o{relid} // $r->{relid}), $o{schema} // 's', "\0", $o{name} // 't', "\0", 'd', pack('n', $o{n} // scalar @{ $o{columns} }), map { pack('C', $_->[2] // 0) . "$_->[0]\0" . pack('NN', $_->[1], 0xffffffff) } @{ $o{columns} }) }
my @columns = ([ 'id', 23, 1 ], [ 'v', 25 ]);
my %relations = (
    '60,000 columns' => sub { relation($_[0], columns => [ map { [ "c$_", 25 ] } 1 .. 60000 ]) },
    '60,000 columns that are not there' => sub { relation($_[0], columns => \@columns, n => 60000) },
    '1,601 columns' => sub { relation($_[0], columns => [ map { [ "c$_", 25 ] } 1 .. 1601 ]) },
    'no columns' => sub { relation($_[0], columns => []) },
    'a column twice' => sub { relation($_[0], columns => [ $columns[0], $columns[0] ]) },
    'an OID twice' => sub { $_[1] . relation($_[0], columns => [ $columns[0] ]) },
    'an OID twice, with another name' => sub { $_[1] . relation($_[0], columns => \@columns, name => 'u') },
    'another OID' => sub { relation($_[0], columns => \@columns, relid => 4294967295) },
    'OID 0' => sub { relation($_[0], columns => \@columns, relid => 0) },
    'a name that is no text' => sub { relation($_[0], columns => \@columns, name => "\xff\xfe") },
    'a schema that is no text' => sub { relation($_[0], columns => \@columns, schema => "\xc3") },
    'a column that is no text' => sub { relation($_[0], columns => [ $columns[0], [ "\xff\xfe", 25 ] ]) },
    'a name with quotes and newlines' => sub { relation($_[0], columns => \@columns, name => "t\"';\nDROP TABLE s.t; --") },
    'a column with quotes and newlines' => sub { relation($_[0], columns => [ $columns[0], [ "v\"';\nDROP TABLE s.t; --", 25 ] ]) },
    'a column with %' => sub { relation($_[0], columns => [ $columns[0], [ '%s%n%s', 25 ] ]) },
    'a name of a megabyte' => sub { relation($_[0], columns => \@columns, name => 'n' x 1_000_000) },
    'types that are not known' => sub { relation($_[0], columns => [ [ 'id', 4294967295, 1 ], [ 'v', 999999 ] ]) },
    'types that are others' => sub { relation($_[0], columns => [ [ 'id', 25, 1 ], [ 'v', 23 ] ]) },
    'a name without an end' => sub { data($_[0]{head}, 'R', pack('N', $_[0]{relid}), 'sssss') });
my $row = sub { my ($r, @f) = @_; return data($r->{head}, 'I', pack('N', $r->{relid}), 'N', @f) };
my %rows = (
    'a row of 1,601 columns' => sub { $row->($_[0], pack('n', 1601), 'n' x 1601) },
    'a row of 60,000 columns' => sub { $row->($_[0], pack('n', 60000), 'n' x 60000) },
    'a row of one column' => sub { $row->($_[0], pack('n', 1), 'n') },
    'a value that is longer than its message' => sub { $row->($_[0], pack('n', 2), 't', pack('N', 1000), '1') },
    'a value of -1 bytes' => sub { $row->($_[0], pack('n', 2), 't', pack('N', 0xffffffff), '1') },
    'a value that is no text' => sub { $row->($_[0], pack('n', 2), 't', pack('N', 1), '9', 't', pack('N', 2), "\xff\xfe") },
    'an integer of three bytes' => sub { $row->($_[0], pack('n', 2), 'b', pack('N', 3), 'abc', 'n') },
    'a form that is not known' => sub { $row->($_[0], pack('n', 2), 'x', 'n') });
my %stream = (%rows, map({ ("relation: $_" => $relations{$_}) } keys %relations),
    map({ my $b = $before{$_}; ("before: $_" => sub { $b . $_[1] }) } keys %before),
    map { my $e = $errors{$_}; ("error: $_" => sub { $e }) } keys %errors);

# a third of them, and all with DTS_DEEP=1
sub some { my @all = sort @_; return $ENV{DTS_DEEP} ? @all : @all[ grep { $_ % 3 == 1 } 0 .. $#all ]; }
my @load = some(keys %load);
my @stream = (some(grep { !/no text/ } keys %stream), sort grep { /no text/ } keys %stream);
my $n = 0;
my $line = Dts::Answers->new(port => $src->{port}, copy => sub {
    my ($mode, $body, $type) = @_;
    return undef if $type ne 'd';
    if ($mode =~ /^load(\d+)/)
    {
        my $what = $load[$1];
        return undef unless $body =~ /^\x00[\x02\x03]\x00\x00\x00\x04\x00\x00\x00\x02|^2\t/;
        return $what =~ /^before/ ? $load{$what} . message('d', $body) : $load{$what};
    }
    my $what = $stream[ ($mode =~ /^stream(\d+)/)[0] // return undef ];
    return undef unless $body =~ /^w.{24}([RI])(.{4})(.*)$/s && length $body > 30;
    my ($kind, $relid, $rest) = ($1, unpack('N', $2), $3);
    # the task's own table of records is left alone
    return undef if $kind eq 'R' && $rest !~ /^s\0t\0/;
    our $of_table;
    $of_table = $relid if $kind eq 'R';
    return undef if !defined $of_table || $of_table != $relid;
    return undef if ($rows{$what} ? 'I' : 'R') ne $kind;
    return $stream{$what}->({ head => substr($body, 0, 25), relid => $relid }, message('d', $body));
});

sub crashes { return () = $pg->log_text =~ /terminated by signal|^TRAP/mg; }

# What the task says; a task that stands must say something, and in few words.
sub stands
{
    my ($task, $name, $what) = @_;
    my $error = $pg->value("SELECT concat_ws(E'\\n', sqlstate, message, detail, hint) FROM dtsmig.task_log WHERE task = '$name' AND severity IN ('error', 'warning') AND message !~ 'precheck' ORDER BY logged_at DESC LIMIT 1");
    like($error, qr/\w{6}/, "$what: it says why");
    cmp_ok(length $error, '<', 30000, "$what: in few words");
    unlike($error, qr/[\xf5-\xff]/, "$what: which are text");
}

# --- the load
$src->sql(<<'END');
CREATE SCHEMA b; CREATE TABLE b.t (id int PRIMARY KEY, v text); INSERT INTO b.t VALUES (1, 'a'), (2, 'b'), (3, 'c');
CREATE SCHEMA x; CREATE TABLE x.t (id int PRIMARY KEY, v text, l xml); INSERT INTO x.t VALUES (1, 'a', 'x'), (2, 'b', 'x'), (3, 'c', 'x');
CREATE SCHEMA s; CREATE TABLE s.t (id int PRIMARY KEY, v text);
END
for my $i (0 .. $#load)
{
    my $what = $load[$i];
    my $s = $what =~ /^text/ ? 'x' : 'b';
    my $task = Dts::Task->new($src, $pg, name => "l$i", port => $line->{port}, server => "ssl_mode 'disable'", types => [qw(schema full)],
        objects => [ { schema => $s } ]);
    $line->arm(0, "copy:load$i");
    $task->start;
    my $state = '';
    # who sends nothing more is waited for, and can be left
    poll_until(sub { ($state = $task->status) =~ /completed|failed|retrying/ }, $what =~ /lies|length of a message/ ? 4 : 15);
    my $begin = time;
    $pg->error("SELECT dtsmig.pause_task('l$i')") if $state !~ /completed|failed/;
    ok($state =~ /completed|failed/ || poll_until(sub { $task->status =~ /completed|failed|paused/ }, 10), "load, $what: it ends ($state)") or diag $task->report;
    cmp_ok(time - $begin, '<', 4, "load, $what: at once when it is told to");
    stands($task, "l$i", "load, $what") if $state =~ /failed|retrying/;
    like($state, qr/failed|retrying/, "load, $what: it stops") unless $what =~ /^before|lies|length of a message/;
    is($pg->value("SELECT string_agg(id || v, ' ' ORDER BY id) FROM $s.t"), '1a 2b 3c', "load, $what: the rows are those of the source") if $state eq 'completed';
    $line->arm(0, 'null');
    $task->drop;
    $pg->sql("DROP SCHEMA IF EXISTS $s CASCADE; DROP SERVER src_l$i CASCADE");
}
is(crashes(), 0, 'the load: no crash');

# --- the stream
my $task = Dts::Task->new($src, $pg, name => 'm', port => $line->{port}, server => "ssl_mode 'disable'", objects => [ { schema => 's' } ]);
$task->start->wait_for('incremental');
for my $i (0 .. $#stream)
{
    my $what = $stream[$i];
    # a new session, to which tables are described again
    $pg->error("SELECT dtsmig.pause_task('m')");
    my $since = $pg->value('SELECT clock_timestamp()');
    $line->arm(0, "copy:stream$i");
    $task->resume->wait_for('running');
    $n++;
    $src->sql("INSERT INTO s.t VALUES ($n, 'v$n')");
    my $state = '';
    poll_until(sub { ($state = $task->status) =~ /failed|retrying/ || $pg->value("SELECT count(*) FROM s.t WHERE id = $n") }, $what =~ /no end|without an end/ ? 4 : 15);
    my $begin = time;
    $pg->error("SELECT dtsmig.pause_task('m')");
    ok(poll_until(sub { $task->status =~ /failed|paused/ }, 10), "stream, $what: it can be left ($state)") or diag $task->report;
    cmp_ok(time - $begin, '<', 4, "stream, $what: at once");
    stands($task, 'm', "stream, $what") if $state =~ /failed|retrying/;
    $line->arm(0, 'null');
    $task->resume;
    $task->catch_up;
    is($pg->value("SELECT count(*) || ' ' || count(*) FILTER (WHERE v = 'v' || id) FROM s.t"), "$n $n", "stream, $what: the rows are those of the source");
}
is(crashes(), 0, 'the stream: no crash');
is(() = $pg->log_text =~ /[\xf5-\xff]/g, 0, "no byte that is no text in the server's log");
is($pg->value("SELECT count(*) FROM dtsmig.task_log WHERE message ~ 'DROP TABLE' AND severity = 'info'"), 0, 'no name has become a statement');
done_testing();
