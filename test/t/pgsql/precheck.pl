# The precheck of a task from PostgreSQL: each item is found where something is
# wrong, and passes after what it says has been done.
#
# dts-needs: postgresql-18 postgresql-10
use strict;
use warnings;
use Test::More;
use Dts::Env qw(reap run_as server_user spawn poll_until tmpdir own_dir);
use Dts::Kinds qw(have);
use Dts::PgSource qw(pg_pair);
use Dts::Postgres;
use Dts::Precheck;
use Dts::Task;

my ($src, $pg) = pg_pair(src_conf => "primary_conninfo = ''\n");
my $version = $src->value('SHOW server_version_num');
my $check = Dts::Precheck->new($src, $pg);

# A transaction that has been open for long: it begins now, and is looked at later.
$src->sql('CREATE DATABASE shop; CREATE DATABASE held');
$src->sql('CREATE TABLE t (id int PRIMARY KEY)', db => 'held');
my $open = spawn({ user => 'postgres', log => '/dev/null' }, $src->psql_cmd('held'), '-c',
    'BEGIN; INSERT INTO t VALUES (99); SELECT pg_sleep(600)');

# --- all is well
$src->sql('CREATE TABLE good (id int PRIMARY KEY, v text COLLATE "C.utf8", w text COLLATE "C")', db => 'shop');
my $task = $check->task(db => 'shop');
my $items = $check->items($task);
for (qw(connectivity source_version primary source_encoding collations extensions wal_level replication_slots wal_senders
    max_slot_wal_keep_size prepared_transactions replication publication ddl_capture privileges
    sequence_privileges row_security schema truncate replica_identity keys unlogged_tables large_objects foreign_tables
    foreign_key_parents name_collision objects schema_change same_name_tables destination_role
    destination_privileges session_replication_role destination_writable worker_slots preload disk_space encoding))
{
    next if $_ eq 'max_slot_wal_keep_size' && $version < 130000;
    next if $_ eq 'truncate' && $version < 110000;
    is($items->{$_}{status}, 'passed', "$_ passes") or diag $items->{$_}{found};
}
my %known = map { $_->[0] => 1 } $pg->rows('SELECT item FROM dtsmig.precheck_items');
is_deeply([ grep { !$known{$_} } keys %$items ], [], 'precheck_items has every item');

# --- tables
$src->sql(<<'END', db => 'shop');
CREATE TABLE nokey (a int);
CREATE TABLE uniq (a int NOT NULL UNIQUE);
CREATE TABLE full_one (a int);
ALTER TABLE full_one REPLICA IDENTITY FULL;
CREATE UNLOGGED TABLE fast (a int PRIMARY KEY);
END
$pg->sql('DROP COLLATION pg_catalog."C.utf8"; CREATE TABLE good (id int)');
$task = $check->both_ways($task,
    replica_identity => [ 'failed', qr/public\.nokey, public\.uniq/ ],
    keys => [ 'warning', qr/public\.full_one, public\.nokey$/ ],
    unlogged_tables => [ 'warning', qr/public\.fast/ ],
    collations => [ 'failed', qr/C\.utf8/ ],
    same_name_tables => [ 'failed', qr/table public\.good exists/ ]);
is($src->value("SELECT relreplident FROM pg_class WHERE relname = 'uniq'", db => 'shop'), 'i', 'a unique index serves as identity');
is($pg->value("SELECT count(*) FROM public_before.good"), 0, 'what was in the way is kept');

# --- what is no table, and what only people can decide
$src->sql("SELECT lo_create(0); BEGIN; INSERT INTO good VALUES (1); PREPARE TRANSACTION 'two'", db => 'shop');
$src->sql("CREATE EXTENSION postgres_fdw; CREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw; CREATE FOREIGN TABLE far (a int) SERVER s", db => 'shop');
$src->sql('CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE child (id int PRIMARY KEY, p int CONSTRAINT up REFERENCES parent)', db => 'shop');
$items = $check->items($task);
$check->by_hand($task, sub {
        my ($end) = $_[0]{prepared_transactions}{advice} =~ /(COMMIT PREPARED)/;
        $src->sql("$end 'two'; SELECT lo_unlink(oid) FROM pg_largeobject_metadata; DROP FOREIGN TABLE far", db => 'shop');
        return;
    },
    large_objects => [ 'warning', qr/: 1$/ ],
    prepared_transactions => [ 'warning', qr/'two' \(database shop/ ],
    foreign_tables => [ 'warning', qr/public\.far/ ]);
$check->by_hand($check->task(db => 'shop', objects => [ { schema => 'public' }, { schema => 'nowhere' } ]),
    sub { $check->task(db => 'shop', objects => [ { schema => 'public' } ]) }, objects => [ 'failed', qr/names schema nowhere/ ]);
$task = $check->task(db => 'shop', objects => [ { schema => 'public', table => 'child' } ]);
$task = $check->both_ways($task, foreign_key_parents => [ 'warning', qr/up of public\.child \(public\.parent\)/ ]);

# --- the account
$src->sql("CREATE ROLE plain LOGIN PASSWORD 'secret'; CREATE ROLE owner_of; ALTER ROLE mig SUPERUSER");
$src->sql(<<'END', db => 'shop');
CREATE SCHEMA hidden;
CREATE TABLE hidden.t (id serial PRIMARY KEY);
ALTER TABLE hidden.t OWNER TO owner_of;
CREATE TABLE hidden.secret (id int PRIMARY KEY);
ALTER TABLE hidden.secret ENABLE ROW LEVEL SECURITY;
ALTER TABLE hidden.secret OWNER TO owner_of;
ALTER TABLE hidden.secret FORCE ROW LEVEL SECURITY;
END
$task = $check->task(db => 'shop', user => 'plain', objects => [ { schema => 'hidden' } ]);
# names are seen, rows are not: first what shows the tables at all
$task = $check->both_ways($task,
    privileges => [ 'failed', qr/USAGE on schema hidden, SELECT on hidden\.secret, SELECT on hidden\.t/ ],
    sequence_privileges => [ 'failed', qr/hidden\.t_id_seq/ ],
    publication => [ 'failed', qr/CREATE on the database, ownership of tables of owner_of/ ],
    replication => [ 'failed', qr/plain cannot connect for replication/ ],
    row_security => [ 'failed', qr/hidden\.secret/ ],
    ddl_capture => [ 'warning', qr/plain may not create event triggers/ ]);
$src->sql('ALTER DATABASE shop SET default_transaction_read_only = on', db => 'postgres');
$task = $check->both_ways($task, primary => [ 'failed', qr/read-only/ ]);
$src->sql('ALTER DATABASE shop RESET default_transaction_read_only', db => 'postgres');

# Roles of managed services count as the right that they give.
$src->sql("CREATE ROLE rds_superuser; CREATE ROLE rds_replication; CREATE ROLE managed LOGIN PASSWORD 'secret' IN ROLE rds_superuser", db => 'postgres');
$items = $check->items($check->task(db => 'shop', user => 'managed', objects => [ { schema => 'hidden' } ]));
is($items->{ddl_capture}{status}, 'passed', 'ddl_capture: rds_superuser may create event triggers');
like($items->{replication}{sql}, qr/^GRANT rds_replication TO "managed";$/, 'replication: the role that gives it is named');
# at the destination that role gives nothing of itself, which is tried and not believed
$src->sql($items->{replication}{sql});
$check->by_hand($check->task(db => 'shop', user => 'managed', objects => [ { schema => 'public', table => 'good' } ]),
    sub { $src->sql('ALTER ROLE managed REPLICATION'); return }, replication => [ 'failed', qr/managed cannot connect for replication/ ]);

# --- extensions
$src->sql('CREATE EXTENSION pg_visibility', db => 'held');
$pg->sql("CREATE ROLE joe LOGIN; GRANT CREATE ON DATABASE postgres TO joe; GRANT CREATE ON SCHEMA public TO joe");
$task = $check->task(db => 'held', types => [ 'schema', 'full' ]);
$pg->sql("GRANT USAGE ON FOREIGN SERVER src_$task->{name} TO joe; CREATE USER MAPPING FOR joe SERVER src_$task->{name} OPTIONS (user 'mig', password 'secret')");
$pg->sql("SELECT dtsmig.create_task('joes', source => 'src_$task->{name}', migration_types => '{schema,full}')", role => 'joe');
$check->both_ways(bless({ %$task, name => 'joes' }, ref $task), extensions => [ 'failed', qr/only a superuser may create.*pg_visibility/ ]);

# --- a transaction that has been writing for long
$task = $check->task(db => 'held');
ok(poll_until(sub { $check->items($task)->{long_transactions}{status} eq 'warning' }, 120, 1), 'long_transactions: a warning in time');
$task = $check->both_ways($task, long_transactions => [ 'warning', qr/pid \d+/ ]);
reap($open, 'TERM', 10);

# --- names
$src->sql('CREATE DATABASE names');
$src->sql('CREATE TABLE good (id int PRIMARY KEY); CREATE TABLE "Good" (id int PRIMARY KEY); CREATE TABLE cols (a int PRIMARY KEY, "A" int)', db => 'names');
$task = $check->task(db => 'names', options => { name_case => 'lower' });
$task = $check->both_ways($task, name_collision => [ 'failed', qr/public\.Good and public\.good.*columns A and a of public\.cols|columns A and a of public\.cols.*public\.Good and public\.good/s ]);

# --- another encoding
$src->sql("CREATE DATABASE bytes ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0");
$pg->sql("CREATE DATABASE bytes ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0");
my $bytes = bless { %$pg, dbname => 'bytes' }, ref $pg;
$bytes->sql('CREATE EXTENSION dtsmig');
$check->by_hand($check->task(db => 'bytes'), sub { Dts::Task->new($src, $bytes, db => 'bytes') },
    source_encoding => [ 'warning', qr/SQL_ASCII/ ]);

# --- one type of migration asks less
my $full = $check->items($check->task(db => 'shop', types => [ 'schema', 'full' ]));
ok(!$full->{wal_level}, 'a task without changes needs no wal_level');
is($full->{privileges}{status}, 'passed', 'but its rights');

# --- a standby, which knows its primary (a copy of its folder)
my $standby = Dts::PgSource->new(kind => $ENV{DTS_PG_KIND}, conf => "hot_standby = on\n");
$src->stop('fast');
my ($code, $out) = run_as(server_user('postgres'), '/bin/sh', '-c',
    "cp $standby->{data}/postgresql.conf $standby->{data}.conf && rm -rf $standby->{data} && cp -a $src->{data} $standby->{data} && mv $standby->{data}.conf $standby->{data}/postgresql.conf && rm -f $standby->{data}/postgresql.auto.conf && touch $standby->{data}/standby.signal");
is($code, 0, 'a copy for the standby') or diag $out;
$standby->append_conf("primary_conninfo = 'host=127.0.0.1 port=$src->{port} user=postgres dbname=postgres'\n");
$standby->{mig} = 1;
$src->start;
$standby->start;
ok($standby->poll_query("SELECT count(*) > 0 FROM pg_stat_wal_receiver WHERE sender_host IS NOT NULL", 120), 'the standby follows');
$task = $check->task(on => $standby, db => 'names');
$task = $check->both_ways($task, primary => [ 'failed', qr/is a standby/ ]);
$standby->stop('immediate');

# --- settings of a server of its own, and TLS
my $other = Dts::PgSource->new(kind => $ENV{DTS_PG_KIND}, conf => "wal_level = replica\nmax_replication_slots = 1\nmax_wal_senders = 1\n"
      . ($version >= 130000 ? "max_slot_wal_keep_size = 1GB\n" : ''));
($code, $out) = run_as(server_user('postgres'), '/usr/bin/openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', 30,
    '-subj', '/CN=127.0.0.1', '-keyout', "$other->{data}/server.key", '-out', "$other->{data}/server.crt");
is($code, 0, 'a certificate') or diag $out;
$other->start;
$other->sql('CREATE TABLE t (id int PRIMARY KEY)');
$task = $check->task(on => $other, db => 'postgres');
$task = $check->both_ways($task,
    ($version >= 130000 ? (max_slot_wal_keep_size => [ 'warning', qr/more than 1GB behind/ ]) : ()),
    replication_slots => [ 'warning', qr/1 of 1/ ],
    wal_senders => [ 'warning', qr/1 of 1/ ],
    wal_level => [ 'failed', qr/wal_level is replica/ ],
    tls => [ 'warning', qr/offers no TLS/ ]);
$other->stop;

# --- the newest
my $newer = Dts::PgSource->new(kind => 'postgresql-18', conf => "idle_replication_slot_timeout = 3600\n")->start;
$newer->sql('CREATE TABLE t (id int PRIMARY KEY)');
$task = $check->task(on => $newer, db => 'postgres');
SKIP: {
skip 'no PostgreSQL 18 with headers', 4 unless have('postgresql-18-dev');
$check->by_hand($task, sub {
        my $later = Dts::Postgres->new(kind => 'postgresql-18-dev', preload => 1)->start;
        $later->sql('CREATE EXTENSION dtsmig');
        return Dts::Task->new($newer, $later, db => 'postgres');
    },
    source_version => [ 'warning', qr/the destination older/ ],
    schema => [ 'failed', qr/newer than the destination/ ]);
}
$task = $check->both_ways($task, idle_replication_slot_timeout => [ 'warning', qr/not read for 1h/ ]);

# --- the oldest, and another that it was upgraded to
my $old = Dts::PgSource->new(kind => 'postgresql-10')->start;
$old->sql('CREATE DATABASE names');
$old->sql('CREATE TABLE t (id int PRIMARY KEY)', db => 'names');
$check->by_hand($check->task(on => $old, db => 'names'), sub { $check->task(db => 'names', options => { conflict => 'ignore' }) },
    truncate => [ 'warning', qr/does not publish TRUNCATE/ ]);
done_testing();
