/*-------------------------------------------------------------------------
 *
 * my_temporal.c
 *	  Dates and times of the MySQL family.
 *
 * Text of the source has one fixed form for each type, so that it is read by
 * position: YYYY-MM-DD, YYYY-MM-DD HH:MM:SS[.f], [-]H..H:MM:SS[.f]. Both ways
 * (text and binlog) meet in MyTemporal, and the policies work on that.
 *
 * The source knows dates that the calendar does not have: 0000-00-00, ones
 * with a month or day of 0, a 31st of February, and a year 0, which ISO and
 * PostgreSQL's text form do not have. All of them are "zero dates".
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "datatype/timestamp.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "source/mysql/my_value_impl.h"

/* Two digits as a number; 1000 or more if they are none. */
static inline uint32
two_digits(const uint8 *p)
{
	uint32		a = (uint32) p[0] - '0';
	uint32		b = (uint32) p[1] - '0';

	if (unlikely(a > 9 || b > 9))
		return 10000;
	return a * 10 + b;
}

/* ".ffffff" as microseconds; p is behind the seconds. */
static inline bool
parse_fraction(const uint8 *p, Size len, uint32 *usec)
{
	static const uint32 scale[] = {1000000, 100000, 10000, 1000, 100, 10, 1};
	uint32		n = 0;
	Size		i;

	*usec = 0;
	if (len == 0)
		return true;
	if (*p != '.' || len > 7)
		return false;
	for (i = 1; i < len; i++)
	{
		uint32		d = (uint32) p[i] - '0';

		if (d > 9)
			return false;
		n = n * 10 + d;
	}
	*usec = n * scale[len - 1];
	return true;
}

bool
my_parse_date(const uint8 *p, Size len, MyTemporal *t)
{
	if (len != 10 || p[4] != '-' || p[7] != '-')
		return false;
	t->negative = false;
	t->year = two_digits(p) * 100 + two_digits(p + 2);
	t->month = two_digits(p + 5);
	t->day = two_digits(p + 8);
	t->hour = t->minute = t->second = t->usec = 0;
	return t->year <= 9999 && t->month <= 99 && t->day <= 99;
}

bool
my_parse_datetime(const uint8 *p, Size len, MyTemporal *t)
{
	if (len == 10)
		return my_parse_date(p, len, t);
	if (len < 19 || p[10] != ' ' || p[13] != ':' || p[16] != ':' ||
		!my_parse_date(p, 10, t))
		return false;
	t->hour = two_digits(p + 11);
	t->minute = two_digits(p + 14);
	t->second = two_digits(p + 17);
	return t->hour <= 23 && t->minute <= 59 && t->second <= 59 &&
		parse_fraction(p + 19, len - 19, &t->usec);
}

bool
my_parse_time(const uint8 *p, Size len, MyTemporal *t)
{
	const uint8 *end = p + len;
	uint32		hour = 0;
	int			n = 0;

	t->year = t->month = t->day = 0;
	t->negative = len > 0 && *p == '-';
	if (t->negative)
		p++;
	for (; p < end && *p >= '0' && *p <= '9' && n < 4; p++, n++)
		hour = hour * 10 + (*p - '0');
	if (n == 0 || end - p < 6 || p[0] != ':' || p[3] != ':')
		return false;
	t->hour = hour;
	t->minute = two_digits(p + 1);
	t->second = two_digits(p + 4);
	return t->minute <= 59 && t->second <= 59 &&
		parse_fraction(p + 6, end - (p + 6), &t->usec);
}

/*
 * The calendar has this date.
 */
static inline bool
valid_date(const MyTemporal *t)
{
	if (unlikely(t->month - 1 > 11 || t->day == 0 || t->year == 0))
		return false;
	if (likely(t->day <= 28))
		return true;
	return t->day <= day_tab[isleap(t->year)][t->month - 1];
}

/*
 * A zero date, by policy: false makes it NULL.
 */
static pg_noinline bool
zero_date(MyColumn *c, const MyTemporal *t)
{
	TypePolicy *policy = c->policy;

	policy->n_zero_dates++;
	switch (policy->zero_date)
	{
		case ZERO_DATE_NULL:
			/* a key takes no NULL: in one it is an error */
			if (c->col->target_not_null && !c->col->in_key)
				c->col->zero_seen = c->table->rel->zero_seen = true;
			return false;
		case ZERO_DATE_LITERAL:
			return true;
		case ZERO_DATE_ERROR:
			break;
	}
	ereport(ERROR,
			(errcode(ERRCODE_DATETIME_FIELD_OVERFLOW),
			 errmsg("date \"%04u-%02u-%02u\" of the source does not exist in the calendar",
					t->year, t->month, t->day),
			 errhint("Set the option \"zero_date\" to \"null\" or to a date that shall stand for such values."),
			 err_generic_string(PG_DIAG_TABLE_NAME, c->table->rel->name),
			 err_generic_string(PG_DIAG_COLUMN_NAME, c->col->name)));
	return false;
}

bool
my_temporal_date(MyColumn *c, const MyTemporal *t, int32 *out)
{
	if (unlikely(!valid_date(t)))
	{
		*out = (int32) c->zero_value;
		return zero_date(c, t);
	}
	*out = date2j(t->year, t->month, t->day) - POSTGRES_EPOCH_JDATE;
	return true;
}

bool
my_temporal_timestamp(MyColumn *c, const MyTemporal *t, int64 *out)
{
	if (unlikely(!valid_date(t)))
	{
		*out = c->zero_value;
		return zero_date(c, t);
	}
	*out = (int64) (date2j(t->year, t->month, t->day) - POSTGRES_EPOCH_JDATE) *
		USECS_PER_DAY +
		(int64) (t->hour * 3600 + t->minute * 60 + t->second) * USECS_PER_SEC +
		t->usec;
	return true;
}

/*
 * TIME as an interval, in microseconds.
 */
int64
my_temporal_interval(const MyTemporal *t)
{
	int64		usec = (int64) (t->hour * 3600 + t->minute * 60 + t->second) *
		USECS_PER_SEC + t->usec;

	return t->negative ? -usec : usec;
}

/*
 * TIME as a time of the day.
 */
int64
my_temporal_time(MyColumn *c, const MyTemporal *t)
{
	int64		usec = my_temporal_interval(t);

	if (unlikely(usec < 0 || usec > USECS_PER_DAY))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_FIELD_OVERFLOW),
				 errmsg("time \"%s%02u:%02u:%02u\" of column \"%s\" is not a time of day",
						t->negative ? "-" : "", t->hour, t->minute, t->second,
						c->col->name),
				 errhint("Set the option \"time\" to \"interval\" for values outside 00:00:00 to 24:00:00."),
				 err_generic_string(PG_DIAG_TABLE_NAME, c->table->rel->name),
				 err_generic_string(PG_DIAG_COLUMN_NAME, c->col->name)));
	return usec;
}

/*
 * Reads the literal of the zero date policy as the destination's type. A
 * timestamptz is in UTC, as all timestamps of the source are.
 */
void
my_prepare_zero_date(MyColumn *c)
{
	TypePolicy *policy = c->policy;
	Datum		ts;

	c->zero_value = 0;
	if (policy->zero_date != ZERO_DATE_LITERAL)
		return;
	if (policy->zero_date_literal == NULL)
		elog(ERROR, "zero_date is a literal, but none is set");
	if (c->col->typid != DATEOID && c->col->typid != TIMESTAMPOID &&
		c->col->typid != TIMESTAMPTZOID)
		return;
	ts = DirectFunctionCall3(timestamp_in,
							 CStringGetDatum(policy->zero_date_literal),
							 ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
	if (c->col->typid == DATEOID)
		c->zero_value =
			DatumGetDateADT(DirectFunctionCall1(timestamp_date, ts));
	else
		c->zero_value = DatumGetTimestamp(ts);
}

Datum
my_scale_temporal(MyColumn *c, Datum value)
{
	Datum		typmod = Int32GetDatum(c->col->typmod);

	switch (c->col->typid)
	{
		case TIMESTAMPOID:
			return DirectFunctionCall2(timestamp_scale, value, typmod);
		case TIMESTAMPTZOID:
			return DirectFunctionCall2(timestamptz_scale, value, typmod);
		case TIMEOID:
			return DirectFunctionCall2(time_scale, value, typmod);
		case INTERVALOID:
			return DirectFunctionCall2(interval_scale, value, typmod);
		default:
			return value;
	}
}
