import { randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startEmbedded } from '@rekey/database'
import { ensureClients, managementScopes, migrateIdp } from '@rekey/idp'
import { type ApiName, apiKinds } from '../apis/kinds.ts'
import { anonymousPropagationMs, readers, settings } from '../policy.ts'
import { makeHome, removeHome } from './home.ts'
import { Part } from './part.ts'
import { freePorts } from './ports.ts'

export interface Credential {
  clientId: string
  clientSecret: string
}

/** One of the four APIs. */
export interface Api {
  name: ApiName
  label: string
  url: string
}

/** What runs, and what is needed to use it. */
export interface Estate {
  issuer: string
  audience: string
  /** The base URLs of the instances of the one identity provider; the issuer is the first. */
  idps: readonly string[]
  apis: readonly Api[]
  admin: Credential
  agent: Credential
  /** Of the tables' owner: the thief reads a sealed key by it. */
  databaseUrl: string
  rootKeyFile: string
}

export interface RunningEstate {
  estate: Estate
  /** Rejects when a part ends by itself. */
  died: Promise<never>
  /** Stops all of it and removes its folder. */
  stop(): Promise<void>
}

const audience = 'urn:rekey:demo'
const idpCount = 2

/**
 * Starts PostgreSQL, two instances of the identity provider and the four APIs, in a folder of their own. When it
 * cannot, or is interrupted, nothing is left behind.
 *
 * @throws DemoError `START_FAILED`, `PART_DIED`; DatabaseError when PostgreSQL cannot be started
 */
export async function startEstate(interrupted: AbortSignal, tell: (line: string) => void): Promise<RunningEstate> {
  const home = await makeHome()
  const stops: (() => Promise<void>)[] = []
  let dataFolder: string | undefined
  const stop = async () => {
    for (const end of stops.splice(0).reverse()) await end()
    await removeHome(home, dataFolder)
  }
  try {
    const [databasePort = 0, ...idpPorts] = await freePorts(1 + idpCount, Math.random)
    tell('starting PostgreSQL')
    const database = await startEmbedded({ home, port: databasePort })
    stops.push(() => database.stop())
    dataFolder = database.dataFolder
    interrupted.throwIfAborted()
    const plan = await prepare(home, database, idpPorts)
    interrupted.throwIfAborted()
    tell(`starting ${idpCount} instances of the identity provider`)
    const idps = idpPorts.map((port, index) => idpPart(plan, port, index))
    stops.push(() => stopAll(idps))
    await allReady(idps, interrupted)
    tell('starting four APIs')
    const parts = apiKinds.map((kind) => apiPart(plan, kind.name))
    stops.push(() => stopAll(parts))
    const ready = await allReady(parts, interrupted)
    const apis = apiKinds.map(({ name, label }, index) => ({ name, label, url: ready[index]?.url ?? '' }))
    const died = Promise.race([...idps, ...parts].map((part) => part.died))
    return { estate: { ...plan, apis }, died, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

interface Plan extends Omit<Estate, 'apis'> {
  logs: string
  serviceUrl: string
  verifier: Credential
}

async function prepare(
  home: string,
  database: { ownerUrl: string; serviceUrl: string },
  idpPorts: number[],
): Promise<Plan> {
  const rootKeyFile = join(home, 'root.key')
  await writeFile(rootKeyFile, randomBytes(32).toString('hex'), { mode: 0o600 })
  const logs = join(home, 'logs')
  await mkdir(logs, { mode: 0o700 })
  const [admin, agent, verifier] = [newCredential(), newCredential(), newCredential()]
  await migrateIdp(database.ownerUrl)
  await ensureClients(database.ownerUrl, {
    agents: [
      { ...admin, name: 'admin', scopes: managementScopes },
      { ...agent, name: 'agent', scopes: [] },
    ],
    verifiers: [{ ...verifier, name: 'feed' }],
  })
  const idps = idpPorts.map((port) => `http://localhost:${port}`)
  const clients = { admin, agent, verifier }
  const { ownerUrl: databaseUrl, serviceUrl } = database
  return { issuer: idps[0] ?? '', audience, idps, ...clients, databaseUrl, serviceUrl, rootKeyFile, logs }
}

function idpPart({ issuer, serviceUrl, rootKeyFile, logs }: Plan, port: number, index: number): Part {
  const seconds = (ms: number) => `${ms / 1_000}s`
  return new Part({
    name: `identity provider ${index + 1}`,
    entry: fileURLToPath(new URL('main.ts', import.meta.resolve('@rekey/idp'))),
    logFile: join(logs, `idp-${index + 1}.log`),
    env: {
      DATABASE_URL: serviceUrl,
      REKEY_ISSUER: issuer,
      REKEY_PORT: String(port),
      REKEY_ROOT_KEY: `file:${rootKeyFile}`,
      REKEY_AUDIENCE: audience,
      REKEY_ACCESS_TOKEN_TTL: seconds(settings.tokenTtlMs),
      JWKS_CACHE_TTL_SECONDS: String(settings.jwksMaxAgeMs / 1_000),
      REKEY_CLOCK_SKEW: seconds(settings.skewMs),
      REKEY_ANONYMOUS_PROPAGATION: seconds(anonymousPropagationMs(settings, readers)),
    },
  })
}

function apiPart({ issuer, idps, verifier, logs }: Plan, name: ApiName): Part {
  // Readers of the JWKS meet whichever instance the load balancer gives them.
  const base = name === 'jose' ? (idps[1] ?? issuer) : issuer
  return new Part({
    name: `API ${name}`,
    entry: fileURLToPath(new URL('../apis/serve.ts', import.meta.url)),
    logFile: join(logs, `api-${name}.log`),
    env: {
      DEMO_API: name,
      DEMO_ISSUER: issuer,
      DEMO_IDPS: idps.join(','),
      DEMO_AUDIENCE: audience,
      DEMO_JWKS_URI: `${base}/.well-known/jwks.json`,
      // Nobody but the API on the feed has a credential: the others are as anonymous as any reader.
      ...(name === 'feed'
        ? { DEMO_TRUST_CLIENT_ID: verifier.clientId, DEMO_TRUST_CLIENT_SECRET: verifier.clientSecret }
        : {}),
    },
  })
}

async function allReady(parts: readonly Part[], interrupted: AbortSignal): Promise<{ url?: string }[]> {
  interrupted.throwIfAborted()
  const settled = new AbortController()
  const interruption = once(interrupted, 'abort', { signal: settled.signal }).then(() => interrupted.throwIfAborted())
  const ready = Promise.all(parts.map((part) => part.ready()))
  // Whichever of the two loses the race below may still fail, and concerns nobody any more.
  for (const loser of [interruption, ready]) loser.catch(() => undefined)
  try {
    await Promise.race([ready, interruption])
    return await ready
  } finally {
    settled.abort()
  }
}

async function stopAll(parts: readonly Part[]): Promise<void> {
  await Promise.all(parts.map((part) => part.stop()))
}

function newCredential(): Credential {
  return { clientId: randomUUID(), clientSecret: `sk_live_${randomBytes(32).toString('hex')}` }
}
