/*-------------------------------------------------------------------------
 *
 * policy.h
 *	  What the user chose for values that have no exact counterpart. Filled
 *	  from the task's options; one copy serves schema migration, full load,
 *	  changes and verification.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_POLICY_H
#define DTSMIG_POLICY_H

#include "postgres.h"

#include "core/choices.h"

typedef enum ZeroDatePolicy
{
	ZERO_DATE_NULL,				/* zero and impossible dates become NULL */
	ZERO_DATE_ERROR,			/* they stop the task */
	ZERO_DATE_LITERAL			/* they become TypePolicy.zero_date_literal */
} ZeroDatePolicy;

typedef struct TypePolicy
{
	ZeroDatePolicy zero_date;
	char	   *zero_date_literal;	/* a timestamp or date literal, else NULL */
	NulBytePolicy nul_byte;
	EnumErrorPolicy enum_error;
	CiCollationPolicy ci_collation;
	bool		tinyint1_boolean;	/* TINYINT(1) -> boolean */
	bool		bit1_boolean;	/* BIT(1) -> boolean */
	bool		enum_text;		/* ENUM -> text with a CHECK */
	bool		set_text;		/* SET -> text, as the client sees it */
	bool		json_json;		/* JSON -> json, not jsonb */
	bool		time_interval;	/* TIME -> interval, not time */
	bool		fulltext_skip;	/* no GIN index for FULLTEXT */
	bool		on_update_ignore;	/* no trigger for ON UPDATE CURRENT_TIMESTAMP */
	bool		partitions_keep;	/* declarative partitions, not a plain table */

	/* of a destination of the MySQL family */
	SpecialNumberPolicy special_number;
	OutOfRangePolicy out_of_range;
	JsonNumberPolicy json_number;

	/* counters, added to as values are converted; read by the worker */
	uint64		n_zero_dates;
	uint64		n_nul_bytes;	/* values, not bytes */
	uint64		n_enum_errors;
} TypePolicy;

#endif							/* DTSMIG_POLICY_H */
