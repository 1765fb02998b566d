/*-------------------------------------------------------------------------
 *
 * pg_program.c
 *	  Runs a client program of this server's installation against a source.
 *
 *	  password file --> fork, exec --> read both pipes --> wait for the end
 *	       |                 |               |                    |
 *	       +------ error, cancel, SIGTERM: end it, remove the file +
 *
 * The program is a child of this process alone: the postmaster knows nothing
 * of it. It is in this process's group, so that what ends this one ends it,
 * and where the system can it is killed when this process dies.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "client/pg_conn.h"
#include "client/pg_program.h"
#include "client/pg_session.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "common/file_perm.h"
#include "common/file_utils.h"
#include "core/wait.h"
#include "libpq/pqsignal.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/fd.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/memutils.h"
#include "utils/wait_event.h"

#define SECRET_PREFIX PG_TEMP_FILE_PREFIX "_dtsmig_"
/* How often the program's end, and what it complains of, is looked for. */
#define POLL_MS 100
/* Time that it gets to end by itself. */
#define GRACE_MS 500
/* Bytes of complaints that are kept. */
#define COMPLAINTS_MAX 8192
/* Larger descriptors than this are not looked for in the child. */
#define DESCRIPTORS_MAX 65536

/* So often a program that fails is run again. */
#define PROGRAM_TRIES 4

typedef struct Program
{
	const char *path;
	char	   *secret;			/* file with the password; NULL: none yet */
	pid_t		pid;			/* 0: not running */
	int			out;			/* descriptors to read from; -1: closed */
	int			err;
	StringInfoData complaints;
} Program;

/* ---------------------------------------------------------------- password */

/* Removes files that processes left which are no more. */
static void
remove_old_secrets(const char *dir)
{
	DIR		   *d = AllocateDir(dir);
	struct dirent *de;

	while (d != NULL && (de = ReadDirExtended(d, dir, LOG)) != NULL)
	{
		int			pid;

		if (strncmp(de->d_name, SECRET_PREFIX, strlen(SECRET_PREFIX)) != 0)
			continue;
		pid = atoi(de->d_name + strlen(SECRET_PREFIX));
		if (pid == MyProcPid || (pid > 0 && kill(pid, 0) < 0 && errno == ESRCH))
			(void) unlink(psprintf("%s/%s", dir, de->d_name));
	}
	if (d != NULL)
		FreeDir(d);
}

/* A line of libpq's password file: any host, port, database and user. */
static char *
secret_line(const ConnectionInfo *info)
{
	StringInfoData buf;

	initStringInfo(&buf);
	if (info->password == NULL)
		return buf.data;
	if (strpbrk(info->password, "\r\n") != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PASSWORD),
				 errmsg("the password for server \"%s\" holds a line break",
						info->server_name),
				 errhint("A password file cannot hold it; choose another password.")));
	appendStringInfoString(&buf, "*:*:*:*:");
	for (const char *p = info->password; *p; p++)
	{
		if (*p == ':' || *p == '\\')
			appendStringInfoChar(&buf, '\\');
		appendStringInfoChar(&buf, *p);
	}
	appendStringInfoChar(&buf, '\n');
	return buf.data;
}

static void
write_secret(Program *p, const ConnectionInfo *info)
{
	char	   *dir = psprintf("%s/base/%s", DataDir, PG_TEMP_FILES_DIR);
	char	   *path = psprintf("%s/%s%d", dir, SECRET_PREFIX, MyProcPid);
	char	   *line = secret_line(info);
	int			fd;
	bool		ok;

	if (MakePGDirectory(dir) < 0 && errno != EEXIST)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not create directory \"%s\": %m", dir)));
	remove_old_secrets(dir);
	fd = OpenTransientFilePerm(path, O_RDWR | O_CREAT | O_EXCL | PG_BINARY,
							   S_IRUSR | S_IWUSR);
	if (fd < 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not create file \"%s\": %m", path)));
	p->secret = path;
	ok = write(fd, line, strlen(line)) == strlen(line);
	if (CloseTransientFile(fd) != 0 || !ok)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not write file \"%s\": %m", path)));
	explicit_bzero(line, strlen(line));
}

/* -------------------------------------------------------------- connection */

static void
add_parameter(StringInfo buf, const char *key, const char *value)
{
	if (value == NULL)
		return;
	appendStringInfo(buf, "%s%s='", buf->len ? " " : "", key);
	for (; *value; value++)
	{
		if (*value == '\'' || *value == '\\')
			appendStringInfoChar(buf, '\\');
		appendStringInfoChar(buf, *value);
	}
	appendStringInfoChar(buf, '\'');
}

static char *
connection_string(const Program *p, const ConnectionInfo *info)
{
	static const char *const modes[] = {
		[SSL_MODE_PREFER] = "prefer",
		[SSL_MODE_DISABLE] = "disable",
		[SSL_MODE_REQUIRE] = "require",
		[SSL_MODE_VERIFY_CA] = "verify-ca",
		[SSL_MODE_VERIFY_FULL] = "verify-full",
	};
	StringInfoData buf;

	initStringInfo(&buf);
	add_parameter(&buf, "host", info->host ? info->host : "localhost");
	add_parameter(&buf, "hostaddr", info->hostaddr);
	add_parameter(&buf, "port", psprintf("%d", info->port));
	add_parameter(&buf, "user", info->user);
	add_parameter(&buf, "dbname", info->dbname ? info->dbname : "postgres");
	add_parameter(&buf, "passfile", p->secret);
	add_parameter(&buf, "sslmode", modes[info->ssl_mode]);
	add_parameter(&buf, "sslrootcert", info->ssl_ca);
	add_parameter(&buf, "sslcert", info->ssl_cert ? info->ssl_cert :
				  pg_caller_is_superuser() ? NULL : PG_NO_FILE);
	if (!pg_caller_is_superuser())
		add_parameter(&buf, "gssencmode", "disable");
	add_parameter(&buf, "sslkey", info->ssl_key);
	add_parameter(&buf, "connect_timeout", psprintf("%d", info->connect_timeout));
	add_parameter(&buf, "application_name",
				  info->stream_name ? info->stream_name :
		  info->application ? info->application : "dtsmig");
	add_parameter(&buf, "options", PG_SESSION_OPTIONS " -c lc_monetary=C");
	add_parameter(&buf, "tcp_user_timeout", "30000");
	return buf.data;
}

/* ------------------------------------------------------------------- child */

/* Becomes the program; only what is safe between fork and exec. */
static void
become(const Program *p, char **argv, char **envp, int out, int err,
	   pid_t parent)
{
	sigset_t	none;
	int			null;

#ifdef PR_SET_PDEATHSIG
	(void) prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
#endif
	for (int sig = 1; sig < 32; sig++)
		(void) signal(sig, SIG_DFL);
	sigemptyset(&none);
	(void) sigprocmask(SIG_SETMASK, &none, NULL);
	null = open("/dev/null", O_RDONLY);
	if (null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0)
		_exit(127);
	for (int fd = Min(sysconf(_SC_OPEN_MAX), DESCRIPTORS_MAX) - 1; fd > 2; fd--)
		(void) close(fd);
	(void) execve(p->path, argv, envp);
	_exit(127);
}

static char **
argument_array(const Program *p, const char *connection, List *arguments)
{
	char	  **argv = palloc0(sizeof(char *) * (list_length(arguments) + 3));
	int			n = 0;
	ListCell   *lc;

	argv[n++] = pstrdup(p->path);
	argv[n++] = psprintf("--dbname=%s", connection);
	foreach(lc, arguments)
		argv[n++] = lfirst(lc);
	return argv;
}

/*
 * The server's own environment says nothing about a source. What the operating
 * system's account has (files below its home, tickets) is a superuser's to
 * use; for others the password is the only way in, as it is for the session.
 * Versions before 16 do not know of the last two.
 */
static char **
environment(const ConnectionInfo *info)
{
	static const char *const kept[] = {"LD_LIBRARY_PATH", "OPENSSL_CONF", "HOME",
	"KRB5CCNAME"};
	int			nkept = pg_caller_is_superuser() ? lengthof(kept) : 2;
	char	  **envp = palloc0(sizeof(char *) * (lengthof(kept) + 8));
	int			n = 0;

	envp[n++] = pstrdup("PATH=/usr/bin:/bin");
	envp[n++] = pstrdup("LC_ALL=C");
	envp[n++] = pstrdup("TZ=UTC");
	for (int i = 0; i < nkept; i++)
		if (getenv(kept[i]) != NULL)
			envp[n++] = psprintf("%s=%s", kept[i], getenv(kept[i]));
	if (!pg_caller_is_superuser())
	{
		envp[n++] = pstrdup("HOME=" PG_NO_FILE);
		envp[n++] = pstrdup("PGREQUIREAUTH=password,md5,scram-sha-256");
		if (info->ssl_cert == NULL)
			envp[n++] = pstrdup("PGSSLCERTMODE=disable");
	}
	return envp;
}

static void
start_program(Program *p, const ConnectionInfo *info, List *arguments)
{
	int			out[2];
	int			err[2];
	char	  **argv = argument_array(p, connection_string(p, info), arguments);
	char	  **envp = environment(info);
	pid_t		parent = getpid();

	if (pipe(out) < 0)
		ereport(ERROR,
				(errcode_for_socket_access(), errmsg("could not create pipe: %m")));
	p->out = out[0];
	if (pipe(err) < 0)
	{
		(void) close(out[1]);
		ereport(ERROR,
				(errcode_for_socket_access(), errmsg("could not create pipe: %m")));
	}
	p->err = err[0];
	(void) fcntl(p->out, F_SETFL, O_NONBLOCK);
	(void) fcntl(p->err, F_SETFL, O_NONBLOCK);
	fflush(NULL);
	p->pid = fork();
	if (p->pid == 0)
		become(p, argv, envp, out[1], err[1], parent);
	(void) close(out[1]);
	(void) close(err[1]);
	if (p->pid < 0)
	{
		p->pid = 0;
		ereport(ERROR,
				(errcode(ERRCODE_SYSTEM_ERROR), errmsg("could not fork: %m")));
	}
}

static void
close_pipe(int *fd)
{
	if (*fd >= 0)
		(void) close(*fd);
	*fd = -1;
}

/* In every case: the program is no more, and neither is the password's file. */
static void
clean_up(int code, Datum arg)
{
	Program    *p = (Program *) DatumGetPointer(arg);

	close_pipe(&p->out);
	close_pipe(&p->err);
	for (int waited = 0; p->pid > 0; waited += 10)
	{
		/* SIGTERM makes pg_dump cancel its query, too */
		if (waited == 0 || waited >= GRACE_MS)
			(void) kill(p->pid, waited == 0 ? SIGTERM : SIGKILL);
		if (waitpid(p->pid, NULL, WNOHANG) != 0)
			p->pid = 0;
		else
			pg_usleep(10000);
	}
	if (p->secret != NULL)
		(void) unlink(p->secret);
	p->secret = NULL;
}

/* ----------------------------------------------------------------- reading */

/* Reads what is there; closes the pipe at its end. Returns: was there any? */
static bool
drain(int *fd, StringInfo buf, int limit)
{
	char		chunk[16384];
	bool		any = false;

	while (*fd >= 0)
	{
		ssize_t		n = read(*fd, chunk, sizeof(chunk));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		if (n <= 0)
		{
			close_pipe(fd);
			break;
		}
		any = true;
		if (limit < 0 || buf->len < limit)
			appendBinaryStringInfo(buf, chunk, n);
		CHECK_FOR_INTERRUPTS();
	}
	return any;
}

static void
wait_a_while(const Program *p)
{
	int			fd = p->out >= 0 ? p->out : p->err;

	if (fd >= 0)
		(void) WaitLatchOrSocket(MyLatch, WL_LATCH_SET | WL_TIMEOUT |
								 WL_EXIT_ON_PM_DEATH | WL_SOCKET_READABLE,
								 fd, POLL_MS, dts_wait_event(DTS_WAIT_PROGRAM));
	else
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 10, dts_wait_event(DTS_WAIT_PROGRAM));
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

/* Its status, when it has come to its end. */
static int
read_all(Program *p, StringInfo out)
{
	int			status = 0;

	for (;;)
	{
		bool		any = drain(&p->out, out, -1);

		any |= drain(&p->err, &p->complaints, COMPLAINTS_MAX);
		if (p->out < 0 && p->err < 0)
		{
			pid_t		ended = waitpid(p->pid, &status, WNOHANG);

			if (ended != 0)
			{
				p->pid = 0;
				return ended < 0 ? 0 : status;
			}
		}
		if (!any)
			wait_a_while(p);
	}
}

static char *
complaints_of(Program *p)
{
	int			len = p->complaints.len;
	char	   *text = p->complaints.data;

	while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
		text[--len] = '\0';
	return pg_any_to_server(text, len, GetDatabaseEncoding());
}

/* Did it lose its connection? Then it may work later. */
static bool
is_connection_lost(const char *complaints)
{
	static const char *const signs[] = {"connection to server",
		"server closed the connection", "terminating connection",
	"could not receive data from server", "SSL connection has been closed"};

	for (int i = 0; i < lengthof(signs); i++)
		if (strstr(complaints, signs[i]) != NULL)
			return true;
	return false;
}

void
pg_run_program(const char *program, const ConnectionInfo *info,
			   List *arguments, StringInfo out)
{
	Program		p = {0};
	char		dir[MAXPGPATH];
	volatile int status = 0;

	strlcpy(dir, my_exec_path, sizeof(dir));
	get_parent_directory(dir);
	p.path = psprintf("%s/%s", dir, program);
	p.out = p.err = -1;
	initStringInfo(&p.complaints);
	if (access(p.path, X_OK) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FILE),
				 errmsg("could not find \"%s\": %m", p.path),
				 errhint("Schema migration from PostgreSQL needs the client programs of this server's version (Debian: package postgresql-client-%d) in the directory of the server's own.",
						 PG_MAJORVERSION_NUM)));

	for (int tries = 1;; tries++)
	{
		PG_ENSURE_ERROR_CLEANUP(clean_up, PointerGetDatum(&p));
		{
			write_secret(&p, info);
			start_program(&p, info, arguments);
			status = read_all(&p, out);
		}
		PG_END_ENSURE_ERROR_CLEANUP(clean_up, PointerGetDatum(&p));
		clean_up(0, PointerGetDatum(&p));
		if (status == 0 || tries == PROGRAM_TRIES ||
			is_connection_lost(p.complaints.data))
			break;

		/*
		 * pg_dump stumbles over DDL that commits while it works: catalogs as
		 * of its snapshot and functions that look at them as of now do not
		 * fit together.
		 */
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 200 * tries, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		resetStringInfo(out);
		resetStringInfo(&p.complaints);
		p.out = p.err = -1;
	}
	if (status != 0)
		ereport(ERROR,
				(errcode(is_connection_lost(p.complaints.data) ?
						 ERRCODE_CONNECTION_FAILURE :
						 ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
				 errmsg("%s could not read the schema of server \"%s\"", program,
						info->server_name),
				 p.complaints.len > 0 ? errdetail("%s", complaints_of(&p)) :
				 errdetail("It ended with %s %d.", WIFSIGNALED(status) ? "signal" :
						   "status", WIFSIGNALED(status) ? WTERMSIG(status) :
						   WEXITSTATUS(status))));
}
