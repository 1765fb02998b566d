# Code of users of a PostgreSQL source does not run as the task's account when
# tables are read: neither casts of their types, nor a view in the place of a
# table, nor policies.
# dts-runs: postgresql, postgresql-10
# dts-deep-runs: postgresql-13
use strict;
use warnings;
use Test::More;
use IPC::Run ();
use Dts::PgSource qw(pg_pair);
use Dts::Session;
use Dts::Task;

my ($src, $pg) = pg_pair();
$src->sql('CREATE ROLE mallory LOGIN; CREATE SCHEMA m AUTHORIZATION mallory; CREATE TABLE public.seen (who text, what text); GRANT INSERT ON public.seen TO PUBLIC');
$src->sql(<<'END', role => 'mallory');
CREATE FUNCTION m.note(what text) RETURNS text LANGUAGE plpgsql AS $$BEGIN INSERT INTO public.seen VALUES (current_user, what); RETURN what; END$$;
CREATE TYPE m.mood AS ENUM ('good', 'bad');
CREATE FUNCTION m.cast(m.mood) RETURNS text LANGUAGE plpgsql AS $$BEGIN RETURN m.note('cast'); END$$;
CREATE CAST (m.mood AS text) WITH FUNCTION m.cast(m.mood);
CREATE TYPE m.pair AS (a int, b text);
CREATE FUNCTION m.cast(m.pair) RETURNS text LANGUAGE plpgsql AS $$BEGIN RETURN m.note('cast'); END$$;
CREATE CAST (m.pair AS text) WITH FUNCTION m.cast(m.pair) AS ASSIGNMENT;
CREATE TABLE m.t (id m.mood PRIMARY KEY, p m.pair, ms m.mood[], n int);
INSERT INTO m.t VALUES ('good', (1, 'x'), '{good,bad}', 1), ('bad', (NULL, 'y'), NULL, 2);
CREATE TABLE m.u (id int PRIMARY KEY, p m.pair, v text);
INSERT INTO m.u SELECT i, ('(' || i || ',x)')::m.pair, 'v' FROM generate_series(1, 500) i;
END
my $task = Dts::Task->new($src, $pg, name => 'm', objects => [ { schema => 'm', table => 't' }, { schema => 'm', table => 'u' } ]);
$src->sql('CREATE VIEW public.everything AS SELECT 1');
$pg->sql('CREATE TABLE public.seen (who text, what text)');
$task->start->wait_for('incremental');
$task->catch_up;
$src->sql('TRUNCATE public.seen');
is($pg->value("SELECT count(*) FROM dtsmig.verify('m')"), 0, 'both sides are equal');
$pg->sql(q{UPDATE m.u SET p = '(0,z)' WHERE id = 5; UPDATE m.t SET n = 7 WHERE n = 2; UPDATE m.u SET p = NULL WHERE id = 6});
$pg->sql('TRUNCATE public.seen');
is($pg->value("SELECT string_agg(source_table || ' ' || kind, ', ' ORDER BY 1) FROM dtsmig.verify('m')") =~ s/^\s+//r, 'm.t differs, m.u differs, m.u differs', 'what differs is found')
  or diag $task->report;
is($pg->value("SELECT count(*) FROM dtsmig.verify('m', mode => 'sample', sample => 1)"), 3, 'also in a sample');
$pg->sql("SELECT dtsmig.repair('m')");
ok($pg->poll_query("SELECT count(*) = 0 FROM dtsmig.verify_results WHERE state IN ('found', 'repairing') AND run_id = (SELECT max(run_id) FROM dtsmig.verify_runs)", 20), 'and repaired');
is($src->value('SELECT count(*) FROM public.seen'), 0, 'no cast of a user was run at the source');
is($pg->value('SELECT count(*) FROM public.seen'), 0, 'nor at the destination');

# --- what the source does of a filter
$pg->sql('CREATE SCHEMA q; CREATE TABLE q.t (LIKE m.t INCLUDING ALL)');
my $filtered = Dts::Task->new($src, $pg, name => 'q', types => [qw(full incremental)], options => { conflict => 'ignore' },
    objects => [ { schema => 'm', table => 't', target_schema => 'q', filter => "id = 'good'" } ]);
$pg->sql("SELECT count(*) FROM dtsmig.precheck('q')");
$filtered->start;
ok($filtered->wait_status('running|failed', 60) && eval { $filtered->wait_for('incremental', 60); 1 }, 'a filter on an enum') or diag $@;
is($pg->value('SELECT string_agg(n::text, $$,$$) FROM q.t'), '1', 'the row that passes');
is($pg->value("SELECT count(*) FROM dtsmig.verify('q')"), 0, 'and it is verified');
is($src->value('SELECT count(*) FROM public.seen'), 0, 'no cast of a user was run at the source');
$filtered->release->drop;

# --- foreign tables: compare, and import where a role has made the domain first
$pg->sql('CREATE ROLE eve LOGIN; CREATE SCHEMA e AUTHORIZATION eve; CREATE SCHEMA d AUTHORIZATION eve; GRANT INSERT ON public.seen TO PUBLIC; TRUNCATE public.seen; CREATE SCHEMA imported');
$pg->sql(<<'END', role => 'eve');
CREATE FUNCTION e.note(what text) RETURNS text LANGUAGE plpgsql AS $$BEGIN INSERT INTO public.seen VALUES (current_user, what); RETURN what; END$$;
CREATE TYPE e.mood AS ENUM ('good', 'bad', 'new');
CREATE FUNCTION e.cast(e.mood) RETURNS text LANGUAGE plpgsql AS $$BEGIN RETURN e.note('cast'); END$$;
CREATE CAST (e.mood AS text) WITH FUNCTION e.cast(e.mood) AS ASSIGNMENT;
CREATE TABLE e.t (id e.mood PRIMARY KEY, n int); INSERT INTO e.t VALUES ('good', 1), ('new', 2);
CREATE DOMAIN d.even AS numeric(9,2) CHECK (e.note('domain') <> '');
CREATE TYPE d.pair AS (a d.even, b text);
END
$pg->sql("CREATE FOREIGN TABLE e.f (id text, n int) SERVER src_m OPTIONS (schema_name 'm', table_name 't')");
is($pg->sql("SELECT * FROM dtsmig.compare('e.f', 'e.t') ORDER BY kind"), qq(extra|{"id": "new"}|\nmissing|{"id": "bad"}|), 'compare over types that are not the same');
$src->sql('CREATE SCHEMA d; CREATE DOMAIN d.even AS numeric(9,2); CREATE TYPE d.pair AS (a d.even, b text); CREATE TABLE d.t (id int PRIMARY KEY, e d.even, p d.pair); INSERT INTO d.t VALUES (1, 2, (4, $$x$$))');
$pg->sql('IMPORT FOREIGN SCHEMA d FROM SERVER src_m INTO imported');
is($pg->value("SELECT string_agg(format_type(atttypid, atttypmod), ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'imported.t'::regclass AND attnum > 0"), 'integer numeric(9,2) text', 'import takes no code of others');
is($pg->value('SELECT t::text FROM imported.t'), '(1,2.00,"(4.00,x)")', 'and reads the rows');
is($pg->value('SELECT count(*) FROM public.seen'), 0, 'no code of the role was run');

# --- a view or a foreign table in the place of a table
$task->pause;
$src->sql("CREATE FOREIGN DATA WRAPPER nothing; CREATE SERVER nothing FOREIGN DATA WRAPPER nothing; GRANT USAGE ON FOREIGN SERVER nothing TO mallory");
my %swap = (
    view => "ALTER TABLE m.u RENAME TO u_; CREATE VIEW m.u AS SELECT id, p, m.note('view') AS v FROM m.u_",
    'foreign table' => 'ALTER TABLE m.u RENAME TO u_; CREATE FOREIGN TABLE m.u (id int, p m.pair, v text) SERVER nothing');
my %back = (view => 'DROP VIEW m.u; ALTER TABLE m.u_ RENAME TO u', 'foreign table' => 'DROP FOREIGN TABLE m.u; ALTER TABLE m.u_ RENAME TO u');
my $refused = qr/ERROR:.*(?:"?u"? is not a table|is restricted|is another than in the snapshot)/s;
for my $what (sort keys %swap)
{
    $src->sql("BEGIN; $swap{$what}; COMMIT", role => 'mallory');
    like($pg->error("SELECT count(*) FROM dtsmig.verify('m', tables => '{m.u}')"), qr/ERROR/, "a $what in the place of a table is an error");
    $src->sql($back{$what}, role => 'mallory');
}

# ... that comes between two statements of one call: whoever reads waits for the
# table, and when the wait is over the name is another's. The rule of the second
# task makes it read rows; that of the first lets the source sum them up.
my $rows = Dts::Task->new($src, $pg, name => 'f', options => { conflict => 'ignore' },
    objects => [ { schema => 'm', table => 'u', target_schema => 'n', filter => "lower(v) = 'v'" } ]);
$pg->sql("CREATE SCHEMA n; CREATE TABLE n.u AS SELECT * FROM m.u; ALTER TABLE n.u ADD PRIMARY KEY (id)");
my %reads = (
    'sums' => [ "dtsmig.verify('m', tables => '{m.u}')", 1 ],
    'a sample' => [ "dtsmig.verify('m', mode => 'sample', sample => 1, tables => '{m.u}')", 1 ],
    'rows of the precheck' => [ "dtsmig.precheck('f')", 0 ],
);
for my $what (sort keys %swap)
{
    for my $read (sort keys %reads)
    {
        my ($call, $fails) = @{ $reads{$read} };
        my $holder = Dts::Session->new(end => "\\echo %s", cmd => [ qw(stdbuf -oL), $src->psql_cmd(undef, 'mallory', 0) ]);
        $holder->ask('BEGIN; LOCK TABLE m.u IN ACCESS EXCLUSIVE MODE', 20);
        my ($out, $error) = ('', '');
        my $reader = IPC::Run::start([ $pg->psql_cmd, '-c', "SELECT count(*) FROM $call" ], \undef, \$out, \$error);
        ok($src->poll_query("SELECT count(*) > 0 FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE NOT l.granted AND a.usename = 'mig'", 20), "$what, $read: it waits for the table");
        $holder->ask("$swap{$what}; COMMIT", 20);
        $reader->finish;
        like($error, $refused, "$what, $read: and does not read what has its name") if $fails;
        is($src->value('SELECT count(*) FROM public.seen'), 0, "$what, $read: no function is run");
        $src->sql($back{$what}, role => 'mallory');
        $src->sql('TRUNCATE public.seen');
    }
}
done_testing();
