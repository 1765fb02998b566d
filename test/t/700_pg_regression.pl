# The regression database of PostgreSQL itself: every object that pg_dump gives
# is equal at the destination, or is listed here with its reason; so are rows.
use strict;
use warnings;
use Test::More;
use Dts::Env qw(topdir tmpdir bindir run_as own_dir);
use Dts::PgSchema qw(compare_schemas);
use Dts::PgSource;
use Dts::Postgres;
use Dts::Task;

chomp(my $root = `"${\topdir()}/test/servers" --path postgresql-15-regress`);
plan skip_all => 'no source package of PostgreSQL' unless $root && -x "$root/regress/regress.so";
my ($version) = `${\bindir()}/postgres --version` =~ / (\d+)/;
plan skip_all => 'built for PostgreSQL 15' if $version != 15;

my $src = Dts::PgSource->new(conf => "max_connections = 100\n")->start;
my $out = own_dir(tmpdir() . '/pg_regress', $src->{user});
my ($code, $log) = run_as($src->{user}, '/bin/sh', '-c',
    "cd $out && PATH=${\bindir()}:\$PATH exec \"\$@\"", 'sh',
    "$ENV{DTS_PGXSDIR}/../test/regress/pg_regress", '--bindir=' . bindir(),
    "--inputdir=$root/regress", "--outputdir=$out", "--dlpath=$root/regress",
    "--schedule=$root/regress/parallel_schedule", '--host=127.0.0.1',
    "--port=$src->{port}", '--user=postgres', '--max-connections=4');
my ($failed, $all) = $log =~ /(\d+) of (\d+) tests failed/;
note "pg_regress: $failed of $all files differ" if $failed;
cmp_ok($src->value("SELECT count(*) FROM pg_class WHERE oid > 16384", db => 'regression'), '>', 1000,
    'the regression database is there') or BAIL_OUT($log);

my $pg = Dts::Postgres->new(preload => 1)->start;
$pg->sql('CREATE EXTENSION dtsmig');
# roles are of the cluster, not of the database
$pg->sql(qq{CREATE ROLE "$_->[0]"}) for $src->rows("SELECT rolname FROM pg_roles WHERE rolname LIKE 'regress%'");
# user mappings hold passwords: they are not taken along
my $mappings = $src->value('SELECT count(*) FROM pg_user_mapping', db => 'regression');
my $task = Dts::Task->new($src, $pg, name => 'r', db => 'regression', types => [qw(schema full)],
    options => { publications => 'true' });
$task->start;
eval { $task->wait_for('completed', 600); 1 } or diag $@;
is($pg->value("SELECT count(*) FROM dtsmig.task_objects WHERE state = 'failed'"), 0, 'no object failed')
  or diag $pg->sql("SELECT kind, name, error FROM dtsmig.task_objects WHERE state = 'failed'");

# What differs although pg_dump's own statements have run: the order of columns
# that a child of several parents has on its own is not said by them.
my %reason = (
    'differs: Name: gtestxx_4; Type: TABLE; Schema: public; Owner: -' => 'order of inherited columns',
    'differs: Name: test_type_diff2_c1; Type: TABLE; Schema: public; Owner: -' => 'order of inherited columns',
    'differs: Name: test_type_diff2_c2; Type: TABLE; Schema: public; Owner: -' => 'order of inherited columns',
);
my $report = compare_schemas($src, 'regression', $pg, 'postgres');
my @listed = grep { $reason{$_} } @{ $report->{different} };
note "counts: objects: $report->{objects}, equal: $report->{equal}, differing for a known reason: "
  . @listed . ", user mappings left out: $mappings";
note "$_ ($reason{$_})" for @listed;
is(join("\n", grep { !$reason{$_} } @{ $report->{different} }), '', 'every object is equal');
is($report->{equal} + @listed, $report->{objects}, "$report->{equal} of $report->{objects} objects are equal");

my @tables = map { $_->[0] } $src->rows("SELECT format('%I.%I', nspname, relname) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relkind = 'r' AND relpersistence <> 't' AND nspname !~ '^pg_' AND nspname <> 'information_schema' ORDER BY 1", db => 'regression');
# one session for all of them; by the names of columns, whatever their order
my $sums = join '', map { (my $name = $_) =~ s/'/''/g;
    "SELECT '$name: ' || count(*) || ' ' || coalesce(sum(hashtextextended(to_jsonb(t)::text, 0)), 0) FROM ONLY $_ t;\n" } @tables;
my %theirs = map { $_ => 1 } split /\n/, $pg->sql($sums);
my @diff = grep { !$theirs{$_} } split /\n/, $src->sql($sums, db => 'regression');
is(join("\n", @diff), '', scalar(@tables) . ' tables hold the same rows');
my $populated = "SELECT string_agg(relname, ' ' ORDER BY relname COLLATE \"C\") FROM pg_class WHERE relkind = 'm' AND relispopulated";
is($pg->value($populated), $src->value($populated, db => 'regression'), 'materialized views are filled where they were');
is($pg->value("SELECT count(*) FROM pg_constraint WHERE NOT convalidated"),
    $src->value("SELECT count(*) FROM pg_constraint WHERE NOT convalidated", db => 'regression'), 'constraints are validated where they were');
is($pg->value('SELECT count(*) FROM pg_index WHERE NOT indisvalid'), $src->value('SELECT count(*) FROM pg_index WHERE NOT indisvalid', db => 'regression'), 'indexes are valid where they were');
done_testing();
