# Runs the shell of a session, ends what its commands leave running, and reads and writes files.
#
# A request on stdin is a line `VERB KEY LENGTH ARGUMENTS` and LENGTH characters of body; texts in it are quoted as $'...'. An answer on
# stdout is the byte 036, KEY, words, NUL, in one write of less than PIPE_BUF: nothing that others print gets between. All else there is
# output of commands.

exec 2>/dev/null
set -o pipefail
# Caught and not ignored: what is ignored here would be so in every command.
outlive_signals() { trap : HUP INT QUIT TERM PIPE; }
outlive_signals
# Not by the name of descriptor 1, which is another while a `printf` here is redirected.
exec 5>&1
output=/proc/$$/fd/5
before=()

answer() { printf '\036%s %s\0' "$key" "$1"; }

# Only an interactive shell can be stopped in the middle of a loop and live on. Its own streams lead nowhere; commands get theirs by name
# each time, so that none can close them. On RTMAX the trap runs as soon as the child that is waited for is gone, before the next command.
start_shell() {
  exec 3>&-
  exec 3> >(
    outlive_signals
    cd -- "$1"
    # A process group of its own, or `kill 0` would end us as well.
    set -m
    { "$BASH" --noprofile --norc --noediting -i <&4 >/dev/null 4<&- 5>&- & } 4<&0
    answer "shell $!"
    # At least once: the shell may have ended before anybody looked. A signal only interrupts the wait.
    while :; do
      wait $!
      code=$?
      kill -0 $! || break
    done
    answer "dead $code"
  )
  keeper=$!
  printf '%s\n' "PS1= PS2=; set +o history +H; unset HISTFILE MAILCHECK; shopt -u checkwinsize" \
    "trap 'trap - INT; kill -INT \$\$' RTMAX" >&3
}

# Sourced: an interactive `eval` comments on jobs and on the terminal that isn't there. The first line says that the shell can still do
# what the second needs; the last comes whatever becomes of that.
run() { # quoted lines
  local lines streams="</dev/null >>$output 2>&1 99<<<"
  before=(/proc/[0-9]*)
  # So many are a fork bomb, and to be stopped with the next command.
  ((${#before[@]} < 200)) || [[ ! $is_alone ]] || before=("${ancestors[@]}")
  end="\\builtin printf '\\036$key end %s %s\\0' \"\$?\" \"\${PWD-}\" >>$output"
  lines="\\builtin printf '\\036$key begin\\0' $streams:"$'\n'"\\builtin . /dev/fd/99 $streams$1"$'\n'$end
  # What doesn't fit into the pipe would wait for a shell that may never read it.
  if ((${#lines} < 32768)); then printf '%s\n' "$lines" >&3; else printf '%s\n' "$lines" >&3 & fi
}

look_at() { # pid; sets state, parent and session
  local stat
  IFS= read -rd '' stat <"/proc/$1/stat"
  [[ $stat ]] || return
  set -- ${stat##*) }
  state=$1 parent=$2 session=$4
}

carries_marker() { # pid
  local entry
  [[ ${ASSAY_SANDBOX-} ]] || return
  while IFS= read -rd '' entry; do
    [[ $entry == "ASSAY_SANDBOX=$ASSAY_SANDBOX" ]] && return
  done <"/proc/$1/environ"
  return 1
}

# The session of the first process, if it isn't ours as well: there an engine starts anew whatever is killed.
look_at $$
((session == 1)) && engine_session= || engine_session=1
# Ourselves, and who started us.
ancestors=()
for ((pid = $$; pid > 1; pid = parent)); do
  ancestors+=("/proc/$pid")
  look_at "$pid" || break
done
# 1, the process that takes in orphans, where all processes that can be seen are the sandbox's own: the engine started us from outside of
# what we see, or with bubblewrap. The local engine leaves its marker where it gives a sandbox no process ids of its own.
is_alone=
if [[ ${ASSAY_SANDBOX-} ]]; then
  carries_marker 1 && is_alone=1
elif ((pid == 0)) || [[ $(</proc/1/comm) == bwrap ]]; then
  is_alone=1
fi

# Stops the command: signals for the shell, then SIGKILL for all that it has left running. That is what wasn't there when it began and
# descends from us, or is an orphan of the sandbox; what earlier background processes begot stays. Its end is asked for again.
stop() { # shell, signals
  local pid path round strangers state parent session signal
  local -A known=() above=()
  for path in "${before[@]}"; do known[${path#/proc/}]=1; done
  for pid in $$ $keeper $1 $is_alone; do known[$pid]=1 above[$pid]=1; done
  for signal in "${@:2}" CONT; do kill -s "$signal" "$1"; done
  for ((round = 0; round < 1000; round++)); do
    strangers=()
    for path in /proc/[0-9]*; do
      pid=${path#/proc/}
      [[ ! ${known[$pid]-} ]] && look_at "$pid" && [[ $state != Z && $session != "$engine_session" ]] || continue
      while [[ $parent != [01] && ! ${known[$parent]-} ]]; do look_at "$parent" || parent=1; done
      if [[ ${above[$parent]-} ]] || { carries_marker "$pid" && ! carries_marker "$parent"; }; then
        strangers+=("$pid")
      fi
    done
    ((${#strangers[@]} > 0)) || break
    # Stopped first, so that they can't fork while others are still to be killed.
    kill -STOP "${strangers[@]}"
    kill -KILL "${strangers[@]}"
  done
  printf '%s\n' "$end" >&3
}

read_file() { # path, most bytes
  local text line
  if [[ ! -f $1 ]]; then
    answer missing
  elif text=$({ head -c "$2" -- "$1" | base64 -w 3600; } 2>&1); then
    for line in $text; do answer "part $line"; done
    answer 'done'
  else
    answer "failed ${text:0:2000}"
  fi
}

write_file() { # path, content as base64
  local text
  if [[ -e $1 && ! -f $1 && ! -d $1 ]]; then
    answer 'failed Not a regular file'
  elif text=$({ printf %s "$2" | base64 -d >"$1"; } 2>&1); then
    answer 'done'
  else
    text=${text#*line *: }
    answer "failed ${text:0:2000}"
  fi
}

while read -r verb key length arguments; do
  body=
  ((length == 0)) || IFS= read -rN "$length" body
  case $verb in
    start) eval "start_shell $arguments" ;;
    run) run "$body" ;;
    stop) stop $arguments ;;
    read) eval "read_file $arguments" ;;
    write) eval "write_file $arguments \"\$body\"" ;;
  esac
done
before=("${ancestors[@]}") keeper=
stop $$
