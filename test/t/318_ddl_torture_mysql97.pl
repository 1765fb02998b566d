# kill -9 in the middle of MySQL 9.7's DDL: 317_ddl_torture.pl, with fewer rounds.
use strict;
use warnings;
use FindBin;

$ENV{DTS_KIND} = 'mysql-9.7';
$ENV{DTS_TORTURE} //= 10;
do "$FindBin::Bin/317_ddl_torture.pl" or die $@ || $!;
