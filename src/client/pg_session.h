/*-------------------------------------------------------------------------
 *
 * pg_session.h
 *	  The settings of a session at a PostgreSQL source.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_PG_SESSION_H
#define DTSMIG_PG_SESSION_H

#include "client/pg_conn.h"

/*
 * As startup options, for sessions of this library and of pg_dump: they hold
 * before anything runs in it. What not every version knows, or not every
 * account may set, is set by pg_prepare_session; lc_monetary, too, so that its
 * default there can be read (see pg_money.c).
 */
#define PG_SESSION_OPTIONS \
	"-c search_path= -c datestyle=ISO,MDY -c timezone=UTC -c intervalstyle=postgres " \
	"-c extra_float_digits=3 -c bytea_output=hex -c statement_timeout=0 " \
	"-c lock_timeout=0 -c idle_in_transaction_session_timeout=0 " \
	"-c default_transaction_isolation=read\\ committed -c xmloption=content " \
	"-c xmlbinary=base64 -c row_security=off -c standard_conforming_strings=on " \
	"-c transform_null_equals=off -c quote_all_identifiers=off -c array_nulls=on " \
	"-c gin_fuzzy_search_limit=0 -c lc_numeric=C -c lc_time=C"

/*
 * Sets what values and rows depend on, and reads it back. Raises 55000 where a
 * setting stays another, with the SQL for the source as a hint.
 */
extern void pg_prepare_session(PgConn *conn);

#endif							/* DTSMIG_PG_SESSION_H */
