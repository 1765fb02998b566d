/*-------------------------------------------------------------------------
 *
 * my_gtid_set.h
 *	  A set of MySQL's GTIDs.
 *
 * As text, and in MySQL's words: "uuid:1-5:7,uuid:1-3:tag:1-2". Sources are
 * kept in order of uuid and tag, intervals in order of their numbers and
 * merged where they touch. (MariaDB's GTIDs are one a domain: MyGtid.)
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_MY_GTID_SET_H
#define DTSMIG_MY_GTID_SET_H

#include "postgres.h"
#include "lib/stringinfo.h"

#define MY_UUID_SIZE	16
#define MY_TAG_SIZE		33		/* 32 and a NUL */

typedef struct MyGtidInterval
{
	uint64		first;
	uint64		last;			/* in it */
} MyGtidInterval;

typedef struct MyGtidSource
{
	uint8		uuid[MY_UUID_SIZE];
	char		tag[MY_TAG_SIZE];	/* "": none */
	int			n;
	int			max;
	MyGtidInterval *intervals;
} MyGtidSource;

typedef struct MyGtidSet
{
	int			n;
	int			max;
	MyGtidSource *sources;
} MyGtidSet;

/* Reads a text into an empty set; false where it is none. */
extern bool my_gtid_set_read(MyGtidSet *set, const char *text);
extern void my_gtid_set_add(MyGtidSet *set, const uint8 *uuid,
							const char *tag, uint64 first, uint64 last);
extern bool my_gtid_set_contains(const MyGtidSet *set, const uint8 *uuid,
								 const char *tag, uint64 number);
/* Is all of part in set? */
extern bool my_gtid_set_covers(const MyGtidSet *set, const MyGtidSet *part);
extern void my_gtid_set_text(const MyGtidSet *set, StringInfo buf);
/* As COM_BINLOG_DUMP_GTID takes it, … */
extern void my_gtid_set_encode(const MyGtidSet *set, StringInfo buf);
/* … and PREVIOUS_GTIDS has it: into an empty set; false where it is none. */
extern bool my_gtid_set_decode(MyGtidSet *set, const uint8 *data, Size len);

#endif							/* DTSMIG_MY_GTID_SET_H */
