/*
 * pgoutput_dump.h
 *	  Decodes messages of pgoutput and writes what they say as text. For tests;
 *	  no PostgreSQL needed.
 */
#ifndef PGOUTPUT_DUMP_H
#define PGOUTPUT_DUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "source/pgsql/pgoutput.h"

/* False if the message is damaged (also said in out). */
extern bool dump_pgoutput(FILE *out, const uint8_t *data, size_t len,
						  bool in_stream, PgOutputMessage *msg);

#endif
