# The way back of a task from PostgreSQL: cutover with reverse, application writes
# here, cutover back, writes there, forth again, as often as one likes; equal at each
# step, with no row of the first moment lost and none that comes back; what refuses it
# leaves the task running.
#
# dts-runs: postgresql, postgresql-13
# dts-deep-runs: postgresql-18 into postgresql-18-dev
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep);
use Dts::Env qw(poll_until);
use Dts::PgSource qw(same_pg_tables);
use Dts::Postgres;
use Dts::Task;
use Dts::WayBack qw(way_back_hub way_back_of);

my $src = Dts::PgSource->new(kind => $ENV{DTS_PG_KIND})->start;
my $pg = way_back_hub();
$pg->sql('DROP SERVER local CASCADE');
$src->sql(<<'END');
CREATE SCHEMA s; CREATE TYPE s.mood AS ENUM ('sad', 'ok');
CREATE TABLE s.t (id serial PRIMARY KEY, v text, m s.mood, n numeric(20,5), a int[], at timestamptz DEFAULT now());
INSERT INTO s.t (v, m, n, a) SELECT 'v' || i, 'ok', i / 7.0, ARRAY[i] FROM generate_series(1, 500) i;
CREATE TABLE s.parent (id int PRIMARY KEY); INSERT INTO s.parent SELECT generate_series(1, 20);
CREATE TABLE s.child (id int PRIMARY KEY, p int REFERENCES s.parent ON DELETE CASCADE); INSERT INTO s.child SELECT i, 1 + i % 20 FROM generate_series(1, 100) i;
CREATE TABLE s.old (id int PRIMARY KEY, "Cust" text, note text); INSERT INTO s.old SELECT i, 'c' || i, 'n' FROM generate_series(1, 10) i;
CREATE TABLE s.part (id int PRIMARY KEY, region text); INSERT INTO s.part VALUES (1, 'eu'), (2, 'us'); ALTER TABLE s.part REPLICA IDENTITY FULL;
END
my $task = Dts::Task->new($src, $pg, name => 'm', db => 'postgres',
    objects => [ { schema => 's' }, { schema => 's', table => 'old', target_schema => 'crm', target_table => 'people', columns => { Cust => 'customer', note => undef }, set => { origin => "'eu'" } },
        { schema => 's', table => 'part', filter => "region = 'eu'" } ]);
like($pg->error("SELECT dtsmig.cutover('m', reverse => true)"), qr/has no way back.*reverse_task/s, 'without a way back');
like($pg->error("SELECT dtsmig.reverse_task('m')"), qr/is created/, 'of a task that does not run');
$task->start->wait_for('incremental', 60);

# --- this database as a source
like($pg->error("SELECT dtsmig.reverse_task('m')"), qr/server "local" does not exist.*CREATE SERVER local/s, 'no server leads here');
$pg->sql('CREATE DATABASE another');
$pg->sql($pg->server_sql('local', dbname => 'another'));
is($pg->error("SELECT dtsmig.reverse_task('m')"), '', 'made');
like($pg->error("SELECT dtsmig.reverse_task('m', 'x')"), qr/has a way back already: task "m_back"/, 'once');
like($pg->error("SELECT dtsmig.create_task('y', source => 'local')"), qr/source and destination are the same/, 'no task from here to here');
sub cutover { my ($name, $more) = @_; return "SELECT dtsmig.cutover('$name', reverse => true, quiet => '0'" . ($more ? ", $more" : '') . ')'; }
like($pg->error(cutover('m')), qr/server "local" does not lead to this database/, 'it leads elsewhere');
$pg->sql("ALTER SERVER local OPTIONS (SET dbname 'postgres')");
like($pg->error("SELECT dtsmig.start_task('m_back')"), qr/It is a way back/, 'it is not started by hand');
like($pg->error("BEGIN; CREATE TABLE x (a int); " . cutover('m')), qr/first thing that writes/, 'not after other writes');
is($pg->value("SELECT string_agg(concat_ws(' ', item, found), E'\\n') FROM dtsmig.precheck('m_back') WHERE status = 'failed'"), '', 'its precheck');

sub same
{
    my ($what) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    same_pg_tables($src, $pg, $what, schemas => [ 's' ], extra => 1, skip => [ 's.old', 's.part' ]);
    is($pg->value('SELECT string_agg(concat_ws(\' \', id, customer, origin), \',\' ORDER BY id) FROM crm.people'),
        $src->value('SELECT string_agg(concat_ws(\' \', id, "Cust", \'eu\'), \',\' ORDER BY id) FROM s.old'), "$what: names and columns of a rule");
}
sub slots { return $pg->value("SELECT count(*) FROM pg_replication_slots") . ' ' . $pg->value('SELECT count(*) FROM pg_publication'); }

# --- refused: the task goes on, and nothing is left here
$pg->sql("SET session_replication_role = replica; UPDATE s.t SET v = 'other' WHERE id = 1");
like($pg->error(cutover('m', "verify => 'full'")), qr/the verification found 1 differences/, 'a difference');
is(slots(), '0 0', 'no slot and no publication is left');
is($task->status, 'running', 'the task runs');
$src->sql("UPDATE s.t SET v = 'again' WHERE id = 1");
$task->catch_up;
$pg->sql('BEGIN; ' . cutover('m') . '; ROLLBACK');
ok(poll_until(sub { $task->status eq 'running' && $task->get('worker_pid') }, 60), 'rolled back: the task runs') or diag $task->report;
ok(poll_until(sub { slots() eq '0 0' }, 30), '… and its worker removes the slot');
$src->sql("INSERT INTO s.t (v) VALUES ('more')");
$task->catch_up;
same('before');

# --- three turns
my %write = (here => [ $pg, 'crm.people (id, customer, origin)' ], there => [ $src, 's.old (id, "Cust", note)' ]);
my $back = way_back_of($task);
sub writes
{
    my ($i, $people) = @_;
    my $k = 1000 * $i;
    return ("INSERT INTO s.t (v, m, n, a) SELECT 'w$i', 'sad', 1.5, NULL FROM generate_series(1, 50)", "UPDATE s.t SET v = v || 'x', n = NULL WHERE id BETWEEN 100 AND 149", "DELETE FROM s.t WHERE id = 200 + $i",
        "INSERT INTO s.parent VALUES ($k)", "INSERT INTO s.child VALUES ($k, $k)", "DELETE FROM s.parent WHERE id = $i", "INSERT INTO $people VALUES ($k, 'c', 'eu')");
}
for my $turn (1 .. 4)
{
    my $forth = $turn % 2;
    my ($from, $to) = $forth ? ($task, $back) : ($back, $task);
    my ($server, $people) = @{ $write{ $forth ? 'here' : 'there' } };
    my @w = writes($turn, $people);
    # the first writes follow at once
    if ($forth) { $pg->sql(join '; ', cutover($from->{name}, "verify => 'full'"), @w); }
    else { $pg->sql(cutover($from->{name}, "verify => 'full'")); $src->sql(join '; ', @w); }
    is($from->status, 'cut_over', "turn $turn: cut over");
    ok($to->wait_status('running', 30), "turn $turn: the other way runs") or diag $to->report;
    $to->catch_up(60);
    same("turn $turn: the first writes");
    $server->sql("UPDATE s.t SET v = 'later $turn' WHERE id BETWEEN 150 AND 169");
    $to->catch_up(60);
    same("turn $turn: later ones");
    is($pg->value("SELECT count(*) FROM dtsmig.task_log WHERE task IN ('m', 'm_back') AND severity = 'error'"), 0, "turn $turn: no error");
    is($from->get('worker_pid'), '', "turn $turn: one way at a time");
    # 50 + 50 + 1 + 1 + 1 + 6 with children + 1, and 20 later: what was brought does not come back
    is($to->get('changes'), 130, "turn $turn: the application's changes, and no others");
    like($pg->error("SELECT dtsmig.resume_task('$from->{name}')"), qr/cannot (?:resume|start) task/, "turn $turn: the other is not resumed");
}
is(slots(), '0 0', 'nothing is left here while the task goes forth');


# --- a filter holds for both
$pg->sql(cutover('m'));
$pg->sql("ALTER TABLE s.part REPLICA IDENTITY FULL; INSERT INTO s.part VALUES (10, 'eu'), (11, 'us'); UPDATE s.part SET id = 12 WHERE id = 1");
$back->catch_up(60);
is($src->value('SELECT string_agg(id || region, \',\' ORDER BY id) FROM s.part'), '2us,10eu,12eu', 'rows that do not meet it do not go back');
$pg->sql('DELETE FROM s.part WHERE id = 11');
$back->catch_up(60);
$pg->sql(cutover('m_back', "verify => 'full'"));
ok($task->wait_status('running', 30), 'the task goes on') or diag $task->report;

# --- the end
$pg->sql("SELECT dtsmig.drop_task('m_back')");
$pg->sql("SELECT dtsmig.cutover('m', quiet => '0')");
is($task->status, 'cut_over', 'an end without a way back');
is($src->value('SELECT count(*) FROM pg_replication_slots'), 0, 'no slot at the source');
done_testing();
