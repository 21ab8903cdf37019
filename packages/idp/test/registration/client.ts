/** Clients that register at a real identity provider, and authenticate by what they registered. */
import assert from 'node:assert/strict'
import { type JsonWebKey, randomUUID } from 'node:crypto'
import { assertionType } from '../../src/tokens/form.ts'
import type { Reply, TestInstance } from '../estate.ts'
import { type ClientPair, goodClaims, jwkOf, newPair, signed } from '../tokens/authentication/signer.ts'

export interface TestKey extends ClientPair {
  /** Public. */
  jwk: JsonWebKey & { kid: string; alg: string; use: string }
}

export function newKey(kid: string = randomUUID()): TestKey {
  const pair = newPair(kid)
  return { ...pair, jwk: { ...jwkOf(pair), use: 'sig' } }
}

/** Asks for an initial access token; of a hundred uses where nothing else is said. */
export async function initialToken(idp: TestInstance, asked: object = {}): Promise<{ id: string; token: string }> {
  const body = { label: 'test', max_usages: 100, ...asked }
  const made = await idp.manage('POST', '/api/admin/dcr/initial-access-tokens', body)
  assert.equal(made.status, 201, JSON.stringify(made.body))
  return made.body
}

/** Sends JSON by a bearer token. */
export function sendAs(
  idp: Pick<TestInstance, 'call'>,
  token: string,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Reply> {
  const json: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' }
  return idp.call(path, {
    method,
    headers: { authorization: `Bearer ${token}`, ...json, ...headers },
    body: body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body),
  })
}

export interface RegistrationWish {
  /** By default one of `initialToken`, made for this registration. */
  iat?: string
  profile?: string
  /** Of the client, where it signs assertions; by default a new one. */
  key?: TestKey
  [member: string]: unknown
}

/** Sends a registration as it is. */
export async function askRegistration(
  idp: TestInstance,
  { iat, profile, key, ...metadata }: RegistrationWish = {},
): Promise<Reply> {
  const token = iat ?? (await initialToken(idp)).token
  const jwks = key ? { jwks: { keys: [key.jwk] } } : {}
  return sendAs(idp, token, 'POST', '/api/oidc/register', { client_profile: profile, ...jwks, ...metadata })
}

/**
 * Registers a client; without a profile one of client_credentials and private_key_jwt, with a key of its own unless another set
 * is given.
 */
export async function registerClient(idp: TestInstance, wish: RegistrationWish = {}) {
  const byKey = !/secret|spa/.test(wish.profile ?? '')
  const key = wish.key ?? newKey()
  const needsKey = byKey && wish.jwks === undefined && wish.jwks_uri === undefined
  const { status, headers, body } = await askRegistration(idp, { ...wish, ...(needsKey ? { key } : {}) })
  assert.equal(status, 201, JSON.stringify(body))
  return {
    clientId: body.client_id as string,
    rat: body.registration_access_token as string,
    uri: body.registration_client_uri as string,
    path: new URL(body.registration_client_uri).pathname,
    etag: headers.get('etag') ?? '',
    secret: body.client_secret as string,
    metadata: body,
    key,
    privateKey: key.privateKey,
    kid: key.kid,
  }
}

export type TestClient = Awaited<ReturnType<typeof registerClient>>

/** A JWT by which a client authenticates (RFC 7523). */
export function assertionOf(
  idp: Pick<TestInstance, 'url'>,
  clientId: string,
  key: ClientPair,
  claims: object = {},
): string {
  return signed(key, { ...goodClaims(clientId, idp.url, Date.now()), ...claims })
}

/** Asks for an access token by private_key_jwt. */
export function tokenByKey(
  idp: Pick<TestInstance, 'url' | 'call'>,
  clientId: string,
  key: ClientPair,
  form: Record<string, string> = {},
): Promise<Reply> {
  const body = new URLSearchParams({
    grant_type: 'client_credentials',
    client_assertion_type: assertionType,
    client_assertion: assertionOf(idp, clientId, key),
    ...form,
  })
  return idp.call('/api/v1/token', { method: 'POST', body })
}
