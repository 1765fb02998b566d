/*
 * unused.c
 *	  Functions of the server and of other files that the worker's files call
 *	  and that do nothing here, or give what a run without rules, throttles and
 *	  rights to ask for gives. Without the headers that declare them.
 */
#include <stdio.h>
#include <stdlib.h>

#define NOTHING(name) extern long name(void); long name(void) { return 0; }
#define ONE(name) extern long name(void); long name(void) { return 1; }
#define TEXT(name, text) extern const char *name(void); const char *name(void) { return text; }
#define NEVER(name) extern void name(void); \
	void name(void) { printf("%s is called\n", #name); abort(); }

/* snapshots, settings, SPI */
NOTHING(ActiveSnapshotSet)
NOTHING(AtEOXact_GUC)
TEXT(GetConfigOption, "150000")
NOTHING(escape_json)
NOTHING(one_statement_runs_by)
NOTHING(one_statement_is_elsewhere)
NEVER(select_one_value)
NOTHING(GetTransactionSnapshot)
NOTHING(CommandCounterIncrement)
ONE(GetUserId)
ONE(NewGUCNestLevel)
NOTHING(PopActiveSnapshot)
NOTHING(PushActiveSnapshot)
ONE(SPI_connect)
NOTHING(SPI_finish)
NOTHING(SPI_freeplan)
TEXT(SPI_result_code_string, "")
NOTHING(SetConfigOption)
NOTHING(SetCurrentStatementStartTimestamp)
NOTHING(XLogFlush)
NOTHING(apply_settings_begin)
NOTHING(apply_settings_end)
NOTHING(apply_stmt_init)
NOTHING(check_stack_depth)
NOTHING(loose_check)
NOTHING(task_is_row_error)
NOTHING(pgstat_report_stat)
NOTHING(set_config_option)
NEVER(ProcessConfigFile)

/* descriptors of rows: of one column each */
char		TTSOpsMinimalTuple[256];
NOTHING(TupleDescInitEntry)
NOTHING(TupleDescInitEntryCollation)
TEXT(format_type_be_qualified, "bigint")
NEVER(slot_getsomeattrs_int)
extern char get_rel_relkind(void);
char
get_rel_relkind(void)
{
	return 'r';
}

/* processes */
int			max_parallel_maintenance_workers = 0;
ONE(LockAcquire)
NOTHING(ResetLatch)
NOTHING(SetLatch)
NEVER(XactLockTableWait)
NOTHING(before_shmem_exit)
NOTHING(dts_wait_event)
NOTHING(guard_begin)
NOTHING(guard_end)
NEVER(list_delete_ptr)
NOTHING(s_lock)
NOTHING(shared_forget_rates)
NOTHING(shared_heartbeat)
NOTHING(shared_stay_alive)
NOTHING(task_tick)
NOTHING(throttle_pay)
NOTHING(throttle_take)
NOTHING(throttle_wait)
NOTHING(worker_init)
NOTHING(worker_search_path)
NOTHING(worker_session)

/* the task */
TEXT(alert_raise, "an alert")
NEVER(store_note_old)
NEVER(object_log_failed)
NOTHING(local_forget_mark)
NOTHING(local_mark_changes)
NOTHING(local_mark_copy)
NOTHING(local_bind_to_compare)
NOTHING(local_refuses_table)
NOTHING(plan_options)
NEVER(run_pre_data)
NEVER(run_precheck)
NEVER(run_read_schema)
NOTHING(task_advance_sequences)
NOTHING(task_log_event)
TEXT(task_origin_name, "model")
NOTHING(task_set_throttles)
NOTHING(task_report_skipped)
NOTHING(err_generic_string)
NOTHING(error_place_context)
NOTHING(error_place_reset)
NOTHING(error_place_set_skippable)
NEVER(left_forget)
NOTHING(left_make_room)
NOTHING(trouble_program_ran)
NOTHING(trouble_resume_is_due)
NOTHING(trouble_waits)
NEVER(task_commit_labels)
NEVER(task_spi_script)
NEVER(types_leave_for_later)
TEXT(unpack_sql_state, "00000")
NOTHING(verify_pin_settings)
NOTHING(watch_rest)
/* no way back */
NOTHING(source_check_local)
NOTHING(take_up_clear)
NEVER(store_source_opened)
/* CATALOG_FITS */
extern int	store_state(void);
int
store_state(void)
{
	return 3;
}

/* definitions do not change */
NEVER(dest_catalog_select)
NEVER(dest_catalog_columns)
NEVER(dest_catalog_find)
NEVER(plan_name)

/* rules */
NOTHING(selection_has)
NOTHING(selection_parse)
NOTHING(selection_schemas)
NOTHING(selection_shape)
NOTHING(shape_columns)
NEVER(shape_freeze)
NOTHING(shape_leaves_out)
NEVER(shape_open)
NOTHING(shape_plan_change)
NOTHING(plan_new_table)
ONE(shard_is_alone)
NOTHING(shard_own_rows)
NEVER(task_apply_shaped)
NOTHING(task_leaves_out)
NOTHING(task_truncate_own)
