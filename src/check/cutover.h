/*-------------------------------------------------------------------------
 *
 * cutover.h
 *	  May the application move to the destination? What has to hold, looked at while the
 *	  task still runs.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_CUTOVER_H
#define DTSMIG_CUTOVER_H

#include "postgres.h"

#include "compat.h"
#include "check/verify.h"

typedef struct CutoverOptions
{
	bool		verify;			/* in mode … */
	VerifyMode	mode;
	double		sample;
	bool		accept_differences; /* of that, and objects that failed */
	bool		make_read_only;
	bool		reverse;		/* the way back is taken: its account has to write to
								 * the source */
	long		quiet_ms;		/* so long nothing may be written */
	long		timeout_ms;		/* for what is to be applied still */
} CutoverOptions;

/*
 * Goes through all checks; raises an error with the reason where something
 * would be lost. Returns the position that the source ended at; v, of which
 * the upper part is set, stays connected.
 */
extern char *cutover_check(Verify *v, const CutoverOptions *options);
/* That part of it that somebody can have changed since: with the task locked. */
extern void cutover_check_waits(const Verify *v);

/* Raises the error that a cutover is refused with; detail, hint may be NULL. */
pg_noreturn extern void cutover_refuse(const Verify *v, const char *reason,
									   const char *detail, const char *hint);
/*
 * cutover_keys.c: indexes, constraints, foreign keys and triggers of the
 * destination
 */
extern void cutover_check_keys(const Verify *v, const CutoverOptions *options);

#endif							/* DTSMIG_CUTOVER_H */
