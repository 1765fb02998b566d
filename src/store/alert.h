/*-------------------------------------------------------------------------
 *
 * alert.h
 *	  Alerts of a task: rows of dtsmig.alert.
 *
 * An alert of one kind and subject is raised once, and stands until it is
 * cleared; what raises it may say so as often as it likes. Both are sent to
 * whoever listens to channel dtsmig_alert, and to the server's log. All calls
 * are made in a transaction, with which the notification takes effect.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_ALERT_H
#define DTSMIG_ALERT_H

#include "postgres.h"
#include "nodes/pg_list.h"

#define ALERT_FAILED "failed"
#define ALERT_RETRYING "retrying"
#define ALERT_LATENCY "latency"
#define ALERT_RETENTION "retention"
#define ALERT_DRIFT "schema_drift"
#define ALERT_RESYNC "resync"
#define ALERT_OBJECT "object"
#define ALERT_ZERO_DATE "zero_date"
#define ALERT_NO_RETURN "no_return"

/*
 * Raises an alert; subject: what of the task it is about, "" for all of it.
 * Returns what was reported, as JSON; NULL: the alert stands already.
 */
extern char *alert_raise(int64 task_id, const char *kind, const char *subject,
						 const char *message, const char *detail,
						 const char *hint);
/*
 * Clears what stands of a kind (NULL: of any) and subject (NULL: of any), or
 * one alert (0: all). Returns what was reported (char *).
 */
extern List *alert_clear(int64 task_id, const char *kind, const char *subject,
						 int64 alert_id);
/* Subjects (char *) of what stands of a kind. */
extern List *alert_subjects(int64 task_id, const char *kind);
/* Subjects (char *) of ALERT_RESYNC that stand for tables that wait no more. */
extern List *alert_resyncs_over(int64 task_id);
/* The task of an alert that stands; 0: there is none. */
extern int64 alert_task(int64 alert_id);

#endif							/* DTSMIG_ALERT_H */
