# Tables and columns that get other names between the task's first look at them
# and the end of the copy: what is made after the rows (unique indexes, checks,
# foreign keys, triggers, identity) has the new names.
use strict;
use warnings;
use Test::More;
use Dts::Compare qw(same_database);
use Dts::Task qw(server_pair);

my ($my, $pg) = server_pair();
# "big" is copied first, slowly; "later", of an engine without transactions, last
$my->sql(q{CREATE DATABASE z; USE z;
CREATE TABLE big (id int PRIMARY KEY, v varchar(50)); INSERT INTO big SELECT seq, 'x' FROM seq_1_to_30000;
CREATE TABLE later (id int PRIMARY KEY, v int) ENGINE = MyISAM; INSERT INTO later VALUES (1, 1);
CREATE TABLE p (id int AUTO_INCREMENT PRIMARY KEY, c int UNIQUE); INSERT INTO p (c) VALUES (1), (2);
CREATE TABLE t (id int AUTO_INCREMENT PRIMARY KEY, p int, x int CHECK (x > 0), n varchar(20), KEY (n),
    at timestamp DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP, CONSTRAINT f FOREIGN KEY (p) REFERENCES p (id));
INSERT INTO t (p, x) VALUES (1, 1)});
my $task = Dts::Task->new($my, $pg, name => 'z', db => 'z', options => { throttle_full_rows => 15000, copy_workers => 1 });
$task->start;
ok($pg->poll_query("SELECT coalesce(sum(rows_copied), 0) > 0 FROM dtsmig.task_tables WHERE task = 'z' AND source_table = 'big'"), 'the first table is being copied');
$my->sql('USE z; RENAME TABLE t TO t2; INSERT INTO t2 (p, x) VALUES (2, 2); ALTER TABLE p RENAME TO p2, CHANGE c c2 int; ALTER TABLE t2 CHANGE x y int');
$task->wait_for('incremental', 60);
$task->catch_up;
same_database($my, 'z', $pg, 'z', 'rows');
is($pg->value("SELECT count(*) FROM dtsmig.task_objects WHERE state <> 'done'"), '0', 'every object is made') or diag $task->report;
is($pg->value(q{SELECT string_agg(conrelid::regclass || ' ' || conname || ' ' || contype::text, ', ' ORDER BY conname COLLATE "C") FROM pg_constraint WHERE connamespace = 'z'::regnamespace AND contype <> 'n' AND conrelid <> 'z.later'::regclass}),
    'z.big big_pkey p, z.t2 f f, z.p2 p2_pkey p, z.t2 t2_pkey p' . ($pg->value(q{SELECT count(*) FROM pg_constraint WHERE contype = 'c' AND conrelid = 'z.t2'::regclass}) ? ', z.t2 x c' : ''), 'keys of the new names');
like($pg->error('INSERT INTO z.p2 (id, c2) VALUES (9, 2)'), qr/23505/, 'a unique index');
like($pg->error('UPDATE z.t2 SET p = 9'), qr/23503/, 'a foreign key');
$my->sql("UPDATE z.t2 SET y = 5 WHERE id = 1");
$task->catch_up;
same_database($my, 'z', $pg, 'z', 'changes of them');
is($pg->value("UPDATE z.t2 SET n = 'x', at = '2001-01-01' WHERE id = 1; UPDATE z.t2 SET n = 'y' WHERE id = 1 RETURNING at > now() - interval '1 min'"), 't', 'a trigger');
done_testing();
