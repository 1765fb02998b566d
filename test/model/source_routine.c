/*
 * source_routine.c
 *	  The source as an engine: snapshots, rows, and the stream of changes.
 */
#include "model.h"

#include "source_model.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

struct SourceConn
{
	bool		open;
	MTable		tables[MAX_TABLES];
	char		position[POS_SIZE];
};

struct SourceRows
{
	const MTable *table;
	int			id;
	int			next;
	int64		lo;
	int64		hi;
};

struct SourceStream
{
	MemoryContext cxt;
	StreamCallbacks callbacks;
	uint64		place;
	uint64		set[2];
	int			txn;			/* being reported; -1: none */
	int			op;				/* -1: BEGIN */
	int			reported;			/* rows of it */
	bool		in_progress;
	bool		early_asked;
	bool		over;			/* after ROLLBACK */
	Change		change;
	Datum		values[2][NCOLS];
	uint8		status[2][NCOLS];
};

/* The snapshot that was made with the position at which changes start. */
static bool exported;
static SourceConn shared;

/* --------------------------------------------------------------- snapshots */

static char *
current_position(SourceConn *conn)
{
	char	   *text = palloc(POS_SIZE);

	line_may_break();
	source_position_now(text);
	return text;
}

static SourceConn *
connect_source(const ConnectionInfo *info)
{
	line_may_break();
	return palloc0(sizeof(SourceConn));
}

static void
close_source(SourceConn *conn)
{
}

static void
identify(SourceConn *conn, SourceIdentity *identity)
{
	identity->server_uid = "source";
}

static void
take(SourceConn *conn)
{
	memcpy(conn->tables, source_visible(), sizeof(conn->tables));
	source_position_visible(conn->position);
	conn->open = true;
}

static char *
share_snapshot(SourceConn *conn)
{
	line_may_break();
	if (!exported)
		take(&shared);
	exported = false;
	return pstrdup("shared");
}

static void
open_snapshot(SourceConn *conn, const char *name, SourceSnapshot *snapshot)
{
	line_may_break();
	memset(snapshot, 0, sizeof(*snapshot));
	if (name != NULL)
		*conn = shared;
	else
		take(conn);
	if (plan.kind == SOURCE_MYSQL)
	{
		yield();
		snapshot->high = current_position(conn);
		return;
	}
	snapshot->exact = true;
	snapshot->holds_tables = plan.kind == SOURCE_MARIADB;
	snapshot->low = snapshot->high = pstrdup(conn->position);
}

/* While nothing that has written the table is half done. */
static void
open_table_snapshot(SourceConn *conn, const ConnectionInfo *info,
					const SourceRelation *rel, SourceSnapshot *snapshot)
{
	int			table = table_of(rel);

	line_may_break();
	source_show_table(table);
	take(conn);
	memset(snapshot, 0, sizeof(*snapshot));
	snapshot->low = snapshot->high = pstrdup(conn->position);
	snapshot->exact = true;
	trace("snapshot of %s alone at %s", rel->name, conn->position);
}

/* -------------------------------------------------------------------- rows */

static List *
plan_ranges(SourceConn *conn, SourceRelation *rel, int64 rows_per_range)
{
	List	   *ranges = NIL;
	int			n = rel->nkey == 0 ? 1 : 1 + rnd(3);
	int			lo = 0;

	for (int i = 0; i < n; i++)
	{
		SourceRange *range = palloc0(sizeof(SourceRange));
		int			hi = i == n - 1 ? 1000 : lo + 3 + rnd(8);

		if (n > 1)
			range->condition = psprintf("%d:%d", lo, hi);
		ranges = lappend(ranges, range);
		lo = hi;
	}
	return ranges;
}

static SourceRows *
open_rows(SourceConn *conn, SourceRelation *rel, const SourceRange *range)
{
	SourceRows *rows = palloc0(sizeof(SourceRows));

	line_may_break();
	if (!conn->open)
		model_fail("rows are read without a snapshot");
	rows->id = table_of(rel);
	rows->table = &conn->tables[rows->id];
	rows->lo = INT64CONST(-1000000);
	rows->hi = 1000000;
	if (range != NULL && range->condition != NULL)
	{
		rows->lo = atoi(range->condition + (range->condition[0] == '('));
		rows->hi = atoi(strchr(range->condition, ':') + 1);
	}
	return rows;
}

/* A zero date becomes NULL: does the column take it? */
static void
look_at_dates(SourceRelation *rel, int64 value)
{
	int			i = plan.spec[table_of(rel)].dates;

	if (i >= 0 && value == MNULL && rel->columns[i].target_not_null)
		rel->columns[i].zero_seen = rel->zero_seen = true;
}

/* In place of the shape's: the row as it is. */
bool
shape_next_copy(bool (*next) (struct SourceRows *rows, StringInfo buf),
				struct SourceRows *rows, SourceRelation *rel, StringInfo buf)
{
	while (rows->next < rows->table->n)
	{
		const MRow *row = &rows->table->rows[rows->next++];

		if (row->v[0] < rows->lo || row->v[0] >= rows->hi)
			continue;
		if (plan.spec[rows->id].dates >= 0)
			look_at_dates(rel, row->v[plan.spec[rows->id].dates]);
		appendBinaryStringInfo(buf, (const char *) row, sizeof(*row));
		return true;
	}
	line_may_break();
	return false;
}

static void
close_rows(SourceRows *rows)
{
}

static List *
describe(SourceConn *conn, List *schemas)
{
	List	   *tables = NIL;

	line_may_break();
	for (int i = 0; i < plan.ntables; i++)
		tables = lappend(tables, def_of(i));
	return tables;
}

static void
prepare_relation(SourceConn *conn, SourceRelation *rel, TypePolicy *policy)
{
}

/* --------------------------------------------------------------- positions */

static bool
position_has_place(const char *position)
{
	return position[0] != ';';
}

/* As the engines: by place, where both have one. */
static bool
position_covers(const char *whole, const char *part)
{
	uint64		place;
	uint64		part_place;
	uint64		set[2];

	if (!position_has_place(whole) || !position_has_place(part))
		return source_covers(whole, part);
	position_read(whole, &place, set);
	position_read(part, &part_place, set);
	return place >= part_place;
}

static char *
position_by_gtid(const char *position)
{
	const char *semi = strchr(position, ';');

	return semi ? pstrdup(semi) : NULL;
}

static SourcePos
parse_position(const char *text)
{
	SourcePos	pos = {0, 0};
	uint64		set[2];

	position_read(text, &pos.offset, set);
	pos.segment = text[0] == ';' ? 0 : 1;
	return pos;
}

static char *
position_text(SourcePos pos)
{
	return psprintf("%llu", (unsigned long long) pos.offset);
}

static int64
log_distance(SourceConn *conn, const char *position, char **end)
{
	if (end)
		*end = current_position(conn);
	return 0;
}

/* ------------------------------------------------------------------ stream */

static SourceStream *
open_changes(const ConnectionInfo *info, const char *position,
			 const StreamCallbacks *callbacks, TypePolicy *policy)
{
	SourceStream *stream;

	line_may_break();
	if (source_confirmed() != NULL && !source_covers(position, source_confirmed()))
		model_fail("the stream is opened at %s, and %s was confirmed",
				   position, source_confirmed());
	stream = palloc0(sizeof(SourceStream));
	stream->callbacks = *callbacks;
	position_read(position, &stream->place, stream->set);
	stream->txn = -1;
	trace("stream from %s", position);
	return stream;
}

static void
close_changes(SourceStream *stream)
{
}

static char *
stream_position(SourceStream *stream)
{
	char	   *text = palloc(POS_SIZE);

	source_position_text(text, stream->place, stream->set);
	return text;
}

static bool
stream_is_in(SourceStream *stream, const char *position)
{
	uint64		place;
	uint64		set[2];

	position_read(position, &place, set);
	return source_is_before(stream->txn, place, set);
}

static void
confirm(SourceStream *stream, const char *position)
{
	if (!source_covers(committed.position.applied, position))
		model_fail("%s is confirmed, and %s is committed", position,
				   committed.position.applied);
	source_confirm(position);
}

/* Whole, but for the columns of a condition. */
static void
put(SourceStream *stream, int which, const MRow *row, Row *out)
{
	for (int i = 0; i < NCOLS; i++)
	{
		stream->values[which][i] = (Datum) row->v[i];
		stream->status[which][i] = row->v[i] == MNULL ? COLUMN_NULL : COLUMN_VALUE;
	}
	out->values = stream->values[which];
	out->status = stream->status[which];
}

/* What a source does not report of an UPDATE or DELETE. */
static void
leave_out(SourceStream *stream, const MOp *op, const TableSpec *spec)
{
	uint8	   *old = stream->status[0];
	uint8	   *new = stream->status[1];
	bool		update = op->kind == CHANGE_UPDATE;
	bool		rekey = false;

	for (int i = 0; i < spec->nkey; i++)
		rekey |= op->old.v[i] != op->new.v[i];
	for (int i = 0; i < spec->ncols; i++)
	{
		bool		is_key = i < spec->nkey;
		bool		same = op->old.v[i] == op->new.v[i];

		if (plan.image == IMAGE_FULL)
			return;
		if (plan.kind == SOURCE_PGSQL)
		{
			if (spec->nkey > 0 && !is_key)
				old[i] = COLUMN_ABSENT;
			if (update && i == 2 && same && !is_key)
				new[i] = COLUMN_UNCHANGED;
		}
		else if (plan.image == IMAGE_MINIMAL)
		{
			if (spec->nkey > 0 && !is_key)
				old[i] = COLUMN_ABSENT;
			if (update && same)
				new[i] = COLUMN_ABSENT;
		}
		else if (i == 2 && !is_key)
		{
			if (spec->nkey > 0)
				old[i] = COLUMN_ABSENT;
			if (update && same)
				new[i] = COLUMN_ABSENT;
		}
	}
	if (plan.kind == SOURCE_PGSQL && update && !rekey && spec->nkey > 0)
		stream->change.old.values = NULL;
}

static Change *
tell_op(SourceStream *stream, const MTxn *txn, const MOp *op)
{
	const TableSpec *spec = &plan.spec[op->table];
	SourcePos	pos = {1, txn->begin};
	Change	   *c = &stream->change;

	c->rel = stream->callbacks.lookup(stream->callbacks.arg, NULL, "s",
									  spec->name, pos);
	if (c->rel == NULL)
		return NULL;
	c->kind = op->kind;
	c->no_cascade = op->no_cascade;
	if (op->kind == CHANGE_UPDATE || op->kind == CHANGE_DELETE)
		put(stream, 0, &op->old, &c->old);
	if (op->kind == CHANGE_UPDATE || op->kind == CHANGE_INSERT)
		put(stream, 1, &op->new, &c->new);
	if (op->kind == CHANGE_UPDATE || op->kind == CHANGE_DELETE)
		leave_out(stream, op, spec);
	for (int which = 0; which < 2 && spec->dates >= 0; which++)
		if ((which ? c->new.values : c->old.values) != NULL &&
			stream->status[which][spec->dates] == COLUMN_NULL)
			look_at_dates(c->rel, MNULL);
	c->bytes = 100;
	c->pos = pos;
	stream->reported++;
	return c;
}

static Change *
pass(SourceStream *stream, const MTxn *txn, ChangeKind kind)
{
	stream->place = txn->end;
	if (plan.kind == SOURCE_MYSQL)
		stream->set[stream->txn / 64] |= UINT64CONST(1) << (stream->txn % 64);
	stream->change.kind = kind;
	stream->change.pos = (SourcePos) {1, txn->end};
	stream->change.commit_time = GetCurrentTimestamp();
	stream->txn = -1;
	return &stream->change;
}

static Change *
tell_rewrite(SourceStream *stream, const MTxn *txn)
{
	const char *name = plan.spec[txn->table].name;
	char	   *before = stream_position(stream);

	stream->change.ddl_before = before;
	stream->change.ddl_schema = "s";
	stream->change.ddl_sql = psprintf("ALTER TABLE %s", name);
	return pass(stream, txn, CHANGE_DDL);
}

/* The next thing of the transaction at hand; NULL: what came is skipped. */
static Change *
report(SourceStream *stream)
{
	MTxn	   *txn = source_txn(stream->txn);

	if (txn->what == TX_REWRITE)
		return tell_rewrite(stream, txn);
	/* nothing of it is reported a second time */
	if (txn->void_seen)
		return pass(stream, txn, CHANGE_COMMIT);
	if (stream->op < 0)
	{
		stream->op = 0;
		stream->reported = 0;
		stream->change.kind = CHANGE_BEGIN;
		stream->change.pos = (SourcePos) {1, txn->begin};
		stream->change.in_progress = stream->in_progress =
			plan.kind == SOURCE_PGSQL && txn->nops > 3 && !stream->early_asked &&
			stream->callbacks.early != NULL && chance(50) &&
			stream->callbacks.early(stream->callbacks.arg, stream->change.pos, 7);
		stream->early_asked = true;
		return &stream->change;
	}
	/* a part of it was rolled back: all of it comes again */
	if (stream->in_progress && stream->op == 2 && chance(30))
	{
		stream->op = -1;
		stream->change.kind = CHANGE_VOID;
		return &stream->change;
	}
	if (stream->op < txn->nops)
		return tell_op(stream, txn, &txn->ops[stream->op++]);
	if (txn->what != TX_VOID)
		return pass(stream, txn, CHANGE_COMMIT);
	if (stream->reported == 0)
		return pass(stream, txn, CHANGE_COMMIT);
	txn->void_seen = true;
	stream->over = true;
	stream->change.kind = CHANGE_ROLLBACK;
	return &stream->change;
}

static void
choose(SourceStream *stream)
{
	for (int i = 0; source_txn(i) != NULL; i++)
		if (!source_is_before(i, stream->place, stream->set))
		{
			stream->txn = i;
			stream->op = -1;
			stream->early_asked = false;
			return;
		}
}

static Change *
next_change(SourceStream *stream, MemoryContext rowcxt, long timeout_ms)
{
	MemoryContext old = CurrentMemoryContext;
	Change	   *change = NULL;

	line_may_break();
	if (stream->over)
		model_fail("a stream is read on after ROLLBACK");
	/* the rest of a transaction takes a while */
	if (stream->txn >= 0 && chance(5))
		return NULL;
	do
	{
		memset(&stream->change, 0, sizeof(stream->change));
		if (stream->txn < 0)
			choose(stream);
		if (stream->txn < 0)
			break;
		change = report(stream);
	} while (change == NULL);
	MemoryContextSwitchTo(old);
	if (change != NULL || chance(60))
		return change;
	stream->change.kind = CHANGE_HEARTBEAT;
	stream->change.pos = (SourcePos) {1, stream->place};
	return &stream->change;
}

static bool
has_committed(SourceConn *conn, uint32 xid)
{
	return true;
}

static void
keep_alive(SourceStream *stream)
{
}

/* The snapshot of the start is there at the start. */
void
stream_reset(void)
{
	take(&shared);
	exported = true;
}

void
source_lose_export(void)
{
	exported = false;
}

/* In place of the two engines. */
const SourceRoutine *
source_routine(const char *server_type)
{
	static SourceRoutine routine;

	memset(&routine, 0, sizeof(routine));
	routine.engine = "model";
	routine.connect = connect_source;
	routine.close = close_source;
	routine.identify = identify;
	routine.describe = describe;
	routine.current_position = current_position;
	routine.start_position = current_position;
	routine.position_has_place = position_has_place;
	routine.position_covers = position_covers;
	routine.parse_position = parse_position;
	routine.log_distance = log_distance;
	routine.open_snapshot = open_snapshot;
	routine.open_table_snapshot = open_table_snapshot;
	routine.plan_ranges = plan_ranges;
	routine.prepare_relation = prepare_relation;
	routine.open_rows = open_rows;
	routine.close_rows = close_rows;
	routine.open_changes = open_changes;
	routine.next_change = next_change;
	routine.stream_is_in = stream_is_in;
	routine.stream_position = stream_position;
	routine.has_committed = has_committed;
	routine.keep_alive = keep_alive;
	routine.confirm = confirm;
	routine.close_changes = close_changes;
	if (plan.kind == SOURCE_MYSQL)
		routine.position_by_gtid = position_by_gtid;
	if (plan.kind == SOURCE_PGSQL)
	{
		routine.share_snapshot = share_snapshot;
		routine.position_text = position_text;
		routine.own_types = routine.logs_shapes = true;
		routine.logs_cascades = routine.rows_notice_ddl = true;
	}
	return &routine;
}
