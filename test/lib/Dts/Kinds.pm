# Dts::Kinds: the source servers that tests run against: how each is installed
# and started. Those that the machine does not have are fetched by test/servers.
#
#   kind            what
#   mariadb         MariaDB of this machine (10.11 of Debian 12)
#   mariadb-11.8    MariaDB 11.8
#   mysql-5.6       MySQL 5.6, the oldest
#   mysql-9.7       MySQL 9.7, the newest
package Dts::Kinds;
use strict;
use warnings;
use Carp qw(croak);
use Exporter qw(import);
use Dts::Env qw(topdir slurp run_as program);

our @EXPORT_OK = qw(kind plugin_dir server_folder have);

my %folders;

# Folder of a kind that test/servers knows. A kind that cannot be had is an
# error: a test names the kinds that it needs in its head (see test/run), and is
# not started without them, for a test that could not run must not look like
# one that passed.
sub server_folder
{
    my ($name) = @_;
    return $folders{$name} //= do {
        my ($code, $out) = run_as(undef, topdir() . '/test/servers', '--path', $name);
        my ($dir) = $out =~ m{^(/.*)\n\z}m;
        croak "server $name cannot be had:\n$out" if $code || !defined $dir || !-e "$dir/.complete";
        $dir;
    };
}

# Can a kind be had? Where it cannot, the end of a run says so.
sub have
{
    my ($name) = @_;
    return 1 if eval { server_folder($name); 1 };
    print "# missing: $name\n";
    return 0;
}

# 101100 of "mariadbd  Ver 10.11.0-MariaDB ...", without the last number.
sub _version
{
    my ($program) = @_;
    my ($code, $out) = run_as(undef, $program, '--no-defaults', '--version');
    my ($major, $minor) = $out =~ /\bVer (\d+)\.(\d+)\./ or croak "$program says no version: $out";
    return $major * 10000 + $minor * 100;
}

# Of the MariaDB of this machine, for --plugin-dir.
sub plugin_dir { return server_folder('mariadb-plugins') . '/plugin'; }

# A program in a folder made by debootstrap, with that folder's libraries.
sub _foreign
{
    my ($root, $program, $share) = @_;
    return ("$root/usr/lib64/ld-linux-x86-64.so.2", '--library-path',
        join(':', map { "$root/usr/lib/$_" } 'x86_64-linux-gnu', 'mysql/private', '.'),
        "$root/usr/sbin/$program", '--no-defaults', "--basedir=$root/usr",
        "--lc-messages-dir=$root/usr/share/$share",
        "--character-sets-dir=$root/usr/share/$share/charsets",
        "--plugin-dir=$root/usr/lib/mysql/plugin");
}

# Runs a command as user with a file as its input.
sub _feed
{
    my ($user, $input, @cmd) = @_;
    my ($code, $out) = run_as($user, '/bin/sh', '-c', 'exec "$@" < "$0"', $input, @cmd);
    croak "$cmd[0] failed:\n$out" if $code;
}

my @mysql_grants = ('SELECT, SHOW VIEW, TRIGGER, LOCK TABLES, RELOAD, '
      . 'REPLICATION SLAVE, REPLICATION CLIENT');
my @mariadb_args = qw(--log-slave-updates=1 --skip-name-resolve
  --innodb-log-file-size=64M --skip-log-error);

my %kinds = (
    'mariadb' => {
        type => 'mariadb', mariadb => 1, log => 'mariadb-bin',
        command => sub { (program('mariadbd'), '--no-defaults') },
        args => \@mariadb_args,
        install => sub {
            my ($dir, $user) = @_;
            my ($code, $out) = run_as($user, program('mariadb-install-db'),
                '--no-defaults', '--auth-root-authentication-method=normal',
                '--skip-test-db', "--datadir=$dir", '--innodb-log-file-size=64M');
            croak "mariadb-install-db failed:\n$out" if $code;
        },
        grants => 'SELECT, SHOW VIEW, TRIGGER, REPLICATION SLAVE, '
          . 'REPLICATION CLIENT, BINLOG MONITOR, RELOAD, LOCK TABLES',
    },
    'mariadb-11.8' => {
        type => 'mariadb', mariadb => 1, version => 110800, log => 'mariadb-bin',
        command => sub { _foreign(server_folder('mariadb-11.8'), 'mariadbd', 'mariadb') },
        args => \@mariadb_args,
        install => sub {
            my ($dir, $user) = @_;
            my $share = server_folder('mariadb-11.8') . '/usr/share/mariadb';
            my $file = "$dir.sql";
            open my $fh, '>', $file or croak "$file: $!";
            print $fh "CREATE DATABASE IF NOT EXISTS mysql;\nUSE mysql;\n",
              "SET \@auth_root_socket = NULL;\nSET \@skip_auth_anonymous = 1;\n";
            print $fh slurp("$share/$_.sql"), "\n"
              for qw(mariadb_system_tables mariadb_performance_tables
              mariadb_system_tables_data maria_add_gis_sp_bootstrap
              mariadb_sys_schema);
            close $fh;
            _feed($user, $file, _foreign(server_folder('mariadb-11.8'), 'mariadbd', 'mariadb'),
                '--bootstrap', "--datadir=$dir", '--innodb-log-file-size=64M',
                '--max-allowed-packet=8M', '--net-buffer-length=16K');
            unlink $file;
        },
        grants => 'SELECT, SHOW VIEW, TRIGGER, REPLICATION SLAVE, '
          . 'REPLICATION CLIENT, BINLOG MONITOR, RELOAD, LOCK TABLES',
    },
    'mysql-5.6' => {
        type => 'mysql', mariadb => 0, version => 50600, log => 'mysql-bin',
        command => sub {
            my $dir = server_folder('mysql-5.6') . '/server';
            return ('/usr/bin/env', "LD_LIBRARY_PATH=$dir", "$dir/mysqld",
                '--no-defaults', "--basedir=$dir", "--lc-messages-dir=$dir/share",
                "--character-sets-dir=$dir/share/charsets");
        },
        args => [ qw(--log-slave-updates=1 --innodb-log-file-size=48M
              --gtid-mode=ON --enforce-gtid-consistency=1
              --explicit-defaults-for-timestamp=1) ],
        # The package has the data folder of a fresh server.
        install => sub {
            my ($dir, $user) = @_;
            my $from = server_folder('mysql-5.6') . '/server/data/mysql';
            my ($code, $out) = run_as($user, '/bin/sh', '-c',
                'cp -r "$0"/. "$1" && rm -f "$1/auto.cnf"', $from, $dir);
            croak "cp: $out" if $code;
        },
        before => q(DELETE FROM mysql.user WHERE User = ''; FLUSH PRIVILEGES;),
        grants => @mysql_grants,
    },
    'mysql-9.7' => {
        type => 'mysql', mariadb => 0, version => 90700, log => 'mysql-bin',
        command => sub { _foreign(server_folder('mysql-9.7'), 'mysqld', 'mysql') },
        args => [ qw(--gtid-mode=ON --enforce-gtid-consistency=ON --mysqlx=OFF
              --secure-file-priv= --innodb-redo-log-capacity=96M) ],
        install => sub {
            my ($dir, $user, @more) = @_;
            my ($code, $out) = run_as($user,
                _foreign(server_folder('mysql-9.7'), 'mysqld', 'mysql'),
                '--initialize-insecure', "--datadir=$dir/data",
                '--innodb-redo-log-capacity=96M', @more);
            croak "mysqld --initialize-insecure failed:\n$out" if $code;
            ($code, $out) = run_as($user, '/bin/sh', '-c',
                'mv "$0"/data/* "$0"/ && rm -rf "$0/data" "$0/auto.cnf"', $dir);
            croak "mv: $out" if $code;
        },
        grants => @mysql_grants,
    },
);

sub kind
{
    my ($name) = @_;
    my $kind = $kinds{$name} // croak "no kind of server \"$name\"";
    $kind->{version} //= _version(program('mariadbd'));
    return $kind;
}

1;
