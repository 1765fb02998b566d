# Event triggers of the destination see the DDL of a plain role's tasks, as
# they see any other; triggers of tables are not fired by the rows.
use strict;
use warnings;
use Test::More;
use Dts::Env qw(poll_until);
use Dts::MariaDB;
use Dts::PgSource qw(pg_pair);
use Dts::Task;

my ($src, $pg) = pg_pair();
my $my = Dts::MariaDB->new->start;
$pg->sql(<<'END');
CREATE ROLE mover LOGIN; GRANT CREATE ON DATABASE postgres TO mover; GRANT USAGE ON FOREIGN DATA WRAPPER dtsmig_fdw TO mover;
CREATE TABLE public.ddl_log (tag text, by text);
CREATE FUNCTION public.note_ddl() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER AS $$BEGIN INSERT INTO public.ddl_log VALUES (tg_tag, session_user); END$$;
CREATE EVENT TRIGGER note_ddl ON ddl_command_end EXECUTE FUNCTION public.note_ddl();
CREATE FUNCTION public.no_drop() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN
  IF EXISTS (SELECT FROM pg_event_trigger_dropped_objects() WHERE object_type = 'table column' AND original) THEN RAISE EXCEPTION 'columns are not dropped here'; END IF; END$$;
CREATE EVENT TRIGGER no_drop ON sql_drop EXECUTE FUNCTION public.no_drop();
END
for my $on ($my, $src)
{
    my $mysql = $on == $my;
    my $name = $mysql ? 'mysql' : 'pgsql';
    $on->sql($mysql ? 'CREATE DATABASE d; CREATE TABLE d.t (id int PRIMARY KEY, v int); INSERT INTO d.t VALUES (1, 1)'
        : 'CREATE SCHEMA e; CREATE TABLE e.t (id int PRIMARY KEY, v int); INSERT INTO e.t VALUES (1, 1)');
    my $s = $mysql ? 'd' : 'e';
    $pg->sql('TRUNCATE public.ddl_log');
    my $task = Dts::Task->new($on, $pg, name => $name, role => 'mover', $mysql ? (db => 'd') : (), objects => [ { schema => $s } ]);
    $task->start->wait_for('incremental');
    is($pg->value("SELECT count(*) > 0 FROM public.ddl_log WHERE tag = 'CREATE TABLE' AND by = 'mover'"), 't', "$name: the making of tables is seen");
    $pg->sql("CREATE FUNCTION $s.never() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''fired''; END'; CREATE TRIGGER never BEFORE INSERT ON $s.t FOR EACH ROW EXECUTE FUNCTION $s.never()");
    $on->sql("ALTER TABLE $s.t ADD COLUMN w int; INSERT INTO $s.t VALUES (2, 2, 2); TRUNCATE $s.t; INSERT INTO $s.t VALUES (3, 3, 3)");
    $task->catch_up;
    is($pg->value("SELECT count(*) > 0 FROM public.ddl_log WHERE tag = 'ALTER TABLE'"), 't', "$name: DDL of the stream is seen");
    is($pg->value("SELECT sum(id) FROM $s.t"), 3, "$name: triggers are not fired for rows");
    $on->sql("ALTER TABLE $s.t DROP COLUMN v");
    ok(poll_until(sub { $task->status eq 'failed' }, 20), "$name: and can be refused") or diag $task->report;
    like($task->report, qr/columns are not dropped here/, "$name: with the event trigger's words");
    $task->release;
}
done_testing();
