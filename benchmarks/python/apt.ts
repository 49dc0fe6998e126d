const SEGMENT =
  /^(?:DEBIAN_FRONTEND=noninteractive )?apt-get (?:-\S+ )*(?:update|upgrade|install)((?: +[\w.+-]+)*)$/;

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
  return { systemPackages: [...new Set(packages)].sort(), commands: others };
}
