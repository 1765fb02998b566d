/*-------------------------------------------------------------------------
 *
 * target.c
 *	  Finds the table at a server of the MySQL family that receives a relation,
 *	  and what its columns are.
 *
 * Values are in flight as what they are at the source, where that is a type
 * that is built into PostgreSQL, else as text; value.c makes literals of them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "dest/bind.h"
#include "dest/mysql/mysql.h"
#include "schema/model.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

/* From it on MySQL keeps the last of keys that are equal in JSON. */
#define LAST_KEY_VERSION 80003

static bool
is_one_of(const char *word, const char *const *words, int n)
{
	for (int i = 0; i < n; i++)
		if (strcmp(word, words[i]) == 0)
			return true;
	return false;
}

/* The type of a column in flight: what the source has; InvalidOid: not known. */
static Oid
source_typid(const SourceRelation *rel, int c)
{
	const TableColumn *def;
	HeapTuple	tup;
	Oid			typid = TEXTOID;

	if (rel->def == NULL || c >= list_length(rel->def->columns))
		return InvalidOid;
	def = list_nth(rel->def->columns, c);
	if (def->base_type == NULL || def->base_type[0] == '\0')
		return TEXTOID;
	/* their values are OIDs of what the source has */
	if (strncmp(def->base_type, "reg", 3) == 0 || strncmp(def->base_type, "_reg", 4) == 0)
		return TEXTOID;
	tup = SearchSysCache2(TYPENAMENSP, CStringGetDatum(def->base_type),
						  ObjectIdGetDatum(PG_CATALOG_NAMESPACE));
	if (HeapTupleIsValid(tup))
	{
		if (((Form_pg_type) GETSTRUCT(tup))->typtype == TYPTYPE_BASE)
			typid = ((Form_pg_type) GETSTRUCT(tup))->oid;
		ReleaseSysCache(tup);
	}
	return typid;
}

/*
 * The same of a column that a rule has added: as the destination's table has
 * it.
 */
static Oid
dest_typid(const MyColumn *column)
{
	static const char *const integers[] = {
		"tinyint", "smallint", "mediumint", "int", "bigint", "year"
	};
	static const char *const binary[] = {
		"binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"
	};

	if (is_one_of(column->type, integers, lengthof(integers)))
		return INT8OID;
	if (is_one_of(column->type, binary, lengthof(binary)))
		return BYTEAOID;
	if (strcmp(column->type, "decimal") == 0)
		return NUMERICOID;
	if (strcmp(column->type, "float") == 0 || strcmp(column->type, "double") == 0)
		return FLOAT8OID;
	if (strcmp(column->type, "date") == 0)
		return DATEOID;
	if (strcmp(column->type, "datetime") == 0 || strcmp(column->type, "timestamp") == 0)
		return TIMESTAMPOID;
	return TEXTOID;
}

/* Does its collation take texts for equal that are not the same? */
static bool
is_inexact(const char *type, const char *collation)
{
	static const char *const exact[] = {"_0900_bin", "_nopad_bin"};

	if (collation == NULL || strcmp(type, "enum") == 0 || strcmp(type, "set") == 0)
		return false;
	for (int i = 0; i < lengthof(exact); i++)
	{
		Size		len = strlen(exact[i]);

		if (strlen(collation) > len &&
			strcmp(collation + strlen(collation) - len, exact[i]) == 0)
			return false;
	}
	return strcmp(collation, "binary") != 0;
}

/* -1: there is no such column. Names that differ in case are one. */
static int
find_column(const MyResult *r, const char *name)
{
	for (int i = 0; i < my_nrows(r); i++)
		if (strcmp(my_get_text(r, i, 0), name) == 0)
			return i;
	for (int i = 0; i < my_nrows(r); i++)
		if (pg_strcasecmp(my_get_text(r, i, 0), name) == 0)
			return i;
	return -1;
}

/* generated: of columns that are generated at the destination. */
static void
bind_column(SourceRelation *rel, MyTarget *target, int c, MyConn *conn, const MyResult *r,
			bool generated)
{
	static const char *const labelled[] = {"enum", "set"};
	static const char *const floating[] = {"float", "double"};
	SourceColumn *col = &rel->columns[c];
	MyColumn   *column = &target->columns[c];
	bool		varlena;
	char	   *fsp;
	char	   *length;
	char	   *scale;
	int			i;

	bind_clear_column(col);
	if (col->target_name == NULL)
		return;
	i = find_column(r, col->target_name);
	if (i < 0)
		bind_refuse_missing_column(rel, col);
	col->generated = strstr(my_get_text(r, i, 5), "VIRTUAL") != NULL ||
		strstr(my_get_text(r, i, 5), "STORED") != NULL ||
		strstr(my_get_text(r, i, 5), "PERSISTENT") != NULL;
	if (col->generated && !generated)
		return;

	column->name = my_quote_identifier(my_get_text(r, i, 0));
	column->type = my_get_text(r, i, 2);
	column->not_null = strcmp(my_get_text(r, i, 1), "NO") == 0;
	column->inexact = is_inexact(column->type, my_get_text_or_null(r, i, 3));
	fsp = my_get_text_or_null(r, i, 4);
	column->fsp = fsp ? atoi(fsp) : 0;
	length = my_get_text_or_null(r, i, 6);
	column->length = length ? (Size) strtoull(length, NULL, 10) : 0;
	column->labels = is_one_of(column->type, labelled, lengthof(labelled)) ?
		my_get_text(r, i, 7) : NULL;
	scale = my_get_text_or_null(r, i, 8);
	column->decimals = scale && is_one_of(column->type, floating, lengthof(floating)) ?
		Min(atoi(scale), 30) : -1;
	column->json = strcmp(column->type, "json") == 0 && !my_is_mariadb(conn);
	column->first_key = my_version_num(conn) < LAST_KEY_VERSION;
	col->replicated = true;
	col->target_attnum = (AttrNumber) (i + 1);
	col->target_not_null = column->not_null;
	col->typid = source_typid(rel, c);
	if (!OidIsValid(col->typid))
		col->typid = dest_typid(column);
	col->collation = get_typcollation(col->typid);
	get_typlenbyval(col->typid, &col->typlen, &col->typbyval);
	getTypeOutputInfo(col->typid, &target->out_func[c], &varlena);
	fmgr_info_cxt(target->out_func[c], &column->output, rel->cxt);
	column->form = value_form(col->typid, column);
}

/* Does a database hold accounts and rights, or what the server knows of itself? */
static bool
is_of_server(const char *schema)
{
	static const char *const names[] = {"mysql", "sys", "information_schema",
	"performance_schema"};

	for (int i = 0; i < lengthof(names); i++)
		if (pg_strcasecmp(schema, names[i]) == 0)
			return true;
	return false;
}

/* What a table is: NULL: there is none of that name. *reason: it takes no rows. */
static char *
kind_of(MyConn *conn, const char *schema, const char *name, char **reason)
{
	MyResult   *r = my_query(conn, psprintf("SELECT t.table_type, t.engine, e.transactions "
											"FROM information_schema.tables t "
											"LEFT JOIN information_schema.engines e ON e.engine = t.engine "
											"WHERE t.table_schema = %s AND t.table_name = %s",
											my_quote_literal(schema), my_quote_literal(name)), 3);
	char	   *kind;
	char	   *transactions;

	*reason = NULL;
	if (is_of_server(schema))
	{
		*reason = psprintf("Database %s is the server's own.", schema);
		return "BASE TABLE";
	}
	if (my_nrows(r) == 0)
		return NULL;
	kind = my_get_text(r, 0, 0);
	transactions = my_get_text_or_null(r, 0, 2);
	if (strcmp(kind, "BASE TABLE") != 0)
		*reason = psprintf("It is no plain table: %s.", kind);
	else if (transactions == NULL || strcmp(transactions, "YES") != 0)
		*reason = psprintf("Its engine %s has no transactions: what is written to it cannot be taken back.",
						   my_get_text_or_null(r, 0, 1));
	return kind;
}

static MyConn *
use(void)
{
	MyConn	   *conn = mysql_use();

	mysql_several(conn, false);
	return conn;
}

char *
my_target_refuses(const char *schema, const char *table, char **hint)
{
	char	   *reason;

	(void) kind_of(use(), schema, table, &reason);
	*hint = reason ? "Rename it or ALTER TABLE … ENGINE = InnoDB, or choose another name with a rule in the task's objects." : NULL;
	return reason;
}

static void
bind_relation(SourceRelation *rel, bool generated)
{
	MyConn	   *conn = use();
	MemoryContext old = MemoryContextSwitchTo(rel->cxt);
	MyTarget   *target = palloc0(sizeof(MyTarget));
	char	   *reason;
	char	   *kind = kind_of(conn, rel->target_schema, rel->target_name, &reason);
	MyResult   *r;

	if (kind == NULL)
		bind_refuse_missing_table(rel);
	if (reason != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("\"%s.%s\" at the destination takes no rows",
						rel->target_schema, rel->target_name),
				 errdetail("%s", reason),
				 errhint("ALTER TABLE … ENGINE = InnoDB, or choose another name with a rule in the task's objects."),
				 ERR_SOURCE_TABLE(rel)));
	target->qualified = psprintf("%s.%s", my_quote_identifier(rel->target_schema),
								 my_quote_identifier(rel->target_name));
	target->columns = palloc0(sizeof(MyColumn) * Max(rel->ncolumns, 1));
	target->out_func = palloc0(sizeof(Oid) * Max(rel->ncolumns, 1));
	r = my_query(conn, psprintf("SELECT column_name, is_nullable, LOWER(data_type), collation_name, "
								"datetime_precision, UPPER(extra), "
								"COALESCE(character_maximum_length, IF(data_type = 'bit', numeric_precision, NULL)), column_type, numeric_scale "
								"FROM information_schema.columns "
								"WHERE table_schema = %s AND table_name = %s ORDER BY ordinal_position",
								my_quote_literal(rel->target_schema),
								my_quote_literal(rel->target_name)), 9);
	rel->bound = target;
	rel->target_relid = InvalidOid;
	for (int i = 0; i < rel->ncolumns; i++)
		bind_column(rel, target, i, conn, r, generated);

	bind_check_key(rel);
	MemoryContextSwitchTo(old);
}

/* See DestRoutine. A transaction is open. */
void
my_target_bind(SourceRelation *rel)
{
	bind_relation(rel, false);
}

void
my_target_bind_to_compare(SourceRelation *rel)
{
	bind_relation(rel, true);
}
