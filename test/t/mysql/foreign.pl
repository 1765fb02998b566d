# Foreign tables over a source of the MySQL family: options, import, push-down
# with EXPLAIN, snapshots, errors, rights, cancel, memory.
#
# dts-runs: mariadb, mysql-9.7
# dts-deep-runs: mysql-5.6, into postgresql-16-dev, into postgresql-17-dev, into postgresql-18-dev
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);
use Dts::Env qw(reap);
use Dts::Kinds qw(kind);
use Dts::Task qw(server_pair);

my $kind = kind($ENV{DTS_KIND} // 'mariadb');
my ($my, $pg) = server_pair(preload => 0);
$my->sql(<<'END');
CREATE DATABASE shop DEFAULT CHARACTER SET utf8mb4; USE shop;
CREATE TABLE Items (id int NOT NULL AUTO_INCREMENT PRIMARY KEY, Name varchar(40) NOT NULL, kind enum('a','B','c d') NULL, tags set('x','y','z') NULL, price decimal(12,2) NULL, flag tinyint(1) NULL, made date NULL, seen datetime(3) NULL, big bigint unsigned NULL, note longtext NULL, KEY (flag)) ENGINE = InnoDB;
INSERT INTO Items VALUES (1, 'one', 'a', 'x,z', 1.50, 1, '2024-02-29', '2024-02-29 01:02:03.456', 18446744073709551615, 'n1'), (2, 'Two', 'B', '', -3, 0, NULL, NULL, 0, NULL), (3, 'three', NULL, NULL, NULL, NULL, '0001-01-01', '9999-12-31 23:59:59.999', NULL, 'é😀'), (4, 'two', 'c d', 'y', 0, 1, '1999-12-31', '2000-01-01 00:00:00', 1, '');
CREATE TABLE parts (item int NOT NULL, n int NOT NULL, qty smallint NOT NULL, PRIMARY KEY (item, n)) ENGINE = InnoDB;
INSERT INTO parts VALUES (1, 1, 10), (1, 2, 20), (2, 1, 5), (4, 1, 7);
CREATE TABLE `empty` (id int PRIMARY KEY, v text) ENGINE = InnoDB;
CREATE TABLE many (id int PRIMARY KEY, a int, v varchar(200)) ENGINE = InnoDB;
CREATE VIEW looks AS SELECT id FROM Items;
END
$my->sql('USE shop; INSERT INTO many VALUES ' . join(',', map { "($_, $_ % 10, REPEAT('x', 200))" } 1 .. 500) . ";");
$my->sql("USE shop; INSERT INTO many SELECT id + 500 * $_, a, v FROM many WHERE id <= 500;") for 1 .. 59;
$pg->sql($my->server_sql('src', dbname => 'shop'));
$pg->sql('CREATE SCHEMA f; IMPORT FOREIGN SCHEMA shop FROM SERVER src INTO f');
is($pg->sql("SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relnamespace = 'f'::regnamespace AND relkind = 'f'"), 'empty items many parts', 'import: tables, no views');
is($pg->sql("SELECT string_agg(format('%s %s %s', attname, format_type(atttypid, atttypmod), attnotnull), ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'f.items'::regclass AND attnum > 0"),
    'id integer t, Name character varying(40) t, kind f.items_kind f, tags text[] f, price numeric(12,2) f, flag smallint f, made date f, seen timestamp(3) without time zone f, big numeric(20,0) f, note text f', 'its columns');
is($pg->sql('SELECT * FROM f.items ORDER BY id'), <<'END' =~ s/\n\z//r, 'rows');
1|one|a|{x,z}|1.50|1|2024-02-29|2024-02-29 01:02:03.456|18446744073709551615|n1
2|Two|B|{}|-3.00|0|||0|
3|three|||||0001-01-01|9999-12-31 23:59:59.999||é😀
4|two|c d|{y}|0.00|1|1999-12-31|2000-01-01 00:00:00|1|
END
is($pg->sql('SELECT count(*), sum(a), count(v) FROM f.many'), '30000|135000|30000', 'many rows');
is($pg->sql('SELECT * FROM f.empty'), '', 'an empty table');
is($pg->sql('SELECT i.id, l.n, l.qty FROM f.items i JOIN f.parts l ON l.item = i.id ORDER BY 1, 2'), "1|1|10\n1|2|20\n2|1|5\n4|1|7", 'a join');

# --- what the source is asked, and that the answer is the one without it
sub the_plan { my ($sql) = @_; return $pg->sql("EXPLAIN (VERBOSE, COSTS OFF) $sql"); }
sub remote { return join "\n", the_plan($_[0]) =~ /Remote SQL: (.*)/g; }
like(remote('SELECT id FROM f.items'), qr/^SELECT \S+ SQL_NO_CACHE \*\/ `id` FROM `shop`\.`Items`$/, 'columns that are wanted, and no others');
like(remote('SELECT id FROM f.items WHERE id = 2'), qr/WHERE .*`id` = \(2\)/, 'a condition');
like(remote('SELECT id FROM f.items LIMIT 2 OFFSET 1'), qr/ LIMIT 3$/, 'a limit, with the rows to be skipped');
like(remote('SELECT id FROM f.items ORDER BY id DESC LIMIT 2'), qr/ ORDER BY `id` DESC LIMIT 2$/, 'an order by an integer that is not NULL');
unlike(remote('SELECT id FROM f.items ORDER BY flag LIMIT 2'), qr/LIMIT|ORDER/, 'not by one that may be NULL');
unlike(remote('SELECT id FROM f.items ORDER BY "Name" LIMIT 2'), qr/LIMIT|ORDER/, 'nor by a text');
unlike(remote('SELECT id FROM f.items WHERE note LIKE \'n%\' LIMIT 2'), qr/LIMIT|WHERE/, 'a limit does not go without its condition');
unlike(remote('SELECT id FROM f.items WHERE "Name" = \'one\' LIMIT 2'), qr/LIMIT/, 'nor where rows are in doubt');
unlike(remote('SELECT id FROM f.items ORDER BY id FETCH FIRST 1 ROWS WITH TIES'), qr/LIMIT/, 'nor with ties');
like(remote('SELECT count(*), max(id), min(flag) FROM f.items WHERE id > 1'), qr/SELECT \S+ SQL_NO_CACHE \*\/ concat_ws\(',', count\(\*\), .*max\(`id`\).*WHERE/, 'aggregates');
unlike(remote('SELECT count(*) FROM f.items WHERE note = \'x\''), qr/count/, 'not over rows in doubt');
unlike(remote('SELECT count(DISTINCT flag), sum(id) FROM f.items'), qr/count|sum/, 'nor others');
is($pg->sql('SELECT count(*), max(id), min(flag), min(id) FROM f.items WHERE id > 1'), '3|4|0|2', 'their values');
is($pg->sql('SELECT count(*), max(id) FROM f.items WHERE id > 100'), '0|', 'of no rows');
is($pg->sql('SELECT count(*), max(id) FROM f.items WHERE id = NULL'), '0|', 'where none can be');
is($pg->sql('SELECT id FROM f.items ORDER BY id DESC LIMIT 2 OFFSET 1'), "3\n2", 'rows of a limit');
is($pg->sql('SELECT i.id FROM f.items i WHERE EXISTS (SELECT FROM f.many) ORDER BY 1'), "1\n2\n3\n4", 'a scan that is ended early');
my $join = 'SELECT i.id, l.a FROM (VALUES (1), (4), (NULL), (99999)) i(id) JOIN f.many l ON l.id = i.id ORDER BY 1, 2';
is($pg->sql("SET enable_hashjoin = off; SET enable_mergejoin = off; $join"), "1|1\n4|4", 'look-ups by a key');
like($pg->sql("SET enable_hashjoin = off; SET enable_mergejoin = off; EXPLAIN (VERBOSE, COSTS OFF) $join"), qr/Remote Conditions: .*id/, 'EXPLAIN shows what they are found by');
my $local = 'CREATE SCHEMA l; ' . join ' ', map { "CREATE TABLE l.$_ AS TABLE f.$_;" } qw(items parts many);
$pg->sql($local);
like(remote('SELECT sum(id), count(flag), sum(flag) FROM f.items WHERE id > 1'), qr/sum\(`id`\).*count\(`flag`\).*sum\(`flag`\).*WHERE/, 'sums at the source');
is($pg->sql("SELECT sum(id), count(flag), sum(flag) FROM f.$_->[0] WHERE id $_->[1]"), $pg->sql("SELECT sum(id), count(flag), sum(flag) FROM l.$_->[0] WHERE id $_->[1]"), "are those of here: id $_->[1]") for [ items => '> 1' ], [ items => '> 100' ], [ items => '= NULL' ];
# every operator with every type: the same as over the rows that are at the destination
my %constants = (id => [2, '2::bigint', '2.5', '-1'], '"Name"' => ["'two'", "'Two'", "'one'"], kind => ["'a'", "'c d'"], price => [0, '1.5', '-3.00', "'NaN'"], flag => [0, 1], made => ["'2024-02-29'", "'0001-01-01'", "'infinity'", "'2024-02-29 12:00'::timestamp"], seen => ["'2024-02-29 01:02:03.456'", "'2000-01-01'::date", "'9999-12-31 23:59:59.9991'"], big => [0, '18446744073709551615', '1'], note => ["''", "'é😀'"], tags => ["'{x,z}'", "'{}'"]);
my (@asked, $pushed);
for my $column (sort keys %constants)
{
    for my $c (@{ $constants{$column} })
    {
        push @asked, map { "$column $_ $c" } qw(= <> < <= > >=);
        push @asked, "NOT $column = $c", "$column IS DISTINCT FROM $c", "($column = $c) IS NOT TRUE", "$column = $c OR id = 1";
    }
    next if $column eq 'tags';
    push @asked, "$column IS NULL", "$column IS NOT NULL", "$column IN (" . join(', ', @{ $constants{$column} }[0, 1]) . ')', "$column NOT IN (" . join(', ', @{ $constants{$column} }[0, 1]) . ')', "$column = ANY (ARRAY[" . join(', ', @{ $constants{$column} }[0, 1]) . ', NULL]' . ({ kind => '::f.items_kind[]', made => '::date[]', seen => '::timestamp[]' }->{$column} // '') . ')';
}
my $wrong = '';
my @answers = map { [ $pg->psql($_) ] } map { my $t = $_; join ';', 'SET client_min_messages = error', map { "SELECT '$t', coalesce(string_agg(id::text, ',' ORDER BY id), '-') FROM $t.items WHERE $_" } @asked } qw(f l);
my @f = split /\n/, $answers[0][1];
my @l = split /\n/, $answers[1][1];
is(scalar @f, scalar @asked, 'as many answers as questions') or diag $answers[0][2];
for (0 .. $#asked)
{
    (my $f = $f[$_] // '') =~ s/^f/l/;
    $wrong .= "$asked[$_]: $f, not " . ($l[$_] // '') . "\n" if $f ne ($l[$_] // '');
}
is($wrong, '', scalar(@asked) . ' conditions mean the same at the source and at the destination');
my @remote = split /\n/, join "\n", map { remote("SELECT id FROM f.items WHERE $_") } @asked;
cmp_ok(scalar(grep { /WHERE/ } @remote), '>', @asked / 3, 'of which the source does many');

# joins by integers, of two tables of the server
my @joins = ('SELECT i.id, l.n, l.qty FROM %s.items i JOIN %s.parts l ON l.item = i.id', 'SELECT i.*, l.* FROM %s.items i JOIN %s.parts l ON l.item = i.id AND l.n = i.id', 'SELECT i.tags, i.kind, l.qty, i.big, i.seen FROM %s.items i, %s.parts l WHERE l.item = i.id AND i.price > 0 AND l.qty < 100',
    'SELECT count(*) FROM %s.items i JOIN %s.parts l ON l.item = i.id', 'SELECT a.v, b.id FROM %s.many a JOIN %s.many b ON a.a = b.id WHERE a.id < 500', 'SELECT a.id FROM %s.items a JOIN %s.items b ON a.flag = b.flag WHERE b.id <> 3', 'SELECT a.note, b.qty FROM %s.items a JOIN %s.parts b ON a.id = b.item WHERE false');
for my $join (@joins)
{
    my ($there, $here) = map { sprintf $join, $_, $_ } qw(f l);
    is($pg->sql("SELECT string_agg(x::text, ' ' ORDER BY x::text COLLATE \"C\") FROM ($there) x"), $pg->sql("SELECT string_agg(x::text, ' ' ORDER BY x::text COLLATE \"C\") FROM ($here) x"), "$join: the same as here");
    is(scalar(() = remote($there) =~ /SELECT \w\.c\d.* JOIN /g), $join =~ /false|l\.n = i\.id|many/ ? 0 : 1, 'at the source');
}
like(remote('SELECT i.note FROM f.items i JOIN f.parts l ON l.item = i.id WHERE i.id > 1'), qr/^SELECT o\.c9 FROM \(SELECT `note` AS c9, `id` AS k0 FROM `shop`\.`Items` WHERE .*\) AS o JOIN \(SELECT `item` AS k0 FROM `shop`\.`parts`\) AS i ON o\.k0 = i\.k0$|AS c\d+, `id` AS k0 FROM/, 'columns that are wanted');
unlike(remote($_), qr/JOIN/, "not pushed: $_") for 'SELECT i.id FROM f.items i JOIN f.parts l ON l.item < i.id', 'SELECT i.id FROM f.items i LEFT JOIN f.parts l ON l.item = i.id', 'SELECT i.id FROM f.items i JOIN f.items l ON l."Name" = i."Name"', 'SELECT i.id FROM f.items i JOIN f.parts l ON l.item = i.id WHERE i.note LIKE \'n%\'', 'SELECT i FROM f.items i JOIN f.parts l ON l.item = i.id', 'SELECT i.id FROM f.items i JOIN f.parts l ON l.item = i.id FOR UPDATE';
is($pg->sql('BEGIN; DECLARE c CURSOR FOR SELECT i.id, l.n FROM f.items i JOIN f.parts l ON l.item = i.id ORDER BY 1, 2; FETCH 1 FROM c; SELECT count(*) FROM f.many; FETCH 1 FROM c; COMMIT'), "1|1\n30000\n1|2", 'a cursor over one');

# several servers at a time, under Append
$pg->sql($my->server_sql('src2', dbname => 'shop'));
$pg->sql(q{CREATE SCHEMA second; IMPORT FOREIGN SCHEMA shop LIMIT TO (many, parts) FROM SERVER src2 INTO second; ALTER SERVER src OPTIONS (ADD async_capable 'true'); ALTER SERVER src2 OPTIONS (ADD async_capable 'true')});
my $both = 'SELECT id FROM f.many UNION ALL SELECT item FROM second.parts UNION ALL SELECT item FROM f.parts';
is(scalar(() = $pg->sql("EXPLAIN $both") =~ /Async Foreign Scan/g), 3, 'asynchronous scans');
is($pg->sql("SELECT count(*) FROM ($both) x"), $pg->sql('SELECT (SELECT count(*) FROM f.many) + (SELECT count(*) FROM second.parts) + (SELECT count(*) FROM f.parts)'), 'have all rows');
is($pg->sql("SELECT count(*) FROM ($both LIMIT 2) x"), '2', 'can end early');
is($pg->sql("SELECT string_agg((SELECT count(*) FROM ($both) x WHERE x.id = v.a)::text, ' ') FROM (VALUES (1), (2)) v(a)"), $pg->sql("SET enable_async_append = off; SELECT string_agg((SELECT count(*) FROM ($both) x WHERE x.id = v.a)::text, ' ') FROM (VALUES (1), (2)) v(a)"), 'and begin again');
is($pg->sql("BEGIN; DECLARE c CURSOR FOR $both; FETCH 1 FROM c; SELECT count(*) FROM f.parts; MOVE 10 IN c; COMMIT") =~ s/^\d+\n//r, $pg->sql('SELECT count(*) FROM f.parts'), 'beside another scan');
like($pg->error("SELECT 1 / (v - v) FROM ($both) x(v)"), qr/22012/, 'an error meanwhile');
$pg->sql('ALTER SERVER src OPTIONS (DROP async_capable)');

# --- one snapshot for a transaction, whatever happens at the source
my $seen = $pg->sql(q{SET work_mem = 64; BEGIN; DECLARE c CURSOR FOR SELECT id FROM f.many ORDER BY id; FETCH 2 FROM c; SELECT count(*) FROM f.items; FETCH 2 FROM c; SELECT max(id) FROM f.many; FETCH 1 FROM c; SELECT server || in_transaction FROM dtsmig.connections(); COMMIT; SELECT server || in_transaction FROM dtsmig.connections(); SELECT dtsmig.disconnect('src'); SELECT count(*) FROM dtsmig.connections()});
is($seen, "1\n2\n4\n3\n4\n30000\n5\nsrctrue\nsrcfalse\nt\n0", 'two scans at a time over one connection');
my $writer = $my->background(sub { "INSERT INTO `empty` (id) SELECT COALESCE(MAX(id), 0) + 1 FROM `empty`; DO SLEEP(0.02);\n" }, db => 'shop');
ok($pg->poll_query('SELECT count(*) > 3 FROM f.empty', 30), 'the source is written to');
is($pg->sql('BEGIN; CREATE TEMP TABLE n AS SELECT count(*) AS a FROM f.empty; SELECT pg_sleep(0.5); SELECT a - (SELECT count(*) FROM f.empty) FROM n; COMMIT'), "\n0", 'a transaction reads one snapshot');
reap($writer);
is($pg->sql(q{DO $$ DECLARE r record; n int := 0; BEGIN FOR r IN SELECT id FROM f.items ORDER BY id LOOP
  BEGIN n := n + (SELECT count(*) FROM f.parts WHERE item = r.id); PERFORM 1 / 0 FROM f.many; EXCEPTION WHEN division_by_zero THEN n := n + 100; END; END LOOP;
  RAISE INFO 'n = %', n; IF n <> 404 AND n <> 400 THEN RAISE EXCEPTION 'n is %', n; END IF; END $$; SELECT 'done'}), 'done', 'errors within subtransactions');
is($pg->sql('SELECT i.id, i."Name", i.note, (SELECT sum(p.qty) FROM f.parts p WHERE p.item = i.id) FROM f.items i ORDER BY i.id'), "1|one|n1|30\n2|Two||5\n3|three|é😀|\n4|two||7", 'a row that is at work while another scan begins');
is($pg->sql('BEGIN; DECLARE h CURSOR WITH HOLD FOR SELECT id FROM f.items ORDER BY id; COMMIT; FETCH ALL FROM h'), "1\n2\n3\n4", 'a cursor that is held');
like($pg->error("SET statement_timeout = 700; SELECT count(*) FROM f.many a, f.many b, f.many c WHERE a.v || b.v <> c.v"), qr/57014/, 'a cancel ends it');

# one that waits for the source, too, within two seconds
my $locker = $my->background(sub { "LOCK TABLES many WRITE; DO SLEEP(4); UNLOCK TABLES; DO SLEEP(0.1);\n" }, db => 'shop');
ok($my->value("SELECT COUNT(*) FROM information_schema.processlist WHERE state LIKE '%sleep%'") > 0 || sleep 1, 'a table is locked');
my $began = time;
like($pg->error('SET statement_timeout = 700; SELECT max(v) FROM f.many'), qr/57014/, 'a cancel while the source waits');
cmp_ok(time - $began, '<', 3, 'at once');
reap($locker);

# --- ANALYZE
$pg->sql('ANALYZE f.many');
is($pg->sql("SELECT reltuples BETWEEN 20000 AND 45000, relpages > 0, (SELECT n_distinct FROM pg_stats WHERE schemaname = 'f' AND tablename = 'many' AND attname = 'a') FROM pg_class WHERE oid = 'f.many'::regclass"), 't|t|10', 'ANALYZE takes a sample');

# --- comparison
like($pg->error("SELECT * FROM dtsmig.compare('f.items', 'l.items')"), qr/42704: table l\.items has no key/, 'compare wants a key');
$pg->sql('ALTER TABLE l.items ADD PRIMARY KEY (id)');
is($pg->sql("SELECT count(*) FROM dtsmig.compare('f.items', 'l.items')"), '0', 'equal tables');
$pg->sql(q{DELETE FROM l.items WHERE id = 1; UPDATE l.items SET "Name" = 'x', note = NULL WHERE id = 3; INSERT INTO l.items (id, "Name") VALUES (7, 'seven')});
is($pg->sql("SELECT * FROM dtsmig.compare('f.items', 'l.items') ORDER BY key"), qq(missing|{"id": "1"}|\ndiffers|{"id": "3"}|{Name,note}\nextra|{"id": "7"}|), 'rows that differ, by key');

# --- options, policies and types
$my->sql("SET sql_mode = 'ALLOW_INVALID_DATES'; INSERT INTO shop.Items (id, Name, made) VALUES (5, 'zero', '0000-00-00')");
is($pg->sql('SELECT made IS NULL FROM f.items WHERE id = 5'), 't', 'a zero date is NULL');
is($pg->sql('SELECT id FROM f.items WHERE made IS NULL ORDER BY id'), "2\n5", 'also where it is looked for');
$pg->sql("ALTER FOREIGN TABLE f.items OPTIONS (ADD zero_date '1970-01-01')");
is($pg->sql('SELECT made FROM f.items WHERE id = 5'), '1970-01-01', 'or by its option');
$pg->sql("ALTER FOREIGN TABLE f.items OPTIONS (SET zero_date 'error')");
like($pg->error('SELECT made FROM f.items'), qr/zero/i, 'or an error');
is($pg->sql(q{DO $$ DECLARE c CURSOR FOR SELECT made FROM f.items; d date; n int := 0; BEGIN OPEN c;
  BEGIN LOOP FETCH c INTO d; EXIT WHEN NOT FOUND; END LOOP; RAISE EXCEPTION 'no error'; EXCEPTION WHEN OTHERS THEN IF sqlerrm = 'no error' THEN RAISE; END IF; n := 1; END;
  n := n + (SELECT count(*) FROM f.parts); IF n <> 5 THEN RAISE EXCEPTION 'n is %', n; END IF; END $$; SELECT 'done'}), 'done', 'a cursor that fails within a subtransaction');
like($pg->error(q{DO $$ DECLARE c CURSOR FOR SELECT made FROM f.items ORDER BY id; d date; BEGIN OPEN c; FETCH c INTO d;
  BEGIN PERFORM count(v) FROM f.empty; EXCEPTION WHEN OTHERS THEN NULL; END;
  LOOP FETCH c INTO d; EXIT WHEN NOT FOUND; END LOOP; RAISE EXCEPTION 'rows are missing'; END $$}), qr/HV000: rows of table .* were lost/, 'an error while rows are put aside loses none without a word');
$my->sql('DELETE FROM shop.Items WHERE id = 5');
$pg->sql(q{CREATE SCHEMA g; IMPORT FOREIGN SCHEMA shop LIMIT TO ("Items") FROM SERVER src INTO g OPTIONS (enum 'text', "set" 'text', tinyint1 'boolean', name_case 'lower')});
is($pg->sql("SELECT string_agg(attname || ' ' || atttypid::regtype, ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'g.items'::regclass AND attnum > 0"), 'id integer, name character varying, kind text, tags text, price numeric, flag boolean, made date, seen timestamp without time zone, big numeric, note text', 'options of the type map');
is($pg->sql('SELECT kind, tags, flag FROM g.items WHERE flag AND kind = \'a\''), 'a|x,z|t', 'and their values');
is($pg->sql("SELECT count(*) FROM pg_class WHERE relnamespace = 'g'::regnamespace AND relkind = 'f'"), '1', 'LIMIT TO');
$pg->sql('CREATE SCHEMA e; IMPORT FOREIGN SCHEMA shop EXCEPT (items, many) FROM SERVER src INTO e');
is($pg->sql("SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relnamespace = 'e'::regnamespace AND relkind = 'f'"), 'empty parts', 'EXCEPT');
like($pg->error('IMPORT FOREIGN SCHEMA none FROM SERVER src INTO e'), qr/3F000|HV00Q/, 'no such database');
like($pg->error("IMPORT FOREIGN SCHEMA shop FROM SERVER src INTO e OPTIONS (copy_workers '2')"), qr/HV00D/, 'no option of it');
like($pg->error("CREATE FOREIGN TABLE x (id int) SERVER src OPTIONS (tabel_name 'x')"), qr/HV00D: invalid option "tabel_name".*HINT:\s+Valid options in this context are: schema_name, table_name, /s, 'no option of a table');
like($pg->error("CREATE FOREIGN TABLE x (id int) SERVER src OPTIONS (enum 'x')"), qr/22023/, 'no value of one');
$pg->sql(q{CREATE DOMAIN even AS int CHECK (value % 2 = 0);
 CREATE FOREIGN TABLE odd (n text OPTIONS (column_name 'Name'), id bigint, price text, made text, flag numeric(3,1), note bytea) SERVER src OPTIONS (schema_name 'shop', table_name 'Items');
 CREATE FOREIGN TABLE bad (id even) SERVER src OPTIONS (schema_name 'shop', table_name 'Items');
 CREATE FOREIGN TABLE worse ("Name" int) SERVER src OPTIONS (schema_name 'shop', table_name 'Items');
 CREATE FOREIGN TABLE twice (id int, i2 int OPTIONS (column_name 'id')) SERVER src OPTIONS (schema_name 'shop', table_name 'Items');
 CREATE FOREIGN TABLE gone (id int, nothing int) SERVER src OPTIONS (schema_name 'shop', table_name 'Items');
 CREATE FOREIGN TABLE none () SERVER src OPTIONS (schema_name 'shop', table_name 'Items');
 CREATE FOREIGN TABLE looks (id int) SERVER src OPTIONS (schema_name 'shop', table_name 'looks');
 CREATE FOREIGN TABLE strange (id point, "Name" int[], kind jsonb, price box) SERVER src OPTIONS (schema_name 'shop', table_name 'Items');});
is($pg->sql('SELECT * FROM odd WHERE id = 1'), 'one|1|1.50|2024-02-29|1.0|\x6e31', 'other types');
like($pg->error('SELECT * FROM bad'), qr/23514: value for domain even/, 'a domain is checked');
is($pg->sql('SELECT id FROM bad WHERE id = 2'), '2', 'a value that it takes');
like($pg->error('SELECT * FROM worse'), qr/22P02/, 'a value of another type');
like($pg->error('SELECT * FROM twice'), qr/HV008/, 'a column twice');
like($pg->error('SELECT * FROM gone'), qr/HV005: .*nothing/, 'a column that there is none of');
like($pg->error('SELECT * FROM none'), qr/HV00R/, 'no column at all');
like($pg->error('SELECT * FROM looks'), qr/42P01/, 'a view');
like($pg->error("SELECT $_ FROM strange"), qr/22P02|22023/, "no value of that type: $_") for 'id', '"Name"', 'kind', 'price';
is($pg->sql('SELECT count(*) FROM strange'), '4', 'which does no harm to the others');

# --- rights
$pg->sql('CREATE ROLE reader LOGIN; CREATE ROLE other LOGIN; GRANT USAGE ON SCHEMA f TO reader, other; GRANT SELECT ON f.items TO reader; GRANT CREATE ON SCHEMA public TO other');
like($pg->error('SELECT * FROM f.items', role => 'other'), qr/42501: permission denied for/, 'no right');
like($pg->error('SELECT * FROM f.items', role => 'reader'), qr/42501: permission denied for foreign server src/, 'none on the server');
$pg->sql('GRANT USAGE ON FOREIGN SERVER src TO reader');
like($pg->error('SELECT * FROM f.items', role => 'reader'), qr/42704: user mapping not found/, 'no user mapping');
$pg->sql('CREATE VIEW public.v AS SELECT id FROM f.items; GRANT SELECT ON public.v TO other');
is($pg->sql('SELECT count(*) FROM public.v', role => 'other'), '4', "a view reads with its owner's mapping");
$pg->sql("CREATE USER MAPPING FOR reader SERVER src OPTIONS (user 'mig', password 'wrong')");
like($pg->error('SELECT * FROM f.items', role => 'reader'), qr/28000.*HINT/s, 'a wrong password');
unlike($pg->error('SELECT * FROM f.items', role => 'reader'), qr/wrong/, 'which no message shows');
$pg->sql("ALTER USER MAPPING FOR reader SERVER src OPTIONS (SET password '$my->{password}')");
is($pg->sql('SELECT count(*) FROM f.items', role => 'reader'), '4', 'the right one');
like($pg->error("INSERT INTO f.items (id) VALUES (9)"), qr/42501/, 'the account may not write');
like($pg->error('BEGIN; SELECT count(*) FROM f.items; PREPARE TRANSACTION \'x\''), qr/0A000|55000/, 'nor prepared');

# --- the source changes
$my->sql('ALTER TABLE shop.parts ADD COLUMN extra int');
is($pg->sql('SELECT count(*) FROM f.parts'), '4', 'a column more does no harm');
$my->sql('ALTER TABLE shop.parts DROP COLUMN qty');
like($pg->error('SELECT * FROM f.parts'), qr/HV005.*column_name/s, 'one less is an error that says what to do');
$my->stop;
like($pg->error('SELECT * FROM f.items'), qr/08001.*HINT/s, 'the source is away');
$my->start;
is($pg->sql('SELECT count(*) FROM f.items'), '4', 'and back');
done_testing();
