/*-------------------------------------------------------------------------
 *
 * pg_record.c
 *	  Rows of the capture of DDL at a PostgreSQL source as changes, and the
 *	  little that the stream itself reads of a record. worker/ddl_record.c
 *	  reads the rest.
 *
 * A record is what the source says: any text, and any tree of JSON.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "source/pgsql/pg_engine.h"

#include "utils/builtins.h"
#include "utils/jsonb.h"

bool
pg_capture_change(int ncolumns, char *const *names, char *const *values,
				  const char *stream_name, Change *change)
{
	const char *id = NULL;
	const char *record = NULL;

	for (int i = 0; i < ncolumns; i++)
	{
		if (strcmp(names[i], "id") == 0)
			id = values[i];
		else if (strcmp(names[i], "record") == 0)
			record = values[i];
	}
	if (id == NULL || record == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("a row of the capture of DDL lacks a column"),
				 errhint("Table %s.%s at the source was changed by hand; the task has to be created again: " SOURCE_NEW_TASK_HINT,
						 PG_CAPTURE_SCHEMA, stream_name)));
	change->kind = CHANGE_DDL;
	change->rel = NULL;
	change->ddl = NULL;
	change->ddl_error = NULL;
	change->ddl_schema = pstrdup("");
	change->ddl_sql = NULL;
	change->ddl_before = psprintf("%s/%s", stream_name, id);
	change->ddl_record = pstrdup(record);
	return true;
}

static char *
text_of(JsonbContainer *object, const char *key)
{
	JsonbValue	buf;
	JsonbValue *v = getKeyJsonValueFromContainer(object, key, strlen(key), &buf);

	if (v == NULL || v->type != jbvString)
		return NULL;
	return pnstrdup(v->val.string.val, v->val.string.len);
}

void
pg_capture_renames(const char *record, CaptureRename renamed, void *arg)
{
	Jsonb	   *jb;
	JsonbValue	buf;
	JsonbValue *tables;
	char	   *tag;

	/* a look that costs less, at a statement that is rare */
	if (strstr(record, "ALTER SCHEMA") == NULL)
		return;
	jb = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(record)));
	if (!JB_ROOT_IS_OBJECT(jb))
		return;
	tag = text_of(&jb->root, "tag");
	tables = getKeyJsonValueFromContainer(&jb->root, "tables", strlen("tables"),
										  &buf);
	if (tag == NULL || strcmp(tag, "ALTER SCHEMA") != 0 || tables == NULL ||
		tables->type != jbvBinary || !JsonContainerIsArray(tables->val.binary.data))
		return;
	for (uint32 i = 0; i < JsonContainerSize(tables->val.binary.data); i++)
	{
		JsonbValue *t = getIthJsonbValueFromContainer(tables->val.binary.data, i);
		char	   *id;
		char	   *schema;
		char	   *name;

		if (t->type != jbvBinary || !JsonContainerIsObject(t->val.binary.data))
			continue;
		id = text_of(t->val.binary.data, "source_id");
		schema = text_of(t->val.binary.data, "schema");
		name = text_of(t->val.binary.data, "name");
		if (id && schema && name)
			renamed(arg, atooid(id), schema, name);
	}
}
