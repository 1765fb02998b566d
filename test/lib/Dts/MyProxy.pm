# Dts::MyProxy: between a task and its MySQL-family source, where a test can
# replace what the source answers to a query.
#
#   my $proxy = Dts::MyProxy->new(port => $my->{port});
#   ... connect to $proxy->{port}, with ssl_mode 'disable' ...
#   $proxy->forward;             # everything passes; counts from 0
#   my @sql = $proxy->queries;   # what was asked since then
#   $proxy->replace(3, 'null');  # counts from 0; answer 3 from now on is replaced
#   $proxy->random(0.1, 7);      # this share of answers, in any way; a seed
#   $proxy->matching('FROM `s`.`t`', 'none');    # of queries with this in them
#
# Ways: null (all values), fewer (a column), none (no rows), short (rows cut in
# half), twice (each row), text (values that are no text), huge and negative
# (numbers), below (-100,000,000 in the place of each number), words (values in
# another case, with quotes), error, columns (60,000 of them are announced), infile
# (the source wants a file: what it gets is among the queries, behind "file:"), cut
# (half of it, and then the end of the line), silent (nothing more).
package Dts::MyProxy;
use strict;
use warnings;
use Carp qw(croak);
use IO::Select;
use IO::Socket::INET;
use Socket qw(AF_UNIX SOCK_STREAM);
use Dts::Env qw(free_port spawn reap on_exit);

our @ways = qw(null fewer none short twice text huge negative below words error columns infile cut);

sub new
{
    my ($class, %opt) = @_;
    my $self = bless { port => free_port() }, $class;
    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
        LocalPort => $self->{port}, Proto => 'tcp', Listen => 64,
        ReuseAddr => 1) or croak "proxy: $!";
    socketpair(my $ours, my $theirs, AF_UNIX, SOCK_STREAM, 0) or croak "socketpair: $!";
    $self->{pid} = spawn({ code => sub {
        close $ours;
        _serve($listen, $theirs, $opt{port});
    } });
    close $listen;
    close $theirs;
    $ours->autoflush(1);
    $self->{control} = $ours;
    on_exit(sub { $self->stop });
    return $self;
}

sub _command
{
    my ($self, $text) = @_;
    syswrite $self->{control}, "$text\n";
    my $answer = '';
    while ($answer !~ /\0\z/)
    {
        sysread $self->{control}, $answer, 65536, length $answer or croak 'the proxy is gone';
    }
    chop $answer;
    return $answer;
}

sub forward { $_[0]->_command('forward'); }
sub replace { $_[0]->_command("replace $_[1] $_[2]"); }
sub random { $_[0]->_command("random $_[1] $_[2]"); }
sub matching { $_[0]->_command("matching $_[2] " . quotemeta $_[1]); }
sub queries { return split /\0?\n/, $_[0]->_command('queries'); }

sub stop
{
    my ($self) = @_;
    return unless $self->{pid};
    reap($self->{pid}, 'KILL', 5);
    $self->{pid} = undef;
}

# ------------------------------------------------------------- the protocol

# Takes whole packets off the front of a buffer: [ number, payload ].
sub _packets
{
    my ($buffer) = @_;
    my @packets;
    while (length $$buffer >= 4)
    {
        my ($low, $high, $n) = unpack 'vCC', $$buffer;
        my $len = $low | $high << 16;
        last if length $$buffer < 4 + $len;
        push @packets, [ $n, substr($$buffer, 4, $len) ];
        substr($$buffer, 0, 4 + $len, '');
    }
    return @packets;
}

sub _frame
{
    my ($n, $payload) = @_;
    return pack('vCC', length($payload) & 0xffff, length($payload) >> 16, $n & 255) . $payload;
}

sub _is_eof { return length $_[0] < 9 && $_[0] =~ /^\xfe/; }

# Length-encoded strings of a row; undef: NULL.
sub _fields
{
    my ($row) = @_;
    my @fields;
    while (length $row)
    {
        my $first = ord substr $row, 0, 1, '';
        if ($first == 0xfb) { push @fields, undef; next; }
        my $len = $first;
        $len = unpack 'v', substr $row, 0, 2, '' if $first == 0xfc;
        $len = unpack 'V', substr($row, 0, 3, '') . "\0" if $first == 0xfd;
        push @fields, substr $row, 0, $len, '';
    }
    return @fields;
}

sub _row
{
    return join '', map {
        my $n = defined $_ ? length $_ : 0;
        !defined $_ ? "\xfb" : $n < 251 ? chr($n) . $_ : "\xfd" . substr(pack('V', $n), 0, 3) . $_;
    } @_;
}

# An answer's payloads, replaced. Undef: an answer to which this means nothing.
sub _replaced
{
    my ($way, @packets) = @_;
    return ("\xff" . pack('v', 1105) . '#HY000replaced') if $way eq 'error';
    return ("\xfb/etc/hostname") if $way eq 'infile';
    return ("\xfd\x60\xea\0", @packets) if $way eq 'columns';
    return if @packets < 3;
    my $n = ord $packets[0];
    my @head = @packets[ 0 .. $n + 1 ];
    my @rows = map { [ _fields($_) ] } @packets[ $n + 2 .. $#packets - 1 ];
    my $end = $packets[-1];
    if ($way eq 'fewer')
    {
        return ("\0\0\0\2\0\0\0") if $n == 1;
        $head[0] = chr($n - 1);
        splice @head, $n, 1;
        pop @$_ for @rows;
    }
    my %value = (null => undef, text => "\1\xff\xfe\"'`%s\n;--", huge => '9' x 30, negative => '-1');
    @rows = map { [ map { $value{$way} } @$_ ] } @rows if exists $value{$way};
    @rows = map { [ map { defined $_ ? "'\"`\\" . uc($_) . ')' : 'x' } @$_ ] } @rows if $way eq 'words';
    @rows = map { [ map { defined $_ && /^\d+\z/ ? '-100000000' : $_ } @$_ ] } @rows if $way eq 'below';
    @rows = () if $way eq 'none';
    @rows = map { ($_, $_) } @rows if $way eq 'twice';
    my @payloads = map { _row(@$_) } @rows;
    @payloads = map { substr $_, 0, (length($_) + 1) / 2 } @payloads if $way eq 'short';
    return (@head, @payloads, $end);
}

# --------------------------------------------------------------- the process

sub _serve
{
    my ($listen, $control, $port) = @_;
    my $select = IO::Select->new($listen, $control);
    my (%conn, @sql);    # by file number of either end
    my ($at, $way, $share, $like) = (0, undef, 0);
    local $SIG{PIPE} = 'IGNORE';

    my $send = sub {
        my ($fh, $data) = @_;
        while (length $data)
        {
            my $n = syswrite $fh, $data;
            return if !defined $n;
            substr $data, 0, $n, '';
        }
    };
    my $drop = sub {
        my ($c) = @_;
        for my $fh ($c->{client}, $c->{server})
        {
            delete $conn{ fileno $fh };
            $select->remove($fh);
            close $fh;
        }
    };
    # the answer to a query is there: as it is, or in another way
    my $answer = sub {
        my ($c, $sql) = @_;
        my @payloads = map { $_->[1] } @{ $c->{answer} };
        push @sql, $sql;
        my $how = $at && @sql == $at || defined $like && $sql =~ /$like/ ? $way : $share && rand() < $share ? $ways[ rand @ways ] : '';
        my @other = $how eq '' || $how =~ /^(?:cut|silent)$/ ? () : _replaced($how, @payloads);
        @payloads = @other if @other;
        my $n = 1;
        my $data = join '', map { _frame($n++, $_) } @payloads;
        $c->{answer} = undef;
        return $c->{dumb} = 1 if $how eq 'silent';
        $c->{infile} = $how eq 'infile';
        $send->($c->{client}, $how eq 'cut' ? substr($data, 0, length($data) / 2) : $data);
        $drop->($c) if $how eq 'cut';
    };
    while (1)
    {
        for my $fh ($select->can_read(1))
        {
            my $no = fileno $fh // next;
            if ($fh == $control)
            {
                sysread $control, my $line, 4096 or return;
                my $text = '';
                $text = join "\n", @sql if $line =~ /^queries/;
                if ($line =~ /^(forward|replace|random|matching)/) { @sql = (); ($at, $way, $share, $like) = (0, undef, 0); }
                ($way, $like) = ($1, $2) if $line =~ /^matching (\w+) (.*)\n/;
                ($at, $way) = ($1, $2) if $line =~ /^replace (\d+) (\w+)/;
                if ($line =~ /^random (\S+) (\d+)/) { $share = $1; srand $2; }
                syswrite $control, "$text\0";
                next;
            }
            if ($fh == $listen)
            {
                my $client = $listen->accept or next;
                my $server = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port, Proto => 'tcp');
                if (!$server) { close $client; next; }
                my $c = { client => $client, server => $server, in => '', out => '', answer => undef };
                $conn{ fileno $_ } = $c for $client, $server;
                $select->add($client, $server);
                next;
            }
            my $c = $conn{$no} // next;
            my $n = sysread $fh, my $data, 262144;
            if (!$n) { $drop->($c); next; }
            next if $c->{dumb};
            if ($fh == $c->{client})
            {
                $c->{in} .= $data;
                for (_packets(\$c->{in}))
                {
                    push @sql, "file: $_->[1]" if $c->{infile} && $_->[0] != 0;
                    # a packet 0 is a command, and 3 a query
                    ($c->{answer}, $c->{sql}, $c->{eofs}) = ([], substr($_->[1], 1) =~ s/\n/ /gr, 0)
                      if $_->[0] == 0 && $_->[1] =~ /^\x03/;
                }
                $send->($c->{server}, $data);
                next;
            }
            if (!defined $c->{answer}) { $send->($c->{client}, $data); next; }
            $c->{out} .= $data;
            for (_packets(\$c->{out}))
            {
                last if !defined $c->{answer};
                push @{ $c->{answer} }, $_;
                $c->{eofs}++ if @{ $c->{answer} } > 1 && _is_eof($_->[1]);
                $answer->($c, $c->{sql})
                  if $_->[1] =~ /^\xff/ || (@{ $c->{answer} } == 1 && $_->[1] =~ /^\0/) || $c->{eofs} == 2;
            }
        }
    }
}

1;
