/*-------------------------------------------------------------------------
 *
 * my_value_impl.h
 *	  What the files behind my_values.h share.
 *
 * A value takes one of three ways, each a function pointer of its column:
 *
 *	  text protocol -> Datum				my_values_text.c
 *	  text protocol -> field of COPY		my_values_copy.c
 *	  bytes of the binlog -> Datum			my_values_binlog.c
 *
 * A pair of source and destination types that has no function of its own in
 * a way takes the general one: COPY makes the Datum and calls the type's send
 * function; the binlog's bytes are put into the form of the text protocol;
 * and text goes through the type's input function.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_MY_VALUE_IMPL_H
#define DTSMIG_MY_VALUE_IMPL_H

#include "postgres.h"
#include "fmgr.h"
#include "lib/stringinfo.h"

#include "compat.h"
#include "core/policy.h"
#include "core/relation.h"
#include "schema/model.h"
#include "source/mysql/binlog_value.h"
#include "source/mysql/my_charset.h"
#include "source/mysql/my_values.h"

typedef enum MyKind
{
	MY_INT,						/* TINYINT to BIGINT, YEAR */
	MY_DECIMAL,
	MY_FLOAT,
	MY_DOUBLE,
	MY_BIT,
	MY_DATE,
	MY_DATETIME,
	MY_TIMESTAMP,
	MY_TIME,
	MY_TEXT,					/* CHAR to LONGTEXT, with a character set */
	MY_BINARY,					/* BINARY to LONGBLOB */
	MY_ENUM,
	MY_SET,
	MY_JSON,					/* also MariaDB's */
	MY_UUID,
	MY_INET,
	MY_GEOMETRY,
	MY_VECTOR
} MyKind;

/* One member of an ENUM or SET. */
typedef struct MyLabel
{
	char	   *text;			/* in the database's encoding */
	char	   *utf8;			/* as the text protocol has it */
	int			len;			/* of utf8 */
	Oid			oid;			/* of the enum value; InvalidOid: not looked up */
} MyLabel;

/* A false result is SQL NULL. */
typedef bool (*MyTextToDatum) (MyColumn *c, const uint8 *data, Size len,
							   Datum *value);
typedef void (*MyTextToCopy) (MyColumn *c, const uint8 *data, Size len,
							  StringInfo buf);
typedef bool (*MyBinlogToDatum) (MyColumn *c, const uint8 *data, Size len,
								 Datum *value);

typedef bool (*MyIntToDatum) (MyColumn *c, int64 i, Datum *value);

struct MyTable;

struct MyColumn
{
	MyTextToDatum text_datum;	/* NULL: column not replicated */
	MyTextToCopy text_copy;
	MyBinlogToDatum binlog;		/* NULL: not bound yet */
	int			index;			/* into rel->columns */
	MyKind		kind;
	struct MyTable *table;
	SourceColumn *col;
	TableColumn *def;
	TypePolicy *policy;

	MyIntToDatum put_int;		/* destinations boolean and int2 to int8 */
	bool		is_enum;		/* destination is an enum type */
	bool		textlike;		/* destination has text's representation */
	bool		scale_typmod;	/* Datum must be fitted to col->typmod */
	bool		has_empty_label;	/* '' is a member of the ENUM */
	int64		zero_value;		/* what zero dates become under
								 * ZERO_DATE_LITERAL, as the type's number */
	MyLabel    *labels;
	int			nlabels;
	MyCharset  *charset;		/* of the binlog's bytes; NULL: binary */
	int			pad_to;			/* bytes that the binlog cuts 0x00 from */
	uint8		int_type;		/* MY_INT: its type in the binlog */
	bool		is_blob;		/* TEXT and BLOB types, not CHAR and BINARY */

	BinlogColumn wire;			/* as bound */

	FmgrInfo	infn;			/* of the destination type */
	Oid			inparam;
	Oid			code;			/* reading a value runs code of this role (see
								 * table_owner_of_domain) */
	FmgrInfo	sendfn;
	FmgrInfo	outfn;
	Oid			typelem;		/* of an array type */
};

/* What the columns of a relation share; also what error messages need. */
typedef struct MyTable
{
	SourceRelation *rel;
	MemoryContext rowcxt;		/* garbage of my_row_to_copy; reset each row */
	MyColumn   *columns;		/* rel->ncolumns */
	MyColumn  **replicated;
	int			nreplicated;
	BinlogColumn *bound;		/* the TABLE_MAP bound last; NULL: none */
	int			nbound;

	/* where the reader is, for the error context */
	MyColumn   *current;
	const uint8 *packet;
	Size		packet_len;
	Row		   *row;
} MyTable;

/*
 * my_row_to_copy sees to it that buf has room for the value's length and as
 * many bytes more before it calls a MyTextToCopy; one that writes more makes
 * room for it.
 */
#define MY_COPY_ROOM 96

/* my_values_text.c */
extern MyTextToDatum my_choose_text(MyColumn *c);
extern const uint8 *my_clean_text(MyColumn *c, const uint8 *data, Size *len);
extern const uint8 *my_clean_json(MyColumn *c, const uint8 *data, Size *len);
extern bool my_text_datum(MyColumn *c, const uint8 *data, Size len,
						  Datum *value);
extern bool my_text_json(MyColumn *c, const uint8 *data, Size len,
						 Datum *value);
extern bool my_enum_zero(MyColumn *c);
extern bool my_label_datum(MyColumn *c, int index, Datum *value);
extern MyLabel *my_find_label(MyColumn *c, const uint8 *data, Size len);
extern bool my_int_datum_bool(MyColumn *c, int64 i, Datum *value);
extern bool my_int_datum_int2(MyColumn *c, int64 i, Datum *value);
extern bool my_int_datum_int4(MyColumn *c, int64 i, Datum *value);
extern bool my_int_datum_int8(MyColumn *c, int64 i, Datum *value);
extern int64 my_text_int(MyColumn *c, const uint8 *data, Size len);
extern Datum my_interval_datum(MyColumn *c, const MyTemporal *t);
extern void my_load_label(MyColumn *c, MyLabel *label);
pg_noreturn extern void my_bad_value(MyColumn *c, const uint8 *data, Size len);
pg_noreturn extern void my_out_of_range(MyColumn *c, const char *value);

/* my_values_copy.c */
extern MyTextToCopy my_choose_copy(MyColumn *c);
extern void my_put_numeric(MyColumn *c, const uint8 *data, Size len,
						   StringInfo buf);

/* my_values_binlog.c */
extern MyBinlogToDatum my_choose_binlog(MyColumn *c);

/* my_values_default.c: as the text protocol has it; NULL: not known */
extern const char *my_default_text(const TableColumn *def, Size *len);

/* my_values_json.c */
extern bool my_binlog_json(MyColumn *c, const uint8 *data, Size len,
						   Datum *value);
extern bool my_binlog_json_diffs(MyColumn *c, const uint8 *before,
								 Size before_len, const uint8 *diffs,
								 Size diffs_len, Datum *value);

/* my_temporal.c */
extern bool my_parse_date(const uint8 *p, Size len, MyTemporal *t);
extern bool my_parse_datetime(const uint8 *p, Size len, MyTemporal *t);
extern bool my_parse_time(const uint8 *p, Size len, MyTemporal *t);
/*
 * As the numbers of date and timestamp, with the policy for zero and
 * impossible dates; false: NULL.
 */
extern bool my_temporal_date(MyColumn *c, const MyTemporal *t, int32 *out);
extern bool my_temporal_timestamp(MyColumn *c, const MyTemporal *t,
								  int64 *out);
extern int64 my_temporal_time(MyColumn *c, const MyTemporal *t);
extern int64 my_temporal_interval(const MyTemporal *t);
extern void my_prepare_zero_date(MyColumn *c);
/* fits a Datum of a temporal type to the destination's precision */
extern Datum my_scale_temporal(MyColumn *c, Datum value);

/* my_push.c: sets rel->pushed */
extern void my_push_filter(SourceRelation *rel);
extern const struct PushDialect my_push_dialect;

/* Names the table and the column in an error. */
#define MY_ERR_COLUMN(c) \
	err_generic_string(PG_DIAG_TABLE_NAME, (c)->table->rel->name), \
	err_generic_string(PG_DIAG_COLUMN_NAME, (c)->col->name)

/* my_special.c: BIT, UUID, INET, GEOMETRY, VECTOR, SET */
extern bool my_uuid_parse(const uint8 *data, Size len, uint8 out[16]);
extern bool my_inet4_parse(const uint8 *data, Size len, uint8 out[4]);
extern Datum my_uuid_datum(const uint8 bytes[16]);
extern Datum my_inet_datum(const uint8 *bytes, int n);
extern Datum my_bit_datum(MyColumn *c, const uint8 *data, Size len);
extern uint64 my_bit_value(MyColumn *c, const uint8 *data, Size len);
extern Datum my_bytea_datum(const uint8 *data, Size len);
extern void my_geometry_wkb(MyColumn *c, const uint8 **data, Size *len,
							uint32 *srid);
extern Datum my_vector_datum(MyColumn *c, const uint8 *data, Size len);
extern Datum my_set_datum(MyColumn *c, const uint8 *data, Size len);
/* text that the destination type's input function reads; NUL-terminated */
extern char *my_text_form(MyColumn *c, const uint8 *data, Size len);

#endif							/* DTSMIG_MY_VALUE_IMPL_H */
