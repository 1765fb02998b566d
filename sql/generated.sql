-- Expressions of generated columns; by a superuser, for it makes a function in C.
-- Columns with types, as in a generated column: immutable and exact.
CREATE FUNCTION translate_generated(text, jsonb) RETURNS text
AS '$libdir/dtsmig', 'dtsmig_translate_mysql_expression' LANGUAGE C;
CREATE FUNCTION try_generated(e text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    why text;
BEGIN
    RETURN translate_generated(e, '{"schema": "s", "name": "t", "columns": [
      {"name": "i", "base_type": "int", "source_type": "int(11)", "target_name": "i", "pg_type": "integer"},
      {"name": "u", "base_type": "int", "source_type": "int(10) unsigned", "is_unsigned": true, "target_name": "u", "pg_type": "bigint"},
      {"name": "n", "base_type": "decimal", "source_type": "decimal(10,2)", "precision": 10, "scale": 2, "target_name": "n", "pg_type": "numeric(10,2)"},
      {"name": "f", "base_type": "float", "source_type": "float", "target_name": "f", "pg_type": "real"},
      {"name": "v", "base_type": "varchar", "source_type": "varchar(20)", "length": 20, "charset": "utf8mb4", "collation": "utf8mb4_general_ci", "target_name": "V", "pg_type": "varchar(20)"},
      {"name": "b", "base_type": "varchar", "source_type": "varchar(20)", "length": 20, "charset": "utf8mb4", "collation": "utf8mb4_bin", "target_name": "b", "pg_type": "varchar(20)"},
      {"name": "d", "base_type": "date", "source_type": "date", "target_name": "d", "pg_type": "date"},
      {"name": "ts", "base_type": "timestamp", "source_type": "timestamp", "target_name": "ts", "pg_type": "timestamptz(0)"},
      {"name": "e", "base_type": "enum", "source_type": "enum(''x'',''Y'')", "labels": ["x", "Y"], "charset": "utf8mb4", "collation": "utf8mb4_general_ci", "target_name": "e", "pg_type": "s.t_e"},
      {"name": "j", "base_type": "json", "source_type": "json", "is_json": true, "target_name": "j", "pg_type": "jsonb"},
      {"name": "bits", "base_type": "bit", "source_type": "bit(8)", "length": 8, "target_name": "bits", "pg_type": "bit(8)"},
      {"name": "g", "base_type": "int", "source_type": "int(11)", "generation_expr": "`i` + 1", "target_name": "g", "pg_type": "integer"},
      {"name": "gone", "base_type": "int", "source_type": "int(11)", "left_out": true}]}');
EXCEPTION WHEN feature_not_supported THEN
    GET STACKED DIAGNOSTICS why = PG_EXCEPTION_DETAIL;
    RETURN '! ' || why;
END
$$;
SELECT e AS mysql, try_generated(e) AS postgresql FROM (VALUES
  ('`i` + 1'), ('`i` * `u`'), ('`n` / 3'), ('`n` / `i`'), ('`f` * 2'),
  ('`f` % 2'), ('`i` & 6'), ('`i` | 1'), ('`u` | 1'), ('concat(`v`, ''-'', `i`)'),
  ('concat(`v`, `f`)'), ('concat(`d`, ''x'')'), ('`v` = ''a'''), ('`b` = ''a '''),
  ('`b` > ''a'''), ('`v` like ''a%'''), ('`b` like ''a%'''), ('year(`d`)'),
  ('year(`ts`)'), ('`d` + interval 1 month'), ('`d` - interval `i` day'),
  ('now()'), ('`e` = ''y'''), ('`e` = ''z'''), ('`e` > ''x'''),
  ('json_unquote(json_extract(`j`, ''$.a''))'), ('`bits` + 1'), ('`bits` & 4'),
  ('`g` * 2'), ('`gone` + 1'), ('`nowhere` + 1'), ('date_format(`d`, ''%Y-%m'')'),
  ('if(`i`, `v`, ''none'')'), ('greatest(`i`, `u`)'), ('`i` = ''5'''),
  ('cast(`v` as signed)'), ('length(`v`)'), ('uuid()')) x (e);

DROP FUNCTION try_generated, translate_generated;
