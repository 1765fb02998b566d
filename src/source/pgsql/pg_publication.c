/*-------------------------------------------------------------------------
 *
 * pg_publication.c
 *	  The publication of a task: which tables the source publishes.
 *
 * It names each table that holds rows (a leaf of a partitioned table under
 * its own name), never a whole schema, so that what no task takes costs the
 * source nothing. Tables are only ever added: one that is not selected any
 * more is reported and skipped.
 *
 * A table that is published without a replica identity refuses UPDATE and
 * DELETE to the applications of the source. Such a table is never added.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "source/pgsql/pg_engine.h"

#include "miscadmin.h"

/* The helper tables of DDL capture live here, see pg_capture.c. */
#define CAPTURE_SCHEMA "dtsmig_source"

/* Of an index i of a table c: may it be the replica identity? */
#define FIT_FOR_IDENTITY \
	"i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL " \
	"AND i.indexprs IS NULL AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute a " \
	"WHERE a.attrelid = c.oid AND a.attnum = ANY (i.indkey::pg_catalog.int2[]) " \
	"AND NOT a.attnotnull)"

typedef struct Candidate
{
	char	   *name;			/* quoted, with schema */
	bool		published;
	bool		identity;		/* UPDATE and DELETE will work */
	bool		full;			/* the whole row is the identity */
	bool		generated;		/* it has stored, */
	bool		virtual;		/* or virtual generated columns */
	char	   *index;			/* could be the identity, quoted; NULL: none */
} Candidate;

/* Tables of the source among those named that can be published. */
static List *
find_candidates(PgConn *conn, List *tables, const char *publication)
{
	int			version = pg_version_num(conn);
	StringInfoData buf;
	List	   *found = NIL;
	ListCell   *lc;
	PgResult   *r;

	initStringInfo(&buf);
	appendStringInfo(&buf, "SELECT n.nspname, c.relname, "
					 "EXISTS (SELECT FROM pg_catalog.pg_publication_rel pr JOIN "
					 "pg_catalog.pg_publication p ON p.oid = pr.prpubid "
					 "WHERE p.pubname = %s AND pr.prrelid = c.oid), "
					 "CASE c.relreplident WHEN 'f' THEN true "
					 "WHEN 'd' THEN EXISTS (SELECT FROM pg_catalog.pg_index i WHERE "
					 "i.indrelid = c.oid AND i.indisprimary AND i.indisvalid AND i.indimmediate) "
					 "WHEN 'i' THEN EXISTS (SELECT FROM pg_catalog.pg_index i WHERE "
					 "i.indrelid = c.oid AND i.indisreplident AND i.indisvalid AND i.indimmediate) "
					 "ELSE false END, c.relreplident = 'f', %s, %s, "
					 "(SELECT pg_catalog.quote_ident(x.relname) FROM pg_catalog.pg_index i "
					 "JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid "
					 "WHERE i.indrelid = c.oid AND " FIT_FOR_IDENTITY
					 " ORDER BY i.indnatts, x.relname LIMIT 1) "
					 "FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n "
					 "ON n.oid = c.relnamespace WHERE c.relkind = 'r' "
					 "AND c.relpersistence = 'p' AND (n.nspname = '" CAPTURE_SCHEMA "' "
					 "AND c.relowner IN (SELECT r.oid FROM pg_catalog.pg_roles r "
					 "WHERE r.rolsuper OR r.rolname = CURRENT_USER) "
					 "AND c.relname = %s",
					 pg_quote_literal(publication),
					 version < 120000 ? "false" :
					 "EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE "
					 "a.attrelid = c.oid AND a.attgenerated = 's' AND NOT a.attisdropped)",
					 version < 180000 ? "false" :
					 "EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE "
					 "a.attrelid = c.oid AND a.attgenerated = 'v' AND NOT a.attisdropped)",
					 pg_quote_literal(publication));
	if (tables != NIL)
		appendStringInfoString(&buf, " OR (n.nspname, c.relname) IN (");
	foreach(lc, tables)
	{
		TableDef   *def = lfirst(lc);

		appendStringInfo(&buf, "%s(%s, %s)",
						 lc == list_head(tables) ? "VALUES " : ", ",
						 pg_quote_literal(def->schema),
						 pg_quote_literal(def->name));
	}
	appendStringInfoString(&buf, tables != NIL ? "))" : ")");
	appendStringInfoString(&buf, " ORDER BY 1, 2");
	r = pg_select(conn, "tables to publish", "ttbbbbbT", buf.data);
	for (int i = 0; i < r->nrows; i++)
	{
		Candidate  *c = palloc0(sizeof(Candidate));

		c->name = pg_quote_qualified(pg_text(r, i, 0), pg_text(r, i, 1));
		c->published = pg_bool(r, i, 2);
		c->identity = pg_bool(r, i, 3);
		c->full = pg_bool(r, i, 4);
		c->generated = pg_bool(r, i, 5);
		c->virtual = pg_bool(r, i, 6);
		c->index = pg_text_or_null(r, i, 7);
		found = lappend(found, c);
	}
	return found;
}

/* Stops before a table is published that applications could not write then. */
static void
refuse_without_identity(PgConn *conn, List *candidates)
{
	StringInfoData names;
	StringInfoData hint;
	ListCell   *lc;
	int			n = 0;

	initStringInfo(&names);
	initStringInfo(&hint);
	foreach(lc, candidates)
	{
		Candidate  *c = lfirst(lc);

		/* since 18 an identity with a virtual column is refused at each UPDATE */
		if (c->identity && !(c->full && c->virtual))
			continue;
		n++;
		appendStringInfo(&names, "%s%s", names.len ? ", " : "", c->name);
		appendStringInfo(&hint, " ALTER TABLE %s REPLICA IDENTITY ", c->name);
		if (c->index)
			appendStringInfo(&hint, "USING INDEX %s;", c->index);
		else
			appendStringInfoString(&hint, "FULL;");
	}
	if (n > 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg_plural("%d table of the source has no replica identity that can be used",
							   "%d tables of the source have no replica identity that can be used",
							   n, n),
				 errdetail("Their rows cannot be identified, and the source would refuse UPDATE and DELETE as soon as they are published: %s.",
						   names.data),
				 errhint("Run at the source:%s", hint.data)));
}

/* What the publication is to publish; palloc'd, for WITH (…) or SET (…). */
static char *
publication_options(PgConn *conn, List *candidates)
{
	bool		generated = false;
	ListCell   *lc;

	/*
	 * Since 18 the identity must not hold a column that is not published.
	 */
	foreach(lc, candidates)
	{
		Candidate  *c = lfirst(lc);

		generated |= c->full && c->generated && !c->virtual;
	}
	return psprintf("publish = 'insert, update, delete%s'%s",
					pg_version_num(conn) >= 110000 ? ", truncate" : "",
					generated && pg_version_num(conn) >= 180000 ?
					", publish_generated_columns = stored" : "");
}

/* False: tables have come and gone, or joined it, meanwhile; try again. */
static bool
try_publish(PgConn *conn, List *tables, bool last)
{
	const char *name = pg_info(conn)->stream_name;
	List	   *candidates = find_candidates(conn, tables, name);
	ErrorData  *edata;
	StringInfoData buf;
	ListCell   *lc;
	PgResult   *r;
	bool		exists;

	refuse_without_identity(conn, candidates);
	r = pg_selectf(conn, "publication", "b",
				   "SELECT puballtables FROM pg_catalog.pg_publication "
				   "WHERE pubname = %s", pg_quote_literal(name));
	exists = r->nrows > 0;
	initStringInfo(&buf);
	if (!exists)
		appendStringInfo(&buf, "CREATE PUBLICATION %s", pg_quote_name(name));
	else
	{
		pg_runf(conn, "ALTER PUBLICATION %s SET (%s)", pg_quote_name(name),
						 publication_options(conn, candidates));
		if (pg_bool(r, 0, 0))
			return true;
	}
	foreach(lc, candidates)
	{
		Candidate  *c = lfirst(lc);

		if (exists && c->published)
			continue;
		if (buf.len == 0)
			appendStringInfo(&buf, "ALTER PUBLICATION %s ADD TABLE ONLY %s",
							 pg_quote_name(name), c->name);
		else if (!exists && lc == list_head(candidates))
			appendStringInfo(&buf, " FOR TABLE ONLY %s", c->name);
		else
			appendStringInfo(&buf, ", ONLY %s", c->name);
	}
	if (!exists)
		appendStringInfo(&buf, " WITH (%s)",
						 publication_options(conn, candidates));
	if (buf.len == 0 || pg_try_run(conn, buf.data, &edata))
		return true;
	if (last || pg_in_transaction(conn) ||
		(edata->sqlerrcode != ERRCODE_DUPLICATE_OBJECT &&
		 edata->sqlerrcode != ERRCODE_UNDEFINED_TABLE))
		ReThrowError(edata);
	return false;
}

/*
 * The capture of DDL puts tables into the publication, too: those that the
 * source alters while this looks are in it before they can be added.
 */
void
pg_publish(PgConn *conn, List *tables)
{
	for (int try = 1; !try_publish(conn, tables, try == 10); try++)
		CHECK_FOR_INTERRUPTS();
}

/*
 * The publication is as it must be: it exists, and publishes all kinds of
 * changes. A source of 18 says nothing, silently, when it is missing.
 */
char *
pg_check_publication(PgConn *conn)
{
	const char *name = pg_info(conn)->stream_name;
	PgResult   *r;

	/* since 18 the capture of DDL alters it, too, see pg_capture.c */
	r = pg_selectf(conn, "publication", "bt",
				   "SELECT pubinsert AND pubupdate AND pubdelete%s, %s FROM "
				   "pg_catalog.pg_publication WHERE pubname = %s",
				   pg_version_num(conn) >= 110000 ? " AND pubtruncate" : "",
				   pg_version_num(conn) >= 180000 ? "''" : "xmin",
				   pg_quote_literal(name));
	if (r->nrows == 0 || !pg_bool(r, 0, 0))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FILE),
				 r->nrows == 0 ?
				 errmsg("publication \"%s\" does not exist at the source any more",
						name) :
				 errmsg("publication \"%s\" at the source was altered so that it does not publish all changes",
						name),
				 errdetail("Changes that were made meanwhile cannot be had any more."),
				 errhint(SOURCE_NEW_TASK_HINT)));
	return pg_text(r, 0, 1);
}

/*
 * Tables that the publication has: { schema, name, OID, end of the log
 * after that was seen } of each row.
 */
PgResult *
pg_published_tables(PgConn *conn)
{
	return pg_selectf(conn, "published tables", "ttot",
					 "SELECT n.nspname, c.relname, c.oid, " PG_LOG_END
					 " FROM pg_catalog.pg_publication_tables t "
					 "JOIN pg_catalog.pg_namespace n ON n.nspname = t.schemaname "
					 "JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid "
					 "AND c.relname = t.tablename WHERE t.pubname = %s",
					 pg_quote_literal(pg_info(conn)->stream_name));
}

/*
 * Tables that it names: { schema, name, OID, OID of the membership } of each.
 */
PgResult *
pg_publication_members(PgConn *conn)
{
	return pg_selectf(conn, "members of the publication", "ttoo",
					  "SELECT n.nspname, c.relname, c.oid, pr.oid "
					  "FROM pg_catalog.pg_publication p "
					  "JOIN pg_catalog.pg_publication_rel pr ON pr.prpubid = p.oid "
					  "JOIN pg_catalog.pg_class c ON c.oid = pr.prrelid "
					  "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
					  "WHERE p.pubname = %s", pg_quote_literal(pg_info(conn)->stream_name));
}

/*
 * Tables that hold rows to follow, but are not published: { schema, name, OID }
 * of each row.
 */
PgResult *
pg_unpublished_tables(PgConn *conn)
{
	return pg_selectf(conn, "tables that are not published", "tto",
					 "SELECT n.nspname, c.relname, c.oid "
					 "FROM pg_catalog.pg_class c "
					 "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
					 "WHERE c.relkind = 'r' AND c.relpersistence = 'p' "
					 "AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' "
					 "AND (n.nspname, c.relname) NOT IN (SELECT t.schemaname, t.tablename "
					 "FROM pg_catalog.pg_publication_tables t WHERE t.pubname = %s)",
					 pg_quote_literal(pg_info(conn)->stream_name));
}
