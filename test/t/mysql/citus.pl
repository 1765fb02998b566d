# The destination is a Citus cluster elsewhere, the source of the MySQL family. DTS_CITUS
# names the port of a coordinator on 127.0.0.1, superuser postgres, database postgres.
#
# dts-runs: mariadb, mysql-9.7
# dts-needs: env:DTS_CITUS
# dts-alone
use strict;
use warnings;
use Test::More;
use Dts::Distributed qw(my_into clear);
use Dts::Postgres;
use Dts::Task qw(server_pair);

my ($my, $hub) = server_pair();
my $dst = Dts::Postgres->named($ENV{DTS_CITUS});
note $dst->value('SELECT citus_version()');
clear($dst);
my_into($my, $hub, $dst);
done_testing();
