/*-------------------------------------------------------------------------
 *
 * stmt_sql.c
 *	  The SQL by which sets of rows are written.
 *
 *	  DELETE FROM ONLY t USING unnest($1::int4[]) AS b(o1) WHERE t.id = b.o1
 *	  UPDATE ONLY t SET x = b.c1 FROM unnest($1::int4[], $2::text[]) AS b(o1, c1) …
 *	  INSERT INTO t (id, x) OVERRIDING SYSTEM VALUE SELECT b.c1, b.c2 FROM unnest(…)
 *	  … ON CONFLICT (id) DO UPDATE SET x = excluded.x
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "dest/pgsql/pgsql.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

/* Columns of a keyless table by which a row is looked up one by one. */
#define IMAGE_CONDITIONS 32

const char *
stmt_only(const ApplyTable *table)
{
	return pg_table(table)->target->partitioned ? "" : "ONLY ";
}

char *
stmt_column(const ApplyTable *table, int col)
{
	return psprintf("t.%s", pg_table(table)->target->columns[col].name);
}

char *
stmt_value(const ApplyTable *table, int col, const char *value)
{
	const PgTargetColumn *tc = &pg_table(table)->target->columns[col];
	const SourceColumn *sc = &table->rel->columns[col];

	if (!tc->alien && array_element(sc) == sc->typid)
		return pstrdup(value);
	return psprintf("CAST(%s AS %s)", value, tc->type);
}

static bool
is_key(ApplyTable *table, int col)
{
	for (int i = 0; i < table->rel->nkey; i++)
		if (table->rel->key[i] == col)
			return true;
	return false;
}

/* unnest($1::…[], …) AS b(o1, …, c1, …) */
static void
append_rows(StringInfo sql, PgStmt *stmt)
{
	appendStringInfo(sql, "%s(", array_rows_from(stmt->nparams));
	for (int i = 0; i < stmt->nparams; i++)
		appendStringInfo(sql, "%s$%d::%s", i > 0 ? ", " : "", i + 1,
						 array_type(i < stmt->natts ?
									array_element(&stmt->base.table->rel->columns[stmt->col[i]]) :
									INT8OID));
	appendStringInfoString(sql, ") AS b(");
	for (int i = 0; i < stmt->nparams; i++)
	{
		appendStringInfoString(sql, i > 0 ? ", " : "");
		if (i < stmt->nold)
			appendStringInfo(sql, "o%d", i + 1);
		else if (i < stmt->natts)
			appendStringInfo(sql, "c%d", i - stmt->nold + 1);
		else
			appendStringInfoString(sql, i == stmt->natts ? "id" : "n");
	}
	appendStringInfoChar(sql, ')');
}

/*
 * The same as the columns' types. Citus takes no casts of columns in the
 * UPDATE or DELETE itself; OFFSET 0 keeps them out of it.
 */
static void
append_cast_rows(StringInfo sql, PgStmt *stmt)
{
	if (!session_is_citus())
	{
		append_rows(sql, stmt);
		return;
	}
	appendStringInfoString(sql, "(SELECT ");
	for (int i = 0; i < stmt->natts; i++)
	{
		char	   *name = i < stmt->nold ? psprintf("o%d", i + 1) :
			psprintf("c%d", i - stmt->nold + 1);

		appendStringInfo(sql, "%s%s AS %s", i > 0 ? ", " : "",
						 stmt_value(stmt->base.table, stmt->col[i], psprintf("b.%s", name)), name);
	}
	appendStringInfoString(sql, " FROM ");
	append_rows(sql, stmt);
	appendStringInfoString(sql, " OFFSET 0) AS b");
}

/* A value of b after append_cast_rows. */
static char *
cast_value(PgStmt *stmt, int col, char *value)
{
	return session_is_citus() ? value : stmt_value(stmt->base.table, col, value);
}

static void
append_key_condition(StringInfo sql, PgStmt *stmt)
{
	for (int i = 0; i < stmt->nold; i++)
		appendStringInfo(sql, "%s%s OPERATOR(pg_catalog.=) %s", i > 0 ? " AND " : "",
						 stmt_column(stmt->base.table, stmt->col[i]),
						 cast_value(stmt, stmt->col[i], psprintf("b.o%d", i + 1)));
}

/* "x = b.c1, …" of the columns that may be set; how many there are */
static int
append_assignments(StringInfo sql, PgStmt *stmt, bool keys, bool excluded)
{
	const PgTarget *target = pg_table(stmt->base.table)->target;
	int			n = 0;

	for (int i = stmt->nold; i < stmt->natts; i++)
	{
		int			col = stmt->col[i];
		const char *name = target->columns[col].name;

		if ((!keys && is_key(stmt->base.table, col)) || target->columns[col].identity_always)
			continue;
		appendStringInfo(sql, "%s%s = %s", n++ > 0 ? ", " : "", name,
						 excluded ? psprintf("excluded.%s", name) :
						 cast_value(stmt, col, psprintf("b.c%d", i - stmt->nold + 1)));
	}
	return n;
}

static void
append_insert(StringInfo sql, PgStmt *stmt)
{
	const PgTarget *target = pg_table(stmt->base.table)->target;
	SourceRelation *rel = stmt->base.table->rel;

	appendStringInfo(sql, "INSERT INTO %s AS t (", target->qualified);
	for (int i = 0; i < stmt->natts; i++)
		appendStringInfo(sql, "%s%s", i > 0 ? ", " : "", target->columns[stmt->col[i]].name);
	appendStringInfoString(sql, ") OVERRIDING SYSTEM VALUE SELECT ");
	for (int i = 0; i < stmt->natts; i++)
		appendStringInfo(sql, "%s%s", i > 0 ? ", " : "",
						 stmt_value(stmt->base.table, stmt->col[i], psprintf("b.c%d", i + 1)));
	appendStringInfoString(sql, " FROM ");
	append_rows(sql, stmt);
	if (stmt->base.kind == STMT_UPSERT)
	{
		int			start;

		appendStringInfoString(sql, " ON CONFLICT (");
		for (int i = 0; i < rel->nkey; i++)
			appendStringInfo(sql, "%s%s", i > 0 ? ", " : "",
							 target->columns[rel->key[i]].name);
		appendStringInfoString(sql, ") DO ");
		start = sql->len;
		appendStringInfoString(sql, "UPDATE SET ");
		if (append_assignments(sql, stmt, false, true) == 0)
		{
			sql->len = start;
			appendStringInfoString(sql, "NOTHING");
		}
	}
}

/*
 * A column of the table, or of b, as what the images of rows compare: a domain
 * as its base type, a value of b as an INSERT would cast it.
 */
static char *
image_value(ApplyTable *table, int col, char *value)
{
	const PgTargetColumn *tc = &pg_table(table)->target->columns[col];

	return psprintf("CAST(%s AS %s)", value, tc->full_type);
}

/* Is there an equality of the column's values that can be hashed, or indexed? */
static bool
is_comparable(ApplyTable *table, int col)
{
	const SourceColumn *sc = &table->rel->columns[col];
	TypeCacheEntry *type = lookup_type_cache(sc->typid, TYPECACHE_EQ_OPR | TYPECACHE_HASH_PROC);

	return sc->target_not_null && !pg_table(table)->target->columns[col].alien &&
		OidIsValid(type->eq_opr) && OidIsValid(type->hash_proc);
}

/*
 * DELETE of n of the rows that are the same, byte by byte, as each row of b. A
 * row is found by columns that are NOT NULL, and by its text: what is equal to
 * the bit is equal as text.
 */
static void
append_delete_image(StringInfo sql, PgStmt *stmt)
{
	ApplyTable *table = stmt->base.table;
	const PgTarget *target = pg_table(table)->target;
	const char *only = stmt_only(table);
	/* a ctid of Greenplum is that of a segment */
	const char *segment = session_is_greenplum() ? ", t.gp_segment_id" : "";
	const char *same_segment = session_is_greenplum() ?
		"AND d.gp_segment_id OPERATOR(pg_catalog.=) x.gp_segment_id " : "";
	StringInfoData left;
	StringInfoData right;
	StringInfoData where;

	initStringInfo(&left);
	initStringInfo(&right);
	initStringInfo(&where);
	for (int i = 0; i < table->ncols; i++)
	{
		int			col = stmt->col[i];
		char	   *value = image_value(table, col, psprintf("b.o%d", i + 1));

		appendStringInfo(&left, "%s%s", i > 0 ? ", " : "",
						 image_value(table, col, stmt_column(table, col)));
		appendStringInfo(&right, "%s%s", i > 0 ? ", " : "", value);
		if (i < IMAGE_CONDITIONS && is_comparable(table, col))
			appendStringInfo(&where, "%s OPERATOR(pg_catalog.=) %s AND ",
							 stmt_column(table, col), value);
	}
	if (where.len == 0)
		appendStringInfo(&where, "pg_catalog.hashtext(CAST(ROW(%s) AS pg_catalog.text)) OPERATOR(pg_catalog.=) "
						 "pg_catalog.hashtext(CAST(ROW(%s) AS pg_catalog.text)) AND ",
						 left.data, right.data);
	appendStringInfo(sql,
					 "DELETE FROM %s%s AS d USING (SELECT t.ctid, t.tableoid%s, b.n, pg_catalog.row_number() "
					 "OVER (PARTITION BY b.id) AS r FROM %s%s AS t, ",
					 only, target->qualified, segment, only, target->qualified);
	append_rows(sql, stmt);
	appendStringInfo(sql, " WHERE %sROW(%s)::pg_catalog.record OPERATOR(pg_catalog.*=) ROW(%s)::pg_catalog.record"
					 ") AS x WHERE x.r OPERATOR(pg_catalog.<=) x.n AND d.ctid OPERATOR(pg_catalog.=) x.ctid %s"
					 "AND d.tableoid OPERATOR(pg_catalog.=) x.tableoid",
					 where.data, left.data, right.data, same_segment);
}

/* NULL: such a row has nothing to be written. */
char *
stmt_sql(PgStmt *stmt)
{
	ApplyTable *table = stmt->base.table;
	const PgTarget *target = pg_table(table)->target;
	StringInfoData sql;

	initStringInfo(&sql);
	switch (stmt->base.kind)
	{
		case STMT_DELETE:
			appendStringInfo(&sql, "DELETE FROM %s%s AS t USING ", stmt_only(table),
							 target->qualified);
			append_cast_rows(&sql, stmt);
			appendStringInfoString(&sql, " WHERE ");
			append_key_condition(&sql, stmt);
			break;
		case STMT_DELETE_IMAGE:
			append_delete_image(&sql, stmt);
			break;
		case STMT_UPDATE:
		case STMT_REKEY:
			appendStringInfo(&sql, "UPDATE %s%s AS t SET ", stmt_only(table),
							 target->qualified);
			if (append_assignments(&sql, stmt, stmt->base.kind == STMT_REKEY, false) == 0)
				return NULL;
			appendStringInfoString(&sql, " FROM ");
			append_cast_rows(&sql, stmt);
			appendStringInfoString(&sql, " WHERE ");
			append_key_condition(&sql, stmt);
			break;
		case STMT_INSERT:
		case STMT_UPSERT:
			append_insert(&sql, stmt);
			break;
	}
	return sql.data;
}
