# What docs/ have a user of a PostgreSQL source type runs as it stands.
use strict;
use warnings;
use Test::More;
use Dts::Docs qw(run_document);
use Dts::Keepers qw(stand_in);
use Dts::MariaDB;
use Dts::PgSource qw(pg_pair same_pg_tables);
use Dts::Postgres;

my ($src, $pg) = pg_pair();
$src->sql('DROP ROLE mig; CREATE DATABASE shop');
$src->{dbname} = 'shop';
$src->sql("CREATE TABLE customers (id int PRIMARY KEY, name text); INSERT INTO customers SELECT g, 'c' || g FROM generate_series(1, 100) g");
is(run_document('docs/tutorial-postgresql.md', $src, $pg), 5, 'all of it');
is($pg->value("SELECT status FROM dtsmig.tasks WHERE name = 'shop_move'", db => 'shop'), 'cut_over', 'the task has ended');
is($pg->value("SELECT count(*), sum(id) FROM customers", db => 'shop'), $src->value('SELECT count(*), sum(id) FROM customers'), 'the rows are there');

# Pages of destinations elsewhere: the other server is the hub then.
$src->sql('CREATE SCHEMA shop; CREATE TABLE shop.orders (tenant_id int, id int, PRIMARY KEY (tenant_id, id)); CREATE TABLE shop.countries (id int PRIMARY KEY); CREATE TABLE shop.events (tenant_id int, id int, PRIMARY KEY (tenant_id, id)); INSERT INTO shop.orders SELECT g % 3, g FROM generate_series(1, 50) g');
my $begin = <<"END";
CREATE EXTENSION dtsmig;
CREATE SERVER shop TYPE 'postgresql' FOREIGN DATA WRAPPER dtsmig_fdw OPTIONS (host '127.0.0.1', port '$src->{port}', dbname 'shop');
CREATE USER MAPPING FOR CURRENT_USER SERVER shop OPTIONS (user 'mig', password 'secret');
END
my $account = "CREATE ROLE app LOGIN PASSWORD 'secret'; CREATE DATABASE shop OWNER app";
my $wait = sub { $pg->sql("SELECT dtsmig.wait_for('shop_move', 'incremental', '60 s')", db => 'shop') if $_[0] == 1 };
my $release = sub { $pg->sql("SELECT dtsmig.release_task('shop_move')", db => 'shop') };

my $dst = Dts::Postgres->new(preload => 0)->start;
$dst->sql($_) for split /; /, $account;
is(run_document('docs/elsewhere.md', $src, $pg, before => $begin, dest => $dst, after => $wait), 3, 'docs/elsewhere.md: all of it');
is($dst->value('SELECT count(*), sum(id) FROM shop.orders', db => 'shop'), $src->value('SELECT count(*), sum(id) FROM shop.orders'), 'its rows are at the destination');
is($pg->value("SELECT status FROM dtsmig.tasks WHERE name = 'shop_move'", db => 'shop'), 'cut_over', 'the task has ended');

my $cluster = Dts::Postgres->new(preload => 0)->start;
$cluster->sql($_) for split /; /, $account;
$cluster->{dbname} = 'shop';
stand_in($cluster, 'citus');
$cluster->sql('CREATE EXTENSION citus');
is(run_document('docs/distributed.md', $src, $pg, before => $begin, dest => $cluster), 1, 'docs/distributed.md: all of it');
is($pg->value("SELECT count(*) > 0 FROM dtsmig.preview_schema('shop_move') WHERE kind = 'distribution'", db => 'shop'), 't', 'which shows where rows go');
$release->();

my $my = Dts::MariaDB->new->start;
$my->sql("CREATE USER app\@'%' IDENTIFIED BY 'secret'; GRANT ALL ON *.* TO app\@'%'; CREATE DATABASE dtsmig_ledger");
is(run_document('docs/mysql-rows.md', $src, $pg, before => $begin, dest => $my, after => $wait), 1, 'docs/mysql-rows.md: all of it');
is($my->value("SELECT CONCAT(COUNT(*), ' ', SUM(id)) FROM shop.orders"), $src->value("SELECT count(*) || ' ' || sum(id) FROM shop.orders"), 'its rows are at the destination');
$release->();
done_testing();
