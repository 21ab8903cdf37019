import type { LookupAddress } from 'node:dns'
import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { isNetwork, type Networks, networksOf, type Turns, turns } from '@rekey/service'
import { IdpError } from '../error.ts'
import { isPublicAddress } from './public-address.ts'

/** Every address that a name has. */
type Resolve = (host: string) => Promise<LookupAddress[]>

/** Whom this server may call where somebody else says so, and how many calls at once. One of an instance. */
export interface OutboundRules {
  /** Is this host, at this port, named by the operator? Then it may be private, and called by plain HTTP. */
  isAllowed(url: URL): boolean
  /** The networks that the operator named: a host in one of them is as if it were named itself. */
  networks: Networks
  /** Where the operator names them, for messages. */
  variable: string
  resolve: Resolve
  /** For calls to one host and port. */
  calls: Turns
}

/** To one host; further calls wait. */
const usualCalls = 4
/** Each has a thread of the four that also hash passwords and read files, for as long as the resolver likes. */
const mostLookups = 2

/** What differs from one sort of calls to another. */
export interface OutboundOptions {
  variable?: string
  /** To one host at once. */
  mostCalls?: number
}

/** @param allowed hosts, with or without a port, and networks, as in `config.oidc.outboundAllowed` */
export function outboundRules(
  allowed: readonly string[],
  resolve: Resolve = resolveBySystem,
  { variable = 'REKEY_OUTBOUND_ALLOW', mostCalls = usualCalls }: OutboundOptions = {},
): OutboundRules {
  const named = new Set(allowed.filter((each) => !isNetwork(each)).map(canonicalHost))
  return {
    isAllowed: (url) => named.has(url.hostname) || named.has(`${url.hostname}:${portOf(url)}`),
    networks: networksOf(allowed.filter(isNetwork)),
    variable,
    resolve,
    calls: turns(mostCalls),
  }
}

const lookups = turns(mostLookups)

function resolveBySystem(host: string): Promise<LookupAddress[]> {
  return lookups('', () => lookup(host, { all: true }))
}

/**
 * Reads where to call. An address that stands in the URL itself is judged here, because it is never looked up; whichever way it is
 * spelt (`0x7f.1`, `2130706433`, `[::ffff:7f00:1]`), the URL Standard makes one spelling of it.
 *
 * @throws IdpError `OUTBOUND_REFUSED`
 */
export function requireCallable(rules: OutboundRules, text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || !['https:', 'http:'].includes(url.protocol)) throw refused('url_invalid', 'it is no URL of https')
  if (url.username !== '' || url.password !== '')
    throw refused('url_has_credentials', 'the URL has a user or a password')
  if (rules.isAllowed(url)) return url
  const address = url.hostname.replace(/^\[|\]$/g, '')
  const isName = isIP(address) === 0
  const mayBePlain = isName ? !rules.networks.isEmpty : rules.networks.has(address)
  if (url.protocol !== 'https:' && !mayBePlain) throw notHttps(rules)
  if (!isName) requireAddresses(rules, url, [{ address }])
  return url
}

/**
 * Judges what a host resolves to, or is.
 *
 * @throws IdpError `OUTBOUND_REFUSED` when one of them may not be called: who gives several answers may mean the private one
 */
export function requireAddresses(
  rules: Pick<OutboundRules, 'networks' | 'variable'>,
  { protocol }: Pick<URL, 'protocol'>,
  addresses: readonly Pick<LookupAddress, 'address'>[],
): void {
  const others = addresses.filter(({ address }) => !rules.networks.has(address))
  if (others.some(({ address }) => !isPublicAddress(address)))
    throw refused('address_private', `the host is at a private address, and not in ${rules.variable}`)
  if (others.length > 0 && protocol !== 'https:') throw notHttps(rules)
}

function notHttps({ variable }: Pick<OutboundRules, 'variable'>): IdpError {
  return refused('not_https', `it is not https, and the host is not in ${variable}`)
}

function refused(why: string, message: string): IdpError {
  return new IdpError('OUTBOUND_REFUSED', `this is not called: ${message}`, { facts: { why } })
}

function portOf({ port, protocol }: URL): string {
  return port === '' ? (protocol === 'https:' ? '443' : '80') : port
}

function canonicalHost(text: string): string {
  const [, host = text, port = ''] = /^(\[[^\]]*\]|[^:]*)(:\d+)?$/.exec(text) ?? []
  return (URL.canParse(`http://${host}`) ? new URL(`http://${host}`).hostname : host) + port
}
