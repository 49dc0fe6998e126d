import { posix } from 'node:path';
import type { CommandResult, Session } from '../../plugins/agent/session.js';

/** What a scripted shell answers; what isn't said is a command that printed nothing and succeeded. */
export type Reply = Partial<CommandResult>;

export interface FakeSession extends Session {
  readonly files: Map<string, Uint8Array>;
  /** Commands that reached the shell. */
  readonly commands: readonly string[];
  /** The file's bytes as Latin-1. */
  text(path: string): string;
}

interface FakeOptions {
  /** By absolute path; texts are taken as UTF-8. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  readonly cwd?: string;
  readonly reply?: (command: string) => Reply;
}

/** A session in memory: folders are there where files are, and `/repo` always. */
export function fakeSession({
  files = {},
  cwd = '/repo',
  reply = () => ({}),
}: FakeOptions = {}): FakeSession {
  const contents = new Map(Object.entries(files).map(([path, content]) => [path, Buffer.from(content)]));
  const commands: string[] = [];
  let folder = cwd;
  const isFolder = (path: string) =>
    path === '/repo' || [...contents.keys()].some((file) => file.startsWith(`${path}/`));
  return {
    files: contents,
    commands,
    text: (path) => contents.get(path)?.toString('latin1') ?? '(not there)',
    async run(command) {
      commands.push(command);
      const given = reply(command);
      folder = given.cwd ?? folder;
      return {
        ...{ output: '', exitCode: 0, isTimeout: false, truncatedChars: 0, restarted: false, seconds: 0 },
        ...given,
        cwd: folder,
      };
    },
    async readFile(path) {
      return contents.get(posix.resolve(folder, path));
    },
    async writeFile(path, content) {
      const target = posix.resolve(folder, path);
      if (isFolder(target)) throw new Error(`${target}: Is a directory`);
      if (!isFolder(posix.dirname(target))) throw new Error(`${target}: No such file or directory`);
      contents.set(target, Buffer.from(content));
    },
    cwd: () => folder,
    async close() {},
  };
}
