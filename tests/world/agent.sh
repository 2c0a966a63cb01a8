#!/bin/sh
# The fake agent: a real program in a seat, that does what the test says through two named pipes of its home.
[ -p "$HOME/ask" ] || mkfifo "$HOME/ask" "$HOME/answer" || exit 1
exec 3<>"$HOME/ask" 4<>"$HOME/answer"
orchestrate whoami >"$HOME/whoami" || exit 1
while read -r number <&3; do
	sh "$HOME/$number.sh" </dev/null >"$HOME/$number.out" 2>"$HOME/$number.err" 3<&- 4<&-
	echo "$number $?" >&4
done
