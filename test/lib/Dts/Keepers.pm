# Dts::Keepers: stand-ins for extensions that keep the rows of tables elsewhere.
# Each lists its tables where the real one does; what the code asks of them is
# that list.
#
#   stand_in($pg, 'citus');      CREATE EXTENSION citus works from here on
package Dts::Keepers;
use strict;
use warnings;
use Carp qw(croak);
use Exporter qw(import);

our @EXPORT_OK = qw(stand_in);

my %sql = (
    citus => <<'END',
CREATE SCHEMA citus;
CREATE TABLE citus.pg_dist_partition (logicalrelid regclass NOT NULL, partmethod "char" NOT NULL, partkey text, colocationid integer DEFAULT 0 NOT NULL, repmodel "char" DEFAULT 'c' NOT NULL, autoconverted boolean DEFAULT false NOT NULL);
CREATE UNIQUE INDEX pg_dist_partition_logical_relid_index ON citus.pg_dist_partition (logicalrelid);
ALTER TABLE citus.pg_dist_partition SET SCHEMA pg_catalog;
END
    timescaledb => <<'END',
CREATE SCHEMA _timescaledb_catalog;
CREATE TABLE _timescaledb_catalog.hypertable (id integer PRIMARY KEY, schema_name name NOT NULL, table_name name NOT NULL);
END
);

# In place at once, for other tests share the installation.
sub stand_in
{
    my ($pg, $name) = @_;
    my $folder = $pg->value("SELECT setting FROM pg_config WHERE name = 'SHAREDIR'") . '/extension';
    my $text = $sql{$name} // croak "no stand-in for $name";
    my @files = ([ "$name--1.sql", $text ], [ "$name.control", "default_version = '1'\nrelocatable = false\n" ]);
    for (@files)
    {
        my ($file, $content) = @$_;
        open my $fh, '>', "$folder/$file.$$" or croak "$folder/$file: $!";
        print $fh $content;
        close $fh or croak "$folder/$file: $!";
        rename "$folder/$file.$$", "$folder/$file" or croak "$folder/$file: $!";
    }
    return;
}

1;
