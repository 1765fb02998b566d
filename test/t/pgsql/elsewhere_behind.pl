# The catalog is behind the ledger of a destination elsewhere, for the reply to a
# COMMIT there was lost: tables with rules, statements, and a table that is to be
# copied again by then.
use strict;
use warnings;
use Test::More;
use Dts::Env qw(poll_until);
use Dts::PgSource qw(pg_pair same_pg_tables);
use Dts::Postgres;
use Dts::Proxy;
use Dts::Task;

my ($src, $hub) = pg_pair();
my $dst = Dts::Postgres->new(preload => 0)->start;
my $line = Dts::Proxy->new(port => $dst->{port});
$src->sql(<<'END');
CREATE SCHEMA s; CREATE SCHEMA r;
CREATE TABLE s.t (id int PRIMARY KEY, a int, v text); INSERT INTO s.t SELECT g, g, 'v' FROM generate_series(1, 2000) g;
CREATE TABLE s.keyless (a int, b text); ALTER TABLE s.keyless REPLICA IDENTITY FULL; INSERT INTO s.keyless SELECT g % 5, 'k' FROM generate_series(1, 50) g;
CREATE TABLE r.shaped (id int PRIMARY KEY, n int, name text, big text); ALTER TABLE r.shaped ALTER big SET STORAGE EXTERNAL;
INSERT INTO r.shaped SELECT g, g, 'name', repeat(md5(g::text), 300) FROM generate_series(1, 200) g;
CREATE TABLE r.keyed (id int PRIMARY KEY, code text NOT NULL, big text); ALTER TABLE r.keyed ALTER big SET STORAGE EXTERNAL;
ALTER TABLE r.keyed REPLICA IDENTITY FULL; ALTER TABLE r.shaped REPLICA IDENTITY FULL;
INSERT INTO r.keyed SELECT g, 'c' || g, repeat(md5(g::text), 300) FROM generate_series(1, 50) g;
END
my $task = Dts::Task->new($src, $hub, name => 'b', destination => $dst, destination_port => $line->{port}, objects => [ { schema => 's' }, { schema => 'r' },
    { schema => 'r', table => 'shaped', filter => 'n < 100', columns => { name => 'title' }, set => { twice => 'n * 2' } },
    { schema => 'r', table => 'keyed', primary_key => ['code'] } ]);
$task->start->wait_for('incremental', 90);
my $same = sub
{
    my ($what) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    $task->catch_up(90);
    same_pg_tables($src, $dst, $what, schemas => ['s']);
    my $sum = 'SELECT md5(string_agg(x::text, $$|$$ ORDER BY id)) || count(*) FROM';
    is($dst->value("$sum (SELECT id, n, title, big, twice FROM r.shaped) x"), $src->value("$sum (SELECT id, n, name, big, n * 2 FROM r.shaped WHERE n < 100) x"), "$what: a filter and an expression");
    is($dst->value("$sum r.keyed x"), $src->value("$sum r.keyed x"), "$what: another key");
};
$same->('full load');

# The line stays cut behind the COMMIT that is lost; what is done meanwhile.
my $n = 0;
my $lose = sub
{
    my ($what, $sql, $meanwhile) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    $line->lose('reply');
    $src->sql("BEGIN; $sql; COMMIT");
    ok(poll_until(sub { $line->lost }, 30, 0.05), "$what: a reply is lost");
    $line->cut;
    isnt($dst->value("SELECT value FROM dtsmig_ledger.dtsmig_ledger WHERE key = 'position'"), $task->get('applied_position'), "$what: the ledger is ahead of the catalog");
    $meanwhile->();
    $line->forward;
    $same->($what);
};
my $rows = sub { $n++; return "UPDATE r.shaped SET n = n + 5 WHERE id BETWEEN 80 AND 99; UPDATE r.shaped SET n = n - 100 WHERE n BETWEEN 150 AND 155; UPDATE r.shaped SET name = 'n$n' WHERE n % 7 = 0; DELETE FROM r.shaped WHERE id = $n; INSERT INTO r.shaped VALUES (1000 + $n, $n, 'new', 'b'); "
      . "UPDATE r.keyed SET code = code || 'x' WHERE id < 10; UPDATE r.keyed SET id = id + 1000 WHERE id = 10 + $n; DELETE FROM s.keyless WHERE ctid IN (SELECT ctid FROM s.keyless LIMIT 2); INSERT INTO s.keyless VALUES ($n, 'again')" };
$lose->('rows', $rows->(), sub { $src->sql($rows->()) });
$lose->('rows and a statement', $rows->() . '; ALTER TABLE s.t ADD COLUMN more int DEFAULT 3; UPDATE s.t SET more = 4 WHERE id < 10', sub { $src->sql('ALTER TABLE r.shaped ADD COLUMN late int; ' . $rows->() . '; UPDATE s.t SET more = 5 WHERE id = 20') });
$dst->sql('ALTER TABLE r.shaped ADD COLUMN IF NOT EXISTS late int');
$dst->sql("SET session_replication_role = replica; UPDATE s.t SET v = 'other' WHERE id = 1000");
$lose->('a table is to be copied again', $rows->() . '; ALTER TABLE s.t DROP COLUMN a, ADD COLUMN most text DEFAULT \'x\'; UPDATE s.t SET most = \'y\' WHERE id < 50',
    sub { $hub->sql("SELECT dtsmig.resync_table('b', 's.t')"); $src->sql($rows->() . '; ALTER TABLE s.t RENAME most TO least; INSERT INTO s.t (id, v) VALUES (5000, \'n\')') });
ok(poll_until(sub { $task->sql("SELECT string_agg(DISTINCT state, ',') FROM dtsmig.task_tables WHERE task = 'b'") eq 'ready' }, 60), 'it is copied') or diag $task->report;
$same->('at the end');
is($dst->value("SELECT v FROM s.t WHERE id = 1000"), 'v', 'with the rows of the source');
is($hub->value("SELECT count(*) FROM dtsmig.verify('b')"), 0, 'a verification finds nothing');
$hub->sql("SELECT dtsmig.cutover('b', verify => 'full')");
is($task->status, 'cut_over', 'cutover');
done_testing();
