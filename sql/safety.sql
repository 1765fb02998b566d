-- No function of the extension looks names up by its caller's search_path.
SELECT p.oid::regprocedure
FROM pg_proc p
JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
  AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'dtsmig'
JOIN pg_language l ON l.oid = p.prolang
WHERE l.lanname NOT IN ('c', 'internal') AND p.prosqlbody IS NULL
  AND NOT 'search_path=pg_catalog, pg_temp' = ANY (COALESCE(p.proconfig, '{}'))
ORDER BY 1;
-- None is SECURITY DEFINER, and nothing is anybody's but the owner's.
SELECT p.oid::regprocedure FROM pg_proc p
WHERE p.pronamespace = 'dtsmig'::regnamespace AND p.prosecdef;
SELECT c.oid::regclass, a.grantee::regrole, a.privilege_type
FROM pg_class c, aclexplode(c.relacl) a
WHERE c.relnamespace = 'dtsmig'::regnamespace AND a.grantee <> c.relowner
  AND NOT (c.relkind = 'v' AND a.privilege_type = 'SELECT');
-- Every view over tables of tasks is a barrier.
SELECT c.oid::regclass FROM pg_class c
WHERE c.relnamespace = 'dtsmig'::regnamespace AND c.relkind = 'v'
  AND NOT 'security_barrier=true' = ANY (COALESCE(c.reloptions, '{}'))
  AND EXISTS (SELECT FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid
    JOIN pg_class t ON t.oid = d.refobjid AND t.relkind = 'r'
    WHERE d.classid = 'pg_rewrite'::regclass AND r.ev_class = c.oid);
-- An operator that fits better is not taken.
CREATE SCHEMA safety_trap;
CREATE FUNCTION safety_trap.trap(double precision, integer) RETURNS double precision
LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'trapped'; END$$;
CREATE FUNCTION safety_trap.trap(text, text) RETURNS text
LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'trapped'; END$$;
CREATE FUNCTION safety_trap.trap2(text, text) RETURNS boolean
LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'trapped'; END$$;
CREATE OPERATOR safety_trap./ (FUNCTION = safety_trap.trap,
  LEFTARG = double precision, RIGHTARG = integer);
CREATE OPERATOR safety_trap.|| (FUNCTION = safety_trap.trap, LEFTARG = text, RIGHTARG = text);
CREATE OPERATOR safety_trap.= (FUNCTION = safety_trap.trap2, LEFTARG = text, RIGHTARG = text);
CREATE SERVER safety TYPE 'mariadb' FOREIGN DATA WRAPPER dtsmig_fdw OPTIONS (host 'localhost');
CREATE USER MAPPING FOR CURRENT_USER SERVER safety OPTIONS (user 'x', password 'y');
SELECT dtsmig.create_task('safety', source => 'safety') > 0 AS made;
SET search_path = safety_trap, pg_catalog;
SELECT progress_bar FROM dtsmig.tasks WHERE name OPERATOR(pg_catalog.=) 'safety';
SELECT length(dtsmig.report('safety')) OPERATOR(pg_catalog.>) 0 AS reported;
SELECT dtsmig.sees_task(10::oid) AS sees;
SELECT dtsmig.drop_task('safety');
RESET search_path;
DROP SERVER safety CASCADE;
DROP SCHEMA safety_trap CASCADE;
