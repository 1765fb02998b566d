/*
 * process.c
 *	  Processes of the destination as coroutines, their transactions, and
 *	  their end at any moment.
 *
 * A transaction keeps what it has written to itself until it commits, object
 * by object (a table's rows, a row of the catalog). Processes take turns where
 * they wait, where they ask the source, and before and after a commit. One
 * that has written rows of the first copy, or of changes, keeps its turn until
 * it commits; the copy of a table that is made again does not: it is what goes
 * on at length while others commit.
 */
#include "model.h"

#include <ucontext.h>

#include "access/xact.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "storage/ipc.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "worker/worker.h"

#define STACK_SIZE (256 * 1024)
#define MAX_PROCESSES 8

/* Objects, as bits. */
#define BIT_ROWS(i) (UINT64CONST(1) << (i))
#define BIT_REC(i) (UINT64CONST(1) << (8 + (i)))
#define BIT_TASK (UINT64CONST(1) << 16)
#define BIT_POSITION (UINT64CONST(1) << 17)
#define BIT_REPAIRS (UINT64CONST(1) << 18)
#define BIT_JOB(i) (UINT64CONST(1) << (20 + (i)))
StaticAssertDecl(MAX_JOBS <= 44 && MAX_TABLES <= 8, "objects fit");

typedef struct Process
{
	ucontext_t	ctx;
	char	   *stack;
	bool		alive;
	bool		is_copy;		/* a copy worker, for the full load */
	bool		is_resync;		/* a copy worker that copies again */
	bool		waits;			/* for another's transaction */
	BackgroundWorker entry;
	MemoryContext top;

	/* what the server has once for each process */
	MemoryContext current;
	MemoryContext error;
	MemoryContext transaction;
	sigjmp_buf *exceptions;
	ErrorContextCallback *callbacks;
	Dates		dates;

	/* its transaction */
	int			level;			/* 0: none; 2: a subtransaction */
	uint64		written;
	uint64		locked;			/* jobs that it has taken */
	Db			own;			/* of what is written */
	Db			saved;			/* at the start of the subtransaction */
	uint64		saved_written;
} Process;

Db			committed;

static Process processes[MAX_PROCESSES];
static Process *self = NULL;
static ucontext_t scheduler;
static int	nstarted;

ResourceOwner CurrentResourceOwner = NULL;
volatile sig_atomic_t InterruptPending = true;
volatile uint32 InterruptHoldoffCount = 0;
volatile sig_atomic_t ConfigReloadPending = false;
BackgroundWorker *MyBgworkerEntry = NULL;
int			MyProcPid = 1;
Oid			MyDatabaseId = 1;
XLogRecPtr	XactLastCommitEnd = 0;
struct Latch *MyLatch = NULL;

/* --------------------------------------------------------------- switching */

static void
save(Process *p)
{
	p->current = CurrentMemoryContext;
	p->error = ErrorContext;
	p->transaction = TopTransactionContext;
	p->exceptions = PG_exception_stack;
	p->callbacks = error_context_stack;
	dates_save(&p->dates);
}

static void
restore(Process *p)
{
	CurrentMemoryContext = p->current;
	TopMemoryContext = p->top;
	ErrorContext = p->error;
	TopTransactionContext = p->transaction;
	PG_exception_stack = p->exceptions;
	error_context_stack = p->callbacks;
	dates_restore(&p->dates);
	MyBgworkerEntry = &p->entry;
	InterruptHoldoffCount = 0;
}

void
yield(void)
{
	Process    *p = self;

	save(p);
	swapcontext(&p->ctx, &scheduler);
	restore(p);
}

/* The end of a process, of its own making or another's. */
static void
bury(Process *p)
{
	p->alive = false;
	p->level = 0;
	p->waits = false;
	p->written = p->locked = 0;
	if (p->top != NULL)
		MemoryContextDelete(p->top);
	p->top = NULL;
}

static void
main_of_process(void)
{
	if (self->is_copy || self->is_resync)
		dtsmig_copy_main((Datum) 0);
	else
		dtsmig_task_main((Datum) 0);
	proc_exit(0);
}

void
proc_exit(int code)
{
	Process    *p = self;

	p->alive = false;
	setcontext(&scheduler);
	abort();
}

static Process *
start(bool is_copy, bool is_resync, const void *args, Size size)
{
	Process    *p = NULL;
	MemoryContext save_top = TopMemoryContext;

	for (int i = 0; i < MAX_PROCESSES && p == NULL; i++)
		if (!processes[i].alive && processes[i].top == NULL)
			p = &processes[i];
	if (p == NULL)
		return NULL;
	if (p->stack == NULL)
		p->stack = malloc(STACK_SIZE);
	p->alive = true;
	p->is_copy = is_copy;
	p->is_resync = is_resync;
	p->level = 0;
	p->written = p->locked = 0;
	memset(&p->entry, 0, sizeof(p->entry));
	memcpy(p->entry.bgw_extra, args, size);
	p->top = AllocSetContextCreateInternal(NULL, "top", 0, 0, 0);
	p->current = p->top;
	p->error = AllocSetContextCreateInternal(p->top, "error", 0, 0, 0);
	p->transaction = NULL;
	p->exceptions = NULL;
	p->callbacks = NULL;
	memset(&p->dates, 0, sizeof(p->dates));
	getcontext(&p->ctx);
	p->ctx.uc_stack.ss_sp = p->stack;
	p->ctx.uc_stack.ss_size = STACK_SIZE;
	p->ctx.uc_link = &scheduler;
	makecontext(&p->ctx, main_of_process, 0);
	TopMemoryContext = save_top;
	nstarted++;
	return p;
}

static void
start_task(void)
{
	TaskWorkerArgs args = {0};

	args.task_id = 1;
	start(false, false, &args, sizeof(args));
}

static void
run(Process *p)
{
	self = p;
	restore(p);
	swapcontext(&scheduler, &p->ctx);
	self = NULL;
	if (!p->alive)
	{
		bool		task = !p->is_copy && !p->is_resync;

		bury(p);
		/* the server starts a task's worker again */
		if (task)
			start_task();
	}
}

void
processes_step(void)
{
	Process    *ready[MAX_PROCESSES];
	int			n = 0;

	clock_advance(chance(20) ? rnd(1500) : rnd(20));
	for (int i = 0; i < MAX_PROCESSES; i++)
	{
		Process    *p = &processes[i];

		if (!p->alive)
			continue;
		if (p->written != 0 && !p->is_resync && !p->waits)
		{
			run(p);
			return;
		}
		ready[n++] = p;
	}
	run(ready[rnd(n)]);
}

void
processes_free(void)
{
	for (int i = 0; i < MAX_PROCESSES; i++)
		bury(&processes[i]);
}

void
processes_reset(void)
{
	processes_free();
	start_task();
}

void
crash(void)
{
	trace("crash");
	processes_free();
	source_processes_gone();
	start_task();
}

bool
kill_copy_worker(void)
{
	for (int i = 0; i < MAX_PROCESSES; i++)
	{
		Process    *p = &processes[i];

		if (!p->alive || !(p->is_copy || p->is_resync))
			continue;
		trace("a copy worker is killed");
		bury(p);
		return true;
	}
	return false;
}

/* ------------------------------------------------------ background workers */

struct BackgroundWorkerHandle
{
	Process    *p;
	int			started;
};

static int	birth[MAX_PROCESSES];

BackgroundWorkerHandle *
copy_worker_start(const CopyWorkerArgs *args)
{
	BackgroundWorkerHandle *handle;
	Process    *p = start(!args->resync, args->resync, args, sizeof(*args));

	if (p == NULL)
		return NULL;
	/* outlives the task worker's memory, as it would not: never freed there */
	handle = malloc(sizeof(*handle));
	handle->p = p;
	handle->started = birth[p - processes] = nstarted;
	return handle;
}

static bool
is_running(const BackgroundWorkerHandle *handle)
{
	return handle->p->alive && birth[handle->p - processes] == handle->started;
}

BgwHandleStatus
GetBackgroundWorkerPid(BackgroundWorkerHandle *handle, pid_t *pidp)
{
	*pidp = 2;
	return is_running(handle) ? BGWH_STARTED : BGWH_STOPPED;
}

void
TerminateBackgroundWorker(BackgroundWorkerHandle *handle)
{
	if (is_running(handle))
		bury(handle->p);
}

BgwHandleStatus
WaitForBackgroundWorkerShutdown(BackgroundWorkerHandle *handle)
{
	return BGWH_STOPPED;
}

void
ProcessInterrupts(void)
{
	if (chance(30))
		yield();
}

void
pg_usleep(long microsec)
{
	yield();
}

/* ------------------------------------------------------------ transactions */

bool
db_in_no_transaction(void)
{
	return self->level == 0;
}

bool
IsTransactionState(void)
{
	return self->level > 0;
}

void
StartTransactionCommand(void)
{
	if (self->level > 0)
		return;
	yield();
	self->level = 1;
	self->written = self->locked = 0;
	TopTransactionContext = AllocSetContextCreateInternal(TopMemoryContext,
														  "transaction", 0, 0, 0);
	CurrentMemoryContext = TopTransactionContext;
}

static void
end_transaction(void)
{
	self->level = 0;
	self->written = self->locked = 0;
	if (TopTransactionContext != NULL)
		MemoryContextDelete(TopTransactionContext);
	TopTransactionContext = NULL;
	CurrentMemoryContext = TopMemoryContext;
}

/* What is written becomes everybody's. */
static void
publish(void)
{
	uint64		w = self->written;

	for (int i = 0; i < MAX_TABLES; i++)
	{
		if (w & BIT_ROWS(i))
			committed.rows[i] = self->own.rows[i];
		if (w & BIT_REC(i))
			committed.rec[i] = self->own.rec[i];
	}
	for (int i = 0; i < MAX_JOBS; i++)
		if (w & BIT_JOB(i))
			committed.job[i] = self->own.job[i];
	if (w & BIT_TASK)
		committed.task = self->own.task;
	if (w & BIT_POSITION)
		committed.position = self->own.position;
	if (w & BIT_REPAIRS)
		committed.repairs = self->own.repairs;
}

void
CommitTransactionCommand(void)
{
	bool		wrote = self->written != 0;

	if (self->level == 0)
		return;
	if (self->level != 1)
		model_fail("commit inside of a subtransaction");
	if (wrote)
		yield();
	publish();
	end_transaction();
	if (wrote)
	{
		check_committed();
		yield();
	}
}

void
AbortCurrentTransaction(void)
{
	end_transaction();
}

void
AbortOutOfAnyTransaction(void)
{
	end_transaction();
}

void
BeginInternalSubTransaction(const char *name)
{
	if (self->level != 1)
		model_fail("a subtransaction at level %d", self->level);
	self->level = 2;
	self->saved = self->own;
	self->saved_written = self->written;
}

void
ReleaseCurrentSubTransaction(void)
{
	self->level = 1;
}

void
RollbackAndReleaseCurrentSubTransaction(void)
{
	self->level = 1;
	self->own = self->saved;
	self->written = self->saved_written;
}

/* ----------------------------------------------------------------- objects */

/* Whoever else writes this ends first. */
static void
own_object(uint64 bit)
{
	for (;;)
	{
		bool		taken = false;

		for (int i = 0; i < MAX_PROCESSES; i++)
			taken |= &processes[i] != self && processes[i].alive &&
				(processes[i].written & bit) != 0;
		self->waits = taken;
		if (!taken)
			break;
		yield();
	}
	if (self->level == 0)
		model_fail("written outside of a transaction");
	self->written |= bit;
}

#define DEFINE_OBJECT(type, name, args, bit, member) \
const type * \
db_##name args \
{ \
	return self != NULL && (self->written & (bit)) ? &self->own.member : &committed.member; \
} \
type * \
db_##name##_write args \
{ \
	if (!(self->written & (bit))) \
	{ \
		own_object(bit); \
		self->own.member = committed.member; \
	} \
	return &self->own.member; \
} \
extern int	no_semicolon

DEFINE_OBJECT(MTable, rows, (int i), BIT_ROWS(i), rows[i]);
DEFINE_OBJECT(DbRec, rec, (int i), BIT_REC(i), rec[i]);
DEFINE_OBJECT(DbJob, job, (int i), BIT_JOB(i), job[i]);
DEFINE_OBJECT(DbTask, task, (void), BIT_TASK, task);
DEFINE_OBJECT(DbPosition, position, (void), BIT_POSITION, position);
DEFINE_OBJECT(DbRepairs, repairs, (void), BIT_REPAIRS, repairs);

bool
object_is_written(void)
{
	for (int i = 0; i < MAX_PROCESSES; i++)
		if (processes[i].alive && processes[i].written != 0)
			return true;
	return false;
}

/* FOR UPDATE SKIP LOCKED */
bool
db_job_is_locked(int job)
{
	for (int i = 0; i < MAX_PROCESSES; i++)
		if (&processes[i] != self && processes[i].alive &&
			((processes[i].locked | processes[i].written) & BIT_JOB(job)) != 0)
			return true;
	self->locked |= BIT_JOB(job);
	return false;
}
