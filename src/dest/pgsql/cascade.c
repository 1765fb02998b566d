/*-------------------------------------------------------------------------
 *
 * cascade.c
 *	  Follows cascades (see dest/batch/cascade.c) by SQL, as dest/local does.
 *
 * What a DELETE of parent rows does is written as sets, edge by edge:
 *
 *	  rows b (old values of the referenced columns, as texts)
 *	  DELETE FROM child USING b WHERE child.fk = b.c1 RETURNING …
 *	  -> the rows deleted, as rows b of the child's own edges, and so on
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "dest/pgsql/pgsql.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/memutils.h"

/* Rows, each an array of texts; NULL for SQL NULL. */
typedef struct TextRows
{
	int			width;
	List	   *rows;			/* char ** */
} TextRows;

/* Position of a child's column in the foreign key; -1 */
static int
fk_position(const CascadeEdge *edge, int col)
{
	for (int i = 0; i < edge->n; i++)
		if (edge->fk[i] == col)
			return i;
	return -1;
}

/* A value of b as the child's column takes it. */
static char *
rows_column(const CascadeEdge *edge, char prefix, int i)
{
	return psprintf("CAST(b.%c%d AS %s)", prefix, i + 1,
					pg_table(edge->child)->target->columns[edge->fk[i]].type);
}

/*
 * RETURNING for the edges that follow: for each its referenced columns as they
 * were, and unless the rows were deleted also as they are. How many there are.
 */
static int
append_returning(StringInfo sql, const CascadeEdge *edge, CascadeAction action)
{
	int			n = 0;
	ListCell   *lc;

	foreach(lc, edge->child->edges)
	{
		const CascadeEdge *next = lfirst(lc);

		if (!cascade_follows(edge, action, next))
			continue;
		for (int pass = 0; pass < (action == CASCADE_DELETE ? 1 : 2); pass++)
		{
			for (int i = 0; i < next->n; i++)
			{
				int			at = fk_position(edge, next->ref[i]);
				bool		changed = action != CASCADE_DELETE && at >= 0;

				appendStringInfo(sql, "%s%s", n++ > 0 ? ", " : " RETURNING ",
								 changed && pass == 0 ? rows_column(edge, 'c', at) :
								 stmt_column(edge->child, next->ref[i]));
			}
		}
	}
	return n;
}

static int
width_of(const CascadeEdge *edge, CascadeAction action)
{
	return edge->n * (action == CASCADE_UPDATE ? 2 : 1);
}

/* Builds the statement of an edge and action, if there is none. */
static void
prepare_edge(Batch *b, CascadeEdge *edge, CascadeAction action)
{
	PgEdge	   *own = pg_edge(edge);
	MemoryContext old;
	ApplyTable *child = edge->child;
	const PgTarget *target = pg_table(child)->target;
	StringInfoData sql;
	int			width = width_of(edge, action);

	if (own->sql[action] != NULL)
		return;
	old = MemoryContextSwitchTo(b->table_cxt);
	initStringInfo(&sql);
	if (action == CASCADE_DELETE)
		appendStringInfo(&sql, "DELETE FROM %s%s AS t USING ", stmt_only(child), target->qualified);
	else
	{
		appendStringInfo(&sql, "UPDATE %s%s AS t SET ", stmt_only(child), target->qualified);
		for (int i = 0; i < edge->nfk; i++)
			appendStringInfo(&sql, "%s%s = %s", i > 0 ? ", " : "",
							 target->columns[edge->fk[i]].name,
							 action == CASCADE_SET_NULL ? "NULL" : rows_column(edge, 'n', i));
		appendStringInfoString(&sql, " FROM ");
	}
	appendStringInfo(&sql, "%s(", array_rows_from(width));
	for (int i = 0; i < width; i++)
		appendStringInfo(&sql, "%s$%d::pg_catalog.text[]", i > 0 ? ", " : "", i + 1);
	appendStringInfoString(&sql, ") AS b(");
	for (int i = 0; i < width; i++)
		appendStringInfo(&sql, "%s%c%d", i > 0 ? ", " : "", i < edge->n ? 'c' : 'n',
						 i % edge->n + 1);
	appendStringInfoChar(&sql, ')');
	for (int i = 0; i < edge->n; i++)
		appendStringInfo(&sql, " %s %s OPERATOR(pg_catalog.=) %s", i > 0 ? "AND" : "WHERE",
						 stmt_column(child, edge->fk[i]), rows_column(edge, 'c', i));
	own->nout[action] = append_returning(&sql, edge, action);
	own->sql[action] = sql.data;
	own->name[action] = session_statement_name();
	MemoryContextSwitchTo(old);
}

static PgResult *
run_statement(CascadeEdge *edge, CascadeAction action, const TextRows *rows)
{
	PgEdge	   *own = pg_edge(edge);
	PgConn	   *conn = session_use();
	PgArray    *arrays = palloc(sizeof(PgArray) * rows->width);
	const char **values = palloc(sizeof(char *) * rows->width);
	int		   *lengths = palloc(sizeof(int) * rows->width);
	char	   *shape = palloc0(own->nout[action] + 1);
	ListCell   *lc;

	memset(shape, 'T', own->nout[action]);
	for (int i = 0; i < rows->width; i++)
		array_init(&arrays[i], TEXTOID, TEXTOID);
	foreach(lc, rows->rows)
	{
		char	  **row = lfirst(lc);

		for (int i = 0; i < rows->width; i++)
			array_put_text(&arrays[i], row[i]);
	}
	for (int i = 0; i < rows->width; i++)
		values[i] = array_take(&arrays[i], &lengths[i]);
	/* with an index or without: the server is to choose */
	session_by_index(false);
	if (own->session[action] != session_number())
	{
		pg_prepare(conn, own->name[action], own->sql[action]);
		own->session[action] = session_number();
	}
	if (own->nout[action] == 0)
	{
		(void) pg_execute(conn, own->name[action], rows->width, values, lengths);
		return NULL;
	}
	return pg_execute_rows(conn, own->name[action], rows->width, values, lengths,
						   "cascade", shape);
}

static void run_edge(Batch *b, CascadeEdge *edge, CascadeAction action,
					 const TextRows *rows, SourcePos pos, int depth);

/* Hands the rows that an edge's statement returned to the edges that follow. */
static void
follow(Batch *b, CascadeEdge *edge, CascadeAction action, const PgResult *r,
	   SourcePos pos, int depth)
{
	int			offset = 0;
	ListCell   *lc;

	foreach(lc, edge->child->edges)
	{
		CascadeEdge *next = lfirst(lc);
		CascadeAction next_act = cascade_next(action, next);
		int			width;

		if (!cascade_follows(edge, action, next))
			continue;
		width = next->n * (action == CASCADE_DELETE ? 1 : 2);
		if (!cascade_copy_has(next, pos))
		{
			TextRows	rows = {width_of(next, next_act), NIL};

			for (int i = 0; i < r->nrows; i++)
			{
				char	  **row = palloc0(sizeof(char *) * rows.width);

				for (int j = 0; j < Min(width, rows.width); j++)
					row[j] = pg_text_or_null(r, i, offset + j);
				rows.rows = lappend(rows.rows, row);
			}
			run_edge(b, next, next_act, &rows, pos, depth + 1);
		}
		offset += width;
	}
}

/*
 * Does an edge's action for the rows; then what follows from it. pos: where
 * the transaction of the change starts.
 */
static void
run_edge(Batch *b, CascadeEdge *edge, CascadeAction action, const TextRows *rows,
		 SourcePos pos, int depth)
{
	PgResult   *r;

	if (rows->rows == NIL)
		return;
	/* Deleted rows run out by themselves; updated ones need not. */
	if (action != CASCADE_DELETE && depth >= CASCADE_MAX_DEPTH)
		return;
	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	prepare_edge(b, edge, action);
	r = run_statement(edge, action, rows);
	if (r != NULL && r->nrows > 0)
		follow(b, edge, action, r, pos, depth);
}

static char *
text_of(const ApplyTable *table, int col, const Row *row)
{
	if (row->status[col] == COLUMN_NULL)
		return NULL;
	return OidOutputFunctionCall(table->out_func[col], row->values[col]);
}

/*
 * Puts the referenced columns of a row as the edge's action wants them; nothing
 * if it cannot have children.
 */
static void
put_refs(CascadeEdge *edge, CascadeAction action, TextRows *rows, const ApplyOp *op)
{
	char	  **row = palloc0(sizeof(char *) * rows->width);

	for (int i = 0; i < edge->n; i++)
	{
		int			col = edge->ref[i];

		if (!row_has(&op->old, col))
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("change of table \"%s.%s\" lacks column \"%s\" of the old row, which a foreign key refers to",
							edge->parent->rel->schema, edge->parent->rel->name,
							edge->parent->rel->columns[col].name),
					 errhint("Set binlog_row_image = FULL at the source, and have the table copied again."),
					 ERR_SOURCE_TABLE(edge->parent->rel)));
		if (op->old.status[col] == COLUMN_NULL)
			return;
		row[i] = text_of(edge->parent, col, &op->old);
		if (action == CASCADE_UPDATE)
			row[edge->n + i] = text_of(edge->parent, col,
									   row_has(&op->new, col) ? &op->new : &op->old);
	}
	rows->rows = lappend(rows->rows, row);
}

/* Does what DELETEs of rows of a table do to others. */
void
follow_deletes(Batch *b, ApplyTable *table, ApplyOp **ops, int nops)
{
	ListCell   *lc;
	int			i = 0;

	/* as in dest/local: position by position before a copy */
	while (i < nops)
	{
		SourcePos	pos = ops[i]->pos;
		bool		before = cascade_before_copy(b, table, pos);
		int			end = i + 1;

		while (end < nops &&
			   (before ? source_pos_cmp(ops[end]->pos, pos) == 0 :
				!cascade_before_copy(b, table, ops[end]->pos)))
			end++;
		foreach(lc, table->edges)
		{
			CascadeEdge *edge = lfirst(lc);
			TextRows	rows;

			if (edge->on_delete == CASCADE_NONE || cascade_copy_has(edge, pos))
				continue;
			rows.width = width_of(edge, edge->on_delete);
			rows.rows = NIL;
			for (int j = i; j < end; j++)
				put_refs(edge, edge->on_delete, &rows, ops[j]);
			run_edge(b, edge, edge->on_delete, &rows, pos, 0);
		}
		i = end;
	}
}

/* Does what an UPDATE of a row does to others. */
void
follow_update(Batch *b, ApplyTable *table, ApplyOp *op)
{
	ListCell   *lc;

	foreach(lc, table->edges)
	{
		CascadeEdge *edge = lfirst(lc);
		TextRows	rows;
		bool		differs = false;

		if (edge->on_update == CASCADE_NONE || cascade_copy_has(edge, op->pos))
			continue;
		for (int i = 0; i < edge->n; i++)
			differs |= cascade_value_differs(&table->rel->columns[edge->ref[i]],
											 &op->old, &op->new, edge->ref[i]);
		if (!differs)
			continue;
		rows.width = width_of(edge, edge->on_update);
		rows.rows = NIL;
		put_refs(edge, edge->on_update, &rows, op);
		run_edge(b, edge, edge->on_update, &rows, op->pos, 0);
	}
}
