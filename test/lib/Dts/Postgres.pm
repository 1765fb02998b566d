# Dts::Postgres: a throwaway PostgreSQL server.
#
#   my $pg = Dts::Postgres->new(preload => 1)->start;
#   $pg->sql('CREATE EXTENSION dtsmig');
#   my $n = $pg->value('SELECT count(*) FROM shop.orders');
#
# kind: the destination is of another version than the run's: a server of
# test/servers that has headers, with the extension built for it.
# conf: extra lines for postgresql.conf; fsync => 1 for a server that keeps its
# promises after a crash of the machine too (kill -9 needs none of it).
package Dts::Postgres;
use strict;
use warnings;
use Carp qw(croak);
use Fcntl qw(:flock);
use IPC::Run ();
use Time::HiRes qw(sleep time);
use Dts::Env qw(tmpdir bindir free_port spawn reap alive run_as server_user
  own_dir poll_until slurp on_exit descendants);
use Dts::Install qw(foreign_bindir);
use Dts::Session qw(is_question is_plain);

my $count = 0;

sub new
{
    my ($class, %opt) = @_;
    $opt{kind} //= $ENV{DTS_DEST} if $class eq __PACKAGE__;
    my $self = bless {
        name => 'pg' . ++$count,
        bindir => $opt{bindir} // ($opt{kind} ? foreign_bindir($opt{kind}) : bindir()),
        port => free_port(),
        user => server_user('postgres'),
        preload => $opt{preload} // 0,
        dbname => 'postgres',
    }, $class;
    my $root = own_dir(tmpdir() . "/$self->{name}", $self->{user});
    $self->{data} = "$root/data";
    $self->{log} = "$root/server.log";
    $self->_initdb;
    $self->append_conf(<<"END");
listen_addresses = '127.0.0.1'
port = $self->{port}
unix_socket_directories = '$root'
fsync = ${\($opt{fsync} ? 'on' : 'off')}
max_connections = 60
max_worker_processes = 40
shared_buffers = 128MB
max_wal_size = 2GB
log_line_prefix = '%m [%p] %b %a '
log_min_messages = info
restart_after_crash = on
timezone = 'Asia/Kathmandu'
END
    $self->append_conf("shared_preload_libraries = 'dtsmig'\n")
      if $self->{preload};
    $self->append_conf($opt{conf}) if $opt{conf};
    on_exit(sub { $self->stop('immediate') });
    return $self;
}

# A server that runs already, on this port of 127.0.0.1, and goes on running.
sub named
{
    my ($class, $port, %opt) = @_;
    return bless { name => "port $port", port => $port, dbname => $opt{dbname} // 'postgres', log => '/dev/null' }, $class;
}

# One initdb a test run; the others are copies of its data folder.
sub _initdb
{
    my ($self) = @_;
    my $root = $ENV{DTS_TMP} // tmpdir();
    open my $lock, '>>', "$root/initdb.lock" or croak "initdb.lock: $!";
    flock($lock, LOCK_EX);
    (my $key = $self->{bindir}) =~ s{\W+}{_}g;
    my $template = "$root/template$key";
    if (!-e "$template/PG_VERSION")
    {
        own_dir($template, $self->{user});
        my ($code, $out) = run_as($self->{user}, "$self->{bindir}/initdb",
            '-D', $template, qw(-U postgres -A trust -N -E UTF8
              --locale=C.UTF-8));
        croak "initdb failed:\n$out" if $code;
    }
    close $lock;
    my ($code, $out) = run_as($self->{user}, '/bin/cp', '-a', $template,
        $self->{data});
    croak "cp: $out" if $code;
    chmod 0700, $self->{data};
}

sub append_conf
{
    my ($self, $text) = @_;
    open my $fh, '>>', "$self->{data}/postgresql.conf" or croak "$!";
    print $fh "$text\n";
    close $fh;
}

# Lines of pg_hba.conf that come before those that are there; for the server as it runs.
sub prepend_hba
{
    my ($self, @lines) = @_;
    my $file = "$self->{data}/pg_hba.conf";
    my $old = slurp($file);
    open my $fh, '>', $file or croak "$file: $!";
    print $fh map({ "$_\n" } @lines), $old;
    close $fh;
    $self->sql('SELECT pg_reload_conf()');
}

sub start
{
    my ($self) = @_;
    for my $try (1 .. 40)
    {
        my $from = -s $self->{log} // 0;
        $self->{pid} = spawn({ user => $self->{user}, log => $self->{log} }, $self->_valgrind,
            "$self->{bindir}/postgres", '-D', $self->{data});
        my $up = poll_until(sub {
            return 'gone' unless alive($self->{pid});
            # a client is dear
            return undef unless ((split /\n/, slurp("$self->{data}/postmaster.pid"))[7] // "") =~ /^(?:ready|standby)/;
            return $self->try_value('SELECT 1', 'template1') ? 'up' : undef;
        }, 60, 0.05);
        return $self if defined $up && $up eq 'up';
        my $log = substr slurp($self->{log}), $from;
        reap($self->{pid}, 'QUIT');
        # After a crash children may live a moment longer.
        croak "PostgreSQL does not start:\n$log"
          unless $log =~ /still in use|is another postmaster|lock file/;
        sleep 0.25;
    }
    croak 'PostgreSQL does not start';
}

my %signal = (smart => 'TERM', fast => 'INT', immediate => 'QUIT');

# Returns the seconds that it took.
sub stop
{
    my ($self, $mode) = @_;
    return 0 unless $self->{pid};
    my $start = time;
    $self->_close_sessions;
    reap($self->{pid}, $signal{ $mode // 'fast' }, 60);
    $self->{pid} = undef;
    $self->_look_for_crashes;
    $self->_look_at_valgrind if $ENV{DTS_VALGRIND};
    return time - $start;
}

# DTS_VALGRIND=1: what every process of the server runs under.
sub _valgrind
{
    my ($self) = @_;
    return () unless $ENV{DTS_VALGRIND};
    return (Dts::Env::program('valgrind'), qw(-q --trace-children=yes --leak-check=no --error-limit=no --num-callers=20),
        "--log-file=$self->{data}/../valgrind.%p");
}

# What valgrind found, as far as it is ours: the server itself, not made for it,
# writes bytes that nothing has set.
sub _look_at_valgrind
{
    my ($self) = @_;
    for my $file (glob "$self->{data}/../valgrind.*")
    {
        for my $found (split /^==\d+== \n/m, slurp($file))
        {
            my @frames = $found =~ /^==\d+==\s+(?:at|by) 0x\w+: (.*)/mg;
            Dts::Env::crashed("$self->{name}: $found") if grep { defined && /\(in .*dtsmig\.so\)|\((?:api|apply|binlog|my|pg|pgoutput|plan|stream|task|copy|verify|precheck|cutover)_?\w*\.c:\d+\)/ && !/\((?:pg_(?:locale|enum|class|type|list)|copy(?:from|to)\w*)\.c/ } @frames[ 0 .. 2 ];
        }
    }
}

# A server restarts its processes after a crash or an assertion that does not
# hold, and a task goes on: nothing else need say so. Signal 9 is the tests' own.
my $crash = qr/^(TRAP: .*|.*\bPANIC:.*|.*\bwas terminated by signal (?!9\b|15\b)\d+.*|.*server process \(PID \d+\) exited with exit code.*)/m;

sub _look_for_crashes
{
    my ($self) = @_;
    my $log = slurp($self->{log});
    my ($what) = substr($log, $self->{looked_at} // 0) =~ $crash;
    $self->{looked_at} = length $log;
    Dts::Env::crashed("$self->{name}: $what") if defined $what;
}

sub restart { my ($self, $mode) = @_; $self->stop($mode); return $self->start; }

# kill -9 of the postmaster and all its processes, as a power failure would.
sub kill9
{
    my ($self) = @_;
    $self->_close_sessions;
    kill 'STOP', $self->{pid};
    my @kids = descendants($self->{pid});
    kill 'KILL', $self->{pid}, @kids;
    reap($self->{pid}, undef, 10);
    poll_until(sub { !grep { kill 0, $_ } @kids }, 10, 0.01);
    $self->{pid} = undef;
    $self->_look_for_crashes;
}

sub psql_cmd
{
    my ($self, $db, $role, $stop) = @_;
    return (bindir() . "/psql", '-X', '-q', '-A', '-t', '-h', '127.0.0.1',
        '-p', $self->{port}, '-U', $role // 'postgres', '-v',
        'ON_ERROR_STOP=' . ($stop // 1), '-d', $db // $self->{dbname});
}

# The answer to a question, over a session that stays; nothing: ask otherwise.
# Of a server, be there more than one object for it: by its port.
my %sessions;
my @shapes = ("\\pset fieldsep '|'\n\\pset recordsep '\\n'\n\\pset null ''\n",
    "\\pset fieldsep '\\x1f'\n\\pset recordsep '\\x1e'\n\\pset null '\\x1d'\n");

sub _ask
{
    my ($self, $sql, %opt) = @_;
    return if $opt{options} || $opt{args} || !$self->{pid} || !is_question($sql);
    my $key = join '|', $$, $opt{db} // $self->{dbname}, $opt{role} // '';
    my $session = $sessions{ $self->{port} }{$key} //= do {
        local $ENV{PGAPPNAME} = 'dts_test';
        local $ENV{PGCLIENTENCODING} = 'UTF8';
        Dts::Session->new(end => "\\echo %s", cmd => [ qw(stdbuf -oL), $self->psql_cmd($opt{db}, $opt{role}, 0) ]);
    };
    my $shape = $opt{rows} ? 1 : 0;
    my $before = '';
    if ($shape != ($session->{shape} // -1))
    {
        $before = "\\set VERBOSITY verbose\n$shapes[$shape]";
        $session->{shape} = $shape;
    }
    # what is asked again and again, while a test waits, is planned once; but what
    # is read as a constant then may be another later
    (my $question = $sql) =~ s/;?\s*\z//;
    my $times = ++$session->{asked}{$question};
    if ($times >= 3 && $question =~ /^\s*SELECT\b/i && $question !~ /'(?:now|today|tomorrow|yesterday)|::\s*reg(?!class)/i)
    {
        $before .= 'PREPARE dts_' . ($session->{prepared}{$question} = ++$session->{last}) . " AS $question;\n" if $times == 3;
        $question = "EXECUTE dts_$session->{prepared}{$question}";
    }
    my ($out, $err) = $session->ask("$before$question", $opt{timeout} // 600);
    # an error of the server, as psql's status would be
    return (3, $out, $err) if defined $out && $times < 3 && $err =~ /^ERROR:/m && $err !~ /^(?:FATAL|PANIC):|connection/m;
    if (!defined $out || $err ne '')
    {
        # whoever asks otherwise gets it said
        delete $sessions{ $self->{port} }{$key};
        return;
    }
    chomp $out;
    return (0, $out, '');
}

# Plain statements the same, over another, which an error ends if there are
# several of them.
sub _run
{
    my ($self, $sql, %opt) = @_;
    return if $opt{options} || $opt{args} || !$self->{pid} || !is_plain($sql);
    my $one = $sql !~ /;\s*\S/;
    my $key = join '|', $one ? 'one' : 'run', $$, $opt{db} // $self->{dbname}, $opt{role} // '';
    my $known = delete $sessions{ $self->{port} }{$key};
    my $session = $known // do {
        local $ENV{PGAPPNAME} = 'dts_test';
        local $ENV{PGCLIENTENCODING} = 'UTF8';
        Dts::Session->new(end => "\\echo %s", cmd => [ qw(stdbuf -oL), $self->psql_cmd($opt{db}, $opt{role}, $one ? 0 : 1) ]);
    };
    my ($code, $out, $err) = $session->run("\\set VERBOSITY verbose\n$shapes[$opt{rows} ? 1 : 0]$sql", $opt{timeout} // 600);
    $sessions{ $self->{port} }{$key} = $session if !$code;
    # it was ended since it was used last (2: psql lost it): nothing has been run
    return if $known && $code == 2;
    # as psql's status would be
    $code = 3 if $one && !$code && $err =~ /^(?:ERROR|FATAL|PANIC):/m;
    chomp $out;
    return ($code, $out, $err);
}

sub _close_sessions { my ($self) = @_; delete $sessions{ $self->{port} }; }

# Runs SQL; returns (exit code, output, error text).
sub psql
{
    my ($self, $sql, %opt) = @_;
    my @answer = $self->_ask($sql, %opt);
    return @answer if @answer;
    @answer = $self->_run($sql, %opt);
    return @answer if @answer;
    push @{ $opt{args} }, '-F', "\x1f", '-R', "\x1e", '-P', "null=\x1d" if $opt{rows};
    # no session may be in the way, nor one from before
    $self->_close_sessions
      if $sql =~ /\b(?:DATABASE|ROLE|USER|SYSTEM|OWNED|TABLESPACE|pg_terminate_backend|pg_cancel_backend|pg_reload_conf)\b/i;
    my ($out, $err) = ('', '');
    my @cmd = $self->psql_cmd($opt{db}, $opt{role});
    push @cmd, @{ $opt{args} // [] };
    local $ENV{PGAPPNAME} = 'dts_test';
    local $ENV{PGCLIENTENCODING} = 'UTF8';
    local $ENV{PGOPTIONS} = $opt{options} if $opt{options};
    my $ok = eval {
        # with -c it reads nothing else
        my $in = grep({ $_ eq '-c' } @cmd) ? '' : "\\set VERBOSITY verbose\n$sql\n";
        IPC::Run::run(\@cmd, \$in, \$out, \$err,
            IPC::Run::timeout($opt{timeout} // 600));
        1;
    };
    my $code = $ok ? $? >> 8 : 255;
    $err .= $@ unless $ok;
    chomp $out;
    return ($code, $out, $err);
}

# Runs SQL; its output as text. Dies with the server's message.
sub sql
{
    my ($self, $sql, %opt) = @_;
    my ($code, $out, $err) = $self->psql($sql, %opt);
    croak "psql: $err\nin: " . substr($sql, 0, 2000) if $code;
    return $out;
}

sub value { my ($self, $sql, %opt) = @_; return $self->sql($sql, %opt); }

# Runs SQL; rows as array references of text, NULL as undef.
sub rows
{
    my ($self, $sql, %opt) = @_;
    my $out = $self->sql($sql, %opt, rows => 1);
    $out =~ s/\n\z//;
    return map { [ map { $_ eq "\x1d" ? undef : $_ } split /\x1f/, $_, -1 ] }
      split /\x1e/, $out;
}

sub try_value
{
    my ($self, $sql, $db) = @_;
    my ($code, $out) = $self->psql($sql, db => $db, timeout => 10);
    return $code ? undef : $out;
}

# The error that SQL raises, or '' if it works.
sub error
{
    my ($self, $sql, %opt) = @_;
    my ($code, $out, $err) = $self->psql($sql, %opt);
    return $code ? $err : '';
}

sub poll_query
{
    my ($self, $sql, $timeout, $want) = @_;
    $want //= 't';
    return poll_until(sub {
        my $v = $self->try_value($sql);
        return defined $v && $v eq $want;
    }, $timeout // 60, 0.1);
}

sub log_text { return slurp($_[0]{log}); }

1;
