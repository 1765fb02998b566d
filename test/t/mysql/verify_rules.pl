# Verification of tables that rules shape: rows are summed up at the source
# where a filter can be asked for at the source, and "set" made again at the destination. What is asked
# for chooses the rows that the filter at the destination does.
#
# dts-runs: mariadb, mysql-5.6, mysql-9.7
use strict;
use warnings;
use Test::More;
use Dts::Env qw(poll_until);
use Dts::PgSource qw(pg_pair);
use Dts::Task qw(server_pair);

my ($pg, $task, $name);
sub found
{
    my ($tables, $args) = @_;
    return join "\n", map { join '|', map { $_ // '' } @$_ } $pg->rows("SELECT source_table, kind, coalesce(key::text, '-'), differences::text FROM dtsmig.verify('$name', tables => '{$tables}'" . ($args // '') . ") ORDER BY source_table COLLATE \"C\", 2, 3, 4");
}
# rows compared, and of them those that were read
sub counted { return $pg->value("SELECT concat_ws(' ', rows, rows_moved) FROM dtsmig.verify_runs WHERE task = '$name' ORDER BY run_id DESC LIMIT 1") }
sub plant { $pg->sql("SET session_replication_role = replica; SET search_path = @{[ shift ]}; @_") }

# ------------------------------------------------------- filters, the MySQL family
my @pushed = (
    'i > 5', 'i <> -3', 'NOT (i = 5)', 'NOT i > 5', 'i IN (1, 5, -3)', 'i NOT IN (1, 5)', 'i BETWEEN 0 AND 10', 'i IS NULL', 'i IS NOT NULL', '10 > i', 'i < 1.5', 'i >= -2147483648',
    'u > 9223372036854775807', 'u = 18446744073709551615', 'u > -1', 'u <= 9223372036854775807', 'n = 1.5', 'n < 1.00005', 'n >= -99999999999999.9999', 'NOT n = 1.5', 'n > 3',
    'y > 50', 'y = 0', 'y = 24', 'y < 2024', 'b', 'NOT b', 'b IS NOT TRUE', 'b = false', 'b IS NULL', 'b IS UNKNOWN OR i = 1', 'bt', 'NOT bt',
    "d >= '2024-02-29'", 'd IS NULL', 'd IS NOT NULL', "d < '2024-01-01' OR d IS NULL", "NOT d < '2024-01-01'", "d <> '2024-02-29'", "d > '0001-01-01'", "d <= '9999-12-31'", "d IN ('0009-09-09', '2024-02-29')",
    "dt >= '2024-01-01 10:00:00.5'", "dt < date '2024-01-02'", "dt = '2024-01-01 10:00:00.5'", 'dt IS NULL', "dt > timestamp '2024-01-01' + interval '10 hours'", "NOT (dt > '2024-01-01')", "dt < '1000-01-01'",
    "ts > '2024-01-01 00:00:00+00'", "ts = '2024-01-01 11:00:00.123456+01'", 'ts IS NULL', "ts < '2030-01-01 00:00:00Z'",
    "s = 'abc'", "s <> 'abc'", "s = 'abc '", "s = ''", "s IN ('ABC', 'é', 'e')", "s = 'é'", q{s = 'q''u"o\\t`e'}, "s IS NULL", "s NOT IN ('abc', 'é')", "s = '😀'", 'NOT (s = \'abc\' AND i = 5)',
    "l = '€é'", "l <> '€é'", "c = 'ab'", "c <> 'ab'", "c = 'ab   '", "c = ''", "t = 'long'", "e = 'B'", "e <> 'a'", 'e IS NULL', "e IN ('a', 'é')", 'f IS NOT NULL', 'f IS NULL', 'x IS NULL',
    q{(i > 0 AND s <> 'x') OR (n IS NULL AND NOT d < '2020-01-01') OR e = 'é'}, '"edge".i > 1',
);
my @not_pushed = ("lower(s) = 'abc'", "s > 'b'", 'f > 1.0', 'abs(n) > 5', "x = '\\x00'", "i > 0 AND s LIKE 'a%'", "d = 'infinity' OR i > 0", 'i IN (' . join(', ', 1 .. 101) . ')');

sub filter_cases
{
    my ($kind, @pushed) = @_;
    (my $my, $pg) = server_pair(kind => $kind);
    my $say = $kind // 'mariadb';
    my $mode = "SET sql_mode = 'ALLOW_INVALID_DATES', time_zone = '+00:00'; SET NAMES utf8mb4;";
    my @filters = (@pushed, $kind ? () : @not_pushed);
    my $sql = <<"END_SQL";
$mode CREATE DATABASE w DEFAULT CHARACTER SET utf8mb4; USE w;
CREATE TABLE edge (id int PRIMARY KEY, i int, u bigint unsigned, n decimal(20,4), y year, b tinyint(1), bt bit(1), d date, dt datetime(3), ts timestamp(6) NULL, s varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci, l varchar(20) CHARACTER SET latin1, c char(10), t text, e enum('a', 'B', 'é'), f double, x varbinary(4));
INSERT INTO edge (id) VALUES (1);
INSERT INTO edge VALUES
 (2, 5, 0, 1.5, 2024, 1, b'1', '2024-02-29', '2024-01-01 10:00:00.5', '2024-01-01 10:00:00.123456', 'abc', '€é', 'ab', 'long', 'a', 1.5, 'x'),
 (3, -3, 18446744073709551615, -99999999999999.9999, 0, 0, b'0', '0000-00-00', '0000-00-00', '0000-00-00', 'ABC', '', '', '', 'B', -0.0, ''),
 (4, 1, 9223372036854775807, 1.0000, 1999, 1, b'1', '2024-00-10', '2024-05-00 11:11:11', '1970-01-01 00:00:01', 'abc ', '€É', 'AB', 'LONG', 'é', 0, X'00'),
 (5, 2147483647, 9223372036854775808, 1.0001, 2155, 0, b'0', '2023-02-31', '2023-02-31 10:00:00', '2038-01-19 03:14:07.999999', 'é', 'abc', 'ab ', 'long ', 'nothing', 1e300, X'FF'),
 (6, -2147483648, 1, 0, 1901, NULL, NULL, '0009-09-09', '0009-09-09 09:09:09', NULL, 'e', 'ab', ' ab', ' long', 'A', 1e-300, NULL),
 (7, 0, 24, 99999999999999.9999, 24, 0, b'1', '9999-12-31', '9999-12-31 23:59:59.999', '2024-01-01 00:00:00', '', '€', 'ab\\t', 'lóng', 'b', 24, 'ab'),
 (8, 10, 50, NULL, 50, 1, b'0', '0001-01-01', '0001-01-01', '2029-12-31 23:59:59.999999', 'q\\'u"o\\\\t`e', '\\'', '\\'', '\\'', NULL, NULL, 'x'),
 (9, 50, 10, 3.0000, 51, 1, b'1', '2024-01-01', '2024-01-01 10:00:00.499', '2023-12-31 23:59:59.999999', '😀', 'x', 'é', '😀', 'É', 2, 'y'),
 (10, 1000, 7, 3.0001, 2000, 0, b'0', '0000-05-05', '0000-05-05 05:05:05', NULL, 'x', 'ÿ', 'x', 'x', '', 3, 'z'),
 (11, 11, 11, 11, 11, 1, b'1', '2024-01-01', '2024-01-01', '2024-01-01 10:00:00', 'ab', 'x', 'ab', 'x', 'a', 3, 'z');
END_SQL
    $sql .= "CREATE TABLE f$_ LIKE edge; INSERT INTO f$_ SELECT * FROM edge;" for 0 .. $#filters;
    $my->sql($sql);
    $name = 'w';
    $task = Dts::Task->new($my, $pg, name => 'w', db => 'w', options => { tinyint1 => 'boolean', bit1 => 'boolean' }, objects => [ { schema => 'w', table => '%' },
        map { { schema => 'w', table => "f$_", filter => $filters[$_] =~ s/"edge"/"f$_"/r, columns => { d => undef, dt => undef } } } 0 .. $#filters ]);
    $task->start->wait_for('incremental', 240);
    # (dates that only one of the two calendars has would have rows read, whatever
    # the filter says)
    my (@wrong, @tables);
    my $rows = 0;
    my $ids = "SELECT coalesce(string_agg(id::text, ' ' ORDER BY id), '') FROM w.";
    for my $row ($pg->rows(join "\nUNION ALL ", map { "SELECT $_, (${ids}f$_), (${ids}edge WHERE $filters[$_])" } 0 .. $#filters))
    {
        my ($n, $here, $wanted) = @$row;
        push @wrong, "$filters[$n]: $here, not $wanted" if $here ne $wanted;
        next if $n >= @pushed;
        push @tables, "f$n";
        $rows += my @ids = split / /, $wanted;
    }
    is_deeply(\@wrong, [], "$say: rows that pass");
    is(found(join ',', @tables), '', "$say: filters that the source is asked for: nothing differs");
    if (!is(counted(), "$rows 0", "$say: and no row was read"))
    {
        for my $n (0 .. $#pushed)
        {
            found("f$n");
            diag "$pushed[$n]: ", counted() if counted() !~ / 0$/;
        }
    }
    for my $n (@pushed .. $#filters)
    {
        my $count = $pg->value("SELECT count(*) FROM w.f$n");
        is(found("f$n"), '', "$say: $filters[$n]: nothing differs");
        is(counted(), "$count $count", "$say: its rows are read");
    }
    return ($my, $say);
}

# ---------------------------------------------------- set, and planted differences
my @rules = (
    { schema => 's', table => '%' },
    { schema => 's', table => 'item', target_table => 'goods', filter => q{gone IS NULL AND qty >= 1 AND (name IS NULL OR name <> 'it''s „no“')},
        columns => { name => 'label', secret => undef },
        set => { total => 'price * qty', src => "'shop ' || dtsmig.source_table", at => 'dtsmig.commit_time', share => '100 / qty' } },
    { schema => 's', table => 'word', filter => 'v > 10', set => { loud => "w || '!'", twice => 'v * 2' } },
    { schema => 's', table => 'heap', filter => 'a <> 5', set => { twice => 'a * 2' } },
    { schema => 's', table => 'moved', set => { id => 'id + 1000' } },
    { schema => 's', table => q(overset), set => { a => 'b + 1' } },
    { schema => 's', table => 'hidden', columns => { secret => undef }, set => { len => 'length(secret)' } },
    { schema => 's', table => 'other', primary_key => [ 'b' ] },
);

sub planted_cases
{
    my ($src, $say, %opt) = @_;
    my @items = map { my $n = $_; my $label = $n % 11 ? "'Stück „$n“'" : 'NULL'; $label = "'it''s „no“'" if $n % 50 == 7;
        "($n, $label, " . ($n % 9 ? $n / 4 : 'NULL') . ', ' . $n % 13 . ', ' . ($n % 10 ? 'NULL' : "'2024-01-01 10:00:00'") . ", 'x')" } 1 .. 3000;
    my @words = map { "('w$_ é', $_)" } 1 .. 2000;
    my @heap = map { '(' . $_ % 7 . ", 'x')" } 1 .. 700;
    $src->sql("$opt{before}\nCREATE TABLE item (id int PRIMARY KEY, name varchar(40), price decimal(10,2), qty int NOT NULL, gone $opt{time}, secret text);"
          . "CREATE TABLE word (w varchar(20) PRIMARY KEY, v int); CREATE TABLE heap (a int, b varchar(9));" . ($opt{heap} // '')
          . 'CREATE TABLE moved (id int PRIMARY KEY, v int); INSERT INTO moved VALUES (1, 1), (2, 2);CREATE TABLE overset (id int PRIMARY KEY, a int, b int); INSERT INTO overset VALUES (1, 1, 1), (2, 2, NULL);'
          . "CREATE TABLE hidden (id int PRIMARY KEY, secret text); INSERT INTO hidden VALUES (1, 'abc'), (2, NULL);"
          . 'CREATE TABLE other (a int PRIMARY KEY, b int NOT NULL); INSERT INTO other VALUES (1, 10), (2, 20);'
          . 'INSERT INTO item VALUES ' . join(',', @items) . ';INSERT INTO word VALUES ' . join(',', @words) . ';INSERT INTO heap VALUES ' . join(',', @heap) . ';' . ($opt{after} // ''));
    $name = 's';
    $task = Dts::Task->new($src, $pg, name => 's', db => $opt{db}, objects => \@rules);
    $task->start->wait_for('incremental', 120);
    my $equal = sub {
        my $count = $pg->value('SELECT (SELECT count(*) FROM s.goods) + (SELECT count(*) FROM s.word) + (SELECT count(*) FROM s.heap)');
        is(found('item,word,heap'), '', "$say: $_[0]: nothing differs");
        is(counted(), "$count 0", "$say: $_[0]: no row was read");
    };
    $equal->('copied');
    is(found('moved,hidden,other'), '', "$say: what cannot be known at the destination: nothing differs");
    is(counted(), '6 6', "$say: its rows are read");
    is(found(q(overset)) . counted(), '2 0', "$say: a column that is there and set: no row was read");
    plant('s', 'UPDATE overset SET a = 1 WHERE id = 1');
    is(found(q(overset)), 's.overset|differs|{"id": "1"}|{"a": {"source": "2", "destination": "1"}}', "$say: it is compared with what it should be");
    plant('s', 'UPDATE overset SET a = 2 WHERE id = 1');
    plant('s', q{
        UPDATE goods SET total = total + 1 WHERE id = 5; UPDATE goods SET total = NULL WHERE id = 14; UPDATE goods SET price = 1.00 WHERE id = 15;
        UPDATE goods SET label = NULL WHERE id = 17; UPDATE goods SET at = now() - interval '1 day' WHERE id = 18;
        UPDATE goods SET share = 77 WHERE id = 1901; DELETE FROM goods WHERE id = 2009;
        INSERT INTO goods (id, label, price, qty, gone, total, src, at, share) SELECT unnest('{20,5000}'::int[]), label, price, qty, gone, total, src, at, share FROM goods WHERE id = 19;
        UPDATE word SET loud = w WHERE v = 100; UPDATE word SET twice = NULL WHERE v = 101; DELETE FROM word WHERE v = 102; INSERT INTO word (w, v, loud, twice) VALUES ('w5 é', 5, 'w5 é!', 10);
        UPDATE heap SET twice = 0 WHERE ctid = (SELECT ctid FROM heap WHERE a = 3 LIMIT 1)});
    is(found('item,word') =~ s/^(.*?\|.*?\|.*?)\|.*/$1/gmr, <<'END_LIST' =~ s/\n\z//r, "$say: planted differences");
s.item|differs|{"id": "14"}
s.item|differs|{"id": "15"}
s.item|differs|{"id": "17"}
s.item|differs|{"id": "1901"}
s.item|differs|{"id": "5"}
s.item|extra|{"id": "20"}
s.item|extra|{"id": "5000"}
s.item|missing|{"id": "2009"}
s.word|differs|{"w": "w100 é"}
s.word|differs|{"w": "w101 é"}
s.word|extra|{"w": "w5 é"}
s.word|missing|{"w": "w102 é"}
END_LIST
    cmp_ok((split / /, counted())[1], '<', 1500, "$say: few rows were read");
    like(found('item'), qr/^s\.item\|differs\|\{"id": "5"\}\|\{"total": \{"source": "6\.25", "destination": "7\.25"\}\}$/m, "$say: what it should be, and what it is");
    plant('s', 'UPDATE goods SET qty = 0 WHERE id = 16');
    like(found('item'), qr/^s\.item\|differs\|\{"id": "16"\}\|\{"qty": \{"source": "3", "destination": "0"\}\}$/m, "$say: a row over which an expression raises an error");
    like(found('heap'), qr/^s\.heap\|extra\|-\|.*\ns\.heap\|missing\|-\|/, "$say: without a key");
    found('item,word');
    cmp_ok($pg->value("SELECT dtsmig.repair('s')"), '==', 13, "$say: repair");
    ok(poll_until(sub { $pg->value("SELECT count(*) FROM dtsmig.verify_results WHERE state = 'repairing'") eq '0' }, 60), "$say: by the worker");
    $pg->sql("SELECT dtsmig.resync_table('s', 'heap')");
    ok($pg->poll_query("SELECT state = 'ready' FROM dtsmig.task_tables WHERE task = 's' AND source_table = 'heap'", 60), "$say: copied again");
    is(found('heap'), '', "$say: and equal");
    $src->sql("$opt{use} UPDATE item SET gone = NULL WHERE id IN (20, 40); UPDATE item SET gone = '2024-02-02 00:00:00' WHERE id = 21; UPDATE item SET name = 'it''s „no“', qty = 3 WHERE id = 22;"
          . "UPDATE item SET price = 3, name = NULL WHERE id IN (23, 24); UPDATE word SET v = 5 WHERE v = 200; UPDATE word SET v = 500000 WHERE v = 6; INSERT INTO heap VALUES (5, 'y'), (6, 'y'); DELETE FROM item WHERE id = 25;");
    $task->catch_up;
    $equal->('after changes');
}

# ------------------------------------ values that policies make others of, or errors
sub policy_cases
{
    my ($my) = @_;
    $my->sql(<<'END_SQL');
SET sql_mode = ''; SET NAMES utf8mb4; CREATE DATABASE z DEFAULT CHARACTER SET utf8mb4; USE z;
CREATE TABLE day (id int PRIMARY KEY, d date, at datetime NOT NULL, i int NOT NULL); INSERT INTO day VALUES (1, '0000-00-00', '2024-01-01', 1), (2, '2024-02-30', '0000-00-00', 2), (3, '2024-03-03', '2024-01-01', 3), (4, NULL, '1970-01-01', 4);
CREATE TABLE nul (id int PRIMARY KEY, s varchar(9)); INSERT INTO nul VALUES (1, 'abc'), (2, 'a\0bc'), (3, 'abd'), (4, 'abc\0'), (5, NULL);
CREATE TABLE flag (id int PRIMARY KEY, f tinyint(1)); INSERT INTO flag VALUES (1, 0), (2, 1), (3, NULL);
CREATE TABLE pick (id int PRIMARY KEY, e enum('a', 'b')); INSERT INTO pick VALUES (1, 'a'), (2, 'b'), (3, NULL);
END_SQL
    my %filter = (day => "d < '1980-01-01' OR at = '1970-01-01'", nul => "s = 'abc'", flag => 'f', pick => "e <> 'b'");
    $name = 'z';
    $task = Dts::Task->new($my, $pg, name => 'z', db => 'z', options => { zero_date => '1970-01-01', nul_byte => 'strip', tinyint1 => 'boolean', enum_error => 'error' },
        objects => [ map { { schema => 'z', table => $_, filter => $filter{$_} } } sort keys %filter ]);
    $task->start->wait_for('incremental', 120);
    my $ids = sub { return $pg->value("SELECT string_agg(id::text, ' ' ORDER BY id) FROM z.$_[0]") };
    is($ids->('day'), '1 2 4', 'dates that a policy makes others of');
    is($ids->('nul'), '1 2 4', 'texts from which bytes are taken out');
    is(found('day,nul,flag,pick'), '', 'nothing differs');
    # what is an error to read is one whatever the condition at the source says of it
    for my $bad ([ flag => 'INSERT INTO flag VALUES (4, 2)', qr/not a boolean/ ], [ pick => "SET sql_mode = ''; INSERT INTO pick VALUES (4, 'zz')", qr/holds the error value/ ])
    {
        my ($table, $sql, $error) = @$bad;
        $task->pause;
        ok(poll_until(sub { $task->status eq 'paused' }, 60), "paused before $table");
        $my->sql("USE z; SET sql_log_bin = 0; $sql");
        like($pg->error("SELECT * FROM dtsmig.verify('z', tables => '{$table}')"), $error, "an error in $table");
        $my->sql("USE z; SET sql_log_bin = 0; DELETE FROM $table WHERE id = 4");
        $task->resume;
    }
}

# the other servers take half of the filters each, for the sake of time
my $half = { 'mysql-5.6' => 0, 'mysql-9.7' => 1 }->{ $ENV{DTS_DEEP} ? '' : $ENV{DTS_KIND} // '' };
my ($my) = filter_cases($ENV{DTS_KIND}, @pushed[ grep { !defined $half || $_ % 2 == $half } 0 .. $#pushed ]);
if ($ENV{DTS_KIND})
{
    # the rest is the same for all of them
    done_testing();
    exit;
}
policy_cases($my);
planted_cases($my, 'mariadb', db => 's', time => 'datetime', before => 'SET NAMES utf8mb4; CREATE DATABASE s DEFAULT CHARACTER SET utf8mb4; USE s;', use => 'SET NAMES utf8mb4; USE s;');
$_->stop for $my, $pg;
(my $src, $pg) = pg_pair();
planted_cases($src, 'postgresql', db => 'postgres', time => 'timestamp', before => 'CREATE SCHEMA s; SET search_path = s;', use => 'SET search_path = s;', heap => 'ALTER TABLE heap REPLICA IDENTITY FULL;', after => 'ANALYZE;');
done_testing();
