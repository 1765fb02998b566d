/*-------------------------------------------------------------------------
 *
 * pg_facts.h
 *	  What the source's catalogs know of its relations and of what belongs to
 *	  them: which are selected, what they are called at the destination, and
 *	  what an object uses that is not selected.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_PG_FACTS_H
#define DTSMIG_PG_FACTS_H

#include "postgres.h"
#include "nodes/pg_list.h"
#include "utils/hsearch.h"

#include "schema/pg_names.h"
#include "schema/plan.h"
#include "client/pg_conn.h"

typedef struct PgRelation
{
	Oid			oid;			/* at the source; the key */
	char	   *schema;
	char	   *name;
	char		kind;			/* of pg_class */
	Oid			table;			/* of an index, or a sequence that a table
								 * owns; 0 */
	bool		populated;
	bool		readable;		/* by the source's account */
	bool		selected;
	char	   *target_schema;
	char	   *target_name;
	TableDef   *def;			/* NULL: not among the task's tables */
	bool		merged;			/* another table, before it, makes the one that
								 * its rows go into; of what it owns, too */
} PgRelation;

/* An object by its catalog and OID; no padding, it is a key. */
typedef struct PgObjectId
{
	Oid			classid;
	Oid			objid;
} PgObjectId;

/* A constraint, trigger, rule, policy, default or statistics object. */
typedef struct PgPart
{
	PgObjectId	id;
	Oid			table;
	char		type;			/* contype, tgenabled, ev_enabled; ' ' */
} PgPart;

/* An object that uses what is not selected. */
typedef struct PgOutside
{
	PgObjectId	id;
	char	   *uses;			/* one such thing: "table shop.orders" */
} PgOutside;

typedef struct PgSchemaFact
{
	char	   *name;
	bool		selected;		/* objects other than relations are taken */
	char	   *target;
} PgSchemaFact;

typedef struct PgFacts
{
	const PlanOptions *options;
	bool		all;			/* everything is selected */
	bool		rest;			/* everything but what rules exclude */
	List	   *schemas;		/* PgSchemaFact * */
	List	   *order;			/* PgRelation *, by OID */
	HTAB	   *relations;
	HTAB	   *parts;
	HTAB	   *outside;
	PgNameMap  *names;
} PgFacts;

/* tables (TableDef *) have their target names already. */
extern PgFacts *pg_facts_read(PgConn *conn, List *tables,
							  const PlanOptions *options);
extern PgRelation *pg_facts_relation(const PgFacts *facts, Oid oid);
extern PgPart *pg_facts_part(const PgFacts *facts, Oid classid, Oid objid);
/* NULL: it uses nothing outside */
extern const char *pg_facts_outside(const PgFacts *facts, Oid classid,
									Oid objid);
/* NULL: no schema of the user's */
extern PgSchemaFact *pg_facts_schema(const PgFacts *facts, const char *name);

#endif							/* DTSMIG_PG_FACTS_H */
