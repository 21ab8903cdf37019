import { once } from 'node:events'
import type { TestContext } from 'node:test'
import { createVerifier, type JwksPollingOptions, jwksPolling, type Verifier } from '../../src/index.ts'
import { HandClock } from './clock.ts'
import { JwksServer } from './jwks-server.ts'
import { AUDIENCE, ISSUER, NOW_MS } from './keys.ts'

/** A verifier that polls a real endpoint; what that answers and what time it is are up to the test. */
export interface Polled {
  readonly server: JwksServer
  readonly clock: HandClock
  readonly verifier: Verifier
  /** How many fetches have begun: known at once, and not only when they arrive. */
  readonly sent: () => number
  /** What was announced so far: `keyAdded one`, `asked ok`, `problem jwks_failed`. */
  readonly announced: string[]
}

export type PolledOptions = Partial<JwksPollingOptions> & { readonly algorithms?: readonly string[] }

/** Fetches every minute, trusts for ten, and cools down for ten seconds. */
export async function polled(t: TestContext, options: PolledOptions = {}): Promise<Polled> {
  const { algorithms = ['ES256'], ...polling } = options
  const server = await JwksServer.listen()
  const clock = new HandClock(NOW_MS)
  const limits = { refreshMs: 60_000, ceilingMs: 600_000, coolDownMs: 10_000, ...polling }
  let sent = 0
  const counted: typeof fetch = (...request) => {
    sent++
    return (polling.fetch ?? fetch)(...request)
  }
  const trust = jwksPolling({ jwksUri: server.url, clock, random: () => 0, ...limits, fetch: counted })
  const verifier = createVerifier({ issuer: ISSUER, audience: AUDIENCE, algorithms, clock, trust })
  t.after(async () => {
    await verifier.close()
    await server.close()
  })
  return { server, clock, verifier, sent: () => sent, announced: listenTo(verifier) }
}

/** The same, once it holds `set`. */
export async function startedWith(t: TestContext, set: unknown, options: PolledOptions = {}): Promise<Polled> {
  const all = await polled(t, options)
  all.server.serve(set)
  await all.verifier.start()
  await told()
  return all
}

function listenTo(verifier: Verifier): string[] {
  const announced: string[] = []
  verifier.on('keyAdded', (kid) => announced.push(`keyAdded ${kid}`))
  verifier.on('keyRemoved', (kid) => announced.push(`keyRemoved ${kid}`))
  verifier.on('asked', (outcome) => announced.push(`asked ${outcome}`))
  for (const event of ['leaseLost', 'leaseRegained'] as const) verifier.on(event, () => announced.push(event))
  verifier.on('problem', (error) => announced.push(`problem ${error.code}`))
  return announced
}

/** Events come on a later tick than whatever they tell of. */
export const told = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Lets time pass up to the next fetch that is due, and waits until it was answered; resolves to what came of it. */
export async function poll({ clock, verifier }: Polled, ms = 60_000): Promise<string> {
  const asked = once(verifier, 'asked')
  clock.advance(ms)
  const [outcome] = await asked
  return outcome
}
