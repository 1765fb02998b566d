/*-------------------------------------------------------------------------
 *
 * srf.h
 *	  Set-returning functions that put their rows into a tuplestore.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_SRF_H
#define DTSMIG_SRF_H

#include "postgres.h"
#include "fmgr.h"
#include "nodes/execnodes.h"

/* Sets up fcinfo's result; raises an error if the caller takes no set. */
extern ReturnSetInfo *srf_begin(FunctionCallInfo fcinfo);
/* Adds a row of texts, one for each column; NULL is SQL NULL. */
extern void srf_put_texts(ReturnSetInfo *rsinfo, const char *const *texts);

#endif							/* DTSMIG_SRF_H */
