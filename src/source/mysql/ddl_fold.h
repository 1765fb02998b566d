/*-------------------------------------------------------------------------
 *
 * ddl_fold.h
 *	  Names of databases and tables as a source with lower_case_table_names
 *	  keeps them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_DDL_FOLD_H
#define DTSMIG_DDL_FOLD_H

#include "postgres.h"

/* In UTF-8; other bytes stay as they are. palloc'd; pure but for that. */
extern char *ddl_fold_name(const char *name);

#endif							/* DTSMIG_DDL_FOLD_H */
