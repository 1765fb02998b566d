# Dts::MariaDB: a throwaway MariaDB or MySQL server with a row binlog.
#
#   my $my = Dts::MariaDB->new->start;
#   $my->sql('CREATE DATABASE shop');
#   my $old = Dts::MariaDB->new(kind => 'mysql-5.6')->start;
#
# kind: see Dts::Kinds; default: $DTS_KIND, else the MariaDB of this machine.
# args: more options of the server; no_args: (regular expression) defaults to
# leave out. lower_names: with lower_case_table_names = 1. Its port and data folder stay the same over
# stop, kill9 and start. Two accounts exist: root (no password), and mig with
# the rights that a migration needs, password in $my->{password}.
package Dts::MariaDB;
use strict;
use warnings;
use Carp qw(croak);
use Fcntl qw(:flock);
use IPC::Open3 qw(open3);
use IPC::Run ();
use Time::HiRes qw(sleep time);
use Dts::Env qw(tmpdir free_port spawn reap alive run_as server_user own_dir
  poll_until slurp on_exit program);
use Dts::Kinds qw(kind);
use Dts::Session qw(is_question);

my $count = 0;

sub new
{
    my ($class, %opt) = @_;
    my $name = $opt{kind} // $ENV{DTS_KIND} // 'mariadb';
    my $kind = kind($name);
    my $self = bless {
        kind => $name,
        def => $kind,
        mysql => !$kind->{mariadb},
        version => $kind->{version},
        no_args => $opt{no_args},
        name => 'my' . ++$count,
        port => $opt{port} // free_port(),
        user => server_user('mariadb'),
        server_id => $opt{server_id} // 100 + $count,
        args => [ @{ $opt{args} // [] }, $opt{lower_names} ? '--lower-case-table-names=1' : () ],
        lower_names => $opt{lower_names},
        password => 's3cr%t Pä:ss@word',
        binlog => $opt{binlog} // 1,
    }, $class;
    my $root = own_dir(tmpdir() . "/$self->{name}", $self->{user});
    $self->{data} = "$root/data";
    $self->{log} = "$root/server.log";
    $self->{socket} = "$root/s";
    $self->_install;
    on_exit(sub { $self->stop('KILL') });
    return $self;
}

sub _install
{
    my ($self) = @_;
    my $root = $ENV{DTS_TMP} // tmpdir();
    open my $lock, '>>', "$root/mariadb.lock" or croak "mariadb.lock: $!";
    flock($lock, LOCK_EX);
    my $template = "$root/template_$self->{kind}" . ($self->{lower_names} ? '_lower' : '');
    if (!-e "$template/done")
    {
        run_as(undef, '/bin/rm', '-rf', $template);
        own_dir($template, $self->{user});
        $self->{def}{install}->($template, $self->{user}, $self->{lower_names} ? '--lower-case-table-names=1' : ());
        run_as($self->{user}, '/usr/bin/touch', "$template/done");
    }
    close $lock;
    my ($code, $out) = run_as($self->{user}, '/bin/cp', '-a', $template,
        $self->{data});
    croak "cp: $out" if $code;
    unlink "$self->{data}/done";
}

sub start
{
    my ($self, @more) = @_;
    my @binlog = $self->{binlog}
      ? ("--log-bin=$self->{def}{log}", '--binlog-format=ROW') : ();
    # 8.4 and later know no other format
    pop @binlog if $self->{mysql} && $self->{version} >= 80400;
    push @binlog, '--skip-log-bin' if !@binlog && $self->{mysql} && $self->{version} >= 80000;
    my @args = @{ $self->{def}{args} };
    @args = grep { !/gtid|log-slave/ } @args unless $self->{binlog};
    @args = grep { !/$self->{no_args}/ } @args if $self->{no_args};
    $self->{pid} = spawn({ user => $self->{user}, log => $self->{log} },
        $self->{def}{command}->(), "--datadir=$self->{data}",
        "--port=$self->{port}", '--bind-address=127.0.0.1',
        "--socket=$self->{socket}", "--pid-file=$self->{data}/pid",
        '--tmpdir=' . own_dir("$self->{data}/../tmp", $self->{user}),
        "--server-id=$self->{server_id}", @binlog, @args,
        qw(--character-set-server=utf8mb4 --innodb-buffer-pool-size=128M
          --innodb-flush-log-at-trx-commit=2 --sync-binlog=0
          --max-connections=200 --default-time-zone=+05:00),
        @{ $self->{args} }, @more);
    my $listens;
    my $up = poll_until(sub {
        return 'gone' unless alive($self->{pid});
        # a client is dear; a port that nobody listens on is not
        return undef unless $listens ||= Dts::Env::listens($self->{port});
        my ($code) = $self->mariadb('SELECT 1', timeout => 10);
        return $code ? undef : 'up';
    }, 90, 0.05);
    croak "$self->{kind} does not start:\n" . substr(slurp($self->{log}), -4000)
      unless defined $up && $up eq 'up';
    if (!$self->{account})
    {
        (my $pw = $self->{password}) =~ s/'/''/g;
        my $before = $self->{def}{before} // '';
        $self->sql(<<"END");
SET sql_log_bin = 0;
$before
CREATE USER mig\@'%' IDENTIFIED BY '$pw';
GRANT $self->{def}{grants} ON *.* TO mig\@'%';
END
        $self->{account} = 1;
    }
    return $self;
}

sub stop
{
    my ($self, $signal) = @_;
    return unless $self->{pid};
    $self->_close_sessions;
    reap($self->{pid}, $signal // 'TERM', 60);
    $self->{pid} = undef;
    my ($what) = slurp($self->{log}) =~ /^(.*(?:\bgot signal \d+|\bgot exception|Assertion failure|Assertion .* failed).*)/m;
    Dts::Env::crashed("$self->{name}: $what") if defined $what;
}

sub kill9 { my ($self) = @_; $self->stop('KILL'); }

sub client_cmd
{
    my ($self, $db, @args) = @_;
    return (program('mariadb'), '--no-defaults', '--protocol=tcp',
        '-h127.0.0.1', "-P$self->{port}", '-uroot',
        '--default-character-set=utf8mb4', '--batch', '--skip-column-names',
        '--max-allowed-packet=1G', '--binary-mode', @args,
        defined $db ? $db : ());
}

# The answer to a question, over a session that stays; nothing: ask otherwise.
# Of a server, be there more than one object for it: by its port.
my %sessions;

sub _ask
{
    my ($self, $sql, %opt) = @_;
    return if $opt{args} || !$self->{pid} || !is_question($sql);
    my $key = join '|', $$, $opt{db} // '';
    my $session = $sessions{ $self->{port} }{$key} //= Dts::Session->new(end => "SELECT '%s';",
        cmd => [ $self->client_cmd(undef, '--unbuffered', '--force', '--skip-reconnect', defined $opt{db} ? $opt{db} : ()) ]);
    my ($out, $err) = $session->ask($sql, $opt{timeout} // 600);
    if (!defined $out || $err ne '')
    {
        # whoever asks otherwise gets it said
        delete $sessions{ $self->{port} }{$key};
        return;
    }
    chomp $out;
    return (0, $out, '');
}

sub _close_sessions { my ($self) = @_; delete $sessions{ $self->{port} }; }

# Runs SQL; returns (exit code, output, error text).
sub mariadb
{
    my ($self, $sql, %opt) = @_;
    my @answer = $self->_ask($sql, %opt);
    return @answer if @answer;
    # no session may be in the way, nor one from before
    $self->_close_sessions if $sql =~ /\b(?:GLOBAL|FLUSH|KILL|SHUTDOWN|DATABASE|SCHEMA)\b/i;
    my ($out, $err) = ('', '');
    my @cmd = $self->client_cmd($opt{db}, @{ $opt{args} // [] });
    my $ok = eval {
        IPC::Run::run(\@cmd, \$sql, \$out, \$err,
            IPC::Run::timeout($opt{timeout} // 600));
        1;
    };
    my $code = $ok ? $? >> 8 : 255;
    $err .= $@ unless $ok;
    chomp $out;
    return ($code, $out, $err);
}

sub sql
{
    my ($self, $sql, %opt) = @_;
    my ($code, $out, $err) = $self->mariadb($sql, %opt);
    croak "mariadb: $err\nin: " . substr($sql, 0, 2000) if $code;
    return $out;
}

sub value { my ($self, $sql, %opt) = @_; return $self->sql($sql, %opt); }

# Rows as array references of text; NULL as undef.
sub rows
{
    my ($self, $sql, %opt) = @_;
    my %esc = ('n' => "\n", 't' => "\t", '0' => "\0", '\\' => '\\');
    return map {
        [ map { my $v = $_; $v eq 'NULL' ? undef : $v =~ s/\\([nt0\\])/$esc{$1}/gr }
              split /\t/, $_, -1 ]
    } split /\n/, $self->sql($sql, %opt);
}

# Runs what code returns, a text of statements at a time, over one connection
# until stopped; an end of the server only interrupts it. Errors of statements
# are skipped. Returns the pid, for reap.
sub background
{
    my ($self, $code, %opt) = @_;
    my @cmd = ($self->client_cmd($opt{db}), '--force', '--unbuffered');
    return spawn({ log => tmpdir() . "/$self->{name}-writer.log", code => sub {
        my $stop = 0;
        local $SIG{TERM} = sub { $stop = 1; };
        local $SIG{PIPE} = 'IGNORE';
        my ($in, $out, $client);
        while (!$stop)
        {
            $client //= open3($in, $out, undef, @cmd);
            my $sql = $code->();
            last unless defined $sql;
            next if print $in "$sql\nSELECT 'statements done';\n" and $in->flush and _answered($out);
            close $in;
            close $out;
            waitpid $client, 0;
            $client = undef;
            sleep 0.2;
        }
        close $in if $in;
        waitpid $client, 0 if $client;
    } });
}

# Waits until the client of background says that it is done; false: it has no
# server any more.
sub _answered
{
    my ($out) = @_;
    while (defined(my $line = <$out>))
    {
        return 1 if $line =~ /^statements done$/;
        return 0 if $line =~ /^ERROR (?:20\d\d|1053|1927)\b/;
        print $line if $line =~ /^ERROR/;
    }
    return 0;
}

# The options of CREATE SERVER and of the user mapping.
sub server_sql
{
    my ($self, $name, %opt) = @_;
    my $port = $opt{port} // $self->{port};
    my $db = defined $opt{dbname} ? ", dbname '$opt{dbname}'" : '';
    my $extra = $opt{options} ? ", $opt{options}" : '';
    my $role = $opt{role} // 'CURRENT_USER';
    (my $pw = $self->{password}) =~ s/'/''/g;
    return <<"END";
CREATE SERVER $name TYPE '$self->{def}{type}' FOREIGN DATA WRAPPER dtsmig_fdw
    OPTIONS (host '127.0.0.1', port '$port'$db$extra);
CREATE USER MAPPING FOR $role SERVER $name
    OPTIONS (user 'mig', password '$pw');
END
}

# Becomes a replica of another one, by GTID.
sub replicate
{
    my ($self, $source) = @_;
    $source->sql(q{SET sql_log_bin = 0; CREATE USER repl@'%' IDENTIFIED BY 'repl'; GRANT REPLICATION SLAVE ON *.* TO repl@'%'})
      unless $source->{repl}++;
    if ($self->{mysql} && $self->{version} >= 80400)
    {
        $self->sql("CHANGE REPLICATION SOURCE TO SOURCE_HOST = '127.0.0.1', SOURCE_PORT = $source->{port}, SOURCE_USER = 'repl', "
              . "SOURCE_PASSWORD = 'repl', SOURCE_AUTO_POSITION = 1, SOURCE_SSL = 1, SOURCE_CONNECT_RETRY = 1; START REPLICA");
        return $self;
    }
    my $gtid = $self->{mysql} ? 'MASTER_AUTO_POSITION = 1' : 'MASTER_USE_GTID = slave_pos';
    $self->sql("CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = $source->{port}, MASTER_USER = 'repl', "
          . "MASTER_PASSWORD = 'repl', $gtid, MASTER_CONNECT_RETRY = 1; START SLAVE");
    return $self;
}

# And is one no longer.
sub promote
{
    my ($self) = @_;
    $self->sql($self->{mysql} && $self->{version} >= 80400 ? 'STOP REPLICA; RESET REPLICA ALL' : 'STOP SLAVE; RESET SLAVE ALL');
}

# Where its log ends: file, offset.
sub log_end
{
    my ($self) = @_;
    my $show = $self->{mysql} && $self->{version} >= 80400
      ? 'SHOW BINARY LOG STATUS' : 'SHOW MASTER STATUS';
    my ($row) = $self->rows($show);
    return @$row[ 0, 1 ];
}

sub log_text { return slurp($_[0]{log}); }

1;
