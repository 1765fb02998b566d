/*-------------------------------------------------------------------------
 *
 * api_definition.c
 *	  A task as jsonb, from which it can be made again elsewhere. Server and
 *	  user mapping are not part of it: they hold passwords.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/jsonb.h"

#include "catalog/pg_type.h"
#include "store/task.h"

DTS_FUNCTION(dtsmig_task_definition);
DTS_FUNCTION(dtsmig_create_task_again);

extern Datum dtsmig_create_task(PG_FUNCTION_ARGS);

/* The arguments of create_task, in their order. */
static const char *const keys[] = {"name", "source", "destination",
	"migration_types", "objects", "options"};

#define MIGRATION_TYPES 3
#define OBJECTS 4

Datum
dtsmig_task_definition(PG_FUNCTION_ARGS)
{
	TaskRecord *task = task_load(text_to_cstring(PG_GETARG_TEXT_PP(0)), false);

	task_check_owner(task);
	PG_RETURN_JSONB_P(task_definition(task->id));
}

static void
refuse(const char *key, const char *wanted)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("\"%s\" in a task's definition must be %s", key, wanted),
			 errhint("task_definition shows what a definition looks like.")));
}

static Datum
text_of(const JsonbValue *v)
{
	return PointerGetDatum(cstring_to_text_with_len(v->val.string.val,
													v->val.string.len));
}

/* text[] of an array of strings */
static Datum
text_array(const char *key, JsonbValue *v)
{
	ArrayBuildState *state = initArrayResult(TEXTOID, CurrentMemoryContext, false);
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	elem;

	if (v->type != jbvBinary || !JsonContainerIsArray(v->val.binary.data) ||
		JsonContainerIsScalar(v->val.binary.data))
		refuse(key, "an array of strings");
	it = JsonbIteratorInit(v->val.binary.data);
	while ((token = JsonbIteratorNext(&it, &elem, true)) != WJB_DONE)
	{
		if (token != WJB_ELEM)
			continue;
		if (elem.type != jbvString)
			refuse(key, "an array of strings");
		state = accumArrayResult(state, text_of(&elem), false, TEXTOID,
								 CurrentMemoryContext);
	}
	return makeArrayResult(state, CurrentMemoryContext);
}

/* An argument of create_task; what is not said has its default. */
static Datum
argument(Jsonb *definition, int i, bool *isnull)
{
	JsonbValue *v = getKeyJsonValueFromContainer(&definition->root, keys[i],
												 strlen(keys[i]), NULL);

	*isnull = v == NULL || v->type == jbvNull;
	if (*isnull && i == MIGRATION_TYPES)
	{
		*isnull = false;
		return OidInputFunctionCall(F_ARRAY_IN, "{schema,full,incremental}", TEXTOID, -1);
	}
	if (*isnull)
		return (Datum) 0;
	if (i == MIGRATION_TYPES)
		return text_array(keys[i], v);
	if (i >= OBJECTS)
		return JsonbPGetDatum(JsonbValueToJsonb(v));
	if (v->type != jbvString)
		refuse(keys[i], "a string");
	return text_of(v);
}

static void
check_keys(Jsonb *definition)
{
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	v;

	if (!JB_ROOT_IS_OBJECT(definition))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a task's definition must be an object"),
				 errhint("task_definition shows what a definition looks like.")));
	it = JsonbIteratorInit(&definition->root);
	while ((token = JsonbIteratorNext(&it, &v, true)) != WJB_DONE)
	{
		bool		known = false;

		if (token != WJB_KEY)
			continue;
		for (int i = 0; i < lengthof(keys); i++)
			known |= v.val.string.len == strlen(keys[i]) &&
				memcmp(v.val.string.val, keys[i], v.val.string.len) == 0;
		if (!known)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("invalid key \"%.*s\" in a task's definition",
							v.val.string.len, v.val.string.val),
					 errhint("Its keys are name, source, destination, migration_types, objects and options.")));
	}
}

Datum
dtsmig_create_task_again(PG_FUNCTION_ARGS)
{
	Jsonb	   *definition = PG_GETARG_JSONB_P(0);
	LOCAL_FCINFO(call, lengthof(keys));

	check_keys(definition);
	InitFunctionCallInfoData(*call, fcinfo->flinfo, lengthof(keys), InvalidOid, NULL, NULL);
	for (int i = 0; i < lengthof(keys); i++)
		call->args[i].value = argument(definition, i, &call->args[i].isnull);
	return dtsmig_create_task(call);
}
