# Dts::Reference: docs/reference.md, made from what a server with the extension
# says of itself: comments on functions, views and columns, task_options,
# server_options, precheck_items. test/t/common/reference.pl fails where the
# file is another; "make reference" writes it.
package Dts::Reference;
use strict;
use warnings;
use Exporter 'import';
our @EXPORT_OK = qw(reference);

# A cell of a table: no bars, no line ends.
sub cell { my ($text) = @_; return ($text // '') =~ s/\|/\\|/gr =~ s/\s+/ /gr; }

sub table
{
    my ($head, @rows) = @_;
    return join '', map { '| ' . join(' | ', @$_) . " |\n" } $head, [ map { '---' } @$head ], map { [ map { cell($_) } @$_ ] } @rows;
}

# "1 – 5", "`a`, `b`", "true, false" from what an option's range says
sub values_of
{
    my ($type, $range) = @_;
    return $range =~ s/ \.\. / – /r if $type eq 'integer';
    return join ', ', map { "`$_`" } split /,/, $range if $type eq 'enum';
    return 'true, false' if $type eq 'boolean';
    return $type eq 'file' ? 'a file' : $range ne '' ? $range : 'any';
}

sub default_of { my ($default) = @_; return $default eq '' ? '' : "`$default`"; }

# The text of docs/reference.md. $pg: a Dts::Postgres whose database has the
# extension, and nothing else of it.
sub reference
{
    my ($pg) = @_;
    my $text = <<'END';
# Reference

<!-- Made by "make reference" from the extension's own comments and lists; do not edit. -->

- [Functions](#functions)
- [Views](#views)
- [Options of a task](#options-of-a-task)
- [Options of a server and of a user mapping](#options-of-a-server-and-of-a-user-mapping)
- [Items of the precheck](#items-of-the-precheck)
- [What psql lists](#what-psql-lists)

## Functions

Functions that take a task take its name or its id. Errors have an SQLSTATE and, where something can be done, a hint; see
[troubleshooting](troubleshooting.md).

END
    for ($pg->rows(<<'END_SQL'))
SELECT proname, pg_get_function_arguments(p.oid), CASE WHEN prorettype = 'trigger'::regtype THEN '' ELSE pg_get_function_result(p.oid) END, obj_description(p.oid, 'pg_proc')
FROM pg_proc p
WHERE pronamespace = 'dtsmig'::regnamespace AND prorettype <> 'trigger'::regtype
  AND obj_description(p.oid, 'pg_proc') NOT LIKE 'Internal: %' AND obj_description(p.oid, 'pg_proc') NOT LIKE 'The same, %'
ORDER BY proname COLLATE "C", pronargs
END_SQL
    {
        my ($name, $arguments, $result, $comment) = @$_;
        my @out = $arguments =~ /OUT (\w+ [^,]+)/g;
        my @in = grep { !/^OUT / } split /, (?=OUT |\w+ \w)/, $arguments;
        my $signature = "dtsmig.$name(" . join(', ', @in) . ')';
        $signature = "dtsmig.$name(\n    " . join(",\n    ", @in) . ')' if length $signature > 100;
        my $returns = @out ? 'TABLE (' . join(', ', @out) . ')' : $result;
        $text .= "### $name\n\n```\n$signature\n    RETURNS $returns\n```\n\n$comment.\n\n";
    }
    $text .= "## Views\n\n";
    for ($pg->rows(q{SELECT c.oid::bigint, relname, obj_description(c.oid, 'pg_class') FROM pg_class c WHERE relnamespace = 'dtsmig'::regnamespace AND relkind = 'v' ORDER BY relname COLLATE "C"}))
    {
        my ($oid, $name, $comment) = @$_;
        $text .= "### dtsmig.$name\n\n$comment.\n\n" . table([ 'column', 'type', 'meaning' ],
            map { [ "`$_->[0]`", $_->[1], $_->[2] ] }
            $pg->rows("SELECT attname, format_type(atttypid, atttypmod), col_description(attrelid, attnum) FROM pg_attribute WHERE attrelid = $oid AND attnum > 0 ORDER BY attnum")) . "\n";
    }
    $text .= "## Options of a task\n\nGiven to `create_task` or `alter_task`. Those that take effect at once are changed in a running task within two seconds.\n\n"
        . table([ 'option', 'default', 'values', 'takes effect', 'meaning' ], map { [ "`$_->[0]`", default_of($_->[2]), values_of(@$_[1, 3]), $_->[4], $_->[5] ] }
            $pg->rows('SELECT name, type, coalesce("default", \'\'), coalesce(range, \'\'), takes_effect, description FROM dtsmig.task_options ORDER BY name COLLATE "C"')) . "\n";
    $text .= "## Options of a server and of a user mapping\n\n`CREATE SERVER … TYPE 'mariadb' FOREIGN DATA WRAPPER dtsmig_fdw OPTIONS (…)`; the types are `mariadb`, `mysql` and `postgresql`.\n\n"
        . table([ 'option', 'of', 'default', 'values', 'meaning' ], map { [ "`$_->[0]`", $_->[1], default_of($_->[3]), values_of(@$_[2, 4]), $_->[5] ] }
            $pg->rows('SELECT name, belongs_to, type, coalesce("default", \'\'), coalesce(range, \'\'), description FROM dtsmig.server_options ORDER BY belongs_to, name COLLATE "C"')) . "\n";
    $text .= "## Items of the precheck\n\n"
        . table([ 'item', 'looks at', 'sources', 'what it checks' ], map { [ "`$_->[0]`", @$_[1 .. 3] ] }
            $pg->rows('SELECT item, looks_at, sources, description FROM dtsmig.precheck_items ORDER BY item COLLATE "C"'));
    $text .= "\n## What psql lists\n\n`\\x auto`, or `\\pset format wrapped`, keeps the lines short.\n";
    for my $command ('\df dtsmig.*', '\dv dtsmig.*')
    {
        my ($code, $out, $err) = $pg->psql("\\pset tuples_only off\n\\pset format wrapped\n\\pset columns 130\n\\pset linestyle ascii\n$command", args => [ '-q', '-P', 'footer=off' ]);
        die "$command: $err\n" if $code || $out !~ /dtsmig/;
        $text .= "\n```\n=> $command\n$out\n```\n";
    }
    return $text =~ s/ +$//mgr;
}

1;
