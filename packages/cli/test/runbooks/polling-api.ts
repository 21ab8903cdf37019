/** An API of ours that is on no feed: it polls the JWKS, like one in another company would. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import {
  createVerifier,
  denyList,
  jwksPolling,
  logTrust,
  nodeGuard,
  nodeInternal,
  type Verifier,
} from '@rekey/verifier'

/** What a process logged: the text of a line, and its facts. */
export type Line = { text: string; [fact: string]: unknown }

/**
 * @param issuer whose tokens it takes
 * @param env of its process: the internal endpoints are there when it has their secret
 */
export async function pollingApi(issuer: string, env: Record<string, string>) {
  const lines: Line[] = []
  let process = await started(issuer, env, lines)
  const server = createServer((request, response) => process.serve(request, response)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as { port: number }).port}`,
    lines,
    /** What a rolling restart does to it: the new one is asked as soon as it holds trust, and then the old one ends. */
    async restart() {
      const before = process
      process = await started(issuer, env, lines)
      await before.verifier.close()
    },
    async close() {
      server.close().closeAllConnections()
      await process.verifier.close()
    },
  }
}

async function started(issuer: string, env: Record<string, string>, lines: Line[]) {
  const trust = jwksPolling({ jwksUri: `${issuer}/.well-known/jwks.json` })
  const audience = 'urn:rekey:api'
  const algorithms = ['ES256', 'RS256']
  const verifier: Verifier = createVerifier({ issuer, audience, algorithms, trust, denyList: denyList() })
  const log = (facts: object, text?: string) => lines.push({ ...facts, text: text ?? '' })
  logTrust(verifier, { info: log, warn: log, error: log })
  await verifier.start()
  const internal = nodeInternal(verifier, { env })
  const hello = nodeGuard(verifier, (_request, response) => response.end('{"hello":true}'))
  return {
    verifier,
    async serve(...exchange: Parameters<typeof hello>) {
      if (await internal(...exchange)) return
      if (exchange[0].url === '/hello') return hello(...exchange)
      exchange[1].writeHead(404).end()
    },
  }
}
