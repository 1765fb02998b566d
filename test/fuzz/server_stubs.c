/*
 * server_stubs.c
 *	  What decoders that raise the server's errors need of the server (see
 *	  server_stubs.h).
 */
#include "server_stubs.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "utils/memutils.h"

sigjmp_buf	stub_error;
extern volatile uint8 touched;
volatile uint8 touched;
volatile sig_atomic_t InterruptPending = false;
MemoryContext CurrentMemoryContext = NULL;

void
stub_touch(const void *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		touched = ((const uint8 *) data)[i];
}

void
ProcessInterrupts(void)
{
}

/* ------------------------------------------------------------------ errors */

static int	level;

bool
errstart(int elevel, const char *domain)
{
	level = elevel;
	return true;
}

bool
errstart_cold(int elevel, const char *domain)
{
	return errstart(elevel, domain);
}

void
errfinish(const char *filename, int lineno, const char *funcname)
{
	if (level >= ERROR)
		siglongjmp(stub_error, 1);
}

int
errcode(int sqlerrcode)
{
	return 0;
}

#define STUB_MESSAGE(name) \
	int name(const char *fmt,...) \
	{ \
		va_list		args; \
		char		text[4096]; \
		va_start(args, fmt); \
		(void) vsnprintf(text, sizeof(text), fmt, args); \
		va_end(args); \
		stub_touch(text, strlen(text)); \
		return 0; \
	}

STUB_MESSAGE(errmsg)
STUB_MESSAGE(errmsg_internal)
STUB_MESSAGE(errdetail)
STUB_MESSAGE(errdetail_internal)
STUB_MESSAGE(errhint)

/* ------------------------------------------------------- memory and lists */

void *
MemoryContextAllocHuge(MemoryContext context, Size size)
{
	return palloc(size);
}

void *
repalloc_huge(void *pointer, Size size)
{
	return repalloc(pointer, size);
}

List *
lappend_int(List *list, int datum)
{
	List	   *result = lappend(list, NULL);

	result->elements[result->length - 1].int_value = datum;
	return result;
}

/* --------------------------------------------------------------- encodings */

int
GetDatabaseEncoding(void)
{
	return PG_UTF8;
}

const char *
GetDatabaseEncodingName(void)
{
	return "UTF8";
}

bool
pg_verify_mbstr(int encoding, const char *mbstr, int len, bool noError)
{
	bool		valid = pg_encoding_verifymbstr(PG_UTF8, mbstr, len) == len;

	if (!valid && !noError)
		siglongjmp(stub_error, 1);
	return valid;
}

bool
pg_verifymbstr(const char *mbstr, int len, bool noError)
{
	return pg_verify_mbstr(PG_UTF8, mbstr, len, noError);
}
