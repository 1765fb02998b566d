/*-------------------------------------------------------------------------
 *
 * sequences.c
 *	  Sequences at the destination that go with those of the source, moved up to
 *	  where these are.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "tables/sequences.h"

#include "store/sql.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "commands/sequence.h"
#include "core/one_statement.h"
#include "emit/mysql/emit.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

static char *
folded(const TaskOptions *options, const char *name)
{
	return plan_name(name, options->name_case == NAME_CASE_DEFAULT ?
					 NAME_CASE_SOURCE : (NameCase) options->name_case, false);
}

/* What a relation of the source is called at the destination. */
static void
find_name(const Selection *selection, const TaskOptions *options,
		  const char *source_schema, const char *source_name,
		  char **schema, char **name)
{
	*schema = *name = NULL;
	(void) selection_match(selection, source_schema, source_name, schema, name);
	if (*schema == NULL)
		*schema = folded(options, source_schema);
	if (*name == NULL)
		*name = folded(options, source_name);
}

static char *
name_there(const Selection *selection, const TaskOptions *options,
		   const char *source_schema, const char *source_name)
{
	char	   *schema;
	char	   *name;

	find_name(selection, options, source_schema, source_name, &schema, &name);
	return quote_qualified_identifier(schema, name);
}

/* A relation of the source by its name here; InvalidOid: there is none. */
static Oid
find_relation(const Selection *selection, const TaskOptions *options,
			  const char *source_schema, const char *source_name)
{
	char	   *schema;
	char	   *name;
	Oid			nspid;

	find_name(selection, options, source_schema, source_name, &schema, &name);
	nspid = get_namespace_oid(schema, true);
	return OidIsValid(nspid) ? get_relname_relid(name, nspid) : InvalidOid;
}

/* What the column that owns the sequence is called here; NULL: left out. */
static const char *
column_here(const Selection *selection, const TaskOptions *options,
			const SourceSequence *s)
{
	const ShapeRule *rule = selection_shape(selection, s->table_schema, s->table);
	ListCell   *lc;

	foreach(lc, rule ? rule->columns : NIL)
	{
		const RuleColumn *c = lfirst(lc);

		if (strcmp(c->name, s->column) == 0 && !rule->take_just)
			return c->target;
	}
	return plan_name(s->column, options->name_case == NAME_CASE_DEFAULT ?
					 NAME_CASE_SOURCE : (NameCase) options->name_case, true);
}

/* The sequence that a column here owns; InvalidOid: none. */
static Oid
sequence_of_column(Oid table, const char *column)
{
	StoreRows   *rows;

	rows = store_query("SELECT d.objid::bigint FROM pg_catalog.pg_depend d "
					   "JOIN pg_catalog.pg_class s ON s.oid = d.objid AND s.relkind = 'S' "
					   "JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid "
					   "AND a.attnum = d.refobjsubid AND a.attname = $2 "
					   "WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass "
					   "AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass "
					   "AND d.refobjid = $1::oid AND d.deptype IN ('a', 'i')", "it",
					   (int64) table, column);
	return rows->nrows == 1 ? (Oid) store_int(rows, 0, 0) : InvalidOid;
}

/* Is it the task's, and no other's that happens to have its name here? */
static bool
is_selected(const Selection *selection, const SourceSequence *s)
{
	return s->table != NULL ?
		selection_has(selection, s->table_schema, s->table) :
		selection_has(selection, s->schema, s->name);
}

/*
 * The sequence here that goes with one of the source; InvalidOid: none. One
 * that a column owns went where that went, whatever rules say of its own name;
 * and of tables that go into one, that of the first serves all.
 */
static Oid
find_sequence(const Selection *selection, const TaskOptions *options,
			  const SourceSequence *s, List **denied)
{
	Oid			relid = InvalidOid;

	if (s->table != NULL && selection_has(selection, s->table_schema, s->table))
	{
		Oid			table = find_relation(selection, options,
										  s->table_schema, s->table);
		const char *column = column_here(selection, options, s);

		if (OidIsValid(table) && column != NULL)
			relid = sequence_of_column(table, column);
	}
	if (!OidIsValid(relid))
		relid = find_relation(selection, options, s->schema, s->name);
	if (!OidIsValid(relid) || get_rel_relkind(relid) != RELKIND_SEQUENCE)
		return InvalidOid;
	if (pg_class_aclcheck(relid, GetUserId(), ACL_UPDATE) == ACLCHECK_OK &&
		pg_class_aclcheck(relid, GetUserId(), ACL_SELECT) == ACLCHECK_OK)
		return relid;
	if (denied != NULL && is_selected(selection, s))
		*denied = list_append_unique_oid(*denied, relid);
	return InvalidOid;
}

bool
sequence_is_here(const Selection *selection, const TaskOptions *options,
				 const SourceSequence *s)
{
	List	   *denied = NIL;

	if (one_statement_is_elsewhere())
		return select_one_value(psprintf("SELECT pg_catalog.to_regclass(%s)",
										 quote_literal_cstr(name_there(selection, options, s->schema, s->name)))) != NULL;
	return OidIsValid(find_sequence(selection, options, s, &denied)) || denied != NIL;
}

/* Never back: what the destination has used already stays used. */
static void
advance(Oid relid, const SourceSequence *s)
{
	char	   *name;
	int64		value;
	bool		called;

	/* as its owner: by now something else may have that name */
	name = quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)),
									  get_rel_name(relid));
	value = pg_strtoint64(select_one_text(psprintf("SELECT last_value FROM %s", name)));
	called = strcmp(select_one_text(psprintf("SELECT is_called FROM %s", name)), "t") == 0;
	if (s->increment > 0 ? s->last_value < value : s->last_value > value)
		return;
	if (s->last_value == value && called)
		return;
	(void) store_query("SELECT pg_catalog.setval($1::pg_catalog.oid::pg_catalog.regclass, $2)",
					   "ii", (int64) relid, s->last_value);
}

/* The same where the destination is elsewhere; its name there, NULL: none. */
static char *
advance_there(const Selection *selection, const TaskOptions *options,
			  const SourceSequence *s)
{
	char	   *name = NULL;
	char	   *value = psprintf(INT64_FORMAT, s->last_value);

	if (s->table != NULL && selection_has(selection, s->table_schema, s->table))
	{
		const char *column = column_here(selection, options, s);

		if (column != NULL)
			name = select_one_value(psprintf("SELECT pg_catalog.pg_get_serial_sequence(a.t, %s) "
											 "FROM (SELECT %s::pg_catalog.text AS t) a WHERE pg_catalog.to_regclass(a.t) IS NOT NULL",
											 quote_literal_cstr(column),
											 quote_literal_cstr(name_there(selection, options, s->table_schema, s->table))));
	}
	else if (selection_has(selection, s->schema, s->name))
		name = select_one_value(psprintf("SELECT c.oid::pg_catalog.regclass FROM pg_catalog.pg_class c "
										 "WHERE c.oid = pg_catalog.to_regclass(%s) AND c.relkind = 'S'",
										 quote_literal_cstr(name_there(selection, options, s->schema, s->name))));
	if (name == NULL)
		return NULL;
	/* never back */
	(void) run_one_statement(psprintf("SELECT pg_catalog.setval(%s, %s) FROM %s WHERE %s",
									  quote_literal_cstr(name), value, name,
									  s->increment > 0 ?
									  psprintf("last_value < %s OR (last_value = %s AND NOT is_called)", value, value) :
									  psprintf("last_value > %s OR (last_value = %s AND NOT is_called)", value, value)));
	return name;
}

/* The last value of a column of that type. */
static uint64
last_of(const char *type)
{
	static const struct
	{
		const char *name;
		int			bits;
	}			types[] = {
		{"tinyint", 8}, {"smallint", 16}, {"mediumint", 24}, {"int", 32}
	};
	bool		is_signed = strstr(type, "unsigned") == NULL;

	for (int i = 0; i < lengthof(types); i++)
		if (strncmp(type, types[i].name, strlen(types[i].name)) == 0)
			return (UINT64CONST(1) << (types[i].bits - is_signed)) - 1;
	return is_signed ? (uint64) PG_INT64_MAX : PG_UINT64_MAX;
}

/*
 * AUTO_INCREMENT of the column that a sequence is for; false: there is none. As it
 * is no transaction's, it stands where the source's does, and the margin, however
 * often this is done. *near_end: it had less room than the margin takes.
 */
static bool
advance_counter(const Selection *selection, const TaskOptions *options,
				const SourceSequence *s, int64 margin, char **name, bool *near_end)
{
	const char *column;
	char	   *schema;
	char	   *table;
	char	   *found;
	uint64		now;
	uint64		next;
	uint64		last;

	if (s->table == NULL || s->increment < 0 || s->last_value == PG_INT64_MAX ||
		!selection_has(selection, s->table_schema, s->table) ||
		(column = column_here(selection, options, s)) == NULL)
		return false;
	find_name(selection, options, s->table_schema, s->table, &schema, &table);
	found = select_one_value(psprintf("SELECT CONCAT(COALESCE(t.auto_increment, 0), ' ', c.column_type) FROM information_schema.tables t "
									  "JOIN information_schema.columns c ON c.table_schema = t.table_schema "
									  "AND c.table_name = t.table_name WHERE t.table_schema = %s AND t.table_name = %s "
									  "AND c.column_name = %s AND c.extra LIKE '%%auto_increment%%'",
									  emit_quote(schema), emit_quote(table), emit_quote(column)));
	if (found == NULL || strchr(found, ' ') == NULL)
		return false;
	now = strtoull(found, NULL, 10);
	last = last_of(strchr(found, ' ') + 1);
	next = (uint64) Max(s->last_value + 1, 1);
	*near_end = margin > 0 && (next > last || (last - next) / 10 < (uint64) margin);
	if (margin > 0 && next < last)
		next += Min((uint64) margin, (last - next) / 10);
	*name = psprintf("%s.%s", emit_quote_name(schema), emit_quote_name(table));
	/* never back */
	if (next > now)
		(void) run_one_statement(psprintf("ALTER TABLE %s AUTO_INCREMENT = " UINT64_FORMAT,
										  *name, next));
	return true;
}

List *
advance_counters(const SourceRoutine *source, SourceConn *conn,
				 const Selection *selection, const TaskOptions *options, int64 margin)
{
	List	   *near_end = NIL;
	ListCell   *lc;

	foreach(lc, source->sequences ? source->sequences(conn) : NIL)
	{
		char	   *name;
		bool		near;

		if (advance_counter(selection, options, lfirst(lc), margin, &name, &near) && near)
			near_end = lappend(near_end, name);
	}
	return near_end;
}

List *
advance_sequences(const SourceRoutine *source, SourceConn *conn,
				  const Selection *selection, const TaskOptions *options,
				  List **denied)
{
	List	   *sequences;
	List	   *here = NIL;
	ListCell   *lc;

	if (source->sequences == NULL)
		return NIL;
	if (!one_statement_is_postgres())
	{
		(void) advance_counters(source, conn, selection, options, 0);
		return NIL;
	}
	sequences = source->sequences(conn);
	foreach(lc, sequences)
	{
		const SourceSequence *s = lfirst(lc);
		Oid			relid;

		if (one_statement_is_elsewhere())
		{
			char	   *name = advance_there(selection, options, s);

			if (name != NULL)
				here = lappend(here, name);
			continue;
		}
		relid = find_sequence(selection, options, s, denied);
		if (!OidIsValid(relid))
			continue;
		advance(relid, s);
		if (is_selected(selection, s))
			here = list_append_unique_oid(here, relid);
	}
	return here;
}
