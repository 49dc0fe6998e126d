const SEGMENT =
  /^(?:DEBIAN_FRONTEND=noninteractive )?apt-get (?:-\S+ )*(?:update|upgrade|install)((?: +[\w.+-]+)*)$/;

/** What Debian only recommends beside a package, which images don't get, and what the package is installed for needs. */
const RECOMMENDED: Readonly<Record<string, readonly string[]>> = {
  gcc: ['libc6-dev'],
  imagemagick: ['ghostscript'],
  'texlive-xetex': ['lmodern'],
};

export interface SplitCommands {
  readonly systemPackages: readonly string[];
  /** The commands that aren't apt-get alone, in order. */
  readonly commands: readonly string[];
}

/** Takes commands that only call apt-get out of a list and names the packages that they install. */
export function splitApt(commands: readonly string[]): SplitCommands {
  const packages: string[] = [];
  const others: string[] = [];
  for (const command of commands) {
    const segments = command.split('&&').map((segment) => SEGMENT.exec(segment.trim()));
    if (segments.includes(null)) {
      others.push(command);
      continue;
    }
    const words = segments.flatMap((segment) => segment?.[1]?.trim().split(/ +/) ?? []);
    packages.push(...words.filter((word) => word !== '' && !word.startsWith('-')));
  }
  const recommended = packages.flatMap((name) => RECOMMENDED[name] ?? []);
  return {
    systemPackages: sortedUnion(packages, recommended),
    commands: others.filter((command) => command.trim() !== ''),
  };
}

/** Every word of the lists once, sorted. */
export function sortedUnion(...lists: readonly (readonly string[])[]): readonly string[] {
  return [...new Set(lists.flat())].sort();
}
