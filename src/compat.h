/*-------------------------------------------------------------------------
 *
 * compat.h
 *	  Differences between PostgreSQL 15 and 18. The only file of dtsmig that
 *	  looks at PG_VERSION_NUM. Entries are alphabetical; each names the
 *	  change upstream that made it necessary.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_COMPAT_H
#define DTSMIG_COMPAT_H

#include "postgres.h"
#include "fmgr.h"
#include "parser/parse_type.h"
#include "utils/wait_event.h"
#if PG_VERSION_NUM >= 160000
#include "catalog/pg_class.h"
#include "nodes/miscnodes.h"
/* split off from postgres.h (d952373a987b) */
#include "varatt.h"
#endif

#if PG_VERSION_NUM < 150000 || PG_VERSION_NUM >= 190000
#error "dtsmig builds on PostgreSQL 15 to 18"
#endif

/*
 * Paths of foreign scans have restrictions that joins need since 17
 * (6f80a8d9c1d4), and a count of disabled nodes since 18 (e22253467942).
 */
#if PG_VERSION_NUM >= 180000
#define dts_foreign_path(root, rel, target, rows, startup, total, pathkeys, outer, private) \
	create_foreignscan_path(root, rel, target, rows, 0, startup, total, pathkeys, outer, NULL, \
							NIL, private)
#define dts_foreign_upper_path(root, rel, target, rows, startup, total, private) \
	create_foreign_upper_path(root, rel, target, rows, 0, startup, total, NIL, NULL, NIL, private)
#define dts_foreign_join_path(root, rel, rows, startup, total) \
	create_foreign_join_path(root, rel, NULL, rows, 0, startup, total, NIL, NULL, NULL, NIL, NIL)
#elif PG_VERSION_NUM >= 170000
#define dts_foreign_join_path(root, rel, rows, startup, total) \
	create_foreign_join_path(root, rel, NULL, rows, startup, total, NIL, NULL, NULL, NIL, NIL)
#define dts_foreign_path(root, rel, target, rows, startup, total, pathkeys, outer, private) \
	create_foreignscan_path(root, rel, target, rows, startup, total, pathkeys, outer, NULL, NIL, \
							private)
#define dts_foreign_upper_path(root, rel, target, rows, startup, total, private) \
	create_foreign_upper_path(root, rel, target, rows, startup, total, NIL, NULL, NIL, private)
#else
#define dts_foreign_join_path(root, rel, rows, startup, total) \
	create_foreign_join_path(root, rel, NULL, rows, startup, total, NIL, NULL, NULL, NIL)
#define dts_foreign_path(root, rel, target, rows, startup, total, pathkeys, outer, private) \
	create_foreignscan_path(root, rel, target, rows, startup, total, pathkeys, outer, NULL, private)
#define dts_foreign_upper_path(root, rel, target, rows, startup, total, private) \
	create_foreign_upper_path(root, rel, target, rows, startup, total, NIL, NULL, private)
#endif

/* Is a path key descending? A comparison has a type since 18 (8123e91f5aeb). */
#if PG_VERSION_NUM >= 180000
#define dts_pathkey_descends(pk) ((pk)->pk_cmptype == COMPARE_GT)
#else
#define dts_pathkey_descends(pk) ((pk)->pk_strategy == BTGreaterStrategyNumber)
#endif

/*
 * An SQL-callable function. Symbols are hidden unless exported; before 16
 * PG_FUNCTION_INFO_V1 did not export by itself (089480c07705).
 */
#define DTS_FUNCTION(name) \
	extern PGDLLEXPORT Datum name(PG_FUNCTION_ARGS); \
	PG_FUNCTION_INFO_V1(name)

/*
 * Arguments of ExecutorCheckPerms_hook, and what a statement needs of one
 * table. No longer in the range table since 16 (a61b1f74823c).
 */
#if PG_VERSION_NUM >= 160000
#define DTS_CHECK_PERMS_ARGS List *range_table, List *permissions, bool raise
#define DTS_CHECK_PERMS_PASS range_table, permissions, raise
#define dts_permission_is_table(p) true
typedef struct RTEPermissionInfo DtsPermission;
#else
#define DTS_CHECK_PERMS_ARGS List *permissions, bool raise
#define DTS_CHECK_PERMS_PASS permissions, raise
#define dts_permission_is_table(p) ((p)->rtekind == RTE_RELATION)
typedef struct RangeTblEntry DtsPermission;
#endif

/* EXPLAIN's functions for others have a header since 18 (9173e8b60461). */
#if PG_VERSION_NUM >= 180000
#define DTS_EXPLAIN_HEADER "commands/explain_format.h"
#define DTS_EXPLAIN_STATE_HEADER "commands/explain_state.h"
#else
#define DTS_EXPLAIN_HEADER "commands/explain.h"
#define DTS_EXPLAIN_STATE_HEADER "commands/explain.h"
#endif

/*
 * Whose rights a foreign scan has; InvalidOid: the current user's. In the plan
 * since 16 (599b33b9492d).
 */
#if PG_VERSION_NUM >= 160000
#define dts_foreign_scan_role(plan, estate) ((plan)->checkAsUser)
#else
#define dts_foreign_scan_role(plan, estate) \
	exec_rt_fetch((plan)->scan.scanrelid > 0 ? (plan)->scan.scanrelid : \
				  (Index) bms_next_member((plan)->fs_relids, -1), estate)->checkAsUser
#endif

/*
 * Whose rights a statement has on the table that it writes to; InvalidOid: the
 * current user's. While it is planned, and run. Apart from the range table since 16
 * (a61b1f74823c).
 */
#if PG_VERSION_NUM >= 160000
#define dts_target_role(root, rte) \
	((rte)->perminfoindex == 0 ? InvalidOid : \
	 getRTEPermissionInfo((root)->parse->rteperminfos, rte)->checkAsUser)
#define dts_result_role(rinfo, estate) ExecGetResultRelCheckAsUser(rinfo, estate)
#else
#define dts_target_role(root, rte) ((rte)->checkAsUser)
#define dts_result_role(rinfo, estate) \
	exec_rt_fetch((rinfo)->ri_RangeTableIndex > 0 ? (rinfo)->ri_RangeTableIndex : \
				  (rinfo)->ri_RootResultRelInfo->ri_RangeTableIndex, estate)->checkAsUser
#endif

/*
 * int64_div_fast_to_numeric() is wrong for a scale that is a multiple of four,
 * or above nine, before 15.2 (found by the tests of types).
 */
#define DTS_INT64_DIV_TO_NUMERIC (PG_VERSION_NUM >= 150002)

/*
 * May a role SET ROLE to another? Membership alone gave that before 16
 * (3d14e171e9e2).
 */
#if PG_VERSION_NUM >= 160000
#define dts_member_can_set_role(member, role) member_can_set_role(member, role)
#else
#define dts_member_can_set_role(member, role) is_member_of_role(member, role)
#endif

/* Wait events of extensions have names since 17 (c9af054653077). */
#if PG_VERSION_NUM >= 170000
#define dts_new_wait_event(name) WaitEventExtensionNew(name)
#else
#define dts_new_wait_event(name) ((void) (name), PG_WAIT_EXTENSION)
#endif

/*
 * Type and typmod by SQL text; *typid is InvalidOid where there is no such
 * type. Errors are softened by a context since 16 (858e776c84f4).
 */
static inline void
dts_parse_type(const char *text, Oid *typid, int32 *typmod)
{
#if PG_VERSION_NUM >= 160000
	ErrorSaveContext context = {T_ErrorSaveContext};

	if (!parseTypeString(text, typid, typmod, (Node *) &context))
		*typid = InvalidOid;
#else
	parseTypeString(text, typid, typmod, true);
#endif
}

/* Ownership of a table. One function for all classes since 16 (afbfc02983f8). */
#if PG_VERSION_NUM >= 160000
#define dts_table_ownercheck(relid, roleid) \
	object_ownercheck(RelationRelationId, relid, roleid)
#else
#define dts_table_ownercheck(relid, roleid) \
	pg_class_ownercheck(relid, roleid)
#endif

/* Errors of this are softened by a context since 16 (b8da37b3ad70). */
#if PG_VERSION_NUM >= 160000
#define dts_qualified_name_list(text) stringToQualifiedNameList(text, NULL)
#else
#define dts_qualified_name_list(text) stringToQualifiedNameList(text)
#endif

/* A state that several processes share, since 16 (216a784829c2). */
#if PG_VERSION_NUM >= 160000
#define dts_replorigin_session_setup(node) replorigin_session_setup(node, 0)
#else
#define dts_replorigin_session_setup(node) replorigin_session_setup(node)
#endif

/*
 * Written in front of a declaration; the attribute's macro has gone in 18
 * (28f04984f0c2).
 */
#if PG_VERSION_NUM < 180000
#define pg_noreturn pg_attribute_noreturn()
#endif

#if PG_VERSION_NUM < 150000
/* 88103567cb8f: a prefix of settings is reserved */
#define MarkGUCPrefixReserved(prefix) EmitWarningsOnPlaceholders(prefix)
#endif

#endif							/* DTSMIG_COMPAT_H */
