/*-------------------------------------------------------------------------
 *
 * copy_text.h
 *	  Rows in COPY's text format.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_COPY_TEXT_H
#define DTSMIG_COPY_TEXT_H

#include "lib/stringinfo.h"

/*
 * Appends a value, in the database's encoding; NULL: it is null. first: of
 * its row.
 */
extern void copy_text_put(StringInfo buf, const char *value, bool first);

/* Ends a row. */
extern void copy_text_end(StringInfo buf);

#endif							/* DTSMIG_COPY_TEXT_H */
