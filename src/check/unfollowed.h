/*-------------------------------------------------------------------------
 *
 * unfollowed.h
 *	  What a source has that a task does not bring here.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_UNFOLLOWED_H
#define DTSMIG_UNFOLLOWED_H

#include "check/verify.h"

/* Warns of each thing, with the SQL that brings it. v is connected. */
extern void unfollowed_warn(const Verify *v);

/*
 * Objects whose expressions use other operators or functions at the
 * destination: a List of SourceMeaning *. v is connected.
 */
extern List *unfollowed_meanings(const Verify *v);
/* What to do about them. */
#define UNFOLLOWED_MEANING_HINT \
	"Make them again at the destination with the operators' schema on the search_path (SET search_path = …; CREATE OR REPLACE …), " \
	"or the task with option search_path."

/*
 * Triggers and rules of the task's tables that are enabled always (or for
 * replicas) at the source become so at the destination; they were not while
 * rows were applied. Called as the task's owner, once no worker runs.
 */
extern void unfollowed_enable(const Verify *v);

#endif							/* DTSMIG_UNFOLLOWED_H */
