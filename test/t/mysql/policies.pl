# The policies for values that have no exact counterpart: the same in full
# load, in changes and in defaults.
use strict;
use warnings;
use Test::More;
use Dts::Compare qw(same_table compare_table);
use Dts::Task qw(server_pair);

my ($my, $pg) = server_pair();
my $mode = "SET NAMES utf8mb4, time_zone = '+00:00', sql_mode = 'ALLOW_INVALID_DATES';\n";
my $n = 0;

# A database of its own with sql in it, and a task for it, started.
sub migrate
{
    my ($sql, %opt) = @_;
    my $db = 'p' . ++$n;
    $my->sql("$mode CREATE DATABASE $db; USE $db; $sql");
    my $task = Dts::Task->new($my, $pg, name => $db, db => $db, options => $opt{options});
    $task->{db} = $db;
    $task->start;
    $task->wait_for('incremental', 60) unless $opt{fails};
    return $task;
}

sub change { my ($task, $sql) = @_; $my->sql("$mode USE $task->{db}; $sql"); }

sub stops
{
    my ($task, $pattern, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $ok = $task->wait_status('failed|precheck_failed', 40);
    my $error = $task->get("coalesce(last_error, '') || ' ' || coalesce(last_error_hint, '')")
      . $task->sql("SELECT string_agg(coalesce(message, '') || ' ' || coalesce(detail, '') || ' ' || coalesce(hint, ''), ' ') FROM dtsmig.task_log WHERE task = '$task->{name}'")
      . $task->sql("SELECT string_agg(item || ': ' || coalesce(found, '') || ' ' || coalesce(advice, ''), ' ') FROM dtsmig.precheck_results WHERE task = '$task->{name}' AND status = 'failed'");
    ok($ok, "$name: the task stops") or diag($task->report);
    like($error, $pattern, "$name: and says why");
}

sub both
{
    my ($task, $table, $name, %opt) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    $task->catch_up;
    same_table($my, "$task->{db}.$table", $pg, "$task->{db}.$table", $name, %opt);
}

# --- dates
my $t = migrate(q{CREATE TABLE d (id int PRIMARY KEY, a date NOT NULL DEFAULT '0000-00-00', b datetime(3) NOT NULL DEFAULT '0000-00-00 00:00:00', c timestamp NOT NULL DEFAULT '0000-00-00 00:00:00');
    INSERT INTO d (id) VALUES (1); INSERT INTO d VALUES (2, '0009-01-02', '0009-01-02 03:04:05.678', '2020-01-01 00:00:00'), (3, '2021-02-30', '2021-00-01', 0)});
change($t, q{INSERT INTO d (id) VALUES (11); INSERT INTO d VALUES (12, '0009-01-02', '0009-01-02 03:04:05.678', '2020-01-01 00:00:00'), (13, '2021-02-30', '2021-00-01', 0); UPDATE d SET a = '0000-00-00' WHERE id = 2});
both($t, 'd', 'zero_date = null: NOT NULL columns are relaxed, defaults too');
is($pg->error("INSERT INTO $t->{db}.d (id) VALUES (100)"), '', 'a zero default works at the destination');
is($pg->value("SELECT a::text FROM $t->{db}.d WHERE id = 12"), '0009-01-02', 'the year 9 survives');

$t = migrate(q{CREATE TABLE d (id int PRIMARY KEY, a date); INSERT INTO d VALUES (1, '2020-01-01'), (77, '0000-00-00')},
    options => { zero_date => 'error' }, fails => 1);
stops($t, qr/zero|0000-00-00/, 'zero_date = error in the copy');
$t = migrate(q{CREATE TABLE d (id int PRIMARY KEY, a datetime); INSERT INTO d VALUES (1, '2020-01-01')},
    options => { zero_date => 'error' });
change($t, q{INSERT INTO d VALUES (78, '2021-02-31 00:00:00')});
stops($t, qr/zero|2021-02-31|impossible|date/, 'zero_date = error in changes');
is($pg->value("SELECT count(*) FROM $t->{db}.d"), 1, 'nothing was made up');

$t = migrate(q{CREATE TABLE d (id int PRIMARY KEY, a date NOT NULL, b datetime NOT NULL, c timestamp NOT NULL); INSERT INTO d VALUES (1, 0, 0, 0), (2, '2020-02-30', '2020-02-30', '2020-01-01 10:00:00')},
    options => { zero_date => '1970-01-01' });
change($t, q{INSERT INTO d VALUES (3, 0, 0, 0)});
$t->catch_up;
is($pg->value("SELECT string_agg(a || ' ' || b || ' ' || (c AT TIME ZONE 'UTC'), ', ' ORDER BY id) FROM $t->{db}.d"),
    '1970-01-01 1970-01-01 00:00:00 1970-01-01 00:00:00, 1970-01-01 1970-01-01 00:00:00 2020-01-01 10:00:00, 1970-01-01 1970-01-01 00:00:00 1970-01-01 00:00:00',
    'zero_date = literal, in copy and changes');
is($pg->value("SELECT bool_and(attnotnull) FROM pg_attribute WHERE attrelid = '$t->{db}.d'::regclass AND attnum > 0"), 't',
    'and NOT NULL stays');

# --- text with 0x00
my $nul = q{CREATE TABLE s (id int PRIMARY KEY, v varchar(20), x text); INSERT INTO s VALUES (1, 'good', 'good'), (2, 'a\\0b', NULL)};
$t = migrate($nul, fails => 1);
stops($t, qr/0x00|nul/i, 'nul_byte = error in the copy');
$t = migrate(q{CREATE TABLE s (id int PRIMARY KEY, v varchar(20), x text); INSERT INTO s VALUES (1, 'good', 'good')});
change($t, q{INSERT INTO s VALUES (2, 'x', 'a\\0b')});
stops($t, qr/0x00|nul/i, 'nul_byte = error in changes');
$t = migrate($nul, options => { nul_byte => 'strip' });
change($t, q{INSERT INTO s VALUES (3, '\\0', '\\0\\0x\\0'), (4, 'ä\\0ö', 'end\\0')});
both($t, 's', 'nul_byte = strip', mariadb_expr => {
    map { $_ => "HEX(REPLACE(CONVERT($_ USING utf8mb4), '\\0', ''))" } qw(v x) });
$t = migrate($nul, options => { nul_byte => 'replace' });
change($t, q{INSERT INTO s VALUES (3, '\\0', '\\0\\0x\\0'), (4, 'ä\\0ö', 'end\\0')});
both($t, 's', 'nul_byte = replace', mariadb_expr => {
    map { $_ => "HEX(REPLACE(CONVERT($_ USING utf8mb4), '\\0', x'EFBFBD'))" } qw(v x) });

# --- enum
my $enum = q{CREATE TABLE e (id int PRIMARY KEY, v enum('a','b')); INSERT INTO e VALUES (1, 'a'), (2, NULL)};
$t = migrate("$enum, (3, 'zzz')", options => { enum_error => 'error' }, fails => 1);
stops($t, qr/enum/i, 'enum_error = error in the copy');
$t = migrate($enum, options => { enum_error => 'error' });
change($t, q{INSERT INTO e VALUES (3, 'zzz')});
stops($t, qr/enum/i, 'enum_error = error in changes');
$t = migrate("$enum, (3, 'zzz')", options => { enum => 'text' });
change($t, q{INSERT INTO e VALUES (13, 'zzz'), (14, 'b'); UPDATE e SET v = 'b' WHERE id = 1});
both($t, 'e', 'enum = text');
is($pg->value("SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = '$t->{db}.e'::regclass AND attname = 'v'"), 'text', 'enum = text: the type');
isnt($pg->error("INSERT INTO $t->{db}.e VALUES (99, 'c')"), '', 'enum = text: a CHECK');

# --- set, json, bit, boolean
$t = migrate(q{CREATE TABLE o (id int PRIMARY KEY, s set('a','b','c'), j json, b bit(1), f tinyint(1) DEFAULT 1, g bool NOT NULL DEFAULT 0, z bit(1) DEFAULT b'1');
    INSERT INTO o VALUES (1, 'a,c', '{"b": 1,   "a":2, "b":3}', 1, 1, 0, 0), (2, '', '[1,2.50]', 0, 0, 1, 1), (3, NULL, NULL, NULL, NULL, 0, NULL)},
    options => { set => 'text', json => 'json', bit1 => 'boolean', tinyint1 => 'boolean' });
change($t, q{INSERT INTO o SELECT id + 10, s, j, b, f, g, z FROM o; UPDATE o SET b = 1 - b, f = 1 - f, s = 'b' WHERE id < 10});
both($t, 'o', 'set = text, json = json, bit1 and tinyint1 = boolean',
    mariadb_expr => { j => 'HEX(j)' });
is($pg->value("SELECT string_agg(format_type(atttypid, atttypmod), ',' ORDER BY attnum) FROM pg_attribute WHERE attrelid = '$t->{db}.o'::regclass AND attnum > 1"),
    'text,json,boolean,boolean,boolean,boolean', 'their types');
is($pg->sql("INSERT INTO $t->{db}.o (id) VALUES (1000) RETURNING f, g, z"), 't|f|t', 'their defaults');
is($pg->value("SELECT j::text FROM $t->{db}.o WHERE id = 11"), '{"b": 1,   "a":2, "b":3}', 'json keeps the text as it is');
change($t, q{INSERT INTO o (id, f) VALUES (2000, 2)});
stops($t, qr/boolean|tinyint/i, 'tinyint1 = boolean: a later 2');
like($t->report, qr/2000|\bf\b/, 'and names the row');
$t = migrate(q{CREATE TABLE o (id int PRIMARY KEY, f tinyint(1)); INSERT INTO o VALUES (1, 7)},
    options => { tinyint1 => 'boolean' }, fails => 1);
stops($t, qr/boolean|tinyint/i, 'tinyint1 = boolean: refused where a 7 exists');

# --- time
my $time = q{CREATE TABLE ti (id int PRIMARY KEY, v time(6), w time); INSERT INTO ti VALUES (1, '-838:59:59.999999', '838:59:59'), (2, '00:00:00.000001', '-00:00:01'), (3, '-00:00:00.5', '24:00:01'), (4, '23:59:59.999999', NULL), (5, '-100:30:15.25', '100:00:00'), (6, '838:59:58.000001', '-838:59:59')};
$t = migrate($time, options => { time => 'interval' });
change($t, q{INSERT INTO ti SELECT id + 10, v, w FROM ti; UPDATE ti SET v = SUBTIME('00:00:00', v) WHERE id < 10});
both($t, 'ti', 'time = interval, both ends of the range');
$t = migrate($time, fails => 1);
stops($t, qr/interval/i, 'time = time: a value outside stops in the copy, with a hint');
$t = migrate(q{CREATE TABLE ti (id int PRIMARY KEY, v time(6)); INSERT INTO ti VALUES (1, '24:00:00')});
change($t, q{INSERT INTO ti VALUES (2, '-00:00:01')});
stops($t, qr/interval/i, 'time = time: a value outside stops in changes, with a hint');

# --- json that jsonb cannot hold
$t = migrate(q{CREATE TABLE j (id int PRIMARY KEY, v json); INSERT INTO j VALUES (1, '"a\\\\u0000b"')}, fails => 1);
stops($t, qr/u0000|json/i, 'a \\u0000 in json stops');
$t = migrate(q{CREATE TABLE j (id int PRIMARY KEY, v json); INSERT INTO j VALUES (1, '"a\\\\u0000b"')},
    options => { json => 'json' });
both($t, 'j', 'and passes with json = json', mariadb_expr => { v => 'HEX(v)' });

# --- collations
$t = migrate(q{CREATE TABLE c (v varchar(20) COLLATE utf8mb4_general_ci PRIMARY KEY, w varchar(20) COLLATE utf8mb4_bin); INSERT INTO c VALUES ('Abc', 'Abc')},
    options => { ci_collation => 'nondeterministic' });
is($pg->value("SELECT count(*) FROM $t->{db}.c WHERE v = 'aBC'"), 1, 'ci_collation = nondeterministic');
is($pg->value("SELECT count(*) FROM $t->{db}.c WHERE w = 'aBC'"), 0, 'not so a binary collation');
change($t, q{UPDATE c SET w = 'x' WHERE v = 'ABC'; INSERT INTO c VALUES ('b', 'b')});
both($t, 'c', 'changes with a nondeterministic key');
my $citext = $pg->value("SELECT count(*) FROM pg_available_extensions WHERE name = 'citext'");
SKIP:
{
    skip 'no citext here', 2 unless $citext;
    $pg->sql('CREATE EXTENSION citext');
    $t = migrate(q{CREATE TABLE c (v varchar(20) PRIMARY KEY, w text); INSERT INTO c VALUES ('Abc', 'Abc')},
        options => { ci_collation => 'citext' });
    is($pg->value("SELECT count(*) FROM $t->{db}.c WHERE v = 'aBC' AND w = 'ABC'"), 1, 'ci_collation = citext');
    change($t, q{UPDATE c SET w = 'x' WHERE v = 'ABC'; INSERT INTO c VALUES ('b', 'b')});
    both($t, 'c', 'changes with a citext key');
}

# --- names
$t = migrate('CREATE TABLE Mixed (Id int PRIMARY KEY, `order` int); INSERT INTO Mixed VALUES (1, 2)',
    options => { name_case => 'upper' });
is($pg->value(qq{SELECT "ORDER" FROM "P$n"."MIXED" WHERE "ID" = 1}), 2, 'name_case = upper');
change($t, 'UPDATE Mixed SET `order` = 3');
$t->catch_up;
is($pg->value(qq{SELECT "ORDER" FROM "P$n"."MIXED" WHERE "ID" = 1}), 3, 'in changes too');
$t = migrate('CREATE TABLE Mixed (Id int PRIMARY KEY, `Order` int); INSERT INTO Mixed VALUES (1, 2)',
    options => { name_case => 'source' });
is($pg->value(qq{SELECT "Order" FROM $t->{db}."Mixed"}), 2, 'name_case = source');
$t = migrate('CREATE TABLE Mixed (Id int PRIMARY KEY); CREATE TABLE mixed (id int PRIMARY KEY)', fails => 1);
stops($t, qr/mixed/i, 'names that fold into one fail the precheck');

# --- a trigger in place of ON UPDATE CURRENT_TIMESTAMP
my $upd = q{CREATE TABLE u (id int PRIMARY KEY, n int, ts timestamp NOT NULL DEFAULT '2020-01-01 00:00:00' ON UPDATE current_timestamp(), dt datetime(3) NULL ON UPDATE current_timestamp(3)); INSERT INTO u VALUES (1, 1, '2001-01-01 00:00:00', NULL), (2, 1, '2001-01-01 00:00:00', NULL), (3, 1, '2001-01-01 00:00:00', NULL)};
$t = migrate($upd);
change($t, q{SET timestamp = 1000000000; UPDATE u SET n = 2 WHERE id = 1});
both($t, 'u', 'the trigger is silent for applied changes');
$t->release;
$pg->sql("UPDATE $t->{db}.u SET n = 3 WHERE id = 2; UPDATE $t->{db}.u SET n = 3, ts = '2002-02-02 00:00:00+00', dt = '2002-02-02' WHERE id = 3");
is($pg->value("SELECT ts > now() - interval '1 minute' AND dt > localtimestamp - interval '24 hours' FROM $t->{db}.u WHERE id = 2"), 't', 'it sets what was not assigned');
is($pg->value("SELECT (ts AT TIME ZONE 'UTC') || ' ' || dt FROM $t->{db}.u WHERE id = 3"), '2002-02-02 00:00:00 2002-02-02 00:00:00', 'and leaves what was');
$t = migrate($upd, options => { on_update_timestamp => 'ignore' });
is($pg->value("SELECT count(*) FROM pg_trigger WHERE tgrelid = '$t->{db}.u'::regclass AND NOT tgisinternal"), 0, 'on_update_timestamp = ignore');

done_testing();
