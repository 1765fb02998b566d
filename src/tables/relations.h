/*-------------------------------------------------------------------------
 *
 * relations.h
 *	  The tables of a task, out of the catalog and ready for rows: for the
 *	  worker, which writes them, and for verification, which compares them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_RELATIONS_H
#define DTSMIG_RELATIONS_H

#include "postgres.h"

#include "core/relation.h"
#include "dest/dest.h"
#include "source/source.h"
#include "transform/select.h"

/* What tables are opened with. */
typedef struct TableContext
{
	const Selection *selection;
	const SourceRoutine *source;
	SourceConn *conn;			/* decoders are chosen over it */
	const DestRoutine *dest;	/* that binds them */
	TypePolicy *policy;
	bool		unbound;		/* tables at the destination are of a later time: their
								 * rows are not written, and they are not looked at */
} TableContext;

/*
 * One relation from its TableDef, in a context of its own below cxt; not bound,
 * not prepared.
 */
extern SourceRelation *relations_make(MemoryContext cxt, int64 table_id,
									  TableDef *def);
/*
 * A table of the catalog, bound and prepared; neither if its rows are to be
 * copied again, unless anyway is set.
 */
extern SourceRelation *relations_open_one(MemoryContext cxt, int64 table_id,
										  bool anyway, const TableContext *tc);
/* NULL: the catalog does not have it. */
extern SourceRelation *relations_try_open_one(MemoryContext cxt, int64 table_id,
											  bool anyway, const TableContext *tc);
/* The same of all tables of a task, in the order of their ids. */
extern SourceRelation **relations_open(MemoryContext cxt, int64 task_id,
									   const TableContext *tc, int *nrels);

#endif							/* DTSMIG_RELATIONS_H */
