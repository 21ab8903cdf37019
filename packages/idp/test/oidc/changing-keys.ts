/** Two instances behind one address, each request at the other one, and what can happen to the keys by which they sign. */
import assert from 'node:assert/strict'
import { request as call, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { decodeUnverified, eventually, startEstate, type TestInstance } from '../estate.ts'

const es256 = 'signing-es256'
const rs256 = 'signing-rs256'

interface Version {
  id: string
  state: string
  servedAt?: string
}

async function roundRobin() {
  const ports: number[] = []
  let next = 0
  const server = createServer((incoming, outgoing) => {
    const port = ports[next++ % ports.length]
    const { method, url, headers } = incoming
    const passed = call({ port, method, path: url, headers }, (reply) => {
      outgoing.writeHead(reply.statusCode ?? 502, reply.headers)
      reply.pipe(outgoing)
    })
    passed.on('error', () => outgoing.destroy())
    incoming.pipe(passed)
  })
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve))
  const { port } = server.address() as AddressInfo
  return { url: `http://localhost:${port}`, ports, close: () => server.close().closeAllConnections() }
}

/** Tokens are signed by ES256 at first. */
export async function startChanging(environment: Record<string, string> = {}) {
  const estate = await startEstate(environment)
  const front = await roundRobin()
  const idp = await estate.instance({ REKEY_ISSUER: front.url })
  const other = await estate.instance({ REKEY_ISSUER: front.url })
  const instances: readonly TestInstance[] = [idp, other]
  for (const { url } of instances) front.ports.push(Number(new URL(url).port))
  const bearer = await idp.management()

  const manage = async (method: string, path: string, body?: object) => {
    const reply = await idp.manage(method, `/api/v1/${path}`, body, bearer)
    assert.ok(reply.status < 300, JSON.stringify(reply.body))
    return reply.body
  }
  const versions = async (keyring: string): Promise<Version[]> => (await manage('GET', `keyrings/${keyring}`)).versions
  const activeKey = async () => (await versions(es256)).find(({ state }) => state === 'active')?.id ?? ''

  /** Until the keyrings could change at once. */
  async function settled(): Promise<void> {
    const isServed = (state: string) => (found: Version[]) =>
      found.some((each) => each.state === state && each.servedAt !== undefined)
    await eventually(() => versions(es256), isServed('prepared'))
    await eventually(() => versions(rs256), isServed('active'))
  }

  /** Through the real loop. @returns the key by which every instance signs by then */
  async function rotate(): Promise<string> {
    await settled()
    const before = await activeKey()
    await manage('POST', `keyrings/${es256}/rotate`, { reason: 'drill' })
    const kids = await eventually(
      async () => instances.map(({ idp }) => idp.instance.keys().active(es256).kid),
      (found) => found.every((kid) => kid !== before),
    )
    return kids[0] as string
  }

  async function moveIssuance(): Promise<void> {
    const { keyring, confirmed } = await manage('PUT', 'issuance', { keyring: rs256, reason: 'a partner wants RSA' })
    assert.deepEqual([keyring, confirmed], [rs256, true])
  }

  /** @param id by default the active one: another takes over first */
  async function revoke(id?: string): Promise<void> {
    await manage('POST', `keyrings/${es256}/revoke`, { id: id ?? (await activeKey()), reason: 'compromised' })
  }

  async function stop(): Promise<void> {
    front.close()
    await estate.stop()
  }

  return { url: front.url, idp, instances, activeKey, settled, rotate, moveIssuance, revoke, stop }
}

export type Changing = Awaited<ReturnType<typeof startChanging>>

export const signedBy = (token: string | undefined): string => decodeUnverified(token ?? '').header.kid
