/*-------------------------------------------------------------------------
 *
 * ddl_parse_key.c
 *	  Indexes, foreign keys and checks, in CREATE TABLE, ALTER TABLE ADD and
 *	  CREATE INDEX.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "source/mysql/ddl_parse_impl.h"

/* (col [(length)] [ASC | DESC], (expression), …) */
List *
ddl_key_parts(DdlParser *p)
{
	List	   *parts = NIL;

	ddl_expect(p, "(");
	do
	{
		IndexPart  *part = palloc0(sizeof(IndexPart));

		if (ddl_is(p, "("))
		{
			char	   *expr = ddl_parenthesized(p);

			/* without the outer parentheses */
			part->expr = pnstrdup(expr + 1, Max((int) strlen(expr) - 2, 0));
		}
		else
		{
			part->column = ddl_name(p);
			if (ddl_accept(p, "("))
			{
				part->prefix = (int) ddl_integer(p);
				ddl_expect(p, ")");
			}
		}
		if (ddl_accept(p, "desc"))
			part->descending = true;
		else
			(void) ddl_accept(p, "asc");
		/* the name is that of a period */
		(void) ddl_accept2(p, "without", "overlaps");
		parts = lappend(parts, part);
	} while (ddl_accept(p, ","));
	ddl_expect(p, ")");
	return parts;
}

/* DISTANCE = euclidean | cosine, of a vector index */
static bool
distance(DdlParser *p, TableIndex *index)
{
	DdlMark		mark = ddl_mark(p);

	if (!ddl_is_name(p) || pg_strcasecmp(p->token.text, "distance") != 0)
		return false;
	ddl_advance(p);
	if (!ddl_accept(p, "="))
	{
		ddl_back(p, &mark);
		return false;
	}
	index->distance = pg_strcasecmp(p->token.text, "cosine") == 0 ? "cosine" : NULL;
	ddl_advance(p);
	return true;
}

void
ddl_index_options(DdlParser *p, TableIndex *index)
{
	for (;;)
	{
		if (ddl_accept(p, "using") || ddl_accept(p, "type"))
			(void) ddl_name(p);
		else if (ddl_accept(p, "key_block_size"))
		{
			(void) ddl_accept(p, "=");
			(void) ddl_number(p);
		}
		else if (ddl_accept2(p, "with", "parser"))
			(void) ddl_name(p);
		else if (ddl_accept(p, "comment"))
		{
			index->comment = ddl_string(p);
			if (index->comment != NULL && index->comment[0] == '\0')
				index->comment = NULL;
		}
		else if (ddl_accept(p, "invisible") || ddl_accept(p, "ignored"))
			index->invisible = true;
		else if (ddl_accept(p, "visible") || ddl_accept2(p, "not", "ignored"))
			index->invisible = false;
		else if (ddl_accept(p, "clustering"))
		{
			(void) ddl_accept(p, "=");
			(void) ddl_name(p);
		}
		else if (ddl_accept(p, "engine_attribute") ||
				 ddl_accept(p, "secondary_engine_attribute"))
		{
			(void) ddl_accept(p, "=");
			(void) ddl_string(p);
		}
		else if (p->input->dialect.mariadb &&
				 (distance(p, index) || ddl_engine_option(p)))
			;
		else
			return;
	}
}

static char *
reference_action(DdlParser *p)
{
	if (ddl_accept(p, "restrict"))
		return "RESTRICT";
	if (ddl_accept(p, "cascade"))
		return "CASCADE";
	if (ddl_accept2(p, "set", "null"))
		return "SET NULL";
	if (ddl_accept2(p, "no", "action"))
		return "NO ACTION";
	if (ddl_accept2(p, "set", "default"))
		return "SET DEFAULT";
	ddl_unexpected(p);
	return NULL;
}

/* REFERENCES table (columns) MATCH … ON DELETE … ON UPDATE … */
void
ddl_references(DdlParser *p, TableForeignKey *fk)
{
	DdlTable   *parent;

	ddl_expect(p, "references");
	parent = ddl_table_name(p);
	fk->ref_schema = parent->schema;
	fk->ref_table = parent->name;
	if (ddl_is(p, "("))
	{
		List	   *parts = ddl_key_parts(p);
		ListCell   *lc;

		foreach(lc, parts)
		{
			IndexPart  *part = lfirst(lc);

			if (part->column == NULL)
				ddl_unexpected(p);
			else
				fk->ref_columns = lappend(fk->ref_columns, part->column);
		}
	}
	if (ddl_accept(p, "match"))
		(void) ddl_name(p);
	fk->on_delete = fk->on_update =
		p->input->dialect.mariadb || p->input->dialect.version < 80000 ?
		"RESTRICT" : "NO ACTION";
	while (ddl_accept(p, "on"))
	{
		if (ddl_accept(p, "delete"))
			fk->on_delete = reference_action(p);
		else
		{
			ddl_expect(p, "update");
			fk->on_update = reference_action(p);
		}
	}
}

bool
ddl_enforced(DdlParser *p)
{
	if (ddl_accept2(p, "not", "enforced"))
		return false;
	(void) ddl_accept(p, "enforced");
	return true;
}

static void
foreign_key(DdlParser *p, char *constraint, List **actions)
{
	DdlAction  *action = palloc0(sizeof(DdlAction));
	TableForeignKey *fk = palloc0(sizeof(TableForeignKey));
	List	   *parts;
	ListCell   *lc;

	ddl_expect(p, "key");
	action->kind = DDL_ADD_FOREIGN_KEY;
	action->foreign_key = fk;
	action->if_exists = ddl_if_not_exists(p);
	if (!ddl_is(p, "("))
		action->name = ddl_name(p);
	parts = ddl_key_parts(p);
	foreach(lc, parts)
	{
		IndexPart  *part = lfirst(lc);

		if (part->column == NULL)
		{
			ddl_unexpected(p);
			return;
		}
		fk->columns = lappend(fk->columns, part->column);
	}
	ddl_references(p, fk);
	fk->name = constraint;
	/* MariaDB and old MySQL take the index's name for the constraint, too */
	if (fk->name == NULL)
		fk->name = action->name;
	*actions = lappend(*actions, action);
}

/* MySQL before 8.0.16 reads CHECK and forgets it. */
bool
ddl_checks_count(const DdlParser *p)
{
	return p->input->dialect.mariadb || p->input->dialect.version >= 80016;
}

static void
check(DdlParser *p, char *constraint, bool if_not_exists, List **actions)
{
	DdlAction  *action = palloc0(sizeof(DdlAction));

	action->kind = DDL_ADD_CHECK;
	action->if_exists = if_not_exists;
	action->check = palloc0(sizeof(TableCheck));
	action->check->name = constraint;
	action->check->expr = ddl_parenthesized(p);
	action->check->enforced = ddl_enforced(p);
	if (ddl_checks_count(p))
		*actions = lappend(*actions, action);
}

/* Name, parts and options of an index, after KEY or INDEX. */
static void
index_body(DdlParser *p, IndexKind kind, char *constraint, List **actions)
{
	DdlAction  *action = palloc0(sizeof(DdlAction));
	TableIndex *index = palloc0(sizeof(TableIndex));

	action->kind = DDL_ADD_INDEX;
	action->index = index;
	action->if_exists = ddl_if_not_exists(p);
	index->kind = kind;
	if (ddl_is_name(p) && !(p->token.kind == DDL_TOK_WORD &&
							(ddl_is(p, "using") || ddl_is(p, "type"))))
		index->name = ddl_name(p);
	if (index->name == NULL)
		index->name = constraint;
	if (kind == INDEX_PRIMARY)
		index->name = "PRIMARY";
	ddl_index_options(p, index);
	index->parts = ddl_key_parts(p);
	ddl_index_options(p, index);
	*actions = lappend(*actions, action);
}

/*
 * [CONSTRAINT [name]] PRIMARY KEY | UNIQUE | FULLTEXT | SPATIAL | INDEX | KEY
 * | FOREIGN KEY | CHECK …; false: something else stands here, nothing is read
 */
bool
ddl_key(DdlParser *p, List **actions)
{
	char	   *constraint = NULL;
	bool		if_not_exists = false;
	bool		named = false;

	if (ddl_accept(p, "constraint"))
	{
		named = true;
		if_not_exists = ddl_if_not_exists(p);
		if (!(p->token.kind == DDL_TOK_WORD &&
			  (ddl_is(p, "primary") || ddl_is(p, "unique") ||
			   ddl_is(p, "foreign") || ddl_is(p, "check"))))
			constraint = ddl_name(p);
	}
	if (ddl_accept2(p, "primary", "key"))
		index_body(p, INDEX_PRIMARY, NULL, actions);
	else if (ddl_accept(p, "unique"))
	{
		(void) (ddl_accept(p, "key") || ddl_accept(p, "index"));
		index_body(p, INDEX_UNIQUE, constraint, actions);
	}
	else if (ddl_is(p, "foreign"))
	{
		ddl_advance(p);
		foreign_key(p, constraint, actions);
	}
	else if (ddl_accept(p, "check"))
		check(p, constraint, if_not_exists, actions);
	else if (named)
		ddl_unexpected(p);
	else if (ddl_accept(p, "fulltext") || ddl_is(p, "spatial"))
	{
		IndexKind	kind = ddl_accept(p, "spatial") ? INDEX_SPATIAL :
			INDEX_FULLTEXT;

		(void) (ddl_accept(p, "key") || ddl_accept(p, "index"));
		index_body(p, kind, NULL, actions);
	}
	else if (ddl_accept(p, "key") || ddl_accept(p, "index"))
		index_body(p, INDEX_PLAIN, NULL, actions);
	else if (ddl_is(p, "vector"))
	{
		DdlMark		mark = ddl_mark(p);

		/* a column may have this name */
		ddl_advance(p);
		if (!ddl_accept(p, "key") && !ddl_accept(p, "index"))
		{
			ddl_back(p, &mark);
			return false;
		}
		index_body(p, INDEX_VECTOR, NULL, actions);
	}
	else
		return false;
	return true;
}
