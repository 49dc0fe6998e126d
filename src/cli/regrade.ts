import { join, resolve } from 'node:path';
import type { Verdict } from '../model/verdict.js';
import { copyRun } from '../run/copy.js';
import { attemptFolder, FILES, readInstances, readLog, readRun } from '../run/folder.js';
import { AS_PUBLISHED } from '../run/import.js';
import { isRegradable, regrade } from '../run/regrade.js';
import { EXIT, usage } from './exit.js';
import type { Host } from './host.js';
import { profileNamed } from './registry.js';
import { finishReport } from './results.js';

interface RegradeArgs {
  readonly run: string;
  readonly profile?: string;
  readonly output?: string;
  readonly json: boolean;
}

/** `assay regrade`: the stored logs under a profile, into a run folder of its own; prints what changed. */
export async function regradeCommand(raw: Readonly<Record<string, unknown>>, host: Host): Promise<number> {
  const args = raw as unknown as RegradeArgs;
  const from = resolve(host.cwd, args.run);
  const { manifest, verdicts } = await readRun(from);
  if (manifest.settings.graderVersion === AS_PUBLISHED)
    throw usage(`${args.run} holds published outcomes without logs: there is nothing to grade`);
  const instances = await readInstances(from);
  const profile = profileNamed(args.profile ?? manifest.settings.profile);
  const to = args.output === undefined ? `${from}.${profile.name}` : resolve(host.cwd, args.output);
  if (to === from) throw usage('--output is the run itself: a regrade never replaces verdicts');
  const byId = new Map(instances.map((instance) => [instance.instanceId, instance]));
  const changed: [Verdict, Verdict][] = [];
  const regraded: Verdict[] = [];
  for (const verdict of verdicts) {
    const instance = byId.get(verdict.instanceId);
    if (instance === undefined) throw usage(`${join(from, FILES.instances)} lacks ${verdict.instanceId}`);
    const whole = isRegradable(verdict);
    const log = await readLog(from, verdict.instanceId, verdict.attempt, { whole });
    const now = regrade({ verdict, instance, log, profile });
    if (now.outcome !== verdict.outcome || now.reason !== verdict.reason) changed.push([verdict, now]);
    regraded.push(now);
  }
  const settings = { ...manifest.settings, profile: profile.name, graderVersion: profile.graderVersion };
  await copyRun({
    to,
    manifest: {
      ...manifest,
      runId: `${manifest.runId}.${profile.name}`,
      settings,
      createdAt: host.clock.iso(),
    },
    instances,
    attempts: regraded.map((verdict) => ({
      verdict,
      from: attemptFolder(from, verdict.instanceId, verdict.attempt),
    })),
    owner: host.self,
  });
  for (const [before, now] of changed)
    host.err(
      `${now.instanceId} #${now.attempt}: ${before.outcome} (${before.reason}) -> ${now.outcome} (${now.reason})`,
    );
  host.err(
    `${changed.length} of ${verdicts.length} verdicts changed under ${profile.name} ${profile.graderVersion}`,
  );
  await finishReport(await readRun(to), to, args.json, host);
  return EXIT.done;
}
