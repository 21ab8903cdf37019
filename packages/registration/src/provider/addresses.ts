import type { Send } from './request.ts'

/** Where an identity provider takes registrations. */
export interface Addresses {
  readonly issuer: string | undefined
  readonly registration: string
  readonly token: string | undefined
}

/** By the metadata document (OpenID Connect Discovery 4) where there is one; otherwise where ours are. */
export async function discover(send: Send, idpUrl: string): Promise<Addresses> {
  const { status, body } = await send({ method: 'GET', url: `${idpUrl}/.well-known/openid-configuration` })
  const issuer = status === 200 ? textOf(body.issuer) : undefined
  const inside = (value: unknown) => {
    const url = textOf(value)
    return url !== undefined && status === 200 ? inward(url, issuer, idpUrl) : undefined
  }
  return {
    issuer,
    registration: inside(body.registration_endpoint) ?? `${idpUrl}/api/oidc/register`,
    token: inside(body.token_endpoint),
  }
}

/**
 * The address as it is reached from here: IDP_BASE_URL is often an internal name of a server that knows itself by its public one, which
 * may not be reachable from inside. What lies at the issuer's origin is asked at ours.
 */
export function inward(url: string, issuer: string | undefined, idpUrl: string): string {
  if (!URL.canParse(url) || issuer === undefined || !URL.canParse(issuer)) return url
  const { origin, pathname, search } = new URL(url)
  return origin === new URL(issuer).origin ? `${new URL(idpUrl).origin}${pathname}${search}` : url
}

const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' && URL.canParse(value) ? value : undefined
