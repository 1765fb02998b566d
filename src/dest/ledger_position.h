/*-------------------------------------------------------------------------
 *
 * ledger_position.h
 *	  The position that a ledger elsewhere has, as a session knows it: committed
 *	  at it, and of the transaction that is open.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_DEST_LEDGER_POSITION_H
#define DTSMIG_DEST_LEDGER_POSITION_H

#include "postgres.h"

#include "core/position.h"

#include "compat.h"

#define LEDGER_POSITION_KEY "position"

typedef struct LedgerPosition
{
	char	   *committed;		/* NULL: none */
	char	   *pending;		/* in the transaction that is open */
	bool		moved;			/* pending is another than committed */
} LedgerPosition;

/* Where it stands for who writes next; NULL: nowhere yet. */
extern const char *ledger_position_now(const LedgerPosition *p);
/* It has been moved to that position; texts are in cxt. */
extern void ledger_position_move(LedgerPosition *p, MemoryContext cxt,
								 const char *position);
/* The transaction has ended: committed or not. */
extern void ledger_position_settle(LedgerPosition *p, bool committed);
/*
 * Raises 40001: somebody else has moved it from that position (NULL: from
 * nowhere).
 */
pg_noreturn extern void ledger_position_refuse(const char *server, const char *from);

#endif							/* DTSMIG_DEST_LEDGER_POSITION_H */
