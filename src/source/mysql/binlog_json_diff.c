/*-------------------------------------------------------------------------
 *
 * binlog_json_diff.c
 *	  Partial updates of MySQL's JSON.
 *
 * Of the old value a tree is made, but only along the paths of the changes:
 * what lies around them stays as bytes and is printed from there.
 *
 * A change is an operation (1), the length of its path (packed), the path;
 * and, unless it removes, the length of a value (packed) and the value.
 *
 *-------------------------------------------------------------------------
 */
#include "source/mysql/binlog_json.h"

#include <string.h>

#include "source/mysql/binlog_json_impl.h"

typedef struct Node
{
	BinlogJsonValue value;		/* if not opened */
	bool		opened;
	bool		is_object;
	uint32_t	count;
	uint32_t	max;
	struct Node **elements;
	struct Key *keys;			/* of an object */
} Node;

typedef struct Key
{
	const uint8_t *data;
	size_t		len;
} Key;

typedef struct Leg
{
	bool		is_member;
	uint64_t	index;
	Key			key;
} Leg;

typedef struct Patch
{
	void	   *(*alloc) (size_t);
	BinlogError *error;
} Patch;

static bool
misfit(Patch *patch)
{
	return binlog_fail(patch->error,
					   "a partial update does not fit the JSON value before it");
}

static void *
get_memory(Patch *patch, size_t size)
{
	void	   *p = patch->alloc(size > 0 ? size : 1);

	if (p == NULL)
		binlog_fail(patch->error, "no memory for a partial update");
	return p;
}

static Node *
make_node(Patch *patch, const BinlogJsonValue *value)
{
	Node	   *node = get_memory(patch, sizeof(Node));

	if (node == NULL)
		return NULL;
	memset(node, 0, sizeof(*node));
	node->value = *value;
	return node;
}

static bool
make_room(Patch *patch, Node *node, uint32_t max)
{
	Node	  **elements = get_memory(patch, max * sizeof(Node *));
	Key		   *keys = NULL;

	if (elements == NULL)
		return false;
	if (node->is_object)
	{
		keys = get_memory(patch, max * sizeof(Key));
		if (keys == NULL)
			return false;
		if (node->count > 0)
			memcpy(keys, node->keys, node->count * sizeof(Key));
	}
	if (node->count > 0)
		memcpy(elements, node->elements, node->count * sizeof(Node *));
	node->elements = elements;
	node->keys = keys;
	node->max = max;
	return true;
}

/* Makes nodes of the elements of an object or array. */
static bool
open_node(Patch *patch, Node *node)
{
	BinlogJsonContainer c;

	if (node->opened)
		return true;
	if (node->value.type > JSON_LARGE_ARRAY)
		return misfit(patch);
	if (!binlog_json_container(&node->value, &c))
		return binlog_fail(patch->error, "a JSON value is damaged");
	node->is_object = c.is_object;
	if (!make_room(patch, node, c.count + 1))
		return false;
	for (uint32_t i = 0; i < c.count; i++)
	{
		BinlogJsonValue value;

		if (!binlog_json_element(&c, i, &value) ||
			(c.is_object && !binlog_json_key(&c, i, &node->keys[i].data,
											 &node->keys[i].len)))
			return binlog_fail(patch->error, "a JSON value is damaged");
		node->elements[i] = make_node(patch, &value);
		if (node->elements[i] == NULL)
			return false;
		node->count++;
	}
	node->opened = true;
	return true;
}

/* MySQL's order of keys: by length, then by bytes. */
static int
compare_keys(const Key *a, const Key *b)
{
	if (a->len != b->len)
		return a->len < b->len ? -1 : 1;
	return memcmp(a->data, b->data, a->len);
}

/* Where the key is, or where it would be. */
static uint32_t
find_key(const Node *node, const Key *key, bool *found)
{
	uint32_t	i;
	int			cmp = 1;

	for (i = 0; i < node->count; i++)
	{
		cmp = compare_keys(&node->keys[i], key);
		if (cmp >= 0)
			break;
	}
	*found = i < node->count && cmp == 0;
	return i;
}

static bool
insert_element(Patch *patch, Node *node, uint32_t at, const Key *key,
			   Node *element)
{
	if (node->count == node->max &&
		!make_room(patch, node, node->max * 2))
		return false;
	memmove(&node->elements[at + 1], &node->elements[at],
			(node->count - at) * sizeof(Node *));
	node->elements[at] = element;
	if (node->is_object)
	{
		memmove(&node->keys[at + 1], &node->keys[at],
				(node->count - at) * sizeof(Key));
		node->keys[at] = *key;
	}
	node->count++;
	return true;
}

static void
remove_element(Node *node, uint32_t at)
{
	node->count--;
	memmove(&node->elements[at], &node->elements[at + 1],
			(node->count - at) * sizeof(Node *));
	if (node->is_object)
		memmove(&node->keys[at], &node->keys[at + 1],
				(node->count - at) * sizeof(Key));
}

/* ------------------------------------------------------------------- paths */

static int
hex_value(const char *p, const char *end)
{
	int			v = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++)
	{
		char		c = p[i];

		if (c >= '0' && c <= '9')
			v = v * 16 + (c - '0');
		else if (c >= 'a' && c <= 'f')
			v = v * 16 + (c - 'a' + 10);
		else if (c >= 'A' && c <= 'F')
			v = v * 16 + (c - 'A' + 10);
		else
			return -1;
	}
	return v;
}

static size_t
put_utf8(uint8_t *to, uint32_t c)
{
	if (c < 0x80)
	{
		to[0] = (uint8_t) c;
		return 1;
	}
	if (c < 0x800)
	{
		to[0] = (uint8_t) (0xc0 | c >> 6);
		to[1] = (uint8_t) (0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000)
	{
		to[0] = (uint8_t) (0xe0 | c >> 12);
		to[1] = (uint8_t) (0x80 | (c >> 6 & 0x3f));
		to[2] = (uint8_t) (0x80 | (c & 0x3f));
		return 3;
	}
	to[0] = (uint8_t) (0xf0 | c >> 18);
	to[1] = (uint8_t) (0x80 | (c >> 12 & 0x3f));
	to[2] = (uint8_t) (0x80 | (c >> 6 & 0x3f));
	to[3] = (uint8_t) (0x80 | (c & 0x3f));
	return 4;
}

/* A quoted name from *p, which is behind its first quote. */
static bool
read_quoted(Patch *patch, const char **p, const char *end, Key *key)
{
	uint8_t    *to = get_memory(patch, end - *p + 4);
	size_t		n = 0;

	if (to == NULL)
		return false;
	key->data = to;
	while (*p < end && **p != '"')
	{
		char		c = *(*p)++;
		int			v;
		int			low;

		if (c != '\\')
		{
			to[n++] = (uint8_t) c;
			continue;
		}
		if (*p >= end)
			return misfit(patch);
		c = *(*p)++;
		switch (c)
		{
			case 'b':
				to[n++] = '\b';
				break;
			case 'f':
				to[n++] = '\f';
				break;
			case 'n':
				to[n++] = '\n';
				break;
			case 'r':
				to[n++] = '\r';
				break;
			case 't':
				to[n++] = '\t';
				break;
			case 'u':
				v = hex_value(*p, end);
				if (v < 0)
					return misfit(patch);
				*p += 4;
				if (v >= 0xd800 && v < 0xdc00 && end - *p >= 6 &&
					(*p)[0] == '\\' && (*p)[1] == 'u' &&
					(low = hex_value(*p + 2, end)) >= 0xdc00 && low < 0xe000)
				{
					v = 0x10000 + ((v - 0xd800) << 10) + (low - 0xdc00);
					*p += 6;
				}
				n += put_utf8(to + n, (uint32_t) v);
				break;
			default:
				to[n++] = (uint8_t) c;
				break;
		}
	}
	if (*p >= end)
		return misfit(patch);
	(*p)++;
	key->len = n;
	return true;
}

/* The next leg of a path; false at its end with no message set. */
static bool
next_leg(Patch *patch, const char **p, const char *end, Leg *leg)
{
	const char *begin;

	patch->error->message[0] = '\0';
	if (*p >= end)
		return false;
	if (**p == '[')
	{
		leg->is_member = false;
		leg->index = 0;
		begin = ++(*p);
		while (*p < end && **p >= '0' && **p <= '9' && *p - begin < 12)
			leg->index = leg->index * 10 + (*(*p)++ - '0');
		if (*p == begin || *p >= end || *(*p)++ != ']')
			return misfit(patch);
		return true;
	}
	if (**p != '.')
		return misfit(patch);
	(*p)++;
	leg->is_member = true;
	if (*p < end && **p == '"')
	{
		(*p)++;
		return read_quoted(patch, p, end, &leg->key);
	}
	begin = *p;
	while (*p < end && **p != '.' && **p != '[')
		(*p)++;
	leg->key.data = (const uint8_t *) begin;
	leg->key.len = *p - begin;
	return leg->key.len > 0 ? true : misfit(patch);
}

/* ---------------------------------------------------------------- changing */

/* Where the leg leads to from node; a plain value is an array of itself. */
static bool
find_leg(Patch *patch, Node *node, const Leg *leg, uint32_t *at, bool *found)
{
	if (!open_node(patch, node))
		return false;
	if (node->is_object != leg->is_member)
		return misfit(patch);
	if (leg->is_member)
		*at = find_key(node, &leg->key, found);
	else
	{
		*found = leg->index < node->count;
		*at = *found ? (uint32_t) leg->index : node->count;
	}
	return true;
}

static bool
apply_diff(Patch *patch, Node **root, const BinlogJsonDiff *diff)
{
	const char *p = diff->path;
	const char *end = p + diff->path_len;
	Node	  **place = root;
	Node	   *parent = NULL;
	Node	   *fresh = NULL;
	uint32_t	at = 0;
	bool		found = true;
	Leg			leg = {0};

	if (p >= end || *p++ != '$')
		return misfit(patch);
	while (next_leg(patch, &p, end, &leg))
	{
		if (!found)
			return misfit(patch);
		parent = *place;
		if (!find_leg(patch, parent, &leg, &at, &found))
			return false;
		place = &parent->elements[at];
	}
	if (patch->error->message[0] != '\0')
		return false;
	if (diff->operation != BINLOG_JSON_REMOVE)
	{
		BinlogJsonValue value;

		binlog_json_root(diff->value, diff->value_len, &value);
		fresh = make_node(patch, &value);
		if (fresh == NULL)
			return false;
	}
	switch (diff->operation)
	{
		case BINLOG_JSON_REPLACE:
			if (!found)
				return misfit(patch);
			*place = fresh;
			return true;
		case BINLOG_JSON_INSERT:
			if (parent == NULL || (parent->is_object && found))
				return misfit(patch);
			return insert_element(patch, parent, at, &leg.key, fresh);
		case BINLOG_JSON_REMOVE:
			if (parent == NULL || !found)
				return misfit(patch);
			remove_element(parent, at);
			return true;
	}
	return misfit(patch);
}

/* ---------------------------------------------------------------- printing */

static bool
put_bytes(BinlogText *out, const char *s, size_t len, BinlogError *error)
{
	if (len > out->size - out->len && !out->grow(out, out->len + len))
		return binlog_fail(error, "no memory for JSON of %zu bytes",
						   out->len + len);
	memcpy(out->data + out->len, s, len);
	out->len += len;
	return true;
}

/* A key is printed as the text of a string value. */
static bool
put_key(const Key *key, Patch *patch, BinlogText *out)
{
	uint8_t    *string = get_memory(patch, key->len + 5);
	BinlogJsonValue value = {JSON_STRING, string, 0};
	size_t		n = 0;
	size_t		len = key->len;

	if (string == NULL)
		return false;
	do
	{
		string[n] = (uint8_t) (len & 0x7f);
		len >>= 7;
		if (len > 0)
			string[n] |= 0x80;
		n++;
	} while (len > 0);
	memcpy(string + n, key->data, key->len);
	value.len = n + key->len;
	return binlog_json_put(&value, 0, out, patch->error) &&
		put_bytes(out, ": ", 2, patch->error);
}

static bool
put_node(Patch *patch, const Node *node, int depth, BinlogText *out)
{
	if (!node->opened)
		return binlog_json_put(&node->value, depth, out, patch->error);
	if (depth > BINLOG_JSON_MAX_DEPTH)
		return misfit(patch);
	if (!put_bytes(out, node->is_object ? "{" : "[", 1, patch->error))
		return false;
	for (uint32_t i = 0; i < node->count; i++)
	{
		if (i > 0 && !put_bytes(out, ", ", 2, patch->error))
			return false;
		if (node->is_object && !put_key(&node->keys[i], patch, out))
			return false;
		if (!put_node(patch, node->elements[i], depth + 1, out))
			return false;
	}
	return put_bytes(out, node->is_object ? "}" : "]", 1, patch->error);
}

bool
binlog_json_next_diff(const uint8_t **p, const uint8_t *end,
					  BinlogJsonDiff *diff, BinlogError *error)
{
	BinlogCursor cur = {*p, end, false};
	uint64_t	operation;

	error->message[0] = '\0';
	if (cur.p >= cur.end)
		return false;
	memset(diff, 0, sizeof(*diff));
	operation = binlog_cursor_uint(&cur, 1);
	diff->operation = (BinlogJsonOperation) operation;
	diff->path_len = binlog_cursor_packed(&cur);
	diff->path = (const char *) binlog_cursor_bytes(&cur, diff->path_len);
	if (operation != BINLOG_JSON_REMOVE)
	{
		diff->value_len = binlog_cursor_packed(&cur);
		diff->value = binlog_cursor_bytes(&cur, diff->value_len);
	}
	if (cur.failed || operation > BINLOG_JSON_REMOVE)
		return binlog_fail(error, "a partial update of JSON is damaged");
	*p = cur.p;
	return true;
}

bool
binlog_json_patched(const uint8_t *data, size_t len, const uint8_t *diffs,
					size_t diffs_len, void *(*alloc) (size_t),
					BinlogText *out, BinlogError *error)
{
	Patch		patch = {alloc, error};
	const uint8_t *end = diffs + diffs_len;
	BinlogJsonValue value;
	BinlogJsonDiff diff;
	Node	   *root;

	binlog_json_limit(out, len + diffs_len);
	binlog_json_root(data, len, &value);
	root = make_node(&patch, &value);
	if (root == NULL)
		return false;
	while (binlog_json_next_diff(&diffs, end, &diff, error))
		if (!apply_diff(&patch, &root, &diff))
			return false;
	if (error->message[0] != '\0')
		return false;
	return put_node(&patch, root, 0, out);
}
