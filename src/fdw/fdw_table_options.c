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

static const char *const table_options[] = {"schema_name", "table_name"};

static bool
is_table_option(const char *name)
{
	for (int i = 0; i < lengthof(table_options); i++)
		if (strcmp(table_options[i], name) == 0)
			return true;
	return false;
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
		return "column_name";
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
			strcmp(def->defname, "column_name") == 0 :
			is_table_option(def->defname) || fdw_table_is_type_option(def->defname);

		if (!known)
			ereport(ERROR,
					(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
					 errmsg("invalid option \"%s\"", def->defname),
					 errhint("Valid options in this context are: %s.",
							 valid_options(catalog))));
	}
	if (catalog == ForeignTableRelationId)
		(void) fdw_table_type_options(given);
}
