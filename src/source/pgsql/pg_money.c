/*-------------------------------------------------------------------------
 *
 * pg_money.c
 *	  Values of type money.
 *
 * An amount is a whole number; how many of its digits stand behind the point,
 * and how it is written, lc_monetary says when it is read: 1234 is $12.34, or
 * 1234 yen. That number goes over unchanged, in COPY and in the change stream:
 * the sessions at the source have lc_monetary C, where it is written with two
 * digits behind a point, whatever they mean; at the destination it is written,
 * or read, as this database's lc_monetary wants it. That it means the same on
 * both sides takes as many digits behind the point: databases that differ in
 * that are refused.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "source/pgsql/pg_money.h"

#include <locale.h>

#include "store/sql.h"
#include "catalog/pg_type.h"
#include "commands/dbcommands.h"
#include "common/int.h"
#include "core/type_parts.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/cash.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

/* Of utils/pg_locale.h, which wants headers of ICU. */
extern struct lconv *PGLC_localeconv(void);

/* Digits where a locale does not say: that of C, as the server takes it. */
#define DEFAULT_DIGITS 2
#define MAX_DIGITS 10

/* What ALTER DATABASE, else ALTER ROLE ALL, sets; $1: the database's name. */
#define SETTING_OF_DATABASE \
	"SELECT pg_catalog.substr(c.v, 13) FROM pg_catalog.pg_db_role_setting s " \
	"LEFT JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase " \
	"CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) c(v) " \
	"WHERE s.setrole = 0 AND (s.setdatabase = 0 OR d.datname = pg_catalog.current_database()) " \
	"AND pg_catalog.left(c.v, 12) = 'lc_monetary=' ORDER BY s.setdatabase DESC LIMIT 1"

static int
digits_now(void)
{
	int			digits = PGLC_localeconv()->frac_digits;

	return digits < 0 || digits > MAX_DIGITS ? DEFAULT_DIGITS : digits;
}

/* The point and its like, as cash_in finds them. */
static char
point_now(void)
{
	const char *point = PGLC_localeconv()->mon_decimal_point;

	return point[0] != '\0' && point[1] == '\0' ? point[0] : '.';
}

/* By this database's own setting, whatever the task's role has. */
static int
dest_digits(void)
{
	StoreRows   *rows = store_query(SETTING_OF_DATABASE, "");
	int			nestlevel;
	int			digits;

	if (rows->nrows == 0)
		return digits_now();
	nestlevel = NewGUCNestLevel();
	(void) set_config_option("lc_monetary", rows->values[0][0], PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, DEBUG1, false);
	digits = digits_now();
	AtEOXact_GUC(true, nestlevel);
	return digits;
}

/* The account may have a setting of its own, which is not the database's. */
static char *
source_locale(PgConn *conn)
{
	char	   *locale = pg_select_text_or_null(conn, "lc_monetary", SETTING_OF_DATABASE);

	if (locale != NULL)
		return locale;
	if (!pg_select_bool(conn, "settings of the account",
						"SELECT true FROM pg_catalog.pg_db_role_setting s "
						"JOIN pg_catalog.pg_roles r ON r.oid = s.setrole AND r.rolname = SESSION_USER "
						"CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) c(v) "
						"WHERE pg_catalog.left(c.v, 12) = 'lc_monetary=' LIMIT 1"))
		return pg_select_text(conn, "lc_monetary", "SELECT reset_val FROM pg_catalog.pg_settings "
							  "WHERE name = 'lc_monetary'");
	if (!pg_select_bool(conn, "superuser", "SELECT rolsuper FROM pg_catalog.pg_roles "
						"WHERE rolname = CURRENT_USER"))
		return NULL;
	locale = pg_select_text_or_null(conn, "lc_monetary",
									"SELECT setting FROM pg_catalog.pg_file_settings "
									"WHERE name = 'lc_monetary' AND applied ORDER BY seqno DESC LIMIT 1");
	return locale ? locale : pstrdup("C");
}

void
pg_money_look(PgConn *conn, PgMoney *money)
{
	money->dest = dest_digits();
	money->locale = source_locale(conn);
	money->source = money->dest;
	if (money->locale == NULL)
		return;
	pg_runf(conn, "SELECT pg_catalog.set_config('lc_monetary', %s, false)",
			pg_quote_literal(money->locale));
	money->source = (int) pg_bigint(pg_select(conn, "digits of money", "i",
											 "SELECT pg_catalog.scale('1'::pg_catalog.money::pg_catalog.numeric)"),
								   0, 0);
	pg_run(conn, "SELECT pg_catalog.set_config('lc_monetary', 'C', false)");
}

static bool
is_money(Oid typid, void *arg)
{
	return typid == MONEYOID;
}

bool
pg_money_in_type(Oid typid, bool *plain)
{
	if (plain != NULL)
		*plain = getBaseType(typid) == MONEYOID;
	return type_holds(typid, is_money, NULL);
}

static bool
is_one_of(const char *symbol, const char *wanted)
{
	return symbol[0] == '\0' || strcmp(symbol, wanted) == 0;
}

bool
pg_money_text_is_plain(void)
{
	struct lconv *l = PGLC_localeconv();

	return digits_now() == DEFAULT_DIGITS && is_one_of(l->mon_decimal_point, ".") &&
		is_one_of(l->mon_thousands_sep, ",") && is_one_of(l->currency_symbol, "$") &&
		is_one_of(l->negative_sign, "-");
}

void
pg_money_check(PgConn *conn, const SourceRelation *rel)
{
	const SourceColumn *found = NULL;
	const SourceColumn *inside = NULL;
	PgMoney		money;

	for (int i = 0; i < rel->ncolumns; i++)
	{
		bool		plain;

		if (!rel->columns[i].replicated ||
			!pg_money_in_type(rel->columns[i].typid, &plain))
			continue;
		found = &rel->columns[i];
		if (!plain)
			inside = found;
	}
	if (found == NULL)
		return;
	pg_money_look(conn, &money);
	if (money.source != money.dest)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("amounts of type money have %d digits behind the point at the source, and %d at the destination",
						money.source, money.dest),
				 errdetail("Column \"%s\" of table \"%s.%s\" holds such; lc_monetary of the source is \"%s\".",
						   found->name, rel->schema, rel->name, money.locale),
				 errhint("ALTER DATABASE %s SET lc_monetary = %s; or another locale with as many digits; then resume the task.",
						 quote_identifier(get_database_name(MyDatabaseId)),
						 quote_literal_cstr(money.locale))));
	if (inside != NULL && !pg_money_text_is_plain())
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("amounts inside of column \"%s\" of table \"%s.%s\" cannot be read by this database's lc_monetary",
						inside->name, rel->schema, rel->name),
				 errdetail("They come in the form $1,234.50."),
				 errhint("Until the cutover: ALTER DATABASE %s SET lc_monetary = 'C'; then resume the task.",
						 quote_identifier(get_database_name(MyDatabaseId)))));
}

/* As the session has it: the amount in hundredths, by the digits that it reads. */
char *
pg_money_text(const char *column)
{
	static const char *const factors[] = {"100", "10", "1", "0.1", "0.01",
	"0.001", "0.0001", "0.00001", "0.000001", "0.0000001", "0.00000001"};
	int			digits = digits_now();
	char		point = point_now();
	char	   *number;

	number = psprintf("pg_catalog.replace((pg_catalog.abs(%s::pg_catalog.money::pg_catalog.numeric) * %s)"
					  "::pg_catalog.numeric(40,%d)::pg_catalog.text, '.', '%s%c')",
					  column, factors[digits], digits, point == '\'' ? "'" : "", point);
	return psprintf("CASE WHEN %s::pg_catalog.money < '0'::pg_catalog.money "
					"THEN '(' || %s || ')' ELSE %s END", column, number, number);
}

Datum
pg_money_read(const char *text, Size len)
{
	bool		negative = len > 0 && text[0] == '-';
	int64		value = 0;
	int			after = -1;
	bool		ok = true;

	/* -$1,234.50; negative all the way, for there is one more of these */
	for (Size i = negative; i < len && ok; i++)
	{
		if (text[i] >= '0' && text[i] <= '9')
		{
			ok = !pg_mul_s64_overflow(value, 10, &value) &&
				!pg_sub_s64_overflow(value, text[i] - '0', &value);
			after += after >= 0;
		}
		else if (text[i] == '.' && after < 0)
			after = 0;
		else
			ok = text[i] == '$' || text[i] == ',';
	}
	if (!ok || after != DEFAULT_DIGITS || (!negative && value == PG_INT64_MIN))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("the source sent an amount of money that is not in the form $1,234.50")));
	return CashGetDatum(negative ? value : -value);
}

char *
pg_money_literal(char *text)
{
	Cash		value = DatumGetCash(DirectFunctionCall1(cash_in, CStringGetDatum(text)));

	return psprintf("(" INT64_FORMAT "::pg_catalog.numeric / 100)::pg_catalog.money", value);
}
