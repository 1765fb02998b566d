# README and docs/: the reference is what the extension says of itself, links
# lead somewhere, and what a page names exists.
use strict;
use warnings;
use Test::More;
use Dts::Env qw(slurp topdir);
use Dts::Postgres;
use Dts::Reference qw(reference);

my $top = topdir();
my $pg = Dts::Postgres->new->start;
$pg->sql('CREATE EXTENSION dtsmig');

# --- every function, view and column says what it is
is($pg->value("SELECT string_agg(p.oid::regprocedure::text, ', ') FROM pg_proc p WHERE pronamespace = 'dtsmig'::regnamespace AND obj_description(p.oid, 'pg_proc') IS NULL"), '', 'functions have comments');
is($pg->value("SELECT string_agg(c.oid::regclass::text, ', ') FROM pg_class c WHERE relnamespace = 'dtsmig'::regnamespace AND relkind = 'v' AND obj_description(c.oid, 'pg_class') IS NULL"), '', 'views have comments');
is($pg->value("SELECT string_agg(attrelid::regclass || '.' || attname, ', ') FROM pg_attribute JOIN pg_class c ON c.oid = attrelid WHERE relnamespace = 'dtsmig'::regnamespace AND relkind = 'v' AND attnum > 0 AND NOT attisdropped AND col_description(attrelid, attnum) IS NULL"), '', 'columns of views have comments');
is(slurp("$top/docs/reference.md"), reference($pg), 'docs/reference.md is current (make reference)');

# --- links
my %text = map { $_ => slurp("$top/$_") } grep { -f "$top/$_" } 'README.md', 'CONTRIBUTING.md', map { "docs/" . s{.*/}{}r } glob "$top/docs/*.md";
cmp_ok(length $text{'README.md'}, '<=', 10240, 'README has at most 10 kB');

# what shows statements is run
my $run = join '', map { slurp("$top/test/t/$_/documents.pl") } qw(mysql pgsql);
for my $page (grep { $text{$_} =~ /^ *```sql/m } sort keys %text)
{
    my ($name) = $page =~ m{([\w-]+)\.md$};
    like($run, qr/\b\Q$name\E(?:\.md)?['" ]|qw\([^)]*\b\Q$name\E\b[^)]*\)/, "$page: a test runs its statements");
}

# The anchors of a page, as GitHub makes them of its headings.
sub anchors
{
    my ($text) = @_;
    $text =~ s/^```.*?^```$//msg;
    my %seen;
    return map { my $a = lc s/[^\w\- ]//gr =~ tr/ /-/r; $seen{$a}++ ? "$a-" . ($seen{$a} - 1) : $a } $text =~ /^#+ (.*)$/mg;
}
for my $page (sort keys %text)
{
    my ($dir) = $page =~ m{^(.*/)?};
    my @broken;
    for my $link ($text{$page} =~ /\]\(([^)\s]+)\)/g)
    {
        next if $link =~ /^https?:/;
        my ($path, $anchor) = split /#/, $link, 2;
        my $file = $path eq '' ? $page : ($dir // '') . $path;
        1 while $file =~ s{[^/]+/\.\./}{};
        if (!-e "$top/$file") { push @broken, $link; next; }
        push @broken, $link if defined $anchor && !grep { $_ eq $anchor } anchors($text{$file} // slurp("$top/$file"));
    }
    is("@broken", '', "$page: links lead somewhere");

    # files of the tree and tests that it names
    my @gone = grep { my $f = $_; !-e "$top/test/t/$f" } $text{$page} =~ m{`((?:common|mysql|pgsql)/\w+\.pl)`}g;
    push @gone, grep { !-e "$top/src/$_" && !-e "$top/$_" } $text{$page} =~ m{`((?:src/|core/|schema/|source/|dest/|worker/|check/|transform/|api/|store/|client/|tables/|fdw/|foreign/|test/|sql/)[\w/.]+\.(?:c|h|pl|sql|json|yml))`}g;
    is("@gone", '', "$page: the files that it names exist");
}
like($text{'README.md'}, qr/\]\(docs\/\Q$_\E\)/, "README leads to $_") for map { s{.*/}{}r } glob "$top/docs/*.md";
done_testing();
