# Rules that shape rows, MySQL family: columns that are renamed and left out,
# filters, set, operations, name case; in the copy, in changes and through DDL.
use strict;
use warnings;
use Test::More;
use Dts::Env qw(poll_until);
use Dts::Task qw(server_pair);

my ($my, $pg) = server_pair();

# Rows of a table here, a line each.
sub here { my ($sql) = @_; return join "\n", map { join '|', map { $_ // '' } @$_ } $pg->rows($sql) }
sub columns { return $pg->value("SELECT string_agg(attname || ':' || format_type(atttypid, atttypmod), ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = '$_[0]'::regclass AND attnum > 0 AND NOT attisdropped") }
sub refused { my ($sql) = @_; my ($code, $out, $err) = $pg->psql($sql); return $code ? $err : 'accepted' }
sub create { my ($objects) = @_; return refused(qq(SELECT dtsmig.create_task('x', source => 'src_columns', objects => '$objects'))) }

# ---------------------------------------------------------------- columns
$my->sql(<<'END_SQL');
CREATE DATABASE c; USE c;
CREATE TABLE person (Id int PRIMARY KEY AUTO_INCREMENT, Name varchar(30) NOT NULL, secret varchar(30), age int, twice int AS (age * 2) STORED, both_of varchar(70) AS (CONCAT(Name, secret)) STORED, KEY by_name (Name), KEY by_secret (secret, age), UNIQUE KEY of_secret (secret), CHECK (age < 200), CHECK (secret <> 'x'));
CREATE TABLE pet (id int PRIMARY KEY, owner int NOT NULL, colour varchar(10), FOREIGN KEY (owner) REFERENCES person (Id) ON DELETE CASCADE);
CREATE TABLE few (id int PRIMARY KEY, a int, b int, c int);
CREATE TABLE swap (id int PRIMARY KEY, a int, b int);
INSERT INTO person (Name, secret, age) VALUES ('Ann', 's1', 30), ('Bob', 's2', 40), ('Cid', NULL, 50);
INSERT INTO pet VALUES (1, 1, 'red'), (2, 3, 'blue');
INSERT INTO few VALUES (1, 10, 100, 1000); INSERT INTO swap VALUES (1, 2, 3);
END_SQL
my $task = Dts::Task->new($my, $pg, name => 'columns', db => 'c', options => { name_case => 'upper' }, objects => [
    { schema => 'c', table => 'person', target_table => 'people', columns => { name => 'full_name', secret => undef, Id => 'person_id' } },
    { schema => 'c', table => 'pet', columns => { owner => 'person_id' } },
    { schema => 'c', table => 'few', columns => [ 'id', 'b' ] },
    { schema => 'c', table => 'swap', columns => { a => 'b', b => 'a' } },
]);
$task->start->wait_for('incremental', 60);
is(columns('"C".people'), 'person_id:integer full_name:character varying(30) "AGE":integer "TWICE":integer "BOTH_OF":character varying(70)' =~ s/"//gr, 'columns under their names');
is(columns('"C"."FEW"'), 'ID:integer B:integer', 'just those');
is(here('SELECT * FROM "C".people ORDER BY 1'), "1|Ann|30|60|Anns1\n2|Bob|40|80|Bobs2\n3|Cid|50|100|", 'copied; a generated column without its base has the source\'s values');
is(here('SELECT * FROM "C"."SWAP"'), '1|2|3', 'names change places');
is($pg->value(q{SELECT string_agg(pg_get_constraintdef(oid), '; ' ORDER BY pg_get_constraintdef(oid)) FROM pg_constraint WHERE conrelid IN ('"C".people'::regclass, '"C"."PET"'::regclass) AND contype <> 'n'}),
    'CHECK (("AGE" < 200)); FOREIGN KEY (person_id) REFERENCES "C".people(person_id) ON UPDATE RESTRICT ON DELETE CASCADE; PRIMARY KEY ("ID"); PRIMARY KEY (person_id)', 'keys and checks go along');
is($pg->value(q{SELECT count(*) FROM dtsmig.task_objects WHERE task = 'columns' AND statement IS NULL AND note LIKE '%secret%'}), '3', 'what uses a column that is left out is told by name');
$my->sql(<<'END_SQL');
USE c; UPDATE person SET Name = 'Anna', secret = 'new' WHERE Id = 1; INSERT INTO person (Name, secret, age) VALUES ('Dan', 's4', 60); DELETE FROM person WHERE Id = 3;
ALTER TABLE person ADD COLUMN city varchar(20) DEFAULT 'Rome' AFTER Name, MODIFY Name varchar(60) NOT NULL, CHANGE secret hidden varchar(40);
INSERT INTO person (Name, hidden, age, city) VALUES ('Eve', 's5', 70, 'Oslo');
ALTER TABLE few ADD COLUMN d int, DROP COLUMN c; INSERT INTO few VALUES (2, 20, 200, 5); UPDATE few SET a = 11, b = 101 WHERE id = 1;
CREATE INDEX by_city ON person (city, Name); ALTER TABLE swap RENAME COLUMN a TO n; INSERT INTO swap VALUES (2, 4, 5);
ALTER TABLE person DROP COLUMN both_of, DROP KEY by_secret, DROP KEY of_secret, DROP COLUMN hidden; UPDATE person SET age = 31 WHERE Id = 1;
END_SQL
$task->catch_up;
is(here('SELECT person_id, full_name, "CITY", "AGE", "TWICE" FROM "C".people ORDER BY 1'), "1|Anna|Rome|31|62\n2|Bob|Rome|40|80\n4|Dan|Rome|60|120\n5|Eve|Oslo|70|140", 'changes and ALTER TABLE');
is(here('SELECT * FROM "C"."PET"'), '1|1|red', 'the cascade is followed');
is(columns('"C".people'), 'person_id:integer full_name:character varying(60) AGE:integer CITY:character varying(20) TWICE:integer', 'as the source was altered');
is(columns('"C"."FEW"') . here(' SELECT * FROM "C"."FEW" ORDER BY 1'), "ID:integer B:integer1|101\n2|200", 'new columns are not among those taken');
is(here('SELECT "ID", "N", a FROM "C"."SWAP" ORDER BY 1'), "1|2|3\n2|4|5", 'a column that is renamed at the source has its own name from then on');
is($pg->value(q{SELECT count(*) FROM dtsmig.verify('columns')}), '0', 'verified');
$pg->sql(q{SET session_replication_role = replica; UPDATE "C".people SET full_name = 'x' WHERE person_id = 2});
like(here(q{SELECT source_table, kind, key FROM dtsmig.verify('columns')}), qr/person\|differs\|\{"person_id": "2"\}/, 'a difference is found under the new names');
$pg->value(q{SELECT dtsmig.repair('columns')});
ok(poll_until(sub { $pg->value("SELECT full_name FROM \"C\".people WHERE person_id = 2") eq 'Bob' }, 60), 'and repaired');
$pg->sql(q{SELECT dtsmig.resync_table('columns', 'c.person')});
ok(poll_until(sub { $pg->value(q{SELECT count(*) FROM dtsmig.task_log WHERE message LIKE '%person" is copied again:%'}) eq '1' }, 60), 'copied again');
is(here('SELECT count(*), max("TWICE") FROM "C".people'), '4|140', 'with the same columns');
like(create('[{"table": "person", "columns": {"a": "x", "b": "x"}}]'), qr/gives columns "a" and "b" one name/, 'two columns of one name are refused');
like(create('[{"table": "person", "columns": "a"}]'), qr/"columns" of rule 1 in objects must be/, 'and what is no list');
like(create('[{"table": "p%", "exclude": true, "columns": {"a": null}}]'), qr/excludes tables, and says/, 'and an excluded shape');
$task->release;

done_testing();
