# Dts::Task: a migration task as a test drives it, over the SQL surface only.
#
#   my ($my, $pg) = server_pair(preload => 1);
#   my $task = Dts::Task->new($my, $pg, name => 'm', db => 'shop',
#       options => { copy_workers => 2 });
#   $task->start; $task->wait_for('incremental'); $task->catch_up;
package Dts::Task;
use strict;
use warnings;
use Carp qw(croak);
use Exporter qw(import);
use JSON::PP ();
use Time::HiRes qw(sleep time);
use Test::More ();
use Dts::Env qw(poll_until);
use Dts::MariaDB;
use Dts::Postgres;

our @EXPORT_OK = qw(server_pair);

# Waits for what has to come may take that many times as long (a busy machine).
my $patience = $ENV{DTS_PATIENCE} || 1;

# A running MariaDB and a running PostgreSQL with the extension.
sub server_pair
{
    my (%opt) = @_;
    my $my = Dts::MariaDB->new(kind => $opt{kind}, args => $opt{my_args} // [])->start;
    my $pg = Dts::Postgres->new(preload => $opt{preload} // 1, conf => $opt{conf}, fsync => $opt{fsync})->start;
    $pg->sql('CREATE EXTENSION dtsmig');
    return ($my, $pg);
}

sub _lit
{
    my ($s) = @_;
    return 'NULL' unless defined $s;
    $s =~ s/'/''/g;
    utf8::downgrade($s, 1);    # bytes stay bytes
    return "'$s'";
}

# Makes server, user mapping and task. Options: name, db, options (hash),
# objects (data), types (array of phases), server (options as SQL), port, role;
# destination: a Dts::Postgres or Dts::MariaDB elsewhere (destination_port, destination_user,
# destination_password; destination_db: the database of the latter).
sub new
{
    my ($class, $my, $pg, %opt) = @_;
    my $name = $opt{name} // 'move';
    my $self = bless { my => $my, pg => $pg, name => $name,
        role => $opt{role} }, $class;
    my $server = $opt{source} // "src_$name";
    if (!$opt{source})
    {
        $pg->sql($my->server_sql($server, dbname => $opt{db},
            port => $opt{port}, options => $opt{server}), role => $opt{role});
    }
    my $there = $opt{destination};
    if ($there)
    {
        # another server, where the rows go
        my $port = $opt{destination_port} // $there->{port};
        my $user = $opt{destination_user} // 'postgres';
        my $password = defined $opt{destination_password} ? ", password '$opt{destination_password}'" : '';
        my $type = $there->isa('Dts::MariaDB') ? $there->{mysql} ? 'mysql' : 'mariadb' : 'postgresql';
        my $dbname = $there->{dbname} // $opt{destination_db};
        $pg->sql("CREATE SERVER dst_$name TYPE '$type' FOREIGN DATA WRAPPER dtsmig_fdw OPTIONS (host '127.0.0.1', port '$port', dbname '$dbname'); "
              . "CREATE USER MAPPING FOR CURRENT_USER SERVER dst_$name OPTIONS (user '$user'$password)", role => $opt{role});
    }
    # the tests' source is trusted by the superuser that most tasks are owned by
    $opt{options} = { superuser_ddl => JSON::PP::true(), %{ $opt{options} // {} } }
      if !defined $opt{role} && $my->isa('Dts::PgSource');
    my $json = JSON::PP->new->canonical->allow_nonref;
    my @args = (_lit($name), 'source => ' . _lit($server));
    push @args, 'destination => ' . _lit("dst_$name") if $there;
    push @args, 'migration_types => ' . _lit('{' . join(',', @{ $opt{types} }) . '}')
      if $opt{types};
    push @args, 'objects => ' . _lit($json->encode($opt{objects})) if $opt{objects};
    push @args, 'options => ' . _lit($json->encode($opt{options})) if $opt{options};
    $self->{id} = $self->sql('SELECT dtsmig.create_task(' . join(', ', @args) . ')');
    return $self;
}

sub sql
{
    my ($self, $sql) = @_;
    return $self->{pg}->sql($sql, role => $self->{role});
}

sub call { my ($self, $f) = @_; return $self->sql("SELECT dtsmig.$f(" . _lit($self->{name}) . ')'); }
sub start { my ($self) = @_; $self->call('start_task'); return $self; }
sub pause { my ($self) = @_; $self->call('pause_task'); return $self; }
sub resume { my ($self) = @_; $self->call('resume_task'); return $self; }
sub release { my ($self) = @_; $self->call('release_task'); return $self; }
sub drop { my ($self) = @_; $self->call('drop_task'); return $self; }

# A column (expression) of the view tasks.
sub get
{
    my ($self, $column) = @_;
    return $self->sql("SELECT $column FROM dtsmig.tasks WHERE name = "
          . _lit($self->{name}));
}

sub status { return $_[0]->get('status'); }
sub phase { return $_[0]->get('phase'); }
sub last_error { return $_[0]->get('last_error'); }

# Everything that the catalog say, for a diagnosis.
sub report
{
    my ($self) = @_;
    my $n = _lit($self->{name});
    my $text = join "\n", map { my ($c, $o, $e) = $self->{pg}->psql($_,
        args => ['-x', '--no-align']); "$o$e" }
      "SELECT name, status, phase, step, last_error, last_error_hint, source_position, applied_position, latency_seconds, latency_bytes, worker_pid FROM dtsmig.tasks WHERE name = $n",
      "SELECT string_agg(concat_ws(' ', target_table, state, rows_copied, snapshot_low, snapshot_high), ', ') FROM (SELECT * FROM dtsmig.task_tables WHERE task = $n LIMIT 12) x",
      "SELECT item, found FROM dtsmig.precheck_results WHERE task = $n AND status = 'failed'",
      "SELECT kind, name, error, statement FROM dtsmig.task_objects WHERE task = $n AND state = 'failed'",
      "SELECT severity, message, detail FROM dtsmig.task_log WHERE task = $n";
    return $text . "\nserver log:\n"
      . join "\n", _tail(25, grep { !/ STATEMENT: / } split /\n/, $self->{pg}->log_text);
}

sub _tail { my ($n, @l) = @_; return @l > $n ? @l[-$n .. -1] : @l; }

# Waits for a status or phase; a test dies, with a report, if it isn't reached.
sub wait_for
{
    my ($self, $what, $seconds) = @_;
    $seconds = ($seconds // 120) * $patience;
    my ($code, $out, $err) = $self->{pg}->psql('SELECT dtsmig.wait_for('
          . _lit($self->{name}) . ', ' . _lit($what) . ", '$seconds s')",
        role => $self->{role});
    return $self if $code == 0;
    croak "wait_for $what: $err\n" . $self->report;
}

# Waits for a status by looking at the view, so that a failure of the task is
# not an error. Returns whether it was reached.
sub wait_status
{
    my ($self, $want, $seconds) = @_;
    my $n = _lit($self->{name});
    return poll_until(sub {
        my $s = $self->{pg}->try_value("SELECT status FROM dtsmig.tasks WHERE name = $n");
        return defined $s && $s =~ /^(?:$want)$/;
    }, $seconds // 60, 0.1);
}

sub _position
{
    my ($text) = @_;
    return (hex $1, hex $2) if ($text // '') =~ m{^([0-9A-F]+)/([0-9A-F]+)(?:\W|$)};
    return (0, 0) unless ($text // '') =~ /\.(\d+):(\d+)/;
    return ($1 + 0, $2 + 0);
}

# Waits until everything that the source has logged by now is applied.
sub catch_up
{
    my ($self, $seconds) = @_;
    $seconds = ($seconds // 60) * $patience;
    my @end = $self->{my}->log_end;
    my ($file, $offset) = _position(join ':', @end);
    my $n = _lit($self->{name});
    my $last = '';
    my $ok = poll_until(sub {
        my $v = $self->{pg}->try_value('SELECT applied_position || \'|\' || '
              . "status FROM dtsmig.tasks WHERE name = $n");
        return undef unless defined $v && $v ne '';
        $last = $v;
        croak "task failed: " . $self->report if $v =~ /\|failed$/;
        my ($f, $o) = _position($v);
        return $f > $file || $f == $file && $o >= $offset;
    }, $seconds, 0.05);
    croak "not caught up with @end in $seconds s (at $last)\n"
      . $self->report unless $ok;
    return $self;
}

# Pids of the workers of the extension (of all tasks), launcher left out.
sub worker_pids
{
    my ($self) = @_;
    my $out = $self->{pg}->try_value('SELECT string_agg(pid::text, \' \') FROM '
          . "pg_stat_activity WHERE backend_type LIKE 'dtsmig%' "
          . "AND backend_type NOT LIKE '%launcher%'");
    return split / /, $out // '';
}

1;
