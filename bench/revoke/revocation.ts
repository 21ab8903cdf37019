import { setTimeout as wait } from 'node:timers/promises'
import type { Credential } from '../estate/clients.ts'
import type { Idp } from '../estate/idp.ts'
import { type Management, tokenFor } from '../estate/management.ts'
import { sharedClockMs } from './clock.ts'
import type { Crowds } from './crowds.ts'
import type { Ledger } from './ledger.ts'

const KEYRING = 'signing-es256'
const LOOK_AGAIN_MS = 20
/** Verifiers renew every 5 s: revocations are spread over that time, so that they do not all meet the same moment of it. */
const RENEWAL_PERIOD_MS = 5_000

/**
 * Which key is revoked. The active one has to be replaced first, which is where the emergency is; a retiring one is revoked
 * at rest, without anything else going on.
 */
export type Which = 'active' | 'retiring'

/** Everything that a revocation is measured on. */
export interface Scene {
  readonly idp: Idp
  readonly management: Management
  readonly agent: Credential
  readonly ledger: Ledger
  readonly crowds: Crowds
  readonly count: number
}

/** One revocation. All milliseconds, from its commit. */
export interface Revocation {
  /** When each verifier refused a token that it had accepted before. */
  readonly refusedMs: readonly number[]
  /** When the last verifier had acknowledged all that followed from it, and held a lease on that. */
  readonly settledMs: number
}

/** Revokes the key of a token that every verifier accepts. @param phase from 0 to 1: how late between two renewals */
export async function revokeOnce(scene: Scene, which: Which, phase: number): Promise<Revocation> {
  const { idp, management, ledger, crowds } = scene
  const { access_token: token } = await tokenFor(idp.url, scene.agent)
  const kid = kidOf(token)
  if (which === 'retiring') {
    await management.rotate(idp.url, KEYRING)
    await ledger.keyrings.until(KEYRING, ({ versions }) => isDemoted(kid, versions))
  }
  await settled(scene)
  await wait(phase * RENEWAL_PERIOD_MS)
  const { refused } = await crowds.watch(token, kid)
  await management.revoke(idp.url, KEYRING, kid)
  const at = await refused
  await settled(scene)
  const end = sharedClockMs()
  const committed = await ledger.revocationOf(kid)
  return { refusedMs: at.map((moment) => moment - committed), settledMs: end - committed }
}

/** A new standby is there, and every verifier has acknowledged it. */
async function settled({ ledger, count }: Scene): Promise<void> {
  await ledger.keyrings.until(KEYRING, ({ versions }) =>
    versions.some(({ state, servedAt }) => state === 'prepared' && servedAt !== undefined),
  )
  while ((await ledger.acknowledged()) < count) await wait(LOOK_AGAIN_MS)
}

function isDemoted(kid: string, versions: readonly { id: string; demotedAt?: number }[]): boolean {
  return versions.some(({ id, demotedAt }) => id === kid && demotedAt !== undefined)
}

/** The key that a token is signed by. */
export function kidOf(token: string): string {
  const header = Buffer.from(token.split('.', 1)[0] ?? '', 'base64url').toString()
  return (JSON.parse(header) as { kid: string }).kid
}
