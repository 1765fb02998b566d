# Dts::Parallel: a table is copied again while the rest of its task goes on, from
# whatever source. A throttle that lets a few rows a second pass holds the copy
# until the test lifts it, so that nothing depends on how fast a machine is.
#
#   my $t = Dts::Parallel->new(label => 'mariadb', src => $my, pg => $pg,
#       task => $task, db => 'shop', schema => 'shop', same => sub { … });
package Dts::Parallel;
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep);
use Dts::Env qw(poll_until reap spawn);

sub new
{
    my ($class, %opt) = @_;
    return bless { n => 0, %opt }, $class;
}

# Tables of both dialects.
sub tables
{
    my $rows = join ', ', map { "($_, $_ % 40, 'v $_')" } 1 .. 3000;
    return <<"END";
CREATE TABLE big (id int PRIMARY KEY, n int, v varchar(60)); INSERT INTO big VALUES $rows;
CREATE TABLE bare (id int, n int, v varchar(60)); INSERT INTO bare VALUES $rows;
CREATE TABLE other (id int PRIMARY KEY, n int); INSERT INTO other VALUES (0, 0);
CREATE TABLE par (id int PRIMARY KEY, n int); INSERT INTO par SELECT id, n FROM big WHERE id <= 200;
CREATE TABLE chi (id int PRIMARY KEY, par_id int, FOREIGN KEY (par_id) REFERENCES par (id) ON DELETE CASCADE); INSERT INTO chi SELECT id, 1 + id % 200 FROM big;
END
}

# Statements of a writer: rows of the tables that are copied and of another, in
# transactions that have both.
sub writes
{
    my $n = 0;
    return sub {
        sleep 0.01;
        my $id = 1 + int rand 3000;
        my $p = 1 + $id % 200;
        $n++;
        return "BEGIN; UPDATE big SET n = n + 1 WHERE id = $id; UPDATE bare SET n = n + 1 WHERE id = $id; INSERT INTO other VALUES (1000000 + $n, $id); COMMIT;\n" if $n % 3 == 0;
        return "BEGIN; DELETE FROM big WHERE id = $id; DELETE FROM bare WHERE id = $id; INSERT INTO other VALUES (1000000 + $n, $id); INSERT INTO big VALUES (10000 + $n, $id, 'new'); INSERT INTO bare VALUES ($id, 1, 'new'), ($id, 1, 'new'); COMMIT;\n" if $n % 3 == 1;
        return "BEGIN; DELETE FROM par WHERE id = $p; INSERT INTO par VALUES ($p, $n); INSERT INTO chi VALUES (10000 + $n, $p); UPDATE big SET v = 'x $n' WHERE id = $id; COMMIT;\n";
    };
}

sub sql { my ($self, $sql) = @_; return $self->{src}->sql($sql, db => $self->{db}); }

sub option
{
    my ($self, $json) = @_;
    $self->{pg}->sql("SELECT dtsmig.alter_task('$self->{task}{name}', '$json')");
}

sub hold { $_[0]->option('{"throttle_full_rows": 5}'); }
sub lift { $_[0]->option('{"throttle_full_rows": 0}'); }

# Of several tables at once: they are copied together.
sub resync
{
    my ($self, @tables) = @_;
    $self->{pg}->sql('SELECT ' . join ', ', map { "dtsmig.resync_table('$self->{task}{name}', '$_')" } @tables);
}

# Rows of the copy of a table (or some, with spaces between) that is under way:
# undef if none is.
sub copied
{
    my ($self, $table) = @_;
    $table =~ s/ /', '/g;
    my $n = $self->{pg}->try_value("SELECT sum(rows_copied) FROM dtsmig.task_tables WHERE task = '$self->{task}{name}' AND source_table IN ('$table') AND state = 'resync'");
    return defined $n && $n ne '' ? $n : undef;
}

sub is_copying
{
    my ($self, $table, $what) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my ($first) = split / /, $table;
    # what the last copy had is shown until this one has begun
    ok(poll_until(sub {
        my $n = $self->step($first, 'copying', 0.1) ? $self->copied($table) : 0;
        $n && $n < 3000;
    }, 90, 0.1),
        "$self->{label}: $what: $table is being copied") or diag $self->{task}->report;
}

# A row of another table arrives; table is not done then.
sub others_go_on
{
    my ($self, $table, $what) = @_;
    my $n = ++$self->{n};
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    $self->sql("INSERT INTO other VALUES ($n, $n)");
    ok(poll_until(sub { ($self->{pg}->try_value("SELECT n FROM $self->{schema}.other WHERE id = $n") // '') eq $n }, 90, 0.05),
        "$self->{label}: $what: rows of others arrive") or diag $self->{task}->report;
    my $copied = $self->copied($table);
    ok(defined $copied && $copied < 3000, "$self->{label}: $what: while $table is copied");
}

sub is_done
{
    my ($self, $what) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    ok(poll_until(sub { ($self->{pg}->try_value("SELECT count(*) FROM dtsmig.task_tables WHERE task = '$self->{task}{name}' AND state <> 'ready'") // '') eq '0' }, 120, 0.1),
        "$self->{label}: $what: done") or diag $self->{task}->report;
}

# Caught up, and equal.
sub same
{
    my ($self, $what) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    ok(eval { $self->{task}->catch_up(120); 1 }, "$self->{label}: $what: caught up") or diag $@;
    $self->{same}->("$self->{label}: $what");
}

# Entries of the task's log with this text.
sub logged
{
    my ($self, $text) = @_;
    return $self->{pg}->value("SELECT count(*) FROM dtsmig.task_log WHERE task = '$self->{task}{name}' AND concat_ws(' ', message, detail) LIKE '%$text%'");
}

# A statement that the copy of its table holds up at the source.
sub ddl_of
{
    my ($self, $table, $sql) = @_;
    $self->hold;
    $self->resync($table);
    $self->is_copying($table, 'DDL');
    my $pid = spawn({ code => sub { $self->sql($sql) } });
    $self->others_go_on($table, 'DDL');
    $self->lift;
    is(reap($pid, undef, 120), 0, "$self->{label}: DDL of $table is done");
    $self->is_done('DDL');
    $self->{task}->catch_up(120);
}

# A session that holds a lock of a table until it is closed. waits: it is seen
# to wait for the lock, no more.
sub lock
{
    my ($self, $table, %opt) = @_;
    my $mode = $opt{mode} // 'SHARE';
    my @cmd = $self->{pg}->psql_cmd;
    open(my $in, '|-', @cmd) // die "psql: $!";
    $in->autoflush(1);
    print $in "BEGIN; LOCK TABLE $self->{schema}.$table IN $mode MODE;\n";
    $self->has_lock('client backend', $table, $opt{waits} ? 'NOT granted' : 'granted');
    return $in;
}

# Has a process of this kind a lock of the table, or waits for one?
sub has_lock
{
    my ($self, $kind, $table, $what) = @_;
    return poll_until(sub { ($self->{pg}->try_value("SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE $what AND backend_type = '$kind' AND pid <> pg_backend_pid() AND relation = '$self->{schema}.$table'::regclass") // '0') > 0 }, 90, 0.05);
}

sub step
{
    my ($self, $table, $step, $seconds) = @_;
    return poll_until(sub { ($self->{pg}->try_value("SELECT resync_step FROM dtsmig.task_table WHERE source_table = '$table'") // '') eq $step }, $seconds // 90, 0.05);
}

sub crash
{
    my ($self, @locks) = @_;
    $self->{pg}->kill9;
    local $SIG{PIPE} = 'IGNORE';
    close $_ for @locks;
    $self->{pg}->start;
}

# All rows are here, and the task worker is kept from taking that up.
sub crash_when_copied
{
    my ($self, $table) = @_;
    my $what = "$self->{label}: killed when $table was copied";
    my $held = $self->lock($table, mode => 'ACCESS SHARE');
    $self->resync($table);
    ok($self->has_lock('dtsmig copy', $table, 'NOT granted'), "$what: the copy waits for a lock") or diag $self->{task}->report;
    my $lock = $self->lock('other');
    ok($self->has_lock('dtsmig task', 'other', 'NOT granted'), "$what: the task worker waits for another") or diag $self->{task}->report;
    close $held;
    ok($self->step($table, 'copied'), "$what: copied") or diag $self->{task}->report;
    $self->crash($lock);
    $self->is_done("killed when $table was copied");
}

# The task worker is stopped where it writes what it reads again.
sub crash_in_replay
{
    my ($self, $table) = @_;
    my $what = "$self->{label}: killed while the log was read again for $table";
    $self->hold;
    $self->resync($table);
    $self->is_copying($table, 'to be killed');
    $self->others_go_on($table, 'to be killed');
    my $lock = $self->lock($table, waits => 1);
    $self->lift;
    ok($self->step($table, 'replay') && $self->has_lock('dtsmig task', $table, 'NOT granted'), "$what: it is") or diag $self->{task}->report;
    $self->crash($lock);
    $self->is_done('killed in the replay');
}

1;
