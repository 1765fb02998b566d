# dts-runs: mariadb, mysql-9.7
# verify(task, 'schema') over generated columns whose expressions this server
# writes in several lines: equal ones are no difference, others are.
use strict;
use warnings;
use Test::More;
use Dts::Compare qw(same_table);
use Dts::Task qw(server_pair);

my ($my, $pg) = server_pair();
$my->sql(<<'END');
CREATE DATABASE g; USE g;
CREATE TABLE t (id int PRIMARY KEY, a int, b int,
    i int GENERATED ALWAYS AS (IF(a > 1, 2, 3)) STORED, c int GENERATED ALWAYS AS (CASE a WHEN 1 THEN 10 WHEN 2 THEN 20 ELSE b END) STORED,
    m bigint GENERATED ALWAYS AS (GREATEST(a, b)) STORED, n bigint GENERATED ALWAYS AS (COALESCE(a, b) + 1) STORED, z int(8) unsigned zerofill,
    dv decimal(8,2) DEFAULT 1.5, dt datetime DEFAULT '2020-01-02 03:04:05', ts timestamp NULL DEFAULT '2020-01-02 03:04:05', dc char(5) DEFAULT 'a', db binary(3) DEFAULT 'a', dn timestamp(3) NULL DEFAULT CURRENT_TIMESTAMP(3));
INSERT INTO t (id, a, b, z) VALUES (1, 1, 5, 1), (2, 2, NULL, 2), (3, NULL, 7, 3);
END
my $task = Dts::Task->new($my, $pg, name => 'g', db => 'g');
$task->start->wait_for('incremental', 60);
same_table($my, 'g.t', $pg, 'g.t', 'values of generated columns');
is($pg->value("SELECT count(*) FROM pg_attribute WHERE attrelid = 'g.t'::regclass AND attgenerated = 's'"), 4, 'they are generated at the destination');
is($pg->value("SELECT string_agg(differences::text, '; ') FROM dtsmig.verify('g', 'schema')"), '', 'no difference');
$my->sql('ALTER TABLE t ADD w int GENERATED ALWAYS AS (IF(b IS NULL, a, -b)) STORED', db => 'g');
$task->catch_up;
is($pg->value("SELECT count(*) FROM dtsmig.verify('g', 'schema')"), 0, 'nor of one that comes later');
$pg->sql("ALTER TABLE g.t ALTER dv SET DEFAULT 1.50, ALTER ts SET DEFAULT '2020-01-01 22:04:05+00'");
is($pg->value("SELECT string_agg(differences::text, '; ') FROM dtsmig.verify('g', 'schema')"), '', 'nor of a default that is written otherwise');
$pg->sql("ALTER TABLE g.t ALTER dv SET DEFAULT 1.6, ALTER dt SET DEFAULT '2020-01-02 03:04:06', ALTER dc SET DEFAULT 'b', ALTER db SET DEFAULT '\\x616263', ALTER dn SET DEFAULT clock_timestamp()");
my $found = $pg->value("SELECT string_agg(differences::text, ' ') FROM dtsmig.verify('g', 'schema')");
like($found, qr/column $_: default/, "another value of the default of $_ is one") for qw(dv dt dc db dn);
unlike($found, qr/column ts: default/, 'an equal one is none');
$pg->sql('ALTER TABLE g.t DROP COLUMN c, ADD COLUMN c int GENERATED ALWAYS AS (CASE a WHEN 1 THEN 11 ELSE b END) STORED');
like($pg->value("SELECT string_agg(differences::text, ' ') FROM dtsmig.verify('g', 'schema')"), qr/column c: generated/, 'another expression is one');
done_testing();
