# Replication origins: two tasks in opposite directions do not echo each
# other's changes; rows that came from elsewhere are taken or left out as the
# option says, where the source filters itself (16 and later) and where not.
#
# dts-needs: postgresql-10 postgresql-18
use strict;
use warnings;
use Test::More;
use Dts::Env qw(poll_until);
use Dts::PgSource qw(same_pg_tables);
use Dts::Task;

my ($a, $b) = map { Dts::PgSource->new(preload => 1)->start } 1, 2;
$_->sql('CREATE EXTENSION dtsmig') for $a, $b;
$a->sql(<<'END_SQL');
CREATE SCHEMA s;
CREATE TABLE s.t (id int PRIMARY KEY, at text, n int DEFAULT 0);
CREATE TABLE s.u (id int PRIMARY KEY, t int REFERENCES s.t ON DELETE CASCADE);
INSERT INTO s.t SELECT g, 'first' FROM generate_series(1, 10) g; INSERT INTO s.u SELECT g, g FROM generate_series(1, 10) g;
END_SQL
my @rules = ({ schema => 's' });
my $ab = Dts::Task->new($a, $b, name => 'ab', db => 'postgres', objects => \@rules, options => { origin => 'none' });
$ab->start->wait_for('incremental', 120);
my $ba = Dts::Task->new($b, $a, name => 'ba', db => 'postgres', objects => \@rules, types => ['incremental'], options => { origin => 'none' });
$ba->start->wait_for('incremental', 120);
sub both
{
    $_->catch_up for $ab, $ba, $ab, $ba;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    same_pg_tables($a, $b, $_[0], schemas => ['s']) or diag $ab->report, $ba->report;
}
$a->sql("INSERT INTO s.t SELECT g, 'a' FROM generate_series(1001, 1100) g; UPDATE s.t SET n = n + 1 WHERE id <= 5");
$b->sql("INSERT INTO s.t SELECT g, 'b' FROM generate_series(2001, 2200) g; UPDATE s.t SET n = n + 1 WHERE id BETWEEN 6 AND 10; INSERT INTO s.u VALUES (77, 7)");
both('both ways');
is($a->value('SELECT count(*) || \' \' || sum(n) FROM s.t'), '310 10', 'each change is there once');
$a->sql('DELETE FROM s.t WHERE id <= 5');
$b->sql("BEGIN; INSERT INTO s.t SELECT g, 'large' || g FROM generate_series(10001, 30000) g; UPDATE s.t SET n = 9 WHERE id > 29000; COMMIT");
both('cascades, and a large transaction');
$a->sql('TRUNCATE s.u');
both('TRUNCATE');
$b->sql("INSERT INTO s.u SELECT id, id FROM s.t WHERE at IN ('a', 'b')");
both('and on');
is($a->value("SELECT changes FROM dtsmig.task_position p"), 200 + 5 + 1 + 20000 + 1000 + 300, 'of the other side, only its own');
is($b->value("SELECT changes FROM dtsmig.task_position p"), 100 + 5 + 5 + 5 + 1, 'and the other way round') ;
is(join(' ', map { $_->value("SELECT count(*) FROM pg_replication_origin WHERE roname LIKE 'dtsmig%'") } $a, $b), '1 1', 'an origin each');

# copied rows are no news to others either
$b->sql(q{SELECT dtsmig.resync_table('ab', 's.u')});
ok(poll_until(sub { $b->value(q{SELECT count(*) FROM dtsmig.task_log WHERE message LIKE '%is copied again:%'}) eq '1' }, 120), 'copied again') or diag $ab->report;
both('after it');
$ba->release;
$ab->release;
is(join(' ', map { $_->value("SELECT count(*) FROM pg_replication_origin WHERE roname LIKE 'dtsmig%'") } $a, $b), '0 0', 'release drops them');
$_->stop for $a, $b;

# rows from elsewhere, where the source filters
my $pg = Dts::Postgres->new(preload => 1)->start;
$pg->sql('CREATE EXTENSION dtsmig; CREATE SCHEMA every');
for my $kind (undef, 'postgresql-10', 'postgresql-18')
{
    my $name = $kind // 'postgresql-15';
    my $src = eval { Dts::PgSource->new(kind => $kind)->start };
    SKIP: {
        skip "no $name", 2 unless $src;
        my $ddl = 'CREATE TABLE public.t (id int PRIMARY KEY, x text)';
        $src->sql($ddl);
        $pg->sql("DROP TABLE IF EXISTS every.t, public.t; $ddl; CREATE TABLE every.t (LIKE public.t INCLUDING ALL)");
        my $none = Dts::Task->new($src, $pg, name => 'none', db => 'postgres', types => ['incremental'], options => { origin => 'none' });
        my $any = Dts::Task->new($src, $pg, name => 'any', db => 'postgres', types => ['incremental'], objects => [ { schema => 'public', target_schema => 'every' } ]);
        $_->start->wait_for('incremental', 120) for $none, $any;
        $src->sql(<<'END_SQL');
SELECT pg_replication_origin_create('far');
INSERT INTO t VALUES (1, 'own');
SELECT pg_replication_origin_session_setup('far');
INSERT INTO t VALUES (2, 'replicated'); UPDATE t SET x = 'replicated, too' WHERE id = 1;
BEGIN; INSERT INTO t SELECT g, repeat('x', 500) FROM generate_series(10, 2000) g; COMMIT;
SELECT pg_replication_origin_session_reset();
INSERT INTO t VALUES (3, 'own');
END_SQL
        $_->catch_up for $none, $any;
        is($pg->value("SELECT string_agg(id || ' ' || x, ', ' ORDER BY id) FROM public.t"), '1 own, 3 own', "$name: none") or diag $none->report;
        is($pg->value('SELECT count(*) FROM every.t'), 1994, "$name: any") or diag $any->report;
        for ($none, $any) { $_->release; $_->drop }
        $pg->sql('DROP SERVER src_none, src_any CASCADE');
        $src->stop;
    }
}
done_testing();
