# A destination of the MySQL family that does not answer what was asked: a proxy
# replaces answers, by NULL, fewer columns, no rows, cut rows, nonsense. No
# process of the hub may crash or hang, and no row is lost or twice.
# dts-runs: mariadb, mysql-9.7
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);
use Dts::Env qw(poll_until);
use Dts::MariaDB;
use Dts::MyProxy;
use Dts::PgSource qw(pg_pair);
use Dts::Task;

my ($src, $hub) = pg_pair();
my $dst = Dts::MariaDB->new->start;
$dst->sql("CREATE USER app\@'%' IDENTIFIED BY 'pw'; GRANT ALL ON *.* TO app\@'%'");
$src->sql(<<'END');
CREATE SCHEMA s;
CREATE TYPE s.mood AS ENUM ('sad', 'ok');
CREATE TABLE s.a (id serial PRIMARY KEY, v text, m s.mood, t timestamp, n numeric(10,2));
CREATE TABLE s.b (id bigint PRIMARY KEY, a int REFERENCES s.a);
CREATE TABLE s.no_key (v int, t timestamp(3)); ALTER TABLE s.no_key REPLICA IDENTITY FULL;
CREATE INDEX ON s.b (a);
INSERT INTO s.a (v, m, t) SELECT 'v' || i, 'ok', '2020-01-01 00:00:00.5' FROM generate_series(1, 50) i; INSERT INTO s.b SELECT i, i FROM generate_series(1, 9) i; INSERT INTO s.no_key VALUES (1, '2020-01-01 00:00:00.123'), (1, NULL);
END
my $proxy = Dts::MyProxy->new(port => $dst->{port});
sub task
{
    my ($name) = @_;
    my $task = Dts::Task->new($src, $hub, name => $name, objects => [ { schema => 's', target_schema => $name } ],
        destination => $dst, destination_port => $proxy->{port}, destination_user => 'app', destination_password => 'pw', destination_db => '');
    $hub->sql("ALTER SERVER dst_$name OPTIONS (ADD ssl_mode 'disable')");
    return $task;
}
my $task = task('m');

sub crashes { return () = $hub->log_text =~ /terminated by signal|^TRAP/mg; }

# a change does not fail by a seed that nobody has seen before
my $seed = $ENV{DTS_SEED} // ($ENV{CI} && !$ENV{DTS_DEEP} ? 7 : time);
diag "DTS_SEED=$seed";
my ($calls, $turn) = (0, $seed % 100);
for my $name (qw(precheck preview_schema))
{
    my $call = "SELECT count(*) FROM dtsmig.$name('m')";
    $proxy->forward;
    is($hub->error($call), '', "$name works");
    my @sql = $proxy->queries;
    cmp_ok(scalar @sql, '>', 10, "$name: " . @sql . ' queries');
    my @bad;
    for my $k (1 .. @sql)
    {
        for my $way ($ENV{DTS_DEEP} ? @Dts::MyProxy::ways : ('null', $Dts::MyProxy::ways[ 1 + $turn++ % $#Dts::MyProxy::ways ]))
        {
            $proxy->replace($k, $way);
            my $start = time;
            my $err = $hub->error($call, timeout => 30);
            $calls++;
            push @bad, "$way of $sql[$k - 1]: $err"
              if $err =~ /server closed|terminat|IPC::Run|XX000/ || ($err && $err !~ /ERROR:  [0-9A-Z]{5}:/) || time - $start > 10;
        }
    }
    is("@bad[0 .. ($#bad > 4 ? 4 : $#bad)]", '', "$name: an answer replaced in any way gives an error with its class, or none");
    is(crashes(), 0, "$name: no process crashed");
}

# --- digits of seconds, and lengths, that no column has
my $below = task('below');
$proxy->matching('datetime_precision', 'below');
$below->start;
ok(poll_until(sub { $below->status =~ /failed|retrying/ || $below->get('phase') eq 'incremental' }, 30), 'a column of -100,000,000 digits');
is(crashes(), 0, 'no worker crashed');
$proxy->forward;

# --- workers: each run meets answers replaced at random, and starts again
$proxy->random(0.05, $seed);
$task->start;
my $until = time + ($ENV{DTS_DEEP} ? 60 : 6);
my $n = 0;
while (time < $until)
{
    $proxy->random(0.05, $seed + $n);
    $src->sql('INSERT INTO s.a (v, t) VALUES (' . ++$n . ", now()); UPDATE s.a SET m = 'sad' WHERE id = $n; DELETE FROM s.b WHERE id = $n AND id < 5; UPDATE s.no_key SET v = v + 1");
    $hub->error("SELECT dtsmig.resume_task('m')") if $task->status eq 'failed';
    $hub->error("SELECT dtsmig.start_task('m')") if $task->status eq 'precheck_failed';
    sleep 0.5;
}
is(crashes(), 0, 'no worker crashed') or diag grep { /signal/ } split /^/, $hub->log_text;
unlike($hub->log_text, qr/ERROR:  XX000/, 'nor came upon something that cannot be') or diag grep { /XX000/ } split /^/, $hub->log_text;
$proxy->forward;
$hub->error("SELECT dtsmig.start_task('m')") if $task->status eq 'precheck_failed';
$hub->error("SELECT dtsmig.pause_task('m')");
$hub->error("SELECT dtsmig.resume_task('m')");
ok(eval { $task->wait_for('incremental', 60)->catch_up(60); 1 }, 'the destination answers again: all is applied') or diag $@;
is($dst->value('SELECT GROUP_CONCAT(CONCAT_WS(":", id, v, m) ORDER BY id) FROM m.a'), $src->value("SELECT string_agg(concat_ws(':', id, v, m), ',' ORDER BY id) FROM s.a"), 'no row is lost or twice');
is($dst->value('SELECT GROUP_CONCAT(CONCAT_WS(":", id, a) ORDER BY id) FROM m.b'), $src->value("SELECT string_agg(concat_ws(':', id, a), ',' ORDER BY id) FROM s.b"), 'nor one of another table');
is($dst->value('SELECT GROUP_CONCAT(v ORDER BY v) FROM m.no_key'), $src->value("SELECT string_agg(v::text, ',' ORDER BY v) FROM s.no_key"), 'nor one without a key');
note "$calls calls";
is(crashes(), 0, 'no crash in all of it');
done_testing();
