import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** What may become of one request: each has a connection of its own. */
const FAULTS = {
  /** The connection is closed before the engine gets the request, or after it. */
  'connection reset': 4,
  'answer 500': 3,
  /** The engine's own words for a full disk. */
  'answer disk full': 1,
  /** The answer or the output of an exec ends in its middle, without an error. */
  'stream cut': 6,
  /** The request, the answer, or an exec's output after its first bytes waits for longer than a deadline. */
  stalled: 2,
  'slow stream': 2,
} as const;
type ProxyFault = keyof typeof FAULTS;

interface ProxyOptions {
  /** Socket of the real engine. */
  readonly upstream: string;
  /** Where the proxy listens. */
  readonly socketPath: string;
  readonly random: () => number;
  /** The share of requests that meet a fault. */
  readonly share: number;
  readonly stallMs: number;
  /** Called with each fault that took effect. */
  readonly onFault: (kind: string) => void;
}

export interface EngineProxy {
  /** Address as in DOCKER_HOST. */
  readonly host: string;
  /** From now on all is well, or not. */
  setFaulty(isFaulty: boolean): void;
  /** Closes all connections and refuses new ones for so long: as an engine that restarts. */
  restart(ms: number): Promise<void>;
  close(): Promise<void>;
}

const errorAnswer = (message: string) => {
  const body = JSON.stringify({ message });
  return `HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`;
};

/** A proxy before the socket of a Docker engine that does harm to random requests. */
export async function startProxy(options: ProxyOptions): Promise<EngineProxy> {
  const { upstream, socketPath, random, share, stallMs, onFault } = options;
  const sockets = new Set<Socket>();
  let isFaulty = false;
  let isDown = false;
  const track = (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => sockets.delete(socket));
    return socket;
  };
  const some = (most: number) => Math.floor(random() * most);

  function drawn(): ProxyFault | undefined {
    if (!isFaulty || random() >= share) return undefined;
    const kinds = Object.keys(FAULTS) as ProxyFault[];
    let at = random() * kinds.reduce((sum, kind) => sum + FAULTS[kind], 0);
    return kinds.find((kind) => {
      at -= FAULTS[kind];
      return at < 0;
    });
  }

  /** Passes a request on, and its answer through `answer`, chunk by chunk. */
  function pass(
    client: Socket,
    first: Buffer,
    answer: (chunk: Buffer, index: number) => void | Promise<void>,
  ) {
    const engine = track(connect({ path: upstream, allowHalfOpen: true }));
    let index = 0;
    let tail: Promise<unknown> = Promise.resolve();
    engine.write(first);
    client.on('data', (chunk) => engine.write(chunk));
    client.once('end', () => engine.end());
    client.once('close', () => engine.destroy());
    engine.on('data', (chunk: Buffer) => {
      const at = index++;
      tail = tail.then(() => answer(chunk, at)).catch(() => client.destroy());
    });
    engine.once('end', () => void tail.then(() => client.end()));
    engine.once('close', () => void tail.then(() => client.end()));
    return engine;
  }

  const whole = (client: Socket) => (chunk: Buffer) => {
    client.write(chunk);
  };

  async function handle(client: Socket, first: Buffer): Promise<void> {
    const fault = drawn();
    switch (fault) {
      case undefined:
        pass(client, first, whole(client));
        return;
      case 'connection reset': {
        onFault(fault);
        if (random() < 0.5) return void client.destroy();
        const engine = pass(client, first, () => {
          client.destroy();
        });
        // Once the engine has it, and before it can answer.
        if (random() < 0.5) setTimeout(() => client.destroy(), 5);
        engine.once('error', () => client.destroy());
        return;
      }
      case 'answer 500':
      case 'answer disk full': {
        const message =
          fault === 'answer 500'
            ? 'an error of the engine'
            : 'write /var/lib/docker/x: no space left on device';
        onFault(fault);
        client.end(errorAnswer(message));
        return;
      }
      case 'stream cut': {
        const last = some(4);
        const inside = random() < 0.3;
        const engine = pass(client, first, (chunk, index) => {
          if (index < last) return void client.write(chunk);
          onFault(fault);
          client.end(inside ? chunk.subarray(0, some(chunk.length)) : chunk);
          engine.destroy();
        });
        return;
      }
      case 'stalled': {
        if (random() < 0.4) {
          onFault(fault);
          await sleep(stallMs);
          if (!client.destroyed) pass(client, first, whole(client));
          return;
        }
        const at = some(3);
        pass(client, first, async (chunk, index) => {
          if (index === at) {
            onFault(fault);
            await sleep(stallMs);
          }
          client.write(chunk);
        });
        return;
      }
      case 'slow stream': {
        pass(client, first, async (chunk, index) => {
          if (index === 0) onFault(fault);
          for (let from = 0; from < chunk.length && !client.destroyed; from += 64) {
            client.write(chunk.subarray(from, from + 64));
            await sleep(50);
          }
        });
      }
    }
  }

  const server = createServer({ allowHalfOpen: true }, (client) => {
    track(client);
    if (isDown) return void client.destroy();
    client.once('data', (first: Buffer) => void handle(client, first));
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  return {
    host: `unix://${socketPath}`,
    setFaulty(value) {
      isFaulty = value;
    },
    async restart(ms) {
      isDown = true;
      for (const socket of sockets) socket.destroy();
      await sleep(ms);
      isDown = false;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
