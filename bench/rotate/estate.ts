import { freePort } from '@rekey/database/testing'
import { type Clients, registerClients } from '../estate/clients.ts'
import { startHome } from '../estate/home.ts'
import { type Idp, startIdp } from '../estate/idp.ts'
import { Keyrings } from '../estate/keyrings.ts'
import { Part } from '../estate/part.ts'
import type { Undo } from '../estate/undo.ts'

const API = new URL('../../examples/api/src/main.ts', import.meta.url)

/** Tokens of 2 s, so that a thousand rotations end: a key is retired when the last token it can have signed is over. */
const ENVIRONMENT = {
  REKEY_ACCESS_TOKEN_TTL: '2s',
  // All processes read one clock, and tokens carry whole seconds, rounded down. This is for nothing but good measure.
  REKEY_CLOCK_SKEW: '100ms',
  JWKS_CACHE_TTL_SECONDS: '0',
  LOG_LEVEL: 'warn',
}

/** Two instances of one issuer, and two APIs on the feed: one of each instance. */
export interface Estate {
  readonly idps: readonly [Idp, Idp]
  readonly apis: readonly [string, string]
  readonly clients: Clients
  readonly keyrings: Keyrings
}

export async function startEstate(undo: Undo): Promise<Estate> {
  const home = await startHome(undo)
  const clients = await registerClients(home, 2)
  const first = await startIdp(undo, 'IdP 1', home, ENVIRONMENT)
  const second = await startIdp(undo, 'IdP 2', home, { ...ENVIRONMENT, REKEY_ISSUER: first.url })
  const apis = await Promise.all([
    startApi(undo, clients, 0, first.url, [first.url, second.url]),
    startApi(undo, clients, 1, first.url, [second.url, first.url]),
  ])
  return { idps: [first, second], apis, clients, keyrings: await Keyrings.open(undo, home) }
}

async function startApi(undo: Undo, { verifiers }: Clients, index: 0 | 1, issuer: string, feeds: readonly string[]) {
  const port = await freePort()
  const url = `http://localhost:${port}`
  const part = new Part(`API ${index + 1}`, API, {
    REKEY_ISSUER: issuer,
    REKEY_TRUST_URLS: feeds.join(','),
    REKEY_TRUST_CLIENT_ID: verifiers[index]?.clientId,
    REKEY_TRUST_CLIENT_SECRET: verifiers[index]?.clientSecret,
    PORT: String(port),
    LOG_LEVEL: 'warn',
  })
  undo.add(() => part.stop())
  await part.untilReady(`${url}/readyz`)
  return url
}
