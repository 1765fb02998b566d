/*-------------------------------------------------------------------------
 *
 * my_verify.h
 *	  Tables of a MySQL-family source summed up, and the end of writing.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_MY_VERIFY_H
#define DTSMIG_MY_VERIFY_H

#include "source/source.h"

extern CheckForm my_check_form(SourceConn *conn, const SourceRelation *rel,
							   int column);
extern CheckTable *my_check_table(SourceConn *conn, const SourceRelation *rel,
								  const CheckForm *forms);
extern void my_check_ask(SourceConn *conn, const char *sql);
extern List *my_check_answer(SourceConn *conn);
extern char *my_check_value(SourceConn *conn, const char *sql);
extern char *my_check_key(SourceConn *conn, const SourceRelation *rel,
						  char *const *key);
extern char *my_open_writers(SourceConn *conn, char **hidden);
extern char *my_make_read_only(SourceConn *conn, bool for_others);
extern char *my_make_writable(SourceConn *conn);
extern bool my_is_read_only(SourceConn *conn);

#endif							/* DTSMIG_MY_VERIFY_H */
