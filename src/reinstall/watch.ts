/**
 * Runs a command and prints, as one line of JSON, what was opened in a tree meanwhile: `python watch.py TREE COMMAND`. It asks the kernel (inotify), so that
 * no process of the command can escape it or notice it. Python 2.7 or 3, standard library only.
 */
export const WATCH = `import ctypes, json, os, struct, subprocess, sys, threading
tree, command = sys.argv[1], sys.argv[2]
libc = ctypes.CDLL(None, use_errno=True)
OPEN, OVERFLOW, ISDIR = 0x20, 0x4000, 0x40000000
queue = libc.inotify_init()
folders = {}
def watch(folder):
    number = libc.inotify_add_watch(queue, os.fsencode(folder), OPEN)
    if queue < 0 or number < 0:
        sys.exit('inotify: ' + os.strerror(ctypes.get_errno()))
    folders[number] = os.path.relpath(folder, tree)
for folder, _, files in os.walk(tree):
    watch(folder)
    for name in files:
        # A source that a patch changes is newer than what was made of it.
        if name.endswith('.py') and not os.path.islink(os.path.join(folder, name)):
            os.utime(os.path.join(folder, name), None)
opened, lost = set(), []
def read():
    while True:
        data = os.read(queue, 1 << 20)
        at = 0
        while at < len(data):
            number, mask, _, size = struct.unpack_from('iIII', data, at)
            name = os.fsdecode(data[at + 16:at + 16 + size].rstrip(b'\\0'))
            at += 16 + size
            if mask & OVERFLOW:
                lost.append(True)
            elif name == END:
                return
            elif name and not mask & ISDIR:
                opened.add(os.path.normpath(os.path.join(folders[number], name)))
END = '.assay-watch-ends'
reader = threading.Thread(target=read)
reader.daemon = True
reader.start()
with open(os.devnull, 'w') as null:
    code = subprocess.call(['/bin/bash', '-c', command], cwd=tree, stdin=null, stdout=null, stderr=null)
open(os.path.join(tree, END), 'w').close()
reader.join(30)
os.remove(os.path.join(tree, END))
print('\\n' + json.dumps({'exitCode': code, 'whole': not lost and not reader.is_alive(), 'opened': sorted(opened)}))
`;
