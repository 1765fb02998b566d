/*-------------------------------------------------------------------------
 *
 * my_number.c
 *	  Doubles from decimal text, rounded to the nearest.
 *
 * The source prints a double with 17 digits at most, and nearly always without
 * an exponent, which 128-bit integers do several times as fast as strtod.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "port/pg_bitutils.h"

#include "source/mysql/my_number.h"

#ifdef HAVE_INT128
/*
 * [-]digits[.digits] of at most 19 digits, rounded to the nearest double:
 * the digits as an integer, divided by a power of ten, leave a quotient of 63
 * or 64 bits (both are shifted so that it does) and a remainder, from which 53
 * bits are rounded exactly. False if the text has another form.
 */
static bool
parse_plain_double(const uint8 *p, Size len, double *out)
{
	static const uint64 power[] = {
		UINT64CONST(1), UINT64CONST(10), UINT64CONST(100), UINT64CONST(1000),
		UINT64CONST(10000), UINT64CONST(100000), UINT64CONST(1000000),
		UINT64CONST(10000000), UINT64CONST(100000000),
		UINT64CONST(1000000000), UINT64CONST(10000000000),
		UINT64CONST(100000000000), UINT64CONST(1000000000000),
		UINT64CONST(10000000000000), UINT64CONST(100000000000000),
		UINT64CONST(1000000000000000), UINT64CONST(10000000000000000),
		UINT64CONST(100000000000000000), UINT64CONST(1000000000000000000),
		UINT64CONST(10000000000000000000)
	};
	const uint8 *end = p + len;
	const uint8 *point = NULL;
	bool		negative = false;
	uint64		digits = 0;
	int			scale;
	int			exponent;
	int			shift;
	uint64		divisor;
	uint128		numerator;
	uint64		quotient;
	bool		exact;
	uint64		rest;
	uint64		half;
	uint64		mantissa;
	union
	{
		uint64		i;
		double		d;
	}			power2;

	if (len > 0 && *p == '-')
	{
		negative = true;
		p++;
	}
	if (p == end || end - p > 20)
		return false;
	for (; p < end; p++)
	{
		uint32		d = (uint32) *p - '0';

		if (d <= 9)
			digits = digits * 10 + d;
		else if (*p == '.' && point == NULL)
			point = p + 1;
		else
			return false;
	}
	if (point == NULL && len - negative > 19)
		return false;			/* may have wrapped around */
	scale = point ? (int) (end - point) : 0;
	if (digits == 0)
	{
		*out = negative ? -0.0 : 0.0;
		return true;
	}

	/* both with their highest bit set: numerator / divisor is below 2^64 */
	shift = 63 - pg_leftmost_one_pos64(digits);
	numerator = (uint128) (digits << shift) << 63;
	exponent = -63 - shift;
	shift = 63 - pg_leftmost_one_pos64(power[scale]);
	divisor = power[scale] << shift;
	exponent += shift;
	quotient = (uint64) (numerator / divisor);
	exact = (uint64) numerator == quotient * divisor;

	shift = pg_leftmost_one_pos64(quotient) - 52;
	mantissa = quotient >> shift;
	half = UINT64CONST(1) << (shift - 1);
	rest = quotient & ((half << 1) - 1);
	if (rest > half || (rest == half && (!exact || (mantissa & 1) != 0)))
		mantissa++;

	/* the exponent is far from the ends of its range */
	power2.i = (uint64) (exponent + shift + 1023) << 52;
	*out = (double) mantissa * power2.d;
	if (negative)
		*out = -*out;
	return true;
}
#endif

/*
 * [-]digits[.digits][e[+-]digits], correctly rounded.
 */
bool
my_parse_double(const uint8 *p, Size len, double *out)
{
	char		stack[64];
	char	   *str = stack;
	char	   *rest;
	bool		ok;

#ifdef HAVE_INT128
	if (parse_plain_double(p, len, out))
		return true;
#endif

	if (len >= sizeof(stack))
		str = palloc(len + 1);
	memcpy(str, p, len);
	str[len] = '\0';
	errno = 0;
	*out = strtod(str, &rest);
	ok = len > 0 && rest == str + len && !(errno == ERANGE && isinf(*out));
	if (str != stack)
		pfree(str);
	return ok;
}
