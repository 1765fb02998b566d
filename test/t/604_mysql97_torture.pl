# kill -9 against MySQL 9.7: 400_torture.pl, with fewer rounds.
use strict;
use warnings;
use FindBin;

$ENV{DTS_KIND} = 'mysql-9.7';
$ENV{DTS_TORTURE} //= 20;
do "$FindBin::Bin/400_torture.pl" or die $@ || $!;
