# kill -9 against MySQL 5.6: 400_torture.pl, with fewer rounds.
use strict;
use warnings;
use FindBin;

$ENV{DTS_KIND} = 'mysql-5.6';
$ENV{DTS_TORTURE} //= 20;
do "$FindBin::Bin/400_torture.pl" or die $@ || $!;
