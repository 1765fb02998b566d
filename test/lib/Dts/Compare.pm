# Dts::Compare: is a table at the source equal to the one at the destination?
#
# Both servers are asked for each row as one line of canonical text, made by
# expressions that know nothing of the extension. Rows are compared as a
# multiset, so neither order nor a key is needed. Small tables give a readable
# difference; of large ones (digest => 1) only sums travel through memory.
#
#   my $diff = compare_table($my, 'shop.orders', $pg, 'shop.orders', %opt);
#   same_table($my, 'shop.orders', $pg, 'shop.orders', 'after the copy');
#
# Options: digest; columns => { source name => target name, or undef to leave
# one out }; mariadb_expr, pg_expr => { column => expression in place of ours }.
package Dts::Compare;
use strict;
use warnings;
use Carp qw(croak);
use Digest::MD5 qw(md5);
use Exporter qw(import);
use JSON::PP ();
use Test::More ();
use Dts::Env qw(tmpdir);

our @EXPORT_OK = qw(compare_table compare_tables same_table same_database canonical_json);

my $json = JSON::PP->new->allow_nonref->canonical->allow_bignum;

# JSON text in a form that two writers of the same value share.
sub canonical_json
{
    my ($text) = @_;
    my $value = eval { JSON::PP->new->utf8->allow_nonref->allow_bignum->decode($text) };
    return $text if $@;
    return $json->encode(_plain($value));
}

sub _plain
{
    my ($v) = @_;
    if (ref $v eq 'HASH') { return { map { $_ => _plain($v->{$_}) } keys %$v }; }
    if (ref $v eq 'ARRAY') { return [ map { _plain($_) } @$v ]; }
    if (ref $v && $v->isa('Math::BigFloat')) { return 'n' . $v->bstr; }
    if (ref $v && $v->isa('Math::BigInt')) { return 'n' . $v->bstr; }
    if (!ref $v && defined $v
        && B::svref_2object(\$v)->FLAGS & (B::SVp_IOK() | B::SVp_NOK())
        && !(B::svref_2object(\$v)->FLAGS & B::SVp_POK()))
    {
        require Math::BigFloat;
        return 'n' . Math::BigFloat->new("$v")->bstr;
    }
    return $v;
}
require B;

# Expression of a MariaDB column and what becomes of the line's field.
sub _mariadb_expr
{
    my ($c, $pgtype, $digest, $mysql) = @_;
    (my $q = $c->{name}) =~ s/`/``/g;
    $q = "`$q`";
    my $t = $c->{type};
    return $t eq 'float' ? "$q + 0e0" : $q if $mysql && ($t eq 'float' || $t eq 'double');
    return "CAST($q AS DOUBLE)" if $t eq 'float' || $t eq 'double';
    return $c->{full} =~ /unsigned/ ? "CAST($q AS UNSIGNED)" : "CAST($q AS SIGNED)"
      if $t =~ /^(?:tiny|small|medium|big)?int$/;
    return "CAST($q AS CHAR)" if $t eq 'decimal' && $c->{full} !~ /zerofill/;
    return "$q + 0" if $t eq 'decimal' || $t eq 'year';
    return "LPAD(BIN($q + 0), $c->{precision}, '0')" if $t eq 'bit';
    if ($t eq 'date' || $t eq 'datetime' || $t eq 'timestamp')
    {
        # Zero and impossible dates are NULL at the destination.
        my $format = $t eq 'date' ? '%Y-%m-%d' : '%Y-%m-%d %H:%i:%s.%f';
        return "IF(DAYOFMONTH($q) = 0 OR MONTH($q) = 0 OR DAYOFMONTH($q) > "
          . "DAY(LAST_DAY(CONCAT(LPAD(YEAR($q), 4, '0'), '-', MONTH($q), "
          . "'-01'))), NULL, DATE_FORMAT($q, '$format'))";
    }
    return "TIME_TO_SEC($q) * 1000000 + MICROSECOND($q)" if $t eq 'time' && $mysql;
    return "CAST(TIME_TO_SEC($q) * 1000000 AS SIGNED)" if $t eq 'time';
    return "IF($q + 0 = 0, NULL, HEX(CONVERT($q USING utf8mb4)))" if $t eq 'enum';
    return "LOWER(CAST($q AS CHAR))" if $t eq 'uuid';
    return "CAST($q AS CHAR)" if $t =~ /^inet/;
    # MySQL 8 turns the axes of a geographic value round
    return ($mysql ? "HEX(SUBSTRING(CAST($q AS BINARY), 5))" : "HEX(ST_AsWKB($q))")
      if $t =~ /^(geometry|(multi)?(point|linestring|polygon)|geom(etry)?collection)$/;
    return "HEX($q)" if $t eq 'vector';
    if ($t =~ /blob$/ || $t =~ /binary$/)
    {
        return $digest ? "MD5($q)" : "HEX($q)";
    }
    if ($t eq 'json' || $pgtype eq 'jsonb' || $pgtype eq 'json')
    {
        return $digest ? "MD5(JSON_LOOSE($q))" : "HEX(CONVERT($q USING utf8mb4))";
    }
    if ($t =~ /text$/ || $t =~ /char$/ || $t eq 'set')
    {
        return $digest ? "MD5(CONVERT($q USING utf8mb4))"
          : "HEX(CONVERT($q USING utf8mb4))";
    }
    croak "no canonical form for $t";
}

sub _pg_expr
{
    my ($c, $target, $pgtype, $digest) = @_;
    (my $q = $target) =~ s/"/""/g;
    $q = qq{"$q"};
    my $t = $c->{type};
    return "$q\::float8::text" if $t eq 'float' || $t eq 'double';
    if ($pgtype eq 'boolean')
    {
        return $t eq 'bit' ? "$q\::int::text" : "$q\::int::text";
    }
    return "$q\::text" if $t =~ /^(?:tiny|small|medium|big)?int$/ || $t eq 'decimal' || $t eq 'year'
      || $t eq 'bit' || $t eq 'uuid';
    return "to_char($q, 'YYYY-MM-DD')" if $t eq 'date';
    return "to_char($q, 'YYYY-MM-DD HH24:MI:SS.US')" if $t eq 'datetime';
    return "to_char($q AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')"
      if $t eq 'timestamp';
    return "(extract(epoch FROM $q) * 1000000)::bigint::text" if $t eq 'time';
    return "host($q)" if $t =~ /^inet/;
    if ($t eq 'vector')
    {
        return "(SELECT upper(string_agg(encode(substr(b, 4, 1) || substr(b, 3, 1)"
          . " || substr(b, 2, 1) || substr(b, 1, 1), 'hex'), '' ORDER BY n))"
          . " FROM unnest($q) WITH ORDINALITY u(f, n), float4send(f) b)";
    }
    if ($pgtype eq 'bytea')
    {
        return $digest && $t =~ /blob$|binary$/ ? "md5($q)"
          : "upper(encode($q, 'hex'))";
    }
    if ($t eq 'set' && $pgtype eq 'text[]')
    {
        $q = "array_to_string($q, ',')";
    }
    if ($digest && ($t =~ /text$|char$/ || $t eq 'set' || $t eq 'json'))
    {
        return "md5($q\::text)";
    }
    return "upper(encode(convert_to($q\::text, 'UTF8'), 'hex'))";
}

sub _lit { my ($s) = @_; $s =~ s/'/''/g; return "'$s'"; }

# Compares many tables over one session a side: each item is [source, target]
# (names as "schema.table" or [schema, table]). Returns a difference ('' if
# there is none) for each.
sub compare_tables
{
    my ($my, $pg, $items, %opt) = @_;
    my $digest = $opt{digest};
    my @pairs = map { [ ref $_->[0] ? @{ $_->[0] } : split(/\./, $_->[0], 2),
          ref $_->[1] ? @{ $_->[1] } : split(/\./, $_->[1], 2) ] } @$items;

    my (%cols, %pgtypes, @diff, @todo);
    for ($my->rows('SELECT table_schema, table_name, column_name, data_type, '
              . 'column_type, numeric_precision FROM '
              . 'information_schema.columns WHERE table_schema IN ('
              . join(', ', map { _lit($_->[0]) } @pairs)
              . ') ORDER BY ordinal_position'))
    {
        push @{ $cols{"$_->[0].$_->[1]"} }, { name => $_->[2],
            type => lc $_->[3], full => lc $_->[4], precision => $_->[5] };
    }
    for ($pg->rows('SELECT nspname, relname, attname, '
              . 'format_type(atttypid, -1) FROM pg_attribute a '
              . 'JOIN pg_class c ON c.oid = attrelid '
              . 'JOIN pg_namespace n ON n.oid = relnamespace '
              . 'WHERE attnum > 0 AND NOT attisdropped AND nspname IN ('
              . join(', ', map { _lit($_->[2]) } @pairs) . ')'))
    {
        $pgtypes{"$_->[0].$_->[1]"}{ $_->[2] } = $_->[3];
    }

  PAIR: for my $i (0 .. $#pairs)
    {
        my ($sdb, $stab, $tschema, $ttab) = @{ $pairs[$i] };
        my $cols = $cols{"$sdb.$stab"};
        my $pgtype = $pgtypes{"$tschema.$ttab"};
        $diff[$i] = "no table $sdb.$stab at the source", next unless $cols;
        $diff[$i] = "no table $tschema.$ttab at the destination", next
          unless $pgtype;
        my (@mexpr, @pexpr, @names, %json, %float);
        for my $c (@$cols)
        {
            my $target = $c->{name};
            if ($opt{columns} && exists $opt{columns}{$target})
            {
                $target = $opt{columns}{$target} // next;
            }
            my $pt = $pgtype->{$target};
            if (!defined $pt)
            {
                $diff[$i] = "no column $target in $tschema.$ttab";
                next PAIR;
            }
            my $m = $opt{mariadb_expr}{ $c->{name} }
              // _mariadb_expr($c, $pt, $digest, $my->{mysql});
            my $p = $opt{pg_expr}{ $c->{name} }
              // _pg_expr($c, $target, $pt, $digest);
            push @mexpr, "COALESCE($m, '~')";
            push @pexpr, "coalesce($p, '~')";
            $json{$#mexpr} = 1 if ($pt eq 'jsonb' || $pt eq 'json') && !$digest;
            $float{$#mexpr} = 1 if $c->{type} =~ /^(float|double)$/;
            push @names, $c->{name};
        }
        my $mq = "`$sdb`.`" . $stab =~ s/`/``/gr . '`';
        my $pq = '"' . $tschema =~ s/"/""/gr . '"."' . $ttab =~ s/"/""/gr . '"';
        push @todo, {
            i => $i,
            names => \@names,
            my => "SELECT CONCAT_WS('|', " . join(', ', @mexpr) . ") FROM $mq;",
            pg => "COPY (SELECT concat_ws('|', " . join(', ', @pexpr)
              . ") FROM ONLY $pq) TO STDOUT;",
            fix => %json || %float ? _fixer(\%json, \%float) : undef,
        };
    }
    return @diff unless @todo;

    my $mfile = tmpdir() . "/compare.$$.my.sql";
    my $pfile = tmpdir() . "/compare.$$.pg.sql";
    _write($mfile, "SET SESSION time_zone = '+00:00', sql_mode = ''"
          . ($my->{mysql} ? '' : ', max_statement_time = 0') . ";\n",
        map { "SELECT '#$_->{i}';\n$_->{my}\n" } @todo);
    _write($pfile, "SET extra_float_digits = 1; SET DateStyle = ISO;\n",
        map { "\\echo '#$_->{i}'\n$_->{pg}\n" } @todo);
    my %fix = map { $_->{i} => $_->{fix} } @todo;
    my $left = _read($mfile, [ $my->client_cmd(undef, '--quick') ], \%fix, $digest);
    my $right = _read($pfile, [ $pg->psql_cmd($opt{db}) ], \%fix, $digest);
    unlink $mfile, $pfile;
    for my $t (@todo)
    {
        my ($x, $y) = map { $_->{ $t->{i} } // { n => 0, sum => '0,0', lines => [] } }
          $left, $right;
        $diff[ $t->{i} ] = '', next if $x->{n} == $y->{n} && $x->{sum} eq $y->{sum};
        $diff[ $t->{i} ] = _difference($pairs[ $t->{i} ], $t->{names}, $x, $y, $digest);
    }
    return @diff;
}

sub _write
{
    my ($file, @text) = @_;
    open my $fh, '>', $file or croak "$file: $!";
    print $fh @text;
    close $fh;
}

# Puts JSON and floating point fields of a line into a common form.
sub _fixer
{
    my ($json, $float) = @_;
    return sub {
        my @f = split /\|/, $_[0], -1;
        for (keys %$json)
        {
            $f[$_] = canonical_json(pack 'H*', $f[$_]) if $f[$_] ne '~';
        }
        for (keys %$float)
        {
            $f[$_] = sprintf '%.17g', $f[$_] if $f[$_] ne '~';
        }
        return join '|', @f;
    };
}

sub _difference
{
    my ($pair, $names, $x, $y, $digest) = @_;
    my $text = "$pair->[0].$pair->[1]: $x->{n} rows at the source, "
      . "$y->{n} at the destination";
    return "$text, sums differ" if $digest;
    my %count;
    $count{$_}++ for @{ $x->{lines} };
    $count{$_}-- for @{ $y->{lines} };
    my @diff = sort { substr($a, 0, 40) cmp substr($b, 0, 40) }
      grep { $count{$_} } keys %count;
    $text .= ', ' . @diff . ' kinds of rows differ' . "\n(" . join('|', @$names) . ')';
    for (@diff[0 .. ($#diff < 9 ? $#diff : 9)])
    {
        $text .= sprintf "\n%s %s", $count{$_} > 0 ? 'source     ' : 'destination',
          substr $_, 0, 600;
    }
    return $text;
}

# Runs a client and collects rows, their number and sums by marker line.
sub _read
{
    my ($script, $cmd, $fix, $digest) = @_;
    open my $fh, '-|', '/bin/sh', '-c', 'exec "$@" < "$0"', $script, @$cmd
      or croak "$cmd->[0]: $!";
    my (%result, $r, $f);
    {
        use integer;
        while (my $line = <$fh>)
        {
            chomp $line;
            if ($line =~ /^#(\d+)$/)
            {
                $r = $result{$1} = { n => 0, s1 => 0, s2 => 0, lines => [] };
                $f = $fix->{$1};
                next;
            }
            $line = $f->($line) if $f;
            utf8::encode($line) if utf8::is_utf8($line);
            my ($x, $y) = unpack 'q2', md5($line);
            $r->{s1} += $x;
            $r->{s2} += $y;
            $r->{n}++;
            push @{ $r->{lines} }, $line unless $digest;
        }
    }
    close $fh or croak "$cmd->[0] failed ($?)";
    $_->{sum} = "$_->{s1},$_->{s2}" for values %result;
    return \%result;
}

# The difference of one table, '' if there is none.
sub compare_table
{
    my ($my, $source, $pg, $target, %opt) = @_;
    return (compare_tables($my, $pg, [ [ $source, $target ] ], %opt))[0];
}

# A test: equal, or the difference is shown.
sub same_table
{
    my ($my, $source, $pg, $target, $name, %opt) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $diff = compare_table($my, $source, $pg, $target, %opt);
    Test::More::ok($diff eq '', $name // "$source is the same on both sides")
      or Test::More::diag("difference:\n$diff");
    return $diff eq '';
}

# All base tables of a source database against a destination schema.
sub same_database
{
    my ($my, $db, $pg, $schema, $name, %opt) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my @tables = map { $_->[0] } $my->rows('SELECT table_name FROM '
          . 'information_schema.tables WHERE table_type = "BASE TABLE" '
          . 'AND table_schema = ' . _lit($db));
    my @diffs = grep { $_ ne '' } compare_tables($my, $pg,
        [ map { [ [ $db, $_ ], [ $schema, lc $_ ] ] } @tables ], %opt);
    Test::More::ok(@tables && !@diffs, $name // "$db is the same on both sides")
      or Test::More::diag(join "\n", 'difference:', @diffs ? @diffs : 'no tables');
    return !@diffs;
}

1;
