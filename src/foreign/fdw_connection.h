/*-------------------------------------------------------------------------
 *
 * fdw_connection.h
 *	  Connections of foreign tables: one for each server and role of this
 *	  session, with one snapshot of the source for a local transaction, or one
 *	  more from where it begins to write.
 *
 * A connection reads the rows of one statement at a time. Whoever needs it
 * while another scan reads makes that scan put its other rows aside
 * (fdw_stream_park).
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_FDW_CONNECTION_H
#define DTSMIG_FDW_CONNECTION_H

#include "compat.h"

#include "source/source.h"

struct FdwStream;

/* What a connection is kept by: nothing of it is another role's. */
typedef struct FdwConnectionKey
{
	Oid			server;
	Oid			mapping;
	Oid			role;
} FdwConnectionKey;

typedef struct FdwConnection
{
	FdwConnectionKey key;
	MemoryContext cxt;			/* of all below; NULL: there is no connection */
	const SourceRoutine *source;
	ConnectionInfo *info;
	SourceConn *conn;
	Oid			connect_as;		/* whose privileges decide how to connect */
	uint32		server_hash;	/* of their catalog entries */
	uint32		mapping_hash;
	bool		invalid;		/* made with options that are no longer those */
	bool		in_transaction; /* its snapshot is open at the source */
	MemoryContext xcxt;			/* as long as that */
	List	   *tables;			/* TableDef *, described in this transaction */
	struct FdwStream *active;	/* reads rows now; NULL: none */

	/* of a transaction that writes, see fdw_transaction.c */
	bool		writing;
	int			level;			/* subtransactions that have a savepoint at the source:
								 * s2 … */
	int			savepoints;		/* those that it has */
	int			undo;			/* one to be rolled back to; 0: none */
} FdwConnection;

/*
 * The connection of a role to a server, in a transaction, and idle. Raises
 * 42501 unless the role has USAGE on the server, 42704 if it has no user
 * mapping, 08001 where the source cannot be reached.
 */
extern FdwConnection *fdw_connection_get(Oid server, Oid role);

/*
 * The same for rows that are written, or locked; what was read of the source
 * before is of an earlier snapshot.
 */
extern FdwConnection *fdw_connection_get_to_write(Oid server, Oid role);

/* The same one again, within the transaction: idle. */
extern void fdw_connection_use(FdwConnection *c);

/* A table of the source as it is now; raises 42P01 if there is none. */
extern TableDef *fdw_connection_describe(FdwConnection *c, const char *schema,
										 const char *table);

/*
 * Asks the source to end the statement whose rows are being read; false: it
 * could not be known.
 */
extern bool fdw_connection_interrupt(FdwConnection *c);
/*
 * The error that has been caught of a statement which writes or locks rows is
 * raised again; one that was cancelled is not to go on at the source.
 */
pg_noreturn extern void fdw_connection_failed(FdwConnection *c, MemoryContext cxt);

#endif							/* DTSMIG_FDW_CONNECTION_H */
