# Defaults of a PostgreSQL source: texts that are no numbers do not get into statements, 'now'
# is no constant.
# dts-runs: mariadb, mysql-9.7
use strict;
use warnings;
use Test::More;
use Dts::MariaDB;
use Dts::PgSource qw(pg_pair);
use Dts::Task;

my ($src, $hub) = pg_pair();
my $dst = Dts::MariaDB->new->start;
$dst->sql("CREATE USER app\@'%' IDENTIFIED BY 'pw'; GRANT ALL ON s.* TO app\@'%'; GRANT ALL ON dtsmig_ledger.* TO app\@'%'");
$src->sql(<<'END');
CREATE SCHEMA s;
CREATE TABLE s.inj (id integer PRIMARY KEY, a numeric DEFAULT ('1--'::text)::numeric, b integer);
COMMENT ON COLUMN s.inj.a IS E'x\n, evil int, -- ';
CREATE TABLE s.inj2 (id integer PRIMARY KEY, f float8 DEFAULT ('1e0--'::text)::float8, b integer CHECK (b > 0));
COMMENT ON COLUMN s.inj2.f IS E'x\n, evil int, -- ';
CREATE TABLE s.moments (id integer PRIMARY KEY, d date DEFAULT ('now'::text)::date, t time DEFAULT ('now'::text)::time, ts timestamp DEFAULT ('now'::text)::timestamp, tm date DEFAULT ('tomorrow'::text)::date, day timestamp DEFAULT CURRENT_DATE,
    day2 timestamptz DEFAULT now()::date, m money DEFAULT '1234.50', neg money DEFAULT '-0.01', CHECK (d >= ('today'::text)::date OR id > 0));
CREATE TABLE s.nobody (id integer PRIMARY KEY, n numeric(8,2) DEFAULT -1.50, f float8 DEFAULT '-1.5e-10', e float8 DEFAULT 1e100);
END
my $task = Dts::Task->new($src, $hub, name => 'st', objects => [ { schema => 's' } ], types => ['schema'], destination => $dst, destination_db => '', destination_user => 'app', destination_password => 'pw');
my @plan = map { [ map { $_ // '' } @$_ ] } $hub->rows("SELECT object, note, kind, statement FROM dtsmig.preview_schema('st')");
note join "\n", map { "$_->[0]: $_->[1]\n$_->[3]" } @plan;
my ($moments) = map { $_->[3] } grep { $_->[0] eq 'moments' && $_->[2] eq 'table' } @plan;
unlike($moments, qr/DEFAULT \(?'?20\d\d/, 'now and tomorrow are no constants');
like($moments, qr/`d` DATE NULL DEFAULT \(CURDATE/i, 'now of a date');
like($moments, qr/`m` DECIMAL\(19,2\) NULL DEFAULT 1234\.50/, 'an amount');
unlike($moments, qr/`day2?` DATETIME\(6\) NULL DEFAULT/, 'the day of now in a column with a time is none');
$task->start;
ok(eval { $task->wait_status('completed', 60) }, 'the schema is there') or diag join "\n", $task->last_error // '', $task->sql("SELECT string_agg(concat_ws(' ', name, state, error), E'\\n') FROM dtsmig.task_objects WHERE task = 'st' AND state <> 'done'");
is($dst->value("SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = 's' AND column_name = 'evil'"), 0, 'a default and a comment make no column');
is($dst->value("SELECT GROUP_CONCAT(table_name ORDER BY 1) FROM information_schema.tables WHERE table_schema = 's'"), 'inj,inj2,moments,nobody', 'all tables');
$dst->sql('INSERT INTO s.nobody (id) VALUES (1); INSERT INTO s.moments (id) VALUES (1)');
is(join('|', @{ ($dst->rows('SELECT n, f = -1.5e-10, e = 1e100 FROM s.nobody'))[0] }), '-1.50|1|1', 'numbers');
is(join('|', map { $_ // 'NULL' } @{ ($dst->rows('SELECT d = CURDATE(), tm, day, day2, m, neg FROM s.moments'))[0] }), '1|NULL|NULL|NULL|1234.50|-0.01', 'moments and amounts');
$task->drop;
done_testing();
