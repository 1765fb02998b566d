# What is read of a PostgreSQL source does not depend on what its administrator
# has set for the database and for the account: formats, encodings, limits.
#
# dts-runs: postgresql-10, postgresql, postgresql-18 into postgresql-18-dev
use strict;
use warnings;
use Test::More;
use Dts::Env qw(poll_until);
use Dts::PgSource qw(pg_pair same_pg_tables);
use Dts::Task;

my ($src, $pg) = pg_pair();
my $version = $src->value('SHOW server_version_num');
$src->sql(<<'END');
CREATE SCHEMA s;
CREATE TABLE s.t (id int PRIMARY KEY, f float8, r real, b bytea, d date, ts timestamptz, i interval, x xml, m money, n numeric, a text[], v text, j jsonb);
INSERT INTO s.t SELECT g, 1/3.0::float8 * g, 0.1::real + g, decode(md5(g::text), 'hex'), date '2020-01-31' + g, timestamptz '2021-03-04 05:06:07.123456+00' + g * interval '1 hour',
    interval '1 year 2 mons 3 days 04:05:06.789' * g, xmlelement(name e, g), g * 1.25::money, g / 7.0, ARRAY['NULL', NULL, 'ä ' || g], E'back\\slash ''quote'' ä€😀 ' || g, jsonb_build_object('a', g) FROM generate_series(1, 500) g;
CREATE TABLE s.keyless (f float8, b bytea, i interval, ts timestamptz, v text);
ALTER TABLE s.keyless REPLICA IDENTITY FULL;
INSERT INTO s.keyless SELECT f, b, i, ts, v FROM s.t WHERE id < 50;
CREATE TABLE s.k (d date, f float8, v text, PRIMARY KEY (d, f));
INSERT INTO s.k SELECT d, f, v FROM s.t;
CREATE TABLE s."Order" (id int PRIMARY KEY, at timestamptz DEFAULT '2020-02-03 04:05:06+00', b bytea DEFAULT '\x00ff', i interval DEFAULT '1 day 2 hours', n money DEFAULT 12.5);
INSERT INTO s."Order" (id) VALUES (1), (2);
CREATE INDEX found ON s.t USING gin (to_tsvector('simple', v));
CREATE TABLE s.hidden (id int PRIMARY KEY, who text); INSERT INTO s.hidden VALUES (1, 'a'), (2, 'b');
ALTER TABLE s.hidden ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON s.hidden USING (who = 'a');
CREATE SCHEMA trap; CREATE FUNCTION trap.now() RETURNS text LANGUAGE sql AS 'SELECT ''trap''';
END
my %worst = (client_encoding => 'LATIN1', datestyle => 'SQL, DMY', intervalstyle => 'sql_standard', extra_float_digits => -5, bytea_output => 'escape',
    timezone => 'Asia/Kathmandu', row_security => 'on', transform_null_equals => 'on', search_path => 'trap, pg_catalog', statement_timeout => '300ms',
    lock_timeout => '100ms', idle_in_transaction_session_timeout => '200ms', standard_conforming_strings => 'off', quote_all_identifiers => 'on',
    array_nulls => 'off', xmlbinary => 'hex', xmloption => 'document', backslash_quote => 'off', escape_string_warning => 'on', gin_fuzzy_search_limit => 3,
    default_transaction_isolation => 'serializable');
$worst{idle_session_timeout} = '400ms' if $version >= 140000;
$worst{transaction_timeout} = '300ms' if $version >= 170000;
for (sort keys %worst)
{
    my $value = $_ eq 'search_path' ? $worst{$_} : "'$worst{$_}'";
    $src->sql("ALTER DATABASE postgres SET $_ = $value; ALTER ROLE mig SET $_ = $value");
}
my $task = Dts::Task->new($src, $pg, name => 'm', objects => [ { schema => 's' } ], options => { copy_workers => 2, rows_per_range => 1000 });
is($task->sql("SELECT string_agg(item || ': ' || found, '; ') FROM dtsmig.precheck('m') WHERE status = 'failed'"), '', 'nothing of it is in the way');
$task->start->wait_for('incremental', 90);
# a session of the application's, with settings of its own
my $run = sub { $src->sql("SET client_encoding = 'UTF8'; SET statement_timeout = 0; SET search_path = pg_catalog; SET row_security = off; SET standard_conforming_strings = on; SET idle_in_transaction_session_timeout = 0; $_[0]") };
$run->("INSERT INTO s.t SELECT id + 1000, f * 1.1, r, b, d + 1, ts, i, x, m, n, a, v || ' ä😀', j FROM s.t WHERE id < 100; UPDATE s.t SET f = f / 3 WHERE id % 5 = 0; DELETE FROM s.keyless WHERE f < 5; UPDATE s.keyless SET i = i * 2 WHERE f > 10;
    UPDATE s.k SET f = f * 1.1; INSERT INTO s.hidden VALUES (3, 'c'); INSERT INTO s.\"Order\" (id) VALUES (3)");
$task->catch_up(60);
is($pg->value("SELECT count(*) FROM dtsmig.verify('m')"), 0, 'a verification finds nothing');
is($pg->value("SELECT count(*) FROM dtsmig.verify('m', 'schema')"), 0, 'nor one of definitions');
$src->sql("ALTER DATABASE postgres RESET ALL; ALTER ROLE mig RESET ALL");
same_pg_tables($src, $pg, 'all rows, as they are', schemas => ['s']);
for my $column (qw(at b i n))
{
    is($pg->value("SELECT (pg_get_expr(adbin, adrelid)) FROM pg_attrdef d JOIN pg_attribute a ON attrelid = adrelid AND attnum = adnum WHERE adrelid = 's.\"Order\"'::regclass AND attname = '$column'"),
        $src->value("SELECT (pg_get_expr(adbin, adrelid)) FROM pg_attrdef d JOIN pg_attribute a ON attrelid = adrelid AND attnum = adnum WHERE adrelid = 's.\"Order\"'::regclass AND attname = '$column'"), "the default of $column");
}
$task->release;

# --- what cannot be set is said
$src->sql("CREATE ROLE plain LOGIN REPLICATION PASSWORD 'secret'; ALTER ROLE plain SET zero_damaged_pages = on; GRANT USAGE ON SCHEMA s TO plain; GRANT SELECT ON ALL TABLES IN SCHEMA s TO plain");
$src->prepend_hba('host all plain 127.0.0.1/32 md5');
$pg->sql($src->server_sql('p', user => 'plain'));
ok(poll_until(sub { $pg->error("SELECT count(*) FROM dtsmig.test_connection('p')") =~ /does not let a session set zero_damaged_pages/ }, 10), 'a setting that stays is an error');
like($pg->error("SELECT count(*) FROM dtsmig.test_connection('p')"), qr/55000.*HINT:.*ALTER ROLE "plain" SET zero_damaged_pages = 'off'/s, 'with the way on');
$pg->sql("SELECT dtsmig.create_task('q', source => 'p', migration_types => '{schema,full}', objects => '[{\"schema\": \"s\"}]')");
is($pg->value("SELECT status FROM dtsmig.precheck('q') WHERE item = 'connectivity'"), 'failed', 'the precheck fails');
$src->sql("ALTER ROLE plain SET zero_damaged_pages = 'off'");
is($pg->value("SELECT status FROM dtsmig.precheck('q') WHERE item = 'connectivity'"), 'passed', 'and passes after it');
done_testing();
