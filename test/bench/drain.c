/*
 * drain.c: reads a query's rows from the socket and drops them. The lower
 * bound of anything that reads a table from MariaDB.
 *
 *	drain PORT DATABASE QUERY
 */
#include <mysql.h>
#include <stdio.h>
#include <stdlib.h>

int
main(int argc, char **argv)
{
	MYSQL	   *conn = mysql_init(NULL);
	MYSQL_RES  *res;
	unsigned long rows = 0;

	if (argc != 4)
	{
		fprintf(stderr, "usage: drain PORT DATABASE QUERY\n");
		return 2;
	}
	if (!mysql_real_connect(conn, "127.0.0.1", "root", "", argv[2],
							atoi(argv[1]), NULL, 0) ||
		mysql_query(conn, argv[3]) || !(res = mysql_use_result(conn)))
	{
		fprintf(stderr, "drain: %s\n", mysql_error(conn));
		return 1;
	}
	while (mysql_fetch_row(res))
		rows++;
	if (mysql_errno(conn))
	{
		fprintf(stderr, "drain: %s\n", mysql_error(conn));
		return 1;
	}
	mysql_free_result(res);
	mysql_close(conn);
	printf("%lu\n", rows);
	return 0;
}
