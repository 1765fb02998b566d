# The precheck of a PostgreSQL source: each item fails or warns where it
# should, and passes after the SQL that it prints was run.
use strict;
use warnings;
use Test::More;
use Dts::Env qw(reap spawn);
use Dts::PgSource qw(pg_pair);
use Dts::Postgres;
use Dts::Task;

my ($src, $pg) = pg_pair();
my $n = 0;

# A task on a database of the source; its items by name.
sub items
{
    my ($db, %opt) = @_;
    my $name = 'p' . ++$n;
    my $task = Dts::Task->new($opt{on} // $src, $pg, name => $name, db => $db,
        types => $opt{types}, objects => $opt{objects}, options => $opt{options});
    $pg->sql("ALTER USER MAPPING FOR CURRENT_USER SERVER src_$name OPTIONS (SET user '$opt{user}')")
      if $opt{user};
    my %items;
    for ($pg->rows("SELECT item, status, found, advice FROM dtsmig.precheck('$name')"))
    {
        my ($item, $status, $found, $advice) = @$_;
        # the worst of an item counts
        next if $items{$item} && $status eq 'passed';
        $items{$item} = { status => $status, found => $found, advice => $advice // '' };
    }
    $task->drop;
    $pg->sql("DROP SERVER src_$name CASCADE");
    return \%items;
}

# The item is found as it should be; then its SQL is run, and it passes.
sub both_ways
{
    my ($item, $status, $like, $bad, %opt) = @_;
    my $on = $opt{on} // $src;
    my $db = $opt{db} // 'postgres';
    if (ref $bad) { $bad->(); } else { $on->sql($bad, db => $db); }
    my $i = items($db, %opt)->{$item} // { status => '(none)', found => '', advice => '' };
    is($i->{status}, $status, "$item: $status");
    like($i->{found}, $like, "$item: found");
    my $sql = $i->{advice};
    $sql = $opt{mend}->($sql) if $opt{mend};
    $sql =~ s/^[^;]*?:\s+(?=[A-Z]{2})//;
    eval { $on->sql($_, db => $db) for grep { /\S/ } split /;\s*/, $sql; 1 } or fail("$item: $@");
    $opt{after}->() if $opt{after};
    is(items($db, %opt)->{$item}{status}, 'passed', "$item: passes after: $sql");
}

$src->sql("CREATE TABLE good (id int PRIMARY KEY, v text)");
my $all = items('postgres');
for (qw(version primary source_encoding collation extensions wal_level replication_slots wal_senders
    max_slot_wal_keep_size long_transactions prepared_transactions replication publication ddl_capture
    privileges sequence_privileges row_security replica_identity keys unlogged_tables large_objects name_collision))
{
    next if $_ eq 'max_slot_wal_keep_size' && $src->value('SHOW server_version_num') < 130000;
    is($all->{$_}{status}, 'passed', "$_ passes");
}

# --- tables
both_ways('replica_identity', 'failed', qr/public\.nokey/, 'CREATE TABLE nokey (a int)');
is(items('postgres')->{keys}{status}, 'warning', 'a table without a key stays a warning');
$src->sql('DROP TABLE nokey');
both_ways('replica_identity', 'failed', qr/public\.uniq/, 'CREATE TABLE uniq (a int NOT NULL UNIQUE)');
$src->sql('DROP TABLE uniq');
both_ways('keys', 'warning', qr/public\.full_one/, 'CREATE TABLE full_one (a int); ALTER TABLE full_one REPLICA IDENTITY FULL');
both_ways('unlogged_tables', 'warning', qr/public\.fast/, 'CREATE UNLOGGED TABLE fast (a int PRIMARY KEY)');
both_ways('large_objects', 'warning', qr/: 1$/, 'SELECT lo_create(0)');
my $held = spawn({ user => 'postgres', log => '/dev/null' }, $src->psql_cmd('postgres'), '-c',
    'BEGIN; INSERT INTO good VALUES (99); SELECT pg_sleep(120)');
sleep 12;
both_ways('long_transactions', 'warning', qr/pid \d+/, '');
reap($held, 'TERM', 10);
both_ways('prepared_transactions', 'warning', qr/two/, "BEGIN; INSERT INTO good VALUES (1); PREPARE TRANSACTION 'two'");

# --- the account
$src->sql("CREATE ROLE plain LOGIN PASSWORD 'secret'; CREATE SCHEMA hidden; CREATE TABLE hidden.t (id serial PRIMARY KEY)");
$src->sql('CREATE ROLE owner_of; ALTER TABLE good OWNER TO owner_of');
my @plain = (user => 'plain', objects => [ { schema => 'hidden' } ]);
both_ways('privileges', 'failed', qr/USAGE on schema hidden, SELECT on hidden\.t/, '', @plain);
both_ways('sequence_privileges', 'failed', qr/hidden\.t_id_seq/, '', @plain);
both_ways('publication', 'failed', qr/CREATE on the database, ownership of tables of postgres/, '', @plain,
    mend => sub { $_[0] =~ s/GRANT postgres/ALTER TABLE hidden.t OWNER TO owner_of; GRANT owner_of/r });
both_ways('replication', 'failed', qr/plain cannot connect for replication/, '', @plain,
    mend => sub { $_[0] =~ s/;.*//r });
both_ways('row_security', 'failed', qr/hidden\.secret/,
    'CREATE TABLE hidden.secret (id int PRIMARY KEY); ALTER TABLE hidden.secret ENABLE ROW LEVEL SECURITY; GRANT SELECT ON hidden.secret TO plain',
    @plain, mend => sub { $_[0] =~ s/;.*//r });
both_ways('ddl_capture', 'warning', qr/plain may not create event triggers/, '', @plain,
    mend => sub { $_[0] =~ s/;.*//r });

# --- names
both_ways('name_collision', 'failed', qr/public\.Good and public\.good/, 'CREATE TABLE "Good" (id int PRIMARY KEY)',
    options => { name_case => 'lower' }, mend => sub { 'DROP TABLE "Good"' });
both_ways('name_collision', 'failed', qr/columns A and a of public\.cols/, 'CREATE TABLE cols (a int PRIMARY KEY, "A" int)',
    options => { name_case => 'lower' }, mend => sub { 'ALTER TABLE cols DROP COLUMN "A"' });

# --- databases and versions
$src->sql("CREATE DATABASE bytes ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0");
is(items('bytes')->{source_encoding}{status}, 'warning', 'source_encoding: SQL_ASCII is a warning');
SKIP: {
    my $newer = eval { Dts::PgSource->new(kind => 'postgresql-18')->start } or skip 'no PostgreSQL 18', 3;
    my $i = items('postgres', on => $newer);
    is($i->{version}{status}, 'warning', 'version: a source newer than the destination');
    is($i->{schema}{status}, 'failed', 'and the schema cannot be read');
    like($i->{schema}{found} // '', qr/newer/, 'which is said');
    $newer->stop;
}

# --- settings of a server of its own
my $other = Dts::PgSource->new(kind => $ENV{DTS_PG_KIND}, conf => "wal_level = replica\nmax_replication_slots = 1\nmax_wal_senders = 1\n"
      . ($src->value('SHOW server_version_num') >= 130000 ? "max_slot_wal_keep_size = 1GB\n" : ''))->start;
$other->sql('CREATE TABLE t (id int PRIMARY KEY)');
my @other = (on => $other, mend => sub { $_[0] =~ s/ then restart the source[^;]*//r =~ s/; or drop.*//r =~ s/\. Managed.*//r });
both_ways('max_slot_wal_keep_size', 'warning', qr/more than 1GB behind/, '', on => $other)
  if $src->value('SHOW server_version_num') >= 130000;
both_ways('replication_slots', 'warning', qr/1 of 1/, '', @other, after => sub { $other->restart });
both_ways('wal_senders', 'warning', qr/1 of 1/, '', @other, after => sub { $other->restart });
both_ways('wal_level', 'failed', qr/wal_level is replica/, '', @other, after => sub { $other->restart });

# --- one type of migration asks less
my $full = items('postgres', types => [ 'schema', 'full' ]);
ok(!$full->{wal_level}, 'a task without changes needs no wal_level');
is($full->{privileges}{status}, 'passed', 'but its rights');
done_testing();
