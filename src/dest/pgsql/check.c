/*-------------------------------------------------------------------------
 *
 * check.c
 *	  What a verification asks of the server elsewhere: sums of rows in its own
 *	  SQL, where it can make the source's, else rows as values.
 *
 * Rows come as text, by their types' output functions: what is not known here
 * is compared as that. They are read by COPY, over a session of its own: a
 * statement is one snapshot, and nothing stays locked behind it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "core/attempt.h"
#include "core/copy_row.h"
#include "core/one_statement.h"
#include "dest/pgsql/pgsql.h"
#include "fmgr.h"
#include "schema/model.h"
#include "schema/pg_check_sql.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"

struct DestRows
{
	PgConn	   *conn;
	SourceRelation view;		/* rel->out with the columns that are read alone */
	CopyReader *reader;
	bool		ended;
};

/* An amount is a whole number, whatever lc_monetary makes of it. */
#define MONEY_AS_NUMBER "('x' || encode(cash_send(%s::money), 'hex'))::bit(64)::int8"

/* ---------------------------------------------------------------- the table */

static char *
from_of(const PgTarget *target)
{
	return psprintf("%s%s", target->partitioned ? "" : "ONLY ", target->qualified);
}

static char *
check_from(const SourceRelation *rel)
{
	return from_of(rel->out->bound);
}

/* Can the server make the source's number of a row? */
static bool
makes_digest(PgConn *conn, CheckDigest digest)
{
	switch (digest)
	{
		case CHECK_CRC32:
			return false;
		case CHECK_RECORD:
			return pg_version_num(conn) >= PG_CHECK_RECORD_VERSION && pg_is_utf8(conn);
		case CHECK_HASH64:
			return pg_version_num(conn) >= PG_CHECK_HASH64_VERSION && pg_is_utf8(conn);
		case CHECK_HASH32:
			return pg_is_utf8(conn);
	}
	return false;
}

static CheckTable *
check_table(const SourceRelation *rel, const CheckForm *forms, CheckDigest digest)
{
	const SourceRelation *out = rel->out;
	const PgTarget *target = out->bound;
	CheckTable *table = palloc0(sizeof(CheckTable));
	PgCheckColumn *columns;

	table->digest = digest;
	table->from = from_of(target);
	if (rel->nkey > 0 && forms[rel->key[0]] == CHECK_INTEGER)
		table->first_key = pstrdup(target->columns[rel->key[0]].name);
	if (!makes_digest(session_use(), digest))
		return table;
	columns = palloc0(sizeof(PgCheckColumn) * Max(rel->ncolumns, 1));
	for (int i = 0; i < rel->ncolumns; i++)
	{
		const TableColumn *def = list_nth(rel->def->columns, i);

		columns[i].form = forms[i];
		columns[i].name = target->columns[i].name;
		columns[i].has_cast = def->base_type != NULL && def->base_type[0] != '\0' &&
			target->columns[i].known;
		columns[i].not_null = rel->columns[i].target_not_null;
		columns[i].money = rel->columns[i].typid == MONEYOID;
	}
	table->number = pg_check_number(digest, columns, NULL, rel->ncolumns);
	table->bucket = rel->nkey == 0 ? table->number :
		pg_check_number(digest, columns, rel->key, rel->nkey);
	return table;
}

static char *
check_key(const SourceRelation *rel, char *const *key)
{
	const PgTarget *target;
	StringInfoData buf;

	rel = rel->out;
	target = rel->bound;
	initStringInfo(&buf);
	for (int i = 0; i < rel->nkey; i++)
	{
		const PgTargetColumn *col = &target->columns[rel->key[i]];

		appendStringInfoString(&buf, i > 0 ? " AND " : "");
		if (rel->columns[rel->key[i]].typid == MONEYOID)
			appendStringInfo(&buf, MONEY_AS_NUMBER " = " INT64_FORMAT, col->name,
							 DatumGetInt64(DirectFunctionCall1(cash_in, CStringGetDatum(key[i]))));
		else
			appendStringInfo(&buf, "%s OPERATOR(pg_catalog.=) CAST(%s AS %s)", col->name,
							 pg_quote_literal(key[i]), col->alien ? col->type : col->full_type);
	}
	return buf.data;
}

/* ----------------------------------------------------------------- answers */

static PgResult *
ask(const char *name, const char *shape, const char *sql)
{
	PgConn	   *conn = session_reader();
	PgResult   *r = pg_select(conn, name, shape, sql);

	session_reader_done(conn, true);
	return r;
}

static List *
check_sums(const char *sql)
{
	PgResult   *r = ask("sums of a table", "TTT", sql);
	List	   *sums = NIL;

	for (int i = 0; i < r->nrows; i++)
		sums = lappend(sums, check_read_sum(pg_text_or_null(r, i, 0),
											pg_text_or_null(r, i, 1),
											pg_text_or_null(r, i, 2)));
	return sums;
}

static char *
check_value(const char *sql)
{
	PgResult   *r = ask("check of a table", "T", sql);

	return r->nrows > 0 ? pg_text_or_null(r, 0, 0) : NULL;
}

static List *
check_select(const char *name, const char *shape, const char *sql)
{
	PgResult   *r = pg_select(session_use(), name, shape, sql);
	int			n = (int) strlen(shape);
	List	   *rows = NIL;

	for (int i = 0; i < r->nrows; i++)
	{
		char	  **row = palloc(sizeof(char *) * n);

		for (int c = 0; c < n; c++)
			row[c] = pg_text_or_null(r, i, c);
		rows = lappend(rows, row);
	}
	return rows;
}

/* -------------------------------------------------------------------- rows */

static DestRows *
check_open_rows(const SourceRelation *rel, const int *columns, int n,
				const char *condition)
{
	const SourceRelation *out = rel->out;
	const PgTarget *target = out->bound;
	DestRows   *rows = palloc0(sizeof(DestRows));
	SourceRelation *view = &rows->view;
	bool	   *wanted = palloc0(sizeof(bool) * Max(out->ncolumns, 1));
	StringInfoData sql;
	bool		first = true;

	for (int i = 0; i < n; i++)
		wanted[columns[i]] = true;
	*view = *out;
	view->out = view;
	view->text_rows = true;
	view->columns = palloc(sizeof(SourceColumn) * Max(out->ncolumns, 1));
	memcpy(view->columns, out->columns, sizeof(SourceColumn) * out->ncolumns);
	initStringInfo(&sql);
	appendStringInfoString(&sql, "COPY (SELECT ");
	for (int i = 0; i < out->ncolumns; i++)
	{
		SourceColumn *col = &view->columns[i];

		col->replicated = wanted[i];
		if (!wanted[i])
			continue;
		appendStringInfoString(&sql, first ? "" : ", ");
		first = false;
		if (col->typid == MONEYOID)
		{
			col->typid = INT8OID;
			col->typmod = -1;
			appendStringInfo(&sql, MONEY_AS_NUMBER, target->columns[i].name);
		}
		else
			appendStringInfoString(&sql, target->columns[i].name);
	}
	appendStringInfo(&sql, " FROM %s%s%s) TO STDOUT", from_of(target),
					 condition ? " WHERE " : "", condition ? condition : "");
	rows->reader = copy_reader_make(view);
	rows->conn = session_reader();
	pg_copy_open(rows->conn, sql.data);
	return rows;
}

static bool
check_next_row(DestRows *rows, Datum *values, bool *nulls)
{
	const char *data;
	Size		len;
	StringInfoData buf;

	if (pg_copy_next(rows->conn, &data, &len, -1) <= 0)
	{
		rows->ended = true;
		return false;
	}
	/* it is read, not written to */
	buf.data = unconstify(char *, data);
	buf.len = buf.maxlen = (int) len;
	buf.cursor = 0;
	copy_reader_read(rows->reader, &buf, values, nulls);
	return true;
}

static void
check_close_rows(DestRows *rows)
{
	session_reader_done(rows->conn, rows->ended);
}

/* ------------------------------------------------------------- expressions */

typedef struct Trying
{
	const char *table;
	const char *column;
	const char *type;
	const char *expr;
	bool		generated;
	char	   *text;
} Trying;

#define COPY_OF_TABLE "pg_temp.dtsmig_expression"

/* attempt: in a table like it, without rows, that nobody else sees */
static void
try_expression(void *arg)
{
	Trying	   *t = arg;
	PgConn	   *conn = session_use();
	char	   *alter = t->generated ?
		psprintf("ALTER TABLE " COPY_OF_TABLE " DROP COLUMN %s, ADD COLUMN %s %s GENERATED ALWAYS AS (%s) STORED",
				 t->column, t->column, t->type, t->expr) :
		psprintf("ALTER TABLE " COPY_OF_TABLE " ALTER COLUMN %s SET DEFAULT (%s)", t->column, t->expr);

	if (!is_one_statement(alter) || !is_one_statement(psprintf("SELECT (%s)", t->expr)))
		return;
	pg_runf(conn, "CREATE TEMPORARY TABLE dtsmig_expression AS SELECT * FROM %s WITH NO DATA", t->table);
	pg_run(conn, alter);
	t->text = pg_select_text_or_null(conn, "expression",
									 "SELECT pg_catalog.pg_get_expr(adbin, adrelid) FROM pg_catalog.pg_attrdef "
									 "WHERE adrelid = '" COPY_OF_TABLE "'::pg_catalog.regclass");
	pg_run(conn, "DROP TABLE " COPY_OF_TABLE);
}

static char *
check_expression(const char *table, const char *column, const char *type,
				 const char *expr, bool generated)
{
	Trying		t = {table, column, type, expr, generated, NULL};
	ErrorData  *edata = attempt(try_expression, &t);
	int			category = edata ? ERRCODE_TO_CATEGORY(edata->sqlerrcode) : 0;

	if (edata != NULL && (category == ERRCODE_TO_CATEGORY(ERRCODE_OPERATOR_INTERVENTION) ||
						  category == ERRCODE_TO_CATEGORY(ERRCODE_CONNECTION_EXCEPTION)))
		ReThrowError(edata);
	return edata == NULL ? t.text : NULL;
}

const DestCheckRoutine pgsql_check_routine = {
	.table = check_table,
	.from = check_from,
	.sums = check_sums,
	.value = check_value,
	.key = check_key,
	.open_rows = check_open_rows,
	.next_row = check_next_row,
	.close_rows = check_close_rows,
	.expression = check_expression,
	.select = check_select
};
