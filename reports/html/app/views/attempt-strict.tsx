import type { ComponentChildren } from 'preact';
import type { StrictVerdict } from '../../../../src/index.js';
import { count } from '../../../format.js';
import { LongText, More } from '../parts/more.js';
import { Strange } from '../parts/strange.js';

/** The strict verdict and what it rests on, in words. */
export function Strict({ strict }: { readonly strict: StrictVerdict }) {
  const { resolved, reason, detail, guarded, reaches, restored, inverted } = strict;
  const wasLooked = resolved || reason === 'tampered';
  return (
    <section class="strict">
      <h2>Strict verdict: {resolved ? 'resolved' : 'not resolved'}</h2>
      {!resolved && (
        <p>
          {reason === 'tampered'
            ? 'The patch shows a sign of tampering with its tests.'
            : 'The official verdict is not resolved, so this one is not either, and nothing more was run.'}
        </p>
      )}
      {detail !== undefined && <LongText text={detail} />}
      {guarded.length > 0 && (
        <List title="The patch touches paths that decide how tests are found, run or judged:" items={guarded}>
          {({ path, guard }) => (
            <>
              <Strange text={path} /> (<Strange text={guard} />)
            </>
          )}
        </List>
      )}
      {restored !== undefined && (
        <p>
          With these paths as they were before the patch, the tests ran once more:{' '}
          {restored ? 'resolved, too.' : 'not resolved.'}
        </p>
      )}
      {wasLooked && reaches.length > 0 && (
        <List title="It might reach beyond its own computation:" items={reaches}>
          {(what) => <Strange text={what} />}
        </List>
      )}
      {wasLooked && reaches.length === 0 && guarded.length === 0 && (
        <p>
          The patch touches nothing that decides about tests and can only compute: no further run was needed.
        </p>
      )}
      {wasLooked && reaches.length > 0 && inverted === undefined && (
        <p>Its tests could not be turned into ones that must fail, so no such run was made.</p>
      )}
      {inverted !== undefined && <Inverted inverted={inverted} />}
    </section>
  );
}

function Inverted({ inverted }: { readonly inverted: NonNullable<StrictVerdict['inverted']> }) {
  const { tests, passed, twins, twinsPassed = 0, mutants, mutantsPassed = 0, ended } = inverted;
  return (
    <>
      <p>
        The tests ran once more with their assertions turned into ones that must fail:{' '}
        {passed.length === 0 ? 'none' : passed.length} of {count(tests, 'test')} passed all the same
        {passed.length === 0 ? ', as it should be.' : ':'}
      </p>
      {passed.length > 0 && <List items={passed}>{(test) => <Strange text={test} />}</List>}
      {twins !== undefined && (
        <p>
          {twinsPassed} of {twins} unchanged copies of FAIL_TO_PASS tests passed (more than half must).
        </p>
      )}
      {mutants !== undefined && (
        <p>
          {mutantsPassed} of {mutants} copies that claim the opposite passed (none may).
        </p>
      )}
      {ended !== undefined && (
        <p>
          A limit ended this run: <Strange text={ended} />
        </p>
      )}
    </>
  );
}

interface ListProps<T> {
  readonly title?: string;
  readonly items: readonly T[];
  readonly children: (item: T) => ComponentChildren;
}

/** Entries that are shown at first. */
const STEP = 50;

function List<T>({ title, items, children }: ListProps<T>) {
  return (
    <>
      {title !== undefined && <p>{title}</p>}
      <More items={items} step={STEP} noun="line">
        {(shown) => (
          <ul>
            {shown.map((item, index) => (
              <li key={index}>{children(item)}</li>
            ))}
          </ul>
        )}
      </More>
    </>
  );
}
