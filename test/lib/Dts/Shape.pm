# Dts::Shape: what tables look like at the destination: columns, keys, checks,
# triggers, types and comments, as lines of text that two migrations of the
# same source share. Names that DDL leaves as they were are not in it.
package Dts::Shape;
use strict;
use warnings;
use Exporter qw(import);
use Test::More ();
use Dts::Task;

our @EXPORT_OK = qw(shape same_as_fresh);

sub shape
{
    my ($pg, $schema) = @_;
    my $text = $pg->sql(<<"END");
SET search_path = '';
SELECT c.relname || '.' || a.attname || ' ' ||
    CASE WHEN t.typtype = 'e' THEN (SELECT 'enum ' || string_agg(quote_literal(enumlabel), ',' ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid)
      ELSE format_type(a.atttypid, a.atttypmod) END
    || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END
    || CASE WHEN a.attidentity <> '' THEN ' identity' ELSE '' END
    || CASE WHEN a.attgenerated <> '' THEN ' generated' ELSE '' END
    || COALESCE(' default ' || CASE WHEN t.typtype = 'e' THEN split_part(pg_get_expr(d.adbin, d.adrelid), '::', 1) ELSE pg_get_expr(d.adbin, d.adrelid) END, '')
    || COALESCE(' comment ' || col_description(c.oid, a.attnum), '')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE n.nspname = '$schema' AND c.relkind = 'r' ORDER BY 1;
SELECT c.relname || ' index ' || CASE WHEN i.indisprimary THEN 'primary ' WHEN i.indisunique THEN 'unique ' ELSE '' END
    || regexp_replace(pg_get_indexdef(i.indexrelid), '^.*? USING ', '')
FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = '$schema' ORDER BY 1;
SELECT c.relname || ' ' || k.contype::text || ' ' || replace(pg_get_constraintdef(k.oid), ' NOT VALID', '')
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = '$schema' AND k.contype IN ('c', 'f') ORDER BY 1;
SELECT c.relname || ' trigger ' || regexp_replace(pg_get_triggerdef(t.oid), 'EXECUTE FUNCTION .*', '')
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = '$schema' AND NOT t.tgisinternal ORDER BY 1;
SELECT t.typname IS NOT NULL FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
WHERE n.nspname = '$schema' AND t.typtype = 'e' ORDER BY 1;
SELECT c.relname || ' comment ' || obj_description(c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = '$schema' AND obj_description(c.oid) IS NOT NULL AND c.relkind = 'r' ORDER BY 1;
END
    return $text;
}

# A test: the task is released, its schema dropped, and the source migrated
# again; both look the same. db: at the source; schema: at the destination
# (default: db); objects: of the task.
sub same_as_fresh
{
    my ($task, $name, %opt) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my ($my, $pg) = @$task{qw(my pg)};
    my $schema = $opt{schema} // $opt{db};
    my $followed = shape($pg, $schema);
    $task->release;
    $pg->sql("DROP SCHEMA $schema CASCADE");
    my $fresh = Dts::Task->new($my, $pg, name => "fresh_$task->{name}",
        source => "src_$task->{name}", objects => $opt{objects}, options => $opt{options});
    $fresh->start->wait_for('incremental', 120);
    my $new = shape($pg, $schema);
    Test::More::is($followed, $new, $name) or do
    {
        my (%a, %b);
        $a{$_}++ for split /\n/, $followed;
        $b{$_}++ for split /\n/, $new;
        Test::More::diag("followed: $_") for grep { !$b{$_} } sort keys %a;
        Test::More::diag("fresh:    $_") for grep { !$a{$_} } sort keys %b;
    };
    $fresh->release;
    $pg->sql("DROP SCHEMA $schema CASCADE");
    return;
}

1;
