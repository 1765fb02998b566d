# A statement that cannot be replicated stops the task; the ways on. And a table
# copied again on request, with rows coming meanwhile.
use strict;
use warnings;
use Test::More;
use Dts::Compare qw(same_database);
use Dts::Env qw(poll_until);
use Dts::Task qw(server_pair);

my ($my, $pg) = server_pair();
$my->sql('CREATE DATABASE ddl; USE ddl; CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t SELECT seq, seq FROM seq_1_to_500; CREATE TABLE u (id int PRIMARY KEY, t_id int, FOREIGN KEY (t_id) REFERENCES t (id) ON DELETE CASCADE); INSERT INTO u SELECT seq, seq FROM seq_1_to_500');
my $task = Dts::Task->new($my, $pg, name => 'stop', db => 'ddl');
$task->start->wait_for('incremental', 60);

# a statement of the user's own in its place
$my->sql('INSERT INTO t VALUES (1000, 1); CREATE TABLE sv (id int PRIMARY KEY) WITH SYSTEM VERSIONING; INSERT INTO t VALUES (1001, 1)', db => 'ddl');
ok($task->wait_status('failed', 30), 'the task stops');
like($task->last_error, qr/CREATE TABLE sv/, 'and says by what');
is($pg->value('SELECT count(*) FROM ddl.t WHERE id = 1000'), 1, 'what came before is applied');
is($pg->value('SELECT count(*) FROM ddl.t WHERE id = 1001'), 0, 'what came after is not');
$pg->sql("SELECT dtsmig.skip_change('stop', 'CREATE TABLE ddl.mine (id int)')");
$task->resume->catch_up(30);
is($pg->value('SELECT count(*) FROM ddl.t WHERE id = 1001'), 1, 'it goes on');
is($pg->value("SELECT to_regclass('ddl.mine') IS NOT NULL"), 't', 'with the statement of the user');
my ($code, $out, $err) = $pg->psql("SELECT dtsmig.skip_change('stop')");
isnt($code, 0, 'nothing is left to be skipped');
$my->sql('DROP TABLE sv', db => 'ddl');

# one that is too long to be shown is not cut in the middle of a character
my $shown = "CREATE TABLE sv (id int PRIMARY KEY COMMENT '";
$shown .= 'x' if length($shown) % 2 == 0;
$shown .= 'é' x 400 . "') WITH SYSTEM VERSIONING";
$my->sql("SET NAMES utf8mb4; $shown", db => 'ddl');
ok($task->wait_status('failed', 30), 'a long statement stops the task');
is($pg->error("SELECT convert_from(convert_to(last_error, 'UTF8'), 'UTF8') FROM dtsmig.tasks"), '', 'what is kept of it is text');
like($task->last_error, qr/COMMENT 'x?(?:é){200,} \.\.\./, 'as far as it is shown');
$pg->sql("SELECT dtsmig.skip_change('stop')");
is($pg->error("SELECT convert_from(convert_to(concat(message, detail), 'UTF8'), 'UTF8') FROM dtsmig.task_log"), '', 'in the log of the task, too');
$task->resume->catch_up(30);
$my->sql('DROP TABLE sv', db => 'ddl');
$pg->sql('DROP TABLE ddl.mine');

# a database's character set counts as of the statement, not as of now
$task->pause;
$my->sql(q{SET NAMES utf8mb4; ALTER DATABASE ddl CHARACTER SET latin1; CREATE TABLE narrow (id int PRIMARY KEY, t varchar(50)); INSERT INTO narrow VALUES (1, 'äöü €');
    ALTER DATABASE CHARACTER SET utf8mb4 COLLATE utf8mb4_bin; CREATE TABLE wide (id int PRIMARY KEY, t varchar(50)); INSERT INTO wide VALUES (1, 'äöü € 😀'); INSERT INTO narrow VALUES (2, 'é');
    CREATE DATABASE elsewhere CHARACTER SET ucs2; CREATE TABLE elsewhere.x (t text); DROP DATABASE elsewhere}, db => 'ddl');
$task->resume->catch_up(60);
is($pg->value('SELECT t FROM ddl.narrow WHERE id = 1'), 'äöü €', 'a table with the character set that the database had');
is($pg->value('SELECT t FROM ddl.wide'), 'äöü € 😀', 'and with that which it got');

# copied again
$pg->sql('DELETE FROM ddl.t WHERE id < 100; UPDATE ddl.t SET v = 0');
$pg->sql("SELECT dtsmig.resync_table('stop', 'ddl.t')");
$my->sql("INSERT INTO t VALUES (2000 + $_, $_)", db => 'ddl') for 1 .. 20;
ok(poll_until(sub { $pg->value("SELECT count(*) FROM dtsmig.task_tables WHERE task = 'stop' AND state = 'resync'") eq '0' }, 30), 'the table is copied again');
$task->catch_up(30);
same_database($my, 'ddl', $pg, 'ddl', 'equal after it');
done_testing();
