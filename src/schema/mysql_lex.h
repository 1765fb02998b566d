/*-------------------------------------------------------------------------
 *
 * mysql_lex.h
 *	  Tokens of the MySQL family's SQL, as its information_schema prints
 *	  expressions.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_MYSQL_LEX_H
#define DTSMIG_MYSQL_LEX_H

#include "postgres.h"

typedef enum MyTokenKind
{
	TOK_END,
	TOK_WORD,					/* bare word: keyword, function or name */
	TOK_NAME,					/* `quoted` */
	TOK_STRING,					/* 'text', unescaped */
	TOK_NUMBER,					/* 12, 1.5, 1e3 */
	TOK_HEX,					/* X'4142', 0x4142: text holds the digits */
	TOK_BIT,					/* b'01', 0b01: text holds the digits */
	TOK_OP,						/* operator or punctuation */
	TOK_BAD						/* text says what is wrong */
} MyTokenKind;

typedef struct MyToken
{
	MyTokenKind kind;
	char	   *text;			/* palloc'd */
	char	   *charset;		/* introducer of a string, in lower case; NULL */
	int			start;			/* offset in the source text */
} MyToken;

typedef struct MyLexer
{
	const char *sql;
	int			pos;
} MyLexer;

extern void mysql_lex_init(MyLexer *lexer, const char *sql);
extern MyToken mysql_lex_next(MyLexer *lexer);

/* Is the token this keyword or operator (ASCII, any case)? */
extern bool mysql_token_is(const MyToken *token, const char *word);

#endif							/* DTSMIG_MYSQL_LEX_H */
