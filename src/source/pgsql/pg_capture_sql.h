/*-------------------------------------------------------------------------
 *
 * pg_capture_sql.h
 *	  Templates of the SQL that captures DDL; see pg_capture.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_PG_CAPTURE_SQL_H
#define DTSMIG_PG_CAPTURE_SQL_H

/*
 * Statements in this order, ended by NULL. So many at the beginning make the
 * schema and the table of replica identities alone.
 */
#define PG_CAPTURE_IDENTITY_PARTS 4
extern const char *const pg_capture_parts[];
/* A query of one text: why what is in the schema cannot be relied on; NULL. */
extern const char *const pg_capture_trouble;
/* CREATE FUNCTION of an event trigger's function. */
extern const char *const pg_capture_hook;

#endif							/* DTSMIG_PG_CAPTURE_SQL_H */
