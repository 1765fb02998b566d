# Passwords in definitions of a PostgreSQL source are stored and shown nowhere;
# statements are shown to members of the task's owner alone.
use strict;
use warnings;
use Test::More;
use Dts::PgSource qw(pg_pair);
use Dts::Task;

my ($src, $pg) = pg_pair();
$src->sql(<<'END');
CREATE SCHEMA s; CREATE TABLE s.t (id int PRIMARY KEY);
CREATE SUBSCRIPTION sub CONNECTION 'host=127.0.0.1 dbname=x user=me password=''geheim 1''' PUBLICATION p WITH (connect = false);
CREATE SUBSCRIPTION "sub CONNECTION '2" CONNECTION 'postgresql://me:geheim2@127.0.0.1/x' PUBLICATION p WITH (connect = false, slot_name = 'two');
CREATE EXTENSION postgres_fdw;
CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'x');
CREATE USER MAPPING FOR CURRENT_USER SERVER far OPTIONS (user 'me', password 'geheim3');
END
$pg->sql('CREATE ROLE reader LOGIN; GRANT EXECUTE ON FUNCTION dtsmig.read_all_tasks() TO reader');
my $task = Dts::Task->new($src, $pg, name => 'm', types => [ 'schema' ], options => { subscriptions => JSON::PP::true() });
unlike($pg->value("SELECT string_agg(p::text, ' ') FROM dtsmig.preview_schema('m') p"), qr/geheim/, 'preview_schema shows none');
$task->start->wait_for('completed');
is($pg->value('SELECT count(*) FROM pg_subscription'), 2, 'the subscriptions are made');
is($pg->value(q{SELECT string_agg(subconninfo, ' | ' ORDER BY subname) FROM pg_subscription}) =~ /geheim/ ? 1 : 0, 0, 'without the password');
for my $table (map { $_->[0] } $pg->rows("SELECT oid::regclass FROM pg_class WHERE relnamespace = 'dtsmig'::regnamespace AND relkind = 'r'"))
{
    is($pg->value("SELECT count(*) FROM $table x WHERE x::text LIKE '%geheim%'"), 0, "$table holds none");
}
like($pg->value("SELECT string_agg(note, ' ') FROM dtsmig.task_objects"), qr/its password is left out/, 'a note says so');
is($pg->value('SELECT count(*) FROM dtsmig.task_objects WHERE statement IS NOT NULL', role => 'reader'), 0, 'a reader sees no statement');
cmp_ok($pg->value('SELECT count(*) FROM dtsmig.task_objects', role => 'reader'), '>', 3, 'but the objects');
$pg->sql(q{ALTER SUBSCRIPTION sub SET (slot_name = NONE); DROP SUBSCRIPTION sub});
done_testing();
