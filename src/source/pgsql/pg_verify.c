/*-------------------------------------------------------------------------
 *
 * pg_verify.c
 *	  Tables of a PostgreSQL source summed up (see schema/check_sql.h). And
 *	  what a cutover asks of the source: who still writes, and that nobody
 *	  does.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "source/pgsql/pg_verify.h"

#include "catalog/pg_type.h"
#include "source/pgsql/pg_engine.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* ------------------------------------------------------------------ forms */

/* The first version that hashes records. */
#define RECORD_VERSION 140000

static bool
is_integer(const char *type)
{
	return type != NULL &&
		(strcmp(type, "smallint") == 0 || strcmp(type, "integer") == 0 ||
		 strcmp(type, "bigint") == 0);
}

/*
 * How a column goes into a record. Types that hash alike and are not the same
 * (-0, 1.00, intervals) go as text, and so does a column that has another type
 * here.
 */
static CheckForm
record_form(const SourceRelation *rel, int column)
{
	const SourceColumn *col = &rel->columns[column];
	const char *type = ((TableColumn *) list_nth(rel->def->columns, column))->source_type;
	bool		same = type != NULL &&
		strcmp(type, format_type_with_typemod(col->typid, col->typmod)) == 0;

	switch (col->typid)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
			return is_integer(type) ? CHECK_INTEGER : CHECK_TEXT;
		case FLOAT4OID:
		case FLOAT8OID:
			return same ? CHECK_FLOAT_BYTES : CHECK_TEXT;
		case NUMERICOID:
			return same && col->typmod >= 0 ? CHECK_HASH : CHECK_TEXT;
		case BOOLOID:
		case DATEOID:
		case TIMEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
		case UUIDOID:
		case OIDOID:
		case BYTEAOID:
		case INETOID:
		case CIDROID:
		case MACADDROID:
		case BPCHAROID:			/* a cast to text is slow */
			return same ? CHECK_HASH : CHECK_TEXT;
		default:
			return CHECK_TEXT;
	}
}

CheckForm
pg_check_form(SourceConn *conn, const SourceRelation *rel, int column)
{
	int			version = pg_version_num(((PgSource *) conn)->sql);
	bool		old = version < 120000;

	if (version >= RECORD_VERSION)
		return record_form(rel, column);
	switch (rel->columns[column].typid)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
			return CHECK_INTEGER;
		case BOOLOID:
		case NUMERICOID:
		case DATEOID:
		case TIMEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
		case UUIDOID:
		case OIDOID:
		case BITOID:
			return CHECK_OUTPUT;
		case FLOAT4OID:
		case FLOAT8OID:
			/* 0.1 or 0.10000000000000001 */
			return old ? CHECK_FLOAT_BYTES : CHECK_OUTPUT;
		case VARCHAROID:
		case NAMEOID:
			return CHECK_TEXT;
		case BYTEAOID:
			return CHECK_BYTES_DIGEST;
		default:
			return CHECK_TEXT_DIGEST;
	}
}

static char *
digest_of(CheckDigest digest, const char *text)
{
	return psprintf(digest == CHECK_HASH32 ?
					"hashtext((%s) COLLATE \"C\")::int8" :
					"hashtextextended((%s) COLLATE \"C\", 0)", text);
}

static char *
expression_of(CheckDigest digest, CheckForm form, char *name)
{
	switch (form)
	{
		case CHECK_TEXT_DIGEST:
			return digest_of(digest, psprintf("%s::text", name));
		case CHECK_BYTES_DIGEST:
			return psprintf("md5(%s)", name);
		case CHECK_FLOAT_BYTES:
			return psprintf("encode(float8send(%s::float8), 'hex')", name);
		default:
			return name;
	}
}

/* Values, flags, lengths of these columns: see check_sql.h. */
static char *
row_text(const SourceRelation *rel, CheckDigest digest, const CheckForm *forms,
		 const int *columns, int n)
{
	List	   *values = NIL;
	List	   *lengths = NIL;
	StringInfoData flags;

	initStringInfo(&flags);
	for (int i = 0; i < n; i++)
	{
		int			k = columns ? columns[i] : i;
		char	   *name = pg_quote_name(rel->columns[k].name);

		if (forms[k] == CHECK_FETCH)
			continue;
		values = lappend(values, expression_of(digest, forms[k], name));
		if (!rel->columns[k].target_not_null)
			appendStringInfo(&flags, "%s(%s IS NULL)::int",
							 flags.len > 0 ? ", " : "", name);
		if (forms[k] == CHECK_TEXT)
			lengths = lappend(lengths, psprintf("octet_length(%s::text)", name));
	}
	if (flags.len > 0)
		values = lappend(values, psprintf("concat(%s)", flags.data));
	return check_concat(list_concat(values, lengths));
}

/* The row's hash as text. */
static char *
record_text(const SourceRelation *rel, const CheckForm *forms,
			const int *columns, int n)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoString(&buf, "hash_record_extended(ROW(");
	for (int i = 0, values = 0; i < n; i++)
	{
		int			k = columns ? columns[i] : i;

		if (forms[k] == CHECK_FETCH)
			continue;
		appendStringInfo(&buf, forms[k] == CHECK_FLOAT_BYTES ? "%sfloat8send(%s::float8)" :
						 forms[k] == CHECK_INTEGER ? "%sint8send(%s::int8)" :
						 forms[k] == CHECK_TEXT ? "%s%s::text" : "%s%s",
						 values++ > 0 ? ", " : "",
						 pg_quote_name(rel->columns[k].name));
	}
	appendStringInfoString(&buf, "), 0)::text");
	return buf.data;
}

/* A number made of these columns; NULL: all. */
static char *
number_of(const SourceRelation *rel, CheckDigest digest, const CheckForm *forms,
		  const int *columns, int n)
{
	return digest_of(digest, digest == CHECK_RECORD ?
					 record_text(rel, forms, columns, n) :
					 row_text(rel, digest, forms, columns, n));
}

CheckTable *
pg_check_table(SourceConn *conn, const SourceRelation *rel,
			   const CheckForm *forms)
{
	PgConn	   *sql = ((PgSource *) conn)->sql;
	CheckTable *table = palloc0(sizeof(CheckTable));
	const char *encoding = pg_parameter(sql, "server_encoding");

	table->digest = pg_version_num(sql) < 110000 ? CHECK_HASH32 :
		pg_version_num(sql) < RECORD_VERSION ? CHECK_HASH64 : CHECK_RECORD;
	table->from = psprintf("ONLY %s", pg_quote_qualified(rel->schema, rel->name));
	if (rel->nkey > 0 && forms[rel->key[0]] == CHECK_INTEGER)
		table->first_key = pg_quote_name(rel->columns[rel->key[0]].name);
	/* digests are of the bytes that a server has */
	if (encoding == NULL || strcmp(encoding, "UTF8") != 0)
		return table;
	table->number = number_of(rel, table->digest, forms, NULL, rel->ncolumns);
	table->bucket = rel->nkey == 0 ? table->number :
		number_of(rel, table->digest, forms, rel->key, rel->nkey);
	return table;
}

/* ---------------------------------------------------------------- queries */

void
pg_check_ask(SourceConn *conn, const char *sql)
{
	pg_ask(((PgSource *) conn)->sql, sql);
}

List *
pg_check_answer(SourceConn *conn)
{
	PgResult   *res = pg_answer(((PgSource *) conn)->sql);
	List	   *sums = NIL;

	for (int i = 0; i < res->nrows; i++)
		sums = lappend(sums, check_read_sum(res->values[i][0], res->values[i][1],
											res->values[i][2]));
	return sums;
}

char *
pg_check_value(SourceConn *conn, const char *sql)
{
	return pg_query_value(((PgSource *) conn)->sql, sql);
}

char *
pg_check_key(SourceConn *conn, const SourceRelation *rel, char *const *key)
{
	StringInfoData buf;

	initStringInfo(&buf);
	for (int i = 0; i < rel->nkey; i++)
		appendStringInfo(&buf, "%s%s = %s", i > 0 ? " AND " : "",
						 pg_quote_name(rel->columns[rel->key[i]].name),
						 pg_quote_literal(key[i]));
	return buf.data;
}

/* ------------------------------------------------------- the end of writing */

char *
pg_open_writers(SourceConn *conn, char **hidden)
{
	*hidden = NULL;
	return pg_query_value(((PgSource *) conn)->sql,
						  "SELECT format('process %s (%s) has written since %s and has not committed', "
						  "pid, usename, xact_start) FROM pg_catalog.pg_stat_activity "
						  "WHERE backend_xid IS NOT NULL AND datname = current_database() "
						  "AND pid <> pg_backend_pid() "
						  "UNION ALL SELECT format('transaction %L is prepared and has not ended', gid) "
						  "FROM pg_catalog.pg_prepared_xacts "
						  "WHERE database = current_database() LIMIT 1");
}

/*
 * PostgreSQL has no switch for a database as a whole: new transactions are
 * read-only by default, also in sessions that are open. A session that sets
 * otherwise can still write.
 */
char *
pg_make_read_only(SourceConn *conn)
{
	PgConn	   *sql = ((PgSource *) conn)->sql;
	char	   *database = pg_query_value(sql, "SELECT quote_ident(current_database())");
	ErrorData  *edata;

	if (pg_try_query(sql, psprintf("ALTER DATABASE %s SET default_transaction_read_only = on",
								   database), &edata) == NULL)
		return edata->message;
	if (pg_try_query(sql, "SELECT pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity "
					 "WHERE datname = current_database() AND pid <> pg_backend_pid() "
					 "AND backend_type = 'client backend' "
					 "AND application_name !~ '^(dtsmig|dts_sync_)'", &edata) == NULL)
		return edata->message;
	return NULL;
}

bool
pg_is_read_only(SourceConn *conn)
{
	char	   *value = pg_query_value(((PgSource *) conn)->sql,
									   "SELECT pg_is_in_recovery() OR EXISTS (SELECT 1 "
									   "FROM pg_catalog.pg_db_role_setting s "
									   "JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase "
									   "WHERE d.datname = current_database() AND s.setrole = 0 "
									   "AND 'default_transaction_read_only=on' = ANY (s.setconfig))");

	return value != NULL && value[0] == 't';
}
