# Every type into PostgreSQL 17: 100_types.pl with that destination.
use strict;
use warnings;
use FindBin;

$ENV{DTS_DEST} = 'postgresql-17-dev';
do "$FindBin::Bin/100_types.pl" or die $@ || $!;
