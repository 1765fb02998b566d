/*-------------------------------------------------------------------------
 *
 * fdw_options.c
 *	  Options of servers and user mappings: validator, reading, URIs.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "fdw/fdw_options.h"
#include "fdw/fdw_table_options.h"

#include "access/reloptions.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_foreign_data_wrapper.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_foreign_table.h"
#include "catalog/pg_user_mapping.h"
#include "commands/defrem.h"
#include "core/options.h"
#include "common/hashfn.h"
#include "foreign/foreign.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/varlena.h"

DTS_FUNCTION(dtsmig_fdw_validator);

/* The order is that of SslMode. */
#define SSL_MODES "prefer,disable,require,verify-ca,verify-full"

static const ServerOption server_options[] =
{
	{"host", ForeignServerRelationId, SERVER_OPTION_TEXT, NULL, 0, 0, NULL,
	"Name or address; a socket file for superusers."},
	{"port", ForeignServerRelationId, SERVER_OPTION_INT, "3306; 5432", 1, 65535, NULL,
	"Port of the MySQL family; of PostgreSQL."},
	{"dbname", ForeignServerRelationId, SERVER_OPTION_TEXT, NULL, 0, 0, NULL,
	"The database to move; none: all but the system's."},
	{"ssl_mode", ForeignServerRelationId, SERVER_OPTION_ENUM, "prefer", 0, 0, SSL_MODES,
	"How much the connection is protected."},
	{"ssl_ca", ForeignServerRelationId, SERVER_OPTION_FILE, NULL, 0, 0, NULL,
	"File with certificate authorities (superusers)."},
	{"connect_timeout", ForeignServerRelationId, SERVER_OPTION_INT, "10", 1, 3600, NULL,
	"Seconds to wait for a connection."},
	{"replication_server_id", ForeignServerRelationId, SERVER_OPTION_INT, NULL, 1, PG_INT32_MAX, NULL,
	"Server id that the binlog reader shows itself with; none: one is chosen."},
	{"updatable", ForeignServerRelationId, SERVER_OPTION_ENUM, "true", 0, 0, "true,false",
	"Foreign tables can be written to, unless they say otherwise."},
	{"truncatable", ForeignServerRelationId, SERVER_OPTION_ENUM, "true", 0, 0, "true,false",
	"The same of TRUNCATE."},
	{"batch_size", ForeignServerRelationId, SERVER_OPTION_INT, "100", 1, FDW_BATCH_MAX, NULL,
	"Rows that an INSERT into a foreign table sends at a time."},
	{"async_capable", ForeignServerRelationId, SERVER_OPTION_ENUM, "false", 0, 0, "true,false",
	"Scans of its foreign tables under Append wait for several servers at a time."},
	{"user", UserMappingRelationId, SERVER_OPTION_TEXT, NULL, 0, 0, NULL,
	"Account at the source."},
	{"password", UserMappingRelationId, SERVER_OPTION_TEXT, NULL, 0, 0, NULL,
	"Its password."},
	{"ssl_cert", UserMappingRelationId, SERVER_OPTION_FILE, NULL, 0, 0, NULL,
	"File with the client's certificate (superusers)."},
	{"ssl_key", UserMappingRelationId, SERVER_OPTION_FILE, NULL, 0, 0, NULL,
	"File with the key of that certificate (superusers)."},
};

const ServerOption *
server_option_table(int *n)
{
	*n = lengthof(server_options);
	return server_options;
}

static const ServerOption *
find_option(const char *name)
{
	for (int i = 0; i < lengthof(server_options); i++)
		if (strcmp(server_options[i].name, name) == 0)
			return &server_options[i];
	elog(ERROR, "no option \"%s\"", name);
	return NULL;
}

/* Index of a value among an option's choices; -1: it is none. */
static int
choice_index(const ServerOption *def, const char *value)
{
	Size		len = strlen(value);
	int			i = 0;

	for (const char *c = def->choices;; i++)
	{
		const char *end = strchrnul(c, ',');

		if (end - c == len && strncmp(c, value, len) == 0)
			return i;
		if (*end == '\0')
			return -1;
		c = end + 1;
	}
}

/* "a, b, c" */
static char *
choices_text(const ServerOption *def)
{
	StringInfoData buf;

	initStringInfo(&buf);
	for (const char *c = def->choices; *c; c++)
		appendStringInfo(&buf, "%c%s", *c, *c == ',' ? " " : "");
	return buf.data;
}

/* libpq's mode "allow" is none of ours: prefer is the nearest that encrypts. */
static SslMode
ssl_mode_of(const char *value)
{
	int			i = value ? choice_index(find_option("ssl_mode"), value) : -1;

	return i >= 0 ? (SslMode) i : SSL_MODE_PREFER;
}

static char *
options_of(Oid catalog)
{
	StringInfoData buf;

	initStringInfo(&buf);
	for (int i = 0; i < lengthof(server_options); i++)
		if (server_options[i].catalog == catalog)
			appendStringInfo(&buf, "%s%s", buf.len ? ", " : "",
							 server_options[i].name);
	return buf.len ? buf.data : NULL;
}

/*
 * A socket file leads to servers that trust the operating system's account of
 * this one. A list would be gone through by each program that connects, and
 * where the first one ends up at is not where the next does.
 */
static void
check_host(Oid role, const char *host)
{
	if (host == NULL || superuser_arg(role))
		return;
	if (host[0] == '/' || host[0] == '@')
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to connect through a socket file"),
				 errhint("Give a host name or address, or ask a superuser.")));
	if (strpbrk(host, ",/@") != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to connect to \"%s\"", host),
				 errdetail("A list of hosts, or a host with \"/\" or \"@\", is for superusers."),
				 errhint("Give one host name or address.")));
}

static void
check_option(const ServerOption *def, const char *value)
{
	switch (def->type)
	{
		case SERVER_OPTION_TEXT:
			break;
		case SERVER_OPTION_INT:
			{
				char	   *end;
				long		n;

				errno = 0;
				n = strtol(value, &end, 10);
				if (errno != 0 || end == value || *end || n < def->min || n > def->max)
					ereport(ERROR,
							(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
							 errmsg("invalid value for option \"%s\": \"%s\"",
									def->name, value),
							 errhint("Valid values are %d .. %d.", def->min, def->max)));
				break;
			}
		case SERVER_OPTION_ENUM:
			if (choice_index(def, value) < 0)
				ereport(ERROR,
						(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
						 errmsg("invalid value for option \"%s\": \"%s\"",
								def->name, value),
						 errhint("Valid values are %s.", choices_text(def))));
			break;

			/*
			 * Files are read by the server process: naming one is a
			 * privilege, as it is in postgres_fdw.
			 */
		case SERVER_OPTION_FILE:
			if (!superuser())
				ereport(ERROR,
						(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						 errmsg("permission denied to set option \"%s\"", def->name),
						 errhint("Only superusers may name files that the server reads.")));
			break;
	}
	if (strcmp(def->name, "host") == 0)
		check_host(GetUserId(), value);
}

Datum
dtsmig_fdw_validator(PG_FUNCTION_ARGS)
{
	List	   *given = untransformRelOptions(PG_GETARG_DATUM(0));
	Oid			catalog = PG_GETARG_OID(1);
	ListCell   *lc;

	if (catalog == ForeignTableRelationId || catalog == AttributeRelationId)
	{
		fdw_table_validate(given, catalog);
		PG_RETURN_VOID();
	}
	foreach(lc, given)
	{
		DefElem    *def = lfirst(lc);
		const ServerOption *found = NULL;

		for (int i = 0; i < lengthof(server_options); i++)
			if (server_options[i].catalog == catalog &&
				strcmp(server_options[i].name, def->defname) == 0)
				found = &server_options[i];
		if (found == NULL)
		{
			char	   *valid = options_of(catalog);

			ereport(ERROR,
					(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
					 errmsg("invalid option \"%s\"", def->defname),
					 valid ? errhint("Valid options in this context are: %s.", valid) :
					 errhint("There are no valid options in this context.")));
		}
		check_option(found, defGetString(def));
	}
	PG_RETURN_VOID();
}

char *
fdw_option_value(List *options, const char *name)
{
	ListCell   *lc;

	foreach(lc, options)
	{
		DefElem    *def = lfirst(lc);

		if (strcmp(def->defname, name) == 0)
			return pstrdup(defGetString(def));
	}
	return NULL;
}

/* The value, or the table's default for this kind of server; 0: there is none. */
static int
option_int(List *options, const char *name, bool postgresql)
{
	const char *value = fdw_option_value(options, name);
	const char *other;

	if (value == NULL)
		value = find_option(name)->boot;
	if (value == NULL)
		return 0;
	other = strchr(value, ';');
	return atoi(postgresql && other ? other + 1 : value);
}

void
server_check_usage(const char *server_name, Oid role)
{
	Oid			server = get_foreign_server_oid(server_name, false);

	if (!DatumGetBool(DirectFunctionCall3(has_server_privilege_id_id,
										  ObjectIdGetDatum(role),
										  ObjectIdGetDatum(server),
										  CStringGetTextDatum("USAGE"))))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for foreign server %s", server_name),
				 errhint("GRANT USAGE ON FOREIGN SERVER %s TO %s;",
						 quote_identifier(server_name),
						 quote_identifier(GetUserNameFromId(role, false)))));
}

ConnectionInfo *
connection_info(const char *server_name, Oid role)
{
	ForeignServer *server = GetForeignServerByName(server_name, false);
	ForeignDataWrapper *fdw = GetForeignDataWrapper(server->fdwid);
	ConnectionInfo *info = palloc0(sizeof(ConnectionInfo));
	UserMapping *mapping;
	char	   *mode;

	bool		foreign = strcmp(fdw->fdwname, "postgres_fdw") == 0;
	bool		postgresql;

	if (strcmp(fdw->fdwname, "dtsmig_fdw") != 0 && !foreign)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("server \"%s\" is not a server of dtsmig_fdw or postgres_fdw",
						server_name)));
	server_check_usage(server_name, role);
	if (server->servertype == NULL && !foreign)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_ERROR),
				 errmsg("server \"%s\" has no type", server_name),
				 errhint("CREATE SERVER … TYPE 'mariadb' FOREIGN DATA WRAPPER dtsmig_fdw …")));
	mapping = GetUserMapping(role, server->serverid);

	info->server_name = pstrdup(server_name);
	info->server_type = pstrdup(foreign ? "postgresql" : server->servertype);
	postgresql = strcmp(info->server_type, "postgresql") == 0;
	info->host = fdw_option_value(server->options, "host");
	/* the server may be a superuser's, or one of postgres_fdw */
	check_host(role, info->host);
	check_host(role, fdw_option_value(server->options, "hostaddr"));
	info->port = option_int(server->options, "port", postgresql);
	info->dbname = fdw_option_value(server->options, "dbname");
	info->ssl_ca = fdw_option_value(server->options, foreign ? "sslrootcert" : "ssl_ca");
	info->connect_timeout = option_int(server->options, "connect_timeout",
									   postgresql);
	info->replication_server_id = option_int(server->options,
											 "replication_server_id", postgresql);
	mode = fdw_option_value(server->options, foreign ? "sslmode" : "ssl_mode");
	info->postgres_fdw = foreign;
	info->ssl_mode = ssl_mode_of(mode);

	/* without one its library looks at no certificate, and says nothing */
	if (!postgresql && info->ssl_mode == SSL_MODE_VERIFY_CA && info->ssl_ca == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
				 errmsg("ssl_mode verify-ca of server \"%s\" needs option ssl_ca",
						server_name),
				 errdetail("There is no certificate authority to verify the server's certificate by."),
				 errhint("ALTER SERVER %s OPTIONS (ADD ssl_ca '…'), as a superuser; or use verify-full, which takes the system's authorities.",
						 quote_identifier(server_name))));
	info->user = fdw_option_value(mapping->options, "user");
	info->password = fdw_option_value(mapping->options, "password");
	info->ssl_cert = fdw_option_value(mapping->options, foreign ? "sslcert" : "ssl_cert");
	info->ssl_key = fdw_option_value(mapping->options, foreign ? "sslkey" : "ssl_key");
	return info;
}

char *
foreign_server_type(const char *server_name)
{
	ForeignServer *server = GetForeignServerByName(server_name, true);

	if (server == NULL)
		return NULL;
	if (strcmp(GetForeignDataWrapper(server->fdwid)->fdwname, "postgres_fdw") == 0)
		return pstrdup("postgresql");
	return server->servertype;
}

ConnectionInfo *
task_connection(const TaskRecord *task, Oid role)
{
	ConnectionInfo *info = connection_info(task->source, role);
	TaskOptions *options;
	uint64		own[2];

	info->application = psprintf("dtsmig task " INT64_FORMAT, task->id);
	info->fenced = task->fenced;
	if (!task->do_incremental)
		return info;
	own[0] = GetSystemIdentifier();
	own[1] = MyDatabaseId;
	info->stream_name = psprintf("dts_sync_" INT64_FORMAT "_%08x", task->id,
								 DatumGetUInt32(hash_any((unsigned char *) own,
														 sizeof(own))));
	options = options_parse(task->options);
	info->own_changes = options->origin == ORIGIN_NONE;
	info->set_identity = options->replica_identity != REPLICA_IDENTITY_CHECK;
	info->set_identities = options->replica_identity == REPLICA_IDENTITY_SET_ALL;
	if (task->objects != NULL)
		info->stream_objects = JsonbToCString(NULL, &task->objects->root,
											  VARSIZE(task->objects));
	return info;
}

/* ------------------------------------------------------------------- URIs */

bool
is_connection_uri(const char *text)
{
	const char *colon = strstr(text, "://");

	return colon != NULL && colon > text &&
		strspn(text, "abcdefghijklmnopqrstuvwxyz+") == colon - text;
}

static void
bad_uri(const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid connection URI: %s", what),
			 errhint("Write it as mariadb://user:password@host:port/database.")));
}

/* Decodes %xx in a part of a URI; NULL if it is empty. */
static char *
uri_decode(const char *part, Size len)
{
	StringInfoData buf;

	if (len == 0)
		return NULL;
	initStringInfo(&buf);
	for (Size i = 0; i < len; i++)
	{
		if (part[i] != '%')
		{
			appendStringInfoChar(&buf, part[i]);
			continue;
		}
		if (i + 2 < len && isxdigit((unsigned char) part[i + 1]) &&
			isxdigit((unsigned char) part[i + 2]))
		{
			char		hex[3] = {part[i + 1], part[i + 2], 0};
			char		c = (char) strtol(hex, NULL, 16);

			if (c == '\0')
				bad_uri("%00 is not allowed");
			appendStringInfoChar(&buf, c);
			i += 2;
		}
		else
			bad_uri("a percent sign must be followed by two hexadecimal digits");
	}
	return buf.data;
}

static void
add_option(List **options, const char *name, char *value)
{
	if (value != NULL)
		*options = lappend(*options,
						   makeDefElem(pstrdup(name), (Node *) makeString(value), -1));
}

/* key=value&key=value: server options. */
static void
uri_query(const char *query, List **options)
{
	while (*query)
	{
		const char *end = strchrnul(query, '&');
		const char *eq = memchr(query, '=', end - query);

		if (eq == NULL)
			bad_uri("a parameter has no value");
		add_option(options, uri_decode(query, eq - query),
				   uri_decode(eq + 1, end - eq - 1));
		query = *end ? end + 1 : end;
	}
}

/* A name for the server that is not taken yet. */
static char *
free_server_name(const char *host, const char *dbname)
{
	char	   *base = psprintf("%s_%s", host ? host : "localhost",
								dbname ? dbname : "all");
	char	   *name;

	if (strlen(base) > NAMEDATALEN - 8)
		base[NAMEDATALEN - 8] = '\0';
	name = base;
	for (int i = 2; OidIsValid(get_foreign_server_oid(name, true)); i++)
		name = psprintf("%s_%d", base, i);
	return name;
}

char *
server_from_uri(const char *uri)
{
	const char *p = strstr(uri, "://");
	char	   *scheme = pnstrdup(uri, p - uri);
	const char *authority = p + 3;
	const char *path = authority + strcspn(authority, "/?");
	const char *at = NULL;
	const char *hostpart;
	const char *query = strchr(path, '?');
	const char *colon;
	char	   *host;
	char	   *dbname = NULL;
	List	   *server_opts = NIL;
	List	   *mapping_opts = NIL;
	CreateForeignServerStmt *cs = makeNode(CreateForeignServerStmt);
	CreateUserMappingStmt *cm = makeNode(CreateUserMappingStmt);

	if (strcmp(scheme, "postgres") == 0)
		scheme = "postgresql";
	if (strcmp(scheme, "mysql") != 0 && strcmp(scheme, "mariadb") != 0 &&
		strcmp(scheme, "postgresql") != 0)
		bad_uri(psprintf("scheme \"%s\" is none of mysql, mariadb and postgresql",
						 scheme));
	for (const char *c = authority; c < path; c++)
		if (*c == '@')
			at = c;
	hostpart = at ? at + 1 : authority;
	if (at)
	{
		colon = memchr(authority, ':', at - authority);
		add_option(&mapping_opts, "user",
				   uri_decode(authority, (colon ? colon : at) - authority));
		if (colon)
			add_option(&mapping_opts, "password",
					   uri_decode(colon + 1, at - colon - 1));
	}
	if (*hostpart == '[')
	{
		const char *close = memchr(hostpart, ']', path - hostpart);

		if (close == NULL)
			bad_uri("a bracket is not closed");
		host = uri_decode(hostpart + 1, close - hostpart - 1);
		colon = close + 1 < path && close[1] == ':' ? close + 1 : NULL;
	}
	else
	{
		colon = memchr(hostpart, ':', path - hostpart);
		host = uri_decode(hostpart, (colon ? colon : path) - hostpart);
	}
	add_option(&server_opts, "host", host);
	if (colon)
		add_option(&server_opts, "port", uri_decode(colon + 1, path - colon - 1));
	if (*path == '/')
	{
		const char *end = query ? query : path + strlen(path);

		dbname = uri_decode(path + 1, end - path - 1);
		add_option(&server_opts, "dbname", dbname);
	}
	if (query)
		uri_query(query + 1, &server_opts);

	cs->servername = free_server_name(host, dbname);
	cs->servertype = scheme;
	cs->fdwname = "dtsmig_fdw";
	cs->options = server_opts;
	CreateForeignServer(cs);
	CommandCounterIncrement();

	cm->user = makeNode(RoleSpec);
	cm->user->roletype = ROLESPEC_CURRENT_USER;
	cm->servername = cs->servername;
	cm->options = mapping_opts;
	CreateUserMapping(cm);
	CommandCounterIncrement();
	return cs->servername;
}
