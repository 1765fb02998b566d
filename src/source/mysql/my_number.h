/*-------------------------------------------------------------------------
 *
 * my_number.h
 *	  Numbers from decimal text, inline.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_MY_NUMBER_H
#define DTSMIG_MY_NUMBER_H

#include "postgres.h"

/*
 * [-]digits as int64; false if it is not so, or does not fit.
 */
static inline bool
my_parse_int64(const uint8 *p, Size len, int64 *out)
{
	const uint8 *end = p + len;
	bool		negative = false;
	uint64		n = 0;

	if (len > 0 && *p == '-')
	{
		negative = true;
		p++;
	}
	if (unlikely(p == end))
		return false;
	if (likely(end - p <= 18))
	{
		do
		{
			uint32		d = (uint32) *p - '0';

			if (unlikely(d > 9))
				return false;
			n = n * 10 + d;
		} while (++p < end);
	}
	else
	{
		while (p < end && *p == '0')
			p++;				/* ZEROFILL */
		if (end - p > 19)
			return false;
		for (; p < end; p++)
		{
			uint32		d = (uint32) *p - '0';

			if (d > 9)
				return false;
			n = n * 10 + d;		/* 19 digits fit in uint64 */
		}
		if (n > (uint64) PG_INT64_MAX + (negative ? 1 : 0))
			return false;
	}
	*out = negative ? (int64) (0 - n) : (int64) n;
	return true;
}

/*
 * A decimal of at most 18 digits as a scaled integer: "-12.50" is -1250 with
 * scale 2; false if it is not so.
 */
static inline bool
my_parse_small_decimal(const uint8 *p, Size len, int64 *unscaled, int *scale)
{
	const uint8 *end = p + len;
	bool		negative = false;
	uint64		n = 0;
	const uint8 *point = NULL;

	if (len > 0 && *p == '-')
	{
		negative = true;
		p++;
	}
	if (end - p > 19 || p == end)
		return false;
	for (; p < end; p++)
	{
		uint32		d = (uint32) *p - '0';

		if (d <= 9)
			n = n * 10 + d;
		else if (*p == '.' && point == NULL)
			point = p;
		else
			return false;
	}
	if (n >= UINT64CONST(1000000000000000000))
		return false;
	*scale = point ? (int) (end - point) - 1 : 0;
	*unscaled = negative ? -(int64) n : (int64) n;
	return true;
}

/* [-]digits[.digits][e[+-]digits] as a double, correctly rounded. */
extern bool my_parse_double(const uint8 *p, Size len, double *out);

#endif							/* DTSMIG_MY_NUMBER_H */
