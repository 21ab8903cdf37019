/** The identity provider's base of any of its spellings: with or without `/api/oidc`, with or without slashes at the end. */
export function baseUrlOf(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !isHttp(url) || url.username || url.password || url.search || url.hash) return undefined
  const path = url.pathname.replace(/\/+$/, '').replace(/\/api\/oidc$/, '')
  return `${url.origin}${path.replace(/\/+$/, '')}`
}

export const isHttp = (url: URL): boolean => url.protocol === 'http:' || url.protocol === 'https:'
