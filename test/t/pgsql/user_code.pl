# Code of users of a PostgreSQL source does not run as the task's account when
# tables are read: neither casts of their types, nor a view in the place of a
# table, nor policies.
use strict;
use warnings;
use Test::More;
use Dts::PgSource qw(pg_pair);
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
is($pg->value('SELECT count(*) FROM public.seen'), 0, 'nor here');

# --- a view in the place of a table, where the source can refuse it (see docs/security.md)
if (!$src->value("SELECT count(*) FROM pg_settings WHERE name = 'restrict_nonsystem_relation_kind'"))
{
    done_testing();
    exit;
}
$task->pause;
$src->sql("BEGIN; ALTER TABLE m.u RENAME TO u_; CREATE VIEW m.u AS SELECT id, p, m.note('view') AS v FROM m.u_; COMMIT", role => 'mallory');
my $error = $pg->error("SELECT count(*) FROM dtsmig.verify('m', tables => '{m.u}')");
like($error, qr/ERROR/, 'a view in the place of a table is an error');
is($src->value('SELECT count(*) FROM public.seen'), 0, "a view's functions are not run");
done_testing();
