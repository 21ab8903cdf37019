import assert from 'node:assert/strict'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { servedKeys } from '../../src/bootstrap/publication.ts'
import { portsWith } from '../../src/ports.ts'

describe('a served key set', () => {
  let server: Server
  let uri: string
  let answer: (response: ServerResponse) => void

  before(async () => {
    server = createServer((_, response) => answer(response))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    uri = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`
  })
  after(() => {
    server.closeAllConnections()
    server.close()
  })

  async function asked(timeoutMs?: number) {
    const lines: string[] = []
    const ports = portsWith({ log: (_, line) => void lines.push(line) })
    return { keys: await servedKeys({ ports }, uri, timeoutMs), said: lines.join('\n') }
  }
  const setOf = (bytes: number) => JSON.stringify({ keys: [{ kid: 'a' }], filler: 'x'.repeat(bytes) })

  it('is read up to 64 kB', async () => {
    answer = (response) => response.end(setOf(60_000))
    assert.deepEqual((await asked()).keys, [{ kid: 'a' }])
    let isClosed: Promise<unknown> | undefined
    answer = (response) => {
      isClosed = new Promise((resolve) => response.on('close', resolve))
      response.write(setOf(70_000))
    }
    const { keys, said } = await asked(60_000)
    assert.equal(keys, undefined)
    assert.match(said, /longer than 64 kB/)
    await isClosed
  })

  it('that goes on and on ends after its time', async () => {
    answer = (response) => {
      const drip = setInterval(() => response.write(' '), 10)
      response.on('close', () => clearInterval(drip))
    }
    assert.match((await asked(200)).said, /no reply in time/)
  })

  it('is nothing where it is no JSON, or an error’s', async () => {
    for (const [status, body] of [
      [200, 'welcome'],
      [500, setOf(0)],
    ] as const) {
      answer = (response) => response.writeHead(status).end(body)
      assert.equal((await asked()).keys, undefined)
    }
  })
})
