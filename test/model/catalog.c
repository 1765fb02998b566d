/*
 * catalog.c
 *	  The tables of schema dtsmig. Each statement that the worker's files run
 *	  is known to the model by its text, and done by hand: one that has been changed
 *	  there has to be looked at here.
 */
#include "model.h"

#include "store/sql.h"
#include "store/object.h"

typedef struct Call
{
	const char *text[8];		/* parameters, by their place from 1 */
	int64		number[8];
	StoreRows   *out;
} Call;

typedef uint64 (*Handler) (Call *call);

/* ------------------------------------------------------------------ helpers */

#define TASK_TABLES(i) for (int i = 0; i < plan.ntables; i++)

static void
set(char *field, const char *text)
{
	strlcpy(field, text ? text : "", POS_SIZE);
}

/* The same of a short word. */
static void
set_word(char *field, const char *text)
{
	strlcpy(field, text ? text : "", 12);
}

static bool
is(const char *field, const char *word)
{
	return strcmp(field, word) == 0;
}

static char *
nullable(const char *field)
{
	return field[0] ? pstrdup(field) : NULL;
}

static char *
number(int64 n)
{
	return psprintf("%lld", (long long) n);
}

static void
add_row(Call *c, int n,...)
{
	StoreRows   *out = c->out;
	va_list		args;
	char	  **row = palloc(sizeof(char *) * n);

	va_start(args, n);
	for (int i = 0; i < n; i++)
		row[i] = va_arg(args, char *);
	va_end(args);
	out->ncolumns = n;
	out->values = out->values == NULL ? palloc(sizeof(char **) * 64) : out->values;
	out->values[out->nrows++] = row;
}

/* Table ids begin at 1, job ids as well. */
static int
table_at(const Call *c, int param)
{
	return (int) c->number[param] - 1;
}

/* ----------------------------------------------------------------- positions */

static uint64
write_position(Call *c)
{
	set(db_position_write()->applied, c->text[2]);
	return 1;
}

static uint64
read_position(Call *c)
{
	if (db_position()->applied[0])
		add_row(c, 3, nullable(db_position()->applied),
				nullable(db_position()->replay), "0");
	return 0;
}

static uint64
go_back(Call *c)
{
	DbPosition *p = db_position_write();

	set(p->applied, c->text[2]);
	set(p->replay, c->text[3]);
	return 1;
}

static uint64
give_up_replay(Call *c)
{
	DbPosition *p;

	if (!db_position()->replay[0])
		return 0;
	p = db_position_write();
	set(p->applied, p->replay);
	set(p->replay, NULL);
	return 1;
}

static uint64
end_replay(Call *c)
{
	set(db_position_write()->replay, NULL);
	return 1;
}

/* -------------------------------------------------------------------- tables */

static uint64
move_step(Call *c)
{
	TASK_TABLES(i)
		if (is(db_rec(i)->state, "resync") && is(db_rec(i)->step, c->text[2]))
			set_word(db_rec_write(i)->step, c->text[3]);
	return 1;
}

static uint64
clear_step(Call *c)
{
	set_word(db_rec_write(table_at(c, 1))->step, NULL);
	return 1;
}

static uint64
begin_copying(Call *c)
{
	DbRec	   *rec = db_rec_write(table_at(c, 1));

	set_word(rec->state, "resync");
	set_word(rec->step, "copying");
	set(rec->from, c->text[2]);
	return 1;
}

static uint64
copied_from(Call *c)
{
	TASK_TABLES(i)
		if (is(db_rec(i)->step, "copied"))
		{
			add_row(c, 1, nullable(db_rec(i)->from));
			break;
		}
	return 0;
}

static uint64
put_in_sync(Call *c)
{
	TASK_TABLES(i)
		if (is(db_rec(i)->state, "resync") && is(db_rec(i)->step, c->text[2]))
		{
			DbRec	   *rec = db_rec_write(i);

			set_word(rec->state, "ready");
			set_word(rec->step, NULL);
			set(rec->from, NULL);
			add_row(c, 2, "s", (char *) plan.spec[i].name);
		}
	return 1;
}

static uint64
set_zone(Call *c)
{
	DbRec	   *rec = db_rec_write(table_at(c, 1));

	set(rec->low, c->text[2]);
	set(rec->high, c->text[3]);
	return 1;
}

static uint64
note_described(Call *c)
{
	if (c->text[2])
		set(db_rec_write(table_at(c, 1))->described, c->text[2]);
	return 1;
}

static uint64
count_resync(Call *c)
{
	int			n = 0;

	TASK_TABLES(i)
		n += is(db_rec(i)->state, "resync");
	add_row(c, 1, number(n));
	return 0;
}

static uint64
snapshots(Call *c)
{
	TASK_TABLES(i)
		if (db_rec(i)->high[0] != '\0')
			add_row(c, 1, nullable(db_rec(i)->high));
	return 0;
}

static uint64
resync_from(Call *c)
{
	add_row(c, 1, nullable(db_rec(table_at(c, 1))->from));
	return 0;
}

static uint64
resync_done(Call *c)
{
	DbRec	   *rec = db_rec_write(table_at(c, 1));

	set_word(rec->state, "ready");
	set_word(rec->step, NULL);
	set(rec->from, NULL);
	rec->one_snapshot = true;
	set(rec->low, c->text[2]);
	set(rec->high, c->text[3]);
	set(rec->described, c->text[4]);
	return 1;
}

/* For a statement that shapes it, which the model does not have. */
static uint64
note_wait(Call *c)
{
	if (c->text[2] != NULL)
		model_fail("table %s waits: %s", plan.spec[table_at(c, 1)].name, c->text[2]);
	return 0;
}

static uint64
rows_copied_again(Call *c)
{
	set(db_rec_write(table_at(c, 1))->described, c->text[4]);
	return 1;
}

static uint64
leave_copying(Call *c)
{
	if (!is(db_rec(table_at(c, 1))->step, "copying"))
		return 0;
	set_word(db_rec_write(table_at(c, 1))->step, c->text[2]);
	return 1;
}

static uint64
note_copied(Call *c)
{
	const DbRec *now = db_rec(table_at(c, 1));
	DbRec	   *rec;

	if (!is(now->state, "resync") || !is(now->step, "copying") ||
		!is(now->from, c->text[7]))
		return 0;
	rec = db_rec_write(table_at(c, 1));
	set_word(rec->step, "copied");
	set(rec->low, c->text[2]);
	set(rec->high, c->text[3]);
	set(rec->described, c->text[4]);
	rec->one_snapshot = true;
	return 1;
}

static uint64
mark_resync(Call *c)
{
	DbRec	   *rec = db_rec_write(table_at(c, 1));

	set_word(rec->state, "resync");
	set_word(rec->step, NULL);
	add_row(c, 2, "s", (char *) plan.spec[table_at(c, 1)].name);
	return 1;
}

static uint64
mark_left(Call *c)
{
	set_word(db_rec_write(table_at(c, 1))->state, "resync");
	add_row(c, 2, "s", (char *) plan.spec[table_at(c, 1)].name);
	return 1;
}

static uint64
wants_stop(Call *c)
{
	TASK_TABLES(i)
		if (is(db_rec(i)->state, "resync") && !is(db_rec(i)->step, "replay"))
			add_row(c, 1, number(i + 1));
	return 0;
}

static uint64
many_snapshots(Call *c)
{
	db_rec_write(table_at(c, 1))->one_snapshot = false;
	return 1;
}

static uint64
read_high(Call *c)
{
	add_row(c, 1, nullable(db_rec(table_at(c, 1))->high));
	return 0;
}

static uint64
set_high(Call *c)
{
	set(db_rec_write(table_at(c, 1))->high, c->text[2]);
	return 1;
}

static void
add_relation(Call *c, int i)
{
	const DbRec *rec = db_rec(i);

	add_row(c, 12, number(i + 1), number(i), nullable(rec->low),
			nullable(rec->high), number(rec->generation),
			nullable(rec->def_from), is(rec->state, "resync") ? "t" : "f",
			nullable(rec->described), nullable(rec->step), NULL,
			rec->one_snapshot ? "t" : "f", NULL);
}

static uint64
one_relation(Call *c)
{
	add_relation(c, table_at(c, 1));
	return 0;
}

static uint64
all_relations(Call *c)
{
	TASK_TABLES(i)
		add_relation(c, i);
	return 0;
}

static uint64
read_definition(Call *c)
{
	add_row(c, 1, number(table_at(c, 1)));
	return 0;
}

static uint64
read_versions(Call *c)
{
	add_row(c, 3, number(table_at(c, 1) + 1),
			number(db_rec(table_at(c, 1))->generation), number(table_at(c, 1)));
	return 0;
}

static uint64
is_not_null(Call *c)
{
	TASK_TABLES(i)
		if (is(c->text[1] + strlen("s."), plan.spec[i].name))
			add_row(c, 1, db_rec(i)->not_null &&
					atoi(c->text[2] + 1) == plan.spec[i].dates ? "t" : "f");
	return 0;
}

static uint64
table_copying(Call *c)
{
	DbRec	   *rec = db_rec_write(table_at(c, 1));

	if (!is(rec->state, "resync"))
		set_word(rec->state, "copying");
	return 1;
}

static bool
copies_are_done(int table)
{
	for (int j = 0; j < db_task()->njobs; j++)
		if (db_job(j)->copy && db_job(j)->table == table && db_job(j)->state != 'd')
			return false;
	return true;
}

static uint64
table_copied(Call *c)
{
	int			i = table_at(c, 1);

	if (is(db_rec(i)->state, "resync") || !copies_are_done(i))
		return 0;
	set_word(db_rec_write(i)->state, "copied");
	add_row(c, 1, number(i + 1));
	return 1;
}

static uint64
table_again(Call *c)
{
	set_word(db_rec_write(table_at(c, 1))->state, "waiting");
	return 1;
}

/* ---------------------------------------------------------------------- jobs */

static int
new_job(int table, bool copy, char state)
{
	int			j = db_task_write()->njobs++;
	DbJob	   *job = db_job_write(j);

	memset(job, 0, sizeof(*job));
	job->table = table;
	job->copy = copy;
	job->state = state;
	return j;
}

static uint64
plan_statements(Call *c)
{
	bool		unique = is(c->text[2], "unique");

	if (is(c->text[2], "index"))
		return 0;
	TASK_TABLES(i)
		if (unique ? plan.spec[i].unique >= 0 && !db_rec(i)->unique :
			plan.spec[i].nkey > 0)
		{
			int			j = new_job(i, false, unique || c->number[3] ? 'r' : 'w');

			db_job_write(j)->unique = unique;
		}
	return 0;
}

static uint64
count_jobs(Call *c)
{
	add_row(c, 1, number(db_task()->njobs));
	return 0;
}

static uint64
insert_copy(Call *c)
{
	DbJob	   *job = db_job_write(new_job(table_at(c, 2), true, 'r'));

	strlcpy(job->condition, c->text[3] ? c->text[3] : "", sizeof(job->condition));
	job->whole = c->number[4] != 0;
	return 1;
}

static uint64
read_snapshots(Call *c)
{
	TASK_TABLES(i)
		for (int j = 0; j < db_task()->njobs; j++)
			if (db_job(j)->copy && db_job(j)->table == i && db_job(j)->high[0])
				add_row(c, 4, number(j + 1), number(i + 1), nullable(db_job(j)->low),
						nullable(db_job(j)->high));
	return 0;
}

static uint64
jobs_left(Call *c)
{
	bool		left = false;

	for (int j = 0; j < db_task()->njobs; j++)
		left |= db_job(j)->state != 'd';
	add_row(c, 1, left ? "t" : "f");
	return 0;
}

static uint64
job_done(Call *c)
{
	db_job_write((int) c->number[1] - 1)->state = 'd';
	return 1;
}

static uint64
copy_done(Call *c)
{
	DbJob	   *job = db_job_write((int) c->number[1] - 1);

	job->state = 'd';
	set(job->low, c->text[4]);
	set(job->high, c->text[5]);
	return 1;
}

static void
release_statements(int table)
{
	for (int j = 0; j < db_task()->njobs; j++)
		if (!db_job(j)->copy && db_job(j)->table == table && db_job(j)->state == 'w')
			db_job_write(j)->state = 'r';
}

static uint64
release_if_copied(Call *c)
{
	if (copies_are_done(table_at(c, 1)))
		release_statements(table_at(c, 1));
	return 1;
}

static uint64
release_all(Call *c)
{
	release_statements(table_at(c, 1));
	return 1;
}

/* Keys go before copies, those of larger tables first. */
static uint64
take_job(Call *c)
{
	for (int copies = 0; copies < 2; copies++)
		for (int j = 0; j < db_task()->njobs; j++)
		{
			const DbJob *job = db_job(j);

			if (job->state != 'r' || job->copy != (copies == 1) ||
				(job->copy && c->number[2]) || db_job_is_locked(j))
				continue;
			add_row(c, 10, number(j + 1), number(job->table + 1),
					job->copy ? "t" : "f", nullable(job->condition),
					job->whole ? "t" : "f", number(job->copy ? 0 : j + 1),
					"", "primary key key", "f", "f");
			return 0;
		}
	return 0;
}

static uint64
halves(Call *c)
{
	TASK_TABLES(i)
	{
		bool		done = false;

		for (int j = 0; j < db_task()->njobs; j++)
			done |= db_job(j)->copy && db_job(j)->table == i && db_job(j)->state == 'd';
		if (done && !copies_are_done(i))
			add_row(c, 4, number(i + 1), "s", (char *) plan.spec[i].name,
					psprintf("s.%s", plan.spec[i].name));
	}
	return 0;
}

static uint64
jobs_again(Call *c)
{
	for (int j = 0; j < db_task()->njobs; j++)
		if (db_job(j)->copy && db_job(j)->table == table_at(c, 1))
		{
			DbJob	   *job = db_job_write(j);

			job->state = 'r';
			set(job->low, NULL);
			set(job->high, NULL);
		}
	return 1;
}

static uint64
leave_jobs(Call *c)
{
	for (int j = 0; j < db_task()->njobs; j++)
		if (db_job(j)->copy && db_job(j)->table == table_at(c, 1) &&
			db_job(j)->state != 'd' && !db_job_is_locked(j))
		{
			db_job_write(j)->state = 'd';
			add_row(c, 1, number(j + 1));
		}
	return 1;
}

/* ---------------------------------------------------------------------- task */

static uint64
set_positions(Call *c)
{
	DbTask	   *task = db_task_write();

	set(task->target, c->text[2]);
	set(task->start, c->text[3]);
	return 1;
}

static uint64
set_step(Call *c)
{
	set_word(db_task_write()->step, c->text[3]);
	return 1;
}

static uint64
nothing(Call *c)
{
	return 1;
}

static uint64
identity(Call *c)
{
	add_row(c, 1, "source");
	return 0;
}

/* -------------------------------------------------------------------- repair */

static uint64
any_repair(Call *c)
{
	for (int i = 0; i < db_repairs()->n; i++)
		if (db_repairs()->due[i])
		{
			add_row(c, 1, "1");
			break;
		}
	return 0;
}

static uint64
tables_to_repair(Call *c)
{
	TASK_TABLES(t)
		for (int i = 0; i < db_repairs()->n; i++)
			if (db_repairs()->due[i] && db_repairs()->table[i] == t)
			{
				add_row(c, 1, number(t + 1));
				break;
			}
	return 0;
}

static uint64
rows_to_repair(Call *c)
{
	for (int i = 0; i < db_repairs()->n; i++)
		if (db_repairs()->due[i] && db_repairs()->table[i] == table_at(c, 1))
		{
			add_row(c, 3, number(i), number(db_repairs()->key[i]), "f");
			break;
		}
	return 0;
}

static uint64
repaired(Call *c)
{
	db_repairs_write()->due[c->number[1]] = false;
	return 1;
}

static uint64
repair_failed(Call *c)
{
	for (int i = 0; i < db_repairs()->n; i++)
		if (db_repairs()->table[i] == table_at(c, 2))
			db_repairs_write()->due[i] = false;
	return 1;
}

#include "catalog_statements.h"

static StoreRows *
call(const char *sql, const char *format, va_list args, uint64 *processed)
{
	static const char *seen[lengthof(statements)];
	Call		c;

	memset(&c, 0, sizeof(c));
	c.out = palloc0(sizeof(StoreRows));
	for (int i = 0; format[i]; i++)
	{
		Assert(i + 1 < 8);
		if (format[i] == 't')
			c.text[i + 1] = va_arg(args, const char *);
		else if (format[i] == 'b')
			c.number[i + 1] = va_arg(args, int);
		else
			c.number[i + 1] = va_arg(args, int64);
	}
	if (db_in_no_transaction())
		model_fail("a statement of the catalog outside of a transaction: %s", sql);
	for (int i = 0; i < lengthof(statements); i++)
	{
		if (seen[i] != sql && strcmp(statements[i].sql, sql) != 0)
			continue;
		seen[i] = sql;
		*processed = statements[i].handler(&c);
		return c.out;
	}
	model_fail("test/model/catalog.c does not know this statement: %s", sql);
}

StoreRows *
store_query(const char *sql, const char *format,...)
{
	va_list		args;
	StoreRows   *rows;
	uint64		processed;

	va_start(args, format);
	rows = call(sql, format, args, &processed);
	va_end(args);
	return rows;
}

uint64
store_exec(const char *sql, const char *format,...)
{
	va_list		args;
	uint64		processed;

	va_start(args, format);
	(void) call(sql, format, args, &processed);
	va_end(args);
	return processed;
}

uint64
store_exec_saved(void **kept, const char *sql, const char *format,...)
{
	va_list		args;
	uint64		processed;

	va_start(args, format);
	(void) call(sql, format, args, &processed);
	va_end(args);
	return processed;
}

int64
store_int(const StoreRows *rows, int row, int column)
{
	return atoll(rows->values[row][column]);
}

bool
store_bool(const StoreRows *rows, int row, int column)
{
	return rows->values[row][column][0] == 't';
}

/* A number in place of a document. */
Jsonb *
store_jsonb(const StoreRows *rows, int row, int column)
{
	return (Jsonb *) (intptr_t) (atoll(rows->values[row][column]) + 1);
}
