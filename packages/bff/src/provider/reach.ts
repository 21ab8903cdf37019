/** How requests get to the identity provider: where from here it is, by what connection, and how it went. */
import { isExposed } from '@rekey/service'
import type { CustomFetch, ServerMetadata } from 'openid-client'
import type { Metrics } from '../operations/metrics.ts'

export interface Reach {
  /** Where it is from here, without a slash at the end. It may call itself by another name, which only browsers can use. */
  readonly baseUrl: string
  readonly allowPlaintext: boolean
  readonly fetch: typeof globalThis.fetch
  readonly metrics: Pick<Metrics, 'idpReachable' | 'idpRequests'>
}

type Fetch = (url: string, init?: RequestInit) => Promise<Response>

/** `fetch` towards the provider: what lies at the origin of its public name is asked where it can be reached. */
export function reaching(reach: Reach, metadata: () => ServerMetadata | undefined): Fetch & CustomFetch {
  return async (address: string, init?: object) => {
    const url = inward(new URL(address), metadata()?.issuer, reach.baseUrl)
    if (!reach.allowPlaintext && isExposed(url)) throw new Error(`${url.origin} is not asked in plaintext`)
    const endpoint = endpointOf(address, metadata())
    try {
      const response = await reach.fetch(url, { ...init, redirect: 'manual' } as RequestInit)
      reach.metrics.idpRequests.inc({ endpoint, status: String(response.status) })
      reach.metrics.idpReachable.set(response.status < 500 ? 1 : 0)
      return response
    } catch (error) {
      reach.metrics.idpRequests.inc({ endpoint, status: 'unanswered' })
      reach.metrics.idpReachable.set(0)
      throw error
    }
  }
}

function inward(url: URL, issuer: string | undefined, baseUrl: string): URL {
  if (issuer === undefined || url.origin !== new URL(issuer).origin) return url
  return new URL(url.pathname + url.search, new URL(baseUrl).origin)
}

const endpoints = {
  token_endpoint: 'token',
  pushed_authorization_request_endpoint: 'par',
  introspection_endpoint: 'introspection',
  revocation_endpoint: 'revocation',
  jwks_uri: 'jwks',
} as const

/** By the names of the metadata, so that no address becomes a label. */
function endpointOf(address: string, metadata: ServerMetadata | undefined): string {
  const named = Object.entries(endpoints).find(([name]) => metadata?.[name] === address)
  return named?.[1] ?? (address.includes('/.well-known/') ? 'metadata' : 'other')
}
