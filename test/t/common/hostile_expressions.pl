# Expressions and statements of any length and depth, which everybody may have
# translated: no crash, and neither the server's time nor its memory.
use strict;
use warnings;
# what would take the machine's memory gets an error
BEGIN
{
    exec '/bin/sh', '-c', 'ulimit -v 4194304 && exec "$@"', 'sh', $^X, (map { "-I$_" } @INC), $0, @ARGV
      unless $ENV{DTS_MEMORY_LIMITED}++;
}
use Test::More;
use Time::HiRes qw(time);
use Dts::Postgres;

my $pg = Dts::Postgres->new->start;
$pg->sql('CREATE EXTENSION dtsmig; CREATE ROLE u LOGIN');
sub quoted { my ($s) = @_; $s =~ s/'/''/g; return "'$s'"; }
my %codes;
sub ask
{
    my ($what, $sql) = @_;
    my $from = time;
    my ($code, $out, $err) = $pg->psql("SET statement_timeout = '20s'; SELECT length(($sql)::text); SELECT 'bytes ' || sum(total_bytes) FROM pg_backend_memory_contexts; SELECT 'process ' || pg_size_bytes(replace(substring(pg_read_file('/proc/' || pg_backend_pid() || '/status') FROM 'VmHWM:\\s+(\\d+ kB)'), 'kB', 'kB'))",
        role => 'postgres', timeout => 60);
    my ($state) = $err =~ /ERROR:\s+(\w{5}):/;
    $codes{ $state // 'ok' }++;
    my ($bytes) = $out =~ /process (\d+)/;
    my $took = time - $from;
    my $why = $err =~ /(server closed|unexpectedly|57014|53200)/ ? $1 : $took > 15 ? sprintf('%.0f s', $took) : ($bytes // 0) > 600e6 ? sprintf('%.0f MB', $bytes / 1e6) : '';
    is($why, '', $what);
}
for my $n (20_000, 200_000)
{
    my %of = (
        'introducers' => '_utf8mb4 ' x $n . "'a'", 'IS' => 'a' . ' IS TRUE' x $n, 'strings' => "'a' " x $n, 'JSON paths' => 'a' . "->'\$.x'" x $n,
        'LIKE' => 'a' . " LIKE 'x'" x $n, 'IN' => 'a' . ' IN (1)' x $n, 'BETWEEN' => 'a' . ' BETWEEN 1 AND 2' x $n, 'a long list' => 'concat(' . join(',', ('a') x 200) . ') IN (' . join(',', 1 .. $n) . ')',
        'parentheses' => '(' x $n . '1' . ')' x $n, 'NOT' => 'NOT ' x $n . '1', 'minus' => '- ' x $n . '1', 'additions' => join('+', ('a') x $n), 'OR' => join(' OR ', ('a = 1') x $n),
        'CASE' => 'CASE WHEN a THEN ' x $n . '1' . ' END' x $n, 'functions' => 'concat(' x $n . '1' . ')' x $n, 'subqueries' => '(SELECT ' x $n . '1' . ')' x $n,
        'joins' => 'EXISTS (SELECT 1 FROM ' . '(' x $n . 't' . ')' x $n . ')', 'conditions of joins' => 'EXISTS (SELECT count(*) FROM a JOIN b ON ' . '(' x $n . 'a.x = b.x' . ')' x $n . ' GROUP BY a.x)',
        'unions' => 'EXISTS (' . join(' UNION ', ('SELECT 1') x $n) . ')', 'comparisons' => join(' = ', ('a') x $n), 'COLLATE' => 'a' . ' COLLATE utf8mb4_bin' x $n);
    ask("an expression: $_, $n", 'dtsmig.translate_expression(' . quoted($of{$_}) . ')') for sort keys %of;
}
for my $n (8, 300, 3000)
{
    my $nest = 'SELECT 1 FROM a.t';
    $nest = "CREATE FUNCTION a.f() RETURNS int LANGUAGE sql AS \$t$_\$ $nest \$t$_\$" for 1 .. $n;
    ask("a statement: functions that make functions, $n", 'dtsmig.rename_in_statement(' . quoted($nest) . q[, '{"a": "b"}')]);
    ask("a statement: unions, $n", 'dtsmig.rename_in_statement(' . quoted(join ' UNION ', ('SELECT * FROM a.t') x (10 * $n)) . q[, '{"a": "b"}')]);
    ask("a statement: parentheses, $n", 'dtsmig.rename_in_statement(' . quoted('SELECT ' . '(' x $n . '1' . ')' x $n) . q[, '{"a": "b"}')]);
}
unlike($pg->log_text, qr/was terminated by signal|TRAP/, 'no crash');
note('counts: expressions and statements: ' . join ', ', map { "$_ $codes{$_}" } sort keys %codes);
done_testing();
