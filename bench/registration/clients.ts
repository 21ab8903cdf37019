import type { JsonWebKey } from 'node:crypto'
import { newKey } from '../assertions/client.ts'
import type { Request } from '../token/load.ts'

/** Where clients register, and by what. */
export interface Registrar {
  readonly name: string
  readonly url: string
  /** Of the server's process. */
  readonly pid: number
  readonly initialAccessToken: string
  /** What changes the keys of a client: PATCH, or where there is none PUT. */
  readonly changes: 'PATCH' | 'PUT'
}

/** A client that registered. */
export interface Registered {
  readonly clientId: string
  readonly url: string
  readonly registrationAccessToken: string
  /** Newest last: public and private halves. */
  readonly keys: { publicJwk: JsonWebKey; privateJwk: JsonWebKey }[]
}

const json = 'application/json'
const settings = {
  token_endpoint_auth_method: 'private_key_jwt',
  token_endpoint_auth_signing_alg: 'ES256',
  grant_types: ['client_credentials'],
  response_types: [],
  redirect_uris: [],
}
let made = 0

/** Each registration is of another client with another key. */
export function registrationRequest({ initialAccessToken }: Registrar, count: number): Request {
  const bodies = Array.from({ length: count }, () => JSON.stringify(newClient().metadata))
  return {
    method: 'POST',
    headers: { authorization: `Bearer ${initialAccessToken}`, 'content-type': json },
    body: '',
    requests: [{ setupRequest: (request) => ({ ...request, body: next(bodies) }) }],
  }
}

/** Each change takes a key away from a client and gives it another one beside the one that it keeps. */
export function changeRequest({ changes }: Registrar, clients: readonly Registered[], count: number): Request {
  const requests = Array.from({ length: count }, (_, i) => {
    const { clientId, url, registrationAccessToken, keys } = clients[i % clients.length] as Registered
    keys.push(newKeyNamed())
    const jwks = { keys: keys.slice(-2).map(({ publicJwk }) => publicJwk) }
    const whole = { ...settings, client_id: clientId, client_name: clientId }
    const body = JSON.stringify(changes === 'PATCH' ? { jwks } : { ...whole, jwks })
    const headers = { authorization: `Bearer ${registrationAccessToken}`, 'content-type': json }
    return { path: new URL(url).pathname, headers, body }
  }).reverse()
  return {
    method: changes,
    headers: {},
    body: '',
    requests: [{ setupRequest: (request) => ({ ...request, ...next(requests) }) }],
  }
}

/** @throws Error for anything but 201 */
export async function register({ url, initialAccessToken }: Registrar): Promise<Registered> {
  const { metadata, key } = newClient()
  const reply = await fetch(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${initialAccessToken}`, 'content-type': json },
    body: JSON.stringify(metadata),
  })
  const text = await reply.text()
  if (reply.status !== 201) throw new Error(`not registered: ${reply.status} ${text}`)
  const { client_id, registration_client_uri, registration_access_token } = JSON.parse(text) as Record<string, string>
  return {
    clientId: String(client_id),
    url: String(registration_client_uri),
    registrationAccessToken: String(registration_access_token),
    keys: [key],
  }
}

export function newKeyNamed() {
  made += 1
  return newKey(`bench-key-${made}`)
}

function newClient() {
  const key = newKeyNamed()
  const jwks = { keys: [key.publicJwk] }
  return { key, metadata: { ...settings, client_name: `bench client ${made}`, jwks } }
}

function next<T>(items: T[]): T {
  const item = items.pop()
  if (item === undefined) throw new Error('more was asked than was prepared')
  return item
}
