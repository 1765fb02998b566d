# Records of DDL of a hostile PostgreSQL source: any text, any JSON. What the
# fuzzer of test/fuzz/fuzz_record.c keeps, and changes of it, are read by a real
# server; and a task's worker reads what has crashed one.
# With DTS_DEEP=1 a hundred times as many.
use strict;
use warnings;
use JSON::PP ();
use Test::More;
use Dts::Env qw(poll_until slurp topdir tmpdir server_user run_as);
use Dts::Install qw(pg_config);
use Dts::PgSource;
use Dts::Postgres;
use Dts::Task;

my $top = topdir();
my $src = Dts::PgSource->new->start;
my $pg = Dts::Postgres->new(preload => 1)->start;
$pg->sql('CREATE EXTENSION dtsmig');

# --- the readers as a function of the server
my $module = tmpdir() . '/record_server.so';
my @files = map { "$top/$_" } 'test/fuzz/record_server.c', 'src/worker/ddl_record.c', 'src/source/pgsql/pg_record.c', 'src/schema/model.c', 'src/core/ddl_settings.c',
  (map { "src/schema/$_.c" } qw(pg_statement pg_statement_refs pg_names pg_names_map pg_names_walk));
my $out = `cc -shared -fPIC -g -O1 -fvisibility=hidden '-DPGDLLEXPORT=__attribute__((visibility("default")))' -I$top/src -I${\pg_config('includedir-server')} -I${\pg_config('includedir')} -o $module @files 2>&1`;
is($?, 0, 'the module builds') or BAIL_OUT($out);
chmod 0755, $module;
$pg->sql("CREATE FUNCTION read_record(text) RETURNS int AS '$module' LANGUAGE c STRICT");
$pg->sql(<<'END');
CREATE FUNCTION try_record(t text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN PERFORM read_record(t); RETURN 'read'; EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE || ' ' || SQLERRM; END$$;
CREATE TABLE tried (n serial, record text, result text);
END

# malformed at a key, malformed JSON, out of range, no integer, syntax of the
# statement's text, no character of this encoding
my $errors = '08P01|XX001|22P02|22003|22P05|42601|42P17|54001|54000|22021';
my $json = JSON::PP->new->canonical->allow_nonref->ascii;
my %codes;
sub try_all
{
    my ($what, @records) = @_;
    my $quoted = join ",\n", map { (my $r = $_) =~ s/'/''/g; "('$r')" } grep { !/\0/ } @records;
    $pg->sql("SET standard_conforming_strings = on; TRUNCATE tried; INSERT INTO tried (record) VALUES $quoted; UPDATE tried SET result = try_record(record)");
    $codes{ $_->[0] } += $_->[1] for $pg->rows('SELECT left(result, 5), count(*) FROM tried GROUP BY 1');
    my @bad = $pg->rows("SELECT result, left(record, 1000) FROM tried WHERE result !~ '^(read|$errors)' LIMIT 3");
    is(join("\n", map { "@$_" } @bad), '', "$what: " . @records . ' records are read, or are an error that says so');
}

my @kept = map { slurp($_) } sort glob "$top/test/fixtures/fuzz/record/*";
try_all('kept', @kept);

# --- changes of them: a value becomes another, at any place
srand 13;
my @values = (undef, JSON::PP::true(), 0, -1, 2147483648, '99999999999999999999999', 1.5, '', 'x', "it's \"q\"\\\n", 'ALTER SCHEMA', 'public', 't', {}, [], [ [] ], [ {} ], { name => 't' },
    'CREATE TABLE t (', "DO \$\$BEGIN ALTER TABLE t ADD a int; END\$\$", 'ALTER TABLE t ADD a int; ALTER TABLE public.t ADD b int; ROLLBACK TO x', "\x{1F600}" x 50, 'y' x 3000);
sub places
{
    my ($node, $list) = @_;
    if (ref $node eq 'HASH') { for my $k (keys %$node) { push @$list, \$node->{$k}; places($node->{$k}, $list); } }
    elsif (ref $node eq 'ARRAY') { for my $i (0 .. $#$node) { push @$list, \$node->[$i]; places($node->[$i], $list); } }
    return $list;
}
sub changed
{
    my ($text) = @_;
    my $tree = eval { $json->decode($text) } // return "[$text";
    for (1 .. 1 + int rand 4)
    {
        my $places = places($tree, []);
        return $json->encode($values[ rand @values ]) if !@$places;
        my $to = $places->[ rand @$places ];
        my $how = rand;
        if ($how < 0.5) { $$to = $values[ rand @values ]; }
        elsif ($how < 0.7) { $$to = ${ $places->[ rand @$places ] }; }
        elsif (ref $$to eq 'ARRAY') { @$$to = (@$$to) x 3; }
        elsif (ref $$to eq 'HASH' && %$$to) { my @k = keys %$$to; delete $$to->{ $k[ rand @k ] }; }
        else { $$to = [ $$to ]; }
        # of a tree that holds itself there is no text
        my $copy = eval { local $SIG{ALRM} = sub { die }; $json->encode($tree) } // return '{}';
        return '{}' if length $copy > 100_000;
        $tree = $json->decode($copy);
    }
    my $new = $json->encode($tree);
    substr($new, rand length $new, 1) = substr '{}[]",:0n', rand 9, 1 if rand() < 0.1;
    return $new;
}
for my $round (1 .. ($ENV{DTS_DEEP} ? 200 : 2))
{
    try_all("round $round", map { changed($kept[ rand @kept ]) } 1 .. 1000);
}
cmp_ok($codes{read} // 0, '>', 100, 'many are read');
note('counts: records read by a server: ' . join ', ', map { "$_ $codes{$_}" } sort keys %codes);

# --- deep, and long
try_all('deep', '[' x 100_000, '{"tag":' x 50_000, '{"tag": "X", "tables": ' . '[' x 5000 . ']' x 5000 . '}');
try_all('an array in the place of the record', $json->encode([ 'ALTER SCHEMA', ('tag') x 1_000_000 ]));

# --- the same as a task meets it
$src->sql('CREATE TABLE t (id int PRIMARY KEY)');
my $task = Dts::Task->new($src, $pg, name => 'm', objects => [ { schema => 'public', table => 't' } ], types => [qw(schema full incremental)]);
$task->start->wait_for('incremental');
my $stream = $src->value('SELECT pubname FROM pg_publication');
$src->sql("INSERT INTO dtsmig_source.\"$stream\" (pid, query_at, query_hash, tag, record) SELECT 1, now(), 1, 'x', '[\"ALTER SCHEMA\"' || repeat(',\"tag\"', 1000000) || ']'");
ok(poll_until(sub { ($task->last_error // '') =~ /record of a DDL statement/ }, 60), 'a worker stops with an error') or diag $task->report;
unlike($pg->log_text, qr/was terminated by signal|TRAP/, 'and does not crash');
done_testing();
