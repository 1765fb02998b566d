/*
 * source.c
 *	  The source: tables whose transactions are made at random, and the log
 *	  that reports them.
 *
 * A transaction of SOURCE_MYSQL is in the log before it is visible, and
 * becomes so in any order among those that share no row; its positions are a
 * place and a set of transactions. Those of SOURCE_MARIADB become visible in the
 * order of the log, those of SOURCE_PGSQL at once.
 */
#include "model.h"

#include "source_model.h"

static MTable first[MAX_TABLES];	/* at the start of the log */
static MTable logged[MAX_TABLES];	/* with all that is in the log */
static MTable visible[MAX_TABLES];
static MTxn txns[MAX_TXNS];
static int	ntxns;
static uint64 log_end;
static char start[POS_SIZE];
static char confirmed[POS_SIZE];
static bool settled;

/* -------------------------------------------------------------- positions */

static void
position_write(char *text, uint64 place, const uint64 *set)
{
	if (plan.kind == SOURCE_MYSQL)
		snprintf(text, POS_SIZE, "%llu;%llx,%llx", (unsigned long long) place,
				 (unsigned long long) set[0], (unsigned long long) set[1]);
	else
		snprintf(text, POS_SIZE, "%llu", (unsigned long long) place);
}

void
position_read(const char *text, uint64 *place, uint64 *set)
{
	const char *semi = strchr(text, ';');

	*place = text[0] == ';' ? 0 : strtoull(text, NULL, 10);
	set[0] = set[1] = 0;
	if (semi != NULL)
	{
		char	   *comma;

		set[0] = strtoull(semi + 1, &comma, 16);
		set[1] = strtoull(comma + 1, NULL, 16);
	}
}

static bool
in_set(const uint64 *set, int txn)
{
	return (set[txn / 64] >> (txn % 64) & 1) != 0;
}

static void
add_to_set(uint64 *set, int txn)
{
	set[txn / 64] |= UINT64CONST(1) << (txn % 64);
}

/* Does a transaction lie before a position? */
static bool
is_before(int txn, uint64 place, const uint64 *set)
{
	if (plan.kind == SOURCE_MYSQL)
		return in_set(set, txn);
	return txns[txn].end <= place;
}

/* Where the log is, and what of it is visible. */
static void
position_now(char *text)
{
	uint64		set[2] = {0, 0};

	for (int i = 0; i < ntxns; i++)
		if (txns[i].visible)
			add_to_set(set, i);
	position_write(text, log_end, set);
}

/* Where a snapshot of now stands: of SOURCE_MARIADB at the last that is visible. */
void
source_position_visible(char *text)
{
	uint64		set[2] = {0, 0};
	uint64		place = 4;

	position_now(text);
	for (int i = 0; plan.kind == SOURCE_MARIADB && i < ntxns && txns[i].visible; i++)
		place = txns[i].end;
	if (plan.kind == SOURCE_MARIADB)
		position_write(text, place, set);
}

/* -------------------------------------------------------------- histories */

static void
delete_at(MTable *t, int i)
{
	t->rows[i] = t->rows[--t->n];
}

static void
cascade(MTable *tables, int parent, int64 key)
{
	for (int c = 0; c < plan.ntables; c++)
		for (int i = 0; plan.spec[c].parent == parent && i < tables[c].n;)
		{
			int64		gone = tables[c].rows[i].v[0];

			if (tables[c].rows[i].v[plan.spec[c].fk] != key)
			{
				i++;
				continue;
			}
			delete_at(&tables[c], i);
			cascade(tables, c, gone);
		}
}

/* The key of a row changes, and with it what refers to it. */
static void
cascade_key(MTable *tables, int parent, int64 old, int64 new)
{
	for (int c = 0; c < plan.ntables; c++)
		for (int i = 0; plan.spec[c].parent == parent && i < tables[c].n; i++)
			if (tables[c].rows[i].v[plan.spec[c].fk] == old)
				tables[c].rows[i].v[plan.spec[c].fk] = new;
}

static void
apply_op(MTable *tables, const MOp *op)
{
	MTable	   *t = &tables[op->table];
	const TableSpec *spec = &plan.spec[op->table];
	int			i = -1;

	if (op->kind == CHANGE_TRUNCATE)
	{
		t->n = 0;
		return;
	}
	if (op->kind != CHANGE_INSERT)
	{
		i = row_find(t, spec, &op->old);
		if (i < 0)
			model_fail("the source's own history: no row in %s", spec->name);
	}
	if (op->kind == CHANGE_DELETE)
	{
		delete_at(t, i);
		if (plan.kind != SOURCE_PGSQL && !op->no_cascade)
			cascade(tables, op->table, op->old.v[0]);
	}
	else if (op->kind == CHANGE_UPDATE)
	{
		t->rows[i] = op->new;
		if (plan.moves && op->old.v[0] != op->new.v[0])
			cascade_key(tables, op->table, op->old.v[0], op->new.v[0]);
	}
	else
		t->rows[t->n++] = op->new;
}

static void
apply_txn(MTable *tables, const MTxn *txn)
{
	if (txn->what == TX_VOID)
		return;
	if (txn->what == TX_REWRITE)
	{
		MTable	   *t = &tables[txn->table];

		for (int i = 0; i < t->n; i++)
			t->rows[i].v[plan.spec[txn->table].ncols - 1] += 100;
		return;
	}
	for (int i = 0; i < txn->nops; i++)
		apply_op(tables, &txn->ops[i]);
}

/* May the two not be swapped, because they write the same row or value? */
static bool
ops_meet(const MOp *a, const MOp *b)
{
	bool		family_a = plan.spec[a->table].parent >= 0;
	bool		family_b = plan.spec[b->table].parent >= 0;

	for (int i = 0; i < plan.ntables; i++)
	{
		family_a |= plan.spec[i].parent == a->table;
		family_b |= plan.spec[i].parent == b->table;
	}
	if (family_a && family_b)
		return true;
	if (a->table != b->table)
		return false;
	/* a table with values that are unique, or without a key, as a whole */
	if (plan.spec[a->table].unique >= 0 || plan.spec[a->table].nkey == 0)
		return true;
	for (int i = 0; i < 2; i++)
		for (int j = 0; j < 2; j++)
		{
			const MRow *x = i ? &a->new : &a->old;
			const MRow *y = j ? &b->new : &b->old;

			if (x->v[0] == y->v[0])
				return true;
		}
	return false;
}

static void
show(MTxn *txn)
{
	if (txn->visible)
		return;
	txn->visible = true;
	apply_txn(visible, txn);
	trace("source: transaction %d is visible", (int) (txn - txns));
}

static void
show_all(void)
{
	for (int i = 0; i < ntxns; i++)
		show(&txns[i]);
}

/* Those of SOURCE_MARIADB become visible one after the other. */
static void
show_one(int txn)
{
	if (plan.kind == SOURCE_MARIADB)
		for (int i = 0; i < txn; i++)
			show(&txns[i]);
	show(&txns[txn]);
}

/* What has written the table comes to its end. */
void
source_show_table(int table)
{
	for (int i = 0; i < ntxns; i++)
		for (int a = 0; a < txns[i].nops; a++)
			if (txns[i].ops[a].table == table)
				show(&txns[i]);
}

/* Those that the new one has waited for. */
static void
show_met(const MTxn *txn)
{
	for (int i = 0; i < ntxns; i++)
		for (int a = 0; !txns[i].visible && a < txns[i].nops; a++)
			for (int b = 0; b < txn->nops; b++)
				if (ops_meet(&txns[i].ops[a], &txn->ops[b]))
				{
					show_one(i);
					break;
				}
}

static MRow
random_row(int table)
{
	MRow		row;

	for (int i = 0; i < NCOLS; i++)
		row.v[i] = chance(10) ? MNULL : rnd(8);
	for (int i = 0; i < plan.spec[table].nkey; i++)
		row.v[i] = i == 0 ? 1 + rnd(plan.spec[table].nkey > 1 ? 8 : 24) : rnd(3);
	return row;
}

static bool
unique_is_free(const MTable *t, int col, int64 value)
{
	for (int i = 0; col >= 0 && value != MNULL && i < t->n; i++)
		if (t->rows[i].v[col] == value)
			return false;
	return true;
}

static void
add_op(MTxn *txn, MTable *tables, int table, ChangeKind kind, const MRow *old,
	   const MRow *new)
{
	MOp		   *op = &txn->ops[txn->nops];

	if (txn->nops >= MAX_OPS)
		return;
	memset(op, 0, sizeof(*op));
	op->table = table;
	op->kind = kind;
	if (old)
		op->old = *old;
	if (new)
		op->new = *new;
	txn->nops++;
	apply_op(tables, op);
}

/* Children of a row that are deleted with it, and reported, where they are reported. */
static void
delete_row(MTxn *txn, MTable *tables, int table, const MRow *row)
{
	MRow		old = *row;

	for (int c = 0; plan.kind == SOURCE_PGSQL && c < plan.ntables; c++)
		for (int i = tables[c].n - 1; plan.spec[c].parent == table && i >= 0; i--)
			if (tables[c].rows[i].v[plan.spec[c].fk] == old.v[0])
				delete_row(txn, tables, c, &tables[c].rows[i]);
	add_op(txn, tables, table, CHANGE_DELETE, &old, NULL);
}

static void
random_insert(MTxn *txn, MTable *tables, int table)
{
	const TableSpec *spec = &plan.spec[table];
	MTable	   *t = &tables[table];
	MRow		row = random_row(table);

	if (t->n >= 24)
		return;
	if (spec->nkey > 0 && row_find(t, spec, &row) >= 0)
		return;
	if (spec->unique >= 0)
	{
		row.v[spec->unique] = rnd(40);
		if (!unique_is_free(t, spec->unique, row.v[spec->unique]))
			row.v[spec->unique] = MNULL;
	}
	if (spec->parent >= 0)
	{
		MTable	   *p = &tables[spec->parent];

		/* a row whose parent is not there: foreign_key_checks = 0 */
		if (p->n == 0 || (plan.kind != SOURCE_PGSQL && chance(5)))
			row.v[spec->fk] = p->n == 0 ? MNULL : 90 + rnd(3);
		else
			row.v[spec->fk] = p->rows[rnd(p->n)].v[0];
	}
	add_op(txn, tables, table, CHANGE_INSERT, NULL, &row);
}

static bool
has_children(const MTable *tables, int table, int64 key)
{
	for (int c = 0; c < plan.ntables; c++)
		for (int i = 0; plan.spec[c].parent == table && i < tables[c].n; i++)
			if (tables[c].rows[i].v[plan.spec[c].fk] == key)
				return true;
	return false;
}

static void
random_update(MTxn *txn, MTable *tables, int table)
{
	const TableSpec *spec = &plan.spec[table];
	MTable	   *t = &tables[table];
	MRow		old = t->rows[rnd(t->n)];
	MRow		new = old;
	MRow		other = random_row(table);

	for (int i = spec->nkey; i < spec->ncols; i++)
		if (i != spec->unique && i != spec->fk && chance(40))
			new.v[i] = other.v[i];
	if (spec->unique >= 0 && chance(30))
	{
		new.v[spec->unique] = rnd(40);
		if (!unique_is_free(t, spec->unique, new.v[spec->unique]))
			new.v[spec->unique] = old.v[spec->unique];
	}
	/* the key, perhaps into another range of the copy */
	if (spec->nkey > 0 && chance(30) &&
		(plan.moves || !has_children(tables, table, old.v[0])) &&
		row_find(t, spec, &other) < 0)
		for (int i = 0; i < spec->nkey; i++)
			new.v[i] = other.v[i];
	add_op(txn, tables, table, CHANGE_UPDATE, &old, &new);
}

/* Two rows exchange what is unique, or their keys. */
static void
random_swap(MTxn *txn, MTable *tables, int table)
{
	const TableSpec *spec = &plan.spec[table];
	MTable	   *t = &tables[table];
	MRow		a = t->rows[rnd(t->n)];
	MRow		b = t->rows[rnd(t->n)];
	MRow		x = a;
	MRow		y = b;
	MRow		z;
	int			from = 0;
	int			to = spec->nkey;

	if (spec->unique >= 0 && chance(70))
	{
		from = spec->unique;
		to = from + 1;
		x.v[from] = MNULL;
	}
	else
		x.v[0] = 99;
	if (spec->nkey == 0 || memcmp(&a, &b, sizeof(a)) == 0 ||
		txn->nops + 3 > MAX_OPS || a.v[from] == b.v[from] ||
		(from == 0 && ((!plan.moves && (has_children(tables, table, a.v[0]) ||
										has_children(tables, table, b.v[0]))) ||
					   row_find(t, spec, &x) >= 0)))
		return;
	z = x;
	for (int i = from; i < to; i++)
	{
		y.v[i] = a.v[i];
		z.v[i] = b.v[i];
	}
	add_op(txn, tables, table, CHANGE_UPDATE, &a, &x);
	add_op(txn, tables, table, CHANGE_UPDATE, &b, &y);
	add_op(txn, tables, table, CHANGE_UPDATE, &x, &z);
}

static void
random_op(MTxn *txn, MTable *tables)
{
	int			table = rnd(plan.ntables);
	MTable	   *t = &tables[table];
	int			r = rnd(100);

	if (t->n == 0 || r < 30)
		random_insert(txn, tables, table);
	else if (r < 65)
		random_update(txn, tables, table);
	else if (r < 75)
		random_swap(txn, tables, table);
	else if (r < 78 && plan.kind == SOURCE_PGSQL && plan.spec[table].fk < 0 &&
			 !has_children(tables, table, t->rows[0].v[0]))
	{
		bool		parent = false;

		for (int c = 0; c < plan.ntables; c++)
			parent |= plan.spec[c].parent == table;
		if (!parent)
			add_op(txn, tables, table, CHANGE_TRUNCATE, NULL, NULL);
	}
	else
	{
		MRow		row = t->rows[rnd(t->n)];

		delete_row(txn, tables, table, &row);
		/* the same key again */
		if (plan.spec[table].nkey > 0 && plan.spec[table].fk < 0 && chance(30) &&
			row_find(t, &plan.spec[table], &row) < 0)
		{
			row.v[plan.spec[table].ncols - 1] = rnd(8);
			if (plan.spec[table].unique < 0)
				add_op(txn, tables, table, CHANGE_INSERT, NULL, &row);
		}
	}
}

static const char *
op_text(const MOp *op)
{
	static char buf[200];
	MTable		one = {1, {op->old}};
	MTable		two = {1, {op->new}};
	int			n = plan.spec[op->table].ncols;
	char		old[80];

	strlcpy(old, table_text(&one, n), sizeof(old));
	snprintf(buf, sizeof(buf), "%s %s%s%s", plan.spec[op->table].name,
			 op->kind == CHANGE_INSERT ? "+" : old,
			 op->kind == CHANGE_DELETE ? " -" : op->kind == CHANGE_TRUNCATE ? " truncated" : " > ",
			 op->kind == CHANGE_DELETE || op->kind == CHANGE_TRUNCATE ? "" : table_text(&two, n));
	return buf;
}

static void
new_txn(void)
{
	MTxn	   *txn = &txns[ntxns];
	MTable		after[MAX_TABLES];
	int			wanted = 1 + (chance(30) ? rnd(MAX_OPS) : rnd(3));

	if (ntxns >= MAX_TXNS)
		return;
	memset(txn, 0, sizeof(*txn));
	memcpy(after, logged, sizeof(after));
	txn->begin = log_end;
	if (plan.rewrites > 0 && chance(8))
	{
		plan.rewrites--;
		txn->what = TX_REWRITE;
		txn->table = rnd(plan.ntables);
		if (plan.spec[txn->table].unique == plan.spec[txn->table].ncols - 1 ||
			plan.spec[txn->table].fk == plan.spec[txn->table].ncols - 1)
			return;
		show_all();
		apply_txn(after, txn);
	}
	else
	{
		for (int i = 0; i < wanted; i++)
			random_op(txn, after);
		if (txn->nops == 0)
			return;
		if (plan.kind != SOURCE_PGSQL && chance(4))
			txn->what = TX_VOID;
		if (txn->what == TX_VOID)
			memcpy(after, logged, sizeof(after));
		else
			show_met(txn);
	}
	log_end += 10 + rnd(50);
	txn->end = log_end;
	memcpy(logged, after, sizeof(after));
	ntxns++;
	trace("source: transaction %d, %llu to %llu%s", ntxns - 1,
		  (unsigned long long) txn->begin, (unsigned long long) txn->end,
		  txn->what == TX_VOID ? ", void" : txn->what == TX_REWRITE ? ", a table rewritten" : "");
	for (int i = 0; tracing && i < txn->nops; i++)
		trace("    %s", op_text(&txn->ops[i]));
	if (plan.kind == SOURCE_PGSQL || txn->what != TX_ROWS || chance(20 + plan.lag))
		show_one(ntxns - 1);
}

void
source_step(void)
{
	if (settled)
		return;
	if (plan.kind != SOURCE_PGSQL && ntxns > 0 && chance(plan.lag))
		show_one(rnd(ntxns));
	else if (ntxns < plan.txns)
		new_txn();
}

void
source_settle(void)
{
	show_all();
	settled = true;
}

bool
source_is_done(void)
{
	return ntxns >= plan.txns;
}

void
source_reset(void)
{
	memset(first, 0, sizeof(first));
	memset(logged, 0, sizeof(logged));
	memset(visible, 0, sizeof(visible));
	ntxns = 0;
	log_end = 4;
	settled = false;
	confirmed[0] = '\0';
	for (int t = 0; t < plan.ntables; t++)
	{
		MTxn		rows;

		for (int i = rnd(25); i > 0; i--)
		{
			rows.nops = 0;
			random_insert(&rows, logged, t);
		}
	}
	memcpy(first, logged, sizeof(first));
	memcpy(visible, logged, sizeof(first));
	for (int i = rnd(6); i > 0; i--)
		new_txn();
	position_now(start);
	stream_reset();
}

const char *
source_start(void)
{
	return start;
}

/* ------------------------------------------------------ what must hold */

static void
tables_at(const char *position, MTable *out)
{
	uint64		place;
	uint64		set[2];

	position_read(position, &place, set);
	memcpy(out, first, sizeof(first));
	for (int i = 0; i < ntxns; i++)
		if (is_before(i, place, set))
			apply_txn(out, &txns[i]);
}

void
source_table_at(const char *position, int table, MTable *out)
{
	static MTable tables[MAX_TABLES];
	static char at[POS_SIZE];
	static uint64 seed;
	static int	known;

	if (strcmp(at, position) != 0 || seed != plan.seed || known != ntxns)
		tables_at(position, tables);
	strlcpy(at, position, POS_SIZE);
	seed = plan.seed;
	known = ntxns;
	*out = tables[table];
}

bool
source_has(const char *position, const char *high)
{
	uint64		place;
	uint64		set[2];
	uint64		high_place;
	uint64		high_set[2];

	position_read(position, &place, set);
	position_read(high, &high_place, high_set);
	for (int i = 0; i < ntxns; i++)
		if ((is_before(i, high_place, high_set) || txns[i].end <= high_place) &&
			!is_before(i, place, set))
			return false;
	return true;
}

/* Does all that lies before part lie before whole? */
bool
source_covers(const char *whole, const char *part)
{
	uint64		place;
	uint64		set[2];
	uint64		part_place;
	uint64		part_set[2];

	position_read(whole, &place, set);
	position_read(part, &part_place, part_set);
	for (int i = 0; i < ntxns; i++)
		if (is_before(i, part_place, part_set) && !is_before(i, place, set))
			return false;
	return true;
}

bool
source_at_end(const char *position)
{
	uint64		place;
	uint64		set[2];

	position_read(position, &place, set);
	for (int i = 0; i < ntxns; i++)
		if (!is_before(i, place, set) && txns[i].what != TX_VOID)
			return false;
	return true;
}

const char *
source_confirmed(void)
{
	return confirmed[0] ? confirmed : NULL;
}

void
source_confirm(const char *position)
{
	strlcpy(confirmed, position, POS_SIZE);
}

/* What the process knew of void places is gone with it. */
void
source_processes_gone(void)
{
	for (int i = 0; i < ntxns; i++)
		txns[i].void_seen = false;
	source_lose_export();
}

int64
source_some_key(int table)
{
	return 1 + rnd(24);
}

/* ------------------------------------------------- for source_stream.c */

MTxn *
source_txn(int i)
{
	return i < ntxns ? &txns[i] : NULL;
}

const MTable *
source_visible(void)
{
	return visible;
}

void
source_position_now(char *text)
{
	position_now(text);
}

void
source_position_text(char *text, uint64 place, const uint64 *set)
{
	position_write(text, place, set);
}

bool
source_is_before(int txn, uint64 place, const uint64 *set)
{
	return is_before(txn, place, set);
}

uint64
source_log_end(void)
{
	return log_end;
}
