# Cutover to a destination that is another PostgreSQL server, the source of the
# MySQL family: what refuses it says so and the task goes on; at last sequences are
# past the source's AUTO_INCREMENT, foreign keys are valid, and nothing is left.
#
# dts-runs: mariadb
# dts-deep-runs: mysql-9.7
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep);
use Dts::Compare qw(same_database);
use Dts::Env qw(poll_until);
use Dts::Postgres;
use Dts::Task qw(server_pair);

my ($my, $hub) = server_pair();
my $dst = Dts::Postgres->new(preload => 0)->start;
$my->sql(<<'END');
CREATE DATABASE inc; USE inc;
CREATE TABLE t (id int NOT NULL AUTO_INCREMENT PRIMARY KEY, v varchar(20)); INSERT INTO t (v) VALUES ('a'), ('b'), ('c');
CREATE TABLE gone (id int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY, v int); INSERT INTO gone (v) VALUES (1), (2), (3); DELETE FROM gone;
CREATE TABLE parent (id int PRIMARY KEY); INSERT INTO parent VALUES (1), (2);
CREATE TABLE child (id int PRIMARY KEY, parent_id int, FOREIGN KEY fk (parent_id) REFERENCES parent (id) ON DELETE CASCADE); INSERT INTO child VALUES (1, 1), (2, 2);
CREATE TABLE keyless (a int); INSERT INTO keyless VALUES (1), (1);
END
$my->sql('CREATE SEQUENCE inc.own START WITH 5; SELECT NEXTVAL(inc.own)') if !$my->{mysql};
my $task = Dts::Task->new($my, $hub, name => 'inc', db => 'inc', destination => $dst);
$task->start->wait_for('incremental', 60);
my $goes_on = sub {
    my ($what, $sql) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    ok(poll_until(sub { $task->status eq 'running' && $task->get('worker_pid') }, 60), "$what: the task runs") or diag $task->report;
    $my->sql($sql // "INSERT INTO t (v) VALUES ('more')", db => 'inc');
    $task->catch_up(60);
    same_database($my, 'inc', $dst, 'inc', $what, extra => 1);
};
my $refused = sub {
    my ($what, $args, $like, $sql) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    like($hub->error("SELECT dtsmig.cutover('inc', quiet => '0', $args)"), $like, $what);
};
sub plant { $dst->sql("SET session_replication_role = replica; SET search_path = inc; $_[0]"); }

is($hub->value("SELECT count(*) FROM dtsmig.verify('inc', 'schema')"), 0, 'definitions are equal');
$dst->sql('ALTER TABLE inc.child DROP CONSTRAINT ' . $dst->value("SELECT quote_ident(conname) FROM pg_constraint WHERE contype = 'f'") . '; ALTER TABLE inc.t ALTER v TYPE text');
$refused->('definitions that differ', "verify => 'schema'", qr/55000.*the verification found 2 differences.*inc\.child missing.*foreign key \(parent_id\).*inc\.t differs.*column v: type/s);
$dst->sql('ALTER TABLE inc.child ADD FOREIGN KEY (parent_id) REFERENCES inc.parent (id) ON DELETE CASCADE; ALTER TABLE inc.t ALTER v TYPE varchar(20)');
is($hub->value("SELECT count(*) FROM dtsmig.verify('inc', 'schema')"), 0, 'made as they were');
plant("UPDATE t SET v = 'other' WHERE id = 2");
$refused->('a difference', "verify => 'full'", qr/55000.*the verification found 1 differences.*inc\.t differs \{"id": "2"\} \{"v": \{"source": "b", "destination": "other"\}\}/s);
is($hub->value("SELECT count(*) FROM dtsmig.verify('inc')"), 1, 'a verification finds it');
$refused->('one that was found before', "verify => 'none'", qr/55000.*1 differences that a verification found are not fixed/s);
plant("UPDATE t SET v = 'b' WHERE id = 2");
is($hub->value("SELECT count(*) FROM dtsmig.verify('inc')"), 0, 'it is as it was');
$goes_on->('after differences');
$my->sql('SET foreign_key_checks = 0; INSERT INTO inc.child VALUES (9, 99)');
$task->catch_up(60);
$refused->('a row without its parent', "verify => 'full'", qr/55000.*(?:breaks|violates) foreign key.*99/s);
$my->sql('DELETE FROM inc.child WHERE id = 9');
$goes_on->('after a row without its parent');
$task->pause;
$refused->('a task that is paused', "verify => 'full'", qr/55000.*it is paused.*resume_task/s);
$task->resume;
$goes_on->('after a pause');

# --- the hub dies on the way
my $pid = fork // die;
if (!$pid) { $hub->psql("SELECT dtsmig.cutover('inc', quiet => '20 s')"); require POSIX; POSIX::_exit(0); }
sleep 2;
$hub->kill9;
waitpid $pid, 0;
$hub->start;
$goes_on->('the hub is killed');

# --- it goes with the transaction
$hub->sql("BEGIN; SELECT dtsmig.cutover('inc', quiet => '0', verify => 'full'); ROLLBACK");
$goes_on->('rolled back');
$refused->('an account that may not', "verify => 'full', make_read_only => true", qr/55000.*the source could not be made read-only.*Access denied/s) if !$my->{mysql};
is($hub->value("SELECT count(*) FROM dtsmig.cutover('inc', verify => 'full')"), 1, 'cutover');
is($task->status, 'cut_over', 'is one');
same_database($my, 'inc', $dst, 'inc', 'both ends');
is($dst->value("SELECT string_agg(convalidated::text, ',') FROM pg_constraint WHERE contype = 'f'"), 'true', 'the foreign key is valid');
cmp_ok($dst->value("INSERT INTO inc.t (v) VALUES ('here') RETURNING id"), '>', 100, 'an INSERT there has a value past the source\'s, and the margin');
cmp_ok($dst->value('INSERT INTO inc.gone (v) VALUES (9) RETURNING id'), '>=', 4, 'of a table whose rows are gone, too');
cmp_ok($dst->value("SELECT nextval('inc.own')"), '>', 100, 'and a sequence of its own') if !$my->{mysql};
is($dst->value("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'dtsmig%'"), 0, 'nobody is there any more');
$task->drop;
is($dst->value("SELECT count(*) FROM dtsmig_ledger.dtsmig_ledger"), 0, 'the ledger knows nothing of it');
done_testing();
