# The types of MariaDB 11.8: 100_types.pl against it.
use strict;
use warnings;
use FindBin;

$ENV{DTS_KIND} = 'mariadb-11.8';
do "$FindBin::Bin/100_types.pl" or die $@ || $!;
