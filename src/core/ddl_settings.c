/*-------------------------------------------------------------------------
 *
 * ddl_settings.c
 *	  Settings on which the meaning of a DDL statement depends.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "core/ddl_settings.h"

const char *const ddl_setting_names[] =
{
	/* literals */
	"standard_conforming_strings", "backslash_quote", "array_nulls",
	"transform_null_equals", "xmloption",
	/* both ways between values and text */
	"TimeZone", "timezone_abbreviations", "DateStyle", "IntervalStyle",
	"extra_float_digits", "bytea_output", "xmlbinary", "lc_monetary",
	"lc_numeric", "lc_time",
	/* what functions take when no argument says it */
	"default_text_search_config", "pg_trgm.similarity_threshold",
	"pg_trgm.word_similarity_threshold", "pg_trgm.strict_word_similarity_threshold",
	/* how it is stored */
	"default_toast_compression",
	NULL
};
