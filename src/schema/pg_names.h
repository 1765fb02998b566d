/*-------------------------------------------------------------------------
 *
 * pg_names.h
 *	  Other names for schemas and relations, written into PostgreSQL's SQL:
 *	  text in, text out.
 *
 * Text is read by the server's own parser and scanner and changed where a
 * name stands; everything else stays as it is, byte for byte. What is changed:
 *
 *	- qualified names, wherever they stand: schema.relation by the renaming of
 *	  that relation, else of its schema; types, functions, operators,
 *	  collations, constraints and the like by that of their schema;
 *	  schema.table.column and whole-row and row-type uses with it;
 *	- names of schemas: CREATE, ALTER, DROP, COMMENT ON, GRANT ON SCHEMA, IN
 *	  SCHEMA, WITH SCHEMA, SET SCHEMA, and values of search_path;
 *	- literals that are names: 'schema.name'::regclass (and regtype, regproc,
 *	  regcollation, regconfig, regdictionary, regnamespace), and the argument
 *	  of nextval, currval and setval;
 *	- a table of a query that got another name, and no alias, gets its old name
 *	  as alias, so that table.column goes on to work; outside of queries
 *	  (checks, policies, …) the table's own name is changed;
 *	- bodies of functions in SQL, standard ones and those in a string;
 *	- names without a schema, of relations, if a search path is given.
 *
 * Not changed: alias.column and composite.field that merely look alike, other
 * string literals, comments, bodies of functions in other languages. A body
 * that mentions a name with a new one is reported in notes. Names of columns are
 * not dealt with here, and neither are those of indexes and constraints where
 * they stand without a schema.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_PG_NAMES_H
#define DTSMIG_PG_NAMES_H

#include "postgres.h"
#include "nodes/pg_list.h"

typedef struct PgNameMap PgNameMap;

/* An empty one, in the current context. */
extern PgNameMap *pg_names_make(void);
/* The strings are copied. A pair of equal names says: not renamed. */
extern void pg_names_add_schema(PgNameMap *map, const char *schema,
								const char *target);
/* relation: a table, view, sequence, index, … , and so its row type */
extern void pg_names_add_relation(PgNameMap *map, const char *schema,
								  const char *name, const char *target_schema,
								  const char *target_name);
/*
 * Asked for a relation that the map does not know, of a schema and a name at
 * the source; false: there is none, and a name follows its schema's renaming.
 */
typedef bool (*PgNamesFinder) (void *arg, const char *schema, const char *name,
							   char **target_schema, char **target_name);
extern void pg_names_set_finder(PgNameMap *map, PgNamesFinder finder, void *arg);
/* Does it rename nothing? */
extern bool pg_names_is_empty(const PgNameMap *map);
/* What a schema is called; the name itself if it is not renamed. */
extern const char *pg_names_schema(const PgNameMap *map, const char *schema);
/* As above of a relation, by its own renaming or its schema's. */
extern void pg_names_relation(const PgNameMap *map, const char *schema,
							  const char *name, const char **target_schema,
							  const char **target_name);

/*
 * Rewrites sql (any number of statements). search_path (char *; may be NIL):
 * schemas in which names of relations without one are looked for; such a name
 * is written with its new schema. notes (may be NULL) receives char *, one for
 * each thing that could not be renamed. Returns sql itself where nothing
 * changes. Raises the parser's error for what is no SQL of this server.
 */
extern char *pg_names_rewrite(const PgNameMap *map, const char *sql,
							  List *search_path, List **notes);

#endif							/* DTSMIG_PG_NAMES_H */
