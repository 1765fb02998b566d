/*-------------------------------------------------------------------------
 *
 * my_precheck.h
 *	  What must be right at a MySQL-family source before a task starts.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_MY_PRECHECK_H
#define DTSMIG_MY_PRECHECK_H

#include "source/source.h"

/* SourceRoutine.precheck: PrecheckItem * */
extern List *my_precheck(SourceConn *conn, const PrecheckScope *scope);

#endif							/* DTSMIG_MY_PRECHECK_H */
