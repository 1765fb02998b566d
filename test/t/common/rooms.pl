# The map of rooms (docs/architecture.md) holds: each room includes only from
# rooms below it that it may know, so that no two know each other; an engine's
# files are its own, PG_VERSION_NUM lives in compat.h, <mysql.h> in one file and
# libpq in the room client, the tables of schema dtsmig are read and written in
# the room store, and no file grows past 800 lines.
use strict;
use warnings;
use File::Find;
use Test::More;
use Dts::Env qw(topdir slurp);

# From the ground up: what a room may include from besides itself. compat.h
# everybody may.
my @rooms = (
    core => [],
    schema => [qw(core)],
    store => [],
    client => [qw(core)],
    transform => [qw(core schema)],
    emit => [qw(core schema client)],
    source => [qw(core schema store client transform)],
    dest => [qw(core schema client)],
    fdw => [qw(core store client)],
    tables => [qw(core schema store transform source dest emit)],
    foreign => [qw(core schema store transform source client fdw tables)],
    check => [qw(core schema store transform source dest emit tables)],
    worker => [qw(core schema store transform source dest tables fdw check)],
    api => [qw(core schema store transform source dest fdw tables check worker)],
);
my %may;
while (my ($room, $below) = splice @rooms, 0, 2)
{
    is_deeply([ grep { !$may{$_} } @$below ], [], "$room: what it may know stands below it");
    $may{$room} = $below;
}

# Statements on the tables of schema dtsmig that are outside of store still.
my %keeps_statements = map { $_ => 1 } qw(
  api/api_cutover.c api/api_task.c check/cutover.c check/dest_catalog.c
  worker/task_worker.c);
my $install = join '', map { slurp($_) } glob topdir() . '/dtsmig--*.sql';
my $tables = join '|', $install =~ /^CREATE TABLE dtsmig\.(\w+)/mg;
like($tables, qr/\btask_object\b/, 'the tables of schema dtsmig are known');

my $src = topdir() . '/src';
my @files;
find(sub { push @files, $File::Find::name if /\.[ch]$/ }, $src);
cmp_ok(scalar @files, '>', 20, 'there are files to look at');
my (@wrong, @long, @version, @mysql, @library, @opening, @statements);
for my $file (sort @files)
{
    (my $name = $file) =~ s{^\Q$src\E/}{};
    my ($room) = $name =~ m{^(\w+)/};
    my $text = slurp($file);
    my $lines = () = $text =~ /\n/g;
    push @long, "$name: $lines lines" if $lines > 800;
    push @opening, $name unless $text =~ m{\A/\*};
    (my $code = $text) =~ s{/\*.*?\*/}{}gs;
    # views are the caller's to read; OBJECT_…: conditions over task_object
    (my $joined = $code) =~ s/"\s*"//g;
    push @statements, "$name: $1"
      if $name !~ m{^store/} && !$keeps_statements{$name}
      && $joined =~ /(\bdtsmig\.(?:$tables)\b|\bOBJECT_(?:FROM|FULL_NAME|RELATION|IS_\w+|MAY_BE_MADE)\b)/;
    push @version, $name if $code =~ /\bPG_VERSION_NUM\b/ && $name ne 'compat.h';
    push @mysql, $name if $code =~ /#\s*include\s*[<"](?:mysql|mariadb)/;
    push @library, $name if $code =~ /#\s*include\s*[<"](?:mysql|mariadb|libpq-fe|libpq-events)/ && $name !~ m{^client/};
    while ($code =~ /^\s*#\s*include\s*"([^"]+)"/mg)
    {
        my $inc = $1;
        next unless -e "$src/$inc";
        next if $inc eq 'compat.h';
        if (!defined $room) { next; }
        my ($to) = $inc =~ m{^(\w+)/};
        next if !defined $to || $to eq $room;
        next if grep { $_ eq $to } @{ $may{$room} // [] };
        push @wrong, "$name includes $inc";
    }
    # An engine's own files are its own; dest/batch serves all destinations.
    if ($name !~ m{^source/} || $name =~ m{^source/(\w+)/})
    {
        my $own = $name =~ m{^source/(\w+)/} ? $1 : '';
        while ($code =~ /^\s*#\s*include\s*"source\/(\w+)\//mg)
        {
            push @wrong, "$name looks into source/$1" if $1 ne $own;
        }
        my $dest = $name =~ m{^dest/(\w+)/} ? $1 : '';
        while ($code =~ /^\s*#\s*include\s*"dest\/(\w+)\//mg)
        {
            push @wrong, "$name looks into dest/$1"
              if $1 ne $dest && !($dest && $1 eq 'batch');
        }
    }
}
is_deeply(\@wrong, [], 'dependencies run downward only');
is_deeply(\@long, [], 'no file is longer than 800 lines');
is_deeply(\@statements, [], 'statements on the tables of schema dtsmig are in store alone');
is_deeply(\@version, [], 'PG_VERSION_NUM is in compat.h only');
is_deeply(\@opening, [], 'each file opens with its purpose');
cmp_ok(scalar @mysql, '<=', 1, '<mysql.h> is included in one file') or diag "@mysql";
is_deeply(\@library, [], 'Connector/C and libpq are called in client alone');

# Exported symbols: SQL-callable functions, _PG_init and the magic block.
my ($lib) = grep { defined && -e } $ENV{DTS_BINDIR}
  ? (glob("$ENV{DTS_BINDIR}/../lib/dtsmig.so")) : (), topdir() . '/dtsmig.so';
SKIP:
{
    skip 'no library built', 1 unless $lib;
    my %sql = map { $_ => 1 } $install =~ /'MODULE_PATHNAME',\s*'(\w+)'/g;
    my @bad;
    for (split /\n/, `nm -D --defined-only $lib`)
    {
        my ($symbol) = /\s[TDBR]\s+(\w+)/ or next;
        (my $f = $symbol) =~ s/^pg_finfo_//;
        next if $sql{$f} || $symbol =~ /^(_PG_\w+|Pg_magic_func|_init|_fini)$/;
        # entry points of background workers are found by name
        next if $symbol =~ /^dtsmig_\w+_main$/;
        push @bad, $symbol;
    }
    is_deeply(\@bad, [], 'symbols are hidden by default');
}
done_testing();
