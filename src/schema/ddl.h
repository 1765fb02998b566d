/*-------------------------------------------------------------------------
 *
 * ddl.h
 *	  A statement that changes tables, as a small tree over the model.
 *
 * A source engine makes it of what its log holds; nothing here depends on a
 * dialect but the SQL of expressions, which is the source's as in model.h.
 * CREATE TABLE is reported as the actions that fill an empty table, so that it
 * and ALTER TABLE are one.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_DDL_H
#define DTSMIG_DDL_H

#include "schema/model.h"

typedef struct DdlTable
{
	char	   *schema;			/* never NULL; "" if none is known */
	char	   *name;
} DdlTable;

typedef enum DdlKind
{
	DDL_NOTHING,				/* understood, and changes no table */
	DDL_CREATE_TABLE,
	DDL_ALTER_TABLE,			/* CREATE and DROP INDEX, too */
	DDL_DROP_TABLE,
	DDL_RENAME_TABLE,			/* tables: from, to, from, to … in this order */
	DDL_TRUNCATE,
	DDL_CREATE_SCHEMA,
	DDL_ALTER_SCHEMA,
	DDL_DROP_SCHEMA
} DdlKind;

typedef enum DdlActionKind
{
	DDL_ADD_COLUMN,				/* column, first, after */
	DDL_DROP_COLUMN,			/* name */
	DDL_CHANGE_COLUMN,			/* name, column, first, after */
	DDL_RENAME_COLUMN,			/* name, new_name */
	DDL_SET_DEFAULT,			/* name, text (NULL: DEFAULT NULL) */
	DDL_DROP_DEFAULT,			/* name */
	DDL_SHOW_COLUMN,			/* name, on: VISIBLE or INVISIBLE */
	DDL_ADD_INDEX,				/* index */
	DDL_DROP_INDEX,				/* name; "PRIMARY" */
	DDL_RENAME_INDEX,			/* name, new_name */
	DDL_SHOW_INDEX,				/* name, on */
	DDL_ADD_FOREIGN_KEY,		/* foreign_key, name: of its index, or NULL */
	DDL_DROP_FOREIGN_KEY,		/* name */
	DDL_ADD_CHECK,				/* check */
	DDL_DROP_CHECK,				/* name */
	DDL_ENFORCE_CHECK,			/* name, on */
	DDL_DROP_CONSTRAINT,		/* name; of whatever kind */
	DDL_RENAME_TABLE_TO,		/* table */
	DDL_CONVERT_CHARSET,		/* text: character set, text2: collation */
	DDL_DEFAULT_CHARSET,		/* the same */
	DDL_SET_COMMENT,			/* text */
	DDL_SET_ENGINE,				/* text */
	DDL_SET_AUTO_INCREMENT,		/* text: next value */
	DDL_SET_PARTITIONS,			/* text: PARTITION BY …; NULL: none */
	DDL_ADD_PARTITIONS,			/* text: (PARTITION …, …) */
	DDL_ADD_PERIOD,				/* name; text: as in SHOW CREATE TABLE */
	DDL_DROP_PERIOD,			/* name */
	DDL_VERSIONING,				/* on */
	DDL_ROWS_CHANGE				/* rows come or go that the log does not have:
								 * text says by what; table: the other table,
								 * or NULL */
} DdlActionKind;

typedef struct DdlColumn
{
	TableColumn def;			/* charset and collation as far as they are said;
								 * names and types not folded */
	bool		null_said;		/* NULL or NOT NULL */
	bool		default_said;	/* DEFAULT, DEFAULT NULL included */
	bool		text_type;		/* has a character set, said or not */
	bool		binary_collation;	/* attribute BINARY of a text type */
} DdlColumn;

typedef struct DdlAction
{
	DdlActionKind kind;
	char	   *name;
	char	   *new_name;
	DdlColumn  *column;
	bool		first;
	char	   *after;
	bool		if_exists;		/* or, of what is added, IF NOT EXISTS */
	bool		implicit;		/* by a column's attribute: KEY, UNIQUE, CHECK */
	TableIndex *index;			/* name NULL: the server chooses */
	TableForeignKey *foreign_key;
	TableCheck *check;
	char	   *text;
	char	   *text2;
	bool		on;
	DdlTable   *table;
} DdlAction;

typedef struct DdlStatement
{
	DdlKind		kind;
	bool		temporary;
	bool		if_exists;		/* IF EXISTS, IF NOT EXISTS */
	bool		or_replace;
	bool		ignore;			/* ALTER IGNORE: rows in the way of a key go */
	bool		loose;			/* of a session that was not strict: what does not
								 * fit is stored as something else */
	List	   *tables;			/* DdlTable *; of a schema: name "" */
	DdlTable   *like;			/* CREATE TABLE … LIKE */
	bool		as_select;		/* CREATE TABLE … SELECT: there may be more
								 * columns than actions add */
	char	   *charset;		/* of a schema, and collation */
	char	   *collation;
	char	   *time_zone;		/* of its literals; NULL: not said */
	char	   *charset_of_literals;	/* that the client wrote them in, all read
								 * as UTF-8 by now; NULL: UTF-8 */
	bool		cuts_seconds;	/* digits that a type has no room for are cut,
								 * not rounded */
	List	   *actions;		/* DdlAction * */
} DdlStatement;

/* What a source adds to definitions that do not say it. */
typedef struct DdlCharset
{
	char	   *name;			/* of a character set, or of a schema */
	char	   *collation;		/* its default */
} DdlCharset;

typedef struct DdlDefaults
{
	bool		mariadb;
	int			version;
	bool		explicit_timestamp; /* TIMESTAMP has no default of its own */
	List	   *charsets;		/* DdlCharset * */
	List	   *schemas;		/* DdlCharset * */
	char	   *collation;		/* of a new schema */

	/*
	 * A literal of a temporal type as the source reads it, with six digits of
	 * seconds: '2021-06-01 12:00:00.000000'. A TIMESTAMP in UTC; time_zone is
	 * that of its session (NULL: the server's). NULL: it is none.
	 */
	char	   *(*temporal) (void *conn, const char *type,
							 const char *time_zone, const char *literal);
	/* Bytes in hexadecimal, of one character set, in another; NULL: can't be. */
	char	   *(*convert) (void *conn, const char *hex, const char *from,
							const char *to);

	/*
	 * The default that a column of a table has by now, in hexadecimal, of a
	 * text in UTF-8. NULL: none, or no such column.
	 */
	char	   *(*current) (void *conn, const char *schema, const char *table,
							const char *column, bool text);
	void	   *conn;
} DdlDefaults;

#endif							/* DTSMIG_DDL_H */
