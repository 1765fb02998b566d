/*-------------------------------------------------------------------------
 *
 * mysql_func_json.c
 *	  JSON functions in the expression translator.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <ctype.h>

#include "utils/builtins.h"

#include "schema/mysql_expr_internal.h"

/* A path of members and array positions, as a quoted text[]; NULL: other. */
static char *
path_array(const char *path)
{
	StringInfoData buf;
	const char *p = path;

	if (*p++ != '$')
		return NULL;
	initStringInfo(&buf);
	appendStringInfoChar(&buf, '{');
	while (*p != '\0')
	{
		StringInfoData part;

		initStringInfo(&part);
		if (*p == '.' && p[1] == '"')
		{
			for (p += 2; *p != '"'; p++)
			{
				if (*p == '\0' || *p == '\\')
					return NULL;
				appendStringInfoChar(&part, *p);
			}
			p++;
		}
		else if (*p == '.')
		{
			p++;
			while (isalnum((unsigned char) *p) || *p == '_' || *p == '$' ||
				   IS_HIGHBIT_SET(*p))
				appendStringInfoChar(&part, *p++);
		}
		else if (*p == '[')
		{
			p++;
			while (isdigit((unsigned char) *p))
				appendStringInfoChar(&part, *p++);
			if (*p++ != ']')
				return NULL;
		}
		else
			return NULL;
		if (part.len == 0)
			return NULL;
		appendStringInfoString(&buf, buf.len > 1 ? ",\"" : "\"");
		for (char *c = part.data; *c != '\0'; c++)
		{
			if (*c == '"' || *c == '\\')
				appendStringInfoChar(&buf, '\\');
			appendStringInfoChar(&buf, *c);
		}
		appendStringInfoChar(&buf, '"');
	}
	appendStringInfoChar(&buf, '}');
	return quote_literal_cstr(buf.data);
}

/* jsonb or json: the prefix of the functions for a document. */
static const char *
type_of(MyVal doc)
{
	return doc.col != NULL && strcmp(doc.col->pg_type, "json") == 0 ?
		"json" : "jsonb";
}

/*
 * A member as text, as JSON_UNQUOTE gives it: a null of JSON is the text
 * null at the source.
 */
static MyVal
unquote(MyExpr *x, MyVal v)
{
	MyVal		result;

	if (v.json_doc == NULL)
	{
		my_expr_fail(x, "JSON_UNQUOTE of what is not JSON_EXTRACT");
		return v;
	}
	result = my_val(psprintf("(CASE WHEN %s_typeof(%s #> %s) = 'null' THEN 'null' ELSE %s #>> %s END)",
							 type_of(v), v.json_doc, v.json_path, v.json_doc,
							 v.json_path), PGC_TEXT);
	my_expr_note(x, "objects and arrays inside JSON are written with other spacing");
	return result;
}

MyVal
my_json_extract(MyExpr *x, MyVal doc, MyVal path, bool text)
{
	MyVal		v;
	char	   *array = path.is_string ? path_array(path.literal) : NULL;

	if (array == NULL)
	{
		my_expr_fail(x, "a JSON path other than members and positions");
		return doc;
	}
	if (doc.cls != PGC_JSON && doc.cls != PGC_UNKNOWN)
	{
		my_expr_fail(x, "JSON inside a column that is not JSON");
		return doc;
	}
	v = my_val(psprintf("(%s #> %s)", doc.sql, array), PGC_JSON);
	v.json_doc = doc.sql;
	v.json_path = array;
	v.col = doc.col;
	return text ? unquote(x, v) : v;
}

/* JSON_VALUE: a scalar as text; objects, arrays and null give NULL. */
static MyVal
json_value(MyExpr *x, MyVal doc, MyVal path)
{
	MyVal		v = my_json_extract(x, doc, path, false);

	if (x->why != NULL)
		return v;
	/* MariaDB writes true and false as 1 and 0 */
	return my_val(psprintf("(CASE %s_typeof(%s) WHEN 'object' THEN NULL WHEN 'array' THEN NULL"
						   " WHEN 'boolean' THEN CASE %s #>> %s WHEN 'true' THEN '1' ELSE '0' END"
						   " ELSE %s #>> %s END)",
						   type_of(v), v.sql, v.json_doc, v.json_path,
						   v.json_doc, v.json_path), PGC_TEXT);
}

/* JSON_OBJECT and JSON_ARRAY of literals are what defaults are made of. */
static bool
json_build(MyExpr *x, const char *name, MyVal *args, int nargs, MyVal *result)
{
	bool		object = pg_strcasecmp(name, "json_object") == 0;
	StringInfoData sql;

	if (nargs == 0)
	{
		*result = my_val(object ? "'{}'::jsonb" : "'[]'::jsonb", PGC_JSON);
		return true;
	}
	if (my_expr_immutable(x))
	{
		my_expr_fail(x, "%s", name);
		return true;
	}
	initStringInfo(&sql);
	appendStringInfo(&sql, "jsonb_build_%s(", object ? "object" : "array");
	for (int i = 0; i < nargs; i++)
		appendStringInfo(&sql, "%s%s%s", i > 0 ? ", " : "", args[i].sql,
						 args[i].is_string ? "::text" : "");
	appendStringInfoChar(&sql, ')');
	*result = my_val(sql.data, PGC_JSON);
	return true;
}

bool
my_json_function(MyExpr *x, const char *name, MyVal *args, int nargs,
				 MyVal *result)
{
	if (pg_strncasecmp(name, "json_", 5) != 0)
		return false;
	if (pg_strcasecmp(name, "json_object") == 0 ||
		pg_strcasecmp(name, "json_array") == 0)
		return json_build(x, name, args, nargs, result);
	if (pg_strcasecmp(name, "json_extract") == 0 && nargs == 2)
		*result = my_json_extract(x, args[0], args[1], false);
	else if (pg_strcasecmp(name, "json_unquote") == 0 && nargs == 1)
		*result = unquote(x, args[0]);
	else if (pg_strcasecmp(name, "json_value") == 0 && nargs == 2)
		*result = json_value(x, args[0], args[1]);
	else if (pg_strcasecmp(name, "json_compact") == 0 && nargs == 1 &&
			 args[0].cls == PGC_JSON)
		*result = args[0];
	else if (pg_strcasecmp(name, "json_valid") == 0 && nargs == 1 &&
			 args[0].cls == PGC_JSON)
		*result = my_val("true", PGC_BOOL);
	else
		return false;
	return true;
}
