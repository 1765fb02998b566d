# dts-runs: mariadb, mysql-9.7
# verify(task, 'schema') over generated columns whose expressions this server
# writes in several lines: equal ones are no difference, others are. How often a
# row that differs is looked at; repairs of one run alone.
use strict;
use warnings;
use Test::More;
use Dts::Compare qw(same_table);
use Dts::Env qw(poll_until reap);
use Dts::Task qw(server_pair);

my ($my, $pg) = server_pair();
$my->sql(<<'END');
CREATE DATABASE g; USE g;
CREATE TABLE t (id int PRIMARY KEY, a int, b int,
    i int GENERATED ALWAYS AS (IF(a > 1, 2, 3)) STORED, c int GENERATED ALWAYS AS (CASE a WHEN 1 THEN 10 WHEN 2 THEN 20 ELSE b END) STORED,
    m bigint GENERATED ALWAYS AS (GREATEST(a, b)) STORED, n bigint GENERATED ALWAYS AS (COALESCE(a, b) + 1) STORED, z int(8) unsigned zerofill,
    dv decimal(8,2) DEFAULT 1.5, dt datetime DEFAULT '2020-01-02 03:04:05', ts timestamp NULL DEFAULT '2020-01-02 03:04:05', dc char(5) DEFAULT 'a', db binary(3) DEFAULT 'a', dn timestamp(3) NULL DEFAULT CURRENT_TIMESTAMP(3));
INSERT INTO t (id, a, b, z) VALUES (1, 1, 5, 1), (2, 2, NULL, 2), (3, NULL, 7, 3);
CREATE TABLE looked (id int PRIMARY KEY, v int); INSERT INTO looked VALUES (1, 1), (2, 2), (3, 3);
CREATE TABLE busy (n int AUTO_INCREMENT PRIMARY KEY); CREATE TABLE heap (v varchar(20));
END
my $task = Dts::Task->new($my, $pg, name => 'g', db => 'g');
$task->start->wait_for('incremental', 60);
same_table($my, 'g.t', $pg, 'g.t', 'values of generated columns');
is($pg->value("SELECT count(*) FROM pg_attribute WHERE attrelid = 'g.t'::regclass AND attgenerated = 's'"), 4, 'they are generated at the destination');
is($pg->value("SELECT string_agg(differences::text, '; ') FROM dtsmig.verify('g', 'schema')"), '', 'no difference');
$my->sql('ALTER TABLE t ADD w int GENERATED ALWAYS AS (IF(b IS NULL, a, -b)) STORED', db => 'g');
$task->catch_up;
is($pg->value("SELECT count(*) FROM dtsmig.verify('g', 'schema')"), 0, 'nor of one that comes later');
$pg->sql("ALTER TABLE g.t ALTER dv SET DEFAULT 1.50, ALTER ts SET DEFAULT '2020-01-01 22:04:05+00'");
is($pg->value("SELECT string_agg(differences::text, '; ') FROM dtsmig.verify('g', 'schema')"), '', 'nor of a default that is written otherwise');
$pg->sql("ALTER TABLE g.t ALTER dv SET DEFAULT 1.6, ALTER dt SET DEFAULT '2020-01-02 03:04:06', ALTER dc SET DEFAULT 'b', ALTER db SET DEFAULT '\\x616263', ALTER dn SET DEFAULT clock_timestamp()");
my $found = $pg->value("SELECT string_agg(differences::text, ' ') FROM dtsmig.verify('g', 'schema')");
like($found, qr/column $_: default/, "another value of the default of $_ is one") for qw(dv dt dc db dn);
unlike($found, qr/column ts: default/, 'an equal one is none');
$pg->sql('ALTER TABLE g.t DROP COLUMN c, ADD COLUMN c int GENERATED ALWAYS AS (CASE a WHEN 1 THEN 11 ELSE b END) STORED');
like($pg->value("SELECT string_agg(differences::text, ' ') FROM dtsmig.verify('g', 'schema')"), qr/column c: generated/, 'another expression is one');

# --- a difference is looked at three times where nothing comes, nine times while changes do
sub found { return $pg->value("SELECT string_agg(kind || ' ' || coalesce(key ->> 'id', ''), ', ' ORDER BY key ->> 'id') FROM dtsmig.verify('g', tables => '{$_[0]}')"); }
sub last_run { return $pg->value("SELECT $_[0] FROM dtsmig.verify_runs ORDER BY run_id DESC LIMIT 1"); }
sub looks
{
    $my->sql("SET GLOBAL log_output = 'TABLE'; SET GLOBAL general_log = ON; TRUNCATE mysql.general_log");
    my $found = found('looked');
    $my->sql('SET GLOBAL general_log = OFF');
    return "$found: " . $my->value("SELECT COUNT(*) FROM mysql.general_log WHERE argument LIKE '%`looked` WHERE (`id` = 2)'");
}
my $plant = sub { $pg->sql("SET session_replication_role = replica; UPDATE g.looked SET v = -1 WHERE id IN ($_[0])") };
$plant->(2);
is(looks(), 'differs 2: 3', 'a row that differs is looked at three times where nothing comes');
my $writer = $my->background(sub { select undef, undef, undef, 0.005; return "INSERT INTO busy () VALUES ();\n" }, db => 'g');
ok($pg->poll_query('SELECT count(*) > 10 FROM g.busy', 30), 'changes come');
is(looks(), 'differs 2: 9', 'and nine times while changes come');
reap($writer, 'TERM');

# --- rows that differ in another way each time: said to be unsettled
$pg->sql(q{CREATE FUNCTION g.other() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.v := NEW.v || '!'; RETURN NEW; END$$; CREATE TRIGGER other BEFORE INSERT ON g.heap FOR EACH ROW EXECUTE FUNCTION g.other(); ALTER TABLE g.heap ENABLE ALWAYS TRIGGER other});
my $n = 0;
$writer = $my->background(sub { select undef, undef, undef, 0.02; return "INSERT INTO heap VALUES ('row " . $n++ . "');\n" }, db => 'g');
ok($pg->poll_query('SELECT count(*) > 3 FROM g.heap', 30), 'they come');
found('heap');
cmp_ok(last_run('unsettled'), '>', 0, 'rows that came while it looked are unsettled');
reap($writer, 'TERM');
$task->catch_up;

# --- repair of what one run has found
my $first = last_run('run_id') - 1;
$plant->('2, 3');
is(found('looked'), 'differs 2, differs 3', 'another run finds more');
is($pg->value("SELECT dtsmig.repair('g', run => $first)"), 1, 'repair of the run before: what that has found');
ok($pg->poll_query("SELECT string_agg(v::text, ',' ORDER BY id) = '1,2,-1' FROM g.looked", 60), 'that row alone');
is($pg->value("SELECT dtsmig.repair('g')"), 2, 'repair of the last run');
ok($pg->poll_query("SELECT count(*) = 0 FROM dtsmig.verify_results WHERE state = 'repairing'", 60), 'is done');
same_table($my, 'g.looked', $pg, 'g.looked', 'all rows are equal');
done_testing();
