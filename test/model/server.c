/*
 * server.c
 *	  What the worker's files need of a PostgreSQL server: memory contexts,
 *	  lists, hash tables, errors, clocks. Each simulated process has its own.
 */
#include "model.h"

#include "nodes/bitmapset.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

/* ------------------------------------------------------------------ memory */

typedef struct Chunk
{
	struct Cxt *cxt;
	struct Chunk *prev;
	struct Chunk *next;
	Size		size;
} Chunk;

typedef struct Cxt
{
	MemoryContextData head;
	Chunk	   *chunks;
} Cxt;

MemoryContext CurrentMemoryContext = NULL;
MemoryContext TopMemoryContext = NULL;
MemoryContext ErrorContext = NULL;
MemoryContext TopTransactionContext = NULL;

MemoryContext
AllocSetContextCreateInternal(MemoryContext parent, const char *name,
							  Size minContextSize, Size initBlockSize,
							  Size maxBlockSize)
{
	Cxt		   *cxt = calloc(1, sizeof(Cxt));

	cxt->head.type = T_AllocSetContext;
	cxt->head.name = name;
	cxt->head.parent = parent;
	if (parent != NULL)
	{
		cxt->head.nextchild = parent->firstchild;
		if (parent->firstchild)
			parent->firstchild->prevchild = &cxt->head;
		parent->firstchild = &cxt->head;
	}
	return &cxt->head;
}

static void
free_chunks(Cxt *cxt)
{
	while (cxt->chunks != NULL)
	{
		Chunk	   *next = cxt->chunks->next;

		free(cxt->chunks);
		cxt->chunks = next;
	}
	cxt->head.mem_allocated = 0;
}

void
MemoryContextDelete(MemoryContext context)
{
	while (context->firstchild != NULL)
		MemoryContextDelete(context->firstchild);
	free_chunks((Cxt *) context);
	if (context->prevchild)
		context->prevchild->nextchild = context->nextchild;
	else if (context->parent)
		context->parent->firstchild = context->nextchild;
	if (context->nextchild)
		context->nextchild->prevchild = context->prevchild;
	free(context);
}

void
MemoryContextReset(MemoryContext context)
{
	while (context->firstchild != NULL)
		MemoryContextDelete(context->firstchild);
	free_chunks((Cxt *) context);
}

MemoryContext
MemoryContextGetParent(MemoryContext context)
{
	return context->parent;
}

Size
MemoryContextMemAllocated(MemoryContext context, bool recurse)
{
	return context->mem_allocated;
}

static void *
allocate(MemoryContext context, Size size, bool zero)
{
	Cxt		   *cxt = (Cxt *) context;
	Chunk	   *chunk = zero ? calloc(1, sizeof(Chunk) + size) :
		malloc(sizeof(Chunk) + size);

	chunk->cxt = cxt;
	chunk->size = size;
	chunk->prev = NULL;
	chunk->next = cxt->chunks;
	if (cxt->chunks != NULL)
		cxt->chunks->prev = chunk;
	cxt->chunks = chunk;
	cxt->head.mem_allocated += size;
	return chunk + 1;
}

void *
MemoryContextAlloc(MemoryContext context, Size size)
{
	return allocate(context, size, false);
}

void *
MemoryContextAllocZero(MemoryContext context, Size size)
{
	return allocate(context, size, true);
}

void *
MemoryContextAllocZeroAligned(MemoryContext context, Size size)
{
	return allocate(context, size, true);
}

void *
MemoryContextAllocHuge(MemoryContext context, Size size)
{
	return allocate(context, size, false);
}

void *
MemoryContextAllocExtended(MemoryContext context, Size size, int flags)
{
	return allocate(context, size, (flags & MCXT_ALLOC_ZERO) != 0);
}

void *
palloc(Size size)
{
	return allocate(CurrentMemoryContext, size, false);
}

void *
palloc0(Size size)
{
	return allocate(CurrentMemoryContext, size, true);
}

void *
palloc_extended(Size size, int flags)
{
	return MemoryContextAllocExtended(CurrentMemoryContext, size, flags);
}

void
pfree(void *pointer)
{
	Chunk	   *chunk = (Chunk *) pointer - 1;

	if (chunk->prev)
		chunk->prev->next = chunk->next;
	else
		chunk->cxt->chunks = chunk->next;
	if (chunk->next)
		chunk->next->prev = chunk->prev;
	chunk->cxt->head.mem_allocated -= chunk->size;
	free(chunk);
}

void *
repalloc(void *pointer, Size size)
{
	Chunk	   *chunk = (Chunk *) pointer - 1;
	void	   *copy = allocate(&chunk->cxt->head, size, false);

	memcpy(copy, pointer, Min(size, chunk->size));
	pfree(pointer);
	return copy;
}

void *
repalloc_huge(void *pointer, Size size)
{
	return repalloc(pointer, size);
}

char *
MemoryContextStrdup(MemoryContext context, const char *string)
{
	return strcpy(allocate(context, strlen(string) + 1, false), string);
}

char *
pstrdup(const char *in)
{
	return MemoryContextStrdup(CurrentMemoryContext, in);
}

char *
pnstrdup(const char *in, Size len)
{
	char	   *copy = palloc0(strnlen(in, len) + 1);

	return memcpy(copy, in, strnlen(in, len));
}

/* ------------------------------------------------------------------- lists */

List *
lappend(List *list, void *datum)
{
	if (list == NIL)
	{
		list = palloc0(sizeof(List));
		list->type = T_List;
		list->max_length = 8;
		list->elements = palloc0(8 * sizeof(ListCell));
	}
	if (list->length == list->max_length)
	{
		list->max_length *= 2;
		list->elements = repalloc(list->elements,
								  list->max_length * sizeof(ListCell));
	}
	list->elements[list->length++].ptr_value = datum;
	return list;
}

List *
list_make1_impl(NodeTag t, ListCell datum1)
{
	return lappend(NIL, datum1.ptr_value);
}

List *
list_concat(List *list1, const List *list2)
{
	for (int i = 0; list2 != NIL && i < list2->length; i++)
		list1 = lappend(list1, list2->elements[i].ptr_value);
	return list1;
}

void
list_free(List *list)
{
	if (list == NIL)
		return;
	pfree(list->elements);
	pfree(list);
}

void
list_free_deep(List *list)
{
	for (int i = 0; list != NIL && i < list->length; i++)
		pfree(list->elements[i].ptr_value);
	if (list != NIL)
	{
		pfree(list->elements);
		pfree(list);
	}
}

bool
list_member_ptr(const List *list, const void *datum)
{
	for (int i = 0; list != NIL && i < list->length; i++)
		if (list->elements[i].ptr_value == datum)
			return true;
	return false;
}

List *
list_concat_unique_ptr(List *list1, const List *list2)
{
	for (int i = 0; list2 != NIL && i < list2->length; i++)
		if (!list_member_ptr(list1, list2->elements[i].ptr_value))
			list1 = lappend(list1, list2->elements[i].ptr_value);
	return list1;
}

/* --------------------------------------------------- sets of small numbers */

Bitmapset *
bms_add_member(Bitmapset *a, int x)
{
	if (a == NULL)
	{
		a = palloc0(offsetof(Bitmapset, words) + sizeof(bitmapword));
#if PG_VERSION_NUM >= 160000
		a->type = T_Bitmapset;
#endif
		a->nwords = 1;
	}
	a->words[0] |= (bitmapword) 1 << x;
	return a;
}

bool
bms_is_member(int x, const Bitmapset *a)
{
	return a != NULL && (a->words[0] & ((bitmapword) 1 << x)) != 0;
}

int
bms_next_member(const Bitmapset *a, int prevbit)
{
	for (int x = prevbit + 1; a != NULL && x < 64; x++)
		if (bms_is_member(x, a))
			return x;
	return -2;
}

/* ------------------------------------------------------------- hash tables */

struct HTAB
{
	Size		keysize;
	Size		entrysize;
	int			n;
	char	  **entries;
};

HTAB *
hash_create(const char *tabname, long nelem, const HASHCTL *info, int flags)
{
	HTAB	   *tab = MemoryContextAllocZero(info->hcxt, sizeof(HTAB));

	tab->keysize = info->keysize;
	tab->entrysize = info->entrysize;
	tab->entries = MemoryContextAllocZero(info->hcxt, 64 * sizeof(char *));
	return tab;
}

void
hash_destroy(HTAB *hashp)
{
	for (int i = 0; i < hashp->n; i++)
		pfree(hashp->entries[i]);
	pfree(hashp->entries);
	pfree(hashp);
}

void *
hash_search(HTAB *hashp, const void *keyPtr, HASHACTION action, bool *foundPtr)
{
	for (int i = 0; i < hashp->n; i++)
		if (memcmp(hashp->entries[i], keyPtr, hashp->keysize) == 0)
			return hashp->entries[i];
	if (action == HASH_FIND)
		return NULL;
	hashp->entries[hashp->n] =
		MemoryContextAllocZero(((Chunk *) hashp - 1)->cxt ?
							   &((Chunk *) hashp - 1)->cxt->head : NULL,
							   hashp->entrysize);
	memcpy(hashp->entries[hashp->n], keyPtr, hashp->keysize);
	return hashp->entries[hashp->n++];
}

/* ------------------------------------------------------------------ errors */

sigjmp_buf *PG_exception_stack = NULL;
ErrorContextCallback *error_context_stack = NULL;

/* One at a time is raised, and kept until it is flushed. */
static ErrorData raised;
static char message[4096];
static char detail[1024];

bool
errstart(int elevel, const char *domain)
{
	if (elevel < ERROR)
		return false;
	memset(&raised, 0, sizeof(raised));
	raised.elevel = elevel;
	raised.sqlerrcode = ERRCODE_INTERNAL_ERROR;
	message[0] = detail[0] = '\0';
	raised.message = message;
	return true;
}

bool
errstart_cold(int elevel, const char *domain)
{
	return errstart(elevel, domain);
}

int
errcode(int sqlerrcode)
{
	raised.sqlerrcode = sqlerrcode;
	return 0;
}

int
errmsg(const char *fmt,...)
{
	va_list		args;

	va_start(args, fmt);
	vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	return 0;
}

int
errmsg_internal(const char *fmt,...)
{
	va_list		args;

	va_start(args, fmt);
	vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	return 0;
}

int
errdetail(const char *fmt,...)
{
	va_list		args;

	va_start(args, fmt);
	vsnprintf(detail, sizeof(detail), fmt, args);
	va_end(args);
	raised.detail = detail;
	return 0;
}

int
errhint(const char *fmt,...)
{
	return 0;
}

int
errcontext_msg(const char *fmt,...)
{
	va_list		args;
	Size		len = strlen(message);

	va_start(args, fmt);
	len += snprintf(message + len, sizeof(message) - len, " [");
	len += vsnprintf(message + len, sizeof(message) - len, fmt, args);
	if (len < sizeof(message) - 2)
		strcpy(message + len, "]");
	va_end(args);
	return 0;
}

int
set_errcontext_domain(const char *domain)
{
	return 0;
}

void
errfinish(const char *filename, int lineno, const char *funcname)
{
	for (ErrorContextCallback *c = error_context_stack; c != NULL; c = c->previous)
		c->callback(c->arg);
	trace("error: %s %s", message, detail);
	pg_re_throw();
}

void
pg_re_throw(void)
{
	if (PG_exception_stack == NULL)
		model_fail("an error that nobody catches: %s", message);
	siglongjmp(*PG_exception_stack, 1);
}

int
geterrcode(void)
{
	return raised.sqlerrcode;
}

ErrorData *
CopyErrorData(void)
{
	ErrorData  *copy = palloc(sizeof(ErrorData));

	*copy = raised;
	copy->message = pstrdup(raised.message);
	copy->detail = raised.detail ? pstrdup(raised.detail) : NULL;
	return copy;
}

void
ReThrowError(ErrorData *edata)
{
	char	   *text = pstrdup(edata->message);

	raised = *edata;
	strlcpy(message, text, sizeof(message));
	raised.message = message;
	raised.detail = NULL;
	pg_re_throw();
}

void
FreeErrorData(ErrorData *edata)
{
}

void
FlushErrorState(void)
{
}

void
EmitErrorReport(void)
{
}

/* ------------------------------------------------------------------ clocks */

static TimestampTz now;

void
clock_reset(void)
{
	now = 1000000;
}

void
clock_advance(int ms)
{
	now += ms * INT64CONST(1000);
}

TimestampTz
GetCurrentTimestamp(void)
{
	return now++;
}

bool
TimestampDifferenceExceeds(TimestampTz start_time, TimestampTz stop_time,
						   int msec)
{
	return stop_time - start_time >= msec * INT64CONST(1000);
}

long
TimestampDifferenceMilliseconds(TimestampTz start_time, TimestampTz stop_time)
{
	return stop_time <= start_time ? 0 : (stop_time - start_time + 999) / 1000;
}

/* ------------------------------------------------------------------ values */

bool
datumIsEqual(Datum value1, Datum value2, bool typByVal, int typLen)
{
	return value1 == value2;
}

Datum
datumCopy(Datum value, bool typByVal, int typLen)
{
	return value;
}

Size
datumGetSize(Datum value, bool typByVal, int typLen)
{
	return sizeof(Datum);
}

struct varlena *
pg_detoast_datum_packed(struct varlena *datum)
{
	return datum;
}

char *
OidOutputFunctionCall(Oid functionId, Datum val)
{
	return psprintf("%lld", (long long) val);
}

int
pg_mbcliplen(const char *mbstr, int len, int limit)
{
	return Min(len, limit);
}

const char *
quote_identifier(const char *ident)
{
	return ident;
}

char *
quote_qualified_identifier(const char *qualifier, const char *ident)
{
	return psprintf("%s.%s", qualifier, ident);
}

char *
quote_literal_cstr(const char *rawstr)
{
	return psprintf("'%s'", rawstr);
}
