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
 * the digits as an integer, divided by a power of ten in 128 bits, leave a
 * quotient of 62 bits or more and a remainder, from which 53 bits are rounded
 * exactly. False if the text has another form.
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
	int			zeros;
	int			bits;
	int			shift;
	uint128		numerator;
	uint128		quotient;
	uint128		rest;
	uint128		half;
	uint64		mantissa;

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

	zeros = 63 - pg_leftmost_one_pos64(digits);
	numerator = (uint128) (digits << zeros) << 63;
	quotient = numerator / power[scale];
	rest = numerator % power[scale];

	bits = (uint64) (quotient >> 64) != 0 ?
		65 + pg_leftmost_one_pos64((uint64) (quotient >> 64)) :
		1 + pg_leftmost_one_pos64((uint64) quotient);
	shift = bits - 53;
	mantissa = (uint64) (quotient >> shift);
	half = (uint128) 1 << (shift - 1);
	quotient &= ((uint128) 1 << shift) - 1;
	if (quotient > half ||
		(quotient == half && (rest != 0 || (mantissa & 1) != 0)))
		mantissa++;
	*out = ldexp((double) mantissa, shift - 63 - zeros);
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
