/*-------------------------------------------------------------------------
 *
 * pg_secrets.h
 *	  Passwords in definitions of a PostgreSQL source.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_PG_SECRETS_H
#define DTSMIG_PG_SECRETS_H

#include "postgres.h"

/*
 * CREATE SUBSCRIPTION or CREATE USER MAPPING as pg_dump writes it, without
 * passwords: it is stored, and shown. NULL: it has none.
 */
extern char *pg_without_secrets(const char *sql);

#endif							/* DTSMIG_PG_SECRETS_H */
