/*
 * server_stubs.h
 *	  What decoders that raise the server's errors need of the server: ereport
 *	  that comes back to the target, and functions of encodings and types.
 */
#ifndef DTSMIG_SERVER_STUBS_H
#define DTSMIG_SERVER_STUBS_H

#include "postgres.h"

#include <setjmp.h>

/* Where an ERROR goes: set before each call of a decoder. */
extern sigjmp_buf stub_error;

/* As in ddl_dump.h: everything that was palloc'd. */
extern void dump_free_all(void);

/* Reads every byte, so that the sanitizers see it. */
extern void stub_touch(const void *data, size_t len);

#endif							/* DTSMIG_SERVER_STUBS_H */
