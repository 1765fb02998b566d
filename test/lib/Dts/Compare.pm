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

our @EXPORT_OK = qw(compare_table same_table same_database canonical_json);

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
    my ($c, $pgtype, $digest) = @_;
    (my $q = $c->{name}) =~ s/`/``/g;
    $q = "`$q`";
    my $t = $c->{type};
    return "CAST($q AS DOUBLE)" if $t eq 'float' || $t eq 'double';
    return $c->{full} =~ /unsigned/ ? "CAST($q AS UNSIGNED)" : "CAST($q AS SIGNED)"
      if $t =~ /int$/;
    return "CAST($q AS CHAR)" if $t eq 'decimal' && $c->{full} !~ /zerofill/;
    return "$q + 0" if $t eq 'decimal' || $t eq 'year';
    return "LPAD(BIN($q + 0), $c->{precision}, '0')" if $t eq 'bit';
    if ($t eq 'date')
    {
        return "IF(LAST_DAY($q) IS NULL, NULL, DATE_FORMAT($q, '%Y-%m-%d'))";
    }
    if ($t eq 'datetime' || $t eq 'timestamp')
    {
        return "IF(LAST_DAY($q) IS NULL, NULL, DATE_FORMAT($q, '%Y-%m-%d %H:%i:%s.%f'))";
    }
    return "CAST(TIME_TO_SEC($q) * 1000000 AS SIGNED)" if $t eq 'time';
    return "IF($q + 0 = 0, NULL, HEX(CONVERT($q USING utf8mb4)))" if $t eq 'enum';
    return "LOWER(CAST($q AS CHAR))" if $t eq 'uuid';
    return "CAST($q AS CHAR)" if $t =~ /^inet/;
    return "HEX(ST_AsWKB($q))"
      if $t =~ /^(geometry|(multi)?(point|linestring|polygon)|geometrycollection)$/;
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
    return "$q\::text" if $t =~ /int$/ || $t eq 'decimal' || $t eq 'year'
      || $t eq 'bit' || $t eq 'uuid';
    return "to_char($q, 'YYYY-MM-DD')" if $t eq 'date';
    return "to_char($q, 'YYYY-MM-DD HH24:MI:SS.US')" if $t eq 'datetime';
    return "to_char($q AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')"
      if $t eq 'timestamp';
    return "(extract(epoch FROM $q) * 1000000)::bigint::text" if $t eq 'time';
    return "host($q)" if $t =~ /^inet/;
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

sub compare_table
{
    my ($my, $source, $pg, $target, %opt) = @_;
    my ($sdb, $stab) = ref $source ? @$source : split /\./, $source, 2;
    my ($tschema, $ttab) = ref $target ? @$target : split /\./, $target, 2;
    my $digest = $opt{digest};

    my @cols = map { {
        name => $_->[0], type => lc $_->[1], full => lc $_->[2],
        precision => $_->[3], json => $_->[4],
    } } $my->rows('SELECT column_name, data_type, column_type, '
          . 'numeric_precision, 0 FROM information_schema.columns '
          . 'WHERE table_schema = ' . _lit($sdb) . ' AND table_name = '
          . _lit($stab) . ' ORDER BY ordinal_position');
    return "no table $sdb.$stab at the source" unless @cols;
    my %pgtype = map { @$_ } $pg->rows('SELECT attname, '
          . 'format_type(atttypid, -1) FROM pg_attribute a '
          . 'JOIN pg_class c ON c.oid = attrelid '
          . 'JOIN pg_namespace n ON n.oid = relnamespace '
          . 'WHERE attnum > 0 AND NOT attisdropped AND nspname = '
          . _lit($tschema) . ' AND relname = ' . _lit($ttab));
    return "no table $tschema.$ttab at the destination" unless %pgtype;

    my (@mexpr, @pexpr, @names, %json, %float);
    for my $c (@cols)
    {
        my $target_name = $c->{name};
        if ($opt{columns} && exists $opt{columns}{$target_name})
        {
            $target_name = $opt{columns}{$target_name} // next;
        }
        my $pt = $pgtype{$target_name}
          // return "no column $target_name in $tschema.$ttab";
        my $m = $opt{mariadb_expr}{ $c->{name} } // _mariadb_expr($c, $pt, $digest);
        my $p = $opt{pg_expr}{ $c->{name} } // _pg_expr($c, $target_name, $pt, $digest);
        push @mexpr, "COALESCE($m, '~')";
        push @pexpr, "coalesce($p, '~')";
        $json{$#mexpr} = 1 if ($pt eq 'jsonb' || $pt eq 'json') && !$digest;
        $float{$#mexpr} = 1 if $c->{type} =~ /^(float|double)$/;
        push @names, $c->{name};
    }
    my $fix = %json || %float ? sub {
        my @f = split /\|/, $_[0], -1;
        for (keys %json)
        {
            $f[$_] = canonical_json(pack 'H*', $f[$_]) if $f[$_] ne '~';
        }
        for (keys %float)
        {
            $f[$_] = sprintf '%.17g', $f[$_] if $f[$_] ne '~';
        }
        return join '|', @f;
    } : undef;

    (my $mq = "`$sdb`.`" . $stab =~ s/`/``/gr . '`');
    (my $pq = '"' . $tschema =~ s/"/""/gr . '"."' . $ttab =~ s/"/""/gr . '"');
    my $msql = "SET SESSION time_zone = '+00:00', max_statement_time = 0; "
      . "SELECT CONCAT_WS('|', " . join(', ', @mexpr) . ") FROM $mq;";
    my $psql = "COPY (SELECT concat_ws('|', " . join(', ', @pexpr)
      . ") FROM ONLY $pq) TO STDOUT";
    my $a = _read([ $my->client_cmd(undef, '--quick', '-e', $msql) ], $fix, $digest);
    my $b = _read([ $pg->psql_cmd($opt{db}), '-c', $psql ], $fix, $digest);
    return '' if $a->{sum} eq $b->{sum} && $a->{n} == $b->{n};
    my $text = "$source: $a->{n} rows at the source, $b->{n} at the destination";
    if (!$digest)
    {
        my %count;
        $count{$_}++ for @{ $a->{lines} };
        $count{$_}-- for @{ $b->{lines} };
        my @diff = sort { substr($a, 0, 40) cmp substr($b, 0, 40) }
          grep { $count{$_} } keys %count;
        $text .= "\n(" . join('|', @names) . ')';
        for (@diff[0 .. ($#diff < 9 ? $#diff : 9)])
        {
            $text .= sprintf "\n%s %s", $count{$_} > 0 ? 'source     ' : 'destination',
              substr $_, 0, 600;
        }
    }
    return $text;
}

sub _read
{
    my ($cmd, $fix, $digest) = @_;
    local $ENV{PGOPTIONS} = '-c extra_float_digits=1 -c DateStyle=ISO';
    open my $fh, '-|', @$cmd or croak "$cmd->[0]: $!";
    my ($n, $s1, $s2, @lines) = (0, 0, 0);
    {
        use integer;
        while (my $line = <$fh>)
        {
            chomp $line;
            $line = $fix->($line) if $fix;
            my ($x, $y) = unpack 'q2', md5($line =~ /[^\x00-\x7f]/
                ? do { my $l = $line; utf8::encode($l); $l } : $line);
            $s1 += $x;
            $s2 += $y;
            $n++;
            push @lines, $line unless $digest;
        }
    }
    close $fh or croak "$cmd->[0] failed ($?)";
    return { n => $n, sum => "$s1,$s2", lines => \@lines };
}

# A test: equal, or the difference is shown.
sub same_table
{
    my ($my, $source, $pg, $target, $name, %opt) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $diff = compare_table($my, $source, $pg, $target, %opt);
    Test::More::ok($diff eq '', $name // "$source is the same on both sides")
      or Test::More::diag($diff);
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
    my @diffs = grep { $_ ne '' }
      map { compare_table($my, [ $db, $_ ], $pg, [ $schema, lc $_ ], %opt) }
      @tables;
    Test::More::ok(@tables && !@diffs, $name // "$db is the same on both sides")
      or Test::More::diag(join "\n", @diffs ? @diffs : 'no tables');
    return !@diffs;
}

1;
