/*-------------------------------------------------------------------------
 *
 * ddl_parse.h
 *	  Statements of MySQL and MariaDB that change tables, as trees of
 *	  schema/ddl.h. Pure but for palloc: no error is raised, nothing is asked.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_DDL_PARSE_H
#define DTSMIG_DDL_PARSE_H

#include "schema/ddl.h"
#include "source/mysql/ddl_lex.h"

typedef struct DdlInput
{
	const char *sql;			/* in the server's encoding */
	const char *schema;			/* database the statement ran in; may be "" */
	DdlDialect	dialect;
	bool		fold_names;		/* the source folds schemas and tables to
								 * lower case */
} DdlInput;

/*
 * Reads one statement. NULL: it is not understood, or does what is not
 * replicated; *error says what, palloc'd.
 */
extern DdlStatement *ddl_parse(const DdlInput *input, char **error);

#endif							/* DTSMIG_DDL_PARSE_H */
