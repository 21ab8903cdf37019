import assert from 'node:assert/strict'
import type { LookupAddress } from 'node:dns'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { after, afterEach, before, describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { eventually } from '@rekey/database/testing'
import { makeCertificate } from '@rekey/verifier/testing'
import type { IdpError } from '../../src/error.ts'
import { type Asked, guardedFetch } from '../../src/outbound/fetch.ts'
import { outboundRules } from '../../src/outbound/rules.ts'
import { type Host, jsonOf, startHost } from './host.ts'

const asked: Asked = { maxBytes: 1_000, timeoutMs: 20_000 }

const resolvesTo =
  (...addresses: string[]) =>
  async (): Promise<LookupAddress[]> =>
    addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))

const refusedFor = (code: string, why: string) => (error: IdpError) => {
  assert.equal(error.code, code, String(error.facts?.why))
  assert.equal(error.facts?.why, why)
  return true
}

describe('a call to where somebody else says', () => {
  let host: Host
  before(async () => {
    host = await startHost()
  })
  after(() => host.close())
  afterEach(() => host.set(jsonOf({})))

  const call = (more: Partial<Asked> = {}) => guardedFetch(outboundRules([host.name]), host.url, { ...asked, ...more })
  const unlisted = (url: string, ...addresses: string[]) =>
    guardedFetch(outboundRules([], resolvesTo(...addresses)), url, asked)

  test('brings status, headers and body, whatever the status is', async () => {
    host.set((response, request) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk) => chunks.push(chunk))
      request.on('end', () => {
        const { method, headers } = request
        response.writeHead(404, { 'x-said': 'so' }).end(`${method} ${headers['x-asked']} ${Buffer.concat(chunks)}`)
      })
    })
    const answer = await call({ method: 'POST', headers: { 'x-asked': 'this' }, body: 'text' })
    assert.equal(answer.status, 404)
    assert.equal(answer.headers['x-said'], 'so')
    assert.equal(String(answer.body), 'POST this text')
  })

  const private_: readonly [string, string][] = [
    ['https://127.0.0.1/', 'address_private'],
    ['https://2130706433/', 'address_private'],
    ['https://0x7f.1/', 'address_private'],
    ['https://0177.0.0.1/', 'address_private'],
    ['https://127.1/', 'address_private'],
    ['https://127。0。0。1/', 'address_private'],
    ['https://[::1]/', 'address_private'],
    ['https://[::ffff:127.0.0.1]/', 'address_private'],
    ['https://[64:ff9b::7f00:1]/', 'address_private'],
    ['https://[2002:7f00:1::]/', 'address_private'],
    ['https://[fe80::1%25eth0]/', 'url_invalid'],
    ['https://169.254.169.254/latest/meta-data/', 'address_private'],
    ['http://example.com/', 'not_https'],
    ['file:///etc/passwd', 'url_invalid'],
    ['ftp://example.com/', 'url_invalid'],
    ['keys', 'url_invalid'],
    ['https://user@example.com/', 'url_has_credentials'],
    ['https://:word@example.com/', 'url_has_credentials'],
  ]
  for (const [url, why] of private_) {
    test(`is not made to ${url}`, () => assert.rejects(unlisted(url, '1.1.1.1'), refusedFor('OUTBOUND_REFUSED', why)))
  }

  test('is not made to a name of which one answer is private', async () => {
    for (const addresses of [['127.0.0.1'], ['1.1.1.1', '10.0.0.1'], ['2606:4700::1111', '::1'], ['fe80::1%eth0']]) {
      const refused = refusedFor('OUTBOUND_REFUSED', 'address_private')
      await assert.rejects(unlisted('https://keys.example/', ...addresses), refused)
    }
  })

  test('goes to the address that was judged, though the name has another one by now', async () => {
    const asks: string[] = []
    const rules = outboundRules([], async (name) => {
      asks.push(name)
      return asks.length === 1 ? [{ address: '127.0.0.1', family: 4 }] : [{ address: '1.1.1.1', family: 4 }]
    })
    const refused = refusedFor('OUTBOUND_REFUSED', 'address_private')
    await assert.rejects(guardedFetch(rules, 'https://rebinding.example/', asked), refused)
    assert.deepEqual(asks, ['rebinding.example'])
  })

  test('fails where the name has no address', async () => {
    await assert.rejects(unlisted('https://nowhere.example/'), refusedFor('OUTBOUND_FAILED', 'ENOTFOUND'))
  })

  test('may be private and plain where the operator names the host, at that port only', async () => {
    assert.equal((await call()).status, 200)
    const other = outboundRules([`127.0.0.1:${host.port + 1}`, 'example.com'])
    await assert.rejects(guardedFetch(other, host.url, asked), refusedFor('OUTBOUND_REFUSED', 'not_https'))
    assert.equal((await guardedFetch(outboundRules(['127.0.0.1']), host.url, asked)).status, 200)
    assert.equal(
      (await guardedFetch(outboundRules([`LOCALHOST:${host.port}`]), `http://localhost:${host.port}/`, asked)).status,
      200,
    )
  })

  test('is for one port of the scheme where the operator says so', () => {
    const { isAllowed } = outboundRules(['a.example:443', '[::1]:80', 'b.example'])
    for (const url of ['https://a.example/', 'http://[::1]/', 'http://b.example:8080/']) {
      assert.equal(isAllowed(new URL(url)), true, url)
    }
    for (const url of ['http://a.example/', 'https://[::1]/', 'https://a.b.example/']) {
      assert.equal(isAllowed(new URL(url)), false, url)
    }
  })

  test('does not follow a redirect', async () => {
    const requests = host.requests()
    host.set((response) => response.writeHead(302, { location: host.url }).end())
    await assert.rejects(call(), refusedFor('OUTBOUND_FAILED', 'redirect'))
    assert.equal(host.requests(), requests + 1)
  })

  test('ends at the first byte that is too many, though the rest never comes', async () => {
    host.set((response) => response.writeHead(200).write('x'.repeat(1_001)))
    await assert.rejects(call({ timeoutMs: 60_000 }), refusedFor('OUTBOUND_FAILED', 'too_large'))
    host.set((response) => response.writeHead(200).end('x'.repeat(1_000)))
    assert.equal((await call()).body.length, 1_000)
  })

  test('asks for nothing compressed, and opens nothing that is', async () => {
    const accepted: unknown[] = []
    host.set((response, { headers }) => {
      accepted.push(headers['accept-encoding'])
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(1_000_000)))
    })
    await assert.rejects(call({ maxBytes: 10_000_000 }), refusedFor('OUTBOUND_FAILED', 'encoded'))
    assert.deepEqual(accepted, ['identity'])
  })

  test('ends in time, where there is no answer and where it trickles', async () => {
    host.set(() => {})
    await assert.rejects(call({ timeoutMs: 100 }), refusedFor('OUTBOUND_FAILED', 'timeout'))
    host.set((response) => {
      response.writeHead(200)
      const timer = setInterval(() => response.write('x'), 10)
      response.on('close', () => clearInterval(timer))
    })
    await assert.rejects(call({ timeoutMs: 200 }), refusedFor('OUTBOUND_FAILED', 'timeout'))
  })

  test('fails where the other side breaks off, or speaks another protocol', async () => {
    host.set((response) => response.destroy())
    await assert.rejects(call(), refusedFor('OUTBOUND_FAILED', 'ECONNRESET'))
    host.set((response) => {
      response.writeHead(200, { 'content-length': '100' }).write('x')
      setImmediate(() => response.destroy())
    })
    await assert.rejects(call(), refusedFor('OUTBOUND_FAILED', 'ECONNRESET'))
    host.set(({ socket }) =>
      socket?.end('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'),
    )
    await assert.rejects(call(), { code: 'OUTBOUND_FAILED' })
    const closed = await startHost()
    await closed.close()
    const refused = refusedFor('OUTBOUND_FAILED', 'ECONNREFUSED')
    await assert.rejects(guardedFetch(outboundRules([closed.name]), closed.url, asked), refused)
  })

  test('does not trust a certificate that nobody signed, whatever the environment says', async () => {
    const { key, cert } = makeCertificate()
    const server = createTlsServer({ key, cert }, (_request, response) => response.end()).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
    try {
      const rules = outboundRules([`localhost:${port}`])
      const refused = refusedFor('OUTBOUND_FAILED', 'DEPTH_ZERO_SELF_SIGNED_CERT')
      await assert.rejects(guardedFetch(rules, `https://localhost:${port}/`, asked), refused)
    } finally {
      delete process.env.NODE_TLS_REJECT_UNAUTHORIZED
      server.close()
    }
  })

  test('waits while four others to the same host are under way, and that counts as its time', async () => {
    const held: ServerResponse[] = []
    const slow = await startHost((response) => void held.push(response))
    const rules = outboundRules([slow.name])
    const calls = Array.from({ length: 5 }, () => guardedFetch(rules, slow.url, asked))
    await eventually(
      () => held.length,
      (open) => open === 4,
    )
    const impatient = guardedFetch(rules, slow.url, { ...asked, timeoutMs: 200 })
    await assert.rejects(impatient, refusedFor('OUTBOUND_FAILED', 'timeout'))
    assert.equal(slow.requests(), 4)
    slow.set(jsonOf({}))
    for (const response of held) response.end()
    assert.deepEqual(
      (await Promise.all(calls)).map(({ status }) => status),
      [200, 200, 200, 200, 200],
    )
    assert.deepEqual([slow.requests(), slow.mostOpen()], [5, 4])
    await slow.close()
  })
})
