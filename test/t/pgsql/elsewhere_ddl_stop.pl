# DDL of a PostgreSQL source at another PostgreSQL server: by a role without any
# special right, between rows of transactions, through kills of hub and
# destination and lost replies to COMMIT; what stops the task, and the ways on.
#
# dts-runs: postgresql, postgresql-10
use strict;
use warnings;
use JSON::PP ();
use Test::More;
use Time::HiRes qw(sleep);
use Dts::Env qw(poll_until);
use Dts::PgSource qw(pg_difference pg_pair same_pg_tables);
use Dts::PgShape qw(same_schema);
use Dts::Postgres;
use Dts::Proxy;
use Dts::Task;

my ($src, $hub) = pg_pair(fsync => 1);
my $dst = Dts::Postgres->new(preload => 0, fsync => 1)->start;
$dst->sql("CREATE ROLE app LOGIN PASSWORD 'pw'; CREATE DATABASE app OWNER app");
$dst->prepend_hba('host all app 127.0.0.1/32 scram-sha-256');
$dst->{dbname} = 'app';
my $line = Dts::Proxy->new(port => $dst->{port});
$hub->sql('CREATE ROLE mover LOGIN; GRANT CREATE ON DATABASE postgres TO mover; GRANT USAGE ON FOREIGN DATA WRAPPER dtsmig_fdw TO mover');

$src->sql(<<'END');
CREATE SCHEMA s;
CREATE SCHEMA other;
CREATE TYPE s.mood AS ENUM ('sad', 'ok');
CREATE TABLE s.beat (n int PRIMARY KEY); INSERT INTO s.beat VALUES (0);
CREATE TABLE s.t (id int PRIMARY KEY, v text, m s.mood); INSERT INTO s.t VALUES (1, 'a', 'ok'), (2, 'b', NULL);
CREATE TABLE s."Odd ""name" ("select" int PRIMARY KEY, "a b" text); INSERT INTO s."Odd ""name" VALUES (1, 'x');
CREATE TABLE s.parent (id int PRIMARY KEY); INSERT INTO s.parent VALUES (1), (2);
CREATE TABLE s.old_child (id int PRIMARY KEY, parent int CONSTRAINT old_fk REFERENCES s.parent);
CREATE TABLE s.not_this (id int PRIMARY KEY);
CREATE TABLE other.t (id int PRIMARY KEY);
END
$dst->sql('CREATE SCHEMA s; CREATE TABLE s.not_this (mine int); ALTER SCHEMA s OWNER TO app');

my $task = Dts::Task->new($src, $hub, name => 'st', db => 'postgres', role => 'mover',
    objects => [ { schema => 's' }, { schema => 's', table => 'not_%', exclude => JSON::PP::true() } ],
    destination => $dst, destination_port => $line->{port}, destination_user => 'app', destination_password => 'pw');
$task->start->wait_for('incremental', 90);

my $beat = 0;
sub follow_up
{
    $src->sql('UPDATE s.beat SET n = ' . ++$beat);
    return poll_until(sub {
        my $n = $dst->try_value('SELECT n FROM s.beat');
        return defined $n && $n eq $beat || $task->status =~ /failed/;
    }, 60, 0.05) && $task->status !~ /failed/;
}

# All tables that the task follows, over connections of the test.
sub same
{
    my ($what) = @_;
    ok(follow_up(), "$what: followed") or BAIL_OUT($task->report);
    my @tables = map { $_->[0] } $src->rows("SELECT format('%I.%I', nspname, relname) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relkind = 'r' AND nspname = 's' AND relname !~ '^not_'");
    my @diff = grep { $_ ne '' } map { pg_difference($src, $_, $dst, $_) } @tables;
    # names, types, NULLs, defaults of columns; keys and indexes
    my $shape = sub {
        my ($server) = @_;
        return join "\n", map { join '|', map { $_ // '' } @$_ } $server->rows(q{
            SELECT c.relname || '.' || a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid)
            FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT attisdropped
            LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum WHERE c.relkind = 'r' AND n.nspname = 's' AND c.relname !~ '^not_' ORDER BY 1}),
          $server->rows(q{SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 's' AND tablename !~ '^not_' ORDER BY 1}),
          $server->rows(q{SELECT conname, pg_get_constraintdef(k.oid) FROM pg_constraint k JOIN pg_class c ON c.oid = conrelid JOIN pg_namespace n ON n.oid = relnamespace WHERE n.nspname = 's' AND contype = 'c' AND c.relname !~ '^not_' ORDER BY 1});
    };
    is($shape->($dst), $shape->($src), "$what: the same definitions");
    ok(!@diff, "$what: " . @tables . ' tables are equal') or diag join "\n", @diff;
}
same('full load');

# --- statements between rows
$src->sql(<<'END');
BEGIN;
INSERT INTO s.t VALUES (3, 'c', 'sad');
ALTER TABLE s.t ADD COLUMN w int DEFAULT 7 NOT NULL, ADD COLUMN x text;
UPDATE s.t SET x = v || w;
ALTER TABLE s.t RENAME COLUMN v TO "New v";
INSERT INTO s.t VALUES (4, 'd', 'ok', 8, 'y');
ALTER TABLE s.t ALTER COLUMN w TYPE numeric(12,2) USING w / 3.0;
INSERT INTO s.t VALUES (5, 'e', 'ok', 8.25, 'y');
ALTER TABLE s.t DROP COLUMN x, ALTER COLUMN w DROP DEFAULT, ALTER COLUMN w DROP NOT NULL, ALTER COLUMN "New v" SET DEFAULT 'it''s', ALTER COLUMN "New v" SET NOT NULL;
UPDATE s.t SET w = NULL WHERE id = 1;
INSERT INTO s.t (id) VALUES (6);
ALTER TABLE s.t ADD CONSTRAINT positive CHECK (w >= 0), ADD UNIQUE ("New v", id);
CREATE INDEX t_w ON s.t (w) WHERE w IS NOT NULL;
CREATE TABLE s.made (id int PRIMARY KEY, "Ünï" text DEFAULT E'a\\b''c');
INSERT INTO s.made VALUES (1), (2);
ALTER TABLE s.made RENAME TO "Made ""it";
DELETE FROM s."Made ""it" WHERE id = 1;
CREATE TABLE s.gone (id int); INSERT INTO s.gone VALUES (1); DROP TABLE s.gone;
ALTER TABLE s."Odd ""name" ADD COLUMN "sem'i;colon" int DEFAULT 3;
UPDATE s."Odd ""name" SET "sem'i;colon" = 4;
TRUNCATE s.old_child;
COMMIT;
ALTER TYPE s.mood ADD VALUE 'happy' AFTER 'sad';
INSERT INTO s.t (id, m) VALUES (7, 'happy');
ALTER TABLE s.not_this ADD COLUMN x int;
INSERT INTO s.not_this VALUES (1, 1);
DROP TABLE other.t; CREATE TABLE other.u (id int PRIMARY KEY);
SET search_path = s; SET DateStyle = 'SQL, DMY'; SET standard_conforming_strings = off;
ALTER TABLE t ADD COLUMN d date DEFAULT '02/01/2020', ADD COLUMN bs text DEFAULT 'a\\b';
INSERT INTO t (id) VALUES (8);
COMMENT ON TABLE t IS 'it''s t';
CREATE VIEW v AS SELECT id, w FROM t; CREATE SEQUENCE seq START 5; ALTER SEQUENCE seq INCREMENT 3;
DROP INDEX t_w;
END
same('statements between rows');
is($dst->value(q{SELECT string_agg(attname, ',') FROM pg_attribute WHERE attrelid = 's.not_this'::regclass AND attnum > 0}), 'mine', 'a table of that name that is not selected is as it was');
is($dst->value("SELECT to_regnamespace('other') IS NULL"), 't', 'nor is there another schema');
is($dst->value("SELECT obj_description('s.t'::regclass)"), "it's t", 'a comment');
is($dst->value("SELECT increment_by FROM pg_sequences WHERE sequencename = 'seq'"), 3, 'a sequence');
is($dst->value('SELECT count(*) FROM s.v'), $src->value('SELECT count(*) FROM s.v'), 'a view');
is($dst->value("SELECT string_agg(DISTINCT setting, ',') FROM pg_db_role_setting, unnest(setconfig) setting"), '', 'no setting stays');

# --- what would act on rows waits
$src->sql(<<'END');
CREATE FUNCTION s.twice() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.n := NEW.n * 2; RETURN NEW; END$$;
CREATE TABLE s.child (id int PRIMARY KEY, parent int CONSTRAINT child_fk REFERENCES s.parent ON DELETE CASCADE, n int);
CREATE TRIGGER twice BEFORE INSERT ON s.child FOR EACH ROW EXECUTE PROCEDURE s.twice();
INSERT INTO s.child VALUES (1, 1, 1), (2, 2, 2);
ALTER TABLE s.child ADD COLUMN also int, ADD CONSTRAINT also_fk FOREIGN KEY (also) REFERENCES s.parent;
BEGIN; INSERT INTO s.child VALUES (3, 2, 3); DELETE FROM s.parent WHERE id = 1; INSERT INTO s.parent VALUES (9); INSERT INTO s.child VALUES (4, 9, 5, 9); COMMIT;
ALTER TABLE s.old_child DROP CONSTRAINT old_fk;
END
same('foreign keys and triggers');
is($dst->value("SELECT count(*) FROM pg_constraint WHERE contype = 'f'") + $dst->value('SELECT count(*) FROM pg_trigger'), 0, 'they are not there');
is($task->sql("SELECT string_agg(kind || ' ' || name, ', ' ORDER BY name) FROM dtsmig.task_objects WHERE task = 'st' AND state = 'waiting'"),
    'foreign key s.child also_fk, foreign key s.child child_fk, trigger s.child twice', 'they wait, and one that was dropped does not');

# --- the reply to COMMIT is lost: the catalog follows the ledger over it
my $round = 0;
for my $sql ('ALTER TABLE s.t ADD COLUMN l1 int DEFAULT 5; UPDATE s.t SET l1 = id; ALTER TABLE s.t DROP COLUMN bs; INSERT INTO s.t (id, l1) VALUES (1001, 1)',
    'ALTER TABLE s.t RENAME COLUMN l1 TO l2; UPDATE s.t SET l2 = l2 + 1; ALTER TABLE s.t RENAME COLUMN l2 TO l3; INSERT INTO s.t (id, l3) VALUES (1002, 1)',
    'CREATE TABLE s.lost (id int PRIMARY KEY, v int, p int REFERENCES s.parent); INSERT INTO s.lost VALUES (1, 1, 2); ALTER TABLE s.lost RENAME TO lost2; UPDATE s.lost2 SET v = v + 1',
    'DELETE FROM s.lost2; INSERT INTO s.lost2 VALUES (2, 2); DROP TABLE s.lost2; CREATE TABLE s.lost2 (other text PRIMARY KEY); INSERT INTO s.lost2 VALUES (\'x\')',
    'ALTER TYPE s.mood RENAME TO feeling; UPDATE s.t SET m = NULL WHERE id = 7; ALTER TABLE s.t ALTER COLUMN l3 TYPE text; UPDATE s.t SET l3 = l3 || id')
{
    $round++;
    for my $end ($round % 2 ? qw(reply request) : qw(request reply))
    {
        # each statement once: the second time there are rows alone
        follow_up();
        $line->lose($end);
        $src->sql($end eq ($round % 2 ? 'reply' : 'request') ? "BEGIN; $sql; COMMIT" : "UPDATE s.t SET w = coalesce(w, 0) + 1; INSERT INTO s.parent VALUES (-$round)");
        ok(poll_until(sub { $line->lost }, 30, 0.05), "round $round: the $end was lost");
        same("round $round, $end");
    }
}
# and at the very place, each time
$src->sql('CREATE TABLE s.again (id int PRIMARY KEY, v int); INSERT INTO s.again VALUES (1, 0)');
follow_up();
for my $n (1 .. 3)
{
    $line->lose('reply');
    $src->sql("BEGIN; UPDATE s.again SET v = v + 1; ALTER TABLE s.again ADD COLUMN c$n int DEFAULT $n" . ($n > 1 ? ', DROP COLUMN c' . ($n - 1) : '') . "; UPDATE s.again SET v = v + 1, c$n = v; COMMIT; UPDATE s.again SET v = v + 1");
    ok(poll_until(sub { $line->lost }, 30, 0.05), 'a reply was lost');
    same("lost $n");
}
is($task->sql("SELECT count(*) FROM dtsmig.task_objects WHERE task = 'st' AND state = 'waiting' AND name LIKE '%lost_p_fkey'"), 0, 'of a table that was dropped nothing waits');

# --- kill -9 of hub and destination, between DDL and rows
my $kills = 0;
for my $n (1 .. ($ENV{DTS_DEEP} ? 20 : 4))
{
    $src->sql("BEGIN; UPDATE s.again SET v = v + 1; ALTER TABLE s.again ADD COLUMN k$n int DEFAULT $n" . ($n > 1 ? ', DROP COLUMN k' . ($n - 1) : '') . "; UPDATE s.again SET v = v + 1, k$n = v; INSERT INTO s.again (id, v) VALUES (100 + $n, $n); COMMIT; UPDATE s.again SET v = v + 1");
    sleep rand 0.15;
    if ($n % 2) { $hub->kill9; $hub->start; } else { $dst->kill9; $dst->start; }
    $kills++;
    same("kill $n");
}
is($kills, $ENV{DTS_DEEP} ? 20 : 4, 'so many kills');
ok(poll_until(sub { $dst->value("SELECT value FROM dtsmig_ledger.dtsmig_ledger WHERE key = 'position'") eq $task->get('applied_position') }, 20, 0.1), 'ledger and catalog agree');

# --- what stops it, and the ways on
sub stops
{
    my ($sql, $like, $what) = @_;
    $src->sql($sql);
    ok($task->wait_status('failed', 60), "$what stops the task");
    like($task->last_error . ' ' . $task->sql("SELECT string_agg(detail, ' ') FROM (SELECT detail FROM dtsmig.task_log WHERE task = 'st' AND severity = 'error' ORDER BY logged_at DESC LIMIT 1) x"), $like, "$what: and why");
}
sub skip_it { my ($sql) = @_; $task->sql("SELECT dtsmig.skip_change('st'" . (defined $sql ? ", '" . $sql =~ s/'/''/gr . "'" : '') . ')'); $task->resume; }

$dst->sql('CREATE TABLE s.in_the_way (a int)');
stops("BEGIN; INSERT INTO s.t (id) VALUES (2001); CREATE TABLE s.in_the_way (id int PRIMARY KEY); INSERT INTO s.in_the_way VALUES (1); COMMIT",
    qr/cannot be replicated: CREATE TABLE s\.in_the_way.*already exists/s, 'a table in the way');
is($dst->value('SELECT count(*) FROM s.t WHERE id = 2001'), 0, 'nothing of its transaction is there');
$dst->sql('DROP TABLE s.in_the_way');
$task->resume;
same('when it is out of the way');
$src->sql('ALTER TABLE s.t ADD COLUMN r float8 DEFAULT random()');
same('a volatile default: copied again');
$src->sql('CREATE DOMAIN s.rnd AS float8 DEFAULT random(); CREATE DOMAIN s.seven AS int DEFAULT 7; ALTER TABLE s.t ADD COLUMN dm s.rnd, ADD COLUMN dn s.seven');
same('a domain with such a default: copied again');
$src->sql('CREATE TABLE s.as_select AS SELECT id FROM s.t WHERE id < 5');
same('CREATE TABLE AS: copied');
$dst->sql('CREATE SCHEMA mine; CREATE VIEW mine.v AS SELECT v FROM s.again');
stops('ALTER TABLE s.again DROP COLUMN v', qr/DROP COLUMN v.*depend/s, 'a view of the destination\'s own');
skip_it('ALTER TABLE s.again DROP COLUMN v CASCADE');
same('dropped with it');
$dst->sql('ALTER ROLE app SUPERUSER');
stops('ALTER TABLE s.again ADD COLUMN z int', qr/account at the destination is a superuser.*superuser_ddl/s, 'an account that has become a superuser');
$dst->sql('ALTER ROLE app NOSUPERUSER');
$task->resume;
same('when it is none any more');
$task->pause->wait_status('paused', 30);
$task->sql(q{SELECT dtsmig.alter_task('st', '{"ddl_error": "log"}')});
$task->resume->wait_for('incremental', 60);
$dst->sql('CREATE INDEX mine ON s.again (id)');
$src->sql('BEGIN; INSERT INTO s.again (id) VALUES (3000); CREATE INDEX mine ON s.again (id); INSERT INTO s.again (id) VALUES (3001); COMMIT');
ok(follow_up(), 'ddl_error = log: the task goes on');
is(pg_difference($src, 's.again', $dst, 's.again'), '', 'with the rows around it');
is($task->sql("SELECT count(*) FROM dtsmig.task_log WHERE task = 'st' AND severity = 'error' AND message LIKE '%not replicated: CREATE INDEX mine%' AND detail LIKE '%already exists%'"), 1, 'it is in the log');

# --- the end: what waited is made by hand
$task->catch_up(60);
$task->release;
for my $statement (map { $_->[0] } $hub->rows("SELECT statement FROM dtsmig.task_objects WHERE task = 'st' AND state = 'waiting'"))
{
    is(($dst->psql($statement))[0], 0, "can be run: $statement");
}
is($dst->value("SELECT string_agg(conname, ',' ORDER BY conname) FROM pg_constraint WHERE contype = 'f'"), 'also_fk,child_fk', 'foreign keys are there');
done_testing();
