/*-------------------------------------------------------------------------
 *
 * fdw_modify_plan.c
 *	  Plans of statements that write rows of foreign tables.
 *
 * Rows that are updated or deleted are found by a key: the columns that option
 * key names, else the primary key of the source, or a unique one without NULL.
 * The scan reads it, and locks the rows at the source.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "foreign/fdw_modify.h"

#include "fdw/fdw_table_options.h"
#include "foreign/fdw_table.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "optimizer/appendinfo.h"
#include "parser/parse_relation.h"
#include "utils/builtins.h"

int
fdw_is_updatable(Relation rel)
{
	ForeignTable *table = GetForeignTable(RelationGetRelid(rel));

	return fdw_table_allows(table->options, GetForeignServer(table->serverid)->options,
							"updatable") ?
		1 << CMD_INSERT | 1 << CMD_UPDATE | 1 << CMD_DELETE : 0;
}

/* Those of an inheritance tree are one where they are alike. */
char *
fdw_modify_key_name(Relation rel, int attno)
{
	Form_pg_attribute att = TupleDescAttr(RelationGetDescr(rel), attno - 1);

	return psprintf("key %s %u %d %u", NameStr(att->attname), att->atttypid, att->atttypmod,
					att->attcollation);
}

void
fdw_add_update_targets(PlannerInfo *root, Index rtindex, RangeTblEntry *rte, Relation rel)
{
	Oid			role = dts_target_role(root, rte);
	FdwTable   *table = fdw_table_open(RelationGetRelid(rel), OidIsValid(role) ? role : GetUserId(),
									   NULL, true);
	List	   *key = fdw_table_key(table);
	ListCell   *lc;

	if (key == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("rows of foreign table \"%s\" cannot be updated or deleted: they have no key",
						RelationGetRelationName(rel)),
				 errdetail("Table \"%s\".\"%s\" of server \"%s\" has no primary key, nor a unique one without NULL, whose columns all are columns of the foreign table.",
						   table->schema, table->name, table->c->info->server_name),
				 errhint("ALTER FOREIGN TABLE %s ALTER COLUMN … OPTIONS (key 'true') names columns that identify rows.",
						 quote_identifier(RelationGetRelationName(rel)))));
	foreach(lc, key)
	{
		int			attno = lfirst_int(lc);
		Form_pg_attribute att = TupleDescAttr(RelationGetDescr(rel), attno - 1);

		add_row_identity_var(root, makeVar(rtindex, attno, att->atttypid, att->atttypmod,
										   att->attcollation, 0),
							 rtindex, fdw_modify_key_name(rel, attno));
	}
	fdw_table_close(table);
}

List *
fdw_plan_modify(PlannerInfo *root, ModifyTable *plan, Index rtindex, int subplan)
{
	if (plan->onConflictAction == ONCONFLICT_UPDATE)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("ON CONFLICT DO UPDATE is not supported for foreign tables"),
				 errhint("UPDATE the rows, then INSERT … ON CONFLICT DO NOTHING.")));
	return NIL;
}
