# make installcheck against a running server, by a user who is no superuser: in
# a database of his own, in which a superuser has created the extension. What
# creates roles is left to a superuser (test/run does all of them as one).
use strict;
use warnings;
use Test::More;
use Dts::Env qw(slurp tmpdir topdir);
use Dts::Postgres;

my $pg = Dts::Postgres->new(preload => 0)->start;
$pg->sql('CREATE ROLE app LOGIN; CREATE DATABASE reg OWNER app');
$pg->sql('CREATE EXTENSION dtsmig; GRANT USAGE ON FOREIGN DATA WRAPPER dtsmig_fdw TO app', db => 'reg');

my $top = topdir();
my $out = tmpdir();
my $log = `cd '$top' && make -s installcheck PG_CONFIG='${\($ENV{PG_CONFIG} // "pg_config")}' REGRESS='expressions names' CONTRIB_TESTDB=reg \\
    EXTRA_REGRESS_OPTS='--use-existing --user=app --host=127.0.0.1 --port=$pg->{port} --outputdir=$out' 2>&1`;
is($?, 0, 'make installcheck') or diag $log;
like($log, qr/^(?:test $_ +\.\.\. ok|ok \d+ +- $_ )/m, $_) for qw(expressions names);
ok(!-e "$out/regression.diffs" || !-s _, 'no difference') or diag slurp("$out/regression.diffs");
done_testing();
