/*-------------------------------------------------------------------------
 *
 * my_conn_impl.h
 *	  What my_conn.c, which speaks with the library, my_query.c, which reads
 *	  answers, and my_session.c, which makes a session ready, offer each other.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_MY_CONN_IMPL_H
#define DTSMIG_MY_CONN_IMPL_H

#include "compat.h"
#include "client/my_conn.h"

/*
 * Sends a command; from then on the connection is busy, until an error packet
 * was read or conn_answered says that the answer has been read. False: it
 * could not be sent.
 */
extern bool conn_send(MyConn *conn, int command, const void *payload, Size len);
extern void conn_answered(MyConn *conn);

/*
 * Reads the next packet whole; its bytes stay valid until the next call. many:
 * more packets follow until one that conn_is_eof, or an error packet; never so
 * where this may be the last of an answer. False where it is an error packet
 * or the connection is lost: conn_message and my_last_errno say more,
 * conn_raise raises that.
 */
extern bool conn_read(MyConn *conn, bool many, const uint8 **data, Size *len);
extern char *conn_message(MyConn *conn);
pg_noreturn extern void conn_raise(MyConn *conn, const char *doing);

/*
 * Makes a new session return what is stored, whatever the source's settings
 * are; raises an error where it does not let us (my_session.c).
 */
extern void conn_prepare_session(MyConn *conn);

/* Which server it is, for messages: server "x" (host:port) */
extern const char *conn_where(MyConn *conn);

/* Status flags of an OK or EOF packet. */
extern void conn_set_status(MyConn *conn, unsigned int status);

static inline bool
conn_is_eof(const uint8 *data, Size len)
{
	return len > 0 && len < 9 && data[0] == 0xFE;
}

/* Text on its way to the source, palloc'd. */
extern char *conn_to_utf8(const char *text);

/*
 * Waits until fd can be read or written. Returns 1 when it can, 0 at the
 * timeout (-1: none), -1 when an interrupt wants the process's attention.
 * Raises no error.
 */
extern int	conn_wait(int fd, bool for_read, long timeout_ms);

/*
 * A peer that is gone without a word is noticed by the kernel, within about
 * half a minute, whether we wait for it or write to it. Failure is no error:
 * the connection may be a socket file.
 */
extern void conn_watch_peer(int fd);

#endif							/* DTSMIG_MY_CONN_IMPL_H */
