# PostgreSQL to PostgreSQL, full load: types, odd names, partitions, keyless
# and empty tables, large tables by ctid ranges, while the source is written.
#
# dts-runs: postgresql, postgresql-10
# dts-deep-runs: postgresql-13
use strict;
use warnings;
use Test::More;
use Dts::PgSource qw(pg_pair pg_difference same_pg_tables);
use Dts::Task;

# a newer source than the destination is refused (pgsql/precheck)
for my $kind ($ENV{DTS_PG_KIND})
{
    my $name = $kind // 'postgresql-15';
    my ($src, $pg) = pg_pair(kind => $kind, src_conf => 'log_statement = all');
    my $ddl = <<'END';
CREATE SCHEMA "Odd ""Names";
CREATE TYPE public.mood AS ENUM ('sad', 'ok', 'happy');
CREATE TYPE public.pair AS (a int, b text);
CREATE DOMAIN public.email AS text CHECK (VALUE LIKE '%@%');
CREATE TABLE public.plain (id bigint PRIMARY KEY, i2 smallint, i4 int, n numeric, f4 real, f8 double precision, t text, v varchar(10), c char(5),
    b bytea, d date, ts timestamp, tz timestamptz, ti time, tt timetz, iv interval, bo boolean, u uuid, j json, jb jsonb,
    ip inet, ci cidr, ma macaddr, bi bit(5), vb varbit, po point, r int4range, xs int[], ts2 text[], x xml, tsv tsvector, oi oid, na name);
CREATE TABLE public.own (id int PRIMARY KEY, m public.mood, p public.pair, e public.email, ms public.mood[], ps public.pair[], es public.email[], rc regclass, mo money);
CREATE TABLE public.big (id int PRIMARY KEY, pad text);
CREATE TABLE public.keyless (a int, b text);
CREATE TABLE public.empty (a int);
CREATE TABLE public.nothing ();
CREATE TABLE "Odd ""Names"."Ta.ble" ("Co""l" int PRIMARY KEY, "sel ect" text);
CREATE TABLE public.part (id int, at date) PARTITION BY RANGE (at);
CREATE TABLE public.part_1 PARTITION OF public.part FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE public.part_2 PARTITION OF public.part FOR VALUES FROM ('2021-01-01') TO ('2022-01-01');
CREATE TABLE public.mother (a int); CREATE TABLE public.child (b int) INHERITS (public.mother);
CREATE TABLE public.iden (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, s serial, t text);
CREATE UNLOGGED TABLE public.unlog (a int);
CREATE SEQUENCE public.free_seq;
END
    $ddl .= "CREATE TABLE public.gen (a int PRIMARY KEY, b int GENERATED ALWAYS AS (a * 2) STORED);\n"
      unless ($kind // '') eq 'postgresql-10';
    # no arrays of domains before 11
    $ddl =~ s/, es public.email\[\]/, es public.email/ if $name eq 'postgresql-10';
    $src->sql($ddl);
    $pg->sql($ddl);
    $src->sql(<<'END');
INSERT INTO public.plain SELECT g, g, g * 1000, g / 7.0, g / 3.0, 'NaN', E'tab\t back\\ é 😀', 'v' || g, 'c', decode('00ff27', 'hex'), '0044-03-15 BC', '294276-12-31 23:59:59.999999', 'infinity',
    '23:59:59.999999', '12:00:00+05:45', '1 year -2 days 03:04:05.678', g % 2 = 0, '00000000-0000-0000-0000-00000000000a', '{"b":1,"a":[]}', '{"b":1,"a":[1.50]}', '::1/64', '10.0.0.0/8', '08:00:2b:01:02:03', B'10101', B'1', '(1.5,-2)', '[1,5)',
    '{1,NULL,3}', '{"a b",NULL,"\"q"}', '<a>1</a>', 'a:1 b:2', 42, 'nm' FROM generate_series(1, 100) g;
INSERT INTO public.plain (id) VALUES (-9223372036854775808);
INSERT INTO public.own VALUES (1, 'ok', '(1,"x y")', 'a@b', '{sad,happy}', '{"(2,z)"}', NULL, 'public.big', '12.34'); INSERT INTO public.own (id) VALUES (2);
INSERT INTO public.big SELECT g, repeat('x', g % 300) FROM generate_series(1, 200000) g;
INSERT INTO public.keyless SELECT g % 3, 'k' FROM generate_series(1, 1000) g;
INSERT INTO public.nothing SELECT FROM generate_series(1, 7);
INSERT INTO "Odd ""Names"."Ta.ble" VALUES (1, 'one'), (2, NULL);
INSERT INTO public.part SELECT g, '2020-01-01'::date + g FROM generate_series(0, 700) g;
INSERT INTO public.mother VALUES (1); INSERT INTO public.child VALUES (2, 3);
INSERT INTO public.iden (t) SELECT 'x' FROM generate_series(1, 10);
INSERT INTO public.unlog VALUES (1), (2);
SELECT setval('public.free_seq', 77);
ANALYZE;
END
    $src->sql('INSERT INTO public.gen (a) VALUES (1), (2)') unless ($kind // '') eq 'postgresql-10';
    my $task = Dts::Task->new($src, $pg, name => 'full', types => ['full'], db => 'postgres',
        options => { rows_per_range => 20000, copy_workers => 3, conflict => 'ignore' });
    $task->start->wait_for('completed', 120);
    same_pg_tables($src, $pg, "$name: full load", schemas => [ 'public', 'Odd "Names' ]);
    is(join("\n", map { join '|', @$_ } $pg->rows("SELECT source_table, kind, key, differences FROM dtsmig.verify('full')")), '', "$name: verification finds nothing");
    my ($rows, $moved) = split / /, $pg->value("SELECT rows || ' ' || rows_moved FROM dtsmig.verify_runs ORDER BY run_id DESC LIMIT 1");
    is($rows, 201827 + ($name eq 'postgresql-10' ? 0 : 2), "$name: of all rows");
    cmp_ok($moved, '<', 500, "$name: few were read ($moved)");
    $pg->sql("UPDATE plain SET f8 = '-0' WHERE id = 7; UPDATE plain SET n = 1.0 WHERE id = 14; DELETE FROM big WHERE id = 77777; INSERT INTO keyless VALUES (0, 'k'); UPDATE part SET id = -id WHERE id = 500; UPDATE own SET ms = '{}' WHERE id = 1");
    is(join("\n", sort map { join '|', @$_ } $pg->rows("SELECT source_table, kind, coalesce(key::text, '-') FROM dtsmig.verify('full')")), <<'END_LIST' =~ s/\n\z//r, "$name: planted differences");
public.big|missing|{"id": "77777"}
public.keyless|extra|-
public.own|differs|{"id": "1"}
public.part_2|extra|-
public.part_2|missing|-
public.plain|differs|{"id": "14"}
public.plain|differs|{"id": "7"}
END_LIST
    is($pg->value("SELECT dtsmig.repair('full')"), 4, "$name: repaired at once, with no task to follow");
    is(join(' ', map { "$_->[0]" } $pg->rows("SELECT source_table FROM dtsmig.verify('full')")), 'public.keyless public.part_2 public.part_2', "$name: what has a key is");
    is($pg->value('SELECT last_value FROM free_seq'), 77, "$name: a free sequence");
    is($pg->value("SELECT nextval('iden_s_seq'), nextval('iden_id_seq')"), '11|11', "$name: serial and identity");
    # into an empty destination a large table goes in ranges
    $src->sql('CREATE SCHEMA cut; CREATE TABLE cut.big (LIKE public.big INCLUDING ALL); INSERT INTO cut.big SELECT * FROM public.big; ANALYZE cut.big');
    my $cut = Dts::Task->new($src, $pg, name => 'cut', types => [ 'schema', 'full' ], db => 'postgres',
        objects => [ { schema => 'cut' } ], options => { rows_per_range => 20000, copy_workers => 3 });
    $cut->start->wait_for('completed', 120);
    my %ranges = map { $_ => 1 } $src->log_text =~ /FROM ONLY "cut"\."big" WHERE ((?:id|ctid) .*?)\) TO STDOUT/g;
    cmp_ok(scalar(keys %ranges), '>=', 8, "$name: a large table in ranges") or diag(join "\n", sort keys %ranges);
    is(pg_difference($src, 'cut.big', $pg, 'cut.big'), '', "$name: and every row is there once");
    is($src->value('SELECT count(*) FROM pg_replication_slots'), 0, "$name: no slot for a full load alone");
    $src->stop;
    $pg->stop;
}
done_testing();
