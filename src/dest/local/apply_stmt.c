/*-------------------------------------------------------------------------
 *
 * apply_stmt.c
 *	  The SQL by which sets of rows are written.
 *
 * Rows reach a statement as a tuplestore that SPI sees as relation "b":
 *
 *	  DELETE FROM ONLY t USING b WHERE t.id = b.o1
 *	  UPDATE ONLY t SET x = b.c1 FROM b WHERE t.id = b.o1
 *	  INSERT INTO t (id, x) OVERRIDING SYSTEM VALUE SELECT b.c1, b.c2 FROM b
 *	  … ON CONFLICT (id) DO UPDATE SET x = excluded.x
 *
 * A statement is planned once for a table and a set of columns, when the table
 * may still be empty and was never analyzed, and has to stay good while it
 * grows. So the planner is made to believe that the table is huge
 * (large_table_hook): then it looks rows up by the key's index.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "nodes/pathnodes.h"
#include "optimizer/plancat.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "core/table_owner.h"
#include "dest/local/local.h"

/* A tuplestore's memory; what is more goes to a file. */
#define STORE_KILOBYTES (64 * 1024)

/* Plans kept for a table; sources with partial images may want many. */
#define MAX_STMTS 64

/* Columns of a keyless table by which a row is looked up one by one; and how
 * many of the others together. */
#define IMAGE_CONDITIONS 32
#define IMAGE_GROUP 64

/* Size that the planner assumes of a table, in pages and rows. */
#define LARGE_PAGES 10000000
#define LARGE_ROWS 1e9

static get_relation_info_hook_type previous_info_hook = NULL;
static bool hook_installed = false;

/* The table that is looked up by index in the statement under way. */
static Oid	large_relid = InvalidOid;

static void
large_table_hook(PlannerInfo *root, Oid relid, bool inhparent,
				 RelOptInfo *rel)
{
	ListCell   *lc;

	if (previous_info_hook)
		previous_info_hook(root, relid, inhparent, rel);

	if (!OidIsValid(large_relid) || inhparent ||
		(relid != large_relid && rel->reloptkind != RELOPT_OTHER_MEMBER_REL))
		return;
	rel->pages = LARGE_PAGES;
	rel->tuples = LARGE_ROWS;
	rel->allvisfrac = 0;
	foreach(lc, rel->indexlist)
	{
		IndexOptInfo *index = lfirst(lc);

		index->pages = LARGE_PAGES / 4;
		index->tuples = LARGE_ROWS;
		index->tree_height = Max(index->tree_height, 3);
	}
}

/* Called as a writer opens. */
void
apply_stmt_init(void)
{
	if (!hook_installed)
	{
		previous_info_hook = get_relation_info_hook;
		get_relation_info_hook = large_table_hook;
		hook_installed = true;
	}
	large_relid = InvalidOid;
}

/* Frees a statement and its plan. */
void
apply_stmt_free(ApplyStmt *stmt)
{
	if (stmt->plan)
		SPI_freeplan(stmt->plan);
	if (stmt->sql)
		pfree(stmt->sql);
	if (stmt->mask)
		pfree(stmt->mask);
	FreeTupleDesc(stmt->tupdesc);
	pfree(stmt->col);
	pfree(stmt->values);
	pfree(stmt->nulls);
	pfree(stmt);
}

static const char *
target_name(ApplyTable *table, int col)
{
	return quote_identifier(table->rel->columns[col].target_name);
}

static bool
is_key(ApplyTable *table, int col)
{
	int			i;

	for (i = 0; i < table->rel->nkey; i++)
	{
		if (table->rel->key[i] == col)
			return true;
	}
	return false;
}

/* WHERE over the key columns, or those of a row's image. */
static void
append_key_condition(StringInfo sql, ApplyStmt *stmt)
{
	ApplyTable *table = stmt->base.table;
	int			i;

	for (i = 0; i < stmt->nold; i++)
	{
		int			col = stmt->col[i];

		appendStringInfo(sql, "%s%s", i > 0 ? " AND " : "",
						 apply_equality(psprintf("t.%s", target_name(table, col)),
										psprintf("b.o%d", i + 1),
										table->rel->columns[col].typid));
	}
}

/* "x = prefix.c1, …" of the columns that may be set; how many there are */
static int
append_assignments(StringInfo sql, ApplyStmt *stmt, bool keys, bool excluded)
{
	ApplyTable *table = stmt->base.table;
	int			n = 0;
	int			i;

	for (i = stmt->nold; i < stmt->natts; i++)
	{
		int			col = stmt->col[i];

		if ((!keys && is_key(table, col)) || table->identity_always[col])
			continue;
		appendStringInfo(sql, "%s%s = ", n++ > 0 ? ", " : "",
						 target_name(table, col));
		if (excluded)
			appendStringInfo(sql, "excluded.%s", target_name(table, col));
		else
			appendStringInfo(sql, "b.c%d", i - stmt->nold + 1);
	}
	return n;
}

static void
append_insert(StringInfo sql, ApplyStmt *stmt)
{
	ApplyTable *table = stmt->base.table;
	int			i;

	appendStringInfo(sql, "INSERT INTO %s AS t (", table->qualified);
	for (i = 0; i < stmt->natts; i++)
		appendStringInfo(sql, "%s%s", i > 0 ? ", " : "",
						 target_name(table, stmt->col[i]));
	appendStringInfoString(sql, ") OVERRIDING SYSTEM VALUE SELECT ");
	for (i = 0; i < stmt->natts; i++)
		appendStringInfo(sql, "%sb.c%d", i > 0 ? ", " : "", i + 1);
	appendStringInfoString(sql, " FROM " ROWS_NAME " AS b");
	if (stmt->base.kind == STMT_UPSERT)
	{
		appendStringInfoString(sql, " ON CONFLICT (");
		for (i = 0; i < table->rel->nkey; i++)
			appendStringInfo(sql, "%s%s", i > 0 ? ", " : "",
							 target_name(table, table->rel->key[i]));
		appendStringInfoString(sql, ") DO UPDATE SET ");
		if (append_assignments(sql, stmt, false, true) == 0)
		{
			sql->len -= strlen("UPDATE SET ");
			sql->data[sql->len] = '\0';
			appendStringInfoString(sql, "NOTHING");
		}
	}
}

/* Schema-qualified hash function of a type that takes it as it is, or NULL. */
static char *
hash_function(Oid typid)
{
	TypeCacheEntry *type = lookup_type_cache(typid, TYPECACHE_HASH_PROC);
	HeapTuple	tup;
	Form_pg_proc proc;
	char	   *result = NULL;

	if (!OidIsValid(type->hash_proc))
		return NULL;
	tup = SearchSysCache1(PROCOID, ObjectIdGetDatum(type->hash_proc));
	if (!HeapTupleIsValid(tup))
		elog(ERROR, "cache lookup failed for function %u", type->hash_proc);
	proc = (Form_pg_proc) GETSTRUCT(tup);
	if (proc->proargtypes.values[0] == typid ||
		(proc->proargtypes.values[0] == TEXTOID && typid == VARCHAROID))
		result = quote_qualified_identifier(get_namespace_name(proc->pronamespace),
											NameStr(proc->proname));
	ReleaseSysCache(tup);
	return result;
}

/* A value as a number that is the same for the same value; not NULL. */
static char *
hash_of(const SourceColumn *column, const char *value)
{
	char	   *hash = hash_function(column->typid);

	if (hash)
		return psprintf("COALESCE(%s(%s), 0)", hash, value);
	return psprintf("COALESCE(pg_catalog.hashtext(CAST(%s AS pg_catalog.text)), 0)",
					value);
}

/*
 * What a row of a keyless table is found by before its image is compared: an
 * equality that can be hashed, or that an index can serve.
 */
static char *
image_condition(const SourceColumn *column, const char *name, const char *value)
{
	TypeCacheEntry *type = lookup_type_cache(column->typid,
											 TYPECACHE_EQ_OPR |
											 TYPECACHE_HASH_PROC);

	if (column->target_not_null && OidIsValid(type->eq_opr) &&
		OidIsValid(type->hash_proc))
		return apply_equality(name, value, column->typid);

	/* NULLs are to meet, or there is no such equality: compare hashes. */
	return psprintf("%s OPERATOR(pg_catalog.=) %s", hash_of(column, name),
					hash_of(column, value));
}

/*
 * A column of the table, or of b, as what the images of rows compare: a domain
 * as its base type, a value of b as an INSERT would cast it (one of a domain is
 * that already).
 */
static char *
image_value(const SourceColumn *column, char *value, bool cast)
{
	bool		domain = OidIsValid(column->target_typid);

	if (!domain && (!cast || column->typmod < 0))
		return value;
	return psprintf("CAST(%s AS %s)", value,
					format_type_extended(column->typid, domain ? -1 : column->typmod,
										 FORMAT_TYPE_TYPEMOD_GIVEN |
										 FORMAT_TYPE_FORCE_QUALIFY));
}

/* Adds up the hashes of columns that have no condition of their own. */
static void
append_hash(StringInfo sum, const SourceColumn *column, const char *value)
{
	appendStringInfo(sum, "%sCAST(%s AS pg_catalog.int8)",
					 sum->len > 0 ? " OPERATOR(pg_catalog.+) " : "",
					 hash_of(column, value));
}

/*
 * DELETE of n of the rows that are the same, byte by byte, as each row of b.
 * The planner takes time with the square of the number of conditions: columns
 * past the first ones have one for a group of them.
 */
static void
append_delete_image(StringInfo sql, ApplyStmt *stmt)
{
	ApplyTable *table = stmt->base.table;
	const char *only = local_table(table)->partitioned ? "" : "ONLY ";
	StringInfoData left;
	StringInfoData right;
	StringInfoData where;
	StringInfoData sums[2];
	int			i;

	initStringInfo(&left);
	initStringInfo(&right);
	initStringInfo(&where);
	initStringInfo(&sums[0]);
	initStringInfo(&sums[1]);
	for (i = 0; i < table->ncols; i++)
	{
		int			col = stmt->col[i];
		const SourceColumn *column = &table->rel->columns[col];
		char	   *name = image_value(column, psprintf("t.%s", target_name(table, col)), false);
		char	   *value = image_value(column, psprintf("b.o%d", i + 1), true);

		appendStringInfo(&left, "%s%s", i > 0 ? ", " : "", name);
		appendStringInfo(&right, "%s%s", i > 0 ? ", " : "", value);
		if (i < IMAGE_CONDITIONS)
		{
			appendStringInfo(&where, "%s AND ", image_condition(column, name, value));
			continue;
		}
		append_hash(&sums[0], column, name);
		append_hash(&sums[1], column, value);
		if ((i - IMAGE_CONDITIONS) % IMAGE_GROUP == IMAGE_GROUP - 1 ||
			i == table->ncols - 1)
		{
			appendStringInfo(&where, "(%s) OPERATOR(pg_catalog.=) (%s) AND ",
							 sums[0].data, sums[1].data);
			resetStringInfo(&sums[0]);
			resetStringInfo(&sums[1]);
		}
	}

	appendStringInfo(sql,
					 "DELETE FROM %s%s AS d USING ("
					 "SELECT t.ctid, t.tableoid, b.n, pg_catalog.row_number()"
					 " OVER (PARTITION BY b.id) AS r FROM %s%s AS t, "
					 ROWS_NAME " AS b WHERE %sROW(%s)::pg_catalog.record"
					 " OPERATOR(pg_catalog.*=) ROW(%s)::pg_catalog.record"
					 ") AS x WHERE x.r OPERATOR(pg_catalog.<=) x.n"
					 " AND d.ctid OPERATOR(pg_catalog.=) x.ctid"
					 " AND d.tableoid OPERATOR(pg_catalog.=) x.tableoid",
					 only, table->qualified, only, table->qualified,
					 where.data, left.data, right.data);
}

static char *
make_sql(ApplyStmt *stmt)
{
	ApplyTable *table = stmt->base.table;
	const char *only = local_table(table)->partitioned ? "" : "ONLY ";
	StringInfoData sql;

	initStringInfo(&sql);
	switch (stmt->base.kind)
	{
		case STMT_DELETE:
			appendStringInfo(&sql, "DELETE FROM %s%s AS t USING " ROWS_NAME
							 " AS b WHERE ", only, table->qualified);
			append_key_condition(&sql, stmt);
			break;
		case STMT_DELETE_IMAGE:
			append_delete_image(&sql, stmt);
			break;
		case STMT_UPDATE:
		case STMT_REKEY:
			appendStringInfo(&sql, "UPDATE %s%s AS t SET ", only,
							 table->qualified);
			if (append_assignments(&sql, stmt, stmt->base.kind == STMT_REKEY,
								   false) == 0)
				return NULL;
			appendStringInfoString(&sql, " FROM " ROWS_NAME " AS b WHERE ");
			append_key_condition(&sql, stmt);
			break;
		case STMT_INSERT:
		case STMT_UPSERT:
			append_insert(&sql, stmt);
			break;
	}
	return sql.data;
}

static ApplyStmt *
make_stmt(ApplyTable *table, StmtKind kind, const uint8 *mask)
{
	SourceRelation *rel = table->rel;
	MemoryContext oldcxt = MemoryContextSwitchTo(table->batch->table_cxt);
	ApplyStmt  *stmt = palloc0(sizeof(ApplyStmt));
	int			nextra = kind == STMT_DELETE_IMAGE ? 2 : 0;
	char	   *sql;
	int			i;

	stmt->base.table = table;
	stmt->base.kind = kind;
	stmt->col = palloc(sizeof(int) * (rel->nkey + table->ncols + 1));
	if (kind == STMT_DELETE || kind == STMT_UPDATE || kind == STMT_REKEY)
	{
		for (i = 0; i < rel->nkey; i++)
			stmt->col[stmt->natts++] = rel->key[i];
	}
	else if (kind == STMT_DELETE_IMAGE)
	{
		for (i = 0; i < table->ncols; i++)
			stmt->col[stmt->natts++] = table->cols[i];
	}
	stmt->nold = stmt->natts;
	if (mask)
	{
		stmt->mask = palloc(table->ncols);
		memcpy(stmt->mask, mask, table->ncols);
		for (i = 0; i < table->ncols; i++)
		{
			if (mask[i] &&
				!(kind == STMT_UPDATE && is_key(table, table->cols[i])))
				stmt->col[stmt->natts++] = table->cols[i];
		}
	}

	stmt->tupdesc = CreateTemplateTupleDesc(stmt->natts + nextra);
	for (i = 0; i < stmt->natts; i++)
	{
		const SourceColumn *col = &rel->columns[stmt->col[i]];
		char		name[32];

		if (i < stmt->nold)
			snprintf(name, sizeof(name), "o%d", i + 1);
		else
			snprintf(name, sizeof(name), "c%d", i - stmt->nold + 1);

		/*
		 * Without a length: the statement casts, and thereby checks. But as the
		 * domain, whose constraints the source sees to: one of them may be
		 * younger than the row (NOT VALID).
		 */
		TupleDescInitEntry(stmt->tupdesc, i + 1, name,
						   OidIsValid(col->target_typid) ? col->target_typid :
						   col->typid, -1, 0);
		TupleDescInitEntryCollation(stmt->tupdesc, i + 1, col->collation);
	}
	if (kind == STMT_DELETE_IMAGE)
	{
		TupleDescInitEntry(stmt->tupdesc, stmt->natts + 1, "id", INT8OID, -1,
						   0);
		TupleDescInitEntry(stmt->tupdesc, stmt->natts + 2, "n", INT8OID, -1,
						   0);
	}
	stmt->values = palloc(sizeof(Datum) * (stmt->natts + nextra));
	stmt->nulls = palloc0(sizeof(bool) * (stmt->natts + nextra));
	table->stmts = lappend(table->stmts, stmt);

	MemoryContextSwitchTo(table->batch->flush_cxt);
	sql = make_sql(stmt);
	if (sql)
		stmt->sql = MemoryContextStrdup(table->batch->table_cxt, sql);
	MemoryContextSwitchTo(oldcxt);
	return stmt;
}

/*
 * The statement of a kind for the columns that row has (NULL: none). The
 * table has been resolved.
 */
BatchStmt *
apply_stmt(ApplyTable *table, StmtKind kind, const Row *row)
{
	uint8		mask[MaxTupleAttributeNumber];
	ListCell   *lc;
	int			i;

	for (i = 0; row && i < table->ncols; i++)
		mask[i] = row_has(row, table->cols[i]);
	foreach(lc, table->stmts)
	{
		ApplyStmt  *stmt = lfirst(lc);

		if (stmt->base.kind == kind &&
			(row == NULL || memcmp(stmt->mask, mask, table->ncols) == 0))
			return &stmt->base;
	}

	if (list_length(table->stmts) >= MAX_STMTS)
	{
		List	   *keep = NIL;
		MemoryContext oldcxt;

		/* those with rows waiting stay */
		oldcxt = MemoryContextSwitchTo(table->batch->table_cxt);
		foreach(lc, table->stmts)
		{
			ApplyStmt  *stmt = lfirst(lc);

			if (stmt->store[0] || stmt->store[1])
				keep = lappend(keep, stmt);
			else
				apply_stmt_free(stmt);
		}
		list_free(table->stmts);
		table->stmts = keep;
		MemoryContextSwitchTo(oldcxt);
	}
	return &make_stmt(table, kind, row ? mask : NULL)->base;
}

/*
 * Adds a row for a statement to write: old has the values of the columns o…,
 * row of c…; count serves STMT_DELETE_IMAGE.
 */
void
apply_stmt_put(BatchStmt *to, bool loose, const Row *old, const Row *row,
			   int64 count)
{
	ApplyStmt  *stmt = local_stmt(to);
	int			i;

	if (stmt->store[loose] == NULL)
	{
		MemoryContext oldcxt;

		oldcxt = MemoryContextSwitchTo(stmt->base.table->batch->flush_cxt);
		stmt->store[loose] = tuplestore_begin_heap(true, false,
												   STORE_KILOBYTES);
		stmt->base.waits[loose] = true;
		MemoryContextSwitchTo(oldcxt);
	}
	for (i = 0; i < stmt->nold; i++)
	{
		stmt->values[i] = old->values[stmt->col[i]];
		stmt->nulls[i] = old->status[stmt->col[i]] == COLUMN_NULL;
	}
	for (; i < stmt->natts; i++)
	{
		stmt->values[i] = row->values[stmt->col[i]];
		stmt->nulls[i] = row->status[stmt->col[i]] == COLUMN_NULL;
	}
	if (stmt->base.kind == STMT_DELETE_IMAGE)
	{
		stmt->values[i] = Int64GetDatum(stmt->base.nrows[loose]);
		stmt->values[i + 1] = Int64GetDatum(count);
		stmt->base.nrows[loose] += count;
	}
	else
		stmt->base.nrows[loose]++;
	tuplestore_putvalues(stmt->store[loose], stmt->tupdesc, stmt->values,
						 stmt->nulls);
}

/*
 * Without statistics (nobody has analyzed the table yet) the planner takes a
 * value of an index that is not unique for a large part of the table, and
 * would rather hash all of it. Returns the level to end.
 */
static int
lookup_settings_begin(void)
{
	static const char *const off[] =
	{"enable_seqscan", "enable_hashjoin", "enable_mergejoin"};
	int			nestlevel = NewGUCNestLevel();
	int			i;

	for (i = 0; i < lengthof(off); i++)
		(void) set_config_option(off[i], "off", PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
	return nestlevel;
}

/*
 * Runs SQL over the rows of a tuplestore. plan keeps the prepared statement;
 * NULL: it is planned for this time only. relid: the table that it is on, as
 * whose owner it runs. force_relid: a table to be looked up by index whatever
 * its size, else InvalidOid. SPI is connected. Returns the number of rows
 * processed.
 */
uint64
apply_execute(Batch *w, SPIPlanPtr *plan, const char *sql, Oid relid,
			  TupleDesc tupdesc, Tuplestorestate *store, int64 nrows,
			  Oid force_relid, DestReceiver *receiver)
{
	EphemeralNamedRelationData enr;
	TableOwner	owner;
	SPIExecuteOptions options;
	SPIPlanPtr	once = NULL;
	MemoryContext oldcxt;
	int			nestlevel = 0;
	int			rc;

	memset(&enr, 0, sizeof(enr));
	enr.md.name = ROWS_NAME;
	enr.md.reliddesc = InvalidOid;
	enr.md.tupdesc = tupdesc;
	enr.md.enrtype = ENR_NAMED_TUPLESTORE;
	enr.md.enrtuples = OidIsValid(force_relid) ? 1000 : nrows;
	enr.reldata = store;
	/* SPI keeps the list of relations in the current context. */
	oldcxt = MemoryContextSwitchTo(w->flush_cxt);
	rc = SPI_register_relation(&enr);
	MemoryContextSwitchTo(oldcxt);
	if (rc != SPI_OK_REL_REGISTER)
		elog(ERROR, "SPI_register_relation failed: %s",
			 SPI_result_code_string(rc));

	table_owner_begin(relid, RowExclusiveLock, &owner);
	if (OidIsValid(force_relid))
		nestlevel = lookup_settings_begin();
	if (plan == NULL)
		plan = &once;
	if (*plan == NULL)
	{
		SPIPlanPtr	fresh = SPI_prepare(sql, 0, NULL);

		if (fresh == NULL)
			elog(ERROR, "SPI_prepare failed: %s",
				 SPI_result_code_string(SPI_result));
		if (plan != &once && SPI_keepplan(fresh) != 0)
			elog(ERROR, "SPI_keepplan failed");
		*plan = fresh;
	}

	memset(&options, 0, sizeof(options));
	options.dest = receiver;
	large_relid = force_relid;
	rc = SPI_execute_plan_extended(*plan, &options);
	large_relid = InvalidOid;
	if (rc < 0)
		elog(ERROR, "SPI_execute_plan failed: %s",
			 SPI_result_code_string(rc));
	if (nestlevel > 0)
		AtEOXact_GUC(true, nestlevel);
	table_owner_end(&owner);
	SPI_unregister_relation(ROWS_NAME);
	return SPI_processed;
}

/* Writes the rows put since the last run; returns how many were hit. */
uint64
apply_stmt_run(BatchStmt *to, bool loose)
{
	ApplyStmt  *stmt = local_stmt(to);
	Tuplestorestate *store = stmt->store[loose];
	int64		nrows = stmt->base.nrows[loose];
	bool		by_key = stmt->nold > 0 && stmt->base.kind != STMT_DELETE_IMAGE &&
		local_table(stmt->base.table)->key_index;
	uint64		processed;

	stmt->store[loose] = NULL;
	stmt->base.waits[loose] = false;
	stmt->base.nrows[loose] = 0;
	if (stmt->base.kind >= STMT_UPDATE)
		local_table(stmt->base.table)->written++;
	if (stmt->sql == NULL)
		processed = nrows;		/* nothing to write in such a row */
	else
		processed = apply_execute(stmt->base.table->batch,
								  stmt->base.kind == STMT_DELETE_IMAGE ? NULL :
								  &stmt->plan, stmt->sql,
								  local_table(stmt->base.table)->relid, stmt->tupdesc,
								  store, nrows,
								  by_key ? stmt->base.table->rel->target_relid :
								  InvalidOid, NULL);
	tuplestore_end(store);
	return processed;
}

/*
 * Settings for the statements of a flush: no plan but a lookup by index for
 * each row where there is an index; no compilation. Returns the level to end.
 */
int
apply_settings_begin(void)
{
	int			nestlevel = NewGUCNestLevel();

	large_relid = InvalidOid;
	(void) set_config_option("jit", "off", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	return nestlevel;
}

void
apply_settings_end(int nestlevel)
{
	AtEOXact_GUC(true, nestlevel);
}
