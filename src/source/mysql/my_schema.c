/*-------------------------------------------------------------------------
 *
 * my_schema.c
 *	  What a MySQL-family source says of its tables: a few queries of
 *	  information_schema for all tables together.
 *
 * information_schema differs between MariaDB and MySQL and between their
 * versions; where a column may be missing, the server is asked first.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/wait_event.h"

#include "source/mysql/my_schema_impl.h"

/* schema and table, with a byte between that no name has */
#define TABLE_KEY_SIZE (2 * 64 * 4 + 2)

/*
 * So often, and at this distance, tables are looked at that change meanwhile;
 * the first limit is for those without columns.
 */
#define DESCRIBE_TRIES 20
#define DESCRIBE_TRIES_NAMES 4
#define DESCRIBE_WAIT_MS 100

typedef struct TableEntry
{
	char		key[TABLE_KEY_SIZE];
	TableDef   *def;
} TableEntry;

static void
make_key(char *key, const char *schema, const char *table)
{
	snprintf(key, TABLE_KEY_SIZE, "%s\x01%s", schema, table);
}

TableDef *
my_described_table(MyDescribe *d, const char *schema, const char *table)
{
	char		key[TABLE_KEY_SIZE];
	TableEntry *entry;

	make_key(key, schema, table);
	entry = hash_search(d->by_name, key, HASH_FIND, NULL);
	return entry == NULL ? NULL : entry->def;
}

bool
my_has_column(MyDescribe *d, const char *table, const char *column)
{
	return my_query_int64(d->conn,
						  psprintf("SELECT count(*) FROM information_schema.COLUMNS"
								   " WHERE TABLE_SCHEMA = 'information_schema'"
								   " AND TABLE_NAME = %s AND COLUMN_NAME = %s",
								   my_quote_literal(table),
								   my_quote_literal(column))) > 0;
}

List *
my_list_schemas(SourceConn *conn, const ConnectionInfo *info)
{
	List	   *schemas = NIL;
	MyResult   *res;

	if (info->dbname != NULL && info->dbname[0] != '\0')
		return list_make1(pstrdup(info->dbname));
	res = my_query((MyConn *) conn,
				   "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA"
				   " WHERE lower(SCHEMA_NAME) NOT IN ('information_schema',"
				   " 'performance_schema', 'mysql', 'sys', 'ndbinfo')"
				   " ORDER BY SCHEMA_NAME", 1);
	for (int i = 0; i < my_nrows(res); i++)
		schemas = lappend(schemas, my_get_text(res, i, 0));
	return schemas;
}

bool
my_has_schema(SourceConn *conn, const char *schema)
{
	return my_nrows(my_query((MyConn *) conn,
							 psprintf("SELECT 1 FROM information_schema.SCHEMATA"
									  " WHERE SCHEMA_NAME = %s",
									  my_quote_literal(schema)), 1)) > 0;
}

static char *
schema_list(List *schemas)
{
	StringInfoData buf;
	ListCell   *lc;

	initStringInfo(&buf);
	foreach(lc, schemas)
		appendStringInfo(&buf, "%s%s", buf.len > 0 ? ", " : "",
						 my_quote_literal(lfirst(lc)));
	return buf.data;
}

static void
describe_tables(MyDescribe *d)
{
	MyResult   *res;

	res = my_query(d->conn,
				   psprintf("SELECT TABLE_SCHEMA AS s, TABLE_NAME AS t, TABLE_TYPE AS kind,"
							" ENGINE AS engine, TABLE_ROWS AS nrows,"
							" DATA_LENGTH AS bytes, AUTO_INCREMENT AS next,"
							" TABLE_COLLATION AS coll, TABLE_COMMENT AS comment"
							" FROM information_schema.TABLES"
							" WHERE TABLE_SCHEMA IN (%s)"
							" ORDER BY TABLE_SCHEMA, TABLE_NAME", d->schemas), 9);
	for (int i = 0; i < my_nrows(res); i++)
	{
		TableDef   *def = palloc0(sizeof(TableDef));
		char	   *kind = my_value(res, i, "kind");
		char		key[TABLE_KEY_SIZE];
		TableEntry *entry;

		def->schema = my_value(res, i, "s");
		def->name = my_value(res, i, "t");
		def->is_view = strcmp(kind, "VIEW") == 0;
		def->is_sequence = strcmp(kind, "SEQUENCE") == 0;
		def->system_versioned = strcmp(kind, "SYSTEM VERSIONED") == 0;
		make_key(key, def->schema, def->name);
		entry = hash_search(d->by_name, key, HASH_ENTER, NULL);
		entry->def = NULL;
		if (!def->is_view && !def->is_sequence && !def->system_versioned &&
			strcmp(kind, "BASE TABLE") != 0)
			continue;
		entry->def = def;
		def->engine = my_value_or_null(res, i, "engine");
		def->rows_estimate = my_value_int64(res, i, "nrows", 0);
		def->data_bytes = my_value_int64(res, i, "bytes", 0);
		def->auto_increment = my_value_number_or_null(res, i, "next");
		def->collation = my_value_or_null(res, i, "coll");
		if (!def->is_view)
			def->comment = my_value_or_null(res, i, "comment");
		if (def->comment != NULL && def->comment[0] == '\0')
			def->comment = NULL;
		d->tables = lappend(d->tables, def);
	}
}

static MyResult *
list_names(MyDescribe *d)
{
	return my_query(d->conn,
					psprintf("SELECT TABLE_SCHEMA, TABLE_NAME"
							 " FROM information_schema.TABLES"
							 " WHERE TABLE_SCHEMA IN (%s)", d->schemas), 2);
}

/*
 * Are these names those that were described? Servers that read a directory
 * can miss a table that is renamed meanwhile, as EXCHANGE PARTITION and RENAME
 * TABLE do.
 */
static bool
same_names(MyDescribe *d, MyResult *names)
{
	if (my_nrows(names) != hash_get_num_entries(d->by_name))
		return false;
	for (int i = 0; i < my_nrows(names); i++)
	{
		char		key[TABLE_KEY_SIZE];

		make_key(key, my_get_text(names, i, 0), my_get_text(names, i, 1));
		if (hash_search(d->by_name, key, HASH_FIND, NULL) == NULL)
			return false;
	}
	return true;
}

static void
describe_views(MyDescribe *d)
{
	MyResult   *res;

	res = my_query(d->conn,
				   psprintf("SELECT TABLE_SCHEMA AS s, TABLE_NAME AS t,"
							" VIEW_DEFINITION AS definition"
							" FROM information_schema.VIEWS"
							" WHERE TABLE_SCHEMA IN (%s)", d->schemas), 3);
	for (int i = 0; i < my_nrows(res); i++)
	{
		TableDef   *def = my_described_table(d, my_value(res, i, "s"),
											 my_value(res, i, "t"));

		if (def != NULL)
			def->view_definition = my_value_or_null(res, i, "definition");
	}
}

/* Rebuilds a PARTITION BY clause from the rows of one table, from..to-1. */
static char *
partition_clause(MyResult *res, int from, int to)
{
	StringInfoData buf;
	char	   *method = my_value(res, from, "method");
	char	   *expr = my_value_or_null(res, from, "expr");
	char	   *sub_method = my_value_or_null(res, from, "submethod");
	char	   *sub_expr = my_value_or_null(res, from, "subexpr");
	bool		listed = strstr(method, "HASH") == NULL &&
		strstr(method, "KEY") == NULL;
	char	   *last = NULL;
	int			n = 0;

	initStringInfo(&buf);
	appendStringInfo(&buf, "PARTITION BY %s (%s)", method,
					 expr == NULL ? "" : expr);
	if (sub_method != NULL)
		appendStringInfo(&buf, " SUBPARTITION BY %s (%s)", sub_method,
						 sub_expr == NULL ? "" : sub_expr);
	if (listed)
		appendStringInfoString(&buf, " (");
	for (int i = from; i < to; i++)
	{
		char	   *name = my_value(res, i, "name");
		char	   *values = my_value_or_null(res, i, "description");

		/* a row for each subpartition */
		if (last != NULL && strcmp(last, name) == 0)
			continue;
		last = name;
		n++;
		if (listed)
			appendStringInfo(&buf, "%sPARTITION %s VALUES %s (%s)",
							 n > 1 ? ", " : "", my_quote_identifier(name),
							 strstr(method, "RANGE") != NULL ? "LESS THAN" : "IN",
							 values == NULL ? "" : values);
	}
	if (listed)
		appendStringInfoChar(&buf, ')');
	else
		appendStringInfo(&buf, " PARTITIONS %d", n);
	return buf.data;
}

static void
describe_partitions(MyDescribe *d)
{
	MyResult   *res;
	int			from = 0;

	res = my_query(d->conn,
				   psprintf("SELECT TABLE_SCHEMA AS s, TABLE_NAME AS t,"
							" PARTITION_NAME AS name, PARTITION_METHOD AS method,"
							" PARTITION_EXPRESSION AS expr,"
							" SUBPARTITION_METHOD AS submethod,"
							" SUBPARTITION_EXPRESSION AS subexpr,"
							" PARTITION_DESCRIPTION AS description"
							" FROM information_schema.PARTITIONS"
							" WHERE TABLE_SCHEMA IN (%s)"
							" AND PARTITION_NAME IS NOT NULL"
							" AND PARTITION_METHOD <> 'SYSTEM_TIME'"
							" ORDER BY BINARY TABLE_SCHEMA, BINARY TABLE_NAME,"
							" PARTITION_ORDINAL_POSITION,"
							" SUBPARTITION_ORDINAL_POSITION", d->schemas), 8);
	while (from < my_nrows(res))
	{
		char	   *schema = my_value(res, from, "s");
		char	   *table = my_value(res, from, "t");
		TableDef   *def = my_described_table(d, schema, table);
		int			to = from + 1;

		while (to < my_nrows(res) && strcmp(my_value(res, to, "s"), schema) == 0 &&
			   strcmp(my_value(res, to, "t"), table) == 0)
			to++;
		if (def != NULL)
			def->partitions = partition_clause(res, from, to);
		from = to;
	}
}

/*
 * A number of a sequence's row, not past bigint. Whoever may rename tables
 * could have put another in its place, with any text in such columns.
 */
static int64
sequence_number(MyResult *res, const char *column)
{
	char	   *text = my_nrows(res) == 1 ? my_value(res, 0, column) : NULL;
	Size		digits = text ? strspn(text + (text[0] == '-'), "0123456789") : 0;

	if (digits == 0 || text[digits + (text[0] == '-')] != '\0')
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("a sequence of the source has no number as %s", column),
				 errdetail("A table may have been given its name.")));
	return strtoll(text, NULL, 10);
}

/*
 * The next value; one that has run out of its bounds goes on from where its
 * next cycle starts, or stays at its last value.
 */
static char *
sequence_next(MyResult *res)
{
	int64		next = sequence_number(res, "next_not_cached_value");
	int64		low = sequence_number(res, "minimum_value");
	int64		high = sequence_number(res, "maximum_value");
	bool		cycle = sequence_number(res, "cycle_option") != 0;

	if (next > high)
		next = cycle ? low : high;
	else if (next < low)
		next = cycle ? high : low;
	return psprintf(INT64_FORMAT, next);
}

/* A sequence is a table with one row, which says all of it. */
static void
describe_sequence(MyDescribe *d, TableDef *def)
{
	MyResult   *res;
	char	   *errmsg;
	int			my_errno;
	int64		increment;

	def->columns = NIL;
	if (!my_try_query(d->conn,
					  psprintf("SELECT * FROM %s.%s",
							   my_quote_identifier(def->schema),
							   my_quote_identifier(def->name)),
					  1, &res, &errmsg, &my_errno) || my_nrows(res) != 1)
		return;
	def->auto_increment = sequence_next(res);
	increment = sequence_number(res, "increment");
	def->sequence_options =
		psprintf("INCREMENT BY " INT64_FORMAT " MINVALUE " INT64_FORMAT
				 " MAXVALUE " INT64_FORMAT " START WITH " INT64_FORMAT "%s",
				 increment == 0 ? 1 : increment,
				 sequence_number(res, "minimum_value"),
				 sequence_number(res, "maximum_value"),
				 sequence_number(res, "start_value"),
				 sequence_number(res, "cycle_option") == 0 ? "" : " CYCLE");
}

/*
 * Application-time periods are nowhere in information_schema before MariaDB
 * 11.4; each comes with a check that its start is less than its end, and
 * SHOW CREATE TABLE shows it.
 */
static void
describe_periods(MyDescribe *d, TableDef *def)
{
	ListCell   *lc;
	bool		maybe = false;
	MyResult   *res;
	char	   *errmsg;
	int			my_errno;
	char	   *at;
	char	   *end;

	foreach(lc, def->checks)
	{
		TableCheck *check = lfirst(lc);
		int			n = 0;

		for (char *p = check->expr; *p != '\0'; p++)
			n += *p == '`' ? 1 : 0;
		maybe = maybe || (n == 4 && check->expr[0] == '`' &&
						  strstr(check->expr, "` < `") != NULL);
	}
	if (!maybe ||
		!my_try_query(d->conn,
					  psprintf("SHOW CREATE TABLE %s.%s",
							   my_quote_identifier(def->schema),
							   my_quote_identifier(def->name)),
					  2, &res, &errmsg, &my_errno) ||
		my_nrows(res) != 1)
		return;
	at = strstr(my_get_text(res, 0, 1), "\n  PERIOD FOR ");
	if (at == NULL)
		return;
	at += strlen("\n  PERIOD FOR ");
	end = strchr(at, '\n');
	if (end == NULL)
		return;
	def->periods = pnstrdup(at, end - at - (end[-1] == ',' ? 1 : 0));
}

/*
 * Marks tables that information_schema lists and shows no columns of, and says
 * whether there are any. It does so for a moment while a table is altered
 * (EXCHANGE PARTITION, for one), and always for one that the server cannot
 * open.
 */
static bool
mark_unreadable(MyDescribe *d)
{
	ListCell   *lc;
	bool		any = false;

	foreach(lc, d->tables)
	{
		TableDef   *def = lfirst(lc);

		def->unreadable = def->columns == NIL && !def->is_view &&
			!def->is_sequence;
		any |= def->unreadable;
	}
	return any;
}

typedef enum Fit
{
	FIT_WELL,
	FIT_NAMES,					/* tables came or went meanwhile */
	FIT_COLUMNS					/* a table shows no columns */
} Fit;

/* Do the answers fit together? */
static Fit
describe_all(MyDescribe *d)
{
	ListCell   *lc;
	HASHCTL		ctl = {0};
	MyResult   *before = list_names(d);
	bool		same;

	ctl.keysize = TABLE_KEY_SIZE;
	ctl.entrysize = sizeof(TableEntry);
	ctl.hcxt = CurrentMemoryContext;
	d->by_name = hash_create("described tables", 256, &ctl,
							 HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
	d->tables = NIL;
	describe_tables(d);
	my_describe_columns(d);
	my_describe_indexes(d);
	my_describe_foreign_keys(d);
	my_describe_checks(d);
	describe_views(d);
	describe_partitions(d);
	foreach(lc, d->tables)
	{
		TableDef   *def = lfirst(lc);

		if (def->is_sequence)
			describe_sequence(d, def);
		else if (d->mariadb && def->checks != NIL)
			describe_periods(d, def);
		if (d->mariadb)
			my_describe_distances(d, def);
	}
	same = same_names(d, before) && same_names(d, list_names(d));
	hash_destroy(d->by_name);
	return mark_unreadable(d) ? FIT_COLUMNS : same ? FIT_WELL : FIT_NAMES;
}

List *
my_describe(SourceConn *conn, List *schemas)
{
	MyDescribe	d = {0};

	if (schemas == NIL)
		return NIL;
	d.conn = (MyConn *) conn;
	d.mariadb = my_is_mariadb(d.conn);
	d.version = my_version_num(d.conn);
	d.schemas = schema_list(schemas);

	/* MySQL 8 caches AUTO_INCREMENT and sizes for a day otherwise */
	if (!d.mariadb && d.version >= 80000)
		(void) my_query(d.conn, "SET SESSION information_schema_stats_expiry = 0", 0);

	for (int i = 0; i < DESCRIBE_TRIES; i++)
	{
		Fit			fit = describe_all(&d);

		if (fit == FIT_WELL || (fit == FIT_NAMES && i >= DESCRIBE_TRIES_NAMES))
			break;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 DESCRIBE_WAIT_MS, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
	return d.tables;
}

/* Names of a table that is renamed or dropped meanwhile are looked for no more. */
TableDef *
my_describe_table(SourceConn *conn, const char *schema, const char *table)
{
	MyDescribe	d = {0};
	HASHCTL		ctl = {0};
	TableDef   *def;

	d.conn = (MyConn *) conn;
	d.mariadb = my_is_mariadb(d.conn);
	d.version = my_version_num(d.conn);
	/* goes into TABLE_SCHEMA IN (%s) */
	d.schemas = psprintf("%s) AND TABLE_NAME IN (%s", my_quote_literal(schema),
						 my_quote_literal(table));
	ctl.keysize = TABLE_KEY_SIZE;
	ctl.entrysize = sizeof(TableEntry);
	ctl.hcxt = CurrentMemoryContext;
	d.by_name = hash_create("described table", 16, &ctl,
							HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
	describe_tables(&d);
	if (d.tables != NIL)
	{
		my_describe_columns(&d);
		my_describe_indexes(&d);
		if (d.mariadb)			/* which of its columns are JSON */
			my_describe_checks(&d);
		(void) mark_unreadable(&d);
	}
	def = d.tables == NIL ? NULL : linitial(d.tables);
	hash_destroy(d.by_name);
	return def;
}
