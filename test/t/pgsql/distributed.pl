# The destination is a distributed one elsewhere, the source PostgreSQL: a
# stand-in for Citus, which refuses what Citus refuses and has its rows in one place
# (Dts::Keepers). citus.pl is the same with a real one.
use strict;
use warnings;
use Test::More;
use Dts::Distributed qw(pg_into);
use Dts::Keepers qw(stand_in);
use Dts::Postgres;
use Dts::PgSource qw(pg_pair);

my ($src, $hub) = pg_pair();
my $dst = Dts::Postgres->new(preload => 0)->start;
stand_in($dst, 'citus');
$dst->sql('CREATE EXTENSION citus');
pg_into($src, $hub, $dst);
done_testing();
