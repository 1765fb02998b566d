# Every type into PostgreSQL 14: 100_types.pl with that destination.
use strict;
use warnings;
use FindBin;

$ENV{DTS_DEST} = 'postgresql-14-dev';
do "$FindBin::Bin/100_types.pl" or die $@ || $!;
