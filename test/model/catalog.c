/*
 * catalog.c
 *	  The tables of schema dtsmig. Each statement that the worker's files run
 *	  is known here by its text, and done by hand: one that has been changed
 *	  there has to be looked at here.
 */
#include "model.h"

#include "catalog/books.h"

typedef struct Call
{
	const char *text[8];		/* parameters, by their place from 1 */
	int64		number[8];
	BookRows   *out;
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
	BookRows   *out = c->out;
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
		add_row(c, 2, nullable(db_position()->applied), "0");
	return 0;
}

static uint64
read_replay(Call *c)
{
	if (db_position()->applied[0])
		add_row(c, 2, nullable(db_position()->applied),
				nullable(db_position()->replay));
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
put_in_step(Call *c)
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

	add_row(c, 11, number(i + 1), number(i), nullable(rec->low),
			nullable(rec->high), number(rec->generation),
			nullable(rec->def_from), is(rec->state, "resync") ? "t" : "f",
			nullable(rec->described), nullable(rec->step), NULL,
			rec->one_snapshot ? "t" : "f");
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
table_anew(Call *c)
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
				add_row(c, 3, number(i + 1), nullable(db_job(j)->low),
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
			add_row(c, 9, number(j + 1), number(job->table + 1),
					job->copy ? "t" : "f", nullable(job->condition),
					job->whole ? "t" : "f", number(job->copy ? 0 : j + 1),
					"", "key", "f");
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
jobs_anew(Call *c)
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
			add_row(c, 2, number(i), number(db_repairs()->key[i]));
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

/* ---------------------------------------------------------------- statements */

#define RELATION \
	"SELECT t.table_id, v.definition, t.snapshot_low, t.snapshot_high, " \
	"v.generation, v.from_position, t.state = 'resync', t.described_position, " \
	"t.resync_step, t.types_position, t.one_snapshot " \
	"FROM dtsmig.task_table t JOIN LATERAL " \
	"(SELECT definition, generation, from_position FROM dtsmig.table_version v " \
	"WHERE v.table_id = t.table_id ORDER BY generation DESC LIMIT 1) v ON true "

static const struct
{
	const char *sql;
	Handler		handler;
}			statements[] =
{
	{"INSERT INTO dtsmig.task_position AS p (task_id, applied_position, commit_time, changes, transactions) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (task_id) DO UPDATE SET applied_position = EXCLUDED.applied_position, commit_time = EXCLUDED.commit_time, changes = p.changes + EXCLUDED.changes, transactions = p.transactions + EXCLUDED.transactions, updated = pg_catalog.clock_timestamp()", write_position},
	{"SELECT applied_position, changes FROM dtsmig.task_position WHERE task_id = $1", read_position},
	{"SELECT applied_position FROM dtsmig.task_position WHERE task_id = $1", read_position},
	{"SELECT applied_position, replay_until FROM dtsmig.task_position WHERE task_id = $1", read_replay},
	{"UPDATE dtsmig.task_position SET applied_position = $2, replay_until = $3 WHERE task_id = $1", go_back},
	{"UPDATE dtsmig.task_position SET applied_position = replay_until, replay_until = NULL WHERE task_id = $1 AND replay_until IS NOT NULL", give_up_replay},
	{"UPDATE dtsmig.task_position SET replay_until = NULL WHERE task_id = $1", end_replay},

	{"UPDATE dtsmig.task_table SET resync_step = $3 WHERE task_id = $1 AND state = 'resync' AND resync_step = $2", move_step},
	{"UPDATE dtsmig.task_table SET resync_step = NULL WHERE table_id = $1", clear_step},
	{"UPDATE dtsmig.task_table SET state = 'resync', resync_step = 'copying', resync_from = $2, rows_copied = 0, bytes_copied = 0 WHERE table_id = $1", begin_copying},
	{"SELECT resync_from FROM dtsmig.task_table WHERE task_id = $1 AND resync_step = 'copied' LIMIT 1", copied_from},
	{"UPDATE dtsmig.task_table SET state = 'ready', resync_step = NULL, resync_from = NULL WHERE task_id = $1 AND state = 'resync' AND resync_step = $2 RETURNING source_schema, source_table", put_in_step},
	{"UPDATE dtsmig.task_table SET snapshot_low = $2, snapshot_high = $3 WHERE table_id = $1", set_zone},
	{"UPDATE dtsmig.task_table SET described_position = COALESCE($2, described_position) WHERE table_id = $1", note_described},
	{"SELECT count(*) FROM dtsmig.task_table WHERE task_id = $1 AND state = 'resync'", count_resync},
	{"SELECT resync_from FROM dtsmig.task_table WHERE table_id = $1", resync_from},
	{"UPDATE dtsmig.task_table SET state = 'ready', resync_step = NULL, resync_from = NULL, one_snapshot = true, snapshot_low = $2, snapshot_high = $3, described_position = $4 WHERE table_id = $1", resync_done},
	{"UPDATE dtsmig.task_table SET rows_copied = $2, bytes_copied = $3, described_position = $4 WHERE table_id = $1", rows_copied_again},
	{"UPDATE dtsmig.task_table SET resync_step = $2 WHERE table_id = $1 AND resync_step = 'copying'", leave_copying},
	{"UPDATE dtsmig.task_table SET resync_step = 'copied', snapshot_low = $2, snapshot_high = $3, one_snapshot = true, described_position = $4, rows_copied = $5, bytes_copied = $6 WHERE table_id = $1 AND state = 'resync' AND resync_step = 'copying' AND resync_from = $7", note_copied},
	{"UPDATE dtsmig.task_table SET state = 'resync', resync_step = NULL WHERE table_id = $1 RETURNING source_schema, source_table", mark_resync},
	{"UPDATE dtsmig.task_table SET state = 'resync' WHERE table_id = $1 RETURNING source_schema, source_table", mark_left},
	{"SELECT table_id FROM dtsmig.task_table WHERE task_id = $1 AND state = 'resync' AND resync_step IS DISTINCT FROM 'replay'", wants_stop},
	{"UPDATE dtsmig.task_table SET one_snapshot = false WHERE table_id = $1", many_snapshots},
	{"SELECT snapshot_high FROM dtsmig.task_table WHERE table_id = $1", read_high},
	{"UPDATE dtsmig.task_table SET snapshot_high = $2 WHERE table_id = $1", set_high},
	{RELATION "WHERE t.table_id = $1", one_relation},
	{RELATION "WHERE t.task_id = $1 ORDER BY t.table_id", all_relations},
	{"UPDATE dtsmig.task_table SET rows_copied = rows_copied + $2, bytes_copied = bytes_copied + $3, state = CASE state WHEN 'resync' THEN state ELSE 'copying' END WHERE table_id = $1", table_copying},
	{"UPDATE dtsmig.task_table SET state = 'copied' WHERE table_id = $1 AND state <> 'resync' AND NOT EXISTS (SELECT 1 FROM dtsmig.task_job j WHERE j.table_id = $1 AND j.kind = 'copy' AND j.state <> 'done') RETURNING table_id", table_copied},
	{"UPDATE dtsmig.task_table SET rows_copied = 0, bytes_copied = 0, state = 'waiting' WHERE table_id = $1", table_anew},

	{"INSERT INTO dtsmig.task_job (task_id, table_id, kind, state, object_id, priority) SELECT o.task_id, o.table_id, 'statement', CASE WHEN $3 OR o.table_id IS NULL THEN 'ready' ELSE 'waiting' END, o.object_id, $4 + COALESCE(t.bytes_estimate, 0) FROM dtsmig.task_object o LEFT JOIN dtsmig.task_table t USING (table_id) WHERE o.task_id = $1 AND o.phase = $2 AND o.state IN ('waiting', 'failed') AND NOT EXISTS (SELECT 1 FROM dtsmig.task_job j WHERE j.object_id = o.object_id) ORDER BY o.object_id", plan_statements},
	{"SELECT count(*) FROM dtsmig.task_job WHERE task_id = $1", count_jobs},
	{"INSERT INTO dtsmig.task_job (task_id, table_id, kind, state, condition, whole_table, rows_estimate, priority) VALUES ($1, $2, 'copy', 'ready', $3, $4, $5, 1000000000 + $6)", insert_copy},
	{"SELECT table_id, snapshot_low, snapshot_position FROM dtsmig.task_job WHERE task_id = $1 AND kind = 'copy' AND snapshot_position IS NOT NULL ORDER BY table_id", read_snapshots},
	{"SELECT EXISTS (SELECT 1 FROM dtsmig.task_job WHERE task_id = $1 AND state <> 'done')", jobs_left},
	{"UPDATE dtsmig.task_job SET state = 'done' WHERE job_id = $1", job_done},
	{"UPDATE dtsmig.task_job SET state = 'done', rows = $2, bytes = $3, snapshot_low = $4, snapshot_position = $5 WHERE job_id = $1", copy_done},
	{"UPDATE dtsmig.task_job SET state = 'ready' WHERE table_id = $1 AND kind = 'statement' AND state = 'waiting' AND NOT EXISTS (SELECT 1 FROM dtsmig.task_job j WHERE j.table_id = $1 AND j.kind = 'copy' AND j.state <> 'done')", release_if_copied},
	{"UPDATE dtsmig.task_job SET state = 'ready' WHERE table_id = $1 AND kind = 'statement' AND state = 'waiting'", release_all},
	{"SELECT j.job_id, COALESCE(j.table_id, 0), j.kind = 'copy', j.condition, j.whole_table, COALESCE(j.object_id, 0), o.statement, o.name, COALESCE(o.state = 'failed' AND o.error_code <> ALL ('{42P07,42710,42P06,42723}') AND (o.error_code <> '42P16' OR o.kind NOT LIKE '%key'), false) FROM dtsmig.task_job j LEFT JOIN dtsmig.task_object o USING (object_id) WHERE j.task_id = $1 AND j.state = 'ready' AND (j.kind <> 'copy' OR NOT $2) ORDER BY j.priority DESC, j.job_id LIMIT 1 FOR UPDATE OF j SKIP LOCKED", take_job},
	{"SELECT t.table_id, t.source_schema, t.source_table, pg_catalog.format('%I.%I', t.target_schema, t.target_table) FROM dtsmig.task_table t WHERE t.task_id = $1 AND EXISTS (SELECT 1 FROM dtsmig.task_job j WHERE j.table_id = t.table_id AND j.kind = 'copy' AND j.state = 'done') AND EXISTS (SELECT 1 FROM dtsmig.task_job j WHERE j.table_id = t.table_id AND j.kind = 'copy' AND j.state <> 'done')", halves},
	{"UPDATE dtsmig.task_job SET state = 'ready', snapshot_low = NULL, snapshot_position = NULL WHERE table_id = $1 AND kind = 'copy'", jobs_anew},
	{"UPDATE dtsmig.task_job SET state = 'done' WHERE job_id IN (SELECT job_id FROM dtsmig.task_job WHERE table_id = $1 AND kind = 'copy' AND state <> 'done' FOR UPDATE SKIP LOCKED) RETURNING job_id", leave_jobs},

	{"UPDATE dtsmig.task SET target_position = $2, start_position = $3 WHERE task_id = $1", set_positions},
	{"UPDATE dtsmig.task SET phase = $2, step = $3, updated = pg_catalog.clock_timestamp() WHERE task_id = $1", set_step},
	{"UPDATE dtsmig.task SET runtime_handle = $2 WHERE task_id = $1", nothing},
	{"UPDATE dtsmig.task SET status = 'running', runtime_handle = $2, retrying_since = NULL, retrying_until = NULL, started = COALESCE(started, pg_catalog.clock_timestamp()), updated = pg_catalog.clock_timestamp() WHERE task_id = $1", nothing},
	{"UPDATE dtsmig.task SET source_identity = COALESCE(source_identity, $2) WHERE task_id = $1 RETURNING source_identity", identity},
	{"SELECT source_identity FROM dtsmig.task WHERE task_id = $1", identity},

	{"SELECT 1 FROM dtsmig.verify_difference WHERE task_id = $1 AND state = 'repairing' LIMIT 1", any_repair},
	{"SELECT DISTINCT table_id FROM dtsmig.verify_difference WHERE task_id = $1 AND state = 'repairing' AND table_id IS NOT NULL ORDER BY 1", tables_to_repair},
	{"SELECT difference_id, key_values FROM dtsmig.verify_difference WHERE table_id = $1 AND state = 'repairing' AND key_values IS NOT NULL ORDER BY difference_id LIMIT $2", rows_to_repair},
	{"UPDATE dtsmig.verify_difference SET state = 'repaired', repaired = pg_catalog.clock_timestamp() WHERE difference_id = $1", repaired},
	{"UPDATE dtsmig.verify_difference SET state = 'failed', error = $3 WHERE task_id = $1 AND table_id = $2 AND state = 'repairing'", repair_failed},
};

static BookRows *
call(const char *sql, const char *format, va_list args, uint64 *processed)
{
	static const char *seen[lengthof(statements)];
	Call		c;

	memset(&c, 0, sizeof(c));
	c.out = palloc0(sizeof(BookRows));
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

BookRows *
books_query(const char *sql, const char *format,...)
{
	va_list		args;
	BookRows   *rows;
	uint64		processed;

	va_start(args, format);
	rows = call(sql, format, args, &processed);
	va_end(args);
	return rows;
}

uint64
books_exec(const char *sql, const char *format,...)
{
	va_list		args;
	uint64		processed;

	va_start(args, format);
	(void) call(sql, format, args, &processed);
	va_end(args);
	return processed;
}

uint64
books_exec_kept(void **kept, const char *sql, const char *format,...)
{
	va_list		args;
	uint64		processed;

	va_start(args, format);
	(void) call(sql, format, args, &processed);
	va_end(args);
	return processed;
}

int64
book_int(const BookRows *rows, int row, int column)
{
	return atoll(rows->values[row][column]);
}

bool
book_bool(const BookRows *rows, int row, int column)
{
	return rows->values[row][column][0] == 't';
}

/* A number in place of a document. */
Jsonb *
book_jsonb(const BookRows *rows, int row, int column)
{
	return (Jsonb *) (intptr_t) (atoll(rows->values[row][column]) + 1);
}
