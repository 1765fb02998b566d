/*-------------------------------------------------------------------------
 *
 * pg_names_map.c
 *	  Which schemas and relations have other names.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "schema/pg_names_internal.h"

#include "utils/hsearch.h"

typedef struct MapKey
{
	char		schema[NAMEDATALEN];
	char		name[NAMEDATALEN];	/* empty: the schema itself */
} MapKey;

typedef struct MapEntry
{
	MapKey		key;
	char		schema[NAMEDATALEN];
	char		name[NAMEDATALEN];
} MapEntry;

struct PgNameMap
{
	HTAB	   *entries;
	int			changes;		/* entries that do rename */
	PgNamesFinder finder;		/* NULL: all is known */
	void	   *finder_arg;
};

PgNameMap *
pg_names_make(void)
{
	PgNameMap  *map = palloc0(sizeof(PgNameMap));
	HASHCTL		ctl = {0};

	ctl.keysize = sizeof(MapKey);
	ctl.entrysize = sizeof(MapEntry);
	ctl.hcxt = CurrentMemoryContext;
	map->entries = hash_create("renamed objects", 64, &ctl,
							   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	return map;
}

static MapEntry *
map_find(const PgNameMap *map, const char *schema, const char *name,
		 HASHACTION action)
{
	MapKey		key;

	memset(&key, 0, sizeof(key));
	strlcpy(key.schema, schema, NAMEDATALEN);
	strlcpy(key.name, name, NAMEDATALEN);
	return hash_search(map->entries, &key, action, NULL);
}

static void
map_add(PgNameMap *map, const char *schema, const char *name,
		const char *target_schema, const char *target_name)
{
	MapEntry   *entry = map_find(map, schema, name, HASH_ENTER);

	strlcpy(entry->schema, target_schema, NAMEDATALEN);
	strlcpy(entry->name, target_name, NAMEDATALEN);
	map->changes += strcmp(schema, target_schema) != 0 ||
		strcmp(name, target_name) != 0;
}

void
pg_names_add_schema(PgNameMap *map, const char *schema, const char *target)
{
	map_add(map, schema, "", target, "");
}

void
pg_names_add_relation(PgNameMap *map, const char *schema, const char *name,
					  const char *target_schema, const char *target_name)
{
	map_add(map, schema, name, target_schema, target_name);
}

void
pg_names_set_finder(PgNameMap *map, PgNamesFinder finder, void *arg)
{
	map->finder = finder;
	map->finder_arg = arg;
}

/* The relation's entry, found out if need be; NULL: there is none. */
static const MapEntry *
find_relation(const PgNameMap *map, const char *schema, const char *name)
{
	MapEntry   *entry = map_find(map, schema, name, HASH_FIND);
	char	   *target_schema;
	char	   *target_name;

	if (entry != NULL || map->finder == NULL ||
		!map->finder(map->finder_arg, schema, name, &target_schema, &target_name))
		return entry;
	entry = map_find(map, schema, name, HASH_ENTER);
	strlcpy(entry->schema, target_schema, NAMEDATALEN);
	strlcpy(entry->name, target_name, NAMEDATALEN);
	return entry;
}

bool
pg_names_is_empty(const PgNameMap *map)
{
	return map->changes == 0;
}

const char *
pg_names_schema(const PgNameMap *map, const char *schema)
{
	MapEntry   *entry = map_find(map, schema, "", HASH_FIND);

	return entry ? entry->schema : schema;
}

void
pg_names_relation(const PgNameMap *map, const char *schema, const char *name,
				  const char **target_schema, const char **target_name)
{
	const MapEntry *entry = find_relation(map, schema, name);

	*target_schema = entry ? entry->schema : pg_names_schema(map, schema);
	*target_name = entry ? entry->name : name;
}

bool
names_is_elsewhere(const PgNameMap *map, const char *schema, const char *name)
{
	const char *target_schema;
	const char *target_name;

	pg_names_relation(map, schema, name, &target_schema, &target_name);
	return strcmp(name, target_name) != 0 || strcmp(schema, target_schema) != 0;
}

const char *
names_find_schema(const NamesRun *run, const char *name)
{
	ListCell   *lc;

	/* an entry of its own says where the relation is */
	foreach(lc, run->search_path)
		if (find_relation(run->map, lfirst(lc), name) != NULL)
			return lfirst(lc);
	return NULL;
}
