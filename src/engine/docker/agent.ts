import http, { type ClientRequest, type IncomingMessage } from 'node:http';
import https from 'node:https';
import { inspect } from 'node:util';

type AddRequest = (request: ClientRequest, ...rest: readonly unknown[]) => void;

/**
 * An agent with a fresh connection for each request that reports an answer cut off in its middle as an error of the request:
 * docker-modem only listens for the end of an answer, and would wait for ever.
 */
export function cutOffAwareAgent(protocol: 'http' | 'https'): http.Agent {
  const agent = new (protocol === 'https' ? https : http).Agent({ keepAlive: false });
  const hooked = agent as unknown as { addRequest: AddRequest };
  const addRequest = hooked.addRequest.bind(agent);
  hooked.addRequest = (request, ...rest) => {
    request.once('response', (answer: IncomingMessage) => {
      answer.once('close', () => {
        if (!answer.complete)
          request.emit('error', Object.assign(new Error('closed in mid-answer'), { code: 'ECONNRESET' }));
      });
    });
    addRequest(request, ...rest);
  };
  // docker-modem formats the options of every request for its debug log, log or not: with a live socket below the agent that takes 10 to 40 ms
  return Object.assign(agent, { [inspect.custom]: () => 'agent' });
}
