# Dts::RandomMy: random tables, sessions, rows and statements of the MySQL family.
#
#   my $r = Dts::RandomMy->new($my, 'db');
#   $r->make_database;
#   $r->session for 1 .. 5;      # each with settings of its own
#
# What the tables look like is asked of the source each time, so a statement that
# it refuses does no harm. Values are written in the session's character set,
# in hexadecimal, or with an introducer; none of them is one that stops a task by
# its policies (a byte 0x00 in a text).
package Dts::RandomMy;
use strict;
use warnings;
use Encode ();
use Dts::Random qw(pick chance between some note_script);

# names of Perl's Encode
my %encoding = (latin1 => 'cp1252', latin2 => 'iso-8859-2', cp1251 => 'cp1251', koi8r => 'koi8-r', greek => 'iso-8859-7', cp1250 => 'cp1250',
    latin5 => 'iso-8859-9', euckr => 'euc-kr', gbk => 'cp936', ujis => 'euc-jp', sjis => 'shiftjis', big5 => 'big5-eten', tis620 => 'tis-620',
    utf8 => 'UTF-8', utf8mb3 => 'UTF-8', utf8mb4 => 'UTF-8', ascii => 'ascii', ucs2 => 'UCS-2BE', utf16 => 'UTF-16BE', utf16le => 'UTF-16LE', utf32 => 'UTF-32BE');
# whose second bytes are neither quotes nor backslashes, so that the client program understands them
my @session_charsets = qw(utf8mb4 utf8mb4 utf8mb4 latin1 cp1251 koi8r greek latin2 euckr utf8);
my @column_charsets = qw(utf8mb4 utf8mb4 latin1 cp1251 koi8r greek latin2 latin5 cp1250 euckr gbk ujis sjis big5 utf8 ascii ucs2 utf16 utf16le utf32);
my @letters = (split(//, "aZ 09_'\"\\%-,;/*#"), map { chr } 0xe9, 0xdf, 0xc4, 0x20ac, 0x160, 0x141, 0x105, 0x414, 0x44f, 0x451, 0x3b1, 0x3a9,
    0xd55c, 0xae00, 0x65e5, 0x672c, 0x4e2d, 0x1f600, 0x10348, 0xa0, 0x0a, 0x09);
my @modes = qw(ANSI_QUOTES NO_BACKSLASH_ESCAPES PIPES_AS_CONCAT HIGH_NOT_PRECEDENCE REAL_AS_FLOAT NO_UNSIGNED_SUBTRACTION IGNORE_SPACE
  STRICT_TRANS_TABLES STRICT_ALL_TABLES NO_ZERO_DATE NO_ZERO_IN_DATE ALLOW_INVALID_DATES PAD_CHAR_TO_FULL_LENGTH ERROR_FOR_DIVISION_BY_ZERO
  NO_AUTO_VALUE_ON_ZERO);

sub new
{
    my ($class, $my, $db) = @_;
    my $old = $my->{mysql} && $my->{version} < 50708;
    my $self = bless { my => $my, db => $db, old => $old, mariadb => !$my->{mysql}, n => 0 }, $class;
    # not all servers have all
    my %has = map { $_->[0] => 1 } $my->rows('SELECT character_set_name FROM information_schema.character_sets');
    $self->{charsets} = [ grep { $has{$_} || ($_ eq 'utf8' && $has{utf8mb3}) } @column_charsets ];
    return $self;
}

# ------------------------------------------------------------------ sessions

sub _settings
{
    my ($self) = @_;
    my @mode = chance(0.3) ? () : some(between(1, 4), @modes);
    push @mode, 'TIME_ROUND_FRACTIONAL' if $self->{mariadb} && chance(0.1);
    # MariaDB's way to say that such dates may come, MySQL's that they may not
    my $s = { mode => { map { $_ => 1 } @mode }, names => pick(@session_charsets),
        zone => pick('+00:00', '-05:00', '+03:30', '+05:45', '-11:00', '+13:00', 'SYSTEM'),
        image => pick(qw(FULL FULL MINIMAL NOBLOB)) };
    my @set = ("SET NAMES $s->{names}", "SET SESSION sql_mode = '" . join(',', @mode) . "', time_zone = '$s->{zone}', binlog_row_image = '$s->{image}'");
    push @set, "SET SESSION binlog_row_value_options = 'PARTIAL_JSON'" if !$self->{mariadb} && !$self->{old} && chance(0.4);
    push @set, "SET SESSION div_precision_increment = " . between(0, 9) if chance(0.2);
    push @set, "SET SESSION explicit_defaults_for_timestamp = " . between(0, 1) if $self->{mariadb} && chance(0.3);
    $s->{set} = \@set;
    return $s;
}

sub _name
{
    my ($s, $name) = @_;
    return $s->{mode}{ANSI_QUOTES} && chance(0.5) ? qq("$name") : "`$name`";
}

sub _quote
{
    my ($s, $bytes) = @_;
    my $q = $s->{mode}{ANSI_QUOTES} || chance(0.7) ? "'" : '"';
    $bytes =~ s/$q/$q$q/g;
    $bytes =~ s/\\/\\\\/g unless $s->{mode}{NO_BACKSLASH_ESCAPES};
    return "$q$bytes$q";
}

sub _encode
{
    my ($charset, $text) = @_;
    my $copy = $text;
    my $bytes = eval { Encode::encode($encoding{$charset}, $copy, Encode::FB_CROAK) };
    return undef if !defined $bytes || $charset =~ /^(?:utf8|utf8mb3|ucs2)$/ && $text =~ /[\x{10000}-\x{10ffff}]/;
    # what Perl has and MySQL has not, or the reverse
    return undef if eval { Encode::decode($encoding{$charset}, (my $b = $bytes), Encode::FB_CROAK) ne $text } // 1;
    return $bytes;
}

# A text as the session may write it.
sub _text
{
    my ($s, $text, $charset) = @_;
    my $own = _encode($s->{names}, $text);
    my $there = defined $charset ? _encode($charset, $text) : undef;
    my @ways;
    push @ways, (sub { _quote($s, $own) }) x 3 if defined $own;
    push @ways, sub { "_$charset X'" . unpack('H*', $there) . "'" } if defined $there;
    push @ways, sub { "_utf8mb4 X'" . unpack('H*', Encode::encode('UTF-8', $text)) . "'" };
    push @ways, sub { "_utf8mb4 0x" . unpack('H*', Encode::encode('UTF-8', $text)) } if $text ne '';
    push @ways, sub { "N" . _quote($s, $own) } if defined $own && $text =~ /^[\x20-\x7e]*$/;
    return pick(@ways)->();
}

sub _letters
{
    my ($charset, $max) = @_;
    my @fit = grep { defined _encode($charset, $_) } @letters;
    @fit = ('a', 'b') unless @fit;
    return join '', map { pick(@fit) } 1 .. between(0, $max);
}

# -------------------------------------------------------------------- columns

my $fsp = sub { my $n = pick(0, 0, 3, 6); return $n ? "($n)" : ''; };

sub _type
{
    my ($self) = @_;
    my $charset = sub { return chance(0.6) ? '' : ' CHARACTER SET ' . pick(@{ $self->{charsets} }); };
    my @types = (
        sub { pick(qw(tinyint smallint mediumint int bigint)) . pick('', '', ' unsigned', ' unsigned zerofill') },
        sub { pick(qw(int bigint)) },
        sub { my $p = between(1, 40); my $d = between(0, $p < 30 ? $p : 30); "decimal($p,$d)" . pick('', '', ' unsigned') },
        sub { pick(qw(float double real), 'double(12,3)', 'float(7,2)', 'double unsigned') },
        sub { 'bit(' . between(1, 64) . ')' },
        sub { pick('date', 'year') },
        sub { 'datetime' . $fsp->() },
        sub { 'timestamp' . $fsp->() },
        sub { 'time' . $fsp->() },
        sub { 'char(' . between(1, 20) . ')' . $charset->() },
        sub { 'varchar(' . between(1, 40) . ')' . $charset->() },
        sub { 'varchar(' . between(1, 40) . ')' . $charset->() },
        sub { pick(qw(tinytext text mediumtext longtext)) . $charset->() },
        sub { 'binary(' . between(1, 12) . ')' },
        sub { 'varbinary(' . between(1, 30) . ')' },
        sub { pick(qw(tinyblob blob mediumblob longblob)) },
    );
    push @types, sub { 'json' } unless $self->{old};
    push @types, sub { pick(qw(uuid inet6)) } if $self->{mariadb};
    push @types, sub { 'inet4' } if $self->{mariadb} && $self->{my}{version} >= 101000;
    return pick(@types)->();
}

# ENUM and SET, whose labels are in the session's writing.
sub _labels_type
{
    my ($self, $s) = @_;
    my $kind = pick(qw(enum set));
    my %seen;
    my @labels = grep { my $l = lc; $l =~ s/\s+$//; !/,/ && $l ne '' && !$seen{$l}++ } map { _letters($s->{names} =~ /^utf8/ ? 'utf8' : $s->{names}, 5) . pick('x', 'y', "\x{e9}", "q$_") } 1 .. between(2, 5);
    @labels = grep { defined _encode($s->{names}, $_) } map { s/[\n\t'"\\]//gr } @labels;
    push @labels, 'end';
    %seen = ();
    @labels = grep { !$seen{ lc(s/\s+$//r) }++ } @labels;
    return "$kind(" . join(', ', map { _quote($s, _encode($s->{names}, $_)) } @labels) . ')';
}

# What a column is, from its definition as the source shows it.
sub columns
{
    my ($self, $table) = @_;
    my @columns = $self->{my}->rows("SELECT column_name, column_type, data_type, is_nullable, character_set_name, column_key, extra, "
          . "HEX(column_type) FROM information_schema.columns WHERE table_schema = '$self->{db}' AND table_name = '$table' ORDER BY ordinal_position");
    return map {
        my ($name, $full, $type, $null, $charset, $key, $extra, $hex) = @$_;
        { name => $name, full => Encode::decode('UTF-8', pack 'H*', $hex), type => lc $type, null => $null eq 'YES', charset => $charset,
            key => $key // '', auto => ($extra // '') =~ /auto_increment/i ? 1 : 0, generated => ($extra // '') =~ /GENERATED|VIRTUAL|STORED|PERSISTENT/i && ($extra // '') !~ /DEFAULT_GENERATED/ ? 1 : 0 }
    } @columns;
}

sub tables
{
    my ($self) = @_;
    return map { $_->[0] } $self->{my}->rows("SELECT table_name FROM information_schema.tables WHERE table_schema = '$self->{db}' AND table_type = 'BASE TABLE' ORDER BY 1");
}

# --------------------------------------------------------------------- values

my %bits = (tinyint => 8, smallint => 16, mediumint => 24, int => 32, bigint => 64);

sub _integer
{
    my ($c) = @_;
    my $bits = $bits{ $c->{type} };
    my ($max, $min) = $c->{full} =~ /unsigned/
      ? ({ 8 => '255', 16 => '65535', 24 => '16777215', 32 => '4294967295', 64 => '18446744073709551615' }->{$bits}, '0')
      : ({ 8 => '127', 16 => '32767', 24 => '8388607', 32 => '2147483647', 64 => '9223372036854775807' }->{$bits},
        { 8 => '-128', 16 => '-32768', 24 => '-8388608', 32 => '-2147483648', 64 => '-9223372036854775808' }->{$bits});
    return pick($max, $min, 0, 1, between(0, 100), between(0, 100), $c->{full} =~ /unsigned/ ? between(0, 127) : -between(0, 127), pick("'7'", '0x11', "b'101'", '3.5', 'TRUE'));
}

sub _digits { my ($n) = @_; return join '', map { between(0, 9) } 1 .. $n; }

sub _decimal
{
    my ($c) = @_;
    my ($p, $d) = $c->{full} =~ /\((\d+),(\d+)\)/ ? ($1, $2) : (10, 0);
    my $n = ($p > $d ? _digits(between(1, $p - $d)) : '0') . ($d ? '.' . _digits(between(1, $d)) : '');
    return pick('0', '1', ($c->{full} =~ /unsigned/ ? '' : pick('', '-')) . $n, ('9' x ($p - $d) || '0') . ($d ? '.' . '9' x $d : ''), "'$n'");
}

my $date = sub { return sprintf '%04d-%02d-%02d', pick(1000, 1969, 1970, 1999, 2000, 2021, 2024, 9999, between(1000, 9999)), between(1, 12), between(1, 28); };
my $clock = sub { return sprintf('%02d:%02d:%02d', between(0, 23), between(0, 59), between(0, 59)) . pick('', '', '.' . _digits(3), '.' . _digits(6)); };

sub _temporal
{
    my ($s, $c) = @_;
    my $t = $c->{type};
    my $text = $t eq 'date' ? pick($date->(), $date->(), $date->(), '0000-00-00', '2020-00-10', '2021-02-30', '9999-12-31', '1000-01-01')
      : $t eq 'datetime' ? pick((map { $date->() . ' ' . $clock->() } 1 .. 4), '0000-00-00 00:00:00', '9999-12-31 23:59:59', '1000-01-01 00:00:00', '20200102030405')
      : $t eq 'timestamp' ? pick((map { sprintf('%04d-%02d-%02d ', between(1971, 2037), between(1, 12), between(1, 28)) . $clock->() } 1 .. 5), '0000-00-00 00:00:00', '2038-01-18 03:14:07')
      : $t eq 'time' ? pick($clock->(), '00:00:00', '23:59:59', '12:00')
      : pick(1901, 1999, 2000, 2155, '0000');
    return $t eq 'year' ? $text : pick('', '', '', $t eq 'date' && $text !~ /-00/ && $text !~ /02-30/ ? 'DATE ' : '') . "'$text'";
}

my $json;
$json = sub {
    my ($depth) = @_;
    my @simple = ('null', 'true', 'false', between(-1000, 1000), '1.5', '-0.25', '1e10', '12345678901234567', '"a"', '"\\u00e9\\"q"', '""', '"' . 'long' x between(1, 20) . '"');
    return pick(@simple) if $depth > 2 || chance(0.4);
    return '[' . join(', ', map { $json->($depth + 1) } 1 .. between(0, 4)) . ']' if chance(0.5);
    my $n = between(0, 4);
    return '{' . join(', ', map { "\"k$_\": " . $json->($depth + 1) } 1 .. $n) . '}';
};

# A value for a column, as SQL of the session.
sub value
{
    my ($self, $s, $c, %opt) = @_;
    my $t = $c->{type};
    return 'NULL' if $c->{null} && !$opt{not_null} && chance(0.12);
    return _integer($c) if $bits{$t};
    return _decimal($c) if $t eq 'decimal';
    if ($t eq 'float' || $t eq 'double')
    {
        return pick(0, 1, '0.1', '1e3', '123456.789', '3.4e30', '1e-30', $c->{full} =~ /unsigned/ ? '2.5' : '-2.5', between(0, 1000) / 7) unless $c->{full} =~ /\(/;
        return pick(0, 1, '0.125', '99.995', '-1.005', between(0, 1000) / 7);
    }
    if ($t eq 'bit')
    {
        my ($n) = $c->{full} =~ /\((\d+)\)/;
        return pick("b'" . join('', map { between(0, 1) } 1 .. $n) . "'", "b'1'", "b'0'", '1', '0x01');
    }
    return _temporal($s, $c) if $t =~ /^(?:date|datetime|timestamp|time|year)$/;
    if ($t eq 'enum' || $t eq 'set')
    {
        my @labels = map { s/''/'/gr } $c->{full} =~ /'((?:[^']|'')*)'/g;
        return pick(between(1, scalar @labels), between(1, scalar @labels), $c->{null} ? "''" : 1) if $t eq 'enum' && chance(0.5);
        my @fit = grep { defined _encode($s->{names}, $_) && !/[\\?]/ } @labels;
        return 1 unless @fit;
        return _quote($s, _encode($s->{names}, $t eq 'enum' ? pick(@fit) : join ',', some(between(0, 3), @fit)));
    }
    if ($t =~ /binary$|blob$/)
    {
        my ($max) = $c->{full} =~ /\((\d+)\)/;
        $max //= 60;
        my $bytes = join '', map { chr between(0, 255) } 1 .. between(0, $max);
        return pick("X'" . unpack('H*', $bytes) . "'", "X'" . unpack('H*', $bytes) . "'", "'plain'", "''", $bytes eq '' ? "''" : '0x' . unpack('H*', $bytes));
    }
    return _quote($s, $json->(0)) if $t eq 'json' || $c->{name} =~ /^j\d/ && $t eq 'longtext';
    return "'" . pick('123e4567-e89b-12d3-a456-426655440000', sprintf('%08x-0000-1000-8000-%012x', between(0, 1e6), between(0, 1e6))) . "'" if $t eq 'uuid';
    return "'" . join('.', map { between(0, 255) } 1 .. 4) . "'" if $t eq 'inet4';
    return "'" . pick('::', '::1', '2001:db8::ff00:42:8329', '::ffff:192.0.2.1', sprintf('fe80::%x', between(1, 65535))) . "'" if $t eq 'inet6';
    my ($max) = $c->{full} =~ /\((\d+)\)/;
    my $charset = $c->{charset} // 'utf8mb4';
    $charset = 'utf8mb4' unless $encoding{$charset};
    my $text = _letters($charset, $max && $max < 30 ? $max : 30);
    return _text($s, $text, $charset);
}

# ------------------------------------------------------------------ statements

# DEFAULT …, or ''.
sub _default
{
    my ($self, $s, $type, $null) = @_;
    my ($word) = $type =~ /^(\w+)/;
    $word = { real => $s->{mode}{REAL_AS_FLOAT} ? 'float' : 'double' }->{$word} // $word;
    my ($charset) = $type =~ /CHARACTER SET (\w+)/;
    return '' if $word eq 'json' || chance(0.35);
    return ' DEFAULT CURRENT_TIMESTAMP' . ($type =~ /^\w+(\(\d\))/ ? $1 : '') . pick('', ' ON UPDATE CURRENT_TIMESTAMP' . ($type =~ /^\w+(\(\d\))/ ? $1 : ''))
      if $word =~ /^(?:timestamp|datetime)$/ && !$self->{old} && chance(0.3);
    if ($word =~ /text$|blob$/)
    {
        return '' if $self->{old};
        # an introducer of a TEXT's default is damaged by MariaDB itself (docs/limits.md)
        my $text = join '', grep { !$charset || !$encoding{$charset} || defined _encode($charset, $_) } split //, _letters($s->{names}, 12);
        my $own = _quote($s, _encode($s->{names}, $text));
        my $v = $word =~ /blob/ ? "X'" . unpack('H*', pick('plain', "\xe9\xff", '')) . "'" : $self->{mariadb} ? $own : pick($own, _text($s, _letters($charset && $encoding{$charset} ? $charset : 'utf8mb4', 12), $charset && $encoding{$charset} ? $charset : undef));
        return $self->{mariadb} ? " DEFAULT $v" : " DEFAULT ($v)";
    }
    if ($word =~ /^(?:enum|set)$/)
    {
        my ($label) = $type =~ /\(\s*('(?:[^']|'')*'|"(?:[^"]|"")*")/;
        return " DEFAULT $label";
    }
    # MariaDB writes other bytes as '?' into the log where it writes CREATE TABLE … SELECT (docs/limits.md)
    return " DEFAULT '" . substr(pick('', 'ab', 'A Z', 'xyz01'), 0, $type =~ /\((\d+)/ ? $1 : 1) . "'" if $word =~ /binary/ && $self->{mariadb};
    # of more than six digits a FLOAT's default is another after the next ALTER (docs/limits.md)
    return ' DEFAULT ' . pick(0, 1, '0.5', '2.25', '1e3', '1234.5') if $word eq 'float' && $type !~ /,/;
    my $v = $self->value($s, { name => '', type => $word, full => $type, charset => $charset, null => 0 });
    # … and as '?' characters of four bytes
    return '' if $self->{mariadb} && $v =~ /\xf0|f09f|f090|d83d|d800|0001(?:f600|0348)/i;
    return '' if $v =~ /^(?:3\.5|TRUE)$/ && $word ne 'float';
    return " DEFAULT $v";
}

# A generated column over some columns that are there.
sub _generated
{
    my ($self, $s, @columns) = @_;
    my @base = grep { !$_->{generated} && !$_->{auto} } @columns;
    my @numbers = grep { $_->{type} =~ /int$|^decimal$|^double$|^float$/ && $_->{full} !~ /zerofill/ } @base;
    my @texts = grep { $_->{type} =~ /char$|text$/ } @base;
    my @dates = grep { $_->{type} =~ /^date(?:time)?$/ } @base;
    my $lit = sub { _text($s, _letters($s->{names}, 4), undef) };
    my @forms;
    if (@numbers)
    {
        my ($a, $b) = map { _name($s, $_->{name}) } pick(@numbers), pick(@numbers);
        push @forms, map { [ $_, pick('bigint', 'int', 'decimal(20,4)', 'double', 'smallint', 'decimal(10,2)', 'varchar(30)', 'int unsigned') ] }
          "$a + 1", "$a - $b", "$a * 2", "$a / 3", "$a DIV 7", "$a % 5", "FLOOR($a)", "ROUND($a, 1)", "ABS($a)", "COALESCE($a, 0)", "GREATEST($a, $b)",
          "IF($a > 10, 1, 0)", "CASE WHEN $a IS NULL THEN -1 ELSE $a END", "NOT $a BETWEEN 1 AND 5", "NULLIF($a, 0)", "$a = $b", "$a <=> NULL", "-$a", "SIGN($a)", "TRUNCATE($a, 1)", "CEILING($a)";
        push @forms, [ "CAST($a AS CHAR)", 'varchar(60)' ], [ "CONCAT($a, '/', $b)", 'varchar(120)' ];
    }
    if (@texts)
    {
        my ($a, $b) = map { _name($s, $_->{name}) } pick(@texts), pick(@texts);
        push @forms, map { [ $_, pick('varchar(100)', 'text', 'char(50)', 'varchar(5)', 'varchar(100) CHARACTER SET utf8mb4') ] }
          "CONCAT($a, $b)", "CONCAT($a, " . $lit->() . ")", "UPPER($a)", "LOWER($a)", "LEFT($a, 3)", "RIGHT($a, 2)", "SUBSTRING($a, 2)", "SUBSTRING($a, -3, 2)", "TRIM($a)", "REPLACE($a, 'a', 'bb')",
          "REVERSE($a)", "LPAD($a, 8, 'x')", "IFNULL($a, " . $lit->() . ")", "CONCAT_WS('-', $a, $b)", "REPEAT($a, 2)", "$a || " . $lit->(), "IF($a = " . $lit->() . ", 'yes', 'no')", "COALESCE($a, $b)", "$a";
        push @forms, map { [ $_, pick('int', 'bigint', 'varchar(20)') ] } "LENGTH($a)", "CHAR_LENGTH($a)", "$a LIKE 'a%'", "LOCATE('a', $a)", "$a = $b", "ASCII($a)", "STRCMP($a, $b)";
        push @forms, [ "HEX($a)", 'varchar(400)' ], [ "MD5($a)", 'char(32)' ];
    }
    if (@dates)
    {
        my $a = _name($s, pick(@dates)->{name});
        push @forms, [ "YEAR($a)", 'int' ], [ "MONTH($a)", 'smallint' ], [ "DATE($a)", 'date' ], [ "$a + INTERVAL 1 DAY", 'datetime' ], [ "DATE_FORMAT($a, '%Y/%m/%d')", 'varchar(20)' ], [ "DAYOFWEEK($a)", 'int' ],
          [ "IF($a > '2020-01-01', 1, 0)", 'int' ], [ "DATEDIFF($a, '2020-01-01')", 'int' ], [ "TO_DAYS($a)", 'int' ], [ "LAST_DAY($a)", 'date' ];
    }
    return undef unless @forms;
    my ($expr, $type) = @{ pick(@forms) };
    return "$type GENERATED ALWAYS AS ($expr) " . pick('STORED', 'VIRTUAL');
}

sub _check
{
    my ($self, $s, @columns) = @_;
    my $c = pick(grep { !$_->{auto} && !$_->{generated} } @columns) // return undef;
    my $n = _name($s, $c->{name});
    return pick("$n > -1000000000 OR $n IS NULL", "$n / 3 < 1000000000000000000", "NOT $n BETWEEN -2000000001 AND -2000000000") if $c->{type} =~ /int$|decimal/;
    return "$n <> " . _text($s, _letters($s->{names}, 3) . 'never', undef) if $c->{type} =~ /char$|text$/;
    return undef;
}

sub _column
{
    my ($self, $s, @columns) = @_;
    my $name = 'c' . ++$self->{n};
    if (@columns && chance(0.2) && !$self->{old})
    {
        my $generated = $self->_generated($s, @columns);
        return [ $name, $generated ] if defined $generated;
    }
    my $type = chance(0.12) ? $self->_labels_type($s) : $self->_type;
    my $null = chance(0.65);
    $name =~ s/^c/j/ if $type eq 'json';
    # what stops a task: index 0 in a column that is NOT NULL
    $null = 1 if $type =~ /^enum/;
    # MariaDB gives rows that are there a JSON value of no characters
    $null = 1 if $type eq 'json' && $self->{mariadb};
    return [ $name, $type . ($null ? ($type =~ /^timestamp/ ? ' NULL' : '') : ' NOT NULL') . $self->_default($s, $type, $null) ];
}

# The columns of statements that are being written, as far as others need them.
sub _as_column
{
    my ($name, $definition) = @_;
    my ($type) = $definition =~ /^(\w+)/;
    return { name => $name, type => lc $type, full => $definition, charset => $definition =~ /CHARACTER SET (\w+)/ ? $1 : undef, generated => $definition =~ /GENERATED/ ? 1 : 0 };
}

sub _create
{
    my ($self, $s) = @_;
    my $table = 't' . ++$self->{n};
    my @defs;
    for (1 .. between(2, 9)) { push @defs, $self->_column($s, map { _as_column(@$_) } @defs); }
    my @columns = map { _as_column(@$_) } @defs;
    my $kind = pick(qw(auto auto int two text none));
    my @lines = map { _name($s, $_->[0]) . " $_->[1]" } @defs;
    unshift @lines, $kind eq 'auto' ? 'id int NOT NULL AUTO_INCREMENT PRIMARY KEY' : $kind eq 'int' ? 'id bigint NOT NULL PRIMARY KEY'
      : $kind eq 'two' ? ('id int NOT NULL', 'id2 int NOT NULL') : $kind eq 'text' ? 'id varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL PRIMARY KEY' : ();
    push @lines, 'PRIMARY KEY (id, id2)' if $kind eq 'two';
    my @indexed = grep { !$_->{generated} && $_->{type} =~ /int$|decimal|date|^varchar|^char/ } @columns;
    push @lines, 'KEY ' . _name($s, 'k' . ++$self->{n}) . ' (' . _name($s, pick(@indexed)->{name}) . ')' if @indexed && chance(0.4);
    if (chance(0.2) && !$self->{old})
    {
        my $check = $self->_check($s, @columns);
        push @lines, 'CONSTRAINT ' . _name($s, 'ck' . ++$self->{n}) . " CHECK ($check)" if defined $check;
    }
    return 'CREATE TABLE ' . _name($s, $table) . ' (' . join(', ', @lines) . ')' . (chance(0.3) ? ' DEFAULT CHARACTER SET ' . pick(qw(latin1 utf8mb4 cp1251 utf8)) : '')
      . (chance(0.2) ? ' COMMENT ' . _quote($s, _encode($s->{names}, _letters($s->{names} eq 'utf8mb4' ? 'utf8' : $s->{names}, 10))) : '');
}

sub _alter
{
    my ($self, $s, $table) = @_;
    my @columns = $self->columns($table);
    my @free = grep { $_->{name} !~ /^id/ } @columns;
    my $t = _name($s, $table);
    my $c = @free ? pick(@free) : undef;
    my $n = defined $c ? _name($s, $c->{name}) : undef;
    my $add = sub { my $d = $self->_column($s, @columns); return 'ADD COLUMN ' . _name($s, $d->[0]) . " $d->[1]" . pick('', '', ' FIRST', defined $n ? " AFTER $n" : ''); };
    my @ways = (
        sub { "ALTER TABLE $t " . $add->() },
        sub { "ALTER TABLE $t " . join ', ', $add->(), $add->() },
        sub { $self->_create($s) },
    );
    # what it may become: of bytes no text, which could have a byte 0x00
    my $become = sub {
        for (1 .. 50)
        {
            my $d = $self->_column($s, grep { $_->{name} ne $c->{name} } @columns);
            return $d unless $c->{type} =~ /binary|blob|bit/ && $d->[1] =~ /^(?:\w*char|\w*text|enum|set|json|uuid|inet)/i;
        }
        return [ $c->{name}, 'blob' ];
    };
    if (defined $c)
    {
        push @ways, sub { "ALTER TABLE $t DROP COLUMN $n" },
          sub { my $d = $become->(); "ALTER TABLE $t MODIFY $n $d->[1]" },
          sub { my $d = $become->(); "ALTER TABLE $t CHANGE $n " . _name($s, $d->[0]) . " $d->[1]" },
          sub { "ALTER TABLE $t ADD INDEX " . _name($s, 'k' . ++$self->{n}) . " ($n" . ($c->{type} =~ /text$|blob$/ ? '(5)' : '') . ')' };
        push @ways, sub { "ALTER TABLE $t ALTER $n SET DEFAULT " . $self->value($s, $c, not_null => 1) }, sub { "ALTER TABLE $t ALTER $n DROP DEFAULT" }
          if !$c->{generated} && $c->{type} !~ /text$|blob$|json/;
        # MySQL leaves the labels in the character set that they had
        push @ways, sub { "ALTER TABLE $t CONVERT TO CHARACTER SET " . pick(qw(utf8mb4 utf16 utf8)) } unless grep { $_->{type} =~ /^(?:enum|set)$/ } @columns;
    }
    push @ways, sub { 'RENAME TABLE ' . $t . ' TO ' . _name($s, 't' . ++$self->{n}) }, sub { "TRUNCATE TABLE $t" }, sub { "DROP TABLE $t" },
      sub { 'CREATE TABLE ' . _name($s, 't' . ++$self->{n}) . " LIKE $t" }, sub { 'CREATE TABLE ' . _name($s, 't' . ++$self->{n}) . " AS SELECT * FROM $t" };
    return pick(@ways)->();
}

sub _insert
{
    my ($self, $s, $table, @columns) = @_;
    my @set = grep { !$_->{generated} && (chance(0.75) || $_->{name} =~ /^id/) && !($_->{auto} && chance(0.8)) } @columns;
    my $row = sub { '(' . join(', ', map { $_->{name} =~ /^id2?$/ ? $_->{type} eq 'varchar' ? "'k" . between(1, 400) . "'" : between(1, 400) : $self->value($s, $_) } @set) . ')' };
    # of a row that is replaced MariaDB's minimal images leave out what got its default: the table is copied again each time
    return pick('INSERT INTO ', 'INSERT IGNORE INTO ', $self->{mariadb} && $s->{image} eq 'MINIMAL' ? 'INSERT INTO ' : 'REPLACE INTO ') . _name($s, $table) . ' (' . join(', ', map { _name($s, $_->{name}) } @set) . ') VALUES '
      . join(', ', map { $row->() } 1 .. between(1, 4));
}

sub _change
{
    my ($self, $s, $table, @columns) = @_;
    my $t = _name($s, $table);
    my @set = some(between(1, 3), grep { !$_->{generated} && $_->{name} !~ /^id/ } @columns);
    my $where = (grep { $_->{name} eq 'id' } @columns) && chance(0.8) ? ' WHERE id ' . pick('= ', '> ', '< ') . "'" . between(1, 300) . "'" : '';
    return "DELETE FROM $t$where LIMIT " . between(1, 4) if !@set || chance(0.2);
    my ($json) = grep { $_->{type} eq 'json' } @set;
    my $ignore = pick('', '', 'IGNORE ');
    return "UPDATE $ignore$t SET " . join(', ', map {
            my $n = _name($s, $_->{name});
            $_->{type} eq 'json' && chance(0.5) ? "$n = JSON_SET($n, '\$.k1', " . between(0, 99) . ", '\$.k9', 'x')" : "$n = " . $self->value($s, $_)
        } @set) . $where . ' LIMIT ' . between(1, 60);
}

# A batch of rows, so that there is something to copy.
sub fill
{
    my ($self, $s, $table, $n) = @_;
    my @columns = $self->columns($table);
    return map { $self->_insert($s, $table, @columns) } 1 .. $n;
}

# ---------------------------------------------------------------------- running

# Runs statements in a session of its own; those that the source refuses are
# skipped.
sub run
{
    my ($self, $s, @sql) = @_;
    my $text = join '', map { "$_;\n" } @{ $s->{set} }, @sql;
    note_script("-- session\nUSE $self->{db};\n$text");
    my ($code, $out, $err) = $self->{my}->mariadb($text, db => $self->{db}, args => ['--force']);
    my @errors = $err =~ /^(ERROR .*)/mg;
    note_script(map { "-- $_" } @errors);
    die "the source: $err\n" if $err =~ /ERROR (?:2002|2003|2006|2013)\b/;
    return;
}

sub make_database
{
    my ($self) = @_;
    my $charset = pick(qw(utf8mb4 utf8mb4 latin1 cp1251));
    note_script("CREATE DATABASE $self->{db} DEFAULT CHARACTER SET $charset;");
    $self->{my}->sql("CREATE DATABASE $self->{db} DEFAULT CHARACTER SET $charset");
    for (my $n = between(2, 4); $n > 0 || !$self->tables; $n--)
    {
        my $s = $self->_settings;
        $self->run($s, $self->_create($s));
    }
    for my $table ($self->tables)
    {
        my $s = $self->_settings;
        $self->run($s, $self->fill($s, $table, between(5, 15)));
    }
    return;
}

# One session: settings, then rows and, unless rows alone are wanted, statements.
sub session
{
    my ($self, %opt) = @_;
    my $s = $self->_settings;
    # what tables look like is known at the begin of each part alone
    for (1 .. between(1, 3))
    {
        my @tables = $self->tables;
        if (!$opt{rows} && (!@tables || chance(0.7)))
        {
            $self->run($s, @tables ? $self->_alter($s, pick(@tables)) : $self->_create($s));
            next;
        }
        my @sql;
        for my $table (some(2, @tables))
        {
            my @columns = $self->columns($table);
            push @sql, map { chance(0.6) ? $self->_insert($s, $table, @columns) : $self->_change($s, $table, @columns) } 1 .. between(2, 6);
        }
        if (chance(0.4)) { @sql = ('BEGIN', @sql, pick('COMMIT', 'COMMIT', 'COMMIT', 'ROLLBACK')); }
        $self->run($s, @sql);
    }
    return;
}

1;
