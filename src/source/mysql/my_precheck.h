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
extern List *my_precheck(SourceConn *conn, List *tables, bool full,
						 bool incremental);

/*
 * Items that depend on a policy and need a look at the data: TINYINT(1)
 * columns with other values than 0, 1, NULL where they become boolean, zero
 * dates where they are an error, TIME out of the day's range.
 */
extern List *my_precheck_values(SourceConn *conn, List *tables,
								const TypePolicy *policy);

#endif							/* DTSMIG_MY_PRECHECK_H */
