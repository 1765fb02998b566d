/*-------------------------------------------------------------------------
 *
 * ddl_settings.h
 *	  Settings of a session on which the meaning of a DDL statement depends:
 *	  how literals in it are read, and what casts to text, to_char and the like
 *	  make of rows that it writes again.
 *
 * A PostgreSQL source's capture records them with each statement, and they are
 * set around it at the destination. Both sides take them from this list, so
 * that nothing else is set here because the source says so.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_DDL_SETTINGS_H
#define DTSMIG_DDL_SETTINGS_H

/* NULL ends it. Those that a version does not know are recorded as null. */
extern const char *const ddl_setting_names[];

#endif							/* DTSMIG_DDL_SETTINGS_H */
