/*-------------------------------------------------------------------------
 *
 * check_sql.c
 *	  Sums of the rows of a table, that two servers make alike.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "schema/check_sql.h"

#include "lib/stringinfo.h"

static void
and_condition(StringInfo buf, const char *condition)
{
	appendStringInfo(buf, "%s%s", buf->len > 0 ? " AND " : "", condition);
}

static char *
bucket_of(const CheckTable *table, const CheckScope *scope)
{
	return psprintf("(%s & %d)", table->bucket, scope->nbuckets - 1);
}

char *
check_condition(const CheckTable *table, const CheckScope *scope)
{
	StringInfoData buf;

	initStringInfo(&buf);
	if (scope->lo)
		and_condition(&buf, psprintf("%s >= %s", table->first_key, scope->lo));
	if (scope->hi)
		and_condition(&buf, psprintf("%s <= %s", table->first_key, scope->hi));
	if (scope->condition)
		and_condition(&buf, psprintf("(%s)", scope->condition));
	if (scope->buckets != NIL)
	{
		ListCell   *lc;
		StringInfoData list;

		initStringInfo(&list);
		foreach(lc, scope->buckets)
			appendStringInfo(&list, "%s%d", list.len > 0 ? ", " : "",
							 lfirst_int(lc));
		and_condition(&buf, psprintf("%s IN (%s)", bucket_of(table, scope),
									 list.data));
	}
	return buf.len > 0 ? buf.data : NULL;
}

static void
append_select(StringInfo buf, const CheckTable *table, const char *where,
			  const char *group)
{
	appendStringInfo(buf, "SELECT %s, count(*), sum(%s) FROM %s", group,
					 table->number, table->from);
	if (where || table->among)
		appendStringInfo(buf, " WHERE %s%s", where ? where : "",
						 !table->among ? "" : where ?
						 psprintf(" AND (%s)", table->among) : table->among);
}

/* Parts are read one after the other: grouping costs more than all of them. */
static void
append_parts(StringInfo buf, const CheckTable *table, const CheckScope *scope,
			 List *splits)
{
	int			n = list_length(splits);

	for (int i = 0; i <= n; i++)
	{
		CheckScope	part = *scope;
		StringInfoData where;

		if (i > 0)
			part.lo = list_nth(splits, i - 1);
		if (i < n)
			part.hi = NULL;
		initStringInfo(&where);
		if (check_condition(table, &part))
			and_condition(&where, check_condition(table, &part));
		if (i < n)
			and_condition(&where, psprintf("%s < %s", table->first_key,
										   (char *) list_nth(splits, i)));
		appendStringInfoString(buf, i > 0 ? " UNION ALL " : "");
		append_select(buf, table, where.data, psprintf("%d", i));
	}
}

char *
check_sum_select(const CheckTable *table, const CheckScope *scope,
				 List *splits)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoString(&buf, table->before ? table->before : "");
	if (splits != NIL)
		append_parts(&buf, table, scope, splits);
	else
		append_select(&buf, table, check_condition(table, scope),
					  scope->nbuckets > 0 ? bucket_of(table, scope) : "0");
	if (splits == NIL && scope->nbuckets > 0)
		appendStringInfo(&buf, " GROUP BY %s", bucket_of(table, scope));
	return buf.data;
}

char *
check_step_select(const CheckTable *table, const char *lo, int64 n)
{
	return psprintf("%sSELECT %s FROM %s%s%s%s%s ORDER BY %s LIMIT 1 OFFSET " INT64_FORMAT,
					table->before ? table->before : "", table->first_key, table->from,
					lo ? " WHERE " : "", lo ? table->first_key : "",
					lo ? " >= " : "", lo ? lo : "", table->first_key, n);
}

CheckSum *
check_read_sum(const char *group, const char *rows, const char *sum)
{
	CheckSum   *s = palloc0(sizeof(CheckSum));
	bool		minus = sum && *sum == '-';

	s->group = group ? atoi(group) : 0;
	s->rows = rows ? strtoll(rows, NULL, 10) : 0;
	for (sum = sum ? sum + minus : ""; *sum >= '0' && *sum <= '9'; sum++)
		s->sum = s->sum * 10 + (*sum - '0');
	if (minus)
		s->sum = -s->sum;
	return s;
}

char *
check_concat(List *expressions)
{
	StringInfoData buf;
	ListCell   *lc;

	if (expressions == NIL)
		return pstrdup("''");	/* a table without columns */
	initStringInfo(&buf);
	appendStringInfoString(&buf, "concat_ws('|'");
	foreach(lc, expressions)
		appendStringInfo(&buf, ", %s", (char *) lfirst(lc));
	appendStringInfoChar(&buf, ')');
	return buf.data;
}
