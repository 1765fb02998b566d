/*
 * record_json.c
 *	  Text as a tree of JSON, through the names that the server has for jsonb
 *	  (see record_json.h).
 *
 * The server's jsonb is read through four functions and three macros. Those
 * are here, over a tree of our own: a container is a header with the server's
 * bits, and a number that leads to its members. What the server asserts, this
 * does, too.
 */
#include "record_json.h"

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/numeric.h"

#define MAX_DEPTH 64

/* What stands where the server has a JsonbContainer: in a Jsonb, too. */
typedef struct Container
{
	uint32		header;
	uint32		id;
} Container;

typedef struct Member
{
	char	   *key;			/* of an object's */
	int			key_len;
	JsonbValue	value;
} Member;

typedef struct Branch
{
	Container	head;			/* of one inside of another */
	Member	   *members;
	int			n;
	int			max;
} Branch;

typedef struct Tree
{
	int32		vl_len_;
	Container	root;
} Tree;

static Branch **nodes = NULL;
static int	nnodes = 0;
static int	maxnodes = 0;

static const char *at;
static int	depth;

/* Nodes are palloc'd: those of the last run are gone. */
static Branch *
branch_make(uint32 flags)
{
	Branch	   *node = palloc0(sizeof(Branch));

	if (nnodes == maxnodes)
	{
		maxnodes = maxnodes ? maxnodes * 2 : 64;
		nodes = realloc(nodes, maxnodes * sizeof(Branch *));
		if (nodes == NULL)
			abort();
	}
	node->head.header = flags;
	node->head.id = nnodes;
	nodes[nnodes++] = node;
	return node;
}

static Member *
branch_add(Branch *node)
{
	if (node->n == node->max)
	{
		node->max = node->max ? node->max * 2 : 8;
		node->members = node->members == NULL ?
			palloc(node->max * sizeof(Member)) :
			repalloc(node->members, node->max * sizeof(Member));
	}
	node->head.header++;
	memset(&node->members[node->n], 0, sizeof(Member));
	return &node->members[node->n++];
}

/* ----------------------------------------------------------------- parsing */

static char
next_char(void)
{
	while (*at && strchr("{}[]\",:-0123456789tfn", *at) == NULL)
		at++;
	return *at;
}

static char
unescaped(void)
{
	char		c = *at++;

	switch (c)
	{
		case 'n':
			return '\n';
		case 't':
			return '\t';
		case 'r':
			return '\r';
		case 'b':
			return '\b';
		case 'f':
			return '\f';
		case 'u':
			{
				unsigned int code = 0;

				for (int i = 0; i < 4 && isxdigit((unsigned char) *at); i++, at++)
					code = code * 16 + (*at <= '9' ? *at - '0' : (*at | 32) - 'a' + 10);
				return code < 0x80 ? (char) code : '\0';
			}
		default:
			return c;
	}
}

/* What lies behind the quote; no byte behind it is there. */
static char *
parse_string(int *len)
{
	StringInfoData buf;
	char	   *text;

	initStringInfo(&buf);
	for (at++; *at && *at != '"';)
	{
		char		c = *at++;

		if (c == '\\')
		{
			if (*at == '\0')
				break;
			c = unescaped();
		}
		/* neither NUL, which jsonb refuses, nor what may be no UTF-8 */
		if (c != '\0' && (unsigned char) c < 0x80)
			appendStringInfoChar(&buf, c);
	}
	if (*at)
		at++;
	*len = buf.len;
	text = palloc(buf.len);
	memcpy(text, buf.data, buf.len);
	return text;
}

/* -12.34, as numeric has it */
static char *
parse_number(void)
{
	StringInfoData buf;

	initStringInfo(&buf);
	if (*at == '-')
	{
		appendStringInfoChar(&buf, '-');
		at++;
	}
	while (*at == '0' && isdigit((unsigned char) at[1]))
		at++;
	if (!isdigit((unsigned char) *at))
		appendStringInfoChar(&buf, '0');
	while (isdigit((unsigned char) *at))
		appendStringInfoChar(&buf, *at++);
	if (at[0] == '.' && isdigit((unsigned char) at[1]))
	{
		appendStringInfoChar(&buf, *at++);
		while (isdigit((unsigned char) *at))
			appendStringInfoChar(&buf, *at++);
	}
	if (strspn(buf.data, "-0.") == strlen(buf.data) && buf.data[0] == '-')
		return pstrdup(buf.data + 1);
	return pstrdup(buf.data);
}

static void parse_value(JsonbValue *value);

/* The later one of two of a key is the one that counts. */
static Member *
member_for(Branch *node, char *key, int len)
{
	Member	   *m;

	for (int i = 0; i < node->n; i++)
		if (node->members[i].key_len == len &&
			memcmp(node->members[i].key, key, len) == 0)
			return &node->members[i];
	m = branch_add(node);
	m->key = key;
	m->key_len = len;
	return m;
}

static Branch *
parse_container(void)
{
	bool		object = *at++ == '{';
	Branch	   *node = branch_make(object ? JB_FOBJECT : JB_FARRAY);

	depth++;
	for (;;)
	{
		JsonbValue	value = {0};
		char		c = next_char();
		char	   *key = NULL;
		int			len = 0;

		while (c == ',' || c == ':')
		{
			at++;
			c = next_char();
		}
		if (c == '\0')
			break;
		if (c == '}' || c == ']')
		{
			at++;
			break;
		}
		if (object)
		{
			if (c != '"')
			{
				at++;
				continue;
			}
			key = parse_string(&len);
		}
		parse_value(&value);
		if (object)
			member_for(node, key, len)->value = value;
		else
			branch_add(node)->value = value;
	}
	depth--;
	return node;
}

static void
parse_value(JsonbValue *value)
{
	char		c = next_char();

	while (c == ':' || c == ',')
	{
		at++;
		c = next_char();
	}
	if ((c == '{' || c == '[') && depth < MAX_DEPTH)
	{
		Branch	   *node = parse_container();

		value->type = jbvBinary;
		value->val.binary.data = (JsonbContainer *) &node->head;
		value->val.binary.len = sizeof(Container);
	}
	else if (c == '"')
	{
		value->type = jbvString;
		value->val.string.val = parse_string(&value->val.string.len);
	}
	else if (c == '-' || isdigit((unsigned char) c))
	{
		value->type = jbvNumeric;
		value->val.numeric = (Numeric) parse_number();
	}
	else
	{
		value->type = c == 't' || c == 'f' ? jbvBool : jbvNull;
		value->val.boolean = c == 't';
		if (c != '\0' && c != '}' && c != ']')
			while (isalpha((unsigned char) *at))
				at++;
		if (c == '{' || c == '[')
			at++;
	}
}

Jsonb *
record_json(const char *text)
{
	Tree	   *tree = palloc0(sizeof(Tree));
	JsonbValue	value = {0};
	Branch	   *node;

	at = text;
	depth = 0;
	if (next_char() == '\0')
		return NULL;
	parse_value(&value);
	if (value.type == jbvBinary)
		tree->root = *(Container *) value.val.binary.data;
	else
	{
		/* a scalar is an array of one */
		node = branch_make(JB_FARRAY | JB_FSCALAR);
		branch_add(node)->value = value;
		tree->root = node->head;
	}
	return (Jsonb *) tree;
}

/* ----------------------------------------------------------------- writing */

static void
write_string(StringInfo buf, const char *text, int len)
{
	appendStringInfoChar(buf, '"');
	for (int i = 0; i < len; i++)
	{
		if (text[i] == '"' || text[i] == '\\')
			appendStringInfo(buf, "\\%c", text[i]);
		else if ((unsigned char) text[i] < ' ')
			appendStringInfo(buf, "\\u%04x", text[i]);
		else
			appendStringInfoChar(buf, text[i]);
	}
	appendStringInfoChar(buf, '"');
}

static void
write_container(StringInfo buf, const Container *container)
{
	const Branch *node = nodes[container->id];
	bool		object = (container->header & JB_FOBJECT) != 0;
	bool		scalar = (container->header & JB_FSCALAR) != 0;

	if (!scalar)
		appendStringInfoChar(buf, object ? '{' : '[');
	for (int i = 0; i < node->n; i++)
	{
		const JsonbValue *v = &node->members[i].value;

		if (i > 0)
			appendStringInfoChar(buf, ',');
		if (object)
		{
			write_string(buf, node->members[i].key, node->members[i].key_len);
			appendStringInfoChar(buf, ':');
		}
		if (v->type == jbvBinary)
			write_container(buf, (Container *) v->val.binary.data);
		else if (v->type == jbvString)
			write_string(buf, v->val.string.val, v->val.string.len);
		else if (v->type == jbvNumeric)
			appendStringInfoString(buf, (char *) v->val.numeric);
		else
			appendStringInfoString(buf, v->type == jbvNull ? "null" :
								   v->val.boolean ? "true" : "false");
	}
	if (!scalar)
		appendStringInfoChar(buf, object ? '}' : ']');
}

char *
record_json_text(const Jsonb *jb)
{
	StringInfoData buf;

	initStringInfo(&buf);
	write_container(&buf, (const Container *) &jb->root);
	return buf.data;
}

/* ------------------------------------------------- as the server calls them */

JsonbValue *
getKeyJsonValueFromContainer(JsonbContainer *container, const char *keyVal,
							 int keyLen, JsonbValue *res)
{
	const Branch *node = nodes[((Container *) container)->id];

	/* it reads beyond an array, where assertions are off */
	if (!JsonContainerIsObject(container))
		abort();
	for (int i = 0; i < node->n; i++)
		if (node->members[i].key_len == keyLen &&
			memcmp(node->members[i].key, keyVal, keyLen) == 0)
		{
			if (res == NULL)
				res = palloc(sizeof(JsonbValue));
			*res = node->members[i].value;
			return res;
		}
	return NULL;
}

JsonbValue *
getIthJsonbValueFromContainer(JsonbContainer *container, uint32 i)
{
	const Branch *node = nodes[((Container *) container)->id];
	JsonbValue *value;

	if (!JsonContainerIsArray(container))
		abort();
	if (i >= (uint32) node->n)
		return NULL;
	value = palloc(sizeof(JsonbValue));
	*value = node->members[i].value;
	return value;
}

Datum
jsonb_in(PG_FUNCTION_ARGS)
{
	Jsonb	   *jb = record_json(PG_GETARG_CSTRING(0));

	if (jb == NULL)
		ereport(ERROR, (errmsg("no JSON")));
	return PointerGetDatum(jb);
}

struct varlena *
pg_detoast_datum(struct varlena *datum)
{
	return datum;
}

Datum
numeric_out(PG_FUNCTION_ARGS)
{
	return CStringGetDatum(pstrdup((char *) PG_GETARG_POINTER(0)));
}

Datum
numeric_int8(PG_FUNCTION_ARGS)
{
	const char *text = (char *) PG_GETARG_POINTER(0);
	char	   *end;
	int64		n;

	errno = 0;
	n = strtoll(text, &end, 10);
	if (errno != 0)
		ereport(ERROR, (errmsg("bigint out of range")));
	/* half away from zero */
	if (*end == '.' && end[1] >= '5')
	{
		if (n == PG_INT64_MAX || n == PG_INT64_MIN)
			ereport(ERROR, (errmsg("bigint out of range")));
		n += *text == '-' ? -1 : 1;
	}
	return Int64GetDatum(n);
}

int32
pg_strtoint32(const char *s)
{
	char	   *end;
	long		n;

	errno = 0;
	n = strtol(s, &end, 10);
	if (errno != 0 || end == s || *end || n < PG_INT32_MIN || n > PG_INT32_MAX)
		ereport(ERROR, (errmsg("no integer")));
	return (int32) n;
}

Datum
DirectFunctionCall1Coll(PGFunction func, Oid collation, Datum arg1)
{
	LOCAL_FCINFO(fcinfo, 1);

	InitFunctionCallInfoData(*fcinfo, NULL, 1, collation, NULL, NULL);
	fcinfo->args[0].value = arg1;
	fcinfo->args[0].isnull = false;
	return (*func) (fcinfo);
}

void
escape_json(StringInfo buf, const char *str)
{
	write_string(buf, str, strlen(str));
}

void
record_json_reset(void)
{
	nnodes = 0;
}
