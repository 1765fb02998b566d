/*-------------------------------------------------------------------------
 *
 * fdw_connection.c
 *	  Connections of foreign tables.
 *
 *		none --get--> connected, idle --get--> in a transaction at the source
 *		                   ^                      |   local commit: ended
 *		                   +----------------------+
 *		an error or a local ROLLBACK, a server or mapping that has changed, or
 *		disconnect(): the connection is closed
 *
 * The transaction at the source is read only and has one snapshot, whatever
 * the local isolation level. Local subtransactions have no counterpart at it.
 * The first write begins another one (fdw_transaction.c); where the local
 * isolation level promises one snapshot, that one is open from the start.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "foreign/fdw_connection.h"

#include "access/xact.h"
#include "fdw/fdw_options.h"
#include "foreign/fdw_stream.h"
#include "foreign/fdw_transaction.h"
#include "foreign/foreign.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

DTS_FUNCTION(dtsmig_connections);
DTS_FUNCTION(dtsmig_disconnect);
DTS_FUNCTION(dtsmig_disconnect_all);

static HTAB *connections = NULL;

/* ----------------------------------------------------------------- closing */

/* Raises no error: it is called when a transaction has failed. */
static void
discard(FdwConnection *c)
{
	MemoryContext cxt = c->cxt;

	c->cxt = NULL;
	c->conn = NULL;
	c->active = NULL;
	c->tables = NIL;
	c->xcxt = NULL;
	c->in_transaction = false;
	c->writing = false;
	if (cxt != NULL)
		MemoryContextDelete(cxt);
}

static void
transaction_over(FdwConnection *c)
{
	c->in_transaction = false;
	c->tables = NIL;
	MemoryContextReset(c->xcxt);
	if (c->invalid)
		discard(c);
}

/* At the end of a local transaction that has gone well. */
static void
end_transaction(FdwConnection *c)
{
	MemoryContext cxt = CurrentMemoryContext;

	if (c->writing)
	{
		fdw_stream_park(c->active);
		fdw_transaction_commit(c);
		transaction_over(c);
		return;
	}
	if (c->active != NULL)
	{
		discard(c);
		return;
	}
	PG_TRY();
	{
		c->source->end_read(c->conn);
		transaction_over(c);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(cxt);
		discard(c);
		if (QueryCancelPending || ProcDiePending ||
			geterrcode() == ERRCODE_QUERY_CANCELED)
			PG_RE_THROW();
		/*
		 * nothing was written at the source: its end does not matter to anybody
		 */
		FlushErrorState();
	}
	PG_END_TRY();
}

static void
transaction_ends(XactEvent event, void *arg)
{
	HASH_SEQ_STATUS scan;
	FdwConnection *c;

	if (connections == NULL)
		return;
	hash_seq_init(&scan, connections);
	while ((c = hash_seq_search(&scan)) != NULL)
	{
		if (c->cxt == NULL || !c->in_transaction)
			continue;
		if (event == XACT_EVENT_ABORT)
			discard(c);
		else if (event == XACT_EVENT_PRE_COMMIT)
		{
			PG_TRY();
			{
				end_transaction(c);
			}
			PG_CATCH();
			{
				hash_seq_term(&scan);
				PG_RE_THROW();
			}
			PG_END_TRY();
		}
		else if (event == XACT_EVENT_PRE_PREPARE)
		{
			hash_seq_term(&scan);
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("cannot PREPARE a transaction that has read foreign tables of dtsmig_fdw"),
					 errhint("COMMIT it.")));
		}
	}
}

static void
subtransaction_ends(SubXactEvent event, SubTransactionId mine,
					SubTransactionId parent, void *arg)
{
	HASH_SEQ_STATUS scan;
	FdwConnection *c;
	int			level = GetCurrentTransactionNestLevel();

	if (connections == NULL ||
		(event != SUBXACT_EVENT_ABORT_SUB && event != SUBXACT_EVENT_COMMIT_SUB))
		return;
	hash_seq_init(&scan, connections);
	while ((c = hash_seq_search(&scan)) != NULL)
	{
		if (c->cxt != NULL && c->active != NULL)
			fdw_stream_subtransaction_ends(c->active, level,
										   event == SUBXACT_EVENT_ABORT_SUB);
		if (c->cxt != NULL && c->writing)
			fdw_transaction_subtransaction_ends(c, level,
												event == SUBXACT_EVENT_ABORT_SUB);
	}
}

/* A server or user mapping has changed; hash 0: perhaps all have. */
static void
catalog_changes(Datum arg, int cache, uint32 hash)
{
	HASH_SEQ_STATUS scan;
	FdwConnection *c;

	if (connections == NULL)
		return;
	hash_seq_init(&scan, connections);
	while ((c = hash_seq_search(&scan)) != NULL)
		if (hash == 0 ||
			hash == (cache == FOREIGNSERVEROID ? c->server_hash : c->mapping_hash))
			c->invalid = true;
}

/* ----------------------------------------------------------------- opening */

/*
 * Who owns a server can give a mapping to everybody, superusers too: how a
 * superuser may connect (without a password) is only for superusers' servers.
 */
static Oid
connect_as(const ForeignServer *server, Oid role)
{
	return superuser_arg(role) && !superuser_arg(server->owner) ? server->owner : role;
}

static SourceConn *
connect_in(MemoryContext cxt, const FdwConnection *c)
{
	MemoryContext old = MemoryContextSwitchTo(cxt);
	SourceConn *conn;
	Oid			user;
	int			context;

	/* an error restores the user with its (sub)transaction */
	GetUserIdAndSecContext(&user, &context);
	SetUserIdAndSecContext(c->connect_as, context | SECURITY_LOCAL_USERID_CHANGE);
	conn = c->source->connect(c->info);
	SetUserIdAndSecContext(user, context);
	MemoryContextSwitchTo(old);
	return conn;
}

static void
open_connection(FdwConnection *c, const ForeignServer *server)
{
	MemoryContext old;

	c->cxt = AllocSetContextCreate(TopMemoryContext, "dtsmig foreign connection",
								   ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(c->cxt);
	PG_TRY();
	{
		c->connect_as = connect_as(server, c->key.role);
		/* a host that this role may not name is refused */
		c->info = connection_info(server->servername, c->key.role);
		c->info->application = "dtsmig foreign table";
		c->info->writes = true;
		c->source = source_routine(c->info->server_type);
		c->server_hash = GetSysCacheHashValue1(FOREIGNSERVEROID,
											   ObjectIdGetDatum(c->key.server));
		c->mapping_hash = GetSysCacheHashValue1(USERMAPPINGOID,
												ObjectIdGetDatum(c->key.mapping));
		c->invalid = false;
		c->xcxt = AllocSetContextCreate(c->cxt, "dtsmig foreign transaction",
										ALLOCSET_DEFAULT_SIZES);
		c->conn = connect_in(c->cxt, c);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(old);
		discard(c);
		PG_RE_THROW();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(old);
}

/* One that was kept may have been closed at the other end meanwhile. */
static bool
begin_transaction(FdwConnection *c, bool kept)
{
	MemoryContext cxt = CurrentMemoryContext;
	volatile bool lost = false;

	PG_TRY();
	{
		MemoryContextSwitchTo(c->xcxt);
		if (IsolationUsesXactSnapshot() && !XactReadOnly)
			fdw_transaction_begin(c);
		else
			c->source->begin_read(c->conn);
		c->in_transaction = true;
		MemoryContextSwitchTo(cxt);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(cxt);
		discard(c);
		if (!kept || QueryCancelPending || ProcDiePending ||
			ERRCODE_TO_CATEGORY(geterrcode()) != ERRCODE_CONNECTION_EXCEPTION)
			PG_RE_THROW();
		FlushErrorState();
		lost = true;
	}
	PG_END_TRY();
	return !lost;
}

static void
init(void)
{
	HASHCTL		ctl = {0};

	ctl.keysize = sizeof(FdwConnectionKey);
	ctl.entrysize = sizeof(FdwConnection);
	connections = hash_create("dtsmig foreign connections", 8, &ctl,
							  HASH_ELEM | HASH_BLOBS);
	RegisterXactCallback(transaction_ends, NULL);
	RegisterSubXactCallback(subtransaction_ends, NULL);
	CacheRegisterSyscacheCallback(FOREIGNSERVEROID, catalog_changes, (Datum) 0);
	CacheRegisterSyscacheCallback(USERMAPPINGOID, catalog_changes, (Datum) 0);
}

FdwConnection *
fdw_connection_get(Oid serverid, Oid role)
{
	ForeignServer *server = GetForeignServer(serverid);
	FdwConnectionKey key = {serverid, InvalidOid, role};
	FdwConnection *c;
	bool		found;
	bool		kept;

	server_check_usage(server->servername, role);
	key.mapping = GetUserMapping(role, serverid)->umid;
	if (connections == NULL)
		init();
	c = hash_search(connections, &key, HASH_ENTER, &found);
	if (!found)
		memset((char *) c + sizeof(key), 0, sizeof(*c) - sizeof(key));
	if (c->cxt != NULL && c->invalid && !c->in_transaction)
		discard(c);
	kept = c->cxt != NULL;
	if (!kept)
		open_connection(c, server);
	if (!c->in_transaction && !begin_transaction(c, kept))
	{
		open_connection(c, server);
		(void) begin_transaction(c, false);
	}
	fdw_connection_use(c);
	return c;
}

void
fdw_connection_use(FdwConnection *c)
{
	fdw_stream_park(c->active);
	if (c->writing)
		fdw_transaction_use(c);
}

FdwConnection *
fdw_connection_get_to_write(Oid serverid, Oid role)
{
	FdwConnection *c = fdw_connection_get(serverid, role);

	if (c->writing)
		return c;
	c->in_transaction = false;
	c->source->end_read(c->conn);
	fdw_transaction_begin(c);
	return c;
}

/* ------------------------------------------------------------------ asking */

TableDef *
fdw_connection_describe(FdwConnection *c, const char *schema, const char *table)
{
	MemoryContext old;
	TableDef   *def;
	ListCell   *lc;

	foreach(lc, c->tables)
	{
		def = lfirst(lc);
		if (strcmp(def->schema, schema) == 0 && strcmp(def->name, table) == 0)
			return def;
	}
	old = MemoryContextSwitchTo(c->xcxt);
	def = c->source->describe_table(c->conn, schema, table);
	if (def == NULL || !model_has_rows(def))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("server \"%s\" has no table \"%s\".\"%s\" that rows could be read of",
						c->info->server_name, schema, table),
				 errdetail("Views and sequences cannot be read, nor what the account does not see."),
				 errhint("Options schema_name and table_name of the foreign table name it.")));
	if (def->unreadable)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("the source does not show the columns of table \"%s\".\"%s\"",
						schema, table),
				 errhint("It is being altered, or damaged: CHECK TABLE shows which.")));
	c->tables = lappend(c->tables, def);
	MemoryContextSwitchTo(old);
	return def;
}

bool
fdw_connection_interrupt(FdwConnection *c)
{
	MemoryContext cxt = CurrentMemoryContext;
	volatile bool reported = false;
	Oid			user;
	int			context;

	GetUserIdAndSecContext(&user, &context);
	PG_TRY();
	{
		SetUserIdAndSecContext(c->connect_as, context | SECURITY_LOCAL_USERID_CHANGE);
		c->source->interrupt(c->conn, c->info);
		reported = true;
		SetUserIdAndSecContext(user, context);
	}
	PG_CATCH();
	{
		SetUserIdAndSecContext(user, context);
		MemoryContextSwitchTo(cxt);
		if (QueryCancelPending || ProcDiePending ||
			geterrcode() == ERRCODE_QUERY_CANCELED)
			PG_RE_THROW();
		FlushErrorState();
	}
	PG_END_TRY();
	return reported;
}

void
fdw_connection_failed(FdwConnection *c, MemoryContext cxt)
{
	ErrorData  *error;

	if (geterrcode() != ERRCODE_QUERY_CANCELED)
		PG_RE_THROW();
	MemoryContextSwitchTo(cxt);
	error = CopyErrorData();
	FlushErrorState();
	(void) fdw_connection_interrupt(c);
	ReThrowError(error);
	pg_unreachable();
}

/* ---------------------------------------------------------------- functions */

Datum
dtsmig_connections(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	HASH_SEQ_STATUS scan;
	FdwConnection *c;

	InitMaterializedSRF(fcinfo, 0);
	if (connections == NULL)
		PG_RETURN_VOID();
	hash_seq_init(&scan, connections);
	while ((c = hash_seq_search(&scan)) != NULL)
	{
		Datum		values[4];
		bool		nulls[4] = {0};
		char	   *role;

		if (c->cxt == NULL)
			continue;
		role = GetUserNameFromId(c->key.role, true);
		values[0] = CStringGetTextDatum(c->info->server_name);
		values[1] = role ? CStringGetTextDatum(role) : (Datum) 0;
		nulls[1] = role == NULL;
		values[2] = BoolGetDatum(c->in_transaction);
		values[3] = BoolGetDatum(!c->invalid);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	PG_RETURN_VOID();
}

/* server NULL: all. One in use stays, with a warning. */
static bool
disconnect(const char *server)
{
	HASH_SEQ_STATUS scan;
	FdwConnection *c;
	bool		any = false;

	if (connections == NULL)
		return false;
	hash_seq_init(&scan, connections);
	while ((c = hash_seq_search(&scan)) != NULL)
	{
		if (c->cxt == NULL ||
			(server != NULL && strcmp(server, c->info->server_name) != 0))
			continue;
		if (c->in_transaction)
		{
			ereport(WARNING,
					(errmsg("the connection to server \"%s\" is in use by this transaction",
							c->info->server_name)));
			continue;
		}
		discard(c);
		any = true;
	}
	return any;
}

Datum
dtsmig_disconnect(PG_FUNCTION_ARGS)
{
	char	   *server = text_to_cstring(PG_GETARG_TEXT_PP(0));

	(void) GetForeignServerByName(server, false);
	PG_RETURN_BOOL(disconnect(server));
}

Datum
dtsmig_disconnect_all(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(disconnect(NULL));
}
