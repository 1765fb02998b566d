/*-------------------------------------------------------------------------
 *
 * rule.c
 *	  The keys of a rule that shape rows, out of JSON.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "transform/rule.h"

#include "core/one_statement.h"
#include "transform/shape_expr.h"

static void
bad_value(const ShapeRule *rule, const char *key, const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("\"%s\" of rule %d in objects must be %s", key, rule->number,
					what)));
}

static char *
text_of(const JsonbValue *v)
{
	return pnstrdup(v->val.string.val, v->val.string.len);
}

static char *
name_of(const ShapeRule *rule, const char *key, const JsonbValue *v)
{
	if (v->type != jbvString || v->val.string.len == 0)
		bad_value(rule, key, "made of non-empty strings");
	if (v->val.string.len >= NAMEDATALEN)
		ereport(ERROR,
				(errcode(ERRCODE_NAME_TOO_LONG),
				 errmsg("a name in \"%s\" of rule %d in objects is longer than %d bytes",
						key, rule->number, NAMEDATALEN - 1)));
	return text_of(v);
}

/* char * of an array of names; NIL with an error otherwise. */
static List *
names_of(const ShapeRule *rule, const char *key, const JsonbValue *v)
{
	List	   *names = NIL;
	JsonbIterator *it;
	JsonbIteratorToken tok;
	JsonbValue	e;

	if (v->type != jbvBinary || !JsonContainerIsArray(v->val.binary.data) ||
		JsonContainerSize(v->val.binary.data) == 0)
		bad_value(rule, key, "a non-empty array");
	it = JsonbIteratorInit(v->val.binary.data);
	while ((tok = JsonbIteratorNext(&it, &e, true)) != WJB_DONE)
		if (tok == WJB_ELEM)
			names = lappend(names, name_of(rule, key, &e));
	return names;
}

static void
add_column(ShapeRule *rule, char *name, char *target)
{
	RuleColumn *column = palloc0(sizeof(RuleColumn));
	ListCell   *lc;

	foreach(lc, rule->columns)
	{
		RuleColumn *other = lfirst(lc);

		if (target != NULL && other->target != NULL &&
			strcmp(other->target, target) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_DUPLICATE_COLUMN),
					 errmsg("rule %d of objects gives columns \"%s\" and \"%s\" one name",
							rule->number, other->name, name)));
	}
	column->name = name;
	column->target = target;
	rule->columns = lappend(rule->columns, column);
}

static void
take_columns(ShapeRule *rule, const JsonbValue *v)
{
	JsonbIterator *it;
	JsonbIteratorToken tok;
	JsonbValue	e;
	char	   *name = NULL;

	if (v->type == jbvBinary && JsonContainerIsArray(v->val.binary.data))
	{
		ListCell   *lc;

		rule->take_just = true;
		foreach(lc, names_of(rule, "columns", v))
			add_column(rule, lfirst(lc), lfirst(lc));
		return;
	}
	if (v->type != jbvBinary)
		bad_value(rule, "columns", "an object of names, or an array");
	it = JsonbIteratorInit(v->val.binary.data);
	while ((tok = JsonbIteratorNext(&it, &e, name != NULL)) != WJB_DONE)
	{
		if (tok == WJB_KEY)
			name = text_of(&e);
		else if (tok == WJB_VALUE && e.type == jbvNull)
			add_column(rule, name, NULL);
		else if (tok == WJB_VALUE)
			add_column(rule, name, name_of(rule, "columns", &e));
	}
}

static void
take_set(ShapeRule *rule, const JsonbValue *v)
{
	JsonbIterator *it;
	JsonbIteratorToken tok;
	JsonbValue	e;
	RuleSet    *set = NULL;

	if (v->type != jbvBinary || !JsonContainerIsObject(v->val.binary.data))
		bad_value(rule, "set", "an object of expressions by column");
	it = JsonbIteratorInit(v->val.binary.data);
	while ((tok = JsonbIteratorNext(&it, &e, set != NULL)) != WJB_DONE)
	{
		if (tok == WJB_KEY)
		{
			set = palloc0(sizeof(RuleSet));
			set->target = name_of(rule, "set", &e);
		}
		else if (tok == WJB_VALUE)
		{
			if (e.type != jbvString)
				bad_value(rule, "set", "an object of expressions by column; each is a string");
			set->expr = text_of(&e);
			shape_expr_check(set->expr, psprintf("\"%s\" in \"set\" of rule %d in objects",
												 set->target, rule->number));
			rule->set = lappend(rule->set, set);
		}
	}
}

static void
take_operations(ShapeRule *rule, const JsonbValue *v)
{
	static const struct
	{
		const char *name;
		uint32		bits;
	}			known[] = {
		{"insert", OPERATION_INSERT},
		{"update", OPERATION_UPDATE},
		{"delete", OPERATION_DELETE},
		{"truncate", OPERATION_TRUNCATE},
		{"ddl", OPERATION_DDL},
		{"create_table", OPERATION_CREATE_TABLE},
		{"alter_table", OPERATION_ALTER_TABLE},
		{"drop_table", OPERATION_DROP_TABLE},
		{"rename_table", OPERATION_RENAME_TABLE},
	};
	ListCell   *lc;

	rule->operations = 0;
	foreach(lc, names_of(rule, "operations", v))
	{
		uint32		bits = 0;

		for (int i = 0; i < lengthof(known); i++)
			if (strcmp(known[i].name, lfirst(lc)) == 0)
				bits = known[i].bits;
		if (bits == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("invalid operation \"%s\" in rule %d of objects",
							(char *) lfirst(lc), rule->number),
					 errhint("Operations are insert, update, delete, truncate, ddl, create_table, alter_table, drop_table and rename_table.")));
		rule->operations |= bits;
	}
}

/* A column, an array of columns, or a word. */
static void
take_distribution(ShapeRule *rule, const JsonbValue *v)
{
	static const struct
	{
		const char *word;
		RulePlacement placement;
	}			known[] = {
		{"reference", PLACEMENT_REFERENCE},
		{"random", PLACEMENT_RANDOM},
		{"local", PLACEMENT_LOCAL},
	};
	char	   *word;

	rule->placement = PLACEMENT_KEY;
	rule->distribution_key = NIL;
	if (v->type == jbvBinary)
	{
		rule->distribution_key = names_of(rule, "distribution_key", v);
		return;
	}
	if (v->type != jbvString)
		bad_value(rule, "distribution_key",
				  "a column, an array of columns, \"reference\", \"random\" or \"local\"");
	word = name_of(rule, "distribution_key", v);
	for (int i = 0; i < lengthof(known); i++)
		if (strcmp(word, known[i].word) == 0)
			rule->placement = known[i].placement;
	if (rule->placement == PLACEMENT_KEY)
		rule->distribution_key = list_make1(word);
}

/* Its first words, and that it closes what it opens, keep it a clause. */
static void
take_storage(ShapeRule *rule, const JsonbValue *v)
{
	char	   *create;

	if (v->type != jbvString || v->val.string.len == 0)
		bad_value(rule, "storage", "a string");
	rule->storage = text_of(v);
	create = psprintf("CREATE TABLE t (a int) %s", rule->storage);
	if ((pg_strncasecmp(rule->storage, "using ", 6) != 0 &&
		 pg_strncasecmp(rule->storage, "with ", 5) != 0 &&
		 pg_strncasecmp(rule->storage, "with(", 5) != 0 &&
		 pg_strncasecmp(rule->storage, "tablespace ", 11) != 0) ||
		!is_one_statement(create))
		bad_value(rule, "storage",
				  "what follows the columns in CREATE TABLE: USING …, WITH (…) or TABLESPACE …");
}

bool
rule_take(ShapeRule *rule, const char *key, const JsonbValue *v)
{
	if (strcmp(key, "columns") == 0)
		take_columns(rule, v);
	else if (strcmp(key, "filter") == 0)
	{
		if (v->type != jbvString)
			bad_value(rule, key, "a string");
		rule->filter = text_of(v);
		shape_expr_check(rule->filter, psprintf("\"filter\" of rule %d in objects",
												rule->number));
	}
	else if (strcmp(key, "set") == 0)
		take_set(rule, v);
	else if (strcmp(key, "operations") == 0)
		take_operations(rule, v);
	else if (strcmp(key, "primary_key") == 0)
		rule->primary_key = names_of(rule, key, v);
	else if (strcmp(key, "distribution_key") == 0)
		take_distribution(rule, v);
	else if (strcmp(key, "storage") == 0)
		take_storage(rule, v);
	else
		return false;
	rule->any = true;
	return true;
}
