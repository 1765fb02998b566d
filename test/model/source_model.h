/*
 * source_model.h
 *	  What source.c, which makes histories, and source_routine.c, which reports
 *	  them as an engine does, know of each other.
 */
#ifndef SOURCE_MODEL_H
#define SOURCE_MODEL_H

#include "model.h"

typedef struct MOp
{
	int			table;
	ChangeKind	kind;
	bool		no_cascade;
	MRow		old;
	MRow		new;
} MOp;

typedef enum TxnKind
{
	TX_ROWS,
	TX_VOID,					/* in the log, and rolled back */
	TX_REWRITE					/* DDL that gives all rows of table other values */
} TxnKind;

typedef struct MTxn
{
	TxnKind		what;
	int			table;
	int			nops;
	MOp			ops[MAX_OPS];
	uint64		begin;			/* its place in the log */
	uint64		end;
	bool		visible;
	bool		void_seen;		/* by the process that reads the log */
} MTxn;

extern MTxn *source_txn(int i);
extern const MTable *source_visible(void);
extern void source_position_now(char *text);
extern void source_position_visible(char *text);
extern void source_position_text(char *text, uint64 place, const uint64 *set);
extern void position_read(const char *text, uint64 *place, uint64 *set);
extern bool source_is_before(int txn, uint64 place, const uint64 *set);
extern uint64 source_log_end(void);
extern void source_show_table(int table);
extern void source_confirm(const char *position);
/* source_routine.c */
extern void stream_reset(void);

#endif							/* SOURCE_MODEL_H */
