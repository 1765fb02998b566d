# What a column of another type at the destination would change without a word is refused.
# dts-runs: mariadb, mysql-9.7
use strict;
use warnings;
use Test::More;
use Dts::Env qw(poll_until);
use Dts::MariaDB;
use Dts::PgSource qw(pg_pair);
use Dts::Task;

my ($src, $hub) = pg_pair();
my $dst = Dts::MariaDB->new->start;
$dst->sql("CREATE USER app\@'%' IDENTIFIED BY 'pw'; CREATE DATABASE s; CREATE DATABASE ledger; GRANT ALL ON s.* TO app\@'%'; GRANT ALL ON ledger.* TO app\@'%'");
$src->sql('CREATE SCHEMA s');

sub task
{
    my ($name, %opt) = @_;
    return Dts::Task->new($src, $hub, name => $name, db => 'postgres', objects => [ { schema => 's', table => $name } ], types => ['full'],
        destination => $dst, destination_db => 'ledger', destination_user => 'app', destination_password => 'pw', %opt);
}

# type at the source, type at the destination, value, what the error says, or (an array) what it has
my @values = (
    [ 'boolean', 'INT', "'t'", [1] ], [ 'double precision', 'INT', '5', [5] ], [ 'numeric', 'INT', '5.00', [5] ], [ 'integer', 'VARCHAR(10)', '5', ['5'] ],
    [ 'bigint', 'DOUBLE', '9007199254740992', ['9.007199254740992e15'] ], [ 'numeric', 'DOUBLE', '0.1', ['0.1'] ], [ 'numeric', 'FLOAT', '0.5', ['0.5'] ], [ 'bytea', 'BINARY(2)', q{'\x4142'}, ['AB'] ],
    [ 'text', "ENUM('10','2')", q{'2'}, ['2'] ], [ 'integer', "ENUM('10','2')", '2', ['2'] ], [ 'bytea', 'BLOB', q{'\x4142'}, ['AB'] ], [ 'varbit', 'BLOB', q{B'01000001'}, ['A'] ],
    [ 'double precision', 'DOUBLE(10,2)', '1.25', ['1.25'] ], [ 'double precision', 'DOUBLE(10,2)', '1.234', qr/without rounding/ ], [ 'real', 'FLOAT(10,2)', '1.234', qr/without rounding/ ],
    [ 'double precision', 'INT', '1.5', qr/1\.5 without rounding/ ], [ 'numeric', 'INT', '1.5', qr/1\.5 without rounding/ ], [ 'numeric', 'BIGINT', '0.1', qr/0\.1 without rounding/ ],
    [ 'double precision', 'FLOAT', '123456789.5', qr/without rounding/ ], [ 'bigint', 'DOUBLE', '9007199254740993', qr/without rounding/ ], [ 'integer', 'FLOAT', '16777217', qr/without rounding/ ],
    [ 'numeric', 'DOUBLE', '0.12345678901234567890', qr/without rounding/ ], [ 'integer', 'YEAR', '5', qr/without rounding/ ], [ 'text', 'CHAR(5)', q{'a '}, qr/blanks at the end/ ], [ 'bytea', 'BINARY(4)', q{'\x4142'}, qr/zero bytes/ ],
    [ 'text', "ENUM('10','20')", q{'1'}, qr/none of its labels/ ], [ 'integer', "ENUM('10','20')", '1', qr/none of its labels/ ], [ 'text', "SET('a','b')", q{'3'}, qr/none of its labels/ ]);
for my $i (0 .. $#values)
{
    my ($pg, $my, $value, $wanted) = @{ $values[$i] };
    $src->sql("CREATE TABLE s.v$i (id integer PRIMARY KEY, v $pg); INSERT INTO s.v$i VALUES (1, $value)");
    $dst->sql("CREATE TABLE s.v$i (id INT PRIMARY KEY, v $my) ENGINE=InnoDB CHARACTER SET utf8mb4");
    next if ref $wanted eq 'ARRAY';
    my $t = task("v$i")->start;
    my $status;
    poll_until(sub { ($status = $t->get('status')) =~ /failed|completed/ }, 60, 0.1);
    is($status, 'failed', "$pg $value into $my: refused") or diag 'there is now: ' . ($dst->value("SELECT v FROM s.v$i") // 'nothing');
    like($t->sql("SELECT string_agg(concat_ws(' ', message, detail, hint), ' ') FROM dtsmig.task_log WHERE task = 'v$i' AND severity = 'error'") // '', $wanted, 'it says why');
    $t->drop;
}
my @kept = grep { ref $values[$_][2 + 1] eq 'ARRAY' } 0 .. $#values;
my $kept = task('kept', objects => [ map { { schema => 's', table => "v$_" } } @kept ])->start;
ok(eval { $kept->wait_status('completed', 60) }, 'the others arrive') or diag $kept->last_error;
is($dst->value("SELECT v FROM s.v$_"), $values[$_][3][0], "as it is: $values[$_][0] $values[$_][2] into $values[$_][1]") for @kept;
$kept->drop;

# a server that does not keep warnings
$dst->sql('SET GLOBAL max_error_count = 0; CREATE TABLE s.mute (id INT PRIMARY KEY, v DECIMAL(10,2)) ENGINE=InnoDB');
$src->sql('CREATE TABLE s.mute (id integer PRIMARY KEY, v numeric); INSERT INTO s.mute VALUES (1, 1.234)');
my $mute = task('mute')->start;
my $status;
poll_until(sub { ($status = $mute->get('status')) =~ /failed|completed/ }, 60, 0.1);
is($status, 'failed', 'max_error_count = 0: a value that would be rounded is refused') or diag 'there is now: ' . ($dst->value('SELECT v FROM s.mute') // 'nothing');
$mute->drop;

# numbers of JSON are read as they are
if ($dst->{mysql})
{
    $src->sql(q{CREATE TABLE s.json (id integer PRIMARY KEY, t text, w text, v jsonb); SELECT setseed(0.5);
INSERT INTO s.json (id, t) SELECT i, CASE i % 4 WHEN 0 THEN (random()::float8)::text WHEN 1 THEN ((random() - 0.5) * 10 ^ (random() * 40 - 20))::float8::text WHEN 2 THEN ((random() - 0.5)::float8 * (10::float8 ^ (random() * 600 - 300)::int))::text ELSE round((random() * 1e6)::numeric, i % 9)::text END FROM generate_series(1, 4000) i;
INSERT INTO s.json (id, t) VALUES (9002, '2.2250738585072014e-308'), (9003, '5e-324'), (9004, '0.30000000000000004'), (9005, '1e23'), (9006, '18446744073709551616'), (9007, '9007199254740993.0'), (9008, '52.520008000000004');
UPDATE s.json SET v = ('{"n": ' || t || '}')::jsonb, w = ('{"n": ' || t || '}')::jsonb::text});
    $dst->sql('CREATE TABLE s.json (id INT PRIMARY KEY, t TEXT, w TEXT, v JSON) ENGINE=InnoDB CHARACTER SET utf8mb4');
    my $json = task('json', options => { json_number => 'text' })->start;
    ok(eval { $json->wait_status('completed', 60) }, 'JSON is loaded') or diag $json->last_error;
    my @rows = $dst->rows(q{SELECT id, JSON_TYPE(JSON_EXTRACT(v, '$.n')), JSON_UNQUOTE(JSON_EXTRACT(v, '$.n')), JSON_EXTRACT(CAST(w AS JSON), '$.n') FROM s.json});
    is(scalar @rows, 4007, 'all rows');
    # compared by PostgreSQL: Perl may read numbers as badly
    $src->sql('CREATE TABLE public.there (id integer, type text, value text, read text); INSERT INTO public.there VALUES ' . join(', ', map { "($_->[0], '$_->[1]', '$_->[2]', '$_->[3]')" } @rows));
    is($src->value("SELECT string_agg(t.id || ': ' || t.t || ' is ' || h.value, ', ') FROM s.json t JOIN public.there h USING (id) WHERE h.type <> 'STRING' AND (h.type <> 'DOUBLE' AND h.value::numeric <> t.t::numeric OR h.value::float8 <> t.t::float8)") // '', '', 'numbers that are numbers are the same');
    my $server = $src->value("SELECT count(*) FROM s.json t JOIN public.there h USING (id) WHERE h.read::float8 <> t.t::float8");
    my $texts = $src->value("SELECT count(*) FROM public.there WHERE type = 'STRING'");
    is($server, 0, 'MySQL reads all of them as they are');
    cmp_ok($texts, '<=', 3, 'and hardly any is a text');
    $json->drop;
}
done_testing();
