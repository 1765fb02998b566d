# The types of MySQL 9.7: 100_types.pl against it.
use strict;
use warnings;
use FindBin;

$ENV{DTS_KIND} = 'mysql-9.7';
do "$FindBin::Bin/100_types.pl" or die $@ || $!;
