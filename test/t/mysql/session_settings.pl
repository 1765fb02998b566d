# What a SELECT returns does not depend on what the source's administrator has
# set for all sessions: init_connect, limits, character sets.
#
# dts-runs: mariadb, mysql-5.6, mysql-9.7
use strict;
use warnings;
use Test::More;
use Dts::Compare qw(same_database);
use Dts::Task qw(server_pair);

my ($my, $pg) = server_pair();
my $smile = "\xF0\x9F\x98\x80";
# the family keeps definitions in three bytes a character
my $word = "\xE6\x97\xA5\xE6\x9C\xAC";
my $rows = join ', ', map { "($_, 'smile $smile $_', '$word')" } 1 .. 2000;
$my->sql(<<"END");
SET NAMES utf8mb4; CREATE DATABASE s DEFAULT CHARACTER SET utf8mb4; USE s;
CREATE TABLE t (id int PRIMARY KEY, v varchar(40), e enum('$word', 'b') NOT NULL) COMMENT '$word';
INSERT INTO t VALUES $rows;
CREATE TABLE keyless (a int, v text); INSERT INTO keyless SELECT id, v FROM t;
CREATE TABLE two (a varchar(20), b varchar(20), PRIMARY KEY (a, b)); INSERT INTO two SELECT CONCAT('k', id), 'b' FROM t;
END
# those of sessions from now on; init_connect is not for administrators
$my->sql(q{SET GLOBAL init_connect = 'SET NAMES latin1, autocommit = 0, sql_auto_is_null = 1, sql_select_limit = 10, sql_big_selects = 0, max_join_size = 10';
    SET GLOBAL sql_select_limit = 1000; SET GLOBAL max_join_size = 100});
is($pg->sql($my->server_sql('s', dbname => 's') . "SELECT count(*) FROM dtsmig.test_connection('s')"), 1, 'a connection');
my $task = Dts::Task->new($my, $pg, name => 'm', source => 's', options => { copy_workers => 2 });
is($task->sql("SELECT string_agg(item || ': ' || found, '; ') FROM dtsmig.precheck('m') WHERE status = 'failed'"), '', 'nothing of it is in the way');
$task->start->wait_for('incremental', 60);
$my->sql("SET NAMES utf8mb4; INSERT INTO s.t VALUES (3001, 'later $smile', 'b'); UPDATE s.t SET v = 'other $smile' WHERE id = 7");
$task->catch_up;
is($pg->sql("SELECT count(*) FROM dtsmig.verify('m')"), 0, 'a verification finds nothing');
$my->sql('SET GLOBAL sql_select_limit = DEFAULT; SET GLOBAL max_join_size = DEFAULT');
same_database($my, 's', $pg, 's', 'all rows, as they are');
is($pg->value(q{SELECT obj_description('s.t'::regclass)}), $word, 'and what is said of the table');
$task->release;
done_testing();
