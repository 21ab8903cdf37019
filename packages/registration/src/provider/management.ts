import type { Credentials } from '../files/credentials.ts'
import type { Folder } from '../files/folder.ts'
import { type Jwk, keysOf } from '../keys/jwk.ts'
import type { ClientOptions } from '../options/client-options.ts'
import type { Ports } from '../ports.ts'
import { inward } from './addresses.ts'
import { adminRefused, clientGone, isSuspended, ratInvalid, refusal, suspended, type Whose } from './refusal.ts'
import type { Reply, Request, Send } from './request.ts'

/** A registration as the identity provider has it. */
export interface Seen {
  readonly metadata: Readonly<Record<string, unknown>>
  readonly etag: string | undefined
}

/** Members to set; null removes one. */
export type Change = Readonly<Record<string, unknown>>

/** The client configuration endpoint (RFC 7592) of one client. */
export interface Management {
  credentials(): Credentials
  /** Changes members of what is stored. */
  store(members: Partial<Credentials>): Promise<void>
  /** A change of this start was accepted: the identity provider had occasion to renew the token. */
  hasChanged(): boolean
  /** @throws RegistrationError CLIENT_GONE | RAT_INVALID | … */
  read(): Promise<Seen>
  /** What the registration is afterwards; undefined when somebody else changed it since it was seen. */
  change(seen: Seen, change: Change): Promise<Seen | undefined>
}

/** What the management of a registration needs of a start. */
interface Context {
  readonly options: Pick<ClientOptions, 'idpUrl' | 'adminToken' | 'credentials'>
  readonly ports: Pick<Ports, 'log' | 'now'>
  readonly folder: Pick<Folder, 'saveCredentials'>
  readonly send: Send
  readonly assertHeld: () => Promise<void>
}

type Call = Omit<Request, 'url' | 'token'>

export function managementOf(context: Context, stored: Credentials): Management {
  let credentials = stored
  let renewed = false
  let changed = false
  const whose = { clientId: stored.client_id, file: context.options.credentials }

  async function store(members: Partial<Credentials>): Promise<void> {
    credentials = { ...credentials, ...members }
    await context.folder.saveCredentials(credentials)
  }

  async function keep(token: unknown): Promise<void> {
    if (typeof token !== 'string' || token === credentials.registration_access_token) return
    const at = Math.floor(context.ports.now() / 1000)
    await store({ registration_access_token: token, registration_access_token_at: at })
  }

  async function call(request: Call): Promise<Reply> {
    const reply = await authorized(request)
    // Before anything else is done with a reply: an identity provider may have forgotten the old token already.
    if (reply.status < 300) await keep(reply.body.registration_access_token)
    return reply
  }

  async function authorized(request: Call): Promise<Reply> {
    const url = addressOf(context, credentials)
    const token = credentials.registration_access_token
    const reply = token === undefined ? undefined : await context.send({ ...request, url, token })
    if (reply !== undefined && reply.status !== 401 && reply.status !== 403) return reply
    if (reply !== undefined && isSuspended(reply)) throw suspended(reply, whose.clientId)
    const why = reply === undefined ? 'none is stored' : `${reply.status}, ${reply.excerpt}`
    if (context.options.adminToken === undefined || renewed) throw ratInvalid(why, whose)
    renewed = true
    // The new token ends every other one: who could not store it must not ask for it.
    await context.assertHeld()
    await keep(await newToken(context, whose))
    return authorized(request)
  }

  return {
    credentials: () => credentials,
    store,
    hasChanged: () => changed,
    async read() {
      const reply = await call({ method: 'GET' })
      if (reply.status === 404 || reply.status === 410) throw clientGone(whose)
      // Another page in its place must not become the whole metadata of a PUT.
      const isClient = reply.body.client_id === credentials.client_id
      if (reply.status !== 200 || !isClient) throw refusal(reply, 'the reading of the registration')
      return seenIn(reply)
    },
    async change(seen, change) {
      const reply = await send(seen, change, call)
      if (reply.status === 412) return undefined
      if (reply.status !== 200 && reply.status !== 204) throw refusal(reply, 'the change of the registration')
      changed = true
      return seenIn(reply)
    },
  }
}

const seenIn = ({ body, etag }: Reply): Seen => ({ metadata: body, etag })

function addressOf(
  { options: { idpUrl } }: Context,
  { registration_client_uri: uri, client_id, issuer }: Credentials,
): string {
  if (uri === undefined) return `${idpUrl}/api/oidc/register/${encodeURIComponent(client_id)}`
  return inward(uri, issuer, idpUrl)
}

async function newToken({ options, send, ports }: Context, whose: Whose): Promise<unknown> {
  const { clientId } = whose
  const url = `${options.idpUrl}/api/admin/dcr/clients/${encodeURIComponent(clientId)}/tokens`
  const reply = await send({ method: 'POST', url, token: options.adminToken, ...json({}) })
  if (reply.status === 404) throw clientGone(whose)
  const token = reply.body.registration_access_token
  if (reply.status >= 300 || typeof token !== 'string')
    throw reply.status === 423 ? refusal(reply, 'a new registration access token') : adminRefused(reply, whose)
  ports.log('info', `The registration access token of ${clientId} was refused; BOOTSTRAP_ADMIN_TOKEN issued a new one.`)
  return token
}

const NO_PATCH = [404, 405, 501]

async function send(seen: Seen, change: Change, call: (request: Call) => Promise<Reply>): Promise<Reply> {
  const match: Record<string, string> = seen.etag === undefined ? {} : { 'if-match': seen.etag }
  const patch = json(change, 'application/merge-patch+json', match)
  const reply = await call({ method: 'PATCH', ...patch })
  // RFC 7592 knows no PATCH. The client was there a moment ago, so a 404 is the method's.
  if (!NO_PATCH.includes(reply.status)) return reply
  return call({ method: 'PUT', ...json(replacement(seen.metadata, change), 'application/json', match) })
}

// RFC 7592 section 2.2: everything that is to stay must be sent, and none of these may be.
const ISSUED = [
  'registration_access_token',
  'registration_client_uri',
  'client_secret_expires_at',
  'client_id_issued_at',
]

/** The whole metadata as a PUT sends them: what was read, with the change, without what only the server may set. */
function replacement(metadata: Readonly<Record<string, unknown>>, change: Change): Record<string, unknown> {
  const all = Object.entries({ ...metadata, ...change })
  return Object.fromEntries(all.filter(([name, value]) => value !== null && !ISSUED.includes(name)))
}

function json(value: unknown, type = 'application/json', headers: Record<string, string> = {}) {
  return { body: JSON.stringify(value), headers: { 'content-type': type, ...headers } }
}

/** The inline keys of a registration. */
export function keysIn({ metadata }: Seen): readonly Jwk[] {
  return keysOf(metadata.jwks) ?? []
}

/** The redirect URIs of a registration. */
export function redirectUrisIn({ metadata }: Seen): readonly string[] {
  const uris = metadata.redirect_uris
  return Array.isArray(uris) ? uris.filter((uri) => typeof uri === 'string') : []
}
