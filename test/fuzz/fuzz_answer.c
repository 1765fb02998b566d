/*
 * fuzz_answer.c
 *	  libFuzzer target: any packets as the answer of a MySQL-family source to a
 *	  query. Each is two bytes of length and its bytes; the first byte of all
 *	  says how the answer is read.
 */
#include "server_stubs.h"

#include "access/xact.h"
#include "mb/pg_wchar.h"
#include "client/my_conn.h"
#include "client/my_conn_impl.h"

int			LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

uint64		source_statements = 0;

static const uint8_t *next;
static size_t left;
static uint8_t *packet = NULL;
static bool failed;

/* ------------------------------------------------- the connection, as it is */

bool
conn_send(MyConn *conn, int command, const void *payload, Size len)
{
	stub_touch(payload, len);
	return true;
}

bool
conn_read(MyConn *conn, bool many, const uint8 **data, Size *len)
{
	if (failed || left < 2)
		return false;
	*len = Min((Size) (next[0] | next[1] << 8), left - 2);
	/* a block of its own, and nothing behind it */
	free(packet);
	packet = malloc(Max(*len, 1));
	memcpy(packet, next + 2, *len);
	next += 2 + *len;
	left -= 2 + *len;
	*data = packet;
	failed = *len > 0 && packet[0] == 0xFF;
	/* the library takes no packet without a byte */
	return *len > 0 && !failed;
}

void
my_command_ok(MyConn *conn, int command, const void *payload, Size len)
{
	stub_touch(payload, len);
}

void
conn_answered(MyConn *conn)
{
}

char *
conn_message(MyConn *conn)
{
	return pstrdup("error");
}

void
conn_raise(MyConn *conn, const char *doing)
{
	siglongjmp(stub_error, 1);
}

const char *
conn_where(MyConn *conn)
{
	return "server";
}

void
conn_set_status(MyConn *conn, unsigned int status)
{
}

int
my_last_errno(MyConn *conn)
{
	return 1105;
}

bool
my_is_mariadb(MyConn *conn)
{
	return false;
}

int
my_version_num(MyConn *conn)
{
	return 80030;
}

bool
IsTransactionState(void)
{
	return true;
}

void
StartTransactionCommand(void)
{
}

void
CommitTransactionCommand(void)
{
}

unsigned char *
pg_do_encoding_conversion(unsigned char *src, int len, int from, int to)
{
	return src;
}

/* -------------------------------------------------------------- the target */

static void
read_all(const MyResult *res, int ncolumns)
{
	for (int row = 0; row < my_nrows(res); row++)
	{
		for (int column = 0; column < ncolumns; column++)
		{
			char	   *text = my_get_text_or_null(res, row, column);

			if (text != NULL)
				stub_touch(text, strlen(text));
		}
		(void) my_value_int64(res, row, "id", 0);
	}
}

static void
ask(int how)
{
	MyResult   *res = NULL;
	char	   *message = NULL;
	int			number;
	const uint8 *row;
	Size		len;

	if (how & 1)
	{
		(void) my_stream_query(NULL, "SELECT");
		while (my_stream_next(NULL, &row, &len))
			stub_touch(row, len);
	}
	else if (my_try_query(NULL, "SELECT", how >> 1 & 7, &res, &message, &number))
		read_all(res, how >> 1 & 7);
	else
		stub_touch(message, strlen(message));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	next = data + 1;
	left = size - 1;
	failed = false;
	if (sigsetjmp(stub_error, 0) == 0)
		ask(data[0]);
	dump_free_all();
	return 0;
}
