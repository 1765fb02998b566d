# What the destination may be like: rows that somebody has changed at it,
# odd settings of its role, another encoding, too few worker slots, an owner
# who may not hold foreign keys back.
use strict;
use warnings;
use Test::More;
use Dts::Compare qw(same_table same_database compare_tables);
use Dts::Env qw(poll_until);
use Dts::Task qw(server_pair);

my ($my, $pg) = server_pair();
my $n = 0;

sub task
{
    my ($db, %opt) = @_;
    $n++;
    return Dts::Task->new($my, $opt{pg} // $pg, name => "strict$n", db => $db, %opt);
}

# --- rows that are not as they should be stop the task, by name
$my->sql(q{CREATE DATABASE sa; USE sa; CREATE TABLE t (id int PRIMARY KEY, name varchar(20), v int, UNIQUE KEY (name)); INSERT INTO t VALUES (1, 'one', 1), (2, 'two', 2), (3, 'three', 3), (4, 'four', 4);
    CREATE TABLE keyless (a int, b varchar(9)); INSERT INTO keyless VALUES (1, 'x'), (1, 'x'), (2, 'y')});
my $t = task('sa');
$t->start->wait_for('incremental', 60);

sub stops_and_goes_on
{
    my ($name, $here, $there, $pattern, $fix) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    $pg->sql($here);
    $my->sql("USE sa; UPDATE t SET v = v + 1 WHERE id = 4; $there");
    ok($t->wait_status('failed', 30), "$name: stops") or diag $t->report;
    my $e = $t->report;
    like($e, $pattern, "$name: the row is named");
    my $before = $pg->value('SELECT v FROM sa.t WHERE id = 4');
    $pg->sql($fix);
    $t->resume;
    $t->catch_up(30);
    same_database($my, 'sa', $pg, 'sa', "$name: fixed and resumed");
}
stops_and_goes_on('UPDATE of a row that is gone', 'DELETE FROM sa.t WHERE id = 2', 'UPDATE t SET v = 20 WHERE id = 2', qr/\(?id\)?\D{0,6}2\b/, q{INSERT INTO sa.t VALUES (2, 'two', 2)});
stops_and_goes_on('DELETE of a row that is gone', 'DELETE FROM sa.t WHERE id = 3', 'DELETE FROM t WHERE id = 3', qr/\(?id\)?\D{0,6}3\b/, q{INSERT INTO sa.t VALUES (3, 'three', 3)});
stops_and_goes_on('INSERT of a key that is there', q{INSERT INTO sa.t VALUES (50, 'mine', 0)}, q{INSERT INTO t VALUES (50, 'fifty', 50)}, qr/\(?id\)?\D{0,6}50\b/, 'DELETE FROM sa.t WHERE id = 50');
stops_and_goes_on('another unique value in the way', q{INSERT INTO sa.t VALUES (60, 'sixty-one', 0)}, q{INSERT INTO t VALUES (61, 'sixty-one', 50)}, qr/sixty-one/, 'DELETE FROM sa.t WHERE id = 60');
stops_and_goes_on('DELETE from a keyless table', 'DELETE FROM sa.keyless WHERE a = 2', 'DELETE FROM keyless WHERE a = 2', qr/keyless/, q{INSERT INTO sa.keyless VALUES (2, 'y')});
stops_and_goes_on('a constraint of the destination', 'ALTER TABLE sa.t ADD CONSTRAINT small CHECK (v < 1000)', 'UPDATE t SET v = 5000 WHERE id = 1', qr/small/, 'ALTER TABLE sa.t DROP CONSTRAINT small');
stops_and_goes_on('a table that is gone', 'DROP TABLE sa.keyless', q{INSERT INTO keyless VALUES (9, 'nine')}, qr/keyless/, q{CREATE TABLE sa.keyless (a int, b varchar(9)); INSERT INTO sa.keyless VALUES (1, 'x'), (1, 'x')});

# A lock in the way is waited for; it does not stop the task.
my $lock = Dts::Env::spawn({}, $pg->psql_cmd, '-c', 'BEGIN; LOCK TABLE sa.t; SELECT pg_sleep(4); COMMIT');
sleep 1;
$my->sql('UPDATE sa.t SET v = 77 WHERE id = 1');
$t->catch_up(30);
same_database($my, 'sa', $pg, 'sa', 'a lock at the destination is waited for');
is($t->status, 'running', 'and the task runs');
Dts::Env::reap($lock, undef, 10);

# --- settings of the role, the database and the session
$pg->sql(join ';', map { "ALTER ROLE postgres SET $_" } "DateStyle = 'SQL, DMY'", "IntervalStyle = 'sql_standard'",
    "TimeZone = 'America/St_Johns'", 'extra_float_digits = -5', "bytea_output = 'escape'", 'standard_conforming_strings = off',
    "client_encoding = 'LATIN1'", "statement_timeout = '1500ms'", "lock_timeout = '1s'", "idle_in_transaction_session_timeout = '1s'",
    "default_transaction_isolation = 'serializable'", 'default_transaction_read_only = on', 'transform_null_equals = on',
    "search_path = ''", 'row_security = off', 'check_function_bodies = off', 'enable_indexscan = off', 'work_mem = 64',
    "xmloption = 'document'", "lc_numeric = 'C'", 'array_nulls = off');
$my->sql(q{SET NAMES utf8mb4; CREATE DATABASE sb DEFAULT CHARACTER SET utf8mb4; USE sb; CREATE TABLE v (id int PRIMARY KEY, d date, dt datetime(3), ts timestamp(6) NULL, ti time(6), f float, g double, n decimal(20,5), b varbinary(20), s varchar(20), j json, e enum('a','ü'), st set('x','y'), bi bit(9), y year, u uuid);
    INSERT INTO v VALUES (1, '2001-02-03', '2001-02-03 04:05:06.789', '2001-02-03 04:05:06.789012', '04:05:06.5', 0.1, 0.1, -1.5, x'00ff5c', 'ä😀\\\\', '{"a": [null, 1.50]}', 'ü', 'x,y', 5, 2001, '123e4567-e89b-12d3-a456-426655440000'), (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
    CREATE TABLE iv (id int PRIMARY KEY, t time(6)); INSERT INTO iv VALUES (1, '-838:59:59.123456'), (2, '100:00:00'); CREATE TABLE big (id int PRIMARY KEY, t varchar(200), KEY (t)); INSERT INTO big SELECT seq, REPEAT(MD5(seq), 5) FROM seq_1_to_30000;
    CREATE TABLE keyless (a int, b text)});
$ENV{PGOPTIONS} = '-c default_transaction_read_only=off -c statement_timeout=0 -c idle_in_transaction_session_timeout=0 -c default_transaction_isolation=read\\ committed';
my $odd = task('sb', options => { time => 'interval' });
$odd->start;
ok(eval { $odd->wait_for('incremental', 90); 1 }, 'odd settings of the role: copied') or diag $@;
$my->sql('USE sb; INSERT INTO v SELECT id + 10, d, dt, ts, ti, f, g, n, b, s, j, e, st, bi, y, u FROM v; UPDATE v SET ts = ts + INTERVAL 1 DAY, g = g * 3, e = "a" WHERE id = 1; INSERT INTO iv SELECT id + 10, t FROM iv; UPDATE big SET t = CONCAT("n", t) WHERE id % 5 = 0; INSERT INTO keyless VALUES (NULL, NULL), (1, NULL); DELETE FROM keyless WHERE a IS NULL');
$odd->catch_up(60);
$pg->sql('ALTER ROLE postgres RESET ALL');
delete $ENV{PGOPTIONS};
same_database($my, 'sb', $pg, 'sb', 'odd settings of the role: equal');

# --- another encoding of the destination
$pg->sql("CREATE DATABASE lat ENCODING 'LATIN1' TEMPLATE template0 LOCALE 'C'");
my $lat = bless { %$pg, dbname => 'lat' }, ref $pg;
$lat->sql('CREATE EXTENSION dtsmig');
$my->sql(q{SET NAMES utf8mb4; CREATE DATABASE sc DEFAULT CHARACTER SET utf8mb4; USE sc; CREATE TABLE t (id int PRIMARY KEY, s varchar(20) COMMENT 'größe', e enum('ä','b')); INSERT INTO t VALUES (1, 'äöü', 'ä')});
my $enc = task('sc', pg => $lat);
$enc->start->wait_for('incremental', 60);
is($lat->value("SELECT encode(convert_to(s, 'UTF8'), 'hex') FROM sc.t"), 'c3a4c3b6c3bc', 'a LATIN1 database');
$my->sql(q{SET NAMES utf8mb4; USE sc; INSERT INTO t VALUES (2, 'ß', 'b'); UPDATE t SET s = 'Ä' WHERE id = 1});
$enc->catch_up;
is($lat->value("SELECT string_agg(encode(convert_to(s, 'UTF8'), 'hex'), ' ' ORDER BY id) FROM sc.t"), 'c384 c39f', 'changes into it');
$my->sql(q{SET NAMES utf8mb4; INSERT INTO sc.t VALUES (3, '中', 'b')});
ok($enc->wait_status('failed', 30), 'a character that it lacks stops the task');
like($enc->last_error, qr/LATIN1|encoding|equivalent/, 'and says so');
$enc->release;

# --- worker slots: too few are found before anything is done
for my $slots (1, 2)
{
    my $few = Dts::Postgres->new(preload => 0, conf => "max_worker_processes = $slots")->start;
    $few->sql('CREATE EXTENSION dtsmig');
    my $one = task('sa', pg => $few, objects => [ { schema => 'sa', table => 't', target_schema => 'w1' } ]);
    my $e = $few->error("SELECT dtsmig.start_task('$one->{name}')");
    $one->wait_status('precheck_failed|failed', 20) if $e eq '';
    my $why = $e . $few->value("SELECT string_agg(concat(item, ' ', found, ' ', advice), ' ') FROM dtsmig.precheck_results WHERE status = 'failed'");
    like($why, qr/max_worker_processes/, "max_worker_processes = $slots: said") or diag $one->report;
    isnt($one->status, 'running', "max_worker_processes = $slots: and nothing runs");
    is($few->value("SELECT count(*) FROM pg_namespace WHERE nspname = 'w1'"), 0, "max_worker_processes = $slots: nor was anything made");
    $few->stop;
}

# --- rows that the destination takes and does not keep
$pg->sql('CREATE SCHEMA fw; CREATE TABLE fw.t (id int PRIMARY KEY, name varchar(20), v int); CREATE FUNCTION fw.leaves_out() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN CASE WHEN NEW.id <> 1 THEN NEW END; END$$; CREATE TRIGGER leaves_out BEFORE INSERT ON fw.t FOR EACH ROW EXECUTE FUNCTION fw.leaves_out(); ALTER TABLE fw.t ENABLE ALWAYS TRIGGER leaves_out');
my $some = task('sa', types => ['full'], objects => [ { schema => 'sa', table => 't', target_schema => 'fw' } ])->start;
my $rows = $my->value('SELECT COUNT(*) FROM sa.t');
ok($some->wait_status('failed', 60), 'rows that are not stored stop the copy') or diag $some->report;
like($some->last_error, qr/the source gave $rows rows of table sa\.t, but ${\($rows - 1)} were stored/, 'with their numbers');
is($pg->value('SELECT count(*) FROM fw.t'), 0, 'and nothing is taken for a copy');
$pg->sql('DROP TRIGGER leaves_out ON fw.t');
$some->resume->wait_for('completed', 60);
is($pg->value('SELECT count(*) FROM fw.t'), $rows, 'without the trigger all come');

# --- an owner who is no superuser: foreign keys are in force while applying
$pg->sql('CREATE ROLE joe LOGIN; GRANT CREATE ON DATABASE postgres TO joe');
$my->sql(q{CREATE DATABASE sd; USE sd; CREATE TABLE a (id int PRIMARY KEY, v int); CREATE TABLE b (id int PRIMARY KEY, a int, FOREIGN KEY (a) REFERENCES a (id) ON DELETE CASCADE ON UPDATE CASCADE); CREATE TABLE c (id int PRIMARY KEY, b int, FOREIGN KEY (b) REFERENCES b (id)); CREATE TABLE self (id int PRIMARY KEY, up int, FOREIGN KEY (up) REFERENCES self (id));
    INSERT INTO a SELECT seq, 0 FROM seq_1_to_50; INSERT INTO b SELECT seq, seq FROM seq_1_to_50; INSERT INTO c SELECT seq, seq FROM seq_1_to_20; INSERT INTO self VALUES (1, NULL), (2, 1)});
$pg->sql($my->server_sql('joes', dbname => 'sd', role => 'joe') . '; GRANT USAGE ON FOREIGN SERVER joes TO joe');
my $joe = Dts::Task->new($my, $pg, name => 'joe', source => 'joes', role => 'joe');
$joe->start->wait_for('incremental', 60);
$my->sql(q{USE sd;
    BEGIN; INSERT INTO a VALUES (100, 1); INSERT INTO b VALUES (100, 100); INSERT INTO c VALUES (100, 100); COMMIT;
    BEGIN; DELETE FROM c WHERE id = 5; DELETE FROM b WHERE id = 5; DELETE FROM a WHERE id = 5; COMMIT;
    BEGIN; DELETE FROM c WHERE id = 6; DELETE FROM b WHERE id = 6; DELETE FROM a WHERE id = 6; INSERT INTO a VALUES (6, 6); INSERT INTO b VALUES (6, 6); INSERT INTO c VALUES (6, 6); COMMIT;
    DELETE FROM a WHERE id = 30; UPDATE a SET id = 1000 WHERE id = 31;
    BEGIN; INSERT INTO a VALUES (200, 1); UPDATE b SET a = 200 WHERE a = 7; DELETE FROM a WHERE id = 7; COMMIT;
    INSERT INTO self VALUES (3, 2), (4, 3); DELETE FROM self WHERE id = 4; DELETE FROM self WHERE id = 3;});
ok(eval { $joe->catch_up(40); 1 }, 'an ordinary owner: applied') or diag $@;
same_database($my, 'sd', $pg, 'sd', 'an ordinary owner: equal');
done_testing();
