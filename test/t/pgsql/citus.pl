# The destination is a Citus cluster elsewhere, the source PostgreSQL. DTS_CITUS
# names the port of a coordinator on 127.0.0.1, superuser postgres, database postgres.
#
# dts-runs: postgresql, postgresql-13
# dts-needs: env:DTS_CITUS
# dts-alone
use strict;
use warnings;
use Test::More;
use Dts::Distributed qw(pg_into clear);
use Dts::Postgres;
use Dts::PgSource qw(pg_pair);

my ($src, $hub) = pg_pair();
my $dst = Dts::Postgres->named($ENV{DTS_CITUS});
note $dst->value('SELECT citus_version()');
clear($dst);
pg_into($src, $hub, $dst);
done_testing();
