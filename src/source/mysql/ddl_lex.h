/*-------------------------------------------------------------------------
 *
 * ddl_lex.h
 *	  Tokens of statements of the MySQL family, as a client wrote them. Pure
 *	  but for palloc.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_DDL_LEX_H
#define DTSMIG_DDL_LEX_H

#include "postgres.h"

/* How a source reads its SQL. */
typedef struct DdlDialect
{
	bool		mariadb;
	int			version;		/* 101119: decides on versioned comments */
	uint64		sql_mode;		/* BINLOG_MODE_… of binlog_query.h */
} DdlDialect;

typedef enum DdlTokenKind
{
	DDL_TOK_END,
	DDL_TOK_WORD,				/* bare word */
	DDL_TOK_NAME,				/* `quoted` */
	DDL_TOK_STRING,				/* text, unescaped */
	DDL_TOK_NUMBER,
	DDL_TOK_HEX,				/* x'..', 0x..: text has the digits */
	DDL_TOK_BIT,				/* b'..', 0b.. */
	DDL_TOK_VARIABLE,			/* @a, @@b */
	DDL_TOK_OP,
	DDL_TOK_BAD					/* text says what is wrong */
} DdlTokenKind;

typedef struct DdlToken
{
	DdlTokenKind kind;
	char	   *text;
	char	   *charset;		/* introducer of a string or of x'..'; NULL */
	int			start;			/* offsets in the statement */
	int			end;
} DdlToken;

typedef struct DdlLexer
{
	const DdlDialect *dialect;
	const char *sql;
	int			len;
	int			pos;
	bool		after_dot;		/* digits are a name, then */
	bool		in_code;		/* in a versioned comment that is code */
} DdlLexer;

extern void ddl_lex_init(DdlLexer *lexer, const char *sql,
						 const DdlDialect *dialect);
extern DdlToken ddl_lex_next(DdlLexer *lexer);

#endif							/* DTSMIG_DDL_LEX_H */
