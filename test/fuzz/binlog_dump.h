/*
 * binlog_dump.h
 *	  Decodes a whole binlog file with the decoders of src/source/mysql and
 *	  writes what it finds as text. For tests; no PostgreSQL needed.
 */
#ifndef BINLOG_DUMP_H
#define BINLOG_DUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * data is a file's bytes; out may be NULL: everything is decoded, nothing
 * written. False if an event is damaged (also said in out).
 */
extern bool dump_log(FILE *out, const uint8_t *data, size_t len);

#endif
