/*-------------------------------------------------------------------------
 *
 * pg_socket.h
 *	  One wait for a socket of the source.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_PG_SOCKET_H
#define DTSMIG_PG_SOCKET_H

#include "postgres.h"

/*
 * Waits until the socket fd is ready for events (WL_SOCKET_…), timeout_ms have
 * passed (-1: no limit), or the latch is set: for interrupts, which are handled,
 * or for nothing, by a timer of this process. So it can return early; a limit is
 * the caller's to keep. Returns what WaitLatchOrSocket says.
 */
extern int	pg_socket_wait(int fd, int events, long timeout_ms);

#endif							/* DTSMIG_PG_SOCKET_H */
