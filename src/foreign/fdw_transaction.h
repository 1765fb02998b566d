/*-------------------------------------------------------------------------
 *
 * fdw_transaction.h
 *	  The transaction at the source of a local transaction that writes to its
 *	  tables.
 *
 * The connection is idle, as far as is known, at all calls but that at the end
 * of a subtransaction, which sends nothing.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_FDW_TRANSACTION_H
#define DTSMIG_FDW_TRANSACTION_H

#include "foreign/fdw_connection.h"

/* None is open at the source. */
extern void fdw_transaction_begin(FdwConnection *c);
/* Something is going to be asked in the subtransaction of this session. */
extern void fdw_transaction_use(FdwConnection *c);
extern void fdw_transaction_commit(FdwConnection *c);
extern void fdw_transaction_subtransaction_ends(FdwConnection *c, int level, bool failed);

#endif							/* DTSMIG_FDW_TRANSACTION_H */
