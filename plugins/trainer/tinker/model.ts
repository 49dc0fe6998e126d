import { AssayError, type Clock, within } from '../../../src/index.js';
import type { Connection, Members } from './connection.js';
import { Fault, mayPass } from './fault.js';
import type { Powers } from './servers.js';

/** What is asked for when a model is made. */
export interface ModelOptions {
  readonly baseModel: string;
  /** Of LoRA; null: all parameters are trained, which SkyRL calls rank 0. */
  readonly rank: number | null;
  readonly seed: number;
  readonly powers: Pick<Powers, 'isIdempotent' | 'numbersModels'>;
  readonly clock: Clock;
}

/** A model that a server trains for us, kept by a session. */
export interface OpenModel {
  readonly id: string;
  /**
   * Sends the next request of this model, and gives a function that waits for its result. After a failure of a request that isn't `isHarmless` it is not
   * known what the model is: every later one rejects with `trainer_failed`.
   */
  send(path: string, members: Members, isHarmless?: boolean): Promise<() => Promise<Members>>;
  /** Makes every later request reject for this reason. */
  fail(reason: string): void;
  /** Frees it on the server, as well as that works, and ends the session's heartbeat. */
  close(): Promise<void>;
}

/** As the SDK does; SkyRL frees what had none for 300 s. */
const HEARTBEAT_SECONDS = 10;
/** A server that doesn't free a model in that time is left alone: it does so when the heartbeat is gone. */
const UNLOAD_SECONDS = 60;

/** Begins a session with a new model. Rejects like `Connection.post`. */
export async function openModel(connection: Connection, options: ModelOptions): Promise<OpenModel> {
  const { clock, powers } = options;
  const once = { isRepeatable: powers.numbersModels };
  const again = { isRepeatable: true };
  const session = { tags: ['assay'], user_metadata: null, sdk_version: '0.38.0', type: 'create_session' };
  const sessionId = text(await connection.post('create_session', session, again), 'session_id');
  let broken: string | undefined;
  const stopHeartbeat = repeat(clock, HEARTBEAT_SECONDS, async () => {
    const beat = { session_id: sessionId, type: 'session_heartbeat' };
    // One that is missed does no harm, and one that is refused shows in the next request.
    await connection.post('session_heartbeat', beat, { ...again, retries: 0 }).catch(() => undefined);
  });
  try {
    const created = await connection.post('create_model', createModel(sessionId, options), once);
    const id = text(created, 'model_id');
    await connection.result(text(created, 'request_id'), 'create_model');
    let seq = 0;
    const checked = async <T>(act: () => Promise<T>, path: string, isHarmless: boolean): Promise<T> => {
      try {
        return await act();
      } catch (error) {
        if (!isHarmless) broken ??= `${path} failed`;
        throw error;
      }
    };
    const taken = async (path: string, members: Members, isHarmless: boolean) => {
      const body = { model_id: id, seq_id: ++seq, ...members };
      try {
        return await connection.post(path, body, { isRepeatable: powers.isIdempotent || isHarmless });
      } catch (error) {
        const fault = error instanceof AssayError ? error.cause : undefined;
        // The number of a request that was refused is free: the service waits for each. One that may not have arrived leaves a gap.
        const isRefused = fault instanceof Fault && !mayPass(fault);
        if (isRefused && fault.kind !== 409) seq--;
        if (!isRefused) broken ??= `${path} was not answered`;
        throw error;
      }
    };
    return {
      id,
      async send(path, members, isHarmless = false) {
        if (broken !== undefined)
          throw new AssayError(
            'trainer_failed',
            `${path} at ${connection.url}: ${broken}; load a checkpoint first`,
          );
        const answer = await checked(() => taken(path, members, isHarmless), path, isHarmless);
        const requestId = text(answer, 'request_id');
        return () => checked(() => connection.result(requestId, path), path, isHarmless);
      },
      fail: (reason) => {
        broken ??= reason;
      },
      async close() {
        stopHeartbeat();
        const unloaded = connection
          .post('unload_model', { model_id: id, type: 'unload_model' }, { ...again, retries: 1 })
          .then((answer) => connection.result(text(answer, 'request_id'), 'unload_model'))
          .catch(() => undefined);
        await within(unloaded, UNLOAD_SECONDS * 1000, clock);
      },
    };
  } catch (error) {
    stopHeartbeat();
    throw error;
  }
}

function createModel(sessionId: string, { baseModel, rank, seed }: ModelOptions): Members {
  return {
    session_id: sessionId,
    model_seq_id: 0,
    base_model: baseModel,
    lora_config: rank === null ? { rank: 0 } : { rank, seed },
    type: 'create_model',
  };
}

function text(answer: Members, name: string): string {
  const value = answer[name];
  if (typeof value === 'string' && value !== '') return value;
  throw new AssayError('trainer_failed', `the Tinker server answered without ${name}`);
}

/** Acts at a distance of so many seconds until it is stopped. */
function repeat(clock: Clock, seconds: number, act: () => Promise<void>): () => void {
  let isOver = false;
  let cancel = () => {};
  const wait = () => {
    cancel = clock.after(seconds * 1000, () => {
      void act().finally(() => {
        if (!isOver) wait();
      });
    });
  };
  wait();
  return () => {
    isOver = true;
    cancel();
  };
}
