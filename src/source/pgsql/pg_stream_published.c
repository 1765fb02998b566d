/*-------------------------------------------------------------------------
 *
 * pg_stream_published.c
 *	  Does the source still send all that is followed, under the names that
 *	  the task knows?
 *
 * Tables are followed by their OID. A name that differs is that of a statement
 * which the stream has not come to yet, or which was not captured: the stream
 * has passed the position at which the name was seen by then, and the table is
 * still known by the other.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "source/pgsql/pg_stream_impl.h"

#include "utils/memutils.h"

/* The largest header of a page of the log: no position is inside of one. */
#define PAGE_HEADER 40

typedef struct PublishedTable
{
	Oid			relid;			/* the key */
	char	   *called;			/* name that is not the task's; NULL: it is */
	XLogRecPtr	called_at;		/* where the log ended when it was seen first */
} PublishedTable;

static PublishedTable *
published_table(SourceStream *stream, Oid relid)
{
	bool		found;
	PublishedTable *t;

	if (stream->published == NULL)
	{
		HASHCTL		ctl = {0};

		ctl.keysize = sizeof(Oid);
		ctl.entrysize = sizeof(PublishedTable);
		ctl.hcxt = stream->cxt;
		stream->published = hash_create("dtsmig published tables", 64, &ctl,
										HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	t = hash_search(stream->published, &relid, HASH_ENTER, &found);
	if (!found)
		t->called = NULL;
	return t;
}

static void
refuse_gap(SourceStream *stream, const PgResult *r, int row,
		   const char *message)
{
	char	   *quoted = pg_quote_qualified(pg_text(r, row, 0), pg_text(r, row, 1));

	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_FILE),
			 errmsg(message, stream->name, quoted),
			 errdetail("Changes of it that were made meanwhile cannot be had."),
			 errhint("Run ALTER PUBLICATION %s ADD TABLE ONLY %s at the source, if the publication lacks it, and have the table copied again.",
					 pg_quote_name(stream->name), quoted),
			 err_generic_string(PG_DIAG_SCHEMA_NAME, pg_text(r, row, 0)),
			 err_generic_string(PG_DIAG_TABLE_NAME, pg_text(r, row, 1))));
}

/* row: schema, name, OID; id: by that, or by the name alone */
static SourceRelation *
followed(SourceStream *stream, const PgResult *r, int row, bool by_id)
{
	SourcePos	last = {PG_UINT64_MAX, 0};

	return stream->callbacks.lookup(stream->callbacks.arg, 
									by_id ? psprintf("%u", pg_oid(r, row, 2)) : NULL,
									pg_text(r, row, 0), pg_text(r, row, 1), last);
}

/* Tables that were taken out and put back, also while no stream was open. */
static void
check_memberships(SourceStream *stream, PgConn *conn)
{
	PgResult   *r = pg_publication_members(conn);

	for (int i = 0; i < r->nrows; i++)
		if (!stream->callbacks.same_mark(stream->callbacks.arg,
										 psprintf("%u", pg_oid(r, i, 2)),
										 psprintf("%u", pg_oid(r, i, 3))))
			refuse_gap(stream, r, i, "publication \"%s\" at the source did not publish table %s for a while");
}

static void
refuse_name(const SourceRelation *rel, const char *schema, const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("table \"%s.%s\" is called \"%s.%s\" at the source by now",
					rel->schema, rel->name, schema, name),
			 errdetail("The statement that renamed it was not captured."),
			 errhint("Rename it back at the source and resume the task; or have it copied again, after which it is followed under its new name."),
			 ERR_SOURCE_TABLE(rel)));
}

static void
refuse_other(const SourceRelation *rel)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("table \"%s.%s\" at the source is not the one that has been followed",
					rel->schema, rel->name),
			 errdetail("It was replaced by a statement that was not captured."),
			 errhint("Have the table copied again."),
			 ERR_SOURCE_TABLE(rel)));
}

/* Has each table the name that it is known by? */
static void
check_names(SourceStream *stream, PgConn *conn)
{
	PgResult   *r = pg_published_tables(conn);

	for (int i = 0; i < r->nrows; i++)
	{
		char	   *schema = pg_text(r, i, 0);
		char	   *name = pg_text(r, i, 1);
		Oid			relid = pg_oid(r, i, 2);
		SourceRelation *rel = followed(stream, r, i, true);
		SourceRelation *named = rel != NULL ? NULL : followed(stream, r, i, false);
		PublishedTable *t;
		char	   *called;

		if ((rel == NULL && named == NULL) ||
			(rel != NULL && strcmp(rel->schema, schema) == 0 &&
			 strcmp(rel->name, name) == 0))
		{
			t = stream->published == NULL ? NULL :
				published_table(stream, relid);
			if (t != NULL)
				t->called = NULL;
			continue;
		}
		called = pg_quote_qualified(schema, name);
		t = published_table(stream, relid);
		if (t->called == NULL || strcmp(t->called, called) != 0)
		{
			t->called = MemoryContextStrdup(stream->cxt, called);
			t->called_at = pg_parse_position(pg_text(r, i, 3)).segment;
		}
		else if (stream->position.segment + PAGE_HEADER >= t->called_at)
		{
			if (rel == NULL)
				refuse_other(named);
			refuse_name(rel, schema, name);
		}
	}
}

/* Somebody may have taken a table out of the publication. */
void
stream_check_published(SourceStream *stream, PgConn *conn)
{
	PgResult   *missing = pg_unpublished_tables(conn);

	for (int t = 0; t < missing->nrows; t++)
		if (followed(stream, missing, t, true) != NULL ||
			followed(stream, missing, t, false) != NULL)
			refuse_gap(stream, missing, t,
					   "publication \"%s\" at the source does not publish table %s any more");
	check_memberships(stream, conn);
	check_names(stream, conn);
}

/*
 * Asked once, when the stream is opened: the binary form is asked for the
 * whole stream or not at all.
 */
bool
stream_all_binary(SourceStream *stream, PgConn *conn)
{
	PgResult   *published = pg_published_tables(conn);

	for (int t = 0; t < published->nrows; t++)
	{
		SourceRelation *rel = followed(stream, published, t, true);

		for (int c = 0; rel != NULL && c < rel->ncolumns; c++)
		{
			const PgColumn *pc = rel->columns[c].engine;

			if (rel->columns[c].replicated && !pc->binary)
				return false;
		}
	}
	return true;
}
