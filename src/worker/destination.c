/*-------------------------------------------------------------------------
 *
 * destination.c
 *	  The destination of a task, which this process works for: this database,
 *	  or a server elsewhere.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "fdw/fdw_options.h"
#include "miscadmin.h"
#include "source/source.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "worker/destination.h"

static const DestRoutine *attached = NULL;
static bool disables_triggers = true;

const DestRoutine *
destination(void)
{
	return attached ? attached : &local_dest_routine;
}

void
destination_check(const char *name, const char *source, Oid role)
{
	char	   *type;
	const DestRoutine *dest;

	if (strcmp(name, DEST_LOCAL) == 0 && strcmp(source, DEST_LOCAL) != 0)
		return;
	if (is_connection_uri(name))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a destination is \"local\" or the name of a server"),
				 errhint("CREATE SERVER … TYPE 'postgresql' FOREIGN DATA WRAPPER dtsmig_fdw …; CREATE USER MAPPING …")));
	if (strcmp(name, source) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("source and destination are the same server")));
	type = connection_info(name, role)->server_type;
	dest = dest_routine_or_null(type);
	if (dest == NULL || !dest->elsewhere)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("server \"%s\" of type %s cannot be a destination", name, type),
				 errhint("A destination is local, the database that holds the extension, or a server of type postgresql, mysql or mariadb.")));
	/*
	 * its cascades are not followed at it, nor are its types mapped to its own
	 */
	if (dest->mysql_sql &&
		!source_routine(connection_info(source, role)->server_type)->own_definitions)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a task from the MySQL family to the MySQL family is not possible"),
				 errhint("Use replication of the servers themselves.")));
}

const DestRoutine *
destination_attach(const TaskRecord *task, const TaskOptions *options, Oid role,
				   bool worker)
{
	DestPlace	place = {0};
	ConnectionInfo *info;

	if (strcmp(task->destination, DEST_LOCAL) == 0)
	{
		attached = dest_routine(DEST_LOCAL);
		attached->attach(&place);
		disables_triggers = true;
		return attached;
	}
	destination_check(task->destination, task->source, role);
	info = connection_info(task->destination, role);
	info->application = psprintf("dtsmig task " INT64_FORMAT, task->id);
	place.info = info;
	place.task = psprintf(UINT64_FORMAT "/%u/" INT64_FORMAT, GetSystemIdentifier(),
						  MyDatabaseId, task->id);
	place.ledger_schema = options->ledger_schema;
	place.search_path = options->search_path;
	place.policy = &options->policy;
	place.keeps_ledger = worker;
	place.one_call = !worker;
	place.way_back = task->reverse_of != 0;
	attached = dest_routine(info->server_type);
	attached->attach(&place);
	if (worker)
	{
		DestIdentity id;

		attached->identify(&id);
		disables_triggers = id.disables_triggers;
		return attached;
	}
	else
	{
		const DestRoutine *dest = attached;

		/* it ends by itself */
		attached = NULL;
		return dest;
	}
}

const DestRoutine *
destination_routine(const TaskRecord *task, Oid role)
{
	if (strcmp(task->destination, DEST_LOCAL) == 0)
		return dest_routine(DEST_LOCAL);
	destination_check(task->destination, task->source, role);
	return dest_routine(connection_info(task->destination, role)->server_type);
}

void
destination_leave(void)
{
	if (attached != NULL)
		attached->detach();
	attached = NULL;
}

/* --------------------------------------------------------- what it has ---- */

bool
destination_has_schema(const char *schema)
{
	if (!destination()->elsewhere)
		return OidIsValid(get_namespace_oid(schema, true));
	return destination()->value(psprintf("SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = %s",
										 quote_literal_cstr(schema))) != NULL;
}

bool
destination_has_relation(const char *schema, const char *name)
{
	Oid			nspid;

	if (destination()->elsewhere)
		return destination()->value(psprintf("SELECT 1 FROM pg_catalog.pg_class c "
											 "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
											 "WHERE n.nspname = %s AND c.relname = %s",
											 quote_literal_cstr(schema),
											 quote_literal_cstr(name))) != NULL;
	nspid = get_namespace_oid(schema, true);
	return OidIsValid(nspid) && OidIsValid(get_relname_relid(name, nspid));
}

char **
destination_texts_of(const char *answer, int *n)
{
	char	  **texts;
	ArrayType  *array;
	Datum	   *values;
	bool	   *nulls;

	*n = 0;
	if (answer == NULL)
		return NULL;
	array = DatumGetArrayTypeP(OidInputFunctionCall(F_ARRAY_IN, pstrdup(answer), TEXTOID, -1));
	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, n);
	texts = palloc(sizeof(char *) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
		texts[i] = nulls[i] ? NULL : TextDatumGetCString(values[i]);
	return texts;
}

char **
destination_texts(const char *sql, int n)
{
	int			found;
	char	  **texts = destination_texts_of(destination()->value(sql), &found);

	if (texts != NULL && found != n)
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("the destination gave %d values where %d were asked for", found, n)));
	return texts;
}

char *
destination_job(int64 job_id)
{
	return psprintf("job:" INT64_FORMAT, job_id);
}

char *
destination_object(int64 object_id)
{
	return psprintf("object:" INT64_FORMAT, object_id);
}

char *
destination_delete_sql(const char *table, const char *condition)
{
	char	   *sql = destination()->empty_sql ? destination()->empty_sql(table) :
		psprintf("DELETE FROM %s", table);

	return condition ? psprintf("%s WHERE %s", sql, condition) : sql;
}

bool
destination_defers(const char *kind, bool follows)
{
	/*
	 * at a destination elsewhere foreign keys are not checked by sessions that
	 * write rows
	 */
	if (destination()->mysql_sql)
		return false;
	return follows && !disables_triggers &&
		(strcmp(kind, "foreign key") == 0 || strcmp(kind, "trigger") == 0 ||
		 strcmp(kind, "rule") == 0);
}
