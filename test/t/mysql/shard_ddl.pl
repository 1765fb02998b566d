# Shards that two tasks merge into one table get the same ALTERs, one after the
# other: what the second finds done it skips, with a note.
use strict;
use warnings;
use Test::More;
use Dts::PgSource qw(pg_pair);
use Dts::MariaDB;
use Dts::Task;

my ($src, $pg) = pg_pair();
my $my = Dts::MariaDB->new->start;

sub shard { my ($schema, @more) = @_; return { schema => $schema, table => 'a', target_schema => 'm', target_table => 'a', set => { shard => 'dtsmig.source_schema' }, primary_key => [ 'shard', 'id' ], @more } }
sub columns { return $pg->value(q{SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'm.a'::regclass AND attnum > 0 AND NOT attisdropped}) }
sub indexes { return $pg->value(q{SELECT count(*) FROM pg_index WHERE indrelid = 'm.a'::regclass}) }

for my $case ([ $my, 'MariaDB', q{CREATE TABLE %1$s.a (id int PRIMARY KEY, t varchar(10), u int, KEY (u))}, 'CREATE DATABASE',
        'ALTER TABLE %1$s.a MODIFY t varchar(40)', 'ALTER TABLE %1$s.a CHANGE t label varchar(40)', 'CREATE INDEX by_label ON %1$s.a (label)', 'DROP INDEX by_label ON %1$s.a', 'ALTER TABLE %1$s.a ADD COLUMN d1 int, ADD CONSTRAINT ch CHECK (d1 <> 4), ADD KEY k1 (d1)' ],
    [ $src, 'PostgreSQL', q{CREATE TABLE %1$s.a (id int PRIMARY KEY, t varchar(10), u int); CREATE INDEX ON %1$s.a (u)}, 'CREATE SCHEMA',
        'ALTER TABLE %1$s.a ALTER t TYPE varchar(40)', 'ALTER TABLE %1$s.a RENAME t TO label', 'CREATE INDEX by_label ON %1$s.a (label)', 'DROP INDEX %1$s.by_label', 'ALTER TABLE %1$s.a ADD COLUMN d1 int, ADD CONSTRAINT ch CHECK (d1 <> 4)' ])
{
    my ($on, $name, $create, $schema, $modify, $rename, $index, $drop_index, $many) = @$case;
    my $db = $name eq 'MariaDB' ? 's1' : 'postgres';
    my @tasks;
    for my $s (qw(s1 s2))
    {
        $on->sql("$schema $s; " . sprintf($create, $s) . "; INSERT INTO $s.a VALUES (1, '$s', 7)");
        push @tasks, Dts::Task->new($on, $pg, name => lc "${name}_$s", db => $name eq 'MariaDB' ? $s : $db, options => { conflict => $s eq 's1' ? 'report' : 'ignore' }, objects => [ shard($s) ]);
        $tasks[-1]->start->wait_for('incremental', 90);
    }
    my $notes = sub { $pg->value("SELECT count(*) FROM dtsmig.task_log WHERE task = '$tasks[1]{name}' AND message LIKE 'done already%'") };
    my $both = sub {
        my ($sql, $what, $columns) = @_;
        my $before = $notes->();
        for my $i (0, 1)
        {
            $on->sql(sprintf $sql, "s" . ($i + 1));
            $tasks[$i]->catch_up;
        }
        is(columns(), $columns, "$name: $what") or diag $tasks[1]->report;
        is($_->status, 'running', "$name: $what: both go on") or BAIL_OUT($_->report) for @tasks;
        return if $what =~ /^DROP INDEX/;    # it says IF EXISTS
        cmp_ok($notes->(), '>', $before, "$name: $what: noted") or diag $pg->sql("SELECT * FROM dtsmig.task_log WHERE task = '$tasks[1]{name}'");
    };
    my $c = 'id integer, t character varying(10), u integer, shard text';
    is(columns(), $c, "$name: one table");
    $both->('ALTER TABLE %1$s.a ADD COLUMN n int DEFAULT 5', 'ADD COLUMN', $c .= ', n integer');
    $both->('ALTER TABLE %1$s.a DROP COLUMN u', 'DROP COLUMN', $c =~ s/ u integer,//r); $c =~ s/ u integer,//;
    $both->($modify, 'MODIFY', $c =~ s/10/40/r); $c =~ s/10/40/;
    $both->($rename, 'a column renamed', $c =~ s/ t / label /r); $c =~ s/ t / label /;
    $both->($index, 'CREATE INDEX', $c);
    is(indexes(), 2, "$name: one index");
    $both->($drop_index, 'DROP INDEX', $c);
    is(indexes(), 1, "$name: and gone");
    $both->($many, 'several at once', $c .= ', d1 integer');
    $on->sql("INSERT INTO $_.a (id, label, n, d1) VALUES (2, 'two of $_', 9, 1)") for qw(s1 s2);
    $_->catch_up for @tasks;
    is($pg->sql('SELECT shard, id, label, n, d1 FROM m.a ORDER BY 1, 2'), "s1|1|s1|5|\ns1|2|two of s1|9|1\ns2|1|s2|5|\ns2|2|two of s2|9|1", "$name: rows of both");
    is($pg->sql("SELECT source_table, kind, key FROM dtsmig.verify('$_->{name}')"), '', "$name: verified") for @tasks;

    # not the same: it stops, and says so
    $on->sql('ALTER TABLE s1.a ADD COLUMN odd int');
    $tasks[0]->catch_up;
    $on->sql('ALTER TABLE s2.a ADD COLUMN odd varchar(5)');
    ok($tasks[1]->wait_status('failed', 90), "$name: a column of another type stops the task");
    like($tasks[1]->report, qr/column "odd" of table "?m"?\."?a"? is of type integer/, "$name: and says why");
    $_->release for @tasks;
    $pg->sql('DROP SCHEMA m CASCADE');
}
done_testing();
