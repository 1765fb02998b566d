#!/bin/sh
# run_fixtures.sh DECODER FILE... [-- DECODER FILE...]: decodes each captured
# log and compares the text with the expected one, FILE's name with .out. With
# "-- --replay PROGRAM FILE..." the program has only to get through all of them.
# TAP.
n=0
failed=0

result() {
	n=$((n + 1))
	if [ "$1" = 0 ]; then
		echo "ok $n - $2"
	else
		failed=$((failed + 1))
		echo "not ok $n - $2"
		echo "$3" | head -40 | sed 's/^/# /'
	fi
}

while [ $# -gt 0 ]; do
	replay=
	if [ "$1" = --replay ]; then
		replay=yes
		shift
	fi
	decoder=$1
	shift
	files=
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		if [ -n "$replay" ]; then
			files="$files $1"
		else
			text=$("$decoder" "$1" 2>&1 | diff -u "${1%.*}.out" -)
			result $? "$(basename "${1%.*}")" "$text"
		fi
		shift
	done
	if [ -n "$replay" ]; then
		# shellcheck disable=SC2086
		text=$("$decoder" $files 2>&1)
		result $? "$(basename "$decoder"): $(echo "$text" | tail -1)" "$text"
	fi
	[ $# = 0 ] || shift
done
echo "1..$n"
exit $((failed > 0))
