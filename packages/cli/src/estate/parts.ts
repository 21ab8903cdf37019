import { join } from 'node:path'
import type { Part } from './child.ts'
import type { Clients } from './clients.ts'
import type { DatabaseUrls } from './database.ts'
import { apiEntry, idpEntry } from './entry.ts'
import { apiEnvironment, idpEnvironment } from './environment.ts'
import type { Home } from './home.ts'
import type { Ports } from './ports.ts'

/** What the parts of an estate are made from. */
export interface Plan {
  home: Home
  ports: Ports
  clients: Clients
  /** The environment of the shell that started the estate. */
  env: Readonly<Record<string, string | undefined>>
}

/** The authorization server. Nothing but the estate's own verifiers reads its JWKS, and all of these are known. */
export function idpPart({ home, ports, env }: Plan, database: DatabaseUrls): Part {
  const url = `http://localhost:${ports.idp}`
  const own = {
    DATABASE_URL: database.serviceUrl,
    ...(database.directUrl ? { DATABASE_DIRECT_URL: database.directUrl } : {}),
    REKEY_ISSUER: url,
    REKEY_PORT: String(ports.idp),
    REKEY_ROOT_KEY: `file:${home.rootKeyFile}`,
  }
  return {
    name: 'idp',
    entry: idpEntry(),
    env: idpEnvironment(env, { REKEY_ANONYMOUS_PROPAGATION: '0s' }, own),
    logFile: join(home.logsFolder, 'idp.log'),
    url,
  }
}

/** The two example APIs, each with a verifier's credential of its own. */
export function apiParts({ home, ports, clients, env }: Plan): Part[] {
  const entry = apiEntry()
  return ([0, 1] as const).map((index) => {
    const name = `api-${index + 1}`
    const verifier = clients.verifiers[index]
    const own = {
      REKEY_ISSUER: `http://localhost:${ports.idp}`,
      REKEY_TRUST_CLIENT_ID: verifier.clientId,
      REKEY_TRUST_CLIENT_SECRET: verifier.clientSecret,
      REKEY_STATE_FILE: join(home.folder, `${name}.trust.json`),
      // The same one over restarts: it takes the place of the process that died, instead of standing beside it.
      REKEY_INSTANCE: String(ports.apis[index]),
      PORT: String(ports.apis[index]),
    }
    const logFile = join(home.logsFolder, `${name}.log`)
    return { name, entry, env: apiEnvironment(env, own), logFile, url: `http://localhost:${ports.apis[index]}` }
  })
}
