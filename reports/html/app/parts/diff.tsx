import { useMemo } from 'preact/hooks';
import { count } from '../../../format.js';
import { Copy } from './copy.js';
import { type DiffFile, type DiffLine, type FilePair, pairFiles, parseDiff } from './diff-lines.js';
import { Fold, LongLine, LongText, More } from './more.js';
import { Strange } from './strange.js';
import { visibleLines } from './visible.js';
import './diff.css';

/** A path of the patch that the strict verdict guards, and why. */
interface GuardedPath {
  readonly path: string;
  readonly guard: string;
}

interface PatchesProps {
  readonly patch: string;
  readonly gold: string | undefined;
  readonly guarded: readonly GuardedPath[];
}

/** Files, and lines of one file, that are shown at first. */
const FILES = 20;
const LINES = 400;

/** The patch of an attempt beside the gold patch, file by file. */
export function Patches({ patch, gold, guarded }: PatchesProps) {
  const submitted = useMemo(() => parseDiff(patch), [patch]);
  const golden = useMemo(() => (gold === undefined ? [] : parseDiff(gold)), [gold]);
  const pairs = pairFiles(submitted ?? [], golden ?? []);
  return (
    <>
      {patch.trim() === '' && <p>No patch was submitted.</p>}
      {submitted === undefined && patch.trim() !== '' && (
        <>
          <p>The submitted text is no diff whose files can be told apart; this is what it says:</p>
          <LongText text={patch} />
        </>
      )}
      {gold === undefined && <p>The run holds no gold patch of this instance.</p>}
      {golden === undefined && gold !== undefined && <LongText text={gold} />}
      <More items={pairs} step={FILES} noun="file">
        {(shown) =>
          shown.map((pair) => (
            <Pair
              key={pair.path}
              pair={pair}
              hasGold={gold !== undefined}
              guard={guarded.find(({ path }) => path === pair.path)?.guard}
            />
          ))
        }
      </More>
      {submitted !== undefined && (
        <Fold summary="The submitted patch as text">
          {() => (
            <>
              <Copy text={patch} label="Copy the patch" />
              <LongText text={patch} />
            </>
          )}
        </Fold>
      )}
    </>
  );
}

interface PairProps {
  readonly pair: FilePair;
  readonly hasGold: boolean;
  readonly guard: string | undefined;
}

function Pair({ pair: { path, submitted, gold }, hasGold, guard }: PairProps) {
  const touched =
    submitted === undefined
      ? 'only the gold patch touches it'
      : gold === undefined && hasGold
        ? 'only the submitted patch touches it'
        : undefined;
  return (
    <section class="pair">
      <h2>
        <Strange text={path} />
        {touched !== undefined && <small>{touched}</small>}
        {guard !== undefined && (
          <small class="guard">
            guarded: <Strange text={guard} />
          </small>
        )}
      </h2>
      <div class={hasGold ? 'sides' : undefined}>
        <Side title="Submitted" file={submitted} />
        {hasGold && <Side title="Gold" file={gold} />}
      </div>
    </section>
  );
}

function Side({ title, file }: { readonly title: string; readonly file: DiffFile | undefined }) {
  return (
    <div class="side">
      <h3>
        {title}
        {file !== undefined && (
          <small>
            {count(file.added, 'line')} added, {file.removed} removed
          </small>
        )}
      </h3>
      {file === undefined ? <p class="untouched">not touched</p> : <Changes title={title} file={file} />}
    </div>
  );
}

function Changes({ title, file }: { readonly title: string; readonly file: DiffFile }) {
  const rows = file.hunks.flatMap(({ head, lines }) => [head, ...lines]);
  return (
    <>
      {file.notes.map((note) => (
        <p key={note} class="note">
          <Strange text={note} />
        </p>
      ))}
      <More items={rows} step={LINES} noun="line">
        {(shown) => (
          <table class="diff" aria-label={`${title}: ${visibleLines(file.path)}`}>
            <colgroup>
              <col class="diff-number" />
              <col class="diff-number" />
              <col class="diff-sign" />
              <col />
            </colgroup>
            <tbody>
              {shown.map((row, index) => (
                <Row key={index} row={row} />
              ))}
            </tbody>
          </table>
        )}
      </More>
    </>
  );
}

const KINDS = { '+': 'added', '-': 'removed', ' ': undefined, '\\': 'note' } as const;

function Row({ row }: { readonly row: DiffLine | string }) {
  if (typeof row === 'string')
    return (
      <tr class="hunk">
        <td colSpan={4} class="strange">
          {visibleLines(row)}
        </td>
      </tr>
    );
  return (
    <tr class={KINDS[row.sign]}>
      <td class="diff-number">{row.old}</td>
      <td class="diff-number">{row.new}</td>
      <td class="diff-sign">{row.sign}</td>
      <td class="code strange">
        <LongLine text={row.text} />
      </td>
    </tr>
  );
}
