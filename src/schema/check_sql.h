/*-------------------------------------------------------------------------
 *
 * check_sql.h
 *	  Sums of the rows of a table, that two servers make alike.
 *
 * A row is written as text, a number is made of that, and the numbers are
 * added up: the sum does not depend on the order of rows, and identifies a
 * multiset (the idea of pt-table-checksum, pg_comparator and data-diff). The
 * source does it in SQL, with its cheapest digest; for the destination it is
 * done in C (check/verify_text.c), the way the source does it.
 *
 *	 row:	 values, then lengths of texts, joined by '|'. NULL is nothing, of
 *			 CHECK_HEX a '-'. What is no text has no '|' in it, so one text's
 *			 length need not be said, and is not: of the first that may not be
 *			 NULL. A length of nothing is that of NULL.
 *	 number: MySQL family: CRC32(CRC32(row)). The outer one is taken of the
 *			 inner one's decimal digits: CRC is linear, and two rows changed in
 *			 the same way would add up to nothing otherwise more often than by
 *			 chance. PostgreSQL before version 14: hashtextextended(row, 0),
 *			 before version 11 hashtext(row).
 *
 * PostgreSQL 14 hashes a row without writing it as text, in a third of the
 * time: hash_record_extended(ROW(values), 0) adds up the hashes of values, each
 * by its type's hash function, times powers of 31; a NULL's is 0. That is
 * linear: two rows that have exchanged values would add up to the same. So the
 * number is hashtextextended of its decimal digits. Values go into the row as
 * they are where equal hashes mean equal values (CHECK_HASH); -0 and 0, or 1.0
 * and 1.00, are equal to PostgreSQL, and go as bytes or text. So do integers:
 * of a bigint its hash takes the halves together.
 *
 * Values that are written alike are equal; the reverse need not hold: where
 * sums differ, rows are read and compared as values. So a form may be wrong
 * about rare values, as long as it is wrong in that direction.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_CHECK_SQL_H
#define DTSMIG_CHECK_SQL_H

#include "postgres.h"
#include "nodes/pg_list.h"

/* How the source writes a value. */
typedef enum CheckForm
{
	CHECK_FETCH = 0,			/* in no way that can be computed: rows have to
								 * be read */
	CHECK_INTEGER,				/* digits, in a record a bigint's bytes; may be
								 * cut into ranges */
	CHECK_OUTPUT,				/* as the type's output function of this server */
	CHECK_BOOLEAN,				/* 0 or 1 */
	CHECK_DOUBLE,				/* as MySQL writes a double */
	CHECK_DATETIME,				/* with as many digits of seconds as declared, no
								 * zone */
	CHECK_MICROSECONDS,			/* of an interval */
	CHECK_HOST,					/* of an inet: the address alone */
	CHECK_HEX,					/* bytes as upper-case hex digits */
	CHECK_TEXT,					/* itself; its length in bytes is added, but in a
								 * record */
	CHECK_LIST,					/* an array joined by commas, as CHECK_TEXT */
	CHECK_TEXT_DIGEST,			/* digest of the text */
	CHECK_BYTES_DIGEST,			/* digest of the bytes; PostgreSQL: MD5 */
	CHECK_FLOAT_BYTES,			/* hex digits of a double's bytes; in a record
								 * the bytes */
	CHECK_HASH					/* in a record alone: by the type's hash function */
} CheckForm;

/* By which the number of a text is made. */
typedef enum CheckDigest
{
	CHECK_CRC32,				/* MySQL family */
	CHECK_RECORD,				/* PostgreSQL's hash_record_extended: a record's
								 * columns are CHECK_INTEGER, CHECK_TEXT,
								 * CHECK_FLOAT_BYTES or CHECK_HASH */
	CHECK_HASH64,				/* PostgreSQL's hashtextextended */
	CHECK_HASH32				/* PostgreSQL's hashtext */
} CheckDigest;

/* Which rows. */
typedef struct CheckScope
{
	char	   *lo;				/* first key column, an integer: from … */
	char	   *hi;				/* … to, inclusive; NULL: open */
	char	   *condition;		/* in the server's SQL; NULL: none */
	int			nbuckets;		/* power of two; 0: none */
	List	   *buckets;		/* of ints: these alone; NIL: all */
} CheckScope;

/* A table as the source is asked for it. All SQL. */
typedef struct CheckTable
{
	CheckDigest digest;
	char	   *before;			/* SQL that goes in front of any SELECT from it;
								 * NULL: none */
	char	   *from;
	char	   *first_key;		/* NULL: cannot be cut into ranges */
	char	   *among;			/* condition for rows that count; NULL: all do */
	char	   *number;			/* of a row */
	char	   *bucket;			/* an integer, of which buckets are made: of the
								 * key or the row; NULL: has none */
} CheckTable;

/* What comes back: a group of rows. */
typedef struct CheckSum
{
	int			group;			/* bucket, or part, from 0 on */
	int64		rows;
	uint64		sum;			/* modulo 2^64 */
} CheckSum;

/* WHERE's condition; NULL: all rows. */
extern char *check_condition(const CheckTable *table, const CheckScope *scope);
/*
 * SELECT group, rows, sum. By parts of the first key column, by buckets if
 * scope->nbuckets, else one group. splits: the values at which the second part
 * begins and those that follow, in order (char *); NIL: no parts.
 */
extern char *check_sum_select(const CheckTable *table, const CheckScope *scope,
							  List *splits);
/* The first key column's value n rows after lo. */
extern char *check_step_select(const CheckTable *table, const char *lo,
							   int64 n);
/* Makes a CheckSum of an answer's row. */
extern CheckSum *check_read_sum(const char *group, const char *rows,
								const char *sum);
/*
 * concat_ws of SQL expressions (char *). Both sides leave NULLs out: columns
 * that are never NULL at the destination, but are at the source.
 */
extern char *check_concat(List *expressions);

#endif							/* DTSMIG_CHECK_SQL_H */
