# The way back with make_read_only: each end is read-only while the application is at
# the other, and is written by the task alone; it is made writable when the application
# comes back. And tasks.can_return.
#
# dts-runs: mariadb, mysql-9.7
use strict;
use warnings;
use Test::More;
use Dts::Compare qw(same_database);
use Dts::Env qw(poll_until);
use Dts::MariaDB;
use Dts::Task;
use Dts::WayBack qw(way_back_hub way_back_of);

my $my = Dts::MariaDB->new->start;
my $pg = way_back_hub();
$my->sql("CREATE DATABASE shop; CREATE TABLE shop.t (id int PRIMARY KEY, v varchar(20)); INSERT INTO shop.t VALUES (1, 'a'), (2, 'b'); CREATE DATABASE ledger; CREATE USER app\@'%' IDENTIFIED BY 'pw'; GRANT ALL ON shop.* TO app\@'%'");
my ($mig) = $my->value(q{SELECT CONCAT('mig@', QUOTE(host)) FROM mysql.user WHERE user = 'mig' LIMIT 1});
$my->sql("GRANT ALL ON shop.* TO $mig; GRANT ALL ON ledger.* TO $mig; GRANT PROCESS ON *.* TO $mig");
my $task = Dts::Task->new($my, $pg, name => 'm', db => 'shop');
$task->start->wait_for('incremental', 60);
is($task->get('can_return'), '', 'without a way back nothing is said');
$pg->sql(q{SELECT dtsmig.reverse_task('m', options => '{"ledger_schema": "ledger"}')});
my $back = way_back_of($task);
is($task->get('can_return'), 'yes', 'with one: it could go back');
is($back->get('reverse_of'), 'm', 'which is known');

sub cutover { return "SET default_transaction_read_only = off; SELECT dtsmig.cutover('$_[0]', reverse => true, make_read_only => true, quiet => '0', verify => 'full'" . ($_[1] ? ", $_[1]" : '') . ')'; }
# An application's write at the old source: its error, or ''.
sub my_app { my ($sql) = @_; my $out = qx{MYSQL_PWD=pw @{[ map { "'$_'" } grep { !/^--?(?:user|u)/ } $my->client_cmd('shop') ]} --user=app -e "$sql" 2>&1}; return $out; }
# … in this database, over a session of its own.
sub pg_app { my ($sql) = @_; my ($code, undef, $err) = $pg->psql($sql, args => [ "-q" ]); return $code ? $err : ""; }
sub read_only { return $my->value('SELECT @@global.read_only'); }

like($pg->error(cutover('m')), qr/could not be made read-only.*could not write either/s, 'an account that could not write');
is(read_only(), 0, 'nothing is set');
$my->sql('GRANT ' . ($my->{mysql} ? 'SYSTEM_VARIABLES_ADMIN, CONNECTION_ADMIN' : 'READ_ONLY ADMIN') . " ON *.* TO $mig");
$pg->sql(cutover('m'));
is(read_only(), 1, 'the old source is read-only');
like(my_app("INSERT INTO t VALUES (3, 'x')"), qr/read[-_]only/, 'the application cannot write to it');
is(pg_app("INSERT INTO shop.t VALUES (10, 'new'); UPDATE shop.t SET v = 'up' WHERE id = 1"), '', 'it writes at the destination');
$back->catch_up(60);
same_database($my, 'shop', $pg, 'shop', 'the old source has it');

# --- what has come that the old source does not have
is($back->get('can_return'), 'yes', 'it could go back');
$pg->sql('CREATE TABLE shop.extra (id int)');
ok(poll_until(sub { $back->get('can_return') =~ /^no: .*shop\.extra/ }, 40, 0.5), 'a new table: no, and why') or diag $back->get('can_return');
is($pg->value("SELECT count(*) FROM dtsmig.alerts WHERE task = 'm_back' AND kind = 'no_return' AND cleared_at IS NULL"), 1, 'an alert');
$pg->sql('DROP TABLE shop.extra');
ok(poll_until(sub { $back->get('can_return') eq 'yes' }, 40, 0.5), 'it is gone: yes');
ok(poll_until(sub { $pg->value("SELECT count(*) FROM dtsmig.alerts WHERE kind = 'no_return' AND cleared_at IS NULL") eq '0' }, 20), 'the alert is cleared');
$pg->sql("ALTER TABLE shop.t ALTER v TYPE text; INSERT INTO shop.t VALUES (11, repeat('x', 100))");
ok($back->wait_status('failed', 60), 'a value that the old source cannot hold');
like($back->get('can_return'), qr/^no: /, 'no, and why: ' . $back->get('can_return'));
like($pg->error(cutover('m_back')), qr/it is failed/, 'no cutover');
$pg->sql("UPDATE shop.t SET v = 'short' WHERE id = 11");
$my->sql('ALTER TABLE shop.t MODIFY v varchar(200)');
$back->resume;
$back->catch_up(60);
is($back->get('can_return'), 'yes', 'it can hold it now');

# --- back: this database is read-only, and the other is not
$pg->sql("SET default_transaction_read_only = off; ALTER DATABASE postgres RESET default_transaction_read_only");
$pg->sql(cutover('m_back', 'accept_differences => true'));
like(pg_app("INSERT INTO shop.t VALUES (12, 'x')"), qr/25006/, 'the application cannot write here');
ok(poll_until(sub { read_only() eq '0' }, 30), 'the old source is writable again');
is(my_app("INSERT INTO t VALUES (20, 'back')"), '', 'by the application');
$task->catch_up(60);
same_database($my, 'shop', $pg, 'shop', 'the task writes here');

# --- forth
$pg->sql(cutover('m'));
is(read_only(), 1, 'the old source is read-only');
ok(poll_until(sub { pg_app("UPDATE shop.t SET v = 'forth' WHERE id = 20") eq '' }, 30), 'this database is writable again');
$back->catch_up(60);
same_database($my, 'shop', $pg, 'shop', 'the old source has it, again');
is($pg->value("SELECT count(*) FROM pg_db_role_setting WHERE 'default_transaction_read_only=on' = ANY (setconfig)"), 0, 'no setting is left');
is($pg->error("SET statement_timeout = '30 s'; SELECT dtsmig.release_task('m_back')"), '', 'it is released');
is($pg->value("SELECT count(*) FROM pg_namespace WHERE nspname = 'dtsmig_source'"), 0, 'nothing of it is left');
done_testing();
