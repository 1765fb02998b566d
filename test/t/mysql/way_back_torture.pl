# Cutovers with a way back, back and forth, while the session that calls them, a worker,
# the hub or the other server are killed at any moment of it: one direction runs at a
# time, and in the end both sides are equal, with each row that an application has
# written.
#
# dts-runs: mariadb
use strict;
use warnings;
use Test::More;
use Dts::MariaDB;
use Dts::WayBack qw(way_back_torture);

way_back_torture(Dts::MariaDB->new->start);
done_testing();
