/*-------------------------------------------------------------------------
 *
 * pg_write.c
 *	  Foreign tables of a PostgreSQL source that are written to (see
 *	  source/write.h).
 *
 *	  BEGIN ISOLATION LEVEL REPEATABLE READ		a row that was changed since is
 *												an error (40001)
 *	  INSERT INTO t (a, b) VALUES ('1', 'x'), …
 *	  COPY (INSERT … RETURNING …) TO STDOUT		what was written, as rows are read
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "source/pgsql/pg_engine.h"
#include "source/write.h"

#include "utils/lsyscache.h"
#include "utils/memutils.h"

/* SourceRelation.bound */
typedef struct PgWrite
{
	char	   *name;			/* quoted */
	FmgrInfo   *output;			/* for each column */
} PgWrite;

static PgConn *
sql_of(SourceConn *conn)
{
	return ((PgSource *) conn)->sql;
}

/* Triggers of the table may read views. */
static void
begin(SourceConn *conn)
{
	pg_tables_only(sql_of(conn), false);
	pg_begin_transaction(conn, "");
}

static void
commit(SourceConn *conn)
{
	if (pg_is_failed(sql_of(conn)))
		ereport(ERROR,
				(errcode(ERRCODE_IN_FAILED_SQL_TRANSACTION),
				 errmsg("the transaction at the source has failed")));
	pg_run(sql_of(conn), "COMMIT");
	pg_tables_only(sql_of(conn), true);
}

static void
run(SourceConn *conn, const char *sql)
{
	pg_run(sql_of(conn), sql);
}

static bool
is_open(SourceConn *conn)
{
	return pg_is_idle(sql_of(conn)) && pg_in_transaction(sql_of(conn));
}

/* ------------------------------------------------------------------- tables */

static void
prepare(SourceConn *conn, SourceRelation *rel, const TypePolicy *policy)
{
	MemoryContext old = MemoryContextSwitchTo(rel->cxt);
	PgWrite    *write = palloc0(sizeof(PgWrite));

	write->name = pg_quote_qualified(rel->schema, rel->name);
	write->output = palloc0(sizeof(FmgrInfo) * Max(rel->ncolumns, 1));
	for (int i = 0; i < rel->ncolumns; i++)
	{
		Oid			function;
		bool		varlena;

		if (!OidIsValid(rel->columns[i].typid))
			continue;
		getTypeOutputInfo(rel->columns[i].typid, &function, &varlena);
		fmgr_info_cxt(function, &write->output[i], rel->cxt);
	}
	rel->bound = write;
	MemoryContextSwitchTo(old);
}

static char *
table(const SourceRelation *rel, bool only)
{
	const PgWrite *write = rel->bound;

	return only ? psprintf("ONLY %s", write->name) : write->name;
}

static Size
max_statement(const SourceRelation *rel)
{
	return MaxAllocSize;
}

/* Of no type yet: the source's column decides, as of a text in a file. */
static void
value(StringInfo sql, const SourceRelation *rel, int col, Datum value, bool isnull)
{
	const PgWrite *write = rel->bound;
	char	   *shown;
	char	   *quoted;

	if (isnull)
	{
		appendStringInfoString(sql, "NULL");
		return;
	}
	shown = OutputFunctionCall(&write->output[col], value);
	quoted = pg_quote_literal(shown);
	appendStringInfoString(sql, quoted);
	pfree(quoted);
	pfree(shown);
}

static void
match(StringInfo sql, const SourceRelation *rel, int col, Datum wanted)
{
	appendStringInfo(sql, "%s OPERATOR(pg_catalog.=) ", pg_quote_name(rel->columns[col].name));
	value(sql, rel, col, wanted, false);
}

static char *
made(const SourceRelation *rel, int col)
{
	return NULL;
}

/* --------------------------------------------------------------------- rows */

static int64
write_rows(SourceConn *conn, const SourceRelation *rel, StringInfo sql, bool skips)
{
	return pg_write(sql_of(conn), sql->data);
}

static SourceRows *
open_written(SourceConn *conn, SourceRelation *rel, StringInfo sql)
{
	return pg_open_written(conn, rel, sql->data);
}

static void
empty(SourceConn *conn, List *rels, bool restart, bool cascade)
{
	StringInfoData sql;
	ListCell   *lc;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "TRUNCATE ");
	foreach(lc, rels)
		appendStringInfo(&sql, "%s%s", lc == list_head(rels) ? "" : ", ",
						 table(lfirst(lc), true));
	appendStringInfo(&sql, " %s IDENTITY %s", restart ? "RESTART" : "CONTINUE",
					 cascade ? "CASCADE" : "RESTRICT");
	pg_run(sql_of(conn), sql.data);
}

const SourceWriteRoutine pgsql_source_write = {
	.begin = begin,
	.commit = commit,
	.run = run,
	.is_open = is_open,
	.prepare = prepare,
	.table = table,
	.max_statement = max_statement,
	.value = value,
	.match = match,
	.made = made,
	.defaults = " DEFAULT VALUES",
	.skip_conflicts = " ON CONFLICT DO NOTHING",
	.share = " FOR SHARE",
	.write = write_rows,
	.write_rows = open_written,
	.empty = empty
};
