/** What a service gets to see of the headers of a request. */
import { addressOf } from '@rekey/service'
import type { FastifyRequest } from 'fastify'
import { headerValue } from '../../http/header-value.ts'
import { hopByHop } from './hop-by-hop.ts'

/** Who calls, as the service is told. */
export interface Caller {
  /** The `Authorization` that the service gets: nothing where there is none for it. */
  readonly authorization: string | undefined
  readonly subject: string | undefined
  /** What a link says of him besides. */
  readonly claims?: Readonly<Record<string, unknown>>
}

/** What services take another path, method, address, host or user from, and what is between the browser and this BFF. */
const neverPassed: ReadonlySet<string> = new Set([
  'authorization',
  'cf-connecting-ip',
  'client-ip',
  'cookie',
  'expect',
  'forwarded',
  'host',
  'proxy',
  'true-client-ip',
  'via',
  'x-client-ip',
  'x-cluster-client-ip',
  'x-csrf-token',
  'x-http-method',
  'x-http-method-override',
  'x-method-override',
  'x-original-host',
  'x-original-method',
  'x-original-uri',
  'x-original-url',
  'x-real-ip',
  'x-rewrite-url',
  'x-webauth-user',
])

/** What other proxies tell services of who calls: certificates (RFC 9440 among them) and users. */
const ofOtherProxies =
  /^((x-)?(remote|client-cert|ssl)|x-(amzn-oidc|envoy|goog-authenticated-user|goog-iap|ms-client-principal))(-|$)/

/** Set here, or by nobody. */
const ours = /^x-(auth|forwarded)(-|$)/

/** @param publicHost where browsers reach this BFF; what they send as `Host` is theirs to choose */
export function requestHeaders(request: FastifyRequest, publicHost: string, caller: Caller): Record<string, string> {
  const isHopByHop = hopByHop(request.headers)
  const passed = Object.entries(request.headers).filter(
    ([name, value]) => value !== undefined && !isHopByHop(name) && !isNeverPassed(name),
  )
  return {
    ...Object.fromEntries(passed.map(([name, value]) => [name, String(value)])),
    ...forwarded(request, publicHost),
    ...callerHeaders(caller),
  }
}

const isNeverPassed = (name: string) => neverPassed.has(name) || ours.test(name) || ofOtherProxies.test(name)

/** `request.ips` ends with the first address that nobody trusted vouches for: what it said itself is not in there. */
function forwarded(request: FastifyRequest, publicHost: string): Record<string, string> {
  const addresses = (request.ips ?? [request.ip]).map(addressOf)
  return {
    via: [request.headers.via, '1.1 rekey-bff'].filter((part) => part !== undefined).join(', '),
    'x-forwarded-for': addresses.toReversed().join(', '),
    'x-forwarded-proto': request.protocol === 'https' ? 'https' : 'http',
    'x-forwarded-host': publicHost,
  }
}

/** Claims are JSON, which a header takes only in another form. */
function callerHeaders({ authorization, subject, claims = {} }: Caller): Record<string, string> {
  const headers: Record<string, string> = {}
  if (authorization !== undefined) headers.authorization = authorization
  if (subject !== undefined) headers['x-auth-subject'] = headerValue(subject)
  if (Object.keys(claims).length > 0) {
    headers['x-auth-claims'] = Buffer.from(JSON.stringify(claims)).toString('base64url')
  }
  return headers
}
