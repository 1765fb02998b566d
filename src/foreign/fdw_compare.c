/*-------------------------------------------------------------------------
 *
 * fdw_compare.c
 *	  dtsmig.compare: rows of two tables that differ, by key.
 *
 *		foreign table f, table t, joined by the key of t:
 *		a row of one alone, or columns whose values are not the same bytes
 *
 * Columns of equal type are compared as records are by *<>, which knows every
 * type; those of other types (two enums) as text. It is one query, run as the
 * caller, that sorts or hashes as it can. No cast of a type that is not the
 * server's own is run: it can be a function of whoever owns the type.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "schema/pg_check_sql.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/syscache.h"

DTS_FUNCTION(dtsmig_compare);

/* Rows that are fetched at a time. */
#define FETCH 1000

static char *
qualified(Relation rel)
{
	return quote_qualified_identifier(get_namespace_name(RelationGetNamespace(rel)),
									  RelationGetRelationName(rel));
}

static bool
is_key(Form_pg_index index, Relation table)
{
	if (!index->indisunique || !index->indisvalid || index->indnkeyatts == 0)
		return false;
	for (int i = 0; i < index->indnkeyatts; i++)
	{
		int			attno = index->indkey.values[i];

		if (attno <= 0 || !TupleDescAttr(RelationGetDescr(table), attno - 1)->attnotnull)
			return false;
	}
	return true;
}

/* Attributes of the primary key, else of a unique one without NULLs. */
static List *
key_of(Relation table)
{
	List	   *key = NIL;
	ListCell   *lc;
	bool		primary = false;

	foreach(lc, RelationGetIndexList(table))
	{
		Relation	rel = index_open(lfirst_oid(lc), AccessShareLock);
		Form_pg_index index = rel->rd_index;

		if (!primary && is_key(index, table) && (key == NIL || index->indisprimary) &&
			RelationGetIndexPredicate(rel) == NIL)
		{
			primary = index->indisprimary;
			key = NIL;
			for (int i = 0; i < index->indnkeyatts; i++)
				key = lappend_int(key, index->indkey.values[i]);
		}
		index_close(rel, AccessShareLock);
	}
	return key;
}

/* Attribute of the foreign table of that name; an error if there is none. */
static Form_pg_attribute
counterpart(Relation foreign, Relation table, const char *name)
{
	AttrNumber	attno = get_attnum(RelationGetRelid(foreign), name);

	if (attno <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("foreign table %s has no column \"%s\", which table %s has",
						qualified(foreign), name, qualified(table)),
				 errhint("IMPORT FOREIGN SCHEMA makes it as it is by now.")));
	return TupleDescAttr(RelationGetDescr(foreign), attno - 1);
}

/* A column of f or t as text. */
static char *
as_text(char side, const char *name, Oid type)
{
	return pg_check_text(psprintf("%c.%s", side, name), type < FirstNormalObjectId);
}

/* The same as what is compared: as it is, where both are of one type. */
static char *
compared(char side, const char *name, Oid type, Oid other)
{
	return type == other ? psprintf("%c.%s", side, name) : as_text(side, name, type);
}

/* Condition that both have the same key, and the key as jsonb. */
static void
append_key(StringInfo join, StringInfo shown, Relation foreign, Relation table,
		   List *key)
{
	ListCell   *lc;

	foreach(lc, key)
	{
		Form_pg_attribute att = TupleDescAttr(RelationGetDescr(table), lfirst_int(lc) - 1);
		const char *name = quote_identifier(NameStr(att->attname));
		Oid			other = counterpart(foreign, table, NameStr(att->attname))->atttypid;
		bool		first = lc == list_head(key);

		appendStringInfo(join, "%s%s = %s", first ? "" : " AND ",
						 compared('f', name, other, att->atttypid),
						 compared('t', name, att->atttypid, other));
		appendStringInfo(shown, "%s%s, COALESCE(%s, %s)",
						 first ? "" : ", ", quote_literal_cstr(NameStr(att->attname)),
						 as_text('f', name, other), as_text('t', name, att->atttypid));
	}
}

/* Names of the columns that differ, as an array. */
static void
append_columns(StringInfo buf, Relation foreign, Relation table)
{
	TupleDesc	desc = RelationGetDescr(table);
	bool		any = false;

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		const char *name;
		Oid			other;

		if (att->attisdropped)
			continue;
		name = quote_identifier(NameStr(att->attname));
		other = counterpart(foreign, table, NameStr(att->attname))->atttypid;
		appendStringInfo(buf, "%sCASE WHEN pg_catalog.record_image_ne(ROW(%s), ROW(%s)) THEN %s END",
						 any ? ", " : "", compared('f', name, other, att->atttypid),
						 compared('t', name, att->atttypid, other),
						 quote_literal_cstr(NameStr(att->attname)));
		any = true;
	}
	if (!any)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TABLE_DEFINITION),
				 errmsg("table %s has no columns", qualified(table))));
}

static char *
comparison(Relation foreign, Relation table)
{
	List	   *key = key_of(table);
	StringInfoData sql;
	StringInfoData join;
	StringInfoData shown;

	if (key == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("table %s has no key by which rows could be compared",
						qualified(table)),
				 errhint("TABLE %s EXCEPT ALL TABLE %s; and the reverse, compare whole rows.",
						 qualified(foreign), qualified(table))));
	initStringInfo(&sql);
	initStringInfo(&join);
	initStringInfo(&shown);
	append_key(&join, &shown, foreign, table, key);
	appendStringInfo(&sql, "SELECT kind, key, CASE WHEN kind = 'differs' THEN columns END FROM ("
					 "SELECT CASE WHEN t._dtsmig_row IS NULL THEN 'missing' WHEN f._dtsmig_row IS NULL THEN 'extra' "
					 "ELSE 'differs' END AS kind, "
					 "pg_catalog.jsonb_build_object(%s) AS key, "
					 "pg_catalog.array_remove(ARRAY[", shown.data);
	append_columns(&sql, foreign, table);
	appendStringInfo(&sql, "]::pg_catalog.text[], NULL) AS columns "
					 "FROM (SELECT true AS _dtsmig_row, x.* FROM %s x) f "
					 "FULL JOIN (SELECT true AS _dtsmig_row, x.* FROM %s x) t ON %s) d "
					 "WHERE kind <> 'differs' OR columns <> '{}'",
					 qualified(foreign), qualified(table), join.data);
	return sql.data;
}

/* What is read of rows is asked for by the query: rights are the caller's. */
Datum
dtsmig_compare(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Relation	foreign = table_open(PG_GETARG_OID(0), AccessShareLock);
	Relation	table = table_open(PG_GETARG_OID(1), AccessShareLock);
	Portal		portal;
	char	   *sql;

	if (foreign->rd_rel->relkind != RELKIND_FOREIGN_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a foreign table",
						RelationGetRelationName(foreign))));
	if (table->rd_rel->relkind != RELKIND_RELATION &&
		table->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a table", RelationGetRelationName(table))));
	InitMaterializedSRF(fcinfo, 0);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	sql = comparison(foreign, table);
	portal = SPI_cursor_parse_open(NULL, sql, &(SPIParseOpenOptions)
								   {.cursorOptions = CURSOR_OPT_NO_SCROLL,.read_only = true});
	for (;;)
	{
		SPI_cursor_fetch(portal, true, FETCH);
		if (SPI_processed == 0)
			break;
		for (uint64 i = 0; i < SPI_processed; i++)
			tuplestore_puttuple(rsinfo->setResult, SPI_tuptable->vals[i]);
		SPI_freetuptable(SPI_tuptable);
	}
	SPI_cursor_close(portal);
	SPI_finish();
	table_close(table, NoLock);
	table_close(foreign, NoLock);
	PG_RETURN_VOID();
}
