# Amounts of type money go from one lc_monetary to another as numbers: in the
# copy, in changes, as keys, in filters, in a verification.
#
# dts-runs: postgresql
# dts-deep-runs: postgresql-10, postgresql-18 into postgresql-18-dev
# dts-needs: file:/usr/share/i18n/locales/ja_JP file:/usr/share/i18n/locales/de_DE program:localedef
use strict;
use warnings;
use Test::More;
use Dts::Env qw(tmpdir poll_until);
use Dts::Postgres;
use Dts::PgSource;
use Dts::Precheck;
use Dts::Task;

my $locales = tmpdir() . '/locales';
mkdir $locales;
system('localedef', '-i', $_, '-f', 'UTF-8', "$locales/$_.UTF-8") for qw(ja_JP de_DE en_US);
system('chmod', '-R', 'a+rX', $locales);
$ENV{LOCPATH} = $locales;
my $src = Dts::PgSource->new->start;
my $pg = Dts::Postgres->new(preload => 1)->start;
$pg->sql('CREATE EXTENSION dtsmig');

# One database a pair of locales: what the source has, and what is at the destination.
my $n = 0;
for my $case ([ 'de_DE.UTF-8', 'en_US.UTF-8' ], [ 'en_US.UTF-8', 'de_DE.UTF-8' ], [ 'de_DE.UTF-8', 'C' ], [ 'ja_JP.UTF-8', 'ja_JP.UTF-8' ])
{
    my ($there, $here) = @$case;
    my $db = 'm' . ++$n;
    my $what = "$there to $here";
    $src->sql("CREATE DATABASE $db; ALTER DATABASE $db SET lc_monetary = '$there'; ALTER ROLE mig SET lc_monetary = 'ja_JP.UTF-8'");
    $pg->sql("ALTER DATABASE postgres SET lc_monetary = '$here'");
    $src->sql(<<'END', db => $db);
CREATE SCHEMA m; CREATE DOMAIN m.price AS money;
CREATE TABLE m.bytes (id int PRIMARY KEY, v money, d money DEFAULT 1000, a money[], p m.price);
CREATE TABLE m.texts (id int PRIMARY KEY, v money, t xml, p m.price, k text DEFAULT 'x') ;
CREATE TABLE m.key (v money PRIMARY KEY, t text);
CREATE TABLE m.keyless (v money, t xml, n int); ALTER TABLE m.keyless REPLICA IDENTITY FULL;
CREATE TABLE m.filtered (id int PRIMARY KEY, v money);
INSERT INTO m.bytes (id, v, p) VALUES (1, 1234567.89, 1), (2, -0.01, -5), (3, NULL, NULL), (4, 0, 0), (5, 92233720368547.58, 1.5), (6, -92233720368547.58, 2.5);
INSERT INTO m.texts (id, v, t, p) SELECT id, v, '<a/>', p FROM m.bytes;
INSERT INTO m.key SELECT g * 1000.25::numeric::money, g FROM generate_series(-20, 20) g;
INSERT INTO m.keyless SELECT g * 1000.25::numeric::money, '<b/>', g FROM generate_series(-20, 20) g;
INSERT INTO m.filtered SELECT g, (g * 100)::money FROM generate_series(1, 20) g;
END
    # only what the destination reads as it is written may hold amounts inside
    $src->sql("UPDATE m.bytes SET a = ARRAY[v, NULL, 12.5::numeric::money]", db => $db) if $here eq 'C';
    $src->sql('ALTER TABLE m.bytes DROP a', db => $db) if $here ne 'C';
    $pg->sql('DROP SCHEMA IF EXISTS m CASCADE');
    my $task = Dts::Task->new($src, $pg, name => "m$n", db => $db, objects => [ { schema => 'm' }, { schema => 'm', table => 'filtered', filter => q(v >= '500') } ]);
    is($task->sql("SELECT status FROM dtsmig.precheck('m$n') WHERE item = 'money'"), 'passed', "$what: the precheck passes");
    $task->start->wait_for('incremental', 60);
    my $same = sub {
        my ($when) = @_;
        for my $t (qw(bytes texts key keyless filtered))
        {
            my $columns = $t eq 'key' ? 'v::numeric, t' : $t eq 'keyless' ? 'v::numeric, n' : $t eq 'filtered' ? 'id, v::numeric' : 'id, v::numeric, p::money::numeric';
            my $where = $t eq 'filtered' ? q( WHERE v >= '500') : '';
            is($pg->value("SELECT string_agg(r, '; ') FROM (SELECT concat_ws(' ', $columns) AS r FROM m.$t ORDER BY 1) x"), $src->value("SELECT string_agg(r, '; ') FROM (SELECT concat_ws(' ', $columns) AS r FROM m.$t$where ORDER BY 1) x", db => $db), "$what: $t, $when");
        }
    };
    $same->('copied');
    $src->sql("UPDATE m.bytes SET v = v * 2, p = p * 3 WHERE id < 5; INSERT INTO m.bytes (id, v) VALUES (10, 1.99); UPDATE m.texts SET v = v * 2 WHERE id < 5; INSERT INTO m.texts VALUES (10, (-1000.5)::numeric::money, '<c/>', 7);
        UPDATE m.key SET t = t || '!' WHERE v > 100::money; DELETE FROM m.key WHERE v = 1000.25::numeric::money; UPDATE m.key SET v = v + 0.5::numeric::money WHERE t = '5!';
        UPDATE m.keyless SET n = n + 100 WHERE v > 0::money; DELETE FROM m.keyless WHERE n = -3; UPDATE m.filtered SET v = v - 300::money", db => $db);
    $task->catch_up;
    $same->('changed');
    if ($here eq 'C')
    {
        is($pg->value('SELECT string_agg(concat(x::numeric), $$ $$ ORDER BY id, o) FROM m.bytes, unnest(a) WITH ORDINALITY u(x, o)'), $src->value('SELECT string_agg(concat(x::numeric), $$ $$ ORDER BY id, o) FROM m.bytes, unnest(a) WITH ORDINALITY u(x, o)', db => $db), "$what: arrays");
    }
    my $default = 'BEGIN; INSERT INTO m.bytes (id) VALUES (77) RETURNING d::numeric; ROLLBACK';
    is($pg->value($default), $src->value($default, db => $db), "$what: a default");
    # what differs is found, and put right
    $pg->sql('UPDATE m.texts SET v = v + 1::money WHERE id = 1; UPDATE m.key SET t = $$wrong$$ WHERE t = $$2!$$');
    is($pg->value("SELECT string_agg(source_table, ' ' ORDER BY source_table) FROM dtsmig.verify('m$n')"), 'm.key m.texts', "$what: a verification finds two rows") or diag $task->report;
    $pg->sql("SELECT dtsmig.repair('m$n')");
    ok(poll_until(sub { $pg->value("SELECT count(*) FROM dtsmig.verify_results WHERE state = 'repaired' AND task = 'm$n'") == 2 }, 30), "$what: which are repaired");
    $same->('repaired');
    $task->release;
    $task->drop;
    $pg->sql("DROP SCHEMA m CASCADE");
}

# --- other digits
$src->sql("CREATE DATABASE yen; ALTER DATABASE yen SET lc_monetary = 'ja_JP.UTF-8'; ALTER ROLE mig RESET lc_monetary");
$src->sql('CREATE SCHEMA y; CREATE TABLE y.t (id int PRIMARY KEY, v money); INSERT INTO y.t VALUES (1, 100)', db => 'yen');
$pg->sql("ALTER DATABASE postgres SET lc_monetary = 'en_US.UTF-8'");
my $check = Dts::Precheck->new($src, $pg);
my $task = $check->task(db => 'yen');
$task = $check->both_ways($task, money => [ 'failed', qr/have 0 digits behind the point at the source \(lc_monetary ja_JP\.UTF-8\), and 2 at the destination/ ]);
$task->start->wait_for('incremental', 60);
is($pg->value('SELECT v::numeric FROM y.t'), 100, 'yen');
# changed under its hands
$pg->sql("ALTER DATABASE postgres SET lc_monetary = 'en_US.UTF-8'");
$task->pause;
$task->resume;
ok(poll_until(sub { ($task->last_error // '') =~ /have 0 digits behind the point at the source, and 2 at the destination/ }, 30), 'a database that is changed later stops the task') or diag $task->report;
like($task->get('last_error_hint'), qr/ALTER DATABASE postgres SET lc_monetary = 'ja_JP.UTF-8'/, 'with the way on');
$pg->sql("ALTER DATABASE postgres SET lc_monetary = 'ja_JP.UTF-8'");
$src->sql('INSERT INTO y.t VALUES (2, 250)', db => 'yen');
$task->resume;
ok(eval { $task->catch_up; 1 }, 'which goes on') or diag $task->report;
is($pg->value('SELECT sum(v)::numeric FROM y.t'), 350, 'with the rows');
done_testing();
