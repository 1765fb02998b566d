/*-------------------------------------------------------------------------
 *
 * my_position.h
 *	  A place in a MySQL-family binlog, as text and as parts.
 *
 * The text is "file:offset;gtids;prepared;statements", of which the later parts
 * may be empty or missing:
 *
 *	mariadb-bin.000003:1234;0-1-77
 *	mariadb-bin.000003:1234;0-1-77,5-2-8;X'61',X'',1@mariadb-bin.000002:98
 *	;0-1-77				by GTID alone, on a server with other files
 *	mariadb-bin.000003:1234;0-1-77;;1@0-1-78	of 0-1-78, one statement is done
 *	mysql-bin.000003:1234;3e11fa47-71ca-11e1-9e33-c80aa9429562:1-77
 *
 * gtids is the last MariaDB GTID of each domain before the place, or the set
 * of MySQL's GTIDs that are done with at the source. prepared
 * lists XA transactions that were prepared before it and have not ended: the
 * name as the binlog writes it, and where their rows begin.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_MY_POSITION_H
#define DTSMIG_MY_POSITION_H

#include "postgres.h"

#include "core/position.h"
#include "source/mysql/my_gtid_set.h"

/* Longest name of a binlog file (FN_REFLEN of the servers). */
#define MY_FILE_SIZE 513

typedef struct MyGtid
{
	uint32		domain;
	uint32		server_id;
	uint64		seq;
} MyGtid;

typedef struct MyPrepared
{
	char	   *xid;			/* X'61',X'',1 */
	char	   *file;			/* where its GTID event begins */
	uint64		offset;
} MyPrepared;

typedef struct MyPosition
{
	char		file[MY_FILE_SIZE]; /* "": known by GTID alone */
	uint64		offset;
	int			ngtids;
	int			maxgtids;
	MyGtid	   *gtids;			/* one a domain */
	MyGtidSet	set;			/* MySQL's; empty: not known */
	int			nprepared;
	int			maxprepared;
	MyPrepared *prepared;
	uint64		statements;		/* so many DDL statements are done of the
								 * transaction (CREATE TABLE … SELECT) … */
	char	   *group;			/* … of this GTID; NULL: that begins at it */
} MyPosition;

/* Reads a text; raises 22023 where it is no position. */
extern void my_position_read(const char *text, MyPosition *pos);
/* The text, palloc'd. */
extern char *my_position_text(const MyPosition *pos);
/* The gtids alone: "0-1-77,5-2-8" or MySQL's set, palloc'd. */
extern char *my_position_gtids(const MyPosition *pos);
extern bool my_position_has_gtids(const MyPosition *pos);
/* Reads the gtids, of either kind; false where it is none. */
extern bool my_position_set_gtids(MyPosition *pos, const char *text);
/* Notes that a GTID has been passed. */
extern void my_position_add_gtid(MyPosition *pos, uint32 domain,
								 uint32 server_id, uint64 seq);
/* Notes an XA transaction, and forgets it. */
extern void my_position_add_prepared(MyPosition *pos, const char *xid,
									 const char *file, uint64 offset);
extern void my_position_remove_prepared(MyPosition *pos, const char *xid);
extern const MyPrepared *my_position_find_prepared(const MyPosition *pos,
												   const char *xid);
/* Numeric suffix of a file's name; 0 if it has none. */
extern uint64 my_file_segment(const char *file);

/*
 * Is all that is before part before whole too? By GTIDs where one of them has
 * no place.
 */
extern bool my_position_covers(const MyPosition *whole,
							   const MyPosition *part);

/* parse_position of SourceRoutine. */
extern SourcePos my_parse_position(const char *text);
/* "file:offset;gtids", palloc'd; gtids may be NULL. */
extern char *my_format_position(const char *file, uint64 offset,
								const char *gtids);

#endif							/* DTSMIG_MY_POSITION_H */
