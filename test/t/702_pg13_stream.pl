# The change stream of PostgreSQL 13: 700_pg_stream.pl.
use strict;
use warnings;
use FindBin;

$ENV{DTS_PG_KIND} = 'postgresql-13';
do "$FindBin::Bin/700_pg_stream.pl" or die $@ || $!;
