/*-------------------------------------------------------------------------
 *
 * verify_rows.c
 *	  Rows as values, here and there, and their comparison.
 *
 * Rows of the source come from the engine's own decoder: the very values that
 * a copy would store, by the task's policies. Both sides are compared as what
 * the type's output function makes of them, which distinguishes what a sum over
 * text of two servers might not (-0, the scale of a number, JSON).
 *
 * Rows are matched by a digest of their key, or of the row where there is no
 * key; what is kept of a row is two digests and its key.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "check/verify.h"

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "core/table_owner.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "core/copy_row.h"
#include "transform/shape_rows.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#define FETCH_ROWS 500
/* Rows of a part of a table that is compared whole. */
#define PART_ROWS 500000

/* ---------------------------------------------------------------- rows as text */

typedef struct RowReader
{
	SourceRelation *rel;		/* as at the destination */
	const DestCheckRoutine *check;	/* of the destination, if that writes values in
									 * its own way; else NULL */
	FmgrInfo   *output;
	char	  **values;
	char	  **key;
	MemoryContext rowcxt;
	TextRowTaker take;
	void	   *arg;
} RowReader;

static RowReader *
make_reader(const DestRoutine *dest, SourceRelation *rel, TextRowTaker take, void *arg)
{
	RowReader  *reader = palloc0(sizeof(RowReader));

	reader->rel = rel;
	reader->check = dest->check && dest->check->text ? dest->check : NULL;
	reader->take = take;
	reader->arg = arg;
	reader->output = palloc0(sizeof(FmgrInfo) * Max(rel->ncolumns, 1));
	reader->values = palloc0(sizeof(char *) * Max(rel->ncolumns, 1));
	reader->key = palloc0(sizeof(char *) * Max(rel->nkey, 1));
	reader->rowcxt = AllocSetContextCreate(CurrentMemoryContext,
										   "dtsmig row compared",
										   ALLOCSET_DEFAULT_SIZES);
	for (int i = 0; i < rel->ncolumns; i++)
	{
		Oid			function;
		bool		varlena;

		if (!rel->columns[i].replicated || reader->check)
			continue;
		getTypeOutputInfo(rel->columns[i].typid, &function, &varlena);
		fmgr_info(function, &reader->output[i]);
	}
	return reader;
}

static void
refuse_null_key(const SourceRelation *rel, int column)
{
	ereport(ERROR,
			(errcode(ERRCODE_NOT_NULL_VIOLATION),
			 errmsg("a row of table \"%s\".\"%s\" has NULL in column \"%s\", which is part of its key",
					rel->schema, rel->name, rel->columns[column].name),
			 errhint("A source does not have such rows; at the destination the column may have lost its NOT NULL.")));
}

/*
 * Values as text, in the current context; values NULL: they are in reader->values
 * already. shape: of what has another result each time nothing is said.
 */
static void
write_values(RowReader *reader, const Shape *shape, const Datum *values,
			 const bool *nulls)
{
	SourceRelation *rel = reader->rel;
	char	  **texts = reader->values;

	for (int i = 0; i < rel->ncolumns; i++)
		if (rel->columns[i].replicated && rel->columns[i].in_key &&
			(values ? nulls[i] : texts[i] == NULL))
			refuse_null_key(rel, i);
	for (int i = 0; i < rel->ncolumns; i++)
	{
		if (!rel->columns[i].replicated || (values && nulls[i]) ||
			(shape && !shape_column_is_steady(shape, i)))
			texts[i] = NULL;
		else if (values && reader->check)
			texts[i] = reader->check->text(rel, i, values[i]);
		else if (values)
			texts[i] = OutputFunctionCall(&reader->output[i], values[i]);
	}
}

/* NULL is not '', and 'a', 'b' not 'ab', ''. */
static void
digest_values(char *const *values, int n, uint8 digest[DIGEST_BYTES])
{
	uint64		h[2] = {n, UINT64CONST(0x9E3779B97F4A7C15)};

	for (int i = 0; i < n; i++)
	{
		int			len = values[i] ? (int) strlen(values[i]) : -1;

		for (int k = 0; k < 2; k++)
		{
			h[k] = hash_bytes_uint32_extended((uint32) len, h[k]);
			if (len > 0)
				h[k] = hash_bytes_extended((const unsigned char *) values[i], len,
										   h[k] ^ (k * UINT64CONST(0x5851F42D4C957F2D)));
		}
	}
	memcpy(digest, h, DIGEST_BYTES);
}

/* reader->values is set. */
static bool
hand_on(RowReader *reader)
{
	SourceRelation *rel = reader->rel;
	TextRow		row;

	row.values = reader->values;
	row.key = rel->nkey > 0 ? reader->key : NULL;
	digest_values(reader->values, rel->ncolumns, row.digest);
	if (row.key == NULL)
		memcpy(row.key_digest, row.digest, DIGEST_BYTES);
	else
	{
		for (int i = 0; i < rel->nkey; i++)
			reader->key[i] = reader->values[rel->key[i]];
		digest_values(reader->key, rel->nkey, row.key_digest);
	}
	return reader->take(reader->arg, rel, &row);
}

void
verify_rows_source(Verify *v, SourceRelation *rel, const char *condition,
				  TextRowTaker take, void *arg)
{
	SourceRelation *out = rel->out;
	RowReader  *reader = make_reader(v->dest, out, take, arg);
	CopyReader *copy = copy_reader_make(rel);
	int			n = Max(rel->ncolumns, out->ncolumns) + 1;
	Datum	   *values = palloc0(sizeof(Datum) * n);
	bool	   *nulls = palloc0(sizeof(bool) * n);
	Datum	   *shaped = rel->shape ? palloc0(sizeof(Datum) * n) : values;
	bool	   *shaped_nulls = rel->shape ? palloc0(sizeof(bool) * n) : nulls;
	SourceRange range = {0};
	SourceRows *rows;
	StringInfoData buf;
	bool		more = true;

	range.condition = unconstify(char *, condition);
	initStringInfo(&buf);
	rows = v->source->open_rows(v->conn, rel, &range);
	while (more)
	{
		MemoryContext old;
		bool		passes;

		CHECK_FOR_INTERRUPTS();
		resetStringInfo(&buf);
		if (!v->source->next_copy(rows, &buf))
			break;
		old = MemoryContextSwitchTo(reader->rowcxt);
		copy_reader_read(copy, &buf, values, nulls);
		passes = rel->shape == NULL ||
			shape_row(rel->shape, values, nulls, shaped, shaped_nulls);
		if (passes)
			write_values(reader, rel->shape, shaped, shaped_nulls);
		MemoryContextSwitchTo(old);
		if (passes)
			more = hand_on(reader);
		MemoryContextReset(reader->rowcxt);
	}
	v->source->close_rows(rows);
	MemoryContextDelete(reader->rowcxt);
	pfree(buf.data);
}

static char *
select_here(SourceRelation *rel, const char *condition)
{
	StringInfoData sql;
	bool		first = true;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT ");
	for (int i = 0; i < rel->ncolumns; i++)
	{
		if (!rel->columns[i].replicated)
			continue;
		appendStringInfo(&sql, "%s%s", first ? "" : ", ",
						 quote_identifier(rel->columns[i].target_name));
		first = false;
	}
	appendStringInfo(&sql, " FROM %s%s",
					 get_rel_relkind(rel->target_relid) == RELKIND_PARTITIONED_TABLE ?
					 "" : "ONLY ",
					 quote_qualified_identifier(rel->target_schema,
												rel->target_name));
	if (condition)
		appendStringInfo(&sql, " WHERE %s", condition);
	return sql.data;
}

static bool
is_in_bucket(const VerifyTable *t, const CheckScope *scope,
			 const Datum *values, const bool *nulls)
{
	const SourceRelation *rel = t->rel;
	uint64		number = row_text_number(t->text, values, nulls,
										 rel->nkey > 0 ? rel->key : NULL,
										 rel->nkey > 0 ? rel->nkey : rel->ncolumns);

	return list_member_int(scope->buckets, (int) (number & (scope->nbuckets - 1)));
}

/* The same of a destination elsewhere. take may read other rows meanwhile. */
static void
rows_elsewhere(Verify *v, VerifyTable *t, const CheckScope *scope,
			   const char *condition, TextRowTaker take, void *arg)
{
	const DestCheckRoutine *check = v->dest->check;
	SourceRelation *rel = t->rel->out;
	bool		by_bucket = scope && scope->buckets != NIL && t->here->bucket == NULL;
	RowReader  *reader = make_reader(v->dest, rel, take, arg);
	Datum	   *values = palloc0(sizeof(Datum) * Max(rel->ncolumns, 1));
	bool	   *nulls = palloc0(sizeof(bool) * Max(rel->ncolumns, 1));
	int		   *columns = palloc(sizeof(int) * Max(rel->ncolumns, 1));
	int			n = 0;
	DestRows   *rows;
	bool		more = true;

	for (int i = 0; i < rel->ncolumns; i++)
		if (rel->columns[i].replicated)
			columns[n++] = i;
	rows = check->open_rows(t->rel, columns, n, verify_own_rows(t, condition));
	while (more)
	{
		MemoryContext old = MemoryContextSwitchTo(reader->rowcxt);
		bool		found;
		bool		wanted;

		CHECK_FOR_INTERRUPTS();
		found = check->next_row ? check->next_row(rows, values, nulls) :
			check->next_texts(rows, reader->values);
		wanted = found && (!by_bucket || is_in_bucket(t, scope, values, nulls));
		if (wanted)
			write_values(reader, t->rel->shape, check->next_row ? values : NULL, nulls);
		MemoryContextSwitchTo(old);
		if (!found)
			break;
		if (wanted)
			more = hand_on(reader);
		MemoryContextReset(reader->rowcxt);
	}
	check->close_rows(rows);
	MemoryContextDelete(reader->rowcxt);
}

static void
rows_here(Verify *v, VerifyTable *t, const CheckScope *scope, const char *condition,
		  TextRowTaker take, void *arg)
{
	SourceRelation *rel = t->rel->out;
	bool		by_bucket = scope && scope->buckets != NIL;
	RowReader  *reader = make_reader(v->dest, rel, take, arg);
	MemoryContext cxt = CurrentMemoryContext;
	char	   *sql = select_here(rel, verify_own_rows(t, condition));
	SPIPlanPtr	plan;
	Portal		portal;
	TableOwner	owner;
	bool		more = true;
	Datum	   *values = palloc0(sizeof(Datum) * Max(rel->ncolumns, 1));
	bool	   *nulls = palloc0(sizeof(bool) * Max(rel->ncolumns, 1));

	SPI_connect();
	table_owner_begin(rel->target_relid, AccessShareLock, &owner);
	plan = SPI_prepare(sql, 0, NULL);
	if (plan == NULL)
		elog(ERROR, "could not prepare \"%s\"", sql);
	portal = SPI_cursor_open(NULL, plan, NULL, NULL, false);
	table_owner_pause(&owner);
	while (more)
	{
		CHECK_FOR_INTERRUPTS();
		table_owner_resume(&owner);
		SPI_cursor_fetch(portal, true, FETCH_ROWS);
		table_owner_pause(&owner);
		if (SPI_processed == 0)
			break;
		for (uint64 r = 0; r < SPI_processed && more; r++)
		{
			MemoryContext old = MemoryContextSwitchTo(reader->rowcxt);
			int			n = 0;

			for (int i = 0; i < rel->ncolumns; i++)
				if (rel->columns[i].replicated)
					values[i] = SPI_getbinval(SPI_tuptable->vals[r],
											  SPI_tuptable->tupdesc, ++n,
											  &nulls[i]);
			if (!by_bucket || is_in_bucket(t, scope, values, nulls))
			{
				write_values(reader, t->rel->shape, values, nulls);
				MemoryContextSwitchTo(cxt);
				more = hand_on(reader);
			}
			MemoryContextReset(reader->rowcxt);
			MemoryContextSwitchTo(old);
		}
		MemoryContextSwitchTo(cxt);
		SPI_freetuptable(SPI_tuptable);
	}
	SPI_cursor_close(portal);
	table_owner_end(&owner);
	SPI_finish();
	MemoryContextDelete(reader->rowcxt);
}

void
verify_rows_dest(Verify *v, VerifyTable *t, const CheckScope *scope,
				 const char *condition, TextRowTaker take, void *arg)
{
	if (v->dest->check)
		rows_elsewhere(v, t, scope, condition, take, arg);
	else
		rows_here(v, t, scope, condition, take, arg);
}

/* NULL: rows of such a key cannot be looked up there. */
char *
verify_key_source(Verify *v, const SourceRelation *rel, char *const *key)
{
	if (rel->shape != NULL && !shape_keeps_key(rel->shape))
		return NULL;
	/* what the destination alone has may be no value of the source's types */
	if (v->dest->check && v->dest->check->text && v->dest->check->key(rel, key) == NULL)
		return NULL;
	return v->source->check_key(v->conn, rel, key);
}

/* The same: NULL. */
char *
verify_key_dest(const Verify *v, const SourceRelation *rel, char *const *key)
{
	StringInfoData buf;

	if (v->dest->check)
		return v->dest->check->key(rel, key);
	initStringInfo(&buf);
	rel = rel->out;
	for (int i = 0; i < rel->nkey; i++)
	{
		const SourceColumn *col = &rel->columns[rel->key[i]];

		appendStringInfo(&buf, "%s%s = %s::%s", i > 0 ? " AND " : "",
						 quote_identifier(col->target_name),
						 quote_literal_cstr(key[i]),
						 format_type_with_typemod(col->typid, col->typmod));
	}
	return buf.data;
}

/* -------------------------------------------------------------- comparison */

typedef struct RowEntry
{
	uint8		key_digest[DIGEST_BYTES];
	uint8		digest[DIGEST_BYTES];
	char	  **key;
} RowEntry;

typedef struct Comparison
{
	Verify	   *v;
	VerifyTable *t;
	HTAB	   *rows;			/* of the source that are not found at the destination yet */
	MemoryContext cxt;
	uint64		parts;			/* of the table; 1: all of it */
	uint64		part;
	int64		nthere;
	int64		nhere;
} Comparison;

static char **
copy_key(MemoryContext cxt, char *const *key, int n)
{
	MemoryContext old = MemoryContextSwitchTo(cxt);
	char	  **copy = palloc(sizeof(char *) * Max(n, 1));

	for (int i = 0; i < n; i++)
		copy[i] = key[i] ? pstrdup(key[i]) : NULL;
	MemoryContextSwitchTo(old);
	return copy;
}

static void
add_candidate(Verify *v, VerifyTable *t, char *const *key,
			  const uint8 *key_digest)
{
	MemoryContext old = MemoryContextSwitchTo(t->candidates_cxt);
	Candidate  *c = palloc0(sizeof(Candidate));

	c->key = copy_key(t->candidates_cxt, key, t->rel->out->nkey);
	memcpy(c->key_digest, key_digest, DIGEST_BYTES);
	t->candidates = lappend(t->candidates, c);
	MemoryContextSwitchTo(old);
	if (list_length(t->candidates) >= MANY_CANDIDATES)
		verify_settle(v, t);
}

static bool
is_in_part(const Comparison *c, const TextRow *row)
{
	uint64		h;

	memcpy(&h, row->key_digest, sizeof(h));
	return h % c->parts == c->part;
}

/* TextRowTaker */
static bool
take_there(void *arg, SourceRelation *rel, const TextRow *row)
{
	Comparison *c = arg;
	RowEntry   *entry;
	bool		found;

	c->nthere++;
	if (!is_in_part(c, row))
		return true;
	entry = hash_search(c->rows, row->key_digest, HASH_ENTER, &found);
	memcpy(entry->digest, row->digest, DIGEST_BYTES);
	if (!found)
		entry->key = copy_key(c->cxt, row->key, rel->nkey);
	return true;
}

/* TextRowTaker */
static bool
take_here(void *arg, SourceRelation *rel, const TextRow *row)
{
	Comparison *c = arg;
	RowEntry   *entry;

	c->nhere++;
	if (!is_in_part(c, row))
		return true;
	entry = hash_search(c->rows, row->key_digest, HASH_FIND, NULL);
	if (entry == NULL)
	{
		if (!c->t->shared)
			add_candidate(c->v, c->t, row->key, row->key_digest);
	}
	else if (memcmp(entry->digest, row->digest, DIGEST_BYTES) == 0)
		(void) hash_search(c->rows, row->key_digest, HASH_REMOVE, NULL);
	/* else it stays, and is one that differs */
	return !verify_is_cut(c->v, c->t);
}

static void
begin_comparison(Comparison *c, Verify *v, VerifyTable *t)
{
	HASHCTL		ctl;

	memset(c, 0, sizeof(*c));
	c->v = v;
	c->t = t;
	c->parts = 1;
	c->cxt = AllocSetContextCreate(CurrentMemoryContext, "dtsmig comparison",
								   ALLOCSET_DEFAULT_SIZES);
	memset(&ctl, 0, sizeof(ctl));
	ctl.keysize = DIGEST_BYTES;
	ctl.entrysize = sizeof(RowEntry);
	ctl.hcxt = c->cxt;
	c->rows = hash_create("dtsmig rows", 1024, &ctl,
						  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/* What is left of the source's rows differs, or is missing here. */
static void
end_comparison(Comparison *c)
{
	HASH_SEQ_STATUS seq;
	RowEntry   *entry;

	hash_seq_init(&seq, c->rows);
	while ((entry = hash_seq_search(&seq)) != NULL)
	{
		if (verify_is_cut(c->v, c->t))
		{
			hash_seq_term(&seq);
			break;
		}
		add_candidate(c->v, c->t, entry->key, entry->key_digest);
	}
	c->v->moved += c->nthere;
	verify_pace(c->v, c->nthere);
	MemoryContextDelete(c->cxt);
}

void
verify_compare_rows(Verify *v, VerifyTable *t, const CheckScope *scope)
{
	Comparison	c;
	ListCell   *lr;
	ListCell   *lt;

	begin_comparison(&c, v, t);
	forboth(lr, t->rels, lt, t->there)
		verify_rows_source(v, lfirst(lr), check_condition(lfirst(lt), scope),
						  take_there, &c);
	verify_rows_dest(v, t, scope, verify_condition_dest(t, scope), take_here, &c);
	if (!t->summed)
		v->rows += c.nthere;
	end_comparison(&c);
}

void
verify_compare_table(Verify *v, VerifyTable *t)
{
	CheckScope	all = {0};
	uint64		parts = 1;
	ListCell   *lc;

	foreach(lc, t->rels)
		parts += ((SourceRelation *) lfirst(lc))->def->rows_estimate / PART_ROWS;
	if (parts == 1)
	{
		verify_compare_rows(v, t, &all);
		return;
	}
	for (uint64 part = 0; part < parts && !verify_is_cut(v, t); part++)
	{
		Comparison	c;

		begin_comparison(&c, v, t);
		c.parts = parts;
		c.part = part;
		foreach(lc, t->rels)
			verify_rows_source(v, lfirst(lc), NULL, take_there, &c);
		verify_rows_dest(v, t, NULL, NULL, take_here, &c);
		if (part == 0)
			v->rows += c.nthere;
		end_comparison(&c);
	}
}

void
verify_compare_keys(Verify *v, VerifyTable *t, List *keys)
{
	Comparison	c;
	StringInfoData here;
	ListCell   *lc;
	ListCell   *lr;

	if (keys == NIL)
		return;
	if (verify_key_source(v, t->rel, linitial(keys)) == NULL)
	{
		verify_compare_table(v, t);
		return;
	}
	begin_comparison(&c, v, t);
	initStringInfo(&here);
	foreach(lc, keys)
		appendStringInfo(&here, "%s(%s)", here.len > 0 ? " OR " : "",
						 verify_key_dest(v, t->rel, lfirst(lc)));
	foreach(lr, t->rels)
	{
		StringInfoData there;

		initStringInfo(&there);
		foreach(lc, keys)
			appendStringInfo(&there, "%s(%s)", there.len > 0 ? " OR " : "",
							 verify_key_source(v, lfirst(lr), lfirst(lc)));
		verify_rows_source(v, lfirst(lr), there.data, take_there, &c);
	}
	verify_rows_dest(v, t, NULL, here.data, take_here, &c);
	v->rows += list_length(keys);
	end_comparison(&c);
}
