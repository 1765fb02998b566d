/*-------------------------------------------------------------------------
 *
 * options.c
 *	  The options of a task: one table, and the parser over it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "core/options.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"

#define FIELD(f) offsetof(TaskOptions, f)

static const OptionDef options[] =
{
	{"alert_function", OPTION_TEXT, "", 0, 0, NULL, true,
		"Function, with its schema, that is called with each alert as a jsonb, as the owner of the task; an error of it is noted and does no harm. Empty: none.",
	FIELD(alert_function)},
	{"alert_latency", OPTION_INT, "300", 0, INT64CONST(31536000), NULL, true,
		"Seconds of latency above which an alert is raised, once the task is consistent; 0: none.",
	FIELD(alert_latency)},
	{"alert_retention", OPTION_INT, "25", 0, 100, NULL, true,
		"An alert is raised when less than so many percent are left of the time or size for which the source keeps its log; 0: none.",
	FIELD(alert_retention)},
	{"auto_resume", OPTION_INT, "0", 0, 10080, NULL, true,
		"Minutes, up to 7 days, in which a task that has failed is resumed without being asked, first after 10 seconds and then more and more seldom; 0: never.",
	FIELD(auto_resume)},
	{"batch_delay", OPTION_INT, "500", 0, 60000, NULL, false,
		"Longest time in milliseconds that changes are gathered before they are committed, while more keep coming; an idle source's changes are committed at once.",
	FIELD(batch_delay)},
	{"batch_memory", OPTION_INT, "64", 1, 16384, NULL, false,
		"Megabytes of changes that are gathered before they are written to the destination. A single larger row needs memory of its own.",
	FIELD(batch_memory)},
	{"batch_rows", OPTION_INT, "20000", 1, 10000000, NULL, false,
		"Changes that are gathered before they are written to the destination.",
	FIELD(batch_rows)},
	{"bit1", OPTION_ENUM, "bit", 0, 0, CHOICE_WORDS(BIT1_CHOICES), false,
		"Type for BIT(1).",
	FIELD(bit1), true},
	{"ci_collation", OPTION_ENUM, "default", 0, 0, CHOICE_WORDS(CI_COLLATION_CHOICES), false,
		"What columns with a case-insensitive collation become: the database's collation (reported), a nondeterministic ICU collation, or type citext.",
	FIELD(ci_collation), true},
	{"comments", OPTION_BOOL, "true", 0, 0, NULL, false,
		"Comments on the objects of a PostgreSQL source.",
	FIELD(comments)},
	{"conflict", OPTION_ENUM, "report", 0, 0, CHOICE_WORDS(CONFLICT_CHOICES), false,
		"Tables of the same name at the destination: report fails the precheck; ignore keeps existing rows in full load, and overwrites them with changes.",
	FIELD(conflict)},
	{"copy_workers", OPTION_INT, "2", 1, 32, NULL, false,
		"Processes that copy rows and build indexes, each with a connection of its own to the source.",
	FIELD(copy_workers)},
	{"ddl_error", OPTION_ENUM, "stop", 0, 0, CHOICE_WORDS(DDL_ERROR_CHOICES), false,
		"A DDL statement of a PostgreSQL source that fails at the destination: stop the task, or note it in task_log and go on.",
	FIELD(ddl_error)},
	{"enum", OPTION_ENUM, "enum", 0, 0, CHOICE_WORDS(ENUM_TYPE_CHOICES), false,
		"Type for ENUM: an enum type <table>_<column>, or text with a CHECK.",
	FIELD(enum_type), true},
	{"enum_error", OPTION_ENUM, "null", 0, 0, CHOICE_WORDS(ENUM_ERROR_CHOICES), false,
		"What becomes of ENUM's error value '' (index 0): NULL, or an error that stops the task.",
	FIELD(enum_error), true},
	{"event_triggers", OPTION_BOOL, "true", 0, 0, NULL, false,
		"Event triggers of a PostgreSQL source. Making them takes a superuser.",
	FIELD(event_triggers)},
	{"fulltext", OPTION_ENUM, "index", 0, 0, CHOICE_WORDS(FULLTEXT_CHOICES), false,
		"FULLTEXT indexes: a GIN index on to_tsvector, or none.",
	FIELD(fulltext)},
	{"grants", OPTION_BOOL, "false", 0, 0, NULL, false,
		"GRANTs and default privileges of a PostgreSQL source, of roles that the destination has. Without, everything is the task role's alone: functions are not open to PUBLIC.",
	FIELD(grants)},
	{"json", OPTION_ENUM, "jsonb", 0, 0, CHOICE_WORDS(JSON_CHOICES), false,
		"Type for JSON; json keeps the text as it is.",
	FIELD(json), true},
	{"json_number", OPTION_ENUM, "error", 0, 0, CHOICE_WORDS(JSON_NUMBER_CHOICES), false,
		"Numbers in JSON that MySQL would round to a double: an error, a string with all digits, or the double.",
	FIELD(json_number)},
	{"ledger_schema", OPTION_TEXT, "dtsmig_ledger", 0, 0, NULL, false,
		"Schema in which a destination elsewhere keeps the table dtsmig_ledger: what of the task is done at that server, written with the rows. Where it does not exist, the task's role makes it.",
	FIELD(ledger_schema)},
	{"maintenance_memory", OPTION_INT, "512", 1, 1048576, NULL, false,
		"Megabytes of maintenance_work_mem for each index build.",
	FIELD(maintenance_memory)},
	{"metrics_interval", OPTION_INT, "5", 0, 3600, NULL, true,
		"Seconds between two samples for dtsmig.metrics; 0: none are taken.",
	FIELD(metrics_interval)},
	{"metrics_retention", OPTION_INT, "168", 1, 87600, NULL, true,
		"Hours for which samples, and alerts that are over, are kept.",
	FIELD(metrics_retention)},
	{"name_case", OPTION_ENUM, "default", 0, 0, CHOICE_WORDS(NAME_CASE_CHOICES), false,
		"Case of names at the destination: default makes database and table names of the MySQL family lower case and keeps column names.",
	FIELD(name_case)},
	{"nul_byte", OPTION_ENUM, "error", 0, 0, CHOICE_WORDS(NUL_BYTE_CHOICES), false,
		"Text with a byte 0x00, which PostgreSQL cannot store: stop, take the bytes out, or put U+FFFD in their place.",
	FIELD(nul_byte), true},
	{"on_update_timestamp", OPTION_ENUM, "trigger", 0, 0, CHOICE_WORDS(ON_UPDATE_CHOICES), false,
		"ON UPDATE CURRENT_TIMESTAMP: a trigger, or nothing.",
	FIELD(on_update_timestamp)},
	{"origin", OPTION_ENUM, "any", 0, 0, CHOICE_WORDS(ORIGIN_CHOICES), false,
		"Changes that a PostgreSQL source has itself received by replication: any follows them too, none leaves them out, so that two databases can follow each other.",
	FIELD(origin)},
	{"out_of_range", OPTION_ENUM, "error", 0, 0, CHOICE_WORDS(OUT_OF_RANGE_CHOICES), false,
		"Dates and times that a destination of the MySQL family cannot hold (infinity, before the year 1, after 9999): an error, NULL, or the first or last that it holds.",
	FIELD(out_of_range)},
	{"owners", OPTION_BOOL, "false", 0, 0, NULL, false,
		"Owners of the objects of a PostgreSQL source, where the destination has the role. Without, the task's role owns everything.",
	FIELD(owners)},
	{"partitions", OPTION_ENUM, "plain", 0, 0, CHOICE_WORDS(PARTITIONS_CHOICES), false,
		"Partitioned tables: a plain table, or declarative partitions where they translate.",
	FIELD(partitions)},
	{"publications", OPTION_BOOL, "false", 0, 0, NULL, false,
		"Publications of a PostgreSQL source, those of other tasks left out.",
	FIELD(publications)},
	{"replica_identity", OPTION_ENUM, "check", 0, 0, CHOICE_WORDS(REPLICA_IDENTITY_CHOICES), false,
		"Tables of a PostgreSQL source without a key that its log could name a row by: check fails the precheck; full sets REPLICA IDENTITY FULL at the start and puts back what was when the task is released; all does so with every table, so that an UPDATE writes the columns that it changes alone (a way back into the MySQL family has it).",
	FIELD(replica_identity)},
	{"retry_connection", OPTION_INT, "720", 10, 1440, NULL, true,
		"Minutes to go on trying after the connection to the source is lost.",
	FIELD(retry_connection)},
	{"retry_other", OPTION_INT, "10", 1, 1440, NULL, true,
		"Minutes to go on trying after other passing errors (locks, disk or memory short); must be smaller than retry_connection.",
	FIELD(retry_other)},
	{"rows_per_range", OPTION_INT, "2000000", 1000, INT64CONST(1000000000), NULL, false,
		"Most rows of a large table that a copy worker takes in one transaction; after a crash that range is copied again.",
	FIELD(rows_per_range)},
	{"search_path", OPTION_TEXT, "", 0, 0, NULL, false,
		"Schemas of the destination, with commas between, in which definitions of a PostgreSQL source find operators, and functions that its checks, generated columns and indexes call find what they name without a schema. Empty: pg_catalog alone.",
	FIELD(search_path)},
	{"security_labels", OPTION_BOOL, "false", 0, 0, NULL, false,
		"Security labels of a PostgreSQL source; the destination needs their provider.",
	FIELD(security_labels)},
	{"set", OPTION_ENUM, "array", 0, 0, CHOICE_WORDS(SET_TYPE_CHOICES), false,
		"Type for SET: text[], or text as the client sees it.",
	FIELD(set_type), true},
	{"special_number", OPTION_ENUM, "error", 0, 0, CHOICE_WORDS(SPECIAL_NUMBER_CHOICES), false,
		"NaN and infinity in numbers, which the MySQL family does not have: an error, or NULL.",
	FIELD(special_number)},
	{"subscriptions", OPTION_BOOL, "false", 0, 0, NULL, false,
		"Subscriptions of a PostgreSQL source; they are made without connecting, and disabled.",
	FIELD(subscriptions)},
	{"superuser_ddl", OPTION_BOOL, "false", 0, 0, NULL, true,
		"Definitions and DDL of a PostgreSQL source run although the task's role is a superuser: whoever may create objects at the source can do anything at the destination.",
	FIELD(superuser_ddl)},
	{"tablespaces", OPTION_BOOL, "false", 0, 0, NULL, false,
		"Tablespaces of the objects of a PostgreSQL source, where the destination has one of that name.",
	FIELD(tablespaces)},
	{"tag", OPTION_TEXT, "", 0, 0, NULL, true,
		"Free text.",
	FIELD(tag)},
	{"throttle_full_mb", OPTION_INT, "0", 0, 1048576, NULL, true,
		"Most megabytes a second that all copy workers of the task together read; 0: no limit.",
	FIELD(throttle_full_mb)},
	{"throttle_full_queries", OPTION_INT, "0", 0, 1000000, NULL, true,
		"Most statements a second that the copy sends to the source; 0: no limit.",
	FIELD(throttle_full_queries)},
	{"throttle_full_rows", OPTION_INT, "0", 0, INT64CONST(1000000000000), NULL, true,
		"Most rows a second that all copy workers of the task together read; 0: no limit. A throttled copy keeps its snapshot at the source open longer.",
	FIELD(throttle_full_rows)},
	{"throttle_incremental_mb", OPTION_INT, "0", 0, 1048576, NULL, true,
		"Most megabytes of changes a second, as the source's log has them; 0: no limit.",
	FIELD(throttle_incremental_mb)},
	{"throttle_incremental_rows", OPTION_INT, "0", 0, INT64CONST(1000000000000), NULL, true,
		"Most changes of rows a second that are applied; 0: no limit. A source transaction larger than that keeps the transaction at the destination open longer.",
	FIELD(throttle_incremental_rows)},
	{"time", OPTION_ENUM, "time", 0, 0, CHOICE_WORDS(TIME_CHOICES), false,
		"Type for TIME: time takes 00:00 to 24:00 only, interval takes all values.",
	FIELD(time), true},
	{"tinyint1", OPTION_ENUM, "smallint", 0, 0, CHOICE_WORDS(TINYINT1_CHOICES), false,
		"Type for TINYINT(1); boolean is refused where other values than 0, 1 and NULL exist.",
	FIELD(tinyint1), true},
	{"verify_rate", OPTION_INT, "0", 0, INT64CONST(1000000000000), NULL, true,
		"Most rows a second that a verification reads or sums up at the source; 0: no limit.",
	FIELD(verify_rate)},
	{"zero_date", OPTION_TEXT, "null", 0, 0, NULL, false,
		"Zero and impossible dates: null, error, or a date or timestamp literal to put in their place.",
	FIELD(zero_date), true},
};

const OptionDef *
option_table(int *n)
{
	*n = lengthof(options);
	return options;
}

/* Index of value in a comma-separated list; -1: not in it. */
static int
choice_index(const char *choices, const char *value)
{
	int			i = 0;
	Size		len = strlen(value);

	for (const char *c = choices; *c; i++)
	{
		const char *end = strchrnul(c, ',');

		if (end - c == len && pg_strncasecmp(c, value, len) == 0)
			return i;
		c = *end ? end + 1 : end;
	}
	return -1;
}

static char *
range_text(const OptionDef *def)
{
	return psprintf(INT64_FORMAT " .. " INT64_FORMAT, def->min, def->max);
}

/* Stores one value, given as text, into its field. */
static void
set_option(TaskOptions *out, const OptionDef *def, const char *value)
{
	char	   *field = (char *) out + def->offset;
	bool		bad = false;

	switch (def->type)
	{
		case OPTION_BOOL:
			bad = !parse_bool(value, (bool *) field);
			break;
		case OPTION_INT:
			{
				char	   *end;
				int64		n;

				errno = 0;
				n = strtoll(value, &end, 10);
				bad = errno != 0 || end == value || *end != '\0' ||
					n < def->min || n > def->max;
				*(int64 *) field = n;
				break;
			}
		case OPTION_ENUM:
			*(int *) field = choice_index(def->choices, value);
			bad = *(int *) field < 0;
			break;
		case OPTION_TEXT:
			*(char **) field = pstrdup(value);
			break;
	}
	if (bad)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value \"%s\" for task option \"%s\"", value,
						def->name),
				 def->type == OPTION_INT ?
				 errhint("Valid values are %s.", range_text(def)) :
				 def->type == OPTION_ENUM ?
				 errhint("Valid values are %s.", def->choices) : 0));
}

static const OptionDef *
find_option(const char *name)
{
	for (int i = 0; i < lengthof(options); i++)
		if (strcmp(options[i].name, name) == 0)
			return &options[i];
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown task option \"%s\"", name),
			 errhint("The view dtsmig.task_options lists the options.")));
	return NULL;
}

static char *
jsonb_scalar_text(const JsonbValue *v, const char *name)
{
	switch (v->type)
	{
		case jbvString:
			return pnstrdup(v->val.string.val, v->val.string.len);
		case jbvNumeric:
			return DatumGetCString(DirectFunctionCall1(numeric_out,
													   NumericGetDatum(v->val.numeric)));
		case jbvBool:
			return pstrdup(v->val.boolean ? "true" : "false");
		default:
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("task option \"%s\" must be a string, a number or a boolean",
							name)));
	}
	return NULL;
}

/* Raises an error unless text is a timestamp that PostgreSQL accepts. */
static void
check_zero_date_literal(const char *text)
{
	(void) DirectFunctionCall3(timestamp_in, CStringGetDatum(text),
							   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
}

/*
 * Names alone: what stands in them becomes the setting of a worker's session.
 */
static void
check_search_path(const char *text)
{
	List	   *names;

	if (!SplitIdentifierString(pstrdup(text), ',', &names))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value \"%s\" for task option \"search_path\"", text),
				 errhint("It is a list of schemas, such as public, ext.")));
}

static void
derive_policy(TaskOptions *out)
{
	TypePolicy *p = &out->policy;

	if (pg_strcasecmp(out->zero_date, "null") == 0)
		p->zero_date = ZERO_DATE_NULL;
	else if (pg_strcasecmp(out->zero_date, "error") == 0)
		p->zero_date = ZERO_DATE_ERROR;
	else
	{
		check_zero_date_literal(out->zero_date);
		p->zero_date = ZERO_DATE_LITERAL;
		p->zero_date_literal = out->zero_date;
	}
	p->nul_byte = (NulBytePolicy) out->nul_byte;
	p->special_number = (SpecialNumberPolicy) out->special_number;
	p->out_of_range = (OutOfRangePolicy) out->out_of_range;
	p->json_number = (JsonNumberPolicy) out->json_number;
	p->enum_error = (EnumErrorPolicy) out->enum_error;
	p->ci_collation = (CiCollationPolicy) out->ci_collation;
	p->tinyint1_boolean = out->tinyint1 == TINYINT1_BOOLEAN;
	p->bit1_boolean = out->bit1 == BIT1_BOOLEAN;
	p->enum_text = out->enum_type == ENUM_TYPE_TEXT;
	p->set_text = out->set_type == SET_TYPE_TEXT;
	p->json_json = out->json == JSON_TO_JSON;
	p->time_interval = out->time == TIME_TO_INTERVAL;
	p->fulltext_skip = out->fulltext == FULLTEXT_SKIP;
	p->on_update_ignore = out->on_update_timestamp == ON_UPDATE_IGNORE;
	p->partitions_keep = out->partitions == PARTITIONS_KEEP;
}

TaskOptions *
options_parse(Jsonb *jb)
{
	TaskOptions *out = palloc0(sizeof(TaskOptions));

	for (int i = 0; i < lengthof(options); i++)
		set_option(out, &options[i], options[i].boot);

	if (jb != NULL)
	{
		JsonbIterator *it;
		JsonbValue	v;
		JsonbIteratorToken tok;
		char	   *key = NULL;

		if (!JB_ROOT_IS_OBJECT(jb))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("task options must be a JSON object")));
		it = JsonbIteratorInit(&jb->root);
		while ((tok = JsonbIteratorNext(&it, &v, true)) != WJB_DONE)
		{
			if (tok == WJB_KEY)
				key = pnstrdup(v.val.string.val, v.val.string.len);
			else if (tok == WJB_VALUE)
			{
				const OptionDef *def = find_option(key);

				if (v.type != jbvNull)
					set_option(out, def, jsonb_scalar_text(&v, key));
			}
		}
	}
	if (out->retry_other >= out->retry_connection)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("task option \"retry_other\" must be smaller than \"retry_connection\"")));
	check_search_path(out->search_path);
	derive_policy(out);
	return out;
}

TaskOptions *
options_of_types(List *names, List *values, bool with_names)
{
	TaskOptions *out = options_parse(NULL);
	ListCell   *lc;
	ListCell   *lc2;

	forboth(lc, names, lc2, values)
	{
		const OptionDef *def = find_option(lfirst(lc));

		if (!def->of_types && !(with_names && def->offset == FIELD(name_case)))
			ereport(ERROR,
					(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
					 errmsg("invalid option \"%s\"", def->name)));
		set_option(out, def, lfirst(lc2));
	}
	derive_policy(out);
	return out;
}

void
options_take_live(TaskOptions *to, const TaskOptions *from)
{
	for (int i = 0; i < lengthof(options); i++)
	{
		const OptionDef *def = &options[i];
		char	   *target = (char *) to + def->offset;
		const char *value = (const char *) from + def->offset;

		if (!def->live)
			continue;
		switch (def->type)
		{
			case OPTION_BOOL:
				*(bool *) target = *(const bool *) value;
				break;
			case OPTION_INT:
				*(int64 *) target = *(const int64 *) value;
				break;
			case OPTION_ENUM:
				*(int *) target = *(const int *) value;
				break;
			case OPTION_TEXT:
				*(char **) target = *(char *const *) value;
				break;
		}
	}
}
