# kill -9 against MariaDB 11.8: 400_torture.pl, with fewer rounds.
use strict;
use warnings;
use FindBin;

$ENV{DTS_KIND} = 'mariadb-11.8';
$ENV{DTS_TORTURE} //= 20;
do "$FindBin::Bin/400_torture.pl" or die $@ || $!;
