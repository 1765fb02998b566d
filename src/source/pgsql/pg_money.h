/*-------------------------------------------------------------------------
 *
 * pg_money.h
 *	  Values of type money, whose text and meaning depend on lc_monetary.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_PG_MONEY_H
#define DTSMIG_PG_MONEY_H

#include "source/pgsql/pg_engine.h"

/* Digits after the point of amounts, by a database's own lc_monetary. */
typedef struct PgMoney
{
	int			source;
	int			dest;
	char	   *locale;			/* the source's lc_monetary; NULL: the account may
								 * not see it */
} PgMoney;

/* A local transaction is open. */
extern void pg_money_look(PgConn *conn, PgMoney *money);
/* Is it money, or can it hold money? *plain: it is, or a domain over it. */
extern bool pg_money_in_type(Oid typid, bool *plain);
/*
 * Do arrays and composite values with money in them read at the destination as
 * they are sent?
 */
extern bool pg_money_text_is_plain(void);
/*
 * Raises 22023 where amounts of the relation's columns would be others at the
 * destination. A local transaction is open.
 */
extern void pg_money_check(PgConn *conn, const SourceRelation *rel);
/*
 * A column in the source's SQL, as text that the input function of this server
 * takes.
 */
extern char *pg_money_text(const char *column);
/* Text of the source, of length len, as a Datum. */
extern Datum pg_money_read(const char *text, Size len);
/*
 * The text of an amount of the destination, as a literal of the source's SQL.
 */
extern char *pg_money_literal(char *text);

#endif							/* DTSMIG_PG_MONEY_H */
