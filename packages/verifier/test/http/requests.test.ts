import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { normalTarget } from '../../src/binding/target.ts'
import { presentedRequest as fromFetch } from '../../src/http/fetch/request.ts'
import { presentedRequest as fromNode, type NodeRequest } from '../../src/http/node/request.ts'

function nodeRequest(change: Partial<NodeRequest>): NodeRequest {
  return { method: 'GET', url: '/a?b=c', headers: {}, rawHeaders: ['Host', 'api.example.com'], socket: {}, ...change }
}

describe("a request of Node's, as its sender saw it", () => {
  it('has the URL that was asked for', () => {
    assert.equal(fromNode(nodeRequest({})).url, 'http://api.example.com/a?b=c')
    assert.equal(fromNode(nodeRequest({ socket: { encrypted: true } })).url, 'https://api.example.com/a?b=c')
    assert.equal(fromNode(nodeRequest({ originalUrl: '/mounted/a?b=c' })).url, 'http://api.example.com/mounted/a?b=c')
    assert.equal(fromNode(nodeRequest({ url: 'http://other.example/x?y' })).url, 'http://api.example.com/x?y')
    const http2 = nodeRequest({ rawHeaders: [':authority', 'h2.example', ':path', '/a'], socket: { encrypted: true } })
    assert.equal(fromNode(http2).url, 'https://h2.example/a?b=c')
  })

  it('has no URL that a Host header makes another one of', () => {
    const hosts = ['api.example.com', 'api.example.com:8443', '[::1]:80', 'API_1.example']
    for (const host of hosts)
      assert.equal(fromNode(nodeRequest({ rawHeaders: ['Host', host] })).url, `http://${host}/a?b=c`)
    for (const host of ['a.example/x?', 'a.example/x#', 'a.example?', 'u@a.example', 'a.example\\x', 'a, b', '']) {
      const { url } = fromNode(nodeRequest({ rawHeaders: ['Host', host] }))
      assert.equal(url, 'invalid:/a?b=c')
      assert.equal(normalTarget(url), undefined)
    }
    const http2 = nodeRequest({ rawHeaders: [':authority', 'a.example/x?'] })
    assert.equal(normalTarget(fromNode(http2).url), undefined)
  })

  it('has the scheme, the host and the prefix that a proxy hides, when it is told', () => {
    assert.equal(fromNode(nodeRequest({}), 'https://x.example').url, 'https://x.example/a?b=c')
    assert.equal(
      fromNode(nodeRequest({ url: '//evil/a' }), 'https://x.example/v1/').url,
      'https://x.example/v1//evil/a',
    )
  })

  it('has every value of a field', () => {
    const { header } = fromNode(nodeRequest({ rawHeaders: ['DPoP', 'a', 'dpop', 'b', 'x', 'dpop'] }))
    assert.equal(header('DPoP'), 'a, b')
    assert.equal(header('host'), undefined)
  })

  it('is read where somebody made it by hand', () => {
    const { header } = fromNode(
      nodeRequest({ rawHeaders: [], headers: { authorization: 'Bearer a', accept: ['b', 'c'] } }),
    )
    assert.equal(header('authorization'), 'Bearer a')
    assert.equal(header('accept'), 'b, c')
    assert.equal(header('toString'), undefined)
  })
})

describe('a request of the Fetch API, as its sender saw it', () => {
  const certificate = new Uint8Array([1])
  const request = new Request('http://inside:8080/a?b', { headers: { authorization: 'Bearer a' } })

  it('has the URL, the fields and the certificate that are known', () => {
    const presented = fromFetch(request, undefined, () => certificate)
    assert.equal(presented.url, 'http://inside:8080/a?b')
    assert.equal(presented.header('Authorization'), 'Bearer a')
    assert.equal(presented.header('x'), undefined)
    assert.equal(presented.certificate, certificate)
  })

  it('has the scheme and host that a proxy hides, when it is told', () => {
    assert.equal(fromFetch(request, 'https://api.example.com', () => undefined).url, 'https://api.example.com/a?b')
  })
})
