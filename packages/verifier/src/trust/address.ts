/** RFC 6761 §6.3 and the loopback blocks: what is sent there never leaves the machine. */
function isLoopback(hostname: string): boolean {
  return (
    hostname === 'localhost' ||
    hostname.endsWith('.localhost') ||
    hostname === '[::1]' ||
    /^127(\.\d{1,3}){3}$/.test(hostname)
  )
}

/**
 * An address that trust may come from: https, or loopback, or whatever the operator explicitly takes the risk for.
 * Whoever can alter the answer there decides which keys are trusted.
 */
export function trustworthyUrl(name: string, address: unknown, dangerouslyAllowPlaintext: boolean): URL {
  const url = typeof address === 'string' && URL.canParse(address) ? new URL(address) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol)) throw new TypeError(`${name} must be an http(s) URL`)
  if (url.username !== '' || url.password !== '') throw new TypeError(`${name} must not contain credentials`)
  if (url.protocol === 'https:' || isLoopback(url.hostname) || dangerouslyAllowPlaintext) return url
  throw new TypeError(`${name} must be https beyond loopback, or dangerouslyAllowPlaintext must be true`)
}
