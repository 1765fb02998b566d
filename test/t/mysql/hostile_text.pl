# Names and values of a MariaDB source that are made to be taken for SQL: they
# arrive as they are, and nothing of them is run.
use strict;
use warnings;
use Test::More;
use Dts::Env qw(poll_until reap);
use Dts::Task qw(server_pair);
use Time::HiRes qw(time);

my ($my, $pg) = server_pair();
$pg->sql('CREATE TABLE public.untouched (id int)');

# --- a sequence and a table that change places
my @columns = qw(next_not_cached_value minimum_value maximum_value start_value increment cache_size cycle_option cycle_count);
my $evil = '1; DROP TABLE public.untouched; CREATE TABLE public.owned (id int) --';
$my->sql("CREATE DATABASE swap; USE swap; CREATE SEQUENCE seq; CREATE TABLE evil ("
      . join(', ', map { "$_ varchar(200)" } @columns) . "); INSERT INTO evil VALUES ("
      . join(', ', map { "'$evil'" } @columns) . ")");
my $swap = $my->background(sub { "RENAME TABLE seq TO x, evil TO seq;\nDO SLEEP(0.003);\nRENAME TABLE seq TO evil, x TO seq;\n" }, db => 'swap');
my $task = Dts::Task->new($my, $pg, name => 'swap', db => 'swap');
my ($until, $looks, $found, %other) = (time + 8, 0, '');
while (time < $until && !$found)
{
    my ($code, $out, $error) = $pg->psql("SELECT statement FROM dtsmig.preview_schema('swap') WHERE kind = 'sequence'");
    $looks++;
    $found = $out if $out =~ /DROP TABLE/;
    $other{$1}++ if $error =~ /ERROR:\s+(\w{5})/;
}
reap($swap, 'TERM');
is($found, '', "text of a table is never taken for a sequence's numbers ($looks looks)");
is(join(' ', grep { !/^40001$/ } sort keys %other), '', 'the error passes');
$my->sql('USE swap; DROP TABLE IF EXISTS evil; DROP TABLE IF EXISTS x');

# --- names, defaults, comments, labels
my @bad = (q{a'b}, q{a"b}, q{a\\b}, q{a`b}, q{a;b}, qq{a\nb}, q{$$;}, q{a--b}, q{a/*b}, q{%s%n}, q{'); drop table public.untouched; --}, q{"; drop table public.untouched; --}, q{\\'; drop table public.untouched; --});
my $id = sub { my $s = $_[0]; $s =~ s/`/``/g; "`$s`" };
my $lit = sub { my $s = $_[0]; $s =~ s/\\/\\\\/g; $s =~ s/'/''/g; "'$s'" };
$my->sql('CREATE DATABASE ' . $id->(q{d'"; drop table public.untouched; --}));
my $db = q{d'"; drop table public.untouched; --};
my $n = 0;
for my $b (@bad)
{
    $n++;
    my $name = $id->("$b$n");
    $my->sql('USE ' . $id->($db) . ";\nCREATE TABLE $name (id int PRIMARY KEY, $name varchar(200) NOT NULL DEFAULT " . $lit->($b)
          . ' COMMENT ' . $lit->($b) . ', e enum(' . $lit->($b) . ", 'x') DEFAULT " . $lit->($b) . ", g varchar(200) AS (CONCAT($name, " . $lit->($b)
          . ")) STORED, CONSTRAINT " . $id->("c$b$n") . " CHECK ($name <> " . $lit->("no$b") . "), KEY " . $id->("k$b") . " (e)) COMMENT " . $lit->($b)
          . ";\nINSERT INTO $name (id) VALUES (1);\nINSERT INTO $name (id, $name) VALUES (2, " . $lit->($b) . ')');
}
$task = Dts::Task->new($my, $pg, name => 'names', db => $db =~ s/'/''/gr);
$task->start->wait_for('incremental');
for my $b (@bad)
{
    my $name = $id->($b . 1);
    $my->sql('USE ' . $id->($db) . ";\nCREATE TABLE " . $id->("n$b") . " (id int PRIMARY KEY, v varchar(200) DEFAULT " . $lit->($b) . ");\nALTER TABLE "
          . $id->("n$b") . ' ADD COLUMN ' . $id->("w$b") . ' varchar(200) DEFAULT ' . $lit->($b) . ' COMMENT ' . $lit->($b) . ";\nINSERT INTO " . $id->("n$b") . ' (id) VALUES (1)');
}
$task->catch_up;
is($task->status, 'running', 'the task runs') or diag $task->report;
is($pg->value('SELECT count(*) FROM public.untouched'), 0, 'nothing was run');
is($pg->value("SELECT count(*) FROM pg_class WHERE relname = 'owned'"), 0, 'nor made');
my $schema = $pg->value("SELECT quote_ident(nspname) FROM pg_namespace WHERE nspname LIKE 'd''%'");
$n = 0;
for my $b (@bad)
{
    $n++;
    my $col = "$b$n";
    (my $ident = $col) =~ s/"/""/g;
    (my $want = $b) =~ s/'/''/g;
    is($pg->value("SET standard_conforming_strings = on; SELECT count(*) FROM $schema.\"$ident\" WHERE \"$ident\" = '$want' AND e::text = '$want' AND g = '$want$want'"), 2, "value " . ($b =~ s/\n/\\n/r));
    (my $new = "n$b") =~ s/"/""/g;
    (my $w = "w$b") =~ s/"/""/g;
    is($pg->value("SELECT count(*) FROM $schema.\"$new\" WHERE v = '$want' AND \"$w\" = '$want'"), 1, 'and by DDL');
    is($pg->value("SELECT count(*) FROM pg_description d JOIN pg_class c ON c.oid = d.objoid AND d.classoid = 'pg_class'::regclass WHERE c.relname = '" . ($col =~ s/'/''/gr) . "' AND d.description = '$want'"), 2, 'comments');
}
done_testing();
