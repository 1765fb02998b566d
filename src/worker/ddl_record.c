/*-------------------------------------------------------------------------
 *
 * ddl_record.c
 *	  Reads what a source's capture records of a DDL statement.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "core/ddl_settings.h"
#include "source/source.h"
#include "worker/ddl_record.h"

#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"

static JsonbValue *
field_of(JsonbContainer *object, const char *key)
{
	JsonbValue *buf = palloc(sizeof(JsonbValue));
	JsonbValue *value;

	if (!JsonContainerIsObject(object))
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("record of a DDL statement is malformed at \"%s\"", key)));
	value = getKeyJsonValueFromContainer(object, key, strlen(key), buf);
	return value == NULL || value->type == jbvNull ? NULL : value;
}

static char *
value_text(const JsonbValue *v)
{
	if (v == NULL)
		return NULL;
	if (v->type == jbvString)
		return pnstrdup(v->val.string.val, v->val.string.len);
	if (v->type == jbvNumeric)
		return DatumGetCString(DirectFunctionCall1(numeric_out,
												   NumericGetDatum(v->val.numeric)));
	return NULL;
}

static char *
text_of(JsonbContainer *object, const char *key)
{
	return value_text(field_of(object, key));
}

static int
int_of(JsonbContainer *object, const char *key)
{
	char	   *text = text_of(object, key);

	return text ? pg_strtoint32(text) : 0;
}

static bool
bool_of(JsonbContainer *object, const char *key)
{
	JsonbValue *v = field_of(object, key);

	return v != NULL && v->type == jbvBool && v->val.boolean;
}

/* JsonbValue * of an array; NIL if there is none. */
static List *
array_of(JsonbContainer *object, const char *key)
{
	JsonbValue *v = field_of(object, key);
	List	   *list = NIL;

	if (v == NULL || v->type != jbvBinary ||
		!JsonContainerIsArray(v->val.binary.data))
		return NIL;
	for (uint32 i = 0; i < JsonContainerSize(v->val.binary.data); i++)
		list = lappend(list, getIthJsonbValueFromContainer(v->val.binary.data, i));
	return list;
}

static List *
texts_of(JsonbContainer *object, const char *key)
{
	List	   *list = NIL;
	ListCell   *lc;

	foreach(lc, array_of(object, key))
	{
		char	   *text = value_text(lfirst(lc));

		if (text != NULL)
			list = lappend(list, text);
	}
	return list;
}

/* JsonbContainer * of an array of objects */
static List *
objects_of(JsonbContainer *object, const char *key)
{
	List	   *list = NIL;
	ListCell   *lc;

	foreach(lc, array_of(object, key))
	{
		JsonbValue *v = lfirst(lc);

		if (v->type == jbvBinary && JsonContainerIsObject(v->val.binary.data))
			list = lappend(list, v->val.binary.data);
	}
	return list;
}

pg_noreturn static void lacks(const char *what);

static void
lacks(const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROTOCOL_VIOLATION),
			 errmsg("record of a DDL statement lacks %s", what),
			 errhint("The table of the capture at the source was written by hand. " SOURCE_NEW_TASK_HINT)));
}

static DdlObject *
read_object(JsonbContainer *c)
{
	DdlObject  *o = palloc0(sizeof(DdlObject));

	o->type = text_of(c, "type");
	o->schema = text_of(c, "schema");
	o->table = text_of(c, "table");
	o->identity = text_of(c, "identity");
	o->owner = text_of(c, "owner");
	if (o->type == NULL)
		lacks("the type of an object");
	return o;
}

static DdlDropped *
read_dropped(JsonbContainer *c)
{
	DdlDropped *d = palloc0(sizeof(DdlDropped));

	d->type = text_of(c, "type");
	d->schema = text_of(c, "schema");
	d->table = text_of(c, "table");
	d->name = text_of(c, "name");
	d->identity = text_of(c, "identity");
	d->source_id = text_of(c, "oid");
	d->original = bool_of(c, "original");
	d->normal = bool_of(c, "normal");
	if (d->type == NULL || d->identity == NULL)
		lacks("the identity of an object");
	return d;
}

/*
 * A record is what the source says: what is needed must be in it, and what the
 * destination decides must not.
 */
static void
check_table(TableDef *def)
{
	ListCell   *lc;
	ListCell   *lc2;

	if (def->schema == NULL || def->name == NULL)
		lacks("the name of a table");
	if (def->engine == NULL)
		lacks("the persistence of a table");
	def->target_schema = def->target_name = NULL;
	def->merged = def->is_view = def->is_sequence = def->unreadable = false;
	foreach(lc, def->columns)
	{
		TableColumn *col = lfirst(lc);

		if (col->name == NULL)
			lacks("the name of a column");
		if (col->source_type == NULL || col->base_type == NULL ||
			col->pg_type == NULL)
			lacks("the type of a column");
		col->target_name = col->origin = NULL;
		col->left_out = false;
	}
	foreach(lc, def->indexes)
	{
		TableIndex *index = lfirst(lc);

		if (index->name == NULL || index->target_name == NULL)
			lacks("the name of an index");
		if (index->kind != INDEX_PRIMARY && index->kind != INDEX_UNIQUE)
			lacks("the kind of an index");
		if (index->parts == NIL)
			lacks("the columns of an index");
		foreach(lc2, index->parts)
		{
			IndexPart  *part = lfirst(lc2);

			if (part->column == NULL ||
				model_find_column(def, part->column) == NULL)
				lacks("a column of an index");
		}
	}
	def->foreign_keys = def->checks = NIL;
}

static DdlTableState *
read_table(JsonbContainer *c, List *added)
{
	DdlTableState *t = palloc0(sizeof(DdlTableState));
	ListCell   *lc;

	t->def = model_from_container(c);
	check_table(t->def);
	foreach(lc, objects_of(c, "columns"))
		t->missing = lappend(t->missing, text_of(lfirst(lc), "missing"));
	foreach(lc, added)
		t->added |= t->def->source_id != NULL &&
			strcmp(lfirst(lc), t->def->source_id) == 0;
	return t;
}

static List *
read_settings(JsonbContainer *record)
{
	JsonbValue *v = field_of(record, "settings");
	List	   *settings = NIL;

	if (v == NULL || v->type != jbvBinary)
		return NIL;
	for (int i = 0; ddl_setting_names[i] != NULL; i++)
	{
		DdlSetting *s = palloc(sizeof(DdlSetting));

		s->name = pstrdup(ddl_setting_names[i]);
		s->value = text_of(v->val.binary.data, s->name);
		if (s->value != NULL)
			settings = lappend(settings, s);
	}
	return settings;
}

/*
 * Who ran it: only of what the client itself ran is that certain. A function may
 * be somebody's who lent it other rights.
 */
static void
read_caller(DdlRecord *r, JsonbContainer *c)
{
	char	   *role = text_of(c, "role");

	if (!bool_of(c, "direct"))
		return;
	r->caller = role != NULL && strcmp(role, "none") != 0 ? role :
		text_of(c, "user");
	r->caller_super = r->caller != NULL && bool_of(c, "superuser");
}

DdlRecord *
ddl_record_parse(const char *json)
{
	Jsonb	   *jb = DatumGetJsonbP(DirectFunctionCall1(jsonb_in,
														CStringGetDatum(json)));
	JsonbContainer *c = &jb->root;
	DdlRecord  *r = palloc0(sizeof(DdlRecord));
	List	   *added;
	ListCell   *lc;

	r->tag = text_of(c, "tag");
	r->text = text_of(c, "text");
	r->from = text_of(c, "from");
	r->name = text_of(c, "name");
	r->nth = int_of(c, "nth");
	r->nth_name = int_of(c, "nth_name");
	r->place = int_of(c, "statement");
	r->failure = text_of(c, "failure");
	r->rewrite = text_of(c, "rewrite");
	r->path = texts_of(c, "path");
	read_caller(r, c);
	r->settings = read_settings(c);
	added = texts_of(c, "added");
	foreach(lc, objects_of(c, "objects"))
		r->objects = lappend(r->objects, read_object(lfirst(lc)));
	foreach(lc, objects_of(c, "dropped"))
		r->dropped = lappend(r->dropped, read_dropped(lfirst(lc)));
	foreach(lc, objects_of(c, "tables"))
		r->tables = lappend(r->tables, read_table(lfirst(lc), added));
	if (r->tag == NULL)
		lacks("its tag");
	if (r->from == NULL)
		r->from = "unknown";
	return r;
}
