/*-------------------------------------------------------------------------
 *
 * emit_target.c
 *	  What a MySQL or MariaDB allows, by its version and its settings.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "emit/mysql/emit_internal.h"

#include "core/one_statement.h"

/* From this version on, of either product; 0: of none. */
static bool
since(const EmitTarget *t, int mysql, int mariadb)
{
	int			first = t->mariadb ? mariadb : mysql;

	return first != 0 && t->version >= first;
}

EmitTarget *
emit_target_of(const char *version)
{
	EmitTarget *t = palloc0(sizeof(EmitTarget));
	int			major = 0;
	int			minor = 0;
	int			patch = 0;

	/* replication's prefix of old MariaDB */
	if (strncmp(version, "5.5.5-", 6) == 0 && strstr(version, "MariaDB") != NULL)
		version += 6;
	(void) sscanf(version, "%d.%d.%d", &major, &minor, &patch);
	t->mariadb = strstr(version, "MariaDB") != NULL;
	t->version = major * 10000 + minor * 100 + patch;
	t->name = psprintf("%s %d.%d.%d", t->mariadb ? "MariaDB" : "MySQL", major, minor, patch);
	t->column_bytes = since(t, 50707, 100202) ? 3072 : 767;
	t->key_bytes = 3072;
	t->page_bytes = 8126;
	t->strict = since(t, 50707, 100202);
	t->dynamic = t->column_bytes == 3072;
	t->collation = t->mariadb ? "utf8mb4_nopad_bin" :
		since(t, 80017, 0) ? "utf8mb4_0900_bin" : "utf8mb4_bin";
	t->pads = strcmp(t->collation, "utf8mb4_bin") == 0;
	t->json = since(t, 50708, 100207);
	t->checks = since(t, 80016, 100201);
	t->generated = since(t, 50706, 100203);
	t->text_defaults = since(t, 80013, 100201);
	t->expr_defaults = t->text_defaults;
	t->invisible = since(t, 80023, 100303);
	t->descending = since(t, 80000, 100800);
	return t;
}

EmitTarget *
emit_target_read(void)
{
	EmitTarget *t;
	char	   *value;

	if (one_statement_is_postgres())
		return NULL;
	t = emit_target_of(select_one_text("SELECT version()"));
	value = select_one_value("SELECT @@lower_case_table_names");
	t->folds_tables = value != NULL && strcmp(value, "0") != 0;
	value = select_one_value("SELECT @@global.innodb_strict_mode");
	t->strict = value != NULL && strcmp(value, "1") == 0;
	value = select_one_value("SELECT @@innodb_page_size");
	if (value != NULL && strcmp(value, "8192") == 0)
	{
		t->page_bytes = 4030;
		t->column_bytes = Min(t->column_bytes, 1536);
		t->key_bytes = 1536;
	}
	else if (value != NULL && strcmp(value, "4096") == 0)
	{
		t->page_bytes = 1982;
		t->column_bytes = t->key_bytes = 768;
	}
	else if (value != NULL && atoi(value) > 16384)
		t->page_bytes = 16318;
	/* before 5.7 long keys are asked for, by two settings */
	if (!t->mariadb && t->version >= 50600 && t->version < 50707)
	{
		char	   *large = select_one_value("SELECT @@innodb_large_prefix");
		char	   *format = select_one_value("SELECT @@innodb_file_format");

		if (large != NULL && strcmp(large, "1") == 0 &&
			format != NULL && pg_strcasecmp(format, "Barracuda") == 0)
		{
			t->column_bytes = 3072;
			t->dynamic = true;
		}
	}
	return t;
}
