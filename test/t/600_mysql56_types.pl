# The types of MySQL 5.6: 100_types.pl against it.
use strict;
use warnings;
use FindBin;

$ENV{DTS_KIND} = 'mysql-5.6';
do "$FindBin::Bin/100_types.pl" or die $@ || $!;
