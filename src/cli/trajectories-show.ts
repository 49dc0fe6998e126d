import { readTrajectories } from '../../plugins/agent/store.js';
import type { EpisodeResult, Trajectory, Turn, Usage } from '../model/trajectory.js';
import { nearest } from '../util/words.js';
import { EXIT, usage } from './exit.js';
import type { Host } from './host.js';
import { presentTrajectories, wantedEpisode } from './trajectories.js';

type ShowArgs = Readonly<{ run: string; episode?: string; json: boolean }>;

/** `assay trajectories show`: a line for each episode of a run, or all of one. */
export async function showTrajectories(raw: Readonly<Record<string, unknown>>, host: Host): Promise<number> {
  const args = raw as unknown as ShowArgs;
  const all = readTrajectories(presentTrajectories(args.run, host.cwd));
  if (args.episode === undefined) {
    for await (const trajectory of all)
      host.out(args.json ? JSON.stringify(summaryOf(trajectory)) : headline(trajectory));
    return EXIT.done;
  }
  const wanted = wantedEpisode(args.episode);
  const ids: string[] = [];
  for await (const trajectory of all) {
    const { episodeId } = trajectory.episode;
    ids.push(episodeId);
    if (episodeId !== wanted) continue;
    host.out(args.json ? JSON.stringify(trajectory) : describe(trajectory));
    return EXIT.done;
  }
  const near = nearest(wanted, ids);
  throw usage(
    `${args.run} has no episode ${wanted}${near.length > 0 ? `; did you mean ${near.join(', ')}?` : ''}`,
  );
}

function summaryOf({ episode, turns, result }: Trajectory) {
  const { episodeId, model, scaffold } = episode;
  const { patch, ...rest } = result ?? {};
  return { episodeId, model, scaffold, end: null, ...rest, turns: turns.length, hasPatch: patch != null };
}

function headline({ episode, turns, result }: Trajectory): string {
  const facts = [
    `${turns.length} turns`,
    ...(result === undefined ? [] : [usageWords(result.usage), patchWords(result)]),
  ];
  return `${(result?.end ?? 'not ended').padEnd(16)} ${episode.episodeId}  ${facts.join(', ')}`;
}

function describe(trajectory: Trajectory): string {
  const { episode, turns, result } = trajectory;
  return [
    headline(trajectory),
    oneLine(
      `${episode.model}, ${episode.scaffold}, ${episode.mode} mode, for ${episode.purpose}, begun ${episode.startedAt || 'at an unknown time'}`,
    ),
    ...episode.prompt.map(({ role, content }) => section(`prompt: ${role}`, content)),
    ...turns.map(describeTurn),
    ...(result === undefined ? [] : [section(endWords(result), result.patch ?? '')]),
  ].join('\n');
}

function describeTurn(turn: Turn): string {
  const { policy, command } = turn.seconds;
  const facts = [
    usageWords(turn.usage),
    `${policy.toFixed(1)} s for the response`,
    `${command.toFixed(1)} s for the command`,
    ...(turn.formatError === undefined ? [] : [turn.formatError]),
    ...(turn.finishReason === 'length' ? ['the response was cut short'] : []),
    ...(typeof turn.exitCode === 'number' ? [`exit code ${turn.exitCode}`] : []),
    ...(turn.exitCode === null ? [turn.isTimeout ? 'killed at its limit' : 'killed'] : []),
    ...(turn.truncatedChars ? [`${turn.truncatedChars} characters left out`] : []),
  ];
  return [
    section(`turn ${turn.index}: response (${facts.join(', ')})`, turn.response),
    section(`turn ${turn.index}: observation`, turn.observation),
  ].join('\n');
}

/** Each line of the text is set in, so that none can pass for one of ours. */
function section(title: string, text: string): string {
  return `\n${title}\n${text.replace(/^/gm, '  ')}`;
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ');
}

function endWords(result: EpisodeResult): string {
  const detail = result.detail === undefined ? '' : ` (${oneLine(result.detail)})`;
  return `${result.end}${detail} after ${result.seconds.toFixed(0)} s: ${patchWords(result)}`;
}

function patchWords({ patch }: EpisodeResult): string {
  return patch === null ? 'no patch' : `a patch of ${patch.split('\n').length - 1} lines`;
}

function usageWords({ promptTokens, completionTokens, cost }: Usage): string {
  const money = cost === undefined ? '' : `, $${cost.toFixed(4)}`;
  return `${promptTokens} + ${completionTokens} tokens${money}`;
}
