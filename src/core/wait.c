/*-------------------------------------------------------------------------
 *
 * wait.c
 *	  Names of wait events.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "core/wait.h"

static const char *const names[DTS_WAIT_COUNT] = {
	[DTS_WAIT_SOURCE] = "DtsmigSource",
	[DTS_WAIT_SLOT] = "DtsmigReplicationSlot",
	[DTS_WAIT_PROGRAM] = "DtsmigProgram",
	[DTS_WAIT_THROTTLE] = "DtsmigThrottle",
	[DTS_WAIT_RETRY] = "DtsmigRetryPause",
	[DTS_WAIT_RESUME] = "DtsmigAutoResumePause",
	[DTS_WAIT_COPY_WORKERS] = "DtsmigCopyWorkers",
	[DTS_WAIT_COPY_START] = "DtsmigCopyStart",
	[DTS_WAIT_COPY_JOB] = "DtsmigCopyJob",
	[DTS_WAIT_LAUNCHER] = "DtsmigLauncher",
	[DTS_WAIT_TASK] = "DtsmigTask",
	[DTS_WAIT_VERIFY] = "DtsmigVerifyPace",
	[DTS_WAIT_CUTOVER] = "DtsmigCutover",
};

uint32
dts_wait_event(DtsWait wait)
{
	static uint32 known[DTS_WAIT_COUNT];

	if (known[wait] == 0)
		known[wait] = dts_new_wait_event(names[wait]);
	return known[wait];
}
