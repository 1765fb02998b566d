/*-------------------------------------------------------------------------
 *
 * dest.h
 *	  The seam at which destination engines meet the rest. An engine is a
 *	  DestRoutine; it knows relations and changes, nothing of their source.
 *
 * Calls between begin and commit happen inside one destination transaction,
 * which the engine starts and ends itself. Errors leave by ereport; the caller
 * then calls abort and goes on from the last committed position.
 *
 * A destination elsewhere has a transaction of its own, which follows that of
 * this process: it begins with the first thing that is done at the destination,
 * has a savepoint for each subtransaction, and commits just before. What it has
 * done stands in its ledger, which is the truth where that of this process has
 * not committed any more (see claim, recorded).
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_DEST_H
#define DTSMIG_DEST_H

#include "postgres.h"
#include "lib/stringinfo.h"

#include "client/connection.h"
#include "core/change.h"
#include "core/policy.h"
#include "core/relation.h"
#include "schema/check_sql.h"

typedef struct DestWriter DestWriter;	/* applies changes */

typedef struct DestOptions
{
	int64		batch_rows;		/* flush after so many changes … */
	int64		batch_bytes;	/* … or so many bytes */
	bool		overwrite;		/* conflict mode "ignore": an INSERT of a row
								 * that exists overwrites it, an UPDATE of one
								 * that is not inserts it */
	bool		changed_only;	/* an UPDATE writes the columns that it changes, where
								 * the old row says which: others may hold what no
								 * value of PostgreSQL is */
} DestOptions;

/*
 * Hands out the next bytes of a COPY (FORMAT binary) body: appends whole rows
 * to buf; false when there are no more.
 */
typedef bool (*LoadProducer) (void *arg, StringInfo buf);

/*
 * Called inside the transaction of a commit, just before it commits: writes
 * the applied position into the catalog.
 */
typedef void (*PositionWriter) (void *arg);

/* What a load does about rows that exist already. */
typedef enum LoadMode
{
	LOAD_APPEND,				/* there are none of the same key */
	LOAD_REPLACE,				/* the table is emptied first, in the same
								 * transaction: this load is the whole table */
	LOAD_KEEP					/* a row of a key that is there is left out */
} LoadMode;

/* Where an engine finds its destination, and what it keeps at it. */
typedef struct DestPlace
{
	const ConnectionInfo *info;
	const char *task;			/* what the ledger calls the task */
	const char *ledger_schema;
	const char *search_path;	/* for definitions; "": pg_catalog alone */
	const TypePolicy *policy;	/* for values that it cannot hold */
	bool		keeps_ledger;	/* it is made if it does not exist; false: nothing
								 * is written but by statements */
	bool		one_call;		/* it is left with the transaction */
	bool		way_back;		/* the task has been the source of another before */
} DestPlace;

/* A copy with all that it points to, in the current context. */
extern DestPlace *dest_place_copy(const DestPlace *place);

/* What a destination is; palloc'd. */
typedef struct DestIdentity
{
	char	   *product;
	char	   *version;
	int			version_num;
	char	   *account;
	char	   *database;
	bool		disables_triggers; /* triggers and foreign keys are disabled while
								 * rows are written */
	bool		tls;
} DestIdentity;

/*
 * What a destination does with a scratch table, whatever it calls itself.
 * empty_…: is an empty string that arrives in that way NULL?
 */
typedef struct DestProbe
{
	char	   *missing;		/* why no such table could be made: nothing is known
								 * then but of empty strings; NULL: it was made */
	bool		undoes_copy;	/* rows of COPY are rolled back with their transaction */
	bool		undoes_definitions;
	bool		undoes_truncate;
	bool		savepoints;
	bool		temporary_tables;
	bool		deferrable;		/* constraints can be */
	bool		sequences;
	bool		on_conflict;	/* DO NOTHING, and DO UPDATE of what is not in the key */
	bool		on_conflict_key;	/* … of what is, too */
	bool		empty_copy;
	bool		empty_parameter;
	bool		empty_literal;
} DestProbe;

typedef struct DestRows DestRows;	/* rows that are read at the destination */

/* What a column at a destination elsewhere is. */
typedef struct DestColumn
{
	char	   *name;
	char	   *type;
	bool		not_null;
	bool		identity;
	bool		generated;
	bool		has_default;
	char	   *expression;		/* of PostgreSQL: of the default, or what it is generated
								 * by; NULL */
} DestColumn;

/* An index at a destination elsewhere. */
typedef struct DestKey
{
	List	   *columns;		/* char *; an expression is "" */
	bool		unique;
} DestKey;

/* A foreign key at a destination elsewhere that is in force. */
typedef struct DestForeignKey
{
	char	   *name;
	char	   *table;			/* quoted */
	char	   *orphan;			/* the query for a row without its parent, as text */
	bool		readable;		/* the account may read the table it refers to */
	bool		of_one;			/* one role owns both, or may be the task's owner */
} DestForeignKey;

/*
 * What the catalog of a destination that is no PostgreSQL says of a table, by the
 * names that it has there.
 */
typedef struct DestCatalogRoutine
{
	List	   *(*columns) (const char *schema, const char *table); /* DestColumn *; NIL: no such
																	 * table */
	/* DestKey * */
	List	   *(*keys) (const char *schema, const char *table);
	/* DestForeignKey * */
	List	   *(*foreign_keys) (const char *schema, const char *table);
	/* char *: triggers by their names */
	List	   *(*triggers) (const char *schema, const char *table);
} DestCatalogRoutine;

/*
 * What a verification asks of a destination elsewhere. Each answer is of one
 * snapshot, which has all that is committed at the destination, and holds no lock longer
 * than it is read. rel is bound; its out is what the table there has.
 *
 * Where the destination has values in a form of its own (a timestamp without its
 * zone, JSON as its server writes it), text and next_texts are there: rows are
 * compared as texts, those of the source in the form that they have at the destination.
 */
typedef struct DestCheckRoutine
{
	/*
	 * The table in its SQL, for check_sql.h; forms: of each column, as the
	 * source writes it, digest: the source's. number and bucket are NULL where
	 * the server cannot make them.
	 */
	CheckTable *(*table) (const SourceRelation *rel, const CheckForm *forms,
						  CheckDigest digest);
	/* The table alone, for FROM or DELETE FROM. */
	char	   *(*from) (const SourceRelation *rel);
	/*
	 * Runs a SELECT of check_sql.h: CheckSum *. NULL: it has no sums, and all rows
	 * are compared.
	 */
	List	   *(*sums) (const char *sql);
	/* The value that a SELECT gives; NULL: none. */
	char	   *(*value) (const char *sql);
	/*
	 * The condition for rows of a key, values as their types' output in this
	 * database, or as text below. NULL: these are none of the source's types.
	 */
	char	   *(*key) (const SourceRelation *rel, char *const *key);

	/* Rows that meet the condition (NULL: all), n columns of rel->out alone. */
	DestRows   *(*open_rows) (const SourceRelation *rel, const int *columns, int n,
							  const char *condition);
	/*
	 * The next one, rel->out->ncolumns values in the current context; false:
	 * there is none. NULL: see next_texts.
	 */
	bool		(*next_row) (DestRows *rows, Datum *values, bool *nulls);
	void		(*close_rows) (DestRows *rows);

	/* The same as texts that can be compared with those that text gives. */
	bool		(*next_texts) (DestRows *rows, char **values);
	/*
	 * A value of the source, not NULL, as the destination has it; NULL: as NULL.
	 * NULL: values are compared as their types write them.
	 */
	char	   *(*text) (const SourceRelation *rel, int column, Datum value);

	/*
	 * As what the destination would keep an expression, as the default of a table's
	 * column (quoted names) or what it is generated by; NULL: it does not take it.
	 */
	char	   *(*expression) (const char *table, const char *column, const char *type,
							   const char *expr, bool generated);
	/*
	 * A query of what its catalog has, in the transaction that is open: char **,
	 * as many as shape has letters (see client/pg_result.h). NULL: it is not
	 * PostgreSQL's, and asked by catalog.
	 */
	List	   *(*select) (const char *name, const char *shape, const char *sql);
	const DestCatalogRoutine *catalog;
} DestCheckRoutine;

typedef struct DestRoutine
{
	const char *engine;			/* "local" */

	/*
	 * The destination is another server. Its types need not be known in this
	 * database: values of those travel as text.
	 */
	bool		elsewhere;
	/* It is of the MySQL family, and so is the SQL that it takes. */
	bool		mysql_sql;
	/* NULL: it is this database. */
	const DestCheckRoutine *check;

	/*
	 * From now on this process works for the destination at that place: all
	 * that it binds, loads and writes goes to it, and the statements of
	 * core/one_statement.h. There is one at a time.
	 */
	void		(*attach) (const DestPlace *place);
	/* Not any more; what is not committed at the destination is given up. */
	void		(*detach) (void);
	void		(*identify) (DestIdentity *id);
	/* The first value of a query's first row, palloc'd; NULL: none. */
	char	   *(*value) (const char *sql);
	/*
	 * Tries it out, over a session of its own, on a table that nobody else has and
	 * that is dropped again. NULL: what the destination can is known by its kind.
	 */
	void		(*probe) (DestProbe *probe);

	/*
	 * A piece of work (key) that is done once at the destination begins, in the
	 * transaction that is open: NULL. Or it has been done, and committed: what
	 * was recorded of it then. Waits for a transaction that is doing it.
	 */
	char	   *(*claim) (const char *key);
	/* What was recorded of one, committed; NULL: it is not done. */
	char	   *(*recorded) (const char *key);
	/*
	 * Has one of a key that begins so been claimed, be it done or not? NULL:
	 * statements that change definitions commit with their transaction.
	 */
	bool		(*begun) (const char *key);
	/* It is to be done again. */
	void		(*unclaim) (const char *key);
	/* What is to be known of a piece of work that was claimed. */
	void		(*record) (const char *key, const char *value);
	/* The position of the source's log that has been committed; NULL: none. */
	char	   *(*position) (void);
	/* Commits with the transaction that is open. */
	void		(*set_position) (const char *position);
	/* The task is over: nothing of it needs to be known any more. */
	void		(*forget_task) (void);

	/*
	 * Joins a relation with its table at the destination: fills target_relid
	 * and the target part of the columns. Raises an error that names the
	 * table or column that does not exist, and 0A000 for what cannot take rows
	 * (see refuses_table).
	 */
	void		(*bind_relation) (SourceRelation *rel);
	/*
	 * The same of a relation whose rows are compared and never written: columns
	 * that the destination generates are included.
	 */
	void		(*bind_to_compare) (SourceRelation *rel);
	/*
	 * Why rows cannot be written to the table of this name, a sentence, with
	 * what to do as *hint; NULL: they can, or there is no such table.
	 */
	char	   *(*refuses_table) (const char *schema, const char *table,
								  char **hint);

	/*
	 * SQL that takes all rows out of a table, whose name is quoted as in
	 * PostgreSQL, and can be rolled back; NULL: TRUNCATE does.
	 */
	char	   *(*empty_sql) (const char *table);

	/*
	 * Loads rows into a relation's table within the current transaction;
	 * returns how many were stored.
	 */
	uint64		(*load) (SourceRelation *rel, LoadProducer producer, void *arg,
						 LoadMode mode);

	/*
	 * What this process writes from now on is marked as replicated, under this
	 * name, for whoever follows the destination in turn. Within a transaction.
	 * Returns why it cannot be; NULL: it is.
	 */
	char	   *(*mark_changes) (const char *name);
	/*
	 * The same of the rows that this process loads, one of several that do, if
	 * the name is known already.
	 */
	void		(*mark_copy) (const char *name);
	/* The name is not needed any more; nobody uses it. Within a transaction. */
	void		(*forget_mark) (const char *name);

	DestWriter *(*open) (const DestOptions *options);
	/*
	 * All relations that may come, for cascades: after open, and again after a
	 * commit when they change. They live until the next call, or close.
	 */
	void		(*set_relations) (DestWriter *writer, SourceRelation **rels,
								  int nrels);
	/* Context for the values of rows of the next change. */
	MemoryContext (*row_context) (DestWriter *writer);
	/*
	 * Takes a row change or TRUNCATE. May flush, if the batch is full: then
	 * the row context has been reset on return.
	 */
	void		(*change) (DestWriter *writer, const Change *change);
	/*
	 * Writes what is gathered, and leaves the transaction open (it is begun if
	 * there is none): for what else belongs between rows.
	 */
	void		(*flush) (DestWriter *writer);
	/* Flushes, calls write_position, commits durably. */
	void		(*commit) (DestWriter *writer, PositionWriter write_position,
						   void *arg);
	/* Forgets everything since the last commit; safe after any error. */
	void		(*abort) (DestWriter *writer);
	void		(*close) (DestWriter *writer);
} DestRoutine;

extern const DestRoutine local_dest_routine;
extern const DestRoutine pgsql_dest_routine;
extern const DestRoutine mysql_dest_routine;
extern const DestRoutine mariadb_dest_routine;

/* The engine that writes to the database which this process is connected to. */
#define DEST_LOCAL "local"
/* Engines that write to another server: its type. */
#define DEST_PGSQL "postgresql"
#define DEST_MYSQL "mysql"
#define DEST_MARIADB "mariadb"

/* An engine by its name; raises an error for an unknown one. */
extern const DestRoutine *dest_routine(const char *engine);
/* The same; NULL: there is none of this name. */
extern const DestRoutine *dest_routine_or_null(const char *engine);

#endif							/* DTSMIG_DEST_H */
