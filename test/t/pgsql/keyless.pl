# Tables of a PostgreSQL source without a key: rows are found by all that they
# hold, whatever types that is of; option replica_identity = full.
#
# dts-runs: postgresql-10, postgresql
# dts-deep-runs: postgresql-18 into postgresql-18-dev
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(time);
use Dts::Env qw(bindir run_as server_user);
use Dts::PgSource qw(pg_pair same_pg_tables);
use Dts::Task;

my ($src, $pg) = pg_pair();
my $version = $src->value('SHOW server_version_num');
$src->sql(<<'END');
CREATE SCHEMA k;
CREATE TYPE k.mood AS ENUM ('sad', 'ok'); CREATE TYPE k.pair AS (a int, b text); CREATE TYPE k.span AS RANGE (subtype = float8);
CREATE DOMAIN k.email AS text CHECK (VALUE LIKE '%@%'); CREATE DOMAIN k.short AS varchar(8); CREATE DOMAIN k.code AS char(4); CREATE DOMAIN k.num AS int; CREATE DOMAIN k.price AS numeric(10,2);
CREATE DOMAIN k.feel AS k.mood; CREATE DOMAIN k.period AS int4range; CREATE DOMAIN k.own_span AS k.span; CREATE DOMAIN k.list AS int[]; CREATE DOMAIN k.feels AS k.mood[]; CREATE DOMAIN k.doc AS json; CREATE DOMAIN k.bits AS bit(3);
CREATE DOMAIN k.deep AS k.email; CREATE DOMAIN k.at AS timestamp(0);
END
my @domains = qw(email short code num price feel period own_span list feels doc bits deep at);
if ($version >= 110000)
{
    $src->sql('CREATE DOMAIN k.both AS k.pair; CREATE DOMAIN k.needed AS k.pair CHECK ((VALUE).a > 0)');
    push @domains, qw(both needed);
}
my %value = (email => 'a@b', short => 'ab', code => 'x', num => 7, price => '12.50', feel => 'ok', period => '[1,5)', own_span => '[1.5,2)', list => '{1,NULL,3}', feels => '{ok,sad}',
    doc => '{"a":  1}', bits => '101', deep => 'c@d', at => '2020-01-02 03:04:05', both => '(1,x)', needed => '(2,y)');
for my $d (@domains)
{
    $src->sql("CREATE TABLE k.t_$d (v k.$d, n int); ALTER TABLE k.t_$d REPLICA IDENTITY FULL;
        CREATE TABLE k.n_$d (v k.$d NOT NULL, n int); ALTER TABLE k.n_$d REPLICA IDENTITY FULL; INSERT INTO k.t_$d VALUES ('$value{$d}', 1), ('$value{$d}', 2), (NULL, 3), (NULL, 4); INSERT INTO k.n_$d VALUES ('$value{$d}', 1), ('$value{$d}', 2), ('$value{$d}', 3)");
}
# unique keys with NULLs, which distinguish nothing
$src->sql('CREATE TABLE k.u (a int UNIQUE, b text, UNIQUE (b, a)); ALTER TABLE k.u REPLICA IDENTITY FULL; INSERT INTO k.u VALUES (1, $$x$$), (NULL, $$y$$), (NULL, $$y$$), (NULL, NULL), (2, NULL)');
$src->sql('CREATE TABLE k.mixed (a int UNIQUE, c int NOT NULL UNIQUE, v text); ALTER TABLE k.mixed REPLICA IDENTITY FULL; INSERT INTO k.mixed VALUES (NULL, 1, $$x$$), (NULL, 2, $$y$$), (3, 3, NULL)');
# as wide as a table can be
my $wide = 1590;
$src->sql('CREATE SCHEMA wide; CREATE TABLE wide.wide (' . join(', ', map { "c$_ " . ($_ % 3 ? 'int' : 'text') } 1 .. $wide) . '); ALTER TABLE wide.wide REPLICA IDENTITY FULL');
$src->sql("INSERT INTO wide.wide (c1, c2, c3, c700, c$wide) SELECT g, g % 2, NULL, g % 3, 'x' || g % 5 FROM generate_series(1, 200) g");
my $task = Dts::Task->new($src, $pg, name => 'm', objects => [ { schema => 'k' }, { schema => 'wide' } ])->start;
$task->wait_for('incremental', 90);
same_pg_tables($src, $pg, 'copied', schemas => ['k']);
for my $d (@domains)
{
    $src->sql("UPDATE k.t_$d SET n = n + 10; DELETE FROM k.t_$d WHERE n IN (11, 13); UPDATE k.t_$d SET v = NULL WHERE n = 12; UPDATE k.n_$d SET n = n * 2; DELETE FROM k.n_$d WHERE n = 4");
}
$src->sql('UPDATE k.u SET b = $$z$$ WHERE a IS NULL AND b = $$y$$; DELETE FROM k.u WHERE b IS NULL; UPDATE k.mixed SET v = $$new$$; DELETE FROM k.mixed WHERE c = 2; UPDATE k.mixed SET a = 9, c = 8 WHERE c = 1');
ok(eval { $task->catch_up(60); 1 }, 'changes of rows with domains and NULLs are applied') or diag $task->report;
same_pg_tables($src, $pg, 'changed', schemas => ['k']);
my $start = time;
$src->sql("DELETE FROM wide.wide WHERE c1 IN (5, 6)");
ok(eval { $task->catch_up(120); 1 }, 'rows of a wide table are deleted') or diag $task->report;
my $took = time - $start;
cmp_ok($took, '<', 15, sprintf('in time (%.1f s)', $took));
$start = time;
$src->sql("UPDATE wide.wide SET c1500 = 'y' WHERE c1 BETWEEN 10 AND 14; DELETE FROM wide.wide WHERE c1 = 20");
$task->catch_up(120);
$took = time - $start;
cmp_ok($took, '<', 20, sprintf('and updated (%.1f s)', $took));
my $rows = 'SELECT md5(string_agg(t::text, $$;$$ ORDER BY t::text)) FROM wide.wide t';
is($pg->value($rows), $src->value($rows), 'the wide table is equal');
is($pg->value("SELECT count(*) FROM dtsmig.verify('m')"), 0, 'a verification finds nothing');
$task->release;

# --- option replica_identity = full: pgbench's own tables
my ($code, $out) = run_as(server_user('postgres'), bindir() . '/pgbench', '-i', '-s', 1, '-q', '-h', '127.0.0.1', '-p', $src->{port}, '-U', 'postgres', 'postgres');
is($code, 0, 'pgbench has its tables') or diag $out;
$src->sql('CREATE TABLE public.nothing (a int, b text); ALTER TABLE public.nothing REPLICA IDENTITY NOTHING; INSERT INTO public.nothing SELECT g % 3, g FROM generate_series(1, 9) g');
my $identity = sub { $src->value("SELECT string_agg(relname || ' ' || relreplident::text, ', ' ORDER BY relname) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace") };
my $before = $identity->();
my $bench = Dts::Task->new($src, $pg, name => 'bench', objects => [ { schema => 'public' } ]);
like($pg->value("SELECT found || advice FROM dtsmig.precheck('bench') WHERE item = 'replica_identity' AND status = 'failed'"), qr/public\.nothing, public\.pgbench_history.*alter_task\('bench', '\{"replica_identity": "full"\}'\)/s, 'the precheck refuses, with the option');
$pg->sql(q(SELECT dtsmig.alter_task('bench', '{"replica_identity": "full"}')));
is($pg->value("SELECT status FROM dtsmig.precheck('bench') WHERE item = 'replica_identity'"), 'passed', 'with it all is well');
is($identity->(), $before, 'and nothing is changed yet');
$bench->start->wait_for('incremental', 90);
is($src->value("SELECT string_agg(relname, ', ' ORDER BY relname) FROM pg_class WHERE relreplident = 'f' AND relnamespace = 'public'::regnamespace"), 'nothing, pgbench_history', 'the start sets it');
like($pg->value("SELECT string_agg(message, ' ') FROM dtsmig.task_log WHERE task = 'bench'"), qr/REPLICA IDENTITY FULL is set at the source.*"public"\."nothing", "public"\."pgbench_history"/, 'and says so');
($code, $out) = run_as(server_user('postgres'), bindir() . '/pgbench', '-n', '-c', 4, '-t', 50, '-h', '127.0.0.1', '-p', $src->{port}, '-U', 'postgres', 'postgres');
is($code, 0, 'pgbench runs') or diag $out;
$src->sql('UPDATE public.pgbench_history SET delta = delta + 1 WHERE tid < 6; DELETE FROM public.pgbench_history WHERE tid = 7; UPDATE public.nothing SET b = b || $$!$$ WHERE a = 1');
$bench->catch_up(60);
same_pg_tables($src, $pg, 'pgbench', schemas => ['public']);
$bench->pause;
$bench->resume->wait_for('running');
my (undef, undef, $said) = $pg->psql("SELECT dtsmig.release_task('bench')");
is($identity->(), $before, 'the release puts it back');
like($said, qr/NOTICE:.*replica identities at the source are what they were before the task: "public"\."nothing", "public"\."pgbench_history"/, 'and says so');
like($pg->value("SELECT string_agg(message, ' ') FROM dtsmig.task_log WHERE task = 'bench'"), qr/are what they were before/, 'in the log, too');
is($src->value("SELECT count(*) FROM pg_namespace WHERE nspname = 'dtsmig_source'"), 0, 'and nothing is left at the source');
done_testing();
