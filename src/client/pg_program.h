/*-------------------------------------------------------------------------
 *
 * pg_program.h
 *	  Runs a client program of this server's installation against a source.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_PG_PROGRAM_H
#define DTSMIG_PG_PROGRAM_H

#include "postgres.h"
#include "lib/stringinfo.h"
#include "nodes/pg_list.h"

#include "client/connection.h"

/*
 * Runs a program from the directory of this server's own with arguments (char
 * *) and the connection as its option --dbname; appends to out what it writes.
 *
 * The password goes through a file of mode 600 among the server's temporary
 * files, which is gone when this returns or raises an error; should the
 * process be killed, the server removes it with its other temporary files, or
 * the next call does.
 *
 * Waits are latch waits; query cancel and SIGTERM end the program, too. Raises
 * 58P01 if there is no such program, and 38000 (08006, if its
 * connection was lost) with what it said when it fails.
 */
extern void pg_run_program(const char *program, const ConnectionInfo *info,
						   List *arguments, StringInfo out);

#endif							/* DTSMIG_PG_PROGRAM_H */
