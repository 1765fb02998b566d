# Dts::Answers: a line to a PostgreSQL server that falsifies one answer.
#
#   my $line = Dts::Answers->new(port => $src->{port});
#   $line->arm(3, 'null');   # the third answer with rows from now on
#   ...
#   my $n = $line->count;    # answers with rows since arm
#
# What it does with that answer:
#   null     every value is NULL         column   one column, NULL ("SELECT NULL")
#   cut      the last column is missing  empty    no rows
#   double   the answer comes twice      garbage  every value is "x'\"\\"
#   bytes    every value is no text in any encoding
#   command  only a command tag          error    an error without any field
#   message  an error with a message of 100 kB that is no text in any encoding
#   close    the connection ends         silent   nothing comes any more
#   all:MODE that and all that follow
# With copy => sub { my ($mode, $body, $type) = @_; ... } that function makes of each message of
# COPY, and of each end of one ($type d and c), what is sent instead, while the mode is copy:NAME;
# undef leaves the message as it is.
# Connections of pg_dump pass as they are. TLS must be off.
package Dts::Answers;
use strict;
use warnings;
use Carp qw(croak);
use IO::Select;
use IO::Socket::INET;
use Dts::Env qw(free_port spawn reap on_exit);

our @MODES = qw(null column cut empty double garbage bytes command error message close);

sub new
{
    my ($class, %opt) = @_;
    my $self = bless { port => free_port() }, $class;
    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
        LocalPort => $self->{port}, Proto => 'tcp', Listen => 64,
        ReuseAddr => 1) or croak "line: $!";
    pipe(my $rd, my $wr) or croak "pipe: $!";
    pipe(my $ackrd, my $ackwr) or croak "pipe: $!";
    $self->{pid} = spawn({ code => sub {
        close $wr;
        close $ackrd;
        _serve($listen, $rd, $ackwr, $opt{port}, $opt{copy});
    } });
    close $_ for $listen, $rd, $ackwr;
    $wr->autoflush(1);
    @$self{qw(control ack)} = ($wr, $ackrd);
    on_exit(sub { $self->stop });
    return $self;
}

sub _command
{
    my ($self, $text) = @_;
    syswrite $self->{control}, "$text\n";
    sysread $self->{ack}, my $buf, 20;
    return 0 + $buf;
}

sub arm { my ($self, $n, $mode) = @_; return $self->_command("$n $mode"); }
sub count { return $_[0]->_command('count'); }

sub stop
{
    my ($self) = @_;
    reap($self->{pid}, 'KILL', 5) if $self->{pid};
    $self->{pid} = undef;
}

# A message of the protocol: its type, its body.
sub _message { my ($type, $body) = @_; return $type . pack('N', 4 + length $body) . $body; }

# The columns of a RowDescription and the values of a DataRow.
sub _columns
{
    my ($body) = @_;
    my $n = unpack 'n', $body;
    my @c;
    my $at = 2;
    for (1 .. $n)
    {
        my $end = index($body, "\0", $at) + 1 + 18;
        push @c, substr $body, $at, $end - $at;
        $at = $end;
    }
    return @c;
}

sub _values
{
    my ($body) = @_;
    my $n = unpack 'n', $body;
    my @v;
    my $at = 2;
    for (1 .. $n)
    {
        my $len = unpack 'N', substr $body, $at, 4;
        $at += 4;
        if ($len == 0xFFFFFFFF) { push @v, undef; next; }
        push @v, substr $body, $at, $len;
        $at += $len;
    }
    return @v;
}

sub _row { return _message('D', pack('n', scalar @_) . join '', map { defined $_ ? pack('N', length $_) . $_ : pack('N', 0xFFFFFFFF) } @_); }

# messages: [ type, body ] of one answer, ReadyForQuery apart
sub _falsify
{
    my ($mode, @messages) = @_;
    my $out = '';
    return '' if $mode eq 'empty_all';
    for (@messages)
    {
        my ($type, $body) = @$_;
        if ($type eq 'T')
        {
            my @c = _columns($body);
            @c = $c[0] if $mode eq 'column' && @c;
            pop @c if $mode eq 'cut';
            $body = pack('n', scalar @c) . join '', @c;
            next if $mode =~ /^(?:command|error|message)$/;
        }
        elsif ($type eq 'D')
        {
            next if $mode =~ /^(?:empty|command|error|message)$/;
            my @v = _values($body);
            @v = map { undef } @v if $mode eq 'null';
            @v = (undef) if $mode eq 'column';
            @v = map { "x'\"\\" } @v if $mode eq 'garbage';
            @v = map { "a\xFFb\0c" } @v if $mode eq 'bytes';
            pop @v if $mode eq 'cut';
            $out .= _row(@v);
            next;
        }
        elsif ($type eq 'C' && $mode eq 'error')
        {
            ($type, $body) = ('E', "\0");
        }
        elsif ($type eq 'C' && $mode eq 'message')
        {
            ($type, $body) = ('E', "SERROR\0C00000\0M" . ("a\xFF\xC3" x 33000) . "\0D\xFF\0\0");
        }
        $out .= _message($type, $body);
    }
    return $mode eq 'double' ? $out . $out : $out;
}

sub _serve
{
    my ($listen, $control, $ack, $port, $copy) = @_;
    my $select = IO::Select->new($listen, $control);
    my %c;                              # by file number
    my ($count, $target, $mode) = (0, 0, '');
    local $SIG{PIPE} = 'IGNORE';
    my $drop = sub {
        my ($c) = @_;
        for my $s (@$c{qw(client server)})
        {
            $select->remove($s);
            delete $c{ fileno $s } if defined fileno $s;
            close $s;
        }
    };
    my $put = sub { my ($fh, $data) = @_; $fh->blocking(1); syswrite $fh, $data; };
    while (1)
    {
        for my $fh ($select->can_read(1))
        {
            if ($fh == $control)
            {
                return unless sysread $control, my $line, 4096;
                ($target, $mode, $count) = ($1, $2, 0) if $line =~ /^(\d+) (\S+)/;
                syswrite $ack, sprintf '%-10d', $count;
                next;
            }
            if ($fh == $listen)
            {
                my $client = $listen->accept or next;
                my $server = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                    PeerPort => $port, Proto => 'tcp');
                if (!$server) { close $client; next; }
                my $new = { client => $client, server => $server, buf => '', answer => [] };
                $c{ fileno $_ } = $new for $client, $server;
                $select->add($client, $server);
                next;
            }
            my $c = defined fileno $fh ? $c{ fileno $fh } : undef;
            next unless $c;
            my $n = sysread $fh, my $data, 65536;
            if (!$n) { $drop->($c); next; }
            if ($fh == $c->{client})
            {
                # the first packet says who it is
                $c->{pass} = $data !~ /search_path=/ unless $c->{seen}++;
                $put->($c->{server}, $data);
                next;
            }
            next if $c->{silent};
            if ($c->{pass}) { $put->($c->{client}, $data); next; }
            $c->{buf} .= $data;
            while (length $c->{buf} >= 5)
            {
                my ($type, $len) = unpack 'aN', $c->{buf};
                last if length $c->{buf} < 1 + $len;
                my $whole = substr $c->{buf}, 0, 1 + $len, '';
                # rows of COPY go by; so does all before the first query
                if (!$c->{ready} || $type =~ /[HWGdcNS]/)
                {
                    $c->{ready} = 1 if $type eq 'Z';
                    my $other = $copy && $mode =~ /^copy:/ && $type =~ /[dc]/
                      ? $copy->(substr($mode, 5), substr($whole, 5), $type) : undef;
                    $put->($c->{client}, $other // $whole);
                    next;
                }
                if ($type ne 'Z') { push @{ $c->{answer} }, [ $type, substr $whole, 5 ]; next; }
                my @messages = @{ $c->{answer} };
                $c->{answer} = [];
                my $rows = grep { $_->[0] eq 'T' } @messages;
                $count++ if $rows;
                my ($all, $what) = $mode =~ /^(all:)?(\S*)/;
                if ($rows && $target && ($count == $target || $all && $count >= $target))
                {
                    if ($what eq 'close') { $drop->($c); last; }
                    if ($what eq 'silent') { $c->{silent} = 1; last; }
                    $put->($c->{client}, _falsify($what, @messages) . $whole);
                    next;
                }
                $put->($c->{client}, join('', map { _message(@$_) } @messages) . $whole);
            }
        }
    }
}

1;
