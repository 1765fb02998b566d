# dts-runs: mariadb, mysql-5.6, mysql-9.7
# The first migrations that people try: the sample databases. All tables and
# views are there, with the rows that they have at the source, and every column
# is NOT NULL that is there.
use strict;
use warnings;
use Test::More;
use Dts::Compare qw(same_database same_table);
use Dts::Env qw(slurp topdir);
use Dts::Task qw(server_pair);

my ($my, $pg) = server_pair();

# What a view says, as sorted lines; asked of both servers.
sub rows_of { my ($server, $sql) = @_; return join "\n", sort map { join '|', map { $_ // 'NULL' } @$_ } $server->rows($sql); }

for my $db (qw(rental atlas payroll))
{
    $my->sql("SET NAMES utf8mb4; SET sql_mode = ''; CREATE DATABASE $db DEFAULT CHARACTER SET utf8mb4; USE $db;\n" . slurp(topdir() . "/test/fixtures/samples/$db.sql"));
    my $task = Dts::Task->new($my, $pg, name => $db, db => $db);
    is($pg->value("SELECT coalesce(string_agg(item || ': ' || found, E'\\n'), '') FROM dtsmig.precheck('$db') WHERE status <> 'passed' AND item IN ('schema_change', 'zero_dates', 'objects')"), '', "$db: the precheck has no word on views and dates");
    is($pg->value("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'dtsmig_trial%'"), 0, 'and leaves nothing behind');
    $task->start->wait_for('incremental', 180);
    is($pg->value("SELECT coalesce(string_agg(kind || ' ' || name || ': ' || coalesce(error, note), E'\\n'), '') FROM dtsmig.task_objects WHERE task = '$db' AND state <> 'done' AND statement IS NOT NULL"), '', "$db: all objects are made") or diag $task->report;
    same_database($my, $db, $pg, $db, "$db: rows");

    my $columns = "SELECT LOWER(table_name), LOWER(column_name), is_nullable FROM information_schema.columns WHERE table_schema = '$db' AND table_name IN (SELECT table_name FROM information_schema.tables WHERE table_schema = '$db' AND table_type = 'BASE TABLE')";
    is(rows_of($pg, $columns), rows_of($my, $columns), "$db: NOT NULL of every column");

    my @views = map { $_->[0] } $my->rows("SELECT table_name FROM information_schema.views WHERE table_schema = '$db' ORDER BY 1");
    is($pg->value("SELECT coalesce(string_agg(viewname, ' ' ORDER BY viewname COLLATE \"C\"), '') FROM pg_views WHERE schemaname = '$db'"), join(' ', sort @views), "$db: every view");
    for my $view (@views)
    {
        my @names = map { $_->[0] } $my->rows("SELECT column_name FROM information_schema.columns WHERE table_schema = '$db' AND table_name = '$view' ORDER BY ordinal_position");
        # the order in which names are put together is nobody's where none is said
        my $unordered = $view eq 'film_list';
        my ($there, $here) = (rows_of($my, 'SELECT ' . join(', ', map { "`$_`" } @names) . " FROM $db.$view"), rows_of($pg, 'SELECT ' . join(', ', map { "\"$_\"" } @names) . " FROM $db.$view"));
        ($there, $here) = map { join "\n", sort map { my ($rest, $list) = /^(.*)\|(.*)$/; join '|', $rest, sort split /, /, $list } split /\n/ } $there, $here if $unordered;
        is($here, $there, "$db: what view $view says");
    }
    if ($db eq 'rental')
    {
        $my->sql("INSERT INTO payment (customer_id, staff_id, rental_id, amount, payment_date) VALUES (1, 1, 1, 100, '2005-06-16 15:18:57'); UPDATE actor SET last_name = 'NEW' WHERE actor_id = 1", db => $db);
        $task->catch_up;
        same_database($my, $db, $pg, $db, "$db: changes");
        is(rows_of($pg, 'SELECT store, manager, total_sales FROM rental.sales_by_store'), rows_of($my, 'SELECT store, manager, total_sales FROM rental.sales_by_store'), 'and the views show them');
    }
    is($pg->value("SELECT count(*) FROM dtsmig.verify('$db', 'schema')"), 0, "$db: definitions") or diag $pg->sql("SELECT * FROM dtsmig.verify_results WHERE task = '$db'");
    is($pg->value("SELECT string_agg(kind || subject, ' ') FROM dtsmig.alerts WHERE task = '$db'"), '', "$db: no alert");
    like($pg->value("SELECT dtsmig.cutover('$db', quiet => '0.2 seconds')"), qr/./, "$db: cutover") or diag $task->report;
}
done_testing();
