# What docs/ have a user of a PostgreSQL source type runs as it stands.
use strict;
use warnings;
use Test::More;
use Dts::Docs qw(run_document);
use Dts::PgSource qw(pg_pair same_pg_tables);

my ($src, $pg) = pg_pair();
$src->sql('DROP ROLE mig; CREATE DATABASE shop');
$src->{dbname} = 'shop';
$src->sql("CREATE TABLE customers (id int PRIMARY KEY, name text); INSERT INTO customers SELECT g, 'c' || g FROM generate_series(1, 100) g");
is(run_document('docs/tutorial-postgresql.md', $src, $pg), 5, 'all of it');
is($pg->value("SELECT status FROM dtsmig.tasks WHERE name = 'shop_move'", db => 'shop'), 'cut_over', 'the task has ended');
is($pg->value("SELECT count(*), sum(id) FROM customers", db => 'shop'), $src->value('SELECT count(*), sum(id) FROM customers'), 'the rows are there');
done_testing();
