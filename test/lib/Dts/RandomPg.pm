# Dts::RandomPg: random tables, sessions, rows and statements of a PostgreSQL source.
#
#   my $r = Dts::RandomPg->new($src, 's1');
#   $r->make_schema;
#   $r->session for 1 .. 5;      # each with settings of its own
#
# What the tables look like is asked of the source each time, so a statement that
# it refuses does no harm.
package Dts::RandomPg;
use strict;
use warnings;
use Encode ();
use Dts::Random qw(pick chance between some note_script);

my @letters = (split(//, "aZ 09_'\"\\%-,;{}()"), "\n", "\t", map { chr } 0xe9, 0xdf, 0xc4, 0x20ac, 0x414, 0x44f, 0x3b1, 0x65e5, 0x672c, 0x1f600, 0xa0);
my %latin = map { chr($_) => 1 } 0x20 .. 0x7e, 0xa0 .. 0xff;

sub new
{
    my ($class, $src, $schema) = @_;
    my $version = $src->value('SHOW server_version_num');
    return bless { src => $src, schema => $schema, version => $version, n => 0 }, $class;
}

# ------------------------------------------------------------------ sessions

sub _settings
{
    my ($self) = @_;
    my %set = (search_path => pick("$self->{schema}, pg_catalog", $self->{schema}, "$self->{schema}, public"));
    my %choices = (
        DateStyle => [ 'ISO, MDY', 'ISO, DMY', 'SQL, DMY', 'SQL, MDY', 'Postgres, DMY', 'German' ], IntervalStyle => [qw(postgres postgres_verbose sql_standard iso_8601)],
        extra_float_digits => [ -15, -5, 0, 1, 3 ], bytea_output => [qw(hex escape)], TimeZone => [ 'UTC', 'America/New_York', 'Asia/Kathmandu', '-05:30', 'Europe/Berlin' ],
        standard_conforming_strings => [qw(on off)], xmloption => [qw(content document)], xmlbinary => [qw(base64 hex)], quote_all_identifiers => [qw(on off)],
        transform_null_equals => [qw(on off)], array_nulls => [qw(on off)], client_encoding => [qw(UTF8 UTF8 LATIN1)], lc_monetary => ['C'],
        default_transaction_isolation => [ 'read committed', 'repeatable read', 'serializable' ]);
    delete $choices{standard_conforming_strings} if $self->{version} >= 190000;
    for (keys %choices) { $set{$_} = pick(@{ $choices{$_} }) if chance(0.35); }
    my $s = { latin1 => ($set{client_encoding} // '') eq 'LATIN1', off => ($set{standard_conforming_strings} // 'on') eq 'off', dmy => ($set{DateStyle} // '') =~ /DMY|German/,
        array_nulls => ($set{array_nulls} // 'on') eq 'on', document => ($set{xmloption} // '') eq 'document' };
    # the encoding comes last, so that what is before it is read
    $s->{set} = [ map { $_ eq 'search_path' ? "SET search_path = $set{$_}" : "SET $_ = '$set{$_}'" } sort { ($a eq 'client_encoding') <=> ($b eq 'client_encoding') || $a cmp $b } keys %set ];
    return $s;
}

# A literal of the session, as bytes.
sub _quote
{
    my ($s, $text) = @_;
    my $q = $text =~ s/'/''/gr;
    if ($s->{latin1} && $text =~ /[^\x00-\x7e\xa0-\xff]/)
    {
        # what the session's encoding lacks
        $q = join '', map { my $n = ord; $n > 0xff ? sprintf('\\+%06x', $n) : $_ eq '\\' ? '\\\\' : $_ } split //, $q;
        return $s->{off} ? "E'" . join('', map { my $n = ord; $n > 0xff ? sprintf('\\U%08X', $n) : $_ eq '\\' ? '\\\\' : $_ } split //, $text =~ s/'/''/gr) . "'" : Encode::encode('latin1', "U&'$q'");
    }
    my $bytes = Encode::encode($s->{latin1} ? 'latin1' : 'UTF-8', $q);
    return $s->{off} || chance(0.3) ? "E'" . $bytes =~ s/\\/\\\\/gr . "'" : "'$bytes'";
}

sub _letters { my ($max) = @_; return join '', map { pick(@letters) } 1 .. between(0, $max); }

# --------------------------------------------------------------------- types

my $date = sub { return sprintf '%04d-%02d-%02d', pick(1, 1582, 1969, 1970, 1999, 2000, 2021, 2024, 9999, between(1, 5000)), between(1, 12), between(1, 28); };
my $clock = sub { return sprintf('%02d:%02d:%02d', between(0, 23), between(0, 59), between(0, 59)) . pick('', '', '.' . between(1, 999999)); };
my $interval = sub { return pick('1 day', '-3 mons 2 days 04:05:06.789', '1 year 2 mons', '100:00:00', '-00:00:00.000001', '0', between(0, 500) . ' hours'); };
my $json;
$json = sub {
    my ($depth) = @_;
    return pick('null', 'true', between(-1000, 1000), '1.50', '1e5', '123456789012345678901234567890', '"a"', '"\\u00e9\\"q"', '"' . 'long' x between(1, 900) . '"') if $depth > 2 || chance(0.4);
    return '[' . join(', ', map { $json->($depth + 1) } 1 .. between(0, 4)) . ']' if chance(0.5);
    my $n = between(0, 4);
    return '{' . join(', ', map { "\"k$_\" :  " . $json->($depth + 1) } 1 .. $n) . '}';
};
my $hex = sub { my ($n) = @_; return join '', map { sprintf '%02x', between(0, 255) } 1 .. between(0, $n); };

# type => what makes the text of a value
my %types = (
    smallint => sub { pick(-32768, 32767, 0, 1, between(-100, 100)) }, integer => sub { pick(-2147483648, 2147483647, 0, between(-100, 100)) },
    bigint => sub { pick('-9223372036854775808', '9223372036854775807', 0, between(-100, 100)) },
    numeric => sub { pick('NaN', '0', '-0.0000000000000000001', '1.50', '1' . '0' x between(0, 60) . '.5', between(-1000, 1000)) }, 'numeric(12,3)' => sub { pick('NaN', '0.001', '-99999999.999', between(-1000, 1000) / 8) },
    real => sub { pick('NaN', 'Infinity', '-Infinity', '-0', '0.1', '1e-40', '3.4e38', between(-1000, 1000) / 7) }, 'double precision' => sub { pick('NaN', 'Infinity', '-0', '0.1', '5e-324', '1.7976931348623157e308', between(-1000, 1000) / 7) },
    text => sub { pick(_letters(30), _letters(30), 'x' x between(1, 6000)) }, 'character varying(40)' => sub { _letters(40) }, 'character(12)' => sub { _letters(12) }, name => sub { _letters(20) }, '"char"' => sub { pick('a', '', '~') },
    bytea => sub { pick('\\x' . $hex->(40), '\\x' . 'ab' x between(1, 3000), '') }, boolean => sub { pick(qw(t f)) },
    date => sub { pick($date->(), $date->(), 'infinity', '-infinity', '0044-03-15 BC', '9999-12-31') }, 'timestamp without time zone' => sub { pick($date->() . ' ' . $clock->(), 'infinity', '-infinity', '0044-03-15 01:02:03.5 BC') },
    'timestamp with time zone' => sub { pick($date->() . ' ' . $clock->(), $date->() . ' ' . $clock->() . '+05:45', 'infinity') }, 'timestamp(3) with time zone' => sub { $date->() . ' ' . $clock->() },
    'time without time zone' => sub { pick($clock->(), '24:00:00') }, 'time with time zone' => sub { $clock->() . pick('+02', '-11:30', '') }, interval => $interval,
    uuid => sub { sprintf '%08x-0000-1000-8000-%012x', between(0, 1e6), between(0, 1e6) }, inet => sub { pick('10.1.2.3/8', '192.168.0.1', '::1', '2001:db8::/32') }, cidr => sub { pick('10.0.0.0/8', '::/0') }, macaddr => sub { '08:00:2b:01:02:03' },
    json => sub { $json->(0) }, jsonb => sub { $json->(0) }, xml => sub { pick('<a/>', '<a b="1">t &amp; u</a>') },
    'integer[]' => sub { pick('{}', '{1,NULL,3}', '{{1,2},{3,4}}', '[2:3]={7,8}', '{' . join(',', map { between(0, 99) } 1 .. between(1, 9)) . '}') },
    'text[]' => sub { pick('{}', '{NULL,"NULL","a b","q\\"x","back\\\\slash"}', '{a,b}') }, 'timestamp with time zone[]' => sub { '{"' . $date->() . ' 00:00:00+00",NULL}' },
    int4range => sub { pick('empty', '[1,5)', '(,)', '[,7]') }, tstzrange => sub { pick('empty', '["2020-01-01 00:00+00","2021-01-01 00:00+00")') }, numrange => sub { pick('(1.5,2.50]', 'empty') },
    'bit(9)' => sub { join '', map { between(0, 1) } 1 .. 9 }, 'bit varying(30)' => sub { join '', map { between(0, 1) } 1 .. between(0, 30) }, money => sub { between(-100000, 100000) / 100 },
    tsvector => sub { pick("'fat':2,4 'rat':3A", '') }, tsquery => sub { pick("'fat' & ( 'rat' | !'cat' )", '') }, point => sub { '(1.5,-' . between(0, 9) / 7 . ')' }, box => sub { '(2,2),(0,0.1)' }, path => sub { '[(0,0),(1.1,1)]' }, circle => sub { '<(1,2),0.3>' },
    pg_lsn => sub { '16/B374D848' }, oid => sub { between(0, 100000) }, txid_snapshot => sub { '10:20:10,14,15' },
);

sub columns
{
    my ($self, $table) = @_;
    return map { { name => $_->[0], type => $_->[1], null => $_->[2] eq 'f', generated => $_->[3] eq 't', own => $_->[4] } }
      $self->{src}->rows("SELECT attname, format_type(atttypid, atttypmod), attnotnull, " . ($self->{version} >= 120000 ? "attgenerated <> ''" : 'false')
          . ", typtype FROM pg_attribute a JOIN pg_type t ON t.oid = atttypid WHERE attrelid = '$self->{schema}.$table'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum");
}

sub tables
{
    my ($self) = @_;
    return map { $_->[0] } $self->{src}->rows("SELECT relname FROM pg_class WHERE relnamespace = '$self->{schema}'::regnamespace AND relkind = 'r' AND relpersistence = 'p' ORDER BY 1");
}

# A value as SQL of the session.
sub value
{
    my ($self, $s, $c) = @_;
    return 'NULL' if $c->{null} && chance(0.12);
    (my $type = $c->{type}) =~ s/^\Q$self->{schema}\E\.//;
    if ($type =~ /^mood/) { return _quote($s, pick('sad', "h\x{e9}", 'ok')); }
    if ($type =~ /^email/) { return _quote($s, 'a' . between(1, 99) . '@b'); }
    if ($type =~ /^pair/) { return "ROW(" . between(1, 99) . ', ' . _quote($s, _letters(8)) . ')::' . "$self->{schema}.pair"; }
    my $make = $types{$type} // return 'NULL';
    my $text = $make->();
    # the parts of a date in the order of the session
    return "DATE '$text'" if $type eq 'date' && $text =~ /^\d/ && chance(0.3);
    return _quote($s, sprintf '%02d.%02d.2021', between(1, 12), between(1, 12)) if $type eq 'date' && chance(0.2);
    $text = '{1,3}' if !$s->{array_nulls} && $text =~ /NULL/ && $type =~ /\[\]/;
    my $sql = _quote($s, $text);
    return $text =~ /^-?\d{1,9}$/ && $type =~ /^(?:smallint|integer|bigint|numeric|oid)/ ? $text : chance(0.7) ? $sql : "CAST($sql AS $type)";
}

# ------------------------------------------------------------------ statements

sub _type
{
    my ($self) = @_;
    return pick("$self->{schema}.mood", "$self->{schema}.email", "$self->{schema}.pair") if chance(0.12);
    return pick(grep { $_ ne 'txid_snapshot' || $self->{version} < 130000 } sort keys %types);
}

sub _column
{
    my ($self, $s, @columns) = @_;
    my $name = pick('c', 'C ', "\x{e9}", 'select') . ++$self->{n};
    $name = 'c' . $self->{n} if $s->{latin1};
    my $quoted = '"' . Encode::encode('UTF-8', $name) . '"';
    my @numbers = grep { $_->{type} =~ /^(?:integer|bigint|numeric|double)/ && !$_->{generated} } @columns;
    my @texts = grep { $_->{type} =~ /^(?:text|character varying)/ && !$_->{generated} } @columns;
    if ($self->{version} >= 120000 && (@numbers || @texts) && chance(0.12))
    {
        return "$quoted text GENERATED ALWAYS AS (upper(\"" . pick(@texts)->{name} . "\") || " . _quote($s, _letters(4)) . ') STORED' if @texts && chance(0.6);
        return "$quoted numeric GENERATED ALWAYS AS (\"" . pick(@numbers)->{name} . '"::numeric / 3) STORED' if @numbers;
    }
    my $type = $self->_type;
    my $default = '';
    if (chance(0.5))
    {
        my $v = $self->value($s, { type => $type, null => 0 });
        $default = " DEFAULT $v" unless $v eq 'NULL';
    }
    return "$quoted $type" . ($default ne '' && chance(0.4) ? ' NOT NULL' : '') . $default;
}

sub _create
{
    my ($self, $s) = @_;
    my $table = 't' . ++$self->{n};
    my @lines = map { $self->_column($s) } 1 .. between(2, 9);
    my $kind = pick('serial', 'int', 'two', 'text', 'none', 'identity');
    $kind = 'int' if $kind eq 'identity' && $self->{version} < 100000;
    unshift @lines, $kind eq 'serial' ? 'id serial PRIMARY KEY' : $kind eq 'int' ? 'id bigint PRIMARY KEY' : $kind eq 'identity' ? 'id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY'
      : $kind eq 'two' ? ('id int', 'id2 int', 'PRIMARY KEY (id, id2)') : $kind eq 'text' ? 'id text PRIMARY KEY' : ();
    return ("CREATE TABLE $self->{schema}.$table (" . join(', ', @lines) . ')', $kind eq 'none' ? "ALTER TABLE $self->{schema}.$table REPLICA IDENTITY FULL" : ());
}

my %casts = ('text' => 1, 'character varying(40)' => 1, 'integer' => 1, 'bigint' => 1, 'numeric' => 1, 'double precision' => 1, 'jsonb' => 1);

sub _alter
{
    my ($self, $s, $table) = @_;
    my @columns = $self->columns($table);
    my @free = grep { $_->{name} !~ /^id2?$/ } @columns;
    my $t = pick($table, "$self->{schema}.$table");
    my $c = @free ? pick(@free) : undef;
    my $n = defined $c ? "\"$c->{name}\"" : undef;
    my @ways = (
        sub { "ALTER TABLE $t ADD COLUMN " . $self->_column($s, @columns) },
        sub { "ALTER TABLE $t ADD COLUMN " . $self->_column($s, @columns) . ', ADD COLUMN ' . $self->_column($s, @columns) },
        sub { $self->_create($s) }, sub { 'CREATE TABLE ' . 't' . ++$self->{n} . " AS SELECT * FROM $t" },
        sub { 'CREATE TABLE ' . 't' . ++$self->{n} . " (LIKE $t INCLUDING ALL)" }, sub { "ALTER TABLE $t RENAME TO t" . ++$self->{n} }, sub { "TRUNCATE $t" }, sub { "DROP TABLE $t" },
        sub { "ALTER TABLE $t REPLICA IDENTITY " . pick('FULL', 'FULL', 'DEFAULT') }, sub { "COMMENT ON TABLE $t IS " . _quote($s, _letters(12)) });
    # the client of a session in LATIN1 would not write the name as it is
    if (defined $c && !($s->{latin1} && $n =~ /[^\x00-\x7e]/))
    {
        my $type = pick(sort keys %casts);
        push @ways, sub { "ALTER TABLE $t DROP COLUMN $n" }, sub { "ALTER TABLE $t RENAME COLUMN $n TO c" . ++$self->{n} }, sub { "ALTER TABLE $t ALTER COLUMN $n SET DEFAULT " . $self->value($s, $c) },
          sub { "ALTER TABLE $t ALTER COLUMN $n DROP DEFAULT" }, sub { "ALTER TABLE $t ALTER COLUMN $n TYPE text" . pick('', " USING $n\::text || " . _quote($s, '!'), " USING upper($n\::text)") },
          sub { "ALTER TABLE $t ALTER COLUMN $n TYPE $type USING " . ($type eq 'jsonb' ? "to_jsonb($n)" : "$n\::text::$type") }, sub { "CREATE INDEX k" . ++$self->{n} . " ON $t (($n IS NULL))" },
          sub { "ALTER TABLE $t ADD CONSTRAINT ck" . ++$self->{n} . " CHECK ($n IS NULL OR $n\::text <> " . _quote($s, _letters(4) . 'never') . ')' }, sub { "ALTER TABLE $t ALTER COLUMN $n SET NOT NULL" },
          sub { "ALTER TABLE $t ALTER COLUMN $n DROP NOT NULL" };
    }
    push @ways, sub { "ALTER TYPE $self->{schema}.mood ADD VALUE 'm" . ++$self->{n} . "' BEFORE 'ok'" };
    return pick(@ways)->();
}

sub _insert
{
    my ($self, $s, $table, @columns) = @_;
    my @set = grep { !$_->{generated} && chance(0.85) && !($s->{latin1} && $_->{name} =~ /[^\x00-\x7e]/) } @columns;
    return "INSERT INTO $self->{schema}.$table DEFAULT VALUES" unless @set;
    my $row = sub { '(' . join(', ', map { $_->{name} =~ /^id2?$/ ? $_->{type} eq 'text' ? "'k" . between(1, 400) . "'" : between(1, 400) : $self->value($s, $_) } @set) . ')' };
    return "INSERT INTO $self->{schema}.$table (" . join(', ', map { "\"$_->{name}\"" } @set) . ') VALUES ' . join(', ', map { $row->() } 1 .. between(1, 3)) . pick('', ' ON CONFLICT DO NOTHING');
}

sub _change
{
    my ($self, $s, $table, @columns) = @_;
    my $t = "$self->{schema}.$table";
    my @set = some(between(1, 3), grep { !$_->{generated} && $_->{name} !~ /^id2?$/ && !($s->{latin1} && $_->{name} =~ /[^\x00-\x7e]/) } @columns);
    my $where = " WHERE ctid IN (SELECT ctid FROM $t ORDER BY ctid LIMIT " . between(1, 20) . ' OFFSET ' . between(0, 10) . ')';
    return "DELETE FROM $t$where" if !@set || chance(0.2);
    return "UPDATE $t SET " . join(', ', map { "\"$_->{name}\" = " . $self->value($s, $_) } @set) . $where;
}

# ---------------------------------------------------------------------- running

# Runs statements in a session of its own; those that the source refuses are
# skipped.
sub run
{
    my ($self, $s, @sql) = @_;
    my $text = join '', map { "$_;\n" } @{ $s->{set} }, @sql;
    note_script("-- session\n$text");
    my @cmd = ($self->{src}->psql_cmd(undef, undef, 0));
    local $ENV{PGCLIENTENCODING} = 'UTF8';
    my ($out, $err) = ('', '');
    IPC::Run::run(\@cmd, \$text, \$out, \$err, IPC::Run::timeout(120));
    note_script(map { "-- $_" } $err =~ /(ERROR: .*)/g);
    die "the source: $err\n" if $? >> 8 == 2;
    return;
}

sub make_schema
{
    my ($self) = @_;
    my $s = $self->{schema};
    my $sql = "CREATE SCHEMA $s; CREATE TYPE $s.mood AS ENUM ('sad', 'h\xc3\xa9', 'ok'); CREATE DOMAIN $s.email AS text CHECK (VALUE ~ '\@'); CREATE TYPE $s.pair AS (a int, b text);";
    note_script($sql);
    $self->{src}->sql($sql);
    for (1 .. between(2, 4))
    {
        my $settings = $self->_settings;
        $self->run($settings, $self->_create($settings));
    }
    for my $table ($self->tables)
    {
        my $settings = $self->_settings;
        my @columns = $self->columns($table);
        $self->run($settings, map { $self->_insert($settings, $table, @columns) } 1 .. between(5, 15));
    }
    return;
}

# One session: settings, then rows and, unless rows alone are wanted, statements.
sub session
{
    my ($self, %opt) = @_;
    my $s = $self->_settings;
    for (1 .. between(1, 3))
    {
        my @tables = $self->tables;
        if (!$opt{rows} && (!@tables || chance(0.6)))
        {
            my @sql = @tables ? $self->_alter($s, pick(@tables)) : $self->_create($s);
            @sql = ('BEGIN', @sql, pick('COMMIT', 'COMMIT', 'ROLLBACK')) if chance(0.3) && "@sql" !~ /ADD VALUE/;
            $self->run($s, @sql);
            next;
        }
        my @sql;
        for my $table (some(2, @tables))
        {
            my @columns = $self->columns($table);
            push @sql, map { chance(0.6) ? $self->_insert($s, $table, @columns) : $self->_change($s, $table, @columns) } 1 .. between(2, 6);
        }
        if (chance(0.4)) { @sql = ('BEGIN', (map { ('SAVEPOINT s', $_) } @sql), pick('COMMIT', 'COMMIT', 'ROLLBACK')); }
        $self->run($s, @sql);
    }
    return;
}

1;
