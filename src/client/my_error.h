/*-------------------------------------------------------------------------
 *
 * my_error.h
 *	  Error numbers of MySQL-family servers and clients as SQLSTATEs of PostgreSQL.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_MY_ERROR_H
#define DTSMIG_MY_ERROR_H

/*
 * The SQLSTATE (as MAKE_SQLSTATE makes it) for an error number and the
 * source's own SQLSTATE (may be NULL).
 */
#define MY_ER_NO_SUCH_TABLE 1146

extern int	my_sqlerrcode(unsigned int err, const char *state);
/* The source's own SQLSTATE as it can be shown; "?": it is none. */
extern const char *my_shown_state(const char *state);

#endif							/* DTSMIG_MY_ERROR_H */
