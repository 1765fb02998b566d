#!/usr/bin/perl
# Does the model find faults? Each mutation below breaks one decision in a copy
# of the sources; the model, built from that copy, must see a difference within
# COUNT schedules (argument; default 3000). A mutation that does not fit the
# sources any more counts as missed: it is to be written again. Of faults that
# the code makes up for by itself later on there is none here: they are none.
#
#	[OUT=…] ./mutations.pl [--count N] [NAME...]
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Temp qw(tempdir);

chdir dirname(abs_path($0)) or die $!;
my $count = 3000;
if (@ARGV && $ARGV[0] eq '--count') { shift; $count = shift; }
my %wanted = map { $_ => 1 } @ARGV;

# name, file, what stands there, what shall
my @mutations = (
    # run_changes.c: which changes a table takes, and how
    [ 'copied is not asked', 'worker/run_changes.c', 'change->copied = change_is_before(change, rel->snap_lo);', 'change->copied = false;' ],
    [ 'copied up to the last snapshot', 'worker/run_changes.c', 'change->copied = change_is_before(change, rel->snap_lo);', 'change->copied = change_is_before(change, rel->snap_hi);' ],
    [ 'strict in the zone', 'worker/run_changes.c', 'change->idempotent = change_is_before(change, rel->snap_hi);', 'change->idempotent = false;' ],
    [ 'the end of the zone excluded', 'worker/run_changes.c', 'change->idempotent = change_is_before(change, rel->snap_hi);', 'change->idempotent = change_is_before(change, rel->snap_lo);' ],
    [ 'tables that wait are followed', 'worker/run_changes.c', 'rel == NULL || rel->resync ||', 'rel == NULL ||' ],
    [ 'ROLLBACK is taken for COMMIT', 'worker/run_changes.c', "\t\tcase CHANGE_ROLLBACK:\n\t\t\treturn true;", "\t\tcase CHANGE_ROLLBACK:\n\t\t\tf->in_transaction = false;\n\t\t\tf->stream = f->stream;\n\t\t\tfollow_commit(f);\n\t\t\treturn true;" ],
    [ 'VOID keeps what came', 'worker/run_changes.c', "\tclose_writer(f);\n\tMemoryContextSwitchTo(f->run->cxt);\n\topen_writer(f);\n\tf->in_transaction", "\tf->in_transaction" ],
    [ 'nothing is committed before a part', 'worker/run_changes.c', "\tif (f->new_changes > 0 || f->new_transactions > 0)\n\t\tfollow_commit(f);", '' ],
    [ 'DDL before what came before it', 'worker/run_changes.c', "if (f->new_changes > 0 || touched)\n\t\tfollow_commit_at", "if (touched)\n\t\tfollow_commit_at" ],
    # run_commit.c
    [ 'a mark is not written', 'worker/run_commit.c', 'task_mark_resync(run, rel->table_id, rel->out->torn);', '' ],
    [ 'confirmed before it is committed', 'worker/run_commit.c', "\trun->dest->commit(f->writer, follow_write_position, f);", "\trun->source->confirm(f->stream, f->position);\n\trun->dest->commit(f->writer, follow_write_position, f);" ],
    [ 'confirmed while it is needed', 'worker/run_commit.c', 'if (run->info->keep_from == NULL)', 'if (true)' ],
    # run_copy.c
    [ 'the lowest snapshot is not the low', 'worker/run_copy.c', '*low = l == NULL || later_position(run, *low, l) == *low ? l : *low;', '*low = l == NULL ? l : later_position(run, *low, l);' ],
    [ 'the last snapshot is not the high', 'worker/run_copy.c', '*high = later_position(run, *high, h);', '' ],
    [ 'changes start after a snapshot', 'worker/run_copy.c', "\t\t\tstart = low;", "\t\t\t;" ],
    # run_snapshot.c, copy_worker.c
    [ 'a keyless table in any snapshot', 'worker/copy_worker.c', 'if (rel->nkey == 0 && !snapshot.exact && snapshot.high != NULL)', 'if (false)' ],
    [ 'a job is done before its rows', 'worker/copy_worker.c', "snapshot.low,\n\t\t\t\tsnapshot.high);", 'snapshot.low, snapshot.low);' ],
    [ 'a snapshot without what is applied', 'worker/run_resync.c', 'if (!task_snapshot_has(run, r->snapshot, r->applied))', 'if (false)' ],
    [ 'a repair without what is applied', 'worker/run_snapshot.c', 'if (task_snapshot_has(run, *low, applied))', 'if (true)' ],
    # run_resync.c
    [ 'children are not copied along', 'worker/run_resync.c', "\tif (r->slot == NULL)\n\t\tchoose_tied(r, false);", '' ],
    [ 'inexact taken for exact', 'worker/run_resync.c', "return rel == r->keyless ? r->high : r->snapshot;", "return r->high;" ],
    [ 'the zone of a copy made again', 'worker/run_resync.c', "\tr->high = snapshot->high;", "\tr->high = start;" ],
    [ 'rows stay in a table copied again', 'worker/run_resync.c', 'resync_empty(r->run, r->rels);', ';' ],
    # run_parallel.c
    [ 'others are not skipped', 'worker/run_parallel.c', 'rel->resync_step != RESYNC_REPLAY;', 'false;' ],
    [ 'no way back', 'worker/run_parallel.c', 'if (strcmp(from, applied) == 0 || copies_are_ahead(run, applied))', 'if (true)' ],
    [ 'the way back inside of a transaction', 'worker/run_changes.c', "\tif (f->in_transaction ||\n\t\t(!f->reported &&", "\tif ((!f->reported &&" ],
    [ 'the log is read again too far', 'worker/run_parallel.c', 'return run->replay_until != NULL && source_pos_cmp(pos, run->replay_end) >= 0;', 'return run->replay_until != NULL && source_pos_cmp(pos, run->replay_end) > 0;' ],
    [ 'a worker that ended is waited for', 'worker/run_parallel.c', 'store_tables_move_step(run->task->id, TABLE_STEP_COPYING, TABLE_STEP_ASKED);' . "\n\t\treturn SETTLED_CHANGED;", 'return SETTLED;' ],
    [ 'a statement does not end the copy', 'worker/run_parallel.c', 'if (!run->copying_parallel && !run->copied_parallel)', 'if (true)' ],
    # run_repair.c
    [ 'a repair has no zone', 'worker/run_repair.c', "\textend_zone(r);", '' ],
    # zero_dates.c, and who calls it
    [ 'a zero date of a copy is not seen', 'worker/copy_worker.c', 'zero_dates_check(run->task, st->rel);', '' ],
    [ 'a zero date of a copy made again is not seen', 'worker/run_resync.c', 'zero_dates_check(run->task, st->rel);', '' ],
    [ 'a zero date of a change is not seen', 'worker/run_changes.c', 'if (unlikely(rel->zero_seen) && f->run->task->do_schema)', 'if (false)' ],
    [ 'nothing is done about a zero date', 'worker/zero_dates.c', 'statement_execute(psprintf("ALTER TABLE %s ALTER COLUMN %s DROP NOT NULL",', '(void) (psprintf("ALTER TABLE %s ALTER COLUMN %s DROP NOT NULL",' ],
    # dest/local, dest/batch
    [ 'an identity column is updated', 'dest/batch/rows.c', 'else if (whole && sets_identity(table, &op->new, op->rekey))', 'else if (false)' ],
    [ 'what a row lacks is not read', 'dest/batch/rows.c', 'whole = table->batch->routine->fetch_row(table, key, &op->new);', 'whole = false;' ],
    [ 'a cascade takes the first step alone', 'dest/local/apply_cascade.c', "\t\tif (processed > 0)\n\t\t\tfollow(w, edge, action, returned, pos, depth);", '' ],
    [ 'an insert overwrites nothing', 'dest/batch/sets.c', 'else if (loose && (entry->complete || !entry->existed))', 'else if (loose && false)' ],
    [ 'updates before deletes', 'dest/batch/sets.c', "\t\trun_kind(w->dirty[i], STMT_DELETE);\n\t\trun_kind(w->dirty[i], STMT_DELETE_IMAGE);\n", '' ],
    [ 'keys that changed in the zone', 'dest/batch/rows.c', "\tif (op->idempotent)\n\t{\n\t\ttable->rel->torn", "\tif (false)\n\t{\n\t\ttable->rel->torn" ],
    [ 'unique values in the zone', 'dest/batch/rows.c', 'if (op->idempotent && op->table->rel->torn == NULL)', 'if (false)' ],
    [ 'a key change leaves the old row', 'dest/batch/batch.c', "\ttake_delete(b, table, op);\n\treturn take_insert(b, table, op);", "\treturn take_insert(b, table, op);" ],
    [ 'an incomplete row is taken for whole', 'dest/batch/batch.c', 'return worst <= COLUMN_NULL;', 'return true;' ],
    [ 'a keyless change counts once', 'dest/batch/batch.c', 'entry->count += by;', 'entry->count = by;' ],
    [ 'a cascade in a table not copied', 'dest/batch/cascade_zone.c', 'source_pos_cmp(pos, child->snap_lo) >= 0;', 'false;' ],
    [ 'a key changes between snapshots', 'dest/batch/cascade_zone.c', 'source_pos_cmp(pos, child->snap_hi) < 0;', 'false;' ],
    [ 'children do not follow their key', 'dest/local/apply_cascade.c', "\t\tif (!differs)\n\t\t\tcontinue;", "\t\tcontinue;" ],
    [ 'a cascade into a later copy', 'dest/batch/cascade.c', "source_pos_cmp(pos, edge->child->rel->snap_lo) < 0;", 'false;' ],
    [ 'cascades with pending inserts', 'dest/batch/batch.c', 'else if (cascade_must_wait(b, table))', 'else if (false)' ],
    # task_worker.c, task_relations.c, tables/relations.c
    [ 'the catch-up ends too early', 'worker/task_worker.c', 'if (is_caught_up(run) && !waits_for_copy(run))', 'if (true)' ],
    [ 'the zone is not read', 'tables/relations.c', 'rel->snap_hi = tc->source->parse_position(t->high);', ';' ],
    [ 'what is known by GTIDs is not', 'worker/task_relations.c', "return rel->snap_set != NULL && run->stream != NULL &&", "return false &&" ],
);

my $dir = tempdir('dtsmig-model-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my ($found, @missed) = (0);
system('cp', '-r', '../../src', "$dir/src") == 0 or die "cp failed";
my $built = $ENV{OUT} // 'out';
system('cp', '-r', $built, "$dir/out") == 0 or die "cp failed";
# what is built is newer than what it was built from
system("find $dir/out -type f -exec touch {} +");
for my $m (@mutations)
{
    my ($name, $file, $from, $to) = @$m;
    next if %wanted && !$wanted{$name};
    my $path = "$dir/src/$file";
    local $/;
    open my $in, '<', $path or die "$path: $!";
    my $text = <$in>;
    close $in;
    my $at = index $text, $from;
    if ($at < 0 || index($text, $from, $at + 1) >= 0) { print "DOES NOT FIT  $name\n"; push @missed, $name; next; }
    my $other = $text;
    substr($other, $at, length $from) = $to;
    my $write = sub { open my $out, '>', $path or die "$path: $!"; print $out $_[0]; close $out; };
    $write->($other);
    my $log = `make -s SRC=$dir/src OUT=$dir/out MUTATED=1 $dir/out/model 2>&1`;
    die "mutation \"$name\" does not compile:\n$log\n" if $?;
    my $out = `timeout 300 $dir/out/model --count $count --jobs 2 2>&1`;
    die "mutation \"$name\": no end of $count schedules within 300 seconds\n" if $? >> 8 == 124;
    my ($first) = $out =~ /^(seed .*)/m;
    if ($? != 0) { $found++; printf "found    %-40s %.110s\n", $name, $first // $out; }
    else { push @missed, $name; print "MISSED   $name\n"; }
    $write->($text);
}
print "the model finds $found of ", $found + @missed, " mutations\n";
exit(@missed ? 1 : 0);
