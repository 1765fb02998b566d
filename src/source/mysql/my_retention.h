/*-------------------------------------------------------------------------
 *
 * my_retention.h
 *	  How long the source keeps its binlog.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_MY_RETENTION_H
#define DTSMIG_MY_RETENTION_H

#include "source/source.h"

/* SourceRoutine.log_left */
extern void my_log_left(SourceConn *source, const char *position,
						double latency, LogLeft *left);

#endif							/* DTSMIG_MY_RETENTION_H */
