# DDL in the stream of MariaDB 11.8: 310_ddl.pl, in its dialect.
use strict;
use warnings;
use FindBin;

$ENV{DTS_KIND} = 'mariadb-11.8';
do "$FindBin::Bin/310_ddl.pl" or die $@ || $!;
