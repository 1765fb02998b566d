# After a cutover the first INSERT through every sequence works: what counts up
# at a MariaDB source, in tables that were made at the destination before, and where it ends.
use strict;
use warnings;
use Test::More;
use Dts::Env qw(poll_until);
use Dts::Task qw(server_pair);

my ($my, $pg) = server_pair();
$my->sql(<<'END_SQL');
CREATE DATABASE made; USE made;
CREATE TABLE full_up (id int AUTO_INCREMENT PRIMARY KEY); INSERT INTO full_up VALUES (2147483647);
CREATE TABLE full_small (id smallint AUTO_INCREMENT PRIMARY KEY); INSERT INTO full_small VALUES (32767);
CREATE TABLE gap (id int AUTO_INCREMENT PRIMARY KEY) AUTO_INCREMENT = 900;
CREATE SEQUENCE counter START WITH 5 INCREMENT BY 5 CACHE 10;
CREATE SEQUENCE counter_down START WITH -1 INCREMENT BY -1 MINVALUE -1000000 MAXVALUE -1 CACHE 10;
CREATE DATABASE premade; USE premade;
CREATE TABLE owned (id int AUTO_INCREMENT PRIMARY KEY, v int) AUTO_INCREMENT = 4000; INSERT INTO owned (id, v) VALUES (1, 1), (2, 2);
CREATE TABLE drawn (id bigint PRIMARY KEY, v int); INSERT INTO drawn VALUES (41, 1), (42, 2);
END_SQL
my $mig = $my->value(q{SELECT CONCAT('mig@', QUOTE(host)) FROM mysql.user WHERE user = 'mig' LIMIT 1});
$my->sql("GRANT PROCESS ON *.* TO $mig");

my $made = Dts::Task->new($my, $pg, name => 'made', db => 'made');
$made->start->wait_for('incremental', 120);
# behind the schema phase
$my->sql('USE made; SELECT NEXTVAL(counter) FROM mysql.help_topic LIMIT 30; SELECT NEXTVAL(counter_down) FROM mysql.help_topic LIMIT 30; INSERT INTO gap VALUES (1200)');
$made->catch_up;
my ($code, $out, $err) = $pg->psql("SELECT dtsmig.cutover('made', quiet => '0', verify => 'full', margin => 3)");
is($code, 0, 'cutover') or diag $err;
for my $t (qw(full_up full_small))
{
    like($err, qr/WARNING.*sequence made\.${t}_id_seq is at its end/, "$t: a warning");
    like($pg->error("INSERT INTO made.$t DEFAULT VALUES"), qr/reached maximum value of sequence/, "$t: its INSERT fails as at the source");
}
is($pg->value('INSERT INTO made.gap DEFAULT VALUES RETURNING id'), 1204, 'AUTO_INCREMENT and the margin');
cmp_ok($pg->value("SELECT nextval('made.counter')"), '>', $my->value('SELECT NEXTVAL(made.counter)'), 'a SEQUENCE of MariaDB');
cmp_ok($pg->value("SELECT nextval('made.counter_down')"), '<', $my->value('SELECT NEXTVAL(made.counter_down)'), 'one that counts down');

# Tables that are there, of a role that may not set every sequence.
$pg->sql(<<'END_SQL');
CREATE ROLE mover LOGIN; CREATE SCHEMA premade; GRANT USAGE, CREATE ON SCHEMA premade TO mover;
CREATE TABLE premade.owned (id serial PRIMARY KEY, v int, other serial); ALTER TABLE premade.owned OWNER TO mover;
CREATE SEQUENCE premade.numbers; GRANT USAGE ON SEQUENCE premade.numbers TO mover;
CREATE TABLE premade.drawn (id bigint PRIMARY KEY DEFAULT nextval('premade.numbers'), v int); ALTER TABLE premade.drawn OWNER TO mover;
END_SQL
$pg->sql($my->server_sql('src_pre', dbname => 'premade', role => 'mover') . '; GRANT USAGE ON FOREIGN SERVER src_pre TO mover');
my $pre = Dts::Task->new($my, $pg, name => 'pre', source => 'src_pre', role => 'mover', types => [qw(full incremental)]);
my $item = sub {
    $pg->sql("SELECT count(*) FROM dtsmig.precheck('pre')", role => 'mover');
    return $pg->value("SELECT status || ' ' || found || ' ' || coalesce(sql, '') FROM dtsmig.precheck_results WHERE task = 'pre' AND item = 'destination_privileges'", role => 'mover');
};
like($item->(), qr/^failed .*SELECT, UPDATE on sequence premade\.numbers GRANT SELECT, UPDATE ON SEQUENCE premade\.numbers TO mover/, 'the precheck asks for a right on the sequence');
$pg->sql('GRANT SELECT, UPDATE ON SEQUENCE premade.numbers TO mover');
like($item->(), qr/^passed/, 'which it then has');
$pre->start->wait_for('incremental', 120);
$pg->sql('REVOKE UPDATE ON SEQUENCE premade.numbers FROM mover');
my $cutover = "SELECT dtsmig.cutover('pre', quiet => '0', verify => 'full', margin => 0)";
like($pg->error($cutover, role => 'mover'), qr/sequences cannot be set.*premade\.numbers.*GRANT SELECT, UPDATE ON SEQUENCE premade\.numbers TO mover/s, 'without it there is no cutover');
is($pre->status, 'running', 'and the task runs on');
$pg->sql('GRANT UPDATE ON SEQUENCE premade.numbers TO mover');
is($pg->error($cutover, role => 'mover'), '', 'with it there is');
is($pg->value('INSERT INTO premade.owned (v) VALUES (1) RETURNING id', role => 'mover'), 4000, 'serial, where AUTO_INCREMENT is');
is($pg->value('INSERT INTO premade.drawn (v) VALUES (1) RETURNING id', role => 'mover'), 43, 'a sequence in a default, after the last row');
done_testing();
