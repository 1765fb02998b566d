# Rules that shape rows, MySQL family: columns that are renamed and left out,
# filters, set, operations, name case; in the copy, in changes and through DDL.
use strict;
use warnings;
use Test::More;
use Dts::Env qw(poll_until);
use Dts::Task qw(server_pair);

my ($my, $pg) = server_pair();

# Rows of a table at the destination, a line each.
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
is($pg->value(q{SELECT count(*) FROM dtsmig.task_objects WHERE task = 'columns' AND statement IS NULL AND note LIKE '%secret%'}), '3', 'what uses a column that is left out is reported by name');
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
my $which = Dts::Task->new($my, $pg, name => 'which', source => 'src_columns', objects => [ { schema => 'c', table => 'few', target_table => 'one' }, { schema => 'c', table => 'few', target_table => 'two' },
    { schema => 'c', table => 'swap' }, { schema => 'c', table => 'swap%', exclude => \1 }, { schema => 'c', table => 'p%' }, { schema => 'c', table => 'pe%', exclude => \1 }, { schema => 'c', table => 'person' } ]);
is($pg->value("SELECT string_agg(DISTINCT object, ' ' ORDER BY object) FROM dtsmig.preview_schema('which') WHERE kind = 'table'"), 'person swap two', 'a name beats a pattern, a longer one a shorter one, of equals the later one decides');
$pg->value(q{SELECT dtsmig.repair('columns')});
ok(poll_until(sub { $pg->value("SELECT full_name FROM \"C\".people WHERE person_id = 2") eq 'Bob' }, 60), 'and repaired');
$pg->sql(q{SELECT dtsmig.resync_table('columns', 'c.person')});
ok(poll_until(sub { $pg->value(q{SELECT count(*) FROM dtsmig.task_log WHERE message LIKE '%person" is copied again:%'}) eq '1' }, 60), 'copied again');
is(here('SELECT count(*), max("TWICE") FROM "C".people'), '4|140', 'with the same columns');
like(create('[{"table": "person", "columns": {"a": "x", "b": "x"}}]'), qr/gives columns "a" and "b" one name/, 'two columns of one name are refused');
like(create('[{"table": "person", "columns": "a"}]'), qr/"columns" of rule 1 in objects must be/, 'and what is no list');
like(create('[{"table": "p%", "exclude": true, "columns": {"a": null}}]'), qr/excludes tables, and says/, 'and an excluded shape');
$task->release;

# ---------------------------------------------------------- filter and set
$my->sql(<<'END_SQL');
CREATE DATABASE f; USE f;
CREATE TABLE item (id int PRIMARY KEY, state enum('open','done','gone') NOT NULL, price decimal(10,2), qty int, note varchar(50), born timestamp NULL);
CREATE TABLE raw (a int, b varchar(20));
CREATE TABLE op (id int PRIMARY KEY, v int);
INSERT INTO item VALUES (1,'open',10.5,2,'a','2024-01-01 00:00:00'), (2,'done',20,1,'b',NULL), (3,'gone',30,1,'c',NULL), (4,'open',NULL,1,NULL,NULL);
INSERT INTO raw VALUES (1,'x'), (1,'x'), (2,'y'), (NULL,'z');
INSERT INTO op VALUES (1,1), (2,2), (3,3);
END_SQL
my @rules = ({ schema => 'f', table => 'item', columns => { note => 'remark', qty => undef }, filter => "state <> 'gone' AND (price IS NULL OR price * qty < 100)",
    set => { total => 'price * qty', note_size => 'length(note)', remark => "upper(note) || '!'", origin => "'shop'", via => 'dtsmig.operation', at => 'dtsmig.commit_time', src => 'dtsmig.source_table' } },
    { schema => 'f', table => 'raw', filter => 'a < 10', set => { c => "b || a" } },
    { schema => 'f', table => 'op', operations => [ 'insert', 'update', 'ddl' ] });
$task = Dts::Task->new($my, $pg, name => 'f', db => 'f', objects => \@rules);
is(here(q{SELECT status, found FROM dtsmig.precheck('f') WHERE item = 'expressions'}), 'passed|10 expressions run over rows of 2 tables', 'the precheck compiles and runs them');
$task->start->wait_for('incremental', 60);
is(columns('f.item'), 'id:integer state:f.item_state price:numeric(10,2) remark:character varying(50) born:timestamp(0) with time zone at:timestamp with time zone src:text via:text total:numeric origin:text note_size:integer', 'columns that are set');
my $items = 'SELECT id, state, price, remark, note_size, origin, src, total, via FROM f.item ORDER BY id';
is(here($items), "1|open|10.50|A!|1|shop|item|21.00|load\n2|done|20.00|B!|1|shop|item|20.00|load\n4|open||||shop|item||load", 'copied through the filter');
is(here('SELECT a, b, c, count(*) FROM f.raw GROUP BY 1, 2, 3 ORDER BY 1'), "1|x|x1|2\n2|y|y2|1", 'a table without a key');
$my->sql(<<'END_SQL');
USE f; UPDATE item SET note = 'aa' WHERE id = 1; UPDATE item SET state = 'gone' WHERE id = 2; UPDATE item SET state = 'open', note = 'back' WHERE id = 3;
INSERT INTO item VALUES (5,'open',1,1,'new',NULL), (6,'gone',1,1,'not',NULL), (7,'open',99,2,'dear',NULL); UPDATE item SET qty = 1 WHERE id = 7; UPDATE item SET id = 70 WHERE id = 7;
UPDATE item SET id = 60 WHERE id = 6; DELETE FROM item WHERE id = 60; DELETE FROM item WHERE id = 4; UPDATE item SET qty = 1000 WHERE id = 5; UPDATE item SET qty = 3 WHERE id = 5;
INSERT INTO raw VALUES (3,'w'), (30,'v'); DELETE FROM raw WHERE a = 1 LIMIT 1; UPDATE raw SET a = 20 WHERE a = 2; UPDATE raw SET a = 4 WHERE a = 30; UPDATE raw SET b = 'q' WHERE a = 20;
INSERT INTO op VALUES (4,4); UPDATE op SET v = 11 WHERE id = 1; DELETE FROM op WHERE id = 2; UPDATE op SET id = 33 WHERE id = 3; INSERT INTO op VALUES (2,22); TRUNCATE op; INSERT INTO op VALUES (4, 44);
END_SQL
$task->catch_up;
is(here($items), "1|open|10.50|AA!|2|shop|item|21.00|update\n3|open|30.00|BACK!|4|shop|item|30.00|update\n5|open|1.00|NEW!|3|shop|item|3.00|update\n70|open|99.00|DEAR!|4|shop|item|99.00|update", 'rows enter and leave')
  or diag $task->report;
is(here('SELECT a, b, c, count(*) FROM f.raw GROUP BY 1, 2, 3 ORDER BY 1'), "1|x|x1|1\n3|w|w3|1\n4|v|v4|1", 'of a table without a key, too');
is(here('SELECT id, v FROM f.op ORDER BY 1'), "1|11\n2|22\n4|44\n33|3", 'DELETE and TRUNCATE are left out');
is($pg->value("SELECT count(*) FROM f.item WHERE at BETWEEN now() - interval '1 hour' AND now() + interval '1 minute'"), '4', 'times');
like(here(q{SELECT message FROM dtsmig.task_log WHERE message LIKE '%are skipped%'}), qr/\d+ changes are skipped/, 'what is skipped is counted');
is(here(q{SELECT source_table, kind, key FROM dtsmig.verify('f') WHERE source_table <> 'f.op'}), '', 'verified');
$pg->sql(q{SET session_replication_role = replica; UPDATE f.item SET remark = 'x' WHERE id = 1; DELETE FROM f.item WHERE id = 3; INSERT INTO f.item (id, state, origin, src) VALUES (99, 'gone', 'shop', 'item'), (98, 'gone', 'else', 'item')});
is(here(q{SELECT source_table, kind, key FROM dtsmig.verify('f', tables => '{f.item}') ORDER BY key}), "f.item|differs|{\"id\": \"1\"}\nf.item|missing|{\"id\": \"3\"}\nf.item|extra|{\"id\": \"99\"}", 'planted differences are found; rows of another constant are not looked at');
$pg->value(q{SELECT dtsmig.repair('f')});
ok(poll_until(sub { $pg->value(q{SELECT count(*) FROM dtsmig.verify_results WHERE state = 'repairing'}) eq '0' }, 60), 'repaired');
is(here('SELECT id, remark, via FROM f.item ORDER BY id LIMIT 2'), "1|AA!|load\n3|BACK!|load", 'through the same expressions');
# what is applied long after it was committed
$task->pause;
my $from = int time;
$my->sql(q{ALTER TABLE f.item ADD COLUMN more int DEFAULT 7, DROP COLUMN born; INSERT INTO f.item (id, state, price, qty, note) VALUES (8, 'open', 1, 5, 'n')});
my $to = time;
sleep 3;
$task->resume;
$task->catch_up;
is(here('SELECT id, more, total, remark, via FROM f.item WHERE id = 8'), '8|7|5.00|N!|insert', 'and after ALTER TABLE');
is(here("SELECT extract(epoch FROM at) BETWEEN $from AND $to + 1 FROM f.item WHERE id = 8"), 't', 'commit_time is when the source committed') or diag here("SELECT at, extract(epoch FROM at), now() FROM f.item WHERE id = 8"), " $from $to";
$pg->sql(q{SELECT dtsmig.resync_table('f', 'f.item')});
ok(poll_until(sub { $pg->value(q{SELECT count(*) FROM dtsmig.task_log WHERE message LIKE '%item" is copied again:%'}) eq '1' }, 60), 'copied again') or diag $task->report;
is(here('SELECT count(*), sum(total) FROM f.item'), '5|' . (21 + 30 + 3 + 99 + 5) . '.00', 'through the filter');
# children of a row that leaves stay, as they do at the source; those of one that is deleted go
$my->sql(<<'END_SQL');
CREATE DATABASE kin; USE kin; CREATE TABLE par (id int PRIMARY KEY, state int NOT NULL); INSERT INTO par VALUES (1, 0), (2, 0), (3, 0), (4, 0);
CREATE TABLE child (id int PRIMARY KEY, par int, FOREIGN KEY (par) REFERENCES par (id) ON DELETE CASCADE ON UPDATE CASCADE); INSERT INTO child SELECT seq, 1 + seq % 4 FROM seq_1_to_12;
CREATE TABLE orphan (id int PRIMARY KEY, par int, FOREIGN KEY (par) REFERENCES par (id) ON DELETE SET NULL); INSERT INTO orphan SELECT seq, 1 + seq % 3 FROM seq_1_to_8;
END_SQL
my $kin = Dts::Task->new($my, $pg, name => 'kin', db => 'kin', objects => [ { schema => 'kin' }, { schema => 'kin', table => 'par', filter => 'state = 0' } ]);
$kin->start->wait_for('incremental', 60);
my $family = "SELECT 'p', id, state FROM kin.par WHERE state = 0 UNION ALL SELECT 'c', id, par FROM kin.child UNION ALL SELECT 'o', id, par FROM kin.orphan ORDER BY 1, 2";
my $same = sub { $kin->catch_up; is_deeply([ map { join '|', map { $_ // '' } @$_ } $pg->rows($family) ], [ map { join '|', map { $_ // '' } @$_ } $my->rows($family) ], $_[0]) };
$my->sql('UPDATE kin.par SET state = 1 WHERE id = 1');
$same->('children of a row that leaves stay');
$my->sql('UPDATE kin.par SET state = 0 WHERE id = 1; UPDATE kin.par SET state = 1 WHERE id = 2; UPDATE kin.par SET state = 0 WHERE id = 2');
$same->('and are there when it comes back');
$my->sql('DELETE FROM kin.par WHERE id = 3; UPDATE kin.par SET id = 40 WHERE id = 4');
$same->('what the source does to children of rows in the filter is done at the destination');
is(here(q{SELECT source_table, kind, key FROM dtsmig.verify('kin')}), '', 'verified: children');
$kin->release;
# refused
for ([ 'filter', '"a +"', qr/syntax error/ ], [ 'filter', '"1) FROM pg_authid WHERE (true"', qr/not one SQL expression/ ], [ 'filter', '"a IN (SELECT 1)"', qr/cannot have a subquery/ ],
    [ 'set', '{"x": "a; DROP TABLE t"}', qr/syntax error/ ], [ 'operations', '["upsert"]', qr/invalid operation "upsert"/ ], [ 'primary_key', '[]', qr/non-empty array/ ])
{
    like(create(qq([{"table": "t", "$_->[0]": $_->[1]}])), $_->[2], "$_->[0] $_->[1] is refused");
}
for ([ filter => 'nope = 1', qr/column "nope" does not exist/ ], [ filter => 'random() < price', qr/volatile/ ], [ filter => 'id < extract(epoch from now())', qr/immutable functions only/ ], [ filter => 'price', qr/must be type boolean/ ],
    [ filter => 'max(price) > 1', qr/aggregate functions are not allowed/ ], [ set => { x => 'generate_series(1, 2)' }, qr/set-returning functions are not allowed/ ], [ set => { x => '1 / (qty - qty)' }, qr/division by zero/ ])
{
    my $t = Dts::Task->new($my, $pg, name => 'refused', db => 'f', source => 'src_columns', objects => [ { schema => 'f', table => 'item', $_->[0] => $_->[1] } ]);
    like(here(q{SELECT status, found FROM dtsmig.precheck('refused') WHERE item = 'expressions'}), qr/^failed\|.*$_->[2]/s, 'the precheck refuses ' . (ref $_->[1] ? $_->[1]{x} : $_->[1]));
    $t->drop;
}

$my->sql('ALTER TABLE f.item DROP COLUMN qty');
ok($task->wait_status('failed|retrying'), 'a column that the filter needs is dropped: the task stops');
like($task->last_error, qr/column "qty" does not exist in table "f"."item"/, 'and says why');
$task->release;


# -------------------------------------------------------------- operations
$my->sql(<<'END_SQL');
CREATE DATABASE o; USE o; CREATE TABLE keep (id int PRIMARY KEY, a int, b varchar(10)); CREATE TABLE gone (id int PRIMARY KEY); CREATE TABLE name (id int PRIMARY KEY, v int); CREATE TABLE upd (id int PRIMARY KEY, v int);
CREATE TABLE log (a int); INSERT INTO log VALUES (1);
INSERT INTO keep VALUES (1,1,'x'); INSERT INTO gone VALUES (1); INSERT INTO name VALUES (1,1); INSERT INTO upd VALUES (1,1), (2,2);
END_SQL
$task = Dts::Task->new($my, $pg, name => 'o', db => 'o', objects => [ { schema => 'o', table => '%', operations => [ 'insert', 'update', 'delete', 'alter_table' ] },
    { schema => 'o', table => 'keep', operations => [ 'insert', 'update', 'delete', 'truncate' ] }, { schema => 'o', table => 'upd', operations => [ 'update', 'delete' ] }, { schema => 'o', table => 'log', operations => [ 'insert' ] } ]);
$task->start->wait_for('incremental', 60);
$my->sql(<<'END_SQL');
USE o; ALTER TABLE keep ADD COLUMN c int DEFAULT 5, CHANGE a z bigint, ADD KEY (b); INSERT INTO keep VALUES (2,2,'y',6); ALTER TABLE keep DROP COLUMN b; INSERT INTO keep VALUES (3,3,7); UPDATE keep SET z = 11 WHERE id = 1;
DROP TABLE gone; CREATE TABLE fresh (id int PRIMARY KEY); INSERT INTO fresh VALUES (1); RENAME TABLE name TO named; INSERT INTO named VALUES (2,2); ALTER TABLE named ADD COLUMN w int; INSERT INTO named VALUES (3,3,3);
INSERT INTO upd VALUES (3,3); UPDATE upd SET v = 33 WHERE id = 3; UPDATE upd SET v = 11 WHERE id = 1; UPDATE upd SET id = 5 WHERE id = 3; DELETE FROM upd WHERE id = 2; DELETE FROM upd WHERE id = 5; INSERT INTO log VALUES (2); DELETE FROM log; INSERT INTO log VALUES (3);
END_SQL
$task->catch_up;
is($task->status, 'running', 'the task goes on') or diag $task->report;
is(columns('o.keep') . here(' SELECT * FROM o.keep ORDER BY 1'), "id:integer a:integer b:character varying(10)1|11|x\n2|2|y\n3|3|", 'ALTER TABLE is left out, rows are reported all the same');
is(here(q{SELECT to_regclass('o.gone'), to_regclass('o.fresh'), to_regclass('o.named')}), 'o.gone||', 'DROP, CREATE and RENAME are left out');
is(here('SELECT * FROM o.name ORDER BY 1'), "1|1|\n2|2|\n3|3|3", 'a table that was renamed is followed under its name here');
is(here('SELECT * FROM o.upd ORDER BY 1') . here('SELECT * FROM o.log ORDER BY 1'), "1|111\n2\n3", 'an UPDATE of a row that was not inserted does nothing; INSERT alone');
is($pg->value("SELECT count(*) FROM dtsmig.task_log WHERE task = 'o' AND message LIKE '%\"upd\" is to be copied again'"), 0, 'and is no reason to copy the table again');
$task->release;

# ---------------------------------------------------------- conflict modes
$my->sql(q{CREATE DATABASE k; CREATE TABLE k.t (id int PRIMARY KEY, u int UNIQUE, v varchar(10)); INSERT INTO k.t VALUES (1,1,'a'), (2,2,'b'), (3,3,'c')});
$pg->sql(q{CREATE SCHEMA k; CREATE TABLE k.t (id int PRIMARY KEY, u int UNIQUE, v varchar(10)); INSERT INTO k.t VALUES (2, 20, 'mine'), (9, 90, 'only here')});
$task = Dts::Task->new($my, $pg, name => 'report', db => 'k');
like(here(q{SELECT status, found FROM dtsmig.precheck('report') WHERE status = 'failed'}), qr/^failed\|.*k\.t/, 'report: a table of the same name fails the precheck');
$task->drop;
$task = Dts::Task->new($my, $pg, name => 'ignore', db => 'k', options => { conflict => 'ignore' });
$task->start->wait_for('incremental', 60);
is(here('SELECT * FROM k.t ORDER BY 1'), "1|1|a\n2|20|mine\n3|3|c\n9|90|only here", 'ignore: the full load keeps rows that are there');
$my->sql(q{UPDATE k.t SET v = 'bb' WHERE id = 2; INSERT INTO k.t VALUES (9, 9, 'i'); DELETE FROM k.t WHERE id = 3; INSERT INTO k.t VALUES (4, 4, 'd')});
$task->catch_up;
is(here('SELECT * FROM k.t ORDER BY 1'), "1|1|a\n2|2|bb\n4|4|d\n9|9|i", 'changes overwrite them');
$pg->sql(q{INSERT INTO k.t VALUES (77, 5, 'thief')});
$my->sql(q{INSERT INTO k.t VALUES (6, 6, 'f'), (5, 5, 'e')});
ok($task->wait_status('failed|retrying'), 'a row at the destination that has the unique value of another one stops the task');
like($task->last_error, qr/duplicate key value violates unique constraint "\w+"/, 'and the key is named') or diag $task->report;
like(here(q{SELECT string_agg(concat_ws(' ', message, detail), ' ') FROM dtsmig.task_log WHERE task = 'ignore' AND severity <> 'info'}), qr/\(u\)=\(5\)/, 'with the value');
$pg->sql('DELETE FROM k.t WHERE id = 77');
$task->resume; $task->wait_for('running', 60); $task->catch_up;
is(here('SELECT id FROM k.t ORDER BY 1'), "1\n2\n4\n5\n6\n9", 'fixed, it goes on');
$task->release;

# ------------------------------------------------------------------ shards
# Two tables of one task and one of another go into one table, marked.
$my->sql(<<'END_SQL');
CREATE DATABASE s1; CREATE DATABASE s2; CREATE DATABASE s3;
CREATE TABLE s1.a (id int PRIMARY KEY, t varchar(20), KEY (t)); CREATE TABLE s2.a LIKE s1.a; CREATE TABLE s3.a LIKE s1.a;
CREATE TABLE s1.kid (id int PRIMARY KEY, a int, FOREIGN KEY (a) REFERENCES s1.a (id) ON DELETE CASCADE); CREATE TABLE s2.kid (id int PRIMARY KEY, a int, FOREIGN KEY (a) REFERENCES s2.a (id) ON DELETE CASCADE);
INSERT INTO s1.a VALUES (1,'eu1'), (2,'eu2'); INSERT INTO s2.a VALUES (1,'us1'), (3,'us3'); INSERT INTO s3.a VALUES (1,'as1'), (2,'as2');
INSERT INTO s1.kid VALUES (1,1), (2,2); INSERT INTO s2.kid VALUES (1,1), (2,3);
END_SQL
sub shard { my ($schema, $table, $tag) = @_; return { schema => $schema, table => $table, target_schema => 'm', target_table => "all_$table", set => { shard => "'$tag'" }, primary_key => [ 'shard', 'id' ] } }
$task = Dts::Task->new($my, $pg, name => 'sh', db => 's1', objects => [ shard('s1', 'a', 'eu'), shard('s2', 'a', 'us'), shard('s1', 'kid', 'eu'), shard('s2', 'kid', 'us') ]);
$task->start->wait_for('incremental', 60);
my $other = Dts::Task->new($my, $pg, name => 'sh2', db => 's3', options => { conflict => 'ignore' }, objects => [ shard('s3', 'a', 'as') ]);
$other->start->wait_for('incremental', 60);
my $all = 'SELECT shard, id, t FROM m.all_a ORDER BY 1, 2';
is(here($all), "as|1|as1\nas|2|as2\neu|1|eu1\neu|2|eu2\nus|1|us1\nus|3|us3", 'shards of two tasks in one table');
is($pg->value("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'm.all_a'::regclass AND contype = 'p'"), 'PRIMARY KEY (shard, id)', 'with the key of the rules');
$my->sql("UPDATE s1.a SET t = 'new' WHERE id = 2; DELETE FROM s2.a WHERE id = 1; UPDATE s3.a SET id = 5 WHERE id = 1; INSERT INTO s2.a VALUES (2, 'us2')");
$_->catch_up for $task, $other;
is(here($all), "as|2|as2\nas|5|as1\neu|1|eu1\neu|2|new\nus|2|us2\nus|3|us3", 'changes hit the rows of their own shard');
is(here('SELECT shard, id, a FROM m.all_kid ORDER BY 1, 2'), "eu|1|1\neu|2|2\nus|2|3", 'and so do cascades');
is(here(qq(SELECT source_table, kind, key FROM dtsmig.verify('$_'))), '', "verified: $_") for qw(sh sh2);
$my->sql('TRUNCATE s3.a; INSERT INTO s3.a VALUES (9, \'as9\')');
$other->catch_up;
is(here($all), "as|9|as9\neu|1|eu1\neu|2|new\nus|2|us2\nus|3|us3", 'TRUNCATE takes the rows of its own shard');
$pg->sql(q{SET session_replication_role = replica; UPDATE m.all_a SET t = 'x'; SELECT dtsmig.resync_table('sh', 's2.a')});
ok(poll_until(sub { $pg->value(q{SELECT count(*) FROM dtsmig.task_log WHERE message LIKE '%"s2"."a" is copied again:%'}) eq '1' }, 60), 'copied again') or diag $task->report;
is(here($all), "as|9|x\neu|1|x\neu|2|x\nus|2|us2\nus|3|us3", 'one of them, and no other');
$_->release for $task, $other;

# Without a mark rows cannot be distinguished, and nothing is taken away.
$task = Dts::Task->new($my, $pg, name => 'plain', db => 's1', objects => [ map { { schema => $_, table => 'a', target_schema => 'm2', target_table => 'a', filter => "id = @{[ $_ eq 's1' ? 1 : 3 ]}" } } qw(s1 s2) ]);
$task->start->wait_for('incremental', 60);
is(here('SELECT id, t FROM m2.a ORDER BY 1'), "1|eu1\n3|us3", 'two tables in one, by their filters');
$pg->sql(q{SELECT dtsmig.resync_table('plain', 's1.a')});
ok($task->wait_status('failed|retrying'), 'one of them cannot be emptied alone');
like($task->last_error, qr/rows of table "s1"."a" cannot be distinguished from those of "s2"."a"/, 'and it says so');
is(here('SELECT id, t FROM m2.a ORDER BY 1'), "1|eu1\n3|us3", 'nothing is lost');
$task->release;

done_testing();
