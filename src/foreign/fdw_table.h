/*-------------------------------------------------------------------------
 *
 * fdw_table.h
 *	  Foreign tables, and the tables of the source that they stand for.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_FDW_TABLE_H
#define DTSMIG_FDW_TABLE_H

#include "postgres.h"
#include "nodes/bitmapset.h"
#include "utils/rel.h"

#include "core/options.h"
#include "foreign/fdw_connection.h"

/* A foreign table and its columns as a relation of the source. */
typedef struct FdwTable
{
	Oid			relid;
	Oid			server;
	Oid			role;			/* that reads it */
	char	   *schema;			/* at the source */
	char	   *name;
	TaskOptions *options;
	int			batch_size;
	bool		async;			/* option async_capable */
	Bitmapset  *key;			/* attributes that options call the key; NULL: none does */
	int			natts;
	int		   *source_of;		/* of each attribute: index into rel->columns; -1:
								 * it was dropped */
	Oid		   *domain;			/* of each attribute: its type, where that is a
								 * domain; else InvalidOid */
	FdwConnection *c;
	MemoryContext cxt;			/* of rel */
	SourceRelation *rel;		/* prepared */
} FdwTable;

/*
 * Connects, and binds the foreign table to its table of the source. Read
 * are the columns of the attributes wanted (NULL: all), of which there is one
 * at least. Its cxt is a child of the current context for a plan, else of
 * c->xcxt, for a stream may outlive the statement.
 */
extern FdwTable *fdw_table_open(Oid relid, Oid role, Bitmapset *wanted,
								bool for_plan);
extern void fdw_table_close(FdwTable *table);

/*
 * Attributes of the key, as integers: those of the options, else of the source's
 * key; NIL: there is none, or not all of it.
 */
extern List *fdw_table_key(const FdwTable *table);

/* The column as it is at the source. */
extern TableColumn *fdw_table_column(const FdwTable *table, int attno);

#endif							/* DTSMIG_FDW_TABLE_H */
