/*-------------------------------------------------------------------------
 *
 * sql.c
 *	  Access to the tables of schema dtsmig.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "store/sql.h"

#include "access/htup_details.h"
#include "catalog/indexing.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "access/genam.h"
#include "access/table.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#define STORE_MAX_PARAMS 24

typedef struct StoreScope
{
	Oid			save_user;
	int			save_context;
	int			save_nestlevel;
} StoreScope;

/*
 * The role that owns the extension, and so the catalog; InvalidOid if there is
 * none.
 */
static Oid
extension_owner(char **version, Oid *namespace)
{
	Relation	rel;
	SysScanDesc scan;
	ScanKeyData key;
	HeapTuple	tup;
	Oid			owner = InvalidOid;

	rel = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber,
				F_NAMEEQ, CStringGetDatum("dtsmig"));
	scan = systable_beginscan(rel, ExtensionNameIndexId, true, NULL, 1, &key);
	tup = systable_getnext(scan);
	if (HeapTupleIsValid(tup))
	{
		bool		isnull;
		Datum		value = heap_getattr(tup, Anum_pg_extension_extversion,
										 RelationGetDescr(rel), &isnull);

		owner = ((Form_pg_extension) GETSTRUCT(tup))->extowner;
		*namespace = ((Form_pg_extension) GETSTRUCT(tup))->extnamespace;
		*version = TextDatumGetCString(value);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return owner;
}

/*
 * Whoever owns the schema may drop what is in it and put other tables in their
 * place, or give it another name and make one of this name: what is read in
 * this file as the extension's owner would be theirs to say. And whoever owns
 * the tables says as whom tasks run: nobody but a superuser may, and only a
 * superuser can have made them.
 */
static bool
schema_is_own(Oid extension_owner, Oid namespace)
{
	HeapTuple	tup = SearchSysCache1(NAMESPACEOID, ObjectIdGetDatum(namespace));
	Form_pg_namespace form;
	bool		own;

	if (!HeapTupleIsValid(tup))
		return false;
	form = (Form_pg_namespace) GETSTRUCT(tup);
	own = strcmp(NameStr(form->nspname), "dtsmig") == 0 &&
		superuser_arg(extension_owner) && superuser_arg(form->nspowner);
	ReleaseSysCache(tup);
	return own;
}

/* Is a version ("1.10") before another ("1.9")? */
static bool
is_before(const char *a, const char *b)
{
	for (;;)
	{
		char	   *end_a;
		char	   *end_b;
		long		x = strtol(a, &end_a, 10);
		long		y = strtol(b, &end_b, 10);

		if (x != y)
			return x < y;
		if (*end_a != '.' || *end_b != '.')
			return *end_a != '.' && *end_b == '.';
		a = end_a + 1;
		b = end_b + 1;
	}
}

CatalogState
store_state(char **version)
{
	Oid			namespace;
	Oid			owner = extension_owner(version, &namespace);

	if (!OidIsValid(owner))
	{
		*version = NULL;
		return CATALOG_NONE;
	}
	if (!schema_is_own(owner, namespace))
		return CATALOG_FOREIGN;
	return is_before(*version, STORE_VERSION) ? CATALOG_OLD : CATALOG_FITS;
}

void
store_refuse(const char *version)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("extension \"dtsmig\" in this database is of version %s, its library needs %s",
					version, STORE_VERSION),
			 errhint("Run ALTER EXTENSION dtsmig UPDATE; tasks go on by themselves after it.")));
}

void
store_refuse_schema(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("extension \"dtsmig\" and its schema \"dtsmig\" do not belong to a superuser"),
			 errdetail("Whoever owns them could put other tables in the place of the extension's, and say as whom tasks run."),
			 errhint("ALTER SCHEMA … OWNER TO a superuser, with the name dtsmig, and look at what is in it; REASSIGN OWNED where the role that created the extension is no superuser any more; or create the extension again.")));
}

static void
scope_enter(StoreScope *scope, bool any_version)
{
	char	   *version = NULL;
	Oid			namespace = InvalidOid;
	Oid			owner = extension_owner(&version, &namespace);

	if (!OidIsValid(owner))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("extension \"dtsmig\" is not installed in this database")));
	if (!schema_is_own(owner, namespace))
		store_refuse_schema();
	if (!any_version && is_before(version, STORE_VERSION))
		store_refuse(version);
	pfree(version);
	GetUserIdAndSecContext(&scope->save_user, &scope->save_context);
	SetUserIdAndSecContext(owner,
						   scope->save_context | SECURITY_LOCAL_USERID_CHANGE |
						   SECURITY_NOFORCE_RLS);
	scope->save_nestlevel = NewGUCNestLevel();
	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
}

/* An error needs no scope_leave: the transaction's abort restores all. */
static void
scope_leave(StoreScope *scope)
{
	SPI_finish();
	AtEOXact_GUC(true, scope->save_nestlevel);
	SetUserIdAndSecContext(scope->save_user, scope->save_context);
}

/*
 * Text that is kept has to be text of the database: what a peer says, and what
 * is cut of it, need not be.
 */
static Datum
text_param(const char *s)
{
	int			encoding = GetDatabaseEncoding();
	int			len = (int) strlen(s);
	char	   *clean;

	if (pg_verify_mbstr(encoding, s, len, true))
		return CStringGetTextDatum(s);
	clean = pstrdup(s);
	for (int i = 0, n; i < len; i += n)
	{
		n = IS_HIGHBIT_SET(s[i]) ? pg_encoding_mblen(encoding, s + i) : 1;
		if (n == 1 ? !IS_HIGHBIT_SET(s[i]) :
			n <= len - i && pg_verify_mbstr(encoding, s + i, n, true))
			continue;
		clean[i] = '?';
		n = 1;
	}
	return CStringGetTextDatum(clean);
}

static int
collect_params(const char *format, va_list args, Oid *types, Datum *values,
			   char *nulls)
{
	int			n = 0;

	for (const char *f = format; *f; f++, n++)
	{
		Assert(n < STORE_MAX_PARAMS);
		nulls[n] = ' ';
		switch (*f)
		{
			case 't':
				{
					const char *s = va_arg(args, const char *);

					types[n] = TEXTOID;
					if (s)
						values[n] = text_param(s);
					else
						nulls[n] = 'n';
					break;
				}
			case 'i':
				types[n] = INT8OID;
				values[n] = Int64GetDatum(va_arg(args, int64));
				break;
			case 'b':
				types[n] = BOOLOID;
				values[n] = BoolGetDatum(va_arg(args, int) != 0);
				break;
			case 'z':
				{
					TimestampTz t = va_arg(args, TimestampTz);

					types[n] = TIMESTAMPTZOID;
					values[n] = TimestampTzGetDatum(t);
					if (t == 0)
						nulls[n] = 'n';
					break;
				}
			case 'j':
				{
					Jsonb	   *jb = va_arg(args, Jsonb *);

					types[n] = JSONBOID;
					if (jb)
						values[n] = JsonbPGetDatum(jb);
					else
						nulls[n] = 'n';
					break;
				}
			default:
				elog(ERROR, "bad parameter format \"%s\"", format);
		}
	}
	return n;
}

/* Copies SPI's result into cxt, before SPI_finish frees it. */
static StoreRows *
copy_rows(MemoryContext cxt)
{
	MemoryContext old = MemoryContextSwitchTo(cxt);
	StoreRows   *rows = palloc0(sizeof(StoreRows));

	if (SPI_tuptable != NULL)
	{
		rows->nrows = (int) SPI_processed;
		rows->ncolumns = SPI_tuptable->tupdesc->natts;
		rows->values = palloc(sizeof(char **) * Max(rows->nrows, 1));
		for (int r = 0; r < rows->nrows; r++)
		{
			rows->values[r] = palloc(sizeof(char *) * rows->ncolumns);
			for (int c = 0; c < rows->ncolumns; c++)
			{
				char	   *v = SPI_getvalue(SPI_tuptable->vals[r],
											 SPI_tuptable->tupdesc, c + 1);

				rows->values[r][c] = v;
			}
		}
	}
	MemoryContextSwitchTo(old);
	return rows;
}

static StoreRows *
run(const char *sql, const char *format, va_list args, void **plan,
	uint64 *processed, bool any_version)
{
	MemoryContext cxt = CurrentMemoryContext;
	StoreScope	scope;
	Oid			types[STORE_MAX_PARAMS];
	Datum		values[STORE_MAX_PARAMS];
	char		nulls[STORE_MAX_PARAMS];
	int			n;
	int			rc;
	StoreRows   *rows;

	n = collect_params(format, args, types, values, nulls);
	scope_enter(&scope, any_version);
	if (plan != NULL)
	{
		if (*plan == NULL)
		{
			SPIPlanPtr	p = SPI_prepare(sql, n, types);

			if (p == NULL)
				elog(ERROR, "could not prepare \"%s\"", sql);
			SPI_keepplan(p);
			*plan = p;
		}
		rc = SPI_execute_plan(*plan, values, nulls, false, 0);
	}
	else
		rc = SPI_execute_with_args(sql, n, types, values, nulls, false, 0);
	if (rc < 0)
		elog(ERROR, "\"%s\" failed: %s", sql, SPI_result_code_string(rc));
	if (processed)
		*processed = SPI_processed;
	rows = copy_rows(cxt);
	scope_leave(&scope);
	return rows;
}

StoreRows *
store_query(const char *sql, const char *format,...)
{
	va_list		args;
	StoreRows   *rows;

	va_start(args, format);
	rows = run(sql, format, args, NULL, NULL, false);
	va_end(args);
	return rows;
}

uint64
store_exec(const char *sql, const char *format,...)
{
	va_list		args;
	uint64		processed;

	va_start(args, format);
	(void) run(sql, format, args, NULL, &processed, false);
	va_end(args);
	return processed;
}

uint64
store_exec_saved(void **plan, const char *sql, const char *format,...)
{
	va_list		args;
	uint64		processed;

	va_start(args, format);
	(void) run(sql, format, args, plan, &processed, false);
	va_end(args);
	return processed;
}

/* As store_exec, with catalog of any version. */
static uint64
exec_any_version(const char *sql, const char *format,...)
{
	va_list		args;
	uint64		processed;

	va_start(args, format);
	(void) run(sql, format, args, NULL, &processed, true);
	va_end(args);
	return processed;
}

/* Uses what version 1.0 had, and what no later one takes away. */
bool
store_note_old(const char *version, int64 task_id, int64 handle)
{
	char	   *message;

	message = psprintf("the task waits: extension \"dtsmig\" in this database is of version %s, its library needs %s",
					   version, STORE_VERSION);
	return exec_any_version("WITH t AS (UPDATE dtsmig.task SET status = 'retrying', "
							"runtime_handle = COALESCE(NULLIF($4, 0), runtime_handle), "
							"retrying_since = pg_catalog.clock_timestamp(), "
							"retrying_until = NULL, last_error = $2, "
							"last_error_detail = NULL, last_error_hint = $3, "
							"last_error_sqlstate = '55000', "
							"last_error_at = pg_catalog.clock_timestamp(), "
							"updated = pg_catalog.clock_timestamp() "
							"WHERE wanted = 'running' AND ($1 = 0 OR task_id = $1) "
							"AND NOT (status = 'retrying' "
							"AND last_error IS NOT DISTINCT FROM $2 "
							"AND ($4 = 0 OR runtime_handle IS NOT DISTINCT FROM $4)) "
							"RETURNING task_id) "
							"INSERT INTO dtsmig.task_event "
							"(task_id, severity, message, hint, sqlstate) "
							"SELECT task_id, 'warning', $2, $3, '55000' FROM t",
							"itti", task_id, message,
							"Run ALTER EXTENSION dtsmig UPDATE; the task goes on by itself after it.",
							handle) > 0;
}

int64
store_int(const StoreRows *rows, int row, int column)
{
	return DatumGetInt64(DirectFunctionCall1(int8in,
											 CStringGetDatum(rows->values[row][column])));
}

bool
store_bool(const StoreRows *rows, int row, int column)
{
	return rows->values[row][column][0] == 't';
}

Jsonb *
store_jsonb(const StoreRows *rows, int row, int column)
{
	char	   *text = rows->values[row][column];

	if (text == NULL)
		return NULL;
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(text)));
}
