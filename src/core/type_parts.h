/*-------------------------------------------------------------------------
 *
 * type_parts.h
 *	  What a value of a type can hold.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_TYPE_PARTS_H
#define DTSMIG_TYPE_PARTS_H

#include "postgres.h"

/*
 * Is test true of the type, or of one that its values hold: the base type of a
 * domain, elements of arrays, bounds of ranges, columns of composite types?
 * test is asked of base types.
 */
extern bool type_holds(Oid typid, bool (*test) (Oid typid, void *arg),
					   void *arg);

#endif							/* DTSMIG_TYPE_PARTS_H */
