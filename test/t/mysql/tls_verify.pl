# ssl_mode verify-ca and verify-full without ssl_ca: a certificate that nobody
# vouches for is no proof.
use strict;
use warnings;
use Test::More;
use Dts::Env qw(tmpdir run_as own_dir server_user);
use Dts::MariaDB;
use Dts::Postgres;

my $dir = own_dir(tmpdir() . '/tls', server_user('mariadb'));
my ($code, $out) = run_as(undef, '/usr/bin/openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', 30, '-subj', '/CN=127.0.0.1',
    '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', "$dir/self.key", '-out', "$dir/self.pem");
die $out if $code;
chmod 0644, "$dir/self.key";
my $my = Dts::MariaDB->new(args => [ "--ssl-cert=$dir/self.pem", "--ssl-key=$dir/self.key" ])->start;
my $pg = Dts::Postgres->new(preload => 0)->start;
$pg->sql('CREATE EXTENSION dtsmig; ' . $my->server_sql('s', dbname => 'mysql'));
my $try = sub { my ($mode) = @_; $pg->sql("ALTER SERVER s OPTIONS (" . ($try::n++ ? 'SET' : 'ADD') . " ssl_mode '$mode')"); return $pg->error("SELECT * FROM dtsmig.test_connection('s')") };
is($try->('require'), '', 'require takes any certificate');
like($try->('verify-ca'), qr/HV024: ssl_mode verify-ca of server "s" needs option ssl_ca.*HINT/s, 'verify-ca without an authority is refused');
# MariaDB 11.4 proves a self-signed one by the password to Connector/C 3.4
my ($major, $minor) = $my->value('SELECT version()') =~ /^(\d+)\.(\d+)/;
my $err = $try->('verify-full');
like($err, $major * 100 + $minor >= 1104 ? qr/08001|^$/ : qr/08001/, 'verify-full does not take a self-signed one');
$pg->sql("ALTER SERVER s OPTIONS (ADD ssl_ca '$dir/self.pem')");
is($try->('verify-ca'), '', 'verify-ca with the authority');
is($try->('verify-full'), '', 'verify-full, too');
done_testing();
