/*-------------------------------------------------------------------------
 *
 * target.c
 *	  Finds the table at a server of the MySQL family that receives a relation,
 *	  and what its columns are.
 *
 * Values are in flight as what they are at the source, where that is a type
 * that is built into PostgreSQL, else as text; my_value.c makes literals of them.
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
dest_typid(const MyField *field)
{
	if (my_field_is_type(field, " tinyint smallint mediumint int bigint year "))
		return INT8OID;
	if (my_field_is_type(field, " binary varbinary tinyblob blob mediumblob longblob "))
		return BYTEAOID;
	if (strcmp(field->type, "decimal") == 0)
		return NUMERICOID;
	if (strcmp(field->type, "float") == 0 || strcmp(field->type, "double") == 0)
		return FLOAT8OID;
	if (strcmp(field->type, "date") == 0)
		return DATEOID;
	if (strcmp(field->type, "datetime") == 0 || strcmp(field->type, "timestamp") == 0)
		return TIMESTAMPOID;
	return TEXTOID;
}

/* generated: of columns that are generated at the destination. */
static void
bind_column(SourceRelation *rel, MyTarget *target, int c, const MyField *fields, int n,
			bool generated)
{
	SourceColumn *col = &rel->columns[c];
	MyField    *field = &target->columns[c];
	bool		varlena;
	int			i;

	bind_clear_column(col);
	if (col->target_name == NULL)
		return;
	i = my_field_find(fields, n, col->target_name);
	if (i < 0)
		bind_refuse_missing_column(rel, col);
	col->generated = fields[i].generated;
	if (col->generated && !generated)
		return;

	*field = fields[i];
	col->replicated = true;
	col->target_attnum = (AttrNumber) (i + 1);
	col->target_not_null = field->not_null;
	col->typid = source_typid(rel, c);
	if (!OidIsValid(col->typid))
		col->typid = dest_typid(field);
	col->collation = get_typcollation(col->typid);
	get_typlenbyval(col->typid, &col->typlen, &col->typbyval);
	getTypeOutputInfo(col->typid, &target->out_func[c], &varlena);
	my_field_take(field, col->typid, rel->cxt);
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

	(void) my_table_kind(use(), schema, table, &reason);
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
	char	   *kind = my_table_kind(conn, rel->target_schema, rel->target_name, &reason);
	MyField    *fields;
	int			n;

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
	target->columns = palloc0(sizeof(MyField) * Max(rel->ncolumns, 1));
	target->out_func = palloc0(sizeof(Oid) * Max(rel->ncolumns, 1));
	target->writer = mysql_writer();
	fields = my_fields(conn, rel->target_schema, rel->target_name, &n);
	rel->bound = target;
	rel->target_relid = InvalidOid;
	for (int i = 0; i < rel->ncolumns; i++)
		bind_column(rel, target, i, fields, n, generated);

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
