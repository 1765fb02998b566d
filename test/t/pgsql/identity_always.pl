# Columns GENERATED ALWAYS AS IDENTITY, which no UPDATE at the destination can set: changed at
# the source together with long values that the log does not repeat, as key and not, in
# changes and where conflict is ignore.
#
# dts-runs: postgresql, postgresql-10, postgresql-18 into postgresql-18-dev
use strict;
use warnings;
use Test::More;
use Dts::PgSource qw(pg_pair same_pg_tables);
use Dts::Task;

my ($src, $pg) = pg_pair();
my $ddl = <<'END';
CREATE SCHEMA i;
CREATE TABLE i.key (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v text, long text);
CREATE TABLE i.other (id int PRIMARY KEY, n int GENERATED ALWAYS AS IDENTITY, v text, long text);
CREATE TABLE i.child (id int PRIMARY KEY, key_id int REFERENCES i.key ON UPDATE CASCADE);
CREATE DOMAIN i.small AS varchar(8);
CREATE TABLE i.bare (d i.small, n int); ALTER TABLE i.bare REPLICA IDENTITY FULL;
ALTER TABLE i.key ALTER COLUMN long SET STORAGE EXTERNAL; ALTER TABLE i.other ALTER COLUMN long SET STORAGE EXTERNAL;
END
$src->sql("$ddl INSERT INTO i.key (v, long) SELECT g, repeat('k', 5000) FROM generate_series(1, 10) g; INSERT INTO i.other (id, v, long) SELECT g, g, repeat('o', 5000) FROM generate_series(1, 10) g; INSERT INTO i.child VALUES (1, 3), (2, 4); INSERT INTO i.bare VALUES ('a', 1), ('a', 1), ('b', 2);");

my $task = Dts::Task->new($src, $pg, name => 'move', db => 'postgres')->start;
$task->wait_for('incremental', 60);
my $step = sub {
    my ($what, $sql) = @_;
    $src->sql($sql);
    ok(eval { $task->catch_up(40); 1 }, "$what: caught up") or diag $@;
    same_pg_tables($src, $pg, $what, schemas => ['i']);
};
$step->('one row', 'UPDATE i.other SET n = DEFAULT WHERE id = 1');
$step->('with others', "BEGIN; UPDATE i.other SET n = DEFAULT, v = 'x' WHERE id < 5; UPDATE i.other SET v = 'y' WHERE id > 8; DELETE FROM i.other WHERE id = 7; INSERT INTO i.other (id, v) VALUES (20, 'z'); UPDATE i.other SET n = DEFAULT WHERE id = 20; COMMIT");
$step->('the key', 'UPDATE i.key SET id = DEFAULT WHERE id = 3');
$step->('keys', "BEGIN; UPDATE i.key SET id = DEFAULT WHERE id IN (4, 5); UPDATE i.key SET v = 'new' WHERE id > 10; DELETE FROM i.key WHERE id = 6; COMMIT");
$step->('the key and the row', "UPDATE i.other SET id = id + 100, n = DEFAULT WHERE id = 2; UPDATE i.other SET id = id + 100 WHERE id = 3");
$step->('rows as they are', "UPDATE i.key SET v = 'w' WHERE id < 3; UPDATE i.other SET v = 'w'");
$step->('a domain without a key', "UPDATE i.bare SET n = 5 WHERE d = 'a'; DELETE FROM i.bare WHERE d = 'b'; INSERT INTO i.bare VALUES (NULL, 1); UPDATE i.bare SET d = 'c' WHERE d IS NULL");
$task->release;
$task->drop;

# --- rows that are at the destination already
$pg->sql('DROP SCHEMA i CASCADE');
$pg->sql("$ddl INSERT INTO i.key OVERRIDING SYSTEM VALUE SELECT g, 'mine', 'mine' FROM generate_series(1, 40) g; DELETE FROM i.key WHERE id > 16 OR id = 1; INSERT INTO i.other (id, n, v) OVERRIDING SYSTEM VALUE SELECT g, g + 500, 'mine' FROM generate_series(4, 9) g WHERE g <> 7;");
$task = Dts::Task->new($src, $pg, name => 'again', db => 'postgres', options => { conflict => 'ignore' })->start;
$task->wait_for('incremental', 60);
$src->sql("UPDATE i.other SET n = DEFAULT; UPDATE i.key SET v = v || '!'; UPDATE i.key SET id = DEFAULT WHERE id = (SELECT min(id) FROM i.key)");
ok(eval { $task->catch_up(40); 1 }, 'conflict = ignore: caught up') or diag $@;
is(join(' ', map { "@$_" } $pg->rows('SELECT id, n FROM i.other ORDER BY 1')), join(' ', map { "@$_" } $src->rows('SELECT id, n FROM i.other ORDER BY 1')), 'conflict = ignore: values of the source');
$src->sql("UPDATE i.other SET v = v || '?', long = 'short', n = DEFAULT; UPDATE i.key SET long = 'short'");
ok(eval { $task->catch_up(40); 1 }, 'conflict = ignore: caught up') or diag $@;
is($pg->value('SELECT string_agg(o::text, \' \' ORDER BY id) FROM i.other o'), $src->value('SELECT string_agg(o::text, \' \' ORDER BY id) FROM i.other o'), 'conflict = ignore: whole rows');
done_testing();
