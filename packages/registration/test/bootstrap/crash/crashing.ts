import assert from 'node:assert/strict'
import { createPublicKey } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import type { TestContext } from 'node:test'
import { type Jwk, thumbprintOf } from '../../../src/keys/jwk.ts'
import { keyOfPem } from '../../../src/keys/key.ts'
import { portsWith } from '../../../src/ports.ts'
import { discover } from '../../../src/provider/addresses.ts'
import { authenticates } from '../../../src/provider/assertion.ts'
import { sender } from '../../../src/provider/request.ts'
import { folder, pem, start, stored } from '../../client.ts'
import { startModern } from '../../foreign/modern.ts'
import { keyService } from '../../service.ts'
import { spawned } from '../../spawned.ts'

// Whoever held the lock is dead before the next one starts, and nobody else lives: nothing is there to be waited for.
const lockTimes = { staleMs: 0, beatMs: 1_000, waitMs: 60_000 }

/** A client that is killed, with an identity provider, a folder and a service of its own: several tests run at once. */
export async function crashing(test: TestContext) {
  const [place, modern] = await Promise.all([folder(), startModern()])
  const setting = { idp: modern.url, folder: place.path }
  const service = keyService(() => place.path)
  await service.open()
  test.after(async () => {
    service.close()
    await modern.close()
    await place.remove()
  })

  async function killed(act: number, env: Record<string, string>) {
    assert.equal((await spawned(setting, { ...env, KILL_AT: String(act) })).signal, 'SIGKILL')
  }

  const ownThumbprint = async () => thumbprintOf(createPublicKey(await pem(setting)).export({ format: 'jwk' }) as Jwk)
  const registeredKeys = async (): Promise<Jwk[]> =>
    (await modern.behind.client((await stored(setting)).client_id)).jwks.keys

  return {
    modern,
    setting,
    service,
    killed,
    iat: () => modern.behind.iat(),
    start: (env: Record<string, string>) => start(setting, env, { lockTimes }),
    /** How many acts a start has that nobody kills. */
    acts: async (env: Record<string, string>) => (await spawned(setting, env)).result?.acts,
    created: () => modern.behind.requests.filter(({ method, status }) => method === 'POST' && status === 201).length,
    /** Whether the set has the public half of the PEM. */
    async holdsKey(set: readonly Jwk[]): Promise<boolean> {
      const own = await ownThumbprint()
      return set.some((key) => thumbprintOf(key) === own)
    },
    registeredKeys,
    /** Whether the identity provider takes what the service signs now, by the kid that it is told. */
    async isBelieved(): Promise<boolean | undefined> {
      const { client_id: clientId, kid } = await stored(setting)
      const send = sender(portsWith({}), {})
      const key = keyOfPem(await pem(setting), 'the PEM', 0)
      return authenticates(send, await discover(send, setting.idp), { clientId, kid, key }, Date.now())
    },
    async nothingIsLeftBut(...more: string[]) {
      const names = (await readdir(setting.folder)).map((name) => name.replace(/-\d+$/, '')).sort()
      const always = ['bff-sig-001.pem', 'bff-sig-001.pem.kids', 'bff-sig-001.pem.lock', 'bff_client.json']
      assert.deepEqual(names, [...always, ...more])
    },
  }
}

export type Crashing = Awaited<ReturnType<typeof crashing>>
