/*-------------------------------------------------------------------------
 *
 * pg_meaning.c
 *	  Do definitions mean at the destination what they mean at a PostgreSQL source?
 *
 * IS DISTINCT FROM, NULLIF, JOIN … USING and others are written without the
 * schema of their operator: read where that is not on the search_path, they
 * take another one (a citext is compared as text), and nothing says so. So
 * what counts is not the text, but which operators and functions the parsed
 * form holds: the server keeps those that are not its own as dependencies.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "source/pgsql/pg_engine.h"

#include "store/sql.h"
#include "catalog/dependency.h"

/*
 * Objects with expressions, and what these use: type, identity, operators and
 * functions that are not the server's own. In the order of the first two.
 */
#define MEANINGS \
	"SELECT o.type, o.identity, COALESCE((SELECT pg_catalog.string_agg(DISTINCT r.identity COLLATE \"C\", ', ') " \
	"FROM pg_catalog.pg_depend d CROSS JOIN LATERAL " \
	"pg_catalog.pg_identify_object(d.refclassid, d.refobjid, 0) r " \
	"WHERE d.classid = o.classid AND d.objid = o.objid AND d.refclassid IN " \
	"('pg_catalog.pg_operator'::pg_catalog.regclass, 'pg_catalog.pg_proc'::pg_catalog.regclass)), '') " \
	"FROM (SELECT x.classid, x.objid, i.type, i.identity FROM (" \
	"SELECT 'pg_catalog.pg_rewrite'::pg_catalog.regclass AS classid, oid AS objid FROM pg_catalog.pg_rewrite " \
	"UNION ALL SELECT 'pg_catalog.pg_attrdef'::pg_catalog.regclass, oid FROM pg_catalog.pg_attrdef " \
	"UNION ALL SELECT 'pg_catalog.pg_constraint'::pg_catalog.regclass, oid FROM pg_catalog.pg_constraint WHERE contype = 'c' " \
	"UNION ALL SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, indexrelid FROM pg_catalog.pg_index " \
	"WHERE indexprs IS NOT NULL OR indpred IS NOT NULL " \
	"UNION ALL SELECT 'pg_catalog.pg_trigger'::pg_catalog.regclass, oid FROM pg_catalog.pg_trigger WHERE NOT tgisinternal " \
	"UNION ALL SELECT 'pg_catalog.pg_policy'::pg_catalog.regclass, oid FROM pg_catalog.pg_policy" \
	") x(classid, objid) CROSS JOIN LATERAL pg_catalog.pg_identify_object(x.classid, x.objid, 0) i " \
	"WHERE x.objid >= 16384) o ORDER BY o.type COLLATE \"C\", o.identity COLLATE \"C\""

static int
compare(const PgResult *r, int i, char *const *here)
{
	int			c = strcmp(pg_text(r, i, 0), here[0]);

	return c != 0 ? c : strcmp(pg_text(r, i, 1), here[1]);
}

List *
pg_meanings(SourceConn *source)
{
	PgResult   *r = pg_select(((PgSource *) source)->sql, "expressions", "ttt", MEANINGS);
	StoreRows   *here = store_query(MEANINGS, "");
	List	   *list = NIL;
	int			j = 0;

	for (int i = 0; i < r->nrows; i++)
	{
		SourceMeaning *m;

		while (j < here->nrows && compare(r, i, here->values[j]) > 0)
			j++;
		if (j == here->nrows)
			break;
		if (compare(r, i, here->values[j]) != 0 ||
			strcmp(pg_text(r, i, 2), here->values[j][2]) == 0)
			continue;
		m = palloc0(sizeof(SourceMeaning));
		m->object = psprintf("%s %s", pg_text(r, i, 0), pg_text(r, i, 1));
		m->there = pg_text(r, i, 2);
		m->here = here->values[j][2];
		list = lappend(list, m);
	}
	return list;
}
