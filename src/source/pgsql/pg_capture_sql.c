/*-------------------------------------------------------------------------
 *
 * pg_capture_sql.c
 *	  The SQL that captures DDL at a PostgreSQL source, as templates.
 *
 * @name@ stands for what pg_capture.c puts in its place. Every function is
 * plpgsql or SQL of version 10. The hooks (functions of the event triggers)
 * run as their owner, the source account, whoever runs the statement, whose
 * standard_conforming_strings they see and record: a string with a backslash
 * is written E'', or its function sets it. All
 * else is called by them alone. A hook takes the stack of its callers
 * (PG_CONTEXT) and the search_path first, while they are the caller's.
 *
 *	  statement -> table_rewrite -> sql_drop -> ddl_command_end
 *	                    |              |              |
 *	                    +------ rows of the stream's table, in order
 *	                                   with the rows that it publishes
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "source/pgsql/pg_capture_sql.h"

/*
 * Default privileges at the source are privileges on what is made at the
 * destination, too.
 */
#define REVOKE_ALL \
	"DO $dtsmig$\n" \
	"DECLARE\n" \
	"  r record;\n" \
	"BEGIN\n" \
	"  FOR r IN SELECT DISTINCT c.relname, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS grantee\n" \
	"      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace CROSS JOIN aclexplode(c.relacl) a\n" \
	"      WHERE n.nspname = 'dtsmig_source' AND a.grantee <> c.relowner LOOP\n" \
	"    EXECUTE format('REVOKE ALL ON TABLE dtsmig_source.%I FROM ', r.relname) || r.grantee;\n" \
	"  END LOOP;\n" \
	"END\n" \
	"$dtsmig$\n"

const char *const pg_capture_parts[] =
{
	/* a schema that others can change would let them into the hooks */
	"DO $dtsmig$\n"
	"DECLARE\n"
	"  trouble text;\n"
	"BEGIN\n"
	"  IF NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'dtsmig_source') THEN\n"
	"    CREATE SCHEMA dtsmig_source;\n"
	"    FOR trouble IN SELECT DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END\n"
	"        FROM pg_namespace n CROSS JOIN aclexplode(n.nspacl) a WHERE n.nspname = 'dtsmig_source' AND a.grantee <> n.nspowner LOOP\n"
	"      EXECUTE 'REVOKE ALL ON SCHEMA dtsmig_source FROM ' || trouble;\n"
	"    END LOOP;\n"
	"  END IF;\n"
	"  trouble := (@trouble@);\n"
	"  IF trouble IS NOT NULL THEN\n"
	"    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',\n"
	"      MESSAGE = 'schema dtsmig_source is not the account''s own: ' || trouble;\n"
	"  END IF;\n"
	"END\n"
	"$dtsmig$\n",

	/* tables that the task gave another replica identity, and which they had */
	"CREATE TABLE IF NOT EXISTS dtsmig_source.@stream_identity@ (relid oid PRIMARY KEY, was pg_catalog.\"char\")\n",

	"ALTER TABLE dtsmig_source.@stream_identity@ ADD COLUMN IF NOT EXISTS was pg_catalog.\"char\"\n",

	REVOKE_ALL,

	"CREATE TABLE IF NOT EXISTS dtsmig_source.@stream@ (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, logged timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(), pid integer NOT NULL, query_at timestamptz NOT NULL, query_hash integer NOT NULL, tag text NOT NULL, name text, record text NOT NULL)\n",

	REVOKE_ALL,

	"CREATE INDEX IF NOT EXISTS @stream_query@ ON dtsmig_source.@stream@ (pid, query_at)\n",

	"CREATE INDEX IF NOT EXISTS @stream_logged@ ON dtsmig_source.@stream@ (logged)\n",

	"CREATE OR REPLACE FUNCTION dtsmig_source.@stream_selected@(s text, t text) RETURNS boolean LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET standard_conforming_strings = on AS $dtsmig$\n"
	"DECLARE\n"
	"  rules CONSTANT jsonb := @rules@;\n"
	"  rule jsonb;\n"
	"BEGIN\n"
	"  IF s ~ '^pg_' OR s IN ('information_schema', 'dtsmig', 'dtsmig_source') THEN\n"
	"    RETURN false;\n"
	"  END IF;\n"
	"  IF jsonb_typeof(rules) <> 'array' THEN\n"
	"    RETURN true;\n"
	"  END IF;\n"
	"  SELECT r.value INTO rule FROM jsonb_array_elements(rules) WITH ORDINALITY r(value, n)\n"
	"    CROSS JOIN LATERAL (SELECT COALESCE(r.value ->> 'schema', '%') AS ps, COALESCE(r.value ->> 'table', '%') AS pt) p\n"
	"    WHERE s LIKE regexp_replace(p.ps, '([\\\\_])', '\\\\\\1', 'g')\n"
	"      AND t LIKE regexp_replace(p.pt, '([\\\\_])', '\\\\\\1', 'g')\n"
	"    ORDER BY strpos(p.pt, '%') = 0 DESC, length(replace(p.pt, '%', '')) DESC,\n"
	"      strpos(p.ps, '%') = 0 DESC, length(replace(p.ps, '%', '')) DESC, r.n DESC LIMIT 1;\n"
	"  IF rule IS NULL THEN\n"
	"    RETURN NOT EXISTS (SELECT FROM jsonb_array_elements(rules) r WHERE (r.value -> 'exclude') IS DISTINCT FROM 'true'::jsonb);\n"
	"  END IF;\n"
	"  RETURN (rule -> 'exclude') IS DISTINCT FROM 'true'::jsonb;\n"
	"END\n"
	"$dtsmig$\n",

	"CREATE OR REPLACE FUNCTION dtsmig_source.@stream_state@(tables oid[]) RETURNS jsonb LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $dtsmig$\n"
	"SELECT jsonb_agg(jsonb_build_object('source_id', c.oid::text, 'schema', n.nspname, 'name', c.relname,\n"
	"    'engine', CASE c.relpersistence WHEN 'u' THEN 'unlogged' ELSE 'heap' END,\n"
	"    'replica_identity', c.relreplident, 'comment', obj_description(c.oid, 'pg_class'),\n"
	"    'columns', (SELECT jsonb_agg(jsonb_build_object('name', a.attname, 'source_type', y.type, 'pg_type', y.type,\n"
	"        'base_type', (WITH RECURSIVE b(oid, next) AS (SELECT k.oid, k.typbasetype FROM pg_type k WHERE k.oid = a.atttypid\n"
	"            UNION ALL SELECT k.oid, k.typbasetype FROM b JOIN pg_type k ON k.oid = b.next)\n"
	"            SELECT CASE WHEN k.oid < 10000 THEN k.typname ELSE '' END FROM b JOIN pg_type k ON k.oid = b.oid WHERE b.next = 0),\n"
	"        'nullable', NOT a.attnotnull, 'target_nullable', NOT a.attnotnull, 'auto_increment', a.attidentity <> '',\n"
	"        'generation_expr', CASE WHEN y.generated <> '' THEN y.expr END, 'generated_stored', y.generated <> '',\n"
	"        'default_expr', CASE WHEN y.generated = '' THEN y.expr END, 'missing', @missing@,\n"
	"        'pg_collation', CASE WHEN a.attcollation <> t.typcollation THEN (SELECT quote_ident(cn.nspname) || '.' || quote_ident(co.collname) FROM pg_collation co JOIN pg_namespace cn ON cn.oid = co.collnamespace WHERE co.oid = a.attcollation) END)\n"
	"        ORDER BY a.attnum)\n"
	"      FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum\n"
	"      CROSS JOIN LATERAL (SELECT @generated@::text AS generated, format_type(a.atttypid, a.atttypmod) AS type, pg_get_expr(d.adbin, d.adrelid) AS expr) y\n"
	"      WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),\n"
	"    'indexes', (SELECT jsonb_agg(jsonb_build_object('name', ic.relname, 'target_name', ic.relname, 'kind', CASE WHEN i.indisprimary THEN 0 ELSE 1 END,\n"
	"        'parts', (SELECT jsonb_agg(jsonb_build_object('column', a.attname) ORDER BY k) FROM generate_series(0, @nkeys@ - 1) k\n"
	"          JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[k])) ORDER BY i.indisprimary DESC, ic.relname)\n"
	"      FROM pg_index i JOIN pg_class ic ON ic.oid = i.indexrelid\n"
	"      WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL\n"
	"        AND CASE c.relreplident WHEN 'i' THEN i.indisreplident WHEN 'f' THEN true ELSE i.indisprimary END)) ORDER BY c.oid)\n"
	"  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = ANY (tables)\n"
	"$dtsmig$\n",

	"CREATE OR REPLACE FUNCTION dtsmig_source.@stream_write@(t_tag text, t_name text, t_text text, rec jsonb) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $dtsmig$\n"
	"DECLARE\n"
	"  hash CONSTANT integer := hashtext(COALESCE(t_text, ''));\n"
	"BEGIN\n"
	"  INSERT INTO dtsmig_source.@stream@ (pid, query_at, query_hash, tag, name, record)\n"
	"    SELECT pg_backend_pid(), statement_timestamp(), hash, t_tag, t_name,\n"
	"      (rec || jsonb_build_object('tag', t_tag, 'name', t_name, 'text', t_text,\n"
	"        'nth', count(*) + 1, 'nth_name', count(*) FILTER (WHERE w.name = t_name) + 1))::text\n"
	"    FROM dtsmig_source.@stream@ w WHERE w.pid = pg_backend_pid() AND w.query_at = statement_timestamp()\n"
	"      AND w.query_hash = hash AND w.tag = t_tag;\n"
	"  DELETE FROM dtsmig_source.@stream@ WHERE id IN (SELECT w.id FROM dtsmig_source.@stream@ w\n"
	"    WHERE w.logged < now() - interval '1 day' ORDER BY w.logged LIMIT 100 FOR UPDATE SKIP LOCKED);\n"
	"END\n"
	"$dtsmig$\n",

	"CREATE OR REPLACE FUNCTION dtsmig_source.@stream_origin@(stack text, query text, path name[]) RETURNS jsonb LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $dtsmig$\n"
	"-- The text that holds the statement, out of the stack of its callers\n"
	"DECLARE\n"
	"  rest text := CASE WHEN strpos(stack, E'\\n') > 0 THEN substr(stack, strpos(stack, E'\\n') + 1) ELSE '' END;\n"
	"  part text[];\n"
	"  src text;\n"
	"  -- run by the client itself, or by a DO block of its: as nobody else than who it says it is\n"
	"  direct CONSTANT boolean := rest = '' OR rest ~ E'^SQL statement \"[^\\\\n]*\"\\\\nPL/pgSQL function inline_code_block line [0-9]+ at [^\\\\n]*$';\n"
	"  common CONSTANT jsonb := jsonb_build_object('path', to_jsonb(path), 'user', session_user, 'direct', direct,\n"
	"    'superuser', (SELECT r.rolsuper FROM pg_roles r WHERE r.rolname = COALESCE(NULLIF(current_setting('role'), 'none'), session_user::text)),\n"
	"    'role', current_setting('role'), 'settings', (SELECT jsonb_object_agg(n, current_setting(n, true)) FROM unnest(@settings@) n));\n"
	"BEGIN\n"
	"  IF rest = '' THEN\n"
	"    RETURN common || jsonb_build_object('from', 'query', 'text', query);\n"
	"  END IF;\n"
	"  part := regexp_matches(rest, E'^SQL statement \"(.*?)\"(?:\\\\n(?:PL/|SQL function |SQL statement \"|SPI |while |extension |[A-Za-z/]+ function )|$)');\n"
	"  IF part IS NOT NULL THEN\n"
	"    RETURN common || jsonb_build_object('from', 'statement', 'text', part[1]);\n"
	"  END IF;\n"
	"  part := regexp_matches(rest, E'^SQL function \"([^\\\\n]*)\" statement (\\\\d+)');\n"
	"  IF part IS NOT NULL THEN\n"
	"    SELECT CASE WHEN count(*) = 1 THEN min(p.prosrc) END INTO src FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang\n"
	"      WHERE p.proname = part[1] AND l.lanname = 'sql';\n"
	"    RETURN common || jsonb_build_object('from', 'function', 'function', part[1], 'text', src, 'statement', part[2]::int);\n"
	"  END IF;\n"
	"  RETURN common || jsonb_build_object('from', 'unknown', 'stack', rest, 'query', query);\n"
	"END\n"
	"$dtsmig$\n",

	"CREATE OR REPLACE FUNCTION dtsmig_source.@stream_mind@(tables oid[]) RETURNS bigint[] LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $dtsmig$\n"
	"-- Publication and replica identity of tables that a statement has touched;\n"
	"-- returns those that are new in the publication\n"
	"DECLARE\n"
	"  t record;\n"
	"  added bigint[] := '{}';\n"
	"  keyed boolean;\n"
	"BEGIN\n"
	"  FOR t IN SELECT c.oid, n.nspname, c.relname, c.relreplident,\n"
	"      EXISTS (SELECT FROM pg_publication_tables p WHERE p.pubname = @publication_literal@ AND p.schemaname = n.nspname AND p.tablename = c.relname) AS published\n"
	"    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace\n"
	"    WHERE c.oid = ANY (tables) AND c.relkind = 'r' AND c.relpersistence = 'p'\n"
	"      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e')\n"
	"  LOOP\n"
	"    IF NOT t.published THEN\n"
	"      CONTINUE WHEN NOT dtsmig_source.@stream_selected@(t.nspname, t.relname)\n"
	"        OR NOT EXISTS (SELECT FROM pg_publication WHERE pubname = @publication_literal@);\n"
	"      EXECUTE format('ALTER PUBLICATION %I ADD TABLE ONLY %I.%I', @publication_literal@, t.nspname, t.relname);\n"
	"      added := added || t.oid::bigint;\n"
	"    END IF;\n"
	"    keyed := EXISTS (SELECT FROM pg_index i WHERE i.indrelid = t.oid AND i.indisprimary AND i.indimmediate AND i.indisvalid);\n"
	"    IF t.relreplident = 'n' OR t.relreplident = 'd' AND NOT keyed\n"
	"      OR t.relreplident = 'i' AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = t.oid AND i.indisreplident)\n"
	"    THEN\n"
	"      @publish_generated@EXECUTE format('ALTER TABLE %I.%I REPLICA IDENTITY FULL', t.nspname, t.relname);\n"
	"      INSERT INTO dtsmig_source.@stream_identity@ (relid, was) VALUES (t.oid, t.relreplident) ON CONFLICT DO NOTHING;\n"
	"    ELSIF t.relreplident = 'f' AND keyed AND EXISTS (SELECT FROM dtsmig_source.@stream_identity@ w WHERE w.relid = t.oid) THEN\n"
	"      EXECUTE format('ALTER TABLE %I.%I REPLICA IDENTITY DEFAULT', t.nspname, t.relname);\n"
	"      DELETE FROM dtsmig_source.@stream_identity@ w WHERE w.relid = t.oid;\n"
	"    END IF;\n"
	"  END LOOP;\n"
	"  RETURN added;\n"
	"END\n"
	"$dtsmig$\n",

	"CREATE OR REPLACE FUNCTION dtsmig_source.@stream_command@(stack text, query text, t_tag text, path name[]) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET quote_all_identifiers = off AS $dtsmig$\n"
	"-- ddl_command_end\n"
	"DECLARE\n"
	"  cmds jsonb;\n"
	"  tables oid[];\n"
	"  t_name text;\n"
	"  rec jsonb;\n"
	"BEGIN\n"
	"  SELECT jsonb_agg(jsonb_build_object('class', c.class, 'oid', c.objid::bigint, 'sub', c.objsubid, 'tag', c.command_tag,\n"
	"      'type', c.object_type, 'identity', c.object_identity, 'schema', COALESCE(r.nspname, c.schema_name), 'table', r.relname, 'kind', r.relkind,\n"
	"      'owner', (SELECT w.rolname FROM pg_roles w WHERE w.oid = COALESCE(c.owner, r.relowner)))),\n"
	"    array_agg(DISTINCT r.oid), (array_agg(quote_ident(r.nspname) || '.' || quote_ident(r.relname) ORDER BY c.command_tag = t_tag DESC, c.n))[1]\n"
	"  INTO cmds, tables, t_name\n"
	"  FROM (SELECT d.objid, d.objsubid, d.command_tag, d.object_type, d.object_identity, d.schema_name, d.in_extension,\n"
	"      row_number() OVER () AS n, CASE d.classid\n"
	"        WHEN 'pg_proc'::regclass THEN (SELECT o.proowner FROM pg_proc o WHERE o.oid = d.objid)\n"
	"        WHEN 'pg_type'::regclass THEN (SELECT o.typowner FROM pg_type o WHERE o.oid = d.objid)\n"
	"        WHEN 'pg_namespace'::regclass THEN (SELECT o.nspowner FROM pg_namespace o WHERE o.oid = d.objid)\n"
	"        WHEN 'pg_collation'::regclass THEN (SELECT o.collowner FROM pg_collation o WHERE o.oid = d.objid)\n"
	"        WHEN 'pg_operator'::regclass THEN (SELECT o.oprowner FROM pg_operator o WHERE o.oid = d.objid)\n"
	"        WHEN 'pg_foreign_server'::regclass THEN (SELECT o.srvowner FROM pg_foreign_server o WHERE o.oid = d.objid)\n"
	"        WHEN 'pg_extension'::regclass THEN (SELECT o.extowner FROM pg_extension o WHERE o.oid = d.objid)\n"
	"      END AS owner, CASE WHEN d.classid <> 0 THEN (SELECT k.relname FROM pg_class k WHERE k.oid = d.classid) END AS class,\n"
	"      COALESCE(CASE d.classid\n"
	"        WHEN 'pg_class'::regclass THEN COALESCE((SELECT i.indrelid FROM pg_index i WHERE i.indexrelid = d.objid),\n"
	"          (SELECT s.refobjid FROM pg_depend s WHERE s.classid = 'pg_class'::regclass AND s.objid = d.objid AND s.objsubid = 0\n"
	"            AND s.refclassid = 'pg_class'::regclass AND s.deptype IN ('a', 'i') AND d.object_type = 'sequence' LIMIT 1), d.objid)\n"
	"        WHEN 'pg_trigger'::regclass THEN (SELECT g.tgrelid FROM pg_trigger g WHERE g.oid = d.objid)\n"
	"        WHEN 'pg_policy'::regclass THEN (SELECT g.polrelid FROM pg_policy g WHERE g.oid = d.objid)\n"
	"        WHEN 'pg_rewrite'::regclass THEN (SELECT g.ev_class FROM pg_rewrite g WHERE g.oid = d.objid)\n"
	"        WHEN 'pg_constraint'::regclass THEN (SELECT g.conrelid FROM pg_constraint g WHERE g.oid = d.objid)\n"
	"        WHEN 'pg_attrdef'::regclass THEN (SELECT g.adrelid FROM pg_attrdef g WHERE g.oid = d.objid)\n"
	"        WHEN 'pg_statistic_ext'::regclass THEN (SELECT g.stxrelid FROM pg_statistic_ext g WHERE g.oid = d.objid)\n"
	"      END, 0) AS rel\n"
	"    FROM pg_event_trigger_ddl_commands() d) c\n"
	"  LEFT JOIN LATERAL (SELECT k.oid, k.relname, k.relkind, k.relowner, m.nspname, k.relpersistence FROM pg_class k JOIN pg_namespace m ON m.oid = k.relnamespace WHERE k.oid = c.rel) r ON true\n"
	"  WHERE NOT c.in_extension AND c.schema_name IS DISTINCT FROM 'dtsmig_source' AND r.nspname IS DISTINCT FROM 'dtsmig_source'\n"
	"    AND COALESCE(c.schema_name, '') !~ '^pg_temp' AND r.relpersistence IS DISTINCT FROM 't';\n"
	"  IF cmds IS NULL THEN\n"
	"    RETURN;\n"
	"  END IF;\n"
	"  -- with all that descend from them, are of them, and all that a schema holds\n"
	"  WITH RECURSIVE more(oid) AS (\n"
	"      SELECT unnest(tables)\n"
	"      UNION SELECT c.oid FROM pg_class c WHERE t_tag = 'ALTER SCHEMA' AND c.relnamespace IN (SELECT (v ->> 'oid')::oid FROM jsonb_array_elements(cmds) v WHERE v ->> 'class' = 'pg_namespace')\n"
	"      UNION SELECT x.oid FROM more CROSS JOIN LATERAL (SELECT i.inhrelid FROM pg_inherits i WHERE i.inhparent = more.oid\n"
	"        UNION ALL SELECT y.oid FROM pg_class k JOIN pg_class y ON y.reloftype = k.reltype WHERE k.oid = more.oid AND k.relkind = 'c') x(oid))\n"
	"    SELECT array_agg(DISTINCT c.oid) INTO tables FROM more JOIN pg_class c ON c.oid = more.oid\n"
	"      WHERE c.relkind = 'r' AND c.relpersistence <> 't';\n"
	"  rec := dtsmig_source.@stream_origin@(stack, query, path) || jsonb_build_object('objects', cmds);\n"
	"  IF tables IS NOT NULL THEN\n"
	"    rec := rec || jsonb_build_object('added', to_jsonb(dtsmig_source.@stream_mind@(tables)));\n"
	"    rec := rec || jsonb_build_object('tables', dtsmig_source.@stream_state@(tables));\n"
	"  END IF;\n"
	"  PERFORM dtsmig_source.@stream_write@(t_tag, t_name, rec ->> 'text', rec);\n"
	"END\n"
	"$dtsmig$\n",

	"CREATE OR REPLACE FUNCTION dtsmig_source.@stream_dropped@(stack text, query text, t_tag text, path name[]) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET quote_all_identifiers = off AS $dtsmig$\n"
	"-- sql_drop\n"
	"DECLARE\n"
	"  gone jsonb;\n"
	"  any_index boolean;\n"
	"BEGIN\n"
	"  SELECT jsonb_agg(jsonb_build_object('type', d.object_type, 'schema', COALESCE(d.schema_name, CASE WHEN d.object_type IN ('trigger', 'policy', 'rule', 'table constraint') THEN d.address_names[1] END),\n"
	"      'name', d.object_name, 'identity', d.object_identity, 'original', d.original, 'normal', d.normal, 'oid', d.objid::bigint,\n"
	"      'table', CASE WHEN d.object_type IN ('trigger', 'policy', 'rule', 'table constraint') THEN d.address_names[2] WHEN d.object_type IN ('table', 'view', 'materialized view', 'foreign table') THEN d.object_name END)),\n"
	"    bool_or(d.object_type IN ('index', 'table constraint'))\n"
	"  INTO gone, any_index\n"
	"  FROM pg_event_trigger_dropped_objects() d\n"
	"  WHERE NOT d.is_temporary AND (d.original OR d.normal OR d.object_type = 'table') AND d.schema_name IS DISTINCT FROM 'dtsmig_source'\n"
	"    AND NOT (d.object_type = 'schema' AND d.object_name = 'dtsmig_source');\n"
	"  IF gone IS NULL OR NOT EXISTS (SELECT FROM jsonb_array_elements(gone) g WHERE g -> 'original' = 'true') THEN\n"
	"    RETURN;\n"
	"  END IF;\n"
	"  IF t_tag LIKE 'DROP %' AND query !~* E'^\\\\s*(create|alter)\\\\s+extension' THEN\n"
	"    PERFORM dtsmig_source.@stream_write@(t_tag, NULL, query, dtsmig_source.@stream_origin@(stack, query, path)\n"
	"      || jsonb_build_object('dropped', gone));\n"
	"  END IF;\n"
	"  IF any_index THEN\n"
	"    PERFORM dtsmig_source.@stream_mind@((SELECT array_agg(c.oid) FROM pg_class c\n"
	"      JOIN pg_publication_rel p ON p.prrelid = c.oid JOIN pg_publication b ON b.oid = p.prpubid\n"
	"      WHERE b.pubname = @publication_literal@ AND c.relreplident = 'i'\n"
	"        AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisreplident)));\n"
	"  END IF;\n"
	"END\n"
	"$dtsmig$\n",

	"CREATE OR REPLACE FUNCTION dtsmig_source.@stream_rewritten@(t_tag text, query text) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET quote_all_identifiers = off AS $dtsmig$\n"
	"-- table_rewrite\n"
	"DECLARE\n"
	"  rec jsonb;\n"
	"BEGIN\n"
	"  SELECT jsonb_build_object('rewrite', c.oid::bigint, 'reason', pg_event_trigger_table_rewrite_reason(), 'schema', n.nspname, 'table', c.relname)\n"
	"    INTO rec FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace\n"
	"    WHERE c.oid = pg_event_trigger_table_rewrite_oid() AND c.relpersistence <> 't' AND c.relkind = 'r' AND n.nspname <> 'dtsmig_source';\n"
	"  IF rec IS NOT NULL THEN\n"
	"    PERFORM dtsmig_source.@stream_write@('rewrite', NULL, query, rec);\n"
	"  END IF;\n"
	"END\n"
	"$dtsmig$\n",

	NULL
};

/*
 * Why the schema is not the account's own, or a superuser's; NULL. No row:
 * there is none.
 */
const char *const pg_capture_trouble =
	"SELECT CASE WHEN NOT (n.nspowner = me.oid OR o.rolsuper) THEN 'it belongs to role ' || o.rolname\n"
	"  WHEN EXISTS (SELECT FROM pg_catalog.aclexplode(n.nspacl) a WHERE a.privilege_type = 'CREATE'\n"
	"      AND a.grantee <> n.nspowner AND a.grantee NOT IN (SELECT s.oid FROM pg_catalog.pg_roles s WHERE s.rolsuper OR s.oid = me.oid))\n"
	"    THEN 'other roles may create objects in it'\n"
	"  WHEN EXISTS (SELECT FROM pg_catalog.pg_class c CROSS JOIN pg_catalog.aclexplode(c.relacl) a WHERE c.relnamespace = n.oid\n"
	"      AND a.privilege_type IN ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER') AND a.grantee <> c.relowner\n"
	"      AND a.grantee NOT IN (SELECT s.oid FROM pg_catalog.pg_roles s WHERE s.rolsuper OR s.oid = me.oid))\n"
	"    THEN 'other roles may write to its tables'\n"
	"  ELSE (SELECT x.what || ' belongs to role ' || r.rolname FROM (\n"
	"      SELECT c.relowner AS owner, 'relation ' || c.relname AS what FROM pg_catalog.pg_class c WHERE c.relnamespace = n.oid\n"
	"      UNION ALL SELECT p.proowner, 'function ' || p.proname FROM pg_catalog.pg_proc p WHERE p.pronamespace = n.oid\n"
	"      UNION ALL SELECT t.typowner, 'type ' || t.typname FROM pg_catalog.pg_type t WHERE t.typnamespace = n.oid\n"
	"      UNION ALL SELECT q.oprowner, 'operator ' || q.oprname FROM pg_catalog.pg_operator q WHERE q.oprnamespace = n.oid) x\n"
	"    JOIN pg_catalog.pg_roles r ON r.oid = x.owner WHERE NOT (r.rolsuper OR r.oid = me.oid) LIMIT 1)\n"
	"  END FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_roles o ON o.oid = n.nspowner\n"
	"  CROSS JOIN (SELECT u.oid FROM pg_catalog.pg_roles u WHERE u.rolname = CURRENT_USER) me\n"
	"  WHERE n.nspname = 'dtsmig_source'";

const char *const pg_capture_hook =
	"CREATE OR REPLACE FUNCTION dtsmig_source.@hook@() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER @messages@ AS $dtsmig$\n"
	"DECLARE\n"
	"  stack pg_catalog.text;\n"
	"  path pg_catalog.text := pg_catalog.current_setting('search_path');\n"
	"  caller pg_catalog.text := pg_catalog.current_setting('role');\n"
	"  schemas pg_catalog.name[];\n"
	"BEGIN\n"
	"  GET DIAGNOSTICS stack = PG_CONTEXT;\n"
	"  BEGIN\n"
	"    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);\n"
	"    -- what a capture does itself is none of the application's statements\n"
	"    IF TG_TAG NOT IN (@ignored@) AND (SELECT count(*) FROM regexp_matches(stack, '_capture_(ddl|drop|rewrite)[(][)] line', 'g')) < 2 THEN\n"
	"      caller := CASE WHEN caller IN ('', 'none') THEN session_user::text ELSE caller END;\n"
	"      PERFORM set_config('search_path', replace(path, '\"$user\"', quote_ident(caller)), true);\n"
	"      schemas := pg_catalog.current_schemas(false);\n"
	"      PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);\n"
	"      @call@\n"
	"    END IF;\n"
	"    PERFORM pg_catalog.set_config('search_path', path, true);\n"
	"  EXCEPTION WHEN OTHERS THEN\n"
	"    -- the application's statement goes on; the task gets an alert\n"
	"    BEGIN\n"
	"      INSERT INTO dtsmig_source.@stream@ (pid, query_at, query_hash, tag, record)\n"
	"        VALUES (pg_catalog.pg_backend_pid(), pg_catalog.statement_timestamp(), 0, TG_TAG,\n"
	"          pg_catalog.jsonb_build_object('tag', TG_TAG, 'text', pg_catalog.current_query(), 'failure', SQLERRM, 'sqlstate', SQLSTATE)::pg_catalog.text);\n"
	"    EXCEPTION WHEN OTHERS THEN\n"
	"      RAISE WARNING 'dtsmig could not record a statement for the task %: %', @stream_literal@, SQLERRM;\n"
	"    END;\n"
	"  END;\n"
	"END\n"
	"$dtsmig$\n";
