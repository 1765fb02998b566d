/*-------------------------------------------------------------------------
 *
 * zero_dates.h
 *	  Zero dates that turn up in columns which are NOT NULL at the destination.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_ZERO_DATES_H
#define DTSMIG_ZERO_DATES_H

#include "postgres.h"
#include "nodes/pg_list.h"

#include "store/task.h"
#include "core/relation.h"

/*
 * A row of rel held a zero date that becomes NULL in a column that is NOT NULL
 * (rel->zero_seen): takes NOT NULL off it, in the current transaction, with a
 * line in task_log and an alert. Returns what was reported of it (as alert_raise).
 */
extern List *zero_dates_allow(const TaskRecord *task, SourceRelation *rel);

/*
 * The same for rows that are being copied, where the table cannot be altered
 * just then: raises an error, if there was one. Whoever catches it aborts the
 * transaction and calls zero_dates_settle, which does it in a transaction of
 * its own; then the rows can be copied again. false: no such error was raised.
 */
extern void zero_dates_check(const TaskRecord *task, SourceRelation *rel);
extern bool zero_dates_wait(void);
extern void zero_dates_settle(const TaskRecord *task, const char *alert_function);

#endif							/* DTSMIG_ZERO_DATES_H */
