# Whoever owns a table of the destination has no more rights by that than
# before: what a low-privileged owner has put into defaults, generated columns,
# checks, indexes, domains, rules and triggers runs as that owner, whoever owns
# the task, whenever rows are copied, applied, read and compared, and when a
# statement of the source alters the table.
# dts-runs: mariadb, into postgresql-17-dev
# dts-deep-runs: into postgresql-18-dev
use strict;
use warnings;
use Test::More;
use IPC::Run ();
use Dts::Env qw(poll_until);
use Dts::MariaDB;
use Dts::PgSource qw(pg_pair);
use Dts::Session;
use Dts::Task;

my ($src, $pg) = pg_pair();
my $my = Dts::MariaDB->new->start;
$pg->sql(<<'END');
CREATE ROLE bob LOGIN; CREATE ROLE eve LOGIN; CREATE ROLE mover LOGIN;
GRANT CREATE ON DATABASE postgres TO bob, eve, mover; GRANT USAGE ON FOREIGN DATA WRAPPER dtsmig_fdw TO mover;
END

# Functions that note who runs them, and try to become more.
my $tools = <<'END';
CREATE SCHEMA lair;
CREATE TABLE lair.seen (who text, what text);
CREATE FUNCTION lair.note(what text) RETURNS int LANGUAGE plpgsql AS $$BEGIN
  INSERT INTO lair.seen VALUES (current_user, what);
  BEGIN EXECUTE 'ALTER ROLE bob SUPERUSER'; EXCEPTION WHEN OTHERS THEN NULL; END;
  BEGIN EXECUTE 'SET ROLE postgres'; INSERT INTO lair.seen VALUES ('SET ROLE as ' || current_user, what); EXCEPTION WHEN OTHERS THEN NULL; END;
  PERFORM set_config('search_path', 'lair', false);
  RETURN 1; END$$;
CREATE FUNCTION lair.fixed(what text) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$BEGIN RETURN lair.note(what); END$$;
CREATE FUNCTION lair.one(what text, v anyelement) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$BEGIN RETURN lair.note(what); END$$;
CREATE FUNCTION lair.fired() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM lair.note(tg_name); RETURN CASE tg_op WHEN 'DELETE' THEN old ELSE new END; END$$;
CREATE FUNCTION lair.fired_once() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM lair.note(tg_name); RETURN NULL; END$$;
CREATE DOMAIN lair.word AS text CHECK (lair.one('domain', VALUE) = 1);
CREATE DOMAIN lair.element AS text CHECK (lair.one('element', VALUE) = 1);
END

sub plant
{
    my ($s, $list) = @_;
    return <<"END";
CREATE SCHEMA $s;
CREATE TABLE $s.t (id int PRIMARY KEY, v int CHECK (lair.one('check', v) = 1), w lair.word, l $list,
  d int DEFAULT lair.note('default'), g int GENERATED ALWAYS AS (lair.one('generated', v)) STORED);
CREATE INDEX ON $s.t (lair.one('index', v));
CREATE INDEX ON $s.t (v) WHERE lair.fixed('predicate') = 1;
CREATE TRIGGER row_trigger BEFORE INSERT OR UPDATE OR DELETE ON $s.t FOR EACH ROW EXECUTE FUNCTION lair.fired();
CREATE TRIGGER truncate_trigger BEFORE TRUNCATE ON $s.t FOR EACH STATEMENT EXECUTE FUNCTION lair.fired_once();
ALTER TABLE $s.t ENABLE ALWAYS TRIGGER row_trigger, ENABLE ALWAYS TRIGGER truncate_trigger;
END
}

# What has been seen since the last time, all of it as bob.
sub seen
{
    my ($what) = @_;
    my $names = $pg->value("SELECT string_agg(DISTINCT what, ' ' ORDER BY what) FROM lair.seen");
    is($pg->value("SELECT string_agg(DISTINCT who, ' ') FROM lair.seen"), 'bob', "$what: it runs as the table's owner: $names");
    is($pg->value("SELECT rolsuper FROM pg_roles WHERE rolname = 'bob'"), 'f', "$what: who is no superuser by it");
    $pg->sql('TRUNCATE lair.seen');
    return $names;
}

$pg->sql($tools, role => 'bob');
for my $case ([ $my, 'rows_m', undef ], [ $src, 'rows_p', undef ], [ $my, 'mine', 'mover' ])
{
    my ($on, $s, $role) = @$case;
    my $mysql = $on == $my;
    $on->sql($mysql ? "CREATE DATABASE $s; USE $s; CREATE TABLE t (id int PRIMARY KEY, v int, w varchar(10), l varchar(10)); INSERT INTO t VALUES (1, 1, 'a', 'a'), (2, 2, 'b', 'b')"
        : "CREATE SCHEMA $s; CREATE TABLE $s.t (id int PRIMARY KEY, v int, w text, l text[]); INSERT INTO $s.t VALUES (1, 1, 'a', '{a}'), (2, 2, 'b', '{b}')");
    $pg->sql(plant($s, $mysql ? 'text' : 'lair.element[]'), role => 'bob');
    my $list = $mysql ? "'c'" : "'{c}'";
    if ($role)
    {
        $pg->sql("GRANT bob TO $role");
        # what the precheck asks for, of somebody else's schema
        $pg->sql("GRANT USAGE, CREATE ON SCHEMA $s TO $role", role => 'bob');
    }
    # a SELECT by a superuser would run what is planted, too: the test reads as bob
    my $task = Dts::Task->new($on, $pg, name => $s, role => $role, $mysql ? (db => $s) : (), objects => [ { schema => $s } ], options => { conflict => 'ignore' });
    $pg->sql('TRUNCATE lair.seen');
    $task->start->wait_for('incremental');
    my $names = seen("$s, copy");
    like($names, qr/check.*default.*domain.*generated.*index.*row_trigger/, "$s, copy: and it does run");
    like($names, qr/element/, "$s, copy: elements of arrays, too") if !$mysql;
    is($pg->value("SELECT string_agg(concat_ws(' ', id, v, w), ', ' ORDER BY id) FROM $s.t", role => 'bob'), '1 1 a, 2 2 b', "$s: the rows are there");
    $pg->sql("CREATE RULE rule AS ON DELETE TO $s.t DO ALSO SELECT lair.note('rule'); ALTER TABLE $s.t ENABLE ALWAYS RULE rule", role => 'bob');
    $pg->sql('TRUNCATE lair.seen');

    $on->sql("INSERT INTO $s.t VALUES (3, 3, 'c', $list); UPDATE $s.t SET v = 5 WHERE id = 1; DELETE FROM $s.t WHERE id = 2");
    $task->catch_up;
    like(seen("$s, changes"), qr/check.*default.*generated.*index.*predicate.*row_trigger.*rule/, "$s, changes: and it does run");

    is($pg->value("SELECT count(*) FROM dtsmig.verify('$s')", role => $role), 0, "$s: both sides are equal");
    like(seen("$s, verify"), qr/predicate/, "$s, verify: planning runs what an index has");

    $on->sql("ALTER TABLE $s.t " . ($mysql ? 'MODIFY v bigint' : 'ALTER COLUMN v TYPE bigint'));
    $on->sql("INSERT INTO $s.t VALUES (4, 4, 'd', $list)");
    $pg->sql('TRUNCATE lair.seen');
    # a generated column is in the way of another type: the statement fails as it would anywhere
    if (!poll_until(sub { $task->status eq 'failed' || $pg->value("SELECT count(*) FROM $s.t WHERE id = 4", role => 'bob') }, 20)) { diag $task->report; }
    if ($task->status eq 'failed')
    {
        like($task->report, qr/generated column|used by a (?:generated column|rule|trigger)/, "$s: the type of a column that others use is not changed");
        $pg->sql("DROP RULE rule ON $s.t; ALTER TABLE $s.t DROP COLUMN g", role => 'bob');
        $task->resume;
    }
    $task->catch_up;
    is($pg->value("SELECT format_type(atttypid, -1) FROM pg_attribute WHERE attrelid = '$s.t'::regclass AND attname = 'v'"), 'bigint', "$s: a statement of the source has altered the table");
    seen("$s, DDL");

    $on->sql("TRUNCATE TABLE $s.t");
    $task->catch_up;
    like(seen("$s, TRUNCATE"), qr/truncate_trigger/, "$s, TRUNCATE: and it does run");
    is($pg->value("SELECT count(*) FROM $s.t", role => 'bob'), 0, "$s: it is empty");

    # what would run at commit, as the task's owner
    $pg->sql("CREATE CONSTRAINT TRIGGER later AFTER INSERT ON $s.t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION lair.fired_once(); ALTER TABLE $s.t ENABLE ALWAYS TRIGGER later", role => 'bob');
    $on->sql("INSERT INTO $s.t VALUES (5, 5, 'e', $list)");
    ok(poll_until(sub { $task->status eq 'failed' }, 20), "$s: a deferred trigger stops the task");
    like($task->last_error, qr/cannot fire deferred trigger within security-restricted operation/, "$s: with its reason");
    is($pg->value("SELECT count(*) FROM lair.seen WHERE what = 'later' OR who <> 'bob'"), 0, "$s: it did not run");
    $pg->sql("DROP TRIGGER later ON $s.t", role => 'bob');
    $task->resume;
    $task->catch_up;
    is($pg->value("SELECT count(*) FROM $s.t", role => 'bob'), 1, "$s: without it the task goes on");

    # the end
    $pg->sql('TRUNCATE lair.seen');
    $pg->sql("SELECT dtsmig.cutover('$s', quiet => '0')", role => $role);
    is($task->status, 'cut_over', "$s: cut over");
    seen("$s, cutover");
}

# --- what a worker waits for has a name, from 17 on
if ($pg->value('SHOW server_version_num') >= 170000)
{
    $my->sql('CREATE DATABASE slow; CREATE TABLE slow.t (id int PRIMARY KEY)');
    my $slow = Dts::Task->new($my, $pg, name => 'slow', db => 'slow', options => { throttle_incremental_rows => 2 });
    $slow->start->wait_for('incremental');
    $my->sql('INSERT INTO slow.t VALUES ' . join ', ', map { "($_)" } 1 .. 20);
    ok($pg->poll_query("SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'dtsmig task $slow->{id}' AND wait_event_type = 'Extension' AND wait_event = 'DtsmigThrottle'", 30), 'a throttled worker is seen to be one');
    $slow->release;
}

# --- a role that may not become the owner does not write as somebody else
$pg->sql('REVOKE bob FROM mover; GRANT SET ON PARAMETER session_replication_role TO mover');
$pg->sql('CREATE SCHEMA plain; CREATE TABLE plain.t (id int PRIMARY KEY, v int); GRANT SELECT, INSERT, UPDATE, DELETE ON plain.t TO mover; GRANT USAGE, CREATE ON SCHEMA plain TO mover', role => 'bob');
$my->sql('CREATE DATABASE plain; CREATE TABLE plain.t (id int PRIMARY KEY, v int); INSERT INTO plain.t VALUES (1, 1)');
my $task = Dts::Task->new($my, $pg, name => 'plain', role => 'mover', db => 'plain', types => [ 'full', 'incremental' ], options => { conflict => 'ignore' });
$task->start;
ok(poll_until(sub { $task->status =~ /failed/ }, 20), 'no rows go into the table of a role that the owner may not become') or diag $task->report;
like($task->report, qr/SET ROLE to "?bob/, 'and the message says why');
is($pg->value('SELECT count(*) FROM plain.t'), 0, 'not a row');
$pg->sql('GRANT bob TO mover');
$task->resume if $task->status eq 'failed';
$task->start if $task->status eq 'precheck_failed';
$task->wait_for('incremental');
is($pg->value('SELECT count(*) FROM plain.t'), 1, 'as its member it goes on');

# --- a sequence of somebody else that becomes a view is none
$src->sql("CREATE SCHEMA sq; CREATE TABLE sq.t (id serial PRIMARY KEY); INSERT INTO sq.t DEFAULT VALUES");
my $sq = Dts::Task->new($src, $pg, name => 'sq', objects => [ { schema => 'sq' } ]);
$sq->start->wait_for('incremental');
$pg->sql('ALTER SCHEMA sq OWNER TO bob; ALTER TABLE sq.t OWNER TO bob');
$src->sql('INSERT INTO sq.t SELECT FROM generate_series(1, 10)');
$sq->catch_up;
$sq->release;
is($pg->value("SELECT last_value FROM sq.t_id_seq"), 11, "a sequence of another role is set");

# ... while it is waited for, and the view has no value
$src->sql("CREATE SCHEMA sr; CREATE TABLE sr.t (id int PRIMARY KEY); CREATE SEQUENCE sr.n");
my $sr = Dts::Task->new($src, $pg, name => 'sr', objects => [ { schema => 'sr' } ]);
$sr->start->wait_for('incremental');
$pg->sql('ALTER SCHEMA sr OWNER TO bob; ALTER SEQUENCE sr.n OWNER TO bob');
$src->sql("SELECT setval('sr.n', 60)");
my $holder = Dts::Session->new(end => "\\echo %s", cmd => [ qw(stdbuf -oL), $pg->psql_cmd(undef, 'bob', 0) ]);
$holder->ask('BEGIN; ALTER SEQUENCE sr.n RENAME TO was; CREATE VIEW sr.n AS SELECT NULL::bigint AS last_value, NULL::boolean AS is_called', 20);
my ($out, $error) = ('', '');
my $release = IPC::Run::start([ $pg->psql_cmd, '-c', "SELECT dtsmig.release_task('sr')" ], \undef, \$out, \$error);
ok($pg->poll_query('SELECT count(*) > 0 FROM pg_locks WHERE NOT granted', 20), 'a sequence is waited for');
$holder->ask('COMMIT', 20);
$release->finish;
like($error, qr/answered nothing where a value was expected/, 'what comes in its place is an error');
is($sr->status, 'released', 'and nothing more');
is(() = $pg->log_text =~ /terminated by signal/g, 0, 'no process has crashed');
done_testing();
