# Dts::PgSource: a throwaway PostgreSQL server as a migration's source.
#
#   my $src = Dts::PgSource->new(kind => 'postgresql-10')->start;
#   my $task = Dts::Task->new($src, $pg, name => 'm', db => 'shop');
#
# It has a role "mig" (password "secret") with the rights that a task needs;
# kind names another version, see test/servers.
package Dts::PgSource;
use strict;
use warnings;
use parent 'Dts::Postgres';
use Exporter qw(import);
use Test::More ();
use Time::HiRes qw(sleep);
use Dts::Env qw(spawn reap on_exit tmpdir own_dir);
use Dts::Kinds qw(server_folder);

our @EXPORT_OK = qw(same_pg_tables pg_difference pg_pair);

sub new
{
    my ($class, %opt) = @_;
    my $kind = $opt{kind} // $ENV{DTS_PG_KIND};
    if (defined $kind)
    {
        my $folder = server_folder($kind);
        # of a whole installation, programs that can be run from outside
        $opt{bindir} = -d "$folder/pgbin" ? "$folder/pgbin" : "$folder/bin";
    }
    my $self = $class->SUPER::new(%opt, conf => <<"END" . ($opt{conf} // ''));
wal_level = logical
max_wal_senders = 20
max_replication_slots = 20
max_prepared_transactions = 20
END
    $self->{kind} = $kind;
    return $self;
}

sub start
{
    my ($self) = @_;
    $self->SUPER::start;
    if (!$self->{mig}++)
    {
        $self->sql("CREATE ROLE mig LOGIN SUPERUSER REPLICATION PASSWORD 'secret'");
        # a password must be asked for
        $self->prepend_hba(map { "host $_ mig 127.0.0.1/32 md5" } qw(all replication));
        sleep 0.2;
    }
    return $self;
}

# CREATE SERVER and CREATE USER MAPPING for this server.
sub server_sql
{
    my ($self, $name, %opt) = @_;
    my $port = $opt{port} // $self->{port};
    my $db = $opt{dbname} // $self->{dbname};
    my $user = $opt{user} // 'mig';
    my $more = $opt{options} ? ", $opt{options}" : '';
    return "CREATE SERVER $name TYPE 'postgresql' FOREIGN DATA WRAPPER dtsmig_fdw "
      . "OPTIONS (host '127.0.0.1', port '$port', dbname '$db'$more);\n"
      . "CREATE USER MAPPING FOR CURRENT_USER SERVER $name OPTIONS (user '$user', password 'secret');";
}

# Where the log ends, as Dts::Task compares it. Something is written behind it,
# so that whoever reads the log gets past it.
sub log_end
{
    my ($self) = @_;
    my $lsn = $self->value('SELECT pg_current_wal_insert_lsn()');
    $self->sql("SELECT pg_logical_emit_message(true, 'test', '')");
    return $lsn;
}

# A session of its own that runs what a generator gives, until stopped.
# Returns an object with stop.
sub background
{
    my ($self, $next, %opt) = @_;
    my @cmd = $self->psql_cmd($opt{db}, $opt{role});
    pipe(my $r, my $w) or die "pipe: $!";
    my $pid = fork // die "fork: $!";
    if (!$pid)
    {
        close $r;
        require POSIX;
        my $go = 1;
        $SIG{TERM} = sub { $go = 0 };
        $SIG{PIPE} = 'IGNORE';
        srand $$;
        while ($go)
        {
            s/ON_ERROR_STOP=1/ON_ERROR_STOP=0/ for @cmd;
            open my $in, '|-', join(' ', map { "'$_'" } @cmd) . ' >/dev/null 2>&1' or last;
            $in->autoflush(1);
            while ($go && (print $in $next->())) { }
            close $in;
            sleep 0.2;
        }
        POSIX::_exit(0);
    }
    close $w;
    my $stopper = bless { pid => $pid, r => $r }, 'Dts::PgSource::Background';
    on_exit(sub { $stopper->stop });
    return $stopper;
}

{
    package Dts::PgSource::Background;

    # Ends after the statement that is being run; what was sent is done.
    sub stop
    {
        my ($self) = @_;
        return unless $self->{pid};
        kill 'TERM', $self->{pid};
        waitpid $self->{pid}, 0;
        $self->{pid} = undef;
    }
}

# What differs in the rows of two tables ('' if nothing does).
sub pg_difference
{
    my ($src, $from, $dst, $to, %opt) = @_;
    $to //= $from;
    # versions print floating point numbers differently
    my @cols = map { $_->[0] } $src->rows("SELECT CASE coalesce((SELECT nullif(typbasetype, 0) FROM pg_type WHERE oid = atttypid), atttypid)::regtype::text WHEN 'real' THEN format('float4send(%I)', attname) WHEN 'double precision' THEN format('float8send(%I)', attname) ELSE quote_ident(attname) END FROM pg_attribute "
          . "WHERE attrelid = '$from'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attname",
        db => $opt{db});
    my $row = join ", '|', ", map { "coalesce($_\::text, '~')" } @cols;
    $row = "''" unless @cols;
    my $sum = sub {
        my ($table) = @_;
        return "SELECT count(*) || ' ' || coalesce(sum(('x' || substr(md5(concat($row)), 1, 15))::bit(60)::bigint::numeric), 0) FROM ONLY $table";
    };
    my $a = $src->value($sum->($from), db => $opt{db});
    my ($code, $b, $err) = $dst->psql($sum->($to));
    return "$to: $err" if $code;
    return '' if $a eq $b;
    my $list = sub { "SELECT * FROM (SELECT concat($row) AS r FROM ONLY $_[0]) x ORDER BY r COLLATE \"C\" LIMIT 200000" };
    my @l = map { [ split /\n/, $_ ] } $src->value($list->($from), db => $opt{db}),
      $dst->value($list->($to));
    my (%n, @diff);
    $n{$_}++ for @{ $l[0] };
    $n{$_}-- for @{ $l[1] };
    for (sort keys %n)
    {
        push @diff, ($n{$_} > 0 ? 'missing: ' : 'too many: ') . substr $_, 0, 300 if $n{$_};
        last if @diff > 10;
    }
    return "$to ($a, $b):\n" . join "\n", @diff;
}

# Are all tables of these schemas equal, at least one, and does the destination
# have no other? One test. db: of the source; extra: others may be there; skip: these are not
# looked at.
sub same_pg_tables
{
    my ($src, $dst, $what, %opt) = @_;
    my $schemas = join ', ', map { "'$_'" } @{ $opt{schemas} // ['public'] };
    my @tables = map { $_->[0] } $src->rows("SELECT format('%I.%I', nspname, relname) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relkind = 'r' AND nspname IN ($schemas) ORDER BY 1",
        db => $opt{db});
    my %skip = map { $_ => 1 } @{ $opt{skip} // [] };
    @tables = grep { !$skip{$_} } @tables;
    my @diff = grep { $_ ne '' } map { pg_difference($src, $_, $dst, $_, %opt) } @tables;
    my %known = map { $_ => 1 } @tables;
    push @diff, 'no tables' if !@tables;
    push @diff, map { "$_: not at the source" } grep { !$known{$_} } map { $_->[0] } $dst->rows("SELECT format('%I.%I', nspname, relname) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relkind = 'r' AND nspname IN ($schemas) AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')")
      if !$opt{extra};
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return Test::More::ok(!@diff, "$what: " . scalar(@tables) . ' tables are equal') || Test::More::diag(join "\n", 'difference:', @diff);
}

# A running source and a running destination with the extension.
sub pg_pair
{
    my (%opt) = @_;
    my $src = Dts::PgSource->new(kind => $opt{kind}, conf => $opt{src_conf})->start;
    my $pg = Dts::Postgres->new(preload => $opt{preload} // 1, conf => $opt{conf},
        fsync => $opt{fsync})->start;
    $pg->sql('CREATE EXTENSION dtsmig');
    return ($src, $pg);
}

1;
