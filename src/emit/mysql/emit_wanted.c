/*-------------------------------------------------------------------------
 *
 * emit_wanted.c
 *	  What the statements of a plan make, as the catalog of the destination would
 *	  say it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "emit/mysql/emit_internal.h"

/* Behind a type of text. */
#define CHARACTER_SET " CHARACTER SET"

void
emit_note_key(EmitTable *table, const IndexDefinition *index, const char *name, char *extra)
{
	EmitMadeKey *key = palloc0(sizeof(EmitMadeKey));
	ListCell   *lc;

	key->name = pstrdup(name);
	key->unique = index->is_unique || index->primary;
	foreach(lc, index->parts)
	{
		const EmitColumn *c = emit_find_column(table, ((IndexPartDefinition *) lfirst(lc))->column);

		key->columns = lappend(key->columns, c->def->col->target_name);
	}
	if (extra != NULL)
		key->columns = lappend(key->columns, extra);
	table->keys = lappend(table->keys, key);
}

/* In small letters but for what is quoted, in which a backslash is one. */
static char *
catalog_type(const char *type, const EmitTarget *target)
{
	char	   *text = palloc(strlen(type) + 1);
	char	   *at = text;
	bool		quoted = false;

	if (strcmp(type, "JSON") == 0 && target->mariadb)
		return "longtext";
	if (strncmp(type, "TINYINT(", 8) == 0)
		return "tinyint";
	while (*type != '\0' && (quoted || strncmp(type, CHARACTER_SET, strlen(CHARACTER_SET)) != 0))
	{
		if (*type == '\'')
			quoted = !quoted;
		if (quoted && type[0] == '\\' && type[1] == '\\')
			type++;
		*at++ = quoted ? *type : pg_tolower((unsigned char) *type);
		type++;
	}
	*at = '\0';
	return text;
}

static List *
made_columns(const EmitTable *table, const EmitTarget *target)
{
	List	   *columns = NIL;
	ListCell   *lc;

	foreach(lc, table->columns)
	{
		const EmitColumn *c = lfirst(lc);
		EmitMadeColumn *made;

		if (c->name == NULL)
			continue;
		made = palloc0(sizeof(EmitMadeColumn));
		made->col = c->def->col;
		made->type = catalog_type(c->type, target);
		made->generated = c->generated != NULL;
		made->not_null = c->not_null && !(made->generated && target->mariadb);
		made->auto_increment = c->auto_increment;
		made->has_default = !c->auto_increment && !made->generated && c->default_sql != NULL &&
			strcmp(c->default_sql, "NULL") != 0;
		columns = lappend(columns, made);
	}
	return columns;
}

List *
emit_wanted(SchemaDefinition *schema, const PlanOptions *options)
{
	Emit		emit;
	List	   *all = NIL;
	ListCell   *lc;

	emit_all(&emit, schema, options);
	foreach(lc, emit.tables)
	{
		const EmitTable *table = lfirst(lc);
		EmitMade   *made = palloc0(sizeof(EmitMade));

		made->table = table->def->def;
		made->columns = made_columns(table, emit.target);
		made->keys = table->keys;
		made->foreign_keys = table->foreign_keys;
		all = lappend(all, made);
	}
	return all;
}
