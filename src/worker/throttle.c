/*-------------------------------------------------------------------------
 *
 * throttle.c
 *	  Holds a task's processes back to a rate of rows, bytes and queries.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "worker/throttle.h"

#include "core/wait.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/timestamp.h"

/* Time not used that can be made up for, and time that nobody waits for. */
#define CREDIT_US 200000.0
#define LEAD_US 50000.0
/* Longest sleep at a time. */
#define SLICE_MS 200

void
throttle_init(Throttle *throttle)
{
	memset(throttle, 0, sizeof(*throttle));
	SpinLockInit(&throttle->mutex);
}

void
throttle_set(Throttle *throttle, int64 queries, int64 rows, int64 bytes)
{
	const int64 rates[THROTTLE_KINDS] = {queries, rows, bytes};
	TimestampTz now = GetCurrentTimestamp();

	SpinLockAcquire(&throttle->mutex);
	throttle->limited = false;
	for (int i = 0; i < THROTTLE_KINDS; i++)
	{
		if (throttle->rate[i] != rates[i])
		{
			throttle->rate[i] = rates[i];
			throttle->paid_until[i] = (double) now;
			throttle->generation++;
		}
		throttle->limited |= rates[i] > 0;
	}
	SpinLockRelease(&throttle->mutex);
}

TimestampTz
throttle_take(Throttle *throttle, uint64 queries, uint64 rows, uint64 bytes)
{
	const uint64 done[THROTTLE_KINDS] = {queries, rows, bytes};
	double		now;
	double		until = 0;

	/* a change of rates that is seen a moment later does no harm */
	if (!throttle->limited)
		return 0;
	now = (double) GetCurrentTimestamp();
	SpinLockAcquire(&throttle->mutex);
	for (int i = 0; i < THROTTLE_KINDS; i++)
	{
		if (throttle->rate[i] <= 0 || done[i] == 0)
			continue;
		throttle->paid_until[i] = Max(throttle->paid_until[i], now - CREDIT_US) +
			(double) done[i] * USECS_PER_SEC / (double) throttle->rate[i];
		until = Max(until, throttle->paid_until[i]);
	}
	SpinLockRelease(&throttle->mutex);
	return until > now + LEAD_US ? (TimestampTz) until : 0;
}

void
throttle_wait(Throttle *throttle, TimestampTz until,
			  ThrottleMeanwhile meanwhile, void *arg)
{
	volatile uint32 *generation = &throttle->generation;
	uint32		seen = *generation;

	while (until != 0 && *generation == seen)
	{
		long		left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(),
														   until);

		if (left <= 0)
			break;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 Min(left, SLICE_MS), dts_wait_event(DTS_WAIT_THROTTLE));
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		if (meanwhile)
			meanwhile(arg);
	}
}

void
throttle_pay(Throttle *throttle, uint64 queries, uint64 rows, uint64 bytes)
{
	throttle_wait(throttle, throttle_take(throttle, queries, rows, bytes),
				  NULL, NULL);
}

uint64
throttle_portion(const Throttle *throttle)
{
	int64		rate = throttle->rate[THROTTLE_ROWS];

	return rate > 0 ? (uint64) Max(rate / 20, 1) : PG_UINT64_MAX;
}
