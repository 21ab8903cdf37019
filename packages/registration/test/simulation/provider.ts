import { type Jwk, thumbprintOf } from '../../src/keys/jwk.ts'

interface Client {
  readonly metadata: Record<string, unknown>
  readonly version: number
}

const json = (status: number, body: unknown, headers: Record<string, string> = {}) =>
  new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json', ...headers } })

/** An identity provider as a function: it keeps registrations, by PATCH and ETag, and refuses a kid that meant another key once. */
export function provider(base: string) {
  const clients = new Map<string, Client>()
  const kids = new Map<string, string | undefined>()
  const replies = new Map<string, string>()
  const idp = { isFrozen: false, metadataOf: (id: string) => clients.get(id)?.metadata, remove, change, answer }

  function remove(id: string) {
    clients.delete(id)
  }

  /** @returns false where a kid of it is taken */
  function change(id: string, members: Record<string, unknown>): boolean {
    const { metadata = {}, version = 0 } = clients.get(id) ?? {}
    const kept = Object.entries({ ...metadata, ...members }).filter(([, value]) => value !== null)
    const after = Object.fromEntries(kept)
    for (const key of (after.jwks as { keys: Jwk[] } | undefined)?.keys ?? []) {
      const name = `${id} ${key.kid}`
      if ((kids.get(name) ?? thumbprintOf(key)) !== thumbprintOf(key)) return false
      kids.set(name, thumbprintOf(key))
    }
    clients.set(id, { metadata: after, version: version + 1 })
    return true
  }

  function answer(url: string, { method = 'GET', headers, body }: RequestInit): Response {
    const given = new Headers(headers)
    if (method === 'POST')
      return register(`${given.get('idempotency-key')} ${given.get('authorization')}`, String(body))
    const id = url.slice(`${base}/api/oidc/register/`.length)
    const client = clients.get(id)
    if (!url.startsWith(`${base}/api/oidc/register/`) || client === undefined) return json(404, {})
    if (method === 'GET') return reply(200, id)
    if (idp.isFrozen) return json(423, {})
    if (given.get('if-match') !== `"${client.version}"`) return json(412, {})
    return change(id, JSON.parse(String(body))) ? reply(200, id) : json(400, { error: 'a kid that is taken' })
  }

  function register(key: string, body: string): Response {
    const id = replies.get(key) ?? `client-${replies.size + 1}`
    if (!replies.has(key)) change(id, { ...JSON.parse(body), client_id: id })
    replies.set(key, id)
    return reply(201, id)
  }

  function reply(status: number, id: string): Response {
    const { metadata, version } = clients.get(id) ?? {}
    const registration_client_uri = `${base}/api/oidc/register/${id}`
    const managed = { registration_access_token: `rat-of-${id}`, registration_client_uri }
    return json(status, { ...metadata, ...managed }, { etag: `"${version}"` })
  }

  return idp
}
