/*-------------------------------------------------------------------------
 *
 * my_schema_impl.h
 *	  What the my_schema*.c files share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_MY_SCHEMA_IMPL_H
#define DTSMIG_MY_SCHEMA_IMPL_H

#include "lib/stringinfo.h"
#include "utils/hsearch.h"

#include "client/my_conn.h"
#include "source/mysql/my_schema.h"

typedef struct MyDescribe
{
	MyConn	   *conn;
	bool		mariadb;
	int			version;
	char	   *schemas;		/* 'a','b' for IN () */
	List	   *tables;			/* TableDef * */
	HTAB	   *by_name;
} MyDescribe;

/* my_schema.c */
extern TableDef *my_described_table(MyDescribe *d, const char *schema,
									const char *table);
/* Has the server this column of information_schema? */
extern bool my_has_column(MyDescribe *d, const char *table,
						  const char *column);

/* my_schema_columns.c */
extern void my_describe_columns(MyDescribe *d);

/*
 * DEFAULT() of a table's column, made by an expression of it; NULL: not known.
 */
extern char *my_ask_default(MyConn *conn, const char *schema, const char *table,
							const char *expr);
/* The same in hexadecimal, of a text in UTF-8. */
extern char *my_ask_default_hex(MyConn *conn, const char *schema,
								const char *table, const char *column, bool text);

/* my_schema_keys.c: indexes, foreign keys, checks */
extern void my_describe_indexes(MyDescribe *d);
/* DISTANCE of vector indexes */
extern void my_describe_distances(MyDescribe *d, TableDef *def);
extern void my_describe_foreign_keys(MyDescribe *d);
extern void my_describe_checks(MyDescribe *d);

/*
 * my_schema_text.c: an expression as MySQL 8 shows it, as it is. binary: of a
 * column of bytes.
 */
extern char *my_shown_expression(MyConn *conn, const char *text, bool binary);

#endif							/* DTSMIG_MY_SCHEMA_IMPL_H */
