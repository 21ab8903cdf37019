import { readFile } from 'node:fs/promises'
import { setTimeout as wait } from 'node:timers/promises'
import { keyedClient, tokenForm } from '../assertions/client.ts'
import { newKeyNamed, type Registered } from './clients.ts'
import type { PinnedIdp } from './idp.ts'

/** Linux counts the time of processes in hundredths of a second. */
const TICK_MS = 10

/**
 * Clients rotate their keys at an even pace, as they would who start at all hours: each reads its registration, adds a key, and asks
 * for a token by the new one.
 *
 * @returns what the IdP's process used of a core meanwhile, from 0 to 1
 */
export async function replay(idp: PinnedIdp, clients: readonly Registered[], perSecond: number, seconds: number) {
  const count = Math.min(clients.length, Math.round(perSecond * seconds))
  const keys = Array.from({ length: count }, newKeyNamed)
  const began = performance.now()
  const usedBefore = await processorMs(idp.pid)
  const rotations: Promise<void>[] = []
  for (let i = 0; i < count; i += 1) {
    await wait(Math.max(0, began + (i * 1_000) / perSecond - performance.now()))
    rotations.push(rotate(idp, clients[i] as Registered, keys[i] as Registered['keys'][0]))
  }
  await Promise.all(rotations)
  await wait(Math.max(0, began + seconds * 1_000 - performance.now()))
  const share = ((await processorMs(idp.pid)) - usedBefore) / (performance.now() - began)
  return { rotations: count, share }
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

/** In user and in kernel mode, of all its threads. */
async function processorMs(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  // The name, in brackets, may have blanks in it; utime and stime are the 12th and 13th fields behind it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS
}
