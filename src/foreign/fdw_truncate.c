/*-------------------------------------------------------------------------
 *
 * fdw_truncate.c
 *	  TRUNCATE of foreign tables.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "foreign/fdw_modify.h"

#include "fdw/fdw_table_options.h"
#include "foreign/fdw_table.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "source/write.h"

/* All are of one server. */
void
fdw_truncate(List *rels, DropBehavior behavior, bool restart)
{
	List	   *tables = NIL;
	List	   *relations = NIL;
	FdwConnection *c = NULL;
	ListCell   *lc;

	foreach(lc, rels)
	{
		Relation	rel = lfirst(lc);
		ForeignTable *foreign = GetForeignTable(RelationGetRelid(rel));

		if (!fdw_table_allows(foreign->options, GetForeignServer(foreign->serverid)->options,
							  "truncatable"))
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("foreign table \"%s\" does not allow truncates",
							RelationGetRelationName(rel)),
					 errhint("Option truncatable of the table, or of its server, decides.")));
		tables = lappend(tables, fdw_table_open(RelationGetRelid(rel), GetUserId(), NULL, false));
	}
	foreach(lc, tables)
	{
		FdwTable   *table = lfirst(lc);

		c = fdw_connection_get_to_write(table->server, table->role);
		c->source->write->prepare(c->conn, table->rel, &table->options->policy);
		relations = lappend(relations, table->rel);
	}
	if (c != NULL)
		c->source->write->empty(c->conn, relations, restart, behavior == DROP_CASCADE);
	foreach(lc, tables)
		fdw_table_close(lfirst(lc));
}
