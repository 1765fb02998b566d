# Dts::Precheck: items of a task's precheck, and each of them both ways: found
# where something is wrong, and passed after exactly what the item says was
# done. What that is, is taken from the result; the test does not know it.
#
#   my $check = Dts::Precheck->new($source, $pg);
#   my $task = $check->task(db => 'shop', options => { … });
#   my $items = $check->items($task);     # name => { status, found, advice, … }
#   $check->both_ways($task, keys => [ 'warning', qr/shop\.t/ ], …);
#   $check->by_hand($task, sub { … }, large_objects => [ 'warning', qr/: 1$/ ]);
#
# by_hand is for what no SQL fixes: the sub does what the advice says, and may
# return the task to look at then. common/precheck_items.pl reads the test files
# for these two calls, and wants one for each item.
package Dts::Precheck;
use strict;
use warnings;
use JSON::PP ();
use Test::More;
use Dts::Task;

my $n = 0;
my %rank = (passed => 0, ignored => 1, warning => 2, failed => 3);

sub new
{
    my ($class, $source, $pg) = @_;
    return bless { source => $source, pg => $pg }, $class;
}

# A task of its own name; options as of Dts::Task, and user: the account at the
# source (with the password of the source's "mig").
sub task
{
    my ($self, %opt) = @_;
    my $name = 'p' . ++$n;
    my $task = Dts::Task->new($opt{on} // $self->{source}, $self->{pg}, %opt, name => $name);
    $task->{opt} = \%opt;
    $self->{pg}->sql("ALTER USER MAPPING FOR CURRENT_USER SERVER src_$name OPTIONS (SET user '$opt{user}')",
        role => $opt{role}) if $opt{user};
    return $task;
}

# The task's items by name, after a precheck: of several findings the worst
# one, with the SQL of all that are like it.
sub items
{
    my ($self, $task) = @_;
    my $pg = $task->{pg};
    my $run = "dtsmig.precheck('$task->{name}')";
    my %items;
    # a standby keeps no results
    my $standby = $pg->value('SELECT pg_is_in_recovery()') eq 't';
    $pg->sql("SELECT count(*) FROM $run") unless $standby;
    my @rows = $pg->rows($standby ? "SELECT * FROM $run"
        : "SELECT item, status, found, advice, sql, run_at FROM dtsmig.precheck_results WHERE task = '$task->{name}'");
    for (@rows)
    {
        my %i;
        @i{qw(item status found advice sql run_at)} = map { $_ // '' } @$_;
        my $old = $items{ $i{item} };
        if ($old && $rank{ $old->{status} } == $rank{ $i{status} })
        {
            $old->{found} .= "\n$i{found}";
            $old->{sql} .= "\n$i{sql}" if $i{sql} ne $old->{sql};
        }
        elsif (!$old || $rank{ $old->{status} } < $rank{ $i{status} })
        {
            $items{ $i{item} } = \%i;
        }
    }
    return \%items;
}

# Does what an item says; returns the task to look at then.
sub fix
{
    my ($self, $task, $i) = @_;
    my $source = $task->{opt}{on} // $self->{source};
    if ($i->{sql} ne '')
    {
        my $where = $i->{run_at} eq 'source' ? $source : $task->{pg};
        my @db = $i->{run_at} eq 'source' ? (db => $task->{opt}{db}) : ();
        eval { $where->sql($i->{sql}, @db); 1 } or fail("$i->{item}: its SQL: $@");
    }
    push @{ $self->{restart}{source} }, $1 =~ s/\s*=\s*/=/gr
      if $i->{advice} =~ /configuration and restart it: (.*)$/;
    $self->{restart}{$1} //= [] if $i->{advice} =~ /Then restart the (source|destination)/;
    if ($i->{advice} =~ /more rules in objects: (\{.*\})$/)
    {
        my %opt = %{ $task->{opt} };
        $opt{objects} = [ @{ $opt{objects} }, @{ JSON::PP->new->decode("[$1]") } ];
        $task->drop;
        $task = $self->task(%opt);
    }
    return $task;
}

# What the items asked for by words: restarts, with more settings.
sub restart
{
    my ($self, $source) = @_;
    my $want = delete $self->{restart} // {};
    if (my $args = $want->{source})
    {
        $source //= $self->{source};
        push @{ $source->{args} }, map { "--$_" } map { split /, / } @$args if @$args;
        $source->stop;
        $source->start;
    }
    $self->{pg}->restart if $want->{destination};
}

# Items (name => [ status, what is found ]) are found as they should be, and
# pass after what they say has been done. Returns the task, which may be
# another then.
sub both_ways
{
    my ($self, $task, %want) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $before = $self->_found($task, \%want);
    $task = $self->fix($task, $before->{$_}) for sort keys %want;
    $self->restart($task->{opt}{on});
    return $self->_passed($task, $before);
}

# The same of items that are fixed by hand.
sub by_hand
{
    my ($self, $task, $do, %want) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $before = $self->_found($task, \%want);
    my $other = $do->($before);
    return $self->_passed(ref $other && $other->isa('Dts::Task') ? $other : $task, $before);
}

sub _found
{
    my ($self, $task, $want) = @_;
    my $items = $self->items($task);
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my %before;
    for my $name (sort keys %$want)
    {
        my ($status, $like) = @{ $want->{$name} };
        my $i = $items->{$name} // { item => $name, status => '(none)', found => '', advice => '', sql => '' };
        is($i->{status}, $status, "$name: $status") or diag $i->{found};
        like($i->{found}, $like, "$name: what is found");
        isnt($i->{advice}, '', "$name: it says what to do");
        $before{$name} = $i;
    }
    return \%before;
}

sub _passed
{
    my ($self, $task, $before) = @_;
    my $after = $self->items($task);
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    for my $name (sort keys %$before)
    {
        is($after->{$name}{status}, 'passed', "$name: passes after what it said")
          or diag "$before->{$name}{advice}\n$after->{$name}{found}";
    }
    return $task;
}

1;
