/*-------------------------------------------------------------------------
 *
 * my_wait.c
 *	  Waiting for the socket of a connection to the MySQL family.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "client/my_conn_impl.h"

#include "core/wait.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "storage/procsignal.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

int
conn_wait(int fd, bool for_read, long timeout_ms)
{
	TimestampTz deadline = 0;

	if (timeout_ms >= 0)
		deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
											   timeout_ms);
	for (;;)
	{
		int			events;
		int			rc;
		long		left = -1;

		if (ProcDiePending || QueryCancelPending)
			return -1;
		if (ProcSignalBarrierPending)
			ProcessProcSignalBarrier();

		events = WL_LATCH_SET | WL_EXIT_ON_PM_DEATH |
			(for_read ? WL_SOCKET_READABLE : WL_SOCKET_WRITEABLE);
		if (timeout_ms >= 0)
		{
			left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(),
												   deadline);
			events |= WL_TIMEOUT;
		}
		rc = WaitLatchOrSocket(MyLatch, events, fd, left, dts_wait_event(DTS_WAIT_SOURCE));
		if (rc & (WL_SOCKET_READABLE | WL_SOCKET_WRITEABLE))
			return 1;
		if (rc & WL_LATCH_SET)
			ResetLatch(MyLatch);
		if (rc & WL_TIMEOUT)
			return 0;
	}
}

void
conn_watch_peer(int fd)
{
	int			on = 1;
	int			idle = 10;
	int			interval = 5;
	int			count = 4;

	(void) setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
#ifdef TCP_KEEPIDLE
	(void) setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	(void) setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
	(void) setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
#endif
#ifdef TCP_USER_TIMEOUT
	{
		int			ms = 30000;

		(void) setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms));
	}
#endif
}
