# Rules that shape rows, PostgreSQL source: columns that are renamed and left
# out, filters, set, operations, name case; in the copy, in changes and
# through DDL.
use strict;
use warnings;
use Test::More;
use Dts::Env qw(poll_until);
use Dts::PgSource qw(pg_pair);
use Dts::Task;

my ($src, $pg) = pg_pair();

sub here { my ($sql) = @_; return join "\n", map { join '|', map { $_ // '' } @$_ } $pg->rows($sql) }
sub columns { return $pg->value("SELECT string_agg(attname || ':' || format_type(atttypid, atttypmod), ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = '$_[0]'::regclass AND attnum > 0 AND NOT attisdropped") }

# ---------------------------------------------------------------- columns
$src->sql(<<'END_SQL');
CREATE SCHEMA c;
CREATE TABLE c.person ("Id" serial PRIMARY KEY, name text NOT NULL CHECK (name <> ''), secret text CHECK (secret <> 'x'), age int CHECK (age < 200), twice int GENERATED ALWAYS AS (age * 2) STORED);
CREATE INDEX by_name ON c.person (lower(name)); CREATE INDEX by_secret ON c.person (secret, age);
CREATE TABLE c.pet (id int PRIMARY KEY, owner int NOT NULL REFERENCES c.person ON DELETE CASCADE, colour text);
CREATE VIEW c.names AS SELECT "Id", name FROM c.person; CREATE VIEW c.secrets AS SELECT secret FROM c.person;
CREATE TABLE c.few (id int PRIMARY KEY, a int, b int, c int);
CREATE TABLE c.swap (id int PRIMARY KEY, a int, b int);
INSERT INTO c.person (name, secret, age) VALUES ('Ann', 's1', 30), ('Bob', 's2', 40), ('Cid', NULL, 50);
INSERT INTO c.pet VALUES (1, 1, 'red'), (2, 3, 'blue');
INSERT INTO c.few VALUES (1, 10, 100, 1000); INSERT INTO c.swap VALUES (1, 2, 3);
END_SQL
my $task = Dts::Task->new($src, $pg, name => 'columns', db => 'postgres', options => { name_case => 'lower' }, objects => [
    { schema => 'c', table => '%' },
    { schema => 'c', table => 'person', target_table => 'people', columns => { name => 'full_name', secret => undef } },
    { schema => 'c', table => 'pet', columns => { owner => 'person_id' } },
    { schema => 'c', table => 'few', columns => [ 'id', 'b' ] },
    { schema => 'c', table => 'swap', columns => { a => 'b', b => 'a' } },
]);
$task->start->wait_for('incremental', 60);
is(columns('c.people'), 'id:integer full_name:text age:integer twice:integer', 'columns under their names');
is(columns('c.few'), 'id:integer b:integer', 'just those');
is(here('SELECT * FROM c.people ORDER BY 1'), "1|Ann|30|60\n2|Bob|40|80\n3|Cid|50|100", 'copied');
is(here('SELECT id, a, b FROM c.swap'), '1|3|2', 'names change places');
is($pg->value(q{SELECT string_agg(pg_get_constraintdef(oid), '; ' ORDER BY pg_get_constraintdef(oid)) FROM pg_constraint WHERE conrelid IN ('c.people'::regclass, 'c.pet'::regclass) AND contype <> 'n'}),
    "CHECK ((age < 200)); CHECK ((full_name <> ''::text)); FOREIGN KEY (person_id) REFERENCES c.people(id) ON DELETE CASCADE; PRIMARY KEY (id); PRIMARY KEY (id)", 'keys and checks go along');
is($pg->value(q{SELECT pg_get_indexdef('c.by_name'::regclass)}), 'CREATE INDEX by_name ON c.people USING btree (lower(full_name))', 'and indexes');
is(here('SELECT * FROM c.names ORDER BY 1 LIMIT 1'), '1|Ann', 'and views');
is($pg->value(q{SELECT count(*) FROM dtsmig.task_objects WHERE task = 'columns' AND statement IS NULL AND note LIKE '%secret%'}), '2', 'what uses a column that is left out is told by name');
$src->sql(<<'END_SQL');
UPDATE c.person SET name = 'Anna', secret = 'new' WHERE "Id" = 1; INSERT INTO c.person (name, secret, age) VALUES ('Dan', 's4', 60); DELETE FROM c.person WHERE "Id" = 3;
ALTER TABLE c.person ADD COLUMN city text DEFAULT 'Rome', ADD CHECK (length(name) < 100), ALTER secret SET DEFAULT 's';
INSERT INTO c.person (name, secret, age, city) VALUES ('Eve', 's5', 70, 'Oslo');
ALTER TABLE c.few ADD COLUMN d int, DROP COLUMN c; INSERT INTO c.few VALUES (2, 20, 200, 5); UPDATE c.few SET a = 11, b = 101 WHERE id = 1;
CREATE INDEX by_city ON c.person (city, name); CREATE INDEX by_secret2 ON c.person (secret);
ALTER TABLE c.swap RENAME COLUMN a TO n; INSERT INTO c.swap VALUES (2, 4, 5);
DROP VIEW c.secrets; ALTER TABLE c.person DROP COLUMN secret; UPDATE c.person SET age = 31 WHERE "Id" = 1;
END_SQL
$task->catch_up;
is($task->status, 'running', 'goes on') or diag $task->report;
is(here('SELECT id, full_name, city, age, twice FROM c.people ORDER BY 1'), "1|Anna|Rome|31|62\n2|Bob|Rome|40|80\n4|Dan|Rome|60|120\n5|Eve|Oslo|70|140", 'changes and ALTER TABLE');
is(here('SELECT * FROM c.pet'), '1|1|red', 'the cascade');
is(columns('c.people'), 'id:integer full_name:text age:integer twice:integer city:text', 'as the source was altered');
is($pg->value(q{SELECT string_agg(indexrelid::regclass::text, ' ' ORDER BY indexrelid::regclass::text) FROM pg_index WHERE indrelid = 'c.people'::regclass}), 'c.by_city c.by_name c.person_pkey', 'indexes as well');
is(columns('c.few') . here(' SELECT * FROM c.few ORDER BY 1'), "id:integer b:integer1|101\n2|200", 'new columns are not among those taken');
is(here('SELECT id, n, a FROM c.swap ORDER BY 1'), "1|2|3\n2|4|5", 'a column that is renamed at the source has its own name from then on');
is($pg->value(q{SELECT count(*) FROM dtsmig.verify('columns')}), '0', 'verified');
$pg->sql(q{SET session_replication_role = replica; UPDATE c.people SET full_name = 'x' WHERE id = 2});
like(here(q{SELECT source_table, kind, key FROM dtsmig.verify('columns')}), qr/person\|differs\|\{"id": "2"\}/, 'a difference is found under the new names');
$pg->sql(q{SELECT dtsmig.resync_table('columns', 'c.person')});
ok(poll_until(sub { $pg->value(q{SELECT count(*) FROM dtsmig.task_log WHERE message LIKE '%person" is copied again:%'}) eq '1' }, 60), 'copied again') or diag $task->report;
is(here('SELECT count(*), max(twice) FROM c.people'), '4|140', 'with the same columns');
$task->release;

done_testing();
