# Verification: planted differences are found, equal rows do not travel, nothing
# is reported while writers write; each mode, each kind of key. DTS_DEEP=1: one
# table has a million rows, not a quarter of them.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(time sleep);
use Dts::Env qw(poll_until reap spawn);
use Dts::Task qw(server_pair);

my $million = $ENV{DTS_DEEP} ? 1000000 : 250000;
my ($my, $pg) = server_pair(my_args => ['--innodb-buffer-pool-size=512M'], conf => "shared_buffers = 256MB\n");
$my->sql(<<'END_SQL' =~ s/seq_1_to_1000000/seq_1_to_$million/r);
SET NAMES utf8mb4;
CREATE DATABASE v DEFAULT CHARACTER SET utf8mb4; USE v;
CREATE TABLE big (id int AUTO_INCREMENT PRIMARY KEY, k int NOT NULL, c char(120) NOT NULL, pad varchar(60) NOT NULL, amount decimal(12,2), at datetime(6), d double, note text);
INSERT INTO big SELECT seq, seq * 7 % 100003, REPEAT(MD5(seq), 3), MD5(seq * 3), seq / 100, '2024-01-01' + INTERVAL seq SECOND, seq / 8, IF(seq % 5, CONCAT('note ', seq), NULL) FROM seq_1_to_200000;
CREATE TABLE million LIKE big;
INSERT INTO million SELECT seq, seq * 7 % 100003, REPEAT(MD5(seq), 3), MD5(seq * 3), seq / 100, '2024-01-01' + INTERVAL seq SECOND, seq / 8, IF(seq % 5, CONCAT('note ', seq), NULL) FROM seq_1_to_1000000;
CREATE TABLE words (w varchar(40) COLLATE utf8mb4_general_ci PRIMARY KEY, v int);
INSERT INTO words SELECT CONCAT(SUBSTR('aAbBzZäßéπ', 1 + seq % 10, 1), MD5(seq)), seq FROM seq_1_to_30000;
CREATE TABLE latin (w varchar(20) CHARACTER SET latin1 PRIMARY KEY, t text CHARACTER SET latin1);
INSERT INTO latin SELECT CONCAT('€', seq, 'é'), REPEAT('ÿ', seq % 50) FROM seq_1_to_2000;
CREATE TABLE pair (tenant int unsigned, code varchar(10), n bigint unsigned, PRIMARY KEY (tenant, code));
INSERT INTO pair SELECT seq % 3, CONCAT('c', seq), 18446744073709551615 - seq FROM seq_1_to_20000;
CREATE TABLE wide (id bigint unsigned PRIMARY KEY, b blob);
INSERT INTO wide SELECT 18446744073709551615 - seq * 1000003, UNHEX(MD5(seq)) FROM seq_0_to_3000;
CREATE TABLE docs (id int PRIMARY KEY, j json, g point);
INSERT INTO docs SELECT seq, CONCAT('{"b": ', seq, ', "a": [1, 2.50, "x"]}'), POINT(seq, 1) FROM seq_1_to_3000;
CREATE TABLE keyless (a int, b varchar(20)); INSERT INTO keyless SELECT seq % 100, IF(seq % 7, 'x', NULL) FROM seq_1_to_5000;
CREATE TABLE keyless_json (a int, j json); INSERT INTO keyless_json SELECT seq % 10, '{"a":1}' FROM seq_1_to_100;
CREATE TABLE `we``ird "q'` (`a``b "c'` varchar(20) PRIMARY KEY, `v'"` int); INSERT INTO `we``ird "q'` VALUES ('x\'y"z\\', 1), ('ok', 2);
CREATE TABLE empty (id int PRIMARY KEY);
CREATE TABLE par (id int PRIMARY KEY, code varchar(10) NOT NULL DEFAULT 'x', other int, UNIQUE KEY (code));
CREATE TABLE kid (id int AUTO_INCREMENT PRIMARY KEY, par int, age int, at datetime DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP, twice int GENERATED ALWAYS AS (age * 2) STORED, name varchar(9), KEY (age, name), FOREIGN KEY (par) REFERENCES par (id) ON DELETE CASCADE);
CREATE TABLE altered (id int, a int, b int);
CREATE TABLE hot (id int PRIMARY KEY, n int NOT NULL, t varchar(40)); INSERT INTO hot SELECT seq, 0, 'start' FROM seq_1_to_2000;
CREATE TABLE hot_keyless (n int, t varchar(40)); INSERT INTO hot_keyless SELECT seq, 'start' FROM seq_1_to_300;
END_SQL
my $task = Dts::Task->new($my, $pg, name => 'v', db => 'v');
my ($code, $out, $err) = $pg->psql("SELECT * FROM dtsmig.verify('v')");
like($err, qr/has not copied its tables yet/, 'nothing to verify before the copy');
$task->start->wait_for('incremental', 240);

sub found
{
    my ($args) = @_;
    return [ map { join '|', map { $_ // '' } @$_ } $pg->rows("SELECT source_table, kind, coalesce(key::text, '-'), differences::text FROM dtsmig.verify('v'" . ($args ? ", $args" : '') . ") ORDER BY 1, 2, 3, 4") ];
}
sub last_run { return $pg->value("SELECT concat_ws(' ', $_[0]) FROM dtsmig.verify_runs WHERE task = 'v' ORDER BY run_id DESC LIMIT 1"); }

is_deeply(found(), [], 'equal: nothing is found');
my ($rows, $moved) = split / /, last_run('rows, rows_moved');
my $total = $million + 200000 + 30000 + 2000 + 20000 + 3001 + 3000 + 5000 + 100 + 2 + 2000 + 300;
is($rows, $total, 'every row was compared');
cmp_ok($moved, '<', 10000, "of which $moved were read") or diag $task->report;

# One changed, one missing, one extra row in a million, or a quarter; the times are printed, to
# be seen beside those of one full read of each side.
$pg->sql('VACUUM ANALYZE v.million');
my $plant = sub { $pg->sql("SET session_replication_role = replica; $_[0]") };
$plant->("UPDATE v.million SET amount = amount + 0.01 WHERE id = 145678; DELETE FROM v.million WHERE id = 177777; INSERT INTO v.million (id, k, c, pad) VALUES (2000000, 1, 'c', 'p')");
my $t0 = time;
system("@{[ map { qq('$_') } $my->client_cmd('v', '--quick') ]} -e 'SELECT * FROM million' >/dev/null") == 0 or die;
system("@{[ map { qq('$_') } $pg->psql_cmd ]} -c 'COPY v.million TO STDOUT' >/dev/null") == 0 or die;
my $reads = time - $t0;
$t0 = time;
my $planted = found("tables => '{million}'");
diag sprintf 'counts: one full read of each side takes %.1f s, verification %.1f s', $reads, time - $t0;
is_deeply([ map { join '|', (split /\|/)[0 .. 2] } @$planted ],
    [ 'v.million|differs|{"id": "145678"}', 'v.million|extra|{"id": "2000000"}', 'v.million|missing|{"id": "177777"}' ], 'three planted differences');
like(join("\n", @{ found("tables => '{million}'") }), qr/differs\|\{"id": "145678"\}\|\{"amount": \{"source": "1456.78", "destination": "1456.79"\}\}$/m, 'the column and both values are said');
cmp_ok((split / /, last_run('rows_moved'))[0], '<', 3000, 'few rows were read');

# A range's rows are read at the destination once, and those at its ends once more.
my $fetched = sub { return $pg->value("SELECT coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) FROM pg_stat_user_tables WHERE relid = 'v.million'::regclass") };
# what a session has counted it reports now and then, and when it ends
my $settled = sub {
    my $last = -1;
    $pg->_close_sessions;
    poll_until(sub { my $n = $fetched->(); my $same = $n == $last; $last = $n; return $same }, 30, 0.5);
    return $last;
};
my $before = $settled->();
found("tables => '{million}'");
poll_until(sub { $settled->() - $before >= $million }, 60);
cmp_ok($settled->() - $before, '<', 1.1 * $million, 'every row is read once');

# the rest does without it
$my->sql('DROP TABLE v.million');
$task->catch_up;
$total -= $million;

# What is not applied yet hides no difference behind it, however many rows it is:
# the task waits for a lock at the destination until the verification waits for the task.
my $word = $pg->value('SELECT w FROM v.words WHERE v = 20000');
$plant->(q{CREATE TABLE public.let_go (x int); UPDATE v.big SET amount = 0 WHERE id = 150000; UPDATE v.words SET v = -1 WHERE v = 20000; UPDATE v.docs SET j = j || '{"b": 0}' WHERE id = 2950});
for my $max (1, 1000)
{
    my $holder = spawn({ log => '/dev/null' }, $pg->psql_cmd, '-c', 'DO $$ BEGIN PERFORM 1 FROM v.big WHERE id = 1 FOR UPDATE; WHILE NOT EXISTS (SELECT FROM public.let_go) LOOP PERFORM pg_sleep(0.05); END LOOP; END $$');
    ok($pg->poll_query(q{SELECT count(*) > 0 FROM pg_locks WHERE relation = 'v.big'::regclass AND mode = 'RowShareLock'}), 'a row is locked');
    $my->sql('BEGIN; UPDATE v.big SET pad = REVERSE(pad) WHERE id <= 15000; UPDATE v.words SET v = v + 100000 WHERE v BETWEEN 100 AND 15000; UPDATE v.docs SET g = POINT(9, id) WHERE id <= 2900; COMMIT');
    ok($pg->poll_query(q{SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event_type = 'Lock'}), 'the task waits for it');
    my $waits = spawn({ log => '/dev/null', code => sub {
        # ten looks in a row: it waits now and then for the source, too
        my $seen = 0;
        poll_until(sub { $seen = $pg->value(q{SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT source_table%dtsmig.verify(%' AND wait_event_type = 'Extension'}) ? $seen + 1 : 0; $seen >= 10 }, 100);
        $pg->sql('INSERT INTO public.let_go VALUES (1)');
    } });
    my @list = map { join '|', (split /\|/)[0 .. 2] } @{ found("tables => '{big,words,docs}', max_differences => $max") };
    is_deeply(\@list, [ 'v.big|differs|{"id": "150000"}', 'v.docs|differs|{"id": "2950"}', qq(v.words|differs|{"w": "$word"}) ], "behind rows on their way, max_differences $max");
    reap($_, undef, 60) for $holder, $waits;
    $pg->sql('DELETE FROM public.let_go');
}
$plant->('DROP TABLE public.let_go; UPDATE v.big SET amount = 1500 WHERE id = 150000; UPDATE v.words SET v = 20000 WHERE v = -1; UPDATE v.docs SET j = j || \'{"b": 2950}\' WHERE id = 2950');

# Every kind of key and table.
sub short { return [ map { join '|', (split /\|/)[0 .. 2] } @{ $_[0] } ]; }
$plant->(q{
    UPDATE v.big SET amount = amount + 0.01 WHERE id = 145678; DELETE FROM v.big WHERE id = 177777; INSERT INTO v.big (id, k, c, pad) VALUES (2000000, 1, 'c', 'p');
    UPDATE v.words SET v = v + 100000 WHERE v = 77; DELETE FROM v.words WHERE v = 78; INSERT INTO v.words VALUES ('AAA only here', 1);
    UPDATE v.latin SET t = t || 'x' WHERE w = '€1000é';
    UPDATE v.pair SET n = n - 1 WHERE tenant = 1 AND code = 'c1000'; DELETE FROM v.pair WHERE tenant = 0 AND code = 'c3000';
    UPDATE v.wide SET b = b || '\x00' WHERE id = 18446744073709551615; DELETE FROM v.wide WHERE id = 18446744073709551615 - 3000 * 1000003::numeric;
    UPDATE v.docs SET j = j || '{"b": 1.0}' WHERE id = 7; DELETE FROM v.docs WHERE id = 3000;
    INSERT INTO v.keyless VALUES (1, 'x'), (1, 'x'); DELETE FROM v.keyless WHERE ctid = (SELECT ctid FROM v.keyless WHERE b IS NULL LIMIT 1);
    UPDATE v.keyless_json SET j = '{"a": 2}' WHERE ctid = (SELECT ctid FROM v.keyless_json LIMIT 1);
    UPDATE v."we`ird ""q'" SET "v'""" = 9 WHERE "a`b ""c'" LIKE 'x%';
    INSERT INTO v.empty VALUES (5);
});
my $w78 = $my->value('SELECT w FROM v.words WHERE v = 78');
my $w77 = $my->value('SELECT w FROM v.words WHERE v = 77');
is_deeply([ sort @{ short(found()) } ], [ sort split /\n/, <<"END_LIST" ], 'every kind of key') or diag explain found();
v.big|differs|{"id": "145678"}
v.big|extra|{"id": "2000000"}
v.big|missing|{"id": "177777"}
v.docs|differs|{"id": "7"}
v.docs|missing|{"id": "3000"}
v.empty|extra|{"id": "5"}
v.keyless_json|extra|-
v.keyless_json|missing|-
v.keyless|extra|-
v.keyless|missing|-
v.latin|differs|{"w": "€1000é"}
v.pair|differs|{"code": "c1000", "tenant": "1"}
v.pair|missing|{"code": "c3000", "tenant": "0"}
v.we`ird "q'|differs|{"a`b \\"c'": "x'y\\"z\\\\"}
v.wide|differs|{"id": "18446744073709551615"}
v.wide|missing|{"id": "18446744070709542615"}
v.words|differs|{"w": "$w77"}
v.words|extra|{"w": "AAA only here"}
v.words|missing|{"w": "$w78"}
END_LIST
is($pg->value("SELECT differences -> '' ->> 'rows' FROM dtsmig.verify_results WHERE task = 'v' AND source_table = 'keyless' AND kind = 'extra' ORDER BY result_id DESC LIMIT 1"), '2', 'equal rows are counted');
is($pg->value("SELECT count(*) FROM dtsmig.verify('v', max_differences => 1, tables => '{v.words}')"), 1, 'max_differences');
is(last_run('cut_tables'), '1', 'the run says that there are more');
is($pg->value("SELECT count(*) FROM dtsmig.verify('v', max_differences => 3, tables => '{v.words}')"), 3, 'max_differences that is reached');
is(last_run('cut_tables'), '0', 'and not passed');
like($pg->error("SELECT * FROM dtsmig.verify('v', tables => '{nope}')"), qr/has no table "nope"/, 'a table that is none');
like($pg->error("SELECT * FROM dtsmig.verify('v', mode => 'some')"), qr/invalid mode/, 'a mode that is none');
like($pg->error("SELECT * FROM dtsmig.verify('v', sample => 0)"), qr/sample must be/, 'sample out of range');
like($pg->error("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT * FROM dtsmig.verify('v')"), qr/READ COMMITTED/, 'an isolation level in which nothing could settle');

# Repair of all that has a key, while the task runs.
my $n = $pg->value("SELECT count(*) FROM dtsmig.verify('v')");
is($pg->value("SELECT dtsmig.repair('v')"), $n - 4, 'rows with a key are repaired');
ok(poll_until(sub { $pg->value("SELECT count(*) FROM dtsmig.verify_results WHERE state = 'repairing'") eq '0' }, 60), 'by the worker');
is($pg->value("SELECT count(*) FROM dtsmig.verify_results WHERE state = 'repaired' AND repaired_at IS NOT NULL"), $n - 4, 'and marked');
is_deeply([ grep { !/^v.keyless/ } @{ found() } ], [], 'nothing differs but tables without a key');
my ($one) = $pg->value("SELECT max(result_id) FROM dtsmig.verify_results WHERE source_table = 'keyless'");
like($pg->error("SELECT dtsmig.repair('v', ARRAY[$one])"), qr/is no row of a table with a key/, 'they are refused');
like($pg->error("SELECT dtsmig.repair('v', '{999999}')"), qr/has no verification result 999999/, 'a result that is none');
# A table that is copied again is not called equal meanwhile.
$task->pause;
ok($task->wait_status('paused'), 'paused');
$pg->sql("SELECT dtsmig.resync_table('v', 'keyless'), dtsmig.resync_table('v', 'keyless_json')");
like($pg->error("SELECT * FROM dtsmig.verify('v', tables => '{words,keyless}')"), qr/table "v"."keyless" is being copied again: it cannot be compared yet/, 'one that waits to be copied again: refused where it is named');
($code, $out, $err) = $pg->psql("SELECT * FROM dtsmig.verify('v')");
is("$code $out", '0 ', 'nothing differs in the others');
like($err, qr/WARNING.*2 tables were not compared.*v\.keyless, v\.keyless_json/s, 'a warning names what was left out');
is(last_run('left_out, rows'), '{v.keyless,v.keyless_json} ' . ($total - 5100), 'and so does the run');
$task->resume;
ok($pg->poll_query("SELECT count(*) = 2 FROM dtsmig.task_tables WHERE task = 'v' AND source_table LIKE 'keyless%' AND state = 'ready'", 120), 'they are copied again');
is_deeply(found("tables => '{keyless,keyless_json}'"), [], 'and are equal');
is(last_run('rows, left_out'), '5100 {}', 'all their rows');
like($pg->value("SELECT string_agg(message, ';') FROM dtsmig.task_log WHERE task = 'v'"), qr/rows of table "v"\."big" are repaired/, 'the log says so');

# Incremental: rows written at the destination since.
is_deeply(found("mode => 'incremental'"), [], 'incremental: nothing');
$my->sql('UPDATE v.big SET amount = 0 WHERE id <= 500; INSERT INTO v.words VALUES (\'new\', 1); DELETE FROM v.pair LIMIT 5');
$task->catch_up;
$plant->("UPDATE v.big SET k = -1 WHERE id = 400; UPDATE v.words SET v = 3 WHERE w = 'new'");
is_deeply(short(found("mode => 'incremental'")), [ 'v.big|differs|{"id": "400"}', 'v.words|differs|{"w": "new"}' ], 'incremental: rows written since the last one');
cmp_ok(last_run('rows'), '<', 20000, 'and few others are read');
$pg->sql("SELECT dtsmig.repair('v')");
ok(poll_until(sub { $pg->value("SELECT count(*) FROM dtsmig.verify_results WHERE state = 'repairing'") eq '0' }, 60), 'repaired');

# Sample: of ranges that chance chooses, so that one run may have few or many.
my ($sampled, $finds) = ($total, 0);
for (1 .. 20)
{
    is_deeply(found("mode => 'sample', sample => 0.2"), [], 'sample: nothing') if $_ == 1 or $sampled >= $total / 2;
    my ($n) = last_run('rows');
    $sampled = $n if $n < $sampled;
}
cmp_ok($sampled, '<', $total / 2, "a sample: $sampled rows");
cmp_ok($sampled, '>', 1000, 'is not nothing');
$plant->('UPDATE v.big SET k = -1 WHERE id % 2000 = 0');
for (1 .. 20)
{
    $finds = @{ found("mode => 'sample', sample => 0.2, tables => '{big}'") };
    last if $finds >= 5;
}
cmp_ok($finds, '>=', 5, 'a sample finds what is everywhere');
$pg->sql("SELECT dtsmig.repair('v')");
ok(poll_until(sub { $pg->value("SELECT count(*) FROM dtsmig.verify_results WHERE state = 'repairing'") eq '0' }, 60), 'what it found is repaired');
$plant->('UPDATE v.big SET k = id * 7 % 100003 WHERE k = -1');

# While writers write nothing is reported, and repair neither undoes nor doubles.
my @writers = map { $my->background(sub {
    sleep 0.005;
    my $id = 1 + int rand 2000;
    my $far = 1 + int rand 200000;
    return "UPDATE hot SET n = n + 1, t = CONCAT('w', RAND()) WHERE id = $id; DELETE FROM hot WHERE id = $id + 7; INSERT IGNORE INTO hot VALUES ($id + 7, 0, 'again');"
      . " UPDATE big SET amount = amount + 1 WHERE id = $far; INSERT INTO hot_keyless VALUES ($id, 'new'); DELETE FROM hot_keyless WHERE n = $id + 1 LIMIT 1;\n";
}, db => 'v') } 1, 2;
sleep 1;
my $bad = join "\n", @{ found("tables => '{hot,hot_keyless,words,pair,big}'") };
is($bad, '', 'verified while writers write: nothing is reported') or diag last_run('unsettled');
for my $round (1 .. 3)
{
    $plant->("UPDATE v.hot SET t = 'planted' WHERE id % 200 = $round; INSERT INTO v.hot VALUES (10000 + $round, 1, 'planted')");
    found("tables => '{hot}'");
    $pg->sql("SELECT dtsmig.repair('v')");
    poll_until(sub { $pg->value("SELECT count(*) FROM dtsmig.verify_results WHERE state = 'repairing'") eq '0' }, 60);
}
is($task->status, 'running', 'the task runs on after repairs of rows that change') or diag $task->report;
reap($_, 'TERM') for @writers;
$task->catch_up;
found("tables => '{hot}'"); $pg->sql("SELECT dtsmig.repair('v')");
poll_until(sub { $pg->value("SELECT count(*) FROM dtsmig.verify_results WHERE state = 'repairing'") eq '0' }, 60);
is_deeply(found("tables => '{hot,hot_keyless}'"), [], 'all is equal in the end');
is($pg->value("SELECT count(*) FROM dtsmig.verify_results WHERE state = 'failed'"), '0', 'no repair failed');

# Rate, interruption.
$pg->sql(q{SELECT dtsmig.alter_task('v', '{"verify_rate": 20000}')});
$t0 = time;
found("tables => '{words,pair}'");
cmp_ok(time - $t0, '>', 2, 'verify_rate holds it back');
$t0 = time;
($code, $out, $err) = $pg->psql("SET statement_timeout = '1s'; SELECT count(*) FROM dtsmig.verify('v', tables => '{big}')");
like($err, qr/statement timeout/, 'it can be interrupted');
cmp_ok(time - $t0, '<', 3 * ($ENV{DTS_PATIENCE} || 1), 'at once');
$pg->sql(q{SELECT dtsmig.alter_task('v', '{"verify_rate": null}')});

# Definitions.
$my->sql('USE v; ALTER TABLE altered ADD PRIMARY KEY (id), ADD c varchar(20) DEFAULT \'c\', ADD g int AS (a + b) STORED, ADD par int, ADD FOREIGN KEY (par) REFERENCES par (id), MODIFY b int NOT NULL; CREATE UNIQUE INDEX two ON altered (a, b); ALTER TABLE altered ADD d date, ADD KEY (d), ALTER c DROP DEFAULT, MODIFY a bigint NOT NULL DEFAULT 5');
$task->catch_up;
is_deeply(found("mode => 'schema'"), [], 'definitions: nothing');
sub objects { return [ map { s/\|-\|.*?"([^"]+)": \{.*/ $1/r } @{ found("mode => 'schema'") } ] }
my $constraint = sub { return $pg->value("SELECT quote_ident(conname) FROM pg_constraint WHERE conrelid = 'v.$_[0]'::regclass AND contype = '$_[1]'") };
my $index = sub { return 'v.' . $pg->value("SELECT quote_ident(relname) FROM pg_index JOIN pg_class c ON c.oid = indexrelid WHERE indrelid = 'v.$_[0]'::regclass AND NOT indisprimary AND indnatts = $_[1]") };
my ($fk, $age, $unique) = ($constraint->('kid', 'f'), $index->('kid', 2), $index->('par', 1) =~ s/^v\.//r);
$pg->sql("ALTER TABLE v.kid DROP COLUMN twice, ADD COLUMN twice int GENERATED ALWAYS AS (age * 3) STORED, DROP CONSTRAINT $fk, ALTER id DROP IDENTITY, ALTER at DROP DEFAULT; DROP INDEX $age");
$pg->sql($constraint->('par', 'u') ? "ALTER TABLE v.par DROP CONSTRAINT $unique" : "DROP INDEX v.$unique");
$pg->sql('ALTER TABLE v.par ALTER code DROP DEFAULT, ALTER other SET DEFAULT 1');
is_deeply(objects(), [ map { "v.$_" } 'kid|differs column at: default', 'kid|differs column id: identity', 'kid|differs column twice: generated', 'kid|missing foreign key (par)', 'kid|missing index (age,name)',
    'par|differs column code: default', 'par|differs column other: default', 'par|missing unique key (code)' ], 'keys and columns that were changed at the destination') or diag explain found("mode => 'schema'");
my $shown = join("\n", @{ found("mode => 'schema', tables => '{kid}'") });
like($shown, qr/"column twice: generated": \{"source": "CASE WHEN [^"]*\(age\)::bigint \* 2[^"]* END", "destination": "\(age \* 3\)"\}.*foreign key \(par\)/s, 'expressions are shown; tables are chosen');
my ($twice) = $shown =~ /"column twice: generated": \{"source": "([^"]*)"/;
$pg->sql("ALTER TABLE v.kid DROP COLUMN twice, ADD COLUMN twice int GENERATED ALWAYS AS ($twice) STORED, ADD FOREIGN KEY (par) REFERENCES v.par ON DELETE SET NULL, ALTER id ADD GENERATED BY DEFAULT AS IDENTITY, ALTER at SET DEFAULT now(); CREATE INDEX ON v.kid (age, name); ALTER TABLE v.par ALTER code SET DEFAULT 'x', ALTER other DROP DEFAULT, ADD UNIQUE (code)");
is_deeply(objects(), [ 'v.kid|differs foreign key (par)' ], 'what a foreign key does');
$pg->sql('ALTER TABLE v.kid DROP CONSTRAINT ' . $constraint->('kid', 'f') . ', ADD FOREIGN KEY (par) REFERENCES v.par ON DELETE CASCADE');
is_deeply(objects(), [], 'fixed');
# the source's, that the task does not know of, as if they had been skipped
$my->sql("USE v; SET sql_log_bin = 0; ALTER TABLE kid ADD UNIQUE KEY (name), MODIFY name varchar(9) NOT NULL; ALTER TABLE par DROP KEY code, ADD KEY (other); ALTER TABLE kid ADD FOREIGN KEY (age) REFERENCES par (id)");
is_deeply(objects(), [ map { "v.$_" } 'kid|differs column name: nullable', 'kid|missing foreign key (age)', 'kid|missing unique key (name)', 'par|extra unique key (code)', 'par|missing index (other)' ], 'what was changed at the source alone') or diag explain found("mode => 'schema'");
$my->sql("USE v; SET sql_log_bin = 0; SET foreign_key_checks = 0; ALTER TABLE kid DROP FOREIGN KEY kid_ibfk_2; ALTER TABLE kid DROP KEY name, MODIFY name varchar(9); ALTER TABLE par ADD UNIQUE KEY (code), DROP KEY other");
is_deeply(objects(), [], 'and back');
$pg->sql('ALTER TABLE v.pair ALTER n TYPE numeric(30,0); ALTER TABLE v.words ALTER v SET NOT NULL; ALTER TABLE v.latin DROP CONSTRAINT ' . $pg->value("SELECT quote_ident(conname) FROM pg_constraint WHERE conrelid = 'v.latin'::regclass AND contype = 'p'") . '; DROP TABLE v.empty; ALTER TABLE v.docs DROP COLUMN g');
is_deeply([ map { s/\|-\|.*?"([^"]+)": \{.*/ $1/r } @{ found("mode => 'schema'") } ], [ 'v.docs|missing column g', 'v.empty|missing table', 'v.latin|missing unique key (w)', 'v.pair|differs column n: type', 'v.words|differs column v: nullable' ], 'definitions that differ') or diag explain found("mode => 'schema'");

# Not for everybody.
$pg->sql('CREATE ROLE other LOGIN');
like($pg->error("SET ROLE other; SELECT * FROM dtsmig.verify('v')"), qr/must be owner/, 'the owner alone');
is($pg->value('SET ROLE other; SELECT count(*) FROM dtsmig.verify_results'), '0', 'and sees results alone');
done_testing();
