import { join } from 'node:path'
import type { Part } from './child.ts'
import type { Clients } from './clients.ts'
import type { DatabaseUrls } from './database.ts'
import { ownTargets } from './document.ts'
import { apiEntry, bffEntry, exampleBff, exampleSpa, idpEntry } from './entry.ts'
import { apiEnvironment, bffEnvironment, idpEnvironment } from './environment.ts'
import { evidenceKeyFile } from './evidence-key.ts'
import type { Home } from './home.ts'
import type { Ports } from './ports.ts'

/** What the parts of an estate are made from. */
export interface Plan {
  /** The file of the profiles by which clients register; the IdP's own setting where it is undefined. */
  profiles?: string
  home: Home
  ports: Ports
  clients: Clients
  /** The environment of the shell that started the estate. */
  env: Readonly<Record<string, string | undefined>>
}

/**
 * The instances of the authorization server: one issuer at several addresses. Nothing but the estate's own verifiers reads
 * its JWKS, and all of these are known.
 */
export function idpParts({ home, ports, env, profiles }: Plan, database: DatabaseUrls): Part[] {
  const shared = {
    DATABASE_URL: database.serviceUrl,
    ...(database.directUrl ? { DATABASE_DIRECT_URL: database.directUrl } : {}),
    REKEY_ISSUER: urlAt(ports.idps[0]),
    REKEY_ROOT_KEY: `file:${home.rootKeyFile}`,
    REKEY_REVOCATION_JOURNAL: home.revocationJournal,
    REKEY_EVIDENCE_KEY: `file:${evidenceKeyFile(env, home)}`,
    ...(ports.bffs.length === 0 ? {} : { REKEY_BFF_ADMIN_TOKEN_FILE: home.bff.adminTokenFile }),
    ...(profiles === undefined ? {} : { REKEY_CLIENT_PROFILES: profiles }),
  }
  // An instance that carries an incident out refreshes and probes the APIs, and ends sessions of the BFF; others that the shell
  // names instead.
  const defaults = {
    REKEY_ANONYMOUS_PROPAGATION: '0s',
    REKEY_APIS: ownTargets(ports.apis.map(urlAt)),
    ...(ports.bffs[0] === undefined ? {} : { REKEY_BFFS: `${urlAt(ports.bffs[0])} client=${bffClient}` }),
  }
  const checkpoints = env.REKEY_AUDIT_CHECKPOINTS ?? home.auditCheckpoints
  return ports.idps.map((port, index) => {
    const name = index === 0 ? 'idp' : `idp-${index + 1}`
    const own = { REKEY_PORT: String(port), REKEY_AUDIT_CHECKPOINTS: ofInstance(checkpoints, index) }
    return {
      name,
      entry: idpEntry(),
      env: idpEnvironment(env, defaults, { ...shared, ...own }),
      logFile: join(home.logsFolder, `${name}.log`),
      url: urlAt(port),
    }
  })
}

/** Each instance writes a file of its own. None, where the shell wants none. */
function ofInstance(checkpoints: string, index: number): string {
  return index === 0 || checkpoints === '' ? checkpoints : `${checkpoints}-${index + 1}`
}

/** The two example APIs, each with a verifier's credential of its own and another instance of the IdP to begin with. */
export function apiParts({ home, ports, clients, env }: Plan): Part[] {
  const entry = apiEntry()
  return ([0, 1] as const).map((index) => {
    const name = `api-${index + 1}`
    const verifier = clients.verifiers[index]
    const own = {
      REKEY_ISSUER: urlAt(ports.idps[0]),
      REKEY_TRUST_URLS: startingAt(ports.idps, index).map(urlAt).join(','),
      REKEY_TRUST_CLIENT_ID: verifier.clientId,
      REKEY_TRUST_CLIENT_SECRET: verifier.clientSecret,
      REKEY_STATE_FILE: join(home.folder, `${name}.trust.json`),
      // The same one over restarts: it takes the place of the process that died, instead of standing beside it.
      REKEY_INSTANCE: String(ports.apis[index]),
      PORT: String(ports.apis[index]),
    }
    const logFile = join(home.logsFolder, `${name}.log`)
    return { name, entry, env: apiEnvironment(env, own), logFile, url: urlAt(ports.apis[index]) }
  })
}

/** The id by which the BFF is registered at the IdP, and the profile. */
export const bffClient = 'bff'

/** Where browsers reach the backend for frontend; nothing where there is none. */
export function bffUrl({ env, ports }: Pick<Plan, 'env' | 'ports'>): string | undefined {
  const [first] = ports.bffs
  return first === undefined ? undefined : env.REKEY_BFF_URL || urlAt(first)
}

/**
 * The instances of the backend for frontend: one address for browsers, one key and one registration.
 *
 * @param registers whether it is not registered yet: its initial access token lies in the home then
 */
export function bffParts(plan: Plan, database: DatabaseUrls, registers: boolean): Part[] {
  const { home, ports, clients, env } = plan
  const idp = urlAt(ports.idps[0])
  const shared = {
    DATABASE_URL: database.serviceUrl,
    ...(database.directUrl ? { DATABASE_DIRECT_URL: database.directUrl } : {}),
    REKEY_BFF_URL: bffUrl(plan) ?? '',
    REKEY_ROOT_KEY: `file:${home.bff.rootKeyFile}`,
    REKEY_REVOCATION_JOURNAL: home.bff.revocationJournal,
    IDP_BASE_URL: idp,
    BFF_KEYS_DIR: home.bff.keysFolder,
    DCR_CLIENT_ID: bffClient,
    DCR_CLIENT_PROFILE: bffClient,
    ...(registers ? { DCR_IAT: `file:${home.bff.initialAccessFile}` } : {}),
    MS_BFF_TOKEN_AUTH_METHOD: 'private_key_jwt',
    REKEY_BFF_ADMIN_TOKEN: `file:${home.bff.adminTokenFile}`,
    // What idps.yaml of the example names.
    INTROSPECTION_CLIENT_ID: clients.bff.clientId,
    INTROSPECTION_CLIENT_SECRET: `file:${home.bff.clientSecretFile}`,
  }
  const defaults = {
    TOKEN_HASH_SALT: 'keyring:',
    // For whom the APIs want tokens to be.
    AUTH_RESOURCE: env.REKEY_AUDIENCE || 'urn:rekey:api',
    BFF_CONFIG_DIR: exampleBff,
    REKEY_BFF_WEB: exampleSpa,
    // What routes.yaml of the example names.
    API_URL: urlAt(ports.apis[0]),
    OTHER_API_URL: urlAt(ports.apis[1]),
  }
  const checkpoints = env.REKEY_AUDIT_CHECKPOINTS
  return ports.bffs.map((port, index) => {
    const name = index === 0 ? 'bff' : `bff-${index + 1}`
    const kept = checkpoints ? `${checkpoints}-bff` : (checkpoints ?? home.bff.auditCheckpoints)
    const own = { REKEY_PORT: String(port), REKEY_AUDIT_CHECKPOINTS: ofInstance(kept, index) }
    return {
      name,
      entry: bffEntry(),
      env: bffEnvironment(env, defaults, { ...shared, ...own }),
      logFile: join(home.logsFolder, `${name}.log`),
      url: urlAt(port),
    }
  })
}

/** The base URL of the part that listens at a port. */
export function urlAt(port: number): string {
  return `http://localhost:${port}`
}

function startingAt(ports: readonly number[], index: number): number[] {
  const first = index % ports.length
  return [...ports.slice(first), ...ports.slice(0, first)]
}
