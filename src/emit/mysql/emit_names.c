/*-------------------------------------------------------------------------
 *
 * emit_names.c
 *	  Names as MySQL can have them: at most 64 characters of the basic
 *	  multilingual plane, no blank at the end, and none that differs from
 *	  another by case alone (columns, indexes and constraints always; tables
 *	  where lower_case_table_names says so).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "emit/mysql/emit_internal.h"

#include "catalog/pg_collation.h"
#include "common/hashfn.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/formatting.h"

#define MAX_CHARS 64

char *
emit_quote(const char *text)
{
	return my_quote_literal(text);
}

char *
emit_quote_name(const char *name)
{
	return my_quote_identifier(name);
}

static char *
folded(const char *name)
{
	return str_tolower(name, strlen(name), DEFAULT_COLLATION_OID);
}

/* As the server takes it: NULL in *reason if it is the same. */
static char *
fit_name(const char *name, const char **reason)
{
	StringInfoData buf;
	const char *p = name;

	*reason = NULL;
	initStringInfo(&buf);
	while (*p)
	{
		int			len = pg_mblen(p);

		if (len > 3)
		{
			appendStringInfoChar(&buf, '_');
			*reason = "character";
		}
		else
			appendBinaryStringInfo(&buf, p, len);
		p += len;
	}
	if (buf.len > 0 && buf.data[buf.len - 1] == ' ')
	{
		buf.data[buf.len - 1] = '_';
		*reason = "blank";
	}
	return buf.data;
}

/* base, cut so that the suffix fits. */
static char *
with_suffix(const char *base, const char *suffix)
{
	int			room = MAX_CHARS - (int) strlen(suffix);

	return psprintf("%.*s%s", pg_mbcharcliplen(base, strlen(base), room), base, suffix);
}

/* Names in use are kept by their first bytes: a long one by a hash. */
static const char *
name_key(const char *name)
{
	int			len = strlen(name);

	if (len < NAMEDATALEN)
		return name;
	return psprintf("%016llx", (unsigned long long)
					hash_bytes_extended((const unsigned char *) name, len, 0));
}

/* The name that was wanted, else with a hash of it, which is the same each time. */
static char *
take_name(SchemaPlan *plan, const char *schema, const char *space, const char *wanted)
{
	char	   *name = with_suffix(wanted, "");
	uint32		hash = hash_bytes((const unsigned char *) wanted, strlen(wanted));

	if (strcmp(name, wanted) != 0)
		name = with_suffix(wanted, psprintf("_%08x", hash));
	for (int i = 2; !plan_name_take(plan, name_key(schema), space, name_key(folded(name))); i++)
		name = with_suffix(wanted, psprintf("_%d", i));
	return name;
}

char *
emit_unique_name(Emit *emit, const char *schema, const char *space, const char *wanted)
{
	const char *reason;

	return take_name(&emit->plan, schema, space, fit_name(wanted, &reason));
}

static void
note_name(SchemaPlan *plan, const char *kind, const char *full, const char *name,
		  const char *target, const char *reason)
{
	if (strcmp(name, target) != 0)
		plan_name_changed(plan, kind, pstrdup(full), target, reason);
}

/* What the policy makes of it, and the server can have. */
static char *
target_name(SchemaPlan *plan, const char *kind, const char *full, const char *name,
			NameCase name_case)
{
	const char *reason;
	char	   *target = fit_name(plan_name(name, name_case, false), &reason);

	note_name(plan, kind, full, name, target, reason ? reason : "case");
	return target;
}

void
emit_names(List *tables, const PlanOptions *options, List **names)
{
	SchemaPlan	plan = {0};
	ListCell   *lc;
	ListCell   *lc2;
	NameCase	name_case = options->name_case == NAME_CASE_DEFAULT ?
		NAME_CASE_SOURCE : options->name_case;

	plan.options = options;
	plan_names_init(&plan);
	foreach(lc, tables)
	{
		TableDef   *def = lfirst(lc);
		char	   *full = psprintf("%s.%s", def->schema, def->name);

		if (def->target_schema == NULL)
			def->target_schema = target_name(&plan, "schema", def->schema,
											 def->schema, name_case);
		if (def->target_name == NULL)
			def->target_name = target_name(&plan, "table", full, def->name, name_case);
		foreach(lc2, def->columns)
		{
			TableColumn *col = lfirst(lc2);

			if (col->target_name == NULL && !col->left_out)
				col->target_name = target_name(&plan, "column",
											   psprintf("%s.%s", full, col->name),
											   col->name, name_case);
			col->target_generated = col->generation_expr != NULL;
		}
	}
	if (names != NULL)
		*names = list_concat(*names, plan.names);
}

char *
emit_column_list(const EmitTable *table, List *names)
{
	StringInfoData buf;
	ListCell   *lc;

	initStringInfo(&buf);
	foreach(lc, names)
	{
		EmitColumn *c = emit_find_column(table, lfirst(lc));

		if (c == NULL || c->name == NULL)
			return NULL;
		appendStringInfo(&buf, "%s%s", buf.len ? ", " : "", c->name);
	}
	return buf.data;
}
