# Over TLS: the copy and changes of all sizes arrive, each at once, and workers
# stop within two seconds, also when the line is dead.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);
use Dts::Compare qw(same_table);
use Dts::Env qw(tmpdir run_as own_dir server_user poll_until);
use Dts::Proxy;
use Dts::Task qw(server_pair);

my $dir = own_dir(tmpdir() . '/tls', server_user('mariadb'));
my ($code, $out) = run_as(undef, '/usr/bin/openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', 30,
    '-subj', '/CN=source', '-keyout', "$dir/key.pem", '-out', "$dir/cert.pem");
die "openssl: $out" if $code;
chmod 0644, "$dir/key.pem";
my ($my, $pg) = server_pair(my_args => [ "--ssl-cert=$dir/cert.pem", "--ssl-key=$dir/key.pem", '--max-allowed-packet=64M' ]);
$my->sql('CREATE DATABASE st; USE st; CREATE TABLE t (id int PRIMARY KEY, v longtext);
    INSERT INTO t SELECT seq, REPEAT(CHAR(97 + seq % 26), seq % 997) FROM seq_1_to_20000;
    INSERT INTO t SELECT 100000 + seq, REPEAT("z", seq * 4099) FROM seq_1_to_40');
my $proxy = Dts::Proxy->new(port => $my->{port});
my $n = 0;

sub task
{
    $n++;
    return Dts::Task->new($my, $pg, name => "tls$n", db => 'st', port => $proxy->{port}, server => "ssl_mode 'require'",
        objects => [ { schema => 'st', table => 't', target_schema => "st$n" } ],
        options => { copy_workers => 2, rows_per_range => 5000 })->start;
}

sub stops_in_time
{
    my ($name, $task, $action) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my @pids = $task->worker_pids;
    ok(@pids > 0, "$name: there are workers");
    my $start = time;
    $action->(@pids);
    ok(poll_until(sub { !grep { kill 0, $_ } @pids }, 10, 0.02), "$name: all gone");
    cmp_ok(time - $start, '<', 2.0, sprintf '%s: stopped in %.2f s', $name, time - $start);
}

my $t = task();
$t->wait_for('incremental', 60);
isnt($pg->value(q{SELECT coalesce(tls, '') FROM dtsmig.test_connection('src_tls1')}), '', 'the line is encrypted');
same_table($my, 'st.t', $pg, 'st1.t', 'the copy');

# A record of TLS has 16 kB; what is left of one must not wait for the next.
my @late;
for my $size (10, 2040, 2060, 16300, 16400, 33000, 70000, 500_000)
{
    $my->sql("INSERT INTO st.t VALUES (200000 + $size, REPEAT('a', $size)), (900000 + $size, REPEAT('b', $size))");
    my $start = time;
    poll_until(sub { $pg->value("SELECT count(*) FROM st1.t WHERE id IN (200000 + $size, 900000 + $size)") eq '2' }, 20, 0.01);
    push @late, time - $start;
}
@late = sort { $a <=> $b } @late;
cmp_ok($late[4], '<', 0.8, sprintf 'rows of many sizes arrive at once: %.2f s at the median, %.2f s at most', @late[ 4, -1 ]);
$my->sql('INSERT INTO st.t VALUES (1, REPEAT("c", 20000000)) ON DUPLICATE KEY UPDATE v = VALUES(v)');
$t->catch_up;
same_table($my, 'st.t', $pg, 'st1.t', 'a row of 20 MB, and all the others');

stops_in_time('pause, silent source', $t, sub { $t->pause });
$t->resume->wait_for('incremental', 60);
$proxy->swallow;
sleep 1;
stops_in_time('pause, dead line', $t, sub { $t->pause });
$proxy->forward;
$my->sql('INSERT INTO st.t VALUES (0, "after that")');
$t->resume->wait_for('incremental', 60);
$t->catch_up;
is($pg->value('SELECT v FROM st1.t WHERE id = 0'), 'after that', 'it goes on');
$t->release;

$proxy->delay(30);
$t = task();
ok(poll_until(sub { $pg->value(q{SELECT count(*) FROM dtsmig.tasks WHERE name = 'tls2' AND phase = 'full'}) eq '1' && $t->worker_pids > 1 }, 30), 'a copy');
$proxy->swallow;
sleep 0.5;
stops_in_time('pg_terminate_backend in the copy, dead line', $t,
    sub { $pg->sql('SELECT ' . join ', ', map { "pg_terminate_backend($_)" } @_) });
$proxy->delay(0);
$proxy->forward;
$t->wait_for('incremental', 60);
same_table($my, 'st.t', $pg, 'st2.t', 'the copy that was stopped');
$t->release;
done_testing();
