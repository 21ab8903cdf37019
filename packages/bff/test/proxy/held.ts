import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { TestContext } from 'node:test'
import type { Route } from '../../src/config/files/route.ts'
import { routeTo, type Settings, startProxy, startUpstream } from './estate.ts'

/** A service that leaves its replies to the test. */
export async function startHeld(
  t: TestContext,
  settings: Partial<Settings> = {},
  streaming = true,
  auth: Route['auth'] = 'none',
) {
  const calls: [IncomingMessage, ServerResponse][] = []
  const waiting: (() => void)[] = []
  const upstream = await startUpstream(t, (...call) => {
    calls.push(call)
    waiting.shift()?.()
  })
  const routes = [routeTo(upstream.url, { path: '/api/*', streaming, auth })]
  const proxy = await startProxy(t, { routes, ...settings })
  const called = async () => {
    if (calls.length === 0) await new Promise<void>((resolve) => waiting.push(resolve))
    return calls.shift() ?? assert.fail()
  }
  return { upstream, called, ...proxy }
}

export const begin = (url: string, options: { method?: string; headers?: Record<string, string> } = {}) =>
  request(`${url}/api/x`, { agent: false, ...options })

export async function responseTo(outgoing: ReturnType<typeof request>): Promise<IncomingMessage> {
  const [incoming] = await once(outgoing, 'response')
  return incoming
}
