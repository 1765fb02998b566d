# A destination elsewhere over an encrypted line: ssl_mode verify-ca and verify-full
# take its certificate for what it is, by a server of dtsmig_fdw and by one of
# postgres_fdw; a wrong authority or name is refused.
use strict;
use warnings;
use Test::More;
use Dts::Env qw(tmpdir run_as own_dir server_user);
use Dts::PgSource qw(pg_pair same_pg_tables);
use Dts::Postgres;
use Dts::Task;

my $dir = own_dir(tmpdir() . '/elsewhere_tls', server_user('postgres'));
sub openssl { my ($code, $out) = run_as(undef, '/usr/bin/openssl', @_); die $out if $code; }
for my $ca (qw(ca other)) { openssl(qw(req -x509 -newkey rsa:2048 -nodes -days 30 -subj), "/CN=$ca", '-keyout', "$dir/$ca.key", '-out', "$dir/$ca.pem"); }
for my $name (qw(127.0.0.1 127.0.0.9))
{
    openssl(qw(req -newkey rsa:2048 -nodes -subj), "/CN=$name", '-addext', "subjectAltName=IP:$name", '-keyout', "$dir/$name.key", '-out', "$dir/$name.csr");
    openssl(qw(x509 -req -days 30 -copy_extensions copy), '-in', "$dir/$name.csr", '-CA', "$dir/ca.pem", '-CAkey', "$dir/ca.key", '-CAcreateserial', '-out', "$dir/$name.pem");
    run_as(undef, '/bin/chown', server_user('postgres') // 'root', "$dir/$name.key");
    chmod 0600, "$dir/$name.key";
}
my ($src, $hub) = pg_pair();
my $dst = Dts::Postgres->new(preload => 0, conf => "ssl = on\nssl_cert_file = '$dir/127.0.0.1.pem'\nssl_key_file = '$dir/127.0.0.1.key'\n")->start;
$dst->sql("CREATE ROLE app LOGIN PASSWORD 'pw'; CREATE DATABASE app OWNER app; CREATE EXTENSION IF NOT EXISTS plpgsql");
$dst->prepend_hba('hostssl all app 127.0.0.1/32 scram-sha-256', 'hostnossl all app 127.0.0.1/32 reject');
$dst->{dbname} = 'app';
$hub->sql('CREATE EXTENSION postgres_fdw');
$src->sql("CREATE SCHEMA s; CREATE TABLE s.t (id int PRIMARY KEY, v text); INSERT INTO s.t SELECT g, 'v' FROM generate_series(1, 100) g");

# option names of the two kinds of servers
my %kinds = (dtsmig_fdw => [ "TYPE 'postgresql'", 'ssl_mode', 'ssl_ca' ], postgres_fdw => [ '', 'sslmode', 'sslrootcert' ]);
for my $fdw (sort keys %kinds)
{
    my ($type, $mode, $ca) = @{ $kinds{$fdw} };
    (my $name = $fdw) =~ s/_fdw//;
    my $server = "to_$name";
    $hub->sql("CREATE SERVER $server $type FOREIGN DATA WRAPPER $fdw OPTIONS (host '127.0.0.1', port '$dst->{port}', dbname 'app', $mode 'disable', $ca '$dir/ca.pem'); CREATE USER MAPPING FOR CURRENT_USER SERVER $server OPTIONS (user 'app', password 'pw')");
    my $src_server = "from_$name";
    $hub->sql($src->server_sql($src_server, dbname => 'postgres'));
    $hub->sql("SELECT dtsmig.create_task('$name', source => '$src_server', destination => '$server', objects => '[{\"schema\": \"s\"}]')");
    my $item = sub { return $hub->value("SELECT status || ': ' || found FROM dtsmig.precheck('$name') WHERE item = 'destination_kind'") };
    my $set = sub { my ($m, $c) = @_; $hub->sql("ALTER SERVER $server OPTIONS (SET $mode '$m', SET $ca '$dir/$c.pem')"); return $item->() };
    my $certificate = sub { $dst->sql("ALTER SYSTEM SET ssl_cert_file = '$dir/$_[0].pem'"); $dst->sql("ALTER SYSTEM SET ssl_key_file = '$dir/$_[0].key'"); $dst->sql('SELECT pg_reload_conf()'); select undef, undef, undef, 0.3; };
    like($item->(), qr/^failed: could not connect to server "$server": .*no encryption/, "$fdw: not encrypted, as the server wants it");
    like($set->('require', 'ca'), qr/^passed: .*, encrypted; /, "$fdw: require");
    like($set->('verify-full', 'ca'), qr/^passed: .*, encrypted; /, "$fdw: verify-full");
    like($set->('verify-full', 'other'), qr/^failed: could not connect to server "$server": .*certificate verify failed/, "$fdw: another authority, verify-full");
    like($set->('verify-ca', 'other'), qr/^failed: .*certificate verify failed/, "$fdw: another authority, verify-ca");
    $certificate->('127.0.0.9');
    like($set->('verify-ca', 'ca'), qr/^passed: .*, encrypted; /, "$fdw: another name, verify-ca");
    like($set->('verify-full', 'ca'), qr/^failed: .*server certificate for "127\.0\.0\.9" .*does not match host name "127\.0\.0\.1"/, "$fdw: another name, verify-full");
    $certificate->('127.0.0.1');
    like($set->('verify-full', 'ca'), qr/^passed: .*, encrypted; /, "$fdw: its own name again");

    $hub->sql("SELECT dtsmig.start_task('$name')");
    $hub->sql("SELECT dtsmig.wait_for('$name', 'incremental', '60 s')");
    is($dst->value("SELECT string_agg(DISTINCT ssl::text, ',') FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = 'app'"), 'true', "$fdw: all sessions are encrypted");
    $src->sql("INSERT INTO s.t SELECT max(id) + 1, '$fdw' FROM s.t");
    ok($dst->poll_query("SELECT count(*) FROM s.t WHERE v = '$fdw'", 60, '1'), "$fdw: rows arrive");
    same_pg_tables($src, $dst, $fdw, schemas => ['s']);
    # --- the certificate becomes a wrong one, and the line is cut
    $certificate->('127.0.0.9');
    $dst->sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'");
    ok($hub->poll_query("SELECT status || coalesce(last_error, '') LIKE 'retrying%could not connect to server%' FROM dtsmig.tasks WHERE name = '$name'", 60, 't'), "$fdw: a wrong certificate is not taken later, either")
      or diag $hub->value("SELECT concat_ws(' ', status, last_error) FROM dtsmig.tasks WHERE name = '$name'");
    $certificate->('127.0.0.1');
    $src->sql("UPDATE s.t SET v = 'after' WHERE id = 1");
    ok($dst->poll_query("SELECT v FROM s.t WHERE id = 1", 90, 'after'), "$fdw: and the task goes on with the right one");
    is($hub->value("SELECT count(*) FROM dtsmig.verify('$name')"), 0, "$fdw: a verification finds nothing");
    $hub->sql("SELECT dtsmig.cutover('$name', verify => 'full')");
    is($hub->value("SELECT status FROM dtsmig.tasks WHERE name = '$name'"), 'cut_over', "$fdw: cutover");
    $dst->sql('DROP SCHEMA s CASCADE; DROP SCHEMA dtsmig_ledger CASCADE');
    $src->sql("UPDATE s.t SET v = 'v' WHERE id = 1");
}
done_testing();
