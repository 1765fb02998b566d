/*-------------------------------------------------------------------------
 *
 * connection.h
 *	  How to reach a server: read from CREATE SERVER and CREATE USER MAPPING
 *	  (or from a URI) by the fdw room. Never printed: it holds the password.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_CONNECTION_H
#define DTSMIG_CONNECTION_H

#include "postgres.h"

typedef enum SslMode
{
	SSL_MODE_PREFER,			/* TLS if the server has it (default) */
	SSL_MODE_DISABLE,
	SSL_MODE_REQUIRE,			/* TLS, certificate not looked at */
	SSL_MODE_VERIFY_CA,
	SSL_MODE_VERIFY_FULL
} SslMode;

typedef struct ConnectionInfo
{
	char	   *server_name;	/* of CREATE SERVER, for messages */
	char	   *server_type;	/* mysql, mariadb, postgresql */
	char	   *host;
	char	   *hostaddr;		/* where a connection was made to, as text; NULL: by
								 * the name alone */
	int			port;
	char	   *user;
	char	   *password;		/* NULL: none */
	char	   *dbname;			/* NULL: none chosen */
	bool		postgres_fdw;	/* a server of that wrapper, not of dtsmig_fdw */
	SslMode		ssl_mode;
	char	   *ssl_ca;
	char	   *ssl_cert;
	char	   *ssl_key;
	int			connect_timeout;	/* seconds */
	uint32		replication_server_id;	/* 0: chosen by dtsmig */
	char	   *application;	/* shown at the source; NULL: "dtsmig" */
	char	   *stream_name;	/* of what a task keeps at the source (slot,
								 * publication); NULL: nothing */
	char	   *stream_objects; /* the task's rules, JSON, for what is made at the
								 * source later; NULL: everything is taken */
	bool		set_identity;	/* tables without a replica identity get one that
								 * is the whole row; … */
	bool		set_identities; /* … and so do those that have one */
	bool		writes;			/* rows may be written over it, too: an UPDATE counts
								 * those that it finds */
	bool		own_changes;	/* changes that the source has received by
								 * replication are left out */
	char	   *server_uid;		/* SourceIdentity's: no other server will do;
								 * NULL: any */
	char	   *keep_from;		/* a position from which changes are going to be
								 * read again: a stream confirms nothing that
								 * lies after it; NULL: none */
	bool		fenced;			/* a cutover has made it read-only, for others */
	int			own_pid;		/* of this process, where the server is that which it
								 * runs in: it is none of those that write; 0 */
} ConnectionInfo;

/* Statements that this process has sent to sources, replication apart. */
extern uint64 source_statements;

#endif							/* DTSMIG_CONNECTION_H */
