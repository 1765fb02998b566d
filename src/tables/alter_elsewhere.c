/*-------------------------------------------------------------------------
 *
 * alter_elsewhere.c
 *	  Statements that change tables at a destination of the MySQL family.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "tables/alter_elsewhere.h"

#include "core/one_statement.h"
#include "emit/mysql/emit.h"

void
alter_elsewhere(const PlanOptions *options, TableAlter *alter)
{
	emit_alter(alter, options);
}

List *
alter_elsewhere_create(const PlanOptions *options, TableDef *def, char **why)
{
	return emit_create(def, options, why);
}

char *
alter_elsewhere_index(const PlanOptions *options, TableDef *def, const Node *tree,
				  const char *name, char **why)
{
	return emit_create_index(def, tree, name, options, why);
}

char *
alter_elsewhere_drop_table(const TableDef *def)
{
	return psprintf("DROP TABLE IF EXISTS %s.%s", emit_quote_name(def->target_schema),
					emit_quote_name(def->target_name));
}

char *
alter_elsewhere_drop_index(const char *schema, const char *name, char **why)
{
	char	   *where = psprintf("FROM information_schema.statistics WHERE table_schema = %s "
								 "AND index_name = %s AND seq_in_index = 1",
								 emit_quote(schema), emit_quote(name));
	char	   *n = select_one_value(psprintf("SELECT COUNT(*) %s", where));

	if (n == NULL || strcmp(n, "0") == 0)
		return NULL;
	if (strcmp(n, "1") != 0)
	{
		*why = psprintf("Several tables of database %s have an index %s", schema, name);
		return NULL;
	}
	return psprintf("DROP INDEX %s ON %s.%s", emit_quote_name(name), emit_quote_name(schema),
					emit_quote_name(select_one_value(psprintf("SELECT table_name %s", where))));
}
