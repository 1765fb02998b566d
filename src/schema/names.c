/*-------------------------------------------------------------------------
 *
 * names.c
 *	  Names at the destination: the case policy, the length limit, and what
 *	  happens where two names become one.
 *
 * PostgreSQL keeps tables, indexes, sequences and (through row types) types
 * of a schema in one name space, while the MySQL family has index names per
 * table. Tables keep their names; an index keeps its name where it is free,
 * else it gets the table's in front. Constraints need to differ only within
 * their table.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_collation.h"
#include "commands/defrem.h"
#include "common/hashfn.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/formatting.h"

#include "schema/plan_internal.h"

typedef struct TakenKey
{
	char		schema[NAMEDATALEN];
	uint64		space;			/* hash of the name space's name */
	char		name[NAMEDATALEN];
} TakenKey;

/* Cuts a name to limit bytes, ended by '_' and a hash of the whole name. */
static char *
cut_name(const char *name, int limit)
{
	int			len = strlen(name);
	uint32		hash;

	if (len <= limit)
		return pstrdup(name);
	hash = hash_bytes((const unsigned char *) name, len);
	return psprintf("%.*s_%08x", pg_mbcliplen(name, len, limit - 9), name,
					hash);
}

char *
plan_name_fold(const char *name, NameCase name_case, bool is_column)
{
	switch (name_case)
	{
		case NAME_CASE_DEFAULT:
			if (is_column)
				break;
			/* FALLTHROUGH */
		case NAME_CASE_LOWER:
			return str_tolower(name, strlen(name), DEFAULT_COLLATION_OID);
		case NAME_CASE_UPPER:
			return str_toupper(name, strlen(name), DEFAULT_COLLATION_OID);
		case NAME_CASE_SOURCE:
			break;
	}
	return pstrdup(name);
}

/* Columns that every table of PostgreSQL has. */
static bool
is_system_column(const char *name)
{
	static const char *const names[] = {"tableoid", "xmin", "cmin", "xmax",
	"cmax", "ctid"};

	for (int i = 0; i < lengthof(names); i++)
	{
		if (strcmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

char *
plan_name(const char *name, NameCase name_case, bool is_column)
{
	char	   *folded = plan_name_fold(name, name_case, is_column);

	if (is_column && is_system_column(folded))
		return psprintf("%s_", folded);
	return cut_name(folded, NAMEDATALEN - 1);
}

char *
plan_name_with_suffix(const char *base, const char *suffix)
{
	int			room = NAMEDATALEN - 1 - (int) strlen(suffix);

	if (room < 10)
		return cut_name(psprintf("%s%s", base, suffix), NAMEDATALEN - 1);
	return psprintf("%s%s", cut_name(base, room), suffix);
}

void
plan_names_init(SchemaPlan *state)
{
	HASHCTL		ctl = {0};

	ctl.keysize = sizeof(TakenKey);
	ctl.entrysize = sizeof(TakenKey);
	ctl.hcxt = CurrentMemoryContext;
	state->taken = hash_create("names of a schema plan", 256, &ctl,
							   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

bool
plan_name_take(SchemaPlan *state, const char *schema, const char *space,
			   const char *name)
{
	TakenKey	key;
	bool		found;

	memset(&key, 0, sizeof(key));
	strlcpy(key.schema, schema, sizeof(key.schema));
	key.space = hash_bytes_extended((const unsigned char *) space,
									strlen(space), 0);
	strlcpy(key.name, name, sizeof(key.name));
	hash_search(state->taken, &key, HASH_ENTER, &found);
	return !found;
}

void
plan_name_changed(SchemaPlan *state, const char *kind, char *source,
				  const char *target, const char *reason)
{
	NameChange *change = palloc0(sizeof(NameChange));

	change->kind = kind;
	change->source = source;
	change->target = pstrdup(target);
	change->reason = reason;
	state->names = lappend(state->names, change);
}

char *
plan_name_unique(SchemaPlan *state, const TableDef *def, const char *space,
				 const char *wanted, const char *kind, const char *source)
{
	char	   *name = cut_name(wanted, NAMEDATALEN - 1);
	const char *reason = strlen(wanted) >= NAMEDATALEN ? "length" : NULL;
	char	   *prefixed;

	if (!plan_name_take(state, def->target_schema, space, name))
	{
		reason = "collision";
		prefixed = psprintf("%s_%s", def->target_name, wanted);
		name = cut_name(prefixed, NAMEDATALEN - 1);
		for (int i = 1; !plan_name_take(state, def->target_schema, space, name); i++)
			name = plan_name_with_suffix(prefixed, psprintf("_%d", i));
	}
	if (reason != NULL && source != NULL)
		plan_name_changed(state, kind,
						  psprintf("%s.%s.%s", def->schema, def->name, source),
						  name, reason);
	return name;
}

/* Says it where a name is not the source's; case and length. */
static void
report_change(SchemaPlan *state, const char *kind, char *source,
			  const char *from, const char *to)
{
	if (strcmp(from, to) != 0)
		plan_name_changed(state, kind, source, to,
						  strlen(from) >= NAMEDATALEN ? "length" :
						  pg_strcasecmp(from, to) == 0 ? "case" :
						  strncmp(from, to, strlen(from)) == 0 ? "system" : "case");
}

/*
 * A table or column whose name is another's already: nothing is guessed, the
 * user has to choose. The note becomes an error of the precheck.
 */
static void
report_collision(SchemaPlan *state, const TableDef *def, const char *kind,
				 const char *name, const char *target, const char *other)
{
	PlanNotes	notes = {0};

	plan_warn(&notes, "%s \"%s\" collides with %s: both become \"%s\"; give one another name with a rule in objects",
			  kind, name, other, target);
	notes.fatal = true;
	plan_add(state, PLAN_PRE_DATA, kind, def, target, NULL, &notes);
	plan_name_changed(state, kind,
					  strcmp(kind, "table") == 0 ?
					  psprintf("%s.%s", def->schema, def->name) :
					  psprintf("%s.%s.%s", def->schema, def->name, name),
					  target, "collision");
}

static void
assign_table_names(SchemaPlan *state)
{
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, state->tables)
	{
		TableDef   *def = lfirst(lc);
		bool		by_rule = def->target_name != NULL;

		if (def->target_schema == NULL)
		{
			def->target_schema = plan_name(def->schema,
										   state->options->name_case, false);
			if (plan_name_take(state, def->target_schema, "schemas", def->schema))
				report_change(state, "schema", def->schema, def->schema,
							  def->target_schema);
		}
		if (!by_rule)
		{
			def->target_name = plan_name(def->name, state->options->name_case,
										 false);
			report_change(state, "table",
						  psprintf("%s.%s", def->schema, def->name),
						  def->name, def->target_name);
		}
		def->merged = !plan_name_take(state, def->target_schema, "",
									  def->target_name);
		if (!def->merged)
			continue;

		foreach(lc2, state->tables)
		{
			TableDef   *other = lfirst(lc2);

			if (other == def)
				break;
			if (strcmp(other->target_schema, def->target_schema) != 0 ||
				strcmp(other->target_name, def->target_name) != 0)
				continue;
			/* shards that a rule merges into one table are meant so */
			if (by_rule && model_has_rows(def) && model_has_rows(other))
				break;
			report_collision(state, def, "table", def->name, def->target_name,
							 psprintf("table \"%s.%s\"", other->schema,
									  other->name));
			break;
		}
	}
}

/* The server names the sequence of an identity column; leave that free. */
static void
reserve_sequence_name(SchemaPlan *state, const TableDef *def,
					  const TableColumn *col)
{
	if (col->auto_increment)
		plan_name_take(state, def->target_schema, "",
					   makeObjectName(def->target_name, col->target_name, "seq"));
}

static void
assign_column_names(SchemaPlan *state, TableDef *def, PlanNotes *notes)
{
	ListCell   *lc;
	char	   *space = psprintf("columns of %s.%s", def->schema, def->name);

	foreach(lc, def->columns)
	{
		TableColumn *col = lfirst(lc);

		if (col->left_out)
		{
			col->target_name = NULL;
			continue;
		}
		if (col->target_name == NULL)
		{
			col->target_name = plan_name(col->name, state->options->name_case,
										 true);
			report_change(state, "column",
						  psprintf("%s.%s.%s", def->schema, def->name,
								   col->name),
						  col->name, col->target_name);
			if (is_system_column(plan_name_fold(col->name, state->options->name_case,
												true)))
				plan_warn(notes, "column %s becomes %s, since every table of PostgreSQL has a column %s of its own",
						  col->name, col->target_name, col->name);
		}
		if (!plan_name_take(state, def->target_schema, space, col->target_name))
			report_collision(state, def, "column", col->name,
							 col->target_name, "another column");
		reserve_sequence_name(state, def, col);
	}
}

static void
assign_index_names(SchemaPlan *state, TableDef *def)
{
	ListCell   *lc;

	foreach(lc, def->indexes)
	{
		TableIndex *index = lfirst(lc);
		char	   *wanted;

		if (index->target_name != NULL)
			continue;
		if (index->kind == INDEX_PRIMARY)
			wanted = plan_name_with_suffix(def->target_name, "_pkey");
		else
			wanted = plan_name_fold(index->name, state->options->name_case, true);
		index->target_name = plan_name_unique(state, def, "", wanted, "index",
											  index->kind == INDEX_PRIMARY ?
											  NULL : index->name);
	}
}

static void
assign_constraint_names(SchemaPlan *state, TableDef *def)
{
	ListCell   *lc;
	char	   *space = psprintf("constraints of %s.%s", def->schema,
								 def->name);

	/* primary and unique constraints are constraints, too */
	foreach(lc, def->indexes)
	{
		TableIndex *index = lfirst(lc);

		if (index->kind == INDEX_PRIMARY)
			plan_name_take(state, def->target_schema, space,
						   index->target_name);
	}
	foreach(lc, def->foreign_keys)
	{
		TableForeignKey *fk = lfirst(lc);

		if (fk->target_name == NULL)
			fk->target_name =
				plan_name_unique(state, def, space,
								 plan_name_fold(fk->name, state->options->name_case,
										   true),
								 "constraint", fk->name);
	}
	foreach(lc, def->checks)
	{
		TableCheck *check = lfirst(lc);

		if (check->target_name == NULL)
			check->target_name =
				plan_name_unique(state, def, space,
								 plan_name_fold(check->name,
										   state->options->name_case, true),
								 "constraint", check->name);
	}
}

void
plan_assign_names(SchemaPlan *state)
{
	ListCell   *lc;

	assign_table_names(state);
	foreach(lc, state->tables)
		assign_column_names(state, lfirst(lc),
							&state->table_notes[foreach_current_index(lc)]);
}

void
plan_assign_index_names(SchemaPlan *state)
{
	ListCell   *lc;
	ListCell   *lc2;

	/* names that exist already are not to be had */
	foreach(lc, state->tables)
	{
		TableDef   *def = lfirst(lc);

		foreach(lc2, def->indexes)
		{
			TableIndex *index = lfirst(lc2);

			if (index->target_name != NULL)
				plan_name_take(state, def->target_schema, "",
							   index->target_name);
		}
	}
	foreach(lc, state->tables)
	{
		TableDef   *def = lfirst(lc);

		assign_index_names(state, def);
		assign_constraint_names(state, def);
	}
}
