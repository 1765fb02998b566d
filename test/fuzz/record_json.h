/*
 * record_json.h
 *	  Text as a tree of JSON, through the names that the server has for jsonb:
 *	  what readers of records need, without a server.
 */
#ifndef DTSMIG_RECORD_JSON_H
#define DTSMIG_RECORD_JSON_H

#include "postgres.h"
#include "utils/jsonb.h"

/*
 * jsonb_in of any bytes: what is no JSON is skipped, and what is open at
 * the end is closed, so that every text is some tree. NULL: it is empty.
 */
extern Jsonb *record_json(const char *text);
/* A tree as JSON, which the server's jsonb_in reads as the same. */
extern char *record_json_text(const Jsonb *jb);
/* Forgets the trees; to be called with dump_free_all. */
extern void record_json_reset(void);

#endif							/* DTSMIG_RECORD_JSON_H */
