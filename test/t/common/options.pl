# Options of a task, both directions of each, for both families of sources:
# kinds of DDL that rules leave out, conflict modes, origin, auto_resume over a
# restart, verification of definitions that rules shape, tasks that start at
# one moment.
use strict;
use warnings;
use Test::More;
use Dts::Env qw(poll_until);
use Dts::MariaDB;
use Dts::PgSource qw(pg_pair);
use Dts::Task;

my ($src, $pg) = pg_pair();
my $my = Dts::MariaDB->new->start;
my %rows = (operations => [qw(insert update delete)]);
sub here { my ($sql) = @_; return $pg->sql($sql) }
sub columns { my ($t) = @_; return $pg->value("SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = to_regclass('$t') AND attnum > 0 AND NOT attisdropped") // '' }
sub there { return join ' ', map { $pg->value("SELECT to_regclass('$_')") ? $_ : () } @_ }

# --------------------------------------------- tasks that start at one moment
# before anything else has made the helper schema at the source
$src->sql(join ';', map { "CREATE SCHEMA n$_; CREATE TABLE n$_.t (id int PRIMARY KEY)" } 1 .. 4);
for my $round (1, 2)
{
    my @t = map { Dts::Task->new($src, $pg, name => "n${round}_$_", db => 'postgres', options => { conflict => 'ignore' }, objects => [ { schema => "n$_" } ]) } 1 .. 4;
    $pg->sql('BEGIN;' . join('', map { "SELECT dtsmig.start_task('$_->{name}');" } @t) . 'COMMIT');
    $_->wait_for('incremental', 120) for @t;
    $src->sql(join ';', map { "INSERT INTO n$_.t VALUES ($round); ALTER TABLE n$_.t ADD c$round int" } 1 .. 4);
    $_->catch_up for @t;
    is(here('SELECT ' . join " || ' ' || ", map { "(SELECT count(*) FROM n$_.t)" } 1 .. 4), join(' ', ($round) x 4), "round $round: all of them run");
    is(columns('n4.t'), join(' ', 'id', map { "c$_" } 1 .. $round), "round $round: and get DDL");
    is(here("SELECT count(*) FROM dtsmig.task_log WHERE task LIKE 'n${round}_%' AND severity IN ('error', 'warning')"), '0', "round $round: without an error")
      or diag here("SELECT task, message, detail FROM dtsmig.task_log WHERE severity IN ('error', 'warning')");
    $_->release for @t;
    is($src->value("SELECT count(*) FROM pg_namespace WHERE nspname = 'dtsmig_source'"), 0, "round $round: the last to go takes the helper schema away");
}

for my $on ($my, $src)
{
    my $mysql = $on == $my;
    my $name = $mysql ? 'MariaDB' : 'PostgreSQL';
    my $p = $mysql ? 'm' : 'p';
    my @db = (db => $mysql ? $p : 'postgres');
    $on->sql($mysql ? "CREATE DATABASE $p" : "CREATE SCHEMA $p");
    my $use = $mysql ? "USE $p" : "SET search_path = $p";

    # --------------------------------------------------- kinds of DDL left out
    my %ddl = map { my $kind = $_; $kind => [ @{ $rows{operations} }, 'truncate', grep { $_ ne $kind } qw(create_table alter_table drop_table rename_table) ] }
      qw(create_table alter_table drop_table rename_table);
    $on->sql("$use; " . join ';', map { "CREATE TABLE $_ (id int PRIMARY KEY, v int); INSERT INTO $_ VALUES (1, 1)" } qw(no_alter no_drop no_rename no_truncate none all_of all_name all_drop));
    my @rules = ({ schema => $p, table => 'all%' }, (map { { schema => $p, table => $_->[0], operations => $_->[1] } }
        [ 'no_create%', $ddl{create_table} ], [ 'no_alter', $ddl{alter_table} ], [ 'no_drop', $ddl{drop_table} ], [ 'no_rename%', $ddl{rename_table} ],
        [ 'no_truncate', [ @{ $rows{operations} }, 'ddl' ] ], [ 'none', $rows{operations} ]));
    my $task = Dts::Task->new($on, $pg, name => "${p}_ddl", @db, objects => \@rules)->start;
    $task->wait_for('incremental', 90);
    my $rename = sub { my ($from, $to) = @_; return $mysql ? "RENAME TABLE $from TO $to" : "ALTER TABLE $from RENAME TO $to" };
    $on->sql("$use; " . join ';', map { ref $_ ? $rename->(@$_) : $_ }
        'ALTER TABLE no_alter ADD COLUMN w int', 'INSERT INTO no_alter VALUES (2, 2, 2)', 'ALTER TABLE no_alter DROP COLUMN v', 'INSERT INTO no_alter VALUES (3, 3)',
        'ALTER TABLE all_of ADD COLUMN w int', 'INSERT INTO all_of VALUES (2, 2, 2)',
        'DROP TABLE no_drop', 'DROP TABLE all_drop',
        [ 'no_rename', 'no_renamed' ], 'INSERT INTO no_renamed VALUES (2, 2)', [ 'all_name', 'all_named' ], 'INSERT INTO all_named VALUES (2, 2)',
        'CREATE TABLE no_create_1 (id int PRIMARY KEY)', 'INSERT INTO no_create_1 VALUES (1)', 'CREATE TABLE all_created (id int PRIMARY KEY)', 'INSERT INTO all_created VALUES (1)',
        'TRUNCATE TABLE no_truncate', 'INSERT INTO no_truncate VALUES (2, 2)', 'TRUNCATE TABLE all_of', 'INSERT INTO all_of VALUES (3, 3, 3)',
        'ALTER TABLE none ADD COLUMN w int', 'INSERT INTO none VALUES (2, 2, 2)', 'TRUNCATE TABLE none', 'INSERT INTO none VALUES (3, 3, 3)');
    $task->catch_up(90);
    is($task->status, 'running', "$name: DDL that is left out stops nothing") or diag $task->report;
    is(columns("$p.no_alter") . here(" SELECT * FROM $p.no_alter ORDER BY 1"), "id v1|1\n2|2\n3|", "$name: without alter_table");
    is(columns("$p.all_of") . here(" SELECT * FROM $p.all_of ORDER BY 1"), 'id v w3|3|3', "$name: with alter_table and truncate");
    is(there("$p.no_drop", "$p.all_drop"), "$p.no_drop", "$name: without drop_table, and with it");
    is(there("$p.no_rename", "$p.no_renamed", "$p.all_name", "$p.all_named"), "$p.no_rename $p.all_named", "$name: without rename_table, and with it");
    is(here("SELECT count(*) FROM $p.no_rename") . here("SELECT count(*) FROM $p.all_named"), '22', "$name: both are followed on");
    is(there("$p.no_create_1", "$p.all_created"), "$p.all_created", "$name: without create_table, and with it");
    is(here("SELECT * FROM $p.no_truncate ORDER BY 1"), "1|1\n2|2", "$name: without truncate");
    is(columns("$p.none") . here(" SELECT * FROM $p.none ORDER BY 1"), "id v1|1\n2|2\n3|3", "$name: rows alone");
    $task->release;

    # ---------------------------------------------------------- conflict modes
    my $k = "k$p";
    $on->sql(($mysql ? "CREATE DATABASE $k" : "CREATE SCHEMA $k") . "; CREATE TABLE $k.t (id int PRIMARY KEY, u int UNIQUE, v varchar(10)); INSERT INTO $k.t VALUES (1,1,'a'), (2,2,'b'), (3,3,'c')");
    my $mine = "INSERT INTO $k.t VALUES (2, 20, 'mine'), (9, 90, 'only here')";
    $pg->sql("CREATE SCHEMA $k; CREATE TABLE $k.t (id int PRIMARY KEY, u int UNIQUE, v varchar(10)); $mine");
    $db[1] = $k if $mysql;
    my @objects = (objects => [ { schema => $k } ]);
    $task = Dts::Task->new($on, $pg, name => "${k}_report", @db, @objects)->start;
    ok($task->wait_status('precheck_failed', 90), "$name: report: a table of the same name is refused");
    is(here("SELECT * FROM $k.t ORDER BY 1"), "2|20|mine\n9|90|only here", "$name: report: nothing is touched");
    $task->drop;
    $task = Dts::Task->new($on, $pg, name => "${k}_ignore", @db, @objects, options => { conflict => 'ignore' })->start;
    $task->wait_for('incremental', 90);
    is(here("SELECT * FROM $k.t ORDER BY 1"), "1|1|a\n2|20|mine\n3|3|c\n9|90|only here", "$name: ignore: rows that are there stay");
    $on->sql("UPDATE $k.t SET v = 'bb' WHERE id = 2; INSERT INTO $k.t VALUES (9, 9, 'i'); DELETE FROM $k.t WHERE id = 3; INSERT INTO $k.t VALUES (4, 4, 'd')");
    $task->catch_up;
    is(here("SELECT * FROM $k.t ORDER BY 1"), "1|1|a\n2|2|bb\n4|4|d\n9|9|i", "$name: ignore: changes overwrite them") or diag $task->report;
    # a table that appears later, and is at the destination already
    $pg->sql("CREATE TABLE $k.late (id int PRIMARY KEY); INSERT INTO $k.late VALUES (7)");
    $on->sql("CREATE TABLE $k.late (id int PRIMARY KEY); INSERT INTO $k.late VALUES (1)");
    $task->catch_up;
    is(here("SELECT string_agg(id::text, ' ' ORDER BY id) FROM $k.late"), '1 7', "$name: ignore: of new tables as well") or diag $task->report;
    $task->release;
    $pg->sql("TRUNCATE $k.t; $mine");
    $task = Dts::Task->new($on, $pg, name => "${k}_rows", @db, types => [qw(full incremental)], objects => [ { schema => $k, table => 't' } ])->start;
    ok($task->wait_status('failed', 90), "$name: report, without schema: a row that is there stops the copy") or diag $task->report;
    like($task->last_error, qr/duplicate key/, "$name: and says so");
    is(here("SELECT * FROM $k.t WHERE id IN (2, 9) ORDER BY 1"), "2|20|mine\n9|90|only here", "$name: the rows stay as they were");
    $task->release;

    # --------------------------------------- definitions that rules have shaped
    $on->sql("CREATE TABLE $k.s (id int PRIMARY KEY, v varchar(10), n int, gone int)");
    $task = Dts::Task->new($on, $pg, name => "${k}_set", @db, objects => [ { schema => $k, table => 's', columns => { v => 'label', gone => undef },
        primary_key => [ 'tag', 'id' ], set => { n => 'n * 2.5', tag => "'x'", twice => 'n * 2', at => 'dtsmig.commit_time' } } ])->start;
    $task->wait_for('incremental', 90);
    my $verify = sub { return here("SELECT kind || ' ' || coalesce(key::text, '') || coalesce(differences::text, '') FROM dtsmig.verify('${k}_set', mode => 'schema')") };
    is($verify->(), '', "$name: definitions with columns renamed, left out and set: nothing");
    $pg->sql("ALTER TABLE $k.s DROP COLUMN twice, ALTER label TYPE text, DROP CONSTRAINT s_pkey");
    like($verify->(), qr/label/, "$name: a type that was changed at the destination is found");
    like($verify->(), qr/column twice/, "$name: and a column of the rules' that is gone");
    like($verify->(), qr/unique key \(tag,id\)/, "$name: and their key");
    $task->release;
}

# --------------------------------------------- what is made, and under which name
# Definitions alone; each task makes them in a database of its own.
$_->sql("SET allow_in_place_tablespaces = on; CREATE TABLESPACE room LOCATION ''") for $src, $pg;
$src->sql(<<'END_SQL');
CREATE DATABASE made; \c made
CREATE TABLE "Mixed" (id int PRIMARY KEY, "Value" int); CREATE TABLE placed (id int) TABLESPACE room;
CREATE PUBLICATION pub FOR TABLE placed;
CREATE SUBSCRIPTION sub CONNECTION 'host=127.0.0.1 dbname=none' PUBLICATION x WITH (connect = false, slot_name = NONE);
SET allow_system_table_mods = on; INSERT INTO pg_seclabel VALUES ('placed'::regclass, 'pg_class'::regclass, 0, 'nobody', 'secret');
END_SQL
$my->sql('CREATE DATABASE made; CREATE TABLE made.Mixed (Id int PRIMARY KEY, txt text, FULLTEXT KEY ft (txt)); INSERT INTO made.Mixed VALUES (1, "a")');
my $made = sub {
    my ($on, $options) = @_;
    my $t = Dts::Task->new($on, $pg, name => 'made', db => 'made', types => [qw(schema full)], options => $options)->start;
    # a label whose provider is not at the destination cannot be made
    $t->wait_status($options->{security_labels} ? 'failed' : 'completed', 90) or diag $t->report;
    my $found = join ' ', map { $pg->value($_) // '' }
      "SELECT string_agg(c.relname || CASE WHEN c.relkind = 'i' THEN '=' || am.amname WHEN c.reltablespace <> 0 THEN '=' || (SELECT spcname FROM pg_tablespace WHERE oid = c.reltablespace) ELSE '' END, ' ' ORDER BY c.relname COLLATE \"C\") FROM pg_class c LEFT JOIN pg_am am ON am.oid = c.relam WHERE c.relnamespace IN (SELECT oid FROM pg_namespace WHERE lower(nspname) IN ('made', 'public')) AND c.relkind IN ('r', 'i') AND c.relname !~ 'pkey'",
      "SELECT string_agg('publication ' || pubname, ' ') FROM pg_publication", "SELECT string_agg('subscription ' || subname, ' ') FROM pg_subscription WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())",
      "SELECT string_agg('label', ' ') FROM dtsmig.task_objects WHERE task = 'made' AND statement LIKE '%SECURITY LABEL%'";
    $found =~ s/ +$//; $found =~ s/ +/ /g;
    $pg->sql('DROP SUBSCRIPTION IF EXISTS sub') ;
    $pg->sql('DROP PUBLICATION IF EXISTS pub; DROP SCHEMA IF EXISTS made, "PUBLIC" CASCADE; DROP TABLE IF EXISTS public."Mixed", public."MIXED", public.mixed, public.placed');
    $t->drop;
    $pg->sql('DROP SERVER src_made CASCADE');
    return $found;
};
is($made->($src, {}), 'Mixed placed', 'PostgreSQL: what is made without options');
is($made->($src, { tablespaces => \1 }), 'Mixed placed=room', 'tablespaces');
is($made->($src, { publications => \1, subscriptions => \1 }), 'Mixed placed publication pub subscription sub', 'publications, subscriptions');
is($made->($src, { security_labels => \1 }), 'Mixed placed label', 'security_labels');
is($made->($src, { name_case => $_->[0] }), $_->[1], "PostgreSQL: name_case $_->[0]") for [ 'source', 'Mixed placed' ], [ 'upper', 'MIXED PLACED' ], [ 'lower', 'mixed placed' ];
is($made->($my, {}), 'ft=gin mixed', 'MariaDB: a fulltext index, and names in lower case');
is($made->($my, { fulltext => 'skip', name_case => 'source' }), 'Mixed', 'fulltext skip, name_case source');

# memory of index builds; how long samples stay
$pg->sql(q{CREATE TABLE seen (t text); CREATE FUNCTION see() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN INSERT INTO public.seen VALUES (current_setting('maintenance_work_mem')); END$$;
  CREATE EVENT TRIGGER see ON ddl_command_end WHEN TAG IN ('ALTER TABLE', 'CREATE INDEX') EXECUTE FUNCTION see(); ALTER EVENT TRIGGER see ENABLE ALWAYS});
$made->($my, { maintenance_memory => 33 });
like($pg->value('SELECT string_agg(DISTINCT t, $$ $$) FROM seen'), qr/\b33MB\b/, 'maintenance_memory');
$pg->sql('DROP EVENT TRIGGER see');

# ------------------------------------------------------------------ origin
$my->sql('CREATE DATABASE r; CREATE TABLE r.t (id int PRIMARY KEY)');
my $task = Dts::Task->new($my, $pg, name => 'origin', db => 'r', options => { origin => 'none' })->start;
ok($task->wait_status('failed', 90), 'origin none: refused where the log does not have it');
like($task->last_error, qr/"origin" cannot be "none": the log of server "src_origin" does not say where changes came from/, 'and says why');
$pg->sql(q{SELECT dtsmig.alter_task('origin', '{"origin": "any"}')});
$task->resume;
$task->wait_for('incremental', 90);
pass('origin any: it goes on');
# how long samples stay; the worker tidies up when it begins
$pg->sql("INSERT INTO dtsmig.metric (task_id, at) SELECT id, now() - h * interval '1 hour' FROM dtsmig.tasks, unnest(ARRAY[3, 5000]) h WHERE name = 'origin'");
$pg->sql("INSERT INTO dtsmig.alert (task_id, kind, subject, message, raised, cleared) SELECT id, 'zero_date', k, 'planted', now() - interval '3 hours', CASE k WHEN 'over' THEN now() - interval '2 hours' END FROM dtsmig.tasks, unnest(ARRAY['over', 'raised']) k WHERE name = 'origin'");
my $stale = "SELECT coalesce(string_agg(sampled_at::text, '|'), '') FROM dtsmig.metrics WHERE task = 'origin' AND sampled_at < now() - interval '2 hours'";
$task->pause->resume;
ok($pg->poll_query("SELECT count(*) = 1 FROM ($stale) x (t) WHERE t <> '' AND t !~ '[|]'", 90), 'metrics_retention: a week') or diag $pg->value($stale);
$task->pause;
$pg->sql(q{SELECT dtsmig.alter_task('origin', '{"metrics_retention": 1}')});
$task->resume;
ok($pg->poll_query("SELECT count(*) = 1 FROM ($stale) x (t) WHERE t = ''", 90), 'an hour') or diag $pg->value($stale);
is($pg->value("SELECT string_agg(subject, ' ') FROM dtsmig.alerts WHERE task = 'origin' AND message = 'planted'"), 'raised', 'of alerts, too, that were over by then');

# --- batch_delay: transactions of the source in one here
$my->sql("DELIMITER //\nCREATE PROCEDURE r.fill(f int) BEGIN DECLARE i int DEFAULT 0; WHILE i < 400 DO INSERT INTO r.t VALUES (f + i); SET i = i + 1; END WHILE; END//\nDELIMITER ;\n");
my $commits = sub {
    my ($from, $delay) = @_;
    $task->pause;
    $pg->sql(qq{SELECT dtsmig.alter_task('origin', '{"batch_delay": $delay}')});
    $task->resume->wait_for('incremental', 60);
    $my->sql("CALL r.fill($from)");
    $task->catch_up;
    return $pg->value("SELECT count(DISTINCT xmin::text) FROM r.t WHERE id >= $from");
};
is($commits->(1000, 0), 400, 'batch_delay 0: each transaction by itself');
cmp_ok($commits->(2000, 5000), '<', 200, 'batch_delay: several together');
$my->sql('DELETE FROM r.t');
$task->release;

# --- auto_resume, over a restart of the destination
$task = Dts::Task->new($my, $pg, name => 'r', db => 'r', options => { auto_resume => 60, conflict => 'ignore' })->start;
$task->wait_for('incremental', 90);
$pg->sql('ALTER TABLE r.t ADD CONSTRAINT stop CHECK (id <> 1)');
$my->sql('INSERT INTO r.t VALUES (1)');
ok($task->wait_status('failed', 90), 'a task fails');
$pg->restart;
is($task->get("status || ' ' || (resume_at IS NOT NULL)"), 'failed true', 'it waits to be resumed, over a restart') if $task->status eq 'failed';
$pg->sql('ALTER TABLE r.t DROP CONSTRAINT stop');
ok($pg->poll_query('SELECT count(*) = 1 FROM r.t', 120), 'and is resumed by itself') or diag $task->report;
ok($task->wait_status('running', 60), 'it runs');
$pg->sql(q{SELECT dtsmig.alter_task('r', '{"auto_resume": 0}'); ALTER TABLE r.t ADD CONSTRAINT stop CHECK (id <> 2)});
$my->sql('INSERT INTO r.t VALUES (2)');
ok($task->wait_status('failed', 90), 'without auto_resume');
is($task->get("resume_at IS NULL"), 't', 'nobody waits');
$pg->restart;
is($task->get("status || ' ' || (resume_at IS NULL)"), 'failed true', 'and a restart resumes nothing');

# --- more and more seldom, and not for ever
$pg->sql(q{SELECT dtsmig.alter_task('r', '{"auto_resume": 60}')});
$task->resume;
ok($pg->poll_query("SELECT status = 'failed' AND resume_at IS NOT NULL FROM dtsmig.tasks WHERE name = 'r'", 60), 'with auto_resume it waits again') or diag $task->report;
my $pause = sub { return $task->get('round(extract(epoch FROM resume_at - last_error_at))') };
cmp_ok($pause->(), '<=', 12, 'ten seconds at first');
for my $case ([ '5 minutes', 299, 330 ], [ '50 minutes', 595, 605 ], [ '61 minutes' ])
{
    my ($since, $least, $most) = @$case;
    my $last = $task->get('last_error_at');
    $pg->sql("UPDATE dtsmig.task SET failed_since = now() - interval '$since', resume_at = now() WHERE task_name = 'r'");
    ok($pg->poll_query("SELECT status = 'failed' AND last_error_at > '$last' FROM dtsmig.tasks WHERE name = 'r'", 60), "$since: it is resumed and fails") or diag $task->report;
    $least ? ok($pause->() >= $least && $pause->() <= $most, "$since: the next time after " . $pause->() . ' s') : is($pause->(), '', "$since: it is left alone");
}
$task->release;
done_testing();
