-- Expressions of MySQL and MariaDB in PostgreSQL's SQL.
\set VERBOSITY terse
CREATE TABLE expression (n serial, category text, e text);
CREATE FUNCTION try_translate(e text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    why text;
BEGIN
    RETURN dtsmig.translate_expression(e);
EXCEPTION WHEN feature_not_supported THEN
    GET STACKED DIAGNOSTICS why = PG_EXCEPTION_DETAIL;
    RETURN '! ' || why;
END
$$;

-- literals
INSERT INTO expression (category, e) VALUES
  ('literal', '1'), ('literal', '-1'), ('literal', '1.50'),
  ('literal', '1e3'), ('literal', '12345678901234567890'),
  ('literal', '''it''''s'''), ('literal', '''a\\b\''c'''),
  ('literal', '"text"'), ('literal', '''a'' ''b'''),
  ('literal', '_utf8mb4''abc'''), ('literal', '_latin1''abc'''),
  ('literal', 'N''abc'''), ('literal', '0x4142'), ('literal', 'x''4142'''),
  ('literal', 'b''101'''), ('literal', 'NULL'), ('literal', 'TRUE'),
  ('literal', 'DATE ''2020-02-29'''), ('literal', 'DATE ''2020-02-30'''),
  ('literal', 'TIMESTAMP ''2020-01-01 10:00:00'''),
  ('literal', '''unterminated'), ('literal', '''zero\0byte''');

-- operators, and which binds tighter
INSERT INTO expression (category, e) VALUES
  ('operator', '1 + 2 * 3'), ('operator', '(1 + 2) * 3'),
  ('operator', '1 - 2 - 3'), ('operator', '7 / 2'), ('operator', '7 DIV 2'),
  ('operator', '7 MOD 2'), ('operator', '7 % 2'), ('operator', '1 << 4'),
  ('operator', '6 & 3 | 8'), ('operator', '~1'), ('operator', '-2 * -3'),
  ('operator', '1 = 1 AND 2 = 2 OR 3 = 3'),
  ('operator', '1 = 1 && 2 = 2 || 3 = 3'), ('operator', 'NOT 1 = 2'),
  ('operator', '!(1 = 2)'), ('operator', '1 = 1 XOR 2 = 2'),
  ('operator', '1 <=> NULL'), ('operator', '1 != 2'),
  ('operator', '5 BETWEEN 1 AND 10'), ('operator', '5 NOT BETWEEN 1 AND 10'),
  ('operator', '1 IN (1, 2, 3)'), ('operator', '1 NOT IN (1, 2)'),
  ('operator', '''abc'' LIKE ''a%'''), ('operator', '''abc'' NOT LIKE ''a%'''),
  ('operator', '''abc'' REGEXP ''^a'''), ('operator', '''abc'' RLIKE ''(?=a)'''),
  ('operator', '1 IS NULL'), ('operator', '1 IS NOT TRUE'),
  ('operator', '''5'' + 1'), ('operator', '5 = ''5'''),
  ('operator', '5 = ''x'''), ('operator', '(1, 2) = (1, 2)'),
  ('operator', '1 IN (SELECT 1)'), ('operator', '1 +'), ('operator', '1 2');

-- functions and control flow
INSERT INTO expression (category, e) VALUES
  ('function', 'IF(1 > 2, ''a'', ''b'')'), ('function', 'IFNULL(NULL, 5)'),
  ('function', 'NULLIF(1, 2)'), ('function', 'COALESCE(NULL, 1, 2)'),
  ('function', 'CASE WHEN 1 = 1 THEN ''x'' ELSE ''y'' END'),
  ('function', 'CASE 3 WHEN 1 THEN 10 WHEN 3 THEN 1.5 END'),
  ('function', 'CONCAT(''a'', 1, ''b'')'),
  ('function', 'CONCAT_WS('','', ''a'', NULL, ''b'')'),
  ('function', 'LCASE(''ABC'')'), ('function', 'LENGTH(''abc'')'),
  ('function', 'CHAR_LENGTH(''abc'')'), ('function', 'LEFT(''abc'', 2)'),
  ('function', 'SUBSTRING(''abcdef'', 2, 3)'),
  ('function', 'SUBSTRING(''abcdef'' FROM 2 FOR 3)'),
  ('function', 'SUBSTRING(''abcdef'', -2)'),
  ('function', 'TRIM(''  x '')'), ('function', 'TRIM(LEADING ''0'' FROM ''007'')'),
  ('function', 'TRIM(''ab'' FROM ''abx'')'), ('function', 'LPAD(''7'', 3, ''0'')'),
  ('function', 'LOCATE(''b'', ''abc'')'), ('function', 'POSITION(''b'' IN ''abc'')'),
  ('function', 'ROUND(1.255, 2)'), ('function', 'TRUNCATE(1.999, 1)'),
  ('function', 'FLOOR(1.5)'), ('function', 'GREATEST(1, 2, 3)'),
  ('function', 'MOD(7, 3)'), ('function', 'POW(2, 3)'),
  ('function', 'MD5(''a'')'), ('function', 'UNHEX(''4142'')'),
  ('function', 'CAST(1.5 AS SIGNED)'), ('function', 'CAST(15 AS CHAR)'),
  ('function', 'CAST(''12'' AS SIGNED)'), ('function', 'CONVERT(1.255, DECIMAL(10,2))'),
  ('function', 'CAST(1 AS DECIMAL(20,4))'), ('function', 'SLEEP(1)'),
  ('function', '`mine`.`f`(1)'), ('function', 'UUID()'), ('function', 'RAND()');

-- dates
INSERT INTO expression (category, e) VALUES
  ('date', 'NOW()'), ('date', 'CURRENT_TIMESTAMP'), ('date', 'CURRENT_TIMESTAMP(3)'),
  ('date', 'CURDATE()'), ('date', 'UTC_TIMESTAMP()'),
  ('date', 'YEAR(''2020-05-06'')'), ('date', 'DAYOFWEEK(''2020-05-06'')'),
  ('date', 'WEEKDAY(''2020-05-06'')'), ('date', 'TO_DAYS(''2020-05-06'')'),
  ('date', 'HOUR(''2020-05-06 07:08:09'')'), ('date', 'EXTRACT(MONTH FROM ''2020-05-06'')'),
  ('date', 'DATE(''2020-05-06 07:08:09'')'), ('date', 'LAST_DAY(''2020-02-01'')'),
  ('date', 'DATE_ADD(''2020-01-31'', INTERVAL 1 MONTH)'),
  ('date', '''2020-01-31'' - INTERVAL 2 QUARTER'),
  ('date', 'DATE_SUB(''2020-01-31 10:00:00'', INTERVAL ''90'' MINUTE)'),
  ('date', 'NOW() + INTERVAL 1 DAY'), ('date', 'DATEDIFF(''2020-02-01'', ''2020-01-01'')'),
  ('date', 'TIMESTAMPDIFF(HOUR, ''2020-01-01'', ''2020-01-02 01:30:00'')'),
  ('date', 'DATE_FORMAT(NOW(), ''%d.%m.%Y um %H:%i'')'),
  ('date', 'DATE_FORMAT(NOW(), ''%U'')'),
  ('date', '''2020-01-01'' + INTERVAL ''1:30'' MINUTE_SECOND'),
  ('date', 'DATE(''0000-00-00'')');

-- JSON
INSERT INTO expression (category, e) VALUES
  ('json', 'JSON_EXTRACT(doc, ''$.a'')'), ('json', 'doc->''$.a.b[0]'''),
  ('json', 'doc->>''$."odd key"'''), ('json', 'JSON_VALUE(doc, ''$.a'')'),
  ('json', 'JSON_EXTRACT(doc, ''$.*'')'), ('json', 'JSON_OBJECT(''a'', 1)'),
  ('json', 'JSON_ARRAY()'), ('json', 'JSON_LENGTH(doc)');

-- columns of unknown types, quoting
INSERT INTO expression (category, e) VALUES
  ('column', '`a` + 1'), ('column', '`Mixed Case` = 1'),
  ('column', '`t`.`c` > 0'), ('column', '`a``b`'), ('column', '`a"b`'),
  ('column', 'a /* comment */ + 1 -- end');

SELECT n, category, e AS mysql, try_translate(e) AS postgresql
FROM expression ORDER BY n;

-- What translates to constants runs, too.
DO $$
DECLARE
    r record;
    t text;
BEGIN
    FOR r IN SELECT * FROM expression WHERE category NOT IN ('json', 'column')
             ORDER BY n LOOP
        t := try_translate(r.e);
        CONTINUE WHEN t LIKE '! %';
        EXECUTE 'SELECT ' || t;
    END LOOP;
END
$$;

-- Depth is bounded.
SELECT left(try_translate(repeat('(', 500) || '1' || repeat(')', 500)), 40);
SELECT left(try_translate(repeat('-', 500) || '1'), 40);

DROP FUNCTION try_translate;
DROP TABLE expression;
