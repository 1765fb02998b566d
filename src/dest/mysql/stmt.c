/*-------------------------------------------------------------------------
 *
 * stmt.c
 *	  Statements that write sets of rows: texts with their values in them, sent in
 *	  parts of a bounded size.
 *
 *	  INSERT INTO t (id, x) VALUES (1, 'a'), (2, 'b'), …
 *	  DELETE FROM t WHERE id IN (1, 2, …)
 *	  DELETE FROM t WHERE a = 1 AND b = 2; DELETE FROM t WHERE …
 *	  UPDATE t SET x = 'a' WHERE id = 1; UPDATE …
 *	  DELETE FROM t WHERE a = 1 AND b IS NULL … LIMIT 3; …
 *
 * Where each row has a statement of its own, many go in one text: the server
 * runs one after the other, finds each row by constants, and says of each how
 * many it has found.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "dest/mysql/mysql.h"
#include "utils/memutils.h"

/* Statements kept for a table; sources with partial images may want many. */
#define MAX_STMTS 64

/* A part has about so many bytes, or statements, or keys in one. */
#define PART_BYTES (1024 * 1024)
#define PART_STATEMENTS 2000
#define PART_KEYS 5000

static bool
is_key(ApplyTable *table, int col)
{
	for (int i = 0; i < table->rel->nkey; i++)
		if (table->rel->key[i] == col)
			return true;
	return false;
}

static const MyField *
column_of(const ApplyTable *table, int col)
{
	return &((const MyTarget *) table->rel->bound)->columns[col];
}

char *
my_insert_head(const SourceRelation *rel)
{
	const MyTarget *target = rel->bound;
	StringInfoData buf;
	bool		any = false;

	initStringInfo(&buf);
	appendStringInfo(&buf, "INSERT INTO %s (", target->qualified);
	for (int i = 0; i < rel->ncolumns; i++)
	{
		if (!rel->columns[i].replicated)
			continue;
		appendStringInfo(&buf, "%s%s", any ? ", " : "", target->columns[i].name);
		any = true;
	}
	appendStringInfoString(&buf, ") VALUES ");
	return buf.data;
}

static char *
make_head(MyStmt *stmt)
{
	ApplyTable *table = stmt->base.table;
	StringInfoData buf;
	int			n = 0;

	initStringInfo(&buf);
	switch (stmt->base.kind)
	{
		case STMT_DELETE:
			appendStringInfo(&buf, "DELETE FROM %s WHERE ", table->qualified);
			if (!stmt->several)
				appendStringInfo(&buf, "%s IN (", column_of(table, table->rel->key[0])->name);
			break;
		case STMT_DELETE_IMAGE:
			appendStringInfo(&buf, "DELETE FROM %s WHERE ", table->qualified);
			break;
		case STMT_UPDATE:
		case STMT_REKEY:
			appendStringInfo(&buf, "UPDATE %s SET ", table->qualified);
			break;
		case STMT_INSERT:
		case STMT_UPSERT:
			appendStringInfo(&buf, "INSERT INTO %s (", table->qualified);
			for (int i = 0; i < table->ncols; i++)
				if (stmt->mask[i])
					appendStringInfo(&buf, "%s%s", n++ > 0 ? ", " : "",
									 column_of(table, table->cols[i])->name);
			appendStringInfoString(&buf, ") VALUES ");
			break;
	}
	return buf.data;
}

/* Is a column one that an UPDATE of this kind sets? */
static bool
is_set(const MyStmt *stmt, int i)
{
	return stmt->mask[i] && (stmt->base.kind == STMT_REKEY ||
							 !is_key(stmt->base.table, stmt->base.table->cols[i]));
}

static MyStmt *
make_stmt(ApplyTable *table, StmtKind kind, const uint8 *mask)
{
	MemoryContext old = MemoryContextSwitchTo(table->batch->table_cxt);
	MyStmt	   *stmt = palloc0(sizeof(MyStmt));

	stmt->base.table = table;
	stmt->base.kind = kind;
	if (mask)
	{
		stmt->mask = palloc(Max(table->ncols, 1));
		memcpy(stmt->mask, mask, table->ncols);
	}
	stmt->several = kind != STMT_INSERT && kind != STMT_UPSERT &&
		!(kind == STMT_DELETE && table->rel->nkey == 1 &&
		  !column_of(table, table->rel->key[0])->inexact);
	if (kind == STMT_UPDATE || kind == STMT_REKEY)
	{
		stmt->nothing = true;
		for (int i = 0; i < table->ncols; i++)
			stmt->nothing = stmt->nothing && !is_set(stmt, i);
	}
	stmt->head = make_head(stmt);
	table->stmts = lappend(table->stmts, stmt);
	MemoryContextSwitchTo(old);
	return stmt;
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
		MyStmt	   *stmt = lfirst(lc);

		if (stmt->base.waits[0] || stmt->base.waits[1])
			keep = lappend(keep, stmt);
		else
		{
			if (stmt->mask)
				pfree(stmt->mask);
			pfree(stmt->head);
			pfree(stmt);
		}
	}
	list_free(table->stmts);
	table->stmts = keep;
	MemoryContextSwitchTo(old);
}

/* See BatchRoutine. */
BatchStmt *
my_stmt_get(ApplyTable *table, StmtKind kind, const Row *row)
{
	uint8		mask[MaxTupleAttributeNumber];
	ListCell   *lc;

	for (int i = 0; row && i < table->ncols; i++)
		mask[i] = row_has(row, table->cols[i]);
	foreach(lc, table->stmts)
	{
		MyStmt	   *stmt = lfirst(lc);

		if (stmt->base.kind == kind &&
			(row == NULL || memcmp(stmt->mask, mask, table->ncols) == 0))
			return &stmt->base;
	}
	if (list_length(table->stmts) >= MAX_STMTS)
		make_room(table);
	return &make_stmt(table, kind, row ? mask : NULL)->base;
}

/* ------------------------------------------------------------------- rows */

static void
append_value(StringInfo buf, const ApplyTable *table, const Row *row, int col)
{
	my_value_append(buf, table->rel, col, row->values[col], row->status[col] == COLUMN_NULL);
}

static void
append_key(StringInfo buf, const ApplyTable *table, const Row *row)
{
	for (int i = 0; i < table->rel->nkey; i++)
	{
		int			col = table->rel->key[i];

		if (i > 0)
			appendStringInfoString(buf, " AND ");
		my_value_append_match(buf, table->rel, col, row->values[col],
						   row->status[col] == COLUMN_NULL);
	}
}

/* The text of a row, behind the statement's head if each has its own. */
static void
append_row(StringInfo buf, const MyStmt *stmt, const Row *old, const Row *row, int64 count)
{
	ApplyTable *table = stmt->base.table;
	int			n = 0;

	switch (stmt->base.kind)
	{
		case STMT_DELETE:
			if (stmt->several)
				append_key(buf, table, old);
			else
				append_value(buf, table, old, table->rel->key[0]);
			break;
		case STMT_DELETE_IMAGE:
			for (int i = 0; i < table->ncols; i++)
			{
				int			col = table->cols[i];

				appendStringInfoString(buf, n++ > 0 ? " AND " : "");
				my_value_append_match(buf, table->rel, col, old->values[col],
								   old->status[col] == COLUMN_NULL);
			}
			if (n == 0)
				appendStringInfoString(buf, "TRUE");
			appendStringInfo(buf, " LIMIT " INT64_FORMAT, count);
			break;
		case STMT_UPDATE:
		case STMT_REKEY:
			for (int i = 0; i < table->ncols; i++)
			{
				if (!is_set(stmt, i))
					continue;
				appendStringInfo(buf, "%s%s = ", n++ > 0 ? ", " : "",
								 column_of(table, table->cols[i])->name);
				append_value(buf, table, row, table->cols[i]);
			}
			appendStringInfoString(buf, " WHERE ");
			append_key(buf, table, old);
			break;
		case STMT_INSERT:
		case STMT_UPSERT:
			appendStringInfoChar(buf, '(');
			for (int i = 0; i < table->ncols; i++)
			{
				if (!stmt->mask[i])
					continue;
				if (n++ > 0)
					appendStringInfoChar(buf, ',');
				append_value(buf, table, row, table->cols[i]);
			}
			appendStringInfoChar(buf, ')');
			break;
	}
}

static bool
is_full(const MyStmt *stmt, const MyPart *part, Size more)
{
	Size		limit = Min(PART_BYTES, mysql_max_statement());

	return part->n > 0 &&
		(part->sql.len + more + 2 > limit ||
		 part->n >= (stmt->several ? PART_STATEMENTS : PART_KEYS));
}

/* See BatchRoutine. */
void
my_stmt_put(BatchStmt *to, bool loose, const Row *old, const Row *row, int64 count)
{
	MyStmt	   *stmt = (MyStmt *) to;
	ApplyTable *table = to->table;
	MemoryContext oldcxt = MemoryContextSwitchTo(table->batch->flush_cxt);
	MyPart	   *part = stmt->part[loose];
	Size		head = strlen(stmt->head);

	if (!to->waits[0] && !to->waits[1])
		initStringInfo(&stmt->row);
	to->waits[loose] = true;
	to->nrows[loose] += to->kind == STMT_DELETE_IMAGE ? count : 1;
	if (stmt->nothing)
	{
		MemoryContextSwitchTo(oldcxt);
		return;
	}
	resetStringInfo(&stmt->row);
	append_row(&stmt->row, stmt, old, row, count);
	my_check_size(table->rel, -1, head + stmt->row.len + 2);

	if (part != NULL && is_full(stmt, part, stmt->row.len + (stmt->several ? head : 0)))
	{
		stmt->parts[loose] = lappend(stmt->parts[loose], part);
		part = NULL;
	}
	if (part == NULL)
	{
		part = stmt->part[loose] = palloc0(sizeof(MyPart));
		initStringInfo(&part->sql);
		if (!stmt->several)
			appendBinaryStringInfo(&part->sql, stmt->head, head);
	}
	if (part->n > 0)
		appendStringInfoChar(&part->sql, stmt->several ? ';' : ',');
	if (stmt->several)
		appendBinaryStringInfo(&part->sql, stmt->head, head);
	appendBinaryStringInfo(&part->sql, stmt->row.data, stmt->row.len);
	part->n++;
	MemoryContextSwitchTo(oldcxt);
}

static void
forget_rows(MyStmt *stmt, bool loose)
{
	stmt->base.waits[loose] = false;
	stmt->base.nrows[loose] = 0;
	stmt->part[loose] = NULL;
	stmt->parts[loose] = NIL;
}

/* Sends a part of the rows; returns how many it hit. */
static uint64
send_part(MyStmt *stmt, MyPart *part)
{
	MyConn	   *conn = mysql_use_for_rows();
	int			n = stmt->several ? part->n : 1;

	if (stmt->base.kind == STMT_DELETE && !stmt->several)
		appendStringInfoChar(&part->sql, ')');
	mysql_several(conn, n > 1);
	return mysql_write(conn, part->sql.data, part->sql.len, n);
}

/* See BatchRoutine. */
uint64
my_stmt_run(BatchStmt *to, bool loose)
{
	MyStmt	   *stmt = (MyStmt *) to;
	uint64		hit = 0;
	ListCell   *lc;

	if (stmt->nothing)
		hit = to->nrows[loose];
	else
	{
		foreach(lc, stmt->parts[loose])
			hit += send_part(stmt, lfirst(lc));
		if (stmt->part[loose] != NULL)
			hit += send_part(stmt, stmt->part[loose]);
	}
	forget_rows(stmt, loose);
	return hit;
}

/* See BatchRoutine. */
void
my_stmt_drop_rows(ApplyTable *table)
{
	ListCell   *lc;

	foreach(lc, table->stmts)
	{
		forget_rows(lfirst(lc), false);
		forget_rows(lfirst(lc), true);
	}
}
