/*-------------------------------------------------------------------------
 *
 * compat.h
 *	  Differences between PostgreSQL 14 and 18. The only file of dtsmig that
 *	  looks at PG_VERSION_NUM. Entries are alphabetical; each names the
 *	  change upstream that made it necessary.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_COMPAT_H
#define DTSMIG_COMPAT_H

#include "postgres.h"
#include "fmgr.h"

#if PG_VERSION_NUM < 140000 || PG_VERSION_NUM >= 190000
#error "dtsmig builds on PostgreSQL 14 to 18"
#endif

/*
 * An SQL-callable function. Symbols are hidden unless exported; before 16
 * PG_FUNCTION_INFO_V1 did not export by itself (089480c07705).
 */
#define DTS_FUNCTION(name) \
	extern PGDLLEXPORT Datum name(PG_FUNCTION_ARGS); \
	PG_FUNCTION_INFO_V1(name)

#endif							/* DTSMIG_COMPAT_H */
