# The destination is a server of the MySQL family, and everything dies: kill -9 of the hub,
# of the task's worker, of the destination and of the source; sessions killed there,
# the line to it swallowed and cut, a COMMIT lost on its way there or its reply on
# the way back; in the load and while changes flow. Afterwards both ends are equal,
# tables without a key and counters included, and the catalog has followed the
# ledger. DTS_DEEP=1: each of them four times.
#
# dts-runs: mariadb
# dts-deep-runs: mysql-5.6
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);
use Dts::Env qw(poll_until spawn reap);
use Dts::MariaDB;
use Dts::PgSource;
use Dts::Postgres;
use Dts::Proxy;
use Dts::Task;

my @what = qw(line reply hub session destination request worker source);
my $rounds = @what * ($ENV{DTS_DEEP} ? 4 : 1);
my $seed = $ENV{DTS_SEED} // time ^ $$;
srand $seed;
diag "DTS_SEED=$seed";

my $src = Dts::PgSource->new(fsync => 1)->start;
my $hub = Dts::Postgres->new(preload => 1, fsync => 1)->start;
$hub->sql('CREATE EXTENSION dtsmig');
my $dst = Dts::MariaDB->new(kind => $ENV{DTS_KIND}, args => ['--innodb-flush-log-at-trx-commit=1', '--sync-binlog=1'])->start;
my $line = Dts::Proxy->new(port => $dst->{port});
$dst->sql("CREATE USER app\@'%' IDENTIFIED BY 'pw'; CREATE DATABASE ledger; GRANT ALL ON *.* TO app\@'%'");

my %tables = (counter => 'id, n, u', events => 'a, b, c', big => 'id, k, c', parent => 'id, v', child => 'id, parent_id, v');
$src->sql(<<'END');
CREATE SCHEMA tor;
CREATE TABLE tor.counter (id int PRIMARY KEY, n bigint NOT NULL, u int UNIQUE);
INSERT INTO tor.counter SELECT i, 0, i FROM generate_series(0, 99) i;
CREATE TABLE tor.events (a int, b varchar(20), c numeric(8,2));
ALTER TABLE tor.events REPLICA IDENTITY FULL;
INSERT INTO tor.events SELECT i % 50, 'e' || i % 7, i % 3 FROM generate_series(1, 2000) i;
CREATE TABLE tor.big (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, k int NOT NULL, c varchar(120));
CREATE INDEX ON tor.big (k);
INSERT INTO tor.big (k, c) SELECT i % 1000, 'row ' || i || repeat(' pad', 10) FROM generate_series(1, 40000) i;
CREATE TABLE tor.parent (id int PRIMARY KEY, v int);
INSERT INTO tor.parent SELECT i, 0 FROM generate_series(0, 199) i;
CREATE TABLE tor.child (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, parent_id int NOT NULL REFERENCES tor.parent ON DELETE CASCADE, v int);
INSERT INTO tor.child (parent_id, v) SELECT i % 200, i FROM generate_series(1, 1000) i;
ANALYZE;
END
my @writers = map {
    my $w = $_;
    spawn({ code => sub {
        my $stop = 0;
        local $SIG{TERM} = sub { $stop = 1 };
        while (!$stop)
        {
            sleep 0.01;
            my $d = rand;
            my ($id, $big, $p) = (1 + int rand 99, 1 + int rand 40000, int rand 200);
            my $sql = $d < 0.3 ? "UPDATE tor.counter SET n = n + 1 WHERE id = $id"
              : $d < 0.5 ? "BEGIN; UPDATE tor.counter SET n = n + 1 WHERE id = $id; INSERT INTO tor.events VALUES ($id, 'w$w', 1); UPDATE tor.big SET k = k + 1 WHERE id = $big; COMMIT"
              : $d < 0.6 ? "INSERT INTO tor.big (k, c) VALUES ($id, 'new')"
              : $d < 0.68 ? "DELETE FROM tor.big WHERE id BETWEEN $big AND $big + 3"
              : $d < 0.76 ? "DELETE FROM tor.events WHERE ctid IN (SELECT ctid FROM tor.events WHERE a = $id % 50 LIMIT 2)"
              : $d < 0.86 ? "BEGIN; DELETE FROM tor.parent WHERE id = $p; INSERT INTO tor.parent VALUES ($p, $id); INSERT INTO tor.child (parent_id, v) VALUES ($p, 1), ($p, 2); COMMIT"
              : $d < 0.92 ? "BEGIN; UPDATE tor.counter SET u = NULL WHERE id = $id; UPDATE tor.counter SET u = 1000 + $id WHERE id = $id; COMMIT"
              : "UPDATE tor.big SET c = 'u' || k WHERE id BETWEEN $big AND $big + 50";
            # the source is away now and then, and its writers may meet
            my ($code) = $src->psql($sql, timeout => 20);
            sleep 0.3 if $code;
        }
    } });
} 1 .. 2;

my $task = Dts::Task->new($src, $hub, name => 'tor', db => 'postgres', objects => [ { schema => 'tor' } ], destination => $dst, destination_port => $line->{port},
    destination_db => 'ledger', destination_user => 'app', destination_password => 'pw', options => { copy_workers => 2, rows_per_range => 5000, batch_delay => 100, throttle_full_rows => 8000 });
# what is on the line can be read
$hub->sql("ALTER SERVER dst_tor OPTIONS (ADD ssl_mode 'disable')");
$task->start;

my ($kills, %did) = (0);
sub where { return $hub->try_value(q{SELECT concat_ws('/', status, phase, step) FROM dtsmig.tasks WHERE name = 'tor'}) // 'down'; }

sub strike
{
    my ($what, $at) = @_;
    if ($what =~ /^(?:hub|destination|source)$/)
    {
        my $server = { hub => $hub, destination => $dst, source => $src }->{$what};
        $server->kill9;
        sleep rand 0.5;
        $server->start;
    }
    elsif ($what eq 'worker')
    {
        my ($pid) = $task->worker_pids;
        kill 'KILL', $pid if $pid;
        poll_until(sub { defined $hub->try_value('SELECT 1') }, 30, 0.1);
    }
    elsif ($what eq 'session')
    {
        $dst->mariadb("KILL $_->[0]") for $dst->rows("SELECT ID FROM information_schema.PROCESSLIST WHERE USER = 'app'");
    }
    elsif ($what eq 'line')
    {
        # what is on its way arrives nowhere; the server goes on by itself
        $line->swallow;
        sleep rand 0.3;
        $line->cut;
        $line->forward;
    }
    else
    {
        $line->lose($what);
        ok(poll_until(sub { $line->lost }, 60, 0.05), "a COMMIT's $what is lost");
    }
    (my $step = $at) =~ s{^[^/]*/}{};
    $did{"$what in $step"}++;
    $kills++;
}

sub running_again
{
    return poll_until(sub {
        my $s = where();
        die 'the task failed: ' . $task->report if $s =~ /^failed/;
        return $s =~ m{^running} ? $s : undef;
    }, 90, 0.1);
}

my $early = 0;
while ($early < $rounds / 2)
{
    sleep 0.2 + rand 0.5;
    my $at = where();
    last if $at =~ /changes/;
    next if $at eq 'down' || $at =~ m{new$};
    strike($what[ $early++ % @what ], $at);
    ok(running_again(), "comes back ($kills: $at)") or BAIL_OUT($task->report);
}
cmp_ok($early, '>', 2, "$early times in schema and load");
$hub->sql("SELECT dtsmig.alter_task('tor', '{\"throttle_full_rows\": 0}')");
eval { $task->wait_for('incremental', 200); 1 } or BAIL_OUT($@);
my $next = $early;
while ($kills < $early + $rounds)
{
    sleep 0.3 + rand 0.7;
    my $at = where();
    strike($what[ $next++ % @what ], $at);
    ok(running_again(), "comes back ($kills: $at)") or BAIL_OUT($task->report);
}
reap($_, 'TERM') for @writers;
note "$_: $did{$_}" for sort keys %did;
ok(eval { $task->catch_up(120); 1 }, 'caught up') or diag $@;
for my $table (sort keys %tables)
{
    my $sql = "SELECT $tables{$table} FROM tor.$table ORDER BY 1, 2, 3";
    $sql =~ s/, 3$// if $table eq 'parent';
    my ($a, $b) = map { my $s = $_; [ map { join '|', map { $_ // '~' } @$_ } $s->rows($sql) ] } $src, $dst;
    my %n;
    $n{$_}++ for @$a;
    $n{$_}-- for @$b;
    my @differ = grep { $n{$_} } sort keys %n;
    ok(!@differ, "$table is equal: " . @$a . ' rows') or diag 'difference: ' . join ', ', map { "$_ ($n{$_})" } @differ[ 0 .. ($#differ < 9 ? $#differ : 9) ];
}
cmp_ok($src->value('SELECT sum(n) FROM tor.counter'), '>', 30, 'there was load');
ok(poll_until(sub { $dst->value("SELECT value FROM ledger.dtsmig_ledger WHERE `key` = 'position'") eq $task->get('applied_position') }, 20, 0.1), 'ledger and catalog agree');
is($dst->value("SELECT COUNT(*) FROM ledger.dtsmig_ledger WHERE `key` LIKE 'begun:%' OR value LIKE 'begun%'"), 0, 'no statement is left in doubt');
is($dst->value("SELECT COUNT(DISTINCT TABLE_NAME, INDEX_NAME) FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = 'tor'"), 7, 'all indexes are there');
is($dst->value("SELECT COUNT(*) FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = 'tor'"), 1, 'the foreign key too');
done_testing();
