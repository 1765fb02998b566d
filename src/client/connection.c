/*-------------------------------------------------------------------------
 *
 * connection.c
 *	  What all connections count together.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "client/connection.h"

uint64		source_statements = 0;
