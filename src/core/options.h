/*-------------------------------------------------------------------------
 *
 * options.h
 *	  The options of a task. One table in options.c gives each one's name,
 *	  type, default, range and text; the validator, dtsmig.task_options and
 *	  the parser below all read it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_OPTIONS_H
#define DTSMIG_OPTIONS_H

#include "postgres.h"
#include "nodes/pg_list.h"
#include "utils/jsonb.h"

#include "core/policy.h"

typedef enum OptionType
{
	OPTION_BOOL,
	OPTION_INT,					/* range min .. max */
	OPTION_ENUM,				/* one of choices */
	OPTION_TEXT
} OptionType;

typedef struct OptionDef
{
	const char *name;
	OptionType	type;
	const char *boot;			/* default, as text */
	int64		min;
	int64		max;
	const char *choices;		/* ENUM: CHOICE_WORDS, in the order of constants */
	bool		live;			/* takes effect while the task runs */
	const char *description;
	Size		offset;			/* of the field in TaskOptions */
	bool		of_types;		/* of the type map and its policies: an option of
								 * foreign tables, too */
} OptionDef;

typedef struct TaskOptions
{
	TypePolicy	policy;			/* derived from the fields below */

	/* ENUM options: see choices.h */
	int			name_case;
	int			conflict;
	char	   *zero_date;
	int			nul_byte;
	int			enum_error;
	int			ci_collation;
	int			tinyint1;
	int			bit1;
	int			enum_type;
	int			set_type;
	int			json;
	int			json_number;
	int			out_of_range;
	int			special_number;
	int			time;
	int			fulltext;
	int			on_update_timestamp;
	int			partitions;
	bool		superuser_ddl;
	int			ddl_error;
	int			origin;
	int			replica_identity;
	int64		copy_workers;
	int64		rows_per_range;
	int64		maintenance_memory; /* MB, for each index build */
	char	   *alert_function; /* "": none */
	int64		alert_latency;	/* seconds; 0: none */
	int64		alert_retention;	/* percent; 0: none */
	int64		metrics_interval;	/* seconds; 0: none */
	int64		metrics_retention;	/* hours */
	int64		auto_resume;	/* minutes; 0: off */
	int64		batch_rows;
	int64		batch_memory;	/* MB */
	int64		batch_delay;	/* ms */
	int64		retry_connection;	/* minutes */
	int64		retry_other;	/* minutes */
	bool		comments;		/* these: of a PostgreSQL source */
	bool		event_triggers;
	bool		grants;
	bool		owners;
	bool		publications;
	bool		security_labels;
	bool		subscriptions;
	bool		tablespaces;
	char	   *search_path;	/* "": that of the extension */
	char	   *ledger_schema;	/* at a destination elsewhere */
	char	   *tag;
	int64		throttle_full_mb;	/* these: a second; 0: no limit */
	int64		throttle_full_queries;
	int64		throttle_full_rows;
	int64		throttle_incremental_mb;
	int64		throttle_incremental_rows;
	int64		verify_rate;	/* rows/s; 0: no limit */
} TaskOptions;

/* The table; *n is set to its length. */
extern const OptionDef *option_table(int *n);

/*
 * Checks options (a jsonb object) and returns them with defaults filled in.
 * Raises 22023 with a hint for an unknown name or a value out of range.
 */
extern TaskOptions *options_parse(Jsonb *options);
/*
 * The same of an option's name and value each (both lists of char *), with those
 * alone that are of_types, and with_names the case of names. Raises HV00D for
 * another name.
 */
extern TaskOptions *options_of_types(List *names, List *values, bool with_names);
/* Copies the options that take effect while a task runs. */
extern void options_take_live(TaskOptions *to, const TaskOptions *from);

#endif							/* DTSMIG_OPTIONS_H */
