/*-------------------------------------------------------------------------
 *
 * entries.c
 *	  The entries of a table's batch, found by key.
 *
 * A key that is one pass-by-value column is hashed as it is. Other keys are
 * hashed as bytes, and so are whole rows where there is no key.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/datum.h"
#include "utils/memutils.h"

#include "compat.h"
#include "dest/batch/batch.h"

/* Hash tables that grew past this shrink when they were hardly used. */
#define HASH_KEEP_SIZE 1024

typedef struct IntKeySlot
{
	uint64		key;
	ApplyEntry *entry;
	char		status;
} IntKeySlot;

typedef struct BytesKey
{
	const char *data;
	uint32		len;
	uint32		hash;
} BytesKey;

typedef struct BytesKeySlot
{
	BytesKey	key;
	ApplyEntry *entry;
	char		status;
} BytesKeySlot;

static inline uint32
hash_int_key(uint64 key)
{
	return murmurhash32((uint32) key ^ murmurhash32((uint32) (key >> 32)));
}

#define SH_PREFIX intkey
#define SH_ELEMENT_TYPE IntKeySlot
#define SH_KEY_TYPE uint64
#define SH_KEY key
#define SH_HASH_KEY(tb, key) hash_int_key(key)
#define SH_EQUAL(tb, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

#define SH_PREFIX bytekey
#define SH_ELEMENT_TYPE BytesKeySlot
#define SH_KEY_TYPE BytesKey
#define SH_KEY key
#define SH_HASH_KEY(tb, k) ((k).hash)
#define SH_EQUAL(tb, a, b) \
	((a).len == (b).len && memcmp((a).data, (b).data, (a).len) == 0)
#define SH_STORE_HASH
#define SH_GET_HASH(tb, slot) ((slot)->key.hash)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* Do two values of a column have the same bytes? */
bool
entries_same_value(const SourceColumn *col, Datum a, Datum b)
{
	if (col->typbyval || a == b)
		return a == b;
	if (col->typlen == -1)
	{
		struct varlena *va = PG_DETOAST_DATUM_PACKED(a);
		struct varlena *vb = PG_DETOAST_DATUM_PACKED(b);

		return VARSIZE_ANY_EXHDR(va) == VARSIZE_ANY_EXHDR(vb) &&
			memcmp(VARDATA_ANY(va), VARDATA_ANY(vb),
				   VARSIZE_ANY_EXHDR(va)) == 0;
	}
	return datumIsEqual(a, b, false, col->typlen);
}

static void
append_value(StringInfo buf, const SourceColumn *col, Datum value)
{
	uint32		len;

	if (col->typbyval)
		appendBinaryStringInfo(buf, (char *) &value, sizeof(Datum));
	else if (col->typlen == -1)
	{
		struct varlena *v = PG_DETOAST_DATUM_PACKED(value);

		len = VARSIZE_ANY_EXHDR(v);
		appendBinaryStringInfo(buf, (char *) &len, sizeof(len));
		appendBinaryStringInfo(buf, VARDATA_ANY(v), len);
	}
	else
	{
		len = datumGetSize(value, false, col->typlen);
		appendBinaryStringInfo(buf, DatumGetPointer(value), len);
	}
}

static void
missing_key(ApplyTable *table, int col)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("change of table \"%s.%s\" lacks key column \"%s\"",
					table->rel->schema, table->rel->name,
					table->rel->columns[col].name),
			 errhint("Let the source log whole rows (binlog_row_image = FULL, or REPLICA IDENTITY FULL), and have the table copied again."),
			 ERR_SOURCE_TABLE(table->rel)));
}

/* The key of a row as bytes, in batch->keybuf; of a keyless table, the row. */
static BytesKey
bytes_key(ApplyTable *table, const Row *row)
{
	Batch	   *b = table->batch;
	SourceRelation *rel = table->rel;
	BytesKey	key;
	int			i;

	resetStringInfo(&b->keybuf);
	for (i = 0; i < rel->nkey; i++)
	{
		int			col = rel->key[i];

		if (unlikely(row->status[col] != COLUMN_VALUE))
			missing_key(table, col);
		append_value(&b->keybuf, &rel->columns[col], row->values[col]);
	}
	if (rel->nkey == 0)
	{
		for (i = 0; i < table->ncols; i++)
		{
			int			col = table->cols[i];

			appendStringInfoCharMacro(&b->keybuf, row->status[col]);
			if (row->status[col] == COLUMN_VALUE)
				append_value(&b->keybuf, &rel->columns[col],
							 row->values[col]);
		}
	}
	key.data = b->keybuf.data;
	key.len = b->keybuf.len;
	key.hash = hash_bytes((unsigned char *) key.data, key.len);
	return key;
}

static inline uint64
int_key(ApplyTable *table, const Row *row)
{
	int			col = table->rel->key[0];

	if (unlikely(row->status[col] != COLUMN_VALUE))
		missing_key(table, col);
	return (uint64) row->values[col];
}

/* The entry of the row's key; NULL if there is none. */
ApplyEntry *
entries_find(ApplyTable *table, const Row *row)
{
	if (table->int_key)
	{
		IntKeySlot *slot;

		if (table->by_int == NULL)
			return NULL;
		slot = intkey_lookup(table->by_int, int_key(table, row));
		return slot ? slot->entry : NULL;
	}
	else
	{
		BytesKeySlot *slot;

		if (table->by_bytes == NULL)
			return NULL;
		slot = bytekey_lookup(table->by_bytes, bytes_key(table, row));
		return slot ? slot->entry : NULL;
	}
}

/* The entry of the row's key; made if there is none yet. */
ApplyEntry *
entries_get(ApplyTable *table, const Row *row, bool *found)
{
	Batch	   *b = table->batch;
	ApplyEntry *entry;
	ApplyEntry **place;

	if (table->int_key)
	{
		if (table->by_int == NULL)
			table->by_int = intkey_create(b->table_cxt, 256, NULL);
		place = &intkey_insert(table->by_int, int_key(table, row),
							   found)->entry;
	}
	else
	{
		BytesKey	key = bytes_key(table, row);
		BytesKeySlot *slot;

		if (table->by_bytes == NULL)
			table->by_bytes = bytekey_create(b->table_cxt, 256, NULL);
		slot = bytekey_insert(table->by_bytes, key, found);
		if (!*found)
		{
			char	   *copy = MemoryContextAllocHuge(b->row_cxt, key.len + 1);

			memcpy(copy, key.data, key.len);
			slot->key.data = copy;
		}
		place = &slot->entry;
	}

	if (*found)
		return *place;

	entry = MemoryContextAllocZero(b->row_cxt, sizeof(ApplyEntry));
	entry->key = *row;
	if (table->int_key)
		entry->int_key = (int64) row->values[table->rel->key[0]];
	*place = entry;
	if (table->nentries == table->maxentries)
	{
		table->maxentries = Max(256, table->maxentries * 2);
		table->entries = table->entries ?
			repalloc_huge(table->entries,
						  sizeof(ApplyEntry *) * table->maxentries) :
			MemoryContextAllocHuge(b->table_cxt,
								   sizeof(ApplyEntry *) * table->maxentries);
	}
	table->entries[table->nentries++] = entry;
	if (!table->dirty)
	{
		table->dirty = true;
		if (b->ndirty == b->maxdirty)
		{
			b->maxdirty = Max(16, b->maxdirty * 2);
			b->dirty = b->dirty ?
				repalloc(b->dirty, sizeof(ApplyTable *) * b->maxdirty) :
				MemoryContextAlloc(b->cxt, sizeof(ApplyTable *) * b->maxdirty);
		}
		b->dirty[b->ndirty++] = table;
	}
	return entry;
}

typedef ApplyEntry *EntryPointer;

#define ST_SORT sort_entries
#define ST_ELEMENT_TYPE EntryPointer
#define ST_COMPARE(a, b) \
	((*(a))->int_key < (*(b))->int_key ? -1 : (*(a))->int_key > (*(b))->int_key)
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

/*
 * Brings a table's entries into the order of their keys, so that neighbours
 * in the index are looked up one after the other.
 */
void
entries_sort(ApplyTable *table)
{
	int			i;

	if (!table->int_key)
		return;
	for (i = 1; i < table->nentries; i++)
	{
		if (table->entries[i]->int_key < table->entries[i - 1]->int_key)
		{
			sort_entries(table->entries, table->nentries);
			return;
		}
	}
}

/* Takes the entries out. */
void
entries_reset(ApplyTable *table)
{
	if (table->by_int != NULL)
	{
		if (table->by_int->size > HASH_KEEP_SIZE &&
			table->by_int->members < table->by_int->size / 16)
		{
			intkey_destroy(table->by_int);
			table->by_int = NULL;
		}
		else
			intkey_reset(table->by_int);
	}
	if (table->by_bytes != NULL)
	{
		if (table->by_bytes->size > HASH_KEEP_SIZE &&
			table->by_bytes->members < table->by_bytes->size / 16)
		{
			bytekey_destroy(table->by_bytes);
			table->by_bytes = NULL;
		}
		else
			bytekey_reset(table->by_bytes);
	}
	table->nentries = 0;
}
