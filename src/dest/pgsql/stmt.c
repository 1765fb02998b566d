/*-------------------------------------------------------------------------
 *
 * stmt.c
 *	  Statements that write sets of rows: gathered as arrays, prepared once for
 *	  a table and a set of columns, and sent in parts of a bounded size.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "dest/pgsql/pgsql.h"
#include "utils/memutils.h"

/* Statements kept for a table; sources with partial images may want many. */
#define MAX_STMTS 64

/* A part has about so many bytes of one column, or rows. */
#define PART_BYTES (4 * 1024 * 1024)
#define PART_ROWS 20000

static bool
is_key(ApplyTable *table, int col)
{
	for (int i = 0; i < table->rel->nkey; i++)
		if (table->rel->key[i] == col)
			return true;
	return false;
}

static PgStmt *
make_stmt(ApplyTable *table, StmtKind kind, const uint8 *mask)
{
	SourceRelation *rel = table->rel;
	MemoryContext old = MemoryContextSwitchTo(table->batch->table_cxt);
	PgStmt	   *stmt = palloc0(sizeof(PgStmt));
	char	   *sql;

	stmt->base.table = table;
	stmt->base.kind = kind;
	stmt->col = palloc(sizeof(int) * (rel->nkey + table->ncols + 1));
	if (kind == STMT_DELETE || kind == STMT_UPDATE || kind == STMT_REKEY)
	{
		for (int i = 0; i < rel->nkey; i++)
			stmt->col[stmt->natts++] = rel->key[i];
	}
	else if (kind == STMT_DELETE_IMAGE)
	{
		for (int i = 0; i < table->ncols; i++)
			stmt->col[stmt->natts++] = table->cols[i];
	}
	stmt->nold = stmt->natts;
	if (mask)
	{
		stmt->mask = palloc(Max(table->ncols, 1));
		memcpy(stmt->mask, mask, table->ncols);
		for (int i = 0; i < table->ncols; i++)
		{
			if (mask[i] && !(kind == STMT_UPDATE && is_key(table, table->cols[i])))
				stmt->col[stmt->natts++] = table->cols[i];
		}
	}
	stmt->nparams = stmt->natts + (kind == STMT_DELETE_IMAGE ? 2 : 0);
	table->stmts = lappend(table->stmts, stmt);
	stmt->name = session_statement_name();

	MemoryContextSwitchTo(table->batch->flush_cxt);
	sql = stmt_sql(stmt);
	if (sql)
		stmt->sql = MemoryContextStrdup(table->batch->table_cxt, sql);
	MemoryContextSwitchTo(old);
	return stmt;
}

static void
free_stmt(PgStmt *stmt)
{
	if (stmt->session != 0 && stmt->session == session_number())
		pg_runf(session_use(), "DEALLOCATE %s", stmt->name);
	if (stmt->sql)
		pfree(stmt->sql);
	if (stmt->mask)
		pfree(stmt->mask);
	pfree(stmt->name);
	pfree(stmt->col);
	pfree(stmt);
}

/* Those with rows waiting stay. */
static void
make_room(ApplyTable *table)
{
	List	   *keep = NIL;
	ListCell   *lc;
	MemoryContext old = MemoryContextSwitchTo(table->batch->table_cxt);

	foreach(lc, table->stmts)
	{
		PgStmt	   *stmt = lfirst(lc);

		if (stmt->base.waits[0] || stmt->base.waits[1])
			keep = lappend(keep, stmt);
		else
			free_stmt(stmt);
	}
	list_free(table->stmts);
	table->stmts = keep;
	MemoryContextSwitchTo(old);
}

/* The statement of a kind for the columns that row has (NULL: none). */
BatchStmt *
stmt_get(ApplyTable *table, StmtKind kind, const Row *row)
{
	uint8		mask[MaxTupleAttributeNumber];
	ListCell   *lc;

	for (int i = 0; row && i < table->ncols; i++)
		mask[i] = row_has(row, table->cols[i]);
	foreach(lc, table->stmts)
	{
		PgStmt	   *stmt = lfirst(lc);

		if (stmt->base.kind == kind &&
			(row == NULL || memcmp(stmt->mask, mask, table->ncols) == 0))
			return &stmt->base;
	}
	if (list_length(table->stmts) >= MAX_STMTS)
		make_room(table);
	return &make_stmt(table, kind, row ? mask : NULL)->base;
}

/* Sends a part of the rows; returns how many it hit. */
static int64
send_part(PgStmt *stmt, PgArray *arrays)
{
	PgConn	   *conn = session_use();
	const char **values = palloc(sizeof(char *) * stmt->nparams);
	int		   *lengths = palloc(sizeof(int) * stmt->nparams);

	if (stmt->nold > 0)
		session_by_index(stmt->base.kind != STMT_DELETE_IMAGE &&
						 pg_table(stmt->base.table)->target->key_index);
	if (stmt->session != session_number())
	{
		pg_prepare(conn, stmt->name, stmt->sql);
		stmt->session = session_number();
	}
	for (int i = 0; i < stmt->nparams; i++)
		values[i] = array_take(&arrays[i], &lengths[i]);
	return pg_execute(conn, stmt->name, stmt->nparams, values, lengths);
}

/*
 * Adds a row for a statement to write: old has the values of the columns o…,
 * row of c…; count serves STMT_DELETE_IMAGE.
 */
void
stmt_put(BatchStmt *to, bool loose, const Row *old, const Row *row, int64 count)
{
	PgStmt	   *stmt = pg_stmt(to);
	MemoryContext oldcxt = MemoryContextSwitchTo(stmt->base.table->batch->flush_cxt);
	PgArray    *arrays;
	bool		full = false;

	if (stmt->arrays[loose] == NULL)
	{
		arrays = palloc(sizeof(PgArray) * Max(stmt->nparams, 1));
		for (int i = 0; i < stmt->natts; i++)
		{
			const SourceColumn *col = &stmt->base.table->rel->columns[stmt->col[i]];

			array_init(&arrays[i], array_element(col), col->typid);
		}
		for (int i = stmt->natts; i < stmt->nparams; i++)
			array_init(&arrays[i], INT8OID, INT8OID);
		stmt->arrays[loose] = arrays;
	}
	arrays = stmt->arrays[loose];
	stmt->base.waits[loose] = true;
	for (int i = 0; i < stmt->natts; i++)
	{
		const Row  *from = i < stmt->nold ? old : row;
		int			col = stmt->col[i];

		array_put(&arrays[i], from->values[col], from->status[col] == COLUMN_NULL);
		full |= arrays[i].data.len >= PART_BYTES;
	}
	if (stmt->base.kind == STMT_DELETE_IMAGE)
	{
		array_put_int8(&arrays[stmt->natts], stmt->base.nrows[loose]);
		array_put_int8(&arrays[stmt->natts + 1], count);
		stmt->base.nrows[loose] += count;
	}
	else
		stmt->base.nrows[loose]++;
	if (full || (stmt->nparams > 0 && arrays[0].n >= PART_ROWS))
	{
		stmt->parts[loose] = lappend(stmt->parts[loose], arrays);
		stmt->arrays[loose] = NULL;
	}
	MemoryContextSwitchTo(oldcxt);
}

static void
forget_rows(PgStmt *stmt, bool loose)
{
	stmt->base.waits[loose] = false;
	stmt->arrays[loose] = NULL;
	stmt->parts[loose] = NIL;
	stmt->base.nrows[loose] = 0;
}

/* Writes the rows put since the last run; returns how many were hit. */
uint64
stmt_run(BatchStmt *to, bool loose)
{
	PgStmt	   *stmt = pg_stmt(to);
	uint64		hit = 0;
	ListCell   *lc;

	if (stmt->sql == NULL)
		hit = stmt->base.nrows[loose];	/* nothing to write in such a row */
	else
	{
		foreach(lc, stmt->parts[loose])
			hit += send_part(stmt, lfirst(lc));
		if (stmt->arrays[loose] != NULL)
			hit += send_part(stmt, stmt->arrays[loose]);
	}
	forget_rows(stmt, loose);
	return hit;
}

/* Forgets rows that wait for statements; their memory is the caller's matter. */
void
stmt_drop_rows(ApplyTable *table)
{
	ListCell   *lc;

	foreach(lc, table->stmts)
	{
		PgStmt	   *stmt = lfirst(lc);

		forget_rows(stmt, false);
		forget_rows(stmt, true);
	}
}
