/*-------------------------------------------------------------------------
 *
 * alert.c
 *	  Alerts of a task: rows of dtsmig.alert.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "store/alert.h"

#include "store/sql.h"
#include "store/states.h"

/* NOTIFY takes less than 8000 bytes. */
#define PAYLOAD_MAX 7900

/*
 * What is reported of an alert: long for most, short where that is too much.
 * Without detail: that there is one, and of which task and kind.
 */
static char *
payload(int64 alert_id, bool detail)
{
	char	   *text = NULL;

	for (int limit = 1000; limit >= 100; limit /= 3)
	{
		StoreRows   *rows;

		rows = store_query("SELECT pg_catalog.jsonb_strip_nulls("
						   "pg_catalog.jsonb_build_object('alert', a.alert_id, "
						   "'task', CASE WHEN $3 THEN t.task_name END, 'task_id', t.task_id, 'kind', a.kind, "
						   "'state', CASE WHEN a.cleared IS NULL THEN 'raised' "
						   "ELSE 'cleared' END, 'subject', "
						   "CASE WHEN $3 THEN pg_catalog.left(NULLIF(a.subject, ''), 200) END, "
						   "'message', CASE WHEN $3 THEN pg_catalog.left(a.message, $2::int) END, "
						   "'detail', CASE WHEN $3 THEN pg_catalog.left(a.detail, $2::int) END, "
						   "'hint', CASE WHEN $3 THEN pg_catalog.left(a.hint, $2::int) END, "
						   "'at', COALESCE(a.cleared, a.raised)))::text "
						   "FROM dtsmig.alert a JOIN dtsmig.task t USING (task_id) "
						   "WHERE a.alert_id = $1", "iib", alert_id, (int64) limit, (int) detail);
		text = rows->values[0][0];
		if (strlen(text) < PAYLOAD_MAX)
			break;
	}
	return text;
}

static char *
send(int64 alert_id, const char *task, const char *message, const char *detail,
	 bool cleared)
{
	/* anybody may listen: the rest is in the view alerts, for those who may */
	char	   *text = payload(alert_id, false);

	if (strlen(text) < PAYLOAD_MAX)
		(void) store_exec("SELECT pg_catalog.pg_notify('dtsmig_alert', $1)", "t",
						  text);
	ereport(LOG,
			(errmsg("alert of task \"%s\"%s: %s", task, cleared ? " is over" : "",
					message),
			 detail && !cleared ? errdetail("%s", detail) : 0,
			 errhidestmt(true), errhidecontext(true)));
	return payload(alert_id, true);
}

char *
alert_raise(int64 task_id, const char *kind, const char *subject,
			const char *message, const char *detail, const char *hint)
{
	StoreRows   *rows;

	rows = store_query("INSERT INTO dtsmig.alert AS n (task_id, kind, subject, "
					   "message, detail, hint) SELECT t.task_id, $2, $3, $4, $5, $6 "
					   "FROM dtsmig.task t WHERE t.task_id = $1 AND NOT EXISTS "
					   "(SELECT 1 FROM dtsmig.alert a WHERE a.task_id = $1 "
					   "AND a.kind = $2 AND a.subject = $3 AND a.cleared IS NULL) "
					   "ON CONFLICT DO NOTHING RETURNING n.alert_id, "
					   "(SELECT t.task_name FROM dtsmig.task t WHERE t.task_id = $1)",
					   "ittttt", task_id, kind, subject, message, detail, hint);
	if (rows->nrows == 0)
		return NULL;
	return send(store_int(rows, 0, 0), rows->values[0][1], message, detail, false);
}

List *
alert_clear(int64 task_id, const char *kind, const char *subject, int64 alert_id)
{
	StoreRows   *rows;
	List	   *reported = NIL;

	rows = store_query("UPDATE dtsmig.alert a SET cleared = pg_catalog.clock_timestamp() "
					   "FROM dtsmig.task t WHERE a.task_id = $1 "
					   "AND t.task_id = a.task_id AND a.cleared IS NULL "
					   "AND ($2 IS NULL OR a.kind = $2) "
					   "AND ($3 IS NULL OR a.subject = $3) "
					   "AND ($4 = 0 OR a.alert_id = $4) "
					   "RETURNING a.alert_id, t.task_name, a.message", "itti", task_id,
					   kind, subject, alert_id);
	for (int i = 0; i < rows->nrows; i++)
		reported = lappend(reported, send(store_int(rows, i, 0), rows->values[i][1],
								  rows->values[i][2], NULL, true));
	return reported;
}

List *
alert_subjects(int64 task_id, const char *kind)
{
	return store_texts(store_query("SELECT subject FROM dtsmig.alert WHERE task_id = $1 "
								   "AND kind = $2 AND cleared IS NULL", "it", task_id, kind));
}

List *
alert_resyncs_over(int64 task_id)
{
	return store_texts(store_query("SELECT a.subject FROM dtsmig.alert a WHERE a.task_id = $1 "
								   "AND a.kind = '" ALERT_RESYNC "' AND a.cleared IS NULL "
								   "AND NOT EXISTS (SELECT 1 FROM dtsmig.task_table t "
								   "WHERE t.task_id = $1 "
								   "AND t.source_schema || '.' || t.source_table = a.subject "
								   "AND t.state = '" TABLE_STATE_RESYNC "' "
								   "AND t.waits_for IS NOT NULL)",
								   "i", task_id));
}

int64
alert_task(int64 alert_id)
{
	StoreRows   *rows;

	rows = store_query("SELECT task_id FROM dtsmig.alert WHERE alert_id = $1 "
					   "AND cleared IS NULL", "i", alert_id);
	return rows->nrows > 0 ? store_int(rows, 0, 0) : 0;
}
