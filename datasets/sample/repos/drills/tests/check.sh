# Prints TAP: each rule is run in a shell of its own.
. ./lib.sh
count=0

tell() { # whether, name
  count=$((count + 1))
  if [ "$1" = 0 ]; then echo "ok $count - $2"; else echo "not ok $count - $2"; fi
}

# A rule gives a whole number.
whole() { # rule, two numbers
  case $("$1" "$2" "$3" 2>&1) in '' | *[!0-9-]*) tell 1 "$1 gives a number" ;; *) tell 0 "$1 gives a number" ;; esac
}

# A rule gives this number.
check() { # rule, two numbers, result
  [ "$("$1" "$2" "$3" 2>&1)" = "$4" ]
  tell $? "$1 of $2 and $3"
}
