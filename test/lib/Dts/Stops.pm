# Dts::Stops: errors that stop a task, and the statements of their hints, which
# are run as they stand there.
#
#   my $stops = Dts::Stops->new($task, source => sub { my ($sql) = @_; ... },
#       same => sub { my ($name, @tables) = @_; ... });
#   $stops->stop('a byte 0x00', source => 'INSERT ...', error => qr/.../,
#       state => '22P05', way => [qw(resync_table resume_task)], tables => ['t']);
#
# Of a stop: before (here), source (SQL there) or do (code) make it happen;
# error, state and where are what the task says; way names the statements of
# the hint to be run, correct (there) and here (SQL) what is done by hand before.
package Dts::Stops;
use strict;
use warnings;
use Test::More;
use Dts::Env qw(poll_until);

sub new
{
    my ($class, $task, %opt) = @_;
    return bless { task => $task, pg => $task->{pg}, %opt }, $class;
}

# No table waits to be copied again.
sub ready
{
    my ($self) = @_;
    return poll_until(sub { ($self->{pg}->try_value("SELECT count(*) FROM dtsmig.task_tables WHERE task = '$self->{task}{name}' AND state <> 'ready'") // '') eq '0' }, 60);
}

sub detail
{
    my ($self) = @_;
    return $self->{pg}->value("SELECT detail FROM dtsmig.task_log WHERE task = '$self->{task}{name}' AND severity = 'error' ORDER BY logged_at DESC LIMIT 1");
}

# Statements of the hint: calls of the extension, and SQL for the destination.
sub calls
{
    my ($self) = @_;
    my $name = quotemeta $self->{task}{name};
    return $self->{task}->get('last_error_hint') =~ /\b(SELECT dtsmig\.\w+\('$name'(?:, '(?:[^']|'')*')?\);|(?:ALTER TABLE|CREATE TABLE|GRANT|DROP VIEW) [^;…]+;)/g;
}

# Runs those that a way names; false: the hint has not all.
sub go_on
{
    my ($self, $name, @way) = @_;
    my @calls = grep { my $call = $_; grep { $call =~ /\b$_\b/ } @way } $self->calls;
    is(scalar @calls, scalar @way, "$name: the hint has @way") or diag($self->{task}->get('last_error_hint')), return 0;
    $self->{pg}->sql($_) for @calls;
    return 1;
}

sub stop
{
    my ($self, $name, %c) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $task = $self->{task};
    $self->{pg}->sql($c{before}) if $c{before};
    $self->{source}->($c{source}) if $c{source};
    $c{do}->() if $c{do};
    ok($task->wait_status('failed', 60), "$name: the task stops") or return diag $task->report;
    like($task->last_error, $c{error}, "$name: what");
    is($task->get('last_error_sqlstate'), $c{state}, "$name: SQLSTATE");
    like($self->detail, $c{where}, "$name: where") if $c{where};
    $self->{source}->($c{correct}) if $c{correct};
    $self->{pg}->sql($c{here}) if $c{here};
    $self->go_on($name, @{ $c{way} }) or return;
    ok($task->wait_status('running', 60) && $self->ready, "$name: the task goes on") or return diag $task->report;
    ok(eval { $task->catch_up(60); 1 }, "$name: and catches up") or return diag $@;
    $self->{same}->($name, @{ $c{tables} });
    return;
}

1;
