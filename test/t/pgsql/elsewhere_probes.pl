# What a destination elsewhere can is tried out at the precheck, on a table that
# nobody else has: it is gone afterwards, and after a failure; servers that cannot
# this or that are stood in for by a line that rewrites what they are asked, and by
# a trigger that makes empty strings NULL.
use strict;
use warnings;
use Test::More;
use Dts::PgSource qw(pg_pair);
use Dts::Postgres;
use Dts::Precheck;
use Dts::Proxy;

my ($src, $hub) = pg_pair();
my $dst = Dts::Postgres->new(preload => 0)->start;
$dst->sql("CREATE ROLE app LOGIN; CREATE DATABASE app OWNER app; CREATE ROLE guest LOGIN; CREATE ROLE other");
$dst->{dbname} = 'app';
$dst->sql('GRANT CREATE ON DATABASE app TO other');
$src->sql(<<'END');
CREATE SCHEMA s;
CREATE TABLE s.t (id integer PRIMARY KEY, must text NOT NULL, may varchar(5), ch char(3) NOT NULL DEFAULT '', u text UNIQUE);
INSERT INTO s.t VALUES (1, 'x', '', '', 'u');
END
my $check = Dts::Precheck->new($src, $hub);
my $port = $dst->{port};
sub task { my (%opt) = @_; return $check->task(destination => $dst, destination_user => 'app', destination_port => $port, objects => [ { schema => 's' } ], %opt) }
sub item { my ($task, $name) = @_; my $i = $check->items($task)->{$name}; return "$i->{status}: $i->{found}" }
my $left = sub { return $dst->value("SELECT count(*) FROM pg_namespace WHERE starts_with(nspname, 'dtsmig_probe_')") };

# --- an ordinary server, an account without any special right
my $task = task();
my $all = 'COPY in a transaction, savepoints, definitions in a transaction, TRUNCATE in a transaction, temporary tables, deferrable constraints, sequences, ON CONFLICT';
like(item($task, 'destination_kind'), qr/^passed: server "dst_p1": PostgreSQL \S.*, database app, role app, not encrypted; it does: \Q$all\E$/, 'what it does');
like(item($task, 'empty_strings'), qr/^passed: an empty string stays one$/, 'an empty string stays one');
is($left->(), 0, 'nothing is left');
like(item(task(destination_user => 'guest'), 'destination_kind'), qr/^passed: .*role guest, .*; not tried out, for there can be no scratch table: permission denied for database app$/, 'an account that can make no table');

# --- what somebody's precheck has left
my $schema = sub { my ($name, $owner, $age) = @_; return "CREATE SCHEMA dtsmig_probe_$name AUTHORIZATION $owner; DO \$\$BEGIN EXECUTE format('COMMENT ON SCHEMA dtsmig_probe_$name IS ''scratch of a precheck of dtsmig, %s''', floor(extract(epoch FROM now()))::bigint - $age); END\$\$; CREATE TABLE dtsmig_probe_$name.scratch (); " };
$dst->sql($schema->('old', 'app', 4000) . $schema->('young', 'app', 1800) . $schema->('others', 'other', 4000) . 'CREATE SCHEMA dtsmig_probe_mine AUTHORIZATION app; ALTER TABLE dtsmig_probe_old.scratch OWNER TO app');
item($task, 'destination_kind');
is($dst->value("SELECT string_agg(substr(nspname, 14), ', ' ORDER BY nspname) FROM pg_namespace WHERE starts_with(nspname, 'dtsmig_probe_')"), 'mine, others, young', 'is dropped when it is old, and the account\'s');
$dst->sql('DROP SCHEMA dtsmig_probe_young CASCADE; DROP SCHEMA dtsmig_probe_others CASCADE; DROP SCHEMA dtsmig_probe_mine');

# --- a session that is ended on the way
$dst->sql(q{CREATE FUNCTION public.ends() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN IF EXISTS (SELECT FROM pg_event_trigger_ddl_commands() WHERE object_identity LIKE '%.deferred') THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF; END$$;
CREATE EVENT TRIGGER ends ON ddl_command_end EXECUTE FUNCTION public.ends()});
like($hub->error("SELECT * FROM dtsmig.precheck('p1')"), qr/57P01|0800\d/, 'a session that is ended is an error of the precheck');
is($left->(), 0, 'after which nothing is left, either');
$dst->sql('DROP EVENT TRIGGER ends');

# --- servers that cannot something
for my $case (
    [ 'savepoints', qr/\bSAVEPOINT \w+/, 'NO_SAVEPOINT', qr/^failed: .*it does not do: savepoints; it does: COPY in a transaction, definitions/ ],
    [ 'COPY that commits', qr/^ROLLBACK$/, 'COMMIT', qr/^failed: .*it does not do: COPY in a transaction/ ],
    [ 'temporary tables', qr/CREATE TEMPORARY/, 'CREATE EVER', qr/^warning: .*it does not do: temporary tables; it does: COPY in a transaction, savepoints/ ],
    [ 'deferrable constraints', qr/DEFERRABLE/, 'NEVER', qr/^warning: .*it does not do: deferrable constraints;/ ],
    [ 'ON CONFLICT', qr/ON CONFLICT/, 'ON_CONFLICT', qr/^passed: .*sequences; there is no ON CONFLICT: rows that may exist are deleted and inserted$/ ],
    [ 'locks of rows (Greenplum)', qr/^SELECT setting FROM .*deadlock_detector'$/, "SELECT 'off'", qr/^warning: .*gp_enable_global_deadlock_detector is off: UPDATE and DELETE lock whole tables/ ],
    [ 'ON CONFLICT of the key', qr/SET id = excluded\.id/, 'SET nothing', qr/^passed: .*ON CONFLICT \(that sets no column of the key\)$/ ])
{
    my ($name, $from, $to, $like) = @$case;
    my $proxy = Dts::Proxy->new(port => $dst->{port}, rewrite => sub { return $_[0] =~ s/$from/$to/r });
    $port = $proxy->{port};
    like(item(task(), 'destination_kind'), $like, "a server without: $name");
    is($left->(), 0, "$name: nothing is left");
    $proxy->stop;
}
$port = $dst->{port};

# --- empty strings
$dst->sql(q{CREATE FUNCTION public.oracle() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.v := nullif(NEW.v, ''); RETURN NEW; END$$;
CREATE FUNCTION public.made() RETURNS event_trigger LANGUAGE plpgsql AS $$DECLARE t text; BEGIN FOR t IN SELECT object_identity FROM pg_event_trigger_ddl_commands() WHERE object_identity LIKE '%.scratch' LOOP EXECUTE 'CREATE TRIGGER oracle BEFORE INSERT ON ' || t || ' FOR EACH ROW EXECUTE FUNCTION public.oracle()'; END LOOP; END$$;
CREATE EVENT TRIGGER made ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION public.made()});
$task = task();
like(item($task, 'empty_strings'), qr/^warning: the destination makes empty strings NULL; no column that is NOT NULL or in a unique key holds one now$/, 'a destination that makes them NULL');
$src->sql("UPDATE s.t SET must = '', u = ''");
$check->by_hand($task, sub { $dst->sql('DROP EVENT TRIGGER made'); return },
    empty_strings => [ 'failed', qr/^column must of s\.t, which is NOT NULL, holds empty strings, and the destination makes them NULL\ncolumn u of s\.t, which is in a unique key, holds empty strings/ ]);
done_testing();
