/*-------------------------------------------------------------------------
 *
 * error_place.h
 *	  Which table of the source an error is about, and whether the change that
 *	  raised it can be skipped: what a way on is offered for.
 *
 * An error's own fields hold the table of the destination, if any, and none
 * where PostgreSQL's code raised it. So error context callbacks report it in
 * this way.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_ERROR_PLACE_H
#define DTSMIG_ERROR_PLACE_H

#include "postgres.h"

/*
 * For error context callbacks: adds the line to the context, and keeps in
 * mind that it is about this table.
 */
extern void error_place_context(const char *schema, const char *table,
								const char *line);

/*
 * The table of the source that the error is about, as reported above; false: none
 * was. What it returns lives until the next error.
 */
extern bool error_place_of(const ErrorData *edata, const char **schema,
						   const char **table);

/* The error that comes next is about a change that skip_change can skip. */
extern void error_place_set_skippable(void);

/* Was that said since the last call of error_place_reset? */
extern bool error_place_is_skippable(void);

extern void error_place_reset(void);

#endif							/* DTSMIG_ERROR_PLACE_H */
