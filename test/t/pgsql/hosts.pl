# Where a plain role may connect to: to one host, by the password of its user
# mapping, and pg_dump no other way than the session. What the operating
# system's account could do by a socket, a password file or the environment of
# the server is no way in.
use strict;
use warnings;
use Test::More;
use Dts::PgSource;
use Dts::Postgres;
use Dts::Task;
use IO::Socket::INET;
use Time::HiRes qw(time);
use Dts::Env qw(tmpdir run_as);

my $src = Dts::PgSource->new->start;
$ENV{PGHOSTADDR} = '127.9.9.9';    # of the server's own environment
$ENV{PGOPTIONS} = '-c default_transaction_read_only=on';
my $pg = Dts::Postgres->new;
{
    # the tools of this test want none of it
    my $start = Dts::Postgres->can('try_value');
    no warnings 'redefine';
    local *Dts::Postgres::try_value = sub { local %ENV = %ENV; delete @ENV{qw(PGHOSTADDR PGOPTIONS)}; $start->(@_) };
    $pg->start;
}
delete @ENV{qw(PGHOSTADDR PGOPTIONS)};
$pg->sql('CREATE EXTENSION dtsmig; CREATE EXTENSION postgres_fdw; CREATE ROLE plain LOGIN; GRANT USAGE ON FOREIGN DATA WRAPPER dtsmig_fdw, postgres_fdw TO plain; GRANT CREATE ON DATABASE postgres TO plain');
my $socket = $src->{data} =~ s{/data$}{}r;
$src->sql('CREATE TABLE t (id int PRIMARY KEY)');

my $n = 0;
my $server = sub {
    my ($wrapper, $options, $as, $user) = @_;
    my $name = 's' . ++$n;
    my $mapping = "CREATE USER MAPPING FOR plain SERVER $name OPTIONS (user '" . ($user // 'mig') . "', password 'secret')";
    my $error = $pg->error("CREATE SERVER $name TYPE 'postgresql' FOREIGN DATA WRAPPER $wrapper OPTIONS ($options); GRANT USAGE ON FOREIGN SERVER $name TO plain; $mapping", role => $as);
    return ($error, $name);
};
my $port = "port '$src->{port}'";
my ($error, $name) = $server->('dtsmig_fdw', "host '127.0.0.1', $port", 'plain');
is($error, '', 'one host: a server can be made');
is($pg->error("SELECT * FROM dtsmig.test_connection('$name')", role => 'plain'), '', 'and connected to, whatever PGHOSTADDR of the server says');
for my $host ("127.0.0.1,$socket", $socket, '@x', "x,\@y", 'a,b')
{
    ($error) = $server->('dtsmig_fdw', "host '$host', $port", 'plain');
    like($error, $host =~ m{^[/\@]} ? qr/42501.*through a socket file/s : qr/42501.*permission denied to connect to "\Q$host\E"/s, "host $host: not for a plain role");
    ($error, $name) = $server->('postgres_fdw', "host '$host', $port", 'plain', 'postgres');
    like($error || $pg->error("SELECT * FROM dtsmig.test_connection('$name')", role => 'plain'), qr/42501/, 'nor by postgres_fdw');
    ($error, $name) = $server->('dtsmig_fdw', "host '$host', $port", 'postgres', 'postgres');
    like($error || $pg->error("SELECT * FROM dtsmig.test_connection('$name')", role => 'plain'), qr/42501/, 'nor by the server of a superuser');
}
($error, $name) = $server->('postgres_fdw', "hostaddr '127.0.0.1,127.0.0.1', host 'a,b', $port", 'plain');
like($error || $pg->error("SELECT * FROM dtsmig.test_connection('$name')", role => 'plain'), qr/42501/, 'nor by hostaddr');
like($pg->error("SELECT dtsmig.create_task('u', source => 'postgresql://mig:secret\@127.0.0.1,%2Ftmp:$src->{port}/postgres')", role => 'plain'), qr/42501/, 'nor by a URI');

# --- pg_dump: where the session is, whatever the environment says
($error, $name) = $server->('dtsmig_fdw', "host 'localhost', $port, dbname 'postgres'", 'plain');
$pg->sql("SELECT dtsmig.create_task('d', source => '$name', migration_types => '{schema}')", role => 'plain');
$src->sql("ALTER SYSTEM SET log_connections = on; ALTER SYSTEM SET log_statement = 'all'; SELECT pg_reload_conf()");
sleep 1;
is($pg->error("SELECT count(*) FROM dtsmig.preview_schema('d')", role => 'plain'), '', 'pg_dump works');
my @hosts = $src->log_text =~ /connection received: host=(\S+)/g;
ok(@hosts >= 2 && !grep({ $_ ne '127.0.0.1' } @hosts[-2, -1]), 'both came from the same address') or diag "@hosts";

# --- a server that says nothing: connect_timeout
my $silent = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 8) or die $!;
($error, $name) = $server->('dtsmig_fdw', "host '127.0.0.1', port '" . $silent->sockport . "', connect_timeout '2'", 'plain');
my $start = time;
like($pg->error("SELECT * FROM dtsmig.test_connection('$name')", role => 'plain'), qr/08001.*No answer within 2 seconds/s, 'connect_timeout');
ok(time - $start > 1.5 && time - $start < 6, sprintf 'after %.1f s', time - $start);
close $silent;

# --- ssl_mode, and the files that it takes, which superusers name
my ($code, $out) = run_as($src->{user}, '/usr/bin/openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', 30, '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost',
    '-keyout', "$src->{data}/server.key", '-out', "$src->{data}/server.crt");
die $out if $code;
($code, $out) = run_as($pg->{user}, '/usr/bin/openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', 30, '-subj', '/CN=other', '-keyout', "$pg->{data}/other.key", '-out', "$pg->{data}/other.crt");
die $out if $code;
my $tls = sub {
    my ($host, $options) = @_;
    my ($e, $s) = $server->('dtsmig_fdw', "host '$host', $port, $options", 'postgres');
    return $e || $pg->error("SELECT * FROM dtsmig.test_connection('$s')", role => 'plain') || $pg->value("SELECT tls FROM dtsmig.test_connection('$s')", role => 'plain');
};
like($tls->('127.0.0.1', "ssl_mode 'require'"), qr/08001.*SSL/s, 'ssl_mode require: a source without TLS is refused');
$src->sql('ALTER SYSTEM SET ssl = on; SELECT pg_reload_conf()');
sleep 1;
like($tls->('127.0.0.1', "ssl_mode 'require'"), qr/^\w+[-_]/, 'one with TLS is not');
is($tls->('127.0.0.1', "ssl_mode 'disable'"), 'no', 'ssl_mode disable');
my ($right, $wrong) = map { "ssl_ca '$_'" } "$src->{data}/server.crt", "$pg->{data}/other.crt";
chmod 0755, $src->{data}; chmod 0644, "$src->{data}/server.crt";
like($tls->('127.0.0.1', "ssl_mode 'verify-ca', $right"), qr/^\w+[-_]/, 'verify-ca: with its authority');
like($tls->('127.0.0.1', "ssl_mode 'verify-ca', $wrong"), qr/08001.*certificate verify failed/s, 'with another one it is refused');
like($tls->('localhost', "ssl_mode 'verify-full', $right"), qr/^\w+[-_]/, 'verify-full: by its name');
like($tls->('127.0.0.1', "ssl_mode 'verify-full', $right"), qr/08001.*does not match host name/s, 'by another one it is refused');
($error) = $server->('dtsmig_fdw', "host '127.0.0.1', $port, $right", 'plain');
like($error, qr/42501.*permission denied to set option "ssl_ca"/s, 'a plain role names no file');

# --- a password is asked for in vain: trust, by the same address
$src->sql("CREATE ROLE trusted LOGIN SUPERUSER");
($error, $name) = $server->('dtsmig_fdw', "host '127.0.0.1', $port", 'plain', 'trusted');
like($pg->error("SELECT * FROM dtsmig.test_connection('$name')", role => 'plain'), qr/password is required/, 'a source that asks for no password is refused');
done_testing();
