/** A process with many verifiers, each with a feed, a lease and connections of its own, as if it were a service. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createVerifier, nodeGuard, trustFeed, type Verifier, VerifyError } from '@rekey/verifier'
import { sharedClockMs } from './clock.ts'
import type { Order, Report } from './crowd-messages.ts'

// A refusal is an error, and where it was made is of no interest here: a service refuses one at a time, this process hundreds.
Error.stackTraceLimit = 0

const verifiers: Verifier[] = []
const problems: Record<string, number> = {}
let leasesLost = 0
let server: Server | undefined

process.on('message', (order: Order) => void follow(order))
process.on('disconnect', () => process.exit())

async function follow(order: Order): Promise<void> {
  switch (order.do) {
    case 'open':
      await open(order)
      return report({ type: 'opened' })
    case 'serve':
      return report({ type: 'serving', url: await serve() })
    case 'watch':
      return watch(order.token, order.kid)
    case 'await-renewal':
      return report({ type: 'renewed', at: await renewedSince(order.sinceMs) })
    case 'sum-up':
      report({ type: 'summed-up', problems: { ...problems }, leasesLost })
      for (const name of Object.keys(problems)) delete problems[name]
      leasesLost = 0
      return
    case 'close':
      server?.close()
      await Promise.all(verifiers.splice(0).map((verifier) => verifier.close()))
      report({ type: 'closed' })
  }
}

async function open({ url, clientId, clientSecret, count }: Order & { do: 'open' }): Promise<void> {
  for (let i = 0; i < count; i += 1) {
    const verifier = createVerifier({
      issuer: url,
      audience: 'urn:rekey:api',
      algorithms: ['ES256'],
      trust: trustFeed({ issuer: url, clientId, clientSecret, onLeaseLost: 'fail-closed' }),
    })
    verifier.setMaxListeners(0)
    verifier.on('problem', ({ message }) => {
      problems[message] = (problems[message] ?? 0) + 1
    })
    verifier.on('leaseLost', () => {
      leasesLost += 1
    })
    verifiers.push(verifier)
  }
  await Promise.all(verifiers.map((verifier) => verifier.start()))
}

async function serve(): Promise<string> {
  server ??= createServer(nodeGuard(verifiers[0] as Verifier, (_request, response) => response.end('{}')))
  if (!server.listening) await once(server.listen(0, 'localhost'), 'listening')
  return `http://localhost:${(server.address() as AddressInfo).port}`
}

/**
 * Every verifier accepts the token now. From then on each looks at it again when it hears that the key is revoked, and
 * the moment counts at which it has really refused it.
 */
async function watch(token: string, kid: string): Promise<void> {
  for (const verifier of verifiers) verifier.verify(token)
  const refused = Promise.all(verifiers.map((verifier) => refusal(verifier, token, kid)))
  report({ type: 'watching' })
  report({ type: 'refused', at: await refused })
}

function refusal(verifier: Verifier, token: string, kid: string): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const heard = (revoked: string) => {
    if (revoked !== kid) return
    verifier.off('keyRevoked', heard)
    if (refuses(verifier, token)) resolve(sharedClockMs())
    else reject(new Error(`a token was accepted although ${kid} was heard to be revoked`))
  }
  verifier.on('keyRevoked', heard)
  return promise
}

function refuses(verifier: Verifier, token: string): boolean {
  try {
    verifier.verify(token)
    return false
  } catch (error) {
    if (error instanceof VerifyError && error.code === 'key_revoked') return true
    throw error
  }
}

const LOOK_AGAIN_MS = 10

/** Waits until every verifier holds a lease by a renewal sent after that moment. */
async function renewedSince(sinceMs: number): Promise<number> {
  const isRenewed = ({ trust }: Verifier) => trust.held && (trust.ageMs ?? Infinity) < sharedClockMs() - sinceMs
  let waiting = verifiers
  for (;;) {
    waiting = waiting.filter((verifier) => !isRenewed(verifier))
    if (waiting.length === 0) return sharedClockMs()
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS))
  }
}

function report(message: Report): void {
  process.send?.(message)
}
