import type { Config } from '../config.ts'

/** The origins that this instance itself calls, by what it was given. Services behind it are called by nobody but the proxy. */
export function calledOrigins({ files, provider, proxy }: Config): ReadonlySet<string> {
  const { notice, options } = provider.keys ?? {}
  const urls = [
    provider.baseUrl,
    notice?.url,
    options?.pushgatewayUrl,
    options?.jwksUri,
    ...files.idps.map(({ check }) => (check.by === 'keys' ? check.jwksUrl : check.url)),
    files.pdp?.evaluation,
    files.pdp?.batch,
    files.pdp?.credentials?.tokenUrl,
  ]
  const named = urls.filter((url) => url !== undefined).map((url) => new URL(url).origin)
  return new Set([...named, ...proxy.outboundAllow])
}
