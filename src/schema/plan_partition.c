/*-------------------------------------------------------------------------
 *
 * plan_partition.c
 *	  PARTITION BY of the MySQL family as declarative partitions.
 *
 * Kept where PostgreSQL's partitions take the same rows: RANGE and LIST over
 * a column of numbers or dates, RANGE over YEAR(), TO_DAYS() and
 * UNIX_TIMESTAMP() of one (those grow with it, so that a bound of theirs is a
 * bound of the column), HASH and KEY over columns. Else the table is plain,
 * and the note says why.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "datatype/timestamp.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/datetime.h"

#include "schema/mysql_lex.h"
#include "schema/mysql_types.h"
#include "schema/plan_internal.h"

/* TO_DAYS('0001-01-01') */
#define TO_DAYS_YEAR_ONE 366

typedef struct PartitionBy
{
	MyLexer		lexer;
	MyToken		token;
	TableDef   *def;
	const char *method;			/* RANGE, LIST, HASH */
	char	   *function;		/* of a RANGE; NULL: the column itself */
	List	   *columns;		/* TableColumn * */
	char	   *why;			/* not kept, because */
} PartitionBy;

static void
advance(PartitionBy *p)
{
	p->token = mysql_lex_next(&p->lexer);
}

static bool
accept_word(PartitionBy *p, const char *word)
{
	if (!mysql_token_is(&p->token, word))
		return false;
	advance(p);
	return true;
}

static void
give_up(PartitionBy *p, char *why)
{
	if (p->why == NULL)
		p->why = why;
	p->token.kind = TOK_END;
	p->token.text = "";
}

/* The names between here and the closing parenthesis. */
static void
read_key(PartitionBy *p, bool any_expression)
{
	int			depth = 0;
	char	   *function = NULL;
	bool		plain = true;

	for (; p->token.kind != TOK_END && p->token.kind != TOK_BAD; advance(p))
	{
		TableColumn *col = NULL;

		if (mysql_token_is(&p->token, "("))
			depth++;
		else if (mysql_token_is(&p->token, ")"))
		{
			if (depth-- == 0)
				break;
		}
		else if (p->token.kind == TOK_NAME || p->token.kind == TOK_WORD)
		{
			col = model_find_column(p->def, p->token.text);
			if (col != NULL)
				p->columns = list_append_unique_ptr(p->columns, col);
			else if (function == NULL && p->token.kind == TOK_WORD)
				function = p->token.text;
			else
				plain = false;
		}
		else if (!mysql_token_is(&p->token, ","))
			plain = false;
	}
	if (!accept_word(p, ")"))
		give_up(p, "the partition key does not parse");
	p->function = function;
	if (!any_expression &&
		(!plain || (function != NULL &&
					(list_length(p->columns) != 1 ||
					 (pg_strcasecmp(function, "year") != 0 &&
					  pg_strcasecmp(function, "to_days") != 0 &&
					  pg_strcasecmp(function, "unix_timestamp") != 0)))))
		give_up(p, "the partition key is an expression");
}

/* The primary key and every unique index must have the partition key. */
static bool
in_every_key(const TableDef *def, const TableColumn *col)
{
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, def->indexes)
	{
		TableIndex *index = lfirst(lc);
		bool		found = false;

		if (index->kind != INDEX_PRIMARY && index->kind != INDEX_UNIQUE)
			continue;
		foreach(lc2, index->parts)
		{
			IndexPart  *part = lfirst(lc2);

			found = found || (part->column != NULL && part->prefix == 0 &&
							  strcmp(part->column, col->name) == 0);
		}
		if (!found)
			return false;
	}
	return true;
}

static void
check_key(PartitionBy *p)
{
	ListCell   *lc;

	if (p->columns == NIL)
		give_up(p, "the partition key has no column");
	foreach(lc, p->columns)
	{
		TableColumn *col = lfirst(lc);
		PgClass		cls = mysql_column_class(col);

		if (col->target_name == NULL)
			give_up(p, psprintf("column %s is left out", col->name));
		else if (col->target_generated)
			give_up(p, psprintf("column %s is generated", col->name));
		else if (!in_every_key(p->def, col))
			give_up(p, psprintf("column %s is not in every unique key", col->name));
		else if (strcmp(p->method, "HASH") != 0 && cls != PGC_INT &&
				 cls != PGC_NUMERIC && cls != PGC_DATE && cls != PGC_TIMESTAMP &&
				 !(cls == PGC_TIMESTAMPTZ && p->function != NULL))
			give_up(p, psprintf("values of column %s may sort or compare otherwise", col->name));
	}
}

/* One value of a bound as a literal of PostgreSQL; NULL: not understood. */
static char *
bound_value(PartitionBy *p)
{
	char	   *text = p->token.text;
	bool		minus = accept_word(p, "-");
	int64		n;
	int			y,
				m,
				d;

	if (minus)
		text = psprintf("-%s", p->token.text);
	if (accept_word(p, "MAXVALUE"))
		return "MAXVALUE";
	if (accept_word(p, "NULL"))
		return "NULL";
	if (p->token.kind != TOK_NUMBER &&
		(p->token.kind != TOK_STRING || p->function != NULL))
		return NULL;
	advance(p);
	if (p->function == NULL)
		return quote_literal_cstr(text);

	n = strtoll(text, NULL, 10);
	if (pg_strcasecmp(p->function, "year") == 0)
		return n < 1 || n > 9999 ? NULL : psprintf("'%04d-01-01'", (int) n);
	if (pg_strcasecmp(p->function, "to_days") == 0)
	{
		if (n < TO_DAYS_YEAR_ONE || n > 3652424)
			return NULL;
		j2date(date2j(1, 1, 1) + (int) n - TO_DAYS_YEAR_ONE, &y, &m, &d);
		return psprintf("'%04d-%02d-%02d'", y, m, d);
	}
	if (n < 0 || n > PG_INT32_MAX * INT64CONST(100))
		return NULL;
	j2date(UNIX_EPOCH_JDATE + (int) (n / SECS_PER_DAY), &y, &m, &d);
	return psprintf("'%04d-%02d-%02d %02d:%02d:%02d+00'", y, m, d,
					(int) (n % SECS_PER_DAY / 3600), (int) (n % 3600 / 60),
					(int) (n % 60));
}

/* The values of (v, v, …); NIL: not understood */
static List *
bound_values(PartitionBy *p)
{
	List	   *values = NIL;
	bool		parens = accept_word(p, "(");

	do
	{
		char	   *value = bound_value(p);

		if (value == NULL)
		{
			give_up(p, "a bound is not a constant that translates");
			return NIL;
		}
		values = lappend(values, value);
	} while (parens && accept_word(p, ","));
	if (parens && !accept_word(p, ")"))
		give_up(p, "a bound does not parse");
	return values;
}

static char *
joined(const List *values)
{
	StringInfoData buf;
	ListCell   *lc;

	initStringInfo(&buf);
	foreach(lc, values)
		appendStringInfo(&buf, "%s%s", buf.len > 0 ? ", " : "", (char *) lfirst(lc));
	return buf.data;
}

static bool
listed(const List *values, const char *value)
{
	ListCell   *lc;

	foreach(lc, values)
	{
		if (strcmp(lfirst(lc), value) == 0)
			return true;
	}
	return false;
}

/*
 * Does a range of rows lie between the two? A partition that was dropped at
 * the source and one that was added then may have the same bound. Of keys of
 * several columns the source's order is taken as it is.
 */
static bool
lies_above(const char *bound, const char *lower)
{
	char	   *end;
	char	   *lower_end;
	double		a = strtod(bound + 1, &end);
	double		b = strtod(lower + 1, &lower_end);

	if (bound[0] != '\'' || lower[0] != '\'')
		return strcmp(lower, "MAXVALUE") != 0;
	if (strcmp(end, "'") == 0 && strcmp(lower_end, "'") == 0)
		return a > b;
	return strcmp(bound, lower) > 0;
}

static void
add_child(SchemaPlan *state, PartitionBy *p, List **children,
		  const char *partition, char *values)
{
	PlanStatement *stmt = palloc0(sizeof(PlanStatement));
	char	   *name;

	name = plan_name_unique(state, p->def, "",
							plan_name_fold(psprintf("%s_%s", p->def->target_name,
													partition),
										   state->options->name_case, false),
							"partition", partition);
	stmt->phase = PLAN_PRE_DATA;
	stmt->kind = "partition";
	stmt->schema = p->def->schema;
	stmt->table = p->def->name;
	stmt->name = name;
	stmt->sql = psprintf("CREATE TABLE %s PARTITION OF %s %s",
						 quote_qualified_identifier(p->def->target_schema, name),
						 plan_table_name(p->def), values);
	*children = lappend(*children, stmt);
}

/* As many MINVALUEs as the key has columns. */
static char *
lowest_bound(PartitionBy *p)
{
	StringInfoData buf;

	initStringInfo(&buf);
	for (int i = 0; i < list_length(p->columns); i++)
		appendStringInfo(&buf, "%sMINVALUE", i > 0 ? ", " : "");
	return buf.data;
}

/* Skips what follows a partition's values: subpartitions, options. */
static void
skip_to_comma(PartitionBy *p)
{
	int			depth = 0;

	for (; p->token.kind != TOK_END && p->token.kind != TOK_BAD; advance(p))
	{
		if (mysql_token_is(&p->token, "("))
			depth++;
		else if (mysql_token_is(&p->token, ")") && depth-- == 0)
			return;
		else if (mysql_token_is(&p->token, ",") && depth == 0)
			return;
	}
}

static void
read_partitions(SchemaPlan *state, PartitionBy *p, List **children)
{
	char	   *lower = lowest_bound(p);
	List	   *all = NIL;
	ListCell   *lc;

	if (!accept_word(p, "("))
		give_up(p, "the partitions do not parse");
	while (accept_word(p, "PARTITION"))
	{
		char	   *name = p->token.text;
		List	   *values;

		advance(p);
		if (!accept_word(p, "VALUES"))
			give_up(p, "the partitions do not parse");
		if (strcmp(p->method, "RANGE") == 0)
		{
			if (!accept_word(p, "LESS") || !accept_word(p, "THAN"))
				give_up(p, "the partitions do not parse");
			values = bound_values(p);
			if (list_length(values) > 1 ||
				(values != NIL && lies_above(linitial(values), lower)))
			{
				add_child(state, p, children, name,
						  psprintf("FOR VALUES FROM (%s) TO (%s)", lower, joined(values)));
				lower = joined(values);
			}
		}
		else
		{
			List	   *news = NIL;

			accept_word(p, "IN");
			values = bound_values(p);
			foreach(lc, values)
			{
				if (!listed(all, lfirst(lc)))
					news = lappend(news, lfirst(lc));
			}
			all = list_concat(all, news);
			if (news != NIL)
				add_child(state, p, children, name,
						  psprintf("FOR VALUES IN (%s)", joined(news)));
		}
		skip_to_comma(p);
		if (!accept_word(p, ","))
			break;
	}
	if (p->why != NULL)
		return;

	/* NULL sorts lowest at the source; a range of PostgreSQL takes none */
	foreach(lc, p->columns)
	{
		TableColumn *col = lfirst(lc);

		if (col->target_nullable && !listed(all, "NULL"))
		{
			add_child(state, p, children, "default", "DEFAULT");
			break;
		}
	}
}

static void
read_method(PartitionBy *p)
{
	bool		linear;
	bool		columns;

	if (!accept_word(p, "PARTITION") || !accept_word(p, "BY"))
		give_up(p, "the clause does not parse");
	linear = accept_word(p, "LINEAR");
	(void) linear;
	if (accept_word(p, "RANGE"))
		p->method = "RANGE";
	else if (accept_word(p, "LIST"))
		p->method = "LIST";
	else if (mysql_token_is(&p->token, "HASH") || mysql_token_is(&p->token, "KEY"))
	{
		p->method = "HASH";
		advance(p);
	}
	else
		give_up(p, psprintf("method %s", p->token.text));
	columns = accept_word(p, "COLUMNS");
	(void) columns;
	if (!accept_word(p, "("))
		give_up(p, "the clause does not parse");
}

/* KEY () is the primary key. */
static void
default_key(PartitionBy *p)
{
	TableIndex *index = model_row_key(p->def);
	ListCell   *lc;

	if (p->columns != NIL || index == NULL)
		return;
	foreach(lc, index->parts)
	{
		IndexPart  *part = lfirst(lc);

		p->columns = lappend(p->columns,
							 model_find_column(p->def, part->column));
	}
}

char *
plan_partition_clause(SchemaPlan *state, TableDef *def, List **children,
					  PlanNotes *notes)
{
	PartitionBy p = {0};
	StringInfoData sql;
	ListCell   *lc;

	*children = NIL;
	if (def->partitions == NULL)
		return NULL;
	if (!state->options->policy->partitions_keep)
	{
		plan_note(notes, "partitioned at the source, a plain table at the destination (option partitions)");
		return NULL;
	}

	p.def = def;
	p.method = "";
	mysql_lex_init(&p.lexer, def->partitions);
	advance(&p);
	read_method(&p);
	read_key(&p, strcmp(p.method, "HASH") == 0);
	if (strcmp(p.method, "HASH") == 0)
		default_key(&p);
	if (strcmp(p.method, "LIST") == 0 &&
		(list_length(p.columns) != 1 || p.function != NULL))
		give_up(&p, "a list of more than a column's values");
	if (p.why == NULL)
		check_key(&p);

	if (accept_word(&p, "SUBPARTITION"))
	{
		plan_note(notes, "subpartitions are not kept");
		while (p.token.kind != TOK_END &&
			   !(mysql_token_is(&p.token, "(") &&
				 pg_strncasecmp(p.lexer.sql + p.lexer.pos, "PARTITION", 9) == 0))
			advance(&p);
	}
	if (strcmp(p.method, "HASH") != 0)
	{
		if (p.why == NULL)
			read_partitions(state, &p, children);
	}
	else if (p.why == NULL)
	{
		int			n = 1;

		if (accept_word(&p, "PARTITIONS"))
			n = Max(atoi(p.token.text), 1);
		for (int i = 0; i < n; i++)
			add_child(state, &p, children, psprintf("p%d", i),
					  psprintf("FOR VALUES WITH (MODULUS %d, REMAINDER %d)", n, i));
	}
	if (p.why != NULL)
	{
		plan_warn(notes, "partitions are not kept: %s", p.why);
		*children = NIL;
		return NULL;
	}

	initStringInfo(&sql);
	foreach(lc, p.columns)
	{
		TableColumn *col = lfirst(lc);

		appendStringInfo(&sql, "%s%s", sql.len > 0 ? ", " : "",
						 quote_identifier(col->target_name));
	}
	return psprintf("PARTITION BY %s (%s)", p.method, sql.data);
}
