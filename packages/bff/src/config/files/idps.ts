import { z } from 'zod'
import type { ConfigDocument } from './document.ts'
import type { Idp, IntrospectionCheck, LocalCheck } from './idp.ts'
import type { Mistakes } from './mistakes.ts'
import { clientSecretOf, hasSecret, secretFields } from './secret.ts'
import { type Reach, seconds, serviceUrl, text } from './values.ts'

const claimSources = z
  .array(z.strictObject({ source: text, format: z.enum(['space_delimited', 'array']).default('space_delimited') }))
  .default([])

const idpSchema = (reach: Reach) =>
  z.strictObject({
    name: z.string().regex(/^[\w.-]{1,100}$/, 'a name of letters, digits and ._-'),
    provider: text.optional(),
    issuer: text,
    audience: z.union(
      [text.transform((one) => [one]), z.array(text).min(1), z.null()],
      'a text, a list of texts, or null for any',
    ),
    jwks_url: serviceUrl(reach).optional(),
    introspection_url: serviceUrl(reach).optional(),
    token_url: serviceUrl(reach).optional(),
    client_id: text.optional(),
    ...secretFields,
    claims_mapping: z.strictObject({ roles: claimSources, permissions: claimSources }).prefault({}),
    verify: z.enum(['local', 'introspection']).optional(),
    timeout: seconds(100, 60_000).default(5_000),
    leeway: seconds(0, 300_000).default(0),
    cache_seconds: seconds(0, 30_000).default(0),
  })

type Given = z.infer<ReturnType<typeof idpSchema>>

/** What idps.yaml says. Whatever is wrong with it is told. */
export function idpsOf(document: ConfigDocument, reach: Reach, mistakes: Mistakes): Idp[] {
  const given = document.check(z.strictObject({ idps: z.array(idpSchema(reach)) }))
  if (given === undefined) return []
  return given.idps.flatMap((one, i) => {
    const refuse = (field: string, message: string) => mistakes.add(`${document.place(['idps', i, field])}: ${message}`)
    const earlier = given.idps.slice(0, i)
    if (earlier.some(({ name }) => name === one.name)) refuse('name', 'another one has this name')
    if (earlier.some((other) => isSame(other, one))) refuse('issuer', 'another one has this issuer and audience')
    const check = checkOf(one, () => clientSecretOf(document, ['idps', i], one, mistakes), reach, refuse)
    return check ? [idpOf(one, check)] : []
  })
}

/** Which of the two a token is for could not be told. */
function isSame(one: Pick<Given, 'issuer' | 'audience'>, other: Pick<Given, 'issuer' | 'audience'>): boolean {
  if (one.issuer !== other.issuer) return false
  return one.audience === null || other.audience === null || one.audience.some((name) => other.audience?.includes(name))
}

function checkOf(
  given: Given,
  secret: () => IntrospectionCheck['clientSecret'] | undefined,
  reach: Reach,
  refuse: (field: string, message: string) => void,
): LocalCheck | IntrospectionCheck | undefined {
  const { jwks_url: jwksUrl, introspection_url: url, client_id: clientId } = given
  // Who gave a way to ask wants to know of tokens that were taken back: keys alone do not tell.
  const how = given.verify ?? (url === undefined ? 'local' : 'introspection')
  if (how === 'local') {
    if (jwksUrl) return { by: 'keys', jwksUrl, allowPlaintext: reach.allowPlaintext }
    refuse('jwks_url', 'missing; tokens are checked by jwks_url, or by introspection_url')
    return undefined
  }
  const clientSecret = secret()
  if (!url) refuse('introspection_url', 'missing, and verify: introspection needs it')
  if (!clientId) refuse('client_id', 'missing, and introspection_url needs it')
  if (!hasSecret(given)) refuse('client_secret', 'missing, and introspection_url needs it')
  if (!url || !clientId || !clientSecret) return undefined
  const { timeout: timeoutMs, cache_seconds: cacheMs } = given
  return { by: 'introspection', url, clientId, clientSecret, timeoutMs, cacheMs }
}

function idpOf(given: Given, check: Idp['check']): Idp {
  const { name, issuer, audience: audiences, leeway: leewayMs, claims_mapping: claims } = given
  return { name, issuer, audiences, check, leewayMs, claims }
}
