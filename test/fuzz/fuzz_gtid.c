/*
 * fuzz_gtid.c
 *	  libFuzzer target: any text as a set of MySQL's GTIDs, or as two of them
 *	  with a ";" between.
 */
#include "ddl_dump.h"

#include "source/mysql/my_gtid_set.h"

int			LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What it prints is read again as the same, and all that is in it is in it. */
static bool
check(const char *text, MyGtidSet *set)
{
	MyGtidSet	again = {0};
	StringInfoData first;
	StringInfoData second;
	StringInfoData code;

	if (!my_gtid_set_read(set, text))
		return false;
	initStringInfo(&first);
	initStringInfo(&second);
	initStringInfo(&code);
	my_gtid_set_text(set, &first);
	if (!my_gtid_set_read(&again, first.data))
		abort();
	my_gtid_set_text(&again, &second);
	if (strcmp(first.data, second.data) != 0 ||
		!my_gtid_set_covers(set, &again) || !my_gtid_set_covers(&again, set))
		abort();
	for (int i = 0; i < set->n; i++)
	{
		MyGtidSource *s = &set->sources[i];

		for (int k = 0; k < s->n; k++)
		{
			if (s->intervals[k].first > s->intervals[k].last ||
				(k > 0 && s->intervals[k].first <= s->intervals[k - 1].last + 1) ||
				!my_gtid_set_contains(set, s->uuid, s->tag, s->intervals[k].first) ||
				!my_gtid_set_contains(set, s->uuid, s->tag, s->intervals[k].last) ||
				my_gtid_set_contains(set, s->uuid, s->tag, s->intervals[k].last + 1))
				abort();
		}
	}
	my_gtid_set_encode(set, &code);
	memset(&again, 0, sizeof(again));
	if (!my_gtid_set_decode(&again, (const uint8 *) code.data, code.len) ||
		!my_gtid_set_covers(set, &again) || !my_gtid_set_covers(&again, set))
		abort();
	return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char	   *text = malloc(size + 1);
	char	   *semi;
	MyGtidSet	a = {0};
	MyGtidSet	b = {0};

	memcpy(text, data, size);
	text[size] = '\0';
	semi = strchr(text, ';');
	if (semi != NULL)
		*semi = '\0';
	if (check(text, &a) && semi != NULL && check(semi + 1, &b) &&
		my_gtid_set_covers(&a, &b))
	{
		/* what covers has all ends of the other */
		for (int i = 0; i < b.n; i++)
			for (int k = 0; k < b.sources[i].n; k++)
				if (!my_gtid_set_contains(&a, b.sources[i].uuid, b.sources[i].tag,
										  b.sources[i].intervals[k].last))
					abort();
	}
	/* the bytes of a log may be any */
	memset(&a, 0, sizeof(a));
	(void) my_gtid_set_decode(&a, data, size);
	free(text);
	dump_free_all();
	return 0;
}
