# Dts::Session: a client that stays connected, for the many small questions
# that a test asks while it waits. A client for each of them took a third of a
# run's time.
#
#   my $s = Dts::Session->new(cmd => \@cmd, end => '\echo %s');
#   my ($out, $err) = $s->ask($sql, 10);    # or () if it has gone
#   my ($code, $out, $err) = $s->run($sql, 10);     # code 0: it goes on
#
# cmd: psql or mariadb as it reads from standard input; for ask it must go on
# after an error, for run end; and write out each line at once. end: what makes it write the marker
# after the answer, with %s for it.
package Dts::Session;
use strict;
use warnings;
use Exporter qw(import);
use IO::Select;
use IPC::Open3 qw(open3);
use Symbol qw(gensym);
use Time::HiRes qw(time);

our @EXPORT_OK = qw(is_question is_plain);

# One statement that reads, and neither depends on a session nor changes one.
sub is_question
{
    my ($sql) = @_;
    return $sql =~ /^\s*(?:SELECT|SHOW|TABLE|VALUES)\b/i && $sql !~ /;\s*\S/ && $sql !~ /\\|--/
      && $sql !~ /\b(?:dtsmig\.\w+\s*\(|pg_\w*(?:lock|backend|slot|replication|logical|sleep|export)\w*\s*\(|set_config|lo_\w+
        |nextval|setval|currval|lastval|random|setseed|sleep|get_lock|into|for\s+update|for\s+share|last_insert_id|connection_id
        |current_setting|SHOW\s+(?!(?:server_version|port|MASTER|BINARY|BINLOG)\b)|crash|found_rows)/xi
      && $sql !~ /\@/;
}

# Statements that leave nothing in a session, nor need one of their own; complete
# ones, for a client would wait for the rest of others.
sub is_plain
{
    my ($sql) = @_;
    return 0 if length $sql > 1_000_000 || $sql =~ m{\\|--|/\*|\0};
    (my $rest = $sql) =~ s/\$(\w*)\$.*?\$\1\$|'[^']*'|"[^"]*"/x/gs;
    return $rest !~ /['"\$]/ && $rest =~ tr/(// == $rest =~ tr/)//
      && $sql !~ /\b(?:BEGIN|START|COMMIT|ROLLBACK|ABORT|SAVEPOINT|PREPARE|EXECUTE|DEALLOCATE|DISCARD|DECLARE|CURSOR|FETCH|LISTEN|NOTIFY
        |LOCK|COPY|TEMP|TEMPORARY|LOAD|EXTENSION|SCHEMA\s+dtsmig|DATABASE|ROLE|USER|SYSTEM|OWNED|TABLESPACE|RESET|SESSION|LOCAL|DO
        |nextval|currval|lastval|setseed|random|set_config|current_setting|lo_\w+|connections?|disconnect\w*|foreign
        |pg_\w*(?:lock|backend|slot|replication|logical|sleep|export|reload|stat)\w*|crash)\b/xi
      && $rest !~ /(?:^|;)\s*(?:SET|SHOW|EXPLAIN|VACUUM|ANALYZE|CLUSTER|REINDEX|ALTER\s+(?:TYPE|SUBSCRIPTION))\b/i;
}

my $count = 0;

sub new
{
    my ($class, %opt) = @_;
    my $self = bless { pid => $$, end => $opt{end}, marker => "answered-$$-" . ++$count }, $class;
    my $err = gensym;
    $self->{client} = open3(my $in, my $out, $err, @{ $opt{cmd} });
    @$self{qw(in out err)} = ($in, $out, $err);
    $in->autoflush(1);
    return $self;
}

# (output, error text), or nothing: it does not answer any more.
sub ask
{
    my ($self, $sql, $timeout) = @_;
    return if $self->{pid} != $$ || !$self->{client};
    $sql =~ s/;?\s*\z//;
    local $SIG{PIPE} = 'IGNORE';
    my $end = "$self->{marker}\n";
    print { $self->{in} } "$sql;\n", sprintf($self->{end}, $self->{marker}), "\n" or return $self->close;
    my %text = (out => '', err => '');
    my $select = IO::Select->new(@$self{qw(out err)});
    my $until = time + $timeout;
    while (substr($text{out}, -length $end) ne $end)
    {
        my @ready = $select->can_read($until - time > 0 ? $until - time : 0) or return $self->close;
        for my $fh (@ready)
        {
            my $what = $fh == $self->{out} ? 'out' : 'err';
            sysread($fh, $text{$what}, 65536, length $text{$what}) or return $self->close;
        }
    }
    # an error was written before the marker
    while ($select->remove($self->{out}), $select->can_read(0))
    {
        sysread($self->{err}, $text{err}, 65536, length $text{err}) or return $self->close;
    }
    return (substr($text{out}, 0, -length $end), $text{err});
}

# The same with a client that ends at an error: (exit code, output, error text);
# the code is 255 if it took too long.
sub run
{
    my ($self, $sql, $timeout) = @_;
    $sql =~ s/;?\s*\z//;
    local $SIG{PIPE} = 'IGNORE';
    my $end = "$self->{marker}\n";
    print { $self->{in} } "$sql;\n", sprintf($self->{end}, $self->{marker}), "\n";
    my %text = (out => '', err => '');
    my $select = IO::Select->new(@$self{qw(out err)});
    my $until = time + $timeout;
    while ($select->count && substr($text{out}, -length $end) ne $end)
    {
        my @ready = $select->can_read($until - time > 0 ? $until - time : 0);
        if (!@ready)
        {
            $self->close;
            return (255, $text{out}, "$text{err}timeout\n");
        }
        for my $fh (@ready)
        {
            my $what = $fh == $self->{out} ? 'out' : 'err';
            sysread($fh, $text{$what}, 65536, length $text{$what}) or $select->remove($fh);
        }
    }
    if (!$select->count)
    {
        waitpid delete $self->{client}, 0;
        return ($? >> 8 || 2, @text{qw(out err)});
    }
    $select->remove($self->{out});
    while ($select->can_read(0)) { sysread($self->{err}, $text{err}, 65536, length $text{err}) or last; }
    return (0, substr($text{out}, 0, -length $end), $text{err});
}

# Always returns nothing.
sub close
{
    my ($self) = @_;
    my $client = delete $self->{client} or return;
    return if $self->{pid} != $$;
    close $self->{$_} for qw(in out err);
    local $?;
    kill 'TERM', $client;
    waitpid $client, 0;
    return;
}

sub DESTROY { local ($@, $!); $_[0]->close; }

1;
