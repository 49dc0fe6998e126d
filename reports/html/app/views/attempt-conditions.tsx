import type { AttemptDetail } from '../../model.js';
import { Copy } from '../parts/copy.js';
import { Fold, LongText } from '../parts/more.js';
import { Strange } from '../parts/strange.js';
import { visibleLines } from '../parts/visible.js';

/** Under what conditions an attempt was judged, and how it is judged again. */
export function Conditions({ detail: { verdict, recipe, reproduce } }: { readonly detail: AttemptDetail }) {
  const { granted, imagePython } = verdict;
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['image', verdict.image],
    ['digest', verdict.imageDigest],
    [
      'Python',
      imagePython === undefined
        ? undefined
        : `${imagePython.has} (the recipe asks for ${imagePython.requested})`,
    ],
    ['engine', verdict.engine],
    ['isolation', verdict.isolation],
    ['granted', Object.keys(granted).length === 0 ? 'nothing beyond the default' : JSON.stringify(granted)],
    ['grading profile', `${verdict.profile} (${verdict.graderVersion})`],
    ['applied with', verdict.appliedWith],
    [
      're-install',
      verdict.reinstall === undefined ? 'as the script says' : 'left out, as proven for this image',
    ],
    ['exit code', verdict.exitCode === undefined ? undefined : String(verdict.exitCode ?? 'none')],
    ['tries', String(verdict.tries)],
    ['finished', verdict.finishedAt],
    ['model', verdict.model],
    ['patch', `sha256 ${verdict.patchSha256}`],
    ['row', `sha256 ${verdict.rowHash}`],
    ['key', verdict.key],
  ];
  return (
    <>
      <section>
        <h2>Again</h2>
        <p>These commands judge this attempt again, and open a container of its instance:</p>
        {reproduce.map((command) => (
          <div key={command} class="command">
            <pre class="strange">{visibleLines(command)}</pre>
            <Copy text={command} />
          </div>
        ))}
      </section>
      <section>
        <h2>Conditions</h2>
        <dl class="conditions">
          {rows.map(([name, value]) =>
            value === undefined ? null : (
              <div key={name}>
                <dt>{name}</dt>
                <dd>
                  <Strange text={value} />
                </dd>
              </div>
            ),
          )}
        </dl>
      </section>
      {recipe !== undefined && <Fold summary="Recipe of the image">{() => <LongText text={recipe} />}</Fold>}
    </>
  );
}
