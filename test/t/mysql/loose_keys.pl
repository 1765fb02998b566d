# Rows that refer to their parent by a collation of the source alone ('A', or
# 'a ', to 'a'): actions of foreign keys reach them at the source, and the log of most
# versions does not have them.
#
# dts-runs: mariadb
# dts-deep-runs: mysql-5.6, mysql-9.7, mariadb-11.8
use strict;
use warnings;
use Test::More;
use Dts::Compare qw(same_database);
use Dts::Env qw(poll_until);
use Dts::Task qw(server_pair);

my ($my, $pg) = server_pair(kind => $ENV{DTS_KIND});
my $letters = join ', ', map { "('$_', 'letter $_')" } 'a' .. 'n';
$my->sql("CREATE DATABASE l CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci; USE l;
    CREATE TABLE p (code varchar(10) PRIMARY KEY, v varchar(40)) ENGINE=InnoDB; INSERT INTO p VALUES $letters, ('ü', 'u umlaut'), ('ß', 's');
    CREATE TABLE c (id int PRIMARY KEY, code varchar(10), FOREIGN KEY (code) REFERENCES p (code) ON DELETE CASCADE ON UPDATE CASCADE) ENGINE=InnoDB;
    CREATE TABLE g (id int PRIMARY KEY, c_id int, FOREIGN KEY (c_id) REFERENCES c (id) ON DELETE CASCADE) ENGINE=InnoDB;
    CREATE TABLE n (id int PRIMARY KEY, code varchar(10), FOREIGN KEY (code) REFERENCES p (code) ON DELETE SET NULL ON UPDATE CASCADE) ENGINE=InnoDB;
    CREATE TABLE k (id int, code varchar(10), FOREIGN KEY (code) REFERENCES p (code) ON DELETE CASCADE ON UPDATE CASCADE) ENGINE=InnoDB;
    INSERT INTO c SELECT ORD(code), code FROM p; INSERT INTO n SELECT ORD(code), code FROM p; INSERT INTO g SELECT id, id FROM c; INSERT INTO k SELECT ORD(code), code FROM p");
my $task = Dts::Task->new($my, $pg, name => 'l', db => 'l')->start;
$task->wait_for('incremental', 60);
my $again = 0;

sub after
{
    my ($what, $sql, $copies) = @_;
    $my->sql("USE l; SET NAMES utf8mb4; $sql");
    ok(eval { $task->catch_up(60); 1 }, "$what: caught up") or diag $@;
    ok(poll_until(sub { ($pg->try_value("SELECT count(*) FROM dtsmig.task_tables WHERE task = 'l' AND state <> 'ready'") // '') eq '0' }, 40), "$what: all tables are ready") or diag $task->report;
    ok(eval { $task->catch_up(60); 1 }, "$what: caught up") or diag $@;
    same_database($my, 'l', $pg, 'l', $what);
    my $n = $pg->value("SELECT count(*) FROM dtsmig.task_log WHERE task = 'l' AND message LIKE '%copied again: %'");
    is($n > $again ? 'copied' : 'not copied', $copies, "$what: $copies again") if defined $copies;
    $again = $n;
}

my $logs = $my->{mysql} && $my->{version} >= 90600;
after('rows that are equal byte by byte', "DELETE FROM p WHERE code = 'a'; UPDATE p SET code = 'bb' WHERE code = 'b'", 'not copied');
after('another case', "INSERT INTO c VALUES (1001, 'C'); INSERT INTO n VALUES (1001, 'C'); INSERT INTO g VALUES (1001, 1001); INSERT INTO k VALUES (1001, 'C'), (1001, 'C'); DELETE FROM p WHERE code = 'c'", $logs ? 'not copied' : 'copied');
after('blanks behind', "INSERT INTO c VALUES (1002, 'd  '); INSERT INTO n VALUES (1002, 'd '); UPDATE p SET code = 'dd' WHERE code = 'd'", $logs ? 'not copied' : 'copied');
after('after that', "DELETE FROM p WHERE code = 'e'; UPDATE p SET code = 'ff' WHERE code = 'f'");
after('accents', "UPDATE c SET code = 'Ü' WHERE code = 'ü'; INSERT INTO n VALUES (1003, 'U'); DELETE FROM p WHERE code = 'ü'");
after('other letters', "INSERT INTO c VALUES (1004, 's'); INSERT INTO k VALUES (1004, 'S'); DELETE FROM p WHERE code = 'ß'");
after('the case of a parent', "UPDATE p SET code = 'G' WHERE code = 'g'; DELETE FROM p WHERE code = 'g'");
after('the case of a parent, and its children go', "UPDATE p SET code = 'H' WHERE code = 'h'; UPDATE p SET code = 'hh' WHERE code = 'h'; UPDATE p SET code = 'Hh' WHERE code = 'hh'");
after('none again', "DELETE FROM c; DELETE FROM n; DELETE FROM k; INSERT INTO c SELECT 2000 + ORD(code), code FROM p");
after('none is left', "DELETE FROM p WHERE code = 'i'; UPDATE p SET code = 'jj' WHERE code = 'j'", 'not copied');
is($task->status, 'running', 'the task runs');
done_testing();
