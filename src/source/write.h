/*-------------------------------------------------------------------------
 *
 * write.h
 *	  What a source engine does for foreign tables whose rows are written, over
 *	  the connection that reads them. Nothing of a migration uses it.
 *
 * Relations are prepared as for reading; their columns are those of the
 * foreign table.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_SOURCE_WRITE_H
#define DTSMIG_SOURCE_WRITE_H

#include "postgres.h"
#include "lib/stringinfo.h"
#include "nodes/pg_list.h"

#include "core/policy.h"
#include "core/relation.h"

struct SourceConn;
struct SourceRows;

typedef struct SourceWriteRoutine
{
	/*
	 * A transaction of one snapshot for reads that follow, which sees what it has
	 * written; and its end. Statements that begin savepoints and end them are the
	 * same for all engines.
	 */
	void		(*begin) (struct SourceConn *conn);
	void		(*commit) (struct SourceConn *conn);
	void		(*run) (struct SourceConn *conn, const char *sql);
	/* Is nothing under way, and that transaction open? */
	bool		(*is_open) (struct SourceConn *conn);

	/*
	 * Rows are going to be written: 0A000 if the table takes none that could be
	 * taken back.
	 */
	void		(*prepare) (struct SourceConn *conn, SourceRelation *rel,
							const TypePolicy *policy);
	/* The table as INSERT takes it; as UPDATE and DELETE do. */
	char	   *(*table) (const SourceRelation *rel, bool only);
	/* Bytes that a statement may have. */
	Size		(*max_statement) (const SourceRelation *rel);
	/* Appends a value as a literal. */
	void		(*value) (StringInfo sql, const SourceRelation *rel, int col, Datum value,
						  bool isnull);
	/* Appends a condition that holds for rows with that value alone. */
	void		(*match) (StringInfo sql, const SourceRelation *rel, int col, Datum value);
	/* A value that the last INSERT made, in a condition; NULL: it makes none. */
	char	   *(*made) (const SourceRelation *rel, int col);
	const char *defaults;		/* behind INSERT INTO t: a row of nothing else */
	const char *skip_conflicts; /* behind an INSERT; NULL: see write */
	const char *share;			/* behind a SELECT: FOR SHARE */

	/*
	 * Runs INSERT, UPDATE or DELETE; rows that were written or, of an UPDATE,
	 * found. skips: nothing is done, and no error raised, if there is a row of
	 * the same key.
	 */
	int64		(*write) (struct SourceConn *conn, const SourceRelation *rel, StringInfo sql,
						  bool skips);
	/*
	 * The same of a statement without an end: the rows that it has written, as
	 * SourceRoutine.open_rows gives them. NULL: they are read by their key.
	 */
	struct SourceRows *(*write_rows) (struct SourceConn *conn, SourceRelation *rel,
									  StringInfo sql);
	/* TRUNCATE of tables (SourceRelation *); what cannot be had raises 0A000. */
	void		(*empty) (struct SourceConn *conn, List *rels, bool restart, bool cascade);
} SourceWriteRoutine;

extern const SourceWriteRoutine mysql_source_write;
extern const SourceWriteRoutine pgsql_source_write;

#endif							/* DTSMIG_SOURCE_WRITE_H */
