/*-------------------------------------------------------------------------
 *
 * emit_keys.c
 *	  What keys and rows ask of types.
 *
 *	  columns of keys marked --both ends of a foreign key of one type-->
 *		--each key's bytes shared out among the texts in it--> VARCHAR of what fits
 *		--rows that are too long: the longest texts out of them-->
 *
 * A text without a length in a key gets the most that fits; the precheck looks at
 * how long the values are.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "emit/mysql/emit_internal.h"

/* A column of this length or longer can be stored outside of its row's page … */
#define LEAVES_PAGE 40
/* … to which such a reference leads. */
#define LOB_REFERENCE 20

static bool
is_key(const IndexDefinition *index)
{
	ListCell   *lc;

	if (!(index->primary || index->is_unique) || index->exclusion ||
		strcmp(index->method, "btree") != 0)
		return false;
	foreach(lc, index->parts)
	{
		if (((IndexPartDefinition *) lfirst(lc))->column == NULL)
			return false;
	}
	return true;
}

/* "real" in a key has to be found by its value. */
static void
mark(EmitColumn *c)
{
	if (c == NULL || c->name == NULL)
		return;
	c->in_key = true;
	if (c->class == MY_REAL)
	{
		c->type = "DOUBLE";
		c->bytes = 8;
	}
}

static List *
key_columns(const EmitTable *table, const IndexDefinition *index)
{
	List	   *columns = NIL;
	ListCell   *lc;

	foreach(lc, index->parts)
	{
		EmitColumn *c = emit_find_column(table, ((IndexPartDefinition *) lfirst(lc))->column);

		if (c != NULL && c->name != NULL)
			columns = lappend(columns, c);
	}
	return columns;
}

/* One type for both ends; false: it was so already. */
static bool
unify(EmitColumn *a, EmitColumn *b)
{
	EmitColumn *wide = a->bytes >= b->bytes ? a : b;
	EmitColumn *narrow = wide == a ? b : a;

	if (a->class != b->class || strcmp(a->type, b->type) == 0)
		return false;
	if (a->class == MY_INT || a->class == MY_REAL)
	{
		narrow->type = wide->type;
		narrow->bytes = wide->bytes;
		return true;
	}
	return false;
}

static void
unify_foreign_keys(Emit *emit)
{
	bool		changed = true;

	while (changed)
	{
		ListCell   *lc;
		ListCell   *lc2;

		changed = false;
		foreach(lc, emit->tables)
		{
			EmitTable    *table = lfirst(lc);

			foreach(lc2, table->def->foreign_keys)
			{
				ForeignKeyDefinition *fk = lfirst(lc2);
				EmitTable    *parent = emit_find_table(emit, fk->ref_schema, fk->ref_table);
				ListCell   *lc3;
				ListCell   *lc4;

				if (parent == NULL)
					continue;
				forboth(lc3, fk->columns, lc4, fk->ref_columns)
				{
					EmitColumn *a = emit_find_column(table, lfirst(lc3));
					EmitColumn *b = emit_find_column(parent, lfirst(lc4));

					if (a == NULL || b == NULL || a->name == NULL || b->name == NULL)
						continue;
					mark(a);
					mark(b);
					changed |= unify(a, b);
				}
			}
		}
	}
}

/* Bytes of a column in a key that cannot be less. */
static bool
is_fixed(const EmitColumn *c, int share)
{
	return !c->elastic || (c->chars > 0 && c->chars * c->char_bytes <= share);
}

/* Shares the bytes of a key out among those of its columns that take any. */
static void
share_key(List *columns, int bytes)
{
	int			share = bytes;
	int			last = -1;
	ListCell   *lc;

	while (share != last)
	{
		int			left = bytes;
		int			n = 0;

		last = share;
		foreach(lc, columns)
		{
			EmitColumn *c = lfirst(lc);

			if (is_fixed(c, last))
				left -= c->elastic ? c->chars * c->char_bytes : c->bytes;
			else
				n++;
		}
		if (n > 0)
			share = Max(left / n, 4);
	}
	foreach(lc, columns)
	{
		EmitColumn *c = lfirst(lc);

		if (!is_fixed(c, share))
			c->key_budget = Min(c->key_budget, share);
	}
}

/* A text (or bytes) of a key gets a length. */
static void
fit_column(EmitColumn *c, PlanNotes *notes)
{
	int			chars = c->key_budget / Max(c->char_bytes, 1);

	if (!c->in_key || !c->elastic || (c->chars > 0 && c->chars <= chars))
		return;
	if (c->class == MY_JSON || c->class == MY_ARRAY)
		plan_warn(notes, "column %s: a key cannot hold JSON; it becomes text, and values are equal where their text is",
				  c->def->col->name);
	plan_note(notes, "column %s: in a key it holds %d %s at most; a longer value stops the task",
			  c->def->col->name, chars, c->class == MY_BYTES ? "bytes" : "characters");
	c->type = psprintf("%s(%d)", c->class == MY_BYTES ? "VARBINARY" : "VARCHAR", chars);
	c->chars = chars;
	c->lob = false;
	c->bytes = chars * c->char_bytes + 2;
}

void
emit_fit_keys(Emit *emit)
{
	ListCell   *lc;
	ListCell   *lc2;
	ListCell   *lc3;

	foreach(lc, emit->tables)
	{
		EmitTable    *table = lfirst(lc);

		foreach(lc2, table->def->indexes)
		{
			if (!is_key(lfirst(lc2)))
				continue;
			foreach(lc3, key_columns(table, lfirst(lc2)))
				mark(lfirst(lc3));
		}
	}
	unify_foreign_keys(emit);
	foreach(lc, emit->tables)
	{
		EmitTable    *table = lfirst(lc);

		foreach(lc2, table->def->indexes)
		{
			IndexDefinition *index = lfirst(lc2);

			/* one of some rows gets another column */
			if (is_key(index))
				share_key(key_columns(table, index),
						  emit->target->key_bytes - (index->predicate ? 4 : 0));
		}
		foreach(lc2, table->def->foreign_keys)
		{
			List	   *columns = NIL;

			foreach(lc3, ((ForeignKeyDefinition *) lfirst(lc2))->columns)
			{
				EmitColumn *c = emit_find_column(table, lfirst(lc3));

				if (c != NULL && c->name != NULL)
					columns = lappend(columns, c);
			}
			share_key(columns, emit->target->key_bytes);
		}
	}
	foreach(lc, emit->tables)
	{
		EmitTable    *table = lfirst(lc);

		foreach(lc2, table->columns)
			fit_column(lfirst(lc2), &table->notes);
	}
}

static int
row_bytes(const EmitTable *table)
{
	int			bytes = 0;
	int			nullable = 0;
	ListCell   *lc;

	foreach(lc, table->columns)
	{
		EmitColumn *c = lfirst(lc);

		if (c->name == NULL)
			continue;
		bytes += c->bytes;
		nullable += !c->not_null;
	}
	return bytes + (nullable + 7) / 8;
}

/* As InnoDB computes it (seen with MySQL 9.7 and MariaDB 10.11). */
int
emit_page_bytes(const EmitTable *table, const EmitTarget *target)
{
	int			bytes = 18;		/* its header and hidden columns */
	int			nullable = 0;
	ListCell   *lc;

	foreach(lc, table->columns)
	{
		EmitColumn *c = lfirst(lc);

		if (c->name == NULL)
			continue;
		nullable += !c->not_null;
		if (c->lob)
			bytes += target->mariadb ? LOB_REFERENCE + 1 : LEAVES_PAGE + 1;
		else if (c->char_bytes > 0)
			bytes += Min(c->chars * c->char_bytes, LEAVES_PAGE) + 1;
		else
			bytes += c->bytes;
	}
	return bytes + (nullable + 7) / 8;
}

void
emit_fit_rows(Emit *emit)
{
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, emit->tables)
	{
		EmitTable    *table = lfirst(lc);

		while (row_bytes(table) > MY_MAX_ROW)
		{
			EmitColumn *longest = NULL;

			foreach(lc2, table->columns)
			{
				EmitColumn *c = lfirst(lc2);

				if (c->name != NULL && c->chars > 0 && !c->in_key &&
					(longest == NULL || c->bytes > longest->bytes))
					longest = c;
			}
			if (longest == NULL || longest->bytes <= 12)
				break;
			plan_note(&table->notes, "column %s: %s does not fit into a row of 65535 bytes; it becomes LONGTEXT, which does not limit its length to %d",
					  longest->def->col->name, longest->def->type_text, longest->chars);
			longest->type = "LONGTEXT";
			longest->bytes = 12;
			longest->chars = 0;
			longest->lob = true;
		}
	}
}

List *
emit_key_texts(SchemaDefinition *schema, const PlanOptions *options)
{
	Emit		emit = {0};
	List	   *texts = NIL;
	ListCell   *lc;
	ListCell   *lc2;

	emit.target = options->mysql;
	emit.schema = schema;
	emit_columns(&emit);
	emit_fit_keys(&emit);
	foreach(lc, emit.tables)
	{
		EmitTable    *table = lfirst(lc);

		foreach(lc2, table->columns)
		{
			EmitColumn *c = lfirst(lc2);
			EmitKeyText  *text;
			int			declared = c->def->typmod >= 4 ? c->def->typmod - 4 : -1;

			if (c->name == NULL || !c->in_key || !c->elastic ||
				(declared >= 0 && declared <= c->chars))
				continue;
			text = palloc0(sizeof(EmitKeyText));
			text->table = table->def->def;
			text->column = c->def->col->name;
			text->length = c->chars;
			text->bytes = c->class == MY_BYTES;
			texts = lappend(texts, text);
		}
	}
	return texts;
}
