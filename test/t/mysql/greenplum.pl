# The destination is of the Greenplum family, the source of the MySQL family: a
# stand-in without ON CONFLICT (Dts::Greenplum).
use strict;
use warnings;
use Test::More;
use Dts::Compare qw(same_database);
use Dts::Greenplum qw(greenplum placed);
use Dts::Postgres;
use Dts::Task qw(server_pair);

my ($my, $hub) = server_pair();
my $dst = Dts::Postgres->new(preload => 0)->start;
my $line = greenplum($dst);
$my->sql(<<'END');
CREATE DATABASE gp DEFAULT CHARACTER SET utf8mb4; USE gp;
CREATE TABLE tenant (id int NOT NULL AUTO_INCREMENT PRIMARY KEY, name varchar(20));
CREATE TABLE project (tenant int NOT NULL, id int NOT NULL, v varchar(20), e enum('x', 'y'), PRIMARY KEY (tenant, id), FOREIGN KEY (tenant) REFERENCES tenant (id) ON DELETE CASCADE);
CREATE TABLE keyless (a int, b varchar(20));
CREATE TABLE both_ways (id int PRIMARY KEY, a int NOT NULL, UNIQUE KEY (a));
CREATE TABLE touched (id int PRIMARY KEY, at timestamp NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP);
INSERT INTO tenant (name) VALUES ('a'), ('b'), ('c'); INSERT INTO project VALUES (1, 1, 'p', 'x'), (2, 1, 'q', 'y'), (3, 1, NULL, NULL);
INSERT INTO keyless VALUES (1, 'x'), (1, 'x'), (NULL, NULL); INSERT INTO both_ways VALUES (1, 10), (2, 20); INSERT INTO touched (id) VALUES (1);
END
my $task = Dts::Task->new($my, $hub, name => 'gp', db => 'gp', destination => $dst, destination_port => $line->{port});
$task->start->wait_for('incremental', 90);
same_database($my, 'gp', $dst, 'gp', 'full load');
is(placed($dst, 'gp'), 'both_ways: replicated; keyless: randomly; project: tenant; tenant: id; touched: id', 'tables are where they belong');
is($hub->value("SELECT string_agg(DISTINCT kind || ' ' || state, ', ') FROM dtsmig.task_objects WHERE task = 'gp' AND kind = 'trigger'"), 'trigger skipped', 'a trigger is left out');
my $step = sub
{
    my ($name, $sql) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    $my->sql("USE gp; $sql");
    $task->catch_up(30);
    same_database($my, 'gp', $dst, 'gp', $name);
};
$step->('rows', "INSERT INTO tenant (name) VALUES ('d'); UPDATE project SET v = 'r', e = 'y'; DELETE FROM keyless WHERE a = 1 LIMIT 1; UPDATE both_ways SET a = a + 1; UPDATE touched SET id = 5");
$step->('keys', 'UPDATE tenant SET id = 40 WHERE id = 4; UPDATE project SET id = 9 WHERE tenant = 2; UPDATE both_ways SET id = id + 10');
$step->('cascades', 'DELETE FROM tenant WHERE id = 1');
$step->('partial images', "SET SESSION binlog_row_image = MINIMAL; UPDATE project SET v = 'min' WHERE tenant = 3; UPDATE project SET id = 77 WHERE tenant = 3");
$step->('DDL', "CREATE TABLE made (a int, b int, v int, PRIMARY KEY (b, a)); INSERT INTO made VALUES (1, 2, 3); ALTER TABLE project ADD COLUMN n int DEFAULT 4; INSERT INTO project VALUES (3, 5, 'x', 'x', 6); DROP TABLE touched; CREATE TABLE made_keyless (a int); INSERT INTO made_keyless VALUES (1), (1); CREATE TABLE made_unique (a int, b int NOT NULL, c int NOT NULL, PRIMARY KEY (a), UNIQUE KEY (b)); INSERT INTO made_unique VALUES (1, 2, 3)");
like(placed($dst, 'gp'), qr/; made: b; /, 'a table that comes later is distributed');
$hub->sql("SELECT dtsmig.cutover('gp', verify => 'full')");
is($task->status, 'cut_over', 'cutover');
done_testing();
