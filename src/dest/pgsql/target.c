/*-------------------------------------------------------------------------
 *
 * target.c
 *	  Finds the table at the server elsewhere that receives a relation, and
 *	  what its columns are.
 *
 * A type that is built into PostgreSQL has the same OID, and the same binary
 * form, on both sides: its values travel as what they are. Of any other (an
 * enum, a composite type, one of an extension) nothing is known in this
 * database: values travel as text and are cast there. A domain's values are
 * those of its base type.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/pg_type.h"
#include "dest/bind.h"
#include "dest/pgsql/pgsql.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

/* An OID below this is of the same object in every server. */
#define FIRST_FREE_OID 10000

/*
 * Is it the type of that name in this database, with values that mean the same
 * at the destination?
 */
static bool
is_known(Oid typid, const char *name)
{
	HeapTuple	tup;
	bool		same;

	/* their values are OIDs of what the server there has */
	if (typid >= FIRST_FREE_OID || strncmp(name, "reg", 3) == 0 ||
		strncmp(name, "_reg", 4) == 0)
		return false;
	tup = SearchSysCache1(TYPEOID, ObjectIdGetDatum(typid));
	if (!HeapTupleIsValid(tup))
		return false;
	same = strcmp(NameStr(((Form_pg_type) GETSTRUCT(tup))->typname), name) == 0 &&
		((Form_pg_type) GETSTRUCT(tup))->typtype == TYPTYPE_BASE;
	ReleaseSysCache(tup);
	return same;
}

/* The columns of the table, its base types found. */
static PgResult *
read_columns(PgConn *conn, const char *qualified)
{
	return pg_selectf(conn, "columns of a table", "tibtoitttt",
					  "WITH RECURSIVE base(attnum, typid, typmod, depth) AS ("
					  "SELECT a.attnum, a.atttypid, a.atttypmod, 0 FROM pg_catalog.pg_attribute a "
					  "WHERE a.attrelid = %s::pg_catalog.regclass AND a.attnum > 0 AND NOT a.attisdropped "
					  "UNION ALL SELECT b.attnum, t.typbasetype, "
					  "CASE WHEN b.typmod = -1 THEN t.typtypmod ELSE b.typmod END, b.depth + 1 "
					  "FROM base b JOIN pg_catalog.pg_type t ON t.oid = b.typid WHERE t.typtype = 'd') "
					  "SELECT a.attname, a.attnum, a.attnotnull, %s, b.typid, b.typmod, t.typname, "
					  "pg_catalog.format_type(a.atttypid, -1), pg_catalog.format_type(b.typid, b.typmod), "
					  "a.attidentity::pg_catalog.text || CASE WHEN b.depth > 0 THEN 'd' ELSE '-' END || "
					  "CASE WHEN t.typtype = 'e' OR t.typreceive::pg_catalog.oid IN "
					  "('pg_catalog.textrecv'::pg_catalog.regproc, 'pg_catalog.varcharrecv'::pg_catalog.regproc) "
					  "OR t.typname = 'citext' THEN 't' ELSE '-' END "
					  "FROM pg_catalog.pg_attribute a JOIN base b ON b.attnum = a.attnum "
					  "JOIN pg_catalog.pg_type t ON t.oid = b.typid AND t.typtype <> 'd' "
					  "WHERE a.attrelid = %s::pg_catalog.regclass ORDER BY a.attnum",
					  pg_quote_literal(qualified),
					  pg_version_num(conn) >= 120000 ? "a.attgenerated::pg_catalog.text" : "''",
					  pg_quote_literal(qualified));
}

static int
find_column(const PgResult *r, const char *name)
{
	for (int i = 0; i < r->nrows; i++)
		if (strcmp(pg_text(r, i, 0), name) == 0)
			return i;
	return -1;
}

/* generated: of columns that are generated there. */
static void
bind_column(SourceRelation *rel, PgTarget *target, int c, const PgResult *r,
			bool generated)
{
	SourceColumn *col = &rel->columns[c];
	PgTargetColumn *tc = &target->columns[c];
	int			i;
	Oid			base;
	const char *flags;
	bool		domain;
	bool		varlena;

	bind_clear_column(col);
	if (col->target_name == NULL)
		return;
	i = find_column(r, col->target_name);
	if (i < 0)
		bind_refuse_missing_column(rel, col);
	col->generated = pg_text(r, i, 3)[0] != '\0';
	if (col->generated && !generated)
		return;

	base = pg_oid(r, i, 4);
	flags = pg_text(r, i, 9);
	/* attidentity is empty where it is none */
	tc->identity_always = flags[0] == 'a' && strlen(flags) == 3;
	flags += strlen(flags) - 2;
	domain = flags[0] == 'd';
	col->replicated = true;
	col->target_attnum = (AttrNumber) pg_bigint(r, i, 1);
	col->target_not_null = pg_bool(r, i, 2);
	tc->name = pg_quote_name(col->target_name);
	tc->type = pg_text(r, i, 7);
	tc->full_type = pg_text(r, i, 8);
	tc->known = is_known(base, pg_text(r, i, 6));
	if (tc->known)
	{
		col->typid = base;
		col->typmod = (int32) pg_bigint(r, i, 5);
		tc->alien = domain;
	}
	else
	{
		col->typid = TEXTOID;
		tc->alien = true;
		tc->text_only = flags[1] != 't';
		target->text_only |= tc->text_only;
	}
	col->collation = get_typcollation(col->typid);
	get_typlenbyval(col->typid, &col->typlen, &col->typbyval);
	getTypeOutputInfo(col->typid, &target->out_func[c], &varlena);
	if (tc->identity_always && !col->in_key)
		target->any_identity_always = true;
}

/* The indexes by which rows are found. */
static void
read_indexes(PgConn *conn, SourceRelation *rel, PgTarget *target)
{
	const char *nkeys = pg_version_num(conn) >= 110000 ? "i.indnkeyatts" : "i.indnatts";
	StringInfoData key;
	PgResult   *r;

	initStringInfo(&key);
	for (int i = 0; i < rel->nkey; i++)
		appendStringInfo(&key, "%s%d", i > 0 ? "," : "",
						 rel->columns[rel->key[i]].target_attnum);
	r = pg_selectf(conn, "indexes of a table", "bbbb",
				   "WITH x AS (SELECT i.indisunique, i.indimmediate, %s AS n, "
				   "ARRAY(SELECT k FROM pg_catalog.unnest((i.indkey::pg_catalog.int2[])[0:%d]) k ORDER BY 1) "
				   "OPERATOR(pg_catalog.=) ARRAY(SELECT k FROM pg_catalog.unnest('{%s}'::pg_catalog.int2[]) k ORDER BY 1) AS leads "
				   "FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid "
				   "JOIN pg_catalog.pg_am a ON a.oid = c.relam AND a.amname = 'btree' "
				   "WHERE i.indrelid = %s::pg_catalog.regclass AND i.indisvalid AND i.indpred IS NULL AND %s >= %d) "
				   "SELECT COALESCE(pg_catalog.bool_or(leads), false), "
				   "COALESCE(pg_catalog.bool_or(leads AND indisunique AND indimmediate AND n = %d), false), "
				   "EXISTS (SELECT 1 FROM pg_catalog.pg_index i WHERE i.indrelid = %s::pg_catalog.regclass AND i.indisunique), "
				   "EXISTS (SELECT 1 FROM pg_catalog.pg_constraint c WHERE c.contype = 'f' "
				   "AND c.confrelid = %s::pg_catalog.regclass AND c.conrelid <> c.confrelid) FROM x",
				   nkeys, rel->nkey - 1, key.data, pg_quote_literal(target->qualified),
				   nkeys, rel->nkey, rel->nkey, pg_quote_literal(target->qualified),
				   pg_quote_literal(target->qualified));
	target->key_index = rel->nkey > 0 && pg_bool(r, 0, 0);
	target->arbiter = rel->nkey > 0 && pg_bool(r, 0, 1);
	target->any_unique = pg_bool(r, 0, 2);
	target->referenced = pg_bool(r, 0, 3);
}

/*
 * Columns by which a row is on this server or that, which UPDATE cannot change, or
 * would change where the row is: to another node of Citus or Greenplum, or to
 * another partition than the foreign table that it is in.
 */
static PgResult *
placing_columns(PgConn *conn, const PgTarget *target)
{
	const char *table = pg_quote_literal(target->qualified);

	if (session_is_citus())
		return pg_selectf(conn, "distribution column of a table", "T",
						  "SELECT pg_catalog.column_to_column_name(logicalrelid, partkey) "
						  "FROM pg_catalog.pg_dist_partition WHERE logicalrelid = %s::pg_catalog.regclass",
						  table);
	if (session_is_greenplum())
		return pg_selectf(conn, "distribution columns of a table", "T",
						  "SELECT a.attname FROM pg_catalog.gp_distribution_policy p "
						  "JOIN pg_catalog.pg_attribute a ON a.attrelid = p.localoid "
						  "AND a.attnum = ANY (p.distkey::pg_catalog.int2[]) "
						  "WHERE p.localoid = %s::pg_catalog.regclass", table);
	if (!target->partitioned)
		return NULL;
	/* of an expression nothing is known: then it is all */
	return pg_selectf(conn, "partition columns of a table", "T",
					  "WITH tree AS (SELECT relid FROM pg_catalog.pg_partition_tree(%s::pg_catalog.regclass)), "
					  "k AS (SELECT p.partrelid, pg_catalog.unnest(p.partattrs::pg_catalog.int2[]) AS attnum "
					  "FROM pg_catalog.pg_partitioned_table p WHERE p.partrelid IN (SELECT relid FROM tree)) "
					  "SELECT DISTINCT a.attname FROM k JOIN pg_catalog.pg_attribute a ON a.attrelid = k.partrelid "
					  "AND CASE WHEN k.attnum = 0 THEN a.attnum > 0 AND NOT a.attisdropped ELSE a.attnum = k.attnum END "
					  "WHERE EXISTS (SELECT 1 FROM tree t JOIN pg_catalog.pg_class c ON c.oid = t.relid "
					  "AND c.relkind = 'f')", table);
}

static void
read_placing(PgConn *conn, const SourceRelation *rel, PgTarget *target)
{
	PgResult   *r = placing_columns(conn, target);

	for (int row = 0; r != NULL && row < r->nrows; row++)
	{
		const char *name = pg_text_or_null(r, row, 0);

		for (int i = 0; name != NULL && i < rel->ncolumns; i++)
		{
			const SourceColumn *col = &rel->columns[i];

			if (col->target_name == NULL || strcmp(col->target_name, name) != 0)
				continue;
			target->columns[i].places = true;
			target->any_identity_always |= col->replicated && !col->in_key;
		}
	}
}

/* Greenplum's tables that are appended to have no ON CONFLICT. */
static bool
is_appended_to(PgConn *conn, const PgTarget *target)
{
	const char *table = pg_quote_literal(target->qualified);

	return session_is_greenplum() &&
		pg_select_bool(conn, "access method of a table",
					   psprintf("SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_class c "
								"JOIN pg_catalog.pg_am a ON a.oid = c.relam AND a.amname <> 'heap' "
								"WHERE c.oid = %s::pg_catalog.regclass OR c.oid IN "
								"(SELECT relid FROM pg_catalog.pg_partition_tree(%s::pg_catalog.regclass)))",
								table, table));
}

/* relkind, or '\0': there is none of that name. *reason: why it takes no rows. */
static char
kind_of(PgConn *conn, const char *schema, const char *name, char **reason)
{
	PgResult   *r = pg_selectf(conn, "kind of a table", "t",
							   "SELECT c.relkind::pg_catalog.text FROM pg_catalog.pg_class c "
							   "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
							   "WHERE n.nspname = %s AND c.relname = %s",
							   pg_quote_literal(schema), pg_quote_literal(name));
	char		kind = r->nrows > 0 ? pg_char(r, 0, 0) : '\0';

	*reason = NULL;
	switch (kind)
	{
		case '\0':
		case 'r':
		case 'p':
			break;
		case 'v':
			*reason = "It is a view.";
			break;
		case 'm':
			*reason = "It is a materialized view.";
			break;
		case 'f':
			*reason = "It is a foreign table.";
			break;
		default:
			*reason = "It is no table.";
			break;
	}
	return kind;
}

char *
target_refuses(const char *schema, const char *table, char **hint)
{
	char	   *reason;

	(void) kind_of(session_use(), schema, table, &reason);
	*hint = reason ? "Rename it, or choose another name with a rule in the task's objects." : NULL;
	return reason;
}

static void
bind_relation(SourceRelation *rel, bool generated)
{
	PgConn	   *conn = session_use();
	MemoryContext old = MemoryContextSwitchTo(rel->cxt);
	PgTarget   *target = palloc0(sizeof(PgTarget));
	char	   *reason;
	char		kind = kind_of(conn, rel->target_schema, rel->target_name, &reason);
	PgResult   *r;

	if (kind == '\0')
		bind_refuse_missing_table(rel);
	if (reason != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("\"%s.%s\" at the destination takes no rows",
						rel->target_schema, rel->target_name),
				 errdetail("%s", reason),
				 ERR_SOURCE_TABLE(rel)));
	target->qualified = pg_quote_qualified(rel->target_schema, rel->target_name);
	target->partitioned = kind == 'p';
	target->columns = palloc0(sizeof(PgTargetColumn) * Max(rel->ncolumns, 1));
	target->out_func = palloc0(sizeof(Oid) * Max(rel->ncolumns, 1));
	r = read_columns(conn, target->qualified);
	rel->target_relid = InvalidOid;
	for (int i = 0; i < rel->ncolumns; i++)
		bind_column(rel, target, i, r, generated);

	bind_check_key(rel);
	read_indexes(conn, rel, target);
	read_placing(conn, rel, target);
	target->arbiter = target->arbiter && session_has_on_conflict() && !is_appended_to(conn, target);
	rel->bound = target;
	MemoryContextSwitchTo(old);
}

/* See DestRoutine. A transaction is open. */
void
target_bind(SourceRelation *rel)
{
	bind_relation(rel, false);
}

void
target_bind_to_compare(SourceRelation *rel)
{
	bind_relation(rel, true);
}
