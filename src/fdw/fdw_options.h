/*-------------------------------------------------------------------------
 *
 * fdw_options.h
 *	  Servers of dtsmig_fdw: their options, user mappings and URIs.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_FDW_OPTIONS_H
#define DTSMIG_FDW_OPTIONS_H

#include "postgres.h"
#include "store/task.h"
#include "client/connection.h"

typedef enum ServerOptionType
{
	SERVER_OPTION_TEXT,
	SERVER_OPTION_INT,			/* range min .. max */
	SERVER_OPTION_ENUM,			/* one of choices */
	SERVER_OPTION_FILE			/* that the server reads; for superusers */
} ServerOptionType;

/*
 * An option of CREATE SERVER or CREATE USER MAPPING. The table of these is
 * read by the validator, by whoever connects, and by dtsmig.server_options.
 */
typedef struct ServerOption
{
	const char *name;
	Oid			catalog;		/* ForeignServerRelationId, UserMappingRelationId */
	ServerOptionType type;
	const char *boot;			/* default, or NULL; "of MySQL; of PostgreSQL" */
	int			min;
	int			max;
	const char *choices;		/* ENUM: comma-separated */
	const char *description;
} ServerOption;

/* The table; *n is set to its length. */
extern const ServerOption *server_option_table(int *n);

/*
 * The option of that name, of a list of DefElem: palloc'd; NULL if there is
 * none.
 */
extern char *fdw_option_value(List *options, const char *name);

/* Raises 42501 unless the role has USAGE on the server, 42704 if there is none. */
extern void server_check_usage(const char *server_name, Oid role);

/*
 * How the role reaches a server: its options and the role's user mapping.
 * Raises 42501 unless the role has USAGE on the server, 42704 if it has no
 * user mapping or there is no such server. palloc'd.
 */
extern ConnectionInfo *connection_info(const char *server_name, Oid role);

/* The type of a server (see source_routine); NULL if there is none. */
extern char *foreign_server_type(const char *server_name);

/*
 * The same for the source of a task, with the name of what the task keeps
 * at the source if it follows changes: one for each task of each destination.
 */
extern ConnectionInfo *task_connection(const TaskRecord *task, Oid role);

/* True if text is a URI (scheme://…) rather than the name of a server. */
extern bool is_connection_uri(const char *text);

/*
 * Makes a server and a user mapping for the current user from a URI
 * (mysql://user:password@host:port/dbname?ssl_mode=require). The server is
 * named after host and database; returns its name, palloc'd. No message
 * contains the URI, as it holds a password.
 */
extern char *server_from_uri(const char *uri);

#endif							/* DTSMIG_FDW_OPTIONS_H */
