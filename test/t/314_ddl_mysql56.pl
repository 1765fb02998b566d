# DDL in the stream of MySQL 5.6: 310_ddl.pl, in its dialect.
use strict;
use warnings;
use FindBin;

$ENV{DTS_KIND} = 'mysql-5.6';
do "$FindBin::Bin/310_ddl.pl" or die $@ || $!;
