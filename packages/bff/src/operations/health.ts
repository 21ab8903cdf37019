import { activeVersion, type Keyring } from '@rekey/keyring'
import type { App } from '@rekey/service'
import type { Bff } from '../bff.ts'
import { ownNames } from '../keyrings/own.ts'

type Parts = Pick<Bff, 'view' | 'keyrings' | 'metrics' | 'provider'>

/**
 * `/health` for people and dashboards: 503 while this instance can serve nobody. An identity provider that is away is told, and is no
 * reason to take this instance out: sessions live on, and another replica would not reach it either.
 */
export function healthRoute(app: App, parts: Parts): void {
  app.get('/health', async (_request, reply) => {
    const health = await healthOf(parts)
    return reply
      .code(health.status === 'unavailable' ? 503 : 200)
      .header('cache-control', 'no-store')
      .send(health)
  })
}

async function healthOf({ view, keyrings, metrics, provider }: Parts) {
  const documents = keyrings.documents()
  const database = view.held() ? 'ok' : 'unavailable'
  const held = ownNames.map((name) => [name, isUsable(documents.get(name)) ? 'ok' : 'unavailable'])
  const idp = { issuer: provider.issuer, reachable: await reachable(metrics) }
  const isServing = database === 'ok' && held.every(([, state]) => state === 'ok')
  const whileServing = idp.reachable === false ? 'degraded' : 'ok'
  return { status: isServing ? whileServing : 'unavailable', database, idp, keyrings: Object.fromEntries(held) }
}

const isUsable = (keyring: Keyring | undefined) => keyring !== undefined && activeVersion(keyring) !== undefined

/** As of the last request to it; null where there was none yet. */
async function reachable({ idpReachable }: Parts['metrics']): Promise<boolean | null> {
  const [last] = (await idpReachable.get()).values
  return last === undefined || last.value < 0 ? null : last.value === 1
}
