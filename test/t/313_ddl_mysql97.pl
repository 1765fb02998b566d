# DDL in the stream of MySQL 9.7: 310_ddl.pl, in its dialect.
use strict;
use warnings;
use FindBin;

$ENV{DTS_KIND} = 'mysql-9.7';
do "$FindBin::Bin/310_ddl.pl" or die $@ || $!;
