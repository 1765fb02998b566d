/*-------------------------------------------------------------------------
 *
 * fdw_stream.c
 *	  Rows of a table of the source as a scan asks for them.
 *
 *		made --open--> reading --next--> … --> ended
 *		                 |  park: the rest into a tuplestore, and read from it
 *		                 |  close: the source is asked to stop
 *		                 |  its subtransaction, or its reading, fails: orphaned,
 *		                 |  closed when the connection is wanted next
 *		                 |  what others make of it fails: broken, an error
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "foreign/fdw_stream.h"

#include "access/tupdesc.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "core/copy_row.h"
#include "source/write.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/tuplestore.h"

struct FdwStream
{
	FdwConnection *c;
	MemoryContext cxt;			/* of all that is the connection's */
	MemoryContext rowscxt;		/* of rows */
	MemoryContext rowcxt;		/* of one row */
	MemoryContext keptcxt;		/* of the row that the scan has, if that is not
								 * the last one read; else NULL */
	SourceRelation *rel;
	SourceRows *rows;			/* NULL: it is not reading */
	CopyReader *reader;			/* of an engine that gives rows for COPY alone */
	StringInfoData buf;
	Row			row;			/* of all columns */
	bool	   *row_nulls;
	int			nreplicated;
	int		   *replicated;
	Datum	   *values;			/* of those replicated */
	bool	   *nulls;
	bool		many;
	bool		locks;			/* rows at the source, or writes them */
	bool		orphan;
	bool		broken;			/* an error came while rows were put aside: some
								 * are lost */
	int			level;			/* of the subtransaction that opened it */
	int			reading;		/* of the one in which a row is being read; 0: none
								 * is */

	/* as the scan's statement has them */
	MemoryContext storecxt;
	ResourceOwner owner;
	Tuplestorestate *store;		/* NULL: no row was put aside */
	TupleTableSlot *slot;
};

static MemoryContext
make_row_context(FdwStream *s)
{
	return AllocSetContextCreate(s->cxt, "dtsmig foreign row", ALLOCSET_DEFAULT_SIZES);
}

/* The scan wants another row. */
static void
forget_kept(FdwStream *s)
{
	if (s->keptcxt != NULL)
		MemoryContextDelete(s->keptcxt);
	s->keptcxt = NULL;
}

FdwStream *
fdw_stream_make(FdwConnection *c, MemoryContext cxt, SourceRelation *rel)
{
	MemoryContext old = MemoryContextSwitchTo(cxt);
	FdwStream  *s = palloc0(sizeof(FdwStream));

	s->c = c;
	s->cxt = cxt;
	s->rel = rel;
	s->rowscxt = AllocSetContextCreate(cxt, "dtsmig foreign rows",
									   ALLOCSET_SMALL_SIZES);
	s->rowcxt = make_row_context(s);
	s->row.values = palloc0(sizeof(Datum) * rel->ncolumns);
	s->row.status = palloc0(rel->ncolumns);
	s->row_nulls = palloc0(sizeof(bool) * rel->ncolumns);
	s->replicated = palloc0(sizeof(int) * rel->ncolumns);
	for (int i = 0; i < rel->ncolumns; i++)
		if (rel->columns[i].replicated)
			s->replicated[s->nreplicated++] = i;
	s->values = palloc0(sizeof(Datum) * s->nreplicated);
	s->nulls = palloc0(sizeof(bool) * s->nreplicated);
	if (c->source->next_row == NULL)
		s->reader = copy_reader_make(rel);
	initStringInfo(&s->buf);
	MemoryContextSwitchTo(old);
	s->storecxt = CurrentMemoryContext;
	return s;
}

void
fdw_stream_free(FdwStream *s)
{
	fdw_stream_close(s);
	if (s->slot != NULL)
		ExecDropSingleTupleTableSlot(s->slot);
	MemoryContextDelete(s->cxt);
}

/* Nothing is left of an earlier one; in the context of rows, whose former is returned. */
static MemoryContext
begin_rows(FdwStream *s, bool many, bool locks)
{
	Assert(s->rows == NULL && s->c->active == NULL);
	if (s->store != NULL)
		tuplestore_end(s->store);
	s->store = NULL;
	forget_kept(s);
	MemoryContextReset(s->rowscxt);
	/* an interrupt could end what was written, too */
	s->many = many && !s->c->writing;
	s->locks = locks;
	s->orphan = s->broken = false;
	s->reading = 0;
	s->owner = CurrentResourceOwner;
	s->level = GetCurrentTransactionNestLevel();
	return MemoryContextSwitchTo(s->rowscxt);
}

/* sql NULL: those that meet the condition; else those that it writes. */
static void
open_rows(FdwStream *s, SourceRange *range, StringInfo sql)
{
	const FdwConnection *c = s->c;

	/* an error within may leave rows to be read: they are this stream's */
	if (sql == NULL)
		s->rows = c->source->open_rows(c->conn, s->rel, range);
	else
		s->rows = c->source->write->write_rows(c->conn, s->rel, sql);
}

static void
open_stream(FdwStream *s, SourceRange *range, StringInfo sql)
{
	MemoryContext cxt = CurrentMemoryContext;

	if (!s->locks)
		open_rows(s, range, sql);
	else
	{
		PG_TRY();
		{
			open_rows(s, range, sql);
		}
		PG_CATCH();
		{
			fdw_connection_failed(s->c, cxt);
		}
		PG_END_TRY();
	}
	s->c->active = s;
}

void
fdw_stream_open(FdwStream *s, const char *condition, bool locks, bool many, bool sent)
{
	SourceRange range = {.part = true,.locks = locks,.sent = sent};
	/* what a lock is for is read to its end */
	MemoryContext old = begin_rows(s, many && !locks, locks);

	range.condition = condition ? pstrdup(condition) : NULL;
	open_stream(s, &range, NULL);
	MemoryContextSwitchTo(old);
}

void
fdw_stream_open_join(FdwStream *s, List *tables, const char *sql, bool many)
{
	MemoryContext old = begin_rows(s, many, false);

	s->rows = s->c->source->open_join(s->c->conn, s->rel, tables, pstrdup(sql));
	s->c->active = s;
	MemoryContextSwitchTo(old);
}

void
fdw_stream_open_written(FdwStream *s, StringInfo sql)
{
	MemoryContext old = begin_rows(s, false, true);

	open_stream(s, NULL, sql);
	MemoryContextSwitchTo(old);
}

static void
ended(FdwStream *s)
{
	s->rows = NULL;
	if (s->c->active == s)
		s->c->active = NULL;
}

static bool
take_row(FdwStream *s)
{
	const SourceRoutine *source = s->c->source;
	bool		any;

	if (s->reader == NULL)
	{
		any = source->next_row(s->rows, &s->row);
		for (int i = 0; any && i < s->rel->ncolumns; i++)
			s->row_nulls[i] = s->row.status[i] != COLUMN_VALUE;
		return any;
	}
	resetStringInfo(&s->buf);
	any = source->next_copy(s->rows, &s->buf);
	if (any)
		copy_reader_read(s->reader, &s->buf, s->row.values, s->row_nulls);
	return any;
}

static bool
take_row_locked(FdwStream *s)
{
	MemoryContext cxt = CurrentMemoryContext;
	volatile bool any = false;

	PG_TRY();
	{
		any = take_row(s);
	}
	PG_CATCH();
	{
		fdw_connection_failed(s->c, cxt);
	}
	PG_END_TRY();
	return any;
}

/* The next row of the source into row, in rowcxt. */
static bool
read_row(FdwStream *s)
{
	const SourceRoutine *source = s->c->source;
	MemoryContext old;
	bool		any;

	MemoryContextReset(s->rowcxt);
	old = MemoryContextSwitchTo(s->rowcxt);
	s->reading = GetCurrentTransactionNestLevel();
	any = s->locks ? take_row_locked(s) : take_row(s);
	for (int i = 0; any && i < s->nreplicated; i++)
	{
		s->values[i] = s->row.values[s->replicated[i]];
		s->nulls[i] = s->row_nulls[s->replicated[i]];
	}
	MemoryContextSwitchTo(old);
	if (!any)
	{
		source->close_rows(s->rows);
		ended(s);
	}
	s->reading = 0;
	return any;
}

bool
fdw_stream_next(FdwStream *s, Datum **values, bool **nulls)
{
	if (s->broken)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_ERROR),
				 errmsg("rows of table \"%s\".\"%s\" of server \"%s\" were lost to an error while another scan began",
						s->rel->schema, s->rel->name, s->c->info->server_name),
				 errhint("Repeat the transaction.")));
	forget_kept(s);
	if (s->store != NULL)
	{
		/* a tuple that comes from a file lives as long as the slot wants it */
		MemoryContext old = MemoryContextSwitchTo(s->storecxt);
		bool		any = tuplestore_gettupleslot(s->store, true, false, s->slot);

		MemoryContextSwitchTo(old);
		if (!any)
			return false;
		slot_getallattrs(s->slot);
		*values = s->slot->tts_values;
		*nulls = s->slot->tts_isnull;
		return true;
	}
	if (s->rows == NULL || !read_row(s))
		return false;
	*values = s->values;
	*nulls = s->nulls;
	return true;
}

/*
 * The source is to stop, and the connection to be idle. The statement ends
 * with an error; what was on its way when it came to its end by itself hits the
 * next one, which may then be a small one.
 */
static void
interrupt(FdwStream *s)
{
	FdwConnection *c = s->c;
	MemoryContext cxt = CurrentMemoryContext;
	bool		reported = fdw_connection_interrupt(c);

	if (!reported)
	{
		/* all that is left is read */
		c->source->close_rows(s->rows);
		return;
	}
	for (int i = 0; i < 3; i++)
	{
		PG_TRY();
		{
			if (i == 0)
				c->source->close_rows(s->rows);
			else
				(void) c->source->check_value(c->conn, "SELECT 1");
		}
		PG_CATCH();
		{
			MemoryContextSwitchTo(cxt);
			if (QueryCancelPending || ProcDiePending)
				PG_RE_THROW();
			FlushErrorState();
		}
		PG_END_TRY();
	}
}

void
fdw_stream_close(FdwStream *s)
{
	MemoryContext old;

	if (s->rows != NULL)
	{
		old = MemoryContextSwitchTo(s->rowscxt);
		if (s->many)
			interrupt(s);
		else
			s->c->source->close_rows(s->rows);
		ended(s);
		MemoryContextSwitchTo(old);
	}
	if (s->store != NULL)
		tuplestore_end(s->store);
	s->store = NULL;
}

/* Values of replicated columns, as a tuplestore has them. */
static TupleDesc
row_desc(const FdwStream *s)
{
	TupleDesc	desc = CreateTemplateTupleDesc(s->nreplicated);

	for (int i = 0; i < s->nreplicated; i++)
	{
		const SourceColumn *col = &s->rel->columns[s->replicated[i]];

		TupleDescInitEntry(desc, i + 1, NULL, col->typid, col->typmod, 0);
	}
	return desc;
}

void
fdw_stream_park(FdwStream *s)
{
	MemoryContext old;
	ResourceOwner owner = CurrentResourceOwner;

	if (s == NULL)
		return;
	if (s->orphan)
	{
		fdw_stream_close(s);
		MemoryContextDelete(s->cxt);
		return;
	}
	if (s->broken)
	{
		fdw_stream_close(s);
		return;
	}
	/* its files are the scan's, not those of whoever wants the connection */
	old = MemoryContextSwitchTo(s->storecxt);
	CurrentResourceOwner = s->owner;
	s->store = tuplestore_begin_heap(false, false, work_mem);
	CurrentResourceOwner = owner;
	if (s->slot == NULL)
		s->slot = MakeSingleTupleTableSlot(row_desc(s), &TTSOpsMinimalTuple);
	MemoryContextSwitchTo(old);
	/* the scan may still be at work with its row */
	forget_kept(s);
	s->keptcxt = s->rowcxt;
	s->rowcxt = make_row_context(s);
	s->broken = true;
	while (read_row(s))
		tuplestore_putvalues(s->store, s->slot->tts_tupleDescriptor, s->values,
							 s->nulls);
	s->broken = false;
}

void
fdw_stream_subtransaction_ends(FdwStream *s, int level, bool failed)
{
	if (!failed)
	{
		s->level = Min(s->level, level - 1);
		return;
	}
	/* a scan whose own reading fails is not gone on with either */
	if (s->level >= level || (s->reading >= level && !s->broken))
	{
		/* what is the statement's is gone with it */
		s->orphan = true;
		s->store = NULL;
		s->slot = NULL;
	}
	if (s->reading >= level)
		s->reading = 0;
}
