/*-------------------------------------------------------------------------
 *
 * select.c
 *	  Rules of create_task's objects.
 *
 * The most specific rule decides: one that names the table exactly beats one
 * with a wildcard, a longer pattern beats a shorter one, and the same for the
 * schema after that; of equals the later one. Tables that no rule fits are
 * left out, unless all rules only exclude.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "transform/select.h"

#include "core/position.h"
#include "utils/builtins.h"

typedef struct Rule
{
	char	   *schema;			/* pattern; "%" if not given */
	char	   *table;
	bool		exclude;
	char	   *target_schema;	/* NULL: as usual */
	char	   *target_table;
	ShapeRule	shape;
} Rule;

struct Selection
{
	int			nrules;
	Rule	   *rules;
	bool		rest;			/* tables that no rule fits are selected */
};

/* '%' stands for any characters; everything else for itself. */
static bool
pattern_fits(const char *pattern, const char *name)
{
	const char *star = NULL;
	const char *resume = NULL;

	while (*name)
	{
		if (*pattern == '%')
		{
			star = pattern++;
			resume = name;
		}
		else if (*pattern == *name)
		{
			pattern++;
			name++;
		}
		else if (star)
		{
			pattern = star + 1;
			name = ++resume;
		}
		else
			return false;
	}
	while (*pattern == '%')
		pattern++;
	return *pattern == '\0';
}

static bool
is_exact(const char *pattern)
{
	return strchr(pattern, '%') == NULL;
}

/* More than any pattern can have of characters: names have 64 at most. */
#define EXACT_WEIGHT 1000

static int
pattern_weight(const char *pattern)
{
	int			weight = is_exact(pattern) ? EXACT_WEIGHT : 0;

	for (; *pattern; pattern++)
		weight += *pattern != '%';
	return weight;
}

static char *
rule_text(const JsonbValue *v, const char *key, int n)
{
	if (v->type != jbvString || v->val.string.len == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" of rule %d in objects must be a non-empty string",
						key, n)));
	return pnstrdup(v->val.string.val, v->val.string.len);
}

static void
set_rule_key(Rule *rule, const char *key, const JsonbValue *v, int n)
{
	if (strcmp(key, "schema") == 0)
		rule->schema = rule_text(v, key, n);
	else if (strcmp(key, "table") == 0)
		rule->table = rule_text(v, key, n);
	else if (strcmp(key, "target_schema") == 0)
		rule->target_schema = rule_text(v, key, n);
	else if (strcmp(key, "target_table") == 0)
		rule->target_table = rule_text(v, key, n);
	else if (strcmp(key, "exclude") == 0 && v->type == jbvBool)
		rule->exclude = v->val.boolean;
	else if (!rule_take(&rule->shape, key, v))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid key \"%s\" in rule %d of objects", key, n),
				 errhint("Keys are schema, table, exclude (true or false), target_schema, target_table, columns, filter, set, operations, primary_key, distribution_key and storage.")));
}

static void
check_rule(Rule *rule, int n)
{
	if (rule->schema == NULL)
		rule->schema = "%";
	if (rule->table == NULL)
		rule->table = "%";
	if (rule->target_table && !is_exact(rule->table))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("rule %d of objects renames more than one table to \"%s\"",
						n, rule->target_table),
				 errhint("Name the table without a wildcard.")));
	if ((rule->target_schema && strlen(rule->target_schema) >= NAMEDATALEN) ||
		(rule->target_table && strlen(rule->target_table) >= NAMEDATALEN))
		ereport(ERROR,
				(errcode(ERRCODE_NAME_TOO_LONG),
				 errmsg("a target name in rule %d of objects is longer than %d bytes",
						n, NAMEDATALEN - 1)));
	if (rule->exclude && rule->shape.any)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("rule %d of objects excludes tables, and says what their rows look like",
						n)));
	rule->shape.exact = is_exact(rule->table);
}

Selection *
selection_parse(Jsonb *objects)
{
	Selection  *sel = palloc0(sizeof(Selection));
	JsonbIterator *it;
	JsonbValue	v;
	JsonbIteratorToken tok;
	Rule	   *rule = NULL;
	char	   *key = NULL;

	sel->rest = true;
	if (objects == NULL)
		return sel;
	if (!JB_ROOT_IS_ARRAY(objects) || JB_ROOT_IS_SCALAR(objects))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("objects must be a JSON array of rules"),
				 errhint("For example: [{\"schema\": \"shop\", \"table\": \"order%%\"}]")));
	sel->rules = palloc0(sizeof(Rule) * Max(JB_ROOT_COUNT(objects), 1));
	it = JsonbIteratorInit(&objects->root);
	while ((tok = JsonbIteratorNext(&it, &v, rule != NULL)) != WJB_DONE)
	{
		switch (tok)
		{
			case WJB_BEGIN_OBJECT:
				rule = &sel->rules[sel->nrules++];
				rule->shape.number = sel->nrules;
				rule->shape.operations = OPERATION_ALL;
				break;
			case WJB_KEY:
				key = pnstrdup(v.val.string.val, v.val.string.len);
				break;
			case WJB_VALUE:
				set_rule_key(rule, key, &v, sel->nrules);
				break;
			case WJB_END_OBJECT:
				check_rule(rule, sel->nrules);
				if (!rule->exclude)
					sel->rest = false;
				rule = NULL;
				break;
			case WJB_ELEM:
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("each element of objects must be a JSON object")));
				break;
			default:
				break;
		}
	}
	return sel;
}

static const Rule *
best_rule(const Selection *sel, const char *schema, const char *table)
{
	const Rule *best = NULL;

	for (int i = 0; i < sel->nrules; i++)
	{
		const Rule *r = &sel->rules[i];
		int			diff;

		if (!pattern_fits(r->schema, schema) || !pattern_fits(r->table, table))
			continue;
		if (best == NULL)
		{
			best = r;
			continue;
		}
		diff = pattern_weight(r->table) - pattern_weight(best->table);
		if (diff == 0)
			diff = pattern_weight(r->schema) - pattern_weight(best->schema);
		if (diff >= 0)
			best = r;
	}
	return best;
}

/*
 * Tools that alter a table online fill another one and exchange the two
 * by RENAME: pt-online-schema-change _t_new and _t_old (with more underscores
 * where those are taken), gh-ost _t_gho, _t_ghc and _t_del, with a time in it
 * perhaps. Returns the table that such a name is made of, or NULL.
 */
static char *
shadow_of(const char *table)
{
	static const char *const suffixes[] = {"_new", "_old", "_gho", "_ghc",
	"_del"};
	int			len = strlen(table);

	if (table[0] != '_')
		return NULL;
	for (int i = 0; i < lengthof(suffixes); i++)
	{
		int			base = len - (int) strlen(suffixes[i]);
		const char *start = table;
		int			digits = 0;

		if (base < 2 || strcmp(table + base, suffixes[i]) != 0)
			continue;
		while (digits < base - 1 && table[base - 1 - digits] >= '0' &&
			   table[base - 1 - digits] <= '9')
			digits++;
		if (digits == 14 && base > 16 && table[base - 15] == '_')
			base -= 15;
		while (*start == '_')
			start++;
		if (start - table < base)
			return pnstrdup(start, base - (start - table));
	}
	return NULL;
}

bool
selection_match(const Selection *sel, const char *schema, const char *table,
				char **target_schema, char **target_table)
{
	const Rule *rule = best_rule(sel, schema, table);
	char	   *base = NULL;

	*target_schema = *target_table = NULL;
	/* of another task, or of the way back of this one */
	if (strcmp(table, LEDGER_TABLE) == 0)
		return false;
	/* a shadow goes with its table, unless it is named itself */
	if (rule == NULL || !is_exact(rule->table))
		base = shadow_of(table);
	if (base != NULL)
	{
		const Rule *of_base = best_rule(sel, schema, base);

		if (of_base == NULL)
			return sel->rest;
		if (of_base->exclude)
			return false;
		*target_schema = of_base->target_schema;
		return true;
	}
	if (rule == NULL)
		return sel->rest;
	if (rule->exclude)
		return false;
	*target_schema = rule->target_schema;
	*target_table = rule->target_table;
	return true;
}

const ShapeRule *
selection_shape(const Selection *sel, const char *schema, const char *table)
{
	const Rule *rule = best_rule(sel, schema, table);

	/* a shadow becomes its table, and looks like it from the start */
	if (rule == NULL || !is_exact(rule->table))
	{
		char	   *base = shadow_of(table);

		if (base != NULL)
			rule = best_rule(sel, schema, base);
	}
	return rule != NULL && !rule->exclude && rule->shape.any ? &rule->shape : NULL;
}

bool
selection_has(const Selection *sel, const char *schema, const char *table)
{
	char	   *a;
	char	   *b;

	return selection_match(sel, schema, table, &a, &b);
}

bool
selection_schema(const Selection *sel, const char *schema, char **target)
{
	const Rule *best = NULL;

	*target = NULL;
	for (int i = 0; i < sel->nrules; i++)
	{
		const Rule *r = &sel->rules[i];

		/* a table pattern of weight 0 fits all tables */
		if (pattern_weight(r->table) == 0 && pattern_fits(r->schema, schema) &&
			(best == NULL ||
			 pattern_weight(r->schema) >= pattern_weight(best->schema)))
			best = r;
	}
	if (best == NULL)
		return sel->rest;
	if (!best->exclude)
		*target = best->target_schema;
	return !best->exclude;
}

bool
selection_takes_rest(const Selection *sel, bool *all)
{
	*all = sel->nrules == 0;
	return sel->rest;
}

List *
selection_schemas(const Selection *sel)
{
	List	   *names = NIL;

	for (int i = 0; i < sel->nrules; i++)
	{
		ListCell   *lc;
		bool		known = false;

		if (sel->rules[i].exclude || !is_exact(sel->rules[i].schema))
			continue;
		foreach(lc, names)
			known |= strcmp(lfirst(lc), sel->rules[i].schema) == 0;
		if (!known)
			names = lappend(names, sel->rules[i].schema);
	}
	return names;
}

List *
selection_unmatched(const Selection *sel, List *tables)
{
	List	   *missing = NIL;

	for (int i = 0; i < sel->nrules; i++)
	{
		const Rule *r = &sel->rules[i];
		ListCell   *lc;
		bool		found = false;

		if (r->exclude || !is_exact(r->table))
			continue;
		foreach(lc, tables)
		{
			TableDef   *def = lfirst(lc);

			found |= pattern_fits(r->schema, def->schema) &&
				strcmp(r->table, def->name) == 0;
		}
		if (!found)
			missing = lappend(missing, psprintf("%s.%s", r->schema, r->table));
	}
	return missing;
}
