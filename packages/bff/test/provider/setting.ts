/** The provider part of an instance, against a real identity provider. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from '@rekey/database'
import { readEnvironment } from '@rekey/service'
import { pino } from 'pino'
import { z } from 'zod'
import { providerOf, providerVariables } from '../../src/config/provider.ts'
import { newMetrics } from '../../src/operations/metrics.ts'
import { type OpenProvider, openProvider, type ProviderMeans } from '../../src/provider/open.ts'
import type { BffTables } from '../../src/tables.ts'
import { bffDatabase } from '../database.ts'
import { browser, type TestProvider } from '../provider.ts'

export const publicUrl = 'http://127.0.0.1:9'
export const callback = `${publicUrl}/auth/callback`
export const clientId = 'bff'

const variables = z.object({
  ...providerVariables,
  REKEY_BFF_URL: z.string(),
  REKEY_ALLOW_PLAINTEXT: z.boolean(),
})

export function settingsOf(env: Record<string, string>) {
  const given = readEnvironment(z.object(providerVariables), env)
  return providerOf({
    ...variables.parse({ ...env, REKEY_BFF_URL: publicUrl, REKEY_ALLOW_PLAINTEXT: false }),
    ...given,
  })
}

/** What several providers of one test share, and everything that is closed after it. */
export async function setting() {
  const database = await bffDatabase()
  const connection = connect<BffTables>(database.serviceUrl, { max: 4 })
  const folder = await mkdtemp(join(tmpdir(), 'bff-provider-'))
  const opened: OpenProvider[] = []
  const lines: string[] = []
  const clock = { ahead: 0 }

  async function open(env: Record<string, string>, more: Partial<ProviderMeans> = {}) {
    const metrics = newMetrics()
    const provider = await openProvider({
      settings: settingsOf(env),
      publicUrl,
      skewMs: 30_000,
      connection,
      fetch: globalThis.fetch,
      clock: () => Date.now() + clock.ahead,
      log: pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) }),
      metrics,
      ...more,
    })
    opened.push(provider)
    return Object.assign(provider, { metrics })
  }

  return {
    database,
    db: connection.db,
    folder,
    path: (name: string) => join(folder, name),
    write: (name: string, text: string) => writeFile(join(folder, name), text),
    lines,
    clock,
    open,
    async close() {
      await Promise.all(opened.map((provider) => provider.close()))
      await connection.close()
      await database.drop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

export type Setting = Awaited<ReturnType<typeof setting>>
export type TestOpen = Awaited<ReturnType<Setting['open']>>

/** A whole login of the provider's user, by a browser of its own. */
export async function logIn(provider: Pick<OpenProvider, 'beginLogin' | 'finishLogin'>, by = browser()) {
  const { url, begun } = await provider.beginLogin()
  const back = await by.go(url, { until: callback })
  return provider.finishLogin(back.url, begun)
}

/** A client with a secret. */
export async function withSecret(idp: TestProvider, secret: string, method?: 'client_secret_post') {
  await idp.addClient({
    clientId,
    secret,
    redirectUris: [callback],
    postLogoutRedirectUris: [`${publicUrl}/`],
    backchannelLogoutUri: `${publicUrl}/auth/backchannel-logout`,
    ...(method === undefined ? {} : { method }),
  })
}
