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
GRANT SELECT ON pg_catalog.pg_dist_partition TO public;
CREATE FUNCTION pg_catalog.column_to_column_name(regclass, text) RETURNS text LANGUAGE sql AS 'SELECT $2';
CREATE VIEW citus.citus_tables AS SELECT logicalrelid AS table_name, CASE WHEN partmethod = 'h' THEN 'distributed' WHEN repmodel = 't' THEN 'reference' ELSE 'local' END AS citus_table_type,
  coalesce(partkey, '<none>') AS distribution_column, colocationid AS colocation_id FROM pg_catalog.pg_dist_partition;
ALTER VIEW citus.citus_tables SET SCHEMA pg_catalog;
CREATE SEQUENCE citus.colocation;

-- what is done in its own triggers is not done where triggers are disabled
CREATE FUNCTION citus.truncated() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
  IF current_setting('session_replication_role') = 'replica' THEN RAISE 'the shards of % would keep their rows', TG_RELID::regclass; END IF; RETURN NULL; END$$;
CREATE FUNCTION citus.updated() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
  IF to_jsonb(OLD) -> TG_ARGV[0] IS DISTINCT FROM to_jsonb(NEW) -> TG_ARGV[0] THEN RAISE 'modifying the partition value of rows is not allowed' USING ERRCODE = '0A000'; END IF; RETURN NEW; END$$;
CREATE FUNCTION citus.place(t regclass, method "char", key text, model "char", colocation integer) RETURNS void LANGUAGE plpgsql AS $$BEGIN
  IF current_setting('session_replication_role') = 'replica' THEN RAISE 'tables are placed with triggers enabled'; END IF;
  IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = t AND attidentity <> '' AND atttypid <> 'bigint'::regtype) THEN RAISE 'cannot complete operation on % with smallint/int identity column', t USING ERRCODE = '0A000'; END IF;
  IF key IS NOT NULL AND NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = t AND attname = key) THEN RAISE 'column "%" of relation "%" does not exist', key, t; END IF;
  INSERT INTO pg_catalog.pg_dist_partition VALUES (t, method, key, colocation, model);
  EXECUTE format('CREATE TRIGGER dist_truncated BEFORE TRUNCATE ON %s EXECUTE FUNCTION citus.truncated(); ALTER TABLE %1$s ENABLE ALWAYS TRIGGER dist_truncated', t);
  IF key IS NOT NULL AND (SELECT relkind FROM pg_class WHERE oid = t) = 'r' THEN
    EXECUTE format('CREATE TRIGGER dist_updated BEFORE UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION citus.updated(%L); ALTER TABLE %1$s ENABLE ALWAYS TRIGGER dist_updated', t, key);
  END IF; END$$;
CREATE FUNCTION pg_catalog.create_reference_table(t regclass) RETURNS void LANGUAGE sql AS $$SELECT citus.place(t, 'n', NULL, 't', 1)$$;
CREATE FUNCTION pg_catalog.create_distributed_table(t regclass, key text, colocate_with text DEFAULT 'default') RETURNS void LANGUAGE sql AS $$
  SELECT citus.place(t, 'h', key, 's', CASE WHEN colocate_with = 'none' THEN nextval('citus.colocation')::int + 10 ELSE (SELECT colocationid FROM pg_catalog.pg_dist_partition WHERE logicalrelid = colocate_with::regclass) END)$$;
CREATE FUNCTION citus.made() RETURNS event_trigger LANGUAGE plpgsql AS $$DECLARE what text; BEGIN
  SELECT i.indexrelid::regclass::text INTO what FROM pg_catalog.pg_dist_partition d JOIN pg_index i ON i.indrelid = d.logicalrelid AND i.indisunique
    WHERE d.partkey IS NOT NULL AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = i.indrelid AND a.attname = d.partkey AND a.attnum = ANY (i.indkey));
  IF FOUND THEN RAISE 'cannot create constraint on "%": UNIQUE constraints on distributed tables must include the partition column', what USING ERRCODE = '0A000'; END IF;
  SELECT c.conname INTO what FROM pg_constraint c LEFT JOIN pg_catalog.pg_dist_partition a ON a.logicalrelid = c.conrelid LEFT JOIN pg_catalog.pg_dist_partition b ON b.logicalrelid = c.confrelid
    WHERE c.contype = 'f' AND (a.logicalrelid IS NOT NULL OR b.logicalrelid IS NOT NULL) AND b.repmodel IS DISTINCT FROM 't'
      AND (a.partmethod IS DISTINCT FROM 'h' OR b.partmethod IS DISTINCT FROM 'h' OR a.colocationid <> b.colocationid
        OR NOT EXISTS (SELECT FROM generate_subscripts(c.conkey, 1) k JOIN pg_attribute x ON x.attrelid = c.conrelid AND x.attnum = c.conkey[k] AND x.attname = a.partkey
            JOIN pg_attribute y ON y.attrelid = c.confrelid AND y.attnum = c.confkey[k] AND y.attname = b.partkey));
  IF FOUND THEN RAISE 'cannot create foreign key constraint "%"', what USING ERRCODE = '0A000'; END IF; END$$;
CREATE EVENT TRIGGER citus_made ON ddl_command_end EXECUTE FUNCTION citus.made();
CREATE FUNCTION citus.dropped() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN
  DELETE FROM pg_catalog.pg_dist_partition WHERE logicalrelid IN (SELECT objid FROM pg_event_trigger_dropped_objects() WHERE classid = 'pg_class'::regclass AND objsubid = 0); END$$;
CREATE EVENT TRIGGER citus_dropped ON sql_drop EXECUTE FUNCTION citus.dropped();
ALTER EVENT TRIGGER citus_made ENABLE ALWAYS; ALTER EVENT TRIGGER citus_dropped ENABLE ALWAYS;
GRANT USAGE ON SCHEMA citus TO public;
END
    # its catalog, and what it refuses; its clauses become statements in Dts::Greenplum
    greenplum => <<'END',
CREATE SCHEMA gp;
CREATE TABLE gp.gp_distribution_policy (localoid oid NOT NULL, policytype "char" NOT NULL, numsegments integer NOT NULL, distkey int2vector NOT NULL, distclass oidvector);
CREATE UNIQUE INDEX gp_policy_localoid_index ON gp.gp_distribution_policy (localoid);
ALTER TABLE gp.gp_distribution_policy SET SCHEMA pg_catalog;
GRANT SELECT ON pg_catalog.gp_distribution_policy TO public; GRANT USAGE ON SCHEMA gp TO public;
CREATE FUNCTION gp.updated() RETURNS trigger LANGUAGE plpgsql AS $$DECLARE key text; BEGIN
  FOREACH key IN ARRAY TG_ARGV LOOP IF to_jsonb(OLD) -> key IS DISTINCT FROM to_jsonb(NEW) -> key THEN RAISE 'modification of distribution columns in %', TG_RELID::regclass USING ERRCODE = '0A000'; END IF; END LOOP; RETURN NEW; END$$;
CREATE FUNCTION gp.place(t regclass, method "char", key text[]) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$DECLARE numbers text := ''; k text; n integer; BEGIN
  FOREACH k IN ARRAY key LOOP SELECT attnum INTO n FROM pg_attribute WHERE attrelid = t AND attname = k AND attnum > 0; IF NOT FOUND THEN RAISE 'column "%" named in ''DISTRIBUTED BY'' clause does not exist', k USING ERRCODE = '42703'; END IF; numbers := numbers || ' ' || n; END LOOP;
  DELETE FROM gp_distribution_policy WHERE localoid = t;
  INSERT INTO gp_distribution_policy VALUES (t, method, 3, numbers::int2vector, NULL);
  EXECUTE format('DROP TRIGGER IF EXISTS gp_updated ON %s', t);
  IF key <> '{}' AND (SELECT relkind FROM pg_class WHERE oid = t) = 'r' THEN
    EXECUTE format('CREATE TRIGGER gp_updated BEFORE UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION gp.updated(%s); ', t, (SELECT string_agg(quote_literal(x), ', ') FROM unnest(key) x));
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER gp_updated', t);
  END IF; END$$;
CREATE FUNCTION gp.made() RETURNS event_trigger LANGUAGE plpgsql AS $$DECLARE what text; t record; BEGIN
  FOR t IN SELECT objid::regclass AS id FROM pg_event_trigger_ddl_commands() WHERE command_tag IN ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO') AND classid = 'pg_class'::regclass LOOP
    PERFORM gp.place(t.id, 'p', ARRAY(SELECT a.attname::text FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey) WHERE i.indrelid = t.id AND i.indisprimary)); END LOOP;
  FOR t IN SELECT d.*, a.attname FROM pg_catalog.gp_distribution_policy d LEFT JOIN pg_attribute a ON a.attrelid = d.localoid AND a.attnum = ANY (d.distkey::int2[]) WHERE d.policytype = 'p' LOOP
    SELECT i.indexrelid::regclass::text INTO what FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid AND c.relpersistence <> 't' WHERE i.indrelid = t.localoid AND i.indisunique AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = i.indrelid AND a.attname = t.attname AND a.attnum = ANY (i.indkey));
    IF FOUND THEN RAISE 'UNIQUE index "%" must contain all columns in the table''s distribution key', what USING ERRCODE = '42P16'; END IF; END LOOP;
  SELECT p.inhrelid::regclass::text INTO what FROM pg_inherits p JOIN pg_catalog.gp_distribution_policy a ON a.localoid = p.inhrelid JOIN pg_catalog.gp_distribution_policy b ON b.localoid = p.inhparent
    WHERE (a.policytype, ARRAY(SELECT attname FROM pg_attribute WHERE attrelid = p.inhrelid AND attnum = ANY (a.distkey::int2[]) ORDER BY 1)) IS DISTINCT FROM (b.policytype, ARRAY(SELECT attname FROM pg_attribute WHERE attrelid = p.inhparent AND attnum = ANY (b.distkey::int2[]) ORDER BY 1));
  IF FOUND THEN RAISE 'distribution policy for partition "%" must be the same as that of its table', what USING ERRCODE = '42P16'; END IF; END$$;
CREATE EVENT TRIGGER gp_made ON ddl_command_end EXECUTE FUNCTION gp.made();
CREATE FUNCTION gp.dropped() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER AS $$BEGIN
  DELETE FROM pg_catalog.gp_distribution_policy WHERE localoid IN (SELECT objid FROM pg_event_trigger_dropped_objects() WHERE classid = 'pg_class'::regclass AND objsubid = 0); END$$;
CREATE EVENT TRIGGER gp_dropped ON sql_drop EXECUTE FUNCTION gp.dropped();
ALTER EVENT TRIGGER gp_made ENABLE ALWAYS; ALTER EVENT TRIGGER gp_dropped ENABLE ALWAYS;
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
