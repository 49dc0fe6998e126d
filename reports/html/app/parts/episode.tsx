import { useEffect, useRef, useState } from 'preact/hooks';
import { count } from '../../../format.js';
import type { EpisodeDetail } from '../../model.js';
import { Fold, LongText, More } from './more.js';
import { Strange } from './strange.js';
import { visibleLines } from './visible.js';
import './episode.css';

type Turn = EpisodeDetail['turns'][number];

interface EpisodeProps {
  readonly episode: EpisodeDetail;
  /** The turn that the address asks for. */
  readonly turn: number | undefined;
  readonly addressOf: (turn: number) => string;
}

/** Turns that are in the page at first; the one that is asked for is always there. */
const TURNS = 100;

/** What an agent did, turn by turn. */
export function Episode({ episode, turn: asked, addressOf }: EpisodeProps) {
  const { turns } = episode;
  const { prompt } = episode.episode;
  const [isOpen, setOpen] = useState(true);
  const marked = useRef<HTMLLIElement>(null);
  useEffect(() => marked.current?.scrollIntoView(), [asked]);
  return (
    <div class="episode">
      <Summary episode={episode} />
      <nav class="episode-tools" aria-label="Turns">
        <button type="button" onClick={() => setOpen(!isOpen)}>
          {isOpen ? 'Collapse all' : 'Expand all'}
        </button>
        <TurnLinks turns={turns} addressOf={addressOf} />
      </nav>
      <Fold summary={`Prompt: ${count(prompt.length, 'message')}`}>
        {() =>
          prompt.map(({ role, content }, index) => (
            <section key={index}>
              <h3>{role}</h3>
              <LongText text={content} />
            </section>
          ))
        }
      </Fold>
      <More items={turns} step={Math.max(TURNS, asked ?? 0)} noun="turn">
        {(shown) => (
          <ol class="turns">
            {shown.map((turn) => (
              <li
                key={turn.index}
                ref={turn.index === asked ? marked : undefined}
                class={turn.index === asked ? 'turn current' : 'turn'}
                aria-current={turn.index === asked ? 'true' : undefined}
              >
                <TurnHead turn={turn} address={addressOf(turn.index)} />
                {isOpen && <TurnBody turn={turn} />}
              </li>
            ))}
          </ol>
        )}
      </More>
    </div>
  );
}

const END_WORDS: Readonly<Record<string, string>> = {
  submitted: 'submitted',
  turn_limit: 'ended by the limit of turns',
  context_limit: 'ended by the limit of its context',
  episode_timeout: 'ended by its time limit',
  sandbox_broken: 'its own commands left nothing to work in',
  stopped_early: 'stopped as others had solved the instance',
  policy_error: 'ended as the model could not be asked',
  sandbox_error: 'ended as its sandbox failed',
};

function Summary({ episode: { episode, turns, result } }: { readonly episode: EpisodeDetail }) {
  const errors = turns.filter(({ formatError }) => formatError !== undefined).length;
  const prompts = turns.reduce((sum, { usage }) => sum + usage.promptTokens, 0);
  const completions = turns.reduce((sum, { usage }) => sum + usage.completionTokens, 0);
  const cost = result?.usage.cost;
  const end = result === undefined ? 'not ended' : (END_WORDS[result.end] ?? result.end);
  return (
    <>
      <p class="episode-summary">
        <strong>{count(turns.length, 'turn')}</strong>, {end};{' '}
        {errors > 0 && `${count(errors, 'turn')} without a usable command; `}
        {prompts.toLocaleString('en')} prompt and {completions.toLocaleString('en')} completion tokens
        {cost !== undefined && `, $${cost.toFixed(4)}`}
        {result !== undefined && `, ${result.seconds.toFixed(1)} s`}
      </p>
      <p class="episode-by">
        <Strange text={episode.model} /> with <Strange text={episode.scaffold} />
      </p>
      {result?.detail !== undefined && <LongText text={result.detail} />}
    </>
  );
}

/** Links to turns: more than this are every tenth, hundredth, ... */
const LINKS = 50;

function TurnLinks({
  turns,
  addressOf,
}: { readonly turns: readonly Turn[] } & Pick<EpisodeProps, 'addressOf'>) {
  const every = 10 ** Math.max(0, Math.ceil(Math.log10(turns.length / LINKS)));
  return (
    <span class="turn-links">
      {turns
        .filter(({ index, formatError }) => index % every === 0 || index === 1 || formatError !== undefined)
        .slice(0, 4 * LINKS)
        .map(({ index, formatError }) => (
          <a key={index} href={addressOf(index)} aria-label={`Turn ${index}`}>
            {index}
            {formatError !== undefined && '✕'}
          </a>
        ))}
    </span>
  );
}

const FORMAT_WORDS = { no_command: 'no command in it', several_commands: 'more than one command' } as const;

function TurnHead({ turn, address }: { readonly turn: Turn; readonly address: string }) {
  const { index, command, formatError, isTimeout, exitCode, usage, seconds, finishReason, truncatedChars } =
    turn;
  const failed = isTimeout === true || (exitCode !== undefined && exitCode !== 0);
  const facts = [
    formatError === undefined ? undefined : `✕ ${FORMAT_WORDS[formatError]}`,
    isTimeout === true ? '✕ timed out' : undefined,
    exitCode === undefined ? undefined : exitCode === null ? 'killed' : `exit ${exitCode}`,
    finishReason === 'length' ? 'cut off at its token limit' : undefined,
    truncatedChars === undefined ? undefined : `${truncatedChars.toLocaleString('en')} characters left out`,
    `${usage.completionTokens.toLocaleString('en')} of ${(usage.promptTokens + usage.completionTokens).toLocaleString('en')} tokens`,
    usage.cost === undefined ? undefined : `$${usage.cost.toFixed(4)}`,
    `${seconds.policy.toFixed(1)} + ${seconds.command.toFixed(1)} s`,
  ];
  return (
    <h2 class="turn-head">
      <a href={address}>Turn {index}</a>
      <code class="strange">{visibleLines(firstLine(command ?? ''))}</code>
      <span class={formatError !== undefined || failed ? 'facts failed' : 'facts'}>
        {facts.filter((fact) => fact !== undefined).join(' · ')}
      </span>
    </h2>
  );
}

function TurnBody({ turn: { response, command, observation } }: { readonly turn: Turn }) {
  return (
    <>
      <h3>Response</h3>
      <LongText text={response} />
      {command !== null && (
        <>
          <h3>Command</h3>
          <LongText text={command} />
        </>
      )}
      {observation !== '' && (
        <>
          <h3>Observation</h3>
          <LongText text={observation} />
        </>
      )}
    </>
  );
}

/** Characters of a command in the head of its turn. */
const HEAD = 120;

function firstLine(text: string): string {
  const line = text.split('\n', 1)[0] ?? '';
  return line.length > HEAD || line.length < text.length ? `${line.slice(0, HEAD)} …` : line;
}
