/*-------------------------------------------------------------------------
 *
 * ddl_parse_impl.h
 *	  What the files of the DDL parser share.
 *
 * A recursive descent without recursion over one token of look-ahead. What
 * does not parse sets DdlParser.error; from then on the input reads as ended,
 * and the caller throws away what was read.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_DDL_PARSE_IMPL_H
#define DTSMIG_DDL_PARSE_IMPL_H

#include "lib/stringinfo.h"

#include "source/mysql/ddl_parse.h"

typedef struct DdlParser
{
	const DdlInput *input;
	DdlLexer	lexer;
	DdlToken	token;			/* the next one */
	char	   *error;
	DdlStatement *stmt;
} DdlParser;

/* A place to come back to. */
typedef struct DdlMark
{
	DdlLexer	lexer;
	DdlToken	token;
} DdlMark;

/* ddl_parse.c */
extern void ddl_advance(DdlParser *p);
extern void ddl_fail(DdlParser *p, const char *fmt,...) pg_attribute_printf(2, 3);
extern void ddl_unexpected(DdlParser *p);
/* The token at hand, cut to what errors show of one. */
extern char *ddl_shown(const DdlParser *p);
extern bool ddl_is(const DdlParser *p, const char *word);
extern bool ddl_is_end(const DdlParser *p);
extern bool ddl_accept(DdlParser *p, const char *word);
/* Both words, or neither. */
extern bool ddl_accept2(DdlParser *p, const char *word, const char *word2);
extern void ddl_expect(DdlParser *p, const char *word);
extern DdlMark ddl_mark(const DdlParser *p);
extern void ddl_back(DdlParser *p, const DdlMark *mark);
extern bool ddl_is_name(const DdlParser *p);
extern char *ddl_name(DdlParser *p);
extern DdlTable *ddl_table_name(DdlParser *p);
/* A number, as text. */
extern char *ddl_number(DdlParser *p);
extern int64 ddl_integer(DdlParser *p);
/* 'text'; NULL (and an error) if there is none. */
extern char *ddl_string(DdlParser *p);
/* (…) with its parentheses, in the spelling of information_schema. */
extern char *ddl_parenthesized(DdlParser *p);
/* Adds the spelling of the current token, and moves on. */
extern void ddl_take_token(DdlParser *p, StringInfo buf);
extern DdlAction *ddl_action(DdlParser *p, DdlActionKind kind);
extern bool ddl_if_exists(DdlParser *p);
extern bool ddl_if_not_exists(DdlParser *p);
/* WAIT n, NOWAIT */
extern void ddl_wait(DdlParser *p);
/* A character set's or collation's name. */
extern char *ddl_charset_name(DdlParser *p);
/* [DEFAULT] CHARACTER SET [=] x, COLLATE [=] x: true if it was one */
extern bool ddl_charset_option(DdlParser *p, char **charset, char **collation);

/* ddl_parse_column.c */
extern DdlColumn *ddl_column(DdlParser *p, char *name, List **keys);
extern char *ddl_default_value(DdlParser *p);

/* ddl_parse_key.c: true if an index, foreign key or check was there */
extern bool ddl_key(DdlParser *p, List **actions);
/* An engine's own attribute: name = value. */
extern bool ddl_engine_option(DdlParser *p);
extern void ddl_references(DdlParser *p, TableForeignKey *fk);
extern bool ddl_checks_count(const DdlParser *p);
extern List *ddl_key_parts(DdlParser *p);
extern void ddl_index_options(DdlParser *p, TableIndex *index);
/* [NOT] ENFORCED after a check */
extern bool ddl_enforced(DdlParser *p);

/* ddl_parse_create.c */
extern void ddl_create_table(DdlParser *p);
/* One table option; true if there was one. */
extern bool ddl_table_option(DdlParser *p);
extern void ddl_partition_by(DdlParser *p);

/* ddl_parse_alter.c */
extern void ddl_alter_table(DdlParser *p);
/* ALGORITHM and LOCK of ALTER TABLE and CREATE, DROP INDEX */
extern bool ddl_algorithm(DdlParser *p);

#endif							/* DTSMIG_DDL_PARSE_IMPL_H */
