import { setTimeout as delay } from 'node:timers/promises'
import { DemoError } from '../error.ts'
import { stealKey } from '../thief/steal.ts'
import type { Survival } from '../thief/survival.ts'
import { Thief } from '../thief/thief.ts'
import { activeOf } from './active.ts'
import type { Run } from './run.ts'

/** For how long it is watched who still accepts the revoked key. */
export const watchMs = 120_000
const thiefBeforeMs = 2_000

/** What a revocation of the key in use did. */
export interface RevocationResult {
  kid: string
  /** From the request until it was committed and every instance had confirmed it. */
  confirmedAfterMs: number
  survivals: Map<string, Survival>
}

/** The key in use is stolen and revoked: `rekey revoke signing-es256 KID`. The thief goes on minting tokens by it. */
export async function revocation(run: Run, keyring: string): Promise<RevocationResult> {
  const kid = activeOf(await run.administration.keyring(keyring))
  const thief = new Thief(run.estate, await stealKey(run.estate, keyring, kid), run.clock)
  try {
    await thief.start()
    run.terminal.say(`${kid} is stolen: all four APIs accept the thief's tokens`)
    await delay(thiefBeforeMs, undefined, { signal: run.interrupted })
    const { revokedAt, confirmedAfterMs } = await revokeNow(run, keyring, kid)
    run.terminal.say(`${kid} is revoked, confirmed ${Math.round(confirmedAfterMs)} ms after the request`)
    await watch(run, thief, revokedAt)
    const survivals = [...thief.probes].map(([api, probes]) => [api, probes.survival(revokedAt)] as const)
    return { kid, confirmedAfterMs, survivals: new Map(survivals) }
  } finally {
    await thief.stop()
  }
}

async function revokeNow(run: Run, keyring: string, kid: string) {
  run.load.expectRevocation(kid)
  const askedAt = run.clock.monotonicMs()
  const { versions } = await run.administration.revoke(keyring, kid, 'private key stolen')
  const iso = versions.find(({ id }) => id === kid)?.revokedAt
  if (!iso) throw new DemoError('CALL_REFUSED', `${kid} is said to be revoked and has no time of it`)
  return { revokedAt: Date.parse(iso), confirmedAfterMs: run.clock.monotonicMs() - askedAt }
}

async function watch(run: Run, thief: Thief, revokedAt: number): Promise<void> {
  let before = [...thief.probes.keys()].join(', ')
  for (;;) {
    const { accepting } = thief
    const who = accepting.length > 0 ? accepting.join(', ') : 'nobody'
    if (who !== before) run.terminal.say(`the thief's tokens are accepted by ${who} from now on`)
    before = who
    const leftMs = revokedAt + watchMs - run.clock.wallMs()
    if (leftMs <= 0) return
    run.waiting = `${Math.ceil(leftMs / 1_000)} s; still accepting the revoked key: ${who}`
    await delay(Math.min(leftMs, 500), undefined, { signal: run.interrupted })
  }
}
