import { Management } from '../estate/management.ts'
import type { Estate } from './estate.ts'

const KEYRING = 'signing-es256'
/** The JWKS is fetched after one rotation in so many: it is to be weighed, not to be a load. */
const WEIGHED_EVERY = 10

/** What a series of rotations showed. */
export interface Rotations {
  /** From the moment it is asked for to the confirmation by all instances, of each in milliseconds. */
  readonly ms: number[]
  /** The whole series, in milliseconds. */
  tookMs: number
  mostJwksBytes: number
  mostJwksKeys: number
  mostDocumentBytes: number
}

/** Rotates again and again: each begins when all instances have confirmed that they sign by the last one's key no more. */
export async function rotateInARow(
  estate: Estate,
  count: number,
  tell: (done: number) => Promise<void>,
): Promise<Rotations> {
  const management = new Management(estate.clients.admin)
  const seen: Rotations = { ms: [], tookMs: 0, mostJwksBytes: 0, mostJwksKeys: 0, mostDocumentBytes: 0 }
  const start = performance.now()
  for (let done = 0; done < count; done += 1) {
    const idp = estate.idps[done % 2 === 0 ? 0 : 1]
    seen.ms.push(await rotate(estate, idp.url, management, seen))
    if (done % WEIGHED_EVERY === 0) await weighJwks(idp.url, seen)
    await tell(done + 1)
  }
  seen.tookMs = performance.now() - start
  return seen
}

async function rotate({ keyrings }: Estate, idp: string, management: Management, seen: Rotations): Promise<number> {
  const active = (await keyrings.load(KEYRING)).versions.find(({ state }) => state === 'active')
  const asked = performance.now()
  await management.rotate(idp, KEYRING)
  const keyring = await keyrings.until(KEYRING, ({ versions }) =>
    versions.some(({ id, demotedAt }) => id === active?.id && demotedAt !== undefined),
  )
  const tookMs = performance.now() - asked
  seen.mostDocumentBytes = Math.max(seen.mostDocumentBytes, Buffer.byteLength(JSON.stringify(keyring)))
  return tookMs
}

async function weighJwks(idp: string, seen: Rotations): Promise<void> {
  const text = await (await fetch(`${idp}/.well-known/jwks.json`)).text()
  seen.mostJwksBytes = Math.max(seen.mostJwksBytes, Buffer.byteLength(text))
  seen.mostJwksKeys = Math.max(seen.mostJwksKeys, (JSON.parse(text) as { keys: unknown[] }).keys.length)
}
