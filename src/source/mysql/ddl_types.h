/*-------------------------------------------------------------------------
 *
 * ddl_types.h
 *	  Words for types in the MySQL family's SQL, for ddl_parse_column.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_DDL_TYPES_H
#define DTSMIG_DDL_TYPES_H

typedef enum TypeShape
{
	SHAPE_PLAIN,
	SHAPE_INTEGER,				/* (width) UNSIGNED ZEROFILL */
	SHAPE_DECIMAL,				/* (precision, scale) UNSIGNED ZEROFILL */
	SHAPE_FLOAT,				/* (precision) or (digits, scale) */
	SHAPE_BIT,					/* (bits) */
	SHAPE_CHAR,					/* (length) and a character set */
	SHAPE_BINARY,				/* (length) */
	SHAPE_TEXT,					/* (length) and a character set */
	SHAPE_BLOB,					/* (length) */
	SHAPE_LABELS,				/* ('a', 'b') and a character set */
	SHAPE_FSP,					/* (fractional digits) */
	SHAPE_YEAR,
	SHAPE_VECTOR
} TypeShape;

typedef struct TypeWord
{
	const char *word;
	const char *base;
	TypeShape	shape;
	int64		length;			/* without one in parentheses */
	int			width;			/* shown of an integer, signed … */
	int			unsigned_width; /* … and unsigned */
} TypeWord;

static const TypeWord type_words[] = {
	{"tinyint", "tinyint", SHAPE_INTEGER, 0, 4, 3},
	{"int1", "tinyint", SHAPE_INTEGER, 0, 4, 3},
	{"smallint", "smallint", SHAPE_INTEGER, 0, 6, 5},
	{"int2", "smallint", SHAPE_INTEGER, 0, 6, 5},
	{"mediumint", "mediumint", SHAPE_INTEGER, 0, 9, 8},
	{"int3", "mediumint", SHAPE_INTEGER, 0, 9, 8},
	{"middleint", "mediumint", SHAPE_INTEGER, 0, 9, 8},
	{"int", "int", SHAPE_INTEGER, 0, 11, 10},
	{"integer", "int", SHAPE_INTEGER, 0, 11, 10},
	{"int4", "int", SHAPE_INTEGER, 0, 11, 10},
	{"bigint", "bigint", SHAPE_INTEGER, 0, 20, 20},
	{"int8", "bigint", SHAPE_INTEGER, 0, 20, 20},
	{"decimal", "decimal", SHAPE_DECIMAL},
	{"dec", "decimal", SHAPE_DECIMAL},
	{"numeric", "decimal", SHAPE_DECIMAL},
	{"fixed", "decimal", SHAPE_DECIMAL},
	{"number", "decimal", SHAPE_DECIMAL},
	{"float", "float", SHAPE_FLOAT},
	{"float4", "float", SHAPE_FLOAT},
	{"double", "double", SHAPE_FLOAT},
	{"float8", "double", SHAPE_FLOAT},
	{"real", "double", SHAPE_FLOAT},
	{"bit", "bit", SHAPE_BIT},
	{"char", "char", SHAPE_CHAR, 1},
	{"character", "char", SHAPE_CHAR, 1},
	{"nchar", "char", SHAPE_CHAR, 1},
	{"varchar", "varchar", SHAPE_CHAR, 1},
	{"varcharacter", "varchar", SHAPE_CHAR, 1},
	{"varchar2", "varchar", SHAPE_CHAR, 1},
	{"nvarchar", "varchar", SHAPE_CHAR, 1},
	{"binary", "binary", SHAPE_BINARY, 1},
	{"varbinary", "varbinary", SHAPE_BINARY, 1},
	{"raw", "varbinary", SHAPE_BINARY, 1},
	{"tinytext", "tinytext", SHAPE_TEXT, 255},
	{"text", "text", SHAPE_TEXT, 65535},
	{"mediumtext", "mediumtext", SHAPE_TEXT, 16777215},
	{"longtext", "longtext", SHAPE_TEXT, INT64CONST(4294967295)},
	{"clob", "longtext", SHAPE_TEXT, INT64CONST(4294967295)},
	{"tinyblob", "tinyblob", SHAPE_BLOB, 255},
	{"blob", "blob", SHAPE_BLOB, 65535},
	{"mediumblob", "mediumblob", SHAPE_BLOB, 16777215},
	{"longblob", "longblob", SHAPE_BLOB, INT64CONST(4294967295)},
	{"enum", "enum", SHAPE_LABELS},
	{"set", "set", SHAPE_LABELS},
	{"date", "date", SHAPE_PLAIN},
	{"time", "time", SHAPE_FSP},
	{"datetime", "datetime", SHAPE_FSP},
	{"timestamp", "timestamp", SHAPE_FSP},
	{"year", "year", SHAPE_YEAR},
	{"uuid", "uuid", SHAPE_PLAIN},
	{"inet4", "inet4", SHAPE_PLAIN},
	{"inet6", "inet6", SHAPE_PLAIN},
	{"vector", "vector", SHAPE_VECTOR},
	{"geometry", "geometry", SHAPE_PLAIN},
	{"geometrycollection", "geometrycollection", SHAPE_PLAIN},
	{"geomcollection", "geometrycollection", SHAPE_PLAIN},
	{"point", "point", SHAPE_PLAIN},
	{"linestring", "linestring", SHAPE_PLAIN},
	{"polygon", "polygon", SHAPE_PLAIN},
	{"multipoint", "multipoint", SHAPE_PLAIN},
	{"multilinestring", "multilinestring", SHAPE_PLAIN},
	{"multipolygon", "multipolygon", SHAPE_PLAIN},
};

#endif							/* DTSMIG_DDL_TYPES_H */
