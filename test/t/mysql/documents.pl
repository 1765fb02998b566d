# What README and docs/ have a user of MariaDB or MySQL type runs as it
# stands, from the first GRANT to the cutover.
# dts-runs: mariadb
# dts-deep-runs: mysql-9.7
use strict;
use warnings;
use Test::More;
use Dts::Compare qw(same_table);
use Dts::Docs qw(blocks check_rules run_document);
use Dts::Task qw(server_pair);

my ($my, $pg) = server_pair();
my $mariadb = $my->value('SELECT VERSION()') =~ /MariaDB/;
$my->sql('CREATE DATABASE shop; USE shop; CREATE TABLE customers (id int AUTO_INCREMENT PRIMARY KEY, name varchar(40)); CREATE TABLE log_2026 (id int PRIMARY KEY)');
$my->sql("INSERT INTO shop.customers (name) VALUES ('a'), ('b'), ('c')") for 1 .. 20;

for my $file ('README.md', 'docs/tutorial-mysql.md')
{
    $my->sql("DROP USER IF EXISTS mig\@'%'");
    if (!$mariadb)
    {
        # the documents' words for MySQL
        $my->sql("CREATE USER mig\@'%' IDENTIFIED BY 'secret'; GRANT SELECT, SHOW VIEW, TRIGGER ON shop.* TO mig\@'%'; GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO mig\@'%'");
        like(join(' ', Dts::Env::slurp(Dts::Env::topdir() . "/$file")), qr/GRANT REPLICATION SLAVE, REPLICATION CLIENT ON \*\.\*/, "$file: the grant for MySQL");
    }
    cmp_ok(run_document($file, $my, $pg, source_is_ready => !$mariadb), '>=', 5, "$file: all of it");
    is($pg->value("SELECT status FROM dtsmig.tasks WHERE name = 'shop_move'", db => 'shop'), 'cut_over', "$file: the task has ended");
    local $pg->{dbname} = 'shop';
    same_table($my, 'shop.customers', $pg, 'shop.customers', $file);
}

# Pages that begin where a task is at work.
$my->sql("CREATE USER me\@'%' IDENTIFIED BY 'x'; GRANT ALL ON *.* TO me\@'%'");
my $begin = <<"END";
CREATE EXTENSION dtsmig;
CREATE SERVER shop TYPE '@{[ $mariadb ? 'mariadb' : 'mysql' ]}' FOREIGN DATA WRAPPER dtsmig_fdw OPTIONS (host '127.0.0.1', port '$my->{port}', dbname 'shop');
CREATE USER MAPPING FOR CURRENT_USER SERVER shop OPTIONS (user 'me', password 'x');
SELECT dtsmig.create_task('shop_move', source => 'shop');
SELECT dtsmig.start_task('shop_move');
SELECT dtsmig.wait_for('shop_move', 'incremental');
END
for my $file (map { "docs/$_.md" } qw(operations verify-and-cutover security limits types concepts rules troubleshooting foreign-tables))
{
    my $n = grep { $_->[0] eq 'sql' } blocks($file);
    $pg->sql("DROP ROLE IF EXISTS $_") for qw(grafana night_shift dtsmig_reader dtsmig_operator);
    is(run_document($file, $my, $pg, before => $begin), $n, "$file: all of it");
    $pg->sql("SELECT dtsmig.release_task('shop_move'); DROP EXTENSION dtsmig CASCADE", db => 'shop');
}
$pg->sql("CREATE SERVER shop TYPE 'mariadb' FOREIGN DATA WRAPPER dtsmig_fdw OPTIONS (host '127.0.0.1', port '$my->{port}', dbname 'shop'); CREATE USER MAPPING FOR CURRENT_USER SERVER shop OPTIONS (user 'me', password 'x')");
check_rules('docs/rules.md', $pg, 'shop');
done_testing();
