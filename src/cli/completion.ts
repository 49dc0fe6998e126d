import type { Command } from './command.js';
import { EXIT, usage } from './exit.js';
import { withGroups } from './flags.js';

const BASH = `# assay completion bash >> ~/.bashrc
_assay() {
  local IFS=$'\\n'
  COMPREPLY=($("$1" --complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _assay assay`;

const ZSH = `#compdef assay
# assay completion zsh >> ~/.zshrc, behind compinit
_assay() {
  local -a found
  found=("\${(@f)$($words[1] --complete "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n $found[1] ]]; then compadd -- $found; else _files; fi
}
compdef _assay assay`;

const FISH = `# assay completion fish > ~/.config/fish/completions/assay.fish
function __assay_complete
  set -l words (commandline -opc) (commandline -ct)
  $words[1] --complete $words[2..-1] 2>/dev/null
end
complete -c assay -a '(__assay_complete)'`;

const SCRIPTS: Readonly<Record<string, string>> = { bash: BASH, zsh: ZSH, fish: FISH };

export const completionCommand: Command = {
  command: 'completion [shell]',
  describe: 'Print a script that completes commands, flags, datasets, runs and instances in a shell',
  builder: (yargs) =>
    withGroups(
      yargs
        .positional('shell', { type: 'string', desc: 'bash, zsh or fish; default: that of SHELL, else bash' })
        .example('source <(assay completion bash)', 'for this shell')
        .example('$0 completion bash >> ~/.bashrc', 'for all'),
      {},
    ),
  async run(args, host) {
    const own = host.env['SHELL']?.split('/').at(-1) ?? '';
    const shell = (args['shell'] as string | undefined) ?? (Object.hasOwn(SCRIPTS, own) ? own : 'bash');
    const script = Object.hasOwn(SCRIPTS, shell) ? SCRIPTS[shell] : undefined;
    if (script === undefined) throw usage(`completion ${shell}: there is bash, zsh and fish`);
    host.out(script);
    return EXIT.done;
  },
};
