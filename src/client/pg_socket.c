/*-------------------------------------------------------------------------
 *
 * pg_socket.c
 *	  One wait for a socket of the source.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"
#include "client/pg_socket.h"

#include "core/wait.h"
#include "miscadmin.h"
#include "storage/latch.h"

int
pg_socket_wait(int fd, int events, long timeout_ms)
{
	int			rc;

	rc = WaitLatchOrSocket(MyLatch, events | WL_LATCH_SET | WL_EXIT_ON_PM_DEATH |
						   (timeout_ms >= 0 ? WL_TIMEOUT : 0), fd, timeout_ms,
						   dts_wait_event(DTS_WAIT_SOURCE));
	if (rc & WL_LATCH_SET)
		ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
	return rc;
}
