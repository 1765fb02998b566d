/*-------------------------------------------------------------------------
 *
 * my_error.c
 *	  Error numbers of MySQL-family servers and clients as SQLSTATEs of PostgreSQL.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "client/my_error.h"

/* What a server sends as an SQLSTATE may be anything. */
static bool
is_state(const char *state)
{
	return state != NULL && strlen(state) == 5 &&
		strspn(state, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 5;
}

const char *
my_shown_state(const char *state)
{
	return is_state(state) ? state : "?";
}

/* Maps an error of the source to an SQLSTATE. */
int
my_sqlerrcode(unsigned int err, const char *state)
{
	switch (err)
	{
		case 1044:				/* access denied for user to database */
		case 1142:				/* command denied to user for table */
		case 1143:
		case 1227:				/* need the … privilege */
			return ERRCODE_INSUFFICIENT_PRIVILEGE;
		case 1045:				/* access denied for user */
		case 1698:
		case 1862:
			return ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION;
		case 1049:				/* unknown database */
			return ERRCODE_UNDEFINED_DATABASE;
		case 1054:
			return ERRCODE_UNDEFINED_COLUMN;
		case MY_ER_NO_SUCH_TABLE:
			return ERRCODE_UNDEFINED_TABLE;
		case 1053:				/* server shutdown in progress */
		case 1927:				/* connection was killed */
		case 1317:				/* query execution was interrupted */
		case 2006:				/* server has gone away */
		case 2013:				/* lost connection */
		case 2055:
			return ERRCODE_CONNECTION_FAILURE;
		case 1040:				/* too many connections */
		case 1203:
		case 2002:
		case 2003:
		case 2005:
		case 2012:
		case 2026:				/* TLS */
			return ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION;
		case 1020:				/* a row has changed since the snapshot */
		case 1412:				/* DDL since it */
			return ERRCODE_T_R_SERIALIZATION_FAILURE;
		case 1205:				/* lock wait timeout */
			return ERRCODE_LOCK_NOT_AVAILABLE;
		case 1213:				/* deadlock */
			return ERRCODE_T_R_DEADLOCK_DETECTED;
		case 1290:				/* read_only */
		case 1836:
			return ERRCODE_READ_ONLY_SQL_TRANSACTION;
		case 1062:				/* duplicate entry */
		case 1586:
			return ERRCODE_UNIQUE_VIOLATION;
		case 1216:				/* no such row, or there are rows that point to it */
		case 1217:
		case 1451:
		case 1452:
			return ERRCODE_FOREIGN_KEY_VIOLATION;
		case 1048:
			return ERRCODE_NOT_NULL_VIOLATION;
		case 1265:				/* data truncated */
		case 1364:				/* no default value */
		case 1366:				/* incorrect value */
			return ERRCODE_DATA_EXCEPTION;
		case 3819:
		case 4025:
			return ERRCODE_CHECK_VIOLATION;
		case 1021:				/* disk full */
		case 1114:				/* the table is full */
			return ERRCODE_DISK_FULL;
		case 1526:				/* no partition for a value */
		case 1748:				/* … of those that are named */
			return ERRCODE_CHECK_VIOLATION;
		case 1153:				/* larger than max_allowed_packet */
		case 2020:
			return ERRCODE_PROGRAM_LIMIT_EXCEEDED;
		case 1007:
			return ERRCODE_DUPLICATE_SCHEMA;
		case 1050:
			return ERRCODE_DUPLICATE_TABLE;
		case 1060:
			return ERRCODE_DUPLICATE_COLUMN;
		case 1061:
		case 1359:
		case 1826:
		case 3822:
			return ERRCODE_DUPLICATE_OBJECT;
		case 1068:				/* a second primary key */
			return ERRCODE_INVALID_TABLE_DEFINITION;
		case 1304:
			return ERRCODE_DUPLICATE_FUNCTION;
		case 1236:				/* the binlog asked for can't be read */
			return ERRCODE_UNDEFINED_FILE;
	}
	if (is_state(state) && strcmp(state, "HY000") != 0 && strncmp(state, "00", 2) != 0)
		return MAKE_SQLSTATE(state[0], state[1], state[2], state[3], state[4]);
	return ERRCODE_FDW_ERROR;
}
