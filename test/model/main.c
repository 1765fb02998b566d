/*
 * main.c
 *	  Schedules, one for each seed, and what must hold in them:
 *
 *	  - Whenever the destination commits, a table that is past its copy is
 *		what the source was at the position that is committed with it: nothing
 *		is lost, nothing done twice.
 *	  - Nothing is confirmed to the source that is not committed.
 *	  - The task never fails; in the end it comes to the end of the log, and
 *		all tables are equal.
 *
 *	  model [--seed N] [--count N] [--jobs N] [--trace]
 */
#include "model.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

/* Steps that a schedule may take, once the source rests. */
#define MOST_STEPS 200000

Schedule	plan;
bool		tracing = false;
static uint64 state;
static uint64 steps;

uint32
rnd(uint32 below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return below == 0 ? 0 : (uint32) ((state >> 16) % below);
}

bool
chance(int percent)
{
	return (int) rnd(100) < percent;
}

void
trace(const char *fmt,...)
{
	va_list		args;

	if (!tracing)
		return;
	va_start(args, fmt);
	printf("%6llu  ", (unsigned long long) steps);
	vprintf(fmt, args);
	printf("\n");
	va_end(args);
}

void
model_fail(const char *fmt,...)
{
	va_list		args;

	va_start(args, fmt);
	printf("seed %llu, step %llu: ", (unsigned long long) plan.seed,
		   (unsigned long long) steps);
	vprintf(fmt, args);
	printf("\n");
	va_end(args);
	fflush(stdout);
	_exit(1);
}

static void
on_signal(int number)
{
	model_fail("signal %d", number);
}

/* ------------------------------------------------------------- comparison */

static int
compare_rows(const void *a, const void *b)
{
	for (int i = 0; i < NCOLS; i++)
	{
		int64		x = ((const MRow *) a)->v[i];
		int64		y = ((const MRow *) b)->v[i];

		if (x != y)
			return x < y ? -1 : 1;
	}
	return 0;
}

static MTable
sorted(const MTable *t, int ncols)
{
	MTable		copy = *t;

	for (int i = 0; i < copy.n; i++)
		for (int c = ncols; c < NCOLS; c++)
			copy.rows[i].v[c] = 0;
	qsort(copy.rows, copy.n, sizeof(MRow), compare_rows);
	return copy;
}

bool
tables_equal(const MTable *a, const MTable *b, int ncols)
{
	MTable		x = sorted(a, ncols);
	MTable		y = sorted(b, ncols);

	return x.n == y.n && memcmp(x.rows, y.rows, sizeof(MRow) * x.n) == 0;
}

const char *
table_text(const MTable *t, int ncols)
{
	static char buf[4096];
	MTable		s = sorted(t, ncols);
	int			len = 0;

	buf[0] = '\0';
	for (int i = 0; i < s.n && len < (int) sizeof(buf) - 100; i++)
	{
		len += sprintf(buf + len, "(");
		for (int c = 0; c < ncols; c++)
			len += s.rows[i].v[c] == MNULL ? sprintf(buf + len, c ? ",-" : "-") :
				sprintf(buf + len, c ? ",%lld" : "%lld", (long long) s.rows[i].v[c]);
		len += sprintf(buf + len, ")");
	}
	return buf;
}

static void
compare(int i, const char *position, const char *when)
{
	MTable		there;
	char		text[4096];
	int			n = plan.spec[i].ncols;

	source_table_at(position, i, &there);
	if (tables_equal(&there, &committed.rows[i], n))
		return;
	strlcpy(text, table_text(&there, n), sizeof(text));
	model_fail("%s, at %s: table %s\n  source      %s\n  destination %s", when,
			   position, plan.spec[i].name, text, table_text(&committed.rows[i], n));
}

static bool
is_step(const char *step)
{
	return strcmp(committed.task.step, step) == 0;
}

/*
 * Is the table to be copied with one above it, whose changes are not followed
 * until then, nor what they do to it?
 */
static bool
parent_waits(int i)
{
	for (int p = plan.spec[i].parent; p >= 0; p = plan.spec[p].parent)
		if (strcmp(committed.rec[p].state, "resync") == 0 &&
			strcmp(committed.rec[p].step, "replay") != 0)
			return plan.kind != SOURCE_PGSQL;
	return false;
}

/* Tables past their copy are what the source was there. */
void
check_committed(void)
{
	const DbPosition *p = &committed.position;

	trace("committed: %s, applied %s%s%s", committed.task.step, p->applied,
		  p->replay[0] ? ", again up to " : "", p->replay);
	for (int i = 0; tracing && i < plan.ntables; i++)
		trace("    %-12s %s %s from %s, copied %s to %s, definition %d from %s",
			  plan.spec[i].name, committed.rec[i].state, committed.rec[i].step,
			  committed.rec[i].from, committed.rec[i].low, committed.rec[i].high,
			  committed.rec[i].generation, committed.rec[i].def_from);
	if (is_step("copy") || !p->applied[0])
		return;
	for (int i = 0; i < plan.ntables; i++)
	{
		const DbRec *rec = &committed.rec[i];
		bool		replayed = strcmp(rec->step, "replay") == 0;
		const char *at = p->replay[0] && !replayed ? p->replay : p->applied;

		if (strcmp(rec->state, "resync") == 0 && !replayed)
			continue;
		if (parent_waits(i))
			continue;
		if (!rec->high[0] || at[0] == ';' || !source_has(at, rec->high))
			continue;
		compare(i, at, "committed");
	}
}

/* --------------------------------------------------------------- schedules */

static void
add_table(const char *name, int ncols, int nkey, int unique, int parent, int fk)
{
	TableSpec  *spec = &plan.spec[plan.ntables++];

	memset(spec, 0, sizeof(*spec));
	spec->name = name;
	spec->ncols = ncols;
	spec->nkey = nkey;
	spec->unique = unique;
	spec->identity = -1;
	spec->parent = parent;
	spec->fk = fk;
	spec->dates = -1;
}

static void
make_plan(uint64 seed)
{
	memset(&plan, 0, sizeof(plan));
	plan.seed = seed;
	state = (seed + 1) * UINT64CONST(0x9E3779B97F4A7C15);
	for (int i = 0; i < 5; i++)
		rnd(2);
	plan.kind = rnd(3);
	plan.image = rnd(3);
	add_table("t_keyed", 4, 1, chance(50) ? 3 : -1, -1, -1);
	if (chance(30))
		plan.spec[0].identity = 1;
	if (chance(60))
		add_table("t_keyless", 3, 0, -1, -1, -1);
	if (chance(50))
		add_table("t_two", 4, 2, -1, -1, -1);
	if (plan.ntables < 3 && chance(50))
	{
		add_table("t_parent", 3, 1, -1, -1, -1);
		add_table("t_child", 3, 1, -1, plan.ntables - 1, 2);
		if (chance(50))
			add_table("t_grandchild", 3, 1, -1, plan.ntables - 1, 2);
	}
	for (int i = 0; i < plan.ntables; i++)
		if (seed % 5 == 0 && plan.kind != SOURCE_PGSQL && plan.spec[i].nkey < 2 &&
			plan.spec[i].identity != 1)
			plan.spec[i].dates = 1;
	plan.lag = chance(30) ? 3 : 40;
	plan.workers = 1 + rnd(3);
	plan.batch_rows = 1 + rnd(chance(50) ? 4 : 30);
	plan.batch_delay = chance(50) ? 0 : rnd(1000);
	plan.txns = 10 + rnd(60);
	plan.crashes = chance(40) ? 0 : rnd(6);
	plan.errors = chance(50) ? 0 : rnd(4);
	plan.kills = chance(70) ? 0 : rnd(3);
	plan.resyncs = chance(40) ? 0 : rnd(4);
	plan.rewrites = chance(60) ? 0 : rnd(3);
	plan.repairs = chance(50) ? 0 : 1 + rnd(4);
	plan.moves = plan.kind != SOURCE_PGSQL && chance(50);
}

static void
start_catalog(void)
{
	memset(&committed, 0, sizeof(committed));
	strcpy(committed.task.step, "copy");
	strcpy(committed.task.start, source_start());
	for (int i = 0; i < plan.ntables; i++)
	{
		strcpy(committed.rec[i].state, "waiting");
		committed.rec[i].generation = 1;
		committed.rec[i].not_null = plan.spec[i].dates >= 0;
	}
}

/* As resync_table does. */
static void
ask_resync(void)
{
	DbRec	   *rec = &committed.rec[rnd(plan.ntables)];

	if (plan.resyncs == 0 || object_is_written() ||
		(!is_step("changes") && !is_step("catchup")))
		return;
	plan.resyncs--;
	if (strcmp(rec->state, "resync") != 0 || strcmp(rec->step, "copied") == 0 ||
		strcmp(rec->step, "replay") == 0)
		strcpy(rec->step, "asked");
	strcpy(rec->state, "resync");
	trace("resync asked for table %d", (int) (rec - committed.rec));
}

/* As repair does: of a table with one key column. */
static void
ask_repair(void)
{
	DbRepairs  *r = &committed.repairs;
	int			table = rnd(plan.ntables);

	if (plan.repairs == 0 || object_is_written() || !is_step("changes") ||
		plan.spec[table].nkey != 1 || r->n == MAX_REPAIRS)
		return;
	plan.repairs--;
	r->table[r->n] = table;
	r->key[r->n] = source_some_key(table);
	r->due[r->n++] = true;
	trace("repair asked for row %lld of table %d",
		  (long long) r->key[r->n - 1], table);
}

static void
something_happens(void)
{
	int			r = rnd(1000);

	if (r < 250)
		source_step();
	else if (r < 253 && plan.crashes > 0)
	{
		plan.crashes--;
		crash();
	}
	else if (r < 256 && plan.kills > 0)
		plan.kills -= kill_copy_worker();
	else if (r < 262)
		ask_resync();
	else if (r < 266)
		ask_repair();
	else
		processes_step();
}

static bool
is_settled(void)
{
	if (!is_step("changes") || committed.position.replay[0] ||
		!source_at_end(committed.position.applied[0] ? committed.position.applied :
					   committed.task.start))
		return false;
	for (int i = 0; i < plan.ntables; i++)
		if (strcmp(committed.rec[i].state, "resync") == 0)
			return false;
	for (int i = 0; i < committed.repairs.n; i++)
		if (committed.repairs.due[i])
			return false;
	return true;
}

static void
run_schedule(uint64 seed)
{
	uint64		at_rest = 0;

	steps = 0;
	make_plan(seed);
	clock_reset();
	source_reset();
	start_catalog();
	processes_reset();
	trace("seed %llu: source %d, images %d, %d tables, %d workers",
		  (unsigned long long) seed, plan.kind, plan.image, plan.ntables,
		  plan.workers);
	while (!source_is_done() || !is_step("changes"))
	{
		steps++;
		something_happens();
		if (steps > MOST_STEPS)
			model_fail("the task does not come to its last step: %s", committed.task.step);
	}
	/* what was meant to happen may still happen while all comes to its end */
	while (at_rest < 300)
	{
		steps++;
		if (at_rest == 0)
			something_happens();
		else
			processes_step();
		if (at_rest == 0 && source_is_done() && chance(1))
		{
			source_settle();
			at_rest = 1;
		}
		at_rest += at_rest > 0 && is_settled();
		if (steps > 2 * MOST_STEPS)
			model_fail("the task does not come to the end of the log: applied %s",
					   committed.position.applied);
	}
	for (int i = 0; i < plan.ntables; i++)
		compare(i, committed.position.applied[0] ? committed.position.applied :
				committed.task.start, "in the end");
	processes_free();
}

/* One process of several; false: a schedule failed. */
static bool
run_some(uint64 seed, uint64 count, int jobs, int job)
{
	for (uint64 i = job; i < count; i += jobs)
		run_schedule(seed + i);
	return true;
}

int
main(int argc, char **argv)
{
	uint64		seed = 1;
	uint64		count = 1;
	int			jobs = 1;
	bool		failed = false;

	for (int i = 1; i < argc; i++)
	{
		if (strcmp(argv[i], "--trace") == 0)
			tracing = true;
		else if (i + 1 < argc && strcmp(argv[i], "--seed") == 0)
			seed = strtoull(argv[++i], NULL, 10);
		else if (i + 1 < argc && strcmp(argv[i], "--count") == 0)
			count = strtoull(argv[++i], NULL, 10);
		else if (i + 1 < argc && strcmp(argv[i], "--jobs") == 0)
			jobs = atoi(argv[++i]);
		else
		{
			fprintf(stderr, "usage: %s [--seed N] [--count N] [--jobs N] [--trace]\n", argv[0]);
			return 2;
		}
	}
	signal(SIGSEGV, on_signal);
	signal(SIGABRT, on_signal);
	signal(SIGALRM, on_signal);
	for (int j = 1; j < jobs; j++)
		if (fork() == 0)
			_exit(run_some(seed, count, jobs, j) ? 0 : 1);
	run_some(seed, count, jobs, 0);
	for (int j = 1; j < jobs; j++)
	{
		int			status;

		wait(&status);
		failed |= status != 0;
	}
	if (!failed)
		printf("%llu schedules from seed %llu: no difference\n",
			   (unsigned long long) count, (unsigned long long) seed);
	return failed ? 1 : 0;
}
