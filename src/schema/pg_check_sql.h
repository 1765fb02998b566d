/*-------------------------------------------------------------------------
 *
 * pg_check_sql.h
 *	  The number of a row in PostgreSQL's SQL (see check_sql.h): of a source,
 *	  and of a destination elsewhere.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_PG_CHECK_SQL_H
#define DTSMIG_PG_CHECK_SQL_H

#include "postgres.h"

#include "schema/check_sql.h"

/* The first version that hashes records. */
#define PG_CHECK_RECORD_VERSION 140000
/* … and that has hashtextextended. */
#define PG_CHECK_HASH64_VERSION 110000

typedef struct PgCheckColumn
{
	CheckForm	form;
	const char *name;			/* quoted */
	bool		has_cast;		/* its cast to text is the server's own */
	bool		not_null;		/* as the destination has it */
	bool		money;
} PgCheckColumn;

/* A column, quoted, as text. */
extern char *pg_check_text(const char *name, bool has_cast);
/* A number made of these of the columns; which NULL: of n from the first on. */
extern char *pg_check_number(CheckDigest digest, const PgCheckColumn *columns,
							 const int *which, int n);

#endif							/* DTSMIG_PG_CHECK_SQL_H */
