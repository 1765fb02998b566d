# The destination is a distributed one elsewhere, the source of the MySQL family: a
# stand-in for Citus, which refuses what Citus refuses and has its rows in one place
# (Dts::Keepers). citus.pl is the same with a real one.
use strict;
use warnings;
use Test::More;
use Dts::Distributed qw(my_into);
use Dts::Keepers qw(stand_in);
use Dts::Postgres;
use Dts::Task qw(server_pair);

my ($my, $hub) = server_pair();
my $dst = Dts::Postgres->new(preload => 0)->start;
stand_in($dst, 'citus');
$dst->sql('CREATE EXTENSION citus');
my_into($my, $hub, $dst);
done_testing();
