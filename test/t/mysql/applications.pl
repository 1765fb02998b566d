# dts-runs: mariadb
# dts-deep-runs: mysql-9.7
# Two applications of a hundred tables and more each: they come to running, with
# all rows, NOT NULL of every column as at the source; and each object of the
# source is at the destination, or named with the reason why not.
use strict;
use warnings;
use Test::More;
use Dts::Applications;
use Dts::Compare qw(same_database);
use Dts::Task qw(server_pair);

my ($my, $pg) = server_pair();

sub rows_of { my ($server, $sql) = @_; return map { join '|', map { $_ // '' } @$_ } $server->rows($sql); }

my %changes = (
    erp => "UPDATE sales_document SET state = 'done', net = net + 1 WHERE id < 5; DELETE FROM stock_partner WHERE id = 1; INSERT INTO item (sku, unit_id, title) VALUES ('new', 1, ' trimmed '); DELETE FROM hr_import LIMIT 1; DELETE FROM item_group WHERE id = 3",
    crm => "UPDATE accounts SET deleted = 1, name = 'Ж' WHERE id LIKE '%1'; DELETE FROM users WHERE user_name = 'zoë'; UPDATE tasks_stat SET hits = 0; UPDATE pages_email SET address = CONCAT('x', address); DELETE FROM deals_link LIMIT 1; REPLACE INTO tickets_text VALUES (1, 'a', 'b')",
);
for my $app (qw(erp crm))
{
    my $schema = Dts::Applications->can($app)->();
    $my->sql("SET NAMES utf8mb4; SET sql_mode = ''; CREATE DATABASE $app DEFAULT CHARACTER SET utf8mb4; GRANT EVENT ON $app.* TO mig\@'%'; USE $app;\n$schema");
    cmp_ok($my->value("SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = '$app' AND table_type = 'BASE TABLE'"), '>', 100, "$app: more than a hundred tables");
    my $task = Dts::Task->new($my, $pg, name => $app, db => $app);
    is($pg->value("SELECT coalesce(string_agg(item || ': ' || found, E'\\n'), '') FROM dtsmig.precheck('$app') WHERE status = 'failed'"), '', "$app: nothing blocks the start");
    my $said = join "\n", rows_of($pg, "SELECT item, found FROM dtsmig.precheck_results WHERE task = '$app' AND status <> 'passed'");
    $task->start->wait_for('incremental', 240);
    is($task->status, 'running', "$app: running");
    same_database($my, $app, $pg, $app, "$app: rows");

    my $columns = "SELECT LOWER(table_name), LOWER(column_name), is_nullable FROM information_schema.columns WHERE table_schema = '$app' AND table_name IN (SELECT table_name FROM information_schema.tables WHERE table_schema = '$app' AND table_type = 'BASE TABLE')";
    is(join("\n", sort(rows_of($pg, $columns))), join("\n", sort(rows_of($my, $columns))), "$app: columns, and NOT NULL of each");

    # objects that are not at the destination have to be named with a reason
    my @objects = $pg->rows("SELECT kind, name, state, coalesce(error, note) FROM dtsmig.task_objects WHERE task = '$app' AND coalesce(error, note) IS NOT NULL");
    my $named = sub {
        my ($name) = @_;
        return $said =~ /\b\Q$name\E\b/i || grep { lc $_->[1] eq lc $name || $_->[1] =~ /(?:^|[._])\Q$name\E$/i || $_->[3] =~ /\b\Q$name\E\b/i } @objects;
    };
    my %here = map { $_ => 1 } rows_of($pg, "SELECT viewname FROM pg_views WHERE schemaname = '$app'");
    my @views = rows_of($my, "SELECT LOWER(table_name) FROM information_schema.views WHERE table_schema = '$app' ORDER BY 1");
    is(join(' ', grep { !$here{$_} && !$named->($_) } @views), '', "$app: each of " . @views . ' views is here or named');
    is(join(' ', grep { !$here{$_} } @views), $app eq 'erp' ? 'nice_items over_nice' : 'user_initials', "$app: those that call functions of the source's are not");

    %here = map { $_ => 1 } rows_of($pg, "SELECT lower(c.relname) || ': ' || (SELECT string_agg(lower(pg_get_indexdef(i.indexrelid, k, true)), ',' ORDER BY k) FROM generate_series(1, i.indnkeyatts) k) || CASE WHEN i.indisunique THEN ' unique' ELSE '' END FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = '$app'");
    $here{ $_ =~ s/"//gr } = 1 for keys %here;
    my @indexes = $my->rows("SELECT CONCAT(LOWER(table_name), ': ', LOWER(GROUP_CONCAT(column_name ORDER BY seq_in_index SEPARATOR ',')), IF(MIN(non_unique) = 0, ' unique', '')), index_name, MAX(index_type), MAX(sub_part) FROM information_schema.statistics WHERE table_schema = '$app' GROUP BY table_name, index_name");
    is(join("\n", map { "$_->[0] ($_->[1])" } grep { !$here{ $_->[0] } && !$named->($_->[1]) } @indexes), '', "$app: each of " . @indexes . ' indexes is here, or there is a note');
    is($pg->value("SELECT count(*) FROM pg_constraint c JOIN pg_namespace n ON n.oid = c.connamespace WHERE n.nspname = '$app' AND contype = 'f' AND convalidated"), $my->value("SELECT COUNT(*) FROM information_schema.referential_constraints WHERE constraint_schema = '$app'"), "$app: foreign keys");
    my @routines = rows_of($my, "SELECT routine_name FROM information_schema.routines WHERE routine_schema = '$app' UNION SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema = '$app' UNION SELECT event_name FROM information_schema.events WHERE event_schema = '$app'");
    is(join(' ', grep { !$named->($_) } @routines), '', "$app: routines, triggers and events are named") or diag $said;
    is($pg->value("SELECT coalesce(string_agg(kind || ' ' || name || ': ' || coalesce(error, note, '(no reason)'), E'\\n'), '') FROM dtsmig.task_objects WHERE task = '$app' AND state <> 'done' AND statement IS NOT NULL"), '', "$app: all that has a statement is made");

    $my->sql($changes{$app}, db => $app);
    $task->catch_up;
    same_database($my, $app, $pg, $app, "$app: changes");
    is($pg->value("SELECT count(*) FROM dtsmig.verify('$app', 'schema')"), 0, "$app: definitions") or diag $pg->sql("SELECT * FROM dtsmig.verify_results WHERE task = '$app'");
    like($pg->value("SELECT dtsmig.cutover('$app', quiet => '0.2 seconds')"), qr/./, "$app: cutover") or diag $task->report;
}
done_testing();
