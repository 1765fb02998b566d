/*-------------------------------------------------------------------------
 *
 * pg_verify.h
 *	  Tables of a PostgreSQL source summed up, and the end of writing.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_PG_VERIFY_H
#define DTSMIG_PG_VERIFY_H

#include "source/source.h"

extern CheckForm pg_check_form(SourceConn *conn, const SourceRelation *rel,
							   int column);
extern CheckTable *pg_check_table(SourceConn *conn, const SourceRelation *rel,
								  const CheckForm *forms);
extern void pg_check_ask(SourceConn *conn, const char *sql);
extern List *pg_check_answer(SourceConn *conn);
extern char *pg_check_value(SourceConn *conn, const char *sql);
extern char *pg_check_key(SourceConn *conn, const SourceRelation *rel,
						  char *const *key);
extern char *pg_open_writers(SourceConn *conn, char **hidden);
extern char *pg_make_read_only(SourceConn *conn, bool for_others);
extern char *pg_make_writable(SourceConn *conn);
extern bool pg_is_read_only(SourceConn *conn);
extern bool pg_constraint_open(SourceConn *conn, const char *schema,
							   const char *table, const char *name);

#endif							/* DTSMIG_PG_VERIFY_H */
