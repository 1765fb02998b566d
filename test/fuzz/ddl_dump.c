/*
 * ddl_dump.c
 *	  A DDL statement as text: every field, so that every byte that the parser
 *	  points at is read. And the few server functions that it needs and that
 *	  are not in libpgcommon.
 */
#include "ddl_dump.h"

#include <stdarg.h>

#include "mb/pg_wchar.h"

/* -------------------------------------------------------------- characters */

int
pg_mbcliplen(const char *mbstr, int len, int limit)
{
	int			n = 0;

	while (n < len && mbstr[n])
	{
		int			l = pg_encoding_mblen_bounded(PG_UTF8, mbstr + n);

		if (n + l > limit || n + l > len)
			break;
		n += l;
	}
	return n;
}

/* ------------------------------------------ memory, freed all at once */

static void **blocks = NULL;
static size_t nblocks = 0;
static size_t maxblocks = 0;

static void *
keep(void *block)
{
	if (block == NULL)
		abort();
	if (nblocks == maxblocks)
	{
		maxblocks = maxblocks ? maxblocks * 2 : 1024;
		blocks = realloc(blocks, maxblocks * sizeof(void *));
	}
	blocks[nblocks++] = block;
	return block;
}

void
dump_free_all(void)
{
	while (nblocks > 0)
		free(blocks[--nblocks]);
}

void *
palloc(Size size)
{
	return keep(malloc(size ? size : 1));
}

void *
palloc0(Size size)
{
	return keep(calloc(1, size ? size : 1));
}

void *
palloc_extended(Size size, int flags)
{
	return palloc0(size);
}

void *
repalloc(void *pointer, Size size)
{
	for (size_t i = nblocks; i-- > 0;)
		if (blocks[i] == pointer)
			return blocks[i] = realloc(pointer, size);
	abort();
}

/* Freed with all others. */
void
pfree(void *pointer)
{
}

char *
pnstrdup(const char *in, Size len)
{
	char	   *copy = palloc0(strnlen(in, len) + 1);

	return memcpy(copy, in, strnlen(in, len));
}

char *
pstrdup(const char *in)
{
	return pnstrdup(in, strlen(in));
}

/* ------------------------------------------- lists, as in the server's */

static List *
new_list(NodeTag tag)
{
	List	   *list = palloc0(sizeof(List));

	list->type = tag;
	list->max_length = 8;
	list->elements = palloc0(8 * sizeof(ListCell));
	return list;
}

List *
lappend(List *list, void *datum)
{
	if (list == NIL)
		list = new_list(T_List);
	if (list->length == list->max_length)
	{
		list->max_length *= 2;
		list->elements = repalloc(list->elements,
								  list->max_length * sizeof(ListCell));
	}
	list->elements[list->length++].ptr_value = datum;
	return list;
}

List *
list_make1_impl(NodeTag t, ListCell datum1)
{
	return lappend(new_list(t), datum1.ptr_value);
}

List *
list_concat(List *list1, const List *list2)
{
	int			n = list2 == NIL ? 0 : list2->length;

	for (int i = 0; i < n; i++)
		list1 = lappend(list1, list2->elements[i].ptr_value);
	return list1;
}

List *
list_delete_ptr(List *list, void *datum)
{
	int			n = 0;

	if (list == NIL)
		return NIL;
	for (int i = 0; i < list->length; i++)
		if (list->elements[i].ptr_value != datum)
			list->elements[n++] = list->elements[i];
	list->length = n;
	return n == 0 ? NIL : list;
}

/* --------------------------------------------------------------- dumping */

static void
field(FILE *out, const char *name, const char *value)
{
	if (value != NULL)
		fprintf(out, " %s=%s", name, value);
}

static void
table(FILE *out, const char *name, const DdlTable *t)
{
	if (t != NULL)
		fprintf(out, " %s=%s.%s", name, t->schema, t->name);
}

static void
names(FILE *out, const char *name, List *list)
{
	ListCell   *lc;

	if (list == NIL)
		return;
	fprintf(out, " %s=[", name);
	foreach(lc, list)
		fprintf(out, "%s|", (char *) lfirst(lc));
	fprintf(out, "]");
}

static void
column(FILE *out, const DdlColumn *c)
{
	const TableColumn *col = &c->def;

	fprintf(out, " %s type=%s base=%s", col->name, col->source_type,
			col->base_type);
	if (col->length >= 0)
		fprintf(out, " length=" INT64_FORMAT, col->length);
	if (col->precision >= 0)
		fprintf(out, " precision=%d scale=%d", col->precision, col->scale);
	if (col->fsp > 0)
		fprintf(out, " fsp=%d", col->fsp);
	fprintf(out, "%s%s%s%s%s%s%s%s%s%s", col->is_unsigned ? " unsigned" : "",
			c->null_said ? col->nullable ? " null" : " notnull" : "",
			col->auto_increment ? " auto" : "",
			col->invisible ? " invisible" : "", col->is_json ? " json" : "",
			col->on_update_now ? " onupdate" : "",
			col->generated_stored ? " stored" : "",
			c->default_said ? " default" : "", c->text_type ? " text" : "",
			c->binary_collation ? " binary" : "");
	field(out, "charset", col->charset);
	field(out, "collation", col->collation);
	names(out, "labels", col->labels);
	field(out, "default", col->default_expr);
	field(out, "generated", col->generation_expr);
	field(out, "comment", col->comment);
	if (col->srid)
		fprintf(out, " srid=%d", col->srid);
}

static void
index_(FILE *out, const TableIndex *index)
{
	static const char *const kinds[] = {"primary", "unique", "plain",
	"fulltext", "spatial", "vector"};
	ListCell   *lc;

	fprintf(out, " %s", kinds[index->kind]);
	field(out, "name", index->name);
	foreach(lc, index->parts)
	{
		IndexPart  *part = lfirst(lc);

		fprintf(out, " %s%s", part->column ? part->column : "expr ",
				part->column ? "" : part->expr);
		if (part->prefix)
			fprintf(out, "(%d)", part->prefix);
		if (part->descending)
			fprintf(out, " desc");
	}
	if (index->invisible)
		fprintf(out, " invisible");
	field(out, "distance", index->distance);
	field(out, "comment", index->comment);
}

static void
action(FILE *out, const DdlAction *a)
{
	static const char *const kinds[] = {"add column", "drop column",
		"change column", "rename column", "set default", "drop default",
		"show column", "add index", "drop index", "rename index", "show index",
		"add foreign key", "drop foreign key", "add check", "drop check",
		"enforce check", "drop constraint", "rename to", "convert charset",
		"default charset", "comment", "engine", "auto_increment", "partitions",
		"add partitions", "add period", "drop period", "versioning", "rows change"};

	fprintf(out, "  %s", kinds[a->kind]);
	field(out, "name", a->name);
	field(out, "new", a->new_name);
	if (a->column)
		column(out, a->column);
	if (a->first)
		fprintf(out, " first");
	field(out, "after", a->after);
	if (a->if_exists)
		fprintf(out, " if-exists");
	if (a->implicit)
		fprintf(out, " implicit");
	if (a->index)
		index_(out, a->index);
	if (a->foreign_key)
	{
		TableForeignKey *fk = a->foreign_key;

		field(out, "constraint", fk->name);
		names(out, "columns", fk->columns);
		fprintf(out, " parent=%s.%s", fk->ref_schema, fk->ref_table);
		names(out, "parent_columns", fk->ref_columns);
		field(out, "delete", fk->on_delete);
		field(out, "update", fk->on_update);
	}
	if (a->check)
	{
		field(out, "constraint", a->check->name);
		field(out, "check", a->check->expr);
		if (!a->check->enforced)
			fprintf(out, " not-enforced");
	}
	field(out, "text", a->text);
	field(out, "text2", a->text2);
	if (a->on)
		fprintf(out, " on");
	table(out, "table", a->table);
	fputc('\n', out);
}

bool
dump_ddl(FILE *out, const DdlInput *input)
{
	static const char *const kinds[] = {"nothing", "create table",
		"alter table", "drop table", "rename table", "truncate",
	"create schema", "alter schema", "drop schema"};
	char	   *error = NULL;
	DdlStatement *stmt = ddl_parse(input, &error);
	ListCell   *lc;

	if (stmt == NULL)
	{
		fprintf(out, "refused: %s\n", error);
		dump_free_all();
		return false;
	}
	fprintf(out, "%s%s%s%s%s", kinds[stmt->kind],
			stmt->temporary ? " temporary" : "",
			stmt->if_exists ? " if-exists" : "",
			stmt->or_replace ? " or-replace" : "",
			stmt->as_select ? " as-select" : "");
	foreach(lc, stmt->tables)
		table(out, "table", lfirst(lc));
	table(out, "like", stmt->like);
	field(out, "charset", stmt->charset);
	field(out, "collation", stmt->collation);
	fputc('\n', out);
	foreach(lc, stmt->actions)
		action(out, lfirst(lc));
	dump_free_all();
	return true;
}
