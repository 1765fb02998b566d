# Rules that shape rows, PostgreSQL source: columns that are renamed and left
# out, filters, set, operations, name case; in the copy, in changes and
# through DDL.
use strict;
use warnings;
use Test::More;
use Dts::Env qw(poll_until);
use Dts::PgSource qw(pg_pair);
use Dts::Task;

my ($src, $pg) = pg_pair(src_conf => 'log_statement = all');

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
is($pg->value(q{SELECT count(*) FROM dtsmig.task_objects WHERE task = 'columns' AND statement IS NULL AND note LIKE '%secret%'}), '2', 'what uses a column that is left out is reported by name');
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

# ---------------------------------------------------------- filter and set
$src->sql(<<'END_SQL');
CREATE SCHEMA f; CREATE TYPE f.state AS ENUM ('open', 'done', 'gone');
CREATE TABLE f.item (id int PRIMARY KEY, state f.state NOT NULL, price numeric(10,2), qty int, note text);
ALTER TABLE f.item REPLICA IDENTITY FULL;
CREATE TABLE f.part (id int PRIMARY KEY, v int, long text); ALTER TABLE f.part ALTER long SET STORAGE EXTERNAL;
CREATE TABLE f.raw (a int, b text); ALTER TABLE f.raw REPLICA IDENTITY FULL;
CREATE TABLE f.op (id int PRIMARY KEY, v int);
INSERT INTO f.item VALUES (1,'open',10.5,2,'a'), (2,'done',20,1,'b'), (3,'gone',30,1,'c'), (4,'open',NULL,1,NULL);
INSERT INTO f.part SELECT g, g, repeat('x', 9000) FROM generate_series(1, 4) g;
INSERT INTO f.raw VALUES (1,'x'), (1,'x'), (2,'y'), (NULL,'z');
INSERT INTO f.op VALUES (1,1), (2,2), (3,3);
END_SQL
$task = Dts::Task->new($src, $pg, name => 'f', db => 'postgres', objects => [ { schema => 'f' },
    { schema => 'f', table => 'item', columns => { note => 'remark', qty => undef }, filter => "state <> 'gone' AND (price IS NULL OR price * qty < 100)",
      set => { total => 'price * qty', remark => "upper(note) || '!'", origin => "'shop'", via => 'dtsmig.operation', at => 'dtsmig.commit_time' } },
    { schema => 'f', table => 'part', filter => 'v < 3', set => { size => 'length(long)' } },
    { schema => 'f', table => 'raw', filter => 'a < 10', set => { c => 'b || a' } },
    { schema => 'f', table => 'op', operations => [ 'insert', 'update' ] } ]);
like(here(q{SELECT status, found FROM dtsmig.precheck('f') WHERE item = 'expressions' ORDER BY status}), qr/\Apassed\|10 expressions run over rows of 3 tables\nwarning\|.*"part" uses column "long", which an UPDATE need not log/, 'the precheck compiles and runs them');
$task->start->wait_for('incremental', 60);
is(columns('f.item'), 'id:integer state:f.state price:numeric(10,2) remark:text at:timestamp with time zone via:text total:numeric origin:text', 'columns that are set');
my $items = 'SELECT id, state, price, remark, origin, total, via FROM f.item ORDER BY id';
is(here($items), "1|open|10.50|A!|shop|21.00|load\n2|done|20.00|B!|shop|20.00|load\n4|open|||shop||load", 'copied through the filter');
is(here('SELECT a, b, c, count(*) FROM f.raw GROUP BY 1, 2, 3 ORDER BY 1'), "1|x|x1|2\n2|y|y2|1", 'a table without a key');
$src->sql(<<'END_SQL');
UPDATE f.item SET note = 'aa' WHERE id = 1; UPDATE f.item SET state = 'gone' WHERE id = 2; UPDATE f.item SET state = 'open', note = 'back' WHERE id = 3;
INSERT INTO f.item VALUES (5,'open',1,1,'new'), (6,'gone',1,1,'not'), (7,'open',99,2,'dear'); UPDATE f.item SET qty = 1 WHERE id = 7; UPDATE f.item SET id = 70 WHERE id = 7;
UPDATE f.item SET id = 60 WHERE id = 6; DELETE FROM f.item WHERE id = 60; DELETE FROM f.item WHERE id = 4; UPDATE f.item SET qty = 1000 WHERE id = 5; UPDATE f.item SET qty = 3 WHERE id = 5;
INSERT INTO f.raw VALUES (3,'w'), (30,'v'); DELETE FROM f.raw WHERE ctid = '(0,1)'; UPDATE f.raw SET a = 20 WHERE a = 2; UPDATE f.raw SET a = 4 WHERE a = 30; UPDATE f.raw SET b = 'q' WHERE a = 20;
INSERT INTO f.op VALUES (4,4); UPDATE f.op SET v = 11 WHERE id = 1; DELETE FROM f.op WHERE id = 2; UPDATE f.op SET id = 33 WHERE id = 3; INSERT INTO f.op VALUES (2,22); TRUNCATE f.op; INSERT INTO f.op VALUES (4, 44);
UPDATE f.part SET v = 2 WHERE id = 1; UPDATE f.part SET v = 9 WHERE id = 2; UPDATE f.part SET v = 10 WHERE id = 4; DELETE FROM f.part WHERE id = 4; UPDATE f.part SET v = 1, long = 'short' WHERE id = 3;
END_SQL
$task->catch_up;
is(here($items), "1|open|10.50|AA!|shop|21.00|update\n3|open|30.00|BACK!|shop|30.00|update\n5|open|1.00|NEW!|shop|3.00|update\n70|open|99.00|DEAR!|shop|99.00|update", 'rows enter and leave')
  or diag $task->report;
is(here('SELECT a, b, c, count(*) FROM f.raw GROUP BY 1, 2, 3 ORDER BY 1'), "1|x|x1|1\n3|w|w3|1\n4|v|v4|1", 'of a table without a key, too');
is(here('SELECT id, v FROM f.op ORDER BY 1'), "1|11\n2|22\n4|44\n33|3", 'DELETE and TRUNCATE are left out');
is(here('SELECT id, v, length(long), size FROM f.part ORDER BY 1'), "1|2|9000|9000\n3|1|5|5", 'long values that are not logged again; old rows of which the key alone is known');
is(here(q{SELECT source_table, kind, key FROM dtsmig.verify('f') WHERE source_table <> 'f.op'}), '', 'verified');
# what is applied long after it was committed
$task->pause;
my $from = int time;
$src->sql(q{ALTER TABLE f.item ADD COLUMN more int DEFAULT 7; INSERT INTO f.item VALUES (8, 'open', 1, 5, 'n'); CREATE TABLE f.later (id int PRIMARY KEY)});
my $to = time;
sleep 3;
$task->resume;
$task->catch_up;
is(here('SELECT id, more, total, remark, via FROM f.item WHERE id = 8'), '8|7|5.00|N!|insert', 'and after ALTER TABLE');
is(here("SELECT extract(epoch FROM at) BETWEEN $from AND $to + 1 FROM f.item WHERE id = 8"), 't', 'commit_time is when the source committed') or diag here("SELECT at, extract(epoch FROM at), now() FROM f.item WHERE id = 8"), " $from $to";
$pg->sql(q{SELECT dtsmig.resync_table('f', 'f.item')});
ok(poll_until(sub { $pg->value(q{SELECT count(*) FROM dtsmig.task_log WHERE message LIKE '%item" is copied again:%'}) eq '1' }, 60), 'copied again') or diag $task->report;
is(here('SELECT count(*), sum(total) FROM f.item'), '5|' . (21 + 30 + 3 + 99 + 5) . '.00', 'through the filter');
$src->sql('UPDATE f.part SET v = 100 WHERE id = 1'); $task->catch_up; $src->sql('UPDATE f.part SET v = 1 WHERE id = 1');
ok($task->wait_status('failed|retrying'), 'a row enters whose long value is not logged: the task stops');
like($task->last_error, qr/is not in table "f.part" at the destination/, 'and says which row') or diag $task->report;
$task->release;

# ------------------------------------------------------------------ shards
$src->sql(<<'END_SQL');
CREATE SCHEMA s1; CREATE SCHEMA s2;
CREATE TABLE s1.a (id int PRIMARY KEY, t text); CREATE TABLE s2.a (id int PRIMARY KEY, t text);
INSERT INTO s1.a VALUES (1,'eu1'), (2,'eu2'); INSERT INTO s2.a VALUES (1,'us1'), (3,'us3');
END_SQL
sub shard { my ($schema) = @_; return { schema => $schema, table => 'a', target_schema => 'm', target_table => 'a', set => { shard => 'dtsmig.source_schema' }, primary_key => [ 'shard', 'id' ] } }
$task = Dts::Task->new($src, $pg, name => 'sh1', db => 'postgres', objects => [ shard('s1') ]);
$task->start->wait_for('incremental', 60);
my $other = Dts::Task->new($src, $pg, name => 'sh2', db => 'postgres', options => { conflict => 'ignore' }, objects => [ shard('s2') ]);
$other->start->wait_for('incremental', 60);
my $all = 'SELECT shard, id, t FROM m.a ORDER BY 1, 2';
is(here($all), "s1|1|eu1\ns1|2|eu2\ns2|1|us1\ns2|3|us3", 'shards of two tasks in one table');
$src->sql("UPDATE s1.a SET t = 'new' WHERE id = 2; DELETE FROM s2.a WHERE id = 1; UPDATE s2.a SET id = 5 WHERE id = 3; INSERT INTO s2.a VALUES (2, 'us2')");
$_->catch_up for $task, $other;
is(here($all), "s1|1|eu1\ns1|2|new\ns2|2|us2\ns2|5|us3", 'changes hit the rows of their own shard') or diag $other->report;
is(here(qq(SELECT source_table, kind, key FROM dtsmig.verify('$_'))), '', "verified: $_") for qw(sh1 sh2);
$pg->sql(q{SET session_replication_role = replica; UPDATE m.a SET t = 'x'; SELECT dtsmig.resync_table('sh2', 's2.a')});
ok(poll_until(sub { $pg->value(q{SELECT count(*) FROM dtsmig.task_log WHERE message LIKE '%"s2"."a" is copied again:%'}) eq '1' }, 60), 'copied again') or diag $other->report;
is(here($all), "s1|1|x\ns1|2|x\ns2|2|us2\ns2|5|us3", 'one of them, and no other');
# (a table that is copied again may have to catch up with its task)
$src->sql('TRUNCATE s2.a'); $other->catch_up;
poll_until(sub { here($all) !~ /s2/ }, 60);
is(here($all), "s1|1|x\ns1|2|x", 'TRUNCATE takes the rows of its own shard') or diag $other->report;
$_->release for $task, $other;

# Tables of one task that a rule makes one, with all that hangs on them.
$src->sql(<<'END_SQL');
CREATE SCHEMA g1; CREATE SCHEMA g2;
CREATE TABLE g1.a (id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, n serial, t text CHECK (t <> ''), u int UNIQUE); CREATE INDEX ON g1.a (t);
CREATE TABLE g2.b (LIKE g1.a INCLUDING ALL); ALTER TABLE g2.b ALTER n DROP DEFAULT; CREATE SEQUENCE g2.b_n_seq OWNED BY g2.b.n; ALTER TABLE g2.b ALTER n SET DEFAULT nextval('g2.b_n_seq');
CREATE TABLE g2.other (id int PRIMARY KEY, b int REFERENCES g2.b ON DELETE CASCADE); CREATE VIEW g2.seen AS SELECT id, t FROM g2.b; COMMENT ON TABLE g2.b IS 'of the second';
CREATE FUNCTION g2.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER tr BEFORE INSERT ON g2.b FOR EACH ROW EXECUTE FUNCTION g2.f();
INSERT INTO g1.a (t) VALUES ('a1'), ('a2'); ALTER SEQUENCE g2.b_id_seq RESTART WITH 1000; ALTER SEQUENCE g2.b_n_seq RESTART WITH 500; INSERT INTO g2.b (t) VALUES ('b1000'), ('b1001'); INSERT INTO g2.other VALUES (1, 1000);
END_SQL
my @one = ({ schema => 'g2' }, map { { schema => $_->[0], table => $_->[1], target_schema => 'g', target_table => 'all_of' } } [ 'g1', 'a' ], [ 'g2', 'b' ]);
$src->sql('ALTER TABLE g2.b ADD extra int');
$task = Dts::Task->new($src, $pg, name => 'one', db => 'postgres', objects => \@one);
like(here(q{SELECT status, found FROM dtsmig.precheck('one') WHERE item = 'name_collision'}), qr/^failed\|tables g1\.a and g2\.b are to become g\.all_of, and differ in column extra$/, 'tables that are to become one have to look alike');
$src->sql('ALTER TABLE g2.b DROP extra');
is(here(q{SELECT status FROM dtsmig.precheck('one') WHERE item = 'name_collision'}), 'passed', 'and pass when they do');
$task->start->wait_for('incremental', 60);
is(here('SELECT id, n, t FROM g.all_of ORDER BY 1'), "1|1|a1\n2|2|a2\n1000|500|b1000\n1001|501|b1001", 'rows of both') or diag $task->report;
is($pg->value(q{SELECT count(*) || ' ' || (SELECT count(*) FROM pg_constraint WHERE conrelid = 'g.all_of'::regclass AND contype IN ('p', 'u', 'c')) FROM pg_index WHERE indrelid = 'g.all_of'::regclass}), '3 3', 'keys, checks and indexes once');
is($pg->value(q{SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'g2.other'::regclass AND contype = 'f'}), 'FOREIGN KEY (b) REFERENCES g.all_of(id) ON DELETE CASCADE', 'what refers to one of them refers to that table');
is(here('SELECT count(*) FROM g2.seen'), '4', 'views as well');
$src->sql(q{INSERT INTO g1.a (t) VALUES ('a3'); UPDATE g2.b SET t = 'new' WHERE id = 1000; DELETE FROM g1.a WHERE id = 1; INSERT INTO g2.b (t) VALUES ('b1002')});
$task->catch_up;
is(here('SELECT id, n, t FROM g.all_of ORDER BY 1'), "2|2|a2\n3|3|a3\n1000|500|new\n1001|501|b1001\n1002|502|b1002", 'changes of both') or diag $task->report;
is($pg->value(q{SELECT dtsmig.cutover('one', quiet => '0') IS NOT NULL}), 't', 'cut over') or diag $task->report;
$pg->sql(q{INSERT INTO g.all_of (t) VALUES ('here')});
is($pg->value(q{SELECT id > 1002 FROM g.all_of WHERE t = 'here'}), 't', 'the identity goes on behind both');
is($pg->value(q{SELECT n > 502 FROM g.all_of WHERE t = 'here'}), 't', 'and so does the serial column');


is($pg->value("SELECT coalesce(string_agg(message, '; '), '') FROM dtsmig.alerts WHERE kind = 'schema_drift'"), '', 'what rules set is no drift');

# What of a filter the source can do it does, and rows that do not pass stay there.
$src->sql(<<'END_SQL');
CREATE SCHEMA push; CREATE TYPE push.mood AS ENUM ('sad', 'ok', 'fine');
CREATE TABLE push.t (id int PRIMARY KEY, n numeric(10,2), f float8, s text, v varchar(10), c char(5), d date, ts timestamp, tz timestamptz, b boolean, m push.mood, u uuid);
INSERT INTO push.t SELECT i, i / 3.0, i / 7.0, CASE i % 4 WHEN 0 THEN 'a''b\' WHEN 1 THEN NULL ELSE 'x' || i % 3 END, 'v' || i % 5, 'c' || i % 2, '2024-01-01'::date + i, '2024-01-01'::timestamp + i * interval '7 hours', '2024-01-01 00:00+05'::timestamptz + i * interval '5 hours', i % 3 = 0, (ARRAY['sad', 'ok', 'fine'])[1 + i % 3]::push.mood, md5(i::text)::uuid FROM generate_series(-50, 200) i;
END_SQL
$all = q{id > -40 AND id <> 7 AND n >= -12.5 AND 0.25 < f + 100 AND f > -6.5 AND (s = 'a''b\' OR s IS NULL OR s <> 'x1') AND v IN ('v1', 'v2', 'v3') AND d < '2024-06-01' AND ts >= '2023-12-25 10:00' AND tz > '2023-12-20 00:00+02' AND NOT (b AND m = 'sad') AND m IN ('sad', 'ok') AND u > '10000000-0000-0000-0000-000000000000'};
my $n = 0;
for my $filter ($all, 'b', 'NOT b OR n IS NULL', q{s > 'x'}, q{c = 'c1' AND id > 0}, 'n NOT IN (1, 2.5) AND id = ANY (ARRAY[1, 2, 3, 100])', q{length(s) = 2 AND v <> 'v1'})
{
    $n++;
    my $t = Dts::Task->new($src, $pg, name => "push$n", db => 'postgres', types => [ 'schema', 'full' ], objects => [ { schema => 'push', target_schema => "push$n", filter => $filter } ]);
    $t->start->wait_for('completed', 60);
    is($pg->value("SELECT count(*) || ' ' || coalesce(sum(hashtext(t::text)), 0) FROM push$n.t"), $src->value("SELECT count(*) || ' ' || coalesce(sum(hashtext(t::text)), 0) FROM push.t WHERE $filter"), "filter: $filter");
}
my %pushed = map { $_ => 1 } $src->log_text =~ /FROM ONLY "push"\."t" WHERE (.*?)\) TO STDOUT/g;
my $pushed = join "\n", sort keys %pushed;
like($pushed, qr/tz OPERATOR\(pg_catalog\.>\) '2023-12-19 22:00:00\+00'::pg_catalog\.timestamptz/, 'constants as any server reads them');
like($pushed, qr/id OPERATOR\(pg_catalog\.>\) \(-40\)\) AND.* d OPERATOR|u OPERATOR/, 'comparisons are the source\'s work');
like($pushed, qr/^\(?\(?v::pg_catalog\.text OPERATOR\(pg_catalog\.<>\) 'v1'\)*$/m, 'what it can of an AND');
unlike($pushed, qr/s::pg_catalog\.text OPERATOR\(pg_catalog\.>\)|length/, 'but no order of texts, and no function');
done_testing();
