import type { IncomingHttpHeaders } from 'node:http'

/** RFC 9110 §7.6.1, and what belongs to one connection in the practice before it. */
const ofOneConnection: ReadonlySet<string> = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** Names of the headers that end here, whatever they say. */
export function hopByHop({
  connection,
}: Readonly<Record<string, unknown>> | IncomingHttpHeaders): (name: string) => boolean {
  const named = new Set(
    String(connection ?? '')
      .toLowerCase()
      .split(',')
      .map((name) => name.trim()),
  )
  return (name) => ofOneConnection.has(name) || named.has(name)
}
