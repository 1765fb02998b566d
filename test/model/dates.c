/*
 * dates.c
 *	  zero_dates.c of the worker, as it is, whose variables each simulated
 *	  process has for itself.
 */
#include "model.h"

#include "worker/zero_dates.c"

void
dates_save(Dates *dates)
{
	dates->table = waiting_table;
	dates->columns = waiting_columns;
}

void
dates_restore(const Dates *dates)
{
	waiting_table = dates->table;
	waiting_columns = dates->columns;
}
