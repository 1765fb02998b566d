# DDL in the stream: statements of both families' dialects, interleaved with
# rows, while the task runs. At the end the destination's columns, keys and
# rows equal those of a fresh migration of what the source has then.
use strict;
use warnings;
use Test::More;
use Dts::Compare qw(same_database);
use Dts::Env qw(slurp topdir);
use Dts::Task qw(server_pair);

my ($my, $pg) = server_pair();
my ($first, @steps) = split /^-- \[(.*?)\]\n/m, slurp(topdir() . '/test/fixtures/ddl/statements.sql');
$my->sql("SET NAMES utf8mb4;\nCREATE DATABASE ddl DEFAULT CHARACTER SET utf8mb4;\nUSE ddl;\n$first");
my $task = Dts::Task->new($my, $pg, name => 'ddl', db => 'ddl');
$task->start->wait_for('incremental', 60);
same_database($my, 'ddl', $pg, 'ddl', 'full load');

my $statements = 0;
while (@steps)
{
    my ($name, $sql) = splice @steps, 0, 2;
    my ($code, $out, $err) = $my->mariadb("SET NAMES utf8mb4;\n$sql", db => 'ddl');
    if ($code) { fail("$name: at the source"); diag($err); next; }
    $statements += () = $sql =~ /^\s*(?:\/\*!\w*\s*)?(?:CREATE|ALTER|DROP|RENAME|TRUNCATE)\b/mgi;
    if (!eval { $task->catch_up(30); 1 })
    {
        fail($name);
        diag($@);
        last;
    }
    same_database($my, 'ddl', $pg, 'ddl', $name);
}
cmp_ok($statements, '>=', 150, "$statements DDL statements");

# columns, keys and constraints, without names that DDL leaves as they were
sub shape
{
    my ($db) = @_;
    return $pg->sql(<<"END");
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
WHERE n.nspname = 'ddl' AND c.relkind = 'r' ORDER BY 1;
SELECT c.relname || ' index ' || CASE WHEN i.indisprimary THEN 'primary ' WHEN i.indisunique THEN 'unique ' ELSE '' END
    || regexp_replace(pg_get_indexdef(i.indexrelid), '^.*? USING ', '')
FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'ddl' ORDER BY 1;
SELECT c.relname || ' ' || k.contype::text || ' ' || replace(pg_get_constraintdef(k.oid), ' NOT VALID', '')
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'ddl' AND k.contype IN ('c', 'f') ORDER BY 1;
SELECT c.relname || ' trigger ' || regexp_replace(pg_get_triggerdef(t.oid), 'EXECUTE FUNCTION .*', '')
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'ddl' AND NOT t.tgisinternal ORDER BY 1;
SELECT t.typname IS NOT NULL FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
WHERE n.nspname = 'ddl' AND t.typtype = 'e' ORDER BY 1;
SELECT c.relname || ' comment ' || obj_description(c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'ddl' AND obj_description(c.oid) IS NOT NULL AND c.relkind = 'r' ORDER BY 1;
END
}
my $followed = shape();
$task->release;
$pg->sql('DROP SCHEMA ddl CASCADE');
my $fresh = Dts::Task->new($my, $pg, name => 'fresh', db => 'ddl', source => 'src_ddl');
$fresh->start->wait_for('incremental', 60);
my $new = shape();
is($followed, $new, 'columns and keys equal those of a fresh migration') or do
{
    my (%a, %b);
    $a{$_}++ for split /\n/, $followed;
    $b{$_}++ for split /\n/, $new;
    diag("followed: $_") for grep { !$b{$_} } sort keys %a;
    diag("fresh:    $_") for grep { !$a{$_} } sort keys %b;
};
is($pg->sql("SELECT count(*) FROM dtsmig.task_log WHERE task = 'ddl' AND severity <> 'info'"), 0,
    'nothing but information in the log');
done_testing;
