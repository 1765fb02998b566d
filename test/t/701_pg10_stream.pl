# The change stream of PostgreSQL 10: 700_pg_stream.pl.
use strict;
use warnings;
use FindBin;

$ENV{DTS_PG_KIND} = 'postgresql-10';
do "$FindBin::Bin/700_pg_stream.pl" or die $@ || $!;
