/*-------------------------------------------------------------------------
 *
 * pg_archive.h
 *	  The table of contents of an archive as pg_dump --format=custom writes it.
 *
 * Each object is an entry of its own in it, with its definition whole and the
 * entries that it depends on: nothing has to be distinguished in a text. Pure:
 * bytes in, records out. Format: src/bin/pg_dump/pg_backup_archiver.c
 * (ReadHead, ReadToc) and pg_backup_custom.c of PostgreSQL, archive versions
 * 1.14 (PostgreSQL 12 to 15), 1.15 (16) and 1.16 (17, 18).
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_PG_ARCHIVE_H
#define DTSMIG_PG_ARCHIVE_H

#include "postgres.h"
#include "nodes/pg_list.h"

typedef enum PgSection
{
	PG_SECTION_NONE = 1,		/* comments, grants: with what they are of */
	PG_SECTION_PRE_DATA,
	PG_SECTION_DATA,
	PG_SECTION_POST_DATA
} PgSection;

/* An entry; texts are in the encoding of the dump, "" where there is none. */
typedef struct PgEntry
{
	int			id;				/* within the archive */
	Oid			classid;		/* catalog and OID at the source; 0 for what is */
	Oid			objid;			/* no object of its own */
	char	   *tag;			/* name; of functions with their arguments */
	char	   *kind;			/* "TABLE", "FK CONSTRAINT", … */
	PgSection	section;
	char	   *definition;		/* statements, each with its semicolon */
	char	   *drop;			/* DROP …; "": it has none of its own */
	char	   *schema;			/* "": none */
	char	   *tablespace;
	char	   *access_method;	/* of tables that have storage */
	char	   *owner;
	List	   *depends;		/* int: ids of entries before it, mostly */
} PgEntry;

/*
 * Reads the entries (PgEntry *), in the order in which they are to be made.
 * Raises XX001 for what is no such archive, 0A000 for a version that is not
 * known.
 */
extern List *pg_archive_read(const char *data, Size len);

#endif							/* DTSMIG_PG_ARCHIVE_H */
