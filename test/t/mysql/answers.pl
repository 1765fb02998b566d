# What a MySQL-family source answers is not to be trusted: a proxy replaces
# each answer of each call, one at a time, by NULL, fewer columns, no rows, cut
# rows, nonsense, an error, the end of the line. No crash, no hang, no error
# without a class. DTS_DEEP=1: each answer in all ways; else each in one, by
# DTS_SEED, and of a verification's every third.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);
use Dts::Env qw(poll_until);
use Dts::MyProxy;
use Dts::Task qw(server_pair);

my ($my, $pg) = server_pair();
$my->sql(q{CREATE DATABASE an; USE an;
    CREATE TABLE parent (id int PRIMARY KEY AUTO_INCREMENT, e enum('a', 'b'), d date, b varbinary(9) DEFAULT X'ff00');
    CREATE TABLE child (id bigint unsigned PRIMARY KEY, p int, t varchar(20) CHARACTER SET latin2 DEFAULT 'x',
        g int AS (p + 1), KEY (t), FOREIGN KEY (p) REFERENCES parent (id) ON DELETE CASCADE, CHECK (p > 0));
    CREATE TABLE nokey (a int, b text);
    CREATE TABLE parts (id int PRIMARY KEY, v json) PARTITION BY HASH (id) PARTITIONS 2;
    CREATE VIEW seen AS SELECT id FROM parent;
    INSERT INTO parent (e, d) VALUES ('a', '2020-01-01'), ('b', NULL);
    INSERT INTO child (id, p, t) VALUES (1, 1, X'e8'), (2, 2, 'two');
    INSERT INTO nokey VALUES (1, 'x'), (1, 'x');
    INSERT INTO parts VALUES (1, '{}'), (2, '[1]')});
$my->sql('CREATE SEQUENCE an.s') if !$my->{mysql};
my $proxy = Dts::MyProxy->new(port => $my->{port});
my $task = Dts::Task->new($my, $pg, name => 'an', db => 'an', port => $proxy->{port}, server => "ssl_mode 'disable'");

sub crashes { my @c = $pg->log_text =~ /was terminated by signal \d+/g; return scalar @c; }

# Runs a call; its error, or ''.
sub call
{
    my ($sql) = @_;
    my ($code, $out, $err) = $pg->psql($sql, timeout => 30);
    return $code ? $err : '';
}

my @often = grep { $_ ne 'null' && $_ ne 'fewer' } @Dts::MyProxy::ways;
# a change does not fail by a seed that nobody has seen before
my $seed = $ENV{DTS_SEED} // ($ENV{CI} && !$ENV{DTS_DEEP} ? 7 : time);
diag "DTS_SEED=$seed";
my ($calls, $errors, $turn) = (0, 0, $seed % 1000);
my %call = (
    test_connection => q{SELECT * FROM dtsmig.test_connection('src_an')},
    precheck => q{SELECT * FROM dtsmig.precheck('an')},
    preview_schema => q{SELECT * FROM dtsmig.preview_schema('an')},
);
$pg->sql('CREATE SCHEMA imported; CREATE SCHEMA f; IMPORT FOREIGN SCHEMA an FROM SERVER src_an INTO f');
$call{'foreign table'} = 'SELECT count(*), max(id), min(id) FROM f.parent; SELECT * FROM f.child WHERE p = 1; SELECT * FROM f.parent ORDER BY id LIMIT 3; SELECT * FROM f.nokey; SELECT * FROM f.parts; ANALYZE f.child';
$call{import} = 'BEGIN; IMPORT FOREIGN SCHEMA an FROM SERVER src_an INTO imported; ROLLBACK';
my $other = Dts::Task->new($my, $pg, name => 'anv', source => 'src_an', objects => [ { schema => 'an', table => '%', target_schema => 'anv' } ]);
$other->start->wait_for('incremental');
$other->pause;
$call{verify} = q{SELECT * FROM dtsmig.verify('anv')};
$call{'verify schema'} = q{SELECT * FROM dtsmig.verify('anv', mode => 'schema')};
my $deep = $ENV{DTS_DEEP};
for my $name (sort keys %call)
{
    $proxy->forward;
    is(call($call{$name}), '', "$name, as it is");
    my @sql = $proxy->queries;
    cmp_ok(scalar @sql, '>', 3, "$name: " . @sql . ' queries');
    my (@bad, $longest);
    for my $k (1 .. @sql)
    {
        # of a verification there are many, and each takes a while
        my @ways = $deep ? ('null', 'fewer', @often) : $name =~ /verify/ && $turn % 3 ? () : ('null', 'fewer', $often[ $turn / 3 % @often ])[ ($turn + $turn / 3) % 3 ];
        $turn++;
        for my $way (@ways)
        {
            $proxy->replace($k, $way);
            my $start = time;
            my $err = call($call{$name});
            my $took = time - $start;
            $calls++;
            $errors++ if $err;
            push @bad, "$way of $sql[$k - 1]: $err"
              if $err =~ /server closed|terminat|IPC::Run|XX000/ || ($err && $err !~ /ERROR:  [0-9A-Z]{5}:/) || $took > ($name =~ /verify/ ? 15 : 4);
        }
    }
    is("@bad[0 .. ($#bad > 4 ? 4 : $#bad)]", '', "$name: an answer replaced in any way gives an error with its class, or none");
}
note "$calls calls, $errors of them errors";
is(crashes(), 0, 'no process crashed');

# --- calls that change something: one answer of each is replaced, then the source is honest again
sub changing
{
    my ($name, $ready, $run, $after) = @_;
    $proxy->forward;
    $ready->();
    $proxy->forward;
    is($run->(), '', "$name, as it is");
    my $n = my @sql = $proxy->queries;
    cmp_ok($n, '>', 1, "$name: $n queries");
    my $most = $deep ? $n : 4;
    my @bad;
    for my $k ($n <= $most ? (1 .. $n) : map { 1 + int(($_ + 0.5) * $n / $most) } 0 .. $most - 1)
    {
        my $way = $Dts::MyProxy::ways[ $turn++ % @Dts::MyProxy::ways ];
        $proxy->forward;
        $ready->();
        $proxy->replace($k, $way);
        my $err = $run->();
        $calls++;
        $errors++ if $err;
        push @bad, "$way of query $k: $err" if $err =~ /server closed|terminat|IPC::Run|XX000/ || ($err && $err !~ /ERROR:  [0-9A-Z]{5}:/);
        $proxy->forward;
        $after->() if $after;
    }
    is("@bad[0 .. ($#bad > 4 ? 4 : $#bad)]", '', "$name: an error with its class, or none");
    is(crashes(), 0, "$name: no process crashed");
}
$proxy->forward;
$other->resume->wait_for('running');
$other->catch_up;
my $idle = sub { $pg->value("SELECT count(*) FROM dtsmig.task_tables WHERE task = 'anv' AND state <> 'ready'") eq '0' };
changing('resync_table', sub { },
    sub { $pg->sql("SELECT dtsmig.resync_table('anv', 'an.child')"); poll_until(sub { $other->status =~ /failed|retrying/ || $idle->() }, 30); return ''; },
    sub { $pg->error("SELECT dtsmig.pause_task('anv')"); $other->resume->wait_for('running'); $other->catch_up; poll_until($idle, 30); });
is($pg->value('SELECT count(*) FROM anv.child'), 2, 'after all copies the rows are the same');
my $made = 0;
my $t;
sub fresh
{
    my (@more) = @_;
    if ($t) { $pg->error("SELECT dtsmig.$_('$t->{name}')") for qw(release_task drop_task); }
    my $name = 'z' . ++$made;
    $t = Dts::Task->new($my, $pg, name => $name, source => 'src_an', objects => [ { schema => 'an', table => 'parent', target_schema => "an_$name" } ], @more);
    $t->start;
    return $t;
}
fresh(types => [ 'schema', 'full' ]);
ok(poll_until(sub { $t->status eq 'completed' }, 30), 'a task without changes');
changing('repair', sub { $pg->sql("DELETE FROM an_$t->{name}.parent WHERE id = 1; SELECT count(*) FROM dtsmig.verify('$t->{name}')") },
    sub { call("SELECT dtsmig.repair('$t->{name}')") });
changing('cutover', sub {
        return if $pg->value("SELECT count(*) FROM dtsmig.tasks WHERE name = '$t->{name}' AND status = 'running'") eq '1';
        fresh()->wait_for('incremental');
        $t->catch_up;
    }, sub { call("SELECT dtsmig.cutover('$t->{name}', quiet => '0')") });
fresh()->wait_for('incremental');
# these ask a source of this family nothing
is(call("SELECT dtsmig.$_('$t->{name}')"), '', "$_, as it is") for qw(release_task drop_task);
note "$calls calls, $errors of them errors";

# --- a source that wants a file of ours gets none
$proxy->replace(2, 'infile');
like(call($call{test_connection}), qr/ERROR:  08P01/, 'a file is wanted: an error');
is(join(' ', grep { /^file:/ } $proxy->queries), '', 'and nothing is sent');

# --- an answer that does not come is waited for, and the wait is interrupted
$proxy->replace(3, 'silent');
my $start = time;
like(call("SET statement_timeout = 500; $call{precheck}"), qr/57014/, 'a silent source: the statement is cancelled');
cmp_ok(time - $start, '<', 2, 'at once');

# --- workers: each run meets answers replaced at random, and starts again
$proxy->random(0.08, 5);
$task->start;
my $until = time + 6;
my $n = 0;
while (time < $until)
{
    $proxy->random(0.08, 5 + $n++);
    my ($code) = $pg->psql(q{SELECT dtsmig.resume_task('an')}) if $task->status !~ /running|retrying|starting/;
    sleep 0.5;
}
is(crashes(), 0, 'no worker crashed') or diag grep { /signal/ } split /^/, $pg->log_text;
my $log = $pg->log_text;
unlike($log, qr/ERROR:  XX000/, 'nor came upon something that cannot be') or diag grep { /XX000/ } split /^/, $log;
$proxy->forward;
$task->release;
is(crashes(), 0, 'no crash in all of it');
done_testing();
