/*-------------------------------------------------------------------------
 *
 * api_report.c
 *	  dtsmig.report: a task on one page of HTML.
 *
 * The page stands for itself: styles and charts are in it, nothing is loaded
 * from elsewhere, and it has no script. It is made of what the views show to
 * the caller, and of nothing else, so that their rights are its rights.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include <math.h>

#include "api/report_html.h"
#include "store/alert.h"
#include "catalog/pg_type.h"
#include "store/task.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

DTS_FUNCTION(dtsmig_report);
DTS_FUNCTION(dtsmig_clear_alert);

/* Points of a chart. */
#define BINS "300"
/* Rows of the lists. */
#define TABLES_SHOWN "200"
#define EVENTS_SHOWN "60"
/* A time in the session's zone, which the foot of the page names. */
#define AT(column) "pg_catalog.to_char(" column ", 'YYYY-MM-DD HH24:MI:SS')"

static const char style[] =
":root{color-scheme:light dark;--bg:#f6f7f9;--card:#fff;--text:#1b2330;--soft:#5d6778;--line:#e3e7ed;"
"--blue:#2563c9;--teal:#0f8a7e;--amber:#b76b00;--red:#c0322b;--green:#1c7d3f;--violet:#7446c4}\n"
"@media (prefers-color-scheme:dark){:root{--bg:#12161d;--card:#1b212b;--text:#e4e9f1;--soft:#94a0b3;--line:#2d3644;"
"--blue:#6ea8ff;--teal:#45c8b8;--amber:#f0b04a;--red:#ff7b72;--green:#5fd08a;--violet:#b794f6}}\n"
"*{box-sizing:border-box}body{margin:0;background:var(--bg);color:var(--text);"
"font:15px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif}\n"
"main{max-width:1180px;margin:0 auto;padding:28px 24px 48px}h1{font-size:27px;line-height:1.25;margin:0;overflow-wrap:anywhere}"
"h2{font-size:17px;margin:34px 0 10px}.soft,.none{color:var(--soft)}.sub{margin:4px 0 0;color:var(--soft);overflow-wrap:anywhere}\n"
"header{display:flex;gap:16px;align-items:flex-start;justify-content:space-between}"
".pill{display:inline-block;padding:3px 12px;border-radius:99px;font-weight:600;font-size:14px;white-space:nowrap;color:var(--c);"
"border:1.5px solid var(--c)}\n"
".running,.prechecking{--c:var(--blue)}.completed,.cut_over,.cleared,.info{--c:var(--green)}.failed,.precheck_failed,.error{--c:var(--red)}"
".retrying,.raised,.warning{--c:var(--amber)}.paused,.created,.released{--c:var(--soft)}\n"
".bar{height:10px;border-radius:5px;background:var(--line);overflow:hidden}.bar i{display:block;height:100%;background:var(--blue);border-radius:5px}"
".big{margin:20px 0 22px}.big .bar{height:14px;border-radius:7px}.big p{margin:6px 0 0;color:var(--soft);font-size:14px}\n"
".cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(165px,1fr));gap:12px}"
".card,figure,.box,table{background:var(--card);border:1px solid var(--line);border-radius:10px}"
".card{padding:12px 16px}.card span{display:block;color:var(--soft);font-size:13px}.card b{font-size:20px;font-weight:600;overflow-wrap:anywhere}.card b.small{font-size:15px;line-height:1.35;margin-top:3px}\n"
".box{padding:14px 18px;margin:20px 0;border-left:5px solid var(--c);overflow-wrap:anywhere;white-space:pre-wrap}"
".charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(480px,1fr));gap:14px}figure{margin:0;padding:14px 16px 8px}"
"figcaption{margin-bottom:6px}svg{display:block;width:100%;height:auto}.key{margin-left:14px;font-size:13px;color:var(--soft)}"
".key:before{content:'';display:inline-block;width:12px;height:3px;border-radius:2px;margin:0 6px 3px 0;background:var(--s)}\n"
".s1{--s:var(--blue)}.s2{--s:var(--teal)}.s3{--s:var(--amber)}.s4{--s:var(--violet)}.line{fill:none;stroke:var(--s);stroke-width:1.8;"
"stroke-linejoin:round;stroke-linecap:round}.area{fill:var(--s);opacity:.13}.grid{stroke:var(--line)}"
".tick{fill:var(--soft);font-size:11px}\n"
".scroll{overflow-x:auto}table{width:100%;border-collapse:separate;border-spacing:0;overflow:hidden;font-size:14px}"
"th,td{padding:7px 12px;text-align:left;border-top:1px solid var(--line);vertical-align:top;overflow-wrap:anywhere}"
"tr:first-child>th{border-top:0;color:var(--soft);font-weight:500;font-size:13px}.n{text-align:right;white-space:nowrap;"
"font-variant-numeric:tabular-nums}td.t{white-space:nowrap;color:var(--soft)}td .bar{width:110px;margin-top:7px}"
".tag,.k{white-space:nowrap}.tag{color:var(--c);font-weight:600}footer{margin-top:36px;color:var(--soft);font-size:13px}\n"
"@media (max-width:560px){main{padding:16px 12px}.charts{grid-template-columns:1fr}h1{font-size:22px}}\n"
"@media print{body{background:#fff}}\n";

/* ------------------------------------------------------------------ rows */

/* A value of the last query, NULL if it has none. */
static char *
value(int row, int column)
{
	return SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column);
}

/* As the caller, who sees what the views show. Returns the number of rows. */
static int
query(const char *sql, const char *name, const char *period)
{
	Oid			types[2] = {TEXTOID, TEXTOID};
	Datum		values[2];
	int			rc;

	values[0] = CStringGetTextDatum(name);
	values[1] = CStringGetTextDatum(period);
	rc = SPI_execute_with_args(sql, 2, types, values, NULL, true, 0);
	if (rc != SPI_OK_SELECT)
		elog(ERROR, "a query of the report failed: %s", SPI_result_code_string(rc));
	return (int) SPI_processed;
}

static double
number(const char *text)
{
	return text ? strtod(text, NULL) : NAN;
}

/* "12,345": whole numbers as people read them. */
static char *
grouped(const char *digits)
{
	StringInfoData buf;
	int			len = strlen(digits);

	initStringInfo(&buf);
	for (int i = 0; i < len; i++)
	{
		if (i > 0 && (len - i) % 3 == 0 && digits[i - 1] != '-')
			appendStringInfoChar(&buf, ',');
		appendStringInfoChar(&buf, digits[i]);
	}
	return buf.data;
}

static char *
bytes_text(const char *text)
{
	return text ? human_number(number(text), true) : NULL;
}

/* ------------------------------------------------------------------ parts */

static void
put_card(StringInfo buf, const char *css, const char *label, const char *text)
{
	if (text == NULL || text[0] == '\0')
		return;
	appendStringInfo(buf, "<div class=\"card\"><span>%s</span><b%s>", label, css);
	html_text(buf, text);
	appendStringInfoString(buf, "</b></div>\n");
}

static void
card(StringInfo buf, const char *label, const char *text)
{
	put_card(buf, "", label, text);
}

/* Of a longer text. */
static void
card_small(StringInfo buf, const char *label, const char *text)
{
	put_card(buf, " class=\"small\"", label, text);
}

static void
cell(StringInfo buf, const char *css, const char *text)
{
	appendStringInfo(buf, "<td class=\"%s\">", css);
	html_text(buf, text);
	appendStringInfoString(buf, "</td>");
}

static void
bar(StringInfo buf, double percent)
{
	appendStringInfo(buf, "<div class=\"bar\"><i style=\"width:%.1f%%\"></i></div>",
					 isnan(percent) ? 0 : Min(Max(percent, 0), 100));
}

enum TaskColumn
{
	T_NAME = 1, T_OWNER, T_SOURCE, T_DESTINATION, T_STATUS, T_PHASE, T_PROGRESS,
	T_DONE, T_TOTAL, T_ROWS, T_BYTES, T_ROWS_S, T_MB_S, T_LEFT, T_SOURCE_POS,
	T_APPLIED, T_LATENCY, T_LATENCY_BYTES, T_CHANGES, T_CHANGES_S,
	T_CONSISTENT, T_RETRYING, T_ERROR, T_STATE, T_HINT, T_TAG, T_STARTED,
	T_NOW, T_DATABASE
};

/* The head of the page and what the task is like now. */
static void
put_task(StringInfo buf)
{
	char	   *status = value(0, T_STATUS);
	char	   *phase = value(0, T_PHASE);
	bool		copying = phase && strcmp(phase, "full") == 0;
	bool		trouble = strcmp(status, "failed") == 0 ||
		strcmp(status, "retrying") == 0 || strcmp(status, "precheck_failed") == 0;

	appendStringInfoString(buf, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
						   "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
						   "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n<title>");
	html_text(buf, value(0, T_NAME));
	appendStringInfo(buf, " - dtsmig</title>\n<style>\n%s</style></head>\n<body><main>\n"
					 "<header><div><h1>", style);
	html_text(buf, value(0, T_NAME));
	appendStringInfoString(buf, "</h1><p class=\"sub\">");
	html_text(buf, value(0, T_SOURCE));
	appendStringInfoString(buf, " &rarr; ");
	html_text(buf, strcmp(value(0, T_DESTINATION), "local") == 0 ?
			  value(0, T_DATABASE) : value(0, T_DESTINATION));
	appendStringInfoString(buf, " &middot; owner ");
	html_text(buf, value(0, T_OWNER));
	if (value(0, T_TAG) && value(0, T_TAG)[0])
	{
		appendStringInfoString(buf, " &middot; ");
		html_text(buf, value(0, T_TAG));
	}
	appendStringInfo(buf, "</p></div><span class=\"pill %s\">%s</span></header>\n",
					 status, status);

	appendStringInfoString(buf, "<div class=\"big\">");
	bar(buf, number(value(0, T_PROGRESS)));
	appendStringInfo(buf, "<p>%s%% &middot; phase %s</p></div>\n",
					 value(0, T_PROGRESS), phase ? phase : "not begun");
	if (value(0, T_ERROR) && trouble)
	{
		appendStringInfo(buf, "<div class=\"box %s\"><b>", status);
		html_text(buf, value(0, T_ERROR));
		appendStringInfoString(buf, "</b>");
		if (value(0, T_STATE))
			appendStringInfo(buf, " <span class=\"soft\">%s</span>", value(0, T_STATE));
		if (value(0, T_HINT))
		{
			appendStringInfoChar(buf, '\n');
			html_text(buf, value(0, T_HINT));
		}
		appendStringInfoString(buf, "</div>\n");
	}

	appendStringInfoString(buf, "<div class=\"cards\">\n");
	card(buf, "Tables copied", psprintf("%s of %s", grouped(value(0, T_DONE)),
										grouped(value(0, T_TOTAL))));
	card(buf, "Rows copied", grouped(value(0, T_ROWS)));
	card(buf, "Data copied", bytes_text(value(0, T_BYTES)));
	if (copying)
	{
		card(buf, "Rows a second", value(0, T_ROWS_S) ? grouped(value(0, T_ROWS_S)) : NULL);
		card(buf, "MB a second", value(0, T_MB_S));
		card(buf, "Time left, about", value(0, T_LEFT));
	}
	card(buf, "Changes applied", grouped(value(0, T_CHANGES)));
	card(buf, "Changes a second", value(0, T_CHANGES_S) ? grouped(value(0, T_CHANGES_S)) : NULL);
	card(buf, "Latency", value(0, T_LATENCY) ?
		 psprintf("%s s", value(0, T_LATENCY)) : NULL);
	card(buf, "Log still to read", bytes_text(value(0, T_LATENCY_BYTES)));
	card_small(buf, "Consistent since", value(0, T_CONSISTENT));
	card_small(buf, strcmp(status, "failed") == 0 ? "Resumed by itself at" :
			   "Tried again until", value(0, T_RETRYING));
	card_small(buf, "Started", value(0, T_STARTED));
	appendStringInfoString(buf, "</div>\n");
}

static int
compare_doubles(const void *a, const void *b)
{
	double		d = *(const double *) a - *(const double *) b;

	return d < 0 ? -1 : d > 0;
}

/* The median of what lies between two points in time. */
static double
usual_distance(const double *x, int n)
{
	double	   *distance = palloc(sizeof(double) * Max(n, 1));
	int			i;

	for (i = 0; i + 1 < n; i++)
		distance[i] = x[i + 1] - x[i];
	if (n > 1)
		qsort(distance, n - 1, sizeof(double), compare_doubles);
	return n > 1 ? distance[(n - 1) / 2] : 0;
}

static void
put_charts(StringInfo buf, const char *name, const char *period)
{
	int			n;
	double	   *y[6];
	Chart		rows = {.title = "Rows a second", .unit = "", .nseries = 2};
	Chart		data = {.title = "Data copied a second", .unit = "", .binary = true,
	.nseries = 1};
	Chart		latency = {.title = "Latency, seconds", .unit = "", .nseries = 1};
	Chart		memory = {.title = "Memory of the workers", .unit = "", .binary = true,
	.nseries = 1};

	/* averages of rates, the worst of what grows with trouble */
	n = query("WITH m AS (SELECT * FROM dtsmig.metrics WHERE task = $1 "
			  "AND sampled_at >= pg_catalog.clock_timestamp() - $2::pg_catalog.interval), "
			  "b AS (SELECT date_part('epoch', pg_catalog.min(sampled_at)) AS lo, "
			  "date_part('epoch', pg_catalog.max(sampled_at)) AS hi FROM m) "
			  "SELECT date_part('epoch', pg_catalog.max(sampled_at)), "
			  "pg_catalog.avg(rows_per_second), pg_catalog.avg(changes_per_second), "
			  "pg_catalog.max(latency_seconds), pg_catalog.avg(mb_per_second) * 1048576, "
			  "pg_catalog.max(worker_memory) "
			  "FROM m, b GROUP BY pg_catalog.floor((date_part('epoch', sampled_at) - lo) "
			  "/ GREATEST(hi - lo, 1) * " BINS ") ORDER BY 1", name, period);
	for (int k = 0; k < 6; k++)
	{
		y[k] = palloc(sizeof(double) * Max(n, 1));
		for (int i = 0; i < n; i++)
			y[k][i] = number(value(i, k + 1));
	}
	rows.n = data.n = latency.n = memory.n = n;
	rows.x = data.x = latency.x = memory.x = y[0];
	rows.gap = data.gap = latency.gap = memory.gap = usual_distance(y[0], n) * 3.5;
	rows.series[0] = (ChartSeries) {"copied", "s1", y[1]};
	rows.series[1] = (ChartSeries) {"changes applied", "s2", y[2]};
	latency.series[0] = (ChartSeries) {"latency", "s3", y[3]};
	data.series[0] = (ChartSeries) {"data", "s1", y[4]};
	memory.series[0] = (ChartSeries) {"memory", "s4", y[5]};
	appendStringInfoString(buf, "<h2>Over time</h2>\n<div class=\"charts\">\n");
	chart_append(buf, &rows);
	chart_append(buf, &latency);
	chart_append(buf, &data);
	chart_append(buf, &memory);
	appendStringInfoString(buf, "</div>\n");
}

static void
put_alerts(StringInfo buf, const char *name, const char *period)
{
	int			n = query("SELECT state, kind, " AT("raised_at") ", " AT("cleared_at")
						  ", message "
						  "FROM dtsmig.alerts WHERE task = $1 ORDER BY state = 'raised' "
						  "DESC, raised_at DESC LIMIT 20", name, period);

	if (n == 0)
		return;
	appendStringInfoString(buf, "<h2>Alerts</h2>\n<div class=\"scroll\"><table><tr><th>State</th>"
						   "<th>Kind</th><th>Raised</th><th>Over</th><th>Message</th></tr>\n");
	for (int i = 0; i < n; i++)
	{
		appendStringInfo(buf, "<tr><td class=\"tag %s\">%s</td>", value(i, 1), value(i, 1));
		cell(buf, "k", value(i, 2));
		cell(buf, "t", value(i, 3));
		cell(buf, "t", value(i, 4));
		cell(buf, "", value(i, 5));
		appendStringInfoString(buf, "</tr>\n");
	}
	appendStringInfoString(buf, "</table></div>\n");
}

static void
put_tables(StringInfo buf, const char *name, const char *period)
{
	int			n = query("SELECT source_schema || '.' || source_table, "
						  "target_schema || '.' || target_table, state, rows_copied, "
						  "rows_estimated, bytes_copied, CASE WHEN state IN ('copied', 'ready') "
						  "THEN 100 ELSE LEAST(99.9, 100.0 * rows_copied / "
						  "GREATEST(rows_estimated, 1)) END, pg_catalog.count(*) OVER () "
						  "FROM dtsmig.task_tables WHERE task = $1 "
						  "ORDER BY state IN ('copied', 'ready'), bytes_copied DESC, 1 "
						  "LIMIT " TABLES_SHOWN, name, period);

	if (n == 0)
		return;
	appendStringInfo(buf, "<h2>Tables (%s)</h2>\n<div class=\"scroll\"><table><tr><th>Source</th>"
					 "<th>Destination</th><th>State</th><th class=\"n\">Rows</th>"
					 "<th class=\"n\">Estimated</th><th class=\"n\">Data</th><th>Copied</th></tr>\n",
					 grouped(value(0, 8)));
	for (int i = 0; i < n; i++)
	{
		appendStringInfoString(buf, "<tr>");
		cell(buf, "", value(i, 1));
		cell(buf, "", value(i, 2));
		cell(buf, "", value(i, 3));
		cell(buf, "n", grouped(value(i, 4)));
		cell(buf, "n", grouped(value(i, 5)));
		cell(buf, "n", bytes_text(value(i, 6)));
		appendStringInfoString(buf, "<td>");
		bar(buf, number(value(i, 7)));
		appendStringInfoString(buf, "</td></tr>\n");
	}
	appendStringInfoString(buf, "</table></div>\n");
	if (number(value(0, 8)) > n)
		appendStringInfo(buf, "<p class=\"soft\">%d of them are shown: what is not copied yet, "
						 "then the largest.</p>\n", n);
}

static void
put_log(StringInfo buf, const char *name, const char *period)
{
	int			n = query("SELECT " AT("logged_at") ", severity, "
						  "pg_catalog.concat_ws(E'\\n', message, hint) "
						  "FROM dtsmig.task_log WHERE task = $1 ORDER BY logged_at DESC "
						  "LIMIT " EVENTS_SHOWN, name, period);

	if (n == 0)
		return;
	appendStringInfoString(buf, "<h2>Log</h2>\n<div class=\"scroll\"><table><tr><th>When</th>"
						   "<th></th><th>What</th></tr>\n");
	for (int i = 0; i < n; i++)
	{
		appendStringInfoString(buf, "<tr>");
		cell(buf, "t", value(i, 1));
		appendStringInfo(buf, "<td class=\"tag %s\">%s</td>", value(i, 2), value(i, 2));
		cell(buf, "", value(i, 3));
		appendStringInfoString(buf, "</tr>\n");
	}
	appendStringInfoString(buf, "</table></div>\n");
}

Datum
dtsmig_report(PG_FUNCTION_ARGS)
{
	char	   *task = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *period = DatumGetCString(DirectFunctionCall1(interval_out,
															 PG_GETARG_DATUM(1)));
	MemoryContext cxt = CurrentMemoryContext;
	MemoryContext old;
	StringInfoData buf;
	char	   *name;
	int			nestlevel = NewGUCNestLevel();

	initStringInfo(&buf);
	/* operators are not looked up where the caller's search_path leads */
	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (query("SELECT name, owner, source, destination, status, phase, progress, "
			  "tables_done, tables_total, rows_copied, bytes_copied, rows_per_second, "
			  "mb_per_second, time_left, source_position, applied_position, "
			  "latency_seconds, latency_bytes, changes, changes_per_second, "
			  AT("consistent_since") ", " AT("COALESCE(retrying_until, resume_at)") ", "
			  "last_error, last_error_sqlstate, last_error_hint, tag, "
			  AT("started_at") ", NULL, pg_catalog.current_database() "
			  "FROM dtsmig.tasks WHERE name = $1 OR id::text = $1 "
			  "ORDER BY name = $1 DESC LIMIT 1", task, period) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("task \"%s\" does not exist", task),
				 errhint("The view dtsmig.tasks lists your tasks.")));
	name = value(0, T_NAME);
	put_task(&buf);
	put_charts(&buf, name, period);
	put_alerts(&buf, name, period);
	put_tables(&buf, name, period);
	put_log(&buf, name, period);
	(void) query("SELECT " AT("pg_catalog.now()") " || ' ' || pg_catalog.current_setting('TimeZone'), extversion "
				 "FROM pg_catalog.pg_extension WHERE extname = 'dtsmig'", name, period);
	appendStringInfoString(&buf, "<footer>As of ");
	html_text(&buf, value(0, 1));
	appendStringInfo(&buf, ", by dtsmig %s. Charts show the last ", value(0, 2));
	html_text(&buf, period);
	appendStringInfoString(&buf, " at most.</footer>\n</main></body></html>");
	old = MemoryContextSwitchTo(cxt);
	task = pstrdup(buf.data);
	MemoryContextSwitchTo(old);
	SPI_finish();
	AtEOXact_GUC(true, nestlevel);
	PG_RETURN_TEXT_P(cstring_to_text(task));
}

Datum
dtsmig_clear_alert(PG_FUNCTION_ARGS)
{
	int64		alert_id = PG_GETARG_INT64(0);
	int64		task_id = alert_task(alert_id);
	TaskRecord *task = task_id ? task_load_id(task_id, false) : NULL;

	if (task == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("no alert " INT64_FORMAT " is raised", alert_id),
				 errhint("The view dtsmig.alerts lists the alerts of your tasks.")));
	task_check_operator(task);
	(void) alert_clear(task_id, NULL, NULL, alert_id);
	PG_RETURN_VOID();
}
