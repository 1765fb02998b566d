/*-------------------------------------------------------------------------
 *
 * plan_keys.c
 *	  One type for both ends of every foreign key.
 *
 * The type map looks at one column; a foreign key ties two. BIGINT UNSIGNED
 * AUTO_INCREMENT becomes bigint (an identity cannot be numeric), so every
 * BIGINT UNSIGNED that refers to it, directly or through other keys, must
 * follow. Columns tied together form a group (union and find), and each group
 * gets one type.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "schema/mysql_types.h"
#include "schema/plan_internal.h"

typedef struct KeyColumn
{
	TableDef   *def;
	TableColumn *col;
	PlanNotes  *notes;
	bool		referenced;
	int			root;			/* index; its own: the root of a group */
} KeyColumn;

typedef struct KeyColumns
{
	int			n;
	int			room;
	KeyColumn  *a;
} KeyColumns;

/* Integer types, from narrow to wide. */
static const char *const integer_types[] = {"boolean", "smallint", "integer",
"bigint", "numeric(20,0)"};

#define RANK_SMALLINT 1
#define RANK_BIGINT 3
#define RANK_NUMERIC 4

static int
integer_rank(const char *pg_type)
{
	for (int i = 0; i < lengthof(integer_types); i++)
	{
		if (strcmp(pg_type, integer_types[i]) == 0)
			return i;
	}
	return -1;
}

static int
find_root(KeyColumns *keys, int i)
{
	while (keys->a[i].root != i)
		i = keys->a[i].root = keys->a[keys->a[i].root].root;
	return i;
}

static int
add_column(SchemaPlan *state, KeyColumns *keys, TableDef *def,
		   TableColumn *col)
{
	KeyColumn  *k;

	for (int i = 0; i < keys->n; i++)
	{
		if (keys->a[i].col == col)
			return i;
	}
	if (keys->n == keys->room)
	{
		keys->room = Max(64, keys->room * 2);
		keys->a = keys->a == NULL ?
			palloc(sizeof(KeyColumn) * keys->room) :
			repalloc(keys->a, sizeof(KeyColumn) * keys->room);
	}
	k = &keys->a[keys->n];
	k->def = def;
	k->col = col;
	k->referenced = false;
	k->root = keys->n;
	k->notes = NULL;
	for (int i = 0; i < list_length(state->tables); i++)
	{
		if (list_nth(state->tables, i) == def)
			k->notes = &state->table_notes[i];
	}
	return keys->n++;
}

static void
tie_foreign_key(SchemaPlan *state, KeyColumns *keys, TableDef *def,
				TableForeignKey *fk)
{
	TableDef   *parent = plan_find_table(state->tables, fk->ref_schema,
										 fk->ref_table);
	ListCell   *lc;
	ListCell   *lc2;

	if (parent == NULL)
		return;
	forboth(lc, fk->columns, lc2, fk->ref_columns)
	{
		TableColumn *col = model_find_column(def, lfirst(lc));
		TableColumn *ref = model_find_column(parent, lfirst(lc2));
		int			a;
		int			b;

		if (col == NULL || ref == NULL || col->target_name == NULL ||
			ref->target_name == NULL)
			continue;
		a = add_column(state, keys, def, col);
		b = add_column(state, keys, parent, ref);
		keys->a[b].referenced = true;
		keys->a[find_root(keys, a)].root = find_root(keys, b);
	}
}

static bool
same_labels(const TableColumn *a, const TableColumn *b)
{
	ListCell   *lc;
	ListCell   *lc2;

	if (list_length(a->labels) != list_length(b->labels))
		return false;
	forboth(lc, a->labels, lc2, b->labels)
	{
		if (strcmp(lfirst(lc), lfirst(lc2)) != 0)
			return false;
	}
	return true;
}

/* Gives the members of one group, root's, their common type. */
static void
unify_group(KeyColumns *keys, int root)
{
	KeyColumn  *parent = &keys->a[root];
	int			rank = -1;
	bool		integers = true;
	bool		mixed = false;
	bool		identity = false;

	for (int i = 0; i < keys->n; i++)
	{
		KeyColumn  *k = &keys->a[i];
		int			r;

		if (find_root(keys, i) != root)
			continue;
		if (k->referenced && !parent->referenced)
			parent = k;
		r = integer_rank(k->col->pg_type);
		integers = integers && r >= 0;
		mixed = mixed || strcmp(k->col->pg_type, parent->col->pg_type) != 0;
		identity = identity || k->col->auto_increment;
		rank = Max(rank, r);
	}
	if (!mixed)
		return;
	if (integers)
		rank = rank == RANK_NUMERIC && identity ? RANK_BIGINT :
			Max(rank, RANK_SMALLINT);

	for (int i = 0; i < keys->n; i++)
	{
		KeyColumn  *k = &keys->a[i];
		const char *type = NULL;

		if (find_root(keys, i) != root)
			continue;
		if (integers)
			type = integer_types[rank];
		else if (mysql_column_class(k->col) == PGC_ENUM &&
				 mysql_column_class(parent->col) == PGC_ENUM &&
				 same_labels(k->col, parent->col))
			type = parent->col->pg_type;
		if (type == NULL || strcmp(type, k->col->pg_type) == 0)
			continue;
		plan_note(k->notes, "%s: %s instead of %s, as the other end of its foreign key",
				  k->col->name, type, k->col->pg_type);
		if (integer_rank(k->col->pg_type) == RANK_NUMERIC)
			plan_warn(k->notes, "%s: values past 9223372036854775807 do not fit",
					  k->col->name);
		k->col->pg_type = pstrdup(type);
	}
}

void
plan_unify_keys(SchemaPlan *state)
{
	KeyColumns	keys = {0};
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, state->tables)
	{
		TableDef   *def = lfirst(lc);

		foreach(lc2, def->foreign_keys)
			tie_foreign_key(state, &keys, def, lfirst(lc2));
	}
	for (int i = 0; i < keys.n; i++)
	{
		if (keys.a[i].root == i)
			unify_group(&keys, i);
	}
}
