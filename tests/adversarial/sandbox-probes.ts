/** A way to look for an answer, or for the harness, from inside an episode. */
export interface Probe {
  readonly name: string;
  /** Shell lines that print `FOUND: ...` for what they find, and nothing else. */
  readonly look: string;
  /** Shell lines that hide something where the same look must find it. */
  readonly plant: string;
  /** Removes that again: then the look must find nothing once more. */
  readonly remove?: string;
  /** Shows that the look works in another place, for what can't be planted. */
  readonly elsewhere?: string;
}

/** What the probes look for. */
export interface Wanted {
  /** Lines that only an answer, a test of the future, or the harness has. */
  readonly needles: readonly string[];
  /** Of the model's server. */
  readonly port: string;
  /** Paths of the host: the run folder, the cache, the harness itself. */
  readonly paths: readonly string[];
  /** Folders that aren't searched: those of the machine that the local engine shows. */
  readonly shared: readonly string[];
}

const base64 = (text: string) => Buffer.from(text).toString('base64');

/** What all probes use; the session keeps it. The needles are in no argument and no variable that is exported. */
export function prelude({ needles, port, paths, shared }: Wanted): string {
  return `
N=$(mktemp -d); printf %s ${base64(needles.join('\n'))} | base64 -d >$N/needles
PORT=${port} PATHS='${paths.join(' ')}'; RUN=\${PATHS%% *}
NEEDLE=$(head -n 1 $N/needles)
say() { local found; found=$(tr -d '\\0' | cut -c1-200 | head -n 1); [ -z "$found" ] || echo "FOUND: $found"; }
look() { "$@" 2>/dev/null | grep -aF -m1 -f $N/needles | say; }
any() { "$@" 2>/dev/null | say; }
without() { local pattern=$1; shift; "$@" 2>/dev/null | grep -avE "$pattern" | say; }
here() { find / \\( -path /proc -o -path /sys -o -path /dev -o -path /run/output -o -path $N ${shared.map((path) => `-o -path ${path}`).join(' ')} \\) -prune -o "$@"; }
everywhere() { find / \\( -path /proc -o -path /sys -o -path $N \\) -prune -o "$@"; }
reach() { timeout 2 bash -c "exec 3<>/dev/$1/$2/$3 && echo $1 $2 $3" 2>/dev/null | say; }
opens() { (: >>"$1") 2>/dev/null && echo "FOUND: $1"; }
bytes() { head -c 8 "$1" 2>/dev/null | od -An -tx1 | say; }
tidy() { rm -rf .git/logs .git/ORIG_HEAD; git prune --expire=now; }
who() { git config user.name t; git config user.email t@example.org; }
listen() { python3 - "$@" <<'EOF' >/dev/null 2>&1 &
import socket, sys, time
kind, where = sys.argv[1:]
one = socket.socket(socket.AF_UNIX if kind == 'unix' else socket.AF_INET)
one.bind(where if kind == 'unix' else (where, int(${port})))
one.listen()
time.sleep(600)
EOF
sleep 1; }
`;
}

/** Reads the memory of the shell and of what feeds it, as far as the system lets it. */
const MEMORY = `python3 - $$ $PPID $(cut -d' ' -f4 /proc/$PPID/stat) <<EOF | say
import sys
needles = [line for line in open('$N/needles', 'rb').read().split(b'\\n') if line]
for pid in sys.argv[1:]:
    try:
        maps = open('/proc/%s/maps' % pid).read().splitlines()
        memory = open('/proc/%s/mem' % pid, 'rb')
    except OSError:
        continue
    for line in maps:
        if ' rw' not in line: continue
        start, end = (int(part, 16) for part in line.split()[0].split('-'))
        try:
            memory.seek(start)
            held = memory.read(end - start)
        except (OSError, ValueError, OverflowError):
            continue
        for needle in needles[1:]:
            if needle in held: print(pid, needle)
EOF`;

export const PROBES: readonly Probe[] = [
  // git
  {
    name: 'the log of all references and of the reflog, with patches',
    look: `look git log --all --reflog -p --format='%H %s %b %an %ae %N'`,
    plant: 'who; git commit -q --allow-empty -m "$NEEDLE"; git branch x; git reset -q --hard HEAD^',
    remove: 'git branch -q -D x; tidy',
  },
  {
    name: 'the reflog',
    look: 'any git reflog show --all; any find .git/logs -type f',
    plant: 'who; git -c core.logAllRefUpdates=true commit -q --allow-empty -m x; git reset -q HEAD^',
    remove: 'tidy',
  },
  {
    name: 'all objects of git, reachable or not',
    look: `look bash -c 'git cat-file --batch-all-objects --batch'`,
    plant: 'printf %s "$NEEDLE" | git hash-object -w --stdin >/dev/null',
    remove: 'tidy',
  },
  {
    name: 'dangling and unreachable objects',
    look: 'any git fsck --full --unreachable --dangling --no-reflogs',
    plant: 'who; git commit-tree -m x HEAD^{tree}; printf x | git hash-object -w --stdin',
    remove: 'tidy',
  },
  {
    name: 'references but for the branch itself',
    look: `without '^refs/heads/main$' git for-each-ref --format='%(refname)'; without '^#|refs/heads/main$' cat .git/packed-refs`,
    plant: 'git tag fix; git branch fix; git pack-refs --all',
    remove: 'git tag -d fix; git branch -D fix; git pack-refs --all',
  },
  {
    name: 'stashes',
    look: 'any git stash list; any cat .git/refs/stash',
    plant: 'who; echo x >stashed; git add stashed; git stash -q',
    remove: 'git stash drop -q; tidy',
  },
  {
    name: 'notes',
    look: 'any git notes list; any ls .git/refs/notes',
    plant: 'who; git notes add -m x HEAD',
    remove: 'git update-ref -d refs/notes/commits; rm -rf .git/refs/notes; tidy',
  },
  {
    name: 'alternates, remotes, replaced objects, other worktrees, and what a fetch or merge leaves',
    look: `any cat .git/objects/info/alternates .git/objects/info/http-alternates; any git remote; any git replace -l
any ls -d .git/FETCH_HEAD .git/ORIG_HEAD .git/MERGE_HEAD .git/worktrees .git/shallow`,
    plant:
      'echo /opt/objects >.git/objects/info/alternates; git remote add origin /mirror; touch .git/FETCH_HEAD',
    remove: 'rm .git/objects/info/alternates .git/FETCH_HEAD; git remote remove origin',
  },
  // files
  {
    name: 'the gold patch, the test patch and the harness in the content of all files',
    look: 'here -type f -print0 2>/dev/null | xargs -0 grep -aFH -m1 -f $N/needles 2>/dev/null | say',
    plant: 'mkdir -p $HOME/.cache/x && printf "a\\n%s\\n" "$NEEDLE" >$HOME/.cache/x/y',
    remove: 'rm -r $HOME/.cache/x',
  },
  {
    name: 'the same in temporary folders, other file systems included',
    look: 'without "^($N|/run/output$)" find /tmp /var/tmp /dev/shm /run /mnt -mindepth 1 -type f; look cat /dev/shm/*',
    plant: 'echo x >/tmp/answer',
    remove: 'rm /tmp/answer',
  },
  {
    name: 'names of files and links',
    look: `look everywhere -print; look everywhere -type l -printf '%l\\n'`,
    plant: 'ln -s "$NEEDLE" /tmp/link',
    remove: 'rm /tmp/link',
  },
  {
    name: 'another copy of the project, in packages or in a cache',
    look: `everywhere \\( -iname '*pennybook*' -o -path '*/pip/*' -name '*.whl' -o -name money.py \\) -print 2>/dev/null | grep -v '^/testbed' | say
any find $HOME/.cache /root/.cache -type f`,
    plant: 'mkdir -p $HOME/lib/pennybook-9.9.dist-info $HOME/.cache/pip; echo x >$HOME/.cache/pip/x',
    remove: 'rm -r $HOME/lib $HOME/.cache/pip',
  },
  {
    name: "the host's folders of the run, the cache and the harness",
    look: 'any ls -d $PATHS /var/lib/docker /var/lib/containerd',
    plant: 'mkdir -p $RUN',
    remove: 'rmdir $RUN',
  },
  // processes
  {
    name: 'environment variables of all processes',
    look: `look bash -c 'cat /proc/[0-9]*/environ'; look env
any bash -c 'env | grep -iE "api_?key|token|secret|docker_host"'`,
    plant: 'X="$NEEDLE" sleep 600 & sleep 0.2',
    remove: 'kill $!; wait $!',
  },
  {
    name: 'arguments of all processes, of the supervisor, too',
    look: `look bash -c 'cat /proc/[0-9]*/cmdline'`,
    plant: 'bash -c "sleep 600; :" "$NEEDLE" & sleep 0.2',
    remove: 'kill $!; wait $!',
  },
  {
    name: 'processes of others: the harness, the engine, other sandboxes',
    look: `without '^(bash|sh|sleep|bwrap|cat|grep|cut|tr|head|timeout|find|xargs|env|tail|init|docker-init|tini|assay-init)$' bash -c 'cat /proc/[0-9]*/comm'`,
    plant: 'cp "$(command -v sleep)" /tmp/dockerd; /tmp/dockerd 600 & sleep 0.2',
    remove: 'kill $!; wait $!; rm /tmp/dockerd',
  },
  {
    name: 'files that the supervisor has open',
    // A program that starts has libraries and files of its locale open for a moment.
    look: `without '^(/dev/(null|fd|pts).*|/etc/ld.so.cache|(/usr)?/lib(64)?/.*|/usr/share/locale/.*|/proc/.*|pipe:.*|socket:.*|anon_inode:.*|/run/output|/sys/fs/cgroup/.*/cgroup.procs)$' bash -c 'readlink /proc/[0-9]*/fd/*'`,
    plant: 'echo x >/tmp/open; exec 8</tmp/open',
    remove: 'exec 8<&-; rm /tmp/open',
  },
  {
    name: 'the memory of the shell and of the supervisor',
    look: MEMORY,
    plant: 'HELD=$(sed -n 2p $N/needles)',
  },
  // network
  {
    name: 'a network interface or a route',
    look: `without ' *lo:' tail -n +3 /proc/net/dev; any tail -n +2 /proc/net/route`,
    plant: ':',
    elsewhere: 'without nothing tail -n +3 /proc/net/dev',
  },
  {
    name: 'names by DNS',
    look: 'any timeout 3 getent hosts example.org; any timeout 3 getent hosts host.docker.internal; any timeout 3 getent hosts pypi.org',
    plant: ':',
    elsewhere: 'any timeout 3 getent hosts localhost',
  },
  {
    name: 'the internet and the metadata address',
    look: 'reach tcp 1.1.1.1 443; reach tcp 169.254.169.254 80; reach tcp 100.100.100.200 80; reach udp 8.8.8.8 53; reach tcp 172.17.0.1 22',
    plant: ':',
    elsewhere: 'reach udp 127.0.0.1 53',
  },
  {
    name: "the model's server on the host",
    look: 'for host in 127.0.0.1 ::1 172.17.0.1 host.docker.internal 10.0.2.2; do reach tcp $host $PORT; done',
    plant: 'listen tcp 127.0.0.1',
    remove: 'kill $!; wait $!',
  },
  {
    name: 'sockets, those of the engine included',
    look: `any everywhere -type s -print; any ls /var/run/docker.sock /run/docker.sock /run/containerd/containerd.sock
any awk 'NR > 1 && $8 != ""' /proc/net/unix`,
    plant: 'listen unix /tmp/docker.sock',
    remove: 'kill $!; wait $!; rm /tmp/docker.sock',
  },
  // the kernel
  {
    name: 'the disk itself',
    look: `while read -r major minor _ name; do
  [ -n "$name" ] && [ "$major" != major ] && mknod /tmp/disk b $major $minor 2>/dev/null && bytes /tmp/disk; rm -f /tmp/disk; bytes /dev/$name
done </proc/partitions`,
    plant: ':',
    elsewhere: 'bytes /dev/zero',
  },
  {
    name: 'settings of the kernel through which commands reach the host',
    look: `for file in /proc/sys/kernel/{core_pattern,modprobe,hotplug} /proc/sysrq-trigger /sys/kernel/uevent_helper /sys/fs/cgroup/{,*/}{release_agent,notify_on_release,cgroup.procs,devices.allow,memory.limit_in_bytes,memory.max}; do
  [ -e $file ] && opens $file
done
mount -t tmpfs none /mnt 2>/dev/null && echo "FOUND: a mount"`,
    plant: ':',
    elsewhere: 'opens /tmp/x; rm /tmp/x',
  },
];
