/*-------------------------------------------------------------------------
 *
 * fdw_table_options.c
 *	  Options of foreign tables and their columns: what there is, validation.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fdw/fdw_table_options.h"

#include "catalog/pg_attribute.h"
#include "catalog/pg_foreign_table.h"
#include "commands/defrem.h"
#include "lib/stringinfo.h"

/* From the third on a server has them, too, for all its tables. */
static const char *const table_options[] = {
	"schema_name", "table_name", "updatable", "truncatable", "batch_size", "async_capable"
};
static const char *const column_options[] = {"column_name", "key"};

static bool
is_among(const char *name, const char *const *names, int n)
{
	for (int i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

static bool
is_table_option(const char *name)
{
	return is_among(name, table_options, lengthof(table_options));
}

/* Raises HV024 for a value that such an option cannot have. */
static void
check_value(DefElem *def)
{
	static const char *const flags[] = {"updatable", "truncatable", "async_capable", "key"};
	char	   *value = defGetString(def);
	char	   *end;
	long		n;

	if (is_among(def->defname, flags, lengthof(flags)))
		(void) defGetBoolean(def);
	if (strcmp(def->defname, "batch_size") != 0)
		return;
	errno = 0;
	n = strtol(value, &end, 10);
	if (errno != 0 || end == value || *end || n < 1 || n > FDW_BATCH_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
				 errmsg("invalid value for option \"%s\": \"%s\"", def->defname, value),
				 errhint("Valid values are %d .. %d.", 1, FDW_BATCH_MAX)));
}

/* Of the table, else of its server; NULL: of neither. */
static DefElem *
find(List *table, List *server, const char *name)
{
	List	   *lists[] = {table, server};
	ListCell   *lc;

	for (int i = 0; i < lengthof(lists); i++)
		foreach(lc, lists[i])
		{
			DefElem    *def = lfirst(lc);

			if (strcmp(def->defname, name) == 0)
				return def;
		}
	return NULL;
}

bool
fdw_table_allows(List *table, List *server, const char *name)
{
	DefElem    *def = find(table, server, name);

	return def == NULL || defGetBoolean(def);
}

int
fdw_table_batch_size(List *table, List *server)
{
	DefElem    *def = find(table, server, "batch_size");

	return def ? atoi(defGetString(def)) : FDW_BATCH_DEFAULT;
}

bool
fdw_table_is_async(List *table, List *server)
{
	DefElem    *def = find(table, server, "async_capable");

	return def != NULL && defGetBoolean(def);
}

bool
fdw_table_is_key(List *column)
{
	DefElem    *def = find(column, NIL, "key");

	return def != NULL && defGetBoolean(def);
}

bool
fdw_table_is_type_option(const char *name)
{
	int			n;
	const OptionDef *options = option_table(&n);

	for (int i = 0; i < n; i++)
		if (options[i].of_types && strcmp(options[i].name, name) == 0)
			return true;
	return false;
}

static char *
valid_options(Oid catalog)
{
	StringInfoData buf;
	int			n;
	const OptionDef *options = option_table(&n);

	if (catalog == AttributeRelationId)
		return "column_name, key";
	initStringInfo(&buf);
	for (int i = 0; i < lengthof(table_options); i++)
		appendStringInfo(&buf, "%s%s", i ? ", " : "", table_options[i]);
	for (int i = 0; i < n; i++)
		if (options[i].of_types)
			appendStringInfo(&buf, ", %s", options[i].name);
	return buf.data;
}

TaskOptions *
fdw_table_type_options(List *given)
{
	List	   *names = NIL;
	List	   *values = NIL;
	ListCell   *lc;

	foreach(lc, given)
	{
		DefElem    *def = lfirst(lc);

		if (!fdw_table_is_type_option(def->defname))
			continue;
		names = lappend(names, def->defname);
		values = lappend(values, defGetString(def));
	}
	return options_of_types(names, values, false);
}

void
fdw_table_validate(List *given, Oid catalog)
{
	ListCell   *lc;

	foreach(lc, given)
	{
		DefElem    *def = lfirst(lc);
		bool		known = catalog == AttributeRelationId ?
			is_among(def->defname, column_options, lengthof(column_options)) :
			is_table_option(def->defname) || fdw_table_is_type_option(def->defname);

		if (!known)
			ereport(ERROR,
					(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
					 errmsg("invalid option \"%s\"", def->defname),
					 errhint("Valid options in this context are: %s.",
							 valid_options(catalog))));
		check_value(def);
	}
	if (catalog == ForeignTableRelationId)
		(void) fdw_table_type_options(given);
}
