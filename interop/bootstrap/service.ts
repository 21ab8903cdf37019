/** A service that registers itself at its start, as its container has it: an environment and a folder of its own. */
import { createPrivateKey, randomUUID, sign } from 'node:crypto'
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ensureRegistered, optionsFromEnvironment } from '@rekey/registration'

export type Environment = Record<string, string>

export interface Service {
  readonly folder: string
  readonly environment: Environment
  /** What it asked of the identity provider and was answered, as in `POST /api/oidc/register 201`. */
  readonly traffic: string[]
  /** What it logged. */
  readonly lines: string[]
}

const folders: string[] = []

export async function newService(environment: Environment): Promise<Service> {
  const folder = await mkdtemp(join(tmpdir(), 'rekey-interop-'))
  folders.push(folder)
  return serviceIn(folder, environment)
}

/** Another one with a copy of its files. */
export async function copyOf({ folder, environment }: Service): Promise<Service> {
  const copy = await newService(environment)
  await cp(folder, copy.folder, { recursive: true })
  return copy
}

/** The same service as it starts the next time, perhaps with other variables. */
export function again({ folder, environment }: Service, changes: Environment = {}): Service {
  return serviceIn(folder, { ...environment, ...changes })
}

function serviceIn(folder: string, environment: Environment): Service {
  const paths = {
    DCR_SIGNING_KEY: join(folder, 'bff-sig-001.pem'),
    BFF_CLIENT_CRED_PATH: join(folder, 'bff_client.json'),
  }
  // A rotation with RSA keys is the same and takes longer.
  const usual = { BFF_KID: 'bff-sig-001', DCR_KEY_ALG: 'ES256' }
  return { folder, environment: { ...usual, ...environment, ...paths }, traffic: [], lines: [] }
}

export async function removeServices(): Promise<void> {
  await Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true, force: true })))
}

/** Starts it. */
export function start({ environment, traffic, lines }: Service) {
  return ensureRegistered(optionsFromEnvironment(environment), {
    fetch: recording(traffic),
    log: (_level, line) => void lines.push(line),
    sleep: async () => undefined,
  })
}

function recording(traffic: string[]): typeof fetch {
  return async (input, init) => {
    const request = new Request(input, init)
    const { pathname } = new URL(request.url)
    // The identity provider is not there.
    const reply = await fetch(request).catch((error) => {
      traffic.push(`${request.method} ${pathname} failed`)
      throw error
    })
    traffic.push(`${request.method} ${pathname} ${reply.status}`)
    return reply
  }
}

/** The stored client_id and registration access token. */
export async function credentialsOf({ environment }: Service): Promise<Record<string, string>> {
  return JSON.parse(await readFile(String(environment.BFF_CLIENT_CRED_PATH), 'utf8'))
}

export interface Registration {
  readonly [member: string]: unknown
  readonly redirect_uris: string[]
  readonly jwks: { keys: { kid: string }[] }
}

/** How it is registered, read by its own registration access token. */
export async function registrationOf(service: Service, registrationUri?: string): Promise<Registration> {
  const { client_id, registration_access_token } = await credentialsOf(service)
  const url = registrationUri ?? `${service.environment.IDP_BASE_URL}/api/oidc/register/${client_id}`
  const reply = await fetch(url, { headers: { authorization: `Bearer ${registration_access_token}` } })
  if (reply.status !== 200) throw new Error(`its registration cannot be read: ${reply.status} ${await reply.text()}`)
  return (await reply.json()) as Registration
}

/** Asks for a token by the key that is stored. @returns whether that key is believed, though the client may not be for such tokens */
export async function isBelieved(service: Service, issuer: string, tokenEndpoint = `${issuer}/api/oidc/token`) {
  const { client_id: clientId } = await credentialsOf(service)
  const key = createPrivateKey(await readFile(String(service.environment.DCR_SIGNING_KEY), 'utf8'))
  const isRsa = key.asymmetricKeyType === 'rsa'
  const iat = Math.floor(Date.now() / 1_000)
  const claims = { iss: clientId, sub: clientId, aud: issuer, jti: randomUUID(), iat, exp: iat + 60 }
  const input = `${encode({ alg: isRsa ? 'RS256' : 'ES256' })}.${encode(claims)}`
  const signature = sign('sha256', Buffer.from(input), isRsa ? key : { key, dsaEncoding: 'ieee-p1363' })
  const body = new URLSearchParams({
    grant_type: 'client_credentials',
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: `${input}.${signature.toString('base64url')}`,
  })
  const reply = await fetch(tokenEndpoint, { method: 'POST', body })
  const { error } = (await reply.json()) as { error?: string }
  if (error === undefined || error === 'unauthorized_client') return true
  if (error === 'invalid_client') return false
  throw new Error(`neither believed nor refused: ${reply.status} ${error}`)
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
