# Who sees which task, who may drive it, and as whom it works.
use strict;
use warnings;
use Test::More;
use Dts::Env qw(poll_until);
use Dts::Task qw(server_pair);

my ($my, $pg) = server_pair();
$my->sql(<<'END_SQL');
CREATE DATABASE own; USE own;
CREATE TABLE t (id int PRIMARY KEY, v varchar(40)); INSERT INTO t VALUES (1, 'one'), (2, 'hidden value');
CREATE DATABASE other; CREATE TABLE other.theirs (id int PRIMARY KEY, v varchar(40)); INSERT INTO other.theirs VALUES (1, 'x');
END_SQL
my @roles = qw(mover member stranger reader ops);
$pg->sql(join '; ', (map { "CREATE ROLE $_ LOGIN" } @roles), 'GRANT mover TO member', 'GRANT CREATE ON DATABASE postgres TO mover');
like($pg->error('SELECT dtsmig.create_roles()', role => 'stranger'), qr/42501/, 'create_roles is for those who may make roles');
$pg->sql('SELECT dtsmig.create_roles()');
is($pg->error('SELECT dtsmig.create_roles()'), '', 'create_roles again');
$pg->sql('GRANT dtsmig_reader TO reader; GRANT dtsmig_operator TO ops');
$pg->sql($my->server_sql('src', dbname => 'own', role => 'mover') . '; GRANT USAGE ON FOREIGN SERVER src TO mover');
$pg->sql("SELECT dtsmig.create_task('own', source => 'src')", role => 'mover');
my $task = bless { my => $my, pg => $pg, name => 'own', role => 'mover' }, 'Dts::Task';
$task->start->wait_for('incremental', 120);

# --- rows of the views
sub as { my ($role, $sql) = @_; my @v = split /\n/, $pg->sql($sql, role => $role); return wantarray ? @v : $v[-1]; }
$pg->sql("UPDATE own.t SET v = 'planted' WHERE id = 2", role => 'mover');
is(as('mover', "SELECT kind || key FROM dtsmig.verify('own')"), 'differs{"id": "2"}', 'the owner verifies');
$pg->sql(q{INSERT INTO dtsmig.task_event (task_id, severity, message, detail) SELECT task_id, 'info', 'note', 'hidden value' FROM dtsmig.task});
my @views = map { $_->[0] } $pg->rows("SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = CASE c.relname WHEN 'tasks' THEN 'name' ELSE 'task' END WHERE relnamespace = 'dtsmig'::regnamespace AND relkind = 'v' ORDER BY 1");
cmp_ok(scalar @views, '>=', 8, 'views that show tasks');
my ($leak, $wrong) = ('', '');
for my $view (@views)
{
    my %n = map { $_ => as($_, "SELECT count(*) FROM dtsmig.$view") } @roles;
    $wrong .= " $view: $n{stranger} for a stranger" if $n{stranger} ne '0';
    $wrong .= " $view: $n{$_} of $n{mover} for $_" for grep { $n{$_} ne $n{mover} } qw(member reader ops);
    for my $role (qw(reader ops))
    {
        $leak .= " $view for $role" if as($role, "SELECT count(*) FROM dtsmig.$view v WHERE v::text ~ 'hidden value|secret|planted'") ne '0';
    }
}
is($wrong, '', 'a task is seen by its owner, members, readers and operators, and by nobody else');
is($leak, '', 'readers and operators see no data of rows');
is(as('mover', "SELECT differences IS NOT NULL FROM dtsmig.verify_results"), 't', 'the owner does');
like($pg->error("SELECT * FROM dtsmig.$_", role => 'reader'), qr/42501/, "the table $_ is nobody's to read") for qw(task task_event);
is(as('reader', 'SELECT count(*) FROM pg_user_mappings WHERE umoptions IS NOT NULL'), '0', 'nor are passwords');

# --- functions
my %call = (
    alter_task => q(dtsmig.alter_task('own', '{"tag": "x"}')), drop_task => q(dtsmig.drop_task('own')),
    release_task => q(dtsmig.release_task('own')), reverse_task => q(dtsmig.reverse_task('own')), cutover => q(dtsmig.cutover('own')), repair => q(dtsmig.repair('own')),
    skip_change => q(dtsmig.skip_change('own', 'SELECT 1')), resync_table => q(dtsmig.resync_table('own', 't')),
    precheck => q(dtsmig.precheck('own')), skip_object => q(dtsmig.skip_object('own', 'x')), retry_object => q(dtsmig.retry_object('own', 'x')), preview_schema => q(dtsmig.preview_schema('own')), start_task => q(dtsmig.start_task('own')),
    pause_task => q(dtsmig.pause_task('own')), resume_task => q(dtsmig.resume_task('own')), verify => q(dtsmig.verify('own')),
    ignore_precheck => q(dtsmig.ignore_precheck('own', 'routines')), clear_alert => q(dtsmig.clear_alert(1)), create_roles => q(dtsmig.create_roles()));
# what shows a task, and is for readers, too
my %show = (report => q(dtsmig.report('own')), task_definition => q(dtsmig.task_definition('own')), wait_for => q(dtsmig.wait_for('own', 'incremental', '1 s')));
my %harmless = map { $_ => 1 } qw(create_task test_connection dtsmig_fdw_validator dtsmig_fdw_handler connections disconnect disconnect_all compare translate_expression rename_in_statement option_list server_option_list
    precheck_item_list progress_bar sees_task task_runtime table_runtime read_all_tasks operate_all_tasks task_from_dump);
is(join(' ', grep { !$call{$_} && !$show{$_} && !$harmless{$_} } map { $_->[0] } $pg->rows("SELECT DISTINCT proname FROM pg_proc WHERE pronamespace = 'dtsmig'::regnamespace ORDER BY 1")), '', 'every function is looked at');
$pg->sql("INSERT INTO dtsmig.alert (alert_id, task_id, kind, message) OVERRIDING SYSTEM VALUE SELECT 1, task_id, 'failed', 'hidden' FROM dtsmig.task");
like($pg->error("SELECT $show{$_}", role => 'stranger'), qr/42501|42704/, "$_ is none for a stranger") for sort keys %show;
my ($handle, $task_id) = split / /, $pg->value('SELECT runtime_handle || \' \' || task_id FROM dtsmig.task');
for my $f ("SELECT count(*) FROM dtsmig.task_runtime($handle, $task_id) r WHERE r.pid IS NOT NULL OR r.applied_position IS NOT NULL")
{
    is(as('stranger', $f), '0', 'nor is what a worker says of itself');
    is(as($_, $f), '1', "which $_ sees") for qw(mover reader ops);
}
for my $role (qw(stranger reader ops))
{
    my @may = grep { $pg->error("SELECT $call{$_}", role => $role) !~ /42501/ } grep { $role ne 'ops' || !/^(pause|resume|clear_alert)/ } sort keys %call;
    is("@may", '', "$role may do nothing of that");
}
$pg->sql("INSERT INTO dtsmig.alert (alert_id, task_id, kind, subject, message) OVERRIDING SYSTEM VALUE SELECT 2, task_id, 'failed', 'x', 'another' FROM dtsmig.task; UPDATE dtsmig.alert SET cleared = NULL WHERE alert_id = 1");
is($pg->error('SELECT dtsmig.clear_alert(1)', role => 'ops'), '', 'an operator clears an alert');
is($pg->value("SELECT string_agg(alert_id || CASE WHEN cleared IS NULL THEN ' raised' ELSE ' cleared' END, ', ' ORDER BY alert_id) FROM dtsmig.alert"), '1 cleared, 2 raised', 'that one alone');
like($pg->error('SELECT dtsmig.clear_alert(1)', role => 'ops'), qr/ERROR/, 'it is none any more');
is($pg->error("SELECT dtsmig.wait_for('own', 'incremental', '1 s')", role => 'reader'), '', 'a reader may wait for it');
like($pg->error("SELECT dtsmig.wait_for('own', 'incremental', '1 s')", role => 'stranger'), qr/42501/, 'a stranger may not');
is($pg->error("SELECT dtsmig.pause_task('own')", role => 'ops'), '', 'an operator pauses');
is($task->status, 'paused', 'it is');
is($pg->error("SELECT dtsmig.resume_task('own')", role => 'ops'), '', 'and resumes');
$task->wait_for('running', 60);
like($pg->error("SELECT * FROM dtsmig.verify('own')", role => 'ops'), qr/permission denied for foreign server src/, 'to verify, an operator needs USAGE on the server');
like($pg->error("SELECT dtsmig.create_task('mine', source => 'src')", role => 'ops'), qr/permission denied for foreign server src/, 'as for a task');
$pg->sql('GRANT USAGE ON FOREIGN SERVER src TO ops');
is(as('ops', "SELECT kind || coalesce(key::text, '-') || coalesce(differences::text, '-') FROM dtsmig.verify('own')"), 'differs--', 'with it: what differs, without the data');
is($pg->error("SELECT dtsmig.repair('own')", role => 'member'), '', 'a member is as good as the owner');
ok($pg->poll_query("SELECT count(*) FROM dtsmig.verify_results WHERE state = 'repairing'", 60, '0'), 'repaired');

# --- as whom
$pg->sql(<<'END_SQL');
CREATE TABLE guarded (id int); INSERT INTO guarded VALUES (1); GRANT SELECT, INSERT, DELETE ON guarded TO mover;
CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''guarded''; END';
CREATE TRIGGER no BEFORE INSERT OR DELETE ON guarded FOR EACH ROW EXECUTE FUNCTION no();
CREATE FUNCTION pay() RETURNS void SECURITY DEFINER LANGUAGE sql SET search_path = public AS 'INSERT INTO guarded VALUES (2)';
END_SQL
$pg->sql(<<'END_SQL', role => 'mover');
CREATE TABLE own.seen (who name, session name, path text, what text);
CREATE FUNCTION own.try(sql text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE sql; INSERT INTO own.seen VALUES (current_user, session_user, current_setting('search_path'), sql || ': done');
  EXCEPTION WHEN OTHERS THEN INSERT INTO own.seen VALUES (current_user, session_user, current_setting('search_path'), sql || ': ' || sqlerrm); END $$;
CREATE FUNCTION own.spy(id int) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN PERFORM own.try('DELETE FROM public.guarded'), own.try('SELECT public.pay()'), own.try('SET ROLE postgres'), own.try('CREATE ROLE evil'); RETURN true; END $$;
ALTER TABLE own.t ADD CONSTRAINT spy CHECK (own.spy(id)) NOT VALID;
CREATE FUNCTION own.count(bigint) RETURNS bigint LANGUAGE sql AS 'SELECT own.try(''SELECT 1''); SELECT $1';
CREATE FUNCTION own.quote_ident(name) RETURNS text LANGUAGE sql AS 'SELECT own.try(''SELECT 1''); SELECT $1::text';
END_SQL
$my->sql("INSERT INTO own.t VALUES (3, 'three')");
ok($pg->poll_query('SELECT count(*) FROM own.t', 60, '3'), 'a row comes');
is($pg->sql('SELECT count(*) FROM guarded'), '1', "triggers of others' tables are not got round");
is($pg->sql(q{SELECT string_agg(what, E'\n' ORDER BY what) FROM own.seen}), <<'END' =~ s/\n\z//r, 'nor is anything else');
CREATE ROLE evil: permission denied to create role
DELETE FROM public.guarded: must be owner of table guarded
SELECT public.pay(): must be owner of table guarded
SET ROLE postgres: permission denied to set role "postgres"
END
is($pg->sql('SELECT DISTINCT who || session || path FROM own.seen'), 'movermoverpg_catalog, pg_temp', 'the worker is the owner, with a search_path of its own');
$task->catch_up;
$pg->sql('TRUNCATE own.seen');
$pg->sql("SET search_path = own, pg_catalog; SELECT count(*) FROM dtsmig.precheck('own'); SELECT count(*) FROM dtsmig.verify('own'); SELECT dtsmig.cutover('own', quiet => '0')");
is($task->status, 'cut_over', 'a superuser verifies it and cuts it over');
is($pg->sql('SELECT DISTINCT who || path FROM own.seen'), 'moverpg_catalog, pg_temp', 'what the owner has planted runs as the owner');
is($pg->sql("SELECT count(*) FROM own.seen WHERE what ~ 'done'"), '0', 'and gets nothing by it');
is($pg->sql('SELECT count(*) FROM guarded'), '1', 'not a row');

# --- into a table of somebody else
$pg->sql('CREATE TABLE theirs (id int PRIMARY KEY, v varchar(40)); GRANT USAGE ON SCHEMA public TO mover');
my $no = 0;
sub full
{
    my $name = 'full' . ++$no;
    $pg->sql("SELECT dtsmig.create_task('$name', source => 'other', migration_types => '{full}', objects => '[{\"schema\": \"other\", \"target_schema\": \"public\"}]', options => '{\"conflict\": \"ignore\"}'); SELECT dtsmig.start_task('$name')", role => 'mover');
    $pg->poll_query("SELECT status IN ('completed', 'failed', 'precheck_failed') FROM dtsmig.tasks WHERE name = '$name'", 60);
    my $why = $pg->sql("SELECT status || ' ' || coalesce(last_error, '') || coalesce((SELECT string_agg(found, ' ') FROM dtsmig.precheck_results WHERE task = '$name' AND status = 'failed'), '') FROM dtsmig.tasks WHERE name = '$name'");
    return $why . ' ' . $pg->sql('SELECT count(*) FROM theirs');
}
$pg->sql($my->server_sql('other', dbname => 'other', role => 'mover') . '; GRANT USAGE ON FOREIGN SERVER other TO mover');
like(full(), qr/^(precheck_)?failed .*(permission denied|lacks: SELECT, INSERT, UPDATE, DELETE).* 0$/s, 'a table that the owner may not write to stays as it is');
$pg->sql('GRANT SELECT, INSERT, UPDATE, DELETE ON theirs TO mover');
like(full(), qr/^(precheck_)?failed .*(must be owner|only on tables that it owns).* 0$/s, 'nor one whose triggers it may not disable');
SKIP:
{
    skip 'settings are granted from 15 on', 1 if $pg->sql('SHOW server_version_num') < 150000;
    $pg->sql('GRANT SET ON PARAMETER session_replication_role TO mover');
    like(full(), qr/^completed .*1$/s, 'with the rights it is written');
}

# --- policies of row-level security that would hide rows
$pg->sql('ALTER TABLE theirs OWNER TO mover; DELETE FROM theirs; ALTER TABLE theirs ENABLE ROW LEVEL SECURITY; ALTER TABLE theirs FORCE ROW LEVEL SECURITY; CREATE POLICY none ON theirs USING (false) WITH CHECK (true)');
like(full(), qr/^(precheck_)?failed .*row-level security .* 0$/s, 'a table with policies that apply to its owner is not written');
$pg->sql('ALTER TABLE theirs NO FORCE ROW LEVEL SECURITY');
like(full(), qr/^completed .*1$/s, 'without FORCE it is');
done_testing();
