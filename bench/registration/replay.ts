import { setTimeout as wait } from 'node:timers/promises'
import { keyedClient, tokenForm } from '../assertions/client.ts'
import { processorMs } from '../estate/processor.ts'
import { newKeyNamed, type Registered } from './clients.ts'
import type { PinnedIdp } from './idp.ts'

const IDLE_MS = 20_000

/**
 * Clients rotate their keys at an even pace, as they would who start at all hours: each reads its registration, adds a key, and asks
 * for a token by the new one.
 *
 * @returns what the IdP's process used of a core meanwhile, and while nobody asked, from 0 to 1
 */
export async function replay(idp: PinnedIdp, clients: readonly Registered[], perSecond: number, seconds: number) {
  const count = Math.min(clients.length, Math.round(perSecond * seconds))
  const keys = Array.from({ length: count }, newKeyNamed)
  const idle = await shareOf(idp, () => wait(IDLE_MS))
  const share = await shareOf(idp, async () => {
    const began = performance.now()
    const rotations: Promise<void>[] = []
    for (const [i, key] of keys.entries()) {
      await wait(Math.max(0, began + (i * 1_000) / perSecond - performance.now()))
      rotations.push(rotate(idp, clients[i] as Registered, key))
    }
    await Promise.all(rotations)
    await wait(Math.max(0, began + seconds * 1_000 - performance.now()))
  })
  return { rotations: count, share, idle }
}

/** What the IdP's process used of a core while something went on, from 0 to 1. */
async function shareOf({ pid }: PinnedIdp, goesOn: () => Promise<unknown>): Promise<number> {
  const [began, usedBefore] = [performance.now(), await processorMs(pid)]
  await goesOn()
  return ((await processorMs(pid)) - usedBefore) / (performance.now() - began)
}

async function rotate({ url: idp }: PinnedIdp, client: Registered, key: Registered['keys'][0]): Promise<void> {
  const authorization = `Bearer ${client.registrationAccessToken}`
  const { jwks } = JSON.parse(await send(client.url, { headers: { authorization } })) as { jwks: { keys: object[] } }
  await send(client.url, {
    method: 'PATCH',
    headers: { authorization, 'content-type': 'application/merge-patch+json' },
    body: JSON.stringify({ jwks: { keys: [...jwks.keys.slice(-1), key.publicJwk] } }),
  })
  const form = tokenForm(keyedClient(client.clientId, key.privateJwk), idp)
  await send(`${idp}/api/oidc/token`, { method: 'POST', body: new URLSearchParams(form) })
}

async function send(url: string, init: RequestInit): Promise<string> {
  const reply = await fetch(url, init)
  const text = await reply.text()
  if (reply.status !== 200) throw new Error(`${init.method ?? 'GET'}: ${reply.status} ${text}`)
  return text
}
