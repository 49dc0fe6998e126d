import type { Instance, Needs } from '../../src/index.js';

interface Exception {
  readonly repo: string;
  /** Numbers of the instances, separated by spaces. */
  readonly numbers: string;
  readonly needs: Needs;
  /** What of FAIL_TO_PASS, PASS_TO_PASS or the script needs it. */
  readonly reason: string;
}

/** Instances of Verified and Lite that cannot be judged rightly in the default sandbox, found in their tests and scripts. */
export const EXCEPTIONS: readonly Exception[] = [
  {
    repo: 'psf/requests',
    numbers: '863 1724 1766 1921 1963 2148 2317 2674',
    needs: { network: true },
    reason: 'test_requests.py calls http://httpbin.org in most of its listed tests',
  },
  {
    repo: 'psf/requests',
    numbers: '2931 3362 5414',
    needs: { network: true },
    reason:
      'test_connect_timeout wants a time-out from 10.255.255.1, which needs a route; without one the call fails at once',
  },
  {
    repo: 'sphinx-doc/sphinx',
    numbers: '7985 8269 8475',
    needs: { network: true },
    reason: 'test_build_linkcheck.py::test_defaults follows links to www.google.com and www.sphinx-doc.org',
  },
  {
    repo: 'astropy/astropy',
    numbers: '8707',
    needs: { network: true },
    reason: "the eval_script of the 2026 row installs 'pytest<7.2'; the pinned environment has 7.4.0",
  },
];

/** The row's own needs and those that our table adds. */
export function needsOf({ instanceId, repo, needs }: Instance): Needs {
  const number = instanceId.slice(instanceId.lastIndexOf('-') + 1);
  const found = EXCEPTIONS.find(
    (exception) => exception.repo === repo && exception.numbers.split(' ').includes(number),
  );
  return { ...found?.needs, ...needs };
}
