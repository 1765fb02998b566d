/*-------------------------------------------------------------------------
 *
 * precheck_shape.h
 *	  Precheck of what rules make of rows.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_PRECHECK_SHAPE_H
#define DTSMIG_PRECHECK_SHAPE_H

#include "check/precheck.h"

/*
 * Compiles filters and expressions of the selected tables (TableDef *), and
 * runs them over some of their rows. Adds PrecheckItems "columns" and
 * "expressions"; false: one failed, and a plan cannot be made.
 */
extern bool precheck_shape(PrecheckContext *pc, List *tables, List **items);

#endif							/* DTSMIG_PRECHECK_SHAPE_H */
