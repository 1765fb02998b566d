/*-------------------------------------------------------------------------
 *
 * pg_objects.c
 *	  From the entries of pg_dump's archive to the statements of a schema plan.
 *
 *	  pre-data               types, functions, tables, views, defaults
 *	  key                    primary keys, unique and exclusion constraints
 *	  index                  of tables
 *	  post-data              foreign keys, triggers, rules, policies, …; what
 *	                         pg_dump had to tear out of pre-data
 *	  … then                 materialized views are filled
 *	  … then                 owners and grants
 *	  … then                 event triggers, which would see all the rest
 *
 * Every statement runs in a transaction of its own through SPI. An archive
 * with definitions only holds none that could not: CREATE SUBSCRIPTION comes
 * with connect = false, and CREATE DATABASE, of --create, is not asked for.
 *
 * An entry is left out without a word when it, or its table, is not selected;
 * with a note when it uses what does not exist.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "source/pgsql/pg_objects.h"

#include "core/one_statement.h"
#include "schema/pg_statement.h"
#include "client/pg_secrets.h"

#include "catalog/pg_class.h"
#include "catalog/namespace.h"
#include "commands/extension.h"
#include "commands/tablespace.h"
#include "lib/stringinfo.h"
#include "utils/acl.h"
#include "utils/builtins.h"

typedef enum EntryState
{
	ENTRY_UNKNOWN,				/* no entry of that id has come yet */
	ENTRY_MADE,
	ENTRY_SILENT,				/* not selected */
	ENTRY_LEFT_OUT				/* with a note */
} EntryState;

typedef struct EntryPlan
{
	int			id;				/* the key */
	EntryState	state;
	PlanPhase	phase;
	const PgEntry *entry;
	bool		needed;			/* by an entry that is taken */
} EntryPlan;

typedef struct ObjectPlan
{
	PgFacts    *facts;
	HTAB	   *entries;		/* EntryPlan */
	List	   *statements;
	List	   *refreshes;
	List	   *owners;
	List	   *grants;
	List	   *event_triggers;
	List	   *schemas;		/* char *: made already */
} ObjectPlan;

static EntryPlan *
find_entry(ObjectPlan *plan, int id)
{
	return hash_search(plan->entries, &id, HASH_FIND, NULL);
}

static bool
is_kind(const PgEntry *e, const char *kind)
{
	return strcmp(e->kind, kind) == 0;
}

static bool
is_any_kind(const PgEntry *e, const char *const *kinds)
{
	for (; *kinds; kinds++)
		if (is_kind(e, *kinds))
			return true;
	return false;
}

/* ------------------------------------------------------------ what it is of */

/* The relation that an entry is, or is part of; NULL: none. */
static PgRelation *
home_of(ObjectPlan *plan, const PgEntry *e)
{
	PgPart	   *part;
	PgRelation *rel;

	if (e->objid == InvalidOid)
		return NULL;
	part = pg_facts_part(plan->facts, e->classid, e->objid);
	if (part != NULL)
		return pg_facts_relation(plan->facts, part->table);
	if (e->classid != RelationRelationId)
		return NULL;
	rel = pg_facts_relation(plan->facts, e->objid);
	if (rel != NULL && (rel->kind == RELKIND_INDEX ||
						rel->kind == RELKIND_PARTITIONED_INDEX))
		return pg_facts_relation(plan->facts, rel->table);
	return rel;
}

/* How task_objects calls it. */
static const char *
kind_name(const PgEntry *e, const PgPart *part)
{
	static const char *const others[][2] = {
		{"FK CONSTRAINT", "foreign key"},
		{"CHECK CONSTRAINT", "check"},
		{"ACL", "grant"},
		{"DEFAULT ACL", "default grant"},
		{"TABLE ATTACH", "partition"},
		{"INDEX ATTACH", "index partition"},
		{"PROCEDURAL LANGUAGE", "language"},
	};
	char	   *name;

	if (is_kind(e, "CONSTRAINT") && part != NULL)
		return part->type == 'p' ? "primary key" :
			part->type == 'u' ? "unique constraint" :
			part->type == 'x' ? "exclusion constraint" : "constraint";
	for (int i = 0; i < lengthof(others); i++)
		if (is_kind(e, others[i][0]))
			return others[i][1];
	name = pstrdup(e->kind);
	for (char *p = name; *p; p++)
		*p = pg_tolower((unsigned char) *p);
	return name;
}

/*
 * Its name at the destination, with its schema; at the source if it is not
 * moved.
 */
static char *
name_of(ObjectPlan *plan, const PgEntry *e)
{
	const char *schema = NULL;
	const char *name = e->tag;
	PgRelation *rel = e->classid == RelationRelationId ?
		pg_facts_relation(plan->facts, e->objid) : NULL;

	if (rel != NULL && !rel->selected)
		return psprintf("%s.%s", rel->schema, rel->name);
	if (rel != NULL && !is_kind(e, "INDEX"))
		name = rel->target_name;
	if (rel != NULL)
		schema = rel->target_schema;
	else if (e->schema[0] != '\0')
		schema = pg_names_schema(plan->facts->names, e->schema);
	return schema ? psprintf("%s.%s", schema, name) : pstrdup(name);
}

/* ---------------------------------------------------------------- left out */

static bool
is_never_made(const PgEntry *e)
{
	static const char *const kinds[] = {"ENCODING", "STDSTRINGS", "SEARCHPATH",
		"DATABASE", "DATABASE PROPERTIES", "TABLE DATA", "SEQUENCE SET", "BLOB",
		"BLOBS", "BLOB METADATA", "BLOB COMMENTS", "MATERIALIZED VIEW DATA",
	"STATISTICS DATA", "LARGE OBJECT", NULL};

	return is_any_kind(e, kinds);
}

/* This extension, what its servers are, and what tasks keep at a source. */
static bool
is_our_own(const PgEntry *e)
{
	if (is_kind(e, "EXTENSION"))
		return strcmp(e->tag, "dtsmig") == 0;
	if (is_kind(e, "SCHEMA"))
		return strcmp(e->tag, "dtsmig_source") == 0;
	if (is_kind(e, "SERVER"))
		return strstr(e->definition, " FOREIGN DATA WRAPPER dtsmig_fdw") != NULL;
	if (is_kind(e, "PUBLICATION"))
		return strncmp(e->tag, "dts_sync_", 9) == 0;
	return strcmp(e->schema, "dtsmig_source") == 0 ||
		(is_kind(e, "EVENT TRIGGER") &&
		 strstr(e->definition, " dtsmig_source.") != NULL);
}

/*
 * Is it of the database as a whole? Where rules name what is taken, of these
 * only what that needs; casts and transforms belong to their types.
 */
static bool
is_of_database(const PgEntry *e)
{
	static const char *const kinds[] = {"EVENT TRIGGER", "PUBLICATION",
		"SUBSCRIPTION", "FOREIGN DATA WRAPPER", "SERVER",
	"PROCEDURAL LANGUAGE", "ACCESS METHOD", NULL};

	return is_any_kind(e, kinds) ||
		(is_kind(e, "DEFAULT ACL") && e->schema[0] == '\0');
}

static bool
is_selected(ObjectPlan *plan, const PgEntry *e)
{
	PgRelation *home = home_of(plan, e);
	PgSchemaFact *schema;

	if (home != NULL)
		return home->selected;
	if (is_kind(e, "EVENT TRIGGER") && !plan->facts->options->event_triggers)
		return false;
	if (!plan->facts->rest && is_of_database(e))
		return find_entry(plan, e->id)->needed;
	if (is_kind(e, "SCHEMA"))
		schema = pg_facts_schema(plan->facts, e->tag);
	else
		schema = e->schema[0] ? pg_facts_schema(plan->facts, e->schema) : NULL;
	return schema == NULL || schema->selected;
}

/* Entries that only say something of another one. */
static bool
is_attachment(const PgEntry *e)
{
	static const char *const kinds[] = {"COMMENT", "ACL", "SECURITY LABEL",
		"INDEX ATTACH", "SEQUENCE OWNED BY", "PUBLICATION TABLE",
	"PUBLICATION TABLES IN SCHEMA", "ROW SECURITY", "USER MAPPING", NULL};

	return is_any_kind(e, kinds);
}

/* A part of a table that is not selected is reported as that table. */
static char *
used_name(ObjectPlan *plan, const PgEntry *e)
{
	PgRelation *home = home_of(plan, e);

	if (home != NULL && !home->selected && home->oid != e->objid &&
		strchr("rp", home->kind) != NULL)
		return psprintf("table %s.%s", home->schema, home->name);
	return psprintf("%s %s", kind_name(e, NULL), name_of(plan, e));
}

/* Why an entry cannot be made; NULL: it can. *silent: without a word. */
static char *
reason_left_out(ObjectPlan *plan, const PgEntry *e, bool *silent)
{
	const char *uses;
	ListCell   *lc;

	*silent = true;
	if (is_never_made(e) || is_our_own(e) || !is_selected(plan, e))
		return pstrdup("not selected");
	foreach(lc, e->depends)
	{
		EntryPlan  *on = find_entry(plan, lfirst_int(lc));

		if (on == NULL || (on->state != ENTRY_SILENT &&
						   on->state != ENTRY_LEFT_OUT) ||
			is_never_made(on->entry))
			continue;
		*silent = is_attachment(e) || is_our_own(on->entry);
		return psprintf("it uses %s, which is %s", used_name(plan, on->entry),
						on->state == ENTRY_SILENT ? "not selected" : "left out");
	}
	*silent = false;
	uses = pg_facts_outside(plan->facts, e->classid, e->objid);
	if (e->objid != InvalidOid && uses != NULL)
		return psprintf("it uses %s, which is not selected", uses);
	if (is_kind(e, "POLICY"))
	{
		List	   *missing = pg_missing_policy_roles(e->definition);

		if (missing != NIL)
			return psprintf("it is for role \"%s\", which the destination has not",
							(char *) linitial(missing));
	}
	if (is_kind(e, "USER MAPPING"))
		return pstrdup("user mappings hold passwords, which are not shown or stored at the destination; create it by hand");
	return NULL;
}

/* ------------------------------------------------------------------- phases */

static PlanPhase
phase_of(ObjectPlan *plan, const PgEntry *e)
{
	PgRelation *home = home_of(plan, e);
	PlanPhase	latest = PLAN_PRE_DATA;
	ListCell   *lc;

	foreach(lc, e->depends)
	{
		EntryPlan  *on = find_entry(plan, lfirst_int(lc));

		if (on != NULL && on->phase > latest)
			latest = on->phase;
	}
	if (e->section == PG_SECTION_NONE)
		return latest == PLAN_PRE_DATA ? PLAN_PRE_DATA : PLAN_POST_DATA;
	if (e->section == PG_SECTION_PRE_DATA && latest == PLAN_PRE_DATA)
		return PLAN_PRE_DATA;
	/* what uses an object that is made last is made last */
	if (latest != PLAN_POST_DATA && home != NULL &&
		home->kind != RELKIND_MATVIEW)
	{
		if (is_kind(e, "CONSTRAINT"))
			return PLAN_KEY;
		if (is_kind(e, "INDEX"))
			return PLAN_INDEX;
	}
	return PLAN_POST_DATA;
}

/* --------------------------------------------------------------- statements */

static void
add_note(PlanStatement *st, const char *note)
{
	st->note = st->note ? psprintf("%s; %s", st->note, note) : pstrdup(note);
	st->notes = lappend(st->notes, pstrdup(note));
	st->warning = true;
}

static PlanStatement *
new_statement(ObjectPlan *plan, const PgEntry *e, PlanPhase phase)
{
	PlanStatement *st = palloc0(sizeof(PlanStatement));
	PgRelation *home = home_of(plan, e);

	st->phase = phase;
	st->kind = kind_name(e, pg_facts_part(plan->facts, e->classid, e->objid));
	st->name = name_of(plan, e);
	if (home != NULL && home->def != NULL)
	{
		st->schema = home->schema;
		st->table = home->name;
	}
	return st;
}

/* The text without empty lines around it. */
static char *
trim(const char *text)
{
	int			len;

	while (*text == '\n' || *text == ' ')
		text++;
	len = strlen(text);
	while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == ' '))
		len--;
	return pnstrdup(text, len);
}

static char *
rewrite(ObjectPlan *plan, PlanStatement *st, const char *sql)
{
	List	   *notes = NIL;
	ListCell   *lc;
	char	   *result = pg_names_rewrite(plan->facts->names, sql, NIL, &notes);

	foreach(lc, notes)
		add_note(st, lfirst(lc));
	return result;
}

/* Where and how its rows are kept, which is no part of the definition. */
static char *
storage_settings(ObjectPlan *plan, const PgEntry *e, PlanStatement *st)
{
	StringInfoData buf;

	initStringInfo(&buf);
	if (e->access_method[0] != '\0' && strcmp(e->access_method, "heap") != 0)
		appendStringInfo(&buf, "SET LOCAL default_table_access_method = %s;\n",
						 quote_identifier(e->access_method));
	if (plan->facts->options->tablespaces && e->tablespace[0] != '\0')
	{
		if (OidIsValid(get_tablespace_oid(e->tablespace, true)))
			appendStringInfo(&buf, "SET LOCAL default_tablespace = %s;\n",
							 quote_identifier(e->tablespace));
		else
			add_note(st, psprintf("the destination has no tablespace \"%s\"; it is in the default one",
								  e->tablespace));
	}
	return buf.data;
}

/* A schema of this name at the destination, once. */
static void
make_schema(ObjectPlan *plan, const char *target)
{
	PlanStatement *st;
	ListCell   *lc;

	foreach(lc, plan->schemas)
		if (strcmp(lfirst(lc), target) == 0)
			return;
	plan->schemas = lappend(plan->schemas, pstrdup(target));
	/* to ask for one that exists takes the right to make it */
	if (one_statement_is_elsewhere() ?
		select_one_value(psprintf("SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = %s",
								  quote_literal_cstr(target))) != NULL :
		OidIsValid(get_namespace_oid(target, true)))
		return;
	st = palloc0(sizeof(PlanStatement));
	st->phase = PLAN_PRE_DATA;
	st->kind = "schema";
	st->name = pstrdup(target);
	st->sql = psprintf("CREATE SCHEMA IF NOT EXISTS %s;", quote_identifier(target));
	plan->statements = lappend(plan->statements, st);
}

/*
 * Triggers and rules that would act while rows are applied as well, on rows
 * which they have acted on at the source already: pg_dump has the ALTER TABLE
 * that enables them so behind the definition. The cutover does it.
 */
static char *
without_always(ObjectPlan *plan, const PgEntry *e, PlanStatement *st, char *definition)
{
	PgPart	   *part = pg_facts_part(plan->facts, e->classid, e->objid);
	const char *kind = is_kind(e, "TRIGGER") ? "TRIGGER" : "RULE";
	char	   *alter;

	if (part == NULL || !(is_kind(e, "TRIGGER") || is_kind(e, "RULE")) ||
		(part->type != 'A' && part->type != 'R'))
		return definition;
	add_note(st, psprintf("it is enabled %s at the source, and like others at the destination until the cutover, for it has acted on the rows that the task applies",
						  part->type == 'A' ? "always" : "for replicas"));
	for (char *p = definition; (alter = strstr(p, "\nALTER ")) != NULL; p = alter + 1)
	{
		if (strstr(alter, psprintf(" ENABLE %s %s ", part->type == 'A' ? "ALWAYS" : "REPLICA",
								   kind)) == NULL)
			continue;
		/* the last one */
		if (strstr(alter + 1, "\nALTER ") == NULL)
			return trim(pnstrdup(definition, alter - definition));
	}
	return definition;
}

static void
plan_grant(ObjectPlan *plan, const PgEntry *e, PlanStatement *st)
{
	List	   *missing = NIL;
	ListCell   *lc;

	st->sql = pg_grants_of_known_roles(st->sql, &missing);
	st->phase = PLAN_POST_DATA;
	foreach(lc, missing)
		add_note(st, psprintf("the destination has no role \"%s\"",
							  (char *) lfirst(lc)));
	if (st->sql[0] == '\0')
		st->sql = NULL;
	if (st->sql != NULL || st->note != NULL)
		plan->grants = lappend(plan->grants, st);
}

/*
 * A function is open to everybody when it is made. Where no privileges are
 * migrated that would open those that the source had closed, and one that runs
 * as its owner is the task's role at the destination.
 */
static void
close_function(ObjectPlan *plan, const PgEntry *e, PlanStatement *st)
{
	const char *kind = is_kind(e, "FUNCTION") ? "FUNCTION" :
		is_kind(e, "PROCEDURE") ? "PROCEDURE" : NULL;
	char	   *drop = kind ? psprintf("DROP %s ", kind) : NULL;
	char	   *name;

	if (kind == NULL)
		return;
	if (!plan->facts->options->owners && pg_statement_is_definer(e->definition))
		add_note(st, "it is SECURITY DEFINER, and runs as the task's role at the destination");
	if (plan->facts->options->grants || strncmp(e->drop, drop, strlen(drop)) != 0)
		return;
	name = trim(e->drop + strlen(drop));
	if (name[0] != '\0' && name[strlen(name) - 1] == ';')
		name[strlen(name) - 1] = '\0';
	st->sql = psprintf("%s\n%s", st->sql,
					   rewrite(plan, st, psprintf("REVOKE ALL ON %s %s FROM PUBLIC;",
												  kind, name)));
}

static void
plan_owner(ObjectPlan *plan, const PgEntry *e)
{
	char	   *sql = pg_owner_statement(e);
	PlanStatement *st;

	if (!plan->facts->options->owners || sql == NULL)
		return;
	st = new_statement(plan, e, PLAN_POST_DATA);
	st->kind = "owner";
	if (OidIsValid(get_role_oid(e->owner, true)))
		st->sql = rewrite(plan, st, sql);
	else
		add_note(st, psprintf("the destination has no role \"%s\"; the task's role owns it",
							  e->owner));
	/* what is made last gets its owner then */
	if (is_kind(e, "EVENT TRIGGER"))
		plan->event_triggers = lappend(plan->event_triggers, st);
	else
		plan->owners = lappend(plan->owners, st);
}

static void
plan_refresh(ObjectPlan *plan, const PgEntry *e)
{
	PgRelation *rel = home_of(plan, e);
	PlanStatement *st;

	if (!is_kind(e, "MATERIALIZED VIEW") || rel == NULL || !rel->populated)
		return;
	st = new_statement(plan, e, PLAN_POST_DATA);
	st->kind = "refresh";
	st->sql = psprintf("REFRESH MATERIALIZED VIEW %s;",
					   quote_qualified_identifier(rel->target_schema,
												  rel->target_name));
	plan->refreshes = lappend(plan->refreshes, st);
}

/*
 * A comment on an extension that is there is its owner's to make, and that on
 * the source's database says nothing of this one, which need not even have its
 * name.
 */
static bool
is_others_comment(ObjectPlan *plan, const PgEntry *e)
{
	EntryPlan  *on = e->depends ? find_entry(plan, linitial_int(e->depends)) : NULL;

	if (is_kind(e, "COMMENT") && strncmp(e->tag, "DATABASE ", 9) == 0)
		return true;
	return is_kind(e, "COMMENT") && on != NULL && on->entry != NULL &&
		is_kind(on->entry, "EXTENSION") &&
		(one_statement_is_elsewhere() ||
		 OidIsValid(get_extension_oid(on->entry->tag, true)));
}

/* Is it (of) a table whose rows go into one that another table makes? */
static bool
is_merged(ObjectPlan *plan, const PgEntry *e)
{
	PgRelation *home = home_of(plan, e);
	ListCell   *lc;

	if (home != NULL)
		return home->merged;
	foreach(lc, is_attachment(e) ? e->depends : NIL)
	{
		EntryPlan  *on = find_entry(plan, lfirst_int(lc));

		if (on != NULL && on->entry != NULL && is_merged(plan, on->entry))
			return true;
	}
	return false;
}

static void
make_entry(ObjectPlan *plan, const PgEntry *e, PlanPhase phase)
{
	PlanStatement *st;
	char	   *definition = trim(e->definition);

	if (is_merged(plan, e))
		return;

	if (is_kind(e, "SCHEMA"))
	{
		make_schema(plan, pg_names_schema(plan->facts->names, e->tag));
		plan_owner(plan, e);
		return;
	}
	if (definition[0] == '\0' || is_others_comment(plan, e))
		return;
	st = new_statement(plan, e, phase);
	if (is_kind(e, "SUBSCRIPTION") || is_kind(e, "USER MAPPING"))
	{
		char	   *plain = pg_without_secrets(definition);

		if (plain != NULL)
		{
			definition = plain;
			add_note(st, "its password is left out; set it before it is used");
		}
	}
	definition = without_always(plan, e, st, definition);
	st->sql = psprintf("%s%s", storage_settings(plan, e, st),
					   rewrite(plan, st, definition));
	close_function(plan, e, st);
	if (is_kind(e, "ACL") || is_kind(e, "DEFAULT ACL"))
		plan_grant(plan, e, st);
	else if (is_kind(e, "EVENT TRIGGER"))
		plan->event_triggers = lappend(plan->event_triggers, st);
	else
		plan->statements = lappend(plan->statements, st);
	plan_refresh(plan, e);
	plan_owner(plan, e);
}

static void
plan_entry(ObjectPlan *plan, const PgEntry *e)
{
	EntryPlan  *ep;
	bool		silent;
	char	   *reason = reason_left_out(plan, e, &silent);
	PlanPhase	phase = phase_of(plan, e);

	ep = find_entry(plan, e->id);
	ep->entry = e;
	ep->phase = phase;
	ep->state = reason == NULL ? ENTRY_MADE : silent ? ENTRY_SILENT :
		ENTRY_LEFT_OUT;
	if (reason == NULL)
		make_entry(plan, e, phase);
	else if (!silent)
	{
		PlanStatement *st = new_statement(plan, e, phase);

		add_note(st, reason);
		plan->statements = lappend(plan->statements, st);
	}
}

/* Marks what entries that are taken use, and what that uses. */
static void
mark_needed(ObjectPlan *plan, List *entries)
{
	for (int i = list_length(entries) - 1; i >= 0; i--)
	{
		const PgEntry *e = list_nth(entries, i);
		ListCell   *lc;

		if (is_attachment(e) || !is_selected(plan, e))
			continue;
		foreach(lc, e->depends)
		{
			int			id = lfirst_int(lc);
			EntryPlan  *on = find_entry(plan, id);

			if (on != NULL)
				on->needed = true;
		}
	}
}

List *
pg_plan_entries(List *entries, PgFacts *facts)
{
	ObjectPlan	plan = {0};
	HASHCTL		ctl = {0};
	ListCell   *lc;

	plan.facts = facts;
	ctl.keysize = sizeof(int);
	ctl.entrysize = sizeof(EntryPlan);
	ctl.hcxt = CurrentMemoryContext;
	plan.entries = hash_create("entries of an archive", 1024, &ctl,
							   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	foreach(lc, facts->order)
	{
		PgRelation *rel = lfirst(lc);

		if (rel->selected)
			make_schema(&plan, rel->target_schema);
	}
	/* that every database has it is no reason to dump it, to pg_dump */
	if (pg_facts_schema(facts, "public") != NULL &&
		pg_facts_schema(facts, "public")->selected)
		make_schema(&plan, pg_names_schema(facts->names, "public"));
	foreach(lc, entries)
	{
		EntryPlan  *ep = hash_search(plan.entries, &((PgEntry *) lfirst(lc))->id,
									 HASH_ENTER, NULL);

		ep->state = ENTRY_UNKNOWN;
		ep->phase = PLAN_PRE_DATA;
		ep->entry = NULL;
		ep->needed = false;
	}
	mark_needed(&plan, entries);
	foreach(lc, entries)
		plan_entry(&plan, lfirst(lc));
	return list_concat(list_concat(list_concat(list_concat(plan.statements,
														   plan.refreshes),
											   plan.owners), plan.grants),
					   plan.event_triggers);
}
