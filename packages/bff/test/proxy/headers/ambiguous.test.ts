import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { rawly, routeTo, startProxy, startUpstream } from '../estate.ts'

describe('a request that two servers may read in two ways', () => {
  const wrong: Record<string, string[]> = {
    'an underscore in the name of a header': ['GET /api/x HTTP/1.1', 'Host: x', 'X_Auth_Subject: root'],
    'a dot in the name of a header': ['GET /api/x HTTP/1.1', 'Host: x', 'X.Auth.Subject: root'],
    'two Authorizations': [
      'GET /api/x HTTP/1.1',
      'Host: x',
      'Authorization: Bearer good',
      'Authorization: Bearer other',
    ],
    'two Hosts': ['GET /api/x HTTP/1.1', 'Host: x', 'Host: y'],
    'two content types': [
      'POST /api/x HTTP/1.1',
      'Host: x',
      'Content-Type: a/b',
      'Content-Type: c/d',
      'Content-Length: 0',
    ],
    'two lengths': ['POST /api/x HTTP/1.1', 'Host: x', 'Content-Length: 1', 'Content-Length: 2', '', 'ab'],
    'a length beside chunks': [
      'POST /api/x HTTP/1.1',
      'Host: x',
      'Content-Length: 5',
      'Transfer-Encoding: chunked',
      '',
      '0',
      '',
      '',
    ],
    'a length after chunks': [
      'POST /api/x HTTP/1.1',
      'Host: x',
      'Transfer-Encoding: chunked',
      'Content-Length: 5',
      '',
      '0',
      '',
      '',
    ],
    'an encoding that is none': ['POST /api/x HTTP/1.1', 'Host: x', 'Transfer-Encoding: xchunked', '', '0', '', ''],
    'an encoding after chunks': [
      'POST /api/x HTTP/1.1',
      'Host: x',
      'Transfer-Encoding: chunked, identity',
      '',
      '0',
      '',
      '',
    ],
    'a space before the colon': ['POST /api/x HTTP/1.1', 'Host: x', 'Transfer-Encoding : chunked', '', '0', '', ''],
    'a folded line': ['GET /api/x HTTP/1.1', 'Host: x', 'X-A: 1', ' X-Auth-Subject: root'],
    'a GET with a body': ['GET /api/x HTTP/1.1', 'Host: x', 'Content-Length: 3', '', 'abc'],
    'a HEAD with chunks': ['HEAD /api/x HTTP/1.1', 'Host: x', 'Transfer-Encoding: chunked', '', '0', '', ''],
    'another host in its first line': ['GET http://evil.example/api/x HTTP/1.1', 'Host: x'],
    'no Host': ['GET /api/x HTTP/1.1', 'X-A: b'],
  }
  for (const [what, lines] of Object.entries(wrong)) {
    it(`is refused: ${what}`, async (t) => {
      const upstream = await startUpstream(t)
      const { port } = await startProxy(t, { routes: [routeTo(upstream.url, { path: '/api/*' })] })
      const [first = '', ...rest] = lines
      const said = await rawly(port, [first, 'Connection: close', ...rest, '', ''].join('\r\n'))
      assert.match(said, /^HTTP\/1\.1 400 /)
      assert.equal(upstream.seen.length, 0)
    })
  }

  it('hides none behind itself: what follows a body is read as a request of its own', async (t) => {
    const upstream = await startUpstream(t)
    const { port } = await startProxy(t, { routes: [routeTo(upstream.url, { path: '/api/*' })] })
    const inner = 'GET /internal/secret HTTP/1.1\r\nHost: x\r\n\r\n'
    const outer = `POST /api/a HTTP/1.1\r\nHost: x\r\nContent-Length: ${inner.length}\r\n\r\n${inner}`
    const said = await rawly(port, `${outer}GET /api/b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
    assert.equal(said.match(/HTTP\/1\.1 200 /g)?.length, 2)
    assert.deepEqual(
      upstream.seen.map(({ url, body }) => [url, body]),
      [
        ['/a', inner],
        ['/b', ''],
      ],
    )
  })
})
