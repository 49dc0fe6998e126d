import type { ComponentChildren } from 'preact';
import type { TestsStatus } from '../../../../src/index.js';
import { count } from '../../../format.js';
import { Fold, More } from './more.js';
import { Strange } from './strange.js';
import './tests.css';

interface TestsProps {
  readonly tests: TestsStatus;
  /** Address of the log where it first mentions a test; absent without a log. */
  readonly mention: ((test: string) => string) | undefined;
}

/** What is expected of the tests of a list. */
const EXPECTED = {
  FAIL_TO_PASS: 'fails before the fix and must pass with it',
  PASS_TO_PASS: 'passes before the fix and must still pass',
} as const;

const LISTS = ['FAIL_TO_PASS', 'PASS_TO_PASS'] as const;

/** Tests that are shown at first. */
const STEP = 200;

/** The expected tests of an attempt, those that failed first. */
export function Tests({ tests, mention }: TestsProps) {
  const all = (name: (typeof LISTS)[number]) => tests[name].success.length + tests[name].failure.length;
  return (
    <>
      {LISTS.filter((name) => tests[name].failure.length > 0).map((name) => (
        <section key={name} class="tests failed">
          <h3>
            <span aria-hidden="true">✕ </span>
            {tests[name].failure.length} of {count(all(name), `${name} test`)} failed
            <small>each {EXPECTED[name]}</small>
          </h3>
          <Names tests={tests[name].failure} mention={mention} />
        </section>
      ))}
      {LISTS.filter((name) => tests[name].success.length > 0).map((name) => (
        <Fold
          key={name}
          summary={
            <>
              <span class="passed-sign" aria-hidden="true">
                ✓{' '}
              </span>
              {tests[name].success.length} of {count(all(name), `${name} test`)} passed
            </>
          }
        >
          {() => <Names tests={tests[name].success} mention={mention} />}
        </Fold>
      ))}
    </>
  );
}

function Names({ tests, mention }: { readonly tests: readonly string[] } & Pick<TestsProps, 'mention'>) {
  return (
    <More items={tests} step={STEP} noun="test">
      {(shown) => (
        <ul class="test-names">
          {shown.map((test) => (
            <li key={test}>
              {mention === undefined ? <Strange text={test} /> : linked(test, mention(test))}
            </li>
          ))}
        </ul>
      )}
    </More>
  );
}

function linked(test: string, address: string): ComponentChildren {
  return (
    <a href={address}>
      <Strange text={test} />
    </a>
  );
}
