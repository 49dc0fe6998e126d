import { requestText } from './wire.js';

/** Requests that are no plain HTTP by name, as text of Latin-1, with the statuses that one may get; an empty list: none at all is right, too. */
export function oddRequests(token: string): readonly [string, string, readonly number[]][] {
  const long = 'a'.repeat(14_000);
  const smuggled = requestText('GET /metrics', { token });
  return [
    ['a path of 14 kB', requestText(`GET /${long}`, { token }), [404]],
    ['a path of 40 kB', requestText(`GET /${long}${long}${long}`, { token }), [431]],
    ['a job of 14 kB', requestText(`GET /v1/jobs/${long}`, { token }), [414]],
    ['a job that climbs', requestText('GET /v1/jobs/..%2f..%2fetc%2fpasswd', { token }), [400]],
    ['a job of a NUL', requestText('GET /v1/jobs/%00', { token }), [400]],
    ['a path that no text is', requestText('GET /%ff%zz', { token }), [400, 404]],
    ['a NUL in the line', requestText('GET /heal\0thz'), [400]],
    ['a NUL in a header', requestText('GET /healthz', { headers: ['X: a\0b'] }), [400]],
    ['a bare CR', requestText('GET /healthz', { headers: ['X: a\rY: b'] }), [400]],
    ['a folded header', requestText('GET /healthz', { headers: ['X: a', ' b'] }), [400, 200]],
    ['2000 headers', requestText('GET /healthz', { headers: Array(2000).fill('X: y') }), [200, 431]],
    ['no host', 'GET /healthz HTTP/1.1\r\n\r\n', [400]],
    ['two hosts', requestText('GET /healthz', { headers: ['Host: y'] }), [200, 400]],
    ['HTTP/0.9', 'GET /metrics\r\n\r\n', [401]],
    ['HTTP/1.0', 'GET /healthz HTTP/1.0\r\n\r\n', [200]],
    ['HTTP/2 with prior knowledge', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', [400]],
    ['HTTP/9.9', 'GET /healthz HTTP/9.9\r\nHost: x\r\n\r\n', [400]],
    ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', [400]],
    ['a method that is none', requestText('STEAL /healthz'), [400]],
    ['CONNECT', requestText('CONNECT x:80', { token }), []],
    ['TRACE', requestText('TRACE /healthz', { token }), [404]],
    ['OPTIONS *', requestText('OPTIONS *', { token }), [404]],
    [
      'an upgrade',
      requestText('GET /healthz', { headers: ['Connection: Upgrade', 'Upgrade: websocket'] }),
      [200],
    ],
    ['an absolute URI', requestText('GET http://elsewhere/metrics', { token }), [200]],
    ['an expectation that is none', requestText('GET /healthz', { headers: ['Expect: a miracle'] }), [417]],
    [
      'a body in a GET with a request in it',
      requestText('GET /healthz', { headers: [`Content-Length: ${smuggled.length}`] }) + smuggled,
      [200],
    ],
    [
      'two measures of one body',
      requestText('POST /v1/score', {
        token,
        headers: ['Transfer-Encoding: chunked'],
        body: `0\r\n\r\n${smuggled}`,
      }),
      [400],
    ],
    [
      'an encoding with a mark behind it',
      `POST /v1/score HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nTransfer-Encoding: chunked\x0b\r\nContent-Length: 5\r\n\r\n0\r\n\r\n${smuggled}`,
      [400],
    ],
  ];
}
