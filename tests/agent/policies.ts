import { afterEach } from '@jest/globals';
import { type OpenAiOptions, openAiPolicy } from '../../plugins/agent/policy/open-ai.js';
import type { Policy, Sample } from '../../plugins/agent/policy/policy.js';
import type { Decoding, Message, Turn } from '../../src/index.js';
import { testClock } from '../helpers/jobs.js';
import {
  type Json,
  type PolicyServer,
  type PolicyServerOptions,
  startPolicyServer,
} from './policy-server.js';
import { decoding } from './records.js';

export const plain: Decoding = { ...decoding, maxTokens: 1000 };

export const user = (content: string): Message => ({ role: 'user', content });
export const never: AbortSignal = new AbortController().signal;

const servers: PolicyServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

export interface Scene {
  readonly policy: Policy;
  /** What was asked of the server. */
  readonly requests: readonly { readonly path: string; readonly body: Json }[];
  /** Words of the retries. */
  readonly retries: readonly string[];
  /** The first turn of a conversation. */
  first(signal?: AbortSignal): Promise<Sample | 'context_limit'>;
}

/** A policy and its server; a second of the policy's waits takes 10 ms. */
export async function scene(
  server: PolicyServerOptions,
  options: Partial<OpenAiOptions> = {},
): Promise<Scene> {
  const requests: Scene['requests'][number][] = [];
  const retries: string[] = [];
  const started = await startPolicyServer({ onRequest: (request) => requests.push(request), ...server });
  servers.push(started);
  const policy = openAiPolicy({
    baseUrl: started.url,
    model: 'toy',
    mode: 'chat',
    purpose: 'eval',
    decoding: plain,
    clock: testClock(100),
    random: () => 0.5,
    stallSeconds: 100,
    onRetry: (words) => retries.push(words),
    ...options,
  });
  const first = (signal = never) =>
    policy.sample({ messages: [{ role: 'system', content: 'Be brief.' }, user('Hi')], turns: [] }, signal);
  return { policy, requests, retries, first };
}

/** A turn that is over, of a sample and what it was answered. */
export function turnOf(sample: Sample | 'context_limit', index: number, observation: string): Turn {
  if (sample === 'context_limit') throw new Error('no room for this turn');
  const { text: response, ...rest } = sample;
  return { index, response, command: 'x', observation, ...rest, seconds: { policy: 0, command: 0 } };
}
