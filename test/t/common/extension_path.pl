# PostgreSQL 18 finds an extension in a folder of its own (extension_control_path
# and dynamic_library_path), as images that are mounted as volumes have it.
# dts-runs: into postgresql-18-dev
use strict;
use warnings;
use Test::More;
use Dts::Env qw(own_dir slurp tmpdir topdir);
use Dts::Postgres;

my $pg = Dts::Postgres->new->start;
my ($lib, $share) = map { $pg->value("SELECT setting FROM pg_config WHERE name = '$_'") } qw(PKGLIBDIR SHAREDIR);
my $own = own_dir(tmpdir() . '/volume', $pg->{user});
mkdir "$own/$_" for qw(lib share share/extension);
system('cp', "$lib/dtsmig.so", "$own/lib/") == 0 or die 'cp';
system('cp', glob(topdir() . '/dtsmig--*.sql'), "$own/share/extension/") == 0 or die 'cp';
open my $fh, '>', "$own/share/extension/dtsmig.control" or die $!;
print $fh slurp(topdir() . '/dtsmig.control') =~ s/^comment = .*/comment = 'from a volume'/mr;
close $fh;
system('chmod', '-R', 'a+rX', $own) == 0 or die 'chmod';
$pg->stop;
$pg->append_conf("extension_control_path = '$own/share:\$system'\ndynamic_library_path = '$own/lib:\$libdir'\nshared_preload_libraries = 'dtsmig'");
$pg->start;
$pg->sql('CREATE EXTENSION dtsmig');
is($pg->value("SELECT comment FROM pg_available_extensions WHERE name = 'dtsmig'"), 'from a volume', 'the control file is that of the folder');
my $pid = $pg->{pid};
like(slurp("/proc/$pid/maps"), qr{\Q$own\E/lib/dtsmig\.so}, 'and so is the library');
unlike(slurp("/proc/$pid/maps"), qr{\Q$lib\E/dtsmig\.so}, 'and no other one');
is($pg->value("SELECT count(*) > 10 FROM dtsmig.task_options"), 't', 'its functions work');
done_testing();
