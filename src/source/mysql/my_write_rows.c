/*-------------------------------------------------------------------------
 *
 * my_write_rows.c
 *	  Foreign tables of a MySQL-family source that are written to (see
 *	  source/write.h).
 *
 *	  START TRANSACTION WITH CONSISTENT SNAPSHOT	REPEATABLE READ; a locking
 *													read and a write see what is
 *													committed by then
 *	  INSERT INTO t (a, b) VALUES (1, 'x'), …		strict, foreign keys on
 *	  SELECT … WHERE id = LAST_INSERT_ID()			what is there now
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "source/write.h"

#include "client/my_conn.h"
#include "client/my_value.h"
#include "client/my_write.h"
#include "schema/model.h"
#include "source/source.h"
#include "utils/memutils.h"

#define DUPLICATE_KEY 1062
#define DUPLICATE_KEY_NAMED 1586

static void
begin(SourceConn *source)
{
	MyConn	   *conn = (MyConn *) source;

	my_write_prepare_session(conn, my_use(conn)->server, true);
	my_query(conn, "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ", 0);
	my_query(conn, "START TRANSACTION WITH CONSISTENT SNAPSHOT", 0);
	my_use(conn)->writing = true;
}

static void
commit(SourceConn *source)
{
	MyConn	   *conn = (MyConn *) source;

	my_query(conn, "COMMIT", 0);
	my_use(conn)->writing = false;
}

static void
run(SourceConn *source, const char *sql)
{
	my_query((MyConn *) source, sql, 0);
}

/* A deadlock ends the transaction, not the statement alone. */
static bool
is_open(SourceConn *source)
{
	MyConn	   *conn = (MyConn *) source;

	return my_is_idle(conn) && my_in_transaction(conn);
}

/* ------------------------------------------------------------------- tables */

static const TableColumn *
definition(const SourceRelation *rel, int col)
{
	return list_nth(rel->def->columns, col);
}

static void
prepare(SourceConn *source, SourceRelation *rel, const TypePolicy *policy)
{
	MyConn	   *conn = (MyConn *) source;
	MemoryContext old = MemoryContextSwitchTo(rel->cxt);
	MyTarget   *target = palloc0(sizeof(MyTarget));
	MyWriter   *writer = palloc0(sizeof(MyWriter));
	char	   *reason;
	MyField    *fields;
	int			n;

	(void) my_table_kind(conn, rel->schema, rel->name, &reason);
	if (reason != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("rows of table \"%s\".\"%s\" cannot be written through a foreign table",
						rel->schema, rel->name),
				 errdetail("%s", reason),
				 errhint("Write to it at the source.")));
	writer->server = my_use(conn)->server;
	writer->place = psprintf("server \"%s\"", writer->server);
	writer->max_statement = my_write_max_statement(conn);
	writer->policy = policy;
	target->writer = writer;
	target->qualified = psprintf("%s.%s", my_quote_identifier(rel->schema),
								 my_quote_identifier(rel->name));
	target->columns = palloc0(sizeof(MyField) * Max(rel->ncolumns, 1));
	fields = my_fields(conn, rel->schema, rel->name, &n);
	for (int i = 0; i < rel->ncolumns; i++)
	{
		const SourceColumn *col = &rel->columns[i];
		int			at = my_field_find(fields, n, col->name);

		if (at < 0 || !OidIsValid(col->typid))
			continue;
		target->columns[i] = fields[at];
		target->columns[i].srid = (uint32) definition(rel, i)->srid;
		my_field_take(&target->columns[i], col->typid, rel->cxt);
	}
	rel->bound = target;
	MemoryContextSwitchTo(old);
}

static char *
table(const SourceRelation *rel, bool only)
{
	return ((const MyTarget *) rel->bound)->qualified;
}

static Size
max_statement(const SourceRelation *rel)
{
	return ((const MyTarget *) rel->bound)->writer->max_statement;
}

static void
match(StringInfo sql, const SourceRelation *rel, int col, Datum value)
{
	my_value_append_match(sql, rel, col, value, false);
}

static char *
made(const SourceRelation *rel, int col)
{
	return definition(rel, col)->auto_increment ? "LAST_INSERT_ID()" : NULL;
}

/* --------------------------------------------------------------------- rows */

static int64
write_rows(SourceConn *source, const SourceRelation *rel, StringInfo sql, bool skips)
{
	MyConn	   *conn = (MyConn *) source;
	MyDone		done;
	int			row;

	my_check_size(rel, -1, sql->len);
	if (my_execute(conn, sql->data, sql->len, 1, &done) != 1)
	{
		if (skips && my_is_idle(conn) &&
			(my_last_errno(conn) == DUPLICATE_KEY || my_last_errno(conn) == DUPLICATE_KEY_NAMED))
			return 0;
		my_raise_error(conn, "writing rows");
	}
	if (done.warnings > 0)
		my_write_check_warnings(conn, my_use(conn)->server, &row);
	return (int64) done.rows;
}

/* Has somebody else rows that point to the table's? */
static char *
referenced_by(MyConn *conn, const SourceRelation *rel, List *rels)
{
	StringInfoData others;
	ListCell   *lc;

	initStringInfo(&others);
	foreach(lc, rels)
	{
		const SourceRelation *other = lfirst(lc);

		appendStringInfo(&others, "%s(%s, %s)", lc == list_head(rels) ? "" : ", ",
						 my_quote_literal(other->schema), my_quote_literal(other->name));
	}
	return my_query_text_or_null(conn, psprintf("SELECT CONCAT(table_schema, '.', table_name) "
												"FROM information_schema.key_column_usage "
												"WHERE referenced_table_schema = %s AND referenced_table_name = %s "
												"AND (table_schema, table_name) NOT IN (%s) LIMIT 1",
												my_quote_literal(rel->schema),
												my_quote_literal(rel->name), others.data));
}

/* In any order of them. */
static void
delete_all(MyConn *conn, List *rels)
{
	ListCell   *lc;

	if (list_length(rels) > 1)
		my_query(conn, "SET SESSION foreign_key_checks = 0", 0);
	PG_TRY();
	{
		foreach(lc, rels)
		{
			StringInfoData sql;

			initStringInfo(&sql);
			appendStringInfo(&sql, "DELETE FROM %s", table(lfirst(lc), false));
			(void) write_rows((SourceConn *) conn, lfirst(lc), &sql, false);
		}
	}
	PG_FINALLY();
	{
		if (my_is_idle(conn))
			(void) my_try_query(conn, "SET SESSION foreign_key_checks = 1", 0, NULL, NULL, NULL);
	}
	PG_END_TRY();
}

/* TRUNCATE of this server commits. */
static void
empty(SourceConn *source, List *rels, bool restart, bool cascade)
{
	MyConn	   *conn = (MyConn *) source;
	ListCell   *lc;

	if (restart || cascade)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("TRUNCATE of a foreign table of a MySQL server takes neither RESTART IDENTITY nor CASCADE"),
				 errdetail("Its rows are deleted, for TRUNCATE of this server could not be rolled back."),
				 errhint("Name all tables in the statement that reference one of them.")));
	foreach(lc, rels)
	{
		const SourceRelation *rel = lfirst(lc);
		char	   *other = referenced_by(conn, rel, rels);

		if (other != NULL)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("cannot truncate table \"%s\".\"%s\": table %s has a foreign key to it",
							rel->schema, rel->name, other),
					 errhint("Name all tables in the statement that reference one of them.")));
	}
	delete_all(conn, rels);
}

const SourceWriteRoutine mysql_source_write = {
	.begin = begin,
	.commit = commit,
	.run = run,
	.is_open = is_open,
	.prepare = prepare,
	.table = table,
	.max_statement = max_statement,
	.value = my_value_append,
	.match = match,
	.made = made,
	.defaults = " () VALUES ()",
	.share = " LOCK IN SHARE MODE",
	.write = write_rows,
	.empty = empty
};
