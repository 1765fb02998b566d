# Dts::Proxy: a TCP line between a worker and its source that a test can cut.
#
#   my $proxy = Dts::Proxy->new(port => $my->{port});
#   ... the task connects to $proxy->{port} ...
#   $proxy->swallow;   # new and old connections stay open, nothing passes
#   $proxy->cut;       # closes all connections, refuses new ones by closing
#   $proxy->delay(50); # every packet waits that many milliseconds
#   $proxy->lose('reply');    # the next COMMIT arrives, its reply does not: the
#                             # connection is cut; 'request': it does not arrive
#   $proxy->lost;      # has that happened?
#   rewrite => sub { $sql }   # (of new) what a client of PostgreSQL's protocol asks
#                             # arrives as that: a server that takes another SQL
#   $proxy->forward;   # works again; what was swallowed is lost, so those
#                      # connections stay dumb
#
# It is a child process, reported what to do through a pipe; when the pipe closes,
# it ends.
package Dts::Proxy;
use strict;
use warnings;
use Carp qw(croak);
use IO::Select;
use IO::Socket::INET;
use Time::HiRes qw(time sleep);
use Dts::Env qw(free_port spawn reap on_exit);

sub new
{
    my ($class, %opt) = @_;
    my $self = bless { port => free_port() }, $class;
    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
        LocalPort => $self->{port}, Proto => 'tcp', Listen => 64,
        ReuseAddr => 1) or croak "proxy: $!";
    pipe(my $rd, my $wr) or croak "pipe: $!";
    pipe(my $ackrd, my $ackwr) or croak "pipe: $!";
    $self->{pid} = spawn({ code => sub {
        close $wr;
        close $ackrd;
        _serve($listen, $rd, $ackwr, $opt{host} // '127.0.0.1', $opt{port}, $opt{rewrite});
    } });
    close $listen;
    close $rd;
    close $ackwr;
    $wr->autoflush(1);
    $self->{control} = $wr;
    $self->{ack} = $ackrd;
    on_exit(sub { $self->stop });
    return $self;
}

sub _command
{
    my ($self, $text) = @_;
    syswrite $self->{control}, "$text\n";
    sysread $self->{ack}, my $buf, 1;
    return $buf;
}

sub forward { $_[0]->_command('forward'); }
sub swallow { $_[0]->_command('swallow'); }
sub cut { $_[0]->_command('cut'); }
sub delay { $_[0]->_command("delay $_[1]"); }
sub lose { $_[0]->_command("lose $_[1]"); }
sub lost { return $_[0]->_command('lost') eq 'y'; }

sub stop
{
    my ($self) = @_;
    return unless $self->{pid};
    reap($self->{pid}, 'KILL', 5);
    $self->{pid} = undef;
}

# Whole messages of what a client has sent so far, their statements rewritten. The
# first is the startup packet, after requests for encryption, without a type.
sub _rewrite
{
    my ($in, $started, $rewrite) = @_;
    my $out = '';
    while (length $$in >= ($$started ? 5 : 8))
    {
        my $typed = $$started ? 1 : 0;
        my $len = $typed + unpack 'N', substr $$in, $typed, 4;
        last if length $$in < $len;
        my $message = substr $$in, 0, $len, '';
        if (!$typed) { $$started = unpack('N', substr $message, 4, 4) < 80877102; }
        elsif ($message =~ /^([QP])/)
        {
            my $type = $1;
            my ($name, $sql, $rest) = substr($message, 5) =~ ($type eq 'P' ? qr/^([^\0]*\0)([^\0]*)(\0.*)$/s : qr/^()([^\0]*)(\0)$/s);
            my $body = $name . $rewrite->($sql) . $rest;
            $message = $type . pack('N', 4 + length $body) . $body;
        }
        $out .= $message;
    }
    return $out;
}

sub _serve
{
    my ($listen, $control, $ack, $host, $port, $rewrite) = @_;
    my $select = IO::Select->new($listen, $control);
    my (%peer, %dumb, %out);    # by file number: other end, swallowed, unsent
    my (%in, %started);    # … and what is to be rewritten, when it is whole
    my ($mode, $delay, $lose, %client) = ('forward', 0, '');
    my $write = IO::Select->new;
    local $SIG{PIPE} = 'IGNORE';

    my $drop = sub {
        my ($fh) = @_;
        my $other = $peer{ fileno $fh };
        for my $s (grep { defined } $fh, $other)
        {
            delete $peer{ fileno $s };
            delete $dumb{ fileno $s };
            delete $out{ fileno $s };
            delete $client{ fileno $s };
            delete $in{ fileno $s };
            delete $started{ fileno $s };
            $select->remove($s);
            $write->remove($s);
            close $s;
        }
    };
    while (1)
    {
        my ($readable, $writable) = IO::Select->select($select, $write, undef, 1);
        for my $fh (@{ $writable // [] })
        {
            my $no = fileno $fh // next;
            next unless length($out{$no} // '');
            my $n = syswrite $fh, $out{$no};
            if (!defined $n) { $drop->($fh) unless $!{EAGAIN}; next; }
            substr($out{$no}, 0, $n, '');
            if (!length $out{$no})
            {
                $write->remove($fh);
                $select->add($peer{$no});
            }
        }
        for my $fh (@{ $readable // [] })
        {
            if ($fh == $control)
            {
                my $n = sysread $control, my $line, 4096;
                return unless $n;
                my $answer = '.';
                for (split /\n/, $line)
                {
                    $lose = $1, next if /^lose (\w+)/;
                    $answer = $lose eq '' ? 'y' : 'n', next if $_ eq 'lost';
                    $delay = $1 / 1000, next if /^delay (\d+)/;
                    $mode = $_;
                    %dumb = map { $_ => 1 } keys %peer if $mode eq 'swallow';
                    if ($mode eq 'cut')
                    {
                        for my $s ($select->handles, $write->handles)
                        {
                            next if !defined fileno $s || $s == $listen || $s == $control;
                            $drop->($s);
                        }
                    }
                }
                syswrite $ack, $answer;
            }
            elsif ($fh == $listen)
            {
                my $client = $listen->accept or next;
                if ($mode eq 'cut') { close $client; next; }
                my $server = IO::Socket::INET->new(PeerAddr => $host,
                    PeerPort => $port, Proto => 'tcp');
                if (!$server) { close $client; next; }
                $_->blocking(0) for $client, $server;
                $client{ fileno $client } = 1;
                $peer{ fileno $client } = $server;
                $peer{ fileno $server } = $client;
                $dumb{ fileno $_ } = 1
                  for grep { $mode eq 'swallow' } $client, $server;
                $select->add($client, $server);
            }
            else
            {
                my $no = fileno $fh // next;
                my $n = sysread $fh, my $data, 262144;
                if (!$n) { $drop->($fh) unless !defined $n && $!{EAGAIN}; next; }
                next if $dumb{$no};
                sleep $delay if $delay;
                if ($rewrite && $client{$no})
                {
                    $in{$no} .= $data;
                    $data = _rewrite(\$in{$no}, \$started{$no}, $rewrite);
                    next if $data eq '';
                }
                my $other = $peer{$no};
                my $ono = fileno $other;
                if ($lose ne '' && $client{$no} && $data =~ /\bCOMMIT\b/)
                {
                    # what was sent is done, whoever waits for it or not
                    syswrite $other, $data if $lose eq 'reply';
                    $lose = '';
                    sleep 0.3;
                    $drop->($fh);
                    next;
                }
                my $sent = syswrite $other, $data;
                if (!defined $sent)
                {
                    if (!$!{EAGAIN}) { $drop->($fh); next; }
                    $sent = 0;
                }
                if ($sent < length $data)
                {
                    # The other end is slow: no more reads until it took it.
                    $out{$ono} = substr $data, $sent;
                    $write->add($other);
                    $select->remove($fh);
                }
            }
        }
    }
}

1;
