/*-------------------------------------------------------------------------
 *
 * my_value.h
 *	  Tables of a MySQL-family server that rows are written to: their columns,
 *	  and values of PostgreSQL as literals that they take.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_MY_VALUE_H
#define DTSMIG_MY_VALUE_H

#include "postgres.h"

#include "fmgr.h"

#include "client/my_conn.h"
#include "core/policy.h"
#include "core/relation.h"

/* How values of a column in flight become literals. */
typedef enum MyForm
{
	FORM_TEXT,					/* what the type's output function says, quoted … */
	FORM_BARE,					/* … as it is */
	FORM_CHAR,					/* of char(n), without the blanks at its end */
	FORM_BOOL,
	FORM_FLOAT4,
	FORM_FLOAT8,
	FORM_NUMERIC,
	FORM_MONEY,
	FORM_DATE,
	FORM_TIMESTAMP,				/* with or without time zone: in UTC */
	FORM_TIME,
	FORM_INTERVAL,				/* as TIME, of more than a day */
	FORM_BYTEA,
	FORM_BIT,
	FORM_BIT_BYTES,				/* bits as a binary string */
	FORM_JSON,
	FORM_ARRAY,
	FORM_SET,					/* an array of labels */
	FORM_GEOMETRY,				/* WKB, or what PostGIS shows */
	FORM_VECTOR					/* an array of numbers, or what pgvector shows */
} MyForm;

/* A column of a table, as it was when that was looked at. */
typedef struct MyField
{
	char	   *bare;
	char	   *name;			/* quoted */
	char	   *type;			/* DATA_TYPE: "varchar" */
	int			fsp;			/* digits of a second */
	int			decimals;		/* of FLOAT(7,2) and DOUBLE(7,2); -1 */
	Size		length;			/* of texts, binary strings and bits, at most */
	char	   *labels;			/* "enum('a','b')", of that type and SET; NULL */
	bool		not_null;
	bool		generated;
	bool		inexact;		/* texts that are different can be equal in it */
	bool		json;			/* of MySQL, which reads its numbers … */
	bool		first_key;		/* … and keeps the first of keys that are equal, not
								 * the last */
	uint32		srid;			/* of its geometries */

	/* of values in flight, see my_field_take */
	MyForm		form;
	FmgrInfo	output;
} MyField;

/* Who writes, and where; for messages, too. */
typedef struct MyWriter
{
	const char *server;
	const char *place;			/* "the destination", "server …" */
	Size		max_statement;	/* bytes that a statement may have */
	const TypePolicy *policy;
	bool		task;			/* a task does, whose options can be altered */
} MyWriter;

/* SourceRelation.bound of a relation whose rows are written */
typedef struct MyTarget
{
	const MyWriter *writer;
	char	   *qualified;		/* quoted database.table */
	MyField    *columns;		/* for each of rel */
	Oid		   *out_func;		/* the same: of types in flight */
} MyTarget;

/*
 * What a table is: NULL: there is none of that name. *reason, a sentence: it takes
 * no rows.
 */
extern char *my_table_kind(MyConn *conn, const char *schema, const char *name, char **reason);
/* Its columns. */
extern MyField *my_fields(MyConn *conn, const char *schema, const char *name, int *n);
/* -1: there is no such column. Names that differ in case are one. */
extern int	my_field_find(const MyField *fields, int n, const char *name);
/* Is its type one of these words, with blanks around? */
extern bool my_field_is_type(const MyField *field, const char *types);
/* Values of a type are written to the field. */
extern void my_field_take(MyField *field, Oid typid, MemoryContext cxt);

/* Appends a value as a literal; isnull: NULL. */
extern void my_value_append(StringInfo sql, const SourceRelation *rel, int col, Datum value,
							bool isnull);
/* Appends a condition that holds for rows with that value alone; NULL is one. */
extern void my_value_append_match(StringInfo sql, const SourceRelation *rel, int col,
								  Datum value, bool isnull);

/* So many bytes, of a column or (-1) a row, are what the server takes, or an error. */
extern void my_check_size(const SourceRelation *rel, int col, Size bytes);

#endif							/* DTSMIG_MY_VALUE_H */
