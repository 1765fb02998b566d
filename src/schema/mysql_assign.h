/*-------------------------------------------------------------------------
 *
 * mysql_assign.h
 *	  What becomes of an expression's value in a column of the MySQL family.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_MYSQL_ASSIGN_H
#define DTSMIG_MYSQL_ASSIGN_H

#include "schema/mysql_expr.h"

/*
 * Makes of a generated column's translated expression one whose value is what
 * the source stores; where that cannot be known, sql is NULL and why is set.
 */
extern void mysql_assign(const TableColumn *col, MyExprResult *result);

#endif							/* DTSMIG_MYSQL_ASSIGN_H */
