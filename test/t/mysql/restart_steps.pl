# The server of the destination stops, or is killed, at each step before the changes: while
# definitions are made, rows are copied, indexes are built, and what comes last.
use strict;
use warnings;
use Test::More;
use Dts::Compare qw(same_table);
use Dts::Env qw(poll_until);
use Dts::MariaDB;
use Dts::PgSource qw(pg_difference);
use Dts::Postgres;
use Dts::Task;

my $rows = 40000;
my $my = Dts::MariaDB->new->start;
$my->sql(<<"END");
CREATE DATABASE st; USE st;
CREATE TABLE par (id int PRIMARY KEY, u int UNIQUE, ts timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP);
INSERT INTO par (id, u) SELECT seq, seq FROM seq_1_to_$rows;
CREATE TABLE child (id int AUTO_INCREMENT PRIMARY KEY, par int, v varchar(20), KEY (v), FOREIGN KEY (par) REFERENCES par (id) ON DELETE CASCADE);
INSERT INTO child (par, v) SELECT seq, CONCAT('v', seq) FROM seq_1_to_500;
CREATE VIEW both_of AS SELECT c.id, p.u FROM child c JOIN par p ON p.id = c.par;
END
my $src = Dts::PgSource->new->start;
$src->sql(<<"END");
CREATE SCHEMA st; SET search_path = st;
CREATE TABLE par (id int PRIMARY KEY, u int UNIQUE, ts timestamptz NOT NULL DEFAULT now());
INSERT INTO par (id, u) SELECT g, g FROM generate_series(1, $rows) g;
CREATE TABLE child (id serial PRIMARY KEY, par int REFERENCES par ON DELETE CASCADE, v text);
CREATE INDEX ON child (v);
INSERT INTO child (par, v) SELECT g, 'v' || g FROM generate_series(1, 500) g;
CREATE VIEW both_of AS SELECT c.id, p.u FROM child c JOIN par p ON p.id = c.par;
CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER t BEFORE UPDATE ON par FOR EACH ROW EXECUTE FUNCTION f();
END
my $pg = Dts::Postgres->new(preload => 1)->start;
$pg->sql(<<'END');
CREATE EXTENSION dtsmig;
CREATE TABLE hold (step text PRIMARY KEY);
CREATE FUNCTION hold() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
  WHILE EXISTS (SELECT FROM public.hold h JOIN dtsmig.task t ON t.step = h.step AND t.wanted = 'running') LOOP PERFORM pg_sleep(0.05); END LOOP;
END $$;
CREATE EVENT TRIGGER hold ON ddl_command_start EXECUTE FUNCTION hold();
ALTER EVENT TRIGGER hold ENABLE ALWAYS;
END

my @how = qw(fast kill9 immediate kill9);
for my $on ($my, $src)
{
    my $name = $on == $my ? 'MariaDB' : 'PostgreSQL';
    $pg->sql("ALTER EVENT TRIGGER hold DISABLE; DROP SCHEMA IF EXISTS st CASCADE; ALTER EVENT TRIGGER hold ENABLE ALWAYS; INSERT INTO hold VALUES ('schema'), ('indexes'), ('post_data') ON CONFLICT DO NOTHING");
    my $task = Dts::Task->new($on, $pg, name => lc $name, db => $on == $my ? 'st' : 'postgres', objects => [ { schema => 'st' } ],
        options => { throttle_full_rows => 5000, rows_per_range => 10000 })->start;
    # pg_dump's indexes come with the constraints
    for my $step (grep { $_ ne 'indexes' || $on == $my } qw(schema copy indexes post_data))
    {
        my $there = $step eq 'copy' ? "step = 'copy' AND rows_copied > 0" :
          "step = '$step' AND EXISTS (SELECT FROM pg_stat_activity WHERE backend_type LIKE 'dtsmig%' AND wait_event = 'PgSleep')";
        ok($pg->poll_query("SELECT $there FROM dtsmig.tasks WHERE name = '$task->{name}'", 90), "$name, $step: there") or diag $task->report;
        my $how = shift @how;
        push @how, $how;
        $how eq 'kill9' ? $pg->kill9 : $pg->stop($how);
        $pg->start;
        $pg->sql($step eq 'copy' ? "SELECT dtsmig.alter_task('$task->{name}', '{\"throttle_full_rows\": 0}')" : "DELETE FROM hold WHERE step = '$step'");
    }
    $task->wait_for('incremental', 120);
    $on->sql('INSERT INTO st.child (par, v) VALUES (7, \'new\'); DELETE FROM st.par WHERE id = 8; UPDATE st.par SET u = -9 WHERE id = 9');
    $task->catch_up(60);
    if ($on == $my) { same_table($my, "st.$_", $pg, "st.$_", "$name: $_") for qw(par child) }
    else { is(pg_difference($src, "st.$_", $pg, "st.$_"), '', "$name: $_") for qw(par child) }
    is($pg->value("SELECT string_agg(indexrelid::regclass || '', ' ' ORDER BY indexrelid::regclass || '') FROM pg_index WHERE indrelid IN ('st.par'::regclass, 'st.child'::regclass) AND indisvalid") =~ tr/ //, $on == $my ? 4 : 3, "$name: every index once")
      or diag $pg->value("SELECT string_agg(indexrelid::regclass || '', ' ') FROM pg_index WHERE indrelid IN ('st.par'::regclass, 'st.child'::regclass)");
    is($pg->value("SELECT count(*) FILTER (WHERE contype = 'f' AND convalidated) || ' ' || count(*) FILTER (WHERE contype = 'p') || ' ' || (SELECT count(*) FROM pg_trigger WHERE tgrelid = 'st.par'::regclass AND NOT tgisinternal) || ' ' || (SELECT count(*) FROM st.both_of WHERE u = 7) FROM pg_constraint WHERE connamespace = 'st'::regnamespace"),
        '1 2 ' . ($on == $my ? 2 : 1) . ' 2', "$name: keys, triggers, views") or diag $pg->value("SELECT string_agg(pg_get_triggerdef(oid), '; ') FROM pg_trigger WHERE tgrelid = 'st.par'::regclass AND NOT tgisinternal");
    is($pg->value("SELECT count(*) FROM dtsmig.task_objects WHERE task = '$task->{name}' AND state NOT IN ('done', 'skipped')"), 0, "$name: nothing is left undone");
    $task->release;
}
done_testing();
