# Logging in: mysql_native_password, caching_sha2_password with and without
# TLS, ed25519; ssl_mode and client certificates, with certificates made here.
#
# dts-runs: mysql-9.7, mysql-5.6, mariadb, mariadb-11.8
# dts-needs: mariadb-plugins
use strict;
use warnings;
use Test::More;
use Dts::Env qw(tmpdir run_as own_dir server_user);
use Dts::Kinds qw(plugin_dir);
use Dts::MariaDB;
use Dts::Postgres;

# ------------------------------------------------------------- certificates
my $dir = own_dir(tmpdir() . '/tls', server_user('mariadb'));

sub openssl
{
    my ($code, $out) = run_as(undef, '/usr/bin/openssl', @_);
    die "openssl @_: $out" if $code;
}

sub authority
{
    my ($name) = @_;
    openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', 30, '-subj', "/CN=$name",
        '-keyout', "$dir/$name.key", '-out', "$dir/$name.pem");
}

sub certificate
{
    my ($ca, $name, $subject, $alt) = @_;
    openssl('req', '-newkey', 'rsa:2048', '-nodes', '-subj', $subject, '-keyout', "$dir/$name.key", '-out', "$dir/$name.csr");
    open my $fh, '>', "$dir/$name.ext" or die $!;
    print $fh $alt ? "subjectAltName=$alt\n" : "basicConstraints=CA:FALSE\n";
    close $fh;
    openssl('x509', '-req', '-in', "$dir/$name.csr", '-CA', "$dir/$ca.pem", '-CAkey', "$dir/$ca.key",
        '-CAcreateserial', '-days', 30, '-extfile', "$dir/$name.ext", '-out', "$dir/$name.pem");
    chmod 0644, "$dir/$name.key";
}

authority('ca');
authority('other');
certificate('ca', 'server', '/CN=127.0.0.1', 'IP:127.0.0.1');
certificate('ca', 'named', '/CN=db.example', 'DNS:db.example');
certificate('ca', 'client', '/CN=mig client');
certificate('other', 'stranger', '/CN=stranger');

my $pg = Dts::Postgres->new(preload => 0)->start;
$pg->sql('CREATE EXTENSION dtsmig');
my $n = 0;

# Logs in; the cipher ('' without TLS), or the error. Connector/C 3.4 does not
# look at the name in a certificate for 127.0.0.1: option host.
sub login
{
    my ($my, $user, $password, %opt) = @_;
    my $s = 's' . ++$n;
    my $options = join ', ', map { "$_ '$opt{$_}'" } grep { /^ssl_(mode|ca)$/ } sort keys %opt;
    my $mapping = join '', map { ", $_ '$opt{$_}'" } grep { /^ssl_(cert|key)$/ } sort keys %opt;
    $pg->sql("CREATE SERVER $s TYPE '$my->{def}{type}' FOREIGN DATA WRAPPER dtsmig_fdw OPTIONS (host '@{[ $opt{host} // '127.0.0.1' ]}', port '$my->{port}'"
          . ($options ? ", $options" : '') . '); '
          . "CREATE USER MAPPING FOR CURRENT_USER SERVER $s OPTIONS (user '$user', password '$password'$mapping)");
    my ($code, $out, $err) = $pg->psql("SELECT coalesce(tls, '') || '|' || account FROM dtsmig.test_connection('$s')");
    return $code ? "error: $err" : $out;
}

sub works { my ($name, $got, $re) = @_; like($got, $re, $name); }
my $plain = qr/^no\|/;
my $secret = qr/^(TLS|ECDHE|DHE|AES)\S+\|/;

for my $kind ($ENV{DTS_KIND} // 'mariadb')
{
    my $tls = $kind ne 'mysql-5.6';
    my $server = sub {
        my ($name, @more) = @_;
        return Dts::MariaDB->new(kind => $kind, args => [ $tls ? ("--ssl-ca=$dir/ca.pem", "--ssl-cert=$dir/$name.pem",
            "--ssl-key=$dir/$name.key") : (), $kind eq 'mariadb' ? '--plugin-dir=' . plugin_dir() : (), @more ])->start;
    };
    my $my = $server->('server');
    my @users;
    if ($kind eq 'mysql-9.7')
    {
        $my->sql(q{CREATE USER u_sha2@'%' IDENTIFIED WITH caching_sha2_password BY 'pä ss';
            CREATE USER u_sha256@'%' IDENTIFIED WITH sha256_password BY 'secret';
            CREATE USER u_empty@'%' IDENTIFIED WITH caching_sha2_password BY '';
            CREATE USER u_x509@'%' IDENTIFIED BY 'secret' REQUIRE X509;
            CREATE USER u_ssl@'%' IDENTIFIED BY 'secret' REQUIRE SSL;});
        works("$kind: caching_sha2_password without TLS", login($my, 'u_sha2', 'pä ss', ssl_mode => 'disable'), $plain);
        works("$kind: ... from the cache", login($my, 'u_sha2', 'pä ss', ssl_mode => 'disable'), $plain);
        works("$kind: ... with TLS", login($my, 'u_sha2', 'pä ss', ssl_mode => 'require'), $secret);
        works("$kind: ... a wrong password", login($my, 'u_sha2', 'no'), qr/error: .*28000.*could not connect/s);
        works("$kind: ... an empty password", login($my, 'u_empty', ''), $secret);
        works("$kind: sha256_password with TLS", login($my, 'u_sha256', 'secret', ssl_mode => 'require'), $secret);
        @users = qw(u_x509 u_ssl);
    }
    elsif ($kind eq 'mysql-5.6')
    {
        $my->sql(q{CREATE USER u_native@'%' IDENTIFIED BY 'pä ss'});
        works("$kind: mysql_native_password", login($my, 'u_native', 'pä ss'), $plain);
        works("$kind: ... a wrong password", login($my, 'u_native', 'no'), qr/error: .*28000/s);
        works("$kind: require without TLS there", login($my, 'u_native', 'pä ss', ssl_mode => 'require'), qr/error: /);
        works("$kind: verify-full without TLS there",
            login($my, 'u_native', 'pä ss', ssl_mode => 'verify-full', ssl_ca => "$dir/ca.pem"), qr/error: /);
        $my->stop;
        next;
    }
    else
    {
        $my->sql(q{INSTALL SONAME 'auth_ed25519'}) if $kind eq 'mariadb';
        my $ed = $my->value(q{SELECT COUNT(*) FROM information_schema.PLUGINS WHERE PLUGIN_NAME = 'ed25519'});
        $my->sql(q{CREATE USER u_ed@'%' IDENTIFIED VIA ed25519 USING PASSWORD('secret')}) if $ed;
        $my->sql(q{CREATE USER u_native@'%' IDENTIFIED VIA mysql_native_password USING PASSWORD('pä ss');
            CREATE USER u_x509@'%' IDENTIFIED BY 'secret' REQUIRE X509;
            CREATE USER u_ssl@'%' IDENTIFIED BY 'secret' REQUIRE SSL;});
        works("$kind: mysql_native_password", login($my, 'u_native', 'pä ss', ssl_mode => 'disable'), $plain);
        works("$kind: ... a wrong password", login($my, 'u_native', 'no'), qr/error: .*28000/s);
        ok($ed, "$kind: the server has ed25519") if $kind eq 'mariadb';
        works("$kind: ed25519", login($my, 'u_ed', 'secret', ssl_mode => 'disable'), $plain) if $ed;
        works("$kind: ed25519, a wrong password", login($my, 'u_ed', 'no'), qr/error: .*28000/s) if $ed;
    }
    my ($u, $p) = ('u_ssl', 'secret');
    my %ca = (ssl_ca => "$dir/ca.pem");
    my %cert = (ssl_cert => "$dir/client.pem", ssl_key => "$dir/client.key");
    works("$kind: prefer", login($my, $u, $p), $secret);
    works("$kind: disable, where TLS is demanded", login($my, $u, $p, ssl_mode => 'disable'), qr/error: /);
    works("$kind: require", login($my, $u, $p, ssl_mode => 'require'), $secret);
    works("$kind: verify-ca", login($my, $u, $p, ssl_mode => 'verify-ca', %ca), $secret);
    works("$kind: verify-ca, another authority", login($my, $u, $p, ssl_mode => 'verify-ca', ssl_ca => "$dir/other.pem"), qr/error: /);
    works("$kind: verify-full", login($my, $u, $p, ssl_mode => 'verify-full', %ca), $secret);
    works("$kind: verify-full, another authority", login($my, $u, $p, ssl_mode => 'verify-full', ssl_ca => "$dir/other.pem"), qr/error: /);
    works("$kind: a client certificate", login($my, 'u_x509', $p, ssl_mode => 'verify-ca', %ca, %cert), $secret);
    works("$kind: none where one is demanded", login($my, 'u_x509', $p, ssl_mode => 'verify-ca', %ca), qr/error: /);
    works("$kind: one of a stranger", login($my, 'u_x509', $p, ssl_mode => 'require', ssl_cert => "$dir/stranger.pem",
            ssl_key => "$dir/stranger.key"), qr/error: /);
    $my->stop;

    my $named = $server->('named');
    $named->sql(q{CREATE USER u_ssl@'%' IDENTIFIED BY 'secret' REQUIRE SSL;});
    works("$kind: verify-ca, another name", login($named, $u, $p, ssl_mode => 'verify-ca', %ca), $secret);
    my %name = (host => 'localhost');
    works("$kind: require, another name", login($named, $u, $p, ssl_mode => 'require', %name), $secret);
    works("$kind: require with an authority, another name", login($named, $u, $p, ssl_mode => 'require', %ca, %name), $secret);
    works("$kind: verify-ca, another name than localhost", login($named, $u, $p, ssl_mode => 'verify-ca', %ca, %name), $secret);
    works("$kind: verify-ca there, another authority", login($named, $u, $p, ssl_mode => 'verify-ca', ssl_ca => "$dir/other.pem", %name), qr/error: /);
    works("$kind: verify-full, another name", login($named, $u, $p, ssl_mode => 'verify-full', %ca, %name), qr/error: /);
    $named->stop;
}
done_testing();
