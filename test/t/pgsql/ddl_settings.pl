# DDL of a PostgreSQL source writes rows again as its own session's settings
# say: casts to text, to_char, literals.
#
# dts-runs: postgresql-10, postgresql
# dts-deep-runs: postgresql-18 into postgresql-18-dev
# dts-needs: file:/usr/share/i18n/locales/de_DE program:localedef
use strict;
use warnings;
use Test::More;
use Dts::Env qw(tmpdir poll_until);
use Dts::PgSource qw(pg_pair same_pg_tables);
use Dts::Task;

my $locales = tmpdir() . '/locales';
mkdir $locales;
for ([ 'de_DE', 'de_DE.UTF-8' ], [ 'fr_FR', 'fr_FR.UTF-8' ])
{
    system('localedef', '-i', $_->[0], '-f', 'UTF-8', "$locales/$_->[1]") == 0 or diag 'localedef complains';
}
$ENV{LOCPATH} = $locales;
my $src = Dts::PgSource->new->start;
# the destination lacks French
mkdir "$locales.here";
system('cp', '-r', "$locales/de_DE.UTF-8", "$locales.here/");
system('chmod', '-R', 'a+rX', $locales, "$locales.here");
$ENV{LOCPATH} = "$locales.here";
my $pg = Dts::Postgres->new(preload => 1)->start;
$pg->sql('CREATE EXTENSION dtsmig');
$src->sql("ALTER DATABASE postgres SET extra_float_digits = 0; ALTER DATABASE postgres SET bytea_output = escape; ALTER DATABASE postgres SET lc_time = 'de_DE.UTF-8'; ALTER DATABASE postgres SET lc_numeric = 'de_DE.UTF-8';
    ALTER DATABASE postgres SET lc_monetary = 'de_DE.UTF-8'; ALTER DATABASE postgres SET xmlbinary = hex; ALTER DATABASE postgres SET array_nulls = off; ALTER DATABASE postgres SET transform_null_equals = on;
    ALTER DATABASE postgres SET default_text_search_config = 'pg_catalog.german'; ALTER DATABASE postgres SET datestyle = 'SQL, DMY'; ALTER DATABASE postgres SET intervalstyle = 'sql_standard'; ALTER DATABASE postgres SET timezone = 'America/Lima'");
$src->sql(<<'END');
CREATE SCHEMA s;
CREATE TABLE s.t (id int PRIMARY KEY, f float8, r real, b bytea, b2 bytea, ts timestamp, n numeric, m money, a text, x bytea, d date, i interval, tz timestamptz, v text, nul int, m2 money, c text);
INSERT INTO s.t SELECT g, g / 3.0::float8, g / 7.0::real, decode(md5(g::text), 'hex'), '\x00ff'::bytea, timestamp '2020-01-15' + g * interval '40 days', 1234.5 * g, 1000.25 * g, '{NULL,a}', '\x41', date '2020-05-06' + g,
    g * interval '1 day 2 hours', timestamptz '2020-01-01 00:00+00' + g * interval '7 hours', 'die Häuser', NULL, 5 * g, g || ',5' FROM generate_series(1, 20) g;
END
my $task = Dts::Task->new($src, $pg, name => 'm', objects => [ { schema => 's' } ])->start;
$task->wait_for('incremental', 60);
my $resyncs = sub { $pg->value("SELECT count(*) FROM dtsmig.task_log WHERE message LIKE '%copied again%'") };
for my $sql ('ALTER TABLE s.t ALTER f TYPE text', 'ALTER TABLE s.t ALTER r TYPE varchar USING r::varchar', 'ALTER TABLE s.t ALTER b TYPE text USING b::text', 'ALTER TABLE s.t ALTER b2 TYPE text USING b2::text || $$!$$',
    q(ALTER TABLE s.t ALTER ts TYPE text USING to_char(ts, 'TMMonth TMDay')), q(ALTER TABLE s.t ALTER n TYPE text USING to_char(n, '999G999D99L')), 'ALTER TABLE s.t ALTER m TYPE text USING m::text',
    q(ALTER TABLE s.t ALTER a TYPE text[] USING a::text[]), 'ALTER TABLE s.t ALTER x TYPE xml USING xmlelement(name e, x)', 'ALTER TABLE s.t ALTER d TYPE text', 'ALTER TABLE s.t ALTER i TYPE text', 'ALTER TABLE s.t ALTER tz TYPE text',
    'ALTER TABLE s.t ALTER v TYPE tsvector USING to_tsvector(v)', 'ALTER TABLE s.t ALTER nul TYPE boolean USING (nul = NULL)', q(ALTER TABLE s.t ADD COLUMN later money DEFAULT '1.234,50 €'), 'ALTER TABLE s.t ALTER m2 TYPE numeric USING m2::numeric',
    q(ALTER TABLE s.t ALTER c TYPE numeric USING to_number(c, '99D9')))
{
    $src->sql($sql);
    $src->sql('UPDATE s.t SET id = id WHERE id = 3');
}
ok(eval { $task->catch_up(60); 1 }, 'statements under settings of the database') or diag $task->report;
is($resyncs->(), 0, 'are run, not copied');
$src->sql('ALTER DATABASE postgres RESET ALL');
same_pg_tables($src, $pg, 'values are those of the source', schemas => ['s']);
is($src->value("SELECT DISTINCT later::numeric FROM s.t"), '1234.50', 'an amount');
is($pg->value("SELECT DISTINCT later::numeric FROM s.t"), '1234.50', 'is the same at the destination');

# --- a locale that is not at the destination
$src->sql("CREATE TABLE s.u (id int PRIMARY KEY, ts timestamp, k int, m money); INSERT INTO s.u SELECT g, timestamp '2020-01-15' + g * interval '40 days', g, g FROM generate_series(1, 20) g");
$task->catch_up;
$src->sql("SET lc_time = 'fr_FR.UTF-8'; SET lc_monetary = 'fr_FR.UTF-8'; ALTER TABLE s.u ADD COLUMN other int");
$src->sql("SET lc_time = 'fr_FR.UTF-8'; SET lc_numeric = 'fr_FR.UTF-8'; ALTER TABLE s.u ALTER k TYPE bigint");
ok(eval { $task->catch_up(60); 1 }, 'what does not depend on it is done') or diag $task->report;
is($resyncs->(), 0, 'without a copy');
$src->sql("SET lc_time = 'fr_FR.UTF-8'; ALTER TABLE s.u ALTER ts TYPE text USING to_char(ts, 'TMMonth')");
ok(poll_until(sub { $resyncs->() > 0 }, 60), 'a table that was written by it is copied again') or diag $task->report;
ok(eval { $task->catch_up(60); 1 }, 'and followed') or diag $task->report;
ok(poll_until(sub { $pg->value("SELECT count(*) FROM dtsmig.task_tables WHERE state <> 'ready'") == 0 }, 60), 'at last');
same_pg_tables($src, $pg, 'French months', schemas => ['s']);
like($pg->value('SELECT string_agg(DISTINCT ts, $$ $$) FROM s.u'), qr/Janvier|Février|Mars/, 'they are French');
$src->sql("SET lc_monetary = 'fr_FR.UTF-8'; ALTER TABLE s.u ALTER m SET DEFAULT '1234,50 €'");
ok($task->wait_status('failed', 30), 'an amount in a statement that cannot be read stops the task') or diag $task->report;
like($task->last_error . $pg->value("SELECT last_error_hint FROM dtsmig.tasks WHERE name = 'm'") . $pg->value("SELECT string_agg(detail, ' ') FROM dtsmig.task_log WHERE task = 'm' AND severity = 'error'"),
    qr/locale "fr_FR\.UTF-8" \(lc_monetary of the session at the source\) is not installed at the destination/, 'with the reason');
$pg->sql(q(SELECT dtsmig.skip_change('m', 'ALTER TABLE s.u ALTER m SET DEFAULT 1234.5')));
$task->resume->wait_for('running');
$src->sql('INSERT INTO s.u (id) VALUES (100)');
$task->catch_up;
same_pg_tables($src, $pg, 'and goes on with a statement of the user', schemas => ['s']);
done_testing();
