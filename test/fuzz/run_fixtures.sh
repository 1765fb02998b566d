#!/bin/sh
# run_fixtures.sh DECODER FILE... [-- DECODER FILE...]: decodes each captured
# log and compares the text with the expected one, FILE's name with .out. TAP.
decoder=
n=0
failed=0
for log in "$@"; do
	if [ "$log" = -- ]; then
		decoder=
		continue
	elif [ -z "$decoder" ]; then
		decoder=$log
		continue
	fi
	n=$((n + 1))
	name=$(basename "${log%.*}")
	if diff=$("$decoder" "$log" 2>&1 | diff -u "${log%.*}.out" -); then
		echo "ok $n - $name"
	else
		failed=$((failed + 1))
		echo "not ok $n - $name"
		echo "$diff" | head -40 | sed 's/^/# /'
	fi
done
echo "1..$n"
exit $((failed > 0))
